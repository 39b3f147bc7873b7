//! The jobs of one group of errors.

use std::sync::Arc;

use super::super::super::action::{Action, Scope};
use super::super::super::effect::{Act, Effect};
use super::super::super::list::Cursor;
use super::super::super::panel::{Context, Panel, Step};
use super::super::super::panes::Rect;
use super::super::super::toast::Toast;
use super::super::job::Job;
use super::super::{Screen, moved};
use crate::engine::op::JobOp;
use crate::insight::errors::{Cause, Example};
use crate::monitor::{FeedEvent, Interest};
use crate::operate::{Bulk, Only, Pace, Selection};
use crate::text::{Clean, figure, wrap};
use crate::wire::{JobId, QueueId, State};

/// Rows of the message at most.
const MESSAGE: usize = 5;
/// A group of so many jobs is retried at once, in all its queues.
const AT_ONCE: usize = 100;

/// The screen.
#[derive(Debug)]
pub struct Members {
    /// What they have in common.
    pub cause: Arc<Cause>,
    /// The jobs that are known, newest first.
    pub jobs: Vec<Example>,
    /// How many there are.
    pub count: u64,
    /// When they were taken together, ms by Redis's clock.
    pub at: i64,
    /// Which is selected.
    pub cursor: Cursor<(QueueId, JobId)>,
}

impl Members {
    /// The screen of a group.
    pub fn new(cause: Arc<Cause>, jobs: Vec<Example>, count: u64, at: i64) -> Self {
        Self { cause, jobs, count, at, cursor: Cursor::default() }
    }

    /// The message in rows.
    pub fn message(&self, body: Rect) -> Vec<Clean> {
        let mut rows = wrap(&self.cause.message, usize::from(body.width.saturating_sub(4)).max(8));
        let most = if body.height < 16 { 2 } else { MESSAGE };
        rows.truncate(most);
        rows
    }

    /// Where the list stands in the body.
    pub fn list(&self, body: Rect) -> Rect {
        // Heading, message, frame, figures, column names.
        body.below(u16::try_from(self.message(body).len()).unwrap_or(1) + 4)
    }

    fn selected(&self) -> Option<&Example> {
        self.jobs.get(usize::try_from(self.cursor.index).ok()?)
    }

    fn settle(&mut self, cx: &Context<'_>) {
        let height = self.list(cx.body).height;
        self.cursor.settle_among(&self.jobs, height, |job| (job.queue.clone(), job.job.clone()));
    }

    fn job_act(&self, cx: &Context<'_>, op: JobOp) -> Vec<Step> {
        let Some(job) = self.selected() else { return vec![Step::Toast(Toast::plain("no job is selected"))] };
        let Some(row) = cx.queue(&job.queue) else { return Vec::new() };
        let selection = Selection::Ids(vec![job.job.clone()]);
        vec![Step::Act(Act::Jobs { queue: job.queue.clone(), era: row.era, op, selection }, 1)]
    }
}

impl Panel for Members {
    fn offers(&self, action: Action) -> bool {
        action != Action::JobPromote
    }

