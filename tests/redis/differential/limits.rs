//! Limits of a worker and of a queue.

use std::time::{Duration, Instant};

use rstest::rstest;
use serde_json::json;
use toril::engine::{JobOptions, Limiter, WorkerOptions};

use super::fetch::{Hands, named};
use super::pair::{Pair, finished, plain};
use crate::engine::ours::{Ours, until};
use crate::support::{Content, Dump, Lib, Server};

fn limited(max: u32, ms: u64) -> WorkerOptions {
    WorkerOptions { limiter: Some(Limiter { max, duration: Duration::from_millis(ms) }), ..named() }
}

fn opts(max: u32, ms: u64) -> serde_json::Value {
    json!({"limiter": {"max": max, "duration": ms}})
}

fn of_both(pair: &Pair, words: &[&str]) {
    for server in &pair.servers {
        redis::cmd(words[0]).arg(&words[1..]).exec(&mut server.connect()).unwrap();
    }
}

#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn case_38_a_job_that_meets_a_rate_limit_goes_back(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    pair.add(
        "job",
        &json!({"do": "limit", "ms": 300}),
        &json!({"attempts": 2}),
        JobOptions { attempts: 2, ..plain() },
    );
    pair.add("behind", &json!({}), &json!({}), plain());
    let began = Instant::now();
    pair.run(&opts(9, 50), limited(9, 50), |dump| finished(dump, 2));
    assert!(began.elapsed() >= Duration::from_millis(600), "each side waits: {:?}", began.elapsed());
    let gone = |pair: &Pair| (0..2).all(|side| Dump::of(&pair.servers[side]).get("bull:q:limiter").is_none());
    until(|| gone(&pair));
    pair.compare();
    let dump = Dump::of(&pair.servers[1]);
    assert_eq!((dump.field("bull:q:1", "ats"), dump.field("bull:q:1", "atm")), (Some("2"), Some("1")));
}

/// The times (ms) at which jobs began, after the first one.
fn starts(server: &Server, jobs: usize) -> Vec<i64> {
    let dump = Dump::of(server);
    let mut starts: Vec<i64> = (1..=jobs)
        .map(|id| dump.field(&format!("bull:q:{id}"), "processedOn").unwrap().parse().unwrap())
        .collect();
    starts.sort_unstable();
    starts.iter().map(|at| at - starts[0]).collect()
}

#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn case_39_a_window_lets_as_many_start(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    for n in 0..6_u32 {
        let priority = n % 2;
        let theirs = if priority > 0 { json!({"priority": priority}) } else { json!({}) };
        pair.add("job", &json!({}), &theirs, JobOptions { priority, ..plain() });
    }
    pair.run(&opts(2, 500), limited(2, 500), |dump| finished(dump, 6));
    for server in &pair.servers {
        let starts = starts(server, 6);
        // Two a window; windows begin with the first start, and may begin late on a busy machine.
        for (at, start) in starts.iter().enumerate() {
            assert!(*start >= i64::try_from(at).unwrap() / 2 * 500 - 20, "{starts:?}");
        }
        assert!(starts[5] < 5_000, "{starts:?}");
    }
    let order = |side: usize| Dump::of(&pair.servers[side]).events("bull:q:events", "event").len();
    assert_eq!(order(0), order(1));
    until(|| (0..2).all(|side| Dump::of(&pair.servers[side]).get("bull:q:limiter").is_none()));
    pair.compare();
}

/// The limiter's key after one start, and when its window ends.
fn window(server: &Server) -> (String, i64) {
    let left: i64 = redis::cmd("PTTL").arg("bull:q:limiter").query(&mut server.connect()).unwrap();
    match Dump::of(server).get("bull:q:limiter") {
        Some(Content::String(count)) => (count.clone(), left),
        other => panic!("{other:?}"),
    }
}

#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn case_40_the_queues_max_counts_and_the_workers_window(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    for _ in 0..3 {
        pair.add("job", &json!({}), &json!({}), plain());
    }
    of_both(&pair, &["HSET", "bull:q:meta", "max", "2", "duration", "1000000"]);
    let hands = Hands::of(&mut pair, &opts(1, 60_000), limited(1, 60_000));
    hands.take(&mut pair).unwrap();
    for server in &pair.servers {
        let (count, left) = window(server);
        assert_eq!(count, "1");
        assert!((1..=60_000).contains(&left), "the worker's window: {left}");
    }
    assert!(hands.take(&mut pair).is_some(), "the queue's two, not the worker's one");
    assert!(hands.take(&mut pair).is_none());
    pair.compare();
    // Without a window of its own a worker goes by the queue's.
    of_both(&pair, &["DEL", "bull:q:limiter"]);
    let plain_hands = Hands::of(&mut pair, &json!({}), named());
    plain_hands.take(&mut pair).unwrap();
    for server in &pair.servers {
        assert!(window(server).1 > 60_000);
    }
    pair.compare();
}

#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn case_41_no_more_run_than_the_queue_allows(#[case] lib: Lib) {
    let server = Server::start();
    let ours = Ours::on(&server);
    let mut node = crate::support::Node::start(lib, &server);
    node.call(json!({"op": "setGlobalConcurrency", "queue": "q", "concurrency": 2}));
    let theirs = node.call(json!({"op": "worker", "queue": "q", "concurrency": 3, "name": "n"}));
    let workers = [1, 10].map(|concurrency| ours.worker("q", WorkerOptions { concurrency, ..named() }));
    let queue = ours.queue("q");
    let jobs = (0..60).map(|_| ("job".to_owned(), json!({"do": "sleep", "ms": 10}), plain()));
    ours.wait(queue.add_bulk(jobs)).unwrap();
    let mut most = 0;
    let began = Instant::now();
    until(|| {
        let active: usize = redis::cmd("LLEN").arg("bull:q:active").query(&mut server.connect()).unwrap();
        most = most.max(active);
        Dump::of(&server).len("bull:q:completed") == 60
    });
    assert!((1..=2).contains(&most), "{most}");
    // 30 turns of two jobs: a poll of 5 s in between would show.
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    for worker in workers {
        ours.stop(worker);
    }
    node.call(json!({"op": "workerStop", "handle": theirs}));
}

#[rstest]
#[case(Lib::BullMq5, false)]
#[case(Lib::BullMq6, true)]
fn case_42_a_job_that_fails_unrun_costs_nothing_of_the_limit(#[case] lib: Lib, #[case] free: bool) {
    let mut pair = Pair::new(lib);
    for _ in 0..2 {
        pair.add("job", &json!({}), &json!({}), plain());
    }
    of_both(&pair, &["HSET", "bull:q:1", "defa", "a child failed"]);
    let hands = Hands::of(&mut pair, &opts(1, 60_000), limited(1, 60_000));
    // 5.81 fails such a job at once, and gives the next one or none.
    let theirs = pair.node.call(json!({"op": "take", "handle": hands.handle, "queue": "q"}));
    let ours = pair.ours.wait(hands.manual.fetch(None)).unwrap().unwrap();
    assert_eq!(ours.id.lossless(), "1");
    assert_eq!(Dump::of(&pair.servers[1]).get("bull:q:limiter"), None, "as from 6.2.2 on");
    assert_eq!(Dump::of(&pair.servers[0]).get("bull:q:limiter").is_none(), free, "{theirs}");
    if free {
        pair.compare();
    }
}
