//! Entries as typed events (spec, section 10).

use serde::de::DeserializeOwned;

use super::StreamId;
use crate::wire::event::Entry;
use crate::wire::{JobId, Raw, State, number};

/// A value that whoever wrote it wrote as JSON: a job's return value, its progress.
///
/// The text is kept byte for byte, so what does not fit the type that you expect is not lost.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JsonText(Raw);

impl JsonText {
    /// Takes the text as it is, JSON or not.
    pub fn new(text: impl AsRef<[u8]>) -> Self {
        Self(Raw::new(text))
    }

    /// The text as it stands in Redis.
    pub fn raw(&self) -> &Raw {
        &self.0
    }

    /// The value, read as `T`.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_slice(self.0.as_bytes())
    }
}

/// An entry of a queue's event stream.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct QueueEvent {
    /// Its place in the stream: a cursor that goes on behind it. Of [`EventKind::Gap`] it is the place
    /// from which the stream goes on.
    pub id: StreamId,
    /// What happened.
    pub kind: EventKind,
    /// The entry as it is, every field in its order, also those that `kind` has no place for. Empty
    /// where there is no entry ([`EventKind::Gap`]).
    pub fields: Vec<(Raw, Raw)>,
}

/// What happened, with the fields of each event of BullMQ 5 and 6 (spec, section 10).
///
/// `prev` is the state that a job came from: `None` where the library tells none, or one that is no
/// state (`removed` may say `unknown`; it then stands in [`QueueEvent::fields`]).
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum EventKind {
    /// A job was stored; where it went comes next.
    Added {
        /// Which job.
        job: JobId,
        /// Its name.
        name: Raw,
    },
    /// A job is ready: in `wait`, in `prioritized`, or in the list of a paused queue.
    Waiting {
        /// Which job.
        job: JobId,
        /// `None` when it was just added.
        prev: Option<State>,
    },
    /// A job waits for its time: it was added so, or its next attempt comes later.
    Delayed {
        /// Which job.
        job: JobId,
        /// When it is due, ms since the epoch (the field is called `delay`, and is not one).
        due_at: i64,
    },
    /// A parent waits for its children.
    WaitingChildren {
        /// Which job.
        job: JobId,
        /// `None` when it was just added.
        prev: Option<State>,
    },
    /// A worker took a job.
    Active {
        /// Which job.
        job: JobId,
        /// Always `waiting`, wherever it was (spec 3.10).
        prev: Option<State>,
    },
    /// A job told how far it is.
    Progress {
        /// Which job.
        job: JobId,
        /// A number or any JSON.
        data: JsonText,
    },
    /// A job is done.
    Completed {
        /// Which job.
        job: JobId,
        /// What its handler returned.
        value: JsonText,
        /// Always `active`.
        prev: Option<State>,
    },
    /// A job failed for good. An attempt that is followed by another one tells only `waiting` or
    /// `delayed`.
    Failed {
        /// Which job.
        job: JobId,
        /// The text of the error.
        reason: Raw,
        /// Always `active`.
        prev: Option<State>,
    },
    /// A job failed and had no attempts left. Not told of one that gave up before its last attempt.
    RetriesExhausted {
        /// Which job.
        job: JobId,
        /// Attempts that were made.
        attempts_made: u64,
    },
    /// A job lost its worker and is ready again; `waiting` comes before it.
    Stalled {
        /// Which job.
        job: JobId,
    },
    /// A job was removed by hand; removal by a keep policy, `clean` or `drain` is not told.
    Removed {
        /// Which job.
        job: JobId,
        /// Where it was.
        prev: Option<State>,
    },
    /// A job with the id of one that exists was to be added.
    Duplicated {
        /// The job that exists.
        job: JobId,
    },
    /// A job was not added, or replaced another one, because of its deduplication id.
    Deduplicated {
        /// The job that stays; in replace mode BullMQ swaps the two (spec 16.12).
        job: JobId,
        /// The deduplication id.
        deduplication_id: Raw,
        /// The job that does not stay.
        deduplicated_job: JobId,
    },
    /// The same under its older name (era 5), told beside [`EventKind::Deduplicated`].
    Debounced {
        /// The job that stays.
        job: JobId,
        /// The deduplication id.
        debounce_id: Raw,
    },
    /// A worker ended a job and found none waiting. Delayed jobs, a rate limit or a pause keep it from
    /// being told (spec 6.2).
    Drained,
    /// The queue was paused.
    Paused,
    /// The queue was resumed.
    Resumed,
    /// Jobs were cleaned.
    Cleaned {
        /// How many.
        count: u64,
    },
    /// Anything else: what an [`EventsProducer`](super::EventsProducer) published, an event of a
    /// release that came later, or one of the above whose fields are not what they should be. All of it is
    /// in [`QueueEvent::fields`].
    Custom {
        /// The field `event`; empty where there is none.
        name: Raw,
    },
    /// Entries were trimmed away before they were read, because the reader was slower than the queue's
    /// event limit allows, away for too long, or because the stream was deleted and began anew.
    /// How many is not known: before Redis 7.0 perhaps none, when the stream was cut exactly where the reader
    /// stood.
    /// What you keep about jobs may be stale from here on: look at their states.
    Gap {
        /// The last place that was read.
        after: StreamId,
    },
    /// An entry larger than [`EventsOptions::reply_max`](super::EventsOptions::reply_max), which was not
    /// read. A return value of that size can be read from the job's hash in pieces, where it was kept.
    TooLarge {
        /// The event's name.
        name: Raw,
        /// Which job, if it tells.
        job: Option<JobId>,
        /// Bytes of all its values.
        bytes: u64,
    },
}

