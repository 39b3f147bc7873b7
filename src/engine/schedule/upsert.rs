//! Making, changing and removing a scheduler.

use serde_json::{Map, Value as Json};

use super::{Repeat, ScheduleError, Template, opts};
use crate::conn::{Request, Value, Verb, bytes, integer, items};
use crate::engine::Queue;
use crate::engine::add::LIBRARY;
use crate::engine::script::script;
use crate::wire::JobId;

/// The job that stands for a scheduler's next run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upserted {
    /// Its id: `repeat:<scheduler>:<ms>`.
    pub job: JobId,
    /// How long until it runs, ms.
    pub delay_ms: u64,
}

impl Queue {
    /// Makes a scheduler, or changes the one of this id, and adds the job of its next run; see
    /// [`schedule`](super). The pending job of a changed scheduler is replaced. `None`: the limit is 0, or
    /// the pattern has no time before `end`; nothing was written.
    pub async fn upsert_scheduler(
        &self,
        id: &str,
        repeat: Repeat,
        template: Template,
    ) -> Result<Option<Upserted>, ScheduleError> {
        self.upsert_scheduler_at(id, repeat, template, None).await
    }

    /// [`Queue::upsert_scheduler`] at a time, ms since the epoch, instead of the server's: for tests.
    pub async fn upsert_scheduler_at(
        &self,
        id: &str,
        repeat: Repeat,
        template: Template,
        at: Option<i64>,
    ) -> Result<Option<Upserted>, ScheduleError> {
        self.make_scheduler(id, repeat, template, at, LIBRARY).await
    }

    /// [`Queue::upsert_scheduler`] in the name of the library that the queue has: by somebody who looks after it.
    pub async fn add_scheduler(
        &self,
        id: &str,
        repeat: Repeat,
        template: Template,
    ) -> Result<Option<Upserted>, ScheduleError> {
        self.make_scheduler(id, repeat, template, None, "").await
    }

    async fn make_scheduler(
        &self,
        id: &str,
        repeat: Repeat,
        template: Template,
        at: Option<i64>,
        library: &'static str,
    ) -> Result<Option<Upserted>, ScheduleError> {
        let stored = template.stored()?;
        let name = template.name.as_deref().unwrap_or(id);
        let has_data = !template.data.is_null() && template.data != Json::Object(Map::new());
        let data = if has_data { serde_json::to_vec(&template.data)? } else { Vec::new() };
        let opts = if stored.is_empty() { Vec::new() } else { serde_json::to_vec(&stored)? };
        let job = Job {
            name: name.as_bytes(),
            data: &data,
            opts: &opts,
            stored,
            priority: template.opts.priority.into(),
            lifo: template.opts.lifo,
            library,
        };
        self.write_scheduler(id, &repeat, job, at).await
    }

    /// Writes a scheduler whose jobs are like `job`.
    pub(super) async fn write_scheduler(
        &self,
        id: &str,
        repeat: &Repeat,
        job: Job<'_>,
        at: Option<i64>,
    ) -> Result<Option<Upserted>, ScheduleError> {
        let pattern = repeat.pattern()?;
        if repeat.limit == Some(0) {
            return Ok(None);
        }
        let mut due = None;
        if let Some((cron, zone)) = pattern.filter(|_| !repeat.immediately) {
            let now = match at {
                Some(at) => at,
                None => self.time().await?,
            };
            if repeat.end.is_some_and(|end| end < now) {
                return Err(ScheduleError::EndPassed);
            }
            due = cron.next(now.max(repeat.start.unwrap_or(now)), zone);
            let ended = |due| repeat.end.is_some_and(|end| due > end);
            if due.is_none_or(ended) {
                return Ok(None);
            }
        }
        let args = arguments(id, repeat, job, due, at)?;
        let script = script!(
            "client",
            "upsert_scheduler",
            ["undecided", "event", "push", "delay", "job", "dedup", "store", "schedule"]
        );
        let reply = self.conn().eval(script, &[self.id().key("meta")], &args).await?;
        added(&reply)?.map(Some).ok_or(ScheduleError::Reply)
    }

