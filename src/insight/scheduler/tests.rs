use super::*;
use crate::engine::read::NextRun;
use crate::wire::{JobId, Raw};

const NOW: i64 = 1_795_000_000_000;

fn every(ms: u64, next_at: i64) -> Scheduler {
    Scheduler {
        key: Raw::new("tick"),
        generation: Generation::Scheduler,
        next_at,
        name: Clean::line("tick"),
        pattern: None,
        every: Some(ms),
        zone: None,
        iterations: Some(5),
        limit: None,
        end_at: None,
        offset: None,
        start_at: None,
    }
}

fn cron(pattern: &str, zone: Option<&str>, next_at: i64) -> Scheduler {
    Scheduler {
        pattern: Some(Clean::line(pattern)),
        every: None,
        zone: zone.map(Clean::line),
        ..every(0, next_at)
    }
}

fn delayed(timestamp: i64) -> NextRun {
    NextRun {
        id: Some(JobId::new("repeat:tick:1")),
        exists: true,
        state: Some(State::Delayed),
        timestamp: Some(timestamp),
        count: Some(5),
        ..NextRun::default()
    }
}

fn health(scheduler: Scheduler, run: NextRun) -> Health {
    judge(&Standing { scheduler, run }, NOW)
}

#[test]
fn a_healthy_one_tells_its_last_run_and_its_drift() {
    let next = NOW + 20_000;
    let told = health(every(60_000, next), delayed(next - 60_000 + 250));
    assert_eq!((told.phase, told.missed, told.late_ms), (Phase::Ahead, 0, 0));
    assert_eq!((told.last_at, told.drift_ms), (Some(next - 59_750), Some(250)));
    assert_eq!(told.following, [next + 60_000, next + 120_000, next + 180_000]);
    // A run that was late by more than an interval left the times between out.
    let told = health(every(60_000, next), delayed(next - 5_000));
    assert_eq!(told.drift_ms, Some(55_000));
    // A clock that is a little early makes no drift of an interval.
    let told = health(every(60_000, next), delayed(next - 60_000 - 20));
    assert_eq!(told.drift_ms, Some(-20));
    let first = NextRun { count: Some(1), ..delayed(NOW) };
    assert_eq!(health(every(60_000, next), first).last_at, None);
}

#[test]
fn a_pattern_knows_its_time_before() {
    // 2026-11-18 12:26:40 UTC is now; nine in Berlin is eight in UTC.
    let next = NOW - NOW.rem_euclid(86_400_000) + 86_400_000 + 8 * 3_600_000;
    let rule = cron("0 9 * * *", Some("Europe/Berlin"), next);
    let told = health(rule.clone(), delayed(next - 86_400_000 + 1_500));
    assert_eq!((told.phase, told.drift_ms), (Phase::Ahead, Some(1_500)));
    assert_eq!(told.following[0], next + 86_400_000);
    let other = Scheduler { zone: Some(Clean::line("Asia/Tokyo")), ..rule.clone() };
    assert_eq!(health(other, delayed(next)).drift_ms, None, "its next run is no time of that zone");
    let unknown = Scheduler { zone: Some(Clean::line("Mars/Olympus")), ..rule };
    let told = health(unknown, delayed(next));
    assert_eq!((told.drift_ms, told.following.len()), (None, 0));
}

#[test]
fn what_is_late_is_counted() {
    let late = health(every(60_000, NOW - 5_000), delayed(NOW - 65_000));
    assert_eq!((late.phase, late.missed), (Phase::Due, 0));
    let late = health(every(60_000, NOW - 200_000), delayed(NOW - 260_000));
    assert_eq!((late.phase, late.missed, late.late_ms), (Phase::Overdue, 4, 200_000));
    assert_eq!(late.sentence(), "overdue by 3m: no worker started it; 4 runs were missed");
    let hours = NOW - NOW.rem_euclid(3_600_000) - 5 * 3_600_000;
    let late = health(cron("0 * * * *", Some("UTC"), hours), delayed(hours));
    assert_eq!((late.phase, late.missed), (Phase::Overdue, 6));
    let ages = health(every(1, NOW - 86_400_000), delayed(NOW - 86_400_001));
    assert_eq!(ages.missed, 1001);
}

