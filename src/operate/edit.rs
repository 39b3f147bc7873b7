//! One edit: of a job, of a queue's limits, of a scheduler. What stood there is saved first.

mod run;

use super::Action;
use crate::engine::op::{Capability, Exit, JobEdit, JobOp, LimitOp, SchedulerOp};
use crate::engine::saved::Editing;
use crate::engine::schedule::{Recast, Repeat};
use crate::text::Clean;
use crate::wire::{JobId, Raw, WriteEra};

/// One edit. What each era has, and why not: [`Edit::supports`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Edit {
    /// An operation on one job that leaves it there: priority, delay, log, deduplication id, out of `active`,
    /// its children.
    Job {
        /// The job.
        id: JobId,
        /// What is done.
        op: JobOp,
    },
    /// Data, progress, a log line.
    Bytes {
        /// The job.
        id: JobId,
        /// What is written.
        edit: JobEdit,
    },
    /// A copy of a job is added.
    Duplicate {
        /// The job that is copied.
        id: JobId,
    },
    /// A deduplication id is freed, while it names its owner.
    Release {
        /// The deduplication id.
        id: Raw,
        /// The job that owns it, which may be gone.
        owner: JobId,
    },
    /// A limit of the queue.
    Limit(LimitOp),
    /// Run now, remove.
    Scheduler {
        /// Its member of `repeat`.
        key: Raw,
        /// What is done.
        op: SchedulerOp,
    },
    /// Another schedule for the same jobs.
    Schedule {
        /// The scheduler.
        id: String,
        /// When it runs from now on.
        repeat: Repeat,
    },
    /// Other jobs for a scheduler, with another schedule or the same.
    Recast {
        /// The scheduler.
        id: String,
        /// What becomes another.
        recast: Box<Recast>,
    },
    /// A scheduler that is not there yet.
    NewScheduler {
        /// Its id.
        id: String,
        /// When it runs.
        repeat: Repeat,
        /// The name of its jobs; `None`: its id.
        name: Option<String>,
        /// Their data, JSON.
        data: Raw,
        /// Their options as BullMQ writes them, a JSON object.
        opts: Raw,
    },
}

/// What stands where an edit writes, to be shown before it is done.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Before {
    /// Whether there is what is to be edited.
    pub exists: bool,
    /// What will change, as sentences: `priority: 3 -> 5`.
    pub effects: Vec<Clean>,
}

impl Edit {
    /// The act.
    pub fn action(&self) -> Action {
        match self {
            Self::Job { op, .. } => (*op).into(),
            Self::Bytes { edit: JobEdit::Log { .. }, .. } => Action::Set,
            Self::Bytes { .. } => Action::Edit,
            Self::Duplicate { .. } => Action::Duplicate,
            Self::Release { .. } => Action::Release,
            Self::Limit(_) => Action::Limit,
            Self::Scheduler { op: SchedulerOp::RunNow, .. } => Action::RunScheduler,
            Self::Scheduler { op: SchedulerOp::Remove, .. } => Action::RemoveScheduler,
            Self::Schedule { .. } | Self::Recast { .. } => Action::EditScheduler,
            Self::NewScheduler { .. } => Action::AddScheduler,
        }
    }

    /// The act that several of them are: the gravest, else the first.
    pub fn word(edits: &[Self]) -> Action {
        let edited = edits.iter().map(Self::action).find(|action| *action == Action::Edit);
        edited.or_else(|| edits.first().map(Self::action)).unwrap_or(Action::Set)
    }

    /// What several of them do, for a question. Not yet safe to show.
    pub fn sentences(edits: &[Self]) -> String {
        edits.iter().map(Self::sentence).collect::<Vec<_>>().join(", ")
    }

