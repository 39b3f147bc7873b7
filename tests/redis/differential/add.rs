//! Adding: cases 1, 2, 4 to 9, 12 to 14.

use std::collections::BTreeMap;

use rstest::rstest;
use serde_json::{Value, json};
use toril::engine::op::{QueueOp, Target, run_queue};
use toril::engine::{Added, JobOptions, Outcome, WorkerOptions};
use toril::wire::{Fleet, WriteEra};

use super::pair::{Pair, finished};
use crate::engine::ours::queue_id;
use crate::support::{Content, Dump, Lib, Options, Server, assert_same};

impl Pair {
    /// The same job on both sides; `opts` in BullMQ's form, for both.
    #[track_caller]
    pub fn both(&mut self, data: &Value, opts: &Value) -> Added {
        let theirs =
            self.node.call(json!({"op": "add", "queue": "q", "name": "job", "data": data, "opts": opts}));
        let options = JobOptions::parse(opts.as_object().unwrap()).unwrap();
        let ours = self.ours.wait(self.ours.queue("q").add("job", data, options)).unwrap();
        assert_eq!(theirs, ours.lossless().as_ref());
        ours
    }

    /// A command to both servers.
    pub fn redis(&self, command: &[&str]) {
        for server in &self.servers {
            let mut cmd = redis::cmd(command[0]);
            cmd.arg(&command[1..]).exec(&mut server.connect()).unwrap();
        }
    }

    /// Our side is told what library uses the queue too.
    pub fn same_version(&self) {
        let version = Dump::of(&self.servers[0]).field("bull:q:meta", "version").unwrap().to_owned();
        let mut cmd = redis::cmd("HSET");
        cmd.arg("bull:q:meta").arg("version").arg(version);
        cmd.exec(&mut self.servers[1].connect()).unwrap();
    }

    pub fn dumps(&self) -> [Dump; 2] {
        [Dump::of(&self.servers[0]), Dump::of(&self.servers[1])]
    }

    /// The options as stored, parsed, of a job on each side.
    pub fn opts(&self, id: &str) -> [Value; 2] {
        let key = format!("bull:q:{id}");
        self.dumps().map(|dump| serde_json::from_str(dump.field(&key, "opts").unwrap()).unwrap())
    }
}

#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn case_01_three_default_jobs(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    for n in 0..3 {
        pair.both(&json!({ "a": n }), &json!({}));
        pair.compare();
    }
    let ours = &pair.dumps()[1];
    assert_eq!(ours.members("bull:q:wait"), ["3", "2", "1"]);
    assert_eq!(ours.members("bull:q:marker"), ["0"]);
    assert_eq!(ours.events("bull:q:events", "event"), ["added", "waiting"].repeat(3));
}

#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn case_02_data_of_every_kind(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    for data in [
        json!(null),
        json!("text / \"quoted\" \\ \u{1F980}"),
        json!({"ü": [{"deep": {"\u{2028}": ["é", null, true, {}]}}, []]}),
        json!(12.5),
        json!(1_234_567_890_123_456_i64),
        json!([]),
        json!(false),
    ] {
        pair.both(&data, &json!({}));
    }
    pair.compare();
    // Nothing at all is `{}` in Node. Rust has no such value: what is empty there is said to be.
    pair.node.call(json!({"op": "add", "queue": "q", "name": "job"}));
    pair.ours.wait(pair.ours.queue("q").add("job", &json!({}), JobOptions::default())).unwrap();
    pair.compare();
    pair.ours.wait(pair.ours.queue("other").add("job", &(), JobOptions::default())).unwrap();
    assert_eq!(pair.dumps()[1].field("bull:other:1", "data"), Some("null"));
}

