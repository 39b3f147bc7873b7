//! Resting between two round trips, so that all that is read takes its share of Redis and no more.

use std::time::{Duration, Instant};

use crate::conn::{Batch, Conn, ConnError, Value};

/// What a plain command on a small key costs Redis, measured in pipelines.
const COMMAND: Duration = Duration::from_nanos(1_500);
/// Bytes of replies a second (decisions, section 3).
const BYTES: f64 = 256.0 * 1024.0;
/// It rests no longer, however large a reply was: whoever reads payloads asks for less at once.
const LONGEST: Duration = Duration::from_secs(10);

/// A connection that rests.
#[derive(Clone, Copy, Debug)]
pub(super) struct Paced<'a> {
    pub conn: &'a Conn,
    share: f64,
}

impl<'a> Paced<'a> {
    pub fn new(conn: &'a Conn, share: f64) -> Self {
        Self { conn, share }
    }

    /// One round trip, and the rest after it.
    pub async fn batch(&self, batch: &Batch) -> Result<Vec<Value>, ConnError> {
        let cost = COMMAND * u32::try_from(batch.len()).unwrap_or(u32::MAX);
        self.costly(batch, cost).await
    }

    /// The same with what it costs Redis.
    pub async fn costly(&self, batch: &Batch, cost: Duration) -> Result<Vec<Value>, ConnError> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        let began = Instant::now();
        let replies = self.conn.batch(batch).await?;
        self.rest(began, cost, replies.iter().map(size).sum()).await;
        Ok(replies)
    }

    /// The rest after what began then, cost Redis so much, and brought so many bytes.
    pub async fn rest(&self, began: Instant, cost: Duration, bytes: usize) {
        if self.share < 1.0 {
            let core = cost.as_secs_f64() / self.share.max(0.0001);
            let wanted = core.max(bytes as f64 / BYTES);
            let rest =
                Duration::try_from_secs_f64(wanted).unwrap_or_default().saturating_sub(began.elapsed());
            // Timers are not finer than a millisecond; what is below comes with the next batch.
            if rest >= Duration::from_millis(1) {
                tokio::time::sleep(rest.min(LONGEST)).await;
            }
        }
    }
}

fn size(value: &Value) -> usize {
    match value {
        Value::BulkString(bytes) => bytes.len() + 8,
        Value::Array(items) | Value::Set(items) => items.iter().map(size).sum::<usize>() + 6,
        Value::Map(pairs) => pairs.iter().map(|(key, value)| size(key) + size(value)).sum(),
        _ => 6,
    }
}
