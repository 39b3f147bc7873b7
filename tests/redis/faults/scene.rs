//! A server, a proxy before it, and who comes afterwards.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use redis::Connection;
use serde_json::{Value, json};
use toril::engine::{JobOptions, WorkerOptions};

use super::child::{Child, Order};
use super::proxy::Proxy;
use crate::engine::ours::{Ours, until};
use crate::soak::audit::{Audit, Totals};
use crate::support::{Dump, Server};

pub struct Scene {
    pub server: Server,
    pub proxy: Proxy,
    pub ours: Ours,
    pub ids: Vec<String>,
}

impl Scene {
    pub fn new() -> Self {
        Self::on(Server::start())
    }

    pub fn on(server: Server) -> Self {
        let (proxy, ours) = (Proxy::before(&server), Ours::on(&server));
        Self { server, proxy, ours, ids: Vec::new() }
    }

    /// Adds jobs of `data` past the proxy, under ids that no other bytes contain.
    pub fn add(&mut self, count: usize, data: &Value) -> Vec<String> {
        let first = self.ids.len();
        let ids: Vec<String> = (first..first + count).map(|n| format!("job-{n:04}-of-the-test")).collect();
        let jobs: Vec<_> = ids
            .iter()
            .map(|id| {
                ("job".to_owned(), data.clone(), JobOptions { id: Some(id.clone()), ..JobOptions::default() })
            })
            .collect();
        for outcome in self.ours.wait(self.ours.queue("q").add_bulk(jobs)).unwrap() {
            outcome.unwrap();
        }
        self.ids.extend(ids.clone());
        ids
    }

    /// A child of ours behind the proxy that has run a job, so that the server knows its scripts.
    pub fn child(&mut self, order: &Order) -> Child {
        let child = Child::ours(&self.proxy.url(), order).ready();
        let ids = self.add(2 * order.concurrency, &json!({ "ms": 1 }));
        until(|| self.count("completed") == self.ids.len() && child.began().len() == ids.len());
        child
    }

    pub fn link(&self) -> Connection {
        self.server.connect()
    }

    /// How many ids a list or a sorted set holds.
    pub fn count(&self, structure: &str) -> usize {
        let key = format!("bull:q:{structure}");
        let command = if matches!(structure, "wait" | "active") { "LLEN" } else { "ZCARD" };
        redis::cmd(command).arg(key).query(&mut self.link()).unwrap()
    }

    /// Whether a worker holds the job.
    pub fn locked(&self, id: &str) -> bool {
        redis::cmd("EXISTS").arg(format!("bull:q:{id}:lock")).query(&mut self.link()).unwrap()
    }

    /// Lets another worker finish what is left and judges the keys. `dead` are the processes that
    /// had jobs before; returns the figures and how often handlers began each job.
    pub fn survive(&self, dead: &[&Child]) -> (Totals, BTreeMap<String, usize>) {
        let order = Order::default();
        let running = self.ours.worker("q", WorkerOptions { name: "survivor".to_owned(), ..order.options() });
        until(|| self.count("completed") + self.count("failed") == self.ids.len());
        // A while in which a job could come back.
        std::thread::sleep(Duration::from_millis(300));
        let ran = running.ran();
        self.ours.stop(running);
        let mut runs = BTreeMap::new();
        for id in dead.iter().flat_map(|child| child.began()).chain(ran) {
            *runs.entry(id).or_default() += 1;
        }
        (self.judge(&runs), runs)
    }

    pub fn judge(&self, runs: &BTreeMap<String, usize>) -> Totals {
        let ids: BTreeSet<String> = self.ids.iter().cloned().collect();
        let totals = Audit::of(Dump::of(&self.server), "q").judge(&ids, runs);
        assert_eq!(totals.jobs, ids.len());
        totals
    }
}
