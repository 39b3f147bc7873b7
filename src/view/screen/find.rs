//! The Find screen.

use super::{empty, heading, no_queue, unanswered};
use crate::app::panel::Context;
use crate::app::panes::Rect;
use crate::app::screen::find::{Find, KEPT};
use crate::insight::find::{Hit, Phase};
use crate::text::{Clean, figure, width, wrap};
use crate::view::pen::Pen;
use crate::view::theme::{Role, state_glyph};
use crate::view::widget::bar;

/// Draws the screen.
pub fn draw(pen: &mut Pen<'_>, find: &Find, cx: &Context<'_>) {
    let body = cx.body;
    if body.height < 6 {
        return;
    }
    let typed = Clean::line(&find.typed).cut(usize::from(body.width / 2));
    let right = match find.marks.len() {
        0 => Clean::line(format!("{} found", figure::count(find.hits.len() as u64))),
        marked => Clean::line(format!(
            "{} of {} found are marked",
            figure::count(marked as u64),
            figure::count(find.hits.len() as u64)
        )),
    };
    heading(pen, body, &[Clean::line("Find"), typed], &right);
    tab_line(pen, find, body.below(1).head(1));
    let list = Find::list(body);
    let columns = Columns::new(list.width);
    columns.names(pen, list);
    if find.hits.is_empty() {
        let width = usize::from(list.width.saturating_sub(4)).max(1);
        let lines: Vec<Clean> = nothing(find, cx).iter().flat_map(|line| wrap(line, width)).collect();
        empty(pen, list, &lines);
    }
    let top = find.cursor.top;
    for (index, y) in (top..).zip(list.y..list.y + list.height) {
        let Some(hit) = usize::try_from(index).ok().and_then(|at| find.hits.get(at)) else { break };
        let selected = index == find.cursor.index;
        let marked = find.marks.contains(&(hit.queue.clone(), hit.id.clone()));
        columns.row(pen, (hit, &find.typed), (selected, marked), Rect { y, height: 1, ..list }, cx);
    }
    bar::scroll(pen, list, top, find.hits.len() as u64);
    foot(pen, find, body.foot(2), cx);
}

fn tab_line(pen: &mut Pen<'_>, find: &Find, area: Rect) {
    let mut x = area.x + 1;
    for state in Find::tabs() {
        let name = state.map_or("all states", crate::wire::State::name);
        let cells = u16::try_from(name.len()).unwrap_or(0) + 2;
        if x + cells > area.x + area.width {
            break;
        }
        let role = if state == find.state { Role::Selected } else { Role::Dim };
        x = pen.put(x, area.y, cells, &Clean::line(format!(" {name} ")), role) + 1;
    }
}

/// Why there is no row.
fn nothing(find: &Find, cx: &Context<'_>) -> Vec<Clean> {
    let line = |text: &str| Clean::line(text);
    if let Some(why) = &find.error {
        return vec![why.clone(), line("/ looks for something else")];
    }
    if find.typed.is_empty() {
        return vec![
            line("what is looked for?"),
            line(
                "/ and an id, a text, !text for jobs without it, or = and a jq expression: = .data.tenant == \"acme\"",
            ),
        ];
    }
    if cx.snapshot.queues.is_empty() {
        return unanswered(cx).unwrap_or_else(|| no_queue(cx));
    }
    match find.found.as_ref().map(|found| &found.phase) {
        Some(Phase::Waiting(why)) => {
            vec![line("Redis does not answer: it goes on as soon as it does"), why.clone()]
        }
        _ if find.stopped => vec![line("stopped before anything was found")],
        Some(Phase::Over | Phase::Enough) => vec![line("nothing was found")],
        _ => vec![line("looking ...")],
    }
}

/// Where the columns begin.
struct Columns {
    queue: (u16, u16),
    id: (u16, u16),
    name: (u16, u16),
    age: (u16, u16),
    text: u16,
}

impl Columns {
    fn new(width: u16) -> Self {
        let (queue, id, name) = match width {
            150.. => (26, 26, 24),
            110.. => (18, 16, 18),
            70.. => (13, 12, 12),
            _ => (10, 10, 0),
        };
        let (x, gap) = (4, 1);
        let id_x = x + queue + gap;
        let name_x = id_x + id + gap;
        let age_x = name_x + name + u16::from(name > 0);
        Self { queue: (x, queue), id: (id_x, id), name: (name_x, name), age: (age_x, 5), text: age_x + 7 }
    }

    fn names(&self, pen: &mut Pen<'_>, list: Rect) {
        let y = list.y.saturating_sub(1);
        for ((x, cells), name) in [(self.queue, "queue"), (self.id, "id"), (self.name, "name")] {
            pen.put(list.x + x, y, cells, &name, Role::Dim);
        }
        pen.put_right(list.x + self.age.0 + self.age.1, y, self.age.1, &"age", Role::Dim);
        pen.put(
            list.x + self.text,
            y,
            list.width.saturating_sub(self.text + 1),
            &"where it stands",
            Role::Dim,
        );
    }