    /// Whether the era has it; otherwise the reason, as a sentence for people.
    pub fn supports(&self, era: WriteEra) -> Result<(), &'static str> {
        let capability = match self {
            Self::Job { op, .. } => op.capability(),
            Self::Bytes { edit, .. } => edit.capability(),
            Self::Duplicate { .. } => return Ok(()),
            Self::Release { .. } => Capability::ReleaseDeduplication,
            Self::Limit(op) => op.capability(),
            Self::Scheduler { op, .. } => op.capability(),
            Self::Schedule { .. } | Self::Recast { .. } => Capability::EditScheduler,
            Self::NewScheduler { .. } => Capability::AddScheduler,
        };
        capability.supports(era)
    }

    /// What it acts on: the job, where it acts on one.
    pub const fn job(&self) -> Option<&JobId> {
        match self {
            Self::Job { id, .. } | Self::Bytes { id, .. } | Self::Duplicate { id } => Some(id),
            Self::Release { owner, .. } => Some(owner),
            Self::Limit(_)
            | Self::Scheduler { .. }
            | Self::Schedule { .. }
            | Self::Recast { .. }
            | Self::NewScheduler { .. } => None,
        }
    }

    /// What it changes, as a word.
    pub const fn what(&self) -> &'static str {
        match self {
            Self::Job { op: JobOp::SetPriority { .. }, .. } => "priority",
            Self::Job { op: JobOp::SetDelay { .. }, .. } => "delay",
            Self::Job { op: JobOp::ClearLogs { .. }, .. } => "logs",
            Self::Job { op: JobOp::MoveOut { .. }, .. } => "state",
            Self::Job { op: JobOp::RemoveChildren, .. } => "children",
            Self::Bytes { edit: JobEdit::Data { .. }, .. } => "data",
            Self::Bytes { edit: JobEdit::Progress { .. }, .. } => "progress",
            Self::Bytes { edit: JobEdit::Log { .. }, .. } => "log",
            Self::Job { .. } | Self::Duplicate { .. } => "job",
            Self::Release { .. } => "deduplication",
            Self::Limit(LimitOp::SetConcurrency(_) | LimitOp::RemoveConcurrency) => "concurrency",
            Self::Limit(LimitOp::SetRateLimit { .. } | LimitOp::RemoveRateLimit) => "rate",
            Self::Limit(LimitOp::ReleaseRateLimit) => "release",
            Self::Scheduler { .. }
            | Self::Schedule { .. }
            | Self::Recast { .. }
            | Self::NewScheduler { .. } => "scheduler",
        }
    }

    /// What it does, for a question; payloads are left out. Not yet safe to show.
    pub fn sentence(&self) -> String {
        let of = |id: &JobId| id.lossless().into_owned();
        match self {
            Self::Job { id, op: JobOp::SetPriority { priority, front } } => {
                let front = if *front { ", in front" } else { "" };
                format!("set the priority of job {} to {priority}{front}", of(id))
            }
            Self::Job { id, op: JobOp::SetDelay { ms } } => {
                format!("put job {} off until {ms} ms from now", of(id))
            }
            Self::Job { id, op: JobOp::ClearLogs { keep: 0 } } => format!("clear the log of job {}", of(id)),
            Self::Job { id, op: JobOp::ClearLogs { keep } } => {
                format!("clear the log of job {} but for {keep} lines", of(id))
            }
            Self::Job { id, op: JobOp::MoveOut { to: Exit::Wait } } => {
                format!("put the abandoned job {} back in line", of(id))
            }
            Self::Job { id, op: JobOp::MoveOut { to: Exit::Failed } } => {
                format!("let the abandoned job {} fail", of(id))
            }
            Self::Job { id, op: JobOp::RemoveChildren } => {
                format!("remove the children that job {} waits for", of(id))
            }
            Self::Job { id, .. } => format!("change job {}", of(id)),
            Self::Bytes { id, edit: JobEdit::Data { .. } } => format!("replace the data of job {}", of(id)),
            Self::Bytes { id, edit: JobEdit::Progress { .. } } => {
                format!("set the progress of job {}", of(id))
            }
            Self::Bytes { id, edit: JobEdit::Log { .. } } => {
                format!("add a line to the log of job {}", of(id))
            }
            Self::Duplicate { id } => format!("add a copy of job {}", of(id)),
            Self::Release { id, .. } => format!("free the deduplication id {}", id.lossless()),
            Self::Limit(LimitOp::SetConcurrency(most)) => format!("limit it to {most} jobs at once"),
            Self::Limit(LimitOp::RemoveConcurrency) => "lift the limit of jobs at once".to_owned(),
            Self::Limit(LimitOp::SetRateLimit { max, duration_ms }) => {
                format!("limit it to {max} starts in {duration_ms} ms")
            }
            Self::Limit(LimitOp::RemoveRateLimit) => "lift the limit of starts".to_owned(),
            Self::Limit(LimitOp::ReleaseRateLimit) => "end the wait of the rate limit".to_owned(),
            Self::Scheduler { key, op: SchedulerOp::RunNow } => {
                format!("add a job of the scheduler {} now", key.lossless())
            }
            Self::Scheduler { key, op: SchedulerOp::Remove } => {
                format!("remove the scheduler {}", key.lossless())
            }
            Self::Schedule { id, .. } => format!("give the scheduler {id} another schedule"),
            Self::Recast { id, recast } => {
                let parts = [
                    ("schedule", recast.repeat.is_some()),
                    ("job name", recast.name.is_some()),
                    ("data", recast.data.is_some()),
                    ("options", recast.opts.is_some()),
                ];
                let parts: Vec<&str> = parts.iter().filter(|(_, set)| *set).map(|(part, _)| *part).collect();
                format!("give the scheduler {id} another {}", parts.join(", "))
            }
            Self::NewScheduler { id, .. } => format!("add the scheduler {id}"),
        }
    }

    fn selector(&self) -> String {
        match self {
            Self::Scheduler { key, .. } => format!("the scheduler {}", key.lossless()),
            Self::Schedule { id, .. } | Self::Recast { id, .. } | Self::NewScheduler { id, .. } => {
                format!("the scheduler {id}")
            }
            Self::Release { id, .. } => format!("the deduplication id {}", id.lossless()),
            Self::Limit(_) => "the queue".to_owned(),
            Self::Job { id, .. } | Self::Bytes { id, .. } | Self::Duplicate { id } => {
                id.lossless().into_owned()
            }
        }
    }

    /// The scheduler that it changes, and whether that goes.
    fn schedule(&self) -> Option<(&[u8], bool)> {
        match self {
            Self::Scheduler { key, op: SchedulerOp::Remove } => Some((key.as_bytes(), true)),
            Self::Schedule { id, .. } | Self::Recast { id, .. } | Self::NewScheduler { id, .. } => {
                Some((id.as_bytes(), false))
            }
            _ => None,
        }
    }

    /// What of a scheduler becomes another.
    fn recast(&self) -> Option<(&str, Recast)> {
        match self {
            Self::Schedule { id, repeat } => {
                Some((id, Recast { repeat: Some(repeat.clone()), ..Recast::default() }))
            }
            Self::Recast { id, recast } => Some((id, recast.as_ref().clone())),
            _ => None,
        }
    }

    fn editing(&self) -> Option<Editing<'_>> {
        match self {
            Self::Job { id, op } => Some(Editing::Op(id, *op)),
            Self::Bytes { id, edit } => Some(Editing::Bytes(id, edit)),
            Self::Release { owner, .. } => Some(Editing::Op(owner, JobOp::ReleaseDeduplication)),
            Self::Limit(op) => Some(Editing::Limit(*op)),
            Self::Duplicate { .. }
            | Self::Scheduler { .. }
            | Self::Schedule { .. }
            | Self::Recast { .. }
            | Self::NewScheduler { .. } => None,
        }
    }
}
