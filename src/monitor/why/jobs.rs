//! A few jobs of each state: whether they exist, since when they wait, who runs them, what a parent
//! waits for. Small fields only, at most 4 KB of any.

use super::keys::{Keys, next};
use crate::conn::{Batch, Conn, ConnError, Request, Value, Verb, bytes, integer, items};
use crate::engine::read::Standing;
use crate::engine::read::child::{self, ChildState};
use crate::text::Clean;
use crate::wire::era::JobFields;
use crate::wire::parent::split_job_key;
use crate::wire::{JobId, QueueId, State, number};

/// Children of a parent that are looked at.
const CHILDREN: i64 = 10;
/// Options and reasons up to this size are read.
const SMALL: i64 = 4096;

/// What was read of the jobs.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Samples {
    /// Jobs that wait, are delayed or wait for children; next to run first within a state.
    pub waiting: Vec<Sampled>,
    /// Active jobs, the oldest first.
    pub running: Vec<Running>,
    /// The parents that have waited longest for their children.
    pub parents: Vec<Parent>,
    /// Schedulers, next run first, with their next runs.
    pub schedulers: Vec<Standing>,
    /// How long the jobs ran that finished last, ms.
    pub took_ms: Vec<i64>,
    /// The jobs that finished last.
    pub finished: Vec<JobId>,
    /// What the fields of all these jobs tell of their era.
    pub fields: JobFields,
}

/// A job in a list or set.
#[derive(Clone, PartialEq, Debug)]
pub struct Sampled {
    /// Where its id is.
    pub state: State,
    /// Its id.
    pub id: JobId,
    /// It has a hash that names it; an id without is run as a job without name and data.
    pub exists: bool,
    /// When it was added, ms since the epoch by its producer's clock.
    pub timestamp: Option<i64>,
    /// Since when it could run, ms since the epoch.
    pub ready_at: Option<i64>,
    /// When it is due, for a delayed one, ms since the epoch.
    pub due_at: Option<i64>,
    /// A scheduler makes it.
    pub scheduled: bool,
}

/// An active job.
#[derive(Clone, PartialEq, Debug)]
pub struct Running {
    /// Its id.
    pub id: JobId,
    /// Its name.
    pub name: Option<Clean>,
    /// Its worker's name, if it has one.
    pub worker: Option<Clean>,
    /// When it started, ms since the epoch by its worker's clock.
    pub started_at: Option<i64>,
    /// Time that is left of its lock, ms: -1 for ever, `None`: nobody holds it.
    pub lock_ms: Option<i64>,
}

/// A parent in `waiting-children`.
#[derive(Clone, PartialEq, Debug)]
pub struct Parent {
    /// Its id.
    pub id: JobId,
    /// Since when it waits, ms since the epoch.
    pub since: i64,
    /// Children that are not finished for it.
    pub pending: u64,
    /// Some of them.
    pub children: Vec<Child>,
}

/// A pending child of a parent.
#[derive(Clone, PartialEq, Debug)]
pub struct Child {
    /// Its queue.
    pub queue: QueueId,
    /// Its id.
    pub id: JobId,
    /// What became of it.
    pub state: ChildState,
    /// Why it failed, where it did and the reason is small.
    pub reason: Clean,
}

/// Reads samples of the jobs whose ids are in `keys`: one round trip, another one where options,
/// reasons or children are to be read.
pub(super) async fn read(conn: &Conn, queue: &QueueId, keys: &Keys, now: i64) -> Result<Samples, ConnError> {
    let mut samples = Samples { finished: keys.finished.clone(), ..Samples::default() };
    let mut batch = Batch::new();
    for (state, id, _) in &keys.ids {
        let job = queue.job(id);
        let fields = ["timestamp", "processedOn", "delay", "atm", "ats", "attemptsMade", "pb", "rjk"];
        // A name may be as large as a payload.
        batch.push(Request::new(Verb::HStrLen).arg(&job).arg("name"));
        batch.push(Request::new(Verb::HMGet).arg(&job).arg(&fields[..]));
        match state {
            State::Active => {
                batch.push(Request::new(Verb::PTtl).arg(queue.satellite(id, "lock")));
            }
            State::WaitingChildren => {
                let pending = queue.satellite(id, "dependencies");
                batch.push(Request::new(Verb::SCard).arg(&pending));
                batch.push(Request::new(Verb::SScan).arg(&pending).arg(0).arg("COUNT").arg(CHILDREN));
            }
            _ => {}
        }
    }
    for id in &keys.finished {
        batch.push(Request::new(Verb::HMGet).arg(queue.job(id)).arg("processedOn").arg("finishedOn"));
    }
    let mut replies = conn.batch(&batch).await?.into_iter();
    let mut children = Vec::new();
    let mut named = Vec::new();
    for (state, id, score) in &keys.ids {
        let name = integer(&next(&mut replies)?).unwrap_or(0);
        let reply = next(&mut replies)?;
        let fields = Fields(items(&reply));
        samples.fields.atm |= fields.has(3) || fields.has(4);
        samples.fields.attempts_made |= fields.has(5);
        match state {
            State::Active => {
                let lock = integer(&next(&mut replies)?).unwrap_or(-2);
                if (1..=SMALL).contains(&name) {
                    named.push(samples.running.len());
                }
                samples.running.push(Running {
                    id: id.clone(),
                    name: None,
                    worker: fields.bytes(6).map(|name| Clean::line(name).cut(200)),
                    started_at: fields.number(1),
                    lock_ms: (lock > -2).then_some(lock),
                });
            }
            State::WaitingChildren => {
                let pending = integer(&next(&mut replies)?).and_then(|n| u64::try_from(n).ok());
                let page = next(&mut replies)?;
                let members = items(&page).get(1).map(items).unwrap_or_default();
                // A set in its small form comes whole, whatever COUNT says.
                for key in members.iter().filter_map(bytes).take(CHILDREN as usize) {
                    if let Some((queue, child)) = split_job_key(key, None, queue) {
                        children.push((samples.parents.len(), queue, child));
                    }
                }
                samples.parents.push(Parent {
                    id: id.clone(),
                    since: number::real(score.unwrap_or_default()),
                    pending: pending.unwrap_or(0),
                    children: Vec::new(),
                });
            }
            _ => {}
        }
        if *state != State::Active {
            samples.waiting.push(waiting(*state, id, *score, name > 0, &fields, now));
        }
    }
    for _ in &keys.finished {
        let reply = next(&mut replies)?;
        let fields = Fields(items(&reply));
        samples.took_ms.extend(fields.number(1).zip(fields.number(0)).map(|(end, start)| end - start));
    }
    names(conn, queue, &named, &mut samples.running).await?;
    self::children(conn, children, &mut samples.parents).await?;
    Ok(samples)
}

