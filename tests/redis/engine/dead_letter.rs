//! Dead letters: a job that failed for good is moved in the script that ends it, and comes back.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rstest::rstest;
use serde_json::{Value, json};
use tokio::sync::broadcast::Receiver;
use tokio_util::sync::CancellationToken;
use toril::engine::dead_letter::{Origin, RequeueError, RequeueProgress};
use toril::engine::events::{JobWaiter, WaitError};
use toril::engine::op::Code;
use toril::engine::{
    DeadLetter, FailurePolicy, FlowJob, JobContext, JobError, JobOptions, Keep, Worker, WorkerEvent,
    WorkerOptions,
};
use toril::wire::JobId;

use super::ours::{Ours, queue_id, until};
use crate::support::{Content, Dump, Lib, Node, Server};

fn burying() -> WorkerOptions {
    WorkerOptions { dead_letter: Some(DeadLetter::to(queue_id("dead"))), ..WorkerOptions::default() }
}

/// Runs a worker of the queue `q` until `done`, and returns what it told.
fn work(
    ours: &Ours,
    server: &Server,
    options: WorkerOptions,
    done: impl Fn(&Dump) -> bool,
) -> Vec<WorkerEvent> {
    let worker = Worker::new(ours.conn.clone(), queue_id("q"), options);
    let mut events: Receiver<WorkerEvent> = worker.events();
    let stop = CancellationToken::new();
    let handler = |job: JobContext| async move {
        let order: Value = job.data()?;
        match order["fail"].as_str() {
            Some("fatal") => Err(JobError::fatal("fatal")),
            Some(message) => Err(JobError::new(message)),
            None => Ok(json!("done")),
        }
    };
    let task = ours.runtime.spawn(worker.run(handler, stop.clone()));
    until(|| done(&Dump::of(server)));
    stop.cancel();
    ours.wait(task).unwrap();
    std::iter::from_fn(|| events.try_recv().ok()).collect()
}

fn fails(ours: &Ours, options: JobOptions) -> JobId {
    ours.wait(ours.queue("q").add("mail", &json!({"fail": "no route"}), options)).unwrap().id
}

fn events_of(dump: &Dump, queue: &str) -> Vec<String> {
    match dump.get(&format!("bull:{queue}:events")) {
        Some(Content::Stream(entries)) => entries
            .iter()
            .map(|fields| fields.iter().map(|(_, value)| value.as_str()).collect::<Vec<_>>().join(" "))
            .collect(),
        _ => Vec::new(),
    }
}

fn list(dump: &Dump, key: &str) -> Vec<String> {
    match dump.get(key) {
        Some(Content::List(items)) => items.clone(),
        _ => Vec::new(),
    }
}

fn command(server: &Server, words: &[&str]) {
    redis::cmd(words[0]).arg(&words[1..]).exec(&mut server.connect()).unwrap();
}

