//! What a run did.

use super::Action;
use super::journal::JournalId;
use crate::engine::op::{Code, OpError};
use crate::text::Clean;
use crate::wire::{JobId, QueueId};

/// How far a run is. Published after each chunk; the newest wins.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Progress {
    /// How many jobs the selection has, as far as is known.
    pub matched: u64,
    /// Done.
    pub done: u64,
    /// Not there any more when their turn came: somebody else was faster.
    pub changed: u64,
    /// Refused for another reason.
    pub failed: u64,
}

impl Progress {
    /// How many jobs had their turn.
    pub const fn handled(&self) -> u64 {
        self.done + self.changed + self.failed
    }
}

/// One job that was not acted on, and why.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Failure {
    /// Which job; `None` where the act was on the queue.
    pub id: Option<JobId>,
    /// The reason as a word: [`Code::word`], or the kind of an error.
    pub code: &'static str,
    /// The reason as a sentence.
    pub message: Clean,
}

impl Failure {
    pub(super) fn refused(id: Option<JobId>, code: Code) -> Self {
        Self { id, code: code.word(), message: Clean::line(code.sentence()) }
    }

    pub(super) fn error(id: Option<JobId>, error: &OpError) -> Self {
        let code = match error {
            OpError::Conn(error) => error.kind.name(),
            OpError::Refused(code) => code.word(),
            OpError::UnknownAnswer { .. } | OpError::Shape { .. } => "internal",
        };
        Self { id, code, message: Clean::line(error.to_string()) }
    }
}

/// Why a run ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum End {
    /// Every job of the selection had its turn.
    Finished,
    /// It was cancelled between two chunks; what was done is counted.
    Cancelled,
    /// A chunk was sent and no answer came: each of these jobs may have been acted on or not.
    /// Nothing is sent again.
    Unknown {
        /// The jobs of that chunk.
        ids: Vec<JobId>,
        /// What happened.
        error: OpError,
    },
    /// The link or the account does not allow to go on.
    Failed(OpError),
    /// So many jobs were refused that going on would only collect refusals.
    Refused,
    /// What was retried failed again for the same reason: the cause is still there.
    SameError(Clean),
    /// The jobs of the next chunk could not be saved, so they were not taken away.
    NotSaved(Clean),
    /// The environment does not allow it; nothing was done.
    Forbidden(Clean),
}

impl End {
    /// The word in machine output.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Finished => "finished",
            Self::Cancelled => "cancelled",
            Self::Unknown { .. } => "unknown",
            Self::Failed(_) => "failed",
            Self::Refused => "refused",
            Self::SameError(_) => "same-error",
            Self::NotSaved(_) => "not-saved",
            Self::Forbidden(_) => "forbidden",
        }
    }

    /// Why it did not go on, where that is more than the word.
    pub fn reason(&self) -> Option<Clean> {
        match self {
            Self::Unknown { error, .. } | Self::Failed(error) => Some(Clean::line(error.to_string())),
            Self::SameError(why) | Self::NotSaved(why) | Self::Forbidden(why) => Some(why.clone()),
            Self::Finished | Self::Cancelled | Self::Refused => None,
        }
    }
}

/// What was done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Report {
    /// The act.
    pub action: Action,
    /// On which queue.
    pub queue: QueueId,
    /// The counts. `matched` counts every job that had its turn, at least.
    pub progress: Progress,
    /// Jobs that were not acted on, the first 1,000. Of a selection by state, jobs that had left
    /// the state by themselves are only counted (as `changed`).
    pub failures: Vec<Failure>,
    /// How it ended.
    pub end: End,
    /// Ids that changed from one list to the other, for acts on queues.
    pub moved: u64,
    /// Jobs that were acted on, the first 100.
    pub ids: Vec<JobId>,
    /// Its record in the journal.
    pub journal: Option<JournalId>,
    /// Whether what it took away was saved.
    pub undoable: bool,
    /// What else is to be said of it.
    pub note: Option<&'static str>,
    /// Why there is no record, or no whole one.
    pub unrecorded: Option<Clean>,
}

impl Report {
    /// An act of which nothing is done yet.
    pub fn new(action: Action, queue: QueueId) -> Self {
        Self {
            action,
            queue,
            progress: Progress::default(),
            failures: Vec::new(),
            end: End::Finished,
            moved: 0,
            ids: Vec::new(),
            journal: None,
            undoable: false,
            note: None,
            unrecorded: None,
        }
    }

    /// Several reports of one act as one: what was done in all, and the last end that was not its end.
    pub fn of_all(action: Action, queue: QueueId, reports: Vec<Self>) -> Self {
        let mut all = Self::new(action, queue);
        for report in reports {
            all.progress.matched += report.progress.matched;
            all.progress.done += report.progress.done;
            all.progress.changed += report.progress.changed;
            all.progress.failed += report.progress.failed;
            all.undoable |= report.undoable;
            for id in report.ids {
                if !all.ids.contains(&id) {
                    all.ids.push(id);
                }
            }
            all.failures.extend(report.failures);
            if report.end != End::Finished {
                all.end = report.end;
            }
            all.moved += report.moved;
            all.journal = report.journal.or(all.journal);
            all.note = report.note.or(all.note);
            all.unrecorded = report.unrecorded.or(all.unrecorded);
        }
        all
    }

    /// Nothing was done, because the environment does not allow it.
    pub(super) fn forbidden(action: Action, queue: QueueId, why: &str) -> Self {
        Self { end: End::Forbidden(Clean::line(why)), ..Self::new(action, queue) }
    }

    /// Whether it ended by itself and every job was acted on.
    pub fn is_complete(&self) -> bool {
        self.end == End::Finished && self.progress.done == self.progress.matched
    }
}
