//! The Timeline tab: what happened, when, and what is to come.

use super::Job;
use super::content::{Target, Text};
use super::facts::{Facts, ago};
use crate::app::doc::{Builder, Kind};
use crate::app::panel::Context;
use crate::engine::read::job::JobDetail;
use crate::text::figure;
use crate::wire::State;

const LABEL: u16 = 16;

/// Puts the tab together.
pub(super) fn build(job: &Job, cx: &Context<'_>) -> Text {
    let mut text = Builder::new(LABEL);
    let mut targets = Vec::new();
    if let Some(detail) = job.detail.as_deref() {
        let facts = Facts::of(detail, job.era(cx));
        course(&mut text, job, detail, &facts, cx.redis_now());
        text.text(Kind::Text, "");
        figures(&mut text, detail, &facts);
        belongings(&mut text, &mut targets, job, detail, cx);
    }
    Text::new(text.finish(), targets)
}

/// A moment with its milliseconds: `2026-11-21 02:16:04.123   14m ago`.
fn moment(at: i64, now: i64) -> String {
    format!("{}.{:03}   {}", figure::date_time(at), at.rem_euclid(1000), ago(at, now))
}

fn course(text: &mut Builder, job: &Job, detail: &JobDetail, facts: &Facts, now: i64) {
    let state = detail.state.or(job.state);
    let mut event = |kind: Kind, label: &str, at: i64| {
        text.pair(kind, label, moment(at, now));
    };
    if let Some(at) = facts.added_at {
        event(Kind::Text, "● added", at);
    }
    let delayed = facts.options.delay_ms > 0;
    if let Some(at) = facts.ready_at.filter(|_| delayed && facts.made == 0 && state != Some(State::Delayed)) {
        event(Kind::Dim, "◷ was due", at);
    }
    if let Some(at) = facts.retried_at {
        event(Kind::Text, "● retried", at);
    }
    if let Some(at) = facts.began_at {
        if let Some(ms) = facts.waited_ms() {
            text.pair(Kind::Dim, "│", format!("waited {}", figure::duration(ms)));
        } else if facts.made > 0 {
            let before = if facts.active { facts.made } else { facts.made.saturating_sub(1) };
            if before > 0 {
                let word = if before == 1 { "attempt" } else { "attempts" };
                text.pair(Kind::Dim, "│", format!("{} {word} before", figure::count(before)));
            }
        }
        let first = facts.started.unwrap_or(facts.made) <= 1;
        text.pair(Kind::Text, if first { "● started" } else { "● last start" }, moment(at, now));
        if let Some(ms) = facts.ran_ms(now) {
            let word = if facts.active { "runs for" } else { "ran" };
            text.pair(Kind::Dim, "│", format!("{word} {}", figure::duration(ms)));
        }
    }
    match (state, facts.ended_at) {
        (Some(State::Failed), Some(at)) => text.pair(Kind::Danger, "✖ failed", moment(at, now)),
        (_, Some(at)) => text.pair(Kind::Ok, "✔ completed", moment(at, now)),
        (Some(State::Delayed), None) => match detail.due_at {
            Some(at) if facts.made > 0 => text.pair(Kind::Warn, "◷ next attempt", moment(at, now)),
            Some(at) => text.pair(Kind::Warn, "◷ due", moment(at, now)),
            None => text.pair(Kind::Warn, "◷ delayed", "until when is not known"),
        },
        (Some(State::Active), None) => text.pair(Kind::Accent, "▶ active", "now"),
        (Some(State::WaitingChildren), None) => {
            text.pair(Kind::Text, "◇ waits", "for its children to finish")
        }
        (Some(State::Paused), None) => text.pair(Kind::Warn, "‖ waits", "in a paused queue"),
        (Some(_), None) => text.pair(Kind::Text, "○ waits", "for a free worker"),
        (None, None) => text.pair(Kind::Warn, "? nowhere", "in no list of the queue: no worker will find it"),
    };
}

fn figures(text: &mut Builder, detail: &JobDetail, facts: &Facts) {
    let options = &facts.options;
    let started = facts.started.map_or_else(String::new, |n| format!(", {} started", figure::count(n)));
    let made = format!("{} of {} made{started}", figure::count(facts.made), figure::count(options.attempts));
    text.pair(Kind::Text, "attempts", made);
    if facts.stalled > 0 {
        let times = if facts.stalled == 1 { "once" } else { "times" };
        let count =
            if facts.stalled == 1 { String::new() } else { format!("{} ", figure::count(facts.stalled)) };
        text.pair(Kind::Warn, "stalled", format!("{count}{times}: a worker lost it while it ran"));
    }
    if let Some((kind, ms)) = &options.backoff {
        text.pair(Kind::Text, "backoff", format!("{kind}, {}", figure::duration(*ms)));
    }
    let priority = detail.number("priority").filter(|priority| *priority != 0);
    text.pair(Kind::Text, "priority", priority.map_or_else(|| "none".to_owned(), |n| n.to_string()));
    if options.delay_ms > 0 {
        text.pair(Kind::Text, "delay", figure::duration(options.delay_ms).as_str());
    }
    if let Some(keep) = options.keep_logs {
        text.pair(Kind::Text, "logs kept", format!("the last {}", figure::count(keep)));
    }
}

fn belongings(
    text: &mut Builder,
    targets: &mut Vec<Target>,
    job: &Job,
    detail: &JobDetail,
    cx: &Context<'_>,
) {
    if let Some(worker) = detail.value("pb") {
        text.pair(Kind::Text, "worker", worker);
    }
    if let Some((token, _)) = &detail.lock {
        let left = match job.lock_left(cx.now) {
            Some(ms) => format!("   {} left", figure::age(ms)),
            None => "   without end".to_owned(),
        };
        text.pair(Kind::Text, "lock", [token.as_bytes(), left.as_bytes()].concat());
    } else if detail.state == Some(State::Active) {
        text.pair(Kind::Warn, "lock", "none: if no worker renews it soon, it counts as stalled");
    }
    if let Some(parent) = &detail.parent {
        match (&parent.queue, &parent.id) {
            (Some(queue), Some(id)) => {
                let name = [queue.name.as_bytes(), " › ".as_bytes(), id.as_bytes()].concat();
                text.pair(Kind::Accent, "parent", [&name, "   ↵ opens it".as_bytes()].concat());
                text.link(u32::try_from(targets.len()).unwrap_or(0));
                targets.push(Target::Job(queue.clone(), id.clone()));
            }
            _ => {
                text.pair(Kind::Text, "parent", parent.key.as_bytes());
            }
        }
    }
    let children = &detail.children;
    let counts = [
        (children.processed, "finished"),
        (children.pending, "pending"),
        (children.failed, "failed"),
        (children.ignored, "failed and ignored"),
    ];
    let words: Vec<String> = counts
        .iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, word)| format!("{} {word}", figure::count(*n)))
        .collect();
    if !words.is_empty() {
        text.pair(Kind::Text, "children", words.join(", "));
    }
    for (field, label) in [("rjk", "scheduler"), ("deid", "deduplication"), ("gid", "group")] {
        if let Some(value) = detail.value(field) {
            text.pair(Kind::Text, label, value);
        }
    }
}
