//! Workers by their connections (spec 3.14).

use std::collections::HashMap;

use crate::conn::{Conn, ConnError, Request, Verb, bytes};
use crate::text::Clean;
use crate::wire::QueueId;
use crate::wire::client::{ClientLine, Role};
use crate::wire::era::Waits;

/// A worker's connection. One connection is one worker object, whatever its concurrency; Bull 3 gives the same
/// name to producers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Connection {
    /// The server's number of it: never used twice while the server runs.
    pub id: u64,
    /// The worker's name, if it has one.
    pub name: Option<Clean>,
    /// Where it connects from.
    pub address: Clean,
    /// What it waits in while it is idle: the evidence of its era. A busy one shows nothing.
    pub waits: Option<Waits>,
    /// It waits in that right now: it asks for work.
    pub asks: bool,
    /// Seconds since it connected.
    pub age_s: u64,
    /// Seconds since its last command.
    pub idle_s: u64,
}

/// What the connections of a queue say at a glance.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Seen {
    /// Connections of workers.
    pub workers: u32,
    /// What idle ones wait in.
    pub waits: Option<Waits>,
    /// A `QueueScheduler` of BullMQ 1 is connected.
    pub scheduler_process: bool,
}

/// All connections that have the name of a worker.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Roster {
    /// By the name that the workers of a queue share.
    workers: HashMap<Vec<u8>, Vec<Connection>>,
    /// Names of which a `QueueScheduler` is connected.
    schedulers: Vec<Vec<u8>>,
    /// Of all clients of the server, the one with the most answers that it has not read.
    hoarder: Option<Hoarder>,
}

/// A client that does not read its answers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hoarder {
    /// Where it connects from.
    pub address: Clean,
    /// Its name; empty where it has none.
    pub name: Clean,
    /// Bytes of answers that wait for it in the server's memory.
    pub bytes: u64,
}

impl Roster {
    /// Reads the answer of `CLIENT LIST`; workers of other databases are left out.
    pub fn parse(list: &str, db: i64) -> Self {
        let mut roster = Self::default();
        for line in list.lines() {
            let client = ClientLine::parse(line);
            if client.unread > roster.hoarder.as_ref().map_or(0, |most| most.bytes) {
                roster.hoarder = Some(Hoarder {
                    address: Clean::line(client.addr),
                    name: Clean::line(client.name),
                    bytes: client.unread,
                });
            }
            if client.name.is_empty() || client.db.is_some_and(|there| there != db) {
                continue;
            }
            let (base, role) = client.role();
            match role {
                Role::Worker(name) => {
                    roster.workers.entry(base.as_bytes().to_vec()).or_default().push(Connection {
                        id: client.id,
                        name: name.map(Clean::line),
                        address: Clean::line(client.addr),
                        waits: client.waits(),
                        asks: client.flags.contains('b') && client.waits().is_some(),
                        age_s: client.age_s,
                        idle_s: client.idle_s,
                    });
                }
                Role::Scheduler => roster.schedulers.push(base.as_bytes().to_vec()),
                Role::Listener => {}
            }
        }
        roster
    }

    /// Takes over what an earlier look saw of connections that are busy now.
    pub fn remember(&mut self, before: &Self) {
        let known: HashMap<u64, Waits> =
            before.workers.values().flatten().filter_map(|one| Some((one.id, one.waits?))).collect();
        for one in self.workers.values_mut().flatten() {
            one.waits = one.waits.or_else(|| known.get(&one.id).copied());
        }
    }

    /// The workers of a queue, the oldest connection first.
    pub fn of(&self, queue: &QueueId) -> Vec<&Connection> {
        let mut found: Vec<&Connection> =
            queue.client_names().iter().filter_map(|name| self.workers.get(name)).flatten().collect();
        found.sort_by_key(|one| one.id);
        found
    }

    /// The same at a glance.
    pub fn seen(&self, queue: &QueueId) -> Seen {
        let mut seen = Seen::default();
        for name in queue.client_names() {
            for one in self.workers.get(&name).into_iter().flatten() {
                seen.workers += 1;
                seen.waits = one.waits.or(seen.waits);
            }
            seen.scheduler_process |= self.schedulers.contains(&name);
        }
        seen
    }

