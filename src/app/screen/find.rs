//! Find: where is it? Jobs of all queues by id, text or jq, as they are found.

use std::collections::BTreeSet;

use super::super::action::{Action, Scope};
use super::super::effect::{Act, Answer, Effect, Export, FetchId, Hunt, Query, Slot};
use super::super::list::{Cursor, Move};
use super::super::panel::{Context, Panel, Step};
use super::super::panes::Rect;
use super::super::toast::Toast;
use super::job::Job;
use super::queue::{job_op, suits};
use super::{Screen, moved, one};
use crate::insight::find::{Found, Hit, Phase, Wanted};
use crate::monitor::Interest;
use crate::operate::Selection;
use crate::text::{Clean, figure};
use crate::wire::{JobId, QueueId, State};

/// Rows of the body before the list: what is looked for, tabs, column names.
const HEAD: u16 = 3;
/// Jobs that are kept.
pub const KEPT: usize = 10_000;
/// Jobs that are looked at, at most.
const BOUND: u64 = 10_000_000;

/// A found job, by identity.
pub type Key = (QueueId, JobId);

/// The screen.
#[derive(Debug, Default)]
pub struct Find {
    /// What is looked for, as it was typed.
    pub typed: String,
    /// In which state; `None`: in all.
    pub state: Option<State>,
    /// What was found, in the order of the walk: of jobs that have ended the last one in any queue first.
    pub hits: Vec<Hit>,
    /// How far it is, without its jobs.
    pub found: Option<Found>,
    /// Why it ended before its end.
    pub error: Option<Clean>,
    /// It was stopped by a person.
    pub stopped: bool,
    /// Which job is selected.
    pub cursor: Cursor<Key>,
    /// Marked jobs.
    pub marks: BTreeSet<Key>,
    /// When something was last read, ms since the epoch by this host.
    pub told_at: i64,
    /// Go to the job at once if just one has this id.
    jump: bool,
    fetch: Option<FetchId>,
    export: Option<(FetchId, String)>,
}

impl Find {
    /// A search for what was typed; it begins with the first look.
    pub fn new(typed: impl Into<String>) -> Self {
        Self { typed: typed.into(), ..Self::default() }
    }

    /// A search for an id that opens its job.
    pub fn id(id: impl Into<String>) -> Self {
        Self { typed: id.into(), jump: true, ..Self::default() }
    }

    /// Where the list stands in the body.
    pub fn list(body: Rect) -> Rect {
        body.below(HEAD).above(2)
    }

    /// The tabs: every state, and each.
    pub fn tabs() -> impl Iterator<Item = Option<State>> {
        std::iter::once(None).chain(
            [
                State::Failed,
                State::Completed,
                State::Active,
                State::Waiting,
                State::Prioritized,
                State::Delayed,
                State::WaitingChildren,
                State::Paused,
            ]
            .map(Some),
        )
    }

    /// Whether the search goes on.
    pub fn runs(&self) -> bool {
        self.fetch.is_some()
    }

    /// The selected job.
    pub fn selected(&self) -> Option<&Hit> {
        self.hits.get(usize::try_from(self.cursor.index).ok()?)
    }

    fn key(hit: &Hit) -> Key {
        (hit.queue.clone(), hit.id.clone())
    }

    fn search(&mut self, cx: &Context<'_>) -> Vec<Step> {
        (self.hits, self.found, self.error, self.stopped) = (Vec::new(), None, None, false);
        self.cursor = Cursor::default();
        self.marks.clear();
        if self.typed.is_empty() || cx.snapshot.queues.is_empty() {
            self.fetch = None;
            return vec![Step::Effect(Effect::Cancel(Slot::Find))];
        }
        let id = cx.ids.next();
        self.fetch = Some(id);
        self.told_at = cx.now;
        self.found = Some(Found::default());
        let states = self.state.map_or_else(|| State::ALL.to_vec(), |state| vec![state]);
        let hunt = Hunt {
            wanted: Wanted::parse(&self.typed),
            queues: cx.snapshot.queues.iter().map(|row| (row.id.clone(), row.era)).collect(),
            states,
            bound: BOUND,
            most: KEPT,
        };
        vec![Step::Effect(Effect::Fetch(Slot::Find, id, Query::Find(Box::new(hunt))))]
    }

    fn settle(&mut self, cx: &Context<'_>) {
        let (len, height) = (self.hits.len() as u64, u64::from(Self::list(cx.body).height));
        let mut cursor = std::mem::take(&mut self.cursor);
        // What is found stands behind what was found: no row moves.
        let at = |index: u64| self.hits.get(usize::try_from(index).ok()?).map(Self::key);
        let index = cursor.index;
        cursor.settle(len, height, |_| (index < len).then_some(index), at);
        self.cursor = cursor;
    }

    fn step(&mut self, cx: &Context<'_>, by: Move) {
        let (len, height) = (self.hits.len() as u64, u64::from(Self::list(cx.body).height));
        self.cursor.step(by, len, height);
        self.settle(cx);
    }

