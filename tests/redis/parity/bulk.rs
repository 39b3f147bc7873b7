//! Acts on whole states beside the library's own: drain, clean, retry all, promote all, obliterate.
//! Ours go in chunks, whose size must not show in the keys.

use rstest::rstest;
use serde_json::json;
use toril::engine::op::{Code, OpError, QueueOp, Sweep};
use toril::wire::{Fleet, State};

use super::Pair;
use super::pair::target;
use crate::support::{Content, Dump, Lib};

/// A queue with jobs in every state; those that wait are 7 with a priority and 7 without.
fn fill(pair: &mut Pair, queue: &str) {
    for n in 0..4 {
        pair.add(queue, json!({}));
        pair.finish(queue, (n % 2 == 0).then_some("boom"));
    }
    for n in 0..7 {
        pair.add(queue, if n == 3 { json!({"lifo": true}) } else { json!({}) });
        pair.add(queue, json!({"priority": 1 + n % 3}));
        pair.add(queue, json!({"delay": 600_000 + n}));
    }
}

fn until_theirs_are_older(pair: &Pair) -> i64 {
    std::thread::sleep(std::time::Duration::from_millis(3));
    pair.now()
}

#[rstest]
#[case(Lib::BullMq4)]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn drain_leaves_the_keys_of_the_library(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    for delayed in [false, true] {
        for paused in [false, true] {
            for chunk in [1, 3, 200] {
                let what = format!("delayed {delayed}, paused {paused}, chunk {chunk}");
                let queue = pair.fresh();
                fill(&mut pair, &queue);
                pair.add(&queue, json!({"deduplication": {"id": "one"}}));
                if paused {
                    pair.queue_call("pause", &queue);
                }
                pair.copy();
                pair.theirs.call(json!({"op": "drain", "queue": queue, "delayed": delayed}));
                let until = until_theirs_are_older(&pair);
                let done = pair.sweep(Sweep::drain(target(lib, &queue), until, delayed), chunk);
                assert_eq!(done, Ok(if delayed { 22 } else { 15 }), "{what}");
                pair.assert_same(&what);
                let id = pair.add(&queue, json!({}));
                pair.copy();
                assert_eq!(pair.run(&queue), [id], "{what}");
            }
        }
    }
}

#[rstest]
#[case(Lib::BullMq4)]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn drained_children_take_their_parents_along_as_in_the_library(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    for same_queue in [true, false] {
        let queue = pair.fresh();
        let children = if same_queue { queue.clone() } else { format!("{queue}c") };
        let node = |id: &str, queue: &str, below: serde_json::Value| json!({"name": "n", "queueName": queue, "data": {}, "opts": {"jobId": id}, "children": below});
        let leaves = json!([node("c0", &children, json!([])), node("c1", &children, json!([]))]);
        let middle = json!([node("m", &queue, leaves)]);
        pair.theirs.call(json!({"op": "flow", "tree": node("p", &queue, middle)}));
        pair.copy();
        pair.theirs.call(json!({"op": "drain", "queue": children}));
        let until = until_theirs_are_older(&pair);
        let sweep = Sweep::drain(target(lib, &children), until, false);
        assert_eq!(pair.sweep(sweep, 1), Ok(2));
        pair.assert_same(&format!("same queue {same_queue}"));
        if !same_queue {
            assert_eq!(pair.run(&queue), ["m", "p"]);
        }
    }
}

#[rstest]
#[case(Lib::Bull4)]
#[case(Lib::BullMq4)]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn clean_leaves_the_keys_of_the_library(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    for state in ["completed", "failed", "delayed", "wait", "prioritized", "paused", "active"] {
        for limit in [0, 1, 3] {
            for chunk in [2, 200] {
                let what = format!("{state}, limit {limit}, chunk {chunk}");
                // In Bull there is no such state, and a limited clean of delayed jobs removes none.
                if lib == Lib::Bull4 && (state == "prioritized" || (state == "delayed" && limit > 0)) {
                    continue;
                }
                let queue = pair.fresh();
                fill(&mut pair, &queue);
                if state == "paused" {
                    pair.queue_call("pause", &queue);
                }
                if state == "active" {
                    let handle = pair.theirs.call(json!({"op": "worker", "queue": queue, "manual": true}));
                    for n in 0..4 {
                        let job = pair.theirs.call(json!({"op": "take", "handle": handle}));
                        if n % 2 == 0 {
                            let lock = format!("bull:{queue}:{}:lock", job["id"].as_str().unwrap());
                            redis::cmd("DEL").arg(lock).exec(&mut pair.redis_theirs()).unwrap();
                        }
                    }
                    pair.theirs.call(json!({"op": "workerStop", "handle": handle, "force": true}));
                }
                pair.copy();
                // The library chooses the first `limit` and then looks which are old enough; all are.
                std::thread::sleep(std::time::Duration::from_millis(3));
                let mut request =
                    json!({"op": "clean", "queue": queue, "grace": 0, "limit": limit, "state": state});
                if lib == Lib::Bull4 && limit == 0 {
                    request["limit"] = serde_json::Value::Null;
                }
                let theirs = pair.theirs.call(request).as_array().unwrap().len() as u64;
                let (until, limit) = (pair.now(), (limit > 0).then_some(limit));
                let from = State::parse(state).unwrap();
                let sweep = Sweep::clean(target(lib, &queue), from, until, limit);
                assert_eq!(pair.sweep(sweep, chunk), Ok(theirs), "{what}");
                if lib == Lib::BullMq6 && state == "paused" {
                    assert_eq!(theirs, 0, "there is no such state");
                }
                pair.assert_same(&what);
            }
        }
    }
}

