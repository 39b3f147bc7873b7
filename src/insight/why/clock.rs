//! A clock that is wrong: producers write the time at which a delayed job is due, and workers decide by
//! their own whether it is.

use super::case::Case;
use super::cause::{Cause, Value, Weight};
use crate::monitor::why::Look;
use crate::text::figure;
use crate::wire::State;

/// Clocks that differ by less do no harm worth a word, ms.
const OFF_MS: i64 = 10_000;
/// Stalled checks come about every 30 s; one that says it was so long ago was not, ms.
const BEHIND_MS: i64 = 150_000;

/// The clock of the workers is behind: delayed jobs are due, and they do not know it.
pub(super) fn behind(case: &Case<'_>) -> Option<Cause> {
    let late = |look: &Look| {
        let keys = &look.keys;
        // The key lives as long as the interval; its value is what the worker took for the time then.
        let said = keys.stalled_check_at.filter(|_| (1..=BEHIND_MS).contains(&keys.stalled_check_ms));
        said.map(|at| look.at - at).filter(|off| *off > BEHIND_MS)
    };
    let off = late(case.now)?;
    if !case.both(|look| look.keys.overdue > 0 && late(look).is_some()) || case.paused() {
        return None;
    }
    let words = figure::duration(off);
    let title = format!("the clock of the workers is behind by about {words}: due jobs are not due for them");
    let weight = if case.started() { Weight::Holds } else { Weight::Stops };
    let cause = Cause::new("clock", weight, title, "set the clock of the workers' hosts right (NTP)")
        .fact("behindMs", "behind Redis by about", Value::Span(off))
        .count("overdue", "jobs that are due", case.now.keys.overdue)
        .maybe("dueAt", "the first was due", case.now.keys.first_due_at.map(Value::At))
        .maybe("workerSaysAt", "a worker took for now", case.now.keys.stalled_check_at.map(Value::At));
    Some(case.tell_workers(cause))
}

/// The clock of the producers is ahead: jobs are delayed for longer than was meant.
pub(super) fn ahead(case: &Case<'_>) -> Option<Cause> {
    let now = case.now;
    if now.overview.is_paused() || case.started() || !case.both(|look| look.ready() == 0) {
        return None;
    }
    let ahead = |look: &Look, at: i64| at - look.at > OFF_MS;
    let first = case.sampled(State::Delayed).find(|job| !job.scheduled)?;
    let added = first.timestamp.filter(|at| ahead(now, *at))?;
    case.was(State::Delayed, &first.id)?;
    let off = added - now.at;
    let title = format!(
        "the next delayed job was added by a clock that is ahead by at least {}",
        figure::duration(off)
    );
    let advice = "set the clock of the producers' hosts right (NTP); promote what waits because of it";
    let cause = Cause::new("clock", Weight::Stops, title, advice)
        .fact("aheadMs", "ahead by at least", Value::Span(off))
        .fact("addedAt", "it says it was added", Value::At(added))
        .maybe("dueAt", "and is due", first.due_at.map(Value::At))
        .fact("job", "job", Value::Ids(vec![first.id.clone()]))
        .count("delayed", "delayed", now.counts.delayed)
        .command("toril promote QUEUE --all --state delayed");
    Some(cause)
}
