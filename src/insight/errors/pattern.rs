//! The message of an error with its values taken out.

use super::chunk;
use super::quoted;

/// Bytes of a message that are looked at.
const LOOKED_AT: usize = 4096;
/// Bytes of a pattern; what differs only behind them is not told apart.
const KEPT: usize = 1000;
/// How deep quotes within quotes are read.
const DEEP: u8 = 3;

/// A message without its values.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Pattern {
    /// For people: what was taken out stands as its kind, `<n>`, `<uuid>`, `<path>`.
    pub(super) shown: String,
    /// For comparing: whatever was taken out is one sign. (Of a hundred random ids some are digits only:
    /// they must not make a second cause.)
    pub(super) key: String,
}

/// Takes the values out of a message.
pub(super) fn pattern(text: &str) -> Pattern {
    let mut scanner = Scanner::new(head(text, LOOKED_AT), 0);
    scanner.run();
    scanner.out.finish()
}

/// The first bytes of a text, whole characters.
pub(super) fn head(text: &str, most: usize) -> &str {
    if text.len() <= most {
        return text;
    }
    let end = (0..=most).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    &text[..end]
}

/// Where the pattern is put together.
#[derive(Default)]
pub(super) struct Out {
    shown: String,
    key: String,
    /// The lengths of both behind the last value.
    value: Option<(usize, usize)>,
}

impl Out {
    /// Text that stays.
    pub(super) fn literal(&mut self, text: &str) {
        if self.key.len() < KEPT {
            self.shown.push_str(text);
            self.key.push_str(text);
        }
    }

    fn space(&mut self) {
        if !self.key.is_empty() && !self.key.ends_with(' ') {
            self.literal(" ");
        }
    }

    /// A value. One that follows another with no word between them is the same: lists differ in length.
    pub(super) fn value(&mut self, kind: &str) {
        let between = |c: char| " -_+/=.,:;|&".contains(c);
        if let Some((shown, key)) = self.value
            && self.key.len() - key <= 3
            && self.key[key..].chars().all(between)
        {
            self.shown.truncate(shown);
            self.key.truncate(key);
            return;
        }
        if self.key.len() < KEPT {
            self.shown.push('<');
            self.shown.push_str(kind);
            self.shown.push('>');
            self.key.push('\u{1}');
            self.value = Some((self.shown.len(), self.key.len()));
        }
    }

    pub(super) fn len(&self) -> usize {
        self.key.len()
    }

    pub(super) fn ends_with(&self, c: char) -> bool {
        self.key.ends_with(c)
    }

    fn finish(self) -> Pattern {
        let trim = |text: String| head(text.trim(), KEPT).to_owned();
        Pattern { shown: trim(self.shown), key: trim(self.key) }
    }
}

/// Goes through a message once.
pub(super) struct Scanner<'a> {
    pub(super) text: &'a str,
    pub(super) at: usize,
    pub(super) out: Out,
    /// The last word, and the one before it.
    pub(super) words: [&'a str; 2],
    /// Where the last word ended, in the pattern.
    word_end: usize,
    /// Quotes around this text.
    pub(super) depth: u8,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a str, depth: u8) -> Self {
        Self { text, at: 0, out: Out::default(), words: [""; 2], word_end: 0, depth }
    }

    pub(super) fn run(&mut self) {
        while let Some(c) = self.text[self.at..].chars().next() {
            if c.is_whitespace() {
                self.out.space();
                self.at += c.len_utf8();
            } else if let Some(end) = quoted::closing(self.text, self.at) {
                quoted::take(self, c, end);
            } else if chunk::begins(c) {
                chunk::take(self);
            } else {
                self.out.literal(&self.text[self.at..self.at + c.len_utf8()]);
                self.at += c.len_utf8();
            }
        }
    }

    /// What comes after a place.
    pub(super) fn after(&self, at: usize) -> &'a str {
        &self.text[at..]
    }

    /// A word that stays.
    pub(super) fn word(&mut self, word: &'a str) {
        self.out.literal(word);
        self.words = [word, self.words[0]];
        self.word_end = self.out.len();
    }

    /// The last word, if it stands right before what comes now.
    pub(super) fn near(&self) -> &'a str {
        let between = self.out.len().saturating_sub(self.word_end);
        if between <= 4 { self.words[0] } else { "" }
    }

    /// Reads a text within quotes as a message of its own.
    pub(super) fn inner(&mut self, text: &'a str) {
        if self.depth >= DEEP {
            self.out.value("str");
            return;
        }
        let (whole, at) = (std::mem::replace(&mut self.text, text), std::mem::replace(&mut self.at, 0));
        self.depth += 1;
        self.run();
        self.depth -= 1;
        (self.text, self.at) = (whole, at);
    }
}

/// Whether a word is one of a list, in any case.
pub(super) fn one_of(word: &str, list: &[&str]) -> bool {
    !word.is_empty() && list.iter().any(|other| other.eq_ignore_ascii_case(word))
}

#[cfg(test)]
#[path = "pattern_tests.rs"]
mod tests;
