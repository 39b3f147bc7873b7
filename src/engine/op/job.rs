//! Operations on one job, where it is said once for all of them what is asked and answered.

use super::super::script::{era_argument, queue_keys, script};
use super::{Capability, Code, OpError, Target};
use crate::conn::{Conn, ConnError, Run, Script, Value, integer};
use crate::wire::{JobId, State, WriteEra};

/// The highest priority number, which is the last to run (`BullMQ` 5.80.1 on; spec 1.3).
pub const PRIORITY_MAX: u32 = (1 << 21) - 1;

/// What a job says that [`JobOp::MoveOut`] failed.
pub const ABANDONED: &str = "taken out of active: no worker held its lock";

/// An operation on one job. Which eras have it: [`JobOp::capability`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum JobOp {
    /// Puts a finished job back in line. It keeps its priority, in every era.
    Retry {
        /// Where it is: failed or completed.
        from: State,
        /// Whether its attempts are counted from zero; otherwise a job that used all its
        /// attempts gets one more.
        reset_attempts: bool,
    },
    /// Removes a job.
    Remove {
        /// Whether its children go with it, whatever their state.
        children: bool,
    },
    /// Lets a delayed job run now.
    Promote,
    /// Gives a job another priority. One that waits changes its place at once; the priority of a
    /// delayed one counts when it is due, that of any other when it waits again.
    SetPriority {
        /// 0 (before all that have one) to [`PRIORITY_MAX`].
        priority: u32,
        /// Whether it becomes the first of its priority; otherwise the last.
        front: bool,
    },
    /// Puts a delayed job off until some time from now. The next run of a scheduler is refused: its id holds
    /// the time at which it is due.
    SetDelay {
        /// ms from now, by the server's clock.
        ms: u64,
    },
    /// Takes an active job out that no worker holds the lock of any more; with a lock it is refused,
    /// because nothing in Redis stops the code that runs it.
    MoveOut {
        /// Where to.
        to: Exit,
    },
    /// Removes the children that a parent still waits for, with all below them. Those that run or
    /// failed stay. When none is left, the parent is next in line.
    RemoveChildren,
    /// Frees the deduplication id that the job owns: the next add with it is a new job.
    ReleaseDeduplication,
    /// Removes log lines.
    ClearLogs {
        /// How many of the newest stay.
        keep: u64,
    },
}

/// Where an abandoned active job goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Exit {
    /// To the front of the line, as the look for stalled jobs would put it, without counting.
    Wait,
    /// To the failed ones, for good, whatever attempts are left; parents are told as by a worker.
    Failed,
}

impl JobOp {
    /// The row of the table of what each era has.
    pub const fn capability(self) -> Capability {
        match self {
            Self::Retry { from: State::Completed, .. } => Capability::RetryCompleted,
            Self::Retry { .. } => Capability::Retry,
            Self::Remove { .. } => Capability::Remove,
            Self::Promote => Capability::Promote,
            Self::SetPriority { .. } => Capability::SetPriority,
            Self::SetDelay { .. } => Capability::SetDelay,
            Self::MoveOut { to: Exit::Wait } => Capability::MoveOut,
            Self::MoveOut { to: Exit::Failed } => Capability::MoveOutFailed,
            Self::RemoveChildren => Capability::RemoveChildren,
            Self::ReleaseDeduplication => Capability::ReleaseDeduplication,
            Self::ClearLogs { .. } => Capability::Logs,
        }
    }

    /// The state that the operation starts from, where there is one.
    pub const fn from_state(self) -> Option<State> {
        match self {
            Self::Retry { from, .. } => Some(from),
            Self::Promote | Self::SetDelay { .. } => Some(State::Delayed),
            Self::MoveOut { .. } => Some(State::Active),
            Self::RemoveChildren => Some(State::WaitingChildren),
            Self::Remove { .. }
            | Self::SetPriority { .. }
            | Self::ReleaseDeduplication
            | Self::ClearLogs { .. } => None,
        }
    }

