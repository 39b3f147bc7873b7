//! Failures by cause: as the library groups them, as `toril errors` tells them, and acting on one group.

mod causes;

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Value, json};
use toril::insight::errors::{Field, GroupId, cause};

use crate::cli::run::{json as ask, toril};
use crate::support::{Lib, Node, Server};
use causes::{Dice, templates};

/// The groups that the failures of each cause fell into.
#[derive(Default)]
struct Sorted(BTreeMap<String, BTreeMap<GroupId, String>>);

impl Sorted {
    fn add(&mut self, truth: &str, message: &str, stack: &str) {
        let stacks = if stack.is_empty() { Vec::new() } else { serde_json::to_vec(&[stack]).unwrap() };
        let stacks = if stacks.is_empty() { Field::Absent } else { Field::Value(&stacks) };
        let found = cause(Field::Value(message.as_bytes()), stacks);
        let shown = format!("{} at {:?}", found.message, found.frame);
        self.0.entry(truth.to_owned()).or_default().insert(found.id, shown);
    }

    /// Groups that hold two causes.
    fn merged(&self) -> Vec<String> {
        let mut first: BTreeMap<GroupId, &str> = BTreeMap::new();
        let mut merged = Vec::new();
        for (truth, groups) in &self.0 {
            for (id, shown) in groups {
                if let Some(other) = first.insert(*id, truth) {
                    merged.push(format!("{other} and {truth}: {shown}"));
                }
            }
        }
        merged
    }

    fn groups(&self) -> usize {
        self.0.values().map(BTreeMap::len).sum()
    }

    fn split(&self) -> Vec<&BTreeMap<GroupId, String>> {
        self.0.values().filter(|groups| groups.len() > 1).collect()
    }
}

#[test]
fn forty_causes_are_forty_groups() {
    let mut sorted = Sorted::default();
    let mut dice = Dice::new(7);
    for (at, template) in templates().iter().enumerate() {
        for _ in 0..150 {
            let (message, stack) = template.failure(&mut dice);
            sorted.add(&format!("{at:02}"), &message, &stack);
        }
    }
    assert_eq!(sorted.0.len(), 40);
    assert_eq!(sorted.merged(), Vec::<String>::new());
    assert!(sorted.groups() <= 44, "{:#?}", sorted.split());
}

#[derive(Deserialize)]
struct Recorded {
    cause: String,
    message: String,
    stack: String,
}

/// Recorded by `tests/golden/errors/workers/record`: two releases of a program in each language, whose lines
/// and folders differ.
#[test]
fn real_stack_traces_of_node_python_and_rust_fall_apart_by_cause() {
    let recorded: Vec<Recorded> = serde_json::from_str(include_str!("../golden/errors/real.json")).unwrap();
    let mut sorted = Sorted::default();
    for failure in &recorded {
        sorted.add(&failure.cause, &failure.message, &failure.stack);
    }
    assert!(sorted.0.len() >= 30 && recorded.len() >= 6 * sorted.0.len());
    assert_eq!(sorted.merged(), Vec::<String>::new());
    assert!(sorted.split().is_empty(), "{:#?}", sorted.split());
    // Each has a frame of the program's own, but for what fails in the runtime alone.
    let framed =
        sorted.0.values().flat_map(|groups| groups.values()).filter(|shown| shown.contains("src/fail."));
    assert!(framed.count() >= sorted.0.len() - 1, "{:#?}", sorted.0);
}

/// Writes failed jobs of the forty causes; the time of each is a second after that of the one before.
fn seed(server: &Server, queue: &str, count: u64, from_ms: u64) {
    let (templates, mut dice) = (templates(), Dice::new(11));
    let mut pipe = redis::pipe();
    for job in 0..count {
        let (message, stack) = templates[(job % 40) as usize].failure(&mut dice);
        let at = from_ms + job * 1000;
        let key = format!("bull:{queue}:{job}");
        let stacks = serde_json::to_string(&[stack]).unwrap();
        let hash =
            pipe.cmd("HSET").arg(&key).arg("name").arg(format!("cause-{}", job % 40)).arg("data").arg("{}");
        hash.arg("opts").arg("{\"attempts\":1}").arg("timestamp").arg(at - 50).arg("finishedOn").arg(at);
        hash.arg("atm")
            .arg(1)
            .arg("ats")
            .arg(1)
            .arg("failedReason")
            .arg(message)
            .arg("stacktrace")
            .arg(stacks);
        hash.arg("delay").arg(0).arg("priority").arg(0).ignore();
        pipe.cmd("ZADD").arg(format!("bull:{queue}:failed")).arg(at).arg(job).ignore();
    }
    pipe.cmd("HSET").arg(format!("bull:{queue}:meta")).arg("version").arg("bullmq:6.7.0").ignore();
    pipe.cmd("SET").arg(format!("bull:{queue}:id")).arg(count).ignore();
    pipe.query::<()>(&mut server.connect()).unwrap();
}

