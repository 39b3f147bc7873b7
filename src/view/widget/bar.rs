//! Meters and scroll bars.

use crate::app::panes::Rect;
use crate::view::pen::Pen;
use crate::view::theme::Role;

/// A share (0 to 1) as filled and empty marks; the column after it.
pub fn meter(pen: &mut Pen<'_>, x: u16, y: u16, cells: u16, share: f64, role: Role) -> u16 {
    let full = (share.clamp(0.0, 1.0) * f64::from(cells)).round() as u16;
    for i in 0..cells {
        if i < full {
            pen.put(x + i, y, 1, &"▰", role);
        } else {
            pen.put(x + i, y, 1, &"▱", Role::Dim);
        }
    }
    x + cells
}

/// A scroll bar along the right edge of a list of `len` rows whose first shown one is `top`.
pub fn scroll(pen: &mut Pen<'_>, area: Rect, top: u64, len: u64) {
    // Whatever a server says its length is: nothing here is too large.
    let (height, top, len) = (u128::from(area.height), u128::from(top), u128::from(len));
    if len <= height || area.height < 2 || area.width == 0 {
        return;
    }
    let thumb = (height * height / len).max(1);
    let span = len - height;
    let at = (top.min(span) * (height - thumb) + span / 2) / span;
    let x = area.x + area.width - 1;
    for row in 0..area.height {
        let inside = (at..at + thumb).contains(&u128::from(row));
        if inside {
            pen.put(x, area.y + row, 1, &"█", Role::Dim);
        }
    }
}
