//! When the failures of a group were, at three resolutions.

use std::collections::BTreeMap;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// A stretch of time, and how finely it is told.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum Span {
    /// The last hour by minutes.
    Hour,
    /// The last two days by hours.
    Days,
    /// The last two months by days.
    Months,
}

impl Span {
    /// All of them, finest first.
    pub const ALL: [Self; 3] = [Self::Hour, Self::Days, Self::Months];

    /// How long a step is, ms.
    pub const fn step(self) -> i64 {
        match self {
            Self::Hour => MINUTE,
            Self::Days => HOUR,
            Self::Months => DAY,
        }
    }

    /// How many steps are kept.
    pub const fn steps(self) -> usize {
        self.kept() as usize
    }

    const fn kept(self) -> u8 {
        match self {
            Self::Hour | Self::Months => 60,
            Self::Days => 48,
        }
    }

    /// In words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Hour => "60 min",
            Self::Days => "48 h",
            Self::Months => "60 d",
        }
    }
}

/// How many failures there were lately.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Rate {
    /// Failures in one unit.
    pub each: f64,
    /// The unit: `min`, `h`, `d`.
    pub unit: &'static str,
}

/// Counts over time. What is older than [`Span::steps`] steps before the newest is not kept.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    counts: [BTreeMap<i64, u32>; 3],
}

impl History {
    /// Counts a failure at a moment, ms since the epoch.
    pub fn add(&mut self, at: i64) {
        for (span, counts) in Span::ALL.into_iter().zip(&mut self.counts) {
            let step = at.div_euclid(span.step());
            let newest = counts.last_key_value().map_or(step, |(newest, _)| *newest);
            if step <= newest - i64::from(span.kept()) {
                continue;
            }
            *counts.entry(step).or_default() += 1;
            if step > newest {
                *counts = counts.split_off(&(step - i64::from(span.kept()) + 1));
            }
        }
    }

    /// Takes a failure back.
    pub fn remove(&mut self, at: i64) {
        for (span, counts) in Span::ALL.into_iter().zip(&mut self.counts) {
            if let Some(count) = counts.get_mut(&at.div_euclid(span.step())) {
                *count = count.saturating_sub(1);
            }
        }
    }

    /// How many failures there were in the last `steps` steps before `now`, the one under way included.
    pub fn within(&self, span: Span, steps: usize, now: i64) -> u64 {
        self.last(span, steps, now).into_iter().map(|count| count as u64).sum()
    }

    /// The last `steps` steps before `now`, oldest first.
    pub fn last(&self, span: Span, steps: usize, now: i64) -> Vec<f64> {
        let counts = &self.counts[span as usize];
        let newest = now.div_euclid(span.step());
        let steps = i64::try_from(steps).unwrap_or(0);
        (newest - steps + 1..=newest).map(|step| f64::from(counts.get(&step).copied().unwrap_or(0))).collect()
    }

    /// How many failures there are lately: of the last ten minutes where there were any, else of the last
    /// hour, else of the last day; `None` where there were none.
    pub fn rate(&self, now: i64) -> Option<Rate> {
        let minutes = self.within(Span::Hour, 10, now);
        let hour = self.within(Span::Hour, 60, now);
        let day = self.within(Span::Days, 24, now);
        let rate = |each: f64, unit| Some(Rate { each, unit });
        match (minutes, hour, day) {
            (10.., ..) => rate(minutes as f64 / 10.0, "min"),
            (_, 1.., _) => rate(hour as f64, "h"),
            (.., 1..) => rate(day as f64, "d"),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_fall_into_steps_and_old_ones_are_let_go() {
        let now = 1_700_000_000_000;
        let mut history = History::default();
        for minute in (0..200).rev() {
            history.add(now - minute * MINUTE);
        }
        assert_eq!(history.within(Span::Hour, 60, now), 60);
        assert_eq!(history.within(Span::Days, 48, now), 200);
        assert!(history.counts[0].len() <= 60);
        // The other way round, newest first.
        let mut reversed = History::default();
        for minute in 0..200 {
            reversed.add(now - minute * MINUTE);
        }
        assert_eq!(reversed, history);
        history.remove(now);
        assert_eq!(history.within(Span::Hour, 60, now), 59);
        assert_eq!(history.rate(now), Some(Rate { each: 59.0, unit: "h" }));
        for _ in 0..40 {
            history.add(now);
        }
        assert_eq!(history.rate(now), Some(Rate { each: 4.9, unit: "min" }));
        assert_eq!(history.rate(now + 30 * DAY), None);
    }
}
