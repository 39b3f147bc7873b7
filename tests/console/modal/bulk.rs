//! Acts on whole lists: they cover what is shown, and ask for what is there.

use toril::app::Msg;
use toril::app::effect::{Act, Answer, Effect, Query, ScanResult, Slot};
use toril::monitor::Workers;
use toril::operate::{Bulk, Preview, Severity};
use toril::wire::{JobId, State};

use super::{confirm, failing, pausing, preview, retrying, runs};
use crate::support::{Console, job, queue, snapshot};

/// A console on the failed jobs of `payments`, of which a filter has found these.
fn filtered(failed: u64, found: &[&str]) -> Console {
    let mut console = Console::showing(snapshot(vec![failing("payments", failed)]), 80, 24);
    console.keys("Enter /").text("timeout").keys("Enter");
    let scan = console.asked().into_iter().find_map(|effect| match effect {
        Effect::Fetch(Slot::Scan, id, Query::Scan { .. }) => Some(id),
        _ => None,
    });
    let rows = found.iter().map(|id| job(id)).collect();
    let result = ScanResult { rows, scanned: failed, total: failed, complete: true, ..ScanResult::default() };
    console.send(Msg::Fetched(scan.unwrap(), Ok(Answer::Scan(result))));
    console
}

fn ids(act: &Act) -> Vec<JobId> {
    match act {
        // At a pace, like all acts on many jobs.
        Act::Bulk { bulk: Bulk::Retry { from: State::Failed, .. }, only: Some(only), .. } => {
            assert!(!only.is_group());
            only.ids.clone()
        }
        other => panic!("not these jobs alone: {other:?}"),
    }
}

#[test]
fn what_a_filter_hides_is_not_retried() {
    let mut console = filtered(999_997, &["3", "9", "27"]);
    console.keys("R");
    let asked = confirm(&console).unwrap();
    assert_eq!((asked.severity, asked.count), (Severity::Ask, 3));
    // The oldest first.
    assert_eq!(ids(&asked.act), ["27", "9", "3"].map(JobId::new));
    super::counted(&mut console, 3);
    assert!(console.draw().contains("how fast"), "{}", console.draw().text());
    console.wait(200).keys("y");
    assert_eq!(runs(&mut console).iter().map(ids).collect::<Vec<_>>(), [["27", "9", "3"].map(JobId::new)]);
}

#[test]
fn one_job_that_a_filter_found_is_retried_alone() {
    let mut console = filtered(999_997, &["9"]);
    console.keys("R");
    assert_eq!(runs(&mut console).iter().map(ids).collect::<Vec<_>>(), [[JobId::new("9")]]);
}

#[test]
fn nothing_found_is_nothing_done() {
    let mut console = filtered(999_997, &[]);
    console.keys("R");
    assert_eq!((confirm(&console).is_some(), runs(&mut console)), (false, vec![]));
}

#[test]
fn a_whole_state_is_asked_about_even_where_one_job_was_counted() {
    let console = retrying(failing("payments", 1), 80, 24);
    assert_eq!(confirm(&console).unwrap().severity, Severity::Ask);
}

#[test]
fn more_jobs_than_were_shown_are_asked_about_as_what_they_are() {
    let mut console = Console::showing(snapshot(vec![failing("payments", 2)]), 80, 24);
    console.keys("Enter R").wait(200);
    let id = preview(&mut console);
    let found = Preview { matched: 1180, sample: vec![JobId::new("1")], effects: vec![], bytes: None };
    console.send(Msg::Fetched(id, Ok(Answer::Preview(found)))).keys("y");
    assert_eq!((confirm(&console).unwrap().severity, runs(&mut console)), (Severity::Type, vec![]));
    assert!(console.draw().contains("Retry 1,180 failed jobs of payments"));
}

#[test]
fn the_cursor_stays_with_the_queue_that_was_acted_on() {
    let mut late = queue("b");
    late.workers = Workers::Count(0);
    late.counts.active = 0;
    let mut console = Console::showing(snapshot(vec![queue("a"), late.clone()]), 80, 24);
    console.keys("p").wait(200).keys("y");
    assert_eq!(runs(&mut console).len(), 1);
    // Healed, it is sorted elsewhere.
    late.workers = Workers::Count(2);
    console.send(Msg::Snapshot(snapshot(vec![queue("a"), late]).into())).keys("p");
    assert_eq!(confirm(&console).unwrap().act.queue().name.clean().as_str(), "b");
}

#[test]
fn a_queue_is_read_again_as_soon_as_something_was_done_to_it() {
    let mut console = pausing(queue("payments"), 80, 24);
    console.keys("y");
    let run = console.asked().into_iter().find_map(|effect| match effect {
        Effect::Run(id, ..) => Some(id),
        _ => None,
    });
    console.send(Msg::Done(run.unwrap(), Err("no".into())));
    let acted = console.asked().into_iter().find_map(|effect| match effect {
        Effect::Interest(interest) => interest.acted,
        _ => None,
    });
    assert_eq!(acted.map(|(_, queue)| queue), Some(queue("payments").id));
}

#[test]
fn a_retry_can_count_attempts_from_zero() {
    let mut console = retrying(failing("payments", 3), 80, 24);
    console.wait(200).keys("Esc * T");
    super::counted(&mut console, 3);
    console.wait(200);
    let said = console.draw().text();
    assert!(said.contains("--reset-attempts"), "{said}");
    console.asked();
    console.keys("y");
    let acts = runs(&mut console);
    assert!(
        matches!(&acts[..], [Act::Bulk { bulk: Bulk::Retry { reset_attempts: true, .. }, .. }]),
        "{acts:?}"
    );
}
