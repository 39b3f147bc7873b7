//! What can still be chosen in the dialog of an act on many jobs: Tab, and where there is a
//! second thing, Shift-Tab.

use tui_input::Input;

use crate::app::effect::{Act, Agreed};
use crate::operate::journal::Confirmed;
use crate::operate::typed::{duration, rate};
use crate::operate::{Bulk, Pace, trash};
use crate::text::{Clean, figure};

/// The paces, in the order in which Tab goes through them.
const PACES: [Pace; 6] = [
    Pace { rate: None, canary: false, full_speed: false },
    Pace { rate: None, canary: true, full_speed: false },
    Pace { rate: Some(10), canary: true, full_speed: false },
    Pace { rate: Some(50), canary: true, full_speed: false },
    Pace { rate: Some(200), canary: false, full_speed: false },
    Pace { rate: None, canary: false, full_speed: true },
];

/// The state of the choices.
#[derive(Debug)]
pub struct Choices {
    /// Whether jobs that go are saved, so that it can be undone.
    pub save: bool,
    /// What is typed: the age of jobs that are cleaned (`7d`; empty: all), or jobs a second.
    pub typed: Input,
    /// It is being typed.
    pub editing: bool,
    /// What was typed is no age, or no rate.
    pub bad: bool,
    /// The moment that ages are counted from, ms by Redis's clock.
    frozen: i64,
}

impl Choices {
    /// The choices of an act as it was asked for.
    pub fn new(act: &Act) -> Self {
        let frozen = if let Act::Bulk { until, .. } = act { *until } else { 0 };
        Self { save: true, typed: Input::default(), editing: false, bad: false, frozen }
    }

    /// Goes on to the next value; whether the jobs must be counted again.
    pub fn next(&mut self, act: &mut Act, back: bool) -> bool {
        let Act::Bulk { bulk, until, pace, .. } = act else { return false };
        match bulk {
            _ if back && bulk.takes_away() => {
                self.save = !self.save;
                false
            }
            Bulk::Drain { delayed } => {
                *delayed = !*delayed;
                true
            }
            Bulk::Obliterate { force } => {
                *force = !*force;
                true
            }
            Bulk::Clean { .. } if self.editing => self.leave_age(until),
            Bulk::Clean { .. } => {
                self.editing = true;
                false
            }
            Bulk::Retry { .. } | Bulk::Promote if self.editing => {
                self.leave_rate(pace);
                false
            }
            Bulk::Retry { .. } | Bulk::Promote => {
                // One that is typed stands behind the last of them; it is not met on the way back.
                let at = PACES.iter().position(|known| known == pace).unwrap_or(PACES.len());
                let all = if back { PACES.len() } else { PACES.len() + 1 };
                let by = if back { PACES.len() - 1 } else { 1 };
                match PACES.get((at + by) % all) {
                    Some(next) => *pace = *next,
                    None => self.editing = true,
                }
                false
            }
        }
    }

    /// The age was typed; whether the jobs must be counted again.
    fn leave_age(&mut self, until: &mut i64) -> bool {
        let Some(ms) = age(self.typed.value()) else {
            self.bad = true;
            return false;
        };
        (self.editing, self.bad) = (false, false);
        let new = self.frozen.saturating_sub(ms);
        let changed = new != *until;
        *until = new;
        changed
    }

    /// The rate was typed: nothing is the first of the paces again. It begins with a few, as with a canary.
    fn leave_rate(&mut self, pace: &mut Pace) {
        let typed = self.typed.value().trim();
        *pace = match (typed, rate(typed)) {
            ("", _) => PACES[0],
            (_, Ok(rate)) => Pace { rate: Some(rate), canary: true, full_speed: false },
            (_, Err(_)) => {
                self.bad = true;
                return;
            }
        };
        (self.editing, self.bad) = (false, false);
    }

