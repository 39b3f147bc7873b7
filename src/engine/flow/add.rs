//! Adding trees: checked and laid out here, added by `flow.lua`.

use std::collections::VecDeque;

use uuid::Uuid;

use super::super::add::{AddError, JobOptions, LIBRARY, OptionError, Row, add_rows, check_size, validate};
use super::super::queue::Queue;
use super::super::script::script;
use super::{FlowJob, FlowNode, ParentRef};
use crate::conn::{Conn, Value, integer, items};
use crate::wire::{JobId, QueueId};

/// Jobs in one script, and so in one tree: 1,000 keep Redis busy for about 20 ms (7.0, small data).
pub const MOST_JOBS: usize = 1000;

/// A flow was not added. Nothing of it is in Redis, unless the link failed ([`AddError::Conn`]):
/// then it is there whole or not at all. With ids of one's own it may be added again to be sure.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{cause}")]
pub struct FlowError {
    /// Why.
    pub cause: AddError,
    /// The queue and the name of the job that forbids it, where it is one.
    pub job: Option<(QueueId, String)>,
}

impl From<AddError> for FlowError {
    fn from(cause: AddError) -> Self {
        Self { cause, job: None }
    }
}

/// A tree that may be sent: its jobs level by level, parents first.
struct Tree {
    rows: Vec<Row>,
    /// Where in `rows` the parent of each job is.
    above: Vec<Option<usize>>,
}

impl Tree {
    fn new(root: FlowJob) -> Result<Self, FlowError> {
        let mut tree = Self { rows: Vec::new(), above: Vec::new() };
        let mut open = VecDeque::from([(root, None::<usize>)]);
        while let Some((job, above)) = open.pop_front() {
            let at = tree.rows.len();
            if at == MOST_JOBS {
                let jobs = at + job.count() + open.iter().map(|(job, _)| job.count()).sum::<usize>();
                return Err(AddError::TooManyJobs { jobs, most: MOST_JOBS }.into());
            }
            let parent = above
                .map(|above| &tree.rows[above])
                .and_then(|row| Some(ParentRef { queue: row.queue.clone(), id: row.id.clone()? }));
            let place = (job.queue.clone(), job.name.clone());
            let (row, children) = lay(job, parent).map_err(|cause| FlowError { cause, job: Some(place) })?;
            tree.rows.push(row);
            tree.above.push(above);
            open.extend(children.into_iter().map(|child| (child, Some(at))));
        }
        Ok(tree)
    }

    fn is_deduplicated(&self) -> bool {
        self.rows.len() == 1 && self.rows[0].options.deduplication.is_some()
    }

    /// The tree as it will be told when it is added.
    fn root(&self) -> Option<FlowNode> {
        let mut nodes: Vec<Option<FlowNode>> = self
            .rows
            .iter()
            .map(|row| Some(FlowNode { queue: row.queue.clone(), id: row.id.clone()?, children: Vec::new() }))
            .collect();
        // Children stand behind their parents, so each is whole when it is moved; the last comes first.
        for at in (1..nodes.len()).rev() {
            let node = nodes[at].take();
            if let (Some(node), Some(Some(parent))) = (node, self.above[at].map(|above| &mut nodes[above])) {
                parent.children.push(node);
            }
        }
        let mut root = nodes.into_iter().next().flatten()?;
        let mut open = vec![&mut root];
        while let Some(node) = open.pop() {
            node.children.reverse();
            open.extend(&mut node.children);
        }
        Some(root)
    }
}

/// The row of one job, and its children. Jobs of a flow never take the counter's id, because the
/// children must know their parent's before it is added.
fn lay(job: FlowJob, parent: Option<ParentRef>) -> Result<(Row, Vec<FlowJob>), AddError> {
    let parent = parent.or_else(|| job.options.parent.clone());
    let options = JobOptions { parent, ..job.options };
    check(&options, !job.children.is_empty())?;
    let id = match validate(&options).map_err(|error| as_in_flows(error, &options))? {
        Some(id) => id,
        None => JobId::new(Uuid::new_v4().to_string()),
    };
    let is_parent = !job.children.is_empty();
    let data = job.data?;
    check_size(job.name.as_bytes(), &data, &options)?;
    let row = Row {
        queue: job.queue,
        id: Some(id),
        name: job.name.into_bytes(),
        data,
        parent: options.parent.clone().map(|parent| (parent.queue, parent.id)),
        options,
        is_parent,
    };
    Ok((row, job.children))
}

