//! Prioritized jobs behind `wait`: workers of `BullMQ` 4 to 6 empty `wait` first (spec 1.3).

use super::case::Case;
use super::cause::{Cause, Value, Weight};
use crate::text::figure;
use crate::wire::{Era, State};

/// A prioritized job that has waited for less is not starved, ms.
const STARVED_MS: i64 = 30_000;

/// Jobs of `wait` start, and prioritized ones do not.
pub(super) fn prioritized(case: &Case<'_>) -> Option<Cause> {
    let now = case.now;
    let known = matches!(now.era, Era::V4 | Era::V5 | Era::V6);
    if !known || case.paused() || !case.both(|look| look.counts.waiting > 0 && look.overview.prioritized > 0)
    {
        return None;
    }
    let head = case.sampled(State::Prioritized).next()?;
    let stays = case.was(State::Prioritized, &head.id).is_some();
    let waited = now.at - head.ready_at?;
    if !stays || waited < STARVED_MS || !case.started() {
        return None;
    }
    let title = format!(
        "{} prioritized jobs starve behind {} in `wait`, which workers take first",
        figure::count(now.overview.prioritized),
        figure::count(now.counts.waiting)
    );
    let advice = "give the others a priority as well: jobs without one go before all that have one";
    let cause = Cause::new("starved", Weight::Holds, title, advice)
        .count("prioritized", "prioritized", now.overview.prioritized)
        .count("waiting", "in wait before them", now.counts.waiting)
        .fact("oldestWaitMs", "the first waits for", Value::Span(waited))
        .fact("job", "job", Value::Ids(vec![head.id.clone()]));
    Some(case.tell_workers(cause))
}
