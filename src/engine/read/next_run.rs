//! The job that stands for a scheduler's next run: whether it is there, and where (spec 3.8).

use super::detail::find_state;
use super::schedulers::{Generation, Scheduler, scheduler, schedulers};
use crate::conn::{Batch, Conn, ConnError, Request, Value, Verb, bytes, float, integer, items};
use crate::text::Mask;
use crate::wire::repeat::{LegacyKey, is_run_at, run_id};
use crate::wire::{Era, JobId, QueueId, State, number};

/// Options up to this size are read to learn how often an older repeatable has run.
const OPTIONS: i64 = 16 * 1024;
/// Elements of either end of a list, and jobs that finished since, among which the run of a repeatable of before
/// BullMQ 5.10 is looked for: its id is a hash of its key, by an algorithm that can be configured.
const NEAR: i64 = 500;
/// Jobs that may be due at one millisecond.
const SAME: u64 = 1000;

/// What there is of a scheduler's next run.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct NextRun {
    /// Its job; `None`: none was found.
    pub id: Option<JobId>,
    /// The job's hash is there.
    pub exists: bool,
    /// Where the id stands; `None`: in no structure of the queue.
    pub state: Option<State>,
    /// When the job was made, ms: as the run before it started, where there was one.
    pub timestamp: Option<i64>,
    /// When it started, ms.
    pub processed_on: Option<i64>,
    /// When it finished, ms.
    pub finished_on: Option<i64>,
    /// Which run it is, from 1.
    pub count: Option<u64>,
    /// After how many runs the schedule ends, where the job tells.
    pub limit: Option<u64>,
    /// A worker holds the lock of the job that runs.
    pub held: bool,
    /// It may be where nobody looked: in the middle of a long list.
    pub unsure: bool,
}

impl NextRun {
    /// Whether the schedule would come to an end as things stand: no job with data waits or runs.
    pub fn is_lost(&self) -> bool {
        !self.exists || self.state.is_none_or(State::is_finished)
    }
}

/// A scheduler with its next run.
#[derive(Clone, PartialEq, Debug)]
pub struct Standing {
    /// The scheduler.
    pub scheduler: Scheduler,
    /// Its next run.
    pub run: NextRun,
}

impl Standing {
    /// The scheduler as it may be shown: secrets in the name of its jobs are masked.
    #[must_use]
    pub fn masked(mut self, mask: &Mask) -> Self {
        self.scheduler.name = mask.clean(&self.scheduler.name);
        self
    }
}

/// Schedulers of a queue, next run first, with the jobs of their next runs, and how many there are in all. A worker
/// that takes such a job makes the next one some milliseconds later: what looks lost is looked at once more, with
/// the scheduler's entry as it is then. Reads only; no payload.
pub async fn standings(
    conn: &Conn,
    era: Era,
    queue: &QueueId,
    offset: u64,
    limit: u64,
) -> Result<(u64, Vec<Standing>), ConnError> {
    let (total, found) = schedulers(conn, queue, offset, limit).await?;
    let runs = next_runs(conn, era, queue, &found).await?;
    let mut all: Vec<Standing> =
        found.into_iter().zip(runs).map(|(scheduler, run)| Standing { scheduler, run }).collect();
    let lost: Vec<usize> = (0..all.len()).filter(|at| all[*at].run.is_lost()).collect();
    if !lost.is_empty() {
        look_again(conn, era, queue, &mut all, &lost).await?;
    }
    Ok((total, all))
}

/// One scheduler with its next run, by its member of `repeat`; `None`: there is none.
pub async fn standing(
    conn: &Conn,
    era: Era,
    queue: &QueueId,
    member: &[u8],
) -> Result<Option<Standing>, ConnError> {
    let Some(scheduler) = scheduler(conn, queue, member).await? else { return Ok(None) };
    let run = next_runs(conn, era, queue, std::slice::from_ref(&scheduler)).await?.pop().unwrap_or_default();
    let mut one = vec![Standing { scheduler, run }];
    if one[0].run.is_lost() {
        look_again(conn, era, queue, &mut one, &[0]).await?;
    }
    Ok(one.pop())
}

