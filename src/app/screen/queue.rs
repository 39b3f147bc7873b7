//! Queue: what is in it?

mod marks;
mod onsets;

use super::super::action::{Action, Scope};
use super::super::effect::{Act, Answer, Effect, FetchId, Query, ScanResult, Slot};
use super::super::list::{Cursor, Move};
use super::super::panel::{Context, Panel, Step};
use super::super::panes::Rect;
use super::super::toast::Toast;
use super::job::Job;
use super::queues::{bulk_act, next_age_change, queue_act};
use super::{Screen, moved, one};
use crate::engine::op::JobOp;
use crate::engine::read::page::{JobRow, Order, Page, PageQuery};
use crate::insight::find::Wanted;
use crate::monitor::{Interest, QueueRow};
use crate::operate::{Bulk, Only, Pace, Selection};
use crate::text::Clean;
use crate::wire::{Era, JobId, QueueId, State};

pub use marks::Marks;
pub use onsets::Beginnings;

/// Jobs that a filter looks at, at most.
pub const SCAN_BOUND: u64 = 200_000;
/// A page on screen is read again after this even when no event told of a change.
const STALE_MS: i64 = 5000;
/// Pages are read at most ten times a second.
const PACE_MS: i64 = 100;

/// A filter on the list: a bounded search in the background.
#[derive(Debug, Default)]
pub struct Filtered {
    /// As it was typed.
    pub typed: String,
    /// What was found so far.
    pub found: ScanResult,
    /// It was stopped by a person.
    pub stopped: bool,
    fetch: FetchId,
}

/// The screen.
#[derive(Debug)]
pub struct Queue {
    /// Which queue.
    pub id: QueueId,
    /// Which state's list is shown; `None` until the first look at the counts.
    pub tab: Option<State>,
    /// From which end.
    pub order: Order,
    /// Which job is selected.
    pub cursor: Cursor<JobId>,
    /// The stretch of the list that was read last.
    pub page: Option<Page>,
    /// Why it could not be read.
    pub error: Option<Clean>,
    /// Marked jobs.
    pub marks: Marks,
    /// The filter, if one is set.
    pub filtered: Option<Filtered>,
    /// When its errors began.
    pub beginnings: Beginnings,
    wanted: Option<(FetchId, PageQuery)>,
    asked_at: i64,
    touched: u64,
}

/// Rows of the body before the list: path, tabs, column names.
const HEAD: u16 = 3;

impl Queue {
    /// The screen of a queue, on the tab that its counts suggest.
    pub fn new(id: QueueId) -> Self {
        Self {
            id,
            tab: None,
            order: Order::Natural,
            cursor: Cursor::default(),
            page: None,
            error: None,
            marks: Marks::default(),
            filtered: None,
            beginnings: Beginnings::default(),
            wanted: None,
            asked_at: 0,
            touched: 0,
        }
    }

    /// Where the list stands in the body; beside it, on wide terminals, is the side panel.
    pub fn list(body: Rect) -> Rect {
        body.left(body.width - Self::side(body).width).below(HEAD).above(1)
    }

    /// Where the side panel stands: nowhere on narrow terminals.
    pub fn side(body: Rect) -> Rect {
        let width = if body.width >= 130 { 44 } else { 0 };
        Rect { x: body.x + body.width - width, width, ..body.below(2) }
    }

    /// The state of the tab.
    pub fn state(&self) -> State {
        self.tab.unwrap_or(State::Waiting)
    }

    /// How many rows the list has.
    pub fn len(&self, cx: &Context<'_>) -> u64 {
        if let Some(filtered) = &self.filtered {
            return filtered.found.rows.len() as u64;
        }
        let counted = cx.queue(&self.id).map(|row| tab_count(row, self.state()));
        let read = self.page.as_ref().filter(|page| page.query.state == self.state()).map(|page| page.total);
        // What was read with the rows belongs to them; before that the counts say how many come.
        read.or(counted).unwrap_or(0)
    }

