//! Jobs that run now, with their locks, and how long jobs of their kind took of late.

use std::collections::HashMap;

use super::page::{Brief, JobRow};
use super::page::{Order, PageQuery, page};
use crate::conn::{Batch, Conn, ConnError, Request, Value, Verb, bytes, integer, items};
use crate::text::{Clean, Mask};
use crate::wire::{Era, JobId, QueueId, State, Token, number};

/// A name longer than this is not read to learn its durations.
const NAME: i64 = 200;
/// Commands of one round trip.
const TOGETHER: usize = 250;

/// A job of the list `active`.
#[derive(Clone, PartialEq, Debug)]
pub struct Running {
    /// What the list of active jobs shows of it.
    pub row: JobRow,
    /// Who holds its lock; `None`: nobody does. A worker that lives renews it.
    pub lock: Option<Token>,
    /// For how long it is locked yet, ms.
    pub lock_ttl_ms: Option<i64>,
}

impl Running {
    /// The job as it may be shown: secrets in its texts are masked.
    #[must_use]
    pub fn masked(mut self, mask: &Mask) -> Self {
        self.row = self.row.masked(mask);
        self
    }

    /// How long it has been running, ms.
    pub fn age_ms(&self, now: i64) -> Option<i64> {
        self.row.processed_on.map(|at| now.saturating_sub(at).max(0))
    }

    /// Its name, where that is short enough to be read.
    pub fn name(&self) -> Option<&Clean> {
        match &self.row.name {
            Brief::Text(name) => Some(name),
            _ => None,
        }
    }

    /// What the locks of one worker have in common: BullMQ puts a count behind its own id, Bull gives all the same.
    pub fn holder(&self) -> Option<&[u8]> {
        let token = self.lock.as_ref()?.as_bytes();
        let colon = token.iter().rposition(|byte| *byte == b':').unwrap_or(token.len());
        Some(&token[..colon])
    }
}

/// The jobs that run, those that started first in front, at most so many (and 1,000), and how many there are.
pub async fn running(
    conn: &Conn,
    era: Era,
    queue: &QueueId,
    limit: u64,
) -> Result<(u64, Vec<Running>), ConnError> {
    let query =
        PageQuery { queue: queue.clone(), state: State::Active, offset: 0, limit, order: Order::Reversed };
    let page = page(conn, era, &query).await?;
    let mut jobs = Vec::with_capacity(page.rows.len());
    for rows in page.rows.chunks(TOGETHER / 2) {
        let mut batch = Batch::new();
        for row in rows {
            let lock = queue.satellite(&row.id, "lock");
            batch.push(Request::new(Verb::Get).arg(&lock));
            batch.push(Request::new(Verb::PTtl).arg(&lock));
        }
        let replies = conn.batch(&batch).await?;
        for (row, reply) in rows.iter().zip(replies.chunks_exact(2)) {
            let lock = bytes(&reply[0]).map(Token::new);
            let lock_ttl_ms = integer(&reply[1]).filter(|ms| *ms >= 0 && lock.is_some());
            jobs.push(Running { row: row.clone(), lock, lock_ttl_ms });
        }
    }
    Ok((page.total, jobs))
}

/// How long the newest completed jobs took, ms, by their name: at most `most` jobs are looked at.
pub async fn durations(
    conn: &Conn,
    queue: &QueueId,
    most: u64,
) -> Result<HashMap<Clean, Vec<i64>>, ConnError> {
    let newest = Request::new(Verb::ZRevRange).arg(queue.key("completed")).arg(0).arg(most.max(1) - 1);
    let newest = conn.call(newest).await?;
    let ids: Vec<JobId> = items(&newest).iter().filter_map(bytes).map(JobId::new).collect();
    let mut took = Vec::new();
    for ids in ids.chunks(TOGETHER / 2) {
        let mut batch = Batch::new();
        for id in ids {
            batch.push(Request::new(Verb::HStrLen).arg(queue.job(id)).arg("name"));
            let times = Request::new(Verb::HMGet).arg(queue.job(id));
            batch.push(times.arg("processedOn").arg("finishedOn"));
        }
        let replies = conn.batch(&batch).await?;
        for (id, reply) in ids.iter().zip(replies.chunks_exact(2)) {
            let time = |at: usize| items(&reply[1]).get(at).and_then(bytes).and_then(number::whole);
            let short = (1..=NAME).contains(&integer(&reply[0]).unwrap_or(0));
            if let (Some(from), Some(to), true) = (time(0), time(1), short) {
                took.push((id.clone(), to.saturating_sub(from).max(0)));
            }
        }
    }
    let mut by_name: HashMap<Clean, Vec<i64>> = HashMap::new();
    for some in took.chunks(TOGETHER) {
        let mut batch = Batch::new();
        for (id, _) in some {
            batch.push(Request::new(Verb::HGet).arg(queue.job(id)).arg("name"));
        }
        let names: Vec<Value> = conn.batch(&batch).await?;
        for ((_, ms), name) in some.iter().zip(&names) {
            if let Some(name) = bytes(name) {
                by_name.entry(Clean::line(name)).or_default().push(*ms);
            }
        }
    }
    Ok(by_name)
}
