//! The Log screen: what was done, and what was sent.

use rstest::rstest;
use toril::app::Msg;
use toril::app::effect::{Act, Answer, Effect, JournalRead, Logged, Query, Slot};
use toril::app::modal::Modal;
use toril::app::screen::Screen;
use toril::app::stack::Root;
use toril::conn::{Sent, Verb, What};
use toril::operate::journal::{Confirmed, Intent, JournalId, Kept, Outcome, Part, Place, Who};
use toril::operate::{Bulk, Pace};
use toril::text::Clean;
use toril::wire::Era;

use crate::support::{Console, NOW, hide_times, hostile, queue, snapshot};

fn act(id: u64, word: &str, queue: &str, ended: Option<&str>) -> Logged {
    let counts = Part { done: 1180, changed: 7, failed: 0 };
    let intent = Intent {
        who: Who {
            user: Some("ada".to_owned()),
            host: Some("ops-1".to_owned()),
            pid: 4711,
            ssh: Some("10.0.0.9 51004 10.0.0.2 22".to_owned()),
            ..Who::default()
        },
        place: Place {
            endpoint: "orders-redis:6379/1".to_owned(),
            label: Some("prod".to_owned()),
            redis_user: Some("operator".to_owned()),
            ..Place::default()
        },
        action: word.to_owned(),
        queue: queue.to_owned(),
        prefix: "bull".to_owned(),
        era: "6".to_owned(),
        selector: "all failed until 1700000000000".to_owned(),
        matched: Some(1187),
        confirmed: Confirmed::Typed,
        command: format!("toril {word} {queue} --state failed"),
        plan: serde_json::Value::Null,
        version: "0.1.0".to_owned(),
    };
    let end = ended.map(|ended| {
        let outcome = Outcome {
            ended: ended.to_owned(),
            counts,
            reason: (ended == "failed").then(|| "the connection was closed".to_owned()),
            ids: vec!["98412".to_owned(), "98377".to_owned()],
            undoable: true,
        };
        (NOW - 30_000, outcome)
    });
    let part = ended.is_none().then_some(Part { done: 600, ..Part::default() });
    let act = Kept { id: JournalId(id), at: NOW - 60_000 * (20 - id as i64), intent, part, end };
    Logged { act, bytes: (word == "clean").then_some(12 << 20), runs: false }
}

fn acts() -> Vec<Logged> {
    vec![
        act(17, "clean", "payments", Some("finished")),
        act(16, "retry", "email", Some("cancelled")),
        act(15, "drain", "report", None),
        act(14, "remove", "payments", Some("failed")),
    ]
}

fn sent() -> Vec<Sent> {
    let command = |verb, script, key: Option<&str>, count, us, failed| What::Commands {
        verb,
        script,
        key: key.map(Clean::line),
        count,
        took: std::time::Duration::from_micros(us),
        failed,
    };
    let whats = [
        command(Verb::Info, None, None, 1, 300, false),
        command(Verb::LLen, None, Some("bull:payments:wait"), 9, 420, false),
        What::Act(Clean::line("toril clean payments --state failed")),
        command(Verb::HMGet, None, Some("bull:payments:98412"), 100, 900, false),
        command(Verb::EvalSha, Some("remove"), Some("bull:payments:"), 50, 14_300, false),
        command(Verb::EvalSha, Some("remove"), Some("bull:payments:"), 50, 1300, true),
    ];
    let entry = |(number, what): (u64, What)| Sent { number, at: NOW - 9000 + number as i64 * 7, what };
    (1..).zip(whats).map(entry).collect()
}

/// Answers what the screen asked for last.
fn answer(console: &mut Console, journal: Vec<Logged>, new: Vec<Sent>) {
    let asked = console.asked().into_iter().rev().find_map(|effect| match effect {
        Effect::Fetch(Slot::Log, id, query) => Some((id, query)),
        _ => None,
    });
    let (id, query) = asked.expect("the screen reads");
    let answer = match query {
        Query::Journal(_) => {
            Answer::Journal(Some(JournalRead { size: 4000, acts: journal, broken: Vec::new() }))
        }
        Query::Sent(_) => Answer::Sent(new),
        other => panic!("{other:?}"),
    };
    console.send(Msg::Fetched(id, Ok(answer)));
}

