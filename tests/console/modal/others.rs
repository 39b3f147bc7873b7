//! The help, the palette, the filter line.

use rstest::rstest;
use toril::app::Msg;
use toril::app::modal::Modal;
use toril::app::stack::Root;

use crate::support::{Console, queue, snapshot};

fn console(columns: u16, rows: u16) -> Console {
    Console::showing(snapshot(vec![queue("email"), queue("payments")]), columns, rows)
}

#[test]
fn the_help_scrolls_to_its_end_and_no_further() {
    let mut console = console(80, 24);
    console.keys("?");
    let first = console.draw();
    assert!(first.contains("Queues") && first.contains("Keys that work here"));
    console.keys("G");
    let last = console.draw();
    assert!(last.contains("Suspend to the shell"), "{}", last.text());
    // One key up moves it at once: it never was beyond its end.
    console.keys("k");
    assert_ne!(console.draw().text(), last.text());
    console.keys("g");
    assert_eq!(console.draw().text(), first.text());
    console.keys("x");
    assert!(console.app.modal.is_none(), "any other key closes it");
}

#[test]
fn a_large_terminal_shows_all_of_the_help_at_once() {
    let mut console = console(200, 50);
    console.keys("?");
    let grid = console.draw();
    assert!(grid.contains("Suspend to the shell") && grid.contains("any key closes"), "{}", grid.text());
}

#[test]
fn what_cannot_be_done_is_dimmed_and_the_reason_stands_above_it() {
    let mut console = console(80, 50);
    console.keys("?");
    let grid = console.draw();
    assert!(!grid.style_at("Pause or resume the queue").contains("dim"), "{}", grid.styles());
    console.keys("Esc");
    console.app.config.read_only = true;
    console.keys("?");
    let grid = console.draw();
    assert!(grid.style_at("Pause or resume the queue").contains("dim"), "{}", grid.styles());
    assert!(grid.contains("dimmed keys do nothing: this session is read-only"), "{}", grid.text());
}

#[test]
fn a_replica_takes_no_acts() {
    let mut seen = snapshot(vec![queue("email")]);
    let mut redis = (**seen.redis.as_ref().unwrap()).clone();
    redis.role = "slave".into();
    seen.redis = Some(redis.into());
    let mut console = Console::showing(seen, 80, 24);
    console.keys("p");
    assert!(console.app.modal.is_none());
    assert!(console.said()[0].starts_with("this server is a replica"), "{:?}", console.said());
}

#[rstest]
#[case("screen.redis", "Enter", Root::Redis)]
#[case("scr ev", "Enter", Root::Events)]
#[case("screen.redis", "Esc", Root::Queues)]
fn commands_are_found_by_a_part_of_their_name(#[case] typed: &str, #[case] key: &str, #[case] root: Root) {
    let mut console = console(80, 24);
    console.keys(":");
    console.text(typed).keys(key);
    assert_eq!(console.app.stacks.root(), root);
    assert!(console.app.modal.is_none());
}

#[test]
fn what_does_not_exist_is_said() {
    let mut console = console(80, 24);
    console.keys(":").text("launch rockets").keys("Enter");
    assert_eq!(console.said(), ["there is no command `launch rockets`"]);
}

#[test]
fn pasted_text_is_text_and_a_line_end_does_not_run_it() {
    let mut console = console(80, 24);
    console.keys(":").send(Msg::Paste("quit.now\n\x1b[201~\r".to_owned()));
    let Some(Modal::Palette(palette)) = &console.app.modal else { panic!("the palette is closed") };
    assert_eq!(palette.input.value(), "quit.now[201~");
    assert!(console.draw().contains(": quit.now[201~"));
}

#[test]
fn a_long_line_shows_the_place_where_it_is_typed() {
    let mut console = console(40, 12);
    console.keys(":").text(&"abcdefghij".repeat(12)).text("END");
    assert!(console.draw().contains("END▏"), "{}", console.draw().text());
    console.keys("Home");
    assert!(console.draw().contains(": ▏abcdefghij"), "{}", console.draw().text());
}

#[test]
fn pasted_text_goes_nowhere_without_a_field() {
    let mut console = console(80, 24);
    console.send(Msg::Paste("p\ny".to_owned()));
    assert!(console.app.modal.is_none());
    assert_eq!(console.said(), ["pasted text goes nowhere here"]);
}
