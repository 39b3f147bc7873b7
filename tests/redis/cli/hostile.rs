//! Names and payloads that are out to harm whoever prints them.

use serde_json::{Value, json};

use super::run::{json as ask, toril};
use crate::support::{Lib, Node, Server};

const NASTY: &str = "a\u{1b}[31m\u{9b}2J\u{202e}\u{200b}\r\n\u{7f}z";

/// Nothing but printable text and line feeds: no control, bidi or zero-width character.
fn harmless(text: &str) -> bool {
    !text.chars().any(|c| {
        (c.is_control() && c != '\n')
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
    })
}

#[test]
fn nothing_hidden_reaches_the_terminal() {
    let server = Server::start();
    let mut node = Node::start(Lib::BullMq5, &server);
    let data = json!({"do": "fail", "message": NASTY, "log": [NASTY], "progress": [NASTY], NASTY: NASTY});
    let id = node
        .call(json!({"op": "add", "queue": NASTY, "name": NASTY, "data": data, "opts": {"jobId": NASTY}}));
    assert_eq!(id, NASTY);
    let worker = node.call(json!({"op": "worker", "queue": NASTY}));
    node.call(json!({"op": "waitIdle", "queue": NASTY}));
    node.call(json!({"op": "workerStop", "handle": worker}));
    let runs = [
        toril(&server, &["jobs", NASTY, "--state", "failed"]).with_code(0),
        toril(&server, &["jobs", NASTY, "--state", "failed", "--full", "--json"]).with_code(0),
        toril(&server, &["job", NASTY, NASTY]).with_code(0),
        toril(&server, &["job", NASTY, NASTY, "--json"]).with_code(0),
        toril(&server, &["logs", NASTY, NASTY]).with_code(0),
        toril(&server, &["logs", NASTY, NASTY, "--json"]).with_code(0),
        toril(&server, &["retry", NASTY, NASTY, "--dry-run"]).with_code(0),
        toril(&server, &["retry", NASTY, NASTY, "--dry-run", "--json"]).with_code(0),
        toril(&server, &["pause", NASTY]).with_code(2),
        toril(&server, &["job", NASTY, "\u{1b}]0;x\u{7}", "--json"]).with_code(1),
        toril(&server, &["jobs", "\u{1b}]0;x\u{7}", "--json"]).with_code(1),
        toril(&server, &["jobs", NASTY, "--where", "error(.name)", "--state", "failed"]).with_code(0),
        toril(&server, &["--config", NASTY, "config", "show"]).with_code(2),
    ];
    for ran in runs {
        assert!(harmless(&ran.stdout) && harmless(&ran.stderr), "{ran:?}");
    }
    // And nothing is lost of it for a program.
    let job = ask(&server, &["job", NASTY, NASTY]);
    for field in ["id", "name", "queue", "failedReason", "progress"] {
        assert_eq!(job[field], NASTY, "{field}");
    }
    assert_eq!(job["data"][NASTY], NASTY);
    assert_eq!(ask(&server, &["logs", NASTY, NASTY])["lines"][0], NASTY);
}

#[test]
fn broken_payloads_stand_as_text() {
    let server = Server::start();
    let mut node = Node::start(Lib::BullMq5, &server);
    let id = node.call(json!({"op": "add", "queue": "mail", "data": {"fine": 1}}));
    let key = format!("bull:mail:{}", id.as_str().unwrap());
    let mut link = server.connect();
    let mut set = |field: &[u8], value: &[u8]| {
        redis::cmd("HSET").arg(&key).arg(field).arg(value).exec(&mut link).unwrap();
    };
    set(b"data", b"{broken \xff");
    set(b"returnvalue", &"[".repeat(100_000).into_bytes());
    set(b"progress", b"1.50");
    set(b"odd\xfe", b"x");
    let ran = toril(&server, &["job", "mail", id.as_str().unwrap(), "--json"]).with_code(0);
    let job = ran.json();
    assert_eq!(job["invalid"], json!(["data", "returnvalue"]));
    assert_eq!(job["data"], "{broken \\xff");
    assert_eq!(job["raw"]["odd\\xfe"], "x");
    assert!(ran.stdout.contains("\"progress\":1.50"), "numbers stay as they were written");
    assert_eq!(toril(&server, &["job", "mail", id.as_str().unwrap()]).code, 0);
    let listed = ask(&server, &["jobs", "mail", "--full", "--where", ".invalid | length == 2"]);
    assert_eq!(listed["jobs"].as_array().map(Vec::len), Some(1));
}

#[test]
fn large_payloads_are_not_read_unasked() {
    let server = Server::start();
    let mut node = Node::start(Lib::BullMq6, &server);
    let id = node.call(json!({"op": "add", "queue": "mail", "data": {"fine": 1}}));
    let id = id.as_str().unwrap();
    let key = format!("bull:mail:{id}");
    let mut link = server.connect();
    let huge = format!("\"{}\"", "x".repeat(40 << 20));
    redis::cmd("HSET").arg(&key).arg("data").arg(&huge).exec(&mut link).unwrap();
    redis::cmd("HSET").arg(&key).arg("returnvalue").arg(&huge[..2 << 20]).exec(&mut link).unwrap();
    let refused = toril(&server, &["job", "mail", id, "--json"]).with_code(1);
    assert!(refused.stderr.contains("data of job") && refused.stderr.contains("40 MB"), "{}", refused.stderr);
    let shown = toril(&server, &["job", "mail", id]).with_code(0).stdout;
    assert!(shown.contains("data (40 MB"), "{shown}");
    let listed = ask(&server, &["jobs", "mail", "--full"]);
    let job: &Value = &listed["jobs"][0];
    assert_eq!(job["tooLarge"]["data"], huge.len());
    assert_eq!(job["returnvalue"].as_str().map(str::len), Some(2 << 20), "not JSON without its last quote");
    redis::cmd("HSET").arg(&key).arg("data").arg(&huge[..30 << 20]).exec(&mut link).unwrap();
    let whole = toril(&server, &["job", "mail", id, "--json"]).with_code(0).stdout;
    assert!(whole.contains(r#""data":"\"xxx"#) && whole.len() >= 30 << 20, "{} bytes", whole.len());
}
