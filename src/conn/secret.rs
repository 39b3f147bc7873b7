//! Passwords.

use secrecy::{ExposeSecret as _, SecretString};

/// A password: no `Display`, wiped from memory when dropped, `Debug` shows nothing of it.
#[derive(Clone, Debug)]
pub struct Secret(SecretString);

impl Secret {
    /// Takes over the text.
    pub fn new(text: String) -> Self {
        Self(SecretString::from(text))
    }

    pub(super) fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}
