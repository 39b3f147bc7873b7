//! A job as a JSON document.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::value::RawValue;

use crate::engine::read::job::JobDetail;
use crate::text::lossless;
use crate::wire::State;

/// Deepest nesting that is embedded; deeper text would break other programs' parsers.
const DEPTH: usize = 120;

/// The document of the contract.
#[derive(Serialize, Debug)]
#[serde(rename_all = "camelCase")]
pub struct Job<'a> {
    id: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<Cow<'a, str>>,
    queue: Cow<'a, str>,
    prefix: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Embedded<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    opts: Option<Embedded<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    progress: Option<Embedded<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    returnvalue: Option<Embedded<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failed_reason: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stacktrace: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempts_made: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempts_started: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    processed_on: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    finished_on: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delay: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    due_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    priority: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    processed_by: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent: Option<Parent<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scheduler_id: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deduplication_id: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    logs: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lock: Option<Lock<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    children: Option<Children>,
    /// Fields that should hold JSON and do not: they stand as text.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    invalid: Vec<&'static str>,
    /// Fields that are too large, with their size in bytes.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    too_large: BTreeMap<Cow<'a, str>, u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    raw: Option<BTreeMap<Cow<'a, str>, Cow<'a, str>>>,
}

#[derive(Serialize, Debug)]
#[serde(untagged)]
enum Embedded<'a> {
    Json(Box<RawValue>),
    Text(Cow<'a, str>),
}

#[derive(Serialize, Debug)]
struct Parent<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    queue: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prefix: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<Cow<'a, str>>,
    key: Cow<'a, str>,
}

#[derive(Serialize, Debug)]
struct Lock<'a> {
    token: Cow<'a, str>,
    /// ms that are left; `null`: it does not expire.
    ttl: Option<i64>,
}

#[derive(Serialize, Debug)]
struct Children {
    processed: u64,
    pending: u64,
    failed: u64,
    ignored: u64,
}

/// How much goes into the document.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Extent {
    /// `logs`, `lock` and `children` were read.
    pub extras: bool,
    /// Every field of the hash once more, as it stands there.
    pub raw: bool,
}

impl<'a> Job<'a> {
    /// The document of a job.
    pub fn new(job: &'a JobDetail, extent: Extent) -> Self {
        let mut invalid = Vec::new();
        let mut json = |name: &'static str| {
            let value = job.value(name)?;
            Some(embed(value).unwrap_or_else(|| {
                invalid.push(name);
                Embedded::Text(lossless(value))
            }))
        };
        let (data, opts, progress) = (json("data"), json("opts"), json("progress"));
        let returnvalue = json("returnvalue");
        let stacktrace = job.value("stacktrace").map(|value| {
            serde_json::from_slice(value).unwrap_or_else(|_| {
                invalid.push("stacktrace");
                vec![lossless(value).into_owned()]
            })
        });
        let text = |name: &str| job.value(name).map(lossless);
        let shown = job
            .fields
            .iter()
            .filter_map(|field| Some((field.name.lossless(), field.value.as_ref()?.lossless())));
        Self {
            id: job.id.lossless(),
            name: text("name"),
            queue: job.queue.name.lossless(),
            prefix: job.queue.prefix.lossless(),
            state: job.state.map(State::name),
            data,
            opts,
            progress,
            returnvalue,
            failed_reason: text("failedReason"),
            stacktrace,
            attempts_made: job.attempts_made(),
            attempts_started: job.number("ats"),
            timestamp: job.number("timestamp"),
            processed_on: job.number("processedOn"),
            finished_on: job.number("finishedOn"),
            delay: job.number("delay"),
            due_at: job.due_at,
            priority: job.number("priority"),
            processed_by: text("pb"),
            parent: parent(job),
            scheduler_id: text("rjk"),
            deduplication_id: text("deid"),
            logs: extent.extras.then_some(job.logs),
            lock: job.lock.as_ref().map(|(token, ttl)| Lock { token: token.lossless(), ttl: *ttl }),
            children: extent.extras.then_some(Children {
                processed: job.children.processed,
                pending: job.children.pending,
                failed: job.children.failed,
                ignored: job.children.ignored,
            }),
            too_large: job
                .fields
                .iter()
                .filter(|field| field.value.is_none())
                .map(|field| (field.name.lossless(), field.size))
                .collect(),
            raw: extent.raw.then(|| shown.collect()),
            invalid,
        }
    }
}

