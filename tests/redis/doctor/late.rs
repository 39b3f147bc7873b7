//! Somebody else is faster: between the look and the repair the damage goes, and the repair does nothing.

use rstest::rstest;
use serde_json::json;
use toril::insight::doctor::{Finding, Kind};

use super::Ward;
use crate::support::{Dump, Lib, assert_same};

impl Ward {
    #[track_caller]
    fn only(&self, queue: &str, kind: Kind) -> Finding {
        let mut found = self.found(queue);
        found.retain(|finding| finding.kind == kind);
        assert_eq!(found.len(), 1, "{queue}: {found:?}");
        found.remove(0)
    }

    /// The repair comes too late: it says so, and nothing of the queue is changed by it.
    #[track_caller]
    fn too_late(&self, finding: &Finding) {
        let before = Dump::of(&self.server);
        let report = self.repair(finding);
        assert_eq!(
            (report.progress.done, report.progress.changed + report.progress.failed),
            (0, 1),
            "{report:?}"
        );
        let code = report.failures[0].code;
        assert!(["sound", "gone", "locked"].contains(&code), "{report:?}");
        assert!(!report.undoable, "there is nothing to take back");
        // What runs out by itself is not the repair's doing.
        let locks = crate::support::Options::default().ignore(":stalled-check");
        assert_same(&before.normalised(&locks), &Dump::of(&self.server).normalised(&locks));
    }
}

#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn what_a_worker_or_client_has_moved_on_is_left_alone(#[case] lib: Lib) {
    let mut ward = Ward::new(lib);

    // A worker has taken the job that was in line a second time.
    ward.done("again");
    ward.set("again", "RPUSH @wait 1");
    let double = ward.only("again", Kind::Double);
    ward.drain("again");
    ward.too_late(&double);

    // Somebody puts the lost job in line again.
    ward.line("orphan");
    ward.set("orphan", "LREM @wait 0 2");
    let orphan = ward.only("orphan", Kind::Orphan);
    ward.set("orphan", "LPUSH @wait 2");
    ward.too_late(&orphan);

    // .. and a worker holds it.
    ward.set("orphan", "LREM @wait 0 2");
    ward.set("orphan", "SET @2:lock token PX 30000");
    ward.too_late(&orphan);

    // A producer adds a job with the id of the ghost.
    ward.call(
        json!({"op": "add", "queue": "ghost", "name": "job", "data": {}, "opts": {"jobId": "order-7"}}),
    );
    ward.set("ghost", "DEL @order-7");
    let ghost = ward.only("ghost", Kind::Ghost);
    ward.call(
        json!({"op": "add", "queue": "ghost", "name": "job", "data": {}, "opts": {"jobId": "order-7"}}),
    );
    ward.too_late(&ghost);

    // The worker that was thought dead renews its lock.
    ward.taken("stuck");
    ward.set("stuck", "DEL @1:lock @stalled-check");
    let stuck = ward.only("stuck", Kind::StuckActive);
    ward.set("stuck", "SET @1:lock token PX 30000");
    ward.too_late(&stuck);

    // A worker begins to look for stalled jobs, and has moved the job.
    ward.taken("check");
    ward.set("check", "DEL @1:lock @stalled-check");
    let stuck = ward.only("check", Kind::StuckActive);
    ward.drain("check");
    ward.too_late(&stuck);

    // A worker of its own has made the keys anew.
    ward.line("keys");
    ward.set("keys", "SET @stalled-check 1");
    ward.set("keys", "SET @limiter 5");
    let (check, limiter) = (ward.only("keys", Kind::StalledCheck), ward.only("keys", Kind::EndlessLimiter));
    ward.set("keys", "SET @stalled-check 1 PX 30000");
    ward.set("keys", "SET @limiter 5 PX 30000");
    ward.too_late(&check);
    ward.too_late(&limiter);

    // The overdue job has been promoted by a worker.
    ward.call(json!({"op": "add", "queue": "due", "name": "job", "data": {}, "opts": {"delay": 900_000}}));
    let due = ((ward.now() - 60_000) * 4096).to_string();
    ward.raw(&["ZADD", "bull:due:delayed", &due, "1"]);
    let overdue = ward.only("due", Kind::Overdue);
    ward.drain("due");
    ward.too_late(&overdue);

    // .. or somebody has put it off.
    ward.call(json!({"op": "add", "queue": "off", "name": "job", "data": {}, "opts": {"delay": 900_000}}));
    ward.raw(&["ZADD", "bull:off:delayed", &due, "1"]);
    let overdue = ward.only("off", Kind::Overdue);
    ward.call(json!({"op": "changeDelay", "queue": "off", "job": "1", "delay": 700_000}));
    ward.too_late(&overdue);

    // The data was mended by its producer.
    ward.line("json");
    ward.raw(&["HSET", "bull:json:2", "data", "{oops"]);
    let unreadable = ward.only("json", Kind::InvalidJson);
    ward.raw(&["HSET", "bull:json:2", "data", "{}"]);
    ward.too_late(&unreadable);

    // The scheduler was written anew.
    let upsert = json!({"op": "upsertScheduler", "queue": "plan", "scheduler": "s",
        "repeat": {"pattern": "0 3 * * *"}, "template": {"name": "tick"}});
    ward.call(upsert.clone());
    let mut link = ward.redis();
    let runs: Vec<String> =
        redis::cmd("ZRANGE").arg("bull:plan:delayed").arg(0).arg(-1).query(&mut link).unwrap();
    ward.set("plan", &format!("DEL @delayed @{}", runs[0]));
    let dead = ward.only("plan", Kind::DeadScheduler);
    ward.call(upsert);
    ward.too_late(&dead);

    // The parent's child came back.
    ward.call(json!({"op": "open", "queue": "flow"}));
    let tree = json!({"name": "p", "queueName": "flow", "opts": {"jobId": "p"},
        "children": [{"name": "c", "queueName": "flow", "opts": {"jobId": "c"}}]});
    ward.call(json!({"op": "flow", "tree": tree}));
    ward.set("flow", "DEL @p:dependencies");
    let stuck = ward.only("flow", Kind::StuckParent);
    ward.set("flow", "SADD @p:dependencies @c");
    ward.too_late(&stuck);

    // The owner of the deduplication id is there again.
    let opts = json!({"jobId": "own", "deduplication": {"id": "once"}});
    ward.call(json!({"op": "add", "queue": "dedup", "name": "job", "data": {}, "opts": opts}));
    ward.set("dedup", "DEL @own");
    ward.set("dedup", "LREM @wait 0 own");
    let stale = ward.only("dedup", Kind::StaleDedup);
    ward.call(json!({"op": "add", "queue": "dedup", "name": "job", "data": {}, "opts": {"jobId": "own"}}));
    ward.too_late(&stale);
}

#[test]
fn an_undo_that_comes_too_late_changes_nothing() {
    let mut ward = Ward::new(Lib::BullMq6);
    ward.line("orphan");
    ward.set("orphan", "LREM @wait 0 2");
    let orphan = ward.only("orphan", Kind::Orphan);
    assert_eq!(ward.repair(&orphan).progress.done, 1);
    assert_eq!(ward.drain("orphan"), ["1", "2", "3"]);
    let before = ward.dump("orphan");
    let undone = ward.undo();
    assert_eq!((undone.progress.done, undone.progress.changed), (0, 1), "{undone:?}");
    assert_same(&before, &ward.dump("orphan"));
}
