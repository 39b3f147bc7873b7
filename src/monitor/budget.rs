//! What we cost Redis, and holding back when it is slow (decisions, section 3; reliability, part 3).

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::snapshot::Cost;
use crate::conn::{ConnError, Kind, Traffic};

/// Share of one core of Redis that we may take.
const CORE: f64 = 0.01;
/// Bytes per second of replies that we may take.
const BYTES: f64 = 256.0 * 1024.0;
/// What is looked back on.
const WINDOW: Duration = Duration::from_secs(10);
/// A shorter stretch than this is taken for so long: the first reads are many.
const LEAST: Duration = Duration::from_secs(5);
/// A round trip above this is slow, whatever it was before ..
const SLOW: Duration = Duration::from_millis(50);
/// .. as is one so many times the usual, if it can be felt at all.
const TIMES: u32 = 5;
const FELT: Duration = Duration::from_millis(20);
/// Of so many round trips of late so many must be slow: one alone is chance.
const LATE: (usize, usize) = (16, 3);
/// Slowest: five seconds become thirty.
const MOST: f64 = 6.0;

/// Measured costs, microseconds of Redis.
pub(super) const SAMPLE_US: f64 = 16.0;
pub(super) const IDENTIFY_US: f64 = 24.0;
pub(super) const STREAM_US: f64 = 0.75;
pub(super) const CALL_US: f64 = 5.0;

/// The account of what was spent.
#[derive(Debug)]
pub(super) struct Budget {
    spent: VecDeque<(Instant, f64)>,
    traffic: VecDeque<(Instant, Traffic)>,
    usual: Option<Duration>,
    late: VecDeque<bool>,
    factor: f64,
    calm_since: Instant,
    doubled_at: Option<Instant>,
    why: Option<&'static str>,
}

impl Budget {
    pub fn new(now: Instant) -> Self {
        Self {
            spent: VecDeque::new(),
            traffic: VecDeque::new(),
            usual: None,
            late: VecDeque::new(),
            factor: 1.0,
            calm_since: now,
            doubled_at: None,
            why: None,
        }
    }

    /// Notes work done in Redis, microseconds.
    pub fn spend(&mut self, now: Instant, us: f64) {
        match self.spent.back_mut() {
            Some((at, sum)) if now.duration_since(*at) < Duration::from_millis(100) => *sum += us,
            _ => self.spent.push_back((now, us)),
        }
        while self.spent.front().is_some_and(|(at, _)| now.duration_since(*at) > WINDOW) {
            self.spent.pop_front();
        }
    }

    /// Share of a core over the window.
    fn core(&self, now: Instant) -> f64 {
        let Some((first, _)) = self.spent.front() else { return 0.0 };
        let span = now.duration_since(*first).max(LEAST).as_secs_f64();
        self.spent.iter().map(|(_, us)| us).sum::<f64>() / 1e6 / span
    }

    /// By how much to stretch what is not urgent: 1 within the budget, more above it or while the
    /// server is slow.
    pub fn stretch(&self, now: Instant) -> f64 {
        let over = (self.core(now) / CORE).max(self.bytes_per_s() / BYTES);
        self.factor.max(over).min(MOST * 2.0)
    }

    fn bytes_per_s(&self) -> f64 {
        self.over_window().map_or(0.0, |(traffic, seconds)| traffic.reply_bytes as f64 / seconds)
    }

    fn over_window(&self) -> Option<(Traffic, f64)> {
        let ((first, old), (last, new)) = (self.traffic.front()?, self.traffic.back()?);
        let seconds = last.duration_since(*first).as_secs_f64();
        (seconds > 0.5).then(|| (*new - *old, seconds))
    }

    /// Notes what the connection counted. Once a second is enough.
    pub fn traffic(&mut self, now: Instant, traffic: Traffic) {
        self.traffic.push_back((now, traffic));
        while self.traffic.front().is_some_and(|(at, _)| now.duration_since(*at) > WINDOW) {
            self.traffic.pop_front();
        }
    }

    /// The cost, coarse enough to rest: `shown` stays while what is new is about the same.
    pub fn cost(&self, now: Instant, shown: Cost) -> Cost {
        let (commands, bytes) = self.over_window().map_or((0.0, 0.0), |(traffic, seconds)| {
            (traffic.commands as f64 / seconds, traffic.reply_bytes as f64 / seconds)
        });
        let core = shown.cpu.map_or(step(self.core(now)), |old| stay(old, self.core(now), 0.001, step));
        Cost {
            commands_per_s: stay(shown.commands_per_s, commands, 5.0, coarse),
            bytes_per_s: stay(shown.bytes_per_s, bytes, 2_000.0, coarse),
            cpu: Some(core),
        }
    }

