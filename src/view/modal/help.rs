//! The keys that work here.

use crate::app::App;
use crate::app::modal::help::{Help, Line};
use crate::app::panes::Rect;
use crate::text::Clean;
use crate::view::pen::Pen;
use crate::view::theme::Role;
use crate::view::widget::bar;
use crate::view::widget::frame::{centred, frame};

pub(super) fn draw(pen: &mut Pen<'_>, app: &App, top: u64) {
    let help = Help::new(app);
    let size = help.size();
    let area = centred(app.panes().whole, size.width, size.height);
    let foot = if help.most() > 0 { "j k move · any other key closes" } else { "any key closes" };
    let inner = frame(pen, area, &Clean::line("Keys that work here"), &Clean::line(foot), Role::Focus);
    let top = u16::try_from(top).unwrap_or(u16::MAX).min(help.most());
    for column in 0..help.columns {
        let at = inner.right_of(help.column_at(column)).left(help.width);
        let lines = help.column(column).iter().skip(usize::from(top));
        for (line, y) in lines.zip(inner.y..inner.y + inner.height) {
            match line {
                Line::Empty => {}
                Line::Heading(title) => {
                    pen.put(at.x, y, at.width, title, Role::Strong);
                }
                Line::Why(why) => {
                    pen.put(at.x, y, at.width, why, Role::Warn);
                }
                Line::Keys(keys, title) | Line::Off(keys, title) => {
                    let off = matches!(line, Line::Off(..));
                    let (key, text) = if off { (Role::Dim, Role::Dim) } else { (Role::Accent, Role::Text) };
                    let room = at.width.saturating_sub(help.keys + 1);
                    pen.put(at.x + 1, y, help.keys.saturating_sub(1), keys, key);
                    pen.put(at.x + 1 + help.keys, y, room, title, text);
                }
            }
        }
    }
    bar::scroll(pen, Rect { width: inner.width + 1, ..inner }, u64::from(top), u64::from(help.height()));
}
