//! Jobs of a state that an expression is true of.

use std::collections::HashSet;

use super::document::{Extent, Job};
use super::failure::Failure;
use super::figures::{bytes, thousands};
use super::jq::{Filter, JqError, Verdict};
use super::resolve::Found;
use super::session::Session;
use crate::engine::read::job::JobDetail;
use crate::engine::read::page;
use crate::engine::read::page::{Order, Page, PageQuery};
use crate::engine::read::whole::{self, Want};
use crate::text::{Clean, Mask};
use crate::wire::State;

/// Jobs of one page of ids.
const PAGE: u64 = 200;
/// Largest field that an expression is shown.
const FIELD: u64 = 4 << 20;

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
    let mut filter = Filter::start(query.expression).await.map_err(|error| refused(&error))?;
    let extras = ["logs", "lock", "children"].iter().any(|word| query.expression.contains(word));
    let want = Want { up_to: FIELD, payloads: true, extras };
    let extent = Extent { extras, raw: query.expression.contains("raw") };
    let mut outcome = Outcome { complete: true, ..Outcome::default() };
    let mut seen = HashSet::new();
    let mut trouble = Trouble::default();
    let mut offset = 0;
    'pages: loop {
        let limit = PAGE.min(query.most - outcome.scanned);
        let ask = PageQuery {
            queue: query.queue.id.clone(),
            state: query.state,
            offset,
            limit: limit.max(1),
            order: query.order,
        };
        let Page { total, rows, .. } = page(&session.conn, query.queue.era, &ask).await?;
        outcome.total = total;
        if limit == 0 {
            outcome.complete &= offset >= total;
            break;
        }
        offset += limit;
        // Jobs move while the pages are turned: some come by twice.
        let rows: Vec<_> = rows.into_iter().filter(|row| seen.insert(row.id.clone())).collect();
        for rows in rows.chunks(whole::ABREAST) {
            let ids: Vec<_> = rows.iter().map(|row| row.id.clone()).collect();
            let mut jobs = whole::jobs(&session.conn, &query.queue.id, &ids, want).await?;
            for (job, row) in jobs.iter_mut().zip(rows) {
                job.state = Some(query.state);
                job.due_at = row.due_at;
            }
            jobs.retain(|job| job.field_count > 0);
            outcome.scanned += jobs.len() as u64;
            let documents: Vec<String> = jobs
                .iter()
                .map(|job| serde_json::to_string(&Job::new(job, extent)))
                .collect::<Result<_, _>>()?;
            let verdicts =
                filter.ask(documents.iter().map(String::as_str)).await.map_err(|error| refused(&error))?;
            for (job, mut verdict) in jobs.into_iter().zip(verdicts) {
                if let Verdict::Failed(why) = &mut verdict
                    && holds_secrets(&job, &session.settings.mask)
                {
                    // What an expression says of a value may be the value.
                    *why = Clean::line("why is not told of a job with masked values; --raw tells it");
                }
                trouble.note(&job, &verdict);
                if verdict == Verdict::Match && !take(job) {
                    outcome.complete = false;
                    break 'pages;
                }
            }
        }
        if offset >= total {
            break;
        }
    }
    outcome.complete &= trouble.large == 0;
    trouble.tell(session);
    Ok(outcome)
}

fn holds_secrets(job: &JobDetail, mask: &Mask) -> bool {
    let values = job.fields.iter().filter_map(|field| Some((field, field.value.as_ref()?)));
    values
        .into_iter()
        .any(|(field, value)| !mask.field_places(field.name.as_bytes(), value.as_bytes()).is_empty())
}

/// What a person should know about the jobs that did not match.
#[derive(Default)]
struct Trouble {
    failed: u64,
    why: Option<Clean>,
    not_boolean: u64,
    large: u64,
}

impl Trouble {
    fn note(&mut self, job: &JobDetail, verdict: &Verdict) {
        self.large += u64::from(job.fields.iter().any(|field| field.value.is_none()));
        match verdict {
            Verdict::Failed(why) => {
                self.failed += 1;
                self.why.get_or_insert_with(|| why.clone());
            }
            Verdict::NotBoolean => self.not_boolean += 1,
            Verdict::Match | Verdict::No => {}
        }
    }

    fn tell(&self, session: &Session) {
        if let Some(why) = &self.why {
            session.warn(format!("the expression failed on {} jobs: {why}", thousands(self.failed)));
        }
        if self.not_boolean > 0 {
            session.warn(format!(
                "the expression gave neither true nor false for {} jobs; they do not match",
                thousands(self.not_boolean)
            ));
        }
        if self.large > 0 {
            session.warn(format!(
                "{} jobs have fields over {}, which the expression did not see",
                thousands(self.large),
                bytes(FIELD)
            ));
        }
    }
}

fn refused(error: &JqError) -> Failure {
    let hint = match error {
        JqError::Syntax(_) => "for example: --where '.data.tenant == \"acme\" and .attemptsMade > 2'",
        JqError::System(_) => "is the program's file still there?",
        JqError::Slow | JqError::Ended => "write a simpler expression",
    };
    Failure::usage(error.to_string(), hint)
}
