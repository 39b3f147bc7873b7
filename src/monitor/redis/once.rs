//! One look at the server's health, for a command that prints and ends.

use super::RedisHealth;
use super::info::Info;
use crate::conn::{Conn, ConnError, Kind, Request, Verb, bytes};
use crate::monitor::health::slow;
use crate::text::Clean;

/// Slow log entries that are asked for.
const SLOW: u64 = 32;

/// What one `INFO` and the slow log tell, and the server's own figure of commands per second, ours
/// included. What takes two looks (rates, shares) is left empty.
pub async fn once(conn: &Conn) -> Result<(RedisHealth, u64), ConnError> {
    let reply = conn.call(Request::new(Verb::Info)).await?;
    let text = bytes(&reply).map(String::from_utf8_lossy).unwrap_or_default();
    let info = Info::parse(&text);
    let mut health = info.health(conn.endpoint().db);
    match conn.call(Request::new(Verb::SlowLogGet).arg(SLOW)).await {
        Ok(reply) => health.slow_log = Some(slow(&reply)),
        Err(error) if error.kind == Kind::Permission => {
            health.missing.push(Clean::from("SLOWLOG: not permitted"));
        }
        Err(error) => return Err(error),
    }
    Ok((health, info.number("instantaneous_ops_per_sec")))
}
