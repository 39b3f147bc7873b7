//! Steering a worker that runs, and what it tells.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::json;
use tokio::sync::broadcast;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use toril::engine::{JobContext, JobError, JobOptions, Worker, WorkerEvent, WorkerOptions};

use super::ours::{Ours, queue_id, until};
use crate::support::{Dump, Server};

/// A worker with its handles. Jobs obey `ms` (how long they take), and return early when cancelled.
pub struct Steered {
    pub worker: Worker,
    events: std::sync::Mutex<broadcast::Receiver<WorkerEvent>>,
    task: JoinHandle<()>,
    stop: CancellationToken,
    /// Jobs that run, the most at once, and jobs that were cancelled.
    pub counts: Arc<[AtomicUsize; 3]>,
}

impl Steered {
    pub fn start(ours: &Ours, options: WorkerOptions) -> Self {
        let worker = Worker::new(ours.conn.clone(), queue_id("q"), options);
        let events = std::sync::Mutex::new(worker.events());
        let stop = CancellationToken::new();
        let counts: Arc<[AtomicUsize; 3]> = Arc::default();
        let seen = counts.clone();
        let handler = move |job: JobContext| {
            let seen = seen.clone();
            async move {
                let running = seen[0].fetch_add(1, Ordering::SeqCst) + 1;
                seen[1].fetch_max(running, Ordering::SeqCst);
                let order: serde_json::Value = job.data()?;
                let work = tokio::time::sleep(Duration::from_millis(order["ms"].as_u64().unwrap_or(0)));
                let cancelled = tokio::select! {
                    () = work => false,
                    () = job.cancelled().cancelled(), if order["deaf"] != true => true,
                };
                seen[0].fetch_sub(1, Ordering::SeqCst);
                if cancelled {
                    seen[2].fetch_add(1, Ordering::SeqCst);
                    return Err(JobError::new("interrupted"));
                }
                Ok(())
            }
        };
        let task = ours.runtime.spawn(worker.clone().run(handler, stop.clone()));
        Self { worker, events, task, stop, counts }
    }

    pub fn running(&self) -> usize {
        self.counts[0].load(Ordering::SeqCst)
    }

    /// Waits for an event that fits; returns those before it, and it.
    pub fn until(&self, fits: impl Fn(&WorkerEvent) -> bool) -> Vec<WorkerEvent> {
        let mut seen = Vec::new();
        until(|| {
            while let Ok(event) = self.events.lock().unwrap().try_recv() {
                let done = fits(&event);
                seen.push(event);
                if done {
                    return true;
                }
            }
            false
        });
        seen
    }

    pub fn stop(self, ours: &Ours) {
        self.stop.cancel();
        ours.wait(self.task).unwrap();
    }
}

fn add(ours: &Ours, jobs: usize, data: &serde_json::Value) {
    let rows = (0..jobs).map(|_| ("job".to_owned(), data.clone(), JobOptions::default()));
    ours.wait(ours.queue("q").add_bulk(rows)).unwrap();
}

#[test]
fn a_worker_tells_what_it_does() {
    let server = Server::start();
    let ours = Ours::on(&server);
    let steered = Steered::start(&ours, WorkerOptions::default());
    steered.until(|event| matches!(event, WorkerEvent::Drained));
    add(&ours, 1, &json!({}));
    let words = |events: Vec<WorkerEvent>| -> Vec<String> {
        let word = |event: &WorkerEvent| format!("{event:?}").split([' ', '{']).next().unwrap().to_owned();
        events.iter().map(word).collect()
    };
    let told = words(steered.until(|event| matches!(event, WorkerEvent::Drained)));
    assert_eq!(told, ["Active", "Completed", "Drained"]);
    ours.wait(steered.worker.pause());
    steered.worker.resume();
    let worker = steered.worker.clone();
    ours.wait(worker.close(false));
    let told = words(steered.until(|event| matches!(event, WorkerEvent::Closed)));
    for word in ["Paused", "Resumed", "Closing", "Closed"] {
        assert_eq!(told.iter().filter(|one| *one == word).count(), 1, "{word} in {told:?}");
    }
    steered.stop(&ours);
}

#[test]
fn pausing_waits_for_the_running_jobs_and_takes_no_others() {
    let server = Server::start();
    let ours = Ours::on(&server);
    add(&ours, 6, &json!({"ms": 300}));
    let steered = Steered::start(&ours, WorkerOptions { concurrency: 2, ..WorkerOptions::default() });
    until(|| steered.running() == 2);
    ours.wait(steered.worker.pause());
    assert!(steered.worker.is_paused());
    let dump = Dump::of(&server);
    assert_eq!([dump.len("bull:q:completed"), dump.len("bull:q:active"), steered.running()], [2, 0, 0]);
    steered.worker.resume();
    until(|| Dump::of(&server).len("bull:q:completed") == 6);
    steered.stop(&ours);
}

#[test]
fn the_number_of_places_changes_while_the_worker_runs() {
    let server = Server::start();
    let ours = Ours::on(&server);
    add(&ours, 40, &json!({"ms": 150}));
    let steered = Steered::start(&ours, WorkerOptions::default());
    until(|| steered.running() == 1);
    steered.worker.set_concurrency(5);
    until(|| steered.running() == 5);
    steered.worker.set_concurrency(2);
    until(|| steered.running() == 2);
    let most = &steered.counts[1];
    most.store(0, Ordering::SeqCst);
    until(|| Dump::of(&server).len("bull:q:completed") == 40);
    assert!(most.load(Ordering::SeqCst) <= 2);
    assert_eq!(steered.worker.concurrency(), 2);
    steered.stop(&ours);
}

