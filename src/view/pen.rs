//! The only thing that writes cells. It takes sanitised text and our own literals, nothing else,
//! and never writes outside its rectangle.

use ratatui::buffer::Buffer;
use ratatui::style::Style;

use super::theme::{Role, Theme};
use crate::app::panes::Rect;
use crate::text::Clean;

/// Text that may be drawn: sanitised, or a literal of ours.
pub trait Shown {
    /// The text, with our own glyphs replaced where only ASCII may be drawn.
    fn shown(&self, ascii: bool) -> std::borrow::Cow<'_, str>;
    /// Cells that it takes.
    fn cells(&self) -> usize;
}

impl Shown for Clean {
    fn shown(&self, ascii: bool) -> std::borrow::Cow<'_, str> {
        if ascii && !self.as_str().is_ascii() {
            // Our own glyphs (an ellipsis, an arrow) read better as their likeness.
            let likened: String = self.as_str().chars().map(likeness).collect();
            std::borrow::Cow::Owned(Self::line(likened).to_ascii().as_str().to_owned())
        } else {
            std::borrow::Cow::Borrowed(self.as_str())
        }
    }

    fn cells(&self) -> usize {
        self.width()
    }
}

impl Shown for &'static str {
    fn shown(&self, ascii: bool) -> std::borrow::Cow<'_, str> {
        if ascii && !self.is_ascii() {
            std::borrow::Cow::Owned(self.chars().map(likeness).collect())
        } else {
            std::borrow::Cow::Borrowed(self)
        }
    }

    fn cells(&self) -> usize {
        crate::text::width(self)
    }
}

/// The ASCII character that stands for a glyph of ours.
fn likeness(c: char) -> char {
    match c {
        '─' | '━' | '┄' | '–' | '▔' => '-',
        '│' | '┃' | '║' | '‖' | '▏' | '▌' => '|',
        '┌' | '┐' | '└' | '┘' | '├' | '┤' | '┬' | '┴' | '┼' | '╭' | '╮' | '╰' | '╯' => {
            '+'
        }
        '▶' | '▸' | '›' | '→' => '>',
        '◀' => '<',
        '▲' | '↑' => '^',
        '▼' | '▾' | '↓' => 'v',
        '●' | '✔' => '*',
        '○' | '◌' => 'o',
        '✖' | '×' => 'x',
        '◷' => '@',
        '◇' => '%',
        '▰' | '█' | '▇' | '▆' | '▓' => '#',
        '▅' | '▄' | '▒' => '=',
        '▃' | '▂' | '▁' | '▱' | '░' | '·' => '.',
        '…' | '⋯' => '~',
        // Beside figures neither a nought nor a dash would be read as "no worker".
        '∅' => 'n',
        '≠' => '!',
        '↵' => 'E',
        '⇥' => 'T',
        'Σ' => 'S',
        other => other,
    }
}

/// Draws into a buffer with a theme.
pub struct Pen<'a> {
    buffer: &'a mut Buffer,
    theme: &'a Theme,
    /// Columns and rows that may be drawn on.
    bounds: (u16, u16),
}

impl<'a> Pen<'a> {
    /// A pen for the first `columns` and `rows` of a buffer.
    pub fn new(buffer: &'a mut Buffer, theme: &'a Theme, (columns, rows): (u16, u16)) -> Self {
        let bounds = (columns.min(buffer.area.width), rows.min(buffer.area.height));
        Self { buffer, theme, bounds }
    }

    /// The theme in use.
    pub fn theme(&self) -> &'a Theme {
        self.theme
    }

    /// Writes text at a cell, at most `cells` cells of it; the column after it.
    pub fn put(&mut self, x: u16, y: u16, cells: u16, text: &impl Shown, role: Role) -> u16 {
        self.put_styled(x, y, cells, text, self.theme.style(role))
    }

    /// As [`Pen::put`], with a style of its own.
    pub fn put_styled(&mut self, x: u16, y: u16, cells: u16, text: &impl Shown, style: Style) -> u16 {
        let (columns, rows) = self.bounds;
        if y >= rows || x >= columns || cells == 0 {
            return x;
        }
        let cells = cells.min(columns - x);
        let shown = text.shown(self.theme.ascii);
        let cut = crate::text::cut(&shown, usize::from(cells));
        let cut = if self.theme.ascii { cut.replace('…', "~").into() } else { cut };
        self.split(x, y);
        let (end, _) = self.buffer.set_stringn(x, y, cut, usize::from(cells), style);
        end
    }

    /// A wide cluster whose right half is about to be drawn over leaves its left half empty: a
    /// terminal would show the whole of it, and nothing of what stands over it.
    fn split(&mut self, x: u16, y: u16) {
        if let Some(left) = x.checked_sub(1)
            && let Some(cell) = self.buffer.cell_mut((left, y))
            && !cell.symbol().is_ascii()
            && crate::text::width(cell.symbol()) > 1
        {
            cell.set_char(' ');
        }
    }

    /// Writes text so that it ends before column `end`, within `cells` cells.
    pub fn put_right(&mut self, end: u16, y: u16, cells: u16, text: &impl Shown, role: Role) {
        let width = u16::try_from(text.cells()).unwrap_or(u16::MAX).min(cells);
        self.put(end.saturating_sub(width), y, width, text, role);
    }

    /// Writes pieces one after another within `cells` cells; the column after them.
    pub fn run(&mut self, x: u16, y: u16, cells: u16, pieces: &[(&dyn AnyShown, Role)]) -> u16 {
        let end = x.saturating_add(cells);
        let mut at = x;
        for (text, role) in pieces {
            at = text.draw(self, at, y, end.saturating_sub(at), *role);
        }
        at
    }

    /// A horizontal rule.
    pub fn rule(&mut self, area: Rect) {
        for x in area.x..area.x.saturating_add(area.width) {
            self.put(x, area.y, 1, &"─", Role::Border);
        }
    }

    /// Gives a rectangle a role without touching its text.
    pub fn tint(&mut self, area: Rect, role: Role) {
        let style = self.theme.style(role);
        self.buffer.set_style(self.inside(area), style);
    }

    /// The part of a rectangle that may be drawn on.
    fn inside(&self, area: Rect) -> ratatui::layout::Rect {
        let bounds = ratatui::layout::Rect::new(0, 0, self.bounds.0, self.bounds.1);
        ratatui::layout::Rect::new(area.x, area.y, area.width, area.height).intersection(bounds)
    }

    /// Empties a rectangle.
    pub fn clear(&mut self, area: Rect) {
        let area = self.inside(area);
        for y in area.top()..area.bottom() {
            self.split(area.left(), y);
            for x in area.left()..area.right() {
                if let Some(cell) = self.buffer.cell_mut((x, y)) {
                    cell.reset();
                }
            }
        }
    }
}

/// [`Shown`] behind a pointer, for [`Pen::run`].
pub trait AnyShown {
    /// Draws itself; the column after it.
    fn draw(&self, pen: &mut Pen<'_>, x: u16, y: u16, cells: u16, role: Role) -> u16;
}

impl<T: Shown> AnyShown for T {
    fn draw(&self, pen: &mut Pen<'_>, x: u16, y: u16, cells: u16, role: Role) -> u16 {
        pen.put(x, y, cells, self, role)
    }
}
