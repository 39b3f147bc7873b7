//! The Queue screen.

mod columns;
mod marks;
mod side;

use super::{empty, heading};
use crate::app::panel::Context;
use crate::app::panes::Rect;
use crate::app::screen::queue::{Queue, SCAN_BOUND, tab_count, tabs};
use crate::engine::read::page::{JobRow, Order};
use crate::insight::fault::faults;
use crate::monitor::QueueRow;
use crate::text::{Clean, figure};
use crate::view::pen::Pen;
use crate::view::theme::{Role, state_glyph};
use crate::view::widget::bar;
use crate::wire::State;

/// Draws the screen.
pub fn draw(pen: &mut Pen<'_>, queue: &Queue, chief: Option<&Clean>, cx: &Context<'_>) {
    let body = cx.body;
    if body.height < 4 {
        return;
    }
    let row = cx.queue(&queue.id).map(|row| &**row);
    head(pen, queue, row, body);
    tab_line(pen, queue, row, body.below(1).head(1));
    let list = Queue::list(body);
    let columns = columns::fitting(queue.state(), list.width);
    for (column, x, width) in &columns {
        let y = list.y.saturating_sub(1);
        if column.left() {
            pen.put(list.x + x + column.pad(), y, *width, &column.title(queue.state()), Role::Dim);
        } else {
            pen.put_right(list.x + x + width, y, *width, &column.title(queue.state()), Role::Dim);
        }
    }
    let len = queue.len(cx);
    if len == 0 {
        empty(pen, list, &nothing(queue, row));
    }
    for i in 0..u64::from(list.height).min(len.saturating_sub(queue.cursor.top)) {
        let index = queue.cursor.top + i;
        let area = Rect { y: list.y + u16::try_from(i).unwrap_or(0), height: 1, ..list };
        job_row(pen, queue, queue.row(index), index == queue.cursor.index, area, &columns, cx);
    }
    bar::scroll(pen, list, queue.cursor.top, len);
    foot(pen, queue, cx, len);
    let side_area = Queue::side(body);
    if side_area.width > 0
        && let Some(row) = row
    {
        side::draw(pen, row, (queue.beginnings.found(), chief), side_area, cx);
    }
}

fn head(pen: &mut Pen<'_>, queue: &Queue, row: Option<&QueueRow>, body: Rect) {
    let right = row.map_or_else(Clean::default, |row| {
        let write = match row.era.writable() {
            Ok(_) => "writable",
            Err(_) => "read-only",
        };
        Clean::line(format!("{} · {write}", row.era.title()))
    });
    let mut path = vec![queue.id.name.clean()];
    if let Some(row) = row {
        if row.paused {
            path.push(Clean::line("‖ paused"));
        }
        if row.split {
            path.push(Clean::line("≠ split: M merges its two lists"));
        }
    }
    heading(pen, body, &path, &right);
}

fn tab_line(pen: &mut Pen<'_>, queue: &Queue, row: Option<&QueueRow>, area: Rect) {
    let mut x = area.x + 1;
    let end = area.x + area.width;
    let tabs = tabs(row);
    // On narrow terminals the tabs that are empty and not open give their room to the others.
    let wide = |state: &State| state.name().len() + 10;
    let roomy = tabs.iter().map(wide).sum::<usize>() < usize::from(area.width);
    for state in tabs {
        let count = row.map_or(0, |row| tab_count(row, state));
        let open = state == queue.state();
        if !roomy && !open && count == 0 {
            continue;
        }
        let text = Clean::line(format!("{} {}", state.name(), figure::count_in(count, 7)));
        let cells = u16::try_from(text.width()).unwrap_or(0) + 2;
        if x + cells > end {
            break;
        }
        let role = match (open, count) {
            (true, _) => Role::Selected,
            (false, 0) => Role::Dim,
            (false, _) => Role::State(state),
        };
        x = pen.put(x, area.y, 1, &" ", role);
        x = pen.put(x, area.y, cells, &text, role);
        x = pen.put(x, area.y, 1, &" ", role) + 1;
    }
}

