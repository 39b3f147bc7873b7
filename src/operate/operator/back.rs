//! Taking back what was done, and going on with what was broken off.

use std::collections::HashSet;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::Operator;
use crate::conn::{Batch, ConnError, Request, Verb};
use crate::engine::op::Target;
use crate::engine::saved::{Saved, SavedEdit, SavedSchedule};
use crate::operate::journal::{JournalId, Kept, Outcome};
use crate::operate::trash::Contents;
use crate::operate::undo::{Undone, undo};
use crate::operate::{Action, Consent, Preview, Progress, Report, Resumable, resume};
use crate::text::Clean;
use crate::wire::{JobId, Prefix, QueueId, QueueName, WriteEra};

/// Jobs and edits that a preview of an undo names.
const SHOWN: usize = 10;

/// An act with what is kept of it.
#[derive(Clone, Debug)]
pub struct Undoable {
    /// The act.
    pub act: Kept,
    /// What it took.
    pub kept: Contents,
}

impl Undoable {
    /// Whose it is. What was saved knows it exactly; the journal only as text.
    pub fn queue(&self) -> QueueId {
        let head = self.kept.jobs.first().map(Saved::queue);
        head.or_else(|| self.kept.edits.first().map(SavedEdit::queue_id)).unwrap_or_else(|| {
            let intent = &self.act.intent;
            QueueId::new(Prefix::new(&intent.prefix), QueueName::legacy(&intent.queue))
        })
    }
}

/// How an undo failed before it began.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UndoError {
    /// There is no such act, or nothing of it was kept.
    #[error("{0}")]
    Nothing(String),
    /// The journal or the trash cannot be read.
    #[error("{0}")]
    Files(String),
    /// The act was done on another server.
    #[error("{0}")]
    Elsewhere(String),
}

impl Operator {
    /// Puts back what an act took away (the newest that can be, if none is named).
    pub async fn undo(
        &self,
        id: Option<JournalId>,
        consent: &Consent,
        progress: &watch::Sender<Progress>,
        cancel: &CancellationToken,
    ) -> Result<(JournalId, QueueId, Undone), UndoError> {
        let found = self.undoable(id).await?;
        // A head is in the queue that was acted on; a queue without jobs has only keys.
        let queue = found.queue();
        let Undoable { act, kept } = found;
        let Some(era) = WriteEra::parse(&act.intent.era) else {
            return Err(UndoError::Nothing(format!(
                "{} was done to a queue of an era that is not known",
                act.id
            )));
        };
        let target = Target { queue, era };
        let selector = format!("what {} took away", act.id);
        if act.end.is_none() && self.still_runs(&act) {
            // Whatever is put back would be taken again, and what it saves from now on would be let go.
            return Err(UndoError::Nothing(format!(
                "{} still runs, as process {} of this host: stop it first",
                act.id, act.intent.who.pid
            )));
        }
        let entry = self
            .begin(Action::Undo, &target, selector, serde_json::Value::Null, consent)
            .await
            .map_err(UndoError::Files)?;
        let bag = match &self.trash {
            Some(trash) => trash.reopen(act.id).await.map_err(|error| UndoError::Files(error.to_string()))?,
            None => None,
        };
        let undone = undo(&self.conn, era, &kept, bag, progress, cancel).await;
        let mut report = Report::new(Action::Undo, target.queue.clone());
        report.progress = undone.progress;
        report.end = undone.end();
        self.finish(report, entry).await;
        if !undone.is_partial()
            && let Some(trash) = &self.trash
        {
            // What was put back may be worked off by now: a second undo would only double it.
            let _ = trash.discard(act.id).await;
        }
        Ok((act.id, target.queue, undone))
    }

    /// What is left of an act that was broken off, cancelled or stopped: its plan with the same frozen selection,
    /// so that what came later is left alone. The queue is the one of the act; its era is decided anew by the
    /// caller.
    pub async fn resumable(
        &self,
        id: JournalId,
        era: impl AsyncFnOnce(&QueueId) -> Option<WriteEra>,
    ) -> Result<(Kept, Resumable), UndoError> {
        let Some(journal) = &self.journal else {
            return Err(UndoError::Nothing("no folder for the journal: nothing was written down".to_owned()));
        };
        let history = journal.history(10_000).await.map_err(|error| UndoError::Files(error.to_string()))?;
        let Some(act) = history.acts.into_iter().find(|act| act.id == id) else {
            return Err(UndoError::Nothing(format!("the journal has no {id}")));
        };
        let endpoint = self.conn.endpoint().to_string();
        if act.intent.place.endpoint != endpoint {
            let there = &act.intent.place.endpoint;
            return Err(UndoError::Elsewhere(format!("{id} was done on {there}; this is {endpoint}")));
        }
        if act.end.as_ref().is_some_and(|(_, outcome)| outcome.ended == "finished") {
            return Err(UndoError::Nothing(format!("{id} was finished: nothing of it is left")));
        }
        let queue = QueueId::new(Prefix::new(&act.intent.prefix), QueueName::legacy(&act.intent.queue));
        let Some(era) = era(&queue).await else {
            return Err(UndoError::Nothing(format!(
                "the queue of {id} is not there any more, or is not written"
            )));
        };
        let counts = act.end.as_ref().map(|(_, outcome)| outcome.counts).or(act.part).unwrap_or_default();
        let mut done = counts.done;
        let known = act.end.as_ref().is_some_and(|(_, outcome)| outcome.ended != "unknown");
        if !known && let Some(trash) = &self.trash {
            // After a crash the last parts are missing, and of the last chunk nobody knows. What was saved, or only
            // named, and is not there any more, went.
            let files = |error: &dyn std::fmt::Display| UndoError::Files(error.to_string());
            let kept = trash.read(id).await.map_err(|error| files(&error))?;
            let jobs = kept.jobs.iter().map(Saved::key);
            let going = kept.going.iter().map(|id| queue.job(&JobId::new(id)));
            let keys: HashSet<Vec<u8>> = jobs.chain(going).collect();
            let keys: Vec<Vec<u8>> = keys.into_iter().collect();
            let there = self.still_there(&keys).await.map_err(|error| files(&error))?;
            done = done.max((keys.len() as u64).saturating_sub(there));
        }
        let plan = resume::read(&act.intent.plan, Target { queue, era }, done);
        match plan {
            Some(plan) => Ok((act, plan)),
            None => Err(UndoError::Nothing(format!("{id} is nothing that can go on"))),
        }
    }

