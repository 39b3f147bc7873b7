//! The Workers screen, and the jobs of one of them.

use super::{empty, heading, rows_of, unanswered};
use crate::app::panel::Context;
use crate::app::panes::Rect;
use crate::app::screen::workers::{Doing, Kind, Row, WorkerJobs, Workers, is_permitted};
use crate::monitor::workers::Connected;
use crate::text::{Clean, figure, wrap};
use crate::view::pen::Pen;
use crate::view::theme::Role;
use crate::view::widget::bar;
use crate::view::widget::table::{self, Column};

const COLUMNS: [Column; 10] = [
    Column::text("queue", 14, 0),
    Column::wide("worker", 14, 0),
    Column::text("address", 22, 140),
    Column::figure("since", 6, 50),
    Column::text(" era", 6, 60),
    Column::figure("jobs", 7, 40),
    Column::figure("longest", 8, 60),
    Column::figure("usual", 8, 100),
    Column::figure("lock", 6, 70),
    Column::wide(" runs", 15, 60),
];

const JOBS: [Column; 7] = [
    Column::wide("job", 16, 0),
    Column::wide("name", 16, 40),
    Column::figure("runs for", 11, 0),
    Column::figure("usual", 9, 60),
    Column::figure("at most", 9, 100),
    Column::figure("lock left", 10, 50),
    Column::figure("attempt", 9, 70),
];

/// Draws the screen.
pub fn draw(pen: &mut Pen<'_>, workers: &Workers, cx: &Context<'_>) {
    let body = cx.body;
    if body.height < 3 {
        return;
    }
    heading(pen, body, &[title(workers, cx)], &settings(workers));
    let list = Workers::list(body);
    let columns = table::fitting(&COLUMNS, body.width);
    if workers.rows.all().is_empty() {
        let width = usize::from(list.width.saturating_sub(2)).max(1);
        let lines: Vec<Clean> = nothing(workers, cx).iter().flat_map(|line| wrap(line, width)).collect();
        empty(pen, list, &lines);
        return;
    }
    table::rows(pen, list, &columns, &workers.rows, mark, |row, title| cell(row, title, cx));
    foot(pen, workers, cx);
}

fn mark(row: &Row) -> Option<Role> {
    row.is_fault().then_some(if row.kind == Kind::NoWorker { Role::Danger } else { Role::Warn })
}

fn title(workers: &Workers, cx: &Context<'_>) -> Clean {
    let mut parts = Vec::new();
    match &cx.snapshot.connected {
        Connected::Known { .. } => parts.push(format!("Workers {}", figure::count(workers.connected as u64))),
        Connected::Unknown => parts.push("Workers".to_owned()),
        Connected::NotPermitted => parts.push("Workers: CLIENT LIST is not permitted".to_owned()),
    }
    match workers.faulty {
        0 => {}
        1 => parts.push("▲ 1 needs somebody".to_owned()),
        n => parts.push(format!("▲ {n} need somebody")),
    }
    Clean::line(parts.join("  ·  "))
}

fn settings(workers: &Workers) -> Clean {
    let turned = if workers.reversed { "▲" } else { "▾" };
    let filter = match workers.filter.as_str() {
        "" => "/ none".to_owned(),
        filter => format!("/ {}", Clean::line(filter).cut(24)),
    };
    Clean::line(format!("sort: {} {turned}   {filter}", workers.sort.name()))
}

fn nothing(workers: &Workers, cx: &Context<'_>) -> Vec<Clean> {
    let line = |text: &str| Clean::line(text);
    if workers.known > 0 {
        return vec![line("nothing matches the filter")];
    }
    if let Some(why) = unanswered(cx) {
        return why;
    }
    if !is_permitted(cx) {
        return vec![
            line("CLIENT LIST: not permitted, so nobody knows who is connected"),
            line("no job runs; `toril acl --role viewer` prints a rule that permits it"),
        ];
    }
    if let Some(why) = workers.error() {
        return vec![line("running jobs cannot be read:"), why.clone()];
    }
    if matches!(cx.snapshot.connected, Connected::Unknown) {
        return vec![line("looking who is connected ...")];
    }
    vec![line("no worker is connected, and no job waits for one")]
}

