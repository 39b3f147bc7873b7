//! Asks an expression about jobs.

use memchr::memmem::Finder;

use super::hit::line;
use super::{FIELD, SearchError};
use crate::conn::Conn;
use crate::engine::read::whole::{self, Want};
use crate::insight::document::Extent;
use crate::insight::find::Hit;
use crate::shell::jq::{Filter, Plan, Verdict};
use crate::text::{Clean, Mask};

/// Jobs that are asked about at once ..
const JOBS: usize = 256;
/// .. and bytes of their documents.
const BYTES: usize = 1 << 20;

/// Jobs that may be meant, with the documents that are asked about.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) hits: Vec<Hit>,
    documents: Vec<u8>,
    /// Where each document ends, its line feed included.
    ends: Vec<usize>,
}

impl Batch {
    pub(super) fn is_empty(&self) -> bool {
        self.hits.is_empty()
    }

    pub(super) fn is_full(&self) -> bool {
        self.hits.len() >= JOBS || self.documents.len() >= BYTES
    }

    pub(super) fn push(&mut self, hit: Hit, document: &[u8]) {
        self.hits.push(hit);
        self.add(document);
    }

    /// Puts those of another batch behind its own.
    pub(super) fn append(&mut self, other: Self) {
        let before = self.documents.len();
        self.hits.extend(other.hits);
        self.documents.extend_from_slice(&other.documents);
        self.ends.extend(other.ends.iter().map(|end| end + before));
    }

    fn add(&mut self, document: &[u8]) {
        self.documents.extend_from_slice(document);
        self.documents.push(b'\n');
        self.ends.push(self.documents.len());
    }

    fn document(&self, at: usize) -> &[u8] {
        let start = if at == 0 { 0 } else { self.ends.get(at - 1).copied().unwrap_or(0) };
        self.ends.get(at).and_then(|end| self.documents.get(start..*end)).unwrap_or_default()
    }
}

/// Texts of which one stands in every job that an expression is true of.
#[derive(Debug)]
pub(super) struct Sieve {
    texts: Vec<Finder<'static>>,
    /// A text may also be written in escapes.
    escaped: Finder<'static>,
}

impl Sieve {
    pub(super) fn new(plan: &Plan) -> Option<Self> {
        let texts = plan.texts.as_ref()?;
        let finder = |text: &String| Finder::new(text.as_bytes()).into_owned();
        Some(Self { texts: texts.iter().map(finder).collect(), escaped: Finder::new(b"\\u").into_owned() })
    }

    pub(super) fn lets(&self, bytes: &[u8]) -> bool {
        self.texts.iter().chain([&self.escaped]).any(|text| text.find(bytes).is_some())
    }
}

/// What a person should know about jobs that did not match.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trouble {
    /// Jobs that the expression failed on.
    pub failed: u64,
    /// Why, for the first of them.
    pub why: Option<Clean>,
    /// Jobs for which it gave neither true nor false.
    pub not_boolean: u64,
}

/// A running expression.
#[derive(Debug)]
pub(super) struct Judge {
    pub(super) plan: Plan,
    pub(super) trouble: Trouble,
    filter: Filter,
    conn: Conn,
    mask: Mask,
    /// Which satellites the expression speaks of.
    extras: bool,
    raw: bool,
}

impl Judge {
    pub(super) async fn start(conn: &Conn, expression: &str, mask: Mask) -> Result<Self, SearchError> {
        let filter = Filter::start(expression).await?;
        Ok(Self {
            plan: Plan::new(expression),
            trouble: Trouble::default(),
            filter,
            conn: conn.clone(),
            mask,
            extras: ["logs", "lock", "children"].iter().any(|word| expression.contains(word)),
            raw: expression.contains("raw"),
        })
    }

    /// Those of the jobs that it is true of.
    pub(super) async fn ask(&mut self, batch: &Batch) -> Result<Vec<Hit>, SearchError> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        let read = if self.plan.whole { Some(self.whole(batch).await?) } else { None };
        let batch = read.as_ref().unwrap_or(batch);
        let verdicts = self.filter.ask_lines(&batch.documents, batch.hits.len()).await?;
        for (at, verdict) in verdicts.iter().enumerate() {
            match verdict {
                Verdict::Failed(why) => {
                    self.trouble.failed += 1;
                    if self.trouble.why.is_none() {
                        // What an expression says of a value may be the value.
                        let secret = !self.mask.places(batch.document(at)).is_empty();
                        self.trouble.why = Some(if secret {
                            Clean::line("why is not told of a job with masked values; --raw tells it")
                        } else {
                            why.clone()
                        });
                    }
                }
                Verdict::NotBoolean => self.trouble.not_boolean += 1,
                Verdict::Match | Verdict::No => {}
            }
        }
        let matched = batch.hits.iter().zip(verdicts);
        Ok(matched.filter(|(_, verdict)| *verdict == Verdict::Match).map(|(hit, _)| hit.clone()).collect())
    }

    /// The same jobs with documents of all that they have. Those that are gone by now are left out.
    async fn whole(&self, batch: &Batch) -> Result<Batch, SearchError> {
        let want = Want { up_to: FIELD, payloads: true, extras: self.extras };
        let extent = Extent { extras: self.extras, raw: self.raw };
        let mut full = Batch::default();
        let same_queue = |a: &Hit, b: &Hit| a.queue == b.queue;
        for hits in batch.hits.chunk_by(same_queue).flat_map(|hits| hits.chunks(whole::ABREAST)) {
            let Some(first) = hits.first() else { continue };
            let ids: Vec<_> = hits.iter().map(|hit| hit.id.clone()).collect();
            let jobs = whole::jobs(&self.conn, &first.queue, &ids, want).await?;
            for (hit, mut job) in hits.iter().zip(jobs) {
                if job.field_count == 0 {
                    continue;
                }
                (job.state, job.due_at) = (Some(hit.state), hit.due_at);
                full.push(hit.clone(), &line(&job, extent));
            }
        }
        Ok(full)
    }
}