#[test]
fn an_exhausted_job_is_moved_whole() {
    let server = Server::start();
    let ours = Ours::on(&server);
    let options =
        JobOptions { attempts: 2, priority: 7, stack_trace_limit: Some(5), ..JobOptions::default() };
    let id = fails(&ours, options);
    // Byte for byte: what a serializer would write otherwise.
    let data = r#"{ "fail":"no \u0072oute", "n":1.0, "big":12345678901234567890 }"#;
    command(&server, &["HSET", "bull:q:1", "data", data]);
    command(&server, &["RPUSH", "bull:q:1:logs", "a line"]);
    let before = Dump::of(&server);
    let told = work(&ours, &server, burying(), |dump| dump.len("bull:dead:wait") == 1);
    let dump = Dump::of(&server);

    let dead: BTreeMap<_, _> = match dump.get("bull:dead:1") {
        Some(Content::Hash(fields)) => fields.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!((dead["name"].as_str(), dead["data"].as_str()), ("mail", data));
    assert_eq!((dead["delay"].as_str(), dead["priority"].as_str()), ("0", "0"));
    assert_eq!(dead["failedReason"], "no route");
    let traces: Vec<String> = serde_json::from_str(&dead["stacktrace"]).unwrap();
    assert_eq!(traces, ["Error: no route", "Error: no route"]);
    assert_eq!(dump.get("bull:dead:1:logs"), Some(&Content::List(vec!["a line".to_owned()])));
    for gone in ["atm", "ats", "finishedOn", "processedOn", "pb"] {
        assert!(!dead.contains_key(gone), "{gone}");
    }
    let opts: Value = serde_json::from_str(&dead["opts"]).unwrap();
    assert_eq!(opts["attempts"], 1);
    let origin = Origin::read(dead["opts"].as_bytes()).unwrap();
    assert_eq!((&origin.queue, &origin.id), (&queue_id("q"), &id));
    assert_eq!((origin.reason.as_str(), origin.attempts_made), ("no route", 2));
    assert_eq!(origin.stacktrace, traces);
    assert_eq!(before.field("bull:q:1", "opts"), Some(origin.opts()));
    assert_eq!(before.field("bull:q:1", "timestamp"), Some(origin.timestamp.to_string().as_str()));
    assert_eq!(dead["timestamp"], origin.failed_at.to_string());

    // Nothing of it is left in its queue, and what happened there is told.
    assert!(!dump.keys().iter().any(|key| key.starts_with("bull:q:1")));
    for state in ["wait", "active", "failed", "prioritized", "delayed"] {
        assert_eq!(dump.get(&format!("bull:q:{state}")), None, "{state}");
    }
    let events = events_of(&dump, "q");
    let end = events.iter().position(|event| event.starts_with("failed")).unwrap();
    assert_eq!(events[end..], ["failed 1 no route active", "retries-exhausted 1 2", "drained"]);
    assert_eq!(events_of(&dump, "dead"), ["added 1 mail", "waiting 1"]);
    assert!(matches!(dump.get("bull:dead:marker"), Some(Content::Zset(_))));

    let ends: Vec<_> = told
        .iter()
        .filter_map(|event| match event {
            WorkerEvent::Failed { id, error } => {
                Some(format!("failed {} {}", id.lossless(), error.message()))
            }
            WorkerEvent::DeadLettered { id, queue, dead_id } => {
                assert_eq!(*queue, queue_id("dead"));
                Some(format!("dead {} {}", id.lossless(), dead_id.lossless()))
            }
            _ => None,
        })
        .collect();
    assert_eq!(ends, ["failed 1 no route", "dead 1 1"]);
}

/// Whatever ends a job for good; and the dead ones are jobs that Node runs.
#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn every_death_counts_and_node_runs_dead_jobs(#[case] lib: Lib) {
    let server = Server::start();
    let ours = Ours::on(&server);
    let queue = ours.queue("q");
    let five = JobOptions { attempts: 5, ..JobOptions::default() };
    ours.wait(queue.add("fatal", &json!({"fail": "fatal"}), five.clone())).unwrap();
    ours.wait(queue.add("default", &json!({"fail": "once"}), JobOptions::default())).unwrap();
    let stalled = ours.wait(queue.add("stalled", &json!({}), five)).unwrap();
    command(&server, &["HSET", "bull:q:3", "defa", "job stalled more than allowable limit"]);
    assert_eq!(stalled.as_bytes(), b"3");
    // They end in one call or in several: each is moved by itself.
    let options = WorkerOptions { concurrency: 3, ..burying() };
    work(&ours, &server, options, |dump| dump.len("bull:dead:wait") == 3);

    let mut node = Node::start(lib, &server);
    let jobs = node.call(json!({"op": "jobs", "queue": "dead", "state": ["waiting"], "start": 0, "end": 9}));
    let mut names: Vec<_> = jobs
        .as_array()
        .unwrap()
        .iter()
        .map(|job| {
            let origin = &job["opts"]["deadLetter"];
            assert_eq!((&origin["queue"], &origin["prefix"]), (&json!("q"), &json!("bull")));
            assert_eq!(origin["reason"], job["failedReason"]);
            assert_eq!(origin["stacktrace"], job["stacktrace"]);
            assert!(origin["failedOn"].is_u64());
            (job["name"].as_str().unwrap().to_owned(), job["failedReason"].as_str().unwrap().to_owned())
        })
        .collect();
    names.sort();
    let named = |name: &str, reason: &str| (name.to_owned(), reason.to_owned());
    let reason = "job stalled more than allowable limit";
    assert_eq!(names, [named("default", "once"), named("fatal", "fatal"), named("stalled", reason)]);

    let handle = node.call(json!({"op": "worker", "queue": "dead"}));
    until(|| Dump::of(&server).len("bull:dead:completed") == 3);
    assert_eq!(node.call(json!({"op": "workerErrors", "handle": handle})), json!([]));
    node.call(json!({"op": "workerStop", "handle": handle}));
    // What they tell of their former life is still there; even those can be taken back.
    let dead = Dump::of(&server);
    assert!((1..=3).all(|id| dead.field(&format!("bull:dead:{id}"), "opts").unwrap().contains("deadLetter")));
    ours.wait(ours.queue("dead").requeue(&JobId::new("1"))).unwrap();
    assert_eq!(Dump::of(&server).len("bull:q:wait"), 1);
}

