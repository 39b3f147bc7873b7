//! Another schedule, or other jobs, for a scheduler that there is.

use serde_json::{Map, Value as Json};

use super::upsert::Job;
use super::{Repeat, ScheduleError, Template, Upserted};
use crate::conn::{Request, Verb, bytes, integer, items};
use crate::engine::op::{Code, Target};
use crate::engine::read::next_run::{Standing, standing};
use crate::engine::read::schedulers::{Generation, scheduler};
use crate::engine::{JobOptions, Queue};
use crate::wire::Raw;

/// What of a scheduler becomes another; what is `None` stays byte for byte.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recast {
    /// When it runs.
    pub repeat: Option<Repeat>,
    /// The name of its jobs.
    pub name: Option<String>,
    /// Their data, JSON.
    pub data: Option<Raw>,
    /// Their options, as the library takes them: `{"attempts": 3}`.
    pub opts: Option<Map<String, Json>>,
}

impl Recast {
    /// The options as BullMQ stores them.
    pub(super) fn stored_opts(&self) -> Result<Option<Map<String, Json>>, ScheduleError> {
        let Some(given) = &self.opts else { return Ok(None) };
        let template = Template { opts: JobOptions::parse(given)?, ..Template::default() };
        template.stored().map(Some)
    }
}

impl Queue {
    /// Gives a scheduler another schedule; what its jobs are stays byte for byte (name, data, options). The
    /// pending job is replaced by one of the new schedule, as by an upsert with the same template; one that runs, runs on.
    ///
    /// Refused ([`ScheduleError::Refused`]) with [`Code::NoScheduler`] where there is none, and with
    /// [`Code::Unsupported`] for a repeatable of an older release, whose key is its schedule: see
    /// [`Queue::recast_scheduler`]. `None`: the new schedule has no run to come; nothing was written.
    pub async fn edit_scheduler(&self, id: &str, repeat: &Repeat) -> Result<Option<Upserted>, ScheduleError> {
        self.recast(id, &Recast { repeat: Some(repeat.clone()), ..Recast::default() }).await
    }

    /// Changes a scheduler or repeatable of any generation: when it runs, and what its jobs are. The pending job is
    /// replaced by one like the new ones. `None`: the new schedule has no run to come; nothing was written.
    ///
    /// A repeatable of Bull or of an older BullMQ is removed and added anew in one step, with the key that its library
    /// gives the new rule; it is refused with [`Code::Gone`] where the job of its next run is gone, which alone tells
    /// what its jobs are, and with [`Code::Changed`] where it ran meanwhile.
    pub async fn recast_scheduler(
        &self,
        target: &Target,
        member: &[u8],
        recast: &Recast,
    ) -> Result<Option<Code>, ScheduleError> {
        let Some(found) = scheduler(self.conn(), self.id(), member).await? else {
            return Ok(Some(Code::NoScheduler));
        };
        if found.generation == Generation::Scheduler {
            let id = std::str::from_utf8(member).map_err(|error| ScheduleError::Json(error.to_string()))?;
            return Ok(self.recast(id, recast).await?.map(|_| Code::Done));
        }
        match self.rewrite(target, member, recast).await? {
            Some(rewrite) => self.write_repeatable(target, rewrite).await.map(Some),
            None => Ok(None),
        }
    }

    /// The data of a scheduler's jobs, JSON: of a repeatable that of its next run. `None`: there is no such scheduler,
    /// or nothing tells its data any more.
    pub async fn template_data(&self, target: &Target, member: &[u8]) -> Result<Option<Raw>, ScheduleError> {
        let found = standing(self.conn(), target.era.into(), self.id(), member).await?;
        let Some(Standing { scheduler, run }) = found else { return Ok(None) };
        let job = scheduler.generation == Generation::Scheduler;
        let key = match run.id {
            _ if job => self.id().key([b"repeat:", member].concat()),
            Some(id) if run.exists => self.id().job(&id),
            _ => return Ok(None),
        };
        let reply = self.conn().call(Request::new(Verb::HGet).arg(key).arg("data")).await?;
        Ok(bytes(&reply).map(Raw::new).or_else(|| job.then(|| Raw::new("{}"))))
    }

