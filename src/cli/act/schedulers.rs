//! `toril schedulers` and `toril scheduler`.

use serde::Serialize;

use super::edits::{run, target};
use super::permit;
use crate::cli::args::{ScheduleArgs, SchedulerArgs, SchedulerCommand, SchedulersArgs};
use crate::cli::failure::{Failure, exit};
use crate::cli::figures::{moment, span, thousands};
use crate::cli::resolve;
use crate::cli::session::Session;
use crate::cli::table::{Cell, Table};
use crate::engine::Queue;
use crate::engine::op::SchedulerOp;
use crate::engine::read::schedulers::{Generation, Scheduler, schedulers as read};
use crate::engine::schedule::{Cron, JobScheduler, Repeat, Zone};
use crate::operate::Edit;
use crate::text::Clean;
use crate::wire::{QueueId, Raw};

/// Next runs that are told.
const RUNS: usize = 3;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
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
}

impl From<&Scheduler> for Document {
    fn from(found: &Scheduler) -> Self {
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
            iterations: found.iterations,
            limit: found.limit,
            end_at: found.end_at,
        }
    }
}

/// Lists the schedulers of a queue, next run first.
pub async fn list(session: &mut Session, args: &SchedulersArgs) -> Result<u8, Failure> {
    let queue = resolve::queue(session, &args.queue).await?;
    let (total, found) = read(&session.conn, &queue.id, args.offset, args.limit).await?;
    if session.json {
        let schedulers: Vec<Document> = found.iter().map(Document::from).collect();
        session.out.json(&serde_json::json!({
            "queue": queue.id.name.lossless(),
            "prefix": queue.id.prefix.lossless(),
            "total": total,
            "schedulers": schedulers,
        }))?;
        return Ok(exit::DONE);
    }
    if found.is_empty() {
        session.out.line(format_args!("{} has no schedulers.", queue.id.name.clean()))?;
        return Ok(exit::DONE);
    }
    let mut table = Table::new(&["id", "job", "rule", "next run", ">runs"]);
    for scheduler in &found {
        let rule = rule(
            scheduler.pattern.as_ref(),
            scheduler.every.map(|ms| i64::try_from(ms).unwrap_or(i64::MAX)),
            scheduler.zone.as_ref(),
        );
        table.row(vec![
            Cell::text(scheduler.key.clean().cut(60)),
            Cell::text(scheduler.name.cut(30)),
            Cell::text(rule.cut(40)),
            Cell::word(moment(scheduler.next_at)),
            scheduler.iterations.map_or_else(|| Cell::right("-"), |runs| Cell::right(thousands(runs))),
        ]);
    }
    table.print(&mut session.out)?;
    if (found.len() as u64) < total {
        session.out.line(format_args!("{} of {}", found.len(), thousands(total)))?;
    }
    Ok(exit::DONE)
}

fn rule(pattern: Option<&Clean>, every: Option<i64>, zone: Option<&Clean>) -> Clean {
    match (pattern, every, zone) {
        (Some(pattern), _, Some(zone)) => Clean::line(format!("{pattern} ({zone})")),
        (Some(pattern), ..) => pattern.clone(),
        (None, Some(ms), _) => Clean::line(format!("every {}", span(ms))),
        (None, None, _) => Clean::line("-"),
    }
}

/// One scheduler.
pub async fn one(session: &mut Session, args: &SchedulerArgs) -> Result<u8, Failure> {
    let key = || Raw::new(&args.id);
    match &args.command {
        SchedulerCommand::Show => show(session, args).await,
        SchedulerCommand::Run(flags) => {
            permit(session, flags.act.dry_run)?;
            let target = target(session, &args.queue).await?;
            let edit = Edit::Scheduler { key: key(), op: SchedulerOp::RunNow };
            run(session, &target, vec![edit], &flags.act, flags.save.bytes()).await
        }
        SchedulerCommand::Remove(flags) => {
            permit(session, flags.act.dry_run)?;
            let target = target(session, &args.queue).await?;
            let edit = Edit::Scheduler { key: key(), op: SchedulerOp::Remove };
            run(session, &target, vec![edit], &flags.act, flags.save.bytes()).await
        }
        SchedulerCommand::Set(flags) => {
            permit(session, flags.act.dry_run)?;
            let repeat = repeat(flags)?;
            let target = target(session, &args.queue).await?;
            if flags.act.dry_run && !session.json {
                let now = super::jobs::server_time(session).await?;
                let runs = runs(flags.cron.as_deref(), flags.tz.as_deref(), now);
                for at in runs {
                    session.out.line(format_args!("  would run {}", moment(at)))?;
                }
            }
            let edit = Edit::Schedule { id: args.id.clone(), repeat };
            run(session, &target, vec![edit], &flags.act, 0).await
        }
    }
}

