//! The dialog about a text that was not written.

use crate::app::App;
use crate::app::modal::draft::Offer;
use crate::text::{Clean, wrap};
use crate::view::pen::Pen;
use crate::view::theme::Role;
use crate::view::widget::frame::{centred, frame};

/// Cells of the dialog where the terminal has room for it.
const WIDTH: u16 = 72;

pub(super) fn draw(pen: &mut Pen<'_>, app: &App, offer: &Offer, now: i64) {
    let whole = app.panes().whole;
    let width = whole.inset(1).width.min(WIDTH);
    let cells = usize::from(width.saturating_sub(4)).max(1);
    let (title, keys): (&str, &[&'static str]) = if offer.large {
        ("Large data", &["↵    read it, and open the editor", "esc  leave it"])
    } else {
        let keys = [
            "↵    open your text again, over what is there now",
            "n    begin anew with what is there now",
            "x    drop your text",
            "esc  later: it is kept until you quit",
        ];
        ("Not written", &keys.clone())
    };
    let mut rows: Vec<(Clean, Role)> =
        wrap(&offer.why, cells).into_iter().take(4).map(|row| (row, Role::Warn)).collect();
    rows.push((Clean::default(), Role::Text));
    rows.extend(keys.iter().map(|key| (Clean::line(*key), Role::Text)));
    let height = u16::try_from(rows.len()).unwrap_or(u16::MAX).saturating_add(2);
    let area = centred(whole, width, height);
    let name = app.drafts.get(offer.draft).map(|draft| {
        let room = usize::from(width).saturating_sub(title.len() + 20);
        format!("{title}: job {} of {}", draft.job.clean().cut(room), draft.queue.name.clean().cut(room))
    });
    let heading = Clean::line(name.unwrap_or_else(|| title.to_owned()));
    let inner = frame(pen, area, &heading, &Clean::default(), Role::Focus);
    for ((text, role), y) in rows.iter().zip(inner.y..inner.y + inner.height) {
        pen.put(inner.x, y, inner.width, text, if offer.deaf(now) { Role::Dim } else { *role });
    }
}
