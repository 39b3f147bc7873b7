//! The link's health in the terms of the screen: milliseconds instead of instants.

use crate::text::Clean;

/// What the top line says about the connection.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct LinkView {
    /// What it does.
    pub state: LinkPhase,
    /// Round-trip time, microseconds.
    pub round_trip_us: Option<u64>,
    /// Since when an answer is awaited, ms since the epoch by this host.
    pub waiting_since: Option<i64>,
}

/// What a link does.
#[derive(Clone, PartialEq, Debug, Default)]
pub enum LinkPhase {
    /// The first attempt is under way.
    #[default]
    Connecting,
    /// Commands are answered.
    Up,
    /// Commands are answered with an error that names the server's state (loading, busy, ...).
    Impaired {
        /// Why, in the server's words.
        why: Clean,
        /// What to do.
        hint: Clean,
    },
    /// Lost.
    Down {
        /// Why.
        why: Clean,
        /// What to do.
        hint: Clean,
        /// When the next attempt starts, ms since the epoch by this host.
        retry_at: i64,
    },
    /// The login was refused; no further attempt.
    Refused {
        /// Why.
        why: Clean,
        /// What to do.
        hint: Clean,
    },
}

/// An answer awaited for so long counts as silence that is said.
pub const SILENCE_MS: i64 = 800;

impl LinkView {
    /// For how long the server has been silent, if it is, ms.
    pub fn silent_ms(&self, now: i64) -> Option<i64> {
        let ms = now - self.waiting_since?;
        (ms >= SILENCE_MS).then_some(ms)
    }
}
