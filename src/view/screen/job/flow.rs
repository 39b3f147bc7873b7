//! The Flow tab: what holds the flow up, and the tree.

use crate::app::panel::Context;
use crate::app::panes::Rect;
use crate::app::screen::job::Job;
use crate::app::screen::job::flow::{Flow, Node, Row};
use crate::engine::read::flow::Member;
use crate::engine::read::page::Brief;
use crate::insight::flow::{Blocked, Standing, label, tally};
use crate::text::{Clean, figure};
use crate::view::pen::Pen;
use crate::view::screen::empty;
use crate::view::theme::{Role, state_glyph};
use crate::view::widget::bar;
use crate::wire::State;

/// Draws the tab.
pub fn draw(pen: &mut Pen<'_>, job: &Job, cx: &Context<'_>, area: Rect) {
    let flow = &job.flow;
    if !flow.is_known() {
        let text = flow.error.clone().unwrap_or_else(|| Clean::line("reading ..."));
        empty(pen, area, &[text]);
        return;
    }
    if flow.is_alone() {
        empty(pen, area, &[Clean::line("this job belongs to no flow: it has no parent and no children")]);
        return;
    }
    let blocked = flow.blocked(cx);
    verdict(pen, flow, blocked.as_ref(), area.head(1), cx.redis_now());
    let area = area.below(1);
    let held = blocked.filter(|held| held.cause.blocks());
    for i in 0..u64::from(area.height).min(flow.rows().saturating_sub(flow.cursor.top)) {
        let y = area.y + u16::try_from(i).unwrap_or(0);
        let at = flow.cursor.top + i;
        if at == flow.cursor.index {
            pen.put(area.x, y, 1, &"▌", Role::Accent);
        }
        match flow.row(at) {
            Some(Row::Job { node, depth }) => {
                let row = Rect::new(area.x, y, area.width.saturating_sub(1), 1);
                let on_path = node
                    .job
                    .as_ref()
                    .is_some_and(|job| held.as_ref().is_some_and(|held| held.path.contains(job)));
                if node.awaited() > 0 && !node.circle {
                    pen.put(row.x + 1, y, 1, if node.open { &"▾" } else { &"▸" }, Role::Dim);
                }
                if on_path {
                    pen.put(row.x + 2, y, 1, &"▲", Role::Danger);
                }
                let x = indent(row, depth);
                let room = Rect::new(x, y, (row.x + row.width).saturating_sub(x), 1);
                match &node.member {
                    Some(member) => line(pen, job, member, node, room, cx),
                    None if node.job.is_none() => {
                        let text = format!("? {} (no job's key)", node.key.clean());
                        pen.put(room.x, y, room.width, &Clean::line(text), Role::Warn);
                    }
                    None => {
                        pen.put(room.x, y, room.width, &"·", Role::Dim);
                    }
                }
            }
            Some(Row::More { count, depth }) => {
                let x = indent(area, depth);
                let text = match count {
                    0 => Clean::line("… there may be more: ↵ lists them"),
                    n => Clean::line(format!("… {} more: ↵ lists them", figure::count(n))),
                };
                pen.put(x, y, (area.x + area.width).saturating_sub(x + 1), &text, Role::Accent);
            }
            None => {}
        }
    }
    bar::scroll(pen, area, flow.cursor.top, flow.rows());
}

/// Two cells a level, until a third of the screen.
fn indent(area: Rect, depth: usize) -> u16 {
    let cells = u16::try_from(depth * 2).unwrap_or(u16::MAX);
    area.x + 4 + cells.min(area.width / 3)
}

fn verdict(pen: &mut Pen<'_>, flow: &Flow, blocked: Option<&Blocked>, area: Rect, now: i64) {
    let (mark, text, role) = match blocked {
        None if flow.surveyed().is_none() => {
            ("·", Clean::line("looking for what holds it up ..."), Role::Dim)
        }
        None => ("✔", Clean::line("nothing of it is awaited"), Role::Ok),
        Some(held) if held.cause.blocks() => ("▲", held.sentence(now), Role::Danger),
        Some(held) => ("○", held.sentence(now), Role::Dim),
    };
    pen.put(area.x + 1, area.y, 1, &mark, role);
    let end = area.x + area.width.saturating_sub(1);
    let x = pen.put(area.x + 3, area.y, end.saturating_sub(area.x + 3), &text, role);
    if let Some((looked_at, false)) = flow.surveyed() {
        let text = format!("   of {} jobs looked at", figure::count(looked_at));
        pen.put(x, area.y, end.saturating_sub(x), &Clean::line(text), Role::Dim);
    }
}

