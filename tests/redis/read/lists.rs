//! Counts and lists equal the library's own answers.

use rstest::rstest;
use serde_json::json;
use toril::engine::read::page::{Brief, Order, PageQuery};
use toril::engine::read::{counts, page};
use toril::text::Clean;
use toril::wire::{Counts, State};

use super::seed::{conn, era, queue, seed, states};
use crate::support::{Lib, Node, Server};

/// Whether the library's `asc` gives what we show first.
fn ascending(state: State) -> bool {
    !matches!(state, State::Active | State::Completed | State::Failed)
}

#[rstest]
#[tokio::test]
async fn counts_and_lists_are_the_librarys(
    #[values(Lib::Bull4, Lib::BullMq4, Lib::BullMq5, Lib::BullMq6)] lib: Lib,
    #[values(false, true)] paused: bool,
) {
    let server = Server::start();
    let mut node = Node::start(lib, &server);
    seed(&mut node, paused);
    let conn = conn(&server).await;
    let (found, seen, ours) = counts(&conn, &[queue("mail")]).await.unwrap().remove(0);
    assert_eq!(found.error, None);
    assert_eq!(seen, era(lib));
    assert_eq!(found.is_paused(), paused);
    let theirs = node.call(json!({"op": "counts", "queue": "mail"}));
    for state in states(lib) {
        let n = theirs[state.name()].as_u64().unwrap_or_else(|| panic!("{} in {theirs}", state.name()));
        assert_eq!(ours.of(state), n, "{} of {ours:?}, {theirs}", state.name());
    }
    assert_ne!(ours, Counts::default());

    for state in states(lib) {
        // Asked for `waiting`, BullMQ 4 and 5 add `paused` by themselves.
        if paused && state == State::Waiting && matches!(lib, Lib::BullMq4 | Lib::BullMq5) {
            continue;
        }
        for order in [Order::Natural, Order::Reversed] {
            let query = PageQuery { queue: queue("mail"), state, offset: 0, limit: 50, order };
            let page = page(&conn, seen, &query).await.unwrap();
            let ids: Vec<String> = page.rows.iter().map(|row| row.id.lossless().into_owned()).collect();
            let asc = ascending(state) == (order == Order::Natural);
            let theirs = node.call(json!({
                "op": "ids", "queue": "mail", "state": state.name(), "start": 0, "end": 49, "asc": asc,
            }));
            assert_eq!(json!(ids), theirs, "{} {order:?}", state.name());
            assert_eq!(page.total, ours.of(state), "{}", state.name());
            assert!(page.rows.iter().all(|row| !row.gone && row.name != Brief::Absent), "{page:#?}");
        }
    }
}

#[rstest]
#[tokio::test]
async fn rows_say_what_the_librarys_jobs_say(
    #[values(Lib::Bull4, Lib::BullMq4, Lib::BullMq5, Lib::BullMq6)] lib: Lib,
) {
    let server = Server::start();
    let mut node = Node::start(lib, &server);
    seed(&mut node, false);
    let conn = conn(&server).await;
    for state in states(lib) {
        let query = PageQuery { queue: queue("mail"), state, offset: 0, limit: 50, order: Order::Natural };
        for row in page(&conn, era(lib), &query).await.unwrap().rows {
            let theirs = node.call(json!({"op": "job", "queue": "mail", "job": row.id.lossless()}));
            let Brief::Text(name) = &row.name else { panic!("{row:?}") };
            assert_eq!(name.as_str(), theirs["name"]);
            for (ours, key) in [
                (row.timestamp, "timestamp"),
                (row.processed_on, "processedOn"),
                (row.finished_on, "finishedOn"),
            ] {
                if let Some(ours) = ours {
                    assert_eq!(Some(ours), theirs[key].as_i64(), "{key} of {theirs}");
                }
            }
            if state == State::Failed {
                let Brief::Text(reason) = &row.reason else { panic!("{row:?}") };
                assert_eq!(reason.as_str(), theirs["failedReason"]);
                assert!(row.finished_on.is_some());
            }
            if state.is_finished() {
                assert_eq!(Some(row.attempts_made), theirs["attemptsMade"].as_u64());
            }
            if state == State::Completed {
                assert!(row.processed_on.is_some());
                assert_eq!(row.worker.as_ref().map(Clean::as_str), theirs["processedBy"].as_str());
            }
            if state == State::Prioritized {
                assert_eq!(
                    Some(row.priority),
                    theirs["priority"].as_i64().or(theirs["opts"]["priority"].as_i64())
                );
            }
            if state == State::Delayed && !row.scheduled {
                let due = theirs["timestamp"].as_i64().unwrap() + theirs["delay"].as_i64().unwrap();
                assert_eq!(row.due_at, Some(due));
            }
            if state == State::Active && !matches!(lib, Lib::Bull4 | Lib::BullMq4) {
                assert_eq!(row.worker.unwrap().as_str(), "w-1");
                assert_eq!(row.attempts_started, Some(1));
            }
            if state == State::Active {
                assert_eq!(row.progress, Brief::Text(r#"{"pct":10}"#.into()));
            }
        }
    }
}
