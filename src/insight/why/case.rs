//! Two looks at a queue, and what they say together.

use super::cause::{Cause, Held, Value};
use crate::engine::read::workers::Connection;
use crate::monitor::why::{Look, Running, Sampled};
use crate::text::Clean;
use crate::wire::{JobId, State};

/// What is judged.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// The look before, some time ago; without one nothing that may pass is accused.
    pub before: Option<&'a Look>,
    /// The newest look.
    pub now: &'a Look,
    started: bool,
}

impl<'a> Case<'a> {
    /// A case of two looks.
    pub fn new(before: Option<&'a Look>, now: &'a Look) -> Self {
        Self { before, now, started: before.is_some_and(|before| started(before, now)) }
    }

    /// Whether a job started or finished between the looks.
    pub fn started(&self) -> bool {
        self.started
    }

    /// Whether both looks show it.
    pub fn both(&self, holds: impl Fn(&'a Look) -> bool) -> bool {
        self.before.is_some_and(&holds) && holds(self.now)
    }

    /// Jobs wait in both looks.
    pub fn waits(&self) -> bool {
        self.both(|look| look.ready() > 0)
    }

    /// Jobs wait, none has started meanwhile, and the next one is the same.
    pub fn stands(&self) -> bool {
        let next = |look: &'a Look| look.overview.next.as_ref();
        self.waits() && !self.started && self.before.is_some_and(|before| next(before) == next(self.now))
    }

    /// Whether the queue is paused in both looks.
    pub fn paused(&self) -> bool {
        self.both(|look| look.overview.is_paused())
    }

    /// As many jobs are active as the global limit allows, in both looks.
    pub fn at_limit(&self) -> bool {
        self.both(|look| look.overview.meta.concurrency.is_some_and(|limit| look.overview.active >= limit))
    }

    /// A rate limit that is known to be reached holds the queue, in both looks.
    pub fn limited(&self) -> bool {
        self.both(|look| look.overview.limited_ms().is_some())
    }

    /// Something else than workers keeps them from taking jobs.
    pub fn held_back(&self) -> bool {
        self.paused() || self.at_limit() || self.limited() || self.is_replica()
    }

    /// The server is a replica.
    pub fn is_replica(&self) -> bool {
        self.now.server.health.as_ref().is_some_and(|redis| redis.role.as_str() == "slave")
    }

    /// The workers, where both looks know them.
    pub fn workers(&self) -> Option<&'a [Connection]> {
        self.before?.clients.workers()?;
        self.now.clients.workers()
    }

    /// No worker asks for work in either look, or it is not known.
    pub fn none_idle(&self) -> bool {
        let idle = |look: &Look| look.clients.workers().is_some_and(|all| all.iter().any(|one| one.asks));
        self.both(|look| !idle(look))
    }

    /// A worker asks for work in both looks.
    pub fn some_idle(&self) -> bool {
        self.both(|look| look.clients.workers().is_some_and(|all| all.iter().any(|one| one.asks)))
    }

