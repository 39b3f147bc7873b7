//! Trees that are added, and trees that are not.

use rstest::rstest;
use serde_json::{Value, json};
use toril::engine::flow::MOST_JOBS;
use toril::engine::{AddError, FlowJob, JobOptions, OptionError};
use toril::wire::JobId;

use super::{Flows, node, options, tree};
use crate::engine::ours::queue_id;
use crate::support::{Dump, Lib};

/// A leaf without an id of its own.
#[allow(clippy::needless_pass_by_value, reason = "callers write the JSON in place")]
fn leaf(queue: &str, name: &str, opts: Value) -> Value {
    json!({"name": name, "queueName": queue, "data": {"of": name}, "opts": opts})
}

#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn case_54_a_tree_over_queues_and_prefixes(#[case] lib: Lib) {
    let mut flows = Flows::new(lib);
    let mut far = leaf("far", "far", json!({"priority": 3}));
    far["prefix"] = "other".into();
    let mut deep = leaf("far", "deep", json!({"ignoreDependencyOnFailure": true}));
    deep["prefix"] = "other".into();
    deep["children"] = json!([leaf("k", "deepest", json!({"attempts": 3, "removeOnComplete": true}))]);
    let mut a = leaf("k", "a", json!({"failParentOnFailure": true}));
    a["children"] = json!([leaf("q", "a1", json!({"lifo": true})), far, deep]);
    let mut b = leaf("q", "b", json!({"continueParentOnFailure": true, "delay": 60_000}));
    b["children"] = json!([leaf("k", "b1", json!({"delay": 60_000}))]);
    let c = leaf("k", "c", json!({"removeDependencyOnFailure": true}));
    let mut root = leaf("q", "root", json!({"priority": 7}));
    root["children"] = json!([a, b, c]);
    let added = flows.add(&root).unwrap();
    flows.compare();
    assert_eq!(added.children.len(), 3);
    // Ids are random, for leaves too, and say where the job is.
    let dump = flows.dump();
    let key = format!("bull:k:{}", added.children[2].id.lossless());
    assert_eq!(dump.field(&key, "name"), Some("c"));
    let events = dump.events("bull:q:events", "name");
    assert_eq!(events, ["root", "b", "a1"], "level by level");
}

/// Several trees of one call; BullMQ's is one `MULTI`.
#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn case_54_several_trees_in_one_call(#[case] lib: Lib) {
    let mut flows = Flows::new(lib);
    let trees = [
        node("q", "p1", json!({}), &[node("k", "c1", json!({}), &[]), node("k", "c2", json!({}), &[])]),
        node("q", "alone", json!({"priority": 2}), &[]),
        node("k", "p2", json!({}), &[node("q", "c3", json!({}), &[])]),
    ];
    flows.pair.node.call(json!({"op": "flowBulk", "trees": trees}));
    let queue = flows.pair.ours.queue("q");
    let added = flows.pair.ours.wait(queue.add_flows(trees.iter().map(tree))).unwrap();
    assert!(added.iter().all(Result::is_ok));
    flows.compare();
}

/// One of several trees is refused, by itself; what it would have held is not there for the others.
#[test]
fn a_refused_tree_leaves_nothing_and_the_others_are_added() {
    let mut flows = Flows::new(Lib::BullMq6);
    flows.add(&node("q", "first", json!({}), &[node("k", "taken", json!({}), &[])])).unwrap();
    let before = flows.dump();
    let bad =
        node("q", "bad", json!({}), &[node("k", "new", json!({}), &[]), node("k", "taken", json!({}), &[])]);
    let error = flows.ours(&bad).unwrap_err();
    assert_eq!((error.cause, error.job), (AddError::ParentTaken, Some((queue_id("k"), "taken".to_owned()))));
    assert_eq!(flows.dump(), before);

    let good = node("q", "good", json!({}), &[node("k", "new", json!({}), &[])]);
    let call = flows.pair.ours.queue("q");
    let added = flows.pair.ours.wait(call.add_flows([tree(&bad), tree(&good)])).unwrap();
    assert_eq!(added[0].as_ref().unwrap_err().cause, AddError::ParentTaken);
    assert!(added[1].is_ok());
    // BullMQ adds what is left of the bad one; here nothing is.
    flows.pair.node.call(json!({"op": "flow", "tree": good}));
    flows.compare();
}

