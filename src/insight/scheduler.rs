//! How a scheduler stands: what comes next, what was missed, and whether it goes on at all.
//!
//! Pure: what was read ([`crate::engine::read::standings`]) and a moment go in. The Schedulers screen, the doctor and
//! the reasons of a queue that stands still all ask here.

mod times;
mod words;

pub use words::{every, pattern};

use crate::engine::read::Standing;
use crate::engine::read::schedulers::{Generation, Scheduler};
use crate::engine::schedule::{Cron, Zone};
use crate::text::{Clean, figure};
use crate::wire::State;
use times::Times;

/// Workers take a job that is due within seconds; a run that is so late is overdue, ms.
const LATE_MS: i64 = 15_000;
/// Next runs that are told.
const FOLLOWING: usize = 3;

/// How a scheduler stands, worst first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Phase {
    /// It will never run again.
    Dead(Dead),
    /// Its next run is overdue: no worker started it.
    Overdue,
    /// Its run was started, and nobody holds it any more: its worker died. It goes on when a worker's search for
    /// stalled jobs has put the run back in line.
    Stalled,
    /// Whether it goes on cannot be told.
    Unknown(Unknown),
    /// Its next run is due; nobody started it yet.
    Due,
    /// Its run was just started, and the worker is about to make the next one.
    Starting,
    /// Its next run is delayed until its time.
    Ahead,
    /// It came to its end as it was told to.
    Ended(Ended),
}

/// Why a scheduler is dead.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Dead {
    /// The job of its next run is gone.
    NoJob,
    /// The id of its next run is there, the job's data is gone: a worker runs it without a name, and makes no next.
    NoData,
    /// The job of its next run is in no list: nobody will take it.
    NoPlace,
    /// Its last run ended, and no next one was made.
    NotContinued,
    /// Its run started a while ago, and the worker made no next one: it cannot read the rule, or lost its connection.
    NotScheduled,
}

/// Why it cannot be told whether a scheduler goes on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Unknown {
    /// The job is gone. Older repeatables keep their limit in the job alone: it may have been reached.
    Limit,
    /// The job of an older repeatable may be in the middle of a list that is too long to be searched.
    Hidden,
}

/// How a scheduler came to its end.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Ended {
    /// All runs that it was to have.
    Limit,
    /// The time after which it was to have none.
    Date,
}

/// What is to be said of a scheduler at a moment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Health {
    /// How it stands.
    pub phase: Phase,
    /// How late its next run is, ms; 0 where it is ahead.
    pub late_ms: i64,
    /// Times that passed without a run, the one that is overdue included; at most 1,000 are counted.
    pub missed: u64,
    /// When its last run started, ms. `None`: there was none, or nothing tells.
    pub last_at: Option<i64>,
    /// How long after its time the last run started, ms.
    pub drift_ms: Option<i64>,
    /// The times after the next run, at most three: where the rule is understood and does not end.
    pub following: Vec<i64>,
    /// Where the job of its next run stands.
    pub waits: Option<State>,
}

/// Judges a scheduler. `now` is Redis's clock as it was read, ms since the epoch.
pub fn judge(standing: &Standing, now: i64) -> Health {
    let Standing { scheduler, run } = standing;
    let times = Times::of(scheduler);
    let phase = phase(standing, &times, now);
    let late_ms = match phase {
        Phase::Due | Phase::Overdue | Phase::Stalled | Phase::Dead(_) => {
            now.saturating_sub(scheduler.next_at).max(0)
        }
        _ => 0,
    };
    let missed = match phase {
        Phase::Overdue => 1 + times.count(scheduler.next_at, now),
        // The run of a dead one that did start was none of those that were missed.
        Phase::Stalled | Phase::Dead(Dead::NotContinued | Dead::NotScheduled) => {
            times.count(scheduler.next_at, now)
        }
        Phase::Dead(_) if late_ms > 0 => 1 + times.count(scheduler.next_at, now),
        _ => 0,
    };
    // A job is made when the one before it starts.
    let started = run.processed_on.filter(|_| run.state != Some(State::Delayed));
    let before = run.timestamp.filter(|_| run.count.is_some_and(|count| count > 1));
    let last_at = started.or(before);
    let drift_ms = match (started, before) {
        (Some(at), _) => Some(at.saturating_sub(scheduler.next_at)),
        (None, Some(at)) => times.before(scheduler.next_at, at).map(|due| at.saturating_sub(due)),
        (None, None) => None,
    };
    let goes_on = !matches!(phase, Phase::Dead(_) | Phase::Ended(_));
    let following = if goes_on { times.after(scheduler.next_at, FOLLOWING) } else { Vec::new() };
    Health { phase, late_ms, missed, last_at, drift_ms, following, waits: run.state }
}

