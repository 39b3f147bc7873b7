//! Edits of one job beside the library's own: priority, delay, data, progress, logs, its
//! deduplication id, and the ways out of `active`.

use rstest::rstest;
use serde_json::{Value, json};
use toril::engine::op::{ABANDONED, Code, Exit, JobEdit, JobOp};
use toril::wire::{Raw, State};

use super::Pair;
use crate::support::Lib;

/// Fills a queue with a job in `state` and others beside it; returns its id.
fn seed(pair: &mut Pair, queue: &str, state: &str, mut opts: Value) -> String {
    pair.add(queue, json!({}));
    if state == "delayed" {
        opts["delay"] = 600_000.into();
    }
    if state == "completed" {
        let id = pair.add(queue, json!({"lifo": true}));
        assert_eq!(pair.finish(queue, None), id);
        return id;
    }
    let id = pair.add(queue, opts);
    pair.add(queue, json!({}));
    pair.add(queue, json!({"priority": 3}));
    pair.add(queue, json!({"priority": 5}));
    if state == "paused" {
        pair.queue_call("pause", queue);
    }
    id
}

fn same_order(pair: &mut Pair, queue: &str, what: &str) {
    let (theirs, ours) = (pair.run_theirs(queue), pair.run(queue));
    assert_eq!(ours, theirs, "{:?}, {what}: the order in which they run", pair.lib);
}

#[rstest]
#[case(Lib::BullMq4)]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn another_priority_leaves_the_keys_of_the_library(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    for state in ["waiting", "prioritized", "paused", "delayed", "completed"] {
        for (priority, front) in [(0, false), (0, true), (3, false), (3, true), (9, false)] {
            let what = format!("{state}, {priority}, front {front}");
            // See `a_priority_in_bullmq_4_is_what_was_asked_for`.
            let own = front && priority > 0 || state == "prioritized" && priority == 0;
            if lib == Lib::BullMq4 && own && matches!(state, "waiting" | "prioritized" | "paused") {
                continue;
            }
            let queue = pair.fresh();
            let opts = if state == "prioritized" { json!({"priority": 4}) } else { json!({}) };
            let id = seed(&mut pair, &queue, state, opts);
            pair.copy();
            pair.theirs.call(json!({"op": "changePriority", "queue": queue, "job": id, "priority": priority, "lifo": front}));
            let op = JobOp::SetPriority { priority, front };
            assert_eq!(pair.ours(&queue, op, &id), Ok(Code::Done), "{what}");
            pair.assert_same(&what);
            same_order(&mut pair, &queue, &what);
        }
    }
}

#[rstest]
#[case(Lib::BullMq4)]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn another_delay_leaves_the_keys_of_the_library(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    for (ms, others) in [(0, false), (1, true), (900_000, true), (900_000, false), (300_000, true)] {
        let what = format!("{ms}, others {others}");
        let queue = pair.fresh();
        let id = pair.add(&queue, json!({"delay": 600_000}));
        if others {
            pair.add(&queue, json!({"delay": 500_000}));
            pair.add(&queue, json!({}));
        }
        pair.copy();
        pair.theirs.call(json!({"op": "changeDelay", "queue": queue, "job": id, "delay": ms}));
        assert_eq!(pair.ours(&queue, JobOp::SetDelay { ms }, &id), Ok(Code::Done), "{what}");
        pair.assert_same(&what);
        if ms < 2 {
            assert!(pair.run(&queue).len() <= 2);
            pair.worker.call(json!({"op": "waitIdle", "queue": queue}));
        }
    }
    let queue = pair.fresh();
    let id = pair.add(&queue, json!({}));
    pair.copy();
    assert!(
        pair.theirs.try_call(json!({"op": "changeDelay", "queue": queue, "job": id, "delay": 5})).is_err()
    );
    assert_eq!(pair.ours(&queue, JobOp::SetDelay { ms: 5 }, &id), Ok(Code::NotIn(State::Delayed)));
    pair.assert_same("not delayed");
}

