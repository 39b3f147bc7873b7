//! The children of a parent (spec 3.7).

use crate::conn::{Conn, ConnError, Request, Value, Verb, bytes, integer, items};
use crate::wire::{JobId, QueueId, Raw, parent::split_job_key};

/// Children that are listed at most.
const MOST: usize = 200;
/// A hash up to this length is listed by its keys; a longer one would have to be scanned, and a scan
/// reads the children's results too.
const KEYS: i64 = 5_000;

/// What became of children.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Kind {
    /// Failed, and failing the parent.
    Failed,
    /// Not finished.
    Pending,
    /// Failed, and ignored.
    Ignored,
    /// Finished.
    Processed,
}

/// A child of a parent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Child {
    /// Its full key, as the parent keeps it.
    pub key: Raw,
    /// What became of it.
    pub kind: Kind,
    /// Its queue, where the key could be split.
    pub queue: Option<QueueId>,
    /// Its id, where the key could be split.
    pub id: Option<JobId>,
}

/// Lists children of one kind, in no order: the first 200 or so.
pub async fn children(conn: &Conn, queue: &QueueId, id: &JobId, kind: Kind) -> Result<Vec<Child>, ConnError> {
    let keys: Vec<Raw> = match kind {
        Kind::Pending => {
            let key = queue.satellite(id, "dependencies");
            let scan = Request::new(Verb::SScan).arg(key).arg(0).arg("COUNT").arg(MOST);
            let reply = conn.call(scan).await?;
            items(items(&reply).get(1).unwrap_or(&Value::Nil))
                .iter()
                .filter_map(bytes)
                .map(Raw::new)
                .collect()
        }
        Kind::Failed => {
            let key = queue.satellite(id, "unsuccessful");
            let range = Request::new(Verb::ZRange).arg(key).arg(0).arg(MOST - 1);
            items(&conn.call(range).await?).iter().filter_map(bytes).map(Raw::new).collect()
        }
        Kind::Processed | Kind::Ignored => {
            let key = queue.satellite(id, if kind == Kind::Processed { "processed" } else { "failed" });
            let length = integer(&conn.call(Request::new(Verb::HLen).arg(&key)).await?).unwrap_or(0);
            if length == 0 || length > KEYS {
                return Ok(Vec::new());
            }
            let reply = conn.call(Request::new(Verb::HKeys).arg(&key)).await?;
            items(&reply).iter().filter_map(bytes).take(MOST).map(Raw::new).collect()
        }
    };
    Ok(keys
        .into_iter()
        .map(|key| {
            let (queue, id) = split_job_key(key.as_bytes(), None, queue).unzip();
            Child { key, kind, queue, id }
        })
        .collect())
}
