//! `queues`, `events`, `redis`, and acts on all queues.

use rstest::rstest;
use serde_json::{Value, json};

use super::reads::seed;
use super::run::{Following, finish, json as ask, on, toril};
use crate::support::{Lib, Node, Server};

#[rstest]
#[case(Lib::Bull4, "B")]
#[case(Lib::BullMq4, "4")]
#[case(Lib::BullMq5, "5")]
#[case(Lib::BullMq6, "6")]
fn queues_are_counted_as_the_library_counts(#[case] lib: Lib, #[case] era: &str) {
    let server = Server::start();
    let mut node = Node::start(lib, &server);
    let ids = seed(&mut node);
    let mut link = server.connect();
    for n in 0..500 {
        redis::cmd("SET").arg(format!("session:{n}")).arg("x").exec(&mut link).unwrap();
    }
    let answer = ask(&server, &["queues"]);
    assert_eq!(answer["complete"], true);
    assert!(answer["at"].as_i64().unwrap() > 1_600_000_000_000);
    let queues = answer["queues"].as_array().unwrap();
    assert_eq!(queues.len(), 1, "{answer}");
    let mail = &queues[0];
    assert_eq!((&mail["prefix"], &mail["name"], &mail["era"]), (&json!("bull"), &json!("mail"), &json!(era)));
    let counts = &mail["counts"];
    let prioritized = u64::from(lib != Lib::Bull4);
    for (state, count) in [
        ("waiting", 1),
        ("prioritized", prioritized),
        ("active", 0),
        ("delayed", 1),
        ("completed", 1),
        ("failed", 1),
        ("waiting-children", 0),
        ("paused", 0),
    ] {
        assert_eq!(counts[state], count, "{state} in {mail}");
    }
    assert_eq!(
        (&mail["paused"], &mail["workers"], &mail["schedulers"]),
        (&json!(false), &json!(0), &json!(0))
    );
    assert_eq!(mail["limits"], json!({"concurrency": null, "rate": null}));
    // Where a wake-up marker stands at the tail (BullMQ 4) the job before it is the next.
    if lib != Lib::BullMq4 {
        let next = ask(&server, &["job", "mail", ids["waiting"].as_str().unwrap()]);
        assert_eq!(mail["oldestWaitingAt"], next["timestamp"]);
    }
    if matches!(lib, Lib::BullMq5 | Lib::BullMq6) {
        assert!(mail["version"].as_str().unwrap().starts_with("bullmq:"));
        node.call(json!({"op": "setGlobalConcurrency", "queue": "mail", "concurrency": 7}));
        node.call(json!({"op": "setGlobalRateLimit", "queue": "mail", "max": 5, "duration": 1000}));
        let limits = ask(&server, &["queues"])["queues"][0]["limits"].clone();
        assert_eq!(limits, json!({"concurrency": 7, "rate": {"max": 5, "duration": 1000}}));
    }
    let worker = node.call(json!({"op": "worker", "queue": "mail"}));
    node.call(json!({"op": "waitIdle", "queue": "mail"}));
    assert_eq!(ask(&server, &["queues", "-q", "mail"])["queues"][0]["workers"], 1);
    node.call(json!({"op": "workerStop", "handle": worker}));
    let shown = toril(&server, &["queues"]).with_code(0).stdout;
    assert!(shown.starts_with("QUEUE") && shown.contains("mail"), "{shown}");
}

#[test]
fn queues_are_selected_by_name_glob_and_prefix() {
    let server = Server::start();
    let mut node = Node::start(Lib::BullMq6, &server);
    for (prefix, queue) in
        [("bull", "mail-eu"), ("bull", "mail-us"), ("bull", "report"), ("app:x", "mail-eu")]
    {
        node.call(json!({"op": "add", "queue": queue, "prefix": prefix, "data": {}}));
    }
    let names = |args: &[&str]| -> Vec<String> {
        let answer = ask(&server, &[&["queues"], args].concat());
        let name = |queue: &Value| {
            format!("{}:{}", queue["prefix"].as_str().unwrap(), queue["name"].as_str().unwrap())
        };
        answer["queues"].as_array().unwrap().iter().map(name).collect()
    };
    assert_eq!(names(&[]), ["bull:mail-eu", "bull:mail-us", "bull:report"]);
    assert_eq!(names(&["-q", "mail-*"]), ["bull:mail-eu", "bull:mail-us"]);
    assert_eq!(names(&["-q", "report", "-q", "*-us"]), ["bull:mail-us", "bull:report"]);
    assert_eq!(names(&["--prefix", "app:x"]), ["app:x:mail-eu"]);
    assert_eq!(names(&["--prefix", "*", "-q", "mail-eu*"]), ["app:x:mail-eu", "bull:mail-eu"]);
    // A named queue that is not there: the others are listed, and the answer is no.
    let missing = toril(&server, &["queues", "-q", "report", "-q", "nobody", "--json"]).with_code(1);
    assert_eq!(missing.json()["queues"].as_array().map(Vec::len), Some(1));
    assert_eq!(missing.error()["kind"], "not-found");
    // An empty server has been read, too.
    let empty = Server::start();
    assert_eq!(ask(&empty, &["queues"])["queues"], json!([]));
    assert!(toril(&empty, &["queues"]).with_code(0).stderr.contains("prefix bull"));
}

