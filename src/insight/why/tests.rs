//! Verdicts on looks that are made up; the real ones are in `tests/redis/why`.

use std::time::Instant;

use super::*;
use crate::engine::read::Overview;
use crate::engine::read::workers::Connection;
use crate::monitor::why::{Clients, Keys, Look, Running, Sampled, Samples, Server};
use crate::wire::era::{Evidence, Waits};
use crate::wire::{Era, JobId, Prefix, QueueName, State};

const NOW: i64 = 1_800_000_000_000;

fn id() -> QueueId {
    QueueId::new(Prefix::default(), QueueName::legacy("mail"))
}

/// A queue of `BullMQ` 5 with so many idle workers and others, on which nothing waits.
fn look(at: i64, idle: usize, others: usize) -> Look {
    let worker = |asks| Connection {
        id: 7,
        name: None,
        address: Clean::line("10.0.0.1:5000"),
        waits: Some(Waits::BzPopMin),
        asks,
        age_s: 60,
        idle_s: 0,
    };
    let workers = std::iter::repeat_n(worker(true), idle).chain(std::iter::repeat_n(worker(false), others));
    let clients = Clients::Known { workers: workers.collect(), listed: Instant::now(), bytes: 100 };
    let evidence = Evidence { id: true, events: true, marker: true, ..Evidence::default() };
    let overview = Overview { evidence: Some(evidence), last_id: Some(10), ..Overview::default() };
    Look {
        queue: id(),
        at,
        counts: overview.counts(Era::V5),
        overview,
        era: Era::V5,
        era_note: Vec::new(),
        keys: Keys { stalled_check_ms: 20_000, limiter_ms: -2, ..Keys::default() },
        samples: Samples::default(),
        clients,
        server: Server::default(),
        not_known: Vec::new(),
    }
}

/// The same with jobs that wait, the next one, `next`, since `at`.
fn waiting(mut look: Look, count: u64, next: &str, at: i64) -> Look {
    look.overview.wait = count;
    look.overview.next = Some(JobId::new(next));
    look.samples.waiting.push(Sampled {
        state: State::Waiting,
        id: JobId::new(next),
        exists: true,
        timestamp: Some(at),
        ready_at: Some(at),
        due_at: None,
        scheduled: false,
    });
    look.counts = look.overview.counts(look.era);
    look
}

fn running(mut look: Look, job: &str, since: i64) -> Look {
    look.overview.active += 1;
    look.samples.running.push(Running {
        id: JobId::new(job),
        name: None,
        worker: None,
        started_at: Some(since),
        lock_ms: Some(20_000),
    });
    look.counts = look.overview.counts(look.era);
    look
}

fn judged(before: Look, now: Look) -> Diagnosis {
    let (before, now) = (Sight::Queue(Box::new(before)), Sight::Queue(Box::new(now)));
    diagnose(&id(), Some(&before), &now)
}

fn causes(found: &Diagnosis) -> Vec<&'static str> {
    found.causes.iter().map(|cause| cause.id).collect()
}

#[test]
fn one_look_alone_accuses_nobody() {
    let stuck = waiting(look(NOW, 0, 0), 5, "7", NOW - 3_600_000);
    let found = diagnose(&id(), None, &Sight::Queue(Box::new(stuck.clone())));
    assert_eq!(causes(&found), [""; 0]);
    assert_eq!((found.in_per_s, found.motion), (None, Motion::Stands));
    // Nor does a look of long ago, or one at another queue.
    let mut long_ago = waiting(look(NOW - 60_000, 0, 0), 5, "7", NOW - 3_600_000);
    assert_eq!(causes(&judged(long_ago.clone(), stuck.clone())), [""; 0]);
    long_ago.at = NOW - 1_500;
    long_ago.queue.name = QueueName::legacy("other");
    assert_eq!(causes(&judged(long_ago, stuck)), [""; 0]);
}

