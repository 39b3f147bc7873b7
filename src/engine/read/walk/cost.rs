//! What a walk takes: time, bytes, and of Redis.

use std::time::{Duration, Instant};

use crate::conn::RawReplies;

/// Every so many rounds Redis is asked how long it was at one.
const SAMPLED: u64 = 8;

/// What a walk took so far.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Cost {
    /// Since it began.
    pub elapsed: Duration,
    /// Commands sent.
    pub commands: u64,
    /// Bytes of replies.
    pub bytes: u64,
    /// How long Redis was at it by its own clock, extrapolated from one round in eight: nobody else
    /// was served meanwhile.
    pub busy: Duration,
    /// Jobs read a second.
    pub per_second: f64,
}

impl Cost {
    /// The part of Redis's time that it took, 0 to 1.
    pub fn share(&self) -> f64 {
        let elapsed = self.elapsed.as_secs_f64();
        if elapsed > 0.0 { self.busy.as_secs_f64() / elapsed } else { 0.0 }
    }
}

/// Counts it.
#[derive(Debug, Default)]
pub(super) struct Clock {
    started: Option<Instant>,
    commands: u64,
    bytes: u64,
    rounds: u64,
    sampled: u64,
    busy_us: u64,
}

impl Clock {
    pub(super) fn start(&mut self) {
        self.started.get_or_insert_with(Instant::now);
    }

    pub(super) fn asked(&mut self, commands: usize, bytes: usize) {
        self.commands += commands as u64;
        self.bytes += bytes as u64;
    }

    /// Whether the next round should carry a `TIME` at either end.
    pub(super) fn is_due(&self) -> bool {
        self.rounds % SAMPLED == 1
    }

    /// A round is over; with its replies where it carried the two `TIME`s.
    pub(super) fn round(&mut self, timed: Option<&RawReplies>) {
        self.rounds += 1;
        let Some(replies) = timed else { return };
        let at = |at: usize| {
            let mut parts =
                replies.get(at)?.items().map(|part| std::str::from_utf8(part?).ok()?.parse().ok());
            let (seconds, micros): (u64, u64) = (parts.next()??, parts.next()??);
            Some(seconds.saturating_mul(1_000_000).saturating_add(micros))
        };
        if let (Some(first), Some(last)) = (at(0), at(replies.len().saturating_sub(1))) {
            self.sampled += 1;
            self.busy_us += last.saturating_sub(first);
        }
    }

    pub(super) fn cost(&self, read: u64) -> Cost {
        let elapsed = self.started.map(|at| at.elapsed()).unwrap_or_default();
        let busy = self.busy_us as f64 / self.sampled.max(1) as f64 * self.rounds as f64;
        let seconds = elapsed.as_secs_f64();
        Cost {
            elapsed,
            commands: self.commands,
            bytes: self.bytes,
            busy: Duration::from_micros(busy as u64),
            per_second: if seconds > 0.0 { read as f64 / seconds } else { 0.0 },
        }
    }
}
