//! Repairs of what is damaged (reliability spec, part 4): each a script that looks for the damage again
//! before it writes, and answers [`Code::Sound`] where it is gone.
//!
//! Which repair a damage wants, and whether any is safe, is decided by whoever looked
//! ([`crate::insight::doctor`]); here it is only done. What a repair takes away or replaces is read
//! before by [`crate::engine::saved::save_mend`].

use super::super::script::{era_argument, queue_keys, script};
use super::job::{job_args, job_keys, refused_id};
use super::queue::run_queue;
use super::{Capability, Code, Exit, JobOp, OpError, QueueOp, Target, run_jobs};
use crate::conn::{Conn, Script, Value, bytes, integer, items};
use crate::engine::Queue;
use crate::engine::schedule::ScheduleError;
use crate::wire::{JobId, QueueId, Raw, State, WriteEra};

/// What a job says that [`Repair::SetAside`] took out of the line.
pub const UNREADABLE: &str = "set aside by toril: no worker can read it, because this is no JSON: ";
/// The most event entries that one repair takes away: the rest is for the next.
const TRIMS: u64 = 100;

/// A key that the libraries always give a time to live.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Endless {
    /// `stalled-check`.
    StalledCheck,
    /// `limiter`.
    Limiter,
}

impl Endless {
    /// Its suffix.
    pub const fn suffix(self) -> &'static str {
        match self {
            Self::StalledCheck => "stalled-check",
            Self::Limiter => "limiter",
        }
    }
}

/// What says which of two places of a job is the wrong one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Because {
    /// It stands there more than once.
    Again,
    /// Its hash says that it has finished.
    Finished,
    /// Its hash says that it has not.
    Unfinished,
    /// A worker holds its lock.
    Locked,
    /// No worker holds its lock.
    Unlocked,
}

impl Because {
    const fn word(self) -> &'static str {
        match self {
            Self::Again => "again",
            Self::Finished => "finished",
            Self::Unfinished => "unfinished",
            Self::Locked => "locked",
            Self::Unlocked => "unlocked",
        }
    }
}

/// Where a job in no state belongs.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Home {
    /// In line, by its priority.
    Line,
    /// In a sorted set with this score: delayed, waiting-children, completed or failed.
    Set(State, f64),
}

/// A repair. It holds what was seen: a script that sees something else does nothing.
#[derive(Clone, PartialEq, Debug)]
pub enum Repair {
    /// Removes a key that has no time to live and no business to stay.
    DropEndless {
        /// Which.
        key: Endless,
        /// What it held.
        held: Raw,
    },
    /// Gives a lock without an end 30 s: a worker that lives renews it, of a dead one it runs out.
    ExpireLock {
        /// The job.
        id: JobId,
        /// The token in the lock.
        token: Raw,
    },
    /// Frees a deduplication id whose owner is gone.
    FreeDedup {
        /// The id.
        id: Raw,
        /// Whom it names.
        owner: JobId,
    },
    /// Lets the counter behind priorities begin anew.
    ResetCounter {
        /// What it held.
        held: Raw,
    },
    /// Sets the counter of ids to the highest one that it has given out.
    RaiseId {
        /// What it held.
        held: Raw,
        /// The highest id.
        to: JobId,
    },
    /// Removes the index of priorities that nobody reads from BullMQ 4 on.
    DropIndex {
        /// Its members.
        members: u64,
    },
    /// Takes an id without a job out of a state.
    DropGhost {
        /// The id.
        id: JobId,
        /// The state.
        from: State,
    },
    /// Takes a wake-up marker out of a list where nobody reads it as one.
    DropMarker {
        /// The marker.
        id: JobId,
        /// The list.
        from: State,
    },
    /// Takes a job out of the one of two places that is wrong.
    DropDouble {
        /// The job.
        id: JobId,
        /// Where it goes.
        from: State,
        /// Where it stays.
        home: State,
        /// What says so.
        because: Because,
    },
    /// Puts a job that is in no state where it belongs.
    Enlist {
        /// The job.
        id: JobId,
        /// Where to.
        to: Home,
    },
    /// Lets an overdue delayed job run.
    RunDue {
        /// The job.
        id: JobId,
        /// Its score.
        score: f64,
        /// So late it must be, ms.
        late_ms: u64,
    },
    /// Puts active jobs that nobody runs back in line.
    MoveOut {
        /// The jobs.
        ids: Vec<JobId>,
    },
    /// Lets a parent go on that waits for no child.
    ReleaseParent {
        /// The parent.
        id: JobId,
    },
    /// Lets a parent stop waiting for a child that is gone.
    ForgetChild {
        /// The parent.
        id: JobId,
        /// The child's key.
        child: Raw,
    },
    /// Tells a parent of a child that has completed.
    SettleChild {
        /// The parent.
        id: JobId,
        /// The child's queue.
        queue: QueueId,
        /// The child.
        child: JobId,
    },
    /// Tells idle workers that jobs wait.
    Wake,
    /// Gives a prioritized job the nearest priority that is in range.
    ClampPriority {
        /// The job.
        id: JobId,
        /// Its score.
        score: f64,
    },
    /// Brings both lists together.
    Merge,
    /// Cuts the event stream.
    TrimEvents {
        /// Entries that stay.
        keep: u64,
        /// From this length on it is too long.
        most: u64,
    },
    /// Makes a job that no worker can read a failed one.
    SetAside {
        /// The job.
        id: JobId,
        /// Where it is.
        from: State,
        /// The field that is no JSON.
        field: &'static str,
        /// What that holds.
        held: Raw,
    },
    /// Adds the run of a scheduler that has none.
    Revive {
        /// The scheduler.
        key: Raw,
        /// The time of the run that is missing, ms since the epoch.
        at: i64,
    },
    /// Gives a job, whose id names a structure of the queue, another one.
    GiveId {
        /// The id.
        id: JobId,
    },
}

