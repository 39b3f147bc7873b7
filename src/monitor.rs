//! Watching queues without weighing on Redis: discovery, sampling, event tails, history and the
//! read model. It never writes.
//!
//! State goes up as a picture: an [`Snapshot`] in a `watch` channel, newest wins. Interest goes
//! down as data: what the screen shows is kept fresh, the rest is swept.

mod budget;
pub mod clock;
mod core;
mod discover;
pub mod feed;
mod health;
pub mod interest;
mod link;
pub mod marks;
pub mod redis;
pub mod remembered;
mod series;
pub mod snapshot;
mod store;
mod tail;
pub mod why;
pub mod workers;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::conn::Conn;
use crate::wire::{Prefix, QueueId};

pub use clock::Clock;
pub use discover::find;
pub use feed::FeedEvent;
pub use interest::Interest;
pub use redis::RedisHealth;
pub use snapshot::{Cell, Cost, Discovery, Drain, EraNote, QueueRow, RatePoint, Snapshot, Workers};

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
    /// What was remembered of this server ([`remembered::load`]): shown at once, dropped where it is
    /// gone.
    pub remembered: Vec<QueueId>,
    /// Where to remember what is found.
    pub remember: Option<Remember>,
    /// The clock that the caller uses too.
    pub clock: Clock,
}

/// Where to remember the queues of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remember {
    /// The file, in the state folder; it holds several servers.
    pub file: PathBuf,
    /// The server, as [`crate::conn::Endpoint`] shows it: without secrets.
    pub server: String,
}

impl Remember {
    /// What is remembered; nothing where there is no such file.
    pub fn load(&self) -> Vec<QueueId> {
        remembered::load(&self.file, &self.server)
    }
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
    fresh: Arc<AtomicI64>,
    _tasks: JoinSet<()>,
}

impl MonitorHandle {
    /// When Redis was last heard of, ms since the epoch by this host; 0 is never. A picture in which
    /// nothing changes is not published anew: this tells that it is still true.
    pub fn fresh_at(&self) -> i64 {
        self.fresh.load(Ordering::Relaxed)
    }
}

impl Monitor {
    /// Starts watching. Needs a running tokio runtime; returns at once.
    pub fn start(conn: Conn, mut options: MonitorOptions) -> MonitorHandle {
        let (snapshot_tx, snapshots) = watch::channel(Arc::new(Snapshot::default()));
        let (interest, interest_rx) = watch::channel(Interest::default());
        let (feed_tx, feed) = mpsc::channel(FEED);
        let (to, inputs) = mpsc::channel(INPUTS);
        let (want, want_rx) = watch::channel(tail::Want::default());
        let fresh = Arc::new(AtomicI64::new(0));
        // Exact names alone need no search.
        let looks = options.names.is_empty() || !options.globs.is_empty();
        let search = discover::Search { prefixes: options.prefixes.clone(), globs: options.globs.clone() };
        let (remembered, elsewhere) = std::mem::take(&mut options.remembered)
            .into_iter()
            .partition(|queue| looks && search.wants(queue));
        options.remembered = remembered;
        if !looks || !options.globs.is_empty() {
            // What is found is a part: it must not replace the whole.
            options.remember = None;
        }
        let known = discover::Known::new(options.names.iter().chain(&options.remembered).cloned());
        let ends = core::Ends {
            interest: interest_rx.clone(),
            want,
            inputs,
            snapshots: snapshot_tx,
            fresh: fresh.clone(),
            known: known.clone(),
        };
        let mut tasks = JoinSet::new();
        tasks.spawn(core::Core::new(conn.clone(), &options, looks, elsewhere, ends).run());
        tasks.spawn(tail::Tail { conn: conn.clone(), want: want_rx, to: to.clone(), feed: feed_tx }.run());
        tasks.spawn(
            health::Health {
                conn: conn.clone(),
                clock: options.clock,
                interest: interest_rx.clone(),
                to: to.clone(),
            }
            .run(),
        );
        if looks {
            let remembered = !options.remembered.is_empty();
            tasks.spawn(discover::run(conn, search, remembered, known, interest_rx, to));
        }
        MonitorHandle { snapshots, interest, feed, fresh, _tasks: tasks }
    }
}
