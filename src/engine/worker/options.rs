//! How a worker works.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::ActiveJob;
use super::JobError;
use crate::engine::add::Keep;
use crate::engine::dead_letter::DeadLetter;

/// How a worker works. The defaults are BullMQ's.
#[derive(Clone, Debug)]
pub struct WorkerOptions {
    /// Its name, shown by dashboards and kept in each job's `pb`; empty is none.
    pub name: String,
    /// Jobs at a time.
    pub concurrency: usize,
    /// How many jobs one call to Redis may end, and how many it may take. No finished job waits for
    /// others: those that finish while a call is under way go together in the next one. 1 gives
    /// each job a call of its own, which leaves the events of a queue in the very order in which
    /// BullMQ's worker leaves them; it costs Redis about twice as much time.
    pub batch: usize,
    /// At most so many starts a window. A limit in the queue's `meta` counts before this one.
    pub limiter: Option<Limiter>,
    /// How long a lock lasts without renewal; it is renewed before half of it has passed.
    pub lock: Duration,
    /// How often jobs of dead workers are looked for, over all workers of the queue.
    pub stalled_interval: Duration,
    /// How often a job may lose its worker before it fails.
    pub max_stalled: u32,
    /// How often a job may be started in all, whatever ended its attempts; beyond that it fails
    /// without being run. `None` is without a bound.
    pub max_started_attempts: Option<u32>,
    /// How long an idle worker waits for a wake-up before it looks by itself.
    pub drain_delay: Duration,
    /// Longest sleep of a worker whose rate limit holds; it looks again after that.
    pub longest_limit: Duration,
    /// How long running jobs may go on when the worker stops; then their
    /// [`JobContext::cancelled`](super::JobContext::cancelled) fires. `None` waits for as long as they take.
    pub grace: Option<Duration>,
    /// How long cancelled jobs have to return. Those that do not are given up: their locks are no
    /// longer renewed, and the queue's other workers run them again.
    pub cancel_grace: Duration,
    /// Minutes of metrics to keep; 0 keeps none.
    pub metrics: u32,
    /// What to keep of completed jobs that say nothing themselves.
    pub remove_on_complete: Keep,
    /// What to keep of failed jobs that say nothing themselves.
    pub remove_on_fail: Keep,
    /// Where jobs go that failed for good; `None`: they stay, as failed ones. See
    /// [`dead_letter`](crate::engine::dead_letter).
    pub dead_letter: Option<DeadLetter>,
    /// Back-offs of one's own, for jobs whose stored `backoff.type` has such a name.
    pub backoffs: Backoffs,
}

impl Default for WorkerOptions {
    fn default() -> Self {
        Self {
            name: String::new(),
            concurrency: 1,
            batch: 50,
            limiter: None,
            lock: Duration::from_secs(30),
            stalled_interval: Duration::from_secs(30),
            max_stalled: 1,
            max_started_attempts: None,
            drain_delay: Duration::from_secs(5),
            longest_limit: Duration::from_secs(30),
            grace: None,
            cancel_grace: Duration::from_secs(5),
            metrics: 0,
            remove_on_complete: Keep::All,
            remove_on_fail: Keep::All,
            dead_letter: None,
            backoffs: Backoffs::default(),
        }
    }
}

/// Redis and the clock know longer times than this, and nobody waits for them.
const LONGEST: Duration = Duration::from_secs(10 * 366 * 86_400);

impl WorkerOptions {
    /// The same, with "for ever" cut to what Redis and the clock can count.
    pub(super) fn in_bounds(mut self) -> Self {
        for time in [
            &mut self.lock,
            &mut self.stalled_interval,
            &mut self.drain_delay,
            &mut self.longest_limit,
            &mut self.cancel_grace,
        ] {
            *time = (*time).min(LONGEST);
        }
        self.grace = self.grace.map(|grace| grace.min(LONGEST));
        if let Some(limiter) = &mut self.limiter {
            limiter.duration = limiter.duration.min(LONGEST);
        }
        self
    }
}

/// At most `max` starts in each `duration`, over all workers of the queue that have a limit
/// (spec 12.1): a fixed window that begins with the first start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limiter {
    /// Starts a window.
    pub max: u32,
    /// The window (whole ms).
    pub duration: Duration,
}

/// A failed attempt, for a back-off of one's own.
#[derive(Clone, Copy, Debug)]
pub struct Failed<'a> {
    /// The job.
    pub job: &'a ActiveJob,
    /// Which attempt failed, from 1.
    pub attempt: u64,
    /// What it failed with.
    pub error: &'a JobError,
}

type Strategy = dyn Fn(Failed<'_>) -> Option<Duration> + Send + Sync;

/// Back-offs by the name that jobs store as `backoff.type`.
///
/// ```
/// use std::time::Duration;
/// use toril::engine::{Backoffs, WorkerOptions};
///
/// let backoffs = Backoffs::default()
///     .with("linear", |failed| Some(Duration::from_secs(failed.attempt)))
///     .with("until noon", |failed| (failed.attempt < 12).then_some(Duration::ZERO));
/// let options = WorkerOptions { backoffs, ..WorkerOptions::default() };
/// ```
#[derive(Clone, Default)]
pub struct Backoffs(BTreeMap<String, Arc<Strategy>>);

impl Backoffs {
    /// Adds one. `None` is BullMQ's -1: no further attempt; zero is at once.
    #[must_use]
    pub fn with(
        mut self,
        name: impl Into<String>,
        strategy: impl Fn(Failed<'_>) -> Option<Duration> + Send + Sync + 'static,
    ) -> Self {
        self.0.insert(name.into(), Arc::new(strategy));
        self
    }

    pub(super) fn get(&self, name: &str) -> Option<&Strategy> {
        self.0.get(name).map(|strategy| &**strategy)
    }
}

impl std::fmt::Debug for Backoffs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
