//! Parents and children of the job that a handler runs.

use super::super::read::{ChildKind, job::Children};
use super::super::worker::JobContext;
use super::{ChildRef, ChildValue, Dependencies, FlowError, FlowJob, FlowNode, ParentRef, add, read};
use crate::conn::ConnError;

/// The job as a parent.
impl JobContext {
    /// Its name as a parent, for [`JobOptions::parent`](crate::engine::JobOptions::parent).
    pub fn as_parent(&self) -> ParentRef {
        ParentRef { queue: self.queue().clone(), id: self.id().clone() }
    }

    /// Adds a job, with what it waits for itself, as a child of this one, which then cannot
    /// complete before it: end the step as waiting for children.
    ///
    /// Give the child an id of its own, made of this job's: a step that is run again, after a crash
    /// or as a retry, then finds its child instead of adding another one.
    ///
    /// ```no_run
    /// # use toril::engine::{FlowJob, JobContext, JobError, JobOptions};
    /// # async fn handler(job: JobContext, parts: toril::wire::QueueId) -> Result<usize, JobError> {
    /// for part in ["a", "b"] {
    ///     let id = Some(format!("{}-{part}", job.id().lossless()));
    ///     let child = FlowJob::new(parts.clone(), "part", &part);
    ///     job.add_child(child.options(JobOptions { id, ..JobOptions::default() })).await?;
    /// }
    /// # Ok(0)
    /// # }
    /// ```
    pub async fn add_child(&self, mut child: FlowJob) -> Result<FlowNode, FlowError> {
        child.options.parent = Some(self.as_parent());
        add::one(self.conn(), child).await
    }

    /// [`Queue::children_values`](crate::engine::Queue::children_values) of this job.
    pub async fn children_values(&self) -> Result<Vec<ChildValue>, ConnError> {
        read::values(self.conn(), self.queue(), self.id(), ChildKind::Processed).await
    }

    /// [`Queue::ignored_failures`](crate::engine::Queue::ignored_failures) of this job.
    pub async fn ignored_failures(&self) -> Result<Vec<ChildValue>, ConnError> {
        read::values(self.conn(), self.queue(), self.id(), ChildKind::Ignored).await
    }

    /// [`Queue::failed_children`](crate::engine::Queue::failed_children) of this job.
    pub async fn failed_children(&self) -> Result<Vec<ChildRef>, ConnError> {
        read::failed(self.conn(), self.queue(), self.id()).await
    }

    /// [`Queue::dependencies_count`](crate::engine::Queue::dependencies_count) of this job.
    pub async fn dependencies_count(&self) -> Result<Children, ConnError> {
        read::counts(self.conn(), self.queue(), self.id()).await
    }

    /// [`Queue::dependencies`](crate::engine::Queue::dependencies) of this job.
    pub async fn dependencies(
        &self,
        kind: ChildKind,
        cursor: u64,
        count: u32,
    ) -> Result<Dependencies, ConnError> {
        read::page(self.conn(), self.queue(), self.id(), kind, cursor, count).await
    }

    /// [`Queue::remove_unprocessed_children`](crate::engine::Queue::remove_unprocessed_children) of
    /// this job: what a parent does that runs after a child failed and needs the others no more.
    pub async fn remove_unprocessed_children(&self) -> Result<super::Unprocessed, super::LinkError> {
        super::link::remove_unprocessed(self.conn(), self.queue(), self.id()).await
    }
}
