//! Workers: who does what?

mod jobs;
mod row;

use std::collections::HashMap;

use super::super::action::{Action, Scope};
use super::super::effect::{Answer, Effect, FetchId, Needle, Query, Slot};
use super::super::list::after;
use super::super::panel::{Context, Panel, Step};
use super::super::panes::Rect;
use super::super::rows::Rows;
use super::queue::Queue;
use super::{Screen, moved};
use crate::engine::read::running::Running;
use crate::insight::workers::Usuals;
use crate::monitor::workers::Connected;
use crate::monitor::{Interest, QueueRow};
use crate::text::Clean;
use crate::wire::{Era, QueueId};

pub use jobs::WorkerJobs;
pub use row::{Doing, Kind, Place, Row};

/// Rows of the body above the list: heading, column names.
const HEAD: u16 = 2;
/// What runs is read so often while it is on screen, ms; with many busy queues less often: so much for each.
const READ_MS: i64 = 2000;
const EACH_MS: i64 = 25;
/// An answer that does not come is asked for again after this, ms.
const LOST_MS: i64 = 60_000;
/// What is usual is learnt anew after this, ms ..
const USUAL_MS: i64 = 60_000;
/// .. of so many queues in one reading.
const USUAL_QUEUES: usize = 10;
/// Jobs of one queue that are read for the list.
const JOBS: u64 = 100;

/// What is to be read.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Wanted {
    /// Queues whose running jobs are listed.
    pub queues: Vec<(Era, QueueId)>,
    /// At most so many jobs of each.
    pub jobs: u64,
    /// Queues of which it is to be learnt how long jobs usually take.
    pub usual: Vec<QueueId>,
}

/// Running jobs of one queue.
#[derive(Clone, PartialEq, Debug)]
pub struct OfQueue {
    /// Which queue.
    pub queue: QueueId,
    /// How many run.
    pub total: u64,
    /// Those that started first, or why they could not be read.
    pub found: Result<Vec<Running>, Clean>,
    /// Redis's clock when they were read, ms since the epoch.
    pub at: i64,
}

/// What was read so far.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Read {
    /// Running jobs by queue.
    pub queues: Vec<OfQueue>,
    /// What is usual, by queue.
    pub usuals: Vec<(QueueId, Usuals)>,
    /// All was read.
    pub complete: bool,
}

/// What is known of running jobs, and how it is kept fresh.
#[derive(Debug, Default)]
pub(super) struct Watch {
    by_queue: HashMap<QueueId, OfQueue>,
    usuals: HashMap<QueueId, (i64, Usuals)>,
    wanted: Option<FetchId>,
    asked_at: i64,
    /// Something was read to its end.
    read: bool,
    error: Option<Clean>,
    every: i64,
}

impl Watch {
    /// Asks for what is old; `only`: of one queue, and more of its jobs.
    fn look(&mut self, cx: &Context<'_>, only: Option<&QueueId>) -> Vec<Step> {
        let since = cx.now - self.asked_at;
        if (self.wanted.is_some() && since < LOST_MS) || (self.read && since < self.every) {
            return Vec::new();
        }
        let busy = |row: &&std::sync::Arc<QueueRow>| {
            row.counts.active > 0 && only.is_none_or(|only| row.id == *only)
        };
        let queues: Vec<(Era, QueueId)> =
            cx.snapshot.queues.iter().filter(busy).map(|row| (row.era, row.id.clone())).collect();
        self.every = READ_MS + EACH_MS * i64::try_from(queues.len()).unwrap_or(0);
        let old = |id: &QueueId| self.usuals.get(id).is_none_or(|(at, _)| cx.now - at >= USUAL_MS);
        let usual: Vec<QueueId> =
            queues.iter().map(|(_, id)| id.clone()).filter(old).take(USUAL_QUEUES).collect();
        if queues.is_empty() {
            self.by_queue.clear();
            (self.read, self.asked_at) = (true, cx.now);
            return Vec::new();
        }
        let jobs = if only.is_some() { 1000 } else { JOBS };
        let id = cx.ids.next();
        (self.wanted, self.asked_at) = (Some(id), cx.now);
        let wanted = Wanted { queues, jobs, usual };
        vec![Step::Effect(Effect::Fetch(Slot::Workers, id, Query::Workers(wanted)))]
    }

