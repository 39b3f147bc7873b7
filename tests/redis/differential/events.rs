//! Events as Node's `QueueEvents` tells them.

use std::time::Duration;

use rstest::rstest;
use serde_json::{Value, json};
use toril::engine::events::{
    EventKind, EventsOptions, EventsProducer, QueueEvent, QueueEvents, StartAt, StreamId,
};
use toril::wire::{JobId, Raw, State};

use super::pair::Pair;
use crate::engine::ours::{Ours, queue_id, until};
use crate::support::{Dump, Lib, Node, Server};

/// An event of ours in the form in which Node tells it. Built from the typed fields, so that what was
/// parsed is what is compared.
fn as_node(event: &QueueEvent) -> Value {
    let text = |raw: &Raw| String::from_utf8(raw.as_bytes().to_vec()).unwrap();
    let id = |job: &JobId| job.lossless().into_owned();
    let name = text(&event.name());
    let mut args = json!({});
    let mut set = |name: &str, value: Value| args[name] = value;
    let mut came_from = |prev: &Option<State>| {
        if let Some(prev) = prev {
            set("prev", prev.name().into());
        }
    };
    match &event.kind {
        EventKind::Waiting { prev, .. }
        | EventKind::WaitingChildren { prev, .. }
        | EventKind::Active { prev, .. }
        | EventKind::Removed { prev, .. } => came_from(prev),
        EventKind::Completed { value, prev, .. } => {
            came_from(prev);
            set("returnvalue", value.read().unwrap());
        }
        EventKind::Failed { reason, prev, .. } => {
            came_from(prev);
            set("failedReason", text(reason).into());
        }
        EventKind::Added { name, .. } => set("name", text(name).into()),
        EventKind::Delayed { due_at, .. } => set("delay", (*due_at).into()),
        EventKind::Progress { data, .. } => set("data", data.read().unwrap()),
        EventKind::RetriesExhausted { attempts_made, .. } => {
            set("attemptsMade", attempts_made.to_string().into());
        }
        EventKind::Deduplicated { deduplication_id, deduplicated_job, .. } => {
            set("deduplicationId", text(deduplication_id).into());
            set("deduplicatedJobId", id(deduplicated_job).into());
        }
        EventKind::Debounced { debounce_id, .. } => set("debounceId", text(debounce_id).into()),
        EventKind::Cleaned { count } => set("count", count.to_string().into()),
        EventKind::Custom { .. } => {
            for (name, value) in event.fields.iter().filter(|(name, _)| name.as_bytes() != b"event") {
                set(&text(name), text(value).into());
            }
        }
        EventKind::Stalled { .. }
        | EventKind::Duplicated { .. }
        | EventKind::Drained
        | EventKind::Paused
        | EventKind::Resumed => {}
        other => panic!("{other:?}"),
    }
    if let Some(job) = event.job() {
        args["jobId"] = id(&job).into();
    }
    json!({"event": name, "args": args, "id": event.id.to_string()})
}

/// The next `count` events.
fn take(ours: &Ours, events: &mut QueueEvents, count: usize) -> Vec<QueueEvent> {
    (0..count).map(|_| ours.wait(events.next()).unwrap().unwrap()).collect()
}

fn from(start: StartAt) -> EventsOptions {
    EventsOptions { start, ..EventsOptions::default() }
}

/// A worker of the Node library runs what there is.
fn work(node: &mut Node) {
    let handle = node.call(json!({"op": "worker", "queue": "q", "name": "w"}));
    node.call(json!({"op": "sleep", "ms": 50}));
    node.call(json!({"op": "waitIdle", "queue": "q"}));
    node.call(json!({"op": "workerStop", "handle": handle}));
}

