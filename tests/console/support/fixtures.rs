//! Believable data.

use std::sync::Arc;

use toril::engine::read::page::{Brief, JobRow};
use toril::monitor::redis::{Clients, HealthPoint, Memory, Persistence, Replication, SlowEntry};
use toril::monitor::snapshot::{Cost, Discovery};
use toril::monitor::{Drain, FeedEvent, QueueRow, RedisHealth, Snapshot, Workers};
use toril::text::Clean;
use toril::wire::{Era, JobId, Prefix, QueueId, QueueName, Raw};

/// The test's clock: a Tuesday, ms since the epoch.
pub const NOW: i64 = 1_700_000_000_000;

/// A queue of era 5 that was read and is calm.
pub fn queue(name: impl AsRef<[u8]>) -> QueueRow {
    let id = QueueId::new(Prefix::default(), QueueName::legacy(name));
    let mut row = QueueRow::found(id);
    row.era = Era::V5;
    row.sampled_at = NOW - 100;
    row.workers = Workers::Count(2);
    row.counts.waiting = 4;
    row.counts.active = 2;
    row.counts.completed = 12_409;
    row.counts.failed = 3;
    row.backlog = 6;
    row.in_per_s = Some(2.2);
    row.out_per_s = Some(2.1);
    row.oldest_at = Some(NOW - 7000);
    row.drain = Drain::In(8.0);
    row
}

/// A server that is well.
pub fn health() -> RedisHealth {
    let curve = |i: i64, period: f64| (i as f64 / period).sin() / 2.0 + 0.5;
    let history = (0..240)
        .map(|i| HealthPoint {
            at: NOW - (240 - i) * 1000,
            used: (2_300_000_000.0 + curve(i, 40.0) * 300_000_000.0) as u64,
            hit_rate: (i > 20).then(|| 0.88 + curve(i, 17.0) * 0.1),
            ops_per_s: 1500.0 + curve(i, 11.0) * 900.0,
            clients: 110 + i.unsigned_abs() % 10,
            evicted_per_s: 0.0,
            expired_per_s: curve(i, 29.0) * 20.0,
            net_in_per_s: 400_000.0,
            net_out_per_s: 900_000.0,
            cpu: 0.08 + curve(i, 23.0) * 0.1,
        })
        .collect();
    RedisHealth {
        at: NOW - 300,
        version: Clean::line("7.0.15"),
        flavour: Clean::line("redis"),
        mode: Clean::line("standalone"),
        role: Clean::line("master"),
        run_id: Clean::line("3f0c"),
        uptime_s: 3 * 86_400 + 4 * 3600,
        memory: Memory {
            used: 2_600_000_000,
            peak: 2_700_000_000,
            max: 4 << 30,
            system: 16 << 30,
            rss: 2_900_000_000,
            fragmentation: 1.12,
            policy: Clean::line("noeviction"),
            full_in_s: None,
        },
        clients: Clients { connected: 118, blocked: 37, max: 10_000 },
        hit_rate: Some(0.941),
        ops_per_s: Some(2104.0),
        hits: 88_204_112,
        misses: 5_530_008,
        expired: 48_112,
        expired_per_s: 11.4,
        net_in_per_s: 412_000.0,
        net_out_per_s: 903_000.0,
        cpu: Some(0.12),
        keys: 1_204_331,
        expiring_keys: 210_004,
        persistence: Persistence {
            aof: false,
            aof_ok: true,
            rdb_ok: true,
            last_save_s: NOW / 1000 - 840,
            changes: 20_442,
            loading: false,
        },
        replication: Replication { replicas: 1, ..Replication::default() },
        slow_log: Some(
            [
                (90, 214_000, "EVALSHA 3f0c9a bull:email:wait bull:email:active", "mailer-7f9c"),
                (1800, 31_000, "ZRANGEBYSCORE bull:report:delayed 0 +inf", "10.0.0.12:51004"),
                (90_000, 12_400, "HGETALL bull:report:77", ""),
            ]
            .into_iter()
            .map(|(ago, took_us, command, client)| SlowEntry {
                at_s: NOW / 1000 - ago,
                took_us,
                command: Clean::line(command),
                client: Clean::line(client),
            })
            .collect(),
        ),
        command_mix: [
            ("evalsha", 812.4),
            ("get", 640.0),
            ("hget", 204.9),
            ("xadd", 180.2),
            ("bzpopmin", 90.0),
            ("set", 44.1),
            ("expire", 12.0),
            ("zadd", 4.4),
            ("ping", 0.3),
        ]
        .into_iter()
        .map(|(name, per_s)| (Clean::line(name), per_s))
        .collect(),
        history,
        ..RedisHealth::default()
    }
}

/// A snapshot of some queues, sorted by name, on a server that is well.
pub fn snapshot(mut queues: Vec<QueueRow>) -> Snapshot {
    queues.sort_by(|a, b| a.name.cmp(&b.name));
    Snapshot {
        generation: 1,
        queues: queues.into_iter().map(Arc::new).collect(),
        discovery: Discovery { complete: true, keys: 1_204_331, ..Discovery::default() },
        redis: Some(Arc::new(health())),
        cost: Cost { commands_per_s: 42.0, bytes_per_s: 12_000.0, cpu: Some(0.001) },
        ..Snapshot::default()
    }
}

/// An event of a queue; `n` makes its entry and its time.
pub fn event(queue: &str, n: i64, name: &str, job: Option<&str>, fields: &[(&str, &str)]) -> FeedEvent {
    FeedEvent {
        at: NOW + n,
        entry: Clean::line(format!("{}-0", NOW + n)),
        queue: QueueId::new(Prefix::default(), QueueName::legacy(queue)),
        event: Clean::line(name),
        job: job.map(JobId::new),
        fields: fields.iter().map(|(k, v)| (Raw::new(k), Raw::new(v))).collect(),
    }
}

/// A row of a list of jobs: one that ran and finished.
pub fn job(id: &str) -> JobRow {
    JobRow {
        id: JobId::new(id),
        shown_id: Clean::line(id),
        gone: false,
        name: Brief::Text(Clean::line("send")),
        reason: Brief::Text(Clean::line("timeout after 30 s")),
        progress: Brief::Absent,
        timestamp: Some(NOW - 9000),
        due_at: None,
        processed_on: Some(NOW - 8000),
        finished_on: Some(NOW - 7000),
        delay: None,
        priority: 0,
        attempts_made: 3,
        attempts_started: Some(3),
        worker: None,
        child: false,
        scheduled: false,
    }
}
