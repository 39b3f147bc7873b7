//! A worker among data, keys and options that mean it no good.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio_util::sync::CancellationToken;
use toril::engine::{
    Backoff, Backoffs, JobContext, JobError, JobOptions, Limiter, Worker, WorkerEvent, WorkerOptions,
};

use super::ours::{Ours, queue_id, until};
use super::worker_steer::Steered;
use crate::support::{Dump, Server};

fn add(ours: &Ours, data: &serde_json::Value, options: JobOptions) {
    ours.wait(ours.queue("q").add("job", data, options)).unwrap();
}

fn completed(server: &Server) -> usize {
    Dump::of(server).len("bull:q:completed")
}

/// Puts a job of large data into the queue without this test's having to send it.
fn add_large(server: &Server, id: &str, bytes: usize) {
    let script = "redis.call('HSET', 'bull:q:' .. ARGV[1], 'name', 'large', 'opts', '{}', 'timestamp', 1, \
        'data', '{\"a\":\"' .. string.rep('x', ARGV[2]) .. '\"}') redis.call('LPUSH', 'bull:q:wait', ARGV[1])";
    let mut link = server.connect();
    redis::cmd("EVAL").arg(script).arg(0).arg(id).arg(bytes).exec(&mut link).unwrap();
}

/// Sizes of data, as the handler sees it, of all jobs that run.
fn sizes(ours: &Ours, concurrency: usize, jobs: usize) -> Vec<usize> {
    let (sender, sizes) = std::sync::mpsc::channel();
    let stop = CancellationToken::new();
    let options = WorkerOptions { concurrency, ..WorkerOptions::default() };
    let worker = Worker::new(ours.conn.clone(), queue_id("q"), options);
    let task = ours.runtime.spawn(worker.run(
        move |job: JobContext| {
            sender.send(job.job().data.as_bytes().len()).unwrap();
            async move { Ok::<_, JobError>(()) }
        },
        stop.clone(),
    ));
    let seen = (0..jobs).map(|_| sizes.recv_timeout(Duration::from_secs(30)).unwrap()).collect();
    stop.cancel();
    ours.wait(task).unwrap();
    seen
}

/// More data than one reply may have, in many jobs that are taken by one call, and in one job alone.
#[test]
fn jobs_of_any_size_are_run_once() {
    let server = Server::start();
    let ours = Ours::on(&server);
    ours.wait(ours.queue("q").add("job", &json!({}), JobOptions::default())).unwrap();
    let large: Vec<(String, usize)> = (0..40).map(|n| (format!("m{n}"), 1 << 20)).collect();
    for (id, bytes) in large.iter().chain([&("one".to_owned(), 100 << 20)]) {
        add_large(&server, id, *bytes);
    }
    let mut seen = sizes(&ours, 50, 42);
    seen.sort_unstable();
    assert_eq!(seen.last(), Some(&((100 << 20) + 8)));
    assert_eq!(seen.iter().filter(|size| **size == (1 << 20) + 8).count(), 40);
    let mut link = server.connect();
    let ends: usize = redis::cmd("ZCARD").arg("bull:q:completed").query(&mut link).unwrap();
    assert_eq!(ends, 42);
    let starts: String = redis::cmd("HGET").arg("bull:q:one").arg("ats").query(&mut link).unwrap();
    assert_eq!(starts, "1");
}

struct Bomb;

impl serde::Serialize for Bomb {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        panic!("no JSON of this")
    }
}

/// A panic behind the handler is a failure like one inside it: the job is not held for ever.
#[test]
fn a_value_that_panics_on_its_way_to_json_fails_its_job() {
    let server = Server::start();
    let ours = Ours::on(&server);
    add(&ours, &json!({}), JobOptions::default());
    let stop = CancellationToken::new();
    let worker = Worker::new(ours.conn.clone(), queue_id("q"), WorkerOptions::default());
    let task = ours.runtime.spawn(worker.run(|_| async { Ok::<_, JobError>(Bomb) }, stop.clone()));
    until(|| Dump::of(&server).len("bull:q:failed") == 1);
    assert!(Dump::of(&server).field("bull:q:1", "failedReason").unwrap().contains("no JSON of this"));
    stop.cancel();
    ours.wait(task).unwrap();
}

