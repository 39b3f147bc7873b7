//! What a job's stored options say about its end (spec 2.3, 6.3, 6.5). They were written by any
//! library, so nothing about their shape is taken for granted.

use std::time::Duration;

use serde_json::Value;

use crate::engine::add::Keep;

/// Members removed by age in one call, where the options name no limit.
const AGE_LIMIT: u64 = 1000;

/// The options that decide what happens after an attempt.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Ending {
    pub attempts: u64,
    pub backoff: Option<Wait>,
    pub lifo: bool,
    pub keep_logs: Option<u64>,
    pub stack_trace_limit: Option<usize>,
    pub remove_on_complete: Option<Policy>,
    pub remove_on_fail: Option<Policy>,
}

/// A back-off as stored.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Wait {
    kind: Kind,
    delay: f64,
    jitter: f64,
}

#[derive(Clone, Debug, PartialEq)]
enum Kind {
    Fixed,
    Exponential,
    Named(Box<str>),
}

/// A keep policy as the scripts take it: whether the job is kept, the age in ms and the count
/// beyond which others go (empty: no bound), and how many go by age in one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Policy {
    pub keep: bool,
    pub age: Option<u64>,
    pub count: Option<u64>,
    pub limit: u64,
}

impl Policy {
    const ALL: Self = Self { keep: true, age: None, count: None, limit: AGE_LIMIT };
    const NOTHING: Self = Self { keep: false, age: None, count: None, limit: AGE_LIMIT };

    fn stored(value: &Value) -> Option<Self> {
        match value {
            Value::Bool(true) => Some(Self::NOTHING),
            Value::Bool(false) => Some(Self::ALL),
            Value::Number(count) => Some(Self::newest(count.as_f64().and_then(to_count))),
            Value::Object(fields) => {
                let field = |name| fields.get(name).and_then(Value::as_f64);
                let mut policy = Self::newest(field("count").and_then(to_count));
                policy.age = field("age").and_then(|seconds| to_count(seconds * 1000.0));
                policy.limit = field("limit").and_then(to_count).unwrap_or(AGE_LIMIT);
                Some(policy)
            }
            _ => None,
        }
    }

    /// A negative count keeps all, as BullMQ's -1 does.
    fn newest(count: Option<u64>) -> Self {
        match count {
            Some(0) => Self::NOTHING,
            count => Self { count, ..Self::ALL },
        }
    }
}

impl Policy {
    /// As `work.lua` takes it: empty keeps all, `0` nothing, else age, count and limit.
    pub(super) fn rule(&self) -> Vec<u8> {
        let text = |number: Option<u64>| number.map(|number| number.to_string()).unwrap_or_default();
        match self {
            Self { keep: false, .. } => b"0".to_vec(),
            Self { age: None, count: None, .. } => Vec::new(),
            Self { age, count, limit, .. } => format!("{},{},{limit}", text(*age), text(*count)).into_bytes(),
        }
    }
}

/// `None` for a negative number.
fn to_count(number: f64) -> Option<u64> {
    (number >= 0.0).then_some(number as u64)
}

impl From<Keep> for Policy {
    fn from(keep: Keep) -> Self {
        match keep {
            Keep::All => Self::ALL,
            Keep::Nothing => Self::NOTHING,
            Keep::Count(count) => Self::newest(Some(u64::from(count))),
            Keep::Age { age, count, limit } => Self {
                age: Some(age.as_millis() as u64),
                limit: limit.map_or(AGE_LIMIT, u64::from),
                ..count.map_or(Self::ALL, |count| Self::newest(Some(u64::from(count))))
            },
        }
    }
}

impl Ending {
    /// Reads the `opts` field; anything unreadable counts as not given.
    pub(super) fn parse(opts: &[u8]) -> Self {
        let stored: Value = serde_json::from_slice(opts).unwrap_or_default();
        let number = |name: &str| stored.get(name).and_then(Value::as_f64).and_then(to_count);
        Self {
            attempts: number("attempts").unwrap_or(0),
            backoff: stored.get("backoff").map(Wait::stored),
            lifo: stored.get("lifo").and_then(Value::as_bool).unwrap_or(false),
            keep_logs: number("kl"),
            stack_trace_limit: number("stackTraceLimit").map(|limit| limit as usize),
            remove_on_complete: stored.get("removeOnComplete").and_then(Policy::stored),
            remove_on_fail: stored.get("removeOnFail").and_then(Policy::stored),
        }
    }
}

