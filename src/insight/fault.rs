//! What is wrong with a queue, from one look at its row.

use super::why::Pace;
use super::workers::{Lack, Need};
use crate::monitor::{Drain, QueueRow, Workers};
use crate::text::{Clean, figure};

/// Something that is wrong with a queue, worst first.
#[derive(Clone, Copy, PartialEq, Eq, Debug, PartialOrd, Ord)]
pub enum Fault {
    /// It could not be read.
    Unreadable,
    /// Both lists hold jobs: a foreign pause or resume may lose some. Or the list of a pause holds
    /// some, and there is none.
    Split,
    /// No worker is connected, and jobs wait, a delayed one is overdue, or some lie abandoned in `active`.
    NoWorker,
    /// Jobs wait and the queue is paused.
    Paused,
    /// As many jobs are active as the global limit allows, and others wait.
    AtLimit,
    /// The rate limit holds jobs back.
    RateLimited,
    /// More comes in than goes out.
    Growing,
    /// Jobs wait, workers are there, nothing moves.
    Stuck,
    /// A delayed job is overdue although workers are there, or may be: nobody promotes it.
    Overdue,
    /// A large share of the jobs fails.
    Failing,
}

/// A share of failures that counts as a fault.
const FAILING_SHARE: f64 = 0.2;
/// Fewer failures than about so many a minute are chance, whatever their share.
const FAILING_A_MINUTE: f64 = 3.0;
/// A job that could have run for so long counts as late.
const LATE_MS: i64 = 60_000;

/// The faults of a queue, worst first. `now` is Redis's clock when the row was last known to be
/// true, ms since the epoch: a picture that grows old while the server is silent makes no faults.
pub fn faults(row: &QueueRow, now: i64) -> Vec<Fault> {
    let ready = row.ready();
    let late = row.oldest_at.is_some_and(|at| now.saturating_sub(at) > LATE_MS);
    let mut found = Vec::new();
    let mut add = |fault, when: bool| {
        if when {
            found.push(fault);
        }
    };
    add(Fault::Unreadable, row.error.is_some());
    add(Fault::Split, row.split);
    let need = Need::of(row, now);
    let (overdue, lack) = (need.overdue, need.lack());
    // What a resume brings to light is no fault while the queue is paused.
    add(Fault::NoWorker, lack == Some(Lack::Now));
    let no_worker = lack.is_some();
    add(Fault::Paused, row.paused && ready > 0);
    let at_limit = row.concurrency.is_some_and(|limit| row.counts.active >= limit);
    add(Fault::AtLimit, at_limit && ready > 0 && !row.paused && late);
    let limited = row.limited_ms.is_some_and(|ms| ms > 0);
    add(Fault::RateLimited, limited && ready > 0 && !row.paused && late);
    // Nothing runs and nothing ended, whatever comes in.
    let still = row.out_per_s == Some(0.0) && row.counts.active == 0;
    let growing = row.drain == Drain::Growing && !still;
    add(Fault::Growing, growing && late && !row.paused && !no_worker);
    add(Fault::Stuck, still && late && ready > 0 && !row.paused && !no_worker && !at_limit && !limited);
    add(Fault::Overdue, overdue && !row.paused && !no_worker);
    let share = row.failure_share.unwrap_or(0.0);
    let often = row.out_per_s.is_some_and(|out| out * share * 60.0 >= FAILING_A_MINUTE);
    add(Fault::Failing, often && share >= FAILING_SHARE);
    found
}

impl Fault {
    /// One sentence with the evidence, without the queue's name and its full stop.
    pub fn sentence(self, row: &QueueRow, now: i64) -> Clean {
        let counts = &row.counts;
        let ready = row.ready();
        let since = row.oldest_at.map(|at| figure::age(now.saturating_sub(at)));
        let oldest = since.map(|age| format!(", the oldest for {age}")).unwrap_or_default();
        let waits = || match ready {
            1 => "1 job waits".to_owned(),
            n => format!("{} jobs wait", figure::count(n)),
        };
        let late_by =
            || row.next_due_at.map_or_else(|| figure::age(0), |at| figure::age(now.saturating_sub(at)));
        let rates = || {
            let (into, out) = (row.in_per_s.unwrap_or(0.0), row.out_per_s.unwrap_or(0.0));
            let hour = ((into - out) * 3600.0).max(0.0) as u64;
            format!(
                "in {}/s, out {}/s: +{} an hour",
                figure::rate(into),
                figure::rate(out),
                figure::count(hour)
            )
        };
        Clean::line(match self {
            Self::Unreadable => {
                let why = row.error.as_ref().map(Clean::as_str).unwrap_or_default();
                format!("cannot be read: {why}")
            }
            Self::Split if !row.paused && counts.waiting == 0 => format!(
                "{} jobs in `paused` although the queue is not paused: no worker takes them; M merges them",
                figure::count(counts.paused)
            ),
            Self::Split => format!(
                "{} jobs in `wait` and {} in `paused`: a pause or resume by another tool may lose some; M merges them",
                figure::count(counts.waiting),
                figure::count(counts.paused)
            ),
            Self::NoWorker if ready > 0 => format!("{}{oldest}", Need::of(row, now).sentence()),
            Self::NoWorker => match Need::of(row, now) {
                need if need.overdue => format!("{} by {}", need.sentence(), late_by()),
                need => need.sentence().to_string(),
            },
            Self::Paused => format!("paused; {}{oldest}", waits()),
            Self::AtLimit => {
                let limit = figure::count(row.concurrency.unwrap_or(0));
                format!("at its limit of {limit} active; {}{oldest}", waits())
            }
            Self::RateLimited => {
                let left = figure::duration(row.limited_ms.unwrap_or(0));
                format!("rate limited for another {left}; {}{oldest}", waits())
            }
            Self::Growing => format!("{}{oldest}; {}", waits(), rates()),
            Self::Stuck => match row.workers {
                Workers::Count(_) => format!("{}{oldest}, workers are connected, and nothing moves", waits()),
                // Who is connected is not known: it may well be nobody.
                _ => format!("{}{oldest}, and nothing moves", waits()),
            },
            Self::Overdue => format!("a delayed job is overdue by {}: no worker promotes it", late_by()),
            Self::Failing => {
                let share = figure::percent(row.failure_share.unwrap_or(0.0));
                format!("{share} % of the jobs that finish fail")
            }
        })
    }
}

