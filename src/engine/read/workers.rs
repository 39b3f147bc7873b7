//! Workers by their connections (spec 3.14).

use std::collections::HashMap;

use crate::conn::{Conn, ConnError, Request, Verb, text};
use crate::text::Clean;
use crate::wire::QueueId;
use crate::wire::client::{ClientLine, Role};
use crate::wire::era::Waits;

/// A worker's connection.
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

/// Lists the workers of some queues. An account that may not list clients gets an error of the kind
/// `permission`: then it is unknown how many there are, not none.
///
/// A connection is one worker object, not its concurrency; Bull 3 gives the same name to producers.
pub async fn workers(conn: &Conn, queues: &[QueueId]) -> Result<Vec<Listed>, ConnError> {
    let reply = conn.call(Request::new(Verb::ClientList)).await?;
    let names: HashMap<Vec<u8>, &QueueId> =
        queues.iter().flat_map(|queue| queue.client_names().map(|name| (name, queue))).collect();
    let mut found = Vec::new();
    for line in text(&reply).unwrap_or_default().lines() {
        let client = ClientLine::parse(line);
        let (base, Role::Worker(name)) = client.role() else { continue };
        let Some(queue) = names.get(base.as_bytes()) else { continue };
        found.push(Listed {
            queue: (*queue).clone(),
            name: name.map(Clean::line),
            address: Clean::line(client.addr),
            waits: client.waits(),
            age_s: client.age_s,
            idle_s: client.idle_s,
        });
    }
    Ok(found)
}
