//! A job that runs.

use super::backoff::Ending;
use crate::conn::{Value, bytes, integer, items, text};
use crate::wire::{JobId, Raw, Token};

/// A job that a worker took and has not ended yet.
#[derive(Clone, Debug)]
pub struct ActiveJob {
    /// Its id.
    pub id: JobId,
    /// The token of its lock.
    pub token: Token,
    /// Its name.
    pub name: Raw,
    /// Its data: JSON, as whoever added it wrote it.
    pub data: Raw,
    /// When it was made, ms since the epoch.
    pub timestamp: i64,
    /// Attempts that ended before this one.
    pub attempts_made: u64,
    /// Those of them that BullMQ 4 or older made.
    pub(super) attempts_by_v4: u64,
    /// How often it was started, this time included: also by workers that died, and where it was put
    /// back or delayed without an attempt being counted.
    pub attempts_started: u64,
    /// Its priority; 0 is none.
    pub priority: u64,
    /// The key of its parent's hash, if it has one.
    pub parent_key: Option<Raw>,
    /// When this attempt started, ms since the epoch.
    pub started_at: i64,
    pub(super) ending: Ending,
    /// Stack traces of earlier attempts, as JSON.
    pub(super) stacktrace: Raw,
    /// Its data was too large to come along and is still to be read.
    pub(super) data_left_out: bool,
    /// Why it must fail without being run: it stalled too often, or a child failed.
    pub(super) deferred_failure: Option<String>,
    /// The id of the scheduler that made it, if one did.
    pub scheduler: Option<Raw>,
    /// Its options: JSON, under the names in which BullMQ stores them (spec 2.3).
    pub opts: Raw,
}

impl ActiveJob {
    /// Reads an id and its fields, as `fetch` in `lua/lib/fetch.lua` returns them.
    pub(super) fn parse(row: &[Value], started_at: i64, token: Token) -> Option<Self> {
        let fields = items(row.get(1)?);
        let raw = |place: usize| fields.get(place).and_then(bytes).map(Raw::new);
        let or_empty = |place| raw(place).unwrap_or_else(|| Raw::new(""));
        let number = |place: usize| fields.get(place).and_then(integer);
        let count = |number: Option<i64>| number.unwrap_or(0).max(0) as u64;
        let opts = or_empty(2);
        Some(Self {
            id: JobId::new(bytes(row.first()?)?),
            token,
            name: or_empty(0),
            data: or_empty(1),
            ending: Ending::parse(opts.as_bytes()),
            opts,
            timestamp: number(3).unwrap_or(0),
            priority: count(number(4)),
            // BullMQ 4 counts its attempts in `attemptsMade`, later releases theirs in `atm`; a job that
            // both have run has both (spec 14.4).
            attempts_made: count(number(5)) + count(number(6)),
            attempts_by_v4: count(number(6)),
            attempts_started: count(number(7)) + 1,
            started_at,
            stacktrace: or_empty(8),
            data_left_out: matches!(fields.get(1), Some(Value::Int(_))),
            deferred_failure: fields.get(9).and_then(text).map(str::to_owned),
            scheduler: raw(10),
            parent_key: raw(11),
        })
    }
}
