//! What a job is to be done with, and how that is stored (spec 2.3).

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::AddError;
use crate::engine::flow::ParentRef;
use crate::wire::{JobId, QueueId};

/// Options of a job. The default is a job that runs once, as soon as possible, and is kept.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct JobOptions {
    /// An id of one's own instead of the counter's; a job of this id that exists is not added
    /// twice. Empty means automatic, as in BullMQ.
    pub id: Option<String>,
    /// Not before this long after the job's timestamp (whole ms).
    pub delay: Option<Duration>,
    /// 0 is none and runs first; 1 (first) to 2,097,151 (last).
    pub priority: u32,
    /// To the side of `wait` that runs next.
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
    /// What the parent does when this child fails for good.
    pub on_failure: FailurePolicy,
    /// When it was made, ms since the epoch; `None` is the server's now.
    pub timestamp: Option<i64>,
    /// A job that exists, of any queue, which is to wait for this one: see [`flow`](crate::engine::flow).
    pub parent: Option<ParentRef>,
}

/// The wait before the next attempt. `jitter` takes up to that share (0 to 1) off at random.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Backoff {
    /// Always the same.
    Fixed {
        /// Between two attempts (whole ms).
        delay: Duration,
        /// Share that is random.
        jitter: f64,
    },
    /// Doubled each time.
    Exponential {
        /// After the first attempt (whole ms).
        delay: Duration,
        /// Share that is random.
        jitter: f64,
    },
}

impl Backoff {
    /// The same wait each time, no jitter.
    pub const fn fixed(delay: Duration) -> Self {
        Self::Fixed { delay, jitter: 0.0 }
    }

    /// A wait that doubles, no jitter.
    pub const fn exponential(delay: Duration) -> Self {
        Self::Exponential { delay, jitter: 0.0 }
    }

    pub(super) const fn jitter(self) -> f64 {
        match self {
            Self::Fixed { jitter, .. } | Self::Exponential { jitter, .. } => jitter,
        }
    }

    fn to_json(self) -> Value {
        let (kind, delay) = match self {
            Self::Fixed { delay, .. } => ("fixed", delay),
            Self::Exponential { delay, .. } => ("exponential", delay),
        };
        let mut stored = json!({ "type": kind, "delay": millis(delay) });
        if self.jitter() > 0.0 {
            stored["jitter"] = json!(self.jitter());
        }
        stored
    }
}

/// Which finished jobs stay (spec 6.5). Jobs leave when another one of the queue finishes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// All.
    All,
    /// None: the job goes when it finishes.
    Nothing,
    /// The newest so many.
    Count(u32),
    /// Those younger than this (whole seconds) and, of them, the newest `count`.
    Age {
        /// Older ones go.
        age: Duration,
        /// And beyond this many.
        count: Option<u32>,
    },
}

impl Keep {
    fn to_json(self) -> Value {
        match self {
            Self::All => json!(false),
            Self::Nothing => json!(true),
            Self::Count(count) => json!(count),
            Self::Age { age, count: None } => json!({ "age": age.as_secs() }),
            Self::Age { age, count: Some(count) } => json!({ "age": age.as_secs(), "count": count }),
        }
    }
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
    const fn key(self) -> Option<&'static str> {
        match self {
            Self::Wait => None,
            Self::FailParent => Some("fpof"),
            Self::ContinueParent => Some("cpof"),
            Self::Ignore => Some("idof"),
            Self::Detach => Some("rdof"),
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn utf8(bytes: &[u8]) -> Result<&str, AddError> {
    std::str::from_utf8(bytes).map_err(|_| AddError::Data("an id or a queue name is not UTF-8".to_owned()))
}

impl JobOptions {
    pub(super) fn delay_ms(&self) -> u64 {
        self.delay.map_or(0, millis)
    }

    /// The `opts` field as JSON text.
    pub(in crate::engine) fn to_json(&self, parent: Option<(&QueueId, &JobId)>) -> Result<Vec<u8>, AddError> {
        let stored = self.stored(parent)?;
        serde_json::to_vec(&stored).map_err(|error| AddError::Data(error.to_string()))
    }

    /// The `opts` field. Node always stores `attempts`, and the others where they were given.
    pub(in crate::engine) fn stored(
        &self,
        parent: Option<(&QueueId, &JobId)>,
    ) -> Result<Map<String, Value>, AddError> {
        let mut stored = Map::new();
        stored.insert("attempts".to_owned(), json!(self.attempts));
        let mut put = |key: &str, value: Option<Value>| {
            if let Some(value) = value {
                stored.insert(key.to_owned(), value);
            }
        };
        put("delay", self.delay.map(|delay| json!(millis(delay))));
        put("priority", (self.priority > 0).then(|| json!(self.priority)));
        put("lifo", self.lifo.then(|| json!(true)));
        put("backoff", self.backoff.map(Backoff::to_json));
        put("removeOnComplete", self.remove_on_complete.map(Keep::to_json));
        put("removeOnFail", self.remove_on_fail.map(Keep::to_json));
        put("kl", self.keep_logs.map(|lines| json!(lines)));
        put("stackTraceLimit", self.stack_trace_limit.map(|limit| json!(limit)));
        put("timestamp", self.timestamp.map(|at| json!(at)));
        if let Some(key) = self.on_failure.key() {
            put(key, Some(json!(true)));
        }
        put("jobId", self.id.as_ref().map(|id| json!(id)));
        if let Some((queue, id)) = parent {
            let queue = queue.qualified();
            put("parent", Some(json!({ "id": utf8(id.as_bytes())?, "queue": utf8(&queue)? })));
        }
        Ok(stored)
    }

    /// The `parent` field of a child: where its parent is, and the failure policy.
    pub(super) fn parent_json(&self, queue: &QueueId, id: &JobId) -> Result<Vec<u8>, AddError> {
        let queue = queue.qualified();
        let mut link = json!({ "id": utf8(id.as_bytes())?, "queueKey": utf8(&queue)? });
        if let Some(key) = self.on_failure.key() {
            link[key] = json!(true);
        }
        serde_json::to_vec(&link).map_err(|error| AddError::Data(error.to_string()))
    }
}
