//! One of the real Node libraries, driven over a line protocol (`tests/node/driver.js`).

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use super::Server;

/// How long one call may take.
const LIMIT: Duration = Duration::from_secs(60);

/// A pinned library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lib {
    /// Bull 4
    Bull4,
    /// `BullMQ` 4
    BullMq4,
    /// `BullMQ` 5
    BullMq5,
    /// `BullMQ` 6
    BullMq6,
}

impl Lib {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Bull4, Self::BullMq4, Self::BullMq5, Self::BullMq6];
    /// Those that our engine is compared with.
    pub const PARITY: [Self; 2] = [Self::BullMq5, Self::BullMq6];

    /// The name under which `tests/node/package.json` has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bull4 => "bull-4",
            Self::BullMq4 => "bullmq-4",
            Self::BullMq5 => "bullmq-5",
            Self::BullMq6 => "bullmq-6",
        }
    }
}

/// A running driver; killed when dropped.
pub struct Node {
    lib: Lib,
    child: Child,
    stdin: ChildStdin,
    answers: Receiver<String>,
    last: u64,
}

impl Node {
    /// Starts a driver for `lib` on the server's socket and waits until it answers.
    pub fn start(lib: Lib, server: &Server) -> Self {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/node");
        assert!(dir.join("node_modules").is_dir(), "tests/node has no node_modules: run scripts/setup tests");
        let mut child = Command::new("node")
            .arg(dir.join("driver.js"))
            .arg(lib.name())
            .arg(server.socket())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("node on the PATH; scripts/setup tests sees to it");
        let stdin = child.stdin.take().expect("a pipe");
        let stdout = child.stdout.take().expect("a pipe");
        let (sender, answers) = channel();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        let mut node = Self { lib, child, stdin, answers, last: 0 };
        node.call(serde_json::json!({ "op": "ping" }));
        node
    }

    /// The library.
    pub fn lib(&self) -> Lib {
        self.lib
    }

    /// Does `request` (an object with `op`) and returns the result; an error ends the test.
    #[track_caller]
    pub fn call(&mut self, request: Value) -> Value {
        match self.try_call(request.clone()) {
            Ok(result) => result,
            Err(error) => panic!("{}: {error}\n  in {request}", self.lib.name()),
        }
    }

    /// Does `request` and returns the result or the library's error message.
    #[track_caller]
    pub fn try_call(&mut self, mut request: Value) -> Result<Value, String> {
        self.last += 1;
        request["id"] = self.last.into();
        writeln!(self.stdin, "{request}").map_err(|error| format!("driver gone: {error}"))?;
        loop {
            let line = match self.answers.recv_timeout(LIMIT) {
                Ok(line) => line,
                Err(RecvTimeoutError::Timeout) => {
                    panic!("{}: no answer in {LIMIT:?} to {request}", self.lib.name())
                }
                Err(RecvTimeoutError::Disconnected) => {
                    panic!("{}: the driver ended in {request}", self.lib.name())
                }
            };
            // A library that prints on stdout must not be taken for an answer.
            let Ok(mut answer) = serde_json::from_str::<Value>(&line) else {
                eprintln!("{}: {line}", self.lib.name());
                continue;
            };
            if answer["id"] != self.last {
                continue;
            }
            return match answer["error"].take() {
                Value::Null => Ok(answer["result"].take()),
                error => Err(error.as_str().unwrap_or_default().to_owned()),
            };
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
