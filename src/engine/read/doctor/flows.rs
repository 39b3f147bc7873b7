//! Parents that wait, schedulers, and deduplication ids.

use std::time::{Duration, Instant};

use super::facts::{DedupFacts, JobFacts};
use super::jobs::{Lists, jobs};
use super::pace::Paced;
use crate::conn::{Batch, ConnError, Request, Verb, bytes, float, integer, items};
use crate::engine::read::child::{self, ChildState};
use crate::engine::read::next_run::{Standing, standings};
use crate::wire::parent::split_job_key;
use crate::wire::repeat::run_id;
use crate::wire::{Era, JobId, QueueId, Raw};

/// Children of a parent that are looked at: the first so many.
const CHILDREN: usize = 100;
/// Schedulers of a queue that are looked at.
const SCHEDULERS: u64 = 1_000;
/// Lookups of one round trip.
const CHUNK: usize = 50;
/// What one scheduler whose run is delayed costs Redis.
const COST: Duration = Duration::from_micros(8);

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
            child::ask(&mut batch, key.as_bytes(), queue, job.as_ref());
            known.push(job);
        }
        let replies = paced.batch(&batch).await?;
        for ((key, job), replies) in chunk.iter().zip(known).zip(replies.chunks_exact(child::REPLIES)) {
            out.push(Child { key: key.clone(), job, state: child::tell(replies)? });
        }
    }
    Ok(out)
}

/// A scheduler or repeatable.
#[derive(Clone, Debug, PartialEq)]
pub struct SchedulerFacts {
    /// It, and its next run.
    pub standing: Standing,
    /// All that is known of the job of its next run, where that would not go on by itself.
    pub job: Option<Box<JobFacts>>,
}

impl SchedulerFacts {
    /// The id of the job of its next run.
    pub fn run(&self) -> JobId {
        let Standing { scheduler, run } = &self.standing;
        run.id.clone().unwrap_or_else(|| run_id(scheduler.key.as_bytes(), scheduler.next_at))
    }
}

/// Reads the schedulers of a queue.
pub(super) async fn schedulers(
    paced: &Paced<'_>,
    era: Era,
    queue: &QueueId,
    lists: Lists<'_>,
) -> Result<Vec<SchedulerFacts>, ConnError> {
    let mut out: Vec<SchedulerFacts> = Vec::new();
    loop {
        let began = Instant::now();
        let page = standings(paced.conn, era, queue, out.len() as u64, CHUNK as u64);
        let (total, found) = page.await?;
        let count = found.len();
        let doubtful: Vec<usize> = (0..count).filter(|at| found[*at].run.is_lost()).collect();
        paced.rest(began, COST * u32::try_from(count + 10 * doubtful.len()).unwrap_or(u32::MAX), 0).await;
        let from = out.len();
        out.extend(found.into_iter().map(|standing| SchedulerFacts { standing, job: None }));
        let ids: Vec<JobId> = doubtful.iter().map(|at| out[from + at].run()).collect();
        for (at, job) in doubtful.iter().zip(jobs(paced, queue, &ids, lists, 0).await?) {
            out[from + at].job = Some(Box::new(job));
        }
        if count == 0 || out.len() as u64 >= total.min(SCHEDULERS) {
            return Ok(out);
        }
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
