//! What the top of a flow waits for: a bounded walk down the children that are not done.

use std::collections::HashSet;

use crate::conn::{Batch, Conn, ConnError, Request, Value, Verb, bytes, integer, items};
use crate::wire::parent::split_job_key;
use crate::wire::{JobId, QueueId};

/// Jobs that are looked at in one round trip.
const ABREAST: usize = 100;

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
}

/// What was found below a job. Facts only: what they mean is for `insight` to say.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Survey {
    /// A child that is awaited and whose hash is gone: nothing will ever end it.
    pub gone: Option<Path>,
    /// A child that failed and is awaited all the same.
    pub failed: Option<Path>,
    /// A child whose failure fails those above it.
    pub fails: Option<Path>,
    /// What is to run or runs, by queue.
    pub leaves: Vec<Leaf>,
    /// Children that are awaited and were looked at.
    pub looked_at: u64,
    /// Nothing was left out.
    pub complete: bool,
}

/// A job that was seen, and which one is above it.
struct Seen {
    job: (QueueId, JobId),
    above: Option<usize>,
    /// It failed, or fails those above it: what is below it only tells why.
    failed: bool,
}

/// Looks down from a job through the children that it waits for, or because of which it failed: level
/// by level, at most `most` jobs, three commands each.
pub async fn survey(conn: &Conn, queue: &QueueId, id: &JobId, most: u64) -> Result<Survey, ConnError> {
    let mut walk = Walk {
        conn,
        most,
        seen: vec![Seen { job: (queue.clone(), id.clone()), above: None, failed: false }],
        known: HashSet::from([(queue.clone(), id.clone())]),
        survey: Survey { complete: true, ..Survey::default() },
    };
    let mut level = vec![0];
    while !level.is_empty() && walk.survey.complete {
        let first = walk.seen.len();
        for parents in level.chunks(ABREAST) {
            walk.children(parents).await?;
        }
        level = walk.look(first).await?;
    }
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
                if cursor == 0 {
                    for key in keys(pair.get(1)) {
                        self.note(at, &key, true);
                    }
                }
                if !self.seen[at].failed {
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

    fn note(&mut self, above: usize, key: &[u8], failed: bool) {
        let Some(job) = split_job_key(key, None, &self.seen[above].job.0) else { return };
        if self.survey.looked_at >= self.most {
            self.survey.complete = false;
        } else if self.known.insert(job.clone()) {
            self.survey.looked_at += 1;
            self.seen.push(Seen { job, above: Some(above), failed });
        }
    }

    /// Looks at the jobs from `first` on; those below which there is more to see.
    async fn look(&mut self, first: usize) -> Result<Vec<usize>, ConnError> {
        let mut below = Vec::new();
        for start in (first..self.seen.len()).step_by(ABREAST) {
            let end = (start + ABREAST).min(self.seen.len());
            let mut batch = Batch::new();
            for one in &self.seen[start..end] {
                let (queue, id) = &one.job;
                batch.push(Request::new(Verb::HMGet).arg(queue.job(id)).arg("timestamp").arg("finishedOn"));
                batch.push(Request::new(Verb::SCard).arg(queue.satellite(id, "dependencies")));
                batch.push(Request::new(Verb::ZCard).arg(queue.satellite(id, "unsuccessful")));
            }
            let replies = self.conn.batch(&batch).await?;
            for (at, replies) in (start..end).zip(replies.chunks(3)) {
                let fields = items(replies.first().unwrap_or(&Value::Nil));
                let there = |at: usize| fields.get(at).and_then(bytes).is_some();
                let count = |at: usize| replies.get(at).and_then(integer).unwrap_or(0);
                let ended = there(1) || self.seen[at].failed;
                if !there(0) && !there(1) && !self.seen[at].failed {
                    let path = self.path(at);
                    self.survey.gone.get_or_insert(path);
                } else if count(2) > 0 || (count(1) > 0 && !ended) {
                    // What fails it, or what it waits for, is further down.
                    self.seen[at].failed = ended;
                    below.push(at);
                } else if ended {
                    let path = self.path(at);
                    let fails = self.seen[at].failed;
                    let place = if fails { &mut self.survey.fails } else { &mut self.survey.failed };
                    place.get_or_insert(path);
                } else {
                    self.leaf(at);
                }
            }
        }
        Ok(below)
    }

    fn leaf(&mut self, at: usize) {
        let queue = &self.seen[at].job.0;
        if let Some(leaf) = self.survey.leaves.iter_mut().find(|leaf| leaf.queue == *queue) {
            leaf.count += 1;
        } else {
            let (queue, path) = (queue.clone(), self.path(at));
            self.survey.leaves.push(Leaf { queue, count: 1, path });
        }
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
