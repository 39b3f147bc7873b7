//! Flows that the library's own producer made, read from the outside: the tree as it stands, and what
//! holds it up.

use rstest::rstest;
use serde_json::{Value, json};

use crate::cli::run::{finish, json, on, toril};
use crate::support::{Lib, Node, Server};

/// Children of the root beside the chain.
const MANY: usize = 2_000;

/// Five levels, `top` > `a` > `b` > `c` > `deep`, and 2,000 more children of the root.
fn add(node: &mut Node, opts: &Value) -> String {
    let mut tree = json!({"name": "last", "queueName": "deep", "data": {"do": "fail", "message": "password=hunter2"}, "opts": opts});
    for queue in ["c", "b", "a"] {
        tree = json!({"name": queue, "queueName": queue, "opts": opts, "children": [tree]});
    }
    let parts =
        (0..MANY).map(|n| json!({"name": format!("part {n}"), "queueName": "parts", "data": {"n": n}}));
    let children: Vec<Value> = std::iter::once(tree).chain(parts).collect();
    let tree = json!({"name": "film", "queueName": "top", "children": children});
    node.call(json!({"op": "flow", "tree": tree}))["id"].as_str().unwrap().to_owned()
}

fn run_deep(node: &mut Node) {
    let worker = node.call(json!({"op": "worker", "queue": "deep"}));
    node.call(json!({"op": "waitIdle", "queue": "deep"}));
    node.call(json!({"op": "workerStop", "handle": worker}));
}

/// Every job of a tree: its parent's id, its id.
fn edges(branch: &Value, children: &str, above: &str, into: &mut Vec<(String, String)>) {
    let id = branch["id"].as_str().unwrap_or("-").to_owned();
    for child in branch[children].as_array().into_iter().flatten() {
        edges(child, children, &id, into);
    }
    into.push((above.to_owned(), id));
}

fn on_path(branch: &Value, into: &mut Vec<(String, String)>) {
    if branch["onPath"] == true {
        let text = |name: &str| branch[name].as_str().unwrap_or_default().to_owned();
        into.push((text("queue"), text("state")));
    }
    branch["jobs"].as_array().unwrap().iter().for_each(|child| on_path(child, into));
}

#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn a_flow_is_told_as_the_library_tells_it(#[case] lib: Lib) {
    let server = Server::start();
    let mut node = Node::start(lib, &server);
    let root = add(&mut node, &json!({}));
    let flow = json(&server, &["flow", "top", &root, "--limit", "9000"]);
    assert_eq!((&flow["jobs"], &flow["complete"]), (&json!(MANY + 5), &json!(true)));
    let theirs = node.call(
        json!({"op": "flowTree", "queue": "top", "job": root, "opts": {"depth": 9, "maxChildren": 9000}}),
    );
    let (mut ours, mut library) = (Vec::new(), Vec::new());
    edges(&flow["tree"], "jobs", "", &mut ours);
    edges(&theirs, "children", "", &mut library);
    ours.sort();
    library.sort();
    assert!(ours == library, "{} and {} edges", ours.len(), library.len());
    // Nobody works: that is what it waits for.
    assert_eq!((&flow["blocked"]["cause"], &flow["blocked"]["blocks"]), (&json!("no-worker"), &json!(true)));
    assert_eq!(
        flow["tree"]["children"],
        json!({"processed": 0, "pending": MANY + 1, "failed": 0, "ignored": 0})
    );

    run_deep(&mut node);
    let flow = json(&server, &["flow", "top", &root, "--limit", "9000"]);
    let blocked = &flow["blocked"];
    assert_eq!((&blocked["cause"], &blocked["count"]), (&json!("child-failed"), &json!(1)), "{blocked}");
    let queues: Vec<&str> =
        blocked["path"].as_array().unwrap().iter().map(|one| one["queue"].as_str().unwrap()).collect();
    assert_eq!(queues, ["top", "a", "b", "c", "deep"]);
    let mut path = Vec::new();
    on_path(&flow["tree"], &mut path);
    let waits = "waiting-children";
    let expected = [("top", waits), ("a", waits), ("b", waits), ("c", waits), ("deep", "failed")];
    assert_eq!(path, expected.map(|(queue, state)| (queue.to_owned(), state.to_owned())));

    // From the bottom the same tree is seen; for people, with the mark and without the secret.
    let deep = blocked["path"][4]["id"].as_str().unwrap().to_owned();
    let shown = toril(&server, &["flow", "deep", &deep, "--limit", "100"]).with_code(0);
    for part in
        ["▲ waiting-children  top › ", "└─ … more are not shown", "password=***", "◀", "is still awaited"]
    {
        assert!(shown.stdout.contains(part), "{part} is not in {}", shown.stdout);
    }
    assert!(!shown.stdout.contains("hunter2"));
    assert!(shown.stderr.contains("103 jobs are shown, not all"), "{}", shown.stderr);
    let below = json(&server, &["flow", "c", blocked["path"][3]["id"].as_str().unwrap(), "--below"]);
    assert_eq!((&below["jobs"], &below["tree"]["queue"]), (&json!(2), &json!("c")));

    // A hash that went while it was awaited.
    redis::cmd("DEL").arg(format!("bull:deep:{deep}")).exec(&mut server.connect()).unwrap();
    let flow = json(&server, &["flow", "top", &root, "--limit", "10"]);
    assert_eq!(flow["blocked"]["cause"], "child-gone");
    let missing = toril(&server, &["flow", "top", "nobody"]).with_code(1);
    assert!(missing.stderr.contains("has no job nobody"), "{missing:?}");
}