/// A panic in a back-off of one's own takes the stored delay, and not the worker with it.
#[test]
fn a_strategy_that_panics_costs_neither_job_nor_worker() {
    let server = Server::start();
    let ours = Ours::on(&server);
    let backoff = Some(Backoff::custom("own"));
    let options = JobOptions { attempts: 2, backoff, ..JobOptions::default() };
    add(&ours, &json!({"do": "failTimes", "n": 1}), options);
    let backoffs = Backoffs::default().with("own", |_| panic!("no idea"));
    let running = ours.worker("q", WorkerOptions { backoffs, ..WorkerOptions::default() });
    until(|| completed(&server) == 1);
    ours.stop(running);
}

/// The wait for the marker is ended also where it has not reached the server yet.
#[test]
fn a_worker_that_has_just_begun_to_wait_closes_at_once() {
    let server = Server::start();
    let ours = Ours::on(&server);
    for pause in 0..40 {
        let steered = Steered::start(&ours, WorkerOptions::default());
        std::thread::sleep(Duration::from_micros(pause * 150));
        let began = Instant::now();
        ours.wait(steered.worker.close(false));
        steered.stop(&ours);
        assert!(began.elapsed() < Duration::from_secs(2), "{pause}: {:?}", began.elapsed());
    }
}

/// Keys of a wrong type beside the jobs: the ends are told as what they are.
#[test]
fn damaged_keys_beside_the_jobs_cost_no_end() {
    let server = Server::start();
    let ours = Ours::on(&server);
    add(&ours, &json!({"ms": 300}), JobOptions::default());
    let limiter = Some(Limiter { max: 1000, duration: Duration::from_secs(1) });
    let steered = Steered::start(&ours, WorkerOptions { metrics: 5, limiter, ..WorkerOptions::default() });
    until(|| steered.running() == 1);
    let mut link = server.connect();
    redis::cmd("SET").arg("bull:q:metrics:completed").arg("x").exec(&mut link).unwrap();
    redis::cmd("DEL").arg("bull:q:limiter").exec(&mut link).unwrap();
    redis::cmd("HSET").arg("bull:q:limiter").arg("x").arg(1).exec(&mut link).unwrap();
    let seen = steered.until(|event| matches!(event, WorkerEvent::Completed { .. }));
    assert!(!seen.iter().any(|event| matches!(event, WorkerEvent::LockLost { .. })), "{seen:?}");
    steered.until(|event| matches!(event, WorkerEvent::Error { id: None, .. }));
    assert_eq!(completed(&server), 1);
    redis::cmd("DEL").arg("bull:q:limiter").exec(&mut link).unwrap();
    add(&ours, &json!({}), JobOptions::default());
    until(|| completed(&server) == 2);
    steered.stop(&ours);
}

/// Where finished jobs are filed is no set: they stay active, for the stalled check, and are not lost.
#[test]
fn a_job_that_cannot_be_filed_is_not_lost() {
    let server = Server::start();
    let ours = Ours::on(&server);
    add(&ours, &json!({"ms": 200}), JobOptions::default());
    let steered = Steered::start(&ours, WorkerOptions::default());
    until(|| steered.running() == 1);
    let mut link = server.connect();
    redis::cmd("SET").arg("bull:q:completed").arg("x").exec(&mut link).unwrap();
    steered.until(|event| matches!(event, WorkerEvent::Error { id: Some(_), .. }));
    assert_eq!(Dump::of(&server).members("bull:q:active"), ["1"]);
    steered.stop(&ours);
}

/// An id whose key is no hash is dropped like one without a hash; its key is left alone.
#[test]
fn an_id_that_leads_to_something_else_holds_nobody_up() {
    let server = Server::start();
    let ours = Ours::on(&server);
    add(&ours, &json!({}), JobOptions::default());
    let mut link = server.connect();
    redis::cmd("SET").arg("bull:q:x").arg("text").exec(&mut link).unwrap();
    redis::cmd("RPUSH").arg("bull:q:wait").arg("x").exec(&mut link).unwrap();
    let running = ours.worker("q", WorkerOptions { concurrency: 3, ..WorkerOptions::default() });
    until(|| completed(&server) == 1);
    ours.stop(running);
    let dump = Dump::of(&server);
    assert_eq!((dump.len("bull:q:active"), dump.len("bull:q:wait")), (0, 0));
    assert!(dump.get("bull:q:x").is_some());
}

