// What a measured program says and is told; both Rust programs include this file.
//
// `PROGRAM PORT MEASURE JOBS CONCURRENCY`: it prepares itself and says `ready`; at a line on stdin it
// does the measured work and says `done`; at the end of stdin it ends.

use std::io::{BufRead as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What is to be measured.
pub struct Wanted {
    pub port: u16,
    /// `add`, `bulk`, `work` or `idle`.
    pub measure: String,
    pub jobs: u64,
    /// Adds in flight, jobs in a bulk, or the worker's concurrency.
    pub concurrency: usize,
}

impl Wanted {
    /// From the arguments; `None` where there are none to understand.
    pub fn of_process() -> Option<Self> {
        let mut args = std::env::args().skip(1).filter(|arg| arg != "--bench");
        Some(Self {
            port: args.next()?.parse().ok()?,
            measure: args.next()?,
            jobs: args.next()?.parse().ok()?,
            concurrency: args.next()?.parse().ok()?,
        })
    }
}

/// Says that the program is prepared and waits for the start.
pub async fn ready() {
    say("ready");
    tokio::task::spawn_blocking(|| {
        let _ = std::io::stdin().lock().read_line(&mut String::new());
    })
    .await
    .ok();
}

/// Says that the work is done and waits for the end.
pub async fn done() {
    say("done");
    tokio::task::spawn_blocking(|| {
        while std::io::stdin().lock().read_line(&mut String::new()).is_ok_and(|n| n > 0) {}
    })
    .await
    .ok();
}

fn say(word: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{word}");
    let _ = out.flush();
}

/// Counts down to the last job.
pub struct Countdown {
    left: AtomicU64,
    last: tokio::sync::Notify,
}

impl Countdown {
    pub fn new(jobs: u64) -> Arc<Self> {
        Arc::new(Self { left: AtomicU64::new(jobs), last: tokio::sync::Notify::new() })
    }

    pub fn one(&self) {
        if self.left.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.last.notify_one();
        }
    }

    pub async fn wait(&self) {
        self.last.notified().await;
    }
}