fn phase(standing: &Standing, times: &Times, now: i64) -> Phase {
    let Standing { scheduler, run } = standing;
    let late = now.saturating_sub(scheduler.next_at);
    let started = matches!(run.state, Some(State::Active | State::WaitingChildren)) && run.exists;
    let over = run.exists && run.state.is_some_and(State::is_finished);
    let gone = !run.exists && run.state.is_none();
    if late >= 0 && (started || over || gone) {
        let all = |limit| run.count.is_some_and(|count| count >= limit);
        if run.limit.or(scheduler.limit).is_some_and(all) {
            return Phase::Ended(Ended::Limit);
        }
        let next = times.after(scheduler.next_at.max(now), 1).first().copied();
        if scheduler.end_at.is_some_and(|end| now > end || next.is_some_and(|next| next > end)) {
            return Phase::Ended(Ended::Date);
        }
    }
    if started {
        let since = run.processed_on.map_or(late, |at| now.saturating_sub(at));
        return match late >= 0 && since > LATE_MS {
            true if run.held => Phase::Dead(Dead::NotScheduled),
            true => Phase::Stalled,
            false => Phase::Starting,
        };
    }
    // Bull makes the next run beside the present one: it may end, and be removed, before that is there.
    let ended = run.finished_on.unwrap_or(scheduler.next_at);
    let fresh = (over && now.saturating_sub(ended) <= LATE_MS) || (gone && (0..=LATE_MS).contains(&late));
    if fresh {
        return Phase::Starting;
    }
    // Older repeatables write the time of the next run first and its job after: that time was not written before
    // the one before it.
    let older = scheduler.generation != Generation::Scheduler;
    if gone && older && late < 0 {
        let before = times.before(scheduler.next_at, scheduler.next_at);
        if before.is_some_and(|before| now.saturating_sub(before) <= LATE_MS) {
            return Phase::Starting;
        }
    }
    match run.state {
        Some(_) if !run.exists => Phase::Dead(Dead::NoData),
        Some(state) if state.is_finished() => Phase::Dead(Dead::NotContinued),
        Some(_) if late > LATE_MS => Phase::Overdue,
        Some(_) if late >= 0 => Phase::Due,
        Some(_) => Phase::Ahead,
        None if run.exists => Phase::Dead(Dead::NoPlace),
        None if run.unsure => Phase::Unknown(Unknown::Hidden),
        None if older && late >= 0 => Phase::Unknown(Unknown::Limit),
        None => Phase::Dead(Dead::NoJob),
    }
}

impl Health {
    /// Whether it needs somebody: dead, overdue, stalled, or over without a word why.
    pub const fn is_fault(&self) -> bool {
        matches!(
            self.phase,
            Phase::Dead(_) | Phase::Overdue | Phase::Stalled | Phase::Unknown(Unknown::Limit)
        )
    }

