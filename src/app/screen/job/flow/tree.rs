//! The jobs of a flow that are known, and the rows that follow from what is unfolded.

use std::collections::HashMap;

use super::PACE_MS;
use crate::engine::read::ChildKind;
use crate::engine::read::flow::{Cursor, Member, Offspring};
use crate::wire::{JobId, QueueId, Raw, State};

/// What is over is read again after this, ms: it may be retried.
const SLOW_MS: i64 = 15_000;

/// A job of the flow.
#[derive(Debug)]
pub struct Node {
    /// Its key, as its parent keeps it.
    pub key: Raw,
    /// Which job, where the key is one.
    pub job: Option<(QueueId, JobId)>,
    /// What became of it, as its parent keeps it.
    pub kind: Option<ChildKind>,
    /// What is known of it.
    pub member: Option<Member>,
    /// Its children are shown.
    pub open: bool,
    /// It stands above itself: what is below it is there already.
    pub circle: bool,
    read_at: i64,
    above: Option<usize>,
    /// Those that are listed.
    children: Vec<usize>,
    listing: Listing,
}

/// How far a job's children are listed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Listing {
    /// Not at all; of a job above, only the one on the line.
    No,
    /// They are to be listed from here on.
    Wanted(Option<Cursor>),
    /// There are more, from here on.
    UpTo(Cursor),
    /// All.
    Whole,
}

impl Node {
    /// When it should be read (again).
    pub(super) fn due(&self) -> i64 {
        match &self.member {
            _ if self.job.is_none() => i64::MAX,
            None => 0,
            Some(member) if member.state.is_some_and(State::is_finished) || !member.exists => {
                self.read_at + SLOW_MS
            }
            Some(_) => self.read_at + PACE_MS,
        }
    }

    /// Its children by what is known: all of them.
    pub fn awaited(&self) -> u64 {
        self.member.as_ref().map_or(0, |member| {
            let children = &member.children;
            children.processed + children.pending + children.failed + children.ignored
        })
    }
}

/// A row of the tab.
#[derive(Debug)]
pub enum Row<'a> {
    /// A job, so deep below the root.
    Job {
        /// The job.
        node: &'a Node,
        /// Levels above it.
        depth: usize,
    },
    /// There are more children, so many as far as is known.
    More {
        /// How many.
        count: u64,
        /// Levels above them.
        depth: usize,
    },
}

#[derive(Clone, Copy, Debug)]
enum Place {
    Job(usize, usize),
    More(usize, usize),
}

/// All that is known.
#[derive(Debug, Default)]
pub(super) struct Tree {
    pub(super) nodes: Vec<Node>,
    pub(super) rows: Vec<RowAt>,
    /// The way down to what holds the flow up: its jobs come first among those beside them.
    pinned: Vec<(QueueId, JobId)>,
    /// How many of them were brought into sight; what is folded after that stays folded.
    revealed: usize,
}

/// Where a row comes from.
#[derive(Clone, Copy, Debug)]
pub(super) struct RowAt(Place);

impl Tree {
    /// The line from the root down to a job, whose children are to be listed.
    pub(super) fn of_line(line: Vec<Member>, now: i64) -> Self {
        let last = line.len().saturating_sub(1);
        let nodes = line.into_iter().enumerate().map(|(at, member)| Node {
            key: Raw::new(member.queue.job(&member.id)),
            job: Some((member.queue.clone(), member.id.clone())),
            kind: None,
            open: at < last || member.has_children(),
            listing: if at == last && member.has_children() { Listing::Wanted(None) } else { Listing::No },
            children: if at < last { vec![at + 1] } else { Vec::new() },
            above: at.checked_sub(1),
            member: Some(member),
            circle: false,
            read_at: now,
        });
        let mut tree = Self { nodes: nodes.collect(), ..Self::default() };
        tree.lay_out();
        tree
    }

    /// Whether the root is over.
    pub(super) fn is_over(&self) -> bool {
        let root = self.nodes.first().and_then(|node| node.member.as_ref());
        root.is_some_and(|member| member.state == Some(State::Completed) || !member.exists)
    }

