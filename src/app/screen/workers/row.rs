//! The rows: a worker, a queue without one, jobs whose worker cannot be told.

use std::collections::BTreeMap;

use super::OfQueue;
use crate::app::panel::Context;
use crate::app::rows;
use crate::engine::read::running::Running;
use crate::engine::read::workers::Connection;
use crate::insight::workers::{Lack, Need, Usual, Usuals, assign, era};
use crate::monitor::QueueRow;
use crate::monitor::workers::Connected;
use crate::text::{Clean, figure};
use crate::wire::{JobId, QueueId};

/// What a row is about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Kind {
    /// Jobs wait and nobody is connected.
    NoWorker,
    /// Jobs run, and their worker cannot be told, or is not connected.
    Unknown,
    /// A connection of a worker.
    Worker,
}

/// A job that runs.
#[derive(Clone, PartialEq, Debug)]
pub struct Doing {
    /// Which job.
    pub id: JobId,
    /// The id as it is shown.
    pub shown_id: Clean,
    /// Its name.
    pub name: Clean,
    /// When it started, ms by Redis's clock.
    pub started_at: Option<i64>,
    /// How long it is locked, ms; `None`: nobody has its lock.
    pub lock_ms: Option<i64>,
    /// Attempts, this one included where the library counts so.
    pub attempts: u64,
    /// How long its kind usually takes.
    pub usual: Option<Usual>,
}

impl Doing {
    fn new(job: &Running, usuals: Option<&Usuals>) -> Self {
        let name = job.name().cloned().unwrap_or_default();
        Self {
            usual: usuals.and_then(|usuals| usuals.get(&name).copied()),
            id: job.row.id.clone(),
            shown_id: job.row.shown_id.clone(),
            name,
            started_at: job.row.processed_on,
            lock_ms: job.lock.as_ref().map(|_| job.lock_ttl_ms.unwrap_or(i64::MAX)),
            attempts: job.row.attempts_started.unwrap_or(job.row.attempts_made),
        }
    }

    /// Whether it runs far longer than its kind usually does.
    pub fn is_far_longer(&self, now: i64) -> bool {
        let age = self.started_at.map(|at| now.saturating_sub(at));
        self.usual.zip(age).is_some_and(|(usual, age)| usual.is_far_longer(age))
    }
}

/// What holds on to a row: the queue, the connection, the name.
pub type Place = (QueueId, Option<u64>, Clean);

/// A row.
#[derive(Clone, PartialEq, Debug)]
pub struct Row {
    /// What it is about.
    pub kind: Kind,
    /// Whose.
    pub queue: QueueId,
    /// The connection.
    pub id: Option<u64>,
    /// Its name, or what stands for one.
    pub name: Clean,
    /// It has no name of its own.
    pub unnamed: bool,
    /// Where it connects from.
    pub address: Clean,
    /// When it connected, ms since the epoch by this host.
    pub since: Option<i64>,
    /// Its era, as far as that can be told.
    pub era: Option<&'static str>,
    /// The jobs that it runs, as far as they were read, oldest first.
    pub jobs: Vec<Doing>,
    /// How many jobs it runs, or how many wait in a queue without a worker.
    pub running: u64,
    /// When the jobs were read, ms by Redis's clock.
    pub at: i64,
    /// Some of its jobs run far longer than usual.
    pub far: usize,
    /// Some of its jobs have no lock.
    pub lockless: usize,
    /// What is to be said of it.
    pub told: Clean,
    /// Something is wrong.
    fault: bool,
}

impl rows::Row for Row {
    type Key = Place;

    fn key(&self) -> Place {
        (self.queue.clone(), self.id, self.name.clone())
    }
}

impl Row {
    /// Whether it needs somebody.
    pub const fn is_fault(&self) -> bool {
        self.fault || self.far > 0
    }

    /// The worst first.
    pub(super) const fn rank(&self) -> u8 {
        match self.kind {
            Kind::NoWorker if self.fault => 0,
            _ if self.far > 0 => 1,
            Kind::Unknown if self.fault => 2,
            _ => 3,
        }
    }

    /// When the first of its jobs started, ms by Redis's clock.
    pub fn oldest_at(&self) -> Option<i64> {
        self.jobs.iter().filter_map(|job| job.started_at).min()
    }

    fn blank(kind: Kind, queue: &QueueRow) -> Self {
        Self {
            kind,
            queue: queue.id.clone(),
            id: None,
            name: Clean::default(),
            unnamed: true,
            address: Clean::default(),
            since: None,
            era: None,
            jobs: Vec::new(),
            running: 0,
            at: 0,
            far: 0,
            lockless: 0,
            told: Clean::default(),
            fault: false,
        }
    }

    fn settle(&mut self, now: i64) {
        self.far = self.jobs.iter().filter(|job| job.is_far_longer(now)).count();
        self.lockless = self.jobs.iter().filter(|job| job.lock_ms.is_none()).count();
        self.running = self.jobs.len() as u64;
    }
}

