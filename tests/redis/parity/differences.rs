//! One test for each row of `docs/differences.md` that is about an act: what the library leaves, what
//! ours leaves, and that a real worker goes on from it.

use rstest::rstest;
use serde_json::json;
use toril::engine::op::{Code, JobOp, QueueOp};
use toril::wire::{Fleet, State};

use super::Pair;
use crate::support::Lib;

const RETRY: JobOp = JobOp::Retry { from: State::Failed, reset_attempts: false };
const REMOVE: JobOp = JobOp::Remove { children: true };

fn retry_both(pair: &mut Pair, queue: &str, id: &str) {
    pair.copy();
    pair.theirs.call(json!({"op": "retry", "queue": queue, "job": id, "state": "failed"}));
    assert_eq!(pair.ours(queue, RETRY, id), Ok(Code::Done));
}

/// Row 1.
#[rstest]
#[case(Lib::BullMq4)]
#[case(Lib::BullMq5)]
fn retry_honours_priority(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    let queue = pair.fresh();
    let id = pair.failed(&queue, json!({"priority": 5}));
    let first = pair.add(&queue, json!({"priority": 2}));
    let last = pair.add(&queue, json!({"priority": 9}));
    retry_both(&mut pair, &queue, &id);
    let (theirs, ours) = (pair.dump_theirs(), pair.dump_ours());
    assert!(theirs.members(&format!("bull:{queue}:wait")).contains(&id.as_str()));
    assert_eq!(ours.members(&format!("bull:{queue}:prioritized")), [&first, &id, &last]);
    assert_eq!(pair.run(&queue), [first, id, last]);
}

/// Row 1 in Bull, whose `priority` is an index over the list.
#[test]
fn retry_honours_priority_in_bull() {
    for paused in [false, true] {
        let mut pair = Pair::new(Lib::Bull4);
        let queue = pair.fresh();
        let id = pair.failed(&queue, json!({"priority": 5}));
        let [first, same, last, none] =
            [json!({"priority": 2}), json!({"priority": 5}), json!({"priority": 9}), json!({})]
                .map(|opts| pair.add(&queue, opts));
        if paused {
            pair.queue_call("pause", &queue);
        }
        retry_both(&mut pair, &queue, &id);
        let order = [&first, &same, &id, &last, &none];
        let mut list = pair
            .dump_ours()
            .members(&format!("bull:{queue}:{}", if paused { "paused" } else { "wait" }))
            .join(" ");
        list = list.split(' ').rev().collect::<Vec<_>>().join(" ");
        assert_eq!(list, order.map(String::as_str).join(" "));
        assert!(pair.dump_ours().members(&format!("bull:{queue}:priority")).contains(&id.as_str()));
        assert_eq!(pair.run(&queue), order.map(String::clone));
        assert_eq!(pair.dump_ours().len(&format!("bull:{queue}:priority")), 0);
    }
}

/// Row 2.
#[rstest]
#[case(Lib::BullMq4)]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn retry_refuses_a_job_that_still_runs(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    let queue = pair.fresh();
    let id = pair.failed(&queue, json!({}));
    let lock = format!("bull:{queue}:{id}:lock");
    redis::cmd("SET").arg(lock).arg("somebody").arg("PX").arg(60_000).exec(&mut pair.redis_theirs()).unwrap();
    pair.copy();
    let before = pair.dump_ours();
    assert_eq!(pair.ours(&queue, RETRY, &id), Ok(Code::Locked));
    assert_eq!(pair.dump_ours(), before);
    pair.theirs.call(json!({"op": "retry", "queue": queue, "job": id, "state": "failed"}));
    assert_eq!(pair.dump_theirs().len(&format!("bull:{queue}:wait")), 1);
}

