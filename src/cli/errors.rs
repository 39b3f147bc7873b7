//! `toril errors`.

use std::time::{Duration, Instant};

use serde::Serialize;

use super::act::server_time;
use super::args::ErrorsArgs;
use super::discover;
use super::failure::{Failure, exit};
use super::figures::{span, thousands};
use super::output::say;
use super::resolve;
use super::session::Session;
use super::table::{Cell, Table, Tone};
use crate::engine::read;
use crate::engine::read::failures::Failures;
use crate::engine::read::walk::Coverage;
use crate::insight::errors::{Causes, Group, Groups};
use crate::text::{Clean, Mask, figure};
use crate::wire::{Era, QueueId};

/// How often it is said how far it is.
const TOLD: Duration = Duration::from_secs(1);

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    at: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<i64>,
    scanned: u64,
    total: u64,
    complete: bool,
    /// Failures whose causes have no room among the groups.
    others: u64,
    groups: Vec<GroupDocument<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct GroupDocument<'a> {
    id: String,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    frame: Option<&'a str>,
    count: u64,
    /// Of all that was read, 0 to 1.
    share: f64,
    /// Failures of the last hour.
    last_hour: u64,
    first_at: i64,
    last_at: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    new: Option<bool>,
    queues: Vec<String>,
    examples: Vec<ExampleDocument>,
}

#[derive(Serialize)]
struct ExampleDocument {
    queue: String,
    prefix: String,
    id: String,
}

/// Groups the failures of queues by cause.
pub async fn run(session: &mut Session, args: &ErrorsArgs) -> Result<u8, Failure> {
    let queues = chosen(session, args).await?;
    let now = server_time(session).await?;
    let since = args.since.map(|since| since.at(now));
    let mask = session.settings.mask.clone();
    let (groups, coverage) = group(session, &queues, args.scan, mask).await?;
    let mut sorted: Vec<&Group> = groups.iter().collect();
    let new = |group: &Group| since.is_some_and(|since| group.is_new(since));
    sorted
        .sort_by_key(|group| (!new(group), std::cmp::Reverse((group.count, group.last_at)), group.cause.id));
    if coverage.read < coverage.total && coverage.read >= args.scan {
        session.warn(format!(
            "looked at the newest {} of {} failed jobs; --scan N looks at more",
            thousands(coverage.read),
            thousands(coverage.total)
        ));
    }
    if session.json {
        session.out.json(&Document {
            at: now,
            since,
            scanned: coverage.read,
            total: coverage.total,
            complete: coverage.complete,
            others: groups.others,
            groups: sorted.iter().map(|group| document(&groups, group, since, now)).collect(),
        })?;
    } else {
        print(session, &groups, &sorted, coverage, (since, now))?;
    }
    Ok(exit::DONE)
}

/// The queues that are named, or all that the settings select, with those who write them.
async fn chosen(session: &Session, args: &ErrorsArgs) -> Result<Vec<(QueueId, Era)>, Failure> {
    let mut queues = Vec::new();
    for name in &args.queues {
        let queue = resolve::queue(session, name).await?;
        queues.push((queue.id, queue.era));
    }
    if args.queues.is_empty() {
        let found = discover::queues(session).await?;
        if let Some(name) = found.missing.first() {
            return Err(resolve::absent(&session.settings.prefixes, name));
        }
        for ids in found.queues.chunks(200) {
            let counts = read::counts(&session.conn, ids).await?;
            queues.extend(ids.iter().cloned().zip(counts.into_iter().map(|(_, era, _)| era)));
        }
    }
    queues.sort_by(|a, b| a.0.cmp(&b.0));
    queues.dedup_by(|a, b| a.0 == b.0);
    Ok(queues)
}