#[rstest]
#[case(Lib::Bull4)]
#[case(Lib::BullMq4)]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn data_progress_and_logs_leave_the_keys_of_the_library(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    for keep in [None, Some(2)] {
        let queue = pair.fresh();
        let option = if lib == Lib::Bull4 { json!({}) } else { json!({"keepLogs": keep}) };
        let id = pair.add(&queue, if keep.is_some() { option } else { json!({}) });
        pair.copy();
        for value in [json!({"to": "ada", "n": [1, null]}), json!("text"), json!(17), json!(null)] {
            // What goes over the driver's line is the same value, ours is the same text.
            let json = Raw::new(value.to_string());
            pair.theirs.call(json!({"op": "updateData", "queue": queue, "job": id, "data": value}));
            let edit = JobEdit::Data { json: json.clone(), was: None };
            assert_eq!(pair.ours_edit(&queue, &edit, &id), Ok(Code::Done));
            pair.theirs.call(json!({"op": "updateProgress", "queue": queue, "job": id, "progress": value}));
            assert_eq!(pair.ours_edit(&queue, &JobEdit::Progress { json }, &id), Ok(Code::Done));
            pair.assert_same("data and progress");
        }
        for line in ["one", "two ü", "three"] {
            pair.theirs.call(json!({"op": "addLog", "queue": queue, "job": id, "line": line, "keep": keep}));
            let edit = JobEdit::Log { line: Raw::new(line) };
            assert_eq!(pair.ours_edit(&queue, &edit, &id), Ok(Code::Done));
        }
        let logs = format!("bull:{queue}:{id}:logs");
        if lib == Lib::Bull4 || keep.is_none() {
            assert_eq!(pair.dump_ours().len(&logs), 3);
        } else {
            assert_eq!(pair.dump_ours().members(&logs), ["two ü", "three"]);
        }
        pair.assert_same("logs");
        if lib != Lib::Bull4 {
            for keep in [1, 0] {
                let args = if keep == 0 { json!([]) } else { json!([keep]) };
                pair.theirs.call(
                    json!({"op": "jobCall", "queue": queue, "job": id, "method": "clearLogs", "args": args}),
                );
                assert_eq!(pair.ours(&queue, JobOp::ClearLogs { keep }, &id), Ok(Code::Done));
                pair.assert_same("cleared");
            }
        }
        let json = Raw::new("{\"do\": \"ok\",  \"big\": 12345678901234567890 }");
        let edit = JobEdit::Data { json: json.clone(), was: Some(Raw::new("null")) };
        assert_eq!(pair.ours_edit(&queue, &edit, &id), Ok(Code::Done));
        assert_eq!(pair.ours_edit(&queue, &edit, &id), Ok(Code::Changed), "it was replaced meanwhile");
        let stored = pair.dump_ours();
        assert_eq!(stored.field(&format!("bull:{queue}:{id}"), "data"), Some(&*json.lossless()));
        assert_eq!(pair.run(&queue), [id]);
    }
}

#[rstest]
#[case(Lib::Bull4)]
#[case(Lib::BullMq6)]
fn what_is_no_json_or_no_job_is_refused(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    let queue = pair.fresh();
    let id = pair.add(&queue, json!({}));
    pair.copy();
    let bad = JobEdit::Data { json: Raw::new("{\"a\":"), was: None };
    assert_eq!(pair.ours_edit(&queue, &bad, &id), Ok(Code::Invalid));
    let good = JobEdit::Progress { json: Raw::new("1") };
    assert_eq!(pair.ours_edit(&queue, &good, "meta"), Ok(Code::Reserved));
    assert_eq!(pair.ours_edit(&queue, &good, "none"), Ok(Code::Gone));
    assert_eq!(
        pair.ours(&queue, JobOp::SetPriority { priority: 1 << 21, front: false }, &id),
        Ok(Code::Invalid)
    );
    let log = JobEdit::Log { line: Raw::new("x") };
    assert_eq!(pair.ours_edit(&queue, &log, "none"), Ok(Code::Gone));
    pair.assert_same("refused");
}

#[test]
fn bull_hears_of_a_progress() {
    let mut pair = Pair::new(Lib::Bull4);
    let queue = pair.fresh();
    let id = pair.add(&queue, json!({}));
    pair.copy();
    let q = queue.as_str();
    let theirs = pair.published(true, |pair| {
        pair.theirs.call(json!({"op": "updateProgress", "queue": q, "job": id, "progress": {"pct": 40}}));
    });
    let ours = pair.published(false, |pair| {
        let edit = JobEdit::Progress { json: Raw::new("{\"pct\":40}") };
        pair.ours_edit(q, &edit, &id).unwrap();
    });
    assert_eq!(ours[0].0, theirs[0].0);
    let read = |heard: &[(String, String)]| serde_json::from_str::<Value>(&heard[0].1).unwrap();
    assert_eq!(read(&ours), read(&theirs));
}