    /// The row at an index, if it was read.
    pub fn row(&self, index: u64) -> Option<&JobRow> {
        if let Some(filtered) = &self.filtered {
            return filtered.found.rows.get(usize::try_from(index).ok()?);
        }
        let page = self.page.as_ref()?;
        page.rows.get(usize::try_from(index.checked_sub(page.query.offset)?).ok()?)
    }

    /// The selected row, if it was read.
    pub fn selected(&self) -> Option<&JobRow> {
        self.row(self.cursor.index)
    }

    fn index_of(&self, id: &JobId) -> Option<u64> {
        let (rows, offset) = match (&self.filtered, &self.page) {
            (Some(filtered), _) => (&filtered.found.rows, 0),
            (None, Some(page)) => (&page.rows, page.query.offset),
            (None, None) => return None,
        };
        rows.iter().position(|row| row.id == *id).map(|at| offset + at as u64)
    }

    /// The stretch that should be read for what is on screen: three screens around it.
    fn window(&self, cx: &Context<'_>) -> PageQuery {
        let height = u64::from(Self::list(cx.body).height).max(1);
        PageQuery {
            queue: self.id.clone(),
            state: self.state(),
            offset: self.cursor.top.saturating_sub(height),
            limit: (height * 3).min(300),
            order: self.order,
        }
    }

    /// Whether the rows on screen were read.
    fn covered(&self, cx: &Context<'_>) -> bool {
        let height = u64::from(Self::list(cx.body).height);
        let Some(page) = &self.page else { return false };
        let end = (self.cursor.top + height).min(page.total);
        page.query.state == self.state()
            && page.query.order == self.order
            && page.query.offset <= self.cursor.top
            && page.query.offset + page.rows.len() as u64 >= end
    }

    fn look(&mut self, cx: &Context<'_>) -> Vec<Step> {
        let Some(row) = cx.queue(&self.id) else { return Vec::new() };
        if self.tab.is_none() && row.sampled_at > 0 {
            self.tab = Some(first_tab(row));
        }
        if self.filtered.is_some() || self.tab.is_none() {
            return Vec::new();
        }
        let query = self.window(cx);
        let covered = self.covered(cx);
        if let Some((_, wanted)) = &self.wanted
            && (*wanted == query || covered)
        {
            return Vec::new();
        }
        let age = cx.now - self.asked_at;
        let moved = row.touched != self.touched && age >= PACE_MS;
        if covered && !moved && age < STALE_MS {
            return Vec::new();
        }
        self.touched = row.touched;
        self.asked_at = cx.now;
        let id = cx.ids.next();
        self.wanted = Some((id, query.clone()));
        vec![Step::Effect(Effect::Fetch(Slot::List, id, Query::Page(row.era, query)))]
    }

    fn settle(&mut self, cx: &Context<'_>) {
        let (len, height) = (self.len(cx), u64::from(Self::list(cx.body).height));
        let mut cursor = std::mem::take(&mut self.cursor);
        cursor.settle(len, height, |id| self.index_of(id), |at| self.row(at).map(|row| row.id.clone()));
        self.cursor = cursor;
    }

    fn step(&mut self, cx: &Context<'_>, by: Move) -> Vec<Step> {
        let (len, height) = (self.len(cx), u64::from(Self::list(cx.body).height));
        self.cursor.step(by, len, height);
        self.cursor.key = self.selected().map(|row| row.id.clone());
        self.look(cx)
    }

    fn open_tab(&mut self, cx: &Context<'_>, state: State) -> Vec<Step> {
        if self.tab != Some(state) {
            self.tab = Some(state);
            self.cursor = Cursor::default();
            self.page = None;
            self.wanted = None;
            self.error = None;
            self.order = Order::Natural;
            self.marks.clear();
            self.filtered = None;
        }
        self.look(cx)
    }

