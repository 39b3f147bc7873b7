//! The loop of a worker (spec 5.5): fill the free places one fetch at a time, let each place fetch
//! its own successor, and wait for the marker when there is nothing to do.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use serde::Serialize;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::calls::{Calls, Idle, Next, json};
use super::upkeep::{self, Held};
use super::wake::{Wake, Woken};
use super::{ActiveJob, JobContext, JobError, WorkError};

/// Longest wait for a due time; it is looked at again after that.
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// Longest pause of a worker whose rate limit holds.
const LONGEST_LIMIT: Duration = Duration::from_secs(30);
/// First and longest pause after an error of the connection: at most ten a second.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

/// When to fetch again.
#[derive(Clone, Copy, Debug)]
struct Plan {
    /// There may be a job.
    ready: bool,
    /// The first delayed job is due then.
    due: Option<Instant>,
    /// Not before then: a rate limit, or an error.
    not_before: Option<Instant>,
    pause: Duration,
    /// Server time at a moment of ours, to place the markers' times: ms since the epoch.
    clock: Option<(f64, Instant)>,
}

impl Plan {
    fn new() -> Self {
        Self { ready: true, due: None, not_before: None, pause: PAUSES.0, clock: None }
    }

    fn failed(&mut self) {
        self.ready = true;
        self.not_before = Some(Instant::now() + self.pause);
        self.pause = (self.pause * 2).min(PAUSES.1);
    }

    /// A fetch found nothing.
    fn found_nothing(&mut self, idle: Idle) {
        let now = Instant::now();
        self.pause = PAUSES.0;
        self.clock = Some((idle.now_ms as f64, now));
        self.due = idle.due_in_ms.map(|ms| now + Duration::from_millis(ms.max(0) as u64));
        self.ready = idle.limited_ms > 0;
        self.not_before =
            self.ready.then(|| now + Duration::from_millis(idle.limited_ms as u64).min(LONGEST_LIMIT));
    }

    /// A place became free: its last script call found nothing. Its due time may be older than
    /// what a marker told, so the earlier one counts.
    fn place_free(&mut self, ended: Option<Idle>) {
        let Some(idle) = ended else {
            self.ready = true;
            return;
        };
        let before = self.due;
        let (ready, not_before) = (self.ready, self.not_before);
        self.found_nothing(idle);
        self.ready |= ready;
        self.not_before = self.not_before.max(not_before);
        self.due = earlier(self.due, before);
    }

    fn woken(&mut self, woken: Woken) {
        match woken {
            Woken::TimedOut => self.ready = true,
            Woken::Failed => self.failed(),
            Woken::Marker(at) => match self.clock {
                Some((server, then)) if at > 0.0 => {
                    let due = then + Duration::from_secs_f64(((at - server) / 1000.0).clamp(0.0, 1e9));
                    self.due = earlier(self.due, Some(due));
                }
                _ => self.ready = true,
            },
        }
    }

    /// Whether to fetch now.
    fn fetch_now(&mut self) -> bool {
        let now = Instant::now();
        if self.not_before.is_some_and(|at| at > now) {
            return false;
        }
        self.not_before = None;
        self.ready || self.due.is_some_and(|due| due <= now)
    }

    /// How long to wait for the marker.
    fn patience(&self, drain_delay: Duration) -> Duration {
        match self.due {
            Some(due) => {
                due.saturating_duration_since(Instant::now()).clamp(Duration::from_millis(1), LONGEST_WAIT)
            }
            None => drain_delay.max(Duration::from_millis(1)),
        }
    }
}

