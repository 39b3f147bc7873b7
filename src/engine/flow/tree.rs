//! Reading a flow as a tree, over all its queues.

use super::super::queue::Queue;
use super::super::read::ChildKind;
use super::ChildRef;
use super::read::{page_reply, page_request};
use crate::conn::{Batch, ConnError, Request, Verb, bytes, integer, items};
use crate::wire::{JobId, Raw};

/// How much of a flow to read. Whatever is left out is told: [`FlowTree::more`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowLimits {
    /// Levels, the root's included.
    pub depth: usize,
    /// Children of each kind of one parent, up to 1,000.
    pub max_children: u32,
    /// Jobs in all.
    pub jobs: usize,
}

impl Default for FlowLimits {
    /// BullMQ's: 10 levels, 20 children of a kind; and at most 1,000 jobs, which it does not bound.
    fn default() -> Self {
        Self { depth: 10, max_children: 20, jobs: 1000 }
    }
}

/// A job of a flow with its children, as they are now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowTree {
    /// Which job.
    pub job: ChildRef,
    /// What became of it, as its parent keeps it; `None` for the root.
    pub kind: Option<ChildKind>,
    /// Its name; `None` when its hash is gone: a child that was removed when it had ended is still
    /// known to its parent.
    pub name: Option<Raw>,
    /// When it was made, ms since the epoch.
    pub timestamp: Option<i64>,
    /// When it last started, ms since the epoch.
    pub processed_on: Option<i64>,
    /// When it ended, ms since the epoch.
    pub finished_on: Option<i64>,
    /// What it left with its parent: its return value (`Processed`), the text of its failure (`Ignored`).
    pub value: Option<Raw>,
    /// Its children: processed, pending, failed, ignored ones.
    pub children: Vec<Self>,
    /// It has children that are not listed, because a limit was reached.
    pub more: bool,
}

impl FlowTree {
    fn new(job: ChildRef, kind: Option<ChildKind>, value: Option<Raw>) -> Self {
        Self {
            job,
            kind,
            name: None,
            timestamp: None,
            processed_on: None,
            finished_on: None,
            value,
            children: Vec::new(),
            more: false,
        }
    }

    /// Whether its hash is there.
    pub fn exists(&self) -> bool {
        self.name.is_some()
    }
}

const FIELDS: [&str; 4] = ["name", "timestamp", "processedOn", "finishedOn"];
const KINDS: [ChildKind; 4] =
    [ChildKind::Processed, ChildKind::Pending, ChildKind::Failed, ChildKind::Ignored];

/// A job, and the place of its parent in the list.
struct Found {
    tree: FlowTree,
    above: Option<usize>,
}

impl Queue {
    /// A job of this queue with all below it, read level by level, one round trip each; `None` when
    /// there is no such job. Nothing of data or options is read. A job that changes meanwhile may be
    /// seen in between.
    ///
    /// ```no_run
    /// # async fn example(queue: toril::engine::Queue, id: toril::wire::JobId) -> Result<(), Box<dyn std::error::Error>> {
    /// use toril::engine::flow::FlowLimits;
    ///
    /// let limits = FlowLimits { depth: 3, ..FlowLimits::default() };
    /// if let Some(tree) = queue.flow(&id, limits).await? {
    ///     let waiting = tree.children.iter().filter(|child| child.finished_on.is_none()).count();
    ///     assert!(waiting <= tree.children.len());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn flow(&self, id: &JobId, limits: FlowLimits) -> Result<Option<FlowTree>, ConnError> {
        let root = ChildRef {
            key: Raw::new(self.id().job(id)),
            queue: Some(self.id().clone()),
            id: Some(id.clone()),
        };
        let mut found = vec![Found { tree: FlowTree::new(root, None, None), above: None }];
        let (mut first, mut level) = (0, 1);
        while first < found.len() && level <= limits.depth.max(1) {
            let last = found.len();
            self.level(&mut found, first..last, level == limits.depth.max(1), limits).await?;
            if level == 1 && !found[0].tree.exists() {
                return Ok(None);
            }
            first = last;
            level += 1;
        }
        Ok(whole(found))
    }

    /// Reads the jobs of one level and, unless it is the last, appends their children.
    async fn level(
        &self,
        found: &mut Vec<Found>,
        level: std::ops::Range<usize>,
        last: bool,
        limits: FlowLimits,
    ) -> Result<(), ConnError> {
        let mut batch = Batch::new();
        let count = if last { 1 } else { limits.max_children };
        for at in level.clone() {
            let job = &found[at].tree.job;
            batch.push(Request::new(Verb::HMGet).arg(job.key.as_bytes()).arg(&FIELDS[..]));
            if let (Some(queue), Some(id)) = (&job.queue, &job.id) {
                for kind in KINDS {
                    batch.push(page_request(queue, id, kind, 0, count));
                }
            }
        }
        let mut replies = conn_batch(self, &batch).await?.into_iter();
        for at in level {
            let Some(head) = replies.next() else { break };
            let (queue, has_id) = (found[at].tree.job.queue.clone(), found[at].tree.job.id.is_some());
            // A key of another type is no job.
            let head = ConnError::check(head).unwrap_or(crate::conn::Value::Nil);
            let field = |place: usize| items(&head).get(place);
            let time = |place: usize| field(place).and_then(integer);
            let tree = &mut found[at].tree;
            tree.name = field(0).and_then(bytes).map(Raw::new);
            (tree.timestamp, tree.processed_on, tree.finished_on) = (time(1), time(2), time(3));
            let (Some(queue), true) = (queue, has_id) else { continue };
            for kind in KINDS {
                let Some(reply) = replies.next() else { break };
                let page = page_reply(&queue, kind, 0, count, &ConnError::check(reply)?);
                let room = if last {
                    0
                } else {
                    (limits.max_children as usize).min(limits.jobs.saturating_sub(found.len()))
                };
                found[at].tree.more |= page.next.is_some() || page.children.len() > room;
                let children = page.children.into_iter().take(room);
                found.extend(children.map(|child| Found {
                    tree: FlowTree::new(child.child, Some(kind), child.value),
                    above: Some(at),
                }));
            }
        }
        Ok(())
    }
}

async fn conn_batch(queue: &Queue, batch: &Batch) -> Result<Vec<crate::conn::Value>, ConnError> {
    queue.conn().batch(batch).await
}

/// Puts the jobs together; children stand behind their parents.
fn whole(found: Vec<Found>) -> Option<FlowTree> {
    let mut found: Vec<_> = found.into_iter().map(|found| (Some(found.tree), found.above)).collect();
    for at in (1..found.len()).rev() {
        let (tree, above) = (found[at].0.take(), found[at].1);
        let parent = above.and_then(|above| found[above].0.as_mut());
        if let (Some(mut tree), Some(parent)) = (tree, parent) {
            tree.children.reverse();
            parent.children.push(tree);
        }
    }
    let mut root = found.into_iter().next()?.0?;
    root.children.reverse();
    Some(root)
}