/// Steps of a Node library that tell every event there is.
fn tell_all(node: &mut Node, server: &Server) {
    let add = |node: &mut Node, name: &str, data: Value, opts: Value| {
        node.call(json!({"op": "add", "queue": "q", "name": name, "data": data, "opts": opts}))
    };
    node.call(json!({"op": "open", "queue": "q"}));
    node.call(json!({"op": "pause", "queue": "q"}));
    node.call(json!({"op": "resume", "queue": "q"}));
    // With a delayed job in the queue a worker that runs out of work does not tell it (spec 6.2).
    add(node, "first", json!({}), json!({}));
    work(node);
    let order = json!({"return": {"sent": [1, "é"]}, "progress": [50, {"step": "half"}]});
    add(node, "mail", order, json!({"jobId": "a:b:c"}));
    add(node, "mail", json!({}), json!({"jobId": "a:b:c"}));
    add(node, "later", json!({}), json!({"delay": 3_600_000}));
    let dedup = json!({"deduplication": {"id": "once"}});
    add(node, "one", json!({}), dedup.clone());
    add(node, "one", json!({}), dedup);
    let again = json!({"attempts": 2, "backoff": 1});
    add(node, "fails", json!({"do": "fail", "message": "no route: 5\n é"}), again);
    let child = json!({"name": "part", "queueName": "parts", "data": {}});
    node.call(json!({"op": "flow", "tree": {"name": "whole", "queueName": "q", "children": [child]}}));
    let removed = add(node, "gone", json!({}), json!({"delay": 1_000_000}));
    node.call(json!({"op": "remove", "queue": "q", "job": removed}));
    work(node);
    // A worker that takes a job and is never heard of again.
    add(node, "lost", json!({}), json!({}));
    let opts = json!({"stalledInterval": 1, "maxStalledCount": 9});
    let lost = node.call(json!({"op": "worker", "queue": "q", "manual": true, "opts": opts}));
    let taken = node.call(json!({"op": "take", "handle": lost, "queue": "q"}));
    let lock = format!("bull:q:{}:lock", taken["id"].as_str().unwrap());
    // The first worker has just looked, for all of them.
    redis::cmd("DEL").arg(lock).arg("bull:q:stalled-check").exec(&mut server.connect()).unwrap();
    for _ in 0..2 {
        node.call(json!({"op": "stalledCheck", "handle": lost}));
        node.call(json!({"op": "sleep", "ms": 10}));
    }
    node.call(json!({"op": "clean", "queue": "q", "state": "completed"}));
    node.call(
        json!({"op": "publish", "queue": "q", "event": {"eventName": "invoiced", "sum": "12", "jobId": "x"}}),
    );
}

#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn case_68_every_event_is_told_as_node_tells_it(#[case] lib: Lib) {
    let server = Server::start();
    let mut node = Node::start(lib, &server);
    let ours = Ours::on(&server);
    let live = node.call(json!({"op": "events", "queue": "q", "opts": {"lastEventId": "0-0"}}));
    let mut events = ours.wait(QueueEvents::open(&ours.conn, queue_id("q"), from(StartAt::Now))).unwrap();
    tell_all(&mut node, &server);

    let total = Dump::of(&server).len("bull:q:events");
    let theirs = node.call(json!({"op": "eventsSeen", "handle": live, "n": total}));
    let seen = take(&ours, &mut events, total);
    let told: Vec<Value> = seen.iter().map(as_node).collect();
    for (theirs, ours) in theirs.as_array().unwrap().iter().zip(&told) {
        assert_eq!(theirs, ours);
    }
    assert_eq!(theirs.as_array().unwrap().len(), told.len());
    let names: std::collections::BTreeSet<String> =
        seen.iter().map(|event| event.name().lossless().into_owned()).collect();
    let mut all = vec![
        "active",
        "added",
        "cleaned",
        "completed",
        "deduplicated",
        "delayed",
        "drained",
        "duplicated",
        "failed",
        "invoiced",
        "paused",
        "progress",
        "removed",
        "resumed",
        "retries-exhausted",
        "stalled",
        "waiting",
        "waiting-children",
    ];
    if lib == Lib::BullMq5 {
        all.push("debounced");
    }
    all.sort_unstable();
    assert_eq!(names.iter().map(String::as_str).collect::<Vec<_>>(), all);

    // The custom one is whole, in its order.
    let own = seen.last().unwrap();
    assert_eq!(own.kind, EventKind::Custom { name: Raw::new("invoiced") });
    let fields: Vec<String> = own.fields.iter().map(|(name, _)| name.lossless().into_owned()).collect();
    assert_eq!(fields, ["event", "sum", "jobId"]);
}

#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn case_68_both_go_on_behind_an_event(#[case] lib: Lib) {
    let server = Server::start();
    let mut node = Node::start(lib, &server);
    let ours = Ours::on(&server);
    tell_all(&mut node, &server);
    let total = Dump::of(&server).len("bull:q:events");
    let mut events =
        ours.wait(QueueEvents::open(&ours.conn, queue_id("q"), from(StartAt::Beginning))).unwrap();
    assert_eq!(events.cursor(), StreamId::ZERO);
    let seen = take(&ours, &mut events, 7);
    assert_eq!(events.cursor(), seen[6].id);
    let cursor = events.cursor();
    drop(events);

    let handle =
        node.call(json!({"op": "events", "queue": "q", "opts": {"lastEventId": cursor.to_string()}}));
    let theirs = node.call(json!({"op": "eventsSeen", "handle": handle, "n": total - 7}));
    let mut events =
        ours.wait(QueueEvents::open(&ours.conn, queue_id("q"), from(StartAt::After(cursor)))).unwrap();
    let told: Vec<Value> = take(&ours, &mut events, total - 7).iter().map(as_node).collect();
    assert_eq!(theirs, Value::from(told));
}

