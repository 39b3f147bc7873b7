//! That the scaffolding holds: the server, the Node libraries, the dump and its comparison.

use std::path::Path;

use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{Content, Dump, Lib, Node, Options, Server, assert_same, diff};

#[test]
fn a_server_lives_as_long_as_its_owner() {
    let server = Server::start();
    let pid = server.pid();
    let mut link = server.connect();
    redis::cmd("SET").arg("k").arg("v").exec(&mut link).unwrap();
    assert_eq!(Dump::of(&server).get("k"), Some(&Content::String("v".to_owned())));
    let socket = server.socket().to_owned();
    drop(server);
    assert!(!socket.exists());
    assert!(!Path::new("/proc/self").exists() || !Path::new(&format!("/proc/{pid}")).exists());
}

#[test]
fn a_server_can_ask_for_a_password_on_a_port() {
    let mut server = Server::builder().tcp().password("open").conf("maxmemory", "64mb").start();
    assert_ne!(server.port(), Some(6379));
    let ask = |server: &Server| -> (String, String) {
        let mut link = redis::Client::open(server.url()).unwrap().get_connection().unwrap();
        redis::cmd("CONFIG").arg("GET").arg("maxmemory").query(&mut link).unwrap()
    };
    assert_eq!(ask(&server).1, (64 * 1024 * 1024).to_string());
    let (port, pid) = (server.port(), server.pid());
    server.kill();
    assert!(redis::Client::open(server.url()).unwrap().get_connection().is_err());
    server.start_again();
    assert_eq!(server.port(), port);
    assert_ne!(server.pid(), pid);
    assert_eq!(ask(&server).0, "maxmemory");
}

#[test]
fn a_held_server_answers_once_it_may_go_on() {
    let server = Server::start();
    let mut link = server.connect();
    link.set_read_timeout(Some(std::time::Duration::from_millis(50))).unwrap();
    server.stop();
    assert!(redis::cmd("PING").exec(&mut link).is_err());
    server.cont();
    redis::cmd("PING").exec(&mut server.connect()).unwrap();
}

#[rstest]
#[case(Lib::Bull4)]
#[case(Lib::BullMq4)]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn every_library_adds_and_runs(#[case] lib: Lib) {
    let server = Server::start();
    let mut node = Node::start(lib, &server);
    let ok = json!({"do": "ok", "return": {"sent": true}, "progress": [50], "log": ["half"]});
    let id = node.call(json!({"op": "add", "queue": "q", "name": "mail", "data": ok}));
    assert_eq!(id, "1");
    let data = json!({"do": "fail", "message": "no route"});
    node.call(json!({"op": "add", "queue": "q", "name": "mail", "data": data}));
    assert_eq!(Dump::of(&server).len("bull:q:wait"), 2);

    let handle = node.call(json!({"op": "worker", "queue": "q", "name": "one"}));
    node.call(json!({"op": "waitIdle", "queue": "q"}));
    let ran = node.call(json!({"op": "workerRan", "handle": handle}));
    let outcomes: Vec<_> = ran.as_array().unwrap().iter().map(|run| &run["outcome"]).collect();
    assert_eq!(outcomes, ["ok", "no route"]);
    node.call(json!({"op": "workerStop", "handle": handle}));

    let dump = Dump::of(&server);
    let counts = node.call(json!({"op": "counts", "queue": "q"}));
    for (state, key) in [("waiting", "wait"), ("completed", "completed"), ("failed", "failed")] {
        assert_eq!(counts[state], dump.len(&format!("bull:q:{key}")), "{state}");
    }
    assert_eq!(dump.members("bull:q:failed"), ["2"]);
    assert_eq!(dump.field("bull:q:1", "returnvalue"), Some(r#"{"sent":true}"#));
    let logs = node.call(json!({"op": "logs", "queue": "q", "job": 1}));
    assert_eq!(logs["logs"], json!(["half"]));
    let error = node.try_call(json!({"op": "retry", "queue": "q", "job": "none"}));
    assert_eq!(error, Err("no job none in q".to_owned()));
}

/// Steps that leave something of every kind: a lock, a delay, a flow, a failure with its trace.
///
/// The worker is driven by hand: one that runs by itself takes the `marker` whenever it comes to
/// wait, so that what it leaves at a given moment is chance.
fn steps(node: &mut Node) {
    let handle = node.call(json!({"op": "worker", "queue": "q", "manual": true}));
    let take = json!({"op": "take", "handle": handle});
    for (data, opts) in [
        (json!({"n": 1}), json!({})),
        (json!({"n": 2}), json!({})),
        (json!({"n": 3}), json!({"delay": 60000})),
        (json!({"n": 4}), json!({"priority": 3})),
    ] {
        node.call(json!({"op": "add", "queue": "q", "data": data, "opts": opts}));
    }
    let child = |name: &str| json!({"name": name, "queueName": "parts", "data": {}});
    node.call(json!({"op": "flow", "tree": {
        "name": "whole", "queueName": "wholes", "children": [child("part"), child("part")],
    }}));
    assert_eq!(node.call(take.clone())["id"], "1");
    assert_eq!(node.call(take.clone())["id"], "2");
    node.call(json!({"op": "fail", "handle": handle, "job": "2", "message": "boom"}));
    assert_eq!(node.call(take)["id"], "4");
    node.call(json!({"op": "complete", "handle": handle, "job": "4", "value": 1}));
}

#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn the_same_steps_leave_the_same_keys(#[case] lib: Lib) {
    let run = || {
        let server = Server::start();
        let mut node = Node::start(lib, &server);
        steps(&mut node);
        Dump::of(&server)
    };
    let options = Options::default();
    let (a, b) = (run(), run());
    assert!(diff(&a, &b).is_some());
    assert_same(&a.normalised(&options), &b.normalised(&options));

    let whole = a.normalised(&options);
    assert_eq!(
        whole.members("bull:wholes:<whole>:dependencies"),
        ["bull:parts:<part#2>", "bull:parts:<part>"]
    );
    assert_eq!(
        whole.get("bull:q:delayed"),
        Some(&Content::Zset(vec![("3".to_owned(), "<timestamp+delay>".to_owned())]))
    );
    let lock = &whole.0["bull:q:1:lock"];
    assert!(lock.expires);
    assert_eq!(lock.content, Content::String("<token>".to_owned()));
}

