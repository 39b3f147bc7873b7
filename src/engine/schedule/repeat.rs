//! What a scheduler is made of.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::{Cron, ScheduleError, Zone};
use crate::engine::JobOptions;

/// When a scheduler runs: by a pattern or at an interval, and from when to when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repeat {
    pub(super) rule: Rule,
    pub(super) limit: Option<u64>,
    pub(super) start: Option<i64>,
    pub(super) end: Option<i64>,
    pub(super) immediately: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    Every { ms: u64, offset: Option<u64> },
    Cron { pattern: String, tz: Option<String> },
}

impl Repeat {
    const fn new(rule: Rule) -> Self {
        Self { rule, limit: None, start: None, end: None, immediately: false }
    }

    /// At an interval (whole ms, at least 1). The first run is at once, or at `start`, or with an offset
    /// at the next time that fits it.
    pub fn every(interval: Duration) -> Self {
        Self::new(Rule::Every { ms: millis(interval), offset: None })
    }

    /// By a pattern: see [`Cron`].
    pub fn cron(pattern: impl Into<String>) -> Self {
        Self::new(Rule::Cron { pattern: pattern.into(), tz: None })
    }

    /// The zone in which the pattern is read: see [`Zone`]. Means nothing to an interval.
    #[must_use]
    pub fn tz(mut self, zone: impl Into<String>) -> Self {
        if let Rule::Cron { tz, .. } = &mut self.rule {
            *tz = Some(zone.into());
        }
        self
    }

    /// Runs of an interval lie so long after its multiples, counted from the epoch. Means nothing to a
    /// pattern.
    #[must_use]
    pub fn offset(mut self, after: Duration) -> Self {
        if let Rule::Every { offset, .. } = &mut self.rule {
            *offset = Some(millis(after));
        }
        self
    }

    /// So many runs.
    #[must_use]
    pub const fn limit(mut self, runs: u64) -> Self {
        self.limit = Some(runs);
        self
    }

    /// No run before this time (ms since the epoch).
    #[must_use]
    pub const fn start(mut self, at: i64) -> Self {
        self.start = Some(at);
        self
    }

    /// No run is added after this time (ms since the epoch).
    #[must_use]
    pub const fn end(mut self, at: i64) -> Self {
        self.end = Some(at);
        self
    }

    /// The first run of a pattern is at once. An interval's is anyway.
    #[must_use]
    pub const fn immediately(mut self) -> Self {
        self.immediately = true;
        self
    }

    /// The interval, ms.
    pub const fn every_ms(&self) -> Option<u64> {
        match self.rule {
            Rule::Every { ms, .. } => Some(ms),
            Rule::Cron { .. } => None,
        }
    }

    /// The pattern.
    pub fn pattern_text(&self) -> Option<&str> {
        match &self.rule {
            Rule::Every { .. } => None,
            Rule::Cron { pattern, .. } => Some(pattern),
        }
    }

    /// The zone of the pattern.
    pub fn zone_text(&self) -> Option<&str> {
        match &self.rule {
            Rule::Every { .. } => None,
            Rule::Cron { tz, .. } => tz.as_deref(),
        }
    }

    /// Runs at most.
    pub const fn runs(&self) -> Option<u64> {
        self.limit
    }

    /// No run before this time, ms since the epoch.
    pub const fn start_at(&self) -> Option<i64> {
        self.start
    }

    /// No run after this time, ms since the epoch.
    pub const fn end_at(&self) -> Option<i64> {
        self.end
    }

    pub(super) fn interval(&self) -> Option<(u64, Option<u64>)> {
        match self.rule {
            Rule::Every { ms, offset } => Some((ms, offset)),
            Rule::Cron { .. } => None,
        }
    }

    /// Checks all that needs no clock, and reads the pattern.
    pub(super) fn pattern(&self) -> Result<Option<(Cron, Zone)>, ScheduleError> {
        if self.immediately && self.start.is_some() {
            return Err(ScheduleError::ImmediatelyAndStart);
        }
        match &self.rule {
            Rule::Every { ms: 0, .. } => Err(ScheduleError::NoRule),
            Rule::Every { .. } => Ok(None),
            Rule::Cron { pattern, .. } if pattern.is_empty() => Err(ScheduleError::NoRule),
            Rule::Cron { pattern, tz } => {
                let zone = tz.as_deref().map(str::parse).transpose()?.unwrap_or_default();
                Ok(Some((pattern.parse()?, zone)))
            }
        }
    }

    /// As it stands in the options of the first job.
    pub(super) fn stored(&self) -> Value {
        let mut stored = Map::new();
        for (name, value) in self.fields() {
            stored.insert(name.to_owned(), value);
        }
        stored.insert("count".to_owned(), json!(1));
        Value::Object(stored)
    }

    /// As it stands in the scheduler's hash, but for the offset.
    pub(super) fn fields(&self) -> Vec<(&'static str, Value)> {
        let mut fields = Vec::new();
        let mut put = |name, value: Option<Value>| fields.extend(value.map(|value| (name, value)));
        match &self.rule {
            Rule::Every { ms, offset } => {
                put("every", Some(json!(ms)));
                put("offset", offset.map(Value::from));
            }
            Rule::Cron { pattern, tz } => {
                put("tz", tz.clone().map(Value::from));
                put("pattern", Some(json!(pattern)));
            }
        }
        put("limit", self.limit.map(Value::from));
        put("startDate", self.start.map(Value::from));
        put("endDate", self.end.map(Value::from));
        fields
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// What a scheduler's jobs are.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Template {
    /// Their name; `None`: the scheduler's id.
    pub name: Option<String>,
    /// Their data. Null and `{}` are no data, which is `{}` in the job.
    pub data: Value,
    /// Their options, without id, delay, timestamp and parent, which the scheduler sets. A change
    /// counts from the next upsert on: each run takes them over from the run before.
    pub opts: JobOptions,
}

impl Template {
    /// Jobs of this name, without data and with default options.
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: Some(name.into()), ..Self::default() }
    }

    /// The options as stored; none is an empty object.
    pub(super) fn stored(&self) -> Result<Map<String, Value>, ScheduleError> {
        let opts = &self.opts;
        if opts.id.is_some() || opts.delay.is_some() || opts.timestamp.is_some() || opts.parent.is_some() {
            return Err(ScheduleError::Template);
        }
        crate::engine::add::validate(opts)?;
        let mut stored = opts.stored(None)?;
        if opts.attempts == 0 {
            stored.remove("attempts");
        }
        Ok(stored)
    }
}
