//! Since when a group counts as new, as a person types it.

use chrono::{DateTime, Duration, Local, LocalResult, NaiveDateTime, NaiveTime, TimeZone as _};

use crate::operate::typed::duration;

/// What may be typed.
pub const TYPED: &str = "a duration (20m, 2h, 3d), a time of day (14:02) or a date (2027-01-31 14:02)";

/// A moment: so long ago, the last time that a clock showed something, or a date.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Moment {
    /// So many ms before now.
    Ago(i64),
    /// The last time that it was this time of day here.
    Clock(NaiveTime),
    /// Then, ms since the epoch.
    At(i64),
}

impl Moment {
    /// Reads what was typed: `20m` (`ms s m h d`), `14:02`, `14:02:30`, a date with a time
    /// (`2027-01-31 14:02`: local time; `2027-01-31T14:02:00Z`), or ms since the epoch.
    ///
    /// ```
    /// use toril::insight::errors::Moment;
    ///
    /// assert_eq!(Moment::parse("20m"), Some(Moment::Ago(1_200_000)));
    /// assert_eq!(Moment::parse("2027-01-31T09:00:00Z"), Some(Moment::At(1_801_386_000_000)));
    /// assert_eq!(Moment::parse("yesterday"), None);
    /// ```
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Ok(ago) = duration(text) {
            return i64::try_from(ago.as_millis()).ok().map(Self::Ago);
        }
        let clock = ["%H:%M", "%H:%M:%S"];
        if let Some(time) = clock.iter().find_map(|format| NaiveTime::parse_from_str(text, format).ok()) {
            return Some(Self::Clock(time));
        }
        if let Ok(date) = DateTime::parse_from_rfc3339(text) {
            return Some(Self::At(date.timestamp_millis()));
        }
        let dated = ["%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"];
        if let Some(date) = dated.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok()) {
            return Some(Self::At(local(date)));
        }
        // Short numbers are more likely a slip than a moment of 1970.
        let digits = text.len() >= 12 && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse().ok().map(Self::At)).flatten()
    }

    /// Which moment it is when it is `now`, ms since the epoch.
    pub fn at(self, now: i64) -> i64 {
        match self {
            Self::Ago(ms) => now.saturating_sub(ms),
            Self::At(at) => at,
            Self::Clock(time) => {
                let Some(today) = DateTime::from_timestamp_millis(now) else { return now };
                let today = today.with_timezone(&Local).date_naive();
                let at = local(today.and_time(time));
                if at <= now { at } else { local((today - Duration::days(1)).and_time(time)) }
            }
        }
    }
}

/// A local time, ms since the epoch; of one that a clock shows twice the first, of one that it leaves out the
/// moment at which it does.
fn local(date: NaiveDateTime) -> i64 {
    match Local.from_local_datetime(&date) {
        LocalResult::Single(at) | LocalResult::Ambiguous(at, _) => at.timestamp_millis(),
        LocalResult::None => {
            let before = date - Duration::hours(1);
            Local.from_local_datetime(&before).earliest().map_or_else(
                || date.and_utc().timestamp_millis(),
                |at| (at + Duration::hours(1)).timestamp_millis(),
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_700_000_000_000;

    #[test]
    fn durations_go_back_from_now() {
        for (text, ms) in [("20m", 1_200_000), ("2h", 7_200_000), ("90m", 5_400_000), ("3d", 259_200_000)] {
            assert_eq!(Moment::parse(text).map(|moment| moment.at(NOW)), Some(NOW - ms), "{text}");
        }
        assert_eq!(Moment::parse(" 90s ").map(|moment| moment.at(NOW)), Some(NOW - 90_000));
    }

    #[test]
    fn a_time_of_day_is_the_last_one() {
        let now = local(NaiveDateTime::parse_from_str("2026-11-21 14:30:00", "%Y-%m-%d %H:%M:%S").unwrap());
        let at = |text: &str| Moment::parse(text).unwrap().at(now);
        assert_eq!(at("14:02"), now - 28 * 60_000);
        assert_eq!(at("14:29:59"), now - 1000);
        assert_eq!(at("14:30"), now);
        assert_eq!(at("14:31"), now - 86_400_000 + 60_000, "of yesterday");
        assert_eq!(at("2026-11-21 14:00"), now - 1_800_000);
        assert_eq!(at("2026-11-20T14:30:00"), now - 86_400_000);
    }

    #[test]
    fn what_is_no_moment_is_none() {
        for text in ["", "20", "m", "20x", "-5m", "25:00", "14", "yesterday", "9223372036854775807d", "20 m"]
        {
            assert_eq!(Moment::parse(text), None, "{text}");
        }
    }
}
