//! Trap T1: who pauses, who adds, who resumes. What a foreign resume loses is the table of
//! `docs/pausing.md`; whenever ours resumes, or merges before somebody else resumes, nothing is lost.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use redis::Connection;
use serde_json::json;
use toril::conn::Conn;
use toril::engine::op::{Code, JobOp, QueueOp, Target, run_job, run_queue};
use toril::wire::{Fleet, JobId, State, WriteEra};

use super::pair::target;
use crate::support::{Lib, Node, Server, writer};

const Q: &str = "q";

/// Who acts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Who {
    Five,
    Six,
    Ours(Fleet),
}

/// What happens while the queue is paused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    Add(Who),
    Retry,
    Promote,
}

const PAUSES: [(Who, &str); 4] = [
    (Who::Five, "BullMQ 5"),
    (Who::Six, "BullMQ 6"),
    (Who::Ours(Fleet::Mixed), "toril"),
    (Who::Ours(Fleet::V6), "toril `--fleet 6`"),
];

const ADDS: [(&[Step], &str); 11] = [
    (&[], "nobody"),
    (&[Step::Add(Who::Five)], "5"),
    (&[Step::Add(Who::Six)], "6"),
    (&[Step::Add(Who::Five), Step::Add(Who::Six)], "5, then 6"),
    (&[Step::Add(Who::Six), Step::Add(Who::Five)], "6, then 5"),
    (&[Step::Retry], "toril retries"),
    (&[Step::Promote], "toril promotes"),
    (&[Step::Retry, Step::Add(Who::Five)], "toril, then 5"),
    (&[Step::Retry, Step::Add(Who::Six)], "toril, then 6"),
    (&[Step::Add(Who::Five), Step::Retry, Step::Promote], "5, then toril"),
    (&[Step::Add(Who::Six), Step::Retry, Step::Promote], "6, then toril"),
];

const RESUMES: [Who; 3] = [Who::Five, Who::Six, Who::Ours(Fleet::Mixed)];

/// The queue before it is paused.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Start {
    /// How many jobs wait.
    waiting: usize,
    /// Whose `Queue` object was constructed last.
    version: &'static str,
}

struct Lab {
    server: Server,
    five: Node,
    six: Node,
    conn: Conn,
    link: Connection,
    kept: Option<Start>,
}

impl Lab {
    async fn new() -> Self {
        let server = Server::start();
        Self {
            five: Node::start(Lib::BullMq5, &server),
            six: Node::start(Lib::BullMq6, &server),
            conn: writer(&server).await,
            link: server.connect(),
            kept: None,
            server,
        }
    }

    /// A queue with waiting jobs, a failed and a delayed one.
    /// Made once for each start and kept in database 1; the libraries see it in database 0.
    fn start(&mut self, start: Start) {
        if self.kept == Some(start) {
            redis::cmd("FLUSHDB").exec(&mut self.link).unwrap();
            self.copy(1, 0);
            return;
        }
        self.make(start);
        self.copy(0, 1);
        self.kept = Some(start);
    }

    fn copy(&mut self, from: usize, to: usize) {
        let mut pipe = redis::pipe();
        pipe.cmd("SELECT").arg(from).ignore().cmd("KEYS").arg("*");
        let (keys,): (Vec<String>,) = pipe.query(&mut self.link).unwrap();
        let mut pipe = redis::pipe();
        for key in keys {
            pipe.cmd("COPY").arg(&key).arg(&key).arg("DB").arg(to);
        }
        pipe.cmd("SELECT").arg(0).exec(&mut self.link).unwrap();
    }

    fn make(&mut self, start: Start) {
        redis::cmd("FLUSHALL").exec(&mut self.link).unwrap();
        self.add(Who::Five);
        let handle = self.five.call(json!({"op": "worker", "queue": Q, "manual": true}));
        self.five.call(json!({"op": "take", "handle": handle}));
        self.five.call(json!({"op": "fail", "handle": handle, "job": "1", "message": "boom"}));
        self.five.call(json!({"op": "workerStop", "handle": handle, "force": true}));
        self.five.call(json!({"op": "add", "queue": Q, "data": {}, "opts": {"delay": 600_000}}));
        for _ in 0..start.waiting {
            self.add(Who::Five);
        }
        let version = ("version", start.version);
        redis::cmd("HSET").arg("bull:q:meta").arg(&[version]).exec(&mut self.link).unwrap();
    }

    fn add(&mut self, who: Who) {
        let node = if who == Who::Five { &mut self.five } else { &mut self.six };
        node.call(json!({"op": "add", "queue": Q, "name": "job", "data": {}}));
    }

