//! The Job screen.

use super::heading;
use crate::app::panel::{Context, Panel as _};
use crate::app::screen::job::Job;
use crate::text::Clean;
use crate::view::pen::Pen;
use crate::view::theme::Role;

/// Draws the screen.
pub fn draw(pen: &mut Pen<'_>, job: &Job, cx: &Context<'_>) {
    heading(pen, cx.body, &job.path(), &Clean::default());
    let Some(detail) = &job.detail else { return };
    for (field, y) in detail.fields.iter().zip(cx.body.y + 2..cx.body.y + cx.body.height) {
        let x = pen.put(cx.body.x + 2, y, 20, &field.name.clean(), Role::Dim) + 1;
        let value = field.value.as_ref().map(crate::wire::Raw::clean).unwrap_or_default();
        pen.put(x, y, cx.body.width - x, &value, Role::Text);
    }
}
