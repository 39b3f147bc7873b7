//! Which finished jobs stay.

use std::time::Duration;

use rstest::rstest;
use serde_json::{Value, json};
use toril::engine::{FlowJob, JobError, JobOptions, Keep, WorkerOptions};

use super::fetch::{Hands, named};
use super::pair::{Pair, plain};
use crate::engine::ours::queue_id;
use crate::support::{Dump, Lib, Node, Options, assert_same};

/// Ends a job at a time of our choice on both sides.
fn end(pair: &mut Pair, hands: &Hands, failed: bool, now: i64) {
    pair.node.call(json!({"op": "fixedNow", "ms": now}));
    let id = pair.node.call(json!({"op": "take", "handle": hands.handle, "queue": "q"}))["id"].clone();
    let job = pair.ours.wait(hands.manual.fetch(Some(now))).unwrap().unwrap();
    let op = if failed { "fail" } else { "complete" };
    hands.node(pair, json!({"op": op, "job": id, "message": "boom"}));
    if failed {
        pair.ours.wait(hands.manual.fail(&job, &JobError::new("boom"), Some(now))).unwrap();
    } else {
        pair.ours.wait(hands.manual.complete(&job, &(), Some(now))).unwrap();
    }
}

#[rstest]
fn case_32_finished_jobs_stay_by_the_same_rules(
    #[values(Lib::BullMq5, Lib::BullMq6)] lib: Lib,
    #[values(false, true)] failed: bool,
    #[values(false, true)] of_worker: bool,
) {
    let option = if failed { "removeOnFail" } else { "removeOnComplete" };
    let state = if failed { "bull:q:failed" } else { "bull:q:completed" };
    let age = |count| Keep::Age { age: Duration::from_secs(5), count, limit: None };
    let rules: [(Value, Keep, usize); 6] = [
        (json!(true), Keep::Nothing, 0),
        (json!(false), Keep::All, 8),
        (json!(1), Keep::Count(1), 1),
        (json!(3), Keep::Count(3), 3),
        (json!({"age": 5}), age(None), 5),
        (json!({"age": 5, "count": 2}), age(Some(2)), 2),
    ];
    for (theirs, keep, left) in rules {
        let mut pair = Pair::new(lib);
        let mut options = plain();
        let (mut job_opts, mut opts, mut worker) = (json!({}), json!({}), named());
        if of_worker {
            // BullMQ's workers take a policy as an object only.
            opts[option] = match theirs.clone() {
                Value::Bool(all) => json!({"count": if all { 0 } else { -1 }}),
                Value::Number(count) => json!({"count": count}),
                other => other,
            };
            *if failed { &mut worker.remove_on_fail } else { &mut worker.remove_on_complete } = keep;
        } else {
            job_opts[option] = theirs.clone();
            *if failed { &mut options.remove_on_fail } else { &mut options.remove_on_complete } = Some(keep);
            // The job's option counts, not the worker's.
            opts[option] = json!({"count": 4});
            *if failed { &mut worker.remove_on_fail } else { &mut worker.remove_on_complete } =
                Keep::Count(4);
        }
        let hands = Hands::of(&mut pair, &opts, worker);
        let start = pair.node.call(json!({"op": "fixedNow"})).as_i64().unwrap();
        for second in 0..8 {
            pair.add("job", &json!({}), &job_opts, options.clone());
            end(&mut pair, &hands, failed, start + 1000 * second);
            pair.compare();
        }
        assert_eq!(Dump::of(&pair.servers[1]).len(state), left, "{theirs}");
    }
}

#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn case_32_of_one_millisecond_the_text_of_the_ids_decides(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    let hands = Hands::of(&mut pair, &json!({"removeOnComplete": {"count": 2}}), {
        WorkerOptions { remove_on_complete: Keep::Count(2), ..named() }
    });
    let now = pair.node.call(json!({"op": "fixedNow"})).as_i64().unwrap();
    for _ in 0..12 {
        pair.add("job", &json!({}), &json!({}), plain());
        end(&mut pair, &hands, false, now);
        pair.compare();
    }
    assert_eq!(Dump::of(&pair.servers[1]).members("bull:q:completed"), ["8", "9"]);
}

