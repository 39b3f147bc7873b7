//! A box with a title, for dialogs.

use crate::app::panes::Rect;
use crate::text::Clean;
use crate::view::pen::Pen;
use crate::view::theme::Role;

/// Draws a frame over whatever is below; the rectangle inside it.
pub fn frame(pen: &mut Pen<'_>, area: Rect, title: &Clean, foot: &Clean, role: Role) -> Rect {
    pen.clear(area);
    if area.width < 4 || area.height < 2 {
        return area;
    }
    let (right, bottom) = (area.x + area.width - 1, area.y + area.height - 1);
    for x in area.x + 1..right {
        pen.put(x, area.y, 1, &"─", role);
        pen.put(x, bottom, 1, &"─", role);
    }
    for y in area.y + 1..bottom {
        pen.put(area.x, y, 1, &"│", role);
        pen.put(right, y, 1, &"│", role);
    }
    pen.put(area.x, area.y, 1, &"┌", role);
    pen.put(right, area.y, 1, &"┐", role);
    pen.put(area.x, bottom, 1, &"└", role);
    pen.put(right, bottom, 1, &"┘", role);
    let room = area.width.saturating_sub(6);
    let x = pen.put(area.x + 2, area.y, 1, &" ", role);
    let x = pen.put(x, area.y, room, title, Role::Strong);
    pen.put(x, area.y, 1, &" ", role);
    let width = u16::try_from(foot.width()).unwrap_or(0).min(room);
    if width > 0 {
        let x = pen.put(right - width - 3, bottom, 1, &" ", role);
        let x = pen.put(x, bottom, width, foot, Role::Dim);
        pen.put(x, bottom, 1, &" ", role);
    }
    Rect::new(area.x + 2, area.y + 1, area.width - 4, area.height - 2)
}

/// A rectangle of this size in the middle of another.
pub fn centred(whole: Rect, width: u16, height: u16) -> Rect {
    let (width, height) = (width.min(whole.width), height.min(whole.height));
    Rect::new(whole.x + (whole.width - width) / 2, whole.y + (whole.height - height) / 2, width, height)
}
