//! Goes through the jobs of a selection by chunks, while they move away under it.

use std::collections::{HashSet, VecDeque};

use super::Selection;
use crate::conn::{Batch, Conn, ConnError, Request, Value, Verb, bytes, integer, items};
use crate::wire::{JobId, QueueId, State};

/// The longest chunk.
pub const CHUNK: usize = 100;
/// Refused jobs that are remembered; a run that meets more is over.
pub const REMEMBERED: usize = 10_000;
/// Passes after the first; somebody else's changes must not keep a run alive for ever.
const PASSES: u8 = 2;

/// The jobs of a selection, each once.
///
/// Jobs that are acted on leave their state, so the oldest that is left is always near the same
/// end; the ones that were refused stay and are stepped over. What moved while a chunk was under
/// way may be stepped over too: passes are repeated until one finds nothing new.
pub struct Walk {
    queue: QueueId,
    source: Source,
}

enum Source {
    Ids(VecDeque<JobId>),
    All {
        state: State,
        until: i64,
        /// Elements at the old end that this pass has stepped over.
        offset: usize,
        /// Jobs that had their turn and are still there.
        kept: HashSet<JobId>,
        /// Whether this pass found something.
        found: bool,
        /// Whether the page before was the last one of this pass.
        end: bool,
        /// Passes that may still begin.
        passes: u8,
    },
}

impl Walk {
    /// From the beginning.
    pub fn new(queue: QueueId, selection: &Selection) -> Self {
        let source = match selection {
            Selection::Ids(ids) => Source::Ids(unique(ids)),
            Selection::Group(only) => Source::Ids(unique(&only.ids)),
            Selection::All { state, until } => Source::All {
                state: *state,
                until: *until,
                offset: 0,
                kept: HashSet::new(),
                found: false,
                end: false,
                passes: PASSES,
            },
        };
        Self { queue, source }
    }

    /// The next jobs, at most `limit`; none when the walk is over.
    pub async fn next(&mut self, conn: &Conn, limit: usize) -> Result<Vec<JobId>, ConnError> {
        match &mut self.source {
            Source::Ids(ids) => Ok(ids.drain(..limit.min(ids.len())).collect()),
            Source::All { state, until, offset, kept, found, end, passes } => loop {
                if *end {
                    if !*found || *passes == 0 {
                        return Ok(Vec::new());
                    }
                    *passes -= 1;
                    (*offset, *found, *end) = (0, false, false);
                }
                let page = page(conn, &self.queue, *state, *until, *offset, limit).await?;
                *end = page.len() < limit;
                // Stepped over until somebody says that they left.
                *offset += page.len();
                let new: Vec<JobId> = page.into_iter().filter(|id| !kept.contains(id)).collect();
                let chunk = eligible(conn, &self.queue, *state, *until, new).await?;
                if !chunk.is_empty() {
                    *found = true;
                    return Ok(chunk);
                }
            },
        }
    }

    /// Tells what became of the last chunk: which jobs are still where they were.
    /// Returns false when too many stay for the walk to make sense.
    pub fn settle(&mut self, stay: Vec<JobId>, left: usize) -> bool {
        match &mut self.source {
            Source::Ids(_) => true,
            Source::All { offset, kept, .. } => {
                *offset = offset.saturating_sub(left);
                kept.extend(stay);
                kept.len() < REMEMBERED
            }
        }
    }
}

fn unique(ids: &[JobId]) -> VecDeque<JobId> {
    let mut seen = HashSet::new();
    ids.iter().filter(|id| seen.insert(*id)).cloned().collect()
}

/// How many jobs a selection has. For states without a time in their scores: at most.
pub async fn count(conn: &Conn, queue: &QueueId, selection: &Selection) -> Result<u64, ConnError> {
    let reply = match selection {
        Selection::Ids(ids) => return Ok(unique(ids).len() as u64),
        Selection::Group(only) => return Ok(unique(&only.ids).len() as u64),
        Selection::All { state, until } => {
            let key = queue.key(state.suffix());
            let request = if timed(*state) {
                Request::new(Verb::ZCount).arg(key).arg("-inf").arg(*until)
            } else if state.is_list() {
                Request::new(Verb::LLen).arg(key)
            } else {
                Request::new(Verb::ZCard).arg(key)
            };
            conn.call(request).await?
        }
    };
    Ok(integer(&reply).and_then(|n| u64::try_from(n).ok()).unwrap_or(0))
}

/// Whether the score is the moment at which the job entered the state (spec 1.3).
const fn timed(state: State) -> bool {
    matches!(state, State::Completed | State::Failed | State::WaitingChildren)
}

/// Ids from the old end: next to run, soonest due, longest finished.
async fn page(
    conn: &Conn,
    queue: &QueueId,
    state: State,
    until: i64,
    offset: usize,
    limit: usize,
) -> Result<Vec<JobId>, ConnError> {
    let key = queue.key(state.suffix());
    let request = if timed(state) {
        Request::new(Verb::ZRangeByScore).arg(key).arg("-inf").arg(until).arg("LIMIT").arg(offset).arg(limit)
    } else if state.is_list() {
        let (from, to) = (offset + limit, offset + 1);
        Request::new(Verb::LRange).arg(key).arg(format!("-{from}")).arg(format!("-{to}"))
    } else {
        Request::new(Verb::ZRange).arg(key).arg(offset).arg(offset + limit - 1)
    };
    let reply = conn.call(request).await?;
    let mut ids: Vec<JobId> = items(&reply).iter().filter_map(bytes).map(JobId::new).collect();
    if state.is_list() {
        ids.reverse();
    }
    Ok(ids)
}

/// Leaves out wake-up markers and jobs that were added, or ran, after the moment.
async fn eligible(
    conn: &Conn,
    queue: &QueueId,
    state: State,
    until: i64,
    ids: Vec<JobId>,
) -> Result<Vec<JobId>, ConnError> {
    if timed(state) || ids.is_empty() {
        return Ok(ids);
    }
    let mut batch = Batch::new();
    for id in &ids {
        batch.push(Request::new(Verb::HMGet).arg(queue.job(id)).arg("timestamp").arg("processedOn"));
    }
    let replies = conn.batch(&batch).await?;
    let before = |value: Option<&Value>| value.and_then(integer).is_none_or(|at| at <= until);
    Ok(ids
        .into_iter()
        .zip(&replies)
        .filter(|(id, reply)| {
            let fields = items(reply);
            !id.is_marker() && before(fields.first()) && (state == State::Active || before(fields.get(1)))
        })
        .map(|(id, _)| id)
        .collect())
}
