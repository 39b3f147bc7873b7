//! A place of a worker: a job in the handler.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::FutureExt as _;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::calls::json;
use super::shared::Shared;
use super::{ActiveJob, JobContext, JobError, WorkError, WorkerEvent};
use crate::engine::schedule;

/// How an attempt ended.
#[derive(Debug)]
pub(super) enum Outcome {
    /// With a value (JSON).
    Value(Vec<u8>),
    /// With an error.
    Error(JobError),
    /// The handler moved the job itself.
    Moved,
}

/// Runs a job.
pub(super) async fn run<H, F, T>(
    shared: Arc<Shared>,
    handler: Arc<H>,
    job: Arc<ActiveJob>,
    cancel: CancellationToken,
) -> (Arc<ActiveJob>, Outcome)
where
    H: Fn(JobContext) -> F,
    F: Future<Output = Result<T, JobError>>,
    T: Serialize,
{
    if job.scheduler.is_some() && !scheduled(&shared, &job, &cancel).await {
        return (job, Outcome::Moved);
    }
    if let Some(error) = refusal(&shared, &job) {
        return (job, Outcome::Error(error));
    }
    let job = match with_data(&shared, job.clone(), &cancel).await {
        Ok(Some(job)) => job,
        Ok(None) => return (job, Outcome::Moved),
        Err(error) => return (job, Outcome::Error(error.into())),
    };
    shared.tell(|| WorkerEvent::Active { id: job.id.clone(), attempt: job.attempts_made + 1 });
    let moved = Arc::new(AtomicBool::new(false));
    let context = JobContext { calls: shared.calls.clone(), job: job.clone(), cancel, moved: moved.clone() };
    let work = async { handler(context).await.and_then(|value| json(&value).map_err(JobError::from)) };
    let ended = AssertUnwindSafe(work).catch_unwind().await;
    if moved.load(Ordering::Acquire) {
        return (job, Outcome::Moved);
    }
    let outcome = match ended {
        Ok(Ok(value)) => Outcome::Value(value),
        Ok(Err(error)) => Outcome::Error(error),
        Err(panic) => {
            let said = panic.downcast_ref::<String>().map(String::as_str);
            let said = said.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
            Outcome::Error(JobError::new(format!("the handler panicked: {said}")).named("Panic"))
        }
    };
    (job, outcome)
}

/// The job with its data, also where that was too large to come along. `None`: the job is no longer ours,
/// or the worker ends and the link is down.
async fn with_data(
    shared: &Shared,
    job: Arc<ActiveJob>,
    cancel: &CancellationToken,
) -> Result<Option<Arc<ActiveJob>>, WorkError> {
    if !job.data_left_out {
        return Ok(Some(job));
    }
    let mut pause = PAUSES.0;
    loop {
        match shared.calls.data(&job.id).await {
            Ok(data) => {
                let whole = ActiveJob { data, data_left_out: false, ..(*job).clone() };
                return Ok(Some(Arc::new(whole)));
            }
            Err(error) if error.is_link() && !shared.is_closing() => {
                tracing::warn!(%error, "the data of a job is not read yet");
                tokio::select! {
                    () = tokio::time::sleep(pause) => pause = (pause * 2).min(PAUSES.1),
                    () = cancel.cancelled() => return Ok(None),
                }
            }
            Err(error) if error.is_link() => return Ok(None),
            Err(error) => return Err(error),
        }
    }
}

/// First and longest pause between two tries to read a job's data, or to add a scheduler's next run.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

/// Adds the next run of the scheduler that made the job, before the job is run: afterwards a crash would
/// end the schedule. While the connection fails, or the server refuses for the moment, it is tried again,
/// under the job's lock, unless the worker ends; the step may be repeated. `false`: the job is no longer ours, and whoever takes it next will do it.
async fn scheduled(shared: &Shared, job: &ActiveJob, cancel: &CancellationToken) -> bool {
    let mut pause = PAUSES.0;
    loop {
        let step = schedule::next_iteration(&shared.calls.conn, &shared.calls.queue, job, None);
        match step.await {
            Ok(_) => return true,
            Err(error) if error.is_passing() && shared.is_closing() => return false,
            Err(error) if error.is_passing() => {
                tracing::warn!(%error, "the next run of a scheduler is not added yet");
                tokio::select! {
                    () = tokio::time::sleep(pause) => pause = (pause * 2).min(PAUSES.1),
                    () = cancel.cancelled() => return false,
                }
            }
            Err(error) => {
                tracing::error!(%error, "a scheduler has no next run");
                shared.tell(|| WorkerEvent::NotScheduled { id: job.id.clone(), error });
                return true;
            }
        }
    }
}

/// Why a job fails without being run (spec 5.7).
fn refusal(shared: &Shared, job: &ActiveJob) -> Option<JobError> {
    if let Some(reason) = &job.deferred_failure {
        return Some(JobError::fatal(reason.clone()));
    }
    let most = shared.calls.options.max_started_attempts?;
    (u64::from(most) < job.attempts_started).then(|| JobError::fatal("job started more than allowable limit"))
}