#[rstest]
#[case(Lib::BullMq5, true)]
#[case(Lib::BullMq5, false)]
#[case(Lib::BullMq6, true)]
#[case(Lib::BullMq6, false)]
fn case_04_adds_to_a_paused_queue(#[case] lib: Lib, #[case] empty: bool) {
    let mut pair = Pair::new(lib);
    pair.same_version();
    if !empty {
        pair.both(&json!({}), &json!({}));
    }
    pair.node.call(json!({"op": "pause", "queue": "q"}));
    let (era, fleet) = match lib {
        Lib::BullMq5 => (WriteEra::V5, Fleet::V5),
        _ => (WriteEra::V6, Fleet::V6),
    };
    let target = Target { queue: queue_id("q"), era };
    pair.ours.wait(run_queue(&pair.ours.conn, &target, QueueOp::Pause { fleet })).unwrap();
    pair.both(&json!({}), &json!({}));
    pair.both(&json!({}), &json!({"lifo": true}));
    pair.both(&json!({}), &json!({"priority": 2}));
    pair.both(&json!({}), &json!({"delay": 60_000}));
    // The event limit is one of `meta`, which our side writes with the first job.
    assert_same_but_pause(&pair);
    let list = if lib == Lib::BullMq5 { "paused" } else { "wait" };
    let ours = &pair.dumps()[1];
    assert_eq!(ours.len(&format!("bull:q:{list}")), if empty { 2 } else { 3 });
    assert_eq!(ours.members("bull:q:marker"), ["1"], "the delay's alone");
}

fn assert_same_but_pause(pair: &Pair) {
    let [theirs, ours] = pair.dumps().map(|dump| dump.normalised(&Options::default()));
    assert_same(&theirs, &ours);
}

#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn case_05_lifo_among_fifo(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    for lifo in [false, true, false, true, true, false] {
        pair.both(&json!({}), &json!({ "lifo": lifo }));
    }
    pair.compare();
    assert_eq!(pair.dumps()[1].members("bull:q:wait"), ["6", "3", "1", "2", "4", "5"]);
}

#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn case_06_delays_whole_fractional_and_negative(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    // Far off, so that the normalising leaves the scores as they are.
    let at = 2_000_000_000_000_u64;
    for delay in [json!(5000), json!(5000), json!(5000), json!(1000.25), json!(0.5), json!(-5), json!(0)] {
        pair.both(&json!({}), &json!({"delay": delay, "timestamp": at}));
        pair.compare();
    }
    let ours = &pair.dumps()[1];
    assert_eq!(ours.members("bull:q:delayed"), ["5", "4", "1", "2", "3"]);
    let Some(Content::Zset(members)) = ours.get("bull:q:delayed") else { panic!("no set") };
    let scores: BTreeMap<_, _> =
        members.iter().map(|(id, score)| (id.as_str(), score.parse::<f64>().unwrap())).collect();
    assert_eq!((scores["2"] - scores["1"], scores["3"] - scores["1"]), (1.0, 2.0));
    assert_eq!(ours.members("bull:q:wait"), ["7", "6"], "a negative delay is none, and is kept");
    assert_eq!(ours.field("bull:q:6", "delay"), Some("-5"));
}

#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn case_07_a_delayed_job_keeps_its_priority(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    pair.both(&json!({}), &json!({"priority": 4}));
    pair.both(&json!({}), &json!({"delay": 1, "priority": 3, "lifo": true}));
    pair.compare();
    std::thread::sleep(std::time::Duration::from_millis(10));
    // Something else keeps the worker's first look from finding the queue paused by a limit.
    let handle = pair.node.call(json!({"op": "worker", "queue": "q", "manual": true, "name": "w"}));
    let manual = pair.ours.manual("q", WorkerOptions { name: "w".to_owned(), ..WorkerOptions::default() });
    pair.node.call(json!({"op": "take", "handle": handle, "queue": "q"}));
    let taken = pair.ours.wait(manual.fetch(None)).unwrap().unwrap();
    assert_eq!(taken.id.lossless(), "2", "promoted into its class, which is before the other's");
    pair.compare();
}

#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn case_08_priorities_and_their_counter(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    for priority in [1, 2, 1, -3, 2_097_151, 0] {
        pair.both(&json!({}), &json!({ "priority": priority }));
    }
    pair.compare();
    assert_eq!(pair.dumps()[1].members("bull:q:prioritized"), ["4", "1", "3", "2", "5"]);
    let options = WorkerOptions { name: "w".to_owned(), ..WorkerOptions::default() };
    pair.run(&json!({}), options, |dump| finished(dump, 6));
    pair.compare();
    assert_eq!(pair.dumps()[1].get("bull:q:pc"), None);
    pair.both(&json!({}), &json!({"priority": 2}));
    pair.compare();
    assert_eq!(pair.dumps()[1].get("bull:q:pc"), Some(&Content::String("1".to_owned())));
}