#[test]
fn the_original_stays_where_that_is_wanted() {
    let server = Server::start();
    let ours = Ours::on(&server);
    fails(&ours, JobOptions::default());
    command(&server, &["RPUSH", "bull:q:1:logs", "a line"]);
    let dead_letter = Some(DeadLetter::to(queue_id("dead")).keeping_the_original());
    let options = WorkerOptions { dead_letter, ..WorkerOptions::default() };
    work(&ours, &server, options, |dump| dump.len("bull:dead:wait") == 1 && dump.len("bull:q:failed") == 1);
    let dump = Dump::of(&server);
    assert_eq!(dump.field("bull:q:1", "failedReason"), Some("no route"));
    assert_eq!((dump.len("bull:q:1:logs"), dump.len("bull:dead:1:logs")), (1, 0));
    // Its id is not free.
    let back = ours.wait(ours.queue("dead").requeue(&JobId::new("1"))).unwrap();
    assert_eq!((back.queue, back.id.as_bytes()), (queue_id("q"), &b"2"[..]));
    let dump = Dump::of(&server);
    assert_eq!((dump.len("bull:q:failed"), list(&dump, "bull:q:wait")), (1, vec!["2".to_owned()]));
}

#[rstest]
#[case(&["SET", "bull:dead:meta-paused", "1"], Code::WrongEra)]
#[case(&["SET", "bull:dead:wait", "x"], Code::Damaged)]
#[case(&["SET", "bull:dead:meta", "x"], Code::Damaged)]
#[case(&["SET", "bull:dead:events", "x"], Code::Damaged)]
#[case(&["SET", "bull:dead:marker", "x"], Code::Damaged)]
#[case(&["SET", "bull:dead:paused", "x"], Code::Damaged)]
#[case(&["SET", "bull:dead:id", "x"], Code::Damaged)]
#[case(&["RPUSH", "bull:dead:id", "x"], Code::Damaged)]
fn a_queue_that_cannot_take_it_costs_no_job(#[case] damage: &[&str], #[case] code: Code) {
    let server = Server::start();
    let ours = Ours::on(&server);
    command(&server, damage);
    let before = Dump::of(&server);
    fails(&ours, JobOptions::default());
    let told = work(&ours, &server, burying(), |dump| dump.len("bull:q:failed") == 1);
    let dump = Dump::of(&server);
    assert_eq!(dump.field("bull:q:1", "failedReason"), Some("no route"));
    let written = |dump: &Dump| -> Vec<String> {
        dump.keys().into_iter().filter(|key| key.starts_with("bull:dead:")).map(str::to_owned).collect()
    };
    assert_eq!(written(&dump), written(&before));
    let why = told.iter().find_map(|event| match event {
        WorkerEvent::NotDeadLettered { id, code } => Some((id.clone(), *code)),
        _ => None,
    });
    assert_eq!(why, Some((JobId::new("1"), code)));
}

