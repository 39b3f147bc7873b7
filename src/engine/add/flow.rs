//! A parent with children in any queues, added as one atomic step (spec, section 9).

use serde::Serialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::{AddError, JobOptions, Row, validate};
use crate::wire::{JobId, QueueId};

/// A job of a flow, before it is added.
#[derive(Clone, Debug)]
pub struct FlowJob {
    queue: QueueId,
    name: String,
    data: Box<RawValue>,
    options: JobOptions,
}

impl FlowJob {
    /// A job for `queue`.
    pub fn new(
        queue: QueueId,
        name: impl Into<String>,
        data: &impl Serialize,
        options: JobOptions,
    ) -> Result<Self, AddError> {
        let data =
            serde_json::value::to_raw_value(data).map_err(|error| AddError::Data(error.to_string()))?;
        Ok(Self { queue, name: name.into(), data, options })
    }

    /// The id that was given, or a random one: the jobs of a flow never take the counter's,
    /// because the children must know their parent's before it is added.
    fn place(self, is_parent: bool, parent: Option<FlowNode>) -> Result<(FlowNode, Row), AddError> {
        let id = match validate(&self.options)? {
            Some(id) => id,
            None => JobId::new(Uuid::new_v4().to_string()),
        };
        let row = Row {
            queue: self.queue.clone(),
            id: Some(id.clone()),
            name: self.name.into_bytes(),
            data: self.data.get().as_bytes().to_vec(),
            options: self.options,
            is_parent,
            parent: parent.map(|parent| (parent.queue, parent.id)),
        };
        Ok((FlowNode { queue: self.queue, id }, row))
    }
}

/// A job of a flow that was added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowNode {
    /// The queue it is in.
    pub queue: QueueId,
    /// Its id.
    pub id: JobId,
}

/// A flow that was added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flow {
    /// The parent: it waits until the children are done, then runs before other jobs.
    pub parent: FlowNode,
    /// The children, in the order given.
    pub children: Vec<FlowNode>,
}

/// The rows of a flow, parent first. Without children the parent is an ordinary job.
pub(in crate::engine) fn rows(parent: FlowJob, children: Vec<FlowJob>) -> Result<(Flow, Vec<Row>), AddError> {
    let (parent, row) = parent.place(!children.is_empty(), None)?;
    let mut rows = vec![row];
    let mut nodes = Vec::with_capacity(children.len());
    for child in children {
        let (node, row) = child.place(false, Some(parent.clone()))?;
        nodes.push(node);
        rows.push(row);
    }
    Ok((Flow { parent, children: nodes }, rows))
}
