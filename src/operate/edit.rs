//! One edit: of a job, of a queue's limits, of a scheduler. What stood there is saved first.

use super::trash::{Bag, Item};
use super::{Action, Consent, End, Failure, Operator, Progress, Report};
use crate::conn::{Batch, Request, Verb};
use crate::engine::op::{
    Code, Exit, JobEdit, JobOp, LimitOp, OpError, SchedulerOp, Target, duplicate_job, release_deduplication,
    run_edit, run_job, run_limit, run_scheduler,
};
use crate::engine::saved::{Editing, SavedEdit, Saving, save, save_edit, save_scheduler};
use crate::engine::schedule::{Repeat, ScheduleError};
use crate::engine::{Queue, op::Capability};
use crate::text::Clean;
use crate::wire::parent::split_job_key;
use crate::wire::{JobId, Raw, WriteEra};

/// Children that a job waits for, of which an undo is kept; more are what a removal refuses.
const CHILDREN: i64 = 1_000;

/// One edit. What each era has, and why not: [`Edit::supports`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Edit {
    /// An operation on one job that leaves it there: priority, delay, log, deduplication id, out of `active`,
    /// its children.
    Job {
        /// The job.
        id: JobId,
        /// What is done.
        op: JobOp,
    },
    /// Data, progress, a log line.
    Bytes {
        /// The job.
        id: JobId,
        /// What is written.
        edit: JobEdit,
    },
    /// A copy of a job is added.
    Duplicate {
        /// The job that is copied.
        id: JobId,
    },
    /// A deduplication id is freed, while it names its owner.
    Release {
        /// The deduplication id.
        id: Raw,
        /// The job that owns it, which may be gone.
        owner: JobId,
    },
    /// A limit of the queue.
    Limit(LimitOp),
    /// Run now, remove.
    Scheduler {
        /// Its member of `repeat`.
        key: Raw,
        /// What is done.
        op: SchedulerOp,
    },
    /// Another schedule for the same jobs.
    Schedule {
        /// The scheduler.
        id: String,
        /// When it runs from now on.
        repeat: Repeat,
    },
}

/// What stands where an edit writes, to be shown before it is done.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Before {
    /// Whether there is what is to be edited.
    pub exists: bool,
    /// What will change, as sentences: `priority: 3 -> 5`.
    pub effects: Vec<Clean>,
}

impl Edit {
    /// The act.
    pub fn action(&self) -> Action {
        match self {
            Self::Job { op, .. } => (*op).into(),
            Self::Bytes { edit: JobEdit::Log { .. }, .. } => Action::Set,
            Self::Bytes { .. } => Action::Edit,
            Self::Duplicate { .. } => Action::Duplicate,
            Self::Release { .. } => Action::Release,
            Self::Limit(_) => Action::Limit,
            Self::Scheduler { op: SchedulerOp::RunNow, .. } => Action::RunScheduler,
            Self::Scheduler { op: SchedulerOp::Remove, .. } => Action::RemoveScheduler,
            Self::Schedule { .. } => Action::EditScheduler,
        }
    }

