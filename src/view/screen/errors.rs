//! The Errors screen: groups of failures, and the selected one told in full.

mod columns;
mod members;

use super::{empty, heading, no_queue, unanswered};
use crate::app::App;
use crate::app::action::Action;
use crate::app::panel::Context;
use crate::app::panes::Rect;
use crate::app::screen::errors::Errors;
use crate::insight::errors::{Group, Groups, Span};
use crate::monitor::QueueRow;
use crate::text::{Clean, figure, wrap};
use crate::view::pen::Pen;
use crate::view::theme::Role;
use crate::view::widget::{bar, spark};

pub use members::draw as draw_members;

/// Draws the screen.
pub fn draw(pen: &mut Pen<'_>, errors: &Errors, cx: &Context<'_>) {
    let body = cx.body;
    if body.height < 4 {
        return;
    }
    head(pen, errors, cx);
    let list = Errors::list(body);
    let lines = nothing(errors, cx);
    if !lines.is_empty() {
        let width = usize::from(list.width.saturating_sub(2)).max(1);
        let rows: Vec<Clean> = lines.iter().flat_map(|line| wrap(line, width)).collect();
        empty(pen, list, &rows);
        return;
    }
    let shown = columns::fitting(list.width);
    columns::titles(pen, &shown, list, errors);
    let since = errors.since_at();
    for (index, y) in (errors.cursor.top..).zip(list.y..list.y + list.height) {
        let group = usize::try_from(index).ok().and_then(|at| errors.shown.get(at));
        let Some(group) = group.and_then(|id| errors.groups.get(*id)) else { break };
        let selected = index == errors.cursor.index;
        if selected {
            pen.tint(Rect { y, height: 1, ..list }, Role::Selected);
            pen.put(list.x, y, 1, &"▶", Role::Selected);
        }
        let new = since.is_some_and(|since| group.is_new(since));
        if new {
            pen.put(list.x + 1, y, 1, &"*", if selected { Role::Selected } else { Role::Warn });
        }
        columns::row(pen, &shown, errors, group, (y, selected), cx);
    }
    bar::scroll(pen, list, errors.cursor.top, errors.shown.len() as u64);
    if let Some(group) = errors.selected() {
        detail(pen, errors, group, Errors::detail(body), cx);
    }
}

/// What most failures of a queue are, as far as the Errors screen has read them:
/// `1,180 of 1,204 failures are one error (2)`.
pub fn chief(app: &App, row: &QueueRow) -> Option<Clean> {
    let failed = row.counts.failed;
    let count = app.stacks.errors()?.groups.chief(&row.id, failed)?;
    let key = app.keymap.keys(Action::ScreenErrors.row()).first();
    let key = key.map(|key| format!(" ({key})")).unwrap_or_default();
    let text = format!("{} of {} failures are one error{key}", figure::count(count), figure::count(failed));
    Some(Clean::line(text))
}

fn head(pen: &mut Pen<'_>, errors: &Errors, cx: &Context<'_>) {
    let body = cx.body;
    let order = format!("sort: {}{}", errors.by.word(), if errors.reversed { " (reversed)" } else { "" });
    let filter = match errors.filter.as_str() {
        "" => String::new(),
        filter => format!(" · / {}", Clean::line(filter).cut(20)),
    };
    let groups = match errors.groups.len() {
        0 => Clean::line("Errors"),
        1 => Clean::line("Errors · 1 group"),
        n => Clean::line(format!("Errors · {} groups", figure::count(n as u64))),
    };
    heading(pen, body, &[groups], &Clean::line(format!("{order}{filter}")));
    let (text, role) = covered(errors, cx);
    let since = errors.since.words(cx.redis_now());
    let since = since.map(|since| Clean::line(format!("* new since {since}"))).unwrap_or_default();
    let room = u16::try_from(since.width()).unwrap_or(0) + 3;
    pen.put(body.x + 1, body.y + 1, body.width.saturating_sub(room), &text, role);
    pen.put_right(body.x + body.width.saturating_sub(1), body.y + 1, room, &since, Role::Warn);
}

/// How much of it was read, and when.
fn covered(errors: &Errors, cx: &Context<'_>) -> (Clean, Role) {
    let reading = &errors.reading;
    let (read, total) = reading.coverage();
    let of = format!("{} of {} read, newest first", figure::count(read), figure::count(total));
    if let Some(why) = &reading.error {
        return (Clean::line(format!("▲ {of}; broken off: {why}")), Role::Danger);
    }
    if let Some(old) = cx.link.old_ms(cx.now) {
        return (Clean::line(format!("▲ {of}; as it was {} ago", figure::age(old))), Role::Warn);
    }
    if reading.runs() {
        let rate = figure::count(reading.per_second as u64);
        return (Clean::line(format!("reading: {of} · {rate}/s · x stops")), Role::Accent);
    }
    if reading.stopped {
        return (Clean::line(format!("stopped: {of} · x reads anew")), Role::Warn);
    }
    let failed = figure::count(errors.groups.count());
    let at = reading.read_at.map(|at| format!(", as of {}", figure::time_of_day(at))).unwrap_or_default();
    if read < total {
        return (Clean::line(format!("{failed} failed jobs · {of}{at}")), Role::Warn);
    }
    (Clean::line(format!("{failed} failed jobs, all read{at}")), Role::Dim)
}