    /// Whether an answer of this number is for it.
    fn waits_for(&self, id: FetchId) -> bool {
        self.wanted == Some(id)
    }

    /// Takes an answer that is for it.
    fn answer(&mut self, cx: &Context<'_>, answer: Result<Answer, Clean>) {
        match answer {
            Ok(Answer::Workers(read)) => {
                self.error = None;
                for (queue, usuals) in read.usuals {
                    self.usuals.insert(queue, (cx.now, usuals));
                }
                if read.complete {
                    self.wanted = None;
                    self.read = true;
                    self.by_queue.clear();
                }
                if !read.complete && self.read {
                    return;
                }
                for of in read.queues {
                    if let Err(why) = &of.found {
                        self.error = Some(Clean::line(format!("{}: {why}", of.queue.name.clean())));
                    }
                    self.by_queue.insert(of.queue.clone(), of);
                }
            }
            Ok(_) => self.wanted = None,
            Err(why) => {
                self.wanted = None;
                self.error = Some(why);
            }
        }
    }

    fn usuals(&self, queue: &QueueId) -> Option<&Usuals> {
        self.usuals.get(queue).map(|(_, usuals)| usuals)
    }

    fn wake_at(&self, cx: &Context<'_>) -> i64 {
        (self.asked_at + self.every.max(200)).max(cx.now + 200).min(super::super::next_second(cx.now))
    }
}

/// What the rows are sorted by.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Sort {
    /// What needs somebody first, then by queue and worker.
    #[default]
    Trouble,
    /// By queue.
    Queue,
    /// By worker.
    Worker,
    /// By running jobs, most first.
    Jobs,
    /// By the job that has been running longest.
    Oldest,
    /// By when they connected, newest first.
    Since,
}

impl Sort {
    const ALL: [Self; 6] = [Self::Trouble, Self::Queue, Self::Worker, Self::Jobs, Self::Oldest, Self::Since];

    /// Its name on screen.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Trouble => "trouble",
            Self::Queue => "queue",
            Self::Worker => "worker",
            Self::Jobs => "jobs",
            Self::Oldest => "longest job",
            Self::Since => "since",
        }
    }

    fn next(self) -> Self {
        after(&Self::ALL, self)
    }
}

/// The screen.
#[derive(Debug, Default)]
pub struct Workers {
    /// The rows, filtered and sorted.
    pub rows: Rows<Row>,
    /// What the rows are sorted by.
    pub sort: Sort,
    /// The other way round.
    pub reversed: bool,
    /// The filter as it was typed.
    pub filter: String,
    /// Connections of workers, shown or not.
    pub connected: usize,
    /// Rows with a fault, shown or not.
    pub faulty: usize,
    /// Rows, shown or not.
    pub known: usize,
    watch: Watch,
}

impl Workers {
    /// Where the list stands in the body.
    pub fn list(body: Rect) -> Rect {
        body.below(HEAD).above(Self::foot(body))
    }

    /// Rows below the list: what is to be said of the selected one.
    pub const fn foot(body: Rect) -> u16 {
        match body.height {
            0..=8 => 0,
            9..=25 => 4,
            _ => 7,
        }
    }

    /// Why running jobs could not be read.
    pub fn error(&self) -> Option<&Clean> {
        self.watch.error.as_ref()
    }

    /// Running jobs were read at least once.
    pub fn read(&self) -> bool {
        self.watch.read
    }