#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn a_child_that_fails_its_parent_is_the_cause(#[case] lib: Lib) {
    let server = Server::start();
    let mut node = Node::start(lib, &server);
    let root = add(&mut node, &json!({"failParentOnFailure": true}));
    run_deep(&mut node);
    let cause = || json(&server, &["flow", "top", &root, "--limit", "50"])["blocked"].clone();
    let found = cause();
    assert_eq!(found["cause"], "child-fails-parent", "{found}");
    assert_eq!(found["path"].as_array().unwrap().last().unwrap()["queue"], "deep");
    // Those above fail one after the other where somebody works there; the cause stays the same job.
    for queue in ["c", "b", "a"] {
        let worker = node.call(json!({"op": "worker", "queue": queue}));
        node.call(json!({"op": "waitIdle", "queue": queue}));
        node.call(json!({"op": "workerStop", "handle": worker}));
        assert_eq!(cause()["path"], found["path"], "{queue}");
    }
}

#[test]
fn keys_that_were_written_by_hand_end_the_walk() {
    let server = Server::start();
    let mut link = server.connect();
    let job = |id: &str, parent: &str| {
        redis::cmd("HSET")
            .arg(format!("bull:q:{id}"))
            .arg(&["name", "x", "timestamp", "1", "parentKey", &format!("bull:q:{parent}")])
            .to_owned()
    };
    redis::cmd("HSET").arg("bull:q:meta").arg("version").arg("bullmq:6.7.0").exec(&mut link).unwrap();
    job("1", "2").exec(&mut link).unwrap();
    job("2", "1").exec(&mut link).unwrap();
    for (parent, child) in [("1", "2"), ("2", "1"), ("1", "\u{1b}[2J")] {
        let key = format!("bull:q:{parent}:dependencies");
        redis::cmd("SADD").arg(key).arg(format!("bull:q:{child}")).exec(&mut link).unwrap();
    }
    redis::cmd("SADD").arg("bull:q:1:dependencies").arg("no key of a job").exec(&mut link).unwrap();
    let flow = json(&server, &["flow", "q", "1", "--depth", "6"]);
    assert_eq!(flow["blocked"]["cause"], "child-gone");
    let again = &flow["tree"]["jobs"][0]["jobs"];
    assert!(again.as_array().unwrap().iter().any(|job| job["id"] == "2" && job["circle"] == true), "{flow}");
    let shown = toril(&server, &["flow", "q", "1", "--depth", "4"]).with_code(0);
    assert!(shown.stdout.contains("^[[2J") && shown.stdout.contains("no job's key"), "{}", shown.stdout);
}

