//! Rows of `docs/differences.md` about edits and acts on whole states: what the library leaves, what
//! ours leaves instead, and that a real worker goes on from it.

use rstest::rstest;
use serde_json::json;
use toril::engine::op::{Code, Exit, JobOp, LimitOp, QueueOp, SchedulerOp, Sweep};
use toril::wire::{Fleet, State};

use super::Pair;
use super::pair::target;
use crate::support::Lib;

fn key(queue: &str, suffix: &str) -> String {
    format!("bull:{queue}:{suffix}")
}

fn change_priority(pair: &mut Pair, queue: &str, id: &str, priority: u32, front: bool) {
    pair.copy();
    pair.theirs.call(
        json!({"op": "changePriority", "queue": queue, "job": id, "priority": priority, "lifo": front}),
    );
    assert_eq!(pair.ours(queue, JobOp::SetPriority { priority, front }, id), Ok(Code::Done));
}

#[test]
fn a_priority_in_bullmq_4_is_what_was_asked_for() {
    let mut pair = Pair::new(Lib::BullMq4);
    let queue = pair.fresh();
    let other = pair.add(&queue, json!({"priority": 3}));
    let id = pair.add(&queue, json!({"priority": 4}));
    change_priority(&mut pair, &queue, &id, 3, true);
    assert_eq!(pair.dump_theirs().members(&key(&queue, "prioritized")), [&other, &id]);
    assert_eq!(pair.dump_ours().members(&key(&queue, "prioritized")), [&id, &other]);
    pair.copy();
    change_priority(&mut pair, &queue, &id, 0, false);
    assert!(pair.dump_theirs().members(&key(&queue, "prioritized")).contains(&id.as_str()));
    assert!(pair.dump_ours().members(&key(&queue, "wait")).contains(&id.as_str()));
    assert_eq!(pair.run(&queue), [id, other]);
}

#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn a_job_in_front_of_its_class_wakes_a_worker(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    for abandoned in [false, true] {
        let queue = pair.fresh();
        let id = pair.add(&queue, json!({"priority": 4}));
        if abandoned {
            let handle = pair.theirs.call(json!({"op": "worker", "queue": queue, "manual": true}));
            pair.theirs.call(json!({"op": "take", "handle": handle}));
            pair.theirs.call(json!({"op": "workerStop", "handle": handle, "force": true}));
            redis::cmd("DEL").arg(key(&queue, &format!("{id}:lock"))).exec(&mut pair.redis_theirs()).unwrap();
        }
        // An idle worker took it.
        redis::cmd("DEL").arg(key(&queue, "marker")).exec(&mut pair.redis_theirs()).unwrap();
        if abandoned {
            pair.copy();
            let call =
                json!({"op": "jobCall", "queue": queue, "job": id, "method": "moveToWait", "args": ["0"]});
            pair.theirs.call(call);
            assert_eq!(pair.ours(&queue, JobOp::MoveOut { to: Exit::Wait }, &id), Ok(Code::Done));
        } else {
            change_priority(&mut pair, &queue, &id, 2, true);
        }
        assert_eq!(pair.dump_theirs().len(&key(&queue, "marker")), 0);
        assert_eq!(pair.dump_ours().members(&key(&queue, "marker")), ["0"]);
        assert_eq!(pair.run(&queue), [id]);
    }
}

#[rstest]
#[case(Lib::BullMq4)]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn the_next_run_of_a_scheduler_is_not_put_off(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    let queue = pair.fresh();
    let repeat = json!({"pattern": "0 3 * * *"});
    let call = if lib == Lib::BullMq4 {
        json!({"op": "addRepeatable", "queue": queue, "name": "t", "data": {}, "repeat": repeat})
    } else {
        json!({"op": "upsertScheduler", "queue": queue, "scheduler": "s", "repeat": repeat})
    };
    pair.theirs.call(call);
    let id = pair.dump_theirs().members(&key(&queue, "delayed"))[0].to_owned();
    pair.copy();
    let before = pair.dump_ours();
    assert_eq!(pair.ours(&queue, JobOp::SetDelay { ms: 1000 }, &id), Ok(Code::Scheduler));
    assert_eq!(pair.dump_ours(), before);
    pair.theirs.call(json!({"op": "changeDelay", "queue": queue, "job": id, "delay": 1000}));
}

