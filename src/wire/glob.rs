//! Patterns of Redis's kind: `*` any bytes, `?` one byte. Nothing else is special, so that a name with
//! brackets or backslashes can be written as it is.

/// Whether `name` matches `pattern` from its first byte to its last.
pub fn matches(pattern: &[u8], name: &[u8]) -> bool {
    // The place to go back to: after the last star, and where it began to match.
    let (mut at, mut from) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while from < name.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at + 1, from));
                at += 1;
            }
            Some(byte) if *byte == b'?' || *byte == name[from] => {
                at += 1;
                from += 1;
            }
            _ => {
                let Some((after, began)) = star else { return false };
                star = Some((after, began + 1));
                (at, from) = (after, began + 1);
            }
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

/// Whether the text holds a pattern at all.
pub fn is_pattern(text: &[u8]) -> bool {
    text.iter().any(|byte| matches!(byte, b'*' | b'?'))
}

/// Bytes as a part of a Redis pattern that matches just them.
pub fn escape(literal: &[u8]) -> Vec<u8> {
    let mut escaped = Vec::with_capacity(literal.len() + 4);
    for byte in literal {
        if matches!(byte, b'*' | b'?' | b'[' | b']' | b'^' | b'\\') {
            escaped.push(b'\\');
        }
        escaped.push(*byte);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_and_marks_match_and_brackets_are_plain() {
        for (pattern, name, hit) in [
            ("*", "", true),
            ("mail*", "mail", true),
            ("*-eu", "mail-eu", true),
            ("m*l?", "mail2", true),
            ("m*l", "mail2", false),
            ("a[b", "a[b", true),
            ("a*b*c", "aXbYbZc", true),
            ("", "x", false),
            ("x", "", false),
        ] {
            assert_eq!(matches(pattern.as_bytes(), name.as_bytes()), hit, "{pattern} {name}");
        }
    }

    #[test]
    fn a_long_name_of_stars_ends() {
        assert!(!matches(&b"*a".repeat(30), &b"b".repeat(10_000)));
    }

    #[test]
    fn what_redis_takes_for_a_pattern_is_escaped() {
        assert_eq!(escape(b"a*[b]?\\{t}"), b"a\\*\\[b\\]\\?\\\\{t}");
    }
}
