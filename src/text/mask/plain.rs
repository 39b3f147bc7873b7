//! Secrets in a text: `password=..`, `"token": ".."`, `Authorization: Bearer ..`, `--password ..`,
//! `<secret>..</secret>`, `scheme://user:password@host`.
//!
//! One pass: what was taken as a value is not looked at again, and where the end of a value is
//! looked for without being found, that search is bounded.

use super::names::{Manner, Names};
use super::{Place, tells_nothing};

/// How far behind a quotation mark its other one is looked for over the end of the line.
const QUOTED: usize = 16 << 10;
/// How far behind `://` an `@` is looked for that an unescaped `/` is before.
const USERINFO: usize = 256;
/// Blanks between a key and what follows it.
const BLANKS: usize = 4;
/// Backslashes before a quotation mark: JSON in so many strings at most.
const BACKSLASHES: usize = 31;

/// Schemes after `Authorization:` whose credentials are one word.
const SCHEMES: &[&[u8]] = &[b"bearer", b"basic", b"token", b"apikey", b"negotiate", b"ntlm"];

/// Where secrets stand.
pub(super) fn places(names: &Names, text: &[u8]) -> Vec<Place> {
    let mut reader = Reader { names, text, unsigned: 0, places: Vec::new() };
    let mut at = 0;
    while at < text.len() {
        let byte = text[at];
        if is_word(byte) {
            let end = word_end(text, at);
            at = reader.word(at, end);
        } else if byte == b':' && text[at..].starts_with(b"://") && at > 0 && is_word(text[at - 1]) {
            at = reader.authority(at + 3);
        } else {
            at += 1;
        }
    }
    reader.places
}

struct Reader<'a> {
    names: &'a Names,
    text: &'a [u8],
    /// Up to here no `@` was found behind a colon.
    unsigned: usize,
    places: Vec<Place>,
}

