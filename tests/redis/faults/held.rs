//! A worker that is held still for longer than its lock lasts, and then goes on.

use std::time::Duration;

use rustix::process::Signal;
use serde_json::json;
use toril::engine::WorkerOptions;

use super::child::{Child, Order};
use super::scene::Scene;
use crate::engine::ours::until;
use crate::support::Dump;

/// Its job ended elsewhere meanwhile; what it says of it late changes nothing.
#[test]
fn the_late_end_of_a_job_that_another_worker_ended_changes_nothing() {
    let mut scene = Scene::new();
    let order = Order::default();
    let child = Child::ours(&scene.server.socket_url(), &order).ready();
    let id = scene.add(1, &json!({ "ms": 300, "return": "theirs" })).remove(0);
    until(|| child.began().contains(&id));
    child.signal(Signal::STOP);
    let other = scene.ours.worker("q", WorkerOptions { name: "other".to_owned(), ..order.options() });
    until(|| scene.count("completed") == 1);
    scene.ours.stop(other);
    std::thread::sleep(Duration::from_millis(200));
    let before = Dump::of(&scene.server);
    child.signal(Signal::CONT);
    until(|| !child.facts("E ").is_empty());
    std::thread::sleep(Duration::from_millis(700));
    let after = Dump::of(&scene.server);
    for key in [format!("bull:q:{id}"), "bull:q:completed".to_owned(), "bull:q:events".to_owned()] {
        assert_eq!(before.get(&key), after.get(&key), "{key}");
    }
    assert_eq!(child.facts("L "), [format!("lock of {id}")], "it learned of its loss, once");
    assert!(child.facts("C ").is_empty());
    // It goes on as a worker.
    let next = scene.add(1, &json!({})).remove(0);
    until(|| child.began().contains(&next));
    until(|| scene.count("completed") == 2);
}

/// Another worker still runs the job: the late end must not take its lock.
#[test]
fn the_late_end_of_a_job_that_another_worker_runs_changes_nothing() {
    let mut scene = Scene::new();
    let order = Order::default();
    let child = Child::ours(&scene.server.socket_url(), &order).ready();
    let id = scene.add(1, &json!({ "ms": 300 })).remove(0);
    until(|| child.began().contains(&id));
    child.signal(Signal::STOP);
    let owner = || -> Option<String> {
        redis::cmd("GET").arg(format!("bull:q:{id}:lock")).query(&mut scene.link()).unwrap()
    };
    let first = owner();
    let mut other =
        Child::ours(&scene.server.socket_url(), &Order { name: "other".to_owned(), ..order }).ready();
    until(|| other.began().contains(&id));
    // Both are held; the other one has the lock.
    other.signal(Signal::STOP);
    let second = owner();
    assert!(second.is_some() && second != first);
    child.signal(Signal::CONT);
    until(|| !child.facts("E ").is_empty());
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!((scene.count("completed"), scene.count("active")), (0, 1));
    assert_eq!(child.facts("L "), [format!("lock of {id}")]);
    other.signal(Signal::CONT);
    until(|| scene.count("completed") == 1);
    other.kill();
    let mut runs = child.runs();
    for (id, times) in other.runs() {
        *runs.entry(id).or_default() += times;
    }
    std::thread::sleep(Duration::from_millis(300));
    let totals = scene.judge(&runs);
    assert_eq!(runs[&id], totals.stalls + 1);
}
