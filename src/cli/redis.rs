//! `toril redis`.

use std::time::Instant;

use serde::Serialize;

use super::failure::{Failure, exit};
use super::figures::{bytes, moment, span, thousands};
use super::session::Session;
use super::table::{Cell, Table, Tone};
use crate::conn::{Request, Verb};
use crate::monitor::RedisHealth;
use crate::monitor::redis::once;
use crate::text::Clean;

/// Round trips whose median is told.
const PINGS: usize = 5;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    version: &'a str,
    flavour: &'a str,
    mode: &'a str,
    role: &'a str,
    uptime_seconds: u64,
    memory: Memory<'a>,
    stats: Stats,
    clients: Clients,
    persistence: Persistence,
    keys: u64,
    expiring_keys: u64,
    latency_ms: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    slow_log: Option<Vec<Slow<'a>>>,
}

#[derive(Serialize)]
struct Memory<'a> {
    used: u64,
    peak: u64,
    /// 0 is no limit.
    max: u64,
    rss: u64,
    fragmentation: f64,
    policy: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Stats {
    hits: u64,
    misses: u64,
    /// Since the server's start; `null` before the first lookup.
    hit_rate: Option<f64>,
    ops_per_second: u64,
    evicted: u64,
    expired: u64,
}

#[derive(Serialize)]
struct Clients {
    connected: u64,
    blocked: u64,
    max: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Persistence {
    aof: bool,
    aof_ok: bool,
    rdb_ok: bool,
    last_save_at: i64,
    changes: u64,
    loading: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Slow<'a> {
    at: i64,
    took_us: u64,
    command: &'a str,
    client: &'a str,
}

/// Shows the health of the server.
pub async fn run(session: &mut Session) -> Result<u8, Failure> {
    let (health, ops) = once(&session.conn).await?;
    let health = health.masked(&session.settings.mask);
    let latency = latency(session).await?;
    let lookups = health.hits + health.misses;
    let rate = (lookups > 0).then(|| health.hits as f64 / lookups as f64);
    if session.json {
        let document = document(&health, ops, rate, latency);
        session.out.json(&document)?;
    } else {
        print(session, &health, ops, rate, latency)?;
    }
    Ok(exit::DONE)
}

/// Median of a few round trips, ms.
async fn latency(session: &Session) -> Result<f64, Failure> {
    let mut took = Vec::with_capacity(PINGS);
    for _ in 0..PINGS {
        let began = Instant::now();
        session.conn.call(Request::new(Verb::Ping)).await?;
        took.push(began.elapsed());
    }
    took.sort();
    let ms = took[PINGS / 2].as_secs_f64() * 1000.0;
    Ok((ms * 1000.0).round() / 1000.0)
}

fn document(
    health: &RedisHealth,
    ops_per_second: u64,
    hit_rate: Option<f64>,
    latency_ms: f64,
) -> Document<'_> {
    let (memory, clients, persistence) = (&health.memory, health.clients, &health.persistence);
    Document {
        version: health.version.as_str(),
        flavour: health.flavour.as_str(),
        mode: health.mode.as_str(),
        role: health.role.as_str(),
        uptime_seconds: health.uptime_s,
        memory: Memory {
            used: memory.used,
            peak: memory.peak,
            max: memory.max,
            rss: memory.rss,
            fragmentation: memory.fragmentation,
            policy: memory.policy.as_str(),
        },
        stats: Stats {
            hits: health.hits,
            misses: health.misses,
            hit_rate,
            ops_per_second,
            evicted: health.evicted,
            expired: health.expired,
        },
        clients: Clients { connected: clients.connected, blocked: clients.blocked, max: clients.max },
        persistence: Persistence {
            aof: persistence.aof,
            aof_ok: persistence.aof_ok,
            rdb_ok: persistence.rdb_ok,
            last_save_at: persistence.last_save_s * 1000,
            changes: persistence.changes,
            loading: persistence.loading,
        },
        keys: health.keys,
        expiring_keys: health.expiring_keys,
        latency_ms,
        slow_log: health.slow_log.as_ref().map(|entries| {
            entries
                .iter()
                .map(|slow| Slow {
                    at: slow.at_s * 1000,
                    took_us: slow.took_us,
                    command: slow.command.as_str(),
                    client: slow.client.as_str(),
                })
                .collect()
        }),
    }
}

fn print(
    session: &mut Session,
    health: &RedisHealth,
    ops: u64,
    rate: Option<f64>,
    latency: f64,
) -> Result<(), Failure> {
    let mut table = Table::new(&[]);
    let mut line = |name: &str, text: String, tone: Tone| {
        table.row(vec![Cell::word(name).tone(Tone::Head), Cell::text(Clean::line(text)).tone(tone)]);
    };
    let (memory, clients, saved) = (&health.memory, health.clients, &health.persistence);
    let up = span(i64::try_from(health.uptime_s).unwrap_or(0) * 1000);
    line(
        "server",
        format!("{} {} {} {}, up {up}", health.flavour, health.version, health.mode, health.role),
        Tone::Plain,
    );
    let (limit, tone) = match memory.max {
        0 => ("no limit".to_owned(), Tone::Plain),
        max => {
            let share = memory.used as f64 / max as f64;
            let tone = if share > 0.9 { Tone::Alert } else { Tone::Plain };
            (format!("{:.0} % of {}", share * 100.0, bytes(max)), tone)
        }
    };
    line(
        "memory",
        format!("{}, {limit}, peak {}, {}", bytes(memory.used), bytes(memory.peak), memory.policy),
        tone,
    );
    let rate = rate.map_or_else(|| "no lookups yet".to_owned(), |rate| format!("{:.1} % hits", rate * 100.0));
    line("lookups", format!("{rate} since the start"), Tone::Plain);
    line("load", format!("{} commands a second, {latency} ms a round trip", thousands(ops)), Tone::Plain);
    let connected = format!("{} of {}", thousands(clients.connected), thousands(clients.max));
    line("clients", format!("{connected}, {} blocked", thousands(clients.blocked)), Tone::Plain);
    line(
        "keys",
        format!(
            "{}, {} with a time to live; {} expired and {} evicted since the start",
            thousands(health.keys),
            thousands(health.expiring_keys),
            thousands(health.expired),
            thousands(health.evicted)
        ),
        if health.evicted > 0 { Tone::Alert } else { Tone::Plain },
    );
    let broken = !saved.rdb_ok || (saved.aof && !saved.aof_ok);
    line(
        "saved",
        format!(
            "{}, {} changes since; append-only file {}{}",
            moment(saved.last_save_s * 1000),
            thousands(saved.changes),
            if saved.aof { "on" } else { "off" },
            if broken { "; the last save FAILED" } else { "" }
        ),
        if broken { Tone::Alert } else { Tone::Plain },
    );
    for slow in health.slow_log.iter().flatten().take(10) {
        let took = milliseconds(slow.took_us);
        line("slow", format!("{}  {took}  {}", moment(slow.at_s * 1000), slow.command.cut(100)), Tone::Plain);
    }
    table.print(&mut session.out)?;
    for missing in &health.missing {
        session.warn(missing.clone());
    }
    Ok(())
}

/// `12.3 ms` of microseconds.
fn milliseconds(us: u64) -> String {
    format!("{:.1} ms", us as f64 / 1000.0)
}
