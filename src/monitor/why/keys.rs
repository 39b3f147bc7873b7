//! The keys of a queue itself: what type they are of, what its lists begin with, its markers.

use crate::conn::{Batch, Conn, ConnError, Request, Value, Verb, bytes, integer, items, text};
use crate::engine::read::overview::scored;
use crate::text::Clean;
use crate::wire::keys::TYPES;
use crate::wire::{JobId, QueueId, Raw, State, number, score};

/// Ids of a list that are looked at, from the side that runs next.
const SAMPLE: i64 = 20;
/// Active jobs that are looked at, the oldest.
const ACTIVE: i64 = 50;
/// A delayed job counts as overdue so long after it was due, ms: workers promote within seconds.
pub(super) const OVERDUE_MS: i64 = 15_000;

/// A key of the queue that holds something else than workers expect: they get `WRONGTYPE`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mistyped {
    /// What stands behind the queue's name in the key.
    pub suffix: &'static str,
    /// The type that workers expect.
    pub wants: &'static str,
    /// The type that it has.
    pub found: Clean,
    /// It is the hash of a job whose id is that word.
    pub is_job: bool,
}

/// What was read of the queue's own keys.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Keys {
    /// Keys of a wrong type.
    pub mistyped: Vec<Mistyped>,
    /// A job has the id `groups`, which looks like a queue of `BullMQ` Pro.
    pub job_named_groups: bool,
    /// Groups of `BullMQ` Pro, where `groups` is a set with scores.
    pub groups: Option<u64>,
    /// `meta` holds a job: an id of that name was added.
    pub meta_is_job: bool,
    /// Members of `marker` with their scores (spec 1.4).
    pub markers: Vec<(Raw, f64)>,
    /// Time to live of `stalled-check`, ms: -1 for ever, -2 there is none.
    pub stalled_check_ms: i64,
    /// When the last stalled check was, ms since the epoch by the worker's clock.
    pub stalled_check_at: Option<i64>,
    /// Time to live of `limiter`, as above.
    pub limiter_ms: i64,
    /// Delayed jobs whose time was more than 15 s ago.
    pub overdue: u64,
    /// When the first one is due, ms since the epoch.
    pub first_due_at: Option<i64>,
    /// Ids of a state, next to run first, with their scores where the state has any.
    pub ids: Vec<(State, JobId, Option<f64>)>,
    /// Jobs that finished last.
    pub finished: Vec<JobId>,
}

impl Keys {
    /// The score of a marker's member.
    pub fn marker(&self, member: &str) -> Option<f64> {
        self.markers.iter().find(|(name, _)| name.as_bytes() == member.as_bytes()).map(|(_, score)| *score)
    }
}