/// What a repair did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Repaired {
    /// How it ended; [`Code::Sound`]: there was nothing to repair any more.
    pub code: Code,
    /// Jobs, ids or entries that it moved or took away, where it can be several.
    pub moved: u64,
    /// A job that it made, or the new id of the one that it had.
    pub job: Option<JobId>,
}

impl From<Code> for Repaired {
    fn from(code: Code) -> Self {
        Self { code, moved: 0, job: None }
    }
}

impl Repair {
    /// The job that it is about.
    pub fn job(&self) -> Option<&JobId> {
        match self {
            Self::ExpireLock { id, .. }
            | Self::DropGhost { id, .. }
            | Self::DropMarker { id, .. }
            | Self::DropDouble { id, .. }
            | Self::Enlist { id, .. }
            | Self::RunDue { id, .. }
            | Self::ReleaseParent { id }
            | Self::ForgetChild { id, .. }
            | Self::SettleChild { id, .. }
            | Self::ClampPriority { id, .. }
            | Self::SetAside { id, .. }
            | Self::GiveId { id } => Some(id),
            Self::MoveOut { ids } => ids.first(),
            Self::FreeDedup { owner, .. } => Some(owner),
            Self::DropEndless { .. }
            | Self::ResetCounter { .. }
            | Self::RaiseId { .. }
            | Self::DropIndex { .. }
            | Self::Wake
            | Self::Merge
            | Self::TrimEvents { .. }
            | Self::Revive { .. } => None,
        }
    }

