//! Deduplication: cases 15 to 22.

use rstest::rstest;
use serde_json::{Value, json};
use toril::engine::op::{JobOp, Target, run_job};
use toril::engine::{JobError, Outcome, WorkerOptions};
use toril::wire::{JobId, WriteEra};

use super::pair::{Pair, finished};
use crate::engine::ours::queue_id;
use crate::support::{Content, Dump, Lib};

/// A pair whose both sides know the library.
fn pair(lib: Lib) -> Pair {
    let pair = Pair::new(lib);
    pair.same_version();
    pair
}

impl Pair {
    fn remove(&mut self, id: &str) {
        self.node.call(json!({"op": "remove", "queue": "q", "job": id}));
        let era = if self.node.lib() == Lib::BullMq5 { WriteEra::V5 } else { WriteEra::V6 };
        let target = Target { queue: queue_id("q"), era };
        let op = JobOp::Remove { children: true };
        let code = self.ours.wait(run_job(&self.ours.conn, &target, op, &JobId::new(id))).unwrap();
        assert!(code.is_done());
    }

    /// The time-to-live of a key on each side, ms.
    fn ttl(&self, key: &str) -> [i64; 2] {
        [0, 1]
            .map(|side: usize| redis::cmd("PTTL").arg(key).query(&mut self.servers[side].connect()).unwrap())
    }

    fn drain(&mut self, count: usize) {
        let options = WorkerOptions { name: "w".to_owned(), ..WorkerOptions::default() };
        self.run(&json!({}), options, |dump| finished(dump, count));
    }
}

#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn case_15_simple(#[case] lib: Lib) {
    let mut pair = pair(lib);
    let opts = json!({"deduplication": {"id": "a/b"}});
    assert_eq!(pair.both(&json!({"n": 1}), &opts).outcome, Outcome::New);
    let hit = pair.both(&json!({"n": 2}), &opts);
    assert_eq!((hit.lossless().as_ref(), hit.outcome), ("1", Outcome::Deduplicated));
    pair.compare();
    assert_eq!(pair.ttl("bull:q:de:a/b"), [-1, -1]);
    pair.drain(1);
    pair.compare();
    assert_eq!(pair.dumps()[1].get("bull:q:de:a/b"), None);
    assert!(pair.both(&json!({"n": 3}), &opts).is_new());
    pair.remove("3");
    pair.compare();
    assert!(pair.both(&json!({"n": 4}), &opts).is_new());
    // A priority and a delay change nothing about it.
    pair.both(&json!({"n": 5}), &json!({"deduplication": {"id": "a/b"}, "priority": 3}));
    pair.both(&json!({"n": 6}), &json!({"deduplication": {"id": "a/b"}, "delay": 1000}));
    pair.compare();
    let names = pair.dumps()[1].events("bull:q:events", "event").join(" ");
    assert_eq!(names.contains("debounced deduplicated"), lib == Lib::BullMq5, "{names}");
}

#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn case_16_throttle(#[case] lib: Lib) {
    let mut pair = pair(lib);
    let opts = json!({"deduplication": {"id": "t", "ttl": 60_000}});
    pair.both(&json!({}), &opts);
    pair.redis(&["PEXPIRE", "bull:q:de:t", "50000"]);
    assert!(!pair.both(&json!({}), &opts).is_new());
    assert!(pair.ttl("bull:q:de:t").iter().all(|ttl| (1..=50_000).contains(ttl)), "a hit renews nothing");
    pair.drain(1);
    pair.compare();
    assert!(pair.dumps()[1].get("bull:q:de:t").is_some(), "it outlives the job");
    assert!(!pair.both(&json!({}), &opts).is_new());
    pair.redis(&["PEXPIRE", "bull:q:de:t", "1"]);
    std::thread::sleep(std::time::Duration::from_millis(5));
    assert!(pair.both(&json!({}), &opts).is_new());
    pair.compare();
    // No time-to-live at all, which our form does not store either.
    for ttl in [0, -5] {
        let id = format!("none{ttl}");
        pair.both(&json!({}), &json!({"deduplication": {"id": id, "ttl": ttl}}));
        assert_eq!(pair.ttl(&format!("bull:q:de:{id}")), [-1, -1]);
    }
}

