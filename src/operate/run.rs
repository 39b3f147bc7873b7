//! Runs a plan by chunks, so that Redis stays with its workers.

use std::collections::HashMap;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::trash::{Bag, Item};
use super::walk::{CHUNK, Walk, count};
use super::{End, Failure, Plan, Progress, Report, Selection};
use crate::conn::{Conn, ConnError, Kind};
use crate::engine::op::{Code, JobOp, OpError, Ran, Target, remove_seen, run_jobs};
use crate::engine::saved::{Saving, save, save_keys, save_with_parents};
use crate::text::Clean;
use crate::wire::{JobId, QueueId, State};

/// Failures that a report keeps.
const FAILURES: usize = 1000;
/// Jobs that were acted on that a report names.
const NAMED: usize = 100;
/// What one chunk may take of Redis before the next one is made smaller.
const BUSY: Duration = Duration::from_millis(10);
/// The first chunk is small: a mistake that is stopped at once has done little.
const FIRST: usize = 20;
/// After a chunk Redis belongs to others for this many times as long: they keep at least 80 %.
const REST: u32 = 4;

/// Does what the plan says. `progress` is told after each chunk; `cancel` is looked at between
/// two chunks. There is no error apart from the report: whatever ends the run, what was done
/// until then is counted in it.
///
/// Meant for one run at a time and queue: the pauses are those of one run.
pub async fn run(
    conn: &Conn,
    plan: &Plan,
    progress: &watch::Sender<Progress>,
    cancel: &CancellationToken,
) -> Report {
    run_saving(conn, plan, None, None, progress, cancel).await
}

/// Where jobs are saved before they go.
#[derive(Debug)]
pub(super) struct Saver {
    /// The file.
    pub(super) bag: Bag,
    /// Bytes that may be saved in all.
    pub(super) limit: u64,
}

impl Saver {
    /// Saves what a chunk takes away, and tells when each of its jobs last ran; `Err`: it may not go.
    async fn keep(&mut self, conn: &Conn, plan: &Plan, ids: &[JobId]) -> Result<HashMap<JobId, Ran>, Clean> {
        let state = match plan.selection {
            Selection::All { state, .. } => Some(state),
            Selection::Ids(_) | Selection::Group(_) => None,
        };
        let limit = self.limit.saturating_sub(self.bag.size());
        let saving = Saving { state, children: plan.takes_children(), limit };
        let (jobs, _) =
            save(conn, &plan.target, ids, saving).await.map_err(|error| Clean::line(error.to_string()))?;
        let heads = jobs.iter().filter(|job| !job.is_descendant());
        let ran = heads.map(|job| (JobId::new(job.id()), job.ran())).collect();
        let items: Vec<Item> = jobs.into_iter().map(|saved| Item::Job(Box::new(saved))).collect();
        self.bag.put(&items).await.map_err(|error| Clean::line(error.to_string()))?;
        Ok(ran)
    }

    /// The same for jobs of one state that go without their children, and the parents in this queue that may go
    /// along because nothing is left that they wait for: their ids.
    pub(super) async fn keep_state(
        &mut self,
        conn: &Conn,
        target: &Target,
        ids: &[JobId],
        state: Option<State>,
    ) -> Result<Vec<JobId>, Clean> {
        let limit = self.limit.saturating_sub(self.bag.size());
        let saving = Saving { state, children: false, limit };
        let (jobs, parents) = save_with_parents(conn, target, ids, saving)
            .await
            .map_err(|error| Clean::line(error.to_string()))?;
        let items: Vec<Item> = jobs.into_iter().map(|saved| Item::Job(Box::new(saved))).collect();
        self.bag.put(&items).await.map_err(|error| Clean::line(error.to_string()))?;
        Ok(parents)
    }

    /// Saves the keys of a queue that go with it.
    pub(super) async fn keep_keys(&mut self, conn: &Conn, queue: &QueueId) -> Result<(), Clean> {
        let keys = save_keys(conn, queue).await.map_err(|error| Clean::line(error.to_string()))?;
        let items: Vec<Item> = keys.into_iter().map(Item::Key).collect();
        self.bag.put(&items).await.map_err(|error| Clean::line(error.to_string()))
    }

    /// Tells which jobs of a chunk are still there. If that fails, an undo meets them and leaves them.
    pub(super) async fn stayed_in(&mut self, target: &Target, ids: &[JobId]) {
        let key = |id: &JobId| crate::text::lossless(&target.queue.job(id)).into_owned();
        let items: Vec<Item> = ids.iter().map(|id| Item::Stayed(key(id))).collect();
        if let Err(error) = self.bag.put(&items).await {
            tracing::warn!(%error, "the trash does not know which jobs stayed");
        }
    }
}

/// The same, saving what goes.
pub(super) async fn run_saving(
    conn: &Conn,
    plan: &Plan,
    saver: Option<&mut Saver>,
    rate: Option<u32>,
    progress: &watch::Sender<Progress>,
    cancel: &CancellationToken,
) -> Report {
    let mut report = Report::new(plan.action(), plan.target.queue.clone());
    report.end = drive(conn, plan, saver, rate, progress, cancel, &mut report)
        .await
        .unwrap_or_else(|error| End::Failed(error.into()));
    let counts = &mut report.progress;
    counts.matched = match report.end {
        End::Finished => counts.handled(),
        _ => counts.matched.max(counts.handled()),
    };
    progress.send_replace(report.progress);
    report
}

