//! Schedulers beside `getJobSchedulers` and `getRepeatableJobs`, and those that need somebody.

use std::time::{SystemTime, UNIX_EPOCH};

use rstest::rstest;
use serde_json::{Value, json};
use toril::engine::read::next_run::standing;
use toril::engine::read::schedulers::Generation;
use toril::engine::read::{Standing, standings};
use toril::insight::scheduler::{Dead, Ended, Phase, judge};

use crate::cli::run::{finish, json as told, on};
use crate::engine::ours::{Ours, queue_id, until};
use crate::read::seed::era;
use crate::support::{Lib, Node, Server};

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64
}

struct Bench {
    server: Server,
    node: Node,
    me: Ours,
}

impl Bench {
    fn new(lib: Lib) -> Self {
        let server = Server::start();
        Self { node: Node::start(lib, &server), me: Ours::on(&server), server }
    }

    fn upsert(&mut self, id: &str, repeat: &Value) {
        let template = json!({"name": "tick", "data": {"n": 1}});
        self.node.call(json!({"op": "upsertScheduler", "queue": "q", "scheduler": id, "repeat": repeat, "template": template}));
    }

    fn repeatable(&mut self, name: &str, mut repeat: Value) {
        if self.node.lib() == Lib::Bull4
            && let Some(pattern) = repeat.as_object_mut().unwrap().remove("pattern")
        {
            repeat["cron"] = pattern;
        }
        self.node
            .call(json!({"op": "addRepeatable", "queue": "q", "name": name, "data": {}, "repeat": repeat}));
    }

    fn all(&self) -> Vec<Standing> {
        let era = era(self.node.lib());
        self.me.wait(standings(&self.me.conn, era, &queue_id("q"), 0, 100)).unwrap().1
    }

    fn phase(&self, at: i64) -> Phase {
        let all = self.all();
        assert_eq!(all.len(), 1, "{all:?}");
        judge(&all[0], at).phase
    }

    fn redis(&self, words: &[&str]) -> i64 {
        redis::cmd(words[0]).arg(&words[1..]).query(&mut self.server.connect()).unwrap()
    }

    /// A worker takes what is there.
    fn work(&mut self) -> Value {
        self.node.call(json!({"op": "worker", "queue": "q"}))
    }

    fn stop(&mut self, worker: &Value) {
        let force = self.node.lib() == Lib::Bull4;
        self.node.call(json!({"op": "workerStop", "handle": worker, "force": force}));
    }
}

#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn job_schedulers_are_those_that_the_library_lists(#[case] lib: Lib) {
    let mut bench = Bench::new(lib);
    let end = now() + 86_400_000 * 400;
    bench.upsert("daily", &json!({"pattern": "0 9 * * MON-FRI", "tz": "Europe/Berlin"}));
    bench.upsert("a:b", &json!({"every": 3_600_000, "limit": 7}));
    bench.upsert("late", &json!({"pattern": "0 0 3 1 * *", "tz": "Asia/Tokyo", "endDate": end}));
    let theirs =
        bench.node.call(json!({"op": "schedulers", "queue": "q", "start": 0, "end": -1, "asc": true}));
    let all = bench.all();
    assert_eq!(all.len(), 3);
    for (theirs, Standing { scheduler, run }) in theirs.as_array().unwrap().iter().zip(&all) {
        let text = |clean: &Option<toril::text::Clean>| {
            clean.as_ref().map_or(Value::Null, |text| text.as_str().into())
        };
        assert_eq!(scheduler.generation, Generation::Scheduler);
        assert_eq!(json!(scheduler.key.lossless()), theirs["key"]);
        assert_eq!(json!(scheduler.next_at), theirs["next"]);
        assert_eq!(json!(scheduler.name.as_str()), theirs["name"]);
        assert_eq!(text(&scheduler.pattern), theirs["pattern"]);
        assert_eq!(text(&scheduler.zone), theirs["tz"]);
        assert_eq!(json!(scheduler.every), theirs["every"]);
        assert_eq!(json!(scheduler.limit), theirs["limit"]);
        assert_eq!(json!(scheduler.iterations), theirs["iterationCount"]);
        assert_eq!(json!(scheduler.end_at), theirs["endDate"]);
        assert!(run.exists && run.state.is_some(), "{run:?}");
        // The runs after it are those that the library's own reader of patterns gives.
        if let Some(pattern) = &scheduler.pattern {
            let health =
                judge(&all[all.iter().position(|one| one.scheduler.key == scheduler.key).unwrap()], now());
            let mut after = vec![scheduler.next_at];
            after.extend(&health.following[..health.following.len() - 1]);
            let next = bench.node.call(json!({"op": "cronNext", "pattern": pattern.as_str(), "tz": text(&scheduler.zone), "at": after}));
            assert_eq!(json!(health.following), next, "{pattern}");
        }
    }
}

