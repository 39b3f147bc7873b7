//! What befalls the server while workers work: its scripts are gone, it pauses, it dies.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use toril::engine::JobOptions;

use super::child::{Child, Order};
use super::scene::Scene;
use crate::engine::ours::until;
use crate::support::Server;

const CONCURRENCY: usize = 10;

fn order(lock: u64) -> Order {
    Order { concurrency: CONCURRENCY, lock: Duration::from_millis(lock), ..Order::default() }
}

#[test]
fn scripts_that_are_flushed_away_are_loaded_again() {
    let mut scene = Scene::new();
    let child = Child::ours(&scene.server.socket_url(), &order(5000)).ready();
    let (ended, mut link) = (Arc::new(AtomicBool::new(false)), scene.link());
    let over = ended.clone();
    let flusher = std::thread::spawn(move || {
        let mut flushes = 0;
        while !over.load(Ordering::Relaxed) {
            redis::cmd("SCRIPT").arg("FLUSH").exec(&mut link).unwrap();
            flushes += 1;
            std::thread::sleep(Duration::from_millis(3));
        }
        flushes
    });
    for _ in 0..20 {
        scene.add(25, &json!({ "ms": 5 }));
    }
    until(|| scene.count("completed") == 500);
    ended.store(true, Ordering::Relaxed);
    println!("{} flushes", flusher.join().unwrap());
    let totals = scene.judge(&child.runs());
    assert_eq!((totals.starts, totals.stalls), (500, 0), "no script ran twice or half");
}

/// Shorter than the locks: nothing runs twice. Longer: at most what was in flight.
#[test]
fn a_server_that_pauses_is_waited_for() {
    for (lock, pause, again) in [(10_000, 2500, 0), (500, 1500, CONCURRENCY)] {
        let mut scene = Scene::new();
        let child = Child::ours(&scene.server.socket_url(), &order(lock)).ready();
        scene.add(400, &json!({ "ms": 20 }));
        until(|| scene.count("completed") > 50);
        let began = Instant::now();
        redis::cmd("CLIENT").arg("PAUSE").arg(pause).exec(&mut scene.link()).unwrap();
        until(|| scene.count("completed") == 400);
        assert!(began.elapsed() > Duration::from_millis(pause), "it was paused");
        println!("pause of {pause} ms, locks of {lock} ms: all ended after {:?}", began.elapsed());
        let runs = child.runs();
        let totals = scene.judge(&runs);
        let more: usize = runs.values().map(|times| times - 1).sum();
        assert!(totals.stalls <= again && more <= again, "{pause}: {} stalls, {more} more", totals.stalls);
    }
}

/// With an append-only file that is written before each reply, what was acknowledged is there.
#[test]
fn a_server_that_dies_and_comes_back_lost_nothing() {
    const DEATHS: usize = 3;
    let server = Server::builder().conf("appendonly", "yes").conf("appendfsync", "always").start();
    let mut scene = Scene::on(server);
    let child = Child::ours(&scene.server.socket_url(), &order(1000)).ready();
    let queue = scene.ours.queue("q");
    for _ in 0..DEATHS {
        let end = Instant::now() + Duration::from_millis(700);
        let adding = scene.ours.runtime.spawn({
            let queue = queue.clone();
            async move {
                let mut ids = Vec::new();
                while Instant::now() < end + Duration::from_millis(300) {
                    let data = json!({ "ms": 10 });
                    if let Ok(id) = queue.add("job", &data, JobOptions::default()).await {
                        ids.push(id.lossless().into_owned());
                    }
                    tokio::time::sleep(Duration::from_millis(3)).await;
                }
                ids
            }
        });
        std::thread::sleep(end.saturating_duration_since(Instant::now()));
        scene.server.kill();
        std::thread::sleep(Duration::from_millis(300));
        scene.server.start_again();
        scene.ids.extend(scene.ours.wait(adding).unwrap());
    }
    let rest = || ["wait", "active"].iter().map(|list| scene.count(list)).sum::<usize>();
    until(|| rest() == 0 && scene.count("completed") >= scene.ids.len());
    let runs: BTreeMap<String, usize> = child.runs();
    let known: std::collections::BTreeSet<String> = scene.ids.iter().cloned().collect();
    let dump = crate::support::Dump::of(&scene.server);
    let totals = crate::soak::audit::Audit::of(dump, "q").judge(&known, &runs);
    let more: usize = runs.values().map(|times| times - 1).sum();
    println!(
        "{} jobs, {} acknowledged, {} stalls, {more} runs more",
        totals.jobs,
        known.len(),
        totals.stalls
    );
    assert!(known.len() > 100 && totals.jobs <= known.len() + DEATHS, "one add was on its way at each death");
    assert!(totals.stalls <= DEATHS * CONCURRENCY && more <= DEATHS * CONCURRENCY);
}
