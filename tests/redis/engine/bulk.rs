//! What a chunk costs Redis, and what happens to it while others work on the same jobs.

use std::collections::HashSet;

use redis::Connection;
use toril::conn::Conn;
use toril::engine::op::{Chosen, Code, JobsOp, MANY_MAX, OpError, Sweep, Target, run_many};
use toril::wire::{JobId, Prefix, QueueId, QueueName, State, WriteEra};

use crate::support::{Dump, Server, writer};

struct Lab {
    server: Server,
    conn: Conn,
    link: Connection,
}

impl Lab {
    async fn new() -> Self {
        let server = Server::start();
        let conn = writer(&server).await;
        let link = server.connect();
        Self { server, conn, link }
    }

    /// A queue with jobs `1` to `count` in a state, in this order from its old end on.
    fn fill(&mut self, state: State, count: usize) {
        let mut pipe = redis::pipe();
        pipe.cmd("FLUSHALL").cmd("HSET").arg("bull:q:meta").arg("opts.maxLenEvents").arg(10_000);
        pipe.cmd("SET").arg("bull:q:id").arg(count);
        pipe.exec(&mut self.link).unwrap();
        for from in (0..count).step_by(5000) {
            let mut pipe = redis::pipe();
            let key = format!("bull:q:{}", state.suffix());
            for n in from + 1..=count.min(from + 5000) {
                let fields =
                    ["name", "n", "data", "{\"n\":1}", "opts", "{\"attempts\":0}", "timestamp", "1000"];
                let more = ["delay", "0", "priority", "0", "failedReason", "boom", "finishedOn", "1000"];
                pipe.cmd("HSET").arg(format!("bull:q:{n}")).arg(&fields).arg(&more);
                if state.is_list() {
                    pipe.cmd("LPUSH").arg(&key).arg(n);
                } else {
                    pipe.cmd("ZADD").arg(&key).arg(1000 + n).arg(n);
                }
            }
            pipe.exec(&mut self.link).unwrap();
        }
    }

    /// What each run of our scripts took, in microseconds, the longest last.
    fn scripts(&mut self) -> Vec<i64> {
        let entries: Vec<Vec<redis::Value>> =
            redis::cmd("SLOWLOG").arg("GET").arg(-1).query(&mut self.link).unwrap();
        let mut took: Vec<i64> = entries
            .iter()
            .filter(|entry| {
                let redis::Value::Array(words) = &entry[3] else { return false };
                matches!(&words[0], redis::Value::BulkString(word) if word.to_ascii_uppercase().starts_with(b"EVAL"))
            })
            .map(|entry| redis::from_redis_value(entry[2].clone()).unwrap())
            .collect();
        took.sort_unstable();
        took
    }

    fn watch_scripts(&mut self) {
        let mut pipe = redis::pipe();
        pipe.cmd("CONFIG").arg("SET").arg("slowlog-log-slower-than").arg(0);
        pipe.cmd("CONFIG").arg("SET").arg("slowlog-max-len").arg(100_000);
        pipe.cmd("SLOWLOG").arg("RESET").exec(&mut self.link).unwrap();
    }
}

fn target() -> Target {
    Target { queue: QueueId::new(Prefix::default(), QueueName::legacy("q")), era: WriteEra::V5 }
}

async fn run(conn: &Conn, mut sweep: Sweep, chunk: usize) -> u64 {
    while sweep.step(conn, chunk).await.unwrap().is_some() {}
    sweep.done()
}

/// Measured on two cores: 200 jobs are 1 to 4 ms; the limit here is for machines that have much else to do.
#[tokio::test]
async fn a_chunk_is_a_few_milliseconds() {
    let mut lab = Lab::new().await;
    let until = i64::MAX >> 12;
    for (what, state, sweep) in [
        ("drain", State::Waiting, Sweep::drain(target(), until, true)),
        ("clean failed", State::Failed, Sweep::clean(target(), State::Failed, until, None)),
        ("clean delayed", State::Delayed, Sweep::clean(target(), State::Delayed, until, None)),
        ("retry all", State::Failed, Sweep::retry_all(target(), State::Failed, false, until)),
        ("promote all", State::Delayed, Sweep::promote_all(target(), until)),
    ] {
        for chunk in [100, 200, 300] {
            lab.fill(state, 3000);
            lab.watch_scripts();
            assert_eq!(run(&lab.conn, sweep.clone(), chunk).await, 3000, "{what}");
            let took = lab.scripts();
            let runs = took.len();
            assert!((3000 / chunk..3000 / chunk + 3).contains(&runs), "{what}: {runs} scripts");
            // The middle one: on a machine with much else to do the longest is chance.
            let middle = took[runs / 2];
            println!("{what}, {chunk} a chunk: {middle} µs, at most {}", took[runs - 1]);
            assert!(middle < 50_000, "{what}, {chunk} a chunk: {took:?} µs");
        }
    }
}

