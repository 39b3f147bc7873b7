//! Global concurrency and rate limits (spec 3.10, 3.11).

use super::case::Case;
use super::cause::{Cause, Deed, Value, Weight};
use crate::text::{Clean, figure};

/// A job that a limit has held for less is no news, ms: limits are there to hold jobs.
const SHORT_MS: i64 = 5_000;
/// A queue whose jobs wait for so long at a limit while others start is slowed by it, ms.
const LATE_MS: i64 = 60_000;
/// The value of `limiter` that a worker or a person sets to hold a queue.
const MANUAL: i64 = 9_007_199_254_740_991;

/// As many jobs are active as the queue allows.
pub(super) fn concurrency(case: &Case<'_>) -> Option<Cause> {
    let limit = case.now.overview.meta.concurrency?;
    if !case.at_limit() || !case.waits() || case.paused() {
        return None;
    }
    let orphans = case.orphans();
    let stops = case.stands() && (!orphans.is_empty() || case.waited(SHORT_MS));
    if !stops && !case.waited(LATE_MS) {
        return None;
    }
    let weight = if stops { Weight::Stops } else { Weight::Slows };
    let active = case.now.overview.active;
    let loose = orphans.len() as u64;
    let title = match loose {
        0 => format!("its global concurrency of {} is reached", figure::count(limit)),
        n => format!(
            "its global concurrency of {} is reached, by {} of {} active jobs that nobody runs any more",
            figure::count(limit),
            figure::count(n),
            figure::count(active)
        ),
    };
    let advice = match (loose, case.workers().is_some_and(<[_]>::is_empty)) {
        (0, _) => "look at the jobs that run, or raise the limit",
        (_, true) => "start a worker: its stalled check takes such jobs back; or take them out by hand",
        (_, false) => {
            "a stalled check of a worker takes such jobs back within a minute; or take them out by hand"
        }
    };
    let first = orphans.first().map_or_else(|| case.held().next(), |job| Some(*job));
    let command = match orphans.first() {
        Some(job) => format!("toril move-out QUEUE {}", word(job.id.as_bytes())),
        None => "toril limit QUEUE --concurrency N".to_owned(),
    };
    let mut cause = Cause::new("concurrency", weight, title, advice)
        .count("concurrency", "global concurrency", limit)
        .count("active", "active", active)
        .count("withoutLock", "of them without a lock", loose);
    cause = case.tell_waiting(cause).command(command);
    let running = orphans.iter().copied().chain(case.held()).map(|job| case.running(job));
    cause = cause.jobs(running);
    Some(match first {
        Some(job) => cause.deed(Deed::Open(case.now.queue.clone(), job.id.clone())),
        None => cause,
    })
}

/// A rate limit holds the queue: one that is set for it, one of its workers, or one set by hand.
pub(super) fn rate(case: &Case<'_>) -> Option<Cause> {
    let overview = &case.now.overview;
    let started = overview.limiter?;
    let left = case.now.keys.limiter_ms;
    if left <= 0 || !case.waits() || case.paused() || case.now.overview.is_paused() {
        return None;
    }
    if !case.both(|look| look.overview.limiter.is_some_and(|n| n > 0) && look.keys.limiter_ms > 0) {
        return None;
    }
    let manual = started >= MANUAL;
    let max = overview.meta.max;
    let reached = max.is_some_and(|max| started >= i64::try_from(max).unwrap_or(i64::MAX));
    // A limit of the workers' own stands nowhere: that nothing starts while its window runs tells it.
    let assumed = !manual && max.is_none() && case.none_idle() && !case.runs();
    if !(manual || reached || assumed) {
        return None;
    }
    let stops = case.stands() && (manual || case.waited(SHORT_MS));
    if !(stops || reached && case.waited(LATE_MS)) {
        return None;
    }
    let weight = if stops { Weight::Stops } else { Weight::Slows };
    let time = figure::duration(left);
    let (title, set) = match (manual, max) {
        (true, _) => (
            format!("a rate limit set by hand or by a worker holds the queue for another {time}"),
            "by hand, or by a worker whose job asked for it",
        ),
        (false, Some(_)) => {
            (format!("its rate limit is reached: the next job starts in {time}"), "for the whole queue")
        }
        (false, None) => (
            format!("a rate limit of its workers seems to be reached: its window ends in {time}"),
            "in the workers, where it cannot be read",
        ),
    };
    let advice = if manual { "wait, or release it" } else { "wait, raise the limit, or release it for now" };
    let cause = Cause::new("rate-limit", weight, title, advice)
        .fact("leftMs", "time left", Value::Span(left))
        .fact("manual", "set", Value::Text(Clean::line(set)))
        .maybe("max", "jobs that may start", max.map(Value::Count))
        .maybe(
            "durationMs",
            "in",
            overview.meta.duration.and_then(|ms| i64::try_from(ms).ok()).map(Value::Span),
        )
        .maybe(
            "startedInWindow",
            "started in this window",
            (!manual).then(|| Value::Count(u64::try_from(started).unwrap_or(0))),
        );
    Some(case.tell_waiting(cause).command("toril limit QUEUE --release").deed(Deed::Release))
}

/// An id as it is typed in a shell; one that cannot be typed is left to the person.
fn word(id: &[u8]) -> String {
    crate::text::shell_word(id).unwrap_or_else(|| "ID".to_owned())
}
