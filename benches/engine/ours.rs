//! The measures with this crate's engine; see README.md. Without arguments it does nothing, so that a
//! run of all benches passes by.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark stops where something is wrong")]
#![allow(missing_docs, reason = "the protocol is shared with a program that is no part of this crate")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::json;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use toril::conn::{Access, Conn, Endpoint, Options};
use toril::engine::{JobContext, JobError, JobOptions, Queue, Worker, WorkerOptions};
use toril::wire::{Prefix, QueueId, QueueName};

mod protocol;
use protocol::{Countdown, Wanted, done, ready};

#[tokio::main]
async fn main() {
    let Some(wanted) = Wanted::of_process() else { return };
    let options = Options { access: Access::ReadWrite, client_name: "toril-bench".to_owned() };
    let conn = Conn::open(Endpoint::tcp("127.0.0.1", wanted.port), options).await.expect("a server");
    let queue = |name: &str| Queue::new(conn.clone(), id(name));
    let (warm, bench) = (queue("warm"), queue("bench"));
    let jobs = wanted.jobs;
    match wanted.measure.as_str() {
        "add" => {
            add(&warm, 2_000, wanted.concurrency).await;
            ready().await;
            add(&bench, jobs, wanted.concurrency).await;
            done().await;
        }
        "bulk" => {
            bulk(&warm, 5_000, wanted.concurrency).await;
            ready().await;
            bulk(&bench, jobs, wanted.concurrency).await;
            done().await;
        }
        "work" => {
            bulk(&warm, 2_000, 1_000).await;
            bulk(&bench, jobs, 1_000).await;
            work(&conn, "warm", 2_000, wanted.concurrency).await.stop().await;
            ready().await;
            let running = work(&conn, "bench", jobs, wanted.concurrency).await;
            done().await;
            running.stop().await;
        }
        _ => {
            bulk(&bench, 1, 1).await;
            ready().await;
            let running = Running::start(&conn, "bench", wanted.concurrency, Countdown::new(1));
            done().await;
            running.stop().await;
        }
    }
}

fn id(name: &str) -> QueueId {
    QueueId::new(Prefix::default(), QueueName::new(name).expect("a name"))
}

async fn add(queue: &Queue, jobs: u64, in_flight: usize) {
    if in_flight == 1 {
        for i in 0..jobs {
            queue.add("n", &json!({ "i": i }), JobOptions::default()).await.expect("added");
        }
        return;
    }
    let next = Arc::new(AtomicU64::new(0));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..in_flight {
        let (queue, next) = (queue.clone(), next.clone());
        tasks.spawn(async move {
            loop {
                let i = next.fetch_add(1, Ordering::Relaxed);
                if i >= jobs {
                    return;
                }
                queue.add("n", &json!({ "i": i }), JobOptions::default()).await.expect("added");
            }
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended.expect("no panic");
    }
}

async fn bulk(queue: &Queue, jobs: u64, size: usize) {
    let mut next = 0;
    while next < jobs {
        let end = jobs.min(next + size as u64);
        let batch = (next..end).map(|i| ("n".to_owned(), json!({ "i": i }), JobOptions::default()));
        let added = queue.add_bulk(batch).await.expect("sent");
        assert!(added.len() as u64 == end - next && added.iter().all(Result::is_ok));
        next = end;
    }
}

/// A worker at work.
struct Running {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Running {
    fn start(conn: &Conn, queue: &str, concurrency: usize, count: Arc<Countdown>) -> Self {
        let options = WorkerOptions { concurrency, ..WorkerOptions::default() };
        let worker = Worker::new(conn.clone(), id(queue), options);
        let stop = CancellationToken::new();
        let handler = move |_: JobContext| {
            let count = count.clone();
            async move {
                count.one();
                Ok::<_, JobError>(())
            }
        };
        let token = stop.clone();
        let task = tokio::spawn(async move {
            worker.run(handler, token).await;
        });
        Self { stop, task }
    }

    async fn stop(self) {
        self.stop.cancel();
        let _ = self.task.await;
    }
}

async fn work(conn: &Conn, queue: &str, jobs: u64, concurrency: usize) -> Running {
    let count = Countdown::new(jobs);
    let running = Running::start(conn, queue, concurrency, count.clone());
    count.wait().await;
    running
}
