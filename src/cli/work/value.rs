//! What a command prints as the job's return value.

use serde_json::value::RawValue;

use crate::text::lossless;

/// JSON as it stands there; other text as a string, without the line feed at its end; nothing as null.
pub fn of_stdout(stdout: &[u8]) -> Result<Box<RawValue>, serde_json::Error> {
    let text = lossless(stdout);
    let trimmed = text.trim_ascii();
    if trimmed.is_empty() {
        return RawValue::from_string("null".to_owned());
    }
    RawValue::from_string(trimmed.to_owned()).or_else(|_| {
        let line = text.strip_suffix('\n').unwrap_or(&text);
        serde_json::value::to_raw_value(line.strip_suffix('\r').unwrap_or(line))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_kept_and_text_is_quoted() {
        let of = |stdout: &[u8]| of_stdout(stdout).map(|value| value.get().to_owned()).ok();
        for (stdout, value) in [
            (&b""[..], "null"),
            (b" \n", "null"),
            (b"{\"a\": 12345678901234567890}\n", "{\"a\": 12345678901234567890}"),
            (b"42\r\n", "42"),
            (b"\"quoted\"\n", "\"quoted\""),
            (b"done\n", "\"done\""),
            (b"  two\nlines\n\n", "\"  two\\nlines\\n\""),
            (b"{\"a\":1}\n{\"b\":2}\n", "\"{\\\"a\\\":1}\\n{\\\"b\\\":2}\""),
            (b"NaN", "\"NaN\""),
        ] {
            assert_eq!(of(stdout).as_deref(), Some(value));
        }
        assert!(of(b"\xff\xfe").is_some_and(|value| value.starts_with('"')));
    }
}
