//! The stored options of a job (spec 2.1): their short names, and the few that readers need.

use std::borrow::Cow;

use serde_json::{Map, Value};

/// The option that a compressed key stands for.
pub fn long_name(stored: &[u8]) -> Option<&'static str> {
    Some(match stored {
        b"fpof" => "failParentOnFailure",
        b"kl" => "keepLogs",
        b"rdof" => "removeDependencyOnFailure",
        b"idof" => "ignoreDependencyOnFailure",
        b"cpof" => "continueParentOnFailure",
        b"de" => "deduplication",
        b"tm" => "telemetry",
        b"omc" => "omitContext",
        _ => return None,
    })
}

/// Stored options with their long names. All else stays byte for byte; what is no object of JSON
/// stays as it is.
pub fn expand(stored: &[u8]) -> Cow<'_, [u8]> {
    let mut out: Vec<u8> = Vec::new();
    let (mut copied, mut at, mut depth) = (0, 0, 0u32);
    while let Some(byte) = stored.get(at) {
        match byte {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'"' => {
                let Some(end) = string_end(stored, at) else { break };
                let is_key = stored[end..].iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b':');
                if depth == 1
                    && is_key
                    && let Some(name) = long_name(&stored[at + 1..end - 1])
                {
                    out.extend_from_slice(&stored[copied..=at]);
                    out.extend_from_slice(name.as_bytes());
                    copied = end - 1;
                }
                at = end;
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    if copied == 0 {
        return Cow::Borrowed(stored);
    }
    out.extend_from_slice(&stored[copied..]);
    Cow::Owned(out)
}

fn string_end(bytes: &[u8], at: usize) -> Option<usize> {
    let mut at = at + 1;
    loop {
        match bytes.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// The options that explain a job's course.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct StoredOptions {
    /// Attempts in all, at least 1.
    pub attempts: u64,
    /// Delay that was asked for, ms.
    pub delay_ms: i64,
    /// Log lines that are kept; `None`: all.
    pub keep_logs: Option<u64>,
    /// What is between attempts: its type, and ms.
    pub backoff: Option<(String, i64)>,
    /// Stack traces that are kept; `None`: all.
    pub stack_limit: Option<u64>,
}

impl StoredOptions {
    /// Reads stored options; what cannot be read counts as not set.
    pub fn parse(stored: &[u8]) -> Self {
        let map: Map<String, Value> = serde_json::from_slice(stored).unwrap_or_default();
        let number = |value: &Value| value.as_f64().map(super::number::real);
        let get = |name: &str| map.get(name).and_then(number);
        let count = |name: &str| get(name).and_then(|n| u64::try_from(n).ok());
        let backoff = map.get("backoff").and_then(|backoff| match backoff {
            Value::Object(backoff) => {
                let kind = backoff.get("type").and_then(Value::as_str).unwrap_or("custom");
                Some((kind.to_owned(), backoff.get("delay").and_then(number).unwrap_or(0)))
            }
            // Bull takes a bare number for a fixed wait.
            other => number(other).map(|ms| ("fixed".to_owned(), ms)),
        });
        Self {
            attempts: count("attempts").unwrap_or(1).max(1),
            delay_ms: get("delay").unwrap_or(0),
            keep_logs: count("kl").or_else(|| count("keepLogs")),
            backoff,
            stack_limit: count("stackTraceLimit"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_names_become_long_and_the_rest_stays() {
        let stored =
            br#"{"kl":10,"attempts":3,"x":{"kl":1},"fpof":true,"n":12345678901234567890123,"s":"de"}"#;
        let expanded = expand(stored);
        assert_eq!(
            std::str::from_utf8(&expanded).unwrap(),
            r#"{"keepLogs":10,"attempts":3,"x":{"kl":1},"failParentOnFailure":true,"n":12345678901234567890123,"s":"de"}"#
        );
        assert!(matches!(expand(b"{\"attempts\":3}"), Cow::Borrowed(_)));
        assert_eq!(&*expand(b"not json \""), b"not json \"");
    }

    #[test]
    fn what_cannot_be_read_counts_as_not_set() {
        let options =
            StoredOptions::parse(br#"{"attempts":3,"backoff":{"type":"exponential","delay":1000},"kl":5}"#);
        assert_eq!((options.attempts, options.keep_logs), (3, Some(5)));
        assert_eq!(options.backoff, Some(("exponential".to_owned(), 1000)));
        assert_eq!(StoredOptions::parse(b"[").attempts, 1);
        assert_eq!(StoredOptions::parse("[".repeat(100_000).as_bytes()).attempts, 1);
    }
}
