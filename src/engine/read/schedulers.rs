//! Schedulers and repeatables (spec 3.8), as they are listed.

use super::overview::scored;
use crate::conn::{Batch, Conn, ConnError, Request, Value, Verb, bytes, float, integer, items};
use crate::text::Clean;
use crate::wire::repeat::LegacyKey;
use crate::wire::{QueueId, Raw, number};

/// Most schedulers of a page.
const MOST: u64 = 1000;

/// Which of the three generations that share the `repeat` set an entry is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Generation {
    /// All in the key: Bull, and BullMQ up to 5.9.
    Legacy,
    /// A definition without a count: `add(.., {repeat})` of BullMQ 5.10 on.
    Repeatable,
    /// A job scheduler.
    Scheduler,
}

/// A scheduler.
#[derive(Clone, PartialEq, Debug)]
pub struct Scheduler {
    /// Its member of `repeat`.
    pub key: Raw,
    /// Which generation.
    pub generation: Generation,
    /// When it runs next, ms.
    pub next_at: i64,
    /// Name of its jobs.
    pub name: Clean,
    /// Cron pattern.
    pub pattern: Option<Clean>,
    /// Interval, ms.
    pub every: Option<u64>,
    /// Time zone.
    pub zone: Option<Clean>,
    /// Runs so far.
    pub iterations: Option<u64>,
    /// Runs at most.
    pub limit: Option<u64>,
    /// When it ends, ms.
    pub end_at: Option<i64>,
    /// How far its runs lie after the multiples of the interval, ms.
    pub offset: Option<i64>,
    /// No run before, ms.
    pub start_at: Option<i64>,
}

/// Lists schedulers, next run first. Definitions of entries without one are never made up or
/// deleted, as BullMQ 6 does. Returns how many there are in all, too.
pub async fn schedulers(
    conn: &Conn,
    queue: &QueueId,
    offset: u64,
    limit: u64,
) -> Result<(u64, Vec<Scheduler>), ConnError> {
    let key = queue.key("repeat");
    let last = offset.saturating_add(limit.clamp(1, MOST) - 1);
    let mut batch = Batch::new();
    batch.push(Request::new(Verb::ZCard).arg(&key));
    batch.push(Request::new(Verb::ZRange).arg(&key).arg(offset).arg(last).arg("WITHSCORES"));
    let mut replies = conn.batch(&batch).await?.into_iter();
    let mut next = || ConnError::check(replies.next().unwrap_or(Value::Nil));
    let total = integer(&next()?).and_then(|n| u64::try_from(n).ok()).unwrap_or(0);
    let range = next()?;
    let members = scored(&range);
    if members.is_empty() {
        return Ok((total, Vec::new()));
    }
    let mut batch = Batch::new();
    for (member, _) in &members {
        batch.push(definition(queue, member));
    }
    let definitions = conn.batch(&batch).await?;
    let listed = members
        .iter()
        .zip(&definitions)
        .map(|((member, at), found)| read(member, number::real(*at), found))
        .collect();
    Ok((total, listed))
}

/// One scheduler by its member of `repeat`; `None`: there is none.
pub async fn scheduler(conn: &Conn, queue: &QueueId, member: &[u8]) -> Result<Option<Scheduler>, ConnError> {
    let mut batch = Batch::new();
    batch.push(Request::new(Verb::ZScore).arg(queue.key("repeat")).arg(member));
    batch.push(definition(queue, member));
    let mut replies = conn.batch(&batch).await?.into_iter();
    let mut next = || ConnError::check(replies.next().unwrap_or(Value::Nil));
    let (score, found) = (next()?, next()?);
    Ok(float(&score).map(|at| read(member, number::real(at), &found)))
}

/// Without the template's data and options, which may be large.
fn definition(queue: &QueueId, member: &[u8]) -> Request {
    let fields = ["name", "tz", "pattern", "every", "endDate", "ic", "limit", "offset", "startDate"];
    Request::new(Verb::HMGet).arg(queue.key([b"repeat:", member].concat())).arg(&fields[..])
}

fn read(member: &[u8], next_at: i64, found: &Value) -> Scheduler {
    let values: Vec<Option<&[u8]>> = items(found).iter().map(bytes).collect();
    let value = |index: usize| values.get(index).copied().flatten();
    let number = |index: usize| number::whole(value(index)?);
    let count = |index: usize| number(index).and_then(|n| u64::try_from(n).ok());
    let mut listed = Scheduler {
        key: Raw::new(member),
        generation: if value(5).is_some() { Generation::Scheduler } else { Generation::Repeatable },
        next_at,
        name: Clean::line(value(0).unwrap_or_default()),
        pattern: value(2).map(Clean::line),
        every: count(3),
        zone: value(1).map(Clean::line),
        iterations: count(5),
        limit: count(6),
        end_at: number(4),
        offset: number(7),
        start_at: number(8),
    };
    if values.iter().all(Option::is_none)
        && let Some(legacy) = LegacyKey::parse(member)
    {
        listed.generation = Generation::Legacy;
        listed.name = Clean::line(legacy.name);
        listed.every = legacy.every();
        listed.pattern = legacy.every().is_none().then(|| Clean::line(legacy.pattern));
        listed.zone = (!legacy.zone.is_empty()).then(|| Clean::line(legacy.zone));
        listed.end_at = legacy.end_at;
    }
    listed
}