    fn take(&mut self, cx: &Context<'_>, mut found: Found) -> Vec<Step> {
        let new = std::mem::take(&mut found.hits);
        let over = matches!(found.phase, Phase::Over | Phase::Enough);
        let of_id: Vec<Key> = new.iter().filter(|hit| hit.place == Some("id")).map(Self::key).collect();
        self.hits.extend(new);
        self.hits.truncate(KEPT);
        if over {
            self.fetch = None;
        }
        // Redis says nothing new while it is silent: what was read stays.
        if let (Phase::Waiting(_), Some(before)) = (&found.phase, &mut self.found) {
            before.phase = found.phase;
        } else {
            self.found = Some(found);
            self.told_at = cx.now;
        }
        self.settle(cx);
        if std::mem::take(&mut self.jump)
            && let [(queue, id)] = of_id.as_slice()
            && let Some(hit) = self.hits.first().filter(|hit| hit.id == *id)
        {
            let job = Job::new(queue.clone(), id.clone(), Some(hit.state));
            self.fetch = None;
            return vec![
                Step::Effect(Effect::Cancel(Slot::Find)),
                Step::Close,
                Step::Open(Box::new(Screen::Job(Box::new(job)))),
            ];
        }
        Vec::new()
    }

    fn mark(&mut self, cx: &Context<'_>, action: Action) {
        match action {
            Action::MarkAll => {
                let all: BTreeSet<Key> = self.hits.iter().map(Self::key).collect();
                self.marks = if self.marks == all { BTreeSet::new() } else { all };
            }
            _ => {
                if let Some(key) = self.selected().map(Self::key) {
                    if !self.marks.remove(&key) {
                        self.marks.insert(key);
                    }
                    self.step(cx, Move::By(1));
                }
            }
        }
    }

    /// The jobs that an act is about: of the selected one's queue and state the marked ones, or all
    /// that were found; without marks the selected one.
    fn chosen(&self, all: bool) -> Result<(&Hit, Vec<JobId>), &'static str> {
        let Some(selected) = self.selected() else { return Err("no job is selected") };
        let beside = |hit: &&Hit| hit.queue == selected.queue && hit.state == selected.state;
        if !all && self.marks.is_empty() {
            return Ok((selected, vec![selected.id.clone()]));
        }
        let marked = |hit: &&Hit| all || self.marks.contains(&Self::key(hit));
        let ids: Vec<JobId> =
            self.hits.iter().filter(beside).filter(marked).map(|hit| hit.id.clone()).collect();
        if ids.is_empty() {
            return Err("the marked jobs are of another queue or state: go to one of them");
        }
        Ok((selected, ids))
    }

    fn job_act(&self, cx: &Context<'_>, action: Action) -> Vec<Step> {
        let told = |text: Clean| vec![Step::Toast(Toast::plain(text))];
        let (hit, ids) = match self.chosen(action == Action::JobRetryAll) {
            Ok(chosen) => chosen,
            Err(why) => return told(Clean::line(why)),
        };
        let op = match job_op(action, hit.state) {
            Ok(op) => op,
            Err(why) => return told(why),
        };
        let era = cx.queue(&hit.queue).map_or(hit.era, |row| row.era);
        let (count, others) = (ids.len() as u64, self.marks.len().saturating_sub(ids.len()));
        let act = Act::Jobs { queue: hit.queue.clone(), era, op, selection: Selection::Ids(ids) };
        let mut steps = vec![Step::Act(act, count)];
        if others > 0 && action != Action::JobRetryAll {
            let text =
                format!("{} marked of other queues or states wait their turn", figure::count(others as u64));
            steps.push(Step::Toast(Toast::plain(text)));
        }
        steps
    }

    fn stop(&mut self) -> Vec<Step> {
        if self.fetch.take().is_none() {
            return Vec::new();
        }
        self.stopped = true;
        vec![Step::Effect(Effect::Cancel(Slot::Find))]
    }
}

impl Panel for Find {
    fn offers(&self, action: Action) -> bool {
        match self.selected() {
            _ if action == Action::QueueClean => false,
            Some(hit) => suits(action, hit.state),
            None => !action.row().writes && action != Action::JobCopy,
        }
    }

