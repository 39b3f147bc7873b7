//! Looks through jobs for a text or a jq expression: what Find, the filter of a list and `--where`
//! have in common.
//!
//! A [`Walk`] brings the jobs, newest first. The bytes of a whole round are looked through before
//! a job of it is taken apart; an expression is asked about jobs that hold what it cannot be true
//! without ([`super::jq::Plan`]), in batches, while the next jobs are read.

mod hit;
mod judge;

use std::time::{Duration, Instant};

pub use judge::Trouble;

use super::jq::JqError;
use crate::conn::{Conn, ConnError};
use crate::engine::read::walk::{Cost, Coverage, Round, Seen, Source, Walk, Want};
use crate::insight::find::{FIELDS, Hit, Needle};
use crate::text::Mask;
use hit::Columns;
use judge::{Batch, Judge, Sieve};

/// How often something is told while nothing is found.
const TELL: Duration = Duration::from_millis(100);
/// Largest field that is looked through.
pub const FIELD: u64 = 4 << 20;

/// What is looked for, and where.
#[derive(Clone, Debug)]
pub struct Query {
    /// Where.
    pub sources: Vec<Source>,
    /// A text that stands in the id or in one of [`FIELDS`].
    pub text: Option<Needle>,
    /// Jobs are looked for that do *not* hold the text.
    pub not: bool,
    /// A jq expression that is true of the job as `toril job --json` prints it.
    pub expression: Option<String>,
    /// Jobs that are read, at most.
    pub jobs: u64,
    /// What is masked in what is shown of a place.
    pub mask: Mask,
}

impl PartialEq for Query {
    fn eq(&self, other: &Self) -> bool {
        (&self.sources, &self.text, self.not, &self.expression, self.jobs)
            == (&other.sources, &other.text, other.not, &other.expression, other.jobs)
    }
}

/// Why a search cannot go on.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SearchError {
    /// Redis. The search may be asked again: it goes on where it was.
    #[error(transparent)]
    Redis(#[from] ConnError),
    /// The expression. The search is over.
    #[error(transparent)]
    Expression(#[from] JqError),
}

/// A search under way. Dropping it cancels it.
#[derive(Debug)]
pub struct Search {
    walk: Walk,
    lens: Lens,
    judge: Option<Judge>,
    /// Jobs that the expression is asked about next.
    pending: Batch,
    over: bool,
}

/// What is looked at in a round.
#[derive(Debug)]
struct Lens {
    columns: Columns,
    text: Option<Needle>,
    not: bool,
    mask: Mask,
    /// What an expression cannot be true without.
    sieve: Option<Sieve>,
    /// An expression is asked about the fields that are read.
    documents: bool,
}

impl Search {
    /// Begins; an expression that is none is refused at once.
    pub async fn start(conn: &Conn, query: Query) -> Result<Self, SearchError> {
        let Query { sources, text, not, expression, jobs, mask } = query;
        let judge = match &expression {
            Some(expression) => Some(Judge::start(conn, expression, mask.clone()).await?),
            None => None,
        };
        let mut fields: Vec<&str> = Vec::new();
        let planned = judge.iter().flat_map(|judge| judge.plan.fields.iter().copied());
        let searched = text.iter().flat_map(|_| FIELDS);
        for field in searched.chain(planned).chain(["name", "timestamp"]) {
            if !fields.contains(&field) {
                fields.push(field);
            }
        }
        let columns = Columns::new(&fields, text.is_some());
        let fields = fields.into_iter().map(str::to_owned).collect();
        let walk = Walk::new(conn, sources, Want { fields, jobs, field_max: FIELD });
        let sieve = judge.as_ref().and_then(|judge| Sieve::new(&judge.plan));
        let documents = judge.as_ref().is_some_and(|judge| !judge.plan.whole);
        let lens = Lens { columns, text, not, mask, sieve, documents };
        Ok(Self { walk, lens, judge, pending: Batch::default(), over: false })
    }

    /// What was found since the last time, perhaps nothing: it answers ten times a second. `None` at
    /// the end or at the bound.
    pub async fn next(&mut self) -> Result<Option<Vec<Hit>>, SearchError> {
        if self.over && self.pending.is_empty() {
            return Ok(None);
        }
        let until = Instant::now() + TELL;
        let Some(judge) = &mut self.judge else {
            let mut found = Batch::default();
            self.over = !gather(&mut self.walk, &self.lens, &mut found, until).await?;
            return Ok(Some(found.hits));
        };
        let mut hits = Vec::new();
        loop {
            let asked = std::mem::take(&mut self.pending);
            let (walk, lens, pending) = (&mut self.walk, &self.lens, &mut self.pending);
            let (judged, more) = tokio::join!(judge.ask(&asked), gather(walk, lens, pending, until));
            match judged {
                Ok(judged) => hits.extend(judged),
                Err(error) => {
                    // They are asked about again.
                    let later = std::mem::replace(pending, asked);
                    pending.append(later);
                    return Err(error);
                }
            }
            match more {
                Ok(more) => self.over = !more,
                // What was found first; the error comes again.
                Err(error) if hits.is_empty() => return Err(error.into()),
                Err(_) => return Ok(Some(hits)),
            }
            if (self.over && self.pending.is_empty()) || Instant::now() >= until {
                return Ok(Some(hits));
            }
        }
    }

    /// How far it is.
    pub fn coverage(&self) -> Coverage {
        let coverage = self.walk.coverage();
        Coverage { complete: coverage.complete && self.pending.is_empty(), ..coverage }
    }

    /// What it took so far.
    pub fn cost(&self) -> Cost {
        self.walk.cost()
    }

    /// What a person should know about jobs that an expression said nothing useful of.
    pub fn trouble(&self) -> Trouble {
        self.judge.as_ref().map(|judge| judge.trouble.clone()).unwrap_or_default()
    }
}

/// Reads rounds and keeps of them what may be meant; false at the end.
async fn gather(walk: &mut Walk, lens: &Lens, found: &mut Batch, until: Instant) -> Result<bool, ConnError> {
    while !found.is_full() && Instant::now() < until {
        let Some(round) = walk.next().await? else { return Ok(false) };
        lens.take(round, found);
    }
    Ok(true)
}

impl Lens {
    /// Whether jobs that are asked about may stand in these bytes, or under these ids.
    fn may_hold<'a>(&self, bytes: &[u8], mut ids: impl Iterator<Item = &'a [u8]>) -> bool {
        let text = self.text.as_ref().filter(|_| !self.not);
        let in_text = |text: &Needle| text.is_in(bytes) || ids.any(|id| text.is_in(id));
        text.is_none_or(in_text) && self.sieve.as_ref().is_none_or(|sieve| sieve.lets(bytes))
    }

    fn take(&self, round: Round<'_>, found: &mut Batch) {
        if !self.may_hold(round.bytes(), round.jobs().map(Seen::id_bytes)) {
            return;
        }
        for job in round.jobs() {
            if !self.may_hold(job.bytes(), std::iter::once(job.id_bytes())) {
                continue;
            }
            let place = match &self.text {
                None => None,
                Some(text) => {
                    let place = self.columns.place_of(job, text);
                    if place.is_some() == self.not {
                        continue;
                    }
                    place.zip(Some(text))
                }
            };
            let Some(hit) = self.columns.hit(job, place, &self.mask) else { continue };
            let document = if self.documents { self.columns.document(job) } else { Vec::new() };
            found.push(hit, &document);
        }
    }
}
