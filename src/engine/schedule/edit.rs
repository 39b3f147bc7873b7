//! Another schedule for the same jobs.

use serde_json::{Map, Value as Json};

use super::upsert::Job;
use super::{Repeat, ScheduleError, Upserted};
use crate::conn::{Request, Verb, bytes, items};
use crate::engine::Queue;
use crate::engine::op::Code;

impl Queue {
    /// Gives a scheduler another schedule; what its jobs are stays byte for byte (name, data, options). The
    /// pending job is replaced by one of the new schedule, as by an upsert with the same template; one that runs, runs on.
    ///
    /// Refused ([`ScheduleError::Refused`]) with [`Code::NoScheduler`] where there is none, and with
    /// [`Code::Unsupported`] for a repeatable of an older release, whose key is its schedule: remove it and add
    /// another. `None`: the new schedule has no run to come; nothing was written.
    pub async fn edit_scheduler(&self, id: &str, repeat: &Repeat) -> Result<Option<Upserted>, ScheduleError> {
        let definition = self.id().key(format!("repeat:{id}"));
        let fields = Request::new(Verb::HMGet).arg(definition).arg("name").arg("data").arg("opts").arg("ic");
        let found = self.conn().call(fields).await?;
        let [name, data, opts, count] = items(&found) else { return Err(ScheduleError::Reply) };
        let Some(name) = bytes(name) else { return Err(ScheduleError::Refused(Code::NoScheduler)) };
        if bytes(count).is_none() {
            return Err(ScheduleError::Refused(Code::Unsupported));
        }
        let opts = bytes(opts).unwrap_or_default();
        let stored: Map<String, Json> =
            if opts.is_empty() { Map::new() } else { serde_json::from_slice(opts)? };
        let job = Job {
            name,
            data: bytes(data).unwrap_or_default(),
            opts,
            priority: stored.get("priority").and_then(Json::as_u64).unwrap_or(0),
            lifo: stored.get("lifo").and_then(Json::as_bool).unwrap_or(false),
            stored,
            library: "",
        };
        self.write_scheduler(id, repeat, job, None).await
    }
}
