//! A scheduler whose next job does not exist makes no more of them (spec 3.8, trap T2).

use super::case::Case;
use super::cause::{Cause, Value, Weight};
use crate::text::Clean;

/// Schedulers without a next job.
pub(super) fn dead(case: &Case<'_>) -> Option<Cause> {
    let before = case.before?;
    let same = |key: &crate::wire::Raw, at: i64| {
        before
            .samples
            .schedulers
            .iter()
            .any(|other| other.key == *key && other.next_at == at && other.has_job == Some(false))
    };
    let dead: Vec<_> = case
        .now
        .samples
        .schedulers
        .iter()
        .filter(|one| one.has_job == Some(false) && same(&one.key, one.next_at))
        .collect();
    let first = *dead.first()?;
    let name = first.key.clean().cut(60);
    let title = match dead.len() {
        1 => format!("the scheduler {name} is dead: its next job does not exist"),
        n => format!("{n} schedulers are dead, {name} the first: their next jobs do not exist"),
    };
    let advice = "set its schedule again, which makes the next job; the doctor does it too";
    let names: Vec<String> = dead.iter().take(10).map(|one| one.key.clean().as_str().to_owned()).collect();
    let cause = Cause::new("dead-scheduler", Weight::Holds, title, advice)
        .count("schedulers", "schedulers", case.now.overview.repeat)
        .count("dead", "without a next job", dead.len() as u64)
        .fact("names", "these", Value::Text(Clean::line(names.join(" "))))
        .fact("nextAt", "its missing run", Value::At(first.next_at))
        .maybe(
            "lateMs",
            "late by",
            (case.now.at > first.next_at).then(|| Value::Span(case.now.at - first.next_at)),
        )
        .command("toril doctor QUEUE");
    Some(cause)
}
