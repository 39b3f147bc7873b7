//! The Redis screen.

use super::heading;
use crate::app::panel::Context;
use crate::app::screen::redis::Redis;
use crate::text::{Clean, figure};
use crate::view::pen::Pen;
use crate::view::theme::Role;

/// Draws the screen.
pub fn draw(pen: &mut Pen<'_>, _screen: &Redis, cx: &Context<'_>) {
    heading(pen, cx.body, &[Clean::line("Redis")], &Clean::default());
    let Some(redis) = &cx.snapshot.redis else { return };
    pen.put(cx.body.x + 2, cx.body.y + 2, 60, &figure::bytes(redis.memory.used), Role::Text);
}
