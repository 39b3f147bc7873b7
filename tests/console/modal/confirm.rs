//! What answers a dialog, and what does not.

use rstest::rstest;
use toril::app::effect::{Act, Effect};
use toril::app::{Config, Msg};
use toril::engine::op::QueueOp;
use toril::operate::Severity;
use toril::text::Clean;
use toril::wire::{Era, Fleet};

use super::{confirm, failing, pausing, retrying, retrying_in, runs};
use crate::support::{Console, queue, snapshot};

#[test]
fn keys_count_after_a_fifth_of_a_second() {
    let mut console = Console::showing(snapshot(vec![queue("payments")]), 80, 24);
    console.keys("p");
    assert!(confirm(&console).is_some());
    console.keys("y Enter Esc n");
    assert_eq!((runs(&mut console), confirm(&console).is_some()), (vec![], true), "too early");
    console.wait(199).keys("y");
    assert_eq!((runs(&mut console), confirm(&console).is_some()), (vec![], true), "still too early");
    console.wait(1).keys("y");
    assert_eq!((runs(&mut console).len(), confirm(&console).is_some()), (1, false));
}

#[rstest]
#[case("y", true, false)]
#[case("Enter", false, false)]
#[case("n", false, false)]
#[case("N", false, false)]
#[case("Esc", false, false)]
#[case("Ctrl-G", false, false)]
// Anything else leaves the question open.
#[case("Y", false, true)]
#[case("Space", false, true)]
#[case("x", false, true)]
#[case("q", false, true)]
#[case("Alt-y", false, true)]
#[case("Ctrl-Y", false, true)]
fn only_y_is_a_yes(#[case] key: &str, #[case] runs_it: bool, #[case] stays: bool) {
    let mut console = pausing(queue("payments"), 80, 24);
    console.asked();
    console.keys(key);
    let ran = runs(&mut console);
    assert_eq!((ran.len() == 1, confirm(&console).is_some()), (runs_it, stays), "{key}");
    let said_no = console.said().contains(&"nothing was done");
    assert_eq!(said_no, !runs_it && !stays, "{key} says what happened");
}

#[rstest]
#[case("payments Enter", true)]
#[case("Enter", false)]
#[case("y", false)]
#[case("payment Enter", false)]
#[case("payments2 Enter", false)]
#[case("Payments Enter", false)]
#[case("paymentsx Backspace Enter", true)]
#[case("xayments Home Del p Enter", true)]
fn the_name_is_typed_as_it_is(#[case] typed: &str, #[case] runs_it: bool) {
    let mut console = retrying(failing("payments", 1180), 80, 24);
    assert_eq!(confirm(&console).unwrap().severity, Severity::Type);
    for word in typed.split(' ') {
        match word.parse::<toril::app::key::Key>() {
            Ok(_) if word != "x" => console.keys(word),
            _ => console.text(word),
        };
    }
    assert_eq!(runs(&mut console).len() == 1, runs_it, "{typed}");
    assert_eq!(confirm(&console).is_none(), runs_it, "{typed}");
}

#[test]
fn what_has_hidden_characters_is_typed_escaped() {
    let mut console = retrying(failing("pay\u{202e}ments\x1b", 1180), 80, 24);
    console.text("payments").keys("Enter");
    assert_eq!(runs(&mut console), []);
    console.keys("Ctrl-U").text("pay<U+202E>ments^[").keys("Enter");
    assert_eq!(runs(&mut console).len(), 1);
}

#[rstest]
#[case("y")]
#[case("y\n")]
#[case("y\r\ny\r\n")]
#[case("\x1b[201~y")]
fn pasted_text_never_answers(#[case] pasted: &str) {
    let mut console = pausing(queue("payments"), 80, 24);
    console.send(Msg::Paste(pasted.to_owned()));
    assert_eq!((runs(&mut console), confirm(&console).is_some()), (vec![], true));

    let mut console = retrying(failing("payments", 1180), 80, 24);
    console.send(Msg::Paste("payments\n".to_owned())).keys("Enter");
    assert_eq!((runs(&mut console), confirm(&console).is_some()), (vec![], true));
    assert_eq!(confirm(&console).unwrap().input.value(), "");
    assert!(console.draw().contains("pasted text does not count"));
}

