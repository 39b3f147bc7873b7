//! What is measured.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use serde::Serialize;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::queue::BenchQueue;
use crate::cli::add::refused;
use crate::cli::failure::Failure;
use crate::conn::{Conn, ConnError, Request, Verb, text};
use crate::engine::{AddError, JobContext, JobError, JobOptions, Queue, Worker, WorkerOptions};

/// One measure.
#[derive(Clone, Copy, Debug)]
pub enum Measure {
    /// One producer that awaits each add.
    AddAwaited { jobs: u64 },
    /// Producers that share a connection.
    AddInFlight { jobs: u64, in_flight: usize },
    /// Bulks, one after the other.
    AddBulk { jobs: u64, size: usize },
    /// A worker whose handler does nothing.
    Work { jobs: u64, concurrency: usize, bulk: usize },
}

/// What came out.
#[derive(Serialize, Debug)]
#[serde(rename_all = "camelCase")]
pub struct Figure {
    pub name: String,
    pub jobs: u64,
    pub seconds: f64,
    pub per_second: f64,
    /// Growth of the server's CPU time; absent where it does not tell.
    #[serde(rename = "redisMicrosecondsPerJob", skip_serializing_if = "Option::is_none")]
    pub redis_us: Option<f64>,
}

/// A job's data, small as most are.
#[derive(Serialize)]
struct Data {
    i: u64,
}

impl Measure {
    fn name(self) -> String {
        match self {
            Self::AddAwaited { .. } => "add, awaited".to_owned(),
            Self::AddInFlight { in_flight, .. } => format!("add, {in_flight} in flight"),
            Self::AddBulk { size, .. } => format!("add, bulks of {size}"),
            Self::Work { concurrency, .. } => format!("work, {concurrency} at a time"),
        }
    }

    /// Prepares, warms up and measures; `None` where `stop` came between. Nothing of it runs on when it
    /// returns. The caller removes the queue.
    pub async fn run(self, queue: &BenchQueue, stop: &CancellationToken) -> Result<Option<Figure>, Failure> {
        let failed = |error: AddError| refused(&queue.id, error);
        // The scripts are known to the server then.
        let producer = queue.producer();
        producer.add("n", &Data { i: 0 }, JobOptions::default()).await.map_err(failed)?;
        let (jobs, before, began);
        match self {
            Self::AddAwaited { jobs: wanted } => {
                (jobs, before, began) = (wanted, cpu(&queue.conn).await?, Instant::now());
                for i in (0..jobs).take_while(|_| !stop.is_cancelled()) {
                    producer.add("n", &Data { i }, JobOptions::default()).await.map_err(failed)?;
                }
            }
            Self::AddInFlight { jobs: wanted, in_flight } => {
                (jobs, before, began) = (wanted, cpu(&queue.conn).await?, Instant::now());
                add_in_flight(&producer, jobs, in_flight, stop).await.map_err(failed)?;
            }
            Self::AddBulk { jobs: wanted, size } => {
                (jobs, before, began) = (wanted, cpu(&queue.conn).await?, Instant::now());
                add_bulk(&producer, jobs, size, stop).await.map_err(failed)?;
            }
            Self::Work { jobs: wanted, concurrency, bulk } => {
                add_bulk(&producer, wanted, bulk, stop).await.map_err(failed)?;
                // And the one from above.
                (jobs, before, began) = (wanted + 1, cpu(&queue.conn).await?, Instant::now());
                work(queue, jobs, concurrency, stop).await;
            }
        }
        let seconds = began.elapsed().as_secs_f64();
        let spent = before.zip(cpu(&queue.conn).await?).map(|(before, after)| after - before);
        Ok((!stop.is_cancelled()).then(|| Figure {
            name: self.name(),
            jobs,
            seconds,
            per_second: jobs as f64 / seconds,
            redis_us: spent.map(|seconds| seconds * 1e6 / jobs as f64),
        }))
    }
}

async fn add_in_flight(
    producer: &Queue,
    jobs: u64,
    in_flight: usize,
    stop: &CancellationToken,
) -> Result<(), AddError> {
    let next = Arc::new(AtomicU64::new(0));
    let mut producers = JoinSet::new();
    for _ in 0..in_flight {
        let (producer, next, stop) = (producer.clone(), next.clone(), stop.clone());
        producers.spawn(async move {
            loop {
                let i = next.fetch_add(1, Ordering::Relaxed);
                if i >= jobs || stop.is_cancelled() {
                    return Ok::<_, AddError>(());
                }
                producer.add("n", &Data { i }, JobOptions::default()).await?;
            }
        });
    }
    while let Some(ended) = producers.join_next().await {
        ended.unwrap_or(Ok(()))?;
    }
    Ok(())
}

async fn add_bulk(
    producer: &Queue,
    jobs: u64,
    size: usize,
    stop: &CancellationToken,
) -> Result<(), AddError> {
    let mut first = 0;
    while first < jobs && !stop.is_cancelled() {
        let end = jobs.min(first + size as u64);
        let bulk = (first..end).map(|i| ("n".to_owned(), Data { i }, JobOptions::default()));
        for added in producer.add_bulk(bulk).await? {
            added?;
        }
        first = end;
    }
    Ok(())
}

/// Runs all jobs; returns when the last handler has run and the worker has filed it.
async fn work(queue: &BenchQueue, jobs: u64, concurrency: usize, stop: &CancellationToken) {
    let options = WorkerOptions { concurrency, ..WorkerOptions::default() };
    let worker = Worker::new(queue.conn.clone(), queue.id.clone(), options);
    let (left, done) = (Arc::new(AtomicU64::new(jobs)), stop.child_token());
    let last = done.clone();
    let handler = move |_: JobContext| {
        if left.fetch_sub(1, Ordering::Relaxed) == 1 {
            last.cancel();
        }
        std::future::ready(Ok::<_, JobError>(()))
    };
    worker.run(handler, done).await;
}

/// CPU time of the server in seconds; `None` where it does not tell.
async fn cpu(conn: &Conn) -> Result<Option<f64>, ConnError> {
    let reply = conn.call(Request::new(Verb::Info).arg("cpu")).await?;
    let Some(info) = text(&reply) else { return Ok(None) };
    let field = |name: &str| {
        info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')?.trim().parse::<f64>().ok())
    };
    Ok(field("used_cpu_user").zip(field("used_cpu_sys")).map(|(user, sys)| user + sys))
}
