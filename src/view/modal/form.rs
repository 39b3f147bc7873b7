//! A dialog with fields.

use super::field;
use crate::app::App;
use crate::app::modal::form::Form;
use crate::text::{Clean, wrap};
use crate::view::pen::Pen;
use crate::view::theme::Role;
use crate::view::widget::frame::{centred, frame};

/// Cells of the dialog where the terminal has room for it.
const WIDTH: u16 = 80;
/// Cells of the names at the left.
const NAMES: u16 = 12;

pub(super) fn draw(pen: &mut Pen<'_>, app: &App, form: &Form) {
    let whole = app.panes().whole;
    let width = whole.inset(1).width.min(WIDTH);
    let cells = usize::from(width.saturating_sub(4)).max(1);
    let fields = u16::try_from(form.fields.len()).unwrap_or(u16::MAX);
    // What may be typed here, or what is wrong with it.
    let (note, role) = match &form.wrong {
        Some((_, why)) => (why.clone(), Role::Danger),
        None => (Clean::line(form.fields.get(form.at).map_or("", |field| field.hint)), Role::Dim),
    };
    let notes: Vec<Clean> = wrap(&note, cells).into_iter().take(3).collect();
    let under = u16::try_from(notes.len()).unwrap_or(1) + 1;
    let area = centred(whole, width, fields.saturating_add(under + 2));
    let foot = Clean::line("↵ go on · ⇥ next · ^O your editor · esc out");
    let inner = frame(pen, area, &form.title(), &foot, Role::Focus);
    // Where there is no room for all fields, the one that is typed in is among those that are shown.
    let rows = usize::from(inner.height.saturating_sub(under).max(1));
    let top = (form.at + 1).saturating_sub(rows);
    let shown = form.fields.iter().enumerate().skip(top).take(rows);
    for ((i, each), y) in shown.zip(inner.y..inner.y + inner.height) {
        let here = i == form.at;
        let wrong = form.wrong.as_ref().is_some_and(|(at, _)| *at == i);
        let name = if wrong {
            Role::Danger
        } else if here {
            Role::Accent
        } else {
            Role::Dim
        };
        pen.put(inner.x, y, NAMES.min(inner.width), &each.name, name);
        let (x, room) = (inner.x + NAMES, inner.width.saturating_sub(NAMES));
        if here {
            field(pen, x, y, room, &each.input, Role::Strong);
        } else {
            pen.put(x, y, room, &Clean::line(each.input.value()), Role::Text);
        }
    }
    let y = inner.y + u16::try_from(rows).unwrap_or(0).min(fields) + 1;
    for (note, y) in notes.iter().zip(y..inner.y + inner.height) {
        pen.put(inner.x, y, inner.width, note, role);
    }
}
