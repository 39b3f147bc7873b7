//! What an edit replaces, read before it and put back where nothing newer stands.

use serde::{Deserialize, Serialize};

use super::read::clock;
use super::{Bytes, Dedup, SaveError, Saved, Saving, Spot, save};
use crate::conn::{Batch, Conn, Request, Value, Verb, bytes, integer, items};
use crate::engine::op::{Code, JobEdit, JobOp, LimitOp, OpError, Target};
use crate::engine::script::{era_argument, queue_keys, script};
use crate::wire::{JobId, Prefix, QueueId, QueueName, State, WriteEra};

/// Fields of `meta` that hold a queue's limits (spec 12.2).
const LIMITS: [&str; 3] = ["concurrency", "max", "duration"];

/// What an edit replaced, of one job or of a queue's settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SavedEdit {
    prefix: Bytes,
    queue: Bytes,
    /// The job; `None`: the queue's `meta`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<Bytes>,
    /// Fields with what the edit writes and what stood there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    fields: Vec<Replaced>,
    /// `priority` or `delay`, where the edit moves the job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    moved: Option<String>,
    /// Where the job stood.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    place: Option<Spot>,
    /// The score that it got.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    score: Option<Bytes>,
    /// Log lines that go, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    logs: Vec<Bytes>,
    /// The log line that is added.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    line: Option<Bytes>,
    /// The deduplication id that is freed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dedup: Option<Dedup>,
    /// The wait of a rate limit that is ended: its count, and until when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    limiter: Option<Dedup>,
}

/// A field of a hash, before and after.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Replaced {
    name: Bytes,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    wrote: Option<Bytes>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    was: Option<Bytes>,
}

/// What one edit acts on.
#[derive(Clone, Copy, Debug)]
pub enum Editing<'a> {
    /// An operation on one job.
    Op(&'a JobId, JobOp),
    /// Bytes of one job.
    Bytes(&'a JobId, &'a JobEdit),
    /// The limits of the queue.
    Limit(LimitOp),
}

impl SavedEdit {
    fn of(queue: &QueueId, id: Option<&JobId>) -> Self {
        Self {
            prefix: queue.prefix.as_bytes().into(),
            queue: queue.name.as_bytes().into(),
            id: id.map(|id| id.as_bytes().into()),
            fields: Vec::new(),
            moved: None,
            place: None,
            score: None,
            logs: Vec::new(),
            line: None,
            dedup: None,
            limiter: None,
        }
    }

    /// The queue.
    pub fn queue_id(&self) -> QueueId {
        QueueId::new(Prefix::new(self.prefix.0.as_slice()), QueueName::legacy(self.queue.0.as_slice()))
    }

    /// The job; `None`: the queue's settings.
    pub fn job(&self) -> Option<JobId> {
        self.id.as_ref().map(|id| JobId::new(&id.0))
    }

    fn replace(&mut self, name: &str, was: Option<&[u8]>, wrote: Option<&[u8]>) {
        self.fields.push(Replaced {
            name: name.as_bytes().into(),
            wrote: wrote.map(Into::into),
            was: was.map(Into::into),
        });
    }

    /// What the fields hold before and after the edit, where they are to be shown.
    pub fn changes(&self) -> impl Iterator<Item = (&[u8], Option<&[u8]>, Option<&[u8]>)> {
        fn raw(bytes: Option<&Bytes>) -> Option<&[u8]> {
            bytes.map(|bytes| bytes.0.as_slice())
        }
        self.fields
            .iter()
            .map(|field| (field.name.0.as_slice(), raw(field.was.as_ref()), raw(field.wrote.as_ref())))
    }

    /// How many log lines go.
    pub fn lines(&self) -> usize {
        self.logs.len()
    }

    /// Whether both are of one edit, of which one may know more.
    pub fn is_same_edit(&self, other: &Self) -> bool {
        Self { score: None, ..self.clone() } == Self { score: None, ..other.clone() }
    }

    /// What is put back: `data of job 7`. Not yet safe to show.
    pub fn what(&self) -> String {
        let fields: Vec<_> = self.fields.iter().map(|field| crate::text::lossless(&field.name.0)).collect();
        let mut parts: Vec<String> = (!fields.is_empty()).then(|| fields.join(", ")).into_iter().collect();
        parts.extend((!self.logs.is_empty() || self.line.is_some()).then(|| "log lines".to_owned()));
        parts.extend(self.limiter.is_some().then(|| "the wait of the rate limit".to_owned()));
        parts.extend(self.dedup.is_some().then(|| "the deduplication id".to_owned()));
        match self.job() {
            Some(id) => format!("{} of job {}", parts.join(", "), id.lossless()),
            None => format!("{} of the queue", parts.join(", ")),
        }
    }

