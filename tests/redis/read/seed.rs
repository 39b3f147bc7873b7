//! A queue with jobs in every state, written by a real library.

use serde_json::{Value, json};
use toril::conn::{Conn, Endpoint, Options};
use toril::wire::{Era, JobId, Prefix, QueueId, QueueName, State};

use crate::support::{Lib, Node, Server};

pub fn queue(name: &str) -> QueueId {
    QueueId::new(Prefix::default(), QueueName::legacy(name))
}

pub async fn conn(server: &Server) -> Conn {
    Conn::open(Endpoint::unix(server.socket()), Options::default()).await.expect("a connection")
}

pub fn era(lib: Lib) -> Era {
    match lib {
        Lib::Bull4 => Era::Bull4,
        Lib::BullMq4 => Era::V4,
        Lib::BullMq5 => Era::V5,
        Lib::BullMq6 => Era::V6,
    }
}

pub fn id(text: &str) -> JobId {
    JobId::new(text)
}

/// Fills `mail`: jobs in every state that the library has, a worker that hangs in one of them.
pub fn seed(node: &mut Node, paused: bool) {
    let bull = node.lib() == Lib::Bull4;
    let mut add = |name: &str, data: Value, opts: Value| -> String {
        let id = node.call(json!({"op": "add", "queue": "mail", "name": name, "data": data, "opts": opts}));
        id.as_str().unwrap().to_owned()
    };
    for n in 0..3 {
        add(
            "done",
            json!({"do": "ok", "return": {"n": n}, "log": ["one", "two"], "progress": [50]}),
            json!({}),
        );
    }
    for n in 0..2 {
        add("bad", json!({"do": "fail", "message": format!("boom {n}")}), json!({"attempts": 1}));
    }
    let mut worker = json!({"op": "worker", "queue": "mail", "concurrency": 1});
    if !bull {
        worker["name"] = "w-1".into();
    }
    let handle = node.call(worker);
    node.call(json!({"op": "waitIdle", "queue": "mail"}));
    let mut add = |name: &str, data: Value, opts: Value| {
        node.call(json!({"op": "add", "queue": "mail", "name": name, "data": data, "opts": opts}));
    };
    add("hanging", json!({"do": "hang", "progress": [{"pct": 10}]}), json!({"attempts": 3}));
    node.call(json!({"op": "waitHanging", "handle": handle}));
    if paused {
        node.call(json!({"op": "pause", "queue": "mail"}));
    }
    let mut add = |name: &str, data: Value, opts: Value| {
        node.call(json!({"op": "add", "queue": "mail", "name": name, "data": data, "opts": opts}));
    };
    for n in 0..3 {
        add("hello", json!({"n": n}), json!({}));
    }
    for priority in [5, 1] {
        add("urgent", json!({}), json!({"priority": priority}));
    }
    for delay in [900_000, 600_000] {
        add("later", json!({}), json!({"delay": delay}));
    }
    if bull {
        return;
    }
    node.call(json!({"op": "flow", "tree": {
        "name": "parent", "queueName": "mail", "data": {},
        "children": [{"name": "child", "queueName": "kids", "data": {}}],
    }}));
    if matches!(node.lib(), Lib::BullMq5 | Lib::BullMq6) {
        node.call(json!({
            "op": "upsertScheduler", "queue": "mail", "scheduler": "tick", "repeat": {"every": 3_600_000},
            "template": {"name": "tick"},
        }));
        for _ in 0..2 {
            node.call(json!({
                "op": "add", "queue": "mail", "name": "once", "data": {},
                "opts": {"deduplication": {"id": "only"}},
            }));
        }
    }
}

/// The states that the library can list, by its own names.
pub fn states(lib: Lib) -> Vec<State> {
    State::ALL
        .into_iter()
        .filter(|state| match state {
            State::Prioritized | State::WaitingChildren => lib != Lib::Bull4,
            State::Paused => lib != Lib::BullMq6,
            _ => true,
        })
        .collect()
}
