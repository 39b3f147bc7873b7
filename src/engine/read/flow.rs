//! A flow from the outside: who is above a job and who is below it, across queues, page by page.
//!
//! Nothing here reads a whole set or hash of unknown size, a child's result or a job's data: keys of
//! children come in pages ([`offspring`]), what is known of a job in two round trips for as many as
//! fit on a screen ([`members`]), and what holds the top job up by a bounded walk ([`survey`]).
//!
//! ```no_run
//! # async fn example(conn: toril::conn::Conn, queue: toril::wire::QueueId, id: toril::wire::JobId) -> Result<(), toril::conn::ConnError> {
//! use toril::engine::read::flow;
//!
//! let root = flow::above(&conn, &queue, &id).await?.into_iter().next().unwrap_or((queue, id));
//! let page = flow::offspring(&conn, &root.0, &root.1, None).await?;
//! let jobs: Vec<_> = page.children.iter().filter_map(|child| child.queue.clone().zip(child.id.clone())).collect();
//! let known = flow::members(&conn, &jobs).await?;
//! assert!(known.len() <= page.children.len());
//! # Ok(())
//! # }
//! ```

mod offspring;
mod survey;
mod tree;

pub use offspring::{Cursor, Offspring, offspring};
pub use survey::{Leaf, Path, Survey, survey};
pub use tree::{Bounds, Node, tree};

use std::collections::{BTreeSet, HashMap};

use super::detail::{ask_long, ask_state, tell_long, tell_state};
use super::job::{Children, Parent};
use super::page::Brief;
use crate::conn::{Batch, Conn, ConnError, Request, Value, Verb, bytes, integer, items};
use crate::text::{Clean, Mask};
use crate::wire::{Era, JobId, QueueId, State, number};

/// Jobs in one round trip.
const ABREAST: usize = 40;
/// Longest text that is read unasked, bytes.
const TEXT: u64 = 4096;
/// Levels that are followed up.
const LEVELS: usize = 64;

/// A job of a flow, as it stands now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Member {
    /// Its queue.
    pub queue: QueueId,
    /// Its id.
    pub id: JobId,
    /// Its hash is there. A child that ended and was removed is still known to its parent.
    pub exists: bool,
    /// This account may not read it: nothing is known of it.
    pub refused: bool,
    /// Where it is; `None` where it was not found.
    pub state: Option<State>,
    /// The state is supposed: it was found nowhere, and that list is too long to be searched.
    pub supposed: bool,
    /// Its name.
    pub name: Brief,
    /// `failedReason`.
    pub reason: Brief,
    /// `progress`, JSON text.
    pub progress: Brief,
    /// When it was made, ms since the epoch.
    pub timestamp: Option<i64>,
    /// When it last started, ms since the epoch.
    pub processed_on: Option<i64>,
    /// When it ended, ms since the epoch.
    pub finished_on: Option<i64>,
    /// Its children by what became of them.
    pub children: Children,
    /// Its parent.
    pub parent: Option<Parent>,
}

impl Member {
    /// The job as it may be shown: secrets in its texts are masked.
    #[must_use]
    pub fn masked(mut self, mask: &Mask) -> Self {
        for brief in [&mut self.name, &mut self.reason, &mut self.progress] {
            if let Brief::Text(text) = brief {
                *text = mask.clean(text);
            }
        }
        self
    }

    /// Whether it has children at all.
    pub const fn has_children(&self) -> bool {
        let Children { processed, pending, failed, ignored } = self.children;
        processed + pending + failed + ignored > 0
    }
}

const SMALL: [&str; 5] = ["timestamp", "processedOn", "finishedOn", "parentKey", "parent"];
const TEXTS: [&str; 3] = ["name", "failedReason", "progress"];
const COUNTS: [(Verb, &str); 4] = [
    (Verb::HLen, "processed"),
    (Verb::SCard, "dependencies"),
    (Verb::ZCard, "unsuccessful"),
    (Verb::HLen, "failed"),
];

/// Reads what is known of some jobs, in order; two round trips for 40.
pub async fn members(conn: &Conn, jobs: &[(QueueId, JobId)]) -> Result<Vec<Member>, ConnError> {
    let mut all = Vec::with_capacity(jobs.len());
    for jobs in jobs.chunks(ABREAST) {
        let mut batch = Batch::new();
        for (queue, id) in jobs {
            ask(&mut batch, queue, id);
        }
        let each = batch.len() / jobs.len().max(1);
        let queues: BTreeSet<&QueueId> = jobs.iter().map(|(queue, _)| queue).collect();
        for queue in &queues {
            ask_long(&mut batch, queue);
        }
        let replies = conn.batch(&batch).await?;
        let (own, lengths) = replies.split_at((each * jobs.len()).min(replies.len()));
        let mut lengths = lengths.iter();
        let long: HashMap<&QueueId, Vec<State>> =
            queues.into_iter().map(|queue| (queue, tell_long(&mut lengths))).collect();
        let mut found: Vec<(Member, [u64; 3])> = jobs
            .iter()
            .zip(own.chunks(each.max(1)))
            .map(|((queue, id), replies)| tell(queue, id, replies))
            .collect();
        for (member, _) in &mut found {
            // Deep in a list it is not searched for: 19 ms of everybody's time for a million.
            if let (true, None, Some([list, ..])) =
                (member.exists && !member.refused, member.state, long.get(&member.queue).map(Vec::as_slice))
            {
                (member.state, member.supposed) = (Some(*list), true);
            }
        }
        texts(conn, &mut found).await?;
        all.extend(found.into_iter().map(|(member, _)| member));
    }
    Ok(all)
}

