//! A walk sees every job once, whatever moves meanwhile and whatever the values are.

use std::collections::{BTreeMap, BTreeSet};

use redis::{Commands as _, Connection};
use rstest::rstest;
use toril::conn::{Conn, Kind};
use toril::engine::acl::Role;
use toril::engine::read::page;
use toril::engine::read::page::{Order, PageQuery};
use toril::engine::read::walk::{Coverage, Source, Walk, Want};
use toril::wire::{Era, State};

use crate::read::seed::{conn, era, queue, seed, states};
use crate::support::{Lib, Node, Server, account};

fn want(fields: &[&str]) -> Want {
    Want { fields: fields.iter().map(|name| (*name).to_owned()).collect(), ..Want::default() }
}

/// Failed jobs `1` to `n`, the newest last; each finished a millisecond after the one before.
fn failed(link: &mut Connection, n: u64) {
    let mut pipe = redis::pipe();
    for id in 1..=n {
        pipe.zadd("bull:q:failed", id, 1_700_000_000_000 + id).ignore();
        let fields =
            [("name", "n".to_owned()), ("failedReason", format!("boom {id}")), ("data", "{}".into())];
        pipe.hset_multiple(format!("bull:q:{id}"), &fields).ignore();
    }
    pipe.exec(link).unwrap();
}

async fn ids(walk: &mut Walk) -> Vec<String> {
    let mut found = Vec::new();
    while let Some(round) = walk.next().await.unwrap() {
        found.extend(round.jobs().map(|job| job.id().lossless().into_owned()));
    }
    found
}

fn of(states: &[State]) -> Vec<Source> {
    Source::of(&queue("q"), Era::V5, states)
}

fn once(found: &[String]) -> BTreeSet<&String> {
    let set: BTreeSet<_> = found.iter().collect();
    assert_eq!(set.len(), found.len(), "a job came twice");
    set
}

