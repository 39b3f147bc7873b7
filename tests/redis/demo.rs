//! `toril demo` without its console: it works, and nothing of it stays.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use rstest::rstest;
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use tempfile::TempDir;

/// A demo with a temporary folder of its own for all it makes.
struct Demo {
    place: TempDir,
    child: Child,
    lines: BufReader<ChildStdout>,
    socket: PathBuf,
    server: Pid,
}

fn pid(number: u32) -> Pid {
    i32::try_from(number).ok().and_then(Pid::from_raw).unwrap()
}

impl Demo {
    fn start(args: &[&str]) -> Self {
        let place = tempfile::tempdir().unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_toril"))
            .args(["demo", "--headless"])
            .args(args)
            .env("TMPDIR", place.path())
            .stdout(Stdio::piped())
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut url = String::new();
        lines.read_line(&mut url).unwrap();
        let socket =
            PathBuf::from(url.trim_end().strip_prefix("redis+unix://").expect("the server's address"));
        assert!(socket.starts_with(place.path()), "{}", socket.display());
        let mut demo = Self { place, child, lines, socket, server: pid(1) };
        let info: String = redis::cmd("INFO").arg("server").query(&mut demo.connect()).unwrap();
        let id = info.lines().find_map(|line| line.strip_prefix("process_id:")).unwrap();
        demo.server = pid(id.parse().unwrap());
        demo
    }

    fn connect(&self) -> redis::Connection {
        let url = format!("redis+unix://{}", self.socket.display());
        redis::Client::open(url).unwrap().get_connection().unwrap()
    }

    fn nothing_stays(mut self) {
        let began = Instant::now();
        let files = || std::fs::read_dir(self.place.path()).unwrap().count();
        while files() > 0 || test_kill_process(self.server).is_ok() {
            assert!(began.elapsed() < Duration::from_secs(10), "{} files stay", files());
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn it_ends_when_its_time_is_over_and_leaves_nothing() {
    let mut demo = Demo::start(&["--seconds", "3"]);
    assert!(demo.child.wait().unwrap().success());
    // By then the child has removed all; it is not merely about to.
    assert_eq!(std::fs::read_dir(demo.place.path()).unwrap().count(), 0);
    demo.nothing_stays();
}

#[rstest]
#[case(Signal::KILL, None)]
#[case(Signal::TERM, Some(130))]
#[case(Signal::INT, Some(130))]
#[case(Signal::HUP, Some(130))]
fn however_it_is_ended_it_leaves_nothing(#[case] signal: Signal, #[case] code: Option<i32>) {
    let mut demo = Demo::start(&[]);
    kill_process(pid(demo.child.id()), signal).unwrap();
    assert_eq!(demo.child.wait().unwrap().code(), code);
    demo.nothing_stays();
}

#[test]
fn its_queues_have_a_past_and_a_present() {
    let mut demo = Demo::start(&[]);
    let mut link = demo.connect();
    let mut size =
        |command: &str, key: &str| -> u64 { redis::cmd(command).arg(key).query(&mut link).unwrap() };
    let began = Instant::now();
    let done = |size: &mut dyn FnMut(&str, &str) -> u64| {
        size("ZCARD", "bull:thumbnails:completed") > 1_500
            && size("ZCARD", "bull:payments:failed") > 50
            && size("LLEN", "bull:payments:wait") > 100
            && size("LLEN", "bull:payments:active") == 20
            && size("ZCARD", "bull:invoices:delayed") > 900
            && size("ZCARD", "bull:cleanup:delayed") == 1
            && size("LLEN", "bull:dead-letter:wait") > 300
            && size("LLEN", "bull:email:metrics:completed:data") > 5
    };
    while !done(&mut size) {
        assert!(began.elapsed() < Duration::from_secs(60), "the demo does not come to life");
        std::thread::sleep(Duration::from_millis(50));
    }
    let mut line = String::new();
    demo.lines.read_line(&mut line).unwrap();
    assert!(line.starts_with("waiting "), "{line}");
    let failed: Vec<String> =
        redis::cmd("ZRANGE").arg("bull:payments:failed").arg(0).arg(-1).query(&mut link).unwrap();
    let stack = |id: &String| -> String {
        redis::cmd("HGET").arg(format!("bull:payments:{id}")).arg("stacktrace").query(&mut link).unwrap()
    };
    assert!(failed.iter().map(stack).any(|stack| stack.contains("node_modules")));
    demo.child.kill().unwrap();
    demo.nothing_stays();
}
