//! Flows: cases 54 to 59.
//!
//! A tree is written once, in Node's form, and read for our side by [`tree`]; what a job does stands in
//! its data. Both sides are driven step by step, so that nothing is left to chance.

mod add;
mod ends;
mod link;
mod live;
mod read;

use std::collections::HashMap;
use std::time::Duration;

use serde_json::{Value, json};
use toril::engine::{
    ActiveJob, Deduplication, FailurePolicy, FlowError, FlowJob, FlowNode, JobError, JobOptions, Keep,
    ManualWorker, ParentRef, WorkerOptions,
};
use toril::wire::{JobId, Prefix, QueueId, QueueName};

use super::pair::Pair;
use crate::engine::ours::queue_id;
use crate::support::{Dump, Lib, Options, assert_same};

/// The options that tests of flows use, from Node's form.
fn options(opts: &Value) -> JobOptions {
    let policies = [
        ("failParentOnFailure", FailurePolicy::FailParent),
        ("continueParentOnFailure", FailurePolicy::ContinueParent),
        ("ignoreDependencyOnFailure", FailurePolicy::Ignore),
        ("removeDependencyOnFailure", FailurePolicy::Detach),
    ];
    let known = [
        "jobId",
        "delay",
        "priority",
        "attempts",
        "removeOnComplete",
        "removeOnFail",
        "parent",
        "lifo",
        "deduplication",
        "sizeLimit",
    ];
    for name in opts.as_object().into_iter().flat_map(|opts| opts.keys()) {
        assert!(
            known.contains(&name.as_str()) || policies.iter().any(|(policy, _)| policy == name),
            "{name}"
        );
    }
    let on_failure = policies.iter().find(|(name, _)| opts[*name] == true);
    JobOptions {
        id: opts["jobId"].as_str().map(str::to_owned),
        delay: opts["delay"].as_u64().map(Duration::from_millis),
        priority: opts["priority"].as_u64().unwrap_or(0) as u32,
        attempts: opts["attempts"].as_u64().unwrap_or(0) as u32,
        lifo: opts["lifo"] == true,
        remove_on_complete: (opts["removeOnComplete"] == true).then_some(Keep::Nothing),
        remove_on_fail: (opts["removeOnFail"] == true).then_some(Keep::Nothing),
        on_failure: on_failure.map_or(FailurePolicy::Wait, |(_, policy)| *policy),
        parent: opts["parent"]["id"].as_str().map(|id| ParentRef {
            queue: queue_id(opts["parent"]["queue"].as_str().unwrap().strip_prefix("bull:").unwrap()),
            id: JobId::new(id),
        }),
        deduplication: opts["deduplication"].as_object().map(|of| Deduplication {
            id: of.get("id").and_then(Value::as_str).unwrap_or_default().to_owned(),
            keep_last_if_active: of.get("keepLastIfActive") == Some(&json!(true)),
            ..Deduplication::default()
        }),
        size_limit: opts["sizeLimit"].as_u64(),
        ..JobOptions::default()
    }
}

/// A tree, from Node's form.
fn tree(node: &Value) -> FlowJob {
    let prefix = Prefix::new(node["prefix"].as_str().unwrap_or("bull"));
    let queue = QueueId::new(prefix, QueueName::new(node["queueName"].as_str().unwrap()).unwrap());
    FlowJob::new(queue, node["name"].as_str().unwrap(), &node["data"])
        .options(options(&node["opts"]))
        .children(node["children"].as_array().into_iter().flatten().map(tree))
}

/// A node in Node's form: its id is its name.
fn node(queue: &str, id: &str, opts: Value, children: &[Value]) -> Value {
    job(queue, id, json!({}), opts, children)
}

#[allow(clippy::needless_pass_by_value, reason = "callers write the JSON in place")]
fn job(queue: &str, id: &str, data: Value, mut opts: Value, children: &[Value]) -> Value {
    opts["jobId"] = id.into();
    let mut node = json!({"name": id, "queueName": queue, "data": data, "opts": opts});
    if !children.is_empty() {
        node["children"] = children.into();
    }
    node
}

fn fails() -> Value {
    json!({"do": "fail"})
}

/// Both sides, with a worker by hand for each queue.
struct Flows {
    pair: Pair,
    workers: HashMap<String, (Value, ManualWorker)>,
}

impl Flows {
    fn new(lib: Lib) -> Self {
        Self { pair: Pair::new(lib), workers: HashMap::new() }
    }

    fn add(&mut self, flow: &Value) -> Result<FlowNode, FlowError> {
        self.pair.node.call(json!({"op": "flow", "tree": flow}));
        self.ours(flow)
    }

