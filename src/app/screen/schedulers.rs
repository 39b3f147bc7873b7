//! Schedulers: what comes next, what was missed?

mod recipe;

use super::super::action::{Action, Scope};
use super::super::draft::Edited;
use super::super::effect::{Act, Answer, Effect, FetchId, Needle, Query, Slot};
use super::super::list::after;
use super::super::panel::{Context, Panel, Step};
use super::super::panes::Rect;
use super::super::rows::{self, Rows};
use super::super::toast::Toast;
use super::job::Job;
use super::{Screen, moved};
use crate::engine::op::SchedulerOp;
use crate::engine::read::Standing;
use crate::engine::read::schedulers::Generation;
use crate::insight::scheduler::{Health, Phase, rule};
use crate::monitor::Interest;
use crate::operate::Edit;
use crate::text::Clean;
use crate::wire::{Era, QueueId, Raw};
use recipe::Recipe;

/// Rows of the body above the list: heading, column names.
const HEAD: u16 = 2;
/// The schedulers are read so often while they are on screen, ms; with many of them less often: so much for each.
const READ_MS: i64 = 4000;
const EACH_MS: i64 = 10;
/// An answer that does not come is asked for again after this, ms.
const LOST_MS: i64 = 60_000;

/// What the rows are sorted by.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Sort {
    /// Dead and overdue ones first, then by the next run; those that ended last.
    #[default]
    Next,
    /// By queue.
    Queue,
    /// By name of the scheduler.
    Name,
    /// By how late the last run was.
    Drift,
}

impl Sort {
    const ALL: [Self; 4] = [Self::Next, Self::Queue, Self::Name, Self::Drift];

    /// Its name on screen.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Next => "next run",
            Self::Queue => "queue",
            Self::Name => "scheduler",
            Self::Drift => "drift",
        }
    }

    fn next(self) -> Self {
        after(&Self::ALL, self)
    }
}

/// Schedulers of one queue, as they were read.
#[derive(Clone, Debug, PartialEq)]
pub struct OfQueue {
    /// Which queue.
    pub queue: QueueId,
    /// How many it has.
    pub total: u64,
    /// Those that were read, next run first, with how they did at that moment, or why they could not be.
    pub found: Result<Vec<(Standing, Health)>, Clean>,
}

/// What was read so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Read {
    /// By queue.
    pub queues: Vec<OfQueue>,
    /// How many queues are to be read.
    pub of: usize,
    /// All of them were.
    pub complete: bool,
}

/// A scheduler, with what is to be said of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Whose.
    pub queue: QueueId,
    /// As it stands.
    pub standing: Standing,
    /// Its key, shown.
    pub key: Clean,
    /// The rule in words.
    pub rule: Clean,
    /// How it does.
    pub health: Health,
}

impl Row {
    fn new(queue: &QueueId, standing: &Standing, health: &Health) -> Self {
        let key = match standing.scheduler.generation {
            // All of an older one's rule stands in its key, or a hash of it: its name says more.
            Generation::Legacy | Generation::Repeatable if !standing.scheduler.name.is_empty() => {
                standing.scheduler.name.clone()
            }
            _ => standing.scheduler.key.clean(),
        };
        Self {
            queue: queue.clone(),
            key,
            rule: rule(&standing.scheduler),
            health: health.clone(),
            standing: standing.clone(),
        }
    }
}

impl rows::Row for Row {
    type Key = (QueueId, Raw);

    fn key(&self) -> Self::Key {
        (self.queue.clone(), self.standing.scheduler.key.clone())
    }
}

/// The screen.
#[derive(Debug, Default)]
pub struct Schedulers {
    /// The rows, filtered and sorted.
    pub rows: Rows<Row>,
    /// What the rows are sorted by.
    pub sort: Sort,
    /// The other way round.
    pub reversed: bool,
    /// The filter as it was typed.
    pub filter: String,
    /// All rows, whether they pass or not.
    all: Vec<Row>,
    /// How far the reading has come: queues read, queues with schedulers.
    pub progress: Option<(usize, usize)>,
    /// Schedulers that there are, read or not.
    pub total: u64,
    /// Why a queue, or all, could not be read.
    pub error: Option<Clean>,
    /// Something was read to its end.
    pub read: bool,
    wanted: Option<FetchId>,
    asked_at: i64,
    /// A text of the person's own, in the editor or refused.
    recipe: Option<Recipe>,
}

