//! What an edit replaced comes back, where nothing newer stands there.

use rstest::rstest;
use serde_json::json;
use toril::engine::op::{JobEdit, JobOp, LimitOp, SchedulerOp};
use toril::engine::schedule::Repeat;
use toril::operate::journal::Confirmed;
use toril::operate::{Consent, Edit, Report};
use toril::wire::{JobId, Raw};

use super::{Bench, seed};
use crate::support::{Dump, Lib, assert_same};

impl Bench {
    fn edit(&self, edit: &Edit) -> Report {
        let consent = Consent::new(Confirmed::Yes, "toril set").matched(1);
        self.runtime.block_on(self.operator.edit(&self.target(), edit, &consent))
    }
}

fn data(id: &str, json: &str) -> Edit {
    Edit::Bytes { id: JobId::new(id), edit: JobEdit::Data { json: Raw::new(json), was: None } }
}

fn op(id: &str, op: JobOp) -> Edit {
    Edit::Job { id: JobId::new(id), op }
}

fn priority(priority: u32, front: bool) -> JobOp {
    JobOp::SetPriority { priority, front }
}

#[rstest]
#[case(Lib::Bull4)]
#[case(Lib::BullMq4)]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn every_edit_of_every_era_is_taken_back(#[case] lib: Lib) {
    let mut bench = Bench::new(lib);
    seed(&mut bench);
    // A job with data that is no JSON, and with a progress: what stood there is put back, whatever it is.
    let mut link = bench.server.connect();
    let fields = [("data", "{oops"), ("progress", "40")];
    redis::cmd("HSET").arg("bull:q:8").arg(&fields).exec(&mut link).unwrap();
    let before = bench.dump();
    let waiting = ["7", "9", "12"];
    let prioritized = ["13", "14", "15"];
    let mut edits = vec![
        data("8", r#"{"n":1.10}"#),
        data("1", "[]"),
        Edit::Bytes { id: JobId::new("8"), edit: JobEdit::Progress { json: Raw::new("50") } },
        Edit::Bytes { id: JobId::new("7"), edit: JobEdit::Progress { json: Raw::new("{}") } },
        Edit::Bytes { id: JobId::new("1"), edit: JobEdit::Log { line: Raw::new("one more") } },
        Edit::Bytes { id: JobId::new("7"), edit: JobEdit::Log { line: Raw::new("the first") } },
        op("1", JobOp::ClearLogs { keep: 0 }),
        op("2", JobOp::ClearLogs { keep: 1 }),
        op("16", JobOp::SetDelay { ms: 5_000 }),
        op("order-7", JobOp::SetDelay { ms: 9_000_000 }),
        Edit::Limit(LimitOp::SetConcurrency(3)),
        Edit::Limit(LimitOp::SetRateLimit { max: 10, duration_ms: 1_000 }),
    ];
    for id in waiting {
        edits.extend([op(id, priority(3, false)), op(id, priority(1, true)), op(id, priority(0, true))]);
    }
    for id in prioritized {
        edits.extend([op(id, priority(9, false)), op(id, priority(0, false)), op(id, priority(2, true))]);
    }
    edits.extend([op("16", priority(5, false)), op("1", priority(5, false))]);
    let mut done = 0;
    for edit in &edits {
        let report = bench.edit(edit);
        if edit.supports(bench.target().era).is_err() {
            assert_eq!((report.progress.failed, report.failures[0].code), (1, "unsupported"), "{edit:?}");
            assert!(report.journal.is_none(), "{edit:?}: nothing was begun");
            assert_same(&before, &bench.dump());
            continue;
        }
        done += 1;
        assert!(report.progress.done == 1 && report.undoable, "{edit:?}: {report:?}");
        let undone = bench.undo();
        assert_eq!((undone.progress.done, undone.failures.len()), (1, 0), "{edit:?}: {undone:?}");
        assert_same(&before, &bench.dump());
    }
    assert_eq!(
        done,
        match lib {
            Lib::Bull4 => 8,
            Lib::BullMq4 => edits.len() - 2,
            _ => edits.len(),
        }
    );
}