fn earlier(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

pub(super) async fn run<H, F, T>(calls: Arc<Calls>, handler: Arc<H>, stop: CancellationToken)
where
    H: Fn(JobContext) -> F + Send + Sync + 'static,
    F: Future<Output = Result<T, JobError>> + Send + 'static,
    T: Serialize + 'static,
{
    let held = Arc::new(Held::default());
    let mut upkeep = JoinSet::new();
    upkeep.spawn(upkeep::recover_stalled(calls.clone()));
    upkeep.spawn(upkeep::renew_locks(calls.clone(), held.clone()));

    let mut places: JoinSet<Option<Idle>> = JoinSet::new();
    let mut wake = Wake::start(calls.clone());
    let mut plan = Plan::new();
    while !stop.is_cancelled() {
        let free = places.len() < calls.options.concurrency.max(1);
        if free && plan.fetch_now() {
            match calls.fetch(None).await {
                Ok(Next::Job(job)) => {
                    plan.pause = PAUSES.0;
                    plan.clock = Some((job.started_at as f64, Instant::now()));
                    places.spawn(occupy(calls.clone(), held.clone(), handler.clone(), *job, stop.clone()));
                }
                Ok(Next::None(idle)) => plan.found_nothing(idle),
                Err(error) => {
                    tracing::warn!(queue = %calls.queue.clean(), %error, "no job fetched");
                    plan.failed();
                }
            }
            continue;
        }
        let patience = plan.patience(calls.options.drain_delay);
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            Some(place) = places.join_next() => match place {
                Ok(ended) => plan.place_free(ended),
                Err(_) => plan.place_free(None),
            },
            () = sleep_until(plan.not_before), if free && plan.not_before.is_some() => {}
            woken = wake.wait(patience), if free && plan.not_before.is_none() => plan.woken(woken),
        }
    }
    drop(wake);
    while places.join_next().await.is_some() {}
}

async fn sleep_until(at: Option<Instant>) {
    if let Some(at) = at {
        tokio::time::sleep_until(at).await;
    }
}

/// One place of a worker: runs a job, and each one that the end of the last brings. Returns what
/// the last call said, or `None` if it failed.
async fn occupy<H, F, T>(
    calls: Arc<Calls>,
    held: Arc<Held>,
    handler: Arc<H>,
    first: ActiveJob,
    stop: CancellationToken,
) -> Option<Idle>
where
    H: Fn(JobContext) -> F + Send + Sync + 'static,
    F: Future<Output = Result<T, JobError>> + Send + 'static,
    T: Serialize + 'static,
{
    let mut job = Arc::new(first);
    loop {
        held.insert(job.id.clone(), job.token.clone());
        let outcome = attempt(&calls, &*handler, &job).await;
        let ended = end(&calls, &job, outcome, !stop.is_cancelled()).await;
        held.remove(&job.id);
        match ended {
            Ok(Next::Job(next)) => job = Arc::new(*next),
            Ok(Next::None(idle)) => return Some(idle),
            Err(error) => {
                tracing::warn!(queue = %calls.queue.clean(), job = %job.id.clean(), %error, "job not ended");
                return None;
            }
        }
    }
}

/// Runs the handler; its value as JSON.
async fn attempt<H, F, T>(calls: &Arc<Calls>, handler: &H, job: &Arc<ActiveJob>) -> Result<Vec<u8>, JobError>
where
    H: Fn(JobContext) -> F,
    F: Future<Output = Result<T, JobError>>,
    T: Serialize,
{
    if let Some(reason) = &job.deferred_failure {
        return Err(JobError::fatal(reason.clone()));
    }
    let context = JobContext { calls: calls.clone(), job: job.clone() };
    let work = async { handler(context).await };
    match AssertUnwindSafe(work).catch_unwind().await {
        Ok(Ok(value)) => Ok(json(&value)?),
        Ok(Err(error)) => Err(error),
        Err(panic) => {
            let said = panic.downcast_ref::<String>().map(String::as_str);
            let said = said.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
            Err(JobError::new(format!("the handler panicked: {said}")).named("Panic"))
        }
    }
}

/// Ends a job. When the link is lost it is tried again as long as the lock may hold: a second
/// call changes nothing where the first one arrived, because it took the lock away.
async fn end(
    calls: &Calls,
    job: &ActiveJob,
    outcome: Result<Vec<u8>, JobError>,
    next: bool,
) -> Result<Next, WorkError> {
    let give_up = Instant::now() + calls.options.lock;
    let mut pause = PAUSES.0;
    let mut outcome = outcome;
    let id = job.id.lossless();
    loop {
        let ended = match &outcome {
            Ok(value) => calls.complete(job, value, None, next).await,
            Err(error) => calls.fail(job, error, None, next).await,
        };
        match ended {
            // A value that the job's children forbid makes it fail, in BullMQ's words.
            Err(WorkError::ChildrenPending) => {
                outcome = Err(JobError::new(format!("Job {id} has pending dependencies. moveToFinished")));
            }
            Err(WorkError::ChildFailed) => {
                outcome = Err(JobError::fatal(format!(
                    "Cannot complete job {id} because it has at least one failed child. moveToFinished"
                )));
            }
            Err(error) if error.is_link() && Instant::now() < give_up => {
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(PAUSES.1);
            }
            ended => return ended,
        }
    }
}