#[test]
fn a_job_that_has_just_come_or_is_on_its_way_is_no_fault() {
    let at = NOW - 1_500;
    // A job that came between the looks; a worker that connects between them.
    assert_eq!(causes(&judged(look(at, 0, 0), waiting(look(NOW, 0, 0), 1, "7", NOW - 100))), [""; 0]);
    let none = waiting(look(at, 0, 0), 1, "7", at - 100);
    assert_eq!(causes(&judged(none, waiting(look(NOW, 1, 0), 1, "7", at - 100))), [""; 0]);
    // Both looks find a job, but each another one.
    let other = waiting(look(at, 1, 0), 1, "7", at - 60_000);
    assert_eq!(causes(&judged(other, waiting(look(NOW, 1, 0), 1, "8", NOW - 60_000))), [""; 0]);
    // The only place runs a job of some seconds, and others wait.
    let busy = |now| running(waiting(look(now, 0, 1), 3, "7", at - 4_000), "6", at - 3_000);
    let found = judged(busy(at), busy(NOW));
    assert_eq!((causes(&found), found.motion), (vec![], Motion::Moves));
    // Jobs of a second, one after the other, and a backlog of an hour that drains.
    let drains =
        |now, wait, job: &str| running(waiting(look(now, 0, 1), wait, "8", at - 90_000), job, now - 300);
    assert_eq!(causes(&judged(drains(at, 40, "5"), drains(NOW, 38, "6"))), [""; 0]);
}

#[test]
fn jobs_that_hold_their_worker_are_told_sooner_where_others_were_quick() {
    let at = NOW - 1_500;
    let held = |now, since: i64| running(waiting(look(now, 0, 1), 3, "7", since), "6", NOW - since);
    assert_eq!(causes(&judged(held(at, 8_000), held(NOW, 8_000))), [""; 0]);
    assert_eq!(causes(&judged(held(at, 25_000), held(NOW, 25_000))), ["workers-busy"]);
    let quick = |now, since| {
        let mut look = held(now, since);
        look.samples.took_ms = vec![20, 30, 40];
        look
    };
    assert_eq!(causes(&judged(quick(at, 8_000), quick(NOW, 8_000))), ["workers-busy"]);
    let slow = |now, since| {
        let mut look = held(now, since);
        look.samples.took_ms = vec![20_000, 30_000, 40_000];
        look
    };
    assert_eq!(causes(&judged(slow(at, 25_000), slow(NOW, 25_000))), [""; 0]);
}

#[test]
fn what_stops_all_is_told_before_what_holds_some() {
    let at = NOW - 1_500;
    let both = |now| {
        let mut look = waiting(look(now, 0, 0), 5, "7", at - 60_000);
        look.samples.waiting[0].exists = false;
        look.overview.meta.paused = true;
        look
    };
    let found = judged(both(at), both(NOW));
    assert_eq!(causes(&found), ["paused", "no-worker", "ghosts"]);
    assert_eq!((found.motion, found.sentence().as_str()), (Motion::Stands, "it does not move"));
    assert_eq!(
        found.causes[0].advice_for("mail").as_str(),
        "resume it, if whoever paused it agrees: toril resume mail"
    );
}

#[test]
fn rates_are_what_changed_between_the_looks() {
    let mut before = waiting(look(NOW - 2_000, 0, 2), 10, "7", NOW - 3_000);
    before.overview.last_id = Some(100);
    let mut now = waiting(look(NOW, 0, 2), 4, "8", NOW - 3_000);
    now.overview.last_id = Some(104);
    let found = judged(before, now);
    assert_eq!((found.in_per_s, found.out_per_s), (Some(2.0), Some(5.0)));
    assert_eq!(found.pace, Pace::Drains(4.0 / 3.0));
    assert_eq!(found.sentence().as_str(), "it moves: in 2.0/s, out 5.0/s, drained in 1.3s");
}

#[test]
fn jobs_that_leave_nothing_behind_move_all_the_same() {
    let at = |now, last_id| {
        let mut look = look(now, 1, 0);
        look.overview.last_id = Some(last_id);
        look
    };
    let found = judged(at(NOW - 2_000, 10), at(NOW, 14));
    assert_eq!((found.motion, found.out_per_s), (Motion::Moves, Some(2.0)));
    assert_eq!(judged(at(NOW - 2_000, 14), at(NOW, 14)).motion, Motion::Idle);
}
