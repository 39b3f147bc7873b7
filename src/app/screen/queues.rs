//! Queues: which queue is in trouble?

use std::sync::Arc;

use super::super::action::{Action, Scope};
use super::super::effect::{Act, Needle};
use super::super::list::after;
use super::super::panel::{Context, Panel, Step};
use super::super::panes::Rect;
use super::super::rows::{self, Rows};
use super::super::toast::Toast;
use super::queue::Queue;
use super::{Screen, moved, one};
use crate::engine::op::QueueOp;
use crate::insight::{Fault, faults};
use crate::monitor::{Interest, QueueRow};
use crate::operate::{Bulk, Pace};
use crate::text::Clean;
use crate::wire::QueueId;

/// What the rows are sorted by.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Sort {
    /// Faulty queues first, worst first, then by name.
    #[default]
    Faults,
    /// By name.
    Name,
    /// By waiting jobs, most first.
    Waiting,
    /// By active jobs.
    Active,
    /// By delayed jobs.
    Delayed,
    /// By failed jobs.
    Failed,
    /// By completed jobs.
    Completed,
    /// By rate in.
    In,
    /// By rate out.
    Out,
    /// By share of failures.
    FailureShare,
    /// By age of the oldest waiting job.
    Oldest,
}

impl Sort {
    const ALL: [Self; 11] = [
        Self::Faults,
        Self::Name,
        Self::Waiting,
        Self::Active,
        Self::Delayed,
        Self::Failed,
        Self::Completed,
        Self::In,
        Self::Out,
        Self::FailureShare,
        Self::Oldest,
    ];

    /// Its name on screen.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Faults => "faults",
            Self::Name => "name",
            Self::Waiting => "waiting",
            Self::Active => "active",
            Self::Delayed => "delayed",
            Self::Failed => "failed",
            Self::Completed => "completed",
            Self::In => "in/s",
            Self::Out => "out/s",
            Self::FailureShare => "fail%",
            Self::Oldest => "oldest",
        }
    }

    fn next(self) -> Self {
        after(&Self::ALL, self)
    }
}

/// A row as it is shown: with its faults, found once for each snapshot.
#[derive(Clone, Debug)]
pub struct Shown {
    /// The queue.
    pub row: Arc<QueueRow>,
    /// What is wrong with it, worst first.
    pub faults: Vec<Fault>,
}

impl rows::Row for Shown {
    type Key = QueueId;

    fn key(&self) -> QueueId {
        self.row.id.clone()
    }
}

/// The screen.
#[derive(Debug, Default)]
pub struct Queues {
    /// What the rows are sorted by.
    pub sort: Sort,
    /// The other way round.
    pub reversed: bool,
    /// Only queues with a fault.
    pub only_faults: bool,
    /// The filter as it was typed.
    pub filter: String,
    /// The rows, filtered and sorted.
    pub rows: Rows<Shown>,
    /// How many queues have a fault, shown or not.
    pub faulty: usize,
}

/// Rows of the body that are not the list: heading, column names; and below: totals and the
/// sentences.
const HEAD: u16 = 2;

impl Queues {
    /// Where the rows of the list stand in the body.
    pub fn list(body: Rect) -> Rect {
        body.below(HEAD).above(Self::foot(body))
    }

    /// How many rows the totals and the sentences take.
    pub fn foot(body: Rect) -> u16 {
        match body.height {
            0..=8 => 0,
            9..=19 => 3,
            20..=25 => 4,
            26..=40 => 8,
            _ => 12,
        }
    }

    fn arrange(&mut self, cx: &Context<'_>) {
        let now = cx.judged_at();
        let needle = Needle::parse(&self.filter);
        self.faulty = 0;
        let mut rows = Vec::with_capacity(cx.snapshot.queues.len());
        for row in &cx.snapshot.queues {
            let faults = faults(row, now);
            self.faulty += usize::from(!faults.is_empty());
            let hidden = self.only_faults && faults.is_empty();
            if !hidden && (self.filter.is_empty() || needle.passes([row.name.as_str()].into_iter())) {
                rows.push(Shown { row: row.clone(), faults });
            }
        }
        // The sort is stable: equal rows keep the snapshot's order, which is by name.
        match self.sort {
            Sort::Faults => {
                rows.sort_by_key(|shown| shown.faults.first().copied().map_or((1, None), |f| (0, Some(f))));
            }
            Sort::Name => {}
            Sort::Oldest => rows.sort_by_key(|shown| shown.row.oldest_at.unwrap_or(i64::MAX)),
            sort => rows.sort_by(|a, b| figure(sort, &b.row).total_cmp(&figure(sort, &a.row))),
        }
        if self.reversed {
            rows.reverse();
        }
        self.rows.set(rows, Self::list(cx.body).height);
    }
}

fn figure(sort: Sort, row: &QueueRow) -> f64 {
    let counts = &row.counts;
    match sort {
        Sort::Waiting => row.ready() as f64,
        Sort::Active => counts.active as f64,
        Sort::Delayed => counts.delayed as f64,
        Sort::Failed => counts.failed as f64,
        Sort::Completed => counts.completed as f64,
        Sort::In => row.in_per_s.unwrap_or(-1.0),
        Sort::Out => row.out_per_s.unwrap_or(-1.0),
        Sort::FailureShare => row.failure_share.unwrap_or(-1.0),
        Sort::Faults | Sort::Name | Sort::Oldest => 0.0,
    }
}

