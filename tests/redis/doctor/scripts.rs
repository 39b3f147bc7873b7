//! The command line: the document, the exit codes, and what has no safe repair.

use std::process::Command;

use serde_json::{Value, json};
use toril::engine::acl::Role;
use toril::engine::op::Repair;
use toril::engine::read::doctor::{Scope, examine};
use toril::insight::doctor::{Doctor, Finding, Kind};

use super::{QUICK, Ward, id};
use crate::support::{Lib, Node, account, refused};

fn toril(ward: &Ward, args: &[&str]) -> (i32, Value, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_toril"));
    command.env_clear().env("HOME", "/nonexistent").env("TORIL_URL", ward.server.url());
    command.env("XDG_STATE_HOME", ward.folder.path());
    let output = command
        .arg("doctor")
        .args(args)
        .args(["--again", "20ms", "--full-speed", "--json"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let document = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
    (output.status.code().unwrap(), document, said)
}

#[test]
fn findings_keep_their_names_and_are_repaired_by_them() {
    let mut ward = Ward::new(Lib::BullMq6);
    // A queue that is paused needs no worker.
    for queue in ["mail", "sound"] {
        ward.call(json!({"op": "pause", "queue": queue}));
        ward.line(queue);
    }
    let (code, document, _) = toril(&ward, &["sound"]);
    assert_eq!(
        (code, &document["complete"], &document["findings"]),
        (0, &json!(true), &json!([])),
        "{document}"
    );
    ward.set("mail", "DEL @2");
    ward.set("mail", "LREM @wait 0 3");
    let (code, first, _) = toril(&ward, &["mail"]);
    assert_eq!(code, 1, "{first}");
    let kinds: Vec<&str> = first["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| finding["kind"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["ghost", "orphan"], "{first}");
    let ghost = &first["findings"][0];
    assert_eq!(
        (&ghost["queue"], &ghost["jobId"], &ghost["evidence"]["state"]),
        (&json!("mail"), &json!("2"), &json!("waiting"))
    );
    assert!(ghost["consequence"].is_string() && ghost["repair"].is_string(), "{ghost}");
    let (_, second, _) = toril(&ward, &["mail"]);
    assert_eq!(first["findings"], second["findings"], "the same damage has the same name in each run");
    // All queues: the server is judged, too.
    let (code, all, _) = toril(&ward, &[]);
    assert_eq!(code, 1);
    let of_server = |finding: &&Value| finding["queue"].is_null();
    assert!(all["findings"].as_array().unwrap().iter().any(|finding| of_server(&finding)), "{all}");

    let name = ghost["id"].as_str().unwrap();
    let (code, _, said) = toril(&ward, &["mail", "--fix", name]);
    assert_eq!(code, 2, "nobody can be asked: {said}");
    let (code, planned, _) = toril(&ward, &["mail", "--fix", name, "--dry-run"]);
    assert_eq!((code, &planned["results"][0]["dryRun"]), (0, &json!(true)), "{planned}");
    assert_eq!(toril(&ward, &["mail"]).1["findings"], first["findings"], "nothing was written");
    let (code, _, said) = toril(&ward, &["mail", "--fix", name, "--yes", "--read-only"]);
    assert_eq!(code, 3, "{said}");
    let (code, done, _) = toril(&ward, &["mail", "--fix", name, "--yes"]);
    let result = &done["results"][0];
    assert_eq!((code, &result["done"], &result["finding"]), (0, &json!(1), &json!(name)), "{done}");
    assert!(result["undo"].is_string(), "{done}");
    let (code, _, said) = toril(&ward, &["mail", "--fix", name, "--yes"]);
    assert!(code == 1 && said.contains("not-found"), "{code} {said}");
    let (code, done, _) = toril(&ward, &["mail", "--fix", "all", "--yes"]);
    assert_eq!((code, &done["results"][0]["done"]), (0, &json!(1)), "{done}");
    assert_eq!(toril(&ward, &["mail"]).0, 0);
    assert_eq!(toril(&ward, &["nobody"]).0, 1);
    assert_eq!(toril(&ward, &["mail", "--dry-run"]).0, 2);
}

/// What is found of these kinds; all of it must say why it has no repair.
fn reasons(ward: &Ward, queue: &str, kind: Kind) -> Finding {
    let found = ward.survey(&[queue], QUICK).findings;
    let finding = found.iter().find(|finding| finding.kind == kind);
    let finding = finding.unwrap_or_else(|| panic!("{queue}: no {kind:?} in {found:#?}")).clone();
    let why = finding.repair.as_ref().expect_err("nothing safe can be done");
    assert!(why.ends_with('.') && !finding.evidence.is_empty(), "{finding:?}");
    finding
}

#[test]
fn what_has_no_safe_repair_says_why() {
    let mut ward = Ward::new(Lib::BullMq6);
    ward.line("alone");
    reasons(&ward, "alone", Kind::NoWorker);
    ward.line("large");
    ward.raw(&["HSET", "bull:large:2", "data", &format!("\"{}\"", "x".repeat(1_200_000))]);
    let large = reasons(&ward, "large", Kind::LargeJob);
    assert_eq!(large.job.as_ref().map(|job| job.lossless().into_owned()), Some("2".to_owned()));
    ward.line("ahead");
    let ahead = (ward.now() + 3_600_000).to_string();
    ward.raw(&["HSET", "bull:ahead:2", "timestamp", &ahead]);
    ward.raw(&["XADD", "bull:ahead:events", &format!("{ahead}-0"), "event", "waiting"]);
    reasons(&ward, "ahead", Kind::FutureJob);
    reasons(&ward, "ahead", Kind::FutureEvents);
    ward.line("paused");
    ward.call(json!({"op": "pause", "queue": "paused"}));
    ward.raw(&["HSET", "bull:paused:1", "timestamp", &(ward.now() - 7_200_000).to_string()]);
    reasons(&ward, "paused", Kind::PausedGrowing);
    ward.line("repeats");
    ward.raw(&["ZADD", "bull:repeats:repeat", &ahead, "leg::::60000"]);
    reasons(&ward, "repeats", Kind::OldRepeatable);
    ward.call(json!({"op": "open", "queue": "flow"}));
    let tree = json!({"name": "p", "queueName": "flow", "opts": {"jobId": "p"},
        "children": [{"name": "c", "queueName": "flow", "data": {"do": "fail"}, "opts": {"jobId": "c"}}]});
    ward.call(json!({"op": "flow", "tree": tree}));
    ward.drain("flow");
    reasons(&ward, "flow", Kind::StuckParent);
    // A worker of BullMQ 4 on a queue of BullMQ 6.
    ward.line("mixed");
    let mut old = Node::start(Lib::BullMq4, &ward.server);
    let handle = old.call(json!({"op": "worker", "queue": "mixed"}));
    old.call(json!({"op": "waitIdle", "queue": "mixed"}));
    ward.call(json!({"op": "queueCall", "queue": "mixed", "method": "getVersion"}));
    ward.set("mixed", "HSET @meta version bullmq:6.7.0");
    reasons(&ward, "mixed", Kind::MixedVersions);
    old.call(json!({"op": "workerStop", "handle": handle, "force": true}));
}

#[test]
fn an_idle_worker_that_nobody_woke_is_woken() {
    for lib in Lib::PARITY {
        let mut ward = Ward::new(lib);
        let opts = json!({"drainDelay": 100});
        let handle = ward.call(json!({"op": "worker", "queue": "q", "opts": opts}));
        ward.call(json!({"op": "add", "queue": "q", "name": "job", "data": {}}));
        ward.call(json!({"op": "waitIdle", "queue": "q"}));
        let blocked = || {
            let list: String = redis::cmd("CLIENT").arg("LIST").query(&mut ward.redis()).unwrap();
            list.contains("cmd=bzpopmin")
        };
        let end = std::time::Instant::now() + std::time::Duration::from_secs(30);
        while !blocked() {
            assert!(std::time::Instant::now() < end, "the worker does not wait");
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        // A job whose marker was lost.
        ward.raw(&[
            "HSET",
            "bull:q:2",
            "name",
            "job",
            "data",
            "{}",
            "opts",
            "{}",
            "timestamp",
            "1795150144726",
        ]);
        ward.set("q", "LPUSH @wait 2");
        ward.set("q", "SET @id 2");
        let found = ward.survey(&["q"], QUICK).findings;
        let [finding] = found.as_slice() else { panic!("{found:#?}") };
        assert_eq!((finding.kind, &finding.repair), (Kind::NoMarker, &Ok(Repair::Wake)));
        assert_eq!(ward.repair(finding).progress.done, 1);
        ward.call(json!({"op": "waitIdle", "queue": "q"}));
        let ran = ward.call(json!({"op": "workerRan", "handle": handle}));
        assert_eq!(ran[1]["id"], "2", "{ran}");
        ward.call(json!({"op": "workerStop", "handle": handle, "force": true}));
    }
}

#[test]
fn a_viewer_may_look() {
    let mut ward = Ward::new(Lib::BullMq6);
    ward.line("mail");
    ward.set("mail", "DEL @2");
    let conn = ward.runtime.block_on(account(&ward.server, Role::Viewer));
    let scope = Scope { share: 1.0, ..QUICK };
    let found = ward.runtime.block_on(examine(&conn, &[id("mail")], scope, &Doctor, |_| {})).unwrap();
    assert!(found.findings.iter().any(|finding| finding.kind == Kind::Ghost), "{:?}", found.findings);
    assert_eq!(refused(&ward.server), Vec::<String>::new());
}
