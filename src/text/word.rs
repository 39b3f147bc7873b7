//! Raw bytes as one word of a command line.

use std::fmt::Write as _;

use super::Clean;

/// `raw` as a shell takes it for one word: as it is where that is safe, in single quotes where
/// nothing in it is hidden, else in `$'..'` with everything but printable ASCII escaped. `None`
/// where no command line can carry it: a NUL ends an argument, and arguments are read as UTF-8.
pub fn shell_word(raw: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(raw).ok().filter(|text| !text.contains('\0'))?;
    let plain = |c: char| c.is_ascii_alphanumeric() || "_./:@%+=,-".contains(c);
    if !text.is_empty() && !text.starts_with('-') && text.chars().all(plain) {
        return Some(text.to_owned());
    }
    if Clean::line(text).hidden() == 0 {
        return Some(format!("'{}'", text.replace('\'', "'\\''")));
    }
    let mut out = String::from("$'");
    for byte in raw {
        match byte {
            b'\\' | b'\'' => {
                out.push('\\');
                out.push(char::from(*byte));
            }
            b' '..=b'~' => out.push(char::from(*byte)),
            // Always three digits, so that a digit after it is not taken for a part of it.
            _ => {
                let _ = write!(out, "\\{byte:03o}");
            }
        }
    }
    out.push('\'');
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_quoted_only_where_it_must_be() {
        let word = |raw: &str| shell_word(raw.as_bytes()).unwrap();
        assert_eq!(word("orders:email-2"), "orders:email-2");
        assert_eq!(word("two words"), "'two words'");
        assert_eq!(word("it's $(reboot)"), "'it'\\''s $(reboot)'");
        assert_eq!(word("日本"), "'日本'");
        assert_eq!(word(""), "''");
        assert_eq!(word("--all"), "'--all'");
        assert_eq!(word("q\x1b[2J"), "$'q\\033[2J'");
        assert_eq!(word("a\u{202e}'\\"), "$'a\\342\\200\\256\\'\\\\'");
        assert_eq!(shell_word(b"a\0b"), None);
        assert_eq!(shell_word(b"a\xff"), None);
    }
}