/// Pausing and resuming, merging: the same wherever a queue is chosen.
pub(super) fn queue_act(cx: &Context<'_>, id: &QueueId, action: Action) -> Vec<Step> {
    let Some(row) = cx.queue(id) else { return Vec::new() };
    if let Some(steps) = one::queue(cx, id, action) {
        return steps;
    }
    let op = match action {
        Action::QueueDrain => return bulk_act(cx, id, Bulk::Drain { delayed: false }),
        Action::QueueObliterate => return bulk_act(cx, id, Bulk::Obliterate { force: false }),
        Action::QueuePause if row.paused => QueueOp::Resume,
        Action::QueuePause => QueueOp::Pause { fleet: cx.config.fleet.unwrap_or_default() },
        _ if row.split => QueueOp::Merge,
        _ => {
            let text = format!("{} is not split: its jobs are in one list", row.name);
            return vec![Step::Toast(Toast::plain(text))];
        }
    };
    vec![Step::Act(Act::Queue { queue: id.clone(), era: row.era, op }, row.backlog)]
}

/// An act on whole states of a queue: on what is there now.
pub(super) fn bulk_act(cx: &Context<'_>, id: &QueueId, bulk: Bulk) -> Vec<Step> {
    let Some(row) = cx.queue(id) else { return Vec::new() };
    let count = bulk.states().into_iter().map(|state| row.counts.of(state)).sum();
    if count == 0 && !matches!(bulk, Bulk::Obliterate { .. } | Bulk::Drain { .. }) {
        return vec![Step::Toast(Toast::plain(format!("nothing to {}", bulk.action().word())))];
    }
    let (until, pace) = (cx.redis_now(), Pace::default());
    vec![Step::Act(Act::Bulk { queue: id.clone(), era: row.era, bulk, until, pace, only: None }, count)]
}

impl Panel for Queues {
    fn scopes(&self) -> &'static [Scope] {
        &[Scope::Queues, Scope::OneQueue, Scope::List, Scope::Move]
    }

    fn path(&self) -> Vec<Clean> {
        vec![Clean::line("Queues")]
    }

    fn interest(&self, cx: &Context<'_>) -> Interest {
        let visible = self.rows.visible(Self::list(cx.body).height);
        Interest { visible: visible.map(|(shown, _)| shown.row.id.clone()).collect(), ..Interest::default() }
    }

    fn act(&mut self, cx: &Context<'_>, action: Action) -> Vec<Step> {
        if let Some(by) = moved(action) {
            self.rows.step(by, Self::list(cx.body).height);
            return Vec::new();
        }
        match action {
            Action::Open => {
                self.rows.hold();
                let Some(shown) = self.rows.selected() else { return Vec::new() };
                return vec![Step::Open(Box::new(Screen::Queue(Box::new(Queue::new(shown.row.id.clone())))))];
            }
            Action::Sort => self.sort = self.sort.next(),
            Action::Reverse => self.reversed = !self.reversed,
            Action::Faults => self.only_faults = !self.only_faults,
            Action::ScreenWhy => {
                self.rows.hold();
                return self.rows.key().map(super::why::open).unwrap_or_default();
            }
            Action::QueuePause
            | Action::QueueMerge
            | Action::QueueDrain
            | Action::QueueObliterate
            | Action::QueueAdd
            | Action::QueueLimits
            | Action::QueueFreeId => {
                let Some(id) = self.rows.key().cloned() else { return Vec::new() };
                // The next key is meant for the same queue, wherever the act sorts it to.
                self.rows.hold();
                return queue_act(cx, &id, action);
            }
            _ => return Vec::new(),
        }
        self.arrange(cx);
        Vec::new()
    }

    fn refresh(&mut self, cx: &Context<'_>) -> Vec<Step> {
        self.arrange(cx);
        Vec::new()
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
        // A changed cell glows for a second; ages that are shown grow.
        let height = Self::list(cx.body).height;
        let rows = || self.rows.visible(height).map(|(shown, _)| &shown.row);
        let glow =
            rows().flat_map(|row| row.changed_at).map(|at| at + GLOW_MS).filter(|end| *end > cx.now).min();
        let ages = rows().filter_map(|row| row.oldest_at).map(|at| next_age_change(at, cx.redis_now())).min();
        let ages = ages.map(|at| at.saturating_sub(cx.snapshot.clock_offset_ms));
        glow.into_iter().chain(ages).min()
    }
}

/// How long a changed cell glows.
pub const GLOW_MS: i64 = 1000;

/// When the age of something from `at` next reads differently.
pub fn next_age_change(at: i64, now: i64) -> i64 {
    let age = now.saturating_sub(at).max(0);
    let unit = match age {
        0..60_000 => 1000,
        60_000..3_600_000 => 60_000,
        3_600_000..86_400_000 => 3_600_000,
        _ => 86_400_000,
    };
    at.saturating_add((age / unit).saturating_add(1).saturating_mul(unit))
}
