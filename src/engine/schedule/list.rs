//! Looking at schedulers.

use std::time::Duration;

use super::{Repeat, ScheduleError};
use crate::conn::{Batch, ConnError, Request, Value, Verb, bytes, float, integer, items};
use crate::engine::Queue;
use crate::wire::{QueueId, Raw, number};

/// Most schedulers of one answer.
const MOST: usize = 1000;

const FIELDS: [&str; 11] =
    ["name", "tz", "pattern", "every", "offset", "limit", "startDate", "endDate", "ic", "data", "opts"];

/// A scheduler as it is stored. Texts are those of whoever made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobScheduler {
    /// Its id.
    pub id: Raw,
    /// Name of its jobs.
    pub name: Raw,
    /// When it runs next, ms since the epoch; where it has ended, when it ran last.
    pub next_at: i64,
    /// The pattern, if it has one.
    pub pattern: Option<Raw>,
    /// The zone of the pattern, if one was given.
    pub tz: Option<Raw>,
    /// The interval, ms.
    pub every: Option<i64>,
    /// How far its runs lie after the multiples of the interval, ms.
    pub offset: Option<i64>,
    /// Runs at most.
    pub limit: Option<i64>,
    /// No run before, ms since the epoch.
    pub start_at: Option<i64>,
    /// No run after, ms since the epoch.
    pub end_at: Option<i64>,
    /// Runs so far, the pending one included. `None`: a repeatable of BullMQ 5 or older.
    pub iterations: Option<i64>,
    /// Data of its jobs, JSON; `None` is `{}`.
    pub data: Option<Raw>,
    /// Options of its jobs, JSON, under their stored names; `None` is none.
    pub opts: Option<Raw>,
}

impl JobScheduler {
    /// Its rule, to be written again. `None`: it has none.
    pub fn repeat(&self) -> Option<Repeat> {
        let text = |raw: &Option<Raw>| raw.as_ref().map(|raw| raw.lossless().into_owned());
        let whole = |number: Option<i64>| number.and_then(|number| u64::try_from(number).ok());
        let mut repeat = match (text(&self.pattern), whole(self.every)) {
            (Some(pattern), _) => Repeat::cron(pattern),
            (None, Some(every)) if every > 0 => Repeat::every(Duration::from_millis(every)),
            _ => return None,
        };
        if let Some(zone) = text(&self.tz) {
            repeat = repeat.tz(zone);
        }
        if let Some(offset) = whole(self.offset) {
            repeat = repeat.offset(Duration::from_millis(offset));
        }
        (repeat.limit, repeat.start, repeat.end) = (whole(self.limit), self.start_at, self.end_at);
        Some(repeat)
    }
}

impl Queue {
    /// One scheduler, if there is one of this id.
    pub async fn scheduler(&self, id: impl AsRef<[u8]>) -> Result<Option<JobScheduler>, ScheduleError> {
        let id = id.as_ref();
        let mut batch = Batch::new();
        batch.push(Request::new(Verb::ZScore).arg(self.id().key("repeat")).arg(id));
        batch.push(definition(self.id(), id));
        let mut replies = self.conn().batch(&batch).await?.into_iter();
        let mut next = || ConnError::check(replies.next().unwrap_or(Value::Nil));
        let (score, found) = (next()?, next()?);
        Ok(float(&score).map(|at| read(id, at, &found)))
    }

    /// Schedulers in the order of their next runs, from the one at `first`, at most `count` (and 1,000).
    pub async fn schedulers(&self, first: usize, count: usize) -> Result<Vec<JobScheduler>, ScheduleError> {
        if count == 0 {
            return Ok(Vec::new());
        }
        let last = first.saturating_add(count.min(MOST) - 1);
        let range = Request::new(Verb::ZRange)
            .arg(self.id().key("repeat"))
            .arg(first as u64)
            .arg(last as u64)
            .arg("WITHSCORES");
        let range = self.conn().call(range).await?;
        let members: Vec<_> = items(&range)
            .chunks_exact(2)
            .filter_map(|pair| Some((bytes(&pair[0])?, float(&pair[1])?)))
            .collect();
        if members.is_empty() {
            return Ok(Vec::new());
        }
        let mut batch = Batch::new();
        for (id, _) in &members {
            batch.push(definition(self.id(), id));
        }
        let found = self.conn().batch(&batch).await?;
        Ok(members.iter().zip(&found).map(|((id, at), found)| read(id, *at, found)).collect())
    }

    /// How many schedulers there are, ended ones included.
    pub async fn schedulers_count(&self) -> Result<u64, ScheduleError> {
        let reply = self.conn().call(Request::new(Verb::ZCard).arg(self.id().key("repeat"))).await?;
        integer(&reply).and_then(|count| u64::try_from(count).ok()).ok_or(ScheduleError::Reply)
    }
}

fn definition(queue: &QueueId, id: &[u8]) -> Request {
    Request::new(Verb::HMGet).arg(queue.key([b"repeat:", id].concat())).arg(&FIELDS[..])
}

fn read(id: &[u8], next_at: f64, found: &Value) -> JobScheduler {
    let values: Vec<Option<&[u8]>> = items(found).iter().map(bytes).collect();
    let raw = |place: usize| values.get(place).copied().flatten().map(Raw::new);
    let count = |place: usize| number::whole(values.get(place).copied().flatten()?);
    JobScheduler {
        id: Raw::new(id),
        next_at: number::real(next_at),
        name: raw(0).unwrap_or_else(|| Raw::new("")),
        tz: raw(1),
        pattern: raw(2),
        every: count(3),
        offset: count(4),
        limit: count(5),
        start_at: count(6),
        end_at: count(7),
        iterations: count(8),
        data: raw(9),
        opts: raw(10),
    }
}
