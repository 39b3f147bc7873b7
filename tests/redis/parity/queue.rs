//! Pause and resume beside the library's own, on queues that one library has to itself.

use rstest::rstest;
use serde_json::json;
use toril::engine::op::QueueOp;
use toril::wire::Fleet;

use super::Pair;
use crate::support::Lib;

/// The fleet that makes ours pause as the library does.
fn fleet(lib: Lib) -> Fleet {
    if lib == Lib::BullMq6 { Fleet::V6 } else { Fleet::Mixed }
}

/// Fills a queue in one of several ways.
fn fill(pair: &mut Pair, queue: &str, how: &str) {
    match how {
        "empty" => {}
        "waiting" => {
            pair.add(queue, json!({}));
            pair.add(queue, json!({"lifo": true}));
        }
        "prioritized" => {
            pair.add(queue, json!({"priority": 3}));
        }
        "delayed" => {
            pair.add(queue, json!({"delay": 600_000}));
        }
        "all" => {
            pair.failed(queue, json!({}));
            pair.add(queue, json!({"delay": 600_000}));
            pair.add(queue, json!({}));
            pair.add(queue, json!({"priority": 3}));
        }
        other => panic!("{other}"),
    }
}

#[rstest]
#[case(Lib::Bull4)]
#[case(Lib::BullMq4)]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn pause_and_resume_leave_the_keys_of_the_library(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    for how in ["empty", "waiting", "prioritized", "delayed", "all"] {
        let queue = pair.fresh();
        fill(&mut pair, &queue, how);
        if how == "empty" && lib == Lib::Bull4 {
            pair.add(&queue, json!({}));
            pair.finish(&queue, None);
        }
        pair.copy();
        let pause = QueueOp::Pause { fleet: fleet(lib) };
        for round in 0..2 {
            pair.queue_call("pause", &queue);
            pair.ours_on_queue(&queue, pause).unwrap();
            pair.assert_same(&format!("{how}, pause {round}"));
            if round == 1 {
                pair.add(&queue, json!({}));
                pair.copy();
            }
        }
        for round in 0..2 {
            pair.queue_call("resume", &queue);
            pair.ours_on_queue(&queue, QueueOp::Resume).unwrap();
            pair.assert_same(&format!("{how}, resume {round}"));
        }
        let ran = pair.run(&queue).len();
        let expected = match how {
            "waiting" | "all" => 3,
            "prioritized" => 2,
            _ => 1,
        };
        assert_eq!(ran, expected, "{lib:?}, {how}");
    }
}

#[test]
fn bull_hears_the_same_messages() {
    let mut pair = Pair::new(Lib::Bull4);
    let queue = pair.fresh();
    let failed = pair.failed(&queue, json!({}));
    let delayed = pair.add(&queue, json!({"delay": 600_000}));
    pair.copy();
    let q = queue.as_str();
    let theirs = pair.published(true, |pair| {
        pair.queue_call("pause", q);
        pair.theirs.call(json!({"op": "retry", "queue": q, "job": failed, "state": "failed"}));
        pair.theirs.call(json!({"op": "promote", "queue": q, "job": delayed}));
        pair.queue_call("resume", q);
    });
    let ours = pair.published(false, |pair| {
        use toril::engine::op::JobOp;
        pair.ours_on_queue(q, QueueOp::Pause { fleet: Fleet::Mixed }).unwrap();
        let from = toril::wire::State::Failed;
        pair.ours(q, JobOp::Retry { from, reset_attempts: false }, &failed).unwrap();
        pair.ours(q, JobOp::Promote, &delayed).unwrap();
        pair.ours_on_queue(q, QueueOp::Resume).unwrap();
    });
    // Who published stands behind the `@`; without it a listener would not be told.
    let token = |heard: &[(String, String)]| {
        heard[1].0.strip_prefix(&format!("bull:{queue}:waiting@")).unwrap().to_owned()
    };
    assert_eq!(token(&ours), "toril");
    let theirs: Vec<_> = theirs
        .iter()
        .map(|(channel, text)| (channel.replace(&token(&theirs), "toril"), text.clone()))
        .collect();
    assert_eq!(theirs, ours);
}
