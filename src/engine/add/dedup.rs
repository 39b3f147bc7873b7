//! One job for many that mean the same.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::stored::{duration, ms, ms_json};

/// Adds that name the same deduplication id are one job, for as long as that job or a time-to-live
/// lasts (spec 4.7). The job that stands is the *owner* of the id; an add that is dropped answers the
/// owner's id ([`Added::Deduplicated`](super::Added)).
///
/// | wanted | how |
/// |---|---|
/// | at most one that is not finished | [`simple`](Self::simple) |
/// | at most one in a while | [`throttle`](Self::throttle) |
/// | one, a while after the last add, with its data | [`debounce`](Self::debounce), with the same delay |
/// | while one runs, exactly one more after it, with the last data | [`keep_last_if_active`](Self::keep_last_if_active) |
///
/// ```no_run
/// # async fn example(queue: toril::engine::Queue) -> Result<(), Box<dyn std::error::Error>> {
/// use std::time::Duration;
/// use toril::engine::{Deduplication, JobOptions};
///
/// let calm = Duration::from_secs(5);
/// let options = JobOptions {
///     deduplication: Some(Deduplication::debounce("index:42", calm)),
///     delay: Some(calm),
///     ..JobOptions::default()
/// };
/// queue.add("index", &serde_json::json!({ "document": 42 }), options).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deduplication {
    /// What makes two jobs the same, within the queue.
    pub id: String,
    /// How long the id stays taken, also after its owner finished; `None`: until the owner finishes
    /// or is removed.
    pub ttl: Option<Duration>,
    /// Every dropped add starts the time-to-live anew.
    pub extend: bool,
    /// An owner that is still delayed is replaced by the new job; elsewhere the new one is dropped.
    pub replace: bool,
    /// An owner that is still delayed stays, with the delay of the add that was dropped (BullMQ 6.7).
    pub reschedule: bool,
    /// While the owner runs the newest add is kept aside and queued when the owner ends, whichever way.
    /// There is no time-to-live then (BullMQ 5.72). The owner's worker does that: ours, or BullMQ 5.72
    /// and later.
    pub keep_last_if_active: bool,
}

impl Deduplication {
    /// At most one job of this id that is not finished.
    pub fn simple(id: impl Into<String>) -> Self {
        Self { id: id.into(), ..Self::default() }
    }

    /// At most one job of this id within `ttl`, from when the first was added.
    pub fn throttle(id: impl Into<String>, ttl: Duration) -> Self {
        Self { ttl: Some(ttl), ..Self::simple(id) }
    }

    /// The last of several adds counts, and each puts it off by another `ttl`. The job needs a delay,
    /// usually the same.
    pub fn debounce(id: impl Into<String>, ttl: Duration) -> Self {
        Self { extend: true, replace: true, ..Self::throttle(id, ttl) }
    }

    /// At most one job of this id that waits, and one that runs.
    pub fn keep_last_if_active(id: impl Into<String>) -> Self {
        Self { keep_last_if_active: true, ..Self::simple(id) }
    }

    fn flags(&self) -> [(&'static str, u8, bool); 4] {
        [
            ("extend", b'e', self.extend),
            ("replace", b'r', self.replace),
            ("reschedule", b's', self.reschedule),
            ("keepLastIfActive", b'k', self.keep_last_if_active),
        ]
    }

    pub(super) fn to_json(&self) -> Value {
        let mut stored = Map::new();
        stored.insert("id".to_owned(), json!(self.id));
        if let Some(ttl) = self.ttl {
            stored.insert("ttl".to_owned(), ms_json(ttl));
        }
        for (name, _, on) in self.flags() {
            if on {
                stored.insert(name.to_owned(), json!(true));
            }
        }
        Value::Object(stored)
    }

    /// `None` where there is no id. A time-to-live of 0 or less is none, as in BullMQ.
    pub(super) fn parse(value: &Value) -> Option<Self> {
        let flag = |name: &str| value.get(name) == Some(&Value::Bool(true));
        let id = match value.get("id")? {
            Value::String(id) => id.clone(),
            other => other.to_string(),
        };
        Some(Self {
            id,
            ttl: value.get("ttl").and_then(duration).filter(|ttl| !ttl.is_zero()),
            extend: flag("extend"),
            replace: flag("replace"),
            reschedule: flag("reschedule"),
            keep_last_if_active: flag("keepLastIfActive"),
        })
    }

    /// The id, the time-to-live in whole ms ('' for none) and a letter for each mode, as
    /// `lua/lib/dedup.lua` wants them.
    pub(super) fn args(&self) -> [Vec<u8>; 3] {
        let ttl = self.ttl.map(|ttl| ms(ttl).floor()).filter(|ttl| *ttl > 0.0);
        let modes = self.flags().iter().filter(|(_, _, on)| *on).map(|(_, letter, _)| *letter).collect();
        [self.id.clone().into_bytes(), ttl.map(|ttl| ttl.to_string().into_bytes()).unwrap_or_default(), modes]
    }
}
