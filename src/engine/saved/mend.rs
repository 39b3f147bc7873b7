//! What a repair replaces or takes away, read before it and taken back where all of it still stands.

use serde::{Deserialize, Serialize};

use super::place::places;
use super::read::{Reader, SaveError};
use super::{Bytes, SavedKey, Spot, save_sorted};
use crate::conn::{Conn, Request, Verb, bytes, float, integer};
use crate::engine::op::{Because, Code, Home, OpError, Repair, Target, UNREADABLE, clamped};
use crate::engine::script::{era_argument, queue_keys, script};
use crate::wire::repeat::run_id;
use crate::wire::{JobId, Prefix, QueueId, QueueName, Raw, State, WriteEra};

/// States in which a job may be that a repair has put in line.
const LINE: &str = "wait paused prioritized";
/// And where else a repair puts one.
const ANYWHERE: &str = "wait paused prioritized delayed waiting-children completed failed";

/// One step of an undo: see `lua/unmend.lua`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Step {
    Text {
        key: Bytes,
        wrote: Option<Bytes>,
        was: Option<Bytes>,
    },
    Endless {
        key: Bytes,
        held: Bytes,
    },
    Take {
        from: String,
    },
    Recall {
        from: String,
        score: Bytes,
    },
    Put {
        state: String,
        score: Option<Bytes>,
        next: Option<Bytes>,
        /// It stands there once more.
        #[serde(default)]
        beside: bool,
    },
    Forget {
        key: Bytes,
        name: Bytes,
    },
    Field {
        key: Bytes,
        name: Bytes,
        wrote: Option<Bytes>,
        was: Option<Bytes>,
    },
    Score {
        key: Bytes,
        member: Bytes,
        wrote: Option<Bytes>,
        was: Option<Bytes>,
    },
    Member {
        key: Bytes,
        member: Bytes,
    },
    Drop {
        key: Bytes,
    },
}

/// What a repair did to a queue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SavedMend {
    prefix: Bytes,
    queue: Bytes,
    /// The job; empty: none.
    id: Bytes,
    steps: Vec<Step>,
}

/// What is to be kept of a repair.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Kept {
    /// To be taken back step by step.
    pub mend: Option<SavedMend>,
    /// Whole keys that go.
    pub keys: Vec<SavedKey>,
}

impl SavedMend {
    pub(super) fn of(queue: &QueueId, id: Option<&JobId>, steps: Vec<Step>) -> Self {
        Self {
            prefix: queue.prefix.as_bytes().into(),
            queue: queue.name.as_bytes().into(),
            id: own(id.map(JobId::as_bytes).unwrap_or_default()),
            steps,
        }
    }

    /// A field's value as the act left it.
    pub(super) fn wrote(&mut self, field: &str, value: Option<&[u8]>) {
        for step in &mut self.steps {
            if let Step::Field { name, wrote, .. } = step
                && name.0 == field.as_bytes()
            {
                *wrote = value.map(own);
            }
        }
    }

    /// The queue.
    pub fn queue_id(&self) -> QueueId {
        QueueId::new(Prefix::new(self.prefix.0.as_slice()), QueueName::legacy(self.queue.0.as_slice()))
    }

    /// The job that it was about.
    pub fn job(&self) -> Option<JobId> {
        (!self.id.0.is_empty()).then(|| JobId::new(&self.id.0))
    }
}

pub(super) fn own(bytes: &[u8]) -> Bytes {
    bytes.into()
}

fn raw(raw: &Raw) -> Bytes {
    raw.as_bytes().into()
}

