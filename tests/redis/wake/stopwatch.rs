//! Times of many events, and what they say.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::Value;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use toril::engine::{JobContext, Worker, WorkerOptions};

use crate::engine::ours::{Ours, queue_id};

/// Durations, sorted.
pub struct Times(Vec<Duration>);

impl Times {
    pub fn new(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        Self(times)
    }

    /// The one below which this share is.
    pub fn share(&self, share: f64) -> Duration {
        self.0[((self.0.len() - 1) as f64 * share) as usize]
    }

    pub fn longest(&self) -> Duration {
        self.share(1.0)
    }
}

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [half, nine, most, all] =
            [0.5, 0.9, 0.99, 1.0].map(|share| self.share(share).as_micros() as f64 / 1000.0);
        write!(f, "p50 {half:.1} ms, p90 {nine:.1}, p99 {most:.1}, longest {all:.1} ({} times)", self.0.len())
    }
}

/// Now, ms since the epoch: the test's clock is its server's.
pub fn now_ms() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64() * 1000.0
}

/// A worker whose handler notes when it is called, with the field `at` of the job's data.
pub struct Noting {
    stop: CancellationToken,
    task: JoinHandle<()>,
    noted: Arc<Mutex<Vec<(Instant, f64, f64)>>>,
}

impl Noting {
    pub fn start(ours: &Ours, queue: &str, options: WorkerOptions, takes: Duration) -> Self {
        let (stop, noted) = (CancellationToken::new(), Arc::new(Mutex::new(Vec::new())));
        let sink = noted.clone();
        let worker = Worker::new(ours.conn.clone(), queue_id(queue), options);
        let handler = move |job: JobContext| {
            let sink = sink.clone();
            async move {
                let (instant, now) = (Instant::now(), now_ms());
                let data: Value = job.data()?;
                sink.lock().unwrap().push((instant, now, data["at"].as_f64().unwrap_or(0.0)));
                if !takes.is_zero() {
                    tokio::time::sleep(takes).await;
                }
                Ok(())
            }
        };
        let task = ours.runtime.spawn(worker.run(handler, stop.clone()));
        Self { stop, task, noted }
    }

    pub fn count(&self) -> usize {
        self.noted.lock().unwrap().len()
    }

    /// When the handler was called.
    pub fn starts(&self) -> Vec<Instant> {
        self.noted.lock().unwrap().iter().map(|(at, ..)| *at).collect()
    }

    /// How late each call was behind its job's `at`, in ms; negative is early.
    pub fn late(&self) -> Vec<f64> {
        self.noted.lock().unwrap().iter().map(|(_, now, at)| now - at).collect()
    }

    pub fn stop(self, ours: &Ours) {
        self.stop.cancel();
        ours.wait(self.task).unwrap();
    }

    /// Ends it as a kill does.
    pub fn kill(self, ours: &Ours) {
        self.task.abort();
        assert!(ours.wait(self.task).is_err());
    }
}

/// The pauses between one start and the next.
pub fn gaps(starts: &[Instant]) -> Times {
    Times::new(starts.windows(2).map(|two| two[1].saturating_duration_since(two[0])).collect())
}
