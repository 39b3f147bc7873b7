//! Takes out of a key space what two runs of the same steps cannot have in common.
//!
//! - A time in milliseconds within [`Options::window`], wherever it stands, becomes `<ms>`.
//! - A delayed job's score becomes `<timestamp+delay>` where it is just that, otherwise `<ms>`.
//! - A job id that is a UUID becomes `<the job's name>`, any other UUID `<uuid>`, a lock's token `<token>`.
//! - `opts` and `parent` are compared as JSON, not as text; of each stack trace the first line stays.
//! - Members that a sorted set orders by a time alone are ordered by name.
//! - The library and version that a queue's `meta` tells are left out, unless they are wanted.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;

use super::labels::{LENGTH, Labels};
use super::{Content, Dump, Entry};

const MINUTE: u64 = 60_000;
/// A delayed job's score holds the time in its upper bits and a counter in the lower twelve.
const DELAYED: u64 = 0x1000;

/// What to take out; [`Options::default`] fits a run of the last ten minutes.
#[derive(Clone, Debug)]
pub struct Options {
    window: RangeInclusive<u64>,
    keep_version: bool,
    json: Vec<String>,
    keys: Vec<String>,
    fields: Vec<(String, String)>,
}

impl Default for Options {
    /// Times from ten minutes ago until a day from now are volatile.
    fn default() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = u64::try_from(now.expect("a clock past 1970").as_millis()).expect("milliseconds");
        Self {
            window: now - 10 * MINUTE..=now + 24 * 60 * MINUTE,
            keep_version: false,
            json: ["opts", "parent"].map(str::to_owned).into(),
            keys: Vec::new(),
            fields: Vec::new(),
        }
    }
}

impl Options {
    /// Which times, in milliseconds since 1970, are volatile.
    pub fn window(mut self, window: RangeInclusive<u64>) -> Self {
        self.window = window;
        self
    }

    /// Compares `version` and `library` in `meta` too.
    pub fn keep_version(mut self) -> Self {
        self.keep_version = true;
        self
    }

    /// Compares this hash field as JSON.
    pub fn json(mut self, field: &str) -> Self {
        self.json.push(field.to_owned());
        self
    }

    /// Leaves out the keys that end so: `ignore(":events")`.
    pub fn ignore(mut self, suffix: &str) -> Self {
        self.keys.push(suffix.to_owned());
        self
    }

    /// Leaves out a field of the hashes (or of the stream entries) whose keys end so; an empty
    /// suffix means all.
    pub fn ignore_field(mut self, suffix: &str, field: &str) -> Self {
        self.fields.push((suffix.to_owned(), field.to_owned()));
        self
    }

    fn ignores(&self, key: &str, field: &str) -> bool {
        let version = !self.keep_version && key.ends_with(":meta");
        (version && matches!(field, "version" | "library"))
            || self.fields.iter().any(|(suffix, name)| key.ends_with(suffix.as_str()) && name == field)
    }
}

impl Dump {
    /// A copy without what is volatile.
    #[must_use]
    pub fn normalised(&self, options: &Options) -> Self {
        let run = Run { options, labels: Labels::of(self), dump: self };
        let mut out = BTreeMap::new();
        for (key, entry) in &self.0 {
            if options.keys.iter().any(|suffix| key.ends_with(suffix.as_str())) {
                continue;
            }
            let plain = run.text(key);
            let mut name = plain.clone();
            let mut copy = 1;
            while out.contains_key(&name) {
                copy += 1;
                name = format!("{plain} ({copy})");
            }
            let content = run.content(key, &entry.content);
            let expires = entry.expires;
            out.insert(name, Entry { content, expires });
        }
        Self(out)
    }
}

struct Run<'a> {
    options: &'a Options,
    labels: Labels,
    dump: &'a Dump,
}

