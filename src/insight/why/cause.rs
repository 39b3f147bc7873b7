//! What a cause is: a name, evidence, advice, and the deed where there is one.

use crate::text::{Clean, figure};
use crate::wire::{JobId, QueueId};

/// How bad a cause is; the order is that in which they are told.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Weight {
    /// No job starts because of it.
    Stops,
    /// Some jobs do not start because of it.
    Holds,
    /// Jobs start later than they should.
    Slows,
}

impl Weight {
    /// Its word in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stops => "stops",
            Self::Holds => "holds",
            Self::Slows => "slows",
        }
    }
}

/// A cause.
#[derive(Clone, PartialEq, Debug)]
pub struct Cause {
    /// Its name for programs: `no-worker`.
    pub id: &'static str,
    /// How bad it is.
    pub weight: Weight,
    /// What is the matter, in one sentence without its full stop.
    pub title: Clean,
    /// The evidence.
    pub facts: Vec<Fact>,
    /// The jobs that hold the queue up, or that are held.
    pub jobs: Vec<Held>,
    /// What to do, in one sentence without its full stop.
    pub advice: Clean,
    /// The command line that does it, where there is one; `QUEUE` stands for the queue.
    pub command: Option<Clean>,
    /// What can be done at once.
    pub deed: Option<Deed>,
}

/// A piece of evidence.
#[derive(Clone, PartialEq, Debug)]
pub struct Fact {
    /// Its name in JSON: `oldestWaitMs`.
    pub key: &'static str,
    /// Its name for people.
    pub label: &'static str,
    /// What it is.
    pub value: Value,
}

/// The value of a piece of evidence.
#[derive(Clone, PartialEq, Debug)]
pub enum Value {
    /// So many of something.
    Count(u64),
    /// So many bytes.
    Bytes(u64),
    /// A stretch of time, ms.
    Span(i64),
    /// A moment, ms since the epoch by Redis's clock.
    At(i64),
    /// A share, 0 to 1.
    Share(f64),
    /// Yes or no.
    Flag(bool),
    /// A word or sentence.
    Text(Clean),
    /// Ids of jobs.
    Ids(Vec<JobId>),
}

impl Value {
    /// The value for people. `now` is Redis's clock, ms since the epoch.
    pub fn shown(&self, now: i64) -> Clean {
        match self {
            Self::Count(n) => figure::count(*n),
            Self::Bytes(n) => figure::bytes(*n),
            Self::Span(ms) => figure::duration(*ms),
            Self::At(at) => {
                let away = at.saturating_sub(now);
                let words = figure::duration(away.saturating_abs());
                let (before, after) = if away > 0 { ("in ", "") } else { ("", " ago") };
                Clean::line(format!("{} ({before}{words}{after})", figure::date_time(*at)))
            }
            Self::Share(share) => Clean::line(format!("{} %", figure::percent(*share))),
            Self::Flag(flag) => Clean::line(if *flag { "yes" } else { "no" }),
            Self::Text(text) => text.clone(),
            Self::Ids(ids) => {
                let shown: Vec<String> = ids.iter().map(|id| id.clean().as_str().to_owned()).collect();
                Clean::line(shown.join(" "))
            }
        }
    }

    /// The value for programs: times and stretches in ms, sizes in bytes.
    pub fn json(&self) -> serde_json::Value {
        match self {
            Self::Count(n) | Self::Bytes(n) => (*n).into(),
            Self::Span(ms) | Self::At(ms) => (*ms).into(),
            Self::Share(share) => (*share).into(),
            Self::Flag(flag) => (*flag).into(),
            Self::Text(text) => text.as_str().into(),
            Self::Ids(ids) => ids.iter().map(|id| id.lossless().into_owned()).collect(),
        }
    }
}

/// A job that is part of the evidence.
#[derive(Clone, PartialEq, Debug)]
pub struct Held {
    /// Its queue.
    pub queue: QueueId,
    /// Its id.
    pub id: JobId,
    /// Its name.
    pub name: Option<Clean>,
    /// Who runs it.
    pub worker: Option<Clean>,
    /// For how long it runs, ms.
    pub active_ms: Option<i64>,
    /// Time that is left of its lock, ms; `None`: nobody holds it, or it does not run.
    pub lock_ms: Option<i64>,
    /// What is to be known of it besides: `failed: boom`.
    pub note: Clean,
}