    /// The state in which the job stood.
    pub fn state(&self) -> Option<State> {
        self.place.as_ref().and_then(|place| State::parse(&place.state))
    }

    /// Reads the score that the edit gave the job, so that the undo can tell whether it is still the
    /// edit's. True where there is one.
    pub async fn read_score(&mut self, conn: &Conn) -> Result<bool, OpError> {
        let set = match self.moved.as_deref() {
            Some("delay") => State::Delayed,
            Some(_) => State::Prioritized,
            None => return Ok(false),
        };
        let Some(id) = self.job() else { return Ok(false) };
        let key = self.queue_id().key(set.suffix());
        let reply = conn.call(Request::new(Verb::ZScore).arg(key).arg(id.as_bytes())).await?;
        self.score = crate::conn::float(&reply).map(|score| score.to_string().into_bytes().as_slice().into());
        Ok(self.score.is_some())
    }
}

/// Reads what an edit will replace, with at most `limit` bytes of the job. `None`: there is no such
/// job, or the edit replaces nothing that could be put back.
pub async fn save_edit(
    conn: &Conn,
    target: &Target,
    editing: Editing<'_>,
    limit: u64,
) -> Result<Option<SavedEdit>, SaveError> {
    let id = match editing {
        Editing::Limit(op) => return save_limit(conn, &target.queue, op).await,
        Editing::Op(
            id,
            JobOp::SetPriority { .. }
            | JobOp::SetDelay { .. }
            | JobOp::ClearLogs { .. }
            | JobOp::ReleaseDeduplication,
        )
        | Editing::Bytes(id, _) => id,
        Editing::Op(..) => return Ok(None),
    };
    let saving = Saving { state: None, children: false, limit };
    let (jobs, _) = save(conn, target, std::slice::from_ref(id), saving).await?;
    let Some(job) = jobs.into_iter().next() else { return Ok(None) };
    let mut saved = SavedEdit::of(&target.queue, Some(id));
    match editing {
        Editing::Bytes(_, JobEdit::Data { json, .. }) => {
            saved.replace("data", field(&job, "data"), Some(json.as_bytes()));
        }
        Editing::Bytes(_, JobEdit::Progress { json }) => {
            saved.replace("progress", field(&job, "progress"), Some(json.as_bytes()));
        }
        Editing::Bytes(_, JobEdit::Log { line }) => {
            saved.line = Some(line.as_bytes().into());
            // The oldest go where the job's option keeps so many.
            let over = keeps(&job, target.era).map_or(0, |keep| (job.logs.len() + 1).saturating_sub(keep));
            saved.logs = job.logs[..over.min(job.logs.len())].to_vec();
        }
        Editing::Op(_, JobOp::SetPriority { priority, .. }) => {
            saved.replace("priority", field(&job, "priority"), Some(priority.to_string().as_bytes()));
            let waits = [State::Waiting, State::Paused, State::Prioritized];
            if job.state().is_some_and(|state| waits.contains(&state)) {
                saved.moved = Some("priority".to_owned());
                saved.place.clone_from(&job.place);
            }
        }
        Editing::Op(_, JobOp::SetDelay { ms }) => {
            saved.replace("delay", field(&job, "delay"), Some(ms.to_string().as_bytes()));
            saved.moved = Some("delay".to_owned());
            saved.place.clone_from(&job.place);
        }
        Editing::Op(_, JobOp::ClearLogs { keep }) => {
            let gone = job.logs.len().saturating_sub(usize::try_from(keep).unwrap_or(usize::MAX));
            saved.logs = job.logs[..gone].to_vec();
        }
        Editing::Op(_, JobOp::ReleaseDeduplication) => saved.dedup.clone_from(&job.dedup),
        _ => {}
    }
    let nothing =
        saved.fields.is_empty() && saved.logs.is_empty() && saved.line.is_none() && saved.dedup.is_none();
    Ok((!nothing).then_some(saved))
}

/// How many log lines a job's own option keeps.
fn keeps(job: &Saved, era: WriteEra) -> Option<usize> {
    let opts: serde_json::Value = serde_json::from_slice(field(job, "opts")?).ok()?;
    let keep = opts.get("kl").or_else(|| opts.get("keepLogs"))?.as_u64().filter(|keep| *keep > 0)?;
    (era != WriteEra::Bull4).then(|| usize::try_from(keep).unwrap_or(usize::MAX))
}

