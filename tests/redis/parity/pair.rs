//! Two servers with the same keys: the library acts on one, we on the other.

use std::ops::{Deref, DerefMut};
use std::sync::Mutex;

use redis::Connection;
use serde_json::{Value, json};
use toril::conn::Conn;
use toril::engine::Queue;
use toril::engine::acl::Role;
use toril::engine::op::{
    Code, JobEdit, JobOp, LimitOp, OpError, QueueOp, QueueOutcome, Scheduled, SchedulerOp, Sweep, Target,
    release_deduplication, run_edit, run_job, run_limit, run_queue, run_scheduler,
};
use toril::engine::schedule::{Recast, Repeat, ScheduleError, Upserted};
use toril::wire::{JobId, Prefix, QueueId, QueueName, Raw, WriteEra};

use crate::support::{Content, Dump, Lib, Node, Options, Server, account, diff};

/// A queue of the default prefix as a target for the era of `lib`.
pub fn target(lib: Lib, queue: &str) -> Target {
    let era = match lib {
        Lib::Bull4 => WriteEra::Bull4,
        Lib::BullMq4 => WriteEra::V4,
        Lib::BullMq5 => WriteEra::V5,
        Lib::BullMq6 => WriteEra::V6,
    };
    Target { queue: QueueId::new(Prefix::default(), QueueName::legacy(queue)), era }
}

fn run(node: &mut Node, queue: &str) -> Vec<String> {
    if node.call(json!({"op": "isPaused", "queue": queue})) == json!(true) {
        node.call(json!({"op": "resume", "queue": queue}));
    }
    let handle = node.call(json!({"op": "worker", "queue": queue}));
    node.call(json!({"op": "waitIdle", "queue": queue}));
    let ran = node.call(json!({"op": "workerRan", "handle": handle}));
    // Nothing runs any more; Bull's polite end waits half a second for its blocked read.
    node.call(json!({"op": "workerStop", "handle": handle, "force": node.lib() == Lib::Bull4}));
    ran.as_array().unwrap().iter().map(|run| run["id"].as_str().unwrap().to_owned()).collect()
}

/// Sides that a test has left as good as new. Two servers and two drivers take most of a second to
/// start, which is longer than many of the tests take.
static FREE: Mutex<Vec<Sides>> = Mutex::new(Vec::new());
/// So many queues may have been opened in a driver that is used again.
const QUEUES_MAX: usize = 100;

/// The two sides, lent to one test at a time.
pub struct Pair(Option<Sides>);

impl Deref for Pair {
    type Target = Sides;

    fn deref(&self) -> &Sides {
        self.0.as_ref().unwrap()
    }
}

impl DerefMut for Pair {
    fn deref_mut(&mut self) -> &mut Sides {
        self.0.as_mut().unwrap()
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let Some(mut sides) = self.0.take() else { return };
        // A worker that was left behind would write to the next test's servers.
        let idle = |node: &mut Node| node.call(json!({"op": "workersLeft"})) == json!(0);
        if sides.queues < QUEUES_MAX && idle(&mut sides.theirs) && idle(&mut sides.worker) {
            FREE.lock().unwrap().push(sides);
        }
    }
}

impl Pair {
    pub fn new(lib: Lib) -> Self {
        let mut free = FREE.lock().unwrap();
        if let Some(at) = free.iter().position(|sides| sides.lib == lib) {
            return Self(Some(free.swap_remove(at)));
        }
        drop(free);
        Self(Some(Sides::start(lib)))
    }
}

/// Two servers, the library on both, and our connection to one of them.
pub struct Sides {
    pub lib: Lib,
    /// Where the library acts, and where everything is seeded.
    pub theirs: Node,
    /// The same library on our server, to run jobs there.
    pub worker: Node,
    server_theirs: Server,
    server_ours: Server,
    runtime: tokio::runtime::Runtime,
    conn: Conn,
    queues: usize,
}

impl Sides {
    fn start(lib: Lib) -> Self {
        let (server_theirs, server_ours) = (Server::start(), Server::start());
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        // With no more rights than `toril acl --role operator` prints.
        let conn = runtime.block_on(account(&server_ours, Role::Operator));
        Self {
            lib,
            theirs: Node::start(lib, &server_theirs),
            worker: Node::start(lib, &server_ours),
            server_theirs,
            server_ours,
            runtime,
            conn,
            queues: 0,
        }
    }