    /// What an act on jobs is about: the marked ones, or the selected one.
    fn selection(&self, cx: &Context<'_>) -> Option<(Selection, u64)> {
        if self.marks.all {
            return Some(self.everything(cx));
        }
        if !self.marks.is_empty() {
            return Some((Selection::Ids(self.marks.ids().cloned().collect()), self.marks.len()));
        }
        let id = self.cursor.key.clone().or_else(|| self.selected().map(|row| row.id.clone()))?;
        Some((Selection::Ids(vec![id]), 1))
    }

    /// The whole list as it is shown: the state, or what the filter has left of it. What a filter
    /// hides is never acted on.
    fn everything(&self, cx: &Context<'_>) -> (Selection, u64) {
        let count = self.len(cx);
        match &self.filtered {
            Some(_) => (Selection::Ids(self.found()), count),
            None => (Selection::All { state: self.state(), until: cx.redis_now() }, count),
        }
    }

    /// The jobs that the filter found so far.
    fn found(&self) -> Vec<JobId> {
        self.filtered.iter().flat_map(|filtered| &filtered.found.rows).map(|row| row.id.clone()).collect()
    }

    fn job_act(&mut self, cx: &Context<'_>, action: Action) -> Vec<Step> {
        let Some(row) = cx.queue(&self.id) else { return Vec::new() };
        let state = self.state();
        if let Some(bulk) = self.whole(action) {
            return bulk_act(cx, &self.id, bulk);
        }
        if action == Action::JobRetryAll && self.filtered.is_some() && state.is_finished() {
            return self.retry_found(cx, row.era);
        }
        let selection = match action {
            Action::JobRetryAll => Some(self.everything(cx)),
            _ => self.selection(cx),
        };
        let Some((selection, count)) = selection.filter(|(_, count)| *count > 0) else {
            return vec![Step::Toast(Toast::plain("no job is selected"))];
        };
        let op = match job_op(action, state) {
            Ok(op) => op,
            Err(why) => return vec![Step::Toast(Toast::plain(why))],
        };
        vec![Step::Act(Act::Jobs { queue: self.id.clone(), era: row.era, op, selection }, count)]
    }

    /// Retries what the filter found, at a pace like all acts on many jobs.
    fn retry_found(&self, cx: &Context<'_>, era: Era) -> Vec<Step> {
        let mut ids = self.found();
        if ids.is_empty() {
            return vec![Step::Toast(Toast::plain("no job is selected"))];
        }
        if self.order == Order::Natural {
            // The list has the newest first.
            ids.reverse();
        }
        let (queue, count) = (self.id.clone(), ids.len() as u64);
        let bulk = Bulk::Retry { from: self.state(), reset_attempts: false };
        let (until, pace, only) = (cx.redis_now(), Pace::default(), Some(Only::found(ids).into()));
        vec![Step::Act(Act::Bulk { queue, era, bulk, until, pace, only }, count)]
    }

    /// What an action means for the whole list, where it is about that: no filter hides a part of
    /// it, and no mark chooses one.
    fn whole(&self, action: Action) -> Option<Bulk> {
        let state = self.state();
        let unmarked = self.marks.is_empty() && !self.marks.all;
        match action {
            _ if self.filtered.is_some() => None,
            Action::JobRetryAll if state.is_finished() => {
                Some(Bulk::Retry { from: state, reset_attempts: false })
            }
            Action::JobRetry | Action::JobRetryAnew if self.marks.all && state.is_finished() => {
                Some(Bulk::Retry { from: state, reset_attempts: action == Action::JobRetryAnew })
            }
            Action::JobRemove if self.marks.all => Some(Bulk::Clean { state, limit: None }),
            Action::JobPromote if state == State::Delayed && (unmarked || self.marks.all) => {
                Some(Bulk::Promote)
            }
            _ => None,
        }
    }

