//! `--where`.

use serde_json::{Value, json};

use super::run::{bare, finish, json as ask, toril, with_input};
use crate::support::{Lib, Node, Server};

fn seed(server: &Server) -> Node {
    let mut node = Node::start(Lib::BullMq6, server);
    let tenants = ["acme", "other", "acme"];
    let jobs: Vec<_> = tenants
        .iter()
        .enumerate()
        .map(|(n, tenant)| json!({"name": format!("j{n}"), "data": {"tenant": tenant, "n": n, "big": 12_345_678_901_234_568_i64}}))
        .collect();
    node.call(json!({"op": "addBulk", "queue": "mail", "jobs": jobs}));
    node
}

fn names(answer: &Value) -> Vec<&str> {
    answer["jobs"].as_array().unwrap().iter().map(|job| job["name"].as_str().unwrap()).collect()
}

#[test]
fn jobs_that_match_are_listed() {
    let server = Server::start();
    let _node = seed(&server);
    let filter = |expression: &str| ask(&server, &["jobs", "mail", "--where", expression]);
    let acme = filter(".data.tenant == \"acme\"");
    assert_eq!(names(&acme), ["j0", "j2"]);
    assert_eq!((&acme["scanned"], &acme["complete"], &acme["total"]), (&json!(3), &json!(true), &json!(3)));
    assert!(acme["jobs"][0].get("data").is_none());
    assert_eq!(names(&filter(".name | test(\"^j[12]$\")")), ["j1", "j2"]);
    assert_eq!(names(&filter(".state == \"waiting\" and .logs == 0 and .raw.data != null")).len(), 3);
    assert_eq!(names(&filter(".data.big == 12345678901234568")).len(), 3);
    let first = ask(&server, &["jobs", "mail", "--where", "true", "--limit", "1"]);
    assert_eq!((names(&first), &first["complete"]), (vec!["j0"], &json!(false)));
    let second = ask(&server, &["jobs", "mail", "--where", "true", "--limit", "1", "--offset", "1"]);
    assert_eq!(names(&second), ["j1"]);
    let bounded = ask(&server, &["jobs", "mail", "--where", "true", "--scan", "2"]);
    assert_eq!(
        (names(&bounded).len(), &bounded["scanned"], &bounded["complete"]),
        (2, &json!(2), &json!(false))
    );
}

#[test]
fn what_is_neither_true_nor_false_is_said() {
    let server = Server::start();
    let _node = seed(&server);
    let odd = toril(&server, &["jobs", "mail", "--where", ".data.tenant", "--json"]).with_code(0);
    assert_eq!(odd.json()["jobs"], json!([]));
    assert!(odd.stderr.contains("neither true nor false for 3 jobs"), "{odd:?}");
    let broken = toril(&server, &["jobs", "mail", "--where", ".data.tenant.x == 1", "--json"]).with_code(0);
    assert!(broken.stderr.contains("failed on 3 jobs"), "{broken:?}");
}

#[test]
fn a_wicked_expression_ends_itself_and_nothing_else() {
    let server = Server::start();
    let _node = seed(&server);
    for (expression, why) in [
        (".data.tenant ==", "not valid jq"),
        ("nonsense", "not defined"),
        ("def f: 1 + f; f", "ended its own process"),
        ("[range(1e12)] | length > 0", ""),
        ("last(range(1e15))", "more than 2 s"),
        ("halt", "ended its own process"),
        ("import \"x\" as x; true", "not valid jq"),
    ] {
        let began = std::time::Instant::now();
        let refused = toril(&server, &["jobs", "mail", "--where", expression, "--json"]).with_code(2);
        // Which limit it meets first, memory or time, is the machine's matter where no reason is given.
        assert!(refused.stderr.contains(why), "{expression}: {refused:?}");
        assert_eq!(refused.stdout, "");
        assert!(began.elapsed().as_secs() < 8, "{expression}");
    }
}

#[test]
fn the_child_sees_no_environment() {
    let mut child = bare();
    child.env("CANARY", "secret").arg("__jq");
    // Even the child itself has none, when the parent starts it; here it is started by hand.
    let server = Server::start();
    let _node = seed(&server);
    let mut parent = super::run::on(&server);
    parent.env("CANARY", "secret").args(["jobs", "mail", "--json", "--where", "env | length == 0"]);
    assert_eq!(names(&finish(&mut parent).with_code(0).json()).len(), 3);
    let direct = with_input(&mut child, "\".a\"\n{\"a\":true}\n{\"a\":1}\n{\"a\":false}\nno\n");
    assert_eq!(direct.stdout, "1\n1\n?\n0\n!the job is not JSON\n");
}

#[test]
fn acts_take_an_expression_too() {
    let server = Server::start();
    let mut node = seed(&server);
    let told = ask(
        &server,
        &["remove", "mail", "--state", "waiting", "--where", ".data.tenant == \"acme\"", "--yes"],
    );
    assert_eq!((&told["matched"], &told["done"]), (&json!(2), &json!(2)));
    assert_eq!(node.call(json!({"op": "counts", "queue": "mail"}))["waiting"], 1);
}

#[test]
fn what_an_expression_finds_is_retried_at_a_pace() {
    let server = Server::start();
    let mut node = Node::start(Lib::BullMq6, &server);
    for n in 0..60 {
        let data = json!({"do": "fail", "n": n, "message": "no route"});
        node.call(json!({"op": "add", "queue": "mail", "data": data, "opts": {"attempts": 1}}));
    }
    let handle = node.call(json!({"op": "worker", "queue": "mail"}));
    node.call(json!({"op": "waitIdle", "queue": "mail"}));
    node.call(json!({"op": "workerStop", "handle": handle}));
    let retry = ["retry", "mail", "--where", ".data.n >= 20", "--canary", "--rate", "200/s"];
    let refused = toril(&server, &[&retry[..], &["--json"]].concat()).with_code(2);
    assert_eq!(refused.error()["kind"], "usage");
    let plan = ask(&server, &[&retry[..], &["--dry-run"]].concat());
    assert_eq!((&plan["matched"], &plan["done"]), (&json!(40), &json!(0)));
    let told = ask(&server, &[&retry[..], &["--yes"]].concat());
    assert_eq!(
        (&told["matched"], &told["done"], &told["ended"]),
        (&json!(40), &json!(40), &json!("finished"))
    );
    let counts = node.call(json!({"op": "counts", "queue": "mail"}));
    assert_eq!((&counts["waiting"], &counts["failed"]), (&json!(40), &json!(20)));
    // The oldest of them is next.
    let dump = crate::support::Dump::of(&server);
    assert_eq!(dump.members("bull:mail:wait").last().copied(), Some("21"));
}
