//! `toril schedulers`: what comes next, what was missed.

use serde::Serialize;

use super::args::SchedulersArgs;
use super::discover;
use super::failure::{Failure, exit};
use super::figures::{moment, span, thousands};
use super::resolve::{self, Found};
use super::session::Session;
use super::table::{Cell, Table, Tone};
use crate::engine::read::schedulers::Generation;
use crate::engine::read::{Standing, standings};
use crate::insight::scheduler::{Health, Phase, judge, rule};
use crate::text::Clean;

/// Next runs that are told.
const RUNS: usize = 3;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OfQueue {
    queue: String,
    prefix: String,
    total: u64,
    schedulers: Vec<Document>,
}

/// A scheduler in JSON; times are ms since the epoch.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Document {
    id: String,
    generation: &'static str,
    name: String,
    next_at: i64,
    pattern: Option<String>,
    every: Option<u64>,
    tz: Option<String>,
    iterations: Option<u64>,
    limit: Option<u64>,
    end_at: Option<i64>,
    start_at: Option<i64>,
    offset: Option<i64>,
    /// The rule in words.
    rule: String,
    /// `dead missed stalled unknown due starting ahead ended`.
    state: &'static str,
    /// Why, as a sentence.
    reason: String,
    late_ms: i64,
    missed: u64,
    last_at: Option<i64>,
    drift_ms: Option<i64>,
    /// The job of its next run.
    job: Option<String>,
    job_state: Option<&'static str>,
    next_runs: Vec<i64>,
}

impl Document {
    /// What is to be said of a scheduler.
    pub(super) fn new(standing: &Standing, health: &Health, paused: bool) -> Self {
        let Standing { scheduler: found, run } = standing;
        let mut next_runs = Vec::new();
        if !matches!(health.phase, Phase::Dead(_) | Phase::Ended(_)) {
            next_runs.push(found.next_at);
            next_runs.extend(&health.following);
            next_runs.truncate(RUNS);
        }
        Self {
            id: found.key.lossless().into_owned(),
            generation: match found.generation {
                Generation::Legacy => "legacy",
                Generation::Repeatable => "repeatable",
                Generation::Scheduler => "scheduler",
            },
            name: found.name.to_string(),
            next_at: found.next_at,
            pattern: found.pattern.as_ref().map(ToString::to_string),
            every: found.every,
            tz: found.zone.as_ref().map(ToString::to_string),
            iterations: found.iterations.or(run.count),
            limit: found.limit.or(run.limit),
            end_at: found.end_at,
            start_at: found.start_at,
            offset: found.offset,
            rule: rule(found).to_string(),
            state: health.word(),
            reason: health.sentence_in(paused),
            late_ms: health.late_ms,
            missed: health.missed,
            last_at: health.last_at,
            drift_ms: health.drift_ms,
            job: run.id.as_ref().filter(|_| run.exists).map(|id| id.lossless().into_owned()),
            job_state: run.state.map(crate::wire::State::name),
            next_runs,
        }
    }
}

impl Document {
    /// Its next runs, ms.
    pub(super) fn runs(&self) -> &[i64] {
        &self.next_runs
    }
}

/// One queue's, judged.
struct Read {
    queue: Found,
    total: u64,
    rows: Vec<(Standing, Health)>,
    /// Redis's clock then, ms.
    now: i64,
}

impl Read {
    fn paused(&self) -> bool {
        self.queue.overview.is_paused()
    }
}

