//! What the acting commands do, say and leave alone.

use rstest::rstest;
use serde_json::json;

use super::reads::seed;
use super::run::{json as ask, toril};
use crate::support::{Dump, Lib, Node, Server, assert_same};

#[rstest]
#[case(Lib::Bull4)]
#[case(Lib::BullMq4)]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn a_dry_run_writes_nothing(#[case] lib: Lib) {
    let server = Server::start();
    let mut node = Node::start(lib, &server);
    let ids = seed(&mut node);
    let id = |state: &str| ids[state].as_str().unwrap();
    let before = Dump::of(&server);
    for args in [
        &["retry", "mail", id("failed")][..],
        &["retry", "mail", "--all"],
        &["retry", "mail", "--where", ".name == \"fails\""],
        &["remove", "mail", id("waiting")],
        &["remove", "mail", "--all", "--state", "completed", "--keep-children"],
        &["promote", "mail", "--all"],
    ] {
        let plan = ask(&server, &[args, &["--dry-run"]].concat());
        assert_eq!((&plan["action"], &plan["dryRun"]), (&json!(args[0]), &json!(true)));
        assert_eq!(
            (&plan["matched"], &plan["done"], &plan["failed"]),
            (&json!(1), &json!(0), &json!([])),
            "{args:?}"
        );
        assert_eq!(plan["sample"].as_array().map(Vec::len), Some(1));
        assert!(plan["effects"].is_array());
    }
    for args in
        [&["pause", "mail"][..], &["pause", "mail", "--fleet", "6"], &["resume", "mail"], &["merge", "mail"]]
    {
        let plan = ask(&server, &[args, &["--dry-run"]].concat());
        assert_eq!((&plan["action"], &plan["dryRun"]), (&json!(args[0]), &json!(true)));
        assert!(!plan["effects"].as_array().unwrap().is_empty());
    }
    // Also where writing is forbidden.
    ask(&server, &["retry", "mail", "--all", "--dry-run", "--read-only"]);
    assert_same(&before, &Dump::of(&server));
}

#[rstest]
#[case(Lib::Bull4)]
#[case(Lib::BullMq4)]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn acts_are_done_and_told(#[case] lib: Lib) {
    let server = Server::start();
    let mut node = Node::start(lib, &server);
    let ids = seed(&mut node);
    let id = |state: &str| ids[state].as_str().unwrap();
    let mut state = |id: &str| node.call(json!({"op": "state", "queue": "mail", "job": id}));

    let mut told = ask(&server, &["retry", "mail", id("failed")]);
    // Its number depends on what else was done from here.
    let record = told.as_object_mut().unwrap().remove("journal").unwrap();
    assert!(record.as_str().unwrap().starts_with('J'));
    assert_eq!(
        told,
        json!({"action": "retry", "queue": "mail", "prefix": "bull", "matched": 1, "done": 1, "changed": 0,
               "failed": [], "dryRun": false, "ended": "finished"})
    );
    assert_eq!(state(id("failed")), "waiting");
    assert_eq!(ask(&server, &["promote", "mail", id("delayed")])["done"], 1);
    assert_eq!(state(id("delayed")), "waiting");
    assert_eq!(ask(&server, &["remove", "mail", id("delayed"), "--yes"])["done"], 1);
    let paused = ask(&server, &["pause", "mail", "--yes"]);
    assert_eq!((&paused["action"], &paused["done"]), (&json!("pause"), &json!(1)));
    assert_eq!(node.call(json!({"op": "isPaused", "queue": "mail"})), true);
    assert_eq!(ask(&server, &["resume", "mail"])["done"], 1);
    assert_eq!(node.call(json!({"op": "isPaused", "queue": "mail"})), false);
    // A job whose turn it was not is told by a word.
    let again = toril(&server, &["retry", "mail", id("failed"), "--json"]).with_code(1).json();
    assert_eq!((&again["done"], &again["failed"][0]["code"]), (&json!(0), &json!("not-failed")));
    assert_eq!(again["failed"][0]["id"], json!(id("failed")));
    let mixed =
        toril(&server, &["remove", "mail", id("waiting"), "nobody", "--yes", "--json"]).with_code(4).json();
    assert_eq!((&mixed["matched"], &mixed["done"]), (&json!(2), &json!(1)));
    assert_eq!(mixed["failed"][0]["code"], "gone");
    // Nothing matched.
    let none = toril(&server, &["promote", "mail", "--all", "--json"]).with_code(1).json();
    assert_eq!((&none["matched"], &none["done"]), (&json!(0), &json!(0)));
}

#[test]
fn all_jobs_of_a_state_can_be_retried_slowly() {
    let server = Server::start();
    let mut node = Node::start(Lib::BullMq6, &server);
    let jobs: Vec<_> = (0..5).map(|n| json!({"name": "j", "data": {"do": "fail", "n": n}})).collect();
    node.call(json!({"op": "addBulk", "queue": "mail", "jobs": jobs}));
    let worker = node.call(json!({"op": "worker", "queue": "mail"}));
    node.call(json!({"op": "waitIdle", "queue": "mail"}));
    node.call(json!({"op": "workerStop", "handle": worker}));
    let began = std::time::Instant::now();
    let told = ask(&server, &["retry", "mail", "--all", "--yes", "--rate", "2/s"]);
    assert_eq!((&told["matched"], &told["done"]), (&json!(5), &json!(5)));
    assert!(began.elapsed().as_millis() >= 1900, "three slices are two pauses");
    assert_eq!(node.call(json!({"op": "counts", "queue": "mail"}))["waiting"], 5);
}

