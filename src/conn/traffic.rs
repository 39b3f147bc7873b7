//! What we cost Redis, counted from the replies: Redis's own figures minus these are those of the
//! others (decisions, section 6).

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::request::Shape;
use super::{Value, Verb, bytes, integer, items};

/// What was sent and read so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Commands sent.
    pub commands: u64,
    /// Bytes of replies, as Redis counts them (within TLS).
    pub reply_bytes: u64,
    /// Lookups of ours that Redis counted as keyspace hits.
    pub hits: u64,
    /// Lookups of ours that Redis counted as keyspace misses.
    pub misses: u64,
    /// Those of `misses` whose reply is the same for an absent key and for a key without what was
    /// asked for (`HGET` of an absent field): some of them may have been hits.
    pub unsure: u64,
    /// Script runs: what they looked up is not known.
    pub scripts: u64,
}

impl std::ops::Add for Traffic {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            commands: self.commands + other.commands,
            reply_bytes: self.reply_bytes + other.reply_bytes,
            hits: self.hits + other.hits,
            misses: self.misses + other.misses,
            unsure: self.unsure + other.unsure,
            scripts: self.scripts + other.scripts,
        }
    }
}

impl std::ops::Sub for Traffic {
    type Output = Self;

    /// What came since an earlier reading.
    fn sub(self, earlier: Self) -> Self {
        Self {
            commands: self.commands.saturating_sub(earlier.commands),
            reply_bytes: self.reply_bytes.saturating_sub(earlier.reply_bytes),
            hits: self.hits.saturating_sub(earlier.hits),
            misses: self.misses.saturating_sub(earlier.misses),
            unsure: self.unsure.saturating_sub(earlier.unsure),
            scripts: self.scripts.saturating_sub(earlier.scripts),
        }
    }
}

/// The running counts of a connection, its dedicated ones included.
#[derive(Debug, Default)]
pub(super) struct Counters {
    commands: AtomicU64,
    reply_bytes: AtomicU64,
    hits: AtomicU64,
    misses: AtomicU64,
    unsure: AtomicU64,
    scripts: AtomicU64,
}

impl Counters {
    pub(super) fn read(&self) -> Traffic {
        Traffic {
            commands: self.commands.load(Relaxed),
            reply_bytes: self.reply_bytes.load(Relaxed),
            hits: self.hits.load(Relaxed),
            misses: self.misses.load(Relaxed),
            unsure: self.unsure.load(Relaxed),
            scripts: self.scripts.load(Relaxed),
        }
    }

    pub(super) fn sent(&self, commands: usize) {
        self.commands.fetch_add(commands as u64, Relaxed);
    }

    pub(super) fn received(&self, bytes: usize) {
        self.reply_bytes.fetch_add(bytes as u64, Relaxed);
    }

    pub(super) fn answered(&self, shape: Shape, value: &Value) {
        let tally = lookups(shape, value);
        for (counter, more) in
            [(&self.hits, tally.hits), (&self.misses, tally.misses), (&self.unsure, tally.unsure)]
        {
            if more > 0 {
                counter.fetch_add(more, Relaxed);
            }
        }
        if matches!(shape.verb, Verb::Eval | Verb::EvalSha) {
            self.scripts.fetch_add(1, Relaxed);
        }
    }
}

/// What one command added to Redis's `keyspace_hits` and `keyspace_misses`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tally {
    hits: u64,
    misses: u64,
    unsure: u64,
}

const NONE: Tally = Tally { hits: 0, misses: 0, unsure: 0 };
const HIT: Tally = Tally { hits: 1, misses: 0, unsure: 0 };
const MISS: Tally = Tally { hits: 0, misses: 1, unsure: 0 };
const UNSURE: Tally = Tally { hits: 0, misses: 1, unsure: 1 };

/// Reads a reply for its lookups. Empty lists, hashes and sets do not exist in Redis, so a length
/// of zero is a key that is not there; an empty stream does exist.
fn lookups(shape: Shape, value: &Value) -> Tally {
    let looks_up = !matches!(
        shape.verb,
        Verb::Ping
            | Verb::Info
            | Verb::Time
            | Verb::DbSize
            | Verb::ClientList
            | Verb::ClientId
            | Verb::ClientSetName
            | Verb::AclWhoAmI
            | Verb::SlowLogGet
            | Verb::LatencyLatest
            | Verb::Scan
            | Verb::MemoryUsage
            | Verb::EvalSha
            | Verb::Eval
            | Verb::ScriptLoad
    );
    if !looks_up || shape.verb.class().writes() {
        // Writes look keys up too, but Redis does not count those.
        return NONE;
    }
    if let Value::ServerError(error) = value {
        return match error.code() {
            "WRONGTYPE" => HIT,
            "ERR" if error.details().is_some_and(|text| text.contains("no such key")) => MISS,
            _ => NONE,
        };
    }
    let keys = u64::from(shape.keys);
    match shape.verb {
        Verb::Exists => {
            let hits = integer(value).and_then(|n| u64::try_from(n).ok()).unwrap_or(0).min(keys);
            Tally { hits, misses: keys - hits, unsure: 0 }
        }
        Verb::XRead | Verb::XReadBlock => {
            // Measured: one lookup a stream; a stream without news may be there or not.
            let hits = (super::pairs(value).len() as u64).min(keys);
            Tally { hits, misses: keys - hits, unsure: keys - hits }
        }
        Verb::Get => either(matches!(value, Value::Nil), MISS),
        Verb::Type => either(bytes(value) == Some(b"none"), MISS),
        Verb::Ttl | Verb::PTtl => either(integer(value) == Some(-2), MISS),
        Verb::LLen | Verb::ZCard | Verb::HLen | Verb::SCard => either(integer(value) == Some(0), MISS),
        Verb::HKeys => either(items(value).is_empty(), MISS),
        Verb::HScan | Verb::ZScan | Verb::SScan => {
            let [cursor, found] = items(value) else { return NONE };
            either(items(found).is_empty() && bytes(cursor) == Some(b"0"), UNSURE)
        }
        Verb::HMGet => either(items(value).iter().all(|field| *field == Value::Nil), UNSURE),
        _ => either(is_nothing(value), UNSURE),
    }
}

fn either(missing: bool, otherwise: Tally) -> Tally {
    if missing { otherwise } else { HIT }
}

/// Nil, zero, an empty string or an empty array.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Nil | Value::Int(0) => true,
        Value::BulkString(bytes) => bytes.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}
