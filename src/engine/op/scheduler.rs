//! Schedulers and repeatables: run now, remove.

use super::super::script::{era_argument, queue_keys, script};
use super::{Capability, Code, OpError, Target};
use crate::conn::{Conn, Script, Value, bytes, integer, items};
use crate::wire::{JobId, Raw, State};

/// An operation on a scheduler, named by its member of the set `repeat` (spec 3.8), as
/// [`crate::engine::read::Scheduler::key`] has it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SchedulerOp {
    /// Adds a job like its own, now. The schedule and its next run stay as they are. What belongs to one
    /// run only (delay, id, deduplication) is left out of its options.
    RunNow,
    /// Removes it, of any generation, with its next run where that is still delayed. A run that is in line
    /// already runs once more ([`Scheduled::queued`]).
    Remove,
}

impl SchedulerOp {
    /// The row of the table of what each era has.
    pub const fn capability(self) -> Capability {
        match self {
            Self::RunNow => Capability::RunScheduler,
            Self::Remove => Capability::RemoveScheduler,
        }
    }
}

/// What an operation on a scheduler did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Scheduled {
    /// How it ended.
    pub code: Code,
    /// The job that [`SchedulerOp::RunNow`] added.
    pub job: Option<JobId>,
    /// Whether a run of a removed scheduler is in line, or runs, and was left there.
    pub queued: bool,
}

/// Acts on a scheduler.
pub async fn run_scheduler(
    conn: &Conn,
    target: &Target,
    op: SchedulerOp,
    key: &Raw,
) -> Result<Scheduled, OpError> {
    let script: &'static Script = match op {
        SchedulerOp::RunNow => {
            script!("operation", "scheduler_run", ["decided", "event", "push", "job", "scheduler", "copy"])
        }
        SchedulerOp::Remove => {
            script!("operation", "scheduler_remove", ["decided", "event", "job", "scheduler"])
        }
    };
    let mut args = vec![era_argument(target.era), target.queue.base(), key.as_bytes().to_vec()];
    if op == SchedulerOp::RunNow {
        args.push(Vec::new());
    }
    let reply = conn.eval(script, &queue_keys(&target.queue), &args).await?;
    let parts: &[Value] = items(&reply);
    let (Some(answer), Some(text)) = (parts.first().and_then(integer), parts.get(1).and_then(bytes)) else {
        return Err(OpError::Shape { script: script.name });
    };
    let code = Code::from_script(answer, State::Delayed)
        .ok_or(OpError::UnknownAnswer { script: script.name, answer })?;
    let text = Some(text).filter(|text| !text.is_empty());
    let run = op == SchedulerOp::RunNow;
    Ok(Scheduled { code, job: text.filter(|_| run).map(JobId::new), queued: !run && text.is_some() })
}
