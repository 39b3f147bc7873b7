//! `toril scheduler`: one of them, and what can be done with it.

use super::edits::{run, target};
use super::permit;
use crate::cli::add::data;
use crate::cli::args::{NewScheduleArgs, ScheduleArgs, SchedulerArgs, SchedulerCommand, SetScheduleArgs};
use crate::cli::failure::{Failure, exit};
use crate::cli::figures::moment;
use crate::cli::resolve;
use crate::cli::schedulers::Document;
use crate::cli::session::Session;
use crate::engine::op::{SchedulerOp, Target};
use crate::engine::read::next_run::standing;
use crate::engine::schedule::{Cron, Recast, Repeat, Zone};
use crate::engine::{JobOptions, Queue};
use crate::insight::scheduler::{judge, rule};
use crate::operate::Edit;
use crate::text::Clean;
use crate::wire::{QueueId, Raw};

/// Next runs that are told.
const RUNS: usize = 3;

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
        SchedulerCommand::Set(set) => {
            let flags = &set.schedule;
            permit(session, flags.act.dry_run)?;
            let mut recast = recast(set)?;
            let target = target(session, &args.queue).await?;
            if set.edit {
                match in_editor(session, &target, &args.id).await? {
                    Some(data) => recast.data = Some(data),
                    None if recast == Recast::default() => return unchanged(session, &target, flags),
                    None => {}
                }
            }
            if flags.act.dry_run && !session.json {
                let now = super::jobs::server_time(session).await?;
                let runs = runs(flags.cron.as_deref(), flags.tz.as_deref(), now);
                for at in runs {
                    session.out.line(format_args!("  would run {}", moment(at)))?;
                }
            }
            let id = args.id.clone();
            let edit = match recast {
                Recast { repeat: Some(repeat), name: None, data: None, opts: None } => {
                    Edit::Schedule { id, repeat }
                }
                recast => Edit::Recast { id, recast: Box::new(recast) },
            };
            run(session, &target, vec![edit], &flags.act, flags.save.bytes()).await
        }
        SchedulerCommand::Add(new) => {
            let flags = &new.schedule;
            permit(session, flags.act.dry_run)?;
            let repeat = repeat(flags)?;
            let edit = added(&args.id, repeat, new)?;
            let target = target(session, &args.queue).await?;
            run(session, &target, vec![edit], &flags.act, flags.save.bytes()).await
        }
    }
}

/// What is to become another, checked before anything is asked.
fn recast(args: &SetScheduleArgs) -> Result<Recast, Failure> {
    let schedule = &args.schedule;
    let ruled = schedule.every.is_some() || schedule.cron.is_some();
    let dated = schedule.limit.is_some() || schedule.from.is_some() || schedule.until.is_some();
    let given = |text: &Option<String>| text.as_deref().map(|text| data(Some(text))).transpose();
    let opts = match given(&args.opts)? {
        None => None,
        Some(opts) => Some(options(opts.get())?),
    };
    let recast = Recast {
        repeat: if ruled || dated { Some(repeat(schedule)?) } else { None },
        name: args.name.clone(),
        data: given(&args.data)?.map(|data| Raw::new(data.get())),
        opts,
    };
    if recast == Recast::default() && !args.edit {
        let what = "--every or --cron, --name, --data, --edit, --opts";
        return Err(Failure::usage(what, "nothing was changed"));
    }
    Ok(recast)
}

/// Options of jobs, as the libraries would take them.
fn options(text: &str) -> Result<serde_json::Map<String, serde_json::Value>, Failure> {
    let wrong = |why: String| Failure::usage(format!("--opts: {why}"), "nothing was written");
    let fields: serde_json::Map<_, _> =
        serde_json::from_str(text).map_err(|_| wrong("options are a JSON object".to_owned()))?;
    JobOptions::parse(&fields).map_err(|error| wrong(error.to_string()))?;
    Ok(fields)
}

/// The data of its jobs as the person left it in the editor; `None`: the same.
async fn in_editor(session: &Session, target: &Target, id: &str) -> Result<Option<Raw>, Failure> {
    let queue = Queue::new(session.conn.clone(), target.queue.clone());
    let found = queue.template_data(target, id.as_bytes()).await;
    let Some(was) = found.map_err(|error| Failure::internal(error.to_string(), "nothing was changed"))?
    else {
        return Err(Failure::not_found(
            format!("{} has no scheduler \"{id}\" whose data is known", target.queue.clean()),
            format!("toril schedulers {} lists them", target.queue.name.clean()),
        ));
    };
    let now = super::editor::change(was.as_bytes(), &session.settings.mask).await?;
    Ok(now.map(|data| Raw::new(&data)))
}

