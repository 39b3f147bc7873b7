//! Passwords.

use std::fmt::Write as _;

use secrecy::{ExposeSecret as _, SecretString};

/// A password: no `Display`, wiped from memory when dropped, `Debug` shows nothing of it.
#[derive(Clone, Debug)]
pub struct Secret(SecretString);

/// What stands where a secret stood.
const HIDDEN: &str = "***";

impl Secret {
    /// Takes over the text.
    pub fn new(text: String) -> Self {
        Self(SecretString::from(text))
    }

    pub(super) fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// The text without the secret, be it literal or percent-encoded in either case.
    pub fn scrub(&self, text: &str) -> String {
        let secret = self.expose();
        if secret.is_empty() {
            return text.to_owned();
        }
        let mut clean = text.to_owned();
        for form in forms(secret) {
            if clean.contains(form.expose()) {
                clean = clean.replace(form.expose(), HIDDEN);
            }
        }
        clean
    }
}

/// The forms in which a secret may stand in a text: as it is; everything encoded that a URL may
/// want encoded, in capitals and small letters; and only what a URL must have encoded.
fn forms(secret: &str) -> [Secret; 5] {
    let encode = |keep: fn(u8) -> bool, upper: bool| {
        let mut out = String::with_capacity(secret.len() * 3);
        for byte in secret.bytes() {
            // Writing to a string cannot fail.
            let _ = match (keep(byte), upper) {
                (true, _) => write!(out, "{}", char::from(byte)),
                (false, true) => write!(out, "%{byte:02X}"),
                (false, false) => write!(out, "%{byte:02x}"),
            };
        }
        Secret::new(out)
    };
    let strict: fn(u8) -> bool = |b| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    let loose: fn(u8) -> bool = |b| b.is_ascii_graphic() && !b"%/?#@:[]".contains(&b);
    [
        Secret::new(secret.to_owned()),
        encode(strict, true),
        encode(strict, false),
        encode(loose, true),
        encode(loose, false),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scrubs_all_forms() {
        let secret = Secret::new("p@ss w:rd/é!".into());
        for form in [
            "p@ss w:rd/é!",
            "p%40ss%20w%3Ard%2F%C3%A9%21",
            "p%40ss%20w%3ard%2f%c3%a9%21",
            "p%40ss%20w%3Ard%2F%C3%A9!",
        ] {
            assert_eq!(secret.scrub(&format!("a {form} b")), "a *** b");
        }
        assert_eq!(Secret::new(String::new()).scrub("abc"), "abc");
        assert!(!format!("{secret:?}").contains("ss"));
    }
}
