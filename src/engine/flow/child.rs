//! Children, as their parent knows them.

use serde::de::DeserializeOwned;

use super::super::read::ChildKind;
use crate::wire::parent::split_job_key;
use crate::wire::{JobId, QueueId, Raw};

/// Which job a child is. A parent keeps the full key; where the queue ends in it is read from what
/// is known of the queues nearby, as keys may hold more colons than parts (trap T9).
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct ChildRef {
    /// Its full key: `<prefix>:<queue>:<id>`.
    pub key: Raw,
    /// Its queue, where the key could be split.
    pub queue: Option<QueueId>,
    /// Its id, where the key could be split.
    pub id: Option<JobId>,
}

impl ChildRef {
    pub(super) fn new(key: &[u8], nearby: &QueueId) -> Self {
        let (queue, id) = split_job_key(key, None, nearby).unzip();
        Self { key: Raw::new(key), queue, id }
    }
}

/// What a child left with its parent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ChildValue {
    /// Which child.
    pub child: ChildRef,
    /// Of a child that completed: its return value, JSON as its worker wrote it. Of one whose
    /// failure is ignored: the text of the failure, plain.
    pub value: Raw,
}

impl ChildValue {
    /// The return value, read as `T`.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_slice(self.value.as_bytes())
    }
}

/// A child and what became of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Dependency {
    /// Which child.
    pub child: ChildRef,
    /// What became of it.
    pub kind: ChildKind,
    /// Its value ([`ChildValue::value`]), where it left one: `Processed` and `Ignored`.
    pub value: Option<Raw>,
}

/// A page of the children of a job.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Dependencies {
    /// The children of this page. In no order, and one may come twice where children end while
    /// pages are read, as with every scan of Redis.
    pub children: Vec<Dependency>,
    /// Where the next page begins; `None` after the last one.
    pub next: Option<u64>,
}
