//! Strings out of a JSON array, for stacks: what serde refuses (invalid UTF-8, lone surrogates)
//! is kept.

use super::json::{skip_space, string_end};

/// The strings of a JSON array of strings, unescaped; `None` when it is something else.
pub fn strings(json: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut at = skip_space(json, 0);
    if json.get(at) != Some(&b'[') {
        return None;
    }
    at = skip_space(json, at + 1);
    let mut all = Vec::new();
    if json.get(at) == Some(&b']') {
        return Some(all);
    }
    loop {
        if json.get(at) != Some(&b'"') {
            return None;
        }
        let end = string_end(json, at)?;
        all.push(unescape(&json[at + 1..end - 1]));
        at = skip_space(json, end);
        match json.get(at)? {
            b',' => at = skip_space(json, at + 1),
            b']' => return Some(all),
            _ => return None,
        }
    }
}

fn unescape(raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len());
    let mut at = 0;
    while let Some(byte) = raw.get(at) {
        if *byte != b'\\' {
            out.push(*byte);
            at += 1;
            continue;
        }
        let plain = match raw.get(at + 1) {
            Some(b'n') => b'\n',
            Some(b't') => b'\t',
            Some(b'r') => b'\r',
            Some(b'b') => 8,
            Some(b'f') => 12,
            Some(b'u') => {
                at += code_unit(raw, at, &mut out);
                continue;
            }
            Some(other) => *other,
            None => b'\\',
        };
        out.push(plain);
        at += 2;
    }
    out
}

/// Appends the character that `\uXXXX` (or a pair of them) at `at` stands for; how many bytes that
/// took. What stands for none is kept as it is written.
fn code_unit(raw: &[u8], at: usize, out: &mut Vec<u8>) -> usize {
    let unit = |at: usize| -> Option<u32> {
        let digits = raw.get(at..at + 6)?.strip_prefix(b"\\u")?;
        u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    };
    let first = unit(at);
    let pair = match (first, unit(at + 6)) {
        (Some(high @ 0xd800..0xdc00), Some(low @ 0xdc00..0xe000)) => {
            char::from_u32(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00))
        }
        _ => None,
    };
    let (c, used) = match pair {
        Some(c) => (Some(c), 12),
        None => (first.and_then(char::from_u32), 6),
    };
    if let Some(c) = c {
        out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        return used;
    }
    let end = raw.len().min(at + 6);
    out.extend_from_slice(&raw[at..end]);
    end - at
}