#[test]
fn an_exact_name_needs_no_scan() {
    let server = Server::start();
    let mut node = Node::start(Lib::BullMq6, &server);
    node.call(json!({"op": "add", "queue": "mail", "data": {}}));
    let mut link = server.connect();
    redis::cmd("ACL")
        .arg(&[
            "SETUSER",
            "narrow",
            "on",
            ">pw",
            "~bull:mail:*",
            "+@read",
            "+@connection",
            "+time",
            "-scan",
            "-@dangerous",
        ])
        .exec(&mut link)
        .unwrap();
    let run = |args: &[&str]| {
        finish(on(&server).env("TORIL_USER", "narrow").env("TORIL_PASSWORD", "pw").args(args).arg("--json"))
    };
    let named = run(&["queues", "-q", "mail"]).with_code(0).json();
    assert_eq!(named["queues"][0]["counts"]["waiting"], 1);
    assert!(named["queues"][0].get("workers").is_none(), "not permitted is unknown, not none");
    let refused = run(&["queues"]).with_code(3);
    assert_eq!(refused.error()["kind"], "permission");
    assert!(refused.error()["hint"].as_str().unwrap().contains("--queue"));
}

#[test]
fn events_come_as_they_happen() {
    let server = Server::start();
    let mut node = Node::start(Lib::BullMq6, &server);
    node.call(json!({"op": "open", "queue": "mail"}));
    node.call(json!({"op": "add", "queue": "other", "data": {}}));
    let mut feed = Following::start(&server, &["events", "mail", "--json"]);
    // The feed begins with what comes after it: add until it has begun.
    let mut first = None;
    for _ in 0..100 {
        node.call(json!({"op": "add", "queue": "mail", "name": "hello", "data": {}}));
        node.call(json!({"op": "add", "queue": "other", "data": {}}));
        first = feed.try_line(100);
        if first.is_some() {
            break;
        }
    }
    let first = first.expect("an event");
    assert_eq!((&first["prefix"], &first["queue"]), (&json!("bull"), &json!("mail")));
    assert!(["added", "waiting"].contains(&first["event"].as_str().unwrap()), "{first}");
    assert!(
        first["at"].is_i64() && first["jobId"].is_string() && first["id"].as_str().unwrap().contains('-')
    );
    assert_eq!(feed.interrupt(), 130);
    toril(&server, &["events", "nobody"]).with_code(1);
}

#[test]
fn the_server_is_described() {
    let server = Server::builder().conf("maxmemory", "64mb").conf("maxmemory-policy", "noeviction").start();
    let mut link = server.connect();
    redis::cmd("SET").arg("k").arg("v").exec(&mut link).unwrap();
    redis::cmd("GET").arg("k").exec(&mut link).unwrap();
    let health = ask(&server, &["redis"]);
    assert!(health["version"].as_str().unwrap().contains('.'));
    assert_eq!(
        (&health["mode"], &health["role"], &health["keys"]),
        (&json!("standalone"), &json!("master"), &json!(1))
    );
    assert_eq!(health["memory"]["max"], 64 << 20);
    assert_eq!(health["memory"]["policy"], "noeviction");
    assert!(health["memory"]["used"].as_u64().unwrap() > 100_000);
    assert_eq!((&health["stats"]["hits"], &health["stats"]["misses"]), (&json!(1), &json!(0)));
    assert_eq!(health["stats"]["hitRate"], 1.0);
    assert!(health["clients"]["connected"].as_u64().unwrap() >= 2);
    assert!(health["latencyMs"].as_f64().unwrap() > 0.0 && health["persistence"]["aof"] == false);
    let shown = toril(&server, &["redis"]).with_code(0).stdout;
    assert!(
        shown.contains("noeviction") && shown.contains("no lookups") || shown.contains("% hits"),
        "{shown}"
    );
}

#[test]
fn all_queues_are_paused_and_resumed() {
    let server = Server::start();
    let mut node = Node::start(Lib::BullMq5, &server);
    for queue in ["a", "b"] {
        node.call(json!({"op": "add", "queue": queue, "data": {}}));
    }
    let mut link = server.connect();
    redis::cmd("HSET").arg("bull:pro:meta").arg("version").arg("bullmq-pro:7.1.0").exec(&mut link).unwrap();
    redis::cmd("ZADD").arg("bull:pro:groups").arg(1).arg("g").exec(&mut link).unwrap();
    toril(&server, &["pause", "--all"]).with_code(2);
    // What cannot be written is told, and the others are done.
    let told = toril(&server, &["pause", "--all", "--yes", "--json"]).with_code(4).json();
    let results = told["results"].as_array().unwrap();
    assert_eq!(results.iter().filter(|one| one["done"] == 1).count(), 2, "{told}");
    let pro = results.iter().find(|one| one["queue"] == "pro").unwrap();
    assert_eq!(pro["failed"][0]["code"], "unsupported");
    for queue in ["a", "b"] {
        assert_eq!(node.call(json!({"op": "isPaused", "queue": queue})), true);
    }
    toril(&server, &["resume", "-q", "?", "--all", "--yes"]).with_code(0);
}

#[test]
fn colours_are_for_terminals_that_want_them() {
    let server = Server::start();
    let mut node = Node::start(Lib::BullMq6, &server);
    node.call(json!({"op": "add", "queue": "mail", "data": {}}));
    let shown = |args: &[&str], variable: &str| {
        finish(on(&server).env(variable, "1").arg("queues").args(args)).with_code(0).stdout
    };
    assert!(!shown(&[], "OTHER").contains('\u{1b}'), "stdout is no terminal");
    assert!(shown(&["--color", "always"], "OTHER").contains("\u{1b}[1mQUEUE\u{1b}[0m"));
    assert!(shown(&[], "CLICOLOR_FORCE").contains('\u{1b}'));
    assert!(!shown(&["--no-color"], "CLICOLOR_FORCE").contains('\u{1b}'));
    assert!(shown(&["--color", "always"], "NO_COLOR").contains('\u{1b}'), "a flag comes first");
}