/// The values of a reply by their place.
struct Fields<'a>(&'a [Value]);

impl<'a> Fields<'a> {
    fn bytes(&self, at: usize) -> Option<&'a [u8]> {
        self.0.get(at).and_then(bytes)
    }

    fn has(&self, at: usize) -> bool {
        self.bytes(at).is_some()
    }

    fn number(&self, at: usize) -> Option<i64> {
        self.bytes(at).and_then(number::whole)
    }
}

fn waiting(
    state: State,
    id: &JobId,
    score: Option<f64>,
    named: bool,
    fields: &Fields<'_>,
    now: i64,
) -> Sampled {
    let timestamp = fields.number(0);
    let added = timestamp.map(|at| at.saturating_add(fields.number(2).unwrap_or(0)));
    Sampled {
        state,
        id: id.clone(),
        exists: named || timestamp.is_some(),
        timestamp,
        ready_at: added.max(fields.number(1).filter(|at| *at < now)),
        due_at: score.filter(|_| state == State::Delayed).map(crate::wire::score::due_at),
        scheduled: fields.has(7) || id.as_bytes().starts_with(b"repeat:"),
    }
}

/// Reads the names of those running jobs whose name is short enough to be shown.
async fn names(
    conn: &Conn,
    queue: &QueueId,
    small: &[usize],
    running: &mut [Running],
) -> Result<(), ConnError> {
    let mut batch = Batch::new();
    for at in small {
        batch.push(Request::new(Verb::HGet).arg(queue.job(&running[*at].id)).arg("name"));
    }
    if batch.is_empty() {
        return Ok(());
    }
    let mut replies = conn.batch(&batch).await?.into_iter();
    for at in small {
        running[*at].name = bytes(&next(&mut replies)?).map(|name| Clean::line(name).cut(200));
    }
    Ok(())
}

/// Looks what became of the children that parents wait for.
async fn children(
    conn: &Conn,
    wanted: Vec<(usize, QueueId, JobId)>,
    parents: &mut [Parent],
) -> Result<(), ConnError> {
    if wanted.is_empty() {
        return Ok(());
    }
    let mut batch = Batch::new();
    for (_, queue, id) in &wanted {
        let key = queue.job(id);
        child::ask(&mut batch, &key, queue, Some(&(queue.clone(), id.clone())));
        batch.push(Request::new(Verb::HStrLen).arg(&key).arg("failedReason"));
    }
    let replies = conn.batch(&batch).await?;
    let mut failed = Vec::new();
    for ((parent, queue, id), replies) in wanted.into_iter().zip(replies.chunks_exact(child::REPLIES + 1)) {
        let state = child::tell(replies)?;
        let size = integer(&replies[child::REPLIES]).unwrap_or(0);
        if state == ChildState::Failed && (1..=SMALL).contains(&size) {
            failed.push((parent, parents[parent].children.len(), queue.job(&id)));
        }
        parents[parent].children.push(Child { queue, id, state, reason: Clean::default() });
    }
    if failed.is_empty() {
        return Ok(());
    }
    let mut batch = Batch::new();
    for (.., job) in &failed {
        batch.push(Request::new(Verb::HGet).arg(job).arg("failedReason"));
    }
    let mut replies = conn.batch(&batch).await?.into_iter();
    for (parent, child, _) in failed {
        let reply = next(&mut replies)?;
        let reason = Clean::text_line(bytes(&reply).unwrap_or_default()).cut(200);
        parents[parent].children[child].reason = reason;
    }
    Ok(())
}
