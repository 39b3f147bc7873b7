//! Lists of jobs by page, without payloads (decisions, section 4).

mod columns;
mod fetch;

pub use fetch::{page, rows};

use crate::text::{Clean, Mask};
use crate::wire::{JobId, QueueId, State};

/// Which end of a state comes first.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Default)]
pub enum Order {
    /// What a person wants to see first: next to run, soonest due, newest finished (spec 3.4).
    #[default]
    Natural,
    /// The other way round.
    Reversed,
}

/// A page that is wanted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PageQuery {
    /// Of which queue.
    pub queue: QueueId,
    /// Of which state.
    pub state: State,
    /// How many jobs are before it.
    pub offset: u64,
    /// How many jobs at most; bounded to 1,000.
    pub limit: u64,
    /// From which end.
    pub order: Order,
}

/// A short text, or the size of one that was too large to be read unasked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Brief {
    /// The field is not there.
    Absent,
    /// Its text.
    Text(Clean),
    /// Its size in bytes: above 4 KB it is not fetched.
    Large(u64),
}

/// One row of a list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JobRow {
    /// Which job.
    pub id: JobId,
    /// The id as it is shown.
    pub shown_id: Clean,
    /// The hash is gone (race or retention), or was never one: only the id is known.
    pub gone: bool,
    /// `name`.
    pub name: Brief,
    /// `failedReason`.
    pub reason: Brief,
    /// `progress`, JSON text.
    pub progress: Brief,
    /// When it was created, ms.
    pub timestamp: Option<i64>,
    /// When it is due (state delayed, from the score), ms.
    pub due_at: Option<i64>,
    /// When it last started, ms.
    pub processed_on: Option<i64>,
    /// When it finished, ms.
    pub finished_on: Option<i64>,
    /// The intended delay, ms.
    pub delay: Option<i64>,
    /// Priority; 0 is none.
    pub priority: i64,
    /// Attempts made, in the meaning of its era.
    pub attempts_made: u64,
    /// Attempts started (era 5 on).
    pub attempts_started: Option<u64>,
    /// Name of the worker that runs or ran it.
    pub worker: Option<Clean>,
    /// It is a child of a flow.
    pub child: bool,
    /// It was made by a scheduler.
    pub scheduled: bool,
}

impl JobRow {
    /// The row as it may be shown: secrets in its texts are masked.
    #[must_use]
    pub fn masked(mut self, mask: &Mask) -> Self {
        for brief in [&mut self.name, &mut self.reason, &mut self.progress] {
            if let Brief::Text(text) = brief {
                *text = mask.clean(text);
            }
        }
        self
    }
}

/// A page of a list.
#[derive(Clone, PartialEq, Debug)]
pub struct Page {
    /// What was asked.
    pub query: PageQuery,
    /// How many jobs the state holds.
    pub total: u64,
    /// The rows, in the order asked.
    pub rows: Vec<JobRow>,
}
