//! Doing it: choose, save, act, tell, rest.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::pace::Steering;
use super::{Bulk, BulkPlan};
use crate::conn::{Batch, Conn, ConnError, Request, Verb, bytes, integer, items};
use crate::engine::op::{Code, JobsOp, OpError};
use crate::operate::journal::{Entry, Part};
use crate::operate::run::Saver;
use crate::operate::trash::{Bag, Item};
use crate::operate::{End, Failure, Progress, Report};
use crate::text::Clean;
use crate::wire::{JobId, QueueId, Raw, State};

/// Failures that a report keeps.
const FAILURES: usize = 1000;
/// Jobs that were acted on that a report names.
const NAMED: usize = 100;
/// Jobs whose reasons are compared after a step.
const LOOKED_AT: usize = 50;
/// How long jobs that were retried may take to fail again before the next step.
const SETTLE: Duration = Duration::from_secs(2);
/// What is said where parents were removed with their last children.
const WENT_ALONG: &str = "Parents in the queue that waited for nothing more went along.";
/// How often the journal is told how far it is.
const TOLD: Duration = Duration::from_secs(1);

/// Runs a bulk plan. `counted` is told the ids of each chunk before it goes, where an act with a limit saves nothing:
/// whoever goes on with it after a crash must know how many went.
pub(in crate::operate) async fn drive(
    conn: &Conn,
    plan: &BulkPlan,
    mut saver: Option<&mut Saver>,
    mut counted: Option<&mut Bag>,
    entry: Option<&Entry>,
    progress: &watch::Sender<Progress>,
    cancel: &CancellationToken,
) -> Report {
    let mut report = Report::new(plan.bulk.action(), plan.target.queue.clone());
    report.progress.matched = progress.borrow().matched;
    let end = steps(conn, plan, &mut saver, &mut counted, entry, progress, cancel, &mut report).await;
    report.end = end.unwrap_or_else(|error| match error {
        error if error.is_unknown_outcome() => End::Unknown { ids: Vec::new(), error },
        error => End::Failed(error),
    });
    let counts = &mut report.progress;
    counts.matched = match report.end {
        End::Finished => counts.handled(),
        _ => counts.matched.max(counts.handled()),
    };
    progress.send_replace(report.progress);
    report
}

#[expect(clippy::too_many_arguments, reason = "one loop, told where it writes and whom it tells")]
async fn steps(
    conn: &Conn,
    plan: &BulkPlan,
    saver: &mut Option<&mut Saver>,
    counted: &mut Option<&mut Bag>,
    entry: Option<&Entry>,
    progress: &watch::Sender<Progress>,
    cancel: &CancellationToken,
    report: &mut Report,
) -> Result<End, OpError> {
    let mut sweep = plan.sweep();
    sweep.begin(conn).await?;
    let mut steering = Steering::new(plan.pace, saver.is_some(), Instant::now());
    let mut watcher = Watcher::new(plan);
    let mut told = Instant::now();
    loop {
        if cancel.is_cancelled() {
            return Ok(End::Cancelled);
        }
        let ids = match saver {
            Some(_) => sweep.choose(conn, steering.size()).await?,
            None => sweep.candidates(conn, steering.size()).await?,
        };
        if ids.is_empty() {
            if sweep.finish(conn).await? {
                return Ok(End::Finished);
            }
            continue;
        }
        let state = sweep.op().map(JobsOp::from_state);
        watcher.about_to_retry(conn, &ids).await?;
        let mut parents = Vec::new();
        if let Some(saver) = saver {
            match saver.keep_state(conn, &plan.target, &ids, state).await {
                Ok(may_go) => parents = may_go,
                Err(why) => return Ok(End::NotSaved(why)),
            }
        }
        if let Some(bag) = counted {
            let going = ids.iter().map(|id| id.lossless().into_owned()).collect();
            if let Err(error) = bag.put(&[Item::Going(going)]).await {
                return Ok(End::NotSaved(Clean::line(error.to_string())));
            }
        }
        let sent = Instant::now();
        let many = match sweep.act(conn, &ids).await {
            Ok(many) => many,
            Err(error) if error.is_unknown_outcome() => return Ok(End::Unknown { ids, error }),
            Err(error) => return Err(error),
        };
        let busy = many.took.unwrap_or_else(|| sent.elapsed());
        let mut stayed = Vec::new();
        let along: HashSet<&[u8]> = many.removed_parents.iter().map(Raw::as_bytes).collect();
        let went = |id: &JobId| !along.is_empty() && along.contains(plan.target.queue.job(id).as_slice());
        let mut codes = many.codes.iter();
        for id in ids {
            // One that went along with its last child just before its own turn is done as well.
            let code = codes.next().map(|code| if went(&id) { Code::Done } else { *code });
            if !code.is_some_and(|code| tell(report, &id, code, plan.only.is_none())) {
                stayed.push(id);
            }
        }
        if !along.is_empty() {
            report.note = Some(WENT_ALONG);
        }
        stayed.extend(parents.into_iter().filter(|id| !went(id)));
        progress.send_replace(report.progress);
        if let Some(saver) = saver {
            saver.stayed_in(&plan.target, &stayed).await;
        }
        if let Some(entry) = entry
            && (told.elapsed() > TOLD || matches!(plan.bulk, Bulk::Clean { limit: Some(_), .. }))
        {
            told = Instant::now();
            let counts = report.progress;
            let part = Part { done: counts.done, changed: counts.changed, failed: counts.failed };
            // The end is written in any case; a part that is not is only less exact after a crash.
            let _ = entry.part(part, crate::operate::operator::now()).await;
        }
        let (mut pause, step) = steering.took(many.codes.len() as u64, busy, Instant::now());
        if step {
            pause = pause.max(SETTLE);
        }
        if !pause.is_zero() {
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = cancel.cancelled() => {}
            }
        }
        if (step || plan.pace.rate.is_some())
            && let Some(reason) = watcher.same_again(conn).await?
        {
            return Ok(End::SameError(reason));
        }
    }
}

