//! How soon a change is seen, and that nothing is published when nothing changes.

use std::time::{Duration, Instant};

use serde_json::json;
use toril::conn::{Conn, Options as ConnOptions};
use toril::monitor::{Cell, Interest, Monitor};

use super::watching::{Watch, exactly, queue, row};
use crate::read::viewer::account;
use crate::support::{Lib, Node, Server};

#[tokio::test]
async fn a_change_is_seen_at_once() {
    let server = Server::start();
    let mut node = Node::start(Lib::BullMq6, &server);
    node.call(json!({"op": "add", "queue": "mail", "data": {}}));
    let mut watch = Watch::start(&server, exactly(&["mail"]));
    watch.look_at(&["mail"]);
    watch.until("one", |now| row(now, "mail").is_some_and(|mail| mail.counts.waiting == 1)).await;
    let mut took = Vec::new();
    for n in 2..12 {
        tokio::time::sleep(Duration::from_millis(700)).await;
        // By a script of the library's own kind, so that only the monitor is timed.
        let mut link = server.connect();
        let began = Instant::now();
        redis::pipe()
            .atomic()
            .cmd("INCR")
            .arg("bull:mail:id")
            .ignore()
            .cmd("LPUSH")
            .arg("bull:mail:wait")
            .arg(n)
            .ignore()
            .cmd("XADD")
            .arg("bull:mail:events")
            .arg("*")
            .arg("event")
            .arg("waiting")
            .arg("jobId")
            .arg(n)
            .ignore()
            .exec(&mut link)
            .unwrap();
        let seen =
            watch.until("n", |now| row(now, "mail").is_some_and(|mail| mail.counts.waiting == n)).await;
        took.push(began.elapsed());
        assert!(row(&seen, "mail").unwrap().changed_at[Cell::Waiting as usize] > 0);
    }
    took.sort();
    println!("change to snapshot: median {:?}, worst {:?}", took[took.len() / 2], took[took.len() - 1]);
    assert!(took[took.len() / 2] < Duration::from_millis(100), "{took:?}");
}

#[tokio::test]
async fn bull_is_seen_soon_without_events() {
    let server = Server::start();
    let mut node = Node::start(Lib::Bull4, &server);
    node.call(json!({"op": "add", "queue": "mail", "data": {}}));
    let mut watch = Watch::start(&server, exactly(&["mail"]));
    watch.look_at(&["mail"]);
    watch.until("one", |now| row(now, "mail").is_some_and(|mail| mail.counts.waiting == 1)).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let began = Instant::now();
    node.call(json!({"op": "add", "queue": "mail", "data": {}}));
    watch.until("two", |now| row(now, "mail").is_some_and(|mail| mail.counts.waiting == 2)).await;
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
}

#[tokio::test]
async fn nothing_is_published_when_nothing_changes() {
    let server = Server::start();
    let mut node = Node::start(Lib::BullMq5, &server);
    for _ in 0..5 {
        node.call(json!({"op": "add", "queue": "mail", "data": {}}));
    }
    node.call(json!({"op": "worker", "queue": "other"}));
    let mut watch = Watch::start(&server, exactly(&["mail", "other"]));
    watch.look_at(&["mail", "other"]);
    let seen = watch
        .until("rest", |now| {
            row(now, "mail").is_some_and(|mail| {
                mail.oldest_at.is_some() && mail.in_per_s == Some(0.0) && !mail.history.is_empty()
            }) && now.redis.is_some()
        })
        .await;
    assert_eq!(row(&seen, "mail").unwrap().in_per_s, Some(0.0));
    tokio::time::sleep(Duration::from_secs(4)).await;
    let before = watch.handle.snapshots.borrow_and_update().clone();
    tokio::time::sleep(Duration::from_secs(8)).await;
    let after = watch.handle.snapshots.borrow_and_update().clone();
    // The server's health is sampled every ten seconds; the queues' rows stay what they are.
    let published = after.generation - before.generation;
    assert!(
        published <= 2,
        "{published}: {:?} {:?}\n{:?} {:?}",
        before.cost,
        before.slowed,
        after.cost,
        after.slowed
    );
    for (old, new) in before.queues.iter().zip(&after.queues) {
        assert!(std::sync::Arc::ptr_eq(old, new), "{old:#?}\n{new:#?}");
    }
    assert!(watch.handle.fresh_at() > 0);
}

