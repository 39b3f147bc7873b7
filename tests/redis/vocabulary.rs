//! That every op of the driver answers, with every library that has it.

use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{Dump, Lib, Node, Server};

/// Calls `op` on queue `q` with further arguments.
fn ask(node: &mut Node, op: &str, mut rest: Value) -> Value {
    rest["op"] = op.into();
    if rest["queue"].is_null() {
        rest["queue"] = "q".into();
    }
    node.call(rest)
}

/// `request` with the fields of `more`.
fn with(mut request: Value, more: Value) -> Value {
    let Value::Object(more) = more else {
        panic!("{more} is no object");
    };
    request.as_object_mut().unwrap().extend(more);
    request
}

fn start(lib: Lib) -> (Server, Node) {
    let server = Server::start();
    let node = Node::start(lib, &server);
    (server, node)
}

#[rstest]
#[case(Lib::Bull4)]
#[case(Lib::BullMq4)]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn a_queue_as_a_whole(#[case] lib: Lib) {
    let (server, mut node) = start(lib);
    let n = &mut node;
    ask(n, "open", json!({}));
    let bulk = json!({"jobs": [{"name": "a", "data": {}}, {"name": "b", "data": {}}]});
    assert_eq!(ask(n, "addBulk", bulk), json!(["1", "2"]));
    ask(n, "pause", json!({}));
    assert_eq!(ask(n, "isPaused", json!({})), true);
    ask(n, "resume", json!({}));
    assert_eq!(ask(n, "isPaused", json!({})), false);
    assert_eq!(ask(n, "ids", json!({"state": "waiting", "asc": true})), json!(["1", "2"]));
    let jobs = ask(n, "jobs", json!({"state": "waiting", "start": 0, "end": 0, "asc": true}));
    assert_eq!(jobs[0]["name"], "a");
    assert_eq!(jobs.as_array().map(Vec::len), Some(1));
    assert_eq!(ask(n, "queueCall", json!({"method": "count"})), 2);
    ask(n, "metrics", json!({"type": "failed"}));

    let handle = ask(n, "worker", json!({}));
    ask(n, "waitIdle", json!({}));
    assert_eq!(ask(n, "workers", json!({})).as_array().map(Vec::len), Some(1));
    ask(n, "workerPause", json!({"handle": handle}));
    ask(n, "workerResume", json!({"handle": handle}));
    ask(n, "workerStop", json!({"handle": handle}));
    assert_eq!(ask(n, "workerErrors", json!({"handle": handle})), json!([]));
    let clean = json!({"grace": 0, "limit": 10, "state": "completed"});
    assert_eq!(ask(n, "clean", clean).as_array().map(Vec::len), Some(2));

    ask(n, "add", json!({"data": {}}));
    ask(n, "drain", json!({}));
    assert_eq!(Dump::of(&server).len("bull:q:wait"), 0);
    ask(n, "pause", json!({}));
    ask(n, "obliterate", json!({"opts": {"force": true}}));
    ask(n, "add", json!({"queue": "other", "prefix": "p", "data": {}}));
    assert_eq!(Dump::of(&server).len("p:other:wait"), 1);
    ask(n, "closeQueue", json!({"queue": "other", "prefix": "p"}));
    ask(n, "close", json!({}));
}

#[rstest]
#[case(Lib::Bull4)]
#[case(Lib::BullMq4)]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn one_job(#[case] lib: Lib) {
    let (_server, mut node) = start(lib);
    let n = &mut node;
    let id = ask(n, "add", json!({"name": "a", "data": {"do": "fail"}, "opts": {"delay": 60000}}));
    let job = |rest| with(rest, json!({"job": id}));
    assert_eq!(ask(n, "state", job(json!({}))), "delayed");
    ask(n, "addLog", job(json!({"line": "one"})));
    assert_eq!(ask(n, "logs", job(json!({})))["logs"], json!(["one"]));
    ask(n, "updateProgress", job(json!({"progress": {"at": 5}})));
    ask(n, "updateData", job(json!({"data": {"do": "fail", "message": "late"}})));
    ask(n, "promote", job(json!({})));
    let handle = ask(n, "worker", json!({}));
    ask(n, "waitIdle", json!({}));
    let found = ask(n, "job", job(json!({})));
    assert_eq!(found["failedReason"], "late");
    assert_eq!(found["progress"], json!({"at": 5}));
    ask(n, "workerStop", json!({"handle": handle}));
    ask(n, "retry", job(json!({"state": "failed"})));
    assert_eq!(ask(n, "state", job(json!({}))), "waiting");
    let manual = ask(n, "worker", json!({"manual": true}));
    assert_eq!(ask(n, "take", json!({"handle": manual, "token": "t"}))["id"], id);
    let held = |rest| with(job(rest), json!({"handle": manual, "token": "t"}));
    ask(n, "jobCall", held(json!({"method": "isActive"})));
    ask(n, "fail", held(json!({"message": "again"})));
    ask(n, "retryJobs", json!({}));
    ask(n, "take", json!({"handle": manual, "token": "t"}));
    ask(n, "complete", held(json!({"value": {"x": 1}})));
    assert_eq!(ask(n, "job", job(json!({})))["returnvalue"], json!({"x": 1}));
    ask(n, "stalledCheck", json!({"handle": manual}));
    ask(n, "remove", job(json!({})));
    assert_eq!(ask(n, "job", job(json!({}))), Value::Null);

    let worker = ask(n, "worker", json!({"defaults": {"do": "hang"}}));
    let id = ask(n, "add", json!({"data": {}}));
    assert_eq!(ask(n, "waitHanging", json!({"handle": worker})), json!([id]));
    ask(n, "release", json!({"handle": worker, "job": id, "fail": "let go"}));
    ask(n, "waitIdle", json!({}));
    assert_eq!(ask(n, "workerRan", json!({"handle": worker}))[0]["outcome"], "let go");
}

