//! The Events screen.

use super::{empty, heading};
use crate::app::panel::Context;
use crate::app::panes::Rect;
use crate::app::screen::events::Events;
use crate::monitor::FeedEvent;
use crate::text::{Clean, figure};
use crate::view::pen::Pen;
use crate::view::theme::Role;
use crate::wire::State;

/// Draws the screen.
pub fn draw(pen: &mut Pen<'_>, events: &Events, cx: &Context<'_>) {
    let mut title = vec![Clean::line("Events")];
    if let Some(held) = &events.held {
        title.push(Clean::line(format!("held still, {} wait", figure::count(held.len() as u64))));
    }
    let right = if events.filter.is_empty() {
        Clean::line("newest first")
    } else {
        Clean::line(format!("/ {}", Clean::line(&events.filter)))
    };
    heading(pen, cx.body, &title, &right);
    let list = Events::list(cx.body);
    if events.events.is_empty() {
        empty(pen, list, &[Clean::line("nothing has happened since this screen was opened")]);
    }
    let top = usize::try_from(events.cursor.top).unwrap_or(0);
    for (i, event) in events.shown().enumerate().skip(top).take(usize::from(list.height)) {
        let y = list.y + u16::try_from(i - top).unwrap_or(0);
        row(pen, event, Rect { y, height: 1, ..list }, i as u64 == events.cursor.index);
    }
}

fn row(pen: &mut Pen<'_>, event: &FeedEvent, area: Rect, selected: bool) {
    if selected {
        pen.tint(area, Role::Selected);
    }
    let pick = |role| if selected { Role::Selected } else { role };
    let x = pen.put(area.x + 2, area.y, 8, &figure::time_of_day(event.at), pick(Role::Dim)) + 2;
    pen.put(x, area.y, 22, &event.queue.name.clean(), pick(Role::Text));
    let role = State::parse(event.event.as_str()).map_or(Role::Accent, Role::State);
    pen.put(x + 24, area.y, 18, &event.event, pick(role));
    let job = event.job.as_ref().map(crate::wire::JobId::clean).unwrap_or_default();
    let end = pen.put(x + 44, area.y, 24, &job, pick(Role::Text)) + 2;
    let rest = area.x + area.width - end.min(area.x + area.width);
    let fields: Vec<String> =
        event.fields.iter().map(|(k, v)| format!("{}={}", k.clean(), v.clean())).collect();
    pen.put(end, area.y, rest, &Clean::line(fields.join(" ")), pick(Role::Dim));
}
