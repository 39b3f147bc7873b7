//! Operations at their limits: long lists, wide flows, keys that are not what they should be.

use redis::Connection;
use toril::conn::Conn;
use toril::engine::op::{Code, JobOp, OpError, QueueOp, Target, run_job, run_jobs, run_queue};
use toril::wire::{Fleet, JobId, Prefix, QueueId, QueueName, State, WriteEra};

use crate::support::{Dump, Server, writer};

const RETRY: JobOp = JobOp::Retry { from: State::Failed, reset_attempts: false };
const REMOVE: JobOp = JobOp::Remove { children: true };
const ERAS: [WriteEra; 4] = [WriteEra::Bull4, WriteEra::V4, WriteEra::V5, WriteEra::V6];

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

    fn cmd(&mut self, line: &str) {
        self.cmds([line]);
    }

    /// Several commands in one round trip.
    fn cmds<S: AsRef<str>>(&mut self, lines: impl IntoIterator<Item = S>) {
        let mut pipe = redis::pipe();
        for line in lines {
            let mut words = line.as_ref().split(' ');
            pipe.cmd(words.next().unwrap());
            for word in words {
                pipe.arg(word);
            }
        }
        pipe.exec(&mut self.link).unwrap();
    }

    fn fresh(&mut self, era: WriteEra) {
        self.cmd("FLUSHALL");
        self.seed(era);
    }

    fn seed(&mut self, era: WriteEra) {
        if era != WriteEra::Bull4 {
            self.cmd("HSET bull:q:meta opts.maxLenEvents 10000");
        }
        self.cmd("SET bull:q:id 1");
    }

    fn job(&mut self, key: &str) {
        self.cmd(&job(key));
    }

    /// Ids `<letter><n>`, the last one next to run.
    fn list(&mut self, name: &str, letter: char, count: usize) {
        let mut pipe = redis::pipe();
        for from in (0..count).step_by(10_000) {
            let ids: Vec<_> = (from..count.min(from + 10_000)).map(|n| format!("{letter}{n}")).collect();
            pipe.cmd("RPUSH").arg(format!("bull:q:{name}")).arg(ids).ignore();
        }
        if count > 0 {
            pipe.exec(&mut self.link).unwrap();
        }
    }

    fn ids(&mut self, name: &str) -> Vec<String> {
        redis::cmd("LRANGE").arg(format!("bull:q:{name}")).arg(0).arg(-1).query(&mut self.link).unwrap()
    }

    /// Calls of our scripts and the longest of them in microseconds, since the last reset.
    fn scripts(&mut self) -> (usize, i64) {
        let entries: Vec<Vec<redis::Value>> =
            redis::cmd("SLOWLOG").arg("GET").arg(-1).query(&mut self.link).unwrap();
        let took: Vec<i64> = entries
            .iter()
            .filter(|entry| {
                let redis::Value::Array(words) = &entry[3] else { return false };
                matches!(&words[0], redis::Value::BulkString(word) if word.to_ascii_uppercase().starts_with(b"EVAL"))
            })
            .map(|entry| redis::from_redis_value(entry[2].clone()).unwrap())
            .collect();
        (took.len(), took.into_iter().max().unwrap_or(0))
    }

    fn watch_scripts(&mut self) {
        self.cmd("CONFIG SET slowlog-log-slower-than 0");
        self.cmd("CONFIG SET slowlog-max-len 100000");
        self.cmd("SLOWLOG RESET");
    }

    async fn queue(&self, era: WriteEra, op: QueueOp) -> Result<u64, OpError> {
        run_queue(&self.conn, &target(era), op).await.map(|outcome| outcome.moved)
    }

    async fn act(&self, era: WriteEra, op: JobOp, id: &str) -> Result<Code, OpError> {
        run_job(&self.conn, &target(era), op, &JobId::new(id)).await
    }
}

fn job(key: &str) -> String {
    format!("HSET {key} name n data {{}} opts {{}} timestamp 1 priority 0")
}

fn target(era: WriteEra) -> Target {
    Target { queue: QueueId::new(Prefix::default(), QueueName::legacy("q")), era }
}

