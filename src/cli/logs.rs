//! `toril logs`.

use std::time::Duration;

use serde::Serialize;

use super::args::LogsArgs;
use super::failure::{Failure, exit};
use super::job::no_job;
use super::resolve;
use super::session::Session;
use crate::engine::read::detail;
use crate::text::Clean;
use crate::wire::JobId;

/// How often a log is looked at for more.
const EVERY: Duration = Duration::from_millis(500);

#[derive(Serialize)]
struct Document<'a> {
    queue: &'a str,
    prefix: &'a str,
    id: &'a str,
    total: u64,
    offset: u64,
    lines: Vec<String>,
}

#[derive(Serialize)]
struct Line<'a> {
    n: u64,
    line: &'a str,
}

/// Shows a job's log, its last lines; follows it if asked.
pub async fn run(session: &mut Session, args: &LogsArgs) -> Result<u8, Failure> {
    let queue = resolve::queue(session, &args.queue).await?.id;
    let id = JobId::new(&args.id);
    let conn = session.conn.clone();
    let first = detail::logs(&conn, &queue, &id, None, 1).await?;
    if first.total == 0 && !exists(session, &queue, &id).await? {
        return Err(no_job(&queue, &id));
    }
    let begin = first.total.saturating_sub(args.limit);
    if !args.follow {
        return once(session, &queue, &id, begin, args.limit).await;
    }
    let mut next = begin;
    loop {
        let page = detail::logs(&conn, &queue, &id, Some(next), 1000).await?;
        if page.total < next {
            // The log was cut or cleared: what is numbered lower is new.
            next = 0;
            continue;
        }
        for line in &page.lines {
            let line = &line.masked(&session.settings.mask, b"");
            if session.json {
                session.out.json(&Line { n: next, line: &line.lossless() })?;
            } else {
                print(session, line.as_bytes())?;
            }
            next += 1;
        }
        session.out.flush()?;
        if page.lines.is_empty() {
            tokio::time::sleep(EVERY).await;
        }
    }
}

async fn once(
    session: &mut Session,
    queue: &crate::wire::QueueId,
    id: &JobId,
    begin: u64,
    limit: u64,
) -> Result<u8, Failure> {
    let conn = session.conn.clone();
    let (mut lines, mut total, mut next) = (Vec::new(), begin, begin);
    while (lines.len() as u64) < limit {
        let page = detail::logs(&conn, queue, id, Some(next), limit - lines.len() as u64).await?;
        total = page.total;
        if page.lines.is_empty() {
            break;
        }
        next += page.lines.len() as u64;
        lines.extend(page.lines);
        if next >= total {
            break;
        }
    }
    for line in &mut lines {
        *line = line.masked(&session.settings.mask, b"");
    }
    if session.json {
        session.out.json(&Document {
            queue: &queue.name.lossless(),
            prefix: &queue.prefix.lossless(),
            id: &id.lossless(),
            total,
            offset: begin,
            lines: lines.iter().map(|line| line.lossless().into_owned()).collect(),
        })?;
    } else {
        for line in &lines {
            print(session, line.as_bytes())?;
        }
    }
    Ok(exit::DONE)
}

fn print(session: &mut Session, line: &[u8]) -> Result<(), Failure> {
    for line in Clean::lines(line) {
        session.out.line(line)?;
    }
    Ok(())
}

async fn exists(session: &Session, queue: &crate::wire::QueueId, id: &JobId) -> Result<bool, Failure> {
    let want = crate::engine::read::whole::Want { up_to: 0, payloads: false, extras: false };
    let found =
        crate::engine::read::whole::jobs(&session.conn, queue, std::slice::from_ref(id), want).await?;
    Ok(found.iter().any(|job| job.field_count > 0))
}
