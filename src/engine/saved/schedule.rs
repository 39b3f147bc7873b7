//! A scheduler as it was before an act on it, and putting it back.

use serde::{Deserialize, Serialize};

use super::read::Reader;
use super::{Bytes, SaveError, Saved, Saving, save};
use crate::conn::{Conn, Request, Value, Verb, bytes, integer};
use crate::engine::Queue;
use crate::engine::op::{Code, OpError, SchedulerOp, Target, run_scheduler};
use crate::engine::read::next_run::standing;
use crate::engine::schedule::{Repeat, ScheduleError};
use crate::engine::script::{era_argument, queue_keys, script};
use crate::wire::repeat::LegacyKey;
use crate::wire::{Prefix, QueueId, QueueName, Raw, State, WriteEra, number};

/// A scheduler before and after an act.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SavedSchedule {
    prefix: Bytes,
    queue: Bytes,
    /// Its member of `repeat`.
    member: Bytes,
    /// As it was; `None`: there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    before: Option<Form>,
    /// The job of its next run, where the act takes that away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    run: Option<Box<Saved>>,
    after: After,
}

/// A scheduler in Redis.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Form {
    score: Bytes,
    /// Its definition; empty where it has none.
    definition: Vec<(Bytes, Bytes)>,
    /// The id of the job of its next run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    run: Option<Bytes>,
}

/// What an act left.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum After {
    /// The act was broken off before anybody looked.
    Unknown,
    /// None.
    Gone,
    /// This.
    Is(Form),
}

/// What became of a scheduler that was to be put back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PutBack {
    /// It is as it was.
    Whole,
    /// It ran meanwhile: its old schedule begins anew.
    Anew,
    /// It is back, but its run is over, and this library adds the next one only with a run.
    NoRun,
    /// It is not: [`Code::Changed`] where something newer stands there.
    Refused(Code),
}

impl SavedSchedule {
    /// The queue.
    pub fn queue_id(&self) -> QueueId {
        QueueId::new(Prefix::new(self.prefix.0.as_slice()), QueueName::legacy(self.queue.0.as_slice()))
    }

    /// What is put back: `schedule of nightly`. Not yet safe to show.
    pub fn what(&self) -> String {
        format!("schedule of {}", crate::text::lossless(&self.member.0))
    }

    /// Whether another tells of the same act.
    pub fn is_same(&self, other: &Self) -> bool {
        (&self.prefix, &self.queue, &self.member) == (&other.prefix, &other.queue, &other.member)
    }

    /// Its member of `repeat`.
    pub fn member(&self) -> Raw {
        Raw::new(self.member.0.as_slice())
    }

    /// Reads what the act left, without which it is not undone.
    pub async fn read_after(&mut self, conn: &Conn, target: &Target) -> Result<(), SaveError> {
        if self.after == After::Unknown {
            let (form, _) = form(conn, target, &self.member.0).await?;
            self.after = form.map_or(After::Gone, After::Is);
        }
        Ok(())
    }
}

/// Reads a scheduler that is about to be removed, changed or made, with the job of its next run where that goes,
/// in at most `limit` bytes. `None`: it is to be removed, and there is none.
pub async fn save_schedule(
    conn: &Conn,
    target: &Target,
    member: &[u8],
    removed: bool,
    limit: u64,
) -> Result<Option<SavedSchedule>, SaveError> {
    let (before, state) = form(conn, target, member).await?;
    if removed && before.is_none() {
        return Ok(None);
    }
    // A removal leaves a run that is in line; a change takes it.
    let goes = match state {
        Some(State::Delayed) => true,
        Some(State::Waiting | State::Paused | State::Prioritized) => !removed,
        _ => false,
    };
    let id = before.as_ref().and_then(|form| form.run.as_ref()).filter(|_| goes);
    let mut run = None;
    if let Some(id) = id {
        let saving = Saving { state: None, children: false, limit };
        let (jobs, _) = save(conn, target, &[crate::wire::JobId::new(&id.0)], saving).await?;
        run = jobs.into_iter().next().map(Box::new);
    }
    Ok(Some(SavedSchedule {
        prefix: target.queue.prefix.as_bytes().into(),
        queue: target.queue.name.as_bytes().into(),
        member: member.into(),
        before,
        run,
        after: if removed { After::Gone } else { After::Unknown },
    }))
}

