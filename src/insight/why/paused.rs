//! Paused, and how; and jobs in two lists (spec 4.1, trap T1).

use super::case::Case;
use super::cause::{Cause, Deed, Value, Weight};
use crate::text::{Clean, figure};

/// The queue is paused.
pub(super) fn paused(case: &Case<'_>) -> Option<Cause> {
    let overview = &case.now.overview;
    if !overview.is_paused() || case.before.is_some_and(|before| !before.overview.is_paused()) {
        return None;
    }
    let counts = &case.now.counts;
    let how = match (counts.paused, counts.waiting) {
        (0, 0) => "by its flag",
        (0, _) => "by its flag; the jobs stay in `wait`, as BullMQ 6 pauses",
        (_, 0) => "by its flag and by its list; the jobs were moved to `paused`, as BullMQ 5 and older pause",
        (_, _) => {
            "by its flag and by its list; jobs are in `wait` and in `paused`: two writers pause differently"
        }
    };
    let ready = case.now.ready();
    let title = match ready {
        0 => "the queue is paused".to_owned(),
        1 => "the queue is paused; 1 job waits".to_owned(),
        n => format!("the queue is paused; {} jobs wait", figure::count(n)),
    };
    let weight = if case.started() { Weight::Holds } else { Weight::Stops };
    let flag = if overview.meta_paused { "meta-paused (Bull)" } else { "paused in meta" };
    let advice = if overview.is_split(counts) {
        "resume it, if whoever paused it agrees; toril brings both lists together, other tools may lose one"
    } else {
        "resume it, if whoever paused it agrees"
    };
    let mut cause = Cause::new("paused", weight, title, advice)
        .fact("how", "how", Value::Text(Clean::line(how)))
        .fact("flag", "flag", Value::Text(Clean::line(flag)))
        .count("waiting", "jobs in wait", counts.waiting)
        .count("paused", "jobs in paused", counts.paused)
        .count("prioritized", "prioritized", counts.prioritized)
        .command("toril resume QUEUE")
        .deed(Deed::Resume);
    if case.started() {
        let text = "jobs started all the same: workers of Bull and BullMQ up to 4 do not heed the flag";
        cause = cause.fact("stillMoves", "and yet", Value::Text(Clean::line(text)));
    }
    Some(cause)
}

/// Jobs lie in two lists, or in the list of a pause that is none.
pub(super) fn split(case: &Case<'_>) -> Option<Cause> {
    if !case.both(|look| look.overview.is_split(&look.counts)) {
        return None;
    }
    let counts = &case.now.counts;
    let jobs = if counts.paused == 1 { "job is" } else { "jobs are" };
    let stranded = format!("{} {jobs}", figure::count(counts.paused));
    let (weight, title) = match (case.now.overview.is_paused(), counts.waiting) {
        (false, 0) => (
            if case.started() { Weight::Holds } else { Weight::Stops },
            format!("{stranded} in `paused` although the queue is not paused: no worker takes them"),
        ),
        (false, _) => (
            Weight::Holds,
            format!("{stranded} in `paused`, where no worker takes them, and others in `wait`"),
        ),
        (true, _) => (
            Weight::Holds,
            "jobs are in `wait` and in `paused`: a resume by another tool may lose some".to_owned(),
        ),
    };
    let advice = "merge the two lists: nothing is lost, whoever resumes then";
    let cause = Cause::new("split", weight, title, advice)
        .count("waiting", "jobs in wait", counts.waiting)
        .count("paused", "jobs in paused", counts.paused)
        .command("toril merge QUEUE")
        .deed(Deed::Merge);
    Some(cause)
}