/// What is said where there is no row.
fn nothing(errors: &Errors, cx: &Context<'_>) -> Vec<Clean> {
    let line = |text: &str| vec![Clean::line(text)];
    if !errors.shown.is_empty() {
        return Vec::new();
    }
    if !errors.groups.is_empty() {
        return line("no group passes the filter");
    }
    if let Some(why) = &errors.reading.error {
        return vec![Clean::line("failed jobs could not be read"), why.clone()];
    }
    if let Some(why) = unanswered(cx) {
        return why;
    }
    if errors.reading.runs() {
        return line("reading failed jobs ...");
    }
    if errors.reading.stopped {
        return line("reading was stopped: x reads anew");
    }
    if cx.snapshot.queues.is_empty() {
        return no_queue(cx);
    }
    let looked = cx.snapshot.queues.iter().all(|row| row.sampled_at > 0);
    if looked { line("no job has failed") } else { line("counting ...") }
}

/// The selected group, in words.
fn detail(pen: &mut Pen<'_>, errors: &Errors, group: &Group, area: Rect, cx: &Context<'_>) {
    if area.height == 0 {
        return;
    }
    pen.rule(Rect { height: 1, ..area });
    let (x, width) = (area.x + 1, area.width.saturating_sub(2));
    let end = area.y + area.height;
    let mut y = area.y + 1;
    let facts = facts(&errors.groups, group, cx);
    let rows = wrap(&group.cause.message, usize::from(width).max(8));
    let below = 1 + u16::from(group.cause.frame.is_some()) + u16::from(area.height > 4);
    let room = usize::from(area.height.saturating_sub(1 + below)).max(1);
    let role = if group.cause.message.hidden() > 0 { Role::Hidden } else { Role::Strong };
    for (i, row) in rows.iter().take(room).enumerate() {
        let text =
            if i + 1 == room && rows.len() > room { Clean::line(format!("{row}…")) } else { row.clone() };
        pen.put(x, y, width, &text, role);
        y += 1;
    }
    let mut line = |text: &Clean, role| {
        if y < end {
            pen.put(x, y, width, text, role);
            y += 1;
        }
    };
    if let Some(frame) = &group.cause.frame {
        let whose = if group.cause.foreign { "a library's: " } else { "" };
        line(&Clean::line(format!("at {whose}{frame}")), Role::Accent);
    }
    line(&facts, Role::Text);
    if area.height > 4 {
        let ids: Vec<String> = group.examples.iter().map(|job| job.job.clean().cut(24).to_string()).collect();
        line(&Clean::line(format!("group {} · such as {}", group.cause.id, ids.join("  "))), Role::Dim);
    }
}

/// When and where, in one line.
pub(super) fn facts(groups: &Groups, group: &Group, cx: &Context<'_>) -> Clean {
    let now = cx.redis_now();
    let queues = groups.queues_of(group);
    let named: Vec<String> = queues
        .iter()
        .take(3)
        .map(|(queue, count)| format!("{} {}", queue.name.clean().cut(24), figure::count(*count)))
        .collect();
    let more = if queues.len() > 3 { format!(" and {} more", queues.len() - 3) } else { String::new() };
    let rate = group.history.rate(now).map(|rate| format!(" · {}/{}", figure::rate(rate.each), rate.unit));
    Clean::line(format!(
        "{} of {} · first {} ago · last {} ago{} · {}{more}",
        figure::count(group.count),
        figure::count(groups.count()),
        figure::age(now.saturating_sub(group.first_at)),
        figure::age(now.saturating_sub(group.last_at)),
        rate.unwrap_or_default(),
        named.join(", ")
    ))
}

/// A group's failures over time.
fn chart(pen: &mut Pen<'_>, group: &Group, span: Span, (x, y, cells): (u16, u16, u16), role: Role, now: i64) {
    let steps = span.steps();
    let values = group.history.last(span, steps, now);
    let cells = usize::from(cells).max(1);
    // Several steps to a cell where there is no room for all; whole steps, newest at the right.
    let each = steps.div_ceil(cells);
    let sums: Vec<f64> = values.rchunks(each).rev().map(|part| part.iter().sum()).collect();
    spark::line(pen, x, y, u16::try_from(cells).unwrap_or(u16::MAX), &sums, role);
}
