//! Acts: what they would do, doing them, and what an undo would put back.

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::app::Msg;
use crate::app::effect::{Act, Agreed, Answer, JournalRead, Logged, RunId, Taken};
use crate::conn::ConnError;
use crate::engine::op::{OpError, Target};
use crate::operate::journal::JournalId;
use crate::operate::undo::Undone;
use crate::operate::{
    self, Action, BulkPlan, Consent, Edit, Failure, Operator, Plan, Preview, Progress, Report, Resumable,
    command,
};
use crate::text::{Clean, figure};
use crate::wire::{Era, JobId, QueueId};

/// Repairs that are named in a question.
const EFFECTS: usize = 8;
/// Jobs that are named of what an undo would put back.
const SAMPLE: usize = 10;

fn target(queue: QueueId, era: Era) -> Result<Target, Clean> {
    let era = era.writable().map_err(Clean::line)?;
    Ok(Target { queue, era })
}

/// What an act would do.
pub(super) async fn preview(operator: &Operator, act: Act) -> Result<Preview, ConnError> {
    let conn = operator.conn();
    let nothing =
        |effects: Vec<Clean>, matched| Preview { matched, sample: Vec::new(), effects, bytes: None };
    match act {
        Act::Jobs { queue, era, op, selection } => match target(queue, era) {
            Ok(target) => operate::preview(conn, &Plan { target, op, selection }).await,
            Err(why) => Ok(nothing(vec![why], 0)),
        },
        Act::Bulk { queue, era, bulk, until, pace, only } => match target(queue, era) {
            Ok(target) => operate::preview_bulk(conn, &BulkPlan { target, bulk, until, pace, only }).await,
            Err(why) => Ok(nothing(vec![why], 0)),
        },
        Act::Queue { queue, era, op } => {
            let effects = match target(queue, era) {
                Ok(target) => operate::preview_act(conn, &target, op).await?,
                Err(why) => vec![why],
            };
            Ok(nothing(effects, 1))
        }
        Act::Repair { repairs, .. } => {
            let effects = repairs.iter().take(EFFECTS).map(|(_, repair)| Clean::line(repair.sentence()));
            let mut effects: Vec<Clean> = effects.collect();
            if repairs.len() > EFFECTS {
                effects.push(Clean::line(format!("and {} more", repairs.len() - EFFECTS)));
            }
            effects.push(Clean::line("each looks again first: what is sound by then is left alone"));
            Ok(nothing(effects, repairs.len() as u64))
        }
        Act::Edit { queue, era, edits } => {
            let (mut effects, mut there) = (Vec::new(), 0);
            match target(queue, era) {
                Ok(target) => {
                    for edit in &edits {
                        match operator.before(&target, edit).await {
                            Ok(before) if before.exists => {
                                effects.extend(before.effects);
                                there = 1;
                            }
                            Ok(_) => effects.push(Clean::line("it is not there (any more)")),
                            Err(OpError::Conn(error)) => return Err(error),
                            Err(error) => effects.push(Clean::line(error.to_string())),
                        }
                    }
                }
                Err(why) => effects.push(why),
            }
            effects.dedup();
            Ok(nothing(effects, there))
        }
        Act::Add { .. } => Ok(nothing(Vec::new(), 1)),
        // The dialog opens with what is kept: there is nothing more to look at.
        Act::Undo(taken) => Ok(nothing(Vec::new(), taken.jobs)),
    }
}

/// What an undo would put back.
pub(super) async fn undoable(operator: &Operator, id: Option<JournalId>) -> Result<Taken, Clean> {
    let found = operator.undoable(id).await.map_err(|error| Clean::line(error.to_string()))?;
    let intent = &found.act.intent;
    let bytes = match operator.trash() {
        Some(trash) => trash.size(found.act.id).await.unwrap_or(0),
        None => 0,
    };
    let jobs = &found.kept.jobs;
    Ok(Taken {
        id: found.act.id,
        word: Clean::line(&intent.action),
        at: found.act.at,
        queue: found.queue(),
        jobs: jobs.len() as u64,
        sample: jobs.iter().take(SAMPLE).map(|job| JobId::new(job.id())).collect(),
        keys: found.kept.keys.len() as u64,
        bytes,
        edits: {
            let mend = found.kept.mend.as_ref().map(|mend| match mend.job() {
                Some(job) => Clean::line(format!("damage of job {}", job.lossless())),
                None => Clean::line("damage"),
            });
            let edits = found.kept.edits.iter().map(|edit| Clean::line(edit.what()));
            let schedules = found.kept.schedules.iter().map(|schedule| Clean::line(schedule.what()));
            edits.chain(schedules).chain(mend).collect()
        },
    })
}

