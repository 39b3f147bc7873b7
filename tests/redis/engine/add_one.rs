//! A lone plain job is added by a short script of its own, and left to the long one before the first
//! write where the queue is not as usual.

use std::time::Duration;

use rstest::rstest;
use serde_json::json;
use toril::engine::op::Code;
use toril::engine::{AddError, JobOptions};

use super::ours::Ours;
use crate::support::{Dump, Server};

fn scripts(server: &Server) -> u64 {
    let stats: String = redis::cmd("INFO").arg("commandstats").query(&mut server.connect()).unwrap();
    let calls = |name: &str| -> u64 {
        let start = format!("cmdstat_{name}:calls=");
        let rest = stats.lines().find_map(|line| line.strip_prefix(&start));
        rest.map_or(0, |rest| rest.split(',').next().unwrap().parse().unwrap())
    };
    calls("eval") + calls("evalsha")
}

fn plain() -> JobOptions {
    JobOptions::default()
}

fn delayed() -> JobOptions {
    JobOptions { delay: Some(Duration::from_secs(60)), ..plain() }
}

fn prioritized() -> JobOptions {
    JobOptions { priority: 3, ..plain() }
}

/// A queue of ours takes a job in one run of a script; one that is paused has a second look.
#[test]
fn a_plain_job_is_one_script() {
    let server = Server::start();
    let ours = Ours::on(&server);
    let queue = ours.queue("q");
    let costs = |options: JobOptions| {
        let before = scripts(&server);
        ours.wait(queue.add("n", &json!({}), options)).unwrap();
        scripts(&server) - before
    };
    // The server knows the scripts after the first jobs.
    for options in [plain(), plain(), delayed()] {
        costs(options);
    }
    assert_eq!([costs(plain()), costs(delayed()), costs(prioritized())], [1, 1, 1]);
    let _: () = redis::cmd("HSET").arg(&["bull:q:meta", "paused", "1"]).query(&mut server.connect()).unwrap();
    assert_eq!(costs(plain()), 2);
}

/// What cannot take a job is seen before the first write.
#[rstest]
#[case(&["SET", "bull:q:wait", "x"], plain(), Code::Damaged)]
#[case(&["SET", "bull:q:delayed", "x"], delayed(), Code::Damaged)]
#[case(&["SET", "bull:q:prioritized", "x"], prioritized(), Code::Damaged)]
#[case(&["RPUSH", "bull:q:pc", "x"], prioritized(), Code::Damaged)]
#[case(&["SET", "bull:q:meta-paused", "1"], plain(), Code::WrongEra)]
#[case(&["SET", "bull:q:groups", "1"], plain(), Code::WrongEra)]
#[case(&["HSET", "bull:q:meta", "version", "bullmq-pro:7.0.0"], plain(), Code::WrongEra)]
fn nothing_is_written_where_the_job_cannot_go(
    #[case] spoil: &[&str],
    #[case] options: JobOptions,
    #[case] code: Code,
) {
    let server = Server::start();
    let ours = Ours::on(&server);
    let queue = ours.queue("q");
    ours.wait(queue.add("n", &json!({}), plain())).unwrap();
    let _: () = redis::cmd("DEL").arg("bull:q:wait").query(&mut server.connect()).unwrap();
    let _: redis::Value = redis::cmd(spoil[0]).arg(&spoil[1..]).query(&mut server.connect()).unwrap();
    let before = Dump::of(&server);
    let refused = ours.wait(queue.add("n", &json!({}), options));
    assert_eq!(refused, Err(AddError::Refused(code)));
    assert_eq!(Dump::of(&server), before);
}