impl Wait {
    fn stored(value: &Value) -> Self {
        if let Some(delay) = value.as_f64() {
            return Self { kind: Kind::Fixed, delay, jitter: 0.0 };
        }
        let field = |name| value.get(name).and_then(Value::as_f64);
        Self {
            kind: match value.get("type").and_then(Value::as_str) {
                None | Some("fixed") => Kind::Fixed,
                Some("exponential") => Kind::Exponential,
                Some(name) => Kind::Named(name.into()),
            },
            delay: field("delay").unwrap_or(0.0),
            jitter: field("jitter").unwrap_or(0.0).clamp(0.0, 1.0),
        }
    }

    /// The name of a strategy of the application's own.
    pub(super) fn strategy(&self) -> Option<&str> {
        match &self.kind {
            Kind::Named(name) => Some(name),
            Kind::Fixed | Kind::Exponential => None,
        }
    }

    /// How long to wait after attempt `attempt` (from 1). `random` is in 0..1. Where the strategy is
    /// one of the application's own, which the caller has looked for, the stored delay counts.
    pub(super) fn after(&self, attempt: u64, random: f64) -> Duration {
        let exponent = if self.kind == Kind::Exponential { attempt.saturating_sub(1).min(52) } else { 0 };
        let full = (self.delay.max(0.0) * (1_u64 << exponent) as f64).round();
        let wait = if self.jitter > 0.0 {
            (random * full * self.jitter + full * (1.0 - self.jitter)).floor()
        } else {
            full
        };
        Duration::from_millis(wait.min(1e15) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_and_jitter_stays_in_its_share() {
        let ending = Ending::parse(br#"{"backoff":{"type":"exponential","delay":300}}"#);
        let wait = ending.backoff.unwrap();
        let after: Vec<u128> = (1..4).map(|n| wait.after(n, 0.0).as_millis()).collect();
        assert_eq!(after, [300, 600, 1200]);
        let jittered =
            Ending::parse(br#"{"backoff":{"type":"fixed","delay":100,"jitter":0.5}}"#).backoff.unwrap();
        assert_eq!(jittered.after(3, 0.0).as_millis(), 50);
        assert_eq!(jittered.after(3, 0.999).as_millis(), 99);
        assert_eq!(Ending::parse(br#"{"backoff":70}"#).backoff.unwrap().after(5, 0.3).as_millis(), 70);
    }

    #[test]
    fn keep_policies_are_read_in_all_their_forms() {
        let of = |text: &str| {
            Ending::parse(format!(r#"{{"removeOnComplete":{text}}}"#).as_bytes()).remove_on_complete
        };
        assert_eq!(of("true"), Some(Policy::NOTHING));
        assert_eq!(of("0"), Some(Policy::NOTHING));
        assert_eq!(of("false"), Some(Policy::ALL));
        assert_eq!(of("-1"), Some(Policy::ALL));
        assert_eq!(of("5"), Some(Policy { count: Some(5), ..Policy::ALL }));
        assert_eq!(
            of(r#"{"age":2,"count":3,"limit":9}"#),
            Some(Policy { keep: true, age: Some(2000), count: Some(3), limit: 9 })
        );
        assert_eq!(of("null"), None);
    }

    #[test]
    fn hostile_options_are_read_as_none() {
        for text in ["", "[]", "{\"attempts\":\"x\",\"backoff\":[],\"kl\":-1}", "null", "\u{0}"] {
            assert_eq!(
                Ending::parse(text.as_bytes()),
                Ending { backoff: Ending::parse(text.as_bytes()).backoff, ..Ending::default() }
            );
        }
        let huge = Ending::parse(br#"{"backoff":{"type":"exponential","delay":1e300}}"#).backoff.unwrap();
        assert_eq!(huge.after(u64::MAX, 0.0), Duration::from_secs(1_000_000_000_000));
    }
}
