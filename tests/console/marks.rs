//! What happened beside the figures: on the axis of the charts, and in words.

use std::sync::Arc;

use toril::app::Msg;
use toril::app::effect::{Answer, Effect, Query, Slot};
use toril::app::link::{LinkPhase, LinkView};
use toril::app::screen::Screen;
use toril::app::screen::queue::Queue;
use toril::engine::read::failures::{Part, Span};
use toril::insight::errors::{Failure, Field, cause};
use toril::monitor::marks::{Happened, Mark};
use toril::monitor::snapshot::RatePoint;
use toril::monitor::{QueueRow, Snapshot};
use toril::wire::JobId;

use crate::support::{Console, NOW, queue};

fn shown(columns: u16, rows: u16) -> String {
    let point = |n: i64| RatePoint { at: NOW - n * 10_000, added: 3.0, ..RatePoint::default() };
    let history: Vec<RatePoint> = (0..60).rev().map(point).collect();
    let mark = |ago: i64, what| Mark { at: NOW - ago, what };
    let id = queue("pay").id;
    let row = QueueRow {
        history: history.into(),
        marks: Arc::new([
            mark(95_000, Happened::WorkersLeft(2)),
            mark(64_000, Happened::Failures(1_200)),
            mark(34_000, Happened::Paused),
        ]),
        sampled_at: NOW,
        ..QueueRow::found(id.clone())
    };
    let marks = Arc::new([mark(15_000, Happened::Restarted)]);
    let snapshot = Snapshot { queues: vec![Arc::new(row)], marks, ..Snapshot::default() };
    let mut console = Console::new(columns, rows);
    console.app.stacks.push(Screen::Queue(Box::new(Queue::new(id))));
    console.send(Msg::Snapshot(Arc::new(snapshot)));
    console.draw().text()
}

#[test]
fn the_axis_and_its_legend_stand_below_the_charts() {
    for (columns, rows) in [(140, 36), (200, 50)] {
        let text = shown(columns, rows);
        let axis: Vec<&str> = text.lines().filter(|line| line.trim_end().ends_with("-  !  p x")).collect();
        assert_eq!(axis.len(), 3, "one below each chart:\n{text}");
        for part in ["x ", "Redis was started anew", "p ", "paused", "1,200 jobs failed at once"] {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
    }
}

#[test]
fn an_error_that_began_is_told_with_its_message() {
    for (columns, rows) in [(200, 50), (80, 24)] {
        let mut row = queue("pay");
        row.counts.failed = 3;
        row.sampled_at = NOW;
        let point = |n: i64| RatePoint { at: NOW - n * 10_000, ..RatePoint::default() };
        row.history = (0..60).rev().map(point).collect::<Vec<_>>().into();
        let id = row.id.clone();
        let mut console = Console::new(columns, rows);
        console.app.stacks.push(Screen::Queue(Box::new(Queue::new(id.clone()))));
        console
            .send(Msg::Snapshot(Arc::new(Snapshot { queues: vec![Arc::new(row)], ..Snapshot::default() })));
        console.send(Msg::Link(LinkView { state: LinkPhase::Up, ..LinkView::default() }));
        let asked = console.asked().into_iter().find_map(|effect| match effect {
            Effect::Fetch(Slot::Onsets, fetch, Query::Onsets(queue, span)) => Some((fetch, queue, span)),
            _ => None,
        });
        let (fetch, queue, span) = asked.expect("it looks when errors began");
        // The charts begin ten minutes ago.
        assert_eq!((queue, span), (id.clone(), Span::Since(NOW - 600_000)));
        let failure = |ago: i64, reason: &str| {
            let cause = cause(Field::Value(reason.as_bytes()), Field::Absent).into();
            Failure { queue: id.clone(), job: JobId::new(ago.to_string()), at: NOW - ago, cause }
        };
        let known = failure(900_000, "no price for 1");
        let look = vec![
            (Part::Before, known.clone()),
            (Part::First, Failure { at: NOW - 90_000, ..known }),
            (Part::First, failure(64_000, "timed out after 30000 ms")),
        ];
        console.send(Msg::Fetched(fetch, Ok(Answer::Onsets(look))));
        let text = console.draw().text();
        assert!(text.contains("new: timed out after <n> ms"), "{text}");
        assert!(!text.contains("no price"), "it had failed before:\n{text}");
        if columns == 200 {
            let axis = text.lines().filter(|line| line.trim_end().ends_with('E')).count();
            assert_eq!(axis, 3, "one below each chart:\n{text}");
        }
        // Nothing more failed: nothing is asked.
        console.wait(20_000);
        let asks = |effect: &Effect| matches!(effect, Effect::Fetch(Slot::Onsets, ..));
        assert!(!console.asked().iter().any(asks));
    }
}

#[test]
fn without_room_for_charts_the_newest_is_told() {
    for (columns, rows) in [(80, 24), (120, 36)] {
        let text = shown(columns, rows);
        assert!(text.contains("Redis was started anew"), "{text}");
    }
}
