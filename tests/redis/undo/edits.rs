//! What an edit replaced comes back, where nothing newer stands there.

use rstest::rstest;
use serde_json::json;
use toril::engine::op::{JobEdit, JobOp, LimitOp, SchedulerOp};
use toril::engine::schedule::{Recast, Repeat};
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
    // It ran meanwhile: the old rule holds again from now on, for jobs as they were.
    let jobs = |dump: &Dump| {
        ["name", "data", "opts"].map(|field| dump.field("bull:q:repeat:soon", field).map(str::to_owned))
    };
    let before = jobs(&bench.dump());
    let recast = Recast {
        repeat: Some(Repeat::every(2 * hour)),
        name: Some("other".to_owned()),
        data: Some(Raw::new("{\"other\":1}")),
        opts: json!({"attempts": 7}).as_object().cloned(),
    };
    let edit = Edit::Recast { id: "soon".to_owned(), recast: Box::new(recast) };
    assert_eq!(bench.edit(&edit).progress.done, 1);
    assert_eq!(jobs(&bench.dump())[0].as_deref(), Some("other"));
    let handle = bench.call(json!({"op": "worker", "queue": "q"}));
    bench.call(json!({"op": "waitIdle", "queue": "q"}));
    bench.call(json!({"op": "workerStop", "handle": handle}));
    let undone = bench.undo();
    assert_eq!((undone.progress.done, undone.left.len()), (1, 1), "{undone:?}");
    let dump = bench.dump();
    assert_eq!(dump.field("bull:q:repeat:soon", "every"), Some("3600000"));
    assert_eq!(jobs(&dump), before);
}

/// A job that nobody runs, in `active`, as the only copy of the library's own.
fn abandoned(bench: &mut Bench, id: &str, opts: &serde_json::Value) {
    let mut opts = opts.clone();
    opts["jobId"] = json!(id);
    bench.call(json!({"op": "add", "queue": "q", "data": {"id": id}, "opts": opts}));
    let mut link = bench.server.connect();
    let taken: i64 = redis::cmd("LREM").arg("bull:q:wait").arg(1).arg(id).query(&mut link).unwrap();
    assert_eq!(taken, 1);
    redis::cmd("LPUSH").arg("bull:q:active").arg(id).exec(&mut link).unwrap();
    redis::cmd("HSET").arg(format!("bull:q:{id}")).arg(&["processedOn", "5"]).exec(&mut link).unwrap();
}

#[rstest]
#[case(Lib::Bull4)]
#[case(Lib::BullMq4)]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn a_job_that_was_moved_out_goes_back_while_nobody_took_it(#[case] lib: Lib) {
    use toril::engine::op::Exit;
    let mut bench = Bench::new(lib);
    for id in ["a", "b", "c"] {
        abandoned(&mut bench, id, &json!({"attempts": 3}));
    }
    bench.call(json!({"op": "add", "queue": "q", "data": {}}));
    let before = bench.dump();
    let ways: &[Exit] =
        if matches!(lib, Lib::BullMq5 | Lib::BullMq6) { &[Exit::Wait, Exit::Failed] } else { &[Exit::Wait] };
    for to in ways {
        let report = bench.edit(&op("b", JobOp::MoveOut { to: *to }));
        assert!(report.progress.done == 1 && report.undoable, "{to:?}: {report:?}");
        assert_eq!(bench.dump().len("bull:q:active"), 2);
        let undone = bench.undo();
        assert_eq!((undone.progress.done, undone.failures.len()), (1, 0), "{to:?}: {undone:?}");
        assert_same(&before, &bench.dump());
    }
    // A worker took it: it stays where that left it.
    assert_eq!(bench.edit(&op("b", JobOp::MoveOut { to: Exit::Wait })).progress.done, 1);
    redis::cmd("DEL").arg("bull:q:active").exec(&mut bench.server.connect()).unwrap();
    let handle = bench.call(json!({"op": "worker", "queue": "q"}));
    bench.call(json!({"op": "waitIdle", "queue": "q"}));
    bench.call(json!({"op": "workerStop", "handle": handle, "force": lib == Lib::Bull4}));
    let after = bench.dump();
    let undone = bench.undo();
    assert_eq!((undone.progress.changed, undone.failures[0].code), (1, "changed"));
    assert_same(&after, &bench.dump());
}

#[test]
fn a_failure_that_reached_further_than_its_job_is_not_taken_back() {
    use toril::engine::op::Exit;
    let mut bench = Bench::new(Lib::BullMq6);
    abandoned(&mut bench, "removes", &json!({"removeOnFail": {"count": 1}}));
    abandoned(&mut bench, "owns", &json!({"deduplication": {"id": "once"}}));
    for id in ["removes", "owns"] {
        let report = bench.edit(&op(id, JobOp::MoveOut { to: Exit::Failed }));
        assert!(report.progress.done == 1 && !report.undoable, "{id}: {report:?}");
    }
}

