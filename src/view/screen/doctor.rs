//! The Doctor screen: what is damaged, and what is to be done.

use std::fmt::Write as _;

use super::{empty, heading, unanswered};
use crate::app::panel::Context;
use crate::app::panes::Rect;
use crate::app::screen::doctor::Doctor;
use crate::engine::read::doctor::{Phase, Progress};
use crate::insight::doctor::{Finding, Severity};
use crate::text::{Clean, figure, wrap};
use crate::view::pen::Pen;
use crate::view::theme::Role;
use crate::view::widget::bar;
use crate::wire::{JobId, QueueId};

/// Draws the screen.
pub fn draw(pen: &mut Pen<'_>, doctor: &Doctor, cx: &Context<'_>) {
    let body = cx.body;
    if body.height < 4 {
        return;
    }
    let filter = match doctor.filter.as_str() {
        "" => "worst first".to_owned(),
        filter => format!("/ {}", Clean::line(filter).cut(24)),
    };
    heading(pen, body, &[Clean::line("Doctor")], &Clean::line(filter));
    let (line, role) = summary(doctor, cx);
    pen.put(body.x + 1, body.y + 1, body.width.saturating_sub(2), &line, role);
    let list = Doctor::list(body);
    let shown = doctor.shown();
    if shown.is_empty() {
        let whole = body.below(3);
        let width = usize::from(whole.width.saturating_sub(2)).max(1);
        let rows: Vec<Clean> = nothing(doctor, cx).iter().flat_map(|line| wrap(line, width)).collect();
        empty(pen, whole, &rows);
        return;
    }
    let columns = columns(body.width);
    names(pen, list, &columns);
    let top = doctor.cursor.top;
    for (index, y) in (top..).zip(list.y..list.y + list.height) {
        let Some(finding) = usize::try_from(index).ok().and_then(|at| shown.get(at)) else { break };
        row(pen, finding, index == doctor.cursor.index, Rect { y, height: 1, ..list }, &columns);
    }
    bar::scroll(pen, list, top, shown.len() as u64);
    if let Some(finding) = doctor.selected() {
        detail(pen, finding, body.foot(Doctor::detail_rows(body)));
    }
}

/// How much was looked at, or what is under way.
fn summary(doctor: &Doctor, cx: &Context<'_>) -> (Clean, Role) {
    if let Some(progress) = doctor.progress {
        return (Clean::line(under_way(progress)), Role::Accent);
    }
    let Some(Ok(survey)) = &doctor.survey else { return (Clean::default(), Role::Dim) };
    let counts = survey.progress;
    let of =
        if survey.complete { String::new() } else { format!(" of {}", figure::count_in(counts.of_jobs, 7)) };
    let queues = if counts.queues == 1 { "queue" } else { "queues" };
    let jobs = counts.jobs.min(counts.of_jobs.max(counts.jobs));
    let mut text =
        format!("{} {queues}, {}{of} jobs looked at", figure::count(counts.queues), figure::count(jobs));
    if let Some(at) = doctor.made_at {
        let _ = write!(text, ", {} ago", figure::age(cx.now - at));
    }
    let repairable = survey.findings.iter().filter(|finding| finding.repair.is_ok()).count();
    if !survey.findings.is_empty() {
        let all = survey.findings.len() as u64;
        let found = if all == 1 { "finding" } else { "findings" };
        let all = figure::count(all);
        text = format!("{all} {found}, {} repairable · {text}", figure::count(repairable as u64));
    }
    if survey.more > 0 {
        let _ = write!(text, " · {} more alike", figure::count(survey.more));
    }
    (Clean::line(text), Role::Dim)
}

fn under_way(progress: Progress) -> String {
    match progress.phase {
        Phase::Keys => format!("looking: {} keys walked over ...", figure::count(progress.keys)),
        Phase::First => format!(
            "looking: {} of {} queues, {} of {} jobs ...",
            figure::count(progress.queues),
            figure::count(progress.of_queues),
            figure::count(progress.jobs),
            figure::count(progress.of_jobs)
        ),
        Phase::Waiting => format!(
            "{} suspicious: looked at again in a few seconds, because it may be a passing state ...",
            figure::count(progress.suspects)
        ),
        Phase::Second | Phase::Done => "looking again at what is suspicious ...".to_owned(),
    }
}

