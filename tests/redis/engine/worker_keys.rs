//! The keys that our producer and worker leave are those that BullMQ's leave after the same steps.

use std::time::Duration;

use rstest::rstest;
use serde_json::{Value, json};
use toril::engine::{Backoff, FailurePolicy, FlowJob, JobError, JobOptions, Keep, WorkerOptions};

use crate::differential::pair::{Pair, finished, plain};
use crate::engine::ours::{queue_id, until};
use crate::support::{Dump, Lib};

#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn adding_leaves_the_same_keys(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    let data = json!({"to": "zoë@example.org", "n": 1.5, "deep": {"a": [null, "/"]}});
    pair.add("mail", &data, &json!({}), plain());
    pair.add("mail", &Value::Null, &json!({}), plain());
    pair.add("mail", &data, &json!({"lifo": true}), JobOptions { lifo: true, ..plain() });
    for priority in [3, 1, 3] {
        pair.add("mail", &data, &json!({"priority": priority}), JobOptions { priority, ..plain() });
    }
    let later = Duration::from_secs(3600);
    for _ in 0..2 {
        pair.add("mail", &data, &json!({"delay": 3_600_000}), JobOptions { delay: Some(later), ..plain() });
    }
    let both = JobOptions { delay: Some(later * 2), priority: 7, ..plain() };
    pair.add("mail", &data, &json!({"delay": 7_200_000, "priority": 7}), both);
    let custom = JobOptions { id: Some("order:7:mail".to_owned()), ..plain() };
    for _ in 0..2 {
        pair.add("mail", &data, &json!({"jobId": "order:7:mail"}), custom.clone());
    }
    let all = JobOptions {
        attempts: 5,
        backoff: Some(Backoff::Exponential { delay: Duration::from_millis(250), jitter: 0.5 }),
        remove_on_complete: Some(Keep::Age { age: Duration::from_secs(60), count: Some(9), limit: None }),
        remove_on_fail: Some(Keep::Count(4)),
        keep_logs: Some(3),
        stack_trace_limit: Some(2),
        ..plain()
    };
    let opts = json!({
        "attempts": 5, "backoff": {"type": "exponential", "delay": 250, "jitter": 0.5},
        "removeOnComplete": {"age": 60, "count": 9}, "removeOnFail": 4, "keepLogs": 3, "stackTraceLimit": 2,
    });
    pair.add("mail", &data, &opts, all);
    pair.compare();
}

#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn a_worker_leaves_the_same_keys(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    let ok = json!({"return": {"sent": true}, "progress": [10, {"step": "half"}], "log": ["one", "two"]});
    pair.add("ok", &ok, &json!({"keepLogs": 1}), JobOptions { keep_logs: Some(1), ..plain() });
    pair.add("nothing", &json!({}), &json!({}), plain());
    pair.add("fails", &json!({"do": "fail", "message": "no route"}), &json!({}), plain());
    let fatal = json!({"do": "fail", "unrecoverable": true});
    pair.add("fatal", &fatal, &json!({"attempts": 5}), JobOptions { attempts: 5, ..plain() });
    let twice = json!({"do": "failTimes", "n": 2, "return": 7});
    pair.add("at once", &twice, &json!({"attempts": 3}), JobOptions { attempts: 3, ..plain() });
    pair.add("first", &json!({}), &json!({"priority": 2}), JobOptions { priority: 2, ..plain() });
    pair.add(
        "due",
        &json!({}),
        &json!({"delay": 5}),
        JobOptions { delay: Some(Duration::from_millis(5)), ..plain() },
    );
    std::thread::sleep(Duration::from_millis(20));
    let options = WorkerOptions { name: "w1".to_owned(), ..WorkerOptions::default() };
    pair.run(&json!({}), options.clone(), |dump| finished(dump, 7));
    pair.compare();
    // By itself: beside others chance would decide which of them its next attempts come between.
    let wait = Backoff::exponential(Duration::from_millis(40));
    pair.add(
        "later",
        &json!({"do": "fail"}),
        &json!({"attempts": 3, "backoff": {"type": "exponential", "delay": 40}, "stackTraceLimit": 2}),
        JobOptions { attempts: 3, backoff: Some(wait), stack_trace_limit: Some(2), ..plain() },
    );
    pair.run(&json!({}), options, |dump| finished(dump, 8));
    pair.compare();
}

