//! The queue engine: producers and workers of queues that BullMQ 5 and 6 share with us, operations on
//! queues of every era, and plain reads.
//!
//! A queue is a set of keys in Redis, and a job a hash among them. Whoever writes those keys in the same
//! way can share the queue: a job that is added here may be run by a worker of Node, and the other way
//! round. `docs/engine.md` says feature by feature what there is, with the test that shows it;
//! `docs/differences.md` lists where this engine does something else than BullMQ, and why.
//!
//! This page is the way through. The whole programs are in `examples/`.
//!
//! # Quick start: a producer
//!
//! A [`Conn`](crate::conn::Conn) is one connection that everybody shares, a [`Queue`] a connection and a
//! name. Neither a table nor a declaration is needed: a queue begins with its first job.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use std::time::Duration;
//! use toril::conn::{Access, Conn, Endpoint, Options};
//! use toril::engine::{Backoff, JobOptions, Queue};
//! use toril::wire::{Prefix, QueueId, QueueName};
//!
//! let options = Options { access: Access::ReadWrite, ..Options::default() };
//! let conn = Conn::open(Endpoint::parse("redis://127.0.0.1:6379")?, options).await?;
//! let queue = Queue::new(conn, QueueId::new(Prefix::default(), QueueName::new("mail")?));
//! let options = JobOptions {
//!     attempts: 5,
//!     backoff: Some(Backoff::exponential(Duration::from_secs(1))),
//!     ..JobOptions::default()
//! };
//! let job = queue.add("welcome", &serde_json::json!({ "to": "ada@example.org" }), options).await?;
//! println!("job {}", job.lossless());
//! # Ok(())
//! # }
//! ```
//!
//! Data is anything that serde serializes. [`JobOptions`] says when the job runs, how often it is tried
//! and what is kept of it; [`Queue::add_bulk`] adds many, each with a result of its own.
//!
//! # A worker
//!
//! A handler is an async function. What it returns completes the job; an error fails the attempt, and
//! the job's options say whether another one follows.
//!
//! ```no_run
//! # async fn example(conn: toril::conn::Conn, queue: toril::wire::QueueId) {
//! use tokio_util::sync::CancellationToken;
//! use toril::engine::{JobContext, JobError, Worker, WorkerOptions};
//!
//! #[derive(serde::Deserialize)]
//! struct Mail {
//!     to: String,
//! }
//!
//! async fn send(mail: Mail, job: JobContext) -> Result<String, JobError> {
//!     job.log(format!("attempt {}", job.attempt())).await?;
//!     if !mail.to.contains('@') {
//!         return Err(JobError::fatal("no address"));
//!     }
//!     Ok(mail.to)
//! }
//!
//! let stop = CancellationToken::new();
//! let options = WorkerOptions { concurrency: 20, ..WorkerOptions::default() };
//! Worker::new(conn, queue, options).run_typed(send, stop).await;
//! # }
//! ```
//!
//! # Typed jobs
//!
//! [`Worker::run_typed`] reads a job's data before the handler is called: data that does not fit
//! fails the job for good, with the reason, and stays as it is. [`Worker::run`] gives the
//! [`JobContext`] alone, whose [`data`](JobContext::data) is read when it is wanted. [`Queue::job`] reads
//! a [`Job<T>`](Job): what does not fit is a [`Misfit`] with the raw text. Return values are read by
//! whoever waits for them ([`JobWaiter`]) and by parents ([`JobContext::children_values`]).
//!
//! # Adding the same thing twice
//!
//! An [id of one's own](JobOptions::id) names a job: while it exists, adding it again adds nothing. A
//! [`Deduplication`] id names what the job is about: while one of its jobs waits or runs, or for a while,
//! others are dropped, replace it, or take their turn behind it. [`Added`] tells what was done.
//!
//! # Flows
//!
//! A parent runs when its children are done, and reads what they returned. Trees over several queues are
//! added whole or not at all: [`flow`].
//!
//! # Schedulers
//!
//! Jobs that come again, by an interval or a cron pattern in a time zone: [`schedule`]. They need no
//! process of their own; any worker, ours or Node's, keeps them going.
//!
//! # Events
//!
//! [`QueueEvents`] follows what happens in a queue from now on or from where one stopped, and tells when
//! something was missed; [`JobWaiter`] waits for the ends of single jobs; [`EventsProducer`] adds events
//! of one's own: [`events`]. What happens in one worker of this process is told by [`Worker::events`].
//!
//! # Dead letters
//!
//! [`WorkerOptions::dead_letter`] moves a job that failed for good to another queue, in the script that
//! ends it, and [`Queue::requeue`] brings it back when the cause is mended: [`dead_letter`].
//!
//! # Limits
//!
//! | what is limited | where |
//! |---|---|
//! | jobs at a time in a worker | [`WorkerOptions::concurrency`], [`Worker::set_concurrency`] |
//! | jobs at a time in all workers of the queue | [`Queue::set_global_concurrency`] |
//! | starts in a window, over all workers that say so | [`WorkerOptions::limiter`] |
//! | starts in a window, whatever the workers say | [`Queue::set_global_rate_limit`] |
//! | nothing more for a while: a service said 429 | [`JobError::rate_limited`], [`Queue::rate_limit`] |
//! | starts of one job, whatever ended them | [`WorkerOptions::max_started_attempts`] |
//! | bytes of a job's data | [`JobOptions::size_limit`] |
//! | what is kept of finished jobs | [`JobOptions::remove_on_complete`], [`WorkerOptions::remove_on_complete`] and their like for failures |
//!
//! # Shutting down
//!
//! The token given to [`Worker::run`] (or [`Worker::close`]) stops it: no job is taken any more, those
//! that run have [`WorkerOptions::grace`], then [`JobContext::cancelled`] fires, and after
//! [`WorkerOptions::cancel_grace`] they are given up, for another worker to find. `run` returns when
//! everything is told to Redis.
//!
//! ```no_run
//! # async fn example(worker: toril::engine::Worker) -> std::io::Result<()> {
//! # async fn terminated() {}
//! use tokio_util::sync::CancellationToken;
//! use toril::engine::{JobContext, JobError};
//!
//! let stop = CancellationToken::new();
//! let running = tokio::spawn(worker.run(|_: JobContext| async { Ok::<_, JobError>(()) }, stop.clone()));
//! terminated().await; // your SIGTERM
//! stop.cancel();
//! running.await?;
//! # Ok(())
//! # }
//! ```
//!
//! # Errors
//!
//! | type | of | tell apart |
//! |---|---|---|
//! | [`AddError`] | adding | refused options ([`OptionError`], in BullMQ's words, nothing sent); [`is_unknown`](AddError::is_unknown): sent, and no answer came; [`NotSent`](AddError::NotSent) |
//! | [`FlowError`] | adding trees | the same, with the job that forbids it |
//! | [`JobError`] | handlers | what becomes of the job |
//! | [`WorkError`] | steps of a worker | whose lock it is, whether the job is there |
//! | [`OpError`](op::OpError) | operations | refused with a [`Code`](op::Code), or the link |
//! | [`ConnError`](crate::conn::ConnError) | the link | its [`Kind`](crate::conn::Kind) |
//!
//! A write that was sent and whose answer was lost is *unknown*, and is never sent again by itself. A
//! [`Worker`] goes on through all errors: it tells them as [`WorkerEvent::Error`] and tries again, at most
//! ten times a second.
//!
//! # What it does not do
//!
//! - **Exactly once.** A job can run twice: when its worker dies, stands still for longer than its lock, or
//!   loses the answer to a fetch. It *ends* once. What a handler does elsewhere it should do under the
//!   job's id, or fence with the token of its start ([`ActiveJob::token`]).
//! - **Survive a failover.** Redis acknowledges before its replicas have it, and loses what it had not
//!   written to disk. Nothing here waits for replicas.
//! - **Sentinel and Cluster.** One server. Other runtimes than tokio neither.
//! - **Queues of Bull, BullMQ 4 and older, and Pro**: producers and workers refuse them. The operations
//!   ([`op`]) act on all but Pro's.
//! - **Interrupt a handler.** Cancelling is asking; what blocks a thread belongs in `spawn_blocking`.

pub mod acl;
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