    fn ours(&self, flow: &Value) -> Result<FlowNode, FlowError> {
        self.pair.ours.wait(self.pair.ours.queue("q").add_flow(tree(flow)))
    }

    /// One job outside of a flow, or the child of a parent that its options name.
    fn add_job(&mut self, queue: &str, name: &str, opts: &Value) {
        let call = json!({"op": "add", "queue": queue, "name": name, "data": {}, "opts": opts});
        self.pair.node.call(call);
        let options = options(opts);
        self.pair.ours.wait(self.pair.ours.queue(queue).add(name, &json!({}), options)).unwrap();
    }

    #[track_caller]
    fn compare(&self) {
        self.pair.compare();
    }

    /// [`Flows::compare`], but for the order of the events.
    #[track_caller]
    fn compare_keys(&self) {
        let [theirs, ours] = &self.pair.servers;
        let options = Options::default().ignore(":events");
        assert_same(&Dump::of(theirs).normalised(&options), &Dump::of(ours).normalised(&options));
    }

    fn dump(&self) -> Dump {
        Dump::of(&self.pair.servers[1])
    }

    fn worker(&mut self, queue: &str) -> &(Value, ManualWorker) {
        if !self.workers.contains_key(queue) {
            let call = json!({"op": "worker", "queue": queue, "manual": true});
            let handle = self.pair.node.call(call);
            let ours = self.pair.ours.manual(queue, WorkerOptions::default());
            self.workers.insert(queue.to_owned(), (handle, ours));
        }
        &self.workers[queue]
    }

    /// Why a job is to fail without being run.
    fn verdict(&self, queue: &str, job: &ActiveJob) -> Option<String> {
        let key = format!("bull:{queue}:{}", job.id.lossless());
        self.dump().field(&key, "defa").map(str::to_owned)
    }

    /// Takes the next job on both sides, which must be the same.
    #[track_caller]
    fn take(&mut self, queue: &str) -> Option<Held> {
        self.worker(queue);
        let (handle, ours) = &self.workers[queue];
        let theirs = self.pair.node.call(json!({"op": "take", "handle": handle}));
        let job = self.pair.ours.wait(ours.fetch(None)).unwrap();
        if job.is_none() {
            assert_eq!(theirs, Value::Null);
        }
        let job = job?;
        let name = job.name.lossless().into_owned();
        // Node 5 fails a job that a child failed while it takes it, and hands out none.
        if !(theirs.is_null() && self.verdict(queue, &job).is_some() && self.pair.node.lib() == Lib::BullMq5)
        {
            assert_eq!(theirs["name"].as_str(), Some(name.as_str()));
        }
        Some(Held { queue: queue.to_owned(), theirs: theirs["id"].clone(), ours: job })
    }

    /// Ends a job as completed, and says what each side answered.
    fn complete(&mut self, held: &Held, value: &Value) -> [Result<(), String>; 2] {
        let (handle, ours) = &self.workers[&held.queue];
        let call = json!({"op": "complete", "handle": handle, "job": held.theirs, "value": value});
        let theirs = self.pair.node.try_call(call).map(drop);
        let ours = self.pair.ours.wait(ours.complete(&held.ours, value, None));
        [theirs, ours.map_err(|error| error.to_string())]
    }

    fn fail(&mut self, held: &Held, message: &str, unrecoverable: bool) {
        let (handle, ours) = &self.workers[&held.queue];
        if !held.theirs.is_null() {
            self.pair.node.call(json!({
                "op": "fail", "handle": handle, "job": held.theirs, "message": message,
                "unrecoverable": unrecoverable,
            }));
        }
        let error = if unrecoverable { JobError::fatal(message) } else { JobError::new(message) };
        self.pair.ours.wait(ours.fail(&held.ours, &error, None)).unwrap();
    }

    /// Takes the next job of a queue and ends it as its data say, or as failed where it is to fail without
    /// being run. Returns its name.
    #[track_caller]
    fn step(&mut self, queue: &str) -> Option<String> {
        let held = self.take(queue)?;
        let data: Value = serde_json::from_slice(held.ours.data.as_bytes()).unwrap();
        let name = held.ours.name.lossless().into_owned();
        if let Some(verdict) = self.verdict(queue, &held.ours) {
            self.fail(&held, &verdict, true);
        } else if data["do"] == "fail" {
            self.fail(&held, "boom", false);
        } else {
            let done = self.complete(&held, &json!({"by": name}));
            assert_eq!(done, [Ok(()), Ok(())], "{name}");
        }
        Some(name)
    }
}

/// A job that both sides hold.
struct Held {
    queue: String,
    theirs: Value,
    ours: ActiveJob,
}
