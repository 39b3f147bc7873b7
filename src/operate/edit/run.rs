//! Doing edits: what each replaces is saved first, and all of one command stand in one entry of the journal.

use super::{Before, Edit};
use crate::conn::{Batch, Request, Verb};
use crate::engine::op::{
    Code, Exit, JobOp, OpError, Target, duplicate_job, release_deduplication, run_edit, run_job, run_limit,
    run_scheduler,
};
use crate::engine::saved::{
    SavedEdit, SavedMend, SavedSchedule, Saving, save, save_edit, save_exit, save_schedule,
};
use crate::engine::schedule::{ScheduleError, Template};
use crate::engine::{JobOptions, Queue};
use crate::operate::trash::{Bag, Item, ONE};
use crate::operate::{Consent, End, Failure, Operator, Progress, Report};
use crate::text::Clean;
use crate::wire::parent::split_job_key;
use crate::wire::{JobId, Raw};
use tokio_util::sync::CancellationToken;

/// Children that a job waits for, of which an undo is kept; more are what a removal refuses.
const CHILDREN: i64 = 1_000;

/// Active jobs among which one is looked for before it is asked about.
const ACTIVE: i64 = 1_000;

/// How an edit was answered.
struct Answer {
    code: Code,
    /// A job that was added.
    job: Option<JobId>,
    /// What else is to be said.
    note: Option<&'static str>,
}

/// What an upsert answered.
fn scheduled(answer: Result<Option<Code>, ScheduleError>) -> Result<Answer, OpError> {
    let plain = |code| Answer { code, job: None, note: None };
    Ok(match answer {
        Ok(Some(code)) | Err(ScheduleError::Refused(code)) => plain(code),
        Ok(None) => {
            Answer { note: Some("It has no run to come; nothing was written."), ..plain(Code::Invalid) }
        }
        Err(ScheduleError::IterationExists | ScheduleError::SlotsTaken) => plain(Code::Occupied),
        Err(ScheduleError::Conn(error)) => return Err(OpError::Conn(error)),
        Err(_) => plain(Code::Invalid),
    })
}

/// What the jobs of a new scheduler are; `None` where the libraries would not take it.
fn template(name: Option<String>, data: &Raw, opts: &Raw) -> Option<Template> {
    let opts: serde_json::Map<_, _> = serde_json::from_slice(opts.as_bytes()).ok()?;
    let data = serde_json::from_slice(data.as_bytes()).ok()?;
    Some(Template { name, data, opts: JobOptions::parse(&opts).ok()? })
}

/// What was saved of one edit.
enum Held {
    Edit(Box<SavedEdit>),
    Schedules(Vec<SavedSchedule>),
    /// A job that is moved out, and whether it fails.
    Exit(Box<SavedMend>, bool),
}

impl Operator {
    /// Does an edit, written down before and after, with what it replaces saved first.
    pub async fn edit(&self, target: &Target, edit: &Edit, consent: &Consent) -> Report {
        let edits = std::slice::from_ref(edit);
        let done = self.edits(target, edits, consent, &CancellationToken::new()).await;
        done.into_iter().next().unwrap_or_else(|| Report::new(edit.action(), target.queue.clone()))
    }