/// Why the list is empty.
fn nothing(doctor: &Doctor, cx: &Context<'_>) -> Vec<Clean> {
    let line = |text: &str| Clean::line(text);
    if !doctor.findings().is_empty() {
        return vec![line("no finding passes the filter")];
    }
    match &doctor.survey {
        Some(Err(why)) => {
            return vec![line("not everything could be looked at:"), why.clone(), line("a looks again")];
        }
        Some(Ok(survey)) if survey.progress.queues == 0 => {
            return vec![line("there is no queue to look at"), line("a looks again")];
        }
        Some(Ok(survey)) if survey.complete => {
            return vec![line("nothing is damaged"), line("every job and key was looked at")];
        }
        Some(Ok(_)) => {
            return vec![
                line("nothing is damaged in what was looked at"),
                line("the next jobs of each state and the first keys; toril doctor --scan N looks at more"),
            ];
        }
        None => {}
    }
    if doctor.stopped {
        return vec![line("stopped before anything was known"), line("a looks again")];
    }
    match unanswered(cx) {
        Some(why) => why,
        None if doctor.looks() => vec![line("looking for damage ..."), line("c stops it")],
        None => vec![line("looking for queues first ...")],
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Column {
    What,
    Queue,
    Job,
    Cure,
    Evidence,
}

/// Columns with their widths, the gap included; the last one takes the rest.
fn columns(width: u16) -> Vec<(Column, u16)> {
    use Column::{Cure, Evidence, Job, Queue, What};
    match width {
        160.. => vec![(What, 40), (Queue, 24), (Job, 24), (Cure, 10), (Evidence, u16::MAX)],
        110.. => vec![(What, 36), (Queue, 18), (Job, 16), (Cure, 9), (Evidence, u16::MAX)],
        ..60 => vec![(What, 21), (Queue, u16::MAX)],
        _ => vec![(What, 35), (Queue, 16), (Job, 16), (Cure, u16::MAX)],
    }
}

const fn title(column: Column) -> &'static str {
    match column {
        Column::What => "damage",
        Column::Queue => "queue",
        Column::Job => "job",
        Column::Cure => "repair",
        Column::Evidence => "evidence",
    }
}

/// Each column with its place in a row.
fn places(area: Rect, columns: &[(Column, u16)]) -> impl Iterator<Item = (Column, u16, u16)> {
    let end = area.x + area.width.saturating_sub(1);
    let mut x = area.x + 4;
    columns.iter().map(move |(column, width)| {
        let at = x;
        let width = (*width).min(end.saturating_sub(at));
        x += width;
        (*column, at, width.saturating_sub(1))
    })
}

fn names(pen: &mut Pen<'_>, list: Rect, columns: &[(Column, u16)]) {
    for (column, x, width) in places(list, columns) {
        pen.put(x, list.y.saturating_sub(1), width, &title(column), Role::Dim);
    }
}

fn severity(finding: &Finding) -> Role {
    match finding.kind.severity() {
        Severity::Damage => Role::Danger,
        Severity::Risk => Role::Warn,
    }
}

fn row(pen: &mut Pen<'_>, finding: &Finding, selected: bool, area: Rect, columns: &[(Column, u16)]) {
    let pick = |role| if selected { Role::Selected } else { role };
    if selected {
        pen.tint(area, Role::Selected);
        pen.put(area.x, area.y, 1, &"▶", Role::Selected);
    }
    let sign = match finding.kind.severity() {
        Severity::Damage => "✖",
        Severity::Risk => "▲",
    };
    pen.put(area.x + 2, area.y, 1, &sign, pick(severity(finding)));
    for (column, x, width) in places(area, columns) {
        let (text, role) = match column {
            Column::What => (Clean::line(finding.kind.title()), Role::Strong),
            Column::Queue => {
                let name = finding.queue.as_ref().map(|queue| queue.name.clean());
                (name.unwrap_or_else(|| Clean::line("the server")), Role::Text)
            }
            Column::Job => (finding.job.as_ref().map(JobId::clean).unwrap_or_default(), Role::Text),
            Column::Cure if finding.repair.is_ok() => (Clean::line("f"), Role::Ok),
            Column::Cure => (Clean::line("none"), Role::Dim),
            Column::Evidence => (finding.evidence_line(), Role::Text),
        };
        let role = if text.hidden() > 0 { Role::Hidden } else { role };
        pen.put(x, area.y, width, &text, pick(role));
    }
}

/// Evidence, consequence and repair of the selected finding.
fn detail(pen: &mut Pen<'_>, finding: &Finding, area: Rect) {
    if area.height < 3 {
        return;
    }
    pen.rule(area.head(1));
    let cells = usize::from(area.width.saturating_sub(15)).max(1);
    let mut lines: Vec<(&'static str, Clean, Role)> = Vec::new();
    let mut add = |name: &'static str, text: &Clean, role: Role, most: usize| {
        for (i, row) in wrap(text, cells).into_iter().take(most).enumerate() {
            lines.push((if i == 0 { name } else { "" }, row, role));
        }
    };
    let of = finding.queue.as_ref().map(QueueId::clean).unwrap_or_default();
    let job = finding.job.as_ref().map(|id| format!(" job {}", id.clean())).unwrap_or_default();
    let what = Clean::line(format!("{}  {of}{job}  {}", finding.kind.title(), finding.id));
    add("found", &what, if what.hidden() > 0 { Role::Hidden } else { Role::Strong }, 1);
    let evidence = finding.evidence_line();
    add("evidence", &evidence, if evidence.hidden() > 0 { Role::Hidden } else { Role::Text }, 3);
    add("consequence", &Clean::line(finding.kind.consequence()), Role::Warn, 2);
    let (name, role) =
        if finding.repair.is_ok() { ("repair (f)", Role::Ok) } else { ("none safe", Role::Dim) };
    add(name, &finding.cure(), role, 3);
    // Where there is little room the way out matters more than the whole of the evidence.
    let room = usize::from(area.height - 1);
    while lines.len() > room {
        let long = lines.iter().rposition(|(name, ..)| name.is_empty());
        lines.remove(long.unwrap_or(1));
    }
    for ((name, text, role), y) in lines.iter().zip(area.y + 1..area.y + area.height) {
        pen.put(area.x + 1, y, 12, name, Role::Dim);
        pen.put(area.x + 14, y, area.width.saturating_sub(15), text, *role);
    }
}