    /// An act on jobs that stay: the marked ones where it can be done to many, else the selected one.
    fn edit(&self, cx: &Context<'_>, action: Action) -> Vec<Step> {
        let marked = self.marks.all || !self.marks.is_empty();
        if let (Some(op), Some(row), true) = (one::edit_op(action), cx.queue(&self.id), marked) {
            let Some((selection, count)) = self.selection(cx) else { return Vec::new() };
            return vec![Step::Act(Act::Jobs { queue: self.id.clone(), era: row.era, op, selection }, count)];
        }
        match self.cursor.key.clone().or_else(|| self.selected().map(|row| row.id.clone())) {
            Some(id) => one::job(cx, &self.id, &id, action),
            None => vec![Step::Toast(Toast::plain("no job is selected"))],
        }
    }

    /// Ends the filter's search where it is.
    fn stop(&mut self) -> Vec<Step> {
        let Some(filtered) = self.filtered.as_mut().filter(|filtered| !filtered.found.complete) else {
            return Vec::new();
        };
        filtered.found.complete = true;
        filtered.stopped = true;
        vec![Step::Effect(Effect::Cancel(Slot::Scan))]
    }

    fn clean(&self, cx: &Context<'_>) -> Vec<Step> {
        if self.filtered.is_some() {
            let text =
                "clean is about all jobs of the state: leave the filter (Esc), or mark (*) and remove (d)";
            return vec![Step::Toast(Toast::plain(text))];
        }
        bulk_act(cx, &self.id, Bulk::Clean { state: self.state(), limit: None })
    }

    fn mark(&mut self, cx: &Context<'_>, action: Action) -> Vec<Step> {
        let index = self.cursor.index;
        match action {
            Action::MarkAll if self.filtered.is_none() => self.marks.toggle_all(),
            Action::MarkAll => {
                let ids = self.found();
                self.marks.toggle_these(ids);
            }
            Action::MarkRange => {
                let from = self.marks.anchor.unwrap_or(index);
                let ids: Vec<JobId> = (from.min(index)..=from.max(index))
                    .filter_map(|at| self.row(at).map(|row| row.id.clone()))
                    .collect();
                self.marks.add(ids, index);
            }
            _ => {
                if let Some(id) = self.selected().map(|row| row.id.clone()) {
                    self.marks.toggle(id, index);
                    return self.step(cx, Move::By(1));
                }
            }
        }
        Vec::new()
    }
}

/// The jobs that a tab of a state counts.
pub fn tab_count(row: &QueueRow, state: State) -> u64 {
    row.counts.of(state)
}

/// The tab that a person most likely came for: what failed, else what is there.
fn first_tab(row: &QueueRow) -> State {
    use State::{Active, Delayed, Failed, Paused, Prioritized, Waiting, WaitingChildren};
    [Failed, Active, Waiting, Paused, Prioritized, Delayed, WaitingChildren]
        .into_iter()
        .find(|state| row.counts.of(*state) > 0)
        .unwrap_or(State::Completed)
}

/// The operation that an action means for jobs of a state, or why there is none.
pub(super) fn job_op(action: Action, state: State) -> Result<JobOp, Clean> {
    let here = |what: &str| Clean::line(format!("only {what}; this one is {}", state.name()));
    match action {
        Action::JobRetry | Action::JobRetryAnew | Action::JobRetryAll if state.is_finished() => {
            Ok(JobOp::Retry { from: state, reset_attempts: action == Action::JobRetryAnew })
        }
        Action::JobRetry | Action::JobRetryAnew | Action::JobRetryAll => {
            Err(here("a failed or completed job can be retried"))
        }
        Action::JobPromote if state == State::Delayed => Ok(JobOp::Promote),
        Action::JobPromote => Err(here("a delayed job can be promoted")),
        Action::JobRemove => Ok(JobOp::Remove { children: true }),
        _ => Err(Clean::line("that is not an act on a job")),
    }
}

