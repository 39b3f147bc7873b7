//! The server, as far as it holds queues up.

use std::time::Instant;

use crate::conn::{Conn, ConnError, Kind, Request, Verb, bytes};
use crate::monitor::RedisHealth;
use crate::monitor::health::slow;
use crate::monitor::redis::info::Info;
use crate::text::Clean;

/// Entries of the slow log that are looked at.
const SLOW: u64 = 32;
/// Round trips of which the shortest is told.
const PINGS: usize = 3;

/// What the server says of itself, and how long a round trip takes.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Server {
    /// `INFO` and the slow log; `None`: not permitted.
    pub health: Option<RedisHealth>,
    /// Seconds of CPU that it took since its start.
    pub cpu_s: f64,
    /// The shortest of three round trips from here, ms.
    pub round_trip_ms: Option<f64>,
}

/// Reads it; what is not permitted is told beside it.
pub(super) async fn read(conn: &Conn) -> Result<(Server, Vec<Clean>), ConnError> {
    let reply = conn.call(Request::new(Verb::Info)).await?;
    let text = bytes(&reply).map(String::from_utf8_lossy).unwrap_or_default();
    let info = Info::parse(&text);
    let mut health = info.health(conn.endpoint().db);
    let mut missing = Vec::new();
    match conn.call(Request::new(Verb::SlowLogGet).arg(SLOW)).await {
        Ok(reply) => health.slow_log = Some(slow(&reply)),
        Err(error) if matches!(error.kind, Kind::Permission | Kind::Reply) => {
            missing.push(Clean::line("slow commands: SLOWLOG is not permitted"));
        }
        Err(error) => return Err(error),
    }
    let mut shortest = None;
    for _ in 0..PINGS {
        let began = Instant::now();
        // A server that cannot save refuses even PING.
        conn.call(Request::new(Verb::Time)).await?;
        let took = began.elapsed().as_secs_f64() * 1000.0;
        shortest = Some(shortest.map_or(took, |other: f64| other.min(took)));
    }
    Ok((Server { cpu_s: info.cpu_s(), health: Some(health), round_trip_ms: shortest }, missing))
}
