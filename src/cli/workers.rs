//! `toril workers`: who does what.

use std::collections::HashMap;

use serde::Serialize;

use super::act::server_time;
use super::args::WorkersArgs;
use super::discover;
use super::failure::{Failure, exit};
use super::figures::{span, thousands};
use super::resolve::{self, Found};
use super::session::Session;
use super::table::{Cell, Table, Tone};
use crate::conn::{ConnError, Kind};
use crate::engine::read;
use crate::engine::read::running::{Running, durations, running};
use crate::engine::read::workers::{Connection, Roster};
use crate::insight::workers::{Need, OVERDUE_MS, Usual, Usuals, assign, era, usuals};
use crate::text::Clean;
use crate::wire::QueueId;

/// Completed jobs of a queue that tell what is usual.
const COMPLETED: u64 = 100;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    at: i64,
    /// Whether the account may list clients; without that nobody knows who is connected.
    permitted: bool,
    workers: Vec<Worker>,
    /// Jobs that run, and whose worker cannot be told.
    unassigned: Vec<Unassigned>,
    /// Queues that have jobs and no worker.
    without_worker: Vec<Lonely>,
    /// Every running job was read.
    complete: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Worker {
    queue: String,
    prefix: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    address: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    era: Option<&'static str>,
    idle_ms: u64,
    connected_ms: u64,
    jobs: Vec<Job>,
}

#[derive(Serialize)]
struct Unassigned {
    queue: String,
    prefix: String,
    jobs: Vec<Job>,
}

#[derive(Serialize)]
struct Lonely {
    queue: String,
    prefix: String,
    ready: u64,
    delayed: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Job {
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    active_ms: Option<i64>,
    /// Ms; null: nobody has its lock.
    lock_ttl: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    processed_by: Option<String>,
    /// How long the newest completed jobs of its name took, in the middle.
    #[serde(skip_serializing_if = "Option::is_none")]
    usual_ms: Option<i64>,
    /// It runs far longer than its kind usually does.
    far_longer: bool,
}

/// One queue with all that was read of it.
struct Seen {
    queue: Found,
    jobs: Vec<Running>,
    total: u64,
    usuals: Usuals,
    now: i64,
}

impl Seen {
    fn usual(&self, job: &Running) -> Option<Usual> {
        self.usuals.get(job.name()?).copied()
    }

    fn is_far_longer(&self, job: &Running) -> bool {
        self.usual(job).zip(job.age_ms(self.now)).is_some_and(|(usual, age)| usual.is_far_longer(age))
    }

    fn job(&self, job: &Running) -> Job {
        Job {
            id: job.row.id.lossless().into_owned(),
            active_ms: job.age_ms(self.now),
            lock_ttl: job.lock_ttl_ms,
            name: job.name().map(ToString::to_string),
            processed_by: job.row.worker.as_ref().map(ToString::to_string),
            usual_ms: self.usual(job).map(|usual| usual.median_ms),
            far_longer: self.is_far_longer(job),
        }
    }

