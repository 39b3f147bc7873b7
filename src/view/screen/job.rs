//! The Job screen.

mod flow;
mod header;
mod lines;

use super::empty;
use crate::app::panel::Context;
use crate::app::panes::Rect;
use crate::app::screen::job::load::Part;
use crate::app::screen::job::{Job, Tab};
use crate::engine::read::job::JobDetail;
use crate::text::{Clean, figure};
use crate::view::pen::Pen;
use crate::view::theme::Role;

/// Draws the screen.
pub fn draw(pen: &mut Pen<'_>, job: &Job, cx: &Context<'_>) {
    let layout = job.layout(cx.body);
    header::draw(pen, job, cx, layout.head);
    tab_line(pen, job, cx, layout.tabs);
    if job.detail.is_none() {
        empty(pen, layout.content, &nothing(job));
    } else if job.tab == Tab::Logs {
        lines::logs(pen, &job.logs, layout.content);
    } else if job.tab == Tab::Flow {
        flow::draw(pen, job, cx, layout.content);
    } else if let Some(pager) = job.pager() {
        lines::draw(pen, pager, layout.content);
    }
    foot(pen, job, layout.foot);
}

fn nothing(job: &Job) -> Vec<Clean> {
    match &job.error {
        Some(why) => vec![why.clone()],
        None if job.gone => vec![
            Clean::line(format!("this job is gone from {}", job.queue.name.clean().cut(40))),
            Clean::line("removed by somebody, by a retention rule, or never there"),
            Clean::line("`:find ID` looks in all queues"),
        ],
        None => vec![Clean::line("reading ...")],
    }
}

/// The tabs on a rule, each with how much it holds.
fn tab_line(pen: &mut Pen<'_>, job: &Job, cx: &Context<'_>, area: Rect) {
    if area.height == 0 {
        return;
    }
    let labels: Vec<(Tab, String)> = Tab::ALL.into_iter().map(|tab| (tab, label(job, tab, cx))).collect();
    // The figures give way first.
    let cells: usize = labels.iter().map(|(_, label)| label.len() + 3).sum();
    let full = cells < usize::from(area.width);
    let end = area.x + area.width;
    let mut x = pen.put(area.x, area.y, 1, &"─", Role::Border);
    for (tab, label) in labels {
        let text = if full { Clean::line(label) } else { Clean::line(tab.title()) };
        let open = tab == job.tab;
        let cells = u16::try_from(text.width()).unwrap_or(0) + 2;
        if x + cells > end {
            break;
        }
        let role = match (open, tab) {
            (true, _) => Role::Selected,
            (false, Tab::Error) if failed(job) => Role::Danger,
            (false, _) if holds(job, tab) => Role::Text,
            (false, _) => Role::Dim,
        };
        x = pen.put(x, area.y, 1, &" ", role);
        x = pen.put(x, area.y, cells, &text, role);
        x = pen.put(x, area.y, 1, &" ", role);
        x = pen.put(x, area.y, 1, &"─", Role::Border);
    }
    pen.rule(area.right_of(x - area.x));
}

fn failed(job: &Job) -> bool {
    job.detail.as_deref().is_some_and(|detail| detail.field("failedReason").is_some())
}

fn field_of(tab: Tab) -> Option<&'static str> {
    match tab {
        Tab::Data => Some("data"),
        Tab::Result => Some("returnvalue"),
        Tab::Error => Some("failedReason"),
        Tab::Options => Some("opts"),
        Tab::Logs | Tab::Timeline | Tab::Flow | Tab::Raw => None,
    }
}

fn holds(job: &Job, tab: Tab) -> bool {
    let Some(detail) = job.detail.as_deref() else { return false };
    match (tab, field_of(tab)) {
        (Tab::Logs, _) => logged(job, detail) > 0,
        (Tab::Flow, _) => relatives(detail) > 0 || detail.parent.is_some(),
        (_, Some(field)) => detail.field(field).is_some(),
        _ => true,
    }
}

/// How many children the job has.
fn relatives(detail: &JobDetail) -> u64 {
    let children = &detail.children;
    children.processed + children.pending + children.failed + children.ignored
}

fn logged(job: &Job, detail: &JobDetail) -> u64 {
    job.logs.total.unwrap_or(0).max(detail.logs)
}

