//! The Schedulers screen: what comes next, what was missed.

use toril::app::Msg;
use toril::app::draft::Edited;
use toril::app::effect::{Act, Answer, Effect, Query, Slot};
use toril::app::link::{LinkPhase, LinkView};
use toril::app::screen::schedulers::{OfQueue, Read};
use toril::engine::op::SchedulerOp;
use toril::engine::read::schedulers::{Generation, Scheduler};
use toril::engine::read::{NextRun, Standing};
use toril::engine::schedule::Repeat;
use toril::insight::scheduler::judge;
use toril::operate::Edit;
use toril::text::Clean;
use toril::wire::{JobId, QueueId, Raw, State};

use crate::support::{Console, NOW, hostile, queue, snapshot};

fn standing(key: impl AsRef<[u8]>, pattern: &str, next_at: i64) -> Standing {
    let scheduler = Scheduler {
        key: Raw::new(key.as_ref()),
        generation: Generation::Scheduler,
        next_at,
        name: Clean::line("report"),
        pattern: Some(Clean::line(pattern)),
        every: None,
        zone: Some(Clean::line("Europe/Berlin")),
        iterations: Some(12),
        limit: None,
        end_at: None,
        offset: None,
        start_at: None,
    };
    let run = NextRun {
        id: Some(JobId::new("repeat:x:1")),
        exists: true,
        state: Some(State::Delayed),
        timestamp: Some(NOW - 60_000),
        count: Some(12),
        ..NextRun::default()
    };
    Standing { scheduler, run }
}

fn asked(console: &mut Console) -> u64 {
    let asked = console.asked().into_iter().rev().find_map(|effect| match effect {
        Effect::Fetch(Slot::Schedulers, id, Query::Schedulers(_)) => Some(id),
        _ => None,
    });
    asked.expect("the screen reads")
}

fn mail() -> QueueId {
    queue("email").id
}

fn showing(found: Result<Vec<Standing>, Clean>, columns: u16, rows: u16) -> Console {
    let mut email = queue("email");
    email.schedulers = 3;
    let mut console = Console::showing(snapshot(vec![email]), columns, rows);
    console.asked();
    console.keys("4");
    let id = asked(&mut console);
    let total = found.as_ref().map_or(0, Vec::len) as u64;
    let judge = |one: Standing| (one.clone(), judge(&one, NOW));
    let found = found.map(|found| found.into_iter().map(judge).collect());
    let read = Read { queues: vec![OfQueue { queue: mail(), total, found }], of: 1, complete: true };
    console.send(Msg::Fetched(id, Ok(Answer::Schedulers(read))));
    console
}

fn some() -> Vec<Standing> {
    let dead = Standing { run: NextRun::default(), ..standing("gone", "0 * * * *", NOW - 7_200_000) };
    let late = standing("late", "*/5 * * * *", NOW - 600_000);
    vec![dead, late, standing("daily-report", "0 9 * * MON-FRI", NOW + 3_600_000)]
}

#[test]
fn the_worst_stand_first_in_words() {
    for (columns, rows) in [(80, 24), (120, 36), (200, 50)] {
        let console = showing(Ok(some()), columns, rows);
        let text = console.draw().whole();
        let lines: Vec<&str> = text.lines().filter(|line| line.contains("email")).collect();
        assert!(lines[0].contains("gone") && lines[0].contains("dead"), "{text}");
        assert!(lines[1].contains("late") && lines[1].contains("10m late"), "{text}");
        assert!(lines[2].contains("daily-report") && lines[2].contains("in 1h"), "{text}");
        assert!(text.contains("Schedulers 3") && text.contains("2 need somebody"), "{text}");
        assert!(text.contains("every weekday at 09:"), "{text}");
        assert!(text.contains("the job of its next run is gone"), "the selected one is told: {text}");
    }
}

#[test]
fn it_says_what_it_does_not_know() {
    let mut email = queue("email");
    email.schedulers = 1;
    let mut console = Console::showing(snapshot(vec![email.clone()]), 80, 24);
    console.keys("4");
    assert!(console.draw().whole().contains("reading schedulers"));
    let none = Console::showing(snapshot(vec![queue("email")]), 80, 24).keys("4").draw().whole();
    assert!(none.contains("no queue has a scheduler"), "{none}");
    let denied = showing(Err(Clean::line("NOPERM no access")), 80, 24).draw().whole();
    assert!(denied.contains("cannot be read") && denied.contains("NOPERM"), "{denied}");
    // While the server is silent the last picture stays.
    let mut console = showing(Ok(some()), 80, 24);
    let down = LinkPhase::Down { why: Clean::line("refused"), hint: Clean::default(), retry_at: NOW + 1000 };
    console.send(Msg::Link(LinkView { state: down, ..LinkView::default() }));
    console.wait(60_000);
    let text = console.draw().whole();
    assert!(
        text.contains("daily-report") && text.contains("10m late"),
        "nothing grows late by silence: {text}"
    );
}