/// "For ever" is a time like any other.
#[test]
fn durations_without_end_are_served() {
    let server = Server::start();
    let ours = Ours::on(&server);
    let (lock, stalled_interval, drain_delay) = (Duration::MAX, Duration::MAX, Duration::MAX);
    let (grace, cancel_grace, longest_limit) = (Some(Duration::MAX), Duration::MAX, Duration::MAX);
    let limiter = Some(Limiter { max: 9, duration: Duration::MAX });
    let options = WorkerOptions {
        lock,
        stalled_interval,
        drain_delay,
        limiter,
        grace,
        cancel_grace,
        longest_limit,
        ..WorkerOptions::default()
    };
    let steered = Steered::start(&ours, options);
    for jobs in 1..=2 {
        add(&ours, &json!({"ms": 50}), JobOptions::default());
        until(|| completed(&server) == jobs);
    }
    assert!(Dump::of(&server).get("bull:q:stalled-check").is_some());
    steered.stop(&ours);
}

/// A dead fleet's jobs come back all at one look, which asks Redis a bounded piece at a time.
#[test]
fn many_stalled_jobs_are_recovered_piece_by_piece() {
    let server = Server::start();
    let ours = Ours::on(&server);
    ours.wait(ours.queue("q").open()).unwrap();
    let script = "for i = 1, 3500 do redis.call('HSET', 'bull:q:j' .. i, 'name', 'n') \
        redis.call('LPUSH', 'bull:q:active', 'j' .. i) redis.call('SADD', 'bull:q:stalled', 'j' .. i) end";
    let mut link = server.connect();
    redis::cmd("EVAL").arg(script).arg(0).exec(&mut link).unwrap();
    redis::cmd("CONFIG").arg("RESETSTAT").exec(&mut link).unwrap();
    let manual = ours.manual("q", WorkerOptions::default());
    let mut ids = ours.wait(manual.recover_stalled(None)).unwrap();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 3500);
    let dump = Dump::of(&server);
    assert_eq!(
        (dump.len("bull:q:wait"), dump.len("bull:q:active"), dump.len("bull:q:stalled")),
        (3500, 0, 0)
    );
    let stats: String = redis::cmd("INFO").arg("commandstats").query(&mut link).unwrap();
    let calls: u32 = stats
        .lines()
        .filter_map(|line| line.strip_prefix("cmdstat_eval")?.split(['=', ',']).nth(1)?.parse::<u32>().ok())
        .sum();
    assert!((4..=8).contains(&calls), "{stats}");
    // And then nobody looks again before the interval is over.
    assert!(ours.wait(manual.recover_stalled(None)).unwrap().is_empty());
    assert!(Dump::of(&server).get("bull:q:stalled-check").is_some());
}

/// A worker that is told to run fewer jobs leaves the marker to others.
#[test]
fn a_worker_with_fewer_places_takes_no_marker() {
    let server = Server::start();
    let ours = Ours::on(&server);
    let first = Steered::start(&ours, WorkerOptions { concurrency: 2, ..WorkerOptions::default() });
    add(&ours, &json!({"ms": 8000}), JobOptions::default());
    until(|| first.running() == 1);
    // It waits again for its second place, longer than the other worker.
    std::thread::sleep(Duration::from_millis(300));
    first.worker.set_concurrency(1);
    std::thread::sleep(Duration::from_millis(300));
    let second = Steered::start(
        &ours,
        WorkerOptions { drain_delay: Duration::from_secs(30), ..WorkerOptions::default() },
    );
    std::thread::sleep(Duration::from_millis(300));
    let began = Instant::now();
    add(&ours, &json!({"ms": 0}), JobOptions::default());
    until(|| completed(&server) == 1);
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    second.stop(&ours);
    ours.wait(first.worker.close(true));
    first.stop(&ours);
}

/// A job whose back-off nobody here knows is tried again as its options say otherwise.
#[test]
fn an_unknown_back_off_takes_the_stored_delay() {
    let server = Server::start();
    let ours = Ours::on(&server);
    let backoff = Some(Backoff::custom("of another program"));
    let options = JobOptions { attempts: 3, backoff, ..JobOptions::default() };
    add(&ours, &json!({"do": "failTimes", "n": 2}), options);
    let running = ours.worker("q", WorkerOptions::default());
    until(|| completed(&server) == 1);
    assert_eq!(running.ran().len(), 3);
    ours.stop(running);
}
