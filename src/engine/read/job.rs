//! One job, whole but for what is large.

use crate::text::{Clean, Mask};
use crate::wire::parent::{ParentField, split_job_key};
use crate::wire::{JobId, QueueId, Raw, State, Token, number};

/// A field of a job's hash.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Field {
    /// Its name.
    pub name: Raw,
    /// Its size in bytes.
    pub size: u64,
    /// Its value; `None` while it is larger than what may be read unasked.
    pub value: Option<Raw>,
}

/// Children of a parent by what became of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Children {
    /// Finished (`:processed`).
    pub processed: u64,
    /// Not finished (`:dependencies`).
    pub pending: u64,
    /// Failed, and failing the parent (`:unsuccessful`).
    pub failed: u64,
    /// Failed, and ignored (`:failed`).
    pub ignored: u64,
}

/// The parent of a job in a flow.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Parent {
    /// The parent's full key, as the job keeps it.
    pub key: Raw,
    /// Its queue, where the key could be split.
    pub queue: Option<QueueId>,
    /// Its id, where the key could be split or stands beside it.
    pub id: Option<JobId>,
}

impl Parent {
    /// The parent that a job of this queue names in `parentKey` and `parent` (spec 2.2): the key, and where
    /// that cannot be split or is not there, what stands in the other.
    pub fn named(queue: &QueueId, key: Option<&[u8]>, field: Option<&[u8]>) -> Option<Self> {
        let field = field.and_then(ParentField::parse);
        let key = match (key, &field) {
            (Some(key), _) => key.to_vec(),
            (None, Some(field)) => [&field.queue_key, b":".as_slice(), field.id.as_bytes()].concat(),
            (None, None) => return None,
        };
        let named = field.as_ref().map(|field| field.queue_key.as_slice());
        let (queue, id) = split_job_key(&key, named, queue).unzip();
        Some(Self { key: Raw::new(key), queue, id: id.or(field.map(|field| field.id)) })
    }
}

/// A job as it was found.
#[derive(Clone, PartialEq, Debug)]
pub struct JobDetail {
    /// Of which queue.
    pub queue: QueueId,
    /// Which job.
    pub id: JobId,
    /// Where it is; `None` when it is in no structure of the queue.
    pub state: Option<State>,
    /// The fields of its hash, in the server's order; empty when the hash is gone.
    pub fields: Vec<Field>,
    /// Fields of the hash in all; more than `fields` holds when there are over 200.
    pub field_count: u64,
    /// Lines of its log.
    pub logs: u64,
    /// Who holds its lock, and for how many ms yet (`None`: without end).
    pub lock: Option<(Token, Option<i64>)>,
    /// When it is due (state delayed), ms since the epoch.
    pub due_at: Option<i64>,
    /// Children by outcome.
    pub children: Children,
    /// Parent in a flow.
    pub parent: Option<Parent>,
}

impl JobDetail {
    /// The value of a field, if it is there and was read.
    pub fn value(&self, name: &str) -> Option<&[u8]> {
        self.field(name)?.value.as_ref().map(Raw::as_bytes)
    }

    /// A field, read or not.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name.as_bytes() == name.as_bytes())
    }

    /// A field that holds a whole number, within the bounds of [`number::whole`].
    pub fn number(&self, name: &str) -> Option<i64> {
        number::whole(self.value(name)?)
    }

    /// How many attempts have ended, whoever made them: BullMQ up to 4 counts its own in `attemptsMade`,
    /// later releases theirs in `atm`, and a job that both have run has both (spec 14.4). `None`
    /// where neither is there.
    pub fn attempts_made(&self) -> Option<u64> {
        let count = |name| self.number(name).map(|n| u64::try_from(n).unwrap_or(0));
        match (count("attemptsMade"), count("atm")) {
            (None, None) => None,
            (older, newer) => Some(older.unwrap_or(0) + newer.unwrap_or(0)),
        }
    }

    /// The job as it may be shown: the secrets in its fields are masked.
    #[must_use]
    pub fn masked(mut self, mask: &Mask) -> Self {
        for field in &mut self.fields {
            let name = field.name.as_bytes();
            field.value = field.value.take().map(|value| value.masked(mask, name));
        }
        self
    }

    /// A field in the form that may be shown on one line.
    pub fn clean(&self, name: &str) -> Option<Clean> {
        self.value(name).map(Clean::line)
    }
}

/// A stretch of a job's log.
#[derive(Clone, PartialEq, Debug)]
pub struct LogPage {
    /// Lines in all.
    pub total: u64,
    /// Index of the first line here.
    pub offset: u64,
    /// The lines, oldest first.
    pub lines: Vec<Raw>,
}
