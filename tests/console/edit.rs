//! A job's data in the person's own editor: what goes there, what comes back, and what is never lost.

use toril::app::Msg;
use toril::app::draft::Edited;
use toril::app::effect::{Act, Answer, Effect, Query, Slot};
use toril::app::modal::Modal;
use toril::engine::op::JobEdit;
use toril::engine::read::FieldValue;
use toril::operate::{Action, Edit, Failure, Progress, Report};
use toril::text::Clean;
use toril::wire::Raw;

use crate::support::{Console, queue, snapshot};

const DATA: &str = r#"{"n": 1.10, "big": 12345678901234567890123, "n": 1e999}"#;

/// The Job screen of job 7, with its data asked for.
fn asked(columns: u16, rows: u16) -> (Console, u64) {
    let mut console = Console::showing(snapshot(vec![queue("email")]), columns, rows);
    console.keys(":").text("job email 7").keys("Enter").asked();
    console.keys("e");
    let id = wanted(&mut console).expect("the data is read");
    (console, id)
}

/// The number under which data for an editor was asked for.
fn wanted(console: &mut Console) -> Option<u64> {
    console.asked().into_iter().find_map(|effect| match effect {
        Effect::Fetch(Slot::Draft, id, Query::Draft(_, job, _)) if job.as_bytes() == b"7" => Some(id),
        _ => None,
    })
}

/// Redis's answer; what the editor is given.
fn read(console: &mut Console, id: u64, data: &str) -> (u64, Raw) {
    console.send(Msg::Fetched(id, Ok(Answer::Field(FieldValue::Value(Raw::new(data))))));
    let open = console.asked().into_iter().find_map(|effect| match effect {
        Effect::Editor(id, text) => Some((id, text)),
        _ => None,
    });
    open.expect("the editor opens")
}

fn left(console: &mut Console, id: u64, text: &str) {
    let edited = Edited { text: Raw::new(text), refused: None };
    console.send(Msg::Edited(id, Ok(edited)));
}

/// What the act writes: the new data and the data that must still be there.
fn written(console: &mut Console) -> Option<(u64, String, String)> {
    console.asked().into_iter().find_map(|effect| match effect {
        Effect::Run(run, Act::Edit { edits, .. }, _) => match edits.into_iter().next()? {
            Edit::Bytes { edit: JobEdit::Data { json, was }, .. } => {
                Some((run, json.lossless().into_owned(), was?.lossless().into_owned()))
            }
            _ => None,
        },
        _ => None,
    })
}

fn report(console: &Console, done: bool, code: &'static str) -> Report {
    let queue = console.app.snapshot.queues[0].id.clone();
    let mut report = Report::new(Action::Edit, queue);
    report.progress = Progress { matched: 1, done: u64::from(done), ..Progress::default() };
    if !done {
        report.failures.push(Failure { id: None, code, message: Clean::line("it holds something else") });
    }
    report
}

#[test]
fn what_was_not_changed_stays_byte_for_byte() {
    let (mut console, id) = asked(120, 40);
    let (editor, text) = read(&mut console, id, DATA);
    assert_eq!(text, Raw::new(DATA), "the editor gets the bytes of Redis, and not what is shown of them");
    left(&mut console, editor, &(DATA.replace("1.10", "2.20") + "\n"));
    assert!(matches!(console.app.modal, Some(Modal::Confirm(_))), "one job is asked about");
    console.wait(200).keys("y");
    let (run, json, was) = written(&mut console).unwrap();
    assert_eq!((json, was.as_str()), (DATA.replace("1.10", "2.20"), DATA));
    let report = report(&console, true, "");
    console.send(Msg::Done(run, Ok(report)));
    assert!(console.said().iter().any(|said| said.contains("replace the data of job 7: done")));
    // It is done with: the next `e` reads anew.
    console.keys("e");
    assert!(console.app.modal.is_none() && wanted(&mut console).is_some());
}

#[test]
fn nothing_is_written_where_nothing_changed() {
    let (mut console, id) = asked(120, 40);
    let (editor, _) = read(&mut console, id, DATA);
    left(&mut console, editor, &(DATA.to_owned() + "\n"));
    assert_eq!(console.said(), ["unchanged: nothing was written"]);
    assert!(console.app.modal.is_none() && written(&mut console).is_none());
}

