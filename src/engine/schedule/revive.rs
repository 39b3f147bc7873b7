//! The run of a scheduler that has lost it.

use serde_json::{Map, Value as Json};

use super::{Repeat, ScheduleError, opts};
use crate::conn::{bytes, integer, items};
use crate::engine::Queue;
use crate::engine::op::{Code, Target};
use crate::engine::script::{era_argument, queue_keys, script};
use crate::wire::{JobId, Raw};

impl Queue {
    /// Adds the next run of a scheduler whose run of the time `missing` is gone: the job that each worker
    /// would have added the one after from. [`Code::Sound`] where there is one, and nothing is written.
    pub(in crate::engine) async fn revive_scheduler(
        &self,
        target: &Target,
        key: &Raw,
        missing: i64,
    ) -> Result<(Code, Option<JobId>), ScheduleError> {
        let id =
            std::str::from_utf8(key.as_bytes()).map_err(|error| ScheduleError::Json(error.to_string()))?;
        let Some(known) = self.scheduler(id).await? else { return Ok((Code::NoScheduler, None)) };
        let repeat = known.repeat().ok_or(ScheduleError::NoRule)?;
        let now = self.time().await?;
        let Some(due) = next_run(&repeat, missing, now)? else { return Ok((Code::Invalid, None)) };
        let template = known.opts.as_ref().map(Raw::as_bytes).unwrap_or_default();
        let mut stored: Map<String, Json> =
            if template.is_empty() { Map::new() } else { serde_json::from_slice(template)? };
        let priority = stored.get("priority").and_then(Json::as_u64).unwrap_or(0);
        let lifo = stored.get("lifo").and_then(Json::as_bool).unwrap_or(false);
        let mut rule = repeat.stored();
        if let (Some(count), Json::Object(rule)) = (known.iterations, &mut rule) {
            // The run that was lost does not count twice.
            rule.insert("count".to_owned(), count.max(1).into());
        }
        stored.insert("repeat".to_owned(), rule);
        let flag = |on: bool| if on { b"1".to_vec() } else { Vec::new() };
        let args = vec![
            era_argument(target.era),
            self.id().base(),
            id.as_bytes().to_vec(),
            missing.to_string().into_bytes(),
            due.to_string().into_bytes(),
            flag(repeat.every_ms().is_none()),
            opts::open(stored, id)?,
            template.to_vec(),
            priority.to_string().into_bytes(),
            flag(lifo),
            Vec::new(),
        ];
        let script =
            script!("operation", "revive", ["decided", "event", "push", "delay", "job", "store", "schedule"]);
        let reply = self.conn().eval(script, &queue_keys(self.id()), &args).await?;
        let [code, job] = items(&reply) else { return Err(ScheduleError::Reply) };
        let answer = integer(code).ok_or(ScheduleError::Reply)?;
        let code = Code::from_mend(answer).ok_or(ScheduleError::Code(answer))?;
        Ok((code, bytes(job).filter(|job| !job.is_empty()).map(JobId::new)))
    }
}

/// The first time of a rule after now; `None`: it has none (any more).
fn next_run(repeat: &Repeat, last: i64, now: i64) -> Result<Option<i64>, ScheduleError> {
    let due = match (repeat.pattern()?, repeat.interval()) {
        (Some((cron, zone)), _) => cron.next(now.max(repeat.start.unwrap_or(now)), zone),
        (None, Some((every, offset))) => {
            let every = i64::try_from(every).unwrap_or(i64::MAX).max(1);
            let next = last.saturating_add(every);
            let offset = offset.and_then(|ms| i64::try_from(ms).ok()).unwrap_or(0);
            let slot = now.div_euclid(every).saturating_mul(every).saturating_add(offset);
            Some(if next >= now {
                next
            } else if slot <= now {
                slot.saturating_add(every)
            } else {
                slot
            })
        }
        (None, None) => None,
    };
    Ok(due.filter(|due| repeat.end.is_none_or(|end| *due <= end)))
}
