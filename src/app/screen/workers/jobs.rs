//! The jobs that one worker runs.

use super::super::super::action::{Action, Scope};
use super::super::super::effect::{Answer, FetchId};
use super::super::super::list::{Cursor, Move};
use super::super::super::panel::{Context, Panel, Step};
use super::super::super::panes::Rect;
use super::super::super::rows::Row as _;
use super::super::job::Job;
use super::super::{Screen, moved};
use super::row::{self, Row};
use super::{Doing, Kind, Watch};
use crate::monitor::Interest;
use crate::text::Clean;
use crate::wire::{JobId, State};

/// Rows of the body above the list: heading, a sentence, column names.
const HEAD: u16 = 3;

/// The screen.
#[derive(Debug)]
pub struct WorkerJobs {
    /// The worker, with its jobs, as last seen.
    pub row: Row,
    /// It is not connected any more, or runs nothing.
    pub over: bool,
    /// Which job is selected.
    pub cursor: Cursor<JobId>,
    watch: Watch,
}

impl WorkerJobs {
    /// The screen of a row.
    pub fn new(row: Row) -> Self {
        Self { row, over: false, cursor: Cursor::default(), watch: Watch::default() }
    }

    /// Where the list stands in the body.
    pub fn list(body: Rect) -> Rect {
        body.below(HEAD)
    }

    /// The selected job.
    pub fn selected(&self) -> Option<&Doing> {
        self.row.jobs.get(usize::try_from(self.cursor.index).ok()?)
    }

    fn arrange(&mut self, cx: &Context<'_>) {
        if self.watch.read
            && let Some(queue) = cx.queue(&self.row.queue)
        {
            let mut rows = Vec::new();
            let read = self.watch.by_queue.get(&queue.id);
            row::of_queue(cx, queue, read, self.watch.usuals(&queue.id), &mut rows);
            let place = self.row.key();
            let here = rows.into_iter().find(|row| row.key() == place && row.kind != Kind::NoWorker);
            self.over = here.is_none();
            if let Some(row) = here {
                self.row = row;
            } else {
                self.row.jobs.clear();
            }
        }
        self.cursor.settle_among(&self.row.jobs, Self::list(cx.body).height, |job| job.id.clone());
    }

    fn step(&mut self, cx: &Context<'_>, by: Move) {
        self.cursor.step(by, self.row.jobs.len() as u64, u64::from(Self::list(cx.body).height));
        self.cursor.key = self.selected().map(|job| job.id.clone());
    }
}

impl Panel for WorkerJobs {
    fn scopes(&self) -> &'static [Scope] {
        &[Scope::List, Scope::Move]
    }

    fn path(&self) -> Vec<Clean> {
        vec![Clean::line("Workers"), self.row.queue.name.clean(), self.row.name.clone()]
    }

    fn interest(&self, _cx: &Context<'_>) -> Interest {
        Interest { visible: vec![self.row.queue.clone()], ..Interest::default() }
    }

    fn act(&mut self, cx: &Context<'_>, action: Action) -> Vec<Step> {
        if let Some(by) = moved(action) {
            self.step(cx, by);
        } else if action == Action::Open
            && let Some(job) = self.selected()
        {
            let job = Job::new(self.row.queue.clone(), job.id.clone(), Some(State::Active));
            return vec![Step::Open(Box::new(Screen::Job(Box::new(job))))];
        }
        Vec::new()
    }

    fn refresh(&mut self, cx: &Context<'_>) -> Vec<Step> {
        self.arrange(cx);
        self.watch.look(cx, Some(&self.row.queue.clone()))
    }

    fn answer(
        &mut self,
        cx: &Context<'_>,
        id: FetchId,
        answer: Result<Answer, Clean>,
    ) -> Result<Vec<Step>, Result<Answer, Clean>> {
        if !self.watch.waits_for(id) {
            return Err(answer);
        }
        self.watch.answer(cx, answer);
        self.arrange(cx);
        Ok(Vec::new())
    }

    fn click(&mut self, cx: &Context<'_>, _column: u16, row: u16) -> Vec<Step> {
        let list = Self::list(cx.body);
        if let Some(index) = self.cursor.clicked(cx.body, list, row, self.row.jobs.len() as u64) {
            self.cursor.select(index, None);
            self.cursor.key = self.selected().map(|job| job.id.clone());
        }
        Vec::new()
    }

    fn wake_at(&self, cx: &Context<'_>) -> Option<i64> {
        Some(self.watch.wake_at(cx))
    }
}