#[rstest]
#[case(FailurePolicy::Ignore)]
#[case(FailurePolicy::FailParent)]
#[case(FailurePolicy::Wait)]
fn a_parent_hears_of_the_failure_and_waits_again_after_the_way_back(#[case] policy: FailurePolicy) {
    let server = Server::start();
    let ours = Ours::on(&server);
    let child = JobOptions { on_failure: policy, attempts: 1, ..JobOptions::default() };
    let child = FlowJob::new(queue_id("q"), "bad", &json!({"fail": "boom"})).options(child);
    let parent = FlowJob::new(queue_id("p"), "whole", &json!({}));
    ours.wait(ours.queue("p").add_flow(parent.children(vec![child]))).unwrap();
    let parent = Dump::of(&server).members("bull:p:waiting-children")[0].to_string();
    let key = format!("bull:p:{parent}");
    let child_id = list(&Dump::of(&server), "bull:q:wait")[0].clone();
    let child_key = format!("bull:q:{child_id}");
    work(&ours, &server, burying(), |dump| dump.len("bull:dead:wait") == 1);
    let dump = Dump::of(&server);
    match policy {
        FailurePolicy::Ignore => {
            assert_eq!(dump.field(&format!("{key}:failed"), &child_key), Some("boom"));
            assert_eq!(dump.len("bull:p:wait"), 1);
        }
        FailurePolicy::FailParent => {
            assert_eq!(dump.field(&key, "defa"), Some(format!("child {child_key} failed").as_str()));
            assert_eq!(dump.members(&format!("{key}:unsuccessful")), [child_key.as_str()]);
        }
        // As with a failed child: it waits for it yet.
        _ => assert_eq!(dump.members("bull:p:waiting-children"), [parent.as_str()]),
    }
    let back = ours.wait(ours.queue("dead").requeue(&JobId::new("1"))).unwrap();
    assert_eq!(back.id.lossless(), child_id);
    let dump = Dump::of(&server);
    assert_eq!(dump.members(&format!("{key}:dependencies")), [child_key.as_str()]);
    assert_eq!(dump.get(&format!("{key}:failed")), None);
    assert_eq!(dump.get(&format!("{key}:unsuccessful")), None);
    assert_eq!(dump.field(&child_key, "parentKey"), Some(key.as_str()));
    command(&server, &["HSET", &child_key, "data", "{}"]);
    work(&ours, &server, burying(), |dump| dump.len("bull:q:completed") == 1);
    let dump = Dump::of(&server);
    assert_eq!(dump.field(&format!("{key}:processed"), &child_key), Some("\"done\""));
    assert_eq!(dump.get("bull:p:waiting-children"), None);
    assert_eq!(list(&dump, "bull:p:wait"), [parent]);
}

#[test]
fn it_comes_back_as_the_next_one_with_one_attempt() {
    let server = Server::start();
    let ours = Ours::on(&server);
    let options = JobOptions {
        id: Some("order-7".to_owned()),
        priority: 3,
        attempts: 2,
        delay: Some(Duration::from_millis(1)),
        remove_on_fail: Some(Keep::Nothing),
        ..JobOptions::default()
    };
    fails(&ours, options);
    let stored = Dump::of(&server);
    work(&ours, &server, burying(), |dump| dump.len("bull:dead:wait") == 1);
    let queue = ours.queue("q");
    for priority in [0, 1] {
        ours.wait(queue.add("other", &json!({}), JobOptions { priority, ..JobOptions::default() })).unwrap();
    }
    let dead = ours.queue("dead");
    let back = ours.wait(dead.requeue(&JobId::new("1"))).unwrap();
    assert_eq!(back.id.as_bytes(), b"order-7");
    let dump = Dump::of(&server);
    // The right end is the next one.
    assert_eq!(list(&dump, "bull:q:wait").last().unwrap(), "order-7");
    let key = "bull:q:order-7";
    assert_eq!(dump.field(key, "data"), stored.field(key, "data"));
    assert_eq!(dump.field(key, "timestamp"), stored.field(key, "timestamp"));
    assert_eq!((dump.field(key, "priority"), dump.field(key, "delay")), (Some("0"), Some("0")));
    for gone in ["atm", "ats", "failedReason", "stacktrace"] {
        assert_eq!(dump.field(key, gone), None, "{gone}");
    }
    let opts: Value = serde_json::from_str(dump.field(key, "opts").unwrap()).unwrap();
    assert_eq!((&opts["attempts"], &opts["removeOnFail"]), (&json!(1), &json!(true)));
    assert!(opts["priority"].is_null() && opts["delay"].is_null() && opts["deadLetter"].is_null());
    assert!(!dump.keys().iter().any(|key| key.starts_with("bull:dead:1")));
    assert_eq!(events_of(&dump, "dead").last().unwrap(), "removed 1 wait");

    // It is gone from here; and one attempt is one attempt.
    assert_eq!(ours.wait(dead.requeue(&JobId::new("1"))), Err(RequeueError::Missing));
    work(&ours, &server, burying(), |dump| dump.len("bull:dead:wait") == 1);
    let opts = Dump::of(&server).field("bull:dead:2", "opts").unwrap().to_owned();
    assert_eq!(Origin::read(opts.as_bytes()).unwrap().attempts_made, 1);
}

