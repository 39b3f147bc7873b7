//! The columns of the queue list: which fit, and what stands in them.

use crate::app::panel::Context;
use crate::app::screen::queues::{GLOW_MS, Shown};
use crate::monitor::snapshot::Cell;
use crate::monitor::{Drain, QueueRow, Workers};
use crate::text::{Clean, figure};
use crate::view::pen::Pen;
use crate::view::theme::Role;
use crate::view::widget::spark;
use crate::wire::{Era, State};

/// A column.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Column {
    Name,
    Badge,
    Waiting,
    Active,
    Delayed,
    Children,
    Completed,
    Failed,
    FailureShare,
    In,
    Out,
    Drain,
    Workers,
    Oldest,
    Era,
    Spark,
}

/// Left to right, with the width and the order in which columns come as the terminal widens
/// (decisions, section 9).
const COLUMNS: [(Column, u16, u8); 16] = [
    (Column::Name, 18, 0),
    (Column::Badge, 2, 0),
    (Column::Waiting, 8, 0),
    (Column::Active, 7, 0),
    (Column::Delayed, 8, 0),
    (Column::Children, 9, 5),
    (Column::Completed, 11, 1),
    (Column::Failed, 8, 0),
    (Column::FailureShare, 7, 1),
    (Column::In, 7, 0),
    (Column::Out, 7, 0),
    (Column::Drain, 9, 2),
    (Column::Workers, 9, 3),
    (Column::Oldest, 8, 0),
    (Column::Era, 5, 6),
    (Column::Spark, 22, 7),
];

/// Cells before the name: cursor and fault mark.
const MARKS: u16 = 4;
const NAME_MAX: u16 = 42;

/// The columns that fit, each with its place and its width. The name takes what is left.
pub fn fitting(width: u16) -> Vec<(Column, u16, u16)> {
    // One cell is left for the scroll bar.
    let room = width.saturating_sub(MARKS + 1);
    let needed = |rank: u8| -> u16 { COLUMNS.iter().filter(|(_, _, r)| *r <= rank).map(|(_, w, _)| w).sum() };
    let rank = (0..=7).rev().find(|rank| needed(*rank) <= room).unwrap_or(0);
    let spare = room.saturating_sub(needed(rank));
    let mut x = MARKS;
    let mut columns = Vec::with_capacity(COLUMNS.len());
    for (column, width, column_rank) in COLUMNS {
        if column_rank > rank {
            continue;
        }
        // However narrow the terminal is, there is a name.
        let width =
            if column == Column::Name { (width + spare).min(NAME_MAX).min(room.max(1)) } else { width };
        if x + width > MARKS + room {
            break;
        }
        columns.push((column, x, width));
        x += width;
    }
    columns
}