async fn look_again(
    conn: &Conn,
    era: Era,
    queue: &QueueId,
    all: &mut Vec<Standing>,
    lost: &[usize],
) -> Result<(), ConnError> {
    let mut batch = Batch::new();
    for at in lost {
        let score = Request::new(Verb::ZScore).arg(queue.key("repeat"));
        batch.push(score.arg(all[*at].scheduler.key.as_bytes()));
    }
    let scores = conn.batch(&batch).await?;
    let mut gone = Vec::new();
    let mut again = Vec::new();
    for (at, score) in lost.iter().zip(&scores) {
        match float(score) {
            Some(score) => {
                all[*at].scheduler.next_at = number::real(score);
                again.push(*at);
            }
            None => gone.push(*at),
        }
    }
    let asked: Vec<Scheduler> = again.iter().map(|at| all[*at].scheduler.clone()).collect();
    let runs = next_runs(conn, era, queue, &asked).await?;
    for (at, run) in again.into_iter().zip(runs) {
        all[at].run = run;
    }
    for at in gone.into_iter().rev() {
        all.remove(at);
    }
    Ok(())
}

/// The next runs of schedulers, in their order. Two round trips where all of them are delayed, as they should be.
pub async fn next_runs(
    conn: &Conn,
    era: Era,
    queue: &QueueId,
    schedulers: &[Scheduler],
) -> Result<Vec<NextRun>, ConnError> {
    if schedulers.is_empty() {
        return Ok(Vec::new());
    }
    let mut ids: Vec<Option<JobId>> = Vec::with_capacity(schedulers.len());
    let mut hidden = Vec::new();
    for scheduler in schedulers {
        ids.push(if scheduler.generation == Generation::Legacy {
            let (found, whole) = find_legacy(conn, queue, scheduler).await?;
            hidden.push(found.is_none() && !whole);
            found
        } else {
            hidden.push(false);
            Some(run_id(scheduler.key.as_bytes(), scheduler.next_at))
        });
    }
    let mut batch = Batch::new();
    for id in ids.iter().flatten() {
        let key = queue.job(id);
        batch.push(Request::new(Verb::HMGet).arg(&key).arg(&["timestamp", "processedOn", "finishedOn"][..]));
        batch.push(Request::new(Verb::HStrLen).arg(&key).arg("opts"));
        batch.push(Request::new(Verb::ZScore).arg(queue.key("delayed")).arg(id.as_bytes()));
    }
    let mut replies = conn.batch(&batch).await?.into_iter();
    let mut runs = Vec::with_capacity(ids.len());
    let mut sized = Vec::new();
    for ((id, scheduler), unsure) in ids.into_iter().zip(schedulers).zip(hidden) {
        let Some(id) = id else {
            runs.push(NextRun { unsure, ..NextRun::default() });
            continue;
        };
        let mut reply = || replies.next().unwrap_or(Value::Nil);
        let (times, size, delayed) = (reply(), reply(), reply());
        let size = integer(&size).unwrap_or(0);
        let time = |at: usize| items(&times).get(at).and_then(bytes).and_then(number::whole);
        let mut run = NextRun {
            exists: size > 0 || (0..3).any(|at| time(at).is_some()),
            timestamp: time(0),
            processed_on: time(1),
            finished_on: time(2),
            count: scheduler.iterations,
            limit: scheduler.limit,
            ..NextRun::default()
        };
        run.state = if float(&delayed).is_some() {
            Some(State::Delayed)
        } else {
            find_state(conn, era, queue, &id, None).await?
        };
        if scheduler.generation != Generation::Scheduler && (1..=OPTIONS).contains(&size) {
            sized.push((runs.len(), queue.job(&id)));
        }
        run.id = Some(id);
        runs.push(run);
    }
    tell_counts(conn, &mut runs, &sized).await?;
    tell_locks(conn, queue, &mut runs).await?;
    Ok(runs)
}

/// Whether somebody holds those that run.
async fn tell_locks(conn: &Conn, queue: &QueueId, runs: &mut [NextRun]) -> Result<(), ConnError> {
    let active: Vec<usize> = (0..runs.len()).filter(|at| runs[*at].state == Some(State::Active)).collect();
    let mut batch = Batch::new();
    for id in active.iter().filter_map(|at| runs[*at].id.as_ref()) {
        batch.push(Request::new(Verb::Exists).arg(queue.satellite(id, "lock")));
    }
    if !batch.is_empty() {
        for (at, reply) in active.into_iter().zip(conn.batch(&batch).await?) {
            runs[at].held = integer(&reply) == Some(1);
        }
    }
    Ok(())
}

