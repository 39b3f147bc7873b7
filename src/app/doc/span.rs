//! One line as pieces of safe text with their meaning. Costs what is shown, not what there is.

use super::json::{skip_space, string_end};
use super::{Doc, Form, Search};
use crate::text::{Clean, figure};

/// What a piece of text means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "roles of the theme, and those of JSON")]
#[repr(u32)]
pub enum Kind {
    Text,
    Dim,
    Strong,
    Accent,
    Ok,
    Warn,
    Danger,
    /// A label, or what is less important beside it.
    Key,
    Str,
    Literal,
    Punctuation,
    /// A hidden character made visible.
    Hidden,
    /// A place of the searched text.
    Hit,
}

const KINDS: [Kind; 7] =
    [Kind::Text, Kind::Dim, Kind::Strong, Kind::Accent, Kind::Ok, Kind::Warn, Kind::Danger];

/// A piece of a line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Span {
    /// The safe text.
    pub text: Clean,
    /// What it means.
    pub kind: Kind,
}

/// Bytes of a line that are looked at for each cell of the screen: enough for what takes most
/// (emoji of several code points take more and are cut a little early).
const BYTES_A_CELL: usize = 8;

impl Doc {
    /// What a line shows within `cells` cells, from byte `pan` of it on. Of a line whose current
    /// place of the search lies behind the edge, the part around that place is shown.
    pub fn spans(&self, line: u32, cells: usize, search: Option<&Search>, pan: usize) -> Vec<Span> {
        let mut row = Row { spans: Vec::new(), cells, used: 0, search };
        let slice = self.slice(line);
        let tag = self.index.lines.get(line as usize).map_or(0, |line| line.tag);
        let hit = search
            .and_then(|search| search.found.get(search.current?))
            .and_then(|at| (*at as usize).checked_sub(self.start(line)))
            .filter(|at| *at < slice.len());
        match self.form {
            Form::Json => {
                row.indent(tag);
                let from = row.from(slice, hit, pan);
                if from > 0 {
                    // In the middle of something long: nearly always a string.
                    row.middle(&slice[from..], Kind::Str);
                } else {
                    row.json(head(slice, row.limit()));
                }
                if self.folded(line) == Some(true) {
                    self.summary(&mut row, line, slice);
                }
            }
            Form::Text => {
                let kind = KINDS.get(tag as usize).copied().unwrap_or(Kind::Text);
                let label = self.mark(line).map_or(0, |mark| mark.label as usize).min(slice.len());
                if label > 0 {
                    row.push(&slice[..label], Kind::Key);
                    row.pad_to(usize::from(self.label_cells));
                    let value = slice.get(label + 2..).unwrap_or_default();
                    let from = row.from(value, None, pan);
                    row.middle(&value[from..], kind);
                } else {
                    let from = row.from(slice, hit, pan);
                    row.middle(&slice[from..], kind);
                }
            }
        }
        if row.used < cells && slice.len().saturating_sub(pan) > row.limit() && hit.is_none() {
            row.own("…", Kind::Dim);
        }
        row.spans
    }

    /// What stands for the lines of a folded block.
    fn summary(&self, row: &mut Row<'_>, line: u32, slice: &[u8]) {
        let object = slice.iter().rev().find(|byte| matches!(byte, b'{' | b'[')) == Some(&b'{');
        row.own("…", Kind::Dim);
        row.own(if object { "}" } else { "]" }, Kind::Punctuation);
        let block = self.block_at(line).and_then(|block| self.index.blocks.get(block as usize));
        if block.is_some_and(|block| self.slice(block.last).iter().take(8).any(|byte| *byte == b',')) {
            row.own(",", Kind::Punctuation);
        }
        let items = self.items(line);
        let what = match (object, items) {
            (true, 1) => " key",
            (true, _) => " keys",
            (false, 1) => " element",
            (false, _) => " elements",
        };
        row.own(&format!(" {}{what}", figure::count(u64::from(items))), Kind::Dim);
    }
}

/// A row that fills up.
struct Row<'a> {
    spans: Vec<Span>,
    cells: usize,
    used: usize,
    search: Option<&'a Search>,
}

