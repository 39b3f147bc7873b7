//! What stands above the tabs: state, times, what the job belongs to.

use crate::app::panel::{Context, Panel as _};
use crate::app::panes::Rect;
use crate::app::screen::job::Job;
use crate::app::screen::job::facts::{Facts, ago, progress};
use crate::engine::read::job::JobDetail;
use crate::text::{Clean, Mask, figure};
use crate::view::pen::Pen;
use crate::view::screen::heading;
use crate::view::theme::{Role, state_glyph};
use crate::view::widget::bar;
use crate::wire::{Era, State};

/// Cells of the progress meter.
const METER: u16 = 16;

/// Draws as many of its rows as there is room for.
pub fn draw(pen: &mut Pen<'_>, job: &Job, cx: &Context<'_>, area: Rect) {
    if area.height == 0 {
        return;
    }
    let row = cx.queue(&job.queue);
    let right = row.map_or_else(Clean::default, |row| {
        let write = if row.era.writable().is_ok() { "writable" } else { "read-only" };
        Clean::line(format!("{} · {write}", row.era.title()))
    });
    heading(pen, area, &job.path(), &right);
    let Some(detail) = job.detail.as_deref() else { return };
    let facts = Facts::of(detail, row.map_or(Era::Unknown, |row| row.era));
    if area.height > 1 {
        state_row(pen, job, detail, &facts, cx, area.below(1).head(1));
    }
    if area.height > 2 {
        pieces(pen, area.below(2).head(1), &times(detail, &facts, cx));
    }
    if area.height > 3 {
        pieces(pen, area.below(3).head(1), &belongings(detail, &cx.config.mask));
    }
}

