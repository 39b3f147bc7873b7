//! Forms: what an act needs to be told, and what becomes of it.

use rstest::rstest;
use toril::app::Msg;
use toril::app::draft::Edited;
use toril::app::effect::{Act, Answer, Effect, Query, Slot};
use toril::app::modal::Modal;
use toril::engine::op::{Exit, JobEdit, JobOp, LimitOp};
use toril::operate::Edit;
use toril::wire::{Era, JobId, Raw};

use super::{confirm, runs};
use crate::support::{Console, queue, snapshot};

/// The Job screen of job 7.
fn on_job(era: Era, columns: u16, rows: u16) -> Console {
    let mut row = queue("email");
    row.era = era;
    let mut console = Console::showing(snapshot(vec![row]), columns, rows);
    console.keys(":").text("job email 7").keys("Enter").asked();
    console
}

fn command(console: &mut Console, name: &str) {
    console.keys(":").text(name).keys("Enter");
}

fn edits(console: &mut Console) -> Vec<Edit> {
    let acts = runs(console);
    let mut acts = acts.into_iter();
    match (acts.next(), acts.next()) {
        (Some(Act::Edit { edits, .. }), None) => edits,
        other => panic!("{other:?}"),
    }
}

fn op(op: JobOp) -> Edit {
    Edit::Job { id: JobId::new("7"), op }
}

#[test]
fn what_is_set_of_a_job_is_one_act_and_only_what_was_filled_in() {
    let mut console = on_job(Era::V6, 80, 24);
    command(&mut console, "job.set");
    insta::assert_snapshot!(console.draw().text());
    console.keys("Enter");
    assert!(console.draw().text().contains("nothing was filled in"));
    console.text("3").keys("Tab").text("y").keys("Tab").text("10m").keys("Enter");
    assert_eq!(
        edits(&mut console),
        [op(JobOp::SetPriority { priority: 3, front: true }), op(JobOp::SetDelay { ms: 600_000 }),],
        "priority and delay of one job are set at once"
    );
    assert!(console.app.modal.is_none());
    // Progress is somebody's data: it is asked about, all together.
    command(&mut console, "job.set");
    console.keys("Up").text("0").keys("Up Up").text("[1]").keys("Enter");
    assert!(confirm(&console).is_some());
    let text = console.draw().text();
    assert!(text.contains("--progress - --clear-logs 0"), "{text}");
    console.wait(200).keys("y");
    let progress = Edit::Bytes { id: JobId::new("7"), edit: JobEdit::Progress { json: Raw::new("[1]") } };
    assert_eq!(edits(&mut console), [progress, op(JobOp::ClearLogs { keep: 0 })]);
}

#[rstest]
#[case(&["-1"], "a whole number up to 2097151")]
#[case(&["", "maybe"], "y, or empty")]
#[case(&["", "y"], "in front of which priority?")]
#[case(&["", "", "10"], "a duration is written")]
#[case(&["", "", "", "{oops"], "that is no JSON")]
fn what_cannot_be_meant_is_told_in_its_field(#[case] typed: &[&str], #[case] why: &str) {
    let mut console = on_job(Era::V6, 80, 24);
    command(&mut console, "job.set");
    for text in typed {
        console.text(text).keys("Tab");
    }
    console.keys("Enter");
    let text = console.draw().text();
    assert!(text.contains(why), "{text}");
    assert!(runs(&mut console).is_empty());
}