#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn finished_jobs_are_kept_by_the_same_policies(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    let keep = |count| JobOptions { remove_on_complete: Some(Keep::Count(count)), ..plain() };
    for _ in 0..4 {
        pair.add("two", &json!({}), &json!({"removeOnComplete": 2}), keep(2));
    }
    let none = JobOptions { remove_on_complete: Some(Keep::Nothing), ..plain() };
    pair.add("none", &json!({"log": ["gone"]}), &json!({"removeOnComplete": true}), none);
    for _ in 0..4 {
        pair.add("fails", &json!({"do": "fail"}), &json!({}), plain());
    }
    let options =
        WorkerOptions { name: "w".to_owned(), remove_on_fail: Keep::Count(1), ..WorkerOptions::default() };
    // One a millisecond, so that none of them finish together and are ordered by chance.
    pair.run(&json!({"removeOnFail": {"count": 1}}), options, |dump| {
        finished(dump, 3) && dump.len("bull:q:wait") == 0
    });
    let ids = |side: usize| -> Vec<usize> {
        let dump = Dump::of(&pair.servers[side]);
        ["completed", "failed"].iter().map(|state| dump.len(&format!("bull:q:{state}"))).collect()
    };
    assert_eq!([ids(0), ids(1)], [vec![2, 1], vec![2, 1]]);
    let jobs = |side: usize| Dump::of(&pair.servers[side]).keys().len();
    assert_eq!(jobs(0), jobs(1));
}

#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn a_flow_leaves_the_same_keys(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    let order = json!({"do": "ok", "return": "done"});
    let tree = json!({
        "name": "album", "queueName": "q", "data": order, "opts": {"priority": 4},
        "children": [
            {"name": "one", "queueName": "thumbs", "data": order, "opts": {"removeOnComplete": true}},
            {"name": "two", "queueName": "thumbs", "data": order, "opts": {"delay": 1}},
            {"name": "three", "queueName": "q", "data": {"do": "fail"}, "opts": {"ignoreDependencyOnFailure": true}},
        ],
    });
    pair.node.call(json!({"op": "flow", "tree": tree}));
    let job = |queue: &str, name: &str, data: &Value, options| {
        FlowJob::new(queue_id(queue), name, data).options(options)
    };
    let children = vec![
        job("thumbs", "one", &order, JobOptions { remove_on_complete: Some(Keep::Nothing), ..plain() }),
        job("thumbs", "two", &order, JobOptions { delay: Some(Duration::from_millis(1)), ..plain() }),
        job(
            "q",
            "three",
            &json!({"do": "fail"}),
            JobOptions { on_failure: FailurePolicy::Ignore, ..plain() },
        ),
    ];
    let parent = job("q", "album", &order, JobOptions { priority: 4, ..plain() });
    let flow = pair.ours.wait(pair.ours.queue("q").add_flow(parent.children(children))).unwrap();
    assert_eq!(flow.children.len(), 3);
    pair.node.call(json!({"op": "open", "queue": "thumbs"}));
    pair.compare();

    pair.run(&json!({}), WorkerOptions { name: "q".to_owned(), ..WorkerOptions::default() }, |dump| {
        dump.len("bull:q:failed") == 1
    });
    pair.compare();
    let thumbs = pair.node.call(json!({"op": "worker", "queue": "thumbs", "name": "w"}));
    let released =
        |dump: &Dump| dump.len("bull:q:prioritized") == 1 && dump.get("bull:thumbs:marker").is_none();
    until(|| released(&Dump::of(&pair.servers[0])));
    pair.node.call(json!({"op": "workerStop", "handle": thumbs}));
    let running =
        pair.ours.worker("thumbs", WorkerOptions { name: "w".to_owned(), ..WorkerOptions::default() });
    until(|| released(&Dump::of(&pair.servers[1])));
    pair.ours.stop(running);
    pair.compare();
    pair.run(&json!({}), WorkerOptions { name: "q".to_owned(), ..WorkerOptions::default() }, |dump| {
        dump.len("bull:q:completed") == 1
    });
    pair.compare();
}

