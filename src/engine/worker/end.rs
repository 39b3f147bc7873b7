//! The end of an attempt, decided: what `work.lua` is told of it.

use super::super::add::LIBRARY;
use super::super::dead_letter::Letter;
use super::backoff::Policy;
use super::calls::{Calls, json};
use super::error::Verdict;
use super::options::Failed;
use super::{ActiveJob, JobError, WorkError, WorkerOptions};
use crate::wire::{JobId, Token};

/// A job and its end.
#[derive(Clone, Debug)]
pub(super) struct End {
    pub id: JobId,
    pub token: Token,
    /// Attempts that ended before this one, as the hash's `atm` counts them.
    pub attempts_counted: u64,
    pub step: Step,
    /// The same end was sent before and its answer was lost.
    pub repeated: bool,
}

/// What becomes of a job.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Complete { policy: Policy, value: Vec<u8> },
    Fail { policy: Policy, error: JobError, stack: Vec<u8>, attempts: u64, letter: Option<Letter> },
    Retry { error: JobError, stack: Vec<u8>, delay_ms: u64, lifo: bool },
    Delay { until_ms: i64 },
    PutBack,
    Limit { ms: u64 },
    AwaitChildren { only_if_pending: bool, child: Vec<u8> },
}

impl Step {
    /// The text of a failure.
    pub(super) fn reason(&self) -> Option<String> {
        match self {
            Self::Fail { error, .. } => Some(error.message().to_owned()),
            _ => None,
        }
    }
}

impl End {
    pub(super) fn new(job: &ActiveJob, step: Step) -> Self {
        Self {
            id: job.id.clone(),
            token: job.token.clone(),
            attempts_counted: job.attempts_made - job.attempts_by_v4,
            step,
            repeated: false,
        }
    }

    /// The arguments of `work.lua` for this job.
    pub(super) fn encode(&self, out: &mut Vec<Vec<u8>>) {
        let flag = |on: bool| if on { b"1".to_vec() } else { Vec::new() };
        let number = |number: u64| number.to_string().into_bytes();
        out.push(self.id.as_bytes().to_vec());
        out.push(self.token.as_bytes().to_vec());
        let (kind, attempts) = match &self.step {
            Step::Complete { .. } => ("c", 1),
            Step::Fail { letter: None, .. } => ("f", 1),
            Step::Fail { .. } => ("x", 1),
            Step::Retry { .. } => ("r", 1),
            Step::Delay { .. } => ("d", 0),
            Step::PutBack => ("w", 0),
            Step::Limit { .. } => ("l", 0),
            Step::AwaitChildren { .. } => ("p", 0),
        };
        out.push(if self.repeated {
            format!("{kind}{}", self.attempts_counted + attempts).into_bytes()
        } else {
            kind.as_bytes().to_vec()
        });
        match &self.step {
            Step::Complete { policy, value } => out.extend([policy.rule(), value.clone()]),
            Step::Fail { policy, error, stack, attempts, letter } => {
                out.extend([
                    policy.rule(),
                    error.message().as_bytes().to_vec(),
                    stack.clone(),
                    number(*attempts),
                ]);
                if let Some(letter) = letter {
                    let library = LIBRARY.as_bytes().to_vec();
                    out.extend([letter.base.clone(), letter.head.clone(), flag(letter.stays), library]);
                }
            }
            Step::Retry { error, stack, delay_ms, lifo } => out.extend([
                flag(*lifo),
                error.message().as_bytes().to_vec(),
                stack.clone(),
                number(*delay_ms),
            ]),
            Step::Delay { until_ms } => out.extend([Vec::new(), until_ms.to_string().into_bytes()]),
            Step::PutBack => out.extend([Vec::new(), Vec::new()]),
            // Redis counts no further than this.
            Step::Limit { ms } => out.extend([Vec::new(), number((*ms).clamp(1, 1 << 53))]),
            Step::AwaitChildren { only_if_pending, child } => {
                out.extend([flag(*only_if_pending), child.clone()]);
            }
        }
    }
}

/// The end of an attempt that gave a value (JSON).
pub(super) fn completed(job: &ActiveJob, value: Vec<u8>, options: &WorkerOptions) -> End {
    let policy = job.ending.remove_on_complete.clone().unwrap_or_else(|| options.remove_on_complete.into());
    End::new(job, Step::Complete { policy, value })
}

/// The end of an attempt that gave an error (spec 6.1, 6.3).
pub(super) fn failed(job: &ActiveJob, error: JobError, calls: &Calls) -> Result<End, WorkError> {
    let options = &calls.options;
    let step = match error.verdict() {
        Verdict::Delayed(until_ms) => Step::Delay { until_ms },
        Verdict::Waiting | Verdict::RateLimited(None) => Step::PutBack,
        Verdict::RateLimited(Some(duration)) => Step::Limit { ms: whole_ms(duration) },
        Verdict::WaitingChildren => Step::AwaitChildren { only_if_pending: false, child: Vec::new() },
        Verdict::Retry | Verdict::Fatal => {
            let stack = traces(job, &error)?;
            if let Some(delay_ms) = next_attempt(job, &error, options) {
                Step::Retry { error, stack, delay_ms, lifo: job.ending.lifo }
            } else {
                let policy = job.ending.remove_on_fail.clone();
                let policy = policy.unwrap_or_else(|| options.remove_on_fail.into());
                let attempts = job.ending.attempts.saturating_sub(job.attempts_by_v4);
                let dead_letter = options.dead_letter.as_ref();
                let letter = dead_letter.and_then(|dead| dead.letter(&calls.queue, job, &error, &stack));
                Step::Fail { policy, error, stack, attempts, letter }
            }
        }
    };
    Ok(End::new(job, step))
}

/// In how many ms the next attempt starts; `None` if there is none.
fn next_attempt(job: &ActiveJob, error: &JobError, options: &WorkerOptions) -> Option<u64> {
    let attempt = job.attempts_made + 1;
    let spent = options.max_started_attempts.is_some_and(|most| u64::from(most) <= job.attempts_started);
    if error.is_fatal() || spent || attempt >= job.ending.attempts {
        return None;
    }
    let Some(backoff) = &job.ending.backoff else { return Some(0) };
    let wait = match backoff.strategy().and_then(|name| options.backoffs.get(name)) {
        Some(strategy) => {
            let failed = Failed { job, attempt, error };
            let wait = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| strategy(failed)));
            wait.unwrap_or_else(|_| {
                tracing::error!(job = %job.id.clean(), "a back-off strategy panicked: the stored delay counts");
                Some(backoff.after(attempt, random()))
            })?
        }
        None => backoff.after(attempt, random()),
    };
    Some(whole_ms(wait))
}

fn whole_ms(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// In 0..1.
fn random() -> f64 {
    let (bits, _) = uuid::Uuid::new_v4().as_u64_pair();
    (bits >> 11 & 0xf_ffff_ffff) as f64 / (1_u64 << 36) as f64
}

/// The job's `stacktrace` with this error's appended, cut to what the job keeps.
fn traces(job: &ActiveJob, error: &JobError) -> Result<Vec<u8>, WorkError> {
    let mut traces: Vec<String> = serde_json::from_slice(job.stacktrace.as_bytes()).unwrap_or_default();
    traces.push(error.trace());
    if let Some(limit) = job.ending.stack_trace_limit {
        traces.drain(..traces.len().saturating_sub(limit));
    }
    json(&traces)
}
