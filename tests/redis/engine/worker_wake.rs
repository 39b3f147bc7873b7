//! When a worker begins what there is to do. The limits are several times the aim: the machine that
//! runs this has other things to do.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rstest::rstest;
use serde_json::json;
use tokio_util::sync::CancellationToken;
use toril::engine::{JobContext, JobError, JobOptions, Worker, WorkerOptions};

use super::ours::{Ours, queue_id, until};
use crate::support::{Dump, Server};

/// Far longer than a test: a worker that finds a job by its poll is late.
const NO_POLL: Duration = Duration::from_secs(60);

fn patient(concurrency: usize) -> WorkerOptions {
    WorkerOptions { concurrency, drain_delay: NO_POLL, ..WorkerOptions::default() }
}

fn far(ours: &Ours) {
    let delay = Some(Duration::from_secs(86_400));
    let options = JobOptions { delay, ..JobOptions::default() };
    ours.wait(ours.queue("q").add("far", &json!({}), options)).unwrap();
}

/// A backlog is worked off without a pause.
#[rstest]
fn a_backlog_drains_without_a_pause(#[values(1, 10, 100)] concurrency: usize, #[values(1, 50)] batch: usize) {
    let server = Server::start();
    let ours = Ours::on(&server);
    far(&ours);
    let jobs = if concurrency == 1 { 500 } else { 3_000 };
    let rows = (0..jobs).map(|_| ("job".to_owned(), json!({}), JobOptions::default()));
    ours.wait(ours.queue("q").add_bulk(rows)).unwrap();
    let times = Arc::new(Mutex::new(vec![Instant::now()]));
    let seen = times.clone();
    let handler = move |_: JobContext| {
        seen.lock().unwrap().push(Instant::now());
        async { Ok::<_, JobError>(()) }
    };
    let options = WorkerOptions { batch, ..patient(concurrency) };
    let worker = Worker::new(ours.conn.clone(), queue_id("q"), options);
    let stop = CancellationToken::new();
    let task = ours.runtime.spawn(worker.run(handler, stop.clone()));
    until(|| times.lock().unwrap().len() > jobs);
    stop.cancel();
    ours.wait(task).unwrap();
    let times = times.lock().unwrap();
    let longest = times.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap();
    assert!(longest < Duration::from_secs(1), "{longest:?}");
    assert_eq!(Dump::of(&server).len("bull:q:completed"), jobs);
}

/// Each job that is added wakes an idle worker, though one of them holds the timer of a delayed job.
#[test]
fn each_of_several_idle_workers_is_woken() {
    let server = Server::start();
    let ours = Ours::on(&server);
    far(&ours);
    let workers: Vec<_> = (0..3).map(|_| ours.worker("q", patient(1))).collect();
    std::thread::sleep(Duration::from_millis(300));
    let began = Instant::now();
    for _ in 0..3 {
        let job = json!({"do": "sleep", "ms": 3000});
        ours.wait(ours.queue("q").add("job", &job, JobOptions::default())).unwrap();
    }
    until(|| workers.iter().all(|worker| worker.ran().len() == 1));
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    for worker in workers {
        ours.kill(worker);
    }
}

/// The job that a worker leaves because it stops is another one's at once.
#[test]
fn a_worker_that_stops_wakes_another() {
    let server = Server::start();
    let ours = Ours::on(&server);
    // Only one job at a time, so that nobody marks the second one.
    redis::cmd("HSET").arg("bull:q:meta").arg("concurrency").arg(1).exec(&mut server.connect()).unwrap();
    let first = ours.worker("q", patient(1));
    ours.wait(ours.queue("q").add("job", &json!({"do": "sleep", "ms": 400}), JobOptions::default())).unwrap();
    until(|| first.ran().len() == 1);
    let second = ours.worker("q", patient(1));
    std::thread::sleep(Duration::from_millis(100));
    ours.wait(ours.queue("q").add("next", &json!({}), JobOptions::default())).unwrap();
    let began = Instant::now();
    ours.stop(first);
    until(|| second.ran().len() == 1);
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    ours.stop(second);
}

/// A worker that waits for a marker gives it to others when it pauses.
#[test]
fn a_paused_worker_takes_no_marker() {
    let server = Server::start();
    let ours = Ours::on(&server);
    let worker = Worker::new(ours.conn.clone(), queue_id("q"), patient(1));
    let stop = CancellationToken::new();
    let handler = |_: JobContext| async { Ok::<_, JobError>(()) };
    let task = ours.runtime.spawn(worker.clone().run(handler, stop.clone()));
    std::thread::sleep(Duration::from_millis(200));
    ours.wait(worker.pause());
    let other = ours.worker("q", patient(1));
    std::thread::sleep(Duration::from_millis(100));
    ours.wait(ours.queue("q").add("job", &json!({}), JobOptions::default())).unwrap();
    until(|| other.ran().len() == 1);
    // And goes on when it is told to.
    ours.stop(other);
    ours.wait(ours.queue("q").add("job", &json!({}), JobOptions::default())).unwrap();
    worker.resume();
    until(|| Dump::of(&server).len("bull:q:completed") == 2);
    stop.cancel();
    ours.wait(task).unwrap();
}

/// Whatever the clocks of the processes say: only Redis's counts.
#[test]
fn nothing_runs_before_redis_says_that_it_is_due() {
    let server = Server::start();
    let ours = Ours::on(&server);
    let running = ours.worker("q", patient(2));
    // As added by a producer whose clock is an hour ahead.
    let hour = Duration::from_secs(3600);
    let now: (i64, i64) = redis::cmd("TIME").query(&mut server.connect()).unwrap();
    let timestamp = Some(now.0 * 1000 + hour.as_millis() as i64);
    let delay = Some(Duration::from_millis(1));
    let options = JobOptions { timestamp, delay, ..JobOptions::default() };
    ours.wait(ours.queue("q").add("ahead", &json!({}), options)).unwrap();
    let timestamp = Some(now.0 * 1000 - hour.as_millis() as i64);
    let options = JobOptions { timestamp, delay: Some(hour), ..JobOptions::default() };
    ours.wait(ours.queue("q").add("behind", &json!({}), options)).unwrap();
    until(|| running.ran() == ["2"]);
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(running.ran(), ["2"]);
    ours.stop(running);
}

/// An idle worker asks Redis for one wait and one fetch a drain delay.
#[test]
fn an_idle_worker_costs_two_calls_a_drain_delay() {
    let server = Server::start();
    let ours = Ours::on(&server);
    let drain_delay = Duration::from_millis(500);
    let running =
        ours.worker("q", WorkerOptions { drain_delay, concurrency: 50, ..WorkerOptions::default() });
    std::thread::sleep(Duration::from_millis(700));
    let calls = |name: &str| -> u64 {
        let stats: String = redis::cmd("INFO").arg("commandstats").query(&mut server.connect()).unwrap();
        let line =
            stats.lines().find(|line| line.starts_with(&format!("cmdstat_{name}:calls="))).unwrap_or("=0,");
        line.split('=').nth(1).unwrap().split(',').next().unwrap().parse().unwrap()
    };
    let before = (calls("bzpopmin"), calls("evalsha"));
    std::thread::sleep(Duration::from_secs(3));
    let (waits, scripts) = (calls("bzpopmin") - before.0, calls("evalsha") - before.1);
    assert!((2..=7).contains(&waits) && scripts <= 8, "{waits} waits, {scripts} scripts in six drain delays");
    ours.stop(running);
}
