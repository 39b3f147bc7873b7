//! What we cost Redis, counted from the replies: Redis's own figures minus these are those of the
//! others (decisions, section 6).

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

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
    /// Those of `hits` and `misses` whose reply is the same for an absent key and for a key without
    /// what was asked for. They are counted as what they mostly are: `XREAD` without news as a hit
    /// (who reads a stream has seen it), all others (`HGET` of an absent field) as a miss.
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
    /// Whether the server runs a blocked command again when it wakes (7.2 and newer).
    runs_again: AtomicBool,
}

/// An `XREAD BLOCK` that was answered later than this had been blocked.
const BLOCKED: Duration = Duration::from_millis(2);

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

    /// What the server says its version is decides how it counts.
    pub(super) fn set_version(&self, version: &str) {
        let mut parts = version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
        let version = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
        self.runs_again.store(version >= (7, 2), Relaxed);
    }

    /// Takes the common replies of long walks into account by their first bytes; `false`: this one has
    /// to be taken apart for it.
    pub(super) fn answered_plainly(&self, shape: Shape, frame: &[u8]) -> bool {
        if frame.starts_with(b"-") {
            return false;
        }
        match shape.verb {
            Verb::MemoryUsage => true,
            // The first field is there: so is the key.
            Verb::HMGet if first_item(frame).is_some_and(|item| !item.starts_with(b"$-")) => {
                self.hits.fetch_add(1, Relaxed);
                true
            }
            _ => false,
        }
    }

    /// Takes one reply into account, which came `waited` after its command was sent.
    pub(super) fn answered(&self, shape: Shape, value: &Value, waited: Duration) {
        let mut tally = lookups(shape, value);
        let woken = shape.verb == Verb::XReadBlock && *value != Value::Nil && waited > BLOCKED;
        if woken && self.runs_again.load(Relaxed) {
            tally.hits *= 2;
            tally.unsure *= 2;
        }
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

/// Lookups that Redis counts for each stream of an `XREAD`: measured on Redis 6.2.14, 7.0.15 and
/// Valkey 9.1.2, where one that blocked and was woken counts twice, as it is run again.
const XREAD_LOOKUPS: u64 = 2;

const NONE: Tally = Tally { hits: 0, misses: 0, unsure: 0 };
const HIT: Tally = Tally { hits: 1, misses: 0, unsure: 0 };
const MISS: Tally = Tally { hits: 0, misses: 1, unsure: 0 };
const UNSURE: Tally = Tally { hits: 0, misses: 1, unsure: 1 };

/// Reads a reply for its lookups. Empty lists, hashes and sets do not exist in Redis, so a length
/// of zero is a key that is not there; an empty stream does exist.
fn lookups(shape: Shape, value: &Value) -> Tally {
    let no_lookup = matches!(
        shape.verb,
        Verb::Ping
            | Verb::DbSize
            | Verb::Scan
            | Verb::MemoryUsage
            | Verb::EvalSha
            | Verb::Eval
            | Verb::ScriptLoad
    );
    if no_lookup || shape.verb.is_about_the_server() || shape.verb.class().writes() {
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
            let news = (super::pairs(value).len() as u64).min(keys);
            Tally { hits: XREAD_LOOKUPS * keys, misses: 0, unsure: XREAD_LOOKUPS * (keys - news) }
        }
        Verb::Get => either(*value == Value::Nil, MISS),
        // Here a zero is a place.
        Verb::LPos | Verb::ZRank | Verb::ZRevRank => either(*value == Value::Nil, UNSURE),
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

/// What follows the head of an array.
fn first_item(frame: &[u8]) -> Option<&[u8]> {
    let end = frame.iter().take(24).position(|byte| *byte == b'\n')?;
    frame.get(end + 1..)
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