#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn case_57_children_that_had_all_completed(#[case] lib: Lib) {
    let mut flows = Flows::new(lib);
    for id in ["c1", "c2"] {
        flows.add_job("k", id, &json!({"jobId": id}));
        flows.step("k");
    }
    let done = [node("k", "c1", json!({}), &[]), node("k", "c2", json!({}), &[])];
    // BullMQ 5 releases the parent at the first of them; the keys are the same in the end.
    flows.add(&node("q", "p", json!({}), &done)).unwrap();
    flows.compare();
    assert_eq!(flows.step("q").as_deref(), Some("p"));
    flows.compare();
    flows.add_job("k", "c3", &json!({"jobId": "c3"}));
    flows.step("k");
    flows.add(&node("q", "urgent", json!({"priority": 3}), &[node("k", "c3", json!({}), &[])])).unwrap();
    flows.compare();
}

/// BullMQ 5 releases such a parent although a child is still to run.
#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn case_57_one_child_had_completed_and_one_is_new(#[case] lib: Lib) {
    let mut flows = Flows::new(lib);
    flows.add_job("k", "c1", &json!({"jobId": "c1"}));
    flows.step("k");
    let children = [node("k", "c1", json!({}), &[]), node("k", "c2", json!({}), &[])];
    flows.add(&node("q", "p", json!({}), &children)).unwrap();
    let theirs = Dump::of(&flows.pair.servers[0]);
    if lib == Lib::BullMq6 {
        flows.compare();
    } else {
        assert_eq!(theirs.members("bull:q:wait"), ["p"]);
        assert_eq!(theirs.members("bull:q:p:dependencies"), ["bull:k:c2"]);
    }
    let ours = flows.dump();
    assert_eq!((ours.members("bull:q:waiting-children"), ours.len("bull:q:wait")), (vec!["p"], 0));
}

#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn case_57_jobs_that_exist_are_adopted(#[case] lib: Lib) {
    let mut flows = Flows::new(lib);
    // One that waits, one that failed, one that is named twice, a root that exists.
    flows.add_job("k", "waits", &json!({"jobId": "waits"}));
    flows.add_job("q", "old", &json!({"jobId": "p"}));
    let child = |id: &str| node("k", id, json!({"failParentOnFailure": true}), &[]);
    flows.add(&node("q", "p", json!({}), &[child("waits"), child("new"), child("new")])).unwrap();
    flows.compare();
    // Its parent is gone: another may have it.
    for server in &flows.pair.servers {
        redis::cmd("DEL").arg("bull:q:p").exec(&mut server.connect()).unwrap();
    }
    flows.add(&node("q", "p2", json!({}), &[child("waits")])).unwrap();
    if lib == Lib::BullMq6 {
        flows.compare();
    } else {
        // BullMQ 5 leaves it to the parent that is gone; the new one waits for nothing, for ever.
        let theirs = Dump::of(&flows.pair.servers[0]);
        assert_eq!(theirs.field("bull:k:waits", "parentKey"), Some("bull:q:p"));
        assert!(theirs.members("bull:q:waiting-children").contains(&"p2"));
        assert_eq!(theirs.len("bull:q:p2:dependencies"), 0);
    }
    assert_eq!(flows.dump().members("bull:q:p2:dependencies"), ["bull:k:waits"]);
}

/// BullMQ adds what it can: the parent, and the other child. Its call succeeds.
#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn case_57_a_child_of_another_parent_refuses_the_whole_flow(#[case] lib: Lib) {
    let mut flows = Flows::new(lib);
    flows.add(&node("q", "p0", json!({}), &[node("k", "c1", json!({}), &[])])).unwrap();
    let before = flows.dump();
    let children = [node("k", "c1", json!({}), &[]), node("k", "c2", json!({}), &[])];
    let error = flows.add(&node("q", "p", json!({}), &children)).unwrap_err();
    assert_eq!(error.cause, AddError::ParentTaken);
    assert_eq!(flows.dump(), before);
    let theirs = Dump::of(&flows.pair.servers[0]);
    assert_eq!(theirs.members("bull:q:p:dependencies"), ["bull:k:c2"]);
    // Where it was the only child, their parent waits for ever.
    flows.pair.node.call(json!({"op": "flow", "tree": node("q", "stuck", json!({}), &children[..1])}));
    let theirs = Dump::of(&flows.pair.servers[0]);
    assert!(theirs.members("bull:q:waiting-children").contains(&"stuck"));
    assert_eq!(theirs.len("bull:q:stuck:dependencies"), 0);
}

