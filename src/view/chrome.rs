//! What is around every screen: the top line, the bottom line, toasts.

use super::pen::Pen;
use super::theme::Role;
use super::widget::bar;
use crate::app::action::{Action, Row};
use crate::app::link::LinkPhase;
use crate::app::modal::Modal;
use crate::app::panes::Rect;
use crate::app::stack::Root;
use crate::app::toast::Tone;
use crate::app::{App, effect};
use crate::monitor::RedisHealth;
use crate::text::{Clean, figure, wrap};

/// A piece of the top line: it is left out where there is no room, the last ones first.
struct Piece {
    text: Clean,
    role: Role,
    bar: Option<f64>,
}

impl Piece {
    fn new(text: impl Into<Clean>, role: Role) -> Self {
        Self { text: text.into(), role, bar: None }
    }

    fn cells(&self) -> u16 {
        u16::try_from(self.text.width()).unwrap_or(u16::MAX).saturating_add(if self.bar.is_some() {
            BAR + 1
        } else {
            0
        })
    }
}

const BAR: u16 = 8;

/// Environment, endpoint, link, memory, hit rate and the rest, in the order of importance.
pub(super) fn top(pen: &mut Pen<'_>, app: &App, area: Rect, now: i64) {
    if area.height == 0 {
        return;
    }
    let mut x = area.x + 1;
    let end = area.x + area.width;
    let label = app.config.label.clone().or_else(|| app.config.demo.then(|| Clean::line("demo")));
    if let Some(label) = label {
        let style = pen.theme().label(app.config.colour.as_deref().or(app.config.demo.then_some("green")));
        let text = Clean::line(format!(" {} ", label.as_str().to_uppercase()));
        x = pen.put_styled(x, area.y, end.saturating_sub(x).min(24), &text, style) + 1;
    }
    for piece in pieces(app, now) {
        let room = end.saturating_sub(x + 1);
        // The link's state is said even where it must be cut.
        if piece.cells() > room && piece.role != Role::Danger {
            continue;
        }
        let cells = room.min(piece.cells());
        if let Some(share) = piece.bar {
            x = pen.put(x, area.y, room, &Clean::line("mem"), Role::Dim) + 1;
            x = bar::meter(pen, x, area.y, BAR, share, piece.role) + 1;
            let rest = Clean::line(piece.text.as_str().trim_start_matches("mem "));
            x = pen.put(x, area.y, cells, &rest, piece.role) + 2;
        } else {
            x = pen.put(x, area.y, cells, &piece.text, piece.role) + 2;
        }
    }
    if area.height > 1 {
        pen.rule(area.below(1));
    }
}

fn pieces(app: &App, now: i64) -> Vec<Piece> {
    let mut pieces = vec![Piece::new(app.config.endpoint.cut(32), Role::Text), link(app, now)];
    if let Some(redis) = &app.snapshot.redis {
        pieces.push(memory(redis));
        if redis.evicted_per_s > 0.0 {
            let text = format!("▲ evicts {}/s", figure::rate(redis.evicted_per_s));
            pieces.push(Piece::new(text, Role::Danger));
        }
        let rate =
            redis.hit_rate.map_or_else(|| "–".to_owned(), |rate| format!("{}%", figure::percent(rate)));
        pieces.push(Piece::new(format!("hit {rate}"), Role::Text));
        if let Some(ops) = redis.ops_per_s {
            pieces.push(Piece::new(format!("{} ops/s", coarse(ops)), Role::Text));
        }
        let connected = redis.clients.connected;
        let clients = if connected == 1 { "client" } else { "clients" };
        pieces.push(Piece::new(format!("{} {clients}", figure::count(connected)), Role::Text));
        if redis.role.as_str() == "slave" {
            pieces.push(Piece::new("replica: read-only", Role::Warn));
        }
    }
    if app.config.read_only {
        pieces.push(Piece::new("read-only", Role::Warn));
    }
    pieces
}

/// A rate that rests: two leading figures, so that noise does not repaint it.
fn coarse(rate: f64) -> Clean {
    if rate < 10.0 {
        return Clean::line(format!("{:.0}", rate.max(0.0)));
    }
    let step = 10f64.powf(rate.log10().floor() - 1.0);
    figure::count_in(((rate / step).round() * step) as u64, 4)
}

