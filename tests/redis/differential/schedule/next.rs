//! The run after the present one (case 62), removal (63), and repeatables of BullMQ 5 (64).

use rstest::rstest;
use serde_json::{Value, json};
use toril::engine::WorkerOptions;

use super::pair::{START, Schedules, redis_cmd};
use crate::engine::ours::until;
use crate::support::{Dump, Lib};

#[rstest]
#[case(json!({"every": 1000, "offset": 300}))]
#[case(json!({"pattern": "*/10 * * * * *", "tz": "Europe/Berlin", "limit": 9}))]
fn case_62_the_next_run_has_the_schedulers_data_and_the_jobs_options(
    #[values(Lib::BullMq5, Lib::BullMq6)] lib: Lib,
    #[case] rule: Value,
) {
    let mut both = Schedules::new(lib);
    both.upsert(
        "s",
        &rule,
        &json!({"data": {"a": 1}, "opts": {"attempts": 2, "priority": 4, "keepLogs": 7}}),
    )
    .unwrap();
    both.at(10_000);
    let job = both.take().unwrap();
    both.compare();
    both.upsert("s", &rule, &json!({"data": {"a": 2}, "opts": {"attempts": 5, "lifo": true}})).unwrap();
    both.complete(&job);
    for step in 2..5 {
        both.at(step * 10_000);
        both.run();
        both.compare();
    }
    let ran = both.dump();
    assert_eq!(ran.len("bull:q:completed"), 4);
    assert_eq!(ran.field("bull:q:repeat:s", "ic"), Some("5"));
}

#[rstest]
#[case(json!({"every": 1000}))]
#[case(json!({"pattern": "* * * * * *", "tz": "UTC"}))]
fn case_62_a_run_that_is_tried_again_adds_no_second_next(
    #[values(Lib::BullMq5, Lib::BullMq6)] lib: Lib,
    #[case] rule: Value,
) {
    let mut both = Schedules::new(lib);
    both.upsert("s", &rule, &json!({"opts": {"attempts": 3}})).unwrap();
    both.at(900);
    for _ in 0..3 {
        let job = both.take().unwrap();
        both.fail(&job);
        both.compare();
    }
    assert_eq!(both.dump().len("bull:q:delayed"), 1);
    assert_eq!(both.dump().field("bull:q:repeat:s", "ic"), Some("2"));
}

#[rstest]
fn case_62_a_next_run_that_exists_is_told_as_a_duplicate(#[values(Lib::BullMq5, Lib::BullMq6)] lib: Lib) {
    let mut both = Schedules::new(lib);
    both.upsert("s", &json!({"every": 1000}), &json!({})).unwrap();
    for server in &both.pair.servers {
        redis_cmd(server, &["HSET", &format!("bull:q:repeat:s:{}", START + 1000), "name", "x"]);
    }
    both.take().unwrap();
    both.compare();
}

#[rstest]
fn case_63_removal_takes_a_delayed_run_and_leaves_a_ready_one(
    #[values(Lib::BullMq5, Lib::BullMq6)] lib: Lib,
    #[values(json!({"every": 1000}), json!({"every": 1000, "offset": 500}))] rule: Value,
) {
    let mut both = Schedules::new(lib);
    both.upsert("s", &rule, &json!({"data": 1})).unwrap();
    for there in [true, false] {
        let request = json!({"op": "removeScheduler", "queue": "q", "scheduler": "s"});
        assert_eq!(both.pair.node.call(request), there);
        let queue = both.pair.ours.queue("q");
        assert_eq!(both.pair.ours.wait(queue.remove_scheduler("s")), Ok(there));
        both.compare();
    }
    if let Some(job) = both.take() {
        both.compare();
        both.complete(&job);
    }
    both.compare();
}

