//! Rows in columns that fit the width.

use crate::app::panes::Rect;
use crate::app::rows::{Row, Rows};
use crate::text::Clean;
use crate::view::pen::Pen;
use crate::view::theme::Role;
use crate::view::widget::bar;

/// A column.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Column {
    /// Its heading; what stands in it is asked for by this.
    pub title: &'static str,
    /// Its cells, the gap to the next one included.
    pub width: u16,
    /// From how many cells of the terminal on it is shown.
    pub from: u16,
    /// Figures stand at the right.
    pub right: bool,
    /// Takes a share of the room that is left.
    pub grows: bool,
}

impl Column {
    /// Text, shown from a width of the terminal on.
    pub const fn text(title: &'static str, width: u16, from: u16) -> Self {
        Self { title, width, from, right: false, grows: false }
    }

    /// Text that takes what room is left.
    pub const fn wide(title: &'static str, width: u16, from: u16) -> Self {
        Self { title, width, from, right: false, grows: true }
    }

    /// A figure.
    pub const fn figure(title: &'static str, width: u16, from: u16) -> Self {
        Self { title, width, from, right: true, grows: false }
    }
}

/// A column with its place from the left edge and its width.
pub type Placed = (Column, u16, u16);

/// Cells before the first column: the cursor, and a mark.
const MARKS: u16 = 4;

/// The columns that fit, with their places.
pub fn fitting(columns: &[Column], width: u16) -> Vec<Placed> {
    let room = width.saturating_sub(MARKS + 1);
    let shown = || columns.iter().filter(|column| column.from <= width);
    let growing = u16::try_from(shown().filter(|column| column.grows).count()).unwrap_or(1).max(1);
    let needed: u16 = shown().map(|column| column.width).sum();
    let share = room.saturating_sub(needed) / growing;
    let mut x = MARKS.min(width);
    let mut placed = Vec::new();
    for column in shown() {
        let cells =
            (column.width + if column.grows { share } else { 0 }).min((MARKS + room).saturating_sub(x));
        if cells > 0 {
            placed.push((*column, x, cells));
            x += cells;
        }
    }
    placed
}

/// Draws the headings in a row.
pub fn titles(pen: &mut Pen<'_>, area: Rect, y: u16, columns: &[Placed]) {
    for (column, x, width) in columns {
        if column.right {
            pen.put_right(area.x + x + width - 1, y, width - 1, &column.title, Role::Dim);
        } else {
            pen.put(area.x + x, y, width - 1, &column.title, Role::Dim);
        }
    }
}

/// Draws the rows of a list that are on screen, with the headings above them and the scroll bar.
pub fn rows<R: Row>(
    pen: &mut Pen<'_>,
    list: Rect,
    columns: &[Placed],
    rows: &Rows<R>,
    mark: impl Fn(&R) -> Option<Role>,
    cell: impl Fn(&R, &'static str) -> (Clean, Role),
) {
    titles(pen, list, list.y.saturating_sub(1), columns);
    for (y, (one, selected)) in (list.y..).zip(rows.visible(list.height)) {
        row(pen, Rect { y, ..list }, columns, selected, mark(one), |title| cell(one, title));
    }
    bar::scroll(pen, list, rows.top(), rows.all().len() as u64);
}

/// Draws a row.
pub fn row(
    pen: &mut Pen<'_>,
    area: Rect,
    columns: &[Placed],
    selected: bool,
    mark: Option<Role>,
    cell: impl Fn(&'static str) -> (Clean, Role),
) {
    let pick = |role| if selected { Role::Selected } else { role };
    if selected {
        pen.tint(Rect { height: 1, ..area }, Role::Selected);
        pen.put(area.x, area.y, 1, &"▶", Role::Selected);
    }
    if let Some(role) = mark {
        pen.put(area.x + 2, area.y, 1, &"▲", pick(role));
    }
    for (column, x, width) in columns {
        let (text, role) = cell(column.title);
        let role = pick(if text.hidden() > 0 { Role::Hidden } else { role });
        if column.right {
            pen.put_right(area.x + x + width - 1, area.y, width - 1, &text, role);
        } else {
            pen.put(area.x + x, area.y, width - 1, &text, role);
        }
    }
}