    /// Whether the era has it; otherwise the reason, as a sentence for people.
    pub fn supports(&self, era: WriteEra) -> Result<(), &'static str> {
        let is_old = matches!(era, WriteEra::Bull4 | WriteEra::V4);
        match self {
            Self::MoveOut { .. } => Capability::MoveOut.supports(era),
            Self::Revive { .. } if is_old => {
                Err("What its jobs are stood in the job that is gone: add it again.")
            }
            Self::Wake | Self::ReleaseParent { .. } | Self::TrimEvents { .. } if era == WriteEra::Bull4 => {
                Err("Bull has nothing of the kind.")
            }
            _ => Ok(()),
        }
    }

    /// What it does, for a question and for the report of a finding.
    pub fn sentence(&self) -> String {
        let of = |id: &JobId| id.lossless().into_owned();
        match self {
            Self::DropEndless { key, .. } => {
                format!("remove {}: the next worker makes it anew", key.suffix())
            }
            Self::ExpireLock { id, .. } => {
                format!(
                    "give the lock of job {} 30 s: a worker that lives renews it, of a dead one it runs out",
                    of(id)
                )
            }
            Self::FreeDedup { id, .. } => format!("free the deduplication id {}", id.lossless()),
            Self::ResetCounter { .. } => "let the counter behind priorities begin anew at 0".to_owned(),
            Self::RaiseId { to, .. } => format!("set the counter of ids to {}", of(to)),
            Self::DropIndex { members } => {
                format!("remove the old index `priority` ({members} members), which no client of today reads")
            }
            Self::DropGhost { id, from } => format!("take the id {} out of {}", of(id), from.name()),
            Self::DropMarker { id, from } => format!("take the marker {} out of {}", of(id), from.name()),
            Self::DropDouble { id, from, because: Because::Again, .. } => {
                format!("leave job {} in {} once, where it runs first", of(id), from.name())
            }
            Self::DropDouble { id, from, home, .. } => {
                format!("take job {} out of {}; it stays in {}", of(id), from.name(), home.name())
            }
            Self::Enlist { id, to: Home::Line } => format!("put job {} in line", of(id)),
            Self::Enlist { id, to: Home::Set(state, _) } => {
                format!("put job {} back into {}", of(id), state.name())
            }
            Self::RunDue { id, .. } => format!("promote job {}: it was due by Redis's clock", of(id)),
            Self::MoveOut { ids } => match ids.as_slice() {
                [one] => format!("put the abandoned job {} back in line", of(one)),
                many => format!("put {} abandoned jobs back in line", many.len()),
            },
            Self::ReleaseParent { id } => format!("let the parent {} go on", of(id)),
            Self::ForgetChild { id, child } => {
                format!("let the parent {} wait no more for {}, which is gone", of(id), child.lossless())
            }
            Self::SettleChild { id, child, .. } => {
                format!("tell the parent {} that its child {} has completed", of(id), of(child))
            }
            Self::Wake => "wake an idle worker".to_owned(),
            Self::ClampPriority { id, .. } => {
                format!("give job {} the nearest priority that is in range", of(id))
            }
            Self::Merge => "bring both lists together".to_owned(),
            Self::TrimEvents { keep, .. } => format!("cut the event stream to about {keep} entries"),
            Self::SetAside { id, field, .. } => {
                format!(
                    "make job {} a failed one, its {field} kept byte for byte: edit it, then retry",
                    of(id)
                )
            }
            Self::Revive { key, .. } => format!("add the next run of the scheduler {}", key.lossless()),
            Self::GiveId { id } => format!("give the job {} an id of the counter", of(id)),
        }
    }
}

/// Repairs. An error means that nothing was done, unless the outcome is unknown.
pub async fn run_repair(conn: &Conn, target: &Target, repair: &Repair) -> Result<Repaired, OpError> {
    if repair.supports(target.era).is_err() {
        return Ok(Code::Unsupported.into());
    }
    match repair {
        Repair::MoveOut { ids } => move_out(conn, target, ids).await,
        Repair::Merge => {
            let outcome = run_queue(conn, target, QueueOp::Merge).await?;
            // With nothing to bring together it says that it is done.
            let code = if outcome.moved > 0 { Code::Done } else { Code::Sound };
            Ok(Repaired { code, moved: outcome.moved, job: None })
        }
        Repair::TrimEvents { keep, most } => trim(conn, target, *keep, *most).await,
        Repair::Revive { key, at } => revive(conn, target, key, *at).await,
        Repair::GiveId { id } => give_id(conn, target, id).await,
        other => {
            let (script, keys, args) = call(target, other);
            // Ids of structures are nobody's jobs: what stands there is the structure.
            if let Some(id) = other.job()
                && id.is_reserved()
                && !matches!(other, Repair::FreeDedup { .. })
            {
                return Ok(refused_id(id).unwrap_or(Code::Reserved).into());
            }
            Ok(answer(script, &conn.eval(script, &keys, &args).await?)?.into())
        }
    }
}

