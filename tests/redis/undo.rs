//! What an act took away comes back as it was.

mod edits;

use rstest::rstest;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use toril::engine::acl::Role;
use toril::engine::op::{JobOp, Target};
use toril::operate::journal::{Confirmed, Who};
use toril::operate::{
    Bulk, BulkPlan, Consent, End, Operator, Pace, Plan, Policy, Progress, Report, Selection,
};
use toril::wire::{JobId, State};

use crate::parity::pair::target;
use crate::support::{Dump, Lib, Node, Options, Server, account, assert_same};

/// A library with a server, and somebody who acts on it.
struct Bench {
    server: Server,
    node: Node,
    runtime: tokio::runtime::Runtime,
    operator: Operator,
    _folder: TempDir,
}

impl Bench {
    fn new(lib: Lib) -> Self {
        let server = Server::start();
        let node = Node::start(lib, &server);
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let folder = tempfile::tempdir().unwrap();
        // With no more rights than `toril acl --role operator` prints.
        let conn = runtime.block_on(account(&server, Role::Operator));
        let operator = Operator::new(conn, Who::default(), None, Policy::default(), Some(folder.path()));
        Self { server, node, runtime, operator, _folder: folder }
    }

    fn call(&mut self, request: Value) -> Value {
        self.node.call(request)
    }

    fn dump(&self) -> Dump {
        let mut options = Options::default();
        for aside in [":events", ":id", ":pc", ":marker", ":stalled", ":stalled-check"] {
            options = options.ignore(aside);
        }
        Dump::of(&self.server).normalised(&options.window(0..=0))
    }

    fn target(&self) -> Target {
        target(self.node.lib(), "q")
    }

    fn run(&self, plan: &Plan) -> Report {
        let consent = Consent::new(Confirmed::Yes, "toril");
        let progress = watch::Sender::new(Progress::default());
        let never = CancellationToken::new();
        self.runtime.block_on(self.operator.run(plan, &consent, &progress, &never))
    }

    fn remove(&self, selection: Selection) -> Report {
        self.run(&Plan { target: self.target(), op: JobOp::Remove { children: true }, selection })
    }

    #[track_caller]
    fn undo(&self) -> toril::operate::undo::Undone {
        let consent = Consent::new(Confirmed::Yes, "toril undo");
        let progress = watch::Sender::new(Progress::default());
        let never = CancellationToken::new();
        self.runtime.block_on(self.operator.undo(None, &consent, &progress, &never)).unwrap().2
    }
}

fn ids(ids: &[&str]) -> Selection {
    Selection::Ids(ids.iter().copied().map(JobId::new).collect())
}

/// Jobs in every state that a queue can hold, with logs, options and payloads.
fn seed(bench: &mut Bench) {
    let lib = bench.node.lib();
    let mut add = |data: Value, opts: Value| {
        bench.node.call(json!({"op": "add", "queue": "q", "name": "mail", "data": data, "opts": opts}))
    };
    for n in 0..3 {
        add(json!({"do": "ok", "n": n, "return": {"sent": true}, "log": ["one", "two"]}), json!({}));
    }
    for n in 3..6 {
        add(json!({"do": "fail", "n": n, "message": "no route"}), json!({"attempts": 1}));
    }
    let handle = bench.call(json!({"op": "worker", "queue": "q"}));
    bench.call(json!({"op": "waitIdle", "queue": "q"}));
    bench.call(json!({"op": "workerStop", "handle": handle, "force": lib == Lib::Bull4}));
    let mut add = |data: Value, opts: Value| {
        bench.node.call(json!({"op": "add", "queue": "q", "name": "mail", "data": data, "opts": opts}))
    };
    for n in 6..12 {
        add(json!({"n": n, "text": "zo\u{eb} \u{202e} \u{1b}[31m"}), json!({"backoff": 500}));
    }
    for priority in [3, 1, 2] {
        add(json!({}), json!({"priority": priority}));
    }
    add(json!({}), json!({"delay": 600_000}));
    add(json!({}), json!({"delay": 700_000, "jobId": "order-7"}));
    let option = if lib == Lib::Bull4 { "debounce" } else { "deduplication" };
    if lib != Lib::BullMq4 {
        add(json!({}), json!({option: {"id": "once"}}));
        add(json!({}), json!({option: {"id": "for a while", "ttl": 3_600_000}, "delay": 800_000}));
    }
}

