//! Reading failures: all of some queues newest first, those that are new, and who is still there.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::cause::{Cause, Field, GroupId, cause};
use super::groups::Failure;
use crate::conn::{Batch, Conn, ConnError, Request, Verb, bytes, float, integer, items};
use crate::insight::walk::{ABREAST, Cost, Coverage, Seen, Source, Walk, Want};
use crate::text::Mask;
use crate::wire::{Era, JobId, QueueId, State};

/// What is read of a failed job (spec 1.4).
const FIELDS: [&str; 2] = ["failedReason", "stacktrace"];
/// A larger reason or stack is left where it is.
const FIELD_MAX: u64 = 64 << 10;
/// New failures of a queue that are taken in at once.
const RECENT: usize = 500;
/// Queues that are asked in one round trip.
const QUEUES: usize = 100;
/// Causes that are remembered, so that the jobs of one share it.
const KNOWN: usize = 4096;

/// Works out causes; equal ones share one allocation.
#[derive(Debug, Default)]
pub struct Causes {
    mask: Mask,
    known: HashMap<GroupId, Arc<Cause>>,
}

impl Causes {
    /// With messages masked so.
    pub fn new(mask: Mask) -> Self {
        Self { mask, known: HashMap::new() }
    }

    /// The cause of a failure.
    pub fn of(&mut self, reason: Field<'_>, stack: Field<'_>) -> Arc<Cause> {
        let mut cause = cause(reason, stack);
        if let Some(known) = self.known.get(&cause.id) {
            return known.clone();
        }
        cause.message = self.mask.clean(&cause.message);
        if self.known.len() >= KNOWN {
            self.known.clear();
        }
        let cause = Arc::new(cause);
        self.known.insert(cause.id, cause.clone());
        cause
    }
}

/// Reads the failed jobs of queues, newest first. Dropping it closes its connection and ends it.
///
/// ```no_run
/// # async fn example(conn: toril::conn::Conn, queue: toril::wire::QueueId) -> Result<(), toril::conn::ConnError> {
/// use toril::insight::errors::{Groups, Reader};
/// use toril::text::Mask;
/// use toril::wire::Era;
///
/// let mut groups = Groups::default();
/// let mut reader = Reader::new(&conn, &[(queue, Era::V5)], 100_000, Mask::default());
/// while let Some(failures) = reader.next().await? {
///     failures.iter().for_each(|failure| groups.add(failure));
/// }
/// for group in groups.iter() {
///     eprintln!("{} {} {}", group.cause.id, group.count, group.cause.message);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Reader {
    walk: Walk,
    causes: Causes,
}

impl Reader {
    /// Of these queues, at most so many jobs.
    pub fn new(conn: &Conn, queues: &[(QueueId, Era)], most: u64, mask: Mask) -> Self {
        let sources =
            queues.iter().flat_map(|(queue, era)| Source::of(queue, *era, &[State::Failed])).collect();
        let fields = FIELDS.map(str::to_owned).to_vec();
        let want = Want { fields, jobs: most, field_max: FIELD_MAX };
        Self { walk: Walk::new(conn, sources, want), causes: Causes::new(mask) }
    }

    /// The next failures; `None` at the end or at the bound. After an error the same jobs are asked for again.
    pub async fn next(&mut self) -> Result<Option<Vec<Failure>>, ConnError> {
        let Some(round) = self.walk.next().await? else { return Ok(None) };
        let causes = &mut self.causes;
        Ok(Some(round.jobs().filter_map(|job| failure(causes, job)).collect()))
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

fn failure(causes: &mut Causes, job: Seen<'_>) -> Option<Failure> {
    let cause = causes.of(field(job, 0), field(job, 1));
    let at = job.score().map_or(0, |at| at as i64);
    Some(Failure { queue: job.queue()?.clone(), job: job.id(), at, cause })
}

fn field(job: Seen<'_>, at: usize) -> Field<'_> {
    match job.field(at) {
        _ if job.is_large(at) => Field::Large,
        Some(value) => Field::Value(value),
        None => Field::Absent,
    }
}

/// What failed since the moment given for each queue, ms by Redis's clock, that moment included; the oldest
/// of them first, so that the next look goes on where this one ended.
pub async fn recent(
    conn: &Conn,
    causes: &mut Causes,
    since: &[(QueueId, i64)],
) -> Result<Vec<Failure>, ConnError> {
    let mut failures = Vec::new();
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
            failures.extend(read(conn, causes, some).await?);
        }
    }
    Ok(failures)
}

/// Reads some jobs, those of their fields that are small.
async fn read(
    conn: &Conn,
    causes: &mut Causes,
    jobs: &[(&QueueId, JobId, i64)],
) -> Result<Vec<Failure>, ConnError> {
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
    let mut failures = Vec::with_capacity(jobs.len());
    for (((queue, id, at), sizes), reply) in jobs.iter().zip(sizes.chunks_exact(FIELDS.len())).zip(&replies) {
        let values = items(reply);
        let field = |nth: usize| match values.get(nth).and_then(bytes) {
            _ if sizes[nth] > FIELD_MAX => Field::Large,
            Some(value) => Field::Value(value),
            None => Field::Absent,
        };
        // Gone since: nothing failed any more.
        if sizes.iter().any(|size| *size > 0) {
            let cause = causes.of(field(0), field(1));
            failures.push(Failure { queue: (*queue).clone(), job: id.clone(), at: *at, cause });
        }
    }
    Ok(failures)
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
