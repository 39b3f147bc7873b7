//! Secrets in payloads: which values are masked, and where they stand.
//!
//! BullMQ keeps payloads as plain text, and people put passwords into them. A value whose key names
//! a secret is shown as `***` wherever a payload is shown or exported: nested, in lists of headers,
//! in JSON that is a string within JSON, in error texts, command lines and URLs. What is not
//! masked stays byte for byte. One pass over the bytes, whatever their size and nesting.
//!
//! ```
//! use toril::text::Mask;
//!
//! let mask = Mask::default();
//! let shown = mask.value(br#"{"user":"ann","Password":"hunter2","n":1.10}"#);
//! assert_eq!(&*shown, br#"{"user":"ann","Password":"***","n":1.10}"#);
//! let shown = mask.value(b"connect redis://:hunter2@db:6379 failed");
//! assert_eq!(&*shown, b"connect redis://***@db:6379 failed");
//! ```
//!
//! `null`, `true`, `false` and what is empty stay: that a password is missing is worth knowing and
//! tells none.

mod edit;
mod json;
mod names;
mod places;
mod plain;
#[cfg(test)]
mod tests;
mod unescape;

use std::borrow::Cow;
use std::sync::Arc;

pub use edit::{Hidden, RestoreError};
pub use places::{Place, Places};

use super::Clean;
use names::Names;

/// What stands in the place of a secret.
pub const MASKED: &str = "***";

/// JSON within a string within JSON .. is followed so deep; below that its text is looked through.
const LEVELS: u8 = 4;

/// Which keys name a secret. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Mask {
    names: Option<Arc<Names>>,
}

impl Default for Mask {
    /// The names that everybody masks.
    fn default() -> Self {
        Self { names: Some(Arc::new(Names::standard())) }
    }
}

impl Mask {
    /// The usual names, changed by a person's list: `iban` adds a name, `*_pin` and `pin_*` all
    /// that end or begin so, `!card` takes a name out and `!*` all of the usual ones. Letter case,
    /// `_` and `-` make no difference. An error is a sentence.
    pub fn of_list<S: AsRef<str>>(entries: &[S]) -> Result<Self, String> {
        Ok(Self { names: Some(Arc::new(Names::with(entries)?)) })
    }

    /// Nothing is masked: for whoever asked for the truth.
    pub const fn none() -> Self {
        Self { names: None }
    }

    /// Whether nothing is masked.
    pub const fn is_none(&self) -> bool {
        self.names.is_none()
    }

    /// Whether a key names a secret: the whole of it, in any case (`tokenizer` is no `token`).
    pub fn hides(&self, key: impl AsRef<[u8]>) -> bool {
        self.names.as_deref().is_some_and(|names| names.hides(key.as_ref()))
    }

    /// Where secrets stand in a value: JSON, or a text.
    pub fn places(&self, value: &[u8]) -> Places {
        let Some(names) = self.names.as_deref() else { return Places::default() };
        Places::new(in_value(names, value, 0))
    }

    /// Where secrets stand in the value of a field, whose name counts as a key.
    pub fn field_places(&self, name: &[u8], value: &[u8]) -> Places {
        if self.hides(name) && !tells_nothing(value) {
            return Places::new(vec![Place::whole(0, value.len())]);
        }
        self.places(value)
    }

    /// A value as it may be shown.
    pub fn value<'a>(&self, value: &'a [u8]) -> Cow<'a, [u8]> {
        self.places(value).apply(value)
    }

    /// The value of a field as it may be shown.
    pub fn field<'a>(&self, name: &[u8], value: &'a [u8]) -> Cow<'a, [u8]> {
        self.field_places(name, value).apply(value)
    }

    /// A text that was made safe to show before it came here.
    #[must_use]
    pub fn clean(&self, text: &Clean) -> Clean {
        match self.value(text.as_str().as_bytes()) {
            Cow::Borrowed(_) => text.clone(),
            Cow::Owned(masked) => Clean::line(masked),
        }
    }
}

/// Places in JSON or a text; `level` counts the strings that it stands in.
fn in_value(names: &Names, value: &[u8], level: u8) -> Vec<Place> {
    let first = value.iter().find(|byte| !byte.is_ascii_whitespace() && !b"\xef\xbb\xbf".contains(byte));
    if matches!(first, Some(b'{' | b'[' | b'"'))
        && level <= LEVELS
        && let Some(places) = json::places(names, value, level)
    {
        return places;
    }
    plain::places(names, value)
}

/// What may be seen even where it stands for a secret.
fn tells_nothing(value: &[u8]) -> bool {
    const WORDS: [&[u8]; 10] =
        [b"", b"null", b"true", b"false", b"undefined", b"none", b"nil", b"\"\"", b"{}", b"[]"];
    let value = value.trim_ascii();
    WORDS.iter().any(|word| value.eq_ignore_ascii_case(word)) || value.iter().all(|byte| *byte == b'*')
}
