//! What a command is told of its job.

use std::borrow::Cow;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;

use serde::Serialize;
use serde_json::value::RawValue;

use crate::engine::JobContext;
use crate::text::lossless;

/// Longest value of a variable: systems refuse to start a command with larger ones (128 KB).
const VARIABLE_MAX: usize = 32 * 1024;

/// The job, under the names of `toril job --json`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    id: Cow<'a, str>,
    name: Cow<'a, str>,
    queue: Cow<'a, str>,
    prefix: Cow<'a, str>,
    data: Data<'a>,
    /// Which attempt this is, from 1.
    attempt: u64,
    attempts_made: u64,
    timestamp: i64,
    processed_on: i64,
    /// Fields that should hold JSON and do not: they stand as text.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    invalid: &'static [&'static str],
}

#[derive(Serialize)]
#[serde(untagged)]
enum Data<'a> {
    Json(&'a RawValue),
    Text(Cow<'a, str>),
}

/// The job as JSON with a line feed behind it; the data byte for byte where it is JSON.
pub fn of(context: &JobContext) -> Result<Vec<u8>, serde_json::Error> {
    let job = context.job();
    let (data, invalid): (_, &[_]) = match serde_json::from_slice(job.data.as_bytes()) {
        Ok(json) => (Data::Json(json), &[]),
        Err(_) => (Data::Text(lossless(job.data.as_bytes())), &["data"]),
    };
    let mut out = serde_json::to_vec(&Document {
        id: job.id.lossless(),
        name: job.name.lossless(),
        queue: context.queue().name.lossless(),
        prefix: context.queue().prefix.lossless(),
        data,
        attempt: context.attempt(),
        attempts_made: job.attempts_made,
        timestamp: job.timestamp,
        processed_on: job.started_at,
        invalid,
    })?;
    out.push(b'\n');
    Ok(out)
}

/// The variables of its environment.
pub fn variables(context: &JobContext) -> [(&'static str, OsString); 4] {
    let job = context.job();
    [
        ("TORIL_JOB_ID", variable(job.id.as_bytes())),
        ("TORIL_JOB_NAME", variable(job.name.as_bytes())),
        ("TORIL_QUEUE", variable(context.queue().name.as_bytes())),
        ("TORIL_ATTEMPT", OsString::from(context.attempt().to_string())),
    ]
}

/// The bytes as they are, but for zeros, which no variable can hold, and what is too long.
fn variable(bytes: &[u8]) -> OsString {
    let kept = bytes.iter().take(VARIABLE_MAX);
    OsString::from_vec(kept.map(|byte| if *byte == 0 { b'?' } else { *byte }).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_hold_no_zeros_and_end() {
        assert_eq!(variable(b"a\0b\xff").into_vec(), b"a?b\xff");
        assert_eq!(variable(&vec![b'x'; 1 << 20]).len(), VARIABLE_MAX);
    }
}