#[test]
fn hostile_names_are_shown_for_what_they_are() {
    for text in hostile::texts() {
        let shown = Clean::line(&text);
        let mut console = showing(Ok(vec![standing(&text, "0 9 * * *", NOW + 1000)]), 200, 50);
        let drawn = console.draw().whole();
        if shown.hidden() > 0 && shown.as_str().is_ascii() {
            assert!(
                drawn.contains(shown.cut(12).as_str().trim_end_matches('…').trim()),
                "{shown} in {drawn}"
            );
        }
        console.keys("d").draw();
        console.keys("Esc e").draw();
    }
}

fn acts(console: &mut Console) -> Vec<Edit> {
    let acts = console.asked().into_iter().filter_map(|effect| match effect {
        Effect::Run(_, Act::Edit { edits, .. }, _) => Some(edits),
        _ => None,
    });
    acts.flatten().collect()
}

#[test]
fn it_is_run_now_and_removed_after_a_question() {
    let mut console = showing(Ok(some()), 120, 36);
    console.keys("G t");
    let run = Edit::Scheduler { key: Raw::new("daily-report"), op: SchedulerOp::RunNow };
    assert_eq!(acts(&mut console), [run]);
    console.keys("d");
    assert_eq!(acts(&mut console), [], "it asks");
    assert!(console.draw().whole().contains("emove the scheduler daily-report"));
    console.wait(300).keys("y");
    let remove = Edit::Scheduler { key: Raw::new("daily-report"), op: SchedulerOp::Remove };
    assert_eq!(acts(&mut console), [remove]);
}

fn editor(console: &mut Console) -> (u64, String) {
    let open = console.asked().into_iter().find_map(|effect| match effect {
        Effect::Editor(id, text) => Some((id, String::from_utf8(text.as_bytes().to_vec()).unwrap())),
        _ => None,
    });
    open.expect("an editor opens")
}

fn left(console: &mut Console, id: u64, text: &str) {
    console.send(Msg::Edited(id, Ok(Edited { text: Raw::new(text), refused: None })));
}

#[test]
fn a_schedule_is_edited_as_a_text() {
    let mut console = showing(Ok(some()), 120, 36);
    console.keys("G e");
    let (id, text) = editor(&mut console);
    assert!(text.contains("\"pattern\": \"0 9 * * MON-FRI\"") && text.contains("Europe/Berlin"), "{text}");
    // What cannot be read is kept, and opens again as it was left.
    let wrong = text.replace("0 9 * * MON-FRI", "61 9 * * *");
    left(&mut console, id, &wrong);
    assert!(console.said().iter().any(|said| said.contains("minute `61`")), "{:?}", console.said());
    console.keys("e");
    let (id, again) = editor(&mut console);
    assert_eq!(again, wrong);
    left(&mut console, id, &text.replace("0 9 * * MON-FRI", "0 10 * * MON-FRI"));
    console.wait(300).keys("y");
    let repeat = Repeat::cron("0 10 * * MON-FRI").tz("Europe/Berlin");
    assert_eq!(acts(&mut console), [Edit::Schedule { id: "daily-report".to_owned(), repeat }]);
    // Left as it was: nothing is done.
    console.keys("e");
    let (id, text) = editor(&mut console);
    left(&mut console, id, &text);
    assert_eq!(acts(&mut console), []);
    assert!(console.said().iter().any(|said| said.contains("unchanged")), "{:?}", console.said());
}

#[test]
fn one_is_added_as_a_text() {
    let mut console = showing(Ok(some()), 120, 36);
    console.keys("a");
    let (id, text) = editor(&mut console);
    left(&mut console, id, &text.replace("\"id\": \"\"", "\"id\": \"new\""));
    console.wait(300).keys("y");
    let edits = acts(&mut console);
    assert!(matches!(&edits[..], [Edit::NewScheduler { id, name: None, .. }] if id == "new"), "{edits:?}");
}

#[test]
fn the_cursor_holds_on_to_its_scheduler() {
    let mut console = showing(Ok(some()), 80, 24);
    console.keys("G s s Enter");
    assert!(console.draw().whole().contains("repeat:x:1"), "its next run is opened");
    console.keys("Esc / l a t e Enter");
    let text = console.draw().whole();
    assert!(!text.contains("daily-report") && text.contains("late"), "{text}");
}
