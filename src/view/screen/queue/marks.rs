//! What happened, on the time axis of the charts, and in words.

use crate::app::panel::Context;
use crate::app::panes::Rect;
use crate::insight::errors::Onset;
use crate::monitor::QueueRow;
use crate::monitor::marks::Happened;
use crate::text::{Clean, figure};
use crate::view::pen::Pen;
use crate::view::theme::Role;

/// One column of a chart, ms.
const COLUMN_MS: i64 = 10_000;

/// One mark of the axis.
pub struct Shown {
    /// When, ms since the epoch by this host.
    at: i64,
    /// The letter on the axis.
    letter: &'static str,
    /// What it means to the eye.
    role: Role,
    /// The lowest is seen where two share a column.
    rank: u8,
    /// In words, without the time.
    words: Clean,
}

/// The marks of a queue and of its server that fit on `cells` columns, and where its errors began; oldest first.
pub fn shown(row: &QueueRow, began: &[Onset], cx: &Context<'_>, cells: u16) -> Vec<Shown> {
    let oldest = cx.now - i64::from(cells) * COLUMN_MS;
    let errors = began.iter().map(|onset| Shown {
        // A worker's clock may be ahead.
        at: onset.at.saturating_sub(cx.snapshot.clock_offset_ms).min(cx.now),
        letter: "E",
        role: Role::Danger,
        rank: 2,
        words: Clean::line(format!("new: {}", onset.message.cut(100))),
    });
    let marks = row.marks.iter().chain(cx.snapshot.marks.iter()).map(|mark| {
        let (letter, role, rank) = letter(mark.what);
        Shown { at: mark.at, letter, role, rank, words: words(mark.what) }
    });
    let mut all: Vec<Shown> = errors.chain(marks).filter(|mark| mark.at >= oldest).collect();
    all.sort_by_key(|mark| mark.at);
    all
}

/// The letter on the axis, what it means to the eye, and what comes before the other where two share a column.
const fn letter(what: Happened) -> (&'static str, Role, u8) {
    match what {
        Happened::Restarted | Happened::FailedOver => ("x", Role::Danger, 0),
        Happened::Evicted(_) => ("e", Role::Danger, 1),
        Happened::Failures(_) => ("!", Role::Danger, 3),
        Happened::Paused => ("p", Role::Warn, 4),
        Happened::Resumed => ("r", Role::Ok, 4),
        Happened::WorkersLeft(_) => ("-", Role::Warn, 5),
        Happened::WorkersCame(_) => ("+", Role::Ok, 6),
    }
}

/// In words: `2 workers left`.
fn words(what: Happened) -> Clean {
    let some = |n: u64, one: &str, more: &str| {
        if n == 1 { one.to_owned() } else { format!("{} {more}", figure::count(n)) }
    };
    Clean::line(match what {
        Happened::Failures(n) => format!("{} failed at once", some(n, "1 job", "jobs")),
        Happened::WorkersCame(n) => some(n, "a worker came", "workers came"),
        Happened::WorkersLeft(n) => some(n, "a worker left", "workers left"),
        Happened::Paused => "paused".to_owned(),
        Happened::Resumed => "resumed".to_owned(),
        Happened::Evicted(n) => format!("Redis evicted {}", some(n, "a key", "keys")),
        Happened::Restarted => "Redis was started anew".to_owned(),
        Happened::FailedOver => "Redis failed over".to_owned(),
    })
}

impl Shown {
    /// In words: `14:02:10 2 workers left`.
    fn told(&self) -> Clean {
        Clean::line(format!("{} {}", figure::time_of_day(self.at), self.words))
    }
}

/// The column of a moment, from the right: charts end with the last full interval.
fn column(at: i64, last: i64, now: i64) -> i64 {
    let end = if now - last < 2 * COLUMN_MS { last } else { now };
    if at > end { 0 } else { (end - at) / COLUMN_MS }
}

/// Draws the axis below the charts.
pub fn axis(pen: &mut Pen<'_>, marks: &[Shown], row: &QueueRow, area: Rect, now: i64) {
    let last = row.history.last().map_or(now, |point| point.at);
    let mut taken: Vec<(u16, &Shown)> = Vec::new();
    for mark in marks {
        let Ok(back) = u16::try_from(column(mark.at, last, now)) else { continue };
        let Some(x) = area.width.checked_sub(back + 1).map(|x| area.x + x) else { continue };
        match taken.iter_mut().find(|(at, _)| *at == x) {
            Some((_, other)) if other.rank <= mark.rank => {}
            Some((_, other)) => *other = mark,
            None => taken.push((x, mark)),
        }
    }
    for (x, mark) in taken {
        pen.put(x, area.y, 1, &mark.letter, mark.role);
    }
}

/// Draws what the letters mean, the newest first; the rows that were used.
pub fn legend(pen: &mut Pen<'_>, marks: &[Shown], area: Rect) -> u16 {
    let mut rows = 0;
    for mark in marks.iter().rev().take(usize::from(area.height)) {
        pen.put(area.x, area.y + rows, 1, &mark.letter, mark.role);
        pen.put(area.x + 2, area.y + rows, area.width.saturating_sub(3), &mark.told(), Role::Text);
        rows += 1;
    }
    rows
}

/// The newest mark for where there is no room for charts.
pub fn newest(row: &QueueRow, began: &[Onset], cx: &Context<'_>) -> Option<(Clean, Role)> {
    let mark = shown(row, began, cx, 30).pop()?;
    Some((Clean::line(format!("{} {}", mark.letter, mark.told())), mark.role))
}