    fn row(
        &self,
        pen: &mut Pen<'_>,
        (hit, typed): (&Hit, &str),
        (selected, marked): (bool, bool),
        area: Rect,
        cx: &Context<'_>,
    ) {
        let pick = |role: Role| if selected { Role::Selected } else { role };
        let of = |text: &Clean, role: Role| if text.hidden() > 0 { Role::Hidden } else { role };
        if selected {
            pen.tint(area, Role::Selected);
            pen.put(area.x, area.y, 1, &"▶", Role::Selected);
        }
        if marked {
            pen.put(area.x + 1, area.y, 1, &"●", pick(Role::Accent));
        }
        pen.put(area.x + 2, area.y, 1, &state_glyph(hit.state), pick(Role::State(hit.state)));
        let (queue, id) = (hit.queue.name.clean(), hit.id.clean());
        let cells = [
            (self.queue, &queue, Role::Text),
            (self.id, &id, Role::Strong),
            (self.name, &hit.name, Role::Text),
        ];
        for ((x, cells), text, role) in cells {
            pen.put(area.x + x, area.y, cells, text, pick(of(text, role)));
        }
        if let Some(at) = hit.at {
            let age = figure::since(at, cx.redis_now());
            pen.put_right(area.x + self.age.0 + self.age.1, area.y, self.age.1, &age, pick(Role::Dim));
        }
        let end = (area.x + area.width).saturating_sub(1);
        let x = area.x + self.text;
        let (place, role) = match hit.place {
            Some(place) => (place, Role::Dim),
            None => (hit.state.name(), Role::State(hit.state)),
        };
        let x = pen.put(x, area.y, end.saturating_sub(x), &Clean::line(place), pick(role)) + 1;
        let excerpt = around(&hit.excerpt, typed, usize::from(end.saturating_sub(x)));
        pen.put(x, area.y, end.saturating_sub(x), &excerpt, pick(of(&excerpt, Role::Text)));
    }
}

/// How far it is, what it costs, and what to know.
fn foot(pen: &mut Pen<'_>, find: &Find, area: Rect, cx: &Context<'_>) {
    let Some(found) = &find.found else { return };
    let (coverage, cost) = (&found.coverage, &found.cost);
    let count = figure::count;
    let mut parts = vec![format!(
        "{} of {} read, newest first",
        count(coverage.read),
        count(coverage.total.max(coverage.read))
    )];
    if cost.per_second > 0.0 {
        parts.push(format!("{}/s", figure::count_in(cost.per_second as u64, 5)));
        parts.push(format!("{} % of Redis", figure::percent(cost.share())));
        parts.push(format!("{}", figure::bytes(cost.bytes)));
    }
    let (state, role) = match &found.phase {
        _ if find.error.is_some() => ("ended".to_owned(), Role::Danger),
        _ if find.stopped => ("stopped".to_owned(), Role::Warn),
        Phase::Waiting(_) => {
            let age = figure::age(cx.now - find.told_at.min(cx.now));
            (format!("▲ Redis does not answer, read {age} ago"), Role::Danger)
        }
        Phase::Reading => ("reading · Ctrl-X stops".to_owned(), Role::Accent),
        Phase::Enough => (format!("stopped at {} found", count(KEPT as u64)), Role::Warn),
        Phase::Over if coverage.complete => ("all read".to_owned(), Role::Ok),
        Phase::Over => ("read; some moved on or were too large".to_owned(), Role::Warn),
    };
    let room = area.width.saturating_sub(2);
    let text = Clean::line(parts.join(" · "));
    // At 80 columns both do not stand on one line.
    if text.width() + state.len() + 4 <= usize::from(room) {
        let x = pen.put(area.x + 1, area.y, room, &text, Role::Dim);
        pen.put(x + 3, area.y, (area.x + room).saturating_sub(x + 2), &Clean::line(state), role);
        if let Some(note) = note(find) {
            pen.put(area.x + 1, area.y + 1, room, note, Role::Warn);
        }
    } else {
        pen.put(area.x + 1, area.y, room, &text, Role::Dim);
        let x = pen.put(area.x + 1, area.y + 1, room, &Clean::line(state), role);
        if let Some(note) = note(find) {
            pen.put(x + 2, area.y + 1, (area.x + room).saturating_sub(x + 2), note, Role::Warn);
        }
    }
}

/// The excerpt from where what is looked for can be seen in so many cells.
fn around(excerpt: &Clean, typed: &str, cells: usize) -> Clean {
    let before = (cells / 8).clamp(1, 6);
    let (text, typed) = (excerpt.as_str().to_ascii_lowercase(), typed.trim().to_ascii_lowercase());
    let Some(at) = text.find(&typed).filter(|_| !typed.is_empty()) else { return excerpt.clone() };
    if width(text.get(..at + typed.len()).unwrap_or_default()) < cells {
        return excerpt.clone();
    }
    let from = text.char_indices().rev().map(|(i, _)| i).filter(|i| *i < at).nth(before - 1).unwrap_or(0);
    // Lower case of ASCII moves no byte.
    Clean::line(format!("…{}", excerpt.as_str().get(from..).unwrap_or_default()))
}

fn note(find: &Find) -> Option<&Clean> {
    let found = find.found.as_ref()?;
    find.error.as_ref().filter(|_| !find.hits.is_empty()).or(found.note.as_ref())
}
