//! The keys of a queue (spec, section 1.2).

use super::ids::{JobId, QueueId};

/// Suffixes that BullMQ or Bull use for the queue itself. A job id equal to one of them would
/// name a structure of the queue and not a job (trap T8): such an id is never acted on.
pub const RESERVED: &[&str] = &[
    "id",
    "meta",
    "meta-paused",
    "wait",
    "paused",
    "active",
    "priority",
    "prioritized",
    "pc",
    "delayed",
    "completed",
    "failed",
    "waiting-children",
    "marker",
    "events",
    "delay",
    "stalled",
    "stalled-check",
    "limiter",
    "repeat",
    "de",
    "dn",
    "metrics",
    "groups",
    "metrics:completed",
    "metrics:failed",
    "metrics:completed:data",
    "metrics:failed:data",
    "limiter:index",
];

/// The queue's own keys by their suffixes, each with the type that the libraries give it, as `TYPE` calls it
/// (spec 1.2). What has another type is refused to workers with `WRONGTYPE`.
pub const TYPES: [(&str, &str); 21] = [
    ("wait", "list"),
    ("paused", "list"),
    ("active", "list"),
    ("delayed", "zset"),
    ("prioritized", "zset"),
    ("completed", "zset"),
    ("failed", "zset"),
    ("waiting-children", "zset"),
    ("marker", "zset"),
    ("repeat", "zset"),
    ("priority", "zset"),
    ("events", "stream"),
    ("meta", "hash"),
    ("id", "string"),
    ("pc", "string"),
    ("stalled", "set"),
    ("stalled-check", "string"),
    ("limiter", "string"),
    ("meta-paused", "string"),
    ("metrics:completed", "hash"),
    ("metrics:failed", "hash"),
];

/// Suffixes of a job's satellite keys (`<jobId>:<suffix>`).
pub const SATELLITES: &[&str] = &["logs", "lock", "dependencies", "processed", "failed", "unsuccessful"];

impl QueueId {
    /// `<prefix>:<queue>:<suffix>`.
    pub fn key(&self, suffix: impl AsRef<[u8]>) -> Vec<u8> {
        let suffix = suffix.as_ref();
        let (prefix, name) = (self.prefix.as_bytes(), self.name.as_bytes());
        let mut key = Vec::with_capacity(prefix.len() + name.len() + suffix.len() + 2);
        key.extend_from_slice(prefix);
        key.push(b':');
        key.extend_from_slice(name);
        key.push(b':');
        key.extend_from_slice(suffix);
        key
    }

    /// `<prefix>:<queue>:`, what every key of the queue begins with.
    pub fn base(&self) -> Vec<u8> {
        self.key("")
    }

    /// The key of a job's hash.
    pub fn job(&self, id: &JobId) -> Vec<u8> {
        self.key(id.as_bytes())
    }

    /// A satellite key of a job: one of [`SATELLITES`].
    pub fn satellite(&self, id: &JobId, suffix: &str) -> Vec<u8> {
        let mut key = self.job(id);
        key.push(b':');
        key.extend_from_slice(suffix.as_bytes());
        key
    }
}

impl JobId {
    /// Whether the id names a structure of the queue: see [`RESERVED`].
    pub fn is_reserved(&self) -> bool {
        is_reserved(self.as_bytes())
    }

    /// Whether a list element is a wake-up marker of eras 2 to 4 and not a job: `0` or `0:<ms>`.
    pub fn is_marker(&self) -> bool {
        is_marker(self.as_bytes())
    }
}

/// [`JobId::is_reserved`] of the bytes of an id.
pub fn is_reserved(id: &[u8]) -> bool {
    RESERVED.iter().any(|word| word.as_bytes() == id)
}

/// [`JobId::is_marker`] of the bytes of an id.
pub fn is_marker(id: &[u8]) -> bool {
    id == b"0" || id.starts_with(b"0:")
}
