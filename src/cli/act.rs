//! What the commands that act have in common: confirmation, the document, the exit code.

mod bulk;
mod confirm;
pub mod doctor;
pub mod editor;
pub mod edits;
mod jobs;
mod queues;
pub mod resume;
pub mod schedulers;
mod select;

use serde::Serialize;
use tokio_util::sync::CancellationToken;

pub use bulk::{clean, drain, obliterate};
pub use jobs::{JobAction, run as jobs, server_time};
pub use queues::{QueueAction, run as queues};

use super::failure::{Failure, exit};
use super::figures::thousands;
use super::output::Out;
use super::session::Session;
use crate::conn::Access;
use crate::engine::op::{Code, OpError};
use crate::operate::{Action, End, Report};
use crate::text::Clean;
use crate::wire::{JobId, QueueId};

/// Refusals that a person is shown.
const SHOWN: usize = 20;

/// What was done, or would be.
#[derive(Serialize, Debug)]
#[serde(rename_all = "camelCase")]
struct Document {
    action: &'static str,
    queue: String,
    prefix: String,
    matched: u64,
    done: u64,
    changed: u64,
    failed: Vec<Refusal>,
    /// Ids that changed from one list to the other (pause, resume, merge).
    #[serde(skip_serializing_if = "Option::is_none")]
    moved: Option<u64>,
    dry_run: bool,
    /// What was edited, where an act has several.
    #[serde(skip_serializing_if = "Option::is_none")]
    what: Option<&'static str>,
    /// A job that was added.
    #[serde(skip_serializing_if = "Option::is_none")]
    job: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sample: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    effects: Option<Vec<String>>,
    /// `finished`, or why it is not.
    ended: &'static str,
    /// Why it did not go on.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// The name under which `toril undo` takes it back.
    #[serde(skip_serializing_if = "Option::is_none")]
    undo: Option<String>,
    /// Its name in the journal.
    #[serde(skip_serializing_if = "Option::is_none")]
    journal: Option<String>,
    /// Jobs that were sent without an answer.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unknown: Vec<String>,
}

#[derive(Serialize, Debug)]
struct Refusal {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    code: &'static str,
    message: String,
}

impl Document {
    fn planned(action: Action, queue: &QueueId, matched: u64, sample: &[JobId], effects: &[Clean]) -> Self {
        Self {
            action: action.word(),
            queue: queue.name.lossless().into_owned(),
            prefix: queue.prefix.lossless().into_owned(),
            matched,
            done: 0,
            changed: 0,
            failed: Vec::new(),
            moved: None,
            dry_run: true,
            what: None,
            job: None,
            note: None,
            sample: Some(sample.iter().map(|id| id.lossless().into_owned()).collect()),
            effects: Some(effects.iter().map(ToString::to_string).collect()),
            ended: "finished",
            reason: None,
            undo: None,
            journal: None,
            unknown: Vec::new(),
        }
    }

    fn refused(action: Action, queue: &QueueId, why: &Failure, dry_run: bool) -> Self {
        let message = why.message().to_string();
        Self {
            failed: vec![Refusal { id: None, code: "unsupported", message }],
            dry_run,
            sample: None,
            effects: None,
            ended: "refused",
            ..Self::planned(action, queue, 1, &[], &[])
        }
    }

    fn done(report: &Report) -> Self {
        let failed = report
            .failures
            .iter()
            .map(|failure| Refusal {
                id: failure.id.as_ref().map(|id| id.lossless().into_owned()),
                code: failure.code,
                message: failure.message.to_string(),
            })
            .collect();
        let unknown = match &report.end {
            End::Unknown { ids, .. } => ids.iter().map(|id| id.lossless().into_owned()).collect(),
            _ => Vec::new(),
        };
        let adds = matches!(report.action, Action::Duplicate | Action::RunScheduler);
        let on_queue = matches!(report.action, Action::Pause | Action::Resume | Action::Merge);
        Self {
            matched: report.progress.matched,
            done: report.progress.done,
            changed: report.progress.changed,
            failed,
            moved: on_queue.then_some(report.moved),
            dry_run: false,
            job: report.ids.first().filter(|_| adds).map(|id| id.lossless().into_owned()),
            note: report.note,
            sample: None,
            effects: None,
            ended: report.end.word(),
            reason: report.end.reason().map(|why| why.to_string()),
            undo: report.journal.filter(|_| report.undoable).map(|id| id.to_string()),
            journal: report.journal.map(|id| id.to_string()),
            unknown,
            ..Self::planned(report.action, &report.queue, 0, &[], &[])
        }
    }
}

/// The exit code that a report deserves, and what is left to say on stderr.
fn verdict(report: &Report) -> (u8, Option<Failure>) {
    let done = report.progress.done;
    let partly = if done > 0 { exit::PARTLY } else { exit::NO };
    match &report.end {
        End::Unknown { error, .. } => (exit::UNKNOWN, Some(failure_of(error).with_code(exit::UNKNOWN))),
        End::Cancelled => (exit::INTERRUPTED, None),
        End::Failed(OpError::Refused(code)) => {
            (partly, Some(Failure::not_done("unsupported", code.sentence(), remedy(*code)).with_code(partly)))
        }
        End::Refused | End::SameError(_) => (partly, None),
        End::NotSaved(why) => (partly, Some(not_saved(why).with_code(partly))),
        End::Forbidden(why) => (exit::USAGE, Some(forbidden(why))),
        End::Failed(error) => {
            let failure = failure_of(error);
            let code = if done > 0 { exit::PARTLY } else { failure.code() };
            (code, Some(failure.with_code(code)))
        }
        End::Finished if done == 0 => (exit::NO, None),
        End::Finished if report.failures.is_empty() && report.progress.failed == 0 => (exit::DONE, None),
        End::Finished => (exit::PARTLY, None),
    }
}

