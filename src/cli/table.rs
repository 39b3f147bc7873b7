//! Aligned columns.

use std::fmt::Write as _;

use super::output::Out;
use crate::text::Clean;

/// What a cell means; without colours it is plain.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Tone {
    /// Nothing special.
    #[default]
    Plain,
    /// Of little interest: a zero, an absence.
    Dim,
    /// Worth a look.
    Alert,
    /// A heading.
    Head,
}

impl Tone {
    const fn code(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Dim => "2",
            Self::Alert => "31",
            Self::Head => "1",
        }
    }
}

/// A cell.
#[derive(Clone, Debug, Default)]
pub struct Cell {
    text: Clean,
    right: bool,
    tone: Tone,
}

impl Cell {
    /// Text, on the left of its column.
    pub fn text(text: Clean) -> Self {
        Self { text, ..Self::default() }
    }

    /// Text of our own.
    pub fn word(text: impl Into<Clean>) -> Self {
        Self::text(text.into())
    }

    /// A figure, on the right of its column.
    pub fn right(text: impl Into<Clean>) -> Self {
        Self { text: text.into(), right: true, ..Self::default() }
    }

    /// A count; zero is dim.
    pub fn count(number: u64) -> Self {
        let tone = if number == 0 { Tone::Dim } else { Tone::Plain };
        Self::right(super::figures::thousands(number)).tone(tone)
    }

    /// With a meaning.
    #[must_use]
    pub const fn tone(mut self, tone: Tone) -> Self {
        self.tone = tone;
        self
    }
}

/// Rows under a heading. A column is as wide as its widest cell, but for the last.
pub struct Table {
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// A table with headings; those that begin with `>` stand on the right.
    pub fn new(headings: &[&str]) -> Self {
        let head = headings
            .iter()
            .map(|heading| match heading.strip_prefix('>') {
                Some(heading) => Cell::right(heading),
                None => Cell::word(*heading),
            })
            .map(|cell| cell.tone(Tone::Head))
            .collect();
        Self { rows: vec![head] }
    }

    /// Rows without a heading.
    pub fn headless() -> Self {
        Self { rows: Vec::new() }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: Vec<Cell>) {
        self.rows.push(cells);
    }

    /// Writes it all.
    pub fn print(&self, out: &mut Out) -> std::io::Result<()> {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns)
            .map(|at| {
                self.rows
                    .iter()
                    .filter_map(|row| row.get(at))
                    .map(|cell| cell.text.width())
                    .max()
                    .unwrap_or(0)
            })
            .collect();
        for row in &self.rows {
            let mut line = String::new();
            for (at, cell) in row.iter().enumerate() {
                if at > 0 {
                    line.push_str("  ");
                }
                let pad = widths[at].saturating_sub(cell.text.width());
                if cell.right {
                    line.extend(std::iter::repeat_n(' ', pad));
                }
                push_toned(&mut line, cell.text.as_str(), if out.color() { cell.tone } else { Tone::Plain });
                if !cell.right && at + 1 < row.len() {
                    line.extend(std::iter::repeat_n(' ', pad));
                }
            }
            out.line(line.trim_end())?;
        }
        Ok(())
    }
}

fn push_toned(line: &mut String, text: &str, tone: Tone) {
    if tone.code().is_empty() || text.is_empty() {
        line.push_str(text);
    } else {
        let _ = write!(line, "\x1b[{}m{text}\x1b[0m", tone.code());
    }
}

/// A text in at least so many cells.
pub fn pad(text: &Clean, cells: usize) -> Clean {
    Clean::line(format!("{text}{}", " ".repeat(cells.saturating_sub(text.width()))))
}
