//! What the rows say: states, badges, rates, ages, workers, the server's health.

use std::time::Duration;

use rstest::rstest;
use serde_json::json;
use toril::monitor::{Drain, Interest, QueueRow, Workers};
use toril::wire::Era;

use super::watching::{Watch, exactly, row};
use crate::support::{Lib, Node, Server};

#[rstest]
#[case(Lib::Bull4)]
#[case(Lib::BullMq4)]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
#[tokio::test]
async fn a_working_queue_has_rates_and_workers(#[case] lib: Lib) {
    let server = Server::start();
    let mut node = Node::start(lib, &server);
    node.call(json!({"op": "add", "queue": "mail", "name": "n", "data": {}}));
    node.call(json!({"op": "worker", "queue": "mail"}));
    node.call(json!({"op": "waitIdle", "queue": "mail"}));
    let mut watch = Watch::start(&server, exactly(&["mail"]));
    watch.look_at(&["mail"]);
    watch.until("sampled", |now| row(now, "mail").is_some_and(|mail| mail.counts.completed == 1)).await;
    for n in 0..40 {
        let data = if n % 4 == 0 { json!({"do": "fail"}) } else { json!({"do": "ok"}) };
        node.call(json!({"op": "add", "queue": "mail", "name": "n", "data": data, "opts": {"attempts": 1}}));
    }
    node.call(json!({"op": "waitIdle", "queue": "mail"}));
    let seen = watch
        .until("rates", |now| {
            row(now, "mail").is_some_and(|mail| {
                mail.counts.failed == 10
                    && mail.in_per_s.is_some_and(|rate| rate > 0.5)
                    && mail.out_per_s == mail.in_per_s
                    && mail.failure_share.is_some()
                    && mail.workers == Workers::Count(1)
            })
        })
        .await;
    let mail = row(&seen, "mail").unwrap();
    assert_eq!(mail.failure_share, Some(0.25));
    assert_eq!((mail.drain, mail.backlog), (Drain::Empty, 0));
    assert!(mail.touched > 0);
    let evidence: Vec<&str> = mail.era_note.evidence.iter().map(toril::text::Clean::as_str).collect();
    assert!(!evidence.is_empty());
}

#[tokio::test]
async fn age_counts_from_the_delay_and_a_split_queue_shows() {
    let server = Server::start();
    let mut link = server.connect();
    let mut five = Node::start(Lib::BullMq5, &server);
    let mut six = Node::start(Lib::BullMq6, &server);
    five.call(json!({"op": "add", "queue": "mail", "data": {}, "opts": {"delay": 400, "jobId": "late"}}));
    let mut watch = Watch::start(&server, exactly(&["mail"]));
    watch.look_at(&["mail"]);
    watch.until("due", |now| row(now, "mail").is_some_and(|mail| mail.next_due_at.is_some())).await;
    five.call(json!({"op": "promote", "queue": "mail", "job": "late"}));
    let seen =
        watch.until("oldest", |now| row(now, "mail").is_some_and(|mail| mail.oldest_at.is_some())).await;
    let added: i64 = redis::cmd("HGET").arg("bull:mail:late").arg("timestamp").query(&mut link).unwrap();
    assert_eq!(row(&seen, "mail").unwrap().oldest_at, Some(added + 400));

    five.call(json!({"op": "pause", "queue": "mail"}));
    six.call(json!({"op": "add", "queue": "mail", "data": {}}));
    let seen = watch.until("split", |now| row(now, "mail").is_some_and(|mail| mail.split)).await;
    let mail = row(&seen, "mail").unwrap();
    assert!(mail.paused);
    assert_eq!((mail.counts.waiting, mail.counts.paused, mail.backlog), (1, 1, 2));
}

#[tokio::test]
async fn the_next_job_of_era_four_stands_before_its_marker() {
    let server = Server::start();
    let mut link = server.connect();
    let mut node = Node::start(Lib::BullMq4, &server);
    // The delayed job leaves a marker in the empty list; what is added then comes behind it.
    node.call(json!({"op": "add", "queue": "mail", "data": {}, "opts": {"delay": 600_000}}));
    node.call(json!({"op": "add", "queue": "mail", "data": {}, "opts": {"priority": 3}}));
    node.call(json!({"op": "add", "queue": "mail", "data": {}, "opts": {"jobId": "first"}}));
    node.call(json!({"op": "add", "queue": "mail", "data": {}}));
    let wait: Vec<String> =
        redis::cmd("LRANGE").arg("bull:mail:wait").arg(0).arg(-1).query(&mut link).unwrap();
    assert!(wait.last().unwrap().starts_with("0:") && wait.len() == 3, "{wait:?}");
    redis::cmd("HSET").arg("bull:mail:first").arg("timestamp").arg(1_000).exec(&mut link).unwrap();
    let mut watch = Watch::start(&server, exactly(&["mail"]));
    watch.look_at(&["mail"]);
    let seen =
        watch.until("oldest", |now| row(now, "mail").is_some_and(|mail| mail.oldest_at.is_some())).await;
    let mail = row(&seen, "mail").unwrap();
    assert_eq!((mail.oldest_at, mail.counts.waiting), (Some(1_000), 2));
}