impl Reader<'_> {
    fn byte(&self, at: usize) -> Option<u8> {
        self.text.get(at).copied()
    }

    /// Looks at a word; where to go on.
    fn word(&mut self, start: usize, end: usize) -> usize {
        let word = &self.text[start..end];
        let dashes = word.iter().take_while(|byte| **byte == b'-').count();
        let key = &word[dashes..];
        if key.len() < 2
            || !matches!(
                self.byte(end),
                Some(b':' | b'=' | b' ' | b'\t' | b'"' | b'\'' | b'`' | b'\\' | b']' | b'>')
            )
        {
            return end;
        }
        if key.eq_ignore_ascii_case(b"bearer")
            && self.byte(end) == Some(b' ')
            && self.names.hides(b"bearer")
            && let Some(token) = self.token(end + 1)
        {
            return self.push(end + 1, token);
        }
        if self.byte(end) == Some(b'>') && self.byte(end + 1) != Some(b'=') {
            let element = start > 0 && self.text[start - 1] == b'<' && self.names.hides(key);
            return if element { self.until(end + 1, |byte| byte == b'<') } else { end };
        }
        let Some((value, spaced)) = self.separated(end) else {
            let flag = dashes > 0
                && self.byte(end) == Some(b' ')
                && !matches!(self.byte(end + 1), Some(b'-' | b' ') | None);
            return if flag && self.names.hides(key) { self.value(end + 1) } else { end };
        };
        match self.names.manner(key) {
            Some(Manner::Word) => self.value(value),
            Some(Manner::Weak) if spaced => self.value(value),
            None | Some(Manner::Weak) => end,
            Some(Manner::Authorization) => self.authorization(value, start),
            Some(Manner::Line) => self.line(value, start),
        }
    }

    /// Where the value begins after a key that ends at `at`: behind a separator. Also whether the
    /// separator can only be one (`=`, a blank after `:`, quotation marks).
    fn separated(&self, at: usize) -> Option<(usize, bool)> {
        let mut at = at;
        let mut sure = false;
        if self.byte(at) == Some(b']') {
            at += 1;
        } else if let Some((_, len)) = self.quote(at) {
            at += len;
            sure = true;
        }
        at = self.blanks(at);
        let after = match (self.byte(at)?, self.byte(at + 1)) {
            (b'=', Some(b'=')) | (b':', Some(b':')) => return None,
            (b':', Some(b'/')) if self.byte(at + 2) == Some(b'/') => return None,
            (b'=', Some(b'>')) | (b':', Some(b'=')) => at + 2,
            (b'=' | b':', _) => at + 1,
            _ => return None,
        };
        sure |= self.text[after - 1] != b':';
        let value = self.blanks(after);
        sure |= value > after || self.quote(value).is_some();
        Some((value, sure))
    }

    fn blanks(&self, at: usize) -> usize {
        let rest = self.text.get(at..).unwrap_or_default();
        at + rest.iter().take(BLANKS).take_while(|byte| matches!(byte, b' ' | b'\t')).count()
    }

    /// A quotation mark at `at`, with the backslashes before it: which, and how many bytes.
    fn quote(&self, at: usize) -> Option<(u8, usize)> {
        let rest = self.text.get(at..)?;
        let slashes = rest.iter().take(BACKSLASHES).take_while(|byte| **byte == b'\\').count();
        let mark = *rest.get(slashes)?;
        matches!(mark, b'"' | b'\'' | b'`').then_some((mark, slashes + 1))
    }

    /// Takes a value, whatever form it has; where to go on.
    fn value(&mut self, at: usize) -> usize {
        if let Some((mark, len)) = self.quote(at) {
            return self.quoted(at + len, mark, len - 1);
        }
        match self.byte(at) {
            Some(b'{' | b'[') => self.block(at),
            _ => self.bare(at),
        }
    }

    /// A value in quotation marks with so many backslashes before each: up to the other one, or
    /// the end of the line.
    fn quoted(&mut self, at: usize, mark: u8, slashes: usize) -> usize {
        let rest = &self.text[at..];
        let mut run = 0;
        let mut line = None;
        for (n, byte) in rest.iter().enumerate() {
            if *byte == mark && run <= slashes {
                return self.push(at, at + n - run);
            }
            run = if *byte == b'\\' { run + 1 } else { 0 };
            if *byte == b'\n' && line.is_none() {
                line = Some(n);
            }
            if n >= QUOTED && line.is_some() {
                break;
            }
        }
        self.push(at, at + line.unwrap_or(rest.len()))
    }

    /// A value in brackets: up to the one that closes it.
    fn block(&mut self, at: usize) -> usize {
        let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
        for (n, byte) in self.text[at..].iter().enumerate() {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = in_string,
                b'"' => in_string = !in_string,
                b'{' | b'[' if !in_string => depth += 1,
                b'}' | b']' if !in_string => {
                    depth -= 1;
                    if depth == 0 {
                        return self.push(at, at + n + 1);
                    }
                }
                _ => {}
            }
        }
        self.push(at, self.text.len())
    }

    /// A value that is a word: up to a blank or what ends one.
    fn bare(&mut self, at: usize) -> usize {
        let rest = &self.text[at..];
        let stops = |n: usize, byte: u8| match byte {
            b'&' => {
                // Another parameter, or part of the password?
                let next = at + n + 1;
                let end = word_end(self.text, next);
                end > next && matches!(self.byte(end), Some(b'=' | b'['))
            }
            b',' | b';' | b'"' | b'\'' | b'`' | b')' | b']' | b'}' | b'<' | b'>' | b'|' => true,
            byte => byte.is_ascii_whitespace() || byte.is_ascii_control(),
        };
        let len = rest.iter().enumerate().find(|(n, byte)| stops(*n, **byte)).map_or(rest.len(), |(n, _)| n);
        if !rest[..len].iter().any(|byte| byte.is_ascii_alphanumeric() || !byte.is_ascii()) {
            return at;
        }
        self.push(at, at + len)
    }

    /// What follows `Authorization:`. A scheme stays, where what follows it is one word.
    fn authorization(&mut self, at: usize, key: usize) -> usize {
        let from = at + self.quote(at).map_or(0, |(_, len)| len);
        let end = word_end(self.text, from);
        let scheme = self.text.get(from..end).unwrap_or_default();
        if SCHEMES.iter().any(|known| scheme.eq_ignore_ascii_case(known)) && self.byte(end) == Some(b' ') {
            let token = self.blanks(end);
            return self.bare(token);
        }
        self.line(at, key)
    }

    /// All of the line, or of what is in quotation marks: the value, or key and value together.
    fn line(&mut self, at: usize, key: usize) -> usize {
        let around = key.checked_sub(1).map(|at| self.text[at]).filter(|byte| b"\"'`".contains(byte));
        match self.quote(at) {
            Some((mark, len)) => self.quoted(at + len, mark, len - 1),
            None if matches!(self.byte(at), Some(b'{' | b'[')) => self.block(at),
            None => self.until(at, |byte| matches!(byte, b'\n' | b'\r') || around == Some(byte)),
        }
    }

    /// The end of what looks like a token after `Bearer`: not a word of prose.
    fn token(&self, at: usize) -> Option<usize> {
        let rest = self.text.get(at..)?;
        let part = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(byte);
        let len = rest.iter().take_while(|byte| part(byte)).count();
        let token = &rest[..len];
        let odd = token.iter().any(|byte| !byte.is_ascii_lowercase() && *byte != b'.');
        (len >= 16 || (len >= 6 && odd)).then_some(at + len)
    }

    /// The part of a URL after `://`; where to go on.
    fn authority(&mut self, at: usize) -> usize {
        let rest = &self.text[at..];
        let blank = |byte: &u8| byte.is_ascii_whitespace() || b"\"'`<>\\,;)]}".contains(byte);
        let end = rest.iter().position(|byte| b"/?#".contains(byte) || blank(byte)).unwrap_or(rest.len());
        let authority = &rest[..end];
        if let Some(sign) = authority.iter().rposition(|byte| *byte == b'@') {
            return self.push(at, at + sign);
        }
        // A password with a `/` that nobody escaped: what follows the colon is no port.
        let secret = match authority.iter().position(|byte| *byte == b':') {
            Some(colon) if !authority.starts_with(b"[") => {
                let port = &authority[colon + 1..];
                rest.get(end) == Some(&b'/') && !port.iter().all(u8::is_ascii_digit)
                    || port.is_empty() && colon == 0
            }
            _ => false,
        };
        if !secret {
            return at;
        }
        let from = self.unsigned.max(at);
        let near = self.text.get(from..(at + USERINFO).min(self.text.len())).unwrap_or_default();
        let stop = near.iter().position(blank).unwrap_or(near.len());
        if let Some(sign) = near[..stop].iter().rposition(|byte| *byte == b'@') {
            return self.push(at, from + sign);
        }
        self.unsigned = from + stop;
        at
    }

    fn until(&mut self, at: usize, stop: impl Fn(u8) -> bool) -> usize {
        let rest = self.text.get(at..).unwrap_or_default();
        let len = rest.iter().position(|byte| stop(*byte)).unwrap_or(rest.len());
        self.push(at, at + len)
    }

    /// Notes a secret, unless there is nothing to see; where to go on.
    fn push(&mut self, start: usize, end: usize) -> usize {
        if end > start && !tells_nothing(&self.text[start..end]) {
            self.places.push(Place::text(start, end));
        }
        end
    }
}

/// What words of programs are made of; what is not ASCII does not end one.
const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'$') || byte >= 0x80
}

fn word_end(text: &[u8], at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    at + rest.iter().position(|byte| !is_word(*byte)).unwrap_or(rest.len())
}
