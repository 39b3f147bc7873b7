//! The sanitised type.

use std::fmt;
use std::sync::Arc;

use super::escape::{Rules, push_escaped};
use super::width::{cut, width as cells_of};

/// One line of text that is safe to write to a terminal, with its width.
///
/// Hidden characters (controls, bidi, zero-width, tags, invalid UTF-8) stand in it in a visible
/// form, never removed: `^[`, `<U+202E>`, `<ff>`. Nothing that a terminal would interpret is left.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Clean {
    text: Arc<str>,
    width: u32,
    hidden: u32,
}

impl Clean {
    /// Sanitises a value shown on a single line: a line feed becomes `^J`, a tab `^I`.
    pub fn line(raw: impl AsRef<[u8]>) -> Self {
        Self::build(raw.as_ref(), Rules::SingleLine)
    }

    /// Sanitises a text of several lines: line feeds (and CR LF) end lines, tabs go to the next
    /// stop of four cells.
    pub fn lines(raw: impl AsRef<[u8]>) -> Vec<Self> {
        let raw = raw.as_ref();
        let raw = raw.strip_suffix(b"\n").unwrap_or(raw);
        raw.split(|&b| b == b'\n')
            .map(|line| {
                let line = line.strip_suffix(b"\r").unwrap_or(line);
                Self::build(line, Rules::MultiLine)
            })
            .collect()
    }

    /// Sanitises one line of a text of several lines (tabs go to stops); it holds no line feed.
    pub fn text_line(raw: impl AsRef<[u8]>) -> Self {
        Self::build(raw.as_ref(), Rules::MultiLine)
    }

    fn build(raw: &[u8], rules: Rules) -> Self {
        if raw.iter().all(|b| (b' '..=b'~').contains(b)) {
            // The common case: printable ASCII is shown as it is.
            let text = String::from_utf8_lossy(raw);
            let width = u32::try_from(text.len()).unwrap_or(u32::MAX);
            return Self { text: Arc::from(text.as_ref()), width, hidden: 0 };
        }
        let mut text = String::with_capacity(raw.len() + 16);
        let hidden = push_escaped(&mut text, raw, rules);
        let width = u32::try_from(cells_of(&text)).unwrap_or(u32::MAX);
        Self { text: Arc::from(text), width, hidden }
    }

    /// The safe text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Terminal cells that the text takes.
    pub fn width(&self) -> usize {
        self.width as usize
    }

    /// How many characters stand in an escaped form: above zero the view marks the text.
    pub fn hidden(&self) -> usize {
        self.hidden as usize
    }

    /// Whether there is nothing to show.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// The text cut to `cells`, with `…` where something is missing.
    #[must_use]
    pub fn cut(&self, cells: usize) -> Self {
        if self.width() <= cells {
            return self.clone();
        }
        let text = cut(&self.text, cells);
        let width = u32::try_from(cells_of(&text)).unwrap_or(u32::MAX);
        Self { text: Arc::from(text.as_ref()), width, hidden: self.hidden }
    }

    /// Everything above U+007E as `<U+....>`, for terminals that show ASCII only.
    #[must_use]
    pub fn to_ascii(&self) -> Self {
        if self.text.is_ascii() {
            return self.clone();
        }
        let mut text = String::with_capacity(self.text.len() * 2);
        for c in self.text.chars() {
            if c.is_ascii() {
                text.push(c);
            } else {
                super::escape::push_code_point(&mut text, c);
            }
        }
        let width = u32::try_from(text.len()).unwrap_or(u32::MAX);
        Self { text: Arc::from(text), width, hidden: self.hidden }
    }
}

impl Default for Clean {
    fn default() -> Self {
        Self::line("")
    }
}

impl fmt::Display for Clean {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl fmt::Debug for Clean {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Clean({:?})", self.text)
    }
}

impl From<&str> for Clean {
    fn from(text: &str) -> Self {
        Self::line(text)
    }
}

impl From<String> for Clean {
    fn from(text: String) -> Self {
        Self::line(text)
    }
}

impl AsRef<str> for Clean {
    fn as_ref(&self) -> &str {
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controls_become_visible() {
        assert_eq!(Clean::line("A\x1b[31mB").as_str(), "A^[[31mB");
        assert_eq!(Clean::line("A\0B").as_str(), "A^@B");
        assert_eq!(Clean::line("a\u{9b}b").as_str(), "a<9b>b");
        assert_eq!(Clean::line("a\x7f").as_str(), "a^?");
        assert_eq!(Clean::line("a\tb\nc").as_str(), "a^Ib^Jc");
        assert_eq!(Clean::line("A\x1b[31mB").hidden(), 1);
    }

    #[test]
    fn bidi_zero_width_and_bad_utf8_become_visible() {
        assert_eq!(Clean::line("pay\u{202e}").as_str(), "pay<U+202E>");
        assert_eq!(Clean::line("pay\u{200b}").as_str(), "pay<U+200B>");
        assert_eq!(Clean::line(b"a\xffb").as_str(), "a<ff>b");
        assert_eq!(Clean::line("\u{e0041}").as_str(), "<U+E0041>");
        assert_eq!(Clean::line("a\u{2028}b").as_str(), "a<U+2028>b");
    }

    #[test]
    fn combining_marks_are_capped() {
        let text = format!("e{}", "\u{301}".repeat(500));
        let clean = Clean::line(&text);
        assert!(clean.as_str().ends_with("+496"));
        assert_eq!(clean.width(), 5);
    }

    #[test]
    fn joined_emoji_stay_and_stray_joiners_show() {
        assert_eq!(Clean::line("👩\u{200d}🔬").hidden(), 0);
        assert_eq!(Clean::line("a\u{200d}b").as_str(), "a<U+200D>b");
    }

    #[test]
    fn lines_split_and_tabs_go_to_stops() {
        let lines = Clean::lines("a\tb\r\nc\n");
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0].as_str(), "a   b");
        assert_eq!(lines[1].as_str(), "c");
    }

    #[test]
    fn cut_marks_what_is_missing() {
        assert_eq!(Clean::line("abcdef").cut(4).as_str(), "abc…");
        assert_eq!(Clean::line("日本語").cut(5).as_str(), "日本…");
        assert_eq!(Clean::line("日本語").cut(4).as_str(), "日…");
    }
}