    fn target(start: Start) -> Target {
        let mut target = target(Lib::BullMq6, Q);
        if start.version.starts_with("bullmq:5") {
            target.era = WriteEra::V5;
        }
        target
    }

    async fn queue(&mut self, who: Who, op: &str, start: Start) {
        match who {
            Who::Five => drop(self.five.call(json!({"op": op, "queue": Q}))),
            Who::Six => drop(self.six.call(json!({"op": op, "queue": Q}))),
            Who::Ours(fleet) => {
                let op = if op == "pause" { QueueOp::Pause { fleet } } else { QueueOp::Resume };
                run_queue(&self.conn, &Self::target(start), op).await.unwrap();
            }
        }
    }

    async fn step(&mut self, step: Step, start: Start) {
        let (op, id) = match step {
            Step::Add(who) => return self.add(who),
            Step::Retry => (JobOp::Retry { from: State::Failed, reset_attempts: false }, "1"),
            Step::Promote => (JobOp::Promote, "2"),
        };
        let code = run_job(&self.conn, &Self::target(start), op, &JobId::new(id)).await;
        assert_eq!(code, Ok(Code::Done));
    }

    fn waiting(&mut self) -> BTreeSet<String> {
        redis::cmd("LRANGE").arg("bull:q:wait").arg(0).arg(-1).query(&mut self.link).unwrap()
    }

    fn both(&mut self) -> BTreeSet<String> {
        let paused: BTreeSet<String> =
            redis::cmd("LRANGE").arg("bull:q:paused").arg(0).arg(-1).query(&mut self.link).unwrap();
        self.waiting().into_iter().chain(paused).collect()
    }

    /// Pauses, adds, resumes; answers how many ids were there and how many a worker would not find.
    async fn play(
        &mut self,
        start: Start,
        pause: Who,
        adds: &[Step],
        merge: bool,
        resume: Who,
    ) -> (usize, usize) {
        self.start(start);
        self.queue(pause, "pause", start).await;
        for step in adds {
            self.step(*step, start).await;
        }
        let before = self.both();
        assert_eq!(before.len(), start.waiting + adds.len(), "{start:?} {pause:?} {adds:?}");
        if merge {
            run_queue(&self.conn, &Self::target(start), QueueOp::Merge).await.unwrap();
            let lists: usize =
                redis::cmd("EXISTS").arg(&["bull:q:wait", "bull:q:paused"]).query(&mut self.link).unwrap();
            assert!(lists <= 1, "still split: {start:?} {pause:?} {adds:?}");
            assert_eq!(self.both(), before);
        }
        self.queue(resume, "resume", start).await;
        let after = self.waiting();
        assert!(after.is_subset(&before));
        (before.len(), before.len() - after.len())
    }
}

const SIX: &str = "bullmq:6.7.0";
const FIVE: &str = "bullmq:5.81.5";