async fn form(
    conn: &Conn,
    target: &Target,
    member: &[u8],
) -> Result<(Option<Form>, Option<State>), SaveError> {
    let queue = &target.queue;
    let Some(standing) = standing(conn, target.era.into(), queue, member).await? else {
        return Ok((None, None));
    };
    let definition = Reader::new(conn).hash(&queue.key([b"repeat:", member].concat()), 1).await?;
    let score = conn.call(Request::new(Verb::ZScore).arg(queue.key("repeat")).arg(member)).await?;
    let Some(score) = score_text(&score) else { return Ok((None, None)) };
    let run = standing.run.id.filter(|_| standing.run.exists).map(|id| id.as_bytes().into());
    Ok((Some(Form { score, definition, run }), standing.run.state))
}

fn score_text(reply: &Value) -> Option<Bytes> {
    bytes(reply).map(Into::into).or_else(|| {
        let score = crate::conn::float(reply)?;
        Some(score.to_string().as_bytes().into())
    })
}

/// Puts a scheduler back, where what the act left still stands. Where it ran meanwhile, and is else as the act left
/// it, its old rule and what its jobs were are written again.
pub async fn restore_schedule(conn: &Conn, era: WriteEra, saved: &SavedSchedule) -> Result<PutBack, OpError> {
    match revert(conn, era, saved).await? {
        Code::Done => ended(conn, era, saved).await,
        Code::Changed => anew(conn, era, saved).await,
        code => Ok(PutBack::Refused(code)),
    }
}

/// A run that the act left in line may be over by now, and while there was no scheduler it added no other: then
/// the rule is written again, which adds one.
async fn ended(conn: &Conn, era: WriteEra, saved: &SavedSchedule) -> Result<PutBack, OpError> {
    let left = saved.run.is_none() && saved.before.as_ref().is_some_and(|before| before.run.is_some());
    let (true, Some(before)) = (left, &saved.before) else { return Ok(PutBack::Whole) };
    let queue = saved.queue_id();
    let found = standing(conn, era.into(), &queue, &saved.member.0).await?;
    let waits = [State::Waiting, State::Paused, State::Prioritized, State::Delayed];
    if found
        .is_none_or(|found| found.run.exists && found.run.state.is_some_and(|state| waits.contains(&state)))
    {
        return Ok(PutBack::Whole);
    }
    let (Some(repeat), Ok(id)) = (repeat(&before.definition), std::str::from_utf8(&saved.member.0)) else {
        return Ok(PutBack::NoRun);
    };
    let queue = Queue::new(conn.clone(), queue);
    match queue.rewrite_scheduler(id, &repeat, template(&before.definition)).await {
        Ok(Some(_)) => Ok(PutBack::Anew),
        Err(ScheduleError::Conn(error)) => Err(OpError::Conn(error)),
        Ok(None) | Err(_) => Ok(PutBack::NoRun),
    }
}

async fn revert(conn: &Conn, era: WriteEra, saved: &SavedSchedule) -> Result<Code, OpError> {
    let queue = saved.queue_id();
    let after = match &saved.after {
        After::Unknown => return Ok(Code::Changed),
        After::Gone => None,
        After::Is(form) => Some(form),
    };
    let raw = |bytes: Option<&Bytes>| bytes.map(|bytes| bytes.0.clone()).unwrap_or_default();
    let (before, run) = (saved.before.as_ref(), saved.run.as_deref());
    let place = run.and_then(|run| run.place.as_ref());
    let dedup = run.and_then(|run| run.dedup.as_ref());
    let state = run.and_then(Saved::state);
    let mut args = vec![
        era_argument(era),
        queue.base(),
        saved.member.0.clone(),
        raw(after.map(|form| &form.score)),
        raw(after.and_then(|form| form.run.as_ref())),
        raw(before.map(|form| &form.score)),
        raw(run.map(|run| &run.id)),
        state.map(|state| state.suffix().into()).unwrap_or_default(),
        raw(place.and_then(|place| place.score.as_ref())),
        raw(place.and_then(|place| place.next.as_ref())),
        raw(dedup.map(|dedup| &dedup.id)),
        dedup.and_then(|dedup| dedup.until).map(|until| until.to_string().into_bytes()).unwrap_or_default(),
    ];
    let none: &[(Bytes, Bytes)] = &[];
    let pairs = [
        after.map_or(none, |form| &form.definition),
        before.map_or(none, |form| &form.definition),
        run.map_or(none, |run| &run.fields),
    ];
    for pairs in pairs {
        args.push((2 * pairs.len()).to_string().into_bytes());
        args.extend(pairs.iter().flat_map(|(name, value)| [name.0.clone(), value.0.clone()]));
    }
    let logs = run.map(|run| run.logs.as_slice()).unwrap_or_default();
    args.push(logs.len().to_string().into_bytes());
    args.extend(logs.iter().map(|line| line.0.clone()));
    let script = script!("operation", "restore_schedule", ["decided", "push", "insert", "job", "dedup"]);
    let reply: Value = conn.eval(script, &queue_keys(&queue), &args).await?;
    let Some(answer) = integer(&reply) else { return Err(OpError::Shape { script: script.name }) };
    Code::from_revert(answer).ok_or(OpError::UnknownAnswer { script: script.name, answer })
}