fn cell(row: &Row, title: &str, cx: &Context<'_>) -> (Clean, Role) {
    let dash = || (Clean::line("–"), Role::Dim);
    let now = cx.redis_now();
    let oldest = row.jobs.iter().min_by_key(|job| job.started_at.unwrap_or(i64::MAX));
    match title {
        "queue" => (row.queue.name.clean(), Role::Text),
        "worker" => match row.kind {
            Kind::NoWorker if row.is_fault() => (row.name.clone(), Role::Danger),
            Kind::NoWorker => (row.name.clone(), Role::Dim),
            _ if row.unnamed => (row.name.clone(), Role::Dim),
            _ => (row.name.clone(), Role::Strong),
        },
        "address" => (row.address.clone(), Role::Dim),
        "since" => row.since.map_or_else(dash, |at| (figure::age(cx.now.saturating_sub(at)), Role::Text)),
        " era" => (Clean::line(format!(" {}", row.era.unwrap_or("–"))), Role::Dim),
        "jobs" => match row.running {
            0 => dash(),
            n if row.kind == Kind::NoWorker => (figure::count_in(n, 6), Role::Dim),
            n => (figure::count_in(n, 6), Role::Text),
        },
        "longest" => match oldest.and_then(|job| Some((job, job.started_at?))) {
            Some((job, at)) => (figure::age(now.saturating_sub(at)), running_role(job, cx)),
            None => dash(),
        },
        "usual" => match oldest.and_then(|job| job.usual) {
            Some(usual) => (brief(usual.median_ms), Role::Dim),
            None => dash(),
        },
        "lock" => oldest.map_or_else(dash, |job| lock(job, row, cx)),
        _ => {
            let Some(job) = oldest else {
                let told = if row.kind == Kind::NoWorker { row.told.as_str() } else { "" };
                let told = told.strip_prefix("no worker is connected; ").unwrap_or(told);
                return (Clean::line(format!(" {told}")), Role::Dim);
            };
            (Clean::line(format!(" {} {}", job.name, job.shown_id)), Role::Text)
        }
    }
}

fn running_role(job: &Doing, cx: &Context<'_>) -> Role {
    if job.is_far_longer(cx.judged_at()) { Role::Warn } else { Role::Text }
}

/// How long the lock lasts yet; it was read a moment ago.
fn lock(job: &Doing, row: &Row, cx: &Context<'_>) -> (Clean, Role) {
    match job.lock_ms {
        None => (Clean::line("none"), Role::Warn),
        Some(i64::MAX) => (Clean::line("∞"), Role::Dim),
        Some(ms) => {
            let left = ms.saturating_sub(cx.judged_at().saturating_sub(row.at).max(0));
            if left > 0 { (figure::age(left), Role::Dim) } else { (Clean::line("0s"), Role::Warn) }
        }
    }
}

/// Ms, or seconds from a second on.
fn brief(ms: i64) -> Clean {
    if ms < 60_000 { figure::duration(ms) } else { figure::age(ms) }
}

