//! What is to be done to which jobs.

use std::sync::Arc;

use super::Action;
use crate::engine::op::{JobOp, Target};
use crate::text::Clean;
use crate::wire::{JobId, State};

/// Which jobs, frozen when the person looked at them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Selection {
    /// These.
    Ids(Vec<JobId>),
    /// Those of one group of errors.
    Group(Arc<Only>),
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

/// Some jobs of a state, known by their ids: those of one group of errors, chosen by why they failed, or those that
/// a filter found.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Only {
    /// The group's name, as `--error` takes it; empty: a filter found them.
    pub group: String,
    /// Their message, values taken out.
    pub message: Clean,
    /// Its jobs, oldest first.
    pub ids: Vec<JobId>,
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

impl Only {
    /// What a filter found, oldest first.
    pub fn found(ids: Vec<JobId>) -> Self {
        Self { ids, ..Self::default() }
    }

    /// Whether it is a group of errors.
    pub const fn is_group(&self) -> bool {
        !self.group.is_empty()
    }
}

impl Selection {
    /// The ids that it names; none where it means a whole state.
    pub fn ids(&self) -> Option<&[JobId]> {
        match self {
            Self::Ids(ids) => Some(ids),
            Self::Group(only) => Some(&only.ids),
            Self::All { .. } => None,
        }
    }
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
