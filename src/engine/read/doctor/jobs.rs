//! Jobs: where each is, and what its hash and its lock say.

use serde::de::IgnoredAny;

use super::facts::{Fields, Hash, JobFacts, Lock};
use super::pace::Paced;
use super::queue::Pages;
use crate::conn::{Batch, ConnError, Request, Value, Verb, bytes, float, integer, items};
use crate::wire::{JobId, QueueId, Raw, State, number};

/// Jobs of one round trip.
const CHUNK: usize = 40;
/// Values above this size are not read to see whether they are JSON.
const SMALL: u64 = 16 << 10;
/// Elements of a list that are searched from either end: 0.15 ms of Redis.
const NEAR: u64 = 10_000;
/// Jobs whose data is read to see whether it is JSON: those that run next.
pub(super) const PARSED: usize = 200;

/// Bytes of data and options that are read at once.
const PAYLOADS: u64 = 256 << 10;

/// Numbers. What a person gave (a name, the id of a group) may be of any size: it is asked for whether it is there.
const FIELDS: [&str; 7] =
    ["timestamp", "processedOn", "finishedOn", "delay", "priority", "ats", "attemptsMade"];
const GIVEN: [&str; 2] = ["name", "gid"];
const SIZES: [&str; 4] = ["data", "opts", "returnvalue", "stacktrace"];
const LISTS: [State; 3] = [State::Waiting, State::Paused, State::Active];
const SORTED: [State; 5] =
    [State::Completed, State::Failed, State::WaitingChildren, State::Delayed, State::Prioritized];

/// How it is known in which lists jobs are.
#[derive(Clone, Copy)]
pub(super) enum Lists<'a> {
    /// By pages that were read just now.
    Pages(&'a Pages),
    /// The server searches for each (Redis 6.0.6 on).
    Search,
}

/// Reads what is known of jobs. `parsed`: of so many, from the first on, data and options are read.
pub(super) async fn jobs(
    paced: &Paced<'_>,
    queue: &QueueId,
    ids: &[JobId],
    lists: Lists<'_>,
    parsed: usize,
) -> Result<Vec<JobFacts>, ConnError> {
    let mut out = Vec::with_capacity(ids.len());
    for chunk in ids.chunks(CHUNK) {
        out.extend(some(paced, queue, chunk, lists).await?);
    }
    let mut which = Vec::new();
    let mut size = 0;
    for at in 0..out.len().min(parsed) {
        let Some(fields) = out[at].fields().filter(|fields| fields.largest.1 <= SMALL) else { continue };
        if size + fields.payload > PAYLOADS || which.len() >= CHUNK {
            parse(paced, queue, &mut out, &which).await?;
            (which, size) = (Vec::new(), 0);
        }
        size += out[at].fields().map_or(0, |fields| fields.payload);
        which.push(at);
    }
    parse(paced, queue, &mut out, &which).await?;
    Ok(out)
}

/// One round trip: all that is asked of a job stands together in it, so that nothing comes in between.
async fn some(
    paced: &Paced<'_>,
    queue: &QueueId,
    ids: &[JobId],
    lists: Lists<'_>,
) -> Result<Vec<JobFacts>, ConnError> {
    let mut batch = Batch::new();
    for id in ids {
        let key = queue.job(id);
        batch.push(Request::new(Verb::HMGet).arg(&key).arg(&FIELDS[..]));
        // Against the direction in which jobs move: one that moves on meanwhile is not met twice.
        for state in SORTED {
            batch.push(Request::new(Verb::ZScore).arg(queue.key(state.suffix())).arg(id.as_bytes()));
        }
        if let Lists::Search = lists {
            for state in LISTS.into_iter().rev() {
                let list = queue.key(state.suffix());
                batch.push(Request::new(Verb::LLen).arg(&list));
                for rank in [-1, 1] {
                    let near = Request::new(Verb::LPos).arg(&list).arg(id.as_bytes()).arg("RANK").arg(rank);
                    batch.push(near.arg("COUNT").arg(2).arg("MAXLEN").arg(NEAR));
                }
            }
        }
        for field in GIVEN {
            batch.push(Request::new(Verb::HExists).arg(&key).arg(field));
        }
        for field in SIZES {
            batch.push(Request::new(Verb::HStrLen).arg(&key).arg(field));
        }
        let lock = queue.satellite(id, "lock");
        batch.push(Request::new(Verb::PTtl).arg(&lock));
        batch.push(Request::new(Verb::Get).arg(&lock));
        batch.push(Request::new(Verb::SCard).arg(queue.satellite(id, "dependencies")));
        batch.push(Request::new(Verb::Exists).arg(&key));
    }
    let mut replies = paced.batch(&batch).await?.into_iter();
    let mut next = || replies.next().unwrap_or(Value::Nil);
    let mut out = Vec::with_capacity(ids.len());
    for id in ids {
        let values = next();
        let mut places = Vec::new();
        for state in SORTED {
            if let Some(score) = float(&next()) {
                places.push((state, 1, Some(score)));
            }
        }
        let mut unsure = false;
        match lists {
            Lists::Pages(pages) => {
                unsure = !pages.complete;
                let known = pages.places.get(id).into_iter().flatten();
                places.extend(
                    known.filter(|(state, _)| state.is_list()).map(|(state, times)| (*state, *times, None)),
                );
            }
            Lists::Search => {
                for state in LISTS.into_iter().rev() {
                    let length = integer(&next()).and_then(|n| u64::try_from(n).ok()).unwrap_or(0);
                    let (tail, head) = (next(), next());
                    let mut at: Vec<i64> =
                        [&tail, &head].into_iter().flat_map(items).filter_map(integer).collect();
                    at.sort_unstable();
                    at.dedup();
                    unsure |= length > 2 * NEAR && at.is_empty();
                    if !at.is_empty() {
                        places.push((state, u32::try_from(at.len()).unwrap_or(2).min(2), None));
                    }
                }
            }
        }
        let given = [next(), next()].map(|there| integer(&there) == Some(1));
        let sizes: Vec<Option<i64>> = SIZES.iter().map(|_| integer(&next())).collect();
        let (ttl, token, pending, exists) = (next(), next(), next(), next());
        out.push(JobFacts {
            id: id.clone(),
            places,
            unsure,
            hash: hash(&values, given, &sizes, integer(&exists) == Some(1)),
            lock: lock(&ttl, &token),
            pending: integer(&pending).and_then(|n| u64::try_from(n).ok()).unwrap_or(0),
        });
    }
    Ok(out)
}

