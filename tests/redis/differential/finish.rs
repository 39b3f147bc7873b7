//! Ends that are refused.

use rstest::rstest;
use serde_json::json;
use toril::engine::{FailurePolicy, FlowJob, JobError, JobOptions, WorkError};
use toril::wire::Token;

use super::fetch::{Hands, id, named};
use super::pair::{Pair, finished, plain};
use crate::engine::ours::{queue_id, until};
use crate::support::{Dump, Lib, assert_same};

/// What is done to both servers before the end, the code of Node's, and ours.
type Refusal = (&'static str, fn(&mut redis::Connection), i64, WorkError);

fn run(link: &mut redis::Connection, words: &[&str]) {
    redis::cmd(words[0]).arg(&words[1..]).exec(link).unwrap();
}

#[rstest]
fn case_34_an_end_that_is_not_ours_to_tell_is_refused(
    #[values(Lib::BullMq5, Lib::BullMq6)] lib: Lib,
    #[values(false, true)] fails: bool,
) {
    let refusals: [Refusal; 4] = [
        ("wrong token", |link| run(link, &["SET", "bull:q:1:lock", "another"]), -6, WorkError::LockLost),
        ("no lock", |link| run(link, &["DEL", "bull:q:1:lock"]), -2, WorkError::LockLost),
        ("not active", |link| run(link, &["DEL", "bull:q:active"]), -3, WorkError::NotActive),
        ("no job", |link| run(link, &["DEL", "bull:q:1"]), -1, WorkError::Missing),
    ];
    for (what, harm, code, error) in refusals {
        let mut pair = Pair::new(lib);
        pair.add("job", &json!({}), &json!({}), plain());
        let hands = Hands::of(&mut pair, &json!({}), named());
        let job = hands.take(&mut pair).unwrap();
        for server in &pair.servers {
            harm(&mut server.connect());
        }
        let mut request = json!({"op": "endWith", "job": "1", "token": "token"});
        if fails {
            request["fail"] = json!("boom");
        }
        assert_eq!(hands.node(&mut pair, request), json!(code), "{what}");
        let ended = if fails {
            pair.ours.wait(hands.manual.fail(&job, &JobError::new("boom"), None))
        } else {
            pair.ours.wait(hands.manual.complete(&job, &1, None))
        };
        assert_eq!(ended, Err(error), "{what}");
        pair.compare();
    }
}

/// A parent that runs although a child is still to come or has failed, and one that says it waits.
fn flow(pair: &mut Pair, option: &str, policy: FailurePolicy) {
    let tree = json!({
        "name": "album", "queueName": "q", "data": {},
        "children": [{"name": "page", "queueName": "pages", "data": {"do": "fail"}, "opts": {option: true}}],
    });
    pair.node.call(json!({"op": "flow", "tree": tree}));
    pair.node.call(json!({"op": "open", "queue": "pages"}));
    let child = JobOptions { on_failure: policy, ..plain() };
    let child = FlowJob::new(queue_id("pages"), "page", &json!({"do": "fail"})).options(child);
    let parent = FlowJob::new(queue_id("q"), "album", &json!({}));
    pair.ours.wait(pair.ours.queue("q").add_flow(parent.child(child))).unwrap();
}

/// Makes the parent run before its time.
fn release(server: &crate::support::Server) -> String {
    let mut link = server.connect();
    let parent: Vec<String> =
        redis::cmd("ZRANGE").arg("bull:q:waiting-children").arg(0).arg(0).query(&mut link).unwrap();
    run(&mut link, &["DEL", "bull:q:waiting-children"]);
    run(&mut link, &["LPUSH", "bull:q:wait", &parent[0]]);
    parent[0].clone()
}

#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn case_35_a_parent_completes_neither_before_nor_against_its_children(#[case] lib: Lib) {
    // Pending.
    let mut pair = Pair::new(lib);
    flow(&mut pair, "removeDependencyOnFailure", FailurePolicy::Detach);
    let hands = Hands::of(&mut pair, &json!({}), named());
    let parents = [release(&pair.servers[0]), release(&pair.servers[1])];
    let theirs = hands.node(&mut pair, json!({"op": "take"}));
    assert_eq!(theirs["id"], json!(parents[0]));
    let job = pair.ours.wait(hands.manual.fetch(None)).unwrap().unwrap();
    assert_eq!(id(&job), parents[1]);
    let code = hands.node(&mut pair, json!({"op": "endWith", "job": parents[0], "token": "token"}));
    assert_eq!(code, json!(-4));
    assert_eq!(pair.ours.wait(hands.manual.complete(&job, &1, None)), Err(WorkError::ChildrenPending));
    pair.compare();
    // Failed.
    for (server, parent) in pair.servers.iter().zip(&parents) {
        let mut link = server.connect();
        run(&mut link, &["DEL", &format!("bull:q:{parent}:dependencies")]);
        run(&mut link, &["ZADD", &format!("bull:q:{parent}:unsuccessful"), "1", "bull:pages:1"]);
    }
    let code = hands.node(&mut pair, json!({"op": "endWith", "job": parents[0], "token": "token"}));
    assert_eq!(code, json!(-9));
    assert_eq!(pair.ours.wait(hands.manual.complete(&job, &1, None)), Err(WorkError::ChildFailed));
    pair.compare();
}

/// The whole worker: what cannot complete fails, with the words of BullMQ.
#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn case_35_a_worker_fails_the_parent_instead(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    flow(&mut pair, "removeDependencyOnFailure", FailurePolicy::Detach);
    let parents = [release(&pair.servers[0]), release(&pair.servers[1])];
    let theirs = pair.node.call(json!({"op": "worker", "queue": "q", "name": "w"}));
    let ours = pair.ours.worker("q", named());
    let done = |side: usize| {
        let dump = Dump::of(&pair.servers[side]);
        finished(&dump, 1) && dump.get("bull:q:marker").is_none()
    };
    until(|| done(0) && done(1));
    pair.compare();
    let key = format!("bull:q:{}", parents[1]);
    let reason = format!("Job {} has pending dependencies. moveToFinished", parents[1]);
    assert_eq!(Dump::of(&pair.servers[1]).field(&key, "failedReason"), Some(reason.as_str()));
    pair.node.call(json!({"op": "workerStop", "handle": theirs}));
    pair.ours.stop(ours);
}

/// A second end of the same start changes nothing, whoever has the job by then.
#[test]
fn a_late_end_changes_nothing() {
    let mut pair = Pair::new(Lib::BullMq6);
    pair.add("job", &json!({}), &json!({}), plain());
    let hands = Hands::of(&mut pair, &json!({}), named());
    let job = hands.take(&mut pair).unwrap();
    let mut late = job.clone();
    late.token = Token::new("of another start");
    pair.ours.wait(hands.manual.complete(&job, &"first", None)).unwrap();
    let before = Dump::of(&pair.servers[1]);
    for ended in [&job, &late] {
        assert_eq!(pair.ours.wait(hands.manual.complete(ended, &"second", None)), Err(WorkError::LockLost));
        let failed = pair.ours.wait(hands.manual.fail(ended, &JobError::new("late"), None));
        assert_eq!(failed, Err(WorkError::LockLost));
    }
    assert_same(&before, &Dump::of(&pair.servers[1]));
}