/// A walk over the whole list for each job is what makes others wait.
#[tokio::test]
async fn ids_deep_in_a_long_list_are_not_searched_for() {
    let mut lab = Lab::new().await;
    lab.fill(State::Waiting, 20_000);
    let op = JobsOp::Remove { from: State::Waiting };
    let ids: Vec<JobId> = ["15000", "4", "1", "1"].map(JobId::new).into();
    let many =
        run_many(&lab.conn, &target(), op, Chosen { ids: &ids, until: None, skipped: 0 }).await.unwrap();
    let not_there = Code::NotIn(State::Waiting);
    assert_eq!(many.codes, [not_there, Code::Done, Code::Done, not_there]);
    // Where the caller found it, it is removed.
    let chosen = Chosen { ids: &ids[..1], until: None, skipped: 14_980 };
    let many = run_many(&lab.conn, &target(), op, chosen).await.unwrap();
    assert_eq!(many.codes, [Code::Done]);
    let wait: Vec<String> =
        redis::cmd("LRANGE").arg("bull:q:wait").arg(0).arg(-1).query(&mut lab.link).unwrap();
    assert_eq!(wait.len(), 19_997);
    assert!(wait.iter().all(|id| !["15000", "4", "1", "0:removed"].contains(&id.as_str())));
    let too_many: Vec<JobId> = (0..=MANY_MAX).map(|n| JobId::new(n.to_string())).collect();
    let chosen = Chosen { ids: &too_many, until: None, skipped: 0 };
    assert_eq!(run_many(&lab.conn, &target(), op, chosen).await, Err(OpError::Refused(Code::TooMany)));
}

/// What was chosen is looked at again: the moment counts, and so does a reserved id (trap T8).
#[tokio::test]
async fn each_job_is_looked_at_again() {
    let mut lab = Lab::new().await;
    lab.fill(State::Failed, 10);
    let mut pipe = redis::pipe();
    pipe.cmd("ZADD").arg("bull:q:failed").arg(1).arg("meta").arg(2).arg("5:logs");
    pipe.cmd("RPUSH").arg("bull:q:5:logs").arg("x");
    pipe.cmd("DEL").arg("bull:q:7");
    pipe.cmd("ZREM").arg("bull:q:failed").arg("8");
    pipe.exec(&mut lab.link).unwrap();
    let ids: Vec<JobId> = ["meta", "5:logs", "7", "8", "9", "1"].map(JobId::new).into();
    let chosen = Chosen { ids: &ids, until: Some(1008), skipped: 0 };
    let retry = JobsOp::Retry { from: State::Failed, reset_attempts: false };
    let many = run_many(&lab.conn, &target(), retry, chosen).await.unwrap();
    let not_there = Code::NotIn(State::Failed);
    let expected = [Code::Reserved, Code::NotAJob, Code::Gone, not_there, Code::Newer, Code::Done];
    assert_eq!(many.codes, expected);
    let remove = JobsOp::Remove { from: State::Failed };
    let many = run_many(&lab.conn, &target(), remove, chosen).await.unwrap();
    // A ghost may go.
    let expected = [Code::Reserved, Code::NotAJob, Code::Done, not_there, Code::Newer, not_there];
    assert_eq!(many.codes, expected);
    assert!(Dump::of(&lab.server).get("bull:q:meta").is_some());
}

fn chosen(ids: &[JobId], skipped: u64) -> Chosen<'_> {
    Chosen { ids, until: Some(1_000_000), skipped }
}

/// Jobs that stand in a row go by their ranks: whatever stands elsewhere must not go with them.
#[tokio::test]
async fn ids_of_a_set_go_alone_in_a_row_or_not() {
    let mut lab = Lab::new().await;
    let retry = JobsOp::Retry { from: State::Failed, reset_attempts: false };
    for (op, state) in [
        (retry, State::Failed),
        (JobsOp::Promote, State::Delayed),
        (JobsOp::Remove { from: State::Failed }, State::Failed),
        (JobsOp::Remove { from: State::Prioritized }, State::Prioritized),
    ] {
        for (ids, skipped) in [
            (["3", "4", "5"], 2),
            (["3", "4", "5"], 0),
            (["3", "5", "4"], 2),
            (["3", "4", "9"], 2),
            (["8", "9", "10"], 7),
            (["8", "9", "10"], 8),
        ] {
            lab.fill(state, 10);
            let what = format!("{op:?} {ids:?} {skipped}");
            let ids = ids.map(JobId::new);
            let many = run_many(&lab.conn, &target(), op, chosen(&ids, skipped)).await.unwrap();
            assert_eq!(many.codes, [Code::Done; 3], "{what}");
            let key = format!("bull:q:{}", state.suffix());
            let left: Vec<String> =
                redis::cmd("ZRANGE").arg(key).arg(0).arg(-1).query(&mut lab.link).unwrap();
            let wanted: Vec<String> = (1..=10)
                .map(|n: u32| n.to_string())
                .filter(|n| !ids.iter().any(|id| id.as_bytes() == n.as_bytes()))
                .collect();
            assert_eq!(left, wanted, "{what}");
        }
    }
}

