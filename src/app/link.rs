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
    /// Since when there is no connection, ms since the epoch by this host; `update` keeps it.
    pub out_since: Option<i64>,
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
/// A picture of this age is drawn as an old one.
const OLD_MS: i64 = 2_000;

impl LinkView {
    /// Takes over from `before` since when there is no connection.
    pub(super) fn follow(mut self, before: &Self, now: i64) -> Self {
        self.out_since = match self.state {
            LinkPhase::Up | LinkPhase::Impaired { .. } => None,
            _ => before.out_since.or(Some(now)),
        };
        self
    }

    /// Whether there is a connection, well or not.
    pub(super) fn is_connected(&self) -> bool {
        matches!(self.state, LinkPhase::Up | LinkPhase::Impaired { .. })
    }

    /// Until when the picture was kept true: now, or the moment from which on nothing was answered.
    pub fn true_at(&self, now: i64) -> i64 {
        [self.waiting_since, self.out_since].into_iter().flatten().fold(now, i64::min)
    }

    /// How old the picture is, where that is worth saying, ms.
    pub fn old_ms(&self, now: i64) -> Option<i64> {
        let ms = now - self.true_at(now);
        (ms >= OLD_MS).then_some(ms)
    }

    /// For how long the server has been silent, if it is, ms.
    pub fn silent_ms(&self, now: i64) -> Option<i64> {
        let ms = now - self.waiting_since?;
        (ms >= SILENCE_MS).then_some(ms)
    }
}
