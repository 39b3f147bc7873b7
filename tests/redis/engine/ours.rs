//! Our side of a comparison: a connection, a runtime, and a handler that obeys a job's own data as
//! the workers of the Node driver do.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use toril::conn::Conn;
use toril::engine::{JobContext, JobError, ManualWorker, Queue, Worker, WorkerOptions};
use toril::wire::{Prefix, QueueId, QueueName};

use crate::support::{Server, writer};

pub struct Ours {
    pub runtime: Runtime,
    pub conn: Conn,
}

pub struct Running {
    stop: CancellationToken,
    task: JoinHandle<()>,
    /// Ids of the jobs that ran, in the order in which they began.
    pub ran: Arc<Mutex<Vec<String>>>,
}

impl Running {
    pub fn ran(&self) -> Vec<String> {
        self.ran.lock().unwrap().clone()
    }
}

pub fn queue_id(name: &str) -> QueueId {
    QueueId::new(Prefix::default(), QueueName::new(name).unwrap())
}

impl Ours {
    pub fn on(server: &Server) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let conn = runtime.block_on(writer(server));
        Self { runtime, conn }
    }

    pub fn wait<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(async { tokio::time::timeout(Duration::from_secs(60), work).await }).unwrap()
    }

    pub fn queue(&self, name: &str) -> Queue {
        Queue::new(self.conn.clone(), queue_id(name))
    }

    pub fn manual(&self, name: &str, options: WorkerOptions) -> ManualWorker {
        ManualWorker::new(self.conn.clone(), queue_id(name), options)
    }

    pub fn worker(&self, name: &str, options: WorkerOptions) -> Running {
        let stop = CancellationToken::new();
        let ran = Arc::new(Mutex::new(Vec::new()));
        let worker = Worker::new(self.conn.clone(), queue_id(name), options);
        let seen = ran.clone();
        let work = worker.run(move |job| obey(job, seen.clone()), stop.clone());
        let task = self.runtime.spawn(work);
        Running { stop, task, ran }
    }

    pub fn stop(&self, running: Running) {
        running.stop.cancel();
        self.wait(running.task).unwrap();
    }

    /// As when its process is killed: no goodbye, running handlers gone.
    pub fn kill(&self, running: Running) {
        running.task.abort();
        assert!(self.wait(running.task).is_err());
    }
}

/// Waits until `done` says yes.
#[track_caller]
pub fn until(mut done: impl FnMut() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed() < Duration::from_secs(60), "not in 60 s");
        std::thread::sleep(Duration::from_millis(5));
    }
}

async fn obey(job: JobContext, ran: Arc<Mutex<Vec<String>>>) -> Result<Value, JobError> {
    let id = job.id().lossless().into_owned();
    ran.lock().unwrap().push(id.clone());
    let order: Value = job.data()?;
    for step in order["progress"].as_array().into_iter().flatten() {
        job.progress(step).await?;
    }
    for line in order["log"].as_array().into_iter().flatten() {
        job.log(line.as_str().unwrap()).await?;
    }
    let message = order["message"].as_str().unwrap_or("boom");
    let runs = ran.lock().unwrap().iter().filter(|one| **one == id).count() as u64;
    match order["do"].as_str().unwrap_or("ok") {
        "fail" if order["unrecoverable"] == true => Err(JobError::fatal(message)),
        "fail" => Err(JobError::new(message)),
        "failTimes" if runs <= order["n"].as_u64().unwrap() => Err(JobError::new(message)),
        "delay" if runs == 1 => Err(JobError::delayed(job.job().started_at + order["ms"].as_i64().unwrap())),
        "wait" if runs == 1 => Err(JobError::waiting()),
        "limit" if runs == 1 => {
            Err(JobError::rate_limited(Duration::from_millis(order["ms"].as_u64().unwrap())))
        }
        "panic" => panic!("{message}"),
        "sleep" => {
            tokio::time::sleep(Duration::from_millis(order["ms"].as_u64().unwrap())).await;
            Ok(order["return"].clone())
        }
        "hang" => std::future::pending().await,
        _ => Ok(order["return"].clone()),
    }
}