    /// The member of `repeat` that a scheduler has after [`Queue::recast_scheduler`]: of a repeatable another one,
    /// where its rule or name changes.
    pub async fn recast_member(
        &self,
        target: &Target,
        member: &[u8],
        recast: &Recast,
    ) -> Result<Raw, ScheduleError> {
        let same = Raw::new(member);
        match scheduler(self.conn(), self.id(), member).await? {
            Some(found) if found.generation != Generation::Scheduler => {
                Ok(self.rewrite(target, member, recast).await?.map_or(same, |rewrite| rewrite.new))
            }
            _ => Ok(same),
        }
    }

    /// The same for a job scheduler.
    async fn recast(&self, id: &str, recast: &Recast) -> Result<Option<Upserted>, ScheduleError> {
        let Some(known) = self.scheduler(id).await? else {
            return Err(ScheduleError::Refused(Code::NoScheduler));
        };
        let definition = self.id().key(format!("repeat:{id}"));
        let fields = Request::new(Verb::HMGet).arg(definition).arg("name").arg("data").arg("opts").arg("ic");
        let found = self.conn().call(fields).await?;
        let [name, data, opts, count] = items(&found) else { return Err(ScheduleError::Reply) };
        let Some(name) = bytes(name) else { return Err(ScheduleError::Refused(Code::NoScheduler)) };
        if bytes(count).is_none() {
            return Err(ScheduleError::Refused(Code::Unsupported));
        }
        let repeat = match &recast.repeat {
            Some(repeat) => repeat.clone(),
            None => known.repeat().ok_or(ScheduleError::NoRule)?,
        };
        let given = match recast.stored_opts()? {
            Some(given) if given.is_empty() => Some(Vec::new()),
            Some(given) => Some(serde_json::to_vec(&given)?),
            None => None,
        };
        let opts = given.as_deref().unwrap_or_else(|| bytes(opts).unwrap_or_default());
        let stored: Map<String, Json> =
            if opts.is_empty() { Map::new() } else { serde_json::from_slice(opts)? };
        let data = match &recast.data {
            // As the libraries have it, `{}` is no data.
            Some(data) if matches!(data.as_bytes(), b"{}" | b"null") => b"",
            Some(data) => data.as_bytes(),
            None => bytes(data).unwrap_or_default(),
        };
        let name = recast.name.as_ref().map_or(name, |name| name.as_bytes());
        self.write_stored(id, &repeat, [name, data, opts], stored).await
    }

    /// Writes a job scheduler with a rule and a definition that were read before: `name`, `data` and `opts` as they
    /// stood there, empty where they did not.
    pub(crate) async fn rewrite_scheduler(
        &self,
        id: &str,
        repeat: &Repeat,
        definition: [&[u8]; 3],
    ) -> Result<Option<Upserted>, ScheduleError> {
        let key = self.id().key(format!("repeat:{id}"));
        let counts = self.conn().call(Request::new(Verb::HExists).arg(key).arg("ic")).await?;
        if integer(&counts) != Some(1) {
            return Err(ScheduleError::Refused(Code::Unsupported));
        }
        let stored = match definition[2] {
            b"" => Map::new(),
            opts => serde_json::from_slice(opts)?,
        };
        self.write_stored(id, repeat, definition, stored).await
    }

    async fn write_stored(
        &self,
        id: &str,
        repeat: &Repeat,
        [name, data, opts]: [&[u8]; 3],
        stored: Map<String, Json>,
    ) -> Result<Option<Upserted>, ScheduleError> {
        let job = Job {
            name,
            data,
            opts,
            priority: stored.get("priority").and_then(Json::as_u64).unwrap_or(0),
            lifo: stored.get("lifo").and_then(Json::as_bool).unwrap_or(false),
            stored,
            library: "",
        };
        self.write_scheduler(id, repeat, job, None).await
    }
}
