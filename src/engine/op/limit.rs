//! Limits of a whole queue.

use super::super::script::{era_argument, queue_keys, script};
use super::job::answer;
use super::{Capability, Code, OpError, Target};
use crate::conn::Conn;

/// A change of the limits that hold for all workers of a queue together (BullMQ 5 and 6).
///
/// Where jobs wait, one worker is woken, so that a limit that was lifted counts at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LimitOp {
    /// At most so many jobs at once, 1 or more.
    SetConcurrency(u32),
    /// As many jobs at once as the workers take.
    RemoveConcurrency,
    /// At most so many starts in a time. A worker's own limiter keeps its own time (spec 12.2).
    SetRateLimit {
        /// Jobs, 1 or more.
        max: u32,
        /// ms, 1 or more.
        duration_ms: u64,
    },
    /// No limit of the starts but the workers' own.
    RemoveRateLimit,
    /// Ends the wait of a rate limit that was reached, or that a worker imposed, now.
    ReleaseRateLimit,
}

impl LimitOp {
    /// The row of the table of what each era has.
    pub const fn capability(self) -> Capability {
        match self {
            Self::SetConcurrency(_) | Self::RemoveConcurrency => Capability::GlobalConcurrency,
            Self::SetRateLimit { .. } | Self::RemoveRateLimit => Capability::GlobalRateLimit,
            Self::ReleaseRateLimit => Capability::ReleaseRateLimit,
        }
    }

    const fn is_valid(self) -> bool {
        !matches!(
            self,
            Self::SetConcurrency(0)
                | Self::SetRateLimit { max: 0, .. }
                | Self::SetRateLimit { duration_ms: 0, .. }
        )
    }
}

/// Changes a limit.
pub async fn run_limit(conn: &Conn, target: &Target, op: LimitOp) -> Result<Code, OpError> {
    if op.capability().supports(target.era).is_err() {
        return Ok(Code::Unsupported);
    }
    if !op.is_valid() {
        return Ok(Code::Invalid);
    }
    let (what, first, second) = match op {
        LimitOp::SetConcurrency(most) => ("concurrency", most.to_string(), String::new()),
        LimitOp::RemoveConcurrency => ("concurrency", String::new(), String::new()),
        LimitOp::SetRateLimit { max, duration_ms } => ("rate", max.to_string(), duration_ms.to_string()),
        LimitOp::RemoveRateLimit => ("rate", String::new(), String::new()),
        LimitOp::ReleaseRateLimit => ("release", String::new(), String::new()),
    };
    let mut args = vec![era_argument(target.era), target.queue.base()];
    args.extend([what.to_owned(), first, second].map(String::into_bytes));
    let script = script!("operation", "limit", ["decided", "push"]);
    answer(script, None, &conn.eval(script, &queue_keys(&target.queue), &args).await?)
}
