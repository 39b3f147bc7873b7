//! What a worker tells of itself.

use super::{JobError, WorkError};
use crate::engine::op::Code;
use crate::engine::schedule::ScheduleError;
use crate::wire::{JobId, QueueId};

/// Something that happened in a worker of this process; [`super::Worker::events`] has them. Those of
/// the whole queue, of whatever process, are in its event stream.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum WorkerEvent {
    /// A job was handed to the handler.
    Active {
        /// Which.
        id: JobId,
        /// Which attempt, from 1.
        attempt: u64,
    },
    /// A job is filed as completed.
    Completed {
        /// Which.
        id: JobId,
    },
    /// A job failed for good.
    Failed {
        /// Which.
        id: JobId,
        /// Why.
        error: JobError,
    },
    /// A job that failed for good went to the dead-letter queue; [`WorkerEvent::Failed`] came before. One a
    /// job, however many: to be called less often, see
    /// [`DeadLetter::with_alert`](crate::engine::DeadLetter::with_alert). Where the answer of the call was lost
    /// it is not told.
    DeadLettered {
        /// Which.
        id: JobId,
        /// The dead-letter queue.
        queue: QueueId,
        /// Its id there.
        dead_id: JobId,
    },
    /// The dead-letter queue cannot be written to: the job stays as a failed one.
    NotDeadLettered {
        /// Which.
        id: JobId,
        /// What is wrong with that queue.
        code: Code,
    },
    /// An attempt failed and another one follows.
    Retried {
        /// Which.
        id: JobId,
        /// Why.
        error: JobError,
        /// How long until the next attempt.
        delay: std::time::Duration,
    },
    /// A job left without an end: delayed, put back, or waiting for its children.
    Moved {
        /// Which.
        id: JobId,
    },
    /// This worker's check found a job whose worker died, and made it ready again.
    Stalled {
        /// Which.
        id: JobId,
    },
    /// The lock of a job that runs here is gone or another's: another worker may run it too. Its
    /// [`JobContext::cancelled`](super::JobContext::cancelled) has fired; what it returns changes nothing any more.
    LockLost {
        /// Which.
        id: JobId,
    },
    /// A scheduler's job runs here and no next one could be added, nor will be: the scheduler has ended.
    NotScheduled {
        /// The job that runs.
        id: JobId,
        /// Why.
        error: ScheduleError,
    },
    /// The queue has nothing ready. Told once until there is a job again.
    Drained,
    /// The worker takes no jobs, and none runs.
    Paused,
    /// It takes jobs again.
    Resumed,
    /// It takes no more jobs and waits for those that run.
    Closing,
    /// It has ended.
    Closed,
    /// A step did not work; the worker goes on.
    Error {
        /// The job, if it was about one.
        id: Option<JobId>,
        /// What went wrong.
        error: WorkError,
    },
}