/// What is to be said of the selected one.
fn foot(pen: &mut Pen<'_>, workers: &Workers, cx: &Context<'_>) {
    let height = Workers::foot(cx.body);
    let Some(row) = workers.rows.selected().filter(|_| height > 0) else { return };
    let area = cx.body.foot(height);
    let (role, glyph) = mark(row).map_or((Role::Dim, "·"), |role| (role, "▲"));
    pen.put(area.x + 1, area.y + 1, 1, &glyph, role);
    let name = if row.kind == Kind::NoWorker { row.queue.name.clean() } else { row.name.clone() };
    let name_role = if name.hidden() > 0 { Role::Hidden } else { Role::Strong };
    let x = pen.put(area.x + 3, area.y + 1, 28, &name.cut(28), name_role);
    let mut y = area.y + 1;
    let put = |pen: &mut Pen<'_>, from: u16, y: u16, text: &Clean, role: Role| {
        pen.put(from, y, (area.x + area.width).saturating_sub(from + 1), text, role);
    };
    for (i, part) in rows_of(&row.told, area.width.saturating_sub(x + 2), 2).iter().enumerate() {
        if i > 0 {
            y += 1;
        }
        put(pen, x + 1, y, part, Role::Text);
    }
    if let Some(why) = workers.error() {
        let left = usize::from((area.y + area.height).saturating_sub(y + 1)).min(2);
        for part in rows_of(why, area.width.saturating_sub(4), left).iter().take(left) {
            y += 1;
            put(pen, area.x + 3, y, part, Role::Warn);
        }
    }
    // Where there is room: the others of its jobs.
    for job in row.jobs.iter().skip(1) {
        if y + 1 >= area.y + area.height {
            return;
        }
        y += 1;
        let age =
            job.started_at.map_or_else(Clean::default, |at| figure::age(cx.redis_now().saturating_sub(at)));
        let text = Clean::line(format!("{} {}  {age}", job.name, job.shown_id));
        put(pen, area.x + 3, y, &text, running_role(job, cx));
    }
}

/// Draws the jobs of one worker.
pub fn draw_jobs(pen: &mut Pen<'_>, screen: &WorkerJobs, cx: &Context<'_>) {
    let (row, body) = (&screen.row, cx.body);
    if body.height < 4 {
        return;
    }
    let path = [Clean::line("Workers"), row.queue.name.clean(), row.name.clone()];
    let since = row.since.map(|at| format!("since {}   ", figure::date_time(at))).unwrap_or_default();
    let right = Clean::line(format!("{since}{}", row.address));
    heading(pen, body, &path, &right);
    let told = if screen.over { Clean::line("runs nothing (any more)") } else { row.told.clone() };
    pen.put(body.x + 1, body.y + 1, body.width.saturating_sub(2), &told, Role::Dim);
    let list = WorkerJobs::list(body);
    if row.jobs.is_empty() {
        empty(pen, list, &[Clean::line("no job")]);
        return;
    }
    let columns = table::fitting(&JOBS, body.width);
    table::titles(pen, list, list.y.saturating_sub(1), &columns);
    let top = usize::try_from(screen.cursor.top).unwrap_or(0);
    for (at, job) in row.jobs.iter().enumerate().skip(top).take(usize::from(list.height)) {
        let y = list.y + u16::try_from(at - top).unwrap_or(0);
        let selected = at as u64 == screen.cursor.index;
        let mark = job.is_far_longer(cx.judged_at()).then_some(Role::Warn);
        table::row(pen, Rect { y, ..list }, &columns, selected, mark, |title| job_cell(job, row, title, cx));
    }
    bar::scroll(pen, list, screen.cursor.top, row.jobs.len() as u64);
}

fn job_cell(job: &Doing, row: &Row, title: &str, cx: &Context<'_>) -> (Clean, Role) {
    let dash = || (Clean::line("–"), Role::Dim);
    match title {
        "job" => (job.shown_id.clone(), Role::Strong),
        "name" => (job.name.clone(), Role::Text),
        "runs for" => match job.started_at {
            Some(at) => {
                (figure::duration(cx.redis_now().saturating_sub(at) / 1000 * 1000), running_role(job, cx))
            }
            None => dash(),
        },
        "usual" => job.usual.map_or_else(dash, |usual| (brief(usual.median_ms), Role::Dim)),
        "at most" => job.usual.map_or_else(dash, |usual| (brief(usual.longest_ms), Role::Dim)),
        "lock left" => lock(job, row, cx),
        _ => (figure::count(job.attempts), Role::Dim),
    }
}