/// The schedule, checked before anything is asked.
fn repeat(args: &ScheduleArgs) -> Result<Repeat, Failure> {
    let wrong = |why: String| Failure::usage(why, "nothing was changed");
    let mut repeat = match (&args.every, &args.cron) {
        (Some(every), _) if every.is_zero() => return Err(wrong("an interval is at least 1ms".to_owned())),
        (Some(every), _) => Repeat::every(*every),
        (None, Some(pattern)) => {
            pattern.parse::<Cron>().map_err(|error| wrong(format!("the pattern: {error}")))?;
            let mut repeat = Repeat::cron(pattern);
            if let Some(zone) = &args.tz {
                zone.parse::<Zone>().map_err(|error| wrong(error.to_string()))?;
                repeat = repeat.tz(zone);
            }
            repeat
        }
        (None, None) => return Err(wrong("--every or --cron".to_owned())),
    };
    if let Some(runs) = args.limit {
        repeat = repeat.limit(runs);
    }
    Ok(repeat)
}

/// The next runs of a pattern.
fn runs(pattern: Option<&str>, zone: Option<&str>, mut after: i64) -> Vec<i64> {
    let cron = pattern.and_then(|pattern| pattern.parse::<Cron>().ok());
    let zone: Option<Zone> = zone.map_or_else(|| Some(Zone::default()), |zone| zone.parse().ok());
    let (Some(cron), Some(zone)) = (cron, zone) else { return Vec::new() };
    let mut runs = Vec::new();
    while runs.len() < RUNS
        && let Some(next) = cron.next(after, zone)
    {
        runs.push(next);
        after = next;
    }
    runs
}

async fn show(session: &mut Session, args: &SchedulerArgs) -> Result<u8, Failure> {
    let found = resolve::queue(session, &args.queue).await?;
    let queue = Queue::new(session.conn.clone(), found.id.clone());
    let scheduler =
        queue.scheduler(&args.id).await.map_err(|error| Failure::internal(error.to_string(), ""))?;
    let Some(scheduler) = scheduler else {
        return Err(Failure::not_found(
            format!("{} has no scheduler \"{}\"", found.id.clean(), args.id),
            format!("toril schedulers {} lists them", found.id.name.clean()),
        ));
    };
    let text = |raw: &Option<Raw>| raw.as_ref().map(|raw| raw.lossless().into_owned());
    let (pattern, zone) = (text(&scheduler.pattern), text(&scheduler.tz));
    let mut next = vec![scheduler.next_at];
    next.extend(runs(pattern.as_deref(), zone.as_deref(), scheduler.next_at));
    if let (Some(every), true) = (scheduler.every.filter(|ms| *ms > 0), pattern.is_none()) {
        next.extend((1_i64..).take(RUNS).map(|n| scheduler.next_at.saturating_add(n.saturating_mul(every))));
    }
    next.truncate(RUNS);
    next.retain(|at| scheduler.end_at.is_none_or(|end| *at <= end));
    if session.json {
        return document(session, &found.id, &scheduler, &next);
    }
    let rule = rule(
        scheduler.pattern.as_ref().map(Raw::clean).as_ref(),
        scheduler.every,
        scheduler.tz.as_ref().map(Raw::clean).as_ref(),
    );
    session.out.line(format_args!("{}: {rule}", scheduler.id.clean()))?;
    session.out.line(format_args!("  adds {} to {}", scheduler.name.clean(), found.id.name.clean()))?;
    for at in next {
        session.out.line(format_args!("  runs {}", moment(at)))?;
    }
    if let Some(runs) = scheduler.iterations {
        session.out.line(format_args!("  {runs} runs so far, the next one included"))?;
    }
    if let Some(data) = &scheduler.data {
        session.out.line(format_args!("  data {}", data.clean().cut(200)))?;
    }
    Ok(exit::DONE)
}

fn document(
    session: &mut Session,
    queue: &QueueId,
    scheduler: &JobScheduler,
    next: &[i64],
) -> Result<u8, Failure> {
    let text = |raw: &Option<Raw>| raw.as_ref().map(|raw| raw.lossless().into_owned());
    let value = |raw: &Option<Raw>| {
        raw.as_ref().map(|raw| {
            serde_json::from_slice::<serde_json::Value>(raw.as_bytes())
                .unwrap_or_else(|_| raw.lossless().into_owned().into())
        })
    };
    session.out.json(&serde_json::json!({
        "queue": queue.name.lossless(),
        "prefix": queue.prefix.lossless(),
        "id": scheduler.id.lossless(),
        "name": scheduler.name.lossless(),
        "nextAt": scheduler.next_at,
        "nextRuns": next,
        "pattern": text(&scheduler.pattern),
        "every": scheduler.every,
        "tz": text(&scheduler.tz),
        "offset": scheduler.offset,
        "limit": scheduler.limit,
        "startAt": scheduler.start_at,
        "endAt": scheduler.end_at,
        "iterations": scheduler.iterations,
        "data": value(&scheduler.data),
        "opts": value(&scheduler.opts),
    }))?;
    Ok(exit::DONE)
}
