//! Parents that wait, schedulers, and deduplication ids.

use super::facts::{DedupFacts, Hash, JobFacts};
use super::jobs::{Lists, jobs};
use super::pace::Paced;
use super::queue::Pages;
use crate::conn::{Batch, ConnError, Request, Value, Verb, bytes, float, integer, items};
use crate::engine::read::overview::scored;
use crate::wire::parent::split_job_key;
use crate::wire::repeat::LegacyKey;
use crate::wire::{JobId, QueueId, Raw, number};

/// Children of a parent that are looked at: the first so many.
const CHILDREN: usize = 100;
/// Schedulers of a queue that are looked at.
const SCHEDULERS: u64 = 1_000;
/// Lookups of one round trip.
const CHUNK: usize = 50;

/// What became of a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChildState {
    /// Its key is gone.
    Gone,
    /// It failed, and says that its parent waits for it all the same.
    Failed,
    /// It completed, and its parent was not told.
    Completed,
    /// It is somewhere else.
    Alive,
}

/// A child that a parent waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Child {
    /// Its whole key, as the parent knows it.
    pub key: Raw,
    /// Its queue and id, as far as the key tells.
    pub job: Option<(QueueId, JobId)>,
    /// What became of it.
    pub state: ChildState,
}

/// A parent in `waiting-children`.
#[derive(Clone, Debug, PartialEq)]
pub struct ParentFacts {
    /// Its id.
    pub id: JobId,
    /// Since when it waits, ms since the epoch; `None`: it does not wait (any more).
    pub since: Option<f64>,
    /// Children that it waits for.
    pub pending: u64,
    /// Those that were looked at.
    pub children: Vec<Child>,
    /// It is a job and not a ghost.
    pub is_job: bool,
}

/// Reads what parents wait for.
pub(super) async fn parents(
    paced: &Paced<'_>,
    queue: &QueueId,
    ids: &[JobId],
) -> Result<Vec<ParentFacts>, ConnError> {
    let mut out = Vec::with_capacity(ids.len());
    for chunk in ids.chunks(CHUNK) {
        let mut batch = Batch::new();
        for id in chunk {
            let pending = queue.satellite(id, "dependencies");
            batch.push(Request::new(Verb::SCard).arg(&pending));
            batch.push(Request::new(Verb::ZScore).arg(queue.key("waiting-children")).arg(id.as_bytes()));
            batch.push(Request::new(Verb::HExists).arg(queue.job(id)).arg("name"));
            batch.push(Request::new(Verb::SScan).arg(&pending).arg(0).arg("COUNT").arg(CHILDREN as u64));
        }
        let replies = paced.batch(&batch).await?;
        for (id, replies) in chunk.iter().zip(replies.chunks_exact(4)) {
            let keys = items(&replies[3]).get(1).map(items).unwrap_or_default();
            let keys: Vec<Raw> = keys.iter().filter_map(bytes).take(CHILDREN).map(Raw::new).collect();
            out.push(ParentFacts {
                id: id.clone(),
                since: float(&replies[1]),
                pending: integer(&replies[0]).and_then(|n| u64::try_from(n).ok()).unwrap_or(0),
                children: children(paced, queue, keys).await?,
                is_job: integer(&replies[2]) == Some(1),
            });
        }
    }
    Ok(out)
}

async fn children(paced: &Paced<'_>, queue: &QueueId, keys: Vec<Raw>) -> Result<Vec<Child>, ConnError> {
    let mut out = Vec::with_capacity(keys.len());
    for chunk in keys.chunks(CHUNK) {
        let mut batch = Batch::new();
        let mut known = Vec::with_capacity(chunk.len());
        for key in chunk {
            let job = split_job_key(key.as_bytes(), None, queue);
            batch.push(Request::new(Verb::Exists).arg(key.as_bytes()));
            let (from, id) = match &job {
                Some((from, id)) => (from, id.as_bytes()),
                None => (queue, &b""[..]),
            };
            batch.push(Request::new(Verb::ZScore).arg(from.key("failed")).arg(id));
            batch.push(Request::new(Verb::ZScore).arg(from.key("completed")).arg(id));
            known.push(job);
        }
        let replies = paced.batch(&batch).await?;
        for ((key, job), replies) in chunk.iter().zip(known).zip(replies.chunks_exact(3)) {
            let found = |at: usize| float(&replies[at]).is_some();
            let state = match integer(&replies[0]) {
                Some(0) => ChildState::Gone,
                _ if found(1) => ChildState::Failed,
                _ if found(2) => ChildState::Completed,
                _ => ChildState::Alive,
            };
            out.push(Child { key: key.clone(), job, state });
        }
    }
    Ok(out)
}

/// Whether the job of a scheduler's next run is there.
#[derive(Clone, Debug, PartialEq)]
pub enum Iteration {
    /// Its id is made of the scheduler's: this is what stands there.
    Job(Box<JobFacts>),
    /// Its id is made of a hash (repeatables of older releases), and one that is due then was found.
    Found,
    /// None was found, and everything was looked at.
    Missing,
    /// It may be where nobody looked.
    Unsure,
}

/// A scheduler or repeatable.
#[derive(Clone, Debug, PartialEq)]
pub struct SchedulerFacts {
    /// Its member of `repeat`.
    pub key: Raw,
    /// When it runs next, ms since the epoch.
    pub next_at: i64,
    /// It is one whose whole rule is its key: Bull, and BullMQ up to 5.9.
    pub legacy: bool,
    /// It has a count of its runs: a job scheduler, which holds what its jobs are.
    pub counted: bool,
    /// Its cron pattern.
    pub pattern: Option<Raw>,
    /// Its zone.
    pub zone: Option<Raw>,
    /// Its interval, ms.
    pub every: Option<i64>,
    /// Its runs so far, and at most.
    pub runs: (Option<i64>, Option<i64>),
    /// No run before this, ms since the epoch.
    pub start_at: Option<i64>,
    /// No run after this, ms since the epoch.
    pub end_at: Option<i64>,
    /// How far its runs lie after the multiples of its interval, ms.
    pub offset: Option<i64>,
    /// The job of its next run.
    pub next: Iteration,
}

