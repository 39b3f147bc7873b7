//! `toril bench`: it measures and leaves nothing behind.

use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use super::run::{json as ask, on, toril};
use crate::support::{Dump, Server, assert_same};

#[test]
fn it_measures_and_leaves_nothing_behind() {
    let server = Server::start();
    ask(&server, &["add", "mail", "x"]);
    let before = Dump::of(&server);
    let told = ask(&server, &["bench", "--jobs", "600", "--concurrency", "7", "--bulk", "250"]);
    assert_eq!(
        (&told["jobs"], &told["concurrency"], &told["bulk"], &told["interrupted"]),
        (&json!(600), &json!(7), &json!(250), &json!(false))
    );
    let measures = told["measures"].as_array().unwrap();
    let names: Vec<_> = measures.iter().filter_map(|one| one["name"].as_str()).collect();
    assert_eq!(names, ["add, awaited", "add, 100 in flight", "add, bulks of 250", "work, 7 at a time"]);
    for one in measures {
        let (jobs, seconds) = (one["jobs"].as_f64().unwrap(), one["seconds"].as_f64().unwrap());
        let rate = one["perSecond"].as_f64().unwrap();
        assert!(jobs >= 150.0 && seconds > 0.0 && (rate - jobs / seconds).abs() < 1.0, "{one}");
        assert!(one["redisMicrosecondsPerJob"].as_f64().is_some_and(|us| us >= 0.0), "{one}");
    }
    assert_same(&before, &Dump::of(&server));
    let text = toril(&server, &["bench", "--jobs", "40"]).with_code(0).stdout;
    assert!(text.contains("work, 100 at a time"), "{text}");
    assert_same(&before, &Dump::of(&server));
}

#[test]
fn interrupted_it_leaves_nothing_behind() {
    let server = Server::start();
    let mut link = server.connect();
    let mut size = || redis::cmd("DBSIZE").query::<u64>(&mut link).unwrap();
    for jobs in [300, 5_000] {
        let mut child = on(&server).args(["bench", "--jobs", "1000000", "--bulk", "5000"]).spawn().unwrap();
        let began = Instant::now();
        while size() < jobs {
            assert!(began.elapsed() < Duration::from_secs(60), "it adds jobs");
        }
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).unwrap();
        kill_process(pid, Signal::INT).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(130));
        assert_eq!(size(), 0, "after {jobs} jobs");
    }
}

#[test]
fn it_needs_leave_to_write_and_sane_numbers() {
    let server = Server::start();
    let refused = toril(&server, &["bench", "--read-only", "--json"]).with_code(3);
    assert_eq!(refused.error()["kind"], "readonly");
    for args in [["--jobs", "0"], ["--jobs", "-1"], ["--concurrency", "0"], ["--bulk", "0"], ["--jobs", "x"]]
    {
        toril(&server, &[&["bench"], &args[..]].concat()).with_code(2);
    }
    assert!(Dump::of(&server).keys().is_empty());
}
