//! Jobs whose worker died, and locks.

use std::time::Duration;

use rstest::rstest;
use serde_json::json;
use toril::engine::{JobOptions, WorkerOptions};

use super::fetch::{Hands, named};
use super::pair::{Pair, finished, plain};
use crate::engine::ours::until;
use crate::support::{Dump, Lib};

fn of_both(pair: &Pair, words: &[&str]) {
    for server in &pair.servers {
        redis::cmd(words[0]).arg(&words[1..]).exec(&mut server.connect()).unwrap();
    }
}

/// The check of both sides, which may look again at once.
fn check(pair: &mut Pair, hands: &Hands) {
    of_both(pair, &["DEL", "bull:q:stalled-check"]);
    hands.node(pair, json!({"op": "stalledCheck"}));
    pair.ours.wait(hands.manual.recover_stalled(None)).unwrap();
    pair.compare_whole();
}

#[rstest]
#[case(Lib::BullMq5, 0)]
#[case(Lib::BullMq6, 0)]
#[case(Lib::BullMq5, 5)]
#[case(Lib::BullMq6, 5)]
fn case_43_a_job_that_stalls_too_often_fails(#[case] lib: Lib, #[case] priority: u32) {
    let mut pair = Pair::new(lib);
    let opts = if priority > 0 { json!({"priority": priority}) } else { json!({}) };
    pair.add("job", &json!({}), &opts, JobOptions { priority, ..plain() });
    let hands = Hands::of(&mut pair, &json!({}), named());
    for stalls in 1..=2 {
        hands.take(&mut pair).unwrap();
        of_both(&pair, &["DEL", "bull:q:1:lock"]);
        // The first check suspects it, the second one acts.
        check(&mut pair, &hands);
        assert_eq!(Dump::of(&pair.servers[1]).members("bull:q:stalled"), ["1"]);
        check(&mut pair, &hands);
        let dump = Dump::of(&pair.servers[1]);
        assert_eq!(dump.members("bull:q:wait"), ["1"], "whatever its priority");
        assert_eq!(dump.field("bull:q:1", "stc"), Some(stalls.to_string().as_str()));
    }
    pair.run(&json!({}), named(), |dump| finished(dump, 1));
    pair.compare_whole();
    let dump = Dump::of(&pair.servers[1]);
    assert_eq!(dump.field("bull:q:1", "failedReason"), Some("job stalled more than allowable limit"));
}

#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn case_43_a_schedulers_job_may_stall_as_often_as_it_likes(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    pair.add("job", &json!({}), &json!({}), plain());
    of_both(&pair, &["HSET", "bull:q:1", "rjk", "nightly"]);
    of_both(&pair, &["HSET", "bull:q:repeat:nightly", "name", "job", "ic", "1"]);
    of_both(&pair, &["ZADD", "bull:q:repeat", "1", "nightly"]);
    let hands = Hands::of(&mut pair, &json!({}), named());
    for _ in 0..3 {
        of_both(&pair, &["LPUSH", "bull:q:active", "1"]);
        of_both(&pair, &["DEL", "bull:q:wait"]);
        check(&mut pair, &hands);
        check(&mut pair, &hands);
    }
    let dump = Dump::of(&pair.servers[1]);
    assert_eq!((dump.field("bull:q:1", "stc"), dump.field("bull:q:1", "defa")), (Some("3"), None));
}

#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn case_44_one_check_an_interval_whoever_asks(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    pair.add("job", &json!({}), &json!({}), plain());
    let hands = Hands::of(&mut pair, &json!({}), named());
    hands.take(&mut pair).unwrap();
    of_both(&pair, &["DEL", "bull:q:1:lock"]);
    check(&mut pair, &hands);
    // The other library's worker, then our own: neither looks again before the interval is over.
    let mut other = crate::support::Node::start(lib, &pair.servers[1]);
    let handle = other.call(json!({"op": "worker", "queue": "q", "manual": true, "name": "w"}));
    other.call(json!({"op": "stalledCheck", "handle": handle}));
    assert!(pair.ours.wait(hands.manual.recover_stalled(None)).unwrap().is_empty());
    hands.node(&mut pair, json!({"op": "stalledCheck"}));
    pair.compare_whole();
    assert_eq!(Dump::of(&pair.servers[1]).members("bull:q:active"), ["1"]);
}

