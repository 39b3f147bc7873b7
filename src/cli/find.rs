//! `toril find`.

use std::io::IsTerminal as _;

use serde::Serialize;

use super::args::FindArgs;
use super::failure::{Failure, exit};
use super::figures::{bytes, thousands};
use super::resolve;
use super::scan::{refused, tell};
use super::session::Session;
use super::{discover, table};
use crate::engine::read::locate;
use crate::engine::read::walk::{Cost, Coverage, Source};
use crate::engine::read::whole::{self, Want};
use crate::insight::document::{Extent, Job};
use crate::insight::find::{Hit, Needle};
use crate::shell::search::{Query, Search};
use crate::text::{Clean, figure};
use crate::wire::{Era, JobId, QueueId, State};

/// Largest field of a job that is printed with `--full`.
const LARGEST: u64 = super::jobs::LARGEST;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    queue: &'a str,
    prefix: &'a str,
    id: &'a str,
    /// `null`: the hash is there, and no structure of the queue names it.
    state: Option<&'static str>,
    /// `id`, or the field in which the text stands; `null`: an expression is true of it.
    r#where: Option<&'static str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    excerpt: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Last {
    scanned: u64,
    total: u64,
    found: u64,
    complete: bool,
}

/// Where a job was found.
struct Found {
    queue: QueueId,
    id: JobId,
    state: Option<State>,
    due_at: Option<i64>,
    place: Option<&'static str>,
    name: Clean,
    excerpt: Clean,
}

impl From<Hit> for Found {
    fn from(hit: Hit) -> Self {
        Self {
            queue: hit.queue,
            id: hit.id,
            state: Some(hit.state),
            due_at: hit.due_at,
            place: hit.place,
            name: hit.name,
            excerpt: hit.excerpt,
        }
    }
}

/// Finds jobs.
pub async fn run(session: &mut Session, args: &FindArgs) -> Result<u8, Failure> {
    let discovered = discover::queues(session).await?;
    if let Some(name) = discovered.missing.first() {
        return Err(resolve::absent(&session.settings.prefixes, name));
    }
    let mut finder = Finder { session, args, found: 0, progress: Progress::default() };
    if let (Some(text), None, false) = (&args.text, &args.filter, args.text_only) {
        finder.by_id(&discovered.queues, text).await?;
    }
    let searched = !args.id_only && finder.found == 0;
    let coverage = if searched {
        finder.by_content(&discovered.queues).await?
    } else {
        Coverage { complete: true, ..Coverage::default() }
    };
    let found = finder.found;
    let last = Last {
        scanned: coverage.read,
        total: coverage.total,
        found,
        complete: coverage.complete && discovered.complete,
    };
    if session.json {
        session.out.json(&last)?;
    } else if found == 0 {
        session.out.flush()?;
        session.warn("nothing was found");
    }
    Ok(exit::DONE)
}

struct Finder<'a> {
    session: &'a mut Session,
    args: &'a FindArgs,
    found: u64,
    progress: Progress,
}

