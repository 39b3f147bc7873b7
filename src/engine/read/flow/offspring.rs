//! Keys of children, page by page.

use crate::conn::{Batch, Conn, ConnError, Request, Value, Verb, bytes, integer, items};
use crate::engine::read::detail::{Child, ChildKind};
use crate::wire::parent::split_job_key;
use crate::wire::{JobId, QueueId, Raw};

/// Keys that one page holds, about.
const PAGE: u64 = 1_000;
/// A hash up to this length is listed by its keys: it holds the children's results, which a scan would
/// read as well.
const KEYS: u64 = 5_000;
/// Bytes that a scan of a longer hash is to bring.
const SCANNED: u64 = 128 << 10;

/// Kinds in the order in which they are told: what holds the parent up first.
const ORDER: [ChildKind; 4] =
    [ChildKind::Failed, ChildKind::Pending, ChildKind::Ignored, ChildKind::Processed];

/// Where a listing goes on: a kind of children, and a place among them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cursor {
    kind: usize,
    at: u64,
}

/// A page of children.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Offspring {
    /// The children. One that ends meanwhile may come by twice, as two kinds.
    pub children: Vec<Child>,
    /// Where the next page begins; `None`: that was all.
    pub next: Option<Cursor>,
}

/// Reads a page of a job's children: failed, pending, ignored, then finished ones; about 1,000 of one
/// kind, and those that follow while there is room.
pub async fn offspring(
    conn: &Conn,
    queue: &QueueId,
    id: &JobId,
    from: Option<Cursor>,
) -> Result<Offspring, ConnError> {
    let mut page = Offspring::default();
    let mut cursor = from.unwrap_or(Cursor { kind: 0, at: 0 });
    while let Some(kind) = ORDER.get(cursor.kind).copied() {
        let (keys, next) = keys(conn, queue, id, kind, cursor.at).await?;
        page.children.extend(keys.into_iter().map(|key| {
            let (queue, id) = split_job_key(key.as_bytes(), None, queue).unzip();
            Child { key, kind, queue, id }
        }));
        cursor = match next {
            Some(at) => Cursor { at, ..cursor },
            None => Cursor { kind: cursor.kind + 1, at: 0 },
        };
        if page.children.len() as u64 >= PAGE {
            page.next = (cursor.kind < ORDER.len()).then_some(cursor);
            break;
        }
    }
    Ok(page)
}

/// Some keys of a kind, and where to go on.
async fn keys(
    conn: &Conn,
    queue: &QueueId,
    id: &JobId,
    kind: ChildKind,
    at: u64,
) -> Result<(Vec<Raw>, Option<u64>), ConnError> {
    let key = queue.satellite(
        id,
        match kind {
            ChildKind::Processed => "processed",
            ChildKind::Pending => "dependencies",
            ChildKind::Failed => "unsuccessful",
            ChildKind::Ignored => "failed",
        },
    );
    let raws = |reply: &Value, step: usize| -> Vec<Raw> {
        items(reply).iter().step_by(step).filter_map(bytes).map(Raw::new).collect()
    };
    // Of a scan: its cursor, and what it brought.
    let scanned = |reply: &Value, step: usize| {
        let parts = items(reply);
        let next =
            parts.first().and_then(bytes).and_then(|next| std::str::from_utf8(next).ok()?.parse().ok());
        (raws(parts.get(1).unwrap_or(&Value::Nil), step), next.filter(|next| *next != 0))
    };
    match kind {
        ChildKind::Failed => {
            let range = Request::new(Verb::ZRange).arg(key).arg(at).arg(at.saturating_add(PAGE - 1));
            let found = raws(&conn.call(range).await?, 1);
            let next = (found.len() as u64 >= PAGE).then_some(at + PAGE);
            Ok((found, next))
        }
        ChildKind::Pending => {
            let scan = Request::new(Verb::SScan).arg(key).arg(at).arg("COUNT").arg(PAGE);
            Ok(scanned(&conn.call(scan).await?, 1))
        }
        ChildKind::Processed | ChildKind::Ignored => {
            let mut batch = Batch::new();
            batch.push(Request::new(Verb::HLen).arg(&key));
            batch.push(Request::new(Verb::MemoryUsage).arg(&key));
            let replies = conn.batch(&batch).await?;
            let count = |at: usize| {
                replies.get(at).and_then(integer).and_then(|n| u64::try_from(n).ok()).unwrap_or(0)
            };
            let (length, memory) = (count(0), count(1));
            if length == 0 {
                return Ok((Vec::new(), None));
            }
            if length <= KEYS && at == 0 {
                return Ok((raws(&conn.call(Request::new(Verb::HKeys).arg(key)).await?, 1), None));
            }
            // Results come along: no more of them than about 128 KB at once.
            let fit = (SCANNED / (memory / length).max(1)).clamp(1, PAGE);
            let scan = Request::new(Verb::HScan).arg(key).arg(at).arg("COUNT").arg(fit);
            Ok(scanned(&conn.call(scan).await?, 2))
        }
    }
}
