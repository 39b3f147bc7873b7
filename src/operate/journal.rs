//! What was done to whose queues: one JSON line, synced, before the first write of an act, and
//! one after it.
//!
//! The file is append-only for its owner alone (0600), a line a record, ASCII, so that `cat` and
//! `tail` are safe whatever a job is called. Each line holds the hash of the line before it: a line
//! that was changed or taken out shows. Several copies of the program may write to one file.
//!
//! A record holds no secret: the endpoint without its password, ids and counts, never a payload.

mod file;
mod read;
mod record;

use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use read::{History, Kept, history};
pub use record::{Confirmed, Intent, Outcome, Part, Place, Who};

use record::Line;

/// Why a record could not be written or read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the journal {path}: {message}")]
pub struct JournalError {
    /// The file.
    pub path: String,
    /// What is wrong with it, and what to do.
    pub message: String,
}

impl JournalError {
    fn new(path: &Path, message: impl Into<String>) -> Self {
        Self { path: path.display().to_string(), message: message.into() }
    }
}

/// The name of a record, `J17`: counted in each file.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct JournalId(pub u64);

impl std::fmt::Display for JournalId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "J{}", self.0)
    }
}

impl std::str::FromStr for JournalId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text.strip_prefix(['J', 'j']).unwrap_or(text);
        digits.parse().map(Self).map_err(|_| format!("{text} is no journal id: they look like J17"))
    }
}

/// The journal of one account on one machine. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Journal {
    path: Arc<PathBuf>,
}

impl Journal {
    /// The journal `journal.jsonl` of a folder. Touches nothing; file and folder are made with the
    /// first record.
    pub fn in_folder(folder: &Path) -> Self {
        Self { path: Arc::new(folder.join("journal.jsonl")) }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes down, synced, what is about to be done. Nothing may be written to Redis before this
    /// returns; `at` is the host's clock, ms since the epoch.
    pub async fn begin(&self, intent: Intent, at: i64) -> Result<Entry, JournalError> {
        let path = self.path.clone();
        let id = blocking(&self.path, move || {
            file::append(&path, |id| Line::Intent { id: id.0, at, intent: Box::new(intent) })
        })
        .await?;
        Ok(Entry { journal: self.clone(), id })
    }

    /// All of it that the file still holds, newest first, at most `limit` acts.
    pub async fn history(&self, limit: usize) -> Result<History, JournalError> {
        let path = self.path.clone();
        blocking(&self.path, move || history(&path, limit)).await
    }
}

/// An act that was written down and has not ended.
#[derive(Clone, Debug)]
pub struct Entry {
    journal: Journal,
    id: JournalId,
}

impl Entry {
    /// Its name.
    pub fn id(&self) -> JournalId {
        self.id
    }

    /// Writes down how far the act is, so that it can be resumed after a crash.
    pub async fn part(&self, part: Part, at: i64) -> Result<(), JournalError> {
        self.append(Line::Part { id: self.id.0, at, part }).await
    }

    /// Writes down how the act ended.
    pub async fn end(&self, outcome: Outcome, at: i64) -> Result<(), JournalError> {
        self.append(Line::Outcome { id: self.id.0, at, outcome }).await
    }

    async fn append(&self, line: Line) -> Result<(), JournalError> {
        let path = self.journal.path.clone();
        blocking(&self.journal.path, move || file::append(&path, |_| line)).await.map(drop)
    }
}

/// Files are written and synced off the runtime's threads.
async fn blocking<T: Send + 'static>(
    path: &Path,
    work: impl FnOnce() -> Result<T, JournalError> + Send + 'static,
) -> Result<T, JournalError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => Err(JournalError::new(path, format!("was not written: {error}"))),
    }
}