#[test]
fn the_dead_are_told_from_those_that_ended() {
    let past = NOW - 90_000;
    let none = NextRun::default();
    let of = |scheduler: &Scheduler, run: &NextRun| health(scheduler.clone(), run.clone()).phase;
    let rule = every(60_000, past);
    assert_eq!(of(&rule, &none), Phase::Dead(Dead::NoJob));
    assert_eq!(of(&every(60_000, NOW + 9), &none), Phase::Dead(Dead::NoJob));
    let ghost = NextRun { state: Some(State::Delayed), ..none.clone() };
    assert_eq!(of(&rule, &ghost), Phase::Dead(Dead::NoData));
    let lost = NextRun { state: None, ..delayed(past) };
    assert_eq!(of(&rule, &lost), Phase::Dead(Dead::NoPlace));
    let done = NextRun { state: Some(State::Completed), finished_on: Some(past), ..delayed(past) };
    assert_eq!(of(&rule, &done), Phase::Dead(Dead::NotContinued));
    assert_eq!(health(rule.clone(), done.clone()).missed, 1);
    // What ended just now may be about to be continued.
    let lately = NextRun { finished_on: Some(NOW - 20), ..done.clone() };
    assert_eq!(of(&rule, &lately), Phase::Starting);
    assert_eq!(of(&every(60_000, NOW - 20), &none), Phase::Starting);
    let runs = NextRun { state: Some(State::Active), processed_on: Some(NOW - 20), ..delayed(past) };
    assert_eq!(of(&rule, &runs), Phase::Starting);
    let left = NextRun { processed_on: Some(past), ..runs.clone() };
    assert_eq!(of(&rule, &left), Phase::Stalled);
    let stuck = NextRun { held: true, ..left };
    assert_eq!(of(&rule, &stuck), Phase::Dead(Dead::NotScheduled));

    let limited = Scheduler { limit: Some(5), ..rule.clone() };
    for run in [&done, &stuck, &NextRun { count: Some(5), ..none.clone() }] {
        assert_eq!(of(&limited, run), Phase::Ended(Ended::Limit));
    }
    let dated = Scheduler { end_at: Some(past + 30_000), ..rule.clone() };
    for run in [&done, &stuck, &none] {
        assert_eq!(of(&dated, run), Phase::Ended(Ended::Date));
    }
    assert_eq!(
        of(&Scheduler { end_at: Some(NOW + 900_000), ..rule.clone() }, &done),
        Phase::Dead(Dead::NotContinued)
    );
    let next = Scheduler { generation: Generation::Legacy, ..every(60_000, NOW + 50_000) };
    assert_eq!(of(&next, &none), Phase::Starting, "its time may have been written just now");
    let next = Scheduler { next_at: NOW + 30_000, ..next };
    assert_eq!(of(&next, &none), Phase::Dead(Dead::NoJob));
    let older = Scheduler { generation: Generation::Legacy, ..rule };
    assert_eq!(of(&older, &none), Phase::Unknown(Unknown::Limit));
    assert_eq!(of(&older, &NextRun { limit: Some(5), ..done }), Phase::Ended(Ended::Limit));
}

#[test]
fn rules_are_told_with_their_zone() {
    let told = |pattern: &str, zone| rule(&cron(pattern, zone, NOW)).as_str().to_owned();
    assert_eq!(told("0 9 * * 1-5", Some("Europe/Berlin")), "every weekday at 09:00, Europe/Berlin");
    assert_eq!(told("0 9 * * 1-5", None), "every weekday at 09:00, the worker's zone");
    assert_eq!(told("*/5 * * * *", None), "every 5 minutes");
    assert_eq!(told("*/5 */2 * * *", Some("UTC")), "*/5 */2 * * *, UTC");
    assert_eq!(told("\u{202e}", None), "<U+202E>: cannot be read: day of week `<U+202E>` is not understood");
    assert_eq!(
        told("0 0 15W * *", None),
        "0 0 15W * *: cannot be read: day of month `15W` is not understood"
    );
    assert_eq!(told("0 9 * * *", Some("Mars/X")), "0 9 * * *: there is no time zone Mars/X");
    for disputed in ["0 0 */1 * 1", "0 0 1-31 * 1", "0 0 5 * 0-6"] {
        let rule = cron(disputed, Some("UTC"), NOW + 60_000);
        assert!(super::rule(&rule).as_str().contains("older releases only one"), "{disputed}");
        assert_eq!(health(rule, delayed(NOW)).following, [] as [i64; 0], "{disputed}");
    }
    assert_eq!(rule(&every(90_000, NOW)).as_str(), "every 90 seconds");
    assert_eq!(rule(&Scheduler { every: None, ..every(1, NOW) }).as_str(), "no rule: its definition is gone");
}
