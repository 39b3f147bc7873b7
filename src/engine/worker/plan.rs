//! When a worker asks for jobs (spec 5.5, 5.6).

use std::time::Duration;

use tokio::time::Instant;

use super::calls::Idle;
use super::wake::{Patience, Woken};

/// Longest wait for a due time; it is looked at again after that.
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// First and longest pause after an error of the connection: at most ten a second.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

/// When to ask again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    /// There may be a job.
    ready: bool,
    /// The first delayed job is due then.
    due: Option<Instant>,
    /// The rate limit holds until then.
    limited: Option<Instant>,
    /// After an error: no call before then.
    pub held_until: Option<Instant>,
    pause: Duration,
    /// How often a marker came. An answer of a call that is older than the last one does not count.
    pub wakes: u64,
    /// Server time at a moment of ours, to place the markers' times: ms since the epoch.
    clock: Option<(f64, Instant)>,
}

impl Plan {
    pub(super) fn new() -> Self {
        Self {
            ready: true,
            due: None,
            limited: None,
            held_until: None,
            pause: PAUSES.0,
            wakes: 0,
            clock: None,
        }
    }

    /// A call failed.
    pub(super) fn failed(&mut self) {
        self.ready = true;
        self.held_until = Some(Instant::now() + self.pause);
        self.pause = (self.pause * 2).min(PAUSES.1);
    }

    /// A place that was not free before may take a job.
    pub(super) fn ask(&mut self) {
        self.ready = true;
    }

    /// A call answered. `more`: it took as many jobs as it wanted. `wakes`: how many markers had come
    /// when it was sent.
    pub(super) fn answered(&mut self, idle: Idle, more: bool, wakes: u64, longest_limit: Duration) {
        let now = Instant::now();
        self.pause = PAUSES.0;
        self.held_until = None;
        self.clock = Some((idle.now_ms as f64, now));
        self.limited = (idle.limited_ms > 0)
            .then(|| now + Duration::from_millis(idle.limited_ms as u64).min(longest_limit));
        let woken_since = wakes != self.wakes;
        self.ready = more || self.limited.is_some() || woken_since;
        if !more {
            let due = idle.due_in_ms.map(|ms| now + Duration::from_millis(ms.max(0) as u64));
            self.due = if woken_since { earlier(self.due, due) } else { due };
        }
    }

    pub(super) fn woken(&mut self, woken: Woken) {
        match woken {
            Woken::TimedOut => self.ready = true,
            Woken::Failed => self.failed(),
            Woken::Marker(at) => {
                self.wakes += 1;
                match self.clock {
                    Some((server, then)) if at > 0.0 => {
                        let wait = ((at - server) / 1000.0).clamp(0.0, 1e9);
                        self.due = earlier(self.due, Some(then + Duration::from_secs_f64(wait)));
                    }
                    _ => self.ready = true,
                }
            }
        }
    }

    /// Whether to ask for jobs now.
    pub(super) fn fetch_now(&self) -> bool {
        let now = Instant::now();
        if self.limited.is_some_and(|at| at > now) {
            return false;
        }
        self.ready || self.due.is_some_and(|due| due <= now)
    }

    /// When to look again without being woken: the limit or the pause after an error ends.
    pub(super) fn alarm(&self) -> Option<Instant> {
        let now = Instant::now();
        earlier(self.limited, self.held_until).filter(|at| *at > now)
    }

    /// Whether a wait for the marker makes sense now.
    pub(super) fn may_wait(&self) -> bool {
        !self.fetch_now() && self.alarm().is_none()
    }

    /// How long to wait for the marker.
    pub(super) fn patience(&self, drain_delay: Duration) -> Patience {
        let shortest = Duration::from_millis(1);
        match self.due {
            Some(due) => {
                let wait = due.saturating_duration_since(Instant::now());
                Patience { timeout: wait.clamp(shortest, LONGEST_WAIT), punctual: wait <= LONGEST_WAIT }
            }
            None => Patience { timeout: drain_delay.max(shortest), punctual: false },
        }
    }
}

fn earlier(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_errors_a_worker_asks_more_and_more_rarely() {
        let mut plan = Plan::new();
        let pause = |plan: &mut Plan, ms: u64| {
            let before = Instant::now();
            plan.failed();
            assert!(plan.held_until.unwrap() >= before + Duration::from_millis(ms), "{ms}");
            assert!(plan.held_until.unwrap() <= Instant::now() + Duration::from_millis(ms), "{ms}");
        };
        for ms in [100, 200, 400, 800, 1600, 2000, 2000] {
            pause(&mut plan, ms);
            assert_eq!(plan.alarm(), plan.held_until, "it sleeps until then");
        }
        // An answer ends it.
        plan.answered(Idle { limited_ms: 0, due_in_ms: None, now_ms: 1 }, false, 0, LONGEST_WAIT);
        assert_eq!(plan.held_until, None);
        pause(&mut plan, 100);
    }
}