fn journal(acts: Vec<Logged>, columns: u16, rows: u16) -> Console {
    let mut console = Console::showing(snapshot(vec![queue("payments")]), columns, rows);
    console.asked();
    console.keys("@");
    answer(&mut console, acts, Vec::new());
    console
}

fn commands(entries: Vec<Sent>, columns: u16, rows: u16) -> Console {
    let mut console = journal(acts(), columns, rows);
    console.keys("Tab");
    answer(&mut console, Vec::new(), entries);
    console
}

fn shot(console: &Console) -> String {
    let grid = console.draw();
    if console.app.size.1 < 20 { grid.whole() } else { grid.body() }
}

#[rstest]
#[case(80, 24)]
#[case(40, 12)]
#[case(120, 36)]
#[case(200, 50)]
fn how_it_looks(#[case] columns: u16, #[case] rows: u16) {
    hide_times(|| {
        insta::assert_snapshot!(format!("journal_{columns}x{rows}"), shot(&journal(acts(), columns, rows)));
        insta::assert_snapshot!(format!("sent_{columns}x{rows}"), shot(&commands(sent(), columns, rows)));
        let mut console = journal(acts(), columns, rows);
        console.keys("j j Enter");
        insta::assert_snapshot!(format!("record_{columns}x{rows}"), shot(&console));
    });
}

#[test]
fn nothing_done_and_nothing_readable_are_said() {
    let console = journal(Vec::new(), 80, 24);
    assert!(console.draw().contains("nothing was done yet"), "{}", console.draw().text());
    let mut console = Console::showing(snapshot(vec![queue("payments")]), 80, 24);
    console.keys("@");
    let id = console.asked().into_iter().find_map(|effect| match effect {
        Effect::Fetch(Slot::Log, id, _) => Some(id),
        _ => None,
    });
    let why = "the journal /x may be read by others (mode 644): chmod 600 it";
    console.send(Msg::Fetched(id.unwrap(), Err(why.into())));
    assert!(console.draw().contains("chmod 600 it"), "{}", console.draw().text());
}

#[test]
fn what_has_no_end_stands_out() {
    let console = journal(acts(), 80, 24);
    let grid = console.draw();
    assert!(grid.contains("▲ no end") && grid.style_at("▲ no end").contains("lightred"), "{}", grid.styles());
    let mut running = acts();
    running[2].runs = true;
    assert!(!journal(running, 80, 24).draw().contains("▲ no end"));
}

#[test]
fn a_broken_journal_is_said() {
    let mut console = Console::showing(snapshot(vec![queue("payments")]), 80, 24);
    console.keys("@");
    let id = console.asked().into_iter().find_map(|effect| match effect {
        Effect::Fetch(Slot::Log, id, _) => Some(id),
        _ => None,
    });
    let read = JournalRead { size: 1, acts: acts(), broken: vec![3] };
    console.send(Msg::Fetched(id.unwrap(), Ok(Answer::Journal(Some(read)))));
    assert!(console.draw().contains("line 3 of the journal was changed"), "{}", console.draw().text());
}

#[test]
fn z_undoes_the_selected_act() {
    let mut console = journal(acts(), 80, 24);
    console.keys("j j j z");
    let asked = |console: &mut Console| {
        console.asked().into_iter().find_map(|effect| match effect {
            Effect::Fetch(Slot::Undo, _, Query::Undoable(id)) => Some(id),
            _ => None,
        })
    };
    assert_eq!(asked(&mut console), Some(Some(JournalId(14))));
    console.keys("k Enter z");
    assert_eq!(asked(&mut console), Some(Some(JournalId(15))));
    assert!(matches!(console.app.stacks.current(), Screen::Record(_)));
}

