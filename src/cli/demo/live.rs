//! Producers and workers of the demo's queues.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::catalog::{DEAD_LETTER, Kind};
use super::history::METRICS;
use super::rng::Rng;
use super::workload::queue_id;
use super::{DemoError, failures, payload};
use crate::conn::{Conn, Request, Verb, integer};
use crate::engine::op::{QueueOp, Target, run_queue};
use crate::engine::schedule::{Repeat, Template};
use crate::engine::{FailurePolicy, FlowJob, JobContext, JobError, JobOptions, Queue, Worker, WorkerOptions};
use crate::wire::{Fleet, QueueId, State, WriteEra};

/// How long an actor waits after an error before it goes on.
const AFTER_ERROR: Duration = Duration::from_secs(1);
/// How often a producer looks how many jobs wait.
const LOOK: Duration = Duration::from_secs(5);
/// Between two runs of the timed queue's scheduler.
const TIMER: Duration = Duration::from_secs(30);
/// How long the pausable queue runs, and how long it is paused.
const RUNS: Duration = Duration::from_secs(120);
const RESTS: Duration = Duration::from_secs(45);

/// The load rises and falls by this share within [`WAVE`] seconds.
const SWELL: f64 = 0.5;
const WAVE: f64 = 150.0;

/// Adds jobs for ever.
pub(super) async fn produce(conn: Conn, id: QueueId, kind: &'static Kind, rate: f64) {
    if kind.per_second <= 0.0 {
        return;
    }
    let queue = Queue::new(conn.clone(), id);
    let mut rng = Rng::new(2, kind.queue);
    let phase = rng.unit();
    let began = Instant::now();
    let mut looked = None;
    let mut full = false;
    loop {
        let turn = began.elapsed().as_secs_f64() / WAVE + phase;
        let swell = 1.0 + SWELL * (turn * std::f64::consts::TAU).sin();
        sleep(rng.gap(kind.per_second * rate * swell)).await;
        if looked.is_none_or(|at: Instant| at.elapsed() >= LOOK) {
            looked = Some(Instant::now());
            full = is_full(&conn, queue.id(), kind).await;
        }
        if full {
            continue;
        }
        let (name, data) = payload::job(kind.queue, &mut rng);
        if queue.add(name, &data, kind.options(&mut rng)).await.is_err() {
            sleep(AFTER_ERROR).await;
        }
    }
}

/// Whether so many jobs wait that nothing should be added. Unknown counts as no.
async fn is_full(conn: &Conn, queue: &QueueId, kind: &Kind) -> bool {
    let length = Request::new(Verb::LLen).arg(queue.key(State::Waiting.suffix()));
    let reply = conn.call(length).await.ok();
    let waiting = reply.as_ref().and_then(integer).and_then(|count| u64::try_from(count).ok());
    waiting.is_some_and(|count| count >= kind.most_waiting)
}

/// A worker of the queue.
pub(super) fn worker(conn: &Conn, id: &QueueId, (name, concurrency): (&str, usize)) -> Worker {
    let options =
        WorkerOptions { name: name.to_owned(), concurrency, metrics: METRICS, ..WorkerOptions::default() };
    Worker::new(conn.clone(), id.clone(), options)
}

/// Does a job as far as its dashboard can tell: takes its time, reports, and fails now and then.
pub(super) async fn work(job: JobContext, kind: &'static Kind, conn: Conn) -> Result<Value, JobError> {
    let mut rng = Rng::new(3 + job.attempt(), &job.id().lossless());
    let time = kind.duration(&mut rng);
    let fails = rng.chance(kind.fails);
    // A failing job stops somewhere in its middle.
    let stops_at = if fails { rng.between(1, kind.steps.max(1)) } else { u64::MAX };
    let steps = kind.steps.max(1);
    for step in 1..=steps {
        sleep(time / steps as u32).await;
        if step >= stops_at {
            break;
        }
        if kind.logs {
            job.log(payload::log(kind.queue, step, steps, &mut rng)).await?;
        }
        if kind.steps > 0 {
            job.progress(&(step * 100 / steps)).await?;
        }
    }
    if !fails {
        return Ok(payload::result(kind.queue, time.as_millis() as u64, &mut rng));
    }
    let error = failures::of(kind.queue, &mut rng);
    if (error.is_fatal() || job.attempt() >= u64::from(kind.attempts)) && rng.chance(0.1) {
        bury(&job, &error, conn).await;
    }
    Err(error)
}