#[rstest]
#[case(Lib::Bull4)]
#[case(Lib::BullMq4)]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn what_is_younger_stays(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    let queue = pair.fresh();
    fill(&mut pair, &queue);
    pair.copy();
    let before = pair.dump_ours();
    let until = pair.now() - 600_000;
    for from in [State::Completed, State::Failed, State::Delayed, State::Waiting, State::Active] {
        assert_eq!(pair.sweep(Sweep::clean(target(lib, &queue), from, until, None), 3), Ok(0));
    }
    assert_eq!(pair.sweep(Sweep::drain(target(lib, &queue), until, true), 3), Ok(0));
    assert_eq!(pair.sweep(Sweep::promote_all(target(lib, &queue), until), 3), Ok(0));
    assert_eq!(pair.sweep(Sweep::retry_all(target(lib, &queue), State::Failed, false, until), 3), Ok(0));
    let mut after = pair.dump_ours();
    // A clean says that it is over, also when it found nothing.
    for entry in after.0.values_mut() {
        if let Content::Stream(entries) = &mut entry.content {
            entries.retain(|fields| fields[0].1 != "cleaned");
        }
    }
    assert_eq!(after, before);
}

#[rstest]
#[case(Lib::Bull4, State::Failed)]
#[case(Lib::BullMq4, State::Failed)]
#[case(Lib::BullMq4, State::Completed)]
#[case(Lib::BullMq5, State::Failed)]
#[case(Lib::BullMq5, State::Completed)]
#[case(Lib::BullMq6, State::Failed)]
#[case(Lib::BullMq6, State::Completed)]
fn retrying_all_leaves_the_keys_of_the_library(#[case] lib: Lib, #[case] from: State) {
    let mut pair = Pair::new(lib);
    for paused in [false, true] {
        for chunk in [2, 200] {
            let what = format!("{from:?}, paused {paused}, chunk {chunk}");
            let queue = pair.fresh();
            for _ in 0..5 {
                pair.add(&queue, json!({"attempts": 1}));
                pair.finish(&queue, (from == State::Failed).then_some("boom"));
                // By which they are ordered.
                std::thread::sleep(std::time::Duration::from_millis(2));
            }
            pair.add(&queue, json!({}));
            if paused {
                pair.queue_call("pause", &queue);
            }
            pair.copy();
            pair.theirs.call(json!({"op": "retryJobs", "queue": queue, "opts": {"state": from.name()}}));
            let sweep = Sweep::retry_all(target(lib, &queue), from, false, pair.now());
            assert_eq!(pair.sweep(sweep, chunk), Ok(5), "{what}");
            pair.assert_same_after(&what, |dump| without(dump, "retriedOn"));
            let (theirs, ours) = (pair.run_theirs(&queue), pair.run(&queue));
            assert_eq!(ours, theirs, "{what}");
            assert_eq!(ours.len(), 6, "{what}");
        }
    }
}

fn without(dump: &mut Dump, field: &str) {
    for entry in dump.0.values_mut() {
        if let Content::Hash(fields) = &mut entry.content {
            fields.remove(field);
        }
    }
}

/// But for `delay`, which the library leaves as it was, and the marker for the first delayed job that
/// `BullMQ` 4 leaves in the list; its own promotion of one job takes it out.
#[rstest]
#[case(Lib::BullMq4)]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn promoting_all_leaves_the_keys_of_the_library(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    for paused in [false, true] {
        for waiting in [false, true] {
            for chunk in [2, 200] {
                let what = format!("paused {paused}, waiting {waiting}, chunk {chunk}");
                let queue = pair.fresh();
                for n in 0..5 {
                    pair.add(&queue, json!({"delay": 600_000 + 10 * n}));
                }
                if waiting {
                    pair.add(&queue, json!({}));
                }
                if paused {
                    pair.queue_call("pause", &queue);
                }
                pair.copy();
                pair.theirs.call(json!({"op": "promoteJobs", "queue": queue}));
                let until = until_theirs_are_older(&pair);
                assert_eq!(
                    pair.sweep(Sweep::promote_all(target(lib, &queue), until), chunk),
                    Ok(5),
                    "{what}"
                );
                pair.assert_same_after(&what, |dump| {
                    without(dump, "delay");
                    for entry in dump.0.values_mut() {
                        if let Content::List(ids) = &mut entry.content {
                            ids.retain(|id| !id.starts_with("0:"));
                        }
                    }
                });
                let (theirs, ours) = (pair.run_theirs(&queue), pair.run(&queue));
                assert_eq!(ours, theirs, "{what}");
                assert_eq!(ours.len(), 5 + usize::from(waiting), "{what}");
            }
        }
    }
}