/// Fields that a run changes.
const OF_A_RUN: [&[u8]; 2] = [b"ic", b"offset"];

/// Writes the old rule of a scheduler that ran meanwhile, or removes one that was not there before.
async fn anew(conn: &Conn, era: WriteEra, saved: &SavedSchedule) -> Result<PutBack, OpError> {
    let changed = Ok(PutBack::Refused(Code::Changed));
    let After::Is(after) = &saved.after else { return changed };
    let target = Target { queue: saved.queue_id(), era };
    let now = match form(conn, &target, &saved.member.0).await {
        Ok((Some(now), _)) => now,
        Err(SaveError::Conn(error)) => return Err(OpError::Conn(error)),
        Ok((None, _)) | Err(_) => return changed,
    };
    // All of the oldest ones' rule stands in the member.
    let in_key = now.definition.is_empty() && LegacyKey::parse(&saved.member.0).is_some();
    // The first run of a repeatable of BullMQ 5 writes its data into the definition.
    let counted = after.definition.iter().any(|(name, _)| name.0 == b"ic");
    let rule = |definition| rule(definition, counted);
    if rule(&now.definition) != rule(&after.definition) || (after.definition.is_empty() && !in_key) {
        return changed;
    }
    let Some(before) = &saved.before else {
        let removed = run_scheduler(conn, &target, SchedulerOp::Remove, &saved.member()).await?;
        return Ok(if removed.code.is_done() { PutBack::Whole } else { PutBack::Refused(removed.code) });
    };
    let (Some(repeat), Ok(id)) = (repeat(&before.definition), std::str::from_utf8(&saved.member.0)) else {
        return changed;
    };
    let queue = Queue::new(conn.clone(), target.queue.clone());
    match queue.rewrite_scheduler(id, &repeat, template(&before.definition)).await {
        Ok(Some(_)) => Ok(PutBack::Anew),
        Err(ScheduleError::Conn(error)) => Err(OpError::Conn(error)),
        Err(ScheduleError::Refused(code)) => Ok(PutBack::Refused(code)),
        Ok(None) | Err(_) => changed,
    }
}

/// What a definition says, without what a run changes.
fn rule(definition: &[(Bytes, Bytes)], counted: bool) -> Vec<&(Bytes, Bytes)> {
    let of_a_run = |name: &[u8]| OF_A_RUN.contains(&name) || (!counted && name == b"data");
    let mut rule: Vec<_> = definition.iter().filter(|(name, _)| !of_a_run(&name.0)).collect();
    rule.sort();
    rule
}

/// What the jobs are by a definition: `name`, `data`, `opts`, empty where it has none.
fn template(definition: &[(Bytes, Bytes)]) -> [&[u8]; 3] {
    ["name", "data", "opts"].map(|field| {
        let found = definition.iter().find(|(name, _)| name.0 == field.as_bytes());
        found.map(|(_, value)| value.0.as_slice()).unwrap_or_default()
    })
}

/// The rule that a definition holds.
fn repeat(definition: &[(Bytes, Bytes)]) -> Option<Repeat> {
    let field = |name: &str| {
        let found = definition.iter().find(|(known, _)| known.0 == name.as_bytes());
        found.map(|(_, value)| value.0.as_slice())
    };
    let text = |name: &str| field(name).and_then(|value| std::str::from_utf8(value).ok());
    let count = |name: &str| field(name).and_then(number::whole);
    let unsigned = |name: &str| count(name).and_then(|number| u64::try_from(number).ok());
    let mut repeat = match (unsigned("every"), text("pattern")) {
        (Some(ms), _) => {
            let repeat = Repeat::every(std::time::Duration::from_millis(ms));
            match unsigned("offset") {
                Some(offset) => repeat.offset(std::time::Duration::from_millis(offset)),
                None => repeat,
            }
        }
        (None, Some(pattern)) => {
            let repeat = Repeat::cron(pattern);
            match text("tz") {
                Some(zone) => repeat.tz(zone),
                None => repeat,
            }
        }
        (None, None) => return None,
    };
    if let Some(runs) = unsigned("limit") {
        repeat = repeat.limit(runs);
    }
    if let Some(at) = count("startDate") {
        repeat = repeat.start(at);
    }
    if let Some(at) = count("endDate") {
        repeat = repeat.end(at);
    }
    Some(repeat)
}
