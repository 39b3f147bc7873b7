//! Global concurrency, and rate limits of each kind.

use serde_json::json;

use super::scene::Scene;
use crate::support::Lib;

#[test]
fn a_global_concurrency_that_is_reached_by_jobs_that_run_or_by_abandoned_ones() {
    let mut scene = Scene::start(Lib::BullMq6);
    let worker = scene.call(json!({"op": "worker", "queue": "live", "concurrency": 5}));
    scene.call(json!({"op": "setGlobalConcurrency", "queue": "live", "concurrency": 1}));
    let held = scene.call(json!({"op": "add", "queue": "live", "data": {"do": "hang"}}));
    scene.call(json!({"op": "waitHanging", "handle": worker}));
    scene.add_old("live", 10_000, json!({}), json!({}));
    scene.add_old("live", 10_000, json!({}), json!({}));
    let found = scene.named("live", "concurrency");
    let figures = ["concurrency", "active", "withoutLock", "ready"].map(|key| found[key].as_u64());
    assert_eq!(figures, [Some(1), Some(1), Some(0), Some(2)], "{found}");
    assert_eq!(found["jobs"][0]["id"], held);
    scene.call(json!({"op": "release", "handle": worker}));
    scene.healthy("live");

    // The worker of the only place dies: its lock runs out, the place stays taken.
    scene.call(json!({"op": "setGlobalConcurrency", "queue": "dead", "concurrency": 1}));
    let dies = json!({"op": "worker", "queue": "dead", "defaults": {"do": "hang"}});
    let worker = scene.call(dies);
    let lost = scene.call(json!({"op": "add", "queue": "dead", "data": {}}));
    scene.call(json!({"op": "waitHanging", "handle": worker}));
    scene.call(json!({"op": "workerStop", "handle": worker, "force": true}));
    scene.worker("dead", json!({"skipStalledCheck": true}));
    scene.redis(&format!("DEL bull:dead:{}:lock", lost.as_str().unwrap()));
    scene.call(json!({"op": "add", "queue": "dead", "data": {}}));
    let found = scene.named("dead", "concurrency");
    let figures = ["concurrency", "active", "withoutLock", "ready"].map(|key| found[key].as_u64());
    assert_eq!(figures, [Some(1), Some(1), Some(1), Some(1)], "{found}");
    assert_eq!(found["jobs"][0]["id"], lost);
    assert!(found["jobs"][0].get("lockTtl").is_none(), "{found}");
    scene.redis("DEL bull:dead:stalled-check");
    scene.worker("dead", json!({"stalledInterval": 500}));
    scene.healthy("dead");
    scene.permitted();
}

#[test]
fn a_rate_limit_of_the_queue_of_its_workers_or_by_hand() {
    let mut scene = Scene::start(Lib::BullMq6);
    let soon = json!({"maximumRateLimitDelay": 500});
    // Of the queue.
    scene.call(json!({"op": "setGlobalRateLimit", "queue": "q", "max": 1, "duration": 90_000}));
    scene.worker("q", soon);
    scene.call(json!({"op": "add", "queue": "q", "data": {}}));
    scene.call(json!({"op": "waitIdle", "queue": "q"}));
    scene.add_old("q", 8_000, json!({}), json!({}));
    scene.add_old("q", 8_000, json!({}), json!({}));
    let found = scene.named("q", "rate-limit");
    assert_eq!(
        (&found["max"], &found["durationMs"], &found["ready"]),
        (&json!(1), &json!(90_000), &json!(2))
    );
    let left = found["leftMs"].as_i64().unwrap();
    assert!(left > 0 && left <= 90_000, "{found}");
    scene.call(json!({"op": "removeGlobalRateLimit", "queue": "q"}));
    scene.call(json!({"op": "removeRateLimitKey", "queue": "q"}));
    scene.healthy("q");

    // Of its workers: it stands nowhere.
    scene.worker("own", json!({"limiter": {"max": 1, "duration": 90_000}, "maximumRateLimitDelay": 500}));
    scene.call(json!({"op": "add", "queue": "own", "data": {}}));
    scene.call(json!({"op": "waitIdle", "queue": "own"}));
    scene.add_old("own", 8_000, json!({}), json!({}));
    let found = scene.named("own", "rate-limit");
    assert!(found["manual"].as_str().unwrap().starts_with("in the workers"), "{found}");
    assert_eq!((&found["startedInWindow"], found.get("max")), (&json!(1), None));
    scene.call(json!({"op": "removeRateLimitKey", "queue": "own"}));
    scene.healthy("own");

    // By hand; workers without a limiter of their own do not heed it.
    let limits = json!({"limiter": {"max": 100, "duration": 1000}, "maximumRateLimitDelay": 500});
    scene.worker("hand", limits);
    scene.call(json!({"op": "rateLimit", "queue": "hand", "ms": 90_000}));
    scene.add_old("hand", 1_000, json!({}), json!({}));
    let found = scene.named("hand", "rate-limit");
    assert!(found["manual"].as_str().unwrap().starts_with("by hand"), "{found}");
    scene.call(json!({"op": "removeRateLimitKey", "queue": "hand"}));
    scene.healthy("hand");
    scene.permitted();
}
