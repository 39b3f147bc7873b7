//! The run after the one that has just started (spec 8.3).

use serde_json::{Map, Value, json};

use super::upsert::added;
use super::{Cron, ScheduleError, Upserted, Zone, opts};
use crate::conn::Conn;
use crate::engine::ActiveJob;
use crate::engine::script::script;
use crate::wire::repeat::{LegacyKey, iteration};
use crate::wire::{QueueId, Raw};

/// Adds the job of a scheduler's next run. For a worker, between taking a job and running it; may be
/// repeated. `at` is the time to use, ms since the epoch; `None` is the server's.
///
/// `None`: the job is no scheduler's, not its present run (it is tried again), or the last one.
pub(in crate::engine) async fn next_iteration(
    conn: &Conn,
    queue: &QueueId,
    job: &ActiveJob,
    at: Option<i64>,
) -> Result<Option<Upserted>, ScheduleError> {
    let Some(scheduler) = &job.scheduler else { return Ok(None) };
    if iteration(job.id.as_bytes()).is_none_or(|(id, _)| id != scheduler.as_bytes()) {
        let legacy = LegacyKey::parse(scheduler.as_bytes()).is_some();
        return if legacy { Err(ScheduleError::Legacy) } else { Ok(None) };
    }
    let Some(next) = Next::of(scheduler, job)? else { return Ok(None) };
    let decimal =
        |number: Option<i64>| number.map(|number| number.to_string().into_bytes()).unwrap_or_default();
    let args = [
        decimal(at),
        scheduler.as_bytes().to_vec(),
        job.id.as_bytes().to_vec(),
        decimal(next.due),
        next.every.unwrap_or_default().into_bytes(),
        job.name.as_bytes().to_vec(),
        job.data.as_bytes().to_vec(),
        next.opts,
        next.priority.to_string().into_bytes(),
        if next.lifo { b"1".to_vec() } else { Vec::new() },
        next.dedup.into_bytes(),
        next.offset.unwrap_or_default().into_bytes(),
    ];
    let script = script!("client", "next_iteration", ["event", "push", "delay", "job", "store", "schedule"]);
    added(&conn.eval(script, &[queue.key("meta")], &args).await?)
}

/// What the client computes of the next run.
struct Next {
    /// By the pattern, ms; `None` for an interval, which the script counts.
    due: Option<i64>,
    every: Option<String>,
    offset: Option<String>,
    opts: Vec<u8>,
    priority: u64,
    lifo: bool,
    dedup: String,
}

impl Next {
    /// `None`: the limit or the end is reached.
    fn of(scheduler: &Raw, job: &ActiveJob) -> Result<Option<Self>, ScheduleError> {
        let id = std::str::from_utf8(scheduler.as_bytes())
            .map_err(|error| ScheduleError::Json(error.to_string()))?;
        let mut opts: Map<String, Value> = serde_json::from_slice(job.opts.as_bytes())?;
        let prev = number(opts.get("prevMillis"));
        let Some(Value::Object(repeat)) = opts.get_mut("repeat") else { return Ok(None) };
        let count = number(repeat.get("count")).unwrap_or(1) + 1;
        let end = number(repeat.get("endDate"));
        let now = job.started_at;
        let spent = number(repeat.get("limit")).is_some_and(|limit| count > limit);
        if spent || end.is_some_and(|end| now > end) {
            return Ok(None);
        }
        let mut due = None;
        if let Some(pattern) = repeat.get("pattern").and_then(Value::as_str) {
            let cron: Cron = pattern.parse()?;
            let zone: Zone = match repeat.get("tz").and_then(Value::as_str) {
                Some(zone) => zone.parse()?,
                None => Zone::default(),
            };
            let after = [prev, number(repeat.get("startDate"))].into_iter().flatten().fold(now, i64::max);
            due = cron.next(after, zone).filter(|due| end.is_none_or(|end| *due <= end));
            if due.is_none() {
                return Ok(None);
            }
        }
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let (every, offset) = (repeat.get("every").map(text), repeat.get("offset").map(text));
        repeat.insert("count".to_owned(), json!(count));
        // As Node reads and stores the options of a job.
        opts.entry("attempts").or_insert(json!(0));
        if let Some(delay) = opts.get("backoff").filter(|backoff| backoff.is_number()).cloned() {
            opts.insert("backoff".to_owned(), json!({ "type": "fixed", "delay": delay }));
        }
        let priority = opts.get("priority").and_then(Value::as_u64).unwrap_or(0);
        let lifo = opts.get("lifo").and_then(Value::as_bool).unwrap_or(false);
        let dedup = opts.get("de").and_then(|de| de.get("id")).and_then(Value::as_str).unwrap_or_default();
        let dedup = dedup.to_owned();
        Ok(Some(Self { due, every, offset, opts: opts::open(opts, id)?, priority, lifo, dedup }))
    }
}

/// A count, or a time in ms; repeatables may have theirs as a date text.
fn number(value: Option<&Value>) -> Option<i64> {
    let value = value?;
    if let Some(text) = value.as_str() {
        let date = || chrono::DateTime::parse_from_rfc3339(text).ok().map(|date| date.timestamp_millis());
        return text.parse().ok().or_else(date);
    }
    value.as_i64().or_else(|| value.as_f64().map(crate::wire::number::real))
}
