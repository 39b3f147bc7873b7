//! Queues that are not understood: `BullMQ` Pro's groups, and writers that nothing tells (spec 5, 7).

use super::case::Case;
use super::cause::{Cause, Value, Weight};
use crate::text::Clean;
use crate::wire::Era;

/// Jobs may wait in groups of `BullMQ` Pro, which nobody but Pro reads.
pub(super) fn pro(case: &Case<'_>) -> Option<Cause> {
    let groups =
        |look: &crate::monitor::why::Look| look.overview.evidence.as_ref().is_some_and(|found| found.groups);
    if case.now.era != Era::Pro || !case.both(groups) || case.started() || case.runs() {
        return None;
    }
    let title = "jobs wait in groups of BullMQ Pro: limits and pauses of a group cannot be read from here";
    let cause =
        Cause::new("pro-groups", Weight::Stops, title, "look at the groups with BullMQ Pro's own tools")
            .fact("evidence", "evidence", Value::Text(note(case)))
            .maybe("groups", "groups", case.now.keys.groups.map(Value::Count));
    Some(case.tell_waiting(case.tell_workers(cause)))
}

/// Jobs wait for long, and nobody knows who writes the queue: nor, what its workers wait for.
pub(super) fn unknown(case: &Case<'_>) -> Option<Cause> {
    if case.now.era != Era::Unknown || !super::stuck::holds(case) {
        return None;
    }
    let title =
        "nothing moves, and it is not certain which library writes this queue and what its workers wait for";
    let advice = "look which library adds the jobs; toril changes nothing here until that is certain";
    let cause = Cause::new("unknown-era", Weight::Stops, title, advice).fact(
        "evidence",
        "evidence",
        Value::Text(note(case)),
    );
    Some(case.tell_waiting(case.tell_workers(cause)))
}

fn note(case: &Case<'_>) -> Clean {
    let words: Vec<&str> = case.now.era_note.iter().map(Clean::as_str).collect();
    Clean::line(words.join("; "))
}