#[rstest]
#[case(Lib::Bull4)]
#[case(Lib::BullMq4)]
#[case(Lib::BullMq5)]
fn repeatables_are_those_that_the_library_lists(#[case] lib: Lib) {
    let mut bench = Bench::new(lib);
    bench.repeatable("nightly", json!({"pattern": "0 3 * * *", "tz": "Europe/Madrid"}));
    bench.repeatable("tick", json!({"every": 3_600_000}));
    let theirs =
        bench.node.call(json!({"op": "repeatables", "queue": "q", "start": 0, "end": -1, "asc": true}));
    let all = bench.all();
    assert_eq!((all.len(), theirs.as_array().unwrap().len()), (2, 2));
    for theirs in theirs.as_array().unwrap() {
        let key = theirs["key"].as_str().unwrap();
        let one = all.iter().find(|one| one.scheduler.key.lossless() == key).expect(key);
        let Standing { scheduler, run } = one;
        let generation = if lib == Lib::BullMq5 { Generation::Repeatable } else { Generation::Legacy };
        assert_eq!(scheduler.generation, generation);
        assert_eq!(json!(scheduler.next_at), theirs["next"]);
        assert_eq!(json!(scheduler.name.as_str()), theirs["name"]);
        assert_eq!(scheduler.zone.as_ref().map_or(Value::Null, |zone| zone.as_str().into()), theirs["tz"]);
        let number = |field: &str| {
            theirs[field].as_u64().or_else(|| theirs[field].as_str().and_then(|text| text.parse().ok()))
        };
        // BullMQ 4 shows an interval as the pattern that it is in the key.
        let every = number("every").or_else(|| number("pattern").filter(|_| lib == Lib::BullMq4));
        assert_eq!(scheduler.every, every, "{theirs}");
        if every.is_none() {
            let cron = theirs["cron"].as_str().or_else(|| theirs["pattern"].as_str()).unwrap();
            assert_eq!(scheduler.pattern.as_ref().unwrap().as_str(), cron);
        }
        assert!(run.exists && run.state.is_some(), "{lib:?}: its job is found by its own word: {run:?}");
        assert_eq!(judge(one, now()).phase, Phase::Ahead);
    }
}

/// While real workers run them as fast as they come, none is ever taken for one that needs somebody.
#[rstest]
#[case(Lib::Bull4)]
#[case(Lib::BullMq4)]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn busy_schedulers_raise_no_alarm(#[case] lib: Lib) {
    let mut bench = Bench::new(lib);
    for (name, every) in [("a", 20), ("b", 35), ("c", 50)] {
        if matches!(lib, Lib::BullMq5 | Lib::BullMq6) {
            bench.upsert(name, &json!({"every": every}));
        } else {
            bench.repeatable(name, json!({"every": every}));
        }
    }
    let worker = bench.work();
    let runs = |bench: &Bench| {
        bench.all().iter().filter_map(|one| one.run.count.or(one.scheduler.iterations)).min().unwrap_or(0)
    };
    until(|| runs(&bench) > 3);
    for _ in 0..150 {
        let all = bench.all();
        let at = now();
        for one in all {
            let health = judge(&one, at);
            assert!(!health.is_fault(), "{:?} of {one:?}", health.phase);
        }
    }
    let ran = bench.all();
    assert!(ran.iter().any(|one| judge(one, now()).last_at.is_some()), "{ran:?}");
    bench.stop(&worker);
}