    /// What tells whether a worker is there for its jobs.
    fn need(&self, roster: Option<&Roster>) -> Need {
        let (counts, overview) = (&self.queue.counts, &self.queue.overview);
        Need {
            connected: roster.map(|roster| roster.of(&self.queue.id).len() as u64),
            at_work: self.jobs.iter().any(|job| job.lock.is_some()),
            ready: counts.ready(self.queue.era),
            overdue: overview.next_due_at.is_some_and(|at| self.now.saturating_sub(at) > OVERDUE_MS),
            abandoned: self.jobs.iter().filter(|job| job.lock.is_none()).count() as u64,
            later: counts.delayed + counts.waiting_children,
            paused: overview.is_paused(),
        }
    }
}

/// Lists workers with what they run.
pub async fn run(session: &mut Session, args: &WorkersArgs) -> Result<u8, Failure> {
    let queues = if let Some(name) = &args.queue {
        vec![resolve::queue(session, name).await?]
    } else {
        let found = discover::queues(session).await?;
        if let Some(name) = found.missing.first() {
            return Err(resolve::absent(&session.settings.prefixes, name));
        }
        resolve::existing(session, &found.queues).await?
    };
    let roster = match read::roster(&session.conn).await {
        Ok(roster) => Some(roster),
        Err(ConnError { kind: Kind::Permission | Kind::Reply, message, .. }) => {
            session.note(format_args!("workers are not known: {message}"));
            None
        }
        Err(error) => return Err(error.into()),
    };
    let began = server_time(session).await?;
    let mut seen = Vec::with_capacity(queues.len());
    for queue in queues {
        let mut one = Seen { queue, jobs: Vec::new(), total: 0, usuals: HashMap::new(), now: began };
        if one.queue.counts.active > 0 {
            let (conn, id) = (&session.conn, &one.queue.id);
            let mask = &session.settings.mask;
            let (total, jobs) = running(conn, one.queue.era, id, args.limit).await?;
            (one.total, one.jobs) = (total, jobs.into_iter().map(|job| job.masked(mask)).collect());
            one.now = server_time(session).await?;
            one.usuals = usuals(&durations(conn, id, COMPLETED).await?, mask);
        }
        seen.push(one);
    }
    if session.json {
        let document = document(session, roster.as_ref(), &seen);
        session.out.json(&document)?;
    } else {
        table(session, roster.as_ref(), &seen)?;
    }
    Ok(exit::DONE)
}

fn document(session: &Session, roster: Option<&Roster>, seen: &[Seen]) -> Document {
    let mut document = Document {
        at: session.clock.now_ms(),
        permitted: roster.is_some(),
        workers: Vec::new(),
        unassigned: Vec::new(),
        without_worker: Vec::new(),
        complete: seen.iter().all(|one| one.jobs.len() as u64 >= one.total),
    };
    let text = |clean: &Clean| clean.to_string();
    for one in seen {
        let id = &one.queue.id;
        let (queue, prefix) = (id.name.lossless().into_owned(), id.prefix.lossless().into_owned());
        let workers = roster.map(|roster| roster.of(id)).unwrap_or_default();
        let assigned = assign(&workers, &one.jobs);
        for (worker, jobs) in workers.iter().zip(&assigned.by_worker) {
            document.workers.push(Worker {
                queue: queue.clone(),
                prefix: prefix.clone(),
                name: worker.name.as_ref().map(text),
                address: text(&worker.address),
                era: era(worker.waits, one.queue.era),
                idle_ms: worker.idle_s.saturating_mul(1000),
                connected_ms: worker.age_s.saturating_mul(1000),
                jobs: jobs.iter().map(|at| one.job(&one.jobs[*at])).collect(),
            });
        }
        if !assigned.unknown.is_empty() {
            let jobs = assigned.unknown.iter().map(|at| one.job(&one.jobs[*at])).collect();
            document.unassigned.push(Unassigned { queue: queue.clone(), prefix: prefix.clone(), jobs });
        }
        let need = one.need(roster);
        if need.lack().is_some() {
            let delayed = one.queue.counts.delayed;
            document.without_worker.push(Lonely { queue, prefix, ready: need.ready, delayed });
        }
    }
    document
}

fn table(session: &mut Session, roster: Option<&Roster>, seen: &[Seen]) -> Result<(), Failure> {
    let mut table = Table::new(&[
        "QUEUE", "WORKER", "ADDRESS", ">SINCE", "ERA", ">JOBS", "LONGEST", ">FOR", ">USUAL", ">LOCK", "",
    ]);
    let mut rows = 0;
    let mut sentences = Vec::new();
    let several = seen.iter().any(|one| one.queue.id.prefix != seen[0].queue.id.prefix);
    let shown = |id: &QueueId| if several { id.clean() } else { id.name.clean() };
    for one in seen {
        let name = shown(&one.queue.id);
        let workers = roster.map(|roster| roster.of(&one.queue.id)).unwrap_or_default();
        let assigned = assign(&workers, &one.jobs);
        for (worker, jobs) in workers.iter().zip(&assigned.by_worker) {
            let jobs: Vec<&Running> = jobs.iter().map(|at| &one.jobs[*at]).collect();
            table.row(cells(&name, Some(worker), one, &jobs));
            rows += 1;
        }
        let unknown: Vec<&Running> = assigned.unknown.iter().map(|at| &one.jobs[*at]).collect();
        if !unknown.is_empty() {
            table.row(cells(&name, None, one, &unknown));
            rows += 1;
        }
        let need = one.need(roster);
        if need.lack().is_some() {
            sentences.push(format!("{name}: {}", need.sentence()));
        }
        if (one.jobs.len() as u64) < one.total {
            sentences.push(format!("{name}: {} of {} running jobs", one.jobs.len(), thousands(one.total)));
        }
    }
    if rows > 0 {
        table.print(&mut session.out)?;
    } else if roster.is_some() && sentences.is_empty() {
        session.out.line(format_args!("No worker is connected, and no job waits for one."))?;
    }
    for sentence in sentences {
        session.out.line(Clean::line(sentence))?;
    }
    Ok(())
}

fn cells(queue: &Clean, worker: Option<&&Connection>, one: &Seen, jobs: &[&Running]) -> Vec<Cell> {
    let dash = || Cell::right("-").tone(Tone::Dim);
    let first = jobs.first();
    let far = jobs.iter().filter(|job| one.is_far_longer(job)).count();
    let ago = |s: u64| span(i64::try_from(s).unwrap_or(i64::MAX / 1000).saturating_mul(1000));
    vec![
        Cell::text(queue.clone()),
        match worker {
            Some(worker) => Cell::text(worker.name.clone().unwrap_or_else(|| Clean::line("-"))),
            None => Cell::word("(cannot be told)").tone(Tone::Dim),
        },
        Cell::text(worker.map(|worker| worker.address.clone()).unwrap_or_default()),
        worker.map_or_else(dash, |worker| Cell::right(ago(worker.age_s))),
        Cell::word(worker.and_then(|worker| era(worker.waits, one.queue.era)).unwrap_or("-")),
        Cell::count(jobs.len() as u64),
        Cell::text(first.map_or_else(Clean::default, |job| {
            Clean::line(format!(
                "{} {}",
                job.name().cloned().unwrap_or_default().cut(30),
                job.row.shown_id.cut(40)
            ))
        })),
        first.and_then(|job| job.age_ms(one.now)).map_or_else(dash, |ms| Cell::right(span(ms))),
        first.and_then(|job| one.usual(job)).map_or_else(dash, |usual| Cell::right(span(usual.median_ms))),
        match first {
            Some(job) => match job.lock_ttl_ms {
                Some(ms) => Cell::right(span(ms)),
                None => Cell::right("none").tone(Tone::Alert),
            },
            None => dash(),
        },
        match far {
            0 => Cell::word(""),
            1 => Cell::word("far longer than usual").tone(Tone::Alert),
            n => Cell::word(format!("{n} far longer than usual")).tone(Tone::Alert),
        },
    ]
}