#[rstest]
#[case(Lib::Bull4)]
#[case(Lib::BullMq4)]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn removed_jobs_of_every_state_come_back(#[case] lib: Lib) {
    let mut bench = Bench::new(lib);
    seed(&mut bench);
    let before = bench.dump();
    let all: Vec<JobId> = before
        .keys()
        .into_iter()
        .filter_map(|key| key.strip_prefix("bull:q:").map(str::to_owned))
        .filter(|id| id.parse::<u32>().is_ok() || id == "order-7")
        .map(JobId::new)
        .collect();
    assert!(all.len() >= 17, "{all:?}");
    let report = bench.remove(Selection::Ids(all.clone()));
    assert_eq!((report.end, report.progress.done), (End::Finished, all.len() as u64));
    assert!(report.undoable && report.journal.is_some() && report.unrecorded.is_none());
    assert_ne!(bench.dump().keys(), before.keys());
    let undone = bench.undo();
    assert_eq!((undone.progress.done, undone.failures.len()), (all.len() as u64, 0), "{undone:?}");
    assert_same(&before, &bench.dump());
    // A worker of the library runs what it would have run.
    let handle = bench.call(json!({"op": "worker", "queue": "q"}));
    bench.call(json!({"op": "waitIdle", "queue": "q"}));
    bench.call(json!({"op": "workerStop", "handle": handle, "force": lib == Lib::Bull4}));
    let dump = Dump::of(&bench.server);
    assert_eq!((dump.len("bull:q:wait"), dump.len("bull:q:failed")), (0, 3));
}

#[rstest]
#[case(Lib::Bull4)]
#[case(Lib::BullMq6)]
fn one_from_the_middle_of_a_list_comes_back_between_its_neighbours(#[case] lib: Lib) {
    let mut bench = Bench::new(lib);
    for n in 0..9 {
        bench.call(json!({"op": "add", "queue": "q", "data": {"n": n}}));
    }
    let before = bench.dump();
    for some in [&["5"][..], &["1"], &["9"], &["3", "4", "5"], &["5", "3", "4"], &["8", "1", "2"]] {
        assert_eq!(bench.remove(ids(some)).progress.done, some.len() as u64);
        bench.undo();
        assert_same(&before, &bench.dump());
    }
}

#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn a_flow_comes_back_with_its_children_and_its_parent_waits_again(#[case] lib: Lib) {
    let mut bench = Bench::new(lib);
    let tree = json!({
        "name": "root", "queueName": "q", "opts": {"jobId": "root", "attempts": 2},
        "children": [
            {"name": "a", "queueName": "q", "opts": {"jobId": "a"}, "children": [
                {"name": "a1", "queueName": "other", "opts": {"jobId": "a1"}},
                {"name": "a2", "queueName": "other", "opts": {"jobId": "a2", "delay": 60_000}},
            ]},
        ],
    });
    bench.call(json!({"op": "flow", "tree": tree}));
    bench.call(json!({"op": "open", "queue": "other"}));
    bench.call(json!({"op": "open", "queue": "q"}));
    let before = bench.dump();
    // All of it.
    assert_eq!(bench.remove(ids(&["root"])).progress.done, 1);
    assert!(bench.dump().keys().len() < before.keys().len());
    let undone = bench.undo();
    assert_eq!((undone.progress.done, undone.left.as_slice()), (4, &[][..]), "{undone:?}");
    assert_same(&before, &bench.dump());
    // Only the child, whose removal releases the root.
    assert_eq!(bench.remove(ids(&["a"])).progress.done, 1);
    assert_eq!(Dump::of(&bench.server).members("bull:q:wait"), ["root"]);
    bench.undo();
    assert_same(&before, &bench.dump());
}

