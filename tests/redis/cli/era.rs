//! Which era a command believes in before it writes.

use serde_json::json;

use super::run::{json as ask, toril};
use crate::engine::ours::until;
use crate::support::{Dump, Lib, Node, Server, assert_same};

#[test]
fn a_newer_dashboard_on_an_old_queue_misleads_no_command() {
    for worker in [true, false] {
        let server = Server::start();
        let mut four = Node::start(Lib::BullMq4, &server);
        let mut six = Node::start(Lib::BullMq6, &server);
        let fail = json!({"do": "fail"});
        four.call(
            json!({"op": "add", "queue": "mail", "name": "n", "data": fail, "opts": {"attempts": 1, "jobId": "x"}}),
        );
        let handle = four.call(json!({"op": "worker", "queue": "mail"}));
        four.call(json!({"op": "waitIdle", "queue": "mail"}));
        if !worker {
            four.call(json!({"op": "workerStop", "handle": handle}));
        }
        six.call(json!({"op": "open", "queue": "mail"}));
        let era = &ask(&server, &["queues"])["queues"][0]["era"];
        assert_eq!(era, &json!("unknown"), "with a worker: {worker}");
        let before = Dump::of(&server);
        for args in [&["retry", "mail", "x"][..], &["pause", "mail", "--yes"]] {
            let ran = toril(&server, args).with_code(1);
            assert!(ran.stderr.contains("not certain"), "{ran:?}");
        }
        assert_same(&before, &Dump::of(&server));
    }
}

/// A producer of flows and a worker write no version: their jobs and the worker tell who they are.
#[test]
fn a_queue_that_only_flows_fill_is_known_by_its_jobs_and_workers() {
    let server = Server::start();
    let mut five = Node::start(Lib::BullMq5, &server);
    let child = json!({"name": "c", "queueName": "parts", "data": {"do": "fail"}, "opts": {"attempts": 1, "jobId": "x"}});
    five.call(json!({"op": "flow", "tree": {"name": "p", "queueName": "whole", "children": [child]}}));
    let handle = five.call(json!({"op": "worker", "queue": "parts"}));
    until(|| Dump::of(&server).len("bull:parts:failed") == 1);
    assert_eq!(Dump::of(&server).field("bull:parts:meta", "version"), None);
    let era = || {
        let told = ask(&server, &["queues", "-q", "parts"]);
        told["queues"][0]["era"].as_str().map(str::to_owned)
    };
    until(|| era().as_deref() == Some("5"));
    five.call(json!({"op": "workerStop", "handle": handle}));
    assert_eq!(era().as_deref(), Some("5"));
    toril(&server, &["retry", "parts", "x"]).with_code(0);
    assert_eq!(Dump::of(&server).len("bull:parts:wait"), 1);
}