fn lock(ttl: &Value, token: &Value) -> Lock {
    match (integer(ttl), bytes(token)) {
        (Some(-1), Some(token)) => Lock::Forever(Raw::new(token)),
        (Some(ttl), _) if ttl >= 0 => Lock::For(ttl),
        _ => Lock::None,
    }
}

fn hash(values: &Value, [named, grouped]: [bool; 2], sizes: &[Option<i64>], exists: bool) -> Hash {
    if !exists {
        return Hash::None;
    }
    if matches!(values, Value::ServerError(_)) {
        return Hash::Other;
    }
    let values: Vec<Option<&[u8]>> = items(values).iter().map(bytes).collect();
    let value = |at: usize| values.get(at).copied().flatten();
    let whole = |at: usize| value(at).and_then(number::whole);
    let size = |at: usize| sizes.get(at).copied().flatten().and_then(|n| u64::try_from(n).ok()).unwrap_or(0);
    if !named || value(0).is_none() || size(0) == 0 {
        return Hash::Stub;
    }
    let largest = SIZES.iter().enumerate().map(|(at, name)| (*name, size(at))).max_by_key(|(_, size)| *size);
    Hash::Job(Fields {
        added_at: whole(0),
        started_at: whole(1),
        finished_at: whole(2),
        delay: whole(3).unwrap_or(0),
        priority: whole(4).unwrap_or(0),
        starts: whole(5).or_else(|| whole(6)).unwrap_or(0),
        grouped,
        returned: size(2) > 0,
        largest: largest.unwrap_or(("data", 0)),
        payload: size(0) + size(1),
        invalid: Vec::new(),
        own_id: None,
    })
}

/// Reads small data and options of jobs, to see whether they are JSON.
async fn parse(
    paced: &Paced<'_>,
    queue: &QueueId,
    jobs: &mut [JobFacts],
    which: &[usize],
) -> Result<(), ConnError> {
    let mut batch = Batch::new();
    for at in which {
        batch.push(Request::new(Verb::HMGet).arg(queue.job(&jobs[*at].id)).arg("data").arg("opts"));
    }
    for (at, reply) in which.iter().copied().zip(paced.batch(&batch).await?) {
        let Hash::Job(fields) = &mut jobs[at].hash else { continue };
        for (name, value) in ["data", "opts"].into_iter().zip(items(&reply)) {
            let Some(value) = bytes(value) else { continue };
            // As JavaScript reads it: text that is not UTF-8 reaches it with its bytes replaced.
            let text = String::from_utf8_lossy(value);
            let read = serde_json::from_str::<IgnoredAny>(&text);
            // What is nested deeper than we read is no damage.
            if read.is_err_and(|error| !error.to_string().starts_with("recursion limit")) {
                fields.invalid.push((name, Raw::new(value)));
            } else if name == "opts" {
                let opts: Option<serde_json::Value> = serde_json::from_str(&text).ok();
                fields.own_id = opts.map(|opts| opts.get("jobId").is_some());
            }
        }
    }
    Ok(())
}
