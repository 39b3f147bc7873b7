//! The visible forms of hidden characters.

use std::borrow::Cow;
use std::fmt::Write as _;

use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthChar as _;

/// Combining marks shown on one base; the rest is counted (`+n`), because a terminal draws a
/// million of them in one cell and a repaint of it costs megabytes.
const MARKS_SHOWN: usize = 4;
const TAB_STOP: usize = 4;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Rules {
    SingleLine,
    MultiLine,
}

/// Appends the visible form of `raw` to `out`; how many characters were hidden ones.
pub(super) fn push_escaped(out: &mut String, raw: &[u8], rules: Rules) -> u32 {
    let mut hidden = 0;
    for chunk in raw.utf8_chunks() {
        for cluster in chunk.valid().graphemes(true) {
            hidden += push_cluster(out, cluster, rules);
        }
        for byte in chunk.invalid() {
            let _ = write!(out, "<{byte:02x}>");
            hidden += 1;
        }
    }
    hidden
}

fn push_cluster(out: &mut String, cluster: &str, rules: Rules) -> u32 {
    if cluster == "\t" && rules == Rules::MultiLine {
        let here = super::width::width(out);
        out.extend(std::iter::repeat_n(' ', TAB_STOP - here % TAB_STOP));
        return 0;
    }
    let mut chars = cluster.chars();
    let Some(first) = chars.next() else { return 0 };
    let emoji = is_pictograph(first);
    let mut hidden = push_char(out, first, false);
    let mut marks = 0;
    for c in chars {
        if c == '\u{200d}' || ('\u{fe00}'..='\u{fe0f}').contains(&c) {
            // A joiner or selector is harmless inside an emoji and a spoof elsewhere.
            let visible = emoji || c == '\u{fe0e}' || c == '\u{fe0f}';
            hidden += push_char(out, c, visible);
        } else if c.width() == Some(0) && !is_hidden(c) {
            marks += 1;
            if marks <= MARKS_SHOWN {
                out.push(c);
            }
        } else {
            hidden += push_char(out, c, emoji);
        }
    }
    if marks > MARKS_SHOWN {
        let _ = write!(out, "+{}", marks - MARKS_SHOWN);
        hidden += 1;
    }
    hidden
}

fn push_char(out: &mut String, c: char, keep: bool) -> u32 {
    match c {
        '\0'..='\x1f' => {
            out.push('^');
            out.push(char::from(c as u8 + 0x40));
        }
        '\x7f' => out.push_str("^?"),
        '\u{80}'..='\u{9f}' => {
            let _ = write!(out, "<{:02x}>", c as u32);
        }
        _ if keep || !is_hidden(c) => {
            out.push(c);
            return 0;
        }
        _ => push_code_point(out, c),
    }
    1
}

pub(super) fn push_code_point(out: &mut String, c: char) {
    let _ = write!(out, "<U+{:04X}>", c as u32);
}

/// Characters that show nothing, or turn what is around them: bidi controls, zero-width and
/// format characters, tags, separators, noncharacters, and marks that have no base.
fn is_hidden(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fdd0}'..='\u{fdef}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
        || (c as u32 & 0xfffe) == 0xfffe
        || (c.width() == Some(0) && !matches!(c, '\u{300}'..='\u{36f}'))
            && !c.is_alphabetic()
            && is_unassigned_zero_width(c)
}

/// Zero-width characters outside the scripts' combining marks; `unicode-width` gives 0 to both.
fn is_unassigned_zero_width(c: char) -> bool {
    matches!(c, '\u{70f}' | '\u{8e2}' | '\u{600}'..='\u{605}' | '\u{6dd}' | '\u{110bd}' | '\u{110cd}')
}

fn is_pictograph(c: char) -> bool {
    matches!(c,
        '\u{a9}' | '\u{ae}' | '\u{203c}' | '\u{2049}' | '\u{2122}' | '\u{2139}'
        | '\u{2190}'..='\u{21ff}' | '\u{2300}'..='\u{23ff}' | '\u{25a0}'..='\u{27bf}'
        | '\u{2900}'..='\u{297f}' | '\u{2b00}'..='\u{2bff}' | '\u{3030}' | '\u{303d}'
        | '\u{3297}' | '\u{3299}' | '\u{1f000}'..='\u{1faff}')
}

/// Bytes as text without loss, for machine output: UTF-8 as it is, any other byte as `\xNN`
/// (a backslash that precedes `x` is doubled, so that the form can be read back).
pub fn lossless(raw: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(raw) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(raw.len() + 8);
    for chunk in raw.utf8_chunks() {
        out.push_str(&chunk.valid().replace("\\x", "\\\\x"));
        for byte in chunk.invalid() {
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    Cow::Owned(out)
}

/// JSON text with everything outside printable ASCII written as `\uNNNN`, so that logs and audit
/// files are safe for `cat` and `tail`. The input is JSON already; only its string parts can
/// hold such characters.
pub fn ascii_json(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if (' '..='~').contains(&c) {
            out.push(c);
        } else {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
    }
    out
}
