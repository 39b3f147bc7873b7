//! How many cells a text takes, and cutting to that.

use std::borrow::Cow;

use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthStr;

/// Terminal cells of `text`, counted per grapheme cluster as ratatui does.
pub fn width(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.graphemes(true).map(UnicodeWidthStr::width).sum() }
}

/// `text` cut to `cells`, keeping its beginning; `…` stands for what is missing.
pub fn cut(text: &str, cells: usize) -> Cow<'_, str> {
    if width(text) <= cells {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(cells + 3);
    let mut used = 0;
    for cluster in text.graphemes(true) {
        let w = cluster.width();
        if used + w + 1 > cells {
            break;
        }
        used += w;
        out.push_str(cluster);
    }
    if cells > 0 {
        out.push('…');
    }
    Cow::Owned(out)
}

/// `text` cut to `cells`, keeping its end; `…` stands for what is missing.
pub fn cut_left(text: &str, cells: usize) -> Cow<'_, str> {
    if width(text) <= cells {
        return Cow::Borrowed(text);
    }
    let mut tail = Vec::new();
    let mut used = 0;
    for cluster in text.graphemes(true).rev() {
        let w = cluster.width();
        if used + w + 1 > cells {
            break;
        }
        used += w;
        tail.push(cluster);
    }
    let mut out = String::with_capacity(cells + 3);
    if cells > 0 {
        out.push('…');
    }
    out.extend(tail.into_iter().rev());
    Cow::Owned(out)
}
