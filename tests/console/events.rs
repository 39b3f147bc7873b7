//! The Events screen.

use rstest::rstest;
use toril::app::Msg;
use toril::app::effect::{Effect, Query};
use toril::app::screen::Screen;
use toril::app::screen::events::{Events, KEPT};
use toril::monitor::FeedEvent;
use toril::wire::{Era, State};

use crate::support::{Console, event, hide_times, queue, snapshot};

fn console(columns: u16, rows: u16) -> Console {
    let mut console = Console::showing(snapshot(vec![queue("email"), queue("payments")]), columns, rows);
    console.keys("5");
    console
}

fn events(console: &Console) -> &Events {
    match console.app.stacks.current() {
        Screen::Events(events) => events,
        other => panic!("{other:?} is in front"),
    }
}

/// Events `from..to` of one queue, a job each.
fn bunch(from: i64, to: i64) -> Msg {
    Msg::Feed((from..to).map(|n| event("email", n, "completed", Some(&n.to_string()), &[])).collect())
}

/// The job of the selected row.
fn selected(console: &Console) -> String {
    let events = events(console);
    events.row(events.cursor.index).map_or_else(String::new, |entry| entry.id.as_str().to_owned())
}

/// A little of everything.
fn news() -> Vec<FeedEvent> {
    let slow = "ETIMEDOUT: connect to gateway.example:443 timed out after 30000 ms";
    vec![
        event("email", 1, "added", Some("981"), &[("name", "welcome")]),
        event("email", 2, "waiting", Some("981"), &[]),
        event("email", 30, "active", Some("981"), &[("prev", "waiting")]),
        event("email", 900, "progress", Some("981"), &[("data", "42")]),
        event(
            "email",
            1900,
            "completed",
            Some("981"),
            &[("returnvalue", "{\"sent\":3}"), ("prev", "active")],
        ),
        event("payments", 1950, "failed", Some("98412"), &[("failedReason", slow), ("prev", "active")]),
        event("payments", 1951, "retries-exhausted", Some("98412"), &[("attemptsMade", "3")]),
        event("payments", 1952, "delayed", Some("98413"), &[("delay", "1700000030000")]),
        event("payments", 1953, "stalled", Some("98414"), &[]),
        event("payments", 1954, "paused", None, &[]),
        event("payments", 1955, "drained", None, &[]),
        event("pay\u{202e}ments", 1956, "waiting-children", Some("5"), &[("prev", "active")]),
    ]
}

#[rstest]
#[case(80, 24)]
#[case(120, 20)]
#[case(200, 20)]
#[case(40, 12)]
fn how_it_looks(#[case] columns: u16, #[case] rows: u16) {
    let mut console = console(columns, rows);
    console.send(Msg::Feed(news()));
    hide_times(|| insta::assert_snapshot!(format!("events_{columns}x{rows}"), console.draw().body()));
}

#[test]
fn the_newest_is_followed_until_the_cursor_leaves_it() {
    let mut console = console(80, 24);
    console.send(bunch(0, 3));
    assert_eq!(selected(&console), "2");
    console.send(bunch(3, 6));
    assert_eq!(selected(&console), "5", "at the top the newest is followed");
    console.keys("j").send(bunch(6, 9));
    assert_eq!(selected(&console), "4", "elsewhere the cursor stays with its event");
    console.keys("g").send(bunch(9, 10));
    assert_eq!(selected(&console), "9");
    console.keys("j k").send(bunch(10, 11));
    assert_eq!(selected(&console), "10", "up to the first row is at the newest again");
}

