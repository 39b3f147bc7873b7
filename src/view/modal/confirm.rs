//! The dialog before an act that could be regretted.

mod lines;

use super::field;
use crate::app::App;
use crate::app::effect::Act;
use crate::app::modal::confirm::Confirm;
use crate::app::panes::Rect;
use crate::operate::{Bulk, Edit, Selection, Severity};
use crate::text::{Clean, figure, wrap};
use crate::view::pen::Pen;
use crate::view::theme::Role;
use crate::view::widget::frame::{centred, frame};
use lines::Line;

/// Cells of the dialog where the terminal has room for it.
const WIDTH: u16 = 80;
/// Cells of the names at the left.
const NAMES: u16 = 10;
/// Smaller than this, the question alone is asked.
const SMALL: (u16, u16) = (32, 7);
/// Jobs a second that go through where nothing was measured yet.
const SPEED: f64 = 5000.0;

pub(super) fn draw(pen: &mut Pen<'_>, app: &App, confirm: &Confirm, now: i64) {
    let whole = app.panes().whole;
    if whole.width < SMALL.0 || whole.height < SMALL.1 {
        bare(pen, confirm, whole, now);
        return;
    }
    let width = whole.inset(1).width.min(WIDTH);
    let inner = width.saturating_sub(4);
    let question = question(app, confirm, inner);
    let asked = u16::try_from(question.len()).unwrap_or(1) + field_rows(confirm);
    let room = whole.height.saturating_sub(asked + 3);
    let speed = app.speeds.get(&confirm.act.action()).copied().unwrap_or(SPEED);
    let lines = lines::fitting(confirm, speed, inner.saturating_sub(NAMES), usize::from(room));
    let height = u16::try_from(lines.len()).unwrap_or(room) + asked + 3;
    let area = centred(whole, width, height);
    let foot = match confirm.severity {
        _ if confirm.choices.editing => "enter takes it · esc forgets it",
        Severity::Type => "enter go on · esc nothing done",
        _ => "y yes · N no · esc nothing done",
    };
    let inner = frame(pen, area, &title(confirm, width.saturating_sub(6)), &Clean::line(foot), Role::Focus);
    let above = inner.above(asked + 1);
    for (line, y) in lines.iter().zip(above.y..above.y + above.height) {
        let Line { name, text, role, .. } = line;
        pen.put(inner.x, y, NAMES.min(inner.width), name, Role::Dim);
        pen.put(inner.x + NAMES, y, inner.width.saturating_sub(NAMES), text, *role);
    }
    ask(pen, confirm, &question, inner.foot(asked), now);
}

/// Rows of the field in which the name is typed.
fn field_rows(confirm: &Confirm) -> u16 {
    u16::from(confirm.severity == Severity::Type)
}

/// The question, broken to the width.
fn question(app: &App, confirm: &Confirm, width: u16) -> Vec<(Clean, Role)> {
    if confirm.severity != Severity::Type {
        return vec![(Clean::line("Go on? y/N"), Role::Strong)];
    }
    let label = app.config.label.as_ref().map(|label| label.as_str().to_uppercase());
    let place = label.unwrap_or_else(|| app.config.endpoint.cut(24).as_str().to_owned());
    let words = format!("{place}: type the queue's name to go on:");
    let mut rows: Vec<(Clean, Role)> =
        wrap(&Clean::line(words), usize::from(width)).into_iter().map(|row| (row, Role::Text)).collect();
    rows.extend(name_rows(confirm, width, 3));
    rows
}

/// The name that must be typed, in at most so many rows.
fn name_rows(confirm: &Confirm, width: u16, most: usize) -> Vec<(Clean, Role)> {
    let name = confirm.name();
    let role = if name.hidden() > 0 { Role::Hidden } else { Role::Strong };
    let mut rows = wrap(&name, usize::from(width));
    if rows.len() > most {
        rows.truncate(most);
        if let Some(last) = rows.last_mut() {
            *last = Clean::line(format!("{}…", last.cut(usize::from(width.saturating_sub(1)))));
        }
    }
    rows.into_iter().map(|row| (row, role)).collect()
}

