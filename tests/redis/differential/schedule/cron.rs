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

fn next(cron: &Cron, at: i64, zone: &Zone) -> Option<i64> {
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
            let ours = next(&cron, at, &zone);
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
    assert!(seen > 300_000 && gaps < 200, "{seen} {gaps}");
}