#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn case_17_extend(#[case] lib: Lib) {
    let mut pair = pair(lib);
    let opts = json!({"deduplication": {"id": "t", "ttl": 60_000, "extend": true}});
    pair.both(&json!({}), &opts);
    pair.redis(&["PEXPIRE", "bull:q:de:t", "20000"]);
    assert!(!pair.both(&json!({}), &opts).is_new());
    let ttl = pair.ttl("bull:q:de:t");
    assert!(ttl.iter().all(|ttl| (30_000..=60_000).contains(ttl)), "{ttl:?}");
    pair.compare();
    // Taken without an end by a simple one, then extended.
    pair.both(&json!({}), &json!({"deduplication": {"id": "s"}}));
    pair.both(&json!({}), &json!({"deduplication": {"id": "s", "ttl": 60_000, "extend": true}}));
    pair.both(&json!({}), &json!({"deduplication": {"id": "s", "extend": true}}));
    pair.compare();
}

#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn case_18_replace_a_delayed_owner(#[case] lib: Lib) {
    let mut pair = pair(lib);
    let with = |dedup: Value| json!({"deduplication": dedup, "delay": 70_000});
    // Without a time-to-live, with one that stays, with one that begins anew.
    for (id, more, bounds) in [
        ("plain", json!({}), -1..=-1),
        ("kept", json!({"ttl": 60_000}), 1..=20_000),
        ("fresh", json!({"ttl": 60_000, "extend": true}), 30_000..=60_000),
        ("last", json!({"ttl": 60_000, "keepLastIfActive": true}), -1..=-1),
    ] {
        let mut dedup = json!({"id": id, "replace": true});
        dedup.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let key = format!("bull:q:de:{id}");
        let first = pair.both(&json!({"n": 1}), &with(dedup.clone()));
        if id != "plain" && id != "last" {
            pair.redis(&["PEXPIRE", &key, "20000"]);
        }
        pair.redis(&["RPUSH", &format!("bull:q:{}:logs", first.lossless()), "line"]);
        let second = pair.both(&json!({"n": 2}), &with(dedup));
        assert!(second.is_new() && second.id != first.id);
        let ttl = pair.ttl(&key);
        assert!(ttl.iter().all(|ttl| bounds.contains(ttl)), "{id} {ttl:?}");
        pair.compare();
    }
}

#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn case_19_replace_finds_its_owner_elsewhere(#[case] lib: Lib) {
    let mut pair = pair(lib);
    let opts = json!({"deduplication": {"id": "r", "replace": true}});
    pair.both(&json!({"n": 1}), &opts);
    let before = pair.dumps()[1].len("bull:q:events");
    let hit = pair.both(&json!({"n": 2}), &opts);
    assert_eq!((hit.lossless().as_ref(), hit.outcome), ("1", Outcome::Deduplicated));
    assert_eq!(pair.dumps()[1].len("bull:q:events"), before, "without an event");
    pair.compare();
    let handle = pair.node.call(json!({"op": "worker", "queue": "q", "manual": true}));
    pair.node.call(json!({"op": "take", "handle": handle, "queue": "q"}));
    let manual = pair.ours.manual("q", WorkerOptions::default());
    pair.ours.wait(manual.fetch(None)).unwrap().unwrap();
    pair.both(&json!({"n": 3}), &opts);
    let debounce = json!({"deduplication": {"id": "r", "replace": true, "extend": true, "ttl": 60_000}});
    pair.both(&json!({"n": 4}), &debounce);
    pair.compare();
}

