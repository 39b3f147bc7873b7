//! Healthy queues have no cause: under load, momentarily empty, with jobs on their way from one state to the
//! next, with a short backlog of long jobs.

use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::json;
use toril::insight::why::{APART_MS, Motion, diagnose};
use toril::monitor::why::Sight;

use super::scene::{Scene, queue};
use crate::support::{Lib, Node};

/// A round trip of a bystander that long says that the machine, and so Redis, is held up indeed.
const HELD_UP: Duration = Duration::from_millis(60);

/// The queues, looked at one after the other so often, as the console looks at one.
fn no_cause(scene: &Scene, names: &[&str], rounds: usize) {
    let mut before: Vec<Sight> = names.iter().map(|name| scene.look(name, None)).collect();
    let (mut moved, mut finished) = (vec![false; names.len()], 0.0);
    for _ in 0..rounds {
        sleep(Duration::from_millis(APART_MS));
        for ((name, before), moved) in names.iter().zip(&mut before).zip(&mut moved) {
            let began = Instant::now();
            scene.redis("PING");
            let now = scene.look(name, Some(before));
            let mut found = diagnose(&queue(name), Some(before), &now);
            // On a machine that is held up, that is the cause.
            if began.elapsed() > HELD_UP {
                let machine = ["slow-command", "latency", "redis-busy"];
                found.causes.retain(|cause| !machine.contains(&cause.id));
            }
            assert!(found.causes.is_empty(), "{name}: {found:#?}\n{before:#?}\n{now:#?}");
            *moved |= found.motion == Motion::Moves;
            finished += found.out_per_s.unwrap_or_default() * APART_MS as f64 / 1000.0;
            *before = now;
        }
    }
    assert!(moved.iter().all(|moved| *moved), "a queue that rests tells nothing: {names:?} {moved:?}");
    // An idle second of all of them would still be a few dozen.
    assert!(finished >= (rounds * names.len()) as f64 / 2.0, "there is no load: {finished} jobs finished");
}

#[test]
fn ten_queues_under_load_have_none() {
    let mut scene = Scene::start(Lib::BullMq6);
    let mut five = Node::start(Lib::BullMq5, &scene.server);
    let mut four = Node::start(Lib::BullMq4, &scene.server);
    let live = |kind: &str, name: &str| json!({"op": "live", "queue": name, "kind": kind});
    for kind in ["busy", "delayed", "retries", "flows", "schedulers", "prioritized"] {
        scene.call(live(kind, &format!("six-{kind}")));
    }
    for kind in ["busy", "delayed", "retries", "flows", "schedulers", "removed"] {
        five.call(live(kind, &format!("five-{kind}")));
    }
    four.call(live("busy", "four-busy"));
    let names = [
        "six-busy",
        "six-delayed",
        "six-retries",
        "six-flows",
        "six-schedulers",
        "six-prioritized",
        "five-busy",
        "five-delayed",
        "five-retries",
        "five-flows",
        "five-schedulers",
        "five-removed",
        "four-busy",
    ];
    no_cause(&scene, &names, 7);
    scene.permitted();
}

#[test]
fn a_short_backlog_of_long_jobs_and_a_worker_between_two_calls_have_none() {
    let mut scene = Scene::start(Lib::BullMq6);
    // One place, jobs of a second: they wait for one another, and that is all.
    scene.worker("long", json!({}));
    for _ in 0..8 {
        scene.call(json!({"op": "add", "queue": "long", "data": {"do": "sleep", "ms": 1000}}));
    }
    // A worker that looks again each second, and jobs about as often.
    let seldom = json!({"op": "live", "queue": "seldom", "kind": "removed", "pauseMs": 900,
        "opts": {"drainDelay": 1, "concurrency": 1}});
    scene.call(seldom);
    no_cause(&scene, &["long", "seldom"], 5);
    // Nothing to do is no cause; nor is a job for later that a scheduler has, or one that is due soon.
    scene.call(json!({"op": "upsertScheduler", "queue": "idle", "scheduler": "s",
        "repeat": {"every": 86_400_000}, "template": {"name": "tick"}}));
    scene.worker("idle", json!({}));
    scene.call(json!({"op": "waitIdle", "queue": "idle"}));
    scene.call(json!({"op": "add", "queue": "idle", "data": {}, "opts": {"delay": 30_000}}));
    let found = scene.healthy("idle");
    assert_eq!(found.motion, Motion::Idle, "{found:#?}");
    scene.permitted();
}