fn nothing(queue: &Queue, row: Option<&QueueRow>) -> Vec<Clean> {
    if let Some(why) = &queue.error {
        return vec![why.clone()];
    }
    match row {
        None => vec![Clean::line("this queue is not there (any more)")],
        Some(_) if queue.filtered.is_some() => vec![Clean::line("no job matches the filter")],
        Some(row) if row.sampled_at == 0 => vec![Clean::line("reading ...")],
        Some(_) => vec![Clean::line(format!("no {} jobs", queue.state().name()))],
    }
}

fn job_row(
    pen: &mut Pen<'_>,
    queue: &Queue,
    row: Option<&JobRow>,
    selected: bool,
    area: Rect,
    columns: &[(columns::Column, u16, u16)],
    cx: &Context<'_>,
) {
    if selected {
        pen.tint(area, Role::Selected);
        pen.put(area.x, area.y, 1, &"▶", Role::Selected);
    }
    let Some(row) = row else {
        pen.put(area.x + 4, area.y, 1, &"·", Role::Dim);
        return;
    };
    if queue.marks.has(&row.id) {
        let role = if selected { Role::Selected } else { Role::Accent };
        pen.put(area.x + 1, area.y, 1, &"●", role);
    }
    let state = queue.state();
    let role = if selected { Role::Selected } else { Role::State(state) };
    pen.put(area.x + 2, area.y, 1, &state_glyph(state), role);
    for (column, x, width) in columns {
        column.draw(pen, row, state, area.x + x, area.y, *width, selected, cx);
    }
}

fn foot(pen: &mut Pen<'_>, queue: &Queue, cx: &Context<'_>, len: u64) {
    let area = cx.body.foot(1);
    let mut parts = Vec::new();
    if len > 0 {
        parts.push(format!("{} of {}", figure::count(queue.cursor.index + 1), figure::count(len)));
    }
    if queue.order == Order::Reversed {
        parts.push("reversed".to_owned());
    }
    if queue.marks.all {
        parts.push(format!("all {} marked", figure::count(len)));
    } else if !queue.marks.is_empty() {
        parts.push(format!("{} marked", figure::count(queue.marks.len())));
    }
    if let Some(filtered) = &queue.filtered {
        let found = &filtered.found;
        let of = figure::count(found.total);
        let state = match (found.complete, found.scanned < found.total) {
            (false, _) => {
                let rate = figure::count_in(found.per_second as u64, 5);
                let share = figure::percent(found.share);
                format!("{rate}/s, {share} % of Redis, Ctrl-X stops")
            }
            (true, true) if filtered.stopped => "stopped".to_owned(),
            (true, true) if found.scanned >= SCAN_BOUND => format!("the first {}", figure::count(SCAN_BOUND)),
            (true, true) => "enough found".to_owned(),
            (true, false) => "all read".to_owned(),
        };
        parts.push(format!(
            "/{}: {} of {of} read, {state}",
            Clean::line(&filtered.typed),
            figure::count(found.scanned)
        ));
    }
    let width = area.width.saturating_sub(Queue::side(cx.body).width + 2);
    let x = pen.put(area.x + 1, area.y, width, &Clean::line(parts.join("  ·  ")), Role::Dim);
    let note = queue.filtered.as_ref().and_then(|filtered| filtered.found.note.as_ref());
    let why = queue.error.as_ref().filter(|_| len > 0).or(note);
    // Where there is no room for the panel, its worst fault is told here, or the newest that happened.
    let row = cx.queue(&queue.id).filter(|_| Queue::side(cx.body).width == 0 && why.is_none());
    let fault = row.and_then(|row| Some((row, *faults(row, cx.judged_at()).first()?)));
    if let Some((row, fault)) = fault {
        let text = Clean::line(format!("▲ {}", fault.sentence(row, cx.judged_at())));
        pen.put(x + 2, area.y, (area.x + width).saturating_sub(x + 2), &text, Role::Warn);
    } else if let Some((text, role)) = row.and_then(|row| marks::newest(row, queue.beginnings.found(), cx)) {
        pen.put(x + 2, area.y, (area.x + width).saturating_sub(x + 2), &text, role);
    }
    if let Some(why) = why {
        pen.put(x + 2, area.y, width.saturating_sub(x + 2), why, Role::Danger);
    }
}
