//! One secret in every field of real jobs: no screen of the console shows it, where a list without names shows it.

use std::path::Path;
use std::time::Duration;

use portable_pty::CommandBuilder;
use serde_json::{Value, json};

use crate::support::secrets::{CANARY, payload, seed, texts};
use crate::support::{Lib, Node, Server};
use crate::terminal::Terminal;

/// Longer than a new line for typing is deaf.
const DEAF: Duration = Duration::from_millis(300);

/// The same session twice: as everybody has it, and with the truth.
struct Both {
    masked: Terminal,
    raw: Terminal,
}

impl Both {
    fn press(&mut self, keys: &str) {
        self.masked.press(keys);
        self.raw.press(keys);
    }

    /// What is typed behind `:`.
    fn command(&mut self, text: &str) {
        self.press(":");
        std::thread::sleep(DEAF);
        self.press(text);
        std::thread::sleep(DEAF);
        self.press("\r");
    }

    /// Waits until both show what they should; with `tells` a secret is among it, in the one as a mask.
    #[track_caller]
    fn show(&self, what: &str, marks: &[&str], tells: bool) {
        let wanted = |screen: &str, secret: &str| {
            marks.iter().all(|mark| screen.contains(mark)) && (!tells || screen.contains(secret))
        };
        self.raw.wait_until(what, |screen| wanted(screen, CANARY));
        self.masked.wait_until(what, |screen| wanted(screen, "***"));
        let screen = self.masked.screen();
        assert!(!screen.contains("canary"), "{what}:\n{screen}");
    }
}

#[test]
fn no_screen_shows_a_secret() {
    let server = Server::start();
    let mut node = Node::start(Lib::BullMq6, &server);
    seed(&mut node, &server);
    let url = server.url();
    let folder = tempfile::tempdir().unwrap();
    let truth = folder.path().join("config.toml");
    std::fs::write(&truth, "mask = \"!*\"\n").unwrap();
    let start = |config: Option<&Path>| {
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_toril"));
        command.args(["-u", &url]);
        if let Some(config) = config {
            command.env("TORIL_CONFIG", config);
        }
        let terminal = Terminal::run(command);
        terminal.resize(220, 60);
        terminal
    };
    let mut both = Both { masked: start(None), raw: start(Some(&truth)) };
    both.show("the queues", &["mail", "runs", "broken"], false);
    both.press("2");
    both.show("errors", &["Errors", "4 failed jobs"], true);
    both.press("3");
    both.show("workers", &["Workers 1"], true);
    both.press("4");
    both.show("schedulers", &["Schedulers 1", "every hour"], false);
    both.press("6");
    both.show("the slow log", &["Slow log, newest first", "HSET bull:mail:waits"], true);
    both.press("9");
    both.show("what is damaged", &["a job that no worker can read", "begins"], true);
    both.command("queue mail");
    both.show("failed jobs", &["fails-0", "child-lost"], true);
    both.press("\t");
    both.show("waiting jobs", &["once", "waits"], false);
    both.press("!");
    both.show("why", &["mail › why", "no worker"], true);
    both.command("find haystack");
    both.show("what is found", &["Find", "child-done"], true);
    both.command("job mail fails-0");
    for (what, marks) in [
        ("the error", &["attempt 1 of 1", "Workers.failure"][..]),
        ("the log", &["2 of 2 lines"]),
        ("the options", &["headers"]),
        ("its times", &["1 of 1 made"]),
        ("its flow", &["belongs to no flow"]),
        ("its fields", &["failedReason", "timestamp"]),
        ("its data", &["haystack", "\"do\": \"fail\""]),
    ] {
        both.show(what, marks, true);
        both.press("\t");
    }
    both.command("job mail fine");
    both.show("a job that is done", &["fine", "haystack"], true);
    both.press("\t");
    both.show("its result", &["\"says\"", "\"token\""], true);
    both.command("job mail parent");
    both.show("a parent", &["waiting-children", "haystack"], true);
    for _ in 0..6 {
        both.press("\t");
    }
    both.show("its flow", &["child-lost", "child-done"], true);
    both.command("job runs runs");
    both.show("a job that runs", &["active", "lock"], true);
    both.press("5");
    both.show("events", &["Events"], false);
    let [_, message, _] = texts();
    let mut order = payload();
    for (key, value) in [("do", json!("fail")), ("message", json!(message))] {
        order[key] = value;
    }
    order["progress"] = json!([{"secret": CANARY}]);
    let add = |id: &str, data: &Value| json!({"op": "add", "queue": "mail", "name": message, "data": data, "opts": {"jobId": id, "attempts": 1}});
    node.call(add("event", &order));
    let worker = node.call(json!({"op": "worker", "queue": "mail"}));
    both.show("events of a failure", &["failed", "event"], true);
    node.call(json!({"op": "workerStop", "handle": worker, "force": true}));
    // What was drawn between is looked through as well: a first drawing is whole.
    let all = both.masked.raw();
    assert!(!String::from_utf8_lossy(&all).contains("canary"), "it was drawn for a moment");
    assert!(String::from_utf8_lossy(&both.raw.raw()).contains(CANARY));
}
