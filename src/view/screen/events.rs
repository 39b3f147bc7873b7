//! The Events screen.

mod columns;

use super::{empty, heading, no_queue, unanswered};
use crate::app::panel::Context;
use crate::app::panes::Rect;
use crate::app::screen::events::Events;
use crate::app::screen::events::entry::Entry;
use crate::monitor::QueueRow;
use crate::text::{Clean, figure, wrap};
use crate::view::pen::Pen;
use crate::view::theme::Role;
use crate::view::widget::bar;
use crate::wire::Era;
use columns::Column;

/// Draws the screen.
pub fn draw(pen: &mut Pen<'_>, events: &Events, cx: &Context<'_>) {
    head(pen, events, cx);
    let list = Events::list(cx.body);
    if events.is_empty() {
        let lines = nothing(events, cx);
        let width = usize::from(list.width.saturating_sub(2));
        let rows = lines.iter().flat_map(|line| {
            let rows = wrap(line, width);
            if rows.is_empty() { vec![Clean::default()] } else { rows }
        });
        empty(pen, list, &rows.collect::<Vec<_>>());
        return;
    }
    let columns = columns::fitting(cx.body.width);
    for (column, x, width) in &columns {
        pen.put(list.x + x, list.y.saturating_sub(1), *width, &column.title(), Role::Dim);
    }
    let top = events.cursor.top;
    for (index, y) in (top..events.len() as u64).zip(list.y..list.y + list.height) {
        let Some(entry) = events.row(index) else { break };
        row(pen, entry, Rect { y, height: 1, ..list }, index == events.cursor.index, &columns);
    }
    bar::scroll(pen, list, top, events.len() as u64);
}

fn head(pen: &mut Pen<'_>, events: &Events, cx: &Context<'_>) {
    let mut title = vec![Clean::line("Events")];
    if let Some(waiting) = events.waiting() {
        let waiting = figure::count(waiting as u64);
        title.push(Clean::line(format!("‖ held still, {waiting} wait (Space goes on)")));
    }
    let mut right = Vec::new();
    if !events.filter.is_empty() {
        let (shown, kept) = (figure::count(events.len() as u64), figure::count(events.kept() as u64));
        right.push(format!("/ {}: {shown} of {kept}", Clean::line(&events.filter).cut(24)));
    }
    if events.dropped() > 0 {
        right.push(format!("{} older let go", figure::count(events.dropped())));
    } else if events.filter.is_empty() && events.waiting().is_none() {
        right.push("newest first".to_owned());
    }
    heading(pen, cx.body, &title, &Clean::line(right.join("   ")));
}

/// Why there is nothing, and which queues are listened to.
fn nothing(events: &Events, cx: &Context<'_>) -> Vec<Clean> {
    if events.kept() > 0 {
        let kept = figure::count(events.kept() as u64);
        return vec![Clean::line(format!("none of {kept} events passes the filter"))];
    }
    if let Some(why) = unanswered(cx) {
        return why;
    }
    let queues = || cx.snapshot.queues.iter();
    let bull = |row: &QueueRow| row.era <= Era::Bull4;
    let heard: Vec<&QueueRow> = queues().map(|row| &**row).filter(|row| !bull(row)).collect();
    let deaf: Vec<&QueueRow> = queues().map(|row| &**row).filter(|row| bull(row)).collect();
    let mut lines = Vec::new();
    if heard.is_empty() && deaf.is_empty() {
        return no_queue(cx);
    }
    if !heard.is_empty() {
        lines.push(Clean::line("nothing has happened since this screen was opened"));
        lines.push(Clean::default());
        lines.push(names("listening to", &heard));
    }
    if !deaf.is_empty() {
        lines.push(names("Bull queues have no event stream:", &deaf));
    }
    lines
}

/// Some names of queues, and how many more there are.
fn names(words: &str, queues: &[&QueueRow]) -> Clean {
    const NAMED: usize = 4;
    let named: Vec<Clean> = queues.iter().take(NAMED).map(|row| row.name.cut(20)).collect();
    let named: Vec<&str> = named.iter().map(Clean::as_str).collect();
    let named = named.join(", ");
    Clean::line(match queues.len().saturating_sub(NAMED) {
        0 => format!("{words} {named}"),
        more => format!("{words} {named} and {} more", figure::count(more as u64)),
    })
}

fn row(pen: &mut Pen<'_>, entry: &Entry, area: Rect, selected: bool, columns: &[(Column, u16, u16)]) {
    if selected {
        pen.tint(area, Role::Selected);
        pen.put(area.x, area.y, 1, &"▶", Role::Selected);
    }
    if entry.gap {
        let role = if selected { Role::Selected } else { Role::Warn };
        pen.put(area.x + 2, area.y, 1, &"┄", role);
        pen.put(area.x + 4, area.y, area.width.saturating_sub(5), &entry.rest, role);
        return;
    }
    for (column, x, width) in columns {
        column.draw(pen, entry, area.x + x, area.y, *width, selected);
    }
}
