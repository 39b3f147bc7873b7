//! `toril queues`.

use std::collections::HashMap;

use serde::Serialize;

use super::discover::{self, Discovered};
use super::failure::{Failure, exit};
use super::figures::span;
use super::resolve::{Found, absent, existing};
use super::session::Session;
use super::table::{Cell, Table, Tone};
use crate::conn::{ConnError, Kind};
use crate::engine::read;
use crate::text::Clean;
use crate::wire::{Prefix, QueueId, State};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    at: i64,
    complete: bool,
    queues: Vec<Row<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row<'a> {
    prefix: &'a str,
    name: &'a str,
    paused: bool,
    /// `wait` and `paused` both hold jobs: some may be lost when another program resumes.
    split: bool,
    era: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    counts: serde_json::Map<String, serde_json::Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    workers: Option<usize>,
    schedulers: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    oldest_waiting_at: Option<i64>,
    limits: Limits,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
}

#[derive(Serialize)]
struct Limits {
    concurrency: Option<u64>,
    rate: Option<Rate>,
}

#[derive(Serialize)]
struct Rate {
    max: u64,
    /// ms.
    duration: u64,
}

/// Lists queues with their counts.
pub async fn run(session: &mut Session) -> Result<u8, Failure> {
    let Discovered { queues, complete, missing } = discover::queues(session).await?;
    let seen_at = session.clock.now_ms();
    let found = existing(session, &queues).await?;
    let ids: Vec<QueueId> = found.iter().map(|queue| queue.id.clone()).collect();
    let workers = workers(session, &ids).await?;
    let oldest = oldest(session, &found, seen_at).await?;
    if session.json {
        let rows: Vec<(String, String)> = ids
            .iter()
            .map(|id| (id.prefix.lossless().into_owned(), id.name.lossless().into_owned()))
            .collect();
        let queues = found
            .iter()
            .zip(&rows)
            .zip(&oldest)
            .map(|((queue, (prefix, name)), oldest)| row(queue, prefix, name, workers.as_ref(), *oldest))
            .collect();
        let at = session.clock.now_ms();
        session.out.json(&Document { at, complete, queues })?;
    } else {
        table(session, &found, workers.as_ref(), &oldest)?;
    }
    if let Some(name) = missing.first() {
        return Err(absent(&session.settings.prefixes, name));
    }
    if !complete {
        session.warn("not every key could be looked at: there may be more queues");
    }
    Ok(exit::DONE)
}

/// Since when the next job of each queue could have run.
async fn oldest(session: &Session, found: &[Found], seen_at: i64) -> Result<Vec<Option<i64>>, Failure> {
    let next = |queue: &Found| Some((queue.id.clone(), queue.overview.next.clone()?));
    let jobs: Vec<_> = found.iter().filter_map(next).collect();
    let mut heads = Vec::with_capacity(jobs.len());
    for jobs in jobs.chunks(100) {
        heads.extend(read::heads::heads(&session.conn, jobs).await?);
    }
    let mut heads = heads.iter();
    let at = |queue: &Found| queue.overview.next.as_ref().and_then(|_| heads.next()?.ready_at(seen_at));
    Ok(found.iter().map(at).collect())
}

type Count = HashMap<QueueId, usize>;

/// Workers by queue; `None` where the account may not list clients.
async fn workers(session: &Session, queues: &[QueueId]) -> Result<Option<Count>, Failure> {
    match read::workers(&session.conn, queues).await {
        Ok(list) => {
            let mut count = Count::new();
            for worker in list {
                *count.entry(worker.queue).or_default() += 1;
            }
            Ok(Some(count))
        }
        Err(ConnError { kind: Kind::Permission | Kind::Reply, message, .. }) => {
            session.note(format_args!("workers are not known: {message}"));
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

fn row<'a>(
    queue: &'a Found,
    prefix: &'a str,
    name: &'a str,
    workers: Option<&Count>,
    oldest_waiting_at: Option<i64>,
) -> Row<'a> {
    let meta = &queue.overview.meta;
    Row {
        prefix,
        name,
        paused: queue.overview.is_paused(),
        split: split(queue),
        era: queue.era.name(),
        version: meta.version.as_ref().or(meta.library.as_ref()).map(|raw| raw.lossless().into_owned()),
        counts: State::ALL.iter().map(|s| (s.name().to_owned(), queue.counts.of(*s).into())).collect(),
        workers: workers.map(|count| count.get(&queue.id).copied().unwrap_or(0)),
        schedulers: queue.overview.repeat,
        oldest_waiting_at,
        limits: Limits {
            concurrency: meta.concurrency,
            rate: meta.max.zip(meta.duration).map(|(max, duration)| Rate { max, duration }),
        },
        error: queue.overview.error.as_ref().map(Clean::as_str),
    }
}

/// Whether jobs lie in two lists, or in one that nobody takes from.
fn split(queue: &Found) -> bool {
    queue.overview.is_split(&queue.counts)
}

fn table(
    session: &mut Session,
    found: &[Found],
    workers: Option<&Count>,
    oldest: &[Option<i64>],
) -> Result<(), Failure> {
    if found.is_empty() {
        let prefixes: Vec<_> = session.settings.prefixes.iter().map(Prefix::clean).collect();
        let under: Vec<_> = prefixes.iter().map(Clean::as_str).collect();
        let under = if under.is_empty() {
            "any prefix".to_owned()
        } else {
            format!("the prefix {}", under.join(", "))
        };
        session.warn(format!("no queues under {under} on {}", session.settings.endpoint));
        return Ok(());
    }
    let several = found.iter().any(|queue| queue.id.prefix != found[0].id.prefix);
    let mut table = Table::new(&[
        "QUEUE",
        "ERA",
        "",
        ">WAITING",
        ">PRIORITY",
        ">ACTIVE",
        ">DELAYED",
        ">CHILDREN",
        ">FAILED",
        ">COMPLETED",
        ">WORKERS",
        ">OLDEST",
    ]);
    let now = session.clock.now_ms();
    for (queue, oldest) in found.iter().zip(oldest) {
        let counts = &queue.counts;
        let badge = match (split(queue), queue.overview.is_paused()) {
            (true, true) => "paused, split",
            (true, false) => "split",
            (false, true) => "paused",
            (false, false) => "",
        };
        let failed = Cell::count(counts.failed);
        let workers = match workers {
            Some(count) => Cell::count(count.get(&queue.id).copied().unwrap_or(0) as u64),
            None => Cell::right("?").tone(Tone::Dim),
        };
        table.row(vec![
            Cell::text(if several { queue.id.clean() } else { queue.id.name.clean() }),
            Cell::word(queue.era.name()),
            Cell::word(badge).tone(Tone::Alert),
            Cell::count(counts.waiting + counts.paused),
            Cell::count(counts.prioritized),
            Cell::count(counts.active),
            Cell::count(counts.delayed),
            Cell::count(counts.waiting_children),
            if counts.failed > 0 { failed.tone(Tone::Alert) } else { failed },
            Cell::count(counts.completed),
            workers,
            Cell::right(oldest.map(|at| span(now - at)).unwrap_or_default()),
        ]);
    }
    table.print(&mut session.out)?;
    Ok(())
}
