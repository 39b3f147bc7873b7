//! Damage: markers, ghosts, reserved ids, dead schedulers, stuck parents, abandoned jobs; and what is not
//! understood.

use serde_json::json;

use super::scene::Scene;
use crate::support::{Lib, Node};

#[test]
fn a_marker_that_is_missing_or_told_no_time() {
    let mut scene = Scene::start(Lib::BullMq6);
    // Whoever waits looks again by himself only after minutes.
    scene.worker("gone", json!({"drainDelay": 300}));
    scene.call(json!({"op": "add", "queue": "gone", "data": {}}));
    scene.call(json!({"op": "waitIdle", "queue": "gone"}));
    // A job without its marker: added while the queue is paused, and the flag is taken by hand.
    scene.call(json!({"op": "pause", "queue": "gone"}));
    scene.add_old("gone", 3_000, json!({}), json!({}));
    scene.redis("HDEL bull:gone:meta paused");
    let found = scene.named("gone", "marker");
    assert_eq!(
        (&found["marker"], &found["idleWorkers"], &found["ready"]),
        (&json!("missing"), &json!(1), &json!(1))
    );
    scene.call(json!({"op": "add", "queue": "gone", "data": {}}));
    scene.healthy("gone");

    // A producer that knows no marker.
    let mut bull = Node::start(Lib::Bull4, &scene.server);
    let old = json!({"delay": 1_000, "timestamp": scene.now() - 5_000});
    bull.call(json!({"op": "add", "queue": "gone", "data": {}, "opts": old}));
    let found = scene.named("gone", "marker");
    assert_eq!((&found["marker"], &found["idleWorkers"]), (&json!("stale"), &json!(1)));
    assert!(found["dueAt"].as_i64().unwrap() < scene.now() - 2_000, "{found}");
    scene.call(json!({"op": "add", "queue": "gone", "data": {}}));
    scene.healthy("gone");
    scene.permitted();
}

#[test]
fn ghosts_reserved_ids_and_dead_schedulers() {
    let mut scene = Scene::start(Lib::BullMq5);
    let worker = scene.worker("ghost", json!({}));
    scene.call(json!({"op": "add", "queue": "ghost", "data": {"do": "hang"}}));
    scene.call(json!({"op": "waitHanging", "handle": worker}));
    let ghost = scene.call(json!({"op": "add", "queue": "ghost", "data": {}}));
    let ghost = ghost.as_str().unwrap();
    scene.redis(&format!("DEL bull:ghost:{ghost}"));
    let found = scene.named("ghost", "ghosts");
    assert_eq!((&found["ghosts"], &found["places"]), (&json!(1), &json!("wait")));
    assert_eq!(found["jobs"][0]["id"], ghost);
    scene.redis(&format!("LREM bull:ghost:wait 0 {ghost}"));
    scene.healthy("ghost");
    scene.call(json!({"op": "release", "handle": worker}));

    scene.worker("word", json!({}));
    for word in ["limiter", "stalled"] {
        let _ =
            scene.node.try_call(json!({"op": "add", "queue": "word", "data": {}, "opts": {"jobId": word}}));
        let found = scene.named("word", "reserved-id");
        assert_eq!((&found["found"], &found["isJob"]), (&json!("hash"), &json!(true)), "{found}");
        assert_eq!(found["key"], format!("bull:word:{word}"));
        scene.redis(&format!("DEL bull:word:{word}"));
        scene.redis(&format!("LREM bull:word:wait 0 {word}"));
        scene.redis(&format!("LREM bull:word:active 0 {word}"));
        scene.cured("word", "reserved-id");
    }

    scene.worker("cron", json!({}));
    let set = json!({"op": "upsertScheduler", "queue": "cron", "scheduler": "nightly",
        "repeat": {"every": 3_600_000}, "template": {"name": "tick"}});
    scene.call(set.clone());
    scene.call(json!({"op": "waitIdle", "queue": "cron"}));
    scene.healthy("cron");
    // Its next job is taken by hand, which the libraries refuse.
    let next: Vec<String> = redis::cmd("ZRANGE")
        .arg("bull:cron:delayed")
        .arg(0)
        .arg(-1)
        .query(&mut scene.server.connect())
        .unwrap();
    assert_eq!(next.len(), 1);
    scene.redis(&format!("DEL bull:cron:{}", next[0]));
    scene.redis(&format!("ZREM bull:cron:delayed {}", next[0]));
    let found = scene.named("cron", "dead-scheduler");
    assert_eq!((&found["dead"], &found["names"]), (&json!(1), &json!("nightly")));
    scene.redis("ZREM bull:cron:repeat nightly");
    scene.call(set);
    scene.healthy("cron");
    scene.permitted();
}

