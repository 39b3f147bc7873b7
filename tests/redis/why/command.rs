//! `toril why` as other programs see it.

use serde_json::json;

use super::scene::Scene;
use crate::cli::run::{json as ask, toril};
use crate::support::Lib;

#[test]
fn the_document_and_the_text_tell_the_same() {
    let mut scene = Scene::start(Lib::BullMq6);
    scene.worker("mail", json!({}));
    scene.call(json!({"op": "pause", "queue": "mail"}));
    for _ in 0..2 {
        scene.call(json!({"op": "add", "queue": "mail", "data": {}}));
    }
    let document = ask(&scene.server, &["why", "mail"]);
    assert_eq!((&document["queue"], &document["prefix"]), (&json!("mail"), &json!("bull")));
    assert_eq!((&document["moving"], &document["state"]), (&json!(false), &json!("stands")));
    assert_eq!((&document["inPerSecond"], &document["outPerSecond"]), (&json!(0.0), &json!(0.0)));
    assert_eq!((&document["drainSeconds"], &document["backlog"]), (&json!(null), &json!(2)));
    let causes = document["causes"].as_array().unwrap();
    assert_eq!(causes.len(), 1, "{document}");
    let cause = &causes[0];
    assert_eq!((&cause["id"], &cause["weight"]), (&json!("paused"), &json!("stops")));
    assert_eq!(cause["evidence"]["waiting"], 2);
    assert!(cause["title"].as_str().unwrap().contains("paused; 2 jobs wait"), "{cause}");
    assert!(cause["advice"].as_str().unwrap().ends_with("toril resume mail"), "{cause}");
    let shown = toril(&scene.server, &["why", "mail"]).with_code(0).stdout;
    assert!(shown.starts_with("mail: it does not move\n"), "{shown}");
    assert!(shown.contains("1.  the queue is paused; 2 jobs wait"), "{shown}");
    assert!(shown.contains("jobs in wait") && shown.contains("toril resume mail"), "{shown}");

    scene.call(json!({"op": "resume", "queue": "mail"}));
    scene.call(json!({"op": "waitIdle", "queue": "mail"}));
    scene.healthy("mail");
    let shown = toril(&scene.server, &["why", "mail"]).with_code(0).stdout;
    assert_eq!(shown, "mail: nothing waits: it is empty and healthy\n");

    let absent = toril(&scene.server, &["why", "nowhere", "--json"]).with_code(1);
    assert_eq!(absent.error()["kind"], "not-found");
    scene.server.kill();
    let gone = toril(&scene.server, &["why", "mail", "--json"]).with_code(3);
    assert_eq!(gone.error()["kind"], "connect");
}
