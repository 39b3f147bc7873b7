//! Errors of operations, as opposed to their answers.

use super::Code;
use crate::conn::{ConnError, Kind};

/// Why an operation has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpError {
    /// The link or the server failed. With [`Kind::UnknownOutcome`] it may have been done.
    #[error(transparent)]
    Conn(#[from] ConnError),
    /// An operation on a queue was refused; nothing was changed by the refused step.
    #[error("{}", .0.sentence())]
    Refused(Code),
    /// The script answered what is not in the table: a defect of ours.
    #[error("the script {script} answered {answer}, which is not known")]
    UnknownAnswer {
        /// The script's name.
        script: &'static str,
        /// What it answered.
        answer: i64,
    },
    /// The reply had another shape than the script's: something between us and Redis.
    #[error("the script {script} answered with something else than numbers")]
    Shape {
        /// The script's name.
        script: &'static str,
    },
}

impl OpError {
    /// Whether a write was sent and no answer came: it may have happened, and must not be resent.
    pub fn is_unknown_outcome(&self) -> bool {
        matches!(self, Self::Conn(error) if error.kind == Kind::UnknownOutcome)
    }
}