    /// What is known without asking Redis.
    fn refused(self, era: WriteEra, id: &JobId) -> Option<Code> {
        if let Some(code) = refused_id(id) {
            return Some(code);
        }
        match self {
            Self::Retry { from, .. } if !from.is_finished() => Some(Code::NotIn(from)),
            Self::SetPriority { priority, .. } if priority > PRIORITY_MAX => Some(Code::Invalid),
            // 2^53 / 4096, less the time now: later ones do not fit into a score.
            Self::SetDelay { ms } if ms >= 1 << 38 => Some(Code::Invalid),
            _ => self.capability().supports(era).is_err().then_some(Code::Unsupported),
        }
    }
}

/// Why no operation acts on an id, whatever stands under it.
pub(super) fn refused_id(id: &JobId) -> Option<Code> {
    (id.is_reserved() || id.is_marker() || id.as_bytes().is_empty()).then_some(Code::Reserved)
}

/// Acts on one job.
pub async fn run_job(conn: &Conn, target: &Target, op: JobOp, id: &JobId) -> Result<Code, OpError> {
    if let Some(code) = op.refused(target.era, id) {
        return Ok(code);
    }
    let script = script(op);
    let (keys, args) = call(target, op, id);
    answer(script, op.from_state(), &conn.eval(script, &keys, &args).await?)
}

/// When a job last ran, as its hash says: whoever saved a job removes only that, and not what became of it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Ran {
    /// Its field `processedOn`; empty: it has none.
    pub processed_on: Vec<u8>,
    /// Its field `finishedOn`.
    pub finished_on: Vec<u8>,
}

/// As [`run_jobs`], for [`JobOp::Remove`] of jobs that were read before: one that started or ended since then is
/// left ([`Code::Changed`]). `None`: it was not there.
pub async fn remove_seen(
    conn: &Conn,
    target: &Target,
    children: bool,
    jobs: &[(JobId, Option<Ran>)],
) -> Result<Vec<Result<Code, OpError>>, OpError> {
    let runs = |(id, ran): &(JobId, Option<Ran>)| {
        let (keys, mut args) = call(target, JobOp::Remove { children }, id);
        if let Some(ran) = ran {
            args.extend([ran.processed_on.clone(), ran.finished_on.clone()]);
        }
        (keys, args)
    };
    each(conn, target, JobOp::Remove { children }, jobs, |(id, _)| id, runs).await
}

/// Acts on several jobs, in order and in one round trip; other clients may come in between two of
/// them. Each job has its own answer; an `Err` of the whole means that the link failed, and then
/// it is unknown how many were done. For many jobs of one state see [`super::run_many`].
pub async fn run_jobs(
    conn: &Conn,
    target: &Target,
    op: JobOp,
    ids: &[JobId],
) -> Result<Vec<Result<Code, OpError>>, OpError> {
    each(conn, target, op, ids, |id| id, |id| call(target, op, id)).await
}

async fn each<T>(
    conn: &Conn,
    target: &Target,
    op: JobOp,
    jobs: &[T],
    id: impl Fn(&T) -> &JobId,
    run: impl Fn(&T) -> Run,
) -> Result<Vec<Result<Code, OpError>>, OpError> {
    let script = script(op);
    let refused: Vec<Option<Code>> = jobs.iter().map(|job| op.refused(target.era, id(job))).collect();
    let asked = jobs.iter().zip(&refused).filter(|(_, refused)| refused.is_none());
    let runs: Vec<Run> = asked.map(|(job, _)| run(job)).collect();
    let mut replies = Vec::new();
    if !runs.is_empty() {
        replies = conn.eval_many(script, &runs).await?;
    }
    let mut replies = replies.into_iter();
    let answers = refused.into_iter().map(|refused| match refused {
        Some(code) => Ok(code),
        None => answer(script, op.from_state(), &ConnError::check(replies.next().unwrap_or(Value::Nil))?),
    });
    Ok(answers.collect())
}

