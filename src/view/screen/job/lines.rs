//! Lines of a text or a log: only those on screen are looked at.

use crate::app::doc::{Kind, Pager, pieces};
use crate::app::panes::Rect;
use crate::app::screen::job::logs::Logs;
use crate::text::{Clean, figure};
use crate::view::pen::Pen;
use crate::view::screen::empty;
use crate::view::theme::Role;
use crate::view::widget::bar;

/// Cells before a line: cursor and fold.
const MARGIN: u16 = 3;
/// Where a note ends that follows a short line.
const NOTE_AT: u16 = 100;

fn role(kind: Kind) -> Role {
    match kind {
        Kind::Text => Role::Text,
        Kind::Dim | Kind::Punctuation => Role::Dim,
        Kind::Strong => Role::Strong,
        Kind::Accent => Role::Accent,
        Kind::Ok => Role::Ok,
        Kind::Warn => Role::Warn,
        Kind::Danger => Role::Danger,
        Kind::Key => Role::Key,
        Kind::Str => Role::Str,
        Kind::Literal => Role::Literal,
        Kind::Hidden => Role::Hidden,
        Kind::Hit => Role::Selected,
    }
}

/// Draws a text.
pub fn draw(pen: &mut Pen<'_>, pager: &Pager, area: Rect) {
    let doc = &pager.doc;
    let rows = doc.rows();
    if rows == 0 {
        empty(pen, area, &[Clean::line("(empty)")]);
        return;
    }
    let end = area.x + area.width.saturating_sub(1);
    for i in 0..u64::from(area.height).min(rows.saturating_sub(pager.top)) {
        let y = area.y + u16::try_from(i).unwrap_or(0);
        let line = doc.line_at(pager.top + i);
        cursor(pen, area, y, line == pager.line);
        if let Some(folded) = doc.folded(line) {
            pen.put(area.x + 1, y, 1, if folded { &"▸" } else { &"▾" }, Role::Dim);
        }
        let note = doc.note(line);
        let reserved = note.map_or(0, |note| u16::try_from(crate::text::width(note)).unwrap_or(0) + 2);
        let mut x = area.x + MARGIN;
        let stop = end.saturating_sub(reserved);
        let pan = if line == pager.line { pager.pan } else { 0 };
        for span in doc.spans(line, usize::from(stop.saturating_sub(x)), pager.search.as_ref(), pan) {
            x = pen.put(x, y, stop.saturating_sub(x), &span.text, role(span.kind));
            if x >= stop {
                break;
            }
        }
        if let Some(note) = note {
            // Not so far away on a wide terminal that it belongs to no line.
            let end = end.min((area.x + NOTE_AT).max(x + reserved + 1));
            pen.put_right(end.saturating_sub(1), y, reserved, &note, Role::Accent);
        }
    }
    bar::scroll(pen, area, pager.top, rows);
}

fn cursor(pen: &mut Pen<'_>, area: Rect, y: u16, here: bool) {
    if here {
        pen.put(area.x, y, 1, &"▌", Role::Accent);
    }
}

/// Draws a log.
pub fn logs(pen: &mut Pen<'_>, logs: &Logs, area: Rect) {
    let total = logs.total.unwrap_or(0);
    if total == 0 {
        let text = match (&logs.error, logs.total) {
            (Some(why), _) => why.clone(),
            (None, None) => Clean::line("reading ..."),
            (None, Some(_)) => Clean::line("nothing was logged"),
        };
        empty(pen, area, &[text]);
        return;
    }
    let digits = u16::try_from(figure::count(total).width()).unwrap_or(7);
    let end = area.x + area.width.saturating_sub(1);
    for i in 0..u64::from(area.height).min(total.saturating_sub(logs.cursor.top)) {
        let y = area.y + u16::try_from(i).unwrap_or(0);
        let index = logs.cursor.top + i;
        cursor(pen, area, y, index == logs.cursor.index);
        pen.put_right(area.x + 1 + digits, y, digits, &figure::count(index + 1), Role::Dim);
        let mut x = area.x + digits + 3;
        let Some(line) = logs.line(index) else {
            pen.put(x, y, 1, &"·", Role::Dim);
            continue;
        };
        let cells = usize::from(end.saturating_sub(x));
        for span in pieces(line.as_bytes(), cells, logs.search.as_ref()) {
            x = pen.put(x, y, end.saturating_sub(x), &span.text, role(span.kind));
        }
    }
    bar::scroll(pen, area, logs.cursor.top, total);
}
