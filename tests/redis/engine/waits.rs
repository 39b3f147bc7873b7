//! Waiting for the end of jobs.

use std::time::{Duration, Instant};

use serde_json::json;
use toril::engine::events::{JobWaiter, WaitError};
use toril::engine::{JobOptions, Keep, WorkerOptions};
use toril::wire::JobId;

use super::ours::{Ours, queue_id, until};
use crate::support::{Dump, Lib, Node, Server};

const LONG: Duration = Duration::from_secs(20);

fn waiter(ours: &Ours) -> JobWaiter {
    ours.runtime.block_on(async { JobWaiter::new(ours.conn.clone(), queue_id("q")) })
}

fn removed() -> JobOptions {
    JobOptions {
        remove_on_complete: Some(Keep::Nothing),
        remove_on_fail: Some(Keep::Nothing),
        ..JobOptions::default()
    }
}

fn connections(server: &Server) -> usize {
    let list: String = redis::cmd("CLIENT").arg("LIST").query(&mut server.connect()).unwrap();
    list.lines().count()
}

#[test]
fn a_thousand_wait_over_one_connection() {
    let server = Server::start();
    let ours = Ours::on(&server);
    let waiter = waiter(&ours);
    let before = connections(&server);
    // Half of them leave nothing but their event.
    let jobs = (0..1000).map(|n| {
        let options = if n % 2 == 0 { removed() } else { JobOptions::default() };
        ("job".to_owned(), json!({"return": {"n": n}}), options)
    });
    let ids: Vec<JobId> =
        ours.wait(ours.queue("q").add_bulk(jobs)).unwrap().into_iter().map(|one| one.unwrap().id).collect();
    let waits: Vec<_> = ids
        .iter()
        .map(|id| {
            let (waiter, id) = (waiter.clone(), id.clone());
            ours.runtime.spawn(async move { waiter.wait_until_finished(&id, LONG).await })
        })
        .collect();
    until(|| connections(&server) > before);
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(connections(&server), before + 1);
    let options = WorkerOptions { concurrency: 10, ..WorkerOptions::default() };
    let running = ours.worker("q", options);
    for (n, wait) in waits.into_iter().enumerate() {
        let value = ours.wait(wait).unwrap().unwrap();
        assert_eq!(value.raw().as_bytes(), format!(r#"{{"n":{n}}}"#).as_bytes());
        assert_eq!(value.read::<serde_json::Value>().unwrap()["n"], n);
    }
    ours.stop(running);
    drop(waiter);
    until(|| connections(&server) <= before);
}

#[test]
fn what_is_over_is_answered_also_when_nothing_of_it_is_left() {
    let server = Server::start();
    let ours = Ours::on(&server);
    let queue = ours.queue("q");
    let add = |data, options| ours.wait(queue.add("job", &data, options)).unwrap();
    let ids = [
        add(json!({"return": 1}), JobOptions::default()),
        add(json!({"return": 2}), removed()),
        add(json!({"do": "fail", "message": "no\u{1b}route"}), JobOptions::default()),
        add(json!({"do": "fail", "message": "gone"}), removed()),
    ];
    let running = ours.worker("q", WorkerOptions::default());
    until(|| Dump::of(&server).len("bull:q:completed") == 1 && Dump::of(&server).len("bull:q:failed") == 1);
    until(|| Dump::of(&server).keys().iter().filter(|key| key.ends_with(":4")).count() == 0);
    ours.stop(running);
    let waiter = waiter(&ours);
    let wait = |id: &JobId| ours.wait(waiter.wait_until_finished(id, LONG));
    assert_eq!(wait(&ids[0]).unwrap().read::<u32>().unwrap(), 1);
    assert_eq!(wait(&ids[1]).unwrap().read::<u32>().unwrap(), 2);
    let Err(error @ WaitError::Failed(_)) = wait(&ids[2]) else { panic!("it did not fail") };
    assert_eq!(error.to_string(), "the job failed: no^[route");
    assert!(matches!(wait(&ids[3]), Err(WaitError::Failed(reason)) if reason.as_bytes() == b"gone"));
    assert_eq!(wait(&JobId::new("never")), Err(WaitError::Missing));
    // Its event is gone as well: nothing tells how it ended.
    redis::cmd("XTRIM").arg(&["bull:q:events", "MAXLEN", "0"]).exec(&mut server.connect()).unwrap();
    assert_eq!(wait(&ids[1]), Err(WaitError::Missing));
    assert_eq!(wait(&ids[0]).unwrap().read::<u32>().unwrap(), 1);
}

#[test]
fn a_wait_ends_with_its_time_or_its_job() {
    let server = Server::start();
    let ours = Ours::on(&server);
    let queue = ours.queue("q");
    let waiter = waiter(&ours);
    let id = ours.wait(queue.add("job", &json!({}), JobOptions::default())).unwrap();
    let began = Instant::now();
    let short = Duration::from_millis(150);
    assert_eq!(ours.wait(waiter.wait_until_finished(&id, short)), Err(WaitError::TimedOut));
    assert!(began.elapsed() >= short);
    let wait = ours.runtime.spawn(async move { waiter.wait_until_finished(&id, LONG).await });
    std::thread::sleep(Duration::from_millis(100));
    let mut node = Node::start(Lib::BullMq6, &server);
    node.call(json!({"op": "remove", "queue": "q", "job": "1"}));
    assert_eq!(ours.wait(wait).unwrap(), Err(WaitError::Missing));
}

/// The news of the first job's end must not be taken for that of the second one.
#[test]
fn an_id_that_is_used_again_is_another_job() {
    let server = Server::start();
    let ours = Ours::on(&server);
    let queue = ours.queue("q");
    let waiter = waiter(&ours);
    let running = ours.worker("q", WorkerOptions::default());
    for n in 0..100 {
        let options = JobOptions { id: Some("one".to_owned()), ..removed() };
        let id = ours.wait(queue.add("job", &json!({"return": n}), options)).unwrap();
        let value = ours.wait(waiter.wait_until_finished(&id, LONG)).unwrap();
        assert_eq!(value.read::<u32>().unwrap(), n);
    }
    ours.stop(running);
}

/// Events that were trimmed before they were read do not leave anybody waiting.
#[test]
fn a_gap_leaves_nobody_waiting() {
    let server = Server::start();
    let ours = Ours::on(&server);
    let queue = ours.queue("q");
    let waiter = waiter(&ours);
    let id = ours.wait(queue.add("job", &json!({"return": 5}), JobOptions::default())).unwrap();
    let wait = {
        let (waiter, id) = (waiter.clone(), id.clone());
        ours.runtime.spawn(async move { waiter.wait_until_finished(&id, LONG).await })
    };
    std::thread::sleep(Duration::from_millis(200));
    // Everything in one step, so that no reader gets in between.
    let steps = "redis.call('RPOP', 'bull:q:wait') redis.call('HSET', 'bull:q:1', 'returnvalue', '5') \
                 redis.call('ZADD', 'bull:q:completed', 1, '1') redis.call('DEL', 'bull:q:events') \
                 redis.call('XADD', 'bull:q:events', '*', 'event', 'x')";
    redis::cmd("EVAL").arg(steps).arg(0).exec(&mut server.connect()).unwrap();
    let began = Instant::now();
    assert_eq!(ours.wait(wait).unwrap().unwrap().read::<u32>().unwrap(), 5);
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}

/// A Node program waits for a job that our worker runs.
#[rstest::rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn node_waits_for_our_worker(#[case] lib: Lib) {
    let server = Server::start();
    let ours = Ours::on(&server);
    let mut node = Node::start(lib, &server);
    node.call(json!({"op": "open", "queue": "q"}));
    let handle = node.call(json!({"op": "events", "queue": "q"}));
    let running = ours.worker("q", WorkerOptions::default());
    for (data, options) in [
        (json!({"do": "sleep", "ms": 300, "return": {"sent": true}}), json!({})),
        (json!({"do": "sleep", "ms": 300, "return": {"sent": true}}), json!({"removeOnComplete": true})),
    ] {
        let id = node.call(json!({"op": "add", "queue": "q", "data": data, "opts": options}));
        let wait =
            json!({"op": "waitUntilFinished", "queue": "q", "job": id, "listener": handle, "ttl": 10_000});
        assert_eq!(node.call(wait), json!({"sent": true}));
    }
    let data = json!({"do": "fail", "message": "no route"});
    let id = node.call(json!({"op": "add", "queue": "q", "data": data}));
    let wait = json!({"op": "waitUntilFinished", "queue": "q", "job": id, "listener": handle, "ttl": 10_000});
    assert_eq!(node.try_call(wait), Err("no route".to_owned()));
    ours.stop(running);
}
