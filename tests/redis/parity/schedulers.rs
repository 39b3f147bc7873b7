//! Schedulers and limits of a whole queue beside the library's own operations.

use rstest::rstest;
use serde_json::{Value, json};
use toril::engine::op::{Code, LimitOp, SchedulerOp};
use toril::engine::schedule::{Repeat, ScheduleError};

use super::Pair;
use crate::support::{Content, Lib};

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

/// As an upsert with the same template, which is what the library has for it.
#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn an_edited_schedule_leaves_the_keys_of_an_upsert(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    let hour = std::time::Duration::from_secs(3600);
    let offset = std::time::Duration::from_secs(7);
    for opts in [json!({}), json!({"priority": 3, "attempts": 2})] {
        for (from, to, repeat) in [
            (
                json!({"pattern": "0 3 * * *"}),
                json!({"pattern": "0 4 * * *", "tz": "UTC"}),
                Repeat::cron("0 4 * * *").tz("UTC"),
            ),
            (
                json!({"pattern": "0 3 * * *"}),
                json!({"every": 3_600_000, "offset": 7000}),
                Repeat::every(hour).offset(offset),
            ),
            (
                json!({"every": 600_000, "offset": 1}),
                json!({"every": 3_600_000, "limit": 9, "offset": 7000}),
                Repeat::every(hour).limit(9).offset(offset),
            ),
            (
                json!({"every": 600_000, "offset": 1}),
                json!({"pattern": "0 4 * * *"}),
                Repeat::cron("0 4 * * *"),
            ),
        ] {
            let queue = pair.fresh();
            let template = json!({"name": "tick", "data": {"to": "ada"}, "opts": opts});
            upsert(&mut pair, &queue, "night", from.clone(), template.clone());
            pair.copy();
            upsert(&mut pair, &queue, "night", to.clone(), template);
            pair.edit_schedule(&queue, "night", &repeat).unwrap().unwrap();
            // The two were some milliseconds apart.
            pair.assert_same_after(&format!("{from} to {to}, {opts}"), |dump| {
                for entry in dump.0.values_mut() {
                    let Content::Hash(fields) = &mut entry.content else { continue };
                    fields.remove("delay");
                    let Some(opts) = fields.get_mut("opts") else { continue };
                    if let Some((before, after)) = opts.clone().split_once("\"delay\":") {
                        *opts = format!("{before}{}", after.trim_start_matches(|c: char| c.is_ascii_digit()));
                    }
                }
            });
            let gone = pair.edit_schedule(&queue, "none", &repeat).unwrap_err();
            assert_eq!(gone, ScheduleError::Refused(Code::NoScheduler));
        }
    }
}

/// Its data stays byte for byte, also where a reader of JSON would round it.
#[test]
fn an_edited_schedule_keeps_the_template() {
    let mut pair = Pair::new(Lib::BullMq6);
    let queue = pair.fresh();
    upsert(&mut pair, &queue, "s", json!({"pattern": "0 3 * * *"}), json!({"name": "tick"}));
    pair.copy();
    let data = "{\"do\":\"ok\",  \"big\": 12345678901234567890123 }";
    let definition = format!("bull:{queue}:repeat:s");
    redis::cmd("HSET").arg(&definition).arg("data").arg(data).exec(&mut pair.redis_ours()).unwrap();
    let repeat = Repeat::every(std::time::Duration::from_secs(3600));
    let next = pair.edit_schedule(&queue, "s", &repeat).unwrap().unwrap();
    assert_eq!(next.delay_ms, 0, "an interval begins at once");
    let dump = pair.dump_ours();
    assert_eq!(dump.field(&definition, "data"), Some(data));
    let id = next.job.lossless().into_owned();
    assert_eq!(dump.field(&format!("bull:{queue}:{id}"), "data"), Some(data));
    assert_eq!(dump.field(&definition, "pattern"), None);
    assert_eq!(pair.run(&queue), [id]);
}
