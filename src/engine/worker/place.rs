//! A place of a worker: a job in the handler.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::FutureExt as _;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::calls::json;
use super::shared::Shared;
use super::{ActiveJob, JobContext, JobError, WorkerEvent};

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
    if let Some(error) = refusal(&shared, &job) {
        return (job, Outcome::Error(error));
    }
    shared.tell(|| WorkerEvent::Active { id: job.id.clone(), attempt: job.attempts_made + 1 });
    let moved = Arc::new(AtomicBool::new(false));
    let context = JobContext { calls: shared.calls.clone(), job: job.clone(), cancel, moved: moved.clone() };
    let work = async { handler(context).await };
    let ended = AssertUnwindSafe(work).catch_unwind().await;
    if moved.load(Ordering::Acquire) {
        return (job, Outcome::Moved);
    }
    let outcome = match ended {
        Ok(Ok(value)) => match json(&value) {
            Ok(value) => Outcome::Value(value),
            Err(error) => Outcome::Error(error.into()),
        },
        Ok(Err(error)) => Outcome::Error(error),
        Err(panic) => {
            let said = panic.downcast_ref::<String>().map(String::as_str);
            let said = said.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
            Outcome::Error(JobError::new(format!("the handler panicked: {said}")).named("Panic"))
        }
    };
    (job, outcome)
}

/// Why a job fails without being run (spec 5.7).
fn refusal(shared: &Shared, job: &ActiveJob) -> Option<JobError> {
    if let Some(reason) = &job.deferred_failure {
        return Some(JobError::fatal(reason.clone()));
    }
    let most = shared.calls.options.max_started_attempts?;
    (u64::from(most) < job.attempts_started).then(|| JobError::fatal("job started more than allowable limit"))
}
