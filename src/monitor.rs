//! Watching queues without weighing on Redis: discovery, sampling, event tails, history and the
//! read model. It never writes.
//!
//! State goes up as a picture: an [`Snapshot`] in a `watch` channel, newest wins. Interest goes
//! down as data: what the screen shows is kept fresh, the rest is swept.

pub mod clock;
mod core;
pub mod feed;
pub mod interest;
pub mod redis;
mod series;
pub mod snapshot;
mod store;
mod workers;

use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::conn::Conn;
use crate::wire::{Prefix, QueueId};

pub use clock::Clock;
pub use feed::FeedEvent;
pub use interest::Interest;
pub use redis::RedisHealth;
pub use snapshot::{Discovery, Drain, QueueRow, Snapshot, Workers};

/// Events that wait for the Events screen before the feed stops reading.
const FEED: usize = 64;
/// Messages between the monitor's tasks.
const INPUTS: usize = 64;

/// What to watch.
#[derive(Clone, Debug)]
pub struct MonitorOptions {
    /// Prefixes to look for; empty means any.
    pub prefixes: Vec<Prefix>,
    /// Queues named exactly: shown at once and always, whether they exist or not.
    pub names: Vec<QueueId>,
    /// Patterns for the names of queues to be found (`*` and `?`); empty, with `names` given, means that
    /// nothing is looked for.
    pub globs: Vec<String>,
    /// What was remembered of this server: shown at once, dropped where it is gone.
    pub remembered: Vec<QueueId>,
    /// The clock that the caller uses too.
    pub clock: Clock,
}

/// The watcher of one server.
#[derive(Debug)]
pub struct Monitor;

/// A running monitor; dropping it ends its tasks.
#[derive(Debug)]
pub struct MonitorHandle {
    /// The newest picture.
    pub snapshots: watch::Receiver<Arc<Snapshot>>,
    /// What should be kept fresh.
    pub interest: watch::Sender<Interest>,
    /// Events of the queues that [`Interest::feed`] names, in bunches.
    pub feed: mpsc::Receiver<Vec<FeedEvent>>,
    _tasks: JoinSet<()>,
}

impl Monitor {
    /// Starts watching. Needs a running tokio runtime; returns at once.
    pub fn start(conn: Conn, options: MonitorOptions) -> MonitorHandle {
        let (snapshot_tx, snapshots) = watch::channel(Arc::new(Snapshot::default()));
        let (interest, interest_rx) = watch::channel(Interest::default());
        let (feed_tx, feed) = mpsc::channel(FEED);
        let (input_tx, input_rx) = mpsc::channel(INPUTS);
        let mut tasks = JoinSet::new();
        let core = core::Core::new(conn, &options, interest_rx, input_rx, snapshot_tx);
        tasks.spawn(async move {
            let _keep = (feed_tx, input_tx);
            core.run().await;
        });
        MonitorHandle { snapshots, interest, feed, _tasks: tasks }
    }
}