#[tokio::test]
async fn long_lists_come_together_in_order_and_in_short_steps() {
    let mut lab = Lab::new().await;
    for (wait, paused) in [(12_345, 30_000), (30_000, 12_345), (5000, 5000), (5001, 5001), (1, 20_000)] {
        lab.cmd("FLUSHALL");
        lab.list("wait", 'w', wait);
        lab.list("paused", 'p', paused);
        let mut expected = lab.ids("wait");
        expected.extend(lab.ids("paused"));
        // Made once; each case starts from a copy.
        lab.cmds(["MOVE bull:q:wait 1", "MOVE bull:q:paused 1"]);
        for era in ERAS {
            for op in [QueueOp::Resume, QueueOp::Merge, QueueOp::Pause { fleet: Fleet::Mixed }] {
                lab.cmd("FLUSHDB");
                lab.seed(era);
                lab.cmds(["SELECT 1", "COPY bull:q:wait bull:q:wait DB 0"]);
                lab.cmds(["COPY bull:q:paused bull:q:paused DB 0", "SELECT 0"]);
                lab.cmd(if era == WriteEra::Bull4 {
                    "SET bull:q:meta-paused 1"
                } else {
                    "HSET bull:q:meta paused 1"
                });
                lab.watch_scripts();
                let moved = lab.queue(era, op).await.unwrap();
                let (steps, longest) = lab.scripts();
                assert_eq!(moved, wait.min(paused) as u64, "{era:?} {op:?}");
                assert!(steps >= wait.min(paused).div_ceil(5000) && steps <= 5, "{steps}");
                // 2 to 4 ms on a machine that has nothing else to do.
                assert!(longest < 500_000, "{longest} µs, {era:?} {op:?}");
                let into_wait = op == QueueOp::Resume || (op == QueueOp::Merge && era == WriteEra::V6);
                let (into, other) = if into_wait { ("wait", "paused") } else { ("paused", "wait") };
                assert!(lab.ids(into) == expected, "{era:?} {op:?}: the order");
                assert!(lab.ids(other).is_empty());
            }
        }
    }
}

/// Between two steps each id is in one of the lists, and the queue is paused.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn each_step_leaves_a_state_without_a_loss() {
    let mut lab = Lab::new().await;
    lab.fresh(WriteEra::V5);
    lab.cmd("HSET bull:q:meta paused 1");
    lab.list("wait", 'w', 40_000);
    lab.list("paused", 'p', 40_000);
    let conn = lab.conn.clone();
    let resume = tokio::spawn(async move { run_queue(&conn, &target(WriteEra::V5), QueueOp::Resume).await });
    let mut seen = 0;
    while !resume.is_finished() {
        let (wait, paused, flag): (usize, usize, bool) = redis::pipe()
            .atomic()
            .cmd("LLEN")
            .arg("bull:q:wait")
            .cmd("LLEN")
            .arg("bull:q:paused")
            .cmd("HEXISTS")
            .arg("bull:q:meta")
            .arg("paused")
            .query(&mut lab.link)
            .unwrap();
        assert_eq!(wait + paused, 80_000);
        assert!(flag || paused == 0);
        seen += usize::from(wait != 40_000 && paused > 0 && wait > 0);
    }
    resume.await.unwrap().unwrap();
    assert!(seen > 0, "no step was seen");
    assert_eq!(lab.ids("wait").len(), 80_000);
}

#[tokio::test]
async fn one_long_list_is_renamed_whatever_its_length() {
    let mut lab = Lab::new().await;
    lab.fresh(WriteEra::V5);
    lab.list("wait", 'w', 300_000);
    lab.watch_scripts();
    let pause = QueueOp::Pause { fleet: Fleet::Mixed };
    assert_eq!(lab.queue(WriteEra::V5, pause).await, Ok(300_000));
    assert_eq!(lab.queue(WriteEra::V5, QueueOp::Resume).await, Ok(300_000));
    let (steps, longest) = lab.scripts();
    assert_eq!(steps, 2);
    assert!(longest < 500_000, "{longest} µs");
}