#[rstest]
fn case_63_schedulers_are_listed_as_node_lists_them(#[values(Lib::BullMq5, Lib::BullMq6)] lib: Lib) {
    let mut both = Schedules::new(lib);
    let rule = json!({"every": 1000, "limit": 4, "endDate": START + 99_999});
    both.upsert("s", &rule, &json!({"name": "n", "data": {"a": 1}, "opts": {"attempts": 3}})).unwrap();
    both.upsert("c", &json!({"pattern": "* * * * *", "tz": "UTC"}), &json!({})).unwrap();
    let theirs =
        both.pair.node.call(json!({"op": "schedulers", "queue": "q", "start": 0, "end": -1, "asc": true}));
    let queue = both.pair.ours.queue("q");
    let ours = both.pair.ours.wait(queue.schedulers(0, 10)).unwrap();
    assert_eq!(both.pair.ours.wait(queue.schedulers_count()), Ok(2));
    assert_eq!(both.pair.ours.wait(queue.schedulers(1, 10)).unwrap(), ours[1..]);
    assert_eq!(both.pair.ours.wait(queue.scheduler("none")), Ok(None));
    for (theirs, ours) in theirs.as_array().unwrap().iter().zip(&ours) {
        let text = |raw: &Option<toril::wire::Raw>| raw.as_ref().map(|raw| raw.lossless().into_owned());
        let json = |raw: &Option<toril::wire::Raw>| {
            text(raw).map(|text| serde_json::from_str::<Value>(&text).unwrap())
        };
        assert_eq!(theirs["key"], ours.id.lossless().as_ref());
        assert_eq!(theirs["name"], ours.name.lossless().as_ref());
        assert_eq!(theirs["next"], ours.next_at);
        assert_eq!(theirs["iterationCount"].as_i64(), ours.iterations);
        assert_eq!(theirs["limit"].as_i64(), ours.limit);
        assert_eq!(theirs["endDate"].as_i64(), ours.end_at);
        assert_eq!(theirs["every"].as_i64(), ours.every);
        assert_eq!(theirs["offset"].as_i64(), ours.offset);
        assert_eq!(theirs["pattern"].as_str(), text(&ours.pattern).as_deref());
        assert_eq!(theirs["tz"].as_str(), text(&ours.tz).as_deref());
        assert_eq!(theirs["template"].get("data"), json(&ours.data).as_ref());
        assert_eq!(theirs["template"].get("opts"), json(&ours.opts).as_ref());
        assert_eq!(both.pair.ours.wait(queue.scheduler(ours.id.as_bytes())).unwrap().as_ref(), Some(ours));
    }
    assert_eq!(ours.len(), 2);
}

