//! Acts on many jobs that are broken off, cancelled, resumed, or done by two at once.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::run::{finish, on};
use crate::support::{Dump, Lib, Node, Server};

/// 20,000 jobs; `TORIL_TEST_WHOLE=1` makes it 200,000.
fn size() -> usize {
    if std::env::var_os("TORIL_TEST_WHOLE").is_some() { 200_000 } else { 20_000 }
}

/// Jobs that wait, with a log line each tenth.
fn fill(server: &Server, state: &str, count: usize) {
    let mut link = server.connect();
    let meta = [("opts.maxLenEvents", "100"), ("version", "bullmq:6.7.0")];
    redis::cmd("HSET").arg("bull:q:meta").arg(&meta).exec(&mut link).unwrap();
    redis::cmd("XADD").arg("bull:q:events").arg("*").arg("event").arg("added").exec(&mut link).unwrap();
    redis::cmd("SET").arg("bull:q:id").arg(count).exec(&mut link).unwrap();
    for from in (1..=count).step_by(5_000) {
        let mut pipe = redis::pipe();
        for n in from..(from + 5_000).min(count + 1) {
            let fields =
                [("name", "n"), ("data", "{}"), ("opts", "{}"), ("timestamp", "1000"), ("priority", "0")];
            pipe.cmd("HSET").arg(format!("bull:q:{n}")).arg(&fields).ignore();
            if n % 10 == 0 {
                pipe.cmd("RPUSH").arg(format!("bull:q:{n}:logs")).arg("line").ignore();
            }
            match state {
                "wait" => pipe.cmd("LPUSH").arg("bull:q:wait").arg(n).ignore(),
                _ => pipe.cmd("ZADD").arg(format!("bull:q:{state}")).arg(1000 + n).arg(n).ignore(),
            };
        }
        pipe.exec(&mut link).unwrap();
    }
}

fn command(server: &Server, home: &Path, args: &[&str]) -> Command {
    let mut command = on(server);
    command.env("XDG_STATE_HOME", home).args(args);
    command
}

fn waiting(server: &Server) -> usize {
    redis::cmd("LLEN").arg("bull:q:wait").query(&mut server.connect()).unwrap()
}

