//! The server's own health.

pub(super) mod info;
mod once;

pub use once::once;

use crate::text::{Clean, Mask};

/// Figures of `INFO`, and what was made of two of them in a row.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct RedisHealth {
    /// When it was sampled, ms since the epoch by this host.
    pub at: i64,
    /// `redis_version` (or Valkey's).
    pub version: Clean,
    /// `redis`, `valkey`, ... as `server_name` tells; `redis` where it is silent.
    pub flavour: Clean,
    /// `standalone`, `cluster`, `sentinel`.
    pub mode: Clean,
    /// `master` or `slave`.
    pub role: Clean,
    /// `run_id`: a change means another server process.
    pub run_id: Clean,
    /// Seconds since the server started.
    pub uptime_s: u64,
    /// Bytes of memory.
    pub memory: Memory,
    /// Clients connected, blocked, and the limit.
    pub clients: Clients,
    /// Hits of all clients but ours in the last ten seconds as a share (0 to 1); `None` under 100
    /// lookups.
    pub hit_rate: Option<f64>,
    /// Commands per second of all clients but ours.
    pub ops_per_s: Option<f64>,
    /// Totals of hits and misses, ours included, as the server counts them.
    pub hits: u64,
    /// See `hits`.
    pub misses: u64,
    /// Keys evicted since the server's start, and per second.
    pub evicted: u64,
    /// Evictions per second.
    pub evicted_per_s: f64,
    /// Keys expired since the server's start.
    pub expired: u64,
    /// Expirations per second.
    pub expired_per_s: f64,
    /// Bytes read from the network per second.
    pub net_in_per_s: f64,
    /// Bytes written to the network per second.
    pub net_out_per_s: f64,
    /// Share of one core that the server takes (0 to 1 and above).
    pub cpu: Option<f64>,
    /// Keys of our database.
    pub keys: u64,
    /// Keys of our database with a time to live.
    pub expiring_keys: u64,
    /// Persistence: what it is and whether it works.
    pub persistence: Persistence,
    /// Replication.
    pub replication: Replication,
    /// Slow log, newest first; `None` where the account may not read it.
    pub slow_log: Option<Vec<SlowEntry>>,
    /// Commands by calls per second, most first.
    pub command_mix: Vec<(Clean, f64)>,
    /// Samples of the past, oldest first: for the charts.
    pub history: Vec<HealthPoint>,
    /// What of this could not be read, in words (`SLOWLOG: not permitted`).
    pub missing: Vec<Clean>,
}

impl RedisHealth {
    /// The same as it may be shown: secrets in the commands of the slow log are masked.
    #[must_use]
    pub fn masked(mut self, mask: &Mask) -> Self {
        for entry in self.slow_log.iter_mut().flatten() {
            entry.command = mask.clean(&entry.command);
        }
        self
    }
}

/// Memory figures, bytes.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Memory {
    /// In use.
    pub used: u64,
    /// Most ever in use.
    pub peak: u64,
    /// `maxmemory`; 0 is no limit.
    pub max: u64,
    /// The machine's memory, where the server tells.
    pub system: u64,
    /// Resident set.
    pub rss: u64,
    /// Fragmentation ratio.
    pub fragmentation: f64,
    /// `maxmemory_policy`.
    pub policy: Clean,
    /// Seconds until the limit at the growth of late; `None` when it does not grow.
    pub full_in_s: Option<u64>,
}

/// Client figures.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Clients {
    /// Connected.
    pub connected: u64,
    /// Waiting in a blocking command: idle workers among them.
    pub blocked: u64,
    /// `maxclients`.
    pub max: u64,
}

/// Persistence figures.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Persistence {
    /// The append-only file is on.
    pub aof: bool,
    /// The last write of the append-only file succeeded.
    pub aof_ok: bool,
    /// The last snapshot succeeded.
    pub rdb_ok: bool,
    /// When the last snapshot was saved, seconds since the epoch.
    pub last_save_s: i64,
    /// Changes since then.
    pub changes: u64,
    /// The server is loading its data.
    pub loading: bool,
}

/// Replication figures.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Replication {
    /// Replicas connected (of a master).
    pub replicas: u64,
    /// Whether the link to the master is up (of a replica).
    pub master_link_up: bool,
    /// The master's address (of a replica).
    pub master: Clean,
}

/// An entry of the slow log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SlowEntry {
    /// When, seconds since the epoch.
    pub at_s: i64,
    /// How long, microseconds.
    pub took_us: u64,
    /// The command, cut.
    pub command: Clean,
    /// Who sent it: client name or address.
    pub client: Clean,
}

/// One sample of the past.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct HealthPoint {
    /// When, ms since the epoch.
    pub at: i64,
    /// Memory used, bytes.
    pub used: u64,
    /// Hit share (0 to 1), where there was enough to tell.
    pub hit_rate: Option<f64>,
    /// Commands per second.
    pub ops_per_s: f64,
    /// Clients connected.
    pub clients: u64,
    /// Evictions per second.
    pub evicted_per_s: f64,
    /// Expirations per second.
    pub expired_per_s: f64,
    /// Bytes in per second.
    pub net_in_per_s: f64,
    /// Bytes out per second.
    pub net_out_per_s: f64,
    /// Share of a core.
    pub cpu: f64,
}