#[test]
fn what_is_no_json_is_told_and_offered_again() {
    let (mut console, id) = asked(80, 24);
    let (editor, _) = read(&mut console, id, DATA);
    left(&mut console, editor, "{\"n\": 2,\n}");
    let text = console.draw().text();
    assert!(text.contains("line 2, column 1 is not JSON"), "{text}");
    insta::assert_snapshot!(text);
    // Too early: that was typed into the editor.
    console.keys("x");
    assert!(console.app.modal.is_some());
    console.wait(200).keys("Enter");
    let id = wanted(&mut console).unwrap();
    let (editor, text) = read(&mut console, id, DATA);
    assert_eq!(text, Raw::new("{\"n\": 2,\n}"), "the person's own text comes back");
    left(&mut console, editor, "{\"n\": 2}");
    console.wait(200).keys("y");
    assert_eq!(written(&mut console).unwrap().1, "{\"n\": 2}");
}

#[test]
fn a_job_that_changed_meanwhile_is_told_and_not_overwritten() {
    let (mut console, id) = asked(80, 24);
    let (editor, _) = read(&mut console, id, "[1]");
    left(&mut console, editor, "[2]");
    console.wait(200).keys("y");
    let (run, _, was) = written(&mut console).unwrap();
    assert_eq!(was, "[1]", "it is written only over what was read");
    let refused = report(&console, false, "changed");
    console.send(Msg::Done(run, Ok(refused)));
    let text = console.draw().text();
    assert!(text.contains("was changed meanwhile, and nothing was"), "{text}");
    // Again: over what is there now.
    console.wait(200).keys("Enter");
    let id = wanted(&mut console).unwrap();
    let (editor, text) = read(&mut console, id, "[7]");
    assert_eq!(text, Raw::new("[2]"));
    left(&mut console, editor, "[2,7]");
    console.wait(200).keys("y");
    let (_, json, was) = written(&mut console).unwrap();
    assert_eq!((json.as_str(), was.as_str()), ("[2,7]", "[7]"));
}

#[test]
fn a_no_and_an_editor_that_fails_lose_nothing() {
    let (mut console, id) = asked(80, 24);
    let (editor, _) = read(&mut console, id, "[1]");
    left(&mut console, editor, "[2]");
    console.wait(200).keys("n").asked();
    assert!(console.app.modal.is_none());
    console.keys("e");
    assert!(matches!(console.app.modal, Some(Modal::Draft(_))), "the text is offered");
    console.wait(200).keys("Enter");
    let id = wanted(&mut console).unwrap();
    let (editor, text) = read(&mut console, id, "[1]");
    assert_eq!(text, Raw::new("[2]"));
    let edited = Edited { text: Raw::new("[3"), refused: Some(Clean::line("the editor was killed")) };
    console.send(Msg::Edited(editor, Ok(edited)));
    assert!(console.draw().text().contains("the editor was killed"));
    console.wait(200).keys("Esc e").wait(200).keys("n");
    let id = wanted(&mut console).unwrap();
    let (_, text) = read(&mut console, id, "[9]");
    assert_eq!(text, Raw::new("[9]"), "anew: what is there now");
}

#[test]
fn a_text_can_be_dropped_and_an_editor_may_not_start() {
    let (mut console, id) = asked(80, 24);
    let (editor, _) = read(&mut console, id, "[1]");
    left(&mut console, editor, "[");
    console.wait(200).keys("x e");
    let id = wanted(&mut console).expect("nothing is kept any more");
    let (editor, _) = read(&mut console, id, "[1]");
    console.send(Msg::Edited(editor, Err(Clean::line("the editor does not start: no such file"))));
    assert!(console.said().iter().any(|said| said.ends_with("nothing was changed")));
}

#[test]
fn large_data_is_opened_after_its_size_was_told_and_huge_data_is_not() {
    let (mut console, id) = asked(80, 24);
    console.send(Msg::Fetched(id, Ok(Answer::Field(FieldValue::TooLarge(12 << 20)))));
    let text = console.draw().text();
    assert!(text.contains("the data of job 7 has 12M"), "{text}");
    console.wait(200).keys("Enter");
    let id = wanted(&mut console).unwrap();
    read(&mut console, id, DATA);
    let (mut console, id) = asked(80, 24);
    console.send(Msg::Fetched(id, Ok(Answer::Field(FieldValue::TooLarge(100 << 20)))));
    assert!(console.app.modal.is_none());
    assert!(console.said().iter().any(|said| said.contains("use toril edit")), "{:?}", console.said());
}

#[test]
fn a_job_without_data_and_a_silent_redis_are_told() {
    let (mut console, id) = asked(80, 24);
    console.send(Msg::Fetched(id, Ok(Answer::Field(FieldValue::Absent))));
    assert!(console.said().iter().any(|said| said.contains("is gone, or has no data")));
    console.keys("e");
    let id = wanted(&mut console).unwrap();
    console.send(Msg::Fetched(id, Err(Clean::line("no answer"))));
    assert!(console.said().iter().any(|said| said.contains("could not be read: no answer")));
    assert!(console.app.modal.is_none());
}
