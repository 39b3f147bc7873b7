//! A queue's own keys, and the ids of its pages.

use std::collections::HashMap;

use super::facts::{QueueFacts, Stream, Text};
use super::pace::Paced;
use crate::conn::{Batch, ConnError, Request, Value, Verb, bytes, field, integer, items, text};
use crate::engine::read::overview::{Overview, counts, scored, server_time};
use crate::text::Clean;
use crate::wire::keys::TYPES;
use crate::wire::{Counts, Era, JobId, QueueId, Raw, State, number};

/// Reads the keys of a queue; Redis's time comes with them.
pub(super) async fn facts(paced: &Paced<'_>, queue: &QueueId) -> Result<(i64, Era, QueueFacts), ConnError> {
    let one = counts(paced.conn, std::slice::from_ref(queue)).await?;
    let (overview, era, counts) =
        one.into_iter().next().unwrap_or((Overview::default(), Era::Unknown, Counts::default()));
    let mut batch = Batch::new();
    batch.push(Request::new(Verb::Time));
    for (suffix, _) in TYPES {
        batch.push(Request::new(Verb::Type).arg(queue.key(suffix)));
    }
    let key = |verb: Verb, suffix: &str| Request::new(verb).arg(queue.key(suffix));
    for suffix in ["stalled-check", "limiter"] {
        batch.push(key(Verb::Get, suffix));
        batch.push(key(Verb::PTtl, suffix));
    }
    batch.push(key(Verb::Get, "pc"));
    batch.push(key(Verb::Get, "id"));
    batch.push(key(Verb::ZScore, "marker").arg("0"));
    batch.push(key(Verb::ZRange, "prioritized").arg(0).arg(0).arg("WITHSCORES"));
    batch.push(key(Verb::ZRevRange, "prioritized").arg(0).arg(0).arg("WITHSCORES"));
    batch.push(key(Verb::ZRange, "delayed").arg(0).arg(0).arg("WITHSCORES"));
    batch.push(key(Verb::XLen, "events"));
    batch.push(key(Verb::XInfoStream, "events"));
    batch.push(Request::new(Verb::MemoryUsage).arg(queue.key("events")).arg("SAMPLES").arg(5));
    for list in ["wait", "paused"] {
        batch.push(key(Verb::LIndex, list).arg(-1));
        batch.push(key(Verb::LIndex, list).arg(0));
    }
    let replies = paced.batch(&batch).await?;
    let mut replies = replies.into_iter();
    // An error of one key is told by its type; a server that refuses everything is an error.
    let mut next = || replies.next().unwrap_or(Value::Nil);
    let first = ConnError::check(next())?;
    let at = server_time(&first).unwrap_or(0);
    let mut facts = QueueFacts { overview, counts, ..QueueFacts::default() };
    for (suffix, wanted) in TYPES {
        let reply = ConnError::check(next())?;
        let found = text(&reply).unwrap_or("none");
        if found != "none" && found != wanted {
            facts.mistyped.push((suffix, Clean::line(found), false));
        }
    }
    let mut string = || {
        let (value, ttl) = (next(), next());
        let value = bytes(&value).map(Raw::new)?;
        Some(Text { value, ttl: integer(&ttl).filter(|ttl| *ttl >= 0) })
    };
    facts.stalled_check = string();
    facts.limiter = string();
    facts.counter = bytes(&next()).map(Raw::new);
    facts.last_id = bytes(&next()).map(Raw::new);
    facts.marked = bytes(&next()).is_some();
    let mut member = || {
        let reply = next();
        scored(&reply).first().map(|(id, score)| (JobId::new(id), *score))
    };
    facts.prioritized = [member(), member()].into_iter().flatten().collect();
    facts.due = member();
    let length = next();
    let info = next();
    let used = next();
    let last =
        field(&info, "last-generated-id").and_then(text).and_then(|id| id.split('-').next()?.parse().ok());
    facts.events = Stream {
        length: integer(&length).and_then(|n| u64::try_from(n).ok()).unwrap_or(0),
        last_at: last,
        bytes: integer(&used).and_then(|n| u64::try_from(n).ok()),
    };
    let mut ends = Vec::new();
    for state in [State::Waiting, State::Paused] {
        for _ in 0..2 {
            let reply = next();
            let Some(id) = bytes(&reply).map(JobId::new) else { continue };
            if id.is_marker() {
                if !facts.list_markers.contains(&(state, id.clone())) {
                    facts.list_markers.push((state, id));
                }
            } else {
                ends.push(id);
            }
        }
    }
    facts.line = line(paced, queue, &ends).await?;
    for (suffix, _, is_job) in &mut facts.mistyped {
        let mut fields = Batch::new();
        for field in ["name", "data", "timestamp"] {
            fields.push(key(Verb::HExists, suffix).arg(field));
        }
        *is_job = paced.batch(&fields).await?.iter().all(|there| integer(there) == Some(1));
    }
    Ok((at, era, facts))
}

