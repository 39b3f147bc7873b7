//! Commands by name.

use super::field;
use crate::app::App;
use crate::app::modal::palette::{Choice, Palette};
use crate::app::panes::Rect;
use crate::text::Clean;
use crate::view::pen::Pen;
use crate::view::theme::Role;
use crate::view::widget::bar;
use crate::view::widget::frame::{centred, frame};

/// Rows of choices at most.
const ROWS: u16 = 16;
/// Cells of an action's name.
const NAMES: u16 = 19;

pub(super) fn draw(pen: &mut Pen<'_>, app: &App, palette: &Palette) {
    let whole = app.panes().whole;
    let choices = palette.choices(app);
    let rows = u16::try_from(choices.len()).unwrap_or(u16::MAX).clamp(1, ROWS);
    let area = centred(whole.inset(1), 84, rows + 4);
    // It hangs from one place while its rows come and go.
    let y = whole.y + (whole.height.saturating_sub(ROWS + 4) / 3).min(whole.height - area.height);
    let foot = Clean::line("⇥ complete · ↵ do it · esc out");
    let inner = frame(pen, Rect { y, ..area }, &Clean::line("Command"), &foot, Role::Focus);
    let x = pen.put(inner.x, inner.y, inner.width, &": ", Role::Accent);
    let room = (inner.x + inner.width).saturating_sub(x);
    field(pen, x, inner.y, room, &palette.input, Role::Strong);
    if palette.input.value().is_empty() {
        let hint = "an action, `queue NAME`, `job ID`, `find TEXT`";
        pen.put(x + 2, inner.y, room.saturating_sub(2), &hint, Role::Dim);
    }
    // A row is left between what is typed and what it may mean, where there is room.
    let list = inner.below(if inner.height > 3 { 2 } else { 1 });
    let height = usize::from(list.height).max(1);
    let top = (palette.chosen + 1).saturating_sub(height);
    let shown = choices.iter().enumerate().skip(top).take(height);
    for ((i, choice), y) in shown.zip(list.y..list.y + list.height) {
        row(pen, app, choice, i == palette.chosen, Rect { y, height: 1, ..list });
    }
    if choices.is_empty() && list.height > 0 {
        pen.put(list.x, list.y, list.width, &"nothing of that name", Role::Dim);
    }
    bar::scroll(pen, Rect { width: list.width + 1, ..list }, top as u64, choices.len() as u64);
}

fn row(pen: &mut Pen<'_>, app: &App, choice: &Choice, chosen: bool, area: Rect) {
    if chosen {
        pen.tint(area, Role::Selected);
    }
    let pick = |role| if chosen { Role::Selected } else { role };
    let (x, y) = (area.x, area.y);
    let named = |pen: &mut Pen<'_>, kind: &'static str, text: &Clean| {
        let x = pen.put(x, y, area.width, &kind, pick(Role::Dim)) + 1;
        let role = if text.hidden() > 0 { Role::Hidden } else { Role::Text };
        pen.put(x, y, (area.x + area.width).saturating_sub(x), text, pick(role));
    };
    match choice {
        Choice::Action(action) => {
            let row = action.row();
            let keys = app.keymap.keys(row).first().map(|key| key.clean()).unwrap_or_default();
            let names = NAMES.min(area.width);
            let cells = u16::try_from(keys.width()).unwrap_or(0).min(area.width - names);
            pen.put(x, y, names.saturating_sub(1), &row.name, pick(Role::Accent));
            let room = area.width.saturating_sub(names + cells + 1);
            pen.put(x + names, y, room, &row.title, pick(Role::Text));
            pen.put_right(x + area.width, y, cells, &keys, pick(Role::Dim));
        }
        Choice::Queue(id) => named(pen, "queue", &id.clean()),
        Choice::Job(queue, id) => {
            let text = Clean::line(format!("{} › {}", queue.name.clean().cut(40), id.clean()));
            named(pen, "job", &text);
        }
        Choice::Find(text) => named(pen, "find in all queues", &Clean::line(text)),
        Choice::FindId(id) => named(pen, "job of any queue", &Clean::line(id)),
    }
}
