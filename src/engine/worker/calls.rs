//! The scripts a worker calls, with their arguments and their answers.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;
use uuid::Uuid;

use super::super::script::script;
use super::backoff::Policy;
use super::job::ActiveJob;
use super::{JobError, WorkError, WorkerOptions};
use crate::conn::{Conn, Script, Value, bytes, integer, items};
use crate::wire::{JobId, QueueId, Token};

/// What came of asking for a job.
#[derive(Debug)]
pub(super) enum Next {
    /// A job, locked for us.
    Job(Box<ActiveJob>),
    /// None now.
    None(Idle),
}

/// Why there is no job, as far as the server knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(clippy::struct_field_names, reason = "the unit belongs to the name")]
pub(super) struct Idle {
    /// The rate limit holds for so many ms; 0 is none.
    pub limited_ms: i64,
    /// The first delayed job is due in so many ms (negative: it is overdue); `None`: there is none.
    pub due_in_ms: Option<i64>,
    /// The server's time, ms since the epoch; 0 if it is not known.
    pub now_ms: i64,
}

/// A worker's connection, queue and identity.
#[derive(Debug)]
pub(super) struct Calls {
    pub conn: Conn,
    pub queue: QueueId,
    pub options: WorkerOptions,
    uuid: Uuid,
    fetches: AtomicU64,
    keys: [Vec<u8>; 1],
}

impl Calls {
    pub(super) fn new(conn: Conn, queue: QueueId, options: WorkerOptions) -> Self {
        let keys = [queue.key("meta")];
        Self { conn, queue, options, uuid: Uuid::new_v4(), fetches: AtomicU64::new(0), keys }
    }

    /// A token that no other fetch has: `<uuid>:<n>`.
    fn token(&self) -> Token {
        Token::new(format!("{}:{}", self.uuid, self.fetches.fetch_add(1, Ordering::Relaxed)))
    }

    async fn eval(&self, script: &Script, args: &[Vec<u8>]) -> Result<Value, WorkError> {
        Ok(self.conn.eval(script, &self.keys, args).await?)
    }

    /// The first arguments of every script that may fetch: now, token, lock, name.
    fn head(&self, at: Option<i64>, token: &Token) -> Vec<Vec<u8>> {
        vec![
            decimal(at),
            token.as_bytes().to_vec(),
            self.options.lock.as_millis().max(1).to_string().into_bytes(),
            self.options.name.clone().into_bytes(),
        ]
    }

    fn next(reply: &Value, token: &Token) -> Result<Next, WorkError> {
        let reply = items(reply);
        let number = |place: usize| reply.get(place).and_then(integer).ok_or(WorkError::Reply);
        WorkError::check(number(0)?)?;
        if reply.get(1).and_then(bytes).is_some_and(|id| !id.is_empty()) {
            let job = ActiveJob::parse(reply, token).ok_or(WorkError::Reply)?;
            return Ok(Next::Job(Box::new(job)));
        }
        let (limited_ms, due, now) = (number(2)?, number(3)?, number(4)?);
        Ok(Next::None(Idle { limited_ms, due_in_ms: (due > 0).then_some(due - now), now_ms: now }))
    }

    /// Takes the next job.
    pub(super) async fn fetch(&self, at: Option<i64>) -> Result<Next, WorkError> {
        let token = self.token();
        let reply = self
            .eval(
                script!("client", "fetch", ["undecided", "event", "push", "job", "fetch"]),
                &self.head(at, &token),
            )
            .await?;
        Self::next(&reply, &token)
    }

    /// Ends a job as completed with `value` (JSON).
    pub(super) async fn complete(
        &self,
        job: &ActiveJob,
        value: &[u8],
        at: Option<i64>,
        next: bool,
    ) -> Result<Next, WorkError> {
        let policy =
            job.ending.remove_on_complete.clone().unwrap_or_else(|| self.options.remove_on_complete.into());
        self.finish(job, ["completed".as_bytes(), value, b""], &policy, at, next).await
    }

