//! From the wish to act to its end: asked by severity, run by the shell, told in a toast.

use super::effect::{Act, Agreed, Effect, FetchId, Query, RunId, Slot, Taken};
use super::modal::Modal;
use super::modal::confirm::{self, Confirm};
use super::modal::form::{self, Form};
use super::toast::Toast;
use super::{App, Running, draft};
use crate::conn::Kind;
use crate::engine::op::{OpError, SchedulerOp};
use crate::operate::journal::{Confirmed, JournalId};
use crate::operate::{Bulk, Edit, End, Progress, Report, Severity};
use crate::text::{Clean, figure};
use crate::wire::Era;

/// Runs an act at once, or opens the dialog that its severity asks for.
pub(super) fn ask(app: &mut App, act: Act, count: u64, now: i64) -> Vec<Effect> {
    if let Some(why) = app.cannot_write() {
        app.toasts.push(Toast::bad(why).shown_at(now));
        return Vec::new();
    }
    if let Some(Err(why)) = act.era().map(writable) {
        let text = format!("{}: nothing is changed, because {why}", act.queue().name.clean());
        app.toasts.push(Toast::bad(text).shown_at(now));
        return Vec::new();
    }
    if let Some(why) = lacks(&act) {
        let text = format!("{} {}: {why}", act.word(), act.queue().name.clean());
        app.toasts.push(Toast::bad(text).shown_at(now));
        return Vec::new();
    }
    match act.severity(count, app.config.protected) {
        Severity::Run => run(app, act, Agreed::new(Confirmed::NotAsked), now),
        asked => {
            let preview = app.ids.next();
            let version = app.snapshot.queues.iter().find(|row| row.id == *act.queue()).map(|row| row.era);
            let confirm = Confirm::new(act.clone(), asked, count, preview, &app.config, version, now);
            app.modal = Some(Modal::Confirm(Box::new(confirm)));
            let mut effects = confirm::look(app, now);
            if !matches!(act, Act::Undo(_)) {
                effects.push(Effect::Fetch(Slot::Preview, preview, Query::Preview(act)));
            }
            effects
        }
    }
}

/// Opens a form, where what it asks for can be done at all.
pub(super) fn form(app: &mut App, form: Box<Form>, now: i64) -> Vec<Effect> {
    let lacks = match form.era.writable() {
        Err(why) => Some(format!("nothing is changed, because {why}")),
        Ok(era) => form.kind.supports(era).err().map(str::to_owned),
    };
    match lacks {
        Some(why) => {
            let text = format!("{}: {why}", form.queue.name.clean());
            app.toasts.push(Toast::bad(text).shown_at(now));
        }
        None => app.modal = Some(Modal::Form(form)),
    }
    Vec::new()
}

/// Why the queue's era has not what an act does, if so.
fn lacks(act: &Act) -> Option<&'static str> {
    let era = act.era()?.writable().ok()?;
    match act {
        Act::Edit { edits, .. } => edits.iter().find_map(|edit| edit.supports(era).err()),
        Act::Jobs { op, .. } => op.capability().supports(era).err(),
        Act::Add { .. } => form::Kind::Add.supports(era).err(),
        Act::Repair { repairs, .. } => repairs.iter().find_map(|(_, repair)| repair.supports(era).err()),
        Act::Queue { .. } | Act::Bulk { .. } | Act::Undo(_) => None,
    }
}

fn writable(era: Era) -> Result<(), &'static str> {
    era.writable().map(|_| ())
}

/// Hands an act to the shell.
pub(super) fn run(app: &mut App, act: Act, agreed: Agreed, now: i64) -> Vec<Effect> {
    let id = app.ids.next();
    for screen in app.stacks.all_mut() {
        screen.panel_mut().runs(&act);
    }
    draft::runs(app, id, &act);
    let progress = Progress { matched: agreed.matched.unwrap_or(0), ..Progress::default() };
    app.running.push(Running { id, act: act.clone(), progress, started_at: now, stopping: false });
    vec![Effect::Run(id, act, agreed)]
}

pub(super) fn progress(app: &mut App, id: RunId, progress: Progress) {
    if let Some(running) = app.running.iter_mut().find(|running| running.id == id) {
        running.progress = progress;
    }
}

