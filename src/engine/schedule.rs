//! Jobs that come again: schedulers (spec, section 8).
//!
//! A scheduler is a rule and a template. It always has one job that stands for its next run, delayed
//! until then; when a worker, ours or BullMQ's, starts that job, it adds the one after. So nobody keeps
//! a timer, and a scheduler runs on while at least one worker does.
//!
//! ```no_run
//! # async fn example(queue: toril::engine::Queue) -> Result<(), Box<dyn std::error::Error>> {
//! use std::time::Duration;
//! use toril::engine::JobOptions;
//! use toril::engine::schedule::{Repeat, Template};
//!
//! // Every weekday at nine in Berlin, whatever the clocks do.
//! let report = Template { data: serde_json::json!({ "to": "ada@example.org" }), ..Template::named("report") };
//! queue.upsert_scheduler("daily-report", Repeat::cron("0 9 * * MON-FRI").tz("Europe/Berlin"), report).await?;
//!
//! // Every ten minutes, a hundred times, each run tried up to three times.
//! let opts = JobOptions { attempts: 3, ..JobOptions::default() };
//! let sweep = Template { opts, ..Template::named("sweep") };
//! queue.upsert_scheduler("sweep", Repeat::every(Duration::from_secs(600)).limit(100), sweep).await?;
//!
//! for scheduler in queue.schedulers(0, 100).await? {
//!     println!("{} runs next at {}", scheduler.id.clean(), scheduler.next_at);
//! }
//! queue.remove_scheduler("sweep").await?;
//! # Ok(())
//! # }
//! ```
//!
//! # What happens when
//!
//! - *An upsert that changes nothing* keeps the pending run's time and gives it the new data and options;
//!   it may be done at every start of a program. A changed interval begins anew, with a run at once.
//! - *Missed runs* (no worker ran) are left out: one run starts late, the next one is the first that lies
//!   in the future.
//! - *A run that fails and is tried again*, or that stalls, adds no second next run: only the job of the
//!   scheduler's present time does. A worker that dies between taking a job and adding the next leaves
//!   both to whoever takes the job again.
//! - *`limit` and `end`* end a scheduler by adding no more jobs; its entry stays, to be removed.
//! - *A next run that cannot be added* never costs the present one: while the connection fails the worker
//!   tries on, with the job's lock held; where it can never work (a pattern of another program that we
//!   cannot read, a repeatable of before BullMQ 5.10), the job runs, and
//!   [`WorkerEvent::NotScheduled`](super::WorkerEvent::NotScheduled) tells that no other will follow.
//!   BullMQ leaves such a job unrun and locked until it stalls.
//! - Times are the Redis server's. A pattern without a zone is read in that of the process, as in BullMQ:
//!   name one.

mod cron;
mod edit;
mod error;
mod list;
mod next;
mod opts;
mod repeat;
mod repeatable;
mod revive;
mod upsert;
mod zone;

pub use cron::{Cron, CronError, CronFault, CronField};
pub use edit::Recast;
pub use error::ScheduleError;
pub use list::JobScheduler;
pub(super) use next::next_iteration;
pub use repeat::{Repeat, Template};
pub use upsert::Upserted;
pub use zone::{Zone, ZoneError};
