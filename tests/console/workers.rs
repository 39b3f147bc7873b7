//! The Workers screen: who does what.

use std::fmt::Write as _;
use std::sync::Arc;

use toril::app::Msg;
use toril::app::effect::{Answer, Effect, Query, Slot};
use toril::app::screen::Screen;
use toril::app::screen::workers::{OfQueue, Read};
use toril::engine::read::Roster;
use toril::engine::read::page::Brief;
use toril::engine::read::running::Running;
use toril::insight::workers::Usual;
use toril::monitor::workers::Connected;
use toril::monitor::{QueueRow, Snapshot, Workers};
use toril::text::Clean;
use toril::wire::{QueueId, Token};

use crate::support::{Console, NOW, hostile, job, queue, snapshot};

fn list(lines: &[(&QueueId, u64, &str, &str)]) -> Connected {
    let mut list = String::new();
    for (queue, id, name, cmd) in lines {
        let base = String::from_utf8(queue.client_names()[0].clone()).unwrap();
        let name = if name.is_empty() { base } else { format!("{base}:w:{name}") };
        writeln!(list, "id={id} addr=10.0.0.{id}:4000 name={name} age=7200 idle=1 db=0 cmd={cmd}").unwrap();
    }
    Connected::Known { at: NOW, roster: Arc::new(Roster::parse(&list, 0)) }
}

fn running(id: &str, name: &str, worker: Option<&str>, ago: i64, token: Option<&str>) -> Running {
    let mut row = job(id);
    row.name = Brief::Text(Clean::line(name));
    row.worker = worker.map(Clean::line);
    row.processed_on = Some(NOW - ago);
    Running { row, lock: token.map(Token::new), lock_ttl_ms: token.map(|_| 21_000) }
}

fn payments() -> QueueRow {
    queue("payments")
}

fn lonely() -> QueueRow {
    let mut row = queue("lonely");
    row.workers = Workers::Count(0);
    row.counts.active = 0;
    row.counts.waiting = 1_190;
    row.backlog = 1_190;
    row
}

fn fleet() -> Snapshot {
    let id = payments().id;
    let mut snapshot = snapshot(vec![payments(), lonely()]);
    snapshot.connected = list(&[(&id, 7, "pay-1", "bzpopmin"), (&id, 8, "pay-2", "evalsha")]);
    snapshot
}

fn answer(console: &mut Console, jobs: Vec<Running>) {
    let asked = console.asked().into_iter().rev().find_map(|effect| match effect {
        Effect::Fetch(Slot::Workers, id, Query::Workers(wanted)) => Some((id, wanted)),
        _ => None,
    });
    let (id, wanted) = asked.expect("the screen reads");
    assert!(wanted.queues.iter().all(|(_, queue)| *queue == payments().id), "only busy queues are read");
    let usual = Usual { median_ms: 2_000, longest_ms: 4_000, jobs: 100 };
    let read = Read {
        queues: vec![OfQueue { queue: payments().id, total: jobs.len() as u64, found: Ok(jobs), at: NOW }],
        usuals: vec![(payments().id, [(Clean::line("charge"), usual)].into())],
        complete: true,
    };
    console.send(Msg::Fetched(id, Ok(Answer::Workers(read))));
}

fn jobs() -> Vec<Running> {
    vec![
        running("98412", "charge", Some("pay-2"), 840_000, Some("u2:1")),
        running("98500", "refund", Some("pay-2"), 3_000, Some("u2:2")),
        running("98501", "charge", Some("pay-1"), 1_000, Some("u1:9")),
        running("98502", "charge", Some("gone-3"), 9_000, None),
    ]
}

fn showing(snapshot: Snapshot, columns: u16, rows: u16) -> Console {
    let mut console = Console::showing(snapshot, columns, rows);
    console.asked();
    console.keys("3");
    answer(&mut console, jobs());
    console
}

#[test]
fn who_does_what_is_seen_without_a_key() {
    for (columns, rows) in [(80, 24), (120, 36), (200, 50)] {
        let console = showing(fleet(), columns, rows);
        let text = console.draw().whole();
        let lines: Vec<&str> = text.lines().skip(4).take(4).collect();
        assert!(lines[0].contains("lonely") && lines[0].contains("no worker"), "{text}");
        assert!(lines[0].contains("1,190"), "{text}");
        assert!(lines[1].contains("pay-2") && lines[1].contains("14m"), "{text}");
        assert!(lines[2].contains("gone-3") && lines[2].contains("none"), "it has no lock: {text}");
        assert!(lines[3].contains("pay-1") && lines[3].contains("5-6") && lines[3].contains("2h"), "{text}");
        assert!(text.contains("Workers 2") && text.contains("3 need somebody"), "{text}");
        assert!(text.contains("no worker is connected; 1,190 jobs wait"), "{text}");
    }
    let mut console = showing(fleet(), 120, 36);
    console.keys("j");
    let text = console.draw().whole();
    assert!(
        text.contains("charge 98412 runs for 14m 0s; usual 2.0s, at most 4.0s of the last 100"),
        "{text}"
    );
    console.keys("j");
    let text = console.draw().whole();
    assert!(text.contains("no worker of this name is connected") && text.contains("has no lock"), "{text}");
}

