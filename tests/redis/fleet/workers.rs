//! Who is connected, and what each runs, beside `getWorkers`.

use rstest::rstest;
use serde_json::{Value, json};
use toril::engine::WorkerOptions;
use toril::engine::acl::Role;
use toril::engine::read::running::{Running, durations, running};
use toril::engine::read::{Roster, roster};
use toril::insight::workers::{assign, era, usuals};
use toril::text::Mask;

use crate::cli::run::{finish, json as told, on};
use crate::engine::ours::{Ours, queue_id, until};
use crate::read::seed::era as era_of;
use crate::support::{Lib, Node, Server, login};

/// What the library lists: the server's numbers of the connections, and the names of the workers.
fn theirs(node: &mut Node, queue: &str) -> Vec<(u64, String)> {
    let listed = node.call(json!({"op": "workers", "queue": queue}));
    let mut all: Vec<(u64, String)> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            let raw = one["rawname"].as_str().unwrap_or_default();
            let name = raw.split_once(":w:").map_or("", |(_, name)| name);
            (one["id"].as_str().unwrap().parse().unwrap(), name.to_owned())
        })
        .collect();
    all.sort();
    all
}

fn ours(ours: &Ours, queue: &str) -> (Roster, Vec<(u64, String)>) {
    let roster = ours.wait(roster(&ours.conn)).unwrap();
    let of = roster.of(&queue_id(queue));
    let mut all: Vec<(u64, String)> = of
        .iter()
        .map(|one| (one.id, one.name.as_ref().map(ToString::to_string).unwrap_or_default()))
        .collect();
    all.sort();
    (roster, all)
}

#[rstest]
#[case(Lib::Bull4, "B")]
#[case(Lib::BullMq4, "4")]
#[case(Lib::BullMq5, "5-6")]
#[case(Lib::BullMq6, "5-6")]
fn workers_are_those_that_the_library_lists(#[case] lib: Lib, #[case] of: &str) {
    let server = Server::start();
    let mut node = Node::start(lib, &server);
    let me = Ours::on(&server);
    node.call(json!({"op": "open", "queue": "q"}));
    node.call(json!({"op": "open", "queue": "other"}));
    assert_eq!(theirs(&mut node, "q"), []);
    let named = matches!(lib, Lib::BullMq5 | Lib::BullMq6);
    let mut handles = Vec::new();
    for name in ["mailer", "", "a:w:b"] {
        let mut worker = json!({"op": "worker", "queue": "q"});
        // Only BullMQ 5 and 6 give their connections the worker's name.
        if named && !name.is_empty() {
            worker["name"] = name.into();
        }
        handles.push(node.call(worker));
    }
    node.call(json!({"op": "worker", "queue": "other"}));
    until(|| theirs(&mut node, "q").len() == 3 && theirs(&mut node, "other").len() == 1);
    for queue in ["q", "other"] {
        assert_eq!(ours(&me, queue).1, theirs(&mut node, queue), "{queue}");
    }
    // What an idle worker waits in tells its era; a busy one is remembered.
    let waits = |roster: &Roster| roster.of(&queue_id("q")).iter().map(|one| one.waits).collect::<Vec<_>>();
    until(|| waits(&ours(&me, "q").0).iter().all(Option::is_some));
    let (idle, _) = ours(&me, "q");
    for one in idle.of(&queue_id("q")) {
        assert_eq!(era(one.waits, era_of(lib)), Some(of));
    }
    for (at, handle) in handles.into_iter().enumerate() {
        node.call(json!({"op": "workerStop", "handle": handle, "force": true}));
        until(|| theirs(&mut node, "q").len() == 2 - at);
        until(|| ours(&me, "q").1 == theirs(&mut node, "q"));
    }
}

fn runs(me: &Ours, lib: Lib) -> (Roster, Vec<Running>) {
    let (_, jobs) = me.wait(running(&me.conn, era_of(lib), &queue_id("q"), 100)).unwrap();
    (me.wait(roster(&me.conn)).unwrap(), jobs)
}

fn ids(jobs: &[Running], places: &[usize]) -> Vec<String> {
    places.iter().map(|at| jobs[*at].row.id.lossless().into_owned()).collect()
}

