//! The measures with BullMQ's own Rust port, `bullmq-official`; see ../../README.md.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bullmq::options::RedisConnectionOptions;
use bullmq::worker::CancellationToken;
use bullmq::{BulkJob, Error, Job, Queue, QueueOptions, Worker, WorkerOptions};
use serde_json::{Value, json};

#[path = "../../protocol.rs"]
mod protocol;
use protocol::{Countdown, Wanted, done, ready};

#[tokio::main]
async fn main() -> Result<(), Error> {
    let Some(wanted) = Wanted::of_process() else { return Ok(()) };
    let jobs = wanted.jobs;
    match wanted.measure.as_str() {
        "add" => {
            let (warm, queue) = (queue(&wanted, "warm").await?, queue(&wanted, "bench").await?);
            add(warm, 2_000, wanted.concurrency).await?;
            ready().await;
            add(queue, jobs, wanted.concurrency).await?;
            done().await;
        }
        "bulk" => {
            let (warm, queue) = (queue(&wanted, "warm").await?, queue(&wanted, "bench").await?);
            bulk(&warm, 5_000, wanted.concurrency).await?;
            ready().await;
            bulk(&queue, jobs, wanted.concurrency).await?;
            done().await;
        }
        "work" => {
            let (warm, queue) = (queue(&wanted, "warm").await?, queue(&wanted, "bench").await?);
            bulk(&warm, 2_000, 1_000).await?;
            bulk(&queue, jobs, 1_000).await?;
            work(&wanted, "warm", 2_000).await?.close(5_000).await?;
            ready().await;
            let worker = work(&wanted, "bench", jobs).await?;
            done().await;
            worker.close(5_000).await?;
        }
        _ => {
            bulk(&*queue(&wanted, "bench").await?, 1, 1).await?;
            ready().await;
            let worker = worker(&wanted, "bench", Countdown::new(1)).await?;
            done().await;
            worker.close(5_000).await?;
        }
    }
    Ok(())
}

fn connection(wanted: &Wanted) -> RedisConnectionOptions {
    RedisConnectionOptions::new().url(format!("redis://127.0.0.1:{}", wanted.port))
}

async fn queue(wanted: &Wanted, name: &str) -> Result<Arc<Queue>, Error> {
    let options = QueueOptions::new().connection(connection(wanted));
    Ok(Arc::new(Queue::with_options(name, options).await?))
}

async fn add(queue: Arc<Queue>, jobs: u64, in_flight: usize) -> Result<(), Error> {
    if in_flight == 1 {
        for i in 0..jobs {
            queue.add("n", json!({ "i": i })).await?;
        }
        return Ok(());
    }
    let next = Arc::new(AtomicU64::new(0));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..in_flight {
        let (queue, next) = (queue.clone(), next.clone());
        tasks.spawn(async move {
            loop {
                let i = next.fetch_add(1, Ordering::Relaxed);
                if i >= jobs {
                    return Ok::<_, Error>(());
                }
                queue.add("n", json!({ "i": i })).await?;
            }
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended.expect("no panic")?;
    }
    Ok(())
}

async fn bulk(queue: &Queue, jobs: u64, size: usize) -> Result<(), Error> {
    let mut next = 0;
    while next < jobs {
        let end = jobs.min(next + size as u64);
        let added =
            queue.add_bulk((next..end).map(|i| BulkJob::new("n", json!({ "i": i }))).collect()).await?;
        assert_eq!(added.len() as u64, end - next);
        next = end;
    }
    Ok(())
}

async fn worker(wanted: &Wanted, queue: &str, count: Arc<Countdown>) -> Result<Worker, Error> {
    let options = WorkerOptions {
        connection: connection(wanted),
        concurrency: wanted.concurrency,
        ..WorkerOptions::default()
    };
    let handler = move |_job: Job, _cancel: CancellationToken| {
        let count = count.clone();
        async move {
            count.one();
            Ok(Value::Null)
        }
    };
    Worker::with_options(queue, handler, options).await
}

async fn work(wanted: &Wanted, queue: &str, jobs: u64) -> Result<Worker, Error> {
    let count = Countdown::new(jobs);
    let worker = worker(wanted, queue, count.clone()).await?;
    count.wait().await;
    Ok(worker)
}
