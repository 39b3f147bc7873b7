//! Commands that arrived and whose replies were lost: the connection ended in between.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rstest::rstest;
use serde_json::json;
use toril::conn::{Access, Conn, Endpoint, Options};
use toril::engine::{AddError, Added, JobOptions, Queue, WorkerOptions};

use super::child::Order;
use super::proxy::Fate;
use super::scene::Scene;
use crate::engine::ours::{queue_id, until};

/// The end of a job is in Redis, the worker does not know, and lives.
#[test]
fn a_job_whose_end_was_not_heard_ends_once() {
    let mut scene = Scene::new();
    let child = scene.child(&Order::default());
    let ids = scene.add(3, &json!({ "ms": 50 }));
    let (first, mut cut) = (ids[0].clone(), false);
    scene.proxy.rule(move |command| {
        let fate = if command.tells(&first) && !cut { Fate::Cut } else { Fate::Pass };
        cut |= fate == Fate::Cut;
        fate
    });
    let began = Instant::now();
    until(|| scene.count("completed") == scene.ids.len());
    println!("all ended {:?} after the connection was cut", began.elapsed());
    let runs = child.runs();
    assert!(ids.iter().all(|id| runs[id] == 1), "{runs:?}");
    // What was taken together with the lost reply is at most one job.
    assert!(scene.judge(&runs).stalls <= 1);
}

/// The connection ends again and again, each time behind a script that arrived.
#[test]
fn a_backlog_is_worked_off_over_a_connection_that_keeps_breaking() {
    const CONCURRENCY: usize = 10;
    const CUTS: usize = 4;
    let mut scene = Scene::new();
    // What a lost reply brought stalls, and may do so again.
    let order = Order { concurrency: CONCURRENCY, max_stalled: 100, ..Order::default() };
    let child = scene.child(&order);
    scene.add(300, &json!({ "ms": 20 }));
    let (cuts, counted) = (Arc::new(AtomicUsize::new(0)), scene.ids.clone());
    let (told, mut ends) = (cuts.clone(), 0);
    scene.proxy.rule(move |command| {
        ends += command.names(&counted);
        // Each time the link breaks soon after it was made, the next attempt comes later.
        if ends < 60 || !command.is_script() || told.load(Ordering::Relaxed) == CUTS {
            return Fate::Pass;
        }
        ends = 0;
        told.fetch_add(1, Ordering::Relaxed);
        Fate::Cut
    });
    until(|| scene.count("completed") == scene.ids.len());
    assert_eq!(cuts.load(Ordering::Relaxed), CUTS);
    let runs = child.runs();
    let totals = scene.judge(&runs);
    let again: usize = runs.values().map(|times| times - 1).sum();
    println!("{CUTS} cuts, {} stalls, {again} runs more than jobs", totals.stalls);
    assert!(totals.stalls <= CUTS * CONCURRENCY && again <= CUTS * CONCURRENCY);
}

/// An add without an answer is unknown to who added; every one with an answer is there.
#[test]
fn an_add_that_was_not_heard_is_told_and_not_sent_again() {
    let scene = Scene::new();
    let mut scripts = 0;
    scene.proxy.rule(move |command| {
        scripts += u64::from(command.is_script());
        if command.is_script() && scripts % 7 == 0 { Fate::Cut } else { Fate::Pass }
    });
    let options = Options { access: Access::ReadWrite, ..Options::default() };
    let (known, unknown) = scene.ours.wait(async {
        let conn = Conn::open(Endpoint::unix(scene.proxy.socket()), options).await.unwrap();
        let queue = Queue::new(conn, queue_id("q"));
        let (mut known, mut unknown) = (Vec::new(), 0);
        while known.len() < 40 {
            match queue.add("job", &json!({}), JobOptions::default()).await {
                Ok(id) => known.push(id.lossless().into_owned()),
                Err(AddError::Conn(error)) => {
                    unknown += usize::from(error.kind == toril::conn::Kind::UnknownOutcome);
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                Err(error) => panic!("{error}"),
            }
        }
        (known, unknown)
    });
    let waiting: Vec<String> =
        redis::cmd("LRANGE").arg("bull:q:wait").arg(0).arg(-1).query(&mut scene.link()).unwrap();
    assert!(known.iter().all(|id| waiting.contains(id)));
    assert!(unknown >= 3 && waiting.len() == known.len() + unknown, "{} of {unknown}", waiting.len());
    let running = scene.ours.worker("q", WorkerOptions::default());
    until(|| scene.count("completed") == waiting.len());
    let mut runs = BTreeMap::new();
    for id in running.ran() {
        *runs.entry(id).or_insert(0) += 1;
    }
    scene.ours.stop(running);
    assert!(runs.values().all(|times| *times == 1));
}

/// A bulk whose link breaks at the third of five steps: each job's result says what is known of it.
#[rstest]
#[case::it_arrived(Fate::Cut)]
#[case::half_of_it_arrived(Fate::Half)]
fn a_bulk_that_breaks_midway_tells_what_is_known(#[case] fate: Fate) {
    const JOBS: usize = 50;
    let scene = Scene::new();
    // Now the server knows the script: each step is one command.
    let first = JobOptions { id: Some("first".to_owned()), ..JobOptions::default() };
    scene.ours.wait(scene.ours.queue("q").add("job", &json!({}), first)).unwrap();
    let (mut scripts, arrived) = (0, Arc::new(AtomicUsize::new(0)));
    let heard = arrived.clone();
    scene.proxy.rule(move |command| {
        if !command.tells("job-") {
            return Fate::Pass;
        }
        scripts += 1;
        heard.store(scripts, Ordering::Relaxed);
        if scripts == 3 { fate } else { Fate::Pass }
    });
    let jobs = || {
        (0..JOBS).map(|n| {
            let id = Some(format!("job-{n:02}"));
            ("job".to_owned(), json!({}), JobOptions { id, ..JobOptions::default() })
        })
    };
    let options = Options { access: Access::ReadWrite, ..Options::default() };
    let conn = scene.ours.wait(Conn::open(Endpoint::unix(scene.proxy.socket()), options)).unwrap();
    let queue = Queue::new(conn, queue_id("q")).with_chunk(10);
    let told = scene.ours.wait(queue.add_bulk(jobs())).unwrap();
    assert_eq!(told.len(), JOBS);
    for (n, result) in told.iter().enumerate() {
        let right = match n / 10 {
            0 | 1 => result.as_ref().is_ok_and(Added::is_new),
            2 => result.as_ref().is_err_and(AddError::is_unknown),
            _ => *result == Err(AddError::NotSent),
        };
        assert!(right, "{n}: {result:?}");
    }
    // The step was sent once, and those behind it never.
    assert_eq!(arrived.load(Ordering::Relaxed), 3);
    let there = if fate == Fate::Cut { 30 } else { 20 };
    assert_eq!(scene.count("wait"), there + 1);

    // What is not known can be added again, because the ids are the producer's own.
    let again = jobs().enumerate().filter(|(n, _)| told[*n].is_err()).map(|(_, job)| job);
    let told = scene.ours.wait(scene.ours.queue("q").add_bulk(again)).unwrap();
    let told: Vec<_> = told.into_iter().map(Result::unwrap).collect();
    let existed = told.iter().filter(|added| !added.is_new()).count();
    assert_eq!((told.len(), existed, scene.count("wait")), (30, there - 20, JOBS + 1));
}