/// Reads what a repair will replace or take away. Nothing for what cannot be taken back: a marker, a merge,
/// events, an id that was given.
pub async fn save_mend(conn: &Conn, target: &Target, repair: &Repair) -> Result<Kept, SaveError> {
    let mut reading = Reading { conn, target, repair, steps: Vec::new() };
    let mut keys = Vec::new();
    match repair {
        Repair::DropEndless { key, held } => {
            reading.text(key.suffix().as_bytes(), None, Some(raw(held)));
        }
        Repair::FreeDedup { id, owner } => {
            reading.text(&[b"de:", id.as_bytes()].concat(), None, Some(own(owner.as_bytes())));
        }
        Repair::ResetCounter { held } => reading.text(b"pc", Some(own(b"0")), Some(raw(held))),
        Repair::RaiseId { held, to } => reading.text(b"id", Some(own(to.as_bytes())), Some(raw(held))),
        Repair::ExpireLock { id, token } => {
            let key = own(&[id.as_bytes(), b":lock"].concat());
            reading.steps.push(Step::Endless { key, held: raw(token) });
        }
        Repair::DropIndex { members } => {
            keys.push(save_sorted(conn, &target.queue, "priority", *members).await?);
        }
        Repair::DropGhost { id, from } => {
            reading.put(id, *from).await?;
            reading.hash(id).await?;
        }
        Repair::DropMarker { id, from } | Repair::DropDouble { id, from, .. } => {
            reading.put(id, *from).await?;
        }
        Repair::Enlist { to: Home::Line, .. } => reading.take(LINE),
        Repair::Enlist { to: Home::Set(..), .. } => reading.take(ANYWHERE),
        Repair::RunDue { id, score, .. } => {
            reading.take(LINE);
            let score = Some(own(score.to_string().as_bytes()));
            reading.steps.push(Step::Put {
                state: State::Delayed.suffix().to_owned(),
                score,
                next: None,
                beside: false,
            });
            reading.field(id.as_bytes(), "delay", id, Some(b"0")).await?;
        }
        Repair::MoveOut { ids } => {
            if let [id] = ids.as_slice() {
                reading.take(LINE);
                reading.put(id, State::Active).await?;
            }
        }
        Repair::ReleaseParent { id } => reading.recall(id).await?,
        Repair::ForgetChild { id, child } => {
            reading.member(id, child.as_bytes());
            reading.recall(id).await?;
        }
        Repair::SettleChild { id, queue, child } => {
            let key = queue.job(child);
            reading.member(id, &key);
            let value = conn.call(Request::new(Verb::HGet).arg(&key).arg("returnvalue")).await?;
            let value = bytes(&value).unwrap_or(b"null");
            let processed = own(&[id.as_bytes(), b":processed"].concat());
            reading.steps.push(Step::Field {
                key: processed,
                name: own(&key),
                wrote: Some(own(value)),
                was: None,
            });
            reading.recall(id).await?;
        }
        Repair::ClampPriority { id, score } => {
            let (wrote, priority) = clamped(*score);
            let member = own(id.as_bytes());
            let text = |score: f64| Some(own(score.to_string().as_bytes()));
            reading.steps.push(Step::Score {
                key: own(b"prioritized"),
                member,
                wrote: text(wrote),
                was: text(*score),
            });
            let wrote = priority.to_string();
            reading.field(id.as_bytes(), "priority", id, Some(wrote.as_bytes())).await?;
        }
        Repair::SetAside { id, from, field, .. } => {
            reading.take(State::Failed.suffix());
            reading.put(id, *from).await?;
            let reason = format!("{UNREADABLE}{field}");
            reading.steps.push(Step::Forget { key: own(id.as_bytes()), name: own(b"finishedOn") });
            reading.field(id.as_bytes(), "failedReason", id, Some(reason.as_bytes())).await?;
        }
        Repair::Revive { .. }
        | Repair::Wake
        | Repair::Merge
        | Repair::TrimEvents { .. }
        | Repair::GiveId { .. } => {}
    }
    let mend = reading.finish(repair.job());
    Ok(Kept { mend, keys })
}

/// What a revived scheduler's repair wrote, known only afterwards: its new run, and the time of its entry.
pub async fn saved_revival(
    conn: &Conn,
    target: &Target,
    key: &Raw,
    missing: i64,
    run: &JobId,
) -> Result<Option<SavedMend>, SaveError> {
    let member = Request::new(Verb::ZScore).arg(target.queue.key("repeat")).arg(key.as_bytes());
    let Some(now) = float(&conn.call(member).await?) else { return Ok(None) };
    if run_id(key.as_bytes(), now as i64) != *run {
        return Ok(None);
    }
    let repair = &Repair::Revive { key: key.clone(), at: missing };
    let mut reading = Reading { conn, target, repair, steps: Vec::new() };
    reading.take("wait paused prioritized delayed");
    let text = |score: f64| Some(own(score.to_string().as_bytes()));
    let step =
        Step::Score { key: own(b"repeat"), member: raw(key), wrote: text(now), was: text(missing as f64) };
    reading.steps.push(step);
    reading.steps.push(Step::Drop { key: own(run.as_bytes()) });
    Ok(reading.finish(Some(run)))
}

struct Reading<'a> {
    conn: &'a Conn,
    target: &'a Target,
    repair: &'a Repair,
    steps: Vec<Step>,
}