impl Run<'_> {
    fn content(&self, key: &str, content: &Content) -> Content {
        match content {
            Content::String(_) if key.ends_with(":lock") => Content::String("<token>".to_owned()),
            Content::String(text) => Content::String(self.text(text)),
            Content::Other(kind) => Content::Other(kind.clone()),
            Content::List(items) => Content::List(items.iter().map(|item| self.text(item)).collect()),
            Content::Set(members) => {
                let members: BTreeSet<_> = members.iter().map(|item| self.text(item)).collect();
                Content::Set(members)
            }
            Content::Hash(fields) => Content::Hash(
                fields
                    .iter()
                    .filter(|(name, _)| !self.options.ignores(key, name))
                    .map(|(name, value)| (self.text(name), self.field(name, value)))
                    .collect(),
            ),
            Content::Zset(members) => Content::Zset(self.zset(key, members)),
            Content::Stream(entries) => Content::Stream(
                entries
                    .iter()
                    .map(|fields| {
                        fields
                            .iter()
                            .filter(|(name, _)| !self.options.ignores(key, name))
                            .map(|(name, value)| (name.clone(), self.text(value)))
                            .collect()
                    })
                    .collect(),
            ),
        }
    }

    fn zset(&self, key: &str, members: &[(String, String)]) -> Vec<(String, String)> {
        let mut members: Vec<_> = members
            .iter()
            .map(|(member, score)| (self.text(member), self.score(key, member, score)))
            .collect();
        // Which of two jobs came first within the same time is chance.
        for run in members.chunk_by_mut(|(_, a), (_, b)| a == b) {
            run.sort_unstable();
        }
        members
    }

    fn score(&self, key: &str, member: &str, score: &str) -> String {
        let delayed = key.strip_suffix(":delayed");
        let time = score.parse::<u64>().ok().map(|score| score / DELAYED);
        match (delayed, time) {
            (Some(queue), Some(time)) if self.options.window.contains(&time) => {
                let job = format!("{queue}:{member}");
                let of = |field| self.dump.field(&job, field)?.parse::<u64>().ok();
                match (of("timestamp"), of("delay")) {
                    (Some(added), Some(delay)) if added + delay == time => "<timestamp+delay>".to_owned(),
                    _ => "<ms>".to_owned(),
                }
            }
            _ => self.text(score),
        }
    }

    fn field(&self, name: &str, value: &str) -> String {
        let parsed = || serde_json::from_str::<Value>(value).ok();
        match name {
            "stacktrace" => parsed().map(|traces| first_lines(traces).to_string()),
            _ if self.options.json.iter().any(|field| field == name) => {
                parsed().map(|json| sorted(json).to_string())
            }
            _ => None,
        }
        .map_or_else(|| self.text(value), |json| self.text(&json))
    }

    /// Replaces UUIDs and times.
    fn text(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            if let Some(label) = self.labels.at(rest) {
                out.push_str(label);
                rest = &rest[LENGTH..];
            } else if first.is_ascii_digit() {
                let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
                let (number, after) = rest.split_at(digits);
                let time = number.parse().is_ok_and(|ms| self.options.window.contains(&ms));
                out.push_str(if time { "<ms>" } else { number });
                rest = after;
            } else {
                out.push(first);
                rest = &rest[first.len_utf8()..];
            }
        }
        out
    }
}

/// The lines after the first name files and places.
fn first_lines(traces: Value) -> Value {
    match traces {
        Value::Array(traces) => traces.into_iter().map(first_lines).collect(),
        Value::String(trace) => trace.lines().next().unwrap_or_default().into(),
        other => other,
    }
}

fn sorted(json: Value) -> Value {
    match json {
        Value::Array(items) => items.into_iter().map(sorted).collect(),
        Value::Object(fields) => {
            let fields: BTreeMap<_, _> = fields.into_iter().map(|(k, v)| (k, sorted(v))).collect();
            fields.into_iter().collect()
        }
        other => other,
    }
}
