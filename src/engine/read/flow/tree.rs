//! A flow as a tree, level by level, within bounds.

use super::survey::Path;
use super::{Member, members, offspring};
use crate::conn::{Conn, ConnError};
use crate::engine::read::detail::{Child, ChildKind};
use crate::wire::{JobId, QueueId, Raw};

/// How much of a flow is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bounds {
    /// Levels, the first included.
    pub depth: usize,
    /// Jobs in all.
    pub jobs: usize,
}

/// A job of a tree.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Node {
    /// Its full key, as its parent keeps it.
    pub key: Raw,
    /// What is known of it; `None` where its key is none of a job.
    pub member: Option<Member>,
    /// What became of it, as its parent keeps it; `None` for the first.
    pub kind: Option<ChildKind>,
    /// Its children, by their place in the tree.
    pub children: Vec<usize>,
    /// It has children that are not listed, because a bound was reached.
    pub more: bool,
    /// It stands above itself (keys that were written by hand): what is below it is there already.
    pub circle: bool,
}

/// Reads a job and all below it; the first of the list is the job. What stands on one of `paths` (from
/// the job down) comes first among its siblings, so that no bound leaves it out.
pub async fn tree(
    conn: &Conn,
    queue: &QueueId,
    id: &JobId,
    bounds: Bounds,
    paths: &[Path],
) -> Result<Vec<Node>, ConnError> {
    let node =
        |key: Raw, member, kind| Node { key, member, kind, children: Vec::new(), more: false, circle: false };
    let first = members(conn, &[(queue.clone(), id.clone())]).await?.into_iter().next();
    let mut nodes = vec![node(Raw::new(queue.job(id)), first, None)];
    let mut level = vec![0];
    let mut above: Vec<Option<usize>> = vec![None];
    for depth in 1.. {
        let mut below = Vec::new();
        for parent in level {
            let Some(member) = nodes[parent].member.as_ref().filter(|member| member.has_children()) else {
                continue;
            };
            let (queue, id) = (member.queue.clone(), member.id.clone());
            let mut line = std::iter::successors(above[parent], |at| above[*at]);
            if line.any(|at| nodes[at].member.as_ref().is_some_and(|up| up.queue == queue && up.id == id)) {
                nodes[parent].circle = true;
                continue;
            }
            let wanted: Vec<&(QueueId, JobId)> = paths
                .iter()
                .flat_map(|path| path.windows(2))
                .filter(|pair| pair[0].0 == queue && pair[0].1 == id)
                .map(|pair| &pair[1])
                .collect();
            let room = bounds.jobs.saturating_sub(nodes.len());
            if depth >= bounds.depth || (room == 0 && wanted.is_empty()) {
                nodes[parent].more = true;
                continue;
            }
            let (children, more) = listed(conn, &queue, &id, room, &wanted).await?;
            nodes[parent].more = more;
            for child in children {
                below.push(nodes.len());
                let at = nodes.len();
                nodes[parent].children.push(at);
                nodes.push(node(child.key, None, Some(child.kind)));
                above.push(Some(parent));
            }
            know(conn, &queue, &mut nodes, &below).await?;
        }
        level = below;
        if level.is_empty() {
            break;
        }
    }
    Ok(nodes)
}

/// Up to so many children of a job, and whether there are more.
async fn listed(
    conn: &Conn,
    queue: &QueueId,
    id: &JobId,
    room: usize,
    wanted: &[&(QueueId, JobId)],
) -> Result<(Vec<Child>, bool), ConnError> {
    let rank = |child: &Child| {
        let job = child.queue.as_ref().zip(child.id.as_ref());
        let place = wanted.iter().position(|(queue, id)| job == Some((queue, id)));
        place.unwrap_or(usize::MAX)
    };
    let (mut children, mut from): (Vec<Child>, _) = (Vec::new(), None);
    loop {
        let page = offspring(conn, queue, id, from).await?;
        children.extend(page.children);
        if page.next.is_none() || children.len() >= room {
            // In an order that stays: sets have none.
            children.sort_by(|one, other| {
                let order = rank(one).cmp(&rank(other)).then(one.kind.cmp(&other.kind));
                order.then_with(|| one.key.cmp(&other.key))
            });
            if let Some(first) = wanted.first().filter(|_| children.first().is_none_or(|one| rank(one) > 0)) {
                // It stands behind what was listed.
                let key = Raw::new(first.0.job(&first.1));
                let (queue, id) = (Some(first.0.clone()), Some(first.1.clone()));
                children.insert(0, Child { key, kind: ChildKind::Pending, queue, id });
            }
            let listed = children.len();
            children.truncate(room.max(wanted.len().min(1)));
            let more = page.next.is_some() || children.len() < listed;
            return Ok((children, more));
        }
        from = page.next;
    }
}

/// Reads what is known of those that are not known yet.
async fn know(conn: &Conn, nearby: &QueueId, nodes: &mut [Node], among: &[usize]) -> Result<(), ConnError> {
    let split = |node: &Node| crate::wire::parent::split_job_key(node.key.as_bytes(), None, nearby);
    let unknown: Vec<usize> = among.iter().copied().filter(|at| nodes[*at].member.is_none()).collect();
    let jobs: Vec<(usize, (QueueId, JobId))> =
        unknown.into_iter().filter_map(|at| Some((at, split(&nodes[at])?))).collect();
    let asked: Vec<_> = jobs.iter().map(|(_, job)| job.clone()).collect();
    for ((at, _), member) in jobs.into_iter().zip(members(conn, &asked).await?) {
        nodes[at].member = Some(member);
    }
    Ok(())
}
