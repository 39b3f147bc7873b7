//! Finding queues among other keys.

use std::time::Instant;

use serde_json::json;
use toril::monitor::{Clock, MonitorOptions, Remember, find, remembered};
use toril::wire::{Prefix, QueueId, QueueName};

use super::watching::{Watch, conn, queue, row};
use crate::support::{Lib, Node, Server};

fn anything() -> MonitorOptions {
    MonitorOptions {
        prefixes: Vec::new(),
        names: Vec::new(),
        globs: Vec::new(),
        remembered: Vec::new(),
        remember: None,
        clock: Clock::start(),
    }
}

fn at(prefix: &str, name: &str) -> QueueId {
    QueueId::new(Prefix::new(prefix), QueueName::legacy(name))
}

#[tokio::test]
async fn queues_are_told_from_keys_that_look_like_them() {
    let server = Server::start();
    let mut link = server.connect();
    let mut six = Node::start(Lib::BullMq6, &server);
    let mut bull = Node::start(Lib::Bull4, &server);
    six.call(json!({"op": "add", "queue": "mail", "data": {}}));
    six.call(json!({"op": "add", "queue": "{tag}", "data": {}}));
    six.call(json!({"op": "add", "queue": "q", "prefix": "app:prod:bull", "data": {}}));
    six.call(json!({"op": "open", "queue": "empty"}));
    // Three parts may be in an id, and its hash's key then ends like another's.
    six.call(json!({"op": "add", "queue": "mail", "data": {}, "opts": {"jobId": "a:b:meta"}}));
    bull.call(json!({"op": "add", "queue": "old:name", "data": {}}));
    for (key, value) in
        [("user:7:id", "7"), ("bull:mail:de:id", "4"), ("x:meta", "text"), ("bull:nobody:id", "9")]
    {
        redis::cmd("SET").arg(key).arg(value).exec(&mut link).unwrap();
    }
    redis::cmd("HSET").arg("shop:item:meta").arg(&["title", "x", "data", "y"]).exec(&mut link).unwrap();
    redis::cmd("SADD").arg("tags:meta").arg("x").exec(&mut link).unwrap();

    let conn = conn(&server);
    conn.link().wait_for(|link| link.state.is_connected()).await.unwrap();
    let found = find(&conn, &[], &[]).await.unwrap();
    let mut wanted = vec![
        at("bull", "mail"),
        at("bull", "{tag}"),
        at("app:prod:bull", "q"),
        at("bull", "empty"),
        at("bull", "old:name"),
    ];
    wanted.sort_by(|a, b| (&a.name, &a.prefix).cmp(&(&b.name, &b.prefix)));
    assert_eq!(found, wanted);
    assert_eq!(find(&conn, &[Prefix::new("app:prod:bull")], &[]).await.unwrap(), [at("app:prod:bull", "q")]);
    assert_eq!(find(&conn, &[], &["ma*".to_owned()]).await.unwrap(), [queue("mail")]);

    let mut watch = Watch::start(&server, anything());
    let seen = watch
        .until("all", |now| now.discovery.complete && now.queues.iter().all(|row| row.sampled_at > 0))
        .await;
    assert_eq!(
        seen.queues.len(),
        5,
        "{:?}",
        seen.queues.iter().map(|row| row.id.clean()).collect::<Vec<_>>()
    );
    assert_eq!(row(&seen, "mail").unwrap().counts.waiting, 2);
    six.call(json!({"op": "add", "queue": "later", "data": {}}));
    watch.until("a queue that came later", |now| row(now, "later").is_some()).await;
}

#[tokio::test]
async fn many_foreign_keys_do_not_delay_the_first_queues() {
    let server = Server::start();
    let mut link = server.connect();
    for chunk in 0..20 {
        let mut pipe = redis::pipe();
        for n in 0..10_000 {
            pipe.cmd("SET").arg(format!("cache:item:{chunk}:{n}")).arg(n).ignore();
        }
        pipe.exec(&mut link).unwrap();
    }
    for n in 0..20 {
        redis::cmd("HSET")
            .arg(format!("bull:q{n}:meta"))
            .arg(&["opts.maxLenEvents", "10000"])
            .exec(&mut link)
            .unwrap();
    }
    let began = Instant::now();
    let mut watch = Watch::start(&server, anything());
    let mut before = 0;
    let seen = watch.until("all", |now| now.discovery.complete).await;
    before += seen.queues.len();
    println!("200,000 foreign keys: {:?}", began.elapsed());
    assert_eq!(before, 20);
    assert!(seen.discovery.keys >= 200_000);
}

#[tokio::test]
async fn what_is_remembered_shows_at_once_and_what_vanished_goes() {
    let server = Server::start();
    let mut node = Node::start(Lib::BullMq5, &server);
    node.call(json!({"op": "add", "queue": "mail", "data": {}}));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("remembered.json");
    remembered::save(&file, "here", &[queue("mail"), queue("gone")]).unwrap();
    let list = remembered::load(&file, "here");
    let remember = Some(Remember { file: file.clone(), server: "here".to_owned() });
    let mut watch = Watch::start(&server, MonitorOptions { remembered: list, remember, ..anything() });
    let seen = watch.until("mail alone", |now| now.discovery.complete && now.queues.len() == 1).await;
    assert!(seen.discovery.remembered);
    assert_eq!(seen.queues[0].id, queue("mail"));
    for _ in 0..50 {
        if remembered::load(&file, "here") == [queue("mail")] {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("not remembered: {:?}", remembered::load(&file, "here"));
}

#[tokio::test]
async fn a_queue_that_is_obliterated_goes() {
    let server = Server::start();
    let mut node = Node::start(Lib::BullMq5, &server);
    node.call(json!({"op": "add", "queue": "mail", "data": {}}));
    node.call(json!({"op": "add", "queue": "news", "data": {}}));
    let mut watch = Watch::start(&server, anything());
    watch.until("two", |now| now.queues.len() == 2 && now.discovery.complete).await;
    watch.look_at(&["mail", "news"]);
    node.call(json!({"op": "obliterate", "queue": "news"}));
    watch.until("one", |now| now.queues.len() == 1).await;
}

#[tokio::test]
async fn among_few_keys_a_new_queue_is_found_soon() {
    let server = Server::start();
    let mut node = Node::start(Lib::BullMq5, &server);
    let mut watch = Watch::start(&server, anything());
    watch.until("nothing", |now| now.discovery.complete && now.queues.is_empty()).await;
    node.call(json!({"op": "add", "queue": "mail", "data": {}}));
    let began = Instant::now();
    watch.until("mail", |now| now.queues.len() == 1).await;
    assert!(began.elapsed() < std::time::Duration::from_secs(4), "{:?}", began.elapsed());
}
