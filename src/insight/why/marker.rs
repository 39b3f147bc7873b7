//! The marker that wakes idle workers of `BullMQ` 5 and 6 is missing, or says a wrong time (spec 1.4).

use super::case::Case;
use super::cause::{Cause, Value, Weight};
use crate::engine::read::workers::Connection;
use crate::monitor::why::Look;
use crate::text::Clean;
use crate::wire::era::Waits;

const ADVICE: &str = "they look again by themselves after their drain delay; any job that is added wakes them, and the doctor sets the marker";
/// An add sets the marker with the job; so long after it the marker is not on its way, ms.
const MISSED_MS: i64 = 2_000;

/// Idle workers wait for a marker, jobs wait, and there is none.
pub(super) fn missing(case: &Case<'_>) -> Option<Cause> {
    if !asks(case) || !case.stands() || !case.waited(MISSED_MS) || case.held_back() {
        return None;
    }
    // A rate limit of the workers' own lets them sleep as well.
    let set = case.before.is_some_and(|before| before.keys.marker("0").is_some());
    if set || case.now.keys.marker("0").is_some() || case.both(|look| look.keys.limiter_ms > 0) {
        return None;
    }
    let title = "idle workers sleep although jobs wait: the marker that wakes them is missing";
    let cause = Cause::new("marker", Weight::Stops, title, ADVICE).fact(
        "marker",
        "marker",
        Value::Text(Clean::line("missing")),
    );
    let cause = case.tell_waiting(case.tell_workers(cause));
    Some(cause.command("toril doctor QUEUE"))
}

/// A delayed job is due, and idle workers sleep on: the marker that tells them when is gone, or told a
/// later moment to whoever took it.
pub(super) fn stale(case: &Case<'_>) -> Option<Cause> {
    let now = case.now;
    let due = now.keys.first_due_at?;
    let late = |look: &Look| {
        look.keys.first_due_at == Some(due) && look.at - due > MISSED_MS && look.keys.markers.is_empty()
    };
    if !asks(case) || !case.both(late) || case.started() || case.held_back() {
        return None;
    }
    // Nor do they look while a limit holds them, or while it is early by their own clock.
    if case.both(|look| look.keys.limiter_ms > 0) || super::clock::behind(case).is_some() {
        return None;
    }
    let title =
        "a delayed job is due, and idle workers sleep on: the marker told them no time, or a wrong one";
    let cause = Cause::new("marker", Weight::Stops, title, ADVICE)
        .fact("marker", "marker", Value::Text(Clean::line("stale")))
        .fact("dueAt", "the job was due", Value::At(due));
    Some(case.tell_workers(cause).command("toril doctor QUEUE"))
}

/// A worker of `BullMQ` 5 or 6 asks for work in both looks.
fn asks(case: &Case<'_>) -> bool {
    let new = |workers: &[Connection]| {
        workers.iter().any(|worker| worker.asks && worker.waits == Some(Waits::BzPopMin))
    };
    case.both(|look| look.clients.workers().is_some_and(new))
}