fn label(job: &Job, tab: Tab, cx: &Context<'_>) -> String {
    let title = tab.title();
    let Some(detail) = job.detail.as_deref() else { return title.to_owned() };
    let size = |name: &str| match job.part(name, cx.now) {
        Part::Absent => None,
        part => part.size().map(|size| figure::bytes(size).to_string()),
    };
    let figure = match tab {
        Tab::Data => size("data"),
        Tab::Result => size("returnvalue"),
        Tab::Logs => Some(logged(job, detail)).filter(|n| *n > 0).map(|n| figure::count_in(n, 7).to_string()),
        Tab::Flow => Some(relatives(detail)).filter(|n| *n > 0).map(|n| figure::count_in(n, 7).to_string()),
        Tab::Error | Tab::Options | Tab::Timeline | Tab::Raw => None,
    };
    figure.map_or_else(|| title.to_owned(), |figure| format!("{title} {figure}"))
}

/// Where one is, what is looked for, what should be known.
fn foot(pen: &mut Pen<'_>, job: &Job, area: Rect) {
    if area.height == 0 || job.detail.is_none() {
        return;
    }
    let (parts, warning) = match job.tab {
        Tab::Logs => log_parts(job),
        Tab::Flow => flow_parts(job),
        _ => text_parts(job, area.width),
    };
    let mut parts = parts;
    match job.secrets() {
        (0, _) => {}
        (_, true) => parts.push("one masked value is shown: u masks it".to_owned()),
        (n, false) => parts.push(format!("{} masked: u shows one", figure::count(n as u64))),
    }
    let end = area.x + area.width.saturating_sub(1);
    let mut x = area.x + 1;
    let parts = Clean::line(parts.join("  ·  "));
    x = pen.put(x, area.y, end.saturating_sub(x), &parts, Role::Dim) + 2;
    let warning = warning.map(|text| (text, Role::Warn));
    let error = job.error.clone().map(|text| (text, Role::Danger));
    for (text, role) in error.into_iter().chain(warning) {
        x = pen.put(x, area.y, end.saturating_sub(x), &text, role) + 2;
    }
}

fn text_parts(job: &Job, width: u16) -> (Vec<String>, Option<Clean>) {
    let Some(pager) = job.pager() else { return (Vec::new(), None) };
    let mut parts = Vec::new();
    let rows = pager.doc.rows();
    if rows > 1 {
        parts.push(format!("{} of {} lines", figure::count(pager.row() + 1), figure::count(rows)));
    }
    let cells = usize::from(width.saturating_sub(5));
    if pager.doc.folded(pager.line).is_none() && (pager.pan > 0 || pager.more(cells)) {
        parts.push("← → move along the line".to_owned());
    }
    if let Some(share) = pager.doc.indexing() {
        parts.push(format!("laying out {:.0}%", share * 100.0));
    }
    if let Some(search) = &pager.search {
        let (count, more) = search.count(pager.doc.bytes());
        let more = if more { "+" } else { "" };
        let places = match (count, search.current()) {
            (0, _) if more.is_empty() => "not found".to_owned(),
            (0, _) => "looking ...".to_owned(),
            (count, Some(at)) => format!("{} of {}{more} places", figure::count(at), figure::count(count)),
            (count, None) => format!("{}{more} places", figure::count(count)),
        };
        parts.push(format!("/{}: {places}", Clean::line(&search.typed).cut(30)));
    }
    (parts, pager.doc.notice().cloned())
}

fn flow_parts(job: &Job) -> (Vec<String>, Option<Clean>) {
    let (rows, at) = (job.flow.rows(), job.flow.cursor.index);
    let place = format!("{} of {} lines", figure::count(at + 1), figure::count(rows));
    let parts = if rows > 1 { vec![place, "↵ opens the job".to_owned()] } else { Vec::new() };
    (parts, job.flow.error.clone())
}

fn log_parts(job: &Job) -> (Vec<String>, Option<Clean>) {
    let logs = &job.logs;
    let total = logs.total.unwrap_or(0);
    let mut parts = Vec::new();
    if total > 0 {
        parts.push(format!("{} of {} lines", figure::count(logs.cursor.index + 1), figure::count(total)));
        parts.push(if logs.follow { "follows the end".to_owned() } else { "F follows the end".to_owned() });
    }
    if let Some(search) = &logs.search {
        let (from, to) = (logs.offset + 1, logs.offset + logs.lines.len() as u64);
        parts.push(format!(
            "/{}: {} in lines {} to {}",
            Clean::line(&search.typed).cut(30),
            figure::count(logs.places()),
            figure::count(from),
            figure::count(to)
        ));
    }
    (parts, logs.error.clone())
}