/// What to do about a refusal of the whole.
const fn remedy(code: Code) -> &'static str {
    match code {
        Code::StillActive => "wait until they are done, or take --force",
        Code::Damaged => "toril doctor QUEUE says which, and how it is repaired",
        Code::WrongEra => "look at toril queues: another library writes to it by now, or nobody does",
        Code::NotPaused => "somebody resumed it meanwhile: run the command again",
        _ => "nothing more was changed",
    }
}

fn not_saved(why: &Clean) -> Failure {
    Failure::not_done("usage", why.as_str(), "--no-save removes without a copy: it cannot be undone then")
}

fn forbidden(why: &Clean) -> Failure {
    Failure::config(why.as_str(), "the profile's require_audit and max_bulk decide this")
}

pub(super) fn failure_of(error: &OpError) -> Failure {
    match error {
        OpError::Conn(error) => Failure::from(error.clone()),
        other => Failure::internal(other.to_string(), "this is a defect of toril: please report it"),
    }
}

/// Cancelled by the first Ctrl-C.
pub(super) fn on_ctrl_c() -> CancellationToken {
    let cancel = CancellationToken::new();
    let stop = cancel.clone();
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            stop.cancel();
        }
    });
    cancel
}

/// Refuses before anything is asked; the gate of the connection would refuse each write as well.
pub(super) fn permit(session: &Session, dry_run: bool) -> Result<(), Failure> {
    if dry_run || session.conn.access() == Access::ReadWrite {
        return Ok(());
    }
    Err(Failure::from_redis(
        crate::conn::Kind::ReadOnly,
        "this session is read-only",
        "leave --read-only out, or lift the profile's read_only with --write; --dry-run works as it is",
    ))
}

/// Tells a person what was done.
fn tell(out: &mut Out, report: &Report) -> std::io::Result<()> {
    let counts = &report.progress;
    let verb = match report.action {
        Action::Retry => "Retried",
        Action::Remove | Action::Drain | Action::Clean | Action::RemoveScheduler => "Removed",
        Action::Promote => "Promoted",
        Action::Pause => "Paused",
        Action::Resume => "Resumed",
        Action::Merge => "Merged",
        Action::Set | Action::Edit | Action::Limit | Action::EditScheduler => "Changed",
        Action::Duplicate | Action::RunScheduler | Action::AddScheduler | Action::Add => "Added",
        Action::MoveOut => "Moved",
        Action::Release => "Released",
        Action::Obliterate => "Obliterated",
        Action::Undo => "Put back",
        Action::Reveal => "Shown",
        Action::Repair => "Repaired",
    };
    let queue = report.queue.name.clean();
    match report.action {
        // An edit says itself what it did.
        Action::Set
        | Action::Edit
        | Action::Limit
        | Action::Release
        | Action::MoveOut
        | Action::EditScheduler
        | Action::AddScheduler
        | Action::RemoveScheduler
        | Action::Add => {}
        Action::Duplicate | Action::RunScheduler => {
            for id in &report.ids {
                out.line(format_args!("{verb} job {} to {queue}.", id.clean()))?;
            }
        }
        Action::Pause | Action::Resume | Action::Merge => {
            if counts.done > 0 && report.moved > 0 {
                out.line(format_args!("{verb} {queue}; {} changed lists.", jobs_of(report.moved)))?;
            } else if counts.done > 0 {
                out.line(format_args!("{verb} {queue}."))?;
            }
        }
        _ => {
            let of = if counts.done < counts.matched {
                format!(" of {}", thousands(counts.matched))
            } else {
                String::new()
            };
            let done = thousands(counts.done);
            let noun = if counts.matched == 1 { "job" } else { "jobs" };
            out.line(format_args!("{verb} {done}{of} {noun} of {queue}."))?;
            if counts.changed > 0 {
                out.line(format_args!("{} moved or went away meanwhile.", jobs_of(counts.changed)))?;
            }
        }
    }
    if let Some(note) = report.note {
        out.line(format_args!("  {note}"))?;
    }
    for failure in report.failures.iter().take(SHOWN) {
        match &failure.id {
            Some(id) => out.line(format_args!("  {}: {}", id.clean(), failure.message))?,
            None => out.line(format_args!("  {queue}: {}", failure.message))?,
        }
    }
    if report.failures.len() > SHOWN {
        out.line(format_args!("  and {} more", report.failures.len() - SHOWN))?;
    }
    if let Some(why) = &report.unrecorded {
        out.line(format_args!("Not in the journal: {why}"))?;
    } else if let (true, Some(id)) = (report.undoable, report.journal) {
        out.line(format_args!("toril undo {id} puts it back."))?;
    }
    match &report.end {
        End::SameError(why) => out.line(format_args!("Stopped, because the cause is still there: {why}"))?,
        End::NotSaved(why) => out.line(format_args!("Stopped: {why}."))?,
        End::Cancelled => out.line("Stopped before the end.")?,
        End::Refused => out.line("Stopped: too many were refused.")?,
        End::Unknown { ids, .. } if ids.is_empty() => {
            out.line("The last step was sent without an answer: look before you repeat.")?;
        }
        End::Unknown { ids, .. } => {
            out.line(format_args!(
                "{} were sent without an answer: look before you repeat.",
                jobs_of(ids.len() as u64)
            ))?;
        }
        _ => {}
    }
    Ok(())
}

/// `1 job`, `2,000 jobs`.
pub(super) fn jobs_of(count: u64) -> String {
    if count == 1 { "1 job".to_owned() } else { format!("{} jobs", thousands(count)) }
}