fn failed(server: &Server, queue: &str) -> BTreeSet<String> {
    let range = redis::cmd("ZRANGE").arg(format!("bull:{queue}:failed")).arg(0).arg(-1).to_owned();
    range.query::<Vec<String>>(&mut server.connect()).unwrap().into_iter().collect()
}

fn groups(told: &Value) -> &Vec<Value> {
    told["groups"].as_array().unwrap()
}

#[test]
fn groups_are_counted_and_told() {
    let server = Server::start();
    seed(&server, "payments", 1200, 1_700_000_000_000);
    seed(&server, "email", 400, 1_700_000_000_000);
    let told = ask(&server, &["errors"]);
    assert_eq!(
        (&told["scanned"], &told["total"], &told["complete"]),
        (&json!(1600), &json!(1600), &json!(true))
    );
    let found = groups(&told);
    assert!((40..=44).contains(&found.len()), "{} groups", found.len());
    assert_eq!(found.iter().map(|group| group["count"].as_u64().unwrap()).sum::<u64>(), 1600);
    let worst = &found[0];
    assert_eq!((&worst["count"], &worst["share"]), (&json!(40), &json!(0.025)));
    assert_eq!(worst["queues"], json!(["payments", "email"]));
    assert_eq!(worst["examples"].as_array().unwrap().len(), 5);
    let times = (worst["firstAt"].as_u64().unwrap(), worst["lastAt"].as_u64().unwrap());
    assert_eq!(times.1 - times.0, 29 * 40 * 1000);
    assert_eq!(worst.get("new"), None);

    // Named queues only; a bound; a name that is none.
    let told = ask(&server, &["errors", "email"]);
    assert_eq!(told["scanned"], 400);
    let told = ask(&server, &["errors", "email", "--scan", "100"]);
    assert_eq!(
        (&told["scanned"], &told["total"], &told["complete"]),
        (&json!(100), &json!(400), &json!(false))
    );
    let newest = groups(&told).iter().map(|group| group["firstAt"].as_u64().unwrap()).min().unwrap();
    assert_eq!(newest, 1_700_000_000_000 + 300 * 1000, "the newest are read");
    toril(&server, &["errors", "nobody", "--json"]).with_code(1);
    let text = toril(&server, &["errors", "email"]).with_code(0).stdout;
    assert!(text.contains("Request failed with status code 404"), "{text}");
    let empty = Server::start();
    assert_eq!(groups(&ask(&empty, &["errors"])), &Vec::<Value>::new());
}

#[test]
fn what_is_new_since_a_moment_comes_first() {
    let server = Server::start();
    let now: Vec<u64> = redis::cmd("TIME").query(&mut server.connect()).unwrap();
    let now = now[0] * 1000;
    seed(&server, "payments", 200, now - 7_200_000);
    let mut pipe = redis::pipe();
    let hash = pipe.cmd("HSET").arg("bull:payments:new").arg("name").arg("j").arg("failedReason");
    hash.arg("no stock left for 17").arg("finishedOn").arg(now - 60_000).ignore();
    pipe.cmd("ZADD").arg("bull:payments:failed").arg(now - 60_000).arg("new").ignore();
    pipe.query::<()>(&mut server.connect()).unwrap();
    let told = ask(&server, &["errors", "payments", "--since", "20m"]);
    let found = groups(&told);
    assert_eq!((&found[0]["message"], &found[0]["new"]), (&json!("no stock left for <n>"), &json!(true)));
    assert!(found[1..].iter().all(|group| group["new"] == json!(false)));
    let told = ask(&server, &["errors", "payments", "--since", "5s"]);
    assert!(groups(&told).iter().all(|group| group["new"] == json!(false)));
}

