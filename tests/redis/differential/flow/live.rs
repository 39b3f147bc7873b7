//! Parents that get children while they live, and wait for them in steps.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rstest::rstest;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use toril::engine::flow::Unprocessed;
use toril::engine::{FlowJob, JobContext, JobError, JobOptions, Worker, WorkerOptions};
use toril::wire::JobId;

use super::{Flows, fails, job, node};
use crate::engine::ours::{queue_id, until};
use crate::support::{Dump, Lib};

/// The parent goes on after a failure, and removes what it needs no more.
#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn case_58_continue_and_remove_unprocessed_children(#[case] lib: Lib) {
    let mut flows = Flows::new(lib);
    let below = |id: &str| node("g", id, json!({}), &[]);
    let deep = node("g", "deep", json!({}), &[node("x", "deepest", json!({}), &[])]);
    let children = [
        job("k", "bad", fails(), json!({"continueParentOnFailure": true}), &[]),
        node("k", "done", json!({}), &[]),
        node("k", "runs", json!({}), &[]),
        job("k", "stuck", fails(), json!({}), &[]),
        node("k", "waits", json!({}), &[]),
        node("k", "later", json!({"delay": 60_000}), &[]),
        node("k", "urgent", json!({"priority": 2}), &[]),
        node("k", "tree", json!({}), &[below("g-done"), below("g-runs"), below("g-waits"), deep]),
    ];
    flows.add(&node("q", "p", json!({}), &children)).unwrap();
    for name in ["bad", "done"] {
        assert_eq!(flows.step("k").as_deref(), Some(name));
    }
    let runs = flows.take("k").unwrap();
    assert_eq!(flows.step("k").as_deref(), Some("stuck"));
    flows.step("g");
    let below_runs = flows.take("g").unwrap();
    flows.compare();

    let parent = flows.take("q").unwrap();
    let (handle, _) = &flows.workers["q"];
    let call = json!({"op": "jobCall", "handle": handle, "job": "p", "method": "removeUnprocessedChildren"});
    flows.pair.node.call(call);
    let queue = flows.pair.ours.queue("q");
    let told = flows.pair.ours.wait(queue.remove_unprocessed_children(&JobId::new("p"))).unwrap();
    assert_eq!(told, Unprocessed { removed: 4, kept: 2 });
    // The order in which a set is walked is chance, and so is that of the events.
    flows.compare_keys();
    let dump = flows.dump();
    assert_eq!(dump.members("bull:q:p:dependencies"), ["bull:k:runs", "bull:k:stuck"]);
    assert!(dump.get("bull:k:tree").is_none() && dump.get("bull:x:deepest").is_none());
    assert!(dump.get("bull:g:g-runs").is_some() && dump.get("bull:g:g-done").is_some());

    assert_eq!(flows.complete(&below_runs, &json!(1)), [Ok(()), Ok(())]);
    assert_eq!(flows.complete(&runs, &json!(1)), [Ok(()), Ok(())]);
    flows.compare_keys();
    let [theirs, ours] = flows.complete(&parent, &json!(1));
    assert_eq!(theirs.unwrap_err(), "Job p has pending dependencies. moveToFinished");
    assert_eq!(ours.unwrap_err(), "the job has children that are not finished");
}

/// When the last child goes, its parent is next in line, whatever its delay and priority.
#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn case_58_without_its_children_a_parent_is_next(#[case] lib: Lib) {
    let mut flows = Flows::new(lib);
    flows.add_job("q", "before", &json!({}));
    let parent = json!({"priority": 3, "delay": 60_000});
    flows
        .add(&node("q", "p", parent, &[node("k", "c", json!({}), &[node("g", "g", json!({}), &[])])]))
        .unwrap();
    flows
        .pair
        .node
        .call(json!({"op": "jobCall", "queue": "q", "job": "p", "method": "removeUnprocessedChildren"}));
    let queue = flows.pair.ours.queue("q");
    flows.pair.ours.wait(queue.remove_unprocessed_children(&JobId::new("p"))).unwrap();
    flows.compare();
    assert_eq!(flows.step("q").as_deref(), Some("p"));
    flows.compare();
}