    /// A queue that did not exist yet, on empty servers.
    pub fn fresh(&mut self) -> String {
        redis::cmd("FLUSHALL").exec(&mut self.redis_theirs()).unwrap();
        redis::cmd("FLUSHALL").exec(&mut self.redis_ours()).unwrap();
        self.queues += 1;
        let queue = format!("q{}", self.queues);
        self.theirs.call(json!({"op": "open", "queue": queue}));
        queue
    }

    pub fn redis_theirs(&self) -> Connection {
        self.server_theirs.connect()
    }

    pub fn redis_ours(&self) -> Connection {
        self.server_ours.connect()
    }

    /// Gives our server the keys of theirs, byte for byte, with their times to live.
    pub fn copy(&self) {
        let (mut from, mut to) = (self.redis_theirs(), self.redis_ours());
        redis::cmd("FLUSHALL").exec(&mut to).unwrap();
        let keys: Vec<Vec<u8>> = redis::cmd("KEYS").arg("*").query(&mut from).unwrap();
        if keys.is_empty() {
            return;
        }
        let (mut read, mut write) = (redis::pipe(), redis::pipe());
        for key in &keys {
            read.cmd("DUMP").arg(key).cmd("PTTL").arg(key);
        }
        let contents: Vec<(Vec<u8>, i64)> = read.query(&mut from).unwrap();
        for (key, (content, ttl)) in keys.iter().zip(contents) {
            write.cmd("RESTORE").arg(key).arg(ttl.max(0)).arg(content);
        }
        write.exec(&mut to).unwrap();
    }

    pub fn ours(&self, queue: &str, op: JobOp, id: &str) -> Result<Code, OpError> {
        let target = target(self.lib, queue);
        self.runtime.block_on(run_job(&self.conn, &target, op, &JobId::new(id)))
    }

    /// Runs a sweep to its end in chunks of `chunk`, and returns how many jobs it acted on.
    pub fn sweep(&self, mut sweep: Sweep, chunk: usize) -> Result<u64, OpError> {
        self.runtime.block_on(async {
            while sweep.step(&self.conn, chunk).await?.is_some() {}
            Ok(sweep.done())
        })
    }

    /// The first chunk of a sweep that is then broken off.
    pub fn one_step(&self, mut sweep: Sweep, chunk: usize) -> Result<u64, OpError> {
        self.runtime.block_on(sweep.step(&self.conn, chunk))?;
        Ok(sweep.done())
    }

    /// Redis's time on our side, ms.
    pub fn now(&self) -> i64 {
        let (s, us): (i64, i64) = redis::cmd("TIME").query(&mut self.redis_ours()).unwrap();
        s * 1000 + us / 1000
    }

    pub fn limit(&self, queue: &str, op: LimitOp) -> Result<Code, OpError> {
        self.runtime.block_on(run_limit(&self.conn, &target(self.lib, queue), op))
    }

    pub fn schedule(&self, queue: &str, op: SchedulerOp, key: &str) -> Result<Scheduled, OpError> {
        let target = target(self.lib, queue);
        self.runtime.block_on(run_scheduler(&self.conn, &target, op, &Raw::new(key)))
    }

    pub fn edit_schedule(
        &self,
        queue: &str,
        id: &str,
        repeat: &Repeat,
    ) -> Result<Option<Upserted>, ScheduleError> {
        let queue = Queue::new(self.conn.clone(), target(self.lib, queue).queue);
        self.runtime.block_on(queue.edit_scheduler(id, repeat))
    }

    pub fn recast(&self, queue: &str, key: &str, recast: &Recast) -> Result<Option<Code>, ScheduleError> {
        let target = target(self.lib, queue);
        let queue = Queue::new(self.conn.clone(), target.queue.clone());
        self.runtime.block_on(queue.recast_scheduler(&target, key.as_bytes(), recast))
    }

    pub fn ours_edit(&self, queue: &str, edit: &JobEdit, id: &str) -> Result<Code, OpError> {
        let target = target(self.lib, queue);
        self.runtime.block_on(run_edit(&self.conn, &target, edit, &JobId::new(id)))
    }

