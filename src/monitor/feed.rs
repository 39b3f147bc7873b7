//! Entries of event streams, for the Events screen.

use crate::text::{Clean, Mask};
use crate::wire::{JobId, QueueId, Raw};

/// An entry of a queue's event stream.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FeedEvent {
    /// When Redis took it, ms since the epoch: the first half of the entry's id.
    pub at: i64,
    /// The entry's id.
    pub entry: Clean,
    /// Of which queue.
    pub queue: QueueId,
    /// The event's name (`completed`, ...), unknown ones too.
    pub event: Clean,
    /// Which job, where the event names one.
    pub job: Option<JobId>,
    /// The event's other fields, large values cut.
    pub fields: Vec<(Raw, Raw)>,
}

impl FeedEvent {
    /// The event as it may be shown: the secrets in its fields are masked.
    #[must_use]
    pub fn masked(mut self, mask: &Mask) -> Self {
        for (name, value) in &mut self.fields {
            *value = value.masked(mask, name.as_bytes());
        }
        self
    }
}
