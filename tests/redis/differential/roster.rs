//! How Node's own tools see our workers, listeners and jobs.

use std::time::Duration;

use rstest::rstest;
use serde_json::{Value, json};
use toril::engine::events::{EventsOptions, QueueEvents};
use toril::engine::{JobOptions, WorkerOptions};

use super::pair::{Pair, plain};
use crate::engine::ours::{Ours, queue_id, until};
use crate::support::{Lib, Node, Server};

/// What `getWorkers` tells of each worker, without what differs from one connection to the next.
fn workers(node: &mut Node) -> Vec<Value> {
    let listed = node.call(json!({"op": "workers", "queue": "q"}));
    let mut names: Vec<Value> =
        listed.as_array().unwrap().iter().map(|one| json!([one["name"], one["rawname"]])).collect();
    names.sort_by_key(Value::to_string);
    names
}

fn count(node: &mut Node) -> Value {
    node.call(json!({"op": "workersCount", "queue": "q"}))
}

#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn case_69_a_worker_is_seen_once(#[case] lib: Lib) {
    let servers = [Server::start(), Server::start()];
    let mut node = Node::start(lib, &servers[0]);
    let mut reader = Node::start(lib, &servers[1]);
    let ours = Ours::on(&servers[1]);
    assert_eq!(count(&mut reader), 0);
    // A producer and a listener of ours are no workers.
    ours.wait(ours.queue("q").add("job", &json!({"do": "hang"}), plain())).unwrap();
    let listener = ours.wait(QueueEvents::open(&ours.conn, queue_id("q"), EventsOptions::default())).unwrap();
    assert_eq!(count(&mut reader), 0);
    let mut handles = Vec::new();
    let mut running = Vec::new();
    // One that is busy, idle ones, with many places, with a name and without, and of another queue.
    for (name, concurrency) in [("w1", 1), ("", 10), ("a:w:b", 3), ("", 1)] {
        let mut worker = json!({"op": "worker", "queue": "q", "concurrency": concurrency});
        if !name.is_empty() {
            worker["name"] = name.into();
        }
        handles.push(node.call(worker));
        running.push(
            ours.worker("q", WorkerOptions { name: name.to_owned(), concurrency, ..Default::default() }),
        );
    }
    let other = ours.worker("other", WorkerOptions::default());
    until(|| count(&mut reader) == 4);
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(count(&mut reader), 4);
    until(|| count(&mut node) == 4);
    assert_eq!(workers(&mut reader), workers(&mut node));
    let listeners = reader.call(json!({"op": "queueCall", "queue": "q", "method": "getQueueEvents"}));
    assert_eq!(listeners.as_array().unwrap().len(), 1);
    drop(listener);

    ours.kill(running.remove(0));
    until(|| count(&mut reader) == 3);
    for one in running {
        ours.kill(one);
    }
    until(|| count(&mut reader) == 0);
    ours.kill(other);
}

/// The calls that a dashboard makes give the same answers about jobs that ours added and ran as about those that
/// Node did.
#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn case_69_dashboards_list_jobs(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    let order =
        json!({"return": {"sent": [true, null]}, "progress": [{"step": "half"}], "log": ["one", "two"]});
    pair.add("ok", &order, &json!({}), plain());
    let failing = json!({"do": "fail", "message": "no route"});
    pair.add("fails", &failing, &json!({"attempts": 2}), JobOptions { attempts: 2, ..plain() });
    let worker = WorkerOptions { name: "w".to_owned(), metrics: 10, ..WorkerOptions::default() };
    pair.run(&json!({"metrics": {"maxDataPoints": 10}}), worker, |dump| super::pair::finished(dump, 2));
    pair.add("waits", &json!({"to": "zoë"}), &json!({}), plain());
    pair.add("first", &json!({}), &json!({"priority": 5}), JobOptions { priority: 5, ..plain() });
    let later = JobOptions { delay: Some(Duration::from_secs(3600)), ..plain() };
    pair.add("later", &json!({}), &json!({"delay": 3_600_000}), later);
    let mut reader = Node::start(lib, &pair.servers[1]);

    let mut both = |request: Value| [pair.node.call(request.clone()), reader.call(request)];
    let [theirs, ours] = both(json!({"op": "counts", "queue": "q"}));
    assert_eq!(theirs, ours);
    assert_eq!([&ours["waiting"], &ours["prioritized"], &ours["delayed"]], [1, 1, 1]);
    assert_eq!([&ours["completed"], &ours["failed"]], [1, 1]);
    for state in
        ["waiting", "prioritized", "delayed", "completed", "failed", "active", "paused", "waiting-children"]
    {
        let [theirs, ours] =
            both(json!({"op": "jobs", "queue": "q", "state": [state], "start": 0, "end": 9}));
        assert_eq!(shown(theirs), shown(ours), "{state}");
    }
    for id in 1..=5 {
        let [theirs, ours] = both(json!({"op": "state", "queue": "q", "job": id}));
        assert_eq!(theirs, ours);
        let [theirs, ours] = both(json!({"op": "logs", "queue": "q", "job": id}));
        assert_eq!(theirs, ours);
        let [theirs, ours] = both(json!({"op": "job", "queue": "q", "job": id}));
        assert_eq!(shown(json!([theirs])), shown(json!([ours])));
    }
    let [theirs, ours] = both(json!({"op": "isPaused", "queue": "q"}));
    assert_eq!((theirs, ours), (json!(false), json!(false)));
    let [theirs, ours] = both(json!({"op": "metrics", "queue": "q"}));
    assert_eq!((&theirs["count"], &theirs["meta"]["count"]), (&ours["count"], &ours["meta"]["count"]));
}

/// Jobs as a dashboard shows them: times, and what files a stack goes through, differ.
fn shown(mut jobs: Value) -> Value {
    for job in jobs.as_array_mut().unwrap() {
        for time in ["timestamp", "processedOn", "finishedOn"] {
            if job[time].is_number() {
                job[time] = "ms".into();
            }
        }
        for trace in job["stacktrace"].as_array_mut().into_iter().flatten() {
            *trace = trace.as_str().unwrap().lines().next().unwrap().into();
        }
    }
    jobs
}