    /// The client with the most answers that it has not read, whoever it is; `None`: all read theirs.
    pub fn hoarder(&self) -> Option<&Hoarder> {
        self.hoarder.as_ref()
    }

    /// Whether the same workers are connected, and nothing more is known of any.
    pub fn is_as(&self, other: &Self) -> bool {
        let facts = |roster: &Self| {
            let all = roster.workers.values().flatten();
            let mut all: Vec<_> = all.map(|one| (one.id, one.waits.is_some())).collect();
            all.sort_unstable();
            all
        };
        facts(self) == facts(other)
    }
}

/// A worker of a queue.
#[derive(Clone, PartialEq, Debug)]
pub struct Listed {
    /// Whose worker.
    pub queue: QueueId,
    /// Its name, if it has one.
    pub name: Option<Clean>,
    /// Where it connects from.
    pub address: Clean,
    /// What it waits in, while it is idle: the evidence of its era.
    pub waits: Option<Waits>,
    /// Seconds since it connected.
    pub age_s: u64,
    /// Seconds since its last command.
    pub idle_s: u64,
}

/// Who is connected now. An account that may not list clients gets an error of the kind `permission`: then it is
/// unknown how many there are, not none.
pub async fn roster(conn: &Conn) -> Result<Roster, ConnError> {
    Ok(sized_roster(conn).await?.0)
}

/// The same with the size of the whole list in bytes, by which whoever asks often knows what it costs.
pub async fn sized_roster(conn: &Conn) -> Result<(Roster, usize), ConnError> {
    let reply = conn.call(Request::new(Verb::ClientList)).await?;
    // A name may be any bytes: one that is no text must not hide the others.
    let list = bytes(&reply).map(String::from_utf8_lossy).unwrap_or_default();
    Ok((Roster::parse(&list, conn.endpoint().db), list.len()))
}

/// Lists the workers of some queues; see [`roster`].
pub async fn workers(conn: &Conn, queues: &[QueueId]) -> Result<Vec<Listed>, ConnError> {
    let roster = roster(conn).await?;
    let listed = queues.iter().flat_map(|queue| {
        roster.of(queue).into_iter().map(|one| Listed {
            queue: queue.clone(),
            name: one.name.clone(),
            address: one.address.clone(),
            waits: one.waits,
            age_s: one.age_s,
            idle_s: one.idle_s,
        })
    });
    Ok(listed.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Prefix, QueueName};

    #[test]
    fn workers_are_found_by_their_queue_and_their_database() {
        let queue = QueueId::new(Prefix::default(), QueueName::legacy("q1"));
        let list = "id=9 addr=1.2.3.4:5 name=bull:cTE=:w:mail:er age=12 idle=3 db=0 cmd=bzpopmin\n\
                    id=7 addr=1.2.3.4:6 name=bull:cTE= age=90 idle=0 db=0 cmd=evalsha\n\
                    id=5 addr=1.2.3.4:7 name=bull:q1 age=5 idle=0 db=0 cmd=brpoplpush\n\
                    id=3 name=bull:cTE= db=1 cmd=bzpopmin\nid=2 name=bull:cTE=:qe db=0\nid=1 name=bull:cTE=:qs db=0\n";
        let roster = Roster::parse(list, 0);
        let found = roster.of(&queue);
        assert_eq!(found.iter().map(|one| one.id).collect::<Vec<_>>(), [5, 7, 9]);
        assert_eq!(found[2].name.as_ref().map(Clean::as_str), Some("mail:er"));
        let seen = roster.seen(&queue);
        assert_eq!((seen.workers, seen.scheduler_process), (3, true));
        assert_eq!(Roster::parse(list, 1).of(&queue).len(), 1);
    }

    #[test]
    fn what_a_busy_one_waited_in_is_remembered() {
        let queue = QueueId::new(Prefix::default(), QueueName::legacy("q1"));
        let line = |cmd: &str| Roster::parse(&format!("id=7 name=bull:cTE= db=0 cmd={cmd}\n"), 0);
        let (idle, mut busy) = (line("bzpopmin"), line("evalsha"));
        assert!(!idle.is_as(&busy));
        busy.remember(&idle);
        assert_eq!(busy.of(&queue)[0].waits, Some(Waits::BzPopMin));
        assert!(idle.is_as(&busy));
        assert!(!idle.is_as(&Roster::default()));
    }
}