/// JSON with line feeds and indentation, every token as it was; `None` where the value is no JSON.
pub fn indent(value: &[u8]) -> Option<Vec<u8>> {
    let Embedded::Json(json) = embed(value)? else { return None };
    let (mut out, mut depth, mut in_string, mut escaped) = (Vec::new(), 0_usize, false, false);
    let line = |out: &mut Vec<u8>, depth: usize| {
        out.push(b'\n');
        out.extend(std::iter::repeat_n(b' ', depth * 2));
    };
    let tokens = json.get().as_bytes();
    for (at, byte) in tokens.iter().enumerate() {
        if in_string {
            out.push(*byte);
            in_string = escaped || *byte != b'"';
            escaped = !escaped && *byte == b'\\';
            continue;
        }
        let empty = || {
            tokens[at + 1..]
                .iter()
                .find(|b| !b.is_ascii_whitespace())
                .is_some_and(|b| matches!(b, b'}' | b']'))
        };
        match byte {
            b' ' | b'\t' | b'\n' | b'\r' => {}
            b'{' | b'[' => {
                out.push(*byte);
                depth += 1;
                if !empty() {
                    line(&mut out, depth);
                }
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                if !matches!(out.last(), Some(b'{' | b'[')) {
                    line(&mut out, depth);
                }
                out.push(*byte);
            }
            b',' => {
                out.push(b',');
                line(&mut out, depth);
            }
            b':' => out.extend_from_slice(b": "),
            _ => {
                in_string = *byte == b'"';
                out.push(*byte);
            }
        }
    }
    Some(out)
}

impl Job<'_> {
    /// As one of a list: without the payloads, unless all of it was asked for.
    #[must_use]
    pub fn listed(mut self, full: bool) -> Self {
        if !full {
            (self.data, self.returnvalue, self.stacktrace) = (None, None, None);
            for payload in ["data", "returnvalue", "stacktrace"] {
                self.too_large.remove(payload);
                self.invalid.retain(|name| *name != payload);
            }
        }
        self
    }
}

fn parent(job: &JobDetail) -> Option<Parent<'_>> {
    if let Some(parent) = &job.parent {
        return Some(Parent {
            queue: parent.queue.as_ref().map(|queue| queue.name.lossless()),
            prefix: parent.queue.as_ref().map(|queue| queue.prefix.lossless()),
            id: parent.id.as_ref().map(|id| id.lossless()),
            key: parent.key.lossless(),
        });
    }
    let key = lossless(job.value("parentKey")?);
    Some(Parent { queue: None, prefix: None, id: None, key })
}

/// The value as JSON, its numbers as they were written; `None` where it is none, or nested too
/// deeply.
fn embed(value: &[u8]) -> Option<Embedded<'static>> {
    if depth(value) > DEPTH {
        return None;
    }
    let text = std::str::from_utf8(value).ok()?;
    // Line feeds stand only between tokens; a document is one line.
    let line = if text.contains(['\n', '\r']) { text.replace(['\n', '\r'], " ") } else { text.to_owned() };
    Some(Embedded::Json(RawValue::from_string(line).ok()?))
}

/// How deeply brackets are nested outside of strings.
fn depth(json: &[u8]) -> usize {
    let (mut depth, mut deepest, mut in_string, mut escaped) = (0_usize, 0, false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::read::job::Field;
    use crate::wire::{JobId, Prefix, QueueId, QueueName, Raw};

    fn document(fields: &[(&str, &[u8])]) -> String {
        let queue = QueueId::new(Prefix::default(), QueueName::legacy("q"));
        let detail = JobDetail {
            queue,
            id: JobId::new("1"),
            state: None,
            fields: fields
                .iter()
                .map(|(name, value)| Field {
                    name: Raw::new(name),
                    size: value.len() as u64,
                    value: Some(Raw::new(value)),
                })
                .collect(),
            field_count: 0,
            logs: 0,
            lock: None,
            due_at: None,
            children: crate::engine::read::job::Children::default(),
            parent: None,
        };
        serde_json::to_string(&Job::new(&detail, Extent { extras: false, raw: false })).unwrap()
    }

    #[test]
    fn numbers_stay_as_they_were_written() {
        let shown = document(&[("data", b"{\"n\":1.10,\n\"big\":12345678901234567890123}")]);
        assert!(shown.contains(r#""data":{"n":1.10, "big":12345678901234567890123}"#), "{shown}");
    }

    #[test]
    fn what_is_not_json_is_named() {
        let shown = document(&[("data", b"{oops"), ("returnvalue", b"\xff")]);
        assert!(shown.contains(r#""data":"{oops""#), "{shown}");
        assert!(shown.contains(r#""invalid":["data","returnvalue"]"#), "{shown}");
        assert!(shown.contains(r#""returnvalue":"\\xff""#), "{shown}");
    }

    #[test]
    fn indenting_changes_no_token() {
        let shown = indent(br#"{"a":[1.10,{}],"b":"x:{\",","c":[]}"#).unwrap();
        let expected = "{\n  \"a\": [\n    1.10,\n    {}\n  ],\n  \"b\": \"x:{\\\",\",\n  \"c\": []\n}";
        assert_eq!(String::from_utf8(shown).unwrap(), expected);
    }

    #[test]
    fn deep_nesting_is_text() {
        let deep = "[".repeat(100_000) + &"]".repeat(100_000);
        let shown = document(&[("data", deep.as_bytes())]);
        assert!(shown.contains(r#""invalid":["data"]"#));
        let fine = "[".repeat(100) + &"]".repeat(100);
        assert!(!document(&[("data", fine.as_bytes())]).contains("invalid"));
        assert!(!document(&[("data", b"\"[[[[\\\"[[[\"")]).contains("invalid"));
    }
}
