//! Which era a command believes in before it writes.

use serde_json::json;

use super::run::{json as ask, toril};
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