#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn case_45_locks_are_renewed_where_they_are_ours(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    for _ in 0..3 {
        pair.add("job", &json!({}), &json!({}), plain());
    }
    let lock = Duration::from_secs(20);
    let hands = Hands::of(&mut pair, &json!({"lockDuration": 20_000}), WorkerOptions { lock, ..named() });
    let jobs: Vec<_> = (0..3).map(|_| hands.take(&mut pair).unwrap()).collect();
    check(&mut pair, &hands);
    assert_eq!(Dump::of(&pair.servers[1]).len("bull:q:stalled"), 3);
    of_both(&pair, &["PEXPIRE", "bull:q:1:lock", "5000"]);
    of_both(&pair, &["SET", "bull:q:2:lock", "stolen", "PX", "5000"]);
    of_both(&pair, &["DEL", "bull:q:3:lock"]);
    let lost = hands.node(
        &mut pair,
        json!({"op": "extendLocks", "jobs": ["1", "2", "3"], "tokens": ["token", "token", "token"], "ms": 20_000}),
    );
    let jobs: Vec<_> = jobs.iter().collect();
    let ours = pair.ours.wait(hands.manual.renew(&jobs)).unwrap();
    let ours: Vec<String> = ours.iter().map(|id| id.lossless().into_owned()).collect();
    assert_eq!(lost, json!(ours));
    assert_eq!(ours, ["2", "3"]);
    pair.compare_whole();
    for server in &pair.servers {
        let left: i64 = redis::cmd("PTTL").arg("bull:q:1:lock").query(&mut server.connect()).unwrap();
        assert!(left > 5000, "{left}");
        assert_eq!(Dump::of(server).members("bull:q:stalled"), ["2", "3"]);
    }
}

/// A process that dies each time it runs a certain job does not do so for ever.
#[test]
fn a_job_that_kills_its_workers_ends_in_failed() {
    let mut pair = Pair::new(Lib::BullMq6);
    pair.add(
        "poison",
        &json!({"do": "hang"}),
        &json!({"attempts": 9}),
        JobOptions { attempts: 9, ..plain() },
    );
    let short = Duration::from_millis(200);
    let options = WorkerOptions { lock: short, stalled_interval: short, max_stalled: 2, ..named() };
    let mut deaths = 0;
    let last = loop {
        let worker = pair.ours.worker("q", options.clone());
        until(|| worker.ran().len() == 1 || Dump::of(&pair.servers[1]).len("bull:q:failed") == 1);
        if worker.ran().is_empty() {
            break worker;
        }
        deaths += 1;
        pair.ours.kill(worker);
    };
    assert_eq!(deaths, 3, "once, and as often as it may stall");
    pair.ours.stop(last);
}

/// With a bound on starts, what ends the attempts does not matter.
#[test]
fn a_job_that_is_started_too_often_fails() {
    let mut pair = Pair::new(Lib::BullMq6);
    pair.add("job", &json!({"do": "fail"}), &json!({"attempts": 9}), JobOptions { attempts: 9, ..plain() });
    let theirs = json!({"op": "worker", "queue": "q", "name": "w", "opts": {"maxStartedAttempts": 3}});
    let theirs = pair.node.call(theirs);
    let ours = pair.ours.worker("q", WorkerOptions { max_started_attempts: Some(3), ..named() });
    for server in &pair.servers {
        until(|| finished(&Dump::of(server), 1) && Dump::of(server).get("bull:q:marker").is_none());
    }
    pair.compare_whole();
    assert_eq!(Dump::of(&pair.servers[1]).field("bull:q:1", "ats"), Some("3"));
    pair.node.call(json!({"op": "workerStop", "handle": theirs}));
    pair.ours.stop(ours);
}
