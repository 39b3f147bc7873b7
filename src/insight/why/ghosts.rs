//! Ids without a job: workers run them without name and data (trap T4).

use super::case::Case;
use super::cause::{Cause, Held, Value, Weight};
use crate::text::{Clean, figure};
use crate::wire::State;

/// Ids in a list whose hash is gone.
pub(super) fn ghosts(case: &Case<'_>) -> Option<Cause> {
    let mut found = Vec::new();
    for job in case.now.samples.waiting.iter().filter(|job| !job.exists && !job.id.is_reserved()) {
        if case.was(job.state, &job.id).is_some_and(|was| !was.exists) {
            found.push(job);
        }
    }
    let first = *found.first()?;
    let sampled = case.now.samples.waiting.len() as u64;
    let mut states: Vec<State> = found.iter().map(|job| job.state).collect();
    states.dedup();
    let places: Vec<&str> = states.iter().map(|state| state.suffix()).collect();
    let (count, places) = (figure::count(found.len() as u64), places.join(", "));
    let title = match found.len() {
        1 => format!("an id without a job is in {places}: {}", first.id.clean().cut(60)),
        _ => format!("{count} ids without a job are in {places}"),
    };
    let advice = "a worker runs such an id as a job without name and data; the doctor removes them";
    let jobs =
        found.iter().map(|job| Held::noted(&case.now.queue, &job.id, format!("in {}", job.state.suffix())));
    let cause = Cause::new("ghosts", Weight::Holds, title, advice)
        .count("ghosts", "ids without a job", found.len() as u64)
        .count("sampled", "of jobs looked at", sampled)
        .fact("places", "where", Value::Text(Clean::line(&places)))
        .jobs(jobs)
        .command("toril doctor QUEUE");
    Some(cause)
}
