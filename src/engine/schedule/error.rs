//! Why there is no scheduler, or no next run.

use super::{CronError, ZoneError};
use crate::conn::{ConnError, Kind};
use crate::engine::op::Code;
use crate::engine::{AddError, OptionError};

/// A scheduler was not written, or a next run not added.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// The pattern cannot be read.
    #[error(transparent)]
    Cron(#[from] CronError),
    /// The zone is not known.
    #[error(transparent)]
    Zone(#[from] ZoneError),
    /// An interval below a millisecond, or an empty pattern, which count as none.
    #[error("Either .pattern or .every options must be defined for this repeatable job")]
    NoRule,
    /// `immediately` and `start` contradict each other.
    #[error("Both .immediately and .startDate options are defined for this repeatable job")]
    ImmediatelyAndStart,
    /// `end` lies in the past.
    #[error("End date must be greater than current timestamp")]
    EndPassed,
    /// The template has an option that belongs to the scheduler: id, delay, timestamp, or a parent.
    #[error("a template has no id, delay, timestamp or parent of its own")]
    Template,
    /// The template's options are not what BullMQ would accept.
    #[error(transparent)]
    Options(#[from] OptionError),
    /// Code -10: the pattern's next run exists as a job, which is not the scheduler's own.
    #[error("Cannot create job scheduler iteration - job ID already exists.")]
    IterationExists,
    /// Code -11: so do the interval's next 32 runs.
    #[error("Cannot create job scheduler iteration - current and next time slots already have jobs.")]
    SlotsTaken,
    /// A repeatable of before BullMQ 5.10, all of whose metadata is in its key.
    #[error("Legacy repeatable job metadata is not supported")]
    Legacy,
    /// Options of a job, or a scheduler's id, that are not JSON text.
    #[error("not JSON: {0}")]
    Json(String),
    /// The queue is not one of era 5 or 6, and not new either, or a key has a wrong type; nothing was changed.
    #[error("{}", .0.sentence())]
    Refused(Code),
    /// The connection, or an error reply.
    #[error(transparent)]
    Conn(#[from] ConnError),
    /// A code that the script does not document.
    #[error("the script gave the unknown code {0}")]
    Code(i64),
    /// The reply had another shape than the script documents.
    #[error("the script gave an answer of an unexpected shape")]
    Reply,
}

impl ScheduleError {
    pub(super) fn of(code: i64) -> Self {
        match code {
            -10 => Self::IterationExists,
            -11 => Self::SlotsTaken,
            -34 => Self::EndPassed,
            _ => Code::refusal(code).map_or(Self::Code(code), Self::Refused),
        }
    }

    /// Whether trying again may help: the link failed, or the server refuses commands for the moment.
    pub(in crate::engine) fn is_passing(&self) -> bool {
        let Self::Conn(error) = self else { return false };
        let refused = matches!(
            error.kind,
            Kind::Auth
                | Kind::ReadOnly
                | Kind::Loading
                | Kind::Busy
                | Kind::Oom
                | Kind::Misconf
                | Kind::Cluster
        );
        error.is_link() || refused
    }
}

impl From<serde_json::Error> for ScheduleError {
    fn from(error: serde_json::Error) -> Self {
        Self::Json(error.to_string())
    }
}

impl From<AddError> for ScheduleError {
    fn from(error: AddError) -> Self {
        match error {
            AddError::Options(error) => Self::Options(error),
            AddError::Conn(error) => Self::Conn(error),
            other => Self::Json(other.to_string()),
        }
    }
}