    /// A job whose children are to be listed, and from where on.
    pub(super) fn unlisted(&self) -> Option<(usize, QueueId, JobId, Option<Cursor>)> {
        self.nodes.iter().enumerate().find_map(|(at, node)| match (node.listing, &node.job) {
            (Listing::Wanted(from), Some((queue, id))) => Some((at, queue.clone(), id.clone(), from)),
            _ => None,
        })
    }

    /// Takes a page of a job's children in.
    pub(super) fn add(&mut self, parent: usize, page: Offspring) {
        let Some(node) = self.nodes.get(parent) else { return };
        let known: HashMap<Raw, usize> =
            node.children.iter().map(|at| (self.nodes[*at].key.clone(), *at)).collect();
        let from_the_start = matches!(node.listing, Listing::Wanted(None));
        let mut children = if from_the_start { Vec::new() } else { node.children.clone() };
        for child in page.children {
            let at = known.get(&child.key).copied().unwrap_or(self.nodes.len());
            if at == self.nodes.len() {
                self.new_node(parent, child.key, child.queue.zip(child.id));
            }
            self.nodes[at].kind = Some(child.kind);
            if from_the_start || !known.contains_key(&self.nodes[at].key) {
                children.push(at);
            }
        }
        if from_the_start && page.next.is_some() {
            // The jobs on the line and on the way to what holds it up stay, wherever they are listed.
            let wanted = self.pinned_below(parent);
            let kept = self.nodes[parent].children.iter().copied().filter(|at| {
                let node = &self.nodes[*at];
                node.kind.is_none() || node.open || (node.job.is_some() && node.job.as_ref() == wanted)
            });
            let kept: Vec<usize> = kept.filter(|at| !children.contains(at)).collect();
            children.extend(kept);
        }
        let wanted = self.pinned_below(parent);
        children.sort_by(|one, other| {
            // What holds the flow up first, and then what holds the parent up.
            let rank = |node: &Node| node.job.is_none() || node.job.as_ref() != wanted;
            let (one, other) = (&self.nodes[*one], &self.nodes[*other]);
            let order = rank(one).cmp(&rank(other)).then_with(|| one.kind.cmp(&other.kind));
            order.then_with(|| one.key.cmp(&other.key))
        });
        children.dedup();
        let node = &mut self.nodes[parent];
        node.children = children;
        node.listing = page.next.map_or(Listing::Whole, Listing::UpTo);
        self.lay_out();
    }

    fn new_node(&mut self, parent: usize, key: Raw, job: Option<(QueueId, JobId)>) {
        let mut line = std::iter::successors(Some(parent), |at| self.nodes[*at].above);
        let circle = line.any(|at| self.nodes[at].key == key);
        self.nodes.push(Node {
            key,
            job,
            kind: None,
            member: None,
            open: false,
            circle,
            read_at: 0,
            above: Some(parent),
            children: Vec::new(),
            listing: Listing::No,
        });
    }

    /// The job below this one on the way to what holds the flow up.
    fn pinned_below(&self, parent: usize) -> Option<&(QueueId, JobId)> {
        let job = self.nodes[parent].job.as_ref()?;
        let at = self.pinned.iter().position(|pinned| pinned == job)?;
        self.pinned.get(at + 1)
    }

    /// Brings the way down to what holds the flow up into sight, once; lists nothing for it. Whether rows
    /// changed.
    pub(super) fn reveal(&mut self, path: &[(QueueId, JobId)]) -> bool {
        if self.pinned != path {
            (self.pinned, self.revealed) = (path.to_vec(), 1);
        }
        if self.revealed >= path.len()
            || self.nodes.first().and_then(|root| root.job.as_ref()) != path.first()
        {
            return false;
        }
        let mut at = 0;
        for (step, job) in path.iter().enumerate().skip(1) {
            if matches!(self.nodes[at].listing, Listing::Wanted(_)) {
                // It is being listed: that comes first.
                return false;
            }
            let is_it = |child: &usize| self.nodes[*child].job.as_ref() == Some(job);
            let place = self.nodes[at].children.iter().position(is_it);
            let child = if let Some(place) = place {
                self.nodes[at].children.remove(place)
            } else {
                self.new_node(at, Raw::new(job.0.job(&job.1)), Some(job.clone()));
                self.nodes.len() - 1
            };
            self.nodes[at].children.insert(0, child);
            if step >= self.revealed {
                self.nodes[at].open = true;
                self.revealed = step + 1;
            }
            if self.nodes[child].circle {
                self.revealed = path.len();
                break;
            }
            at = child;
        }
        self.lay_out();
        true
    }

