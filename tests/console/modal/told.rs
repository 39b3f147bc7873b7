//! What is said afterwards.

use toril::app::Msg;
use toril::app::effect::Effect;
use toril::operate::{Action, Failure, Progress, Report};

use super::pausing;
use crate::support::{Console, queue, snapshot};

const WHY: &str = "NOPERM this user has no permissions to run the 'evalsha' command; ask whoever keeps the \
    access list for the operator's rule";

#[test]
fn one_thing_that_was_refused_says_why_to_the_end() {
    let mut console = pausing(queue("payments"), 80, 24);
    console.keys("y");
    let run = console.asked().into_iter().find_map(|effect| match effect {
        Effect::Run(id, ..) => Some(id),
        _ => None,
    });
    let mut report = Report::new(Action::Pause, queue("payments").id);
    report.progress = Progress { matched: 1, failed: 1, ..Progress::default() };
    report.failures = vec![Failure { id: None, code: "permission", message: WHY.into() }];
    console.send(Msg::Done(run.unwrap(), Ok(report)));
    assert_eq!(console.said(), [format!("pause payments: {WHY}")]);
    let grid = console.draw();
    assert!(grid.contains("✖ pause payments: NOPERM") && grid.contains("operator's rule"), "{}", grid.text());
}

#[test]
fn what_an_account_may_not_do_is_not_sent_again() {
    let mut console = pausing(queue("payments"), 120, 36);
    let bold = |console: &Console| !console.draw().style_at("p pause").contains("dim");
    assert!(bold(&console));
    console.keys("y");
    let run = console.asked().into_iter().find_map(|effect| match effect {
        Effect::Run(id, ..) => Some(id),
        _ => None,
    });
    let mut report = Report::new(Action::Pause, queue("payments").id);
    report.progress = Progress { matched: 1, failed: 1, ..Progress::default() };
    report.failures = vec![Failure { id: None, code: "permission", message: WHY.into() }];
    console.send(Msg::Done(run.unwrap(), Ok(report))).wait(10_000).asked();
    console.keys("p");
    assert!(console.app.modal.is_none() && console.asked().is_empty());
    assert!(console.said()[0].starts_with("not permitted on this server: NOPERM"), "{:?}", console.said());
    assert!(!bold(&console), "{}", console.draw().styles());
    console.keys("?");
    assert!(console.draw().contains("dimmed keys do nothing: not permitted"), "{}", console.draw().text());
    // Rights may have been given meanwhile: Ctrl-R tries it again.
    console.keys("Esc Ctrl-R p");
    assert!(console.app.modal.is_some());
}

#[test]
fn what_an_account_may_not_use_is_said_once() {
    let mut seen = snapshot(vec![queue("payments")]);
    seen.refused = vec!["INFO: not permitted".into()];
    seen.redis = None;
    let mut console = Console::showing(seen.clone(), 80, 24);
    assert_eq!(console.said(), ["INFO: not permitted"]);
    seen.refused.push("SLOWLOG: not permitted".into());
    console.send(Msg::Snapshot(seen.clone().into())).send(Msg::Snapshot(seen.into()));
    assert_eq!(console.said(), ["INFO: not permitted", "SLOWLOG: not permitted"]);
    // It is not read for ever either.
    console.keys("6").wait(10_000);
    let grid = console.draw();
    assert!(grid.contains("INFO: not permitted") && !grid.contains("reading"), "{}", grid.text());
}

#[test]
fn without_glyphs_keys_have_their_names() {
    let mut console = Console::showing(snapshot(vec![queue("payments")]), 80, 24);
    console.theme.ascii = true;
    assert!(console.draw().contains(" Enter open "), "{}", console.draw().text());
}
