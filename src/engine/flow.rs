//! Flows: jobs that wait for other jobs (spec, section 9).
//!
//! A parent is a job with children. It is added together with them and waits, in the state
//! `waiting-children`, until the last of them is done; then it runs before other jobs of its
//! queue, and its handler reads what the children returned. Children may have children, and every
//! job of a flow may be in a queue of its own: transcode in one, mail in another.
//!
//! # Adding a tree
//!
//! ```no_run
//! # async fn example(queue: toril::engine::Queue) -> Result<(), Box<dyn std::error::Error>> {
//! use toril::engine::{FailurePolicy, FlowJob, JobOptions};
//! use toril::wire::{Prefix, QueueId, QueueName};
//!
//! let scenes = QueueId::new(Prefix::default(), QueueName::new("scenes")?);
//! let film = FlowJob::new(queue.id().clone(), "cut", &serde_json::json!({ "title": "Metropolis" }))
//!     .children((1..=3).map(|scene| {
//!         FlowJob::new(scenes.clone(), "render", &scene)
//!             .options(JobOptions { on_failure: FailurePolicy::FailParent, ..JobOptions::default() })
//!     }));
//! let added = queue.add_flow(film).await?;
//! assert_eq!(added.children.len(), 3);
//! # Ok(())
//! # }
//! ```
//!
//! A tree is added by one script, so no worker sees half of it, and **as a whole or not at all**:
//! before the first write the script looks at every job of the tree, and if one cannot be added
//! (its parent is gone, it belongs to another parent, its queue is not ours to write) none is.
//! BullMQ sends a `MULTI`, which gives isolation but takes nothing back: there a parent can be left
//! waiting for children that were never attached. [`Queue::add_flows`](super::Queue::add_flows) adds several trees, each by
//! itself whole or not at all.
//!
//! One script holds at most [`MOST_JOBS`] jobs, because Redis serves nobody else while it runs. A
//! larger tree is refused; add its upper part first and the rest to the parents that wait
//! ([`JobOptions::parent`](super::JobOptions::parent)).
//!
//! Jobs of a flow get random ids (UUIDs) unless their options name one. An id that exists is
//! adopted: a job that completed already counts at once, one that is still to run is awaited. A
//! parent all of whose children had completed runs at once.
//!
//! # When a child fails
//!
//! [`FailurePolicy`](super::FailurePolicy) of the *child* says what its parent does once the child has failed for good:
//!
//! | policy | the parent |
//! |---|---|
//! | `Wait` | keeps waiting until somebody retries or removes the child |
//! | `FailParent` | is made ready at once and fails, without being run, as soon as a worker of its queue takes it; its own policy then decides about its parent |
//! | `ContinueParent` | runs at once, the other children still pending; it reads [`ignored_failures`](super::JobContext::ignored_failures) |
//! | `Ignore` | stops waiting for this child and keeps the text of its failure |
//! | `Detach` | stops waiting for this child |
//!
//! A parent that fails because of a child fails *in its queue*: where no worker serves that queue,
//! it stays in `wait`.
//!
//! # Waiting in steps
//!
//! A handler may add children to the job that it runs and wait for them: add them with
//! [`JobContext::add_child`](super::JobContext::add_child), then end the step as waiting for children; the job runs again when they are
//! done and finds their values in [`JobContext::children_values`](super::JobContext::children_values). Any job that is not finished may be given
//! children like this, from anywhere, by [`JobOptions::parent`](super::JobOptions::parent); a job that has a pending
//! child cannot complete.
//!
//! # Parents in queues of other releases
//!
//! A worker that ends a child writes to the parent's queue, whoever serves that. Where it is one that
//! our producers and workers refuse (BullMQ 4 and older, Pro), the child's end is recorded with the
//! parent as everywhere, and a parent that is to run is put at the side of `wait` that runs next,
//! whatever its delay and priority: that is where the workers of every release look.

mod add;
mod child;
mod job;
mod link;
mod read;
mod running;
mod tree;

pub use add::{FlowError, MOST_JOBS};
pub use child::{ChildRef, ChildValue, Dependencies, Dependency};
pub use job::{FlowJob, FlowNode};
pub use link::{LinkError, ParentRef, Unprocessed};
pub use tree::{FlowLimits, FlowTree};