#[test]
fn r_goes_on_with_an_act_that_was_broken_off() {
    let mut console = journal(acts(), 80, 24);
    let resumed = |console: &mut Console| {
        console.asked().into_iter().find_map(|effect| match effect {
            Effect::Fetch(Slot::Undo, fetch, Query::Resumable(id, era)) => Some((fetch, id, era)),
            _ => None,
        })
    };
    console.keys("r");
    assert_eq!(resumed(&mut console), None);
    assert!(console.said().iter().any(|said| said.contains("J17 was finished")), "{:?}", console.said());
    // Its queue is gone: there is nothing to go on with.
    console.keys("j r");
    assert!(console.said().iter().any(|said| said.contains("is not there")), "{:?}", console.said());
    let mut lost = acts();
    lost[2].act.intent.queue = "payments".to_owned();
    let mut console = journal(lost, 80, 24);
    console.keys("j j r");
    let (fetch, id, era) = resumed(&mut console).unwrap();
    assert_eq!((id, era), (JournalId(15), Era::V5));
    let queue = console.app.snapshot.queues[0].id.clone();
    let bulk = Bulk::Drain { delayed: false };
    let act = Act::Bulk { queue, era, bulk, until: NOW - 60_000, pace: Pace::default(), only: None };
    console.send(Msg::Fetched(fetch, Ok(Answer::Resumable(Box::new(act.clone()), 580))));
    let Some(Modal::Confirm(confirm)) = &console.app.modal else { panic!("{}", console.draw().text()) };
    assert_eq!(confirm.act, act, "with the selection as it was frozen");
    console.keys("Esc").wait(300).keys("Esc Enter r");
    assert!(resumed(&mut console).is_some(), "from its record as well");
}

#[test]
fn the_command_line_is_copied() {
    let mut console = journal(acts(), 80, 24);
    console.keys("y");
    let wanted = Effect::Copy("toril clean payments --state failed".to_owned());
    assert!(console.asked().contains(&wanted));
    console.keys("Enter y");
    assert!(console.asked().contains(&wanted));
    assert!(console.draw().contains("toril clean payments --state failed"));
    console.keys("Esc");
    assert!(matches!(console.app.stacks.current(), Screen::Log(_)));
    assert_eq!(console.app.stacks.root(), Root::Log);
}

#[test]
fn a_filter_narrows_both_tabs() {
    let mut console = journal(acts(), 80, 24);
    console.keys("/").text("email").keys("Enter");
    let text = console.draw().text();
    assert!(text.contains("J16") && !text.contains("J17"), "{text}");
    let mut console = commands(sent(), 80, 24);
    console.keys("/").text("evalsha").keys("Enter");
    let text = console.draw().text();
    assert!(text.contains("EVALSHA remove") && !text.contains("LLEN"), "{text}");
}

#[test]
fn the_newest_command_is_followed_until_the_cursor_leaves_it() {
    let mut console = commands(sent(), 80, 24);
    let Screen::Log(log) = console.app.stacks.current() else { panic!() };
    assert_eq!((log.entries.index, log.entries.key), (0, Some(6)));
    console.keys("j").wait(600);
    let more = vec![Sent { number: 7, at: NOW, what: What::Act("toril pause email".into()) }];
    answer(&mut console, Vec::new(), more);
    let Screen::Log(log) = console.app.stacks.current() else { panic!() };
    assert_eq!((log.entries.index, log.entries.key), (2, Some(5)));
}

#[test]
fn hostile_words_are_shown_escaped() {
    for name in hostile::texts() {
        let name = String::from_utf8_lossy(&name).into_owned();
        for (columns, rows) in [(80, 24), (40, 12), (200, 50)] {
            let mut console = journal(vec![act(3, &name, &name, Some(&name))], columns, rows);
            console.draw();
            console.keys("Enter");
            console.draw();
        }
    }
}
