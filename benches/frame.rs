//! What a frame costs: `cargo bench --bench frame`. Compare the rows with each other, and two
//! versions of the program in one run; single figures say little on a busy machine.

#![allow(clippy::unwrap_used, reason = "a benchmark may stop where something is wrong")]

use std::sync::Arc;

use divan::Bencher;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use toril::app::key::{Code, Key};
use toril::app::keymap::Keymap;
use toril::app::{App, Config, Msg, update};
use toril::monitor::redis::HealthPoint;
use toril::monitor::snapshot::RatePoint;
use toril::monitor::{Drain, FeedEvent, QueueRow, RedisHealth, Snapshot, Workers};
use toril::text::Clean;
use toril::view;
use toril::view::theme::Theme;
use toril::wire::{Counts, Era, JobId, Prefix, QueueId, QueueName, Raw};

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

/// The Events screen with as many events as it keeps.
fn events(size: (u16, u16)) -> App {
    let mut app = app(10, size);
    update(&mut app, Msg::Key(Key::char('5')), NOW);
    let event = |n: i64| FeedEvent {
        at: NOW + n,
        entry: Clean::line(format!("{}-0", NOW + n)),
        queue: QueueId::new(Prefix::default(), QueueName::new(format!("queue-{}", n % 10)).unwrap()),
        event: Clean::line(if n % 7 == 0 { "failed" } else { "completed" }),
        job: Some(JobId::new(n.to_string())),
        fields: vec![(Raw::new("failedReason"), Raw::new(format!("ETIMEDOUT {n}")))],
    };
    update(&mut app, Msg::Feed((0..5000).map(event).collect()), NOW);
    app
}

/// The list of events, filtered.
#[divan::bench(args = [(80, 24), (200, 50)])]
fn draw_filtered_events(bencher: Bencher<'_, '_>, size: (u16, u16)) {
    let mut app = events(size);
    for key in [Key::char('/'), Key::char('f'), Key::char('a'), Key::code(Code::Enter)] {
        update(&mut app, Msg::Key(key), NOW);
    }
    let theme = Theme::default();
    let mut buffer = Buffer::empty(Rect::new(0, 0, size.0, size.1));
    bencher.bench_local(|| {
        buffer.reset();
        view::draw(&app, &theme, NOW, &mut buffer);
    });
}

/// A key in the filter over all events: typed and taken back.
#[divan::bench]
fn type_in_the_filter_of_events(bencher: Bencher<'_, '_>) {
    let mut app = events((200, 50));
    update(&mut app, Msg::Key(Key::char('/')), NOW);
    bencher.bench_local(|| {
        update(&mut app, Msg::Key(Key::char('f')), NOW);
        update(&mut app, Msg::Key(Key::code(Code::Backspace)), NOW);
    });
}

/// The Redis screen with an hour of the past.
#[divan::bench(args = [(80, 24), (200, 50)])]
fn draw_redis(bencher: Bencher<'_, '_>, size: (u16, u16)) {
    let mut app = app(10, size);
    let point = |i: i64| HealthPoint {
        at: NOW - (360 - i) * 10_000,
        used: 1 << 30,
        hit_rate: Some(0.9),
        ops_per_s: (i % 100) as f64,
        ..HealthPoint::default()
    };
    let redis = RedisHealth { at: NOW, history: (0..360).map(point).collect(), ..RedisHealth::default() };
    update(
        &mut app,
        Msg::Snapshot(Arc::new(Snapshot { redis: Some(Arc::new(redis)), ..snapshot(10, 2) })),
        NOW,
    );
    update(&mut app, Msg::Key(Key::char('6')), NOW);
    let theme = Theme::default();
    let mut buffer = Buffer::empty(Rect::new(0, 0, size.0, size.1));
    bencher.bench_local(|| {
        buffer.reset();
        view::draw(&app, &theme, NOW, &mut buffer);
    });
}
