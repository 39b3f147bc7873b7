//! What a parent knows of its children (spec 1, 9), on a queue and in a running handler.

use super::super::queue::Queue;
use super::super::read::{ChildKind, job::Children};
use super::{ChildRef, ChildValue, Dependencies, Dependency};
use crate::conn::{Batch, Conn, ConnError, Request, Value, Verb, bytes, integer, items};
use crate::wire::{JobId, QueueId, Raw};

/// What one command of a scan is to look at: a hash of small values answers in about 1 ms.
const STEP: u32 = 1000;
/// Where children of each kind stand.
pub(super) const fn suffix(kind: ChildKind) -> &'static str {
    match kind {
        ChildKind::Processed => "processed",
        ChildKind::Pending => "dependencies",
        ChildKind::Failed => "unsuccessful",
        ChildKind::Ignored => "failed",
    }
}

/// The command that reads a page of about `count` children of a kind.
pub(super) fn page_request(queue: &QueueId, id: &JobId, kind: ChildKind, cursor: u64, count: u32) -> Request {
    let key = queue.satellite(id, suffix(kind));
    let count = count.clamp(1, STEP);
    match kind {
        ChildKind::Processed | ChildKind::Ignored => {
            Request::new(Verb::HScan).arg(key).arg(cursor).arg("COUNT").arg(count)
        }
        ChildKind::Pending => Request::new(Verb::SScan).arg(key).arg(cursor).arg("COUNT").arg(count),
        ChildKind::Failed => {
            let last = cursor.saturating_add(u64::from(count) - 1);
            Request::new(Verb::ZRange).arg(key).arg(cursor).arg(last)
        }
    }
}

/// Reads the answer of [`page_request`].
pub(super) fn page_reply(
    queue: &QueueId,
    kind: ChildKind,
    cursor: u64,
    count: u32,
    reply: &Value,
) -> Dependencies {
    let child = |key: &[u8], value: Option<&[u8]>| Dependency {
        child: ChildRef::new(key, queue),
        kind,
        value: value.map(Raw::new),
    };
    if kind == ChildKind::Failed {
        let children: Vec<_> = items(reply).iter().filter_map(bytes).map(|key| child(key, None)).collect();
        let full = children.len() as u64 >= u64::from(count.clamp(1, STEP));
        let next = full.then_some(cursor + children.len() as u64);
        return Dependencies { children, next };
    }
    let next =
        items(reply).first().and_then(bytes).and_then(|next| std::str::from_utf8(next).ok()?.parse().ok());
    let found: Vec<&[u8]> =
        items(items(reply).get(1).unwrap_or(&Value::Nil)).iter().filter_map(bytes).collect();
    let children = if kind == ChildKind::Pending {
        found.into_iter().map(|key| child(key, None)).collect()
    } else {
        found.chunks_exact(2).map(|pair| child(pair[0], Some(pair[1]))).collect()
    };
    Dependencies { children, next: next.filter(|next| *next != 0) }
}

pub(super) async fn page(
    conn: &Conn,
    queue: &QueueId,
    id: &JobId,
    kind: ChildKind,
    cursor: u64,
    count: u32,
) -> Result<Dependencies, ConnError> {
    let reply = conn.call(page_request(queue, id, kind, cursor, count)).await?;
    Ok(page_reply(queue, kind, cursor, count, &reply))
}

/// All children of a kind, by key.
async fn all(
    conn: &Conn,
    queue: &QueueId,
    id: &JobId,
    kind: ChildKind,
) -> Result<Vec<Dependency>, ConnError> {
    let (mut found, mut cursor) = (Vec::new(), 0);
    loop {
        let page = page(conn, queue, id, kind, cursor, STEP).await?;
        found.extend(page.children);
        match page.next {
            Some(next) => cursor = next,
            None => break,
        }
    }
    found.sort_by(|one, other| one.child.key.cmp(&other.child.key));
    found.dedup_by(|one, other| one.child.key == other.child.key);
    Ok(found)
}

pub(super) async fn values(
    conn: &Conn,
    queue: &QueueId,
    id: &JobId,
    kind: ChildKind,
) -> Result<Vec<ChildValue>, ConnError> {
    let found = all(conn, queue, id, kind).await?;
    let value = |found: Dependency| Some(ChildValue { child: found.child, value: found.value? });
    Ok(found.into_iter().filter_map(value).collect())
}

pub(super) async fn failed(conn: &Conn, queue: &QueueId, id: &JobId) -> Result<Vec<ChildRef>, ConnError> {
    let found = all(conn, queue, id, ChildKind::Failed).await?;
    Ok(found.into_iter().map(|found| found.child).collect())
}

pub(super) async fn counts(conn: &Conn, queue: &QueueId, id: &JobId) -> Result<Children, ConnError> {
    let mut batch = Batch::new();
    for (verb, kind) in [
        (Verb::HLen, ChildKind::Processed),
        (Verb::SCard, ChildKind::Pending),
        (Verb::ZCard, ChildKind::Failed),
        (Verb::HLen, ChildKind::Ignored),
    ] {
        batch.push(Request::new(verb).arg(queue.satellite(id, suffix(kind))));
    }
    let mut counts = [0; 4];
    for (count, reply) in counts.iter_mut().zip(conn.batch(&batch).await?) {
        *count = integer(&ConnError::check(reply)?).and_then(|n| u64::try_from(n).ok()).unwrap_or(0);
    }
    let [processed, pending, failed, ignored] = counts;
    Ok(Children { processed, pending, failed, ignored })
}

/// Parents of this queue. Reading needs no permission to write.
impl Queue {
    /// What the children of a job returned, those that completed, by key: [`ChildValue::read`].
    /// Read in steps; nothing bounds how much that is but the number of children.
    pub async fn children_values(&self, parent: &JobId) -> Result<Vec<ChildValue>, ConnError> {
        values(self.conn(), self.id(), parent, ChildKind::Processed).await
    }

    /// Why children failed whose failure the parent ignores (policies `Ignore` and
    /// `ContinueParent`), by key: plain texts.
    pub async fn ignored_failures(&self, parent: &JobId) -> Result<Vec<ChildValue>, ConnError> {
        values(self.conn(), self.id(), parent, ChildKind::Ignored).await
    }

    /// Children whose failure fails the parent (policy `FailParent`), by key.
    pub async fn failed_children(&self, parent: &JobId) -> Result<Vec<ChildRef>, ConnError> {
        failed(self.conn(), self.id(), parent).await
    }

    /// How many children there are of each kind, in one round trip.
    pub async fn dependencies_count(&self, parent: &JobId) -> Result<Children, ConnError> {
        counts(self.conn(), self.id(), parent).await
    }

    /// A page of about `count` (1 to 1,000) children of a kind: begin with `cursor` 0, go on with
    /// [`Dependencies::next`]. A small hash or set comes whole, whatever `count` says.
    pub async fn dependencies(
        &self,
        parent: &JobId,
        kind: ChildKind,
        cursor: u64,
        count: u32,
    ) -> Result<Dependencies, ConnError> {
        page(self.conn(), self.id(), parent, kind, cursor, count).await
    }
}
