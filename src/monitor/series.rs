//! From counts to rates (decisions, section 5).

use std::collections::VecDeque;
use std::sync::Arc;

use super::snapshot::{Drain, RatePoint};

/// Points are at least this far apart, ms.
const SPACING: i64 = 2_000;
/// What is remembered for the rates and the share of failures, ms.
const MEMORY: i64 = 60_000;
/// Rates are taken over this long, ms, when enough happened in it ..
const SHORT: i64 = 10_000;
/// .. and over this long otherwise, so that a slow queue shows a calm figure.
const LONG: i64 = 30_000;
/// What is enough.
const ENOUGH: i64 = 20;
/// One sample alone tells no rate, and neither do two that are closer than this, ms.
const FIRST: i64 = 2_000;
/// One point of the history spans this long, ms.
const STEP: i64 = 10_000;
/// Points of the history that are kept: ten minutes.
const STEPS: usize = 60;
const KEPT: i64 = 60;

/// What one sample says of a queue's flow.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Flow {
    /// When, ms since the epoch by this host.
    pub at: i64,
    /// `id`: jobs added.
    pub added: i64,
    /// Jobs not finished.
    pub backlog: i64,
    /// Jobs completed, as far as counted: the metrics' total, or the sum of what was seen.
    pub completed: i64,
    /// Jobs failed, as far as counted.
    pub failed: i64,
    /// Whether those two are the metrics' totals and so tell everything.
    pub exact: bool,
}

/// Figures made of a series.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Rates {
    pub in_per_s: Option<f64>,
    pub out_per_s: Option<f64>,
    pub failed_per_s: f64,
    pub failure_share: Option<f64>,
    pub drain: Drain,
}

/// What happened in a queue of late.
#[derive(Debug, Default)]
pub(super) struct Series {
    points: VecDeque<Flow>,
    last: Option<Flow>,
    history: VecDeque<RatePoint>,
    /// The flow at the last point of the history.
    marked: Option<Flow>,
}

impl Series {
    /// Takes a sample. A counter that went back means another life of the queue: it starts anew.
    pub fn push(&mut self, flow: Flow) {
        if self.last.is_some_and(|last| flow.added < last.added || flow.exact != last.exact) {
            self.points.clear();
            self.marked = None;
        }
        if self.points.back().is_none_or(|point| flow.at - point.at >= SPACING) {
            self.points.push_back(flow);
        }
        self.last = Some(flow);
        // One point older than the memory stays: what was there at its beginning.
        while self.points.get(1).is_some_and(|second| second.at <= flow.at - MEMORY) {
            self.points.pop_front();
        }
        self.marked.get_or_insert(flow);
    }

    /// The last sample.
    pub fn last(&self) -> Option<Flow> {
        self.last
    }

    /// The figures at `now`, taking it that nothing happened since the last sample.
    pub fn rates(&self, now: i64) -> Rates {
        let Some(last) = self.last else { return Rates::default() };
        let mut rates = Rates { drain: drain(last.backlog, None, false), ..Rates::default() };
        let Some((long, long_ms)) = self.window(now, LONG) else { return rates };
        if now - long.at < FIRST {
            return rates;
        }
        let (short, short_ms) = self.window(now, SHORT).unwrap_or((long, long_ms));
        let brisk = last.added - short.added >= ENOUGH || out(&short, &last) >= ENOUGH;
        let (from, ms) = if brisk { (short, short_ms) } else { (long, long_ms) };
        let seconds = ms as f64 / 1000.0;
        let in_per_s = rest((last.added - from.added).max(0) as f64 / seconds);
        let out_per_s = rest(out(&from, &last) as f64 / seconds);
        rates.in_per_s = Some(in_per_s);
        rates.out_per_s = Some(out_per_s);
        rates.failed_per_s = rest((last.failed - from.failed).max(0) as f64 / seconds);
        let (old, _) = self.window(now, MEMORY).unwrap_or((from, ms));
        let grows = differ(last.added - old.added, out(&old, &last));
        rates.drain = drain(last.backlog, Some((in_per_s, out_per_s)), grows);
        let failed = (last.failed - old.failed).max(0);
        let finished = out(&old, &last).max(failed);
        if finished > 0 {
            rates.failure_share = Some((failed as f64 / finished as f64 * 1000.0).round() / 1000.0);
        }
        rates
    }