#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn case_32_a_limit_bounds_what_goes_by_age_at_once(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    for server in &pair.servers {
        // The worker's option, stored with the job by whoever added it.
        let mut node = Node::start(lib, server);
        for n in 0..7 {
            let keep = json!({"age": 5, "limit": 2});
            let opts = if n == 6 { json!({"removeOnComplete": keep}) } else { json!({}) };
            node.call(json!({"op": "add", "queue": "q", "name": "job", "data": {}, "opts": opts}));
        }
    }
    let hands = Hands::of(&mut pair, &json!({}), named());
    let now = pair.node.call(json!({"op": "fixedNow"})).as_i64().unwrap();
    for n in 0..7 {
        end(&mut pair, &hands, false, now + n + if n == 6 { 60_000 } else { 0 });
    }
    pair.compare();
    assert_eq!(Dump::of(&pair.servers[1]).len("bull:q:completed"), 5);
}

#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn case_33_the_value_of_a_child_that_is_removed_stays_with_its_parent(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    let data = json!({"return": {"pages": 3}});
    let tree = json!({
        "name": "book", "queueName": "books", "data": {},
        "children": [{"name": "part", "queueName": "q", "data": data, "opts": {"removeOnComplete": true}}],
    });
    pair.node.call(json!({"op": "flow", "tree": tree}));
    pair.node.call(json!({"op": "open", "queue": "books"}));
    let child = JobOptions { remove_on_complete: Some(Keep::Nothing), ..plain() };
    let child = FlowJob::new(queue_id("q"), "part", &data).options(child);
    let parent = FlowJob::new(queue_id("books"), "book", &json!({}));
    let flow = pair.ours.wait(pair.ours.queue("books").add_flow(parent.child(child))).unwrap();
    pair.run(&json!({}), named(), |dump| dump.len("bull:books:wait") == 1);
    pair.compare();
    let processed = format!("bull:books:{}:processed", flow.id.lossless());
    assert_eq!(Dump::of(&pair.servers[1]).len(&processed), 1);
    assert_eq!(Dump::of(&pair.servers[1]).len("bull:q:completed"), 0);
}

/// `keepLastIfActive`: what was parked while the owner ran is added when it ends.
#[rstest]
fn case_20_a_parked_job_is_added_when_the_owner_ends(
    #[values(Lib::BullMq5, Lib::BullMq6)] lib: Lib,
    #[values(json!({}), json!({"priority": 3}), json!({"delay": 60_000}), json!({"lifo": true}))] more: Value,
    #[values(false, true)] fails: bool,
) {
    let mut pair = Pair::new(lib);
    // By the real producer on both sides: this is about the worker.
    let mut nodes = [0, 1].map(|side| Node::start(lib, &pair.servers[side]));
    let mut add = |data: &Value, opts: &Value| {
        for node in &mut nodes {
            let mut opts = opts.clone();
            opts["deduplication"] = json!({"id": "one", "keepLastIfActive": true});
            node.call(json!({"op": "add", "queue": "q", "name": "job", "data": data, "opts": opts}));
        }
    };
    add(&json!({"n": 0}), &json!({}));
    let hands = Hands::of(&mut pair, &json!({}), named());
    let job = hands.take(&mut pair).unwrap();
    for n in 1..3 {
        add(&json!({"n": n}), &more);
    }
    let op = if fails { "fail" } else { "complete" };
    hands.node(&mut pair, json!({"op": op, "job": "1", "message": "boom"}));
    if fails {
        pair.ours.wait(hands.manual.fail(&job, &JobError::new("boom"), None)).unwrap();
    } else {
        pair.ours.wait(hands.manual.complete(&job, &(), None)).unwrap();
    }
    let [theirs, ours] = &pair.servers;
    let options = Options::default();
    assert_same(&Dump::of(theirs).normalised(&options), &Dump::of(ours).normalised(&options));
    let dump = Dump::of(ours);
    let parked = dump.keys().into_iter().find(|key| key.starts_with("bull:q:de:")).unwrap().to_owned();
    assert_eq!(dump.get("bull:q:dn:one"), None);
    let crate::support::Content::String(owner) = dump.get(&parked).unwrap() else { panic!("no owner") };
    assert_eq!(dump.field(&format!("bull:q:{owner}"), "data"), Some(r#"{"n":2}"#));
}
