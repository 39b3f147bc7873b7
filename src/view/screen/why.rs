//! The Why screen: causes with their evidence, worst first.

use super::{empty, heading};
use crate::app::panel::Context;
use crate::app::panes::Rect;
use crate::app::screen::why::{HEAD, LABEL, Placed, Row, Why};
use crate::insight::why::{Cause, Diagnosis, Held, Motion, Weight};
use crate::text::{Clean, figure};
use crate::view::pen::Pen;
use crate::view::theme::Role;
use crate::view::widget::bar;

/// Draws the screen.
pub fn draw(pen: &mut Pen<'_>, why: &Why, cx: &Context<'_>) {
    let body = cx.body;
    if body.height <= HEAD {
        return;
    }
    heading(pen, body, &[why.id.name.clean(), Clean::line("why")], &dated(why, cx));
    let (x, width) = (body.x + 1, body.width.saturating_sub(2));
    counts(pen, why, cx, x, body.y + 1, width);
    let list = Why::list(body);
    let Some(found) = &why.found else {
        empty(pen, list, &waiting(why, width));
        return;
    };
    let (glyph, role) = mood(found);
    let sentence = Clean::line(format!("{glyph} {}", found.sentence()));
    pen.put(x, body.y + 2, width, &sentence, role);
    let foot = foot(why, found);
    let list = list.above(u16::try_from(foot.len()).unwrap_or(0));
    if found.causes.is_empty() {
        let calm = [Clean::line("no cause: nothing is wrong with it that can be read"), told(found)];
        empty(pen, list, &calm);
    } else {
        causes(pen, why, found, list);
    }
    for ((line, role), y) in foot.iter().zip(list.y + list.height..) {
        pen.put(x, y, width, line, *role);
    }
}

/// Of when the answer is.
fn dated(why: &Why, cx: &Context<'_>) -> Clean {
    match &why.found {
        None => Clean::line("looking ..."),
        Some(_) if cx.now - why.found_at >= 10_000 => {
            Clean::line(format!("▲ seen {} ago", figure::age(cx.now - why.found_at)))
        }
        Some(_) => Clean::line("looks every 2 s"),
    }
}

fn waiting(why: &Why, width: u16) -> Vec<Clean> {
    let text = match &why.error {
        Some(error) => format!("it cannot be looked at: {error}"),
        None => "looking twice, a moment apart: what passes by itself is no cause".to_owned(),
    };
    crate::text::wrap(&Clean::line(text), usize::from(width).max(1))
}

/// The glyph and the role of the sentence.
fn mood(found: &Diagnosis) -> (&'static str, Role) {
    match (found.causes.first().map(|cause| cause.weight), found.motion) {
        (Some(Weight::Stops), _) => ("✖", Role::Danger),
        (Some(_), _) => ("▲", Role::Warn),
        (None, Motion::Stands) => ("○", Role::Strong),
        (None, _) => ("✔", Role::Ok),
    }
}

/// One line more for a healthy queue.
fn told(found: &Diagnosis) -> Clean {
    Clean::line(match found.motion {
        Motion::Moves => "jobs start, and workers hold those that run",
        Motion::Idle => "nothing is to be done now",
        Motion::Stands => "jobs wait for less time than would be told as a fault; it is looked at again",
    })
}

/// The queue's counts, on one line.
fn counts(pen: &mut Pen<'_>, why: &Why, cx: &Context<'_>, x: u16, y: u16, width: u16) {
    let Some(row) = cx.queue(&why.id).filter(|row| row.sampled_at > 0) else { return };
    let counts = &row.counts;
    let all = [
        ("wait", counts.waiting),
        ("paused", counts.paused),
        ("prioritized", counts.prioritized),
        ("active", counts.active),
        ("delayed", counts.delayed),
        ("children", counts.waiting_children),
        ("failed", counts.failed),
    ];
    let always = ["wait", "active", "delayed", "failed"];
    let shown = all.iter().filter(|(name, n)| *n > 0 || always.contains(name));
    let mut words: Vec<String> = shown.map(|(name, n)| format!("{name} {}", figure::count(*n))).collect();
    words.push(match row.workers {
        crate::monitor::Workers::Count(n) => format!("workers {n}"),
        crate::monitor::Workers::NotPermitted => "workers not permitted".to_owned(),
        crate::monitor::Workers::Unknown => "workers ?".to_owned(),
    });
    words.push(row.era.title().to_owned());
    pen.put(x, y, width, &Clean::line(words.join(" · ")), Role::Dim);
}