/// Reads the queue's own keys in one round trip, and what is of a wrong type in a second one.
pub(super) async fn read(conn: &Conn, queue: &QueueId, now: i64) -> Result<Keys, ConnError> {
    let mut batch = Batch::new();
    let key = |verb: Verb, suffix: &str| Request::new(verb).arg(queue.key(suffix));
    for (suffix, _) in TYPES {
        batch.push(key(Verb::Type, suffix));
    }
    batch.push(key(Verb::ZRange, "marker").arg(0).arg(3).arg("WITHSCORES"));
    batch.push(key(Verb::PTtl, "stalled-check"));
    batch.push(key(Verb::Get, "stalled-check"));
    batch.push(key(Verb::PTtl, "limiter"));
    let overdue = score::delayed_floor(now - OVERDUE_MS);
    batch.push(key(Verb::ZCount, "delayed").arg("-inf").arg(format!("({overdue:.0}")));
    batch.push(key(Verb::ZRevRange, "completed").arg(0).arg(9));
    for state in SAMPLED {
        batch.push(match state {
            State::Active => key(Verb::LRange, state.suffix()).arg(-ACTIVE).arg(-1),
            list if list.is_list() => key(Verb::LRange, list.suffix()).arg(-SAMPLE).arg(-1),
            set => key(Verb::ZRange, set.suffix()).arg(0).arg(SAMPLE - 1).arg("WITHSCORES"),
        });
    }
    batch.push(key(Verb::HExists, "groups").arg("timestamp"));
    batch.push(key(Verb::HExists, "meta").arg("timestamp"));
    batch.push(key(Verb::ZCard, "groups"));
    let mut replies = conn.batch(&batch).await?.into_iter();
    let mut keys = Keys { stalled_check_ms: -2, limiter_ms: -2, ..Keys::default() };
    for (suffix, wants) in TYPES {
        let found = next(&mut replies)?;
        let found = text(&found).unwrap_or("none");
        if found != "none" && found != wants {
            keys.mistyped.push(Mistyped { suffix, wants, found: Clean::line(found), is_job: false });
        }
    }
    for (member, score) in scored(&next(&mut replies)?) {
        keys.markers.push((Raw::new(member), score));
    }
    keys.stalled_check_ms = integer(&next(&mut replies)?).unwrap_or(-2);
    keys.stalled_check_at = bytes(&next(&mut replies)?).and_then(number::whole);
    keys.limiter_ms = integer(&next(&mut replies)?).unwrap_or(-2);
    keys.overdue = integer(&next(&mut replies)?).and_then(|n| u64::try_from(n).ok()).unwrap_or(0);
    keys.finished = items(&next(&mut replies)?).iter().filter_map(bytes).map(JobId::new).collect();
    for state in SAMPLED {
        let reply = next(&mut replies)?;
        if state.is_list() {
            // The next one stands at the end.
            let ids = items(&reply).iter().rev().filter_map(bytes).map(JobId::new);
            keys.ids.extend(ids.filter(|id| !id.is_marker()).map(|id| (state, id, None)));
        } else {
            keys.ids.extend(scored(&reply).into_iter().map(|(id, at)| (state, JobId::new(id), Some(at))));
        }
    }
    let first = keys.ids.iter().find(|(state, ..)| *state == State::Delayed);
    keys.first_due_at = first.and_then(|(.., at)| at.map(score::due_at));
    keys.job_named_groups = integer(&next(&mut replies)?) == Some(1);
    keys.meta_is_job = integer(&next(&mut replies)?) == Some(1);
    keys.groups = integer(&next(&mut replies)?).and_then(|n| u64::try_from(n).ok()).filter(|n| *n > 0);
    whose(conn, queue, &mut keys).await?;
    Ok(keys)
}

/// The states of which a few ids are read.
const SAMPLED: [State; 6] = [
    State::Waiting,
    State::Paused,
    State::Prioritized,
    State::Delayed,
    State::Active,
    State::WaitingChildren,
];

/// Whether a key of a wrong type is a job that was given the queue's own word as its id (trap T8).
async fn whose(conn: &Conn, queue: &QueueId, keys: &mut Keys) -> Result<(), ConnError> {
    if keys.mistyped.is_empty() {
        return Ok(());
    }
    let mut batch = Batch::new();
    for wrong in &keys.mistyped {
        batch.push(Request::new(Verb::HExists).arg(queue.key(wrong.suffix)).arg("timestamp"));
    }
    for (wrong, reply) in keys.mistyped.iter_mut().zip(conn.batch(&batch).await?) {
        wrong.is_job = integer(&reply) == Some(1);
    }
    Ok(())
}

/// The next reply; one that is an error of its key alone is as if nothing were there.
pub(super) fn next(replies: &mut impl Iterator<Item = Value>) -> Result<Value, ConnError> {
    match ConnError::check(replies.next().unwrap_or(Value::Nil)) {
        Ok(reply) => Ok(reply),
        Err(error) if error.is_server_state() => Err(error),
        Err(_) => Ok(Value::Nil),
    }
}
