//! What can go wrong with a job, and with the worker itself.

use std::time::Duration;

use super::super::op::Code;
use crate::conn::{ConnError, Kind};

/// How a handler ends an attempt that has no value: a failure, which the job keeps, or a move.
///
/// ```
/// use std::time::Duration;
/// use toril::engine::JobError;
///
/// JobError::new("the gateway gave 503"); // tried again, as the job's options say
/// JobError::fatal("no such account"); // never tried again
/// JobError::rate_limited(Duration::from_secs(30)); // put back; the queue's limit is reached until then
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobError {
    name: String,
    message: String,
    stack: Vec<String>,
    verdict: Verdict,
}

/// What becomes of the job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Retry,
    Fatal,
    Delayed(i64),
    Waiting,
    WaitingChildren,
    RateLimited(Option<Duration>),
}

impl JobError {
    /// A failure that is retried as the job's options say.
    pub fn new(message: impl Into<String>) -> Self {
        Self { name: "Error".to_owned(), message: message.into(), stack: Vec::new(), verdict: Verdict::Retry }
    }

    /// A failure that no further attempt can mend.
    pub fn fatal(message: impl Into<String>) -> Self {
        Self { verdict: Verdict::Fatal, ..Self::new(message).named("UnrecoverableError") }
    }

    /// No failure: the job is to go on at `at` (ms since the epoch, by Redis's clock). It becomes
    /// delayed, and no attempt is counted (BullMQ's `moveToDelayed` and `DelayedError`).
    pub fn delayed(at: i64) -> Self {
        Self { verdict: Verdict::Delayed(at), ..Self::new("the job is delayed").named("DelayedError") }
    }

    /// No failure: the job goes back to the front of the queue (of its priority), and no attempt is
    /// counted (BullMQ's `moveToWait` and `WaitingError`).
    pub fn waiting() -> Self {
        Self { verdict: Verdict::Waiting, ..Self::new("the job waits again").named("WaitingError") }
    }

    /// No failure: the job is to go on when its children are finished, which is at once where none is
    /// pending (BullMQ's `moveToWaitingChildren` and `WaitingChildrenError`). No attempt is counted.
    pub fn waiting_children() -> Self {
        Self {
            verdict: Verdict::WaitingChildren,
            ..Self::new("the job waits for its children").named("WaitingChildrenError")
        }
    }

    /// No failure: the job goes back to the front of the queue and the queue's rate limit counts as
    /// reached for so long: no worker that has a limit starts a job, nor does this one, limit or
    /// not (BullMQ's `queue.rateLimit` and `RateLimitError`). No attempt is counted.
    pub fn rate_limited(duration: Duration) -> Self {
        Self {
            verdict: Verdict::RateLimited(Some(duration)),
            ..Self::new("bullmq:rateLimitExceeded").named("RateLimitError")
        }
    }

    /// [`JobError::rate_limited`] for a handler that has set the queue's rate limit itself.
    pub fn rate_limit_reached() -> Self {
        Self {
            verdict: Verdict::RateLimited(None),
            ..Self::new("bullmq:rateLimitExceeded").named("RateLimitError")
        }
    }

    /// The kind of the error, the first word of its stack trace: `TypeError`.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// The lines of its stack, innermost first: `at charge (src/pay.ts:41:22)`.
    #[must_use]
    pub fn with_stack(mut self, lines: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.stack = lines.into_iter().map(Into::into).collect();
        self
    }

    /// The text that becomes `failedReason`.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Whether no further attempt is made.
    pub fn is_fatal(&self) -> bool {
        self.verdict == Verdict::Fatal
    }

    pub(super) fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// The entry of the job's `stacktrace`, in the form of a JavaScript stack, which is what
    /// dashboards know how to read.
    pub fn trace(&self) -> String {
        let mut trace = format!("{}: {}", self.name, self.message);
        for line in &self.stack {
            trace.push_str("\n    ");
            trace.push_str(line);
        }
        trace
    }
}

/// Any error becomes a failure that is retried; its sources become the stack.
impl<E: std::error::Error> From<E> for JobError {
    fn from(error: E) -> Self {
        let mut stack = Vec::new();
        let mut source = error.source();
        while let Some(cause) = source {
            stack.push(format!("caused by: {cause}"));
            source = cause.source();
        }
        Self::new(error.to_string()).with_stack(stack)
    }
}

/// A step of a worker did not happen.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WorkError {
    /// The connection, or an error reply.
    #[error(transparent)]
    Conn(#[from] ConnError),
    /// Code -1.
    #[error("the job no longer exists")]
    Missing,
    /// Codes -2 and -6.
    #[error("the job's lock is lost: another worker may run it")]
    LockLost,
    /// Code -3.
    #[error("the job is not active")]
    NotActive,
    /// Code -4: it cannot complete before its children.
    #[error("the job has children that are not finished")]
    ChildrenPending,
    /// Code -9: it can never complete.
    #[error("a child of the job failed")]
    ChildFailed,
    /// The queue is not one of era 5 or 6, and not new either; nothing was changed.
    #[error("{}", .0.sentence())]
    Refused(Code),
    /// One job's step met an error of Redis, a key of a wrong type say; the job stays active.
    #[error("the step failed in Redis: {0}")]
    Step(String),
    /// A code that the script does not document.
    #[error("the script gave the unknown code {0}")]
    Code(i64),
    /// The reply had another shape than the script documents.
    #[error("the script gave an answer of an unexpected shape")]
    Reply,
    /// A value that is not JSON.
    #[error("a value cannot be written as JSON: {0}")]
    Json(String),
}

impl WorkError {
    /// Whether the call's answer was lost, so that it may have happened.
    pub(super) fn is_ambiguous(&self) -> bool {
        matches!(self, Self::Conn(error) if error.kind == Kind::UnknownOutcome)
    }

    /// Reads a code of the scripts; 0 and above are no error.
    pub(super) fn check(code: i64) -> Result<i64, Self> {
        match code {
            0.. => Ok(code),
            -1 => Err(Self::Missing),
            -2 | -6 => Err(Self::LockLost),
            -3 => Err(Self::NotActive),
            -4 => Err(Self::ChildrenPending),
            -9 => Err(Self::ChildFailed),
            _ => Err(Code::refusal(code).map_or(Self::Code(code), Self::Refused)),
        }
    }

    /// Whether the same step may be tried again when the link is back.
    pub(super) fn is_link(&self) -> bool {
        matches!(self, Self::Conn(error) if error.is_link())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_reads_like_a_javascript_stack() {
        let error = JobError::new("x is not a function").named("TypeError").with_stack(["at f (a.js:1:2)"]);
        assert_eq!(error.trace(), "TypeError: x is not a function\n    at f (a.js:1:2)");
    }
}