impl Held {
    /// A job with a note.
    pub fn noted(queue: &QueueId, id: &JobId, note: impl AsRef<[u8]>) -> Self {
        Self {
            queue: queue.clone(),
            id: id.clone(),
            name: None,
            worker: None,
            active_ms: None,
            lock_ms: None,
            note: Clean::line(note),
        }
    }

    fn json(&self) -> serde_json::Value {
        let mut job = serde_json::json!({
            "queue": self.queue.name.lossless(),
            "prefix": self.queue.prefix.lossless(),
            "id": self.id.lossless(),
        });
        let mut put = |key: &str, value: Option<serde_json::Value>| {
            if let Some(value) = value {
                job[key] = value;
            }
        };
        put("name", self.name.as_ref().map(|name| name.as_str().into()));
        put("worker", self.worker.as_ref().map(|worker| worker.as_str().into()));
        put("activeMs", self.active_ms.map(Into::into));
        put("lockTtl", self.lock_ms.map(Into::into));
        put("note", (!self.note.is_empty()).then(|| self.note.as_str().into()));
        job
    }
}

/// What can be done about a cause at once.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Deed {
    /// Resume the queue.
    Resume,
    /// Merge its two lists.
    Merge,
    /// End the wait of the rate limit.
    Release,
    /// Look at a job.
    Open(QueueId, JobId),
}

impl Cause {
    /// A cause without evidence yet.
    pub fn new(id: &'static str, weight: Weight, title: impl AsRef<[u8]>, advice: impl AsRef<[u8]>) -> Self {
        Self {
            id,
            weight,
            title: Clean::line(title),
            facts: Vec::new(),
            jobs: Vec::new(),
            advice: Clean::line(advice),
            command: None,
            deed: None,
        }
    }

    /// Adds a piece of evidence.
    #[must_use]
    pub fn fact(mut self, key: &'static str, label: &'static str, value: Value) -> Self {
        self.facts.push(Fact { key, label, value });
        self
    }

    /// Adds a count.
    #[must_use]
    pub fn count(self, key: &'static str, label: &'static str, n: u64) -> Self {
        self.fact(key, label, Value::Count(n))
    }

    /// Adds a piece of evidence, if there is one.
    #[must_use]
    pub fn maybe(self, key: &'static str, label: &'static str, value: Option<Value>) -> Self {
        match value {
            Some(value) => self.fact(key, label, value),
            None => self,
        }
    }

    /// Adds jobs.
    #[must_use]
    pub fn jobs(mut self, jobs: impl IntoIterator<Item = Held>) -> Self {
        self.jobs.extend(jobs);
        self
    }

    /// The command line that does what is advised.
    #[must_use]
    pub fn command(mut self, command: impl AsRef<[u8]>) -> Self {
        self.command = Some(Clean::line(command));
        self
    }

    /// What can be done at once.
    #[must_use]
    pub fn deed(mut self, deed: Deed) -> Self {
        self.deed = Some(deed);
        self
    }

    /// The evidence for programs.
    pub fn evidence(&self) -> serde_json::Value {
        let mut out = serde_json::Map::new();
        for fact in &self.facts {
            out.insert(fact.key.to_owned(), fact.value.json());
        }
        if !self.jobs.is_empty() {
            out.insert("jobs".to_owned(), self.jobs.iter().map(Held::json).collect());
        }
        out.into()
    }

    /// The command line, where the queue is called so.
    pub fn command_for(&self, queue: &str) -> Option<Clean> {
        Some(Clean::line(self.command.as_ref()?.as_str().replace("QUEUE", queue)))
    }

    /// The advice with its command line.
    pub fn advice_for(&self, queue: &str) -> Clean {
        match self.command_for(queue) {
            Some(command) => Clean::line(format!("{}: {command}", self.advice)),
            None => self.advice.clone(),
        }
    }
}