fn link(app: &App, now: i64) -> Piece {
    if let Some(ms) = app.link.silent_ms(now) {
        return Piece::new(format!("✖ Redis silent for {}", figure::age(ms)), Role::Danger);
    }
    match &app.link.state {
        LinkPhase::Connecting => Piece::new("○ connecting", Role::Warn),
        LinkPhase::Up => {
            // Coarse on purpose: a figure that flickers would repaint an idle screen.
            let rtt = app.link.round_trip_us.map(|us| {
                let bound = [5, 10, 20, 50, 100, 200, 500].into_iter().find(|ms| us < ms * 1000);
                bound.map_or_else(|| format!("{}s", us / 1_000_000 + 1), |ms| format!("<{ms}ms"))
            });
            Piece::new(format!("● {}", rtt.unwrap_or_else(|| "up".to_owned())), Role::Ok)
        }
        LinkPhase::Impaired { why, .. } => Piece::new(format!("▲ {}", why.cut(60)), Role::Danger),
        LinkPhase::Down { why, retry_at, .. } => {
            let again = figure::age(retry_at - now + 999);
            // The age of the picture stands first: the reason may be cut.
            let seen = app.link.old_ms(now).map(|ms| format!("seen {} ago, ", figure::age(ms)));
            let text = format!("✖ {}again in {again}: {}", seen.unwrap_or_default(), why.cut(60));
            Piece::new(text, Role::Danger)
        }
        LinkPhase::Refused { why, .. } => {
            Piece::new(format!("✖ login refused: {}", why.cut(60)), Role::Danger)
        }
    }
}

fn memory(redis: &RedisHealth) -> Piece {
    let memory = &redis.memory;
    if memory.max == 0 {
        return Piece::new(format!("mem {}", figure::bytes(memory.used)), Role::Text);
    }
    let share = memory.used as f64 / memory.max as f64;
    let role = match share {
        share if share >= 0.9 => Role::Danger,
        share if share >= 0.75 => Role::Warn,
        _ => Role::Text,
    };
    let mark = if share >= 0.9 { "▲ " } else { "" };
    let text = format!("mem {mark}{:.0}% of {}", share * 100.0, figure::bytes(memory.max));
    Piece { text: Clean::line(text), role, bar: Some(share) }
}

/// The keys that work here, and what we cost.
pub(super) fn bottom(pen: &mut Pen<'_>, app: &App, area: Rect, now: i64) {
    if area.height == 0 {
        return;
    }
    if area.height > 1 {
        pen.rule(area);
    }
    let y = area.y + area.height - 1;
    let end = area.x + area.width;
    let cost = cost(app);
    let cost_cells = u16::try_from(cost.width()).unwrap_or(0);
    let room = end.saturating_sub(cost_cells + 3);
    let typed = match &app.modal {
        Some(Modal::Filter(input)) => Some(("/", input)),
        Some(Modal::Line(prompt, input)) => Some((*prompt, input)),
        _ => None,
    };
    if let Some((what, input)) = typed {
        let x = pen.put(area.x + 1, y, area.width.saturating_sub(12), &what, Role::Accent);
        let text = Clean::line(input.value());
        let x = pen.put(x, y, end.saturating_sub(x + 1), &text, Role::Strong);
        pen.put(x, y, 1, &"▏", Role::Accent);
        return;
    }
    if let Some(running) = app.running.last().filter(|running| running.progress.matched > 100) {
        let text = progress(running, now);
        pen.put(area.x + 1, y, room, &text, Role::Accent);
    } else {
        let scopes = app.stacks.current().panel().scopes();
        let mut all = scopes.to_vec();
        all.push(crate::app::action::Scope::Global);
        // A key that means something narrower here (Enter on a job) is not named by its wider sense.
        let meant = |row: &&'static Row| {
            let first = app.keymap.keys(row).first();
            first.is_some_and(|key| app.keymap.action(&all, *key) == Some(row.action))
        };
        let here = |row: &&'static Row| match app.stacks.root() {
            Root::Redis => row.action == Action::ScreenRedis,
            Root::Errors => row.action == Action::ScreenErrors,
            _ => false,
        };
        let offered = |row: &&'static Row| app.stacks.current().panel().offers(row.action);
        let named = |row: &&'static Row| !row.short.is_empty() && meant(row) && !here(row) && offered(row);
        let rows: Vec<&'static Row> = app.keymap.rows(&all).filter(named).collect();
        let mut x = area.x + 1;
        // The help is named even where not all the others find room.
        let help = rows.iter().find(|row| row.action == Action::Help).copied();
        let reserved = help.map_or(0, |row| key_cells(pen, app, row) + 2);
        // What cannot be done here stands last, and only where nothing else needs the room.
        let off = app.cannot_write().is_some();
        let (last, first): (Vec<_>, Vec<_>) =
            rows.iter().filter(|row| row.action != Action::Help).partition(|row| row.writes && off);
        for row in first.into_iter().chain(last) {
            if x + key_cells(pen, app, row) + reserved > room {
                continue;
            }
            x = put_key(pen, app, row, off && row.writes, x, y);
        }
        if let Some(row) = help
            && x + key_cells(pen, app, row) <= room
        {
            put_key(pen, app, row, false, x, y);
        }
    }
    pen.put_right(end.saturating_sub(1), y, cost_cells, &cost, Role::Dim);
}