impl Column {
    /// Its heading.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Name => "queue",
            Self::Badge => "",
            Self::Waiting => "wait",
            Self::Active => "active",
            Self::Delayed => "delayed",
            Self::Children => "children",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::FailureShare => "fail%",
            Self::In => "in/s",
            Self::Out => "out/s",
            Self::Drain => "drain",
            Self::Workers => "workers",
            Self::Oldest => "oldest",
            Self::Era => "era",
            Self::Spark => "out, ten minutes",
        }
    }

    /// Whether it is aligned to the left.
    pub const fn left(self) -> bool {
        matches!(self, Self::Name | Self::Badge)
    }

    /// Draws the cell of a row.
    #[allow(clippy::too_many_arguments, reason = "a cell is a row, a place and a state")]
    pub fn draw(
        self,
        pen: &mut Pen<'_>,
        shown: &Shown,
        x: u16,
        y: u16,
        width: u16,
        selected: bool,
        cx: &Context<'_>,
    ) {
        let row = &*shown.row;
        if self == Self::Spark {
            let role = if selected { Role::Selected } else { Role::Dim };
            let values: Vec<f64> = row.history.iter().map(|point| f64::from(point.finished)).collect();
            spark::line(pen, x + 2, y, width - 2, &values, role);
            return;
        }
        let (text, role) = self.cell(row, usize::from(width - 1), cx);
        let role = if selected { Role::Selected } else { self.glow(row, cx).unwrap_or(role) };
        if self.left() {
            let role = if text.hidden() > 0 && !selected { Role::Hidden } else { role };
            pen.put(x, y, width - 1, &text, role);
        } else {
            pen.put_right(x + width, y, width - 1, &text, role);
        }
    }

    fn cell(self, row: &QueueRow, width: usize, cx: &Context<'_>) -> (Clean, Role) {
        let counts = &row.counts;
        let unread = row.sampled_at == 0;
        let count = |n: u64, role: Role| match n {
            _ if unread => (Clean::line("·"), Role::Dim),
            0 => (Clean::line("0"), Role::Dim),
            n => (figure::count_in(n, width), role),
        };
        let now = cx.redis_now();
        match self {
            Self::Name => (row.name.clone(), if row.error.is_some() { Role::Danger } else { Role::Text }),
            Self::Badge => badge(row),
            Self::Waiting => count(row.ready(), Role::Text),
            Self::Active => count(counts.active, Role::Text),
            Self::Delayed => count(counts.delayed, Role::Text),
            Self::Children => count(counts.waiting_children, Role::Text),
            Self::Completed => count(counts.completed, Role::Text),
            Self::Failed => count(counts.failed, Role::State(State::Failed)),
            Self::FailureShare => match row.failure_share {
                Some(share) if share >= 0.2 => (figure::percent(share), Role::Danger),
                Some(share) => (figure::percent(share), Role::Text),
                None => dash(),
            },
            Self::In => row.in_per_s.map_or_else(dash, calm),
            Self::Out => row.out_per_s.map_or_else(dash, calm),
            Self::Drain => drain(row),
            Self::Workers => match row.workers {
                Workers::Count(0) if row.backlog > 0 && row.counts.active == 0 => {
                    (Clean::line("0"), Role::Danger)
                }
                Workers::Count(n) => (figure::count(u64::from(n)), Role::Text),
                Workers::NotPermitted => (Clean::line("denied"), Role::Dim),
                Workers::Unknown => dash(),
            },
            Self::Oldest => match row.oldest_at {
                Some(at) => (figure::age(now.saturating_sub(at)), Role::Text),
                None => dash(),
            },
            Self::Era => (Clean::line(short(row.era)), Role::Dim),
            Self::Spark => (Clean::default(), Role::Text),
        }
    }

    /// A figure that changed within the last second is shown so.
    fn glow(self, row: &QueueRow, cx: &Context<'_>) -> Option<Role> {
        let cells: &[Cell] = match self {
            Self::Waiting => &[Cell::Waiting, Cell::Paused, Cell::Prioritized],
            Self::Active => &[Cell::Active],
            Self::Delayed => &[Cell::Delayed],
            Self::Children => &[Cell::WaitingChildren],
            Self::Completed => &[Cell::Completed],
            Self::Failed => &[Cell::Failed],
            Self::Badge => &[Cell::State],
            _ => return None,
        };
        let lately = |cell: &Cell| {
            let at = row.changed_at[*cell as usize];
            at > 0 && cx.now < at + GLOW_MS
        };
        cells.iter().any(lately).then_some(Role::Changed)
    }

    /// The sum over all rows, where a sum means something.
    pub fn total<'a>(self, rows: impl Iterator<Item = &'a QueueRow> + Clone, width: usize) -> Option<Clean> {
        let all = rows.clone();
        let sum = |of: fn(&QueueRow) -> u64| Some(figure::count_in(all.map(of).sum(), width - 1));
        match self {
            Self::Waiting => sum(QueueRow::ready),
            Self::Active => sum(|row| row.counts.active),
            Self::Delayed => sum(|row| row.counts.delayed),
            Self::Children => sum(|row| row.counts.waiting_children),
            Self::Completed => sum(|row| row.counts.completed),
            Self::Failed => sum(|row| row.counts.failed),
            Self::In => Some(figure::rate(rows.filter_map(|row| row.in_per_s).sum())),
            Self::Out => Some(figure::rate(rows.filter_map(|row| row.out_per_s).sum())),
            _ => None,
        }
    }
}

fn badge(row: &QueueRow) -> (Clean, Role) {
    let text = |text: &str| Clean::line(text);
    if row.split {
        return (text("≠"), Role::Danger);
    }
    if row.paused {
        return (text("‖"), Role::Warn);
    }
    if row.limited_ms.is_some_and(|ms| ms > 0) {
        return (text("◷"), Role::Warn);
    }
    if row.workers == Workers::Count(0) && row.backlog > 0 && row.counts.active == 0 {
        return (text("∅"), Role::Danger);
    }
    (Clean::default(), Role::Text)
}

fn drain(row: &QueueRow) -> (Clean, Role) {
    match row.drain {
        _ if row.paused && row.backlog > 0 => (Clean::line("paused"), Role::Warn),
        Drain::In(s) => (figure::age((s * 1000.0) as i64), Role::Text),
        Drain::Growing => (Clean::line("growing"), Role::Warn),
        // What only waits for its time, or for children, does not stand still.
        Drain::Still if row.counts.waiting + row.counts.prioritized + row.counts.paused == 0 => dash(),
        Drain::Still => (Clean::line("never"), Role::Warn),
        Drain::Empty | Drain::Unknown => dash(),
    }
}

fn calm(rate: f64) -> (Clean, Role) {
    (figure::rate(rate), if rate < 0.05 { Role::Dim } else { Role::Text })
}

fn dash() -> (Clean, Role) {
    (Clean::line("–"), Role::Dim)
}

fn short(era: Era) -> &'static str {
    match era {
        Era::Bull3 => "B3",
        Era::Bull4 => "B4",
        Era::V1 => "1",
        Era::V2 => "2",
        Era::V3 => "3",
        Era::V4 => "4",
        Era::V5 => "5",
        Era::V6 => "6",
        Era::Pro => "pro",
        Era::Unknown => "?",
    }
}
