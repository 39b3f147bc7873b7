//! A worker by hand.

use serde::Serialize;

use super::calls::{Calls, Look, json};
use super::end::{self, End};
use super::{ActiveJob, JobError, WorkError, WorkerOptions};
use crate::conn::Conn;
use crate::engine::schedule;
use crate::wire::{JobId, QueueId};

/// The steps of a worker one by one. `at` is the time to use, ms since the epoch; `None` is the
/// server's. Locks are renewed by [`ManualWorker::renew`] alone: a job must end within
/// [`WorkerOptions::lock`] else.
#[derive(Debug)]
pub struct ManualWorker {
    calls: Calls,
}

impl ManualWorker {
    /// A worker over a connection that may write. Sends nothing.
    pub fn new(conn: Conn, queue: QueueId, options: WorkerOptions) -> Self {
        Self { calls: Calls::new(conn, queue, options) }
    }

    /// Takes the next job, if there is one. If a scheduler made it, its next run is added; an error of
    /// that is logged.
    pub async fn fetch(&self, at: Option<i64>) -> Result<Option<ActiveJob>, WorkError> {
        let turn = self.calls.work(&[], self.calls.take(1, Look::Yes), at).await?;
        if let Some(refused) = turn.refused {
            return Err(refused);
        }
        let Some(job) = turn.jobs.into_iter().next() else { return Ok(None) };
        if job.scheduler.is_some()
            && let Err(error) = schedule::next_iteration(&self.calls.conn, &self.calls.queue, &job, at).await
        {
            tracing::error!(%error, "a scheduler has no next run");
        }
        if job.data_left_out {
            let data = self.calls.data(&job.id).await?;
            return Ok(Some(ActiveJob { data, data_left_out: false, ..job }));
        }
        Ok(Some(job))
    }

    /// Ends a job as completed.
    pub async fn complete(
        &self,
        active: &ActiveJob,
        value: &impl Serialize,
        at: Option<i64>,
    ) -> Result<(), WorkError> {
        self.end(end::completed(active, json(value)?, &self.calls.options), at).await
    }

    /// Ends a job as failed, or its attempt where its options allow another; or moves it, where the
    /// error says so.
    pub async fn fail(&self, active: &ActiveJob, error: &JobError, at: Option<i64>) -> Result<(), WorkError> {
        self.end(end::failed(active, error.clone(), &self.calls)?, at).await
    }

    async fn end(&self, end: End, at: Option<i64>) -> Result<(), WorkError> {
        let turn = self.calls.work(&[end], self.calls.take(0, Look::No), at).await?;
        turn.ended.into_iter().next().unwrap_or(Err(WorkError::Reply)).map(drop)
    }

    /// Appends a line to a job's log.
    pub async fn log(&self, active: &ActiveJob, line: impl AsRef<[u8]>) -> Result<u64, WorkError> {
        self.calls.log(active, line.as_ref()).await
    }

    /// Removes a job's log lines but the newest `keep`.
    pub async fn clear_logs(&self, active: &ActiveJob, keep: u64) -> Result<(), WorkError> {
        self.calls.clear_logs(&active.id, keep).await
    }

    /// Renews the locks of jobs for another [`WorkerOptions::lock`]; returns those whose lock is gone or
    /// another's.
    pub async fn renew(&self, active: &[&ActiveJob]) -> Result<Vec<JobId>, WorkError> {
        let held: Vec<_> = active.iter().map(|job| (job.id.clone(), job.token.clone())).collect();
        self.calls.renew(&held).await
    }

    /// Stores a job's progress.
    pub async fn progress(&self, active: &ActiveJob, progress: &impl Serialize) -> Result<(), WorkError> {
        self.calls.progress(&active.id, progress).await
    }

    /// Makes jobs of dead workers ready again, unless another worker has just looked.
    pub async fn recover_stalled(&self, at: Option<i64>) -> Result<Vec<JobId>, WorkError> {
        self.calls.recover_stalled(at).await
    }
}
