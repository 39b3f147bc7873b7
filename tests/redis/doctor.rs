//! The doctor: damage that is made on queues of the real libraries is found, repaired, and taken back; a real
//! worker then runs what is left. On sound queues nothing is found, and a repair that comes too late does nothing.

mod damage;
mod healthy;
mod late;
mod scripts;
mod server;

use std::time::Duration;

use redis::{Connection, ToRedisArgs};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use toril::conn::Conn;
use toril::engine::acl::Role;
use toril::engine::op::{Repair, Target};
use toril::engine::read::doctor::Scope;
use toril::insight::doctor::{Finding, Kind};
use toril::monitor::Clock;
use toril::operate::journal::{Confirmed, Who};
use toril::operate::undo::Undone;
use toril::operate::{Consent, Operator, Policy, Progress, Report};
use toril::shell::survey::{Survey, survey};
use toril::text::Mask;
use toril::wire::{Prefix, QueueId, QueueName};

use crate::support::{Dump, Lib, Node, Options, Server, account};

/// Two looks at once after another: nothing moves in these queues.
const QUICK: Scope = Scope { jobs: 1_000, keys: 100_000, again: Duration::from_millis(50), share: 1.0 };

/// A library with a server, and somebody who looks and acts.
struct Ward {
    server: Server,
    node: Node,
    runtime: tokio::runtime::Runtime,
    looks: Conn,
    operator: Operator,
    folder: TempDir,
}

impl Ward {
    fn new(lib: Lib) -> Self {
        let server = Server::start();
        let node = Node::start(lib, &server);
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let folder = tempfile::tempdir().unwrap();
        // With no more rights than `toril acl` prints.
        let conn = runtime.block_on(account(&server, Role::Operator));
        let operator =
            Operator::new(conn.clone(), Who::default(), None, Policy::default(), Some(folder.path()));
        Self { server, node, runtime, looks: conn, operator, folder }
    }

    #[track_caller]
    fn call(&mut self, request: Value) -> Value {
        self.node.call(request)
    }

    /// Three jobs in line: `1`, `2`, `3`.
    fn line(&mut self, queue: &str) {
        for n in 1..=3 {
            self.call(json!({"op": "add", "queue": queue, "name": "job", "data": {"n": n}}));
        }
    }

    /// A worker of the library that is driven by hand has started the job `1` and died.
    fn taken(&mut self, queue: &str) {
        self.line(queue);
        let bull = self.node.lib() == Lib::Bull4;
        if bull {
            let job = self.call(json!({"op": "queueCall", "queue": queue, "method": "getNextJob"}));
            assert_eq!(job["id"], "1");
            return;
        }
        let handle = self.call(json!({"op": "worker", "queue": queue, "manual": true}));
        let job = self.call(json!({"op": "take", "queue": queue, "handle": handle}));
        assert_eq!(job["id"], "1");
        self.call(json!({"op": "workerStop", "handle": handle, "force": true}));
    }

    /// The job `1` has completed, the others wait.
    fn done(&mut self, queue: &str) {
        self.call(json!({"op": "add", "queue": queue, "name": "job", "data": {"n": 1}}));
        let handle = self.call(json!({"op": "worker", "queue": queue}));
        self.call(json!({"op": "waitIdle", "queue": queue}));
        self.call(json!({"op": "workerStop", "handle": handle, "force": true}));
        for n in 2..=3 {
            self.call(json!({"op": "add", "queue": queue, "name": "job", "data": {"n": n}}));
        }
    }

    fn redis(&self) -> Connection {
        self.server.connect()
    }

    /// A command, words separated by blanks; `@` stands for the queue's base.
    #[track_caller]
    fn set(&self, queue: &str, line: &str) {
        let base = format!("bull:{queue}:");
        let words: Vec<String> = line.split(' ').map(|word| word.replace('@', &base)).collect();
        self.raw(&words);
    }

    #[track_caller]
    fn raw<T: ToRedisArgs>(&self, words: &[T]) {
        let mut command = redis::Cmd::new();
        for word in words {
            command.arg(word);
        }
        command.exec(&mut self.redis()).unwrap();
    }

    fn now(&self) -> i64 {
        let (seconds, _): (i64, i64) = redis::cmd("TIME").query(&mut self.redis()).unwrap();
        seconds * 1000
    }

    #[track_caller]
    fn survey(&self, queues: &[&str], scope: Scope) -> Survey {
        let queues: Vec<QueueId> = queues.iter().map(|name| id(name)).collect();
        self.runtime
            .block_on(survey(&self.looks, &queues, scope, false, Clock::start(), &Mask::default(), |_| {}))
            .unwrap()
    }

    /// What is found in one queue. Queues without a worker are what most of these tests have.
    #[track_caller]
    fn found(&self, queue: &str) -> Vec<Finding> {
        let mut found = self.survey(&[queue], QUICK).findings;
        found.retain(|finding| finding.kind != Kind::NoWorker);
        found
    }

    fn target(finding: &Finding) -> Target {
        Target { queue: finding.queue.clone().unwrap(), era: finding.era.writable().unwrap() }
    }

    fn repair(&self, finding: &Finding) -> Report {
        self.repair_with(finding, finding.repair.as_ref().unwrap())
    }

    fn repair_with(&self, finding: &Finding, repair: &Repair) -> Report {
        let consent = Consent::new(Confirmed::Yes, "toril doctor").matched(1);
        self.runtime.block_on(self.operator.repair(&Self::target(finding), repair, &consent))
    }

    #[track_caller]
    fn undo(&self) -> Undone {
        let consent = Consent::new(Confirmed::Yes, "toril undo");
        let progress = watch::Sender::new(Progress::default());
        let never = CancellationToken::new();
        self.runtime.block_on(self.operator.undo(None, &consent, &progress, &never)).unwrap().2
    }

    /// A worker of the library runs what is there; the ids that it ran, in order of their names.
    #[track_caller]
    fn drain(&mut self, queue: &str) -> Vec<String> {
        let bull = self.node.lib() == Lib::Bull4;
        let opts = if bull {
            json!({"settings": {"stalledInterval": 200}})
        } else {
            json!({"stalledInterval": 200})
        };
        let handle = self.call(json!({"op": "worker", "queue": queue, "opts": opts, "queueOpts": opts}));
        self.call(json!({"op": "waitIdle", "queue": queue, "timeoutMs": 15_000}));
        let ran = self.call(json!({"op": "workerRan", "handle": handle}));
        self.call(json!({"op": "workerStop", "handle": handle, "force": true}));
        let mut ids: Vec<String> =
            ran.as_array().unwrap().iter().map(|run| run["id"].as_str().unwrap().to_owned()).collect();
        ids.sort_unstable();
        ids
    }

    /// What stands in the keys of a queue, but for what marks the way: events, counters, markers.
    fn dump(&self, queue: &str) -> Dump {
        let mut options = Options::default();
        for aside in [":events", ":id", ":marker", ":stalled"] {
            options = options.ignore(aside);
        }
        let mut dump = Dump::of(&self.server);
        dump.0.retain(|key, _| key.starts_with(&format!("bull:{queue}:")));
        dump.normalised(&options.window(0..=0))
    }
}

fn id(queue: &str) -> QueueId {
    QueueId::new(Prefix::default(), QueueName::legacy(queue))
}