async fn drive(
    conn: &Conn,
    plan: &Plan,
    mut saver: Option<&mut Saver>,
    rate: Option<u32>,
    progress: &watch::Sender<Progress>,
    cancel: &CancellationToken,
    report: &mut Report,
) -> Result<End, ConnError> {
    let queue = &plan.target.queue;
    report.progress.matched = count(conn, queue, &plan.selection).await?;
    progress.send_replace(report.progress);
    let mut walk = Walk::new(queue.clone(), &plan.selection);
    // No more at once than a second's worth.
    let most = rate.map_or(CHUNK, |rate| CHUNK.min(rate.max(1) as usize));
    let mut size = FIRST.min(most);
    loop {
        if cancel.is_cancelled() {
            return Ok(End::Cancelled);
        }
        let asked = Instant::now();
        let ids = walk.next(conn, size).await?;
        // About one round trip without work: what a chunk takes beyond it is Redis at work.
        let idle = asked.elapsed();
        if ids.is_empty() {
            return Ok(End::Finished);
        }
        let mut ran = None;
        if let Some(saver) = &mut saver {
            match saver.keep(conn, plan, &ids).await {
                Ok(seen) => ran = Some(seen),
                Err(why) => return Ok(End::NotSaved(why)),
            }
        }
        let acted = u32::try_from(ids.len()).unwrap_or(u32::MAX);
        let sent = Instant::now();
        let answers = match (plan.op, &mut ran) {
            (JobOp::Remove { children }, Some(ran)) => {
                let jobs: Vec<_> = ids.iter().map(|id| (id.clone(), ran.remove(id))).collect();
                remove_seen(conn, &plan.target, children, &jobs).await
            }
            _ => run_jobs(conn, &plan.target, plan.op, &ids).await,
        };
        let answers = match answers {
            Ok(answers) => answers,
            Err(error) if error.is_unknown_outcome() => return Ok(End::Unknown { ids, error }),
            Err(error) => return Ok(End::Failed(error)),
        };
        let busy = sent.elapsed().saturating_sub(idle);
        let (mut stay, mut left, mut last) = (Vec::new(), 0, None);
        let mut stayed = Vec::new();
        for (id, answer) in ids.into_iter().zip(answers) {
            if !matches!(answer, Ok(Code::Done)) {
                stayed.push(id.clone());
            }
            match tell(report, plan, &id, answer) {
                Fate::Left => left += 1,
                Fate::Stays => stay.push(id),
                Fate::Stops(error) => last = Some(error),
            }
        }
        progress.send_replace(report.progress);
        if let Some(saver) = &mut saver {
            saver.stayed_in(&plan.target, &stayed).await;
        }
        if let Some(error) = last {
            return Ok(End::Failed(error));
        }
        if !walk.settle(stay, left) {
            return Ok(End::Refused);
        }
        size = if busy > BUSY { (size / 2).max(1) } else { (size * 2).min(most) };
        let due = rate.map_or(Duration::ZERO, |rate| Duration::from_secs(1) * acted / rate.max(1));
        tokio::select! {
            () = tokio::time::sleep((busy * REST).max(due.saturating_sub(sent.elapsed()))) => {}
            () = cancel.cancelled() => {}
        }
    }
}

/// What became of a job.
enum Fate {
    /// It is no longer in the state that the walk goes through.
    Left,
    /// It is still there.
    Stays,
    /// It and all that follow would be refused alike.
    Stops(OpError),
}

fn tell(report: &mut Report, plan: &Plan, id: &JobId, answer: Result<Code, OpError>) -> Fate {
    let named = plan.selection.ids().is_some();
    let counts = &mut report.progress;
    let (failure, fate) = match answer {
        Ok(Code::Done) => {
            counts.done += 1;
            if report.ids.len() < NAMED {
                report.ids.push(id.clone());
            }
            return Fate::Left;
        }
        Ok(code @ (Code::Gone | Code::NotIn(_) | Code::Changed)) => {
            counts.changed += 1;
            if !named {
                // A hash that is gone leaves its id where it is: retry and promote step over it.
                return if matches!(code, Code::NotIn(_)) { Fate::Left } else { Fate::Stays };
            }
            (Failure::refused(Some(id.clone()), code), Fate::Left)
        }
        Ok(code @ (Code::WrongEra | Code::Damaged | Code::Unsupported)) => {
            counts.failed += 1;
            (Failure::refused(Some(id.clone()), code), Fate::Stops(OpError::Refused(code)))
        }
        Ok(code) => {
            counts.failed += 1;
            (Failure::refused(Some(id.clone()), code), Fate::Stays)
        }
        Err(error) => {
            counts.failed += 1;
            let failure = Failure::error(Some(id.clone()), &error);
            // An error of this job's script is its own; what the server refuses, it refuses to all.
            let own = match &error {
                OpError::Conn(error) => matches!(error.kind, Kind::Reply | Kind::Unexpected),
                _ => false,
            };
            (failure, if own { Fate::Stays } else { Fate::Stops(error) })
        }
    };
    if report.failures.len() < FAILURES {
        report.failures.push(failure);
    }
    fate
}
