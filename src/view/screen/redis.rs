//! The Redis screen.

mod past;
mod rows;

use super::{empty, heading, unanswered};
use crate::app::panel::Context;
use crate::app::panes::Rect;
use crate::app::screen::redis::Redis;
use crate::app::screen::redis::layout::chart_rows;
use crate::app::screen::redis::section::{Row, Section};
use crate::text::{Clean, figure};
use crate::view::pen::Pen;
use crate::view::theme::Role;
use crate::view::widget::bar;
use rows::Painter;

/// Draws the screen.
pub fn draw(pen: &mut Pen<'_>, screen: &Redis, cx: &Context<'_>) {
    let view = Redis::view(cx.body);
    let Some((redis, layout)) = cx.snapshot.redis.as_deref().zip(Redis::layout(cx)) else {
        heading(pen, cx.body, &[Clean::line("Redis")], &Clean::default());
        empty(pen, view, &nothing(cx));
        return;
    };
    let stale = Redis::stale_ms(cx);
    let what = match redis.role.is_empty() {
        _ if stale.is_some() => Clean::default(),
        true => Clean::line(format!("{} {}", redis.flavour, redis.version)),
        false => Clean::line(format!("{} {} · {}", redis.flavour, redis.version, redis.role)),
    };
    heading(pen, cx.body, &[Clean::line("Redis")], &what);
    if let Some(ms) = stale {
        let text = Clean::line(format!("▲ read {} ago", figure::age(ms)));
        let end = cx.body.x + cx.body.width.saturating_sub(1);
        pen.put_right(end, cx.body.y, cx.body.width / 2, &text, Role::Warn);
    }
    let top = screen.top.min(layout.height.saturating_sub(view.height));
    let painter = Painter { redis, stale: stale.is_some() };
    for (section, place) in &layout.placed {
        paint(pen, &painter, section, *place, top, view);
    }
    let scrolled = Rect { width: cx.body.width, ..view };
    bar::scroll(pen, scrolled, u64::from(top), u64::from(layout.height));
}

/// Why there is nothing yet.
fn nothing(cx: &Context<'_>) -> Vec<Clean> {
    if let Some(why) = unanswered(cx) {
        return why;
    }
    match cx.snapshot.refused.iter().find(|what| what.as_str().starts_with("INFO")) {
        Some(what) => vec![what.clone(), Clean::line("this screen needs it; the queues do not")],
        None => vec![Clean::line("reading ...")],
    }
}

/// Paints the rows of a section that are in the view.
fn paint(pen: &mut Pen<'_>, painter: &Painter<'_>, section: &Section, place: Rect, top: u16, view: Rect) {
    // Rows of the content that are seen, as rows of the terminal.
    let seen = |y: u16| (top..top.saturating_add(view.height)).contains(&y).then(|| view.y + (y - top));
    let bottom = place.y + place.height;
    let mut y = place.y;
    if !section.title.is_empty() {
        if let Some(at) = seen(y) {
            painter.title(pen, section, Rect { y: at, height: 1, ..place });
        }
        y += 1;
    }
    let charts = chart_rows(section, place.height);
    for row in &section.rows {
        let height = if matches!(row, Row::Chart(..)) { charts } else { 1 };
        let height = height.min(bottom.saturating_sub(y));
        match row {
            Row::Chart(curve, level) => {
                let chart = painter.chart(*curve, *level, place.width);
                for part in 0..height {
                    if let Some(at) = seen(y + part) {
                        chart.slice(pen, Rect { y: at, height: 1, ..place }, height - 1 - part, height);
                    }
                }
            }
            row if height > 0 => {
                if let Some(at) = seen(y) {
                    painter.row(pen, row, Rect { y: at, height: 1, ..place });
                }
            }
            _ => {}
        }
        y += height;
    }
}