/// A job that a worker took, and then died: its lock is gone.
fn abandoned(pair: &mut Pair, queue: &str, opts: Value) -> String {
    let id = pair.add(queue, opts);
    let handle = pair.theirs.call(json!({"op": "worker", "queue": queue, "manual": true}));
    let taken = pair.theirs.call(json!({"op": "take", "handle": handle}));
    assert_eq!(taken["id"], json!(id));
    pair.theirs.call(json!({"op": "workerStop", "handle": handle, "force": true}));
    redis::cmd("DEL").arg(format!("bull:{queue}:{id}:lock")).exec(&mut pair.redis_theirs()).unwrap();
    id
}

#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn an_abandoned_job_goes_back_in_line_as_in_the_library(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    for opts in [json!({}), json!({"priority": 4}), json!({"attempts": 3, "lifo": true})] {
        let queue = pair.fresh();
        let id = abandoned(&mut pair, &queue, opts.clone());
        pair.add(&queue, json!({}));
        pair.add(&queue, json!({"priority": 4}));
        pair.copy();
        pair.theirs
            .call(json!({"op": "jobCall", "queue": queue, "job": id, "method": "moveToWait", "args": ["0"]}));
        let op = JobOp::MoveOut { to: Exit::Wait };
        assert_eq!(pair.ours(&queue, op, &id), Ok(Code::Done));
        pair.assert_same(&opts.to_string());
        assert_eq!(pair.ours(&queue, op, &id), Ok(Code::NotIn(State::Active)));
        same_order(&mut pair, &queue, &opts.to_string());
    }
}

/// There the library itself has no such operation: what counts is that the job runs next.
#[rstest]
#[case(Lib::Bull4)]
#[case(Lib::BullMq4)]
fn an_abandoned_job_of_an_older_library_runs_next(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    for opts in [json!({}), json!({"attempts": 2})] {
        let queue = pair.fresh();
        let id = abandoned(&mut pair, &queue, opts);
        let other = pair.add(&queue, json!({}));
        pair.copy();
        assert_eq!(pair.ours(&queue, JobOp::MoveOut { to: Exit::Wait }, &id), Ok(Code::Done));
        assert_eq!(pair.ours(&queue, JobOp::MoveOut { to: Exit::Failed }, &id), Ok(Code::Unsupported));
        assert_eq!(pair.run(&queue), [id, other]);
    }
}

#[rstest]
#[case(Lib::Bull4)]
#[case(Lib::BullMq4)]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn a_job_that_somebody_runs_is_not_moved(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    let queue = pair.fresh();
    let id = pair.add(&queue, json!({}));
    let handle = pair.theirs.call(json!({"op": "worker", "queue": queue, "manual": true}));
    pair.theirs.call(json!({"op": "take", "handle": handle}));
    pair.copy();
    let before = pair.dump_ours();
    assert_eq!(pair.ours(&queue, JobOp::MoveOut { to: Exit::Wait }, &id), Ok(Code::Locked));
    assert_eq!(pair.dump_ours(), before);
}

#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn an_abandoned_job_fails_as_in_the_library(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    for opts in [
        json!({}),
        json!({"attempts": 3}),
        json!({"removeOnFail": true}),
        json!({"removeOnFail": 2}),
        json!({"removeOnFail": {"age": 3600, "count": 1}}),
        json!({"stackTraceLimit": 1}),
        json!({"deduplication": {"id": "one"}}),
    ] {
        for earlier in [0, 3] {
            let queue = pair.fresh();
            for _ in 0..earlier {
                pair.failed(&queue, json!({}));
            }
            let id = abandoned(&mut pair, &queue, opts.clone());
            if earlier > 0 {
                pair.add(&queue, json!({}));
            }
            fail_same(&mut pair, &queue, &id, &opts.to_string());
        }
    }
    for policy in ["none", "failParentOnFailure", "removeDependencyOnFailure", "ignoreDependencyOnFailure"] {
        let queue = pair.fresh();
        let children = format!("{queue}c");
        let opts = if policy == "none" { json!({"jobId": "c"}) } else { json!({"jobId": "c", policy: true}) };
        let child = json!({"name": "child", "queueName": children, "data": {}, "opts": opts});
        let tree = json!({"name": "parent", "queueName": queue, "data": {}, "opts": {"jobId": "p"}, "children": [child]});
        pair.theirs.call(json!({"op": "flow", "tree": tree}));
        let handle = pair.theirs.call(json!({"op": "worker", "queue": children, "manual": true}));
        pair.theirs.call(json!({"op": "take", "handle": handle}));
        pair.theirs.call(json!({"op": "workerStop", "handle": handle, "force": true}));
        redis::cmd("DEL").arg(format!("bull:{children}:c:lock")).exec(&mut pair.redis_theirs()).unwrap();
        fail_same(&mut pair, &children, "c", policy);
        assert_eq!(pair.run(&queue).len(), pair.run_theirs(&queue).len());
        pair.assert_same("the parent ran");
    }
}

