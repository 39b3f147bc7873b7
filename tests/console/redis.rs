//! The Redis screen.

use std::sync::Arc;

use rstest::rstest;
use toril::app::link::{LinkPhase, LinkView};
use toril::app::{Config, Msg};
use toril::monitor::{RedisHealth, Snapshot};
use toril::text::Clean;
use toril::view::theme::{Depth, Theme};

use crate::support::{Console, NOW, health, snapshot};

fn console(redis: Option<RedisHealth>, columns: u16, rows: u16) -> Console {
    let snapshot = Snapshot { redis: redis.map(Arc::new), ..snapshot(Vec::new()) };
    let mut console = Console::showing(snapshot, columns, rows);
    console.keys("6");
    console
}

/// A server in trouble.
fn ill() -> RedisHealth {
    let mut redis = health();
    redis.memory.used = 3_900 << 20;
    redis.memory.full_in_s = Some(1500);
    redis.memory.policy = Clean::line("allkeys-lru");
    redis.evicted = 1204;
    redis.evicted_per_s = 12.0;
    redis.hit_rate = None;
    redis.persistence.rdb_ok = false;
    redis.clients.connected = 9_700;
    redis.slow_log = None;
    redis.missing = vec![Clean::line("SLOWLOG: not permitted")];
    redis
}

#[rstest]
#[case(80, 24)]
#[case(120, 36)]
#[case(200, 50)]
#[case(40, 12)]
fn a_server_that_is_well(#[case] columns: u16, #[case] rows: u16) {
    insta::assert_snapshot!(
        format!("well_{columns}x{rows}"),
        console(Some(health()), columns, rows).draw().body()
    );
}

#[rstest]
#[case(80, 24)]
#[case(120, 36)]
fn a_server_in_trouble(#[case] columns: u16, #[case] rows: u16) {
    insta::assert_snapshot!(
        format!("ill_{columns}x{rows}"),
        console(Some(ill()), columns, rows).draw().body()
    );
}

#[test]
fn without_colour_what_is_wrong_has_a_mark_and_words() {
    let mut console = console(Some(ill()), 120, 40);
    console.theme = Theme { depth: Depth::None, ascii: false };
    let grid = console.draw();
    for said in [
        "▲ memory is at 95% of its limit (4.0G), full in 25m at the growth of late: then keys are dropped",
        "▲ it drops 12.0 keys a second (1,204 since its start): jobs may be lost",
        "▲ the last snapshot failed",
        "▲ policy allkeys-lru",
        "▲ 9,700 clients of 10,000",
        "▲ 9,700 of 10,000 connected",
        "▲ allkeys-lru",
        "not read: SLOWLOG: not permitted",
    ] {
        assert!(grid.contains(said), "{said}\n{}", grid.text());
    }
    assert!(!grid.styles().contains("red") && !grid.styles().contains("yellow"), "{}", grid.styles());
}

#[test]
fn before_anything_was_read_that_is_said() {
    assert!(console(None, 80, 24).draw().contains("reading ..."));
    let mut console = console(None, 80, 24);
    let (why, hint) = (Clean::line("connection refused"), Clean::line("is the server up?"));
    let state = LinkPhase::Down { why, hint, retry_at: NOW + 3000 };
    console.send(Msg::Link(LinkView { state, ..LinkView::default() }));
    assert!(console.draw().contains("is the server up?"));
    // Figures that are all zero are drawn, and are no alarm.
    let grid = self::console(Some(RedisHealth { at: NOW, ..RedisHealth::default() }), 80, 24).draw();
    assert!(grid.contains("the server is well"), "{}", grid.text());
}

#[test]
fn few_lookups_are_no_rate() {
    let grid = console(Some(ill()), 80, 24).draw();
    assert!(grid.contains("– under 100 lookups in 10 s"), "{}", grid.text());
}

#[test]
fn an_old_picture_is_dimmed_and_dated() {
    let mut console = console(Some(health()), 120, 36);
    assert_eq!(console.draw().style_at("94.1% of the"), "bold");
    // While the link is up, ten seconds between two samples are no age ...
    console.wait(10_000);
    assert!(!console.draw().contains("read 10s ago"));
    // ... and with the link lost, three are.
    let (why, hint) = (Clean::line("connection refused"), Clean::default());
    let state = LinkPhase::Down { why, hint, retry_at: console.now + 3000 };
    console.send(Msg::Link(LinkView { state, ..LinkView::default() }));
    let grid = console.draw();
    assert!(grid.contains("▲ read 10s ago"), "{}", grid.text());
    assert_eq!(grid.style_at("94.1% of the"), "dim");
    // The age goes on by itself.
    let wake = console.app.wake_at(console.now).unwrap();
    assert!(wake <= console.now + 1000, "{} ms", wake - console.now);
}

#[test]
fn it_scrolls_to_its_end_and_no_further() {
    let mut console = console(Some(health()), 80, 24);
    assert!(!console.draw().contains("Slow log"));
    console.keys("G");
    let end = console.draw();
    assert!(end.contains("HGETALL bull:report:77"), "{}", end.text());
    console.keys("j j j k");
    assert_ne!(console.draw().text(), end.text(), "one up moves at once");
    console.keys("g");
    assert!(console.draw().contains("the server is well"));
    // A terminal that grows shows more, and nothing below the end.
    console.keys("G").resize(80, 60);
    assert!(console.draw().contains("the server is well"));
}

#[test]
fn no_limit_is_told_where_it_matters() {
    let mut redis = health();
    redis.memory.max = 0;
    let grid = console(Some(redis.clone()), 120, 36).draw();
    assert!(grid.contains("▲ no memory limit (maxmemory 0)"), "{}", grid.text());
    assert!(grid.contains("15% of 16G, no limit"), "{}", grid.text());
    let snapshot = Snapshot { redis: Some(Arc::new(redis)), ..snapshot(Vec::new()) };
    let mut console = Console::with(Config { protected: false, ..Config::default() }, 120, 36);
    console.send(Msg::Snapshot(Arc::new(snapshot))).keys("6");
    assert!(!console.draw().contains("▲ no memory limit"));
}

#[test]
fn the_screen_asks_for_close_looks_only_while_it_is_in_front() {
    use toril::app::effect::Effect;
    let mut console = console(Some(health()), 80, 24);
    let close = |effects: Vec<Effect>| {
        effects.into_iter().rev().find_map(|effect| match effect {
            Effect::Interest(interest) => Some(interest.redis),
            _ => None,
        })
    };
    assert_eq!(close(console.asked()), Some(true));
    console.keys("1");
    assert_eq!(close(console.asked()), Some(false));
}
