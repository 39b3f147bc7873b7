//! `toril edit`: a job's data in a person's own editor.

use tokio::signal::unix::{SignalKind, signal};

use super::edits::{run, target};
use super::permit;
use crate::app::draft::changed;
use crate::cli::args::OneJob;
use crate::cli::failure::{Failure, exit};
use crate::cli::output::{self, ask};
use crate::cli::session::Session;
use crate::engine::op::JobEdit;
use crate::engine::saved::{Editing, save_edit};
use crate::operate::{Edit, trash};
use crate::shell::editor::{Scratch, refused};
use crate::text::{Clean, Mask};
use crate::wire::{JobId, Raw};

/// Opens the data, and writes it back where it was changed and nobody else changed it meanwhile.
pub async fn edit(session: &mut Session, args: &OneJob) -> Result<u8, Failure> {
    permit(session, args.act.dry_run)?;
    let target = target(session, &args.queue).await?;
    let id = JobId::new(&args.id);
    let any = JobEdit::Data { json: Raw::new("null"), was: None };
    let saved = save_edit(&session.conn, &target, Editing::Bytes(&id, &any), trash::ONE)
        .await
        .map_err(|error| Failure::not_done("internal", error.to_string(), "nothing was changed"))?;
    let Some(was) = saved.and_then(|saved| saved.changes().next()?.1.map(<[u8]>::to_vec)) else {
        let cause = format!("{} has no job {}", target.queue.clean(), id.clean());
        return Err(Failure::not_found(cause, "toril find looks for it; nothing was changed"));
    };
    let Some(json) = change(&was, &session.settings.mask).await? else {
        if session.json {
            session.out.json(&serde_json::json!({
                "action": "edit", "queue": target.queue.name.lossless(), "prefix": target.queue.prefix.lossless(),
                "matched": 1, "done": 0, "changed": 0, "failed": [], "dryRun": args.act.dry_run,
                "ended": "unchanged",
            }))?;
        } else {
            session.out.line("Unchanged: nothing was written.")?;
        }
        return Ok(exit::DONE);
    };
    let edit = JobEdit::Data { json: Raw::new(&json), was: Some(Raw::new(&was)) };
    run(session, &target, vec![Edit::Bytes { id, edit }], &args.act, args.save.bytes()).await
}

/// What the person made of it; `None`: the same.
pub(super) async fn change(was: &[u8], mask: &Mask) -> Result<Option<Vec<u8>>, Failure> {
    let failed = |error: std::io::Error| {
        Failure::internal(format!("the data could not be given to an editor: {error}"), "nothing was changed")
    };
    // The editor shows masks, as everything does; --raw shows the truth.
    let hidden = mask.hide(was);
    let place = crate::cli::config::state_dir().map(|folder| folder.join("edit"));
    let scratch = Scratch::new(place.as_deref(), "data.json", hidden.text()).map_err(failed)?;
    loop {
        open(&scratch).await?;
        let now = hidden.restore(&scratch.read().map_err(failed)?).map_err(|why| why.to_string());
        let cause = match now.and_then(|now| changed(was, &now)) {
            Ok(changed) => return Ok(changed),
            Err(cause) => cause,
        };
        output::say(format_args!("toril: {}", Clean::line(&cause)));
        let question = Clean::line("Open it again? [Y/n]");
        let answer = tokio::task::spawn_blocking(move || ask(&question)).await.unwrap_or(None);
        match answer.as_deref() {
            Some("" | "y" | "Y" | "yes") => {}
            _ => return Err(Failure::usage(cause, "nothing was changed")),
        }
    }
}

/// Runs the editor until it ends. Whoever ends us meanwhile ends the wait, so that the file goes.
async fn open(scratch: &Scratch) -> Result<(), Failure> {
    let hint = "set VISUAL or EDITOR; nothing was changed";
    let failed = |error: std::io::Error| Failure::usage(format!("the editor does not start: {error}"), hint);
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut hang_up = signal(SignalKind::hangup()).map_err(failed)?;
    // Ctrl-C is the editor's.
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut child = scratch.open().map_err(failed)?;
    let status = loop {
        tokio::select! {
            status = child.wait() => break status.map_err(failed)?,
            _ = interrupt.recv() => {}
            _ = terminate.recv() => return Err(Failure::Code(exit::INTERRUPTED)),
            _ = hang_up.recv() => return Err(Failure::Code(exit::INTERRUPTED)),
        }
    };
    refused(status).map_or(Ok(()), |why| Err(Failure::usage(why, "nothing was changed")))
}