#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn a_freed_deduplication_id_and_removed_children_come_back(#[case] lib: Lib) {
    let mut bench = Bench::new(lib);
    seed(&mut bench);
    let tree = json!({
        "name": "root", "queueName": "q", "opts": {"jobId": "root"},
        "children": [
            {"name": "a", "queueName": "q", "opts": {"jobId": "a"}},
            {"name": "b", "queueName": "other", "opts": {"jobId": "b"}},
        ],
    });
    bench.call(json!({"op": "flow", "tree": tree}));
    bench.call(json!({"op": "open", "queue": "other"}));
    let before = bench.dump();
    for (dedup, owner) in [("once", "18"), ("for a while", "19")] {
        let edit = Edit::Release { id: Raw::new(dedup), owner: JobId::new(owner) };
        let report = bench.edit(&edit);
        assert!(report.progress.done == 1 && report.undoable, "{report:?}");
        assert!(!bench.dump().keys().iter().any(|key| *key == format!("bull:q:de:{dedup}")));
        bench.undo();
        let dump = bench.dump();
        assert!(dump.keys().iter().any(|key| *key == format!("bull:q:de:{dedup}")), "{:?}", dump.keys());
    }
    let report = bench.edit(&op("root", JobOp::RemoveChildren));
    assert!(report.progress.done == 1 && report.undoable, "{report:?}");
    assert_eq!(Dump::of(&bench.server).members("bull:q:wait").last().copied(), Some("root"));
    let undone = bench.undo();
    assert_eq!((undone.progress.done, undone.failures.len()), (2, 0), "{undone:?}");
    assert_same(&before, &bench.dump());
}

#[rstest]
#[case(Lib::Bull4)]
#[case(Lib::BullMq4)]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn a_removed_scheduler_comes_back_with_its_next_run(#[case] lib: Lib) {
    let mut bench = Bench::new(lib);
    let rule = json!({"pattern": "0 3 * * *", "cron": "0 3 * * *"});
    bench.call(match lib {
        Lib::BullMq5 | Lib::BullMq6 => json!({"op": "upsertScheduler", "queue": "q", "scheduler": "tick",
            "repeat": {"pattern": "0 3 * * *"}, "template": {"name": "tick", "data": {"a": 1}}}),
        _ => json!({"op": "addRepeatable", "queue": "q", "name": "tick", "data": {}, "repeat": rule}),
    });
    let before = bench.dump();
    let key = Dump::of(&bench.server).members("bull:q:repeat")[0].to_owned();
    let edit = Edit::Scheduler { key: Raw::new(&key), op: SchedulerOp::Remove };
    let report = bench.edit(&edit);
    assert!(report.progress.done == 1 && report.undoable, "{report:?}");
    assert_eq!(Dump::of(&bench.server).len("bull:q:delayed"), 0);
    let undone = bench.undo();
    assert_eq!(undone.failures, []);
    assert_same(&before, &bench.dump());
    assert_eq!(bench.edit(&edit).progress.done, 1, "it is one that can be removed");
    assert_eq!(bench.edit(&edit).failures[0].code, "no-scheduler");
}

#[test]
fn an_edit_is_not_taken_back_over_a_newer_one() {
    let mut bench = Bench::new(Lib::BullMq6);
    seed(&mut bench);
    let newer = |bench: &mut Bench, what: serde_json::Value| {
        bench.call(what);
        bench.dump()
    };
    let changed = |bench: &Bench, after: &Dump| {
        let undone = bench.undo();
        assert_eq!((undone.progress.done, undone.progress.changed), (0, 1), "{undone:?}");
        assert_eq!(undone.failures[0].code, "changed");
        assert_same(after, &bench.dump());
    };
    assert_eq!(bench.edit(&data("7", "1")).progress.done, 1);
    let after = newer(&mut bench, json!({"op": "updateData", "queue": "q", "job": "7", "data": {"n": 2}}));
    changed(&bench, &after);
    assert_eq!(bench.edit(&op("7", priority(4, false))).progress.done, 1);
    let again = json!({"op": "changePriority", "queue": "q", "job": "7", "priority": 4, "lifo": true});
    let after = newer(&mut bench, again);
    changed(&bench, &after);
    assert_eq!(bench.edit(&op("16", JobOp::SetDelay { ms: 60_000 })).progress.done, 1);
    let again = json!({"op": "changeDelay", "queue": "q", "job": "16", "delay": 60_000});
    let after = newer(&mut bench, again);
    changed(&bench, &after);
    assert_eq!(bench.edit(&Edit::Limit(LimitOp::SetConcurrency(3))).progress.done, 1);
    let again = json!({"op": "queueCall", "queue": "q", "method": "setGlobalConcurrency", "args": [5]});
    let after = newer(&mut bench, again);
    changed(&bench, &after);
    // A job that is gone is not made again.
    assert_eq!(bench.edit(&data("9", "1")).progress.done, 1);
    let mut link = bench.server.connect();
    redis::cmd("DEL").arg("bull:q:9").exec(&mut link).unwrap();
    let undone = bench.undo();
    assert_eq!((undone.progress.changed, undone.failures[0].code), (1, "gone"));
    // What was refused left nothing that an undo would find.
    assert_eq!(bench.edit(&data("999", "1")).failures[0].code, "gone");
}

