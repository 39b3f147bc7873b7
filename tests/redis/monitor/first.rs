//! The first picture: exact names become counts.

use rstest::rstest;
use serde_json::json;
use toril::wire::Era;

use super::watching::{Watch, exactly, row};
use crate::support::{Lib, Node, Server};

#[rstest]
#[case(Lib::Bull4, Era::Bull4)]
#[case(Lib::BullMq4, Era::V4)]
#[case(Lib::BullMq5, Era::V5)]
#[case(Lib::BullMq6, Era::V6)]
#[tokio::test]
async fn named_queues_are_counted(#[case] lib: Lib, #[case] era: Era) {
    let server = Server::start();
    let mut node = Node::start(lib, &server);
    for n in 0..3 {
        node.call(json!({"op": "add", "queue": "mail", "name": "hello", "data": {"n": n}}));
    }
    node.call(json!({"op": "add", "queue": "mail", "name": "later", "data": {}, "opts": {"delay": 600_000}}));
    let mut watch = Watch::start(&server, exactly(&["mail", "nobody"]));
    let seen =
        watch.until("three wait", |now| row(now, "mail").is_some_and(|mail| mail.counts.waiting == 3)).await;
    let mail = row(&seen, "mail").unwrap();
    assert_eq!((mail.counts.delayed, mail.backlog, mail.era), (1, 4, era), "{:?}", mail.era_note);
    assert!(row(&seen, "nobody").is_some(), "a named queue is shown even if nothing of it exists");

    watch.look_at(&["mail"]);
    node.call(json!({"op": "add", "queue": "mail", "name": "hello", "data": {}}));
    watch.until("a fourth", |now| row(now, "mail").is_some_and(|mail| mail.counts.waiting == 4)).await;
}