#[test]
fn a_split_queue_is_merged() {
    let server = Server::start();
    let mut five = Node::start(Lib::BullMq5, &server);
    let mut six = Node::start(Lib::BullMq6, &server);
    five.call(json!({"op": "add", "queue": "mail", "data": {"n": 1}}));
    five.call(json!({"op": "pause", "queue": "mail"}));
    six.call(json!({"op": "add", "queue": "mail", "data": {"n": 2}}));
    let told = ask(&server, &["merge", "mail"]);
    assert_eq!((&told["done"], &told["moved"]), (&json!(1), &json!(1)));
    let dump = Dump::of(&server);
    assert_eq!(dump.len("bull:mail:wait") + dump.len("bull:mail:paused"), 2);
    assert!(dump.len("bull:mail:wait") == 0 || dump.len("bull:mail:paused") == 0);
}

#[test]
fn several_queues_have_a_result_each() {
    let server = Server::start();
    let mut node = Node::start(Lib::BullMq6, &server);
    for queue in ["a", "b"] {
        node.call(json!({"op": "add", "queue": queue, "data": {}}));
    }
    let told = ask(&server, &["pause", "a", "b", "a", "--yes"]);
    let names: Vec<_> = told["results"].as_array().unwrap().iter().map(|one| one["queue"].clone()).collect();
    assert_eq!(names, ["a", "b"]);
    // One that is not there: nothing is done to the other either.
    let before = Dump::of(&server);
    toril(&server, &["resume", "a", "nobody", "--yes"]).with_code(1);
    assert_same(&before, &Dump::of(&server));
}

#[test]
fn read_only_holds_for_flag_and_profile() {
    let server = Server::start();
    let mut node = Node::start(Lib::BullMq6, &server);
    let id = node.call(json!({"op": "add", "queue": "mail", "data": {}, "opts": {"delay": 60_000}}));
    let id = id.as_str().unwrap();
    let before = Dump::of(&server);
    let refused = toril(&server, &["promote", "mail", id, "--read-only", "--json"]).with_code(3);
    assert_eq!(refused.error()["kind"], "readonly");
    assert_eq!(refused.stdout, "");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.toml");
    std::fs::write(&file, format!("[profile.p]\nurl = '{}'\nread_only = true\n", server.url())).unwrap();
    let config = file.to_str().unwrap();
    let with = |args: &[&str]| {
        super::run::finish(super::run::bare().args(["-P", "p", "--config", config]).args(args))
    };
    with(&["promote", "mail", id]).with_code(3);
    with(&["pause", "mail", "--yes"]).with_code(3);
    assert_same(&before, &Dump::of(&server));
    with(&["promote", "mail", id, "--write"]).with_code(0);
}

#[test]
fn a_queue_of_an_era_that_is_not_written_is_left_alone() {
    let server = Server::start();
    let mut link = server.connect();
    // What BullMQ Pro leaves: groups.
    for command in
        ["HSET bull:pro:meta version bullmq-pro:7.1.0", "ZADD bull:pro:groups 1 g", "SET bull:pro:id 1"]
    {
        let mut parts = command.split(' ');
        let mut request = redis::cmd(parts.next().unwrap());
        parts.for_each(|part| {
            request.arg(part);
        });
        request.exec(&mut link).unwrap();
    }
    let before = Dump::of(&server);
    let refused = toril(&server, &["pause", "pro", "--yes", "--json"]).with_code(1);
    assert_eq!(refused.error()["kind"], "unsupported");
    assert_same(&before, &Dump::of(&server));
}

#[test]
fn a_write_without_an_answer_is_unknown() {
    let server = Server::start();
    let mut node = Node::start(Lib::BullMq6, &server);
    let id = node.call(json!({"op": "add", "queue": "mail", "data": {}, "opts": {"delay": 600_000}}));
    let id = id.as_str().unwrap().to_owned();
    drop(node);
    // Reads are answered, scripts that write are held.
    redis::cmd("CLIENT").arg("PAUSE").arg(60_000).arg("WRITE").exec(&mut server.connect()).unwrap();
    let ran = toril(&server, &["promote", "mail", &id, "--json"]);
    redis::cmd("CLIENT").arg("UNPAUSE").exec(&mut server.connect()).unwrap();
    let ran = ran.with_code(5);
    assert_eq!(ran.error()["kind"], "unknown-outcome");
    assert_eq!((&ran.json()["ended"], &ran.json()["unknown"]), (&json!("unknown"), &json!([id])));
}

#[test]
fn an_interrupted_run_tells_what_was_done() {
    let server = Server::start();
    let mut node = Node::start(Lib::BullMq6, &server);
    let jobs: Vec<_> =
        (0..20).map(|n| json!({"name": "j", "data": {"n": n}, "opts": {"delay": 600_000}})).collect();
    node.call(json!({"op": "addBulk", "queue": "mail", "jobs": jobs}));
    let args = ["promote", "mail", "--all", "--yes", "--rate", "2/s", "--json"];
    let run = super::run::Following::start(&server, &args);
    let mut waiting = 0;
    for _ in 0..500 {
        waiting = node.call(json!({"op": "counts", "queue": "mail"}))["waiting"].as_i64().unwrap();
        if waiting > 0 {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    assert!(waiting > 0);
    let (code, told) = run.interrupt_and_read();
    assert_eq!(code, 130);
    assert_eq!((&told["ended"], &told["matched"]), (&json!("cancelled"), &json!(20)));
    let done = told["done"].as_i64().unwrap();
    assert!(done >= waiting && done < 20, "{told}");
    assert_eq!(node.call(json!({"op": "counts", "queue": "mail"}))["waiting"], done);
}
