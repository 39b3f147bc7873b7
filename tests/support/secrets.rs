//! One secret in every field of the jobs of real queues.

use serde_json::{Value, json};

use super::{Node, Server};

/// In a value, in a word of a text, and in a URL. Numbers would be taken for placeholders.
pub const CANARY: &str = "canaryQxzSecret";

/// Texts that hold it, as they come in names, messages and lines.
pub fn texts() -> [String; 3] {
    [
        format!("login with \"password\":\"{CANARY}\" refused"),
        format!("401 for Authorization: Bearer {CANARY}"),
        format!("cannot reach https://u:{CANARY}@host/x"),
    ]
}

/// Data that holds it in every way, and a word that can be looked for.
pub fn payload() -> Value {
    json!({
        "password": CANARY,
        "list": [["Authorization", format!("Bearer {CANARY}")]],
        "body": json!({"api_key": CANARY}).to_string(),
        "text": texts().join("; "),
        "needle": "haystack",
    })
}

/// Queues in which every state, a flow, schedulers and damage are; ids are plain.
pub fn seed(node: &mut Node, server: &Server) {
    let data = payload();
    let [name, message, url] = texts();
    let mut link = server.connect();
    let opts = |more: Value| {
        let mut opts = json!({"attempts": 1, "headers": {"cookie": CANARY}});
        for (key, value) in more.as_object().unwrap() {
            opts[key] = value.clone();
        }
        opts
    };
    let fails = |message: &str| {
        let mut order = data.clone();
        order["do"] = json!("fail");
        order["message"] = json!(message);
        order["log"] = json!([format!("sent {{\"token\":\"{CANARY}\"}}"), message]);
        order["progress"] = json!([{"secret": CANARY, "says": message}]);
        order
    };
    for (at, message) in [&name, &message, &url].into_iter().enumerate() {
        let opts = opts(json!({"jobId": format!("fails-{at}")}));
        node.call(json!({"op": "add", "queue": "mail", "name": name, "data": fails(message), "opts": opts}));
    }
    let mut fine = data.clone();
    fine["return"] = json!({"token": CANARY, "says": url});
    fine["progress"] = json!([{"secret": CANARY}]);
    let own = opts(json!({"jobId": "fine"}));
    node.call(json!({"op": "add", "queue": "mail", "name": name, "data": fine, "opts": own}));
    let tree = json!({"name": name, "queueName": "mail", "data": data, "opts": {"jobId": "parent"}, "children": [
        {"name": name, "queueName": "mail", "data": fails(&message), "opts": {"jobId": "child-lost", "attempts": 1}},
        {"name": name, "queueName": "mail", "data": fine, "opts": {"jobId": "child-done"}},
    ]});
    node.call(json!({"op": "flow", "tree": tree}));
    let worker = node.call(json!({"op": "worker", "queue": "mail"}));
    node.call(json!({"op": "waitIdle", "queue": "mail"}));
    node.call(json!({"op": "workerStop", "handle": worker}));
    for (id, more) in [
        ("waits", json!({})),
        ("later", json!({"delay": 3_600_000})),
        ("first", json!({"priority": 3})),
        ("once", json!({"deduplication": {"id": "dedup"}})),
    ] {
        let mut more = more;
        more["jobId"] = json!(id);
        node.call(json!({"op": "add", "queue": "mail", "name": name, "data": data, "opts": opts(more)}));
    }
    // One runs, and says how far it is.
    node.call(json!({"op": "add", "queue": "runs", "name": name, "data": data, "opts": opts(json!({"jobId": "runs"}))}));
    let manual = node.call(json!({"op": "worker", "queue": "runs", "manual": true}));
    node.call(json!({"op": "take", "queue": "runs", "handle": manual}));
    redis::cmd("HSET").arg("bull:runs:runs").arg("progress").arg(data.to_string()).exec(&mut link).unwrap();
    let template = json!({"name": name, "data": data, "opts": {"attempts": 2}});
    node.call(
        json!({"op": "upsertScheduler", "queue": "mail", "scheduler": "tick", "repeat": {"every": 3_600_000},
        "template": template}),
    );
    // What no worker can read.
    node.call(
        json!({"op": "add", "queue": "broken", "name": name, "data": data, "opts": {"jobId": "broken"}}),
    );
    let broken = format!("{{\"password\":\"{CANARY}{}", CANARY.repeat(9));
    redis::cmd("HSET").arg("bull:broken:broken").arg("data").arg(broken).exec(&mut link).unwrap();
    // Commands with payloads among the slow ones.
    redis::cmd("CONFIG").arg("SET").arg("slowlog-log-slower-than").arg(0).exec(&mut link).unwrap();
    redis::cmd("HSET").arg("bull:mail:waits").arg("data").arg(data.to_string()).exec(&mut link).unwrap();
    redis::cmd("CONFIG").arg("SET").arg("slowlog-log-slower-than").arg(1_000_000).exec(&mut link).unwrap();
}
