//! The Why screen: causes with their evidence, and what can be done at once.

use rstest::rstest;
use toril::app::Msg;
use toril::app::effect::{Act, Answer, Effect, FetchId, Query, Slot};
use toril::app::screen::Screen;
use toril::engine::op::QueueOp;
use toril::engine::read::schedulers::{Generation, Scheduler};
use toril::engine::read::{NextRun, Standing};
use toril::monitor::why::{Clients, Look, Sight};
use toril::operate::Edit;
use toril::text::Clean;
use toril::wire::{JobId, QueueId, Raw};

use crate::support::sights::{look, run, wait, worker};
use crate::support::{Console, NOW, hide_times, hostile, queue, snapshot};

/// What the screen asked for last.
fn asked(console: &mut Console) -> Option<(FetchId, QueueId, bool)> {
    console.asked().into_iter().rev().find_map(|effect| match effect {
        Effect::Fetch(Slot::Why, id, Query::Why(queue, before)) => Some((id, queue, before.is_some())),
        _ => None,
    })
}

/// The screen of the first queue after two looks that see the same, with the clock between them.
fn showing(name: impl AsRef<[u8]>, columns: u16, rows: u16, see: impl Fn(&mut Look)) -> Console {
    let mut console = Console::showing(snapshot(vec![queue(name)]), columns, rows);
    console.asked();
    console.keys("!");
    for n in 0..2 {
        let (id, queue, second) = asked(&mut console).expect("the screen looks");
        assert_eq!(second, n > 0, "the look before goes along");
        let mut look = look(&queue, NOW + n * 1_500);
        see(&mut look);
        console.send(Msg::Fetched(id, Ok(Answer::Why(Box::new(Sight::Queue(Box::new(look)))))));
        console.wait(2_100);
    }
    console
}

/// At its limit of two, with an abandoned job, and without a scheduler's next job.
fn limited(look: &mut Look) {
    wait(look, 4_812, 840_000);
    look.overview.meta.concurrency = Some(2);
    run(look, "98412", 3_600_000, None);
    run(look, "98377", 61_000, Some(21_000));
    look.clients = Clients::NotPermitted;
    look.not_known = vec![Clean::line("workers: CLIENT LIST is not permitted")];
    let scheduler = Scheduler {
        key: Raw::new("nightly"),
        generation: Generation::Scheduler,
        next_at: NOW - 3_600_000,
        name: Clean::line("nightly"),
        pattern: None,
        every: Some(3_600_000),
        zone: None,
        iterations: Some(4),
        limit: None,
        end_at: None,
        offset: None,
        start_at: None,
    };
    look.samples.schedulers = vec![Standing { scheduler, run: NextRun::default() }];
    look.overview.repeat = 1;
}

fn paused(look: &mut Look) {
    look.overview.meta.paused = true;
    wait(look, 212, 7_200_000);
}

fn manual(look: &mut Look) {
    wait(look, 5, 30_000);
    look.overview.limiter = Some(9_007_199_254_740_991);
    look.overview.limiter_ms = Some(42_000);
    look.keys.limiter_ms = 42_000;
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
        let console = showing("payments", columns, rows, limited);
        insta::assert_snapshot!(format!("why_limited_{columns}x{rows}"), shot(&console));
        let console = showing("payments", columns, rows, paused);
        insta::assert_snapshot!(format!("why_paused_{columns}x{rows}"), shot(&console));
        let console = showing("payments", columns, rows, |_| ());
        insta::assert_snapshot!(format!("why_healthy_{columns}x{rows}"), shot(&console));
    });
}

