//! Retry beside `job.retry()`.

use rstest::rstest;
use serde_json::{Value, json};
use toril::engine::op::{Code, JobOp};
use toril::wire::State;

use super::Pair;
use crate::support::Lib;

const RETRY: JobOp = JobOp::Retry { from: State::Failed, reset_attempts: false };

/// Both retry; the key spaces are the same; the job runs.
fn same(pair: &mut Pair, queue: &str, id: &str, from: State, opts: Value, what: &str) {
    pair.copy();
    let reset_attempts = opts["resetAttemptsMade"] == true;
    pair.theirs.call(json!({"op": "retry", "queue": queue, "job": id, "state": from.name(), "opts": opts}));
    let op = JobOp::Retry { from, reset_attempts };
    assert_eq!(pair.ours(queue, op, id), Ok(Code::Done), "{what}");
    pair.assert_same(what);
    assert!(pair.run(queue).contains(&id.to_owned()), "{:?}, {what}: not run", pair.lib);
}

#[rstest]
#[case(Lib::Bull4)]
#[case(Lib::BullMq4)]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn retry_of_a_failed_job_leaves_the_keys_of_the_library(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    for paused in [false, true] {
        for (what, opts) in [
            ("plain", json!({})),
            ("lifo", json!({"lifo": true})),
            ("attempts", json!({"attempts": 1, "backoff": 100, "removeOnComplete": true})),
            ("custom id", json!({"jobId": "order-7"})),
        ] {
            for others in 0..4 {
                let queue = pair.fresh();
                let id = pair.failed(&queue, opts.clone());
                if others == 1 || others == 2 {
                    pair.add(&queue, json!({}));
                    pair.add(&queue, json!({"priority": 3}));
                }
                if others == 2 || others == 3 {
                    pair.add(&queue, json!({"delay": 600_000}));
                }
                if paused {
                    pair.queue_call("pause", &queue);
                }
                let what = format!("{what}, paused {paused}, {others}");
                same(&mut pair, &queue, &id, State::Failed, json!({}), &what);
            }
        }
    }
}

#[rstest]
#[case(Lib::Bull4)]
#[case(Lib::BullMq4)]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn retry_refuses_without_a_change(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    let queue = pair.fresh();
    let id = pair.add(&queue, json!({}));
    pair.copy();
    assert_eq!(pair.ours(&queue, RETRY, &id), Ok(Code::NotIn(State::Failed)));
    assert_eq!(pair.ours(&queue, RETRY, "none"), Ok(Code::Gone));
    let waiting = JobOp::Retry { from: State::Waiting, reset_attempts: false };
    assert_eq!(pair.ours(&queue, waiting, &id), Ok(Code::NotIn(State::Waiting)));
    for reserved in ["meta", "wait", "events", "0", "0:7", ""] {
        assert_eq!(pair.ours(&queue, RETRY, reserved), Ok(Code::Reserved));
    }
    pair.assert_same("refused");
}
