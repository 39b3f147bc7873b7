//! The same steps on a real library and on ours, and the comparison of all that they left.

use serde_json::{Value, json};
use toril::engine::{JobOptions, WorkerOptions};

use crate::engine::ours::{Ours, until};
use crate::support::{Dump, Lib, Node, Options, Server, assert_same};

/// A Node library and ours, each on a server of its own.
pub struct Pair {
    pub servers: [Server; 2],
    pub node: Node,
    pub ours: Ours,
}

impl Pair {
    pub fn new(lib: Lib) -> Self {
        let servers = [Server::start(), Server::start()];
        let mut node = Node::start(lib, &servers[0]);
        node.call(json!({"op": "open", "queue": "q"}));
        let ours = Ours::on(&servers[1]);
        Self { servers, node, ours }
    }

    /// The same job on both sides; `opts` is Node's form of `options`.
    pub fn add(&mut self, name: &str, data: &Value, opts: &Value, options: JobOptions) {
        let theirs =
            self.node.call(json!({"op": "add", "queue": "q", "name": name, "data": data, "opts": opts}));
        let ours = self.ours.wait(self.ours.queue("q").add(name, data, options)).unwrap();
        assert_eq!(theirs, ours.lossless().as_ref());
    }

    /// All keys but the list of suspects: each worker looks for stalled jobs when it starts, before
    /// or after its first fetch as chance has it.
    #[track_caller]
    pub fn compare(&self) {
        self.compare_but(&Options::default().ignore(":stalled"));
    }

    /// All keys, the list of suspects too.
    #[track_caller]
    pub fn compare_whole(&self) {
        self.compare_but(&Options::default());
    }

    #[track_caller]
    fn compare_but(&self, options: &Options) {
        let [theirs, ours] = &self.servers;
        assert_same(&Dump::of(theirs).normalised(options), &Dump::of(ours).normalised(options));
    }

    /// A worker on each side runs what there is. `settled` says when a side is done; an idle worker
    /// has taken the marker too.
    pub fn run(&mut self, opts: &Value, options: WorkerOptions, settled: impl Fn(&Dump) -> bool) {
        let handle =
            self.node.call(json!({"op": "worker", "queue": "q", "name": options.name, "opts": opts}));
        let idle = |dump: &Dump| settled(dump) && dump.get("bull:q:marker").is_none();
        let idle = |server: &Server| idle(&Dump::of(server));
        until(|| idle(&self.servers[0]));
        self.node.call(json!({"op": "workerStop", "handle": handle}));
        let running = self.ours.worker("q", options);
        until(|| idle(&self.servers[1]));
        self.ours.stop(running);
    }
}

pub fn plain() -> JobOptions {
    JobOptions::default()
}

pub fn finished(dump: &Dump, count: usize) -> bool {
    dump.len("bull:q:completed") + dump.len("bull:q:failed") == count && dump.len("bull:q:active") == 0
}
