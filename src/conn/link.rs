//! The health of a connection.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::ConnError;
use crate::text::Clean;

/// The health of a link, as the screen shows it.
#[derive(Clone, Debug)]
pub struct Link {
    /// What it does.
    pub state: LinkState,
    /// Round-trip time of late, smoothed; `None` before the first answer. It changes without a
    /// notification.
    pub round_trip: Option<Duration>,
    /// Since when the server is silent: a request is unanswered and nothing at all has come for
    /// longer than 300 ms, or the first attempt to connect takes longer than that. `None` again
    /// with the first byte.
    pub waiting_since: Option<Instant>,
    /// How often it was connected. A change means that the server may be another one.
    pub generation: u64,
    /// What the server said of itself when it was connected; `None` before, and where it is older
    /// than 6.
    pub server: Option<Arc<Hello>>,
}

impl Default for Link {
    fn default() -> Self {
        Self {
            state: LinkState::Connecting,
            round_trip: None,
            waiting_since: None,
            generation: 0,
            server: None,
        }
    }
}

/// What a link does.
#[derive(Clone, Debug, PartialEq)]
pub enum LinkState {
    /// The first attempt, or one after a loss, is under way.
    Connecting,
    /// Commands are answered.
    Up,
    /// Connected and answered, but with errors that concern the whole server: it loads, a script
    /// blocks it, its master is away, it cannot persist ([`ConnError::is_server_state`]). It ends
    /// with the first answer that shows that the state is over; a `PING` every second asks.
    Impaired(ConnError),
    /// Lost; the next attempt comes at `retry_at`.
    Down {
        /// Why.
        error: ConnError,
        /// When the next attempt starts.
        retry_at: Instant,
    },
    /// The login was refused: no further attempt is made unless the user asks for it.
    Refused(ConnError),
}

impl LinkState {
    /// Why it is not up.
    pub fn error(&self) -> Option<&ConnError> {
        match self {
            Self::Impaired(error) | Self::Refused(error) | Self::Down { error, .. } => Some(error),
            Self::Connecting | Self::Up => None,
        }
    }

    /// Whether there is a connection.
    pub fn is_connected(&self) -> bool {
        matches!(self, Self::Up | Self::Impaired(_))
    }
}

/// What a server answers to `HELLO`.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Hello {
    /// Its version, as `7.0.15`.
    pub version: Clean,
    /// `standalone`, `cluster` or `sentinel`.
    pub mode: Clean,
    /// `master` or `replica`.
    pub role: Clean,
}
