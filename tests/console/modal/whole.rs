//! Clean, empty, obliterate, retry and promote of whole states, and undo: what they ask and do.

use rstest::rstest;
use toril::app::Msg;
use toril::app::effect::{Act, Agreed, Answer, Effect, Query, Slot, Taken};
use toril::app::link::{LinkPhase, LinkView};
use toril::monitor::{QueueRow, Snapshot};
use toril::operate::journal::{Confirmed, JournalId};
use toril::operate::{Action, Bulk, Pace, Preview, Progress, Report, Severity, trash};
use toril::text::Clean;
use toril::wire::{JobId, State};

use super::{confirm, counted, runs};
use crate::support::{Console, NOW, hide_times, hostile, queue, snapshot};

fn busy(name: impl AsRef<[u8]>) -> QueueRow {
    let mut row = queue(name);
    row.counts.waiting = 4812;
    row.counts.delayed = 1002;
    row.counts.failed = 1204;
    row
}

/// The queue screen on a tab.
fn on(row: QueueRow, tab: State, columns: u16, rows: u16) -> Console {
    let mut console = Console::showing(snapshot(vec![row]), columns, rows);
    console.keys("Enter");
    for _ in State::ALL {
        if let toril::app::screen::Screen::Queue(queue) = console.app.stacks.current()
            && queue.state() == tab
        {
            return console;
        }
        console.keys("Tab");
    }
    panic!("no tab {}", tab.name());
}

/// A dialog that takes keys and has counted.
fn asking(row: QueueRow, tab: State, key: &str, matched: u64) -> Console {
    asking_in(on(row, tab, 80, 24), key, matched)
}

fn asking_in(mut console: Console, key: &str, matched: u64) -> Console {
    console.keys(key).wait(200);
    counted(&mut console, matched);
    console.asked();
    console
}

fn bulk(console: &Console) -> (Bulk, i64, Pace) {
    match &confirm(console).unwrap_or_else(|| panic!("{}", console.draw().text())).act {
        Act::Bulk { bulk, until, pace, .. } => (*bulk, *until, *pace),
        other => panic!("not on whole states: {other:?}"),
    }
}

fn agreed(console: &mut Console) -> Option<Agreed> {
    console.asked().into_iter().find_map(|effect| match effect {
        Effect::Run(_, _, agreed) => Some(agreed),
        _ => None,
    })
}

#[rstest]
#[case("X", State::Failed, Bulk::Clean { state: State::Failed, limit: None }, Severity::Type)]
#[case("X", State::Completed, Bulk::Clean { state: State::Completed, limit: None }, Severity::Type)]
#[case("E", State::Failed, Bulk::Drain { delayed: false }, Severity::Type)]
#[case("O", State::Failed, Bulk::Obliterate { force: false }, Severity::Type)]
#[case("R", State::Failed, Bulk::Retry { from: State::Failed, reset_attempts: false }, Severity::Type)]
#[case("P", State::Delayed, Bulk::Promote, Severity::Type)]
fn each_key_asks_for_its_act(
    #[case] key: &str,
    #[case] tab: State,
    #[case] what: Bulk,
    #[case] severity: Severity,
) {
    let mut console = asking(busy("payments"), tab, key, 1204);
    assert_eq!((bulk(&console).0, bulk(&console).1), (what, NOW));
    assert_eq!(confirm(&console).unwrap().severity, severity);
    console.text("payments").keys("Enter");
    let agreed = agreed(&mut console).unwrap();
    assert_eq!((agreed.confirmed, agreed.matched), (Confirmed::Typed, Some(1204)));
    assert_eq!(agreed.save, trash::ONE);
}

#[rstest]
#[case("E")]
#[case("O")]
fn queues_can_be_emptied_from_the_list_of_queues(#[case] key: &str) {
    let mut console = Console::showing(snapshot(vec![busy("payments")]), 80, 24);
    console.keys(key).wait(200);
    assert!(matches!(bulk(&console).0, Bulk::Drain { .. } | Bulk::Obliterate { .. }));
}

#[test]
fn nothing_is_done_before_it_was_counted() {
    let mut console = on(busy("payments"), State::Failed, 80, 24);
    console.keys("X").wait(200).text("payments").keys("Enter");
    assert_eq!((runs(&mut console), confirm(&console).is_some()), (vec![], true));
    assert!(console.draw().contains("nothing is done before it is counted"));
}

