//! `toril work --exec`: jobs run by a command.

use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use serde_json::{Value, json};

use super::run::{Following, json as ask, on, toril};
use crate::support::Server;

/// Longest wait for what takes milliseconds where nothing else runs.
const PATIENCE: Duration = Duration::from_secs(30);

fn add(server: &Server, args: &[&str]) -> String {
    let added = ask(server, &[&["add", "mail", "send"], args].concat());
    added["id"].as_str().unwrap().to_owned()
}

fn worker(server: &Server, exec: &str, args: &[&str]) -> Following {
    Following::start(server, &[&["work", "mail", "--json", "--exec", exec], args].concat())
}

fn job(server: &Server, id: &str) -> Value {
    ask(server, &["job", "mail", id])
}

fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The number that a command wrote into a file, when it is there.
fn pid_in(file: &Path) -> Pid {
    wait_for("a process id", || {
        std::fs::read_to_string(file).ok()?.strip_suffix('\n')?.parse().ok().and_then(Pid::from_raw)
    })
}

fn gone(pid: Pid) -> bool {
    // One that was reaped by its parent; what waits for its parent counts as there.
    test_kill_process(pid).is_err() || state_of(pid).is_none_or(|state| state == 'X')
}

fn state_of(pid: Pid) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?;
    stat.rsplit(") ").next()?.chars().next()
}

#[test]
fn what_a_command_prints_is_the_return_value() {
    let server = Server::start();
    let data = r#"{"to":"ana","n":12345678901234567890}"#;
    let whole = add(&server, &["--data", data]);
    let mut running = worker(&server, "cat", &[]);
    let told = running.line();
    assert_eq!(
        (&told["event"], &told["jobId"], &told["attempt"]),
        (&json!("completed"), &json!(whole), &json!(1))
    );
    let seen = wait_for("the end", || job(&server, &whole).get("returnvalue").cloned());
    assert_eq!((&seen["id"], &seen["name"], &seen["queue"]), (&json!(whole), &json!("send"), &json!("mail")));
    assert_eq!(
        (&seen["prefix"], &seen["attempt"], &seen["data"]["to"]),
        (&json!("bull"), &json!(1), &json!("ana"))
    );
    assert_eq!(running.interrupt(), 130);
    // Digits that no float holds came through both ways.
    let raw = job(&server, &whole)["raw"]["returnvalue"].as_str().unwrap().to_owned();
    assert!(raw.contains(data), "{raw}");

    let text = add(&server, &[]);
    let variables =
        r#"printf '%s|%s|%s|%s\n' "$TORIL_QUEUE" "$TORIL_JOB_ID" "$TORIL_JOB_NAME" "$TORIL_ATTEMPT""#;
    let mut running = worker(&server, variables, &[]);
    running.line();
    assert_eq!(running.interrupt(), 130);
    assert_eq!(job(&server, &text)["returnvalue"], format!("mail|{text}|send|1"));
}

#[test]
fn a_failure_says_what_stderr_said_and_is_retried() {
    let server = Server::start();
    let id = add(&server, &["--attempts", "2"]);
    let exec = "echo '::progress 40' >&2; echo '::log half way' >&2; echo 'no route to host' >&2; exit 3";
    let mut running = worker(&server, exec, &[]);
    for attempt in 1..=2 {
        let told = running.line();
        assert_eq!((&told["event"], &told["attempt"]), (&json!("failed"), &json!(attempt)));
        assert_eq!(told["failedReason"], "no route to host");
    }
    assert_eq!(running.interrupt(), 130);
    let seen = job(&server, &id);
    assert_eq!((&seen["state"], &seen["progress"]), (&json!("failed"), &json!(40)));
    assert_eq!((&seen["failedReason"], &seen["attemptsMade"]), (&json!("no route to host"), &json!(2)));
    assert_eq!(ask(&server, &["logs", "mail", &id])["lines"], json!(["half way", "half way"]));

    let silent = add(&server, &[]);
    let mut running = worker(&server, "exit 7", &[]);
    running.line();
    assert_eq!(running.interrupt(), 130);
    assert_eq!(job(&server, &silent)["failedReason"], "the command ended with exit code 7");
}

#[test]
fn no_size_makes_it_stand_still() {
    let server = Server::start();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), format!("\"{}\"", "x".repeat(4_000_000))).unwrap();
    let place = format!("@{}", file.path().display());
    // Prints much before it reads, reads nothing at all, says much on stderr, prints without end.
    for (exec, event) in [
        ("head -c 300000 /dev/zero | tr '\\0' y; cat > /dev/null", "completed"),
        ("true", "completed"),
        ("cat > /dev/null; head -c 3000000 /dev/zero | tr '\\0' y >&2; exit 1", "failed"),
        ("yes", "failed"),
    ] {
        let id = add(&server, &["--data", &place]);
        let mut running = worker(&server, exec, &[]);
        let told = running.line();
        assert_eq!((&told["event"], &told["jobId"]), (&json!(event), &json!(id)), "{exec}");
        assert_eq!(running.interrupt(), 130);
        let reason = job(&server, &id)["failedReason"].as_str().unwrap_or_default().to_owned();
        assert!(reason.len() < 70_000, "{} bytes of reason", reason.len());
        assert_eq!(exec == "yes", reason.contains("printed more than"), "{reason}");
    }
}

