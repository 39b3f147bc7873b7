//! Cutting a child from its parent, and parents in queues that are not ours to write.

use rstest::rstest;
use serde_json::json;
use toril::engine::WorkerOptions;
use toril::engine::flow::LinkError;
use toril::wire::JobId;

use super::{Flows, node};
use crate::engine::ours::{Ours, until};
use crate::support::{Dump, Lib, Node, Server};

#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn case_58_a_child_is_cut_from_its_parent(#[case] lib: Lib) {
    let mut flows = Flows::new(lib);
    let children = ["c1", "c2", "c3"].map(|id| node("k", id, json!({}), &[]));
    flows.add(&node("q", "p", json!({"priority": 5}), &children)).unwrap();
    flows.step("k");
    let cut = |flows: &mut Flows, id: &str| {
        let call = json!({"op": "jobCall", "queue": "k", "job": id, "method": "removeChildDependency"});
        let theirs = flows.pair.node.try_call(call).map(|done| done == json!(true));
        let queue = flows.pair.ours.queue("k");
        let ours = flows.pair.ours.wait(queue.remove_child_dependency(&JobId::new(id)));
        flows.compare();
        (theirs, ours)
    };
    // It has ended already.
    assert_eq!(cut(&mut flows, "c1"), (Ok(false), Ok(false)));
    assert_eq!(cut(&mut flows, "c2"), (Ok(true), Ok(true)));
    assert_eq!(cut(&mut flows, "c3"), (Ok(true), Ok(true)));
    assert_eq!(flows.dump().members("bull:q:wait"), ["p"]);
    let (theirs, ours) = cut(&mut flows, "c3");
    assert_eq!((theirs.is_err(), ours), (true, Err(LinkError::ParentMissing)));
    let queue = flows.pair.ours.queue("k");
    assert_eq!(
        flows.pair.ours.wait(queue.remove_child_dependency(&JobId::new("none"))),
        Err(LinkError::Missing)
    );
}

/// The queue of the parent is BullMQ 4's, that of the child ours: the parent is put where the workers of 4
/// look, at once, and the queue gets no marker of BullMQ 5.
#[rstest]
#[case(json!({}))]
#[case(json!({"priority": 3}))]
fn a_parent_in_a_queue_of_an_older_release_runs_there(#[case] opts: serde_json::Value) {
    let server = Server::start();
    let mut old = Node::start(Lib::BullMq4, &server);
    let ours = Ours::on(&server);
    old.call(json!({"op": "open", "queue": "q"}));
    let handle = old.call(json!({"op": "worker", "queue": "q"}));
    let children = [node("k", "c1", json!({}), &[]), node("k", "c2", json!({}), &[])];
    old.call(json!({"op": "flow", "tree": node("q", "p", opts, &children)}));
    // Nobody has worked on the children's queue; the parent's is one of 4.
    assert_eq!(Dump::of(&server).field("bull:q:meta", "version").map(|name| &name[..8]), Some("bullmq:4"));
    let running = ours.worker("k", WorkerOptions::default());
    until(|| Dump::of(&server).len("bull:q:completed") == 1);
    ours.stop(running);
    old.call(json!({"op": "workerStop", "handle": handle}));
    let dump = Dump::of(&server);
    assert_eq!(dump.len("bull:q:p:processed"), 2);
    assert!(dump.get("bull:q:marker").is_none(), "{:?}", dump.keys());
}