#[test]
fn parents_whose_children_failed_or_are_gone() {
    let mut scene = Scene::start(Lib::BullMq6);
    scene.worker("flow", json!({}));
    let child = |data: serde_json::Value| json!({"name": "child", "queueName": "flow", "data": data});
    let tree = |id: &str, data: serde_json::Value| {
        json!({"op": "flow", "tree": {"name": "parent", "queueName": "flow", "data": {},
            "opts": {"jobId": id}, "children": [child(data), child(json!({}))]}})
    };
    let made = scene.call(tree("root", json!({"do": "failTimes", "n": 1, "message": "no such account"})));
    let failing = made["children"][0]["id"].as_str().unwrap().to_owned();
    let found = scene.named("flow", "stuck-parents");
    assert_eq!(
        (&found["stuck"], &found["failedChildren"], &found["lostChildren"]),
        (&json!(1), &json!(1), &json!(0))
    );
    assert_eq!((&found["jobs"][0]["id"], &found["jobs"][1]["id"]), (&json!("root"), &json!(failing)));
    assert_eq!(found["jobs"][1]["note"], "failed: no such account");
    scene.call(json!({"op": "retry", "queue": "flow", "job": failing, "state": "failed"}));
    scene.healthy("flow");

    // One that failed and was removed by hand: nobody tells its parent.
    let made = scene.call(tree("other", json!({"do": "fail"})));
    let lost = made["children"][0]["id"].as_str().unwrap().to_owned();
    scene.named("flow", "stuck-parents");
    scene.redis(&format!("DEL bull:flow:{lost}"));
    scene.redis(&format!("ZREM bull:flow:failed {lost}"));
    let gone = scene.until("flow", "a lost child", |found| {
        found.causes.first().is_some_and(|cause| cause.evidence()["lostChildren"] == 1)
    });
    assert_eq!(gone.causes[0].id, "stuck-parents");
    scene.redis("DEL bull:flow:other:dependencies");
    scene.until("flow", "a parent that waits for nobody", |found| {
        found.causes.first().is_some_and(|cause| cause.evidence()["withoutChildren"] == 1)
    });
    scene.call(json!({"op": "remove", "queue": "flow", "job": "other"}));
    scene.healthy("flow");
    scene.permitted();
}

#[test]
fn prioritized_jobs_that_starve_and_jobs_that_nobody_takes_back() {
    let mut scene = Scene::start(Lib::BullMq5);
    let jobs: Vec<_> = (0..600).map(|_| json!({"name": "j", "data": {"do": "sleep", "ms": 40}})).collect();
    scene.call(json!({"op": "addBulk", "queue": "busy", "jobs": jobs}));
    let starved = scene.add_old("busy", 60_000, json!({}), json!({"priority": 1}));
    scene.worker("busy", json!({}));
    let found = scene.named("busy", "starved");
    assert_eq!((&found["prioritized"], &found["job"]), (&json!(1), &json!([starved])));
    assert!(found["oldestWaitMs"].as_i64().unwrap() >= 60_000, "{found}");
    scene.call(json!({"op": "worker", "queue": "busy", "concurrency": 200}));
    scene.healthy("busy");

    // A stalled check that never ends keeps every other one from running.
    let worker = scene.call(json!({"op": "worker", "queue": "lost", "defaults": {"do": "hang"}}));
    let lost = scene.call(json!({"op": "add", "queue": "lost", "data": {}}));
    scene.call(json!({"op": "waitHanging", "handle": worker}));
    scene.call(json!({"op": "workerStop", "handle": worker, "force": true}));
    scene.redis(&format!("DEL bull:lost:{}:lock", lost.as_str().unwrap()));
    scene.redis("SET bull:lost:stalled-check 1");
    scene.worker("lost", json!({"stalledInterval": 500}));
    let found = scene.named("lost", "abandoned");
    assert_eq!((&found["withoutLock"], &found["jobs"][0]["id"]), (&json!(1), &lost));
    assert!(found["stalledCheck"].as_str().unwrap().contains("recovery is off"), "{found}");
    scene.redis("DEL bull:lost:stalled-check");
    scene.healthy("lost");
    scene.permitted();
}

#[test]
fn groups_of_pro_and_writers_that_nothing_tells() {
    let mut scene = Scene::start(Lib::BullMq6);
    scene.worker("pro", json!({}));
    scene.call(json!({"op": "add", "queue": "pro", "data": {}}));
    scene.call(json!({"op": "waitIdle", "queue": "pro"}));
    scene.redis("ZADD bull:pro:groups 1 tenant-7");
    let found = scene.named("pro", "pro-groups");
    assert_eq!(found["evidence"], "it has groups");
    scene.redis("DEL bull:pro:groups");
    scene.healthy("pro");

    // A worker that asked for work once, or a job that ran, would tell.
    let mut silent = scene.server.connect();
    redis::cmd("CLIENT").arg("SETNAME").arg("bull:d2hv").query::<()>(&mut silent).unwrap();
    scene.add_old("who", 30_000, json!({}), json!({}));
    scene.redis("HDEL bull:who:meta version");
    scene.redis("DEL bull:who:marker");
    let found = scene.named("who", "unknown-era");
    assert_eq!(found["ready"], 1);
    drop(silent);
    scene.worker("who", json!({}));
    scene.healthy("who");
    scene.permitted();
}
