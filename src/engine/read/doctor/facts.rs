//! What stands in a queue's keys, as it was found.

use crate::engine::read::overview::Overview;
use crate::text::Clean;
use crate::wire::{Counts, JobId, Raw, State};

/// A string key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// What it holds.
    pub value: Raw,
    /// Time to live, ms; `None`: for ever.
    pub ttl: Option<i64>,
}

/// The event stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Stream {
    /// Entries.
    pub length: u64,
    /// The time in the id of its last entry, ms since the epoch.
    pub last_at: Option<i64>,
    /// Bytes that it takes.
    pub bytes: Option<u64>,
}

/// The queue's own keys.
#[derive(Clone, Debug, Default)]
pub struct QueueFacts {
    /// Counts, `meta`, limits.
    pub overview: Overview,
    /// Jobs by state.
    pub counts: Counts,
    /// Keys whose type is none that a library gives them: suffix, type found, whether it is a job.
    pub mistyped: Vec<(&'static str, Clean, bool)>,
    /// `stalled-check`: a worker looked for stalled jobs within its time to live.
    pub stalled_check: Option<Text>,
    /// `limiter`.
    pub limiter: Option<Text>,
    /// `pc`, the counter behind priorities.
    pub counter: Option<Raw>,
    /// `id`, the counter behind ids.
    pub last_id: Option<Raw>,
    /// `events`.
    pub events: Stream,
    /// The marker of work that is ready (member `0`) is there.
    pub marked: bool,
    /// First and last member of `prioritized`, with their scores.
    pub prioritized: Vec<(JobId, f64)>,
    /// The first delayed job, with its score.
    pub due: Option<(JobId, f64)>,
    /// Wake-up markers of BullMQ 2 to 4 in lists.
    pub list_markers: Vec<(State, JobId)>,
    /// When the next and the newest job of the line were added, ms since the epoch.
    pub line: Option<(i64, i64)>,
}

/// The fields of a job's hash that tell of damage.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Fields {
    /// `timestamp`, ms since the epoch.
    pub added_at: Option<i64>,
    /// `processedOn`.
    pub started_at: Option<i64>,
    /// `finishedOn`.
    pub finished_at: Option<i64>,
    /// `delay`, ms.
    pub delay: i64,
    /// `priority`.
    pub priority: i64,
    /// Starts so far: `ats`, or `attemptsMade` where older libraries wrote it.
    pub starts: i64,
    /// `returnvalue` is there: it has completed.
    pub returned: bool,
    /// `gid`: it belongs to a group of BullMQ Pro.
    pub grouped: bool,
    /// Its largest field, and how many bytes that has.
    pub largest: (&'static str, u64),
    /// Bytes of its data and options.
    pub payload: u64,
    /// Fields that are no JSON, with what they hold: `data`, `opts`. Only small ones are read.
    pub invalid: Vec<(&'static str, Raw)>,
    /// `opts.jobId` names its id: somebody chose it.
    pub own_id: Option<bool>,
}

/// What stands under a job's key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hash {
    /// Nothing.
    None,
    /// A key of another type.
    Other,
    /// A hash without a name, data or timestamp: what a worker leaves that ran an id without a job.
    Stub,
    /// A job.
    Job(Fields),
}

/// Who holds a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lock {
    /// Nobody.
    None,
    /// A worker, for so many ms.
    For(i64),
    /// A lock without an end, with its token.
    Forever(Raw),
}

/// One job.
#[derive(Clone, Debug, PartialEq)]
pub struct JobFacts {
    /// Its id.
    pub id: JobId,
    /// Where it is: the state, how often (2 means at least twice), the score in a sorted set.
    pub places: Vec<(State, u32, Option<f64>)>,
    /// In lists too long to be searched it may be, too.
    pub unsure: bool,
    /// What stands under its key.
    pub hash: Hash,
    /// Its lock.
    pub lock: Lock,
    /// Keys of children that it waits for.
    pub pending: u64,
}

impl JobFacts {
    /// Whether it is in a state.
    pub fn is_in(&self, state: State) -> bool {
        self.places.iter().any(|(place, ..)| *place == state)
    }

    /// The score with which it is in a state.
    pub fn score(&self, state: State) -> Option<f64> {
        self.places.iter().find(|(place, ..)| *place == state).and_then(|(.., score)| *score)
    }

    /// The fields, where it is a job.
    pub fn fields(&self) -> Option<&Fields> {
        match &self.hash {
            Hash::Job(fields) => Some(fields),
            _ => None,
        }
    }
}

/// A deduplication id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DedupFacts {
    /// The id.
    pub id: Raw,
    /// The job that owns it.
    pub owner: JobId,
    /// Time to live, ms; `None`: as long as its owner.
    pub ttl: Option<i64>,
    /// Its owner is there.
    pub alive: bool,
}
