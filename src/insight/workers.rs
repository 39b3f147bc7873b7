//! Who does what: which worker runs which job, which jobs run far longer than their kind does.
//!
//! A connection carries a queue and perhaps a name; a job carries the name of its worker (BullMQ 5.3 on) and its
//! lock the id of the worker object, which no connection carries. So a job belongs to the only worker of its name,
//! or to the only worker without one; of several that are alike nobody can tell, and that is what is said.

mod absent;

use std::collections::{HashMap, HashSet};

use crate::engine::read::running::Running;
use crate::engine::read::workers::Connection;
use crate::text::{Clean, Mask};
use crate::wire::Era;
use crate::wire::era::Waits;

pub use absent::{Lack, Need, OVERDUE_MS};

/// Fewer completed jobs of a name tell nothing of what is usual.
const ENOUGH: usize = 5;
/// So many times as long as usual is far longer ..
const TIMES: i64 = 5;
/// .. if it is so much longer, ms.
const LONGER_MS: i64 = 2000;

/// How long jobs of a name took of late.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Usual {
    /// Half of them took less, ms.
    pub median_ms: i64,
    /// The longest, ms.
    pub longest_ms: i64,
    /// How many were looked at.
    pub jobs: usize,
}

impl Usual {
    /// What is usual; `None` where too few jobs tell.
    pub fn of(took: &[i64]) -> Option<Self> {
        let mut sorted = took.to_vec();
        sorted.sort_unstable();
        let longest_ms = *sorted.last()?;
        let median_ms = sorted[sorted.len() / 2];
        (sorted.len() >= ENOUGH).then_some(Self { median_ms, longest_ms, jobs: sorted.len() })
    }

    /// Whether a job that has been running for so long takes far longer than its kind: five times what is usual, and
    /// longer than any that was looked at.
    pub fn is_far_longer(self, age_ms: i64) -> bool {
        age_ms > self.longest_ms
            && age_ms > self.median_ms.saturating_mul(TIMES)
            && age_ms > self.median_ms.saturating_add(LONGER_MS)
    }
}

/// What is usual in a queue, by the names of its jobs.
pub type Usuals = HashMap<Clean, Usual>;

/// What is usual, from durations by name; by the names as they may be shown. Names that differ in a secret alone
/// are one.
pub fn usuals<'a>(took: impl IntoIterator<Item = (&'a Clean, &'a Vec<i64>)>, mask: &Mask) -> Usuals {
    let mut shown: HashMap<Clean, Vec<i64>> = HashMap::new();
    for (name, took) in took {
        shown.entry(mask.clean(name)).or_default().extend(took);
    }
    shown.into_iter().filter_map(|(name, took)| Some((name, Usual::of(&took)?))).collect()
}

/// Which worker runs which job of one queue.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Assigned {
    /// The jobs of each worker, by their places in the two lists.
    pub by_worker: Vec<Vec<usize>>,
    /// Jobs whose worker cannot be told.
    pub unknown: Vec<usize>,
}

/// Gives the jobs of a queue to its workers, as far as that can be told.
pub fn assign(workers: &[&Connection], jobs: &[Running]) -> Assigned {
    let mut assigned = Assigned { by_worker: vec![Vec::new(); workers.len()], unknown: Vec::new() };
    // A job without a lock is nobody's: its worker is gone, or let go of it.
    let nameless: HashSet<_> =
        jobs.iter().filter(|job| job.row.worker.is_none()).filter_map(Running::holder).collect();
    for (at, job) in jobs.iter().enumerate() {
        let mut alike =
            workers.iter().enumerate().filter(|(_, worker)| worker.name.as_ref() == job.row.worker.as_ref());
        let only = match (alike.next(), alike.next()) {
            (Some((only, _)), None) => Some(only),
            _ => None,
        };
        // Two holders of locks and one worker: one of the two is gone, or hidden.
        let clear = job.row.worker.is_some() || nameless.len() <= 1;
        match only.filter(|_| clear && job.lock.is_some()) {
            Some(worker) => assigned.by_worker[worker].push(at),
            None => assigned.unknown.push(at),
        }
    }
    assigned
}

