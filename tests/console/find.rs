//! The Find screen, and the filter of a job list: text, `!text` and `= jq`.

use std::time::Duration;

use toril::app::Msg;
use toril::app::effect::{Act, Answer, Effect, Export, Hunt, Query, ScanResult, Slot};
use toril::app::screen::Screen;
use toril::app::screen::find::Find;
use toril::engine::read::walk::{Cost, Coverage};
use toril::insight::find::{Found, Hit, Phase, Wanted};
use toril::operate::Selection;
use toril::text::Clean;
use toril::wire::{Era, JobId, State};

use crate::support::{Console, NOW, hide_times, hostile, job, queue, snapshot};

const SIZES: [(u16, u16); 3] = [(80, 24), (120, 36), (200, 50)];

fn hit(queue_name: &str, id: &str, state: State, place: Option<&'static str>, excerpt: &str) -> Hit {
    Hit {
        queue: queue(queue_name).id,
        era: Era::V5,
        state,
        id: JobId::new(id),
        name: Clean::line("charge-card"),
        at: Some(NOW - 840_000),
        due_at: None,
        score: None,
        place,
        excerpt: Clean::line(excerpt),
    }
}

fn hits() -> Vec<Hit> {
    let reason = "connect ETIMEDOUT 10.0.0.7:443";
    vec![
        hit("payments", "98412", State::Failed, Some("failedReason"), reason),
        hit("payments", "98377", State::Failed, Some("failedReason"), reason),
        hit("payments", "98371", State::Delayed, Some("data"), "…{\"note\":\"after ETIMEDOUT\"}"),
        hit("email", "order:7", State::Failed, Some("stacktrace"), "…Error: ETIMEDOUT\\n    at Socket…"),
        hit("email", "12", State::Completed, None, ""),
    ]
}

fn found(hits: Vec<Hit>, phase: Phase) -> Found {
    let over = phase == Phase::Over;
    let read = if over { 1_200_000 } else { 12_400 };
    Found {
        hits,
        coverage: Coverage { read, total: 1_200_000, complete: over, ..Coverage::default() },
        cost: Cost {
            elapsed: Duration::from_secs(10),
            busy: Duration::from_millis(3100),
            bytes: 14 << 20,
            per_second: 118_000.0,
            ..Cost::default()
        },
        phase,
        note: None,
    }
}

fn asked(console: &mut Console) -> Option<(u64, Hunt)> {
    console.asked().into_iter().find_map(|effect| match effect {
        Effect::Fetch(Slot::Find, id, Query::Find(hunt)) => Some((id, *hunt)),
        _ => None,
    })
}

fn tell(console: &mut Console, id: u64, found: Found) {
    console.send(Msg::Fetched(id, Ok(Answer::Find(Box::new(found)))));
}

/// A console that looks for a text in two queues.
fn finding(columns: u16, rows: u16) -> (Console, u64) {
    let mut console = Console::showing(snapshot(vec![queue("payments"), queue("email")]), columns, rows);
    console.asked();
    console.keys(":").text("find ETIMEDOUT").keys("Enter");
    let (id, hunt) = asked(&mut console).expect("a search begins");
    assert_eq!(hunt.wanted, Wanted::Text { text: "ETIMEDOUT".into(), not: false });
    assert_eq!((hunt.queues.len(), hunt.states.len()), (2, State::ALL.len()));
    (console, id)
}

fn screen(console: &Console) -> &Find {
    match console.app.stacks.current() {
        Screen::Find(find) => find,
        other => panic!("not Find: {other:?}"),
    }
}

fn acts(console: &mut Console) -> Vec<(String, Vec<JobId>)> {
    let ids = |act: &Act| match act {
        Act::Jobs { selection: Selection::Ids(ids), .. } => ids.clone(),
        other => panic!("{other:?}"),
    };
    let acts = console.asked().into_iter().filter_map(|effect| match effect {
        Effect::Run(_, act, _) => Some((act.queue().name.lossless().into_owned(), ids(&act))),
        _ => None,
    });
    acts.collect()
}