#[test]
fn closing_gives_jobs_their_grace_then_cancels_them_then_gives_them_up() {
    let server = Server::start();
    let ours = Ours::on(&server);
    add(&ours, 1, &json!({"ms": 60_000}));
    add(&ours, 1, &json!({"ms": 60_000, "deaf": true}));
    add(&ours, 1, &json!({"ms": 200}));
    let options = WorkerOptions {
        concurrency: 3,
        // Shorter than the close takes: without renewals the jobs would stall.
        lock: Duration::from_millis(400),
        grace: Some(Duration::from_secs(1)),
        cancel_grace: Duration::from_millis(500),
        ..WorkerOptions::default()
    };
    let steered = Steered::start(&ours, options);
    until(|| steered.running() == 3);
    let began = Instant::now();
    let worker = steered.worker.clone();
    ours.wait(worker.close(false));
    assert!(began.elapsed() >= Duration::from_millis(1500), "{:?}", began.elapsed());
    assert_eq!(steered.counts[2].load(Ordering::SeqCst), 1);
    let dump = Dump::of(&server);
    assert_eq!((dump.len("bull:q:completed"), dump.len("bull:q:failed")), (1, 1));
    assert_eq!(dump.field("bull:q:1", "failedReason"), Some("interrupted"));
    assert_eq!(dump.members("bull:q:active"), ["2"], "for another worker's stalled check");
    steered.stop(&ours);
}

#[test]
fn closing_by_force_leaves_the_jobs_to_the_stalled_check() {
    let server = Server::start();
    let ours = Ours::on(&server);
    add(&ours, 1, &json!({"ms": 60_000}));
    let steered = Steered::start(&ours, WorkerOptions::default());
    until(|| steered.running() == 1);
    let worker = steered.worker.clone();
    let began = Instant::now();
    ours.wait(worker.close(true));
    assert!(began.elapsed() < Duration::from_secs(5));
    let dump = Dump::of(&server);
    assert_eq!(dump.members("bull:q:active"), ["1"]);
    assert!(dump.0["bull:q:1:lock"].expires);
    steered.stop(&ours);
}

#[test]
fn a_lost_lock_is_told_and_cancels_the_job() {
    let server = Server::start();
    let ours = Ours::on(&server);
    add(&ours, 1, &json!({"ms": 60_000}));
    let lock = Duration::from_millis(400);
    let steered = Steered::start(&ours, WorkerOptions { lock, ..WorkerOptions::default() });
    until(|| steered.running() == 1);
    redis::cmd("SET").arg("bull:q:1:lock").arg("another").exec(&mut server.connect()).unwrap();
    steered.until(|event| matches!(event, WorkerEvent::LockLost { id } if id.lossless() == "1"));
    until(|| steered.counts[2].load(Ordering::SeqCst) == 1);
    std::thread::sleep(Duration::from_millis(200));
    let dump = Dump::of(&server);
    assert_eq!((dump.members("bull:q:active"), dump.field("bull:q:1", "failedReason")), (vec!["1"], None));
    steered.stop(&ours);
}

#[derive(Deserialize)]
struct Mail {
    to: String,
}

#[test]
fn data_of_another_type_fails_the_job_for_good_and_stays() {
    let server = Server::start();
    let ours = Ours::on(&server);
    let thrice = JobOptions { attempts: 3, ..JobOptions::default() };
    for data in [json!({"to": "ada"}), json!({"too": 1}), json!([1])] {
        ours.wait(ours.queue("q").add("mail", &data, thrice.clone())).unwrap();
    }
    let worker = Worker::new(ours.conn.clone(), queue_id("q"), WorkerOptions::default());
    let stop = CancellationToken::new();
    let work = worker.run_typed(
        |mail: Mail, job: JobContext| async move {
            job.log("typed").await?;
            Ok::<_, JobError>(mail.to)
        },
        stop.clone(),
    );
    let task = ours.runtime.spawn(work);
    until(|| Dump::of(&server).len("bull:q:failed") == 2);
    stop.cancel();
    ours.wait(task).unwrap();
    let dump = Dump::of(&server);
    assert_eq!(dump.field("bull:q:1", "returnvalue"), Some("\"ada\""));
    let reason = dump.field("bull:q:2", "failedReason").unwrap();
    assert!(reason.contains("Mail") && reason.contains("missing field `to`"), "{reason}");
    assert_eq!(
        (dump.field("bull:q:2", "data"), dump.field("bull:q:2", "atm")),
        (Some(r#"{"too":1}"#), Some("1"))
    );
}

/// Counts of both generations are added: each counts its own attempts.
#[test]
fn attempts_of_older_workers_count() {
    let server = Server::start();
    let ours = Ours::on(&server);
    let options = JobOptions { attempts: 3, ..JobOptions::default() };
    ours.wait(ours.queue("q").add("job", &json!({"do": "fail"}), options)).unwrap();
    redis::cmd("HSET").arg("bull:q:1").arg("attemptsMade").arg(2).exec(&mut server.connect()).unwrap();
    let running = ours.worker("q", WorkerOptions::default());
    until(|| Dump::of(&server).len("bull:q:failed") == 1);
    assert_eq!(running.ran().len(), 1);
    ours.stop(running);
}