async fn save_limit(conn: &Conn, queue: &QueueId, op: LimitOp) -> Result<Option<SavedEdit>, SaveError> {
    let mut saved = SavedEdit::of(queue, None);
    let reply = conn.call(Request::new(Verb::HMGet).arg(queue.key("meta")).arg(&LIMITS[..])).await?;
    let found: Vec<Option<&[u8]>> = items(&reply).iter().map(bytes).collect();
    let was = |at: usize| found.get(at).copied().flatten();
    match op {
        LimitOp::SetConcurrency(most) => {
            saved.replace(LIMITS[0], was(0), Some(most.to_string().as_bytes()));
        }
        LimitOp::RemoveConcurrency => saved.replace(LIMITS[0], was(0), None),
        LimitOp::SetRateLimit { max, duration_ms } => {
            saved.replace(LIMITS[1], was(1), Some(max.to_string().as_bytes()));
            saved.replace(LIMITS[2], was(2), Some(duration_ms.to_string().as_bytes()));
        }
        LimitOp::RemoveRateLimit => {
            saved.replace(LIMITS[1], was(1), None);
            saved.replace(LIMITS[2], was(2), None);
        }
        LimitOp::ReleaseRateLimit => {
            let key = queue.key("limiter");
            let mut batch = Batch::new();
            batch.push(Request::new(Verb::Get).arg(&key));
            batch.push(Request::new(Verb::PTtl).arg(&key));
            batch.push(Request::new(Verb::Time));
            let replies = conn.batch(&batch).await?;
            let [count, ttl, time] = replies.as_slice() else { return Ok(None) };
            let Some(count) = bytes(count) else { return Ok(None) };
            let until = integer(ttl).filter(|ttl| *ttl >= 0).and_then(|ttl| Some(ttl + clock(time)?));
            saved.limiter = Some(Dedup { id: count.into(), until });
        }
    }
    Ok(Some(saved))
}

fn field<'a>(job: &'a Saved, name: &str) -> Option<&'a [u8]> {
    job.fields.iter().find(|(known, _)| known.0 == name.as_bytes()).map(|(_, value)| value.0.as_slice())
}

/// Puts back what an edit replaced: [`Code::Changed`] where something newer stands there, or where the
/// job has moved on.
pub async fn revert(conn: &Conn, era: WriteEra, saved: &SavedEdit) -> Result<Code, OpError> {
    let queue = saved.queue_id();
    let id = saved.job().unwrap_or_else(|| JobId::new(""));
    let mut keys = queue_keys(&queue);
    keys.push(queue.job(&id));
    keys.push(queue.satellite(&id, "lock"));
    let raw = |bytes: Option<&Bytes>| bytes.map(|bytes| bytes.0.clone()).unwrap_or_default();
    let place = saved.place.as_ref();
    let dedup =
        saved.dedup.as_ref().map(|dedup| ([b"de:", dedup.id.0.as_slice()].concat(), id.as_bytes(), dedup));
    let limiter =
        saved.limiter.as_ref().map(|limiter| (b"limiter".to_vec(), limiter.id.0.as_slice(), limiter));
    let (key, held, until) = match dedup.or(limiter) {
        Some((key, held, went)) => (key, held.to_vec(), went.until),
        None => (Vec::new(), Vec::new(), None),
    };
    let mut args = vec![
        era_argument(era),
        queue.base(),
        id.as_bytes().to_vec(),
        saved.moved.clone().unwrap_or_default().into_bytes(),
        saved.state().map(|state| state.suffix().into()).unwrap_or_default(),
        raw(place.and_then(|place| place.score.as_ref())),
        raw(place.and_then(|place| place.next.as_ref())),
        raw(saved.score.as_ref()),
        key,
        until.map(|until| until.to_string().into_bytes()).unwrap_or_default(),
        held,
        if saved.line.is_some() { b"1".to_vec() } else { Vec::new() },
        raw(saved.line.as_ref()),
        saved.logs.len().to_string().into_bytes(),
    ];
    args.extend(saved.logs.iter().map(|line| line.0.clone()));
    for field in &saved.fields {
        args.push(field.name.0.clone());
        for value in [&field.wrote, &field.was] {
            args.push(if value.is_some() { b"1".to_vec() } else { b"0".to_vec() });
            args.push(raw(value.as_ref()));
        }
    }
    let script = script!("operation", "revert", ["decided", "push", "insert", "job", "list_marker"]);
    let reply: Value = conn.eval(script, &keys, &args).await?;
    let Some(answer) = integer(&reply) else { return Err(OpError::Shape { script: script.name }) };
    Code::from_revert(answer).ok_or(OpError::UnknownAnswer { script: script.name, answer })
}
