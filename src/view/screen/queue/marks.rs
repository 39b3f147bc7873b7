//! What happened, on the time axis of the charts, and in words.

use crate::app::panes::Rect;
use crate::monitor::marks::{Happened, Mark};
use crate::monitor::{QueueRow, Snapshot};
use crate::text::{Clean, figure};
use crate::view::pen::Pen;
use crate::view::theme::Role;

/// One column of a chart, ms.
const COLUMN_MS: i64 = 10_000;

/// The marks of a queue and of its server that fit on `cells` columns, oldest first.
pub fn shown(row: &QueueRow, snapshot: &Snapshot, cells: u16, now: i64) -> Vec<Mark> {
    let oldest = now - i64::from(cells) * COLUMN_MS;
    let all = row.marks.iter().chain(snapshot.marks.iter()).copied();
    let mut all: Vec<Mark> = all.filter(|mark| mark.at >= oldest).collect();
    all.sort_by_key(|mark| mark.at);
    all
}

/// The letter on the axis, and what it means to the eye.
const fn letter(what: Happened) -> (&'static str, Role) {
    match what {
        Happened::Failures(_) => ("!", Role::Danger),
        Happened::WorkersCame(_) => ("+", Role::Ok),
        Happened::WorkersLeft(_) => ("-", Role::Warn),
        Happened::Paused => ("p", Role::Warn),
        Happened::Resumed => ("r", Role::Ok),
        Happened::Evicted(_) => ("e", Role::Danger),
        Happened::Restarted | Happened::FailedOver => ("x", Role::Danger),
    }
}

/// What comes before the other where two share a column.
const fn rank(what: Happened) -> u8 {
    match what {
        Happened::Restarted | Happened::FailedOver => 0,
        Happened::Evicted(_) => 1,
        Happened::Failures(_) => 2,
        Happened::Paused | Happened::Resumed => 3,
        Happened::WorkersLeft(_) => 4,
        Happened::WorkersCame(_) => 5,
    }
}

/// In words: `14:02:10 2 workers left`.
fn words(mark: Mark) -> Clean {
    let some = |n: u64, one: &str, more: &str| {
        if n == 1 { one.to_owned() } else { format!("{} {more}", figure::count(n)) }
    };
    let what = match mark.what {
        Happened::Failures(n) => format!("{} failed at once", some(n, "1 job", "jobs")),
        Happened::WorkersCame(n) => some(n, "a worker came", "workers came"),
        Happened::WorkersLeft(n) => some(n, "a worker left", "workers left"),
        Happened::Paused => "paused".to_owned(),
        Happened::Resumed => "resumed".to_owned(),
        Happened::Evicted(n) => format!("Redis evicted {}", some(n, "a key", "keys")),
        Happened::Restarted => "Redis was started anew".to_owned(),
        Happened::FailedOver => "Redis failed over".to_owned(),
    };
    Clean::line(format!("{} {what}", figure::time_of_day(mark.at)))
}

/// The column of a moment, from the right: charts end with the last full interval.
fn column(at: i64, last: i64, now: i64) -> i64 {
    let end = if now - last < 2 * COLUMN_MS { last } else { now };
    if at > end { 0 } else { (end - at) / COLUMN_MS }
}

/// Draws the axis below the charts.
pub fn axis(pen: &mut Pen<'_>, marks: &[Mark], row: &QueueRow, area: Rect, now: i64) {
    let last = row.history.last().map_or(now, |point| point.at);
    let mut taken: Vec<(u16, Happened)> = Vec::new();
    for mark in marks {
        let Ok(back) = u16::try_from(column(mark.at, last, now)) else { continue };
        let Some(x) = area.width.checked_sub(back + 1).map(|x| area.x + x) else { continue };
        match taken.iter_mut().find(|(at, _)| *at == x) {
            Some((_, what)) if rank(*what) <= rank(mark.what) => {}
            Some((_, what)) => *what = mark.what,
            None => taken.push((x, mark.what)),
        }
    }
    for (x, what) in taken {
        let (letter, role) = letter(what);
        pen.put(x, area.y, 1, &letter, role);
    }
}

/// Draws what the letters mean, the newest first; the rows that were used.
pub fn legend(pen: &mut Pen<'_>, marks: &[Mark], area: Rect) -> u16 {
    let mut rows = 0;
    for mark in marks.iter().rev().take(usize::from(area.height)) {
        let (letter, role) = letter(mark.what);
        pen.put(area.x, area.y + rows, 1, &letter, role);
        pen.put(area.x + 2, area.y + rows, area.width.saturating_sub(3), &words(*mark), Role::Text);
        rows += 1;
    }
    rows
}

/// The newest mark for where there is no room for charts.
pub fn newest(row: &QueueRow, snapshot: &Snapshot, now: i64) -> Option<(Clean, Role)> {
    let mark = shown(row, snapshot, 30, now).pop()?;
    let (sign, role) = letter(mark.what);
    Some((Clean::line(format!("{sign} {}", words(mark))), role))
}
