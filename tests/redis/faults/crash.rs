//! `kill -9` at each point at which a worker can be.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::json;

use super::child::Order;
use super::proxy::Fate;
use super::scene::Scene;
use crate::engine::ours::until;

fn order(concurrency: usize) -> Order {
    Order { concurrency, ..Order::default() }
}

/// It asked for a job; the server gave it one and it never learned of it.
#[test]
fn before_the_reply_of_a_fetch() {
    let mut scene = Scene::new();
    let mut child = scene.child(&order(1));
    std::thread::sleep(Duration::from_millis(100));
    scene.proxy.rule(|command| if command.is_script() { Fate::Hold } else { Fate::Pass });
    let id = scene.add(1, &json!({})).remove(0);
    until(|| scene.locked(&id));
    child.kill();
    assert!(!child.began().contains(&id));
    let (totals, runs) = scene.survive(&[&child]);
    assert_eq!((totals.stalls, runs[&id]), (1, 1), "started twice, run once");
}

#[test]
fn while_a_job_runs() {
    let mut scene = Scene::new();
    let mut child = scene.child(&order(3));
    let ids = scene.add(3, &json!({ "ms": 60_000 }));
    until(|| ids.iter().all(|id| child.began().contains(id)));
    child.kill();
    let (totals, runs) = scene.survive(&[&child]);
    assert_eq!(totals.stalls, 3);
    assert!(ids.iter().all(|id| runs[id] == 2));
}

/// The end of the job is in Redis, and so is the start of the next one.
#[test]
fn between_the_end_of_a_job_and_its_reply() {
    let mut scene = Scene::new();
    let mut child = scene.child(&order(1));
    let ids = scene.add(2, &json!({ "ms": 100 }));
    let first = ids[0].clone();
    scene.proxy.rule(move |command| if command.tells(&first) { Fate::Hold } else { Fate::Pass });
    until(|| scene.locked(&ids[1]));
    child.kill();
    let (totals, runs) = scene.survive(&[&child]);
    // The second one was taken and never seen.
    assert_eq!((totals.stalls, runs[&ids[0]], runs[&ids[1]]), (1, 1, 1));
}

/// A command of which only the beginning arrived is none.
#[test]
fn in_the_middle_of_sending_the_end_of_a_job() {
    let mut scene = Scene::new();
    let mut child = scene.child(&order(1));
    let ids = scene.add(2, &json!({ "ms": 100 }));
    let first = ids[0].clone();
    scene.proxy.rule(move |command| if command.tells(&first) { Fate::Half } else { Fate::Pass });
    until(|| child.facts("E ").contains(&ids[0]));
    std::thread::sleep(Duration::from_millis(100));
    child.kill();
    assert!(scene.locked(&ids[0]));
    let (totals, runs) = scene.survive(&[&child]);
    assert_eq!((totals.stalls, runs[&ids[0]], runs[&ids[1]]), (1, 2, 1));
}

#[test]
fn while_it_renews_its_locks() {
    let mut scene = Scene::new();
    let mut child = scene.child(&order(2));
    let ids = scene.add(2, &json!({ "ms": 60_000 }));
    until(|| ids.iter().all(|id| child.began().contains(id)));
    let (heard, hold) = (Arc::new(AtomicBool::new(false)), ids.clone());
    let seen = heard.clone();
    scene.proxy.rule(move |command| {
        let renewal = command.names(&hold) > 0;
        seen.fetch_or(renewal, Ordering::Relaxed);
        if renewal { Fate::Hold } else { Fate::Pass }
    });
    until(|| heard.load(Ordering::Relaxed));
    child.kill();
    assert!(ids.iter().all(|id| scene.locked(id)));
    let (totals, runs) = scene.survive(&[&child]);
    assert_eq!(totals.stalls, 2);
    assert!(ids.iter().all(|id| runs[id] == 2));
}

/// Many jobs end together: each one's end is in Redis or it is not, and the others' do not matter.
#[test]
fn in_the_middle_of_a_batch() {
    for fate in [Fate::Hold, Fate::Half] {
        let mut scene = Scene::new();
        let mut child = scene.child(&order(10));
        let ids = scene.add(30, &json!({ "ms": 150 }));
        let named = ids.clone();
        // Some ends pass; from the fifth on nothing comes back, or nothing whole arrives.
        let mut ends = 0;
        scene.proxy.rule(move |command| {
            ends += command.names(&named);
            if ends >= 5 && command.is_script() { fate } else { Fate::Pass }
        });
        until(|| ids.iter().filter(|id| child.facts("E ").contains(id)).count() >= 10);
        std::thread::sleep(Duration::from_millis(150));
        child.kill();
        let ended: Vec<String> =
            redis::cmd("ZRANGE").arg("bull:q:completed").arg(0).arg(-1).query(&mut scene.link()).unwrap();
        let (totals, runs) = scene.survive(&[&child]);
        assert!(totals.stalls <= 10, "{fate:?}: no more than were in flight: {}", totals.stalls);
        assert!(ids.iter().all(|id| runs[id] <= 2), "{fate:?}: {runs:?}");
        let twice: Vec<&String> = ids.iter().filter(|id| runs[*id] == 2).collect();
        assert!(twice.len() <= 10 && twice.iter().all(|id| !ended.contains(id)), "{fate:?}: {twice:?}");
    }
}
