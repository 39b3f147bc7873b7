//! Jobs wait, nothing moves, and nothing that is known explains it.

use super::case::Case;
use super::cause::{Cause, Value, Weight};
use crate::text::Clean;

/// Jobs that wait for less may be between two blocking calls of a worker, ms.
const STUCK_MS: i64 = 15_000;

/// Jobs wait for long, none runs, and none starts.
pub(super) fn holds(case: &Case<'_>) -> bool {
    case.stands() && case.waited(STUCK_MS) && !case.runs()
}

/// Jobs wait for long, and nobody takes them.
pub(super) fn stuck(case: &Case<'_>) -> Option<Cause> {
    if !holds(case) {
        return None;
    }
    let known = case.workers().is_some();
    let (title, advice) = if known {
        (
            "jobs wait, workers are connected, and nothing moves: the keys do not tell why",
            "look at the workers: their logs, a limiter of their own, a processor that waits",
        )
    } else {
        (
            "jobs wait and nobody takes them; whether a worker is connected is not known",
            "look whether a worker runs; an account that may use CLIENT LIST sees it here",
        )
    };
    let cause = Cause::new("not-taken", Weight::Stops, title, advice);
    let mut cause = case.tell_waiting(case.tell_workers(cause));
    cause = cause.count("active", "active", case.now.overview.active);
    let marker = case.now.keys.marker("0").is_some();
    Some(cause.fact("marker", "marker", Value::Text(Clean::line(if marker { "set" } else { "not set" }))))
}
