//! Flows: what retry and remove do to parents and children.

use rstest::rstest;
use serde_json::{Value, json};
use toril::engine::op::{Code, JobOp};
use toril::wire::State;

use super::Pair;
use crate::support::Lib;

/// A parent `p` in `queue` with children in `queue` or another queue.
fn flow(pair: &mut Pair, queue: &str, children_in: &str, opts: &[Value]) {
    let children: Vec<Value> = opts
        .iter()
        .enumerate()
        .map(|(n, opts)| {
            let mut opts = opts.clone();
            opts["jobId"] = format!("c{n}").into();
            json!({"name": "child", "queueName": children_in, "data": {}, "opts": opts})
        })
        .collect();
    let tree = json!({"name": "parent", "queueName": queue, "data": {}, "opts": {"jobId": "p"}, "children": children});
    pair.theirs.call(json!({"op": "flow", "tree": tree}));
}

fn retry_same(pair: &mut Pair, queue: &str, id: &str, from: State, what: &str) {
    pair.copy();
    pair.theirs.call(json!({"op": "retry", "queue": queue, "job": id, "state": from.name()}));
    let op = JobOp::Retry { from, reset_attempts: false };
    assert_eq!(pair.ours(queue, op, id), Ok(Code::Done), "{what}");
    pair.assert_same(what);
}

fn remove_same(pair: &mut Pair, queue: &str, id: &str, children: bool, what: &str) {
    pair.copy();
    pair.theirs.call(json!({"op": "remove", "queue": queue, "job": id, "removeChildren": children}));
    assert_eq!(pair.ours(queue, JobOp::Remove { children }, id), Ok(Code::Done), "{what}");
    pair.assert_same_but_for_the_order_of_events(what);
}

const OPTIONS: [&str; 5] = [
    "none",
    "failParentOnFailure",
    "removeDependencyOnFailure",
    "ignoreDependencyOnFailure",
    "continueParentOnFailure",
];

fn option(name: &str) -> Value {
    if name == "none" { json!({}) } else { json!({name: true}) }
}

#[rstest]
#[case(Lib::BullMq4)]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn a_retried_child_is_awaited_again(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    for option_name in OPTIONS {
        for error in [None, Some("boom")] {
            for parent_ran in [false, true] {
                let what = format!("{option_name}, {error:?}, parent ran {parent_ran}");
                let queue = pair.fresh();
                let (parent, children) = (format!("{queue}p"), format!("{queue}c"));
                flow(&mut pair, &parent, &children, &[option(option_name)]);
                pair.finish(&children, error);
                if parent_ran {
                    pair.run_theirs(&parent);
                }
                let from = if error.is_some() { State::Failed } else { State::Completed };
                retry_same(&mut pair, &children, "c0", from, &what);
                assert_eq!(pair.run(&children), ["c0"], "{what}");
            }
        }
    }
}

#[rstest]
#[case(Lib::BullMq4)]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn a_removed_child_releases_its_parent(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    for same_queue in [true, false] {
        for children in [1, 2] {
            for paused in [false, true] {
                for done in [false, true] {
                    let what = format!("same queue {same_queue}, {children}, paused {paused}, done {done}");
                    let queue = pair.fresh();
                    let other = if same_queue { queue.clone() } else { format!("{queue}c") };
                    let opts = vec![json!({}); children];
                    flow(&mut pair, &queue, &other, &opts);
                    if done {
                        pair.finish(&other, Some("boom"));
                    }
                    if paused {
                        pair.theirs.call(json!({"op": "pause", "queue": queue}));
                    }
                    remove_same(&mut pair, &other, "c0", true, &what);
                    let ran = pair.run(&queue);
                    // Where the other child is in the same queue, it ran as well.
                    let released = children == 1 || same_queue;
                    assert_eq!(ran.contains(&"p".to_owned()), released, "{lib:?}, {what}");
                }
            }
        }
    }
}

#[rstest]
#[case(Lib::BullMq4)]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn a_removed_parent_takes_its_children_along_or_leaves_them(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    for same_queue in [true, false] {
        for with in [true, false] {
            for finished in 0..4 {
                for name in OPTIONS {
                    let what = format!("same queue {same_queue}, with children {with}, {finished}, {name}");
                    let queue = pair.fresh();
                    let other = if same_queue { queue.clone() } else { format!("{queue}c") };
                    let opts = [option(name), json!({"delay": 600_000}), json!({"priority": 2})];
                    flow(&mut pair, &queue, &other, &opts);
                    for n in 0..finished.min(2) {
                        let parent = pair.theirs.call(json!({"op": "state", "queue": queue, "job": "p"}));
                        if parent != "waiting-children" {
                            break;
                        }
                        pair.finish(&other, (n == 0 && finished != 3).then_some("boom"));
                    }
                    remove_same(&mut pair, &queue, "p", with, &what);
                }
            }
        }
    }
}

#[rstest]
#[case(Lib::BullMq4)]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn grandchildren_go_too_unless_one_of_them_runs(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    for runs in [false, true] {
        let queue = pair.fresh();
        let leaf =
            json!({"name": "leaf", "queueName": format!("{queue}l"), "data": {}, "opts": {"jobId": "l"}});
        let middle = json!({"name": "middle", "queueName": format!("{queue}m"), "data": {}, "opts": {"jobId": "m"}, "children": [leaf]});
        let tree = json!({"name": "parent", "queueName": queue, "data": {}, "opts": {"jobId": "p"}, "children": [middle]});
        pair.theirs.call(json!({"op": "flow", "tree": tree}));
        if !runs {
            remove_same(&mut pair, &queue, "p", true, "grandchildren");
            continue;
        }
        let handle = pair.theirs.call(json!({"op": "worker", "queue": format!("{queue}l"), "manual": true}));
        pair.theirs.call(json!({"op": "take", "handle": handle}));
        pair.copy();
        assert_eq!(pair.theirs.call(json!({"op": "remove", "queue": queue, "job": "p"})), json!(0));
        assert_eq!(pair.ours(&queue, JobOp::Remove { children: true }, "p"), Ok(Code::ChildLocked));
        pair.assert_same("a grandchild runs");
    }
}

/// Retried before its child, a failed parent runs again; what it awaits stays as it was.
#[rstest]
#[case(Lib::BullMq4)]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn a_failed_parent_can_be_retried(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    for name in ["failParentOnFailure", "removeDependencyOnFailure"] {
        let queue = pair.fresh();
        let children = format!("{queue}c");
        flow(&mut pair, &queue, &children, &[option(name)]);
        pair.finish(&children, Some("boom"));
        if name == "failParentOnFailure" {
            pair.run_theirs(&queue);
        } else {
            pair.finish(&queue, Some("boom"));
        }
        assert_eq!(pair.theirs.call(json!({"op": "state", "queue": queue, "job": "p"})), "failed");
        retry_same(&mut pair, &queue, "p", State::Failed, name);
        // In BullMQ 4 the failed child is still awaited: the parent would run and not end.
        if lib != Lib::BullMq4 || name != "failParentOnFailure" {
            assert_eq!(pair.run(&queue), ["p"], "{name}");
        }
    }
}