#[test]
fn the_first_interrupt_waits_and_the_second_does_not() {
    let server = Server::start();
    let folder = tempfile::tempdir().unwrap();
    let mark = folder.path().join("pid");
    let start = |seconds: u32| {
        let _ = std::fs::remove_file(&mark);
        let exec = format!("echo $$ > {0}.new; mv {0}.new {0}; sleep {seconds}; echo slept", mark.display());
        let child = on(&server).args(["work", "mail", "--exec", &exec]).spawn().unwrap();
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).unwrap();
        (child, pid, pid_in(&mark))
    };
    let id = add(&server, &[]);
    let (mut child, pid, command) = start(1);
    kill_process(pid, Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let done = job(&server, &id);
    assert_eq!((&done["state"], &done["returnvalue"]), (&json!("completed"), &json!("slept")));
    assert!(gone(command));

    let id = add(&server, &[]);
    let (mut child, pid, command) = start(600);
    let began = Instant::now();
    kill_process(pid, Signal::INT).unwrap();
    std::thread::sleep(Duration::from_millis(100));
    kill_process(pid, Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(began.elapsed() < PATIENCE);
    assert!(gone(command), "the command is ended, and reaped");
    // Back in line, and no attempt of it counted.
    let back = job(&server, &id);
    assert_eq!((&back["state"], back["attemptsMade"].as_u64().unwrap_or(0)), (&json!("waiting"), 0));
}

#[test]
fn a_lost_lock_ends_the_command() {
    let server = Server::start();
    let folder = tempfile::tempdir().unwrap();
    let mark = folder.path().join("pid");
    let id = add(&server, &[]);
    let exec = format!("echo $$ > {0}.new; mv {0}.new {0}; sleep 600", mark.display());
    let running = worker(&server, &exec, &[]);
    let command = pid_in(&mark);
    let mut link = server.connect();
    let key = format!("bull:mail:{id}:lock");
    let taken: String = redis::cmd("SET").arg(&key).arg("another's").query(&mut link).unwrap();
    assert_eq!(taken, "OK");
    // Seen with the next renewal, which is due within half of the lock's 30 s.
    wait_for("the command to be ended", || gone(command).then_some(()));
    assert_eq!(running.interrupt(), 130);
    assert_eq!(job(&server, &id)["state"], "active", "it is another worker's");
}

#[test]
fn what_a_command_leaves_behind_ends_with_it() {
    let server = Server::start();
    let folder = tempfile::tempdir().unwrap();
    let mark = folder.path().join("pid");
    let id = add(&server, &[]);
    let mut running =
        worker(&server, &format!("sleep 600 & echo $! > {}; echo gone on", mark.display()), &[]);
    assert_eq!(running.line()["event"], "completed");
    let left = pid_in(&mark);
    assert_eq!(running.interrupt(), 130);
    assert_eq!(job(&server, &id)["returnvalue"], "gone on");
    // Its parent is gone: whoever took it in may take a moment to reap it.
    wait_for("it to end", || (gone(left) || state_of(left) == Some('Z')).then_some(()));
}

#[test]
fn it_runs_as_many_at_a_time_and_as_often_as_it_may() {
    let server = Server::start();
    for _ in 0..6 {
        add(&server, &[]);
    }
    let began = Instant::now();
    let mut running = worker(&server, "sleep 1", &["--concurrency", "6", "--name", "box 1"]);
    for _ in 0..6 {
        assert_eq!(running.line()["event"], "completed");
    }
    assert!(began.elapsed() < Duration::from_secs(5), "one after the other takes six: {:?}", began.elapsed());
    assert_eq!(running.interrupt(), 130);
    for _ in 0..3 {
        add(&server, &[]);
    }
    let began = Instant::now();
    let mut running = worker(&server, "true", &["--concurrency", "6", "--limit", "1/1s"]);
    for _ in 0..3 {
        assert_eq!(running.line()["event"], "completed");
    }
    assert!(began.elapsed() >= Duration::from_millis(1_800), "one a second: {:?}", began.elapsed());
    assert_eq!(running.interrupt(), 130);
}

#[test]
fn it_needs_leave_to_write_and_a_command() {
    let server = Server::start();
    let refused = toril(&server, &["work", "mail", "--exec", "true", "--read-only", "--json"]).with_code(3);
    assert_eq!(refused.error()["kind"], "readonly");
    toril(&server, &["work", "mail"]).with_code(2);
    toril(&server, &["work", "mail", "--exec", " "]).with_code(2);
    toril(&server, &["work", "mail", "--exec", "true", "--limit", "0/1s"]).with_code(2);
    toril(&server, &["work", "mail", "--exec", "true", "--concurrency", "0"]).with_code(2);
}