#[tokio::test]
async fn merge_leaves_a_queue_that_is_not_split_alone() {
    let mut lab = Lab::new().await;
    for era in ERAS {
        for (wait, paused, flag) in [(3, 0, false), (3, 0, true), (0, 3, true), (0, 0, false)] {
            lab.fresh(era);
            lab.list("wait", 'w', wait);
            lab.list("paused", 'p', paused);
            if flag {
                lab.cmd(if era == WriteEra::Bull4 {
                    "SET bull:q:meta-paused 1"
                } else {
                    "HSET bull:q:meta paused 1"
                });
            }
            let before = Dump::of(&lab.server);
            assert_eq!(lab.queue(era, QueueOp::Merge).await, Ok(0));
            assert_eq!(Dump::of(&lab.server), before);
        }
        // Leftovers in `paused` of a queue that runs: no worker would find them.
        lab.fresh(era);
        lab.list("paused", 'p', 2);
        assert_eq!(lab.queue(era, QueueOp::Merge).await, Ok(2));
        assert_eq!(lab.ids("wait"), ["p0", "p1"]);
    }
}

#[tokio::test]
async fn a_wake_up_marker_of_era_4_is_no_job() {
    let mut lab = Lab::new().await;
    lab.fresh(WriteEra::V4);
    lab.cmd("HSET bull:q:meta paused 1");
    lab.cmd("RPUSH bull:q:wait w1 0:1795151109075");
    lab.cmd("RPUSH bull:q:paused 0:0 p1 p2");
    assert_eq!(lab.queue(WriteEra::V4, QueueOp::Resume).await, Ok(1));
    assert_eq!(lab.ids("wait"), ["w1", "0:0", "p1", "p2"]);

    // A list that holds only a marker holds no ids.
    lab.fresh(WriteEra::V5);
    lab.job("bull:q:7");
    lab.cmd("ZADD bull:q:failed 1 7");
    lab.cmd("HSET bull:q:meta paused 1");
    lab.cmd("RPUSH bull:q:wait w1");
    lab.cmd("RPUSH bull:q:paused 0:0");
    assert_eq!(lab.act(WriteEra::V5, RETRY, "7").await, Ok(Code::Done));
    assert_eq!(lab.ids("wait"), ["7", "w1"]);
}

#[tokio::test]
async fn a_wide_or_deep_flow_is_refused_as_a_whole() {
    let mut lab = Lab::new().await;
    for (wide, code) in [(1000, Code::Done), (1001, Code::TooMany)] {
        for deep in [false, true] {
            lab.fresh(WriteEra::V5);
            lab.job("bull:q:p");
            lab.cmd("ZADD bull:q:waiting-children 1 p");
            let mut parent = "bull:q:p".to_owned();
            let mut family = Vec::new();
            for n in 0..wide {
                let child = format!("bull:q:c{n}");
                family.push(job(&child));
                family.push(format!("HSET {child} parentKey {parent}"));
                family.push(format!("SADD {parent}:dependencies {child}"));
                family.push(format!("LPUSH bull:q:wait c{n}"));
                if deep {
                    parent = child;
                }
            }
            lab.cmds(family);
            let before = Dump::of(&lab.server);
            lab.watch_scripts();
            assert_eq!(lab.act(WriteEra::V5, REMOVE, "p").await, Ok(code), "{wide}, deep {deep}");
            let (_, longest) = lab.scripts();
            // Some 30 ms on a machine that has nothing else to do.
            assert!(longest < 1_000_000, "{longest} µs");
            let after = Dump::of(&lab.server);
            if code == Code::Done {
                let left = after.keys();
                assert!(
                    left.iter().all(|key| ["events", "id", "marker", "meta"].contains(&&key[7..])),
                    "{left:?}"
                );
            } else {
                assert_eq!(after, before);
                // It can be removed without its children.
                assert_eq!(
                    lab.act(WriteEra::V5, JobOp::Remove { children: false }, "p").await,
                    Ok(Code::Done)
                );
            }
        }
    }
}

