//! Another rule, or other jobs, for a repeatable of Bull, or of BullMQ before its job schedulers.
//!
//! Its key is made of its rule, and what its jobs are stands in the job of its next run alone. So an edit is what
//! the libraries have for it: the old one goes, and one of the new rule is added, here in one script, with the keys and
//! ids that the library would give it (spec 3.8, 8.6).

use serde_json::{Map, Value as Json, json};

use super::{Recast, Repeat, ScheduleError};
use crate::conn::{Request, Verb, bytes, integer, items};
use crate::engine::Queue;
use crate::engine::op::{Code, Target};
use crate::engine::read::next_run::{Standing, standing};
use crate::engine::read::schedulers::Generation;
use crate::engine::script::{era_argument, queue_keys, script};
use crate::wire::repeat::{LegacyKey, md5_hex, run_id};
use crate::wire::{JobId, Raw, WriteEra, number};

/// What an edit of a repeatable would do.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::engine) struct Rewrite {
    /// Its member of `repeat`.
    pub old: Raw,
    /// The member of the new one, which may be the same.
    pub new: Raw,
    /// When it runs next, ms since the epoch.
    pub due: i64,
    score: i64,
    run: (JobId, Raw),
    new_run: JobId,
    name: Raw,
    data: Raw,
    opts: Vec<u8>,
    now: i64,
    priority: u64,
    definition: Vec<Vec<u8>>,
}

impl Queue {
    /// What an edit of a repeatable would do. `None`: the new rule has no run to come.
    pub(in crate::engine) async fn rewrite(
        &self,
        target: &Target,
        member: &[u8],
        recast: &Recast,
    ) -> Result<Option<Rewrite>, ScheduleError> {
        let refused = |code| Err(ScheduleError::Refused(code));
        let found = standing(self.conn(), target.era.into(), self.id(), member).await?;
        let Some(Standing { scheduler, run }) = found else { return refused(Code::NoScheduler) };
        // A repeatable of an older release than its queue, whose present library cannot add such a one.
        let old_in_new =
            scheduler.generation == Generation::Legacy && matches!(target.era, WriteEra::V5 | WriteEra::V6);
        if old_in_new || (scheduler.generation != Generation::Legacy && target.era == WriteEra::V6) {
            return refused(Code::Unsupported);
        }
        let Some(id) = run.id.filter(|_| run.exists) else { return refused(Code::Gone) };
        let fields = Request::new(Verb::HMGet).arg(self.id().job(&id)).arg(&["name", "data", "opts"][..]);
        let found = self.conn().call(fields).await?;
        let [Some(name), Some(data), Some(was)] = [0, 1, 2].map(|at| items(&found).get(at).and_then(bytes))
        else {
            return refused(Code::Gone);
        };
        let mut opts: Map<String, Json> = serde_json::from_slice(was)?;
        let Some(Json::Object(before)) = opts.get("repeat").cloned() else { return refused(Code::NotAJob) };
        let now = self.time().await?;
        let rule = match &recast.repeat {
            Some(repeat) => rule(repeat, &before, target.era, now)?,
            None => Some((before.clone(), scheduler.next_at)),
        };
        let Some((mut rule, due)) = rule else { return Ok(None) };
        let name = recast.name.as_ref().map_or(Raw::new(name), |name| Raw::new(name.as_bytes()));
        let data = recast.data.clone().unwrap_or_else(|| Raw::new(data));
        let (new, new_run) = keys(target.era, name.as_bytes(), &rule, due);
        if target.era == WriteEra::Bull4 {
            rule.insert("key".to_owned(), new.lossless().into());
        }
        if let Some(given) = &recast.opts {
            opts = match recast.stored_opts()? {
                Some(stored) if target.era != WriteEra::Bull4 => stored,
                _ => given.clone(),
            };
        }
        opts.remove("id");
        opts.insert("repeat".to_owned(), Json::Object(rule.clone()));
        opts.insert("jobId".to_owned(), new_run.lossless().into());
        opts.insert("delay".to_owned(), json!((due - now).max(0)));
        opts.insert("timestamp".to_owned(), json!(now));
        opts.insert("prevMillis".to_owned(), json!(due));
        let least = u8::from(target.era == WriteEra::Bull4);
        opts.entry("attempts").or_insert(json!(least));
        let priority = opts.get("priority").and_then(Json::as_u64).unwrap_or(0);
        let mut definition = Vec::new();
        if target.era == WriteEra::V5 {
            let mut put = |field: &str, value: String| definition.extend([field.into(), value.into_bytes()]);
            put("name", name.lossless().into_owned());
            for field in ["tz", "pattern", "endDate", "every"] {
                if let Some(value) = rule.get(field).filter(|value| !value.is_null()) {
                    put(field, value.as_str().map_or_else(|| value.to_string(), str::to_owned));
                }
            }
        }
        Ok(Some(Rewrite {
            old: Raw::new(member),
            new,
            due,
            score: scheduler.next_at,
            run: (id, Raw::new(was)),
            new_run,
            name,
            data,
            opts: serde_json::to_vec(&opts)?,
            now,
            priority,
            definition,
        }))
    }

