//! Whole states from the console: cleaned, put back, emptied, obliterated; and the log of it.

use std::time::Duration;

use serde_json::json;

use crate::support::{Dump, Lib, Node, Server};
use crate::terminal::Terminal;

/// Longer than a new dialog is deaf.
const DEAF: Duration = Duration::from_millis(300);

/// A queue `pay` with five waiting, two delayed and three failed jobs, in a console that shows it.
fn console(server: &Server, access: &[&str]) -> Terminal {
    let mut node = Node::start(Lib::BullMq6, server);
    let mut add = |data, opts| {
        node.call(json!({"op": "add", "queue": "pay", "name": "charge", "data": data, "opts": opts}));
    };
    for _ in 0..3 {
        add(json!({"do": "fail", "message": "no money"}), json!({}));
    }
    let worker = node.call(json!({"op": "worker", "queue": "pay"}));
    node.call(json!({"op": "waitIdle", "queue": "pay"}));
    node.call(json!({"op": "workerStop", "handle": worker}));
    for n in 0..5 {
        node.call(json!({"op": "add", "queue": "pay", "name": "charge", "data": {"n": n}}));
    }
    for _ in 0..2 {
        node.call(
            json!({"op": "add", "queue": "pay", "name": "later", "data": {}, "opts": {"delay": 3_600_000}}),
        );
    }
    let url = server.url();
    let mut terminal = Terminal::toril(&[access, &["-u", &url, "-q", "pay"]].concat());
    terminal.wait_until("the queue", |s| s.lines().any(|l| l.contains("pay") && l.contains('3')));
    terminal.press("\r");
    terminal.wait_for("no money");
    terminal
}

/// Presses a key that opens a dialog, and types the name that it asks for.
fn confirmed(terminal: &mut Terminal, key: &str, title: &str, name: &str) {
    terminal.press(key);
    terminal.wait_for(title);
    terminal.wait_for("under a second");
    std::thread::sleep(DEAF);
    terminal.press(name);
    terminal.press("\r");
}

#[test]
fn failed_jobs_are_cleaned_and_put_back_and_the_log_tells() {
    let server = Server::start();
    let mut terminal = console(&server, &[]);
    let before = Dump::of(&server);
    confirmed(&mut terminal, "X", "Clean 3 failed jobs of pay", "pay");
    terminal.wait_for("Cleaned 3 of 3 jobs of pay; z undo");
    assert_eq!(Dump::of(&server).len("bull:pay:failed"), 0);
    terminal.press("z");
    terminal.wait_for("Put back 3 jobs of pay");
    terminal.wait_for("J1 of");
    std::thread::sleep(DEAF);
    terminal.press("y");
    terminal.wait_until("the end of the undo", |s| s.contains("Put back 3 of 3 jobs of pay"));
    let after = Dump::of(&server);
    assert_eq!(after.len("bull:pay:failed"), 3);
    assert_eq!(after.get("bull:pay:failed"), before.get("bull:pay:failed"));
    assert_eq!(after.get("bull:pay:1"), before.get("bull:pay:1"));
    // What was undone is not there a second time.
    std::thread::sleep(DEAF);
    terminal.press("z");
    terminal.wait_for("nothing that can be undone");
    terminal.press("@");
    terminal.wait_until("both acts", |s| s.contains("J2 undo") && s.contains("J1 clean"));
    terminal.press("j\r");
    terminal.wait_for("toril clean pay --state failed");
    terminal.wait_for("by typing the queue's name");
    terminal.press("\x1b");
    terminal.wait_for("J2 undo");
    terminal.press("\t");
    terminal.wait_for("its first key");
    terminal.press("/toril clean\r");
    terminal.wait_until("the line of the act", |s| {
        s.lines().any(|line| line.contains(" act ") && line.contains("toril clean pay --state failed"))
    });
    // Out of the filter; together with the next key it would be another one.
    terminal.press("\x1b");
    std::thread::sleep(DEAF);
    terminal.press("/evalsha\r");
    terminal.wait_until("the scripts of it", |s| {
        s.lines().any(|line| line.contains(" write ") && line.contains("EVALSHA "))
    });
}

#[test]
fn a_queue_is_emptied_with_what_is_delayed_and_then_obliterated() {
    let server = Server::start();
    let mut terminal = console(&server, &[]);
    terminal.press("E");
    terminal.wait_for("Drain 5 jobs of pay");
    std::thread::sleep(DEAF);
    terminal.press("\t");
    terminal.wait_for("Drain 7 jobs of pay");
    terminal.wait_for("--delayed");
    terminal.press("pay\r");
    terminal.wait_for("Removed 7 of 7 jobs of pay; z undo");
    let dump = Dump::of(&server);
    assert_eq!((dump.len("bull:pay:wait"), dump.len("bull:pay:delayed")), (0, 0));
    confirmed(&mut terminal, "O", "Obliterate pay", "pay");
    terminal.wait_for("Obliterated pay");
    assert_eq!(Dump::of(&server).len("bull:pay:failed"), 0);
}

#[test]
fn delayed_jobs_are_promoted_and_failed_ones_retried_all_at_once() {
    let server = Server::start();
    let mut terminal = console(&server, &[]);
    terminal.press("R");
    terminal.wait_for("Retry 3 failed jobs of pay");
    terminal.wait_for("under a second");
    std::thread::sleep(DEAF);
    terminal.press("\x1b[Z");
    terminal.wait_for("--full-speed");
    terminal.press("y");
    terminal.wait_for("Retried 3 of 3 jobs of pay");
    let dump = Dump::of(&server);
    assert_eq!((dump.len("bull:pay:wait"), dump.len("bull:pay:failed")), (8, 0));
    for _ in 0..8 {
        if terminal.screen().contains("Promote 2 delayed jobs of pay") {
            break;
        }
        terminal.press("\t");
        std::thread::sleep(Duration::from_millis(100));
        terminal.press("P");
        std::thread::sleep(Duration::from_millis(200));
    }
    terminal.wait_for("Promote 2 delayed jobs of pay");
    terminal.wait_for("under a second");
    std::thread::sleep(DEAF);
    terminal.press("y");
    terminal.wait_for("Promoted 2 of 2 jobs of pay");
    assert_eq!(Dump::of(&server).len("bull:pay:delayed"), 0);
}

#[test]
fn a_server_that_is_gone_closes_the_dialog() {
    let server = Server::start();
    let mut terminal = console(&server, &[]);
    terminal.press("X");
    terminal.wait_for("Clean 3 failed jobs of pay");
    drop(server);
    terminal.wait_for("nothing was done, because the connection was lost");
    terminal.wait_until("no dialog", |s| !s.contains("type the queue's name"));
}

#[test]
fn a_read_only_session_dims_its_keys_and_does_nothing() {
    let server = Server::start();
    let mut terminal = console(&server, &["--read-only"]);
    let before = Dump::of(&server);
    for key in ["X", "E", "O", "R", "z"] {
        terminal.press(key);
        terminal.wait_for("this session is read-only");
        std::thread::sleep(Duration::from_millis(50));
    }
    terminal.press("@");
    terminal.wait_for("nothing was done yet");
    crate::support::assert_same(&before, &Dump::of(&server));
}
