//! Operations of an operator on live queues: one Redis mutation each, one script each.
//!
//! A script decides everything again on the server: that the queue's keys still fit the era that
//! the caller decided on, that the job is where the caller saw it, that nobody runs it. It
//! answers a code; every code is mapped once ([`Code`]), and one that is not known is an error
//! that names itself. What is written equals what the library of that era writes, except for the
//! rows of `docs/differences.md`.
//!
//! | what is acted on | how | with |
//! |---|---|---|
//! | one job | [`JobOp`]: retry, remove, promote, priority, delay, out of `active`, children, deduplication id, log | [`run_job`], [`run_jobs`] |
//! | one job, with bytes of the caller's | [`JobEdit`]: data, progress, a log line | [`run_edit`] |
//! | one job, a copy of it | | [`duplicate_job`] |
//! | many jobs of a state, by id | [`JobsOp`]: retry, promote, remove | [`run_many`] |
//! | whole states | [`Sweep`]: drain, clean, retry all, promote all, obliterate | [`Sweep::step`] |
//! | a queue | [`QueueOp`]: pause, resume, merge | [`run_queue`] |
//! | its limits | [`LimitOp`] | [`run_limit`] |
//! | what is damaged | [`Repair`] | [`run_repair`] |
//! | a scheduler | [`SchedulerOp`]: run now, remove; another schedule: [`edit_scheduler`](crate::engine::Queue::edit_scheduler) | [`run_scheduler`] |
//!
//! Which era has what, and why not where it has not, is one table: [`Capability::supports`].

mod code;
mod edit;
mod error;
mod job;
mod limit;
mod many;
mod queue;
mod repair;
mod scheduler;
mod support;
mod sweep;

pub use code::Code;
pub use edit::{JobEdit, duplicate_job, run_edit};
pub use error::OpError;
pub use job::{
    ABANDONED, Exit, JobOp, PRIORITY_MAX, Ran, release_deduplication, remove_seen, run_job, run_jobs,
};
pub use limit::{LimitOp, run_limit};
pub use many::{Chosen, JobsOp, MANY_MAX, Many, run_many};
pub use queue::{QueueOp, QueueOutcome, run_queue};
pub(in crate::engine) use repair::clamped;
pub use repair::{Because, Endless, Home, Repair, Repaired, UNREADABLE, run_repair};
pub use scheduler::{Scheduled, SchedulerOp, run_scheduler};
pub use support::Capability;
pub use sweep::Sweep;

use crate::wire::{QueueId, WriteEra};

/// What is acted on: a queue, and the generation of its writers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Target {
    /// The queue.
    pub queue: QueueId,
    /// Whose layout is written; the scripts refuse ([`Code::WrongEra`]) when the keys contradict it.
    pub era: WriteEra,
}
