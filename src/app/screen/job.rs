//! Job: what is it, why did it fail?

mod content;
pub mod facts;
pub mod flow;
pub mod load;
pub mod logs;
mod refresh;
mod reveal;
mod stack;
pub mod tab;
mod timeline;

use super::super::action::{Action, Scope};
use super::super::doc::Pager;
use super::super::effect::{Act, Answer, Effect, FetchId, Query, Slot};
use super::super::panel::{Context, Panel, Step};
use super::super::panes::Rect;
use super::super::toast::Toast;
use super::queue::{job_op, suits};
use super::queues::{next_age_change, queue_act};
use super::{Screen, moved, one};
use crate::app::next_second;
use crate::engine::read::job::JobDetail;
use crate::monitor::Interest;
use crate::operate::Selection;
use crate::text::{Clean, Mask, figure, lossless};
use crate::wire::{JobId, QueueId, Raw, State};

pub use tab::Tab;

use content::{Source, Target};
use flow::Flow;
use load::{Loads, Part};
use logs::Logs;
use reveal::{Asking, Shown};

/// Larger texts are not put on the clipboard.
const COPY_MOST: usize = 64 * 1024;

/// A tab's text, and what it was made from.
#[derive(Debug)]
struct Page {
    source: Source,
    targets: Vec<Target>,
    fields: Vec<(u32, Raw)>,
    pager: Pager,
    secrets: usize,
    shown: Option<Shown>,
}

/// The screen.
#[derive(Debug)]
pub struct Job {
    /// Of which queue.
    pub queue: QueueId,
    /// Which job.
    pub id: JobId,
    /// Where it was last seen.
    pub state: Option<State>,
    /// The job as it was read last.
    pub detail: Option<Box<JobDetail>>,
    /// It is not there (any more); `detail` is how it was.
    pub gone: bool,
    /// Why it could not be read.
    pub error: Option<Clean>,
    /// Which tab is open.
    pub tab: Tab,
    /// The log.
    pub logs: Logs,
    /// Who is above it and below it.
    pub flow: Flow,
    loads: Loads,
    pages: [Option<Page>; Tab::ALL.len()],
    /// The tab was chosen, by a person or by what was read first.
    chosen: bool,
    read_at: i64,
    wanted: Option<FetchId>,
    asked_at: i64,
    touched: Option<u64>,
    shown: Option<Shown>,
    asking: Option<Asking>,
}

/// Where the parts of the screen stand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Layout {
    /// Path, state, times, what it belongs to.
    pub head: Rect,
    /// The tabs.
    pub tabs: Rect,
    /// The open tab.
    pub content: Rect,
    /// Where one is in it.
    pub foot: Rect,
}

impl Job {
    /// The screen of a job that was seen in a state.
    pub fn new(queue: QueueId, id: JobId, state: Option<State>) -> Self {
        Self {
            queue,
            id,
            state,
            detail: None,
            gone: false,
            error: None,
            tab: if state == Some(State::Failed) { Tab::Error } else { Tab::Data },
            logs: Logs::default(),
            flow: Flow::default(),
            loads: Loads::default(),
            pages: [const { None }; Tab::ALL.len()],
            chosen: false,
            read_at: 0,
            wanted: None,
            asked_at: 0,
            touched: None,
            shown: None,
            asking: None,
        }
    }

    /// Where things stand in the body.
    pub fn layout(&self, body: Rect) -> Layout {
        let rows = match body.height {
            0..=7 => 1,
            8..=11 => 2,
            12..=15 => 3,
            _ => 3 + u16::from(self.belongs()),
        };
        let foot = u16::from(body.height >= 6);
        let rest = body.below(rows);
        Layout {
            head: body.head(rows),
            tabs: rest.head(1),
            content: rest.below(1).above(foot),
            foot: rest.foot(foot),
        }
    }

    /// Whether it has a parent, children, a scheduler or a deduplication id.
    pub fn belongs(&self) -> bool {
        self.detail.as_deref().is_some_and(|detail| {
            let children = &detail.children;
            detail.parent.is_some()
                || children.processed + children.pending + children.failed + children.ignored > 0
                || ["rjk", "deid"].iter().any(|name| detail.field(name).is_some())
        })
    }

    /// The open tab's text; `None` for logs, and before the job was read.
    pub fn pager(&self) -> Option<&Pager> {
        self.pages[self.tab as usize].as_ref().map(|page| &page.pager)
    }

