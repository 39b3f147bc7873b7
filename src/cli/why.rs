//! `toril why`.

use std::time::Duration;

use serde::Serialize;
use serde_json::Value as Json;

use super::args::WhyArgs;
use super::failure::{Failure, exit};
use super::resolve;
use super::session::Session;
use super::table::{Cell, Table, Tone};
use crate::conn::Kind;
use crate::insight::why::{APART_MS, Cause, Diagnosis, Held, Motion, diagnose};
use crate::monitor::why::{Sight, look};
use crate::text::{Clean, figure, shell_word};
use crate::wire::QueueId;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    queue: String,
    prefix: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<i64>,
    moving: bool,
    /// `moves`, `idle` or `stands`.
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    in_per_second: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    out_per_second: Option<f64>,
    /// Until what waits or runs now is done; `null`: never at these rates, or not known.
    drain_seconds: Option<f64>,
    /// `empty`, `drains`, `steady`, `grows`, `still` or `unknown`.
    pace: &'static str,
    backlog: u64,
    causes: Vec<CauseDocument>,
    /// What could not be read.
    not_known: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CauseDocument {
    id: &'static str,
    /// `stops`, `holds` or `slows`.
    weight: &'static str,
    title: String,
    evidence: Json,
    advice: String,
}

/// Tells why a queue does not move.
pub async fn run(session: &mut Session, args: &WhyArgs) -> Result<u8, Failure> {
    let queue = match resolve::queue(session, &args.queue).await {
        Ok(found) => found.id,
        Err(failure) => {
            let (queue, sight) = refuses(session, &args.queue, failure).await?;
            return answer(session, &queue, &diagnose(&queue, None, &sight));
        }
    };
    let first = look(&session.conn, &queue, None).await?;
    tokio::time::sleep(Duration::from_millis(APART_MS)).await;
    let before = match &first {
        Sight::Queue(look) => Some(&**look),
        Sight::Server(_) => None,
    };
    let second = look(&session.conn, &queue, before).await?.masked(&session.settings.mask);
    let found = diagnose(&queue, Some(&first), &second);
    answer(session, &queue, &found)
}

/// A server that answers nobody is an answer, too: that is why.
async fn refuses(session: &Session, name: &str, failure: Failure) -> Result<(QueueId, Sight), Failure> {
    let known = [Kind::Busy.name(), Kind::Loading.name()];
    let Failure::Said { kind, .. } = &failure else { return Err(failure) };
    if !known.contains(kind) {
        return Err(failure);
    }
    let Some(queue) = resolve::candidates(&session.settings.prefixes, name).into_iter().next() else {
        return Err(failure);
    };
    match look(&session.conn, &queue, None).await? {
        sight @ Sight::Server(_) => Ok((queue, sight)),
        // It answers again: the next run tells more.
        Sight::Queue(_) => Err(failure),
    }
}

fn answer(session: &mut Session, queue: &QueueId, found: &Diagnosis) -> Result<u8, Failure> {
    // As it is typed after a command: the whole name where the queue's own would not do.
    let name = shell_word(queue.name.as_bytes()).unwrap_or_else(|| "QUEUE".to_owned());
    if session.json {
        session.out.json(&document(queue, &name, found))?;
    } else {
        print(session, queue, &name, found)?;
    }
    Ok(exit::DONE)
}

fn document(queue: &QueueId, name: &str, found: &Diagnosis) -> Document {
    let rounded = |rate: Option<f64>| rate.map(|rate| (rate * 100.0).round() / 100.0);
    Document {
        queue: queue.name.lossless().into_owned(),
        prefix: queue.prefix.lossless().into_owned(),
        at: found.at,
        moving: found.motion == Motion::Moves,
        state: found.motion.name(),
        in_per_second: rounded(found.in_per_s),
        out_per_second: rounded(found.out_per_s),
        drain_seconds: rounded(found.pace.seconds()),
        pace: found.pace.name(),
        backlog: found.backlog,
        causes: found
            .causes
            .iter()
            .map(|cause| CauseDocument {
                id: cause.id,
                weight: cause.weight.name(),
                title: cause.title.to_string(),
                evidence: cause.evidence(),
                advice: cause.advice_for(name).to_string(),
            })
            .collect(),
        not_known: found.not_known.iter().map(ToString::to_string).collect(),
    }
}

fn print(session: &mut Session, queue: &QueueId, name: &str, found: &Diagnosis) -> Result<(), Failure> {
    session.out.line(format_args!("{}: {}", queue.name.clean(), found.sentence()))?;
    let now = found.at.unwrap_or_else(|| session.clock.now_ms());
    for (at, cause) in found.causes.iter().enumerate() {
        session.out.line("")?;
        let mut heading = Table::headless();
        heading.row(vec![
            Cell::word(format!("{}.", at + 1)).tone(Tone::Head),
            Cell::text(cause.title.clone()).tone(Tone::Alert),
        ]);
        heading.print(&mut session.out)?;
        evidence(cause, name, now).print(&mut session.out)?;
    }
    for what in &found.not_known {
        session.warn(format!("not known: {what}"));
    }
    Ok(())
}

/// The evidence of a cause, and what to do, below its title.
fn evidence(cause: &Cause, name: &str, now: i64) -> Table {
    let mut table = Table::headless();
    let mut row = |label: &str, value: Clean| {
        table.row(vec![Cell::word(""), Cell::word(label).tone(Tone::Dim), Cell::text(value)]);
    };
    for fact in &cause.facts {
        row(fact.label, fact.value.shown(now));
    }
    for job in cause.jobs.iter().take(SHOWN) {
        row("job", told(job));
    }
    if cause.jobs.len() > SHOWN {
        row("", Clean::line(format!("and {} more", cause.jobs.len() - SHOWN)));
    }
    row("what to do", cause.advice_for(name));
    table
}

/// Jobs of a cause that are printed.
const SHOWN: usize = 10;

fn told(job: &Held) -> Clean {
    let mut words = vec![job.id.clean().cut(60).as_str().to_owned()];
    words.extend(job.name.as_ref().map(|name| name.cut(40).as_str().to_owned()));
    words.extend(job.active_ms.map(|ms| format!("runs for {}", figure::duration(ms))));
    words.extend(job.worker.as_ref().map(|worker| format!("by {}", worker.cut(30))));
    words.extend(job.lock_ms.map(|ms| match ms {
        -1 => "its lock never ends".to_owned(),
        ms => format!("lock for another {}", figure::duration(ms)),
    }));
    if !job.note.is_empty() {
        words.push(job.note.cut(120).as_str().to_owned());
    }
    Clean::line(words.join(", "))
}