    /// The sample from which on `window` ms up to `now` are looked at, or the first there is, and
    /// over how many ms what came since then is spread.
    fn window(&self, now: i64, window: i64) -> Option<(Flow, i64)> {
        let index = self.points.partition_point(|point| point.at <= now - window).saturating_sub(1);
        let from = *self.points.get(index)?;
        // Where samples are dense what came right after the point came before the window: it has to
        // be spread over that time too. Where they are far apart nothing came until the next one was
        // due, for it is what comes that makes a queue due.
        let dense = self.points.get(index + 1).is_some_and(|next| next.at - from.at <= 2 * SPACING);
        let ms = now - from.at;
        Some((from, if dense { ms.max(1) } else { ms.clamp(1, window) }))
    }

    /// Adds points to the history up to `now`; whether it changed. A history that would only
    /// repeat the same stillness does not.
    pub fn advance(&mut self, now: i64) -> bool {
        let (Some(from), Some(last)) = (self.marked, self.last) else { return false };
        if now - from.at < STEP {
            return false;
        }
        let seconds = (now - from.at) as f32 / 1000.0;
        let point = RatePoint {
            at: now,
            added: (last.added - from.added).max(0) as f32 / seconds,
            finished: out(&from, &last) as f32 / seconds,
            failed: (last.failed - from.failed).max(0) as f32 / seconds,
            backlog: u32::try_from(last.backlog).unwrap_or(u32::MAX),
        };
        let same = |one: &RatePoint| RatePoint { at: 0, ..*one } == RatePoint { at: 0, ..point };
        let still = point.added == 0.0 && point.finished == 0.0 && self.history.iter().all(same);
        self.marked = Some(Flow { at: now, ..last });
        if still && self.history.len() == STEPS {
            return false;
        }
        if still && self.history.is_empty() {
            // A queue that never moved shows a flat line at once, not one that grows.
            for step in (0..KEPT).rev() {
                self.history.push_back(RatePoint { at: now - step * STEP, ..point });
            }
            return true;
        }
        // A queue that is only looked at now and then leaves gaps: the same rate held all along.
        let steps = ((now - from.at) / STEP).clamp(1, KEPT);
        for step in (0..steps).rev() {
            self.history.push_back(RatePoint { at: now - step * STEP, ..point });
        }
        while self.history.len() > STEPS {
            self.history.pop_front();
        }
        true
    }

    /// The history, oldest first.
    pub fn history(&self) -> Arc<[RatePoint]> {
        self.history.iter().copied().collect()
    }
}

/// Jobs finished between two samples. What the backlog says is short by jobs that were retried and
/// long by duplicates; what was counted is short by what retention deleted.
fn out(from: &Flow, to: &Flow) -> i64 {
    let counted = (to.completed - from.completed) + (to.failed - from.failed);
    if to.exact {
        return counted.max(0);
    }
    let moved = (to.added - from.added) - (to.backlog - from.backlog);
    moved.max(counted).max(0)
}

/// A rate in the steps in which it is shown, so that it rests.
fn rest(rate: f64) -> f64 {
    if rate < 100.0 {
        return (rate * 10.0).round() / 10.0;
    }
    let step = 10.0_f64.powf(rate.log10().floor() - 2.0);
    (rate / step).round() * step
}

/// Whether more was added than finished, and by more than chance: counts of independent things
/// scatter by their square root.
fn differ(added: i64, finished: i64) -> bool {
    (added - finished) as f64 > 2.0 * ((added + finished).max(0) as f64).sqrt()
}