#[test]
fn what_is_read_does_not_move_away() {
    let mut console = console(80, 24);
    console.send(bunch(0, 100)).keys("PgDn PgDn k");
    let (before, after) = (console.draw().text(), {
        console.send(bunch(100, 500));
        console.draw().text()
    });
    let rows = |text: &str| {
        text.lines().skip(4).map(|row| row.trim_end_matches('█').trim_end().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(rows(&before), rows(&after));
}

#[test]
fn equal_entry_ids_of_two_queues_are_two_rows() {
    let mut console = console(80, 24);
    console.send(Msg::Feed(vec![
        event("email", 1, "failed", Some("a"), &[]),
        event("sms", 1, "failed", Some("b"), &[]),
    ]));
    let first = selected(&console);
    console.keys("j").send(bunch(5, 9));
    assert_ne!(selected(&console), first);
    assert_eq!(console.draw().style_at("▶"), "cyan.reverse");
}

#[test]
fn held_still_nothing_moves_and_what_waits_is_counted() {
    let mut console = console(80, 24);
    console.send(bunch(0, 3)).keys("Space").send(bunch(3, 1203));
    assert!(console.draw().contains("held still, 1,200 wait"), "{}", console.draw().text());
    assert_eq!(selected(&console), "2");
    console.keys("Space");
    assert!(!console.draw().contains("held still"));
    assert_eq!((selected(&console).as_str(), events(&console).kept()), ("1202", 1203));
}

#[test]
fn the_oldest_are_let_go_and_that_is_said() {
    let mut console = console(80, 24);
    console.send(bunch(0, 3)).keys("j");
    for from in 0..12 {
        console.send(bunch(3 + from * 1000, 3 + (from + 1) * 1000));
    }
    assert_eq!((events(&console).kept(), events(&console).dropped()), (KEPT, 7003));
    assert!(console.draw().contains("7,003 older let go"), "{}", console.draw().text());
    // The selected event went: the cursor stands on the oldest that is left.
    assert_eq!(selected(&console), "7003");
    // Held still, as many wait at most.
    console.keys("Space");
    for from in 20..30 {
        console.send(bunch(from * 1000, (from + 1) * 1000));
    }
    assert_eq!((events(&console).waiting(), events(&console).dropped()), (Some(KEPT), 12_003));
}

#[rstest]
#[case("payments", 6)]
#[case("PAYMENTS", 6)]
#[case("!payments", 6)]
#[case("etimedout", 1)]
#[case("98412", 2)]
#[case("completed", 1)]
#[case("no such thing", 0)]
fn the_filter_looks_at_all_that_is_shown(#[case] typed: &str, #[case] rows: usize) {
    let mut console = console(80, 24);
    console.send(Msg::Feed(news())).keys("/").text(typed).keys("Enter");
    assert_eq!(events(&console).len(), rows, "{}", console.draw().text());
    // The same for what comes later, and all are there again without it.
    console.send(Msg::Feed(news()));
    assert_eq!(events(&console).len(), rows * 2);
    if rows == 0 {
        assert!(console.draw().contains("none of 24 events passes the filter"));
    }
    console.keys("Esc");
    assert_eq!(events(&console).len(), 24);
}

#[test]
fn the_cursor_stays_with_its_event_through_a_filter() {
    let mut console = console(80, 24);
    console.send(Msg::Feed(news())).keys("j j j j j");
    assert_eq!(selected(&console), "98412");
    console.keys("/").text("etimedout").keys("Enter");
    assert_eq!((selected(&console).as_str(), events(&console).cursor.index), ("98412", 0));
}

#[test]
fn enter_opens_the_job_where_the_event_says_it_is() {
    let mut console = console(80, 24);
    console.send(Msg::Feed(news())).keys("/").text("etimedout").keys("Enter").asked();
    console.keys("Enter");
    let Screen::Job(job) = console.app.stacks.current() else { panic!("no job was opened") };
    assert_eq!((job.queue.name.clean().as_str(), job.id.clean().as_str()), ("payments", "98412"));
    let asked = console.asked();
    let wanted =
        |effect: &Effect| matches!(effect, Effect::Fetch(_, _, Query::Job(_, _, _, Some(State::Failed))));
    assert!(asked.iter().any(wanted), "{asked:?}");
}

#[test]
fn what_was_missed_is_said_where_it_is_missing() {
    let mut console = console(80, 24);
    console.send(bunch(0, 3)).keys("6").wait(90_000).keys("5");
    assert!(console.draw().contains("the events of 1m are missing"), "{}", console.draw().text());
    // Coming and going without news makes no further row, and a filter does not hide it.
    console.keys("1").keys("5").send(bunch(90_000, 90_002));
    assert_eq!(events(&console).kept(), 6);
    console.keys("/").text("no such thing").keys("Enter");
    assert_eq!(events(&console).len(), 1);
    // There is nothing to open.
    console.keys("Enter");
    assert_eq!(events(&console).len(), 1);
}

#[test]
fn an_event_without_a_job_opens_nothing() {
    let mut console = console(80, 24);
    console.send(Msg::Feed(vec![event("email", 1, "drained", None, &[])])).keys("Enter");
    assert_eq!(events(&console).kept(), 1);
}

#[test]
fn an_empty_feed_says_who_is_listened_to() {
    let mut bull = queue("legacy");
    bull.era = Era::Bull4;
    let mut console = Console::showing(snapshot(vec![queue("email"), queue("payments"), bull]), 80, 24);
    let grid = console.keys("5").draw();
    assert!(grid.contains("listening to email, payments"), "{}", grid.text());
    assert!(grid.contains("Bull queues have no event stream: legacy"), "{}", grid.text());
}

#[test]
fn drawing_and_moving_do_not_depend_on_how_many_there_are() {
    let time = |console: &mut Console| {
        let began = std::time::Instant::now();
        for _ in 0..20 {
            console.keys("j j k");
        }
        began.elapsed()
    };
    let mut few = console(80, 24);
    few.send(bunch(0, 50)).keys("/").text("completed").keys("Enter");
    let mut many = console(80, 24);
    many.send(bunch(0, 5000)).keys("/").text("completed").keys("Enter");
    assert_eq!(events(&many).len(), 5000);
    time(&mut few);
    let (few, many) = (time(&mut few), time(&mut many));
    assert!(many < few * 5 + std::time::Duration::from_millis(20), "{few:?} and {many:?}");
}