/// One look at a flow of a hand's making: a parent in `waiting-children`, a child, and what else is written.
fn cause_of(keys: &[(&str, &[&str])]) -> Value {
    let server = Server::start();
    let mut link = server.connect();
    let usual: [(&str, &[&str]); 5] = [
        ("HSET", &["bull:q:meta", "version", "bullmq:6.7.0"]),
        ("HSET", &["bull:q:top", "name", "x", "timestamp", "1"]),
        ("ZADD", &["bull:q:waiting-children", "1", "top"]),
        ("SADD", &["bull:q:top:dependencies", "bull:q:child"]),
        ("HSET", &["bull:q:child", "name", "x", "timestamp", "1", "parentKey", "bull:q:top"]),
    ];
    for (verb, args) in usual.iter().chain(keys) {
        redis::cmd(verb).arg(*args).exec(&mut link).unwrap();
    }
    json(&server, &["flow", "q", "top"])["blocked"].clone()
}

#[test]
fn the_sets_tell_what_became_of_a_child() {
    let over: (&str, &[&str]) = ("HSET", &["bull:q:child", "finishedOn", "2"]);
    let path = |blocked: &Value| -> Vec<String> {
        blocked["path"].as_array().unwrap().iter().map(|job| job["id"].as_str().unwrap().to_owned()).collect()
    };
    let found = cause_of(&[over, ("ZADD", &["bull:q:completed", "2", "child"])]);
    assert_eq!((&found["cause"], path(&found)), (&json!("child-untold"), vec!["top".into(), "child".into()]));
    let found = cause_of(&[over, ("ZADD", &["bull:q:failed", "2", "child"])]);
    assert_eq!(found["cause"], "child-failed");
    // BullMQ 4 leaves the child that failed its parent among those that are awaited.
    let parent: (&str, &[&str]) = ("ZADD", &["bull:q:failed", "2", "top"]);
    let none: (&str, &[&str]) = ("ZREM", &["bull:q:waiting-children", "top"]);
    let found = cause_of(&[over, ("ZADD", &["bull:q:failed", "2", "child"]), parent, none]);
    assert_eq!((&found["cause"], path(&found).len()), (&json!("child-fails-parent"), 2));
    // One that goes on without its child waits for a worker, and not for the child.
    let found = cause_of(&[none, ("LPUSH", &["bull:q:wait", "top"])]);
    assert_eq!((&found["cause"], path(&found)), (&json!("no-worker"), vec!["top".into()]));
    assert_eq!(found["sentence"], "it waits in q, which has no worker");
    let circle = [
        ("HSET", &["bull:q:top", "parentKey", "bull:q:child"][..]),
        ("SADD", &["bull:q:child:dependencies", "bull:q:top"]),
    ];
    let found = cause_of(&circle);
    assert_eq!((&found["cause"], &found["blocks"]), (&json!("circle"), &json!(true)));
    assert_eq!(path(&found).first(), path(&found).last());
}

#[test]
fn a_child_that_may_not_be_read_is_not_called_lost() {
    let server = Server::start();
    let mut link = server.connect();
    let keys: [(&str, &[&str]); 5] = [
        ("HSET", &["bull:q:meta", "version", "bullmq:6.7.0"]),
        ("HSET", &["bull:q:top", "name", "x", "timestamp", "1"]),
        ("ZADD", &["bull:q:waiting-children", "1", "top"]),
        ("SADD", &["bull:q:top:dependencies", "bull:hidden:1"]),
        ("HSET", &["bull:hidden:1", "name", "x", "timestamp", "1", "parentKey", "bull:q:top"]),
    ];
    for (verb, args) in keys {
        redis::cmd(verb).arg(args).exec(&mut link).unwrap();
    }
    let rules = ["narrow", "on", ">pass", "~bull:q:*", "+@read", "+@connection", "+info", "+time"];
    redis::cmd("ACL").arg("SETUSER").arg(&rules).exec(&mut link).unwrap();
    let run = |more: &[&str]| {
        let mut args = vec!["flow", "q", "top"];
        args.extend(more);
        let narrow = &mut on(&server);
        finish(narrow.env("TORIL_USER", "narrow").env("TORIL_PASSWORD", "pass").args(args))
            .with_code(0)
            .stdout
    };
    let flow: Value = serde_json::from_str(&run(&["--json"])).unwrap();
    assert_eq!(
        (&flow["blocked"]["cause"], &flow["blocked"]["blocks"]),
        (&json!("not-permitted"), &json!(false))
    );
    assert!(run(&[]).contains("not permitted  hidden › 1"));
}