#[test]
fn what_is_found_is_shown_as_it_is_found() {
    for (columns, rows) in SIZES {
        let (mut console, id) = finding(columns, rows);
        let begun = console.draw().text();
        assert!(begun.contains("looking ..."), "{begun}");
        tell(&mut console, id, found(hits(), Phase::Reading));
        let text = console.draw().text();
        for part in [
            "12,400 of 1,200,000 read, newest first",
            "118k/s",
            "31.0 % of Redis",
            "14",
            "Ctrl-X stops",
            "98412",
            "ETIMED",
        ] {
            assert!(text.contains(part), "{part} at {columns}x{rows}:\n{text}");
        }
        tell(
            &mut console,
            id,
            found(vec![hit("email", "77", State::Waiting, Some("name"), "ETIMEDOUT")], Phase::Over),
        );
        assert_eq!(screen(&console).hits.len(), 6);
        assert!(!screen(&console).runs());
        let text = console.draw().text();
        // Which keys the last line names is not this test's matter.
        let above = text.trim_end().rsplit_once('\n').unwrap().0;
        hide_times(|| insta::assert_snapshot!(format!("found_{columns}x{rows}"), above));
        // What still comes of it belongs to nobody.
        tell(&mut console, id, found(hits(), Phase::Reading));
        assert_eq!(screen(&console).hits.len(), 6);
    }
}

#[test]
fn it_says_why_there_is_nothing() {
    for (columns, rows) in SIZES {
        let (mut console, id) = finding(columns, rows);
        tell(&mut console, id, found(vec![], Phase::Over));
        assert!(console.draw().text().contains("nothing was found"));
        let (mut console, id) = finding(columns, rows);
        console.send(Msg::Fetched(id, Err(Clean::line("the expression is not valid jq: expected x"))));
        let text = console.draw().text();
        assert!(text.contains("not valid jq"), "{text}");
        // Redis is silent: what was read stays, and it says so.
        let (mut console, id) = finding(columns, rows);
        tell(&mut console, id, found(hits(), Phase::Reading));
        console.wait(4000);
        let waiting = Phase::Waiting(Clean::line("no answer"));
        tell(&mut console, id, Found { phase: waiting, ..Found::default() });
        let text = console.draw().text();
        assert!(
            text.contains("Redis does not answer") && text.contains("12,400 of") && text.contains("98412"),
            "{text}"
        );
        assert!(screen(&console).runs());
    }
    let mut console = Console::showing(snapshot(vec![queue("payments")]), 80, 24);
    console.keys(":").text("find").keys("Enter");
    let text = console.draw().text();
    assert!(text.contains("what is looked for?"), "{text}");
    console.asked();
    console.text("= .data.tenant == \"a\"").keys("Enter");
    let (_, hunt) = asked(&mut console).unwrap();
    assert_eq!(hunt.wanted, Wanted::Jq(".data.tenant == \"a\"".into()));
}

#[test]
fn it_is_stopped_and_left() {
    let (mut console, id) = finding(120, 36);
    tell(&mut console, id, found(hits(), Phase::Reading));
    console.asked();
    console.keys("Ctrl-x");
    assert!(console.asked().contains(&Effect::Cancel(Slot::Find)));
    assert!(console.draw().text().contains("stopped") && screen(&console).hits.len() == 5);
    // A job above it, and back: the search below goes on.
    console.keys("Tab");
    let (id, hunt) = asked(&mut console).unwrap();
    assert_eq!(hunt.states, [State::Failed]);
    tell(&mut console, id, found(hits(), Phase::Reading));
    console.keys("Enter");
    assert!(matches!(console.app.stacks.current(), Screen::Job(_)));
    console.asked();
    console.keys("Esc");
    assert!(!console.asked().contains(&Effect::Cancel(Slot::Find)));
    tell(&mut console, id, found(vec![hit("email", "78", State::Failed, Some("data"), "x")], Phase::Reading));
    assert_eq!(screen(&console).hits.len(), 6);
    console.keys("Esc");
    assert!(console.asked().contains(&Effect::Cancel(Slot::Find)));
    assert!(matches!(console.app.stacks.current(), Screen::Queues(_)));
}

#[test]
fn acts_are_on_the_marked_ones_of_one_queue_and_state() {
    let (mut console, id) = finding(120, 36);
    tell(&mut console, id, found(hits(), Phase::Over));
    // The selected one alone.
    console.keys("r");
    assert_eq!(acts(&mut console), [("payments".to_owned(), vec![JobId::new("98412")])]);
    // All are marked: those beside the selected one are meant, and the others stay marked.
    console.keys("* R");
    console.wait(200).keys("y");
    assert_eq!(acts(&mut console), [("payments".to_owned(), ["98412", "98377"].map(JobId::new).to_vec())]);
    assert_eq!(screen(&console).marks.len(), 3);
    // Of a state of which no other is marked.
    console.keys("g r");
    assert_eq!(acts(&mut console), []);
    assert!(
        console.said().iter().any(|said| said.contains("another queue or state")),
        "{:?}",
        console.said()
    );
    console.keys("j j P");
    console.wait(200).keys("y");
    assert_eq!(acts(&mut console), [("payments".to_owned(), vec![JobId::new("98371")])]);
}