#[test]
fn tab_takes_the_delayed_jobs_along_and_counts_again() {
    let mut console = asking(busy("payments"), State::Waiting, "E", 4812);
    console.keys("Tab");
    assert_eq!(bulk(&console).0, Bulk::Drain { delayed: true });
    assert!(confirm(&console).unwrap().preview.is_none());
    counted(&mut console, 5814);
    let grid = console.draw();
    assert!(grid.contains("Drain 5,814 jobs of payments") && grid.contains("--delayed"), "{}", grid.text());
    console.keys("Tab");
    assert_eq!(bulk(&console).0, Bulk::Drain { delayed: false });
}

#[test]
fn tab_forces_an_obliteration() {
    let mut console = asking(busy("payments"), State::Waiting, "O", 9000);
    console.keys("Tab");
    counted(&mut console, 9000);
    console.text("payments").keys("Enter");
    assert!(matches!(runs(&mut console)[..], [Act::Bulk { bulk: Bulk::Obliterate { force: true }, .. }]));
}

#[test]
fn an_age_is_typed_and_counted_from_the_moment_of_the_question() {
    let mut console = asking(busy("payments"), State::Failed, "X", 1204);
    console.wait(60_000).keys("Tab").text("7d").keys("Enter");
    counted(&mut console, 12);
    assert_eq!(bulk(&console).1, NOW - 7 * 86_400_000);
    let grid = console.draw();
    assert!(grid.contains("older than 7d") && grid.contains("--older-than 7d"), "{}", grid.text());
    let chosen = confirm(&console).unwrap();
    assert_eq!(chosen.choices.flags(&chosen.act), " --older-than 7d");
    // What is no age is said, and nothing is answered with it.
    console.keys("Tab Ctrl-U").text("soon").keys("Enter");
    assert!(confirm(&console).unwrap().choices.editing && console.draw().contains("that is no age"));
    console.keys("Esc");
    assert_eq!(bulk(&console).1, NOW);
}

#[test]
fn tab_goes_through_the_paces_and_back() {
    let mut console = asking(busy("payments"), State::Failed, "R", 1204);
    let mut seen = Vec::new();
    // Behind the last of them one can be typed, or not.
    for _ in 0..7 {
        console.keys("Tab");
        seen.push(bulk(&console).2);
    }
    assert_eq!(seen.last(), Some(&Pace::default()));
    assert!(seen.iter().any(|pace| pace.canary) && seen.iter().any(|pace| pace.rate == Some(50)));
    console.keys("S-Tab S-Tab");
    assert_eq!(bulk(&console).2, Pace { rate: Some(200), ..Pace::default() });
    assert!(console.draw().contains("--rate 200/s"), "{}", console.draw().text());
}

#[test]
fn a_rate_is_typed() {
    let mut console = asking(busy("payments"), State::Failed, "R", 1204);
    console.keys("Tab Tab Tab Tab Tab Tab").text("soon").keys("Enter");
    assert!(confirm(&console).unwrap().choices.editing && console.draw().contains("that is no rate"));
    console.keys("Ctrl-U").text("25").keys("Enter");
    assert_eq!(bulk(&console).2, Pace { rate: Some(25), canary: true, full_speed: false });
    let grid = console.draw();
    assert!(
        grid.contains("5, then 50, then all, at 25/s") && grid.contains("--rate 25/s"),
        "{}",
        grid.text()
    );
    // The next one is the first again, and what was typed answered nothing.
    console.keys("Tab");
    assert_eq!(bulk(&console).2, Pace::default());
    assert!(runs(&mut console).is_empty());
}

#[test]
fn what_goes_is_saved_unless_a_person_says_otherwise() {
    let mut console = asking(busy("payments"), State::Failed, "X", 1204);
    assert!(console.draw().contains("about 1.2M first"), "{}", console.draw().text());
    console.keys("S-Tab");
    let grid = console.draw();
    assert!(grid.contains("it cannot be undone") && grid.contains("--no-save"), "{}", grid.text());
    console.text("payments").keys("Enter");
    assert_eq!(agreed(&mut console).unwrap().save, 0);
}

#[test]
fn more_than_is_usually_saved_is_saved_where_its_size_was_shown() {
    let mut console = on(busy("payments"), State::Failed, 80, 24);
    console.keys("X").wait(200);
    counted(&mut console, 400 * 1024);
    console.text("payments").keys("Enter");
    assert_eq!(agreed(&mut console).unwrap().save, trash::ALL);
}

