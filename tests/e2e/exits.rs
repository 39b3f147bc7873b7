//! However the program ends, the terminal is as it was.

use std::time::{Duration, Instant};

use portable_pty::CommandBuilder;
use rustix::process::Signal;

use crate::support::Server;
use crate::terminal::Terminal;

fn started(server: &Server) -> Terminal {
    let terminal = Terminal::toril(&["-u", &server.url(), "-q", "mail"]);
    terminal.wait_for("mail");
    assert!(!terminal.is_restored(), "the program is in its own screen");
    terminal
}

#[test]
fn keys_and_signals_restore_the_terminal() {
    let server = Server::start();
    for key in ["q", "\x03"] {
        let mut terminal = started(&server);
        terminal.press(key);
        assert_eq!(terminal.wait_for_end(), 0);
        assert!(terminal.is_restored() && terminal.is_cooked(), "after {key:?}");
    }
    for (signal, code) in [(Signal::TERM, 143), (Signal::INT, 130), (Signal::HUP, 129), (Signal::QUIT, 131)] {
        let mut terminal = started(&server);
        terminal.signal(signal);
        assert_eq!(terminal.wait_for_end(), code, "after {signal:?}");
        assert!(terminal.is_restored() && terminal.is_cooked(), "after {signal:?}");
    }
}

#[test]
fn a_panic_of_any_thread_restores_the_terminal_and_ends_the_program() {
    let server = Server::start();
    for thread in ["main", "worker"] {
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_toril"));
        command.args(["-u", &server.url(), "-q", "mail"]);
        command.env("TORIL_TEST_PANIC", thread);
        let mut terminal = Terminal::run(command);
        assert_eq!(terminal.wait_for_end(), 101, "after a panic of the {thread} thread");
        assert!(terminal.is_restored() && terminal.is_cooked(), "after a panic of the {thread} thread");
    }
}

#[test]
fn a_panic_tells_no_password() {
    const PASSWORD: &str = "canary-4417-secret";
    let server = Server::start();
    let rule = ["on", &format!(">{PASSWORD}"), "~*", "&*", "+@all"];
    redis::cmd("ACL").arg("SETUSER").arg("ada").arg(&rule[..]).exec(&mut server.connect()).unwrap();
    let socket = server.socket().display().to_string();
    for thread in ["main", "worker"] {
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_toril"));
        command.args(["-q", "mail"]);
        command.env("TORIL_URL", format!("redis+unix://ada:{PASSWORD}@{socket}"));
        command.env("TORIL_TEST_PANIC", thread);
        command.env("RUST_BACKTRACE", "full");
        let mut terminal = Terminal::run(command);
        assert_eq!(terminal.wait_for_end(), 101, "after a panic of the {thread} thread");
        let written = String::from_utf8_lossy(&terminal.raw()).into_owned();
        assert!(written.contains("asked for by the test"), "the panic is told: {written}");
        assert!(!written.contains(PASSWORD), "{written}");
    }
}

#[test]
fn suspending_gives_the_terminal_back_and_continuing_takes_it_again() {
    let server = Server::start();
    let mut command = CommandBuilder::new("bash");
    command.args(["--norc", "--noprofile", "-i"]);
    command.env("PS1", "shell> ");
    let mut terminal = Terminal::run(command);
    terminal.wait_for("shell>");
    terminal.press(&format!("{} -u {} -q mail\r", env!("CARGO_BIN_EXE_toril"), server.url()));
    terminal.wait_for("Queues 1");
    terminal.press("\x1a");
    terminal.wait_for("Stopped");
    assert!(terminal.is_left(), "the shell has its screen and its cursor");
    terminal.press("fg\r");
    terminal.wait_for("Queues 1");
    assert!(!terminal.is_left());
    terminal.press("q");
    terminal.wait_until("the shell", |screen| !screen.contains("Queues 1"));
    terminal.press("exit\r");
    terminal.wait_for_end();
}

#[test]
fn a_lost_terminal_ends_the_program_even_where_hangups_are_ignored() {
    let server = Server::start();
    // A terminal of `script` inside ours: killing `script` takes the inner one away.
    let pid_file = tempfile::NamedTempFile::new().unwrap();
    let (file, url) = (pid_file.path().display(), server.url());
    let line =
        format!("trap '' HUP; echo $$ > {file}; exec {} -u {url} -q mail", env!("CARGO_BIN_EXE_toril"));
    let mut command = CommandBuilder::new("script");
    command.args(["-qfc", &line, "/dev/null"]);
    let mut terminal = Terminal::run(command);
    terminal.wait_for("mail");
    let pid: i32 = std::fs::read_to_string(pid_file.path()).unwrap().trim().parse().unwrap();
    terminal.signal(Signal::KILL);
    terminal.wait_for_end();
    let started = Instant::now();
    let process = rustix::process::Pid::from_raw(pid).unwrap();
    while rustix::process::test_kill_process(process).is_ok() {
        assert!(started.elapsed() < Duration::from_secs(10), "it lives on without a terminal");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_change_of_size_that_comes_with_a_key_is_not_missed() {
    let server = Server::start();
    let mut terminal = started(&server);
    for round in 0..12_u16 {
        let rows = 14 + round;
        // Both are there when the program goes on.
        terminal.signal(Signal::STOP);
        std::thread::sleep(Duration::from_millis(20));
        terminal.resize(70 + round, rows);
        terminal.press("j");
        terminal.signal(Signal::CONT);
        let foot = usize::from(rows) - 1;
        terminal.wait_until(&format!("the bottom line in row {foot}"), |screen| {
            screen.lines().nth(foot).is_some_and(|line| line.contains("help"))
        });
    }
}
