//! The search for the next time: from field to field, in local time, over the changes of the clock.

use chrono::{DateTime, Datelike, Months, NaiveDate, NaiveDateTime, NaiveTime, Timelike};

use super::super::Zone;
use super::Cron;

/// Patterns that come true at all do so within this: the fifth Monday of a February, over 2100.
const YEARS: i32 = 60;

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

/// The first time after `after`, both in seconds since the epoch.
pub(super) fn next(cron: &Cron, after: i64, zone: Zone) -> Option<i64> {
    let mut walk = Walk { cron, zone, at: after, skipped: None, repeated: None };
    let last = walk.local()?.year() + YEARS;
    loop {
        let local = walk.local()?;
        if local.year() > last {
            return None;
        }
        if !cron.month.has(local.month()) {
            walk.month()?;
        } else if !cron.day(local.date()) {
            walk.day()?;
        } else if !walk.hour_counts(local.hour()) {
            walk.hour_onwards(local.hour())?;
        } else if !cron.minute.has(local.minute()) {
            match cron.minute.above(local.minute()) {
                Some(minute) => {
                    walk.at += i64::from(minute * 60) - i64::from(local.minute() * 60 + local.second());
                }
                None => walk.hour()?,
            }
        } else if !cron.second.has(local.second()) {
            match cron.second.above(local.second()) {
                Some(second) => walk.at += i64::from(second - local.second()),
                None => walk.seconds(60 - i64::from(local.second()))?,
            }
        } else if walk.at == after {
            walk.seconds(1)?;
        } else {
            return Some(walk.at);
        }
    }
}

impl Cron {
    fn day(&self, date: NaiveDate) -> bool {
        match (self.any_day, self.any_weekday) {
            (true, true) => true,
            (false, true) => self.day_of_month(date),
            (true, false) => self.day_of_week(date),
            (false, false) => self.day_of_month(date) || self.day_of_week(date),
        }
    }

    fn day_of_month(&self, date: NaiveDate) -> bool {
        self.day.has(date.day()) || (self.last_day && date.day() == days_in_month(date))
    }

    fn day_of_week(&self, date: NaiveDate) -> bool {
        let weekday = date.weekday().num_days_from_sunday();
        let nth = self.nth.is_none_or(|nth| date.day().div_ceil(7) == u32::from(nth));
        let last = date.day() + 7 > days_in_month(date);
        (self.weekday.has(weekday) && nth) || (self.last_weekday.has(weekday) && last)
    }
}

fn days_in_month(date: NaiveDate) -> u32 {
    u32::from(date.num_days_in_month())
}

struct Walk<'a> {
    cron: &'a Cron,
    zone: Zone,
    /// Seconds since the epoch.
    at: i64,
    /// The hour after one that was left out, if the walk has just passed the gap.
    skipped: Option<u32>,
    /// The hour that the walk has just entered for the second time.
    repeated: Option<u32>,
}

impl Walk<'_> {
    fn offset(&self) -> i64 {
        self.zone.offset(self.at)
    }

    fn local(&self) -> Option<NaiveDateTime> {
        Some(DateTime::from_timestamp(self.at + self.offset(), 0)?.naive_utc())
    }

    /// When a local time is: with the present offset where that is possible, after a gap where there
    /// is no such time.
    fn settle(&mut self, local: i64) {
        let offset = self.offset();
        let first = self.zone.offset(local - offset);
        let second = self.zone.offset(local - first);
        self.at = if first == offset {
            local - offset
        } else if second == first {
            local - first
        } else {
            local - first.min(second)
        };
    }

    fn month(&mut self) -> Option<()> {
        let start = self.local()?.date().with_day(1)?.checked_add_months(Months::new(1))?;
        self.settle(start.and_time(NaiveTime::MIN).and_utc().timestamp());
        Some(())
    }

    /// Midnight of the next day, by the offset that holds at the present time of that day: so of two
    /// midnights it is the second.
    fn day(&mut self) -> Option<()> {
        let before = self.at;
        self.settle(before + self.offset() + DAY);
        let local = self.at + self.offset();
        self.settle(local - local.rem_euclid(DAY));
        (self.at > before).then_some(())
    }

    fn hour(&mut self) -> Option<()> {
        let before = self.at;
        let hour = self.local()?.hour();
        self.at += HOUR;
        let local = self.at + self.offset();
        self.settle(local - local.rem_euclid(HOUR));
        // A clock that goes back by half an hour leads back into the hour where we come from.
        if self.at <= before {
            self.at += HOUR;
        }
        self.passed(hour)
    }

    fn seconds(&mut self, count: i64) -> Option<()> {
        let hour = self.local()?.hour();
        self.at += count;
        self.passed(hour)
    }

    /// Notes a change of the clock since the local hour was `before`.
    fn passed(&mut self, before: u32) -> Option<()> {
        let now = self.local()?;
        if self.cron.hour.count() == 24 {
            return Some(());
        }
        if now.hour() == before + 2 {
            self.skipped = Some(now.hour());
        } else if now.hour() == before && now.minute() == 0 && now.second() == 0 {
            self.repeated = Some(before);
        }
        Some(())
    }

    fn hour_counts(&mut self, hour: u32) -> bool {
        if self.cron.hour.has(hour) {
            return self.repeated != Some(hour);
        }
        self.skipped == Some(hour) && self.cron.hour.has(hour - 1)
    }

    /// From an hour that does not count to the next one, or to the next day if none is left.
    fn hour_onwards(&mut self, hour: u32) -> Option<()> {
        self.skipped = None;
        self.repeated = None;
        if self.cron.hour.above(hour).is_some() { self.hour() } else { self.day() }
    }
}