    /// Whether the era has it; otherwise the reason, as a sentence for people.
    pub fn supports(&self, era: WriteEra) -> Result<(), &'static str> {
        let capability = match self {
            Self::Job { op, .. } => op.capability(),
            Self::Bytes { edit, .. } => edit.capability(),
            Self::Duplicate { .. } => return Ok(()),
            Self::Release { .. } => Capability::ReleaseDeduplication,
            Self::Limit(op) => op.capability(),
            Self::Scheduler { op, .. } => op.capability(),
            Self::Schedule { .. } => Capability::EditScheduler,
        };
        capability.supports(era)
    }

    /// What it acts on: the job, where it acts on one.
    pub const fn job(&self) -> Option<&JobId> {
        match self {
            Self::Job { id, .. } | Self::Bytes { id, .. } | Self::Duplicate { id } => Some(id),
            Self::Release { owner, .. } => Some(owner),
            Self::Limit(_) | Self::Scheduler { .. } | Self::Schedule { .. } => None,
        }
    }

    /// What it changes, as a word.
    pub const fn what(&self) -> &'static str {
        match self {
            Self::Job { op: JobOp::SetPriority { .. }, .. } => "priority",
            Self::Job { op: JobOp::SetDelay { .. }, .. } => "delay",
            Self::Job { op: JobOp::ClearLogs { .. }, .. } => "logs",
            Self::Job { op: JobOp::MoveOut { .. }, .. } => "state",
            Self::Job { op: JobOp::RemoveChildren, .. } => "children",
            Self::Bytes { edit: JobEdit::Data { .. }, .. } => "data",
            Self::Bytes { edit: JobEdit::Progress { .. }, .. } => "progress",
            Self::Bytes { edit: JobEdit::Log { .. }, .. } => "log",
            Self::Job { .. } | Self::Duplicate { .. } => "job",
            Self::Release { .. } => "deduplication",
            Self::Limit(LimitOp::SetConcurrency(_) | LimitOp::RemoveConcurrency) => "concurrency",
            Self::Limit(LimitOp::SetRateLimit { .. } | LimitOp::RemoveRateLimit) => "rate",
            Self::Limit(LimitOp::ReleaseRateLimit) => "release",
            Self::Scheduler { .. } | Self::Schedule { .. } => "scheduler",
        }
    }

    /// What it does, for a question; payloads are left out. Not yet safe to show.
    pub fn sentence(&self) -> String {
        let of = |id: &JobId| id.lossless().into_owned();
        match self {
            Self::Job { id, op: JobOp::SetPriority { priority, front } } => {
                let front = if *front { ", in front" } else { "" };
                format!("set the priority of job {} to {priority}{front}", of(id))
            }
            Self::Job { id, op: JobOp::SetDelay { ms } } => {
                format!("put job {} off until {ms} ms from now", of(id))
            }
            Self::Job { id, op: JobOp::ClearLogs { keep: 0 } } => format!("clear the log of job {}", of(id)),
            Self::Job { id, op: JobOp::ClearLogs { keep } } => {
                format!("clear the log of job {} but for {keep} lines", of(id))
            }
            Self::Job { id, op: JobOp::MoveOut { to: Exit::Wait } } => {
                format!("put the abandoned job {} back in line", of(id))
            }
            Self::Job { id, op: JobOp::MoveOut { to: Exit::Failed } } => {
                format!("let the abandoned job {} fail", of(id))
            }
            Self::Job { id, op: JobOp::RemoveChildren } => {
                format!("remove the children that job {} waits for", of(id))
            }
            Self::Job { id, .. } => format!("change job {}", of(id)),
            Self::Bytes { id, edit: JobEdit::Data { .. } } => format!("replace the data of job {}", of(id)),
            Self::Bytes { id, edit: JobEdit::Progress { .. } } => {
                format!("set the progress of job {}", of(id))
            }
            Self::Bytes { id, edit: JobEdit::Log { .. } } => {
                format!("add a line to the log of job {}", of(id))
            }
            Self::Duplicate { id } => format!("add a copy of job {}", of(id)),
            Self::Release { id, .. } => format!("free the deduplication id {}", id.lossless()),
            Self::Limit(LimitOp::SetConcurrency(most)) => format!("limit it to {most} jobs at once"),
            Self::Limit(LimitOp::RemoveConcurrency) => "lift the limit of jobs at once".to_owned(),
            Self::Limit(LimitOp::SetRateLimit { max, duration_ms }) => {
                format!("limit it to {max} starts in {duration_ms} ms")
            }
            Self::Limit(LimitOp::RemoveRateLimit) => "lift the limit of starts".to_owned(),
            Self::Limit(LimitOp::ReleaseRateLimit) => "end the wait of the rate limit".to_owned(),
            Self::Scheduler { key, op: SchedulerOp::RunNow } => {
                format!("add a job of the scheduler {} now", key.lossless())
            }
            Self::Scheduler { key, op: SchedulerOp::Remove } => {
                format!("remove the scheduler {}", key.lossless())
            }
            Self::Schedule { id, .. } => format!("give the scheduler {id} another schedule"),
        }
    }

    fn selector(&self) -> String {
        match self {
            Self::Scheduler { key, .. } => format!("the scheduler {}", key.lossless()),
            Self::Schedule { id, .. } => format!("the scheduler {id}"),
            Self::Release { id, .. } => format!("the deduplication id {}", id.lossless()),
            Self::Limit(_) => "the queue".to_owned(),
            Self::Job { id, .. } | Self::Bytes { id, .. } | Self::Duplicate { id } => {
                id.lossless().into_owned()
            }
        }
    }

    fn editing(&self) -> Option<Editing<'_>> {
        match self {
            Self::Job { id, op } => Some(Editing::Op(id, *op)),
            Self::Bytes { id, edit } => Some(Editing::Bytes(id, edit)),
            Self::Release { owner, .. } => Some(Editing::Op(owner, JobOp::ReleaseDeduplication)),
            Self::Limit(op) => Some(Editing::Limit(*op)),
            Self::Duplicate { .. } | Self::Scheduler { .. } | Self::Schedule { .. } => None,
        }
    }
}

