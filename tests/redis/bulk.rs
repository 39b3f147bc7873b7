//! Bulk acts that are broken off, and two of them at once while workers are at the queue: every job is
//! counted once and is in one place.

use std::collections::BTreeSet;

use redis::Connection;
use rstest::rstest;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use toril::operate::journal::{Confirmed, Who};
use toril::operate::{Bulk, BulkPlan, Consent, End, Operator, Pace, Policy, Progress, Report};
use toril::wire::State;

use crate::parity::pair::target;
use crate::support::{Lib, Node, Server, writer};

/// What waits or failed by then is acted on, ms.
const UNTIL: i64 = 2_000_000;

/// `count` jobs of BullMQ 6 in `state`, numbered from `first`.
fn seed(link: &mut Connection, state: State, first: usize, count: usize) {
    redis::cmd("HSET")
        .arg("bull:q:meta")
        .arg(&[("opts.maxLenEvents", "100"), ("version", "bullmq:6.7.0")])
        .exec(link)
        .unwrap();
    let ids: Vec<usize> = (first..first + count).collect();
    for some in ids.chunks(5000) {
        let mut pipe = redis::pipe();
        pipe.cmd("INCRBY").arg("bull:q:id").arg(some.len()).ignore();
        for id in some {
            let fields =
                [("name", "n"), ("data", "{}"), ("opts", "{}"), ("timestamp", "1000"), ("priority", "0")];
            pipe.cmd("HSET").arg(format!("bull:q:{id}")).arg(&fields).ignore();
            if state.is_list() {
                pipe.cmd("LPUSH").arg(format!("bull:q:{}", state.suffix())).arg(id).ignore();
            } else {
                pipe.cmd("HSET").arg(format!("bull:q:{id}")).arg("failedReason").arg("boom").ignore();
                pipe.cmd("ZADD").arg(format!("bull:q:{}", state.suffix())).arg(1000 + id).arg(id).ignore();
            }
        }
        pipe.exec(link).unwrap();
    }
}

/// The ids in a state, in order.
fn ids_in(link: &mut Connection, state: State) -> Vec<String> {
    let key = format!("bull:q:{}", state.suffix());
    let range = if state.is_list() { "LRANGE" } else { "ZRANGE" };
    redis::cmd(range).arg(key).arg(0).arg(-1).query(link).unwrap()
}

/// The jobs that have a hash; and nothing else hangs around.
fn hashes(link: &mut Connection) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for key in redis::cmd("KEYS").arg("bull:q:*").query::<Vec<String>>(link).unwrap() {
        let name = key.strip_prefix("bull:q:").unwrap();
        if name.starts_with(|first: char| first.is_ascii_digit()) {
            assert!(name.parse::<u64>().is_ok(), "{key} hangs around");
            found.insert(name.to_owned());
        }
    }
    found
}

/// Every id of every state has a hash and every hash stands in one state, once. Returns how many.
#[track_caller]
fn assert_sound(link: &mut Connection) -> usize {
    let mut listed = BTreeSet::new();
    for state in State::ALL {
        for id in ids_in(link, state) {
            assert!(listed.insert(id.clone()), "{id} stands in two places, one of them {}", state.name());
        }
    }
    let hashes = hashes(link);
    let (ghosts, orphans): (Vec<_>, Vec<_>) =
        (listed.difference(&hashes).collect(), hashes.difference(&listed).collect());
    assert!(ghosts.is_empty() && orphans.is_empty(), "ghosts {ghosts:?}, orphans {orphans:?}");
    listed.len()
}

async fn operator(server: &Server, folder: &TempDir) -> Operator {
    let conn = writer(server).await;
    Operator::new(conn, Who::default(), None, Policy::default(), Some(folder.path()))
}

fn plan(bulk: Bulk) -> BulkPlan {
    BulkPlan { target: target(Lib::BullMq6, "q"), bulk, until: UNTIL, pace: Pace::default(), only: None }
}

async fn act(operator: &Operator, bulk: Bulk, cancel: &CancellationToken) -> Report {
    let (progress, mut seen) = watch::channel(Progress::default());
    let consent = Consent::new(Confirmed::Typed, "toril").matched(1);
    let stop = cancel.clone();
    let plan = plan(bulk);
    // Cancelled from outside: what the act is doing then, it finishes.
    let watcher = tokio::spawn(async move {
        while seen.changed().await.is_ok() {
            if seen.borrow().done >= stop_at() * 2 / 5 {
                stop.cancel();
                return;
            }
        }
    });
    let report = operator.bulk(&plan, &consent, &progress, cancel).await;
    drop(progress);
    watcher.await.unwrap();
    report
}

/// How many jobs are acted on where an act is cancelled.
fn stop_at() -> u64 {
    if std::env::var("TORIL_TEST_WHOLE").is_ok_and(|value| value == "1") { 200_000 } else { 20_000 }
}

