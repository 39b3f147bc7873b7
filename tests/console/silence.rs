//! A server that says nothing: the picture stays, is drawn as an old one, and turns nobody faulty.

use toril::app::Msg;
use toril::app::link::{LinkPhase, LinkView};
use toril::monitor::{QueueRow, Workers};
use toril::text::Clean;

use crate::support::{Console, NOW, queue, snapshot};

/// A queue whose next delayed job is due in three seconds, with a worker to promote it.
fn healthy() -> QueueRow {
    let mut row = queue("mail");
    row.workers = Workers::Count(1);
    row.counts.delayed = 1;
    row.next_due_at = Some(NOW + 3_000);
    row
}

#[test]
fn while_the_server_is_silent_no_queue_turns_faulty() {
    let mut console = Console::showing(snapshot(vec![healthy()]), 80, 24);
    let up = LinkView { state: LinkPhase::Up, ..LinkView::default() };
    console.send(Msg::Link(LinkView { waiting_since: Some(console.now), ..up.clone() }));
    console.wait(60_000).send(Msg::Tick);
    let grid = console.draw();
    assert!(grid.contains("Redis silent for 1m") && !grid.contains("▲"), "{}", grid.text());
    assert!(grid.style_at("mail").contains("dim"), "{}", grid.style_at("mail"));
    // It answers, and the job is overdue indeed.
    console.send(Msg::Link(up));
    let grid = console.draw();
    assert!(grid.contains("1 fault") && grid.contains("a delayed job is overdue by 57s"), "{}", grid.text());
    assert!(!grid.style_at("mail").contains("dim"));
}

#[test]
fn a_lost_link_says_from_when_the_picture_is() {
    let mut console = Console::showing(snapshot(vec![healthy()]), 80, 24);
    let lost = |console: &Console| {
        let (why, hint) = (Clean::line("connection refused"), Clean::default());
        let state = LinkPhase::Down { why, hint, retry_at: console.now + 3_000 };
        Msg::Link(LinkView { state, ..LinkView::default() })
    };
    let msg = lost(&console);
    console.send(msg);
    assert!(!console.draw().contains("seen"), "it was just true");
    // Each attempt tells of itself; the picture grows old all the while.
    console.wait(20_000);
    let msg = lost(&console);
    console.send(msg).wait(10_000).send(Msg::Tick);
    let grid = console.draw();
    assert!(grid.contains("seen 30s ago") && !grid.contains("▲"), "{}", grid.text());
}
