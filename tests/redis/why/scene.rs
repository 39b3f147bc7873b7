//! A server with a real library's clients, looked at under exactly the rights of a viewer.

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::runtime::Runtime;
use toril::conn::Conn;
use toril::engine::acl::Role;
use toril::insight::why::{Cause, Diagnosis, OLD_MS, diagnose};
use toril::monitor::why::{Sight, look};
use toril::wire::{Prefix, QueueId, QueueName};

use crate::support::{Lib, Node, Server, account, refused};

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(60);
/// Looks are so far apart ..
const APART: Duration = Duration::from_millis(700);
/// .. or, with `TORIL_TEST_WHOLE=1`, as far as those of the console.
const AS_THE_CONSOLE: Duration = Duration::from_secs(2);
/// A cause is to be gone within 5 s of its cure; six times that on a machine that is held up. What it took is
/// printed (`--nocapture`).
const CURED: Duration = Duration::from_secs(30);

fn whole() -> bool {
    std::env::var("TORIL_TEST_WHOLE").is_ok_and(|value| value == "1")
}

pub struct Scene {
    pub server: Server,
    pub node: Node,
    pub runtime: Runtime,
    pub conn: Conn,
    /// What was seen last of each queue.
    seen: RefCell<HashMap<String, Sight>>,
    /// Which cause was named last of each queue.
    named: RefCell<HashMap<String, String>>,
}

pub fn queue(name: &str) -> QueueId {
    QueueId::new(Prefix::default(), QueueName::legacy(name))
}

impl Scene {
    pub fn start(lib: Lib) -> Self {
        Self::on(Server::start(), lib)
    }

    /// With a server of its own kind.
    pub fn on(server: Server, lib: Lib) -> Self {
        let node = Node::start(lib, &server);
        let runtime = Runtime::new().unwrap();
        let conn = runtime.block_on(account(&server, Role::Viewer));
        Self { server, node, runtime, conn, seen: RefCell::default(), named: RefCell::default() }
    }

    /// Looks once.
    pub fn look(&self, name: &str, before: Option<&Sight>) -> Sight {
        let before = match before {
            Some(Sight::Queue(look)) => Some(&**look),
            _ => None,
        };
        self.runtime.block_on(look(&self.conn, &queue(name), before)).unwrap()
    }

    /// Looks as the console does, each look compared with the one before, until the answer is good, and stays so; how long it took
    /// to become so.
    #[track_caller]
    fn watch(
        &self,
        name: &str,
        what: &str,
        (patience, stays): (Duration, Duration),
        mut good: impl FnMut(&Diagnosis) -> bool,
    ) -> (Diagnosis, Duration) {
        let began = Instant::now();
        let apart = if whole() { AS_THE_CONSOLE } else { APART };
        // It goes on from what was seen last, which the console has on screen.
        let mut before = self.seen.borrow_mut().remove(name).unwrap_or_else(|| self.look(name, None));
        let mut since = None;
        loop {
            std::thread::sleep(apart);
            let now = self.look(name, Some(&before));
            let found = diagnose(&queue(name), Some(&before), &now);
            // One look alone accuses nobody, nor does it acquit: then the answer before stays.
            let judged = match (&before, &now) {
                (Sight::Queue(before), Sight::Queue(now)) => now.at - before.at < OLD_MS,
                (_, now) => matches!(now, Sight::Server(_)),
            };
            before = now;
            if !judged {
                continue;
            }
            if good(&found) {
                let since = *since.get_or_insert_with(|| began.elapsed());
                if began.elapsed().saturating_sub(since) >= stays {
                    self.seen.borrow_mut().insert(name.to_owned(), before);
                    return (found, since);
                }
            } else {
                since = None;
            }
            assert!(began.elapsed() < patience, "{name}: not {what}: {found:#?}\nat last {before:#?}");
        }
    }

    /// Looks until the answer is good.
    #[track_caller]
    pub fn until(&self, name: &str, what: &str, good: impl FnMut(&Diagnosis) -> bool) -> Diagnosis {
        self.watch(name, what, (PATIENCE, Duration::ZERO), good).0
    }

