//! Who cannot be asked has confirmed nothing.

use serde_json::json;

use super::run::{bare, finish, toril};
use crate::support::{Dump, Lib, Node, Server, assert_same};

fn seed(server: &Server, jobs: usize) -> Node {
    let mut node = Node::start(Lib::BullMq6, server);
    let jobs: Vec<_> =
        (0..jobs).map(|n| json!({"name": "j", "data": {"n": n}, "opts": {"delay": 600_000}})).collect();
    node.call(json!({"op": "addBulk", "queue": "mail", "jobs": jobs}));
    node
}

#[test]
fn a_bulk_act_wants_a_yes() {
    let server = Server::start();
    let _node = seed(&server, 5);
    let before = Dump::of(&server);
    for args in [
        &["promote", "mail", "--all", "--json"][..],
        &["promote", "mail", "1", "2", "--json"],
        &["remove", "mail", "1", "--json"],
        &["pause", "mail", "--json"],
    ] {
        let refused = toril(&server, args).with_code(2);
        assert_eq!(refused.error()["kind"], "usage", "{args:?}");
        assert!(refused.error()["hint"].as_str().unwrap().contains("--yes"));
        assert_eq!(refused.stdout, "");
    }
    assert_same(&before, &Dump::of(&server));
    toril(&server, &["promote", "mail", "1"]).with_code(0);
    toril(&server, &["promote", "mail", "--all", "--yes"]).with_code(0);
}

#[test]
fn a_large_one_wants_the_name() {
    let server = Server::start();
    let _node = seed(&server, 101);
    let before = Dump::of(&server);
    let refused = toril(&server, &["promote", "mail", "--all", "--yes", "--json"]).with_code(2);
    assert!(refused.error()["hint"].as_str().unwrap().contains("--confirm mail"), "{refused:?}");
    toril(&server, &["promote", "mail", "--all", "--confirm", "male"]).with_code(2);
    // A wrong name is a mistake, however small the act.
    toril(&server, &["promote", "mail", "1", "--confirm", "male"]).with_code(2);
    assert_same(&before, &Dump::of(&server));
    let told = toril(&server, &["promote", "mail", "--all", "--confirm", "mail"]).with_code(0).stdout;
    assert_eq!(told, "Promoted 101 jobs of mail.\n");
}

#[test]
fn a_profile_can_ask_for_less() {
    let server = Server::start();
    let _node = seed(&server, 101);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.toml");
    std::fs::write(&file, format!("[profile.p]\nurl = '{}'\nprotected = false\n", server.url())).unwrap();
    let args = ["-P", "p", "--config", file.to_str().unwrap(), "promote", "mail", "--all"];
    finish(bare().args(args)).with_code(2);
    finish(bare().args(args).arg("--yes")).with_code(0);
}

#[test]
fn jobs_must_be_named() {
    let server = Server::start();
    let _node = seed(&server, 1);
    let before = Dump::of(&server);
    for args in [
        &["retry", "mail"][..],
        &["remove", "mail", "--all", "--yes"],
        &["promote", "mail", "--all", "--state", "failed", "--yes"],
        &["retry", "mail", "--all", "--state", "active", "--yes"],
        &["remove", "mail", "1", "--all", "--yes"],
        &["pause", "--yes"],
    ] {
        toril(&server, args).with_code(2);
    }
    assert_same(&before, &Dump::of(&server));
}

/// Answers the question in a terminal; the exit code and what was shown.
fn answer(server: &Server, args: &[&str], keys: &str) -> (u32, String) {
    use std::io::{Read as _, Write as _};

    use portable_pty::{CommandBuilder, PtySize, native_pty_system};
    let pty = native_pty_system().openpty(PtySize::default()).unwrap();
    let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_toril"));
    command.env_clear();
    command.env("HOME", "/nonexistent");
    command.env("XDG_STATE_HOME", concat!(env!("CARGO_TARGET_TMPDIR"), "/state"));
    command.env("TORIL_URL", server.url());
    command.cwd("/");
    command.args(args);
    let mut child = pty.slave.spawn_command(command).unwrap();
    drop(pty.slave);
    let mut reader = pty.master.try_clone_reader().unwrap();
    let mut shown = String::new();
    let mut byte = [0; 256];
    // The question ends with a blank and no line feed.
    while !shown.ends_with("] ") && !shown.ends_with(": ") {
        match reader.read(&mut byte) {
            Ok(count) if count > 0 => shown.push_str(&String::from_utf8_lossy(&byte[..count])),
            _ => break,
        }
    }
    // Dropped only at the end: it would send an end of file after the keys.
    let mut writer = pty.master.take_writer().unwrap();
    writer.write_all(keys.as_bytes()).unwrap();
    let code = child.wait().unwrap().exit_code();
    (code, shown)
}

#[test]
fn a_person_is_asked() {
    let server = Server::start();
    let _node = seed(&server, 101);
    let before = Dump::of(&server);
    let (code, shown) = answer(&server, &["promote", "mail", "1", "2"], "n\n");
    assert_eq!(code, 2, "{shown}");
    assert!(shown.contains("Promote 2 jobs of bull:mail") && shown.contains("[y/N]"), "{shown}");
    assert_eq!(answer(&server, &["promote", "mail", "1", "2"], "\n").0, 2);
    assert_eq!(answer(&server, &["promote", "mail", "1", "2"], "\u{3}").0, 130);
    let (code, shown) = answer(&server, &["promote", "mail", "--all", "--yes"], "male\n");
    assert_eq!((code, shown.contains("Type the queue's name")), (2, true), "{shown}");
    assert_same(&before, &Dump::of(&server));
    assert_eq!(answer(&server, &["promote", "mail", "1", "2"], "y\n").0, 0);
    assert_eq!(answer(&server, &["pause", "mail"], "y\n").0, 0);
    assert_eq!(answer(&server, &["resume", "mail", "--yes"], "").0, 0);
    assert_eq!(answer(&server, &["promote", "mail", "--all"], "y\n").0, 0, "99 are left: a yes will do");
}
