//! A producer and a worker with typed jobs: one that works, one that needs a second attempt, one that is
//! hopeless.
//!
//! `REDIS_URL=redis://127.0.0.1:6379 cargo run --example producer_worker`
#![allow(clippy::print_stdout)]

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;
use toril::conn::{Access, Conn, Endpoint, Options};
use toril::engine::{Backoff, JobContext, JobError, JobOptions, JobWaiter, Queue, Worker, WorkerOptions};
use toril::wire::{Prefix, QueueId, QueueName};

#[derive(Serialize, Deserialize)]
struct Mail {
    to: String,
}

async fn send(mail: Mail, job: JobContext) -> Result<String, JobError> {
    job.progress(&50).await?;
    match mail.to.as_str() {
        "nobody" => Err(JobError::fatal("there is no such address")),
        "busy@example.org" if job.attempt() == 1 => Err(JobError::new("the server is busy")),
        to => Ok(format!("sent to {to}")),
    }
}

/// Returns what became of each mail.
pub async fn run(conn: Conn) -> Result<Vec<String>, Box<dyn std::error::Error>> {
    let id = QueueId::new(Prefix::default(), QueueName::new("example-mail")?);
    let queue = Queue::new(conn.clone(), id.clone());

    let stop = CancellationToken::new();
    let options = WorkerOptions { concurrency: 10, ..WorkerOptions::default() };
    let worker = tokio::spawn(Worker::new(conn.clone(), id.clone(), options).run_typed(send, stop.clone()));

    let waiter = JobWaiter::new(conn, id);
    let mut outcomes = Vec::new();
    for to in ["ada@example.org", "busy@example.org", "nobody"] {
        let options = JobOptions {
            attempts: 3,
            backoff: Some(Backoff::exponential(Duration::from_millis(50))),
            ..JobOptions::default()
        };
        let job = queue.add("welcome", &Mail { to: to.to_owned() }, options).await?;
        outcomes.push(match waiter.wait_until_finished(&job, Duration::from_secs(20)).await {
            Ok(value) => value.read::<String>()?,
            Err(error) => error.to_string(),
        });
    }

    // Takes no more jobs, and waits for those that run.
    stop.cancel();
    worker.await?;
    Ok(outcomes)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::var("REDIS_URL").unwrap_or_else(|_| "redis://127.0.0.1:6379".to_owned());
    let options = Options { access: Access::ReadWrite, ..Options::default() };
    for outcome in run(Conn::open(Endpoint::parse(&url)?, options).await?).await? {
        println!("{outcome}");
    }
    Ok(())
}
