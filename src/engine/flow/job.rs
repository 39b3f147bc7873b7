//! A tree of jobs, before and after it was added.

use serde::Serialize;

use super::super::add::{AddError, JobOptions};
use super::ParentRef;
use crate::wire::{JobId, QueueId};

/// A job of a flow and the jobs that it waits for, before they are added.
///
/// ```no_run
/// use toril::engine::{FlowJob, JobOptions};
/// # fn example(orders: toril::wire::QueueId, mails: toril::wire::QueueId) {
/// let order = FlowJob::new(orders, "ship", &serde_json::json!({ "order": 7 }))
///     .options(JobOptions { priority: 1, ..JobOptions::default() })
///     .child(FlowJob::new(mails, "receipt", &7));
/// assert_eq!(order.count(), 2);
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct FlowJob {
    pub(super) queue: QueueId,
    pub(super) name: String,
    /// JSON, or why it is none: told when the flow is added, so that building needs no `?`.
    pub(super) data: Result<Vec<u8>, AddError>,
    pub(super) options: JobOptions,
    pub(super) children: Vec<Self>,
}

impl FlowJob {
    /// A job for `queue` without children. Data that cannot be written as JSON makes adding fail.
    pub fn new(queue: QueueId, name: impl Into<String>, data: &impl Serialize) -> Self {
        let data = serde_json::to_vec(data).map_err(|error| AddError::Data(error.to_string()));
        Self { queue, name: name.into(), data, options: JobOptions::default(), children: Vec::new() }
    }

    /// With these options. Delay and priority of a job with children count from when it is
    /// released. The `parent` of a job that is a child in the tree is the tree's.
    #[must_use]
    pub fn options(mut self, options: JobOptions) -> Self {
        self.options = options;
        self
    }

    /// With one more child.
    #[must_use]
    pub fn child(mut self, child: Self) -> Self {
        self.children.push(child);
        self
    }

    /// With more children.
    #[must_use]
    pub fn children(mut self, children: impl IntoIterator<Item = Self>) -> Self {
        self.children.extend(children);
        self
    }

    /// How many jobs the tree has, this one included.
    pub fn count(&self) -> usize {
        let (mut count, mut open) = (0, vec![self]);
        while let Some(job) = open.pop() {
            count += 1;
            open.extend(&job.children);
        }
        count
    }
}

/// A job of a flow that was added, with its children in the order given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowNode {
    /// The queue it is in.
    pub queue: QueueId,
    /// Its id.
    pub id: JobId,
    /// What it waits for.
    pub children: Vec<Self>,
}

impl FlowNode {
    /// To add more children to it, while it is not finished.
    pub fn as_parent(&self) -> ParentRef {
        ParentRef { queue: self.queue.clone(), id: self.id.clone() }
    }
}
