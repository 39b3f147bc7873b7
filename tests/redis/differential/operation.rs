//! Operations on one job: delay, priority, promote, retry, remove. The steps of every era are in
//! `parity`; these are the cases of the list.

use rstest::rstest;
use serde_json::json;
use toril::engine::op::{Code, JobOp, Sweep};
use toril::wire::State;

use crate::parity::pair::{Pair, target};
use crate::support::Lib;

fn key(queue: &str, suffix: &str) -> String {
    format!("bull:{queue}:{suffix}")
}

#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn case_49_a_delay_goes_up_and_down_and_the_marker_with_it(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    let queue = pair.fresh();
    let id = pair.add(&queue, json!({"delay": 600_000}));
    pair.add(&queue, json!({"delay": 700_000}));
    pair.copy();
    let mut due = Vec::new();
    for ms in [800_000, 100_000] {
        let call = json!({"op": "changeDelay", "queue": queue, "job": id, "delay": ms});
        pair.theirs.call(call);
        assert_eq!(pair.ours(&queue, JobOp::SetDelay { ms }, &id), Ok(Code::Done));
        pair.assert_same(&format!("{ms}"));
        let dump = pair.dump_ours();
        let mut link = pair.redis_ours();
        let score = |key: String, member: &str| -> f64 {
            redis::cmd("ZSCORE").arg(key).arg(member).query(&mut link).unwrap()
        };
        let mut score = score;
        let marker = score(key(&queue, "marker"), "1");
        let first = dump.members(&key(&queue, "delayed"))[0].to_owned();
        assert!(
            (marker - score(key(&queue, "delayed"), &first) / 4096.0).abs() < 0.01,
            "the first that is due"
        );
        due.push((first, dump.field(&key(&queue, &id), "delay").map(str::to_owned)));
    }
    assert_ne!(due[0].0, id);
    assert_eq!(due[1], (id, Some("100000".to_owned())));
    let waiting = pair.add(&queue, json!({}));
    pair.copy();
    let call = json!({"op": "changeDelay", "queue": queue, "job": waiting, "delay": 5});
    assert!(pair.theirs.try_call(call).unwrap_err().contains("not in the delayed state"));
    assert_eq!(pair.ours(&queue, JobOp::SetDelay { ms: 5 }, &waiting), Ok(Code::NotIn(State::Delayed)));
    pair.assert_same("not delayed");
}

#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn case_50_a_priority_of_five_and_none_again_and_in_front(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    let queue = pair.fresh();
    let id = pair.add(&queue, json!({}));
    let others =
        [json!({}), json!({"priority": 5}), json!({"priority": 1})].map(|opts| pair.add(&queue, opts));
    pair.copy();
    for (priority, front) in [(5, false), (0, false), (5, true), (0, true)] {
        let call =
            json!({"op": "changePriority", "queue": queue, "job": id, "priority": priority, "lifo": front});
        pair.theirs.call(call);
        assert_eq!(pair.ours(&queue, JobOp::SetPriority { priority, front }, &id), Ok(Code::Done));
        pair.assert_same(&format!("{priority}, front {front}"));
    }
    let [plain, five, one] = others;
    assert_eq!(pair.run(&queue), [id, plain, one, five]);
}

#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn case_51_promote_one_and_all_and_retry_all(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    // One: the field `delay` is 0 on both sides.
    let queue = pair.fresh();
    let id = pair.add(&queue, json!({"delay": 600_000}));
    let later = pair.add(&queue, json!({"delay": 700_000}));
    pair.copy();
    pair.theirs.call(json!({"op": "promote", "queue": queue, "job": id}));
    assert_eq!(pair.ours(&queue, JobOp::Promote, &id), Ok(Code::Done));
    pair.assert_same("one");
    // All: the library leaves it; see row 22 of docs/differences.md.
    pair.theirs.call(json!({"op": "promoteJobs", "queue": queue}));
    std::thread::sleep(std::time::Duration::from_millis(3));
    assert_eq!(pair.sweep(Sweep::promote_all(target(lib, &queue), pair.now()), 200), Ok(1));
    assert_eq!(pair.dump_theirs().field(&key(&queue, &later), "delay"), Some("700000"));
    assert_eq!(pair.dump_ours().field(&key(&queue, &later), "delay"), Some("0"));
    assert_eq!(pair.run(&queue), [id, later]);

    // A child that is tried again is awaited again. BullMQ 5 forgets that where it retries all.
    for (error, from) in [(None, State::Completed), (Some("boom"), State::Failed)] {
        let queue = pair.fresh();
        let children = format!("{queue}c");
        let opts = json!({"jobId": "c", "ignoreDependencyOnFailure": true});
        let child = json!({"name": "n", "queueName": children, "data": {}, "opts": opts});
        let tree =
            json!({"name": "n", "queueName": queue, "data": {}, "opts": {"jobId": "p"}, "children": [child]});
        pair.theirs.call(json!({"op": "flow", "tree": tree}));
        pair.finish(&children, error);
        pair.copy();
        let opts = json!({"state": from.name()});
        pair.theirs.call(json!({"op": "retryJobs", "queue": children, "opts": opts}));
        let sweep = Sweep::retry_all(target(lib, &children), from, false, pair.now() + 1);
        assert_eq!(pair.sweep(sweep, 200), Ok(1));
        let awaited = key(&queue, "p:dependencies");
        assert_eq!(pair.dump_ours().members(&awaited), [key(&children, "c")]);
        if lib == Lib::BullMq6 {
            pair.assert_same(from.name());
        } else {
            assert_eq!(pair.dump_theirs().len(&awaited), 0);
        }
        assert_eq!(pair.run(&children), ["c"]);
    }
}