/// Older repeatables keep the count of their runs, and the limit, in the job alone.
async fn tell_counts(conn: &Conn, runs: &mut [NextRun], sized: &[(usize, Vec<u8>)]) -> Result<(), ConnError> {
    if sized.is_empty() {
        return Ok(());
    }
    let mut batch = Batch::new();
    for (_, key) in sized {
        batch.push(Request::new(Verb::HGet).arg(key).arg("opts"));
    }
    for ((at, _), reply) in sized.iter().zip(conn.batch(&batch).await?) {
        let opts: Option<serde_json::Value> =
            bytes(&reply).and_then(|opts| serde_json::from_slice(opts).ok());
        let Some(repeat) = opts.as_ref().and_then(|opts| opts.get("repeat")) else { continue };
        let count = |name: &str| repeat.get(name).and_then(serde_json::Value::as_u64);
        runs[*at].count = count("count").or(runs[*at].count);
        runs[*at].limit = count("limit").or(runs[*at].limit);
    }
    Ok(())
}

/// The job of a repeatable whose id does not tell whose it is: by the hash that the libraries take, else where it is
/// due, then near the ends of the lists, then among what finished since. And whether that was all there is.
async fn find_legacy(
    conn: &Conn,
    queue: &QueueId,
    scheduler: &Scheduler,
) -> Result<(Option<JobId>, bool), ConnError> {
    let due = scheduler.next_at;
    if let Some(key) = LegacyKey::parse(scheduler.key.as_bytes()) {
        let ids = key.run_ids(scheduler.key.as_bytes(), due);
        if let Some(id) = owned(conn, queue, scheduler, &ids).await? {
            return Ok((Some(id), true));
        }
    }
    let from = due.saturating_mul(4096);
    let mut batch = Batch::new();
    let delayed = Request::new(Verb::ZRangeByScore).arg(queue.key("delayed")).arg(from);
    batch.push(delayed.arg(from.saturating_add(4095)).arg("LIMIT").arg(0).arg(SAME));
    let mut found = candidates(&conn.batch(&batch).await?, due);
    if let Some(id) = owned(conn, queue, scheduler, &found).await? {
        return Ok((Some(id), true));
    }
    let mut batch = Batch::new();
    for list in ["wait", "active", "paused"] {
        for (first, last) in [(-NEAR, -1), (0, NEAR - 1)] {
            batch.push(Request::new(Verb::LRange).arg(queue.key(list)).arg(first).arg(last));
        }
    }
    for set in ["completed", "failed"] {
        let since = Request::new(Verb::ZRangeByScore).arg(queue.key(set)).arg(due).arg("+inf");
        batch.push(since.arg("LIMIT").arg(0).arg(NEAR));
    }
    let replies = conn.batch(&batch).await?;
    // Both ends of a list of twice as many are all of it.
    let whole = replies[..replies.len().min(6)]
        .iter()
        .all(|end| i64::try_from(items(end).len()).is_ok_and(|found| found < NEAR));
    found = candidates(&replies, due);
    Ok((owned(conn, queue, scheduler, &found).await?, whole))
}

fn candidates(replies: &[Value], due: i64) -> Vec<JobId> {
    let run = |id: &&[u8]| is_run_at(id, due);
    let mut found: Vec<JobId> =
        replies.iter().flat_map(items).filter_map(bytes).filter(run).map(JobId::new).collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// The one of these jobs that says that it is the scheduler's.
async fn owned(
    conn: &Conn,
    queue: &QueueId,
    scheduler: &Scheduler,
    ids: &[JobId],
) -> Result<Option<JobId>, ConnError> {
    if ids.is_empty() {
        return Ok(None);
    }
    let mut batch = Batch::new();
    for id in ids {
        batch.push(Request::new(Verb::HGet).arg(queue.job(id)).arg("rjk"));
        batch.push(Request::new(Verb::HStrLen).arg(queue.job(id)).arg("opts"));
    }
    let replies = conn.batch(&batch).await?;
    let key = scheduler.key.as_bytes();
    for (id, reply) in ids.iter().zip(replies.chunks_exact(2)) {
        if bytes(&reply[0]).is_some_and(|owner| owner == key) {
            return Ok(Some(id.clone()));
        }
        // Bull names it in the options alone.
        if bytes(&reply[0]).is_some() || !(1..=OPTIONS).contains(&integer(&reply[1]).unwrap_or(0)) {
            continue;
        }
        let opts = conn.call(Request::new(Verb::HGet).arg(queue.job(id)).arg("opts")).await?;
        let opts: Option<serde_json::Value> = bytes(&opts).and_then(|opts| serde_json::from_slice(opts).ok());
        let named = opts.as_ref().and_then(|opts| opts.get("repeat")?.get("key")?.as_str());
        if named.is_some_and(|owner| owner.as_bytes() == key) {
            return Ok(Some(id.clone()));
        }
    }
    Ok(None)
}