fn fail_same(pair: &mut Pair, queue: &str, id: &str, what: &str) {
    pair.copy();
    pair.theirs.call(json!({"op": "failAbandoned", "queue": queue, "job": id, "message": ABANDONED}));
    assert_eq!(pair.ours(queue, JobOp::MoveOut { to: Exit::Failed }, id), Ok(Code::Done), "{what}");
    pair.assert_same(what);
}

#[rstest]
#[case(Lib::Bull4)]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn a_deduplication_id_is_freed_only_by_its_owner(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    let option = if lib == Lib::Bull4 { "debounce" } else { "deduplication" };
    for ttl in [None, Some(600_000)] {
        let queue = pair.fresh();
        let opts = match ttl {
            Some(ttl) => json!({option: {"id": "a:b", "ttl": ttl}}),
            None => json!({option: {"id": "a:b"}}),
        };
        let owner = pair.add(&queue, opts.clone());
        let other = pair.add(&queue, json!({option: {"id": "two"}}));
        pair.copy();
        let op = JobOp::ReleaseDeduplication;
        if lib == Lib::Bull4 {
            // Its `removeDebounceKey` deletes this key, where it works: in 4.16 it throws.
            redis::cmd("DEL").arg(format!("bull:{queue}:de:a:b")).exec(&mut pair.redis_theirs()).unwrap();
        } else {
            let method = "removeDeduplicationKey";
            pair.theirs.call(json!({"op": "jobCall", "queue": queue, "job": owner, "method": method}));
        }
        assert_eq!(pair.release(&queue, "a:b", &other), Ok(Code::NotOwner));
        assert_eq!(pair.ours(&queue, op, &owner), Ok(Code::Done));
        pair.assert_same("freed");
        assert_eq!(pair.ours(&queue, op, &owner), Ok(Code::NotOwner));
        assert_eq!(pair.release(&queue, "two", &other), Ok(Code::Done));
        assert_eq!(pair.run(&queue), [owner, other]);
    }
}

#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn unprocessed_children_go_and_the_parent_runs(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    for what in ["all wait", "one completed", "one failed", "one runs", "grandchild"] {
        let queue = pair.fresh();
        let children = format!("{queue}c");
        let node = |id: &str, queue: &str, below: Value| json!({"name": "n", "queueName": queue, "data": {}, "opts": {"jobId": id}, "children": below});
        let below = if what == "grandchild" {
            json!([node("l", &format!("{queue}l"), json!([]))])
        } else {
            json!([])
        };
        let leaves = json!([node("c0", &children, below), node("c1", &children, json!([]))]);
        pair.theirs.call(json!({"op": "flow", "tree": node("p", &queue, leaves)}));
        match what {
            "one completed" => drop(pair.finish(&children, None)),
            "one failed" => drop(pair.finish(&children, Some("boom"))),
            "one runs" => {
                let handle = pair.theirs.call(json!({"op": "worker", "queue": children, "manual": true}));
                pair.theirs.call(json!({"op": "take", "handle": handle}));
                pair.theirs.call(json!({"op": "workerStop", "handle": handle, "force": true}));
            }
            _ => {}
        }
        pair.copy();
        let method = "removeUnprocessedChildren";
        pair.theirs.call(json!({"op": "jobCall", "queue": queue, "job": "p", "method": method}));
        assert_eq!(pair.ours(&queue, JobOp::RemoveChildren, "p"), Ok(Code::Done), "{what}");
        pair.assert_same_but_for_the_order_of_events(what);
        let released = matches!(what, "all wait" | "one completed" | "grandchild");
        assert_eq!(pair.run(&queue), if released { vec!["p"] } else { vec![] }, "{lib:?} {what}");
    }
}
