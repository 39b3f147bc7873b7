//! Repeatables of the older libraries, edited: as their own remove and add would leave them.

use std::time::Duration;

use rstest::rstest;
use serde_json::{Map, Value, json};
use toril::engine::op::Code;
use toril::engine::schedule::{Recast, Repeat};
use toril::wire::Raw;

use super::Pair;
use crate::support::{Content, Lib};

/// The parts of options in the order of their names, without what is of the moment: moments stand there as words.
fn settled(text: &str) -> String {
    let mut parts: Vec<&str> = text.split([',', '{', '}']).filter(|part| !part.is_empty()).collect();
    // Where none is given, Bull stores none and tries once.
    let passing = ["\"delay\":", "\"timestamp\":", "\"attempts\":0", "\"attempts\":1"];
    parts.retain(|part| !passing.iter().any(|passing| part.starts_with(passing)));
    parts.sort_unstable();
    parts.join(",")
}

fn same(pair: &Pair, what: &str) {
    pair.assert_same_after(what, |dump| {
        for entry in dump.0.values_mut() {
            let Content::Hash(fields) = &mut entry.content else { continue };
            if let Some(opts) = fields.get_mut("opts") {
                *opts = settled(opts);
                fields.remove("delay");
            }
        }
    });
}

fn only_key(pair: &mut Pair, queue: &str) -> String {
    let listed = pair.theirs.call(json!({"op": "repeatables", "queue": queue}));
    let [one] = listed.as_array().unwrap().as_slice() else { panic!("{listed}") };
    one["key"].as_str().unwrap().to_owned()
}

#[rstest]
#[case(Lib::Bull4)]
#[case(Lib::BullMq4)]
#[case(Lib::BullMq5)]
fn an_edited_repeatable_has_the_keys_of_its_library(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    let pattern = if lib == Lib::Bull4 { "cron" } else { "pattern" };
    let minutes = |n: u64| Repeat::every(Duration::from_secs(60 * n));
    let end = 2_000_000_000_000_i64;
    let three = json!({pattern: "0 3 * * *", "tz": "Europe/Madrid"});
    let custom = json!({"every": 600_000, "limit": 9});
    for (from, id, to, recast) in [
        (&three, None, json!({pattern: "0 4 * * 1#2"}), Repeat::cron("0 4 * * 1#2")),
        (&three, Some("c"), json!({"every": 3_600_000}), minutes(60)),
        (&custom, Some("c"), json!({"every": 1_800_000, "endDate": end}), minutes(30).end(end)),
        (
            &custom,
            None,
            json!({pattern: "0 0 12 L * *", "tz": "UTC", "limit": 3}),
            Repeat::cron("0 0 12 L * *").tz("UTC").limit(3),
        ),
    ] {
        let queue = pair.fresh();
        let opts = json!({"attempts": 3, "backoff": {"type": "fixed", "delay": 7}, "jobId": id});
        let add = |rule: &Value, data: Value| json!({"op": "addRepeatable", "queue": queue, "name": "tick", "data": data, "repeat": rule, "opts": opts});
        pair.theirs.call(add(from, json!({"a": 1})));
        let key = only_key(&mut pair, &queue);
        pair.copy();
        pair.theirs.call(json!({"op": "removeRepeatable", "queue": queue, "key": key}));
        pair.theirs.call(add(&to, json!({"a": 2})));
        let data = Some(Raw::new("{\"a\":2}"));
        let recast = Recast { repeat: Some(recast), data, ..Recast::default() };
        assert_eq!(pair.recast(&queue, &key, &recast), Ok(Some(Code::Done)));
        same(&pair, &format!("{from} to {to}"));
        // It is one that the library removes.
        let new = only_key(&mut pair, &queue);
        assert_ne!(new, key);
        pair.worker.call(json!({"op": "removeRepeatable", "queue": queue, "key": new}));
        assert_eq!(pair.dump_ours().len(&format!("bull:{queue}:delayed")), 0);
        assert_eq!(pair.recast(&queue, &key, &recast), Ok(Some(Code::NoScheduler)));
    }
}