fn ask(batch: &mut Batch, queue: &QueueId, id: &JobId) {
    let key = queue.job(id);
    let mut small = Request::new(Verb::HMGet).arg(&key);
    for field in SMALL {
        small = small.arg(field);
    }
    batch.push(small);
    for field in TEXTS {
        batch.push(Request::new(Verb::HStrLen).arg(&key).arg(field));
    }
    for (verb, suffix) in COUNTS {
        batch.push(Request::new(verb).arg(queue.satellite(id, suffix)));
    }
    ask_state(batch, Era::Unknown, queue, id);
}

fn count(reply: Option<&Value>) -> u64 {
    // A key of another type, or one that may not be read, is taken as absent.
    reply.and_then(integer).and_then(|n| u64::try_from(n).ok()).unwrap_or(0)
}

fn tell(queue: &QueueId, id: &JobId, replies: &[Value]) -> (Member, [u64; 3]) {
    let small = items(replies.first().unwrap_or(&Value::Nil));
    let number = |at: usize| small.get(at).and_then(bytes).and_then(number::whole);
    let sizes = [1, 2, 3].map(|at| count(replies.get(at)));
    let [processed, pending, failed, ignored] = [4, 5, 6, 7].map(|at| count(replies.get(at)));
    let state = tell_state(Era::Unknown, &mut replies.get(8..).unwrap_or_default().iter());
    let exists = small.iter().any(|value| bytes(value).is_some()) || sizes.iter().any(|size| *size > 0);
    let refused = matches!(replies.first(), Some(Value::ServerError(error)) if error.code() == "NOPERM");
    let member = Member {
        queue: queue.clone(),
        id: id.clone(),
        exists: exists || refused,
        refused,
        state,
        supposed: false,
        name: Brief::Absent,
        reason: Brief::Absent,
        progress: Brief::Absent,
        timestamp: number(0),
        processed_on: number(1),
        finished_on: number(2),
        children: Children { processed, pending, failed, ignored },
        parent: Parent::named(queue, small.get(3).and_then(bytes), small.get(4).and_then(bytes)),
    };
    (member, sizes)
}

/// Reads the texts that are small; of the others the size is told.
async fn texts(conn: &Conn, found: &mut [(Member, [u64; 3])]) -> Result<(), ConnError> {
    let mut batch = Batch::new();
    let mut places = Vec::new();
    for (at, (member, sizes)) in found.iter().enumerate() {
        for (text, size) in sizes.iter().enumerate().filter(|(_, size)| **size > 0) {
            if *size <= TEXT {
                batch.push(Request::new(Verb::HGet).arg(member.queue.job(&member.id)).arg(TEXTS[text]));
                places.push((at, text));
            }
        }
    }
    let replies = if batch.is_empty() { Vec::new() } else { conn.batch(&batch).await? };
    for (member, sizes) in found.iter_mut() {
        for (text, size) in sizes.iter().enumerate().filter(|(_, size)| **size > TEXT) {
            *brief(member, text) = Brief::Large(*size);
        }
    }
    for ((at, text), reply) in places.into_iter().zip(replies) {
        if let Some((member, _)) = found.get_mut(at)
            && let Some(value) = bytes(&reply)
        {
            *brief(member, text) = Brief::Text(Clean::line(value));
        }
    }
    Ok(())
}

fn brief(member: &mut Member, text: usize) -> &mut Brief {
    match text {
        0 => &mut member.name,
        1 => &mut member.reason,
        _ => &mut member.progress,
    }
}

/// The jobs above a job, the root first; empty for a root. One round trip a level; a circle (keys that
/// were written by hand) ends it.
pub async fn above(conn: &Conn, queue: &QueueId, id: &JobId) -> Result<Vec<(QueueId, JobId)>, ConnError> {
    let mut chain = vec![(queue.clone(), id.clone())];
    while chain.len() <= LEVELS
        && let Some((queue, id)) = chain.last()
    {
        let ask = Request::new(Verb::HMGet).arg(queue.job(id)).arg("parentKey").arg("parent");
        let reply = conn.call(ask).await?;
        let fields = items(&reply);
        let found = Parent::named(queue, fields.first().and_then(bytes), fields.get(1).and_then(bytes));
        let Some(up) = found.and_then(|parent| parent.queue.zip(parent.id)) else { break };
        if chain.contains(&up) {
            break;
        }
        chain.push(up);
    }
    chain.remove(0);
    chain.reverse();
    Ok(chain)
}
