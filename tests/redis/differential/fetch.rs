//! Taking jobs.

use std::time::Duration;

use rstest::rstest;
use serde_json::{Value, json};
use toril::engine::{ActiveJob, JobOptions, ManualWorker, WorkerOptions};

use super::pair::{Pair, finished, plain};
use crate::engine::ours::until;
use crate::support::{Content, Dump, Lib};

pub fn named() -> WorkerOptions {
    WorkerOptions { name: "w".to_owned(), ..WorkerOptions::default() }
}

/// A worker by hand on each side.
pub struct Hands {
    pub handle: Value,
    pub manual: ManualWorker,
}

impl Hands {
    pub fn of(pair: &mut Pair, opts: &Value, options: WorkerOptions) -> Self {
        let request =
            json!({"op": "worker", "queue": "q", "manual": true, "name": options.name, "opts": opts});
        let handle = pair.node.call(request);
        Self { handle, manual: pair.ours.manual("q", options) }
    }

    /// Takes a job on both sides.
    pub fn take(&self, pair: &mut Pair) -> Option<ActiveJob> {
        let theirs = pair.node.call(json!({"op": "take", "handle": self.handle, "queue": "q"}));
        let ours = pair.ours.wait(self.manual.fetch(None)).unwrap();
        assert_eq!(theirs["id"].as_str().map(str::to_owned), ours.as_ref().map(id), "{theirs}");
        ours
    }

    /// A step of Node's worker for a job that it holds.
    pub fn node(&self, pair: &mut Pair, mut request: Value) -> Value {
        request["handle"] = self.handle.clone();
        request["queue"] = json!("q");
        pair.node.call(request)
    }
}

pub fn id(job: &ActiveJob) -> String {
    job.id.lossless().into_owned()
}

#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn case_23_a_fetch_locks_marks_and_tells_the_start(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    for _ in 0..2 {
        pair.add("job", &json!({}), &json!({}), plain());
    }
    let hands = Hands::of(&mut pair, &json!({}), named());
    let job = hands.take(&mut pair).unwrap();
    pair.compare();
    assert_eq!((job.attempts_made, job.attempts_started), (0, 1));
    for server in &pair.servers {
        let dump = Dump::of(server);
        assert!(dump.0["bull:q:1:lock"].expires);
        assert_eq!((dump.field("bull:q:1", "ats"), dump.field("bull:q:1", "pb")), (Some("1"), Some("w")));
        assert_eq!(dump.members("bull:q:marker"), ["0"], "for the next worker");
    }
}

#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn case_24_nothing_to_fetch_leaves_nothing(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    let hands = Hands::of(&mut pair, &json!({}), named());
    assert!(hands.take(&mut pair).is_none());
    assert!(Dump::of(&pair.servers[1]).keys().is_empty());
    let hour = Duration::from_secs(3600);
    pair.add("late", &json!({}), &json!({"delay": 3_600_000}), JobOptions { delay: Some(hour), ..plain() });
    assert!(hands.take(&mut pair).is_none());
    pair.compare();
    // Node keeps what a fetch tells of the first delayed job; ours waits no longer than that either
    // (`delayed_jobs_start_when_they_are_due_not_at_the_next_poll`).
    let due = pair.node.call(json!({"op": "workerField", "handle": hands.handle, "field": "blockUntil"}));
    let Some(Content::Zset(head)) = Dump::of(&pair.servers[0]).get("bull:q:delayed").cloned() else {
        panic!("no delayed job");
    };
    assert_eq!(due.as_f64().unwrap() as i64, (head[0].1.parse::<f64>().unwrap() / 4096.0) as i64);
}

#[rstest]
#[case(Lib::BullMq5, 1)]
#[case(Lib::BullMq6, 1)]
#[case(Lib::BullMq5, 50)]
#[case(Lib::BullMq6, 50)]
fn case_26_an_end_takes_the_next_job_and_tells_no_drained(#[case] lib: Lib, #[case] batch: usize) {
    let mut pair = Pair::new(lib);
    pair.add("first", &json!({"return": 1}), &json!({}), plain());
    pair.add("second", &json!({"do": "hang"}), &json!({}), plain());
    let theirs = pair.node.call(json!({"op": "worker", "queue": "q", "name": "w"}));
    let ours = pair.ours.worker("q", WorkerOptions { batch, ..named() });
    for server in &pair.servers {
        until(|| Dump::of(server).field("bull:q:2", "ats") == Some("1"));
    }
    pair.compare();
    let dump = Dump::of(&pair.servers[1]);
    assert_eq!(dump.len("bull:q:completed"), 1);
    assert!(!dump.events("bull:q:events", "event").contains(&"drained"));
    // The lock of the second has a token of its own where BullMQ's has the first one's: each end can
    // name one start.
    pair.node.call(json!({"op": "release", "handle": theirs}));
    pair.ours.kill(ours);
}

#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn case_27_delayed_jobs_that_are_left_tell_no_drained(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    let hour = Duration::from_secs(3600);
    pair.add("late", &json!({}), &json!({"delay": 3_600_000}), JobOptions { delay: Some(hour), ..plain() });
    pair.add("now", &json!({}), &json!({}), plain());
    let theirs = pair.node.call(json!({"op": "worker", "queue": "q", "name": "w"}));
    let ours = pair.ours.worker("q", named());
    for server in &pair.servers {
        until(|| finished(&Dump::of(server), 1) && Dump::of(server).get("bull:q:marker").is_none());
        assert!(!Dump::of(server).events("bull:q:events", "event").contains(&"drained"));
    }
    pair.compare();
    pair.node.call(json!({"op": "workerStop", "handle": theirs}));
    pair.ours.stop(ours);
    // The next worker is told of the delayed job where Node's leaves it to find out.
    let marker = |side: usize| Dump::of(&pair.servers[side]).members("bull:q:marker").join(",");
    assert_eq!([marker(0), marker(1)], ["", "1"]);
}