    /// Notes a round trip of a sample.
    pub fn answered(&mut self, now: Instant, took: Duration) {
        let usual = *self.usual.get_or_insert(took);
        let slow = took > SLOW.max(usual * 2) || (took > usual * TIMES && took > FELT);
        // The usual follows slowly upwards and fast downwards.
        let above = took.saturating_sub(usual);
        self.usual = Some(if above.is_zero() { (usual + took) / 2 } else { usual + above / 100 });
        self.late.push_back(slow);
        if self.late.len() > LATE.0 {
            self.late.pop_front();
        }
        if slow && self.late.iter().filter(|late| **late).count() >= LATE.1 {
            self.late.clear();
            self.hold(now, "Redis answers slowly");
        } else if self.factor > 1.0 && now.duration_since(self.calm_since) >= Duration::from_secs(10) {
            self.calm_since = now;
            self.factor = (self.factor * 0.75).max(1.0);
            if self.factor < 1.05 {
                self.factor = 1.0;
                self.why = None;
            }
        }
    }

    /// Notes an error of the server as a whole. Silence is none: the link sends nothing while it lasts.
    pub fn refused(&mut self, now: Instant, error: &ConnError) {
        match error.kind {
            Kind::Busy => self.hold(now, "a script blocks Redis"),
            Kind::Loading => self.hold(now, "Redis is loading its data"),
            Kind::Oom | Kind::Misconf => self.hold(now, "Redis is in distress"),
            _ => {}
        }
    }

    fn hold(&mut self, now: Instant, why: &'static str) {
        // Twice within a second is one cause.
        if self.doubled_at.is_none_or(|at| now.duration_since(at) >= Duration::from_secs(1)) {
            self.doubled_at = Some(now);
            self.factor = (self.factor * 2.0).min(MOST);
        }
        self.calm_since = now;
        self.why = Some(why);
    }

    /// Why the polling is slower than usual, if it is.
    pub fn why(&self, now: Instant) -> Option<&'static str> {
        self.why.or_else(|| (self.stretch(now) > 1.5).then_some("the budget is used up"))
    }
}

/// The old figure while the new one is within a quarter of it, or within `noise`.
fn stay(old: f64, new: f64, noise: f64, round: fn(f64) -> f64) -> f64 {
    if (new - old).abs() <= noise.max(old / 4.0) { old } else { round(new) }
}

/// Two digits.
fn coarse(value: f64) -> f64 {
    if value < 1.0 {
        return 0.0;
    }
    let step = 10.0_f64.powf(value.log10().floor() - 1.0).max(1.0);
    (value / step).round() * step
}

/// Tenths of a percent.
fn step(share: f64) -> f64 {
    (share * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spending_too_much_stretches() {
        let start = Instant::now();
        let mut budget = Budget::new(start);
        assert!(budget.stretch(start) <= 1.0);
        for second in 0..10 {
            budget.spend(start + Duration::from_secs(second), 30_000.0);
        }
        let now = start + Duration::from_secs(10);
        assert!((budget.stretch(now) - 3.0).abs() < 0.4, "{}", budget.stretch(now));
        assert!(budget.why(now).is_some());
        assert!(
            budget.stretch(now + Duration::from_secs(60)) < 1.0 + f64::EPSILON || !budget.spent.is_empty()
        );
    }

    #[test]
    fn a_slow_server_is_spared_and_forgiven() {
        let start = Instant::now();
        let mut budget = Budget::new(start);
        budget.answered(start, Duration::from_millis(1));
        budget.answered(start, Duration::from_millis(80));
        assert!(budget.stretch(start) < 2.0, "once is chance");
        budget.answered(start, Duration::from_millis(80));
        budget.answered(start, Duration::from_millis(80));
        assert!(budget.stretch(start) >= 2.0);
        assert_eq!(budget.why(start), Some("Redis answers slowly"));
        let mut now = start;
        for _ in 0..20 {
            now += Duration::from_secs(10);
            budget.answered(now, Duration::from_millis(1));
        }
        assert!(budget.factor < 1.01 && budget.why.is_none());
    }

    #[test]
    fn what_is_shown_rests() {
        let near = |one: f64, other: f64| (one - other).abs() < 1e-9;
        assert!(near(coarse(0.4), 0.0) && near(coarse(123.0), 120.0) && near(step(0.000_4), 0.0));
    }
}
