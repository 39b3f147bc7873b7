//! Limits hold a worker back for as long as they must, and no longer.

use std::time::{Duration, Instant};

use serde_json::json;
use toril::engine::{JobOptions, WorkerOptions};

use super::stopwatch::{Noting, gaps};
use crate::engine::ours::{Ours, until};
use crate::support::Server;

fn meta(server: &Server, fields: &[(&str, u64)]) {
    redis::cmd("HSET").arg("bull:q:meta").arg(fields).exec(&mut server.connect()).unwrap();
}

fn add(ours: &Ours, count: usize) {
    let jobs = (0..count).map(|n| ("job".to_owned(), json!({ "n": n }), JobOptions::default()));
    assert!(ours.wait(ours.queue("q").add_bulk(jobs)).unwrap().iter().all(Result::is_ok));
}

fn worker(concurrency: usize) -> WorkerOptions {
    WorkerOptions { concurrency, ..WorkerOptions::default() }
}

/// Five in 200 ms, for two workers together.
#[test]
fn a_rate_limit_lets_each_window_start_as_many_as_it_may() {
    const WINDOW: Duration = Duration::from_millis(200);
    let server = Server::start();
    let ours = Ours::on(&server);
    meta(&server, &[("max", 5), ("duration", WINDOW.as_millis() as u64)]);
    add(&ours, 50);
    let began = Instant::now();
    let fleet = [1, 4].map(|places| Noting::start(&ours, "q", worker(places), Duration::ZERO));
    until(|| fleet.iter().map(Noting::count).sum::<usize>() == 50);
    let took = began.elapsed();
    let mut starts: Vec<Instant> = fleet.iter().flat_map(Noting::starts).collect();
    starts.sort_unstable();
    println!("50 jobs, 5 in 200 ms: {took:?}; between two jobs: {}", gaps(&starts));
    // Ten windows, of which the first opens at once; a start is noted a little after it happened.
    assert!(took + Duration::from_millis(50) >= WINDOW * 9, "{took:?}");
    assert!(took < WINDOW * 9 * 3, "{took:?}");
    assert!(gaps(&starts).longest() < WINDOW * 5);
    for one in fleet {
        one.stop(&ours);
    }
}

/// Three workers of ten places, two jobs at a time in all: never three, and no place waits for a poll.
#[test]
fn a_global_concurrency_is_used_and_never_exceeded() {
    const JOBS: usize = 300;
    let server = Server::start();
    let ours = Ours::on(&server);
    meta(&server, &[("concurrency", 2)]);
    add(&ours, JOBS);
    let began = Instant::now();
    let fleet =
        [10, 10, 10].map(|places| Noting::start(&ours, "q", worker(places), Duration::from_millis(10)));
    let mut most = 0_usize;
    let mut link = server.connect();
    until(|| {
        most = most.max(redis::cmd("LLEN").arg("bull:q:active").query(&mut link).unwrap());
        fleet.iter().map(Noting::count).sum::<usize>() == JOBS
    });
    let mut starts: Vec<Instant> = fleet.iter().flat_map(Noting::starts).collect();
    starts.sort_unstable();
    println!("300 jobs of 10 ms, two at a time: {:?}; between two jobs: {}", began.elapsed(), gaps(&starts));
    assert_eq!(most, 2);
    assert!(gaps(&starts).longest() < Duration::from_millis(500), "{}", gaps(&starts));
    for one in fleet {
        one.stop(&ours);
    }
}