    /// What the answer agrees to.
    pub fn agreed(&self, act: &Act, confirmed: Confirmed, matched: u64, bytes: Option<u64>) -> Agreed {
        let save = match bytes {
            _ if !self.save => 0,
            // The person has seen how much it is.
            Some(bytes) if bytes > trash::ONE / 2 => trash::ALL,
            _ => trash::ONE,
        };
        Agreed { confirmed, matched: act.counts_jobs().then_some(matched), save, flags: self.flags(act) }
    }

    /// Flags of the command line for what was chosen and the act does not hold, each after a space.
    pub fn flags(&self, act: &Act) -> String {
        let Act::Bulk { bulk, .. } = act else { return String::new() };
        let age = self.age_flag().filter(|_| matches!(bulk, Bulk::Clean { .. }));
        let save = (bulk.takes_away() && !self.save).then(|| "--no-save".to_owned());
        let mut flags = String::new();
        for flag in [age, save].into_iter().flatten() {
            flags.push(' ');
            flags.push_str(&flag);
        }
        flags
    }

    /// The age that is cleaned, in words.
    pub fn age_words(&self) -> String {
        match age(self.typed.value()) {
            Some(0) => "all of them".to_owned(),
            Some(_) => format!("older than {}", Clean::line(self.typed.value().trim())),
            None => "?".to_owned(),
        }
    }

    /// The age as the command line takes it, where one was typed.
    fn age_flag(&self) -> Option<String> {
        let ms = age(self.typed.value())?;
        (ms > 0).then(|| format!("--older-than {}", self.typed.value().trim()))
    }
}

/// How an act goes, in words, where that can be chosen.
pub fn pace(act: &Act) -> Option<Clean> {
    let Act::Bulk { bulk: Bulk::Retry { .. } | Bulk::Promote, pace, .. } = act else { return None };
    let words = match *pace {
        Pace { canary: true, rate: Some(rate), .. } => format!("5, then 50, then all, at {rate}/s"),
        Pace { canary: true, .. } => "5, then 50, then all".to_owned(),
        Pace { rate: Some(rate), .. } => format!("{rate}/s"),
        Pace { full_speed: true, .. } => "flat out: no pauses for others".to_owned(),
        Pace { .. } => "gently: 80 % of Redis is left to others".to_owned(),
    };
    Some(Clean::line(words))
}

/// How long an act will take where `speed` jobs a second go through, ms.
pub fn takes(act: &Act, jobs: u64, speed: f64) -> i64 {
    let Act::Bulk { pace, .. } = act else { return (jobs as f64 / speed.max(1.0) * 1000.0) as i64 };
    let speed = pace.rate.map_or(speed, |rate| speed.min(f64::from(rate)));
    // A canary looks for two seconds after each of its steps.
    let looks = if pace.canary { 2.0 * f64::from(u8::from(jobs > 5) + u8::from(jobs > 50)) } else { 0.0 };
    ((jobs as f64 / speed.max(1.0) + looks) * 1000.0) as i64
}

/// What saves, in words.
pub fn saved(choices: &Choices, bytes: Option<u64>) -> Clean {
    let size =
        bytes.map_or_else(|| "size not known".to_owned(), |bytes| format!("about {}", figure::bytes(bytes)));
    Clean::line(match (choices.save, bytes) {
        (false, _) => "nothing: it cannot be undone".to_owned(),
        (true, Some(bytes)) if bytes > trash::ALL => {
            format!("{size}: it stops when {} are saved", figure::bytes(trash::ALL))
        }
        (true, _) => format!("{size} first, to undo it"),
    })
}

/// Reads `250ms 5s 10m 2h 7d`, as the command line does; nothing is none. Ms.
fn age(text: &str) -> Option<i64> {
    match text.trim() {
        "" | "0" => Some(0),
        text => i64::try_from(duration(text).ok()?.as_millis()).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_read_as_on_the_command_line() {
        let read = ["", "0", "250ms", "5s", "10m", "2h", "7d", "7", "d", "-1s", "99999999999999d"].map(age);
        let day = 86_400_000;
        assert_eq!(read[..7], [0, 0, 250, 5000, 600_000, 7_200_000, 7 * day].map(Some));
        assert_eq!(read[7..], [None; 4]);
    }
}
