//! The loop of a worker (spec 5.5): one task that hands out jobs and tells Redis of their ends.
//!
//! While a call is under way further ends gather; then one call tells them all and takes as many jobs
//! as there are free places. Where many gather, a second call goes before the first has answered, so
//! that Redis works while an answer is read. What is free is counted against what might still come: a call under way
//! may fill the places that it was sent for, and a wait for the marker stands for a job to come, so
//! that the marker it takes is never taken in vain.

use std::collections::VecDeque;
use std::sync::Arc;

use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use serde::Serialize;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::calls::{Ended, Look, Take, Turn};
use super::end::{self, End, Step};
use super::place::{self, Outcome};
use super::plan::Plan;
use super::shared::{Closing, Shared, State, Wish};
use super::upkeep;
use super::wake::{Wake, Woken};
use super::{ActiveJob, JobContext, JobError, WorkError, WorkerEvent};

type Attempt = (Arc<ActiveJob>, Outcome);

/// An attempt that is over, to be told to Redis.
struct Over {
    job: Arc<ActiveJob>,
    end: End,
    since: Instant,
}

/// What came of a call.
enum Answer {
    Worked { told: Vec<Over>, take: Take, wakes: u64, turn: Result<Turn, WorkError> },
    Recovered { take: Take, jobs: Result<Vec<ActiveJob>, WorkError> },
}

/// What the loop woke up for.
enum Event {
    Wish,
    Stop,
    Answer(Answer),
    Left(Option<Attempt>),
    Woken(Woken),
    Time,
}

struct Driver<H> {
    shared: Arc<Shared>,
    handler: Arc<H>,
    places: JoinSet<Attempt>,
    overs: VecDeque<Over>,
    calls: FuturesUnordered<BoxFuture<'static, Answer>>,
    /// Places that the calls under way stand for: jobs that they end or take.
    called: usize,
    /// Calls under way that only take.
    taking: usize,
    /// What calls took, perhaps, whose answers were lost.
    lost: VecDeque<Take>,
    plan: Plan,
    wake: Wake,
    wish: Wish,
    drained: bool,
    /// When the evidence about the queue was last looked at.
    looked: Option<Instant>,
    closing_since: Option<Instant>,
    cancelled: bool,
}

/// How often the evidence is looked at that the queue is one for us: with every call of a worker whose
/// jobs take their time, and not thousands of times a second.
const LOOK: std::time::Duration = std::time::Duration::from_millis(100);

/// So many jobs are worth a second call beside the one under way.
const WORTH_A_CALL: usize = 16;

pub(super) async fn run<H, F, T>(
    shared: Arc<Shared>,
    handler: Arc<H>,
    stop: tokio_util::sync::CancellationToken,
) where
    H: Fn(JobContext) -> F + Send + Sync + 'static,
    F: Future<Output = Result<T, JobError>> + Send + 'static,
    T: Serialize + 'static,
{
    let mut upkeep = JoinSet::new();
    upkeep.spawn(upkeep::recover_stalled(shared.clone()));
    upkeep.spawn(upkeep::renew_locks(shared.clone()));
    let mut wishes = shared.wish.subscribe();
    let mut driver = Driver {
        wish: *wishes.borrow_and_update(),
        wake: Wake::start(shared.calls.clone()),
        handler,
        places: JoinSet::new(),
        overs: VecDeque::new(),
        calls: FuturesUnordered::new(),
        called: 0,
        taking: 0,
        lost: VecDeque::new(),
        plan: Plan::new(),
        drained: false,
        looked: None,
        closing_since: None,
        cancelled: false,
        shared,
    };
    let _ended = Ending(driver.shared.clone());
    loop {
        driver.send();
        driver.publish();
        if driver.is_done() {
            break;
        }
        if driver.may_take() && driver.plan.may_wait() && driver.taking == 0 && driver.free() > 0 {
            driver.wake.begin(driver.plan.patience(driver.shared.calls.options.drain_delay));
        }
        let alarm = driver.alarm();
        let event = tokio::select! {
            biased;
            changed = wishes.changed() => if changed.is_ok() { Event::Wish } else { Event::Stop },
            () = stop.cancelled(), if driver.wish.closing.is_none() => Event::Stop,
            Some(answer) = driver.calls.next() => Event::Answer(answer),
            Some(left) = driver.places.join_next() => Event::Left(left.ok()),
            woken = driver.wake.ended(), if driver.wake.is_pending() => Event::Woken(woken),
            () = sleep_until(alarm), if alarm.is_some() => Event::Time,
        };
        match event {
            Event::Wish => {
                let wish = *wishes.borrow_and_update();
                driver.wished(wish).await;
            }
            Event::Stop => {
                driver.shared.wish.send_if_modified(|wish| {
                    let first = wish.closing.is_none();
                    wish.closing.get_or_insert(Closing::Gracefully);
                    first
                });
            }
            Event::Answer(answer) => {
                driver.answered(answer);
                // Jobs that have nothing to wait for end in the turn that the runtime takes now, and go
                // with the next call.
                tokio::task::yield_now().await;
                driver.gather();
            }
            Event::Left(left) => {
                driver.left(left);
                driver.gather();
            }
            Event::Woken(woken) => driver.plan.woken(woken),
            Event::Time => driver.look_at_the_clock(),
        }
    }
}

