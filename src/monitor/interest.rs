//! What should be kept fresh.

use crate::wire::QueueId;

/// What the screen shows, as data: the monitor fetches that and nothing else.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Interest {
    /// Queues on screen, in order: tailed and sampled at once when they move (at most 60 are
    /// tailed).
    pub visible: Vec<QueueId>,
    /// The server's health is on screen in full: sampled every second instead of every ten.
    pub redis: bool,
    /// The event feed is on screen: events of these queues (all known ones when empty).
    pub feed: Option<Vec<QueueId>>,
    /// Counts up when the user asks for everything to be read anew.
    pub refresh: u64,
    /// The queue that was acted on last, with a number that counts up: not every act leaves an
    /// event, and what it did should be seen at once.
    pub acted: Option<(u64, QueueId)>,
}
