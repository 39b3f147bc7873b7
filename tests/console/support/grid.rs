//! A drawn frame as text that a person can review.

use std::fmt::Write as _;

use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier};
use unicode_width::UnicodeWidthStr as _;

use super::Console;

/// Cells around the frame: whatever is found there was written outside.
const MARGIN: u16 = 3;
/// A symbol that nothing of ours draws.
const UNTOUCHED: &str = "\u{2591}";

/// A drawn frame.
pub struct Grid {
    buffer: Buffer,
    columns: u16,
    rows: u16,
}

impl Grid {
    /// Draws what a console shows into a buffer that is larger than its terminal.
    pub fn of(console: &Console) -> Self {
        let (columns, rows) = console.app.size;
        // A buffer of its own size shows that nothing panics there ...
        let mut buffer = Buffer::empty(Rect::new(0, 0, columns, rows));
        toril::view::draw(&console.app, &console.theme, console.now, &mut buffer);
        let grid = Self { buffer, columns, rows };
        // ... and a larger one that nothing relies on being cut at its edge.
        let area = Rect::new(0, 0, columns + MARGIN, rows + MARGIN);
        let mut large = Buffer::filled(area, Cell::new(UNTOUCHED));
        toril::view::draw(&console.app, &console.theme, console.now, &mut large);
        for y in 0..area.height {
            for x in 0..area.width {
                let outside = x >= columns || y >= rows;
                let symbol = large[(x, y)].symbol();
                assert!(
                    !outside || symbol == UNTOUCHED,
                    "{symbol:?} outside, at {x},{y} of {columns}x{rows}"
                );
            }
        }
        grid.check();
        grid
    }

    /// Every cell holds one visible cluster, and what is wide has the room that it takes.
    fn check(&self) {
        for y in 0..self.rows {
            let mut x = 0;
            while x < self.columns {
                let symbol = self.buffer[(x, y)].symbol();
                if let Some(c) = symbol.chars().find(|c| hidden(*c)) {
                    panic!("U+{:04X} in a cell at {x},{y}:\n{}", c as u32, self.text());
                }
                assert!(symbol.chars().count() <= 12, "{} characters in a cell", symbol.chars().count());
                let cells = u16::try_from(symbol.width()).unwrap().max(1);
                assert!(x + cells <= self.columns, "{symbol:?} hangs over the edge at {x},{y}");
                for covered in x + 1..x + cells {
                    let under = self.buffer[(covered, y)].symbol();
                    assert!(under == " ", "{symbol:?} at {x},{y} covers {under:?}:\n{}", self.text());
                }
                x += cells;
            }
        }
    }

    pub fn symbol(&self, x: u16, y: u16) -> &str {
        self.buffer[(x, y)].symbol()
    }

    /// The row as a terminal shows it: what a wide cluster covers is not shown.
    pub fn row(&self, y: u16) -> String {
        let mut row = String::new();
        let mut x = 0;
        while x < self.columns {
            let symbol = self.symbol(x, y);
            row.push_str(symbol);
            x += u16::try_from(symbol.width()).unwrap().max(1);
        }
        row.truncate(row.trim_end().len());
        row
    }

    /// All rows, without the spaces at their ends.
    pub fn text(&self) -> String {
        let rows: Vec<String> = (0..self.rows).map(|y| self.row(y)).collect();
        rows.join("\n")
    }

    pub fn contains(&self, text: &str) -> bool {
        self.text().contains(text)
    }

    /// The rows from one that contains `from` on, as many as asked.
    pub fn rows_from(&self, from: &str, count: usize) -> String {
        let rows: Vec<String> = (0..self.rows).map(|y| self.row(y)).collect();
        let at = rows.iter().position(|row| row.contains(from)).unwrap_or_else(|| {
            panic!("{from:?} is not on screen:\n{}", self.text());
        });
        rows[at..].iter().take(count).cloned().collect::<Vec<_>>().join("\n")
    }

    /// The styles of each row as runs, `column+cells:style`, rows without any left out.
    pub fn styles(&self) -> String {
        self.styles_of(0..self.rows)
    }

    fn styles_of(&self, rows: std::ops::Range<u16>) -> String {
        let mut out = String::new();
        for y in rows {
            let mut runs: Vec<(u16, u16, String)> = Vec::new();
            for x in 0..self.columns {
                let style = style_of(&self.buffer[(x, y)]);
                match runs.last_mut() {
                    Some((_, cells, last)) if *last == style => *cells += 1,
                    _ => runs.push((x, 1, style)),
                }
            }
            runs.retain(|(_, _, style)| !style.is_empty());
            if runs.is_empty() {
                continue;
            }
            let _ = write!(out, "{y:>3}");
            for (x, cells, style) in runs {
                let _ = write!(out, " {x}+{cells}:{style}");
            }
            out.push('\n');
        }
        out
    }

    /// The style at a cell, as [`Grid::styles`] writes it.
    pub fn style(&self, x: u16, y: u16) -> String {
        style_of(&self.buffer[(x, y)])
    }

    /// The style of the first cell of a text on screen.
    pub fn style_at(&self, text: &str) -> String {
        for y in 0..self.rows {
            let row = self.row(y);
            if let Some(at) = row.find(text) {
                let x = u16::try_from(row[..at].width()).unwrap();
                return self.style(x, y);
            }
        }
        panic!("{text:?} is not on screen:\n{}", self.text());
    }

    /// Text and styles of all rows, for snapshots.
    pub fn whole(&self) -> String {
        format!("{}\n{}\n{}", self.text(), "-".repeat(usize::from(self.columns)), self.styles())
    }

    /// Text and styles of a screen, for snapshots, without what is around every screen.
    pub fn body(&self) -> String {
        let body = toril::app::panes::Panes::new(self.columns, self.rows).body;
        let rows = body.y..body.y + body.height;
        let text: Vec<String> = rows.clone().map(|y| self.row(y)).collect();
        let rule = "-".repeat(usize::from(self.columns));
        format!("{}\n{rule}\n{}", text.join("\n"), self.styles_of(rows))
    }
}

/// Short on purpose: `red.bold`, `dim`, `cyan.reverse`.
fn style_of(cell: &Cell) -> String {
    let mut parts = Vec::new();
    if cell.fg != Color::Reset {
        parts.push(cell.fg.to_string().to_lowercase());
    }
    for (modifier, name) in [
        (Modifier::BOLD, "bold"),
        (Modifier::DIM, "dim"),
        (Modifier::UNDERLINED, "underline"),
        (Modifier::REVERSED, "reverse"),
    ] {
        if cell.modifier.contains(modifier) {
            parts.push(name.to_owned());
        }
    }
    parts.join(".")
}

/// What must never stand in a cell: controls, bidi, zero-width and format characters, tags,
/// separators (reliability, part 1). A list of its own, so that it checks the one in `text`.
fn hidden(c: char) -> bool {
    c.is_control()
        || matches!(c as u32,
            0xad | 0x34f | 0x61c | 0x180b..=0x180f | 0x200b..=0x200c | 0x200e..=0x200f | 0x2028..=0x202e
            | 0x2060..=0x206f | 0xfeff | 0xfdd0..=0xfdef | 0xfff0..=0xfffb | 0xe0000..=0xe0fff)
}
