//! Running the jobs of a queue (spec, sections 5 and 6).
//!
//! [`Worker`] takes jobs, hands each to an async function, and tells Redis how it ended. [`ManualWorker`]
//! is the same steps one by one, with the time as an argument. Both share their queues with workers of
//! `BullMQ` 5 and 6; queues of other libraries are refused ([`WorkError::Refused`]).
//!
//! # Ends
//!
//! A value completes the job. A [`JobError`] fails the attempt: it is tried again as the job's options
//! say ([`JobError::new`]), or not ([`JobError::fatal`]), or the job is moved without an attempt being
//! counted ([`JobError::delayed`], [`JobError::waiting`], [`JobError::waiting_children`],
//! [`JobError::rate_limited`]). A panic is a failure. Back-offs of one's own: [`Backoffs`].
//!
//! Ends that gather while a call to Redis is under way go together in the next one, which takes as many
//! jobs as there are free places; each job has its own answer. No end waits for others.
//!
//! # Time
//!
//! No clock but Redis's decides when a job is due, when a lock ends and what is too old.
//!
//! # What a worker survives
//!
//! - **The link is lost before an answer comes.** The ends are told again, which changes nothing where
//!   they had arrived; jobs that the lost call took are found by the tokens of their locks and run here.
//!   What is not found among the newest 5,000 active jobs is left to the stalled check.
//! - **A worker dies.** Its locks run out, and after two stalled checks any other worker makes its jobs
//!   ready again; a job that loses its worker more than [`WorkerOptions::max_stalled`] times fails.
//! - **A lock is lost** because its worker stood still: [`JobContext::cancelled`] fires,
//!   [`WorkerEvent::LockLost`] tells it, and what the handler returns changes nothing.
//!
//! # Work that blocks
//!
//! Locks are renewed beside the handlers, on the same runtime. What blocks a thread belongs in
//! `spawn_blocking`, or it holds up the renewals; what is given a token may stop early.
//!
//! ```no_run
//! # async fn example(worker: toril::engine::Worker, stop: tokio_util::sync::CancellationToken) {
//! use toril::engine::{JobContext, JobError};
//!
//! fn resize(path: &str, stopped: impl Fn() -> bool) -> Result<u64, JobError> {
//!     for _row in 0..1000 {
//!         if stopped() {
//!             return Err(JobError::new("interrupted"));
//!         }
//!     }
//!     Ok(path.len() as u64)
//! }
//! worker
//!     .run(
//!         |job: JobContext| async move {
//!             let path: String = job.data()?;
//!             let cancelled = job.cancelled().clone();
//!             tokio::task::spawn_blocking(move || resize(&path, || cancelled.is_cancelled())).await?
//!         },
//!         stop,
//!     )
//!     .await;
//! # }
//! ```
//!
//! # The end of a worker
//!
//! [`Worker::close`], or the token given to [`Worker::run`]: no more jobs are taken, and the running ones
//! have [`WorkerOptions::grace`] to end; then they are cancelled, and after
//! [`WorkerOptions::cancel_grace`] given up. Locks are renewed until the last one has ended.

mod backoff;
mod calls;
mod context;
mod driver;
mod end;
mod error;
mod event;
mod job;
mod manual;
mod options;
mod place;
mod plan;
mod shared;
mod upkeep;
mod wake;

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

pub use context::JobContext;
pub use error::{JobError, WorkError};
pub use event::WorkerEvent;
pub use job::ActiveJob;
pub use manual::ManualWorker;
pub use options::{Backoffs, Failed, Limiter, WorkerOptions};

use crate::conn::Conn;
use crate::wire::QueueId;
use shared::{Closing, Shared};

/// A worker of one queue. Clones are the same worker: one of them runs, the others steer it.
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
#[derive(Clone, Debug)]
pub struct Worker {
    shared: Arc<Shared>,
}

impl Worker {
    /// A worker over a connection that may write. Sends nothing yet.
    pub fn new(conn: Conn, queue: QueueId, options: WorkerOptions) -> Self {
        Self { shared: Arc::new(Shared::new(calls::Calls::new(conn, queue, options))) }
    }