#[tokio::test]
async fn children_in_long_lists_count_by_what_they_cost() {
    let mut lab = Lab::new().await;
    lab.fresh(WriteEra::V6);
    lab.list("wait", 'w', 300_000);
    lab.job("bull:q:p");
    lab.cmd("ZADD bull:q:waiting-children 1 p");
    for n in 0..20 {
        lab.job(&format!("bull:q:c{n}"));
        lab.cmd(&format!("SADD bull:q:p:dependencies bull:q:c{n}"));
        lab.cmd(&format!("HSET bull:q:c{n} parentKey bull:q:p"));
        lab.cmd(&format!("RPUSH bull:q:wait c{n}"));
    }
    assert_eq!(lab.act(WriteEra::V6, REMOVE, "p").await, Ok(Code::TooMany));
    for n in 0..5 {
        assert_eq!(lab.act(WriteEra::V6, REMOVE, &format!("c{n}")).await, Ok(Code::Done));
    }
    assert_eq!(lab.act(WriteEra::V6, REMOVE, "p").await, Ok(Code::Done));
    assert_eq!(lab.ids("wait").len(), 300_000);
}

#[tokio::test]
async fn a_flow_that_goes_in_a_circle_ends() {
    let mut lab = Lab::new().await;
    lab.fresh(WriteEra::V5);
    for (one, two) in [("a", "b"), ("b", "a")] {
        lab.job(&format!("bull:q:{one}"));
        lab.cmd(&format!("SADD bull:q:{one}:dependencies bull:q:{two}"));
        lab.cmd(&format!("HSET bull:q:{one} parentKey bull:q:{two}"));
        lab.cmd(&format!("ZADD bull:q:waiting-children 1 {one}"));
    }
    assert_eq!(lab.act(WriteEra::V5, REMOVE, "a").await, Ok(Code::Done));
    let dump = Dump::of(&lab.server);
    assert_eq!(dump.get("bull:q:a"), None);
    assert_eq!(dump.get("bull:q:b"), None);
}

#[tokio::test]
async fn keys_of_a_wrong_type_stop_an_act_before_its_first_write() {
    let mut lab = Lab::new().await;
    for era in ERAS {
        for key in ["wait", "active", "failed", "meta", "marker", "priority", "repeat"] {
            lab.fresh(era);
            lab.job("bull:q:7");
            lab.cmd("ZADD bull:q:failed 1 7");
            lab.cmd("ZADD bull:q:delayed 1 8");
            lab.cmd(&format!("DEL bull:q:{key}"));
            lab.cmd(&format!("SET bull:q:{key} x"));
            let before = Dump::of(&lab.server);
            for op in [RETRY, REMOVE, JobOp::Promote] {
                assert_eq!(lab.act(era, op, "7").await, Ok(Code::Damaged), "{era:?} {key} {op:?}");
            }
            for op in [QueueOp::Pause { fleet: Fleet::V6 }, QueueOp::Resume, QueueOp::Merge] {
                assert_eq!(lab.queue(era, op).await, Err(OpError::Refused(Code::Damaged)));
            }
            assert_eq!(Dump::of(&lab.server), before);
        }
    }
}

#[tokio::test]
async fn evidence_against_the_era_stops_an_act() {
    let mut lab = Lab::new().await;
    let bullmq = [WriteEra::V4, WriteEra::V5, WriteEra::V6];
    for (evidence, wrong) in [
        ("SET bull:q:meta-paused 1", &bullmq[..]),
        ("DEL bull:q:meta", &bullmq),
        ("ZADD bull:q:marker 0 0", &[WriteEra::V4, WriteEra::Bull4]),
        ("HSET bull:q:meta version bullmq:5.81.5", &[WriteEra::V4]),
        ("XADD bull:q:events * event paused", &[WriteEra::Bull4]),
        ("HSET bull:q:7 gid g1", &ERAS),
        ("SET bull:q:other 1", &[]),
    ] {
        for era in ERAS {
            lab.fresh(era);
            lab.job("bull:q:7");
            lab.cmd("ZADD bull:q:failed 1 7");
            lab.cmd(evidence);
            let before = Dump::of(&lab.server);
            let code = lab.act(era, RETRY, "7").await.unwrap();
            if wrong.contains(&era) {
                assert_eq!(code, Code::WrongEra, "{evidence}, {era:?}");
                assert_eq!(Dump::of(&lab.server), before);
            } else {
                assert_eq!(code, Code::Done, "{evidence}, {era:?}");
            }
        }
    }
    // A paused queue of Bull is one of Bull, whatever a dashboard of BullMQ has written to it.
    lab.fresh(WriteEra::Bull4);
    lab.cmd("SET bull:q:meta-paused 1");
    lab.cmd("HSET bull:q:meta version bullmq:6.7.0 paused 1");
    lab.cmd("XADD bull:q:events * event paused");
    assert_eq!(lab.queue(WriteEra::Bull4, QueueOp::Resume).await, Ok(0));
}

