//! The health of a connection.

use std::time::{Duration, Instant};

use super::ConnError;

/// The health of a link, as the screen shows it.
#[derive(Clone, Debug)]
pub struct Link {
    /// What it does.
    pub state: LinkState,
    /// Round-trip time of late, smoothed; `None` before the first answer.
    pub round_trip: Option<Duration>,
    /// Since when an answer is awaited, if one is: a growing age is silence.
    pub waiting_since: Option<Instant>,
    /// How often it was connected. A change means that the server may be another one.
    pub generation: u64,
}

/// What a link does.
#[derive(Clone, Debug, PartialEq)]
pub enum LinkState {
    /// The first attempt, or one after a loss, is under way.
    Connecting,
    /// Commands are answered.
    Up,
    /// Lost; the next attempt comes at `retry_at`.
    Down {
        /// Why.
        error: ConnError,
        /// When the next attempt starts.
        retry_at: Instant,
    },
    /// The login was refused: no further attempt is made.
    Refused(ConnError),
}

/// What was sent and read so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Commands sent.
    pub commands: u64,
    /// Bytes of replies (payload, without framing).
    pub reply_bytes: u64,
    /// Lookups of ours that Redis counted as keyspace hits.
    pub hits: u64,
    /// Lookups of ours that Redis counted as keyspace misses.
    pub misses: u64,
}
