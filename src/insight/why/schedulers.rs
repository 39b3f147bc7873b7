//! A scheduler that makes no more jobs (spec 3.8, trap T2).

use super::case::Case;
use super::cause::{Cause, Value, Weight};
use crate::engine::read::Standing;
use crate::insight::scheduler::{Health, judge};
use crate::monitor::why::Look;
use crate::text::Clean;

fn dead_in(look: &Look) -> impl Iterator<Item = (&Standing, Health)> {
    let judged = look.samples.schedulers.iter().map(|one| (one, judge(one, look.at)));
    judged.filter(|(_, health)| health.is_dead())
}

/// Schedulers that are dead in both looks.
pub(super) fn dead(case: &Case<'_>) -> Option<Cause> {
    let before = case.before?;
    let same = |one: &Standing| {
        let of = |one: &Standing| (one.scheduler.key.clone(), one.scheduler.next_at);
        dead_in(before).any(|(other, _)| of(other) == of(one))
    };
    let dead: Vec<_> = dead_in(case.now).filter(|(one, _)| same(one)).collect();
    let (first, health) = dead.first()?;
    let first = &first.scheduler;
    let name = first.key.clean().cut(60);
    let title = match dead.len() {
        1 => format!("the scheduler {name} is {}", health.sentence()),
        n => format!("{n} schedulers are dead; {name} is {}", health.sentence()),
    };
    let advice = "set its schedule again, which makes the next job; the doctor does it too";
    let names: Vec<String> =
        dead.iter().take(10).map(|(one, _)| one.scheduler.key.clean().as_str().to_owned()).collect();
    let cause = Cause::new("dead-scheduler", Weight::Holds, title, advice)
        .count("schedulers", "schedulers", case.now.overview.repeat)
        .count("dead", "dead", dead.len() as u64)
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
