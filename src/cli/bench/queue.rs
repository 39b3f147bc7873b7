//! A queue that nobody else knows, and its removal.

use uuid::Uuid;

use crate::cli::failure::Failure;
use crate::conn::{Batch, Conn, ConnError, Request, Verb, integer, text};
use crate::engine::Queue;
use crate::wire::{JobId, Prefix, QueueId, QueueName};

/// Keys in one `UNLINK`, and such commands in one round trip.
const UNLINKED: i64 = 250;
const BATCH: usize = 20;

/// The keys that belong to a queue itself.
const OWN: [&str; 17] = [
    "id",
    "meta",
    "wait",
    "paused",
    "active",
    "delayed",
    "prioritized",
    "pc",
    "completed",
    "failed",
    "waiting-children",
    "marker",
    "events",
    "stalled",
    "stalled-check",
    "limiter",
    "repeat",
];

/// A queue of a random name.
#[derive(Debug)]
pub struct BenchQueue {
    pub conn: Conn,
    pub id: QueueId,
}

impl BenchQueue {
    /// A name that no queue has. Writes nothing.
    pub fn new(conn: &Conn, prefix: &Prefix) -> Result<Self, Failure> {
        let name = QueueName::new(format!("toril-bench-{}", Uuid::new_v4().simple()))
            .map_err(|error| Failure::internal(error.to_string(), ""))?;
        Ok(Self { conn: conn.clone(), id: QueueId::new(prefix.clone(), name) })
    }

    pub fn producer(&self) -> Queue {
        Queue::new(self.conn.clone(), self.id.clone())
    }

    /// Removes the queue, some thousand keys at a time. Its jobs have the ids that its counter gave.
    pub async fn remove(&self) -> Result<(), Failure> {
        self.unlink().await.map_err(|error| {
            let cause = format!("{} could not be removed: {}", self.id.clean(), error.message);
            Failure::from(ConnError { message: crate::text::Clean::line(cause), ..error })
                .with_hint("its keys begin with that name; remove them when the server is back")
        })
    }

    async fn unlink(&self) -> Result<(), ConnError> {
        let counter = self.conn.call(Request::new(Verb::Get).arg(self.id.key("id"))).await?;
        let last = integer(&counter).or_else(|| text(&counter)?.parse().ok()).unwrap_or(0);
        let mut next = 1;
        while next <= last {
            let mut batch = Batch::new();
            for _ in 0..BATCH {
                let mut unlink = Request::new(Verb::Unlink);
                let end = last.min(next + UNLINKED - 1);
                if next > end {
                    break;
                }
                for id in next..=end {
                    unlink = unlink.arg(self.id.job(&JobId::new(id.to_string())));
                }
                batch.push(unlink);
                next = end + 1;
            }
            for reply in self.conn.batch(&batch).await? {
                ConnError::check(reply)?;
            }
        }
        // The counter last: as long as it is there, a removal that failed can be told from one that did not.
        let own = OWN.iter().fold(Request::new(Verb::Unlink), |unlink, key| unlink.arg(self.id.key(key)));
        self.conn.call(own).await.map(drop)
    }
}