#[test]
fn a_filter_or_marks_promote_and_retry_only_what_they_show() {
    let mut console = on(busy("payments"), State::Delayed, 80, 24);
    console.keys("*").keys("P").wait(200);
    assert_eq!(bulk(&console).0, Bulk::Promote);
    // All of a state go as one plan, and not job by job.
    for (key, wanted) in [
        ("r", Bulk::Retry { from: State::Failed, reset_attempts: false }),
        ("T", Bulk::Retry { from: State::Failed, reset_attempts: true }),
        ("d", Bulk::Clean { state: State::Failed, limit: None }),
    ] {
        let mut console = on(busy("payments"), State::Failed, 80, 24);
        console.keys("*").keys(key).wait(200);
        assert_eq!(bulk(&console).0, wanted, "{key}");
    }
    let mut console = on(busy("payments"), State::Failed, 80, 24);
    console.keys("/").text("boom").keys("Enter X");
    assert!(confirm(&console).is_none());
    assert!(console.said()[0].contains("leave the filter"), "{:?}", console.said());
}

#[test]
fn pasted_text_answers_none_of_them() {
    for (key, tab) in [
        ("X", State::Failed),
        ("E", State::Failed),
        ("O", State::Failed),
        ("R", State::Failed),
        ("P", State::Delayed),
    ] {
        let mut console = asking(busy("payments"), tab, key, 1204);
        console.send(Msg::Paste("payments\n".to_owned())).keys("Enter");
        assert_eq!((runs(&mut console), confirm(&console).is_some()), (vec![], true), "{key}");
    }
    let mut console = asking(busy("payments"), State::Failed, "X", 1204);
    console.keys("Tab").send(Msg::Paste("7d\n".to_owned()));
    assert_eq!(confirm(&console).unwrap().choices.typed.value(), "");
}

fn with_server(mut rows: Snapshot, run_id: &str, role: &str) -> Snapshot {
    let mut redis = (**rows.redis.as_ref().unwrap()).clone();
    (redis.run_id, redis.role) = (run_id.into(), role.into());
    rows.redis = Some(redis.into());
    rows
}

#[rstest]
#[case("other", "master")]
#[case("3f0c", "slave")]
fn another_server_closes_the_dialog(#[case] run_id: &str, #[case] role: &str) {
    let mut console = asking(busy("payments"), State::Failed, "X", 1204);
    let same = with_server(snapshot(vec![busy("payments")]), "3f0c", "master");
    console.send(Msg::Snapshot(same.into()));
    assert!(confirm(&console).is_some());
    let other = with_server(snapshot(vec![busy("payments")]), run_id, role);
    console.send(Msg::Snapshot(other.into()));
    assert!(confirm(&console).is_none());
    assert!(console.said()[0].contains("another server answers now"), "{:?}", console.said());
}

#[test]
fn a_lost_connection_closes_the_dialog() {
    let mut console = asking(busy("payments"), State::Failed, "X", 1204);
    let why = Clean::line("connection reset");
    let down = LinkPhase::Down { why: why.clone(), hint: why, retry_at: NOW + 1000 };
    console.send(Msg::Link(LinkView { state: down, ..LinkView::default() }));
    assert!(confirm(&console).is_none());
    assert_eq!(console.said(), ["clean payments: nothing was done, because the connection was lost"]);
}

#[test]
fn a_count_that_moved_is_counted_and_asked_again() {
    let mut console = asking(busy("payments"), State::Failed, "X", 1204);
    console.text("payments");
    let mut more = busy("payments");
    more.counts.failed = 9000;
    console.send(Msg::Snapshot(snapshot(vec![more]).into()));
    let asked = console.effects.iter().filter(|effect| matches!(effect, Effect::Fetch(Slot::Preview, ..)));
    assert_eq!(asked.count(), 1);
    // The cut-off still selects the same jobs: nothing to ask again.
    counted(&mut console, 1204);
    assert_eq!(confirm(&console).unwrap().input.value(), "payments");
    let mut most = busy("payments");
    most.counts.failed = 20_000;
    console.asked();
    console.send(Msg::Snapshot(snapshot(vec![most]).into()));
    counted(&mut console, 2000);
    assert_eq!((confirm(&console).unwrap().count, confirm(&console).unwrap().input.value()), (2000, ""));
    console.keys("Enter");
    assert!(console.draw().contains("1,204 when it was asked first"), "{}", console.draw().text());
    assert_eq!(runs(&mut console), []);
}

fn taken(jobs: u64) -> Taken {
    Taken {
        edits: Vec::new(),
        id: JournalId(17),
        word: "clean".into(),
        at: NOW - 60_000,
        queue: queue("payments").id,
        jobs,
        sample: vec![JobId::new("98412"), JobId::new("98377")],
        keys: 0,
        bytes: 1 << 20,
    }
}