#[rstest]
#[case(Lib::BullMq5, "failParentOnFailure", FailurePolicy::FailParent)]
#[case(Lib::BullMq6, "failParentOnFailure", FailurePolicy::FailParent)]
#[case(Lib::BullMq6, "continueParentOnFailure", FailurePolicy::ContinueParent)]
#[case(Lib::BullMq6, "ignoreDependencyOnFailure", FailurePolicy::Ignore)]
#[case(Lib::BullMq6, "removeDependencyOnFailure", FailurePolicy::Detach)]
#[case(Lib::BullMq6, "attempts", FailurePolicy::Wait)]
fn a_failing_child_does_the_same_to_its_parent(
    #[case] lib: Lib,
    #[case] name: &str,
    #[case] policy: FailurePolicy,
) {
    let mut pair = Pair::new(lib);
    let fail = json!({"do": "fail"});
    let option = if name == "attempts" { json!(1) } else { json!(true) };
    let tree = json!({
        "name": "album", "queueName": "q", "data": {},
        "children": [
            {"name": "bad", "queueName": "q", "data": fail, "opts": {name: option}},
            {"name": "good", "queueName": "other", "data": {}},
        ],
    });
    pair.node.call(json!({"op": "flow", "tree": tree}));
    pair.node.call(json!({"op": "open", "queue": "other"}));
    let job = |queue: &str, name: &str, data: &Value, options| {
        FlowJob::new(queue_id(queue), name, data).options(options)
    };
    let attempts = u32::from(policy == FailurePolicy::Wait);
    let children = vec![
        job("q", "bad", &fail, JobOptions { on_failure: policy, attempts, ..plain() }),
        job("other", "good", &json!({}), plain()),
    ];
    let parent = job("q", "album", &json!({}), plain());
    pair.ours.wait(pair.ours.queue("q").add_flow(parent.children(children))).unwrap();
    pair.compare();
    let options = WorkerOptions { name: "w".to_owned(), ..WorkerOptions::default() };
    let runs = match policy {
        FailurePolicy::FailParent | FailurePolicy::ContinueParent => 2,
        _ => 1,
    };
    pair.run(&json!({}), options, |dump| finished(dump, runs));
    pair.compare();
}

#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn steps_by_hand_leave_the_same_keys(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    for _ in 0..2 {
        pair.add("job", &json!({}), &json!({"attempts": 2}), JobOptions { attempts: 2, ..plain() });
    }
    pair.add(
        "late",
        &json!({}),
        &json!({"delay": 60_000}),
        JobOptions { delay: Some(Duration::from_secs(60)), ..plain() },
    );
    let handle = pair.node.call(json!({"op": "worker", "queue": "q", "manual": true, "name": "w"}));
    let options = WorkerOptions { name: "w".to_owned(), ..WorkerOptions::default() };
    let manual = pair.ours.manual("q", options);
    let take = |pair: &mut Pair| {
        pair.node.call(json!({"op": "take", "handle": handle, "queue": "q"}));
        let job = pair.ours.wait(manual.fetch(None)).unwrap().unwrap();
        pair.compare();
        job
    };
    let first = take(&mut pair);
    let second = take(&mut pair);
    assert_ne!(first.token, second.token);
    pair.node.call(json!({"op": "fail", "handle": handle, "queue": "q", "job": "1", "message": "boom"}));
    pair.ours.wait(manual.fail(&first, &JobError::new("boom"), None)).unwrap();
    pair.compare();
    pair.node.call(json!({"op": "complete", "handle": handle, "queue": "q", "job": "2", "value": [1]}));
    pair.ours.wait(manual.complete(&second, &[1], None)).unwrap();
    pair.compare();
    let again = take(&mut pair);
    assert_eq!(again.attempts_made, 1);
    pair.node.call(json!({"op": "fail", "handle": handle, "queue": "q", "job": "1", "message": "boom"}));
    pair.ours.wait(manual.fail(&again, &JobError::new("boom"), None)).unwrap();
    pair.compare();
    // A second end finds no lock, and changes nothing.
    assert!(pair.ours.wait(manual.complete(&again, &(), None)).is_err());
    pair.compare();
}
