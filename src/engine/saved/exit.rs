//! A job that is taken out of `active` by hand, and back.

use super::mend::{SavedMend, Step, own};
use super::{SaveError, Saved, Saving, save};
use crate::conn::{Conn, Request, Verb, bytes, items};
use crate::engine::op::{Exit, Target};
use crate::wire::{JobId, State};

/// Fields that tell one run of a job from another.
const RUN: [&str; 5] = ["processedOn", "atm", "ats", "attemptsMade", "retriedOn"];
/// Fields that a failure writes.
const FAILURE: [&str; 5] = ["failedReason", "stacktrace", "finishedOn", "atm", "defa"];

/// Reads where an abandoned job stands before it is moved out. `None`: there is none, or it is to fail and that
/// reaches further than the job: its parent is told, its deduplication id is freed, or its own option removes it
/// or failed jobs before it.
pub async fn save_exit(
    conn: &Conn,
    target: &Target,
    id: &JobId,
    to: Exit,
    limit: u64,
) -> Result<Option<SavedMend>, SaveError> {
    let saving = Saving { state: Some(State::Active), children: false, limit };
    let (jobs, _) = save(conn, target, std::slice::from_ref(id), saving).await?;
    let Some(job) = jobs.into_iter().next() else { return Ok(None) };
    let Some(place) = &job.place else { return Ok(None) };
    if to == Exit::Failed && reaches_further(&job) {
        return Ok(None);
    }
    let from = match to {
        Exit::Wait => "wait paused prioritized",
        Exit::Failed => State::Failed.suffix(),
    };
    let mut steps = vec![
        Step::Take { from: from.to_owned() },
        Step::Put {
            state: State::Active.suffix().to_owned(),
            score: None,
            next: place.next.clone(),
            beside: false,
        },
    ];
    let fields: &[&str] = if to == Exit::Wait { &RUN } else { &FAILURE };
    steps.extend(fields.iter().map(|name| {
        let was =
            job.fields.iter().find(|(known, _)| known.0 == name.as_bytes()).map(|(_, value)| value.clone());
        Step::Field { key: own(id.as_bytes()), name: own(name.as_bytes()), wrote: was.clone(), was }
    }));
    Ok(Some(SavedMend::of(&target.queue, Some(id), steps)))
}

fn reaches_further(job: &Saved) -> bool {
    let field = |name: &str| job.fields.iter().find(|(known, _)| known.0 == name.as_bytes());
    let opts = field("opts").and_then(|(_, opts)| serde_json::from_slice::<serde_json::Value>(&opts.0).ok());
    let removes = opts.as_ref().and_then(|opts| opts.get("removeOnFail"));
    let stays = removes.is_none_or(|removes| removes.is_null() || removes == &serde_json::Value::Bool(false));
    field("parentKey").is_some() || field("deid").is_some() || !stays
}

impl SavedMend {
    /// Reads what a failure wrote into the job, without which it is not undone.
    pub async fn read_failure(&mut self, conn: &Conn) -> Result<(), SaveError> {
        let Some(id) = self.job() else { return Ok(()) };
        let key = self.queue_id().job(&id);
        let reply = conn.call(Request::new(Verb::HMGet).arg(key).arg(&FAILURE[..])).await?;
        for (name, value) in FAILURE.iter().zip(items(&reply)) {
            self.wrote(name, bytes(value));
        }
        Ok(())
    }
}
