//! What the top of a flow waits for: a bounded walk down the children that are not done.

use std::collections::HashSet;

use crate::conn::{Batch, Conn, ConnError, Request, Value, Verb, bytes, float, integer, items};
use crate::engine::read::child::{self, ChildState};
use crate::engine::read::detail::{ask_state, tell_state};
use crate::wire::parent::split_job_key;
use crate::wire::{Era, JobId, QueueId, State, score};

/// Jobs that are looked at in one round trip.
const ABREAST: usize = 100;
/// Queues of leaves of which the first job's state is read.
const LEAVES: usize = 100;

/// Jobs from the root down.
pub type Path = Vec<(QueueId, JobId)>;

/// Jobs at the bottom that are not over, of one queue.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Leaf {
    /// Their queue.
    pub queue: QueueId,
    /// How many were seen.
    pub count: u64,
    /// The first of them, and all above it.
    pub path: Path,
    /// This account may not read them.
    pub refused: bool,
    /// Where the first one is; `None` where it was not found.
    pub state: Option<State>,
    /// When the first one is due, where it is delayed, ms since the epoch.
    pub due_at: Option<i64>,
}

/// What was found below a job. Facts only: what they mean is for `insight` to say.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Survey {
    /// A child that is awaited and whose hash is gone: nothing will ever end it.
    pub gone: Option<Path>,
    /// A child that failed and is awaited all the same.
    pub failed: Option<Path>,
    /// A child whose failure fails those above it; the top itself where it failed by itself.
    pub fails: Option<Path>,
    /// A child that completed, and its parent was not told.
    pub untold: Option<Path>,
    /// A job that waits for one above it: the path ends with that one.
    pub circle: Option<Path>,
    /// What is to run or runs, by queue; the top itself where it waits for nobody.
    pub leaves: Vec<Leaf>,
    /// Children that are awaited and were looked at.
    pub looked_at: u64,
    /// Nothing was left out.
    pub complete: bool,
}

/// What is asked of the children of a job.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    /// What is awaited.
    Awaited,
    /// The job failed: which of them failed it.
    Failing,
}

/// A job that was seen, and which one is above it.
struct Seen {
    job: (QueueId, JobId),
    above: Option<usize>,
    /// It fails those above it: what is below it only tells why.
    fails: bool,
    below: Asked,
}

/// What the first look at a job showed.
struct Glance {
    at: usize,
    /// Its hash says that it is not over.
    alive: bool,
    /// Children that it waits for.
    pending: i64,
    /// Children that failed it.
    unsuccessful: i64,
}

/// Looks down from a job through the children that it waits for, or because of which it failed: level
/// by level, at most `most` jobs, three commands each, and four to thirteen more of one that is a parent or may not be as it should.
pub async fn survey(conn: &Conn, queue: &QueueId, id: &JobId, most: u64) -> Result<Survey, ConnError> {
    let top = (queue.clone(), id.clone());
    let seen = Seen { job: top.clone(), above: None, fails: false, below: Asked::Awaited };
    let mut walk = Walk {
        conn,
        most,
        seen: vec![seen],
        known: HashSet::from([top]),
        survey: Survey { complete: true, ..Survey::default() },
    };
    let mut level = walk.top().await?;
    while !level.is_empty() && walk.survey.complete {
        let first = walk.seen.len();
        for parents in level.chunks(ABREAST) {
            walk.children(parents).await?;
        }
        level = walk.look(first).await?;
    }
    walk.leaves().await?;
    Ok(walk.survey)
}

struct Walk<'a> {
    conn: &'a Conn,
    most: u64,
    seen: Vec<Seen>,
    known: HashSet<(QueueId, JobId)>,
    survey: Survey,
}