    /// Does edits one after the other, in one entry of the journal: a report each. What the era has not
    /// stops all of them before the first; an error of the link those that follow.
    pub async fn edits(
        &self,
        target: &Target,
        edits: &[Edit],
        consent: &Consent,
        cancel: &CancellationToken,
    ) -> Vec<Report> {
        let queue = &target.queue;
        let new = |edit: &Edit| {
            let mut report = Report::new(edit.action(), queue.clone());
            report.progress = Progress { matched: 1, ..Progress::default() };
            report
        };
        for edit in edits {
            if let Err(why) = edit.supports(target.era) {
                let mut report = new(edit);
                report.progress.failed = 1;
                let code = Code::Unsupported.word();
                report.failures.push(Failure { id: edit.job().cloned(), code, message: Clean::line(why) });
                return vec![report];
            }
        }
        if edits.is_empty() {
            return Vec::new();
        }
        if let Err(why) = self.permits(consent) {
            return vec![Report::forbidden(Edit::word(edits), queue.clone(), &why)];
        }
        let action = Edit::word(edits);
        let mut selectors: Vec<String> = edits.iter().map(Edit::selector).collect();
        selectors.dedup();
        let begun = self.begin(action, target, selectors.join(" "), serde_json::Value::Null, consent).await;
        let entry = match begun {
            Ok(entry) => entry,
            Err(why) => return vec![Report::forbidden(action, queue.clone(), &why)],
        };
        let mut bag = None;
        let mut reports: Vec<Report> = Vec::new();
        if let (Some(trash), Ok(entry), true) = (self.trash(), &entry, consent.save > 0) {
            match trash.open(entry.id()).await {
                Ok(opened) => bag = Some(opened),
                Err(error) => {
                    let end = End::NotSaved(Clean::line(error.to_string()));
                    reports.push(Report { end, ..Report::new(action, queue.clone()) });
                }
            }
        }
        if reports.is_empty() {
            for edit in edits {
                if cancel.is_cancelled() {
                    break;
                }
                let mut report = new(edit);
                self.one(target, edit, consent.save, bag.as_mut(), &mut report).await;
                let over = report.end != End::Finished;
                reports.push(report);
                if over {
                    break;
                }
            }
        }
        let mut all = Report::of_all(action, queue.clone(), reports.clone());
        if all.end == End::Finished && reports.len() < edits.len() {
            all.end = End::Cancelled;
        }
        if !all.undoable
            && bag.is_some()
            && let (Some(trash), Ok(entry)) = (self.trash(), &entry)
        {
            let _ = trash.discard(entry.id()).await;
        }
        let all = self.finish(all, entry).await;
        for report in &mut reports {
            report.journal = all.journal;
            report.unrecorded.clone_from(&all.unrecorded);
        }
        reports
    }