/// A label and its value; what finds no room is left out.
type Piece = (&'static str, Clean, Role);

fn pieces(pen: &mut Pen<'_>, area: Rect, pieces: &[Piece]) {
    let end = area.x + area.width;
    let mut x = area.x + 1;
    for (label, text, role) in pieces {
        let cells = label.len() + usize::from(!label.is_empty()) + text.width();
        let room = end.saturating_sub(x + 1);
        // The last of what fits may be cut, as long as something of it is seen.
        if cells > usize::from(room) && room < 12 {
            continue;
        }
        if !label.is_empty() {
            x = pen.put(x, area.y, room, label, Role::Dim) + 1;
        }
        let role = if text.hidden() > 0 { Role::Hidden } else { *role };
        x = pen.put(x, area.y, end.saturating_sub(x + 1), text, role) + 3;
    }
}

fn state_row(pen: &mut Pen<'_>, job: &Job, detail: &JobDetail, facts: &Facts, cx: &Context<'_>, area: Rect) {
    let end = area.x + area.width.saturating_sub(1);
    let mut x = area.x + 1;
    if job.gone {
        let text = Clean::line("✖ gone: this is how it was read last");
        x = pen.put(x, area.y, end.saturating_sub(x), &text, Role::Danger) + 3;
    } else if let Some(state) = detail.state {
        x = pen.put(x, area.y, 1, &state_glyph(state), Role::State(state)) + 1;
        x = pen.put(x, area.y, 20, &state.name(), Role::State(state)) + 3;
    } else {
        x = pen.put(x, area.y, end.saturating_sub(x), &"? in no list of the queue", Role::Warn) + 3;
    }
    let name = match detail.field("name") {
        Some(field) => match &field.value {
            Some(name) => name.masked(&cx.config.mask, b"name").clean(),
            None => Clean::line(format!("(a name of {})", figure::bytes(field.size))),
        },
        None => Clean::line("(no name: not a whole job)"),
    };
    let role = match (name.hidden() > 0, detail.field("name").is_some()) {
        (true, _) => Role::Hidden,
        (_, true) => Role::Strong,
        (_, false) => Role::Warn,
    };
    x = pen.put(x, area.y, end.saturating_sub(x).min(area.width / 2), &name, role) + 3;
    x = pen.put(x, area.y, end.saturating_sub(x), &Clean::line(facts.attempts()), Role::Text) + 3;
    if detail.state == Some(State::Active) && !job.gone {
        let (text, role) = match (&detail.lock, job.lock_left(cx.now)) {
            (None, _) => ("no lock".to_owned(), Role::Warn),
            (Some(_), None) => ("lock without end".to_owned(), Role::Warn),
            (Some(_), Some(ms)) if ms < 5000 => (format!("lock {} left", figure::age(ms)), Role::Warn),
            (Some(_), Some(ms)) => (format!("lock {} left", figure::age(ms)), Role::Dim),
        };
        x = pen.put(x, area.y, end.saturating_sub(x), &Clean::line(text), role) + 3;
    }
    let room = end.saturating_sub(x);
    match progress(detail, &cx.config.mask) {
        Some(Ok(share)) if (share > 0.0 || facts.active) && room >= METER + 5 => {
            let role = if facts.active { Role::Accent } else { Role::Dim };
            x = bar::meter(pen, x, area.y, METER, share, role);
            pen.put(x + 1, area.y, 5, &Clean::line(format!("{:.0}%", share * 100.0)), role);
        }
        Some(Err(text)) if room > 8 => {
            let role = if text.hidden() > 0 { Role::Hidden } else { Role::Literal };
            pen.put(x, area.y, room, &text, role);
        }
        _ => {}
    }
}

/// A moment as time of day; with its date when that is not today's.
fn clock(at: i64, now: i64) -> String {
    let near = now.saturating_sub(at).saturating_abs() < 12 * 3_600_000;
    if near { figure::time_of_day(at) } else { figure::date_time(at) }.to_string()
}

fn times(detail: &JobDetail, facts: &Facts, cx: &Context<'_>) -> Vec<Piece> {
    let now = cx.redis_now();
    let mut all: Vec<Piece> = Vec::new();
    let moment = |at: i64| Clean::line(format!("{} ({})", clock(at, now), ago(at, now)));
    if let Some(at) = facts.added_at {
        let text = if facts.ended_at.is_some() { Clean::line(clock(at, now)) } else { moment(at) };
        all.push(("added", text, Role::Text));
    }
    if let Some(at) = detail.due_at {
        all.push((if facts.made > 0 { "again" } else { "due" }, moment(at), Role::State(State::Delayed)));
    }
    if let Some(ms) = facts.waited_ms() {
        all.push(("waited", figure::duration(ms), Role::Text));
    }
    if let Some(ms) = facts.ran_ms(now) {
        let label = if facts.active { "runs for" } else { "ran" };
        // Tenths would flicker while it runs.
        let text = if facts.active { figure::age(ms) } else { figure::duration(ms) };
        all.push((label, text, Role::Text));
    }
    if let Some(at) = facts.ended_at {
        let label = if detail.state == Some(State::Failed) { "failed" } else { "finished" };
        all.push((label, moment(at), Role::Text));
    }
    if let Some(worker) = detail.clean("pb") {
        all.push(("by", cx.config.mask.clean(&worker), Role::Text));
    }
    if facts.stalled > 0 {
        all.push(("stalled", Clean::line(format!("{}x", facts.stalled)), Role::Warn));
    }
    if let Some(priority) = detail.number("priority").filter(|priority| *priority != 0) {
        all.push(("priority", Clean::line(priority.to_string()), Role::Text));
    }
    all
}

fn belongings(detail: &JobDetail, mask: &Mask) -> Vec<Piece> {
    let mut all: Vec<Piece> = Vec::new();
    if let Some(parent) = &detail.parent {
        let text = match (&parent.queue, &parent.id) {
            (Some(queue), Some(id)) => {
                Clean::line([queue.name.as_bytes(), " › ".as_bytes(), id.as_bytes()].concat())
            }
            _ => parent.key.clean(),
        };
        all.push(("parent", text, Role::Text));
    }
    let children = &detail.children;
    let over = children.processed + children.failed + children.ignored;
    let of = over + children.pending;
    if of > 0 {
        let failed = children.failed + children.ignored;
        let done = format!("{} of {} done", figure::count(over), figure::count(of));
        let text = if failed > 0 { format!("{done}, {} failed", figure::count(failed)) } else { done };
        all.push(("children", Clean::line(text), if failed > 0 { Role::Warn } else { Role::Text }));
    }
    for (field, label) in [("rjk", "scheduler"), ("deid", "deduplication")] {
        if let Some(value) = detail.clean(field) {
            all.push((label, mask.clean(&value), Role::Text));
        }
    }
    all
}
