//! What a job is to be done with.

use std::time::Duration;

use serde_json::{Map, Value};

use super::{Backoff, Deduplication, Keep};
use crate::engine::flow::ParentRef;

/// Options of a job. The default is a job that runs once, as soon as possible, and is kept.
///
/// They are stored with the job in BullMQ's form, so that a worker of BullMQ finds what a producer of
/// ours wanted and the other way round. [`JobOptions::parse`] reads BullMQ's own form.
///
/// ```
/// use std::time::Duration;
/// use toril::engine::{Backoff, JobOptions, Keep};
///
/// let options = JobOptions {
///     attempts: 5,
///     backoff: Some(Backoff::exponential(Duration::from_secs(1)).with_jitter(0.5)),
///     remove_on_complete: Some(Keep::Count(1000)),
///     ..JobOptions::default()
/// };
/// # let _ = options;
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct JobOptions {
    /// An id of one's own instead of the counter's; a job of this id that exists is not added
    /// twice. Empty means automatic, as in BullMQ. Not a number, and no `:` but two of them.
    pub id: Option<String>,
    /// Not before this long after the job's timestamp. BullMQ counts in ms; fractions of one are kept.
    pub delay: Option<Duration>,
    /// 0 is none and runs first; 1 (first) to 2,097,151 (last).
    pub priority: u32,
    /// To the side of `wait` that runs next. Without effect on a job with a delay or a priority.
    pub lifo: bool,
    /// How many attempts in all; 0 and 1 both mean one.
    pub attempts: u32,
    /// How long to wait between attempts; none is at once.
    pub backoff: Option<Backoff>,
    /// What to keep when it completed; `None` leaves it to the worker.
    pub remove_on_complete: Option<Keep>,
    /// What to keep when it failed; `None` leaves it to the worker.
    pub remove_on_fail: Option<Keep>,
    /// Log lines kept.
    pub keep_logs: Option<u32>,
    /// Stack traces kept: 0 none, `None` one an attempt.
    pub stack_trace_limit: Option<u32>,
    /// Bytes that the data may have as JSON; an add with more is refused before anything is sent.
    pub size_limit: Option<u64>,
    /// Adds that mean the same are one job.
    pub deduplication: Option<Deduplication>,
    /// What the parent does when this child fails for good.
    pub on_failure: FailurePolicy,
    /// When it was made, ms since the epoch; `None` is the server's now.
    pub timestamp: Option<i64>,
    /// A job that exists, of any queue, which is to wait for this one: see [`flow`](crate::engine::flow).
    pub parent: Option<ParentRef>,
    /// The trace that the job belongs to.
    pub telemetry: Telemetry,
    /// Any other options, stored as they are and left alone: for workers of the application's own. A
    /// name that a field above is stored under counts only where that field says nothing.
    pub extra: Map<String, Value>,
}

/// The trace that a job belongs to (spec 12.5). No state depends on it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Telemetry {
    /// The producer's span, as its telemetry library wrote it; the worker's spans continue it.
    pub metadata: Option<String>,
    /// The worker begins a trace of its own.
    pub omit_context: bool,
}

/// What a parent does when a child fails for good (spec 6.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FailurePolicy {
    /// It keeps waiting until somebody retries or removes the child.
    #[default]
    Wait,
    /// It fails too.
    FailParent,
    /// It runs at once, the other children still pending.
    ContinueParent,
    /// It no longer waits for this child, and keeps its failure text.
    Ignore,
    /// It no longer waits for this child.
    Detach,
}

impl FailurePolicy {
    /// The option it is stored under, if it is stored.
    pub(super) const fn key(self) -> Option<&'static str> {
        match self {
            Self::Wait => None,
            Self::FailParent => Some("fpof"),
            Self::ContinueParent => Some("cpof"),
            Self::Ignore => Some("idof"),
            Self::Detach => Some("rdof"),
        }
    }
}
