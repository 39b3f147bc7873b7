//! The options of a scheduler's job, as far as the client knows them (spec 2.3).

use serde_json::{Map, Value, json};

use super::ScheduleError;

/// Options and the scheduler's id, open where the script goes on: after `"jobId":"repeat:<scheduler>:`.
pub(super) fn open(mut opts: Map<String, Value>, scheduler: &str) -> Result<Vec<u8>, ScheduleError> {
    for of_the_run in ["jobId", "delay", "timestamp", "prevMillis"] {
        opts.remove(of_the_run);
    }
    opts.insert("repeatJobKey".to_owned(), json!(scheduler));
    let mut text = serde_json::to_vec(&opts)?;
    text.pop();
    let id = serde_json::to_vec(&format!("repeat:{scheduler}:"))?;
    text.extend_from_slice(b",\"jobId\":");
    text.extend_from_slice(&id[..id.len() - 1]);
    Ok(text)
}