/// What BullMQ 6 refuses in flows only; 5 lets a parent be deduplicated away from its children.
fn check(options: &JobOptions, has_children: bool) -> Result<(), OptionError> {
    match &options.deduplication {
        Some(_) if has_children => Err(OptionError::DeduplicationOfParent),
        Some(kind) if kind.keep_last_if_active && options.parent.is_some() => {
            Err(OptionError::KeepLastOfChild)
        }
        _ => Ok(()),
    }
}

/// Node has one rule less for the ids of flows; the words for `0` are those of the rules behind it.
fn as_in_flows(error: OptionError, options: &JobOptions) -> OptionError {
    match (error, options.id.as_deref()) {
        (OptionError::Zero, Some("0")) => OptionError::Integer,
        (OptionError::Zero, Some(id)) if id.matches(':').count() != 2 => OptionError::Colon,
        (error, _) => error,
    }
}

/// Adds trees of together at most [`MOST_JOBS`] jobs as one step.
async fn send(conn: &Conn, trees: Vec<Tree>) -> Result<Vec<Result<FlowNode, FlowError>>, AddError> {
    let mut keys = Vec::new();
    let mut args = vec![LIBRARY.as_bytes().to_vec(), Vec::new()];
    args.push(trees.len().to_string().into_bytes());
    args.extend(trees.iter().map(|tree| tree.rows.len().to_string().into_bytes()));
    let mut told = Vec::with_capacity(trees.len());
    for tree in trees {
        let root = tree.root().ok_or(AddError::Reply)?;
        let mut places = Vec::with_capacity(tree.rows.len());
        for row in tree.rows {
            places.push((row.queue.clone(), String::from_utf8_lossy(&row.name).into_owned()));
            keys.push(row.queue.key("meta"));
            row.push(&mut args)?;
        }
        told.push((root, places));
    }
    let script = script!(
        "client",
        "flow",
        ["undecided", "event", "push", "delay", "store", "job", "flow", "parent", "attach"]
    );
    let reply = conn.eval(script, &keys, &args).await?;
    let replies = items(&reply);
    if replies.len() != told.len() {
        return Err(AddError::Reply);
    }
    Ok(told.into_iter().zip(replies).map(|((root, places), reply)| outcome(root, places, reply)).collect())
}

fn outcome(root: FlowNode, mut places: Vec<(QueueId, String)>, reply: &Value) -> Result<FlowNode, FlowError> {
    let code = items(reply).first().and_then(integer).ok_or(AddError::Reply)?;
    if code == 0 {
        return Ok(root);
    }
    let place = items(reply).get(1).and_then(integer).and_then(|place| usize::try_from(place - 1).ok());
    let job = place.filter(|place| *place < places.len()).map(|place| places.swap_remove(place));
    Err(FlowError { cause: AddError::from_code(code), job })
}

/// Adds one job that may be dropped for another one, which is what the answer names then. Only a job
/// without parent and children may.
async fn alone(conn: &Conn, tree: Tree) -> Result<FlowNode, FlowError> {
    let queue = tree.rows.first().map(|row| row.queue.clone()).ok_or(AddError::Reply)?;
    let added = add_rows(conn, tree.rows).await?.pop().unwrap_or(Err(AddError::Reply))?;
    Ok(FlowNode { queue, id: added.id, children: Vec::new() })
}

/// Adds one tree.
pub(super) async fn one(conn: &Conn, tree: FlowJob) -> Result<FlowNode, FlowError> {
    let tree = Tree::new(tree)?;
    if tree.is_deduplicated() {
        return alone(conn, tree).await;
    }
    send(conn, vec![tree]).await?.pop().unwrap_or(Err(AddError::Reply.into()))
}

