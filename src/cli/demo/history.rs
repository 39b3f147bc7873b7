//! What happened before the demo began: jobs added and run by the engine at times of the past
//! minutes, so that the first screen has something to tell.

use std::time::Duration;

use chrono::Utc;

use super::catalog::{DEAD_LETTER, Kind, SCHEDULED};
use super::rng::Rng;
use super::{DemoError, failures, payload};
use crate::conn::Conn;
use crate::engine::{ActiveJob, JobOptions, ManualWorker, Queue, WorkerOptions};
use crate::wire::{JobId, QueueId};

/// How far back the history goes, ms.
const SPAN: i64 = 15 * 60_000;
/// How far back what waits goes, ms: a queue that is behind, and one that nobody works.
const BEHIND: i64 = 9 * 60_000;
const FORGOTTEN: i64 = 3 * 24 * 3_600_000;

/// Minutes of metrics that workers of the demo keep.
pub(super) const METRICS: u32 = 120;

/// The past of one queue.
pub(super) struct History<'a> {
    kind: &'a Kind,
    queue: Queue,
    worker: ManualWorker,
    rng: Rng,
    first: Option<JobId>,
}

impl<'a> History<'a> {
    pub(super) fn new(conn: &Conn, id: QueueId, kind: &'a Kind) -> Self {
        let name = kind.workers.first().map_or("", |(name, _)| name).to_owned();
        let options = WorkerOptions { name, metrics: METRICS, ..WorkerOptions::default() };
        Self {
            kind,
            queue: Queue::new(conn.clone(), id.clone()),
            worker: ManualWorker::new(conn.clone(), id, options),
            rng: Rng::new(1, kind.queue),
            first: None,
        }
    }

    /// Adds the first job, or what waits where there is no past: the queue can be found now.
    pub(super) async fn begin(&mut self) -> Result<(), DemoError> {
        if self.kind.history == 0 {
            return self.backlog().await;
        }
        self.first = Some(self.add(Utc::now().timestamp_millis() - SPAN).await?);
        Ok(())
    }

    /// Runs the past up to now, and leaves what waits.
    pub(super) async fn write(mut self) -> Result<(), DemoError> {
        if self.kind.history == 0 {
            return Ok(());
        }
        let mut at = Utc::now().timestamp_millis() - SPAN;
        let gap = SPAN as u64 / u64::from(self.kind.history);
        let mut added = self.first.take();
        for _ in 0..self.kind.history {
            let id = match added.take() {
                Some(id) => id,
                None => self.add(at).await?,
            };
            self.run_until(&id, at).await?;
            at += self.rng.between(gap / 2, gap * 3 / 2).cast_signed();
            at = at.min(Utc::now().timestamp_millis());
        }
        self.backlog().await
    }

    async fn add(&mut self, at: i64) -> Result<JobId, DemoError> {
        let (name, data) = payload::job(self.kind.queue, &mut self.rng);
        let options = JobOptions { timestamp: Some(at), delay: None, ..self.kind.options(&mut self.rng) };
        Ok(self.queue.add(name, &data, options).await?.id)
    }

    /// Runs what is ready at `at`, up to and with the job that was just added.
    async fn run_until(&mut self, id: &JobId, at: i64) -> Result<(), DemoError> {
        let mut start = at + self.rng.between(2, 400).cast_signed();
        while let Some(job) = self.worker.fetch(Some(start)).await? {
            let took = self.kind.duration(&mut self.rng).as_millis() as u64;
            let end = (start + took.cast_signed()).min(Utc::now().timestamp_millis());
            self.end(&job, took, end).await?;
            if job.id == *id {
                break;
            }
            start += 1;
        }
        Ok(())
    }

    async fn end(&mut self, job: &ActiveJob, took: u64, at: i64) -> Result<(), DemoError> {
        if self.kind.logs && self.rng.chance(0.2) {
            for step in 1..=3 {
                self.worker.log(job, payload::log(self.kind.queue, step, 3, &mut self.rng)).await?;
            }
        }
        if self.rng.chance(self.kind.fails) {
            let error = failures::of(self.kind.queue, &mut self.rng);
            return Ok(self.worker.fail(job, &error, Some(at)).await?);
        }
        let result = payload::result(self.kind.queue, took, &mut self.rng);
        Ok(self.worker.complete(job, &result, Some(at)).await?)
    }

    /// The jobs that wait when the demo begins.
    async fn backlog(&mut self) -> Result<(), DemoError> {
        let (kind, now) = (self.kind, Utc::now().timestamp_millis());
        let span = if kind.queue == DEAD_LETTER { FORGOTTEN } else { BEHIND };
        let mut jobs = Vec::new();
        for n in 0..i64::from(kind.backlog) {
            let (name, data) = payload::job(kind.queue, &mut self.rng);
            let mut options = kind.options(&mut self.rng);
            if kind.queue == SCHEDULED {
                options.delay = Some(Duration::from_secs(self.rng.between(30, 86_400)));
            } else {
                let age = span - span * n / i64::from(kind.backlog);
                options = JobOptions { timestamp: Some(now - age), delay: None, ..options };
            }
            jobs.push((name.to_owned(), data, options));
        }
        for outcome in self.queue.add_bulk(jobs).await? {
            outcome?;
        }
        Ok(())
    }
}