impl Finder<'_> {
    async fn by_id(&mut self, queues: &[QueueId], text: &str) -> Result<(), Failure> {
        let id = JobId::new(text);
        let places = locate::by_id(&self.session.conn, queues, &id).await?;
        let wanted = |state: Option<State>| {
            self.args.state.is_empty() || state.is_some_and(|state| self.args.state.contains(&state))
        };
        let found: Vec<Found> = places
            .into_iter()
            .filter(|place| wanted(place.state))
            .map(|place| Found {
                queue: place.queue,
                id: id.clone(),
                state: place.state,
                due_at: None,
                place: Some("id"),
                name: Clean::default(),
                excerpt: Clean::default(),
            })
            .collect();
        self.print(found).await
    }

    async fn by_content(&mut self, queues: &[QueueId]) -> Result<Coverage, Failure> {
        let states = if self.args.state.is_empty() { &State::ALL[..] } else { &self.args.state };
        let known = resolve::existing(self.session, queues).await?;
        let eras = known.iter().map(|queue| (&queue.id, queue.era));
        let sources = eras.flat_map(|(queue, era): (&QueueId, Era)| Source::of(queue, era, states)).collect();
        let text = self.args.text.as_ref().map(|text| Needle::new(text, self.args.ignore_case));
        let query = Query {
            sources,
            text,
            not: false,
            expression: self.args.filter.clone(),
            jobs: self.args.scan,
            mask: self.session.settings.mask.clone(),
        };
        let mut search = Search::start(&self.session.conn, query).await.map_err(refused)?;
        let mut cut = false;
        while let Some(hits) = search.next().await.map_err(refused)? {
            let left = usize::try_from(self.args.limit - self.found).unwrap_or(usize::MAX);
            cut = hits.len() >= left;
            self.progress.clear();
            self.print(hits.into_iter().take(left).map(Found::from).collect()).await?;
            if cut {
                break;
            }
            self.progress.show(search.coverage(), search.cost(), self.found);
        }
        self.progress.clear();
        self.session.out.flush()?;
        let mut coverage = search.coverage();
        coverage.complete &= !cut;
        self.summary(coverage, search.cost(), cut);
        tell(self.session, &search.trouble(), coverage);
        Ok(coverage)
    }

    /// How far it went, how fast and at what cost: on stderr, so that it is in nobody's way.
    fn summary(&self, coverage: Coverage, cost: Cost, cut: bool) {
        let how = match (coverage.complete, cut) {
            (true, _) => "all that there was",
            (false, true) => "--limit N finds more",
            (false, false) if coverage.read >= self.args.scan => "--scan N reads more",
            (false, false) => "not all of it: some moved on or could not be read",
        };
        let text = sentence(coverage, cost, self.found);
        self.session.warn(format!("{text}; {how}"));
    }

    async fn print(&mut self, found: Vec<Found>) -> Result<(), Failure> {
        self.found += found.len() as u64;
        if self.args.full {
            return self.export(&found).await;
        }
        for found in &found {
            let (queue, prefix) = (found.queue.name.lossless(), found.queue.prefix.lossless());
            if self.session.json {
                self.session.out.json(&Line {
                    queue: &queue,
                    prefix: &prefix,
                    id: &found.id.lossless(),
                    state: found.state.map(State::name),
                    r#where: found.place,
                    name: found.name.as_str(),
                    excerpt: found.excerpt.as_str(),
                })?;
            } else {
                let state = found.state.map_or("in no list", State::name);
                let place = match found.place {
                    Some("id") if found.excerpt.is_empty() => "its id".to_owned(),
                    Some(place) => format!("{place}: "),
                    None => String::new(),
                };
                let line = [
                    table::pad(&found.queue.name.clean(), 24),
                    table::pad(&Clean::line(state), 16),
                    table::pad(&found.id.clean(), 12),
                    table::pad(&found.name, 16),
                    Clean::line(format!("{place}{}", found.excerpt)),
                ];
                let line: Vec<&str> = line.iter().map(Clean::as_str).collect();
                self.session.out.line(line.join("  ").trim_end())?;
            }
        }
        // Seen as they are found.
        Ok(self.session.out.flush()?)
    }

    /// Whole jobs as they are now.
    async fn export(&mut self, found: &[Found]) -> Result<(), Failure> {
        let want = Want { up_to: LARGEST, payloads: true, extras: false };
        let same_queue = |a: &Found, b: &Found| a.queue == b.queue;
        for found in found.chunk_by(same_queue).flat_map(|found| found.chunks(whole::ABREAST)) {
            let Some(first) = found.first() else { continue };
            let ids: Vec<_> = found.iter().map(|found| found.id.clone()).collect();
            let jobs = whole::jobs(&self.session.conn, &first.queue, &ids, want).await?;
            for (found, mut job) in found.iter().zip(jobs) {
                if job.field_count == 0 {
                    continue;
                }
                (job.state, job.due_at) = (found.state, found.due_at);
                let job = job.masked(&self.session.settings.mask);
                self.session.out.json(&Job::new(&job, Extent { extras: false, raw: false }))?;
            }
        }
        Ok(self.session.out.flush()?)
    }
}

/// `12,400 of 1,200,000 read, newest first, 118k/s, Redis 3.1 %, 14 MB; 3 found`.
fn sentence(coverage: Coverage, cost: Cost, found: u64) -> String {
    format!(
        "{} of {} jobs read, newest first, {}/s, {} % of Redis's time, {}; {} found",
        thousands(coverage.read),
        thousands(coverage.total),
        figure::count_in(cost.per_second as u64, 5),
        figure::percent(cost.share()),
        bytes(cost.bytes),
        thousands(found),
    )
}

/// A line on a terminal's stderr that is written over and over.
#[derive(Debug, Default)]
struct Progress {
    shown: bool,
}

impl Progress {
    fn show(&mut self, coverage: Coverage, cost: Cost, found: u64) {
        if std::io::stderr().is_terminal() {
            super::output::over(&Clean::line(sentence(coverage, cost, found)));
            self.shown = true;
        }
    }

    fn clear(&mut self) {
        if std::mem::take(&mut self.shown) {
            super::output::over(&Clean::default());
        }
    }
}