#[rstest]
#[case(Lib::Bull4)]
#[case(Lib::BullMq4)]
#[case(Lib::BullMq5)]
fn repeatables(#[case] lib: Lib) {
    let (_server, mut node) = start(lib);
    let n = &mut node;
    let repeat = json!({"every": 60000});
    ask(n, "addRepeatable", json!({"name": "r", "data": {}, "repeat": repeat}));
    let list = ask(n, "repeatables", json!({}));
    assert_eq!(list[0]["name"], "r");
    ask(n, "removeRepeatable", json!({"key": list[0]["key"]}));
    assert_eq!(ask(n, "repeatables", json!({})), json!([]));
}

#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn schedulers_and_limits(#[case] lib: Lib) {
    let (server, mut node) = start(lib);
    let n = &mut node;
    let template = json!({"name": "tick", "data": {"x": 1}});
    let upsert = json!({"scheduler": "s", "repeat": {"every": 60000}, "template": template});
    ask(n, "upsertScheduler", upsert);
    assert_eq!(ask(n, "schedulers", json!({}))[0]["name"], "tick");
    assert_eq!(ask(n, "removeScheduler", json!({"scheduler": "s"})), true);
    ask(n, "setGlobalConcurrency", json!({"concurrency": 3}));
    ask(n, "setGlobalRateLimit", json!({"max": 5, "duration": 1000}));
    assert_eq!(Dump::of(&server).field("bull:q:meta", "concurrency"), Some("3"));
    ask(n, "rateLimit", json!({"ms": 60000}));
    assert!(ask(n, "rateLimitTtl", json!({})).as_i64() > Some(0));
}

#[rstest]
#[case(Lib::BullMq4)]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn flows_and_changes(#[case] lib: Lib) {
    let (_server, mut node) = start(lib);
    let n = &mut node;
    let tree = json!({"name": "whole", "queueName": "q", "children": [
        {"name": "part", "queueName": "parts", "data": {"return": 7}},
    ]});
    let made = ask(n, "flow", json!({"tree": tree}));
    assert_eq!(made["children"][0]["queue"], "parts");
    ask(n, "flowBulk", json!({"trees": [tree]}));
    let whole = made["id"].clone();
    let found = ask(n, "getFlow", json!({"job": whole}));
    assert_eq!(found["children"].as_array().map(Vec::len), Some(1));
    let open = ask(n, "dependencies", json!({"job": whole}));
    assert_eq!(open["unprocessed"].as_array().map(Vec::len), Some(1));
    ask(n, "worker", json!({"queue": "parts"}));
    ask(n, "waitIdle", json!({"queue": "parts"}));
    assert_eq!(ask(n, "dependenciesCount", json!({"job": whole}))["processed"], 1);
    let values = ask(n, "childrenValues", json!({"job": whole}));
    assert_eq!(values.as_object().unwrap().values().collect::<Vec<_>>(), [7]);

    let id = ask(n, "add", json!({"data": {}, "opts": {"delay": 60000}}));
    ask(n, "changeDelay", json!({"job": id, "delay": 90000}));
    ask(n, "changePriority", json!({"job": id, "priority": 4}));
    assert_eq!(ask(n, "job", json!({"job": id}))["delay"], 90000);
    // BullMQ's bulk promotion moves every job to the plain waiting list, even one with a priority.
    ask(n, "promoteJobs", json!({}));
    assert_eq!(ask(n, "state", json!({"job": id})), "waiting");
}

#[rstest]
#[case(Lib::Bull4)]
#[case(Lib::BullMq4)]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn a_worker_obeys_the_data(#[case] lib: Lib) {
    let (_server, mut node) = start(lib);
    let n = &mut node;
    let attempts = json!({"attempts": 3});
    for data in [
        json!({"do": "failTimes", "n": 2}),
        json!({"do": "fail", "unrecoverable": true}),
        json!({"do": "sleep", "ms": 5}),
    ] {
        ask(n, "add", json!({"data": data, "opts": attempts}));
    }
    let handle = ask(n, "worker", json!({}));
    ask(n, "waitIdle", json!({}));
    let ran = ask(n, "workerRan", json!({"handle": handle}));
    let of = |id: &str| ran.as_array().unwrap().iter().filter(|run| run["id"] == id).count();
    assert_eq!([of("1"), of("2"), of("3")], [3, 1, 1]);
    assert_eq!(ask(n, "ids", json!({"state": "failed"})), json!(["2"]));
    ask(n, "workerStop", json!({"handle": handle, "force": true}));
}
