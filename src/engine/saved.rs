//! Whole jobs, read so that they can be put back: what an undo is made of.
//!
//! [`save`] reads jobs with all that hangs off them (hash, log, children, place among the others,
//! deduplication id, tie to the parent) with plain commands, before an act takes them away;
//! [`restore`] puts one back in one script, only where the ground is still free: an id that is used
//! again is never overwritten.
//!
//! A saved job is written as one line of JSON; bytes that are no UTF-8 become `{"b64": ".."}`.

mod bytes;
mod edit;
mod exit;
mod keys;
mod mend;
mod parents;
mod place;
mod read;
mod restore;
mod schedule;

use serde::{Deserialize, Serialize};

pub use edit::{Editing, SavedEdit, revert, save_edit};
pub use exit::save_exit;
use keys::save_sorted;
pub use keys::{SavedKey, restore_keys, save_keys};
pub use mend::{Kept, SavedMend, save_mend, saved_revival, unmend};
pub use parents::save_with_parents;
pub use read::{SaveError, Saving, save};
pub use restore::{Left, Restored, restore};
pub use schedule::{PutBack, SavedSchedule, restore_schedule, save_schedule};

use crate::engine::op::Ran;
use crate::wire::State;
use bytes::Bytes;

/// A job as it was, with its keys.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Saved {
    /// The prefix of its queue.
    pub(crate) prefix: Bytes,
    /// The name of its queue.
    pub(crate) queue: Bytes,
    /// Its id.
    pub(crate) id: Bytes,
    /// The fields of its hash.
    pub(crate) fields: Vec<(Bytes, Bytes)>,
    /// The lines of its log.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) logs: Vec<Bytes>,
    /// Keys of its unfinished children.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) dependencies: Vec<Bytes>,
    /// Keys of its finished children, with their results.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) processed: Vec<(Bytes, Bytes)>,
    /// Keys of its failed children that do not count, with their reasons.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) ignored: Vec<(Bytes, Bytes)>,
    /// Keys of its failed children that fail it, with their times.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) unsuccessful: Vec<(Bytes, Bytes)>,
    /// Where it stood; `None`: in no structure of its queue.
    pub(crate) place: Option<Spot>,
    /// Its score in Bull's index of priorities.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) rank: Option<Bytes>,
    /// The deduplication id that it owned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) dedup: Option<Dedup>,
    /// The parent that waited for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) parent: Option<Tie>,
    /// It went as a descendant of the job saved before it that has this off.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) descendant: bool,
}

/// A place among the other jobs of a queue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Spot {
    /// The name of the state.
    pub(crate) state: String,
    /// The score, in a sorted set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) score: Option<Bytes>,
    /// In a list: the id on the side that runs first, of those that were still there when this
    /// one went. `None`: it was the next to run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) next: Option<Bytes>,
}

/// The deduplication id that a job owned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Dedup {
    /// The id.
    pub(crate) id: Bytes,
    /// When it would have been free, ms since the epoch by the server's clock; `None`: with the job.
    pub(crate) until: Option<i64>,
}

/// The parent that waited for a job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Tie {
    /// The parent's full key.
    pub(crate) key: Bytes,
    /// The base of the parent's queue, `<prefix>:<queue>:`.
    pub(crate) base: Bytes,
    /// The parent's id.
    pub(crate) id: Bytes,
    /// Its score among those that wait for children; `None`: it was elsewhere.
    pub(crate) waiting: Option<Bytes>,
}

impl Saved {
    /// The state that it was in.
    pub fn state(&self) -> Option<State> {
        self.place.as_ref().and_then(|place| State::parse(&place.state))
    }

    /// Its id, as bytes.
    pub fn id(&self) -> &[u8] {
        &self.id.0
    }

    /// When it last ran.
    pub fn ran(&self) -> Ran {
        let field = |name: &str| {
            let found = self.fields.iter().find(|(known, _)| known.0 == name.as_bytes());
            found.map(|(_, value)| value.0.clone()).unwrap_or_default()
        };
        Ran { processed_on: field("processedOn"), finished_on: field("finishedOn") }
    }

    /// Its queue.
    pub fn queue(&self) -> crate::wire::QueueId {
        use crate::wire::{Prefix, QueueId, QueueName};
        QueueId::new(Prefix::new(self.prefix.0.as_slice()), QueueName::legacy(self.queue.0.as_slice()))
    }

    /// The key of its hash.
    pub fn key(&self) -> Vec<u8> {
        self.queue().job(&crate::wire::JobId::new(self.id()))
    }

    /// Whether it went because an ancestor went.
    pub const fn is_descendant(&self) -> bool {
        self.descendant
    }
}
