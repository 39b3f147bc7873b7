//! Who is connected, as the snapshot has it.

use std::sync::Arc;

use crate::engine::read::workers::Roster;

/// What is known of who is connected.
#[derive(Clone, Debug, Default)]
pub enum Connected {
    /// Not looked yet.
    #[default]
    Unknown,
    /// The account may not list clients.
    NotPermitted,
    /// Who is, as of a moment.
    Known {
        /// When it was read, ms since the epoch by this host.
        at: i64,
        /// Who.
        roster: Arc<Roster>,
    },
}

impl Connected {
    /// Who is connected, where that is known.
    pub fn roster(&self) -> Option<&Roster> {
        match self {
            Self::Known { roster, .. } => Some(roster),
            Self::Unknown | Self::NotPermitted => None,
        }
    }
}
