//! Every kind of damage: made, found, repaired, taken back, repaired again, and the queue worked off.

use rstest::rstest;
use serde_json::json;
use toril::insight::doctor::Kind;

use super::{QUICK, Ward};
use crate::support::{Lib, assert_same};

/// What is damaged, and what a worker runs once it is repaired.
struct Case {
    queue: &'static str,
    kind: Kind,
    /// Ids that the library's worker runs afterwards.
    runs: &'static [&'static str],
    /// What the repair took away can be put back.
    undoable: bool,
}

const ALL: &[&str] = &["1", "2", "3"];

fn case(queue: &'static str, kind: Kind, runs: &'static [&'static str]) -> Case {
    Case { queue, kind, runs, undoable: true }
}

/// Damage that every library's queues can take.
fn everywhere(ward: &mut Ward) -> Vec<Case> {
    let lib = ward.node.lib();
    ward.taken("stuck");
    ward.set("stuck", "DEL @1:lock @stalled-check");
    ward.line("check");
    ward.set("check", "SET @stalled-check 1795150144726");
    ward.taken("lock");
    ward.set("lock", "PERSIST @1:lock");
    ward.line("ghost");
    ward.set("ghost", "DEL @2");
    ward.done("stub");
    ward.raw(&["HSET", "bull:stub:77", "processedOn", "1", "returnvalue", "null"]);
    ward.raw(&["ZADD", "bull:stub:completed", "1795150144726", "77"]);
    ward.done("again");
    ward.set("again", "RPUSH @wait 1");
    ward.line("twice");
    ward.set("twice", "LPUSH @wait 1");
    ward.line("orphan");
    ward.set("orphan", "LREM @wait 0 2");
    ward.done("forgotten");
    ward.set("forgotten", "ZREM @completed 1");
    ward.call(json!({"op": "add", "queue": "later", "name": "job", "data": {}, "opts": {"delay": 400_000}}));
    ward.set("later", "ZREM @delayed 1");
    ward.call(
        json!({"op": "add", "queue": "overdue", "name": "job", "data": {}, "opts": {"delay": 900_000}}),
    );
    let due = ((ward.now() - 60_000) * 4096).to_string();
    ward.raw(&["ZADD", "bull:overdue:delayed", &due, "1"]);
    if lib == Lib::BullMq4 {
        // Its marker says when the first delayed job is due.
        ward.set("overdue", &format!("LSET @wait 0 0:{}", ward.now() - 60_000));
        let due = ((ward.now() - 60_000) * 4096).to_string();
        ward.raw(&["ZADD", "bull:overdue:delayed", &due, "1"]);
    }
    ward.line("limiter");
    ward.set("limiter", "SET @limiter 9");
    ward.line("json");
    ward.raw(&["HSET", "bull:json:2", "data", "{\"oops"]);
    let mut cases = vec![
        case("stuck", Kind::StuckActive, ALL),
        case("check", Kind::StalledCheck, ALL),
        case("lock", Kind::EndlessLock, ALL),
        case("ghost", Kind::Ghost, &["1", "3"]),
        case("stub", Kind::Ghost, &["2", "3"]),
        case("again", Kind::Double, &["2", "3"]),
        case("twice", Kind::Double, ALL),
        case("orphan", Kind::Orphan, ALL),
        case("forgotten", Kind::Orphan, &["2", "3"]),
        case("later", Kind::Orphan, &[]),
        case("overdue", Kind::Overdue, &["1"]),
        case("limiter", Kind::EndlessLimiter, ALL),
        case("json", Kind::InvalidJson, &["1", "3"]),
    ];
    if lib != Lib::BullMq4 {
        let option = if lib == Lib::Bull4 { "debounce" } else { "deduplication" };
        let opts = json!({option: {"id": "once"}});
        ward.call(json!({"op": "add", "queue": "dedup", "name": "job", "data": {}, "opts": opts}));
        ward.set("dedup", "DEL @1");
        ward.set("dedup", "LREM @wait 0 1");
        cases.push(case("dedup", Kind::StaleDedup, &[]));
    }
    cases
}

/// Damage of BullMQ alone.
fn of_bullmq(ward: &mut Ward) -> Vec<Case> {
    let add = |ward: &mut Ward, queue: &str, opts: serde_json::Value| {
        ward.call(json!({"op": "add", "queue": queue, "name": "job", "data": {}, "opts": opts}));
    };
    for _ in 0..2 {
        add(ward, "counter", json!({"priority": 3}));
    }
    ward.set("counter", "SET @pc -5");
    for priority in [1, 2] {
        add(ward, "range", json!({"priority": priority}));
    }
    let score = (4_000_000_i64 * 4_294_967_296 + 2).to_string();
    ward.raw(&["ZADD", "bull:range:prioritized", &score, "2"]);
    ward.line("split");
    ward.set("split", "LREM @wait 0 1");
    ward.set("split", "LPUSH @paused 1");
    ward.line("stream");
    ward.set("stream", "HSET @meta opts.maxLenEvents 100");
    for _ in 0..1_300 {
        ward.set("stream", "XADD @events * event waiting jobId 1");
    }
    let tree = |queue: &str| {
        json!({"name": "parent", "queueName": queue, "data": {}, "opts": {"jobId": "p"},
            "children": [{"name": "child", "queueName": queue, "data": {}, "opts": {"jobId": "c"}}]})
    };
    for queue in ["released", "lost", "told"] {
        // A flow alone does not say whose the queue is.
        ward.call(json!({"op": "open", "queue": queue}));
        ward.call(json!({"op": "flow", "tree": tree(queue)}));
    }
    ward.set("released", "DEL @p:dependencies");
    ward.set("lost", "DEL @c");
    ward.set("lost", "LREM @wait 0 c");
    // The child completes as it should, and then its parent is as if it had not been told.
    let handle = ward.call(json!({"op": "worker", "queue": "told", "manual": true}));
    let job = ward.call(json!({"op": "take", "queue": "told", "handle": handle}));
    assert_eq!(job["id"], "c");
    ward.call(json!({"op": "complete", "queue": "told", "handle": handle, "job": "c", "value": {"n": 7}}));
    ward.call(json!({"op": "workerStop", "handle": handle, "force": true}));
    ward.set("told", "LREM @wait 0 p");
    ward.set("told", "ZADD @waiting-children 1795150144726 p");
    ward.set("told", "SADD @p:dependencies @c");
    ward.set("told", "DEL @p:processed");
    vec![
        case("counter", Kind::Counter, &["1", "2"]),
        case("range", Kind::PriorityRange, &["1", "2"]),
        Case { undoable: false, ..case("split", Kind::Split, ALL) },
        Case { undoable: false, ..case("stream", Kind::LongEvents, ALL) },
        case("released", Kind::StuckParent, &["c", "p"]),
        case("lost", Kind::StuckParent, &["p"]),
        case("told", Kind::StuckParent, &["p"]),
    ]
}

/// Damage of queues of BullMQ 5 and 6.
fn of_the_newest(ward: &mut Ward) -> Vec<Case> {
    let every = json!({"every": 3_600_000});
    let template = json!({"name": "tick", "data": {"z": 1}, "opts": {"priority": 2}});
    for queue in ["dead", "adrift"] {
        let request = json!({"op": "upsertScheduler", "queue": queue, "scheduler": "s", "repeat": every, "template": template});
        ward.call(request);
        // The first run of all is at once: the one after it is the one that is lost.
        ward.drain(queue);
    }
    let mut link = ward.redis();
    for queue in ["dead", "adrift"] {
        let runs: Vec<String> = redis::cmd("ZRANGE")
            .arg(format!("bull:{queue}:delayed"))
            .arg(0)
            .arg(-1)
            .query(&mut link)
            .unwrap();
        let [run] = runs.as_slice() else { panic!("{queue}: {runs:?}") };
        ward.set(queue, "DEL @delayed");
        if queue == "dead" {
            ward.set(queue, &format!("DEL @{run}"));
        }
    }
    ward.line("marked");
    ward.set("marked", "RPUSH @wait 0:0");
    ward.line("index");
    ward.set("index", "ZADD @priority 1 1 2 2");
    ward.line("behind");
    ward.set("behind", "SET @id 1");
    ward.line("named");
    ward.call(
        json!({"op": "add", "queue": "named", "name": "job", "data": {"n": 4}, "opts": {"jobId": "stalled"}}),
    );
    ward.call(json!({"op": "setGlobalConcurrency", "queue": "held", "concurrency": 1}));
    ward.taken("held");
    ward.set("held", "DEL @1:lock @stalled-check");
    vec![
        case("dead", Kind::DeadScheduler, &[]),
        case("adrift", Kind::DeadScheduler, &[]),
        case("marked", Kind::OldMarker, ALL),
        case("index", Kind::OldIndex, ALL),
        case("behind", Kind::IdBehind, ALL),
        Case { undoable: false, ..case("named", Kind::WrongType, &["1", "2", "3", "5"]) },
        case("held", Kind::ConcurrencyHeld, ALL),
    ]
}

#[rstest]
#[case(Lib::Bull4)]
#[case(Lib::BullMq4)]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn every_damage_is_found_repaired_taken_back_and_worked_off(#[case] lib: Lib) {
    let mut ward = Ward::new(lib);
    let mut cases = everywhere(&mut ward);
    if lib != Lib::Bull4 {
        cases.extend(of_bullmq(&mut ward));
    }
    if Lib::PARITY.contains(&lib) {
        cases.extend(of_the_newest(&mut ward));
    }
    let queues: Vec<&str> = cases.iter().map(|case| case.queue).collect();
    let found = ward.survey(&queues, QUICK);
    assert!(found.complete, "{found:?}");
    let mut left = found.findings;
    left.retain(|finding| finding.kind != Kind::NoWorker);
    for case in &cases {
        let at = left.iter().position(|finding| {
            finding.kind == case.kind
                && finding.queue.as_ref().is_some_and(|queue| queue.name.lossless() == case.queue)
        });
        let Some(at) = at else { panic!("{}: no {:?} among {left:#?}", case.queue, case.kind) };
        let finding = left.remove(at);
        assert!(!finding.evidence.is_empty() && finding.repair.is_ok(), "{finding:?}");
        let before = ward.dump(case.queue);
        let report = ward.repair(&finding);
        assert_eq!((report.progress.done, report.undoable), (1, case.undoable), "{}: {report:?}", case.queue);
        let after: Vec<_> =
            ward.found(case.queue).into_iter().filter(|other| other.kind == case.kind).collect();
        assert!(after.is_empty(), "{}: {after:?}", case.queue);
        // What was repaired is not repaired again.
        let twice = ward.repair(&finding);
        assert_eq!(twice.progress.done, 0, "{}: {twice:?}", case.queue);
        if case.undoable {
            let undone = ward.undo();
            let back = (undone.progress.done + undone.keys, undone.failures.len());
            assert_eq!(back, (1, 0), "{}: {undone:?}", case.queue);
            assert_same(&before, &ward.dump(case.queue));
            let report = ward.repair(&finding);
            assert_eq!(report.progress.done, 1, "{} again: {report:?}", case.queue);
        }
    }
    // Nothing else was found, but for the other side of what dead jobs hold.
    left.retain(|finding| finding.kind != Kind::StuckActive);
    assert!(left.is_empty(), "{left:#?}");
    // The lock that got an end reaches it.
    ward.set("lock", "PEXPIRE @1:lock 1");
    let mut link = ward.redis();
    for case in &cases {
        let ran = ward.drain(case.queue);
        assert_eq!(ran, case.runs, "{} of {lib:?}", case.queue);
        let found = ward.found(case.queue);
        assert!(found.is_empty(), "{}: {found:#?}", case.queue);
    }
    let data: String = redis::cmd("HGET").arg("bull:json:2").arg("data").query(&mut link).unwrap();
    assert_eq!(data, "{\"oops", "nothing of the job was lost");
    if Lib::PARITY.contains(&lib) {
        for queue in ["dead", "adrift"] {
            schedules(&mut ward, queue);
        }
        let values = ward.call(json!({"op": "childrenValues", "queue": "told", "job": "p"}));
        assert_eq!(values, json!({"bull:told:c": {"n": 7}}));
    }
}

/// A scheduler that was revived runs on, as the library sees it.
fn schedules(ward: &mut Ward, queue: &str) {
    let schedulers = ward.call(json!({"op": "schedulers", "queue": queue}));
    assert_eq!(schedulers.as_array().unwrap().len(), 1, "{schedulers}");
    let run = format!("repeat:s:{}", schedulers[0]["next"]);
    let state = ward.call(json!({"op": "state", "queue": queue, "job": run}));
    assert_eq!(state, "delayed", "{queue}: {schedulers}");
    let job = ward.call(json!({"op": "job", "queue": queue, "job": run}));
    assert_eq!(
        (&job["name"], &job["data"], &job["opts"]["priority"]),
        (&json!("tick"), &json!({"z": 1}), &json!(2))
    );
    ward.call(json!({"op": "promote", "queue": queue, "job": run}));
    assert_eq!(ward.drain(queue), [run.as_str()]);
    let delayed = ward.call(json!({"op": "counts", "queue": queue, "states": ["delayed"]}));
    assert_eq!(delayed["delayed"], 1, "{queue}: the run after it is there");
}