impl Row<'_> {
    fn limit(&self) -> usize {
        self.cells * BYTES_A_CELL + 64
    }

    /// Bytes from a line's beginning that are on screen in any case.
    fn window(&self) -> usize {
        self.cells.saturating_sub(self.used + 2)
    }

    /// Two cells a level; of what is deeper than a third of the screen, the level in figures.
    fn indent(&mut self, depth: u32) {
        let most = self.cells / 3;
        let cells = depth as usize * 2;
        if cells <= most {
            self.own(&" ".repeat(cells), Kind::Dim);
        } else {
            let level = format!("{}⋯", figure::count(u64::from(depth)));
            let pad = most.saturating_sub(crate::text::width(&level));
            self.own(&format!("{}{level} ", " ".repeat(pad)), Kind::Dim);
        }
    }

    /// Where the part of a line begins that is shown; where that is not its beginning, it is said.
    fn from(&mut self, slice: &[u8], hit: Option<usize>, pan: usize) -> usize {
        let from = match hit {
            _ if pan > 0 => pan.min(slice.len()),
            Some(at) if at >= self.window() => at - self.cells.min(at) / 3,
            _ => return 0,
        };
        self.own("…", Kind::Dim);
        boundary(slice, from)
    }

    fn middle(&mut self, rest: &[u8], kind: Kind) {
        let shown = head(rest, self.limit());
        self.push(shown, kind);
    }

    fn json(&mut self, slice: &[u8]) {
        let mut at = skip_space(slice, 0);
        while at < slice.len() && self.used < self.cells {
            let end = match slice[at] {
                b'"' => {
                    let end = string_end(slice, at).unwrap_or(slice.len());
                    let key = slice.get(skip_space(slice, end)) == Some(&b':');
                    self.push(&slice[at..end], if key { Kind::Key } else { Kind::Str });
                    end
                }
                b':' => {
                    self.own(": ", Kind::Punctuation);
                    at + 1
                }
                b'{' | b'[' | b'}' | b']' | b',' => {
                    self.push(&slice[at..=at], Kind::Punctuation);
                    at + 1
                }
                _ => {
                    let ends = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | b',' | b'}' | b']');
                    let len = slice[at..].iter().position(ends).unwrap_or(slice.len() - at).max(1);
                    self.push(&slice[at..at + len], Kind::Literal);
                    at + len
                }
            };
            at = skip_space(slice, end);
        }
    }

    /// Foreign bytes, with the searched text and hidden characters set apart.
    fn push(&mut self, mut bytes: &[u8], kind: Kind) {
        if let Some(search) = self.search {
            while let Some((at, len)) = search.find(bytes) {
                self.foreign(&bytes[..at], kind);
                self.foreign(&bytes[at..at + len], Kind::Hit);
                bytes = &bytes[at + len..];
            }
        }
        self.foreign(bytes, kind);
    }

    fn foreign(&mut self, bytes: &[u8], kind: Kind) {
        if bytes.is_empty() {
            return;
        }
        let text = Clean::line(bytes);
        if text.hidden() == 0 || kind == Kind::Hit {
            self.add(text, kind);
            return;
        }
        for (run, hidden) in runs(bytes) {
            if self.used > self.cells {
                return;
            }
            if run.iter().all(|byte| *byte == b'\t') {
                for _ in run {
                    self.own(&" ".repeat(4 - self.used % 4), kind);
                }
            } else {
                self.add(Clean::line(run), if hidden { Kind::Hidden } else { kind });
            }
        }
    }

    fn own(&mut self, text: &str, kind: Kind) {
        self.add(Clean::line(text), kind);
    }

    fn pad_to(&mut self, cells: usize) {
        let pad = cells.saturating_sub(self.used).max(2);
        self.own(&" ".repeat(pad), Kind::Text);
    }

    fn add(&mut self, text: Clean, kind: Kind) {
        if !text.is_empty() {
            self.used += text.width();
            self.spans.push(Span { text, kind });
        }
    }
}

/// Bytes in runs that are hidden in whole or not at all.
fn runs(bytes: &[u8]) -> Vec<(&[u8], bool)> {
    use unicode_segmentation::UnicodeSegmentation as _;
    let mut runs: Vec<(&[u8], bool)> = Vec::new();
    let mut begin = 0;
    let mut at = 0;
    let mut last = None;
    let mut piece = |end: usize, hidden: bool| {
        if last.is_some_and(|last| last != hidden) {
            runs.push((&bytes[begin..at], !hidden));
            begin = at;
        }
        last = Some(hidden);
        at = end;
    };
    let mut end = 0;
    for chunk in bytes.utf8_chunks() {
        for cluster in chunk.valid().graphemes(true) {
            end += cluster.len();
            let ascii = cluster.len() == 1 && (b' '..=b'~').contains(&cluster.as_bytes()[0]);
            piece(end, !ascii && Clean::line(cluster).hidden() > 0);
        }
        if !chunk.invalid().is_empty() {
            end += chunk.invalid().len();
            piece(end, true);
        }
    }
    if let Some(hidden) = last {
        runs.push((&bytes[begin..], hidden));
    }
    runs
}

/// The place at `at` or a little before it where a character begins.
fn boundary(bytes: &[u8], at: usize) -> usize {
    let within = |at: usize| bytes.get(at).is_some_and(|byte| byte & 0xc0 == 0x80);
    (at.saturating_sub(3)..=at).rev().find(|at| !within(*at)).unwrap_or(at)
}

/// Foreign bytes as pieces, with hidden characters and the searched text set apart. An entry of
/// several lines stays on one: `↵` stands where the next begins.
pub fn pieces(bytes: &[u8], cells: usize, search: Option<&Search>) -> Vec<Span> {
    let mut row = Row { spans: Vec::new(), cells, used: 0, search };
    let seen = head(bytes, row.limit());
    for (n, line) in seen.split(|byte| *byte == b'\n').enumerate() {
        if n > 0 {
            row.own(" ↵ ", Kind::Dim);
        }
        row.push(line.strip_suffix(b"\r").unwrap_or(line), Kind::Text);
    }
    if seen.len() < bytes.len() && row.used < cells {
        row.own("…", Kind::Dim);
    }
    row.spans
}

/// The first `limit` bytes or a little less: no character is cut.
pub fn head(bytes: &[u8], limit: usize) -> &[u8] {
    &bytes[..cut_at(bytes, limit)]
}

/// Where to cut so that at most `limit` bytes are left and no character is cut.
pub(super) fn cut_at(bytes: &[u8], limit: usize) -> usize {
    if bytes.len() <= limit { bytes.len() } else { boundary(bytes, limit) }
}