fn schedulers(bench: &mut Bench, lib: Lib) -> Vec<String> {
    let template = json!({"name": "tick", "data": {"a": 1.10}, "opts": {"attempts": 2, "priority": 3}});
    let mut upsert = |id: &str, repeat: serde_json::Value, template: &serde_json::Value| {
        bench.call(json!({"op": "upsertScheduler", "queue": "q", "scheduler": id, "repeat": repeat, "template": template}));
        id.to_owned()
    };
    assert!(matches!(lib, Lib::BullMq5 | Lib::BullMq6));
    vec![
        upsert("cron", json!({"pattern": "0 3 * * *", "tz": "Europe/Berlin", "limit": 9}), &template),
        upsert("a:b", json!({"every": 3_600_000, "offset": 5}), &template),
        // The first run of an interval is in line at once.
        upsert("soon", json!({"every": 3_600_000}), &json!({"name": "plain"})),
    ]
}

#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn a_changed_schedule_comes_back_with_its_next_run(#[case] lib: Lib) {
    let mut bench = Bench::new(lib);
    seed(&mut bench);
    let ids = schedulers(&mut bench, lib);
    let before = bench.dump();
    let hour = std::time::Duration::from_secs(3600);
    for id in &ids {
        for repeat in [
            Repeat::cron("0 4 * * *").tz("UTC"),
            Repeat::every(2 * hour),
            Repeat::every(hour).limit(3),
            Repeat::every(hour).offset(std::time::Duration::from_secs(9)).end(4_000_000_000_000),
        ] {
            let report = bench.edit(&Edit::Schedule { id: id.clone(), repeat: repeat.clone() });
            assert!(report.progress.done == 1 && report.undoable, "{id} {repeat:?}: {report:?}");
            let undone = bench.undo();
            assert_eq!((undone.progress.done, undone.left.len()), (1, 0), "{id} {repeat:?}: {undone:?}");
            assert_same(&before, &bench.dump());
        }
        let report = bench.edit(&Edit::Scheduler { key: Raw::new(id), op: SchedulerOp::Remove });
        assert!(report.progress.done == 1 && report.undoable, "{id}: {report:?}");
        assert_eq!(bench.undo().progress.done, 1, "{id}");
        assert_same(&before, &bench.dump());
    }
    let new = Edit::NewScheduler {
        id: "new".to_owned(),
        repeat: Repeat::cron("0 5 * * *"),
        name: Some("job".to_owned()),
        data: Raw::new("{\"a\":[1]}"),
        opts: Raw::new("{\"attempts\":3}"),
    };
    let report = bench.edit(&new);
    assert!(report.progress.done == 1 && report.undoable, "{report:?}");
    let dump = bench.dump();
    assert_eq!(dump.field("bull:q:repeat:new", "opts"), Some("{\"attempts\":3}"));
    assert_eq!(bench.edit(&new).failures[0].code, "scheduler-there");
    let undone = bench.undo();
    assert_eq!(undone.progress.done, 1, "{undone:?}");
    assert_same(&before, &bench.dump());
}

#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn what_is_newer_than_a_changed_schedule_stays(#[case] lib: Lib) {
    let mut bench = Bench::new(lib);
    schedulers(&mut bench, lib);
    let hour = std::time::Duration::from_secs(3600);
    let set = |id: &str, repeat: &Repeat| Edit::Schedule { id: id.to_owned(), repeat: repeat.clone() };
    let refused = |bench: &Bench, after: &Dump| {
        let undone = bench.undo();
        assert_eq!((undone.progress.done, undone.progress.changed), (0, 1), "{undone:?}");
        assert_same(after, &bench.dump());
    };
    // Somebody changed it again.
    assert_eq!(bench.edit(&set("cron", &Repeat::cron("0 4 * * *"))).progress.done, 1);
    let again = json!({"op": "upsertScheduler", "queue": "q", "scheduler": "cron", "repeat": {"every": 5_000_000}, "template": {"name": "x"}});
    bench.call(again);
    let after = bench.dump();
    refused(&bench, &after);
    // It was removed, and somebody made another of its name.
    let remove = Edit::Scheduler { key: Raw::new("a:b"), op: SchedulerOp::Remove };
    assert_eq!(bench.edit(&remove).progress.done, 1);
    bench.call(json!({"op": "upsertScheduler", "queue": "q", "scheduler": "a:b", "repeat": {"pattern": "0 1 * * *"}, "template": {"name": "y"}}));
    let after = bench.dump();
    refused(&bench, &after);
    // It ran meanwhile: the old rule holds again from now on.
    assert_eq!(bench.edit(&set("soon", &Repeat::every(2 * hour))).progress.done, 1);
    let handle = bench.call(json!({"op": "worker", "queue": "q"}));
    bench.call(json!({"op": "waitIdle", "queue": "q"}));
    bench.call(json!({"op": "workerStop", "handle": handle}));
    let undone = bench.undo();
    assert_eq!((undone.progress.done, undone.left.len()), (1, 1), "{undone:?}");
    let dump = bench.dump();
    assert_eq!(dump.field("bull:q:repeat:soon", "every"), Some("3600000"));
}
