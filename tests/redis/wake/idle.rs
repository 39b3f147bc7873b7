//! What a worker costs that has nothing to do.

use std::collections::BTreeMap;
use std::time::Duration;

use rstest::rstest;
use serde_json::json;
use toril::engine::{JobOptions, WorkerOptions};

use crate::engine::ours::Ours;
use crate::support::{Lib, Node, Server};

const WATCHED: Duration = Duration::from_secs(20);

/// How often each command was called, by clients and by scripts.
fn calls(server: &Server) -> BTreeMap<String, i64> {
    let info: String = redis::cmd("INFO").arg("commandstats").query(&mut server.connect()).unwrap();
    let lines = info.lines().filter_map(|line| line.strip_prefix("cmdstat_"));
    let of = |line: &str| {
        let (name, rest) = line.split_once(":calls=")?;
        Some((name.to_owned(), rest.split(',').next()?.parse().ok()?))
    };
    lines.filter_map(of).filter(|(name, _)| name != "info").collect()
}

fn since(before: &BTreeMap<String, i64>, after: &BTreeMap<String, i64>) -> BTreeMap<String, i64> {
    let change = |(name, count): (&String, &i64)| (name.clone(), count - before.get(name).unwrap_or(&0));
    after.iter().map(change).filter(|(_, count)| *count > 0).collect()
}

/// Alone on an empty queue, and on one with a job that is due tomorrow.
#[rstest]
#[case(false)]
#[case(true)]
fn an_idle_worker_sends_no_more_than_nodes(#[case] delayed: bool) {
    let servers = [Server::start(), Server::start()];
    let ours = Ours::on(&servers[1]);
    let mut node = Node::start(Lib::BullMq6, &servers[0]);
    if delayed {
        node.call(json!({"op": "add", "queue": "q", "data": {}, "opts": {"delay": 86_400_000}}));
        let delay = Some(Duration::from_secs(86_400));
        let options = JobOptions { delay, ..JobOptions::default() };
        ours.wait(ours.queue("q").add("job", &json!({}), options)).unwrap();
    }
    node.call(json!({"op": "worker", "queue": "q", "concurrency": 10}));
    let running = ours.worker("q", WorkerOptions { concurrency: 10, ..WorkerOptions::default() });
    std::thread::sleep(Duration::from_secs(1));
    let before = servers.each_ref().map(calls);
    std::thread::sleep(WATCHED);
    let [theirs, own] = [0, 1].map(|side| since(&before[side], &calls(&servers[side])));
    let [sum, own_sum] = [&theirs, &own].map(|counts| counts.values().sum::<i64>());
    println!("in {WATCHED:?}, a job delayed: {delayed}: Node {sum} {theirs:?}; ours {own_sum} {own:?}");
    assert!(own_sum <= sum, "ours {own_sum} {own:?}, Node {sum} {theirs:?}");
    ours.stop(running);
}
