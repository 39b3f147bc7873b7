//! What a queue holds. Plain commands, which an account without scripting may use.

use serde::de::DeserializeOwned;

use super::{Job, Queue};
use crate::conn::{Batch, ConnError, Request, Verb, bytes, integer, items};
use crate::engine::read::page::{Order, PageQuery};
use crate::engine::read::whole::{self, Want};
use crate::engine::read::workers::Listed;
use crate::engine::read::{self, job::LogPage, page::Page};
use crate::wire::metrics::Metrics;
use crate::wire::{Counts, Era, JobId, State, number};

/// Fields of a job up to this size are read; a larger one counts as not there.
const LARGEST: u64 = 32 << 20;

/// What workers that keep metrics counted (BullMQ's `getMetrics`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QueueMetrics {
    /// Jobs ended so far.
    pub count: u64,
    /// When the last minute was counted, ms since the epoch.
    pub prev_at: i64,
    /// `count` at that time.
    pub prev_count: u64,
    /// Jobs ended in each minute, newest first.
    pub data: Vec<u64>,
    /// Minutes that are kept, of which `data` may be a part.
    pub points: u64,
}

/// How a job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finished {
    /// There is no such job.
    Missing,
    /// It has not ended.
    No,
    /// It completed.
    Completed,
    /// It failed.
    Failed,
}

impl Queue {
    /// Jobs in each state.
    pub async fn counts(&self) -> Result<Counts, ConnError> {
        let found = read::counts(&self.conn, std::slice::from_ref(&self.id)).await?;
        Ok(found.into_iter().next().map(|(_, _, counts)| counts).unwrap_or_default())
    }

    /// Waiting jobs of each of these priorities, in their order; 0 is those without.
    pub async fn counts_per_priority(&self, priorities: &[u32]) -> Result<Vec<u64>, ConnError> {
        let mut batch = Batch::new();
        for priority in priorities {
            batch.push(match priority {
                0 => Request::new(Verb::LLen).arg(self.id.key("wait")),
                class => {
                    let first = u64::from(*class) << 32;
                    let last = first | 0xffff_ffff;
                    Request::new(Verb::ZCount).arg(self.id.key("prioritized")).arg(first).arg(last)
                }
            });
        }
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        let replies = self.conn.batch(&batch).await?;
        let count = |reply| ConnError::check(reply).map(|n| integer(&n).map_or(0, i64::unsigned_abs));
        replies.into_iter().map(count).collect()
    }

    /// A page of a state's jobs, without their payloads.
    pub async fn page(&self, state: State, offset: u64, limit: u64, order: Order) -> Result<Page, ConnError> {
        let query = PageQuery { queue: self.id.clone(), state, offset, limit, order };
        read::page(&self.conn, Era::V6, &query).await
    }

    /// A page of a state's jobs with their payloads, next to run or newest first; at most 1,000.
    pub async fn jobs<T: DeserializeOwned>(
        &self,
        state: State,
        offset: u64,
        limit: u64,
    ) -> Result<Vec<Job<T>>, ConnError> {
        let page = self.page(state, offset, limit, Order::default()).await?;
        let ids: Vec<JobId> = page.rows.into_iter().map(|row| row.id).collect();
        let mut jobs = Vec::with_capacity(ids.len());
        for chunk in ids.chunks(whole::ABREAST) {
            jobs.extend(self.whole(chunk).await?.into_iter().flatten());
        }
        Ok(jobs)
    }

    /// One job, with its data as a `T`; `None` where there is none of this id.
    pub async fn job<T: DeserializeOwned>(&self, id: &JobId) -> Result<Option<Job<T>>, ConnError> {
        Ok(self.whole(std::slice::from_ref(id)).await?.pop().flatten())
    }

    async fn whole<T: DeserializeOwned>(&self, ids: &[JobId]) -> Result<Vec<Option<Job<T>>>, ConnError> {
        let want = Want { up_to: LARGEST, payloads: true, extras: false };
        let found = whole::jobs(&self.conn, &self.id, ids, want).await?;
        Ok(found.iter().map(Job::read).collect())
    }

    /// Where a job is; `None` where it is in no structure of the queue.
    pub async fn state(&self, id: &JobId) -> Result<Option<State>, ConnError> {
        read::find_state(&self.conn, Era::V6, &self.id, id, None).await
    }

    /// Whether a job has ended, and how.
    pub async fn is_finished(&self, id: &JobId) -> Result<Finished, ConnError> {
        let mut batch = Batch::new();
        batch.push(Request::new(Verb::ZScore).arg(self.id.key("completed")).arg(id.as_bytes()));
        batch.push(Request::new(Verb::ZScore).arg(self.id.key("failed")).arg(id.as_bytes()));
        batch.push(Request::new(Verb::Exists).arg(self.id.job(id)));
        let replies = self.conn.batch(&batch).await?;
        let replies: Vec<_> = replies.into_iter().map(ConnError::check).collect::<Result<_, _>>()?;
        let there = |place: usize| replies.get(place).and_then(bytes).is_some();
        Ok(match replies.get(2).and_then(integer) {
            _ if there(0) => Finished::Completed,
            _ if there(1) => Finished::Failed,
            Some(1) => Finished::No,
            _ => Finished::Missing,
        })
    }

    /// Lines of a job's log, oldest first, from `start`; see [`read::logs`].
    pub async fn logs(&self, id: &JobId, start: u64, count: u64) -> Result<LogPage, ConnError> {
        read::logs(&self.conn, &self.id, id, Some(start), count).await
    }

    /// What workers counted of completed or failed jobs: minutes `start` to `end` (-1: all) of what is
    /// kept, newest first. Nothing where no worker keeps metrics.
    pub async fn metrics(&self, failed: bool, start: i64, end: i64) -> Result<QueueMetrics, ConnError> {
        let key = self.id.key(if failed { "metrics:failed" } else { "metrics:completed" });
        let data = [key.as_slice(), b":data"].concat();
        let mut batch = Batch::new();
        let ask = Metrics::FIELDS.iter().fold(Request::new(Verb::HMGet).arg(&key), Request::arg);
        batch.push(ask);
        batch.push(Request::new(Verb::LRange).arg(&data).arg(start).arg(end));
        batch.push(Request::new(Verb::LLen).arg(&data));
        let replies = self.conn.batch(&batch).await?;
        let replies: Vec<_> = replies.into_iter().map(ConnError::check).collect::<Result<_, _>>()?;
        let [head, points, length] = &replies[..] else { return Ok(QueueMetrics::default()) };
        let head = Metrics::decode(&items(head).iter().map(bytes).collect::<Vec<_>>()).unwrap_or_default();
        let point = |value| bytes(value).and_then(number::whole).map_or(0, i64::unsigned_abs);
        Ok(QueueMetrics {
            count: head.count,
            prev_at: head.prev_at,
            prev_count: head.prev_count,
            data: items(points).iter().map(point).collect(),
            points: integer(length).map_or(0, i64::unsigned_abs),
        })
    }

    /// Whether workers start nothing.
    pub async fn is_paused(&self) -> Result<bool, ConnError> {
        Ok(self.meta().await?.paused)
    }

    /// The workers of the queue, by their connections; ours and BullMQ's.
    pub async fn workers(&self) -> Result<Vec<Listed>, ConnError> {
        read::workers(&self.conn, std::slice::from_ref(&self.id)).await
    }
}
