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

#[rstest]
#[case(Lib::BullMq4)]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn retry_of_a_completed_job_leaves_the_keys_of_the_library(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    for opts in [json!({}), json!({"lifo": true}), json!({"deduplication": {"id": "one"}})] {
        let queue = pair.fresh();
        let id = pair.add(&queue, opts.clone());
        pair.finish(&queue, None);
        same(&mut pair, &queue, &id, State::Completed, json!({}), &opts.to_string());
    }
}

#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn retry_with_a_reset_leaves_the_keys_of_the_library(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    for attempts in [1, 2] {
        let queue = pair.fresh();
        let id = pair.add(&queue, json!({"attempts": attempts}));
        for _ in 0..attempts {
            pair.finish(&queue, Some("boom"));
        }
        let opts = json!({"resetAttemptsMade": true, "resetAttemptsStarted": true});
        same(&mut pair, &queue, &id, State::Failed, opts, &format!("{attempts} attempts"));
    }
}

/// Without a reset one more attempt, with it all of them again: seen at a real worker.
#[rstest]
#[case(Lib::Bull4)]
#[case(Lib::BullMq4)]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn a_reset_gives_all_attempts_again(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    for (reset_attempts, runs) in [(false, 1), (true, 3)] {
        let queue = pair.fresh();
        let id = pair.add_data(&queue, json!({"do": "fail"}), json!({"attempts": 3}));
        for _ in 0..3 {
            pair.finish(&queue, Some("boom"));
        }
        pair.copy();
        let op = JobOp::Retry { from: State::Failed, reset_attempts };
        assert_eq!(pair.ours(&queue, op, &id), Ok(Code::Done));
        assert_eq!(pair.run(&queue).len(), runs, "{lib:?}, reset {reset_attempts}");
    }
}

#[test]
fn retry_honours_priority_as_bullmq_6_does() {
    let mut pair = Pair::new(Lib::BullMq6);
    for paused in [false, true] {
        for opts in [json!({"priority": 3}), json!({"priority": 3, "lifo": true})] {
            let queue = pair.fresh();
            let id = pair.failed(&queue, opts);
            pair.add(&queue, json!({"priority": 2}));
            pair.add(&queue, json!({"priority": 3}));
            if paused {
                pair.queue_call("pause", &queue);
            }
            same(&mut pair, &queue, &id, State::Failed, json!({}), "priority");
        }
    }
}

#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn retry_wakes_nobody_at_the_global_concurrency(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    let queue = pair.fresh();
    let id = pair.failed(&queue, json!({}));
    pair.theirs.call(json!({"op": "setGlobalConcurrency", "queue": queue, "concurrency": 1}));
    pair.add(&queue, json!({}));
    let handle = pair.theirs.call(json!({"op": "worker", "queue": queue, "manual": true}));
    pair.theirs.call(json!({"op": "take", "handle": handle}));
    redis::cmd("DEL").arg(format!("bull:{queue}:marker")).exec(&mut pair.redis_theirs()).unwrap();
    pair.copy();
    pair.theirs.call(json!({"op": "retry", "queue": queue, "job": id, "state": "failed"}));
    assert_eq!(pair.ours(&queue, RETRY, &id), Ok(Code::Done));
    pair.assert_same("at the limit");
    assert_eq!(pair.dump_ours().len(&format!("bull:{queue}:marker")), 0);
}

#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn retry_of_a_scheduler_iteration_and_of_a_deduplicated_job(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    let queue = pair.fresh();
    let repeat = json!({"every": 600_000});
    pair.theirs.call(json!({"op": "upsertScheduler", "queue": queue, "scheduler": "tick", "repeat": repeat}));
    let id = pair.finish(&queue, Some("boom"));
    assert!(id.starts_with("repeat:tick:"), "{id}");
    same(&mut pair, &queue, &id, State::Failed, json!({}), "iteration");

    let queue = pair.fresh();
    let id = pair.failed(&queue, json!({"deduplication": {"id": "one"}}));
    same(&mut pair, &queue, &id, State::Failed, json!({}), "deduplicated");
}

#[rstest]
#[case(Lib::BullMq4)]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn a_job_keeps_its_logs_progress_and_stack_traces(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    let queue = pair.fresh();
    let id = pair.failed(&queue, json!({}));
    pair.theirs.call(json!({"op": "addLog", "queue": queue, "job": id, "line": "half"}));
    pair.theirs.call(json!({"op": "updateProgress", "queue": queue, "job": id, "progress": {"pct": 50}}));
    same(&mut pair, &queue, &id, State::Failed, json!({}), "logs");
}
