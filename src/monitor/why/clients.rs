//! Who is connected to work on a queue (spec 3.14).

use std::time::{Duration, Instant};

use crate::conn::{Conn, ConnError, Request, Verb, text};
use crate::text::Clean;
use crate::wire::QueueId;
use crate::wire::client::{ClientLine, Role};
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
        workers: Vec<Client>,
        /// When they were listed.
        listed: Instant,
        /// Bytes of the whole list.
        bytes: usize,
    },
}

/// A worker's connection.
#[derive(Clone, PartialEq, Debug)]
pub struct Client {
    /// Its name, if it has one.
    pub name: Option<Clean>,
    /// Where it connects from.
    pub address: Clean,
    /// What it waits in, or last waited in.
    pub waits: Option<Waits>,
    /// It waits right now: it asks for work.
    pub idle: bool,
    /// Since when it is connected, seconds.
    pub age_s: u64,
}

impl Clients {
    /// The workers, where they are known.
    pub fn workers(&self) -> Option<&[Client]> {
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
    let reply = conn.call(Request::new(Verb::ClientList)).await?;
    let list = text(&reply).unwrap_or_default();
    let workers = workers(list, queue, conn.endpoint().db);
    Ok(Clients::Known { workers, listed: Instant::now(), bytes: list.len() })
}

/// The workers of a queue in one of the server's databases.
fn workers(list: &str, queue: &QueueId, db: i64) -> Vec<Client> {
    let names = queue.client_names();
    let mut found = Vec::new();
    for line in list.lines() {
        let client = ClientLine::parse(line);
        let (base, Role::Worker(name)) = client.role() else { continue };
        // A queue of the same name in another database is another queue.
        if client.db.is_some_and(|number| number != db)
            || !names.iter().any(|known| *known == base.as_bytes())
        {
            continue;
        }
        found.push(Client {
            name: name.map(Clean::line),
            address: Clean::line(client.addr),
            waits: client.waits(),
            idle: client.flags.contains('b') && client.waits().is_some(),
            age_s: client.age_s,
        });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Prefix, QueueName};

    #[test]
    fn only_workers_of_this_queue_and_database_count() {
        let line = |name: &str, db: u8, flags: &str, command: &str| {
            format!(
                "id=7 addr=127.0.0.1:5000 name={name} age=12 idle=3 flags={flags} db={db} cmd={command}\n"
            )
        };
        let list = [
            line("bull:cTE=", 0, "b", "bzpopmin"),
            line("bull:cTE=:w:pay-1", 0, "N", "bzpopmin"),
            line("bull:cTE=:qe", 0, "b", "xread"),
            line("bull:cTE=", 1, "b", "bzpopmin"),
            line("bull:cTI=", 0, "b", "bzpopmin"),
        ]
        .concat();
        let queue = QueueId::new(Prefix::default(), QueueName::legacy("q1"));
        let found = workers(&list, &queue, 0);
        assert_eq!(found.iter().map(|worker| worker.idle).collect::<Vec<_>>(), [true, false]);
        assert_eq!(found[1].name.as_ref().map(Clean::as_str), Some("pay-1"));
    }
}
