//! A job whose id is a word of the queue's own: `stalled`, `wait`, `events` (trap T8).

use super::case::Case;
use super::cause::{Cause, Held, Value, Weight};
use crate::text::Clean;

/// A key of the queue holds something else than workers expect, or such an id is in a list.
pub(super) fn key(case: &Case<'_>) -> Option<Cause> {
    let now = case.now;
    if let Some(wrong) = now.keys.mistyped.iter().find(|wrong| {
        case.before.is_none_or(|before| before.keys.mistyped.iter().any(|other| other == *wrong))
    }) {
        let what = if wrong.is_job { "a job has the id" } else { "something else stands at the key" };
        let title =
            format!("{what} `{}`, where workers need a {}: they get WRONGTYPE", wrong.suffix, wrong.wants);
        let advice = if wrong.is_job {
            "the doctor gives the job an id of its own, and nothing of it is lost"
        } else {
            "find out who wrote that key, and delete it"
        };
        let key = now.queue.key(wrong.suffix);
        let all: Vec<&str> = now.keys.mistyped.iter().map(|one| one.suffix).collect();
        let cause = Cause::new("reserved-id", Weight::Stops, title, advice)
            .fact("key", "key", Value::Text(Clean::line(&key)))
            .fact("wants", "workers need", Value::Text(Clean::line(wrong.wants)))
            .fact("found", "it is", Value::Text(wrong.found.clone()))
            .fact("isJob", "the hash of a job", Value::Flag(wrong.is_job))
            .maybe("keys", "all such keys", (all.len() > 1).then(|| Value::Text(Clean::line(all.join(" ")))));
        // The settings of a queue are not put back by taking a job away.
        return Some(if wrong.is_job && wrong.suffix != "meta" {
            cause.command("toril doctor QUEUE")
        } else {
            let delete = crate::text::shell_word(&key).unwrap_or_else(|| "KEY".to_owned());
            cause.command(format!("redis-cli DEL {delete}"))
        });
    }
    let listed = now.samples.waiting.iter().filter(|job| job.id.is_reserved());
    let twice: Vec<_> = listed.filter(|job| case.was(job.state, &job.id).is_some()).collect();
    let named = now.keys.job_named_groups || now.keys.meta_is_job;
    if twice.is_empty() && !named {
        return None;
    }
    let word = match twice.first() {
        Some(job) => job.id.clean(),
        None if now.keys.meta_is_job => Clean::line("meta"),
        None => Clean::line("groups"),
    };
    let title = format!("a job has the id `{word}`, which names a key of the queue itself");
    let advice = "remove the id from its list with the doctor, and add the job under another one";
    let jobs = twice.iter().map(|job| Held::noted(&now.queue, &job.id, format!("in {}", job.state.suffix())));
    let cause = Cause::new("reserved-id", Weight::Holds, title, advice)
        .fact("word", "id", Value::Text(word))
        .jobs(jobs)
        .command("toril doctor QUEUE");
    Some(cause)
}
