//! Reading failures: all of some queues newest first, those that are new, and who is still there.
//!
//! Of each job the reason and the stack, while they are small; what they have in common is for
//! [`insight::errors`](crate::insight::errors) to say.
//!
//! ```no_run
//! # async fn example(conn: toril::conn::Conn, queue: toril::wire::QueueId) -> Result<(), toril::conn::ConnError> {
//! use toril::engine::read::failures::Failures;
//! use toril::insight::errors::{Causes, Groups};
//! use toril::wire::Era;
//!
//! let (mut causes, mut groups) = (Causes::default(), Groups::default());
//! let mut failures = Failures::new(&conn, &[(queue, Era::V5)], 100_000);
//! while let Some(page) = failures.next().await? {
//!     page.jobs().for_each(|failed| groups.add(&causes.failure(failed)));
//! }
//! for group in groups.iter() {
//!     eprintln!("{} {} {}", group.cause.id, group.count, group.cause.message);
//! }
//! # Ok(())
//! # }
//! ```

mod onset;

use std::collections::HashSet;

use super::walk::{ABREAST, Cost, Coverage, Round, Seen, Source, Walk, Want};
use crate::conn::{Batch, Conn, ConnError, Request, Verb, bytes, float, integer, items};
use crate::wire::{Era, JobId, QueueId, State};

pub use onset::{MOST, Part, Span, onset};

/// What is read of a failed job (spec 1.4).
const FIELDS: [&str; 2] = ["failedReason", "stacktrace"];
/// A larger reason or stack is left where it is.
const FIELD_MAX: u64 = 64 << 10;
/// New failures of a queue that are taken in at once.
pub const RECENT: usize = 500;
/// Queues that are asked in one round trip.
const QUEUES: usize = 100;

/// A field as it was found.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Field<'a> {
    /// The job has none.
    #[default]
    Absent,
    /// It is too large to be read.
    Large,
    /// Its bytes.
    Value(&'a [u8]),
}

/// A failed job as it was read.
#[derive(Clone, Copy, Debug)]
pub struct Failed<'a> {
    /// In which queue.
    pub queue: &'a QueueId,
    /// Its id, as bytes.
    pub id: &'a [u8],
    /// When it failed, ms since the epoch by its worker's clock.
    pub at: i64,
    /// `failedReason`.
    pub reason: Field<'a>,
    /// `stacktrace`: a JSON list of stacks, the last one of the last attempt.
    pub stack: Field<'a>,
}

/// Reads the failed jobs of queues, newest first. Dropping it closes its connection and ends it.
#[derive(Debug)]
pub struct Failures {
    walk: Walk,
}

impl Failures {
    /// Of these queues, at most so many jobs.
    pub fn new(conn: &Conn, queues: &[(QueueId, Era)], most: u64) -> Self {
        let sources =
            queues.iter().flat_map(|(queue, era)| Source::of(queue, *era, &[State::Failed])).collect();
        let fields = FIELDS.map(str::to_owned).to_vec();
        Self { walk: Walk::new(conn, sources, Want { fields, jobs: most, field_max: FIELD_MAX }) }
    }

    /// The next failures; `None` at the end or at the bound. After an error the same jobs are asked for again.
    pub async fn next(&mut self) -> Result<Option<Page<'_>>, ConnError> {
        Ok(self.walk.next().await?.map(Page))
    }

    /// How far it is.
    pub fn coverage(&self) -> Coverage {
        self.walk.coverage()
    }

    /// What it took so far.
    pub fn cost(&self) -> Cost {
        self.walk.cost()
    }
}

/// What one round trip brought.
#[derive(Clone, Copy, Debug)]
pub struct Page<'a>(Round<'a>);

impl<'a> Page<'a> {
    /// The failed jobs, in their order.
    pub fn jobs(self) -> impl Iterator<Item = Failed<'a>> {
        self.0.jobs().filter_map(failed)
    }
}

