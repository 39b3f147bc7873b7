//! Where a dead job comes from: the option `deadLetter`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::super::worker::{ActiveJob, JobError};
use crate::wire::{JobId, Prefix, QueueId, QueueName};

/// Options that a job does not take back with it: it runs at once, and once.
const LEFT: [&str; 6] = ["delay", "priority", "repeat", "repeatJobKey", "prevMillis", "attempts"];

/// What a job in a dead-letter queue tells of its former life.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Origin {
    /// The queue it failed in.
    pub queue: QueueId,
    /// Its id there.
    pub id: JobId,
    /// The text of its last error.
    pub reason: String,
    /// The traces of its attempts, oldest first, as many as it kept.
    pub stacktrace: Vec<String>,
    /// Attempts that were made.
    pub attempts_made: u64,
    /// When it was made, ms since the epoch.
    pub timestamp: i64,
    /// When it failed for good, ms since the epoch by the server's clock.
    pub failed_at: i64,
    /// Its options then: JSON, in the stored form.
    opts: Box<str>,
    parent: Option<(String, String)>,
}

/// The stored form, without what the script adds: the time, and the parent.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Written<'a> {
    prefix: &'a str,
    queue: &'a str,
    id: &'a str,
    reason: &'a str,
    stacktrace: &'a RawValue,
    attempts_made: u64,
    timestamp: i64,
    opts: &'a RawValue,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Read {
    prefix: String,
    queue: String,
    id: String,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    stacktrace: Vec<String>,
    #[serde(default)]
    attempts_made: u64,
    #[serde(default)]
    timestamp: i64,
    opts: Box<RawValue>,
    parent_key: Option<String>,
    parent: Option<Box<RawValue>>,
    #[serde(default)]
    failed_on: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Options {
    dead_letter: Read,
}

fn object(text: &[u8]) -> Option<&RawValue> {
    let raw: &RawValue = serde_json::from_slice(text).ok()?;
    raw.get().starts_with('{').then_some(raw)
}

/// The beginning of a dead job's options; the script completes it. `None` where a name or the id is no text,
/// which JSON cannot hold.
pub(super) fn write(origin: &QueueId, job: &ActiveJob, error: &JobError, stack: &[u8]) -> Option<Vec<u8>> {
    let text = |bytes| std::str::from_utf8(bytes).ok();
    let empty: &RawValue = serde_json::from_str("{}").ok()?;
    let none: &RawValue = serde_json::from_str("[]").ok()?;
    let written = Written {
        prefix: text(origin.prefix.as_bytes())?,
        queue: text(origin.name.as_bytes())?,
        id: text(job.id.as_bytes())?,
        reason: error.message(),
        stacktrace: serde_json::from_slice(stack).unwrap_or(none),
        attempts_made: job.attempts_made + 1,
        timestamp: job.timestamp,
        opts: object(job.opts.as_bytes()).unwrap_or(empty),
    };
    let mut head = br#"{"attempts":1,"deadLetter":"#.to_vec();
    serde_json::to_writer(&mut head, &written).ok()?;
    head.pop();
    head.push(b',');
    Some(head)
}

impl Origin {
    /// Reads it out of a job's options, in their stored form ([`ActiveJob::opts`]); `None` where they tell of
    /// none.
    pub fn read(opts: &[u8]) -> Option<Self> {
        let Read { prefix, queue, id, .. } = &serde_json::from_slice::<Options>(opts).ok()?.dead_letter;
        let queue = QueueId::new(Prefix::new(prefix), QueueName::legacy(queue));
        let id = JobId::new(id);
        let read = serde_json::from_slice::<Options>(opts).ok()?.dead_letter;
        // Whoever can write to Redis can write this: an id that names a part of the queue is none.
        if queue.name.as_bytes().is_empty() || id.as_bytes().is_empty() || id.is_reserved() || id.is_marker()
        {
            return None;
        }
        let parent = read.parent_key.filter(|key| !key.is_empty());
        Some(Self {
            queue,
            id,
            reason: read.reason,
            stacktrace: read.stacktrace,
            attempts_made: read.attempts_made,
            timestamp: read.timestamp,
            failed_at: read.failed_on,
            opts: read.opts.get().into(),
            parent: parent
                .map(|key| (key, read.parent.map_or_else(|| "{}".to_owned(), |raw| raw.get().to_owned()))),
        })
    }

    /// Its options then: JSON, in the stored form (spec 2.3).
    pub fn opts(&self) -> &str {
        &self.opts
    }

    /// Key of the parent that it had, and its field `parent`.
    pub(super) fn parent(&self) -> Option<(&str, &str)> {
        self.parent.as_ref().map(|(key, parent)| (key.as_str(), parent.as_str()))
    }

    /// The options with which it goes back. What stays is not rewritten: numbers keep their digits.
    pub(super) fn options_back(&self) -> Vec<u8> {
        let mut options: BTreeMap<String, &RawValue> = serde_json::from_str(&self.opts).unwrap_or_default();
        options.retain(|name, _| !LEFT.contains(&name.as_str()));
        if let Ok(once) = serde_json::from_str("1") {
            options.insert("attempts".to_owned(), once);
        }
        serde_json::to_vec(&options).unwrap_or_else(|_| br#"{"attempts":1}"#.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPTS: &str = r#"{"attempts":1,"deadLetter":{"prefix":"bull","queue":"mail","id":"7","reason":"no \"route\"",
        "stacktrace":["Error: a"],"attemptsMade":3,"timestamp":5,"opts":{"attempts":3,"delay":9,"big":1.50,
        "priority":2,"kl":[]},"parentKey":"bull:p:1","parent":{"id":"1"},"failedOn":1795150144737}}"#;

    #[test]
    fn it_reads_what_the_script_completed() {
        let origin = Origin::read(OPTS.as_bytes()).unwrap();
        assert_eq!(
            (origin.queue.qualified().as_slice(), origin.id.as_bytes()),
            (&b"bull:mail"[..], &b"7"[..])
        );
        assert_eq!((origin.reason.as_str(), origin.attempts_made), ("no \"route\"", 3));
        assert_eq!((origin.timestamp, origin.failed_at), (5, 1_795_150_144_737));
        assert_eq!(origin.stacktrace, ["Error: a"]);
        assert_eq!(origin.parent(), Some(("bull:p:1", r#"{"id":"1"}"#)));
        assert_eq!(origin.options_back(), br#"{"attempts":1,"big":1.50,"kl":[]}"#);
    }

    #[test]
    fn what_tells_of_no_origin_has_none() {
        for opts in ["", "{}", "[1]", r#"{"deadLetter":{}}"#, r#"{"deadLetter":7}"#] {
            assert_eq!(Origin::read(opts.as_bytes()), None, "{opts}");
        }
        for id in ["", "meta", "wait", "0:5"] {
            let opts = format!(r#"{{"deadLetter":{{"prefix":"b","queue":"q","id":"{id}","opts":{{}}}}}}"#);
            assert_eq!(Origin::read(opts.as_bytes()), None, "{id}");
        }
    }
}
