//! Whether a backlog drains, stays or grows: as far as two looks, or a longer watch, can tell.

use super::case::Case;
use crate::monitor::Drain;
use crate::text::figure;

/// Rates that differ by less than this share are in step, however long they were watched.
const IN_STEP: f64 = 0.05;

/// Where a backlog goes. Seconds are those that jobs which wait or run now need; what is for later is not among them.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub enum Pace {
    /// Nothing is left.
    Empty,
    /// More goes out than comes in: empty in so many seconds.
    Drains(f64),
    /// As much goes out as comes in: what is there now takes so many seconds.
    Steady(f64),
    /// More comes in than goes out, by more than chance: so many a second more.
    Grows(f64),
    /// Nothing comes in, and nothing finished.
    Still,
    /// Too little moved to tell.
    #[default]
    Unknown,
}

impl Pace {
    /// From two looks. Counts of independent things scatter by their square root: a difference is a trend from one
    /// such step on, and growth, which alarms people, from two on.
    pub(super) fn of(case: &Case<'_>) -> Self {
        let backlog = case.now.overview.backlog();
        let Some((into, out)) = case.rates() else {
            return if backlog == 0 { Self::Empty } else { Self::Unknown };
        };
        let seconds = case.apart_ms() as f64 / 1000.0;
        let (added, finished) = (into * seconds, out * seconds);
        let chance = (added + finished).sqrt();
        Self::at(
            backlog,
            case.now.work(),
            into,
            out,
            finished - added > chance,
            added - finished > 2.0 * chance,
        )
    }

    /// From rates that were watched for longer than two looks take.
    pub fn watched(backlog: u64, work: u64, into: f64, out: f64, drain: Drain) -> Self {
        Self::at(backlog, work, into, out, true, drain == Drain::Growing)
    }

    fn at(backlog: u64, work: u64, into: f64, out: f64, drains: bool, grows: bool) -> Self {
        let work = work as f64;
        match () {
            () if backlog == 0 => Self::Empty,
            () if into <= 0.0 && out <= 0.0 => Self::Still,
            () if drains && out - into > out * IN_STEP => Self::Drains(work / (out - into)),
            () if grows && into - out > out * IN_STEP => Self::Grows(into - out),
            () if out > 0.0 => Self::Steady(work / out),
            () => Self::Unknown,
        }
    }

    /// Seconds until what waits or runs now is done.
    pub const fn seconds(self) -> Option<f64> {
        match self {
            Self::Empty => Some(0.0),
            Self::Drains(s) | Self::Steady(s) => Some(s),
            Self::Grows(_) | Self::Still | Self::Unknown => None,
        }
    }

    /// Its word in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Drains(_) => "drains",
            Self::Steady(_) => "steady",
            Self::Grows(_) => "grows",
            Self::Still => "still",
            Self::Unknown => "unknown",
        }
    }

    /// What is said behind the rates.
    pub(super) fn words(self, work: u64) -> String {
        let time = |s: f64| figure::duration((s * 1000.0) as i64);
        match self {
            Self::Empty => ", nothing is left".to_owned(),
            Self::Drains(_) | Self::Steady(_) if work == 0 => ", nothing waits now".to_owned(),
            Self::Drains(s) => format!(", drained in {}", time(s)),
            Self::Steady(s) => {
                format!(", steady: the backlog of {} takes {}", figure::count(work), time(s))
            }
            Self::Grows(by) => format!(", it grows by {}/s", figure::rate(by)),
            Self::Still => ", what runs has not finished yet".to_owned(),
            Self::Unknown => String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chance_is_no_trend() {
        let pace = |added: f64, finished: f64| {
            let chance = (added + finished).sqrt();
            Pace::at(9, 9, added, finished, finished - added > chance, added - finished > 2.0 * chance)
        };
        assert_eq!(pace(30.0, 30.0), Pace::Steady(0.3));
        assert_eq!(pace(33.0, 28.0).name(), "steady");
        assert_eq!(pace(28.0, 33.0).name(), "steady");
        assert_eq!(pace(60.0, 20.0), Pace::Grows(40.0));
        assert_eq!(pace(20.0, 60.0), Pace::Drains(9.0 / 40.0));
        // Three that came before one finished are no growth yet.
        assert_eq!(pace(3.0, 0.0), Pace::Unknown);
        assert_eq!(pace(0.0, 0.0), Pace::Still);
    }

    #[test]
    fn the_words_say_what_is_true() {
        let said = |pace: Pace, work| pace.words(work);
        assert_eq!(
            said(Pace::watched(40, 40, 20.0, 20.0, Drain::In(2.0)), 40),
            ", steady: the backlog of 40 takes 2.0s"
        );
        assert_eq!(said(Pace::watched(40, 40, 20.0, 40.0, Drain::In(2.0)), 40), ", drained in 2.0s");
        assert_eq!(said(Pace::watched(9_000, 40, 60.0, 20.0, Drain::Growing), 40), ", it grows by 40.0/s");
        // More comes in, but not for so long that it may be called growth.
        assert_eq!(Pace::watched(40, 40, 60.0, 40.0, Drain::Unknown), Pace::Steady(1.0));
        // What is for later does not wait, nor does it take time now.
        assert_eq!(said(Pace::watched(9_000, 0, 2.0, 2.0, Drain::In(4_500.0)), 0), ", nothing waits now");
        assert_eq!(said(Pace::watched(0, 0, 2.0, 2.0, Drain::Empty), 0), ", nothing is left");
    }
}
