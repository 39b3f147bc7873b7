//! Whether a scheduler is dead: the Schedulers screen, the doctor and the reasons of a queue say the same of each way
//! in which it may stand, and the truth.

use std::time::Duration;

use redis::Connection;
use rstest::rstest;
use toril::conn::Conn;
use toril::engine::read::doctor::{Scope, examine};
use toril::engine::read::standings;
use toril::engine::schedule::{Repeat, Template};
use toril::insight::doctor::{Doctor, Kind};
use toril::insight::scheduler::{Dead, Ended, Phase, judge};
use toril::insight::why::diagnose;
use toril::monitor::why::look;
use toril::wire::Era;

use crate::engine::ours::{Ours, queue_id};
use crate::support::Server;

const MINUTE: i64 = 60_000;

/// A scheduler of ten minutes whose run was due a minute ago, in a queue of its own.
struct Stand {
    _server: Server,
    me: Ours,
    link: Connection,
    run: String,
    due: i64,
}

impl Stand {
    fn new(limit: Option<u64>, end: Option<i64>) -> Self {
        let server = Server::start();
        let me = Ours::on(&server);
        let mut link = server.connect();
        redis::cmd("HSET").arg(&["bull:q:meta", "version", "bullmq:6.7.0"]).exec(&mut link).unwrap();
        let now = server_ms(&mut link);
        let offset = (now - MINUTE).rem_euclid(10 * MINUTE);
        let mut repeat = Repeat::every(Duration::from_secs(600)).offset(Duration::from_millis(offset as u64));
        if let Some(limit) = limit {
            repeat = repeat.limit(limit);
        }
        if let Some(end) = end {
            repeat = repeat.end(now + end);
        }
        let own = me.queue("q");
        let made = own.upsert_scheduler_at("s", repeat, Template::named("tick"), Some(now - 2 * MINUTE));
        let made = me.wait(made).unwrap().unwrap();
        let run = made.job.lossless().into_owned();
        let due = now - MINUTE;
        assert_eq!(run, format!("repeat:s:{due}"));
        Self { _server: server, me, link, run, due }
    }

    fn redis(&mut self, command: &str) {
        let command = command.replace("@run", &format!("bull:q:{}", self.run)).replace('@', "bull:q:");
        let words: Vec<String> = command.split(' ').map(|word| word.replace("%id", &self.run)).collect();
        redis::cmd(&words[0]).arg(&words[1..]).exec(&mut self.link).unwrap();
    }

    /// The phase, where all three agree on whether it is dead.
    fn verdict(&mut self) -> Phase {
        let conn: &Conn = &self.me.conn;
        let queue = queue_id("q");
        let now = server_ms(&mut self.link);
        let (_, all) = self.me.wait(standings(conn, Era::V6, &queue, 0, 10)).unwrap();
        assert_eq!(all.len(), 1, "{all:?}");
        let health = judge(&all[0], now);
        let scope = Scope { again: Duration::from_millis(1), share: 1.0, ..Scope::default() };
        let found =
            self.me.wait(examine(conn, std::slice::from_ref(&queue), scope, &Doctor, |_| {})).unwrap();
        let doctor = found.findings.iter().any(|finding| finding.kind == Kind::DeadScheduler);
        let before = self.me.wait(look(conn, &queue, None)).unwrap();
        let after = self.me.wait(look(conn, &queue, None)).unwrap();
        let why = diagnose(&queue, Some(&before), &after);
        let why = why.causes.iter().any(|cause| cause.id == "dead-scheduler");
        assert_eq!((doctor, why), (health.is_dead(), health.is_dead()), "{health:?}: {:#?}", found.findings);
        health.phase
    }
}

fn server_ms(link: &mut Connection) -> i64 {
    let (seconds, micros): (i64, i64) = redis::cmd("TIME").query(link).unwrap();
    seconds * 1000 + micros / 1000
}

/// What happened to its run, and how it stands then.
#[rstest]
#[case::no_worker("", Phase::Overdue)]
#[case::paused("HSET @meta paused 1", Phase::Overdue)]
#[case::behind_a_backlog("ZREM @delayed %id;LPUSH @wait %id;RPUSH @wait 1 2 3", Phase::Overdue)]
#[case::in_line_while_paused("HSET @meta paused 1;ZREM @delayed %id;LPUSH @paused %id", Phase::Overdue)]
#[case::taken_by_hand("ZREM @delayed %id;DEL @run", Phase::Dead(Dead::NoJob))]
#[case::without_its_data("DEL @run", Phase::Dead(Dead::NoData))]
#[case::in_no_list("ZREM @delayed %id", Phase::Dead(Dead::NoPlace))]
#[case::failed(
    "ZREM @delayed %id;ZADD @failed %due %id;HSET @run processedOn %due finishedOn %due failedReason no",
    Phase::Dead(Dead::NotContinued)
)]
#[case::failed_just_now(
    "ZREM @delayed %id;ZADD @failed %now %id;HSET @run processedOn %due finishedOn %now failedReason no",
    Phase::Starting
)]
#[case::stalled("ZREM @delayed %id;LPUSH @active %id;HSET @run processedOn %due", Phase::Stalled)]
#[case::started_just_now(
    "ZREM @delayed %id;LPUSH @active %id;HSET @run processedOn %now;SET @run:lock me PX 600000",
    Phase::Starting
)]
#[case::never_continued(
    "ZREM @delayed %id;LPUSH @active %id;HSET @run processedOn %due;SET @run:lock me PX 600000",
    Phase::Dead(Dead::NotScheduled)
)]
fn all_three_say_the_same(#[case] damage: &str, #[case] phase: Phase) {
    let mut stand = Stand::new(None, None);
    let now = server_ms(&mut stand.link);
    for command in damage.split(';').filter(|command| !command.is_empty()) {
        let due = stand.due.to_string();
        stand.redis(&command.replace("%due", &due).replace("%now", &now.to_string()));
    }
    assert_eq!(stand.verdict(), phase);
}

/// It came to its end as it was told to: nobody calls that dead.
#[rstest]
#[case::all_its_runs(Some(1), None, Ended::Limit)]
#[case::its_last_date(None, Some(-30_000), Ended::Date)]
fn an_end_is_no_death(#[case] limit: Option<u64>, #[case] end: Option<i64>, #[case] ended: Ended) {
    for damage in
        ["ZREM @delayed %id;DEL @run", "ZREM @delayed %id;ZADD @completed 1 %id;HSET @run finishedOn 1"]
    {
        let mut stand = Stand::new(limit, end);
        for command in damage.split(';') {
            stand.redis(command);
        }
        assert_eq!(stand.verdict(), Phase::Ended(ended));
    }
}

/// A clock that is ahead of Redis's puts the next run, and the time of the last one, into the future.
#[test]
fn a_clock_that_is_ahead_kills_nobody() {
    let mut stand = Stand::new(None, None);
    let far = stand.due + 60 * MINUTE;
    stand.redis(&format!("RENAME @run @repeat:s:{far}"));
    stand.redis(&format!("ZADD @repeat {far} s"));
    stand.redis("ZREM @delayed %id");
    stand.redis(&format!("ZADD @delayed {} repeat:s:{far}", far * 4096));
    stand.redis(&format!("HSET @repeat:s:{far} timestamp {}", far - 10 * MINUTE));
    assert_eq!(stand.verdict(), Phase::Ahead);
}