/// The era of a worker, as far as it can be told: by the command that it waits in, and between releases that wait in
/// the same one by the queue's own era.
pub const fn era(waits: Option<Waits>, queue: Era) -> Option<&'static str> {
    match (waits, queue) {
        // Their releases leave the same traces: which of the two a worker is nobody can tell.
        (Some(Waits::BzPopMin), _) => Some("5-6"),
        (Some(Waits::BRPopLPush), Era::Bull3 | Era::Bull4) => Some("B"),
        (Some(Waits::BRPopLPush), Era::V4) => Some("4"),
        (Some(Waits::BRPopLPush), Era::V1 | Era::V2 | Era::V3) => Some("1-3"),
        (Some(Waits::BRPopLPush), _) => Some("B-4"),
        (None, _) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::read::page::{Brief, JobRow};
    use crate::wire::{JobId, Token};

    fn worker(id: u64, name: Option<&str>) -> Connection {
        Connection {
            id,
            name: name.map(Clean::line),
            address: Clean::line("10.0.0.1:1"),
            waits: None,
            asks: false,
            age_s: 9,
            idle_s: 0,
        }
    }

    fn job(id: &str, name: Option<&str>, token: Option<&str>) -> Running {
        let row = JobRow {
            id: JobId::new(id),
            shown_id: Clean::line(id),
            gone: false,
            name: Brief::Text(Clean::line("charge")),
            reason: Brief::Absent,
            progress: Brief::Absent,
            timestamp: None,
            due_at: None,
            processed_on: Some(1000),
            finished_on: None,
            delay: None,
            priority: 0,
            attempts_made: 1,
            attempts_started: None,
            worker: name.map(Clean::line),
            child: false,
            scheduled: false,
        };
        Running { row, lock: token.map(Token::new), lock_ttl_ms: token.map(|_| 30_000) }
    }

    #[test]
    fn names_tell_whose_a_job_is() {
        let (one, two, none) = (worker(1, Some("pay-1")), worker(2, Some("pay-2")), worker(3, None));
        let jobs = [
            job("a", Some("pay-2"), Some("u2:1")),
            job("b", Some("pay-1"), Some("u1:4")),
            job("c", None, Some("u3:1")),
            job("d", None, Some("u3:2")),
            job("e", Some("gone"), Some("u4:1")),
            job("f", Some("pay-1"), None),
        ];
        let told = assign(&[&one, &two, &none], &jobs);
        assert_eq!(told.by_worker, [vec![1], vec![0], vec![2, 3]]);
        assert_eq!(told.unknown, [4, 5]);
    }

    #[test]
    fn what_is_alike_is_not_told_apart() {
        let (one, two) = (worker(1, None), worker(2, None));
        let jobs = [job("a", None, Some("u1:1")), job("b", None, Some("u2:1"))];
        assert_eq!(assign(&[&one, &two], &jobs).unknown, [0, 1]);
        // One of the two holders is not connected any more: which?
        assert_eq!(assign(&[&one], &jobs).unknown, [0, 1]);
        assert_eq!(assign(&[&one], &jobs[..1]).by_worker, [[0]]);
        assert_eq!(assign(&[], &jobs).unknown, [0, 1]);
        // Bull: one token for all that a process runs.
        let bull = [job("a", None, Some("2f4b")), job("b", None, Some("2f4b"))];
        assert_eq!(assign(&[&one], &bull).by_worker, [[0, 1]]);
    }

    #[test]
    fn what_is_usual_is_known_by_the_name_that_is_shown() {
        let name = |secret: &str| Clean::line(format!("login token={secret}"));
        let took = HashMap::from([(name("a1b2"), vec![10; 3]), (name("c3d4"), vec![20; 3])]);
        let told = usuals(&took, &Mask::default());
        assert_eq!(
            told.into_iter().map(|(name, usual)| (name, usual.jobs)).collect::<Vec<_>>(),
            [(name("***"), 6)]
        );
        assert!(usuals(&took, &Mask::none()).is_empty());
    }

    #[test]
    fn far_longer_is_far_longer_than_all() {
        assert_eq!(Usual::of(&[1, 2, 3, 4]), None);
        let usual = Usual::of(&[2_000, 1_900, 2_100, 2_000, 30_000]).unwrap();
        assert_eq!((usual.median_ms, usual.longest_ms), (2_000, 30_000));
        assert_eq!([10_001, 30_000, 30_001].map(|ms| usual.is_far_longer(ms)), [false, false, true]);
        let quick = Usual::of(&[1; 50]).unwrap();
        assert_eq!([100, 2_001, 2_002].map(|ms| quick.is_far_longer(ms)), [false, false, true]);
    }
}
