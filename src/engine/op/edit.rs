//! Edits of one job that carry bytes of the caller's.

use serde_json::json;

use super::super::script::script;
use super::job::{answer, flag, job_args, job_keys, refused_id};
use super::{Capability, Code, OpError, Target};
use crate::conn::{Conn, Script, bytes, integer, items};
use crate::wire::{JobId, Raw, State, WriteEra};

/// An edit of one job. What is given is stored byte for byte; JSON is checked and not rewritten.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum JobEdit {
    /// Replaces the payload. A worker that runs the job keeps the copy that it has.
    Data {
        /// The new one, any JSON value.
        json: Raw,
        /// If given: only while the job still has this one ([`Code::Changed`] otherwise).
        was: Option<Raw>,
    },
    /// Sets the progress and tells it, as a worker does; the last one to write wins.
    Progress {
        /// Any JSON value.
        json: Raw,
    },
    /// Appends a line to the log, of which as many stay as the job's own option says (`keepLogs`).
    Log {
        /// The line.
        line: Raw,
    },
}

impl JobEdit {
    /// The row of the table of what each era has.
    pub const fn capability(&self) -> Capability {
        match self {
            Self::Data { .. } => Capability::UpdateData,
            Self::Progress { .. } => Capability::UpdateProgress,
            Self::Log { .. } => Capability::Logs,
        }
    }

    fn refused(&self, era: WriteEra, id: &JobId) -> Option<Code> {
        let json = match self {
            Self::Data { json, .. } | Self::Progress { json } => Some(json),
            Self::Log { .. } => None,
        };
        let valid = |json: &Raw| serde_json::from_slice::<serde::de::IgnoredAny>(json.as_bytes()).is_ok();
        if json.is_some_and(|json| !valid(json)) {
            return Some(Code::Invalid);
        }
        refused_id(id).or_else(|| self.capability().supports(era).is_err().then_some(Code::Unsupported))
    }
}

/// Edits one job.
pub async fn run_edit(conn: &Conn, target: &Target, edit: &JobEdit, id: &JobId) -> Result<Code, OpError> {
    if let Some(code) = edit.refused(target.era, id) {
        return Ok(code);
    }
    let mut args = job_args(target, id);
    let script: &'static Script = match edit {
        JobEdit::Data { json, was } => {
            args.extend([b"data".to_vec(), json.as_bytes().to_vec(), flag(was.is_some())]);
            args.push(was.as_ref().map(|was| was.as_bytes().to_vec()).unwrap_or_default());
            args.push(Vec::new());
            script!("operation", "edit", ["decided", "event", "job"])
        }
        JobEdit::Progress { json } => {
            args.extend([b"progress".to_vec(), json.as_bytes().to_vec(), flag(false), Vec::new()]);
            args.push(published(id, json));
            script!("operation", "edit", ["decided", "event", "job"])
        }
        JobEdit::Log { line } => {
            args.push(line.as_bytes().to_vec());
            script!("operation", "add_log", ["decided", "job"])
        }
    };
    answer(script, None, &conn.eval(script, &job_keys(target, id), &args).await?)
}

/// Adds a copy of a job, with the queue's next id: its name, its data byte for byte, its options but for
/// what belongs to one job (id, delay, deduplication, parent, schedule). It runs as soon as a worker is
/// free, whatever became of the job that is copied.
pub async fn duplicate_job(
    conn: &Conn,
    target: &Target,
    id: &JobId,
) -> Result<(Code, Option<JobId>), OpError> {
    if let Some(code) = refused_id(id) {
        return Ok((code, None));
    }
    let mut args = job_args(target, id);
    args.push(Vec::new());
    let script = script!("operation", "duplicate", ["decided", "event", "push", "job", "copy"]);
    let reply = conn.eval(script, &job_keys(target, id), &args).await?;
    let parts = items(&reply);
    let (Some(answer), Some(copy)) = (parts.first().and_then(integer), parts.get(1).and_then(bytes)) else {
        return Err(OpError::Shape { script: script.name });
    };
    let code = Code::from_script(answer, State::Waiting)
        .ok_or(OpError::UnknownAnswer { script: script.name, answer })?;
    Ok((code, (!copy.is_empty()).then(|| JobId::new(copy))))
}

/// What Bull's listeners are told of a progress.
fn published(id: &JobId, json: &Raw) -> Vec<u8> {
    let id = json!(id.lossless());
    [b"{\"progress\":", json.as_bytes(), b",\"jobId\":", id.to_string().as_bytes(), b"}"].concat()
}