#[test]
fn what_is_newer_is_not_overwritten() {
    let mut bench = Bench::new(Lib::BullMq6);
    let opts = json!({"jobId": "order-7", "deduplication": {"id": "once"}});
    bench.call(json!({"op": "add", "queue": "q", "data": {"old": 1}, "opts": opts}));
    bench.call(json!({"op": "add", "queue": "q", "data": {"old": 2}, "opts": {"jobId": "order-8"}}));
    assert_eq!(bench.remove(ids(&["order-7", "order-8"])).progress.done, 2);
    bench.call(json!({"op": "add", "queue": "q", "data": {"new": 1}, "opts": {"jobId": "order-7"}}));
    let undone = bench.undo();
    assert_eq!((undone.progress.done, undone.progress.changed), (1, 1));
    assert_eq!(undone.failures[0].code, "taken");
    let dump = Dump::of(&bench.server);
    assert_eq!(dump.field("bull:q:order-7", "data"), Some(r#"{"new":1}"#));
    assert_eq!(dump.field("bull:q:order-8", "data"), Some(r#"{"old":2}"#));
    assert_eq!(dump.len("bull:q:wait"), 2);
}

#[rstest]
#[case(State::Waiting, 5000)]
#[case(State::Failed, 700)]
fn a_whole_state_comes_back_in_its_order(#[case] state: State, #[case] count: usize) {
    let bench = Bench::new(Lib::BullMq6);
    let mut link = bench.server.connect();
    let mut pipe = redis::pipe();
    pipe.cmd("HSET")
        .arg("bull:q:meta")
        .arg("opts.maxLenEvents")
        .arg(100)
        .arg("version")
        .arg("bullmq:6.7.0")
        .ignore();
    for n in 1..=count {
        let key = format!("bull:q:{n}");
        let fields =
            [("name", "n"), ("data", "{}"), ("opts", "{}"), ("timestamp", "1000"), ("priority", "0")];
        pipe.cmd("HSET").arg(key).arg(&fields).ignore();
        match state {
            State::Waiting => pipe.cmd("LPUSH").arg("bull:q:wait").arg(n).ignore(),
            _ => pipe.cmd("ZADD").arg("bull:q:failed").arg(1000 + n / 3).arg(n).ignore(),
        };
    }
    pipe.exec(&mut link).unwrap();
    let before = bench.dump();
    let report = bench.remove(Selection::All { state, until: 5000 });
    assert_eq!(report.progress.done, count as u64, "{report:?}");
    assert_eq!(bench.dump().keys(), ["bull:q:meta"]);
    assert_eq!(bench.undo().progress.done, count as u64);
    assert_same(&before, &bench.dump());
}

#[rstest]
#[case(Lib::Bull4)]
#[case(Lib::BullMq4)]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn a_drained_a_cleaned_and_an_obliterated_queue_come_back(#[case] lib: Lib) {
    let mut bench = Bench::new(lib);
    seed(&mut bench);
    let repeat = json!({"op": "addRepeatable", "queue": "q", "name": "tick", "data": {}, "repeat": {"pattern": "0 3 * * *", "cron": "0 3 * * *"}});
    match lib {
        Lib::BullMq5 | Lib::BullMq6 => bench.call(
            json!({"op": "upsertScheduler", "queue": "q", "scheduler": "tick", "repeat": {"pattern": "0 3 * * *"}, "template": {"name": "tick", "data": {"a": 1}}}),
        ),
        _ => bench.call(repeat),
    };
    let before = bench.dump();
    for bulk in [
        Bulk::Drain { delayed: true },
        Bulk::Clean { state: State::Failed, limit: None },
        Bulk::Clean { state: State::Completed, limit: Some(2) },
        Bulk::Obliterate { force: false },
    ] {
        let until = i64::MAX / 4096;
        let plan = BulkPlan { target: bench.target(), bulk, until, pace: Pace::default(), only: None };
        let progress = watch::Sender::new(Progress::default());
        let (consent, never) = (Consent::new(Confirmed::Typed, "toril"), CancellationToken::new());
        let report = bench.runtime.block_on(bench.operator.bulk(&plan, &consent, &progress, &never));
        assert_eq!(report.end, End::Finished, "{bulk:?}: {report:?}");
        assert!(report.progress.done >= 2 && report.undoable, "{bulk:?}: {report:?}");
        if matches!(bulk, Bulk::Obliterate { .. }) {
            assert_eq!(bench.dump().keys(), Vec::<&str>::new());
        }
        let undone = bench.undo();
        assert_eq!((undone.failures.len(), undone.left.len()), (0, 0), "{bulk:?}: {undone:?}");
        assert_same(&before, &bench.dump());
    }
}

/// Does a bulk act on all that is there.
fn bulk(bench: &Bench, bulk: Bulk) -> Report {
    let until = i64::MAX / 4096;
    let plan = BulkPlan { target: bench.target(), bulk, until, pace: Pace::default(), only: None };
    let progress = watch::Sender::new(Progress::default());
    let (consent, never) = (Consent::new(Confirmed::Typed, "toril"), CancellationToken::new());
    bench.runtime.block_on(bench.operator.bulk(&plan, &consent, &progress, &never))
}

/// A bulk removal takes parents along that wait for nothing more: they come back with their children.
#[rstest]
#[case(Lib::BullMq4, false)]
#[case(Lib::BullMq5, false)]
#[case(Lib::BullMq6, false)]
#[case(Lib::BullMq6, true)]
fn parents_that_went_along_come_back(#[case] lib: Lib, #[case] all: bool) {
    let mut bench = Bench::new(lib);
    let leaf = |id: &str| json!({"name": id, "queueName": "q", "opts": {"jobId": id}});
    let middle = json!({"name": "middle", "queueName": "q", "data": {"a": 1}, "opts": {"jobId": "middle"},
        "children": [leaf("a"), leaf("b"), leaf("c")]});
    let root = json!({"name": "root", "queueName": "q", "data": {"of": "all"}, "opts": {"jobId": "root"},
        "children": [middle, leaf("d")]});
    bench.call(json!({"op": "flow", "tree": root}));
    // One that waits for a job of another queue as well: it stays.
    let other = json!({"name": "o", "queueName": "other", "opts": {"jobId": "o", "delay": 600_000}});
    let stays = json!({"name": "stays", "queueName": "q", "opts": {"jobId": "stays"}, "children": [leaf("e"), other]});
    bench.call(json!({"op": "flow", "tree": stays}));
    for queue in ["other", "q"] {
        bench.call(json!({"op": "open", "queue": queue}));
    }
    let before = bench.dump();
    let report = if all {
        bulk(&bench, Bulk::Obliterate { force: false })
    } else {
        bulk(&bench, Bulk::Drain { delayed: false })
    };
    assert_eq!((report.end.clone(), report.progress.failed), (End::Finished, 0), "{report:?}");
    assert!(report.note.is_some(), "it is told: {report:?}");
    let gone = bench.dump();
    assert!(gone.get("bull:q:root").is_none() && gone.get("bull:q:middle").is_none(), "{:?}", gone.keys());
    assert_eq!(gone.get("bull:q:stays").is_none(), all);
    let undone = bench.undo();
    assert_eq!((undone.failures.len(), undone.left.as_slice()), (0, &[][..]), "{undone:?}");
    assert_same(&before, &bench.dump());
}

/// An id that was given out is not given out again: BullMQ takes a new job with it for the old one, and drops it.
#[rstest]
#[case(Lib::Bull4)]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn what_is_added_after_an_undo_has_an_id_of_its_own(#[case] lib: Lib) {
    let mut bench = Bench::new(lib);
    for n in 0..3 {
        bench.call(json!({"op": "add", "queue": "q", "data": {"n": n}, "opts": {"priority": 2}}));
    }
    let before = bench.dump();
    let report = bulk(&bench, Bulk::Obliterate { force: false });
    assert!(report.progress.done == 3 && report.undoable, "{report:?}");
    assert_eq!(bench.undo().progress.done, 3);
    assert_same(&before, &bench.dump());
    let dump = Dump::of(&bench.server);
    assert_eq!(dump.get("bull:q:id"), Some(&crate::support::Content::String("3".to_owned())));
    bench.call(json!({"op": "add", "queue": "q", "data": {"n": "new"}, "opts": {"priority": 2}}));
    let dump = Dump::of(&bench.server);
    assert_eq!(dump.field("bull:q:4", "data"), Some(r#"{"n":"new"}"#));
    // And it comes after the others of its priority.
    let line = if lib == Lib::Bull4 { "bull:q:wait" } else { "bull:q:prioritized" };
    let (first, last) = (dump.members(line)[0], dump.members(line)[3]);
    assert_eq!(if lib == Lib::Bull4 { first } else { last }, "4");
}

/// A queue that another library has begun anew is left alone, and what was saved is kept until it can be put back.
#[test]
fn what_cannot_be_put_back_now_is_kept() {
    let mut bench = Bench::new(Lib::BullMq6);
    for n in 0..3 {
        bench.call(json!({"op": "add", "queue": "q", "data": {"n": n}}));
    }
    let before = bench.dump();
    assert_eq!(bulk(&bench, Bulk::Obliterate { force: false }).progress.done, 3);
    let mut bull = Node::start(Lib::Bull4, &bench.server);
    bull.call(json!({"op": "add", "queue": "q", "data": {}}));
    let newer = Dump::of(&bench.server);
    let undone = bench.undo();
    assert_eq!((undone.progress.done, undone.keys, undone.broken.is_some()), (0, 0, true), "{undone:?}");
    assert_same(&newer, &Dump::of(&bench.server));
    drop(bull);
    let mut link = bench.server.connect();
    redis::cmd("FLUSHALL").exec(&mut link).unwrap();
    assert_eq!(bench.undo().progress.done, 3);
    assert_same(&before, &bench.dump());
    // One key that is damaged: the rest is kept, and what came back and was worked off does not come back again.
    assert_eq!(bench.remove(ids(&["1", "2", "3"])).progress.done, 3);
    redis::cmd("SET").arg("bull:q:2:logs").arg("?").exec(&mut link).unwrap();
    let undone = bench.undo();
    assert_eq!((undone.progress.done, undone.failures[0].code), (2, "damaged"), "{undone:?}");
    assert!(undone.is_partial());
    redis::cmd("DEL").arg(&["bull:q:2:logs", "bull:q:1"]).exec(&mut link).unwrap();
    redis::cmd("LREM").arg("bull:q:wait").arg(1).arg("1").exec(&mut link).unwrap();
    let undone = bench.undo();
    assert_eq!((undone.progress.matched, undone.progress.done), (1, 1), "{undone:?}");
    let dump = Dump::of(&bench.server);
    assert!(dump.get("bull:q:1").is_none() && dump.get("bull:q:2").is_some());
    assert!(!undone.is_partial());
}

#[test]
fn a_queue_that_may_not_go_is_not_paused() {
    let mut bench = Bench::new(Lib::BullMq6);
    bench.call(json!({"op": "add", "queue": "q", "data": {}}));
    let mut link = bench.server.connect();
    redis::cmd("LMOVE").arg(&["bull:q:wait", "bull:q:active", "RIGHT", "LEFT"]).exec(&mut link).unwrap();
    let before = Dump::of(&bench.server);
    let report = bulk(&bench, Bulk::Obliterate { force: false });
    assert_eq!(
        report.end.reason().map(|why| why.to_string()).as_deref(),
        Some("Jobs of the queue are active.")
    );
    assert!(!report.undoable);
    assert_same(&before, &Dump::of(&bench.server));
}

#[test]
fn an_empty_queue_comes_back_with_its_settings() {
    let mut bench = Bench::new(Lib::BullMq6);
    bench.call(json!({"op": "open", "queue": "q"}));
    let before = bench.dump();
    let report = bulk(&bench, Bulk::Obliterate { force: false });
    assert!(report.end == End::Finished && report.undoable, "{report:?}");
    assert_eq!(bench.dump().keys(), Vec::<&str>::new());
    assert!(bench.undo().keys > 0);
    assert_same(&before, &bench.dump());
}

/// A job that ran between the moment when it was saved and its removal is left: its copy would run again.
#[rstest]
#[case(Lib::Bull4)]
#[case(Lib::BullMq6)]
fn what_ran_since_it_was_saved_is_not_removed(#[case] lib: Lib) {
    use toril::engine::op::{Code, remove_seen};
    use toril::engine::saved::{Saving, save};
    let mut bench = Bench::new(lib);
    for n in 0..2 {
        bench.call(json!({"op": "add", "queue": "q", "data": {"do": "ok", "n": n}}));
    }
    let jobs = ["1", "2"].map(JobId::new);
    let (target, conn) = (bench.target(), bench.operator.conn().clone());
    let saving = Saving { state: None, children: true, limit: 1 << 20 };
    let (saved, _) = bench.runtime.block_on(save(&conn, &target, &jobs, saving)).unwrap();
    let seen: Vec<_> = saved.iter().map(|job| (JobId::new(job.id()), Some(job.ran()))).collect();
    let remove = |seen: &[_]| bench.runtime.block_on(remove_seen(&conn, &target, true, seen)).unwrap();
    assert!(matches!(remove(&seen[..1])[..], [Ok(Code::Done)]));
    let handle = bench.node.call(json!({"op": "worker", "queue": "q"}));
    bench.node.call(json!({"op": "waitIdle", "queue": "q"}));
    bench.node.call(json!({"op": "workerStop", "handle": handle, "force": lib == Lib::Bull4}));
    let before = bench.dump();
    assert!(matches!(remove(&seen[1..])[..], [Ok(Code::Changed)]));
    assert_same(&before, &bench.dump());
}