impl Schedulers {
    /// Where the list stands in the body.
    pub fn list(body: Rect) -> Rect {
        body.below(HEAD).above(Self::foot(body))
    }

    /// Rows below the list: what is to be said of the selected one.
    pub const fn foot(body: Rect) -> u16 {
        match body.height {
            0..=8 => 0,
            9..=25 => 4,
            _ => 6,
        }
    }

    /// How many need somebody, shown or not.
    pub fn faulty(&self) -> usize {
        self.all.iter().filter(|row| row.health.is_fault()).count()
    }

    /// How many were read, shown or not.
    pub fn known(&self) -> usize {
        self.all.len()
    }

    fn arrange(&mut self, cx: &Context<'_>) {
        let needle = Needle::parse(&self.filter);
        let passes = |row: &&Row| {
            let name = row.queue.name.clean();
            let scheduler = &row.standing.scheduler;
            let texts = [&name, &row.key, &scheduler.name, &row.rule].map(Clean::as_str);
            self.filter.is_empty() || needle.passes(texts.into_iter().chain([row.health.word()]))
        };
        let mut rows: Vec<Row> = self.all.iter().filter(passes).cloned().collect();
        match self.sort {
            Sort::Next => rows.sort_by_key(|row| (rank(row.health.phase), row.standing.scheduler.next_at)),
            Sort::Queue => rows.sort_by_key(|row| row.queue.name.clean()),
            Sort::Name => rows.sort_by_key(|row| row.key.clone()),
            Sort::Drift => rows.sort_by_key(|row| std::cmp::Reverse(row.health.drift_ms)),
        }
        if self.reversed {
            rows.reverse();
        }
        self.rows.set(rows, Self::list(cx.body).height);
    }

    fn often(&self) -> i64 {
        READ_MS + EACH_MS * i64::try_from(self.all.len()).unwrap_or(0)
    }

    fn look(&mut self, cx: &Context<'_>) -> Vec<Step> {
        let since = cx.now - self.asked_at;
        let waits = self.wanted.is_some() && since < LOST_MS;
        if waits || (self.read && since < self.often()) {
            return Vec::new();
        }
        let with = cx.snapshot.queues.iter().filter(|row| row.schedulers > 0);
        let queues: Vec<(Era, QueueId)> = with.map(|row| (row.era, row.id.clone())).collect();
        if queues.is_empty() {
            // Nobody has any, as far as is known.
            self.take(cx, &Read { complete: cx.snapshot.discovery.complete, ..Read::default() });
            return Vec::new();
        }
        let id = cx.ids.next();
        (self.wanted, self.asked_at) = (Some(id), cx.now);
        vec![Step::Effect(Effect::Fetch(Slot::Schedulers, id, Query::Schedulers(queues)))]
    }

    /// Takes what was read; while a later reading is under way the earlier rows stay.
    fn take(&mut self, cx: &Context<'_>, read: &Read) {
        self.progress = (!read.complete).then_some((read.queues.len(), read.of));
        if self.read && !read.complete {
            return;
        }
        self.read |= read.complete;
        self.total = read.queues.iter().fold(0, |all, queue| queue.total.saturating_add(all));
        self.error = None;
        self.all.clear();
        for of in &read.queues {
            match &of.found {
                Ok(found) => {
                    self.all.extend(found.iter().map(|(one, health)| Row::new(&of.queue, one, health)));
                }
                Err(why) => self.error = Some(Clean::line(format!("{}: {why}", of.queue.name.clean()))),
            }
        }
        self.arrange(cx);
    }

    fn edit(&self, cx: &Context<'_>, op: SchedulerOp) -> Vec<Step> {
        let Some(row) = self.rows.selected() else { return nothing_selected() };
        let Some(queue) = cx.queue(&row.queue) else { return nothing_selected() };
        let edit = Edit::Scheduler { key: row.standing.scheduler.key.clone(), op };
        vec![Step::Act(Act::Edit { queue: row.queue.clone(), era: queue.era, edits: vec![edit] }, 1)]
    }

