//! Whether a queue lacks a worker: one rule for the badge, the workers' list, the doctor and Why.

use crate::monitor::{QueueRow, Workers};
use crate::text::{Clean, figure};

/// Workers promote a delayed job within seconds; so late is overdue, ms.
pub const OVERDUE_MS: i64 = 15_000;
/// A job that started before the list of clients was read may be that of a worker which came since. A list is
/// older than this, ms, only if it is long and rarely read: who runs the job is not listed, so nobody does.
const LISTED_MS: i64 = 60_000;

/// What tells whether somebody is there to work on a queue.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Need {
    /// Connections of workers; `None`: it is not known how many there are.
    pub connected: Option<u64>,
    /// Somebody works on it all the same: jobs start or end, or one is held by a lock that lives. The list of
    /// clients is older than that, or a client without a name is at work.
    pub at_work: bool,
    /// Jobs that would run now ([`crate::wire::Counts::ready`]).
    pub ready: u64,
    /// A delayed job is due since [`OVERDUE_MS`].
    pub overdue: bool,
    /// Jobs in `active` that nobody runs: only a worker takes them back.
    pub abandoned: u64,
    /// Jobs for later: delayed ones, and parents that wait for children.
    pub later: u64,
    /// The queue is paused.
    pub paused: bool,
}

/// Nobody is connected: whether that matters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Lack {
    /// Jobs that could run now wait for nobody.
    Now,
    /// They will once the queue is resumed.
    Paused,
    /// None is due yet.
    Later,
}

impl Need {
    /// Of a row of the read model. `now` is Redis's clock, ms since the epoch.
    pub fn of(row: &QueueRow, now: i64) -> Self {
        let ready = row.ready();
        let counts = &row.counts;
        // Locks are not in the row: a job that started of late may well be held.
        let old = row.oldest_active_at.is_some_and(|at| now.saturating_sub(at) > LISTED_MS);
        let moves = row.out_per_s.is_none_or(|out| out > 0.0);
        let held = counts.active > 0 && (moves || !old);
        Self {
            connected: match row.workers {
                Workers::Count(n) => Some(n.into()),
                Workers::Unknown | Workers::NotPermitted => None,
            },
            at_work: held,
            ready,
            overdue: row.next_due_at.is_some_and(|at| now.saturating_sub(at) > OVERDUE_MS),
            abandoned: if held { 0 } else { counts.active },
            later: counts.delayed + counts.waiting_children,
            paused: row.paused,
        }
    }

    /// Whether nobody is there for its jobs; `None`: somebody is, it is not known, or there is no job.
    pub fn lack(&self) -> Option<Lack> {
        if self.connected != Some(0) || self.at_work {
            return None;
        }
        let due = self.ready > 0 || self.overdue || self.abandoned > 0;
        match (due, self.paused) {
            (true, false) => Some(Lack::Now),
            (true, true) => Some(Lack::Paused),
            (false, _) => (self.later > 0).then_some(Lack::Later),
        }
    }

    /// The lack in a sentence without its full stop.
    pub fn sentence(&self) -> Clean {
        let jobs = |n: u64, one: &str, more: &str| match n {
            1 => format!("1 job {one}"),
            n => format!("{} jobs {more}", figure::count(n)),
        };
        let what = match (self.ready, self.overdue, self.abandoned) {
            (0, true, _) => "a delayed job is overdue".to_owned(),
            (0, false, 0) => format!("{}, none is due yet", jobs(self.later, "for later", "for later")),
            (0, false, n) => jobs(n, "lies abandoned in active", "lie abandoned in active"),
            (n, ..) => jobs(n, "waits", "wait"),
        };
        let paused = if self.paused { "; the queue is paused" } else { "" };
        Clean::line(format!("no worker is connected; {what}{paused}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Counts, Prefix, QueueId, QueueName};

    const NOW: i64 = 1_800_000_000_000;

    fn need() -> Need {
        Need { connected: Some(0), ready: 2, ..Need::default() }
    }

    #[test]
    fn nobody_is_missed_where_nobody_is_needed_or_it_is_not_known() {
        assert_eq!(need().lack(), Some(Lack::Now));
        assert_eq!(need().sentence().as_str(), "no worker is connected; 2 jobs wait");
        for there in [Need { connected: None, ..need() }, Need { connected: Some(1), ..need() }] {
            assert_eq!(there.lack(), None);
        }
        assert_eq!(Need { at_work: true, ..need() }.lack(), None, "a lock lives: the list is older");
        assert_eq!(Need { ready: 0, ..need() }.lack(), None);
    }

    #[test]
    fn what_waits_for_something_else_first_is_told_apart() {
        let paused = Need { paused: true, ..need() };
        assert_eq!(paused.lack(), Some(Lack::Paused));
        assert_eq!(paused.sentence().as_str(), "no worker is connected; 2 jobs wait; the queue is paused");
        let later = Need { ready: 0, later: 1, ..need() };
        assert_eq!(later.lack(), Some(Lack::Later));
        assert_eq!(later.sentence().as_str(), "no worker is connected; 1 job for later, none is due yet");
        let overdue = Need { overdue: true, ..later };
        assert_eq!(overdue.lack(), Some(Lack::Now));
        assert_eq!(overdue.sentence().as_str(), "no worker is connected; a delayed job is overdue");
        let left = Need { ready: 0, abandoned: 1, ..need() };
        assert_eq!(left.lack(), Some(Lack::Now));
        assert_eq!(left.sentence().as_str(), "no worker is connected; 1 job lies abandoned in active");
    }

    #[test]
    fn a_row_tells_jobs_of_a_dead_worker_from_those_of_one_that_has_just_come() {
        let id = QueueId::new(Prefix::default(), QueueName::legacy("mail"));
        let row = QueueRow {
            counts: Counts { waiting: 3, active: 2, ..Counts::default() },
            workers: Workers::Count(0),
            out_per_s: Some(0.0),
            oldest_active_at: Some(NOW - 120_000),
            ..QueueRow::found(id)
        };
        assert_eq!(Need::of(&row, NOW).lack(), Some(Lack::Now), "they died with it");
        let young = QueueRow { oldest_active_at: Some(NOW - 5_000), ..row.clone() };
        assert_eq!(Need::of(&young, NOW).lack(), None);
        let moves = QueueRow { out_per_s: Some(0.5), ..row.clone() };
        assert_eq!(Need::of(&moves, NOW).lack(), None, "whoever does that has no name");
        let unread = QueueRow { oldest_active_at: None, ..row };
        assert_eq!(Need::of(&unread, NOW).lack(), None);
    }
}
