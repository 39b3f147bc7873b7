//! What the end of a child does to its parent.

use rstest::rstest;
use serde_json::{Value, json};

use super::{Flows, fails, job, node};
use crate::support::Lib;

#[rstest]
#[case(Lib::BullMq5, json!({}))]
#[case(Lib::BullMq6, json!({}))]
#[case(Lib::BullMq5, json!({"priority": 4}))]
#[case(Lib::BullMq6, json!({"priority": 4}))]
#[case(Lib::BullMq5, json!({"delay": 60_000, "priority": 4}))]
#[case(Lib::BullMq6, json!({"delay": 60_000, "priority": 4}))]
fn case_55_the_last_child_releases_its_parent(#[case] lib: Lib, #[case] opts: Value) {
    let mut flows = Flows::new(lib);
    flows.add_job("q", "before", &json!({}));
    flows.add_job("q", "urgent", &json!({"priority": 4}));
    let children =
        [node("k", "c1", json!({"removeOnComplete": true}), &[]), node("q2", "c2", json!({}), &[])];
    flows.add(&node("q", "p", opts.clone(), &children)).unwrap();
    assert_eq!(flows.step("k").as_deref(), Some("c1"));
    flows.compare();
    assert_eq!(flows.step("q2").as_deref(), Some("c2"));
    flows.compare();
    let dump = flows.dump();
    assert_eq!(dump.field("bull:q:p:processed", "bull:k:c1"), Some(r#"{"by":"c1"}"#));
    if opts == json!({}) {
        assert_eq!(flows.step("q").as_deref(), Some("p"), "before those that waited");
        flows.compare();
    }
}

const POLICIES: [&str; 4] = [
    "failParentOnFailure",
    "continueParentOnFailure",
    "ignoreDependencyOnFailure",
    "removeDependencyOnFailure",
];

/// Every policy and none, the failed child kept or removed, alone or with a sister still to run, and
/// the parent with a delay, a priority or neither.
#[rstest]
#[case(Lib::BullMq5, json!({}))]
#[case(Lib::BullMq6, json!({}))]
#[case(Lib::BullMq5, json!({"priority": 3}))]
#[case(Lib::BullMq6, json!({"delay": 60_000}))]
fn case_56_every_policy(#[case] lib: Lib, #[case] parent: Value) {
    let mut flows = Flows::new(lib);
    let mut count = 0;
    for policy in POLICIES.into_iter().chain(["attempts"]) {
        for gone in [false, true] {
            for alone in [false, true] {
                count += 1;
                let (bad, good, queue) = (format!("bad{count}"), format!("good{count}"), format!("k{count}"));
                let on = if policy == "attempts" { json!(1) } else { json!(true) };
                let mut opts = json!({policy: on});
                if gone {
                    opts["removeOnFail"] = json!(true);
                }
                let mut children = vec![job(&queue, &bad, fails(), opts, &[])];
                if !alone {
                    children.push(node(&queue, &good, json!({}), &[]));
                }
                let id = format!("p{count}");
                flows.add(&node("q", &id, parent.clone(), &children)).unwrap();
                assert_eq!(flows.step(&queue), Some(bad));
                flows.compare();
                if !alone {
                    assert_eq!(flows.step(&queue), Some(good));
                    flows.compare();
                }
            }
        }
    }
    if lib == Lib::BullMq6 {
        while flows.take("q").is_some() {}
        flows.compare();
    }
}

/// A parent that fails because of a child fails its own parent, by its own policy.
#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn case_56_failure_goes_up_the_tree(#[case] lib: Lib) {
    for policy in POLICIES {
        let mut flows = Flows::new(lib);
        let leaf = job("leaves", "leaf", fails(), json!({"failParentOnFailure": true}), &[]);
        let other = node("others", "other", json!({}), &[]);
        let middle = node("middles", "middle", json!({policy: true, "attempts": 5}), &[leaf, other]);
        let root = node("q", "root", json!({"failParentOnFailure": true}), &[middle]);
        flows.add(&node("tops", "top", json!({}), &[root])).unwrap();
        flows.step("leaves");
        flows.compare();
        assert_eq!(flows.dump().field("bull:middles:middle", "defa"), Some("child bull:leaves:leaf failed"));
        assert_eq!(flows.step("middles").as_deref(), Some("middle"));
        flows.compare();
        assert_eq!(flows.step("q").as_deref(), Some("root"));
        flows.compare();
        // The root failed too, or went on without its child.
        let failed = flows.dump().field("bull:q:root", "failedReason").is_some();
        assert_eq!(failed, policy == "failParentOnFailure");
        assert_eq!(flows.step("tops").as_deref(), Some("top"));
        flows.compare();
        // What was pending ends as ever.
        flows.step("others");
        flows.compare();
    }
}

/// The parent is somewhere else by the time its child fails: delayed, running, or failed already.
/// Of BullMQ 6: 5 ends a job that a child failed while it takes it, and hands out the one behind it.
#[test]
fn case_56_the_parent_does_not_wait_any_more() {
    let mut flows = Flows::new(Lib::BullMq6);
    for id in ["first", "second", "third"] {
        let opts = json!({"failParentOnFailure": true});
        flows.add_job("q", id, &json!({"jobId": id}));
        let parent = json!({"id": id, "queue": "bull:q"});
        for child in ["a", "b"] {
            let mut opts = opts.clone();
            opts["jobId"] = format!("{id}-{child}").into();
            opts["parent"] = parent.clone();
            flows.add_job(&format!("k{id}"), "child", &opts);
        }
    }
    let fail_child = |flows: &mut Flows, id: &str| {
        let child = flows.take(&format!("k{id}")).unwrap();
        flows.fail(&child, "boom", false);
        flows.compare();
    };
    // It waits: only noted down.
    fail_child(&mut flows, "second");
    // It runs: noted down, so that it fails when it is tried again, and it cannot complete.
    let first = flows.take("q").unwrap();
    fail_child(&mut flows, "first");
    fail_child(&mut flows, "first");
    let [theirs, ours] = flows.complete(&first, &json!(1));
    assert_eq!(
        theirs.unwrap_err(),
        "Cannot complete job first because it has at least one failed child. moveToFinished"
    );
    assert_eq!(ours.unwrap_err(), "a child of the job failed");
    flows.compare();
    flows.fail(&first, "gives up", false);
    flows.compare();
    // It failed already: nothing to note.
    let second = flows.take("q").unwrap();
    flows.fail(&second, "gives up", false);
    fail_child(&mut flows, "second");
    let third = flows.take("q").unwrap();
    flows.fail(&third, "gives up", false);
    fail_child(&mut flows, "third");
}

/// Delayed parents fail at once.
#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn case_56_a_delayed_parent_fails_at_once(#[case] lib: Lib) {
    let mut flows = Flows::new(lib);
    flows.add_job("q", "p", &json!({"jobId": "p", "delay": 60_000, "priority": 3}));
    let opts = json!({"failParentOnFailure": true, "parent": {"id": "p", "queue": "bull:q"}});
    flows.add_job("k", "c", &opts);
    let child = flows.take("k").unwrap();
    flows.fail(&child, "boom", false);
    flows.compare();
    assert_eq!(flows.step("q").as_deref(), Some("p"));
    // Node 5 looks for another job by itself.
    assert!(flows.take("q").is_none());
    flows.compare();
}

