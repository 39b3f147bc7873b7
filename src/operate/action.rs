//! The acts by their words, and how much must be asked before.

use crate::engine::op::{JobOp, QueueOp};

/// An act, by the word that it has everywhere: key, palette, command line, audit.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Action {
    /// Put finished jobs back in line.
    Retry,
    /// Remove jobs.
    Remove,
    /// Let delayed jobs run now.
    Promote,
    /// Stop workers from starting jobs.
    Pause,
    /// Let them start jobs again.
    Resume,
    /// Bring the lists of a split queue together.
    Merge,
    /// Change a job's priority or delay, or its log.
    Set,
    /// Replace a job's data or progress.
    Edit,
    /// Add a copy of a job.
    Duplicate,
    /// Add a scheduler's job now.
    RunScheduler,
    /// Give a scheduler another schedule.
    EditScheduler,
    /// Add a scheduler.
    AddScheduler,
    /// Remove a scheduler.
    RemoveScheduler,
    /// Take an abandoned job out of `active`.
    MoveOut,
    /// Free a deduplication id.
    Release,
    /// Change the limits of a queue.
    Limit,
    /// Repair what is damaged.
    Repair,
    /// Remove what waits.
    Drain,
    /// Remove old jobs of a state.
    Clean,
    /// Remove a queue.
    Obliterate,
    /// Put back what an act took away.
    Undo,
    /// Show a masked value to a person.
    Reveal,
    /// Add a job.
    Add,
}

impl Action {
    /// Every act that is a command of its own.
    pub const ALL: [Self; 10] = [
        Self::Retry,
        Self::Remove,
        Self::Promote,
        Self::Pause,
        Self::Resume,
        Self::Merge,
        Self::Drain,
        Self::Clean,
        Self::Obliterate,
        Self::Undo,
    ];

    /// The word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Remove => "remove",
            Self::Promote => "promote",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Merge => "merge",
            Self::Set => "set",
            Self::Edit => "edit",
            Self::Duplicate => "duplicate",
            Self::RunScheduler => "scheduler-run",
            Self::EditScheduler => "scheduler-set",
            Self::AddScheduler => "scheduler-add",
            Self::RemoveScheduler => "scheduler-remove",
            Self::MoveOut => "move-out",
            Self::Release => "release",
            Self::Limit => "limit",
            Self::Repair => "repair",
            Self::Drain => "drain",
            Self::Clean => "clean",
            Self::Obliterate => "obliterate",
            Self::Undo => "undo",
            Self::Reveal => "reveal",
            Self::Add => "add",
        }
    }

    /// Reads [`Action::word`].
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.word() == word)
    }
}

impl From<JobOp> for Action {
    fn from(op: JobOp) -> Self {
        match op {
            JobOp::Retry { .. } => Self::Retry,
            JobOp::Remove { .. } | JobOp::RemoveChildren => Self::Remove,
            JobOp::Promote => Self::Promote,
            JobOp::SetPriority { .. } | JobOp::SetDelay { .. } | JobOp::ClearLogs { .. } => Self::Set,
            JobOp::MoveOut { .. } => Self::MoveOut,
            JobOp::ReleaseDeduplication => Self::Release,
        }
    }
}

impl From<QueueOp> for Action {
    fn from(op: QueueOp) -> Self {
        match op {
            QueueOp::Pause { .. } => Self::Pause,
            QueueOp::Resume => Self::Resume,
            QueueOp::Merge => Self::Merge,
        }
    }
}

/// How much must be asked before an act.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum Severity {
    /// Nothing: it is done at once.
    Run,
    /// Yes or no, and no is the default; a script gives `--yes`.
    Ask,
    /// The queue's name is typed; a script gives `--confirm NAME`.
    Type,
}

/// The most that a bulk act may cover without the name being typed.
const TYPED_ABOVE: u64 = 100;

/// How much must be asked before `action` on `count` jobs (or queues, where it acts on queues).
/// `protected` is the profile's word; a profile without one is protected.
pub const fn severity(action: Action, count: u64, protected: bool) -> Severity {
    if matches!(action, Action::Obliterate) {
        return Severity::Type;
    }
    if matches!(action, Action::Drain | Action::Clean) {
        return if protected { Severity::Type } else { Severity::Ask };
    }
    if count > TYPED_ABOVE {
        return if protected { Severity::Type } else { Severity::Ask };
    }
    match action {
        Action::Drain | Action::Clean | Action::Obliterate => Severity::Type,
        Action::Pause
        | Action::Remove
        | Action::Edit
        | Action::EditScheduler
        | Action::AddScheduler
        | Action::RemoveScheduler
        | Action::MoveOut
        | Action::Release
        | Action::Limit
        | Action::Repair => Severity::Ask,
        _ if count > 1 => Severity::Ask,
        Action::Retry
        | Action::Promote
        | Action::Resume
        | Action::Merge
        | Action::Set
        | Action::Duplicate
        | Action::RunScheduler
        | Action::Undo
        | Action::Reveal
        | Action::Add => Severity::Run,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_back() {
        for action in Action::ALL {
            assert_eq!(Action::parse(action.word()), Some(action));
        }
        assert_eq!(Action::parse("flush"), None);
    }

    #[test]
    fn severity_grows_with_the_count() {
        use Action::{Clean, Drain, Merge, Obliterate, Pause, Promote, Remove, Resume, Retry, Undo};
        for action in [Retry, Promote, Resume, Merge] {
            assert_eq!(severity(action, 1, true), Severity::Run);
            assert_eq!(severity(action, 2, true), Severity::Ask);
        }
        for action in [Pause, Remove] {
            assert_eq!(severity(action, 1, false), Severity::Ask);
        }
        for action in [Drain, Clean] {
            assert_eq!(severity(action, 1, true), Severity::Type);
            assert_eq!(severity(action, 1, false), Severity::Ask);
        }
        assert_eq!(severity(Obliterate, 1, false), Severity::Type);
        for action in [Retry, Promote, Resume, Merge, Undo, Pause, Remove] {
            assert_eq!(severity(action, 100, true), Severity::Ask);
            assert_eq!(severity(action, 101, true), Severity::Type);
            assert_eq!(severity(action, 101, false), Severity::Ask);
        }
    }
}
