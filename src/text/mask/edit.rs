//! Masked values in an editor, and the way back: a mask is never saved in the place of a secret.

use super::{Mask, Places};

/// A value whose secrets are numbered masks, for an editor; [`Hidden::restore`] puts the secrets back.
///
/// ```
/// use toril::text::Mask;
///
/// let data = br#"{"password":"hunter2","to":"ann"}"#;
/// let hidden = Mask::default().hide(data);
/// assert_eq!(hidden.text(), br#"{"password":"***1***","to":"ann"}"#);
/// let edited = br#"{"to":"bob","password":"***1***"}"#;
/// assert_eq!(hidden.restore(edited).unwrap(), br#"{"to":"bob","password":"hunter2"}"#);
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Hidden {
    text: Vec<u8>,
    /// What stands for each secret, and the secret.
    secrets: Vec<(Vec<u8>, Vec<u8>)>,
}

/// Never shows what it hides.
impl std::fmt::Debug for Hidden {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hidden").field("secrets", &self.secrets.len()).finish_non_exhaustive()
    }
}

/// Why an edited text cannot be saved.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RestoreError {
    /// A mask was changed: nobody can tell which secret is meant.
    #[error("the mask ***{0}*** was changed: leave it as it was, or replace all of it")]
    Changed(usize),
    /// There is a mask that was not there before.
    #[error("***{0}*** stands for no masked value")]
    Unknown(usize),
}

impl Mask {
    /// Hides the secrets of a value behind masks that can be told apart.
    pub fn hide(&self, value: &[u8]) -> Hidden {
        let places: Places = self.places(value);
        let mut text = Vec::with_capacity(value.len());
        let mut secrets = Vec::with_capacity(places.len());
        // A value that holds such a text already must not be taken for a mask.
        let first = 1 + numbers(value).map(|(number, ..)| number).max().unwrap_or(0);
        places.cover(value, &mut text, |at, place| {
            let cover = place.cover(&token(first + at));
            secrets.push((cover.clone(), value[place.start..place.end].to_vec()));
            Some(cover)
        });
        Hidden { text, secrets }
    }
}

impl Hidden {
    /// The value with masks, byte for byte the same elsewhere.
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// How many secrets are hidden.
    pub fn len(&self) -> usize {
        self.secrets.len()
    }

    /// Whether nothing is hidden.
    pub fn is_empty(&self) -> bool {
        self.secrets.is_empty()
    }

    /// The edited text with the secrets in the place of their masks. A mask may be moved, copied,
    /// removed, or replaced by another value; one that is left changed is an error.
    pub fn restore(&self, edited: &[u8]) -> Result<Vec<u8>, RestoreError> {
        if self.secrets.is_empty() {
            return Ok(edited.to_vec());
        }
        // Texts of the form that were there before are no masks.
        let first = self.secrets.first().and_then(|(cover, _)| Some(numbers(cover).next()?.0)).unwrap_or(1);
        let mut out = Vec::with_capacity(edited.len() + 256);
        let mut done = 0;
        for (number, start, end) in numbers(edited).filter(|(number, ..)| *number >= first) {
            let Some((cover, secret)) = self.secrets.get(number - first) else {
                return Err(RestoreError::Unknown(number));
            };
            // Zeros before the number make a mask longer than it was.
            let quote = cover.len().checked_sub(end - start).map(|quotes| quotes / 2);
            let from = quote.and_then(|quote| start.checked_sub(quote)).filter(|from| *from >= done);
            let to = end + quote.unwrap_or(0);
            let Some(from) = from.filter(|from| edited.get(*from..to) == Some(cover)) else {
                return Err(RestoreError::Changed(number));
            };
            out.extend_from_slice(&edited[done..from]);
            out.extend_from_slice(secret);
            done = to;
        }
        out.extend_from_slice(&edited[done..]);
        Ok(out)
    }
}

fn token(number: usize) -> String {
    format!("***{number}***")
}

/// Each `***n***` of a text: its number, its first byte and the byte after its last.
fn numbers(text: &[u8]) -> impl Iterator<Item = (usize, usize, usize)> + '_ {
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            at += text.get(at..)?.iter().position(|byte| *byte == b'*')?;
            let stars = text[at..].iter().take_while(|byte| **byte == b'*').count();
            let digits = at + stars;
            let len = text[digits..].iter().take(12).take_while(|byte| byte.is_ascii_digit()).count();
            let end = digits + len;
            if stars >= 3 && len > 0 && text[end..].starts_with(b"***") {
                let number = std::str::from_utf8(&text[digits..end]).ok()?.parse().ok()?;
                at = end + 3;
                return Some((number, digits - 3, end + 3));
            }
            at = digits;
        }
    })
}
