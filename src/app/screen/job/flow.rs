//! The Flow tab: who is above the job, who is below it, and what holds the whole up. Only what is on
//! screen is read, and keys of children by pages: a flow of any size costs what is looked at.

mod tree;

use tree::Tree;

use crate::app::effect::{FetchId, FlowPart, FlowQuery};
use crate::app::list::{Cursor, Move};
use crate::app::panel::Context;
use crate::engine::read::flow::{Member, Survey};
use crate::insight::flow::{Blocked, QueueState, blocked};
use crate::monitor::Workers;
use crate::text::Clean;
use crate::wire::{JobId, QueueId};

pub use tree::{Node, Row};

/// Jobs that are read at once: those on screen and a few around them.
const ABREAST: usize = 80;
/// What is not over is read again after this, ms ..
const PACE_MS: i64 = 2_000;
/// .. and what holds the flow up is looked for again after this, and longer where that is much work.
const SURVEY_MS: i64 = 4_000;
/// Jobs that are looked at for it.
const SURVEYED: u64 = 5_000;
/// An answer that does not come within this was given to nobody.
const LOST_MS: i64 = 5_000;

/// The flow, as far as it was read.
#[derive(Debug, Default)]
pub struct Flow {
    tree: Tree,
    /// The selected row, and the window.
    pub cursor: Cursor<()>,
    /// What was found below the root.
    survey: Option<Survey>,
    surveyed_at: i64,
    /// Why it could not be read.
    pub error: Option<Clean>,
    wanted: Option<(FetchId, FlowQuery)>,
    asked_at: i64,
}

impl Flow {
    /// Whether it was read.
    pub fn is_known(&self) -> bool {
        !self.tree.nodes.is_empty()
    }

    /// Rows in all: folded ones are not counted.
    pub fn rows(&self) -> u64 {
        self.tree.rows.len() as u64
    }

