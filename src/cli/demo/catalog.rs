//! The queues of the demo: what comes in, how it is worked, how it fails.

use std::time::Duration;

use crate::engine::{Backoff, JobOptions, Keep};

use super::rng::Rng;

/// One queue.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind {
    pub queue: &'static str,
    /// Jobs that come in a second, on average; 0: only other actors add here.
    pub per_second: f64,
    /// Workers, and how many jobs each runs at a time.
    pub workers: &'static [(&'static str, usize)],
    /// How long a job takes, ms.
    pub takes: (u64, u64),
    /// Share of attempts that fail.
    pub fails: f64,
    pub attempts: u32,
    /// Wait after the first failed attempt, doubled after each, ms.
    pub backoff: u64,
    /// Progress reports of a job.
    pub steps: u64,
    /// Whether a job logs its steps.
    pub logs: bool,
    /// Completed and failed jobs kept.
    pub keep: (u32, u32),
    /// Jobs that ran in the minutes before the demo began.
    pub history: u32,
    /// Jobs that wait when it begins.
    pub backlog: u32,
    /// Nothing is added while so many wait, so that hours of demo stay bounded.
    pub most_waiting: u64,
    /// Share of jobs with a priority, and of delayed ones.
    pub priority: f64,
    pub delayed: f64,
}

const IDLE: Kind = Kind {
    queue: "",
    per_second: 0.0,
    workers: &[],
    takes: (1, 2),
    fails: 0.0,
    attempts: 1,
    backoff: 0,
    steps: 0,
    logs: false,
    keep: (500, 200),
    history: 0,
    backlog: 0,
    most_waiting: 2_000,
    priority: 0.0,
    delayed: 0.0,
};

/// The queue that is paused now and then.
pub(super) const PAUSED: &str = "report";
/// The queue that takes what others gave up on, and that nobody works.
pub(super) const DEAD_LETTER: &str = "dead-letter";
/// The queue that gets a job at fixed times.
pub(super) const TIMED: &str = "cleanup";
/// The queue that holds far-off jobs.
pub(super) const SCHEDULED: &str = "invoices";

/// All queues. `payments` has too few workers for what comes in, and a gateway that times out.
pub(super) const KINDS: &[Kind] = &[
    Kind {
        queue: "payments",
        per_second: 1.7,
        workers: &[("pay-1", 10), ("pay-2", 10)],
        takes: (5_000, 11_000),
        fails: 0.62,
        attempts: 3,
        backoff: 2_000,
        steps: 2,
        logs: true,
        keep: (1_000, 600),
        history: 500,
        backlog: 420,
        ..IDLE
    },
    Kind {
        queue: "email",
        per_second: 5.0,
        workers: &[("mailer-7f9c", 5), ("mailer-c21a", 5)],
        takes: (120, 900),
        fails: 0.04,
        attempts: 4,
        backoff: 5_000,
        logs: true,
        keep: (2_000, 150),
        history: 1_300,
        backlog: 12,
        priority: 0.15,
        delayed: 0.05,
        ..IDLE
    },
    Kind {
        queue: PAUSED,
        per_second: 0.4,
        workers: &[("reports", 2)],
        takes: (2_500, 6_000),
        fails: 0.25,
        attempts: 2,
        backoff: 15_000,
        steps: 10,
        logs: true,
        history: 90,
        backlog: 6,
        ..IDLE
    },
    Kind {
        queue: "code-generation",
        per_second: 1.0,
        workers: &[("gen-a", 4), ("gen-b", 4)],
        takes: (3_000, 9_000),
        fails: 0.25,
        attempts: 3,
        backoff: 4_000,
        steps: 8,
        logs: true,
        history: 260,
        backlog: 9,
        priority: 0.6,
        ..IDLE
    },
    Kind {
        queue: "thumbnails",
        per_second: 9.0,
        workers: &[("img-1", 8), ("img-2", 8)],
        takes: (80, 700),
        fails: 0.03,
        attempts: 2,
        backoff: 1_000,
        keep: (3_000, 100),
        history: 1_800,
        backlog: 4,
        ..IDLE
    },
    Kind {
        queue: "whatsapp-webhook",
        per_second: 4.0,
        workers: &[("hooks", 6)],
        takes: (60, 600),
        fails: 0.12,
        attempts: 3,
        backoff: 3_000,
        keep: (1_500, 300),
        history: 900,
        ..IDLE
    },
    Kind {
        queue: SCHEDULED,
        per_second: 0.15,
        workers: &[("billing", 2)],
        takes: (300, 1_200),
        fails: 0.05,
        attempts: 5,
        backoff: 10_000,
        logs: true,
        history: 160,
        backlog: 1_002,
        delayed: 1.0,
        ..IDLE
    },
    Kind {
        queue: TIMED,
        workers: &[("janitor", 1)],
        takes: (800, 2_500),
        steps: 4,
        logs: true,
        keep: (60, 60),
        history: 30,
        ..IDLE
    },
    Kind { queue: DEAD_LETTER, backlog: 347, most_waiting: 500, ..IDLE },
    Kind {
        queue: "audit",
        per_second: 4.0,
        workers: &[("audit", 2)],
        takes: (5, 40),
        keep: (1_000, 50),
        history: 900,
        ..IDLE
    },
    Kind {
        queue: "search-index",
        per_second: 1.5,
        workers: &[("indexer", 4)],
        takes: (150, 1_100),
        fails: 0.01,
        attempts: 3,
        backoff: 2_000,
        history: 350,
        ..IDLE
    },
    Kind {
        queue: "sms",
        per_second: 0.05,
        workers: &[("sms", 1)],
        takes: (200, 900),
        fails: 0.2,
        attempts: 2,
        backoff: 30_000,
        history: 60,
        ..IDLE
    },
];

impl Kind {
    /// The queue of this name.
    pub(super) fn of(queue: &str) -> Option<&'static Self> {
        KINDS.iter().find(|kind| kind.queue == queue)
    }

    /// The options of a job of this queue.
    pub(super) fn options(&self, rng: &mut Rng) -> JobOptions {
        let backoff = Duration::from_millis(self.backoff);
        let priority = if rng.chance(self.priority) { rng.between(1, 5) as u32 } else { 0 };
        let delay = rng.chance(self.delayed).then(|| Duration::from_secs(rng.between(20, 900)));
        JobOptions {
            attempts: self.attempts,
            backoff: (self.backoff > 0).then_some(Backoff::Exponential { delay: backoff, jitter: 0.2 }),
            remove_on_complete: Some(Keep::Count(self.keep.0)),
            remove_on_fail: Some(Keep::Count(self.keep.1)),
            keep_logs: self.logs.then_some(50),
            priority,
            delay,
            ..JobOptions::default()
        }
    }

    /// How long this attempt takes.
    pub(super) fn duration(&self, rng: &mut Rng) -> Duration {
        Duration::from_millis(rng.between(self.takes.0, self.takes.1))
    }
}
