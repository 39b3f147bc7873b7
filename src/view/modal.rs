//! Dialogs, the help and the palette.

use super::pen::Pen;
use super::theme::Role;
use super::widget::frame::{centred, frame};
use crate::app::App;
use crate::app::action::{Scope, TABLE};
use crate::app::effect::Act;
use crate::app::modal::Modal;
use crate::app::modal::confirm::Confirm;
use crate::app::modal::palette::{Choice, Palette};
use crate::app::panes::Rect;
use crate::operate::Severity;
use crate::text::{Clean, figure};
use crate::wire::Fleet;

/// Draws what is open, if something is.
pub(super) fn draw(pen: &mut Pen<'_>, app: &App, now: i64) {
    match &app.modal {
        None | Some(Modal::Filter(_)) => {}
        Some(Modal::Help(top)) => help(pen, app, *top),
        Some(Modal::Palette(palette)) => draw_palette(pen, app, palette),
        Some(Modal::Confirm(confirm)) => draw_confirm(pen, app, confirm, now),
    }
}

fn help(pen: &mut Pen<'_>, app: &App, top: u64) {
    let mut scopes = app.stacks.current().panel().scopes().to_vec();
    scopes.push(Scope::Global);
    let mut lines: Vec<(Clean, Clean, bool)> = Vec::new();
    for scope in scopes {
        let mut first = true;
        for row in TABLE.iter().filter(|row| row.scope == scope) {
            let keys: Vec<String> = app.keymap.keys(row).iter().map(ToString::to_string).collect();
            if keys.is_empty() || (row.writes && app.config.read_only) {
                continue;
            }
            if first {
                lines.push((Clean::line(scope.title()), Clean::default(), true));
                first = false;
            }
            lines.push((Clean::line(keys.join(" ")), Clean::line(row.title), false));
        }
    }
    let whole = app.panes().whole;
    let height = u16::try_from(lines.len()).unwrap_or(u16::MAX).saturating_add(2);
    let area = centred(whole.inset(2), 96, height.min(whole.height));
    let inner = frame(
        pen,
        area,
        &Clean::line("Keys that work here"),
        &Clean::line("any other key closes"),
        Role::Focus,
    );
    let shown = usize::from(inner.height);
    let top = usize::try_from(top).unwrap_or(usize::MAX).min(lines.len().saturating_sub(shown));
    for ((keys, title, heading), y) in lines.iter().skip(top).take(shown).zip(inner.y..) {
        if *heading {
            pen.put(inner.x, y, inner.width, keys, Role::Strong);
        } else {
            pen.put(inner.x + 2, y, 24, keys, Role::Accent);
            pen.put(inner.x + 28, y, inner.width.saturating_sub(28), title, Role::Text);
        }
    }
    super::widget::bar::scroll(pen, Rect { width: inner.width + 1, ..inner }, top as u64, lines.len() as u64);
}

fn draw_palette(pen: &mut Pen<'_>, app: &App, palette: &Palette) {
    let whole = app.panes().whole;
    let choices = palette.choices(app);
    let rows = u16::try_from(choices.len()).unwrap_or(u16::MAX).clamp(1, 14);
    let area = Rect { y: whole.y + whole.height / 6, ..centred(whole.inset(2), 72, rows + 4) };
    let area = Rect { height: area.height.min(whole.height - area.y), ..area };
    let foot = Clean::line("⇥ complete · ↵ do it · esc out");
    let inner = frame(pen, area, &Clean::line("Command"), &foot, Role::Focus);
    let x = pen.put(inner.x, inner.y, 2, &": ", Role::Accent);
    let x =
        pen.put(x, inner.y, inner.width.saturating_sub(3), &Clean::line(palette.input.value()), Role::Strong);
    pen.put(x, inner.y, 1, &"▏", Role::Accent);
    if palette.input.value().is_empty() {
        pen.put(x + 2, inner.y, 40, &"an action, `queue NAME`, `job ID`", Role::Dim);
    }
    let list = inner.below(2);
    let height = usize::from(list.height).max(1);
    let top = (palette.chosen + 1).saturating_sub(height);
    for ((i, choice), y) in choices.iter().enumerate().skip(top).take(height).zip(list.y..) {
        let chosen = i == palette.chosen;
        let role = |role| if chosen { Role::Selected } else { role };
        if chosen {
            pen.tint(Rect::new(list.x, y, list.width, 1), Role::Selected);
        }
        match choice {
            Choice::Action(action) => {
                let row = action.row();
                pen.put(list.x, y, 18, &row.name, role(Role::Accent));
                pen.put(list.x + 19, y, list.width.saturating_sub(30), &row.title, role(Role::Text));
                let keys = app.keymap.keys(row).first().map(|key| key.clean()).unwrap_or_default();
                pen.put_right(list.x + list.width, y, 10, &keys, role(Role::Dim));
            }
            Choice::Queue(id) => {
                pen.put(list.x, y, 7, &"queue", role(Role::Dim));
                pen.put(list.x + 7, y, list.width.saturating_sub(8), &id.clean(), role(Role::Text));
            }
            Choice::Job(queue, id) => {
                let text = Clean::line(format!("{} › {}", queue.name.clean(), id.clean()));
                pen.put(list.x, y, 7, &"job", role(Role::Dim));
                pen.put(list.x + 7, y, list.width.saturating_sub(8), &text, role(Role::Text));
            }
        }
    }
    if choices.is_empty() {
        pen.put(list.x, list.y, list.width, &"nothing of that name", Role::Dim);
    }
}