fn failed(job: Seen<'_>) -> Option<Failed<'_>> {
    let at = job.score().map_or(0, |at| at as i64);
    Some(Failed { queue: job.queue()?, id: job.id_bytes(), at, reason: field(job, 0), stack: field(job, 1) })
}

fn field(job: Seen<'_>, at: usize) -> Field<'_> {
    match job.field(at) {
        _ if job.is_large(at) => Field::Large,
        Some(value) => Field::Value(value),
        None => Field::Absent,
    }
}

/// What failed since the moment given for each queue, ms by Redis's clock, that moment included; the oldest
/// of them first, at most [`RECENT`] of a queue, so that the next look goes on where this one ended.
pub async fn recent(
    conn: &Conn,
    since: &[(QueueId, i64)],
    mut each: impl FnMut(Failed<'_>),
) -> Result<(), ConnError> {
    for queues in since.chunks(QUEUES) {
        let mut batch = Batch::new();
        for (queue, since) in queues {
            let range = Request::new(Verb::ZRangeByScore).arg(queue.key("failed")).arg(*since).arg("+inf");
            batch.push(range.arg("WITHSCORES").arg("LIMIT").arg(0).arg(RECENT));
        }
        let replies = conn.batch(&batch).await?;
        let mut new: Vec<(&QueueId, JobId, i64)> = Vec::new();
        for ((queue, _), reply) in queues.iter().zip(&replies) {
            for pair in items(reply).chunks_exact(2) {
                if let (Some(id), Some(at)) = (bytes(&pair[0]), float(&pair[1])) {
                    new.push((queue, JobId::new(id), at as i64));
                }
            }
        }
        for some in new.chunks(ABREAST) {
            read(conn, some, &mut each).await?;
        }
    }
    Ok(())
}

/// Reads some jobs, those of their fields that are small.
async fn read(
    conn: &Conn,
    jobs: &[(&QueueId, JobId, i64)],
    each: &mut impl FnMut(Failed<'_>),
) -> Result<(), ConnError> {
    let mut batch = Batch::new();
    for (queue, id, _) in jobs {
        for field in FIELDS {
            batch.push(Request::new(Verb::HStrLen).arg(queue.job(id)).arg(field));
        }
    }
    let sizes: Vec<u64> =
        conn.batch(&batch).await?.iter().map(|n| integer(n).map_or(0, i64::unsigned_abs)).collect();
    let mut batch = Batch::new();
    for ((queue, id, _), sizes) in jobs.iter().zip(sizes.chunks_exact(FIELDS.len())) {
        // A name that no job has stands for what must not be read.
        let names = FIELDS.iter().zip(sizes).map(|(name, size)| if *size > FIELD_MAX { "" } else { *name });
        batch.push(Request::new(Verb::HMGet).arg(queue.job(id)).arg(names.collect::<Vec<_>>()));
    }
    let replies = conn.batch(&batch).await?;
    for (((queue, id, at), sizes), reply) in jobs.iter().zip(sizes.chunks_exact(FIELDS.len())).zip(&replies) {
        let values = items(reply);
        let field = |nth: usize| match values.get(nth).and_then(bytes) {
            _ if sizes[nth] > FIELD_MAX => Field::Large,
            Some(value) => Field::Value(value),
            None => Field::Absent,
        };
        // Gone since: nothing failed any more.
        if sizes.iter().any(|size| *size > 0) {
            each(Failed { queue, id: id.as_bytes(), at: *at, reason: field(0), stack: field(1) });
        }
    }
    Ok(())
}

/// The ids of all failed jobs of a queue, without reading any of them; `None`: there are more than `most`.
///
/// Who is there from the beginning to the end is among them; who comes or leaves meanwhile may be.
pub async fn present(conn: &Conn, queue: &QueueId, most: usize) -> Result<Option<HashSet<JobId>>, ConnError> {
    let mut there = HashSet::new();
    let mut cursor = b"0".to_vec();
    loop {
        let scan = Request::new(Verb::ZScan).arg(queue.key("failed")).arg(&cursor).arg("COUNT").arg(500);
        let reply = conn.call(scan).await?;
        let [next, found] = items(&reply) else { return Ok(Some(there)) };
        there.extend(items(found).iter().step_by(2).filter_map(bytes).map(JobId::new));
        if there.len() > most {
            return Ok(None);
        }
        match bytes(next) {
            Some(next) if next != b"0" => cursor = next.to_vec(),
            _ => return Ok(Some(there)),
        }
    }
}