fn key_cells(pen: &Pen<'_>, app: &App, row: &'static Row) -> u16 {
    let key = app.keymap.keys(row).first().map_or(0, |key| key_name(pen, *key).width());
    u16::try_from(key + row.short.len() + 3).unwrap_or(u16::MAX)
}

fn put_key(pen: &mut Pen<'_>, app: &App, row: &'static Row, off: bool, x: u16, y: u16) -> u16 {
    let (name, text) = if off { (Role::Dim, Role::Dim) } else { (Role::Accent, Role::Text) };
    let Some(key) = app.keymap.keys(row).first() else { return x };
    let x = pen.put(x, y, 12, &key_name(pen, *key), name) + 1;
    pen.put(x, y, 20, &row.short, text) + 2
}

/// A key by its glyph; without glyphs, by its name, for an `E` would be another key.
fn key_name(pen: &Pen<'_>, key: crate::app::key::Key) -> Clean {
    use crate::app::key::Code;
    match key.code {
        _ if pen.theme().ascii => key.clean(),
        Code::Enter => Clean::line("↵"),
        Code::Tab => Clean::line("⇥"),
        _ => key.clean(),
    }
}

fn cost(app: &App) -> Clean {
    let cost = &app.snapshot.cost;
    match cost.cpu {
        // Two figures, so that an idle screen rests.
        Some(share) => Clean::line(format!("{:.1}%", share * 100.0)),
        None => Clean::line(""),
    }
}

/// How far bulk work is, how fast, and how long it will take yet.
fn progress(running: &crate::app::Running, now: i64) -> Clean {
    let progress = &running.progress;
    let word = running.act.word();
    let queue = effect::Act::queue(&running.act).name.clean();
    let share = if progress.matched == 0 { 0.0 } else { progress.handled() as f64 / progress.matched as f64 };
    let elapsed_s = now.saturating_sub(running.started_at) as f64 / 1000.0;
    let rate = progress.handled() as f64 / elapsed_s.max(0.001);
    let left = progress.matched.saturating_sub(progress.handled()) as f64;
    let pace = if progress.handled() > 0 && elapsed_s >= 0.5 {
        format!("  {}/s, {} left", figure::rate(rate), figure::age((left / rate * 1000.0) as i64))
    } else {
        String::new()
    };
    let stop = if running.stopping { "stopping" } else { "Ctrl-X stops" };
    Clean::line(format!(
        "{word} {queue}: {} of {} ({:.0}%){pace}  {stop}",
        figure::count(progress.handled()),
        figure::count(progress.matched),
        share * 100.0,
    ))
}

/// Rows that messages may cover.
const TOAST_ROWS: u16 = 4;

/// Messages, newest lowest, over the last rows of the body. A long one is broken: its end says why.
pub(super) fn toasts(pen: &mut Pen<'_>, app: &App, area: Rect, now: i64) {
    let cells = usize::from(area.width.saturating_sub(4));
    let (mut end, top) = (area.y + area.height, area.y + area.height - TOAST_ROWS.min(area.height));
    for toast in app.toasts.iter().rev().filter(|toast| toast.until > now) {
        let mut lines = wrap(&toast.text, cells);
        lines.truncate(usize::from(TOAST_ROWS) - 1);
        let rows = u16::try_from(lines.len()).unwrap_or(TOAST_ROWS);
        if rows > end - top {
            return;
        }
        end -= rows;
        let (mark, role) = match toast.tone {
            Tone::Good => (" ✔ ", Role::Ok),
            Tone::Plain => (" · ", Role::Accent),
            Tone::Bad => (" ✖ ", Role::Danger),
        };
        let widest = lines.iter().map(Clean::width).max().unwrap_or(0);
        let width = u16::try_from(widest + 4).unwrap_or(u16::MAX).min(area.width);
        for (line, y) in lines.iter().zip(end..) {
            let row = Rect::new(area.x + area.width - width, y, width, 1);
            pen.clear(row);
            pen.put(row.x, y, 3, if y == end { &mark } else { &"   " }, role);
            pen.put(row.x + 3.min(width), y, width.saturating_sub(4), line, role);
        }
    }
}
