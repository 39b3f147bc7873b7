//! Drain, clean and obliterate as scripts see them.

use serde_json::json;

use super::run::{json as ask, toril};
use crate::support::{Dump, Lib, Node, Server, assert_same};

fn waiting(node: &mut Node, count: usize) {
    let jobs: Vec<_> = (0..count).map(|n| json!({"name": "j", "data": {"n": n}})).collect();
    node.call(json!({"op": "addBulk", "queue": "mail", "jobs": jobs}));
}

#[test]
fn whole_states_are_previewed_confirmed_done_and_undone() {
    let server = Server::start();
    let mut node = Node::start(Lib::BullMq6, &server);
    waiting(&mut node, 150);
    node.call(json!({"op": "add", "queue": "mail", "data": {}, "opts": {"delay": 600_000}}));
    let before = Dump::of(&server);
    let plan = ask(&server, &["drain", "mail", "--dry-run"]);
    assert_eq!(
        (&plan["action"], &plan["matched"], &plan["dryRun"]),
        (&json!("drain"), &json!(150), &json!(true))
    );
    // A name is wanted, not a yes.
    let said = toril(&server, &["drain", "mail", "--yes"]).with_code(2).stderr;
    assert!(said.contains("--confirm"), "{said}");
    assert_same(&before, &Dump::of(&server));

    let done = ask(&server, &["drain", "mail", "--delayed", "--confirm", "mail"]);
    assert_eq!((&done["done"], &done["ended"]), (&json!(151), &json!("finished")));
    assert_eq!(node.call(json!({"op": "counts", "queue": "mail"}))["waiting"], 0);
    let back = ask(&server, &["undo", done["undo"].as_str().unwrap()]);
    assert_eq!(back["done"], 151);
    assert_eq!(node.call(json!({"op": "counts", "queue": "mail"}))["waiting"], 150);

    let clean = ["clean", "mail", "--state", "waiting", "--limit", "20", "--confirm", "mail", "--no-save"];
    let done = ask(&server, &clean);
    assert_eq!((&done["done"], done.get("undo")), (&json!(20), None));
    // What is younger stays.
    let clean = ["clean", "mail", "--state", "waiting", "--older-than", "1h", "--confirm", "mail", "--json"];
    assert_eq!(toril(&server, &clean).with_code(1).json()["matched"], 0);
    let done = ask(&server, &["obliterate", "mail", "--confirm", "mail"]);
    assert_eq!(done["done"], 131);
    assert_eq!(Dump::of(&server).keys(), Vec::<&str>::new());
}

#[test]
fn a_canary_stops_where_the_cause_is_still_there() {
    let server = Server::start();
    let mut node = Node::start(Lib::BullMq6, &server);
    let jobs: Vec<_> = (0..200)
        .map(|n| json!({"name": "j", "data": {"do": "fail", "message": format!("ECONNREFUSED 10.0.0.{n}:443, order {n}")}}))
        .collect();
    node.call(json!({"op": "addBulk", "queue": "mail", "jobs": jobs}));
    let worker = node.call(json!({"op": "worker", "queue": "mail", "concurrency": 10}));
    node.call(json!({"op": "waitIdle", "queue": "mail"}));
    let retry = ["retry", "mail", "--all", "--canary", "--confirm", "mail", "--json"];
    let told = toril(&server, &retry).with_code(4).json();
    assert_eq!((&told["ended"], &told["done"]), (&json!("same-error"), &json!(5)), "{told}");
    node.call(json!({"op": "workerStop", "handle": worker}));
}
