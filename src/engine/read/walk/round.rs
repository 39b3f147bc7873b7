//! What one round trip brought.

use super::Source;
use super::ids::{Entry, Ids};
use crate::conn::{RawReplies, RawReply};
use crate::wire::{JobId, QueueId, State};

/// Some jobs with the fields that were wanted, still in the bytes that came from Redis.
#[derive(Clone, Copy, Debug)]
pub struct Round<'a> {
    pub(super) sources: &'a [Ids],
    pub(super) arena: &'a [u8],
    pub(super) jobs: &'a [Entry],
    pub(super) replies: &'a RawReplies,
    pub(super) fields: usize,
}

impl<'a> Round<'a> {
    /// All values of all jobs in one stretch, with lengths and line ends of the protocol between
    /// them. What stands in no place here stands in no field, and the jobs need not be looked at.
    pub fn bytes(self) -> &'a [u8] {
        self.replies.bytes()
    }

    /// The jobs, in their order.
    pub fn jobs(self) -> impl ExactSizeIterator<Item = Seen<'a>> {
        self.jobs.iter().map(move |entry| Seen { round: self, entry })
    }

    /// How many jobs there are.
    pub fn len(self) -> usize {
        self.jobs.len()
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.jobs.is_empty()
    }
}

/// One job of a [`Round`].
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    round: Round<'a>,
    entry: &'a Entry,
}

impl<'a> Seen<'a> {
    /// Where it was found.
    pub fn source(self) -> Option<&'a Source> {
        self.round.sources.get(self.entry.source).map(|ids| &ids.source)
    }

    /// Its queue.
    pub fn queue(self) -> Option<&'a QueueId> {
        self.source().map(|source| &source.queue)
    }

    /// The state in which it was found.
    pub fn state(self) -> Option<State> {
        self.source().map(|source| source.state)
    }

    /// Its id, as bytes.
    pub fn id_bytes(self) -> &'a [u8] {
        self.entry.id(self.round.arena)
    }

    /// Its id.
    pub fn id(self) -> JobId {
        JobId::new(self.id_bytes())
    }

    /// The score in its sorted set: when it finished, when it is due, its priority (see
    /// [`crate::wire::score`]). `None` in a list.
    pub fn score(self) -> Option<f64> {
        self.entry.score
    }

    /// The values of its fields as they stand on the wire: to look for bytes before anything is taken
    /// apart.
    pub fn bytes(self) -> &'a [u8] {
        let reply = self.entry.reply.and_then(|at| self.round.replies.get(at));
        reply.map(RawReply::frame).unwrap_or_default()
    }

    /// Where [`Seen::bytes`] begins in [`Round::bytes`].
    pub fn start(self) -> Option<usize> {
        self.round.replies.start(self.entry.reply?)
    }

    /// Whether a field that was wanted was larger than wanted.
    pub fn is_large(self, field: usize) -> bool {
        self.entry.is_large(field)
    }

    /// A field by its place in [`super::Want::fields`]; `None` where it is not there or too large.
    pub fn field(self, field: usize) -> Option<&'a [u8]> {
        if self.entry.is_large(field) {
            return None;
        }
        let before = (0..field).filter(|at| !self.entry.is_large(*at)).count();
        self.round.replies.get(self.entry.reply?)?.items().nth(before)?
    }

    /// All fields, in the order of [`super::Want::fields`]; `None` where one is not there or too large.
    pub fn fields(self) -> impl Iterator<Item = Option<&'a [u8]>> {
        let reply = self.entry.reply.and_then(|at| self.round.replies.get(at));
        let mut items = reply.map(RawReply::items);
        (0..self.round.fields).map(move |field| {
            if self.entry.is_large(field) { None } else { items.as_mut().and_then(|items| items.next()?) }
        })
    }
}