/// Other data in the same slot; then another rule, which real workers run, once a slot.
#[rstest]
#[case(Lib::Bull4)]
#[case(Lib::BullMq4)]
#[case(Lib::BullMq5)]
fn real_workers_go_on_with_an_edited_repeatable(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    let queue = pair.fresh();
    pair.theirs.call(json!({"op": "addRepeatable", "queue": queue, "name": "tick", "data": {"a": 1},
        "repeat": {"every": 3_600_000}}));
    let key = only_key(&mut pair, &queue);
    pair.copy();
    let recast = Recast { data: Some(Raw::new("{\"a\":2}")), ..Recast::default() };
    assert_eq!(pair.recast(&queue, &key, &recast), Ok(Some(Code::Done)));
    let dump = pair.dump_ours();
    assert_eq!(dump.members(&format!("bull:{queue}:repeat")), [key.as_str()]);
    assert_eq!(dump.members(&format!("bull:{queue}:delayed")).len(), 1);
    let recast = Recast { repeat: Some(Repeat::every(Duration::from_millis(400))), ..Recast::default() };
    assert_eq!(pair.recast(&queue, &key, &recast), Ok(Some(Code::Done)));
    let worker = pair.worker.call(json!({"op": "worker", "queue": queue}));
    let completed = format!("bull:{queue}:completed");
    crate::engine::ours::until(|| pair.dump_ours().len(&completed) >= 4);
    pair.worker.call(json!({"op": "workerStop", "handle": worker, "force": lib == Lib::Bull4}));
    let dump = pair.dump_ours();
    let slots: Vec<i64> = dump
        .members(&completed)
        .iter()
        .map(|id| {
            assert_eq!(dump.field(&format!("bull:{queue}:{id}"), "data"), Some("{\"a\":2}"));
            id.rsplit(':').next().unwrap().parse().unwrap()
        })
        .collect();
    let once: std::collections::BTreeSet<i64> = slots.iter().copied().collect();
    assert_eq!(once.len(), slots.len());
    assert!(slots.iter().all(|slot| slot % 400 == 0), "{slots:?}");
    assert_eq!(dump.members(&format!("bull:{queue}:repeat")).len(), 1);
}

/// What its jobs are, of a job scheduler: as an upsert with that template leaves it.
#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn another_template_leaves_the_keys_of_an_upsert(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    let upsert = |queue: &str, template: Value| {
        json!({"op": "upsertScheduler", "queue": queue, "scheduler": "night",
            "repeat": {"pattern": "0 3 * * *", "tz": "UTC", "limit": 7}, "template": template})
    };
    let name = || Some("tock".to_owned());
    let data = || Some(Raw::new("{\"to\":[1]}"));
    let opts = json!({"priority": 4, "attempts": 2, "removeOnComplete": {"age": 60}});
    let given = || Some(opts.as_object().unwrap().clone());
    let was = json!({"name": "tick", "data": {"a": 1}, "opts": {"attempts": 5}});
    for (template, recast) in [
        (
            json!({"name": "tock", "data": {"a": 1}, "opts": {"attempts": 5}}),
            Recast { name: name(), ..Recast::default() },
        ),
        (
            json!({"name": "tick", "data": {"to": [1]}, "opts": {"attempts": 5}}),
            Recast { data: data(), ..Recast::default() },
        ),
        (
            json!({"name": "tick", "data": {"a": 1}, "opts": opts}),
            Recast { opts: given(), ..Recast::default() },
        ),
        (
            json!({"name": "tock"}),
            Recast { name: name(), data: Some(Raw::new("{}")), opts: Some(Map::new()), ..Recast::default() },
        ),
    ] {
        let queue = pair.fresh();
        pair.theirs.call(upsert(&queue, was.clone()));
        pair.copy();
        pair.theirs.call(upsert(&queue, template.clone()));
        assert_eq!(pair.recast(&queue, "night", &recast), Ok(Some(Code::Done)));
        same(&pair, &template.to_string());
    }
}
