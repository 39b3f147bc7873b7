//! `toril find`.

use redis::Commands as _;
use rstest::rstest;
use serde_json::{Value, json};

use super::run::toril;
use crate::read::seed::seed;
use crate::support::{Lib, Node, Server};

/// The lines of a run and its last one.
fn find(server: &Server, args: &[&str]) -> (Vec<Value>, Value) {
    let ran = toril(server, &[&["find"], args, &["--json"]].concat()).with_code(0);
    let mut lines: Vec<Value> =
        ran.stdout.lines().map(|line| serde_json::from_str(line).expect("a document")).collect();
    let last = lines.pop().expect("a last line");
    (lines, last)
}

fn ids(lines: &[Value]) -> Vec<&str> {
    lines.iter().map(|line| line["id"].as_str().unwrap()).collect()
}

#[rstest]
fn a_job_is_found_by_id_and_by_text_in_every_era(
    #[values(Lib::Bull4, Lib::BullMq4, Lib::BullMq5, Lib::BullMq6)] lib: Lib,
) {
    let server = Server::start();
    let mut node = Node::start(lib, &server);
    seed(&mut node, false);
    node.call(json!({"op": "add", "queue": "other", "name": "x", "data": {"tenant": "acme-7", "boom": "é"}, "opts": {"jobId": "order-7"}}));

    let (lines, last) = find(&server, &["order-7"]);
    assert_eq!((lines.len(), &last["scanned"], &last["complete"]), (1, &json!(0), &json!(true)));
    let found = &lines[0];
    assert_eq!(
        (&found["queue"], &found["prefix"], &found["id"]),
        (&json!("other"), &json!("bull"), &json!("order-7"))
    );
    assert_eq!((&found["state"], &found["where"]), (&json!("waiting"), &json!("id")));

    // Nothing has this id: the text is looked for.
    let (lines, last) = find(&server, &["acme-7"]);
    assert_eq!((ids(&lines), &lines[0]["where"]), (vec!["order-7"], &json!("data")));
    assert!(lines[0]["excerpt"].as_str().unwrap().contains("acme-7"), "{lines:?}");
    assert_eq!((&last["scanned"], &last["complete"]), (&last["total"], &json!(true)));

    // In the error, of failed jobs only, in any case.
    let (lines, _) = find(&server, &["BOOM 1", "-i", "--state", "failed"]);
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(["failedReason", "data"].contains(&lines[0]["where"].as_str().unwrap()), "{lines:?}");
    assert_eq!(find(&server, &["BOOM 1", "--state", "failed"]).0, [Value::Null; 0]);
    assert_eq!(find(&server, &["boom", "--state", "completed"]).0, [Value::Null; 0]);

    // Only these queues; an id alone.
    assert_eq!(find(&server, &["acme-7", "-q", "ma*"]).0, [Value::Null; 0]);
    assert_eq!(find(&server, &["acme-7", "--id-only"]).0, [Value::Null; 0]);

    // By jq, alone and beside a text.
    let (lines, last) = find(&server, &["--where", ".data.tenant == \"acme-7\""]);
    assert_eq!((ids(&lines), &last["complete"]), (vec!["order-7"], &json!(true)));
    let (lines, _) = find(&server, &["acme", "--jq", ".data.boom == \"é\" and .state == \"waiting\""]);
    assert_eq!((ids(&lines), &lines[0]["where"]), (vec!["order-7"], &json!("data")));
    let (lines, _) = find(&server, &["acme", "--jq", ".logs > 7"]);
    assert!(lines.is_empty());
}