/// Bull has no such act; promoting each job by itself leaves the same.
#[test]
fn promoting_all_in_bull_is_promoting_each() {
    let mut pair = Pair::new(Lib::Bull4);
    for paused in [false, true] {
        for chunk in [2, 200] {
            let what = format!("paused {paused}, chunk {chunk}");
            let queue = pair.fresh();
            pair.add(&queue, json!({}));
            let ids: Vec<String> = (0..5)
                .map(|n| pair.add(&queue, json!({"delay": 600_000 + 10 * n, "priority": 9 - n})))
                .collect();
            if paused {
                pair.queue_call("pause", &queue);
            }
            pair.copy();
            for id in &ids {
                pair.theirs.call(json!({"op": "promote", "queue": queue, "job": id}));
            }
            let until = until_theirs_are_older(&pair);
            assert_eq!(
                pair.sweep(Sweep::promote_all(target(Lib::Bull4, &queue), until), chunk),
                Ok(5),
                "{what}"
            );
            pair.assert_same(&what);
            let (theirs, ours) = (pair.run_theirs(&queue), pair.run(&queue));
            assert_eq!(ours, theirs, "{what}");
            assert_eq!(ours.len(), 6, "{what}");
        }
    }
}

/// Broken off, another sweep with the same moment goes on with what is left, and only with that.
#[test]
fn a_sweep_that_was_broken_off_is_made_again() {
    let mut pair = Pair::new(Lib::BullMq6);
    let queue = pair.fresh();
    for _ in 0..7 {
        pair.add(&queue, json!({}));
    }
    pair.copy();
    let until = until_theirs_are_older(&pair);
    std::thread::sleep(std::time::Duration::from_millis(2));
    let sweep = || Sweep::drain(target(Lib::BullMq6, &queue), until, true);
    assert_eq!(pair.one_step(sweep(), 3), Ok(3));
    // What comes meanwhile is not part of it.
    let call = json!({"op": "add", "queue": queue, "name": "job", "data": {}, "opts": {"lifo": true}});
    let later = pair.worker.call(call);
    assert_eq!(pair.sweep(sweep(), 3), Ok(4));
    assert_eq!(pair.dump_ours().members(&format!("bull:{queue}:wait")), [later.as_str().unwrap()]);
    assert_eq!(pair.run(&queue), [later.as_str().unwrap()]);
}

fn pause(lib: Lib) -> QueueOp {
    QueueOp::Pause { fleet: if lib == Lib::BullMq6 { Fleet::V6 } else { Fleet::Mixed } }
}

#[rstest]
#[case(Lib::Bull4)]
#[case(Lib::BullMq4)]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn obliterating_leaves_the_keys_of_the_library(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    for active in [false, true] {
        for chunk in [3, 200] {
            let what = format!("active {active}, chunk {chunk}");
            let queue = pair.fresh();
            fill(&mut pair, &queue);
            if active {
                let handle = pair.theirs.call(json!({"op": "worker", "queue": queue, "manual": true}));
                pair.theirs.call(json!({"op": "take", "handle": handle}));
                pair.theirs.call(json!({"op": "workerStop", "handle": handle, "force": true}));
            }
            if !matches!(lib, Lib::Bull4 | Lib::BullMq4) {
                let repeat = json!({"every": 600_000});
                pair.theirs.call(
                    json!({"op": "upsertScheduler", "queue": queue, "scheduler": "tick", "repeat": repeat}),
                );
            }
            if lib == Lib::Bull4 {
                // It looks whether the queue is paused, and does not pause it.
                pair.queue_call("pause", &queue);
            }
            pair.copy();
            let sweep = |force| Sweep::obliterate(target(lib, &queue), force);
            if lib != Lib::Bull4 {
                assert_eq!(pair.sweep(sweep(true), chunk), Err(OpError::Refused(Code::NotPaused)));
            }
            pair.ours_on_queue(&queue, pause(lib)).unwrap();
            if active {
                assert_eq!(pair.sweep(sweep(false), chunk), Err(OpError::Refused(Code::StillActive)));
            }
            pair.theirs.call(json!({"op": "obliterate", "queue": queue, "opts": {"force": active}}));
            pair.sweep(sweep(active), chunk).unwrap();
            pair.assert_same(&what);
            let id = pair.add(&queue, json!({}));
            pair.copy();
            assert_eq!(pair.run(&queue), [id]);
        }
    }
}
