//! Times of cron patterns: what `cron-parser` computes, as BullMQ calls it.

use std::fmt::Write;

use rstest::rstest;
use serde_json::{Value, json};
use toril::engine::schedule::{Cron, Zone};

use crate::support::{Lib, Node, Server};

/// Made by `tests/node/cron.js`, which says what the lines mean.
const GOLDEN: &str = include_str!("../../../golden/cron/bullmq-6.txt");
const STRIDE: i64 = 13 * 60 + 7;

/// `3600*24 x` as numbers.
fn unpack(runs: &str) -> Vec<Option<i64>> {
    let mut numbers = Vec::new();
    for run in runs.split(' ') {
        let (number, times) = run.split_once('*').unwrap_or((run, "1"));
        numbers.extend(std::iter::repeat_n(number.parse().ok(), times.parse().unwrap()));
    }
    numbers
}

fn next(cron: &Cron, at: i64, zone: Zone) -> Option<i64> {
    cron.next(at * 1000, zone).map(|next| next / 1000 - at)
}

#[test]
fn case_61_next_times_are_those_of_cron_parser_for_two_years() {
    let mut wrong = String::new();
    let (mut seen, mut gaps) = (0, 0);
    for line in GOLDEN.lines() {
        let (kind, rest) = line.split_once(' ').unwrap();
        let [zone_name, pattern, start, runs] = rest.split(" | ").collect::<Vec<_>>()[..] else { panic!() };
        let (zone, cron): (Zone, Cron) = (zone_name.parse().unwrap(), pattern.parse().unwrap());
        let mut at: i64 = start.parse().unwrap();
        for expected in unpack(runs) {
            let ours = next(&cron, at, zone);
            seen += 1;
            if expected.is_none() {
                gaps += 1;
            } else if ours != expected {
                writeln!(wrong, "{line:.60} at {at}: {ours:?}, not {expected:?}").unwrap();
            }
            at += if kind == "chain" { expected.unwrap_or(0) } else { STRIDE };
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{wrong:.4000}", wrong.lines().count());
    // Where the library finds nothing (case below) is a sliver of what was compared.
    assert!(seen > 200_000 && gaps < 200, "{seen} {gaps}");
}

/// The library itself, so that the file cannot rot: the same times, at moments that the file has not.
/// Where BullMQ 5 computes otherwise is known.
#[rstest]
fn case_61_the_library_itself_says_the_same(#[values(Lib::BullMq5, Lib::BullMq6)] lib: Lib) {
    let server = Server::start();
    let mut node = Node::start(lib, &server);
    let mut other = Vec::new();
    let patterns = [
        "0 * * * *",
        "*/7 * * * * *",
        "30 2 * * *",
        "30 0 * * *",
        "0 9 * * 1-5",
        "0 0 L * *",
        "45 1 * * 5L",
        "15 2 * * 0#1",
        "0 0 29 2 *",
        "0 0 13 * 5",
        "0 */2 * * *",
        "0 0 1-31 * 1",
        "@daily",
    ];
    let zones =
        ["UTC", "Europe/Berlin", "America/New_York", "Africa/Casablanca", "Asia/Kolkata", "America/Havana"];
    for (n, (zone, pattern)) in
        zones.iter().flat_map(|zone| patterns.map(|pattern| (zone, pattern))).enumerate()
    {
        // Two years in steps of eleven days and some; not on a whole second.
        let at: Vec<i64> = (0..70)
            .map(|step| 1_790_000_000_321 + i64::try_from(n).unwrap() * 7_654_321 + step * 990_123_457)
            .collect();
        let theirs = node.call(json!({"op": "cronNext", "pattern": pattern, "tz": zone, "at": at}));
        let (cron, zone_of): (Cron, Zone) = (pattern.parse().unwrap(), zone.parse().unwrap());
        let ours: Vec<Option<i64>> = at.iter().map(|at| cron.next(*at, zone_of)).collect();
        let theirs: Vec<Option<i64>> = theirs.as_array().unwrap().iter().map(Value::as_i64).collect();
        if ours != theirs {
            other.push((*zone, pattern));
        }
    }
    // It takes `1-31` for `*`, and the first of two midnights.
    let twice = ["30 0 * * *", "0 0 1-31 * 1", "@daily"].map(|pattern| ("America/Havana", pattern));
    let known = match lib {
        Lib::BullMq5 => zones[..5].iter().map(|zone| (*zone, "0 0 1-31 * 1")).chain(twice).collect(),
        _ => Vec::new(),
    };
    assert_eq!(other, known);
}

/// Where clocks go back by half an hour the library of BullMQ 6 finds no next time, and its schedulers
/// end; ours goes on as that of BullMQ 5 does.
#[test]
fn case_61_half_an_hour_back_ends_no_schedule() {
    let at = [1_775_311_800_000_i64];
    let ask = |lib| {
        let server = Server::start();
        let mut node = Node::start(lib, &server);
        node.call(json!({"op": "cronNext", "pattern": "0 2 * * *", "tz": "Australia/Lord_Howe", "at": at}))
    };
    let (cron, zone): (Cron, Zone) = ("0 2 * * *".parse().unwrap(), "Australia/Lord_Howe".parse().unwrap());
    assert_eq!(ask(Lib::BullMq6), json!([null]));
    assert_eq!(ask(Lib::BullMq5), json!([cron.next(at[0], zone).unwrap()]));
}

/// What the library refuses is refused, and what it reads is read; but for a few that make no sense.
#[test]
fn case_61_patterns_are_refused_with_what_and_where() {
    let server = Server::start();
    let mut node = Node::start(Lib::BullMq6, &server);
    let mut theirs = |pattern: &str| {
        let at = [1_795_000_000_000_i64];
        node.try_call(json!({"op": "cronNext", "pattern": pattern, "tz": "UTC", "at": at})).is_ok()
    };
    for pattern in [
        "* * * * *",
        "* * * * * *",
        "5 4 *",
        "5",
        "  0\t0 * * 1 ",
        "? ? ? ? ?",
        "0 0 ?/2 * *",
        "5/20 * * * *",
        "01 * * * *",
        "0 0 1 jan-mar SUN-tue",
        "0 0 * * 5-7",
        "0 0 * * 7L",
        "0 0 * * 1,5L",
        "0 0 1,L * *",
        "0 0 * * MON#2",
        "0 0 * * 7#1",
        "*/100 * * * *",
        "0 0 30 2 1",
        "0 0 29-31 2 *",
        "0 0 31 2,4 *",
        "@annually",
        "@weekdays",
        "@secondly",
        "0 0 * * FRIL",
    ] {
        assert!(theirs(pattern) && pattern.parse::<Cron>().is_ok(), "{pattern}");
    }
    for (pattern, error) in [
        ("* * * * * * *", "7 fields are more than six"),
        ("   ", "it is empty"),
        ("@reboot", "there is no `@reboot`"),
        ("60 * * * *", "minute `60` is not within 0 to 59"),
        ("* 24 * * *", "hour `24` is not within 0 to 23"),
        ("* * 0 * *", "day of month `0` is not within 1 to 31"),
        ("* * * 13 *", "month `13` is not within 1 to 12"),
        ("* * * * 8", "day of week `8` is not within 0 to 7"),
        ("99999999999999999999 * * * *", "minute `99999999999999999999` is not within 0 to 59"),
        ("a * * * *", "minute `a` is not understood"),
        ("1,,2 * * * *", "minute `` is not understood"),
        ("1/2/3 * * * *", "minute `1/2/3` is not understood"),
        ("-1 * * * *", "minute `-1` is not understood"),
        ("0 22-2 * * *", "hour `22-2` ends before it starts"),
        ("0 0 * * FRI-SUN", "day of week `FRI-SUN` ends before it starts (Sunday as an end is 7)"),
        ("*/0 * * * *", "minute `*/0` has a step of 0"),
        ("0 0 15W * *", "day of month `15W` is not understood"),
        ("0 0 L-2 * *", "day of month `L-2` is not understood"),
        ("0 0 * * L", "day of week `L` is not understood"),
        ("0 0 * January *", "month `January` is not understood"),
        ("0 0 * * 1#6", "day of week `1#6`: `#` takes one day and a number from 1 to 5"),
        ("0 0 * * 1#1,3", "day of week `1#1,3`: `#` takes one day and a number from 1 to 5"),
        ("0 0 30 2 *", "day of month `30` does not exist in that month"),
    ] {
        let ours = pattern.parse::<Cron>().unwrap_err();
        assert_eq!(ours.fault.to_string(), error, "{pattern}");
        assert!(!theirs(pattern), "{pattern}");
    }
    // Read by the library, but not as anybody would expect: only the first range; a random time.
    for pattern in ["1-2-3 * * * *", "*-5 * * * *", "0 0 * JANFEB *", "H H * * *"] {
        assert!(theirs(pattern) && pattern.parse::<Cron>().is_err(), "{pattern}");
    }
}
