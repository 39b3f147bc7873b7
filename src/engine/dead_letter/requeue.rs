//! The way back out of a dead-letter queue.

use super::super::add::LIBRARY;
use super::super::op::Code;
use super::super::queue::Queue;
use super::super::script::script;
use super::Origin;
use crate::conn::{Batch, ConnError, Request, Value, Verb, bytes, integer, items};
use crate::wire::{JobId, QueueId};

/// Jobs that [`Queue::requeue_all`] takes back in one round trip.
const CHUNK: usize = 100;

/// A job that is back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Requeued {
    /// The queue it is in again.
    pub queue: QueueId,
    /// Its id there: the one it had, unless another job has it by now.
    pub id: JobId,
}

/// How far [`Queue::requeue_all`] is.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RequeueProgress {
    /// Jobs that waited when it began.
    pub total: u64,
    /// Jobs that are back.
    pub requeued: u64,
    /// Jobs that stay where they are.
    pub skipped: u64,
    /// Why the last of those stays.
    pub last_error: Option<RequeueError>,
}

/// Why a job is not back.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RequeueError {
    /// The connection, or an error reply. Where the outcome is unknown, try again: a job that is back already
    /// is [`RequeueError::Missing`].
    #[error(transparent)]
    Conn(#[from] ConnError),
    /// There is no such job (any more).
    #[error("the job does not exist")]
    Missing,
    /// It was not put there by a worker of ours: nothing tells where it came from.
    #[error("the job's options do not tell where it came from")]
    NotADeadLetter,
    /// A worker runs it.
    #[error("a worker runs the job at the moment")]
    Locked,
    /// It is in none of the places where a job can be taken from.
    #[error("the job is in no state of the queue from which it can be taken")]
    NotInState,
    /// Its options changed while it was looked at; nothing was done.
    #[error("the job was changed meanwhile")]
    Changed,
    /// One of the two queues is not one of era 5 or 6, or has keys of a wrong type; nothing was done.
    #[error("{}", .0.sentence())]
    Refused(Code),
    /// The reply had another shape than the script documents.
    #[error("the script gave an answer of an unexpected shape")]
    Reply,
}

impl Queue {
    /// Takes a job of this dead-letter queue back to the queue where it failed, in one atomic step: with its
    /// former id where that is free, one attempt, no delay and no priority, as the next one to run. It may
    /// wait here, or have been run here and be finished; while it runs it is refused.
    pub async fn requeue(&self, dead: &JobId) -> Result<Requeued, RequeueError> {
        let outcome = self.requeue_chunk(std::slice::from_ref(dead)).await?.pop();
        outcome.unwrap_or(Err(RequeueError::Reply))
    }

    /// Takes all jobs back that wait in this dead-letter queue now, in chunks of a hundred, each job by itself
    /// in one atomic step. `told` is called after each chunk. They run in the order in which they died.
    /// Jobs that cannot go back are skipped. Dropping the future stops between two chunks.
    pub async fn requeue_all(
        &self,
        mut told: impl FnMut(&RequeueProgress),
    ) -> Result<RequeueProgress, RequeueError> {
        let mut progress = RequeueProgress::default();
        for list in ["wait", "paused"] {
            let length = self.conn().call(Request::new(Verb::LLen).arg(self.id().key(list))).await?;
            let mut left = integer(&length).and_then(|length| u64::try_from(length).ok()).unwrap_or(0);
            progress.total += left;
            // The newest first: each goes in front of the one before it, so that the oldest is the next.
            let mut from = 0;
            while left > 0 {
                let count = left.min(CHUNK as u64);
                let range =
                    Request::new(Verb::LRange).arg(self.id().key(list)).arg(from).arg(from + count - 1);
                let ids: Vec<JobId> =
                    items(&self.conn().call(range).await?).iter().filter_map(bytes).map(JobId::new).collect();
                if ids.is_empty() {
                    break;
                }
                left -= count.min(ids.len() as u64);
                for outcome in self.requeue_chunk(&ids).await? {
                    match outcome {
                        Ok(_) => progress.requeued += 1,
                        Err(error) => {
                            from += 1;
                            progress.skipped += 1;
                            progress.last_error = Some(error);
                        }
                    }
                }
                told(&progress);
            }
        }
        Ok(progress)
    }

    async fn requeue_chunk(
        &self,
        ids: &[JobId],
    ) -> Result<Vec<Result<Requeued, RequeueError>>, RequeueError> {
        let mut batch = Batch::new();
        for id in ids {
            batch.push(Request::new(Verb::HGet).arg(self.id().job(id)).arg("opts"));
        }
        let mut outcomes = Vec::with_capacity(ids.len());
        let (mut runs, mut targets) = (Vec::new(), Vec::new());
        for (id, opts) in ids.iter().zip(self.conn().batch(&batch).await?) {
            let (Some(opts), false) = (bytes(&opts), id.is_reserved()) else {
                outcomes.push(Err(RequeueError::Missing));
                continue;
            };
            let Some(origin) = Origin::read(opts) else {
                outcomes.push(Err(RequeueError::NotADeadLetter));
                continue;
            };
            let (parent_key, parent) = origin.parent().unwrap_or_default();
            let keys = vec![self.id().key("meta"), origin.queue.key("meta")];
            let args = vec![
                Vec::new(),
                LIBRARY.as_bytes().to_vec(),
                id.as_bytes().to_vec(),
                opts.to_vec(),
                origin.id.as_bytes().to_vec(),
                origin.options_back(),
                origin.timestamp.to_string().into_bytes(),
                parent_key.as_bytes().to_vec(),
                parent.as_bytes().to_vec(),
            ];
            runs.push((keys, args));
            targets.push((outcomes.len(), origin.queue));
            // Its place, until its answer is there.
            outcomes.push(Err(RequeueError::Reply));
        }
        if runs.is_empty() {
            return Ok(outcomes);
        }
        let script = script!(
            "client",
            "requeue",
            ["undecided", "event", "push", "delay", "store", "job", "dead_letter"]
        );
        let replies = self.conn().eval_many(script, &runs).await?;
        for ((place, queue), reply) in targets.into_iter().zip(replies) {
            if let Some(outcome) = outcomes.get_mut(place) {
                *outcome = requeued(reply, queue);
            }
        }
        Ok(outcomes)
    }
}

fn requeued(reply: Value, queue: QueueId) -> Result<Requeued, RequeueError> {
    let reply = ConnError::check(reply)?;
    match &reply {
        Value::Int(-1) => Err(RequeueError::Missing),
        Value::Int(-3) => Err(RequeueError::NotInState),
        Value::Int(-21) => Err(RequeueError::Locked),
        Value::Int(-28) => Err(RequeueError::Changed),
        Value::Int(code) => Err(Code::refusal(*code).map_or(RequeueError::Reply, RequeueError::Refused)),
        reply => bytes(reply).map(|id| Requeued { queue, id: JobId::new(id) }).ok_or(RequeueError::Reply),
    }
}