/// A repeatable that BullMQ 5 added becomes a scheduler at its first run, as in BullMQ 5; BullMQ 6 loses
/// its data from the second run on.
#[rstest]
#[case(json!({"every": 700}))]
#[case(json!({"every": 700, "key": "mine", "immediately": true}))]
#[case(json!({"pattern": "*/10 * * * * *", "tz": "Europe/Berlin", "limit": 5}))]
fn case_64_a_legacy_repeatable_goes_on_with_its_data(#[case] rule: Value) {
    let mut both = Schedules::new(Lib::BullMq5);
    let add = json!({"op": "addRepeatable", "queue": "q", "name": "n", "data": {"x": 1}, "repeat": rule,
        "opts": {"attempts": 2}});
    let first = both.pair.node.call(add);
    both.copy();
    both.at(9_900);
    let job = both.take().unwrap();
    assert_eq!(first, job.id.lossless().as_ref());
    both.compare();
    both.complete(&job);
    for step in 2..4 {
        both.at(step * 10_000);
        let job = both.take().unwrap();
        assert_eq!(job.data.as_bytes(), br#"{"x":1}"#);
        both.compare();
        both.complete(&job);
    }
}

/// A repeatable of before BullMQ 5.10 has all that it knows in its key. BullMQ 6 raises an error and
/// leaves the job unrun and locked; ours runs it, and tells that no other follows.
#[test]
fn case_64_a_repeatable_with_a_raw_key_runs_once_and_is_reported() {
    use toril::engine::schedule::ScheduleError;
    use toril::engine::{Worker, WorkerEvent};

    let both = Schedules::new(Lib::BullMq6);
    let server = &both.pair.servers[1];
    let (member, id) = ("old::::60000", "repeat:0cc175b9c0f1b6a831c399e269772661:1795000000000");
    redis_cmd(server, &["ZADD", "bull:q:repeat", "1795000000000", member]);
    let opts = r#"{"attempts":0,"repeat":{"every":60000,"count":1}}"#;
    redis_cmd(
        server,
        &[
            "HSET",
            &format!("bull:q:{id}"),
            "name",
            "old",
            "data",
            "{}",
            "opts",
            opts,
            "timestamp",
            "1795000000000",
            "delay",
            "0",
            "priority",
            "0",
            "rjk",
            member,
        ],
    );
    redis_cmd(server, &["LPUSH", "bull:q:wait", id]);
    redis_cmd(server, &["ZADD", "bull:q:marker", "0", "0"]);
    let worker = Worker::new(
        both.pair.ours.conn.clone(),
        crate::engine::ours::queue_id("q"),
        WorkerOptions::default(),
    );
    let mut events = worker.events();
    let stop = tokio_util::sync::CancellationToken::new();
    let task = both.pair.ours.runtime.spawn(worker.run(|_| async { Ok(1) }, stop.clone()));
    until(|| both.dump().len("bull:q:completed") == 1);
    stop.cancel();
    both.pair.ours.wait(task).unwrap();
    let told = std::iter::from_fn(|| events.try_recv().ok())
        .any(|event| matches!(event, WorkerEvent::NotScheduled { error: ScheduleError::Legacy, .. }));
    assert!(told);
    assert_eq!(both.dump().len("bull:q:repeat"), 1);
}

/// Quirk 16.2: BullMQ 6 looks for the pending job of a paused queue in `paused`, where it never puts one,
/// and adds a second. Ours finds it in whichever list it is.
#[rstest]
fn case_60_a_paused_queues_pending_run_is_replaced(#[values(Lib::BullMq5, Lib::BullMq6)] lib: Lib) {
    let mut both = Schedules::new(lib);
    both.pair.node.call(json!({"op": "pause", "queue": "q"}));
    both.copy();
    // As the last client of the queue, BullMQ decides by its release where ids of a paused queue go.
    both.upsert("s", &json!({"every": 1000}), &json!({})).unwrap();
    both.compare();
    let again = json!({"op": "upsert", "queue": "q", "scheduler": "s", "repeat": {"every": 1000}});
    both.pair.node.call(again);
    let queue = both.pair.ours.queue("q");
    let every = super::pair::repeat(&json!({"every": 1000}));
    let made =
        queue.upsert_scheduler_at("s", every, toril::engine::schedule::Template::default(), Some(START));
    both.pair.ours.wait(made).unwrap().unwrap();
    let ids = |dump: &Dump| dump.len("bull:q:wait") + dump.len("bull:q:paused") + dump.len("bull:q:delayed");
    assert_eq!(ids(&both.dump()), 1);
    assert_eq!(ids(&Dump::of(&both.pair.servers[0])), if lib == Lib::BullMq5 { 1 } else { 2 });
    if lib == Lib::BullMq5 {
        both.compare();
    }
}

/// A worker that runs by itself: each run comes once, in time, and adds the next.
#[rstest]
fn case_62_a_worker_keeps_a_schedule_going(#[values(Lib::BullMq5, Lib::BullMq6)] lib: Lib) {
    use std::time::Duration;
    use toril::engine::schedule::{Repeat, Template};

    let pair = crate::differential::pair::Pair::new(lib);
    let queue = pair.ours.queue("q");
    let every = Repeat::every(Duration::from_millis(200)).limit(6);
    pair.ours.wait(queue.upsert_scheduler("s", every, Template::named("n"))).unwrap().unwrap();
    let workers =
        [0; 2].map(|_| pair.ours.worker("q", WorkerOptions { concurrency: 3, ..WorkerOptions::default() }));
    until(|| Dump::of(&pair.servers[1]).len("bull:q:completed") == 6);
    let ran: usize = workers
        .into_iter()
        .map(|worker| {
            let ran = worker.ran().len();
            pair.ours.stop(worker);
            ran
        })
        .sum();
    assert_eq!(ran, 6);
    let dump = Dump::of(&pair.servers[1]);
    assert_eq!((dump.field("bull:q:repeat:s", "ic"), dump.len("bull:q:delayed")), (Some("6"), 0));
}

/// The pending run waits among so many others that taking it out would hold up the server: it stays, runs
/// once more, and is no longer the scheduler's present run.
#[test]
fn case_60_a_pending_run_in_a_long_list_stays() {
    let mut both = Schedules::new(Lib::BullMq6);
    both.upsert("s", &json!({"every": 1000}), &json!({})).unwrap();
    let server = &both.pair.servers[1];
    let fill = "local ids = {} for i = 1, 5000 do ids[i] = 'x' end \
        for _ = 1, 200 do redis.call('LPUSH', KEYS[1], unpack(ids)) end";
    redis_cmd(server, &["EVAL", fill, "1", "bull:q:wait"]);
    let queue = both.pair.ours.queue("q");
    let again = |at| {
        let rule = super::pair::repeat(&json!({"every": 1000}));
        let made =
            queue.upsert_scheduler_at("s", rule, toril::engine::schedule::Template::default(), Some(at));
        both.pair.ours.wait(made).unwrap().unwrap().job.lossless().into_owned()
    };
    assert_eq!(again(START + 10), format!("repeat:s:{}", START + 1000));
    redis_cmd(server, &["LTRIM", "bull:q:wait", "-3", "-1"]);
    let dump = both.dump();
    assert_eq!(dump.members("bull:q:repeat"), ["s"]);
    assert_eq!(dump.len("bull:q:delayed"), 1);
    let first = format!("repeat:s:{START}");
    let job = both.pair.ours.manual("q", WorkerOptions::default());
    let job = both.pair.ours.wait(job.fetch(Some(START + 20))).unwrap().unwrap();
    assert_eq!(job.id.lossless(), first);
    assert_eq!(both.dump().len("bull:q:delayed"), 1, "the old run adds no next one");
}
