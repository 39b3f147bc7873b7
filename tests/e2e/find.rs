//! Find over several queues: what is found is marked, written to a file and removed, and Redis may fall silent
//! meanwhile.

use serde_json::{Value, json};

use crate::support::{Dump, Lib, Node, Server};
use crate::terminal::Terminal;

#[test]
fn what_is_found_in_two_queues_is_written_and_removed() {
    let server = Server::start();
    let mut node = Node::start(Lib::BullMq6, &server);
    for queue in ["mail", "pay"] {
        let fails =
            |n| json!({"name": "charge", "data": {"do": "fail", "message": format!("no price for {n}")}});
        let jobs: Vec<Value> = (0..3).map(fails).collect();
        node.call(json!({"op": "addBulk", "queue": queue, "jobs": jobs}));
        let worker = node.call(json!({"op": "worker", "queue": queue}));
        node.call(json!({"op": "waitIdle", "queue": queue}));
        node.call(json!({"op": "workerStop", "handle": worker}));
    }
    let mut terminal = Terminal::toril(&["-u", &server.url(), "-q", "mail", "-q", "pay"]);
    terminal.wait_until("both counts", |s| s.lines().filter(|l| l.contains(" 3 ")).count() >= 2);
    terminal.press(":find no price\r");
    terminal.wait_for("6 found");
    // What was found stays while Redis is silent, and an act that cannot be sent says so.
    server.stop();
    terminal.wait_for("Redis silent for");
    terminal.press("r");
    terminal.wait_for("nothing was sent");
    terminal.wait_for("6 found");
    server.cont();
    terminal.wait_until("no silence", |s| !s.contains("silent"));
    assert_eq!(Dump::of(&server).len("bull:pay:failed"), 3);

    terminal.press("*");
    terminal.wait_for("6 of 6 found are marked");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("found.jsonl");
    terminal.press("w");
    terminal.wait_for("write to the new file");
    terminal.press(&format!("{}\r", file.display()));
    terminal.wait_for("6 jobs written");
    let text = std::fs::read_to_string(&file).unwrap();
    let reasons: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["failedReason"].take())
        .collect();
    assert_eq!(reasons.len(), 6);
    assert!(reasons.iter().all(|reason| reason.as_str().unwrap().starts_with("no price for")), "{text}");

    // An act is about one queue: the others' turn comes with the next one.
    terminal.press("d");
    terminal.wait_for("Remove 3 jobs of pay");
    // A dialog takes no keys for its first moment.
    std::thread::sleep(std::time::Duration::from_secs(1));
    terminal.press("y");
    terminal.wait_for("Removed 3 of 3 jobs");
    let dump = Dump::of(&server);
    assert_eq!(dump.len("bull:pay:failed") + dump.len("bull:mail:failed"), 3);
    terminal.press("\x03");
    assert_eq!(terminal.wait_for_end(), 0);
}
