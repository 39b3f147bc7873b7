//! Fleets of BullMQ's workers and ours.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rstest::rstest;
use serde_json::{Value, json};
use toril::engine::op::{QueueOp, run_queue};
use toril::engine::{Backoff, JobError, JobOptions, Queue, WorkerOptions};
use toril::wire::Fleet;

use super::pair::{Pair, finished, plain};
use crate::engine::ours::{Ours, until};
use crate::faults::child::{Child, Order};
use crate::parity::pair::target;
use crate::support::{Dump, Lib, Node, Server};

/// The mixed soak.
#[test]
fn case_70_nothing_is_lost_while_workers_of_every_kind_are_killed() {
    crate::soak::fleet::soak();
}

const SHORT: Duration = Duration::from_millis(300);

fn short(name: &str) -> Order {
    Order { name: name.to_owned(), lock: SHORT, stalled: SHORT, ..Order::default() }
}

fn short_node() -> Value {
    json!({ "lockDuration": 300, "stalledInterval": 300 })
}

fn node_child(lib: Lib, server: &Server) -> Child {
    let order =
        json!({ "role": "worker", "queue": "q", "name": "dead", "concurrency": 1, "opts": short_node() });
    Child::node(lib, server, &order)
}

/// A worker process is killed while it runs a job; the next worker of its own kind leaves the same.
#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn case_46_a_killed_workers_job_is_recovered_alike(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    pair.add(
        "job",
        &json!({ "ms": 60_000 }),
        &json!({ "priority": 3 }),
        JobOptions { priority: 3, ..plain() },
    );
    let dying =
        [node_child(lib, &pair.servers[0]), Child::ours(&pair.servers[1].socket_url(), &short("dead"))];
    for mut child in dying {
        until(|| child.began().len() == 1);
        child.kill();
    }
    std::thread::sleep(SHORT * 2);
    pair.run(&short_node(), short("next").options(), |dump| finished(dump, 1));
    // The throttle of the stalled check is gone by then.
    std::thread::sleep(SHORT + SHORT / 2);
    pair.compare();
}

