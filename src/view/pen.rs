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
}

impl<'a> Pen<'a> {
    /// A pen for a buffer.
    pub fn new(buffer: &'a mut Buffer, theme: &'a Theme) -> Self {
        Self { buffer, theme }
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
        let area = self.buffer.area;
        if y >= area.height || x >= area.width || cells == 0 {
            return x;
        }
        let cells = cells.min(area.width - x);
        let shown = text.shown(self.theme.ascii);
        let cut = crate::text::cut(&shown, usize::from(cells));
        let cut = if self.theme.ascii { cut.replace('…', "~").into() } else { cut };
        let (end, _) = self.buffer.set_stringn(x, y, cut, usize::from(cells), style);
        end
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
        self.buffer.set_style(to_ratatui(area, self.buffer.area), style);
    }

    /// Empties a rectangle.
    pub fn clear(&mut self, area: Rect) {
        let area = to_ratatui(area, self.buffer.area);
        for y in area.top()..area.bottom() {
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

fn to_ratatui(area: Rect, bounds: ratatui::layout::Rect) -> ratatui::layout::Rect {
    ratatui::layout::Rect::new(area.x, area.y, area.width, area.height).intersection(bounds)
}
