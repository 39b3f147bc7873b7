//! Scripts run whether the server knows them or not, each exactly once.

use std::time::Duration;

use toril::conn::{ConnError, Kind, Run, Script, Value, integer};

use super::operator;
use crate::support::Server;

fn count() -> Script {
    Script::new(
        "count",
        "if ARGV[1] == 'bad' then return redis.error_reply('BAD run') end return redis.call('INCRBY', KEYS[1], ARGV[1])",
    )
}

fn run(key: &str, by: &str) -> Run {
    (vec![key.into()], vec![by.into()])
}

fn flush(server: &Server) {
    redis::cmd("SCRIPT").arg("FLUSH").exec(&mut server.connect()).unwrap();
}

fn calls(server: &Server, command: &str) -> u64 {
    let info: String = redis::cmd("INFO").arg("commandstats").query(&mut server.connect()).unwrap();
    let line = info.lines().find_map(|line| line.strip_prefix(&format!("cmdstat_{command}:calls=")));
    line.and_then(|rest| rest.split(',').next()?.parse().ok()).unwrap_or(0)
}

#[tokio::test]
async fn one_run_after_another() {
    let server = Server::start();
    let conn = operator(&server).await;
    let script = count();
    for expected in 1..=3 {
        let value = conn.eval(&script, &[b"n".to_vec()], &[b"1".to_vec()]).await.unwrap();
        assert_eq!(integer(&value), Some(expected));
    }
    flush(&server);
    let value = conn.eval(&script, &[b"n".to_vec()], &[b"1".to_vec()]).await.unwrap();
    assert_eq!(integer(&value), Some(4));
    // The source goes out when it must: first, and after the flush.
    assert_eq!(calls(&server, "eval"), 2);
    let error = conn.eval(&script, &[b"n".to_vec()], &[b"bad".to_vec()]).await.unwrap_err();
    assert_eq!((error.kind, error.message.as_str()), (Kind::Reply, "BAD run"));
}

#[tokio::test]
async fn many_runs_in_one_round_trip() {
    let server = Server::start();
    let conn = operator(&server).await;
    let script = count();
    let runs: Vec<Run> = (0..100).map(|i| run("n", if i == 50 { "bad" } else { "1" })).collect();
    for round in 0..3 {
        if round == 2 {
            flush(&server);
        }
        let values = conn.eval_many(&script, &runs).await.unwrap();
        for (i, value) in values.into_iter().enumerate() {
            match ConnError::check(value) {
                Ok(value) => {
                    let before = round * 99 + i64::try_from(i).unwrap() - i64::from(i > 50);
                    assert_eq!(integer(&value), Some(before + 1));
                }
                Err(error) => assert_eq!((i, error.message.as_str()), (50, "BAD run")),
            }
        }
    }
    assert_eq!(calls(&server, "eval"), 2);
    assert!(conn.eval_many(&script, &[]).await.unwrap().is_empty());
    assert!(conn.traffic().scripts >= 300);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flush_in_the_middle_runs_nothing_twice() {
    let server = Server::start();
    let conn = operator(&server).await;
    let script = count();
    let done = std::sync::atomic::AtomicBool::new(false);
    let mut runs = 0_i64;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut link = server.connect();
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                redis::cmd("SCRIPT").arg("FLUSH").exec(&mut link).unwrap();
                std::thread::sleep(Duration::from_micros(300));
            }
        });
        tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(async {
                for _ in 0..100 {
                    for value in conn.eval_many(&script, &vec![run("n", "1"); 20]).await.unwrap() {
                        // Only a server that forgets it four times in a row leaves a run undone.
                        runs += i64::from(matches!(value, Value::Int(_)));
                    }
                }
            });
        });
        done.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    let counted: i64 = redis::cmd("GET").arg("n").query(&mut server.connect()).unwrap();
    assert_eq!(counted, runs);
    assert!(runs > 1900, "{runs}");
}

#[tokio::test]
async fn dedicated_connections_run_scripts_too() {
    let server = Server::start();
    let conn = operator(&server).await;
    let mut dedicated = conn.dedicated().await.unwrap();
    let script = count();
    let second = Duration::from_secs(1);
    for expected in 1..=2 {
        let value = dedicated.eval(&script, &[b"n".to_vec()], &[b"1".to_vec()], second).await.unwrap();
        assert_eq!(integer(&value), Some(expected));
    }
    flush(&server);
    let values = dedicated.eval_many(&script, &[run("n", "1"), run("n", "1")], second).await.unwrap();
    assert_eq!(values.iter().map(|v| integer(v).unwrap()).collect::<Vec<_>>(), [3, 4]);
}
