//! Operations on many jobs of one state: one script a chunk, an answer a job.
//!
//! Whoever acts on many jobs first chooses their ids with plain reads, may save them whole, and
//! then acts on exactly these: [`run_many`] looks at each again inside the script and leaves alone
//! what has left the state, runs, or came after the moment that was chosen. So a later undo has
//! what it needs, and jobs that come meanwhile are never touched. [`super::Sweep`] does the choosing.

use std::time::Duration;

use super::super::script::{era_argument, queue_keys, script};
use super::job::{flag, refused_id};
use super::{Capability, Code, OpError, Target};
use crate::conn::{Conn, Script, Value, bytes, integer, items};
use crate::wire::{JobId, Raw, State, WriteEra};

/// The most ids of one call: a script of 3 ms (6 to 7 µs a job) on a machine of 2026.
pub const MANY_MAX: usize = 500;
/// Elements of a list that a script looks at beyond those that it was given.
const SLACK: u64 = 200;

/// Elements that it looks at in any case: few ids may stand behind many that were not chosen.
const PAGE: u64 = MANY_MAX as u64 + SLACK / 2;

/// An operation on many jobs of one state.
///
/// | | Bull 4 | BullMQ 4 | 5 | 6 | the library's |
/// |---|---|---|---|---|---|
/// | `Retry` | failed | yes | yes | yes | `retryJobs` |
/// | `Promote` | yes | yes | yes | yes | `promoteJobs` (not in Bull) |
/// | `Remove` | yes | yes | yes | yes | `clean`, `drain` |
/// | `Destroy` | yes | yes | yes | yes | `obliterate` |
///
/// Where ours differs: `docs/differences.md`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum JobsOp {
    /// Puts finished jobs back in line, each by its priority. A parent with failed children is refused
    /// ([`Code::ChildFailed`]); one with pending children waits for them again (BullMQ 4: is refused,
    /// [`Code::ChildrenPending`]).
    Retry {
        /// Failed or completed.
        from: State,
        /// Whether attempts are counted from zero.
        reset_attempts: bool,
    },
    /// Lets delayed jobs run now, each by its priority.
    Promote,
    /// Removes jobs without their children. A parent that waits for nothing more goes along where it is in
    /// the same queue, and runs where it is in another. What a worker holds and the next runs of schedulers stay.
    Remove {
        /// The state, any.
        from: State,
    },
    /// As [`JobsOp::Remove`], and what workers hold, their locks, and the next runs of schedulers go
    /// too: for a queue that is to be no more.
    Destroy {
        /// The state, any.
        from: State,
    },
}

impl JobsOp {
    /// The state whose jobs are acted on.
    pub const fn from_state(self) -> State {
        match self {
            Self::Retry { from, .. } | Self::Remove { from } | Self::Destroy { from } => from,
            Self::Promote => State::Delayed,
        }
    }

    /// The row of the table of what each era has.
    pub const fn capability(self) -> Capability {
        match self {
            Self::Retry { from: State::Completed, .. } => Capability::RetryCompleted,
            Self::Retry { .. } => Capability::RetryAll,
            Self::Promote => Capability::PromoteAll,
            Self::Remove { .. } => Capability::Clean,
            Self::Destroy { .. } => Capability::Obliterate,
        }
    }

    const fn refused(self, era: WriteEra) -> Option<Code> {
        match self {
            Self::Retry { from, .. } if !from.is_finished() => Some(Code::NotIn(from)),
            _ if self.capability().supports(era).is_err() => Some(Code::Unsupported),
            _ => None,
        }
    }
}

/// The jobs of one call.
#[derive(Clone, Copy, Debug)]
pub struct Chosen<'a> {
    /// Their ids, at most [`MANY_MAX`], in the order in which they are acted on.
    pub ids: &'a [JobId],
    /// Only jobs that were there by this moment, ms: finished jobs and waiting parents by when they
    /// got there, all others by when they were added and last ran. `None`: whenever.
    pub until: Option<i64>,
    /// Where the first of them stood when they were read: its rank; in a list, how many elements behind its
    /// tail. Ids that stand there in a row, in their order, cost least. In a list a job that is not found near
    /// there is answered [`Code::NotIn`]; the list is not searched for it.
    pub skipped: u64,
}

