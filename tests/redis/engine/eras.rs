//! Our producer and worker write to queues of BullMQ 5 and 6 and to new ones, and to no other.

use std::time::Duration;

use rstest::rstest;
use serde_json::json;
use toril::engine::op::Code;
use toril::engine::{AddError, FlowJob, JobOptions, WorkError, WorkerOptions};

use super::ours::{Ours, queue_id, until};
use crate::support::{Dump, Lib, Node, Server};

/// What our producer and worker are answered on `queue`; each step is tried.
#[track_caller]
fn assert_refused(ours: &Ours, server: &Server, queue: &str, what: &str) {
    let before = Dump::of(server);
    let plain = JobOptions::default;
    let add = ours.wait(ours.queue(queue).add("job", &json!({}), plain()));
    assert_eq!(add, Err(AddError::Refused(Code::WrongEra)), "{what}");
    let custom = JobOptions { id: Some("mine".to_owned()), delay: Some(Duration::from_secs(9)), ..plain() };
    let bulk = [("a".to_owned(), json!({}), plain()), ("b".to_owned(), json!({}), custom)];
    let bulk = ours.wait(ours.queue(queue).add_bulk(bulk)).unwrap();
    assert_eq!(bulk, vec![Err(AddError::Refused(Code::WrongEra)); 2], "{what}");
    for (parent, child) in [("new", queue), (queue, "new")] {
        let job = |name: &str| FlowJob::new(queue_id(name), "job", &json!({}));
        let flow = ours.wait(ours.queue(parent).add_flow(job(parent).child(job(child))));
        let refused = flow.unwrap_err();
        assert_eq!(refused.cause, AddError::Refused(Code::WrongEra), "{what}");
        assert_eq!(refused.job.unwrap().0, queue_id(queue), "{what}");
    }
    let manual = ours.manual(queue, WorkerOptions::default());
    let fetched = ours.wait(manual.fetch(None)).map(|job| job.map(|job| job.id));
    assert_eq!(fetched, Err(WorkError::Refused(Code::WrongEra)), "{what}");
    let recovered = ours.wait(manual.recover_stalled(None));
    assert_eq!(recovered, Err(WorkError::Refused(Code::WrongEra)), "{what}");
    assert_eq!(Dump::of(server), before, "{what}");
}

#[rstest]
#[case(Lib::Bull4)]
#[case(Lib::BullMq4)]
fn nothing_is_written_to_queues_of_older_libraries(#[case] lib: Lib) {
    let server = Server::start();
    let ours = Ours::on(&server);
    let mut node = Node::start(lib, &server);
    node.call(json!({"op": "open", "queue": "q"}));
    node.call(json!({"op": "add", "queue": "q", "name": "job", "data": {}, "opts": {}}));
    assert_refused(&ours, &server, "q", "one job waits");
    node.call(json!({"op": "add", "queue": "q", "name": "job", "data": {}, "opts": {"priority": 3}}));
    node.call(json!({"op": "add", "queue": "q", "name": "job", "data": {}, "opts": {"delay": 1}}));
    node.call(json!({"op": "pause", "queue": "q"}));
    assert_refused(&ours, &server, "q", "paused");
    node.call(json!({"op": "resume", "queue": "q"}));
    let handle = node.call(json!({"op": "worker", "queue": "q"}));
    node.call(json!({"op": "waitIdle", "queue": "q", "delayed": true}));
    node.call(json!({"op": "workerStop", "handle": handle, "force": true}));
    assert_refused(&ours, &server, "q", "all its jobs ran");
    // Up to 4.17 there is no version; what its jobs look like tells.
    redis::cmd("HDEL").arg("bull:q:meta").arg("version").exec(&mut server.connect()).unwrap();
    assert_refused(&ours, &server, "q", "without a version");

    // Our worker waits, and leaves the job alone.
    node.call(json!({"op": "add", "queue": "q", "name": "job", "data": {}, "opts": {}}));
    let before = Dump::of(&server);
    let drain_delay = Duration::from_millis(20);
    let running = ours.worker("q", WorkerOptions { drain_delay, ..WorkerOptions::default() });
    let calls = || redis::cmd("INFO").arg("commandstats").query::<String>(&mut server.connect()).unwrap();
    let tried = |calls: &str| {
        let line = calls.lines().find(|line| line.starts_with("cmdstat_evalsha:")).unwrap_or_default();
        line.split(['=', ',']).nth(1).and_then(|count| count.parse::<u32>().ok()).unwrap_or(0)
    };
    let first = tried(&calls());
    until(|| tried(&calls()) > first + 2);
    assert!(running.ran().is_empty());
    ours.stop(running);
    assert_eq!(Dump::of(&server), before);
}