/// A paused queue of parents gets them where its ids are; with BullMQ 6 alone that is `wait`.
#[rstest]
#[case(Lib::BullMq6, "ignoreDependencyOnFailure")]
#[case(Lib::BullMq6, "failParentOnFailure")]
fn case_56_the_queue_of_the_parent_is_paused(#[case] lib: Lib, #[case] policy: &str) {
    let mut flows = Flows::new(lib);
    let child = job("k", "c", fails(), json!({policy: true}), &[]);
    flows.add(&node("q", "p", json!({}), &[child])).unwrap();
    // The same pause on both sides: ours renames unless it is told that the fleet is 6.
    flows.pair.node.call(json!({"op": "pause", "queue": "q"}));
    let mut link = flows.pair.servers[1].connect();
    redis::cmd("HSET")
        .arg("bull:q:meta")
        .arg("paused")
        .arg(1)
        .arg("version")
        .arg("bullmq:6.7.0")
        .exec(&mut link)
        .unwrap();
    redis::cmd("DEL").arg("bull:q:marker").exec(&mut link).unwrap();
    redis::cmd("XADD").arg("bull:q:events").arg("*").arg("event").arg("paused").exec(&mut link).unwrap();
    flows.step("k");
    flows.compare();
    assert_eq!(flows.dump().members("bull:q:wait"), ["p"]);
    assert_eq!(flows.dump().len("bull:q:marker"), 0);
}