#[tokio::test]
async fn many_jobs_are_one_round_trip_with_an_answer_each() {
    let mut lab = Lab::new().await;
    lab.fresh(WriteEra::V5);
    for n in 0..100 {
        lab.job(&format!("bull:q:j{n}"));
        lab.cmd(&format!("ZADD bull:q:failed {n} j{n}"));
    }
    lab.cmd("DEL bull:q:j3");
    let mut ids: Vec<_> = (0..100).map(|n| JobId::new(format!("j{n}"))).collect();
    ids.insert(1, JobId::new("meta"));
    ids.push(JobId::new("j0"));
    let answers = run_jobs(&lab.conn, &target(WriteEra::V5), RETRY, &ids).await.unwrap();
    let codes: Vec<_> = answers.into_iter().map(Result::unwrap).collect();
    assert_eq!(codes.len(), 102);
    assert_eq!(codes[..5], [Code::Done, Code::Reserved, Code::Done, Code::Done, Code::Gone]);
    assert_eq!(codes[101], Code::NotIn(State::Failed));
    assert_eq!(codes.iter().filter(|code| code.is_done()).count(), 99);
}

#[tokio::test]
async fn names_with_colons_and_braces_are_names() {
    let mut lab = Lab::new().await;
    for (prefix, name) in [("app:prod:bull", "q"), ("{tag}", "q"), ("bull", "old:name"), ("bull", "q%*[")] {
        lab.cmd("FLUSHALL");
        let base = format!("{prefix}:{name}:");
        lab.cmd(&format!("SET {base}id 1"));
        lab.cmd(&format!("HSET {base}meta opts.maxLenEvents 100"));
        for id in ["p", "a:b:c"] {
            lab.job(&format!("{base}{id}"));
        }
        lab.cmd(&format!("ZADD {base}waiting-children 1 p"));
        lab.cmd(&format!("SADD {base}p:dependencies {base}a:b:c"));
        lab.cmd(&format!("HSET {base}a:b:c parentKey {base}p"));
        lab.cmd(&format!("LPUSH {base}wait a:b:c"));
        let queue = QueueId::new(Prefix::new(prefix), QueueName::legacy(name));
        let target = Target { queue, era: WriteEra::V5 };
        let code = run_job(&lab.conn, &target, REMOVE, &JobId::new("p")).await;
        assert_eq!(code, Ok(Code::Done));
        let keys = ["events", "id", "marker", "meta"].map(|key| format!("{base}{key}"));
        assert_eq!(Dump::of(&lab.server).keys(), keys);
    }
}

/// A queue that is split already: `paused` is what the resume of an older library keeps.
#[tokio::test]
async fn in_a_split_queue_ids_go_to_paused() {
    let mut lab = Lab::new().await;
    for era in ERAS {
        lab.fresh(era);
        lab.job("bull:q:7");
        lab.cmd("ZADD bull:q:failed 1 7");
        lab.cmd(if era == WriteEra::Bull4 {
            "SET bull:q:meta-paused 1"
        } else {
            "HSET bull:q:meta paused 1"
        });
        lab.cmd("RPUSH bull:q:wait w1");
        lab.cmd("RPUSH bull:q:paused p1");
        assert_eq!(lab.act(era, RETRY, "7").await, Ok(Code::Done));
        assert_eq!(lab.ids("paused"), ["7", "p1"]);
        assert_eq!(lab.queue(era, QueueOp::Resume).await, Ok(1));
        assert_eq!(lab.ids("wait"), ["w1", "7", "p1"]);
    }
}