#[test]
fn what_cannot_go_back_stays() {
    let server = Server::start();
    let ours = Ours::on(&server);
    fails(&ours, JobOptions::default());
    work(&ours, &server, burying(), |dump| dump.len("bull:dead:wait") == 1);
    let dead = ours.queue("dead");
    let foreign = ours.wait(dead.add("foreign", &json!({}), JobOptions::default())).unwrap();
    let requeue = |id: &str| ours.wait(dead.requeue(&JobId::new(id)));
    assert_eq!(ours.wait(dead.requeue(&foreign)), Err(RequeueError::NotADeadLetter));
    assert_eq!(requeue("77"), Err(RequeueError::Missing));
    assert_eq!(requeue("meta"), Err(RequeueError::Missing));
    let before = Dump::of(&server);
    command(&server, &["SET", "bull:dead:1:lock", "t"]);
    assert_eq!(requeue("1"), Err(RequeueError::Locked));
    command(&server, &["DEL", "bull:dead:1:lock"]);
    command(&server, &["SET", "bull:q:paused", "x"]);
    assert_eq!(requeue("1"), Err(RequeueError::Refused(Code::Damaged)));
    command(&server, &["DEL", "bull:q:paused"]);
    crate::support::assert_same(&before, &Dump::of(&server));
    assert!(requeue("1").is_ok());
}

#[test]
fn all_come_back_in_the_order_in_which_they_died() {
    let server = Server::start();
    let ours = Ours::on(&server);
    let dead = ours.queue("dead");
    ours.wait(dead.add("foreign", &json!({}), JobOptions::default())).unwrap();
    let jobs = (0..250).map(|_| ("mail", json!({"fail": "boom"}), JobOptions::default()));
    ours.wait(ours.queue("q").add_bulk(jobs.map(|(name, data, options)| (name.to_owned(), data, options))))
        .unwrap();
    work(&ours, &server, burying(), |dump| dump.len("bull:dead:wait") == 251);
    ours.wait(dead.add("foreign", &json!({}), JobOptions::default())).unwrap();
    let mut seen: Vec<RequeueProgress> = Vec::new();
    let progress = ours.wait(dead.requeue_all(|progress| seen.push(progress.clone()))).unwrap();
    assert_eq!((progress.total, progress.requeued, progress.skipped), (252, 250, 2));
    assert_eq!(progress.last_error, Some(RequeueError::NotADeadLetter));
    let steps: Vec<u64> = seen.iter().map(|progress| progress.requeued + progress.skipped).collect();
    assert_eq!(steps, [100, 200, 252]);
    let dump = Dump::of(&server);
    let expected: Vec<String> = (1..=250).rev().map(|id| id.to_string()).collect();
    assert_eq!(list(&dump, "bull:q:wait"), expected);
    assert_eq!(dump.len("bull:dead:wait"), 2);
}

#[test]
fn the_bell_rings_and_waiters_hear_of_the_failure() {
    let server = Server::start();
    let ours = Ours::on(&server);
    let rung = Arc::new(Mutex::new(Vec::new()));
    let heard = rung.clone();
    let dead_letter = DeadLetter::to(queue_id("dead")).with_alert(Duration::from_millis(500), move |alert| {
        heard.lock().unwrap().push((alert.jobs, alert.reason.as_str().to_owned()));
        async {}
    });
    let waiter = ours.runtime.block_on(async { JobWaiter::new(ours.conn.clone(), queue_id("q")) });
    let id = fails(&ours, JobOptions::default());
    for _ in 0..20 {
        fails(&ours, JobOptions::default());
    }
    let wait =
        ours.runtime.spawn(async move { waiter.wait_until_finished(&id, Duration::from_secs(20)).await });
    let options = WorkerOptions { dead_letter: Some(dead_letter), ..WorkerOptions::default() };
    work(&ours, &server, options, |dump| dump.len("bull:dead:wait") == 21);
    assert!(
        matches!(ours.wait(wait).unwrap(), Err(WaitError::Failed(reason)) if reason.as_bytes() == b"no route")
    );
    until(|| rung.lock().unwrap().iter().map(|(jobs, _)| jobs).sum::<u64>() == 21);
    let rung = rung.lock().unwrap();
    assert!(rung.len() <= 3, "{rung:?}");
    assert_eq!(rung[0].1, "no route");
}

