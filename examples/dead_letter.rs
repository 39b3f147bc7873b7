//! Dead letters: jobs that cannot be done wait in a queue of their own until the cause is mended.
//!
//! `REDIS_URL=redis://127.0.0.1:6379 cargo run --example dead_letter`
#![allow(clippy::print_stdout)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use toril::conn::{Access, Conn, Endpoint, Options};
use toril::engine::{DeadLetter, JobContext, JobError, JobOptions, Queue, Worker, WorkerOptions};
use toril::wire::{Prefix, QueueId, QueueName};

/// Returns how many jobs died, and how many came back and were done.
pub async fn run(conn: Conn) -> Result<(u64, u64), Box<dyn std::error::Error>> {
    let orders = QueueId::new(Prefix::default(), QueueName::new("example-orders")?);
    let dead = QueueId::new(Prefix::default(), QueueName::new("example-orders-dead")?);
    let (queue, dead_queue) =
        (Queue::new(conn.clone(), orders.clone()), Queue::new(conn.clone(), dead.clone()));
    for number in 1..=3 {
        queue.add("ship", &number, JobOptions { attempts: 2, ..JobOptions::default() }).await?;
    }

    let mended = Arc::new(AtomicBool::new(false));
    let stop = CancellationToken::new();
    let options = WorkerOptions { dead_letter: Some(DeadLetter::to(dead)), ..WorkerOptions::default() };
    let works = mended.clone();
    let handler = move |_: JobContext| {
        let works = works.load(Ordering::Relaxed);
        async move { if works { Ok("shipped") } else { Err(JobError::new("the depot is closed")) } }
    };
    let worker = tokio::spawn(Worker::new(conn, orders, options).run(handler, stop.clone()));

    while dead_queue.counts().await?.waiting < 3 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let died = dead_queue.counts().await?.waiting;

    mended.store(true, Ordering::Relaxed);
    dead_queue.requeue_all(|progress| println!("{} are back", progress.requeued)).await?;
    while queue.counts().await?.completed < 3 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let done = queue.counts().await?.completed;
    stop.cancel();
    worker.await?;
    Ok((died, done))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::var("REDIS_URL").unwrap_or_else(|_| "redis://127.0.0.1:6379".to_owned());
    let options = Options { access: Access::ReadWrite, ..Options::default() };
    let (died, done) = run(Conn::open(Endpoint::parse(&url)?, options).await?).await?;
    println!("{died} died, {done} were done after all");
    Ok(())
}
