//! From the wish to act to its end: asked by severity, run by the shell, told in a toast.

use super::effect::{Act, Effect, Query, RunId, Slot};
use super::modal::Modal;
use super::modal::confirm::Confirm;
use super::toast::Toast;
use super::{App, Running};
use crate::operate::journal::Confirmed;
use crate::operate::{End, Progress, Report, Severity};
use crate::text::{Clean, figure};
use crate::wire::Era;

/// Runs an act at once, or opens the dialog that its severity asks for.
pub(super) fn ask(app: &mut App, act: Act, count: u64, now: i64) -> Vec<Effect> {
    if app.config.read_only {
        app.toasts
            .push(Toast::bad("this session is read-only: start with --write to change data").shown_at(now));
        return Vec::new();
    }
    let era = match &act {
        Act::Jobs { era, .. } | Act::Queue { era, .. } => *era,
    };
    if let Err(why) = writable(era) {
        let text = format!("{}: nothing is changed, because {why}", act.queue().name.clean());
        app.toasts.push(Toast::bad(text).shown_at(now));
        return Vec::new();
    }
    match act.severity(count, app.config.protected) {
        Severity::Run => run(app, act, Confirmed::NotAsked, now),
        asked => {
            let preview = app.ids.next();
            let version = app.snapshot.queues.iter().find(|row| row.id == *act.queue()).map(|row| row.era);
            let confirm = Confirm::new(act.clone(), asked, count, preview, &app.config, version, now);
            app.modal = Some(Modal::Confirm(Box::new(confirm)));
            vec![Effect::Fetch(Slot::Preview, preview, Query::Preview(act))]
        }
    }
}

fn writable(era: Era) -> Result<(), &'static str> {
    era.writable().map(|_| ())
}

/// Hands an act to the shell.
pub(super) fn run(app: &mut App, act: Act, confirmed: Confirmed, now: i64) -> Vec<Effect> {
    let id = app.ids.next();
    for screen in app.stacks.all_mut() {
        screen.panel_mut().runs(&act);
    }
    let progress = Progress::default();
    app.running.push(Running { id, act: act.clone(), progress, started_at: now, stopping: false });
    vec![Effect::Run(id, act, confirmed)]
}

pub(super) fn progress(app: &mut App, id: RunId, progress: Progress) {
    if let Some(running) = app.running.iter_mut().find(|running| running.id == id) {
        running.progress = progress;
    }
}

pub(super) fn done(app: &mut App, id: RunId, result: Result<Report, Clean>, now: i64) {
    let Some(at) = app.running.iter().position(|running| running.id == id) else { return };
    let act = app.running.remove(at).act;
    app.acted = Some((id, act.queue().clone()));
    let toast = match result {
        Ok(report) => told(&act, &report),
        Err(why) => Toast::bad(format!("{} {}: {why}", act.word(), act.queue().name.clean())),
    };
    app.toasts.push(toast.shown_at(now));
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
        Act::Jobs { .. } if progress.matched == 1 && progress.done == 1 => format!("{past} 1 job of {queue}"),
        Act::Jobs { .. } => {
            let (done, matched) = (figure::count(progress.done), figure::count(progress.matched));
            format!("{past} {done} of {matched} jobs of {queue}")
        }
    };
    let changed =
        (progress.changed > 0).then(|| format!("{} had moved on meanwhile", figure::count(progress.changed)));
    let refused = report.failures.first().map(|failure| {
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
    let parts: Vec<String> = [Some(main), changed, refused, end].into_iter().flatten().collect();
    let text = parts.join("; ");
    if report.is_complete() { Toast::good(text) } else { Toast::bad(text) }
}

fn past(word: &str) -> &'static str {
    match word {
        "retry" => "Retried",
        "remove" => "Removed",
        "promote" => "Promoted",
        "pause" => "Paused",
        "resume" => "Resumed",
        "merge" => "Merged",
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
