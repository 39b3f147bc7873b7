//! What the reading commands print.

use rstest::rstest;
use serde_json::{Value, json};

use super::run::{json, toril};
use crate::support::{Lib, Node, Server};

/// A queue `mail` with a job in most states. Returns the ids by state.
pub fn seed(node: &mut Node) -> Value {
    let bull = node.lib() == Lib::Bull4;
    let mut add = |name: &str, data: Value, opts: Value| {
        node.call(json!({"op": "add", "queue": "mail", "name": name, "data": data, "opts": opts}))
    };
    let done = add(
        "done",
        json!({"do": "ok", "return": {"sent": 1}, "log": ["one", "two"], "progress": [40]}),
        json!({}),
    );
    let fails = json!({"do": "fail", "message": "SMTP 550\nno such user"});
    let failed = add("fails", fails, json!({"attempts": 1}));
    let worker = node.call(json!({"op": "worker", "queue": "mail"}));
    node.call(json!({"op": "waitIdle", "queue": "mail"}));
    node.call(json!({"op": "workerStop", "handle": worker}));
    let mut add = |name: &str, data: Value, opts: Value| {
        node.call(json!({"op": "add", "queue": "mail", "name": name, "data": data, "opts": opts}))
    };
    let delayed = add("later", json!({"tenant": "acme"}), json!({"delay": 3_600_000}));
    let waiting = add("next", json!({"tenant": "acme", "n": 1.5}), json!({}));
    let priority =
        if bull { Value::Null } else { add("urgent", json!({"tenant": "other"}), json!({"priority": 3})) };
    json!({"completed": done, "failed": failed, "delayed": delayed, "waiting": waiting, "prioritized": priority})
}

#[rstest]
#[case(Lib::Bull4)]
#[case(Lib::BullMq4)]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn a_job_is_printed_as_the_library_knows_it(#[case] lib: Lib) {
    let server = Server::start();
    let mut node = Node::start(lib, &server);
    let ids = seed(&mut node);
    for state in ["completed", "failed", "delayed", "waiting"] {
        let id = ids[state].as_str().unwrap();
        let ours = json(&server, &["job", "mail", id]);
        let theirs = node.call(json!({"op": "job", "queue": "mail", "job": id}));
        assert_eq!(
            (&ours["id"], &ours["queue"], &ours["prefix"]),
            (&json!(id), &json!("mail"), &json!("bull"))
        );
        assert_eq!(ours["state"], state);
        for field in ["name", "data", "timestamp"] {
            assert_eq!(ours[field], theirs[field], "{state} {field}");
        }
        for field in ["returnvalue", "failedReason", "finishedOn", "processedOn"] {
            let (ours, theirs) = (&ours[field], &theirs[field]);
            assert!(
                ours == theirs || (ours.is_null() && theirs.is_null()),
                "{state} {field}: {ours} {theirs}"
            );
        }
        assert!(ours["raw"]["data"].is_string() && ours["children"]["pending"] == 0, "{ours}");
        assert!(ours.get("invalid").is_none());
    }
    let delayed = json(&server, &["job", "mail", ids["delayed"].as_str().unwrap()]);
    let due = delayed["timestamp"].as_i64().unwrap() + 3_600_000;
    assert!((delayed["dueAt"].as_i64().unwrap() - due).abs() <= 1, "{delayed}");
    let done = json(&server, &["job", "mail", ids["completed"].as_str().unwrap()]);
    assert_eq!((&done["logs"], &done["progress"]), (&json!(2), &json!(40)));
    let failed = json(&server, &["job", "mail", ids["failed"].as_str().unwrap()]);
    assert!(failed["stacktrace"][0].as_str().unwrap().contains("SMTP 550"));
    // For people: every command that reads says something about it.
    let shown = toril(&server, &["job", "mail", ids["failed"].as_str().unwrap()]).with_code(0).stdout;
    assert!(
        shown.contains("SMTP 550") && shown.contains("failed") && shown.contains("stacktrace 1 of 1"),
        "{shown}"
    );
}

#[rstest]
#[case(Lib::Bull4)]
#[case(Lib::BullMq6)]
fn jobs_of_a_state_are_listed(#[case] lib: Lib) {
    let server = Server::start();
    let mut node = Node::start(lib, &server);
    let ids = seed(&mut node);
    let failed = json(&server, &["jobs", "mail", "--state", "failed"]);
    assert_eq!(
        (&failed["queue"], &failed["state"], &failed["total"]),
        (&json!("mail"), &json!("failed"), &json!(1))
    );
    assert_eq!((&failed["scanned"], &failed["complete"]), (&json!(1), &json!(true)));
    let job = &failed["jobs"][0];
    assert_eq!((&job["id"], &job["name"]), (&ids["failed"], &json!("fails")));
    assert_eq!(job["failedReason"], "SMTP 550\nno such user");
    for payload in ["data", "returnvalue", "stacktrace", "raw"] {
        assert!(job.get(payload).is_none(), "{payload} in {job}");
    }
    let full = json(&server, &["jobs", "mail", "--state", "failed", "--full"]);
    assert_eq!(full["jobs"][0]["data"]["do"], "fail");
    assert!(full["jobs"][0]["stacktrace"].is_array());
    let none = json(&server, &["jobs", "mail", "--state", "active"]);
    assert_eq!((&none["total"], &none["jobs"]), (&json!(0), &json!([])));
    let shown = toril(&server, &["jobs", "mail", "--state", "failed"]).with_code(0).stdout;
    assert!(shown.contains("SMTP 550") && shown.starts_with("ID"), "{shown}");
}