/// Whether an act can do anything to a job of this state.
pub(super) fn suits(action: Action, state: State) -> bool {
    match action {
        Action::JobRetry | Action::JobRetryAll | Action::JobPromote => job_op(action, state).is_ok(),
        _ => true,
    }
}

impl Panel for Queue {
    fn offers(&self, action: Action) -> bool {
        let of_a_job = action == Action::Open || action.row().scope == Scope::OneJob;
        let none = self.page.as_ref().is_some_and(|page| page.rows.is_empty());
        !(of_a_job && none) && suits(action, self.state())
    }

    fn scopes(&self) -> &'static [Scope] {
        &[Scope::Jobs, Scope::OneJob, Scope::OneQueue, Scope::List, Scope::Tabs, Scope::Move]
    }

    fn path(&self) -> Vec<Clean> {
        vec![self.id.name.clean(), Clean::line(self.state().name())]
    }

    fn interest(&self, _cx: &Context<'_>) -> Interest {
        Interest { visible: vec![self.id.clone()], ..Interest::default() }
    }

    fn act(&mut self, cx: &Context<'_>, action: Action) -> Vec<Step> {
        if let Some(by) = moved(action) {
            return self.step(cx, by);
        }
        match action {
            Action::Open => match self.selected() {
                Some(row) => {
                    let job = Job::new(self.id.clone(), row.id.clone(), Some(self.state()));
                    vec![Step::Open(Box::new(Screen::Job(Box::new(job))))]
                }
                None => Vec::new(),
            },
            Action::NextTab | Action::PreviousTab => {
                let tabs = tabs(cx.queue(&self.id).map(|row| &**row));
                let at = tabs.iter().position(|state| *state == self.state()).unwrap_or(0);
                let by = if action == Action::NextTab { 1 } else { tabs.len() - 1 };
                self.open_tab(cx, tabs[(at + by) % tabs.len()])
            }
            Action::Reverse => {
                self.order = match self.order {
                    Order::Natural => Order::Reversed,
                    Order::Reversed => Order::Natural,
                };
                self.cursor = Cursor::default();
                self.page = None;
                self.look(cx)
            }
            Action::Mark | Action::MarkRange | Action::MarkAll => self.mark(cx, action),
            Action::JobRetry
            | Action::JobRetryAnew
            | Action::JobRetryAll
            | Action::JobPromote
            | Action::JobRemove => self.job_act(cx, action),
            Action::JobCopy => match self.selected() {
                Some(row) => vec![Step::Effect(Effect::Copy(row.shown_id.as_str().to_owned()))],
                None => Vec::new(),
            },
            Action::StopBulk => self.stop(),
            Action::QueueClean => self.clean(cx),
            Action::ScreenWhy => super::why::open(&self.id),
            Action::QueueDrain
            | Action::QueueObliterate
            | Action::QueuePause
            | Action::QueueMerge
            | Action::QueueAdd
            | Action::QueueLimits
            | Action::QueueFreeId => queue_act(cx, &self.id, action),
            other if other.row().scope == Scope::OneJob => self.edit(cx, other),
            _ => Vec::new(),
        }
    }

    fn refresh(&mut self, cx: &Context<'_>) -> Vec<Step> {
        self.settle(cx);
        let mut steps = self.look(cx);
        steps.extend(cx.queue(&self.id).and_then(|row| self.beginnings.look(cx, row)));
        steps
    }

    fn answer(
        &mut self,
        cx: &Context<'_>,
        id: FetchId,
        answer: Result<Answer, Clean>,
    ) -> Result<Vec<Step>, Result<Answer, Clean>> {
        let answer = match self.beginnings.answer(cx.now, id, answer) {
            Ok(()) => return Ok(Vec::new()),
            Err(answer) => answer,
        };
        if let Some(filtered) = &mut self.filtered
            && filtered.fetch == id
        {
            match answer {
                Ok(Answer::Scan(found)) => filtered.found = found,
                Ok(other) => return Err(Ok(other)),
                Err(why) => self.error = Some(why),
            }
            self.settle(cx);
            return Ok(Vec::new());
        }
        if self.wanted.as_ref().is_none_or(|(wanted, _)| *wanted != id) {
            return Err(answer);
        }
        self.wanted = None;
        match answer {
            Ok(Answer::Page(page)) => {
                self.page = Some(page);
                self.error = None;
            }
            Ok(other) => return Err(Ok(other)),
            Err(why) => self.error = Some(why),
        }
        self.settle(cx);
        // The cursor may have moved on while the answer was on its way.
        Ok(self.look(cx))
    }

    fn filter(&mut self, cx: &Context<'_>, text: &str, done: bool) -> Vec<Step> {
        if text.is_empty() {
            if self.filtered.take().is_some() {
                self.cursor = Cursor::default();
                let mut steps = vec![Step::Effect(Effect::Cancel(Slot::Scan))];
                steps.extend(self.look(cx));
                return steps;
            }
            return Vec::new();
        }
        // Each key would start a search over many thousand jobs: it starts with Enter.
        let Some(row) = cx.queue(&self.id).filter(|_| done) else { return Vec::new() };
        let fetch = cx.ids.next();
        let query = PageQuery { offset: 0, ..self.window(cx) };
        let scan = Query::Scan { era: row.era, query, wanted: Wanted::parse(text), bound: SCAN_BOUND };
        self.filtered =
            Some(Filtered { typed: text.to_owned(), found: ScanResult::default(), stopped: false, fetch });
        self.cursor = Cursor::default();
        self.marks.clear();
        vec![Step::Effect(Effect::Fetch(Slot::Scan, fetch, scan))]
    }

    fn runs(&mut self, act: &Act) {
        if matches!(act, Act::Jobs { queue, .. } | Act::Bulk { queue, .. } if *queue == self.id) {
            self.marks.clear();
        }
    }

    fn filter_text(&self) -> Option<&str> {
        Some(self.filtered.as_ref().map_or("", |filtered| &filtered.typed))
    }

    fn click(&mut self, cx: &Context<'_>, column: u16, row: u16) -> Vec<Step> {
        let list = Self::list(cx.body);
        let clicked = self.cursor.clicked(cx.body, list, row, self.len(cx));
        if let Some(index) = clicked.filter(|_| column < list.width) {
            self.cursor.select(index, self.row(index).map(|row| row.id.clone()));
        }
        Vec::new()
    }

    fn wake_at(&self, cx: &Context<'_>) -> Option<i64> {
        let height = u64::from(Self::list(cx.body).height);
        let shown = (self.cursor.top..self.cursor.top + height).filter_map(|at| self.row(at));
        let moments = shown.filter_map(|row| row.finished_on.or(row.processed_on).or(row.timestamp));
        let ages = moments
            .map(|at| next_age_change(at, cx.redis_now()).saturating_sub(cx.snapshot.clock_offset_ms))
            .min();
        // Lists of queues without an event stream, and figures that no event tells of.
        let stale = self.asked_at + STALE_MS;
        ages.into_iter().chain(Some(stale.max(cx.now + PACE_MS))).min()
    }
}

/// The tabs of a queue: all states that its era has.
pub fn tabs(row: Option<&QueueRow>) -> Vec<State> {
    State::ALL
        .into_iter()
        .filter(|state| match (state, row) {
            // Up to era 3 prioritised jobs are among the waiting ones; era 6 has no paused list,
            // but what older writers left there is shown.
            (State::Prioritized, Some(row)) => row.era >= Era::V4,
            (State::Paused, Some(row)) => row.counts.paused > 0 || (row.paused && row.era < Era::V6),
            (State::WaitingChildren, Some(row)) => row.era > Era::Bull4,
            _ => true,
        })
        .collect()
}
