//! A text with an index of its lines, so that a value of any size can be looked at through a window.
//!
//! The index is built once for a value, in steps that each fit into a frame; what is drawn costs the
//! lines on screen, whatever the size of the whole. Bytes stay as they are: numbers are text,
//! duplicate keys are two keys, and what is not JSON is shown as it stands (reliability, part 5).

mod build;
mod decode;
mod fold;
mod json;
mod pager;
mod search;
mod span;
#[cfg(test)]
mod tests;

pub use build::Builder;
pub use decode::strings;
pub use pager::Pager;
pub use search::Search;
pub use span::{Kind, Span, head, pieces};

use fold::Folds;

use crate::text::Clean;
use crate::wire::Raw;

/// Bytes that are indexed or searched in one step: a few ms.
pub const STEP: usize = 2 << 20;

/// Where a line begins, and how deep it is (JSON) or what it means ([`Kind`], text).
#[derive(Clone, Copy, Debug)]
struct Line {
    start: u32,
    tag: u32,
}

/// Lines that can be folded into the first of them.
#[derive(Clone, Copy, Debug)]
struct Block {
    /// The line that stays.
    line: u32,
    /// The last line that is hidden; `OPEN` while that is not known.
    last: u32,
    /// Keys or elements.
    items: u32,
}

const OPEN: u32 = u32::MAX;

/// Lines and blocks, in the order of the bytes.
#[derive(Debug, Default)]
struct Index {
    lines: Vec<Line>,
    blocks: Vec<Block>,
}

impl Index {
    fn line(&mut self, start: usize, tag: u32) {
        // Offsets fit: no value is indexed beyond `u32::MAX` bytes.
        self.lines.push(Line { start: u32::try_from(start).unwrap_or(u32::MAX), tag });
    }

    fn last_line(&self) -> u32 {
        u32::try_from(self.lines.len().saturating_sub(1)).unwrap_or(u32::MAX)
    }
}

/// Something more about a line of a built text.
#[derive(Clone, Copy, Debug)]
struct Mark {
    line: u32,
    /// So many bytes at its beginning are a label, shown in a column of its own.
    label: u32,
    /// The number that its builder gave it: what Enter does on it.
    link: Option<u32>,
    /// A remark of ours at the right edge.
    note: Option<&'static str>,
}

/// How the bytes are read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Form {
    Json,
    Text,
}

/// What is still to be indexed.
#[derive(Debug)]
enum Reader {
    Json(json::Reader),
    Text(usize),
    Done,
}

/// A text and its index.
#[derive(Debug)]
pub struct Doc {
    bytes: Raw,
    form: Form,
    index: Index,
    folds: Folds,
    marks: Vec<Mark>,
    label_cells: u16,
    notice: Option<Clean>,
    reader: Reader,
}

impl Doc {
    /// A value that should be JSON. What is not is shown as text, with a notice.
    pub fn json(bytes: Raw) -> Self {
        let bom = bytes.as_bytes().starts_with(b"\xef\xbb\xbf");
        let mut doc = Self::new(bytes, Form::Json, Reader::Json(json::Reader::new(if bom { 3 } else { 0 })));
        if bom {
            doc.notice = Some(Clean::line("begins with a byte order mark"));
        }
        doc.advance(STEP);
        doc
    }

    /// A text of lines.
    pub fn text(bytes: Raw) -> Self {
        let mut doc = Self::new(bytes, Form::Text, Reader::Text(0));
        doc.advance(STEP);
        doc
    }

    fn new(bytes: Raw, form: Form, reader: Reader) -> Self {
        Self {
            bytes,
            form,
            index: Index::default(),
            folds: Folds::default(),
            marks: Vec::new(),
            label_cells: 0,
            notice: None,
            reader,
        }
    }

