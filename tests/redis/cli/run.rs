//! Running the binary.

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::Server;

/// How a run ended.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    /// The one JSON document on stdout.
    #[track_caller]
    pub fn json(&self) -> Value {
        let lines: Vec<_> = self.stdout.lines().collect();
        assert_eq!(lines.len(), 1, "one document on one line: {self:?}");
        serde_json::from_str(lines[0]).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    /// The error document, the last line of stderr.
    #[track_caller]
    pub fn error(&self) -> Value {
        let last = self.stderr.lines().last().unwrap_or_default();
        let document: Value =
            serde_json::from_str(last).unwrap_or_else(|error| panic!("{error} in {self:?}"));
        document["error"].clone()
    }

    /// The same, after checking the code.
    #[track_caller]
    pub fn with_code(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:?}");
        self
    }
}

/// The binary without anything of this machine's environment.
pub fn bare() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_toril"));
    command.env_clear().env("HOME", "/nonexistent").stdin(Stdio::null());
    // Acts are written down somewhere.
    command.env("XDG_STATE_HOME", concat!(env!("CARGO_TARGET_TMPDIR"), "/state"));
    command
}

/// The binary on a server.
pub fn on(server: &Server) -> Command {
    let mut command = bare();
    command.env("TORIL_URL", server.url());
    command
}

/// Runs it to its end.
#[track_caller]
pub fn finish(command: &mut Command) -> Ran {
    let output = command.output().expect("the binary runs");
    Ran {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).expect("UTF-8 on stdout"),
        stderr: String::from_utf8(output.stderr).expect("UTF-8 on stderr"),
    }
}

/// Runs it on a server with these arguments.
#[track_caller]
pub fn toril(server: &Server, args: &[&str]) -> Ran {
    finish(on(server).args(args))
}

/// Runs it and takes its document; it must end well.
#[track_caller]
pub fn json(server: &Server, args: &[&str]) -> Value {
    toril(server, &[args, &["--json"]].concat()).with_code(0).json()
}

/// Runs it with text on stdin.
pub fn with_input(command: &mut Command, input: &str) -> Ran {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let _ = child.stdin.take().expect("a pipe").write_all(input.as_bytes());
    let output = child.wait_with_output().expect("it ends");
    Ran {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// A command that goes on until it is interrupted.
pub struct Following {
    child: std::process::Child,
    lines: std::sync::mpsc::Receiver<String>,
}

impl Following {
    /// Starts it.
    pub fn start(server: &Server, args: &[&str]) -> Self {
        use std::io::{BufRead as _, BufReader};
        let mut child = on(server).args(args).stdout(Stdio::piped()).spawn().expect("the binary runs");
        let stdout = child.stdout.take().expect("a pipe");
        let (sender, lines) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Self { child, lines }
    }

    /// The next object.
    #[track_caller]
    pub fn line(&mut self) -> Value {
        let line = self.lines.recv_timeout(std::time::Duration::from_secs(10)).expect("a line");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error} in {line}"))
    }

    /// The next object, if one comes within so many ms.
    pub fn try_line(&mut self, ms: u64) -> Option<Value> {
        let line = self.lines.recv_timeout(std::time::Duration::from_millis(ms)).ok()?;
        serde_json::from_str(&line).ok()
    }

    /// Ctrl-C; the exit code and what it has to say.
    pub fn interrupt_and_read(mut self) -> (i32, Value) {
        let code = self.end();
        (code, self.line())
    }

    /// Ctrl-C; the exit code.
    pub fn interrupt(mut self) -> i32 {
        self.end()
    }

    fn end(&mut self) -> i32 {
        use rustix::process::{Pid, Signal, kill_process};
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("a process id");
        kill_process(pid, Signal::INT).expect("it takes signals");
        self.child.wait().expect("it ends").code().unwrap_or(-1)
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
