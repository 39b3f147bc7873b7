//! Who works: `CLIENT LIST` by queue (spec 3.14).

use std::collections::HashMap;

use crate::wire::QueueId;
use crate::wire::client::{ClientLine, Role};
use crate::wire::era::Waits;

/// What was seen of a queue's connections.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Seen {
    /// Connections of workers.
    pub workers: u32,
    /// What idle ones wait in.
    pub waits: Option<Waits>,
    /// A `QueueScheduler` is connected.
    pub scheduler_process: bool,
}

/// All connections of workers, by the name they share.
#[derive(Clone, Debug, Default)]
pub(super) struct Roster(HashMap<Vec<u8>, Seen>);

impl Roster {
    /// Reads the answer of `CLIENT LIST`.
    pub fn parse(list: &str) -> Self {
        let mut by_name: HashMap<Vec<u8>, Seen> = HashMap::new();
        for line in list.lines() {
            let client = ClientLine::parse(line);
            if client.name.is_empty() {
                continue;
            }
            let (base, role) = client.role();
            let seen = by_name.entry(base.as_bytes().to_vec()).or_default();
            match role {
                Role::Worker(_) => {
                    seen.workers += 1;
                    seen.waits = client.waits().or(seen.waits);
                }
                Role::Scheduler => seen.scheduler_process = true,
                Role::Listener => {}
            }
        }
        Self(by_name)
    }

    /// What was seen of a queue.
    pub fn of(&self, queue: &QueueId) -> Seen {
        let mut all = Seen::default();
        for name in queue.client_names() {
            if let Some(seen) = self.0.get(&name) {
                all.workers += seen.workers;
                all.waits = seen.waits.or(all.waits);
                all.scheduler_process |= seen.scheduler_process;
            }
        }
        all
    }
}
