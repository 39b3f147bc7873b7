//! Running the jobs of a queue (spec, sections 5 and 6).
//!
//! [`Worker`] is the loop; [`ManualWorker`] is the same steps one by one, with the time as an
//! argument.
//!
//! For queues of eras 5 and 6, and new ones; the scripts refuse others ([`WorkError::Refused`]).
//! Not done yet, so do not run it on queues that need it: the next
//! run of a job scheduler is not produced, and a job parked by `keepLastIfActive` is not
//! queued when its owner ends.

mod backoff;
mod calls;
mod error;
mod job;
mod manual;
mod run;
mod upkeep;
mod wake;

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio_util::sync::CancellationToken;

pub use error::{JobError, WorkError};
pub use job::{ActiveJob, JobContext};
pub use manual::ManualWorker;

use super::add::Keep;
use crate::conn::Conn;
use crate::wire::QueueId;

/// How a worker works. The defaults are BullMQ's.
#[derive(Clone, Debug)]
pub struct WorkerOptions {
    /// Its name, shown by dashboards and kept in each job's `pb`; empty is none.
    pub name: String,
    /// Jobs at a time.
    pub concurrency: usize,
    /// How long a lock lasts without renewal; it is renewed before half of it has passed.
    pub lock: Duration,
    /// How often jobs of dead workers are looked for, over all workers of the queue.
    pub stalled_interval: Duration,
    /// How often a job may lose its worker before it fails.
    pub max_stalled: u32,
    /// How long an idle worker waits for a wake-up before it looks by itself.
    pub drain_delay: Duration,
    /// Minutes of metrics to keep; 0 keeps none.
    pub metrics: u32,
    /// What to keep of completed jobs that say nothing themselves.
    pub remove_on_complete: Keep,
    /// What to keep of failed jobs that say nothing themselves.
    pub remove_on_fail: Keep,
}

impl Default for WorkerOptions {
    fn default() -> Self {
        Self {
            name: String::new(),
            concurrency: 1,
            lock: Duration::from_secs(30),
            stalled_interval: Duration::from_secs(30),
            max_stalled: 1,
            drain_delay: Duration::from_secs(5),
            metrics: 0,
            remove_on_complete: Keep::All,
            remove_on_fail: Keep::All,
        }
    }
}

/// A worker of one queue.
///
/// ```no_run
/// # async fn example(conn: toril::conn::Conn, queue: toril::wire::QueueId) {
/// use tokio_util::sync::CancellationToken;
/// use toril::engine::{JobContext, JobError, Worker, WorkerOptions};
///
/// let stop = CancellationToken::new();
/// let worker = Worker::new(conn, queue, WorkerOptions { concurrency: 10, ..WorkerOptions::default() });
/// worker
///     .run(
///         |job: JobContext| async move {
///             job.log("sending").await?;
///             if job.attempt() > 3 {
///                 return Err(JobError::fatal("the address does not exist"));
///             }
///             Ok("sent")
///         },
///         stop,
///     )
///     .await;
/// # }
/// ```
#[derive(Debug)]
pub struct Worker {
    calls: Arc<calls::Calls>,
}

impl Worker {
    /// A worker over a connection that may write. Sends nothing yet.
    pub fn new(conn: Conn, queue: QueueId, options: WorkerOptions) -> Self {
        Self { calls: Arc::new(calls::Calls::new(conn, queue, options)) }
    }

    /// Runs jobs until `stop` is cancelled, then waits for those that run. Errors of the
    /// connection are logged and retried, at most ten times a second; dropping the future leaves
    /// running jobs to the stalled check of the queue's other workers.
    ///
    /// A value ends the job as completed, an error is retried as the job's options say, a panic
    /// counts as an error.
    pub async fn run<H, F, T>(self, handler: H, stop: CancellationToken)
    where
        H: Fn(JobContext) -> F + Send + Sync + 'static,
        F: Future<Output = Result<T, JobError>> + Send + 'static,
        T: Serialize + 'static,
    {
        run::run(self.calls, Arc::new(handler), stop).await;
    }
}
