//! The program under exactly the rights that it prints for a role.

use rstest::rstest;
use serde_json::json;
use toril::engine::acl::Role;

use super::reads::seed;
use super::run::{Ran, finish, on, toril};
use crate::support::{Lib, Node, Server, login, refused};

fn under(server: &Server, args: &[&str]) -> Ran {
    finish(on(server).env("TORIL_USER", "acting").env("TORIL_PASSWORD", "secret").args(args))
}

/// The printed line is the one that the account was made of.
fn printed(server: &Server, role: Role, word: &str) {
    login(server, role);
    let told = under(server, &["acl", "--role", word, "--account", "acting"]).with_code(0).stdout;
    let mut link = server.connect();
    let words: Vec<&str> = told.trim_end().split(' ').collect();
    let mut cmd = redis::cmd(words[0]);
    for word in &words[1..] {
        cmd.arg(if *word == ">PASSWORD" { ">secret" } else { *word });
    }
    cmd.exec(&mut link).unwrap();
}

#[rstest]
#[case(Lib::Bull4)]
#[case(Lib::BullMq4)]
#[case(Lib::BullMq6)]
fn a_viewer_reads_all_and_changes_nothing(#[case] lib: Lib) {
    let server = Server::start();
    let mut node = Node::start(lib, &server);
    let ids = seed(&mut node);
    printed(&server, Role::Viewer, "viewer");
    let failed = ids["failed"].as_str().unwrap();
    let completed = ids["completed"].as_str().unwrap();
    for args in [
        &["queues", "--json"][..],
        &["jobs", "mail"],
        &["jobs", "mail", "--state", "failed"],
        &["jobs", "mail", "--state", "delayed", "--where", ".delay > 0"],
        &["job", "mail", failed],
        &["logs", "mail", completed],
        &["redis"],
        &["schedulers", "mail"],
        &["limit", "mail"],
        &["retry", "mail", failed, "--dry-run"],
        &["clean", "mail", "--state", "failed", "--dry-run"],
        &["set", "mail", failed, "--data", "1", "--dry-run"],
    ] {
        under(&server, args).with_code(0);
    }
    assert_eq!(refused(&server), Vec::<String>::new(), "{lib:?}");
    under(&server, &["retry", "mail", failed, "--json"]).with_code(3);
    assert_eq!(node.call(json!({"op": "state", "queue": "mail", "job": failed})), "failed");
}

#[rstest]
#[case(Lib::Bull4)]
#[case(Lib::BullMq4)]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn an_operator_does_every_operation(#[case] lib: Lib) {
    let server = Server::start();
    let mut node = Node::start(lib, &server);
    let ids = seed(&mut node);
    printed(&server, Role::Operator, "operator");
    let id = |state: &str| ids[state].as_str().unwrap_or("0");
    let (failed, waiting, delayed) = (id("failed"), id("waiting"), id("delayed"));
    let bull = lib == Lib::Bull4;
    let new = matches!(lib, Lib::BullMq5 | Lib::BullMq6);
    let mut acts = vec![
        vec!["retry", "mail", failed],
        vec!["promote", "mail", delayed],
        vec![
            "set",
            "mail",
            waiting,
            "--data",
            "{}",
            "--progress",
            "5",
            "--log",
            "x",
            "--clear-logs",
            "--yes",
        ],
        vec!["duplicate", "mail", waiting],
        vec!["pause", "mail", "--yes"],
        vec!["resume", "mail"],
    ];
    if !bull {
        acts.push(vec!["set", "mail", waiting, "--priority", "3"]);
    }
    if new {
        acts.push(vec!["limit", "mail", "--concurrency", "5", "--rate", "10/1s", "--release", "--yes"]);
        acts.push(vec!["add", "mail", "more"]);
    }
    acts.push(vec!["remove", "mail", waiting, "--yes"]);
    acts.push(vec!["undo"]);
    acts.push(vec!["clean", "mail", "--state", "completed", "--confirm", "mail"]);
    acts.push(vec!["drain", "mail", "--delayed", "--confirm", "mail"]);
    acts.push(vec!["obliterate", "mail", "--confirm", "mail"]);
    acts.push(vec!["undo"]);
    let home = tempfile::tempdir().unwrap();
    for args in &acts {
        let mut command = on(&server);
        command.env("TORIL_USER", "acting").env("TORIL_PASSWORD", "secret");
        let ran = finish(command.env("XDG_STATE_HOME", home.path()).args(args));
        // An undo of a queue that had no job left puts back its keys only.
        assert!(ran.code == 0 || args == &["undo"], "{lib:?} {args:?}: {ran:?}");
    }
    assert_eq!(refused(&server), Vec::<String>::new(), "{lib:?}");
}

#[test]
fn a_worker_adds_and_runs() {
    let server = Server::start();
    let mut node = Node::start(Lib::BullMq6, &server);
    node.call(json!({"op": "open", "queue": "mail"}));
    printed(&server, Role::Worker, "worker");
    for args in [
        &["add", "mail", "one"][..],
        &["add", "mail", "two", "--delay", "1s"],
        &["add", "mail", "three", "--priority", "2"],
    ] {
        under(&server, args).with_code(0);
    }
    let mut command = on(&server);
    command.env("TORIL_USER", "acting").env("TORIL_PASSWORD", "secret").env("PATH", "/usr/bin:/bin");
    let mut child = command.args(["work", "mail", "--exec", "echo 1"]).spawn().unwrap();
    let done = (0..200).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(100));
        node.call(json!({"op": "counts", "queue": "mail"}))["completed"] == 3
    });
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(done, "{:?}", node.call(json!({"op": "counts", "queue": "mail"})));
    assert_eq!(refused(&server), Vec::<String>::new());
}

#[test]
fn a_rule_names_the_prefixes_and_the_account() {
    let server = Server::start();
    let told =
        toril(&server, &["acl", "--role", "operator", "--prefix", "app", "--prefix", "bull", "--json"]);
    let told = told.with_code(0).json();
    let rule = told["rule"].as_str().unwrap();
    assert!(
        rule.starts_with("ACL SETUSER toril-operator reset on >PASSWORD ~app:* &app:* ~bull:* "),
        "{rule}"
    );
    assert_eq!(told["role"], "operator");
}
