//! Cron patterns as BullMQ reads them (spec 8.4).

mod error;
mod field;
mod walk;

pub use error::{CronError, CronFault, CronField};

use self::field::Set;
use super::Zone;

/// A cron pattern in BullMQ's dialect, which is that of the npm package `cron-parser`.
///
/// Five fields, minute to day of week, or six with seconds in front; of fewer, those on the left are
/// missing and count as `*` (seconds as `0`). Each field is a list of `*`, `?` (the same), a number, a
/// range `1-5`, or one of these with a step: `*/15`, `10-40/5`, `5/20` (from 5 to the end).
///
/// | field | range | more |
/// |--|--|--|
/// | second, minute | 0 to 59 | |
/// | hour | 0 to 23 | |
/// | day of month | 1 to 31 | `L` is the last |
/// | month | 1 to 12 | `JAN` to `DEC` |
/// | day of week | 0 to 7, 0 and 7 are Sunday | `SUN` to `SAT`, `5L` is the last Friday, `1#2` the second Monday |
///
/// Where both a day of month and a day of week are named, either is enough. `@yearly`, `@annually`,
/// `@monthly`, `@weekly`, `@daily`, `@hourly`, `@minutely`, `@secondly`, `@weekdays` and `@weekends`
/// stand for whole patterns. There is neither `W` nor (random) `H`: the first is unknown to
/// `cron-parser`, the second would run at another time in each process.
///
/// ```
/// use toril::engine::schedule::{Cron, Zone};
///
/// let cron: Cron = "30 2 * * *".parse()?;
/// let berlin: Zone = "Europe/Berlin".parse()?;
/// // 2026-03-29: the clock goes from 02:00 to 03:00, and what was due at 02:30 runs at 03:30.
/// assert_eq!(cron.next(1_774_742_400_000, berlin), Some(1_774_747_800_000));
/// let error = "61 * * * *".parse::<Cron>().unwrap_err();
/// assert_eq!(error.to_string(), "cron pattern `61 * * * *`: minute `61` is not within 0 to 59");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Clock changes
///
/// As `cron-parser` 5.10 (BullMQ 6) computes them:
///
/// - *Forward*: a time in the hour that is left out runs an hour later, unless every hour is named;
///   of several times in that hour, the first. A day that begins with the gap loses what was due in it.
/// - *Back*: the hour that comes twice counts once, the first time; both times where every hour is
///   named. When midnight comes twice, a pattern that reaches it from the day before takes the second.
///
/// Release 4.9 (BullMQ 5) differs in little: it takes `*/1` or `1-31` for `*`, so that with both day
/// fields given only the other one counts; it takes the first of two midnights; and it steps a half
/// hour's change (Lord Howe) minute by minute. Where 5.10 finds no next time or one in the past, which
/// happens where clocks go back by half an hour, we go on as 4.9 does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cron {
    second: Set,
    minute: Set,
    hour: Set,
    month: Set,
    day: Set,
    /// The last day of the month (`L`).
    last_day: bool,
    /// The day of month was left open.
    any_day: bool,
    weekday: Set,
    /// Days of the week of which only the last of the month counts (`5L`).
    last_weekday: Set,
    /// Only the n-th such day of the month (`1#2`).
    nth: Option<u8>,
    /// The day of week was left open.
    any_weekday: bool,
}

impl Cron {
    /// The six fields that a name stands for: `0 0 0 * * *` of `@daily`.
    pub fn named(name: &str) -> Option<&'static str> {
        field::named(name)
    }

    /// Whether releases read it differently: both day fields are named, and one of them names (almost) all its days,
    /// which `cron-parser` 4 takes for `*`, so that only the other one counts, and 5 does not.
    pub fn is_disputed(&self) -> bool {
        let all = self.day.count() >= 30 || self.weekday.count() == 7;
        all && !self.any_day && !self.any_weekday
    }

    /// The first time after `after` (ms since the epoch), to the second. `None` if the pattern never
    /// comes true (`0 0 31 2,4 *`).
    pub fn next(&self, after: i64, zone: Zone) -> Option<i64> {
        walk::next(self, after.div_euclid(1000), zone).map(|at| at * 1000)
    }
}

impl std::str::FromStr for Cron {
    type Err = CronError;

    fn from_str(pattern: &str) -> Result<Self, CronError> {
        field::parse(pattern)
    }
}
