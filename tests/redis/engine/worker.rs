//! What our worker does, seen from the jobs.

use std::time::Duration;

use serde_json::json;
use toril::engine::{AddError, Backoff, JobOptions, Keep, OptionError, WorkError, WorkerOptions};
use toril::wire::JobId;

use super::ours::{Ours, until};
use crate::support::{Content, Dump, Server};

fn quick() -> WorkerOptions {
    WorkerOptions { name: "w".to_owned(), ..WorkerOptions::default() }
}

#[test]
fn ready_jobs_run_before_prioritized_ones_and_delayed_ones_when_due() {
    let server = Server::start();
    let ours = Ours::on(&server);
    let queue = ours.queue("q");
    let add = |name: &str, options: JobOptions| {
        let options = JobOptions { id: Some(name.to_owned()), ..options };
        ours.wait(queue.add(name, &json!({}), options)).unwrap();
    };
    let delay = |ms| JobOptions { delay: Some(Duration::from_millis(ms)), ..JobOptions::default() };
    let priority = |priority| JobOptions { priority, ..JobOptions::default() };
    add("late", delay(500));
    add("soon", delay(300));
    add("low", priority(9));
    add("high", priority(1));
    add("high-2", priority(1));
    add("one", JobOptions::default());
    add("two", JobOptions::default());
    add("jumps", JobOptions { lifo: true, ..JobOptions::default() });
    let running = ours.worker("q", quick());
    until(|| running.ran().len() == 8);
    assert_eq!(running.ran(), ["jumps", "one", "two", "high", "high-2", "low", "soon", "late"]);
    ours.stop(running);
}

#[test]
fn an_idle_worker_starts_a_job_at_once_also_while_another_is_far_off() {
    let server = Server::start();
    let ours = Ours::on(&server);
    let queue = ours.queue("q");
    let far = JobOptions { delay: Some(Duration::from_secs(3600)), ..JobOptions::default() };
    ours.wait(queue.add("far", &json!({}), far)).unwrap();
    let running = ours.worker("q", WorkerOptions { concurrency: 3, ..quick() });
    std::thread::sleep(Duration::from_millis(200));
    for round in 0..5 {
        let began = std::time::Instant::now();
        ours.wait(queue.add("now", &json!({}), JobOptions::default())).unwrap();
        until(|| running.ran().len() == round + 1);
        assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    }
    ours.stop(running);
}

#[test]
fn delayed_jobs_start_when_they_are_due_not_at_the_next_poll() {
    let server = Server::start();
    let ours = Ours::on(&server);
    let running = ours.worker("q", quick());
    std::thread::sleep(Duration::from_millis(100));
    let queue = ours.queue("q");
    let began = std::time::Instant::now();
    let delay = Some(Duration::from_millis(300));
    ours.wait(queue.add("job", &json!({}), JobOptions { delay, ..JobOptions::default() })).unwrap();
    until(|| running.ran().len() == 1);
    assert!((300..2000).contains(&began.elapsed().as_millis()), "{:?}", began.elapsed());
    let wait = Backoff::fixed(Duration::from_millis(200));
    let retried = JobOptions { attempts: 3, backoff: Some(wait), ..JobOptions::default() };
    ours.wait(queue.add("job", &json!({"do": "fail"}), retried)).unwrap();
    until(|| running.ran().len() == 4);
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    ours.stop(running);
}

#[test]
fn a_panic_is_a_failure_and_the_worker_goes_on() {
    let server = Server::start();
    let ours = Ours::on(&server);
    let queue = ours.queue("q");
    ours.wait(queue.add("bad", &json!({"do": "panic", "message": "oh"}), JobOptions::default())).unwrap();
    ours.wait(queue.add("good", &json!({}), JobOptions::default())).unwrap();
    let running = ours.worker("q", quick());
    until(|| Dump::of(&server).len("bull:q:completed") == 1);
    ours.stop(running);
    let reason = Dump::of(&server);
    assert_eq!(reason.field("bull:q:1", "failedReason"), Some("the handler panicked: oh"));
}

#[test]
fn stopping_waits_for_the_running_job_and_takes_no_other() {
    let server = Server::start();
    let ours = Ours::on(&server);
    let queue = ours.queue("q");
    for _ in 0..3 {
        ours.wait(queue.add("job", &json!({"do": "sleep", "ms": 300}), JobOptions::default())).unwrap();
    }
    let running = ours.worker("q", quick());
    until(|| running.ran().len() == 1);
    ours.stop(running);
    let dump = Dump::of(&server);
    assert_eq!([dump.len("bull:q:completed"), dump.len("bull:q:wait"), dump.len("bull:q:active")], [1, 2, 0]);
}

#[test]
fn an_id_without_a_job_is_dropped_and_the_next_one_runs() {
    let server = Server::start();
    let ours = Ours::on(&server);
    ours.wait(ours.queue("q").add("job", &json!({}), JobOptions::default())).unwrap();
    let mut link = server.connect();
    redis::cmd("RPUSH").arg("bull:q:wait").arg("ghost").arg("0:123").exec(&mut link).unwrap();
    let running = ours.worker("q", quick());
    until(|| running.ran().len() == 1);
    ours.stop(running);
    let dump = Dump::of(&server);
    assert_eq!((dump.get("bull:q:ghost"), dump.len("bull:q:active")), (None, 0));
}

