//! What happened beside the figures: on the axis of the charts, and in words.

use std::sync::Arc;

use toril::app::Msg;
use toril::app::screen::Screen;
use toril::app::screen::queue::Queue;
use toril::monitor::marks::{Happened, Mark};
use toril::monitor::snapshot::RatePoint;
use toril::monitor::{QueueRow, Snapshot};

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
fn without_room_for_charts_the_newest_is_told() {
    for (columns, rows) in [(80, 24), (120, 36)] {
        let text = shown(columns, rows);
        assert!(text.contains("Redis was started anew"), "{text}");
    }
}
