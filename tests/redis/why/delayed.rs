//! Everything delayed, clocks that are wrong, and due jobs that nobody promotes.

use serde_json::json;

use super::scene::Scene;
use crate::support::{Lib, Node};

#[test]
fn everything_is_delayed_or_added_by_a_clock_that_is_ahead() {
    let mut scene = Scene::start(Lib::BullMq6);
    let mut ahead = Node::start(Lib::BullMq5, &scene.server);
    scene.worker("later", json!({}));
    for delay in [3_600_000, 7_200_000] {
        scene.call(json!({"op": "add", "queue": "later", "data": {}, "opts": {"delay": delay}}));
    }
    let found = scene.named("later", "delayed");
    assert_eq!((&found["delayed"], &found["nextJob"]), (&json!(2), &json!(["1"])));
    let away = found["nextDueAt"].as_i64().unwrap() - scene.now();
    assert!((3_400_000..=3_600_000).contains(&away), "{found}");

    scene.worker("ahead", json!({}));
    let now = scene.now() + 600_000;
    ahead.call(json!({"op": "fixedNow", "ms": now}));
    ahead.call(json!({"op": "add", "queue": "ahead", "data": {}, "opts": {"delay": 1000}}));
    let found = scene.named("ahead", "clock");
    assert!((400_000..=600_000).contains(&found["aheadMs"].as_i64().unwrap()), "{found}");
    for queue in ["later", "ahead"] {
        scene.call(json!({"op": "promoteJobs", "queue": queue}));
        scene.healthy(queue);
    }
    scene.permitted();
}

#[test]
fn due_jobs_that_a_worker_does_not_promote() {
    let mut scene = Scene::start(Lib::BullMq6);
    let mut behind = Node::start(Lib::BullMq5, &scene.server);
    let now = scene.now() - 3_600_000;
    behind.call(json!({"op": "fixedNow", "ms": now}));
    behind.call(json!({"op": "worker", "queue": "behind"}));
    scene.add_old("behind", 40_000, json!({}), json!({"delay": 15_000}));
    let found = scene.named("behind", "clock");
    assert!((3_500_000..=4_000_000).contains(&found["behindMs"].as_i64().unwrap()), "{found}");
    assert_eq!(found["overdue"], 1);
    behind.call(json!({"op": "fixedNow"}));
    scene.call(json!({"op": "add", "queue": "behind", "data": {}}));
    scene.healthy("behind");

    // A worker that is paused in its own process promotes nothing, either.
    let worker = scene.resting("late");
    scene.add_old("late", 40_000, json!({}), json!({"delay": 15_000}));
    let found = scene.named("late", "overdue");
    assert_eq!((&found["overdue"], &found["workers"]), (&json!(1), &json!(1)));
    scene.call(json!({"op": "workerResume", "handle": worker}));
    scene.healthy("late");
    scene.permitted();
}