fn unchanged(session: &mut Session, target: &Target, flags: &ScheduleArgs) -> Result<u8, Failure> {
    if session.json {
        session.out.json(&serde_json::json!({
            "action": "scheduler-set", "queue": target.queue.name.lossless(),
            "prefix": target.queue.prefix.lossless(), "matched": 1, "done": 0, "changed": 0, "failed": [],
            "dryRun": flags.act.dry_run, "ended": "unchanged",
        }))?;
    } else {
        session.out.line("Unchanged: nothing was written.")?;
    }
    Ok(exit::DONE)
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
    if let Some(at) = args.from {
        repeat = repeat.start(at);
    }
    if let Some(at) = args.until {
        repeat = repeat.end(at);
    }
    Ok(repeat)
}

/// A new scheduler, checked before anything is asked.
fn added(id: &str, repeat: Repeat, args: &NewScheduleArgs) -> Result<Edit, Failure> {
    let opts = data(args.opts.as_deref())?;
    options(opts.get())?;
    Ok(Edit::NewScheduler {
        id: id.to_owned(),
        repeat,
        name: args.name.clone(),
        data: Raw::new(data(args.data.as_deref())?.get()),
        opts: Raw::new(opts.get()),
    })
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
    let standing = standing(&session.conn, found.era, &found.id, args.id.as_bytes()).await?;
    let Some(standing) = standing else {
        return Err(Failure::not_found(
            format!("{} has no scheduler \"{}\"", found.id.clean(), args.id),
            format!("toril schedulers {} lists them", found.id.name.clean()),
        ));
    };
    let health = judge(&standing, super::jobs::server_time(session).await?);
    let queue = Queue::new(session.conn.clone(), found.id.clone());
    let template =
        queue.scheduler(&args.id).await.map_err(|error| Failure::internal(error.to_string(), ""))?;
    let mask = &session.settings.mask;
    let standing = standing.masked(mask);
    let (data, opts) = template.map(|found| (found.data, found.opts)).unwrap_or_default();
    let data = data.map(|data| data.masked(mask, b"data"));
    let opts = opts.map(|opts| opts.masked(mask, b"opts"));
    let paused = found.overview.is_paused();
    let told = Document::new(&standing, &health, paused);
    if session.json {
        return document(session, &found.id, &told, data.as_ref(), opts.as_ref());
    }
    let scheduler = &standing.scheduler;
    session.out.line(format_args!("{}: {}", scheduler.key.clean(), rule(scheduler)))?;
    session.out.line(format_args!("  adds {} to {}", scheduler.name, found.id.name.clean()))?;
    session.out.line(format_args!("  {}", Clean::line(health.sentence_in(paused))))?;
    if let Some(at) = health.last_at {
        let drift = health.drift_ms.map(|ms| format!(", {ms} ms after its time")).unwrap_or_default();
        session.out.line(format_args!("  ran last {}{drift}", moment(at)))?;
    }
    for at in told.runs() {
        session.out.line(format_args!("  runs {}", moment(*at)))?;
    }
    if let Some(runs) = scheduler.iterations {
        session.out.line(format_args!("  {runs} runs so far, the next one included"))?;
    }
    if let Some(data) = &data {
        session.out.line(format_args!("  data {}", data.clean().cut(200)))?;
    }
    Ok(exit::DONE)
}

fn document(
    session: &mut Session,
    queue: &QueueId,
    told: &Document,
    data: Option<&Raw>,
    opts: Option<&Raw>,
) -> Result<u8, Failure> {
    let value = |raw: Option<&Raw>| {
        raw.map(|raw| {
            serde_json::from_slice::<serde_json::Value>(raw.as_bytes())
                .unwrap_or_else(|_| raw.lossless().into_owned().into())
        })
    };
    let mut document = serde_json::json!({
        "queue": queue.name.lossless(),
        "prefix": queue.prefix.lossless(),
        "data": value(data),
        "opts": value(opts),
    });
    let told = serde_json::to_value(told).map_err(|error| Failure::internal(error.to_string(), ""))?;
    if let (Some(all), serde_json::Value::Object(told)) = (document.as_object_mut(), told) {
        all.extend(told);
    }
    session.out.json(&document)?;
    Ok(exit::DONE)
}