impl QueueEvent {
    /// Reads an entry; `None` if its id is none.
    pub(super) fn read(entry: &Entry<'_>) -> Option<Self> {
        let fields = entry.fields.iter().map(|(name, value)| (Raw::new(name), Raw::new(value))).collect();
        let mut event = Self { id: StreamId::parse(entry.id)?, kind: EventKind::Drained, fields };
        event.kind = event.parse().unwrap_or_else(|| EventKind::Custom { name: event.name() });
        Some(event)
    }

    pub(super) fn gap(after: StreamId, at: StreamId) -> Self {
        Self { id: at, kind: EventKind::Gap { after }, fields: Vec::new() }
    }

    /// A field of the entry.
    pub fn field(&self, name: &str) -> Option<&Raw> {
        self.fields.iter().find(|(key, _)| key.as_bytes() == name.as_bytes()).map(|(_, value)| value)
    }

    /// The event's name, as the library calls it; empty where there is none.
    pub fn name(&self) -> Raw {
        self.field("event").cloned().unwrap_or_else(|| Raw::new(""))
    }

    /// Which job it is about, if it tells.
    pub fn job(&self) -> Option<JobId> {
        self.field("jobId").map(|id| JobId::new(id.as_bytes()))
    }

    /// When it happened, ms since the epoch by the server's clock.
    pub fn at(&self) -> i64 {
        i64::try_from(self.id.ms).unwrap_or(i64::MAX)
    }

    fn parse(&self) -> Option<EventKind> {
        let raw = |name: &str| self.field(name).cloned();
        let json = |name: &str| raw(name).map(JsonText);
        let whole = |name: &str| number::whole(self.field(name)?.as_bytes());
        let count = |name: &str| u64::try_from(whole(name)?).ok();
        let prev = || State::parse(std::str::from_utf8(self.field("prev")?.as_bytes()).ok()?);
        let job = || self.job();
        Some(match self.field("event")?.as_bytes() {
            b"added" => EventKind::Added { job: job()?, name: raw("name")? },
            b"waiting" => EventKind::Waiting { job: job()?, prev: prev() },
            b"delayed" => EventKind::Delayed { job: job()?, due_at: whole("delay")? },
            b"waiting-children" => EventKind::WaitingChildren { job: job()?, prev: prev() },
            b"active" => EventKind::Active { job: job()?, prev: prev() },
            b"progress" => EventKind::Progress { job: job()?, data: json("data")? },
            b"completed" => EventKind::Completed { job: job()?, value: json("returnvalue")?, prev: prev() },
            b"failed" => EventKind::Failed { job: job()?, reason: raw("failedReason")?, prev: prev() },
            b"retries-exhausted" => {
                EventKind::RetriesExhausted { job: job()?, attempts_made: count("attemptsMade")? }
            }
            b"stalled" => EventKind::Stalled { job: job()? },
            b"removed" => EventKind::Removed { job: job()?, prev: prev() },
            b"duplicated" => EventKind::Duplicated { job: job()? },
            b"deduplicated" => EventKind::Deduplicated {
                job: job()?,
                deduplication_id: raw("deduplicationId")?,
                deduplicated_job: JobId::new(self.field("deduplicatedJobId")?.as_bytes()),
            },
            b"debounced" => EventKind::Debounced { job: job()?, debounce_id: raw("debounceId")? },
            b"drained" => EventKind::Drained,
            b"paused" => EventKind::Paused,
            b"resumed" => EventKind::Resumed,
            b"cleaned" => EventKind::Cleaned { count: count("count")? },
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(fields: &[(&str, &str)]) -> QueueEvent {
        let fields = fields.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect();
        QueueEvent::read(&Entry { id: b"5-1", fields }).unwrap()
    }

    #[test]
    fn fields_have_their_types() {
        let done = event(&[
            ("event", "completed"),
            ("jobId", "7"),
            ("returnvalue", r#"{"sent":true}"#),
            ("prev", "active"),
        ]);
        let EventKind::Completed { job, value, prev } = &done.kind else { panic!("{done:?}") };
        assert_eq!((job, prev), (&JobId::new("7"), &Some(State::Active)));
        assert_eq!(value.read::<serde_json::Value>().unwrap()["sent"], true);
        assert_eq!(value.raw().as_bytes(), br#"{"sent":true}"#);
        assert_eq!((done.at(), done.id.seq), (5, 1));

        let later = event(&[("event", "delayed"), ("jobId", "8"), ("delay", "1795150226523.5")]);
        assert_eq!(later.kind, EventKind::Delayed { job: JobId::new("8"), due_at: 1_795_150_226_523 });
        let gone = event(&[("event", "removed"), ("jobId", "8"), ("prev", "unknown")]);
        assert_eq!(gone.kind, EventKind::Removed { job: JobId::new("8"), prev: None });
        assert_eq!(gone.field("prev").unwrap().as_bytes(), b"unknown");
        assert_eq!(event(&[("event", "cleaned"), ("count", "3")]).kind, EventKind::Cleaned { count: 3 });
    }

    #[test]
    fn what_is_not_known_is_kept_whole() {
        let named = |name: &str| EventKind::Custom { name: Raw::new(name) };
        let own = event(&[("event", "invoiced"), ("jobId", "7"), ("sum", "12"), ("sum", "13")]);
        assert_eq!(own.kind, named("invoiced"));
        assert_eq!(own.fields.len(), 4);
        assert_eq!(own.job(), Some(JobId::new("7")));
        // A known name without its fields is not made up.
        assert_eq!(event(&[("event", "completed"), ("jobId", "7")]).kind, named("completed"));
        assert_eq!(event(&[("event", "cleaned"), ("count", "-1")]).kind, named("cleaned"));
        assert_eq!(event(&[("something", "else")]).kind, named(""));
    }
}
