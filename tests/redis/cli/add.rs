//! `toril add`: what Node's BullMQ reads of it, and what is refused.

use std::io::Write as _;

use rstest::rstest;
use serde_json::json;

use super::run::{json as ask, on, toril, with_input};
use crate::support::{Dump, Lib, Node, Server, assert_same};

#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn node_reads_what_was_added(#[case] lib: Lib) {
    let server = Server::start();
    let mut node = Node::start(lib, &server);
    node.call(json!({"op": "add", "queue": "mail", "data": {}}));
    let data = r#"{"to":"ana@example.com","n":1.50,"list":[]}"#;
    let args = ["add", "mail", "send", "--data", data, "--attempts", "3", "--backoff", "exponential:1s"];
    let added = ask(&server, &args);
    assert_eq!(
        added,
        json!({"action": "add", "queue": "mail", "prefix": "bull", "name": "send", "id": "2",
               "outcome": "added", "matched": 1, "done": 1, "changed": 0, "failed": [], "dryRun": false})
    );
    let job = node.call(json!({"op": "job", "queue": "mail", "job": "2"}));
    assert_eq!((&job["name"], &job["data"]["to"]), (&json!("send"), &json!("ana@example.com")));
    assert_eq!(job["opts"]["attempts"], 3);
    assert_eq!(job["opts"]["backoff"], json!({"type": "exponential", "delay": 1000}));
    // Byte for byte, as it was written.
    assert_eq!(Dump::of(&server).field("bull:mail:2", "data"), Some(data));

    let id = |args: &[&str]| ask(&server, &[&["add", "mail", "x"], args].concat())["id"].clone();
    let delayed = id(&["--delay", "1h"]);
    let urgent = id(&["--priority", "1"]);
    let named = id(&["--id", "order-7"]);
    let last = id(&["--lifo"]);
    assert_eq!(named, "order-7");
    let mut state = |id| node.call(json!({"op": "state", "queue": "mail", "job": id}));
    assert_eq!((state(&delayed), state(&urgent)), (json!("delayed"), json!("prioritized")));
    let waiting = node
        .call(json!({"op": "ids", "queue": "mail", "state": "waiting", "start": 0, "end": -1, "asc": true}));
    assert_eq!(waiting.as_array().and_then(|ids| ids.first()), Some(&last), "lifo runs next: {waiting}");
}

#[test]
fn a_second_add_of_the_same_says_what_stands_for_it() {
    let server = Server::start();
    let of = |args: &[&str]| {
        let told = ask(&server, &[&["add", "mail", "x"], args].concat());
        (
            told["id"].as_str().unwrap().to_owned(),
            told["outcome"].as_str().unwrap().to_owned(),
            told["done"] == 1,
        )
    };
    let pair = |id: &str, outcome: &str| (id.to_owned(), outcome.to_owned(), outcome == "added");
    assert_eq!(of(&["--id", "order-1"]), pair("order-1", "added"));
    assert_eq!(of(&["--id", "order-1"]), pair("order-1", "exists"));
    let first = of(&["--dedup", "tick"]);
    assert_eq!(first.1, "added");
    assert_eq!(of(&["--dedup", "tick"]), pair(&first.0, "deduplicated"));
    let delayed = of(&["--dedup", "late", "--dedup-ttl", "1h", "--delay", "1h"]);
    let replaced =
        of(&["--dedup", "late", "--dedup-ttl", "1h", "--dedup-replace", "--dedup-extend", "--delay", "1h"]);
    assert!(replaced.1 == "added" && replaced.0 != delayed.0, "{replaced:?}");
    assert_eq!(ask(&server, &["job", "mail", &replaced.0])["state"], "delayed");
    toril(&server, &["job", "mail", &delayed.0]).with_code(1);
    let text = toril(&server, &["add", "mail", "x", "--dedup", "tick"]).with_code(0).stdout;
    assert_eq!(text, format!("Job {} of mail stands for it: nothing was added.\n", first.0));
    for wrong in [&["--dedup-ttl", "1s"][..], &["--dedup", "a", "--dedup-extend"], &["--dedup", ""]] {
        toril(&server, &[&["add", "mail", "x"], wrong].concat()).with_code(2);
    }
}

