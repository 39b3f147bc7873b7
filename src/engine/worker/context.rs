//! What a handler is given.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;

use super::calls::{Calls, Ended, Look};
use super::end::{End, Step};
use super::{ActiveJob, WorkError};
use crate::conn::Conn;
use crate::text::Clean;
use crate::wire::{JobId, QueueId};

/// What a handler is given: the job, and what may be said about it while it runs. Clones are the same
/// job.
#[derive(Clone, Debug)]
pub struct JobContext {
    pub(super) calls: Arc<Calls>,
    pub(super) job: Arc<ActiveJob>,
    pub(super) cancel: CancellationToken,
    /// The handler has moved the job itself: there is nothing to end.
    pub(super) moved: Arc<AtomicBool>,
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

    pub(in crate::engine) fn conn(&self) -> &Conn {
        &self.calls.conn
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

    /// Fires when what the handler does is no longer wanted: the job's lock is lost, so that another
    /// worker may run it, or the worker stops and its grace is over. Whoever ignores it is not
    /// interrupted, but what it returns after a lost lock changes nothing.
    ///
    /// ```no_run
    /// # use toril::engine::{JobContext, JobError};
    /// # async fn send() {}
    /// async fn handler(job: JobContext) -> Result<(), JobError> {
    ///     tokio::select! {
    ///         () = send() => Ok(()),
    ///         () = job.cancelled().cancelled() => Err(JobError::new("interrupted")),
    ///     }
    /// }
    /// ```
    pub fn cancelled(&self) -> &CancellationToken {
        &self.cancel
    }

    /// Stores how far it is (a number or any JSON) and tells whoever listens.
    pub async fn progress(&self, progress: &impl Serialize) -> Result<(), WorkError> {
        self.calls.progress(&self.job.id, progress).await
    }

    /// Appends a line to its log; the option `keep_logs` bounds it. Returns how many lines there are.
    pub async fn log(&self, line: impl AsRef<[u8]>) -> Result<u64, WorkError> {
        self.calls.log(&self.job, line.as_ref()).await
    }

    /// Removes its log lines but the newest `keep`.
    pub async fn clear_logs(&self, keep: u64) -> Result<(), WorkError> {
        self.calls.clear_logs(&self.job.id, keep).await
    }

    /// Lets the job wait for its children, if any is pending (spec 7.6). `true`: it waits, holds no lock
    /// any more, and the handler is to return at once, best with
    /// [`JobError::waiting_children`](super::JobError::waiting_children); what it returns is not looked at.
    /// It is run again when its children are finished. `false`: there is nothing to wait for.
    pub async fn move_to_waiting_children(&self) -> Result<bool, WorkError> {
        let step = Step::AwaitChildren { only_if_pending: true, child: Vec::new() };
        let end = End::new(&self.job, step);
        let turn = self.calls.work(&[end], self.calls.take(0, Look::No), None).await?;
        let moved = match turn.ended.into_iter().next() {
            Some(ended) => ended? != Ended::NotPending,
            None => return Err(WorkError::Reply),
        };
        self.moved.store(moved, Ordering::Release);
        Ok(moved)
    }
}
