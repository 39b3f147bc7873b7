//! Acts on whole queues and schedulers. The steps of every era are in `parity`; these are the cases
//! of the list.

use rstest::rstest;
use serde_json::{Value, json};
use toril::engine::op::{Code, OpError, QueueOp, SchedulerOp, Sweep};
use toril::wire::{Fleet, State};

use crate::parity::pair::{Pair, target};
use crate::support::Lib;

fn key(queue: &str, suffix: &str) -> String {
    format!("bull:{queue}:{suffix}")
}

fn upsert(pair: &mut Pair, queue: &str, scheduler: &str, repeat: &Value) {
    pair.theirs
        .call(json!({"op": "upsertScheduler", "queue": queue, "scheduler": scheduler, "repeat": repeat}));
}

/// The first run of an interval is in line at once, that of a pattern is delayed.
#[rstest]
#[case(Lib::BullMq5, "pattern")]
#[case(Lib::BullMq5, "every")]
#[case(Lib::BullMq6, "pattern")]
#[case(Lib::BullMq6, "every")]
fn case_63_a_removed_scheduler_takes_its_delayed_run_along(#[case] lib: Lib, #[case] how: &str) {
    let mut pair = Pair::new(lib);
    let queue = pair.fresh();
    let repeat = if how == "every" { json!({"every": 600_000}) } else { json!({"pattern": "0 3 * * *"}) };
    upsert(&mut pair, &queue, "s", &repeat);
    pair.copy();
    pair.theirs.call(json!({"op": "removeScheduler", "queue": queue, "scheduler": "s"}));
    let removed = pair.schedule(&queue, SchedulerOp::Remove, "s").unwrap();
    assert_eq!((removed.code, removed.queued), (Code::Done, how == "every"));
    pair.assert_same(how);
    assert_eq!(pair.dump_ours().len(&key(&queue, "repeat")), 0);
    assert_eq!(pair.run(&queue).len(), usize::from(how == "every"), "what was in line runs once");
    assert_eq!(pair.dump_ours().len(&key(&queue, "delayed")), 0, "and nothing comes after it");
}

/// All mixes of who pauses, adds and resumes are in `parity/matrix.rs`, with what a foreign resume loses.
#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn case_65_what_was_added_to_a_paused_queue_is_there_when_it_is_resumed(#[case] lib: Lib) {
    let fleet = if lib == Lib::BullMq6 { Fleet::V6 } else { Fleet::V5 };
    let mut pair = Pair::new(lib);
    for waiting in [0, 2] {
        let queue = pair.fresh();
        let mut all: Vec<String> = (0..waiting).map(|_| pair.add(&queue, json!({}))).collect();
        pair.copy();
        pair.queue_call("pause", &queue);
        pair.ours_on_queue(&queue, QueueOp::Pause { fleet }).unwrap();
        pair.assert_same("paused");
        all.push(pair.add(&queue, json!({})));
        all.push(pair.add(&queue, json!({"priority": 2})));
        // What a client of the other release adds.
        let other = if lib == Lib::BullMq6 { "paused" } else { "wait" };
        pair.copy();
        pair.queue_call("resume", &queue);
        pair.ours_on_queue(&queue, QueueOp::Resume).unwrap();
        pair.assert_same("resumed");
        pair.queue_call("pause", &queue);
        redis::cmd("LPUSH").arg(key(&queue, other)).arg("x").exec(&mut pair.redis_theirs()).unwrap();
        let fields = ["name", "n", "data", "{}", "timestamp", "1", "opts", "{}"];
        redis::cmd("HSET").arg(key(&queue, "x")).arg(&fields).exec(&mut pair.redis_theirs()).unwrap();
        pair.copy();
        pair.ours_on_queue(&queue, QueueOp::Resume).unwrap();
        let mut ran = pair.run(&queue);
        assert!(ran.contains(&"x".to_owned()));
        ran.retain(|id| id != "x");
        assert_eq!(ran, all);
    }
}

#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn case_66_drain_clean_and_obliterate_page_by_page(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    let fill = |pair: &mut Pair, queue: &str| {
        for n in 0..6 {
            pair.add(queue, json!({}));
            pair.finish(queue, (n % 2 == 0).then_some("boom"));
        }
        upsert(pair, queue, "s", &json!({"pattern": "0 3 * * *"}));
        for n in 0..5 {
            pair.add(queue, json!({"delay": 600_000 + n}));
            pair.add(queue, json!({"priority": 1 + n}));
            pair.add(queue, json!({}));
        }
        pair.copy();
        std::thread::sleep(std::time::Duration::from_millis(3));
    };
    for delayed in [false, true] {
        let queue = pair.fresh();
        fill(&mut pair, &queue);
        pair.theirs.call(json!({"op": "drain", "queue": queue, "delayed": delayed}));
        let done = pair.sweep(Sweep::drain(target(lib, &queue), pair.now(), delayed), 2);
        assert_eq!(done, Ok(if delayed { 15 } else { 10 }));
        pair.assert_same(&format!("drain, delayed {delayed}"));
        assert_eq!(pair.dump_ours().len(&key(&queue, "repeat")), 1);
    }
    for state in ["completed", "failed", "delayed", "wait", "prioritized"] {
        for limit in [0, 2] {
            let queue = pair.fresh();
            fill(&mut pair, &queue);
            let call = json!({"op": "clean", "queue": queue, "grace": 0, "limit": limit, "state": state});
            let theirs = pair.theirs.call(call).as_array().unwrap().len() as u64;
            let from = State::parse(state).unwrap();
            let limit = (limit > 0).then_some(limit);
            let sweep = Sweep::clean(target(lib, &queue), from, pair.now(), limit);
            assert_eq!(pair.sweep(sweep, 1), Ok(theirs), "{state} {limit:?}");
            pair.assert_same(&format!("clean {state} {limit:?}"));
        }
    }
    for force in [false, true] {
        let queue = pair.fresh();
        fill(&mut pair, &queue);
        let handle = pair.theirs.call(json!({"op": "worker", "queue": queue, "manual": true}));
        pair.theirs.call(json!({"op": "take", "handle": handle}));
        pair.theirs.call(json!({"op": "workerStop", "handle": handle, "force": true}));
        pair.copy();
        let call = json!({"op": "obliterate", "queue": queue, "opts": {"force": force, "count": 2}});
        let theirs = pair.theirs.try_call(call);
        let fleet = if lib == Lib::BullMq6 { Fleet::V6 } else { Fleet::V5 };
        pair.ours_on_queue(&queue, QueueOp::Pause { fleet }).unwrap();
        let ours = pair.sweep(Sweep::obliterate(target(lib, &queue), force), 2);
        if force {
            assert!(theirs.is_ok() && ours.is_ok());
            assert_eq!(pair.dump_ours().keys().len(), 0);
        } else {
            assert!(theirs.unwrap_err().contains("active"));
            assert_eq!(ours, Err(OpError::Refused(Code::StillActive)));
        }
        pair.assert_same(&format!("obliterate, force {force}"));
    }
}