/// Trap T22: `version` names the last client that opened the queue, not those that use it.
#[test]
fn what_writers_leave_counts_more_than_the_last_visitor() {
    let server = Server::start();
    let ours = Ours::on(&server);
    let mut visitor = Node::start(Lib::BullMq4, &server);
    let mut six = Node::start(Lib::BullMq6, &server);
    let worker = WorkerOptions { name: "w".to_owned(), ..WorkerOptions::default() };

    // Jobs that BullMQ 6 added and no worker has looked at: its marker.
    six.call(json!({"op": "add", "queue": "six", "name": "job", "data": {}, "opts": {}}));
    visitor.call(json!({"op": "open", "queue": "six"}));
    let version = Dump::of(&server).field("bull:six:meta", "version").map(str::to_owned);
    assert!(version.is_some_and(|version| version.starts_with("bullmq:4")));
    let manual = ours.manual("six", worker.clone());
    let job = ours.wait(manual.fetch(None)).unwrap().unwrap();
    // The job that runs was started as only BullMQ 5 on does.
    redis::cmd("DEL").arg("bull:six:marker").exec(&mut server.connect()).unwrap();
    ours.wait(ours.queue("six").add("job", &json!({}), JobOptions::default())).unwrap();
    ours.wait(manual.complete(&job, &(), None)).unwrap();

    // A queue of ours says so.
    ours.wait(ours.queue("mine").add("job", &json!({}), JobOptions::default())).unwrap();
    redis::cmd("DEL").arg("bull:mine:marker").exec(&mut server.connect()).unwrap();
    visitor.call(json!({"op": "open", "queue": "mine"}));
    assert!(ours.wait(ours.manual("mine", worker.clone()).fetch(None)).unwrap().is_some());

    // A queue of Bull stays one when BullMQ 6 has looked at it.
    let mut bull = Node::start(Lib::Bull4, &server);
    bull.call(json!({"op": "add", "queue": "bull", "name": "job", "data": {}, "opts": {}}));
    six.call(json!({"op": "open", "queue": "bull"}));
    assert_refused(&ours, &server, "bull", "a queue of Bull that BullMQ 6 opened");
}

#[test]
fn pro_is_left_alone_and_a_queue_that_nobody_has_written_is_anybodys() {
    let server = Server::start();
    let ours = Ours::on(&server);
    assert!(ours.wait(ours.manual("new", WorkerOptions::default()).fetch(None)).unwrap().is_none());
    let mut link = server.connect();
    redis::cmd("HSET").arg("bull:named:meta").arg("version").arg("bullmq-pro:7.0.0").exec(&mut link).unwrap();
    assert_refused(&ours, &server, "named", "its version names Pro");
    redis::cmd("ZADD").arg("bull:grouped:groups").arg(0).arg("g").exec(&mut link).unwrap();
    assert_refused(&ours, &server, "grouped", "it has groups");
    ours.wait(ours.queue("new").add("job", &json!({}), JobOptions::default())).unwrap();
}

/// A job that was started is ended, whatever has come over its queue meanwhile; no next one is taken.
#[test]
fn a_job_that_runs_is_ended_on_a_queue_that_changed_hands() {
    let server = Server::start();
    let ours = Ours::on(&server);
    for name in ["good", "next"] {
        ours.wait(ours.queue("q").add(name, &json!({"do": "sleep", "ms": 150}), JobOptions::default()))
            .unwrap();
    }
    let running = ours.worker("q", WorkerOptions::default());
    until(|| running.ran().len() == 1);
    redis::cmd("SET").arg("bull:q:meta-paused").arg(1).exec(&mut server.connect()).unwrap();
    until(|| Dump::of(&server).len("bull:q:completed") == 1);
    ours.stop(running);
    let dump = Dump::of(&server);
    assert_eq!((dump.len("bull:q:wait"), dump.len("bull:q:active")), (1, 0));
}
