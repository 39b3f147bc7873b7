//! `toril jobs`.

use serde::Serialize;

use super::args::{JobsArgs, ListOrder};
use super::failure::{Failure, exit};
use super::figures::{bytes, span, thousands};
use super::resolve;
use super::scan::{self, Outcome};
use super::session::Session;
use super::table::{Cell, Table, Tone};
use crate::engine::read::job::JobDetail;
use crate::engine::read::page;
use crate::engine::read::page::{Order, PageQuery};
use crate::engine::read::whole::{self, Want};
use crate::insight::document::{Extent, Job};
use crate::text::Clean;
use crate::wire::{QueueId, State};

/// Jobs of one page.
const PAGE: u64 = 1000;
/// Largest field of a job that a list shows: names, reasons and progress are small as a rule.
const FIELD: u64 = 64 << 10;
/// Largest field of a job with `--full`.
pub const LARGEST: u64 = 32 << 20;

#[derive(Serialize)]
struct Document<'a> {
    queue: &'a str,
    prefix: &'a str,
    state: &'static str,
    total: u64,
    scanned: u64,
    complete: bool,
    jobs: Vec<Job<'a>>,
}

/// Lists jobs of a state.
pub async fn run(session: &mut Session, args: &JobsArgs) -> Result<u8, Failure> {
    let queue = resolve::queue(session, &args.queue).await?;
    let order = order(args.state, args.order);
    let mut jobs = Vec::new();
    let outcome = match &args.filter {
        Some(expression) => {
            let query = scan::Query { queue: &queue, state: args.state, order, expression, most: args.scan };
            let mut leave_out = args.offset;
            let outcome = scan::scan(session, &query, |job| {
                if leave_out > 0 {
                    leave_out -= 1;
                } else {
                    jobs.push(job);
                }
                (jobs.len() as u64) < args.limit
            });
            outcome.await?
        }
        None => list(session, &queue, args, order, &mut jobs).await?,
    };
    // The expression sees the truth, so that it means the same for acts.
    let jobs: Vec<_> = jobs.into_iter().map(|job| job.masked(&session.settings.mask)).collect();
    if args.filter.is_some() && outcome.scanned >= args.scan && outcome.scanned < outcome.total {
        session.warn(format!(
            "looked at {} of {} jobs; --scan N looks at more",
            thousands(outcome.scanned),
            thousands(outcome.total)
        ));
    }
    if session.json {
        let (name, prefix) = (queue.id.name.lossless(), queue.id.prefix.lossless());
        let extent = Extent { extras: false, raw: args.full };
        session.out.json(&Document {
            queue: &name,
            prefix: &prefix,
            state: args.state.name(),
            total: outcome.total,
            scanned: outcome.scanned,
            complete: outcome.complete,
            jobs: jobs.iter().map(|job| Job::new(job, extent).listed(args.full)).collect(),
        })?;
    } else {
        print(session, args.state, &queue.id, &jobs, outcome)?;
    }
    Ok(exit::DONE)
}

/// Which end of a state is the newest (spec 3.4).
fn order(state: State, wanted: Option<ListOrder>) -> Order {
    let newest_is_natural = matches!(state, State::Completed | State::Failed | State::Active);
    match wanted {
        Some(ListOrder::Newest) if !newest_is_natural => Order::Reversed,
        Some(ListOrder::Oldest) if newest_is_natural => Order::Reversed,
        _ => Order::Natural,
    }
}

async fn list(
    session: &Session,
    queue: &resolve::Found,
    args: &JobsArgs,
    order: Order,
    jobs: &mut Vec<JobDetail>,
) -> Result<Outcome, Failure> {
    let want = Want { up_to: if args.full { LARGEST } else { FIELD }, payloads: args.full, extras: false };
    let (mut offset, mut left) = (args.offset, args.limit);
    loop {
        let limit = left.min(PAGE);
        let query =
            PageQuery { queue: queue.id.clone(), state: args.state, offset, limit: limit.max(1), order };
        let found = page(&session.conn, queue.era, &query).await?;
        let total = found.total;
        if limit > 0 {
            for rows in found.rows.chunks(whole::ABREAST) {
                let ids: Vec<_> = rows.iter().map(|row| row.id.clone()).collect();
                let read = whole::jobs(&session.conn, &queue.id, &ids, want).await?;
                jobs.extend(read.into_iter().zip(rows).map(|(mut job, row)| {
                    job.state = Some(args.state);
                    job.due_at = row.due_at;
                    job
                }));
            }
        }
        (offset, left) = (offset + limit, left - limit);
        if left == 0 || offset >= total {
            let scanned = jobs.len() as u64;
            return Ok(Outcome { total, scanned, complete: args.offset == 0 && offset >= total });
        }
    }
}

fn print(
    session: &mut Session,
    state: State,
    queue: &QueueId,
    jobs: &[JobDetail],
    outcome: Outcome,
) -> Result<(), Failure> {
    let now = session.clock.now_ms();
    let (when, what) = match state {
        State::Completed | State::Failed => (">FINISHED", "finishedOn"),
        State::Active => (">RUNS FOR", "processedOn"),
        State::Delayed => (">DUE IN", ""),
        _ => (">AGE", "timestamp"),
    };
    let last = match state {
        State::Failed => "REASON",
        State::Active => "WORKER",
        _ => "PROGRESS",
    };
    let mut table = Table::new(&["ID", "NAME", when, ">TRIES", ">PRIO", last]);
    for job in jobs {
        if job.field_count == 0 {
            table.row(vec![Cell::text(job.id.clean()), Cell::word("(gone)").tone(Tone::Dim)]);
            continue;
        }
        let age = match state {
            State::Delayed => job.due_at.map(|due| due - now),
            _ => job.number(what).map(|at| now - at),
        };
        let tries = job.attempts_made().unwrap_or(0);
        let (field, tone) = match state {
            State::Failed => ("failedReason", Tone::Alert),
            State::Active => ("pb", Tone::Plain),
            _ => ("progress", Tone::Plain),
        };
        table.row(vec![
            Cell::text(job.id.clean()),
            Cell::text(brief(job, "name").cut(40)),
            Cell::right(age.map(span).unwrap_or_default()),
            Cell::right(tries.to_string()),
            Cell::count(u64::try_from(job.number("priority").unwrap_or(0)).unwrap_or(0)),
            Cell::text(brief(job, field).cut(100)).tone(tone),
        ]);
    }
    let several = if outcome.total == 1 { "job" } else { "jobs" };
    let head = format!("{} {} {several} in {}", thousands(outcome.total), state.name(), queue.name.clean());
    if jobs.is_empty() {
        session.out.line(Clean::line(head))?;
    } else {
        table.print(&mut session.out)?;
        session.note(format_args!("{head}, {} shown", jobs.len()));
    }
    Ok(())
}

/// The first line of a field, or its size.
fn brief(job: &JobDetail, name: &str) -> Clean {
    match (job.value(name), job.field(name)) {
        (Some(value), _) => Clean::line(value.split(|byte| *byte == b'\n').next().unwrap_or_default()),
        (None, Some(field)) => Clean::line(format!("({})", bytes(field.size))),
        (None, None) => Clean::default(),
    }
}
