//! The link between a child and its parent: where it leads, and how it is cut.

use super::super::op::Code;
use super::super::queue::Queue;
use super::super::read::ChildKind;
use super::super::script::script;
use super::read;
use crate::conn::{Conn, ConnError, integer, items};
use crate::wire::{JobId, QueueId};

/// A job that exists and is to be a parent: [`JobOptions::parent`](crate::engine::JobOptions::parent).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ParentRef {
    /// The queue it is in.
    pub queue: QueueId,
    /// Its id.
    pub id: JobId,
}

/// What became of the children that a parent still waited for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unprocessed {
    /// Removed, with what they waited for themselves. Their descendants are not counted.
    pub removed: u64,
    /// Still awaited: they run, failed, or have more than 1,000 pending descendants.
    pub kept: u64,
}

/// A child was not cut from its parent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// The connection, or an error reply.
    #[error(transparent)]
    Conn(#[from] ConnError),
    /// Code -1.
    #[error("the job no longer exists")]
    Missing,
    /// Code -5: it has no parent, or a parent that no longer exists.
    #[error("the job has no parent that exists")]
    ParentMissing,
    /// The queue is not one of era 5 or 6; nothing was changed.
    #[error("{}", .0.sentence())]
    Refused(Code),
    /// A code that the script does not document.
    #[error("the script gave the unknown code {0}")]
    Code(i64),
    /// The reply had another shape than the script documents.
    #[error("the script gave an answer of an unexpected shape")]
    Reply,
}

impl LinkError {
    fn check(code: i64) -> Result<i64, Self> {
        match code {
            0.. => Ok(code),
            -1 => Err(Self::Missing),
            -5 => Err(Self::ParentMissing),
            _ => Err(Code::refusal(code).map_or(Self::Code(code), Self::Refused)),
        }
    }
}

pub(super) async fn remove_unprocessed(
    conn: &Conn,
    queue: &QueueId,
    parent: &JobId,
) -> Result<Unprocessed, LinkError> {
    let script = script!(
        "client",
        "remove_unprocessed",
        ["undecided", "event", "push", "job", "flow", "dedup", "tree"]
    );
    let keys = [queue.key("meta")];
    let mut told = Unprocessed::default();
    let mut cursor = 0;
    loop {
        let page = read::page(conn, queue, parent, ChildKind::Pending, cursor, 100).await?;
        let mut children: Vec<Vec<u8>> =
            page.children.iter().map(|found| found.child.key.as_bytes().to_vec()).collect();
        while !children.is_empty() {
            let args: Vec<Vec<u8>> =
                [parent.as_bytes().to_vec()].into_iter().chain(children.iter().take(100).cloned()).collect();
            let reply = conn.eval(script, &keys, &args).await?;
            if let Some(code) = integer(&reply) {
                LinkError::check(code)?;
            }
            let number = |place: usize| items(&reply).get(place).and_then(integer).ok_or(LinkError::Reply);
            let (looked_at, removed, kept) = (number(0)?, number(1)?, number(2)?);
            let looked_at = usize::try_from(looked_at).ok().filter(|n| *n > 0).ok_or(LinkError::Reply)?;
            told.removed += removed.max(0) as u64;
            told.kept += kept.max(0) as u64;
            children.drain(..looked_at.min(children.len()));
        }
        match page.next {
            Some(next) => cursor = next,
            None => return Ok(told),
        }
    }
}

/// Cutting children off. For queues of eras 5 and 6.
impl Queue {
    /// Lets the parent of a job of this queue wait for it no longer; the job stays. A parent that has
    /// nothing else to wait for is next in line, whatever its delay and priority (as in BullMQ,
    /// spec 16.7). `false`: the parent was not waiting for it (any more).
    pub async fn remove_child_dependency(&self, child: &JobId) -> Result<bool, LinkError> {
        let script = script!("client", "remove_dependency", ["undecided", "event", "push", "job", "flow"]);
        let keys = [self.id().key("meta")];
        let reply = self.conn().eval(script, &keys, &[child.as_bytes().to_vec()]).await?;
        Ok(LinkError::check(integer(&reply).ok_or(LinkError::Reply)?)? == 0)
    }

    /// Removes the children that a job of this queue still waits for, with what these wait for
    /// themselves. Those that run or failed stay. When none is left, the parent is next in line.
    ///
    /// About 100 children a script: others may come in between, and children that are added meanwhile
    /// may stay. A broken link leaves the rest; call it again.
    pub async fn remove_unprocessed_children(&self, parent: &JobId) -> Result<Unprocessed, LinkError> {
        remove_unprocessed(self.conn(), self.id(), parent).await
    }
}
