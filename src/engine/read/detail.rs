//! One job: where it is, what its hash holds, its log and its children.

mod children;
mod find;

use std::time::Duration;

pub use children::{Child, Kind as ChildKind};
pub use find::find_state;
pub(super) use find::{ask_long, ask_state, tell_long, tell_state};

use super::job::{Children, Field, JobDetail, LogPage, Parent};
use crate::conn::{Batch, Conn, ConnError, Request, Value, Verb, bytes, float, integer, items};
use crate::wire::{Era, JobId, QueueId, Raw, State, Token, score};

/// Fields of a hash that are read.
const FIELDS: u64 = 200;
/// A field up to this size is read unasked ..
const UNASKED: u64 = 64 * 1024;
/// .. while all that is read unasked stays below this.
const UNASKED_ALL: u64 = 256 * 1024;
/// What is read on a connection of its own, so that it delays nobody and can be dropped.
const BIG: u64 = 256 * 1024;
/// How long a big read may take.
const BIG_DEADLINE: Duration = Duration::from_secs(30);
/// Most lines of a log in one answer ..
const LINES: u64 = 1000;
/// .. and about how many bytes.
const LOG_BYTES: u64 = 512 * 1024;

/// Reads a job, whole but for what is large (spec 3.5); `None` when neither its hash nor its id is
/// anywhere. `known` is the state in which it was last seen: it saves looking for it.
///
/// Never reads a value whose size is not known. The call may be dropped at any moment.
pub async fn job(
    conn: &Conn,
    era: Era,
    queue: &QueueId,
    id: &JobId,
    known: Option<State>,
) -> Result<Option<JobDetail>, ConnError> {
    if id.is_reserved() || id.is_marker() {
        return Ok(None);
    }
    let key = queue.job(id);
    let satellite = |verb: Verb, suffix: &str| Request::new(verb).arg(queue.satellite(id, suffix));
    let mut batch = Batch::new();
    batch.push(Request::new(Verb::HLen).arg(&key));
    batch.push(satellite(Verb::LLen, "logs"));
    batch.push(satellite(Verb::Get, "lock"));
    batch.push(satellite(Verb::PTtl, "lock"));
    batch.push(satellite(Verb::HLen, "processed"));
    batch.push(satellite(Verb::SCard, "dependencies"));
    batch.push(satellite(Verb::ZCard, "unsuccessful"));
    batch.push(satellite(Verb::HLen, "failed"));
    batch.push(Request::new(Verb::ZScore).arg(queue.key("delayed")).arg(id.as_bytes()));
    let replies = conn.batch(&batch).await?;
    // A satellite of another type, or one that may not be read, is taken as absent.
    let count =
        |index: usize| replies.get(index).and_then(integer).and_then(|n| u64::try_from(n).ok()).unwrap_or(0);
    if let Some(Value::ServerError(_)) = replies.first() {
        ConnError::check(replies[0].clone())?;
    }
    let field_count = count(0);
    let state = find_state(conn, era, queue, id, known).await?;
    if field_count == 0 && state.is_none() {
        return Ok(None);
    }
    let ttl = replies.get(3).and_then(integer);
    let lock = replies.get(2).and_then(bytes).map(|token| (Token::new(token), ttl.filter(|ms| *ms >= 0)));
    let due_at = match state {
        Some(State::Delayed) => replies.get(8).and_then(float).map(score::due_at),
        _ => None,
    };
    let fields = fields(conn, &key, field_count).await?;
    let mut detail = JobDetail {
        queue: queue.clone(),
        id: id.clone(),
        state,
        fields,
        field_count,
        logs: count(1),
        lock,
        due_at,
        children: Children { processed: count(4), pending: count(5), failed: count(6), ignored: count(7) },
        parent: None,
    };
    detail.parent = parent(&detail);
    Ok(Some(detail))
}

async fn fields(conn: &Conn, key: &[u8], count: u64) -> Result<Vec<Field>, ConnError> {
    if count == 0 {
        return Ok(Vec::new());
    }
    let names: Vec<Raw> = if count <= FIELDS {
        let reply = conn.call(Request::new(Verb::HKeys).arg(key)).await?;
        items(&reply).iter().filter_map(bytes).map(Raw::new).collect()
    } else {
        // Too many to list: what jobs are known to have. A scan would read the values too.
        KNOWN.iter().map(Raw::new).collect()
    };
    let mut batch = Batch::new();
    for name in &names {
        batch.push(Request::new(Verb::HStrLen).arg(key).arg(name.as_bytes()));
    }
    let sizes = conn.batch(&batch).await?;
    let mut fields: Vec<Field> = names
        .into_iter()
        .zip(&sizes)
        .map(|(name, size)| {
            let size = integer(size).and_then(|n| u64::try_from(n).ok()).unwrap_or(0);
            Field { name, size, value: None }
        })
        .filter(|field| field.size > 0 || count <= FIELDS)
        .collect();
    let mut order: Vec<usize> = (0..fields.len()).collect();
    order.sort_by_key(|index| fields[*index].size);
    let mut all = 0;
    order.retain(|index| {
        let size = fields[*index].size;
        all += size;
        size <= UNASKED && all <= UNASKED_ALL
    });
    if order.is_empty() {
        return Ok(fields);
    }
    let wanted: Vec<&[u8]> = order.iter().map(|index| fields[*index].name.as_bytes()).collect();
    let reply = conn.call(Request::new(Verb::HMGet).arg(key).arg(wanted.as_slice())).await?;
    let values: Vec<Option<Raw>> = items(&reply).iter().map(|value| bytes(value).map(Raw::new)).collect();
    for (index, value) in order.into_iter().zip(values) {
        fields[index].value = value;
    }
    // A field that was deleted meanwhile is not there.
    fields.retain(|field| field.value.is_some() || field.size > 0);
    Ok(fields)
}

