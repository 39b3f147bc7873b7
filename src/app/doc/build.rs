//! Texts that are put together: labelled values, stacks with folds, lines that do something.

use super::{Block, Doc, Form, Index, Kind, Mark, Reader};
use crate::wire::Raw;

/// Puts a text together, line by line.
#[derive(Debug, Default)]
pub struct Builder {
    bytes: Vec<u8>,
    index: Index,
    marks: Vec<Mark>,
    label_cells: u16,
    folded: Vec<u32>,
}

impl Builder {
    /// A text whose labels take so many cells.
    pub fn new(label_cells: u16) -> Self {
        Self { label_cells, ..Self::default() }
    }

    /// Lines so far.
    pub fn lines(&self) -> u32 {
        u32::try_from(self.index.lines.len()).unwrap_or(u32::MAX)
    }

    /// Adds text; a line feed in it begins a new line.
    pub fn text(&mut self, kind: Kind, text: impl AsRef<[u8]>) -> &mut Self {
        for line in text.as_ref().split(|byte| *byte == b'\n') {
            self.index.line(self.bytes.len(), kind as u32);
            self.bytes.extend_from_slice(line);
            self.bytes.push(b'\n');
        }
        self
    }

    /// Adds one line: a label and a value, which is cut at its first line feed.
    pub fn pair(&mut self, kind: Kind, label: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> &mut Self {
        let one = |text: &[u8]| text.split(|byte| *byte == b'\n').next().unwrap_or_default().to_vec();
        let (label, value) = (one(label.as_ref()), one(value.as_ref()));
        self.text(kind, [label.as_slice(), b"  ", value.as_slice()].concat());
        let label = u32::try_from(label.len()).unwrap_or(0);
        self.mark().label = label;
        self
    }

    /// Gives the last line a number.
    pub fn link(&mut self, link: u32) -> &mut Self {
        self.mark().link = Some(link);
        self
    }

    fn mark(&mut self) -> &mut Mark {
        let line = self.index.last_line();
        let at = match self.marks.last() {
            Some(mark) if mark.line == line => self.marks.len() - 1,
            _ => {
                self.marks.push(Mark { line, label: 0, link: None, note: None });
                self.marks.len() - 1
            }
        };
        &mut self.marks[at]
    }

    /// Remarks something at the right edge of the first line that `add` adds (which marks no line itself).
    pub fn remarked(&mut self, note: &'static str, add: impl FnOnce(&mut Self)) -> &mut Self {
        let line = self.index.lines.len();
        add(self);
        if line < self.index.lines.len() {
            let line = u32::try_from(line).unwrap_or(u32::MAX);
            self.marks.push(Mark { line, label: 0, link: None, note: Some(note) });
        }
        self
    }

    /// Adds text in rows of at most `cells` bytes; rows that continue a line are indented.
    pub fn wrapped(&mut self, kind: Kind, indent: &str, text: impl AsRef<[u8]>, cells: usize) -> &mut Self {
        let cells = cells.saturating_sub(indent.len()).max(20);
        for line in text.as_ref().split(|byte| *byte == b'\n') {
            let mut line = line.strip_suffix(b"\r").unwrap_or(line);
            let mut first = true;
            while first || !line.is_empty() {
                let room = if first { cells + indent.len() } else { cells };
                let end = break_at(line, room);
                let row =
                    if first { line[..end].to_vec() } else { [indent.as_bytes(), &line[..end]].concat() };
                self.text(kind, row);
                line = line[end..].strip_prefix(b" ").unwrap_or(&line[end..]);
                first = false;
            }
        }
        self
    }

    /// Makes what `inside` adds foldable into the last line.
    pub fn block(&mut self, folded: bool, inside: impl FnOnce(&mut Self)) -> &mut Self {
        let line = self.index.last_line();
        let at = self.index.blocks.len();
        self.index.blocks.push(Block { line, last: line, items: 0 });
        inside(self);
        let last = self.index.last_line();
        if last == line {
            self.index.blocks.truncate(at);
            return self;
        }
        self.index.blocks[at].last = last;
        self.index.blocks[at].items = last - line;
        if folded {
            self.folded.push(line);
        }
        self
    }

    /// The text.
    pub fn finish(self) -> Doc {
        let mut doc = Doc::new(Raw::new(self.bytes), Form::Text, Reader::Done);
        doc.index = self.index;
        doc.marks = self.marks;
        doc.label_cells = self.label_cells;
        doc.fold_all(&self.folded);
        doc
    }
}

/// Where a row of at most `room` bytes ends: at a space, where one is near.
fn break_at(line: &[u8], room: usize) -> usize {
    let end = super::span::cut_at(line, room);
    if end == line.len() || line.get(end) == Some(&b' ') {
        return end;
    }
    let near = end - end / 4;
    line[near..end].iter().rposition(|byte| *byte == b' ').map_or(end, |at| near + at)
}
