//! A job's detail equals the library's own.

use rstest::rstest;
use serde_json::{Value, json};
use toril::engine::read::{FieldValue, field, find_state, flow, job, logs, schedulers, workers};
use toril::wire::{QueueId, State};

use super::seed::{conn, era, id, queue, seed};
use crate::support::{Lib, Node, Server};

#[rstest]
#[tokio::test]
async fn every_job_is_found_where_the_library_says(
    #[values(Lib::Bull4, Lib::BullMq4, Lib::BullMq5, Lib::BullMq6)] lib: Lib,
) {
    let server = Server::start();
    let mut node = Node::start(lib, &server);
    seed(&mut node, false);
    let conn = conn(&server).await;
    for n in 1..=12 {
        let job_id = id(&n.to_string());
        let Some(ours) = job(&conn, era(lib), &queue("mail"), &job_id, None).await.unwrap() else { continue };
        let theirs = node.call(json!({"op": "job", "queue": "mail", "job": n.to_string()}));
        let state = node.call(json!({"op": "state", "queue": "mail", "job": n.to_string()}));
        assert_eq!(ours.state.map(State::name), state.as_str(), "job {n}");
        for wrong in State::ALL {
            let found = find_state(&conn, era(lib), &queue("mail"), &job_id, Some(wrong)).await.unwrap();
            assert_eq!(found, ours.state, "a wrong hint misleads nobody");
        }
        assert_eq!(ours.clean("name").unwrap().as_str(), theirs["name"]);
        let data: Value = serde_json::from_slice(ours.value("data").unwrap()).unwrap();
        assert_eq!(data, theirs["data"]);
        assert_eq!(ours.number("timestamp"), theirs["timestamp"].as_i64());
        assert_eq!(ours.number("finishedOn"), theirs["finishedOn"].as_i64());
        if ours.state == Some(State::Completed) {
            assert_eq!(ours.logs, 2);
            let page = logs(&conn, &queue("mail"), &job_id, None, 10).await.unwrap();
            let lines: Vec<_> = page.lines.iter().map(|line| line.lossless().into_owned()).collect();
            let theirs = node.call(json!({"op": "logs", "queue": "mail", "job": n.to_string()}));
            assert_eq!(json!(lines), theirs["logs"]);
            let page = logs(&conn, &queue("mail"), &job_id, Some(1), 10).await.unwrap();
            assert_eq!((page.total, page.offset, page.lines.len()), (2, 1, 1));
        }
        if ours.state == Some(State::Active) {
            let (_, ttl) = ours.lock.as_ref().expect("a running job is locked");
            assert!(ttl.unwrap() > 0);
        }
        if ours.state == Some(State::Delayed) {
            assert!(ours.due_at.unwrap() > ours.number("timestamp").unwrap());
        }
    }
    assert_eq!(job(&conn, era(lib), &queue("mail"), &id("none"), None).await.unwrap(), None);
    assert_eq!(job(&conn, era(lib), &queue("mail"), &id("meta"), None).await.unwrap(), None);
}

#[rstest]
#[tokio::test]
async fn families_schedulers_and_workers_are_found(
    #[values(Lib::BullMq4, Lib::BullMq5, Lib::BullMq6)] lib: Lib,
) {
    let server = Server::start();
    let mut node = Node::start(lib, &server);
    seed(&mut node, false);
    let conn = conn(&server).await;
    let parents =
        node.call(json!({"op": "ids", "queue": "mail", "state": "waiting-children", "start": 0, "end": 9}));
    let parent_id = id(parents[0].as_str().unwrap());
    let parent = job(&conn, era(lib), &queue("mail"), &parent_id, None).await.unwrap().unwrap();
    assert_eq!((parent.state, parent.children.pending), (Some(State::WaitingChildren), 1));
    let kids = flow::offspring(&conn, &queue("mail"), &parent_id, None).await.unwrap().children;
    assert_eq!(kids[0].queue, Some(queue("kids")));
    let kid_id = kids[0].id.clone().unwrap();
    let kid = job(&conn, era(lib), &queue("kids"), &kid_id, Some(State::Waiting)).await.unwrap().unwrap();
    let up = kid.parent.unwrap();
    assert_eq!((up.queue, up.id), (Some(queue("mail")), Some(parent_id)));

    let (total, listed) = schedulers(&conn, &queue("mail"), 0, 50).await.unwrap();
    if lib == Lib::BullMq4 {
        assert_eq!(total, 0);
    } else {
        let theirs =
            node.call(json!({"op": "schedulers", "queue": "mail", "start": 0, "end": 9, "asc": true}));
        assert_eq!(total, 1);
        assert_eq!(listed[0].name.as_str(), "tick");
        assert_eq!(listed[0].every, Some(3_600_000));
        assert_eq!(Some(listed[0].next_at), theirs[0]["next"].as_i64());
        assert_eq!(listed[0].iterations, Some(1));
    }
    let known: [QueueId; 2] = [queue("mail"), queue("kids")];
    let seen = workers(&conn, &known).await.unwrap();
    assert_eq!(seen.len(), 1);
    let name = seen[0].name.as_ref().map(|name| name.as_str().to_owned());
    assert_eq!(name.as_deref(), (lib != Lib::BullMq4).then_some("w-1"));
}

#[tokio::test]
async fn what_is_large_is_read_on_request_only() {
    let server = Server::start();
    let conn = conn(&server).await;
    let mut link = server.connect();
    let big = "x".repeat(2_000_000);
    redis::cmd("HSET").arg("bull:mail:1").arg("name").arg("n").arg("data").arg(&big).exec(&mut link).unwrap();
    redis::cmd("RPUSH").arg("bull:mail:wait").arg("1").exec(&mut link).unwrap();
    let found = job(&conn, toril::wire::Era::V6, &queue("mail"), &id("1"), None).await.unwrap().unwrap();
    let data = found.field("data").unwrap();
    assert_eq!((data.size, &data.value), (2_000_000, &None));
    assert_eq!(found.clean("name").unwrap().as_str(), "n");
    let mail = queue("mail");
    assert_eq!(field(&conn, &mail, &id("1"), b"data", 1_000).await.unwrap(), FieldValue::TooLarge(2_000_000));
    let FieldValue::Value(value) = field(&conn, &mail, &id("1"), b"data", 32 << 20).await.unwrap() else {
        panic!("not read")
    };
    assert_eq!(value.as_bytes(), big.as_bytes());
    assert_eq!(field(&conn, &mail, &id("1"), b"no", 1).await.unwrap(), FieldValue::Absent);
}
