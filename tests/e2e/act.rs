//! From the list of queues to a retried job.

use serde_json::json;

use crate::support::{Dump, Lib, Node, Server};
use crate::terminal::Terminal;

/// A queue `pay` with three failed jobs.
fn failed_jobs(server: &Server) -> Node {
    let mut node = Node::start(Lib::BullMq6, server);
    for _ in 0..3 {
        node.call(json!({"op": "add", "queue": "pay", "name": "charge", "data": {"do": "fail", "message": "no money"}}));
    }
    let worker = node.call(json!({"op": "worker", "queue": "pay"}));
    node.call(json!({"op": "waitIdle", "queue": "pay"}));
    node.call(json!({"op": "workerStop", "handle": worker}));
    node
}

#[test]
fn a_failed_job_is_found_and_retried() {
    let server = Server::start();
    let _node = failed_jobs(&server);
    let mut terminal = Terminal::toril(&["-u", &server.url(), "-q", "pay"]);
    terminal.wait_until("the failed count", |s| s.lines().any(|l| l.contains("pay") && l.contains('3')));
    terminal.press("\r");
    terminal.wait_for("no money");
    terminal.press("r");
    terminal.wait_for("Retried 1 job of pay");
    terminal.wait_until("two failed ones left", |s| s.contains("failed 2") && s.contains("waiting 1"));
    let dump = Dump::of(&server);
    assert_eq!(dump.len("bull:pay:failed"), 2);
    assert_eq!(dump.len("bull:pay:wait"), 1);
    terminal.press("q");
    terminal.wait_for("Queues");
    terminal.press("q");
    assert_eq!(terminal.wait_for_end(), 0);
    assert!(terminal.is_restored());
}

#[test]
fn removing_marked_jobs_asks_and_no_is_the_default() {
    let server = Server::start();
    let _node = failed_jobs(&server);
    let mut terminal = Terminal::toril(&["-u", &server.url(), "-q", "pay"]);
    terminal.wait_until("the queue", |s| s.lines().any(|l| l.contains("pay") && l.contains('3')));
    terminal.press("\r");
    terminal.wait_for("no money");
    terminal.press("  ");
    terminal.wait_for("2 marked");
    terminal.press("d");
    terminal.wait_for("Remove 2 jobs of pay");
    terminal.wait_for("2 jobs");
    std::thread::sleep(std::time::Duration::from_millis(250));
    terminal.press("\r");
    terminal.wait_for("nothing was done");
    assert_eq!(Dump::of(&server).len("bull:pay:failed"), 3);
    terminal.wait_for("2 marked");
    terminal.press("d");
    terminal.wait_for("Remove 2 jobs of pay");
    std::thread::sleep(std::time::Duration::from_millis(250));
    terminal.press("y");
    terminal.wait_for("Removed 2 of 2 jobs of pay");
    assert_eq!(Dump::of(&server).len("bull:pay:failed"), 1);
}

#[test]
fn a_read_only_session_changes_nothing() {
    let server = Server::start();
    let _node = failed_jobs(&server);
    let before = Dump::of(&server);
    let mut terminal = Terminal::toril(&["--read-only", "-u", &server.url(), "-q", "pay"]);
    terminal.wait_until("the queue", |s| s.lines().any(|l| l.contains("pay") && l.contains('3')));
    terminal.press("p");
    terminal.wait_for("this session is read-only");
    terminal.press("\r");
    terminal.wait_for("no money");
    for key in ["r", "R", "d", "P", "M", "p"] {
        terminal.press(key);
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    terminal.press("q");
    terminal.wait_for("Queues");
    crate::support::assert_same(&before, &Dump::of(&server));
}