async fn several(conn: &Conn, trees: Vec<Tree>) -> Result<Vec<Result<FlowNode, FlowError>>, AddError> {
    let mut outcomes = Vec::with_capacity(trees.len());
    let (mut lot, mut jobs) = (Vec::new(), 0);
    for tree in trees {
        let deduplicated = tree.is_deduplicated();
        if !lot.is_empty() && (deduplicated || jobs + tree.rows.len() > MOST_JOBS) {
            outcomes.extend(send(conn, std::mem::take(&mut lot)).await?);
            jobs = 0;
        }
        if deduplicated {
            outcomes.push(alone(conn, tree).await);
            continue;
        }
        jobs += tree.rows.len();
        lot.push(tree);
    }
    if !lot.is_empty() {
        outcomes.extend(send(conn, lot).await?);
    }
    Ok(outcomes)
}

/// Flows; the trees may be in any queues.
impl Queue {
    /// Adds a tree of jobs, as a whole or not at all: see the [guide](crate::engine::flow). Without
    /// children it is a job like any other, but for its random id.
    pub async fn add_flow(&self, tree: FlowJob) -> Result<FlowNode, FlowError> {
        one(self.conn(), tree).await
    }

    /// Adds several trees in order, each as a whole or not at all; each has its own outcome. All are
    /// checked before the first is sent, which is the outer error. As many as have [`MOST_JOBS`] jobs
    /// together go in one script; a failing link leaves those of earlier scripts added.
    pub async fn add_flows(
        &self,
        trees: impl IntoIterator<Item = FlowJob>,
    ) -> Result<Vec<Result<FlowNode, FlowError>>, FlowError> {
        let trees = trees.into_iter().map(Tree::new).collect::<Result<Vec<_>, _>>()?;
        Ok(several(self.conn(), trees).await?)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::wire::{Prefix, QueueName};

    fn job(name: &str) -> FlowJob {
        FlowJob::new(QueueId::new(Prefix::default(), QueueName::legacy("q")), name, &json!({}))
    }

    fn named(name: &str) -> FlowJob {
        job(name).options(JobOptions { id: Some(name.to_owned()), ..JobOptions::default() })
    }

    fn told(node: &FlowNode) -> String {
        let inner: Vec<_> = node.children.iter().map(told).collect();
        format!("{}({})", node.id.lossless(), inner.join(" "))
    }

    #[test]
    fn trees_are_laid_out_level_by_level() {
        let tree = named("R")
            .child(named("A").child(named("A1")).child(named("A2").child(named("A2x"))))
            .child(named("B").child(named("B1")))
            .child(named("C"));
        assert_eq!(tree.count(), 8);
        let tree = Tree::new(tree).unwrap();
        let names: Vec<_> =
            tree.rows.iter().map(|row| String::from_utf8_lossy(&row.name).into_owned()).collect();
        assert_eq!(names, ["R", "A", "B", "C", "A1", "A2", "B1", "A2x"]);
        assert_eq!(told(&tree.root().unwrap()), "R(A(A1() A2(A2x())) B(B1()) C())");
    }

    #[test]
    fn a_tree_that_is_too_large_is_refused_with_its_size() {
        let tree = job("root").children((1..MOST_JOBS).map(|_| job("leaf")));
        assert!(Tree::new(tree.clone()).is_ok());
        let error = Tree::new(tree.child(job("a").child(job("b")))).err().unwrap();
        assert_eq!(error.cause, AddError::TooManyJobs { jobs: 1002, most: 1000 });
    }

    #[test]
    fn the_first_job_that_is_wrong_is_told() {
        let bad = job("bad").options(JobOptions { id: Some("12".to_owned()), ..JobOptions::default() });
        let error = Tree::new(job("root").child(job("fine")).child(bad)).err().unwrap();
        assert_eq!(error.cause, AddError::Options(OptionError::Integer));
        assert_eq!(error.job.unwrap().1, "bad");
        let error = Tree::new(named("0")).err().unwrap();
        assert_eq!(error.to_string(), "Custom Id cannot be integers");
    }
}