    /// Ends a job as failed, or its attempt, as its options and the error say.
    pub(super) async fn fail(
        &self,
        job: &ActiveJob,
        error: &JobError,
        at: Option<i64>,
        next: bool,
    ) -> Result<Next, WorkError> {
        let stack = traces(job, error)?;
        let attempt = job.attempts_made + 1;
        if !error.is_fatal() && attempt < job.ending.attempts {
            let wait = job.ending.backoff.map_or(0, |backoff| backoff.after(attempt, random()).as_millis());
            let mut args = self.head(at, &job.token);
            args.push(flag(next));
            args.push(job.id.as_bytes().to_vec());
            args.push(error.message().as_bytes().to_vec());
            args.push(stack);
            args.push(wait.to_string().into_bytes());
            args.push(flag(job.ending.lifo));
            let reply = self
                .eval(
                    script!(
                        "client",
                        "fail",
                        ["undecided", "event", "push", "delay", "job", "fetch", "lock"]
                    ),
                    &args,
                )
                .await?;
            return Self::next(&reply, &job.token);
        }
        let policy = job.ending.remove_on_fail.clone().unwrap_or_else(|| self.options.remove_on_fail.into());
        self.finish(job, ["failed".as_bytes(), error.message().as_bytes(), &stack], &policy, at, next).await
    }

    async fn finish(
        &self,
        job: &ActiveJob,
        [state, value, stack]: [&[u8]; 3],
        policy: &Policy,
        at: Option<i64>,
        next: bool,
    ) -> Result<Next, WorkError> {
        let mut args = self.head(at, &job.token);
        args.push(flag(next));
        args.push(job.id.as_bytes().to_vec());
        args.push(state.to_vec());
        args.push(value.to_vec());
        args.push(stack.to_vec());
        args.push(job.ending.attempts.to_string().into_bytes());
        args.push(self.options.metrics.to_string().into_bytes());
        args.push(flag(policy.keep));
        args.push(decimal(policy.age));
        args.push(decimal(policy.count));
        args.push(policy.limit.to_string().into_bytes());
        let script = script!(
            "client",
            "finish",
            ["undecided", "event", "push", "job", "flow", "parent", "fetch", "lock", "finish"]
        );
        let reply = self.eval(script, &args).await?;
        Self::next(&reply, &job.token)
    }

    /// Renews locks; returns the jobs whose lock is lost.
    pub(super) async fn renew(&self, held: &[(JobId, Token)]) -> Result<Vec<JobId>, WorkError> {
        let mut args = vec![self.options.lock.as_millis().max(1).to_string().into_bytes()];
        for (id, token) in held {
            args.push(id.as_bytes().to_vec());
            args.push(token.as_bytes().to_vec());
        }
        let reply = self.eval(script!("client", "renew", []), &args).await?;
        Ok(items(&reply).iter().filter_map(bytes).map(JobId::new).collect())
    }

    /// Puts back the jobs of dead workers; returns them.
    pub(super) async fn recover_stalled(&self, at: Option<i64>) -> Result<Vec<JobId>, WorkError> {
        let args = [
            decimal(at),
            self.options.stalled_interval.as_millis().max(1).to_string().into_bytes(),
            self.options.max_stalled.to_string().into_bytes(),
        ];
        let reply = self.eval(script!("client", "stalled", ["undecided", "event", "push"]), &args).await?;
        if let Some(code) = integer(&reply) {
            WorkError::check(code)?;
        }
        Ok(items(&reply).iter().filter_map(bytes).map(JobId::new).collect())
    }

    pub(super) async fn progress(&self, id: &JobId, progress: &impl Serialize) -> Result<(), WorkError> {
        let args = [id.as_bytes().to_vec(), json(progress)?];
        let reply = self.eval(script!("client", "progress", ["event"]), &args).await?;
        WorkError::check(integer(&reply).ok_or(WorkError::Reply)?).map(|_| ())
    }

    pub(super) async fn log(&self, job: &ActiveJob, line: &[u8]) -> Result<(), WorkError> {
        let args = [job.id.as_bytes().to_vec(), line.to_vec(), decimal(job.ending.keep_logs)];
        let reply = self.eval(script!("client", "log", []), &args).await?;
        WorkError::check(integer(&reply).ok_or(WorkError::Reply)?).map(|_| ())
    }
}

/// JSON text of a value; what serde calls a unit is `null`, as Node writes `undefined`.
pub(super) fn json(value: &impl Serialize) -> Result<Vec<u8>, WorkError> {
    serde_json::to_vec(value).map_err(|error| WorkError::Json(error.to_string()))
}

fn decimal(number: Option<impl ToString>) -> Vec<u8> {
    number.map(|number| number.to_string().into_bytes()).unwrap_or_default()
}

fn flag(on: bool) -> Vec<u8> {
    if on { b"1".to_vec() } else { Vec::new() }
}

/// In 0..1.
fn random() -> f64 {
    let (bits, _) = Uuid::new_v4().as_u64_pair();
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
