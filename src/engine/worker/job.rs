//! A job that runs.

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::WorkError;
use super::backoff::Ending;
use super::calls::Calls;
use crate::conn::{Value, bytes, integer, text};
use crate::text::Clean;
use crate::wire::{JobId, QueueId, Raw, Token};

/// A job that a worker took and has not ended yet.
#[derive(Clone, Debug)]
pub struct ActiveJob {
    /// Its id.
    pub id: JobId,
    /// The token of its lock.
    pub token: Token,
    /// Its name.
    pub name: Raw,
    /// Its data: JSON, as whoever added it wrote it.
    pub data: Raw,
    /// When it was made, ms since the epoch.
    pub timestamp: i64,
    /// Attempts that ended before this one.
    pub attempts_made: u64,
    /// When this attempt started, ms since the epoch.
    pub started_at: i64,
    pub(super) ending: Ending,
    /// Stack traces of earlier attempts, as JSON.
    pub(super) stacktrace: Raw,
    /// Why it must fail without being run: it stalled too often, or a child failed.
    pub(super) deferred_failure: Option<String>,
}

impl ActiveJob {
    /// Reads what `start` in `lua/lib/fetch.lua` returns.
    pub(super) fn parse(reply: &[Value], token: &Token) -> Option<Self> {
        let field = |place: usize| reply.get(5 + place);
        let raw = |place| field(place).and_then(bytes).map_or_else(|| Raw::new(""), Raw::new);
        let number = |place| field(place).and_then(integer);
        // BullMQ 4 counts in `attemptsMade`, later releases in `atm`; a job may have both.
        let attempts = number(6).max(number(7)).unwrap_or(0);
        Some(Self {
            id: JobId::new(bytes(reply.get(1)?)?),
            token: token.clone(),
            name: raw(0),
            data: raw(1),
            ending: Ending::parse(raw(2).as_bytes()),
            timestamp: number(3).unwrap_or(0),
            attempts_made: attempts.max(0) as u64,
            started_at: reply.get(4).and_then(integer).unwrap_or(0),
            stacktrace: raw(8),
            deferred_failure: field(9).and_then(text).map(str::to_owned),
        })
    }
}

/// What a handler is given: the job, and what may be said about it while it runs.
#[derive(Clone, Debug)]
pub struct JobContext {
    pub(super) calls: Arc<Calls>,
    pub(super) job: Arc<ActiveJob>,
}

impl JobContext {
    /// The job.
    pub fn job(&self) -> &ActiveJob {
        &self.job
    }

    /// Its id.
    pub fn id(&self) -> &JobId {
        &self.job.id
    }

    /// The queue it came from.
    pub fn queue(&self) -> &QueueId {
        &self.calls.queue
    }

    /// Its name, in the form that may be shown.
    pub fn name(&self) -> Clean {
        self.job.name.clean()
    }

    /// Which attempt this is, from 1.
    pub fn attempt(&self) -> u64 {
        self.job.attempts_made + 1
    }

    /// Its data, read as `T`; absent data reads as `{}`.
    pub fn data<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        match self.job.data.as_bytes() {
            b"" => serde_json::from_slice(b"{}"),
            data => serde_json::from_slice(data),
        }
    }

    /// Stores how far it is (a number or any JSON) and tells whoever listens.
    pub async fn progress(&self, progress: &impl Serialize) -> Result<(), WorkError> {
        self.calls.progress(&self.job.id, progress).await
    }

    /// Appends a line to its log; the option `keep_logs` bounds it.
    pub async fn log(&self, line: impl AsRef<[u8]>) -> Result<(), WorkError> {
        self.calls.log(&self.job, line.as_ref()).await
    }
}
