//! Dialogs, the help and the palette.

mod confirm;
mod draft;
mod form;
mod help;
mod palette;

use tui_input::Input;

use super::pen::Pen;
use super::theme::Role;
use crate::app::App;
use crate::app::modal::Modal;
use crate::text::Clean;

/// Draws what is open, if something is.
pub(super) fn draw(pen: &mut Pen<'_>, app: &App, now: i64) {
    match &app.modal {
        None | Some(Modal::Filter(_) | Modal::Line(..)) => {}
        Some(Modal::Help(top)) => help::draw(pen, app, *top),
        Some(Modal::Palette(palette)) => palette::draw(pen, app, palette),
        Some(Modal::Confirm(confirm)) => confirm::draw(pen, app, confirm, now),
        Some(Modal::Form(form)) => form::draw(pen, app, form),
        Some(Modal::Draft(offer)) => draft::draw(pen, app, offer, now),
    }
}

/// A line of text that is typed, with its cursor; where it is longer than its place, the part
/// around the cursor.
pub(super) fn field(pen: &mut Pen<'_>, x: u16, y: u16, cells: u16, input: &Input, role: Role) {
    let at = input.value().char_indices().nth(input.cursor()).map_or(input.value().len(), |(at, _)| at);
    let (before, after) = input.value().split_at(at);
    let before = Clean::line(before);
    // The text before the cursor keeps its end, so that what is typed is seen.
    let room = usize::from(cells.saturating_sub(1));
    let shown = Clean::line(crate::text::cut_left(before.as_str(), room).as_ref());
    let end = x.saturating_add(cells);
    let x = pen.put(x, y, cells.saturating_sub(1), &shown, role);
    let x = pen.put(x, y, end.saturating_sub(x).min(1), &"▏", Role::Accent);
    pen.put(x, y, end.saturating_sub(x), &Clean::line(after), role);
}