#[test]
fn pages_and_orders_hold() {
    let server = Server::start();
    let mut node = Node::start(Lib::BullMq5, &server);
    let jobs: Vec<_> = (0..130).map(|n| json!({"name": "j", "data": {"n": n}})).collect();
    let ids = node.call(json!({"op": "addBulk", "queue": "mail", "jobs": jobs}));
    let listed = |args: &[&str]| -> Vec<Value> {
        let answer = json(&server, &[&["jobs", "mail"], args].concat());
        answer["jobs"].as_array().unwrap().iter().map(|job| job["id"].clone()).collect()
    };
    let ids = ids.as_array().unwrap();
    assert_eq!(listed(&[]), ids[..50]);
    assert_eq!(listed(&["--offset", "100", "--limit", "100"]), ids[100..]);
    assert_eq!(listed(&["--order", "oldest", "--limit", "2"]), ids[..2]);
    assert_eq!(listed(&["--order", "newest", "--limit", "2"]), [ids[129].clone(), ids[128].clone()]);
    assert_eq!(listed(&["--limit", "0"]), Vec::<Value>::new());
}

#[test]
fn logs_are_read_and_followed() {
    let server = Server::start();
    let mut node = Node::start(Lib::BullMq6, &server);
    let id = node.call(json!({"op": "add", "queue": "mail", "data": {}}));
    let id = id.as_str().unwrap().to_owned();
    for line in ["one", "two", "three"] {
        node.call(json!({"op": "addLog", "queue": "mail", "job": id, "line": line}));
    }
    let log = json(&server, &["logs", "mail", &id, "--limit", "2"]);
    assert_eq!(
        (&log["total"], &log["offset"], &log["lines"]),
        (&json!(3), &json!(1), &json!(["two", "three"]))
    );
    assert_eq!(toril(&server, &["logs", "mail", &id]).with_code(0).stdout, "one\ntwo\nthree\n");
    assert_eq!(toril(&server, &["logs", "mail", "nobody"]).with_code(1).stdout, "");

    let mut follow = super::run::Following::start(&server, &["logs", "mail", &id, "--follow", "--json"]);
    assert_eq!(follow.line(), json!({"n": 0, "line": "one"}));
    follow.line();
    follow.line();
    node.call(json!({"op": "addLog", "queue": "mail", "job": id, "line": "four"}));
    assert_eq!(follow.line(), json!({"n": 3, "line": "four"}));
    assert_eq!(follow.interrupt(), 130);
}

#[test]
fn a_name_is_matched_whole_before_its_parts() {
    let server = Server::start();
    let mut node = Node::start(Lib::Bull4, &server);
    node.call(json!({"op": "add", "queue": "mail", "data": {"which": "plain"}}));
    let ask = |args: &[&str]| toril(&server, &[&["jobs", "--full", "--json"], args].concat());
    assert_eq!(ask(&["bull:mail"]).with_code(0).json()["jobs"][0]["data"]["which"], "plain");
    node.call(json!({"op": "add", "queue": "bull:mail", "data": {"which": "colon"}}));
    let both = ask(&["bull:mail"]).with_code(2);
    assert!(both.stderr.contains("two queues") && both.error()["kind"] == "usage", "{both:?}");
    let server = Server::start();
    let mut node = Node::start(Lib::Bull4, &server);
    node.call(json!({"op": "add", "queue": "a:b", "prefix": "app", "data": {"which": "deep"}}));
    let ask = |args: &[&str]| toril(&server, &[&["jobs", "--full", "--json"], args].concat());
    let found = ask(&["a:b", "--prefix", "app"]).with_code(0).json();
    assert_eq!((&found["prefix"], &found["queue"]), (&json!("app"), &json!("a:b")));
    ask(&["a:b"]).with_code(1);
}

#[test]
fn a_job_that_is_late_or_of_which_only_the_id_is_left_says_so() {
    let server = Server::start();
    let mut node = Node::start(Lib::BullMq6, &server);
    let mut link = server.connect();
    for (queue, gone) in [("mail", false), ("news", true)] {
        node.call(json!({"op": "add", "queue": queue, "data": {}, "opts": {"jobId": "n", "delay": 60_000}}));
        // Due a minute after the epoch.
        let key = format!("bull:{queue}:delayed");
        redis::cmd("ZADD").arg(key).arg(60_000_u64 * 4096).arg("n").exec(&mut link).unwrap();
        if gone {
            redis::cmd("DEL").arg(format!("bull:{queue}:n")).exec(&mut link).unwrap();
        }
        let shown = toril(&server, &["job", queue, "n"]).with_code(0).stdout;
        let due = shown.lines().find(|line| line.starts_with("due")).unwrap();
        assert!(due.ends_with(" late)"), "{shown}");
        assert_eq!(shown.contains("gone: only its id is left"), gone, "{shown}");
    }
}