    /// Does it, where nothing was changed since it was read.
    pub(super) async fn write_repeatable(
        &self,
        target: &Target,
        rewrite: Rewrite,
    ) -> Result<Code, ScheduleError> {
        let mut args = vec![
            era_argument(target.era),
            self.id().base(),
            rewrite.old.as_bytes().to_vec(),
            rewrite.score.to_string().into_bytes(),
            rewrite.run.0.as_bytes().to_vec(),
            rewrite.run.1.as_bytes().to_vec(),
            rewrite.new.as_bytes().to_vec(),
            rewrite.due.to_string().into_bytes(),
            rewrite.new_run.as_bytes().to_vec(),
            rewrite.name.as_bytes().to_vec(),
            rewrite.data.as_bytes().to_vec(),
            rewrite.opts,
            rewrite.now.to_string().into_bytes(),
            rewrite.priority.to_string().into_bytes(),
        ];
        args.extend(rewrite.definition);
        let parts = script!(
            "operation",
            "edit_repeatable",
            ["decided", "event", "push", "delay", "list_marker", "job"]
        );
        let reply = self.conn().eval(parts, &queue_keys(self.id()), &args).await?;
        let answer = integer(&reply).ok_or(ScheduleError::Reply)?;
        Code::from_mend(answer).ok_or(ScheduleError::Code(answer))
    }
}

/// A rule as the options of the job hold it, and its first time.
type Ruled = (Map<String, Json>, i64);

/// The rule as the options of the job hold it, and its first time. `None`: it has none.
fn rule(
    repeat: &Repeat,
    before: &Map<String, Json>,
    era: WriteEra,
    now: i64,
) -> Result<Option<Ruled>, ScheduleError> {
    let pattern = repeat.pattern()?;
    if repeat.limit == Some(0) || repeat.end.is_some_and(|end| end < now) {
        return Ok(None);
    }
    let mut rule = Map::new();
    rule.insert("count".to_owned(), json!(1));
    for (field, value) in repeat.fields() {
        let field = if field == "pattern" && era == WriteEra::Bull4 { "cron" } else { field };
        if field != "offset" {
            rule.insert(field.to_owned(), value);
        }
    }
    // What belongs to the repeatable and not to its rule.
    for field in ["jobId", "key"] {
        if let Some(value) = before.get(field) {
            rule.insert(field.to_owned(), value.clone());
        }
    }
    let due = match (pattern, repeat.every_ms()) {
        (Some((cron, zone)), _) => cron.next(now.max(repeat.start.unwrap_or(now)), zone),
        // Intervals lie on multiples of themselves, counted from the epoch.
        (None, Some(every)) => {
            let every = i64::try_from(every).unwrap_or(i64::MAX).max(1);
            now.div_euclid(every).checked_mul(every).and_then(|slot| slot.checked_add(every))
        }
        (None, None) => None,
    };
    Ok(due.filter(|due| repeat.end.is_none_or(|end| *due <= end)).map(|due| (rule, due)))
}

/// The member of `repeat` and the id of the run, as the library of the era makes them.
fn keys(era: WriteEra, name: &[u8], rule: &Map<String, Json>, due: i64) -> (Raw, JobId) {
    let text = |field: &str| match rule.get(field) {
        None | Some(Json::Null) => Vec::new(),
        Some(Json::String(text)) => text.clone().into_bytes(),
        Some(other) => other.to_string().into_bytes(),
    };
    let end = match rule.get("endDate") {
        Some(Json::String(date)) => {
            let date = chrono::DateTime::parse_from_rfc3339(date).map(|date| date.timestamp_millis());
            date.map_or_else(|_| text("endDate"), |ms| ms.to_string().into_bytes())
        }
        Some(Json::Number(ms)) => ms.as_f64().map(number::real).unwrap_or_default().to_string().into_bytes(),
        _ => Vec::new(),
    };
    let (every, id) = (text("every"), text("jobId"));
    let last = match (every.is_empty(), era) {
        (true, WriteEra::Bull4) => text("cron"),
        (true, _) => text("pattern"),
        (false, _) => every.clone(),
    };
    let mut key = [name, &id, &end].join(&b':');
    // Bull leaves the zone out of an interval.
    if every.is_empty() || era != WriteEra::Bull4 {
        key.push(b':');
        key.extend(text("tz"));
    }
    key.push(b':');
    key.extend(last);
    if matches!(era, WriteEra::V5 | WriteEra::V6) {
        let own = text("key");
        let member = if own.is_empty() { md5_hex(&key).into_bytes() } else { own };
        return (Raw::new(&member), run_id(&member, due));
    }
    let parts = LegacyKey { name, id: &id, end_at: None, zone: b"", pattern: b"" };
    let [bullmq, bull] = parts.run_ids(&key, due);
    (Raw::new(&key), if era == WriteEra::Bull4 { bull } else { bullmq })
}
