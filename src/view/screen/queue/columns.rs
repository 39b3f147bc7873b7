//! The columns of a job list: those that suit its state.

use crate::app::panel::Context;
use crate::engine::read::page::{Brief, JobRow};
use crate::text::{Clean, figure};
use crate::view::pen::Pen;
use crate::view::theme::Role;
use crate::view::widget::bar;
use crate::wire::State;

/// A column.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Column {
    Id,
    Name,
    /// When it is due, how long it waits, runs or has been finished.
    When,
    Took,
    Attempts,
    Priority,
    Progress,
    Worker,
    Reason,
    Flags,
}

/// Cells before the id: cursor, mark, state.
const MARKS: u16 = 4;

/// The columns for a state that fit, each with its place and width; the last one takes the rest.
/// They show what the page of that state reads (`engine::read::page`), and nothing else.
pub fn fitting(state: State, width: u16) -> Vec<(Column, u16, u16)> {
    use Column::{Attempts, Flags, Id, Name, Priority, Progress, Reason, Took, When, Worker};
    let wide = width >= 100;
    let name = if wide { 26 } else { 18 };
    let wanted: &[(Column, u16)] = match state {
        State::Failed => &[(Id, 12), (Name, name), (When, 7), (Attempts, 9), (Reason, 20)],
        State::Completed => {
            &[(Id, 14), (Name, name), (When, 8), (Took, 9), (Attempts, 9), (Worker, 16), (Flags, 8)]
        }
        State::Active => {
            &[(Id, 14), (Name, name), (When, 8), (Attempts, 9), (Progress, 22), (Worker, 16), (Flags, 8)]
        }
        State::Delayed => &[(Id, 14), (Name, name), (When, 10), (Attempts, 9), (Reason, 20)],
        State::WaitingChildren => &[(Id, 14), (Name, name), (When, 8), (Flags, 8)],
        State::Prioritized => &[(Id, 14), (Name, name), (Priority, 9), (When, 8), (Attempts, 9), (Flags, 8)],
        _ => &[(Id, 14), (Name, name), (When, 8), (Attempts, 9), (Priority, 9), (Flags, 8)],
    };
    // One cell is left for the scroll bar.
    let end = width.saturating_sub(1);
    let mut columns = Vec::with_capacity(wanted.len());
    let mut x = MARKS;
    for (column, cells) in wanted {
        let cells = if *column == Id && wide { cells + 8 } else { *cells };
        let rest = end.saturating_sub(x);
        if rest < cells.min(8) {
            break;
        }
        let cells = if *column == Reason { rest } else { cells.min(rest) };
        columns.push((*column, x, cells));
        x += cells;
    }
    columns
}

impl Column {
    /// Its heading.
    pub const fn title(self, state: State) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Name => "name",
            Self::When => match state {
                State::Delayed => "due",
                State::Active => "runs for",
                State::Completed | State::Failed => "ago",
                _ => "age",
            },
            Self::Took => "took",
            Self::Attempts => "attempts",
            Self::Priority => "priority",
            Self::Progress => "progress",
            Self::Worker => "worker",
            Self::Reason => match state {
                State::Failed => "error",
                _ => "last error",
            },
            Self::Flags => "",
        }
    }

    /// Whether it is aligned to the left.
    pub const fn left(self) -> bool {
        matches!(self, Self::Id | Self::Name | Self::Progress | Self::Worker | Self::Reason | Self::Flags)
    }

    /// Cells that are left free before it: a column aligned to the left behind one aligned to the
    /// right would touch it.
    pub const fn pad(self) -> u16 {
        match self {
            Self::Id => 0,
            _ if self.left() => 1,
            _ => 0,
        }
    }

    /// Draws the cell of a row.
    #[allow(clippy::too_many_arguments, reason = "a cell is a row, a place and a state")]
    pub fn draw(
        self,
        pen: &mut Pen<'_>,
        row: &JobRow,
        state: State,
        x: u16,
        y: u16,
        width: u16,
        selected: bool,
        cx: &Context<'_>,
    ) {
        if self == Self::Progress
            && let Some(share) = share(&row.progress)
        {
            let role = if selected { Role::Selected } else { Role::Accent };
            let x = bar::meter(pen, x + 1, y, 12, share, role);
            pen.put(x + 1, y, width.saturating_sub(14), &Clean::line(format!("{:.0}%", share * 100.0)), role);
            return;
        }
        let (text, role) = self.cell(row, state, cx);
        let role = match (selected, text.hidden()) {
            (true, _) => Role::Selected,
            (false, 0) => role,
            (false, _) => Role::Hidden,
        };
        if self.left() {
            pen.put(x + self.pad(), y, width.saturating_sub(1 + self.pad()), &text, role);
        } else {
            pen.put_right(x + width, y, width - 1, &text, role);
        }
    }

    fn cell(self, row: &JobRow, state: State, cx: &Context<'_>) -> (Clean, Role) {
        let now = cx.redis_now();
        let age =
            |at: Option<i64>| at.map_or_else(dash, |at| (figure::age(now.saturating_sub(at)), Role::Text));
        match self {
            Self::Id => (row.shown_id.clone(), Role::Text),
            Self::Name if row.gone => (Clean::line("(its data is gone)"), Role::Danger),
            Self::Name => brief(&row.name, Role::Text),
            Self::When => match state {
                State::Delayed => row.due_at.map_or_else(dash, |at| due(at, now)),
                State::Active => age(row.processed_on),
                State::Completed | State::Failed => age(row.finished_on),
                _ => age(row.timestamp),
            },
            Self::Took => match (row.processed_on, row.finished_on) {
                (Some(from), Some(to)) => (figure::duration(to.saturating_sub(from)), Role::Text),
                _ => dash(),
            },
            Self::Attempts if row.attempts_made == 0 => (Clean::line("0"), Role::Dim),
            Self::Attempts => (figure::count(row.attempts_made), Role::Text),
            Self::Priority if row.priority == 0 => dash(),
            Self::Priority => (Clean::line(row.priority.to_string()), Role::Text),
            Self::Progress => brief(&row.progress, Role::Text),
            Self::Worker => row.worker.clone().map_or_else(dash, |worker| (worker, Role::Text)),
            Self::Reason => brief(&row.reason, if state == State::Failed { Role::Text } else { Role::Dim }),
            Self::Flags => {
                let words = [(row.child, "flow"), (row.scheduled, "sched")];
                let words: Vec<&str> = words.iter().filter(|(on, _)| *on).map(|(_, word)| *word).collect();
                (Clean::line(words.join(" ")), Role::Dim)
            }
        }
    }
}

/// When a job is due; one that should have run already says so.
fn due(at: i64, now: i64) -> (Clean, Role) {
    if at > now {
        (Clean::line(format!("in {}", figure::age(at - now))), Role::Text)
    } else {
        (Clean::line(format!("{} late", figure::age(now - at))), Role::Warn)
    }
}

fn brief(text: &Brief, role: Role) -> (Clean, Role) {
    match text {
        Brief::Absent => (Clean::default(), role),
        Brief::Text(text) => (text.clone(), role),
        Brief::Large(bytes) => (Clean::line(format!("({})", figure::bytes(*bytes))), Role::Dim),
    }
}

/// Progress as a share, where it is a number of percent.
fn share(progress: &Brief) -> Option<f64> {
    let Brief::Text(text) = progress else { return None };
    let percent: f64 = text.as_str().parse().ok()?;
    (0.0..=100.0).contains(&percent).then_some(percent / 100.0)
}

fn dash() -> (Clean, Role) {
    (Clean::line("–"), Role::Dim)
}