/// The dialog after `z`.
fn undoing(console: &mut Console, answer: Result<Taken, Clean>) {
    console.asked();
    console.keys("z");
    let id = console.asked().into_iter().find_map(|effect| match effect {
        Effect::Fetch(Slot::Undo, id, Query::Undoable(None)) => Some(id),
        _ => None,
    });
    console.send(Msg::Fetched(id.unwrap(), answer.map(|taken| Answer::Undoable(Box::new(taken))))).wait(200);
}

#[test]
fn undo_shows_what_it_would_put_back_and_asks() {
    let mut console = Console::showing(snapshot(vec![busy("payments")]), 80, 24);
    undoing(&mut console, Ok(taken(2)));
    assert_eq!(confirm(&console).unwrap().severity, Severity::Ask);
    hide_times(|| insta::assert_snapshot!("undo_80x24", console.draw().body()));
    console.keys("y");
    let acts = runs(&mut console);
    assert!(matches!(&acts[..], [Act::Undo(taken)] if taken.id == JournalId(17)), "{acts:?}");
    let mut console = Console::showing(snapshot(vec![busy("payments")]), 80, 24);
    undoing(&mut console, Ok(taken(2000)));
    assert_eq!(confirm(&console).unwrap().severity, Severity::Type);
}

#[test]
fn nothing_to_undo_is_said() {
    let mut console = Console::showing(snapshot(vec![busy("payments")]), 80, 24);
    undoing(&mut console, Err("the journal has nothing that can be undone on this server".into()));
    assert!(confirm(&console).is_none());
    assert!(console.said()[0].starts_with("undo: the journal has nothing"), "{:?}", console.said());
}

#[test]
fn what_can_be_undone_names_its_key() {
    let mut console = asking(busy("payments"), State::Failed, "X", 1204);
    console.text("payments").keys("Enter");
    let run = console.asked().into_iter().find_map(|effect| match effect {
        Effect::Run(id, ..) => Some(id),
        _ => None,
    });
    let mut report = Report::new(Action::Clean, queue("payments").id);
    report.progress = Progress { matched: 1204, done: 1204, ..Progress::default() };
    report.undoable = true;
    let run = run.unwrap();
    console.send(Msg::Progress(run, Progress { matched: 1204, done: 600, ..Progress::default() })).wait(1000);
    assert!(console.draw().contains("clean payments: 600 of 1,204 (50%)"), "{}", console.draw().text());
    console.send(Msg::Done(run, Ok(report)));
    assert_eq!(console.said(), ["Cleaned 1,204 of 1,204 jobs of payments; z undo"]);
}

#[rstest]
#[case("clean", State::Failed, "X")]
#[case("drain", State::Waiting, "E")]
#[case("obliterate", State::Waiting, "O")]
#[case("retry_paced", State::Failed, "R")]
#[case("promote_all", State::Delayed, "P")]
fn how_they_look(#[case] name: &str, #[case] tab: State, #[case] key: &str) {
    for (columns, rows) in [(80, 24), (40, 12), (120, 36)] {
        let mut console = asking_in(on(busy("payments"), tab, columns, rows), key, 1204);
        let effects = vec!["2 schedulers keep their next run.".into()];
        let sample = vec![JobId::new("98412"), JobId::new("98377")];
        let found = Preview { matched: 1204, sample, effects, bytes: Some(12 << 20) };
        for id in 0..console.app.ids.next() {
            console.send(Msg::Fetched(id, Ok(Answer::Preview(found.clone()))));
        }
        let grid = console.draw();
        let shot = if rows < 20 { grid.whole() } else { grid.body() };
        hide_times(|| insta::assert_snapshot!(format!("{name}_{columns}x{rows}"), shot));
    }
}

#[test]
fn hostile_names_are_asked_for_in_their_escaped_form() {
    for name in hostile::texts() {
        for key in ["X", "E", "O"] {
            let console = asking(busy(&name), State::Failed, key, 1204);
            let text = console.draw().text();
            assert!(text.contains('›'), "no field for {:?}:\n{text}", Clean::line(&name));
        }
    }
    let mut console = asking(busy("pay\u{202e}ments"), State::Failed, "O", 1204);
    console.text("payments").keys("Enter");
    assert_eq!(runs(&mut console), []);
    console.keys("Ctrl-U").text("pay<U+202E>ments").keys("Enter");
    assert_eq!(runs(&mut console).len(), 1);
}
