//! Small charts out of block characters.

use crate::app::panes::Rect;
use crate::view::pen::Pen;
use crate::view::theme::Role;

const LEVELS: [&str; 9] = [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];

/// Values as one row of blocks, newest at the right, scaled to the largest.
pub fn line(pen: &mut Pen<'_>, x: u16, y: u16, cells: u16, values: &[f64], role: Role) {
    let top = values.iter().copied().fold(0.0, f64::max);
    chart(pen, Rect::new(x, y, cells, 1), values, top, role);
}

/// Values as a chart over several rows, newest at the right, scaled to `top`.
pub fn chart(pen: &mut Pen<'_>, area: Rect, values: &[f64], top: f64, role: Role) {
    for row in 0..area.height {
        let place = Rect { y: area.y + row, height: 1, ..area };
        slice(pen, place, values, top, role, area.height - 1 - row, area.height);
    }
}

/// One row of such a chart: the `part`th from below of `parts`, drawn in the first row of `area`.
pub fn slice(pen: &mut Pen<'_>, area: Rect, values: &[f64], top: f64, role: Role, part: u16, parts: u16) {
    let cells = usize::from(area.width);
    let skip = values.len().saturating_sub(cells);
    let offset = cells - (values.len() - skip);
    let steps = u32::from(parts) * 8;
    // The base line is there from the start: it must not grow into an idle screen.
    let base = if role == Role::Selected { role } else { Role::Dim };
    if part == 0 {
        for i in 0..u16::try_from(offset).unwrap_or(area.width) {
            pen.put(area.x + i, area.y, 1, &"▁", base);
        }
    }
    for (i, value) in values[skip..].iter().enumerate() {
        let x = area.x + u16::try_from(offset + i).unwrap_or(0);
        let share = if top > 0.0 { (value / top).clamp(0.0, 1.0) } else { 0.0 };
        // Anything above zero is seen.
        let level = if *value > 0.0 { ((share * f64::from(steps)).round() as u32).max(1) } else { 0 };
        let here = level.saturating_sub(u32::from(part) * 8).min(8) as usize;
        if level > (u32::from(part) + 1) * 8 {
            // Below its edge a chart is calm: what counts is how high it is.
            pen.put(x, area.y, 1, &"░", role);
        } else if here > 0 {
            pen.put(x, area.y, 1, &LEVELS[here], role);
        } else if level == 0 && part == 0 {
            pen.put(x, area.y, 1, &"▁", base);
        }
    }
}