fn draw_confirm(pen: &mut Pen<'_>, app: &App, confirm: &Confirm, now: i64) {
    let whole = app.panes().whole;
    let lines = confirm_lines(app, confirm);
    let height = u16::try_from(lines.len()).unwrap_or(u16::MAX).saturating_add(5);
    let area = centred(whole.inset(1), 76, height);
    let foot = match confirm.severity {
        Severity::Type => "enter go · esc nothing done",
        _ => "y yes · N no · esc nothing done",
    };
    let inner = frame(pen, area, &title(confirm), &Clean::line(foot), Role::Focus);
    for ((name, text, role), y) in lines.iter().zip(inner.y..inner.y + inner.height.saturating_sub(2)) {
        pen.put(inner.x, y, 10, name, Role::Dim);
        pen.put(inner.x + 10, y, inner.width.saturating_sub(10), text, *role);
    }
    let y = inner.y + inner.height.saturating_sub(1);
    if confirm.severity == Severity::Type {
        let label = app.config.label.clone().unwrap_or_else(|| Clean::line("this server"));
        let ask = Clean::line(format!(
            "{}: type the queue's name ({}) to go on:  ",
            label.as_str().to_uppercase(),
            confirm.name()
        ));
        let x = pen.put(inner.x, y, inner.width, &ask, Role::Strong);
        let typed = Clean::line(confirm.input.value());
        let role = if confirm.matches() { Role::Ok } else { Role::Text };
        let x = pen.put(x, y, inner.x + inner.width - x.min(inner.x + inner.width), &typed, role);
        pen.put(x, y, 1, &"▏", Role::Accent);
    } else {
        let role = if confirm.deaf(now) { Role::Dim } else { Role::Strong };
        pen.put(inner.x, y, inner.width, &"Go on? y/N", role);
    }
}

fn title(confirm: &Confirm) -> Clean {
    let word = confirm.act.word();
    let mut word: String = word.to_owned();
    if let Some(first) = word.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    let name = confirm.name();
    Clean::line(match &confirm.act {
        Act::Jobs { .. } if confirm.count == 1 => format!("{word} 1 job of {name}"),
        Act::Jobs { .. } => format!("{word} {} jobs of {name}", figure::count(confirm.count)),
        Act::Queue { .. } => format!("{word} {name}"),
    })
}

fn confirm_lines(app: &App, confirm: &Confirm) -> Vec<(Clean, Clean, Role)> {
    let line = |name: &str, text: Clean, role| (Clean::line(name), text, role);
    let mut lines = vec![line("queue", confirm.act.queue().clean(), Role::Text)];
    match &confirm.preview {
        None => lines.push(line("counted", Clean::line("counting ..."), Role::Dim)),
        Some(Err(why)) => lines.push(line("counted", why.clone(), Role::Danger)),
        Some(Ok(preview)) => {
            let matched = figure::count(preview.matched);
            if matches!(confirm.act, Act::Jobs { .. }) {
                lines.push(line("counted", Clean::line(format!("{matched} jobs")), Role::Text));
                let sample: Vec<String> =
                    preview.sample.iter().take(5).map(|id| id.clean().cut(20).as_str().to_owned()).collect();
                lines.push(line("sample", Clean::line(sample.join(" ")), Role::Text));
            }
            for (i, effect) in preview.effects.iter().enumerate() {
                lines.push(line(if i == 0 { "effects" } else { "" }, effect.clone(), Role::Warn));
            }
        }
    }
    if let Some(fleet) = confirm.fleet().filter(|_| confirm.asks_fleet) {
        let name = match fleet {
            Fleet::V5 => "5",
            Fleet::V6 => "6",
            Fleet::Mixed => "mixed or not known",
        };
        lines.push(line("clients", Clean::line(format!("BullMQ {name}   (Tab changes it)")), Role::Accent));
        let why = "if any BullMQ 5 client adds or resumes, jobs must be moved on pausing, or some are lost";
        lines.push(line("", Clean::line(why), Role::Dim));
        lines.push(line("", Clean::line("pure BULLMQ 6: only the flag is set, as BullMQ 6 does"), Role::Dim));
    }
    if confirm.pasted {
        lines.push(line("", Clean::line("pasted text does not count: type it"), Role::Warn));
    }
    lines.push(line("same as", command(app, confirm), Role::Dim));
    lines
}

/// The command line that does the same.
fn command(app: &App, confirm: &Confirm) -> Clean {
    use crate::operate::Selection;
    let name = confirm.name();
    let mut text = format!("toril {} {name}", confirm.act.word());
    if let Act::Jobs { selection, .. } = &confirm.act {
        match selection {
            Selection::Ids(ids) if ids.len() <= 3 => {
                for id in ids {
                    text.push_str(&format!(" {}", id.clean()));
                }
            }
            Selection::Ids(ids) => text.push_str(&format!(" ... ({} ids)", ids.len())),
            Selection::All { state, .. } => text.push_str(&format!(" --all --state {}", state.name())),
        }
    }
    match confirm.severity {
        Severity::Type => text.push_str(&format!(" --confirm {name}")),
        Severity::Ask => text.push_str(" --yes"),
        Severity::Run => {}
    }
    let _ = app;
    Clean::line(text)
}