    /// The job of a row.
    pub(super) fn node_at(&self, row: usize) -> Option<usize> {
        match self.rows.get(row)?.0 {
            Place::Job(at, _) => Some(at),
            Place::More(..) => None,
        }
    }

    /// The row of a job.
    pub(super) fn row_of(&self, node: usize) -> Option<usize> {
        self.rows.iter().position(|row| matches!(row.0, Place::Job(at, _) if at == node))
    }

    /// Takes in what is known of a job. Where its children became others, they are listed again.
    pub(super) fn know(&mut self, member: &Member, now: i64) {
        let job = (&member.queue, &member.id);
        for node in &mut self.nodes {
            if node.job.as_ref().is_none_or(|(queue, id)| (queue, id) != job) {
                continue;
            }
            let moved = node.member.as_ref().is_some_and(|known| known.children != member.children);
            if moved && node.listing == Listing::Whole {
                node.listing = Listing::Wanted(None);
            }
            node.member = Some(member.clone());
            node.read_at = now;
        }
    }

    /// The jobs of some rows.
    pub(super) fn shown(&self, first: usize, count: usize) -> impl Iterator<Item = &Node> {
        self.rows.iter().skip(first).take(count).filter_map(|row| match row.0 {
            Place::Job(at, _) => self.nodes.get(at),
            Place::More(..) => None,
        })
    }

    pub(super) fn row(&self, at: usize) -> Option<Row<'_>> {
        Some(match self.rows.get(at)?.0 {
            Place::Job(node, depth) => Row::Job { node: self.nodes.get(node)?, depth },
            Place::More(parent, depth) => {
                let node = self.nodes.get(parent)?;
                Row::More { count: node.awaited().saturating_sub(node.children.len() as u64), depth }
            }
        })
    }

    /// Folds a row; where there is nothing to fold, the row of the job above it.
    pub(super) fn fold(&mut self, row: usize) -> Option<usize> {
        let (at, above) = match self.rows.get(row)?.0 {
            Place::Job(at, _) => (at, self.nodes[at].above),
            Place::More(parent, _) => (parent, Some(parent)),
        };
        let is_job = matches!(self.rows.get(row)?.0, Place::Job(..));
        if is_job && self.nodes[at].open {
            self.nodes[at].open = false;
            self.lay_out();
            return None;
        }
        let above = above?;
        self.row_of(above)
    }

    /// Unfolds a row, and lists what was not listed.
    pub(super) fn unfold(&mut self, row: usize) {
        let Some(row) = self.rows.get(row) else { return };
        let (at, more) = match row.0 {
            Place::Job(at, _) => (at, false),
            Place::More(parent, _) => (parent, true),
        };
        let node = &mut self.nodes[at];
        if !more && (node.awaited() == 0 || node.circle) {
            return;
        }
        node.open = true;
        node.listing = match node.listing {
            Listing::No if more || node.children.is_empty() => Listing::Wanted(None),
            Listing::UpTo(from) if more => Listing::Wanted(Some(from)),
            other => other,
        };
        self.lay_out();
    }

    fn lay_out(&mut self) {
        self.rows.clear();
        if self.nodes.is_empty() {
            return;
        }
        let mut stack = vec![Place::Job(0, 0)];
        while let Some(place) = stack.pop() {
            self.rows.push(RowAt(place));
            let Place::Job(at, depth) = place else { continue };
            let node = &self.nodes[at];
            if !node.open {
                continue;
            }
            let more = match node.listing {
                Listing::UpTo(_) | Listing::Wanted(_) => true,
                Listing::No => node.awaited() > node.children.len() as u64,
                Listing::Whole => false,
            };
            if more {
                stack.push(Place::More(at, depth + 1));
            }
            stack.extend(node.children.iter().rev().map(|child| Place::Job(*child, depth + 1)));
        }
    }
}