pub(super) fn done(app: &mut App, id: RunId, result: Result<Report, Clean>, now: i64) {
    let Some(at) = app.running.iter().position(|running| running.id == id) else { return };
    let Running { act, started_at, .. } = app.running.remove(at);
    app.acted = Some((id, act.queue().clone()));
    draft::done(app, id, &result, now);
    super::update::with_all(app, now, |panel, cx| {
        panel.acted(cx, &act);
        Vec::new()
    });
    let toast = match result {
        Ok(report) => {
            learn_speed(app, &report, now - started_at);
            app.forbidden = forbidden(&report).or(app.forbidden.take());
            told(&act, &report)
        }
        Err(why) => Toast::bad(format!("{} {}: {why}", act.word(), act.queue().name.clean())),
    };
    app.toasts.push(toast.shown_at(now));
}

/// Why the server takes no act of this account at all, if that is what a report says: it may run
/// no script, or the server takes no writes. (A key that it may not use says nothing of others.)
fn forbidden(report: &Report) -> Option<Clean> {
    let message = match &report.end {
        End::Failed(OpError::Conn(error)) if matches!(error.kind, Kind::Permission | Kind::ReadOnly) => {
            &error.message
        }
        _ => {
            let failure = report.failures.first()?;
            matches!(failure.code, "permission" | "readonly").then_some(&failure.message)?
        }
    };
    let text = message.as_str();
    let all = text.contains("'eval") || text.contains("READONLY");
    all.then(|| Clean::line(format!("not permitted on this server: {}", message.cut(160))))
}

/// How fast an act went says how long the next one will take.
fn learn_speed(app: &mut App, report: &Report, took: i64) {
    const ENOUGH: u64 = 500;
    if report.progress.handled() >= ENOUGH && took > 0 && !matches!(report.end, End::SameError(_)) {
        let per_s = report.progress.handled() as f64 / took as f64 * 1000.0;
        app.speeds.insert(report.action, per_s);
    }
}

/// Asks what an undo of an act (`None`: of the newest) would put back.
pub(super) fn undo(app: &mut App, id: Option<JournalId>) -> Vec<Effect> {
    let fetch = app.ids.next();
    app.undoing = Some((fetch, "undo"));
    vec![Effect::Fetch(Slot::Undo, fetch, Query::Undoable(id))]
}

/// Asks what is left of an act.
pub(super) fn resume(app: &mut App, id: JournalId, era: Era) -> Vec<Effect> {
    let fetch = app.ids.next();
    app.undoing = Some((fetch, "resume"));
    vec![Effect::Fetch(Slot::Undo, fetch, Query::Resumable(id, era))]
}

/// What is left of an act is known: it is asked for like any other.
pub(super) fn resumable(app: &mut App, act: Act, jobs: u64, now: i64) -> Vec<Effect> {
    app.undoing = None;
    if app.modal.is_some() {
        return Vec::new();
    }
    ask(app, act, jobs, now)
}

/// What an undo would put back is known: it is asked for, unless something else is being answered.
pub(super) fn undoable(app: &mut App, id: FetchId, taken: Result<Taken, Clean>, now: i64) -> Vec<Effect> {
    let Some((_, word)) = app.undoing.take_if(|(asked, _)| *asked == id) else { return Vec::new() };
    match taken {
        Ok(_) if app.modal.is_some() => Vec::new(),
        Ok(taken) => {
            let jobs = taken.jobs.max(taken.edits.len() as u64);
            ask(app, Act::Undo(taken), jobs, now)
        }
        Err(why) => {
            app.toasts.push(Toast::plain(format!("{word}: {why}")).shown_at(now));
            Vec::new()
        }
    }
}