#[rstest]
#[case(Bulk::Drain { delayed: false }, State::Waiting)]
#[case(Bulk::Clean { state: State::Failed, limit: None }, State::Failed)]
#[case(Bulk::Retry { from: State::Failed, reset_attempts: false }, State::Failed)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cancelled_at_two_fifths_every_job_is_in_one_place(#[case] bulk: Bulk, #[case] state: State) {
    let server = Server::start();
    let folder = tempfile::tempdir().unwrap();
    let mut link = server.connect();
    let count = stop_at();
    seed(&mut link, state, 1, usize::try_from(count).unwrap());
    let operator = operator(&server, &folder).await;
    let report = act(&operator, bulk, &CancellationToken::new()).await;
    assert_eq!(report.end, End::Cancelled, "{report:?}");
    let done = report.progress.done;
    assert!((count * 2 / 5..count).contains(&done), "{:?}", report.progress);
    assert_eq!((report.progress.changed, report.progress.failed), (0, 0));

    let left = ids_in(&mut link, state).len() as u64;
    assert_eq!(left, count - done);
    let there = assert_sound(&mut link) as u64;
    if matches!(bulk, Bulk::Retry { .. }) {
        assert_eq!((there, ids_in(&mut link, State::Waiting).len() as u64), (count, done));
    } else {
        assert_eq!(there, left);
        // All that went, and no more, comes back.
        assert!(report.undoable);
        let consent = Consent::new(Confirmed::Yes, "toril undo");
        let (progress, never) = (watch::Sender::new(Progress::default()), CancellationToken::new());
        let (_, _, undone) = operator.undo(report.journal, &consent, &progress, &never).await.unwrap();
        assert_eq!((undone.progress.done, undone.failures.len()), (done, 0));
        assert_eq!((assert_sound(&mut link) as u64, ids_in(&mut link, state).len() as u64), (count, count));
    }
}

/// Who ran what, once each.
fn ran(node: &mut Node, handle: &Value) -> BTreeSet<String> {
    let ran = node.call(json!({"op": "workerRan", "handle": handle}));
    let ids: Vec<String> =
        ran.as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect();
    let once: BTreeSet<String> = ids.iter().cloned().collect();
    assert_eq!(once.len(), ids.len(), "a job ran twice");
    once
}

#[rstest]
#[case(Bulk::Drain { delayed: false }, State::Waiting)]
#[case(Bulk::Clean { state: State::Failed, limit: None }, State::Failed)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_at_once_beside_workers_remove_each_job_once(#[case] bulk: Bulk, #[case] state: State) {
    const JOBS: usize = 5000;
    /// Jobs for the workers, beside those that are acted on where these do not wait.
    const WORK: usize = 500;
    let server = Server::start();
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let mut link = server.connect();
    seed(&mut link, state, 1, JOBS);
    let mut all = JOBS;
    if state != State::Waiting {
        seed(&mut link, State::Waiting, JOBS + 1, WORK);
        all += WORK;
    }
    let mut node = Node::start(Lib::BullMq6, &server);
    let first = operator(&server, &folders[0]).await;
    let second = operator(&server, &folders[1]).await;
    let workers: Vec<Value> = (0..2)
        .map(|_| node.call(json!({"op": "worker", "queue": "q", "opts": {"concurrency": 5}})))
        .collect();
    let never = CancellationToken::new();
    let (consent, plan) = (Consent::new(Confirmed::Typed, "toril"), plan(bulk));
    let progress = [watch::Sender::new(Progress::default()), watch::Sender::new(Progress::default())];
    let (one, other) = tokio::join!(
        first.bulk(&plan, &consent, &progress[0], &never),
        second.bulk(&plan, &consent, &progress[1], &never),
    );
    node.call(json!({"op": "waitIdle", "queue": "q"}));
    let mut finished = BTreeSet::new();
    for handle in &workers {
        for id in ran(&mut node, handle) {
            assert!(finished.insert(id.clone()), "two workers ran {id}");
        }
        node.call(json!({"op": "workerStop", "handle": handle}));
    }
    for report in [&one, &other] {
        assert_eq!((&report.end, report.progress.failed), (&End::Finished, 0), "{report:?}");
        assert!(report.progress.handled() > 0, "they did not meet: {one:?} {other:?}");
    }
    let removed = usize::try_from(one.progress.done + other.progress.done).unwrap();
    assert_eq!(removed + finished.len(), all, "{:?} {:?}", one.progress, other.progress);
    assert!(!finished.is_empty());
    assert_eq!(assert_sound(&mut link), finished.len());
    let completed: BTreeSet<String> = ids_in(&mut link, State::Completed).into_iter().collect();
    assert_eq!(completed, finished);
    if state != State::Waiting {
        assert_eq!((removed, finished.len()), (JOBS, WORK));
    }
}
