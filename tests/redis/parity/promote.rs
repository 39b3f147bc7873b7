//! Promote beside `job.promote()`.

use rstest::rstest;
use serde_json::{Value, json};
use toril::engine::op::{Code, JobOp};
use toril::wire::State;

use super::Pair;
use crate::support::Lib;

/// Both promote; the key spaces are the same; the job runs.
fn same(pair: &mut Pair, queue: &str, id: &str, what: &str) {
    pair.copy();
    pair.theirs.call(json!({"op": "promote", "queue": queue, "job": id}));
    assert_eq!(pair.ours(queue, JobOp::Promote, id), Ok(Code::Done), "{what}");
    pair.assert_same(what);
    assert!(pair.run(queue).contains(&id.to_owned()), "{:?}, {what}: not run", pair.lib);
}

fn delayed(pair: &mut Pair, queue: &str, mut opts: Value) -> String {
    opts["delay"] = 600_000.into();
    pair.add(queue, opts)
}

#[rstest]
#[case(Lib::Bull4)]
#[case(Lib::BullMq4)]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn promote_leaves_the_keys_of_the_library(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    for paused in [false, true] {
        for (what, opts) in [
            ("plain", json!({})),
            ("priority", json!({"priority": 3})),
            ("lifo", json!({"lifo": true})),
            ("attempts", json!({"attempts": 3, "backoff": 100})),
            ("custom id", json!({"jobId": "order-7"})),
        ] {
            for others in 0..3 {
                let queue = pair.fresh();
                if others > 0 {
                    pair.add(&queue, json!({}));
                    pair.add(&queue, json!({"priority": 3}));
                    pair.add(&queue, json!({"priority": 9}));
                }
                let id = delayed(&mut pair, &queue, opts.clone());
                if others > 1 {
                    pair.add(&queue, json!({}));
                    delayed(&mut pair, &queue, json!({}));
                }
                if paused {
                    pair.queue_call("pause", &queue);
                }
                same(&mut pair, &queue, &id, &format!("{what}, paused {paused}, {others}"));
            }
        }
    }
}

#[rstest]
#[case(Lib::Bull4)]
#[case(Lib::BullMq4)]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn promote_refuses_without_a_change(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    let queue = pair.fresh();
    let id = pair.add(&queue, json!({}));
    pair.copy();
    assert!(pair.theirs.try_call(json!({"op": "promote", "queue": queue, "job": id})).is_err());
    assert_eq!(pair.ours(&queue, JobOp::Promote, &id), Ok(Code::NotIn(State::Delayed)));
    assert_eq!(pair.ours(&queue, JobOp::Promote, "none"), Ok(Code::Gone));
    for reserved in ["meta", "wait", "events", "0", "0:7", ""] {
        assert_eq!(pair.ours(&queue, JobOp::Promote, reserved), Ok(Code::Reserved));
    }
    pair.assert_same("refused");
}