impl Walk<'_> {
    /// Whether the top waits for its children at all: the first level, if there is one.
    async fn top(&mut self) -> Result<Vec<usize>, ConnError> {
        let (queue, id) = &self.seen[0].job;
        let mut batch = Batch::new();
        batch.push(Request::new(Verb::ZCard).arg(queue.satellite(id, "unsuccessful")));
        batch.push(Request::new(Verb::SCard).arg(queue.satellite(id, "dependencies")));
        ask_state(&mut batch, Era::Unknown, queue, id);
        let replies = self.conn.batch(&batch).await?;
        let count = |at: usize| replies.get(at).and_then(integer).unwrap_or(0);
        let (unsuccessful, pending) = (count(0), count(1));
        Ok(match tell_state(Era::Unknown, &mut replies.iter().skip(2)) {
            _ if unsuccessful > 0 => {
                self.seen[0].below = Asked::Failing;
                vec![0]
            }
            Some(State::WaitingChildren) | None if pending > 0 => vec![0],
            Some(State::Failed) => {
                self.survey.fails = Some(self.path(0)).filter(|_| pending == 0);
                self.seen[0].below = Asked::Failing;
                if pending > 0 { vec![0] } else { Vec::new() }
            }
            // It is released, or was never held.
            Some(state) if !state.is_finished() && state != State::WaitingChildren => {
                self.leaf(0, false);
                Vec::new()
            }
            _ => Vec::new(),
        })
    }

    /// Notes the children of some jobs that are awaited, or failed them.
    async fn children(&mut self, parents: &[usize]) -> Result<(), ConnError> {
        let mut left: Vec<(usize, u64)> = parents.iter().map(|at| (*at, 0)).collect();
        while !left.is_empty() {
            let mut batch = Batch::new();
            for (at, cursor) in &left {
                let (queue, id) = &self.seen[*at].job;
                let pending = queue.satellite(id, "dependencies");
                batch.push(Request::new(Verb::SScan).arg(pending).arg(*cursor).arg("COUNT").arg(1_000));
                // A parent fails with its first such child: there are few.
                let failed = queue.satellite(id, "unsuccessful");
                batch.push(Request::new(Verb::ZRange).arg(failed).arg(0).arg(99));
            }
            let replies = self.conn.batch(&batch).await?;
            let mut again = Vec::new();
            for ((at, cursor), pair) in left.into_iter().zip(replies.chunks(2)) {
                let scan = items(pair.first().unwrap_or(&Value::Nil));
                let keys = |reply: Option<&Value>| -> Vec<Vec<u8>> {
                    items(reply.unwrap_or(&Value::Nil)).iter().filter_map(bytes).map(<[u8]>::to_vec).collect()
                };
                let failing = keys(pair.get(1));
                if cursor == 0 {
                    for key in &failing {
                        self.note(at, key, true);
                    }
                }
                if self.seen[at].below == Asked::Awaited || failing.is_empty() {
                    for key in keys(scan.get(1)) {
                        self.note(at, &key, false);
                    }
                    let next = scan.first().and_then(bytes).and_then(|next| std::str::from_utf8(next).ok());
                    let next: u64 = next.and_then(|next| next.parse().ok()).unwrap_or(0);
                    if next != 0 && self.survey.complete {
                        again.push((at, next));
                    }
                }
            }
            left = again;
        }
        Ok(())
    }

    fn note(&mut self, above: usize, key: &[u8], fails: bool) {
        let Some(job) = split_job_key(key, None, &self.seen[above].job.0) else { return };
        if self.known.contains(&job) {
            let mut path = self.path(above);
            if path.contains(&job) {
                path.push(job);
                self.survey.circle.get_or_insert(path);
            }
        } else if self.survey.looked_at >= self.most {
            self.survey.complete = false;
        } else {
            self.known.insert(job.clone());
            self.survey.looked_at += 1;
            self.seen.push(Seen { job, above: Some(above), fails, below: Asked::Awaited });
        }
    }

    /// Looks at the jobs from `first` on; those below which there is more to see.
    async fn look(&mut self, first: usize) -> Result<Vec<usize>, ConnError> {
        let mut below = Vec::new();
        for start in (first..self.seen.len()).step_by(ABREAST) {
            let end = (start + ABREAST).min(self.seen.len());
            let mut suspects = Vec::new();
            for glance in self.glance(start..end).await? {
                match glance {
                    Glance { at, alive: true, pending: 0, unsuccessful: 0 } if !self.seen[at].fails => {
                        self.leaf(at, false);
                    }
                    other => suspects.push(other),
                }
            }
            self.judge(&suspects, &mut below).await?;
        }
        Ok(below)
    }

    async fn glance(&self, jobs: std::ops::Range<usize>) -> Result<Vec<Glance>, ConnError> {
        let mut batch = Batch::new();
        for one in &self.seen[jobs.clone()] {
            let (queue, id) = &one.job;
            batch.push(Request::new(Verb::HMGet).arg(queue.job(id)).arg("timestamp").arg("finishedOn"));
            batch.push(Request::new(Verb::SCard).arg(queue.satellite(id, "dependencies")));
            batch.push(Request::new(Verb::ZCard).arg(queue.satellite(id, "unsuccessful")));
        }
        let replies = self.conn.batch(&batch).await?;
        let tell = |(at, replies): (usize, &[Value])| {
            let fields = items(replies.first().unwrap_or(&Value::Nil));
            let there = |at: usize| fields.get(at).and_then(bytes).is_some();
            let count = |at: usize| replies.get(at).and_then(integer).unwrap_or(0);
            Glance { at, alive: there(0) && !there(1), pending: count(1), unsuccessful: count(2) }
        };
        Ok(jobs.zip(replies.chunks(3)).map(tell).collect())
    }

    /// A second look at those that are not simply to run: what became of them while they were awaited.
    async fn judge(&mut self, suspects: &[Glance], below: &mut Vec<usize>) -> Result<(), ConnError> {
        if suspects.is_empty() {
            return Ok(());
        }
        let mut batch = Batch::new();
        for suspect in suspects {
            let seen = &self.seen[suspect.at];
            let (queue, id) = &seen.job;
            let key = queue.job(id);
            child::ask(&mut batch, &key, queue, Some(&seen.job));
            let above = seen.above.map_or(&seen.job, |above| &self.seen[above].job);
            child::ask_awaited(&mut batch, &key, (&above.0, &above.1));
            if suspect.pending > 0 {
                ask_state(&mut batch, Era::Unknown, queue, id);
            }
        }
        let replies = self.conn.batch(&batch).await?;
        let mut rest = replies.as_slice();
        for suspect in suspects {
            let (own, others) = rest.split_at((child::REPLIES + 1).min(rest.len()));
            let state = child::tell(own)?;
            // It may have ended, and its parent been told, since the children were listed.
            let awaited = own.get(child::REPLIES).and_then(integer) != Some(0);
            let mut others = others.iter();
            // One that continues without its children waits for none of them.
            let waits = suspect.pending > 0
                && matches!(tell_state(Era::Unknown, &mut others), None | Some(State::WaitingChildren));
            rest = others.as_slice();
            if matches!(own.first(), Some(Value::ServerError(_))) {
                self.leaf(suspect.at, true);
                continue;
            }
            self.settle(suspect, state, waits, awaited, below);
        }
        Ok(())
    }

    fn settle(
        &mut self,
        suspect: &Glance,
        state: ChildState,
        waits: bool,
        awaited: bool,
        below: &mut Vec<usize>,
    ) {
        let at = suspect.at;
        let path = self.path(at);
        let asked = self.seen[at].above.map_or(Asked::Awaited, |above| self.seen[above].below);
        let found = &mut self.survey;
        if self.seen[at].fails || (asked == Asked::Failing && state == ChildState::Failed) {
            self.seen[at].fails = true;
            self.seen[at].below = Asked::Failing;
            if suspect.unsuccessful > 0 || (suspect.pending > 0 && state == ChildState::Failed) {
                below.push(at);
            } else {
                found.fails.get_or_insert(path);
            }
            return;
        }
        if asked == Asked::Failing || !awaited {
            return;
        }
        match state {
            ChildState::Gone => {
                found.gone.get_or_insert(path);
            }
            ChildState::Completed => {
                found.untold.get_or_insert(path);
            }
            ChildState::Failed | ChildState::Alive if suspect.unsuccessful > 0 => {
                // What fails it is further down.
                self.seen[at].fails = state == ChildState::Failed;
                self.seen[at].below = Asked::Failing;
                below.push(at);
            }
            ChildState::Failed => {
                found.failed.get_or_insert(path);
            }
            ChildState::Alive if waits => below.push(at),
            ChildState::Alive => self.leaf(at, false),
        }
    }

    fn leaf(&mut self, at: usize, refused: bool) {
        if let Some(above) = self.seen[at].above
            && self.seen[above].below == Asked::Failing
        {
            return;
        }
        let queue = &self.seen[at].job.0;
        if let Some(leaf) = self.survey.leaves.iter_mut().find(|leaf| leaf.queue == *queue) {
            leaf.count += 1;
        } else {
            let (queue, path) = (queue.clone(), self.path(at));
            self.survey.leaves.push(Leaf { queue, count: 1, path, refused, state: None, due_at: None });
        }
    }

    /// Where the first job of each leaf is.
    async fn leaves(&mut self) -> Result<(), ConnError> {
        let mut batch = Batch::new();
        for leaf in self.survey.leaves.iter().take(LEAVES) {
            let Some((queue, id)) = leaf.path.last() else { continue };
            batch.push(Request::new(Verb::ZScore).arg(queue.key("delayed")).arg(id.as_bytes()));
            ask_state(&mut batch, Era::Unknown, queue, id);
        }
        if batch.is_empty() {
            return Ok(());
        }
        let replies = self.conn.batch(&batch).await?;
        let mut replies = replies.iter();
        for leaf in self.survey.leaves.iter_mut().take(LEAVES) {
            let due = replies.next().and_then(float);
            leaf.state = tell_state(Era::Unknown, &mut replies);
            leaf.due_at = due.filter(|_| leaf.state == Some(State::Delayed)).map(score::due_at);
        }
        Ok(())
    }

    fn path(&self, at: usize) -> Path {
        let mut path = vec![self.seen[at].job.clone()];
        let mut up = self.seen[at].above;
        while let Some(at) = up {
            path.push(self.seen[at].job.clone());
            up = self.seen[at].above;
        }
        path.reverse();
        path
    }
}
