//! Finding jobs by a text in what they hold.
//!
//! The text is looked for in the bytes as they stand in Redis, before anything is parsed
//! ([`Needle`]); what is shown of a place is masked and made safe ([`excerpt`]).

mod hit;
mod needle;

pub use hit::{Found, Hit, Phase, Wanted};
pub use needle::Needle;

use crate::text::{Clean, Mask};

/// Fields of a job's hash that a text is looked for in.
pub const FIELDS: [&str; 5] = ["name", "data", "failedReason", "returnvalue", "stacktrace"];

/// Bytes of an excerpt before the place ..
const BEFORE: usize = 12;
/// .. and from its beginning on.
const AFTER: usize = 120;
/// A value that is larger is cut before it is masked: masking reads all of it.
const MASKED: usize = 256 << 10;

/// What stands around a place of `value`, on one line. Where the place itself is masked, the excerpt
/// says so instead.
pub fn excerpt(mask: &Mask, field: &str, value: &[u8], needle: &Needle) -> Clean {
    let Some(at) = needle.find(value) else { return Clean::default() };
    if value.len() > MASKED && !mask.is_none() {
        return Clean::line(format!("(in {} of text)", crate::text::figure::bytes(value.len() as u64)));
    }
    let shown = mask.field(field.as_bytes(), value);
    let at = match &shown {
        std::borrow::Cow::Borrowed(_) => Some(at),
        std::borrow::Cow::Owned(masked) => needle.find(masked),
    };
    let Some(at) = at else { return Clean::line("(in a masked value)") };
    let start = boundary(&shown, at.start.saturating_sub(BEFORE));
    let end = boundary(&shown, shown.len().min(at.start + AFTER));
    let (head, tail) = (if start > 0 { "…" } else { "" }, if end < shown.len() { "…" } else { "" });
    let text = shown.get(start..end).unwrap_or_default();
    Clean::line([head.as_bytes(), text, tail.as_bytes()].concat())
}

/// The place at or before `at` where a character begins.
fn boundary(bytes: &[u8], at: usize) -> usize {
    (0..=at.min(bytes.len()))
        .rev()
        .take(4)
        .find(|at| bytes.get(*at).is_none_or(|byte| byte & 0xc0 != 0x80))
        .unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_is_short_masked_and_harmless() {
        let mask = Mask::default();
        let needle = Needle::new("ann@x.org", false);
        let value = format!(r#"{{"pad":"{}","mail":"ann@x.org","password":"hunter2"}}"#, "é".repeat(40));
        let shown = excerpt(&mask, "data", value.as_bytes(), &needle);
        assert!(shown.as_str().starts_with('…') && shown.as_str().contains("ann@x.org"), "{shown}");
        assert!(!shown.as_str().contains("hunter2") && shown.as_str().contains("***"), "{shown}");
        let secret = excerpt(&mask, "data", value.as_bytes(), &Needle::new("hunter2", false));
        assert_eq!(secret.as_str(), "(in a masked value)");
        let hostile = excerpt(&mask, "name", b"\x1b[2Jboom\xff", &Needle::new("boom", false));
        assert!(!hostile.as_str().contains('\x1b') && hostile.hidden() > 0);
        assert!(excerpt(&mask, "name", b"other", &needle).is_empty());
    }
}
