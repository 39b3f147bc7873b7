//! What is read of flows.

use std::collections::BTreeMap;

use rstest::rstest;
use serde_json::{Value, json};
use toril::engine::flow::{FlowLimits, FlowTree};
use toril::engine::read::ChildKind;
use toril::wire::JobId;

use super::{Flows, fails, job, node};
use crate::support::Lib;

fn whole(flows: &mut Flows) {
    let children = [
        node("k", "gone", json!({"removeOnComplete": true}), &[]),
        job("k", "ignored", fails(), json!({"ignoreDependencyOnFailure": true}), &[]),
        job("k", "lost", fails(), json!({"failParentOnFailure": true}), &[]),
        node("k", "done", json!({}), &[]),
        node("k", "waits", json!({}), &[]),
        node("k", "tree", json!({}), &[node("g", "below", json!({}), &[])]),
    ];
    flows.add(&node("q", "p", json!({}), &children)).unwrap();
    for _ in 0..4 {
        flows.step("k");
    }
}

#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn getters_tell_what_nodes_tell(#[case] lib: Lib) {
    let mut flows = Flows::new(lib);
    whole(&mut flows);
    let mut theirs = |method: &str| {
        flows.pair.node.call(json!({"op": "jobCall", "queue": "q", "job": "p", "method": method}))
    };
    let (counts, values, ignored) =
        (theirs("getDependenciesCount"), theirs("getChildrenValues"), theirs("getIgnoredChildrenFailures"));
    let all = theirs("getDependencies");
    let (ours, queue, id) = (&flows.pair.ours, flows.pair.ours.queue("q"), JobId::new("p"));
    let count = ours.wait(queue.dependencies_count(&id)).unwrap();
    assert_eq!(
        json!({"processed": count.processed, "unprocessed": count.pending, "failed": count.failed, "ignored": count.ignored}),
        counts
    );
    let found = ours.wait(queue.children_values(&id)).unwrap();
    let found: BTreeMap<_, _> =
        found.iter().map(|one| (one.child.key.lossless(), one.read::<Value>().unwrap())).collect();
    assert_eq!(json!(found), values);
    let found = ours.wait(queue.ignored_failures(&id)).unwrap();
    let found: BTreeMap<_, _> =
        found.iter().map(|one| (one.child.key.lossless(), one.value.lossless())).collect();
    assert_eq!(json!(found), ignored);
    let failed = ours.wait(queue.failed_children(&id)).unwrap();
    assert_eq!(json!([failed[0].key.lossless()]), all["failed"]);
    assert_eq!((failed.len(), failed[0].id.as_ref()), (1, Some(&JobId::new("lost"))));
    let pending = ours.wait(queue.dependencies(&id, ChildKind::Pending, 0, 100)).unwrap();
    let mut keys: Vec<_> = pending.children.iter().map(|one| one.child.key.lossless()).collect();
    keys.sort();
    assert_eq!((json!(keys), pending.next), (json!(["bull:k:tree", "bull:k:waits"]), None));
}

/// Name, what became of it, and the children, by name.
fn told(tree: &FlowTree) -> String {
    let mut inner: Vec<_> = tree.children.iter().map(told).collect();
    inner.sort();
    let id = tree.job.id.as_ref().unwrap().lossless().into_owned();
    let mark = if tree.exists() { "" } else { "!" };
    format!("{id}{mark}{}({})", if tree.more { "+" } else { "" }, inner.join(" "))
}

fn theirs(node: &Value) -> String {
    let mut inner: Vec<_> = node["children"].as_array().into_iter().flatten().map(theirs).collect();
    inner.sort();
    format!("{}({})", node["id"].as_str().unwrap_or("gone!"), inner.join(" "))
}

#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn a_flow_is_read_as_a_tree(#[case] lib: Lib) {
    let mut flows = Flows::new(lib);
    whole(&mut flows);
    for depth in [1, 2, 3, 10] {
        let call = json!({"op": "flowTree", "queue": "q", "job": "p", "opts": {"depth": depth}});
        let read = flows.pair.node.call(call);
        let limits = FlowLimits { depth, ..FlowLimits::default() };
        let tree =
            flows.pair.ours.wait(flows.pair.ours.queue("q").flow(&JobId::new("p"), limits)).unwrap().unwrap();
        assert_eq!(told(&tree).replace('+', ""), theirs(&read), "depth {depth}");
        assert_eq!(tree.more, depth == 1);
    }
    let queue = flows.pair.ours.queue("q");
    let read = |id: &str, limits| flows.pair.ours.wait(queue.flow(&JobId::new(id), limits)).unwrap();
    let tree = read("p", FlowLimits::default()).unwrap();
    let done = tree.children.iter().find(|child| child.job.id == Some(JobId::new("done"))).unwrap();
    assert_eq!(
        (done.kind, done.value.as_ref().unwrap().as_bytes()),
        (Some(ChildKind::Processed), &br#"{"by":"done"}"#[..])
    );
    assert!(done.finished_on >= done.processed_on && done.timestamp.is_some());
    assert_eq!(read("none", FlowLimits::default()), None);
    let few = read("p", FlowLimits { max_children: 1, ..FlowLimits::default() }).unwrap();
    assert_eq!((few.children.len(), few.more), (4, true), "one of each kind");
    let few = read("p", FlowLimits { jobs: 3, ..FlowLimits::default() }).unwrap();
    assert_eq!((few.children.len(), few.more), (2, true));
}

/// More children than a page, of every kind.
#[test]
fn pages_hold_all_children_and_values_come_whole() {
    let flows = Flows::new(Lib::BullMq6);
    let mut link = flows.pair.servers[1].connect();
    let mut pipe = redis::pipe();
    for n in 0..2500 {
        pipe.cmd("HSET").arg("bull:q:p:processed").arg(format!("bull:k:{n}")).arg(n).ignore();
        pipe.cmd("SADD").arg("bull:q:p:dependencies").arg(format!("bull:k:w{n}")).ignore();
        pipe.cmd("ZADD").arg("bull:q:p:unsuccessful").arg(n).arg(format!("bull:k:f{n}")).ignore();
    }
    pipe.exec(&mut link).unwrap();
    let (ours, queue, id) = (&flows.pair.ours, flows.pair.ours.queue("q"), JobId::new("p"));
    let values = ours.wait(queue.children_values(&id)).unwrap();
    let sum: i64 = values.iter().map(|value| value.read::<i64>().unwrap()).sum();
    assert_eq!((values.len(), sum), (2500, 2500 * 2499 / 2));
    assert_eq!(ours.wait(queue.failed_children(&id)).unwrap().len(), 2500);
    for kind in [ChildKind::Processed, ChildKind::Pending, ChildKind::Failed, ChildKind::Ignored] {
        let (mut found, mut cursor, mut pages) = (Vec::new(), Some(0), 0);
        while let Some(at) = cursor {
            let page = ours.wait(queue.dependencies(&id, kind, at, 100)).unwrap();
            assert!(page.children.len() <= 400, "{}", page.children.len());
            found.extend(page.children.into_iter().map(|one| one.child.key));
            (cursor, pages) = (page.next, pages + 1);
        }
        found.sort();
        found.dedup();
        let expected = if kind == ChildKind::Ignored { 0 } else { 2500 };
        assert_eq!(found.len(), expected, "{kind:?}");
        assert!(pages > 10 || expected == 0, "{kind:?}: {pages}");
    }
}
