//! How commands end when they do not end well, and what secrets they keep.

use std::io::Read as _;
use std::net::TcpListener;
use std::process::Stdio;

use serde_json::json;

use super::run::{bare, finish, on, toril};
use crate::support::{Lib, Node, Server};

#[test]
fn nobody_listens() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("redis://127.0.0.1:{port}");
    let refused = finish(bare().args(["-u", &url, "jobs", "mail", "--json"])).with_code(3);
    assert_eq!(refused.error()["kind"], "connect");
    assert!(refused.stderr.contains(&port.to_string()) && refused.stdout.is_empty(), "{refused:?}");
    finish(bare().args(["-u", "redis+unix:///nonexistent/r.sock", "jobs", "mail"])).with_code(3);
}

#[test]
fn the_password_is_wrong_or_missing_and_never_shown() {
    let server = Server::builder().tcp().password("canary-7").start();
    let plain = format!("redis://127.0.0.1:{}", server.port().unwrap());
    let missing = finish(bare().args(["-u", &plain, "jobs", "mail", "--json"])).with_code(3);
    assert_eq!(missing.error()["kind"], "auth");
    let wrong =
        finish(bare().env("TORIL_PASSWORD", "canary-8").args(["-u", &plain, "jobs", "mail", "--json"]));
    let wrong = wrong.with_code(3);
    assert_eq!(wrong.error()["kind"], "auth");
    // On the command line it works, with a warning.
    let shown = format!("redis://:canary-7@127.0.0.1:{}", server.port().unwrap());
    let warned = finish(bare().args(["-u", &shown, "-v", "jobs", "mail"])).with_code(1);
    assert!(warned.stderr.contains("--password-file"), "{warned:?}");
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "canary-7\n").unwrap();
    let path = file.path().to_str().unwrap();
    let fine = finish(bare().args(["-u", &plain, "--password-file", path, "jobs", "mail"])).with_code(1);
    assert!(fine.stderr.contains("no queue"));
    let config =
        finish(bare().env("TORIL_PASSWORD", "canary-9").args(["-u", &shown, "config", "show", "--origin"]));
    assert!(config.stdout.contains("***"), "{config:?}");
    for ran in [missing, wrong, warned, fine, config] {
        assert!(!format!("{ran:?}").contains("canary"), "{ran:?}");
    }
}

#[test]
fn what_is_not_there_is_named() {
    let server = Server::start();
    let mut node = Node::start(Lib::BullMq6, &server);
    node.call(json!({"op": "add", "queue": "mail", "data": {}}));
    for args in
        [&["jobs", "male"][..], &["job", "mail", "77"], &["logs", "mail", "77"], &["retry", "male", "1"]]
    {
        let ran = toril(&server, &[args, &["--json"]].concat()).with_code(1);
        assert_eq!(ran.error()["kind"], "not-found", "{args:?}");
        assert!(ran.error()["message"].as_str().unwrap().contains(if args[1] == "male" {
            "male"
        } else {
            "77"
        }));
        assert_eq!(ran.stdout, "");
    }
}

#[test]
fn wrong_usage_is_two() {
    for args in [
        &["nonsense"][..],
        &["jobs"],
        &["jobs", "q", "--state", "happy"],
        &["jobs", "q", "--scan", "5"],
        &["--read-only", "--write", "queues"],
        &["-u", "nonsense", "queues"],
        &["-u", "redis+sentinel://h/m/0", "queues"],
        &["-u", "redis+cluster://h", "queues"],
        &["--tls-cert", "x", "queues"],
        &[],
    ] {
        let ran = finish(bare().args(args).arg("--json")).with_code(2);
        assert!(!ran.stderr.is_empty() && ran.stdout.is_empty());
        assert!(["usage", "unsupported"].contains(&ran.error()["kind"].as_str().unwrap()), "{ran:?}");
    }
}

#[test]
fn a_server_that_does_not_answer_ends_it() {
    let server = Server::start();
    server.stop();
    let began = std::time::Instant::now();
    let ran = toril(&server, &["jobs", "mail", "--json"]);
    server.cont();
    let ran = ran.with_code(3);
    assert!(["timeout", "connect"].contains(&ran.error()["kind"].as_str().unwrap()), "{ran:?}");
    assert!(began.elapsed().as_secs() < 10);
}

#[test]
fn an_account_that_may_not_is_told_so() {
    let server = Server::start();
    let mut node = Node::start(Lib::BullMq6, &server);
    let id = node.call(json!({"op": "add", "queue": "mail", "data": {}, "opts": {"delay": 60_000}}));
    let mut link = server.connect();
    let rule = "ACL SETUSER viewer reset on >pw %R~bull:* -@all +ping +hello +client|setname +client|id +info +time \
                +dbsize +select +scan +type +exists +ttl +pttl +memory|usage +get +strlen +getrange +llen +lrange \
                +lindex +lpos +zcard +zcount +zrange +zscore +zrank +zrevrank +zrevrange +zrangebyscore +zscan +hget \
                +hmget +hlen +hkeys +hexists +hstrlen +hscan +scard +sismember +sscan +xlen +xrange +xrevrange +xread";
    let mut command = redis::Cmd::new();
    rule.split_whitespace().for_each(|part| {
        command.arg(part);
    });
    command.exec(&mut link).unwrap();
    let mut viewer = on(&server);
    viewer.env("TORIL_USER", "viewer").env("TORIL_PASSWORD", "pw");
    let seen = finish(viewer.args(["job", "mail", id.as_str().unwrap(), "--json"])).with_code(0);
    assert_eq!(seen.json()["state"], "delayed");
    let mut viewer = on(&server);
    viewer.env("TORIL_USER", "viewer").env("TORIL_PASSWORD", "pw");
    let refused = finish(viewer.args(["promote", "mail", id.as_str().unwrap(), "--json"])).with_code(3);
    assert_eq!(refused.error()["kind"], "permission", "{refused:?}");
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let server = Server::start();
    let mut node = Node::start(Lib::BullMq6, &server);
    let jobs: Vec<_> = (0..300).map(|n| json!({"name": "x".repeat(300), "data": {"n": n}})).collect();
    node.call(json!({"op": "addBulk", "queue": "mail", "jobs": jobs}));
    for args in
        [&["jobs", "mail", "--limit", "300"][..], &["jobs", "mail", "--limit", "300", "--json"], &["man"]]
    {
        let mut child =
            on(&server).args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
        drop(child.stdout.take());
        let mut stderr = String::new();
        child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        assert_eq!((child.wait().unwrap().code(), stderr.as_str()), (Some(0), ""), "{args:?}");
    }
}