/// Reads the schedulers of a queue.
pub(super) async fn schedulers(
    paced: &Paced<'_>,
    queue: &QueueId,
    pages: &Pages,
    lists: Lists<'_>,
) -> Result<Vec<SchedulerFacts>, ConnError> {
    let range =
        Request::new(Verb::ZRange).arg(queue.key("repeat")).arg(0).arg(SCHEDULERS - 1).arg("WITHSCORES");
    let replies = paced.batch(&range.into()).await?;
    let members: Vec<(Raw, i64)> = replies
        .first()
        .map(scored)
        .unwrap_or_default()
        .into_iter()
        .map(|(member, at)| (Raw::new(member), number::real(at)))
        .collect();
    let mut out = Vec::with_capacity(members.len());
    for chunk in members.chunks(CHUNK) {
        let mut batch = Batch::new();
        for (key, at) in chunk {
            let definition = queue.key([b"repeat:", key.as_bytes()].concat());
            let fields = ["name", "tz", "pattern", "every", "startDate", "endDate", "ic", "limit", "offset"];
            batch.push(Request::new(Verb::HMGet).arg(definition).arg(&fields[..]));
            let from = at.saturating_mul(4096);
            let due = Request::new(Verb::ZRangeByScore).arg(queue.key("delayed"));
            batch.push(due.arg(from).arg(from.saturating_add(4095)).arg("LIMIT").arg(0).arg(200));
        }
        let replies = paced.batch(&batch).await?;
        let ids: Vec<JobId> = chunk.iter().map(|(key, at)| iteration(key, *at)).collect();
        let found = jobs(paced, queue, &ids, lists, 0).await?;
        for (((key, at), job), replies) in chunk.iter().zip(found).zip(replies.chunks_exact(2)) {
            out.push(read(key, *at, &replies[0], &replies[1], job, pages));
        }
    }
    Ok(out)
}

/// The id of a scheduler's run.
pub(in crate::engine) fn iteration(key: &Raw, at: i64) -> JobId {
    JobId::new([b"repeat:", key.as_bytes(), b":", at.to_string().as_bytes()].concat())
}

fn read(key: &Raw, at: i64, definition: &Value, due: &Value, job: JobFacts, pages: &Pages) -> SchedulerFacts {
    let values: Vec<Option<&[u8]>> = items(definition).iter().map(bytes).collect();
    let value = |at: usize| values.get(at).copied().flatten();
    let whole = |at: usize| value(at).and_then(number::whole);
    let legacy_key = LegacyKey::parse(key.as_bytes()).filter(|_| values.iter().all(Option::is_none));
    let next = if legacy_key.is_none() || job.hash != Hash::None {
        Iteration::Job(Box::new(job))
    } else {
        let end = format!(":{at}");
        let is_run = |id: &[u8]| id.starts_with(b"repeat:") && id.ends_with(end.as_bytes());
        let delayed = items(due).iter().filter_map(bytes).any(is_run);
        let elsewhere = pages.places.keys().any(|id| is_run(id.as_bytes()));
        match (delayed || elsewhere, pages.complete) {
            (true, _) => Iteration::Found,
            (false, true) => Iteration::Missing,
            (false, false) => Iteration::Unsure,
        }
    };
    SchedulerFacts {
        key: key.clone(),
        next_at: at,
        counted: value(6).is_some(),
        pattern: value(2).map(Raw::new).or_else(|| {
            legacy_key
                .as_ref()
                .filter(|legacy| legacy.every().is_none())
                .map(|legacy| Raw::new(legacy.pattern))
        }),
        zone: value(1).map(Raw::new),
        every: whole(3).or_else(|| legacy_key.as_ref()?.every().and_then(|ms| i64::try_from(ms).ok())),
        start_at: whole(4),
        end_at: whole(5).or_else(|| legacy_key.as_ref()?.end_at),
        runs: (whole(6), whole(7)),
        offset: whole(8),
        legacy: legacy_key.is_some(),
        next,
    }
}

/// Reads deduplication ids.
pub(super) async fn dedups(
    paced: &Paced<'_>,
    queue: &QueueId,
    ids: &[Raw],
) -> Result<Vec<DedupFacts>, ConnError> {
    let mut out = Vec::new();
    for chunk in ids.chunks(CHUNK) {
        let mut batch = Batch::new();
        for id in chunk {
            let key = queue.key([b"de:", id.as_bytes()].concat());
            batch.push(Request::new(Verb::Get).arg(&key));
            batch.push(Request::new(Verb::PTtl).arg(&key));
        }
        let replies = paced.batch(&batch).await?;
        let owners: Vec<(Raw, JobId, Option<i64>)> = chunk
            .iter()
            .zip(replies.chunks_exact(2))
            .filter_map(|(id, replies)| {
                let owner = JobId::new(bytes(&replies[0])?);
                Some((id.clone(), owner, integer(&replies[1]).filter(|ttl| *ttl >= 0)))
            })
            .collect();
        let mut batch = Batch::new();
        for (_, owner, _) in &owners {
            batch.push(Request::new(Verb::Exists).arg(queue.job(owner)));
        }
        let replies = paced.batch(&batch).await?;
        for ((id, owner, ttl), reply) in owners.into_iter().zip(replies) {
            out.push(DedupFacts { id, owner, ttl, alive: integer(&reply) != Some(0) });
        }
    }
    Ok(out)
}