    /// Waits until a cause is named first; its evidence.
    #[track_caller]
    pub fn named(&self, name: &str, id: &str) -> Value {
        let found = self.until(name, id, |found| found.causes.first().is_some_and(|cause| cause.id == id));
        shown(&found);
        self.named.borrow_mut().insert(name.to_owned(), id.to_owned());
        found.causes[0].evidence()
    }

    /// Waits until a cause is not named any more; what is told then. To be called at once after its cure.
    #[track_caller]
    pub fn cured(&self, name: &str, id: &str) -> Diagnosis {
        self.gone(name, id, |found| found.causes.iter().all(|cause| cause.id != id))
    }

    /// Waits until nothing is the matter. To be called at once after the cure of what was named before.
    #[track_caller]
    pub fn healthy(&self, name: &str) -> Diagnosis {
        self.gone(name, "anything", |found| found.causes.is_empty())
    }

    #[track_caller]
    #[allow(clippy::print_stdout, reason = "how long a cure takes is wanted by whoever measures it")]
    fn gone(&self, name: &str, id: &str, good: impl FnMut(&Diagnosis) -> bool) -> Diagnosis {
        let named = self.named.borrow_mut().remove(name);
        let (found, took) = self.watch(name, &format!("cured of {id}"), (CURED, APART), good);
        if let Some(id) = named {
            println!("cure: {id} of {name} is gone after {} ms", took.as_millis());
        }
        found
    }

    pub fn call(&mut self, mut request: Value) -> Value {
        // On a machine that is held up the usual ten seconds are not much.
        request["timeoutMs"] = 18_000.into();
        self.node.call(request)
    }

    /// A worker of the scene's library.
    #[allow(clippy::needless_pass_by_value, reason = "a step is read best with its values in place")]
    pub fn worker(&mut self, queue: &str, opts: Value) -> Value {
        self.node.call(json!({"op": "worker", "queue": queue, "opts": opts}))
    }

    /// A worker that is paused in its own process: connected, and not asking for work any more.
    pub fn resting(&mut self, queue: &str) -> Value {
        let worker = self.worker(queue, json!({"drainDelay": 1}));
        self.call(json!({"op": "workerPause", "handle": worker}));
        // The call that waited when it was paused may still take a job.
        let end = Instant::now() + PATIENCE;
        loop {
            let Sight::Queue(look) = self.look(queue, None) else { panic!("the server is well") };
            let workers = look.clients.workers().unwrap();
            if workers.len() == 1 && !workers[0].asks {
                return worker;
            }
            assert!(Instant::now() < end, "it goes on asking: {workers:?}");
            std::thread::sleep(APART);
        }
    }

    /// Adds a job that could have run so long ago, ms.
    #[allow(clippy::needless_pass_by_value, reason = "a step is read best with its values in place")]
    pub fn add_old(&mut self, queue: &str, ms: i64, data: Value, opts: Value) -> String {
        let mut opts = opts;
        opts["timestamp"] = (self.now() - ms).into();
        let added = self.call(json!({"op": "add", "queue": queue, "data": data, "opts": opts}));
        added.as_str().unwrap().to_owned()
    }

    /// The server's time, ms since the epoch.
    pub fn now(&self) -> i64 {
        let (seconds, micros): (i64, i64) = redis::cmd("TIME").query(&mut self.server.connect()).unwrap();
        seconds * 1000 + micros / 1000
    }

    /// A command on the server, its words separated by spaces.
    pub fn redis(&self, words: &str) -> redis::Value {
        let mut words = words.split(' ');
        let mut command = redis::cmd(words.next().unwrap());
        for word in words {
            command.arg(word);
        }
        command.query(&mut self.server.connect()).unwrap()
    }

    /// Nothing that was sent was refused for want of rights.
    pub fn permitted(&self) {
        assert_eq!(refused(&self.server), Vec::<String>::new());
    }
}

/// What is told is whole: a title, advice, nothing hidden, and JSON.
fn shown(found: &Diagnosis) {
    for cause in &found.causes {
        let Cause { title, advice, .. } = cause;
        assert!(!title.is_empty() && !advice.is_empty(), "{cause:?}");
        assert!(!title.as_str().ends_with('.'), "{title}");
        assert!(cause.evidence().is_object());
        for fact in &cause.facts {
            assert!(!fact.value.shown(found.at.unwrap_or(0)).is_empty(), "{fact:?}");
        }
    }
}