    fn pager_mut(&mut self) -> Option<&mut Pager> {
        self.pages[self.tab as usize].as_mut().map(|page| &mut page.pager)
    }

    /// A field, as far as it is here.
    pub fn part(&self, name: &str, now: i64) -> Part {
        self.detail.as_deref().map_or(Part::Absent, |detail| self.loads.part(detail, name.as_bytes(), now))
    }

    /// For how long its lock is held yet, ms; `None` without an end.
    pub fn lock_left(&self, now: i64) -> Option<i64> {
        let (_, left) = self.detail.as_deref()?.lock.as_ref()?;
        left.map(|ms| ms.saturating_sub(now - self.read_at).max(0))
    }

    fn height(&self, cx: &Context<'_>) -> u64 {
        u64::from(self.layout(cx.body).content.height)
    }

    fn live(&self) -> bool {
        !self.gone && self.state == Some(State::Active)
    }

    fn turn_to(&mut self, cx: &Context<'_>, tab: Tab) -> Vec<Step> {
        self.conceal();
        self.tab = tab;
        self.chosen = true;
        self.settle(cx);
        self.look(cx)
    }

    /// What Enter does at the cursor: loads, opens, or folds and unfolds.
    fn enter(&mut self, cx: &Context<'_>) -> Vec<Step> {
        let height = self.height(cx);
        if self.tab == Tab::Flow {
            let here = (&self.queue, &self.id);
            let found = self.flow.enter(here, height.saturating_sub(1));
            let job = found.map(|job| Self::new(job.queue.clone(), job.id.clone(), job.state));
            let open = job.map(|job| Step::Open(Box::new(Screen::Job(Box::new(job)))));
            return open.into_iter().chain(self.look(cx)).collect();
        }
        let Some(page) = &mut self.pages[self.tab as usize] else { return Vec::new() };
        let link = page.pager.doc.link(page.pager.line).and_then(|link| page.targets.get(link as usize));
        match link.cloned() {
            None => {
                page.pager.toggle(height);
                Vec::new()
            }
            Some(Target::Job(queue, id)) => {
                vec![Step::Open(Box::new(Screen::Job(Box::new(Self::new(queue, id, None)))))]
            }
            Some(Target::Field(field)) => {
                let size = self.detail.as_ref().and_then(|detail| {
                    detail.fields.iter().find(|known| known.name == field).map(|known| known.size)
                });
                let id = cx.ids.next();
                self.loads.ask(id, field.clone(), size.unwrap_or(0), cx.now);
                self.settle(cx);
                let query = Query::Field(self.queue.clone(), self.id.clone(), field);
                vec![Step::Effect(Effect::Fetch(Slot::Field, id, query))]
            }
        }
    }

    fn act_on_job(&self, cx: &Context<'_>, action: Action) -> Vec<Step> {
        let Some(state) = self.detail.as_ref().map_or(self.state, |detail| detail.state) else {
            return vec![Step::Toast(Toast::plain("this job is in no state that is known"))];
        };
        if self.gone {
            return vec![Step::Toast(Toast::plain("this job is gone"))];
        }
        let era = self.era(cx);
        match job_op(action, state) {
            Ok(op) => {
                let selection = Selection::Ids(vec![self.id.clone()]);
                vec![Step::Act(Act::Jobs { queue: self.queue.clone(), era, op, selection }, 1)]
            }
            Err(why) => vec![Step::Toast(Toast::plain(why))],
        }
    }

    /// The open tab's text for the clipboard.
    fn copy(&self, mask: &Mask) -> Vec<Step> {
        let text: Vec<u8> = match (self.tab, &self.detail, self.pager()) {
            (Tab::Flow, ..) => self.flow.id().map(|id| id.as_bytes().to_vec()).unwrap_or_default(),
            (Tab::Logs, ..) => {
                self.logs.lines.iter().flat_map(|line| [line.as_bytes(), b"\n"]).collect::<Vec<_>>().concat()
            }
            (Tab::Raw, Some(detail), _) => {
                let fields = detail.fields.iter().filter_map(|field| Some((field, field.value.as_ref()?)));
                let lines = fields.map(|(field, value)| {
                    let name = field.name.as_bytes();
                    [name, b": ", self.masked(mask, name, value).as_bytes(), b"\n"].concat()
                });
                lines.collect::<Vec<_>>().concat()
            }
            (_, _, Some(pager)) if pager.doc.bytes().len() <= COPY_MOST => pager.doc.bytes().to_vec(),
            (_, _, Some(pager)) => return vec![too_large(pager.doc.bytes().len())],
            (_, _, None) => return Vec::new(),
        };
        if text.len() > COPY_MOST {
            return vec![too_large(text.len())];
        }
        let text = lossless(&text);
        vec![Step::Effect(Effect::Copy(text.trim_end_matches(['\n', '\r']).to_owned()))]
    }
}

