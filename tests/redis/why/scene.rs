//! A server with a real library's clients, looked at under exactly the rights of a viewer.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::runtime::Runtime;
use toril::conn::Conn;
use toril::engine::acl::Role;
use toril::insight::why::{Cause, Diagnosis, diagnose};
use toril::monitor::why::{Sight, look};
use toril::wire::{Prefix, QueueId, QueueName};

use crate::support::{Lib, Node, Server, account, refused};

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(60);
/// Looks are so far apart.
const APART: Duration = Duration::from_millis(700);

pub struct Scene {
    pub server: Server,
    pub node: Node,
    pub runtime: Runtime,
    pub conn: Conn,
}

pub fn queue(name: &str) -> QueueId {
    QueueId::new(Prefix::default(), QueueName::legacy(name))
}

impl Scene {
    pub fn start(lib: Lib) -> Self {
        let server = Server::start();
        let node = Node::start(lib, &server);
        let runtime = Runtime::new().unwrap();
        let conn = runtime.block_on(account(&server, Role::Viewer));
        Self { server, node, runtime, conn }
    }

    /// Looks once.
    pub fn look(&self, name: &str, before: Option<&Sight>) -> Sight {
        let before = match before {
            Some(Sight::Queue(look)) => Some(&**look),
            _ => None,
        };
        self.runtime.block_on(look(&self.conn, &queue(name), before)).unwrap()
    }

    /// Looks as the console does, each look compared with the one before, until the answer is good.
    #[track_caller]
    pub fn until(&self, name: &str, what: &str, mut good: impl FnMut(&Diagnosis) -> bool) -> Diagnosis {
        let end = Instant::now() + PATIENCE;
        let mut before = self.look(name, None);
        loop {
            std::thread::sleep(APART);
            let now = self.look(name, Some(&before));
            let found = diagnose(&queue(name), Some(&before), &now);
            if good(&found) {
                return found;
            }
            assert!(Instant::now() < end, "{name}: not {what}: {found:#?}\nat last {now:#?}");
            before = now;
        }
    }

    /// Waits until a cause is named first; its evidence.
    #[track_caller]
    pub fn named(&self, name: &str, id: &str) -> Value {
        let found = self.until(name, id, |found| found.causes.first().is_some_and(|cause| cause.id == id));
        shown(&found);
        found.causes[0].evidence()
    }

    /// Waits until a cause is not named any more; what is told then.
    #[track_caller]
    pub fn cured(&self, name: &str, id: &str) -> Diagnosis {
        self.until(name, &format!("cured of {id}"), |found| found.causes.iter().all(|cause| cause.id != id))
    }

    /// Waits until nothing is the matter.
    #[track_caller]
    pub fn healthy(&self, name: &str) -> Diagnosis {
        self.until(name, "healthy", |found| found.causes.is_empty())
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