#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn case_09_a_custom_id_twice(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    let first = pair.both(&json!({"n": 1}), &json!({"jobId": "mine"}));
    let second = pair.both(&json!({"n": 2}), &json!({"jobId": "mine", "delay": 5}));
    assert_eq!((first.outcome, second.outcome), (Outcome::New, Outcome::Exists));
    pair.both(&json!({"n": 3}), &json!({"jobId": ""}));
    pair.compare();
    let ours = &pair.dumps()[1];
    assert_eq!(ours.get("bull:q:id"), Some(&Content::String("3".to_owned())));
    assert_eq!(ours.field("bull:q:mine", "data"), Some(r#"{"n":1}"#));
}

#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn case_12_the_event_stream_is_trimmed(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    pair.redis(&["HSET", "bull:q:meta", "opts.maxLenEvents", "10"]);
    let jobs: Vec<_> = (0..500).map(|n| json!({"name": "job", "data": n})).collect();
    pair.node.call(json!({"op": "addBulk", "queue": "q", "jobs": jobs}));
    let queue = pair.ours.queue("q");
    for n in 0..250 {
        pair.ours.wait(queue.add("job", &n, JobOptions::default())).unwrap();
    }
    // Redis drops whole nodes of 100 entries.
    let lengths = pair.dumps().map(|dump| dump.len("bull:q:events"));
    assert!(lengths.iter().all(|length| (10..=110).contains(length)), "{lengths:?}");
    let jobs = (250..500).map(|n| ("job".to_owned(), n, JobOptions::default()));
    pair.ours.wait(queue.add_bulk(jobs)).unwrap();
    let dump = &pair.dumps()[1];
    assert!((10..=110).contains(&dump.len("bull:q:events")), "{}", dump.len("bull:q:events"));
    assert_eq!(dump.field("bull:q:meta", "opts.maxLenEvents"), Some("10"));
    let [theirs, ours] = pair.dumps();
    let options = Options::default().ignore(":events");
    assert_same(&theirs.normalised(&options), &ours.normalised(&options));
}

#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn case_13_many_kinds_in_one_call(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    let later = 2_000_000_000_000_u64;
    let kinds = [
        json!({}),
        json!({"lifo": true}),
        json!({"delay": 70_000, "timestamp": later}),
        json!({"jobId": "mine"}),
        json!({"priority": 5}),
        json!({"jobId": "mine", "priority": 1}),
        json!({"lifo": true}),
        json!({"delay": 60_000, "priority": 1, "timestamp": later}),
        json!({"deduplication": {"id": "d"}}),
        json!({"deduplication": {"id": "d"}, "priority": 2}),
        json!({"priority": 5}),
        json!({}),
    ];
    let theirs: Vec<_> =
        kinds.iter().map(|opts| json!({"name": "job", "data": {"k": 1}, "opts": opts})).collect();
    let theirs = pair.node.call(json!({"op": "addBulk", "queue": "q", "jobs": theirs}));
    pair.same_version();
    let jobs = kinds.iter().map(|opts| {
        let options = JobOptions::parse(opts.as_object().unwrap()).unwrap();
        ("job".to_owned(), json!({"k": 1}), options)
    });
    let added = pair.ours.wait(pair.ours.queue("q").add_bulk(jobs)).unwrap();
    let added: Vec<Added> = added.into_iter().map(Result::unwrap).collect();
    let ids: Vec<_> = added.iter().map(|one| one.lossless().into_owned()).collect();
    assert_eq!(theirs, json!(ids));
    let not_new: Vec<_> = added.iter().enumerate().filter(|(_, one)| !one.is_new()).collect();
    let not_new: Vec<_> = not_new.iter().map(|(place, one)| (*place, one.outcome)).collect();
    assert_eq!(not_new, [(5, Outcome::Exists), (9, Outcome::Deduplicated)]);
    // In one script, and yet every event where Node's twelve calls have it.
    pair.compare();
}

