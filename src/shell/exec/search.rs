//! Searches for the screens: told piece by piece, until their end or until nobody waits.

use std::os::unix::fs::OpenOptionsExt as _;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::sync::mpsc;

use super::told;
use crate::app::Msg;
use crate::app::effect::{Answer, Export, FetchId, Hunt, Query, ScanResult};
use crate::conn::Conn;
use crate::engine::read::page::PageQuery;
use crate::engine::read::walk::Source;
use crate::engine::read::whole::{self, Want};
use crate::engine::read::{self, locate};
use crate::insight::document::{Extent, Job};
use crate::insight::find::{Found, Hit, Needle, Phase, Wanted};
use crate::shell::search::{self, FIELD, Search, SearchError, Trouble};
use crate::text::{Clean, Mask};
use crate::wire::{Era, JobId, QueueId, State};

/// Rows that a filter of a list keeps.
const ROWS: usize = 10_000;
/// While Redis does not answer it is asked again so often.
const AGAIN: Duration = Duration::from_millis(500);
/// Largest field of a job that is exported.
const LARGEST: u64 = 32 << 20;

/// Who tells of a search.
pub(super) struct Teller<'a> {
    pub(super) conn: Conn,
    pub(super) mask: Mask,
    pub(super) id: FetchId,
    pub(super) messages: &'a mpsc::Sender<Msg>,
}

