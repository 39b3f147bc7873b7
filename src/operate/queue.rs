//! Acts on whole queues, with the same reports.

use super::{Action, End, Failure, Progress, Report};
use crate::conn::{Batch, Conn, ConnError, Request, Verb, integer};
use crate::engine::op::{OpError, QueueOp, Target, run_queue};
use crate::text::Clean;
use crate::wire::WriteEra;

/// Does it, and reports as a run over jobs does: one queue matched.
pub async fn act(conn: &Conn, target: &Target, op: QueueOp) -> Report {
    let mut report = Report::new(Action::from(op), target.queue.clone());
    report.progress = Progress { matched: 1, ..Progress::default() };
    match run_queue(conn, target, op).await {
        Ok(outcome) => {
            report.progress.done = 1;
            report.moved = outcome.moved;
        }
        Err(error) => {
            report.progress.failed = 1;
            report.failures.push(Failure::error(None, &error));
            report.end = if error.is_unknown_outcome() {
                End::Unknown { ids: Vec::new(), error }
            } else if matches!(error, OpError::Refused(_)) {
                End::Finished
            } else {
                End::Failed(error)
            };
        }
    }
    report
}

/// What an act on a queue would do, in sentences.
pub async fn preview_act(conn: &Conn, target: &Target, op: QueueOp) -> Result<Vec<Clean>, ConnError> {
    let queue = &target.queue;
    let mut batch = Batch::new();
    batch.push(Request::new(Verb::LLen).arg(queue.key("wait")));
    batch.push(Request::new(Verb::LLen).arg(queue.key("paused")));
    batch.push(Request::new(Verb::LLen).arg(queue.key("active")));
    batch.push(Request::new(Verb::ZCard).arg(queue.key("prioritized")));
    batch.push(Request::new(Verb::HExists).arg(queue.key("meta")).arg("paused"));
    batch.push(Request::new(Verb::Exists).arg(queue.key("meta-paused")));
    let mut numbers = Vec::with_capacity(batch.len());
    for reply in conn.batch(&batch).await? {
        numbers.push(integer(&ConnError::check(reply)?).unwrap_or(0));
    }
    let [wait, paused, active, prioritized, flag, bull_flag] = numbers[..] else {
        return Ok(Vec::new());
    };
    let is_paused = if target.era == WriteEra::Bull4 { bull_flag == 1 } else { flag == 1 };
    let mut effects = Vec::new();
    let mut say = |text: String| effects.push(Clean::line(text));
    match op {
        QueueOp::Pause { .. } => {
            if is_paused {
                say("The queue is paused already.".to_owned());
            }
            say(format!("{} will wait until the queue is resumed.", jobs(wait + paused + prioritized)));
            if active > 0 {
                say(format!("{} will be finished by their workers.", jobs(active)));
            }
        }
        QueueOp::Resume => {
            if !is_paused {
                say("The queue is not paused.".to_owned());
            }
            say(format!("{} will run as workers are free.", jobs(wait + paused + prioritized)));
            if wait > 0 && paused > 0 {
                say("The queue is split: both lists are brought together first.".to_owned());
            }
        }
        QueueOp::Merge => {
            if paused > 0 && (wait > 0 || !is_paused) {
                say(format!("{} of `paused` come before {} of `wait`.", jobs(paused), jobs(wait)));
            } else {
                say("One list holds all jobs: there is nothing to merge.".to_owned());
            }
        }
    }
    Ok(effects)
}

fn jobs(count: i64) -> String {
    if count == 1 { "1 job".to_owned() } else { format!("{count} jobs") }
}