/// Row 3 (trap T13).
#[test]
fn a_refused_retry_in_bull_changes_nothing() {
    let mut pair = Pair::new(Lib::Bull4);
    let queue = pair.fresh();
    let id = pair.add(&queue, json!({}));
    pair.finish(&queue, None);
    pair.copy();
    let before = pair.dump_ours();
    let _ = pair.theirs.try_call(json!({"op": "retry", "queue": queue, "job": id}));
    assert_eq!(pair.ours(&queue, RETRY, &id), Ok(Code::NotIn(State::Failed)));
    let completed = JobOp::Retry { from: State::Completed, reset_attempts: false };
    assert_eq!(pair.ours(&queue, completed, &id), Ok(Code::Unsupported));
    assert_eq!(pair.dump_ours(), before);
    let job = format!("bull:{queue}:{id}");
    assert!(pair.dump_theirs().field(&job, "finishedOn").is_none());
    assert!(pair.dump_theirs().field(&job, "retriedOn").is_some());
}

/// Row 4: the library of these eras has no reset; later ones keep an old counter that wins.
#[rstest]
#[case(Lib::Bull4, "attemptsMade")]
#[case(Lib::BullMq4, "attemptsMade")]
#[case(Lib::BullMq5, "atm")]
#[case(Lib::BullMq6, "atm")]
fn a_reset_takes_every_counter_of_attempts(#[case] lib: Lib, #[case] counter: &str) {
    let mut pair = Pair::new(lib);
    let queue = pair.fresh();
    let id = pair.failed(&queue, json!({}));
    let job = format!("bull:{queue}:{id}");
    assert!(pair.dump_theirs().field(&job, counter).is_some());
    redis::cmd("HSET").arg(&job).arg("attemptsMade").arg(1).exec(&mut pair.redis_theirs()).unwrap();
    pair.copy();
    let op = JobOp::Retry { from: State::Failed, reset_attempts: true };
    assert_eq!(pair.ours(&queue, op, &id), Ok(Code::Done));
    for field in ["attemptsMade", "atm", "ats"] {
        assert_eq!(pair.dump_ours().field(&job, field), None);
    }
    assert_eq!(pair.run(&queue), [id]);
}

/// Row 5: ids of a paused queue stay in one list.
#[rstest]
#[case(Lib::BullMq5, "wait")]
#[case(Lib::BullMq6, "paused")]
fn what_is_pushed_while_paused_goes_where_the_ids_are(#[case] lib: Lib, #[case] list: &str) {
    let mut pair = Pair::new(lib);
    let other = if list == "wait" { "paused" } else { "wait" };
    for op in ["retry", "promote"] {
        let queue = pair.fresh();
        let failed = pair.failed(&queue, json!({}));
        let delayed = pair.add(&queue, json!({"delay": 600_000}));
        let waiting = pair.add(&queue, json!({}));
        pair.queue_call("pause", &queue);
        // As a client of the other release left it.
        let keys = [format!("bull:{queue}:{other}"), format!("bull:{queue}:{list}")];
        redis::cmd("RENAME").arg(&keys[0]).arg(&keys[1]).exec(&mut pair.redis_theirs()).unwrap();
        pair.copy();
        let (id, ours) = if op == "retry" { (&failed, RETRY) } else { (&delayed, JobOp::Promote) };
        pair.theirs.call(json!({"op": op, "queue": queue, "job": id, "state": "failed"}));
        assert_eq!(pair.ours(&queue, ours, id), Ok(Code::Done));
        assert_eq!(pair.dump_theirs().members(&keys[0]), [id], "the library splits the queue");
        assert_eq!(pair.dump_ours().members(&keys[1]), [id, &waiting]);
        assert_eq!(pair.run(&queue).len(), 2);
    }
}