#[test]
fn a_job_is_added() {
    let mut console = on_job(Era::V6, 120, 40);
    console.keys("a").text("welcome").keys("Tab Ctrl-U").text(r#"{"n": 1.10}"#).keys("Tab Tab").text("5s");
    console.keys("Enter");
    let acts = runs(&mut console);
    let [Act::Add { job, .. }] = acts.as_slice() else { panic!("{acts:?}") };
    assert_eq!((job.name.as_str(), job.data.as_bytes()), ("welcome", br#"{"n": 1.10}"#.as_slice()));
    assert_eq!(job.options.delay.map(|delay| delay.as_secs()), Some(5));
    // Where toril's engine does not write, the library has to.
    let mut console = on_job(Era::V4, 120, 40);
    console.keys("a");
    assert!(console.app.modal.is_none());
    assert!(console.said()[0].contains("jobs are added to queues of BullMQ 5 and 6 only"));
}

#[test]
fn a_field_can_be_written_in_an_editor() {
    let mut console = on_job(Era::V6, 120, 40);
    console.keys("a").text("welcome").keys("Tab Ctrl-O");
    let opened = console.asked().into_iter().find_map(|effect| match effect {
        Effect::Editor(id, text) => Some((id, text)),
        _ => None,
    });
    let (id, text) = opened.unwrap();
    assert_eq!(text, Raw::new("{}"));
    let long = "{\n  \"n\": 1.10\n}";
    let edited = Edited { text: Raw::new(format!("{long}\n")), refused: None };
    console.send(Msg::Edited(id, Ok(edited))).keys("Enter");
    let acts = runs(&mut console);
    let [Act::Add { job, .. }] = acts.as_slice() else { panic!("{acts:?}") };
    assert_eq!(job.data, Raw::new(long), "line by line, as it was written");
}

#[test]
fn limits_are_filled_in_and_only_what_changed_is_written() {
    let mut row = queue("email");
    (row.concurrency, row.rate) = (Some(5), Some((100, 60_000)));
    let mut console = Console::showing(snapshot(vec![row]), 80, 24);
    command(&mut console, "queue.limits");
    let text = console.draw().text();
    assert!(text.contains("100/1m"), "{text}");
    console.keys("Tab Ctrl-U Tab").text("y").keys("Enter");
    assert!(confirm(&console).is_some(), "a limit changes what all workers do");
    console.wait(200).keys("y");
    let wanted = [LimitOp::RemoveRateLimit, LimitOp::ReleaseRateLimit].map(Edit::Limit);
    assert_eq!(edits(&mut console), wanted);
    let mut row = queue("email");
    row.era = Era::Bull4;
    let mut console = Console::showing(snapshot(vec![row]), 80, 24);
    command(&mut console, "queue.limits");
    assert!(console.app.modal.is_none());
    assert!(console.said()[0].contains("no limits of a whole queue"), "{:?}", console.said());
}

#[test]
fn a_deduplication_id_is_freed_only_from_the_job_that_owns_it() {
    let mut console = Console::showing(snapshot(vec![queue("email")]), 80, 24);
    command(&mut console, "queue.free-id");
    console.text("order 7").keys("Enter");
    let looked = |console: &mut Console| {
        console.asked().into_iter().find_map(|effect| match effect {
            Effect::Fetch(Slot::Draft, id, Query::Owner(_, dedup)) => Some((id, dedup)),
            _ => None,
        })
    };
    let (id, dedup) = looked(&mut console).unwrap();
    assert_eq!(dedup, Raw::new("order 7"));
    console.send(Msg::Fetched(id, Ok(Answer::Owner(None))));
    assert!(console.draw().text().contains("no job owns it: it is free"));
    console.keys("Enter");
    let (id, _) = looked(&mut console).unwrap();
    console.send(Msg::Fetched(id, Ok(Answer::Owner(Some(JobId::new("12"))))));
    console.wait(200).keys("y");
    let wanted = Edit::Release { id: Raw::new("order 7"), owner: JobId::new("12") };
    assert_eq!(edits(&mut console), [wanted]);
}

#[rstest]
#[case("job.move-out", JobOp::MoveOut { to: Exit::Wait })]
#[case("job.move-out-failed", JobOp::MoveOut { to: Exit::Failed })]
#[case("job.remove-children", JobOp::RemoveChildren)]
#[case("job.free-id", JobOp::ReleaseDeduplication)]
fn rarer_acts_have_a_name_and_a_question(#[case] name: &str, #[case] wanted: JobOp) {
    let mut console = on_job(Era::V6, 80, 24);
    command(&mut console, name);
    assert!(confirm(&console).is_some(), "{}", console.draw().text());
    console.wait(200).keys("y");
    assert_eq!(edits(&mut console), [op(wanted)]);
}

#[test]
fn a_copy_is_added_and_the_scheduler_of_a_job_run_at_once() {
    let mut console = on_job(Era::V6, 80, 24);
    console.keys("D");
    assert_eq!(edits(&mut console), [Edit::Duplicate { id: JobId::new("7") }]);
    console.keys("t");
    let asked = console.asked().into_iter().find_map(|effect| match effect {
        Effect::Fetch(Slot::Draft, id, Query::Field(_, _, field)) => Some((id, field)),
        _ => None,
    });
    let (id, field) = asked.unwrap();
    assert_eq!(field, Raw::new("rjk"));
    let key = toril::engine::read::FieldValue::Value(Raw::new("nightly"));
    console.send(Msg::Fetched(id, Ok(Answer::Field(key))));
    let done = edits(&mut console);
    assert!(matches!(&done[..], [Edit::Scheduler { key, .. }] if *key == Raw::new("nightly")), "{done:?}");
}

#[test]
fn escape_and_a_read_only_session_do_nothing() {
    let mut console = on_job(Era::V6, 80, 24);
    console.keys("a").text("x").keys("Esc");
    assert!(console.app.modal.is_none() && runs(&mut console).is_empty());
    console.app.config.read_only = true;
    for name in ["queue.add", "job.set", "job.edit", "job.duplicate", "queue.limits"] {
        command(&mut console, name);
        assert!(!matches!(console.app.modal, Some(Modal::Form(_))), "{name}");
    }
    assert!(console.said().iter().all(|said| said.contains("read-only")), "{:?}", console.said());
}