    /// Active jobs that somebody holds.
    pub fn held(&self) -> impl Iterator<Item = &'a Running> {
        self.now.samples.running.iter().filter(|job| job.lock_ms.is_some())
    }

    /// Whether a job runs.
    pub fn runs(&self) -> bool {
        self.held().next().is_some()
    }

    /// Active jobs that nobody holds, in either look.
    pub fn orphans(&self) -> Vec<&'a Running> {
        let Some(before) = self.before else { return Vec::new() };
        let loose = |jobs: &'a [Running]| jobs.iter().filter(|job| job.lock_ms.is_none());
        let twice = |job: &&Running| loose(&before.samples.running).any(|other| other.id == job.id);
        loose(&self.now.samples.running).filter(twice).collect()
    }

    /// The next job, with when it could have run.
    pub fn next(&self) -> Option<&'a Sampled> {
        let sampled = |state| self.now.samples.waiting.iter().find(move |job| job.state == state);
        sampled(State::Waiting).or_else(|| sampled(State::Paused)).or_else(|| sampled(State::Prioritized))
    }

    /// For how long the next job has waited, ms.
    pub fn waited_ms(&self) -> Option<i64> {
        Some(self.now.at.saturating_sub(self.next()?.ready_at?).max(0))
    }

    /// Whether the next job has waited for at least so long, ms.
    pub fn waited(&self, ms: i64) -> bool {
        self.waited_ms().is_some_and(|waited| waited >= ms)
    }

    /// Jobs of a state in the newest look.
    pub fn sampled(&self, state: State) -> impl Iterator<Item = &'a Sampled> {
        self.now.samples.waiting.iter().filter(move |job| job.state == state)
    }

    /// A job of a state in the look before.
    pub fn was(&self, state: State, id: &JobId) -> Option<&'a Sampled> {
        self.before?.samples.waiting.iter().find(|job| job.state == state && job.id == *id)
    }

    /// The time between the looks, ms; 0 without a first one.
    pub fn apart_ms(&self) -> i64 {
        self.before.map_or(0, |before| self.now.at.saturating_sub(before.at))
    }

    /// Jobs added and finished per second between the looks.
    pub fn rates(&self) -> Option<(f64, f64)> {
        let before = self.before?;
        let seconds = self.apart_ms() as f64 / 1000.0;
        if seconds <= 0.0 {
            return None;
        }
        let (then, now) = (&before.overview, &self.now.overview);
        let added = (now.last_id.unwrap_or(0) - then.last_id.unwrap_or(0)).max(0) as f64;
        let total = |found: &crate::engine::read::Overview| {
            Some(found.completed_count? as f64 + found.failed_count.unwrap_or(0) as f64)
        };
        let finished = match (total(then), total(now)) {
            (Some(then), Some(now)) => now - then,
            _ => added - (now.backlog() as f64 - then.backlog() as f64),
        };
        Some((added / seconds, finished.max(0.0) / seconds))
    }

    /// An active job as evidence.
    pub fn running(&self, job: &Running) -> Held {
        Held {
            queue: self.now.queue.clone(),
            id: job.id.clone(),
            name: job.name.clone(),
            worker: job.worker.clone(),
            active_ms: job.started_at.map(|at| self.now.at.saturating_sub(at).max(0)),
            lock_ms: job.lock_ms,
            note: Clean::line(if job.lock_ms.is_none() { "no lock: nobody holds it" } else { "" }),
        }
    }

    /// Adds what waits to the evidence.
    pub fn tell_waiting(&self, cause: Cause) -> Cause {
        let waited = self.waited_ms().filter(|_| self.now.ready() > 0);
        cause.count("ready", "jobs that wait", self.now.ready()).maybe(
            "oldestWaitMs",
            "the next one waits",
            waited.map(Value::Span),
        )
    }

    /// Adds the workers to the evidence, where they are known.
    pub fn tell_workers(&self, cause: Cause) -> Cause {
        let Some(workers) = self.workers() else {
            return cause.fact("workers", "workers", Value::Text(Clean::line("not known")));
        };
        let idle = workers.iter().filter(|worker| worker.asks).count();
        cause.count("workers", "workers", workers.len() as u64).count(
            "idleWorkers",
            "that ask for work",
            idle as u64,
        )
    }
}

/// Whether a job started or ended between two looks: whatever tells it.
fn started(before: &Look, now: &Look) -> bool {
    let runs = |look: &Look| -> Vec<(JobId, Option<i64>)> {
        look.samples.running.iter().map(|job| (job.id.clone(), job.started_at)).collect()
    };
    let total = |look: &Look| {
        let found = &look.overview;
        (found.completed_count, found.failed_count, found.completed, found.failed)
    };
    // The head was taken, and what it was is not at the head of another list.
    let taken = match (&before.overview.next, &now.overview.next) {
        (Some(then), then_now) if Some(then) != then_now.as_ref() => {
            !now.samples.waiting.iter().any(|job| job.id == *then)
        }
        _ => false,
    };
    runs(before) != runs(now)
        || before.samples.finished != now.samples.finished
        || before.overview.newest_finished != now.overview.newest_finished
        || total(before) != total(now)
        || taken
}