/// When the next and the newest of the line were added.
async fn line(paced: &Paced<'_>, queue: &QueueId, ends: &[JobId]) -> Result<Option<(i64, i64)>, ConnError> {
    let mut batch = Batch::new();
    for id in ends {
        batch.push(Request::new(Verb::HGet).arg(queue.job(id)).arg("timestamp"));
    }
    let replies = paced.batch(&batch).await?;
    let times: Vec<i64> = replies.iter().filter_map(bytes).filter_map(number::whole).collect();
    Ok(times.iter().min().copied().zip(times.iter().max().copied()))
}

/// The ids of the pages of a queue.
#[derive(Debug, Default)]
pub(super) struct Pages {
    /// Ids with where they stand: the state, how often.
    pub places: HashMap<JobId, Vec<(State, u32)>>,
    /// Ids in the order in which they are worth a look.
    pub order: Vec<JobId>,
    /// Every id of every state is among them.
    pub complete: bool,
}

/// Reads the ids of up to `most` jobs of each state, of finished ones so many times less: of lists the side
/// that runs next, and some of the other.
pub(super) async fn pages(
    paced: &Paced<'_>,
    queue: &QueueId,
    facts: &QueueFacts,
    most: u64,
    finished: u64,
) -> Result<Pages, ConnError> {
    let mut pages = Pages { complete: true, ..Pages::default() };
    let overview = &facts.overview;
    let length = |state: State| match state {
        State::Waiting => overview.wait,
        State::Paused => overview.paused,
        State::Prioritized => overview.prioritized,
        state => facts.counts.of(state),
    };
    let states = [
        State::Active,
        State::Waiting,
        State::Paused,
        State::Prioritized,
        State::Delayed,
        State::WaitingChildren,
    ];
    for state in states.into_iter().chain([State::Failed, State::Completed]) {
        let total = length(state);
        if total == 0 {
            continue;
        }
        let most = if state.is_finished() { most.div_ceil(finished) } else { most };
        pages.complete &= total <= most;
        let key = queue.key(state.suffix());
        let mut batch = Batch::new();
        if state.is_list() {
            let tail = most.min(total);
            batch.push(Request::new(Verb::LRange).arg(&key).arg(format!("-{tail}")).arg("-1"));
            if total > most {
                let head = (total - most).min(most / 4 + 1);
                batch.push(Request::new(Verb::LRange).arg(&key).arg(0).arg(head - 1));
            }
        } else {
            let verb = if state.is_finished() { Verb::ZRevRange } else { Verb::ZRange };
            batch.push(Request::new(verb).arg(&key).arg(0).arg(most.max(1) - 1));
        }
        for reply in paced.batch(&batch).await? {
            let mut ids: Vec<JobId> = items(&reply).iter().filter_map(bytes).map(JobId::new).collect();
            if state.is_list() {
                // From the tail: the next to run come first. Sorted sets come in that order.
                ids.reverse();
            }
            for id in ids {
                if id.is_marker() {
                    continue;
                }
                let places = pages.places.entry(id.clone()).or_default();
                match places.iter_mut().find(|(place, _)| *place == state) {
                    Some((_, times)) => *times += 1,
                    None => places.push((state, 1)),
                }
                if places.len() == 1 && places[0].1 == 1 {
                    pages.order.push(id);
                }
            }
        }
    }
    Ok(pages)
}