    /// A row.
    pub fn row(&self, at: u64) -> Option<Row<'_>> {
        self.tree.row(usize::try_from(at).ok()?)
    }

    /// Whether the job is all there is: no parent, no children.
    pub fn is_alone(&self) -> bool {
        self.tree.nodes.len() == 1
            && self.tree.nodes[0].member.as_ref().is_some_and(|member| !member.has_children())
    }

    /// What holds the flow up, once that was looked for ([`Flow::surveyed`]).
    pub fn blocked(&self, cx: &Context<'_>) -> Option<Blocked> {
        blocked(self.survey.as_ref()?, |queue| {
            cx.queue(queue).map_or_else(QueueState::default, |row| QueueState {
                paused: row.paused,
                workers: match row.workers {
                    Workers::Count(workers) => Some(workers),
                    Workers::Unknown | Workers::NotPermitted => None,
                },
            })
        })
    }

    /// How many jobs were looked at for what holds it up, and whether those were all.
    pub fn surveyed(&self) -> Option<(u64, bool)> {
        self.survey.as_ref().map(|survey| (survey.looked_at, survey.complete))
    }

    /// What should be read now, if anything.
    pub(super) fn look(
        &mut self,
        cx: &Context<'_>,
        job: (&QueueId, &JobId),
        height: u64,
    ) -> Option<(FetchId, FlowQuery)> {
        self.reveal(cx, height);
        if cx.now < self.due(cx.now, height) {
            return None;
        }
        let query = self.next(cx.now, job, height)?;
        let id = cx.ids.next();
        (self.wanted, self.asked_at) = (Some((id, query.clone())), cx.now);
        Some((id, query))
    }

    /// What holds the flow up is to be seen without a key. The cursor stays on its job.
    fn reveal(&mut self, cx: &Context<'_>, height: u64) {
        let Some(held) = self.blocked(cx).filter(|held| held.cause.blocks()) else { return };
        let at = self.tree.node_at(usize::try_from(self.cursor.index).unwrap_or(0));
        if self.tree.reveal(&held.path) {
            if let Some(row) = at.and_then(|at| self.tree.row_of(at)) {
                self.cursor.index = row as u64;
            }
            self.settle(height);
        }
    }

    fn next(&self, now: i64, job: (&QueueId, &JobId), height: u64) -> Option<FlowQuery> {
        if !self.is_known() {
            return Some(FlowQuery::Line(job.0.clone(), job.1.clone()));
        }
        if let Some((node, queue, id, from)) = self.tree.unlisted() {
            return Some(FlowQuery::Children(node, queue, id, from));
        }
        let members = self.stale(now, height);
        if !members.is_empty() {
            return Some(FlowQuery::Members(members));
        }
        let (queue, id) = self.tree.nodes.first()?.job.clone()?;
        (now >= self.survey_due()).then_some(FlowQuery::Survey(queue, id, SURVEYED))
    }

    fn survey_due(&self) -> i64 {
        match &self.survey {
            None => 0,
            Some(_) if self.tree.is_over() => i64::MAX,
            Some(survey) => {
                let much = i64::try_from(survey.looked_at / 500).unwrap_or(0);
                self.surveyed_at + SURVEY_MS * (1 + much)
            }
        }
    }

    /// Jobs in the window that are not known, or not known well enough any more.
    fn stale(&self, now: i64, height: u64) -> Vec<(QueueId, JobId)> {
        let nodes = self.window(height).filter(|node| node.due() <= now);
        nodes.filter_map(|node| node.job.clone()).take(ABREAST).collect()
    }

    fn window(&self, height: u64) -> impl Iterator<Item = &Node> {
        let first = usize::try_from(self.cursor.top.saturating_sub(5)).unwrap_or(0);
        let count = usize::try_from(height + 10).unwrap_or(ABREAST);
        self.tree.shown(first, count)
    }

    /// When something should be read; the far future when nothing asks for it.
    pub(super) fn due(&self, now: i64, height: u64) -> i64 {
        if self.wanted.is_some() || self.error.is_some() {
            return self.asked_at + LOST_MS;
        }
        if !self.is_known() || self.tree.unlisted().is_some() {
            return now;
        }
        let members = self.window(height).map(Node::due).min().unwrap_or(i64::MAX);
        members.min(self.survey_due())
    }

    pub(super) fn waits_for(&self, id: FetchId) -> bool {
        self.wanted.as_ref().is_some_and(|(wanted, _)| *wanted == id)
    }

    pub(super) fn answer(&mut self, answer: Result<FlowPart, Clean>, now: i64, height: u64) {
        self.wanted = None;
        match answer {
            Err(why) => {
                self.error = Some(why);
                return;
            }
            Ok(FlowPart::Line(line)) => {
                self.cursor.index = line.len().saturating_sub(1) as u64;
                self.tree = Tree::of_line(line, now);
            }
            Ok(FlowPart::Children(node, page)) => self.tree.add(node, page),
            Ok(FlowPart::Members(members)) => {
                for member in &members {
                    self.tree.know(member, now);
                }
            }
            Ok(FlowPart::Survey(survey)) => {
                self.survey = Some(survey);
                self.surveyed_at = now;
            }
        }
        self.error = None;
        self.settle(height);
    }

    pub(super) fn settle(&mut self, height: u64) {
        self.cursor.index = self.cursor.index.min(self.rows().saturating_sub(1));
        self.cursor.scroll(self.rows(), height);
    }

    pub(super) fn step(&mut self, by: Move, height: u64) {
        self.cursor.step(by, self.rows(), height);
    }

    pub(super) fn select(&mut self, row: u64) {
        if row < self.rows() {
            self.cursor.index = row;
        }
    }

    /// Folds the row at the cursor; one that is folded or has nothing below it: goes to the one above.
    pub(super) fn fold(&mut self, height: u64) {
        if let Some(row) = self.tree.fold(usize::try_from(self.cursor.index).unwrap_or(0)) {
            self.cursor.index = row as u64;
        }
        self.settle(height);
    }

    /// Unfolds the row at the cursor; more of a list is asked for.
    pub(super) fn unfold(&mut self, height: u64) {
        self.tree.unfold(usize::try_from(self.cursor.index).unwrap_or(0));
        self.settle(height);
    }

    /// What Enter does at the cursor: the job that is to be opened, or (`None`) it folds, or lists more.
    pub(super) fn enter(&mut self, here: (&QueueId, &JobId), height: u64) -> Option<&Member> {
        let at = usize::try_from(self.cursor.index).unwrap_or(0);
        let is_here = |member: &Member| member.queue == *here.0 && member.id == *here.1;
        match self.tree.row(at) {
            Some(Row::Job { node: Node { member: Some(member), .. }, .. }) if !is_here(member) => {}
            Some(Row::Job { node, .. }) if node.open => {
                self.fold(height);
                return None;
            }
            _ => {
                self.unfold(height);
                return None;
            }
        }
        match self.tree.row(at) {
            Some(Row::Job { node, .. }) => node.member.as_ref(),
            _ => None,
        }
    }

    /// The id of the job at the cursor.
    pub(super) fn id(&self) -> Option<&JobId> {
        match self.row(self.cursor.index)? {
            Row::Job { node, .. } => node.job.as_ref().map(|(_, id)| id),
            Row::More { .. } => None,
        }
    }
}
