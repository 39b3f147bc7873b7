//! Our workers beside others: Node's, each other, dead ones.

use std::collections::BTreeMap;
use std::time::Duration;

use rstest::rstest;
use serde_json::{Value, json};
use toril::engine::{JobOptions, WorkerOptions};

use super::ours::{Ours, Running, until};
use crate::support::{Dump, Lib, Node, Server};

fn named(name: &str) -> WorkerOptions {
    WorkerOptions { name: name.to_owned(), ..WorkerOptions::default() }
}

#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn each_side_runs_the_others_jobs(#[case] lib: Lib) {
    let server = Server::start();
    let ours = Ours::on(&server);
    let mut node = Node::start(lib, &server);
    let theirs = node.call(json!({"op": "worker", "queue": "for-node"}));
    let running = ours.worker("for-us", named("w"));
    let data = json!({"do": "failTimes", "n": 1, "return": {"by": "ü"}});
    let kinds = [json!({}), json!({"priority": 2}), json!({"delay": 100}), json!({"lifo": true})];
    for opts in kinds {
        let delay = opts["delay"].as_u64().map(Duration::from_millis);
        let priority = opts["priority"].as_u64().unwrap_or(0) as u32;
        let lifo = opts["lifo"] == true;
        let options = JobOptions { delay, priority, lifo, attempts: 2, ..JobOptions::default() };
        ours.wait(ours.queue("for-node").add("job", &data, options)).unwrap();
        let mut opts = opts;
        opts["attempts"] = json!(2);
        node.call(json!({"op": "add", "queue": "for-us", "name": "job", "data": data, "opts": opts}));
    }
    for queue in ["for-node", "for-us"] {
        until(|| Dump::of(&server).len(&format!("bull:{queue}:completed")) == 4);
        let jobs = node.call(json!({"op": "jobs", "queue": queue, "state": ["completed"]}));
        for job in jobs.as_array().unwrap() {
            assert_eq!(
                (&job["returnvalue"], &job["attemptsMade"]),
                (&json!({"by": "ü"}), &json!(2)),
                "{job}"
            );
        }
    }
    assert_eq!(running.ran().len(), 8);
    ours.stop(running);
    node.call(json!({"op": "workerStop", "handle": theirs}));
}

#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn nodes_dashboards_see_each_worker_once(#[case] lib: Lib) {
    let server = Server::start();
    let ours = Ours::on(&server);
    let mut node = Node::start(lib, &server);
    let mut workers = |queue: &str| {
        node.call(json!({"op": "queueCall", "queue": queue, "method": "getWorkers"}))
            .as_array()
            .unwrap()
            .len()
    };
    assert_eq!(workers("q"), 0);
    let one = ours.worker("q", WorkerOptions { concurrency: 20, ..named("one") });
    let two = ours.worker("q", named(""));
    let elsewhere = ours.worker("other", named("one"));
    until(|| workers("q") == 2);
    ours.stop(one);
    until(|| workers("q") == 1);
    ours.stop(two);
    ours.stop(elsewhere);
    until(|| workers("q") == 0);
}

#[test]
fn no_job_runs_twice_in_a_mixed_fleet() {
    let server = Server::start();
    let ours = Ours::on(&server);
    let mut node = Node::start(Lib::BullMq6, &server);
    let theirs = node.call(json!({"op": "worker", "queue": "q", "concurrency": 5}));
    let fleet = [
        ours.worker("q", WorkerOptions { concurrency: 10, ..named("a") }),
        ours.worker("q", WorkerOptions { concurrency: 1, ..named("b") }),
    ];
    let queue = ours.queue("q");
    for round in 0..10_u32 {
        let jobs = (0..60_u32).map(|n| {
            let delay = (n % 7 == 0).then(|| Duration::from_millis(u64::from(n)));
            let options = JobOptions { priority: n % 3, delay, ..JobOptions::default() };
            ("job".to_owned(), json!({"do": "sleep", "ms": n % 4, "round": round}), options)
        });
        ours.wait(queue.add_bulk(jobs)).unwrap();
    }
    until(|| Dump::of(&server).len("bull:q:completed") == 600);
    let mut runs = BTreeMap::<String, usize>::new();
    let ran = node.call(json!({"op": "workerRan", "handle": theirs}));
    let by_node = ran.as_array().unwrap().iter().map(|run| run["id"].as_str().unwrap().to_owned());
    for id in fleet.iter().flat_map(Running::ran).chain(by_node) {
        *runs.entry(id).or_default() += 1;
    }
    assert_eq!(runs.len(), 600);
    assert!(runs.values().all(|times| *times == 1), "{runs:?}");
    for worker in fleet {
        assert!(!worker.ran().is_empty());
        ours.stop(worker);
    }
    let dump = Dump::of(&server);
    let rest = ["wait", "active", "delayed", "prioritized"].map(|state| dump.len(&format!("bull:q:{state}")));
    assert_eq!(rest, [0; 4]);
    assert!(!dump.keys().iter().any(|key| key.ends_with(":lock")));
}

