//! The link between a child and its parent: where it leads, and how it is cut.

use super::super::op::Code;
use super::super::queue::Queue;
use super::super::script::script;
use crate::conn::{ConnError, integer};
use crate::wire::{JobId, QueueId};

/// A job that exists and is to be a parent: [`JobOptions::parent`](crate::engine::JobOptions::parent).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ParentRef {
    /// The queue it is in.
    pub queue: QueueId,
    /// Its id.
    pub id: JobId,
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
}
