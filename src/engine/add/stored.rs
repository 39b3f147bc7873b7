//! Options in the form in which they lie in a job's `opts` (spec 2.3).

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::{AddError, JobOptions};
use crate::wire::{JobId, QueueId};

/// ms, with a fraction where there is one.
pub(super) fn ms(duration: Duration) -> f64 {
    duration.as_nanos() as f64 / 1e6
}

/// ms as JSON: whole where it is whole.
pub(super) fn ms_json(duration: Duration) -> Value {
    if duration.subsec_nanos().is_multiple_of(1_000_000) {
        json!(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
    } else {
        json!(ms(duration))
    }
}

/// ms out of JSON, where they come back the same from [`ms_json`].
pub(super) fn duration(value: &Value) -> Option<Duration> {
    let read = match value.as_u64() {
        Some(whole) => Duration::from_millis(whole),
        None => Duration::from_nanos((value.as_f64()?.max(0.0) * 1e6).round() as u64),
    };
    (ms_json(read) == *value).then_some(read)
}

fn utf8(bytes: &[u8]) -> Result<&str, AddError> {
    std::str::from_utf8(bytes).map_err(|_| AddError::Data("an id or a queue name is not UTF-8".to_owned()))
}

impl JobOptions {
    /// The delay that the job is stored with, ms. Below 0 it only can be where BullMQ's own form said
    /// so ([`JobOptions::parse`]); such a job is not delayed.
    pub(in crate::engine) fn delay_ms(&self) -> f64 {
        self.delay.map_or_else(|| self.kept_number("delay"), ms)
    }

    /// The priority that the job is stored with; below 0 as for [`JobOptions::delay_ms`].
    pub(in crate::engine) fn stored_priority(&self) -> i64 {
        if self.priority == 0 { self.kept_number("priority") as i64 } else { i64::from(self.priority) }
    }

    fn kept_number(&self, name: &str) -> f64 {
        self.extra.get(name).and_then(Value::as_f64).unwrap_or(0.0)
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
        let mut put = |key: &str, value: Option<Value>| {
            if let Some(value) = value {
                stored.insert(key.to_owned(), value);
            }
        };
        put("attempts", Some(json!(self.attempts)));
        put("delay", self.delay.map(ms_json));
        put("priority", (self.priority > 0).then(|| json!(self.priority)));
        put("lifo", self.lifo.then(|| json!(true)));
        put("backoff", self.backoff.as_ref().map(super::Backoff::to_json));
        put("removeOnComplete", self.remove_on_complete.map(super::Keep::to_json));
        put("removeOnFail", self.remove_on_fail.map(super::Keep::to_json));
        put("kl", self.keep_logs.map(|lines| json!(lines)));
        put("stackTraceLimit", self.stack_trace_limit.map(|limit| json!(limit)));
        put("sizeLimit", self.size_limit.map(|limit| json!(limit)));
        put("timestamp", self.timestamp.map(|at| json!(at)));
        put("de", self.deduplication.as_ref().map(super::Deduplication::to_json));
        put("tm", self.telemetry.metadata.as_ref().map(|context| json!(context)));
        put("omc", self.telemetry.omit_context.then(|| json!(true)));
        if let Some(key) = self.on_failure.key() {
            put(key, Some(json!(true)));
        }
        put("jobId", self.id.as_ref().map(|id| json!(id)));
        if let Some((queue, id)) = parent {
            let queue = queue.qualified();
            put("parent", Some(json!({ "id": utf8(id.as_bytes())?, "queue": utf8(&queue)? })));
        }
        for (name, value) in &self.extra {
            if name == "attempts" || !stored.contains_key(name) {
                stored.insert(name.clone(), value.clone());
            }
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