#[rstest]
#[case(Lib::Bull4)]
#[case(Lib::BullMq4)]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn a_job_is_given_to_its_worker(#[case] lib: Lib) {
    let server = Server::start();
    let mut node = Node::start(lib, &server);
    let me = Ours::on(&server);
    let add = |node: &mut Node, data: Value| {
        let id = node.call(json!({"op": "add", "queue": "q", "name": "charge", "data": data}));
        id.as_str().unwrap().to_owned()
    };
    let first = node.call(json!({"op": "worker", "queue": "q", "concurrency": 2}));
    for _ in 0..6 {
        add(&mut node, json!({"do": "ok"}));
    }
    node.call(json!({"op": "waitIdle", "queue": "q"}));
    let hanging = [add(&mut node, json!({"do": "hang"})), add(&mut node, json!({"do": "hang"}))];
    node.call(json!({"op": "waitHanging", "handle": first, "n": 2}));
    // The only worker has all of it.
    let (roster, jobs) = runs(&me, lib);
    let workers = roster.of(&queue_id("q"));
    let told = assign(&workers, &jobs);
    assert_eq!(told.by_worker.len(), 1);
    let mut mine = ids(&jobs, &told.by_worker[0]);
    mine.sort();
    assert_eq!(mine, hanging);
    assert!(jobs.iter().all(|job| job.lock_ttl_ms.is_some_and(|ms| ms > 0 && ms <= 30_000)), "{jobs:?}");
    // Six of a name tell what is usual.
    let took = me.wait(durations(&me.conn, &queue_id("q"), 100)).unwrap();
    let usual = usuals(&took, &Mask::default());
    let name = jobs[0].name().unwrap();
    assert_eq!(usual[name].jobs, 6);
    assert!(usual[name].is_far_longer(usual[name].longest_ms + 60_000));
    // Of two that are alike nobody can tell; one with a name can be told.
    let mut second = json!({"op": "worker", "queue": "q"});
    let named = matches!(lib, Lib::BullMq5 | Lib::BullMq6);
    if named {
        second["name"] = "named".into();
    }
    let second = node.call(second);
    let third = add(&mut node, json!({"do": "hang"}));
    node.call(json!({"op": "waitHanging", "handle": second}));
    until(|| roster_of(&me).of(&queue_id("q")).len() == 2);
    let (roster, jobs) = runs(&me, lib);
    let workers = roster.of(&queue_id("q"));
    let told = assign(&workers, &jobs);
    if named {
        assert_eq!(told.unknown, Vec::<usize>::new());
        let at = workers.iter().position(|one| one.name.is_some()).unwrap();
        assert_eq!(ids(&jobs, &told.by_worker[at]), [third]);
        assert_eq!(told.by_worker[1 - at].len(), 2);
    } else {
        assert_eq!((told.unknown.len(), told.by_worker.iter().flatten().count()), (3, 0));
    }
}

fn roster_of(me: &Ours) -> Roster {
    me.wait(roster(&me.conn)).unwrap()
}

/// Workers of ours carry the same names, and a worker of another database is none of this one.
#[test]
fn our_own_workers_are_listed_and_those_of_other_databases_are_not() {
    let server = Server::start();
    let me = Ours::on(&server);
    let worker = me.worker("q", WorkerOptions { name: "mine".to_owned(), ..WorkerOptions::default() });
    until(|| ours(&me, "q").1.len() == 1);
    assert_eq!(ours(&me, "q").1[0].1, "mine");
    let mut foreign = server.connect();
    redis::cmd("SELECT").arg(1).exec(&mut foreign).unwrap();
    redis::cmd("CLIENT").arg("SETNAME").arg("bull:cQ==:w:foreign").exec(&mut foreign).unwrap();
    assert_eq!(ours(&me, "q").1.len(), 1);
    redis::cmd("SELECT").arg(0).exec(&mut foreign).unwrap();
    assert_eq!(ours(&me, "q").1.len(), 2);
    me.kill(worker);
}

#[test]
fn the_command_line_tells_who_does_what_and_what_may_not_be_known() {
    let server = Server::start();
    let mut node = Node::start(Lib::BullMq6, &server);
    for _ in 0..5 {
        node.call(json!({"op": "add", "queue": "q", "name": "charge", "data": {"do": "ok"}}));
    }
    node.call(json!({"op": "add", "queue": "lonely", "name": "x", "data": {}}));
    let handle = node.call(json!({"op": "worker", "queue": "q", "name": "pay-1"}));
    node.call(json!({"op": "waitIdle", "queue": "q"}));
    let job = node.call(json!({"op": "add", "queue": "q", "name": "charge", "data": {"do": "hang"}}));
    node.call(json!({"op": "waitHanging", "handle": handle}));
    let all = told(&server, &["workers"]);
    assert_eq!(all["permitted"], true);
    let worker = &all["workers"][0];
    assert_eq!(
        (&worker["queue"], &worker["prefix"], &worker["name"]),
        (&json!("q"), &json!("bull"), &json!("pay-1"))
    );
    assert!(worker["idleMs"].is_u64() && worker["address"].is_string(), "{worker}");
    let one = &worker["jobs"][0];
    assert_eq!((&one["id"], &one["processedBy"], &one["farLonger"]), (&job, &json!("pay-1"), &json!(false)));
    assert!(one["activeMs"].as_i64().unwrap() >= 0 && one["lockTtl"].as_i64().unwrap() > 0, "{one}");
    assert!(one["usualMs"].is_i64(), "{one}");
    assert_eq!(
        all["withoutWorker"],
        json!([{"queue": "lonely", "prefix": "bull", "ready": 1, "delayed": 0}])
    );
    assert_eq!(told(&server, &["workers", "q"])["withoutWorker"], json!([]));
    // Where clients may not be listed, the rest is told.
    login(&server, Role::Viewer);
    let mut link = server.connect();
    redis::cmd("ACL").arg("SETUSER").arg("acting").arg("-client|list").exec(&mut link).unwrap();
    let mut command = on(&server);
    command.env("TORIL_USER", "acting").env("TORIL_PASSWORD", "secret").args(["workers", "--json"]);
    let denied = finish(&mut command).with_code(0).json();
    assert_eq!((&denied["permitted"], &denied["workers"]), (&json!(false), &json!([])));
    assert_eq!(denied["unassigned"][0]["jobs"][0]["id"], job);
    assert_eq!(denied["withoutWorker"], json!([]), "it is not known");
}
