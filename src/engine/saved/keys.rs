//! The keys of a queue that belong to no job: settings, metrics, schedulers.

use serde::{Deserialize, Serialize};

use super::Bytes;
use super::read::{Reader, SaveError};
use crate::conn::{Conn, ConnError, Request, Value, Verb, integer};
use crate::engine::op::OpError;
use crate::engine::script::script;
use crate::wire::QueueId;

/// Most schedulers whose definitions are saved.
const SCHEDULERS: i64 = 10_000;

/// A key as it was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SavedKey {
    /// Its whole name.
    pub(crate) key: Bytes,
    /// The `meta` key of its queue, for the cluster's sake.
    pub(crate) meta: Bytes,
    /// What it held.
    pub(crate) content: Content,
}

/// What a key held.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Content {
    /// Fields and values.
    Hash(Vec<(Bytes, Bytes)>),
    /// Members and scores.
    Sorted(Vec<(Bytes, Bytes)>),
    /// Elements.
    List(Vec<Bytes>),
    /// A text.
    Text(Bytes),
}

/// Reads the keys of a queue that go with it when it is obliterated.
pub async fn save_keys(conn: &Conn, queue: &QueueId) -> Result<Vec<SavedKey>, SaveError> {
    let mut reader = Reader::new(conn);
    let mut out = Vec::new();
    let meta = Bytes(queue.key("meta"));
    let mut put = |key: Vec<u8>, content: Content, filled: bool| {
        if filled {
            out.push(SavedKey { key: Bytes(key), meta: meta.clone(), content });
        }
    };
    for suffix in ["meta", "metrics:completed", "metrics:failed"] {
        let key = queue.key(suffix);
        let fields = reader.hash(&key, 1).await?;
        let filled = !fields.is_empty();
        put(key, Content::Hash(fields), filled);
    }
    for suffix in ["metrics:completed:data", "metrics:failed:data"] {
        let key = queue.key(suffix);
        let length = integer(&conn.call(Request::new(Verb::LLen).arg(&key)).await?).unwrap_or(0);
        let points = reader.list(&key, length, 0).await?;
        put(key, Content::List(points), length > 0);
    }
    for suffix in ["meta-paused", "delay"] {
        let key = queue.key(suffix);
        // A key of another type is not one of the library's.
        if let Ok(Value::BulkString(text)) = conn.call(Request::new(Verb::Get).arg(&key)).await {
            put(key, Content::Text(Bytes(text)), true);
        }
    }
    let key = queue.key("repeat");
    let count = integer(&conn.call(Request::new(Verb::ZCard).arg(&key)).await?).unwrap_or(0);
    if count > SCHEDULERS {
        let id = queue.qualified();
        return Err(SaveError::TooMany {
            id: String::from_utf8_lossy(&id).into_owned(),
            what: "schedulers",
            count,
        });
    }
    let schedulers = reader.sorted(&key, count).await?;
    for (id, _) in &schedulers {
        let key = queue.key([b"repeat:", id.0.as_slice()].concat());
        let fields = reader.hash(&key, 1).await?;
        let filled = !fields.is_empty();
        put(key, Content::Hash(fields), filled);
    }
    put(key, Content::Sorted(schedulers), count > 0);
    Ok(out)
}

/// Reads a sorted set of a queue that goes as a whole.
pub(super) async fn save_sorted(
    conn: &Conn,
    queue: &QueueId,
    suffix: &str,
    members: u64,
) -> Result<SavedKey, SaveError> {
    let (key, count) = (queue.key(suffix), i64::try_from(members).unwrap_or(i64::MAX));
    let members = Reader::new(conn).sorted(&key, count).await?;
    Ok(SavedKey { key: Bytes(key), meta: Bytes(queue.key("meta")), content: Content::Sorted(members) })
}

/// Puts keys back, one script each: fields and members that are there by now stay as they are.
/// Returns how many keys got something back.
pub async fn restore_keys(conn: &Conn, keys: &[SavedKey]) -> Result<u64, OpError> {
    if keys.is_empty() {
        return Ok(0);
    }
    let script = script!("client", "restore_key", []);
    let runs: Vec<_> = keys
        .iter()
        .map(|saved| {
            let (kind, values): (&[u8], Vec<&Bytes>) = match &saved.content {
                Content::Hash(pairs) => (b"hash", pairs.iter().flat_map(|(a, b)| [a, b]).collect()),
                Content::Sorted(pairs) => (b"zset", pairs.iter().flat_map(|(a, b)| [a, b]).collect()),
                Content::List(items) => (b"list", items.iter().collect()),
                Content::Text(text) => (b"string", vec![text]),
            };
            let mut args = vec![saved.key.0.clone(), kind.to_vec()];
            args.extend(values.into_iter().map(|value| value.0.clone()));
            (vec![saved.meta.0.clone()], args)
        })
        .collect();
    let mut back = 0;
    for reply in conn.eval_many(script, &runs).await? {
        let reply = ConnError::check(reply)?;
        back += u64::from(integer(&reply).ok_or(OpError::Shape { script: script.name })? > 0);
    }
    Ok(back)
}
