//! No worker, workers that cannot see the jobs, all busy, and those that do not ask (spec 3.14, 5.2).

use super::case::Case;
use super::cause::{Cause, Deed, Value, Weight};
use crate::insight::workers::Need;
use crate::monitor::why::Look;
use crate::text::{Clean, figure, shell_word};
use crate::wire::era::Waits;
use crate::wire::{Era, State};

/// A job that no worker took for so long is not between two blocking calls, ms: they last 5 s.
const UNSEEN_MS: i64 = 10_000;
/// Jobs that run so much longer than those before them hold their worker ..
const LONGER: i64 = 4;
/// .. if they run for at least so long, ms; ..
const LONG_MS: i64 = 5_000;
/// .. or for so long where nothing tells how long jobs usually run, ms.
const LONG_UNKNOWN_MS: i64 = 20_000;
/// So many finished jobs tell how long they usually run.
const USUAL: usize = 3;
/// A queue whose next job has waited for so long does not keep up, ms.
const LATE_MS: i64 = 60_000;

/// Nobody is connected.
pub(super) fn none(case: &Case<'_>) -> Option<Cause> {
    let abandoned = case.orphans().len() as u64;
    let need = |look: &Look| Need {
        connected: look.clients.workers().map(|workers| workers.len() as u64),
        at_work: case.started() || case.runs(),
        ready: look.ready(),
        overdue: look.keys.overdue > 0,
        abandoned,
        later: 0,
        paused: look.overview.is_paused(),
    };
    // Those of a replica are connected to its master.
    if !case.both(|look| need(look).lack().is_some()) || case.is_replica() {
        return None;
    }
    let told = need(case.now);
    let title = told.sentence().to_string();
    let seen = case.now.keys.stalled_check_at.filter(|_| case.now.keys.stalled_check_ms > 0);
    let cause = Cause::new("no-worker", Weight::Stops, title, "start a worker, or find out why it ended")
        .count("workers", "workers", 0);
    Some(
        case.tell_waiting(cause)
            .maybe("overdue", "overdue", told.overdue.then_some(Value::Count(case.now.keys.overdue)))
            .maybe("abandoned", "abandoned in active", (abandoned > 0).then_some(Value::Count(abandoned)))
            .maybe("lastWorkerAt", "a worker was there", seen.map(Value::At)),
    )
}

/// All workers are of a generation that does not know where the jobs are.
pub(super) fn blind(case: &Case<'_>) -> Option<Cause> {
    let workers = case.workers().filter(|workers| !workers.is_empty())?;
    let old = workers.iter().all(|worker| worker.waits == Some(Waits::BRPopLPush));
    let only = case.both(|look| look.counts.prioritized > 0 && look.overview.prioritized > 0)
        && case.both(|look| look.counts.waiting + look.counts.paused == 0);
    let newer = case.now.overview.evidence.as_ref().is_some_and(|found| found.marker)
        || case.now.overview.meta.semver().is_some_and(|(_, version)| version[0] >= 5)
        || case.now.samples.fields.atm;
    let head = case.sampled(State::Prioritized).next()?;
    let same = case.was(State::Prioritized, &head.id).is_some();
    let waited = head.ready_at.map(|at| case.now.at - at)?;
    if !(old && only && newer && same && waited >= UNSEEN_MS) || case.started() || case.held_back() {
        return None;
    }
    let title = format!(
        "{} prioritized jobs wait, and all workers are of Bull or of BullMQ up to 4, which do not see them",
        figure::count(case.now.overview.prioritized)
    );
    let advice =
        "run workers of the version that adds the jobs; a job without a priority is seen by all of them";
    let cause = Cause::new("blind-workers", Weight::Stops, title, advice)
        .count("workers", "workers", workers.len() as u64)
        .fact("waitIn", "that wait in", Value::Text(Clean::line("BRPOPLPUSH")))
        .count("prioritized", "prioritized", case.now.overview.prioritized)
        .fact("oldestWaitMs", "the next one waits", Value::Span(waited))
        .maybe(
            "version",
            "added by",
            case.now.overview.meta.version.as_ref().map(|version| Value::Text(version.clean())),
        );
    Some(cause.command("toril workers QUEUE"))
}

