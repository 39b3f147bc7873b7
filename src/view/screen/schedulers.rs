//! The Schedulers screen.

use super::{empty, heading, no_queue, rows_of, unanswered};
use crate::app::panel::Context;
use crate::app::screen::schedulers::{Row, Schedulers};
use crate::engine::read::schedulers::Generation;
use crate::insight::scheduler::Phase;
use crate::text::{Clean, figure, wrap};
use crate::view::pen::Pen;
use crate::view::theme::Role;
use crate::view::widget::table::{self, Column};

const COLUMNS: [Column; 10] = [
    Column::text("queue", 15, 0),
    Column::wide("scheduler", 15, 40),
    Column::wide("rule", 22, 60),
    Column::figure("next", 9, 0),
    Column::figure("last", 7, 70),
    Column::figure("drift", 8, 70),
    Column::text(" job", 16, 110),
    Column::figure("runs", 10, 110),
    Column::text(" kind", 12, 130),
    Column::wide("then", 22, 150),
];

/// Draws the screen.
pub fn draw(pen: &mut Pen<'_>, schedulers: &Schedulers, cx: &Context<'_>) {
    let body = cx.body;
    if body.height < 3 {
        return;
    }
    heading(pen, body, &[title(schedulers)], &settings(schedulers));
    let list = Schedulers::list(body);
    let columns = table::fitting(&COLUMNS, body.width);
    if schedulers.rows.all().is_empty() {
        let width = usize::from(list.width.saturating_sub(2)).max(1);
        let lines: Vec<Clean> = nothing(schedulers, cx).iter().flat_map(|line| wrap(line, width)).collect();
        empty(pen, list, &lines);
        return;
    }
    table::rows(pen, list, &columns, &schedulers.rows, mark, |row, title| cell(row, title, cx));
    foot(pen, schedulers, cx);
}

fn mark(row: &Row) -> Option<Role> {
    match row.health.phase {
        Phase::Dead(_) => Some(Role::Danger),
        Phase::Overdue | Phase::Stalled | Phase::Unknown(_) => Some(Role::Warn),
        _ => None,
    }
}

fn title(schedulers: &Schedulers) -> Clean {
    let mut parts = vec![format!("Schedulers {}", figure::count(schedulers.total))];
    match schedulers.faulty() {
        0 => {}
        1 => parts.push("▲ 1 needs somebody".to_owned()),
        n => parts.push(format!("▲ {n} need somebody")),
    }
    if let (Some((done, of)), false) = (schedulers.progress, schedulers.read) {
        parts.push(format!("reading: {done} of {of} queues"));
    }
    let known = schedulers.known() as u64;
    if schedulers.read && known < schedulers.total {
        parts.push(format!("{} read", figure::count(known)));
    }
    Clean::line(parts.join("  ·  "))
}

fn settings(schedulers: &Schedulers) -> Clean {
    let turned = if schedulers.reversed { "▲" } else { "▾" };
    let filter = match schedulers.filter.as_str() {
        "" => "/ none".to_owned(),
        filter => format!("/ {}", Clean::line(filter).cut(24)),
    };
    Clean::line(format!("sort: {} {turned}   {filter}", schedulers.sort.name()))
}

fn nothing(schedulers: &Schedulers, cx: &Context<'_>) -> Vec<Clean> {
    let line = |text: &str| Clean::line(text);
    if schedulers.known() > 0 {
        return vec![line("no scheduler matches the filter")];
    }
    if let Some(why) = unanswered(cx) {
        return why;
    }
    if let Some(why) = &schedulers.error {
        return vec![line("schedulers cannot be read:"), why.clone()];
    }
    if !schedulers.read {
        return vec![line("reading schedulers ...")];
    }
    if cx.snapshot.queues.is_empty() {
        return no_queue(cx);
    }
    vec![
        line("no queue has a scheduler"),
        line("upsertJobScheduler makes one, or `toril scheduler QUEUE ID add`"),
    ]
}

