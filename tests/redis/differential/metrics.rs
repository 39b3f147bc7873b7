//! Metrics that workers keep, minute by minute.

use rstest::rstest;
use serde_json::{Value, json};
use toril::engine::{JobError, WorkerOptions};

use super::pair::{Pair, plain};
use crate::support::{Dump, Lib, Node};

/// Ends a job on both sides at `now`, as completed or as failed.
fn end(pair: &mut Pair, handle: &Value, manual: &toril::engine::ManualWorker, now: i64, completed: bool) {
    pair.add("job", &json!({}), &json!({}), plain());
    pair.node.call(json!({"op": "fixedNow", "ms": now}));
    let id = pair.node.call(json!({"op": "take", "handle": handle, "queue": "q"}))["id"].clone();
    let job = pair.ours.wait(manual.fetch(Some(now))).unwrap().unwrap();
    let end = if completed { "complete" } else { "fail" };
    pair.node.call(json!({"op": end, "handle": handle, "queue": "q", "job": id, "message": "boom"}));
    if completed {
        pair.ours.wait(manual.complete(&job, &(), Some(now))).unwrap();
    } else {
        pair.ours.wait(manual.fail(&job, &JobError::new("boom"), Some(now))).unwrap();
    }
}

/// Minutes with one job and with several, minutes in which nothing ended, more of those than points are kept,
/// the last millisecond of a minute, and a clock that goes back.
#[rstest]
#[case(Lib::BullMq5, 4)]
#[case(Lib::BullMq6, 4)]
#[case(Lib::BullMq6, 1)]
#[case(Lib::BullMq6, 1000)]
fn case_67_metrics_count_the_same_minutes(#[case] lib: Lib, #[case] points: u32) {
    let mut pair = Pair::new(lib);
    let metrics = json!({"metrics": {"maxDataPoints": points}});
    let handle = pair.node.call(json!({"op": "worker", "queue": "q", "manual": true, "opts": metrics}));
    let manual = pair.ours.manual("q", WorkerOptions { metrics: points, ..WorkerOptions::default() });
    let start = pair.node.call(json!({"op": "fixedNow"})).as_i64().unwrap();
    // The beginning of a minute, so that the offsets mean the same in every run.
    let start = start - start % 60_000 + 60_000;
    let minute = 60_000;
    let offsets = [
        0,
        10_000,
        59_999,
        minute,
        minute + 1,
        3 * minute - 1,
        3 * minute,
        4 * minute,
        4 * minute + 30_000,
        8 * minute,
        12 * minute + 1,
        17 * minute,
        16 * minute,
        17 * minute + 5,
        40 * minute,
        41 * minute,
        41 * minute,
    ];
    for (n, offset) in offsets.into_iter().enumerate() {
        end(&mut pair, &handle, &manual, start + offset, n % 3 != 2);
        pair.compare();
    }
    // What Node reads of ours is what it reads of its own.
    let mut reader = Node::start(lib, &pair.servers[1]);
    for kind in ["completed", "failed"] {
        let ask = |node: &mut Node| node.call(json!({"op": "metrics", "queue": "q", "type": kind}));
        assert_eq!(ask(&mut pair.node), ask(&mut reader), "{kind}");
        let kept = Dump::of(&pair.servers[1]).len(&format!("bull:q:metrics:{kind}:data"));
        assert!(kept > 0 && kept <= points as usize, "{kept}");
    }
    let node = pair.node.call(json!({"op": "metrics", "queue": "q"}));
    assert_eq!(node["meta"]["count"], 12);
}

/// Without the option nothing is counted, and what another worker counts stays.
#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn case_67_a_worker_without_metrics_counts_nothing(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    let handle = pair.node.call(json!({"op": "worker", "queue": "q", "manual": true}));
    let manual = pair.ours.manual("q", WorkerOptions::default());
    let start = pair.node.call(json!({"op": "fixedNow"})).as_i64().unwrap();
    end(&mut pair, &handle, &manual, start, true);
    pair.compare();
    assert!(Dump::of(&pair.servers[1]).keys().iter().all(|key| !key.contains("metrics")));
}