/// What became of the jobs of one call.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Many {
    /// Of each id, in order. Fewer than were asked for where the jobs cost much more than most do (parents,
    /// owned deduplication ids): the rest had no turn, and nothing happened to it. The first always has.
    pub codes: Vec<Code>,
    /// Keys of parents in the same queue that went along, because nothing is left that they wait for. An undo
    /// must have saved them: they are named in `parentKey` of the jobs.
    pub removed_parents: Vec<Raw>,
    /// Keys of parents in other queues that are in line now.
    pub released_parents: Vec<Raw>,
    /// How long the server was at it, by its own clock; `None`: it does not tell.
    pub took: Option<Duration>,
}

impl Many {
    /// How many were acted on.
    pub fn done(&self) -> u64 {
        self.codes.iter().filter(|code| code.is_done()).count() as u64
    }
}

/// Acts on many jobs of one state in one script. An error, or a refusal of the whole
/// ([`OpError::Refused`]), means that nothing was done, unless the outcome is unknown.
pub async fn run_many(conn: &Conn, target: &Target, op: JobsOp, chosen: Chosen<'_>) -> Result<Many, OpError> {
    if let Some(code) = op.refused(target.era) {
        return Err(OpError::Refused(code));
    }
    if chosen.ids.len() > MANY_MAX {
        return Err(OpError::Refused(Code::TooMany));
    }
    let refused: Vec<Option<Code>> = chosen.ids.iter().map(refused_id).collect();
    let asked = || chosen.ids.iter().zip(&refused).filter(|(_, refused)| refused.is_none());
    let mut answers = Many::default();
    if asked().next().is_some() {
        let script = script(op);
        let mut args = args(target, op, &chosen);
        args.extend(asked().map(|(id, _)| id.as_bytes().to_vec()));
        let (reply, took) = conn.eval_timed(script, &queue_keys(&target.queue), &args).await?;
        answers = read(script, op, asked().count(), &reply)?;
        answers.took = took;
    }
    let mut codes = answers.codes.into_iter();
    answers.codes = refused.into_iter().map_while(|refused| refused.or_else(|| codes.next())).collect();
    Ok(answers)
}

fn script(op: JobsOp) -> &'static Script {
    match op {
        JobsOp::Retry { .. } => {
            script!("operation", "retry_many", ["decided", "event", "push", "job", "await", "many"])
        }
        JobsOp::Promote => script!("operation", "promote_many", ["decided", "event", "push", "job", "many"]),
        JobsOp::Remove { .. } | JobsOp::Destroy { .. } => {
            script!(
                "operation",
                "remove_many",
                ["decided", "event", "push", "job", "flow", "iteration", "dedup", "hard", "many"]
            )
        }
    }
}

/// Seven arguments, then the ids.
fn args(target: &Target, op: JobsOp, chosen: &Chosen<'_>) -> Vec<Vec<u8>> {
    let set = match op {
        JobsOp::Retry { reset_attempts, .. } => reset_attempts,
        JobsOp::Destroy { .. } => true,
        JobsOp::Promote | JobsOp::Remove { .. } => false,
    };
    vec![
        era_argument(target.era),
        target.queue.base(),
        op.from_state().suffix().into(),
        chosen.until.map(|until| until.to_string()).unwrap_or_default().into(),
        flag(set),
        chosen.skipped.to_string().into(),
        (chosen.ids.len() as u64 * 2 + SLACK).max(PAGE).to_string().into(),
    ]
}

fn read(script: &'static Script, op: JobsOp, asked: usize, reply: &Value) -> Result<Many, OpError> {
    let shape = || OpError::Shape { script: script.name };
    let parts = items(reply);
    let from = op.from_state();
    let known = |answer: i64| {
        Code::from_script(answer, from).ok_or(OpError::UnknownAnswer { script: script.name, answer })
    };
    match known(parts.first().and_then(integer).ok_or_else(shape)?)? {
        Code::Done => {}
        code => return Err(OpError::Refused(code)),
    }
    let codes = items(parts.get(1).ok_or_else(shape)?);
    if codes.is_empty() || codes.len() > asked {
        return Err(shape());
    }
    let codes = codes.iter().map(|code| known(integer(code).ok_or_else(shape)?));
    let keys = |at: usize| {
        let keys = parts.get(at).map(items).unwrap_or_default();
        keys.iter().filter_map(bytes).map(Raw::new).collect()
    };
    Ok(Many {
        codes: codes.collect::<Result<_, _>>()?,
        removed_parents: keys(2),
        released_parents: keys(3),
        took: None,
    })
}
