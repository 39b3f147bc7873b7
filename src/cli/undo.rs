//! `toril undo`.

use serde::Serialize;
use tokio::sync::watch;

use super::act::on_ctrl_c;
use super::args::UndoArgs;
use super::failure::{Failure, exit};
use super::figures::thousands;
use super::output;
use super::session::Session;
use crate::operate::journal::{Confirmed, JournalId};
use crate::operate::{Consent, Progress, UndoError};
use crate::wire::JobId;

/// Refusals that a person is shown.
const SHOWN: usize = 20;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    action: &'static str,
    undone: String,
    queue: String,
    prefix: String,
    matched: u64,
    done: u64,
    changed: u64,
    failed: Vec<Refused>,
    /// Jobs that are back without something, by what it is.
    incomplete: Vec<Missing>,
    dry_run: bool,
    /// `finished`, or why it is not.
    ended: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    sample: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    effects: Option<Vec<String>>,
}

#[derive(Serialize)]
struct Refused {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    code: &'static str,
    message: String,
}

#[derive(Serialize)]
struct Missing {
    jobs: u64,
    message: &'static str,
}

/// Puts back what an act took away.
pub async fn run(session: &mut Session, args: &UndoArgs) -> Result<u8, Failure> {
    super::act::permit(session, args.act.dry_run)?;
    let operator = session.operator();
    if args.act.dry_run {
        return planned(session, args.id).await;
    }
    let cancel = on_ctrl_c();
    let (progress, _seen) = watch::channel(Progress::default());
    let command = args.id.map_or_else(|| "toril undo".to_owned(), |id| format!("toril undo {id}"));
    let consent = Consent::new(Confirmed::NotAsked, command);
    let (id, queue, undone) = operator.undo(args.id, &consent, &progress, &cancel).await.map_err(failure)?;
    let counts = undone.progress;
    if session.json {
        let failed = undone.failures.iter().map(|failure| Refused {
            id: failure.id.as_ref().map(|id| id.lossless().into_owned()),
            code: failure.code,
            message: failure.message.to_string(),
        });
        let incomplete =
            undone.left.iter().map(|(left, jobs)| Missing { jobs: *jobs, message: left.sentence() });
        session.out.json(&Document {
            action: "undo",
            undone: id.to_string(),
            queue: queue.name.lossless().into_owned(),
            prefix: queue.prefix.lossless().into_owned(),
            matched: counts.matched,
            done: counts.done,
            changed: counts.changed,
            failed: failed.collect(),
            incomplete: incomplete.collect(),
            dry_run: false,
            ended: undone.end().word(),
            sample: None,
            effects: None,
        })?;
    } else {
        let of = if counts.done < counts.matched {
            format!(" of {}", thousands(counts.matched))
        } else {
            String::new()
        };
        let noun = if counts.matched == 1 { "job" } else { "jobs" };
        let (done, queue) = (thousands(counts.done), queue.name.clean());
        session.out.line(format_args!("Put back {done}{of} {noun} of {queue}, which {id} had taken."))?;
        for (left, jobs) in &undone.left {
            session.out.line(format_args!("  {}: {}", thousands(*jobs), left.sentence()))?;
        }
        for failure in undone.failures.iter().take(SHOWN) {
            let id = failure.id.as_ref().map(JobId::clean).unwrap_or_default();
            session.out.line(format_args!("  {id}: {}", failure.message))?;
        }
        if undone.failures.len() > SHOWN {
            session.out.line(format_args!("  and {} more", undone.failures.len() - SHOWN))?;
        }
        if counts.failed > 0 {
            session
                .out
                .line(format_args!("What was refused is still kept: toril undo {id} tries it again."))?;
        }
        if undone.cancelled {
            session.out.line("Stopped before the end; the same command goes on.")?;
        }
    }
    session.out.flush()?;
    if let Some(error) = &undone.broken {
        let failure = super::act::failure_of(error);
        let code = if error.is_unknown_outcome() { exit::UNKNOWN } else { failure.code() };
        output::report(&failure.with_code(code), session.json);
        return Ok(if counts.done > 0 && code != exit::UNKNOWN { exit::PARTLY } else { code });
    }
    Ok(match counts {
        _ if undone.cancelled => exit::INTERRUPTED,
        counts if counts.done == 0 => exit::NO,
        counts if counts.done < counts.matched => exit::PARTLY,
        _ => exit::DONE,
    })
}

async fn planned(session: &mut Session, id: Option<JournalId>) -> Result<u8, Failure> {
    let found = session.operator().undoable(id).await.map_err(failure)?;
    let preview = session.operator().preview_undo(&found).await?;
    if session.json {
        session.out.json(&Document {
            action: "undo",
            undone: found.act.id.to_string(),
            queue: found.act.intent.queue,
            prefix: found.act.intent.prefix,
            matched: preview.matched,
            done: 0,
            changed: 0,
            failed: Vec::new(),
            incomplete: Vec::new(),
            dry_run: true,
            ended: "finished",
            sample: Some(preview.sample.iter().map(|id| id.lossless().into_owned()).collect()),
            effects: Some(preview.effects.iter().map(ToString::to_string).collect()),
        })?;
    } else {
        let queue = crate::text::Clean::line(&found.act.intent.queue);
        let (id, word) = (found.act.id, crate::text::Clean::line(&found.act.intent.action));
        session
            .out
            .line(format_args!("Would put back what {id} ({word}) did to {queue}; nothing was written."))?;
        for effect in &preview.effects {
            session.out.line(format_args!("  {effect}"))?;
        }
    }
    Ok(exit::DONE)
}

fn failure(error: UndoError) -> Failure {
    match error {
        UndoError::Nothing(why) => Failure::not_found(why, "toril journal lists what was done"),
        UndoError::Files(why) => Failure::internal(why, ""),
        UndoError::Elsewhere(why) => Failure::usage(why, "connect to that server and undo it there"),
    }
}