/// What a report means in one sentence.
fn told(act: &Act, report: &Report) -> Toast {
    let queue = act.queue().name.clean();
    let past = past(act.word());
    let progress = &report.progress;
    // One thing was to be done and was not: only why matters.
    if progress.matched == 1
        && progress.done == 0
        && !matches!(report.end, End::Unknown { .. })
        && let Some(failure) = report.failures.first()
    {
        let job = failure.id.as_ref().map(|id| format!(" {}", id.clean())).unwrap_or_default();
        return Toast::bad(format!("{} {queue}{job}: {}", act.word(), failure.message));
    }
    if let (0, End::Failed(error)) = (progress.matched, &report.end) {
        return Toast::bad(format!("{} {queue}: nothing was done; {error}", act.word()));
    }
    let main = match act {
        Act::Queue { .. } if progress.done == 0 => format!("{} {queue}: not done", act.word()),
        Act::Queue { .. } if report.moved > 0 => {
            let jobs = if report.moved == 1 { "job" } else { "jobs" };
            format!("{past} {queue}; {} {jobs} moved", figure::count(report.moved))
        }
        Act::Queue { .. } => format!("{past} {queue}"),
        Act::Add { job, .. } => {
            let id = report.ids.first().map(|id| format!(" as job {}", id.clean())).unwrap_or_default();
            format!("Added {} to {queue}{id}", Clean::line(&job.name).cut(40))
        }
        Act::Repair { .. } => repaired(queue.as_str(), report),
        Act::Edit { edits, .. } => edited(queue.as_str(), edits, report),
        Act::Bulk { bulk: Bulk::Obliterate { .. }, .. } if report.end == End::Finished => {
            let jobs = if progress.done == 1 { "job" } else { "jobs" };
            format!("{past} {queue} with {} {jobs}", figure::count(progress.done))
        }
        Act::Undo(taken) if !taken.edits.is_empty() && taken.jobs == 0 && progress.done > 0 => {
            let words: Vec<&str> = taken.edits.iter().map(Clean::as_str).collect();
            format!("{past} the {} ({queue})", words.join(", "))
        }
        Act::Undo(taken) if progress.matched == 0 => format!("{past} the settings of {queue} ({})", taken.id),
        _ if progress.matched == 1 && progress.done == 1 => format!("{past} 1 job of {queue}"),
        _ => {
            let (done, matched) = (figure::count(progress.done), figure::count(progress.matched));
            format!("{past} {done} of {matched} jobs of {queue}")
        }
    };
    let changed =
        (progress.changed > 0).then(|| format!("{} had moved on meanwhile", figure::count(progress.changed)));
    let refused = report.failures.first().map(|failure| {
        if failure.code == "incomplete" {
            return failure.message.as_str().to_owned();
        }
        let n = figure::count(progress.failed.max(1));
        let id = failure.id.as_ref().map(|id| format!("{}: ", id.clean())).unwrap_or_default();
        format!("{n} refused, {id}{}", failure.message)
    });
    let end = match &report.end {
        End::Finished => None,
        End::Cancelled => Some("stopped before the end".to_owned()),
        End::Unknown { ids, .. } => {
            let n = figure::count(ids.len().max(1) as u64);
            Some(format!("no answer came for {n}: look before you repeat it"))
        }
        End::Failed(error) => Some(error.to_string()),
        End::Refused => Some("ended early, because almost all were refused".to_owned()),
        End::SameError(why) => Some(format!("stopped, because the cause is still there: {why}")),
        End::NotSaved(why) => Some(format!("nothing more was removed, because it could not be saved: {why}")),
        End::Forbidden(why) => Some(why.to_string()),
    };
    let undo = report.undoable.then(|| "z undo".to_owned());
    let unrecorded = report.unrecorded.as_ref().map(|why| format!("not in the journal: {why}"));
    let parts: Vec<String> =
        [Some(main), changed, refused, end, undo, unrecorded].into_iter().flatten().collect();
    let text = parts.join("; ");
    if report.is_complete() { Toast::good(text) } else { Toast::bad(text) }
}

/// What repairs did.
fn repaired(queue: &str, report: &Report) -> String {
    match (report.progress.done, report.progress.matched) {
        (1, 1) => format!("Repaired {queue}"),
        (done, all) => format!("{} of {} repairs of {queue} done", figure::count(done), figure::count(all)),
    }
}

/// What an edit did.
fn edited(queue: &str, edits: &[Edit], report: &Report) -> String {
    let adds = |edit: &Edit| {
        matches!(edit, Edit::Duplicate { .. } | Edit::Scheduler { op: SchedulerOp::RunNow, .. })
    };
    let added = match report.ids.first().filter(|_| edits.iter().any(adds)) {
        Some(id) => format!(" (job {})", id.clean()),
        None => String::new(),
    };
    let note = report.note.map(|note| format!("; {note}")).unwrap_or_default();
    let (done, all) = (report.progress.done, edits.len() as u64);
    let done = if done < all { format!("{done} of {all} done") } else { "done".to_owned() };
    format!("{queue}: {}: {done}{added}{note}", Edit::sentences(edits))
}

fn past(word: &str) -> &'static str {
    match word {
        "retry" => "Retried",
        "remove" | "drain" => "Removed",
        "promote" => "Promoted",
        "pause" => "Paused",
        "resume" => "Resumed",
        "merge" => "Merged",
        "clean" => "Cleaned",
        "obliterate" => "Obliterated",
        "undo" => "Put back",
        "repair" => "Repaired",
        _ => "Done:",
    }
}

/// Asks the newest bulk run to stop.
pub(super) fn stop(app: &mut App, now: i64) -> Vec<Effect> {
    if let Some(running) = app.running.iter_mut().rev().find(|running| !running.stopping) {
        running.stopping = true;
        return vec![Effect::Stop(running.id)];
    }
    app.toasts.push(Toast::plain("nothing runs that could be stopped").shown_at(now));
    Vec::new()
}
