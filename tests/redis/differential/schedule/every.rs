//! Intervals (case 60), and what both kinds of rule have in common.

use rstest::rstest;
use serde_json::{Value, json};

use super::pair::{START, Schedules, redis_cmd};
use crate::support::Lib;

fn none() -> Value {
    json!({})
}

#[rstest]
fn case_60_an_interval_runs_at_once_and_then_slot_by_slot(#[values(Lib::BullMq5, Lib::BullMq6)] lib: Lib) {
    let mut both = Schedules::new(lib);
    let template =
        json!({"name": "n", "data": {"a": 1}, "opts": {"attempts": 3, "priority": 2, "removeOnComplete": 5}});
    let first = both.upsert("s", &json!({"every": 1000}), &template);
    assert_eq!(first, Ok(Some(format!("repeat:s:{START}"))));
    both.compare();
    both.run();
    both.at(1000);
    both.run();
    both.compare();
    // Two slots are missed: the third run is late, the fourth lies in the future.
    both.at(3500);
    let third = both.take().unwrap();
    both.compare();
    both.at(4000);
    both.complete(&third);
    both.run();
    both.compare();
}

#[rstest]
#[case::offset(json!({"every": 1000, "offset": 300}))]
#[case::wide_offset(json!({"every": 1000, "offset": 2500}))]
#[case::offset_of_now(json!({"every": 1000, "offset": 123}))]
#[case::start(json!({"every": 1000, "startDate": START + 5000}))]
#[case::start_past(json!({"every": 1000, "startDate": START - 5432}))]
#[case::start_and_offset(json!({"every": 1000, "startDate": START + 5000, "offset": 300}))]
#[case::immediately(json!({"every": 1000, "immediately": true}))]
#[case::bounds(json!({"every": 1000, "limit": 4, "endDate": START + 9999}))]
#[case::pattern(json!({"pattern": "0 * * * *", "tz": "Europe/Berlin"}))]
#[case::pattern_of_seconds(json!({"pattern": "*/10 * * * * *", "tz": "UTC", "limit": 9}))]
#[case::pattern_immediately(json!({"pattern": "0 * * * *", "tz": "UTC", "immediately": true}))]
#[case::pattern_bounds(json!({"pattern": "0 9 * * 1-5", "tz": "Asia/Kolkata", "limit": 3,
    "startDate": START + 86_400_000, "endDate": START + 864_000_000}))]
fn case_60_a_scheduler_is_made_kept_and_changed(
    #[values(Lib::BullMq5, Lib::BullMq6)] lib: Lib,
    #[case] rule: Value,
) {
    let mut both = Schedules::new(lib);
    both.upsert("s", &rule, &json!({"data": [1], "opts": {"lifo": true, "keepLogs": 3}})).unwrap();
    both.compare();
    both.at(50);
    both.upsert("s", &rule, &json!({"data": 2, "opts": {"backoff": {"type": "fixed", "delay": 9}}})).unwrap();
    both.compare();
    for other in [
        json!({"every": 1000}),
        json!({"every": 700}),
        json!({"every": 700, "offset": 400}),
        json!({"pattern": "*/10 * * * * *", "tz": "UTC"}),
        json!({"every": 500, "startDate": START + 7000}),
        rule,
    ] {
        both.upsert("s", &other, &none()).unwrap();
        both.compare();
    }
    both.upsert("a:b:c:d:e", &json!({"every": 5000, "offset": 77}), &json!({"opts": {"priority": 7}}))
        .unwrap();
    both.compare();
}

/// The present run is active, done or ready when the scheduler is written anew.
#[rstest]
fn case_60_what_runs_already_is_not_replaced(
    #[values(Lib::BullMq5, Lib::BullMq6)] lib: Lib,
    #[values(0, 400, 1000, 5400)] later: i64,
    #[values(1000, 700)] every: u64,
    #[values(true, false)] done: bool,
) {
    let mut both = Schedules::new(lib);
    both.upsert("s", &json!({"every": 1000, "limit": 1}), &none()).unwrap();
    let job = both.take().unwrap();
    if done {
        both.complete(&job);
    }
    both.at(later);
    // A run at the very time of the one that is there: BullMQ walks on to the next free slot.
    both.upsert("s", &json!({"every": every}), &none()).unwrap();
    both.compare();
    both.upsert("s", &json!({"every": every, "offset": 250}), &json!({"data": "new"})).unwrap();
    both.compare();
}