#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn a_child_whose_own_child_runs_stays(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    let queue = pair.fresh();
    let (children, leaves) = (format!("{queue}c"), format!("{queue}l"));
    let node = |id: &str, queue: &str, below: serde_json::Value| json!({"name": "n", "queueName": queue, "data": {}, "opts": {"jobId": id}, "children": below});
    let below = json!([node("l", &leaves, json!([]))]);
    let middle = json!([node("c", &children, below), node("d", &children, json!([]))]);
    pair.theirs.call(json!({"op": "flow", "tree": node("p", &queue, middle)}));
    let handle = pair.theirs.call(json!({"op": "worker", "queue": leaves, "manual": true}));
    pair.theirs.call(json!({"op": "take", "handle": handle}));
    pair.copy();
    let method = "removeUnprocessedChildren";
    pair.theirs.call(json!({"op": "jobCall", "queue": queue, "job": "p", "method": method}));
    assert_eq!(pair.ours(&queue, JobOp::RemoveChildren, "p"), Ok(Code::Done));
    assert!(pair.dump_theirs().get(&key(&children, "c")).is_none(), "what the leaf belongs to is gone");
    assert!(pair.dump_ours().get(&key(&children, "c")).is_some());
    assert!(pair.dump_ours().get(&key(&children, "d")).is_none());
    assert_eq!(pair.ours(&queue, JobOp::RemoveChildren, "p"), Ok(Code::NotIn(State::WaitingChildren)));
}

/// Trap T2: the library cuts as many ids from the list as it removed jobs, whichever they are.
#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn drain_keeps_the_scheduler_and_takes_the_others(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    for chunk in [1, 200] {
        let queue = pair.fresh();
        let first = pair.add(&queue, json!({}));
        pair.add(&queue, json!({}));
        let repeat = json!({"every": 600_000});
        pair.theirs
            .call(json!({"op": "upsertScheduler", "queue": queue, "scheduler": "s", "repeat": repeat}));
        pair.copy();
        pair.theirs.call(json!({"op": "drain", "queue": queue}));
        std::thread::sleep(std::time::Duration::from_millis(3));
        let sweep = Sweep::drain(target(lib, &queue), pair.now(), true);
        assert_eq!(pair.sweep(sweep, chunk), Ok(2));
        assert_eq!(pair.dump_theirs().members(&key(&queue, "wait")), [&first], "a ghost is left");
        assert!(pair.dump_theirs().get(&key(&queue, &first)).is_none());
        let dump = pair.dump_ours();
        let wait = dump.members(&key(&queue, "wait"));
        assert_eq!(wait.len(), 1);
        assert!(wait[0].starts_with("repeat:s:"), "{wait:?}");
        assert!(pair.run(&queue)[0].starts_with("repeat:s:"));
        assert_eq!(pair.dump_ours().len(&key(&queue, "delayed")), 1, "the scheduler goes on");
    }
}

#[test]
fn drain_in_bull_leaves_nothing_of_the_jobs() {
    let mut pair = Pair::new(Lib::Bull4);
    let queue = pair.fresh();
    let waits = pair.add(&queue, json!({"priority": 3}));
    let delayed = pair.add(&queue, json!({"delay": 600_000}));
    for id in [&waits, &delayed] {
        pair.theirs.call(json!({"op": "addLog", "queue": queue, "job": id, "line": "x"}));
    }
    pair.queue_call("pause", &queue);
    pair.copy();
    pair.queue_call("drain", &queue);
    let until = pair.now() + 1;
    assert_eq!(pair.sweep(Sweep::drain(target(Lib::Bull4, &queue), until, true), 200), Ok(2));
    let theirs = pair.dump_theirs();
    assert!(theirs.get(&key(&queue, &delayed)).is_some(), "in no list any more");
    assert!(theirs.get(&key(&queue, &format!("{waits}:logs"))).is_some());
    assert!(theirs.get(&key(&queue, "meta-paused")).is_none(), "it runs again");
    let ours = pair.dump_ours();
    assert_eq!(ours.keys(), ["id", "meta", "meta-paused"].map(|suffix| key(&queue, suffix)));
}

