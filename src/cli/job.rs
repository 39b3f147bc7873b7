//! `toril job`.

use super::args::JobArgs;
use super::failure::{Failure, exit};
use super::figures::{bytes, moment, span};
use super::jobs::LARGEST;
use super::resolve;
use super::session::Session;
use super::table::{Cell, Table, Tone};
use crate::engine::read::detail::{self, FieldValue};
use crate::engine::read::job::JobDetail;
use crate::insight::document::{Extent, Job};
use crate::text::Clean;
use crate::wire::{JobId, QueueId};

/// Shows one job, whole.
pub async fn run(session: &mut Session, args: &JobArgs) -> Result<u8, Failure> {
    let queue = resolve::queue(session, &args.queue).await?;
    let id = JobId::new(&args.id);
    let found = detail::job(&session.conn, queue.era, &queue.id, &id, None).await?;
    let mut job = found.ok_or_else(|| no_job(&queue.id, &id))?;
    if session.json {
        complete(session, &mut job).await?;
        job = job.masked(&session.settings.mask);
        session.out.json(&Job::new(&job, Extent { extras: true, raw: true }))?;
    } else {
        print(session, &job.masked(&session.settings.mask))?;
    }
    Ok(exit::DONE)
}

/// That there is no such job.
pub fn no_job(queue: &QueueId, id: &JobId) -> Failure {
    Failure::not_found(
        format!("{} has no job {}", queue.name.clean(), id.clean()),
        "it may have been removed; toril jobs QUEUE --state completed lists what is there",
    )
}

/// Reads what was not read unasked.
async fn complete(session: &Session, job: &mut JobDetail) -> Result<(), Failure> {
    for field in job.fields.iter_mut().filter(|field| field.value.is_none()) {
        match detail::field(&session.conn, &job.queue, &job.id, field.name.as_bytes(), LARGEST).await? {
            FieldValue::Value(value) => field.value = Some(value),
            FieldValue::Absent => {}
            FieldValue::TooLarge(size) => {
                return Err(Failure::not_done(
                    "unsupported",
                    format!(
                        "{} of job {} is {}, and no more than {} is printed",
                        field.name.clean(),
                        job.id.clean(),
                        bytes(size),
                        bytes(LARGEST)
                    ),
                    "without --json the sizes are shown and the large fields are left out",
                ));
            }
        }
    }
    Ok(())
}

fn print(session: &mut Session, job: &JobDetail) -> Result<(), Failure> {
    let now = session.clock.now_ms();
    let out = &mut session.out;
    let mut table = Table::new(&[]);
    let mut line = |name: &str, text: Clean| {
        if !text.is_empty() {
            table.row(vec![Cell::word(name).tone(Tone::Head), Cell::text(text)]);
        }
    };
    line("job", job.id.clean());
    line("queue", job.queue.clean());
    line("name", job.clean("name").unwrap_or_default());
    line("state", Clean::line(job.state.map_or("in no list of the queue", |state| state.name())));
    if job.fields.is_empty() {
        line("data", Clean::line("gone: only its id is left"));
    }
    let at = |ms: i64| Clean::line(format!("{} ({} ago)", moment(ms), span(now - ms)));
    for (name, field) in [("added", "timestamp"), ("started", "processedOn"), ("finished", "finishedOn")] {
        line(name, job.number(field).map(at).unwrap_or_default());
    }
    if let Some(due) = job.due_at {
        let left =
            if due > now { format!("in {}", span(due - now)) } else { format!("{} late", span(now - due)) };
        line("due", Clean::line(format!("{} ({left})", moment(due))));
    }
    if let Some((start, end)) = job.number("processedOn").zip(job.number("finishedOn")) {
        line("took", Clean::line(span(end - start)));
    }
    let tries = job.attempts_made();
    line("tries", tries.map(|tries| Clean::line(tries.to_string())).unwrap_or_default());
    let priority = job.number("priority").filter(|priority| *priority != 0);
    line("priority", priority.map(|n| Clean::line(n.to_string())).unwrap_or_default());
    for (name, field) in [("worker", "pb"), ("scheduler", "rjk"), ("dedup", "deid"), ("progress", "progress")]
    {
        line(name, job.clean(field).unwrap_or_default());
    }
    line("parent", job.parent.as_ref().map(|parent| parent.key.clean()).unwrap_or_default());
    if let Some((token, ttl)) = &job.lock {
        let left = ttl.map_or_else(|| "for ever".to_owned(), span);
        line("lock", Clean::line(format!("{} ({left})", token.clean())));
    }
    let children = &job.children;
    if children.processed + children.pending + children.failed + children.ignored > 0 {
        line(
            "children",
            Clean::line(format!(
                "{} processed, {} pending, {} failed, {} ignored",
                children.processed, children.pending, children.failed, children.ignored
            )),
        );
    }
    if job.logs > 0 {
        line("log", Clean::line(format!("{} lines: toril logs", job.logs)));
    }
    table.print(out)?;
    for field in ["failedReason", "data", "opts", "returnvalue"] {
        section(session, job, field)?;
    }
    stacktrace(session, job)
}

fn section(session: &mut Session, job: &JobDetail, name: &str) -> Result<(), Failure> {
    let Some(field) = job.field(name) else { return Ok(()) };
    let out = &mut session.out;
    out.line("")?;
    let Some(value) = &field.value else {
        out.line(format_args!("{name} ({}, shown with --json)", bytes(field.size)))?;
        return Ok(());
    };
    out.line(name)?;
    for line in pretty(value.as_bytes()) {
        out.line(format_args!("  {line}"))?;
    }
    Ok(())
}

fn stacktrace(session: &mut Session, job: &JobDetail) -> Result<(), Failure> {
    let Some(value) = job.value("stacktrace") else { return section(session, job, "stacktrace") };
    let traces: Vec<String> = serde_json::from_slice(value).unwrap_or_default();
    for (at, trace) in traces.iter().enumerate() {
        session.out.line("")?;
        session.out.line(format_args!("stacktrace {} of {}", at + 1, traces.len()))?;
        for line in Clean::lines(trace) {
            session.out.line(format_args!("  {line}"))?;
        }
    }
    Ok(())
}

/// JSON over several lines, where that loses nothing of it; else the text as it is.
fn pretty(value: &[u8]) -> Vec<Clean> {
    // Parsed and written again numbers could change; big ones would.
    let indented = crate::insight::document::indent(value);
    Clean::lines(indented.as_deref().unwrap_or(value))
}