#[tokio::test]
async fn a_busy_queue_keeps_the_age_of_its_next_job() {
    let server = Server::start();
    let mut link = server.connect();
    let mut node = Node::start(Lib::BullMq5, &server);
    for n in 0..40 {
        node.call(json!({"op": "add", "queue": "mail", "data": {}, "opts": {"jobId": format!("j{n}")}}));
    }
    let mut watch = Watch::start(&server, exactly(&["mail"]));
    watch.look_at(&["mail"]);
    watch.until("oldest", |now| row(now, "mail").is_some_and(|mail| mail.oldest_at.is_some())).await;
    for n in 1..30 {
        // As if a worker took one and threw it away.
        let job: String = redis::cmd("RPOP").arg("bull:mail:wait").query(&mut link).unwrap();
        redis::cmd("DEL").arg(format!("bull:mail:{job}")).exec(&mut link).unwrap();
        redis::cmd("XADD").arg(&["bull:mail:events", "*", "event", "active"]).exec(&mut link).unwrap();
        let seen = watch
            .until("taken", |now| row(now, "mail").is_some_and(|mail| mail.counts.waiting == 40 - n))
            .await;
        assert!(row(&seen, "mail").unwrap().oldest_at.is_some(), "after {n}");
    }
}

/// Whoever may write to Redis may write any number: none may stop the console or make it spin.
#[tokio::test]
async fn numbers_beyond_all_bounds_are_harmless() {
    let server = Server::start();
    let mut link = server.connect();
    let mut node = Node::start(Lib::BullMq5, &server);
    node.call(json!({"op": "add", "queue": "mail", "data": {}, "opts": {"jobId": "x"}}));
    let mut set = |command: &str, args: &[&str]| redis::cmd(command).arg(args).exec(&mut link).unwrap();
    set("HSET", &["bull:mail:x", "timestamp", "-9223372036854775808", "processedOn", "9223372036854775807"]);
    set("SET", &["bull:mail:id", "9223372036854775807"]);
    set("ZADD", &["bull:mail:delayed", "-inf", "x"]);
    set("SET", &["bull:mail:limiter", "9223372036854775807"]);
    set("HSET", &["bull:mail:meta", "max", "18446744073709551615", "concurrency", "18446744073709551615"]);
    set(
        "HSET",
        &["bull:mail:metrics:completed", "count", "9223372036854775807", "prevTS", "-9223372036854775808"],
    );
    // A stream that is none must not cost the others theirs.
    set("SET", &["bull:odd:events", "text"]);
    set("SET", &["bull:odd:id", "1"]);
    set("LPUSH", &["bull:odd:wait", "1"]);
    let mut watch = Watch::start(&server, exactly(&["mail", "odd"]));
    watch.look_at(&["mail", "odd"]);
    let bound = 1_i64 << 53;
    watch
        .until("read", |now| {
            row(now, "mail").is_some_and(|mail| mail.oldest_at == Some(-bound) && mail.next_due_at.is_some())
        })
        .await;
    set("SET", &["bull:mail:id", "-9223372036854775808"]);
    let fresh = node.call(json!({"op": "add", "queue": "mail", "data": {}, "opts": {"jobId": "y"}}));
    assert_eq!(fresh, json!("y"));
    let begun = std::time::Instant::now();
    watch.until("followed", |now| row(now, "mail").is_some_and(|mail| mail.counts.waiting == 2)).await;
    assert!(begun.elapsed() < Duration::from_secs(2), "its events are followed: {:?}", begun.elapsed());
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    watch.until("alive", |now| row(now, "odd").is_some_and(|odd| odd.counts.waiting == 1)).await;
}

#[tokio::test]
async fn limits_are_read() {
    let server = Server::start();
    let mut node = Node::start(Lib::BullMq6, &server);
    node.call(json!({"op": "add", "queue": "mail", "data": {}}));
    node.call(json!({"op": "setGlobalConcurrency", "queue": "mail", "concurrency": 3}));
    node.call(json!({"op": "setGlobalRateLimit", "queue": "mail", "max": 100, "duration": 1000}));
    node.call(json!({"op": "rateLimit", "queue": "mail", "ms": 2_500}));
    let mut watch = Watch::start(&server, exactly(&["mail"]));
    watch.look_at(&["mail"]);
    let seen =
        watch.until("limited", |now| row(now, "mail").is_some_and(|mail| mail.limited_ms.is_some())).await;
    let mail = row(&seen, "mail").unwrap();
    assert_eq!((mail.concurrency, mail.rate), (Some(3), Some((100, 1000))));
    watch.until("released", |now| row(now, "mail").is_some_and(|mail| mail.limited_ms.is_none())).await;
}