#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn case_52_retry_of_a_failed_job_with_its_attempts_counted_anew(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    for priority in [0, 4] {
        let queue = pair.fresh();
        let id = pair.add(&queue, json!({"attempts": 2, "priority": priority}));
        pair.add(&queue, json!({"priority": 9, "delay": 600_000}));
        for _ in 0..2 {
            pair.finish(&queue, Some("boom"));
        }
        pair.copy();
        let opts = json!({"resetAttemptsMade": true, "resetAttemptsStarted": true});
        let call = json!({"op": "retry", "queue": queue, "job": id, "state": "failed", "opts": opts});
        pair.theirs.call(call);
        let op = JobOp::Retry { from: State::Failed, reset_attempts: true };
        assert_eq!(pair.ours(&queue, op, &id), Ok(Code::Done));
        // BullMQ honours the priority since 6.3.15; see row 1 of docs/differences.md.
        if priority == 0 || lib == Lib::BullMq6 {
            pair.assert_same(&format!("priority {priority}"));
        } else {
            assert_eq!(pair.dump_theirs().members(&key(&queue, "wait")), [&id]);
            assert_eq!(pair.dump_ours().members(&key(&queue, "prioritized")), [&id]);
        }
        assert_eq!(pair.run(&queue), [id]);
    }
}

#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn case_53_remove_what_waits_is_delayed_finished_runs_or_comes_again(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    let remove = JobOp::Remove { children: true };
    let queue = pair.fresh();
    let completed = pair.add(&queue, json!({}));
    pair.finish(&queue, None);
    let locked = pair.add(&queue, json!({}));
    let handle = pair.theirs.call(json!({"op": "worker", "queue": queue, "manual": true}));
    pair.theirs.call(json!({"op": "take", "handle": handle}));
    pair.theirs.call(json!({"op": "workerStop", "handle": handle, "force": true}));
    let waiting = pair.add(&queue, json!({}));
    let delayed = pair.add(&queue, json!({"delay": 600_000}));
    let child = |id: &str| json!({"name": "n", "queueName": queue, "data": {}, "opts": {"jobId": id}});
    let below = json!([child("c0"), child("c1")]);
    let tree =
        json!({"name": "n", "queueName": queue, "data": {}, "opts": {"jobId": "p"}, "children": below});
    pair.theirs.call(json!({"op": "flow", "tree": tree}));
    let repeat = json!({"pattern": "0 3 * * *"});
    pair.theirs.call(json!({"op": "upsertScheduler", "queue": queue, "scheduler": "s", "repeat": repeat}));
    let dump = pair.dump_theirs();
    let next = dump.members(&key(&queue, "delayed")).into_iter().find(|id| id.starts_with("repeat:"));
    let next = next.unwrap().to_owned();
    pair.copy();
    for (id, code) in [
        (completed.as_str(), Code::Done),
        (&waiting, Code::Done),
        (&delayed, Code::Done),
        ("p", Code::Done),
        (&locked, Code::Locked),
        (&next, Code::Scheduler),
    ] {
        let theirs = pair.theirs.try_call(json!({"op": "remove", "queue": queue, "job": id}));
        match code {
            Code::Done => assert_eq!(theirs, Ok(json!(1))),
            Code::Locked => assert_eq!(theirs, Ok(json!(0))),
            _ => assert!(theirs.unwrap_err().contains("belongs to a job scheduler")),
        }
        assert_eq!(pair.ours(&queue, remove, id), Ok(code), "{id}");
        pair.assert_same_but_for_the_order_of_events(id);
    }
}
