//! What several queues are read for at once, one after the other, told as it comes.

use tokio::sync::mpsc;

use super::told;
use crate::app::Msg;
use crate::app::effect::{Answer, FetchId};
use crate::app::screen::{schedulers, workers};
use crate::conn::{Conn, ConnError, Kind, Request, Verb};
use crate::engine::read;
use crate::engine::read::Standing;
use crate::engine::read::overview::server_time;
use crate::insight::scheduler::judge;
use crate::insight::workers::usuals;
use crate::text::{Clean, Mask};
use crate::wire::{Era, QueueId};

/// Schedulers of one queue that are read ..
const SCHEDULERS: u64 = 500;
/// .. and of all.
const SCHEDULERS_ALL: u64 = 5_000;
/// Completed jobs of a queue that tell what is usual.
const COMPLETED: u64 = 100;
/// Queues after which what was read is told.
const TELL: usize = 20;

/// Redis's clock, ms since the epoch.
async fn time(conn: &Conn) -> Result<i64, ConnError> {
    let reply = conn.call(Request::new(Verb::Time)).await?;
    Ok(server_time(&reply).unwrap_or_default())
}

/// Reads the schedulers of some queues; texts come masked. What one queue refuses does not hide the others.
pub(super) async fn schedulers(
    conn: &Conn,
    mask: &Mask,
    queues: Vec<(Era, QueueId)>,
    id: FetchId,
    messages: &mpsc::Sender<Msg>,
) -> Result<Answer, Clean> {
    let mut read = schedulers::Read { of: queues.len(), ..schedulers::Read::default() };
    let mut left = SCHEDULERS_ALL;
    for (at, (era, queue)) in queues.into_iter().enumerate() {
        if at > 0 && at.is_multiple_of(TELL) {
            let _ = messages.send(Msg::Fetched(id, Ok(Answer::Schedulers(read.clone())))).await;
        }
        let found = read::standings(conn, era, &queue, 0, SCHEDULERS.min(left.max(1))).await;
        let (total, found) = match found {
            Ok((total, found)) => (total, Ok(found)),
            Err(error) if error.is_link() || matches!(error.kind, Kind::Auth) => return Err(told(&error)),
            Err(error) => (0, Err(told(&error))),
        };
        left = left.saturating_sub(found.as_ref().map_or(0, |found| found.len() as u64));
        let now = time(conn).await.map_err(|error| told(&error))?;
        // Here and not where keys are read: thousands of patterns take a while.
        let judged = found.map(|found| {
            let judge = |one: Standing| {
                let health = judge(&one, now);
                (one.masked(mask), health)
            };
            found.into_iter().map(judge).collect()
        });
        read.queues.push(schedulers::OfQueue { queue, total, found: judged });
    }
    read.complete = true;
    Ok(Answer::Schedulers(read))
}

/// Reads the jobs that run in some queues, and how long their kind took of late; texts come masked.
pub(super) async fn workers(
    conn: &Conn,
    mask: &Mask,
    wanted: workers::Wanted,
    id: FetchId,
    messages: &mpsc::Sender<Msg>,
) -> Result<Answer, Clean> {
    let mut read = workers::Read::default();
    for (at, (era, queue)) in wanted.queues.into_iter().enumerate() {
        if at > 0 && at.is_multiple_of(TELL) {
            let _ = messages.send(Msg::Fetched(id, Ok(Answer::Workers(read.clone())))).await;
        }
        let (total, found) = match read::running::running(conn, era, &queue, wanted.jobs).await {
            Ok((total, found)) => (total, Ok(found.into_iter().map(|job| job.masked(mask)).collect())),
            Err(error) if error.is_link() || matches!(error.kind, Kind::Auth) => return Err(told(&error)),
            Err(error) => (0, Err(told(&error))),
        };
        let now = time(conn).await.map_err(|error| told(&error))?;
        read.queues.push(workers::OfQueue { queue, total, found, at: now });
    }
    for queue in wanted.usual {
        // What cannot be learnt is not known: the list does not depend on it.
        let took = read::running::durations(conn, &queue, COMPLETED).await.unwrap_or_default();
        read.usuals.push((queue, usuals(&took, mask)));
    }
    read.complete = true;
    Ok(Answer::Workers(read))
}