fn answer(script: &'static Script, reply: &Value) -> Result<Code, OpError> {
    let Some(answer) = integer(reply) else { return Err(OpError::Shape { script: script.name }) };
    Code::from_script(answer, State::Waiting).ok_or(OpError::UnknownAnswer { script: script.name, answer })
}

/// The script of a repair that is one, with its keys and arguments.
fn call(target: &Target, repair: &Repair) -> (&'static Script, Vec<Vec<u8>>, Vec<Vec<u8>>) {
    let queue = &target.queue;
    let text = |text: &str| text.as_bytes().to_vec();
    let key = |suffix: &[u8], wrong: &str, held: &[u8], more: Vec<u8>| {
        let mut keys = queue_keys(queue);
        keys.push(queue.key(suffix));
        let args = vec![era_argument(target.era), queue.base(), text(wrong), held.to_vec(), more];
        (script!("operation", "mend_key", ["decided"]), keys, args)
    };
    let job = |script: &'static Script, id: &JobId, more: Vec<Vec<u8>>| {
        let mut args = job_args(target, id);
        args.extend(more);
        (script, job_keys(target, id), args)
    };
    let mend_id = || script!("operation", "mend_id", ["decided", "places"]);
    let enlist =
        || script!("operation", "enlist", ["decided", "event", "push", "job", "places", "list_marker"]);
    let parent = |id: &JobId, more: Vec<Vec<u8>>| {
        let script =
            script!("operation", "mend_parent", ["decided", "event", "push", "job", "flow", "parent"]);
        job(script, id, more)
    };
    match repair {
        Repair::DropEndless { key: which, held } => {
            key(which.suffix().as_bytes(), "endless", held.as_bytes(), Vec::new())
        }
        Repair::ExpireLock { id, token } => {
            key(&[id.as_bytes(), b":lock"].concat(), "lock", token.as_bytes(), Vec::new())
        }
        Repair::FreeDedup { id, owner } => {
            key(&[b"de:", id.as_bytes()].concat(), "owner", owner.as_bytes(), Vec::new())
        }
        Repair::ResetCounter { held } => key(b"pc", "counter", held.as_bytes(), Vec::new()),
        Repair::RaiseId { held, to } => key(b"id", "behind", held.as_bytes(), to.as_bytes().to_vec()),
        Repair::DropIndex { members } => key(b"priority", "index", b"", text(&members.to_string())),
        Repair::DropGhost { id, from } => {
            job(mend_id(), id, vec![text(from.suffix()), text("ghost"), Vec::new()])
        }
        Repair::DropMarker { id, from } => {
            job(mend_id(), id, vec![text(from.suffix()), text("marker"), Vec::new()])
        }
        Repair::DropDouble { id, from, home, because } => {
            job(mend_id(), id, vec![text(from.suffix()), text(because.word()), text(home.suffix())])
        }
        Repair::Enlist { id, to } => {
            let (to, score) = match to {
                Home::Line => ("line", String::new()),
                Home::Set(state, score) => (state.suffix(), score.to_string()),
            };
            job(enlist(), id, vec![text(to), text(&score), Vec::new()])
        }
        Repair::RunDue { id, score, late_ms } => {
            job(enlist(), id, vec![text("due"), text(&score.to_string()), text(&late_ms.to_string())])
        }
        Repair::ReleaseParent { id } => {
            parent(id, vec![text("nothing"), Vec::new(), Vec::new(), Vec::new(), Vec::new()])
        }
        Repair::ForgetChild { id, child } => {
            parent(id, vec![text("gone"), child.as_bytes().to_vec(), Vec::new(), Vec::new(), Vec::new()])
        }
        Repair::SettleChild { id, queue, child } => parent(
            id,
            vec![text("completed"), queue.job(child), queue.base(), child.as_bytes().to_vec(), Vec::new()],
        ),
        Repair::ClampPriority { id, score } => {
            let (wanted, priority) = clamped(*score);
            let more = vec![text(&score.to_string()), text(&wanted.to_string()), text(&priority.to_string())];
            job(script!("operation", "mend_priority", ["decided", "job"]), id, more)
        }
        Repair::SetAside { id, from, field, held } => {
            let reason = format!("{UNREADABLE}{field}");
            let more =
                vec![text(from.suffix()), text(field), held.as_bytes().to_vec(), text(&reason), Vec::new()];
            job(script!("operation", "set_aside", ["decided", "event", "job", "places"]), id, more)
        }
        // The others are more than one script, and are done elsewhere.
        Repair::Wake
        | Repair::Merge
        | Repair::MoveOut { .. }
        | Repair::TrimEvents { .. }
        | Repair::Revive { .. }
        | Repair::GiveId { .. } => (
            script!("operation", "mend_marker", ["decided", "event", "push"]),
            queue_keys(queue),
            vec![era_argument(target.era), queue.base()],
        ),
    }
}