impl Reading<'_> {
    fn text(&mut self, key: &[u8], wrote: Option<Bytes>, was: Option<Bytes>) {
        self.steps.push(Step::Text { key: own(key), wrote, was });
    }

    fn take(&mut self, from: &str) {
        self.steps.push(Step::Take { from: from.to_owned() });
    }

    fn member(&mut self, id: &JobId, member: &[u8]) {
        let key = own(&[id.as_bytes(), b":dependencies"].concat());
        self.steps.push(Step::Member { key, member: own(member) });
    }

    /// The place of a job in a state; of one that stands there twice the one that goes.
    async fn put(&mut self, id: &JobId, state: State) -> Result<(), SaveError> {
        if let Repair::DropDouble { because: Because::Again, .. } = self.repair {
            let list = self.target.queue.key(state.suffix());
            let first = Request::new(Verb::LPos).arg(&list).arg(id.as_bytes());
            let Some(at) = integer(&self.conn.call(first).await?) else { return Ok(()) };
            let next = self.conn.call(Request::new(Verb::LIndex).arg(&list).arg(at + 1)).await?;
            let (state, next) = (state.suffix().to_owned(), bytes(&next).map(own));
            self.steps.push(Step::Put { state, score: None, next, beside: true });
            return Ok(());
        }
        let jobs = [(self.target.queue.clone(), id.clone())];
        let found = places(self.conn, self.target.era, &jobs, Some(state)).await?;
        if let Some((Some(Spot { score, next, .. }), _)) = found.into_iter().next() {
            self.steps.push(Step::Put { state: state.suffix().to_owned(), score, next, beside: false });
        }
        Ok(())
    }

    /// A parent comes back to those that wait for children.
    async fn recall(&mut self, id: &JobId) -> Result<(), SaveError> {
        let key = self.target.queue.key(State::WaitingChildren.suffix());
        let reply = self.conn.call(Request::new(Verb::ZScore).arg(key).arg(id.as_bytes())).await?;
        if let Some(score) = float(&reply) {
            let score = own(score.to_string().as_bytes());
            self.steps.push(Step::Recall { from: format!("{LINE} delayed"), score });
        }
        Ok(())
    }

    /// A field of a job, before the repair writes it.
    async fn field(
        &mut self,
        key: &[u8],
        name: &str,
        id: &JobId,
        wrote: Option<&[u8]>,
    ) -> Result<(), SaveError> {
        let reply = self.conn.call(Request::new(Verb::HGet).arg(self.target.queue.job(id)).arg(name)).await?;
        self.steps.push(Step::Field {
            key: own(key),
            name: own(name.as_bytes()),
            wrote: wrote.map(own),
            was: bytes(&reply).map(own),
        });
        Ok(())
    }

    /// What a worker left of a run without a job.
    async fn hash(&mut self, id: &JobId) -> Result<(), SaveError> {
        let key = self.target.queue.job(id);
        let there = self.conn.call(Request::new(Verb::HLen).arg(&key)).await?;
        let fields = match integer(&there) {
            Some(1..) => Reader::new(self.conn).hash(&key, 1).await?,
            _ => Vec::new(),
        };
        let stub = own(id.as_bytes());
        let step = |(name, value)| Step::Field { key: stub.clone(), name, wrote: None, was: Some(value) };
        self.steps.extend(fields.into_iter().map(step));
        Ok(())
    }

    fn finish(self, id: Option<&JobId>) -> Option<SavedMend> {
        let queue = &self.target.queue;
        (!self.steps.is_empty()).then(|| SavedMend::of(queue, id, self.steps))
    }
}

/// Takes a repair back: [`Code::Changed`], and nothing is done, where something else stands there by now.
pub async fn unmend(conn: &Conn, era: WriteEra, saved: &SavedMend) -> Result<Code, OpError> {
    let queue = saved.queue_id();
    let mut args = vec![era_argument(era), queue.base(), saved.id.0.clone()];
    let some = |value: &Option<Bytes>| match value {
        Some(value) => [b"+", value.0.as_slice()].concat(),
        None => b"-".to_vec(),
    };
    let plain = |value: &Option<Bytes>| value.as_ref().map(|value| value.0.clone()).unwrap_or_default();
    for step in &saved.steps {
        let none = Vec::new;
        let five: [Vec<u8>; 5] = match step {
            Step::Text { key, wrote, was } => {
                [b"text".to_vec(), key.0.clone(), some(wrote), some(was), none()]
            }
            Step::Endless { key, held } => {
                [b"endless".to_vec(), key.0.clone(), held.0.clone(), none(), none()]
            }
            Step::Take { from } => [b"take".to_vec(), from.clone().into_bytes(), none(), none(), none()],
            Step::Recall { from, score } => {
                [b"recall".to_vec(), from.clone().into_bytes(), score.0.clone(), none(), none()]
            }
            Step::Put { state, score, next, beside } => {
                let beside = if *beside { b"1".to_vec() } else { none() };
                [b"put".to_vec(), state.clone().into_bytes(), plain(score), plain(next), beside]
            }
            Step::Forget { key, name } => [b"forget".to_vec(), key.0.clone(), name.0.clone(), none(), none()],
            Step::Field { key, name, wrote, was } => {
                [b"field".to_vec(), key.0.clone(), name.0.clone(), some(wrote), some(was)]
            }
            Step::Score { key, member, wrote, was } => {
                [b"score".to_vec(), key.0.clone(), member.0.clone(), some(wrote), some(was)]
            }
            Step::Member { key, member } => {
                [b"member".to_vec(), key.0.clone(), member.0.clone(), none(), none()]
            }
            Step::Drop { key } => [b"drop".to_vec(), key.0.clone(), none(), none(), none()],
        };
        args.extend(five);
    }
    let script = script!("operation", "unmend", ["decided", "push", "insert", "places", "list_marker"]);
    let reply = conn.eval(script, &queue_keys(&queue), &args).await?;
    let Some(answer) = integer(&reply) else { return Err(OpError::Shape { script: script.name }) };
    Code::from_mend(answer).ok_or(OpError::UnknownAnswer { script: script.name, answer })
}