/// The sentence of a healthy queue.
pub fn health(row: &QueueRow) -> Clean {
    let (into, out) = (row.in_per_s.unwrap_or(0.0), row.out_per_s.unwrap_or(0.0));
    let ready = row.ready();
    Clean::line(match row.drain {
        _ if row.sampled_at == 0 => "not read yet".to_owned(),
        _ if ready == 0 && row.counts.active == 0 && row.counts.delayed == 0 => {
            "empty: nothing waits".to_owned()
        }
        Drain::In(s) => {
            let time = figure::age((s * 1000.0) as i64);
            let (into_, out_) = (figure::rate(into), figure::rate(out));
            // In step there is no end to be told: only how long a job that comes now waits.
            match Pace::watched(row.backlog, row.backlog, into, out, row.drain) {
                Pace::Steady(_) => {
                    format!("it moves: in {into_}/s, out {out_}/s, steady: the backlog takes {time}")
                }
                _ => format!("it moves: in {into_}/s, out {out_}/s, drained in {time}"),
            }
        }
        _ if ready == 0 && row.counts.active == 0 => format!("{} delayed", figure::count(row.counts.delayed)),
        _ => format!("in {}/s, out {}/s", figure::rate(into), figure::rate(out)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Counts, Prefix, QueueId, QueueName};

    const NOW: i64 = 1_800_000_000_000;

    fn row() -> QueueRow {
        let id = QueueId::new(Prefix::default(), QueueName::legacy("mail"));
        QueueRow { workers: Workers::Count(2), sampled_at: NOW, ..QueueRow::found(id) }
    }

    fn said(row: &QueueRow) -> Vec<String> {
        faults(row, NOW).into_iter().map(|fault| fault.sentence(row, NOW).as_str().to_owned()).collect()
    }

    #[test]
    fn a_busy_queue_is_no_faulty_one() {
        let busy = QueueRow {
            counts: Counts { waiting: 40, active: 20, delayed: 900, failed: 500, ..Counts::default() },
            oldest_at: Some(NOW - 4_000),
            next_due_at: Some(NOW - 3_000),
            in_per_s: Some(60.0),
            out_per_s: Some(20.0),
            failure_share: Some(0.04),
            drain: Drain::Growing,
            ..row()
        };
        assert_eq!(said(&busy), [""; 0]);
    }

    #[test]
    fn a_missing_worker_is_told_once() {
        let counts = Counts { delayed: 3, ..Counts::default() };
        let due = Some(NOW - 95_000);
        let alone = QueueRow { workers: Workers::Count(0), counts, next_due_at: due, ..row() };
        assert_eq!(said(&alone), ["no worker is connected; a delayed job is overdue by 1m"]);
        let waiting = QueueRow {
            counts: Counts { waiting: 1, ..counts },
            oldest_at: Some(NOW - 95_000),
            out_per_s: Some(0.0),
            ..alone.clone()
        };
        assert_eq!(said(&waiting), ["no worker is connected; 1 job waits, the oldest for 1m"]);
        let denied = QueueRow { workers: Workers::NotPermitted, ..alone };
        assert_eq!(said(&denied), ["a delayed job is overdue by 1m: no worker promotes it"]);
    }

    #[test]
    fn workers_are_not_claimed_where_nobody_could_count_them() {
        let still = QueueRow {
            counts: Counts { waiting: 7, ..Counts::default() },
            oldest_at: Some(NOW - 120_000),
            out_per_s: Some(0.0),
            ..row()
        };
        assert_eq!(
            said(&still),
            ["7 jobs wait, the oldest for 2m, workers are connected, and nothing moves"]
        );
        let denied = QueueRow { workers: Workers::NotPermitted, ..still };
        assert_eq!(said(&denied), ["7 jobs wait, the oldest for 2m, and nothing moves"]);
    }

    #[test]
    fn few_failures_are_chance() {
        let few = QueueRow { failure_share: Some(0.5), out_per_s: Some(0.06), ..row() };
        assert_eq!(said(&few), [""; 0]);
        let many = QueueRow { out_per_s: Some(0.5), ..few };
        assert_eq!(said(&many), ["50.0 % of the jobs that finish fail"]);
    }
}
