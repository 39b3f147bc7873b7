//! What a bulk act would do, before anything is done.

use super::{Bulk, BulkPlan};
use crate::conn::{Batch, Conn, ConnError, Request, Verb, integer};
use crate::engine::op::JobOp;
use crate::operate::preview::{By, preview_by};
use crate::operate::{Plan, Preview, Selection};
use crate::text::Clean;
use crate::text::figure::count;
use crate::wire::{QueueId, State};

/// Counts the jobs of a bulk act now, and looks at the first 100 of its fullest state. Reads only.
pub async fn preview_bulk(conn: &Conn, plan: &BulkPlan) -> Result<Preview, ConnError> {
    let queue = &plan.target.queue;
    let states = plan.bulk.states();
    let mut batch = Batch::new();
    for state in &states {
        let key = queue.key(state.suffix());
        batch.push(if state.is_list() {
            Request::new(Verb::LLen).arg(key)
        } else if state.is_finished() && !matches!(plan.bulk, Bulk::Obliterate { .. }) {
            Request::new(Verb::ZCount).arg(key).arg("-inf").arg(plan.until)
        } else {
            Request::new(Verb::ZCard).arg(key)
        });
    }
    batch.push(Request::new(Verb::ZCard).arg(queue.key("repeat")));
    batch.push(Request::new(Verb::LLen).arg(queue.key("active")));
    let mut numbers = Vec::with_capacity(batch.len());
    for reply in conn.batch(&batch).await? {
        // A state that this era does not have is empty.
        let number = ConnError::check(reply).ok().as_ref().and_then(integer).unwrap_or(0);
        numbers.push(u64::try_from(number).unwrap_or(0));
    }
    let counts: Vec<(State, u64)> = states.into_iter().zip(numbers.iter().copied()).collect();
    let mut matched: u64 = counts.iter().map(|(_, count)| count).sum();
    if let Bulk::Clean { limit: Some(limit), .. } = plan.bulk {
        matched = matched.min(limit);
    }
    let fullest = counts.iter().max_by_key(|(_, count)| *count).map(|(state, _)| *state);
    let mut found = Preview { matched, sample: Vec::new(), effects: Vec::new(), bytes: None };
    if let Some(only) = &plan.only {
        found.matched = only.ids.len() as u64;
    }
    if let Some(state) = fullest {
        let selection = match &plan.only {
            Some(only) => Selection::Group(only.clone()),
            None => Selection::All { state, until: plan.until },
        };
        let op = match plan.bulk {
            Bulk::Retry { from, reset_attempts } => JobOp::Retry { from, reset_attempts },
            Bulk::Promote => JobOp::Promote,
            _ => JobOp::Remove { children: false },
        };
        let by = match plan.bulk {
            Bulk::Obliterate { .. } => By::Queue,
            _ => By::State,
        };
        let looked = preview_by(conn, &Plan { target: plan.target.clone(), op, selection }, by).await?;
        found.sample = looked.sample;
        found.effects = looked.effects;
    }
    if plan.bulk.takes_away() {
        found.bytes = weigh(conn, queue, &found).await?;
    }
    if counts.len() > 1 {
        let parts: Vec<String> = counts
            .iter()
            .filter(|(_, number)| *number > 0)
            .map(|(state, number)| format!("{} {}", count(*number), state.name()))
            .collect();
        if !parts.is_empty() {
            found.effects.insert(0, Clean::line(parts.join(", ")));
        }
    }
    let (schedulers, active) = (numbers[numbers.len() - 2], numbers[numbers.len() - 1]);
    if let Bulk::Obliterate { force } = plan.bulk {
        if schedulers > 0 {
            found
                .effects
                .push(Clean::line(format!("{} will end with the queue.", things(schedulers, "scheduler"))));
        }
        if active > 0 {
            let text = format!("{} active", things(active, "job"));
            let what = if force {
                "will be gone under the worker that runs it."
            } else {
                "forbids it; --force does it all the same."
            };
            found.effects.push(Clean::line(format!("{text}: {what}")));
        }
        found
            .effects
            .push(Clean::line("The queue is paused first; its settings, metrics and events go as well."));
    } else if schedulers > 0 && plan.bulk.takes_away() {
        let keep = if schedulers == 1 { "keeps its" } else { "keep their" };
        found.effects.push(Clean::line(format!("{} {keep} next run.", things(schedulers, "scheduler"))));
    }
    Ok(found)
}

/// About how many bytes the jobs take: what those of the sample do, for all. `None` where the
/// account may not ask.
async fn weigh(conn: &Conn, queue: &QueueId, found: &Preview) -> Result<Option<u64>, ConnError> {
    let mut batch = Batch::new();
    for id in &found.sample {
        batch.push(Request::new(Verb::MemoryUsage).arg(queue.job(id)));
    }
    if batch.is_empty() {
        return Ok(Some(0));
    }
    let replies = conn.batch(&batch).await?;
    let sizes: Vec<u64> = replies.iter().filter_map(integer).filter_map(|n| u64::try_from(n).ok()).collect();
    let each = sizes.iter().sum::<u64>().checked_div(sizes.len() as u64);
    Ok(each.map(|each| each.saturating_mul(found.matched)))
}

fn things(number: u64, thing: &str) -> String {
    if number == 1 { format!("1 {thing}") } else { format!("{} {thing}s", count(number)) }
}
