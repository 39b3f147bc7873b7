//! What is to be done to which jobs.

use super::Action;
use crate::engine::op::{JobOp, Target};
use crate::wire::{JobId, State};

/// Which jobs, frozen when the person looked at them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Selection {
    /// These.
    Ids(Vec<JobId>),
    /// All that are in a state and were there by a moment: what fails, waits or is put off later
    /// does not belong to it, and neither does a job that ran since.
    All {
        /// The state.
        state: State,
        /// The moment, ms since the epoch: finished jobs and waiting parents by when they got
        /// there, all others by when they were added and last ran.
        until: i64,
    },
}

/// One operation on a selection of jobs of a queue.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Plan {
    /// The queue.
    pub target: Target,
    /// What is done to each job.
    pub op: JobOp,
    /// Which jobs.
    pub selection: Selection,
}

impl Plan {
    /// The act.
    pub fn action(&self) -> Action {
        self.op.into()
    }

    /// Whether jobs are gone afterwards.
    pub const fn takes_away(&self) -> bool {
        matches!(self.op, JobOp::Remove { .. })
    }

    /// Whether descendants go with them.
    pub const fn takes_children(&self) -> bool {
        matches!(self.op, JobOp::Remove { children: true })
    }
}
