//! A monitor in a test: start it, wait for what should be seen.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use toril::conn::{Conn, Endpoint, Options};
use toril::monitor::{Clock, Interest, Monitor, MonitorHandle, MonitorOptions, QueueRow, Snapshot};
use toril::wire::{Prefix, QueueId, QueueName};

use crate::support::Server;

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(15);

/// A queue with the default prefix.
pub fn queue(name: &str) -> QueueId {
    QueueId::new(Prefix::default(), QueueName::legacy(name))
}

/// Options for exactly these queues.
pub fn exactly(names: &[&str]) -> MonitorOptions {
    MonitorOptions {
        prefixes: vec![Prefix::default()],
        names: names.iter().map(|name| queue(name)).collect(),
        globs: Vec::new(),
        remembered: Vec::new(),
        remember: None,
        clock: Clock::start(),
    }
}

/// A connection that may only read.
pub fn conn(server: &Server) -> Conn {
    Conn::start(Endpoint::unix(server.socket()), Options::default())
}

/// A monitor under test.
pub struct Watch {
    pub handle: MonitorHandle,
}

impl Watch {
    pub fn start(server: &Server, options: MonitorOptions) -> Self {
        Self { handle: Monitor::start(conn(server), options) }
    }

    pub fn look_at(&self, names: &[&str]) {
        let visible = names.iter().map(|name| queue(name)).collect();
        self.handle.interest.send_replace(Interest { visible, ..Interest::default() });
    }

    /// Waits for a snapshot that is as it should be.
    pub async fn until(&mut self, what: &str, good: impl Fn(&Snapshot) -> bool) -> Arc<Snapshot> {
        let end = Instant::now() + PATIENCE;
        loop {
            let now = self.handle.snapshots.borrow_and_update().clone();
            if good(&now) {
                return now;
            }
            let left = end.saturating_duration_since(Instant::now());
            assert!(
                tokio::time::timeout(left, self.handle.snapshots.changed()).await.is_ok(),
                "not seen in {PATIENCE:?}: {what}\n{}",
                told(&now)
            );
        }
    }
}

/// A picture in short, for a test that failed.
fn told(snapshot: &Snapshot) -> String {
    let mut text = format!("{:?} {:?} {:?}\n", snapshot.discovery, snapshot.cost, snapshot.slowed);
    for row in &snapshot.queues {
        let row = QueueRow { history: Arc::from([]), ..QueueRow::clone(row) };
        let _ = writeln!(text, "{row:?}");
    }
    let health = snapshot.redis.as_ref().map(|redis| (redis.at, redis.hit_rate, redis.ops_per_s));
    text + &format!("{health:?}")
}

/// The row of a queue.
pub fn row<'a>(snapshot: &'a Snapshot, name: &str) -> Option<&'a QueueRow> {
    snapshot.queues.iter().find(|row| row.name.as_str() == name).map(AsRef::as_ref)
}
