//! What a plan would do, before anything is done: counts, samples, and what will be refused.

use super::Plan;
use super::walk::{CHUNK, Walk, count};
use crate::conn::{Batch, Conn, ConnError, Request, Value, Verb, integer, items, text};
use crate::engine::op::JobOp;
use crate::text::{Clean, Mask};
use crate::wire::{JobId, QueueId, State, WriteEra};

/// Ids that a preview shows.
const SAMPLE: usize = 10;

/// What a plan would do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Preview {
    /// How many jobs the selection has. Of lists and of delayed and prioritized jobs: at most.
    pub matched: u64,
    /// The first of them.
    pub sample: Vec<JobId>,
    /// What will happen beside the obvious, as sentences. Where the selection is longer than what
    /// was looked at (the first 100), they say so.
    pub effects: Vec<Clean>,
    /// About how many bytes the jobs take in Redis, by the sample; where they would be taken away.
    pub bytes: Option<u64>,
}

impl Preview {
    /// The preview as it may be shown: secrets in values that would change are masked.
    #[must_use]
    pub fn masked(mut self, mask: &Mask) -> Self {
        for effect in &mut self.effects {
            *effect = mask.clean(effect);
        }
        self
    }
}

/// What was found out about one job.
#[derive(Default)]
struct Look {
    gone: bool,
    locked: bool,
    elsewhere: bool,
    next_iteration: bool,
    priority: bool,
    parent: Option<Vec<u8>>,
    children: u64,
}

/// How the jobs are acted on: a bulk act treats some otherwise than an act on one job.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    /// One by one.
    Job,
    /// By whole states.
    State,
    /// With all of the queue.
    Queue,
}

/// Looks at the first 100 jobs of a plan. Reads only, in three round trips.
pub async fn preview(conn: &Conn, plan: &Plan) -> Result<Preview, ConnError> {
    preview_by(conn, plan, By::Job).await
}

/// The same of a plan that is carried out in this way.
pub(super) async fn preview_by(conn: &Conn, plan: &Plan, by: By) -> Result<Preview, ConnError> {
    let queue = &plan.target.queue;
    let matched = count(conn, queue, &plan.selection).await?;
    let ids = Walk::new(queue.clone(), &plan.selection).next(conn, CHUNK).await?;
    let looks = look(conn, plan, &ids).await?;
    let finished_parents = finished_parents(conn, queue, &looks).await?;
    let mut effects = sentences(plan, &looks, finished_parents, by);
    if (ids.len() as u64) < matched && !effects.is_empty() {
        effects.insert(0, Clean::line(format!("Looked at the first {} of {matched}:", ids.len())));
    }
    let sample = ids.into_iter().take(SAMPLE).collect();
    Ok(Preview { matched, sample, effects, bytes: None })
}

async fn look(conn: &Conn, plan: &Plan, ids: &[JobId]) -> Result<Vec<Look>, ConnError> {
    const EACH: usize = 5;
    let queue = &plan.target.queue;
    let mut batch = Batch::new();
    for id in ids {
        let fields: [&str; 4] = ["timestamp", "rjk", "priority", "parentKey"];
        batch.push(Request::new(Verb::HMGet).arg(queue.job(id)).arg(&fields[..]));
        batch.push(Request::new(Verb::Exists).arg(queue.satellite(id, "lock")));
        batch.push(Request::new(Verb::SCard).arg(queue.satellite(id, "dependencies")));
        batch.push(Request::new(Verb::HLen).arg(queue.satellite(id, "processed")));
        let state = plan.op.from_state().unwrap_or(State::Failed);
        if state.is_list() || state == State::WaitingChildren {
            // The position in a list is not worth a walk; the script looks.
            batch.push(Request::new(Verb::Exists).arg(queue.job(id)));
        } else {
            batch.push(Request::new(Verb::ZScore).arg(queue.key(state.suffix())).arg(id.as_bytes()));
        }
    }
    if batch.is_empty() {
        return Ok(Vec::new());
    }
    let replies = conn.batch(&batch).await?;
    let mut looks: Vec<Look> = replies
        .chunks_exact(EACH)
        .map(|reply| {
            let fields = items(&reply[0]);
            let field = |at: usize| fields.get(at).and_then(crate::conn::bytes);
            let number = |at: usize| integer(&reply[at]).unwrap_or(0);
            Look {
                gone: field(0).is_none(),
                locked: number(1) == 1,
                elsewhere: plan.op.from_state().is_some() && matches!(reply[4], Value::Nil),
                next_iteration: false,
                priority: field(2).is_some_and(|priority| priority != b"0"),
                parent: field(3).map(<[u8]>::to_vec),
                children: u64::try_from(number(2) + number(3)).unwrap_or(0),
            }
        })
        .collect();
    if matches!(plan.op, JobOp::Remove { .. }) {
        mark_next_iterations(conn, queue, ids, &replies, EACH, &mut looks).await?;
    }
    Ok(looks)
}

