//! JSON strings without their escapes, and the way back from a place in one to the bytes it stands for.

use super::Place;

/// One character of a JSON string: bytes as written, and what they mean.
struct Unit {
    written: usize,
    bytes: [u8; 4],
    len: usize,
}

/// The unit at `at`, whose first byte is a backslash.
fn escape(raw: &[u8], at: usize) -> Unit {
    let one = |byte: u8| Unit { written: 2.min(raw.len() - at), bytes: [byte, 0, 0, 0], len: 1 };
    match raw.get(at + 1) {
        Some(b'n') => one(b'\n'),
        Some(b't') => one(b'\t'),
        Some(b'r') => one(b'\r'),
        Some(b'b') => one(8),
        Some(b'f') => one(12),
        Some(b'u') => code_point(raw, at),
        Some(other) => one(*other),
        None => one(b'\\'),
    }
}

/// `\uXXXX`, or a pair of them. What stands for no character counts as `?`: it is only compared.
fn code_point(raw: &[u8], at: usize) -> Unit {
    let unit = |at: usize| -> Option<u32> {
        let digits = raw.get(at..at + 6)?.strip_prefix(b"\\u")?;
        u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    };
    let (c, written) = match (unit(at), unit(at + 6)) {
        (Some(high @ 0xd800..0xdc00), Some(low @ 0xdc00..0xe000)) => {
            (char::from_u32(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00)), 12)
        }
        (first, _) => (first.and_then(char::from_u32), 6),
    };
    let mut bytes = [0; 4];
    let len = c.unwrap_or('?').encode_utf8(&mut bytes).len();
    Unit { written: written.min(raw.len() - at), bytes, len }
}

/// What a string says.
pub(super) fn unescape(raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len());
    let mut at = 0;
    while at < raw.len() {
        let plain = raw[at..].iter().position(|byte| *byte == b'\\').unwrap_or(raw.len() - at);
        out.extend_from_slice(&raw[at..at + plain]);
        at += plain;
        if at < raw.len() {
            let unit = escape(raw, at);
            out.extend_from_slice(&unit.bytes[..unit.len]);
            at += unit.written;
        }
    }
    out
}

/// Places in what a string says as places in the string, which begins at `base`. They are in order.
pub(super) fn outward(raw: &[u8], base: usize, places: &[Place]) -> Vec<Place> {
    let mut walk = Walk { raw, at: 0, said: 0 };
    let mut out = Vec::with_capacity(places.len());
    for place in places {
        let start = walk.to(place.start, false);
        let end = walk.to(place.end, true);
        out.push(place.outward(base + start, base + end));
    }
    out
}

struct Walk<'a> {
    raw: &'a [u8],
    at: usize,
    said: usize,
}

impl Walk<'_> {
    /// Where the byte `said` of what is said is written; of one within a character, the beginning
    /// or the end of the character.
    fn to(&mut self, said: usize, end: bool) -> usize {
        while self.said < said && self.at < self.raw.len() {
            let (written, len) = if self.raw[self.at] == b'\\' {
                let unit = escape(self.raw, self.at);
                (unit.written, unit.len)
            } else {
                (1, 1)
            };
            if !end && self.said + len > said {
                break;
            }
            self.at += written;
            self.said += len;
        }
        self.at
    }
}
