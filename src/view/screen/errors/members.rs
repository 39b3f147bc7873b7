//! The jobs of a group.

use crate::app::panel::Context;
use crate::app::panes::Rect;
use crate::app::screen::errors::Members;
use crate::text::{Clean, figure};
use crate::view::pen::Pen;
use crate::view::screen::{empty, heading};
use crate::view::theme::Role;
use crate::view::widget::bar;

/// Draws the screen.
pub fn draw(pen: &mut Pen<'_>, members: &Members, cx: &Context<'_>) {
    let body = cx.body;
    if body.height < 4 {
        return;
    }
    let path = [Clean::line("Errors"), Clean::line(members.cause.id.to_string())];
    heading(pen, body, &path, &Clean::line("R retries all · y copies an id"));
    let (x, width) = (body.x + 2, body.width.saturating_sub(3));
    let mut y = body.y + 1;
    let role = if members.cause.message.hidden() > 0 { Role::Hidden } else { Role::Strong };
    for row in members.message(body) {
        pen.put(x, y, width, &row, role);
        y += 1;
    }
    let frame = match &members.cause.frame {
        Some(frame) if members.cause.foreign => Clean::line(format!("at a library's: {frame}")),
        Some(frame) => Clean::line(format!("at {frame}")),
        None => Clean::line("no stack trace"),
    };
    let dim = if members.cause.frame.is_some() { Role::Accent } else { Role::Dim };
    pen.put(x, y, width, &frame, dim);
    let known = members.jobs.len() as u64;
    let unknown = if known < members.count {
        format!(", {} of them known one by one", figure::count(known))
    } else {
        String::new()
    };
    let jobs = if members.count == 1 { "job" } else { "jobs" };
    let count = figure::count(members.count);
    let text = format!("{count} {jobs}{unknown} · as of {}", figure::time_of_day(members.at));
    pen.put(x, y + 1, width, &Clean::line(text), Role::Text);
    let list = members.list(body);
    if members.jobs.is_empty() {
        empty(pen, list, &[Clean::line("none of its jobs is failed any more")]);
        return;
    }
    rows(pen, members, list, cx);
}

fn rows(pen: &mut Pen<'_>, members: &Members, list: Rect, cx: &Context<'_>) {
    let queue = (list.width / 3).clamp(10, 30);
    let id = list.width.saturating_sub(queue + 33).clamp(8, 60);
    let places = [(list.x + 2, id), (list.x + 2 + id, queue), (list.x + 2 + id + queue, 9)];
    let time = list.x + 2 + id + queue + 9;
    let y = list.y.saturating_sub(1);
    for ((x, cells), name) in places.iter().zip(["id", "queue"]) {
        pen.put(*x, y, cells.saturating_sub(1), &name, Role::Dim);
    }
    pen.put_right(places[2].0 + 8, y, 8, &"failed", Role::Dim);
    let now = cx.redis_now();
    for (index, y) in (members.cursor.top..).zip(list.y..list.y + list.height) {
        let Some(job) = usize::try_from(index).ok().and_then(|at| members.jobs.get(at)) else { break };
        let selected = index == members.cursor.index;
        if selected {
            pen.tint(Rect { y, height: 1, ..list }, Role::Selected);
            pen.put(list.x, y, 1, &"▶", Role::Selected);
        }
        let pick = |text: &Clean, role| match role {
            _ if selected => Role::Selected,
            _ if text.hidden() > 0 => Role::Hidden,
            role => role,
        };
        let texts = [(job.job.clean(), Role::Text), (job.queue.name.clean(), Role::Text)];
        for ((x, cells), (text, role)) in places.iter().zip(texts) {
            let role = pick(&text, role);
            pen.put(*x, y, cells.saturating_sub(1), &text, role);
        }
        let ago = Clean::line(format!("{} ago", figure::age(now.saturating_sub(job.at))));
        pen.put_right(places[2].0 + 8, y, 8, &ago, pick(&ago, Role::Text));
        if list.width >= 76 {
            let at = figure::date_time(job.at);
            let room = (list.x + list.width).saturating_sub(time + 1);
            pen.put(time, y, room, &at, pick(&at, Role::Dim));
        }
    }
    bar::scroll(pen, list, members.cursor.top, members.jobs.len() as u64);
}
