//! What became of a child that its parent waits for (spec 3.7): one reader for flows, the doctor and Why.
//!
//! `finishedOn` alone does not tell a failure from a success, nor is a hash that is gone lost: between two
//! reads a child may complete, be removed, and its parent be told. So the sets of what is over are asked,
//! and who must be certain asks afterwards, in the same batch, whether the parent still waits
//! (`ask_awaited`): a script of a worker never stands between the commands of one job's end.

use crate::conn::{Batch, ConnError, Request, Value, Verb, float, integer};
use crate::wire::{JobId, QueueId};

/// What became of a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChildState {
    /// Its key is gone.
    Gone,
    /// It failed, and stands among the failed jobs of its queue.
    Failed,
    /// It completed, and stands among the completed jobs of its queue.
    Completed,
    /// It is somewhere else, or may not be read.
    Alive,
}

/// Replies that [`tell`] takes.
pub(crate) const REPLIES: usize = 3;

/// Asks for a child: by its key, and where that could be split by its queue and id.
pub(crate) fn ask(batch: &mut Batch, key: &[u8], near: &QueueId, job: Option<&(QueueId, JobId)>) {
    let (queue, id) = job.map_or((near, &b""[..]), |(queue, id)| (queue, id.as_bytes()));
    batch.push(Request::new(Verb::Exists).arg(key));
    batch.push(Request::new(Verb::ZScore).arg(queue.key("failed")).arg(id));
    batch.push(Request::new(Verb::ZScore).arg(queue.key("completed")).arg(id));
}

/// Asks whether a parent waits for the child of this key: 1 or 0.
pub(super) fn ask_awaited(batch: &mut Batch, key: &[u8], parent: (&QueueId, &JobId)) {
    let pending = parent.0.satellite(parent.1, "dependencies");
    batch.push(Request::new(Verb::SIsMember).arg(pending).arg(key));
}

/// What the three replies tell. A child that may not be read is not known to be lost; a server that is
/// loading, or out of memory, tells nothing.
pub(crate) fn tell(replies: &[Value]) -> Result<ChildState, ConnError> {
    let exists = match ConnError::check(replies.first().cloned().unwrap_or(Value::Nil)) {
        Ok(reply) => integer(&reply) != Some(0),
        Err(error) if error.is_server_state() => return Err(error),
        Err(_) => true,
    };
    let found = |at: usize| replies.get(at).and_then(float).is_some();
    Ok(match exists {
        false => ChildState::Gone,
        true if found(1) => ChildState::Failed,
        true if found(2) => ChildState::Completed,
        true => ChildState::Alive,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sets_tell_and_not_the_hash() {
        let score = || Value::BulkString(b"1".to_vec());
        let of = |exists, failed, completed| tell(&[Value::Int(exists), failed, completed]).unwrap();
        assert_eq!(of(1, Value::Nil, Value::Nil), ChildState::Alive);
        assert_eq!(of(1, score(), Value::Nil), ChildState::Failed);
        assert_eq!(of(1, Value::Nil, score()), ChildState::Completed);
        assert_eq!(of(0, Value::Nil, Value::Nil), ChildState::Gone);
        let refused = |line: &[u8]| redis::parse_redis_value(line).unwrap();
        let noperm = refused(b"-NOPERM no permission\r\n");
        assert_eq!(tell(&[noperm, Value::Nil, Value::Nil]).unwrap(), ChildState::Alive);
        assert!(tell(&[refused(b"-LOADING wait\r\n"), Value::Nil, Value::Nil]).is_err());
    }
}
