//! Dead letters: jobs that failed for good go to a queue of their own, and back when the cause is mended.
//!
//! BullMQ has none; the usual pattern is to listen to `failed` and to add the job to another queue, which
//! loses the job when the listener dies between the two. Here the worker moves it **in the script that ends
//! it**: at every moment it is in exactly one of the queues.
//!
//! ```no_run
//! # async fn example(conn: toril::conn::Conn, mail: toril::wire::QueueId, dead: toril::wire::QueueId) -> Result<(), Box<dyn std::error::Error>> {
//! use std::time::Duration;
//! use toril::engine::{DeadLetter, Queue, Worker, WorkerOptions};
//!
//! let dead_letter = DeadLetter::to(dead.clone()).with_alert(Duration::from_secs(60), |alert| async move {
//!     println!("{} jobs died, the last one of {}", alert.jobs, alert.reason);
//! });
//! let options = WorkerOptions { dead_letter: Some(dead_letter), ..WorkerOptions::default() };
//! let worker = Worker::new(conn.clone(), mail, options);
//!
//! // Later, with the cause mended:
//! let progress = Queue::new(conn, dead).requeue_all(|progress| println!("{}", progress.requeued)).await?;
//! println!("{} are back, {} stay", progress.requeued, progress.skipped);
//! # Ok(())
//! # }
//! ```
//!
//! # What becomes of a job
//!
//! A job is dead when it has no attempts left, its error was [fatal](super::JobError::fatal), or it lost its
//! worker too often. For its own queue it has failed: the events `failed` and `retries-exhausted` are told,
//! its parent is treated as for any failed child, its deduplication id is free, the metrics count it.
//! Whoever waits for it hears of the failure.
//!
//! In the dead-letter queue it is a new job of the same name, with the same data byte for byte, its log, its
//! `failedReason` and `stacktrace`. It waits to be run like any other job, by a worker of ours or of Node, with
//! one attempt. Where it comes from stands in its options under `deadLetter` ([`Origin`]); dashboards show it,
//! and Node leaves it as it is.
//!
//! A dead-letter queue that cannot be written to (one of an older library, keys of a wrong type) costs no
//! job: it fails as without one, and [`WorkerEvent::NotDeadLettered`](super::WorkerEvent::NotDeadLettered) says why.
//!
//! On a cluster both queues must share a slot: a common hash tag in the prefix.
//!
//! # The way back
//!
//! [`Queue::requeue`](super::Queue::requeue) takes one job back in one script, and
//! [`Queue::requeue_all`](super::Queue::requeue_all) all that wait, a hundred at a time. A job comes back with
//! its former id where that is free, its former options but for a delay, a priority and a schedule, one attempt,
//! and as the next one to run, before all prioritized ones. A parent that still knows of it waits for it again.

mod alert;
mod origin;
mod requeue;

use std::fmt;
use std::time::Duration;

use super::worker::{ActiveJob, JobError};
use crate::wire::QueueId;
pub(super) use alert::Alert;
pub use alert::DeadLetterAlert;
pub use origin::Origin;
pub use requeue::{RequeueError, RequeueProgress, Requeued};

/// Where a worker puts the jobs that failed for good. See the [module](self).
#[derive(Clone)]
pub struct DeadLetter {
    /// The dead-letter queue. Not the worker's own: that counts as none.
    pub queue: QueueId,
    /// Whether the failed job stays in its queue as well, as its keep policy says. Then requeueing makes
    /// another job of it, with a new id.
    pub keep_original: bool,
    alert: Option<Alert>,
}

impl fmt::Debug for DeadLetter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeadLetter")
            .field("queue", &self.queue)
            .field("keep_original", &self.keep_original)
            .finish_non_exhaustive()
    }
}

/// What `work.lua` is told of a job that is to be moved.
#[derive(Clone, Debug)]
pub(super) struct Letter {
    /// `<prefix>:<queue>:` of the dead-letter queue.
    pub base: Vec<u8>,
    /// The beginning of its options.
    pub head: Vec<u8>,
    /// Whether the original stays.
    pub stays: bool,
}

impl DeadLetter {
    /// Moves dead jobs to `queue`.
    pub fn to(queue: QueueId) -> Self {
        Self { queue, keep_original: false, alert: None }
    }

    /// Leaves the failed job in its queue as well.
    #[must_use]
    pub fn keeping_the_original(self) -> Self {
        Self { keep_original: true, ..self }
    }

    /// Calls `alert` when jobs die: at once for the first one, then at most once in `every`, with the number of
    /// those that died since. It runs beside the worker, one call at a time; a slow one holds nothing up. Jobs
    /// whose death was told to nobody because this process died are in the dead-letter queue all the same:
    /// its length is the truth, this is the bell.
    #[must_use]
    pub fn with_alert<A, F>(self, every: Duration, alert: A) -> Self
    where
        A: Fn(DeadLetterAlert) -> F + Send + Sync + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        Self { alert: Some(Alert::new(every, alert)), ..self }
    }

    pub(super) fn tell(&self, died: DeadLetterAlert) {
        if let Some(alert) = &self.alert {
            alert.tell(died);
        }
    }

    /// How to move a job of `origin`; `None` where it cannot be moved, because a name or its id is no text.
    pub(super) fn letter(
        &self,
        origin: &QueueId,
        job: &ActiveJob,
        error: &JobError,
        stack: &[u8],
    ) -> Option<Letter> {
        if self.queue == *origin {
            return None;
        }
        let head = origin::write(origin, job, error, stack)?;
        Some(Letter { base: self.queue.base(), head, stays: self.keep_original })
    }
}