#[test]
fn a_worker_opens_to_its_jobs_and_they_open() {
    let mut console = showing(fleet(), 120, 36);
    console.keys("j Enter");
    answer(&mut console, jobs());
    let text = console.draw().whole();
    assert!(text.contains("payments › pay-2"), "{text}");
    let rows: Vec<&str> = text.lines().filter(|line| line.contains("98")).collect();
    assert!(rows.iter().any(|row| row.contains("98412") && row.contains("14m 0s")), "{text}");
    assert!(rows.iter().any(|row| row.contains("98500") && row.contains("21s")), "{text}");
    assert!(!text.contains("98501"), "another's job: {text}");
    console.keys("Enter");
    assert!(matches!(console.app.stacks.current(), Screen::Job(job) if job.id.lossless() == "98412"));
    // A queue without a worker opens as a queue.
    console.keys("Esc Esc g Enter");
    assert!(matches!(console.app.stacks.current(), Screen::Queue(queue) if queue.id == lonely().id));
}

#[test]
fn a_worker_that_went_is_told_so() {
    let mut console = showing(fleet(), 80, 24);
    console.keys("j Enter");
    answer(&mut console, Vec::new());
    let mut without = fleet();
    without.connected = list(&[]);
    console.send(Msg::Snapshot(Arc::new(without)));
    let text = console.draw().whole();
    assert!(text.contains("runs nothing (any more)"), "{text}");
}

#[test]
fn where_clients_may_not_be_listed_the_jobs_are() {
    let mut denied = fleet();
    denied.connected = Connected::NotPermitted;
    denied.queues = denied
        .queues
        .iter()
        .map(|row| Arc::new(QueueRow { workers: Workers::NotPermitted, ..(**row).clone() }))
        .collect();
    let console = showing(denied, 80, 24);
    let text = console.draw().whole();
    assert!(text.contains("CLIENT LIST is not permitted"), "{text}");
    assert!(text.contains("pay-2") && text.contains("98412"), "{text}");
    assert!(!text.contains("no worker"), "nobody knows that: {text}");
}

#[test]
fn it_says_what_it_does_not_know() {
    let mut idle = payments();
    idle.counts.active = 0;
    let none = Console::showing(snapshot(vec![idle]), 80, 24).keys("3").draw().whole();
    assert!(none.contains("looking who is connected"), "{none}");
    let mut nobody = snapshot(Vec::new());
    nobody.connected = list(&[]);
    let text = Console::showing(nobody, 80, 24).keys("3").draw().whole();
    assert!(text.contains("no worker is connected, and no job waits for one"), "{text}");
}

#[test]
fn hostile_names_are_shown_for_what_they_are() {
    for text in hostile::texts() {
        let mut console = Console::showing(fleet(), 120, 36);
        console.asked();
        console.keys("3");
        let name = Clean::line(&text);
        let mut one = running("1", "x", None, 60_000, Some("u:1"));
        one.row.name = Brief::Text(name.clone());
        one.row.worker = Some(name);
        answer(&mut console, vec![one]);
        console.draw();
        console.keys("j Enter").draw();
        console.keys("Esc / x Enter").draw();
    }
}

#[test]
fn a_queue_whose_jobs_are_locked_is_not_without_a_worker() {
    let mut busy = payments();
    busy.workers = Workers::Count(0);
    busy.counts.active = 2;
    busy.counts.waiting = 413;
    busy.backlog = 415;
    let rows = |token: Option<&str>| {
        let mut snapshot = snapshot(vec![busy.clone()]);
        snapshot.connected = list(&[]);
        let mut console = Console::showing(snapshot, 120, 36);
        console.asked();
        console.keys("3");
        answer(&mut console, vec![running("1", "charge", Some("pay-1"), 1_000, token)]);
        console.draw().whole()
    };
    let text = rows(Some("u1:1"));
    assert!(
        text.contains("pay-1") && !text.contains("413 jobs wait"),
        "it came after the list was read: {text}"
    );
    let text = rows(None);
    assert!(text.contains("413 jobs wait"), "{text}");
}
