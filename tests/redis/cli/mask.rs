//! Secrets in payloads: masked in all that is printed, told with `--raw`.

use serde_json::{Value, json};

use super::run::{finish, on, toril};
use crate::support::{Lib, Node, Server};

const SECRET: &str = "hunter2-canary";

fn seed(node: &mut Node) -> (String, String) {
    let data = json!({
        "Password": SECRET, "list": [["Authorization", format!("Bearer {SECRET}")]],
        "body": json!({"api_key": SECRET, "n": 1}).to_string(), "tokenizer": "visible",
        "url": format!("https://u:{SECRET}@host/"),
    });
    let waits = node.call(json!({"op": "add", "queue": "waits", "name": "a", "data": data, "opts": {}}));
    let fails = json!({
        "do": "fail", "message": format!("login: password={SECRET}"), "token": SECRET,
        "log": [format!("sent {{\"token\":\"{SECRET}\"}}")], "progress": [{"secret": SECRET}],
    });
    let fails =
        node.call(json!({"op": "add", "queue": "mail", "name": "b", "data": fails, "opts": {"attempts": 1}}));
    let worker = node.call(json!({"op": "worker", "queue": "mail"}));
    node.call(json!({"op": "waitIdle", "queue": "mail"}));
    node.call(json!({"op": "workerStop", "handle": worker}));
    (waits.as_str().unwrap().to_owned(), fails.as_str().unwrap().to_owned())
}

#[test]
fn what_is_printed_is_masked_unless_the_truth_is_asked_for() {
    let server = Server::start();
    let mut node = Node::start(Lib::BullMq6, &server);
    let (waits, failed) = seed(&mut node);
    let commands: [&[&str]; 6] = [
        &["job", "waits", &waits],
        &["job", "mail", &failed],
        &["logs", "mail", &failed],
        &["jobs", "mail", "--state", "failed"],
        &["jobs", "waits", "--full"],
        &["jobs", "waits", "--full", "--where", ".data.Password | startswith(\"hunter\")"],
    ];
    for command in commands {
        for more in [&[][..], &["--json"]] {
            let masked = toril(&server, &[command, more].concat()).with_code(0);
            assert!(!masked.stdout.contains("hunter") && masked.stderr.is_empty(), "{command:?}: {masked:?}");
            let listed =
                command[0] == "jobs" && more.is_empty() && command.len() > 2 && command[1] == "waits";
            // A list for people shows no payloads at all.
            let raw = toril(&server, &[command, more, &["--raw"]].concat()).with_code(0);
            assert_eq!(raw.stdout.contains(SECRET), !listed, "{command:?}: {raw:?}");
        }
    }
    let job = toril(&server, &["job", "waits", &waits, "--json"]).with_code(0).json();
    let body: Value = serde_json::from_str(job["data"]["body"].as_str().unwrap()).unwrap();
    assert_eq!((&job["data"]["Password"], &body), (&json!("***"), &json!({"api_key": "***", "n": 1})));
    assert_eq!(
        (&job["data"]["tokenizer"], &job["data"]["url"]),
        (&json!("visible"), &json!("https://***@host/"))
    );
    // An expression that fails tells nothing of what it failed on.
    let failing = toril(&server, &["jobs", "waits", "--where", ".data.Password | error"]).with_code(0);
    assert!(failing.stderr.contains("--raw tells it") && !failing.stderr.contains(SECRET), "{failing:?}");
}

#[test]
fn the_configuration_changes_the_list() {
    let server = Server::start();
    let mut node = Node::start(Lib::BullMq6, &server);
    let (waits, _) = seed(&mut node);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.toml");
    let shown = |text: &str| {
        std::fs::write(&file, text).unwrap();
        finish(on(&server).env("TORIL_CONFIG", &file).args(["job", "waits", &waits, "--json"]))
    };
    let job = shown("mask = [\"tokenizer\", \"!password\"]").with_code(0).json();
    assert_eq!((&job["data"]["Password"], &job["data"]["tokenizer"]), (&json!(SECRET), &json!("***")));
    let wrong = shown("mask = \"a*b\"").with_code(2);
    assert!(wrong.stderr.contains("is no name of a key"), "{wrong:?}");
    let wrong = shown("maks = []").with_code(2);
    assert!(wrong.stderr.contains("did you mean \"mask\"?"), "{wrong:?}");
}

#[test]
fn an_editor_gets_masks_and_a_mask_is_never_saved() {
    use std::os::unix::fs::PermissionsExt as _;
    let server = Server::start();
    let mut node = Node::start(Lib::BullMq6, &server);
    let (waits, _) = seed(&mut node);
    let folder = tempfile::tempdir().unwrap();
    let (script, seen) = (folder.path().join("editor.sh"), folder.path().join("seen"));
    let edit = |command: &str, more: &[&str]| {
        std::fs::write(&script, format!("#!/bin/sh\ncat \"$1\" > {}\n{command}\n", seen.display())).unwrap();
        std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o700)).unwrap();
        let args = [&["edit", "waits", &waits, "--yes"], more].concat();
        let ran = finish(on(&server).env("PATH", "/usr/bin:/bin").env("EDITOR", &script).args(args));
        (ran, std::fs::read_to_string(&seen).unwrap_or_default())
    };
    let (ran, seen) = edit("sed -i 's/visible/edited/' \"$1\"", &[]);
    ran.with_code(0);
    assert!(!seen.contains(SECRET) && seen.contains("***1***"), "{seen}");
    let data =
        |node: &mut Node| node.call(json!({"op": "job", "queue": "waits", "job": waits}))["data"].clone();
    let now = data(&mut node);
    assert_eq!((&now["tokenizer"], &now["Password"]), (&json!("edited"), &json!(SECRET)));
    assert_eq!(now["url"], json!(format!("https://u:{SECRET}@host/")));
    let (ran, _) = edit("sed -i 's/\\*\\*\\*1\\*\\*\\*/***9***/' \"$1\"", &[]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert_eq!(data(&mut node), now);
    let (ran, seen) = edit("true", &["--raw"]);
    ran.with_code(0);
    assert!(seen.contains(SECRET), "{seen}");
}
