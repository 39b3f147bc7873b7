//! Which jobs an act is on.

use crate::cli::args::JobAct;
use crate::cli::failure::Failure;
use crate::cli::figures::thousands;
use crate::cli::resolve::Found;
use crate::cli::scan;
use crate::cli::session::Session;
use crate::engine::read::failures::Failures;
use crate::engine::read::page::Order;
use crate::insight::errors::{Causes, GroupId};
use crate::operate::Selection;
use crate::text::Clean;
use crate::wire::{JobId, State};

/// Jobs that an expression is tried on at most.
const SCAN: u64 = 10_000;
/// Failed jobs that are read at most to find those of a group.
const SCAN_ERRORS: u64 = 200_000;

/// The failed jobs of a group, oldest first.
pub async fn of_group(
    session: &Session,
    queue: &Found,
    id: GroupId,
    most: Option<u64>,
) -> Result<(Vec<JobId>, Clean), Failure> {
    let queues = [(queue.id.clone(), queue.era)];
    let mut causes = Causes::new(session.settings.mask.clone());
    let mut reader = Failures::new(&session.conn, &queues, most.unwrap_or(SCAN_ERRORS));
    let (mut ids, mut message) = (Vec::new(), Clean::default());
    while let Some(page) = reader.next().await? {
        for failure in page.jobs().map(|failed| causes.failure(failed)) {
            if failure.cause.id == id {
                message = failure.cause.message.clone();
                ids.push(failure.job);
            }
        }
    }
    let coverage = reader.coverage();
    if coverage.read < coverage.total {
        session.warn(format!(
            "looked at the newest {} of {} failed jobs; --scan N looks at more",
            thousands(coverage.read),
            thousands(coverage.total)
        ));
    }
    ids.reverse();
    Ok((ids, message))
}

/// The selection that the arguments name, frozen at `until`. `usual` is the state that the act
/// starts from, where it has one.
pub async fn select(
    session: &Session,
    queue: &Found,
    args: &JobAct,
    usual: Option<State>,
    until: i64,
) -> Result<Selection, Failure> {
    if !args.ids.is_empty() {
        return Ok(Selection::Ids(args.ids.iter().map(JobId::new).collect()));
    }
    if !args.all && args.filter.is_none() {
        return Err(Failure::usage(
            "no jobs are named, nothing was done",
            "name ids, or take --all, --where EXPR or --error GROUP",
        ));
    }
    let Some(state) = args.state.or(usual) else {
        return Err(Failure::usage("of which state?", "say --state failed, or another one"));
    };
    let Some(expression) = &args.filter else { return Ok(Selection::All { state, until }) };
    let mut ids = Vec::new();
    let query =
        scan::Query { queue, state, order: oldest_first(state), expression, most: args.scan.unwrap_or(SCAN) };
    let outcome = scan::scan(session, &query, |job| {
        ids.push(job.id);
        true
    });
    let outcome = outcome.await?;
    if !outcome.complete {
        session
            .warn(format!("looked at {} of {} jobs; --scan N looks at more", outcome.scanned, outcome.total));
    }
    Ok(Selection::Ids(ids))
}

/// The order in which jobs that arrive meanwhile do not shift the pages.
const fn oldest_first(state: State) -> Order {
    match state {
        State::Completed | State::Failed | State::Active => Order::Reversed,
        _ => Order::Natural,
    }
}