#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn the_job_of_a_killed_worker_is_recovered(#[case] lib: Lib) {
    let server = Server::start();
    let short = Duration::from_millis(300);
    let options = |name| WorkerOptions { lock: short, stalled_interval: short, ..named(name) };
    let mut node = Node::start(lib, &server);

    // Ours dies, ours and Node's recover.
    let ours = Ours::on(&server);
    let hang = json!({"do": "hang"});
    ours.wait(ours.queue("a").add("job", &hang, JobOptions::default())).unwrap();
    ours.wait(ours.queue("b").add("job", &hang, JobOptions::default())).unwrap();
    let dying = [ours.worker("a", options("x")), ours.worker("b", options("x"))];
    for worker in dying {
        until(|| worker.ran().len() == 1);
        ours.kill(worker);
    }
    let running = ours.worker("a", options("y"));
    let times = json!({"lockDuration": 300, "stalledInterval": 300});
    let theirs = node.call(json!({"op": "worker", "queue": "b", "opts": times}));
    until(|| running.ran().len() == 1);
    node.call(json!({"op": "waitHanging", "handle": theirs}));
    assert_eq!(Dump::of(&server).field("bull:a:1", "stc"), Some("1"));
    node.call(json!({"op": "release", "handle": theirs}));
    node.call(json!({"op": "workerStop", "handle": theirs}));

    // It dies again: more often than a job may stall. The next worker fails it without running it.
    ours.kill(running);
    let last = ours.worker("a", options("z"));
    until(|| Dump::of(&server).len("bull:a:failed") == 1);
    assert!(last.ran().is_empty());
    let dump = Dump::of(&server);
    assert_eq!(dump.field("bull:a:1", "failedReason"), Some("job stalled more than allowable limit"));
    assert_eq!(dump.field("bull:a:1", "defa"), None);
    let events: Vec<&str> = dump.events("bull:a:events", "event");
    assert_eq!(events.iter().filter(|event| **event == "stalled").count(), 2);
    ours.stop(last);
}

#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn the_parent_runs_after_its_children_whoever_runs_them(#[case] lib: Lib) {
    let server = Server::start();
    let ours = Ours::on(&server);
    let mut node = Node::start(lib, &server);
    let child = |name: &str, queue: &str| json!({"name": name, "queueName": queue, "data": {"return": name}});
    let tree = json!({
        "name": "album", "queueName": "q", "data": {},
        "children": [child("a", "thumbs"), child("b", "thumbs"), child("c", "q")],
    });
    let flow = node.call(json!({"op": "flow", "tree": tree}));
    let parent = flow["id"].as_str().unwrap().to_owned();
    let running = ours.worker("q", named("w"));
    until(|| running.ran().len() == 1);
    let thumbs = node.call(json!({"op": "worker", "queue": "thumbs"}));
    until(|| Dump::of(&server).len("bull:q:completed") == 2);
    assert_eq!(running.ran().last(), Some(&parent));
    let values = node.call(json!({"op": "childrenValues", "queue": "q", "job": parent}));
    let mut values: Vec<&str> = values.as_object().unwrap().values().filter_map(Value::as_str).collect();
    values.sort_unstable();
    assert_eq!(values, ["a", "b", "c"]);
    ours.stop(running);
    node.call(json!({"op": "workerStop", "handle": thumbs}));
}

#[test]
fn a_worker_outlives_its_server() {
    let mut server = Server::start();
    let ours = Ours::on(&server);
    let running = ours.worker("q", named("w"));
    ours.wait(ours.queue("q").add("job", &json!({}), JobOptions::default())).unwrap();
    until(|| running.ran().len() == 1);
    server.kill();
    std::thread::sleep(Duration::from_secs(1));
    server.start_again();
    let mut added = false;
    until(|| {
        // The connection may still be between two attempts.
        added = added || ours.wait(ours.queue("q").add("job", &json!({}), JobOptions::default())).is_ok();
        running.ran().len() == 2
    });
    let mut node = Node::start(Lib::BullMq6, &server);
    let workers = node.call(json!({"op": "queueCall", "queue": "q", "method": "getWorkers"}));
    assert_eq!(workers.as_array().unwrap().len(), 1, "{workers}");
    ours.stop(running);
}

#[test]
fn a_job_that_ends_while_the_server_is_silent_is_ended_once_it_answers() {
    let server = Server::start();
    let ours = Ours::on(&server);
    let running = ours.worker("q", named("w"));
    ours.wait(ours.queue("q").add("job", &json!({"do": "sleep", "ms": 300}), JobOptions::default())).unwrap();
    until(|| running.ran().len() == 1);
    server.stop();
    std::thread::sleep(Duration::from_secs(5));
    server.cont();
    until(|| Dump::of(&server).len("bull:q:completed") == 1);
    std::thread::sleep(Duration::from_millis(300));
    ours.wait(ours.queue("q").add("job", &json!({}), JobOptions::default())).unwrap();
    until(|| running.ran().len() == 2);
    let dump = Dump::of(&server);
    assert_eq!(dump.field("bull:q:1", "atm"), Some("1"));
    assert_eq!(dump.field("bull:q:1", "failedReason"), None);
    ours.stop(running);
}

/// Within max(lock, stalled interval) + stalled interval + 1 s, by Redis's own record of both starts.
#[test]
fn a_dead_workers_job_runs_elsewhere_in_time() {
    let server = Server::start();
    let ours = Ours::on(&server);
    let ms = Duration::from_millis;
    let options = || WorkerOptions { lock: ms(1000), stalled_interval: ms(500), ..named("w") };
    ours.wait(ours.queue("q").add("job", &json!({"do": "hang"}), JobOptions::default())).unwrap();
    let dying = ours.worker("q", options());
    until(|| dying.ran().len() == 1);
    let other = ours.worker("q", options());
    ours.kill(dying);
    let died = std::time::Instant::now();
    until(|| other.ran().len() == 1);
    let took = died.elapsed();
    println!("it ran elsewhere {took:?} after");
    // The machine may have much else to do: five times what is left beside the intervals.
    assert!(took < ms(1000 + 500 + 5 * 1000), "{took:?}");
    assert_eq!(Dump::of(&server).field("bull:q:1", "ats"), Some("2"));
    ours.kill(other);
}
