//! The last line of defence: only the terminal grammar that this program speaks leaves it.
//!
//! Text is sanitised long before; should a hole open there, a hostile byte is still replaced here
//! and not interpreted by the terminal.

/// What a frame may hold: printable text, cursor moves, colours and attributes, the modes that
/// `terminal` sets. Anything else becomes `?`.
pub fn guard(frame: &mut [u8]) -> usize {
    let mut replaced = 0;
    let mut at = 0;
    while at < frame.len() {
        let byte = frame[at];
        match byte {
            0x1b if sequence(&frame[at..]).is_some() => at += sequence(&frame[at..]).unwrap_or(1),
            // C0 and DEL: ratatui moves the cursor with sequences, never with control bytes.
            0..=0x1f | 0x7f => {
                frame[at] = b'?';
                replaced += 1;
                at += 1;
            }
            // C1 controls in UTF-8.
            0xc2 if frame.get(at + 1).is_some_and(|next| (0x80..0xa0).contains(next)) => {
                frame[at] = b'?';
                frame[at + 1] = b'?';
                replaced += 1;
                at += 2;
            }
            _ => at += 1,
        }
    }
    replaced
}

/// The length of a sequence that this program writes, if it is one.
fn sequence(bytes: &[u8]) -> Option<usize> {
    let rest = bytes.strip_prefix(b"\x1b[")?;
    let (private, rest, skipped) = match rest.first() {
        Some(b'?') => (true, &rest[1..], 3),
        _ => (false, rest, 2),
    };
    let digits = rest.iter().take_while(|b| b.is_ascii_digit() || **b == b';' || **b == b':').count();
    let last = *rest.get(digits)?;
    let known = match (private, last) {
        // Cursor position, column, erase, colours and attributes.
        (false, b'H' | b'G' | b'J' | b'K' | b'm' | b'A' | b'B' | b'C' | b'D') => true,
        // Show and hide the cursor, alternate screen, paste and mouse modes, synchronised output.
        (true, b'h' | b'l') => {
            matches!(
                &rest[..digits],
                b"25" | b"1049" | b"2004" | b"1000" | b"1002" | b"1003" | b"1015" | b"1006" | b"2026"
            )
        }
        _ => false,
    };
    known.then_some(skipped + digits + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_grammar_passes() {
        let mut frame = b"\x1b[?2026h\x1b[1;1H\x1b[38;5;6mabc \xc3\xa9\x1b[0m\x1b[?25l".to_vec();
        let before = frame.clone();
        assert_eq!(guard(&mut frame), 0);
        assert_eq!(frame, before);
    }

    #[test]
    fn anything_else_is_replaced() {
        for hostile in [
            &b"\x1b]52;c;AAAA\x07"[..],
            b"\x1b]0;title\x07",
            b"\x1bc",
            b"\x1b[?1049q",
            b"\x07",
            b"\x9b31m",
            b"\xc2\x9b31m",
            b"\x1b[6n",
            b"\x1bP+q\x1b\\",
        ] {
            let mut frame = hostile.to_vec();
            guard(&mut frame);
            assert!(!frame.contains(&0x1b) && !frame.contains(&7), "{hostile:?} -> {frame:?}");
            assert!(!frame.windows(2).any(|w| w[0] == 0xc2 && (0x80..0xa0).contains(&w[1])));
        }
    }
}
