//! Small charts out of block characters.

use crate::app::panes::Rect;
use crate::view::pen::Pen;
use crate::view::theme::Role;

const LEVELS: [&str; 9] = [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];

/// Values as one row of blocks, newest at the right, scaled to the largest.
pub fn line(pen: &mut Pen<'_>, x: u16, y: u16, cells: u16, values: &[f64], role: Role) {
    let top = values.iter().copied().fold(0.0, f64::max);
    columns(pen, Rect::new(x, y, cells, 1), values, top, role);
}

/// Values as a chart over several rows, newest at the right, scaled to `top`.
pub fn chart(pen: &mut Pen<'_>, area: Rect, values: &[f64], top: f64, role: Role) {
    columns(pen, area, values, top, role);
}

fn columns(pen: &mut Pen<'_>, area: Rect, values: &[f64], top: f64, role: Role) {
    let cells = usize::from(area.width);
    let skip = values.len().saturating_sub(cells);
    let offset = cells - (values.len() - skip);
    let steps = u32::from(area.height) * 8;
    for (i, value) in values[skip..].iter().enumerate() {
        let x = area.x + u16::try_from(offset + i).unwrap_or(0);
        let share = if top > 0.0 { (value / top).clamp(0.0, 1.0) } else { 0.0 };
        // Anything above zero is seen.
        let level = if *value > 0.0 { ((share * f64::from(steps)).round() as u32).max(1) } else { 0 };
        for row in 0..area.height {
            let below = u32::from(area.height - 1 - row) * 8;
            let part = level.saturating_sub(below).min(8) as usize;
            if part > 0 {
                pen.put(x, area.y + row, 1, &LEVELS[part], role);
            } else if level == 0 && row + 1 == area.height {
                pen.put(x, area.y + row, 1, &"▁", Role::Dim);
            }
        }
    }
}
