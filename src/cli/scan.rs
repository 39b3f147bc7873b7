//! Jobs of a state that an expression is true of.

use super::failure::Failure;
use super::figures::{bytes, thousands};
use super::resolve::Found;
use super::session::Session;
use crate::engine::read::job::JobDetail;
use crate::engine::read::page::Order;
use crate::engine::read::walk::{Coverage, Source};
use crate::engine::read::whole::{self, Want};
use crate::shell::jq::JqError;
use crate::shell::search::{self, FIELD, Search, SearchError, Trouble};
use crate::wire::State;

/// What is looked through.
pub struct Query<'a> {
    /// The queue.
    pub queue: &'a Found,
    /// The state.
    pub state: State,
    /// From which end.
    pub order: Order,
    /// The expression.
    pub expression: &'a str,
    /// Jobs that are read at most.
    pub most: u64,
}

/// How far it went.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Outcome {
    /// Jobs in the state.
    pub total: u64,
    /// Jobs read.
    pub scanned: u64,
    /// All of the state was read, and every field of it.
    pub complete: bool,
}

/// Gives every job that matches to `take`, until it answers false.
pub async fn scan(
    session: &Session,
    query: &Query<'_>,
    mut take: impl FnMut(JobDetail) -> bool,
) -> Result<Outcome, Failure> {
    let queue = &query.queue.id;
    let newest_is_natural = matches!(query.state, State::Completed | State::Failed | State::Active);
    let source = Source {
        queue: queue.clone(),
        era: query.queue.era,
        state: query.state,
        oldest_first: newest_is_natural == (query.order == Order::Reversed),
    };
    let mut search = Search::start(
        &session.conn,
        search::Query {
            sources: vec![source],
            text: None,
            not: false,
            expression: Some(query.expression.to_owned()),
            jobs: query.most,
            mask: session.settings.mask.clone(),
        },
    )
    .await
    .map_err(refused)?;
    let want = Want { up_to: FIELD, payloads: true, extras: false };
    let mut cut = false;
    'found: while let Some(hits) = search.next().await.map_err(refused)? {
        for hits in hits.chunks(whole::ABREAST) {
            let ids: Vec<_> = hits.iter().map(|hit| hit.id.clone()).collect();
            let jobs = whole::jobs(&session.conn, queue, &ids, want).await?;
            for (hit, mut job) in hits.iter().zip(jobs) {
                (job.state, job.due_at) = (Some(query.state), hit.due_at);
                if !take(job) {
                    cut = true;
                    break 'found;
                }
            }
        }
    }
    let coverage = search.coverage();
    tell(session, &search.trouble(), coverage);
    let Coverage { read, total, gone, complete, .. } = coverage;
    Ok(Outcome { total, scanned: read - gone, complete: complete && !cut })
}

/// Says what a person should know about the jobs that did not match.
pub fn tell(session: &Session, trouble: &Trouble, coverage: Coverage) {
    if let Some(why) = &trouble.why {
        session.warn(format!("the expression failed on {} jobs: {why}", thousands(trouble.failed)));
    }
    if trouble.not_boolean > 0 {
        session.warn(format!(
            "the expression gave neither true nor false for {} jobs; they do not match",
            thousands(trouble.not_boolean)
        ));
    }
    if coverage.large > 0 {
        session.warn(format!(
            "{} jobs have fields over {}, which were not looked through",
            thousands(coverage.large),
            bytes(FIELD)
        ));
    }
}

/// Why a search stopped, and what to do.
pub fn refused(error: SearchError) -> Failure {
    let error = match error {
        SearchError::Redis(error) => return error.into(),
        SearchError::Expression(error) => error,
    };
    let hint = match &error {
        JqError::Syntax(_) => "for example: --where '.data.tenant == \"acme\" and .attemptsMade > 2'",
        JqError::System(_) => "is the program's file still there?",
        JqError::Slow | JqError::Ended => "write a simpler expression",
    };
    Failure::usage(error.to_string(), hint)
}
