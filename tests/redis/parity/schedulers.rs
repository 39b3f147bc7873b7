//! Schedulers and limits of a whole queue beside the library's own operations.

use rstest::rstest;
use serde_json::{Value, json};
use toril::engine::op::{Code, LimitOp, SchedulerOp};

use super::Pair;
use crate::support::Lib;

fn upsert(pair: &mut Pair, queue: &str, scheduler: &str, repeat: Value, template: Value) {
    pair.theirs.call(json!({
        "op": "upsertScheduler", "queue": queue, "scheduler": scheduler, "repeat": repeat, "template": template,
    }));
}

#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn limits_leave_the_keys_of_the_library(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    let queue = pair.fresh();
    pair.add(&queue, json!({}));
    let calls = [
        (json!({"op": "setGlobalConcurrency", "concurrency": 3}), LimitOp::SetConcurrency(3)),
        (
            json!({"op": "setGlobalRateLimit", "max": 5, "duration": 2000}),
            LimitOp::SetRateLimit { max: 5, duration_ms: 2000 },
        ),
        (json!({"op": "rateLimit", "ms": 60_000}), LimitOp::ReleaseRateLimit),
        (json!({"op": "removeRateLimitKey"}), LimitOp::ReleaseRateLimit),
        (json!({"op": "removeGlobalConcurrency"}), LimitOp::RemoveConcurrency),
        (json!({"op": "removeGlobalRateLimit"}), LimitOp::RemoveRateLimit),
    ];
    for (mut call, op) in calls {
        pair.copy();
        call["queue"] = queue.clone().into();
        let imposed = call["op"] == "rateLimit";
        pair.theirs.call(call);
        if imposed {
            continue;
        }
        assert_eq!(pair.limit(&queue, op), Ok(Code::Done), "{op:?}");
        pair.assert_same(&format!("{op:?}"));
    }
    for op in [LimitOp::SetConcurrency(0), LimitOp::SetRateLimit { max: 0, duration_ms: 1 }] {
        assert_eq!(pair.limit(&queue, op), Ok(Code::Invalid));
    }
    assert_eq!(pair.run(&queue).len(), 1);
}

/// A limit that nobody can have: the worker would go on as if there were none.
#[rstest]
#[case(Lib::Bull4)]
#[case(Lib::BullMq4)]
fn older_libraries_know_no_limits_of_a_queue(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    let queue = pair.fresh();
    pair.add(&queue, json!({}));
    pair.copy();
    assert_eq!(pair.limit(&queue, LimitOp::SetConcurrency(1)), Ok(Code::Unsupported));
    pair.assert_same("nothing was written");
}

#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn a_removed_scheduler_leaves_the_keys_of_the_library(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    for repeat in [json!({"every": 600_000}), json!({"pattern": "0 3 * * *"})] {
        for ran in [false, true] {
            let queue = pair.fresh();
            upsert(&mut pair, &queue, "a:b", repeat.clone(), json!({"name": "tick", "data": {"a": 1}}));
            upsert(&mut pair, &queue, "other", json!({"every": 700_000}), json!({}));
            // The first `every` run is in line at once.
            let queued = repeat["every"].is_number() && !ran;
            if ran {
                pair.run_theirs(&queue);
            }
            pair.copy();
            pair.theirs.call(json!({"op": "removeScheduler", "queue": queue, "scheduler": "a:b"}));
            let answer = pair.schedule(&queue, SchedulerOp::Remove, "a:b").unwrap();
            assert_eq!((answer.code, answer.queued), (Code::Done, queued), "{repeat} ran {ran}");
            pair.assert_same(&format!("{repeat} ran {ran}"));
            let again = pair.schedule(&queue, SchedulerOp::Remove, "a:b").unwrap();
            assert_eq!(again.code, Code::NoScheduler);
            let ran_now = pair.run(&queue);
            assert_eq!(ran_now.iter().any(|id| id.starts_with("repeat:a:b:")), queued, "{ran_now:?}");
        }
    }
}

#[rstest]
#[case(Lib::Bull4)]
#[case(Lib::BullMq4)]
#[case(Lib::BullMq5)]
fn a_removed_repeatable_leaves_the_keys_of_the_library(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    let cron = if lib == Lib::Bull4 { "cron" } else { "pattern" };
    for repeat in [json!({"every": 600_000}), json!({cron: "0 3 * * *", "tz": "Europe/Madrid"})] {
        let queue = pair.fresh();
        for name in ["tick", "other"] {
            pair.theirs.call(
                json!({"op": "addRepeatable", "queue": queue, "name": name, "data": {"a": 1}, "repeat": repeat}),
            );
        }
        let listed = pair.theirs.call(json!({"op": "repeatables", "queue": queue}));
        let key = listed.as_array().unwrap().iter().find(|one| one["name"] == "tick").unwrap()["key"]
            .as_str()
            .unwrap()
            .to_owned();
        pair.copy();
        // What is like it, run now, and then gone.
        let run = pair.schedule(&queue, SchedulerOp::RunNow, &key).unwrap();
        assert_eq!(run.code, Code::Done);
        let id = run.job.unwrap().lossless().into_owned();
        assert_eq!(pair.dump_ours().field(&format!("bull:{queue}:{id}"), "data"), Some("{\"a\":1}"));
        assert_eq!(pair.run(&queue), [id]);
        pair.copy();
        pair.theirs.call(json!({"op": "removeRepeatable", "queue": queue, "key": key}));
        let answer = pair.schedule(&queue, SchedulerOp::Remove, &key).unwrap();
        assert_eq!((answer.code, answer.queued), (Code::Done, false));
        pair.assert_same(&repeat.to_string());
    }
}

#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn a_scheduler_run_now_is_a_plain_job_of_its_template(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    for opts in [json!({}), json!({"priority": 3, "attempts": 2, "removeOnComplete": {"age": 60}})] {
        let queue = pair.fresh();
        let data = json!({"to": "ada", "list": []});
        let template = json!({"name": "tick", "data": data, "opts": opts});
        upsert(&mut pair, &queue, "night", json!({"pattern": "0 3 * * *"}), template);
        pair.copy();
        let id = pair
            .theirs
            .call(json!({"op": "add", "queue": queue, "name": "tick", "data": data, "opts": opts}));
        let answer = pair.schedule(&queue, SchedulerOp::RunNow, "night").unwrap();
        assert_eq!(answer.code, Code::Done);
        assert_eq!(answer.job.unwrap().lossless(), id.as_str().unwrap());
        pair.assert_same(&opts.to_string());
        assert_eq!(pair.run(&queue), [id.as_str().unwrap()]);
        let none = pair.schedule(&queue, SchedulerOp::RunNow, "none").unwrap();
        assert_eq!(none.code, Code::NoScheduler);
    }
}