/// The same of a list, whose ids go from its tail.
#[tokio::test]
async fn ids_of_a_list_go_alone_in_a_row_or_not() {
    let mut lab = Lab::new().await;
    let remove = JobsOp::Remove { from: State::Waiting };
    for (ids, skipped) in [
        (["1", "2", "3"], 0),
        (["3", "4", "5"], 2),
        (["4", "3", "5"], 2),
        (["1", "5", "9"], 0),
        (["8", "9", "10"], 7),
    ] {
        lab.fill(State::Waiting, 10);
        let ids = ids.map(JobId::new);
        let many = run_many(&lab.conn, &target(), remove, chosen(&ids, skipped)).await.unwrap();
        assert_eq!(many.codes, [Code::Done; 3], "{ids:?}");
        let mut left: Vec<String> =
            redis::cmd("LRANGE").arg("bull:q:wait").arg(0).arg(-1).query(&mut lab.link).unwrap();
        left.reverse();
        let wanted: Vec<String> = (1..=10)
            .map(|n: u32| n.to_string())
            .filter(|n| !ids.iter().any(|id| id.as_bytes() == n.as_bytes()))
            .collect();
        assert_eq!(left, wanted, "{ids:?}");
    }
}

/// Children whose parents must be looked after cost several times as much as others: the script does fewer of
/// them, and those that had no turn have it in the next.
#[tokio::test]
async fn jobs_that_cost_more_are_fewer_a_script() {
    let mut lab = Lab::new().await;
    lab.fill(State::Failed, 400);
    let mut pipe = redis::pipe();
    pipe.cmd("SET").arg("bull:p:id").arg(400);
    for n in 1..=400 {
        let (parent, child) = (format!("bull:p:{n}"), format!("bull:q:{n}"));
        pipe.cmd("HSET").arg(&parent).arg(&["name", "p", "data", "{}", "opts", "{}", "timestamp", "1000"]);
        pipe.cmd("SADD").arg(format!("{parent}:dependencies")).arg(&child);
        pipe.cmd("ZADD").arg("bull:p:waiting-children").arg(1000).arg(n);
        let link = format!("{{\"id\":\"{n}\",\"queueKey\":\"bull:p\"}}");
        pipe.cmd("HSET").arg(&child).arg(&["parentKey", &parent, "parent", &link]);
    }
    pipe.exec(&mut lab.link).unwrap();
    let ids: Vec<JobId> = (1..=400).map(|n| JobId::new(n.to_string())).collect();
    let remove = JobsOp::Remove { from: State::Failed };
    let many = run_many(&lab.conn, &target(), remove, chosen(&ids, 0)).await.unwrap();
    let first = many.codes.len();
    assert!((100..300).contains(&first), "{first}");
    assert!(many.codes.iter().all(|code| code.is_done()));
    let left: Vec<String> =
        redis::cmd("ZRANGE").arg("bull:q:failed").arg(0).arg(-1).query(&mut lab.link).unwrap();
    assert_eq!((left.len(), left[0].clone()), (400 - first, (first + 1).to_string()));
    // A sweep goes on with them, and leaves none.
    let rest = run(&lab.conn, Sweep::clean(target(), State::Failed, 1_000_000, None), MANY_MAX).await;
    assert_eq!(rest as usize, 400 - first);
    let dump = Dump::of(&lab.server);
    assert!(dump.keys().iter().all(|key| !key.starts_with("bull:q:") || key[7..].parse::<u32>().is_err()));
    assert_eq!(dump.len("bull:p:wait"), 400);
}

/// Two operators at once, and workers that take jobs from the same end: each job goes once.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn two_sweeps_at_once_remove_each_job_once() {
    let mut lab = Lab::new().await;
    lab.fill(State::Waiting, 5000);
    let until = i64::MAX >> 12;
    let other = writer(&lab.server).await;
    let both = [lab.conn.clone(), other]
        .map(|conn| tokio::spawn(async move { run(&conn, Sweep::drain(target(), until, false), 50).await }));
    let mut taken = HashSet::new();
    for _ in 0..200 {
        let id: Option<String> =
            redis::cmd("RPOPLPUSH").arg("bull:q:wait").arg("bull:q:active").query(&mut lab.link).unwrap();
        taken.extend(id);
    }
    let mut removed = 0;
    for sweep in both {
        removed += sweep.await.unwrap();
    }
    let dump = Dump::of(&lab.server);
    assert_eq!(removed as usize + taken.len(), 5000);
    assert_eq!(dump.len("bull:q:wait"), 0);
    let hashes = dump.keys().iter().filter(|key| key[7..].parse::<u32>().is_ok()).count();
    assert_eq!(hashes, taken.len(), "no hash without an id, no id without a hash");
}