#[test]
fn what_is_not_there_yet_and_what_cannot_be_read_are_said() {
    let mut console = Console::showing(snapshot(vec![queue("payments")]), 80, 24);
    console.keys("!");
    assert!(console.draw().contains("looking twice, a moment apart"), "{}", console.draw().text());
    let (id, ..) = asked(&mut console).unwrap();
    console.send(Msg::Fetched(id, Err("the connection was closed".into())));
    assert!(console.draw().contains("cannot be looked at: the connection was closed"));
    // The answer before stays, and says of when it is.
    let mut console = showing("payments", 80, 24, paused);
    let (id, ..) = asked(&mut console).unwrap();
    console.wait(12_000).send(Msg::Fetched(id, Err("no answer".into())));
    let text = console.draw().text();
    assert!(
        text.contains("the queue is paused") && text.contains("the last look failed: no answer"),
        "{text}"
    );
    assert!(text.contains("seen 14s ago"), "{text}");
}

#[test]
fn it_looks_again_by_itself_and_never_twice_at_once() {
    let mut console = showing("payments", 80, 24, paused);
    let (id, ..) = asked(&mut console).expect("every two seconds");
    console.wait(5_000);
    assert_eq!(asked(&mut console), None, "the last look is not answered yet");
    let look = look(&queue("payments").id, NOW + 3_500);
    console.send(Msg::Fetched(id, Ok(Answer::Why(Box::new(Sight::Queue(Box::new(look)))))));
    assert!(console.draw().contains("no cause"), "{}", console.draw().text());
    // On another screen nobody looks.
    console.keys("Esc").wait(10_000);
    assert_eq!(asked(&mut console), None);
}

#[test]
fn the_deed_is_done_on_enter() {
    let mut console = showing("payments", 80, 24, paused);
    console.asked();
    console.keys("Enter");
    let ran = |console: &mut Console| {
        console.asked().into_iter().find_map(|effect| match effect {
            Effect::Run(_, act, _) => Some(act),
            _ => None,
        })
    };
    // Whatever the list of queues shows by now: what is asked for is to resume.
    let resume = |act: &Act| matches!(act, Act::Queue { op: QueueOp::Resume, .. });
    let act = ran(&mut console);
    let asked_first = console.app.modal.is_some();
    assert!(act.as_ref().is_some_and(resume) || asked_first, "{act:?}");

    let mut console = showing("payments", 80, 24, manual);
    console.keys("L").wait(300).keys("y");
    let act = ran(&mut console);
    let release = |act: &Act| matches!(act, Act::Edit { edits, .. } if matches!(edits[..], [Edit::Limit(_)]));
    assert!(act.as_ref().is_some_and(release), "{act:?} {}", console.draw().text());

    // The job that holds the place is opened: from its own row, and from the cause's title.
    for keys in ["Enter", "j j j j j j j j Enter"] {
        let mut console = showing("payments", 120, 36, limited);
        console.keys(keys);
        let Screen::Job(job) = console.app.stacks.current() else { panic!("{}", console.draw().text()) };
        assert!([JobId::new("98412"), JobId::new("98377")].contains(&job.id), "{:?}", job.id);
    }
    let mut console = showing("payments", 80, 24, manual);
    console.asked();
    console.keys("y");
    assert!(console.asked().contains(&Effect::Copy("toril limit payments --release".to_owned())));
}

#[test]
fn a_healthy_queue_is_told_as_one() {
    let mut console = showing("payments", 80, 24, |look| {
        run(look, "7", 2_000, Some(28_000));
        look.clients =
            Clients::Known { workers: vec![worker(false)], listed: std::time::Instant::now(), bytes: 1 };
    });
    let text = console.draw().text();
    assert!(text.contains("it moves: in 2.2/s, out 2.1/s, steady: the backlog of 1 takes"), "{text}");
    console.keys("Enter y L");
    console.draw();
}

#[test]
fn hostile_words_are_shown_escaped() {
    for name in hostile::texts() {
        for (columns, rows) in [(80, 24), (40, 12)] {
            let mut console = showing(&name, columns, rows, |look| {
                limited(look);
                let text = Clean::line(&name);
                look.samples.running[0].name = Some(text.clone());
                look.samples.running[0].id = JobId::new(&name);
                look.samples.schedulers[0].scheduler.key = Raw::new(&name);
                look.not_known.push(text);
            });
            console.draw();
            console.keys("G k k").draw();
        }
    }
}