/// Waits until at most so many wait.
fn until(server: &Server, left: usize, child: &mut Child) {
    let began = Instant::now();
    while waiting(server) > left {
        assert!(began.elapsed() < Duration::from_secs(600) && child.try_wait().unwrap().is_none());
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Keys of jobs, however they end.
fn job_keys(server: &Server) -> Vec<String> {
    let keys: Vec<String> = redis::cmd("KEYS").arg("bull:q:*").query(&mut server.connect()).unwrap();
    let job = |key: &String| key["bull:q:".len()..].starts_with(|c: char| c.is_ascii_digit());
    keys.into_iter().filter(job).collect()
}

fn start(server: &Server, home: &Path, rate: &str) -> Child {
    let args = ["drain", "q", "--confirm", "q", "--json", "--rate", rate];
    command(server, home, &args).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
}

/// Five jobs that come after the act began.
fn newer(node: &mut Node) -> Vec<String> {
    (0..5)
        .map(|n| node.call(json!({"op": "add", "queue": "q", "data": {"n": n}})).as_str().unwrap().to_owned())
        .collect()
}

fn nothing_is_left_but(server: &Server, ids: &[String]) {
    let dump = Dump::of(server);
    let mut left: Vec<String> = dump.members("bull:q:wait").iter().map(ToString::to_string).collect();
    left.sort_unstable();
    let mut wanted = ids.to_vec();
    wanted.sort_unstable();
    assert_eq!(left, wanted, "what came later stays, and no ghost id");
    let mut hashes = job_keys(server);
    hashes.sort_unstable();
    let keys: Vec<String> = wanted.iter().map(|id| format!("bull:q:{id}")).collect();
    assert_eq!(hashes, keys, "no orphan");
}

#[test]
fn an_act_that_was_killed_goes_on_with_what_was_left() {
    let (count, home) = (size(), tempfile::tempdir().unwrap());
    let server = Server::start();
    fill(&server, "wait", count);
    let mut node = Node::start(Lib::BullMq6, &server);
    let rate = (count / 4).to_string();
    let mut child = start(&server, home.path(), &rate);
    until(&server, count * 3 / 10, &mut child);
    child.kill().unwrap();
    child.wait().unwrap();
    let later = newer(&mut node);
    // The script that was under way may have ended since.
    let left = waiting(&server) - later.len();
    assert!(left > 0 && left <= count * 3 / 10);
    let told = finish(&mut command(&server, home.path(), &["journal", "--json"])).with_code(0).json();
    assert_eq!((&told["acts"][0]["id"], &told["acts"][0]["ended"]), (&json!("J1"), &json!("running")));
    let plan = ["journal", "--resume", "J1", "--json"];
    let dry = finish(&mut command(&server, home.path(), &[&plan[..], &["--dry-run"]].concat()));
    assert_eq!(dry.with_code(0).json()["dryRun"], true);
    finish(&mut command(&server, home.path(), &plan)).with_code(2);
    let done = finish(&mut command(&server, home.path(), &[&plan[..], &["--confirm", "q"]].concat()));
    let done = done.with_code(0).json();
    assert_eq!(
        (&done["done"], &done["ended"], &done["action"]),
        (&json!(left), &json!("finished"), &json!("drain"))
    );
    nothing_is_left_but(&server, &later);
    // Both halves come back, each job once.
    let back: u64 = ["J2", "J1"]
        .map(|id| finish(&mut command(&server, home.path(), &["undo", id, "--json"])).json())
        .iter()
        .map(|told| told["done"].as_u64().unwrap())
        .sum();
    assert_eq!((back, waiting(&server)), (count as u64, count + later.len()));
}

#[test]
fn an_act_that_was_cancelled_says_how_far_it_came_and_goes_on() {
    let (count, home) = (size(), tempfile::tempdir().unwrap());
    let server = Server::start();
    fill(&server, "wait", count);
    let mut node = Node::start(Lib::BullMq6, &server);
    let mut child = start(&server, home.path(), &(count / 4).to_string());
    until(&server, count * 6 / 10, &mut child);
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).unwrap();
    kill_process(pid, Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let left = waiting(&server);
    assert_eq!((&told["ended"], &told["done"]), (&json!("cancelled"), &json!(count - left)));
    assert!(left > count / 3, "it stopped at once: {left}");
    let later = newer(&mut node);
    let args = ["journal", "--resume", "J1", "--confirm", "q", "--json"];
    let done = finish(&mut command(&server, home.path(), &args)).with_code(0).json();
    assert_eq!(done["done"], left);
    nothing_is_left_but(&server, &later);
    // What is finished is finished.
    finish(&mut command(&server, home.path(), &["journal", "--resume", "J2", "--yes"])).with_code(1);
    finish(&mut command(&server, home.path(), &["journal", "--resume", "J99", "--yes"])).with_code(1);
}

#[test]
fn two_who_clean_at_once_remove_each_job_once() {
    const MORE: usize = 1_000;
    let count = size() / 4;
    let server = Server::start();
    fill(&server, "completed", count);
    let mut node = Node::start(Lib::BullMq6, &server);
    let jobs: Vec<Value> = (0..MORE).map(|n| json!({"name": "job", "data": {"n": n}})).collect();
    node.call(json!({"op": "addBulk", "queue": "q", "jobs": jobs}));
    let handle = node.call(json!({"op": "worker", "queue": "q", "opts": {"concurrency": 5}}));
    let homes = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let mut removed = 0;
    for _ in 0..3 {
        let both = homes.each_ref().map(|home| {
            let args = ["clean", "q", "--state", "completed", "--confirm", "q", "--json"];
            command(&server, home.path(), &args).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
        });
        for child in both {
            let told: Value = serde_json::from_slice(&child.wait_with_output().unwrap().stdout).unwrap();
            assert_eq!(told["failed"], json!([]), "{told}");
            removed += told["done"].as_u64().unwrap();
        }
    }
    node.call(json!({"op": "waitIdle", "queue": "q"}));
    node.call(json!({"op": "workerStop", "handle": handle}));
    let mut link = server.connect();
    let left: u64 = redis::cmd("ZCARD").arg("bull:q:completed").query(&mut link).unwrap();
    assert_eq!(removed + left, (count + MORE) as u64, "each once");
    let dump = Dump::of(&server);
    let mut keys = job_keys(&server);
    keys.sort_unstable();
    let mut wanted: Vec<String> =
        dump.members("bull:q:completed").iter().map(|id| format!("bull:q:{id}")).collect();
    wanted.sort_unstable();
    assert_eq!(keys, wanted, "no orphan, and no ghost id");
}

/// What a limit leaves is exact, also where nothing was saved and the act was killed in the middle.
#[test]
fn a_limit_is_kept_by_who_goes_on_without_copies() {
    let home = tempfile::tempdir().unwrap();
    let server = Server::start();
    fill(&server, "failed", 4_000);
    let failed =
        || -> usize { redis::cmd("ZCARD").arg("bull:q:failed").query(&mut server.connect()).unwrap() };
    let clean = [
        "clean",
        "q",
        "--state",
        "failed",
        "--limit",
        "2000",
        "--no-save",
        "--rate",
        "400",
        "--confirm",
        "q",
    ];
    let mut child =
        command(&server, home.path(), &clean).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let began = Instant::now();
    while failed() > 3_700 {
        assert!(began.elapsed() < Duration::from_secs(120) && child.try_wait().unwrap().is_none());
        std::thread::sleep(Duration::from_millis(3));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let trash = home.path().join("toril/trash/J1.jsonl");
    assert!(trash.is_file(), "what was about to go is named");
    let args = ["journal", "--resume", "J1", "--no-save", "--confirm", "q", "--json"];
    finish(&mut command(&server, home.path(), &args)).with_code(0);
    assert_eq!(failed(), 2_000);
    let left: Vec<_> = std::fs::read_dir(trash.parent().unwrap()).unwrap().collect();
    assert!(left.len() <= 1, "what goes on lets go of its own: {left:?}");
}
