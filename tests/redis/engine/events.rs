//! Following events: what is missed is told, replies are bounded, a lost link is mended.

use std::time::Duration;

use toril::conn::{Access, Conn, Endpoint, Options};
use toril::engine::events::{
    EventKind, EventsError, EventsOptions, EventsProducer, QueueEvent, QueueEvents, StartAt, StreamId,
};
use toril::wire::Raw;

use super::ours::{Ours, queue_id, until};
use crate::support::Server;

const NONE: [(&str, &str); 0] = [];

fn open(ours: &Ours, options: EventsOptions) -> QueueEvents {
    ours.wait(QueueEvents::open(&ours.conn, queue_id("q"), options)).unwrap()
}

fn producer(ours: &Ours) -> EventsProducer {
    EventsProducer::new(ours.conn.clone(), queue_id("q"))
}

fn next(ours: &Ours, events: &mut QueueEvents) -> QueueEvent {
    ours.wait(events.next()).unwrap().unwrap()
}

fn name(event: &QueueEvent) -> String {
    event.name().lossless().into_owned()
}

fn command(server: &Server, words: &[&str]) -> redis::Value {
    redis::cmd(words[0]).arg(&words[1..]).query(&mut server.connect()).unwrap()
}

/// Connections of listeners to the queue `q`.
fn listeners(server: &Server) -> Vec<String> {
    let list: String = redis::cmd("CLIENT").arg("LIST").query(&mut server.connect()).unwrap();
    list.lines().filter(|line| line.contains(" name=bull:cQ==:qe ")).map(str::to_owned).collect()
}

#[test]
fn a_reader_that_is_left_behind_is_told() {
    let server = Server::start();
    let ours = Ours::on(&server);
    let producer = producer(&ours);
    let mut events = open(&ours, EventsOptions { page: 5, ..EventsOptions::default() });
    let ids: Vec<StreamId> =
        (0..100).map(|n| ours.wait(producer.publish(&n.to_string(), NONE)).unwrap()).collect();
    assert_eq!(name(&next(&ours, &mut events)), "0");
    // It reads at most two replies ahead of us: the rest goes unread.
    std::thread::sleep(Duration::from_millis(200));
    command(&server, &["XTRIM", "bull:q:events", "MAXLEN", "10"]);
    let mut last = 0;
    let gap = loop {
        let event = next(&ours, &mut events);
        if let EventKind::Gap { after } = event.kind {
            assert_eq!(after, event.id);
            break event;
        }
        last += 1;
        assert_eq!(name(&event), last.to_string());
    };
    assert!(last < 30, "{last}");
    assert_eq!(gap.id, ids[last]);
    assert_eq!(events.cursor(), ids[last]);
    let rest: Vec<String> = (0..10).map(|_| name(&next(&ours, &mut events))).collect();
    assert_eq!(rest, (90..100).map(|n| n.to_string()).collect::<Vec<_>>());
}

#[test]
fn a_cursor_whose_successors_are_gone_is_told_and_one_whose_are_there_is_not() {
    let server = Server::start();
    let ours = Ours::on(&server);
    let producer = producer(&ours);
    let ids: Vec<StreamId> =
        (0..20).map(|n| ours.wait(producer.publish(&n.to_string(), NONE)).unwrap()).collect();
    let after = |id| EventsOptions { start: StartAt::After(id), ..EventsOptions::default() };
    assert_eq!(name(&next(&ours, &mut open(&ours, after(ids[3])))), "4");
    command(&server, &["XTRIM", "bull:q:events", "MAXLEN", "10"]);
    let mut events = open(&ours, after(ids[3]));
    assert_eq!(next(&ours, &mut events).kind, EventKind::Gap { after: ids[3] });
    assert_eq!(name(&next(&ours, &mut events)), "10");
    assert_eq!(name(&next(&ours, &mut open(&ours, after(ids[14])))), "15");
    let beginning = EventsOptions { start: StartAt::Beginning, ..EventsOptions::default() };
    assert_eq!(name(&next(&ours, &mut open(&ours, beginning))), "10");
}

