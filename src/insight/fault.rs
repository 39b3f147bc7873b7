//! What is wrong with a queue, from one look at its row.

use crate::monitor::{Drain, QueueRow, Workers};
use crate::text::{Clean, figure};

/// Something that is wrong with a queue, worst first.
#[derive(Clone, Copy, PartialEq, Eq, Debug, PartialOrd, Ord)]
pub enum Fault {
    /// It could not be read.
    Unreadable,
    /// Both lists hold jobs: a foreign pause or resume may lose some.
    Split,
    /// Jobs wait and no worker is connected.
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
    /// A delayed job is overdue: nobody promotes it.
    Overdue,
    /// A large share of the jobs fails.
    Failing,
}

/// A share of failures that counts as a fault.
const FAILING_SHARE: f64 = 0.2;
/// A job that could have run for so long counts as late.
const LATE_MS: i64 = 60_000;
/// Workers promote a delayed job within seconds; so late is overdue.
const OVERDUE_MS: i64 = 15_000;

/// The faults of a queue, worst first. `now` is Redis's clock, ms since the epoch.
pub fn faults(row: &QueueRow, now: i64) -> Vec<Fault> {
    let ready = row.counts.waiting + row.counts.paused + row.counts.prioritized;
    let late = row.oldest_at.is_some_and(|at| now - at > LATE_MS);
    let mut found = Vec::new();
    let mut add = |fault, when: bool| {
        if when {
            found.push(fault);
        }
    };
    add(Fault::Unreadable, row.error.is_some());
    add(Fault::Split, row.split);
    let no_worker = row.workers == Workers::Count(0);
    add(Fault::NoWorker, no_worker && ready > 0 && !row.paused && row.counts.active == 0);
    add(Fault::Paused, row.paused && ready > 0);
    let at_limit = row.concurrency.is_some_and(|limit| row.counts.active >= limit);
    add(Fault::AtLimit, at_limit && ready > 0 && !row.paused && late);
    add(Fault::RateLimited, row.limited_ms.is_some_and(|ms| ms > 0) && ready > 0 && !row.paused && late);
    let growing = row.drain == Drain::Growing;
    add(Fault::Growing, growing && late && !row.paused && !no_worker);
    let still = row.drain == Drain::Still && row.counts.active == 0;
    add(Fault::Stuck, still && late && ready > 0 && !row.paused && !no_worker && !at_limit);
    let overdue = row.next_due_at.is_some_and(|at| now - at > OVERDUE_MS);
    add(Fault::Overdue, overdue && !row.paused);
    let moves = row.out_per_s.is_some_and(|out| out > 0.05);
    add(Fault::Failing, moves && row.failure_share.is_some_and(|share| share >= FAILING_SHARE));
    found
}

impl Fault {
    /// One sentence with the evidence, without the queue's name and its full stop.
    pub fn sentence(self, row: &QueueRow, now: i64) -> Clean {
        let counts = &row.counts;
        let ready = figure::count(counts.waiting + counts.paused + counts.prioritized);
        let since = row.oldest_at.map(|at| figure::age(now - at));
        let oldest = since.map(|age| format!(", the oldest for {age}")).unwrap_or_default();
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
            Self::Split => format!(
                "{} jobs in `wait` and {} in `paused`: a pause or resume by another tool may lose some; M merges them",
                figure::count(counts.waiting),
                figure::count(counts.paused)
            ),
            Self::NoWorker => format!("no worker is connected; {ready} jobs wait{oldest}"),
            Self::Paused => format!("paused; {ready} jobs wait{oldest}"),
            Self::AtLimit => {
                let limit = figure::count(row.concurrency.unwrap_or(0));
                format!("at its limit of {limit} active; {ready} wait{oldest}")
            }
            Self::RateLimited => {
                let left = figure::duration(row.limited_ms.unwrap_or(0));
                format!("rate limited for another {left}; {ready} jobs wait{oldest}")
            }
            Self::Growing => format!("{ready} jobs wait{oldest}; {}", rates()),
            Self::Stuck => format!("{ready} jobs wait{oldest}, workers are connected, and nothing moves"),
            Self::Overdue => {
                let late = row.next_due_at.map_or_else(|| figure::age(0), |at| figure::age(now - at));
                format!("a delayed job is overdue by {late}: no worker promotes it")
            }
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
    let ready = row.counts.waiting + row.counts.paused + row.counts.prioritized;
    Clean::line(match row.drain {
        _ if row.sampled_at == 0 => "not read yet".to_owned(),
        _ if ready == 0 && row.counts.active == 0 && row.counts.delayed == 0 => {
            "empty: nothing waits".to_owned()
        }
        Drain::In(s) => format!(
            "it moves: in {}/s, out {}/s, drained in {}",
            figure::rate(into),
            figure::rate(out),
            figure::age((s * 1000.0) as i64)
        ),
        _ if ready == 0 && row.counts.active == 0 => format!("{} delayed", figure::count(row.counts.delayed)),
        _ => format!("in {}/s, out {}/s", figure::rate(into), figure::rate(out)),
    })
}