impl Teller<'_> {
    /// Does what is asked, and tells of it on the way; gives the last answer.
    pub(super) async fn answer(&self, query: Query) -> Result<Answer, Clean> {
        match query {
            Query::Scan { era, query, wanted, bound } => {
                self.scan(era, query, &wanted, bound).await.map(Answer::Scan)
            }
            Query::Find(hunt) => self.hunt(*hunt).await.map(|found| Answer::Find(Box::new(found))),
            Query::Export(export) => self.export(&export).await.map(Answer::Exported),
            _ => Err(Clean::line("not a search")),
        }
    }

    async fn tell(&self, answer: Answer) {
        let _ = self.messages.send(Msg::Fetched(self.id, Ok(answer))).await;
    }

    async fn start(&self, sources: Vec<Source>, wanted: &Wanted, jobs: u64) -> Result<Search, Clean> {
        let (text, not, expression) = match wanted {
            Wanted::Text { text, not } => (Some(Needle::new(text, true)), *not, None),
            Wanted::Jq(expression) => (None, false, Some(expression.clone())),
        };
        let query = search::Query { sources, text, not, expression, jobs, mask: self.mask.clone() };
        Search::start(&self.conn, query).await.map_err(|error| refused(&error))
    }

    /// Rows of a list that are meant, in the list's order.
    async fn scan(
        &self,
        era: Era,
        query: PageQuery,
        wanted: &Wanted,
        bound: u64,
    ) -> Result<ScanResult, Clean> {
        let newest_is_natural = query.state.is_finished() || query.state == State::Active;
        let source = Source {
            queue: query.queue.clone(),
            era,
            state: query.state,
            oldest_first: newest_is_natural == (query.order == read::page::Order::Reversed),
        };
        let mut search = self.start(vec![source], wanted, bound).await?;
        let mut found = ScanResult::default();
        // Found, and not yet read as rows: Redis may fall silent between the two.
        let mut ids: Vec<(JobId, Option<f64>)> = Vec::new();
        let mut over = false;
        loop {
            let step = async {
                if !over {
                    match search.next().await? {
                        Some(hits) => ids.extend(hits.into_iter().map(|hit| (hit.id, hit.score))),
                        None => over = true,
                    }
                }
                let rows = read::page::rows(&self.conn, era, &query.queue, query.state, &ids).await?;
                ids.clear();
                Ok::<_, SearchError>(rows)
            };
            let waits = match step.await {
                Ok(rows) => {
                    found.rows.extend(rows.into_iter().map(|row| row.masked(&self.mask)));
                    found.note = note(&search.trouble(), search.coverage().large);
                    None
                }
                Err(SearchError::Redis(error)) => {
                    found.note = Some(told(&error));
                    Some(AGAIN)
                }
                Err(error) => return Err(refused(&error)),
            };
            found.rows.truncate(ROWS);
            let coverage = search.coverage();
            (found.scanned, found.total) = (coverage.read, coverage.total);
            (found.per_second, found.share) = (search.cost().per_second, search.cost().share());
            found.complete = waits.is_none() && (over || found.rows.len() >= ROWS);
            if found.complete {
                return Ok(found);
            }
            self.tell(Answer::Scan(found.clone())).await;
            if let Some(wait) = waits {
                tokio::time::sleep(wait).await;
            }
        }
    }

    /// Jobs of many queues: the one of this id first.
    async fn hunt(&self, hunt: Hunt) -> Result<Found, Clean> {
        let mut known = 0;
        if let Wanted::Text { text, not: false } = &hunt.wanted {
            let hits = self.of_id(&hunt, text).await?;
            known = hits.len();
            if known > 0 {
                self.tell(Answer::Find(Box::new(Found { hits, ..Found::default() }))).await;
            }
        }
        let sources =
            hunt.queues.iter().flat_map(|(queue, era)| Source::of(queue, *era, &hunt.states)).collect();
        let mut search = self.start(sources, &hunt.wanted, hunt.bound).await?;
        loop {
            let (hits, mut phase) = match search.next().await {
                Ok(Some(hits)) => (hits, Phase::Reading),
                Ok(None) => (Vec::new(), Phase::Over),
                Err(SearchError::Redis(error)) => (Vec::new(), Phase::Waiting(told(&error))),
                Err(error) => return Err(refused(&error)),
            };
            let is_id = |hit: &Hit| match &hunt.wanted {
                Wanted::Text { text, not: false } => hit.id.as_bytes() == text.as_bytes(),
                _ => false,
            };
            // It stands there already.
            let left = hunt.most.saturating_sub(known);
            let hits: Vec<Hit> = hits.into_iter().filter(|hit| !is_id(hit)).take(left).collect();
            known += hits.len();
            if known >= hunt.most && phase == Phase::Reading {
                phase = Phase::Enough;
            }
            let coverage = search.coverage();
            let note = note(&search.trouble(), coverage.large);
            let found = Found { hits, coverage, cost: search.cost(), phase, note };
            match found.phase {
                Phase::Over | Phase::Enough => return Ok(found),
                Phase::Reading => self.tell(Answer::Find(Box::new(found))).await,
                Phase::Waiting(_) => {
                    self.tell(Answer::Find(Box::new(found))).await;
                    tokio::time::sleep(AGAIN).await;
                }
            }
        }
    }

    async fn of_id(&self, hunt: &Hunt, text: &str) -> Result<Vec<Hit>, Clean> {
        let queues: Vec<QueueId> = hunt.queues.iter().map(|(queue, _)| queue.clone()).collect();
        let id = JobId::new(text);
        let places = loop {
            match locate::by_id(&self.conn, &queues, &id).await {
                Ok(places) => break places,
                Err(error) => {
                    let phase = Phase::Waiting(told(&error));
                    self.tell(Answer::Find(Box::new(Found { phase, ..Found::default() }))).await;
                    tokio::time::sleep(AGAIN).await;
                }
            }
        };
        let hits = places.into_iter().filter_map(|place| {
            let state = place.state.filter(|state| hunt.states.contains(state))?;
            Some(Hit {
                queue: place.queue,
                era: place.era,
                state,
                id: id.clone(),
                name: Clean::default(),
                at: None,
                due_at: None,
                score: None,
                place: Some("id"),
                excerpt: id.clean(),
            })
        });
        Ok(hits.collect())
    }

    /// Whole jobs, as `toril find --full` prints them; a file that is there is left alone.
    async fn export(&self, export: &Export) -> Result<u64, Clean> {
        let failed = |error: std::io::Error| {
            let why = match error.kind() {
                std::io::ErrorKind::AlreadyExists => "it is there already".to_owned(),
                _ => error.to_string(),
            };
            Clean::line(format!("{} was not written: {why}", Clean::line(&export.file)))
        };
        let open = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&export.file);
        let mut file = tokio::io::BufWriter::new(tokio::fs::File::from_std(open.map_err(failed)?));
        let want = Want { up_to: LARGEST, payloads: true, extras: false };
        let mut written = 0;
        let same_queue = |a: &(QueueId, JobId, State), b: &(QueueId, JobId, State)| a.0 == b.0;
        for chunk in export.jobs.chunk_by(same_queue).flat_map(|jobs| jobs.chunks(whole::ABREAST)) {
            let Some((queue, ..)) = chunk.first() else { continue };
            let ids: Vec<JobId> = chunk.iter().map(|(_, id, _)| id.clone()).collect();
            let jobs = whole::jobs(&self.conn, queue, &ids, want).await.map_err(|error| {
                Clean::line(format!("{} is cut after {written} jobs: {error}", Clean::line(&export.file)))
            })?;
            for (mut job, (.., state)) in jobs.into_iter().zip(chunk) {
                if job.field_count == 0 {
                    continue;
                }
                job.state = Some(*state);
                let job = job.masked(&self.mask);
                let line = serde_json::to_string(&Job::new(&job, Extent { extras: false, raw: false }));
                let mut line = line.map_err(|error| Clean::line(error.to_string()))?;
                line.push('\n');
                file.write_all(line.as_bytes()).await.map_err(failed)?;
                written += 1;
            }
        }
        file.flush().await.map_err(failed)?;
        Ok(written)
    }
}

fn refused(error: &SearchError) -> Clean {
    match error {
        SearchError::Redis(error) => told(error),
        SearchError::Expression(error) => Clean::line(error.to_string()),
    }
}

/// What a person should know of jobs that did not match.
fn note(trouble: &Trouble, large: u64) -> Option<Clean> {
    let failed = trouble.why.as_ref().map(|why| format!("jq failed on {} jobs: {why}", trouble.failed));
    let odd =
        (trouble.not_boolean > 0).then(|| format!("neither true nor false for {} jobs", trouble.not_boolean));
    let size = crate::text::figure::bytes(FIELD);
    let large = (large > 0).then(|| format!("{large} jobs have fields over {size}, not looked through"));
    let parts: Vec<String> = [failed, odd, large].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| Clean::line(parts.join("; ")))
}