fn too_large(bytes: usize) -> Step {
    let text = format!("{} is too large for the clipboard (64K at most)", figure::bytes(bytes as u64));
    Step::Toast(Toast::bad(text))
}

impl Panel for Job {
    fn offers(&self, action: Action) -> bool {
        match self.state {
            _ if self.gone => action.row().scope != Scope::OneJob,
            Some(state) => suits(action, state),
            None => true,
        }
    }

    fn scopes(&self) -> &'static [Scope] {
        &[Scope::Job, Scope::OneJob, Scope::OneQueue, Scope::List, Scope::Tabs, Scope::Move]
    }

    fn path(&self) -> Vec<Clean> {
        let state = self.state.map_or("job", State::name);
        vec![self.queue.name.clean(), Clean::line(state), self.id.clean()]
    }

    fn interest(&self, _cx: &Context<'_>) -> Interest {
        Interest { visible: vec![self.queue.clone()], ..Interest::default() }
    }

    fn act(&mut self, cx: &Context<'_>, action: Action) -> Vec<Step> {
        let height = self.height(cx);
        if let Some(by) = moved(action) {
            match self.tab {
                Tab::Logs => self.logs.step(by, height),
                Tab::Flow => self.flow.step(by, height.saturating_sub(1)),
                _ => {
                    if let Some(pager) = self.pager_mut() {
                        pager.step(by, height);
                    }
                }
            }
            return self.look(cx);
        }
        match action {
            Action::NextTab => return self.turn_to(cx, self.tab.turned(1)),
            Action::PreviousTab => return self.turn_to(cx, self.tab.turned(Tab::ALL.len() - 1)),
            Action::Load | Action::Open => return self.enter(cx),
            Action::Follow if self.tab == Tab::Logs => self.logs.toggle_follow(height),
            Action::Follow => {
                self.logs.follow = true;
                return self.turn_to(cx, Tab::Logs);
            }
            Action::FilterNext | Action::FilterPrevious => {
                let back = action == Action::FilterPrevious;
                match self.tab {
                    Tab::Logs => self.logs.next_place(back, height),
                    _ => {
                        if let Some(pager) = self.pager_mut() {
                            pager.next_place(back, height);
                        }
                    }
                }
            }
            Action::Fold if self.tab == Tab::Flow => self.flow.fold(height.saturating_sub(1)),
            Action::Unfold if self.tab == Tab::Flow => {
                self.flow.unfold(height.saturating_sub(1));
                return self.look(cx);
            }
            Action::Fold | Action::Unfold => {
                if let Some(pager) = self.pager_mut() {
                    let cells = usize::from(cx.body.width.saturating_sub(5)).max(8);
                    if action == Action::Fold {
                        pager.fold(height, cells);
                    } else {
                        pager.unfold(height, cells);
                    }
                }
            }
            Action::JobRetry | Action::JobRetryAnew | Action::JobPromote | Action::JobRemove => {
                return self.act_on_job(cx, action);
            }
            Action::JobCopy => {
                // The clipboard gets masks whatever is shown.
                self.conceal();
                self.settle(cx);
                return self.copy(&cx.config.mask);
            }
            Action::Reveal => {
                let steps = self.reveal(cx);
                self.settle(cx);
                return steps;
            }
            Action::QueuePause
            | Action::QueueMerge
            | Action::QueueDrain
            | Action::QueueObliterate
            | Action::QueueAdd
            | Action::QueueLimits
            | Action::QueueFreeId => return queue_act(cx, &self.queue, action),
            other if self.gone && other.row().scope == Scope::OneJob => {
                return vec![Step::Toast(Toast::plain("this job is gone"))];
            }
            other => return one::job(cx, &self.queue, &self.id, other),
        }
        Vec::new()
    }

    fn refresh(&mut self, cx: &Context<'_>) -> Vec<Step> {
        self.settle(cx);
        self.look(cx)
    }

    fn answer(
        &mut self,
        cx: &Context<'_>,
        id: FetchId,
        answer: Result<Answer, Clean>,
    ) -> Result<Vec<Step>, Result<Answer, Clean>> {
        if self.loads.waits_for(id) {
            match answer {
                Ok(Answer::Masked(value, places)) => self.loads.answer(id, Ok((value, Some(places)))),
                Ok(Answer::Field(value)) => self.loads.answer(id, Ok((value, None))),
                Ok(other) => return Err(Ok(other)),
                Err(why) => self.loads.answer(id, Err(why)),
            }
        } else if self.logs.waits_for(id) {
            let height = self.height(cx);
            match answer {
                Ok(Answer::Logs(page)) => self.logs.answer(Ok(page), &cx.config.mask, height),
                Ok(other) => return Err(Ok(other)),
                Err(why) => self.logs.answer(Err(why), &cx.config.mask, height),
            }
        } else if self.flow.waits_for(id) {
            let height = self.height(cx).saturating_sub(1);
            match answer {
                Ok(Answer::Flow(part)) => self.flow.answer(Ok(*part), cx.now, height),
                Ok(other) => return Err(Ok(other)),
                Err(why) => self.flow.answer(Err(why), cx.now, height),
            }
        } else if self.asks_to_reveal(id) {
            let steps = self.may_reveal(answer);
            self.settle(cx);
            return Ok(steps);
        } else if self.wanted == Some(id) {
            self.wanted = None;
            match answer {
                Ok(Answer::Job(detail)) => self.read(cx, detail),
                Ok(other) => return Err(Ok(other)),
                Err(why) => self.error = Some(why),
            }
        } else {
            return Err(answer);
        }
        self.settle(cx);
        Ok(self.look(cx))
    }

    fn left(&mut self, cx: &Context<'_>) {
        self.conceal();
        self.settle(cx);
    }

    fn filter(&mut self, cx: &Context<'_>, text: &str, _done: bool) -> Vec<Step> {
        let height = self.height(cx);
        match self.tab {
            Tab::Logs => self.logs.look_for(text, height),
            _ => {
                if let Some(pager) = self.pager_mut() {
                    pager.look_for(text, height);
                }
            }
        }
        Vec::new()
    }

    fn filter_text(&self) -> Option<&str> {
        if self.tab == Tab::Flow {
            return None;
        }
        Some(match self.tab {
            Tab::Logs => self.logs.search.as_ref().map_or("", |search| &search.typed),
            _ => self.pager().and_then(|pager| pager.search.as_ref()).map_or("", |search| &search.typed),
        })
    }

    fn click(&mut self, cx: &Context<'_>, _column: u16, row: u16) -> Vec<Step> {
        let content = self.layout(cx.body).content;
        let top = content.y - cx.body.y;
        let Some(row) = row.checked_sub(top).filter(|row| *row < content.height) else { return Vec::new() };
        match self.tab {
            Tab::Logs => self.logs.select(self.logs.cursor.top + u64::from(row)),
            Tab::Flow => {
                // The first row tells what holds the flow up.
                if let Some(row) = row.checked_sub(1) {
                    self.flow.select(self.flow.cursor.top + u64::from(row));
                }
            }
            _ => {
                if let Some(pager) = self.pager_mut() {
                    pager.select(pager.top + u64::from(row));
                }
            }
        }
        Vec::new()
    }

    fn wake_at(&self, cx: &Context<'_>) -> Option<i64> {
        let soon = cx.now + 1;
        let busy = self.pager().is_some_and(Pager::busy).then_some(soon);
        let read = Some(self.read_due(cx)).filter(|at| *at < i64::MAX).map(|at| at.max(soon));
        let ticking = self.live() || self.loads.busy();
        let second = ticking.then(|| next_second(cx.now));
        let offset = cx.snapshot.clock_offset_ms;
        let moments = self.detail.iter().flat_map(|detail| {
            [detail.number("timestamp"), detail.number("finishedOn"), detail.due_at].into_iter().flatten()
        });
        let ages = moments.map(|at| next_age_change(at, cx.redis_now()).saturating_sub(offset)).min();
        let logs = match (&self.detail, self.tab) {
            (Some(detail), Tab::Logs) => self.logs.wake_at(self.live(), detail.logs),
            _ => None,
        };
        let flow = (self.tab == Tab::Flow && self.detail.is_some())
            .then(|| self.flow.due(cx.now, self.height(cx).saturating_sub(1)))
            .filter(|at| *at < i64::MAX);
        let flow = flow.map(|at| at.max(soon));
        [busy, read, second, ages, flow, logs.map(|at| at.max(soon))].into_iter().flatten().min()
    }
}
