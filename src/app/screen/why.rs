//! Why: why does this queue not move?

use super::super::action::{Action, Scope};
use super::super::effect::{Act, Answer, Effect, FetchId, Query, Slot};
use super::super::list::{Cursor, Move};
use super::super::panel::{Context, Panel, Step};
use super::super::panes::Rect;
use super::super::toast::Toast;
use super::job::Job;
use super::queues::queue_act;
use super::{Screen, moved};
use crate::engine::op::{LimitOp, QueueOp};
use crate::insight::why::{APART_MS, Cause, Deed, Diagnosis, Held, OLD_MS, diagnose};
use crate::monitor::Interest;
use crate::monitor::why::Sight;
use crate::operate::Edit;
use crate::text::{Clean, shell_word, wrap};
use crate::wire::QueueId;

/// Rows of the body above the list: path, the sentence, an empty one.
pub const HEAD: u16 = 3;
/// It looks so often while it is open, ms; the second look comes sooner.
const EVERY_MS: i64 = 2_000;
/// A look that is not answered for so long is asked for again, ms.
const LOST_MS: i64 = 20_000;
/// Columns of the names of the evidence.
pub const LABEL: u16 = 24;

/// A row of the list.
#[derive(Clone, PartialEq, Debug)]
pub enum Row {
    /// What is the matter.
    Title(Clean),
    /// A piece of evidence.
    Fact(&'static str, Clean),
    /// A job that is a part of it.
    Job(Held),
    /// What to do: the first line of it, or one more.
    Advice(&'static str, Clean),
    /// The command line that does it.
    Command(Clean),
    /// The key that does it here.
    Key(&'static str),
    /// Nothing.
    Gap,
}

/// A row with where it belongs.
#[derive(Clone, PartialEq, Debug)]
pub struct Placed {
    /// Which cause, from the worst.
    pub cause: usize,
    /// What it is.
    pub row: Row,
}

/// The screen.
#[derive(Debug)]
pub struct Why {
    /// Which queue.
    pub id: QueueId,
    /// The answer, once there were two looks.
    pub found: Option<Diagnosis>,
    /// When it was made, ms since the epoch by this host.
    pub found_at: i64,
    /// Why the last look failed.
    pub error: Option<Clean>,
    /// Which row is selected: by its cause's name, and its place within it.
    pub cursor: Cursor<(&'static str, usize)>,
    /// What the last look saw.
    before: Option<Sight>,
    wanted: Option<FetchId>,
    asked_at: i64,
}

impl Why {
    /// The screen of a queue.
    pub fn new(id: QueueId) -> Self {
        Self {
            id,
            found: None,
            found_at: 0,
            error: None,
            cursor: Cursor::default(),
            before: None,
            wanted: None,
            asked_at: 0,
        }
    }

    /// Where the list stands in the body.
    pub fn list(body: Rect) -> Rect {
        body.below(HEAD)
    }

    /// The causes, worst first.
    pub fn causes(&self) -> &[Cause] {
        self.found.as_ref().map_or(&[], |found| &found.causes)
    }

    /// All rows, for a body that is so wide.
    pub fn rows(&self, width: u16) -> Vec<Placed> {
        let Some(found) = &self.found else { return Vec::new() };
        let now = found.at.unwrap_or(self.found_at);
        let name = self.name();
        // A wide terminal does not make long lines easy to read.
        let room = usize::from(width.min(120).saturating_sub(LABEL + 8)).max(16);
        let mut rows = Vec::new();
        for (at, cause) in found.causes.iter().enumerate() {
            let mut add = |row| rows.push(Placed { cause: at, row });
            let title = wrap(&cause.title, usize::from(width.min(144).saturating_sub(8)).max(16));
            for line in title {
                add(Row::Title(line));
            }
            for fact in &cause.facts {
                for (line, text) in wrap(&fact.value.shown(now), room).into_iter().enumerate() {
                    add(Row::Fact(if line == 0 { fact.label } else { "" }, text));
                }
            }
            for job in &cause.jobs {
                add(Row::Job(job.clone()));
            }
            for (line, text) in wrap(&cause.advice, room).into_iter().enumerate() {
                add(Row::Advice(if line == 0 { "what to do" } else { "" }, text));
            }
            if let Some(command) = cause.command_for(&name) {
                add(Row::Command(command));
            }
            if let Some(deed) = &cause.deed {
                add(Row::Key(match deed {
                    Deed::Resume => "↵ resumes it",
                    Deed::Merge => "↵ merges the lists",
                    Deed::Release => "↵ releases the limit",
                    Deed::Open(..) => "↵ opens the job",
                }));
            }
            add(Row::Gap);
        }
        rows
    }

    /// The queue's name as it is typed in a shell.
    fn name(&self) -> String {
        shell_word(self.id.name.as_bytes()).unwrap_or_else(|| "QUEUE".to_owned())
    }

    /// The cause under the cursor.
    pub fn selected(&self, width: u16) -> Option<(&Cause, Row)> {
        let rows = self.rows(width);
        let placed = rows.get(usize::try_from(self.cursor.index).ok()?)?;
        Some((self.causes().get(placed.cause)?, placed.row.clone()))
    }

    fn keys(&self, width: u16) -> Vec<(&'static str, usize)> {
        let (mut last, mut within) = (usize::MAX, 0);
        let causes = self.causes();
        let key = |placed: &Placed| {
            within = if placed.cause == last { within + 1 } else { 0 };
            last = placed.cause;
            (causes.get(placed.cause).map_or("", |cause| cause.id), within)
        };
        self.rows(width).iter().map(key).collect()
    }

    fn settle(&mut self, cx: &Context<'_>) {
        let height = u64::from(Self::list(cx.body).height);
        let keys = self.keys(cx.body.width);
        let at = |index: u64| keys.get(usize::try_from(index).ok()?).copied();
        let find =
            |key: &(&'static str, usize)| keys.iter().position(|other| other == key).map(|at| at as u64);
        self.cursor.settle(keys.len() as u64, height, find, at);
    }

    fn step(&mut self, cx: &Context<'_>, by: Move) {
        let len = self.rows(cx.body.width).len() as u64;
        self.cursor.step(by, len, u64::from(Self::list(cx.body).height));
        self.cursor.key = None;
        self.settle(cx);
    }

    fn look(&mut self, cx: &Context<'_>) -> Vec<Step> {
        if self.wanted.is_some() && cx.now - self.asked_at < LOST_MS || cx.now < self.next_look() {
            return Vec::new();
        }
        let id = cx.ids.next();
        self.wanted = Some(id);
        self.asked_at = cx.now;
        let before = match &self.before {
            Some(Sight::Queue(look)) => Some(look.clone()),
            _ => None,
        };
        vec![Step::Effect(Effect::Fetch(Slot::Why, id, Query::Why(self.id.clone(), before)))]
    }

    /// When to look next, ms since the epoch by this host.
    fn next_look(&self) -> i64 {
        // So is the second one after a server that answered nobody, and answers again.
        let open = self.found.as_ref().is_none_or(|found| found.at.is_none());
        let second = open && self.error.is_none() && matches!(self.before, Some(Sight::Queue(_)));
        let wait = if second { i64::try_from(APART_MS).unwrap_or(EVERY_MS) } else { EVERY_MS };
        self.asked_at + wait
    }

    fn saw(&mut self, cx: &Context<'_>, now: Sight) {
        self.error = None;
        let again = match (&self.before, &now) {
            (Some(Sight::Queue(before)), Sight::Queue(look)) => look.at - before.at < OLD_MS,
            (_, Sight::Server(_)) => true,
            _ => false,
        };
        // One look alone accuses nobody, and has no rates: the answer before stays until the second.
        if again {
            let mut found = diagnose(&self.id, self.before.as_ref(), &now);
            // What was watched for longer tells rates better than two looks do.
            if let Some(row) = cx.queue(&self.id).filter(|row| row.out_per_s.is_some()) {
                found.watched(row.in_per_s, row.out_per_s, row.drain);
            }
            self.found = Some(found);
            self.found_at = cx.now;
        }
        self.before = Some(now);
    }

    /// An act on the queue as it is shown.
    fn queue_op(&self, cx: &Context<'_>, op: QueueOp) -> Vec<Step> {
        let Some(row) = cx.queue(&self.id) else { return unknown() };
        vec![Step::Act(Act::Queue { queue: self.id.clone(), era: row.era, op }, row.backlog)]
    }

    /// Does what the cause under the cursor asks for.
    fn deed(&self, cx: &Context<'_>) -> Vec<Step> {
        let open = |queue: &QueueId, id: &crate::wire::JobId| {
            let job = Job::new(queue.clone(), id.clone(), None);
            vec![Step::Open(Box::new(Screen::Job(Box::new(job))))]
        };
        match self.selected(cx.body.width) {
            Some((_, Row::Job(job))) => open(&job.queue, &job.id),
            Some((cause, _)) => match &cause.deed {
                Some(Deed::Resume) => self.queue_op(cx, QueueOp::Resume),
                Some(Deed::Merge) => self.queue_op(cx, QueueOp::Merge),
                Some(Deed::Release) => self.release(cx),
                Some(Deed::Open(queue, id)) => open(queue, id),
                None => vec![Step::Toast(Toast::plain("nothing here does that: see what to do"))],
            },
            None => Vec::new(),
        }
    }

    /// Ends the wait of the rate limit.
    fn release(&self, cx: &Context<'_>) -> Vec<Step> {
        let Some(row) = cx.queue(&self.id) else { return unknown() };
        let edits = vec![Edit::Limit(LimitOp::ReleaseRateLimit)];
        vec![Step::Act(Act::Edit { queue: self.id.clone(), era: row.era, edits }, 1)]
    }
}

/// Opens the screen of a queue.
pub fn open(id: &QueueId) -> Vec<Step> {
    vec![Step::Open(Box::new(Screen::Why(Box::new(Why::new(id.clone())))))]
}

fn unknown() -> Vec<Step> {
    vec![Step::Toast(Toast::plain("the queue is not counted yet"))]
}

impl Panel for Why {
    fn offers(&self, action: Action) -> bool {
        action != Action::ScreenWhy
    }

    fn scopes(&self) -> &'static [Scope] {
        &[Scope::Why, Scope::OneQueue, Scope::Move]
    }

    fn path(&self) -> Vec<Clean> {
        vec![self.id.name.clean(), Clean::line("why")]
    }

    fn interest(&self, _cx: &Context<'_>) -> Interest {
        Interest { visible: vec![self.id.clone()], ..Interest::default() }
    }

    fn act(&mut self, cx: &Context<'_>, action: Action) -> Vec<Step> {
        if let Some(by) = moved(action) {
            self.step(cx, by);
            return Vec::new();
        }
        match action {
            Action::WhyDo => self.deed(cx),
            Action::WhyCopy => match self.selected(cx.body.width) {
                Some((cause, _)) => match cause.command_for(&self.name()) {
                    Some(command) => vec![Step::Effect(Effect::Copy(command.as_str().to_owned()))],
                    None => vec![Step::Toast(Toast::plain("no command does it"))],
                },
                None => Vec::new(),
            },
            Action::QueueRelease => self.release(cx),
            // Here it means: look now.
            Action::ScreenWhy => {
                self.asked_at = 0;
                self.look(cx)
            }
            Action::QueuePause | Action::QueueMerge | Action::QueueDrain | Action::QueueObliterate => {
                queue_act(cx, &self.id, action)
            }
            _ => Vec::new(),
        }
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
        if self.wanted != Some(id) {
            return Err(answer);
        }
        self.wanted = None;
        match answer {
            Ok(Answer::Why(sight)) => self.saw(cx, *sight),
            Ok(other) => return Err(Ok(other)),
            Err(why) => self.error = Some(why),
        }
        self.settle(cx);
        Ok(Vec::new())
    }

    fn click(&mut self, cx: &Context<'_>, _column: u16, row: u16) -> Vec<Step> {
        let Some(row) = row.checked_sub(HEAD) else { return Vec::new() };
        let index = self.cursor.top + u64::from(row);
        if index < self.rows(cx.body.width).len() as u64 {
            self.cursor.select(index, None);
        }
        self.settle(cx);
        Vec::new()
    }

    fn wake_at(&self, cx: &Context<'_>) -> Option<i64> {
        Some(self.next_look().max(cx.now + 100))
    }
}