fn line(pen: &mut Pen<'_>, job: &Job, member: &Member, node: &Node, area: Rect, cx: &Context<'_>) {
    let end = area.x + area.width;
    let standing = Standing::of(member, node.kind);
    let (glyph, role) = match standing {
        Standing::In(state) => (state_glyph(state), Role::State(state)),
        Standing::Supposed(state) => ("?", Role::State(state)),
        Standing::Done => ("✔", Role::Dim),
        Standing::Failed | Standing::Gone => ("✖", Role::Danger),
        Standing::Refused => ("?", Role::Dim),
        Standing::Nowhere => ("?", Role::Warn),
    };
    let put = |pen: &mut Pen<'_>, x: u16, text: &Clean, role: Role| {
        pen.put(x, area.y, end.saturating_sub(x), text, role)
    };
    let mut x = pen.put(area.x, area.y, 1, &glyph, role) + 1;
    x = pen.put(x, area.y, end.saturating_sub(x), &Clean::line(standing.word().as_bytes()), role) + 2;
    let here = member.queue == job.queue && member.id == job.id;
    let cells = if area.width > 90 { 40 } else { 20 };
    let queue = Clean::line(format!("{} › ", label(&member.queue, &job.queue, cells)));
    x = put(pen, x, &queue, Role::Dim);
    let id = if here { Role::Accent } else { Role::Text };
    x = put(pen, x, &member.id.clean().cut(cells), id) + 2;
    if node.circle {
        x = put(pen, x, &Clean::line("↺ stands above itself"), Role::Warn) + 2;
    }
    match &member.name {
        Brief::Text(name) => x = put(pen, x, &name.cut(cells), Role::Text) + 2,
        Brief::Large(size) => {
            let text = format!("(a name of {})", figure::bytes(*size));
            x = put(pen, x, &Clean::line(text), Role::Dim) + 2;
        }
        Brief::Absent => {}
    }
    if let Some(tally) = tally(member) {
        let role = if member.children.failed > 0 { Role::Danger } else { Role::Dim };
        x = put(pen, x, &Clean::line(tally), role) + 2;
    }
    match (member.state, &member.reason, &member.progress) {
        (Some(State::Failed), Brief::Text(reason), _) => {
            put(pen, x, reason, Role::Danger);
        }
        (Some(State::Failed), Brief::Large(size), _) => {
            put(pen, x, &Clean::line(format!("({})", figure::bytes(*size))), Role::Danger);
        }
        (Some(State::Active), _, Brief::Text(progress)) => {
            let share = progress.as_str().parse::<f64>().ok().filter(|share| (0.0..=100.0).contains(share));
            match share {
                Some(share) if share > 0.0 && end.saturating_sub(x) > 15 => {
                    x = bar::meter(pen, x, area.y, 8, share / 100.0, Role::Accent) + 1;
                    put(pen, x, &Clean::line(format!("{share:.0}%")), Role::Accent);
                }
                Some(_) => {}
                None => {
                    put(pen, x, progress, Role::Literal);
                }
            }
        }
        (Some(State::Completed), ..) => {
            if let (Some(began), Some(ended)) = (member.processed_on, member.finished_on) {
                let text = format!("ran {}", figure::duration(ended.saturating_sub(began).max(0)));
                put(pen, x, &Clean::line(text), Role::Dim);
            }
        }
        (Some(state), ..) if !state.is_finished() => {
            if let Some(at) = member.timestamp {
                let text = format!("added {} ago", figure::since(at, cx.redis_now()));
                put(pen, x, &Clean::line(text), Role::Dim);
            }
        }
        _ => {}
    }
}
