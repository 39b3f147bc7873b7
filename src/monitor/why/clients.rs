//! Who is connected to work on a queue (spec 3.14).

use std::time::{Duration, Instant};

use crate::conn::{Conn, ConnError};
use crate::engine::read::workers::{Connection, sized_roster};
use crate::wire::QueueId;
use crate::wire::era::Waits;

/// A list of up to so many bytes is asked for with every look; a longer one is kept for as long as makes
/// so many bytes a second of it ..
const BYTES: usize = 64 << 10;
/// .. and no longer than this.
const KEPT: Duration = Duration::from_secs(10);

/// The workers of a queue.
#[derive(Clone, PartialEq, Debug, Default)]
pub enum Clients {
    /// The account may not list clients.
    #[default]
    NotPermitted,
    /// These; perhaps none.
    Known {
        /// One a connection: a worker object, not its concurrency.
        workers: Vec<Connection>,
        /// When they were listed.
        listed: Instant,
        /// Bytes of the whole list.
        bytes: usize,
    },
}

impl Clients {
    /// The workers, where they are known.
    pub fn workers(&self) -> Option<&[Connection]> {
        match self {
            Self::NotPermitted => None,
            Self::Known { workers, .. } => Some(workers),
        }
    }

    /// What they wait in: the evidence of their era.
    pub fn waits(&self) -> Option<Waits> {
        self.workers()?.iter().rev().find_map(|worker| worker.waits)
    }
}

/// Lists the workers of a queue.
pub(super) async fn read(
    conn: &Conn,
    queue: &QueueId,
    before: Option<&Clients>,
) -> Result<Clients, ConnError> {
    if let Some(Clients::Known { listed, bytes, .. }) = before
        && listed.elapsed() < Duration::from_secs((bytes / BYTES) as u64).min(KEPT)
    {
        return Ok(before.cloned().unwrap_or_default());
    }
    let (roster, bytes) = sized_roster(conn).await?;
    let workers = roster.of(queue).into_iter().cloned().collect();
    Ok(Clients::Known { workers, listed: Instant::now(), bytes })
}