    /// Whether the process that wrote an act down is still there, as far as this host can tell.
    pub fn still_runs(&self, act: &Kept) -> bool {
        let who = &act.intent.who;
        who.host == self.who.host && is_alive(who.pid)
    }

    /// How many of these keys are there.
    async fn still_there(&self, keys: &[Vec<u8>]) -> Result<u64, ConnError> {
        let mut there = 0;
        for some in keys.chunks(200) {
            let mut batch = Batch::new();
            for key in some {
                batch.push(Request::new(Verb::Exists).arg(key));
            }
            let replies = self.conn.batch(&batch).await?;
            there += replies.iter().filter(|reply| crate::conn::integer(reply) == Some(1)).count() as u64;
        }
        Ok(there)
    }

    /// What taking an act back would do. Reads only.
    pub async fn preview_undo(&self, found: &Undoable) -> Result<Preview, ConnError> {
        let kept = &found.kept;
        let keys: Vec<Vec<u8>> = kept.jobs.iter().map(Saved::key).collect();
        let there = self.still_there(&keys).await?;
        let mut effects = Vec::new();
        let mut say = |number: u64, one: &str, many: &str| {
            if number > 0 {
                effects.push(Clean::line(if number == 1 {
                    format!("1 {one}")
                } else {
                    format!("{number} {many}")
                }));
            }
        };
        let jobs = keys.len() as u64;
        say(jobs - there.min(jobs), "job comes back", "jobs come back");
        say(there, "is there again and is left as it is", "are there again and are left as they are");
        say(kept.keys.len() as u64, "key of the queue comes back", "keys of the queue come back");
        let edits = kept.edits.iter().map(SavedEdit::what);
        let schedules = kept.schedules.iter().map(SavedSchedule::what);
        let mend = kept.mend.iter().map(|mend| match mend.job() {
            Some(job) => format!("place of job {}", job.lossless()),
            None => "repair".to_owned(),
        });
        let back = edits.chain(schedules).chain(mend);
        let back = back.map(|what| Clean::line(format!("{what}: as before, if nothing newer stands there")));
        let back: Vec<Clean> = back.collect();
        let matched = jobs + back.len() as u64;
        effects.extend(back.into_iter().take(SHOWN));
        let sample = kept.jobs.iter().take(SHOWN).map(|job| JobId::new(job.id())).collect();
        Ok(Preview { matched, sample, effects, bytes: None })
    }

    /// What an undo would put back: an act and the jobs that are kept of it.
    pub async fn undoable(&self, id: Option<JournalId>) -> Result<Undoable, UndoError> {
        let (Some(journal), Some(trash)) = (&self.journal, &self.trash) else {
            return Err(UndoError::Nothing("no folder for the journal: nothing was kept".to_owned()));
        };
        let files = |error: &dyn std::fmt::Display| UndoError::Files(error.to_string());
        let history = journal.history(10_000).await.map_err(|error| files(&error))?;
        let place = self.place().await;
        let can = |end: &Option<(i64, Outcome)>| end.as_ref().is_none_or(|(_, outcome)| outcome.undoable);
        let act = if let Some(id) = id {
            history.acts.iter().find(|act| act.id == id)
        } else {
            // What was undone, or is over a week old, is kept no more: the one before it is meant.
            let mut newest = None;
            for act in &history.acts {
                let here = act.intent.place.endpoint == place.endpoint;
                if here && act.end.is_some() && can(&act.end) && trash.size(act.id).await.is_some() {
                    newest = Some(act);
                    break;
                }
            }
            newest
        };
        let Some(act) = act else {
            return Err(UndoError::Nothing(match id {
                Some(id) => format!("the journal has no {id}"),
                None => "the journal has nothing that can be undone on this server".to_owned(),
            }));
        };
        if act.intent.place.endpoint != place.endpoint {
            return Err(UndoError::Elsewhere(format!(
                "{} was done on {}; this is {}",
                act.id, act.intent.place.endpoint, place.endpoint
            )));
        }
        let kept = trash.read(act.id).await.map_err(|error| files(&error))?;
        if kept.is_empty() {
            return Err(UndoError::Nothing(format!("nothing of {} is kept (any more)", act.id)));
        }
        Ok(Undoable { act: act.clone(), kept })
    }
}

#[cfg(feature = "console")]
fn is_alive(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    pid.is_some_and(|pid| rustix::process::test_kill_process(pid).is_ok())
}

/// The library alone does not ask the system for processes.
#[cfg(not(feature = "console"))]
const fn is_alive(_: u32) -> bool {
    false
}
