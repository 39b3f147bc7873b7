//! No worker, workers that cannot see the jobs, all busy, and those that do not ask.

use serde_json::json;

use toril::monitor::why::Sight;

use super::scene::Scene;
use crate::support::{Lib, Node};

#[test]
fn a_missing_worker_and_one_that_does_not_ask() {
    let mut scene = Scene::start(Lib::BullMq6);
    for _ in 0..3 {
        scene.call(json!({"op": "add", "queue": "q", "data": {}}));
    }
    // A client whose line is no text hides nobody.
    let mut odd = scene.server.connect();
    let rights = [&b"SETUSER"[..], b"\xff\xfe", b"on", b">secret", b"+@all"];
    redis::cmd("ACL").arg(&rights).exec(&mut odd).unwrap();
    redis::cmd("AUTH").arg(&b"\xff\xfe"[..]).arg("secret").exec(&mut odd).unwrap();
    let found = scene.named("q", "no-worker");
    assert_eq!((&found["workers"], &found["ready"]), (&json!(0), &json!(3)));
    let worker = scene.worker("q", json!({}));
    scene.healthy("q");
    let Sight::Queue(look) = scene.look("q", None) else { panic!("the server is well") };
    assert_eq!(look.clients.workers().map(<[_]>::len), Some(1));
    drop(odd);
    scene.call(json!({"op": "workerStop", "handle": worker}));

    // Paused in its own process, it is connected and does not ask.
    let worker = scene.resting("q");
    scene.add_old("q", 20_000, json!({}), json!({}));
    let found = scene.named("q", "deaf-workers");
    assert_eq!(
        (&found["workers"], &found["idleWorkers"], &found["ready"]),
        (&json!(1), &json!(0), &json!(1))
    );
    assert!(found["oldestWaitMs"].as_i64().unwrap() >= 20_000, "{found}");
    scene.call(json!({"op": "workerResume", "handle": worker}));
    scene.healthy("q");
    scene.permitted();
}

#[test]
fn workers_that_are_all_busy_and_the_jobs_that_hold_them() {
    let mut scene = Scene::start(Lib::BullMq5);
    let worker = scene.call(json!({"op": "worker", "queue": "q", "concurrency": 2, "name": "pay-1"}));
    for _ in 0..5 {
        scene.call(json!({"op": "add", "queue": "q", "data": {}}));
    }
    scene.call(json!({"op": "waitIdle", "queue": "q"}));
    let hang = json!({"op": "add", "queue": "q", "name": "charge", "data": {"do": "hang"}});
    let held = [scene.call(hang.clone()), scene.call(hang)];
    scene.call(json!({"op": "waitHanging", "handle": worker, "n": 2}));
    scene.call(json!({"op": "add", "queue": "q", "data": {}}));
    let found = scene.named("q", "workers-busy");
    assert_eq!((&found["workers"], &found["active"], &found["ready"]), (&json!(1), &json!(2), &json!(1)));
    let jobs = found["jobs"].as_array().unwrap();
    assert_eq!(jobs.len(), 2, "{found}");
    for (job, id) in jobs.iter().zip(&held) {
        assert_eq!((&job["id"], &job["name"], &job["worker"]), (id, &json!("charge"), &json!("pay-1")));
        assert!(job["activeMs"].as_i64().unwrap() >= 5_000 && job["lockTtl"].as_i64().unwrap() > 0, "{job}");
    }
    scene.call(json!({"op": "release", "handle": worker}));
    scene.healthy("q");
    scene.permitted();
}

#[test]
fn workers_of_bull_do_not_see_prioritized_jobs() {
    let mut scene = Scene::start(Lib::BullMq6);
    let mut old = Node::start(Lib::Bull4, &scene.server);
    old.call(json!({"op": "worker", "queue": "q"}));
    scene.add_old("q", 15_000, json!({}), json!({"priority": 3}));
    let found = scene.named("q", "blind-workers");
    assert_eq!((&found["workers"], &found["prioritized"]), (&json!(1), &json!(1)));
    assert_eq!(found["version"], "bullmq:6.7.0");
    scene.worker("q", json!({}));
    scene.healthy("q");
    scene.permitted();
}