#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn the_wait_of_a_rate_limit_comes_back_while_it_would_last(#[case] lib: Lib) {
    let mut bench = Bench::new(lib);
    bench.call(json!({"op": "add", "queue": "q", "data": {"do": "ok"}}));
    let mut link = bench.server.connect();
    let mut reach = |ms: u64| {
        redis::cmd("SET").arg("bull:q:limiter").arg(7).arg("PX").arg(ms).exec(&mut link).unwrap();
    };
    let release = Edit::Limit(LimitOp::ReleaseRateLimit);
    reach(3_600_000);
    let before = bench.dump();
    let report = bench.edit(&release);
    assert!(report.progress.done == 1 && report.undoable, "{report:?}");
    assert!(bench.dump().get("bull:q:limiter").is_none());
    assert_eq!(bench.undo().progress.done, 1);
    assert_same(&before, &bench.dump());
    let left: i64 = redis::cmd("PTTL").arg("bull:q:limiter").query(&mut bench.server.connect()).unwrap();
    assert!(left > 3_000_000 && left <= 3_600_000, "{left}");
    // Its time is over: nothing is put back, and that is said.
    loop {
        reach(2_000);
        // On a busy machine it may be over before it is read.
        if bench.edit(&release).undoable {
            break;
        }
    }
    // The clock of the server decides; it is this machine's.
    std::thread::sleep(std::time::Duration::from_millis(2_100));
    let undone = bench.undo();
    assert_eq!((undone.progress.changed, undone.failures[0].code), (1, "over"), "{undone:?}");
    // Another wait began: it is left.
    reach(3_600_000);
    bench.edit(&release);
    reach(1_800_000);
    let newer = bench.dump();
    assert_eq!(bench.undo().failures[0].code, "changed");
    assert_same(&newer, &bench.dump());
}

/// A run that was in line when its scheduler went adds no other: the scheduler comes back with one.
#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn a_scheduler_whose_run_is_over_comes_back_with_another(#[case] lib: Lib) {
    let mut bench = Bench::new(lib);
    let repeat = json!({"every": 3_600_000});
    bench.call(json!({"op": "upsertScheduler", "queue": "q", "scheduler": "soon", "repeat": repeat, "template": {"name": "plain"}}));
    // Its first run is in line at once.
    assert_eq!(Dump::of(&bench.server).len("bull:q:wait"), 1);
    let report = bench.edit(&Edit::Scheduler { key: Raw::new("soon"), op: SchedulerOp::Remove });
    assert!(report.progress.done == 1 && report.undoable, "{report:?}");
    let handle = bench.call(json!({"op": "worker", "queue": "q"}));
    bench.call(json!({"op": "waitIdle", "queue": "q"}));
    bench.call(json!({"op": "workerStop", "handle": handle}));
    assert_eq!(Dump::of(&bench.server).len("bull:q:delayed"), 0);
    let undone = bench.undo();
    assert_eq!((undone.progress.done, undone.left.len()), (1, 1), "{undone:?}");
    let dump = Dump::of(&bench.server);
    assert_eq!(dump.field("bull:q:repeat:soon", "every"), Some("3600000"));
    let lines = ["wait", "delayed", "prioritized"].map(|state| dump.len(&format!("bull:q:{state}")));
    assert_eq!(lines.iter().sum::<usize>(), 1, "a run to come: {:?}", dump.keys());
}

/// It went, and came under another key: both are taken back.
#[rstest]
#[case(Lib::Bull4)]
#[case(Lib::BullMq4)]
#[case(Lib::BullMq5)]
fn an_edited_repeatable_comes_back(#[case] lib: Lib) {
    let mut bench = Bench::new(lib);
    let rule = json!({"pattern": "0 3 * * *", "cron": "0 3 * * *"});
    bench
        .call(json!({"op": "addRepeatable", "queue": "q", "name": "tick", "data": {"a": 1}, "repeat": rule}));
    let before = bench.dump();
    let id = Dump::of(&bench.server).members("bull:q:repeat")[0].to_owned();
    let hour = std::time::Duration::from_secs(3600);
    let recast = |recast: Recast| Edit::Recast { id: id.clone(), recast: Box::new(recast) };
    let edits = [
        // No earlier than the old one: a wake-up marker of BullMQ 4 is not taken back.
        Edit::Schedule { id: id.clone(), repeat: Repeat::cron("0 3 1 1 *") },
        recast(Recast { data: Some(Raw::new("[]")), ..Recast::default() }),
        recast(Recast { name: Some("tock".to_owned()), ..Recast::default() }),
        recast(Recast { opts: Some(serde_json::Map::new()), ..Recast::default() }),
    ];
    for edit in &edits {
        let report = bench.edit(edit);
        assert!(report.progress.done == 1 && report.undoable, "{edit:?}: {report:?}");
        let dump = bench.dump();
        assert_eq!((dump.len("bull:q:repeat"), dump.len("bull:q:delayed")), (1, 1), "{edit:?}");
        let undone = bench.undo();
        assert_eq!(undone.failures, [], "{edit:?}");
        assert_same(&before, &bench.dump());
    }
    // The new one ran meanwhile: it goes, and the old one is there again.
    let report = bench.edit(&Edit::Schedule { id: id.clone(), repeat: Repeat::every(hour / 7200) });
    assert_eq!(report.progress.done, 1, "{report:?}");
    let handle = bench.call(json!({"op": "worker", "queue": "q"}));
    crate::engine::ours::until(|| Dump::of(&bench.server).len("bull:q:completed") > 1);
    bench.call(json!({"op": "workerStop", "handle": handle, "force": lib == Lib::Bull4}));
    let undone = bench.undo();
    assert_eq!(undone.failures, [], "{undone:?}");
    assert_eq!(Dump::of(&bench.server).members("bull:q:repeat"), [id]);
}