/// Leaves a note of a job that was given up. That is not worth failing for another reason.
async fn bury(job: &JobContext, error: &JobError, conn: Conn) {
    let (Some(kind), Ok(id)) = (Kind::of(DEAD_LETTER), queue_id(DEAD_LETTER)) else { return };
    if is_full(&conn, &id, kind).await {
        return;
    }
    let note = json!({
        "queue": job.queue().name.lossless(), "jobId": job.id().lossless(), "reason": error.message(),
    });
    let _ = Queue::new(conn, id).add("dead", &note, JobOptions::default()).await;
}

/// Lets a scheduler add the jobs of the timed queue.
pub(super) async fn keep_time(conn: Conn, id: QueueId, kind: &'static Kind) {
    let queue = Queue::new(conn, id);
    let mut rng = Rng::new(4, kind.queue);
    let (name, data) = payload::job(kind.queue, &mut rng);
    let opts = JobOptions { delay: None, ..kind.options(&mut rng) };
    let template = Template { name: Some(name.to_owned()), data, opts };
    while queue.upsert_scheduler(name, Repeat::every(TIMER), template.clone()).await.is_err() {
        sleep(AFTER_ERROR).await;
    }
}

/// Pauses the pausable queue now and then.
pub(super) async fn pause_sometimes(conn: Conn, id: QueueId) {
    let target = Target { queue: id, era: WriteEra::V6 };
    sleep(RUNS / 4).await;
    loop {
        // An operation that was refused is tried again at its next turn.
        let _ = run_queue(&conn, &target, QueueOp::Pause { fleet: Fleet::Mixed }).await;
        sleep(RESTS).await;
        let _ = run_queue(&conn, &target, QueueOp::Resume).await;
        sleep(RUNS).await;
    }
}

/// Adds a flow now and then: a release that waits for pictures, an index and a mail.
pub(super) async fn flow(conn: Conn, rate: f64) {
    let mut rng = Rng::new(5, "flow");
    loop {
        sleep(rng.gap(rate / 12.0)).await;
        if add_flow(&conn, &mut rng).await.is_err() {
            sleep(AFTER_ERROR).await;
        }
    }
}

async fn add_flow(conn: &Conn, rng: &mut Rng) -> Result<(), DemoError> {
    let mut children = Vec::new();
    for name in ["thumbnails", "thumbnails", "thumbnails", "search-index", "email"] {
        if let (Ok(id), Some(kind)) = (queue_id(name), Kind::of(name)) {
            if is_full(conn, &id, kind).await {
                return Ok(());
            }
            let (job, data) = payload::job(name, rng);
            // The queue's own options: a keep policy of one job counts for the whole queue.
            let options = JobOptions { delay: None, on_failure: FailurePolicy::Ignore, ..kind.options(rng) };
            children.push(FlowJob::new(id, job, &data).options(options));
        }
    }
    if let (Ok(id), Some(kind)) = (queue_id("code-generation"), Kind::of("code-generation")) {
        let release = json!({ "release": format!("v{}.{}.0", rng.between(1, 9), rng.between(0, 40)) });
        let parent = FlowJob::new(id.clone(), "release", &release).options(kind.options(rng));
        Queue::new(conn.clone(), id)
            .add_flow(parent.children(children))
            .await
            .map_err(|error| error.cause)?;
    }
    Ok(())
}
