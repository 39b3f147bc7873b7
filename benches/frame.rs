//! What a frame costs: `cargo bench --bench frame`. Compare the rows with each other, and two
//! versions of the program in one run; single figures say little on a busy machine.

#![allow(clippy::unwrap_used, reason = "a benchmark may stop where something is wrong")]

use std::sync::Arc;

use divan::Bencher;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use toril::app::keymap::Keymap;
use toril::app::{App, Config, Msg, update};
use toril::monitor::snapshot::RatePoint;
use toril::monitor::{Drain, QueueRow, Snapshot, Workers};
use toril::view;
use toril::view::theme::Theme;
use toril::wire::{Counts, Era, Prefix, QueueId, QueueName};

const NOW: i64 = 1_795_150_000_000;

fn main() {
    divan::main();
}

fn snapshot(queues: usize, generation: u64) -> Snapshot {
    let rows = (0..queues).map(|i| {
        let n = i as u64 + generation;
        let mut row = QueueRow::found(QueueId::new(
            Prefix::default(),
            QueueName::new(format!("queue-{i:04}")).unwrap(),
        ));
        row.era = Era::V6;
        row.sampled_at = NOW;
        row.counts = Counts {
            waiting: n * 7 % 5000,
            active: n % 20,
            failed: n % 90,
            completed: n * 31,
            ..Counts::default()
        };
        row.backlog = row.counts.waiting;
        row.in_per_s = Some(n as f64 / 7.0);
        row.out_per_s = Some(n as f64 / 9.0);
        row.failure_share = Some(0.1);
        row.oldest_at = Some(NOW - 1000 * i64::try_from(n).unwrap());
        row.drain = Drain::Growing;
        row.workers = Workers::Count(u32::from(i % 3 != 0));
        let point = |k: u32| RatePoint { finished: (k % 9) as f32, ..RatePoint::default() };
        row.history = (0..120).map(point).collect();
        Arc::new(row)
    });
    Snapshot { generation, queues: rows.collect(), ..Snapshot::default() }
}

fn app(queues: usize, size: (u16, u16)) -> App {
    let mut app = App::new(Config::default(), Keymap::default(), size);
    update(&mut app, Msg::Snapshot(Arc::new(snapshot(queues, 1))), NOW);
    app
}

/// Cells of the queue list.
#[divan::bench(args = [(80, 24), (200, 50)])]
fn draw_a_thousand_queues(bencher: Bencher<'_, '_>, size: (u16, u16)) {
    let app = app(1000, size);
    let theme = Theme::default();
    let mut buffer = Buffer::empty(Rect::new(0, 0, size.0, size.1));
    bencher.bench_local(|| {
        buffer.reset();
        view::draw(&app, &theme, NOW, &mut buffer);
    });
}

/// What the terminal would be sent when every figure changed.
#[divan::bench]
fn diff_of_two_frames(bencher: Bencher<'_, '_>) {
    let theme = Theme::default();
    let area = Rect::new(0, 0, 200, 50);
    let (mut before, mut after) = (Buffer::empty(area), Buffer::empty(area));
    let mut app = app(1000, (200, 50));
    view::draw(&app, &theme, NOW, &mut before);
    update(&mut app, Msg::Snapshot(Arc::new(snapshot(1000, 2))), NOW);
    view::draw(&app, &theme, NOW, &mut after);
    bencher.bench_local(|| before.diff(&after).len());
}

/// Taking a new picture in: faults, filter, sort.
#[divan::bench(args = [10, 1000, 10_000])]
fn take_a_snapshot(bencher: Bencher<'_, '_>, queues: usize) {
    let mut app = app(queues, (200, 50));
    let pictures = [Arc::new(snapshot(queues, 2)), Arc::new(snapshot(queues, 3))];
    let mut turn = 0;
    bencher.bench_local(|| {
        turn += 1;
        update(&mut app, Msg::Snapshot(pictures[turn % 2].clone()), NOW)
    });
}