#[rstest]
fn case_60_limit_and_end_stop_it_and_leave_its_entry(#[values(Lib::BullMq5, Lib::BullMq6)] lib: Lib) {
    for rule in [
        json!({"every": 1000, "limit": 2}),
        json!({"every": 1000, "endDate": START + 1500}),
        json!({"pattern": "* * * * * *", "tz": "UTC", "endDate": START + 2000}),
        json!({"pattern": "* * * * * *", "tz": "UTC", "limit": 2}),
    ] {
        let mut both = Schedules::new(lib);
        both.upsert("s", &rule, &none()).unwrap();
        for step in 0..4 {
            both.at(step * 1000 + 877);
            if let Some(job) = both.take() {
                both.complete(&job);
            }
            both.compare();
        }
        assert_eq!(both.dump().len("bull:q:repeat"), 1);
        assert_eq!(both.dump().len("bull:q:delayed"), 0, "{rule}");
    }
}

#[rstest]
fn case_60_refusals_are_nodes(#[values(Lib::BullMq5, Lib::BullMq6)] lib: Lib) {
    let mut both = Schedules::new(lib);
    for (rule, refused) in [
        (json!({}), true),
        (json!({"every": 0}), true),
        (json!({"pattern": ""}), true),
        (json!({"every": 1000, "immediately": true, "startDate": START + 1}), true),
        (json!({"pattern": "* * * * *", "immediately": true, "startDate": START + 1}), true),
        (json!({"every": 1000, "endDate": START - 1}), true),
        (json!({"pattern": "* * * * *", "tz": "UTC", "endDate": START - 1}), true),
        (json!({"every": 1000, "limit": 0}), false),
        (json!({"pattern": "0 0 31 2,4 *", "tz": "UTC"}), false),
        (json!({"pattern": "0 0 1 1 *", "tz": "UTC", "endDate": START + 1000}), false),
    ] {
        let answer = both.upsert("s", &rule, &none());
        assert_eq!((answer.is_err(), answer.unwrap_or(None)), (refused, None), "{rule}");
    }
    assert!(both.dump().keys().is_empty());
}

#[rstest]
fn case_60_a_taken_slot_is_stepped_over_and_thirty_two_are_an_error(
    #[values(Lib::BullMq5, Lib::BullMq6)] lib: Lib,
    #[values(3, 32, 33)] taken: i64,
) {
    let mut both = Schedules::new(lib);
    both.upsert("s", &json!({"every": 1000}), &none()).unwrap();
    both.run();
    for server in &both.pair.servers {
        redis_cmd(server, &["ZREM", "bull:q:delayed", &format!("repeat:s:{}", START + 1000)]);
        for slot in 2..2 + taken {
            redis_cmd(server, &["HSET", &format!("bull:q:repeat:s:{}", START + slot * 1000), "name", "x"]);
        }
    }
    let answer = both.upsert("s", &json!({"every": 1000}), &none());
    assert_eq!(answer.is_err(), taken == 33, "{answer:?}");
    both.compare();
}

#[rstest]
fn case_60_a_patterns_taken_time_is_an_error(#[values(Lib::BullMq5, Lib::BullMq6)] lib: Lib) {
    let mut both = Schedules::new(lib);
    let rule = json!({"pattern": "*/10 * * * * *", "tz": "UTC"});
    both.upsert("s", &rule, &none()).unwrap();
    both.at(10_000);
    both.run();
    for server in &both.pair.servers {
        redis_cmd(server, &["ZADD", "bull:q:repeat", &(START + 5).to_string(), "s"]);
    }
    both.upsert("s", &rule, &none()).unwrap_err();
    both.compare();
}