/// The rows of one table: for each resume, how many ids no worker would find afterwards.
async fn rows(lab: &mut Lab, start: Start, only_losses: bool) -> String {
    let mut table = String::new();
    for (pause, pause_name) in PAUSES {
        for (adds, add_name) in ADDS {
            let (mut row, mut losses) = (format!("| {pause_name} | {add_name} |"), 0);
            for resume in RESUMES {
                let (all, lost) = lab.play(start, pause, adds, false, resume).await;
                let cell = if lost == 0 { "0".to_owned() } else { format!("**{lost} of {all}**") };
                let _ = write!(row, " {cell} |");
                losses += lost;
            }
            if losses > 0 || !only_losses {
                let _ = writeln!(table, "{row}");
            }
        }
    }
    table
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_each_resume_loses_stands_in_the_docs() {
    let mut lab = Lab::new().await;
    let docs = include_str!("../../../docs/pausing.md");
    let head = "| paused by | added meanwhile by | BullMQ 5 resumes | BullMQ 6 resumes | toril resumes |\n|---|---|--:|--:|--:|\n";
    let mut missing = String::new();
    for (waiting, version) in [(2, SIX), (0, SIX), (0, FIVE)] {
        let start = Start { waiting, version };
        let table = format!("{head}{}\n", rows(&mut lab, start, waiting == 0).await);
        if !docs.contains(&table) {
            let _ = writeln!(missing, "{start:?}\n{table}");
        }
    }
    assert!(missing.is_empty(), "docs/pausing.md lacks as measured:\n{missing}");
}

/// A second pause by BullMQ 5 renames `wait` over `paused`; ours appends.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_second_pause_loses_nothing_where_it_is_ours() {
    let mut lab = Lab::new().await;
    let start = Start { waiting: 2, version: SIX };
    for (again, left) in [
        (Who::Five, 1),
        (Who::Six, 3),
        (Who::Ours(Fleet::Mixed), 3),
        (Who::Ours(Fleet::V5), 3),
        (Who::Ours(Fleet::V6), 3),
    ] {
        lab.start(start);
        lab.queue(Who::Five, "pause", start).await;
        lab.add(Who::Six);
        lab.queue(again, "pause", start).await;
        assert_eq!(lab.both().len(), left, "{again:?}");
        lab.queue(Who::Ours(Fleet::Mixed), "resume", start).await;
        assert_eq!(lab.waiting().len(), left, "{again:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn ours_resumes_or_merges_without_a_loss() {
    let mut lab = Lab::new().await;
    for waiting in [0, 2] {
        for version in [FIVE, SIX] {
            let start = Start { waiting, version };
            let fleets = [Fleet::V5, Fleet::V6, Fleet::Mixed].map(Who::Ours);
            for pause in [Who::Five, Who::Six].into_iter().chain(fleets) {
                for (adds, _) in ADDS {
                    for (merge, resume) in [
                        (false, Who::Ours(Fleet::Mixed)),
                        (true, Who::Ours(Fleet::Mixed)),
                        (true, Who::Five),
                        (true, Who::Six),
                    ] {
                        let (_, lost) = lab.play(start, pause, adds, merge, resume).await;
                        assert_eq!(lost, 0, "{start:?} {pause:?} {adds:?} merge {merge} {resume:?}");
                    }
                }
            }
        }
    }
}

/// What was merged or resumed is not only in a list: real workers run it.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn real_workers_run_what_ours_brought_together() {
    let mut lab = Lab::new().await;
    let start = Start { waiting: 2, version: SIX };
    for pause in [Who::Five, Who::Six] {
        for (adds, _) in ADDS {
            let (all, _) = lab.play(start, pause, adds, false, Who::Ours(Fleet::Mixed)).await;
            let node = if pause == Who::Five { &mut lab.six } else { &mut lab.five };
            let handle = node.call(json!({"op": "worker", "queue": Q}));
            node.call(json!({"op": "waitIdle", "queue": Q}));
            let ran = node.call(json!({"op": "workerRan", "handle": handle}));
            node.call(json!({"op": "workerStop", "handle": handle}));
            assert_eq!(ran.as_array().unwrap().len(), all, "{pause:?} {adds:?}");
        }
    }
    drop(lab.server);
}

/// In Bull and `BullMQ` 4 only one way to pause exists.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn bull_and_bullmq_4_lose_nothing_with_ours() {
    for lib in [Lib::Bull4, Lib::BullMq4] {
        let server = Server::start();
        let mut node = Node::start(lib, &server);
        let conn = writer(&server).await;
        let mut link = server.connect();
        for (we_pause, we_resume) in [(false, true), (true, false), (true, true)] {
            redis::cmd("FLUSHALL").exec(&mut link).unwrap();
            for _ in 0..3 {
                node.call(json!({"op": "add", "queue": Q, "name": "job", "data": {}}));
            }
            let target = target(lib, Q);
            if we_pause {
                run_queue(&conn, &target, QueueOp::Pause { fleet: Fleet::V6 }).await.unwrap();
            } else {
                node.call(json!({"op": "pause", "queue": Q}));
            }
            node.call(json!({"op": "add", "queue": Q, "name": "job", "data": {}}));
            // A tool that puts ids into `wait` whatever the pause (Bull 3, BullMQ before 3.13.1).
            redis::cmd("LPUSH").arg("bull:q:wait").arg("9").exec(&mut link).unwrap();
            redis::cmd("HSET").arg("bull:q:9").arg(&["name", "n", "data", "{}"]).exec(&mut link).unwrap();
            if we_resume {
                run_queue(&conn, &target, QueueOp::Resume).await.unwrap();
            } else {
                let moved = run_queue(&conn, &target, QueueOp::Merge).await.unwrap().moved;
                assert_eq!(moved, 1, "{lib:?}");
                node.call(json!({"op": "resume", "queue": Q}));
            }
            let wait: Vec<String> =
                redis::cmd("LRANGE").arg("bull:q:wait").arg(0).arg(-1).query(&mut link).unwrap();
            assert_eq!(wait, ["9", "4", "3", "2", "1"], "{lib:?}");
        }
    }
}
