//! The same steps on schedulers of a real library and of ours, at a time that stands still.

use std::time::Duration;

use serde_json::{Value, json};
use toril::engine::schedule::{Repeat, Template};
use toril::engine::{ActiveJob, Backoff, JobError, JobOptions, Keep, ManualWorker, WorkerOptions};

use crate::differential::pair::Pair;
use crate::support::{Dump, Lib, Options, Server, assert_same};

/// When the steps begin: 123 ms after a whole second, and 19.877 s before a whole minute.
pub const START: i64 = 1_795_000_000_123;

pub struct Schedules {
    pub pair: Pair,
    worker: Value,
    manual: ManualWorker,
    now: i64,
}

impl Schedules {
    pub fn new(lib: Lib) -> Self {
        let mut pair = Pair::new(lib);
        let worker = pair.node.call(json!({"op": "worker", "queue": "q", "manual": true}));
        let manual = pair.ours.manual("q", WorkerOptions::default());
        let mut schedules = Self { pair, worker, manual, now: START };
        schedules.at(0);
        schedules
    }

    /// From now on it is so many ms after the start.
    pub fn at(&mut self, ms: i64) {
        self.now = START + ms;
        self.pair.node.call(json!({"op": "fixedNow", "ms": self.now}));
    }

    /// Upserts on both sides; the answers must be the same, errors included. Returns the job's id.
    #[track_caller]
    pub fn upsert(&mut self, id: &str, rule: &Value, template: &Value) -> Result<Option<String>, String> {
        let request =
            json!({"op": "upsert", "queue": "q", "scheduler": id, "repeat": rule, "template": template});
        let theirs = self.pair.node.try_call(request).map(|job| {
            let id = job["id"].as_str()?.to_owned();
            Some((id, job["opts"]["delay"].as_u64().unwrap()))
        });
        let ours = self.pair.ours.queue("q");
        let work = ours.upsert_scheduler_at(id, repeat(rule), template_of(template), Some(self.now));
        let ours = self.pair.ours.wait(work).map_err(|error| error.to_string());
        let ours = ours.map(|made| made.map(|made| (made.job.lossless().into_owned(), made.delay_ms)));
        match (&theirs, &ours) {
            // Node appends the name of its script.
            (Err(theirs), Err(ours)) => assert!(theirs.starts_with(ours.as_str()), "{theirs}\n{ours}"),
            _ => assert_eq!(theirs, ours, "{rule}"),
        }
        ours.map(|made| made.map(|made| made.0))
    }

    /// Takes the next job on both sides; the next iteration is added.
    #[track_caller]
    pub fn take(&mut self) -> Option<ActiveJob> {
        let theirs = self.pair.node.call(json!({"op": "take", "handle": self.worker}));
        let ours = self.pair.ours.wait(self.manual.fetch(Some(self.now))).unwrap();
        assert_eq!(theirs["id"].as_str(), ours.as_ref().map(|job| job.id.lossless()).as_deref());
        ours
    }

    pub fn complete(&mut self, job: &ActiveJob) {
        let id = job.id.lossless();
        self.pair.node.call(json!({"op": "complete", "handle": self.worker, "job": id, "value": 1}));
        self.pair.ours.wait(self.manual.complete(job, &1, Some(self.now))).unwrap();
    }

    pub fn fail(&mut self, job: &ActiveJob) {
        let id = job.id.lossless();
        let message = json!({"op": "fail", "handle": self.worker, "job": id, "message": "no"});
        self.pair.node.call(message);
        self.pair.ours.wait(self.manual.fail(job, &JobError::new("no"), Some(self.now))).unwrap();
    }

    /// Takes and completes.
    #[track_caller]
    pub fn run(&mut self) {
        let job = self.take().unwrap();
        self.complete(&job);
    }

    /// Compares all keys, times included. Only BullMQ 5 writes `nrjid`.
    #[track_caller]
    pub fn compare(&self) {
        let [theirs, ours] = &self.pair.servers;
        let options = Options::default().window(0..=0).ignore_field("", "nrjid");
        assert_same(&Dump::of(theirs).normalised(&options), &Dump::of(ours).normalised(&options));
    }

    pub fn dump(&self) -> Dump {
        Dump::of(&self.pair.servers[1])
    }
}

/// Our form of Node's options.
pub fn repeat(rule: &Value) -> Repeat {
    let ms = |field: &str| rule[field].as_u64().map(Duration::from_millis);
    let mut repeat = match ms("every") {
        Some(every) => Repeat::every(every),
        None => Repeat::cron(rule["pattern"].as_str().unwrap_or_default()),
    };
    if let Some(tz) = rule["tz"].as_str() {
        repeat = repeat.tz(tz);
    }
    if let Some(offset) = ms("offset") {
        repeat = repeat.offset(offset);
    }
    if let Some(limit) = rule["limit"].as_u64() {
        repeat = repeat.limit(limit);
    }
    if let Some(at) = rule["startDate"].as_i64() {
        repeat = repeat.start(at);
    }
    if let Some(at) = rule["endDate"].as_i64() {
        repeat = repeat.end(at);
    }
    if rule["immediately"] == true { repeat.immediately() } else { repeat }
}

fn template_of(template: &Value) -> Template {
    let opts = &template["opts"];
    let small = |field: &str| opts[field].as_u64().map(|number| u32::try_from(number).unwrap());
    Template {
        name: template["name"].as_str().map(str::to_owned),
        data: template["data"].clone(),
        opts: JobOptions {
            attempts: small("attempts").unwrap_or(0),
            priority: small("priority").unwrap_or(0),
            lifo: opts["lifo"] == true,
            keep_logs: small("keepLogs"),
            remove_on_complete: small("removeOnComplete").map(Keep::Count),
            backoff: opts["backoff"]["delay"].as_u64().map(|ms| Backoff::fixed(Duration::from_millis(ms))),
            ..JobOptions::default()
        },
    }
}

/// Runs a command.
pub fn redis_cmd(server: &Server, words: &[&str]) {
    let mut command = redis::cmd(words[0]);
    command.arg(&words[1..]).exec(&mut server.connect()).unwrap();
}

impl Schedules {
    /// Gives ours all that the library wrote.
    pub fn copy(&self) {
        let [mut from, mut to] = self.pair.servers.each_ref().map(Server::connect);
        redis::cmd("FLUSHALL").exec(&mut to).unwrap();
        let keys: Vec<Vec<u8>> = redis::cmd("KEYS").arg("*").query(&mut from).unwrap();
        for key in keys {
            let dump: Vec<u8> = redis::cmd("DUMP").arg(&key).query(&mut from).unwrap();
            redis::cmd("RESTORE").arg(&key).arg(0).arg(dump).exec(&mut to).unwrap();
        }
    }
}