/// More children than one script looks at.
#[test]
fn thousands_of_children_are_removed_in_steps() {
    let flows = Flows::new(Lib::BullMq6);
    let queue = flows.pair.ours.queue("q");
    let job = |_| {
        FlowJob::new(queue_id("k"), "leaf", &json!({})).child(FlowJob::new(queue_id("g"), "low", &json!({})))
    };
    let flow = FlowJob::new(queue_id("q"), "p", &json!({})).children((0..450).map(job));
    let added = flows.pair.ours.wait(queue.add_flow(flow)).unwrap();
    for _ in 0..3 {
        let more = (0..450)
            .map(|n| job(n).options(JobOptions { parent: Some(added.as_parent()), ..JobOptions::default() }));
        let more = flows.pair.ours.wait(queue.add_flows(more)).unwrap();
        assert!(more.iter().all(Result::is_ok));
    }
    assert_eq!(flows.pair.ours.wait(queue.dependencies_count(&added.id)).unwrap().pending, 1800);
    let told = flows.pair.ours.wait(queue.remove_unprocessed_children(&added.id)).unwrap();
    assert_eq!(told, Unprocessed { removed: 1800, kept: 0 });
    let dump = flows.dump();
    assert_eq!(dump.members("bull:q:wait"), [added.id.lossless()]);
    assert_eq!(dump.len("bull:k:waiting-children") + dump.len("bull:g:wait"), 0);
}

/// `moveToWaitingChildren` says yes while a child is pending, and no after it.
#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn case_58_a_step_waits_only_for_pending_children(#[case] lib: Lib) {
    let mut flows = Flows::new(lib);
    flows.add_job("q", "p", &json!({"jobId": "p", "attempts": 2}));
    let parent = flows.take("q").unwrap();
    flows.add_job("k", "c", &json!({"parent": {"id": "p", "queue": "bull:q"}}));
    flows.compare();
    let [theirs, ours] = flows.complete(&parent, &json!(1));
    assert!(theirs.is_err() && ours.is_err(), "a child is pending");
    flows.compare();
    let (handle, worker) = &flows.workers["q"];
    let call = json!({"op": "jobCall", "handle": handle, "job": "p", "method": "moveToWaitingChildren", "args": ["token"]});
    assert_eq!(flows.pair.node.call(call.clone()), json!(true));
    flows.pair.ours.wait(worker.fail(&parent.ours, &JobError::waiting_children(), None)).unwrap();
    flows.compare();
    assert_eq!(flows.dump().members("bull:q:waiting-children"), ["p"]);
    flows.step("k");
    flows.compare();
    let parent = flows.take("q").unwrap();
    let (handle, _) = &flows.workers["q"];
    let call = json!({"op": "jobCall", "handle": handle, "job": "p", "method": "moveToWaitingChildren", "args": ["token"]});
    assert_ne!(flows.pair.node.call(call), json!(true));
    assert_eq!(flows.complete(&parent, &json!("whole")), [Ok(()), Ok(())]);
    flows.compare();
}

/// The whole of a handler in steps: it adds children, waits for them, is run again and reads their values.
#[test]
fn a_handler_adds_children_and_waits_for_them() {
    let flows = Flows::new(Lib::BullMq6);
    let ours = &flows.pair.ours;
    let queue = ours.queue("q");
    let id =
        ours.wait(queue.add("sum", &json!({}), JobOptions { attempts: 1, ..JobOptions::default() })).unwrap();
    let runs = Arc::new(AtomicUsize::new(0));
    let stop = CancellationToken::new();
    let counted = runs.clone();
    let handler = move |job: JobContext| {
        let counted = counted.clone();
        async move {
            counted.fetch_add(1, Ordering::Relaxed);
            if job.dependencies_count().await? == toril::engine::read::job::Children::default() {
                for n in 1..=3 {
                    // A step that is run again after a crash finds its children.
                    for _ in 0..2 {
                        let id = Some(format!("part-{n}"));
                        let child = FlowJob::new(queue_id("parts"), "part", &n);
                        job.add_child(child.options(JobOptions { id, ..JobOptions::default() })).await?;
                    }
                }
                if job.move_to_waiting_children().await? {
                    return Err(JobError::waiting_children());
                }
            }
            let mut sum = 0;
            for child in job.children_values().await? {
                sum += child.read::<i64>()?;
            }
            Ok(sum)
        }
    };
    let sum = Worker::new(ours.conn.clone(), queue_id("q"), WorkerOptions::default());
    let sum = ours.runtime.spawn(sum.run(handler, stop.clone()));
    until(|| flows.dump().len("bull:q:waiting-children") == 1);
    let parts = Worker::new(ours.conn.clone(), queue_id("parts"), WorkerOptions::default());
    let square = |job: JobContext| async move {
        let n: i64 = job.data()?;
        Ok(n * n)
    };
    let parts = ours.runtime.spawn(parts.run(square, stop.clone()));
    until(|| flows.dump().len("bull:q:completed") == 1);
    stop.cancel();
    for task in [sum, parts] {
        ours.wait(task).unwrap();
    }
    let dump = flows.dump();
    let key = format!("bull:q:{}", id.lossless());
    assert_eq!(dump.field(&key, "returnvalue"), Some("14"));
    assert_eq!(dump.field(&key, "atm"), Some("1"), "a step is no attempt");
    assert_eq!(runs.load(Ordering::Relaxed), 2);
    assert_eq!(dump.len(&format!("{key}:processed")), 3);
    let waited = dump.events("bull:q:events", "event");
    assert_eq!(waited.iter().filter(|event| **event == "waiting-children").count(), 1);
}