#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn the_dead_and_the_overdue_are_told(#[case] lib: Lib) {
    let mut bench = Bench::new(lib);
    bench.upsert("s", &json!({"every": 10_000, "offset": 1}));
    let next = bench.all()[0].scheduler.next_at;
    let id = format!("repeat:s:{next}");
    let job = format!("bull:q:{id}");
    assert_eq!(bench.phase(next - 1), Phase::Ahead);
    assert_eq!(bench.phase(next + 1), Phase::Due);
    let late = judge(&bench.all()[0], next + 45_000);
    assert_eq!((late.phase, late.missed), (Phase::Overdue, 5));
    // Its job is taken out of where it waits, and then away.
    for set in ["delayed", "prioritized"] {
        bench.redis(&["ZREM", &format!("bull:q:{set}"), &id]);
    }
    bench.redis(&["LREM", "bull:q:wait", "0", &id]);
    assert_eq!(bench.phase(next - 1), Phase::Dead(Dead::NoPlace));
    bench.redis(&["DEL", &job]);
    assert_eq!(bench.phase(next + 25_000), Phase::Dead(Dead::NoJob));
    assert_eq!(judge(&bench.all()[0], next + 25_000).missed, 3);
    // The id alone: a worker would run it without a name, and make no other.
    bench.redis(&["LPUSH", "bull:q:wait", &id]);
    assert_eq!(bench.phase(next + 25_000), Phase::Dead(Dead::NoData));
    // An upsert of the library brings it back.
    bench.redis(&["LREM", "bull:q:wait", "0", &id]);
    bench.upsert("s", &json!({"every": 10_000, "offset": 1}));
    assert_eq!(bench.phase(now()), Phase::Ahead);
    let document = told(&bench.server, &["schedulers", "q", "--faults"]);
    assert_eq!((&document["total"], &document["schedulers"]), (&json!(1), &json!([])));
}

/// Trap T2: the library's own drain leaves a scheduler without a next run.
#[test]
fn a_drain_that_kills_a_scheduler_is_seen() {
    let mut bench = Bench::new(Lib::BullMq6);
    for _ in 0..2 {
        bench.node.call(json!({"op": "add", "queue": "q", "name": "x", "data": {}}));
    }
    // The first run of an interval is in line at once.
    bench.upsert("s", &json!({"every": 600_000}));
    bench.node.call(json!({"op": "drain", "queue": "q"}));
    let document = told(&bench.server, &["schedulers", "q"]);
    let one = &document["schedulers"][0];
    assert_eq!((&one["state"], &one["id"]), (&json!("dead"), &json!("s")), "{one}");
    let all = told(&bench.server, &["schedulers"]);
    assert_eq!(all["results"][0]["schedulers"][0]["state"], "dead");
    let shown = finish(on(&bench.server).args(["schedulers", "--faults"])).with_code(0).stdout;
    assert!(shown.contains("dead: the job of its next run is in no list"), "{shown}");
}

#[rstest]
#[case(Lib::Bull4)]
#[case(Lib::BullMq4)]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn an_end_that_was_wanted_is_no_fault(#[case] lib: Lib) {
    let mut bench = Bench::new(lib);
    if matches!(lib, Lib::BullMq5 | Lib::BullMq6) {
        bench.upsert("s", &json!({"every": 50, "limit": 2}));
    } else {
        bench.repeatable("s", json!({"every": 50, "limit": 2}));
    }
    let worker = bench.work();
    let completed = |bench: &Bench| bench.redis(&["ZCARD", "bull:q:completed"]);
    until(|| completed(&bench) >= 2);
    let over = |bench: &Bench| {
        let all = bench.all();
        all.iter().all(|one| judge(one, now()).phase == Phase::Ended(Ended::Limit))
    };
    until(|| over(&bench));
    bench.stop(&worker);
    assert_eq!(completed(&bench), 2);
}

#[test]
fn one_is_read_by_its_key() {
    let mut bench = Bench::new(Lib::BullMq6);
    bench.upsert("s", &json!({"every": 600_000}));
    let find = |member: &[u8]| {
        bench.me.wait(standing(&bench.me.conn, era(Lib::BullMq6), &queue_id("q"), member)).unwrap()
    };
    assert_eq!(find(b"s").as_ref(), bench.all().first());
    assert_eq!(find(b"none"), None);
}