#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn clean_counts_only_what_is_old_enough(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    let queue = pair.fresh();
    let old = json!({"timestamp": 1_600_000_000_000_i64});
    let ids: Vec<String> = (0..4).map(|_| pair.add(&queue, old.clone())).collect();
    let young = pair.add(&queue, json!({"lifo": true}));
    pair.copy();
    let request = json!({"op": "clean", "queue": queue, "grace": 600_000, "limit": 1, "state": "wait"});
    assert_eq!(pair.theirs.call(request), json!([]), "it looks at the youngest only");
    let until = pair.now() - 600_000;
    let sweep = Sweep::clean(target(lib, &queue), State::Waiting, until, Some(3));
    assert_eq!(pair.sweep(sweep, 2), Ok(3));
    assert_eq!(pair.dump_ours().members(&key(&queue, "wait")), [&ids[3], &young]);
    assert_eq!(pair.run(&queue), [young, ids[3].clone()]);
}

#[rstest]
#[case(Lib::BullMq4)]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn what_a_worker_holds_is_not_swept_away(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    let queue = pair.fresh();
    let held = pair.failed(&queue, json!({}));
    let failed = pair.failed(&queue, json!({}));
    let lock = key(&queue, &format!("{held}:lock"));
    redis::cmd("SET").arg(lock).arg("x").arg("PX").arg(60_000).exec(&mut pair.redis_theirs()).unwrap();
    pair.copy();
    let clean = Sweep::clean(target(lib, &queue), State::Failed, pair.now() + 1, None);
    assert_eq!(pair.sweep(clean, 200), Ok(1));
    assert_eq!(pair.dump_ours().members(&key(&queue, "failed")), [&held]);
    let all = Sweep::retry_all(target(lib, &queue), State::Failed, false, pair.now() + 1);
    assert_eq!(pair.sweep(all, 200), Ok(0));
    pair.theirs.call(json!({"op": "clean", "queue": queue, "grace": -1000, "state": "failed"}));
    assert_eq!(pair.dump_theirs().len(&key(&queue, "failed")), 0);
    assert!(pair.dump_ours().get(&key(&queue, &failed)).is_none());
}

/// Trap T6.
#[rstest]
#[case(Lib::BullMq4)]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn retrying_and_promoting_all_honour_priority(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    for act in ["retry", "promote"] {
        let queue = pair.fresh();
        let priorities = [9, 2, 5];
        let ids: Vec<String> = priorities
            .map(|priority| {
                if act == "retry" {
                    let id = pair.failed(&queue, json!({"priority": priority}));
                    std::thread::sleep(std::time::Duration::from_millis(2));
                    id
                } else {
                    pair.add(&queue, json!({"priority": priority, "delay": 600_000}))
                }
            })
            .into();
        pair.copy();
        let until = pair.now() + 1;
        let (call, sweep) = if act == "retry" {
            let sweep = Sweep::retry_all(target(lib, &queue), State::Failed, false, until);
            (json!({"op": "retryJobs", "queue": queue, "opts": {"state": "failed"}}), sweep)
        } else {
            (json!({"op": "promoteJobs", "queue": queue}), Sweep::promote_all(target(lib, &queue), until))
        };
        pair.theirs.call(call);
        assert_eq!(pair.sweep(sweep, 2), Ok(3));
        assert_eq!(pair.dump_theirs().len(&key(&queue, "prioritized")), 0, "{act}");
        let job = key(&queue, &ids[0]);
        assert_eq!(pair.dump_ours().field(&job, "delay"), Some("0"));
        if act == "promote" {
            assert_eq!(pair.dump_theirs().field(&job, "delay"), Some("600000"));
        }
        assert_eq!(pair.run(&queue), [ids[1].clone(), ids[2].clone(), ids[0].clone()], "{act}");
    }
}

