//! Why a job was not added.

use super::super::op::Code;
use crate::conn::{ConnError, Kind};
use crate::text::Clean;

/// A job was not added.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddError {
    /// The options are not what BullMQ would accept; nothing was sent.
    #[error(transparent)]
    Options(#[from] OptionError),
    /// The data cannot be written as JSON; nothing was sent.
    #[error("the job's data is not JSON: {0}")]
    Data(String),
    /// The data is larger than the job's own limit; nothing was sent.
    #[error("The size of job {name} exceeds the limit {limit} bytes")]
    Size {
        /// The job's name.
        name: Clean,
        /// Its limit.
        limit: u64,
    },
    /// The connection, or an error reply. With [`Kind::UnknownOutcome`] the job may have been added:
    /// see [`AddError::is_unknown`].
    #[error(transparent)]
    Conn(#[from] ConnError),
    /// Code -5: the parent's hash does not exist.
    #[error("the parent job does not exist")]
    ParentMissing,
    /// Code -7: a job of this id exists and has another living parent.
    #[error("a job of this id belongs to another parent")]
    ParentTaken,
    /// A job of this id exists, and the parent waits for it already: each would wait for the other.
    #[error("a job of this id is the parent itself or one of its ancestors")]
    OwnAncestor,
    /// A flow has more jobs than one script may add; nothing was sent.
    #[error("the flow has {jobs} jobs, and at most {most} are added as one step")]
    TooManyJobs {
        /// Jobs it has.
        jobs: usize,
        /// Jobs it may have.
        most: usize,
    },
    /// A queue of the call is not one of era 5 or 6, and not new either; nothing was added.
    #[error("{}", .0.sentence())]
    Refused(Code),
    /// A code that the script does not document.
    #[error("adding gave the unknown code {0}")]
    Code(i64),
    /// One of many, behind a step that failed; it was not sent.
    #[error("the job was not sent, because the link failed before its turn")]
    NotSent,
    /// The reply had another shape than the script documents.
    #[error("adding gave an answer of an unexpected shape")]
    Reply,
}

impl AddError {
    /// What a script answered for a job that it did not add.
    pub(in crate::engine) fn from_code(code: i64) -> Self {
        match code {
            -5 => Self::ParentMissing,
            -7 => Self::ParentTaken,
            -24 => Self::Refused(Code::NotAJob),
            -41 => Self::OwnAncestor,
            _ => Code::refusal(code).map_or(Self::Code(code), Self::Refused),
        }
    }

    /// Whether the job was sent and no answer came. It may be in the queue; adding it again may add
    /// it twice, unless it has an id of its own or a deduplication id.
    pub fn is_unknown(&self) -> bool {
        matches!(self, Self::Conn(error) if error.kind == Kind::UnknownOutcome)
    }
}

/// Options that BullMQ refuses on the client's side (spec 2.4), in its words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OptionError {
    /// The ids of wake-up markers in old releases.
    #[error("JobId cannot be '0' or start with '0:'")]
    Zero,
    /// It could meet an automatic id.
    #[error("Custom Id cannot be integers")]
    Integer,
    /// `:` separates the parts of a key.
    #[error("Custom Id cannot contain :")]
    Colon,
    /// The id is the name of one of the queue's own keys (trap T8), which Node does not refuse.
    #[error("this id is the name of a key of the queue itself")]
    Reserved,
    /// Scores hold 21 bits of priority.
    #[error("Priority should be between 0 and 2097151")]
    Priority,
    /// A priority is a whole number.
    #[error("Priority should not be float")]
    FloatPriority,
    /// Jitter is a share.
    #[error("Jitter should be between 0 and 1")]
    Jitter,
    /// More than one thing to do with the parent when the job fails.
    #[error("The following options cannot be used together: {0}")]
    Together(String),
    /// Nothing says which jobs are the same.
    #[error("Deduplication id must be provided")]
    DeduplicationId,
    /// A child that is dropped would leave its parent waiting for nothing.
    #[error("Deduplication and parent options cannot be used together")]
    DeduplicationOfChild,
    /// In a flow: the children of a parent that is dropped would be nobody's.
    #[error("Deduplication options cannot be used on flow nodes with children")]
    DeduplicationOfParent,
    /// In a flow: the child would be added when nobody waits for it any more.
    #[error("keepLastIfActive deduplication cannot be used on flow nodes with a parent")]
    KeepLastOfChild,
    /// The old name, gone since BullMQ 6.
    #[error("Debounce option has been removed. Use deduplication option instead")]
    Debounce,
}