/// The script of an operation.
fn script(op: JobOp) -> &'static Script {
    match op {
        JobOp::Retry { .. } => script!("operation", "retry", ["decided", "event", "push", "job", "await"]),
        JobOp::Remove { .. } => {
            script!(
                "operation",
                "remove",
                ["decided", "event", "push", "job", "flow", "iteration", "dedup", "tree"]
            )
        }
        JobOp::Promote => script!("operation", "promote", ["decided", "event", "push", "job"]),
        JobOp::SetPriority { .. } => {
            script!("operation", "set_priority", ["decided", "event", "push", "job"])
        }
        JobOp::SetDelay { .. } => {
            script!(
                "operation",
                "set_delay",
                ["decided", "event", "push", "job", "iteration", "delay", "list_marker"]
            )
        }
        JobOp::MoveOut { .. } => {
            script!("operation", "move_out", ["decided", "event", "push", "job", "flow", "parent", "finish"])
        }
        JobOp::RemoveChildren => {
            script!(
                "operation",
                "remove_children",
                ["decided", "event", "push", "job", "flow", "dedup", "tree"]
            )
        }
        JobOp::ReleaseDeduplication => script!("operation", "release_dedup", ["decided", "job"]),
        JobOp::ClearLogs { .. } => script!("operation", "clear_logs", ["decided", "job"]),
    }
}

/// The keys that every script on one job gets: the queue's, the job's hash and its lock.
pub(super) fn job_keys(target: &Target, id: &JobId) -> Vec<Vec<u8>> {
    let queue = &target.queue;
    let mut keys = queue_keys(queue);
    keys.push(queue.job(id));
    keys.push(queue.satellite(id, "lock"));
    keys
}

/// The arguments that every script on one job begins with.
pub(super) fn job_args(target: &Target, id: &JobId) -> Vec<Vec<u8>> {
    vec![era_argument(target.era), target.queue.base(), id.as_bytes().to_vec()]
}

/// The keys and arguments of a job's run.
fn call(target: &Target, op: JobOp, id: &JobId) -> Run {
    let mut args = job_args(target, id);
    match op {
        JobOp::Retry { from, reset_attempts } => {
            args.push(from.suffix().into());
            args.push(flag(reset_attempts));
        }
        JobOp::Remove { children } => args.push(flag(children)),
        JobOp::SetPriority { priority, front } => {
            args.push(priority.to_string().into());
            args.push(flag(front));
        }
        JobOp::SetDelay { ms } => {
            args.push(ms.to_string().into());
            args.push(Vec::new());
        }
        JobOp::MoveOut { to: Exit::Wait } => args.push(b"wait".to_vec()),
        JobOp::MoveOut { to: Exit::Failed } => {
            args.extend([&b"failed"[..], ABANDONED.as_bytes(), ABANDONED.as_bytes()].map(<[u8]>::to_vec));
        }
        JobOp::ReleaseDeduplication => args.push(Vec::new()),
        JobOp::ClearLogs { keep } => args.push(keep.to_string().into()),
        JobOp::Promote | JobOp::RemoveChildren => {}
    }
    (job_keys(target, id), args)
}

/// Frees a deduplication id by name, while `owner` is whom it names. For ids whose owner is gone
/// as well, where [`JobOp::ReleaseDeduplication`] finds no job to ask.
pub async fn release_deduplication(
    conn: &Conn,
    target: &Target,
    dedup_id: &[u8],
    owner: &JobId,
) -> Result<Code, OpError> {
    let op = JobOp::ReleaseDeduplication;
    if dedup_id.is_empty() || op.capability().supports(target.era).is_err() {
        return Ok(if dedup_id.is_empty() { Code::Invalid } else { Code::Unsupported });
    }
    let mut args = job_args(target, owner);
    args.push(dedup_id.to_vec());
    let script = script(op);
    answer(script, None, &conn.eval(script, &job_keys(target, owner), &args).await?)
}

pub(super) fn flag(set: bool) -> Vec<u8> {
    if set { b"1".to_vec() } else { b"0".to_vec() }
}

pub(super) fn answer(script: &'static Script, from: Option<State>, reply: &Value) -> Result<Code, OpError> {
    let Some(answer) = integer(reply) else {
        return Err(OpError::Shape { script: script.name });
    };
    Code::from_script(answer, from.unwrap_or(State::Waiting))
        .ok_or(OpError::UnknownAnswer { script: script.name, answer })
}
