//! One secret in every field of the jobs of real queues, and every command that tells of them: it is nowhere, and
//! `--raw` tells it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::{Value, json};

use super::run::{Following, Ran, bare, finish};
use crate::support::secrets::{CANARY, payload, seed, texts};
use crate::support::{Lib, Node, Server};

/// No file below a folder holds it, but for the jobs that are kept for an undo.
fn unwritten(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok) {
        let path = entry.path();
        if path.is_dir() {
            if !path.ends_with("trash") {
                unwritten(&path);
            }
        } else {
            let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
            assert!(!text.contains(CANARY), "{} holds it: {text}", path.display());
        }
    }
}

/// Reads, and whether the truth tells the secret: lists for people show no payloads.
const READS: &[(&[&str], bool)] = &[
    (&["queues"], false),
    (&["jobs", "mail", "--state", "failed"], true),
    (&["jobs", "mail", "--state", "completed"], true),
    (&["jobs", "mail", "--state", "waiting"], true),
    (&["jobs", "mail", "--state", "delayed"], true),
    (&["jobs", "mail", "--state", "prioritized"], true),
    (&["jobs", "runs", "--state", "active"], true),
    (&["jobs", "mail", "--state", "failed", "--full"], true),
    (&["jobs", "mail", "--state", "failed", "--where", ".data.password | startswith(\"canary\")"], true),
    (&["jobs", "mail", "--state", "failed", "--where", ".data.password | error"], true),
    (&["find", "fails-1"], false),
    (&["find", "haystack"], true),
    (&["find", "canary"], true),
    (&["find", "--where", ".data.needle == \"haystack\""], true),
    (&["find", "haystack", "--full"], true),
    (&["job", "mail", "fails-0"], true),
    (&["job", "mail", "fails-1"], true),
    (&["job", "mail", "fails-2"], true),
    (&["job", "mail", "fine"], true),
    (&["job", "mail", "waits"], true),
    (&["job", "runs", "runs"], true),
    (&["job", "broken", "broken"], true),
    (&["logs", "mail", "fails-1"], true),
    (&["flow", "mail", "parent"], true),
    (&["flow", "mail", "child-lost"], true),
    (&["errors"], true),
    (&["why", "mail"], true),
    (&["why", "runs"], false),
    (&["why", "broken"], false),
    (&["doctor", "--again", "10ms", "--full-speed"], true),
    (&["workers"], true),
    (&["schedulers"], true),
    (&["scheduler", "mail", "tick", "show"], true),
    (&["redis"], true),
    (&["limit", "mail"], false),
    (&["config", "show"], false),
    (&["journal"], false),
    (&["acl", "--role", "viewer"], false),
];

/// Acts: how they are answered, and what they leave behind.
const ACTS: &[(&[&str], i32)] = &[
    (&["retry", "mail", "fails-0", "--dry-run"], 0),
    (&["retry", "mail", "fails-0", "--yes"], 0),
    (&["set", "mail", "waits", "--priority", "2"], 0),
    (&["set", "mail", "waits", "--data", "{\"password\":\"canaryQxzSecret\"}", "--yes"], 0),
    (&["set", "mail", "waits", "--log", "sent token=canaryQxzSecret", "--yes"], 0),
    (&["set", "mail", "waits", "--progress", "{\"secret\":\"canaryQxzSecret\"}", "--yes"], 0),
    (&["set", "mail", "waits", "--progress", "{\"secret\":\"canaryQxzOther\"}", "--dry-run"], 0),
    (&["edit", "mail", "waits", "--yes"], 0),
    (&["duplicate", "mail", "waits", "--yes"], 0),
    (&["add", "mail", "job", "--data", "{\"password\":\"canaryQxzSecret\"}"], 0),
    (&["promote", "mail", "later", "--yes"], 0),
    (&["remove", "mail", "fails-1", "--dry-run"], 0),
    (&["remove", "mail", "fails-1", "--yes"], 0),
    (&["undo", "-v"], 0),
    (&["scheduler", "mail", "tick", "run", "--yes"], 0),
    (&["scheduler", "mail", "tick", "remove", "--yes"], 0),
    // That no worker is connected stays.
    (&["doctor", "broken", "--again", "10ms", "--fix", "all", "--dry-run"], 4),
    (&["doctor", "broken", "--again", "10ms", "--fix", "all", "--yes"], 4),
    (&["clean", "mail", "--state", "failed", "--confirm", "mail"], 0),
    (&["drain", "mail", "--confirm", "mail"], 0),
    (&["undo", "-v"], 0),
    (&["journal"], 0),
];

