//! Paused by its flag, by its list, by both; and jobs in two lists.

use serde_json::json;
use toril::engine::op::{QueueOp, Target, run_queue};
use toril::insight::why::Diagnosis;
use toril::wire::WriteEra;

use super::scene::{Scene, queue};
use crate::support::{Lib, Node, writer};

#[test]
fn a_pause_is_named_with_the_way_it_was_made() {
    let mut scene = Scene::start(Lib::BullMq6);
    let mut five = Node::start(Lib::BullMq5, &scene.server);
    scene.worker("flag", json!({}));
    scene.call(json!({"op": "pause", "queue": "flag"}));
    for _ in 0..3 {
        scene.call(json!({"op": "add", "queue": "flag", "data": {}}));
    }
    let found = scene.named("flag", "paused");
    assert!(found["how"].as_str().unwrap().starts_with("by its flag; the jobs stay"), "{found}");
    assert_eq!((&found["waiting"], &found["paused"]), (&json!(3), &json!(0)));

    five.call(json!({"op": "worker", "queue": "list"}));
    five.call(json!({"op": "pause", "queue": "list"}));
    for _ in 0..2 {
        five.call(json!({"op": "add", "queue": "list", "data": {}}));
    }
    let found = scene.named("list", "paused");
    assert!(found["how"].as_str().unwrap().contains("moved to `paused`"), "{found}");
    assert_eq!((&found["waiting"], &found["paused"]), (&json!(0), &json!(2)));
    // BullMQ 6 adds to the other list meanwhile.
    scene.call(json!({"op": "add", "queue": "list", "data": {}}));
    let found = scene.named("list", "paused");
    assert!(found["how"].as_str().unwrap().contains("two writers"), "{found}");
    let both = scene.until("list", "split too", |found| found.causes.iter().any(|one| one.id == "split"));
    assert_eq!(both.causes[1].id, "split");

    // The flag is gone, the list is not: what a foreign resume may leave.
    scene.redis("HDEL bull:list:meta paused");
    scene.redis("ZADD bull:list:marker 0 0");
    // What is in the other list runs.
    let split = |found: &Diagnosis| {
        let first = found.causes.first().filter(|cause| cause.id == "split");
        first.is_some_and(|cause| cause.evidence()["waiting"] == 0 && cause.evidence()["paused"] == 2)
    };
    scene.until("list", "split, and nothing in wait", split);
    scene.named("list", "split");

    let mut bull = Node::start(Lib::Bull4, &scene.server);
    bull.call(json!({"op": "worker", "queue": "bull"}));
    bull.call(json!({"op": "pause", "queue": "bull"}));
    bull.call(json!({"op": "add", "queue": "bull", "data": {}}));
    let found = scene.named("bull", "paused");
    assert_eq!((&found["flag"], &found["paused"]), (&json!("meta-paused (Bull)"), &json!(1)));
    bull.call(json!({"op": "resume", "queue": "bull"}));
    scene.healthy("bull");

    scene.call(json!({"op": "resume", "queue": "flag"}));
    scene.healthy("flag");
    let target = Target { queue: queue("list"), era: WriteEra::V5 };
    scene.runtime.block_on(async {
        run_queue(&writer(&scene.server).await, &target, QueueOp::Merge).await.unwrap();
    });
    scene.healthy("list");
    scene.permitted();
}