    /// Saves what one edit replaces, does it, and notes what the undo must know of it.
    async fn one(
        &self,
        target: &Target,
        edit: &Edit,
        save: u64,
        mut bag: Option<&mut Bag>,
        report: &mut Report,
    ) {
        let mut saved = None;
        let before = bag.as_ref().map_or(0, |bag| bag.size());
        if let Some(bag) = bag.as_deref_mut() {
            match self.keep(target, edit, save.saturating_sub(before), bag).await {
                Ok(kept) => saved = kept,
                Err(why) => {
                    report.end = End::NotSaved(Clean::line(why));
                    return;
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
        let Some(bag) = bag else { return };
        let may_be_done = report.progress.done == 1 || matches!(report.end, End::Unknown { .. });
        report.undoable = bag.size() > before && may_be_done;
        if report.progress.done == 1 {
            let told = match &mut saved {
                // Without it an undo only knows by the field whether the edit still stands.
                Some(Held::Edit(saved)) => {
                    let scored = matches!(saved.read_score(self.conn()).await, Ok(true));
                    scored.then(|| Item::Edit(saved.clone())).into_iter().collect()
                }
                // Without it an undo does not know whether what it finds is what the act left.
                Some(Held::Schedules(saved)) => {
                    let mut told = Vec::new();
                    for saved in saved {
                        if saved.read_after(self.conn(), target).await.is_ok() {
                            told.push(Item::Schedule(Box::new(saved.clone())));
                        }
                    }
                    told
                }
                // Without it an undo finds other fields than it knows, and leaves them.
                Some(Held::Exit(saved, true)) => {
                    let seen = saved.read_failure(self.conn()).await.is_ok();
                    seen.then(|| Item::Mend(saved.clone())).into_iter().collect()
                }
                Some(Held::Exit(_, false)) | None => Vec::new(),
            };
            if !told.is_empty() {
                let _ = bag.put(&told).await;
            }
        }
        if matches!(saved, Some(Held::Edit(_) | Held::Exit(..))) && !may_be_done {
            let _ = bag.put(&[Item::NotEdited]).await;
        }
        if let Edit::Job { id, op: JobOp::RemoveChildren } = edit {
            self.children_that_stayed(target, id, bag).await;
        }
    }

    /// Saves what an edit replaces or takes away.
    async fn keep(
        &self,
        target: &Target,
        edit: &Edit,
        limit: u64,
        bag: &mut Bag,
    ) -> Result<Option<Held>, String> {
        let conn = self.conn();
        let mut items = Vec::new();
        let mut saved = None;
        if let Some((member, removed)) = edit.schedule() {
            let mut members = vec![(Raw::new(member), removed)];
            // An older repeatable goes, and comes under another key.
            if let Some((id, recast)) = edit.recast()
                && let Ok(new) = Queue::new(conn.clone(), target.queue.clone())
                    .recast_member(target, id.as_bytes(), &recast)
                    .await
                && new.as_bytes() != member
            {
                members = vec![(Raw::new(member), true), (new, false)];
            }
            let mut kept = Vec::new();
            for (member, removed) in members {
                let left = limit.saturating_sub(bag.size());
                let saved = save_schedule(conn, target, member.as_bytes(), removed, left).await;
                kept.extend(saved.map_err(|error| error.to_string())?);
            }
            items.extend(kept.iter().map(|saved| Item::Schedule(Box::new(saved.clone()))));
            bag.put(&items).await.map_err(|error| error.to_string())?;
            return Ok((!kept.is_empty()).then_some(Held::Schedules(kept)));
        } else if let Edit::Job { id, op: JobOp::MoveOut { to } } = edit {
            let kept = save_exit(conn, target, id, *to, limit).await.map_err(|error| error.to_string())?;
            items.extend(kept.clone().map(|saved| Item::Mend(Box::new(saved))));
            bag.put(&items).await.map_err(|error| error.to_string())?;
            return Ok(kept.map(|saved| Held::Exit(Box::new(saved), *to == Exit::Failed)));
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
        Ok(saved.map(|saved| Held::Edit(Box::new(saved))))
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
            Edit::Schedule { id, .. } | Edit::Recast { id, .. } => {
                let queue = Queue::new(conn.clone(), target.queue.clone());
                let recast = edit.recast().map(|(_, recast)| recast).unwrap_or_default();
                scheduled(queue.recast_scheduler(target, id.as_bytes(), &recast).await)?
            }
            Edit::NewScheduler { id, .. } if self.has_scheduler(target, id.as_bytes()).await? => {
                plain(Code::SchedulerThere)
            }
            Edit::NewScheduler { id, repeat, name, data, opts } => {
                let Some(template) = template(name.clone(), data, opts) else {
                    return Ok(plain(Code::Invalid));
                };
                let queue = Queue::new(conn.clone(), target.queue.clone());
                scheduled(
                    queue
                        .add_scheduler(id, repeat.clone(), template)
                        .await
                        .map(|made| made.map(|_| Code::Done)),
                )?
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
                Edit::Schedule { id, .. } | Edit::Recast { id, .. } => {
                    self.has_scheduler(target, id.as_bytes()).await?
                }
                // What is to be added is not there yet.
                Edit::NewScheduler { id, .. } => !self.has_scheduler(target, id.as_bytes()).await?,
                _ => true,
            };
        }
        if let Edit::Job { id, op: JobOp::MoveOut { .. } } = edit
            && before.exists
        {
            before.effects.extend(self.will_refuse_exit(target, id).await?);
        }
        if let Some((id, recast)) = edit.recast().filter(|_| before.exists) {
            before.effects.push(Clean::line("The job of its next run is replaced."));
            let queue = Queue::new(conn.clone(), target.queue.clone());
            if let Ok(new) = queue.recast_member(target, id.as_bytes(), &recast).await
                && new.as_bytes() != id.as_bytes()
            {
                before.effects.push(Clean::line(format!("Its key becomes {}.", new.lossless())));
            }
        }
        let Some(editing) = edit.editing().filter(|_| before.exists) else { return Ok(before) };
        // What cannot be read whole is told without its present value.
        let Ok(Some(saved)) = save_edit(conn, target, editing, ONE).await else {
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

    /// Why a job would not be moved out of `active`.
    async fn will_refuse_exit(&self, target: &Target, id: &JobId) -> Result<Option<Clean>, OpError> {
        let mut batch = Batch::new();
        batch.push(Request::new(Verb::Exists).arg(target.queue.satellite(id, "lock")));
        batch.push(Request::new(Verb::LRange).arg(target.queue.key("active")).arg(0).arg(ACTIVE - 1));
        let replies = self.conn().batch(&batch).await?;
        let [lock, active] = replies.as_slice() else { return Ok(None) };
        if crate::conn::integer(lock) == Some(1) {
            return Ok(Some(Clean::line("A worker is running the job: it will be refused.")));
        }
        let active = crate::conn::items(active);
        let found = active.iter().filter_map(crate::conn::bytes).any(|other| other == id.as_bytes());
        let all = active.len() < ACTIVE as usize;
        Ok((all && !found).then(|| Clean::line("The job is not active: it will be left alone.")))
    }

    async fn has_scheduler(&self, target: &Target, key: &[u8]) -> Result<bool, OpError> {
        let score = Request::new(Verb::ZScore).arg(target.queue.key("repeat")).arg(key);
        Ok(crate::conn::float(&self.conn().call(score).await?).is_some())
    }
}