    pub fn release(&self, queue: &str, dedup_id: &str, owner: &str) -> Result<Code, OpError> {
        let target = target(self.lib, queue);
        let owner = JobId::new(owner);
        self.runtime.block_on(release_deduplication(&self.conn, &target, dedup_id.as_bytes(), &owner))
    }

    pub fn ours_on_queue(&self, queue: &str, op: QueueOp) -> Result<QueueOutcome, OpError> {
        let target = target(self.lib, queue);
        self.runtime.block_on(run_queue(&self.conn, &target, op))
    }

    pub fn dump_theirs(&self) -> Dump {
        Dump::of(&self.server_theirs)
    }

    pub fn dump_ours(&self) -> Dump {
        Dump::of(&self.server_ours)
    }

    #[track_caller]
    pub fn assert_same(&self, what: &str) {
        self.assert_same_after(what, |_| {});
    }

    /// For children, which the server keeps in a set: their order is chance.
    #[track_caller]
    pub fn assert_same_but_for_the_order_of_events(&self, what: &str) {
        self.assert_same_after(what, |dump| {
            for entry in dump.0.values_mut() {
                if let Content::Stream(entries) = &mut entry.content {
                    entries.sort();
                }
            }
        });
    }

    #[track_caller]
    pub fn assert_same_after(&self, what: &str, change: impl Fn(&mut Dump)) {
        let options = Options::default();
        let mut theirs = self.dump_theirs().normalised(&options);
        let mut ours = self.dump_ours().normalised(&options);
        change(&mut theirs);
        change(&mut ours);
        if let Some(diff) = diff(&theirs, &ours) {
            panic!("{:?}, {what}: the key spaces differ (- theirs, + ours):\n{diff}", self.lib);
        }
    }

    /// Lets a real worker of the era run what is there on our server, and returns the ids it ran.
    pub fn run(&mut self, queue: &str) -> Vec<String> {
        run(&mut self.worker, queue)
    }

    /// The same on their server.
    pub fn run_theirs(&mut self, queue: &str) -> Vec<String> {
        run(&mut self.theirs, queue)
    }

    // Seeds, on the library's side

    pub fn add(&mut self, queue: &str, opts: Value) -> String {
        self.add_data(queue, json!({"n": 1}), opts)
    }

    pub fn add_data(&mut self, queue: &str, data: Value, opts: Value) -> String {
        let request = json!({"op": "add", "queue": queue, "name": "job", "data": data, "opts": opts});
        let id = self.theirs.call(request);
        id.as_str().unwrap().to_owned()
    }

    /// Takes the next job and finishes it, as a worker does.
    pub fn finish(&mut self, queue: &str, error: Option<&str>) -> String {
        let handle = self.theirs.call(json!({"op": "worker", "queue": queue, "manual": true}));
        let job = self.theirs.call(json!({"op": "take", "handle": handle}));
        let id = job["id"].as_str().unwrap_or_else(|| panic!("nothing to take in {queue}")).to_owned();
        match error {
            Some(message) => self.theirs.call(
                json!({"op": "fail", "handle": handle, "job": id, "message": message, "stack": "Error: no"}),
            ),
            None => {
                self.theirs.call(json!({"op": "complete", "handle": handle, "job": id, "value": {"ok": 1}}))
            }
        };
        self.theirs.call(json!({"op": "workerStop", "handle": handle, "force": true}));
        id
    }

    /// A failed job.
    pub fn failed(&mut self, queue: &str, opts: Value) -> String {
        self.add(queue, opts);
        self.finish(queue, Some("boom"))
    }

    pub fn queue_call(&mut self, op: &str, queue: &str) {
        self.theirs.call(json!({"op": op, "queue": queue}));
    }
}

impl Sides {
    /// What `act` publishes on our server.
    pub fn published(&mut self, theirs: bool, act: impl FnOnce(&mut Self)) -> Vec<(String, String)> {
        let mut link = if theirs { self.redis_theirs() } else { self.redis_ours() };
        link.set_read_timeout(Some(std::time::Duration::from_millis(100))).unwrap();
        let mut channel = link.as_pubsub();
        channel.psubscribe("*").unwrap();
        act(self);
        let mut heard = Vec::new();
        while let Ok(message) = channel.get_message() {
            heard.push((message.get_channel_name().to_owned(), message.get_payload().unwrap()));
        }
        heard
    }
}
