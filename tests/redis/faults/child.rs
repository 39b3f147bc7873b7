//! Processes that may be killed: our own worker, and Node's.
//!
//! Our worker is this test program again, called for the one test [`serve`] with its order in the
//! environment. What a process says is a line that begins with `@`, as in `tests/node/soak.js`:
//! `@R` ready; `@S id attempt` a handler began; `@E id` it ended; `@C id` the worker
//! knows that the job is filed as completed; `@L text` a lock was lost.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Child as Process, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use toril::conn::{Access, Conn, Endpoint, Options};
use toril::engine::{JobContext, JobError, Worker, WorkerEvent, WorkerOptions};

use crate::engine::ours::{queue_id, until};
use crate::support::{Lib, Server};

/// Where a child finds its order.
const ORDER: &str = "TORIL_TEST_ORDER";

/// A process and what it has said.
pub struct Child {
    process: Process,
    said: Arc<Mutex<Vec<String>>>,
}

/// What a worker of ours is to be.
#[derive(Clone, Debug)]
pub struct Order {
    pub queue: String,
    pub name: String,
    pub concurrency: usize,
    pub lock: Duration,
    pub stalled: Duration,
    pub max_stalled: u32,
}

impl Default for Order {
    fn default() -> Self {
        Self {
            queue: "q".to_owned(),
            name: "child".to_owned(),
            concurrency: 1,
            lock: Duration::from_secs(1),
            stalled: Duration::from_millis(500),
            max_stalled: 1,
        }
    }
}

impl Order {
    pub fn options(&self) -> WorkerOptions {
        WorkerOptions {
            name: self.name.clone(),
            concurrency: self.concurrency,
            lock: self.lock,
            stalled_interval: self.stalled,
            max_stalled: self.max_stalled,
            ..WorkerOptions::default()
        }
    }
}

impl Child {
    /// A worker of ours at `url`.
    pub fn ours(url: &str, order: &Order) -> Self {
        let order = json!({
            "url": url, "queue": order.queue, "name": order.name, "concurrency": order.concurrency,
            "lock": order.lock.as_millis() as u64, "stalled": order.stalled.as_millis() as u64,
            "max_stalled": order.max_stalled,
        });
        let program = std::env::current_exe().unwrap();
        let mut command = Command::new(program);
        command.args(["--exact", "faults::child::serve", "--nocapture"]).env(ORDER, order.to_string());
        Self::spawn(command)
    }

    /// `tests/node/soak.js` of a library.
    pub fn node(lib: Lib, server: &Server, order: &Value) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/node/soak.js");
        let mut command = Command::new("node");
        command.arg(script).arg(lib.name()).arg(server.socket()).arg(order.to_string());
        Self::spawn(command)
    }

    fn spawn(mut command: Command) -> Self {
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let said = Arc::new(Mutex::new(Vec::new()));
        let (sink, stdout) = (said.clone(), process.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                // The test runner begins the line in which the first word falls.
                if let Some((_, fact)) = line.split_once('@') {
                    sink.lock().unwrap().push(fact.to_owned());
                }
            }
        });
        Self { process, said }
    }

    /// Waits until it is ready.
    pub fn ready(self) -> Self {
        until(|| !self.facts("R").is_empty());
        self
    }

    /// What it said behind `word`.
    pub fn facts(&self, word: &str) -> Vec<String> {
        let said = self.said.lock().unwrap();
        let after = said.iter().filter_map(|line| line.strip_prefix(word));
        after.map(|rest| rest.trim().to_owned()).collect()
    }

    /// The ids of jobs that its handler began, in order.
    pub fn began(&self) -> Vec<String> {
        self.facts("S ").iter().map(|fact| fact.split(' ').next().unwrap().to_owned()).collect()
    }

    /// How often its handler began each job.
    pub fn runs(&self) -> BTreeMap<String, usize> {
        let mut runs = BTreeMap::new();
        for id in self.began() {
            *runs.entry(id).or_default() += 1;
        }
        runs
    }

    pub fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.process.id()).ok().and_then(Pid::from_raw).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Ends it as `kill -9` does; what it said before is complete afterwards.
    pub fn kill(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        // The thread that listens holds the other half until it has heard all.
        let began = std::time::Instant::now();
        while Arc::strong_count(&self.said) > 1 && began.elapsed() < Duration::from_secs(5) {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn say(fact: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "@{fact}").and_then(|()| out.flush());
}

/// The program of a child; without an order it sees that a child can be had, and killed.
#[test]
fn serve() {
    let Ok(order) = std::env::var(ORDER) else {
        let server = Server::start();
        let mut child = Child::ours(&server.socket_url(), &Order::default()).ready();
        assert!(child.process.try_wait().unwrap().is_none());
        child.kill();
        assert!(child.process.try_wait().unwrap().is_some());
        return;
    };
    // A child does not outlive the test that started it.
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(work(&serde_json::from_str(&order).unwrap()));
}

async fn work(order: &Value) {
    let millis = |field: &str| Duration::from_millis(order[field].as_u64().unwrap());
    let options = Options { access: Access::ReadWrite, ..Options::default() };
    let endpoint = Endpoint::parse(order["url"].as_str().unwrap()).unwrap();
    let conn = Conn::open(endpoint, options).await.unwrap();
    let options = Order {
        queue: order["queue"].as_str().unwrap().to_owned(),
        name: order["name"].as_str().unwrap().to_owned(),
        concurrency: order["concurrency"].as_u64().unwrap() as usize,
        lock: millis("lock"),
        stalled: millis("stalled"),
        max_stalled: order["max_stalled"].as_u64().unwrap() as u32,
    };
    let worker = Worker::new(conn, queue_id(&options.queue), options.options());
    let mut events = worker.events();
    tokio::spawn(async move {
        while let Ok(event) = events.recv().await {
            match event {
                WorkerEvent::LockLost { id } => say(&format!("L lock of {}", id.lossless())),
                WorkerEvent::Completed { id } => say(&format!("C {}", id.lossless())),
                _ => {}
            }
        }
    });
    say("R");
    worker.run(handle, CancellationToken::new()).await;
}

/// Runs a job as its data says: `ms` long, failing in the first `fails` attempts.
async fn handle(job: JobContext) -> Result<Value, JobError> {
    let (id, attempt) = (job.id().lossless().into_owned(), job.attempt());
    say(&format!("S {id} {attempt}"));
    let order: Value = job.data()?;
    if let Some(ms @ 1..) = order["ms"].as_u64() {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }
    say(&format!("E {id}"));
    let fails = order["fails"].as_u64().unwrap_or(0);
    if attempt <= fails {
        return Err(JobError::new(format!("attempt {attempt} of {fails} that fail")));
    }
    Ok(json!({ "by": "toril" }))
}
