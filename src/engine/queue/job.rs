//! A job as it lies in Redis, with its data as a type of the application's.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::engine::read::job::JobDetail;
use crate::wire::{JobId, QueueId, Raw};

/// A job that was read. Whoever wrote it may have left out anything.
///
/// ```no_run
/// # async fn example(queue: toril::engine::Queue) -> Result<(), Box<dyn std::error::Error>> {
/// use toril::wire::JobId;
///
/// #[derive(serde::Deserialize)]
/// struct Mail { to: String }
///
/// if let Some(job) = queue.job::<Mail>(&JobId::new("42")).await? {
///     match job.data {
///         Ok(mail) => println!("to {}", mail.to),
///         Err(misfit) => println!("no mail, but {} bytes: {}", misfit.raw.as_bytes().len(), misfit.why),
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Job<T = Value> {
    /// Its queue.
    pub queue: QueueId,
    /// Its id.
    pub id: JobId,
    /// Its name.
    pub name: Raw,
    /// Its data, or what is there instead.
    pub data: Result<T, Misfit>,
    /// Its options as stored, JSON: short names (spec 2.3).
    pub opts: Value,
    /// When it was made, ms since the epoch.
    pub timestamp: Option<i64>,
    /// ms that it was or is to wait; 0 once it was promoted.
    pub delay: i64,
    /// 0: none.
    pub priority: i64,
    /// Attempts that ended. BullMQ 4 counted in another field than 5 and 6; the higher one counts.
    pub attempts_made: u64,
    /// Attempts that began.
    pub attempts_started: u64,
    /// How often its worker was lost.
    pub stalled: u64,
    /// When the last attempt began, ms.
    pub processed_on: Option<i64>,
    /// When it ended, ms.
    pub finished_on: Option<i64>,
    /// The name of the worker that began it last.
    pub processed_by: Option<Raw>,
    /// What its handler told of its progress.
    pub progress: Option<Value>,
    /// The value it completed with.
    pub return_value: Option<Value>,
    /// Why it failed, or its last attempt did.
    pub failed_reason: Option<Raw>,
    /// Stack traces, oldest first.
    pub stacktrace: Vec<String>,
    /// The key of its parent.
    pub parent_key: Option<Raw>,
    /// Its deduplication id.
    pub deduplication_id: Option<Raw>,
    /// The scheduler that made it.
    pub scheduler: Option<Raw>,
}

/// Data that does not fit the type it was asked as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// The data, as whoever added the job wrote it.
    pub raw: Raw,
    /// Why it does not fit.
    pub why: String,
}

impl<T: DeserializeOwned> Job<T> {
    /// `None` for a job whose hash is gone.
    pub(super) fn read(found: &JobDetail) -> Option<Self> {
        if found.fields.is_empty() {
            return None;
        }
        let raw = |name: &str| found.value(name).map(Raw::new);
        let json = |name: &str| found.value(name).and_then(|text| serde_json::from_slice(text).ok());
        let count = |name: &str| found.number(name).map_or(0, |n| n.max(0).unsigned_abs());
        let data = found.value("data").unwrap_or(b"{}");
        Some(Self {
            queue: found.queue.clone(),
            id: found.id.clone(),
            name: raw("name").unwrap_or_else(|| Raw::new("")),
            data: serde_json::from_slice(data)
                .map_err(|error| Misfit { raw: Raw::new(data), why: error.to_string() }),
            opts: json("opts").unwrap_or_default(),
            timestamp: found.number("timestamp"),
            delay: found.number("delay").unwrap_or(0),
            priority: found.number("priority").unwrap_or(0),
            attempts_made: found.attempts_made().unwrap_or(0),
            attempts_started: count("ats"),
            stalled: count("stc"),
            processed_on: found.number("processedOn"),
            finished_on: found.number("finishedOn"),
            processed_by: raw("pb"),
            progress: json("progress"),
            return_value: json("returnvalue"),
            failed_reason: raw("failedReason"),
            stacktrace: found
                .value("stacktrace")
                .and_then(|text| serde_json::from_slice(text).ok())
                .unwrap_or_default(),
            parent_key: raw("parentKey"),
            deduplication_id: raw("deid"),
            scheduler: raw("rjk"),
        })
    }
}