fn cell(row: &Row, title: &str, cx: &Context<'_>) -> (Clean, Role) {
    let scheduler = &row.standing.scheduler;
    let health = &row.health;
    let dash = || (Clean::line("–"), Role::Dim);
    match title {
        "queue" => (row.queue.name.clean(), Role::Text),
        "scheduler" => (row.key.clone(), Role::Strong),
        "rule" => (row.rule.clone(), Role::Text),
        "next" => next(row, cx),
        "last" => match health.last_at {
            Some(at) => (figure::age(cx.redis_now().saturating_sub(at)), Role::Text),
            None => dash(),
        },
        "drift" => match health.drift_ms {
            Some(ms) if ms >= 15_000 => (figure::age(ms), Role::Warn),
            Some(ms) if ms < 0 => (Clean::line(format!("-{}", short(ms.saturating_neg()))), Role::Dim),
            Some(ms) => (short(ms), Role::Dim),
            None => dash(),
        },
        " job" => (Clean::line(format!(" {}", scheduler.name)), Role::Text),
        "runs" => {
            let runs = row.standing.run.count.or(scheduler.iterations);
            let limit = row.standing.run.limit.or(scheduler.limit);
            match (runs, limit) {
                (Some(runs), Some(limit)) => {
                    (Clean::line(format!("{}/{}", figure::count(runs), figure::count(limit))), Role::Text)
                }
                (Some(runs), None) => (figure::count(runs), Role::Text),
                (None, _) => dash(),
            }
        }
        " kind" => {
            let kind = match scheduler.generation {
                Generation::Legacy => " legacy",
                Generation::Repeatable => " repeatable",
                Generation::Scheduler => " scheduler",
            };
            (Clean::line(kind), Role::Dim)
        }
        _ => {
            let then: Vec<String> =
                health.following.iter().map(|at| figure::since(*at, cx.redis_now()).to_string()).collect();
            (Clean::line(then.join(", ")), Role::Dim)
        }
    }
}

/// Ms, or seconds from a second on.
fn short(ms: i64) -> Clean {
    if ms < 1000 { Clean::line(format!("{ms}ms")) } else { figure::duration(ms) }
}

fn next(row: &Row, cx: &Context<'_>) -> (Clean, Role) {
    let at = row.standing.scheduler.next_at;
    let now = cx.redis_now();
    match row.health.phase {
        Phase::Dead(_) => (Clean::line("dead"), Role::Danger),
        Phase::Overdue => {
            (Clean::line(format!("{} late", figure::age(cx.judged_at().saturating_sub(at)))), Role::Warn)
        }
        Phase::Stalled => (Clean::line("stalled"), Role::Warn),
        Phase::Unknown(_) => (Clean::line("unknown"), Role::Warn),
        Phase::Ended(_) => (Clean::line("ended"), Role::Dim),
        Phase::Starting => (Clean::line("starts"), Role::Ok),
        Phase::Due => (Clean::line("now"), Role::Ok),
        Phase::Ahead if at <= now => (Clean::line("now"), Role::Text),
        Phase::Ahead => (figure::since(at, now), Role::Text),
    }
}

/// What is to be said of the selected one.
fn foot(pen: &mut Pen<'_>, schedulers: &Schedulers, cx: &Context<'_>) {
    let height = Schedulers::foot(cx.body);
    let Some(row) = schedulers.rows.selected().filter(|_| height > 0) else { return };
    let area = cx.body.foot(height);
    let role = mark(row).unwrap_or(Role::Dim);
    let glyph = if row.health.is_fault() { "▲" } else { "·" };
    let scheduler = &row.standing.scheduler;
    let at = figure::date_time(scheduler.next_at);
    let mut lines = Vec::new();
    let paused = cx.queue(&row.queue).is_some_and(|queue| queue.paused);
    lines.push((row.health.sentence_in(paused), role));
    let rule = match &scheduler.pattern {
        Some(pattern) if scheduler.every.is_none() => format!("{} ({pattern})", row.rule),
        _ => row.rule.to_string(),
    };
    lines.push((format!("{rule}; next {at}"), Role::Text));
    if let Some(why) = &schedulers.error {
        lines.push((why.to_string(), Role::Warn));
    }
    let ends: Vec<String> = [("from", scheduler.start_at), ("until", scheduler.end_at)]
        .into_iter()
        .filter_map(|(word, at)| Some(format!("{word} {}", figure::date_time(at?))))
        .collect();
    if !ends.is_empty() {
        lines.push((ends.join(", "), Role::Dim));
    }
    pen.put(area.x + 1, area.y + 1, 1, &glyph, role);
    let name = row.key.cut(28);
    let name_role = if name.hidden() > 0 { Role::Hidden } else { Role::Strong };
    let x = pen.put(area.x + 3, area.y + 1, area.width.saturating_sub(4), &name, name_role);
    let mut y = area.y + 1;
    for (i, (text, role)) in lines.iter().enumerate() {
        let from = if i == 0 { x + 1 } else { area.x + 3 };
        let cells = (area.x + area.width).saturating_sub(from + 1);
        // Each of them has a row at least; what the others do not need, a long one has.
        let left = usize::from((area.y + area.height).saturating_sub(y));
        let spare = left.saturating_sub(lines.len() - i - 1).min(2);
        for part in rows_of(&Clean::line(text), cells, spare.max(1)) {
            if y >= area.y + area.height {
                return;
            }
            pen.put(from, y, cells, &part, *role);
            y += 1;
        }
    }
}
