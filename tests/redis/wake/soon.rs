//! Ready jobs start at once, due ones when they are due, and a backlog drains without a pause.

use std::time::{Duration, Instant};

use rstest::rstest;
use serde_json::json;
use toril::engine::{JobOptions, WorkerOptions};

use super::stopwatch::{Noting, Times, gaps, now_ms};
use crate::engine::ours::{Ours, until};
use crate::support::Server;

/// Wanted: 50 ms. A worker that has missed its wake-up looks by itself after five seconds.
const SOON: Duration = Duration::from_millis(250);
/// Wanted: 100 ms between two jobs of a backlog.
const PAUSE: Duration = Duration::from_millis(500);

fn worker(concurrency: usize) -> WorkerOptions {
    WorkerOptions { concurrency, ..WorkerOptions::default() }
}

#[rstest]
#[case(1, 1)]
#[case(10, 1)]
#[case(3, 4)]
fn a_new_job_starts_at_once_beside_one_that_is_due_tomorrow(
    #[case] concurrency: usize,
    #[case] workers: usize,
) {
    const ROUNDS: usize = 60;
    let server = Server::start();
    let ours = Ours::on(&server);
    let queue = ours.queue("q");
    let tomorrow = JobOptions { delay: Some(Duration::from_secs(86_400)), ..JobOptions::default() };
    ours.wait(queue.add("far", &json!({}), tomorrow)).unwrap();
    let fleet: Vec<Noting> =
        (0..workers).map(|_| Noting::start(&ours, "q", worker(concurrency), Duration::ZERO)).collect();
    std::thread::sleep(Duration::from_millis(300));
    let mut times = Vec::new();
    for round in 0..ROUNDS {
        let began = Instant::now();
        ours.wait(queue.add("now", &json!({}), JobOptions::default())).unwrap();
        let all = || fleet.iter().map(Noting::count).sum::<usize>();
        until(|| all() == round + 1);
        let start = fleet.iter().flat_map(Noting::starts).max().unwrap();
        times.push(start.saturating_duration_since(began));
        std::thread::sleep(Duration::from_millis(round as u64 % 17));
    }
    let times = Times::new(times);
    println!("concurrency {concurrency}, {workers} workers: from the add to the start: {times}");
    assert!(times.share(0.9) < SOON && times.longest() < Duration::from_secs(2), "{times}");
    for one in fleet {
        one.stop(&ours);
    }
}

#[rstest]
#[case(1)]
#[case(10)]
#[case(100)]
fn a_backlog_drains_without_a_pause(#[case] concurrency: usize) {
    const JOBS: usize = 20_000;
    let server = Server::start();
    let ours = Ours::on(&server);
    let queue = ours.queue("q");
    for _ in 0..JOBS / 2000 {
        let jobs = (0..2000).map(|n| ("job".to_owned(), json!({ "n": n }), JobOptions::default()));
        assert!(ours.wait(queue.add_bulk(jobs)).unwrap().iter().all(Result::is_ok));
    }
    let began = Instant::now();
    let running = Noting::start(&ours, "q", worker(concurrency), Duration::ZERO);
    while running.count() < JOBS {
        assert!(began.elapsed() < Duration::from_secs(120), "{} of {JOBS}", running.count());
        std::thread::sleep(Duration::from_millis(20));
    }
    let pauses = gaps(&running.starts());
    let starts = running.starts();
    let at = (1..starts.len()).max_by_key(|n| starts[*n] - starts[n - 1]).unwrap();
    println!(
        "concurrency {concurrency}: {:?} in all; between two jobs: {pauses}; the longest before job {at}",
        began.elapsed()
    );
    assert!(pauses.longest() < PAUSE, "{pauses}");
    running.stop(&ours);
}

/// One of several workers learns of the due time and waits for it, whoever else does.
#[test]
fn delayed_jobs_start_on_time_with_several_workers() {
    const JOBS: u64 = 150;
    let server = Server::start();
    let ours = Ours::on(&server);
    let fleet: Vec<Noting> =
        (0..4).map(|_| Noting::start(&ours, "q", worker(2), Duration::from_millis(3))).collect();
    std::thread::sleep(Duration::from_millis(200));
    let queue = ours.queue("q");
    for n in 0..JOBS {
        let (made, delay) = (now_ms().floor(), 50 + (n * 7919) % 2500);
        let options = JobOptions {
            delay: Some(Duration::from_millis(delay)),
            timestamp: Some(made as i64),
            ..JobOptions::default()
        };
        ours.wait(queue.add("job", &json!({ "at": made + delay as f64 }), options)).unwrap();
    }
    until(|| fleet.iter().map(Noting::count).sum::<usize>() == JOBS as usize);
    let late: Vec<f64> = fleet.iter().flat_map(Noting::late).collect();
    let early = late.iter().copied().fold(f64::INFINITY, f64::min);
    let times = Times::new(late.iter().map(|ms| Duration::from_secs_f64(ms.max(0.0) / 1000.0)).collect());
    println!("behind the due time: {times}, earliest {early:.1} ms");
    // A job is due in the whole of its millisecond.
    assert!(early > -1.5, "{early} ms early");
    assert!(times.share(0.9) < SOON && times.longest() < Duration::from_secs(2), "{times}");
    for one in fleet {
        one.stop(&ours);
    }
}

/// The worker that took the marker of a due time dies with it: another one finds the job when it
/// next looks by itself, at the latest.
#[test]
fn a_due_job_is_found_though_the_worker_that_waited_for_it_died() {
    let server = Server::start();
    let ours = Ours::on(&server);
    let quick = WorkerOptions { drain_delay: Duration::from_secs(1), ..worker(1) };
    let dying = Noting::start(&ours, "q", quick.clone(), Duration::ZERO);
    std::thread::sleep(Duration::from_millis(200));
    let options = JobOptions { delay: Some(Duration::from_millis(800)), ..JobOptions::default() };
    ours.wait(ours.queue("q").add("job", &json!({}), options)).unwrap();
    let began = Instant::now();
    let marker = || -> u64 { redis::cmd("ZCARD").arg("bull:q:marker").query(&mut server.connect()).unwrap() };
    until(|| marker() == 0);
    let other = Noting::start(&ours, "q", quick, Duration::ZERO);
    dying.kill(&ours);
    until(|| other.count() == 1);
    println!("found {:?} after it was added", began.elapsed());
    assert!(began.elapsed() < Duration::from_millis(800 + 1000 + 1000), "{:?}", began.elapsed());
    other.stop(&ours);
}