/// The nearest score in range, with the place within its class that the job had, and its priority.
pub(in crate::engine) fn clamped(score: f64) -> (f64, u32) {
    const STEP: f64 = 4_294_967_296.0;
    let turn = score.rem_euclid(STEP);
    if score < STEP {
        return (STEP + turn, 1);
    }
    let most = super::PRIORITY_MAX;
    (f64::from(most).mul_add(STEP, turn), most)
}

async fn move_out(conn: &Conn, target: &Target, ids: &[JobId]) -> Result<Repaired, OpError> {
    let mut repaired = Repaired::from(Code::Sound);
    for answer in run_jobs(conn, target, JobOp::MoveOut { to: Exit::Wait }, ids).await? {
        match answer? {
            Code::Done => repaired.moved += 1,
            // It runs, ended or was recovered meanwhile.
            Code::Locked | Code::Gone | Code::NotIn(_) => {}
            code => repaired.code = code,
        }
    }
    if repaired.moved > 0 {
        repaired.code = Code::Done;
    }
    Ok(repaired)
}

async fn trim(conn: &Conn, target: &Target, keep: u64, most: u64) -> Result<Repaired, OpError> {
    let script = script!("operation", "trim_stream", ["decided"]);
    let keys = queue_keys(&target.queue);
    let (mut repaired, mut from) = (Repaired::from(Code::Sound), most);
    for _ in 0..TRIMS {
        let mut args = vec![era_argument(target.era), target.queue.base()];
        args.extend([keep, from].map(|number| number.to_string().into_bytes()));
        let reply = conn.eval(script, &keys, &args).await?;
        let numbers: Vec<i64> = items(&reply).iter().filter_map(integer).collect();
        let [code, gone, more] = numbers[..] else { return Err(OpError::Shape { script: script.name }) };
        let code = answer(script, &Value::Int(code))?;
        if code != Code::Done {
            // What a step before has done counts.
            repaired.code = if repaired.moved > 0 { Code::Done } else { code };
            break;
        }
        repaired.code = code;
        repaired.moved += u64::try_from(gone).unwrap_or(0);
        // It is under the first bound now, and is to be as long as it should be.
        from = keep;
        if more != 1 {
            break;
        }
    }
    Ok(repaired)
}

async fn revive(conn: &Conn, target: &Target, key: &Raw, at: i64) -> Result<Repaired, OpError> {
    match Queue::new(conn.clone(), target.queue.clone()).revive_scheduler(target, key, at).await {
        Ok((code, job)) => Ok(Repaired { code, moved: 0, job }),
        Err(ScheduleError::Conn(error)) => Err(OpError::Conn(error)),
        Err(ScheduleError::Refused(code)) => Ok(code.into()),
        Err(_) => Ok(Code::Invalid.into()),
    }
}

async fn give_id(conn: &Conn, target: &Target, id: &JobId) -> Result<Repaired, OpError> {
    if !id.is_reserved() {
        return Ok(Code::Sound.into());
    }
    let script = script!("operation", "give_id", ["decided", "event", "push", "job", "places"]);
    let args = vec![era_argument(target.era), target.queue.base(), id.as_bytes().to_vec()];
    let reply = conn.eval(script, &queue_keys(&target.queue), &args).await?;
    let [code, new] = items(&reply) else { return Err(OpError::Shape { script: script.name }) };
    let code = answer(script, code)?;
    let job = bytes(new).filter(|new| !new.is_empty()).map(JobId::new);
    Ok(Repaired { code, moved: 0, job })
}