/// What is not known, and why the last look failed: below the list.
fn foot(why: &Why, found: &Diagnosis) -> Vec<(Clean, Role)> {
    let mut lines = Vec::new();
    if let Some(error) = &why.error {
        lines.push((Clean::line(format!("▲ the last look failed: {error}")), Role::Warn));
    }
    if !found.not_known.is_empty() {
        let words: Vec<&str> = found.not_known.iter().map(Clean::as_str).collect();
        lines.push((Clean::line(format!("not known: {}", words.join("; "))), Role::Dim));
    }
    lines
}

fn causes(pen: &mut Pen<'_>, why: &Why, found: &Diagnosis, list: Rect) {
    let rows = why.rows(list.width);
    let top = why.cursor.top;
    let mut titled = usize::try_from(top)
        .ok()
        .and_then(|at| at.checked_sub(1))
        .and_then(|at| rows.get(at))
        .filter(|placed| matches!(placed.row, Row::Title(_)))
        .map(|placed| placed.cause);
    for (index, y) in (top..).zip(list.y..list.y + list.height) {
        let Some(placed) = usize::try_from(index).ok().and_then(|at| rows.get(at)) else { break };
        let Some(cause) = found.causes.get(placed.cause) else { break };
        let selected = index == why.cursor.index;
        if selected {
            pen.tint(Rect { y, height: 1, ..list }, Role::Selected);
            pen.put(list.x, y, 1, &"▶", Role::Selected);
        }
        let first = titled != Some(placed.cause);
        if matches!(placed.row, Row::Title(_)) {
            titled = Some(placed.cause);
        }
        draw_row(pen, placed, cause, list, y, selected, first);
    }
    bar::scroll(pen, list, top, rows.len() as u64);
}

fn draw_row(
    pen: &mut Pen<'_>,
    placed: &Placed,
    cause: &Cause,
    list: Rect,
    y: u16,
    selected: bool,
    first: bool,
) {
    let pick = |role| if selected { Role::Selected } else { role };
    let shown = |text: &Clean, role| pick(if text.hidden() > 0 { Role::Hidden } else { role });
    let x = list.x + 2;
    let end = (list.x + list.width).saturating_sub(2);
    // The names of the evidence give way where there is little room.
    let label = LABEL.min(list.width / 3);
    let (name, value) = (x + 3, x + 3 + label + 1);
    let room = |from: u16| end.saturating_sub(from);
    match &placed.row {
        Row::Title(text) => {
            let (glyph, role) = match cause.weight {
                Weight::Stops => ("✖", Role::Danger),
                Weight::Holds => ("▲", Role::Warn),
                Weight::Slows => ("▼", Role::Warn),
            };
            if first {
                pen.put(x, y, 1, &glyph, pick(role));
            }
            pen.put(name, y, room(name), text, shown(text, Role::Strong));
        }
        Row::Fact(fact, text) => {
            pen.put(name, y, label, fact, pick(Role::Dim));
            pen.put(value, y, room(value), text, shown(text, Role::Text));
        }
        Row::Job(job) => {
            pen.put(name, y, label, &"job", pick(Role::Dim));
            let text = held(job);
            pen.put(value, y, room(value), &text, shown(&text, Role::Text));
        }
        Row::Advice(fact, text) => {
            pen.put(name, y, label, fact, pick(Role::Accent));
            pen.put(value, y, room(value), text, shown(text, Role::Text));
        }
        Row::Command(text) => {
            pen.put(name, y, label, &"the same as", pick(Role::Dim));
            pen.put(value, y, room(value), text, shown(text, Role::Accent));
        }
        Row::Key(text) => {
            pen.put(value, y, room(value), text, pick(Role::Accent));
        }
        Row::Gap => {}
    }
}

fn held(job: &Held) -> Clean {
    let mut words = vec![job.id.clean().cut(40).as_str().to_owned()];
    words.extend(job.name.as_ref().map(|name| name.cut(30).as_str().to_owned()));
    words.extend(job.active_ms.map(|ms| format!("runs for {}", figure::duration(ms))));
    words.extend(job.lock_ms.map(|ms| match ms {
        -1 => "its lock never ends".to_owned(),
        ms => format!("lock left {}", figure::duration(ms)),
    }));
    words.extend(job.worker.as_ref().map(|worker| format!("by {}", worker.cut(30))));
    if !job.note.is_empty() {
        words.push(job.note.cut(120).as_str().to_owned());
    }
    Clean::line(words.join(" · "))
}