/// Retried before its child, a parent would do its work again and then be refused.
#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn retrying_all_does_not_run_a_parent_before_its_child(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    let queue = pair.fresh();
    let children = format!("{queue}c");
    let opts = json!({"jobId": "c", "failParentOnFailure": true});
    let child = json!({"name": "n", "queueName": children, "data": {}, "opts": opts});
    let tree =
        json!({"name": "n", "queueName": queue, "data": {}, "opts": {"jobId": "p"}, "children": [child]});
    pair.theirs.call(json!({"op": "flow", "tree": tree}));
    pair.finish(&children, Some("boom"));
    pair.run_theirs(&queue);
    let plain = pair.failed(&queue, json!({}));
    pair.copy();
    let until = pair.now() + 1;
    let all = |queue: &str| Sweep::retry_all(target(lib, queue), State::Failed, false, until);
    assert_eq!(pair.sweep(all(&queue), 200), Ok(1), "its child failed");
    assert_eq!(pair.run(&queue), [plain]);
    assert_eq!(pair.dump_ours().members(&key(&queue, "failed")), ["p"]);
    // The child first: then the parent waits for it, and runs when it is done.
    assert_eq!(pair.sweep(all(&children), 200), Ok(1));
    assert_eq!(pair.sweep(all(&queue), 200), Ok(1));
    assert_eq!(pair.dump_ours().members(&key(&queue, "waiting-children")), ["p"]);
    assert_eq!(pair.run(&children), ["c"]);
    assert_eq!(pair.run(&queue), ["p"]);
    assert_eq!(pair.dump_ours().len(&key(&queue, "failed")), 0);
}

#[rstest]
#[case(Lib::BullMq4)]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn obliterating_leaves_nothing_behind(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    let queue = pair.fresh();
    let child = json!({"name": "n", "queueName": format!("{queue}c"), "data": {}, "opts": {"jobId": "c"}});
    let tree =
        json!({"name": "n", "queueName": queue, "data": {}, "opts": {"jobId": "p"}, "children": [child]});
    pair.theirs.call(json!({"op": "flow", "tree": tree}));
    let limiter = key(&queue, "limiter");
    redis::cmd("SET").arg(limiter).arg(1).arg("PX").arg(600_000).exec(&mut pair.redis_theirs()).unwrap();
    pair.copy();
    pair.theirs.call(json!({"op": "obliterate", "queue": queue}));
    pair.ours_on_queue(&queue, QueueOp::Pause { fleet: Fleet::Mixed }).unwrap();
    assert_eq!(pair.sweep(Sweep::obliterate(target(lib, &queue), false), 200), Ok(1));
    let of_it = |keys: &[&str]| keys.iter().filter(|name| name.starts_with(&key(&queue, ""))).count();
    assert!(of_it(&pair.dump_theirs().keys()) >= 4, "the parent, and the limiter");
    assert_eq!(of_it(&pair.dump_ours().keys()), 0);
    assert_eq!(pair.run(&format!("{queue}c")), ["c"]);
}

#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn a_lifted_limit_wakes_a_worker(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    for op in [LimitOp::RemoveConcurrency, LimitOp::ReleaseRateLimit] {
        let queue = pair.fresh();
        let id = pair.add(&queue, json!({}));
        redis::cmd("DEL").arg(key(&queue, "marker")).exec(&mut pair.redis_theirs()).unwrap();
        pair.copy();
        assert_eq!(pair.limit(&queue, op), Ok(Code::Done));
        assert_eq!(pair.dump_theirs().len(&key(&queue, "marker")), 0);
        assert_eq!(pair.dump_ours().members(&key(&queue, "marker")), ["0"]);
        assert_eq!(pair.run(&queue), [id]);
    }
}

/// `BullMQ` 6 has no operation for what `add` with `repeat` of a `BullMQ` 5 left in its queue.
#[test]
fn repeatables_of_older_libraries_can_be_removed() {
    let mut pair = Pair::new(Lib::BullMq5);
    let queue = pair.fresh();
    let repeat = json!({"every": 600_000});
    pair.theirs
        .call(json!({"op": "addRepeatable", "queue": queue, "name": "t", "data": {}, "repeat": repeat}));
    let member = pair.dump_theirs().members(&key(&queue, "repeat"))[0].to_owned();
    pair.copy();
    let meta = key(&queue, "meta");
    redis::cmd("HSET").arg(meta).arg("version").arg("bullmq:6.7.0").exec(&mut pair.redis_ours()).unwrap();
    let answer = pair.schedule(&queue, SchedulerOp::Remove, &member).unwrap();
    assert_eq!(answer.code, Code::Done);
    let left = pair.dump_ours();
    assert_eq!(left.keys(), ["events", "id", "marker", "meta"].map(|suffix| key(&queue, suffix)));
}
