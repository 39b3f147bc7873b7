//! Redis stops answering: keys work, the screen says so, and what comes back is fresh.

use std::time::Duration;

use serde_json::json;

use crate::support::{Lib, Node, Server};
use crate::terminal::Terminal;

// Limits are well above what is aimed at: these tests share two cores with others.
const KEY: Duration = Duration::from_millis(250);
// Promised are two seconds; a rest that only the next sample breaks would take five.
const SAID: Duration = Duration::from_secs(4);
const FRESH: Duration = Duration::from_secs(10);

#[test]
fn a_stopped_server_stops_nothing_but_the_figures() {
    let server = Server::start();
    let mut node = Node::start(Lib::BullMq6, &server);
    node.call(json!({"op": "add", "queue": "mail", "data": {}}));
    node.call(json!({"op": "add", "queue": "pay", "data": {}}));
    let mut terminal = Terminal::toril(&["-u", &server.url(), "-q", "mail", "-q", "pay"]);
    terminal.wait_until("both counts", |s| s.lines().filter(|l| l.contains(" 1 ")).count() >= 2);
    // At rest nothing is asked for a while.
    std::thread::sleep(Duration::from_millis(1_500));
    server.stop();
    let said = terminal.wait_for("Redis silent for");
    assert!(said < SAID, "silence was said after {said:?}");
    for (key, mark) in [("?", "Keys that work here"), ("x", "sort: faults"), (":", "Command")] {
        terminal.press(key);
        let took = terminal.wait_for(mark);
        assert!(took < KEY, "{key} took {took:?}");
    }
    terminal.press("\x1b");
    server.cont();
    node.call(json!({"op": "addBulk", "queue": "mail", "jobs": [{"name": "a", "data": {}}, {"name": "b", "data": {}}]}));
    let fresh =
        terminal.wait_until("three jobs", |s| s.lines().any(|l| l.contains("mail") && l.contains(" 3 ")));
    assert!(fresh < FRESH, "the change showed after {fresh:?}");
    terminal.wait_until("no silence", |s| !s.contains("silent"));
}

#[test]
fn quitting_works_while_the_server_is_stopped() {
    let server = Server::start();
    let mut terminal = Terminal::toril(&["-u", &server.url(), "-q", "mail"]);
    terminal.wait_for("mail");
    server.stop();
    std::thread::sleep(Duration::from_millis(500));
    terminal.press("q");
    assert_eq!(terminal.wait_for_end(), 0);
    assert!(terminal.is_restored());
    server.cont();
}

#[test]
fn a_server_that_comes_back_is_shown_again() {
    let mut server = Server::start();
    let mut terminal = Terminal::toril(&["-u", &server.url(), "-q", "mail"]);
    terminal.wait_for("mail");
    server.kill();
    terminal.wait_for("✖");
    server.start_again();
    terminal.wait_until("the link", |s| s.contains('●') && !s.contains("✖"));
    terminal.press("q");
    assert_eq!(terminal.wait_for_end(), 0);
}
