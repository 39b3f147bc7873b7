//! The names of secrets.

use std::collections::HashSet;

/// Names that are masked unless a person says otherwise (reliability, part 2, and what is like them).
const STANDARD: &[&str] = &[
    "password",
    "passwd",
    "pwd",
    "passphrase",
    "secret",
    "token",
    "api_key",
    "authorization",
    "cookie",
    "set_cookie",
    "private_key",
    "client_secret",
    "access_token",
    "refresh_token",
    "id_token",
    "auth_token",
    "session_token",
    "session",
    "session_id",
    "ssn",
    "card",
    "card_number",
    "credit_card",
    "cvv",
    "cvc",
    "bearer",
    "secret_key",
    "secret_access_key",
    "access_key",
    "signing_key",
    "encryption_key",
    "proxy_authorization",
    "*_password",
    "*_passwd",
    "*_secret",
];

/// Longest key that is looked at: nobody names a secret at such length.
const LONGEST: usize = 96;

/// Keys in the form in which they are compared: lower case, without what separates words.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    exact: HashSet<Vec<u8>>,
    begins: Vec<Vec<u8>>,
    ends: Vec<Vec<u8>>,
}

/// What a secret's name asks of its value in a text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Manner {
    /// A word.
    Word,
    /// A word, but the name is a word of prose as well: `card:hover` is none.
    Weak,
    /// A scheme and a word, or all of the line.
    Authorization,
    /// All of the line.
    Line,
}

impl Names {
    pub(super) fn standard() -> Self {
        let mut names = Self::default();
        for entry in STANDARD {
            names.add(entry);
        }
        names
    }

    /// The standard ones and a person's list.
    pub(super) fn with<S: AsRef<str>>(entries: &[S]) -> Result<Self, String> {
        let out = |entry: &&S| entry.as_ref().trim() == "!*";
        let mut names =
            if entries.iter().any(|entry| out(&entry)) { Self::default() } else { Self::standard() };
        for entry in entries.iter().filter(|entry| !out(entry)) {
            let entry = entry.as_ref().trim();
            let (name, taken) = entry.strip_prefix('!').map_or((entry, false), |rest| (rest, true));
            let inner = name.trim_start_matches('*').trim_end_matches('*');
            if inner.is_empty()
                || inner.contains('*')
                || inner.len() > LONGEST
                || squeeze(inner.as_bytes()).is_none()
            {
                return Err(format!("\"{entry}\" is no name of a key (iban, *_pin, pin_*, !card, !*)"));
            }
            if taken { names.remove(name) } else { names.add(name) }
        }
        Ok(names)
    }

    fn add(&mut self, entry: &str) {
        let (list, name) = Self::place(entry);
        match list {
            0 => drop(self.exact.insert(name)),
            1 => self.begins.push(name),
            2 => self.ends.push(name),
            _ => {
                self.begins.push(name.clone());
                self.ends.push(name);
            }
        }
    }

    fn remove(&mut self, entry: &str) {
        let (list, name) = Self::place(entry);
        match list {
            0 => drop(self.exact.remove(&name)),
            1 => self.begins.retain(|known| *known != name),
            2 => self.ends.retain(|known| *known != name),
            _ => {
                self.begins.retain(|known| *known != name);
                self.ends.retain(|known| *known != name);
            }
        }
    }

    /// Which list an entry belongs to (exact, begins, ends, both), and its form.
    fn place(entry: &str) -> (u8, Vec<u8>) {
        let list = u8::from(entry.ends_with('*')) + 2 * u8::from(entry.starts_with('*'));
        (
            list,
            squeeze(entry.trim_matches('*').as_bytes())
                .map(|key| key.as_slice().to_vec())
                .unwrap_or_default(),
        )
    }

    /// Whether a key names a secret.
    pub(super) fn hides(&self, key: &[u8]) -> bool {
        if key.len() < 2 || key.len() > LONGEST {
            return false;
        }
        // A path (`db.password`) ends in the key, and `X-` says only that a header is nobody's standard.
        let last = key.rsplit(|byte| *byte == b'.').next().unwrap_or(key);
        let bare = last.strip_prefix(b"x-").or_else(|| last.strip_prefix(b"X-"));
        [Some(last), bare].into_iter().flatten().filter_map(squeeze).any(|key| {
            let key = key.as_slice();
            self.exact.contains(key)
                || self.begins.iter().any(|begin| key.len() > begin.len() && key.starts_with(begin))
                || self.ends.iter().any(|end| key.len() > end.len() && key.ends_with(end))
        })
    }

    /// How the value of this key stands in a text; `None`: it is no secret.
    pub(super) fn manner(&self, key: &[u8]) -> Option<Manner> {
        if !self.hides(key) {
            return None;
        }
        let squeezed = squeeze(key)?;
        Some(match squeezed.as_slice() {
            b"authorization" | b"proxyauthorization" => Manner::Authorization,
            b"cookie" | b"setcookie" => Manner::Line,
            b"card" | b"session" | b"token" | b"bearer" => Manner::Weak,
            _ => Manner::Word,
        })
    }

    /// Whether a key is that of an HTTP header with a secret: those stand in flat lists, too.
    pub(super) fn is_header(&self, key: &[u8]) -> bool {
        key.len() > 5 && matches!(self.manner(key), Some(Manner::Authorization | Manner::Line))
            || (key.len() > 2 && key[..2].eq_ignore_ascii_case(b"x-") && self.hides(key))
    }
}

/// A key in the form in which keys are compared.
struct Squeezed {
    bytes: [u8; LONGEST],
    len: usize,
}

impl Squeezed {
    fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

fn squeeze(key: &[u8]) -> Option<Squeezed> {
    let mut squeezed = Squeezed { bytes: [0; LONGEST], len: 0 };
    for byte in key.iter().filter(|byte| !matches!(byte, b'_' | b'-' | b' ' | b'$')) {
        *squeezed.bytes.get_mut(squeezed.len)? = byte.to_ascii_lowercase();
        squeezed.len += 1;
    }
    (squeezed.len > 0).then_some(squeezed)
}