    /// The phase as a word: `dead missed stalled unknown due starting ahead ended`.
    pub const fn word(&self) -> &'static str {
        match self.phase {
            Phase::Dead(_) => "dead",
            Phase::Overdue => "missed",
            Phase::Stalled => "stalled",
            Phase::Unknown(_) => "unknown",
            Phase::Due => "due",
            Phase::Starting => "starting",
            Phase::Ahead => "ahead",
            Phase::Ended(_) => "ended",
        }
    }

    /// [`Health::sentence`] of a scheduler whose queue is paused, or is not.
    pub fn sentence_in(&self, paused: bool) -> String {
        let says = self.sentence();
        if paused && self.waits != Some(State::Paused) {
            format!("{says}; the queue is paused")
        } else {
            says
        }
    }

    /// Whether nothing will ever run it again, as far as that is certain.
    pub const fn is_dead(&self) -> bool {
        matches!(self.phase, Phase::Dead(_))
    }

    /// One sentence with the evidence, without its full stop.
    pub fn sentence(&self) -> String {
        let late = figure::age(self.late_ms);
        let missed = match self.missed {
            0 => String::new(),
            1 => "; 1 run was missed".to_owned(),
            n if n >= times::COUNTED => format!("; {n} runs or more were missed"),
            n => format!("; {n} runs were missed"),
        };
        match self.phase {
            Phase::Dead(Dead::NoJob) => {
                format!("dead: the job of its next run is gone, and nobody makes another{missed}")
            }
            Phase::Dead(Dead::NoData) => {
                format!("dead: the job of its next run lost its data, so it will not go on{missed}")
            }
            Phase::Dead(Dead::NoPlace) => {
                format!("dead: the job of its next run is in no list, so nobody takes it{missed}")
            }
            Phase::Dead(Dead::NotContinued) => {
                format!("dead: its last run ended and no next one was made{missed}")
            }
            Phase::Dead(Dead::NotScheduled) => {
                format!("dead: its run started, and the worker made no next one{missed}")
            }
            Phase::Unknown(Unknown::Limit) => {
                "it does not go on: the job of its next run is gone, or it reached a limit that only the job knew"
                    .to_owned()
            }
            Phase::Unknown(Unknown::Hidden) => {
                "the job of its next run was not found near either end of the lists, which are long".to_owned()
            }
            Phase::Overdue => {
                let why = match self.waits {
                    Some(State::Paused) => "it waits, and the queue is paused",
                    Some(State::Waiting | State::Prioritized) => "it waits in line, and no worker took it yet",
                    _ => "no worker started it",
                };
                format!("overdue by {late}: {why}{missed}")
            }
            Phase::Stalled => {
                format!("its run was started, and its worker is gone: it goes on once a worker finds that{missed}")
            }
            Phase::Due => "due now".to_owned(),
            Phase::Starting => "its run was just started".to_owned(),
            Phase::Ahead => "its next run waits for its time".to_owned(),
            Phase::Ended(Ended::Limit) => "ended: it had all its runs".to_owned(),
            Phase::Ended(Ended::Date) => "ended: its last date is over".to_owned(),
        }
    }
}

/// The rule of a scheduler in words, with its zone: `every weekday at 09:00, Europe/Berlin`. A pattern without a zone
/// is read in that of the worker's host. One that cannot be read says why.
pub fn rule(scheduler: &Scheduler) -> Clean {
    let (Some(written), None) = (&scheduler.pattern, scheduler.every) else {
        return match scheduler.every {
            Some(ms) => Clean::line(every(ms)),
            None => Clean::line("no rule: its definition is gone"),
        };
    };
    let told = match written.as_str().parse::<Cron>() {
        Ok(cron) if cron.is_disputed() => {
            return Clean::line(format!("{written}: BullMQ 6 takes either day, older releases only one"));
        }
        Ok(_) => pattern(written.as_str()),
        Err(error) => return Clean::line(format!("{written}: cannot be read: {}", error.fault)),
    };
    if let Some(unknown) = scheduler.zone.as_ref().filter(|zone| zone.as_str().parse::<Zone>().is_err()) {
        return Clean::line(format!("{written}: there is no time zone {unknown}"));
    }
    let zone = scheduler.zone.as_ref().map_or("the worker's zone", Clean::as_str);
    Clean::line(match told {
        // A rule of less than an hour is the same in almost every zone.
        Some(told) if scheduler.zone.is_none() && !told.contains(" at ") && !told.contains("from") => told,
        Some(told) => format!("{told}, {zone}"),
        None => format!("{written}, {zone}"),
    })
}

#[cfg(test)]
mod tests;