/// Row 6: pause and resume never rename over ids.
#[rstest]
#[case(Lib::Bull4)]
#[case(Lib::BullMq4)]
#[case(Lib::BullMq5)]
fn pause_and_resume_keep_what_both_lists_hold(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    for (first, op) in [("pause", QueueOp::Resume), ("resume", QueueOp::Pause { fleet: Fleet::Mixed })] {
        let queue = pair.fresh();
        let id = pair.add(&queue, json!({}));
        pair.queue_call("pause", &queue);
        let keys = [format!("bull:{queue}:wait"), format!("bull:{queue}:paused")];
        let hash = [format!("bull:{queue}:{id}"), format!("bull:{queue}:x")];
        redis::cmd("COPY").arg(&hash[0]).arg(&hash[1]).exec(&mut pair.redis_theirs()).unwrap();
        redis::cmd("LPUSH").arg(&keys[0]).arg("x").exec(&mut pair.redis_theirs()).unwrap();
        pair.copy();
        let theirs = if first == "pause" { "resume" } else { "pause" };
        pair.queue_call(theirs, &queue);
        let outcome = pair.ours_on_queue(&queue, op).unwrap();
        assert_eq!(outcome.moved, 1);
        let total = |dump: &crate::support::Dump| dump.len(&keys[0]) + dump.len(&keys[1]);
        assert_eq!(total(&pair.dump_theirs()), 1, "the library loses one");
        let into = if theirs == "resume" { &keys[0] } else { &keys[1] };
        assert_eq!(pair.dump_ours().members(into), ["x", &id]);
        assert_eq!(pair.run(&queue), [id, "x".to_owned()]);
    }
}

/// Row 7: nobody said that every client is `BullMQ` 6.
#[test]
fn pause_renames_unless_the_fleet_is_known() {
    let mut pair = Pair::new(Lib::BullMq6);
    for (fleet, renamed) in [(Fleet::Mixed, true), (Fleet::V5, true), (Fleet::V6, false)] {
        let queue = pair.fresh();
        let id = pair.add(&queue, json!({}));
        pair.copy();
        pair.ours_on_queue(&queue, QueueOp::Pause { fleet }).unwrap();
        let list = if renamed { "paused" } else { "wait" };
        assert_eq!(pair.dump_ours().members(&format!("bull:{queue}:{list}")), [&id]);
        let handle = pair.worker.call(json!({"op": "worker", "queue": queue, "manual": true}));
        assert_eq!(pair.worker.call(json!({"op": "take", "handle": handle})), json!(null));
        assert_eq!(pair.run(&queue), [id]);
    }
}

/// Row 8: `BullMQ` 5 wakes nobody when it resumes a queue that `BullMQ` 6 paused.
#[test]
fn resume_wakes_workers_whoever_paused() {
    let mut pair = Pair::new(Lib::BullMq5);
    let queue = pair.fresh();
    let id = pair.add(&queue, json!({}));
    pair.copy();
    for mut link in [pair.redis_theirs(), pair.redis_ours()] {
        redis::cmd("HSET").arg(format!("bull:{queue}:meta")).arg("paused").arg(1).exec(&mut link).unwrap();
        redis::cmd("DEL").arg(format!("bull:{queue}:marker")).exec(&mut link).unwrap();
    }
    pair.queue_call("resume", &queue);
    pair.ours_on_queue(&queue, QueueOp::Resume).unwrap();
    let marker = format!("bull:{queue}:marker");
    assert_eq!(pair.dump_theirs().len(&marker), 0);
    assert_eq!(pair.dump_ours().members(&marker), ["0"]);
    assert_eq!(pair.run(&queue), [id]);
}

