//! Options in BullMQ's own form, as its documentation writes them.

use serde_json::{Map, Value};

use super::stored::duration;
use super::{Backoff, Deduplication, FailurePolicy, JobOptions, Keep, OptionError, Telemetry};
use crate::engine::flow::ParentRef;
use crate::wire::{JobId, Prefix, QueueId, QueueName};

/// In the order in which BullMQ names them.
const POLICIES: [(&str, FailurePolicy); 4] = [
    ("removeDependencyOnFailure", FailurePolicy::Detach),
    ("failParentOnFailure", FailurePolicy::FailParent),
    ("continueParentOnFailure", FailurePolicy::ContinueParent),
    ("ignoreDependencyOnFailure", FailurePolicy::Ignore),
];

impl JobOptions {
    /// Reads options as a caller of BullMQ writes them: `{"delay": 5000, "removeOnComplete": true}`.
    /// What no field of this type says exactly (an option of the application's own, a negative delay)
    /// is kept in [`JobOptions::extra`] and stored as it is.
    ///
    /// # Errors
    /// What BullMQ refuses, in its words. What can only be told of the whole job is checked when it is
    /// added.
    ///
    /// ```
    /// use toril::engine::JobOptions;
    ///
    /// let options = serde_json::json!({"attempts": 3, "backoff": 500, "tenant": "a"});
    /// let options = JobOptions::parse(options.as_object().unwrap())?;
    /// assert_eq!((options.attempts, options.extra.len()), (3, 1));
    /// # Ok::<(), toril::engine::OptionError>(())
    /// ```
    pub fn parse(given: &Map<String, Value>) -> Result<Self, OptionError> {
        let mut read = Self { on_failure: policy(given)?, ..Self::default() };
        for (name, value) in given {
            if value.is_null() {
                continue;
            }
            if read.take(name, value)?.is_none() {
                let stored = stored_name(name);
                read.extra.insert(stored.to_owned(), value.clone());
            }
        }
        Ok(read)
    }

    /// `None` where the option is kept as it is.
    fn take(&mut self, name: &str, value: &Value) -> Result<Option<()>, OptionError> {
        let count = || value.as_u64().and_then(|n| u32::try_from(n).ok());
        let text = || value.as_str().map(str::to_owned);
        Ok(match name {
            "attempts" => count().map(|attempts| self.attempts = attempts),
            "delay" => duration(value).map(|delay| self.delay = Some(delay)),
            "priority" => match value.as_f64() {
                Some(number) if number.fract() == 0.0 => self.take_priority(number)?,
                _ => return Err(OptionError::FloatPriority),
            },
            "lifo" => (*value == true).then(|| self.lifo = true),
            "backoff" => Backoff::parse(value).map(|backoff| self.backoff = Some(backoff)),
            "removeOnComplete" => Keep::parse(value).map(|keep| self.remove_on_complete = Some(keep)),
            "removeOnFail" => Keep::parse(value).map(|keep| self.remove_on_fail = Some(keep)),
            "keepLogs" => count().map(|lines| self.keep_logs = Some(lines)),
            "stackTraceLimit" => count().map(|limit| self.stack_trace_limit = Some(limit)),
            "sizeLimit" => value.as_u64().map(|limit| self.size_limit = Some(limit)),
            "jobId" => text().map(|id| self.id = Some(id)),
            "timestamp" => value.as_i64().filter(|at| *at != 0).map(|at| self.timestamp = Some(at)),
            "deduplication" => {
                let read = Deduplication::parse(value).filter(|read| !read.id.is_empty());
                self.deduplication = Some(read.ok_or(OptionError::DeduplicationId)?);
                Some(())
            }
            "debounce" => return Err(OptionError::Debounce),
            "telemetry" => telemetry(value).map(|telemetry| self.telemetry = telemetry),
            "parent" => parent(value).map(|parent| self.parent = Some(parent)),
            // Read above; `false` says nothing.
            _ => POLICIES.iter().find(|(policy, _)| *policy == name).map(|_| ()),
        })
    }

