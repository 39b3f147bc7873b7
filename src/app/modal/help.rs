//! The keys that work here, as lines in one or two columns.

use super::super::App;
use super::super::action::TABLE;
use super::super::panes::Rect;
use super::super::update::scopes;
use crate::text::{Clean, wrap};

/// A line of the help.
#[derive(Clone, Debug, PartialEq)]
pub enum Line {
    /// The heading of a scope.
    Heading(&'static str),
    /// Keys (empty where the line before goes on) and what they do.
    Keys(Clean, Clean),
    /// The same for what cannot be done here.
    Off(Clean, Clean),
    /// Why that cannot be done.
    Why(Clean),
    /// Nothing: above a heading.
    Empty,
}

/// The help for a screen and a size.
#[derive(Clone, Debug, PartialEq)]
pub struct Help {
    /// Its lines.
    pub lines: Vec<Line>,
    /// In how many columns they stand: the first ends where the second begins.
    pub columns: u16,
    /// Cells of a column.
    pub width: u16,
    /// Cells of the keys in it, the gap after them included.
    pub keys: u16,
    /// Rows that are seen at a time.
    pub rows: u16,
}

/// Cells of a column where the terminal has room for it.
const COLUMN: u16 = 78;
/// Cells between two columns.
const GAP: u16 = 3;
/// Cells and rows of the frame around it.
const FRAME: (u16, u16) = (4, 2);

impl Help {
    /// The help for the screen in front.
    pub fn new(app: &App) -> Self {
        let whole = app.panes().whole;
        let room = whole.inset(1).width.saturating_sub(FRAME.0);
        let columns = if room >= 2 * COLUMN + GAP { 2 } else { 1 };
        let width = room.min(COLUMN);
        let off = app.cannot_write();
        let named: Vec<_> = scopes(app)
            .into_iter()
            .map(|scope| {
                let rows = TABLE.iter().filter(|row| row.scope == scope);
                let rows = rows.map(|row| {
                    let keys: Vec<String> = app.keymap.keys(row).iter().map(ToString::to_string).collect();
                    (Clean::line(keys.join(" ")), Clean::line(row.title), row.writes && off.is_some())
                });
                (scope, rows.filter(|(keys, ..)| !keys.is_empty()).collect::<Vec<_>>())
            })
            .filter(|(_, rows)| !rows.is_empty())
            .collect();
        let longest = named.iter().flat_map(|(_, rows)| rows).map(|(keys, ..)| keys.width()).max();
        // On narrow terminals the keys leave two thirds of the row to what they do.
        let keys = u16::try_from(longest.unwrap_or(0) + 2).unwrap_or(0).min((width / 3).max(1));
        let titles = usize::from(width.saturating_sub(keys + 1)).max(1);
        let mut lines = Vec::new();
        if let Some(why) = &off {
            let text = Clean::line(format!("dimmed keys do nothing: {why}"));
            lines.extend(wrap(&text, usize::from(width).max(1)).into_iter().map(Line::Why));
        }
        for (scope, rows) in named {
            if !lines.is_empty() {
                lines.push(Line::Empty);
            }
            lines.push(Line::Heading(scope.title()));
            for (keys, title, off) in rows {
                for (i, part) in wrap(&title, titles).into_iter().enumerate() {
                    let keys = if i == 0 { keys.clone() } else { Clean::default() };
                    lines.push(if off { Line::Off(keys, part) } else { Line::Keys(keys, part) });
                }
            }
        }
        let rows = whole.height.saturating_sub(FRAME.1).min(fold(lines.len(), columns));
        Self { lines, columns, width, keys, rows }
    }

    /// How many lines stand in each column.
    pub fn height(&self) -> u16 {
        fold(self.lines.len(), self.columns)
    }

    /// How far it can be scrolled.
    pub fn most(&self) -> u16 {
        self.height().saturating_sub(self.rows)
    }

    /// The size of all of it with its frame.
    pub fn size(&self) -> Rect {
        let width = self.columns * self.width + (self.columns - 1) * GAP + FRAME.0;
        Rect::new(0, 0, width, self.rows + FRAME.1)
    }

    /// The lines of a column.
    pub fn column(&self, column: u16) -> &[Line] {
        let height = usize::from(self.height());
        let from = (usize::from(column) * height).min(self.lines.len());
        &self.lines[from..(from + height).min(self.lines.len())]
    }

    /// Where a column begins, within the frame.
    pub fn column_at(&self, column: u16) -> u16 {
        column * (self.width + GAP)
    }
}

fn fold(lines: usize, columns: u16) -> u16 {
    u16::try_from(lines.div_ceil(usize::from(columns.max(1)))).unwrap_or(u16::MAX)
}