fn many(server: &Server, n: u64) {
    let mut link = server.connect();
    let mut pipe = redis::pipe();
    pipe.hset("bull:q:meta", "version", "bullmq:5.81.5").ignore();
    for id in 1..=n {
        pipe.zadd("bull:q:failed", id, 1_700_000_000_000 + id).ignore();
        let data = format!(r#"{{"n":{id},"tenant":"t{}","password":"hunter2-{id}"}}"#, id % 10);
        let fields = [("name", "charge".to_owned()), ("data", data), ("failedReason", "boom".to_owned())];
        pipe.hset_multiple(format!("bull:q:{id}"), &fields).ignore();
    }
    pipe.exec(&mut link).unwrap();
}

#[test]
fn a_search_is_bounded_and_newest_first() {
    let server = Server::start();
    many(&server, 1000);
    let (lines, last) = find(&server, &["\"tenant\":\"t3\"", "--scan", "100"]);
    assert_eq!(ids(&lines), ["993", "983", "973", "963", "953", "943", "933", "923", "913", "903"]);
    assert_eq!(last, json!({"scanned": 100, "total": 1000, "found": 10, "complete": false}));
    let (lines, last) = find(&server, &["t3", "--limit", "3"]);
    assert_eq!((ids(&lines), &last["complete"]), (vec!["993", "983", "973"], &json!(false)));
    let (lines, last) = find(&server, &["--where", ".data.tenant == \"t3\"", "--scan", "all"]);
    assert_eq!((lines.len(), &last["scanned"], &last["complete"]), (100, &json!(1000), &json!(true)));
    // People see how far it went and what it cost.
    let told = toril(&server, &["find", "t3"]).with_code(0);
    assert!(told.stderr.contains("1,000 of 1,000 jobs read, newest first"), "{told:?}");
    assert!(told.stderr.contains("Redis's time") && told.stderr.contains("100 found"), "{told:?}");
    assert!(told.stdout.lines().count() == 100 && told.stdout.contains("data: "), "{told:?}");
}

#[test]
fn whole_jobs_are_exported_and_secrets_are_masked() {
    let server = Server::start();
    many(&server, 200);
    let ran = toril(&server, &["find", "\"tenant\":\"t7\"", "--full"]).with_code(0);
    let jobs: Vec<Value> = ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(jobs.len(), 20);
    assert_eq!(
        (&jobs[0]["id"], &jobs[0]["data"]["n"], &jobs[0]["state"]),
        (&json!("197"), &json!(197), &json!("failed"))
    );
    assert_eq!(jobs[0]["data"]["password"], json!("***"));
    // A secret is found, and not shown.
    let (lines, _) = find(&server, &["hunter2-42"]);
    assert_eq!(ids(&lines), ["42"]);
    assert!(!lines[0].to_string().contains("hunter2"), "{lines:?}");
    let raw = toril(&server, &["find", "hunter2-42", "--raw", "--full"]).with_code(0);
    assert!(raw.stdout.contains("hunter2-42"));
}

#[test]
fn hostile_text_is_found_and_harmless() {
    let server = Server::start();
    many(&server, 3);
    let mut link = server.connect();
    let () = link
        .hset("bull:q:2", "failedReason", b"\x1b]0;evil\x07 needle \xff\xfe \r\n$5\r\n".as_slice())
        .unwrap();
    let () = link.hset("bull:q:2", "name", "\x1b[2J").unwrap();
    let ran = toril(&server, &["find", "needle"]).with_code(0);
    assert!(!ran.stdout.contains('\x1b') && !ran.stderr.contains('\x1b'), "{ran:?}");
    assert_eq!(ran.stdout.lines().count(), 1, "{ran:?}");
    // Between two values stand the bytes of the protocol: they are no text.
    assert_eq!(find(&server, &["\r\n$", "--text"]).0.len(), 1);
    assert_eq!(find(&server, &["boom\r\n", "--text"]).0, [Value::Null; 0]);
}

#[test]
fn wrong_usage_is_told() {
    let server = Server::start();
    many(&server, 3);
    toril(&server, &["find"]).with_code(2);
    let refused = toril(&server, &["find", "--where", ".data =="]).with_code(2);
    assert!(refused.stderr.contains("not valid jq"), "{refused:?}");
    toril(&server, &["find", "x", "-q", "no-such-queue"]).with_code(1);
    assert_eq!(find(&server, &["-7"]).0, [Value::Null; 0]);
}