/// How an edit was answered.
struct Answer {
    code: Code,
    /// A job that was added.
    job: Option<JobId>,
    /// What else is to be said.
    note: Option<&'static str>,
}

impl Operator {
    /// Does an edit, written down before and after, with what it replaces saved first.
    pub async fn edit(&self, target: &Target, edit: &Edit, consent: &Consent) -> Report {
        let action = edit.action();
        let queue = target.queue.clone();
        let mut report = Report::new(action, queue.clone());
        report.progress = Progress { matched: 1, ..Progress::default() };
        if let Err(why) = edit.supports(target.era) {
            report.progress.failed = 1;
            let code = Code::Unsupported.word();
            report.failures.push(Failure { id: edit.job().cloned(), code, message: Clean::line(why) });
            return report;
        }
        let entry = match self.begin(action, target, edit.selector(), serde_json::Value::Null, consent).await
        {
            Ok(entry) => entry,
            Err(why) => return Report::forbidden(action, queue, &why),
        };
        let mut kept = None;
        if let (Some(trash), Ok(entry), true) = (self.trash(), &entry, consent.save > 0) {
            let kept_now = async {
                let mut bag = trash.open(entry.id()).await.map_err(|error| error.to_string())?;
                let saved = self.keep(target, edit, consent.save, &mut bag).await?;
                Ok::<_, String>((bag, saved))
            };
            match kept_now.await {
                Ok(saved) => kept = Some(saved),
                Err(why) => {
                    report.end = End::NotSaved(Clean::line(why));
                    return self.finish(report, Ok(entry.clone())).await;
                }
            }
        }
        match self.send(target, edit).await {
            Ok(answer) => {
                if answer.code.is_done() {
                    report.progress.done = 1;
                    report.ids.extend(answer.job.or_else(|| edit.job().cloned()));
                    report.note = answer.note;
                } else {
                    let moved = matches!(answer.code, Code::Gone | Code::NotIn(_) | Code::Changed);
                    report.progress.changed = u64::from(moved);
                    report.progress.failed = u64::from(!moved);
                    report.failures.push(Failure::refused(edit.job().cloned(), answer.code));
                }
            }
            Err(error) => {
                report.progress.failed = 1;
                report.failures.push(Failure::error(edit.job().cloned(), &error));
                let ids = edit.job().cloned().into_iter().collect();
                report.end = match error {
                    error if error.is_unknown_outcome() => End::Unknown { ids, error },
                    error => End::Failed(error),
                };
            }
        }
        if let Some((mut bag, saved)) = kept {
            let may_be_done = report.progress.done == 1 || matches!(report.end, End::Unknown { .. });
            report.undoable = bag.size() > 0 && may_be_done;
            if let Some(mut saved) = saved
                && report.progress.done == 1
                && matches!(saved.read_score(self.conn()).await, Ok(true))
            {
                // Without it an undo only knows by the field whether the edit still stands.
                let _ = bag.put(&[Item::Edit(Box::new(saved))]).await;
            }
            if let Edit::Job { id, op: JobOp::RemoveChildren } = edit {
                self.children_that_stayed(target, id, &mut bag).await;
            }
            if !may_be_done && let (Some(trash), Ok(entry)) = (self.trash(), &entry) {
                let _ = trash.discard(entry.id()).await;
            }
        }
        self.finish(report, entry).await
    }