#[test]
fn escape_does_nothing_and_says_so() {
    let mut console = retrying(failing("payments", 1180), 80, 24);
    console.text("payments").keys("Esc");
    assert_eq!((runs(&mut console), confirm(&console).is_some()), (vec![], false));
    assert_eq!(console.said(), ["nothing was done"]);
}

#[test]
fn an_act_is_what_was_asked_whatever_moves_below() {
    let mut console = pausing(queue("payments"), 80, 24);
    // Meanwhile the queue is paused by somebody else, and another one takes its row.
    let mut paused = queue("payments");
    paused.paused = true;
    console.send(Msg::Snapshot(snapshot(vec![queue("aaa"), paused]).into())).keys("y");
    let acts = runs(&mut console);
    let [Act::Queue { queue, op: QueueOp::Pause { .. }, .. }] = &acts[..] else {
        panic!("{acts:?}");
    };
    assert_eq!(queue.name.clean().as_str(), "payments");
}

#[test]
fn tab_cycles_the_fleet_where_nobody_named_it() {
    let mut row = queue("payments");
    row.era = Era::V6;
    let mut console = pausing(row.clone(), 80, 24);
    let mut seen = vec![confirm(&console).unwrap().fleet().unwrap()];
    for _ in 0..3 {
        console.keys("Tab");
        seen.push(confirm(&console).unwrap().fleet().unwrap());
    }
    assert_eq!(seen, [Fleet::Mixed, Fleet::V6, Fleet::V5, Fleet::Mixed]);
    console.keys("Tab y");
    let acts = runs(&mut console);
    assert!(matches!(acts[..], [Act::Queue { op: QueueOp::Pause { fleet: Fleet::V6 }, .. }]), "{acts:?}");

    // Named in the profile: not asked, and Tab is a key like any other.
    let config = Config { fleet: Some(Fleet::V5), protected: true, ..Config::default() };
    let mut console = Console::with(config, 80, 24);
    console.send(Msg::Snapshot(snapshot(vec![row]).into())).keys("p").wait(200).keys("Tab y");
    let acts = runs(&mut console);
    assert!(matches!(acts[..], [Act::Queue { op: QueueOp::Pause { fleet: Fleet::V5 }, .. }]), "{acts:?}");
}

#[test]
fn up_to_a_hundred_and_where_nothing_is_protected_y_is_enough() {
    let console = retrying(failing("payments", 100), 80, 24);
    assert_eq!(confirm(&console).unwrap().severity, Severity::Ask);
    let mut console = Console::with(Config { protected: false, ..Config::default() }, 80, 24);
    console.send(Msg::Snapshot(snapshot(vec![failing("payments", 5000)]).into()));
    let console = retrying_in(console);
    assert_eq!(confirm(&console).unwrap().severity, Severity::Ask);
}

#[test]
fn a_read_only_session_asks_nothing() {
    let mut console = Console::with(Config { read_only: true, ..Config::default() }, 80, 24);
    console.send(Msg::Snapshot(snapshot(vec![queue("payments")]).into())).keys("p");
    assert!(confirm(&console).is_none());
    assert!(console.said()[0].starts_with("this session is read-only"), "{:?}", console.said());
}

#[test]
fn ctrl_c_quits_from_everywhere() {
    let quits = |console: &mut Console, place: &str| {
        console.asked();
        console.keys("Ctrl-C");
        assert!(console.asked().contains(&Effect::Quit), "not from {place}");
    };
    for keys in ["", "5", "6", "Enter", "?", ":", "/", "Enter ?", "6 :", "5 /"] {
        let mut console = Console::showing(snapshot(vec![queue("payments")]), 80, 24);
        console.keys(keys);
        quits(&mut console, keys);
    }
    quits(&mut pausing(queue("payments"), 80, 24), "y/N");
    quits(&mut retrying(failing("payments", 1180), 80, 24), "a typed name");
    // Even while the dialog is deaf, and with Redis gone.
    let mut console = Console::showing(snapshot(vec![queue("payments")]), 80, 24);
    console.keys("p");
    let why = Clean::line("connection refused");
    console.app.link.state =
        toril::app::link::LinkPhase::Down { why: why.clone(), hint: why, retry_at: console.now + 9000 };
    quits(&mut console, "a deaf dialog");
}