#[rstest]
fn case_20_the_last_one_waits_for_its_turn(
    #[values(Lib::BullMq5, Lib::BullMq6)] lib: Lib,
    #[values(false, true)] fails: bool,
) {
    let mut pair = pair(lib);
    for (round, more) in [json!({}), json!({"replace": true}), json!({"ttl": 60_000})].into_iter().enumerate()
    {
        let mut dedup = json!({"id": format!("k{round}"), "keepLastIfActive": true});
        dedup.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let with = |extra: Value| {
            let mut opts = json!({ "deduplication": dedup });
            opts.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
            opts
        };
        let owner = pair.both(&json!({"n": 1}), &with(json!({})));
        assert!(!pair.both(&json!({"n": 2}), &with(json!({}))).is_new(), "it only waits yet");
        pair.compare();
        let handle = pair.node.call(json!({"op": "worker", "queue": "q", "manual": true}));
        pair.node.call(json!({"op": "take", "handle": handle, "queue": "q"}));
        let manual = pair.ours.manual("q", WorkerOptions::default());
        let job = pair.ours.wait(manual.fetch(None)).unwrap().unwrap();
        assert_eq!(job.id, owner.id);
        pair.both(&json!({"n": 3}), &with(json!({"priority": 4})));
        let last =
            with([json!({"delay": 60_000}), json!({"priority": 7}), json!({"lifo": true})][round].clone());
        let hit = pair.both(&json!({"n": 4, "ü": "/"}), &last);
        assert_eq!((&hit.id, hit.outcome), (&owner.id, Outcome::Deduplicated));
        // The options of a job that is kept aside are text, too.
        let aside = format!("bull:q:dn:k{round}");
        assert_eq!(pair.dumps()[1].field(&aside, "data"), Some(r#"{"n":4,"ü":"/"}"#));
        pair.compare();
        let verb = if fails { "fail" } else { "complete" };
        let id = owner.lossless().into_owned();
        pair.node.call(json!({"op": verb, "handle": handle, "queue": "q", "job": id, "message": "boom"}));
        if fails {
            pair.ours.wait(manual.fail(&job, &JobError::new("boom"), None)).unwrap();
        } else {
            pair.ours.wait(manual.complete(&job, &(), None)).unwrap();
        }
        assert_eq!(pair.dumps()[1].get(&aside), None, "its turn has come");
        pair.compare();
        // Out of the way of the next round.
        let state = ["delayed", "prioritized", "wait"][round];
        let moved = pair.dumps()[1].members(&format!("bull:q:{state}"))[0].to_owned();
        for server in &pair.servers {
            let mut link = server.connect();
            let gone = if state == "wait" { "LREM" } else { "ZREM" };
            let mut command = redis::cmd(gone);
            command.arg(format!("bull:q:{state}"));
            if state == "wait" {
                command.arg(0);
            }
            assert_eq!(command.arg(&moved).query::<i64>(&mut link), Ok(1));
        }
    }
}

#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn case_21_an_owner_that_is_gone(#[case] lib: Lib) {
    for more in [json!({}), json!({"replace": true}), json!({"keepLastIfActive": true})] {
        let mut pair = pair(lib);
        let mut dedup = json!({"id": "s"});
        dedup.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let opts = json!({ "deduplication": dedup });
        pair.both(&json!({}), &opts);
        pair.redis(&["DEL", "bull:q:1", "bull:q:wait"]);
        pair.redis(&["HSET", "bull:q:dn:s", "name", "old"]);
        if lib == Lib::BullMq6 {
            assert!(pair.both(&json!({}), &opts).is_new(), "{more}");
            pair.compare();
            continue;
        }
        // Until 6.3.7 the id stays taken for ever; ours is free again in every era.
        let theirs = pair.node.call(json!({"op": "add", "queue": "q", "data": {}, "opts": opts}));
        assert_eq!(theirs, "1");
        let options = toril::engine::JobOptions::parse(opts.as_object().unwrap()).unwrap();
        let ours = pair.ours.wait(pair.ours.queue("q").add("job", &json!({}), options)).unwrap();
        assert_eq!((ours.lossless().as_ref(), ours.is_new()), ("2", true));
        let dump = Dump::of(&pair.servers[1]);
        assert_eq!(dump.get("bull:q:de:s"), Some(&Content::String("2".to_owned())));
        assert_eq!(dump.get("bull:q:dn:s"), None);
    }
}

#[rstest]
#[case(Lib::BullMq6)]
fn case_22_reschedule(#[case] lib: Lib) {
    let mut pair = pair(lib);
    let at = 2_000_000_000_000_u64;
    let with = |delay: u64| json!({"deduplication": {"id": "r", "reschedule": true}, "delay": delay, "timestamp": at + delay});
    pair.both(&json!({"n": 1}), &with(5000));
    pair.both(&json!({"n": 2}), &with(90_000));
    pair.compare();
    pair.both(&json!({"n": 3}), &json!({"deduplication": {"id": "r", "reschedule": true}, "timestamp": at}));
    pair.compare();
    let throttled = json!({"id": "t", "reschedule": true, "ttl": 60_000, "extend": true});
    for delay in [7000, 8000] {
        pair.both(&json!({}), &json!({"deduplication": throttled, "delay": delay, "timestamp": at}));
    }
    pair.compare();
    // An owner that is not delayed stays where it is; with `replace` there is nothing to put off.
    pair.both(&json!({}), &json!({"deduplication": {"id": "w", "reschedule": true}}));
    pair.both(
        &json!({}),
        &json!({"deduplication": {"id": "w", "reschedule": true}, "delay": 5000, "timestamp": at}),
    );
    for delay in [7000, 8000] {
        let both = json!({"id": "b", "reschedule": true, "replace": true});
        pair.both(&json!({}), &json!({"deduplication": both, "delay": delay, "timestamp": at}));
    }
    pair.compare();
}
