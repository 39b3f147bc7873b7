//! The queue engine: operations, plain reads, and producers and workers of queues that BullMQ 5
//! and 6 share with us.

pub mod add;
pub mod dead_letter;
pub mod events;
pub mod flow;
pub mod op;
pub mod queue;
pub mod read;
pub mod saved;
pub mod schedule;
mod script;
pub mod worker;

pub use add::{
    AddError, Added, Backoff, Deduplication, FailurePolicy, JobOptions, Keep, OptionError, Outcome, Telemetry,
};
pub use dead_letter::{DeadLetter, DeadLetterAlert};
pub use events::{EventKind, EventsOptions, EventsProducer, JobWaiter, QueueEvent, QueueEvents, StartAt};
pub use flow::{FlowError, FlowJob, FlowNode, ParentRef};
pub use queue::{Finished, Job, Misfit, Queue, QueueMetrics};
pub use worker::{
    ActiveJob, Backoffs, Failed, JobContext, JobError, Limiter, ManualWorker, WorkError, Worker, WorkerEvent,
    WorkerOptions,
};