#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn case_57_a_root_whose_parent_is_missing(#[case] lib: Lib) {
    let mut flows = Flows::new(lib);
    let parent = json!({"parent": {"id": "none", "queue": "bull:q"}});
    let flow = node("q", "p", parent.clone(), &[node("k", "c", json!({}), &[])]);
    let theirs = flows.pair.node.try_call(json!({"op": "flow", "tree": flow}));
    assert!(theirs.unwrap_err().starts_with("Missing key for parent job bull:q:none."));
    assert_eq!(flows.ours(&flow).unwrap_err().cause, AddError::ParentMissing);
    assert_eq!(flows.dump().0.len(), 0);
    // Theirs counts the jobs all the same, and makes `meta`.
    let theirs = Dump::of(&flows.pair.servers[0]);
    assert!(
        theirs.keys().iter().all(|key| key.ends_with(":meta") || key.ends_with(":id")),
        "{:?}",
        theirs.keys()
    );
    let call = json!({"op": "add", "queue": "q", "name": "c", "data": {}, "opts": parent});
    assert!(flows.pair.node.try_call(call).is_err());
    let alone = flows.pair.ours.queue("q");
    let alone = flows.pair.ours.wait(alone.add("c", &json!({}), options(&parent)));
    assert_eq!(alone, Err(AddError::ParentMissing));
}

/// A job that waits for itself never runs. BullMQ adds it.
#[test]
fn a_job_is_not_its_own_descendant() {
    let mut flows = Flows::new(Lib::BullMq6);
    let own = node("q", "p", json!({}), &[node("q", "p", json!({}), &[])]);
    flows.pair.node.call(json!({"op": "flow", "tree": own}));
    assert_eq!(Dump::of(&flows.pair.servers[0]).members("bull:q:p:dependencies"), ["bull:q:p"]);
    assert_eq!(flows.ours(&own).unwrap_err().cause, AddError::OwnAncestor);
    assert_eq!(flows.dump().0.len(), 0);
    // Over two levels, and with jobs that exist.
    assert!(flows.ours(&node("q", "top", json!({}), &[node("k", "middle", json!({}), &[])])).is_ok());
    let around = node(
        "q",
        "low",
        json!({"parent": {"id": "middle", "queue": "bull:k"}}),
        &[node("q", "top", json!({}), &[])],
    );
    assert_eq!(flows.ours(&around).unwrap_err().cause, AddError::OwnAncestor);
    let top = JobOptions {
        id: Some("top".to_owned()),
        ..options(&json!({"parent": {"id": "middle", "queue": "bull:k"}}))
    };
    let queue = flows.pair.ours.queue("q");
    assert_eq!(flows.pair.ours.wait(queue.add("top", &json!({}), top)), Err(AddError::OwnAncestor));
}

/// The messages are Node's, of the first job that is wrong; nothing is sent.
#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn what_is_refused_is_refused_in_the_same_words(#[case] lib: Lib) {
    let mut flows = Flows::new(lib);
    let child = |opts: Value| json!({"name": "c", "queueName": "q", "data": {}, "opts": opts});
    for opts in [
        json!({"jobId": "0"}),
        json!({"jobId": "0:1"}),
        json!({"jobId": "12"}),
        json!({"jobId": "a:b"}),
        json!({"priority": 2_097_152}),
        json!({"sizeLimit": 1}),
        json!({"deduplication": {}}),
        json!({"deduplication": {"id": "d"}}),
        json!({"deduplication": {"id": "d", "keepLastIfActive": true}}),
    ] {
        for flow in [
            json!({"name": "p", "queueName": "q", "data": {}, "children": [child(opts.clone())]}),
            json!({"name": "p", "queueName": "q", "data": {}, "opts": opts, "children": [child(json!({}))]}),
        ] {
            let theirs = flows.pair.node.try_call(json!({"op": "flow", "tree": flow}));
            let ours = flows.ours(&flow).unwrap_err().to_string();
            // BullMQ 5 looks less closely at deduplication.
            if lib == Lib::BullMq6 || flow.to_string().find("deduplication").is_none() {
                assert_eq!(Err(ours), theirs, "{flow}");
            }
        }
    }
    assert_eq!(flows.dump().0.len(), 0);
}

