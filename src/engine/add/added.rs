//! What became of a job that was added.

use std::ops::Deref;

use super::AddError;
use crate::conn::{ConnError, Value, bytes, integer, items};
use crate::wire::JobId;

/// A job that was added, or the one that stands for it. It reads as its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Added {
    /// The job's id; of the job that stands for it, where nothing was added.
    pub id: JobId,
    /// What was done.
    pub outcome: Outcome,
}

/// What an add did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The job is in the queue.
    New,
    /// A job of this id of one's own existed: nothing was added, its data and options stay.
    Exists,
    /// Another job stands for it, by its deduplication id: nothing was added, or it is kept aside until
    /// that job ends.
    Deduplicated,
}

impl Added {
    /// Whether a job was added by this call.
    pub fn is_new(&self) -> bool {
        self.outcome == Outcome::New
    }

    /// Reads what `add.lua` returns for a job.
    pub(super) fn read(value: &Value) -> Result<Self, AddError> {
        let done = |value: &Value, outcome| {
            bytes(value).map(|id| Self { id: JobId::new(id), outcome }).ok_or(AddError::Reply)
        };
        match value {
            Value::Int(code) => Err(AddError::from_code(*code)),
            Value::Array(_) => match items(value) {
                [kind, id] if integer(kind) == Some(1) => done(id, Outcome::Exists),
                [kind, id] if integer(kind) == Some(2) => done(id, Outcome::Deduplicated),
                _ => Err(AddError::Reply),
            },
            Value::ServerError(_) => Err(match ConnError::check(value.clone()) {
                Err(error) => AddError::Conn(error),
                Ok(_) => AddError::Reply,
            }),
            _ => done(value, Outcome::New),
        }
    }
}

impl Deref for Added {
    type Target = JobId;

    fn deref(&self) -> &JobId {
        &self.id
    }
}

impl PartialEq<JobId> for Added {
    fn eq(&self, id: &JobId) -> bool {
        self.id == *id
    }
}