/// A scheduler's next run is the job whose id ends in the time that `repeat` has for it (spec 3.8).
async fn mark_next_iterations(
    conn: &Conn,
    queue: &QueueId,
    ids: &[JobId],
    replies: &[Value],
    each: usize,
    looks: &mut [Look],
) -> Result<(), ConnError> {
    let mut batch = Batch::new();
    let mut asked = Vec::new();
    for (at, (id, reply)) in ids.iter().zip(replies.chunks_exact(each)).enumerate() {
        let scheduler = items(&reply[0]).get(1).and_then(crate::conn::bytes);
        if let Some(scheduler) = scheduler.filter(|_| id.as_bytes().starts_with(b"repeat:")) {
            batch.push(Request::new(Verb::ZScore).arg(queue.key("repeat")).arg(scheduler));
            asked.push(at);
        }
    }
    if batch.is_empty() {
        return Ok(());
    }
    for (at, score) in asked.into_iter().zip(conn.batch(&batch).await?) {
        let due = text(&score).map(str::to_owned).or_else(|| integer(&score).map(|due| due.to_string()));
        looks[at].next_iteration =
            due.is_some_and(|due| ids[at].as_bytes().ends_with(format!(":{due}").as_bytes()));
    }
    Ok(())
}

/// How many of the jobs are children of a parent that has finished. Only parents whose queue is
/// the same can be told with plain commands and certainty.
async fn finished_parents(conn: &Conn, queue: &QueueId, looks: &[Look]) -> Result<u64, ConnError> {
    let base = queue.base();
    let mut batch = Batch::new();
    for parent in looks.iter().filter_map(|look| look.parent.as_deref()) {
        if parent.starts_with(&base) {
            batch.push(Request::new(Verb::HExists).arg(parent).arg("finishedOn"));
        }
    }
    if batch.is_empty() {
        return Ok(0);
    }
    let replies = conn.batch(&batch).await?;
    Ok(replies.iter().filter(|reply| integer(reply) == Some(1)).count() as u64)
}

fn sentences(plan: &Plan, looks: &[Look], finished_parents: u64, by: By) -> Vec<Clean> {
    let mut effects = Vec::new();
    let count = |test: &dyn Fn(&Look) -> bool| looks.iter().filter(|look| test(look)).count() as u64;
    let mut say = |count: u64, one: &str, many: &str| {
        if count > 0 {
            let text = if count == 1 { format!("1 {one}") } else { format!("{count} {many}") };
            effects.push(Clean::line(text));
        }
    };
    let children = looks.iter().filter(|look| look.parent.is_some()).count() as u64;
    let bull = plan.target.era == WriteEra::Bull4;
    match plan.op {
        JobOp::Retry { from, .. } => {
            let moved = count(&|look| !look.gone && look.elsewhere);
            let state = from.name();
            say(
                moved,
                &format!("is not {state} and will be left alone"),
                &format!("are not {state} and will be left alone"),
            );
            say(
                count(&|look| look.locked),
                "is being run and will be refused",
                "are being run and will be refused",
            );
            say(count(&|look| look.priority), "keeps its priority", "keep their priority");
            if matches!(plan.target.era, WriteEra::V5 | WriteEra::V6) {
                say(
                    children,
                    "is a child: its parent waits for it again",
                    "are children: their parents wait for them again",
                );
            }
            say(
                finished_parents,
                "belongs to a flow whose parent has finished",
                "belong to flows whose parent has finished",
            );
        }
        JobOp::Promote => {
            let moved = count(&|look| !look.gone && look.elsewhere);
            say(moved, "is not delayed and will be left alone", "are not delayed and will be left alone");
            say(count(&|look| look.priority), "keeps its priority", "keep their priority");
        }
        JobOp::SetDelay { .. } | JobOp::MoveOut { .. } => {
            let moved = count(&|look| !look.gone && look.elsewhere);
            say(
                moved,
                "is elsewhere by now and will be left alone",
                "are elsewhere by now and will be left alone",
            );
        }
        JobOp::SetPriority { .. }
        | JobOp::RemoveChildren
        | JobOp::ReleaseDeduplication
        | JobOp::ClearLogs { .. } => {}
        // All goes, whatever it is.
        JobOp::Remove { .. } if by == By::Queue => {}
        JobOp::Remove { children: with } => {
            say(
                count(&|look| look.next_iteration),
                "is the next run of a scheduler and will be refused",
                "are the next runs of schedulers and will be refused",
            );
            say(
                count(&|look| look.locked),
                "is being run and will be refused",
                "are being run and will be refused",
            );
            if !bull {
                let parents = count(&|look| look.children > 0);
                if with {
                    say(
                        parents,
                        "has children, which are removed with it",
                        "have children, which are removed with them",
                    );
                } else {
                    say(
                        parents,
                        "has children, which stay without it",
                        "have children, which stay without them",
                    );
                }
                let (one, many) = if by == By::State {
                    (
                        "is a child: a parent in this queue that waits for nothing else goes as well",
                        "are children: parents in this queue that wait for nothing else go as well",
                    )
                } else {
                    (
                        "is a child: a parent that waits for nothing else will run",
                        "are children: parents that wait for nothing else will run",
                    )
                };
                say(children, one, many);
            }
        }
    }
    say(count(&|look| look.gone), "no longer exists", "no longer exist");
    effects
}