/// The server tells how many entries a stream had in all since 7.0; before that a stream that was cut exactly
/// where the reader stood looks like a gap.
#[test]
fn a_short_stream_is_no_gap_for_who_keeps_up() {
    let server = Server::start();
    let ours = Ours::on(&server);
    let producer = producer(&ours).with_max_len(1);
    ours.wait(producer.publish("first", NONE)).unwrap();
    let about = command(&server, &["XINFO", "STREAM", "bull:q:events"]);
    if !format!("{about:?}").contains("entries-added") {
        return;
    }
    let mut events = open(&ours, EventsOptions::default());
    for n in 0..600 {
        ours.wait(producer.publish(&n.to_string(), NONE)).unwrap();
        assert_eq!(name(&next(&ours, &mut events)), n.to_string());
    }
    // Whole nodes of the stream were trimmed away.
    let length: usize = redis::cmd("XLEN").arg("bull:q:events").query(&mut server.connect()).unwrap();
    assert!(length < 300, "{length}");
}

#[test]
fn a_lost_link_loses_nothing() {
    let server = Server::start();
    let ours = Ours::on(&server);
    let producer = producer(&ours);
    let mut events = open(&ours, EventsOptions::default());
    for n in 0..60 {
        if n % 10 == 3 {
            until(|| listeners(&server).len() == 1);
            let id = listeners(&server)[0].split(' ').next().unwrap()[3..].to_owned();
            command(&server, &["CLIENT", "KILL", "ID", &id]);
        }
        ours.wait(producer.publish(&n.to_string(), NONE)).unwrap();
        assert_eq!(name(&next(&ours, &mut events)), n.to_string());
    }
    // Named so that no one counts it as a worker, and gone with its reader.
    assert_eq!(listeners(&server).len(), 1);
    drop(events);
    until(|| listeners(&server).is_empty());
}

#[test]
fn a_stream_that_begins_anew_is_followed() {
    let server = Server::start();
    let ours = Ours::on(&server);
    ours.wait(producer(&ours).publish("old", NONE)).unwrap();
    let options = EventsOptions { block: Duration::from_millis(20), ..EventsOptions::default() };
    let mut events = open(&ours, options);
    let before = events.cursor();
    command(&server, &["DEL", "bull:q:events"]);
    // As by a server whose clock is behind.
    command(&server, &["XADD", "bull:q:events", "5-1", "event", "new"]);
    let gap = next(&ours, &mut events);
    assert_eq!((&gap.kind, gap.id), (&EventKind::Gap { after: before }, StreamId::ZERO));
    let event = next(&ours, &mut events);
    assert_eq!((name(&event).as_str(), event.id), ("new", StreamId { ms: 5, seq: 1 }));
    command(&server, &["XADD", "bull:q:events", "5-2", "event", "newer"]);
    assert_eq!(name(&next(&ours, &mut events)), "newer");
}