    fn scopes(&self) -> &'static [Scope] {
        &[Scope::OneJob, Scope::Group, Scope::List, Scope::Move]
    }

    fn path(&self) -> Vec<Clean> {
        vec![Clean::line("Errors"), Clean::line(self.cause.id.to_string())]
    }

    fn interest(&self, _cx: &Context<'_>) -> Interest {
        Interest { feed: Some(Vec::new()), ..Interest::default() }
    }

    fn act(&mut self, cx: &Context<'_>, action: Action) -> Vec<Step> {
        if let Some(by) = moved(action) {
            self.cursor.step(by, self.jobs.len() as u64, u64::from(self.list(cx.body).height));
            self.settle(cx);
            return Vec::new();
        }
        let retry = |reset_attempts| JobOp::Retry { from: State::Failed, reset_attempts };
        match action {
            Action::Open => {
                let Some(job) = self.selected() else { return Vec::new() };
                let job = Job::new(job.queue.clone(), job.job.clone(), Some(State::Failed));
                vec![Step::Open(Box::new(Screen::Job(Box::new(job))))]
            }
            Action::JobRetry => self.job_act(cx, retry(false)),
            Action::JobRetryAnew => self.job_act(cx, retry(true)),
            Action::JobRemove => self.job_act(cx, JobOp::Remove { children: true }),
            Action::JobCopy => {
                let id = self.selected().map(|job| job.job.lossless().into_owned());
                id.map(|id| Step::Effect(Effect::Copy(id))).into_iter().collect()
            }
            Action::GroupRetry | Action::GroupRetryAnew | Action::GroupRemove | Action::GroupCopy => {
                act(cx, action, &self.cause, &self.jobs)
            }
            _ => Vec::new(),
        }
    }

    fn refresh(&mut self, cx: &Context<'_>) -> Vec<Step> {
        self.settle(cx);
        Vec::new()
    }

    fn feed(&mut self, cx: &Context<'_>, events: &[FeedEvent]) {
        let before = self.jobs.len();
        for event in events {
            if let (Some(Told::Left(until)), Some(id)) = (told(event), &event.job) {
                self.jobs.retain(|job| job.job != *id || job.queue != event.queue || job.at > until);
            }
        }
        self.count = self.count.saturating_sub((before - self.jobs.len()) as u64);
        self.settle(cx);
    }

    fn click(&mut self, cx: &Context<'_>, _column: u16, row: u16) -> Vec<Step> {
        let list = self.list(cx.body);
        if let Some(index) = self.cursor.clicked(cx.body, list, row, self.jobs.len() as u64) {
            self.cursor.select(index, None);
            self.settle(cx);
        }
        Vec::new()
    }

    fn wake_at(&self, cx: &Context<'_>) -> Option<i64> {
        Some(cx.now - cx.now.rem_euclid(10_000) + 10_000)
    }
}

/// What an event means for a list of failures.
pub(super) enum Told {
    /// Something failed.
    Failed,
    /// The job is no longer failed, unless it failed after this moment, ms.
    Left(i64),
}

pub(super) fn told(event: &FeedEvent) -> Option<Told> {
    let from_failed =
        event.fields.iter().any(|(name, value)| name.as_bytes() == b"prev" && value.as_bytes() == b"failed");
    match event.event.as_str() {
        "failed" => Some(Told::Failed),
        _ if from_failed => Some(Told::Left(event.at)),
        // Workers say nothing of where the job was.
        "active" | "completed" | "waiting" | "removed" | "delayed" | "prioritized" => {
            Some(Told::Left(event.at.saturating_sub(1)))
        }
        _ => None,
    }
}

/// Acts on all jobs of a group that are known. An act is about one queue: where the jobs are in several and must
/// be asked about, the fullest comes first.
pub(super) fn act(cx: &Context<'_>, action: Action, cause: &Cause, jobs: &[Example]) -> Vec<Step> {
    if action == Action::GroupCopy {
        return vec![Step::Effect(Effect::Copy(cause.id.to_string()))];
    }
    let mut queues: Vec<(QueueId, Vec<JobId>)> = Vec::new();
    for job in jobs.iter().rev() {
        match queues.iter_mut().find(|(queue, _)| *queue == job.queue) {
            Some((_, ids)) => ids.push(job.job.clone()),
            None => queues.push((job.queue.clone(), vec![job.job.clone()])),
        }
    }
    queues.sort_by_key(|(_, ids)| std::cmp::Reverse(ids.len()));
    let others: usize = queues.iter().skip(1).map(|(_, ids)| ids.len()).sum();
    let retries = matches!(action, Action::GroupRetry | Action::GroupRetryAnew);
    let asked = !retries || jobs.len() > AT_ONCE;
    if asked {
        queues.truncate(1);
    }
    let mut steps = Vec::new();
    for (queue, ids) in queues {
        let Some(row) = cx.queue(&queue) else { continue };
        let count = ids.len() as u64;
        let only = Arc::new(Only { group: cause.id.to_string(), message: cause.message.clone(), ids });
        let act = if retries {
            let bulk = Bulk::Retry { from: State::Failed, reset_attempts: action == Action::GroupRetryAnew };
            let (until, pace) = (cx.redis_now(), Pace::default());
            Act::Bulk { queue, era: row.era, bulk, until, pace, only: Some(only) }
        } else {
            let op = JobOp::Remove { children: true };
            Act::Jobs { queue, era: row.era, op, selection: Selection::Group(only) }
        };
        steps.push(Step::Act(act, count));
    }
    if steps.is_empty() {
        steps.push(Step::Toast(Toast::plain("none of its jobs is known any more")));
    } else if asked && others > 0 {
        let text = format!(
            "{} more of this group are in other queues: act again for these",
            figure::count(others as u64)
        );
        steps.push(Step::Toast(Toast::plain(text)));
    }
    steps
}