    /// Below 0 it is kept as it is, and 0 as well, which BullMQ stores when it is given.
    fn take_priority(&mut self, number: f64) -> Result<Option<()>, OptionError> {
        if number > f64::from(super::validate::MAX_PRIORITY) {
            return Err(OptionError::Priority);
        }
        Ok((number > 0.0).then(|| self.priority = number as u32))
    }
}

fn policy(given: &Map<String, Value>) -> Result<FailurePolicy, OptionError> {
    let on = |name: &str| given.get(name) == Some(&Value::Bool(true));
    let chosen: Vec<_> = POLICIES.iter().filter(|(name, _)| on(name)).collect();
    match chosen[..] {
        [] => Ok(FailurePolicy::Wait),
        [(_, policy)] => Ok(*policy),
        _ => {
            let names: Vec<_> = chosen.iter().map(|(name, _)| *name).collect();
            Err(OptionError::Together(names.join(", ")))
        }
    }
}

fn telemetry(value: &Value) -> Option<Telemetry> {
    let fields = value.as_object()?;
    let metadata = fields.get("metadata").and_then(Value::as_str).map(str::to_owned);
    Some(Telemetry { metadata, omit_context: fields.get("omitContext") == Some(&Value::Bool(true)) })
}

/// `{id, queue}`, the queue with its prefix. The name of a queue holds no `:`, a prefix may.
fn parent(value: &Value) -> Option<ParentRef> {
    let (prefix, name) = value.get("queue")?.as_str()?.rsplit_once(':')?;
    let queue = QueueId::new(Prefix::new(prefix), QueueName::new(name).ok()?);
    Some(ParentRef { queue, id: JobId::new(value.get("id")?.as_str()?) })
}

/// The name under which an option is stored (spec 2.3).
fn stored_name(name: &str) -> &str {
    match name {
        "keepLogs" => "kl",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;

    fn parse(options: &Value) -> Result<JobOptions, OptionError> {
        JobOptions::parse(options.as_object().unwrap())
    }

    fn stored(options: &Value) -> Value {
        Value::Object(parse(options).unwrap().stored(None).unwrap())
    }

    #[test]
    fn what_is_known_gets_a_type_and_the_rest_is_kept() {
        let given = json!({
            "delay": 1000.25, "priority": 3, "backoff": 70, "removeOnFail": {"age": 5, "count": 2, "limit": 9},
            "deduplication": {"id": "d", "ttl": 5, "replace": true}, "telemetry": {"metadata": "m"},
            "mine": [], "none": null,
        });
        let read = parse(&given).unwrap();
        assert_eq!(read.delay, Some(Duration::from_micros(1_000_250)));
        assert_eq!(read.backoff, Some(Backoff::fixed(Duration::from_millis(70))));
        assert_eq!(read.telemetry.metadata.as_deref(), Some("m"));
        assert_eq!(
            stored(&given),
            json!({
                "attempts": 0, "delay": 1000.25, "priority": 3, "backoff": {"type": "fixed", "delay": 70},
                "removeOnFail": {"age": 5, "count": 2, "limit": 9}, "de": {"id": "d", "ttl": 5, "replace": true},
                "tm": "m", "mine": [],
            })
        );
    }

    #[test]
    fn odd_values_are_stored_as_they_are() {
        let odd =
            json!({"attempts": -1, "delay": -5, "priority": -3, "lifo": false, "removeOnComplete": {"x": 1}});
        assert_eq!(stored(&odd), odd);
        let read = parse(&odd).unwrap();
        assert_eq!((read.delay_ms(), read.stored_priority()), (-5.0, -3));
        assert_eq!(stored(&json!({"priority": 0})), json!({"attempts": 0, "priority": 0}));
        assert_eq!(stored(&json!({"failParentOnFailure": false})), json!({"attempts": 0}));
    }
}