    /// Removes a scheduler, and the job of its next run if that is delayed; one that is ready runs once
    /// more. `false`: there was none.
    pub async fn remove_scheduler(&self, id: &str) -> Result<bool, ScheduleError> {
        let script = script!(
            "client",
            "remove_scheduler",
            ["undecided", "event", "push", "delay", "job", "store", "schedule"]
        );
        let reply = self.conn().eval(script, &[self.id().key("meta")], &[id.as_bytes().to_vec()]).await?;
        match integer(&reply) {
            Some(0) => Ok(true),
            Some(-1) => Ok(false),
            Some(code) => Err(ScheduleError::of(code)),
            None => Err(ScheduleError::Reply),
        }
    }

    /// The server's time, ms since the epoch.
    pub(super) async fn time(&self) -> Result<i64, ScheduleError> {
        let reply = self.conn().call(Request::new(Verb::Time)).await?;
        match items(&reply) {
            [seconds, micros] => match (integer(seconds), integer(micros)) {
                (Some(seconds), Some(micros)) => Ok(seconds * 1000 + micros / 1000),
                _ => Err(ScheduleError::Reply),
            },
            _ => Err(ScheduleError::Reply),
        }
    }
}

/// What a scheduler's jobs are, as it is stored.
pub(super) struct Job<'a> {
    pub(super) name: &'a [u8],
    /// JSON text, empty for none.
    pub(super) data: &'a [u8],
    /// JSON text, empty for none.
    pub(super) opts: &'a [u8],
    /// The same, read.
    pub(super) stored: Map<String, Json>,
    pub(super) priority: u64,
    pub(super) lifo: bool,
    /// What `meta.library` will name; empty: whatever it names.
    pub(super) library: &'static str,
}

fn arguments(
    id: &str,
    repeat: &Repeat,
    job: Job<'_>,
    due: Option<i64>,
    at: Option<i64>,
) -> Result<Vec<Vec<u8>>, ScheduleError> {
    let flag = |on: bool| if on { b"1".to_vec() } else { Vec::new() };
    let (every, offset) = repeat.interval().unzip();
    let mut definition = vec![b"name".to_vec(), job.name.to_vec()];
    for (field, value) in repeat.fields() {
        if field != "offset" {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            definition.extend([field.as_bytes().to_vec(), text.into_bytes()]);
        }
    }
    for (field, json) in [("opts", job.opts), ("data", job.data)] {
        if !json.is_empty() {
            definition.extend([field.as_bytes().to_vec(), json.to_vec()]);
        }
    }
    let mut stored = job.stored;
    stored.insert("repeat".to_owned(), repeat.stored());
    let mut args = vec![
        decimal(at),
        job.library.as_bytes().to_vec(),
        id.as_bytes().to_vec(),
        decimal(every),
        decimal(due),
        decimal(repeat.start),
        decimal(offset.flatten()),
        decimal(repeat.end),
        job.name.to_vec(),
        job.data.to_vec(),
        opts::open(stored, id)?,
        job.priority.to_string().into_bytes(),
        flag(job.lifo),
    ];
    args.extend(definition);
    Ok(args)
}

/// Reads `{ 0, id, delay }`; `None` for the code of nothing to add.
pub(super) fn added(reply: &Value) -> Result<Option<Upserted>, ScheduleError> {
    match items(reply) {
        [code] if integer(code) == Some(3) => Ok(None),
        [code] => Err(integer(code).map_or(ScheduleError::Reply, ScheduleError::of)),
        [_, id, delay] => match (bytes(id), integer(delay)) {
            (Some(id), Some(delay)) => {
                Ok(Some(Upserted { job: JobId::new(id), delay_ms: delay.max(0) as u64 }))
            }
            _ => Err(ScheduleError::Reply),
        },
        _ => Err(ScheduleError::Reply),
    }
}

fn decimal(number: Option<impl ToString>) -> Vec<u8> {
    number.map(|number| number.to_string().into_bytes()).unwrap_or_default()
}