/// And one of the other kind recovers it too.
#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn case_46_a_killed_workers_job_is_recovered_by_the_other_kind(#[case] lib: Lib) {
    let server = Server::start();
    let (ours, mut node) = (Ours::on(&server), Node::start(lib, &server));
    let queue = ours.queue("q");
    for (round, by_us) in [true, false].into_iter().enumerate() {
        let id = ours.wait(queue.add("job", &json!({ "ms": 60_000 }), plain())).unwrap();
        let mut child =
            if by_us { node_child(lib, &server) } else { Child::ours(&server.socket_url(), &short("dead")) };
        until(|| child.began().len() == 1);
        child.kill();
        let done = || Dump::of(&server).len("bull:q:completed") == round + 1;
        if by_us {
            let running = ours.worker("q", short("ours").options());
            until(done);
            assert_eq!(running.ran(), [id.lossless()]);
            ours.stop(running);
        } else {
            let handle =
                node.call(json!({"op": "worker", "queue": "q", "name": "node", "opts": short_node()}));
            until(done);
            node.call(json!({"op": "workerStop", "handle": handle}));
        }
        let (dump, key) = (Dump::of(&server), format!("bull:q:{}", id.lossless()));
        let fields = ["stc", "ats", "atm", "pb"].map(|field| dump.field(&key, field).unwrap());
        assert_eq!(fields, ["1", "2", "1", if by_us { "ours" } else { "node" }]);
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Who {
    Five,
    Six,
    Ours(Fleet),
}

/// What our producer adds to a paused queue and our worker puts back into it survives whoever
/// paused and whoever resumes. (What others lose of each other's is the table of `docs/pausing.md`.)
#[test]
fn case_65_what_ours_adds_and_puts_back_on_a_paused_queue_survives_every_resume() {
    let server = Server::start();
    let ours = Ours::on(&server);
    let (mut five, mut six) = (Node::start(Lib::BullMq5, &server), Node::start(Lib::BullMq6, &server));
    let pausers = [Who::Five, Who::Six, Who::Ours(Fleet::Mixed), Who::Ours(Fleet::V6)];
    let resumers = [Who::Five, Who::Six, Who::Ours(Fleet::Mixed)];
    let mut number = 0;
    for pauser in pausers {
        for resumer in resumers {
            for waiting in [0, 2] {
                for last in [Lib::BullMq5, Lib::BullMq6] {
                    number += 1;
                    let name = format!("q{number}");
                    let queue = ours.queue(&name);
                    let version = if last == Lib::BullMq5 { "bullmq:5.81.5" } else { "bullmq:6.7.0" };
                    let mut act = |who: Who, op: &str| match who {
                        Who::Five => drop(five.call(json!({"op": op, "queue": name}))),
                        Who::Six => drop(six.call(json!({"op": op, "queue": name}))),
                        Who::Ours(fleet) => {
                            let op = if op == "pause" { QueueOp::Pause { fleet } } else { QueueOp::Resume };
                            ours.wait(run_queue(&ours.conn, &target(last, &name), op)).unwrap();
                        }
                    };
                    let before = run_into_the_pause(&ours, &queue, &name, waiting, || act(pauser, "pause"));
                    let meta = format!("bull:{name}:meta");
                    redis::cmd("HSET")
                        .arg(meta)
                        .arg("version")
                        .arg(version)
                        .exec(&mut server.connect())
                        .unwrap();
                    let after = JobOptions { id: Some("after".to_owned()), ..plain() };
                    ours.wait(queue.add("after", &json!({}), after)).unwrap();
                    act(resumer, "resume");
                    let dump = Dump::of(&server);
                    let waits: BTreeSet<&str> =
                        dump.members(&format!("bull:{name}:wait")).into_iter().collect();
                    let told =
                        format!("{pauser:?} paused {waiting} and {last:?}, {resumer:?} resumed: {waits:?}");
                    assert_eq!(waits.len(), before + 1, "{told}");
                    assert_eq!(dump.len(&format!("bull:{name}:paused")), 0, "{told}");
                    // And they run.
                    let running = ours.worker(&name, WorkerOptions::default());
                    until(|| running.ran().len() == waits.len());
                    ours.stop(running);
                }
            }
        }
    }
}

/// Two jobs run while the queue is paused: one is put back at once when its attempt fails, one is
/// delayed and due again before the pause ends. Returns how many jobs are to wait afterwards.
fn run_into_the_pause(ours: &Ours, queue: &Queue, name: &str, waiting: usize, pause: impl FnOnce()) -> usize {
    let add = |id: &str, options: JobOptions| {
        let id = Some(id.to_owned());
        ours.wait(queue.add("job", &json!({}), JobOptions { id, attempts: 3, ..options })).unwrap();
    };
    add("at-once", plain());
    add("soon", JobOptions { backoff: Some(Backoff::fixed(Duration::from_millis(20))), ..plain() });
    let worker = ours.manual(name, WorkerOptions::default());
    let fetch = || ours.wait(worker.fetch(None)).unwrap();
    let running = [fetch().unwrap(), fetch().unwrap()];
    for n in 0..waiting {
        add(&format!("before-{n}"), plain());
    }
    pause();
    for job in &running {
        ours.wait(worker.fail(job, &JobError::new("boom"), None)).unwrap();
    }
    std::thread::sleep(Duration::from_millis(30));
    assert!(fetch().is_none(), "it is paused");
    waiting + 2
}

fn ran_by(node: &mut Node, handle: &Value) -> Vec<String> {
    let ran = node.call(json!({"op": "workerRan", "handle": handle}));
    ran.as_array().unwrap().iter().map(|run| run["id"].as_str().unwrap().to_owned()).collect()
}

/// BullMQ 4 counts attempts in a field of its own, which hides the count of later releases from
/// them; ours adds both up, and so the attempts run out when they are used up.
#[test]
fn attempts_that_bullmq_4_made_count() {
    let server = Server::start();
    let (ours, mut four) = (Ours::on(&server), Node::start(Lib::BullMq4, &server));
    let data = json!({ "do": "fail" });
    let opts = json!({ "attempts": 5, "backoff": { "type": "fixed", "delay": 150 } });
    four.call(json!({"op": "add", "queue": "q", "name": "job", "data": data, "opts": opts}));
    let handle = four.call(json!({"op": "worker", "queue": "q"}));
    until(|| Dump::of(&server).field("bull:q:1", "attemptsMade") == Some("2"));
    four.call(json!({"op": "workerStop", "handle": handle}));
    let by_four = ran_by(&mut four, &handle).len();
    // Ours takes nothing of a queue that BullMQ 4 has for itself.
    Node::start(Lib::BullMq6, &server).call(json!({"op": "open", "queue": "q"}));
    let running = ours.worker("q", WorkerOptions { drain_delay: SHORT, ..WorkerOptions::default() });
    until(|| Dump::of(&server).len("bull:q:failed") == 1);
    let by_us = running.ran().len();
    ours.stop(running);
    assert_eq!((by_four + by_us, by_four >= 2), (5, true), "{by_four} and {by_us}");
    let dump = Dump::of(&server);
    assert_eq!(dump.field("bull:q:1", "attemptsMade"), Some(&*by_four.to_string()), "it stays");
    assert_eq!(dump.field("bull:q:1", "atm"), Some(&*by_us.to_string()));
    assert!(dump.events("bull:q:events", "event").contains(&"retries-exhausted"));
}

/// Workers and producers of three releases beside ours: each job ends once.
#[test]
fn workers_of_4_5_6_and_ours_share_a_queue() {
    const EACH: u64 = 60;
    let server = Server::start();
    let ours = Ours::on(&server);
    let libs = [Lib::BullMq4, Lib::BullMq5, Lib::BullMq6];
    let mut nodes = libs.map(|lib| Node::start(lib, &server));
    // The newest opens it last, as in a fleet that is being brought up to date.
    for node in &mut nodes {
        node.call(json!({"op": "open", "queue": "q"}));
    }
    let times = json!({ "drainDelay": 1 });
    let handles: Vec<Value> = nodes
        .iter_mut()
        .map(|node| node.call(json!({"op": "worker", "queue": "q", "concurrency": 3, "opts": times})))
        .collect();
    let quick =
        WorkerOptions { concurrency: 3, drain_delay: Duration::from_secs(1), ..WorkerOptions::default() };
    let running = ours.worker("q", quick);
    let queue = ours.queue("q");
    let data = json!({ "do": "sleep", "ms": 4 });
    for n in 0..EACH {
        let (priority, delay) = (if n % 4 == 1 { n % 3 + 1 } else { 0 }, if n % 4 == 2 { 30 + n } else { 0 });
        for node in &mut nodes {
            let mut opts = json!({ "attempts": 2 });
            if priority > 0 {
                opts["priority"] = json!(priority);
            }
            if delay > 0 {
                opts["delay"] = json!(delay);
            }
            node.call(json!({"op": "add", "queue": "q", "name": "job", "data": data, "opts": opts}));
        }
        let options = JobOptions {
            priority: priority as u32,
            delay: (delay > 0).then(|| Duration::from_millis(delay)),
            attempts: 2,
            ..plain()
        };
        ours.wait(queue.add("job", &data, options)).unwrap();
    }
    until(|| Dump::of(&server).len("bull:q:completed") == 4 * EACH as usize);
    let mut runs = BTreeMap::<String, usize>::new();
    let mut kinds = Vec::new();
    for (node, handle) in nodes.iter_mut().zip(&handles) {
        let ran = ran_by(node, handle);
        kinds.push(ran.len());
        for id in ran {
            *runs.entry(id).or_default() += 1;
        }
        node.call(json!({"op": "workerStop", "handle": handle, "force": true}));
    }
    kinds.push(running.ran().len());
    for id in running.ran() {
        *runs.entry(id).or_default() += 1;
    }
    ours.stop(running);
    println!("ran by 4, 5, 6 and ours: {kinds:?}");
    assert_eq!((runs.len() as u64, runs.values().all(|times| *times == 1)), (4 * EACH, true));
    assert!(kinds.iter().all(|ran| *ran > 0), "{kinds:?}");
    let dump = Dump::of(&server);
    for structure in ["active", "delayed", "prioritized", "failed"] {
        assert_eq!(dump.len(&format!("bull:q:{structure}")), 0, "{structure}");
    }
    // What is left in `wait` is a wake-up marker of 4.
    assert!(dump.members("bull:q:wait").iter().all(|id| id.starts_with("0:")));
    assert!(!dump.keys().iter().any(|key| key.ends_with(":lock")));
}