/// Counts an answer; whether the job is no longer where it was.
fn tell(report: &mut Report, id: &JobId, code: Code, whole: bool) -> bool {
    let counts = &mut report.progress;
    match code {
        Code::Done => {
            counts.done += 1;
            if report.ids.len() < NAMED {
                report.ids.push(id.clone());
            }
            return true;
        }
        Code::Gone | Code::NotIn(_) => {
            counts.changed += 1;
            return false;
        }
        // It came after the moment of the plan, and nobody named it.
        Code::Newer if whole => return false,
        _ => counts.failed += 1,
    }
    if report.failures.len() < FAILURES {
        report.failures.push(Failure {
            id: Some(id.clone()),
            code: code.word(),
            message: Clean::line(code.sentence()),
        });
    }
    false
}

/// Looks whether what was retried fails again for the same reason.
struct Watcher {
    queue: QueueId,
    /// Whether this act can fail so at all.
    watches: bool,
    /// Why each of the last jobs had failed, oldest first.
    reasons: Vec<(JobId, Vec<u8>)>,
    /// Failures after this moment are new.
    since: i64,
}

impl Watcher {
    fn new(plan: &BulkPlan) -> Self {
        let watches = matches!(plan.bulk, Bulk::Retry { from: State::Failed, .. })
            && (plan.pace.canary || plan.pace.rate.is_some());
        Self { queue: plan.target.queue.clone(), watches, reasons: Vec::new(), since: plan.until }
    }

    async fn about_to_retry(&mut self, conn: &Conn, ids: &[JobId]) -> Result<(), ConnError> {
        if !self.watches || ids.is_empty() {
            return Ok(());
        }
        let some = &ids[..ids.len().min(LOOKED_AT)];
        let mut batch = Batch::new();
        for id in some {
            batch.push(Request::new(Verb::HStrLen).arg(self.queue.job(id)).arg("failedReason"));
        }
        let sizes = conn.batch(&batch).await?;
        let mut batch = Batch::new();
        let small: Vec<&JobId> = some
            .iter()
            .zip(&sizes)
            .filter(|(_, size)| integer(size).is_some_and(|size| (1..=4096).contains(&size)))
            .map(|(id, _)| id)
            .collect();
        for id in &small {
            batch.push(Request::new(Verb::HGet).arg(self.queue.job(id)).arg("failedReason"));
        }
        if batch.is_empty() {
            return Ok(());
        }
        for (id, reply) in small.into_iter().zip(conn.batch(&batch).await?) {
            if let Some(reason) = bytes(&reply) {
                self.reasons.push((id.clone(), reason.to_vec()));
            }
        }
        let over = self.reasons.len().saturating_sub(LOOKED_AT * 2);
        self.reasons.drain(..over);
        Ok(())
    }

    /// The reason, if at least half of the last jobs failed again for what each had failed for before, and five
    /// at least. Which jobs have one cause is not asked: a job's message names the same order twice, and what else
    /// varies in it (times, ports, ids) has digits.
    async fn same_again(&mut self, conn: &Conn) -> Result<Option<Clean>, ConnError> {
        if !self.watches || self.reasons.len() < 5 {
            return Ok(None);
        }
        let mut batch = Batch::new();
        for (id, _) in &self.reasons {
            batch.push(Request::new(Verb::ZScore).arg(self.queue.key("failed")).arg(id.as_bytes()));
            batch.push(Request::new(Verb::HMGet).arg(self.queue.job(id)).arg("failedReason"));
        }
        let replies = conn.batch(&batch).await?;
        let mut again: HashMap<Vec<u8>, (usize, &[u8])> = HashMap::new();
        for ((_, before), reply) in self.reasons.iter().zip(replies.chunks_exact(2)) {
            let anew = crate::conn::float(&reply[0]).is_some_and(|at| at > self.since as f64);
            let now = items(&reply[1]).first().and_then(bytes);
            if let Some(now) = now.filter(|now| anew && shape(now) == shape(before)) {
                again.entry(shape(now)).or_insert((0, now)).0 += 1;
            }
        }
        let count: usize = again.values().map(|(count, _)| count).sum();
        let most = again.into_values().max_by_key(|(count, _)| *count);
        Ok(most.filter(|_| count >= 5 && count * 2 >= self.reasons.len()).map(|(_, reason)| {
            Clean::line(format!(
                "{count} of the jobs that were retried failed again: {}",
                Clean::line(reason).cut(200)
            ))
        }))
    }
}

/// A reason without what varies between two attempts: words that hold a digit.
fn shape(reason: &[u8]) -> Vec<u8> {
    let words = reason.split(|byte| !byte.is_ascii_alphanumeric());
    let plain = words.filter(|word| !word.iter().any(u8::is_ascii_digit));
    plain.collect::<Vec<_>>().join(&b' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_varies_between_two_attempts_is_left_out() {
        let same = |one: &str, other: &str| shape(one.as_bytes()) == shape(other.as_bytes());
        assert!(same("connect ETIMEDOUT 10.0.0.17:44321", "connect ETIMEDOUT 10.0.0.9:52110"));
        assert!(same("request 7f3a91 took 30001 ms", "request 9bc2d1e4 took 30117 ms"));
        assert!(same("no price for sku-7", "no price for sku-7"));
        assert!(!same("no price for sku-7", "no stock for sku-7"));
        assert!(!same("no price for sku-7", ""));
    }
}