    /// Opens the editor with the schedule of the selected one, or with an empty one.
    fn write(&mut self, cx: &Context<'_>, new: bool) -> Vec<Step> {
        let Some(row) = self.rows.selected().cloned() else { return nothing_selected() };
        let Some(queue) = cx.queue(&row.queue) else { return nothing_selected() };
        let id = cx.ids.next();
        let kept = self.recipe.take().filter(|kept| kept.is_about(&row, new));
        let recipe = match kept {
            Some(kept) => Ok(kept),
            None if new => Recipe::new(row.queue.clone(), queue.era),
            None => Recipe::of(&row, queue.era),
        };
        match recipe {
            Ok(recipe) => {
                let text = recipe.text();
                self.recipe = Some(recipe.open(id));
                vec![Step::Effect(Effect::Editor(id, text))]
            }
            Err(why) => vec![Step::Toast(Toast::bad(why))],
        }
    }
}

fn nothing_selected() -> Vec<Step> {
    vec![Step::Toast(Toast::plain("no scheduler is selected"))]
}

/// Dead first, then what is overdue, then all that comes, then what ended.
const fn rank(phase: Phase) -> u8 {
    match phase {
        Phase::Dead(_) => 0,
        Phase::Overdue | Phase::Stalled | Phase::Unknown(_) => 1,
        Phase::Due | Phase::Starting | Phase::Ahead => 2,
        Phase::Ended(_) => 3,
    }
}

impl Panel for Schedulers {
    fn scopes(&self) -> &'static [Scope] {
        &[Scope::Schedulers, Scope::List, Scope::Move]
    }

    fn path(&self) -> Vec<Clean> {
        vec![Clean::line("Schedulers")]
    }

    fn interest(&self, _cx: &Context<'_>) -> Interest {
        Interest::default()
    }

    fn act(&mut self, cx: &Context<'_>, action: Action) -> Vec<Step> {
        if let Some(by) = moved(action) {
            self.rows.step(by, Self::list(cx.body).height);
            return Vec::new();
        }
        match action {
            Action::Open => {
                let Some(row) = self.rows.selected() else { return Vec::new() };
                let run = &row.standing.run;
                return match &run.id {
                    Some(id) if run.exists => {
                        let job = Job::new(row.queue.clone(), id.clone(), run.state);
                        vec![Step::Open(Box::new(Screen::Job(Box::new(job))))]
                    }
                    _ => vec![Step::Toast(Toast::plain("its next run has no job"))],
                };
            }
            Action::SchedulersSort => self.sort = self.sort.next(),
            Action::Reverse => self.reversed = !self.reversed,
            Action::SchedulerRun => return self.edit(cx, SchedulerOp::RunNow),
            Action::SchedulerRemove => return self.edit(cx, SchedulerOp::Remove),
            Action::SchedulerEdit => return self.write(cx, false),
            Action::SchedulerAdd => return self.write(cx, true),
            _ => return Vec::new(),
        }
        self.arrange(cx);
        Vec::new()
    }

    fn refresh(&mut self, cx: &Context<'_>) -> Vec<Step> {
        self.rows.fit(Self::list(cx.body).height);
        self.look(cx)
    }

    fn answer(
        &mut self,
        cx: &Context<'_>,
        id: FetchId,
        answer: Result<Answer, Clean>,
    ) -> Result<Vec<Step>, Result<Answer, Clean>> {
        if self.wanted != Some(id) {
            return Err(answer);
        }
        match answer {
            Ok(Answer::Schedulers(read)) => {
                if read.complete {
                    self.wanted = None;
                }
                self.take(cx, &read);
            }
            Ok(other) => return Err(Ok(other)),
            Err(why) => {
                self.wanted = None;
                self.error = Some(why);
            }
        }
        Ok(Vec::new())
    }

    fn edited(&mut self, cx: &Context<'_>, id: FetchId, edited: &Result<Edited, Clean>) -> Option<Vec<Step>> {
        let recipe = self.recipe.take_if(|recipe| recipe.is_open(id))?;
        Some(match recipe.close(edited, cx.redis_now()) {
            recipe::End::Act(act) => vec![Step::Act(*act, 1)],
            recipe::End::Nothing(why) => vec![Step::Toast(why)],
            recipe::End::Again(recipe, why) => {
                self.recipe = Some(*recipe);
                vec![Step::Toast(Toast::bad(format!("{why}; the same key opens your text again")))]
            }
        })
    }

    fn runs(&mut self, act: &Act) {
        // What was done to one is seen at once.
        if matches!(act, Act::Edit { .. } | Act::Undo(_)) {
            self.asked_at = 0;
        }
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
        let read = (self.asked_at + self.often()).max(cx.now + 200);
        Some(read.min(super::super::next_second(cx.now)))
    }
}