#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn case_14_what_a_producer_says_in_meta(#[case] lib: Lib) {
    let [theirs, ours] = [Server::start(), Server::start()];
    let mut node = crate::support::Node::start(lib, &theirs);
    let skip = json!({"skipMetasUpdate": true});
    node.call(json!({"op": "open", "queue": "q", "queueOpts": skip}));
    assert_eq!(Dump::of(&theirs).get("bull:q:meta"), None);
    node.call(json!({"op": "add", "queue": "q"}));
    let side = crate::engine::ours::Ours::on(&ours);
    let queue = side.queue("q");
    assert_eq!(Dump::of(&ours).get("bull:q:meta"), None);
    side.wait(queue.add("job", &json!({}), JobOptions::default())).unwrap();
    let meta = |dump: &Dump| match dump.get("bull:q:meta") {
        Some(Content::Hash(fields)) => fields.clone(),
        _ => BTreeMap::new(),
    };
    let cap = ("opts.maxLenEvents".to_owned(), "10000".to_owned());
    assert_eq!(meta(&Dump::of(&theirs)), BTreeMap::from([cap.clone()]));
    // Ours names itself, and never as a version of BullMQ.
    let library = ("library".to_owned(), format!("toril:{}", env!("CARGO_PKG_VERSION")));
    assert_eq!(meta(&Dump::of(&ours)), BTreeMap::from([cap, library]));
    node.call(json!({"op": "closeQueue", "queue": "q"}));
    node.call(json!({"op": "open", "queue": "q"}));
    let version = meta(&Dump::of(&theirs))["version"].clone();
    assert!(version.starts_with("bullmq:"), "{version}");
}

#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn the_getters_say_what_nodes_say(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    pair.same_version();
    for priority in [0, 3, 3, 7] {
        pair.both(&json!({"to": "a"}), &json!({ "priority": priority }));
    }
    let queue = pair.ours.queue("q");
    let theirs = pair.node.call(
        json!({"op": "queueCall", "queue": "q", "method": "getCountsPerPriority", "args": [[0, 3, 7]]}),
    );
    assert_eq!(theirs, json!({"0": 1, "3": 2, "7": 1}));
    assert_eq!(pair.ours.wait(queue.counts_per_priority(&[0, 3, 7])).unwrap(), [1, 2, 1]);
    let job = pair
        .ours
        .wait(queue.job::<BTreeMap<String, String>>(&toril::wire::JobId::new("2")))
        .unwrap()
        .unwrap();
    assert_eq!((job.data.unwrap()["to"].as_str(), job.priority), ("a", 3));
    let misfit =
        pair.ours.wait(queue.job::<u8>(&toril::wire::JobId::new("2"))).unwrap().unwrap().data.unwrap_err();
    assert_eq!(misfit.raw.as_bytes(), br#"{"to":"a"}"#);
    let none: Option<toril::engine::Job> = pair.ours.wait(queue.job(&toril::wire::JobId::new("99"))).unwrap();
    assert!(none.is_none());
    pair.ours.wait(queue.set_global_concurrency(4)).unwrap();
    pair.node.call(json!({"op": "setGlobalConcurrency", "queue": "q", "concurrency": 4}));
    assert_eq!(pair.ours.wait(queue.rate_limit_ttl(None)).unwrap(), -2);
    pair.node.call(json!({"op": "rateLimit", "queue": "q", "ms": 60_000}));
    pair.ours.wait(queue.rate_limit(60_000)).unwrap();
    pair.compare();
    let ttl = pair.ours.wait(queue.rate_limit_ttl(Some(5))).unwrap();
    assert!((1..=60_000).contains(&ttl), "{ttl}");
    assert_eq!(pair.ours.wait(queue.global_concurrency()).unwrap(), Some(4));
    assert!(!pair.ours.wait(queue.is_paused()).unwrap());
    pair.ours.wait(queue.pause()).unwrap();
    assert!(pair.ours.wait(queue.is_paused()).unwrap());
    pair.ours.wait(queue.resume()).unwrap();
    assert_eq!(pair.ours.wait(queue.counts()).unwrap().prioritized, 3);
    // A queue that nobody has used yet can be limited before its first job.
    pair.ours.wait(pair.ours.queue("new").set_global_rate_limit(10, 1000)).unwrap();
    assert_eq!(pair.ours.wait(pair.ours.queue("new").global_rate_limit()).unwrap(), Some((10, 1000)));
}