#[test]
fn a_secret_in_every_field_is_told_by_no_command() {
    let server = Server::start();
    let mut node = Node::start(Lib::BullMq6, &server);
    seed(&mut node, &server);
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let editor = home.join("editor.sh");
    fs::write(&editor, "#!/bin/sh\nsed -i 's/haystack/needles/' \"$1\"\ncat \"$1\"\n").unwrap();
    fs::set_permissions(&editor, fs::Permissions::from_mode(0o700)).unwrap();
    let run = |args: &[&str]| -> Ran {
        let mut command = bare();
        command.env("TORIL_URL", server.url()).env("XDG_STATE_HOME", home).env("TMPDIR", home);
        command.env("EDITOR", &editor).env("PATH", "/usr/bin:/bin").env("RUST_LOG", "trace");
        finish(command.args(args))
    };
    let tells = |ran: &Ran| [&ran.stdout, &ran.stderr].into_iter().any(|text| text.contains("canary"));
    let mut wrong = Vec::new();
    for (args, told) in READS {
        for more in [&[][..], &["--json"]] {
            let masked = run(&[args, more].concat());
            // A doctor that finds something says so with its code.
            if tells(&masked) || !(masked.code == 0 || masked.code == 1 && args[0] == "doctor") {
                wrong.push(format!("{args:?} {more:?}: {masked:?}"));
            }
        }
        let raw = run(&[args, &["--json", "--raw"][..]].concat());
        if tells(&raw) != *told {
            wrong.push(format!("with --raw: {args:?}: {raw:?}"));
        }
    }
    for (args, code) in ACTS {
        let ran = run(args);
        if tells(&ran) || ran.code != *code {
            wrong.push(format!("{args:?}: {ran:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    unwritten(home);
}

#[test]
fn events_tell_no_secret() {
    let server = Server::start();
    let mut node = Node::start(Lib::BullMq6, &server);
    node.call(json!({"op": "open", "queue": "mail"}));
    let mut masked = Following::start(&server, &["events", "mail", "--json"]);
    let mut raw = Following::start(&server, &["events", "mail", "--json", "--raw"]);
    let [_, message, _] = texts();
    let order = |id: &str, what: Value| {
        let mut order = payload();
        for (key, value) in what.as_object().unwrap() {
            order[key] = value.clone();
        }
        order["progress"] = json!([{"secret": CANARY, "says": message}]);
        json!({"op": "add", "queue": "mail", "name": message, "data": order, "opts": {"jobId": id, "attempts": 1}})
    };
    // What both follow by now, they have told.
    let mut all = String::new();
    let known = |follows: &mut Following, what: &str, all: &mut String| {
        while let Some(event) = follows.try_line(500) {
            all.push_str(&event.to_string());
        }
        all.contains(what)
    };
    let mut truth = String::new();
    for n in 0..60 {
        node.call(json!({"op": "add", "queue": "mail", "name": "first", "data": {}, "opts": {"jobId": format!("first-{n}")}}));
        if known(&mut masked, "first-", &mut all) & known(&mut raw, "first-", &mut truth) {
            break;
        }
    }
    let handle = node.call(json!({"op": "worker", "queue": "mail"}));
    node.call(order("fails", json!({"do": "fail", "message": message})));
    node.call(order("fine", json!({"return": {"token": CANARY}})));
    node.call(json!({"op": "waitIdle", "queue": "mail"}));
    node.call(json!({"op": "workerStop", "handle": handle}));
    for _ in 0..60 {
        let ended =
            |text: &str| text.contains("\"failed\"") && text.contains("\"fine\"") && text.contains("drained");
        known(&mut masked, "", &mut all);
        known(&mut raw, "", &mut truth);
        if ended(&all) && ended(&truth) {
            break;
        }
    }
    assert!(truth.matches(CANARY).count() >= 4, "{truth}");
    assert!(all.contains("fails") && all.contains("***") && !all.contains("canary"), "{all}");
}
