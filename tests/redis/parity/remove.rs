//! Remove beside `job.remove()` and `queue.remove()`.

use rstest::rstest;
use serde_json::{Value, json};
use toril::engine::op::{Code, JobOp};

use super::Pair;
use crate::support::Lib;

const REMOVE: JobOp = JobOp::Remove { children: true };

/// Both remove; the key spaces are the same.
fn same(pair: &mut Pair, queue: &str, id: &str, what: &str) {
    pair.copy();
    pair.theirs.call(json!({"op": "remove", "queue": queue, "job": id}));
    assert_eq!(pair.ours(queue, REMOVE, id), Ok(Code::Done), "{what}");
    pair.assert_same(what);
}

#[rstest]
#[case(Lib::Bull4)]
#[case(Lib::BullMq4)]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn remove_from_every_state_leaves_the_keys_of_the_library(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    for state in ["waiting", "paused", "delayed", "prioritized", "completed", "failed", "unlocked"] {
        for (what, mut opts) in [
            ("plain", json!({})),
            ("custom id", json!({"jobId": "order-7"})),
            ("deduplicated", json!({})),
            ("logs", json!({"attempts": 3})),
        ] {
            let queue = pair.fresh();
            if what == "deduplicated" {
                let option = if lib == Lib::Bull4 { "debounce" } else { "deduplication" };
                opts[option] = json!({"id": "one"});
            }
            if state == "delayed" {
                opts["delay"] = 600_000.into();
            }
            if state == "prioritized" {
                opts["priority"] = 5.into();
            }
            let id = pair.add(&queue, opts);
            match state {
                "completed" => drop(pair.finish(&queue, None)),
                "failed" => {
                    for _ in 0..if what == "logs" { 3 } else { 1 } {
                        pair.finish(&queue, Some("boom"));
                    }
                }
                "paused" => pair.queue_call("pause", &queue),
                "unlocked" => {
                    let handle = pair.theirs.call(json!({"op": "worker", "queue": queue, "manual": true}));
                    pair.theirs.call(json!({"op": "take", "handle": handle}));
                    let lock = format!("bull:{queue}:{id}:lock");
                    redis::cmd("DEL").arg(lock).exec(&mut pair.redis_theirs()).unwrap();
                }
                _ => {}
            }
            if what == "logs" {
                pair.theirs.call(json!({"op": "addLog", "queue": queue, "job": id, "line": "half"}));
            }
            pair.add(&queue, json!({}));
            same(&mut pair, &queue, &id, &format!("{state}, {what}"));
            pair.run(&queue);
        }
    }
}

#[rstest]
#[case(Lib::Bull4)]
#[case(Lib::BullMq4)]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn a_running_job_is_not_removed(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    let queue = pair.fresh();
    let id = pair.add(&queue, json!({}));
    let handle = pair.theirs.call(json!({"op": "worker", "queue": queue, "manual": true}));
    pair.theirs.call(json!({"op": "take", "handle": handle}));
    pair.copy();
    let answer = pair.theirs.try_call(json!({"op": "remove", "queue": queue, "job": id}));
    assert!(answer.is_err() || answer == Ok(Value::from(0)), "{answer:?}");
    assert_eq!(pair.ours(&queue, REMOVE, &id), Ok(Code::Locked));
    pair.assert_same("locked");
}

#[rstest]
#[case(Lib::Bull4)]
#[case(Lib::BullMq4)]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn what_is_no_job_is_not_removed(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    let queue = pair.fresh();
    let id = pair.add(&queue, json!({}));
    let keys = [format!("bull:{queue}:{id}:logs"), format!("bull:{queue}:de:x")];
    redis::cmd("RPUSH").arg(&keys[0]).arg("a line").exec(&mut pair.redis_theirs()).unwrap();
    redis::cmd("SET").arg(&keys[1]).arg("1").exec(&mut pair.redis_theirs()).unwrap();
    let definition = format!("bull:{queue}:repeat:daily");
    redis::cmd("HSET")
        .arg(definition)
        .arg(&["name", "x", "data", "{}"])
        .exec(&mut pair.redis_theirs())
        .unwrap();
    pair.copy();
    for (id, code) in [
        ("meta", Code::Reserved),
        ("wait", Code::Reserved),
        ("0:17", Code::Reserved),
        ("1:logs", Code::NotAJob),
        ("de:x", Code::NotAJob),
        ("repeat:daily", Code::NotAJob),
        ("none", Code::Gone),
    ] {
        assert_eq!(pair.ours(&queue, REMOVE, id), Ok(code), "{id}");
    }
    pair.assert_same("refused");
}

/// Trap T4: an id whose hash is gone would run without a name.
#[rstest]
#[case(Lib::Bull4, false)]
#[case(Lib::BullMq5, false)]
#[case(Lib::BullMq6, true)]
fn ghosts_can_be_removed(#[case] lib: Lib, #[case] ran: bool) {
    let mut pair = Pair::new(lib);
    let queue = pair.fresh();
    let id = pair.add(&queue, json!({}));
    pair.add(&queue, json!({}));
    redis::cmd("DEL").arg(format!("bull:{queue}:{id}")).exec(&mut pair.redis_theirs()).unwrap();
    if ran {
        pair.finish(&queue, None);
    }
    same_or_bull(&mut pair, &queue, &id);
    assert_eq!(pair.ours(&queue, REMOVE, &id), Ok(Code::Gone));
    assert_eq!(pair.run(&queue).len(), 1);
}

/// Bull finds no job to remove where there is no hash.
fn same_or_bull(pair: &mut Pair, queue: &str, id: &str) {
    if pair.lib == Lib::Bull4 {
        pair.copy();
        assert_eq!(pair.ours(queue, REMOVE, id), Ok(Code::Done));
        return;
    }
    same(pair, queue, id, "a ghost");
}

/// Bull keeps an index of the jobs that a limit per group has put off.
#[test]
fn a_job_that_a_group_limit_put_off_leaves_the_index_too() {
    let mut pair = Pair::new(Lib::Bull4);
    let queue = pair.fresh();
    let limiter = json!({"limiter": {"max": 1, "duration": 60_000, "groupKey": "g"}});
    pair.theirs.call(json!({"op": "closeQueue", "queue": queue}));
    pair.theirs.call(json!({"op": "open", "queue": queue, "queueOpts": limiter}));
    for _ in 0..3 {
        pair.add_data(&queue, json!({"g": "x"}), json!({}));
    }
    let handle = pair.theirs.call(json!({"op": "worker", "queue": queue, "opts": limiter}));
    pair.theirs.call(json!({"op": "waitIdle", "queue": queue}));
    pair.theirs.call(json!({"op": "workerStop", "handle": handle, "force": true}));
    let dump = pair.dump_theirs();
    let id = dump.members(&format!("bull:{queue}:delayed"))[0].to_owned();
    assert!(dump.get(&format!("bull:{queue}:limiter:index")).is_some(), "{:?}", dump.keys());
    same(&mut pair, &queue, &id, "limited");
}