#[test]
fn a_difference_shows_only_what_differs() {
    let server = Server::start();
    let mut link = server.connect();
    let set = |link: &mut redis::Connection, field: &str, value: &str| {
        redis::cmd("HSET").arg("h").arg(field).arg(value).exec(link).unwrap();
    };
    set(&mut link, "opts", r#"{"b":1,"a":{"d":2,"c":3}}"#);
    set(&mut link, "same", "1");
    redis::cmd("RPUSH").arg("l").arg(&["x", "y", "z"]).exec(&mut link).unwrap();
    let a = Dump::read(&mut link);
    set(&mut link, "opts", r#"{"a":{"c":3,"d":2},"b":1}"#);
    let b = Dump::read(&mut link);
    let options = Options::default();
    assert_eq!(diff(&a.normalised(&options), &b.normalised(&options)), None);
    set(&mut link, "new", "\u{e9}");
    redis::cmd("LSET").arg("l").arg(1).arg(b"\xff").exec(&mut link).unwrap();
    redis::cmd("DEL").arg("nothing").exec(&mut link).unwrap();
    let c = Dump::read(&mut link);
    let told = diff(&b, &c).unwrap();
    assert_eq!(
        told,
        "h\n  + new: \u{e9}\nl\n    (1 the same)\n  - list \"y\"\n  + list \"\\\\xff\"\n    (1 the same)\n"
    );
}

#[test]
fn the_driver_holds_its_clock_still() {
    let server = Server::start();
    let mut node = Node::start(Lib::BullMq6, &server);
    node.call(json!({"op": "fixedNow", "ms": 1_700_000_000_000_u64}));
    node.call(json!({"op": "add", "queue": "q", "data": {}, "opts": {"delay": 1000}}));
    let dump = Dump::of(&server);
    assert_eq!(dump.field("bull:q:1", "timestamp"), Some("1700000000000"));
    let score = (1_700_000_001_000_u64 * 0x1000).to_string();
    assert_eq!(dump.get("bull:q:delayed"), Some(&Content::Zset(vec![("1".to_owned(), score)])));
    assert_ne!(node.call(json!({"op": "fixedNow"})), Value::Null);
}