#[test]
fn locks_outlive_their_first_term() {
    let server = Server::start();
    let ours = Ours::on(&server);
    let lock = Duration::from_millis(400);
    ours.wait(ours.queue("q").add("job", &json!({"do": "sleep", "ms": 1500}), JobOptions::default()))
        .unwrap();
    let options = WorkerOptions { lock, stalled_interval: lock, ..quick() };
    let running = ours.worker("q", options.clone());
    until(|| running.ran().len() == 1);
    let other = ours.worker("q", options);
    until(|| Dump::of(&server).len("bull:q:completed") == 1);
    assert!(other.ran().is_empty());
    assert_eq!(Dump::of(&server).field("bull:q:1", "stc"), None);
    ours.stop(running);
    ours.stop(other);
}

#[test]
fn what_bullmq_refuses_is_refused_before_anything_is_sent() {
    let server = Server::start();
    let ours = Ours::on(&server);
    let queue = ours.queue("q");
    let options = JobOptions { id: Some("12".to_owned()), ..JobOptions::default() };
    let refused = ours.wait(queue.add("job", &json!({}), options));
    assert_eq!(refused, Err(AddError::Options(OptionError::Integer)));
    let options = JobOptions { id: Some("wait".to_owned()), ..JobOptions::default() };
    let refused = ours.wait(queue.add("job", &json!({}), options));
    assert_eq!(refused, Err(AddError::Options(OptionError::Reserved)), "the key of a list");
    assert!(Dump::of(&server).keys().is_empty());
}

#[test]
fn adds_on_a_paused_queue_go_where_its_ids_are() {
    let cases = [
        // wait, paused, version -> wait, paused
        (1, 0, "bullmq:5.81.5", [2, 0]),
        (0, 1, "bullmq:6.7.0", [0, 2]),
        (0, 0, "bullmq:6.7.0", [1, 0]),
        (0, 0, "bullmq:5.81.5", [0, 1]),
        (0, 0, "", [0, 1]),
        (1, 1, "bullmq:6.7.0", [1, 2]),
    ];
    for (wait, paused, version, after) in cases {
        let server = Server::start();
        let ours = Ours::on(&server);
        let mut link = server.connect();
        let mut meta = redis::cmd("HSET");
        meta.arg("bull:q:meta").arg("paused").arg(1);
        if !version.is_empty() {
            meta.arg("version").arg(version);
        }
        meta.exec(&mut link).unwrap();
        for (list, count) in [("wait", wait), ("paused", paused)] {
            for id in 0..count {
                redis::cmd("LPUSH")
                    .arg(format!("bull:q:{list}"))
                    .arg(format!("{list}{id}"))
                    .exec(&mut link)
                    .unwrap();
            }
        }
        ours.wait(ours.queue("q").add("job", &json!({}), JobOptions::default())).unwrap();
        let dump = Dump::of(&server);
        assert_eq!([dump.len("bull:q:wait"), dump.len("bull:q:paused")], after, "{wait} {paused} {version}");
        assert_eq!(dump.get("bull:q:marker"), None);
    }
}

#[test]
fn many_jobs_are_added_in_order_each_with_its_own_outcome() {
    let server = Server::start();
    let ours = Ours::on(&server);
    let jobs = (0..250).map(|n| (format!("job-{n}"), json!({"n": n}), JobOptions::default()));
    let added = ours.wait(ours.queue("q").add_bulk(jobs)).unwrap();
    assert_eq!(added[249].as_ref().unwrap().id, JobId::new("250"));
    let dump = Dump::of(&server);
    assert_eq!(dump.len("bull:q:wait"), 250);
    assert_eq!(dump.field("bull:q:250", "name"), Some("job-249"));
    assert!(dump.field("bull:q:meta", "library").is_some_and(|library| library.starts_with("toril:")));
    assert_eq!(dump.field("bull:q:meta", "version"), None);
}

#[test]
fn a_lock_of_another_worker_is_respected() {
    let server = Server::start();
    let ours = Ours::on(&server);
    ours.wait(ours.queue("q").add("job", &json!({}), JobOptions::default())).unwrap();
    let manual = ours.manual("q", quick());
    let job = ours.wait(manual.fetch(None)).unwrap().unwrap();
    let mut link = server.connect();
    redis::cmd("SET").arg("bull:q:1:lock").arg("another").exec(&mut link).unwrap();
    assert_eq!(ours.wait(manual.complete(&job, &(), None)), Err(WorkError::LockLost));
    let dump = Dump::of(&server);
    assert_eq!(dump.get("bull:q:1:lock"), Some(&Content::String("another".to_owned())));
    assert_eq!(dump.len("bull:q:active"), 1);
}

#[test]
fn a_policy_set_late_removes_a_thousand_jobs_a_finish() {
    let server = Server::start();
    let ours = Ours::on(&server);
    let mut link = server.connect();
    let mut many = redis::cmd("ZADD");
    many.arg("bull:q:completed");
    for n in 0..1500 {
        many.arg(n).arg(format!("old-{n}"));
    }
    many.exec(&mut link).unwrap();
    let policy = JobOptions { remove_on_complete: Some(Keep::Count(10)), ..JobOptions::default() };
    let manual = ours.manual("q", quick());
    for left in [501, 10] {
        ours.wait(ours.queue("q").add("job", &json!({}), policy.clone())).unwrap();
        let job = ours.wait(manual.fetch(None)).unwrap().unwrap();
        ours.wait(manual.complete(&job, &(), None)).unwrap();
        assert_eq!(Dump::of(&server).len("bull:q:completed"), left);
    }
}