    fn scopes(&self) -> &'static [Scope] {
        &[Scope::Find, Scope::OneJob, Scope::Jobs, Scope::List, Scope::Tabs, Scope::Move]
    }

    fn path(&self) -> Vec<Clean> {
        vec![Clean::line("Find"), Clean::line(&self.typed)]
    }

    fn interest(&self, _cx: &Context<'_>) -> Interest {
        Interest::default()
    }

    fn act(&mut self, cx: &Context<'_>, action: Action) -> Vec<Step> {
        if let Some(by) = moved(action) {
            self.step(cx, by);
            return Vec::new();
        }
        match action {
            Action::Open => match self.selected() {
                Some(hit) => {
                    let job = Job::new(hit.queue.clone(), hit.id.clone(), Some(hit.state));
                    vec![Step::Open(Box::new(Screen::Job(Box::new(job))))]
                }
                None => Vec::new(),
            },
            Action::NextTab | Action::PreviousTab => {
                let tabs: Vec<_> = Self::tabs().collect();
                let at = tabs.iter().position(|state| *state == self.state).unwrap_or(0);
                let by = if action == Action::NextTab { 1 } else { tabs.len() - 1 };
                self.state = tabs[(at + by) % tabs.len()];
                self.search(cx)
            }
            Action::Mark | Action::MarkRange | Action::MarkAll => {
                self.mark(cx, action);
                Vec::new()
            }
            Action::JobRetry
            | Action::JobRetryAnew
            | Action::JobRetryAll
            | Action::JobPromote
            | Action::JobRemove => self.job_act(cx, action),
            Action::JobCopy => match self.selected() {
                Some(hit) => vec![Step::Effect(Effect::Copy(hit.id.clean().as_str().to_owned()))],
                None => Vec::new(),
            },
            Action::QueueClean => {
                let text = "clean is about all jobs of a state: open the queue, or mark (*) and remove (d)";
                vec![Step::Toast(Toast::plain(text))]
            }
            Action::FindExport if self.hits.is_empty() => {
                vec![Step::Toast(Toast::plain("nothing was found that could be written"))]
            }
            Action::FindExport => vec![Step::AskLine("write to the new file: ", String::new())],
            Action::StopBulk => self.stop(),
            other if other.row().scope == Scope::OneJob => match self.selected() {
                Some(hit) => one::job(cx, &hit.queue, &hit.id, other),
                None => vec![Step::Toast(Toast::plain("no job is selected"))],
            },
            _ => Vec::new(),
        }
    }

    fn refresh(&mut self, cx: &Context<'_>) -> Vec<Step> {
        // The first look, as soon as queues are known.
        if self.found.is_none() && self.error.is_none() && !self.typed.is_empty() && !self.stopped {
            return self.search(cx);
        }
        self.settle(cx);
        Vec::new()
    }

    fn answer(
        &mut self,
        cx: &Context<'_>,
        id: FetchId,
        answer: Result<Answer, Clean>,
    ) -> Result<Vec<Step>, Result<Answer, Clean>> {
        if let Some((_, file)) = self.export.take_if(|(export, _)| *export == id) {
            let toast = match answer {
                Ok(Answer::Exported(jobs)) => {
                    Toast::good(format!("{} jobs written to {}", figure::count(jobs), Clean::line(file)))
                }
                Ok(other) => return Err(Ok(other)),
                Err(why) => Toast::bad(why),
            };
            return Ok(vec![Step::Toast(toast)]);
        }
        if self.fetch != Some(id) {
            return Err(answer);
        }
        match answer {
            Ok(Answer::Find(found)) => Ok(self.take(cx, *found)),
            Ok(other) => Err(Ok(other)),
            Err(why) => {
                (self.error, self.fetch) = (Some(why), None);
                Ok(Vec::new())
            }
        }
    }

    fn filter(&mut self, cx: &Context<'_>, text: &str, done: bool) -> Vec<Step> {
        if !done || text.is_empty() {
            return Vec::new();
        }
        text.clone_into(&mut self.typed);
        self.search(cx)
    }

    fn filter_text(&self) -> Option<&str> {
        Some(&self.typed)
    }

    fn keeps_filter(&self) -> bool {
        true
    }

    fn told(&mut self, cx: &Context<'_>, line: &str) -> Vec<Step> {
        let file = line.trim();
        if file.is_empty() {
            return Vec::new();
        }
        let id = cx.ids.next();
        self.export = Some((id, file.to_owned()));
        let chosen = |hit: &&Hit| self.marks.is_empty() || self.marks.contains(&Self::key(hit));
        let jobs = self.hits.iter().filter(chosen);
        let jobs = jobs.map(|hit| (hit.queue.clone(), hit.id.clone(), hit.state)).collect();
        let export = Export { file: file.to_owned(), jobs };
        vec![Step::Effect(Effect::Fetch(Slot::Export, id, Query::Export(Box::new(export))))]
    }

    fn runs(&mut self, act: &Act) {
        if let Act::Jobs { queue, selection: Selection::Ids(ids), .. } = act {
            self.marks.retain(|(of, id)| of != queue || !ids.contains(id));
        }
    }

    fn click(&mut self, cx: &Context<'_>, _column: u16, row: u16) -> Vec<Step> {
        let list = Self::list(cx.body);
        if let Some(index) = self.cursor.clicked(cx.body, list, row, self.hits.len() as u64) {
            self.cursor.select(index, None);
            self.settle(cx);
        }
        Vec::new()
    }
}