    /// Saves what an edit replaces or takes away.
    async fn keep(
        &self,
        target: &Target,
        edit: &Edit,
        limit: u64,
        bag: &mut Bag,
    ) -> Result<Option<SavedEdit>, String> {
        let conn = self.conn();
        let mut items = Vec::new();
        let mut saved = None;
        if let Edit::Scheduler { key, op: SchedulerOp::Remove } = edit {
            let (keys, runs) = save_scheduler(conn, &target.queue, key.as_bytes())
                .await
                .map_err(|error| error.to_string())?;
            items.extend(keys.into_iter().map(Item::Key));
            let saving = Saving { state: None, children: false, limit };
            let (jobs, _) = save(conn, target, &runs, saving).await.map_err(|error| error.to_string())?;
            let own = jobs.into_iter().filter(|job| job.is_run_of(key.as_bytes()));
            items.extend(own.map(|job| Item::Job(Box::new(job))));
        } else if let Edit::Job { id, op: JobOp::RemoveChildren } = edit {
            for child in self.pending(target, id).await? {
                let Some((queue, child)) = split_job_key(&child, None, &target.queue) else { continue };
                let there = Target { queue, era: target.era };
                let left = limit.saturating_sub(bag.size());
                let saving = Saving { state: None, children: true, limit: left };
                let (jobs, _) =
                    save(conn, &there, &[child], saving).await.map_err(|error| error.to_string())?;
                items.extend(jobs.into_iter().map(|job| Item::Job(Box::new(job))));
            }
        } else if let Some(editing) = edit.editing() {
            saved = save_edit(conn, target, editing, limit).await.map_err(|error| error.to_string())?;
            items.extend(saved.clone().map(|saved| Item::Edit(Box::new(saved))));
        }
        bag.put(&items).await.map_err(|error| error.to_string())?;
        Ok(saved)
    }

    /// Keys of the children that a job waits for.
    async fn pending(&self, target: &Target, id: &JobId) -> Result<Vec<Vec<u8>>, String> {
        let key = target.queue.satellite(id, "dependencies");
        let mut cursor = b"0".to_vec();
        let mut children: Vec<Vec<u8>> = Vec::new();
        loop {
            let page = Request::new(Verb::SScan).arg(&key).arg(&cursor).arg("COUNT").arg(CHILDREN);
            let reply = self.conn().call(page).await.map_err(|error| error.to_string())?;
            let parts = crate::conn::items(&reply);
            let found = parts.get(1).map(crate::conn::items).unwrap_or_default();
            children.extend(found.iter().filter_map(crate::conn::bytes).map(<[u8]>::to_vec));
            cursor = parts.first().and_then(crate::conn::bytes).unwrap_or(b"0").to_vec();
            if cursor == b"0" || children.len() > CHILDREN as usize {
                break;
            }
        }
        children.sort_unstable();
        children.dedup();
        Ok(children)
    }