/// One of the trees may be dropped for a job that is there: it has no children, and is nobody's child.
#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn a_lone_job_may_be_deduplicated(#[case] lib: Lib) {
    let mut flows = Flows::new(lib);
    let lone = |name: &str| leaf("q", name, json!({"deduplication": {"id": "d"}}));
    flows.pair.node.call(json!({"op": "flow", "tree": lone("first")}));
    let first = flows.ours(&lone("first")).unwrap();
    flows.compare();
    let second = flows.ours(&lone("second")).unwrap();
    assert_eq!(second.id, first.id);
}

/// The largest tree is one script, whose time is bounded; one job more is refused.
#[test]
fn a_script_adds_a_thousand_jobs_and_no_more() {
    let flows = Flows::new(Lib::BullMq6);
    let job = |id: usize| FlowJob::new(queue_id("k"), "leaf", &json!({"n": id}));
    let wide = FlowJob::new(queue_id("q"), "root", &json!({})).children((1..MOST_JOBS).map(job));
    let queue = flows.pair.ours.queue("q");
    let added = flows.pair.ours.wait(queue.add_flow(wide.clone())).unwrap();
    assert_eq!(added.children.len(), MOST_JOBS - 1);
    let pending = flows.pair.ours.wait(queue.dependencies_count(&added.id)).unwrap().pending;
    assert_eq!(pending, 999);
    let error = flows.pair.ours.wait(queue.add_flow(wide.clone().child(job(0)))).unwrap_err();
    assert_eq!(error.cause, AddError::TooManyJobs { jobs: 1001, most: 1000 });

    let took: Vec<String> = redis::cmd("INFO")
        .arg("commandstats")
        .query::<String>(&mut flows.pair.servers[1].connect())
        .unwrap()
        .lines()
        .filter(|line| line.starts_with("cmdstat_evalsha:") || line.starts_with("cmdstat_eval:"))
        .map(str::to_owned)
        .collect();
    let usec = |line: &String| -> f64 {
        line.split("usec=").nth(1).unwrap().split(',').next().unwrap().parse().unwrap()
    };
    let longest = took.iter().map(usec).fold(0.0, f64::max);
    assert!(longest < 500_000.0, "{took:?}");

    // A chain as deep as that is added too, and the rest goes to its last job.
    let chain = (0..MOST_JOBS - 1).fold(job(0), |below, id| job(id).child(below));
    let mut deepest = flows.pair.ours.wait(queue.add_flow(chain)).unwrap();
    while let Some(child) = deepest.children.pop() {
        deepest = child;
    }
    let more = JobOptions { parent: Some(deepest.as_parent()), ..JobOptions::default() };
    let more = flows.pair.ours.wait(flows.pair.ours.queue("k").add("more", &json!({}), more)).unwrap();
    assert_ne!(more, JobId::new(""));
}

#[test]
fn data_that_is_no_json_is_told_when_the_flow_is_added() {
    let flows = Flows::new(Lib::BullMq6);
    let keys: std::collections::HashMap<(u8, u8), u8> = [((1, 2), 3)].into();
    let bad = FlowJob::new(queue_id("k"), "bad", &keys);
    let error = flows
        .pair
        .ours
        .wait(flows.pair.ours.queue("q").add_flow(FlowJob::new(queue_id("q"), "p", &1).child(bad)));
    let error = error.unwrap_err();
    assert!(matches!(error.cause, AddError::Data(_)) && error.job.unwrap().1 == "bad");
    assert_eq!(AddError::from(OptionError::Integer).to_string(), "Custom Id cannot be integers");
}
