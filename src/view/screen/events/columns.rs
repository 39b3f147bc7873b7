//! The columns of the event list: which fit, and what stands in them.

use crate::app::screen::events::entry::Entry;
use crate::text::{Clean, figure};
use crate::view::pen::Pen;
use crate::view::theme::{Role, state_glyph};
use crate::wire::State;

/// A column; all are aligned to the left.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Column {
    Time,
    Queue,
    From,
    Event,
    Job,
    Rest,
}

/// Columns with their widths (the cell between two included) for terminals from a width on. The
/// longest event of the libraries is `retries-exhausted`.
const WIDTHS: [(u16, &[(Column, u16)]); 4] = [
    (
        150,
        &[
            (Column::Time, 14),
            (Column::Queue, 28),
            (Column::From, 19),
            (Column::Event, 21),
            (Column::Job, 38),
        ],
    ),
    (
        110,
        &[
            (Column::Time, 14),
            (Column::Queue, 22),
            (Column::From, 13),
            (Column::Event, 21),
            (Column::Job, 14),
        ],
    ),
    (60, &[(Column::Time, 10), (Column::Queue, 15), (Column::Event, 21), (Column::Job, 10)]),
    (0, &[(Column::Time, 10), (Column::Queue, 10), (Column::Event, 12), (Column::Job, 6)]),
];

/// The columns that fit, each with its place and its width. What else an event says takes what is
/// left.
pub fn fitting(width: u16) -> Vec<(Column, u16, u16)> {
    let widths = WIDTHS.iter().find(|(from, _)| width >= *from).map_or(&[][..], |(_, widths)| *widths);
    let end = width.saturating_sub(1); // the scroll bar
    let mut x = 2;
    let mut columns = Vec::with_capacity(widths.len() + 1);
    for (column, cells) in widths {
        let room = end.saturating_sub(x).min(*cells);
        columns.push((*column, x, room));
        x += room;
    }
    columns.push((Column::Rest, x, end.saturating_sub(x)));
    columns
}

impl Column {
    /// Its heading.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::Queue => "queue",
            Self::From => "from",
            Self::Event => "event",
            Self::Job => "job",
            Self::Rest => "",
        }
    }

    /// Draws the cell of an entry.
    pub fn draw(self, pen: &mut Pen<'_>, entry: &Entry, x: u16, y: u16, width: u16, selected: bool) {
        // A cell is left empty before the next column.
        let cells = if self == Self::Rest { width } else { width.saturating_sub(1) };
        let pick = |text: &Clean, role| match selected {
            true => Role::Selected,
            false if text.hidden() > 0 => Role::Hidden,
            false => role,
        };
        match self {
            Self::Time => {
                let second = figure::time_of_day(entry.at);
                let role = pick(&Clean::default(), Role::Dim);
                let end = pen.put(x, y, cells, &second, role);
                // Where there is room: what happens within one second has an order.
                let ms = Clean::line(format!(".{:03}", entry.at.rem_euclid(1000)));
                if end + 4 <= x + cells {
                    pen.put(end, y, 4, &ms, role);
                }
            }
            Self::Queue => {
                pen.put(x, y, cells, &entry.name, pick(&entry.name, Role::Text));
            }
            Self::From => {
                if !entry.from.is_empty() {
                    let role = pick(&entry.from, Role::Dim);
                    let at = pen.put(x, y, cells.saturating_sub(2), &entry.from, role);
                    pen.put(at, y, 2, &" →", role);
                }
            }
            Self::Event => {
                let (glyph, role) = sign(entry);
                pen.put(x, y, cells.min(1), &glyph, pick(&Clean::default(), role));
                pen.put(x + 2, y, cells.saturating_sub(2), &entry.event, pick(&entry.event, role));
            }
            Self::Job => {
                pen.put(x, y, cells, &entry.id, pick(&entry.id, Role::Text));
            }
            Self::Rest => {
                let role = if entry.state == Some(State::Failed) { Role::Text } else { Role::Dim };
                pen.put(x, y, cells, &entry.rest, if selected { Role::Selected } else { role });
            }
        }
    }
}

/// The sign and the role of an event: of the state that a job entered, where it entered one.
fn sign(entry: &Entry) -> (&'static str, Role) {
    if let Some(state) = entry.state {
        // A queue that was paused is not a job in the state `paused`.
        return (state_glyph(state), if state == State::Paused { Role::Warn } else { Role::State(state) });
    }
    match entry.event.as_str() {
        "stalled" => ("▲", Role::Warn),
        "retries-exhausted" => ("✖", Role::Danger),
        "resumed" => ("▶", Role::Ok),
        "added" => ("+", Role::Text),
        _ => ("·", Role::Dim),
    }
}
