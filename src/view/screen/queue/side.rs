//! The panel beside the list: rates over time, limits, workers, era.

use super::marks;
use crate::app::panel::Context;
use crate::app::panes::Rect;
use crate::insight::errors::Onset;
use crate::insight::fault::{faults, health};
use crate::monitor::{QueueRow, Workers};
use crate::text::{Clean, figure};
use crate::view::pen::Pen;
use crate::view::theme::Role;
use crate::view::widget::spark;

/// Draws the panel, with the errors that began, and what most failures are, as far as that is known.
pub fn draw(
    pen: &mut Pen<'_>,
    row: &QueueRow,
    (began, chief): (&[Onset], Option<&Clean>),
    area: Rect,
    cx: &Context<'_>,
) {
    for y in area.y..area.y + area.height {
        pen.put(area.x, y, 1, &"│", Role::Border);
    }
    let area = area.right_of(2);
    let mut y = area.y;
    let end = area.y + area.height;
    let line = |pen: &mut Pen<'_>, y: &mut u16, name: &'static str, text: &Clean, role: Role| {
        if *y < end {
            pen.put(area.x, *y, 13, &name, Role::Dim);
            pen.put(area.x + 13, *y, area.width.saturating_sub(14), text, role);
            *y += 1;
        }
    };
    for fault in faults(row, cx.judged_at()).into_iter().take(3) {
        y = wrap(pen, area, y, end, &fault.sentence(row, cx.judged_at()), Role::Warn);
    }
    if y == area.y {
        y = wrap(pen, area, y, end, &health(row), Role::Ok);
    }
    if let Some(chief) = chief {
        y = wrap(pen, area, y, end, chief, Role::Warn);
    }
    y += 1;
    let happened = marks::shown(row, began, cx, area.width.saturating_sub(1));
    for (name, of, role) in [
        ("in/s", (|p| p.added) as fn(&crate::monitor::snapshot::RatePoint) -> f32, Role::Accent),
        ("out/s", |p| p.finished, Role::Ok),
        ("failed/s", |p| p.failed, Role::Danger),
    ] {
        let values: Vec<f64> = row.history.iter().map(|point| f64::from(of(point))).collect();
        let now = match name {
            "in/s" => row.in_per_s,
            "out/s" => row.out_per_s,
            _ => None,
        };
        // Before the first point of the history there is the present.
        let top = values.iter().copied().fold(now.unwrap_or(0.0), f64::max);
        let now = now.map_or_else(String::new, |rate| format!("{} now, ", figure::rate(rate)));
        line(pen, &mut y, name, &Clean::line(format!("{now}{} at most", figure::rate(top))), Role::Text);
        let height = if area.height > 34 { 4 } else { 2 };
        if y + height <= end {
            if y + height < end {
                let axis = Rect::new(area.x, y + height, area.width.saturating_sub(1), 1);
                marks::axis(pen, &happened, row, axis, cx.now);
            }
            spark::chart(pen, Rect::new(area.x, y, area.width.saturating_sub(1), height), &values, top, role);
            y += height + 1;
        }
    }
    if y < end && !happened.is_empty() {
        let rows = if area.height > 34 { 6 } else { 3 };
        y += marks::legend(pen, &happened, Rect::new(area.x, y, area.width, rows.min(end - y))) + 1;
    }
    let workers = match row.workers {
        Workers::Unknown => Clean::line("not looked yet"),
        Workers::NotPermitted => Clean::line("not permitted (CLIENT LIST)"),
        Workers::Count(n) => figure::count(u64::from(n)),
    };
    line(pen, &mut y, "workers", &workers, Role::Text);
    let concurrency = row.concurrency.map_or_else(|| Clean::line("no limit"), figure::count);
    line(pen, &mut y, "concurrency", &concurrency, Role::Text);
    let rate = match row.rate {
        Some((max, ms)) => Clean::line(format!(
            "{} per {}",
            figure::count(max),
            figure::duration(i64::try_from(ms).unwrap_or(i64::MAX))
        )),
        None => Clean::line("no limit"),
    };
    line(pen, &mut y, "rate", &rate, Role::Text);
    if let Some(ms) = row.limited_ms.filter(|ms| *ms > 0) {
        line(pen, &mut y, "limited for", &figure::duration(ms), Role::Warn);
    }
    line(pen, &mut y, "schedulers", &figure::count(row.schedulers), Role::Text);
    if let Some(at) = row.next_due_at {
        line(pen, &mut y, "next due", &figure::since(at, cx.redis_now()), Role::Text);
    }
    if let Some(at) = row.oldest_active_at {
        line(pen, &mut y, "longest run", &figure::age(cx.redis_now().saturating_sub(at)), Role::Text);
    }
    line(pen, &mut y, "era", &Clean::line(row.era.title()), Role::Text);
    if let Some(version) = &row.era_note.version {
        line(pen, &mut y, "last opened", version, Role::Dim);
    }
    // The version is told one row above.
    let told = row.era_note.version.as_ref().map(|version| format!("its version is {version}"));
    for evidence in row.era_note.evidence.iter().filter(|text| Some(text.as_str()) != told.as_deref()) {
        y = wrap(pen, area, y, end, evidence, Role::Dim);
    }
    if let Err(why) = row.era.writable() {
        wrap(pen, area, y, end, &Clean::line(why), Role::Warn);
    }
}

/// Writes text over several rows, broken at spaces; the row after it.
fn wrap(pen: &mut Pen<'_>, area: Rect, mut y: u16, end: u16, text: &Clean, role: Role) -> u16 {
    let width = usize::from(area.width.saturating_sub(1)).max(1);
    let mut line = String::new();
    for word in text.as_str().split(' ') {
        if !line.is_empty() && crate::text::width(&line) + 1 + crate::text::width(word) > width {
            if y < end {
                pen.put(area.x, y, area.width, &Clean::line(std::mem::take(&mut line)), role);
            }
            line.clear();
            y += 1;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if y < end {
        pen.put(area.x, y, area.width, &Clean::line(line), role);
    }
    y + 1
}