#[test]
fn data_comes_from_a_file_or_stdin() {
    let server = Server::start();
    let mut file = tempfile::NamedTempFile::new().unwrap();
    writeln!(file, "{{\"from\": \"file\"}}").unwrap();
    let place = format!("@{}", file.path().display());
    ask(&server, &["add", "mail", "x", "--data", &place]);
    let big = format!("\"{}\"", "x".repeat(3_000_000));
    let ran = with_input(on(&server).args(["add", "mail", "x", "--data", "-"]), &big).with_code(0);
    assert_eq!(ran.stdout, "Added job 2 to mail.\n");
    ask(&server, &["add", "mail", "x"]);
    let dump = Dump::of(&server);
    assert_eq!(dump.field("bull:mail:1", "data"), Some("{\"from\": \"file\"}"));
    assert_eq!(dump.field("bull:mail:2", "data"), Some(big.as_str()));
    assert_eq!(dump.field("bull:mail:3", "data"), Some("{}"));
}

#[test]
fn a_queue_begins_with_its_first_job() {
    let server = Server::start();
    let ran = toril(&server, &["add", "fresh", "x"]).with_code(0);
    assert_eq!(ran.stdout, "Added job 1 to fresh, a new queue.\n");
    assert_eq!(ask(&server, &["add", "bull:fresh", "x"])["id"], "2");
    // A prefix that was not asked for makes no queue elsewhere.
    toril(&server, &["add", "other:fresh", "x"]).with_code(2);
    let other = ask(&server, &["--prefix", "other", "add", "other:fresh", "x"]);
    assert_eq!((&other["prefix"], &other["queue"]), (&json!("other"), &json!("fresh")));
    let both = ["--prefix", "a", "--prefix", "b", "add", "new", "x"];
    let unclear = toril(&server, &[&both[..], &["--json"]].concat()).with_code(2).error();
    assert_eq!(unclear["kind"], "usage");
}

#[test]
fn hostile_input_is_refused_and_nothing_written() {
    let server = Server::start();
    for args in [
        &["--data", "{"][..],
        &["--data", "text"],
        &["--data", "@/nonexistent/file"],
        &["--data", "@/"],
        &["--id", "42"],
        &["--id", "0:1"],
        &["--id", "a:b"],
        &["--id", "wait"],
        &["--delay", "5"],
        &["--delay", "-5s"],
        &["--delay", "99999999999999999999d"],
        &["--priority", "2097152"],
        &["--priority", "-1"],
        &["--attempts", "many"],
        &["--attempts", "-1"],
        &["--backoff", "linear:1s"],
        &["--lifo", "--priority", "1"],
        &["--unknown"],
    ] {
        let ran = toril(&server, &[&["add", "mail", "x", "--json"], args].concat()).with_code(2);
        assert_eq!((ran.error()["kind"].as_str(), ran.stdout.as_str()), (Some("usage"), ""), "{args:?}");
    }
    for queue in ["", "a:b:c"] {
        toril(&server, &["add", queue, "x"]).with_code(2);
    }
    for input in ["", "{\"a\":", "\u{feff}{}"] {
        with_input(on(&server).args(["add", "mail", "x", "--data", "-"]), input).with_code(2);
    }
    assert!(Dump::of(&server).keys().is_empty());
}

#[test]
fn a_dry_run_and_a_read_only_session_write_nothing() {
    let server = Server::start();
    ask(&server, &["add", "mail", "x"]);
    let before = Dump::of(&server);
    let args = ["add", "mail", "x", "--delay", "10m", "--id", "order-8", "--dry-run", "--read-only"];
    let plan = ask(&server, &args);
    assert_eq!((&plan["dryRun"], &plan["matched"], &plan["done"]), (&json!(true), &json!(1), &json!(0)));
    assert_eq!(plan["effects"].as_array().map(Vec::len), Some(2));
    toril(&server, &["add", "mail", "x", "--id", "7", "--dry-run"]).with_code(2);
    let refused = toril(&server, &["add", "mail", "x", "--read-only", "--json"]).with_code(3);
    assert_eq!(refused.error()["kind"], "readonly");
    assert_same(&before, &Dump::of(&server));
}

#[rstest]
#[case(Lib::Bull4)]
#[case(Lib::BullMq4)]
fn queues_of_older_libraries_are_left_alone(#[case] lib: Lib) {
    let server = Server::start();
    let mut node = Node::start(lib, &server);
    node.call(json!({"op": "add", "queue": "mail", "data": {}}));
    let before = Dump::of(&server);
    let refused = toril(&server, &["add", "mail", "x", "--json"]).with_code(1);
    assert_eq!(refused.error()["kind"], "unsupported");
    assert_same(&before, &Dump::of(&server));
}
