//! The columns of the list of groups.

use super::chart;
use crate::app::panel::Context;
use crate::app::panes::Rect;
use crate::app::screen::errors::Errors;
use crate::insight::errors::{Group, Span};
use crate::text::{Clean, figure};
use crate::view::pen::Pen;
use crate::view::theme::Role;

/// A column.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Column {
    Count,
    Share,
    Rate,
    First,
    Last,
    Chart,
    Queues,
    Message,
    Frame,
}

/// Cells before the first column: cursor, new.
const MARKS: u16 = 2;

/// The columns that fit, each with its place and width.
pub(super) fn fitting(width: u16) -> Vec<(Column, u16, u16)> {
    use Column::{Chart, Count, First, Frame, Last, Message, Queues, Rate, Share};
    let wanted: &[(Column, u16)] = match width {
        160.. => &[
            (Count, 9),
            (Share, 7),
            (Rate, 10),
            (First, 7),
            (Last, 7),
            (Chart, 32),
            (Queues, 24),
            (Message, 0),
            (Frame, 44),
        ],
        110.. => &[
            (Count, 9),
            (Share, 7),
            (Rate, 10),
            (First, 6),
            (Last, 6),
            (Chart, 14),
            (Queues, 18),
            (Message, 0),
        ],
        76.. => &[(Count, 8), (Share, 6), (Last, 6), (Chart, 10), (Queues, 13), (Message, 0)],
        _ => &[(Count, 7), (Last, 5), (Message, 0)],
    };
    let fixed: u16 = wanted.iter().map(|(_, cells)| cells).sum();
    let rest = width.saturating_sub(MARKS + fixed + 1);
    let mut x = MARKS;
    let place = |(column, cells): &(Column, u16)| {
        let cells = if *cells == 0 { rest } else { *cells };
        x += cells;
        (*column, x - cells, cells)
    };
    wanted.iter().map(place).collect()
}

impl Column {
    const fn right(self) -> bool {
        matches!(self, Self::Count | Self::Share | Self::Rate | Self::First | Self::Last)
    }
}

/// Their names.
pub(super) fn titles(pen: &mut Pen<'_>, columns: &[(Column, u16, u16)], list: Rect, errors: &Errors) {
    let y = list.y.saturating_sub(1);
    for (column, x, cells) in columns {
        let name = match column {
            Column::Count => "count",
            Column::Share => "share",
            Column::Rate => "rate",
            Column::First => "first",
            Column::Last => "last",
            Column::Chart => errors.span.unwrap_or(Span::Hour).words(),
            Column::Queues => "queue",
            Column::Message => "message",
            Column::Frame => "at",
        };
        if column.right() {
            pen.put_right(list.x + x + cells, y, *cells, &name, Role::Dim);
        } else {
            pen.put(list.x + x + 1, y, cells.saturating_sub(1), &name, Role::Dim);
        }
    }
}

/// The cells of a group.
pub(super) fn row(
    pen: &mut Pen<'_>,
    columns: &[(Column, u16, u16)],
    errors: &Errors,
    group: &Group,
    (y, selected): (u16, bool),
    cx: &Context<'_>,
) {
    let (now, left) = (cx.redis_now(), cx.body.x);
    for (column, x, cells) in columns {
        let x = left + x;
        if *column == Column::Chart {
            let role = if selected { Role::Selected } else { Role::State(crate::wire::State::Failed) };
            let span = errors.span.unwrap_or(Span::Hour);
            chart(pen, group, span, (x + 1, y, cells.saturating_sub(1)), role, now);
            continue;
        }
        let (text, role) = cell(*column, errors, group, now);
        let role = match role {
            _ if selected => Role::Selected,
            _ if text.hidden() > 0 => Role::Hidden,
            role => role,
        };
        if column.right() {
            pen.put_right(x + cells, y, cells.saturating_sub(1), &text, role);
        } else {
            pen.put(x + 1, y, cells.saturating_sub(1), &text, role);
        }
    }
}

fn cell(column: Column, errors: &Errors, group: &Group, now: i64) -> (Clean, Role) {
    match column {
        Column::Count => (figure::count_in(group.count, 8), Role::Strong),
        Column::Share => {
            let share = group.count as f64 / errors.groups.count().max(1) as f64;
            (Clean::line(format!("{}%", figure::percent(share))), Role::Text)
        }
        Column::Rate => match group.history.rate(now) {
            Some(rate) => (Clean::line(format!("{}/{}", figure::rate(rate.each), rate.unit)), Role::Text),
            None => (Clean::line("–"), Role::Dim),
        },
        Column::First => (figure::age(now.saturating_sub(group.first_at)), Role::Dim),
        Column::Last => (figure::age(now.saturating_sub(group.last_at)), Role::Text),
        Column::Queues => {
            let queues = errors.groups.queues_of(group);
            let more = if queues.len() > 1 { format!(" +{}", queues.len() - 1) } else { String::new() };
            let name = queues.first().map(|(queue, _)| queue.name.clean().cut(20)).unwrap_or_default();
            (Clean::line(format!("{name}{more}")), Role::Text)
        }
        Column::Message => (group.cause.message.clone(), Role::Text),
        Column::Frame => (group.cause.frame.clone().unwrap_or_default(), Role::Dim),
        Column::Chart => (Clean::default(), Role::Text),
    }
}
