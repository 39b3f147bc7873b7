//! Retry, remove and promote.

use super::super::script::{era_argument, queue_keys, script};
use super::{Code, OpError, Target};
use crate::conn::{Conn, ConnError, Run, Script, Value, integer};
use crate::wire::{JobId, State, WriteEra};

/// An operation on one job.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum JobOp {
    /// Puts a finished job back in line. It keeps its priority, in every era.
    Retry {
        /// Where it is: failed or completed.
        from: State,
        /// Whether its attempts are counted from zero; otherwise a job that used all its
        /// attempts gets one more.
        reset_attempts: bool,
    },
    /// Removes a job.
    Remove {
        /// Whether its children go with it, whatever their state.
        children: bool,
    },
    /// Lets a delayed job run now.
    Promote,
}

impl JobOp {
    /// The state that the operation starts from, where there is one.
    pub const fn from_state(self) -> Option<State> {
        match self {
            Self::Retry { from, .. } => Some(from),
            Self::Remove { .. } => None,
            Self::Promote => Some(State::Delayed),
        }
    }

    /// What is known without asking Redis.
    fn refused(self, era: WriteEra, id: &JobId) -> Option<Code> {
        if id.is_reserved() || id.is_marker() || id.as_bytes().is_empty() {
            return Some(Code::Reserved);
        }
        match self {
            Self::Retry { from, .. } if !from.is_finished() => Some(Code::NotIn(from)),
            Self::Retry { from: State::Completed, .. } if era == WriteEra::Bull4 => Some(Code::Unsupported),
            _ => None,
        }
    }
}

/// Acts on one job.
pub async fn run_job(conn: &Conn, target: &Target, op: JobOp, id: &JobId) -> Result<Code, OpError> {
    if let Some(code) = op.refused(target.era, id) {
        return Ok(code);
    }
    let script = script(op);
    let (keys, args) = call(target, op, id);
    answer(script, op, &conn.eval(script, &keys, &args).await?)
}

/// Acts on several jobs, in order and in one round trip; other clients may come in between two of
/// them. Each job has its own answer; an `Err` of the whole means that the link failed, and then
/// it is unknown how many were done.
pub async fn run_jobs(
    conn: &Conn,
    target: &Target,
    op: JobOp,
    ids: &[JobId],
) -> Result<Vec<Result<Code, OpError>>, OpError> {
    let script = script(op);
    let refused: Vec<Option<Code>> = ids.iter().map(|id| op.refused(target.era, id)).collect();
    let runs: Vec<Run> = ids
        .iter()
        .zip(&refused)
        .filter(|(_, refused)| refused.is_none())
        .map(|(id, _)| call(target, op, id))
        .collect();
    let mut replies = Vec::new();
    if !runs.is_empty() {
        replies = conn.eval_many(script, &runs).await?;
    }
    let mut replies = replies.into_iter();
    let answers = refused.into_iter().map(|refused| match refused {
        Some(code) => Ok(code),
        None => answer(script, op, &ConnError::check(replies.next().unwrap_or(Value::Nil))?),
    });
    Ok(answers.collect())
}

/// The script of an operation.
fn script(op: JobOp) -> &'static Script {
    match op {
        JobOp::Retry { .. } => script!("operation", "retry", ["decided", "event", "push", "job"]),
        JobOp::Remove { .. } => script!("operation", "remove", ["decided", "event", "push", "job", "flow"]),
        JobOp::Promote => script!("operation", "promote", ["decided", "event", "push", "job"]),
    }
}

/// The keys and arguments of a job's run.
fn call(target: &Target, op: JobOp, id: &JobId) -> Run {
    let queue = &target.queue;
    let mut keys = queue_keys(queue);
    keys.push(queue.job(id));
    keys.push(queue.satellite(id, "lock"));
    let mut args = vec![era_argument(target.era), queue.base(), id.as_bytes().to_vec()];
    match op {
        JobOp::Retry { from, reset_attempts } => {
            args.push(from.suffix().into());
            args.push(flag(reset_attempts));
        }
        JobOp::Remove { children } => args.push(flag(children)),
        JobOp::Promote => {}
    }
    (keys, args)
}

fn flag(set: bool) -> Vec<u8> {
    if set { b"1".to_vec() } else { b"0".to_vec() }
}

fn answer(script: &'static Script, op: JobOp, reply: &Value) -> Result<Code, OpError> {
    let Some(answer) = integer(reply) else {
        return Err(OpError::Shape { script: script.name });
    };
    Code::from_script(answer, op.from_state().unwrap_or(State::Waiting))
        .ok_or(OpError::UnknownAnswer { script: script.name, answer })
}
