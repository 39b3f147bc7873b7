//! An application's cache beside the queues, so that the server's hit rate has something to tell.

use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval};

use super::rng::Rng;
use crate::conn::{Batch, Conn, ConnError, Request, Value, Verb};

/// Reads a second at rate 1, in batches of this many a second.
const READS: f64 = 350.0;
const BATCHES: u64 = 5;
/// Keys that are read: the more there are, the fewer are there. Their number rises and falls.
const KEYS: f64 = 900.0;
const WAVE: f64 = 210.0;

/// Reads and fills the cache for ever.
pub(super) async fn run(conn: Conn, rate: f64) {
    let mut rng = Rng::new(6, "cache");
    let began = Instant::now();
    let mut ticks = interval(Duration::from_millis(1000 / BATCHES));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        ticks.tick().await;
        let wave = (began.elapsed().as_secs_f64() / WAVE * std::f64::consts::TAU).sin();
        let keys = (KEYS * (1.2 + wave)) as u64;
        let reads = (READS * rate / BATCHES as f64).clamp(1.0, 5_000.0) as usize;
        let wanted: Vec<String> = (0..reads).map(|_| key(keys, &mut rng)).collect();
        // The next tick tries again.
        let _ = serve(&conn, &wanted, &mut rng).await;
    }
}

/// Few keys are read often and many are read seldom.
fn key(keys: u64, rng: &mut Rng) -> String {
    let n = (keys as f64 * rng.unit().powi(3)) as u64;
    match n % 5 {
        0 | 1 => format!("sess:{:016x}", n.wrapping_mul(0x9e37_79b9_7f4a_7c15)),
        2 => format!("rl:203.0.113.{}", n % 250),
        _ => format!("salon:{n}:profile"),
    }
}

async fn serve(conn: &Conn, wanted: &[String], rng: &mut Rng) -> Result<(), ConnError> {
    let mut reads = Batch::new();
    for key in wanted {
        reads.push(Request::new(Verb::Get).arg(key));
    }
    let found = conn.batch(&reads).await?;
    let mut writes = Batch::new();
    for (key, value) in wanted.iter().zip(found) {
        if value == Value::Nil {
            fill(&mut writes, key, rng);
        }
    }
    if !writes.is_empty() {
        conn.batch(&writes).await?;
    }
    Ok(())
}

fn fill(writes: &mut Batch, key: &str, rng: &mut Rng) {
    let (value, seconds) = if key.starts_with("rl:") {
        ("1".to_owned(), 20)
    } else if key.starts_with("sess:") {
        (format!("{{\"user\":\"{}\",\"csrf\":\"{}\"}}", rng.uuid(), rng.uuid()), rng.between(60, 180))
    } else {
        let opening = "mon-fri 09:00-19:00; sat 10:00-16:00; ".repeat(rng.between(4, 30) as usize);
        (format!("{{\"id\":\"{}\",\"opening\":\"{opening}\"}}", rng.uuid()), rng.between(40, 150))
    };
    writes.push(Request::new(Verb::Set).arg(key).arg(value).arg("EX").arg(seconds));
}
