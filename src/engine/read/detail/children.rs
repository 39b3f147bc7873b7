//! The children of a parent (spec 3.7): what they are to it.

use crate::wire::{JobId, QueueId, Raw};

/// What became of children.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Kind {
    /// Failed, and failing the parent.
    Failed,
    /// Not finished.
    Pending,
    /// Failed, and ignored.
    Ignored,
    /// Finished.
    Processed,
}

/// A child of a parent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Child {
    /// Its full key, as the parent keeps it.
    pub key: Raw,
    /// What became of it.
    pub kind: Kind,
    /// Its queue, where the key could be split.
    pub queue: Option<QueueId>,
    /// Its id, where the key could be split.
    pub id: Option<JobId>,
}
