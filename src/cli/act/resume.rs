//! `toril journal --resume`: an act that was broken off goes on.

use super::{bulk, jobs, permit};
use crate::cli::args::JournalArgs;
use crate::cli::failure::{Failure, exit};
use crate::cli::resolve;
use crate::cli::session::Session;
use crate::operate::{Resumable, UndoError, preview, preview_bulk};

/// Goes on with the selection as it was frozen; what came later is left alone.
pub async fn run(session: &mut Session, args: &JournalArgs) -> Result<u8, Failure> {
    permit(session, args.act.dry_run)?;
    let Some(id) = args.resume else { return Ok(exit::DONE) };
    let era = async |queue: &crate::wire::QueueId| {
        let found = resolve::existing(session, std::slice::from_ref(queue)).await.ok()?.pop()?;
        found.target().ok().map(|target| target.era)
    };
    let (act, plan) = session.operator().resumable(id, era).await.map_err(|error| match error {
        UndoError::Nothing(why) => Failure::not_found(why, "toril journal lists what was done"),
        UndoError::Files(why) => Failure::internal(why, ""),
        UndoError::Elsewhere(why) => Failure::usage(why, "connect to that server and go on there"),
    })?;
    if act.end.is_none() && session.operator().still_runs(&act) {
        let cause = format!("{id} still runs, as process {} of this host", act.intent.who.pid);
        return Err(Failure::not_done("usage", cause, "wait for it, or stop it first"));
    }
    let save = args.save.bytes();
    match plan {
        Resumable::Bulk(plan) => {
            let found = preview_bulk(&session.conn, &plan).await?;
            bulk::carry_out(session, &plan, &found, &args.act, save, "").await
        }
        Resumable::Jobs(plan) => {
            let found = preview(&session.conn, &plan).await?;
            jobs::carry_out(session, &plan, &found, &args.act, save, None).await
        }
    }
}