#[tokio::test]
async fn events_are_fed_with_their_fields() {
    let server = Server::start();
    let mut node = Node::start(Lib::BullMq6, &server);
    node.call(json!({"op": "add", "queue": "mail", "data": {}}));
    let mut watch = Watch::start(&server, exactly(&["mail"]));
    watch.until("one", |now| row(now, "mail").is_some_and(|mail| mail.counts.waiting == 1)).await;
    watch.handle.interest.send_replace(Interest { feed: Some(vec![]), ..Interest::default() });
    tokio::time::sleep(Duration::from_millis(300)).await;
    node.call(json!({"op": "worker", "queue": "mail"}));
    node.call(json!({"op": "waitIdle", "queue": "mail"}));
    let mut seen = Vec::new();
    while !seen.contains(&"completed".to_owned()) {
        let bunch = tokio::time::timeout(Duration::from_secs(10), watch.handle.feed.recv()).await;
        for event in bunch.expect("events").expect("a feed") {
            assert_eq!(event.queue, queue("mail"));
            assert!(event.at > 1_600_000_000_000);
            if event.event.as_str() == "completed" {
                assert_eq!(event.job.as_ref().unwrap().lossless(), "1");
                assert!(event.fields.iter().any(|(key, _)| key.as_bytes() == b"returnvalue"));
            }
            seen.push(event.event.as_str().to_owned());
        }
    }
    assert!(seen.contains(&"active".to_owned()), "{seen:?}");
}

/// An account without `XREAD` sees changes a little later, and its connection is left in peace.
#[tokio::test]
async fn without_the_right_to_read_streams_queues_are_sampled() {
    let server = Server::start();
    let mut link = server.connect();
    let mut node = Node::start(Lib::BullMq6, &server);
    node.call(json!({"op": "add", "queue": "mail", "data": {}}));
    let endpoint = account(&server);
    redis::cmd("ACL").arg(&["SETUSER", "bq-viewer", "-xread"]).exec(&mut link).unwrap();
    let conn = Conn::start(endpoint, ConnOptions::default());
    let mut watch = Watch { handle: Monitor::start(conn, exactly(&["mail"])) };
    watch.look_at(&["mail"]);
    watch.until("told", |now| now.refused.iter().any(|what| what.as_str() == "XREAD: not permitted")).await;
    watch.until("one", |now| row(now, "mail").is_some_and(|mail| mail.counts.waiting == 1)).await;
    node.call(json!({"op": "add", "queue": "mail", "data": {}}));
    let begun = Instant::now();
    watch.until("two", |now| row(now, "mail").is_some_and(|mail| mail.counts.waiting == 2)).await;
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    let connections = |link: &mut redis::Connection| -> u64 {
        let text: String = redis::cmd("INFO").arg("stats").query(link).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix("total_connections_received:")).unwrap();
        line.trim().parse().unwrap()
    };
    let before = connections(&mut link);
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(connections(&mut link), before);
}

#[tokio::test]
async fn what_this_session_did_is_seen_at_once_without_an_event() {
    let server = Server::start();
    let mut node = Node::start(Lib::BullMq6, &server);
    node.call(json!({"op": "add", "queue": "mail", "data": {}}));
    let mut watch = Watch::start(&server, exactly(&["mail"]));
    watch.look_at(&["mail"]);
    let seen = watch.until("one", |now| row(now, "mail").is_some_and(|mail| mail.counts.waiting == 1)).await;
    let touched = row(&seen, "mail").unwrap().touched;
    // Right after a look, when the next one is seconds away: as a merge does, without an event.
    tokio::time::sleep(Duration::from_millis(200)).await;
    redis::cmd("RENAME").arg("bull:mail:wait").arg("bull:mail:paused").exec(&mut server.connect()).unwrap();
    let began = Instant::now();
    watch.handle.interest.send_modify(|interest| interest.acted = Some((7, queue("mail"))));
    let seen = watch.until("moved", |now| row(now, "mail").is_some_and(|mail| mail.counts.paused == 1)).await;
    assert!(began.elapsed() < Duration::from_millis(500), "{:?}", began.elapsed());
    assert!(row(&seen, "mail").unwrap().touched > touched, "its lists are read anew too");
}
