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
use crate::app::panes::Rect;
use crate::text::Clean;

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
