//! The read model at one moment.

use std::sync::Arc;

use super::marks::Marks;
use super::redis::RedisHealth;
use super::workers::Connected;
use crate::text::Clean;
use crate::wire::{Counts, Era, Prefix, QueueId};

/// Everything that the screens show of the server and its queues, at one moment.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// Counts up with each change.
    pub generation: u64,
    /// The queues, sorted by name. Rows that did not change are the same allocation as before.
    pub queues: Vec<Arc<QueueRow>>,
    /// How far finding queues has come.
    pub discovery: Discovery,
    /// The server's health, once it was read.
    pub redis: Option<Arc<RedisHealth>>,
    /// What happened to the server of late, oldest first.
    pub marks: Marks,
    /// Who is connected.
    pub connected: Connected,
    /// What we cost Redis.
    pub cost: Cost,
    /// Redis's clock minus this host's, ms.
    pub clock_offset_ms: i64,
    /// Features that this account may not use, in words, each once (`CLIENT LIST: not permitted`).
    pub refused: Vec<Clean>,
    /// Why queues are read less often than usual, while they are.
    pub slowed: Option<Clean>,
}

/// How far finding queues has come.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Discovery {
    /// Prefixes that are looked for; empty means any.
    pub prefixes: Vec<Prefix>,
    /// Keys seen in the pass under way.
    pub scanned: u64,
    /// Keys in the database, as far as known: what `scanned` will come to.
    pub keys: u64,
    /// One pass over all keys was finished (or none is needed).
    pub complete: bool,
    /// The list began with what was remembered of this endpoint.
    pub remembered: bool,
    /// SCAN is not permitted: only named queues can be shown.
    pub refused: bool,
}

/// What we cost Redis, over the last ten seconds.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Cost {
    /// Commands per second that we send.
    pub commands_per_s: f64,
    /// Bytes per second that we read.
    pub bytes_per_s: f64,
    /// Estimated share of one core of Redis (0 to 1): our commands by their measured cost.
    pub cpu: Option<f64>,
}

/// How many workers a queue has.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Workers {
    /// Not looked yet.
    #[default]
    Unknown,
    /// The account may not list clients.
    NotPermitted,
    /// So many connections of workers.
    Count(u32),
}

/// When a queue will be empty at the rates of late.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub enum Drain {
    /// Not known: not looked at for long enough, or too little moves to tell.
    #[default]
    Unknown,
    /// Nothing waits.
    Empty,
    /// In so many seconds.
    In(f64),
    /// Never: more comes in than goes out, and by more than chance.
    Growing,
    /// Something waits and nothing moves.
    Still,
}

/// Why the era of a queue is what it is.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct EraNote {
    /// The version that the queue names itself (`bullmq:6.7.0`).
    pub version: Option<Clean>,
    /// The evidence, in words.
    pub evidence: Vec<Clean>,
}

/// One queue.
#[derive(Clone, Debug, PartialEq)]
pub struct QueueRow {
    /// Which queue.
    pub id: QueueId,
    /// Its name, shown.
    pub name: Clean,
    /// Who writes it.
    pub era: Era,
    /// Why we think so.
    pub era_note: EraNote,
    /// Jobs by state.
    pub counts: Counts,
    /// wait + paused + prioritized + active + delayed + waiting-children, nothing twice.
    pub backlog: u64,
    /// The queue is paused.
    pub paused: bool,
    /// `wait` and `paused` both hold jobs: a foreign resume or pause may lose some (trap T1); or
    /// `paused` holds jobs and the queue is not paused: nobody takes them.
    pub split: bool,
    /// Global concurrency.
    pub concurrency: Option<u64>,
    /// Global rate limit: jobs, per ms.
    pub rate: Option<(u64, u64)>,
    /// The rate limit holds the queue for so many ms yet.
    pub limited_ms: Option<i64>,
    /// Schedulers and repeatables.
    pub schedulers: u64,
    /// Workers connected.
    pub workers: Workers,
    /// Jobs added per second.
    pub in_per_s: Option<f64>,
    /// Jobs finished per second.
    pub out_per_s: Option<f64>,
    /// Share of finished jobs that failed of late (0 to 1).
    pub failure_share: Option<f64>,
    /// Since when the next job could have run, ms since the epoch by Redis's clock.
    pub oldest_at: Option<i64>,
    /// When the first delayed job is due, ms since the epoch by Redis's clock.
    pub next_due_at: Option<i64>,
    /// When the oldest active job started, ms since the epoch by Redis's clock.
    pub oldest_active_at: Option<i64>,
    /// When it will be empty.
    pub drain: Drain,
    /// Rates of the past minutes, oldest first.
    pub history: Arc<[RatePoint]>,
    /// What happened of late, oldest first.
    pub marks: Marks,
    /// When each of [`Cell`] last changed, ms since the epoch by this host.
    pub changed_at: [i64; Cell::COUNT],
    /// When it was sampled, ms since the epoch by this host; 0 when it never was.
    pub sampled_at: i64,
    /// Counts up whenever something happened in the queue: pages that show it are out of date.
    pub touched: u64,
    /// Why it could not be read, if so.
    pub error: Option<Clean>,
    /// What else is to be known of its figures (`its events are too large to follow ..`).
    pub note: Option<Clean>,
}

/// Rates over one interval of the history.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct RatePoint {
    /// End of the interval, ms since the epoch by this host.
    pub at: i64,
    /// Jobs added per second.
    pub added: f32,
    /// Jobs finished per second.
    pub finished: f32,
    /// Jobs failed per second.
    pub failed: f32,
    /// Jobs waiting at its end.
    pub backlog: u32,
}

/// Cells of a queue's row that glow when they change.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "named after the columns")]
pub enum Cell {
    Waiting,
    Paused,
    Prioritized,
    Active,
    Delayed,
    Completed,
    Failed,
    WaitingChildren,
    State,
}

impl Cell {
    /// How many there are.
    pub const COUNT: usize = 9;
}

impl QueueRow {
    /// Jobs that would run now if there were workers enough and nothing held the queue back.
    pub fn ready(&self) -> u64 {
        self.counts.ready(self.era)
    }

    /// A queue of which only the name is known yet.
    pub fn found(id: QueueId) -> Self {
        let name = id.name.clean();
        Self {
            id,
            name,
            era: Era::Unknown,
            era_note: EraNote::default(),
            counts: Counts::default(),
            backlog: 0,
            paused: false,
            split: false,
            concurrency: None,
            rate: None,
            limited_ms: None,
            schedulers: 0,
            workers: Workers::Unknown,
            in_per_s: None,
            out_per_s: None,
            failure_share: None,
            oldest_at: None,
            next_due_at: None,
            oldest_active_at: None,
            drain: Drain::Unknown,
            history: Arc::from([]),
            marks: Marks::default(),
            changed_at: [0; Cell::COUNT],
            sampled_at: 0,
            touched: 0,
            error: None,
            note: None,
        }
    }
}