/// Fields of job hashes (spec 2).
const KNOWN: &[&str] = &[
    "name",
    "data",
    "opts",
    "timestamp",
    "delay",
    "priority",
    "progress",
    "processedOn",
    "finishedOn",
    "returnvalue",
    "failedReason",
    "stacktrace",
    "attemptsMade",
    "atm",
    "ats",
    "stc",
    "stalledCounter",
    "pb",
    "parentKey",
    "parent",
    "rjk",
    "nrjid",
    "deid",
    "defa",
    "retriedOn",
    "tm",
    "gid",
];

fn parent(job: &JobDetail) -> Option<Parent> {
    Parent::named(&job.queue, job.value("parentKey"), job.value("parent"))
}

/// A field of a job, read on request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FieldValue {
    /// The hash has no such field.
    Absent,
    /// Its value.
    Value(Raw),
    /// It is larger than allowed: its size in bytes. Nothing was read.
    TooLarge(u64),
}

/// Reads one field, if it is at most `max_bytes`. What is large comes over a connection of its own:
/// dropping the call drops that connection, and the server forgets the rest.
pub async fn field(
    conn: &Conn,
    queue: &QueueId,
    id: &JobId,
    name: &[u8],
    max_bytes: u64,
) -> Result<FieldValue, ConnError> {
    let key = queue.job(id);
    let mut batch = Batch::new();
    batch.push(Request::new(Verb::HExists).arg(&key).arg(name));
    batch.push(Request::new(Verb::HStrLen).arg(&key).arg(name));
    let mut replies = conn.batch(&batch).await?.into_iter();
    let mut next = || ConnError::check(replies.next().unwrap_or(Value::Nil));
    let there = integer(&next()?).unwrap_or(0) > 0;
    let size = integer(&next()?).and_then(|n| u64::try_from(n).ok()).unwrap_or(0);
    if !there {
        return Ok(FieldValue::Absent);
    }
    if size > max_bytes {
        return Ok(FieldValue::TooLarge(size));
    }
    let request = Request::new(Verb::HGet).arg(&key).arg(name);
    let value = if size > BIG {
        // It may have grown a little since its size was asked.
        let most = usize::try_from(size).unwrap_or(usize::MAX).saturating_add(64 * 1024);
        conn.dedicated().await?.with_reply_max(most).call(request, BIG_DEADLINE).await?
    } else {
        conn.call(request).await?
    };
    Ok(bytes(&value).map_or(FieldValue::Absent, |value| FieldValue::Value(Raw::new(value))))
}

/// Reads lines of a job's log, oldest first: from `start`, or the last `count` where it is `None`.
/// At most 1,000 lines and about 512 KB: long lines make the page shorter.
pub async fn logs(
    conn: &Conn,
    queue: &QueueId,
    id: &JobId,
    start: Option<u64>,
    count: u64,
) -> Result<LogPage, ConnError> {
    let key = queue.satellite(id, "logs");
    let mut batch = Batch::new();
    batch.push(Request::new(Verb::LLen).arg(&key));
    batch.push(Request::new(Verb::MemoryUsage).arg(&key));
    let mut replies = conn.batch(&batch).await?.into_iter();
    let total = integer(&ConnError::check(replies.next().unwrap_or(Value::Nil))?);
    let total = total.and_then(|n| u64::try_from(n).ok()).unwrap_or(0);
    if total == 0 {
        return Ok(LogPage { total, offset: 0, lines: Vec::new() });
    }
    // Where memory may not be asked the lines are taken for short.
    let memory = replies.next().as_ref().and_then(integer).and_then(|n| u64::try_from(n).ok()).unwrap_or(0);
    let fit = (LOG_BYTES / (memory / total).max(1)).max(1);
    let count = count.clamp(1, LINES).min(fit);
    let offset = start.unwrap_or_else(|| total.saturating_sub(count));
    let last = offset.saturating_add(count - 1);
    let reply = conn.call(Request::new(Verb::LRange).arg(&key).arg(offset).arg(last)).await?;
    let lines = items(&reply).iter().filter_map(bytes).map(Raw::new).collect();
    Ok(LogPage { total, offset, lines })
}