#[tokio::test]
async fn a_newer_dashboard_on_an_old_queue_misleads_nobody() {
    let server = Server::start();
    let mut four = Node::start(Lib::BullMq4, &server);
    let mut six = Node::start(Lib::BullMq6, &server);
    four.call(json!({"op": "add", "queue": "mail", "data": {}, "opts": {"priority": 2}}));
    four.call(json!({"op": "worker", "queue": "mail"}));
    four.call(json!({"op": "waitIdle", "queue": "mail"}));
    six.call(json!({"op": "open", "queue": "mail"}));
    let mut watch = Watch::start(&server, exactly(&["mail"]));
    let told = |mail: &QueueRow| {
        mail.era_note.evidence.iter().any(|why| why.as_str().contains("only that of a newer client"))
    };
    let seen = watch.until("doubt", |now| row(now, "mail").is_some_and(told)).await;
    let mail = row(&seen, "mail").unwrap();
    assert_eq!(mail.era_note.version.as_ref().unwrap().as_str(), "bullmq:6.7.0");
    // Its workers are of BullMQ 1 to 4: nothing left tells which, so nothing is written.
    assert_eq!(mail.era, Era::Unknown);
    assert!(mail.era.writable().is_err());
}

#[tokio::test]
async fn hostile_names_stay_names() {
    let server = Server::start();
    let mut link = server.connect();
    for name in ["q\x1b[2J", "a*b", "a[b", "a?b", "a\\b", "{q}", "\u{202e}x"] {
        redis::cmd("RPUSH").arg(format!("bull:{name}:wait")).arg("1").exec(&mut link).unwrap();
        redis::cmd("SET").arg(format!("bull:{name}:id")).arg("1").exec(&mut link).unwrap();
    }
    let mut options = exactly(&[]);
    options.names.clear();
    let mut watch = Watch::start(&server, options);
    let seen = watch
        .until("all", |now| now.queues.len() == 7 && now.queues.iter().all(|row| row.backlog == 1))
        .await;
    assert!(row(&seen, "q^[[2J").is_some() && row(&seen, "<U+202E>x").is_some());
}

#[tokio::test]
async fn a_key_of_another_type_spoils_one_row_only() {
    let server = Server::start();
    let mut link = server.connect();
    let mut node = Node::start(Lib::BullMq6, &server);
    node.call(json!({"op": "add", "queue": "good", "data": {}}));
    redis::cmd("SET").arg("bull:bad:wait").arg("text").exec(&mut link).unwrap();
    let mut watch = Watch::start(&server, exactly(&["good", "bad"]));
    let seen = watch
        .until("both", |now| {
            row(now, "bad").is_some_and(|bad| bad.error.is_some())
                && row(now, "good").is_some_and(|good| good.counts.waiting == 1)
        })
        .await;
    assert!(row(&seen, "bad").unwrap().error.as_ref().unwrap().as_str().starts_with("WRONGTYPE"));
}

#[tokio::test]
async fn the_servers_health_leaves_our_own_share_out() {
    let server = Server::start();
    let mut link = server.connect();
    redis::cmd("SET").arg("k").arg("v").exec(&mut link).unwrap();
    let mut watch = Watch::start(&server, exactly(&["one", "two", "three"]));
    watch.look_at(&["one", "two", "three"]);
    watch.handle.interest.send_modify(|interest| *interest = Interest { redis: true, ..interest.clone() });
    watch.until("health", |now| now.redis.is_some()).await;
    let seen =
        watch.until("a while", |now| now.redis.as_ref().is_some_and(|redis| redis.history.len() > 4)).await;
    let health = seen.redis.as_ref().unwrap();
    assert_eq!(health.hit_rate, None, "nobody but us looked anything up");
    assert!(health.ops_per_s.unwrap() < 5.0, "{:?}", health.ops_per_s);
    assert!(health.slow_log.is_some() && health.memory.used > 0);
    for _ in 0..300 {
        redis::cmd("GET").arg("k").exec(&mut link).unwrap();
    }
    for _ in 0..100 {
        redis::cmd("GET").arg("none").exec(&mut link).unwrap();
    }
    let seen =
        watch.until("hits", |now| now.redis.as_ref().is_some_and(|redis| redis.hit_rate.is_some())).await;
    let rate = seen.redis.as_ref().unwrap().hit_rate.unwrap();
    assert!((rate - 0.75).abs() < 0.02, "{rate}");
    tokio::time::sleep(Duration::from_millis(10)).await;
}

#[tokio::test]
async fn jobs_left_in_the_list_of_a_pause_that_is_over_show() {
    let server = Server::start();
    let mut link = server.connect();
    let mut node = Node::start(Lib::BullMq5, &server);
    node.call(json!({"op": "add", "queue": "mail", "data": {}}));
    node.call(json!({"op": "pause", "queue": "mail"}));
    // As a tool that knows the flag and not the list would resume.
    redis::cmd("HDEL").arg("bull:mail:meta").arg("paused").exec(&mut link).unwrap();
    let mut watch = Watch::start(&server, exactly(&["mail"]));
    watch.look_at(&["mail"]);
    let seen = watch.until("split", |now| row(now, "mail").is_some_and(|mail| mail.split)).await;
    let mail = row(&seen, "mail").unwrap();
    assert_eq!((mail.paused, mail.counts.waiting, mail.counts.paused), (false, 0, 1));
}