#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn case_68_events_of_ones_own_reach_node(#[case] lib: Lib) {
    let server = Server::start();
    let mut node = Node::start(lib, &server);
    let ours = Ours::on(&server);
    node.call(json!({"op": "open", "queue": "q"}));
    let handle = node.call(json!({"op": "events", "queue": "q", "opts": {"lastEventId": "0-0"}}));
    let mut events =
        ours.wait(QueueEvents::open(&ours.conn, queue_id("q"), EventsOptions::default())).unwrap();
    let producer = EventsProducer::new(ours.conn.clone(), queue_id("q"));
    let id =
        ours.wait(producer.publish("invoiced", [("jobId", "7"), ("sum", "12.5"), ("who", "zoë")])).unwrap();
    let none: [(&str, &str); 0] = [];
    ours.wait(producer.publish("over", none)).unwrap();
    let theirs = node.call(json!({"op": "eventsSeen", "handle": handle, "n": 2}));
    assert_eq!(theirs[0]["args"], json!({"jobId": "7", "sum": "12.5", "who": "zoë"}));
    assert_eq!(theirs[0]["id"], id.to_string());
    assert_eq!(theirs, Value::from(take(&ours, &mut events, 2).iter().map(as_node).collect::<Vec<_>>()));
    // The same entry, field by field, as Node's own producer writes.
    node.call(json!({"op": "publish", "queue": "q", "event":
        {"eventName": "invoiced", "jobId": "7", "sum": "12.5", "who": "zoë"}}));
    let written = take(&ours, &mut events, 1);
    ours.wait(producer.publish("invoiced", [("jobId", "7"), ("sum", "12.5"), ("who", "zoë")])).unwrap();
    assert_eq!(written[0].fields, take(&ours, &mut events, 1)[0].fields);
}

/// The same steps by our producer and worker tell the same events in the same order.
#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn case_68_our_steps_are_heard_by_node(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    let mut node = Node::start(lib, &pair.servers[1]);
    let handle = node.call(json!({"op": "events", "queue": "q", "opts": {"lastEventId": "0-0"}}));
    let own = pair.node.call(json!({"op": "events", "queue": "q", "opts": {"lastEventId": "0-0"}}));
    let order = json!({"return": {"sent": true}, "progress": [10, {"step": "half"}]});
    pair.add("ok", &order, &json!({}), super::pair::plain());
    pair.add("fails", &json!({"do": "fail"}), &json!({}), super::pair::plain());
    let options = toril::engine::WorkerOptions { name: "w".to_owned(), ..Default::default() };
    pair.run(&json!({}), options, |dump| super::pair::finished(dump, 2));
    pair.compare();
    let count = Dump::of(&pair.servers[0]).len("bull:q:events");
    let theirs = pair.node.call(json!({"op": "eventsSeen", "handle": own, "n": count}));
    let ours = node.call(json!({"op": "eventsSeen", "handle": handle, "n": count}));
    let plain = |events: Value| -> Vec<Value> {
        events.as_array().unwrap().iter().map(|one| json!([one["event"], one["args"]])).collect()
    };
    assert_eq!(plain(theirs), plain(ours));
}

/// `Now` is a place: what comes before the first read is not missed, where Node, which sends `$` with
/// every poll, misses it.
#[test]
fn nothing_is_missed_between_two_reads() {
    let server = Server::start();
    let ours = Ours::on(&server);
    let producer = EventsProducer::new(ours.conn.clone(), queue_id("q"));
    let publish = |n: usize| ours.wait(producer.publish("n", [("n", n.to_string())])).unwrap();
    publish(0);
    // A read that ends at once, over and over: every event falls into some gap between two of them.
    let options = EventsOptions { block: Duration::from_millis(1), ..EventsOptions::default() };
    let mut events = ours.wait(QueueEvents::open(&ours.conn, queue_id("q"), options)).unwrap();
    let ids: Vec<StreamId> = (1..200).map(publish).collect();
    let seen: Vec<StreamId> = take(&ours, &mut events, 199).iter().map(|event| event.id).collect();
    assert_eq!(seen, ids);
    until(|| events.cursor() == ids[198]);
}
