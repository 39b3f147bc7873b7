//! Fifty sound queues under load, of BullMQ 5, BullMQ 6 and ours: not one finding.
//!
//! A minute, or five with `TORIL_TEST_WHOLE=1`.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::json;
use toril::engine::read::doctor::{Phase, Progress, Scope, examine};
use toril::engine::schedule::{Repeat, Template};
use toril::engine::{JobOptions, WorkerOptions};
use toril::insight::doctor::Doctor;
use toril::wire::QueueId;

use super::id;
use crate::engine::ours::Ours;
use crate::support::{Lib, Node, Server};

fn names(of: &str, count: usize) -> Vec<String> {
    (0..count).map(|n| format!("{of}-{n}")).collect()
}

fn length() -> Duration {
    let whole = std::env::var("TORIL_TEST_WHOLE").is_ok_and(|value| value == "1");
    Duration::from_secs(if whole { 300 } else { 60 })
}

#[test]
fn nothing_is_found_on_fifty_busy_queues() {
    let server = Server::start();
    let (five, six, of_ours) = (names("five", 20), names("six", 20), names("ours", 10));
    let mut nodes = [Node::start(Lib::BullMq5, &server), Node::start(Lib::BullMq6, &server)];
    for (node, names) in nodes.iter_mut().zip([&five, &six]) {
        node.call(json!({"op": "busy", "names": names, "everyMs": 700}));
    }
    let ours = Ours::on(&server);
    let workers: Vec<_> = of_ours
        .iter()
        .map(|name| ours.worker(name, WorkerOptions { concurrency: 3, ..WorkerOptions::default() }))
        .collect();
    for name in &of_ours {
        let beat = Template::named("beat");
        ours.wait(ours.queue(name).upsert_scheduler("beat", Repeat::every(Duration::from_secs(1)), beat))
            .unwrap();
    }
    let stop = Arc::new(AtomicBool::new(false));
    let added = Arc::new(AtomicU64::new(0));
    let produced = {
        let (stop, added) = (stop.clone(), added.clone());
        let queues: Vec<_> = of_ours.iter().map(|name| ours.queue(name)).collect();
        ours.runtime.spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                for queue in &queues {
                    let n = added.fetch_add(1, Ordering::Relaxed);
                    let opts = JobOptions {
                        delay: (n % 5 == 0).then_some(Duration::from_millis(300)),
                        priority: u32::try_from(n % 3).unwrap(),
                        attempts: 2,
                        ..JobOptions::default()
                    };
                    queue.add("job", &json!({"do": "ok", "n": n}), opts).await.unwrap();
                }
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
        })
    };
    let all: Vec<QueueId> = [five, six, of_ours].concat().iter().map(|name| id(name)).collect();
    // As the program looks, but sooner again, and twice as fast: more rounds in the same minute.
    let scope = Scope { again: Duration::from_secs(4), share: 0.02, jobs: 300, ..Scope::default() };
    let end = Instant::now() + length();
    let (mut rounds, mut looked) = (0, 0);
    let suspects = Arc::new(Mutex::new(0));
    while Instant::now() < end {
        let seen = suspects.clone();
        let tell = move |progress: Progress| {
            if progress.phase == Phase::Done {
                *seen.lock().unwrap() += progress.suspects;
            }
        };
        let found = ours.runtime.block_on(examine(&ours.conn, &all, scope, &Doctor, tell)).unwrap();
        assert!(found.findings.is_empty(), "in round {rounds}: {:#?}", found.findings);
        assert_eq!(found.progress.queues, 50);
        rounds += 1;
        looked += found.progress.jobs;
    }
    stop.store(true, Ordering::Relaxed);
    ours.wait(produced).unwrap();
    for worker in workers {
        ours.stop(worker);
    }
    let mut by_node = 0;
    for node in &mut nodes {
        let told = node.call(json!({"op": "busyStop"}));
        assert_eq!(told["errors"], json!([]));
        by_node += told["added"].as_u64().unwrap();
    }
    let (by_us, passing) = (added.load(Ordering::Relaxed), suspects.lock().unwrap());
    assert!(rounds >= 2 && looked > 0 && by_node > 100 && by_us > 100, "{rounds} {looked} {by_node} {by_us}");
    // A figure for whoever reads the log: what one look alone would have told.
    eprintln!("{rounds} rounds, {looked} jobs looked at, {} adds, {passing} passing states", by_node + by_us);
}