/// When a backlog will be gone at these rates (in and out); `grows` where it gets longer for certain.
fn drain(backlog: i64, rates: Option<(f64, f64)>, grows: bool) -> Drain {
    if backlog <= 0 {
        return Drain::Empty;
    }
    let Some((added, finished)) = rates else { return Drain::Unknown };
    if added <= 0.0 && finished <= 0.0 {
        return Drain::Still;
    }
    let seconds = if finished - added > finished * 0.05 {
        backlog as f64 / (finished - added)
    } else if finished > 0.0 && (finished >= added * 0.95 || !grows) {
        // In step: a job that comes now waits for what is before it.
        backlog as f64 / finished
    } else {
        return if grows { Drain::Growing } else { Drain::Unknown };
    };
    let step = if seconds < 10.0 { 1.0 } else { 10.0_f64.powf(seconds.log10().floor() - 1.0) };
    Drain::In((seconds / step).round() * step)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow(at: i64, added: i64, backlog: i64, failed: i64) -> Flow {
        Flow { at, added, backlog, failed, ..Flow::default() }
    }

    #[test]
    fn one_sample_tells_no_rate() {
        let mut series = Series::default();
        series.push(flow(0, 10, 5, 0));
        assert_eq!(series.rates(500).in_per_s, None);
        assert_eq!(series.rates(500).drain, Drain::Unknown);
        assert_eq!(series.rates(5_000).in_per_s, Some(0.0));
        assert_eq!(series.rates(5_000).drain, Drain::Still);
    }

    #[test]
    fn rates_follow_and_come_to_rest() {
        let mut series = Series::default();
        for second in 0..=20 {
            series.push(flow(second * 1_000, second * 10, second * 4, second));
        }
        let rates = series.rates(20_000);
        assert_eq!((rates.in_per_s, rates.out_per_s), (Some(10.0), Some(6.0)));
        assert_eq!(rates.drain, Drain::Growing);
        assert_eq!(rates.failure_share, Some((20.0_f64 / 120.0 * 1000.0).round() / 1000.0));
        let rates = series.rates(51_000);
        assert_eq!((rates.in_per_s, rates.out_per_s), (Some(0.0), Some(0.0)));
        assert_eq!(rates.drain, Drain::Still);
    }

    #[test]
    fn a_steady_flow_reads_the_same_whenever_one_looks() {
        let mut series = Series::default();
        // A hundred a second, sampled ten times a second.
        for tenth in 0..400 {
            series.push(flow(tenth * 100, tenth * 10, 0, 0));
            let rate = series.rates(tenth * 100).in_per_s;
            assert!(rate.is_none_or(|rate| (rate - 100.0).abs() < 1.5), "{rate:?} at {tenth}");
        }
    }

    #[test]
    fn what_came_after_a_long_rest_is_not_spread_over_the_rest() {
        let mut series = Series::default();
        series.push(flow(0, 0, 0, 0));
        series.push(flow(50_000, 100, 0, 0));
        assert_eq!(series.rates(50_000).in_per_s, Some(10.0));
    }

    #[test]
    fn retries_do_not_hide_what_was_counted() {
        let mut series = Series::default();
        series.push(flow(0, 100, 0, 0));
        // Ten retried, six of them completed again: the backlog alone would say minus four.
        series.push(Flow { completed: 6, ..flow(10_000, 100, 4, 0) });
        assert_eq!(series.rates(10_000).out_per_s, Some(0.6));
    }

    #[test]
    fn another_life_starts_anew() {
        let mut series = Series::default();
        series.push(flow(0, 1_000, 0, 0));
        series.push(flow(5_000, 3, 3, 0));
        assert_eq!(series.rates(5_000).in_per_s, None);
    }

    #[test]
    fn a_draining_queue_says_when() {
        assert_eq!(drain(100, Some((0.0, 10.0)), false), Drain::In(10.0));
        assert_eq!(drain(0, None, false), Drain::Empty);
        assert_eq!(drain(18, Some((2.2, 2.2)), false), Drain::In(8.0));
        assert_eq!(drain(18, Some((3.0, 2.2)), true), Drain::Growing);
        assert_eq!(drain(18, Some((3.0, 2.2)), false), Drain::In(8.0), "chance");
        assert_eq!(drain(18, Some((0.1, 0.0)), false), Drain::Unknown);
        assert!(differ(100, 60) && differ(6, 0) && !differ(84, 66) && !differ(3, 0) && !differ(0, 0));
    }

    #[test]
    fn stillness_does_not_change_the_history() {
        let mut series = Series::default();
        series.push(flow(0, 5, 5, 0));
        assert!(series.advance(10_000));
        assert_eq!(series.history().len(), STEPS);
        assert!(!series.advance(20_000));
        series.push(flow(25_000, 15, 15, 0));
        assert!(series.advance(30_000));
        assert!(series.history().last().unwrap().added > 0.9);
    }
}