    /// Runs jobs until `stop` is cancelled or the worker is closed, then waits for those that run, for
    /// at most [`WorkerOptions::grace`]. Errors of the connection are told as events, logged and
    /// retried, at most ten times a second; dropping the future leaves running jobs to the stalled
    /// check of the queue's other workers.
    ///
    /// A value ends the job as completed, an error is retried as the job's options say, a panic
    /// counts as an error.
    pub async fn run<H, F, T>(self, handler: H, stop: CancellationToken)
    where
        H: Fn(JobContext) -> F + Send + Sync + 'static,
        F: Future<Output = Result<T, JobError>> + Send + 'static,
        T: Serialize + 'static,
    {
        driver::run(self.shared, Arc::new(handler), stop).await;
    }

    /// [`Worker::run`] with the job's data as a type. A job whose data does not fit the type fails for
    /// good, with the reason in its `failedReason`; its data stays as it is.
    ///
    /// ```no_run
    /// # async fn example(worker: toril::engine::Worker, stop: tokio_util::sync::CancellationToken) {
    /// use toril::engine::{JobContext, JobError};
    ///
    /// #[derive(serde::Deserialize)]
    /// struct Mail {
    ///     to: String,
    /// }
    /// worker
    ///     .run_typed(
    ///         |mail: Mail, job: JobContext| async move {
    ///             job.log(format!("to {}", mail.to)).await?;
    ///             Ok::<_, JobError>(())
    ///         },
    ///         stop,
    ///     )
    ///     .await;
    /// # }
    /// ```
    pub async fn run_typed<D, H, F, T>(self, handler: H, stop: CancellationToken)
    where
        D: DeserializeOwned + Send + 'static,
        H: Fn(D, JobContext) -> F + Send + Sync + 'static,
        F: Future<Output = Result<T, JobError>> + Send + 'static,
        T: Serialize + Send + 'static,
    {
        let handler = move |job: JobContext| {
            let work = match job.data::<D>() {
                Ok(data) => Ok(handler(data, job)),
                Err(error) => Err(JobError::fatal(format!(
                    "the job's data is no {}: {error}",
                    std::any::type_name::<D>()
                ))),
            };
            async move { work?.await }
        };
        self.run(handler, stop).await;
    }

    /// What happens in this worker from now on. A listener that falls 1,024 events behind misses some
    /// and is told how many.
    pub fn events(&self) -> broadcast::Receiver<WorkerEvent> {
        self.shared.events()
    }

    /// Takes no more jobs, and waits until those that run have ended. The queue's other workers go on.
    pub async fn pause(&self) {
        self.shared.wish.send_modify(|wish| wish.paused = true);
        let mut state = self.shared.state.subscribe();
        let _ = state.wait_for(|state| state.at_rest || !state.started).await;
    }

    /// Takes jobs again.
    pub fn resume(&self) {
        self.shared.wish.send_modify(|wish| wish.paused = false);
    }

    /// Whether it was told to take no jobs.
    pub fn is_paused(&self) -> bool {
        self.shared.wish.borrow().paused
    }

    /// From now on so many jobs at a time (at least 1). Those that run are not interrupted.
    pub fn set_concurrency(&self, jobs: usize) {
        self.shared.wish.send_modify(|wish| wish.concurrency = jobs.max(1));
    }

    /// How many jobs at a time.
    pub fn concurrency(&self) -> usize {
        self.shared.wish.borrow().concurrency
    }

    /// Ends the worker and waits for it, as cancelling the token of [`Worker::run`] does: no more jobs
    /// are taken, those that run may end within [`WorkerOptions::grace`] while their locks are renewed.
    /// `force`: running handlers are dropped at once, and their jobs are left to the stalled check of
    /// the queue's other workers.
    pub async fn close(&self, force: bool) {
        let closing = if force { Closing::AtOnce } else { Closing::Gracefully };
        self.shared.wish.send_modify(|wish| {
            if force || wish.closing.is_none() {
                wish.closing = Some(closing);
            }
        });
        let mut state = self.shared.state.subscribe();
        let _ = state.wait_for(|state| state.ended || !state.started).await;
    }
}