#[rstest]
#[tokio::test]
async fn every_job_of_every_era_is_seen_as_it_stands(
    #[values(Lib::Bull4, Lib::BullMq4, Lib::BullMq5, Lib::BullMq6)] lib: Lib,
    #[values(false, true)] paused: bool,
) {
    let server = Server::start();
    let mut node = Node::start(lib, &server);
    seed(&mut node, paused);
    let reader = conn(&server).await;
    let mut link = server.connect();
    let mut expected = BTreeMap::new();
    for state in states(lib) {
        let query = PageQuery { queue: queue("mail"), state, offset: 0, limit: 50, order: Order::Natural };
        for row in page(&reader, era(lib), &query).await.unwrap().rows {
            expected.insert(row.id.lossless().into_owned(), state);
        }
    }
    let mut seen = BTreeMap::new();
    let sources = Source::of(&queue("mail"), era(lib), &State::ALL);
    let mut walk = Walk::new(&reader, sources, want(&["data", "name", "returnvalue", "absent"]));
    while let Some(round) = walk.next().await.unwrap() {
        for job in round.jobs() {
            let key = format!("bull:mail:{}", job.id().lossless());
            let fields: Vec<Option<Vec<u8>>> = job.fields().map(|field| field.map(<[u8]>::to_vec)).collect();
            let theirs: Vec<Option<Vec<u8>>> =
                link.hmget(&key, &["data", "name", "returnvalue", "absent"]).unwrap();
            assert_eq!(fields, theirs);
            assert_eq!(job.field(1), theirs[1].as_deref());
            assert!(seen.insert(job.id().lossless().into_owned(), job.state().unwrap()).is_none());
        }
    }
    // A job with a priority is in two of Bull's structures; either is true.
    if lib != Lib::Bull4 {
        assert_eq!(seen, expected);
    }
    assert_eq!(seen.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
    let Coverage { read, total, gone, large, complete } = walk.coverage();
    assert_eq!((read, total, gone, large, complete), (seen.len() as u64, seen.len() as u64, 0, 0, true));
    let cost = walk.cost();
    assert!(cost.commands > 0 && cost.bytes > 0 && cost.per_second > 0.0, "{cost:?}");
}

/// Newest first, and what comes or goes above the place where the walk is shifts nothing.
#[tokio::test]
async fn jobs_that_come_and_go_cost_no_other_its_turn() {
    let server = Server::start();
    let (mut link, reader) = (server.connect(), conn(&server).await);
    failed(&mut link, 3000);
    let mut walk = Walk::new(&reader, of(&[State::Failed]), want(&["failedReason"]));
    let (mut found, mut removed, mut rounds) = (Vec::new(), BTreeSet::new(), 0);
    while let Some(round) = walk.next().await.unwrap() {
        found.extend(round.jobs().map(|job| job.id().lossless().into_owned()));
        rounds += 1;
        if rounds % 7 == 0 {
            // Far more than a page overlaps with the one before.
            let new: Vec<(u64, String)> =
                (0..90).map(|n| (1_800_000_000_000 + rounds, format!("new-{rounds}-{n}"))).collect();
            let () = link.zadd_multiple("bull:q:failed", &new).unwrap();
        }
        if rounds % 11 == 0 {
            // The last that was seen and most of those above it are retried.
            for id in found.iter().rev().step_by(2).take(120) {
                let () = link.zrem("bull:q:failed", id).unwrap();
                removed.insert(id.clone());
            }
        }
    }
    let set = once(&found);
    assert_eq!(set.len(), 3000);
    assert!(removed.len() > 500, "{}", removed.len());
    assert!(found.iter().all(|id| !id.starts_with("new")), "what came later is newer than the walk");
    assert_eq!(found[0], "3000");
    assert!(found.windows(2).all(|pair| pair[0].parse::<u64>().unwrap() > pair[1].parse::<u64>().unwrap()));
    assert!(walk.coverage().complete, "{:?}", walk.coverage());
}

#[tokio::test]
async fn a_thousand_jobs_of_the_same_moment_are_told_apart() {
    let server = Server::start();
    let (mut link, reader) = (server.connect(), conn(&server).await);
    let mut pipe = redis::pipe();
    for id in 0..2500 {
        pipe.zadd("bull:q:failed", id, 1_700_000_000_000_u64).ignore();
        pipe.hset(format!("bull:q:{id}"), "failedReason", "x").ignore();
    }
    pipe.exec(&mut link).unwrap();
    let mut walk = Walk::new(&reader, of(&[State::Failed]), want(&["failedReason"]));
    let mut found = Vec::new();
    while let Some(round) = walk.next().await.unwrap() {
        found.extend(round.jobs().map(|job| job.id().lossless().into_owned()));
        // All that was seen last goes: the place can only be found by order.
        if found.len() == 1000 {
            for id in &found {
                let () = link.zrem("bull:q:failed", id).unwrap();
            }
        }
    }
    assert_eq!(once(&found).len(), 2500);
}

#[tokio::test]
async fn a_waiting_list_that_grows_and_is_worked_off_is_seen_once() {
    let server = Server::start();
    let (mut link, reader) = (server.connect(), conn(&server).await);
    let mut pipe = redis::pipe();
    pipe.rpush("bull:q:wait", "0:1700000000000").ignore();
    for id in 1..=3000 {
        pipe.lpush("bull:q:wait", id).ignore();
        pipe.hset(format!("bull:q:{id}"), "data", "{}").ignore();
    }
    pipe.exec(&mut link).unwrap();
    let mut walk = Walk::new(&reader, of(&[State::Waiting]), want(&["data"]));
    let (mut found, mut rounds, mut taken) = (Vec::new(), 0, BTreeSet::new());
    while let Some(round) = walk.next().await.unwrap() {
        found.extend(round.jobs().map(|job| job.id().lossless().into_owned()));
        rounds += 1;
        let new: Vec<String> = (0..40).map(|n| format!("new-{rounds}-{n}")).collect();
        let () = link.lpush("bull:q:wait", new).unwrap();
        // One of the middle that was seen is removed, and the oldest one begins to run.
        let () = link.lrem("bull:q:wait", 1, &found[found.len() / 2]).unwrap();
        taken.extend(link.rpop::<_, Option<String>>("bull:q:wait", None).unwrap());
    }
    let set = once(&found);
    let missed: Vec<u64> =
        (1..=3000).filter(|id| !set.contains(&id.to_string()) && !taken.contains(&id.to_string())).collect();
    assert!(missed.is_empty(), "{missed:?}");
    assert!(!set.iter().any(|id| id.starts_with("0:")));
}

#[tokio::test]
async fn large_values_stay_where_they_are_and_are_counted() {
    let server = Server::start();
    let (mut link, reader) = (server.connect(), conn(&server).await);
    failed(&mut link, 60);
    let () = link.hset("bull:q:50", "data", vec![b'x'; 3 << 20]).unwrap();
    let () = link.hset("bull:q:50", "failedReason", "small").unwrap();
    let () = link.hset("bull:q:20", "stacktrace", vec![b'x'; 3 << 20]).unwrap();
    for id in 30..40 {
        let () = link.hset(format!("bull:q:{id}"), "data", vec![b'y'; 200 << 10]).unwrap();
    }
    let () = link.del("bull:q:10").unwrap();
    let () = link.del("bull:q:11").unwrap();
    let () = link.set("bull:q:11", "not a job").unwrap();
    let () = link.zadd("bull:q:failed", "meta", 1_700_000_000_005_u64).unwrap();
    let mut walk = Walk::new(&reader, of(&[State::Failed]), want(&["data", "failedReason"]));
    let (mut found, mut large) = (Vec::new(), Vec::new());
    while let Some(round) = walk.next().await.unwrap() {
        assert!(round.bytes().len() < 2 << 20, "{}", round.bytes().len());
        for job in round.jobs() {
            let id = job.id().lossless().into_owned();
            assert!(job.field(1).is_some(), "{id}");
            assert_eq!(job.fields().nth(1).unwrap(), job.field(1));
            if job.is_large(0) {
                assert_eq!((job.field(0), job.field(1)), (None, Some(&b"small"[..])));
                large.push(id.clone());
            }
            found.push(id);
        }
    }
    assert_eq!(once(&found).len(), 58);
    assert_eq!(large, ["50"]);
    let coverage = walk.coverage();
    assert_eq!((coverage.read, coverage.gone, coverage.large, coverage.complete), (60, 2, 1, false));
}

#[tokio::test]
async fn a_bound_is_kept_and_queues_take_turns() {
    let server = Server::start();
    let (mut link, reader) = (server.connect(), conn(&server).await);
    failed(&mut link, 2000);
    for id in 1..=5 {
        let () = link.lpush("bull:other:wait", id).unwrap();
        let () = link.hset(format!("bull:other:{id}"), "data", "{}").unwrap();
    }
    let mut sources = of(&State::ALL);
    sources.extend(Source::of(&queue("other"), Era::V5, &State::ALL));
    let mut walk = Walk::new(&reader, sources, Want { jobs: 700, ..want(&["data"]) });
    let mut other = 0;
    let mut read = 0;
    while let Some(round) = walk.next().await.unwrap() {
        read += round.len();
        other += round.jobs().filter(|job| job.queue().unwrap().name.as_bytes() == b"other").count();
    }
    assert_eq!((read, other), (700, 5), "a large queue leaves its turn to a small one");
    let coverage = walk.coverage();
    assert_eq!((coverage.read, coverage.total, coverage.complete), (700, 2005, false));
}

#[tokio::test]
async fn it_works_with_and_without_the_right_to_ask_for_sizes() {
    let server = Server::start();
    let mut link = server.connect();
    failed(&mut link, 300);
    let () = link.hset("bull:q:250", "data", vec![b'x'; 3 << 20]).unwrap();
    let () = link.del("bull:q:10").unwrap();
    let viewer = account(&server, Role::Viewer).await;
    for allowed in [true, false] {
        if !allowed {
            redis::cmd("ACL")
                .arg(&["SETUSER", "acting", "-memory|usage", "-memory"])
                .exec(&mut link)
                .unwrap();
        }
        let mut walk = Walk::new(&viewer, of(&[State::Failed]), want(&["failedReason", "data"]));
        assert_eq!(once(&ids(&mut walk).await).len(), 299, "{allowed}");
        let coverage = walk.coverage();
        assert_eq!((coverage.read, coverage.gone, coverage.large), (300, 1, 1), "{allowed}");
    }
}

/// Redis hangs in the middle: the walk says so, and goes on where it was.
#[tokio::test]
async fn it_goes_on_after_a_silence() {
    let server = Server::start();
    let (mut link, reader) = (server.connect(), conn(&server).await);
    failed(&mut link, 2000);
    let mut walk = Walk::new(&reader, of(&[State::Failed]), want(&["data"]));
    let mut found = Vec::new();
    for _ in 0..30 {
        let round = walk.next().await.unwrap().unwrap();
        found.extend(round.jobs().map(|job| job.id().lossless().into_owned()));
    }
    server.stop();
    let error = walk.next().await.unwrap_err();
    assert_eq!(error.kind, Kind::Timeout);
    server.cont();
    found.extend(more(&reader, &mut walk).await);
    assert_eq!(once(&found).len(), 2000);
    assert!(walk.coverage().complete);
}

/// The rest of a walk, as soon as the server answers again.
async fn more(conn: &Conn, walk: &mut Walk) -> Vec<String> {
    let began = std::time::Instant::now();
    while conn.call(toril::conn::Request::new(toril::conn::Verb::Ping)).await.is_err() {
        assert!(began.elapsed().as_secs() < 60, "the server answers again");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let mut found = Vec::new();
    loop {
        match walk.next().await {
            Ok(Some(round)) => found.extend(round.jobs().map(|job| job.id().lossless().into_owned())),
            Ok(None) => return found,
            Err(error) => assert!(began.elapsed().as_secs() < 60, "{error}"),
        }
    }
}

/// From the old end: what runs meanwhile leaves at that very end.
#[tokio::test]
async fn from_the_old_end_nothing_is_stepped_over_either() {
    let server = Server::start();
    let (mut link, reader) = (server.connect(), conn(&server).await);
    let mut pipe = redis::pipe();
    for id in 1..=3000 {
        pipe.lpush("bull:q:wait", id).ignore();
        pipe.hset(format!("bull:q:{id}"), "data", "{}").ignore();
    }
    pipe.exec(&mut link).unwrap();
    failed(&mut link, 1200);
    let oldest = |states: &[State]| of(states).into_iter().map(Source::oldest_first).collect::<Vec<_>>();

    let mut walk = Walk::new(&reader, oldest(&[State::Failed]), want(&["name"]));
    let mut found = Vec::new();
    while let Some(round) = walk.next().await.unwrap() {
        found.extend(round.jobs().map(|job| job.id().lossless().into_owned()));
        for id in found.iter().rev().take(20) {
            let () = link.zrem("bull:q:failed", id).unwrap();
        }
    }
    assert_eq!(once(&found).len(), 1200);
    assert!(found.windows(2).all(|pair| pair[0].parse::<u64>().unwrap() < pair[1].parse::<u64>().unwrap()));

    for taken in [5, 20, 60] {
        let mut pipe = redis::pipe();
        pipe.del("bull:q:wait").ignore();
        for id in 1..=3000 {
            pipe.lpush("bull:q:wait", id).ignore();
        }
        pipe.exec(&mut link).unwrap();
        let mut walk = Walk::new(&reader, oldest(&[State::Waiting]), want(&["data"]));
        let (mut found, mut ran) = (Vec::new(), BTreeSet::new());
        while let Some(round) = walk.next().await.unwrap() {
            found.extend(round.jobs().map(|job| job.id().lossless().into_owned()));
            for _ in 0..taken {
                ran.extend(link.rpop::<_, Option<String>>("bull:q:wait", None).unwrap());
            }
        }
        let set = once(&found);
        let missed: Vec<u64> = (1..=3000)
            .filter(|id| !set.contains(&id.to_string()) && !ran.contains(&id.to_string()))
            .collect();
        assert!(missed.is_empty(), "{taken}: {missed:?}");
        assert_eq!(found[0], "1");
    }
}

/// What ended last comes first, of whatever queue and state it is, and while jobs go on to end.
#[tokio::test]
async fn what_ended_last_in_any_queue_comes_first() {
    let server = Server::start();
    let (mut link, reader) = (server.connect(), conn(&server).await);
    let mut pipe = redis::pipe();
    let mut expected = Vec::new();
    // Of uneven sizes and times: one state is a page behind the others, another all at one moment.
    for n in 0..4000_u64 {
        let (name, state, at) = match n % 8 {
            0..=3 => ("a", "failed", 10_000 + n),
            4..=5 => ("b", "failed", 9_000 + n / 2),
            6 => ("b", "completed", 5_000 + n * 3),
            _ => ("c", "completed", 11_000),
        };
        pipe.zadd(format!("bull:{name}:{state}"), n, at).ignore();
        pipe.hset(format!("bull:{name}:{n}"), "data", "{}").ignore();
        expected.push(at);
    }
    pipe.exec(&mut link).unwrap();
    expected.sort_by(|a, b| b.cmp(a));
    let sources = || -> Vec<Source> {
        let states = [State::Failed, State::Completed, State::Delayed];
        ["a", "b", "c", "empty"].iter().flat_map(|name| Source::of(&queue(name), Era::V5, &states)).collect()
    };
    let mut walk = Walk::new(&reader, sources(), want(&["data"]));
    let (mut found, mut seen, mut late) = (Vec::new(), BTreeSet::new(), 0);
    while let Some(round) = walk.next().await.unwrap() {
        for job in round.jobs() {
            assert!(seen.insert((job.queue().unwrap().clone(), job.id())), "a job came twice");
            found.push(job.score().unwrap() as u64);
        }
        // Others end meanwhile: above the place where the walk is, and out of its sight.
        late += 1;
        let () = link.zadd("bull:a:failed", format!("late-{late}"), 50_000 + late).unwrap();
    }
    assert_eq!(found, expected);
    let coverage = walk.coverage();
    assert_eq!((coverage.read, coverage.total, coverage.complete), (4000, 4000, true));

    // Of a bounded walk they are the newest of all.
    let () = link.zrembyscore("bull:a:failed", 50_000, "+inf").unwrap();
    let mut walk = Walk::new(&reader, sources(), Want { jobs: 150, ..want(&["data"]) });
    let mut newest = 0;
    while let Some(round) = walk.next().await.unwrap() {
        newest += round.jobs().filter(|job| job.score().unwrap() as u64 >= expected[149]).count();
    }
    assert_eq!(newest, 150);

    // Beside a state that does not tell when its jobs came, both have their turn.
    for n in 0..700 {
        let () = link.rpush("bull:c:wait", format!("w{n}")).unwrap();
        let () = link.hset(format!("bull:c:w{n}"), "data", "{}").unwrap();
    }
    let mut sources = sources();
    sources.extend(Source::of(&queue("c"), Era::V5, &[State::Waiting]));
    let mut walk = Walk::new(&reader, sources, Want { jobs: 1500, ..want(&["data"]) });
    let mut waiting = 0;
    while let Some(round) = walk.next().await.unwrap() {
        waiting += round.jobs().filter(|job| job.state() == Some(State::Waiting)).count();
    }
    assert!((400..=700).contains(&waiting), "{waiting}");
}
