//! A flow: a film is cut when its scenes are rendered, in a queue of their own.
//!
//! `REDIS_URL=redis://127.0.0.1:6379 cargo run --example flow`
#![allow(clippy::print_stdout)]

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use toril::conn::{Access, Conn, Endpoint, Options};
use toril::engine::{
    FailurePolicy, FlowJob, JobContext, JobError, JobOptions, JobWaiter, Queue, Worker, WorkerOptions,
};
use toril::wire::{Prefix, QueueId, QueueName};

async fn render(job: JobContext) -> Result<u32, JobError> {
    let scene: u32 = job.data()?;
    Ok(scene * 10)
}

/// Runs when all scenes are done, and finds what they returned.
async fn cut(job: JobContext) -> Result<u32, JobError> {
    let mut seconds = 0;
    for scene in job.children_values().await.map_err(|error| JobError::new(error.to_string()))? {
        seconds += scene.read::<u32>()?;
    }
    Ok(seconds)
}

/// Returns the film's length.
pub async fn run(conn: Conn) -> Result<u32, Box<dyn std::error::Error>> {
    let films = QueueId::new(Prefix::default(), QueueName::new("example-films")?);
    let scenes = QueueId::new(Prefix::default(), QueueName::new("example-scenes")?);

    let on_failure = JobOptions { on_failure: FailurePolicy::FailParent, ..JobOptions::default() };
    let film = FlowJob::new(films.clone(), "cut", &serde_json::json!({ "title": "Metropolis" })).children(
        (1..=3_u32).map(|scene| FlowJob::new(scenes.clone(), "render", &scene).options(on_failure.clone())),
    );
    let film = Queue::new(conn.clone(), films.clone()).add_flow(film).await?;

    let stop = CancellationToken::new();
    let options = WorkerOptions { concurrency: 3, ..WorkerOptions::default() };
    let workers = [
        tokio::spawn(Worker::new(conn.clone(), scenes, options.clone()).run(render, stop.clone())),
        tokio::spawn(Worker::new(conn.clone(), films.clone(), options).run(cut, stop.clone())),
    ];
    let length = JobWaiter::new(conn, films).wait_until_finished(&film.id, Duration::from_secs(20)).await?;

    stop.cancel();
    for worker in workers {
        worker.await?;
    }
    Ok(length.read()?)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::var("REDIS_URL").unwrap_or_else(|_| "redis://127.0.0.1:6379".to_owned());
    let options = Options { access: Access::ReadWrite, ..Options::default() };
    let length = run(Conn::open(Endpoint::parse(&url)?, options).await?).await?;
    println!("the film has {length} seconds");
    Ok(())
}