    fn arrange(&mut self, cx: &Context<'_>) {
        let mut rows = Vec::new();
        for queue in &cx.snapshot.queues {
            row::of_queue(
                cx,
                queue,
                self.watch.by_queue.get(&queue.id),
                self.watch.usuals(&queue.id),
                &mut rows,
            );
        }
        self.known = rows.len();
        self.faulty = rows.iter().filter(|row| row.is_fault()).count();
        self.connected = rows.iter().filter(|row| row.kind == Kind::Worker).count();
        let needle = Needle::parse(&self.filter);
        if !self.filter.is_empty() {
            rows.retain(|row| {
                let name = row.queue.name.clean();
                let jobs = row.jobs.iter().flat_map(|job| [job.shown_id.as_str(), job.name.as_str()]);
                let own = [name.as_str(), row.name.as_str(), row.address.as_str()];
                needle.passes(own.into_iter().chain(jobs))
            });
        }
        let name = |row: &Row| (row.queue.name.clean(), row.name.clone());
        match self.sort {
            Sort::Trouble => {
                rows.sort_by_key(|row| (row.rank(), name(row), row.id));
            }
            Sort::Queue => rows.sort_by_key(|row| (name(row), row.id)),
            Sort::Worker => rows.sort_by_key(|row| (row.name.clone(), row.id)),
            Sort::Jobs => rows.sort_by_key(|row| std::cmp::Reverse(row.running)),
            Sort::Oldest => rows.sort_by_key(|row| row.oldest_at().unwrap_or(i64::MAX)),
            Sort::Since => rows.sort_by_key(|row| std::cmp::Reverse(row.since.unwrap_or(i64::MIN))),
        }
        if self.reversed {
            rows.reverse();
        }
        self.rows.set(rows, Self::list(cx.body).height);
    }
}

/// Whether it may be known who is connected.
pub fn is_permitted(cx: &Context<'_>) -> bool {
    !matches!(cx.snapshot.connected, Connected::NotPermitted)
}

impl Panel for Workers {
    fn scopes(&self) -> &'static [Scope] {
        &[Scope::Workers, Scope::List, Scope::Move]
    }

    fn path(&self) -> Vec<Clean> {
        vec![Clean::line("Workers")]
    }

    fn interest(&self, cx: &Context<'_>) -> Interest {
        let visible = self.rows.visible(Self::list(cx.body).height);
        let mut visible: Vec<QueueId> = visible.map(|(row, _)| row.queue.clone()).collect();
        visible.sort_unstable();
        visible.dedup();
        Interest { visible, ..Interest::default() }
    }

    fn act(&mut self, cx: &Context<'_>, action: Action) -> Vec<Step> {
        if let Some(by) = moved(action) {
            self.rows.step(by, Self::list(cx.body).height);
            return Vec::new();
        }
        match action {
            Action::Open => {
                let Some(row) = self.rows.selected() else { return Vec::new() };
                let screen = if row.jobs.is_empty() {
                    Screen::Queue(Box::new(Queue::new(row.queue.clone())))
                } else {
                    Screen::WorkerJobs(Box::new(WorkerJobs::new(row.clone())))
                };
                return vec![Step::Open(Box::new(screen))];
            }
            Action::WorkersSort => self.sort = self.sort.next(),
            Action::Reverse => self.reversed = !self.reversed,
            _ => return Vec::new(),
        }
        self.arrange(cx);
        Vec::new()
    }

    fn refresh(&mut self, cx: &Context<'_>) -> Vec<Step> {
        self.arrange(cx);
        self.watch.look(cx, None)
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

    fn filter(&mut self, cx: &Context<'_>, text: &str, _done: bool) -> Vec<Step> {
        text.clone_into(&mut self.filter);
        self.arrange(cx);
        Vec::new()
    }

    fn filter_text(&self) -> Option<&str> {
        Some(&self.filter)
    }

    fn click(&mut self, cx: &Context<'_>, _column: u16, row: u16) -> Vec<Step> {
        self.rows.click(cx.body, Self::list(cx.body), row);
        Vec::new()
    }

    fn wake_at(&self, cx: &Context<'_>) -> Option<i64> {
        Some(self.watch.wake_at(cx))
    }
}
