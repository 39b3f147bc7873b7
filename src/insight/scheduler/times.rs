//! The times of a rule, before and after a moment.

use crate::engine::read::schedulers::Scheduler;
use crate::engine::schedule::{Cron, Zone};
use crate::text::Clean;

/// Times that are counted.
pub const COUNTED: u64 = 1000;
/// How far back a pattern's last time is looked for, ms: leap days may be eight years apart.
const BACK_MS: i64 = 9 * 366 * 86_400_000;
/// A run may start so much before its time, because clocks differ, ms.
const EARLY_MS: i64 = 1000;
/// Times that a search for the last one walks over.
const STEPS: usize = 2_000;

/// What a rule comes to.
pub(super) struct Times<'a> {
    rule: Rule,
    scheduler: &'a Scheduler,
}

enum Rule {
    Every(i64),
    Cron(Box<Cron>, Zone),
    /// It cannot be read, or its next run is no time of it in the zone that we take it to have.
    Unknown,
}

impl<'a> Times<'a> {
    pub fn of(scheduler: &'a Scheduler) -> Self {
        let zone = || match &scheduler.zone {
            Some(zone) => zone.as_str().parse::<Zone>().ok(),
            None => Some(Zone::default()),
        };
        let cron = || scheduler.pattern.as_ref().map(Clean::as_str)?.parse::<Cron>().ok();
        let rule = match (scheduler.every, cron()) {
            (Some(ms), _) => match i64::try_from(ms) {
                Ok(ms) if ms > 0 => Rule::Every(ms),
                _ => Rule::Unknown,
            },
            (None, Some(cron)) => match zone() {
                // What was asked to run at once has its first time beside the pattern: others will fit.
                Some(zone) if !cron.is_disputed() => Rule::Cron(Box::new(cron), zone),
                // Its times depend on the release of the worker: none is better than a wrong one.
                Some(_) | None => Rule::Unknown,
            },
            (None, None) => Rule::Unknown,
        };
        Self { rule, scheduler }
    }

    fn next(&self, after: i64) -> Option<i64> {
        match &self.rule {
            Rule::Every(ms) => {
                let due = self.scheduler.next_at;
                let steps = after.saturating_sub(due).div_euclid(*ms).saturating_add(1);
                Some(due.saturating_add(steps.saturating_mul(*ms)))
            }
            Rule::Cron(cron, zone) => cron.next(after, *zone),
            Rule::Unknown => None,
        }
    }

    /// The times after a moment, at most so many, none after the end.
    pub fn after(&self, at: i64, most: usize) -> Vec<i64> {
        let mut times = Vec::new();
        let mut last = at;
        while times.len() < most
            && let Some(next) = self.next(last)
            && self.scheduler.end_at.is_none_or(|end| next <= end || most == 1)
        {
            times.push(next);
            last = next;
        }
        times
    }

    /// How many times lie after `from` and up to `to`.
    pub fn count(&self, from: i64, to: i64) -> u64 {
        if let Rule::Every(ms) = self.rule {
            return u64::try_from(to.saturating_sub(from).div_euclid(ms)).unwrap_or(0).min(COUNTED);
        }
        let mut count = 0;
        let mut last = from;
        while count < COUNTED
            && let Some(next) = self.next(last)
            && next <= to
        {
            count += 1;
            last = next;
        }
        count
    }

    /// The last time before `due` that a run which started at `at` can have been for.
    pub fn before(&self, due: i64, at: i64) -> Option<i64> {
        let latest = at.saturating_add(EARLY_MS).min(due.saturating_sub(1));
        match &self.rule {
            Rule::Every(ms) => {
                // A short interval has no room for clocks that differ.
                let latest = at.saturating_add(EARLY_MS.min(*ms / 2)).min(due.saturating_sub(1));
                let steps = due.saturating_sub(latest).div_euclid(*ms).max(1);
                let slot = due.saturating_sub(steps.saturating_mul(*ms));
                Some(if slot > latest { slot.saturating_sub(*ms) } else { slot })
            }
            Rule::Cron(cron, zone) => {
                // Where the next run is none of its times, it is read in another zone than ours.
                if cron.next(due.saturating_sub(1), *zone) != Some(due) {
                    return None;
                }
                let mut back = 60_000;
                while back <= BACK_MS {
                    let mut found = None;
                    let mut last = latest.saturating_sub(back);
                    for _ in 0..STEPS {
                        match cron.next(last, *zone) {
                            Some(next) if next <= latest => (found, last) = (Some(next), next),
                            _ => break,
                        }
                    }
                    if found.is_some() {
                        return found;
                    }
                    back *= 4;
                }
                None
            }
            Rule::Unknown => None,
        }
    }
}
