//! The screens, one file each, beside their state in `app::screen`.

pub mod doctor;
pub mod errors;
pub mod events;
pub mod find;
pub mod job;
pub mod log;
pub mod queue;
pub mod queues;
pub mod redis;
pub mod schedulers;
pub mod why;
pub mod workers;

use super::pen::Pen;
use super::theme::Role;
use crate::app::link::LinkPhase;
use crate::app::panel::Context;
use crate::app::panes::Rect;
use crate::text::{Clean, figure, wrap};

/// The heading of a screen: where we are at the left, what may be set at the right.
pub(super) fn heading(pen: &mut Pen<'_>, area: Rect, path: &[Clean], right: &Clean) {
    let mut x = area.x + 1;
    let end = area.x + area.width;
    let room = end.saturating_sub(u16::try_from(right.width()).unwrap_or(0) + 3);
    for (i, part) in path.iter().enumerate() {
        if i > 0 {
            x = pen.put(x, area.y, room.saturating_sub(x), &" › ", Role::Dim);
        }
        let role = if part.hidden() > 0 { Role::Hidden } else { Role::Strong };
        x = pen.put(x, area.y, room.saturating_sub(x), part, role);
    }
    pen.put_right(end.saturating_sub(1), area.y, area.width / 2, right, Role::Dim);
}

/// A calm sentence in the middle of an empty place.
pub(super) fn empty(pen: &mut Pen<'_>, area: Rect, lines: &[Clean]) {
    let top = area.y + area.height.saturating_sub(u16::try_from(lines.len()).unwrap_or(0)) / 3;
    for (line, y) in lines.iter().zip(top..area.y + area.height) {
        let width = u16::try_from(line.width()).unwrap_or(area.width).min(area.width);
        pen.put(area.x + (area.width - width) / 2, y, width, line, Role::Dim);
    }
}

/// Why nothing was read yet, where the reason is that Redis does not answer; `None`: it does.
pub(super) fn unanswered(cx: &Context<'_>) -> Option<Vec<Clean>> {
    match &cx.link.state {
        LinkPhase::Connecting => Some(vec![Clean::line(format!("connecting to {} ...", cx.config.endpoint))]),
        LinkPhase::Down { why, hint, .. }
        | LinkPhase::Refused { why, hint }
        | LinkPhase::Impaired { why, hint } => Some(vec![why.clone(), hint.clone()]),
        LinkPhase::Up => cx.link.silent_ms(cx.now).map(|ms| {
            vec![
                Clean::line(format!("Redis has not answered for {}", figure::age(ms))),
                Clean::line("this is filled in as soon as it does"),
            ]
        }),
    }
}

/// What is said where no queue is known: that they are looked for, or that there is none.
pub(super) fn no_queue(cx: &Context<'_>) -> Vec<Clean> {
    let discovery = &cx.snapshot.discovery;
    if discovery.refused {
        return vec![
            Clean::line("this account may not SCAN: name the queues"),
            Clean::line("toril --queue NAME, or `queues` in the profile"),
        ];
    }
    if !discovery.complete {
        let seen = figure::count(discovery.scanned);
        return vec![Clean::line(format!("looking for queues: {seen} keys seen"))];
    }
    let prefixes: Vec<String> = discovery.prefixes.iter().map(|p| p.clean().as_str().to_owned()).collect();
    let tried =
        if prefixes.is_empty() { "any prefix".to_owned() } else { format!("prefix {}", prefixes.join(", ")) };
    vec![
        Clean::line(format!("no queue was found ({tried}, {} keys)", figure::count(discovery.keys))),
        Clean::line("a queue appears here with its first job; another prefix: --prefix NAME"),
    ]
}

/// `text` in at most `rows` rows; the last of them holds the rest, to be cut with a mark.
pub(super) fn rows_of(text: &Clean, cells: u16, rows: usize) -> Vec<Clean> {
    let mut lines = wrap(text, usize::from(cells).max(1));
    if lines.len() > rows && rows > 0 {
        let rest: Vec<String> = lines.drain(rows - 1..).map(|line| line.to_string()).collect();
        lines.push(Clean::line(rest.join(" ")));
    }
    lines
}
