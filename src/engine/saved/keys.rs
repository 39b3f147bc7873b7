//! The keys of a queue that belong to no job: settings, metrics, schedulers.

use serde::{Deserialize, Serialize};

use super::Bytes;
use super::read::{Reader, SaveError};
use crate::conn::{Conn, ConnError, Request, Value, Verb, integer};
use crate::engine::op::{Code, OpError};
use crate::engine::script::{era_argument, queue_keys_at, script};
use crate::wire::{QueueId, WriteEra};

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
    /// A counter, which must never go back: it is raised to this.
    Counter(Bytes),
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
    // Last: where `id` is there, whoever puts something back looks first whose queue it is.
    for suffix in ["pc", "id"] {
        let key = queue.key(suffix);
        if let Ok(Value::BulkString(number)) = conn.call(Request::new(Verb::Get).arg(&key)).await {
            put(key, Content::Counter(Bytes(number)), true);
        }
    }
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

/// Puts keys back, one script each: fields and members that are there by now stay as they are, and counters are
/// only raised. Returns how many keys got something back. [`OpError::Refused`]: the queue was begun anew by
/// another generation of writers, or is damaged.
pub async fn restore_keys(conn: &Conn, era: WriteEra, keys: &[SavedKey]) -> Result<u64, OpError> {
    if keys.is_empty() {
        return Ok(0);
    }
    let script = script!("operation", "restore_key", ["decided"]);
    let runs: Vec<_> = keys
        .iter()
        .map(|saved| {
            let (kind, values): (&[u8], Vec<&Bytes>) = match &saved.content {
                Content::Hash(pairs) => (b"hash", pairs.iter().flat_map(|(a, b)| [a, b]).collect()),
                Content::Sorted(pairs) => (b"zset", pairs.iter().flat_map(|(a, b)| [a, b]).collect()),
                Content::List(items) => (b"list", items.iter().collect()),
                Content::Text(text) => (b"string", vec![text]),
                Content::Counter(number) => (b"counter", vec![number]),
            };
            let base = saved.meta.0.strip_suffix(b"meta").unwrap_or(&saved.meta.0);
            let mut args = vec![era_argument(era), base.to_vec(), saved.key.0.clone(), kind.to_vec()];
            args.extend(values.into_iter().map(|value| value.0.clone()));
            (queue_keys_at(base), args)
        })
        .collect();
    let mut back = 0;
    for reply in conn.eval_many(script, &runs).await? {
        let answer = integer(&ConnError::check(reply)?).ok_or(OpError::Shape { script: script.name })?;
        if let Some(code) = Code::refusal(answer) {
            return Err(OpError::Refused(code));
        }
        back += u64::from(answer > 0);
    }
    Ok(back)
}