#[test]
fn one_group_is_retried_removed_and_put_back() {
    let server = Server::start();
    seed(&server, "payments", 1200, 1_700_000_000_000);
    let told = ask(&server, &["errors", "payments"]);
    let name = |group: &Value| group["id"].as_str().unwrap().to_owned();
    let [first, second] = [name(&groups(&told)[0]), name(&groups(&told)[1])];
    let before = failed(&server, "payments");
    let plan = ask(&server, &["retry", "payments", "--error", &first, "--dry-run"]);
    assert_eq!((&plan["matched"], &plan["dryRun"]), (&json!(30), &json!(true)));
    assert_eq!(failed(&server, "payments"), before);

    // A group of up to a hundred is retried at once; removing asks.
    let done = ask(&server, &["retry", "payments", "--error", &first]);
    assert_eq!((&done["action"], &done["done"]), (&json!("retry"), &json!(30)));
    let left = failed(&server, "payments");
    let gone: BTreeSet<u64> = before.difference(&left).map(|id| id.parse::<u64>().unwrap() % 40).collect();
    assert_eq!((before.len() - left.len(), gone.len()), (30, 1), "all of one cause, and no other");
    let waiting: u64 = redis::cmd("LLEN").arg("bull:payments:wait").query(&mut server.connect()).unwrap();
    assert_eq!(waiting, 30);
    toril(&server, &["remove", "payments", "--error", &second]).with_code(2);
    let done = ask(&server, &["remove", "payments", "--error", &second, "--yes"]);
    assert_eq!((&done["action"], &done["done"]), (&json!("remove"), &json!(30)));
    assert_eq!(failed(&server, "payments").len(), 1140);
    let back = ask(&server, &["undo", done["undo"].as_str().unwrap()]);
    assert_eq!(back["done"], 30);
    assert_eq!(failed(&server, "payments"), left);

    // A group that is not there, and what is no group.
    let none = toril(&server, &["retry", "payments", "--error", "00000000", "--json"]).with_code(1).json();
    assert_eq!(none["matched"], 0);
    toril(&server, &["retry", "payments", "--error", "nonsense!"]).with_code(2);
    toril(&server, &["promote", "payments", "--error", &first]).with_code(2);
}

#[test]
fn jobs_that_a_real_worker_failed_are_grouped_by_their_own_frames() {
    let server = Server::start();
    let mut node = Node::start(Lib::BullMq6, &server);
    let causes =
        ["read-order", "read-invoice", "charge", "refund", "no-file", "json", "assertion", "wrapped"];
    let jobs: Vec<Value> = (0..48_u64)
        .map(|n| json!({"name": "j", "data": {"cause": causes[(n % 8) as usize], "n": n * 7919 + 3}}))
        .collect();
    node.call(json!({"op": "addBulk", "queue": "mail", "jobs": jobs}));
    let worker = node.call(json!({"op": "causesWorker", "queue": "mail"}));
    node.call(json!({"op": "waitIdle", "queue": "mail", "timeoutMs": 45_000}));
    node.call(json!({"op": "workerStop", "handle": worker}));
    let told = ask(&server, &["errors", "mail"]);
    let found = groups(&told);
    let counts: Vec<u64> = found.iter().map(|group| group["count"].as_u64().unwrap()).collect();
    assert_eq!(counts, [6; 8], "{told}");
    let frames: BTreeSet<&str> = found.iter().filter_map(|group| group["frame"].as_str()).collect();
    for frame in ["readOrder (workers/fail.js)", "readInvoice (workers/fail.js)", "charge (workers/fail.js)"]
    {
        assert!(frames.contains(frame), "{frames:?}");
    }

    // All of one group, 5 first: the cause is still there, and it stops by itself.
    let group = found.iter().find(|group| group["frame"] == "readOrder (workers/fail.js)").unwrap();
    let more: Vec<Value> =
        (0..120_u64).map(|n| json!({"name": "j", "data": {"cause": "read-order", "n": n}})).collect();
    node.call(json!({"op": "addBulk", "queue": "mail", "jobs": more}));
    let worker = node.call(json!({"op": "causesWorker", "queue": "mail"}));
    node.call(json!({"op": "waitIdle", "queue": "mail", "timeoutMs": 45_000}));
    let id = group["id"].as_str().unwrap();
    let retry = ["retry", "mail", "--error", id, "--canary", "--confirm", "mail", "--json"];
    let told = toril(&server, &retry).with_code(4).json();
    assert_eq!((&told["ended"], &told["done"]), (&json!("same-error"), &json!(5)), "{told}");
    node.call(json!({"op": "workerStop", "handle": worker}));
}
