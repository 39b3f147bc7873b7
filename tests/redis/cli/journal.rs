//! What was done is written down, and can be taken back.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::run::{Ran, bare, finish, on};
use crate::support::{Dump, Lib, Node, Options, Server, assert_same};

/// Runs the binary with a state folder of its own.
fn toril(server: &Server, home: &Path, args: &[&str]) -> Ran {
    finish(on(server).env("XDG_STATE_HOME", home).env("USER", "ada").args(args))
}

fn journal(home: &Path) -> Value {
    finish(bare().env("XDG_STATE_HOME", home).args(["journal", "--json"])).with_code(0).json()
}

fn dump(server: &Server) -> Dump {
    let mut options = Options::default();
    for aside in [":events", ":id", ":marker"] {
        options = options.ignore(aside);
    }
    Dump::of(server).normalised(&options.window(0..=0))
}

#[test]
fn an_act_is_written_down_and_a_removal_is_undone() {
    let home = tempfile::tempdir().unwrap();
    let server = Server::start();
    let mut node = Node::start(Lib::BullMq6, &server);
    for n in 0..3 {
        node.call(json!({"op": "add", "queue": "mail", "data": {"n": n, "password": "canary-7319"}}));
    }
    assert_eq!(journal(home.path()), json!({"acts": []}));
    let before = dump(&server);
    let done =
        toril(&server, home.path(), &["remove", "mail", "2", "1", "--yes", "--json"]).with_code(0).json();
    assert_eq!((&done["done"], &done["undo"]), (&json!(2), &json!("J1")));
    toril(&server, home.path(), &["pause", "mail", "--yes"]).with_code(0);
    toril(&server, home.path(), &["resume", "mail"]).with_code(0);

    let acts = journal(home.path())["acts"].clone();
    let words: Vec<_> = acts.as_array().unwrap().iter().map(|act| act["action"].as_str().unwrap()).collect();
    assert_eq!(words, ["resume", "pause", "remove"]);
    let act = &acts[2];
    assert_eq!(act["command"], "toril remove mail 2 1");
    assert_eq!((&act["who"]["user"], &act["confirmed"]), (&json!("ada"), &json!("yes")));
    assert_eq!(
        (&act["ended"], &act["done"], &act["ids"]),
        (&json!("finished"), &json!(2), &json!(["2", "1"]))
    );
    assert!(act["place"]["runId"].as_str().unwrap().len() > 20 && act["kept"].as_u64().unwrap() > 0);
    assert!(!fs::read_to_string(home.path().join("toril/journal.jsonl")).unwrap().contains("canary"));

    let plan = toril(&server, home.path(), &["undo", "--dry-run", "--json"]).with_code(0).json();
    assert_eq!((&plan["undone"], &plan["matched"], &plan["done"]), (&json!("J1"), &json!(2), &json!(0)));
    let back = toril(&server, home.path(), &["undo", "J1", "--json"]).with_code(0).json();
    assert_eq!((&back["done"], &back["failed"]), (&json!(2), &json!([])));
    assert_same(&before, &dump(&server));
    // What is back is not put back twice.
    toril(&server, home.path(), &["undo", "J1"]).with_code(1);
    let text = toril(&server, home.path(), &["journal"]).with_code(0).stdout;
    assert!(text.contains("J4") && text.contains("undo") && text.contains("ada"), "{text}");
}

#[test]
fn another_server_is_not_undone_and_a_missing_act_is_named() {
    let home = tempfile::tempdir().unwrap();
    let servers = [Server::start(), Server::start()];
    let mut node = Node::start(Lib::BullMq5, &servers[0]);
    node.call(json!({"op": "add", "queue": "mail", "data": {}}));
    toril(&servers[0], home.path(), &["remove", "mail", "1", "--yes"]).with_code(0);
    let said = toril(&servers[1], home.path(), &["undo", "J1"]).with_code(2).stderr;
    assert!(said.contains("J1 was done on"), "{said}");
    toril(&servers[1], home.path(), &["undo"]).with_code(1);
    let said = toril(&servers[0], home.path(), &["undo", "J9"]).with_code(1).stderr;
    assert!(said.contains("no J9"), "{said}");
    toril(&servers[0], home.path(), &["undo", "17x"]).with_code(2);
}

#[test]
fn what_must_be_written_down_and_cannot_be_is_not_done() {
    let home = tempfile::tempdir().unwrap();
    let server = Server::start();
    let mut node = Node::start(Lib::BullMq6, &server);
    for _ in 0..3 {
        node.call(json!({"op": "add", "queue": "mail", "data": {}}));
    }
    let before = Dump::of(&server);
    let config = home.path().join("toril.toml");
    fs::write(&config, "[profile.audited]\nrequire_audit = true\n[profile.small]\nmax_bulk = 2\n").unwrap();
    let config = config.to_str().unwrap();
    // A file stands where the folder should be.
    let blocked = home.path().join("blocked");
    fs::write(&blocked, "").unwrap();
    let act = ["--config", config, "-P", "audited", "remove", "mail", "1", "--yes"];
    let said = toril(&server, &blocked, &act).with_code(2).stderr;
    assert!(said.contains("requires a record"), "{said}");
    let act = ["--config", config, "-P", "small", "remove", "mail", "--all", "--state", "waiting", "--yes"];
    let said = toril(&server, home.path(), &act).with_code(2).stderr;
    assert!(said.contains("max_bulk"), "{said}");
    assert_same(&before, &Dump::of(&server));
    // Without the requirement it is done and said.
    let done = toril(&server, &blocked, &["remove", "mail", "1", "--yes"]).with_code(0).stdout;
    assert!(done.contains("Not in the journal"), "{done}");
}