    /// Indexes about so many bytes more; false when nothing is left.
    pub fn advance(&mut self, budget: usize) -> bool {
        // Redis holds no value that large by default; of one that is, the beginning is shown.
        let all = self.bytes.as_bytes();
        let bytes = &all[..all.len().min(u32::MAX as usize - 1)];
        match &mut self.reader {
            Reader::Done => return false,
            Reader::Json(reader) => match reader.read(bytes, &mut self.index, budget) {
                Ok(true) => self.reader = Reader::Done,
                Ok(false) => {}
                Err(fault) => {
                    self.notice = Some(Clean::line(format!(
                        "not JSON ({} at byte {}): shown as it is",
                        fault.what, fault.at
                    )));
                    self.index = Index::default();
                    self.folds = Folds::default();
                    self.form = Form::Text;
                    self.reader = Reader::Text(0);
                }
            },
            Reader::Text(at) => {
                let until = at.saturating_add(budget).min(bytes.len());
                while *at < until {
                    self.index.line(*at, Kind::Text as u32);
                    *at = line_end(bytes, *at).map_or(bytes.len(), |end| end + 1);
                }
                if *at >= bytes.len() {
                    self.reader = Reader::Done;
                }
            }
        }
        !matches!(self.reader, Reader::Done)
    }

    /// How far indexing is (0 to 1), while it runs.
    pub fn indexing(&self) -> Option<f64> {
        let at = self.indexed();
        (!matches!(self.reader, Reader::Done)).then(|| at as f64 / self.bytes.as_bytes().len().max(1) as f64)
    }

    fn indexed(&self) -> usize {
        match &self.reader {
            Reader::Json(reader) => reader.at(),
            Reader::Text(at) => *at,
            Reader::Done => self.bytes.as_bytes().len(),
        }
    }

    /// The bytes as they are.
    pub fn bytes(&self) -> &[u8] {
        self.bytes.as_bytes()
    }

    /// What should be known about the text (that it is not JSON, say).
    pub fn notice(&self) -> Option<&Clean> {
        self.notice.as_ref()
    }

    /// Rows: lines that no fold hides.
    pub fn rows(&self) -> u64 {
        self.index.lines.len() as u64 - self.folds.hidden()
    }

    /// Lines in all.
    pub fn lines(&self) -> u64 {
        self.index.lines.len() as u64
    }

    /// The line of a row.
    pub fn line_at(&self, row: u64) -> u32 {
        u32::try_from(self.folds.line_at(row)).unwrap_or(u32::MAX).min(self.index.last_line())
    }

    /// The row of a line; of a hidden one, the row that it is folded into.
    pub fn row_of(&self, line: u32) -> u64 {
        self.folds.row_of(line)
    }

    /// The line that holds a byte.
    fn line_of(&self, offset: u32) -> u32 {
        let after = self.index.lines.partition_point(|line| line.start <= offset);
        u32::try_from(after.saturating_sub(1)).unwrap_or(u32::MAX)
    }

    fn start(&self, line: u32) -> usize {
        self.index.lines.get(line as usize).map_or(self.indexed(), |line| line.start as usize)
    }

    /// The bytes of a line: up to the next one, without its line end.
    fn slice(&self, line: u32) -> &[u8] {
        let (start, end) = self.line_bytes(line);
        let slice = &self.bytes.as_bytes()[start..end];
        match self.form {
            Form::Json => slice,
            Form::Text => {
                let slice = slice.strip_suffix(b"\n").unwrap_or(slice);
                slice.strip_suffix(b"\r").unwrap_or(slice)
            }
        }
    }

    /// The first byte of a line, and the byte after its last.
    pub fn line_bytes(&self, line: u32) -> (usize, usize) {
        let end = if line >= self.index.last_line() { self.indexed() } else { self.start(line + 1) };
        (self.start(line).min(end), end)
    }

    fn mark(&self, line: u32) -> Option<&Mark> {
        let at = self.marks.binary_search_by_key(&line, |mark| mark.line).ok()?;
        self.marks.get(at)
    }

    /// The number that the builder gave a line.
    pub fn link(&self, line: u32) -> Option<u32> {
        self.mark(line)?.link
    }

    /// The remark of the builder on a line.
    pub fn note(&self, line: u32) -> Option<&'static str> {
        self.mark(line)?.note
    }
}

/// Where the line that holds `at` ends: the place of its line feed.
fn line_end(bytes: &[u8], at: usize) -> Option<usize> {
    bytes.get(at..)?.iter().position(|byte| *byte == b'\n').map(|n| at + n)
}