/// A parent in each state that it can have while it is not finished.
#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn case_59_children_for_a_living_parent(#[case] lib: Lib) {
    let mut flows = Flows::new(lib);
    let parent = |id: &str| json!({"id": id, "queue": "bull:q"});
    // Waiting: it runs, and cannot complete.
    flows.add_job("q", "waits", &json!({"jobId": "waits", "attempts": 2}));
    flows.add_job("k", "c1", &json!({"parent": parent("waits"), "ignoreDependencyOnFailure": true}));
    flows.compare();
    let held = flows.take("q").unwrap();
    let [theirs, ours] = flows.complete(&held, &json!(1));
    assert_eq!(theirs.unwrap_err(), "Job waits has pending dependencies. moveToFinished");
    assert!(ours.is_err());
    // Active: the same.
    flows.add_job("k", "c2", &json!({"parent": parent("waits"), "delay": 60_000}));
    flows.compare();
    flows.step("k");
    flows.compare();
    // Waiting for children: one more.
    flows.add(&node("q", "p", json!({}), &[node("k", "c3", json!({}), &[])])).unwrap();
    flows.add_job("k", "c4", &json!({"jobId": "c4", "parent": parent("p"), "priority": 2}));
    flows.add_job("k", "c4", &json!({"jobId": "c4", "parent": parent("p")}));
    // A tree for a living parent.
    let more = node("k", "tree", json!({"parent": parent("p")}), &[node("g", "below", json!({}), &[])]);
    flows.add(&more).unwrap();
    flows.compare();
    for name in ["c3", "c4"] {
        assert_eq!(flows.step("k").as_deref(), Some(name));
        flows.compare();
    }
    flows.step("g");
    assert_eq!(flows.step("k").as_deref(), Some("tree"));
    flows.compare();
    assert_eq!(flows.step("q").as_deref(), Some("p"));
    flows.compare();
    // Finished: it is noted down, and nobody looks.
    flows.add_job("k", "c5", &json!({"parent": parent("p")}));
    flows.compare();
    flows.step("k");
    flows.compare();
}

/// A child that had completed releases a parent that waits for nothing else.
#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn case_59_a_child_that_had_completed(#[case] lib: Lib) {
    let mut flows = Flows::new(lib);
    flows.add_job("k", "c", &json!({"jobId": "c"}));
    flows.step("k");
    flows.add_job("q", "p", &json!({"jobId": "p"}));
    let held = flows.take("q").unwrap();
    flows.add_job("g", "other", &json!({"jobId": "other", "parent": {"id": "p", "queue": "bull:q"}}));
    let (handle, worker) = &flows.workers["q"];
    let call = json!({"op": "jobCall", "handle": handle, "job": "p", "method": "moveToWaitingChildren", "args": ["token"]});
    flows.pair.node.call(call);
    flows.pair.ours.wait(worker.fail(&held.ours, &JobError::waiting_children(), None)).unwrap();
    flows.add_job("k", "c", &json!({"jobId": "c", "parent": {"id": "p", "queue": "bull:q"}}));
    flows.compare();
    assert_eq!(flows.dump().field("bull:q:p:processed", "bull:k:c"), Some(r#"{"by":"c"}"#));
    flows
        .pair
        .node
        .call(json!({"op": "jobCall", "queue": "g", "job": "other", "method": "removeChildDependency"}));
    let queue = flows.pair.ours.queue("g");
    assert_eq!(flows.pair.ours.wait(queue.remove_child_dependency(&JobId::new("other"))), Ok(true));
    flows.compare();
    let theirs: Value = flows.pair.node.call(json!({"op": "state", "queue": "q", "job": "p"}));
    assert_eq!(theirs, "waiting");
    assert_eq!(Dump::of(&flows.pair.servers[1]).members("bull:q:wait"), ["p"]);
}