/// Lists the schedulers of one queue, of several, or of all.
pub async fn run(session: &mut Session, args: &SchedulersArgs) -> Result<u8, Failure> {
    let mut queues = Vec::new();
    if args.queues.is_empty() {
        let found = discover::queues(session).await?;
        queues.extend(resolve::existing(session, &found.queues).await?);
        if let Some(name) = found.missing.first() {
            return Err(resolve::absent(&session.settings.prefixes, name));
        }
        queues.retain(|queue| queue.overview.repeat > 0);
    }
    for name in &args.queues {
        queues.push(resolve::queue(session, name).await?);
    }
    let mut read = Vec::with_capacity(queues.len());
    for queue in queues {
        let (total, found) = standings(&session.conn, queue.era, &queue.id, args.offset, args.limit).await?;
        let now = super::act::server_time(session).await?;
        let mut rows: Vec<(Standing, Health)> = found
            .into_iter()
            .map(|standing| {
                let health = judge(&standing, now);
                (standing.masked(&session.settings.mask), health)
            })
            .collect();
        rows.retain(|(_, health)| !args.faults || health.is_fault());
        read.push(Read { queue, total, rows, now });
    }
    if session.json {
        json(session, args, &read)?;
    } else {
        table(session, args, &read)?;
    }
    Ok(exit::DONE)
}

fn json(session: &mut Session, args: &SchedulersArgs, read: &[Read]) -> Result<(), Failure> {
    let mut documents: Vec<OfQueue> = read
        .iter()
        .map(|read| OfQueue {
            queue: read.queue.id.name.lossless().into_owned(),
            prefix: read.queue.id.prefix.lossless().into_owned(),
            total: read.total,
            schedulers: read
                .rows
                .iter()
                .map(|(standing, health)| Document::new(standing, health, read.paused()))
                .collect(),
        })
        .collect();
    match (args.queues.len(), documents.pop()) {
        (1, Some(one)) => session.out.json(&one)?,
        (_, last) => {
            documents.extend(last);
            session.out.json(&serde_json::json!({ "results": documents }))?;
        }
    }
    Ok(())
}

fn table(session: &mut Session, args: &SchedulersArgs, read: &[Read]) -> Result<(), Failure> {
    let rows = || read.iter().flat_map(|read| read.rows.iter().map(move |row| (read, row)));
    if rows().next().is_none() {
        let what = if args.faults { "scheduler that needs somebody" } else { "schedulers" };
        match read {
            [one] if args.queues.len() == 1 => {
                session.out.line(format_args!("{} has no {what}.", one.queue.id.name.clean()))?;
            }
            _ => session.out.line(format_args!("There are no {what}."))?,
        }
        return Ok(());
    }
    let several = args.queues.len() != 1;
    let mut names = vec!["ID", "JOB", "RULE", "NEXT RUN", ">LAST", ">DRIFT", ">RUNS", ""];
    if several {
        names.insert(0, "QUEUE");
    }
    let mut table = Table::new(&names);
    for (read, (standing, health)) in rows() {
        let scheduler = &standing.scheduler;
        let runs = scheduler.iterations.or(standing.run.count);
        let ago = |at: i64| span(read.now.saturating_sub(at));
        let says = Clean::line(health.sentence_in(read.paused()));
        let mut cells = vec![
            Cell::text(scheduler.key.clean().cut(60)),
            Cell::text(scheduler.name.cut(30)),
            Cell::text(rule(scheduler).cut(60)),
            Cell::word(moment(scheduler.next_at)),
            Cell::right(health.last_at.map_or_else(|| "-".to_owned(), ago)),
            Cell::right(health.drift_ms.map_or_else(
                || "-".to_owned(),
                |ms| {
                    if ms < 0 { format!("-{}", span(-ms)) } else { span(ms) }
                },
            )),
            Cell::right(runs.map_or_else(|| "-".to_owned(), thousands)),
            match health.phase {
                Phase::Ahead => Cell::word(""),
                _ if health.is_fault() => Cell::text(says).tone(Tone::Alert),
                _ => Cell::text(says).tone(Tone::Dim),
            },
        ];
        if several {
            cells.insert(0, Cell::text(read.queue.id.clean()));
        }
        table.row(cells);
    }
    table.print(&mut session.out)?;
    for read in read.iter().filter(|read| (read.rows.len() as u64) < read.total && !args.faults) {
        let name = read.queue.id.name.clean();
        session.out.line(format_args!("{} of {} of {name}", read.rows.len(), thousands(read.total)))?;
    }
    Ok(())
}
