//! Many ends in one call, and calls whose answer is lost.

use std::time::Duration;

use serde_json::json;
use toril::engine::{JobOptions, WorkerEvent, WorkerOptions};

use super::ours::{Ours, until};
use super::worker_steer::Steered;
use crate::support::{Dump, Server};

fn add(ours: &Ours, jobs: usize, data: &serde_json::Value, options: &JobOptions) {
    let rows = (0..jobs).map(|_| ("job".to_owned(), data.clone(), options.clone()));
    assert!(ours.wait(ours.queue("q").add_bulk(rows)).unwrap().iter().all(Result::is_ok));
}

/// Ends of every kind in the same calls: each job has its own.
#[test]
fn ends_of_every_kind_go_together() {
    let server = Server::start();
    let ours = Ours::on(&server);
    let twice = JobOptions { attempts: 2, ..JobOptions::default() };
    add(&ours, 100, &json!({"return": "done"}), &JobOptions::default());
    add(&ours, 100, &json!({"do": "fail"}), &JobOptions::default());
    add(&ours, 100, &json!({"do": "failTimes", "n": 1, "return": "done"}), &twice);
    add(&ours, 100, &json!({"do": "delay", "ms": 5, "return": "done"}), &JobOptions::default());
    add(&ours, 100, &json!({"do": "wait", "return": "done"}), &JobOptions::default());
    let running = ours.worker("q", WorkerOptions { concurrency: 60, metrics: 5, ..WorkerOptions::default() });
    until(|| {
        let dump = Dump::of(&server);
        dump.len("bull:q:completed") + dump.len("bull:q:failed") == 500
    });
    ours.stop(running);
    let dump = Dump::of(&server);
    assert_eq!((dump.len("bull:q:completed"), dump.len("bull:q:failed")), (400, 100));
    assert_eq!(dump.field("bull:q:metrics:completed", "count"), Some("400"));
    assert_eq!(dump.field("bull:q:metrics:failed", "count"), Some("100"));
    for id in 1..=500 {
        let of = |field| dump.field(&format!("bull:q:{id}"), field);
        let (made, started) = match (id - 1) / 100 {
            0 | 1 => ("1", "1"),
            2 => ("2", "2"),
            _ => ("1", "2"),
        };
        assert_eq!((of("atm"), of("ats")), (Some(made), Some(started)), "job {id}");
        assert!(of("finishedOn").is_some());
    }
    let rest = ["wait", "active", "delayed", "stalled"].map(|state| dump.len(&format!("bull:q:{state}")));
    assert_eq!(rest, [0; 4]);
    assert!(!dump.keys().iter().any(|key| key.ends_with(":lock")));
    // Each job's own events are in order, whatever came between.
    let told = dump.events("bull:q:events", "event");
    assert_eq!(told.iter().filter(|event| **event == "completed").count(), 400);
}

/// A key of a wrong type costs its own job the end, and the others nothing.
#[test]
fn a_job_that_cannot_be_ended_costs_the_others_nothing() {
    let server = Server::start();
    let ours = Ours::on(&server);
    add(&ours, 20, &json!({"do": "sleep", "ms": 100}), &JobOptions::default());
    let mut link = server.connect();
    redis::cmd("HSET").arg("bull:p:7").arg("name").arg("parent").exec(&mut link).unwrap();
    redis::cmd("SET").arg("bull:p:7:dependencies").arg("no set").exec(&mut link).unwrap();
    redis::cmd("HSET")
        .arg("bull:q:5")
        .arg("parentKey")
        .arg("bull:p:7")
        .arg("parent")
        .arg(r#"{"id":"7","queueKey":"bull:p"}"#)
        .exec(&mut link)
        .unwrap();
    let steered = Steered::start(&ours, WorkerOptions { concurrency: 20, ..WorkerOptions::default() });
    until(|| Dump::of(&server).len("bull:q:completed") == 19);
    steered.until(|event| matches!(event, WorkerEvent::Error { id: Some(id), .. } if id.lossless() == "5"));
    let dump = Dump::of(&server);
    assert_eq!(dump.members("bull:q:active"), ["5"], "for the stalled check to find");
    assert_eq!(dump.field("bull:q:5", "finishedOn"), None);
    steered.stop(&ours);
}

/// The answer of a call that ended one job and took the next is lost: the one is ended once, the other
/// is run by this worker, without a stall.
#[test]
fn what_a_lost_answer_took_is_found_again() {
    let server = Server::start();
    let ours = Ours::on(&server);
    add(&ours, 3, &json!({"do": "sleep", "ms": 300}), &JobOptions::default());
    let running = ours.worker("q", WorkerOptions { concurrency: 2, ..WorkerOptions::default() });
    until(|| running.ran().len() == 2);
    server.stop();
    // Longer than a script's deadline.
    std::thread::sleep(Duration::from_secs(7));
    server.cont();
    until(|| Dump::of(&server).len("bull:q:completed") == 3);
    ours.stop(running);
    let dump = Dump::of(&server);
    for id in 1..=3 {
        let key = format!("bull:q:{id}");
        let of = |field| dump.field(&key, field);
        assert_eq!((of("atm"), of("ats"), of("stc")), (Some("1"), Some("1"), None), "job {id}");
    }
    let told = dump.events("bull:q:events", "event");
    assert_eq!(told.iter().filter(|event| **event == "completed").count(), 3);
}
