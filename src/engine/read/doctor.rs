//! Reading for the doctor: what of a queue can be damaged (reliability spec, part 4), in bounded
//! pages and at a pace that leaves Redis to its workers.
//!
//! A [`Look`] is what one reading of one queue found; it judges nothing. [`examine`] takes two of
//! each queue that a judge finds suspicious, some time apart: what is a passing state is another one
//! by then. Plain commands only, so an account without scripting suffices.

mod examine;
mod facts;
mod flows;
mod jobs;
mod pace;
mod queue;
mod sweep;

use std::time::Duration;

pub use examine::{Examined, Judge, Phase, Progress, examine};
pub use facts::{DedupFacts, Fields, Hash, JobFacts, Lock, QueueFacts, Stream, Text};
pub use flows::{Child, ParentFacts, SchedulerFacts};

use crate::engine::read::workers::Listed;
use crate::wire::{Era, JobId, QueueId, Raw};

/// How much is read, and how fast.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scope {
    /// Jobs that are looked at of each state of a queue, at most.
    pub jobs: u64,
    /// Keys of the whole server that are walked over for jobs in no state, at most; 0 leaves it out.
    pub keys: u64,
    /// How long after the first look the second comes.
    pub again: Duration,
    /// Share of one core of Redis that may be taken; 1 and above rests never.
    pub share: f64,
}

impl Default for Scope {
    /// 1,000 jobs a state, 100,000 keys, 6 s between the looks (workers poll every 5 s), 1 % of a core.
    fn default() -> Self {
        Self { jobs: 1_000, keys: 100_000, again: Duration::from_secs(6), share: 0.01 }
    }
}

/// What is looked at of a queue.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Focus {
    /// Jobs by id, wherever they are.
    pub jobs: Vec<JobId>,
    /// Parents by id.
    pub parents: Vec<JobId>,
    /// Deduplication ids.
    pub dedups: Vec<Raw>,
    /// Its schedulers.
    pub schedulers: bool,
}

/// One reading of one queue.
#[derive(Clone, Debug)]
pub struct Look {
    /// Which queue.
    pub queue: QueueId,
    /// Who writes it.
    pub era: Era,
    /// Redis's clock, ms since the epoch.
    pub at: i64,
    /// The queue's own keys.
    pub facts: QueueFacts,
    /// Jobs that were looked at.
    pub jobs: Vec<JobFacts>,
    /// Parents that wait for children.
    pub parents: Vec<ParentFacts>,
    /// Schedulers and repeatables.
    pub schedulers: Vec<SchedulerFacts>,
    /// Deduplication ids.
    pub dedups: Vec<DedupFacts>,
    /// Its workers by their connections; `None`: the account may not list clients.
    pub workers: Option<Vec<Listed>>,
    /// Everything of the queue was looked at.
    pub complete: bool,
}