/// The rows of one queue.
pub(super) fn of_queue(
    cx: &Context<'_>,
    queue: &QueueRow,
    read: Option<&OfQueue>,
    usuals: Option<&Usuals>,
    rows: &mut Vec<Row>,
) {
    let now = cx.judged_at();
    let none: &[Running] = &[];
    let jobs = read.and_then(|read| read.found.as_deref().ok()).unwrap_or(none);
    let at = read.map_or(0, |read| read.at);
    let known = match &cx.snapshot.connected {
        Connected::Known { at, roster } => Some((*at, roster.of(&queue.id))),
        Connected::Unknown | Connected::NotPermitted => None,
    };
    let (seen_at, workers) = known.clone().unwrap_or_default();
    let assigned = assign(&workers, jobs);
    for (worker, mine) in workers.iter().zip(&assigned.by_worker) {
        let mut row = connection(queue, worker, seen_at);
        row.jobs = mine.iter().map(|at| Doing::new(&jobs[*at], usuals)).collect();
        row.at = at;
        row.settle(now);
        row.told = told(&row, now);
        rows.push(row);
    }
    // Jobs that say who runs them, and those that do not.
    let mut others: BTreeMap<Option<Clean>, Vec<Doing>> = BTreeMap::new();
    for at in assigned.unknown {
        others.entry(jobs[at].row.worker.clone()).or_default().push(Doing::new(&jobs[at], usuals));
    }
    for (name, jobs) in others {
        let mut row = Row::blank(Kind::Unknown, queue);
        row.unnamed = name.is_none();
        row.name = name.clone().unwrap_or_else(|| Clean::line("(not told)"));
        row.jobs = jobs;
        row.at = at;
        row.settle(now);
        // Nobody has locked it: nobody runs it any more.
        row.fault = row.lockless > 0;
        let alike = workers.iter().filter(|worker| worker.name == name).count();
        row.told = unknown(&row, known.is_some(), alike);
        rows.push(row);
    }
    let mut need = Need::of(queue, now);
    // Where the locks were read they tell better than the age of a job whether somebody is at work.
    if !jobs.is_empty() {
        need.at_work = jobs.iter().any(|job| job.lock.is_some());
        need.abandoned = jobs.iter().filter(|job| job.lock.is_none()).count() as u64;
    }
    if let Some(lack) = need.lack().filter(|_| workers.is_empty()) {
        rows.push(lonely(queue, &need, lack));
    }
}

fn connection(queue: &QueueRow, worker: &Connection, seen_at: i64) -> Row {
    let age = i64::try_from(worker.age_s).unwrap_or(i64::MAX / 1000).saturating_mul(1000);
    Row {
        id: Some(worker.id),
        unnamed: worker.name.is_none(),
        name: worker.name.clone().unwrap_or_else(|| worker.address.clone()),
        address: worker.address.clone(),
        since: Some(seen_at.saturating_sub(age)),
        era: era(worker.waits, queue.era),
        ..Row::blank(Kind::Worker, queue)
    }
}

fn lonely(queue: &QueueRow, need: &Need, lack: Lack) -> Row {
    let mut row = Row::blank(Kind::NoWorker, queue);
    row.name = Clean::line("no worker");
    row.running = queue.backlog.saturating_sub(queue.counts.active);
    row.fault = lack == Lack::Now;
    row.told = need.sentence();
    row
}

/// What a worker does, in a sentence.
fn told(row: &Row, now: i64) -> Clean {
    let worst = row.jobs.iter().find(|job| job.is_far_longer(now));
    if let Some((job, usual)) = worst.and_then(|job| Some((job, job.usual?))) {
        let age = job.started_at.map_or(0, |at| now.saturating_sub(at));
        return Clean::line(format!(
            "{} {} runs for {}; usual {}, at most {} of the last {}",
            job.name,
            job.shown_id,
            figure::duration(age),
            figure::duration(usual.median_ms),
            figure::duration(usual.longest_ms),
            usual.jobs
        ));
    }
    Clean::line(match row.jobs.as_slice() {
        [] => "runs nothing that is known to be its own".to_owned(),
        [one] => format!("runs {} {}", one.name, one.shown_id),
        jobs => format!("runs {} jobs", figure::count(jobs.len() as u64)),
    })
}

fn unknown(row: &Row, permitted: bool, alike: usize) -> Clean {
    let jobs = match row.running {
        1 => "1 job runs".to_owned(),
        n => format!("{} jobs run", figure::count(n)),
    };
    let why = match (permitted, row.unnamed, alike) {
        (false, ..) => "this account may not list clients".to_owned(),
        (_, true, 0) => "no worker without a name is connected".to_owned(),
        (_, true, 1) => "of more than one holder of locks".to_owned(),
        (_, true, n) => format!("{n} workers without a name are connected"),
        (_, false, 0) => "no worker of this name is connected".to_owned(),
        (_, false, 1) => "the worker has not its lock".to_owned(),
        (_, false, n) => format!("{n} workers have this name"),
    };
    let lost = match row.lockless {
        0 => String::new(),
        1 => "; 1 of them has no lock: it will count as stalled".to_owned(),
        n => format!("; {n} of them have no lock: they will count as stalled"),
    };
    Clean::line(format!("{jobs}, by whom cannot be told: {why}{lost}"))
}