#[test]
fn found_jobs_go_to_a_file_of_a_name() {
    let (mut console, id) = finding(80, 24);
    console.keys("w");
    assert!(console.said().iter().any(|said| said.contains("nothing was found")), "{:?}", console.said());
    tell(&mut console, id, found(hits(), Phase::Over));
    console.keys("j Space w");
    assert!(console.draw().text().contains("write to the new file"));
    console.asked();
    console.text("/tmp/found.jsonl").keys("Enter");
    let (id, export) = console
        .asked()
        .into_iter()
        .find_map(|effect| match effect {
            Effect::Fetch(Slot::Export, id, Query::Export(export)) => Some((id, *export)),
            _ => None,
        })
        .unwrap();
    let jobs = vec![(queue("payments").id, JobId::new("98377"), State::Failed)];
    assert_eq!(export, Export { file: "/tmp/found.jsonl".into(), jobs });
    console.send(Msg::Fetched(id, Ok(Answer::Exported(1))));
    assert!(
        console.said().iter().any(|said| said.contains("1 jobs written to /tmp/found.jsonl")),
        "{:?}",
        console.said()
    );
}

#[test]
fn a_job_is_gone_to_by_its_id() {
    let mut console = Console::showing(snapshot(vec![queue("payments"), queue("email")]), 80, 24);
    console.keys("6 :").text("job order:7");
    assert!(console.draw().text().contains("job of any queue"));
    console.asked();
    console.keys("Enter");
    let (id, _) = asked(&mut console).unwrap();
    let one = hit("email", "order:7", State::Failed, Some("id"), "order:7");
    tell(&mut console, id, found(vec![one], Phase::Reading));
    match console.app.stacks.current() {
        Screen::Job(job) => {
            assert_eq!((job.queue.name.as_bytes(), job.id.as_bytes()), (&b"email"[..], &b"order:7"[..]));
        }
        other => panic!("{other:?}"),
    }
    console.keys("Esc");
    assert!(!matches!(console.app.stacks.current(), Screen::Find(_)));
}

#[test]
fn the_filter_of_a_list_takes_text_its_absence_and_jq() {
    for (typed, wanted) in [
        ("timeout", Wanted::Text { text: "timeout".into(), not: false }),
        ("!timeout", Wanted::Text { text: "timeout".into(), not: true }),
        ("= .data.n > 3", Wanted::Jq(".data.n > 3".into())),
    ] {
        let mut row = queue("payments");
        row.counts.failed = 1_200_000;
        let mut console = Console::showing(snapshot(vec![row]), 120, 36);
        console.keys("Enter /").text(typed).keys("Enter");
        let scan = console.asked().into_iter().find_map(|effect| match effect {
            Effect::Fetch(Slot::Scan, id, Query::Scan { wanted, .. }) => Some((id, wanted)),
            _ => None,
        });
        let (id, asked) = scan.unwrap();
        assert_eq!(asked, wanted);
        let cost = found(vec![], Phase::Reading).cost;
        let result = ScanResult {
            rows: vec![job("3")],
            scanned: 12_400,
            total: 1_200_000,
            per_second: cost.per_second,
            share: cost.share(),
            note: Some(Clean::line("jq failed on 2 jobs")),
            ..ScanResult::default()
        };
        console.send(Msg::Fetched(id, Ok(Answer::Scan(result))));
        let text = console.draw().text();
        for part in
            ["12,400 of 1,200,000 read", "118k/s", "31.0 % of Redis", "Ctrl-X stops", "jq failed on 2 jobs"]
        {
            assert!(text.contains(part), "{part}:\n{text}");
        }
        console.keys("Ctrl-x");
        assert!(console.asked().contains(&Effect::Cancel(Slot::Scan)));
        assert!(console.draw().text().contains("stopped"));
    }
}

#[test]
fn hostile_jobs_are_harmless() {
    for (columns, rows) in [(40, 12), (80, 24), (200, 50)] {
        let (mut console, id) = finding(columns, rows);
        let hits = hostile::texts().into_iter().map(|text| Hit {
            id: JobId::new(&text),
            name: Clean::line(&text),
            excerpt: Clean::line(&text),
            ..hit("payments", "1", State::Failed, Some("data"), "")
        });
        tell(&mut console, id, found(hits.collect(), Phase::Over));
        console.keys("G *").draw();
    }
}