fn ask(pen: &mut Pen<'_>, confirm: &Confirm, question: &[(Clean, Role)], area: Rect, now: i64) {
    // While it is deaf, what is asked is not yet in front.
    let deaf = confirm.deaf(now);
    for ((text, role), y) in question.iter().zip(area.y..area.y + area.height) {
        pen.put(area.x, y, area.width, text, if deaf { Role::Dim } else { *role });
    }
    if confirm.severity == Severity::Type && area.height > 0 {
        let y = area.y + area.height - 1;
        let x = pen.put(area.x, y, area.width, &"› ", Role::Accent);
        let role = if confirm.matches() { Role::Ok } else { Role::Strong };
        field(pen, x, y, (area.x + area.width).saturating_sub(x), &confirm.input, role);
    }
}

/// The question alone, where a frame would take the room that it needs.
fn bare(pen: &mut Pen<'_>, confirm: &Confirm, whole: Rect, now: i64) {
    pen.clear(whole);
    let mut rows = vec![(title(confirm, whole.width), Role::Strong)];
    if confirm.severity == Severity::Type {
        rows.push((Clean::line("type its name:"), Role::Text));
        rows.extend(name_rows(confirm, whole.width, 2));
    } else {
        rows.push((Clean::line("Go on? y/N"), Role::Text));
    }
    let asked = usize::from(whole.height.saturating_sub(field_rows(confirm)));
    rows.truncate(asked.max(1));
    ask(pen, confirm, &rows, whole.head(u16::try_from(rows.len()).unwrap_or(0) + field_rows(confirm)), now);
}

/// What is to be done to what, within so many cells: a long name is cut, the count never.
fn title(confirm: &Confirm, cells: u16) -> Clean {
    let mut word = confirm.act.word().to_owned();
    if let Some(first) = word.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    let what = match &confirm.act {
        Act::Jobs { op, selection, .. } => {
            // What is done to completed jobs by mistake is worth the word.
            let state = match selection {
                Selection::All { state, .. } => Some(*state),
                Selection::Ids(_) | Selection::Group(_) => op.from_state(),
            };
            let state = state.map_or_else(String::new, |state| format!("{} ", state.name()));
            let jobs = if confirm.count == 1 { "job" } else { "jobs" };
            format!("{word} {} {state}{jobs} of ", figure::count(confirm.count))
        }
        Act::Bulk { bulk: Bulk::Obliterate { .. }, .. } | Act::Queue { .. } => format!("{word} "),
        Act::Add { job, .. } => format!("Add {} to ", Clean::line(&job.name).cut(24)),
        Act::Bulk { bulk, .. } => {
            let states = bulk.states();
            let state = match states.as_slice() {
                [state] => format!("{} ", state.name()),
                _ => String::new(),
            };
            let jobs = if confirm.count == 1 { "job" } else { "jobs" };
            format!("{word} {} {state}{jobs} of ", figure::count(confirm.count))
        }
        Act::Edit { edits, .. } if edits.len() > 1 => {
            let id = edits[0].job().map(|id| format!(" of job {}", id.clean().cut(24))).unwrap_or_default();
            format!("{word} {} things{id} of ", edits.len())
        }
        Act::Repair { repairs, .. } if repairs.len() == 1 => format!("{word} "),
        Act::Repair { repairs, .. } => format!("Make {} repairs of ", repairs.len()),
        Act::Edit { edits, .. } => {
            let sentence = Clean::line(Edit::sentences(edits));
            let room = usize::from(cells).saturating_sub(confirm.name().width().min(24) + 5).max(8);
            let mut text = sentence.cut(room).as_str().to_owned();
            if let Some(first) = text.get_mut(..1) {
                first.make_ascii_uppercase();
            }
            format!("{text} of ")
        }
        Act::Undo(taken) if taken.jobs == 0 && !taken.edits.is_empty() => {
            let words: Vec<&str> = taken.edits.iter().map(Clean::as_str).collect();
            let room = usize::from(cells).saturating_sub(confirm.name().width().min(24) + 18).max(8);
            format!("Put back the {} of ", Clean::line(words.join(", ")).cut(room))
        }
        Act::Undo(_) => {
            let jobs = if confirm.count == 1 { "job" } else { "jobs" };
            format!("Put back {} {jobs} of ", figure::count(confirm.count))
        }
    };
    let room = usize::from(cells).saturating_sub(crate::text::width(&what));
    Clean::line(format!("{what}{}", confirm.name().cut(room.max(4))))
}
