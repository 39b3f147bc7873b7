//! Jobs that are not due yet, and jobs that are and that nobody promotes.

use super::case::Case;
use super::cause::{Cause, Deed, Value, Weight};
use crate::text::figure;
use crate::wire::State;

/// A queue whose next job is due sooner only waits for its moment, ms.
const SOON_MS: i64 = 60_000;
/// A job that is due so far away was not meant to be, ms: a year.
const FAR_MS: i64 = 365 * 86_400_000;

/// Everything is delayed, and nothing is due for a while.
pub(super) fn all(case: &Case<'_>) -> Option<Cause> {
    let now = case.now;
    let only = case.both(|look| {
        look.ready() == 0 && look.overview.active == 0 && look.counts.delayed > 0 && look.keys.overdue == 0
    });
    if !only || case.started() || now.overview.is_paused() {
        return None;
    }
    // Schedulers' jobs are there to be delayed; whether others are among them a sample tells.
    let first = case.sampled(State::Delayed).find(|job| !job.scheduled)?;
    case.was(State::Delayed, &first.id)?;
    let due = first.due_at?;
    let away = due - now.at;
    if away <= SOON_MS {
        return None;
    }
    let all = match now.counts.delayed {
        1 => "the only job is delayed".to_owned(),
        n => format!("all {} jobs are delayed", figure::count(n)),
    };
    let next = if now.counts.delayed == 1 { "it" } else { "the next" };
    let (title, advice) = if away > FAR_MS {
        (
            format!("{all}, {next} for {}", figure::duration(away)),
            "so long a delay is mostly one in another unit than milliseconds, or a clock that is wrong; promote the job, or change its delay",
        )
    } else {
        (format!("{all}; {next} is due in {}", figure::duration(away)), "wait, or promote them")
    };
    let cause = Cause::new("delayed", Weight::Stops, title, advice)
        .count("delayed", "delayed", now.counts.delayed)
        .fact("nextDueAt", "the next is due", Value::At(due))
        .fact("nextJob", "that is job", Value::Ids(vec![first.id.clone()]))
        .maybe("addedAt", "it was added", first.timestamp.map(Value::At))
        .command("toril promote QUEUE --all --state delayed")
        .deed(Deed::Open(now.queue.clone(), first.id.clone()));
    Some(cause)
}

/// Delayed jobs are due, and nobody promotes them although workers are there.
pub(super) fn overdue(case: &Case<'_>) -> Option<Cause> {
    let now = case.now;
    let workers = case.workers().is_none_or(|workers| !workers.is_empty());
    let stays = case.both(|look| look.keys.overdue > 0)
        && case.before.is_some_and(|before| before.keys.first_due_at == now.keys.first_due_at);
    // A limit that holds jobs back holds these back, too.
    if !workers || !stays || case.held_back() || super::clock::behind(case).is_some() {
        return None;
    }
    if super::marker::stale(case).is_some() || case.both(|look| look.keys.limiter_ms > 0) {
        return None;
    }
    let due = now.keys.first_due_at?;
    let late = figure::duration(now.at - due);
    let title = format!("a delayed job is overdue by {late}: nobody promotes it");
    let weight = if case.started() { Weight::Holds } else { Weight::Stops };
    let advice =
        "workers promote delayed jobs when they look for work: look whether they do, and at their clocks";
    let cause = Cause::new("overdue", weight, title, advice)
        .count("overdue", "overdue", now.keys.overdue)
        .fact("dueAt", "the first was due", Value::At(due))
        .command("toril promote QUEUE --all --state delayed");
    Some(case.tell_workers(cause))
}