/// Every worker runs a job, and none comes to the next one; or they do not keep up.
pub(super) fn busy(case: &Case<'_>) -> Option<Cause> {
    let known = case.workers();
    if !case.waits() || !case.runs() || case.held_back() {
        return None;
    }
    // Where one asks for work, not all are busy; who is connected may be not known.
    if known.is_some_and(|all| all.is_empty() || !case.none_idle()) {
        return None;
    }
    let usual = usual(case);
    let long = usual.map_or(LONG_UNKNOWN_MS, |ms| ms.saturating_mul(LONGER).max(LONG_MS));
    let mut ages = case.held().map(|job| job.started_at.map_or(0, |at| case.now.at - at));
    let held = case.stands() && ages.all(|age| age >= long);
    let behind = case.waited(LATE_MS)
        && case.rates().is_some_and(|(into, out)| into > out)
        && case.both(|look| look.ready() > look.overview.active);
    let count = figure::count(case.now.samples.running.len() as u64);
    let (weight, title, advice) = if held {
        let title = format!("all workers are busy: the {count} jobs that run hold them");
        (
            Weight::Stops,
            title,
            "look at the jobs that hold them; a job that waits for nothing should time out",
        )
    } else if behind && known.is_some() {
        let title = format!("all workers are busy with {count} jobs, and more comes in than goes out");
        (Weight::Slows, title, "start more workers, or raise their concurrency")
    } else {
        return None;
    };
    let mut jobs: Vec<_> = case.held().collect();
    jobs.sort_by_key(|job| job.started_at);
    let oldest = jobs.first().copied()?;
    let id = shell_word(oldest.id.as_bytes()).unwrap_or_else(|| "ID".to_owned());
    let command = if held { format!("toril job QUEUE {id}") } else { "toril workers QUEUE".to_owned() };
    let cause = Cause::new("workers-busy", weight, title, advice).command(command);
    let cause = case.tell_waiting(case.tell_workers(cause));
    Some(
        cause
            .count("active", "jobs that run", case.now.overview.active)
            .maybe("usualMs", "usually a job takes", usual.map(Value::Span))
            .jobs(jobs.iter().map(|job| case.running(job)))
            .deed(Deed::Open(case.now.queue.clone(), oldest.id.clone())),
    )
}

/// How long jobs usually run: the median of those that finished last, ms.
fn usual(case: &Case<'_>) -> Option<i64> {
    let mut took = case.now.samples.took_ms.clone();
    took.sort_unstable();
    (took.len() >= USUAL).then(|| took[took.len() / 2])
}

/// Workers are connected, none runs a job, and none asks for one.
pub(super) fn deaf(case: &Case<'_>) -> Option<Cause> {
    let workers = case.workers().filter(|workers| !workers.is_empty())?;
    // What workers of Pro do, or of an unknown library, is not known.
    let judged = !matches!(case.now.era, Era::Pro | Era::Unknown);
    let limited = case.both(|look| look.keys.limiter_ms > 0);
    let none_runs = case.both(|look| look.overview.active == 0);
    let waited = case.waited(UNSEEN_MS);
    if !(judged && none_runs && waited && case.stands() && case.none_idle()) || case.held_back() || limited {
        return None;
    }
    let title = match workers.len() {
        1 => "a worker is connected, but it neither runs a job nor asks for one".to_owned(),
        n => format!("{n} workers are connected, but none runs a job or asks for one"),
    };
    let advice = "look at the workers: one that is paused in its own process, or that hangs, is connected all the same";
    let cause = Cause::new("deaf-workers", Weight::Stops, title, advice);
    let cause = case.tell_waiting(case.tell_workers(cause));
    let addresses: Vec<&str> = workers.iter().take(5).map(|worker| worker.address.as_str()).collect();
    let cause = cause.fact("addresses", "connected from", Value::Text(Clean::line(addresses.join(" "))));
    Some(cause.command("toril workers QUEUE"))
}