#[test]
fn replies_are_bounded_whatever_the_events_hold() {
    let server = Server::start();
    let ours = Ours::on(&server);
    let producer = producer(&ours);
    let options = EventsOptions { reply_max: 1024 * 1024, ..EventsOptions::default() };
    let mut events = open(&ours, options);
    // Small ones, so that a page is large; then some of which few fit, and one that does not.
    let sizes: Vec<usize> = (0..300)
        .map(|_| 10)
        .chain((0..40).map(|_| 300_000))
        .chain([2_000_000])
        .chain((0..5).map(|_| 20))
        .collect();
    let mut link = server.connect();
    for size in &sizes {
        redis::cmd("XADD")
            .arg(&["bull:q:events", "*", "event", "big", "jobId", "7"])
            .arg("value")
            .arg(vec![b'x'; *size])
            .exec(&mut link)
            .unwrap();
    }
    for size in sizes {
        let event = next(&ours, &mut events);
        if size < 2_000_000 {
            assert_eq!(event.field("value").map(|value| value.as_bytes().len()), Some(size));
            continue;
        }
        let EventKind::TooLarge { name, job, bytes } = event.kind else { panic!("{:?}", event.kind) };
        assert_eq!((name, job.unwrap().as_bytes(), bytes), (Raw::new("big"), &b"7"[..], 2_000_004));
    }
    ours.wait(producer.publish("end", NONE)).unwrap();
    assert_eq!(name(&next(&ours, &mut events)), "end");

    // A connection that may only read cannot pass it by; it says so, and ends.
    let endpoint = Endpoint::unix(server.socket());
    let options = Options { access: Access::ReadOnly, ..Options::default() };
    let reader = ours.wait(Conn::open(endpoint, options)).unwrap();
    let small =
        EventsOptions { start: StartAt::Beginning, reply_max: 1024 * 1024, ..EventsOptions::default() };
    let mut events = ours.wait(QueueEvents::open(&reader, queue_id("q"), small)).unwrap();
    for _ in 0..340 {
        next(&ours, &mut events);
    }
    assert_eq!(ours.wait(events.next()), Some(Err(EventsError::TooLarge)));
    assert_eq!(ours.wait(events.next()), None);
}

/// With the last entry too large to be looked at, `Now` is the time.
#[test]
fn now_behind_a_huge_event() {
    let server = Server::start();
    let ours = Ours::on(&server);
    let mut link = server.connect();
    let huge = vec![b'x'; 200_000];
    redis::cmd("XADD").arg(&["bull:q:events", "*", "event"]).arg(huge).exec(&mut link).unwrap();
    std::thread::sleep(Duration::from_millis(5));
    let mut events = open(&ours, EventsOptions { reply_max: 0, ..EventsOptions::default() });
    ours.wait(producer(&ours).publish("after", NONE)).unwrap();
    assert_eq!(name(&next(&ours, &mut events)), "after");
}

#[test]
fn what_time_does_not_heal_ends_it() {
    let server = Server::start();
    let ours = Ours::on(&server);
    let beginning = EventsOptions { start: StartAt::Beginning, ..EventsOptions::default() };
    let mut events = open(&ours, EventsOptions { block: Duration::from_millis(20), ..beginning });
    command(&server, &["SET", "bull:q:events", "x"]);
    let error = ours.wait(events.next()).unwrap().unwrap_err();
    assert!(matches!(&error, EventsError::Conn(error) if error.message.as_str().contains("WRONGTYPE")));
    assert_eq!(ours.wait(events.next()), None);
}

#[test]
fn nothing_is_published_to_a_queue_of_another_library() {
    let server = Server::start();
    let ours = Ours::on(&server);
    command(&server, &["SET", "bull:q:meta-paused", "1"]);
    assert!(matches!(ours.wait(producer(&ours).publish("x", NONE)), Err(EventsError::Refused(_))));
    let exists: bool = redis::cmd("EXISTS").arg("bull:q:events").query(&mut server.connect()).unwrap();
    assert!(!exists);
}

#[test]
fn the_producer_keeps_the_limit_of_the_queue() {
    let server = Server::start();
    let ours = Ours::on(&server);
    let producer = producer(&ours);
    command(&server, &["HSET", "bull:q:meta", "opts.maxLenEvents", "200"]);
    for _ in 0..1000 {
        ours.wait(producer.publish("x", NONE)).unwrap();
    }
    let length =
        || -> usize { redis::cmd("XLEN").arg("bull:q:events").query(&mut server.connect()).unwrap() };
    assert!((200..400).contains(&length()), "{}", length());
    ours.wait(producer.with_max_len(1).publish("x", NONE)).unwrap();
    assert!(length() < 200, "{}", length());
}