/// Says that the worker has ended, also when its future is dropped.
struct Ending(Arc<Shared>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.state.send_replace(State { started: true, at_rest: true, ended: true });
        self.0.tell(|| WorkerEvent::Closed);
    }
}

async fn sleep_until(at: Option<Instant>) {
    if let Some(at) = at {
        tokio::time::sleep_until(at).await;
    }
}

impl<H, F, T> Driver<H>
where
    H: Fn(JobContext) -> F + Send + Sync + 'static,
    F: Future<Output = Result<T, JobError>> + Send + 'static,
    T: Serialize + 'static,
{
    fn batch(&self) -> usize {
        // More would be too long a script.
        self.shared.calls.options.batch.clamp(1, 1000)
    }

    fn may_take(&self) -> bool {
        !self.wish.paused && self.wish.closing.is_none()
    }

    /// Jobs that run, are to end, or may come.
    fn occupied(&self) -> usize {
        let lost: usize = self.lost.iter().map(|take| take.jobs).sum();
        self.places.len() + self.overs.len() + self.called + lost + usize::from(self.wake.is_pending())
    }

    fn free(&self) -> usize {
        self.wish.concurrency.saturating_sub(self.occupied())
    }

    /// Sends what there is to send.
    fn send(&mut self) {
        if self.plan.held_until.is_some_and(|at| at > Instant::now()) {
            return;
        }
        if let Some(take) = self.lost.front().copied() {
            if self.calls.is_empty() {
                self.lost.pop_front();
                self.called += take.jobs;
                let calls = self.shared.calls.clone();
                let call = async move { Answer::Recovered { take, jobs: calls.recover_taken(take).await } };
                self.calls.push(Box::pin(call));
            }
            return;
        }
        let batch = self.batch();
        while !self.overs.is_empty() && self.may_call(self.overs.len()) {
            let told: Vec<Over> = self.overs.drain(..self.overs.len().min(batch)).collect();
            let room = self.wish.concurrency.saturating_sub(self.occupied());
            let jobs = if self.may_take() { room.min(batch) } else { 0 };
            self.call(told, jobs);
        }
        while self.may_take() && self.taking == 0 && self.plan.fetch_now() {
            let jobs = self.free().min(batch);
            if jobs == 0 || !self.may_call(jobs) {
                break;
            }
            self.call(Vec::new(), jobs);
        }
    }

    /// Whether a call about so many jobs may go now. One that waits for the call under way gathers
    /// more jobs, and each call costs Redis as much as two or three jobs do; without batching each
    /// job goes by itself.
    fn may_call(&self, jobs: usize) -> bool {
        match self.calls.len() {
            0 => true,
            1 => self.batch() == 1 || jobs >= WORTH_A_CALL,
            _ => self.batch() == 1,
        }
    }

    fn call(&mut self, told: Vec<Over>, jobs: usize) {
        let look = match self.looked {
            _ if jobs == 0 => Look::No,
            None => Look::Yes,
            Some(at) if at.elapsed() >= LOOK => Look::IfAny,
            Some(_) => Look::No,
        };
        if look != Look::No {
            self.looked = Some(Instant::now());
        }
        let take = self.shared.calls.take(jobs, look);
        self.called += told.len().max(jobs);
        self.taking += usize::from(told.is_empty());
        let (calls, wakes) = (self.shared.calls.clone(), self.plan.wakes);
        self.calls.push(Box::pin(async move {
            let ends: Vec<End> = told.iter().map(|over| over.end.clone()).collect();
            let turn = calls.work(&ends, take, None).await;
            Answer::Worked { told, take, wakes, turn }
        }));
    }

    fn answered(&mut self, answer: Answer) {
        match answer {
            Answer::Recovered { take, jobs } => {
                self.called -= take.jobs;
                match jobs {
                    Ok(jobs) => jobs.into_iter().for_each(|job| self.start(job)),
                    Err(error) => {
                        // A worker that ends leaves them to the stalled check.
                        if error.is_link() && self.wish.closing.is_none() {
                            self.lost.push_front(take);
                        }
                        self.failed(error);
                    }
                }
            }
            Answer::Worked { told, take, wakes, turn } => {
                self.called -= told.len().max(take.jobs);
                self.taking -= usize::from(told.is_empty());
                match turn {
                    Ok(turn) => self.worked(told, take, wakes, turn),
                    Err(error) => self.unanswered(told, take, error),
                }
            }
        }
    }

    fn worked(&mut self, told: Vec<Over>, take: Take, wakes: u64, turn: Turn) {
        for (over, ended) in told.into_iter().zip(turn.ended) {
            self.ended(over, ended);
        }
        if take.jobs == 0 {
            if turn.idle.limited_ms > 0 {
                self.plan.answered(turn.idle, true, wakes, self.shared.calls.options.longest_limit);
            }
            return;
        }
        let more = turn.jobs.len() == take.jobs;
        self.plan.answered(turn.idle, more, wakes, self.shared.calls.options.longest_limit);
        if let Some(error) = turn.refused {
            self.looked = None;
            self.failed(error);
        } else if turn.jobs.is_empty() && turn.idle.limited_ms == 0 && !self.drained {
            self.drained = true;
            self.shared.tell(|| WorkerEvent::Drained);
        }
        for job in turn.jobs {
            self.start(job);
        }
    }

    /// A call failed: its ends are told again. Where it may have arrived that changes nothing, for
    /// the locks are gone then; and the jobs that it may have taken are looked for.
    fn unanswered(&mut self, told: Vec<Over>, take: Take, error: WorkError) {
        let ambiguous = error.is_ambiguous();
        if ambiguous && take.jobs > 0 {
            self.lost.push_back(take);
        }
        let patience = self.shared.calls.options.lock;
        for mut over in told.into_iter().rev() {
            let endless = error.is_link() && self.wish.closing.is_none();
            if endless || over.since.elapsed() < patience {
                over.end.repeated |= ambiguous;
                self.overs.push_front(over);
            } else {
                self.shared.held.remove(&over.job.id, &over.job.token);
                let (id, error) = (over.job.id.clone(), error.clone());
                tracing::warn!(queue = %self.shared.calls.queue.clean(), job = %id.clean(), %error, "job not ended");
                self.shared.tell(|| WorkerEvent::Error { id: Some(id), error });
            }
        }
        self.failed(error);
    }

    fn failed(&mut self, error: WorkError) {
        tracing::warn!(queue = %self.shared.calls.queue.clean(), %error, "no answer of the queue");
        self.plan.failed();
        self.shared.tell(|| WorkerEvent::Error { id: None, error });
    }

    fn start(&mut self, job: ActiveJob) {
        self.drained = false;
        let cancel = self.shared.held.insert(job.id.clone(), job.token.clone());
        if self.cancelled {
            cancel.cancel();
        }
        let (shared, handler) = (self.shared.clone(), self.handler.clone());
        self.places.spawn(place::run(shared, handler, Arc::new(job), cancel));
    }

    /// Takes in whatever has ended by now.
    fn gather(&mut self) {
        while let Some(left) = self.places.try_join_next() {
            self.left(left.ok());
        }
    }

    /// A handler has returned.
    fn left(&mut self, left: Option<Attempt>) {
        // None: it was aborted, because the worker gave it up.
        let Some((job, outcome)) = left else { return };
        self.shared.held.ending(&job.id, &job.token);
        let options = &self.shared.calls.options;
        let end = match outcome {
            Outcome::Value(value) => Ok(end::completed(&job, value, options)),
            Outcome::Error(error) => end::failed(&job, error, &self.shared.calls),
            Outcome::Moved => {
                self.shared.held.remove(&job.id, &job.token);
                self.shared.tell(|| WorkerEvent::Moved { id: job.id.clone() });
                self.plan.ask();
                return;
            }
        };
        match end {
            Ok(end) => self.overs.push_back(Over { job, end, since: Instant::now() }),
            Err(error) => {
                self.shared.held.remove(&job.id, &job.token);
                self.shared.tell(|| WorkerEvent::Error { id: Some(job.id.clone()), error });
            }
        }
    }

    /// Redis has answered about the end of a job.
    fn ended(&mut self, over: Over, ended: Result<Ended, WorkError>) {
        let Over { job, end, since } = over;
        let again = match (&ended, &end.step) {
            (Err(WorkError::ChildrenPending), Step::Complete { .. }) => {
                let id = job.id.lossless();
                Some(JobError::new(format!("Job {id} has pending dependencies. moveToFinished")))
            }
            (Err(WorkError::ChildFailed), _) => Some(JobError::fatal(format!(
                "Cannot complete job {} because it has at least one failed child. moveToFinished",
                job.id.lossless()
            ))),
            _ => None,
        };
        // A value that the job's children forbid makes it fail, in BullMQ's words.
        if let Some(Ok(end)) = again.map(|error| end::failed(&job, error, &self.shared.calls)) {
            self.overs.push_back(Over { job, end, since });
            return;
        }
        let ours = self.shared.held.remove(&job.id, &job.token);
        let id = job.id.clone();
        let burial =
            ended.as_ref().ok().filter(|ended| matches!(ended, Ended::Buried(_) | Ended::NotBuried(_)));
        let burial = burial.cloned().zip(end.step.reason());
        match ended {
            Ok(_) => self.shared.tell(|| match end.step {
                Step::Complete { .. } => WorkerEvent::Completed { id },
                Step::Fail { error, .. } => WorkerEvent::Failed { id, error },
                Step::Retry { error, delay_ms, .. } => {
                    WorkerEvent::Retried { id, error, delay: std::time::Duration::from_millis(delay_ms) }
                }
                _ => WorkerEvent::Moved { id },
            }),
            Err(WorkError::LockLost) => {
                tracing::warn!(queue = %self.shared.calls.queue.clean(), job = %id.clean(), "lock lost: its end does not count");
                if ours {
                    self.shared.tell(|| WorkerEvent::LockLost { id });
                }
            }
            Err(error) => {
                tracing::warn!(queue = %self.shared.calls.queue.clean(), job = %id.clean(), %error, "job not ended");
                self.shared.tell(|| WorkerEvent::Error { id: Some(id), error });
            }
        }
        if let Some((ended, reason)) = burial {
            self.shared.tell_burial(&job.id, ended, &reason);
        }
    }

    /// Somebody wants the worker to do something else.
    async fn wished(&mut self, wish: Wish) {
        let before = std::mem::replace(&mut self.wish, wish);
        if wish.closing == Some(Closing::AtOnce) {
            self.places.abort_all();
            return;
        }
        if before.closing.is_none() && wish.closing.is_some() {
            self.closing_since = Some(Instant::now());
            self.shared.tell(|| WorkerEvent::Closing);
        }
        if before.paused && !wish.paused {
            self.shared.tell(|| WorkerEvent::Resumed);
        }
        self.plan.ask();
        // With fewer places than before a marker would be taken in vain.
        let crowded = self.wake.is_pending() && self.occupied() > self.wish.concurrency;
        if self.may_take() && !crowded {
            return;
        }
        // The marker that this worker waited for, or took, is for the others now.
        self.wake.interrupt().await;
        if let Err(error) = self.shared.calls.wake_others().await {
            self.shared.tell(|| WorkerEvent::Error { id: None, error });
        }
    }

    fn alarm(&self) -> Option<Instant> {
        let options = &self.shared.calls.options;
        let grace = options.grace.and_then(|grace| {
            let over = self.closing_since? + grace;
            Some(if self.cancelled { over + options.cancel_grace } else { over })
        });
        match (self.plan.alarm(), grace) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        }
    }

    /// The grace of a worker that closes may be over.
    fn look_at_the_clock(&mut self) {
        let options = &self.shared.calls.options;
        let (Some(grace), Some(since)) = (options.grace, self.closing_since) else { return };
        if !self.cancelled && since.elapsed() >= grace {
            self.cancelled = true;
            self.shared.held.cancel_all();
        } else if self.cancelled && since.elapsed() >= grace + options.cancel_grace {
            self.places.abort_all();
            self.wish.closing = Some(Closing::AtOnce);
        }
    }

    fn at_rest(&self) -> bool {
        self.places.is_empty() && self.overs.is_empty() && self.calls.is_empty() && self.lost.is_empty()
    }

    fn is_done(&self) -> bool {
        match self.wish.closing {
            None => false,
            Some(Closing::Gracefully) => self.at_rest(),
            Some(Closing::AtOnce) => true,
        }
    }

    fn publish(&self) {
        let state = State { started: true, at_rest: !self.may_take() && self.at_rest(), ended: false };
        let changed = self.shared.state.send_if_modified(|before| std::mem::replace(before, state) != state);
        if changed && state.at_rest && self.wish.paused {
            self.shared.tell(|| WorkerEvent::Paused);
        }
    }
}
