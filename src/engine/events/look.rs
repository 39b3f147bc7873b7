//! What a job is now, for those who wait for its end.

use std::time::Duration;

use super::super::read::overview::server_time;
use super::{EventsError, WaitError};
use crate::conn::{BIG, Batch, Conn, ConnError, Request, Value, Verb, bytes, integer};
use crate::wire::{JobId, QueueId, Raw};

/// Values up to this size are read over the shared connection.
const LIGHT: u64 = 1024 * 1024;
/// Larger values are not read at all.
pub(super) const VALUE_MAX: u64 = 32 * 1024 * 1024;

/// How a job ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Ended {
    /// With this value (JSON).
    Completed(Raw),
    /// With this error.
    Failed(Raw),
}

/// What a job is now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Now {
    Ended(Ended),
    /// It will end some day.
    Open,
    /// There is no such job.
    Gone,
}

/// Looks at a job; and when that was, ms by the server's clock. It is looked at in several steps: what ends
/// between them looks open, and its end comes as an event.
pub(super) async fn look(conn: &Conn, queue: &QueueId, job: &JobId) -> Result<(Now, i64), WaitError> {
    let key = queue.job(job);
    let mut batch = Batch::new();
    batch.push(Request::new(Verb::Time));
    for state in ["completed", "failed"] {
        batch.push(Request::new(Verb::ZScore).arg(queue.key(state)).arg(job.as_bytes()));
    }
    for field in ["returnvalue", "failedReason"] {
        batch.push(Request::new(Verb::HStrLen).arg(&key).arg(field));
    }
    // Last, so that a job which is gone was gone after all the rest was looked at.
    batch.push(Request::new(Verb::Exists).arg(&key));
    let replies = conn.batch(&batch).await?.into_iter().map(ConnError::check);
    let replies = replies.collect::<Result<Vec<Value>, ConnError>>()?;
    let [time, completed, failed, value, reason, exists] = replies.as_slice() else {
        return Err(EventsError::Reply.into());
    };
    let at = server_time(time).unwrap_or(0);
    if integer(exists) == Some(0) {
        return Ok((Now::Gone, at));
    }
    let size = |reply: &Value| integer(reply).and_then(|size| u64::try_from(size).ok()).unwrap_or(0);
    let is_in = |score: &Value| !matches!(score, Value::Nil);
    let (field, size, make): (_, _, fn(Raw) -> Ended) = if is_in(completed) {
        ("returnvalue", size(value), Ended::Completed)
    } else if is_in(failed) {
        ("failedReason", size(reason), Ended::Failed)
    } else {
        return Ok((Now::Open, at));
    };
    if size > VALUE_MAX {
        return Err(WaitError::TooLarge(size));
    }
    // A field that is gone by now: the job was taken up again, or removed.
    let read = read(conn, Request::new(Verb::HGet).arg(&key).arg(field), size).await?;
    Ok((bytes(&read).map_or(Now::Open, |value| Now::Ended(make(Raw::new(value)))), at))
}

async fn read(conn: &Conn, request: Request, size: u64) -> Result<Value, ConnError> {
    if size <= LIGHT {
        return conn.call_within(request, Duration::from_secs(3)).await;
    }
    // It may have become larger since.
    let room = usize::try_from(VALUE_MAX).unwrap_or(usize::MAX).saturating_mul(2);
    conn.dedicated().await?.with_reply_max(room).call(request, BIG).await
}