/// Reads and groups the failures of queues, at most so many, and tells on stderr how far it is.
pub async fn group(
    session: &Session,
    queues: &[(QueueId, Era)],
    most: u64,
    mask: Mask,
) -> Result<(Groups, Coverage), Failure> {
    let (mut groups, mut causes) = (Groups::default(), Causes::new(mask));
    let mut reader = Failures::new(&session.conn, queues, most);
    let mut told = Instant::now();
    while let Some(page) = reader.next().await? {
        for failed in page.jobs() {
            groups.add(&causes.failure(failed));
        }
        if !session.json && told.elapsed() > TOLD {
            told = Instant::now();
            let coverage = reader.coverage();
            let (read, total) = (thousands(coverage.read), thousands(coverage.total));
            say(format_args!("toril: {read} of {total} read, newest first"));
        }
    }
    let (coverage, cost) = (reader.coverage(), reader.cost());
    session.note(format_args!(
        "read {} jobs in {}, {} a second, {:.0}% of Redis",
        thousands(coverage.read),
        span(i64::try_from(cost.elapsed.as_millis()).unwrap_or(0)),
        thousands(cost.per_second as u64),
        cost.share() * 100.0
    ));
    Ok((groups, coverage))
}

fn share(groups: &Groups, group: &Group) -> f64 {
    group.count as f64 / groups.count().max(1) as f64
}

fn document<'a>(groups: &Groups, group: &'a Group, since: Option<i64>, now: i64) -> GroupDocument<'a> {
    use crate::insight::errors::Span;
    GroupDocument {
        id: group.cause.id.to_string(),
        message: group.cause.message.as_str(),
        frame: group.cause.frame.as_ref().map(Clean::as_str),
        count: group.count,
        share: (share(groups, group) * 1e6).round() / 1e6,
        last_hour: group.history.within(Span::Hour, 60, now),
        first_at: group.first_at,
        last_at: group.last_at,
        new: since.map(|since| group.is_new(since)),
        queues: groups
            .queues_of(group)
            .into_iter()
            .map(|(queue, _)| queue.name.lossless().into_owned())
            .collect(),
        examples: group
            .examples
            .iter()
            .map(|example| ExampleDocument {
                queue: example.queue.name.lossless().into_owned(),
                prefix: example.queue.prefix.lossless().into_owned(),
                id: example.job.lossless().into_owned(),
            })
            .collect(),
    }
}

fn print(
    session: &mut Session,
    groups: &Groups,
    sorted: &[&Group],
    coverage: Coverage,
    (since, now): (Option<i64>, i64),
) -> Result<(), Failure> {
    let mut table = Table::new(&["GROUP", ">COUNT", ">SHARE", ">FIRST", ">LAST", "QUEUES", "MESSAGE"]);
    for group in sorted {
        let queues = groups.queues_of(group);
        let first = queues.first().map(|(queue, _)| queue.name.clean().cut(24)).unwrap_or_default();
        let more = if queues.len() > 1 { format!(" +{}", queues.len() - 1) } else { String::new() };
        let new = since.is_some_and(|since| group.is_new(since));
        let frame = group.cause.frame.as_ref().map(|frame| format!("  {frame}")).unwrap_or_default();
        let message = Clean::line(format!("{}{frame}", group.cause.message.cut(120)));
        let id = if new { format!("{} new", group.cause.id) } else { group.cause.id.to_string() };
        table.row(vec![
            Cell::word(id).tone(if new { Tone::Alert } else { Tone::Plain }),
            Cell::count(group.count),
            Cell::right(format!("{}%", figure::percent(share(groups, group)))),
            Cell::right(span(now - group.first_at)),
            Cell::right(span(now - group.last_at)),
            Cell::text(Clean::line(format!("{first}{more}"))),
            Cell::text(message),
        ]);
    }
    if sorted.is_empty() {
        session.out.line("No job has failed.")?;
        return Ok(());
    }
    table.print(&mut session.out)?;
    if groups.others > 0 {
        session.out.line(format_args!("{} more of other causes", thousands(groups.others)))?;
    }
    session.note(format_args!(
        "{} of {} failed jobs read, {} groups",
        thousands(coverage.read),
        thousands(coverage.total),
        sorted.len()
    ));
    Ok(())
}