    /// Tells the trash which children are still there: they run, or failed.
    async fn children_that_stayed(&self, target: &Target, id: &JobId, bag: &mut Bag) {
        let Ok(stayed) = self.pending(target, id).await else { return };
        let items: Vec<Item> =
            stayed.iter().map(|key| Item::Stayed(crate::text::lossless(key).into_owned())).collect();
        if let Err(error) = bag.put(&items).await {
            tracing::warn!(%error, "the trash does not know which children stayed");
        }
    }

    async fn send(&self, target: &Target, edit: &Edit) -> Result<Answer, OpError> {
        let conn = self.conn();
        let plain = |code| Answer { code, job: None, note: None };
        Ok(match edit {
            Edit::Job { id, op } => plain(run_job(conn, target, *op, id).await?),
            Edit::Bytes { id, edit } => plain(run_edit(conn, target, edit, id).await?),
            Edit::Release { id, owner } => {
                plain(release_deduplication(conn, target, id.as_bytes(), owner).await?)
            }
            Edit::Limit(op) => plain(run_limit(conn, target, *op).await?),
            Edit::Duplicate { id } => {
                let (code, job) = duplicate_job(conn, target, id).await?;
                Answer { code, job, note: None }
            }
            Edit::Scheduler { key, op } => {
                let done = run_scheduler(conn, target, *op, key).await?;
                let note = "A run of it is in line, or runs, and was left there.";
                Answer { code: done.code, job: done.job, note: done.queued.then_some(note) }
            }
            Edit::Schedule { id, repeat } => {
                let queue = Queue::new(conn.clone(), target.queue.clone());
                match queue.edit_scheduler(id, repeat).await {
                    Ok(Some(_)) => plain(Code::Done),
                    Ok(None) => Answer {
                        note: Some("It has no run to come; nothing was written."),
                        ..plain(Code::Invalid)
                    },
                    Err(ScheduleError::Refused(code)) => plain(code),
                    Err(ScheduleError::Conn(error)) => return Err(OpError::Conn(error)),
                    Err(_) => plain(Code::Invalid),
                }
            }
        })
    }

    /// What stands where an edit would write. Reads only; payloads are told by their size.
    pub async fn before(&self, target: &Target, edit: &Edit) -> Result<Before, OpError> {
        let conn = self.conn();
        let mut before = Before::default();
        if let Some(id) = edit.job() {
            let mut batch = Batch::new();
            batch.push(Request::new(Verb::Exists).arg(target.queue.job(id)));
            let replies = conn.batch(&batch).await?;
            before.exists = replies.first().and_then(crate::conn::integer) == Some(1);
        } else {
            before.exists = match edit {
                Edit::Scheduler { key, .. } => self.has_scheduler(target, key.as_bytes()).await?,
                Edit::Schedule { id, .. } => self.has_scheduler(target, id.as_bytes()).await?,
                _ => true,
            };
        }
        let Some(editing) = edit.editing().filter(|_| before.exists) else { return Ok(before) };
        // What cannot be read whole is told without its present value.
        let Ok(Some(saved)) = save_edit(conn, target, editing, super::trash::ONE).await else {
            return Ok(before);
        };
        for (name, was, wrote) in saved.changes() {
            let shown = |value: Option<&[u8]>| match value {
                None => "none".to_owned(),
                Some(value) if value.len() > 60 => format!("{} bytes", value.len()),
                Some(value) => Clean::line(value).to_string(),
            };
            let line = format!("{}: {} -> {}", Clean::line(name), shown(was), shown(wrote));
            before.effects.push(Clean::line(line));
        }
        if saved.lines() > 0 {
            before.effects.push(Clean::line(format!("{} log lines go", saved.lines())));
        }
        Ok(before)
    }

    async fn has_scheduler(&self, target: &Target, key: &[u8]) -> Result<bool, OpError> {
        let score = Request::new(Verb::ZScore).arg(target.queue.key("repeat")).arg(key);
        Ok(crate::conn::float(&self.conn().call(score).await?).is_some())
    }
}