/// What is left of an act, as an act of its own: the selection as it was frozen.
pub(super) async fn resumable(operator: &Operator, id: JournalId, era: Era) -> Result<Answer, Clean> {
    let found = operator.resumable(id, async |_| era.writable().ok()).await;
    let (kept, plan) = found.map_err(|error| Clean::line(error.to_string()))?;
    if kept.end.is_none() && operator.still_runs(&kept) {
        return Err(Clean::line(format!("{id} still runs, as process {} of this host", kept.intent.who.pid)));
    }
    let counts = kept.end.as_ref().map(|(_, outcome)| outcome.counts).or(kept.part).unwrap_or_default();
    let left = kept.intent.matched.unwrap_or(0).saturating_sub(counts.done);
    let act = match plan {
        Resumable::Bulk(plan) => {
            let BulkPlan { target, bulk, until, pace, only } = plan;
            Act::Bulk { queue: target.queue, era, bulk, until, pace, only }
        }
        Resumable::Jobs(plan) => {
            Act::Jobs { queue: plan.target.queue, era, op: plan.op, selection: plan.selection }
        }
    };
    Ok(Answer::Resumable(Box::new(act), left.max(1)))
}

/// Acts of the journal that are shown.
const ACTS: usize = 2000;

/// The journal with what is kept of each act; `None`: its file has the size that was seen.
pub(super) async fn journal(operator: &Operator, seen: u64) -> Result<Option<JournalRead>, Clean> {
    let Some(journal) = operator.journal() else {
        return Err(Clean::line("there is no folder for a journal (set XDG_STATE_HOME)"));
    };
    let size = match tokio::fs::metadata(journal.path()).await {
        Ok(found) => found.len(),
        Err(_) => 0,
    };
    if size == seen {
        return Ok(None);
    }
    let history = journal.history(ACTS).await.map_err(|error| Clean::line(error.to_string()))?;
    let mut acts = Vec::with_capacity(history.acts.len());
    for act in history.acts {
        let bytes = match operator.trash() {
            Some(trash) => trash.size(act.id).await.filter(|size| *size > 0),
            None => None,
        };
        let runs = act.end.is_none() && act.intent.who.pid == std::process::id();
        acts.push(Logged { act, bytes, runs });
    }
    Ok(Some(JournalRead { size, acts, broken: history.broken }))
}

/// Does an act, and tells how far it is.
pub(super) async fn perform(
    operator: &Operator,
    act: Act,
    agreed: Agreed,
    id: RunId,
    messages: &mpsc::Sender<Msg>,
    cancel: &CancellationToken,
) -> Result<Report, Clean> {
    let sent = operator.conn().keep_sent();
    let consent = |command: String| {
        let command = format!("{command}{}", agreed.flags);
        sent.note_act(&command);
        let consent = Consent::new(agreed.confirmed, command).save(agreed.save);
        match agreed.matched {
            Some(matched) => consent.matched(matched),
            None => consent,
        }
    };
    let (sender, mut receiver) = watch::channel(Progress::default());
    let watcher = {
        let messages = messages.clone();
        tokio::spawn(async move {
            while receiver.changed().await.is_ok() {
                let progress = *receiver.borrow_and_update();
                let _ = messages.send(Msg::Progress(id, progress)).await;
            }
        })
    };
    let report = match act {
        Act::Queue { queue, era, op } => {
            let target = target(queue, era)?;
            operator.act(&target, op, &consent(command::of_queue(&target, op))).await
        }
        Act::Jobs { queue, era, op, selection } => {
            let plan = Plan { target: target(queue, era)?, op, selection };
            operator.run(&plan, &consent(command::of_plan(&plan)), &sender, cancel).await
        }
        Act::Bulk { queue, era, bulk, until, pace, only } => {
            let plan = BulkPlan { target: target(queue, era)?, bulk, until, pace, only };
            operator.bulk(&plan, &consent(command::of_bulk(&plan)), &sender, cancel).await
        }
        Act::Repair { queue, era, repairs } => {
            let target = target(queue, era)?;
            let mut reports = Vec::new();
            for (finding, repair) in &repairs {
                if cancel.is_cancelled() {
                    break;
                }
                let consent = consent(command::of_repair(&target.queue, finding));
                reports.push(operator.repair(&target, repair, &consent).await);
            }
            Report::of_all(Action::Repair, target.queue, reports)
        }
        Act::Edit { queue, era, edits } => {
            let target = target(queue, era)?;
            let consent = consent(command::of_edits(&target, &edits));
            let reports = operator.edits(&target, &edits, &consent, cancel).await;
            Report::of_all(edits.first().map_or(Action::Set, Edit::action), target.queue, reports)
        }
        Act::Add { queue, era, job } => {
            let target = target(queue, era)?;
            operator.add(&target, &job, &consent(job.command(&target))).await.0
        }
        Act::Undo(taken) => {
            let consent = consent(format!("toril undo {}", taken.id));
            let undone = operator.undo(Some(taken.id), &consent, &sender, cancel).await;
            let (_, queue, undone) = undone.map_err(|error| Clean::line(error.to_string()))?;
            report_of(queue, undone)
        }
    };
    watcher.abort();
    Ok(report)
}

/// What an undo did, as a report.
fn report_of(queue: QueueId, undone: Undone) -> Report {
    let mut report = Report::new(Action::Undo, queue);
    report.progress = undone.progress;
    report.end = undone.end();
    // What came back incomplete is told as what was refused is.
    let left = undone.left.into_iter().map(|(left, jobs)| Failure {
        id: None,
        code: "incomplete",
        message: Clean::line(format!("of {} jobs: {}", figure::count(jobs), left.sentence())),
    });
    report.failures = left.chain(undone.failures).collect();
    report
}