/// Row 9: without its next iteration a scheduler or repeatable stops.
#[rstest]
#[case(Lib::Bull4)]
#[case(Lib::BullMq4)]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn the_next_iteration_is_not_removed(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    let queue = pair.fresh();
    let new = matches!(lib, Lib::BullMq5 | Lib::BullMq6);
    if new {
        let repeat = json!({"pattern": "0 3 * * *"});
        pair.theirs
            .call(json!({"op": "upsertScheduler", "queue": queue, "scheduler": "night", "repeat": repeat}));
    } else {
        let repeat = json!({"every": 600_000, "cron": null});
        pair.theirs.call(
            json!({"op": "addRepeatable", "queue": queue, "name": "tick", "data": {}, "repeat": repeat}),
        );
    }
    let id = pair.dump_theirs().members(&format!("bull:{queue}:delayed"))[0].to_owned();
    assert!(id.starts_with("repeat:"), "{id}");
    pair.copy();
    let before = pair.dump_ours();
    assert_eq!(pair.ours(&queue, REMOVE, &id), Ok(Code::Scheduler));
    assert_eq!(pair.dump_ours(), before);
    let answer = pair.theirs.try_call(json!({"op": "remove", "queue": queue, "job": id}));
    assert_eq!(answer.is_err(), new, "{answer:?}");
    // It may be promoted, as in the library.
    assert_eq!(pair.ours(&queue, JobOp::Promote, &id), Ok(Code::Done));
}

/// Row 10 (trap T9): a child's id may contain colons.
#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn a_child_with_colons_in_its_id_is_removed_from_its_own_queue(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    let queue = pair.fresh();
    let children = format!("{queue}c");
    let child = json!({"name": "child", "queueName": children, "data": {}, "opts": {"jobId": "a:b:c"}});
    let tree = json!({"name": "parent", "queueName": queue, "data": {}, "opts": {"jobId": "p"}, "children": [child]});
    pair.theirs.call(json!({"op": "flow", "tree": tree}));
    pair.copy();
    pair.theirs.call(json!({"op": "remove", "queue": queue, "job": "p"}));
    assert_eq!(pair.ours(&queue, REMOVE, "p"), Ok(Code::Done));
    let wait = format!("bull:{children}:wait");
    let phantom = format!("bull:{children}:a:b:events");
    assert_eq!(pair.dump_theirs().members(&wait), ["a:b:c"], "the library leaves a ghost");
    assert!(pair.dump_theirs().get(&phantom).is_some());
    assert_eq!(pair.dump_ours().len(&wait), 0);
    assert!(pair.dump_ours().get(&phantom).is_none());
    let events = pair.dump_ours();
    assert_eq!(events.events(&format!("bull:{children}:events"), "event").last(), Some(&"removed"));
}

/// Where the library answers that it removed what is not there, ours says that it is gone.
#[rstest]
#[case(Lib::BullMq4)]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn removing_what_is_not_there_writes_nothing(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    let queue = pair.fresh();
    pair.add(&queue, json!({}));
    pair.copy();
    let before = pair.dump_ours();
    assert_eq!(pair.theirs.call(json!({"op": "remove", "queue": queue, "job": "none"})), json!(1));
    assert_eq!(pair.ours(&queue, REMOVE, "none"), Ok(Code::Gone));
    assert_eq!(pair.dump_ours(), before);
    pair.assert_same("nothing was there");
}

/// Row 11 (trap T8): ids that name something else, and ghosts (trap T4).
#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn what_is_no_job_is_left_alone(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    let queue = pair.fresh();
    let id = pair.failed(&queue, json!({}));
    redis::cmd("HDEL").arg(format!("bull:{queue}:{id}")).arg("name").exec(&mut pair.redis_theirs()).unwrap();
    pair.copy();
    assert_eq!(pair.theirs.call(json!({"op": "remove", "queue": queue, "job": "meta"})), json!(1));
    let version =
        |dump: crate::support::Dump| dump.field(&format!("bull:{queue}:meta"), "version").map(str::to_owned);
    assert_eq!(version(pair.dump_theirs()), None, "the library removes what `meta` told");
    let before = pair.dump_ours();
    assert_eq!(pair.ours(&queue, REMOVE, "meta"), Ok(Code::Reserved));
    assert_eq!(pair.ours(&queue, RETRY, &id), Ok(Code::NotAJob));
    assert_eq!(pair.dump_ours(), before);
    assert_eq!(pair.ours(&queue, REMOVE, &id), Ok(Code::Done));
    assert_eq!(pair.dump_ours().len(&format!("bull:{queue}:failed")), 0);
}