/// A dead-letter queue of its own is none: it would go round for ever.
#[test]
fn a_queue_is_not_its_own_dead_letter_queue() {
    let server = Server::start();
    let ours = Ours::on(&server);
    fails(&ours, JobOptions::default());
    let dead_letter = Some(DeadLetter::to(queue_id("q")));
    work(&ours, &server, WorkerOptions { dead_letter, ..WorkerOptions::default() }, |dump| {
        dump.len("bull:q:failed") == 1
    });
}

/// The server is killed again and again while jobs die and come back: each is in exactly one place, whatever
/// the moment, because each way is one script.
#[test]
fn a_crash_leaves_each_job_in_exactly_one_place() {
    const JOBS: usize = 300;
    let mut server = Server::builder().conf("appendonly", "yes").conf("appendfsync", "always").start();
    let ours = Ours::on(&server);
    let jobs = (0..JOBS).map(|_| ("mail".to_owned(), json!({"fail": "boom"}), JobOptions::default()));
    ours.wait(ours.queue("q").add_bulk(jobs)).unwrap();
    let places = |dump: &Dump| -> BTreeMap<String, usize> {
        let mut places = BTreeMap::new();
        for key in ["bull:q:wait", "bull:q:active"] {
            for id in list(dump, key) {
                *places.entry(id).or_default() += 1;
            }
        }
        for id in dump.members("bull:q:failed") {
            *places.entry(id.to_string()).or_default() += 1;
        }
        for id in list(dump, "bull:dead:wait") {
            let opts = dump.field(&format!("bull:dead:{id}"), "opts").unwrap();
            *places.entry(Origin::read(opts.as_bytes()).unwrap().id.lossless().into_owned()).or_default() +=
                1;
        }
        places
    };
    let mut moved = 0;
    for round in 0..6 {
        let ours = Ours::on(&server);
        let worker = Worker::new(
            ours.conn.clone(),
            queue_id("q"),
            WorkerOptions { concurrency: 4, batch: 3, ..burying() },
        );
        let handler = |_: JobContext| async { Err::<(), _>(JobError::new("boom")) };
        let task = ours.runtime.spawn(worker.run(handler, CancellationToken::new()));
        let back = (round % 2 == 1).then(|| {
            let dead = ours.queue("dead");
            ours.runtime.spawn(async move { dead.requeue_all(|_| {}).await })
        });
        std::thread::sleep(Duration::from_millis(15 + 10 * round));
        server.kill();
        task.abort();
        if let Some(back) = back {
            back.abort();
        }
        server.start_again();
        let dump = Dump::of(&server);
        let places = places(&dump);
        assert_eq!(places.len(), JOBS, "round {round}");
        assert!(places.values().all(|count| *count == 1), "round {round}: {places:?}");
        let keys = dump.keys();
        let hashes = keys.iter().filter(|key| {
            let id =
                key.strip_prefix("bull:q:").or_else(|| key.strip_prefix("bull:dead:")).unwrap_or_default();
            !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit())
        });
        assert_eq!(hashes.count(), JOBS, "round {round}");
        moved += dump.len("bull:dead:wait");
        // Those that were under way belong to a worker that is gone.
        let mut link = server.connect();
        for id in list(&dump, "bull:q:active") {
            redis::cmd("LREM").arg("bull:q:active").arg(1).arg(&id).exec(&mut link).unwrap();
            redis::cmd("RPUSH").arg("bull:q:wait").arg(&id).exec(&mut link).unwrap();
            redis::cmd("DEL").arg(format!("bull:q:{id}:lock")).exec(&mut link).unwrap();
        }
    }
    assert!(moved > 0);
}
