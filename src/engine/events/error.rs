//! What can go wrong with events.

use super::super::op::Code;
use crate::conn::{ConnError, Kind};
use crate::wire::Raw;

/// Events cannot be followed, or published.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum EventsError {
    /// The connection, or an error reply: no permission, a key of another type. A lost link is none
    /// of these: it is mended without a word.
    #[error(transparent)]
    Conn(#[from] ConnError),
    /// An entry is larger than what may be read, and to pass it by takes a script, which a read-only
    /// connection does not run. Open the connection for writing, or raise the limit.
    #[error("an event is larger than the largest reply that is read")]
    TooLarge,
    /// The queue is not one of era 5 or 6, and not new either; nothing was written.
    #[error("{}", .0.sentence())]
    Refused(Code),
    /// The reply had another shape than the command documents.
    #[error("the server gave an answer of an unexpected shape")]
    Reply,
}

impl EventsError {
    /// Whether the same read may be tried again when the server is back.
    pub(super) fn is_passing(&self) -> bool {
        match self {
            Self::Conn(error) => {
                error.is_link() || error.is_server_state() || matches!(error.kind, Kind::Loading)
            }
            _ => false,
        }
    }
}

/// Why there is no value of a job.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum WaitError {
    /// The job failed for good: the text of its error.
    #[error("the job failed: {}", .0.clean())]
    Failed(Raw),
    /// There is no such job: it was never added, was removed before it was done, or was done and removed
    /// so long ago that the queue's events do not tell any more.
    #[error("the job does not exist (any more)")]
    Missing,
    /// The time is over. The job is not affected.
    #[error("the job was not done in time")]
    TimedOut,
    /// The job completed with a value of so many bytes, more than is read at once.
    #[error("the job completed with a value of {0} bytes, which is more than is read at once")]
    TooLarge(u64),
    /// The queue's events cannot be followed.
    #[error(transparent)]
    Events(#[from] EventsError),
}

impl From<ConnError> for WaitError {
    fn from(error: ConnError) -> Self {
        Self::Events(EventsError::Conn(error))
    }
}
