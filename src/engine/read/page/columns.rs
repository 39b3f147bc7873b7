//! Which fields the columns of a state need, so that nothing else is read.

use crate::wire::{Era, State};

/// What the columns of a state need, so that nothing else is read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Columns {
    /// Small fields.
    pub small: &'static [Small],
    /// Fields that may be large: their size is asked first.
    pub texts: &'static [Text],
    /// What the score says.
    pub score: Score,
    /// Whether it is worth knowing that the job is a child.
    pub child: bool,
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Small {
    Timestamp,
    ProcessedOn,
    Delay,
    Priority,
    Attempts,
    Started,
    Worker,
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Text {
    Name,
    Reason,
    Progress,
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Score {
    None,
    Due,
    Finished,
    /// An encoded priority, or the priority itself up to era 3.
    Priority,
}

pub(super) fn columns(state: State) -> Columns {
    use Small::{Attempts, Delay, Priority, ProcessedOn, Started, Timestamp, Worker};
    use Text::{Name, Progress, Reason};
    match state {
        State::Waiting | State::Paused => Columns {
            small: &[Timestamp, Priority, Attempts],
            texts: &[Name],
            score: Score::None,
            child: true,
        },
        State::Prioritized => {
            Columns { small: &[Timestamp, Attempts], texts: &[Name], score: Score::Priority, child: true }
        }
        State::Active => Columns {
            small: &[ProcessedOn, Attempts, Started, Worker],
            texts: &[Name, Progress],
            score: Score::None,
            child: false,
        },
        State::Delayed => Columns {
            small: &[Timestamp, Delay, Attempts],
            texts: &[Name, Reason],
            score: Score::Due,
            child: false,
        },
        State::WaitingChildren => {
            Columns { small: &[Timestamp], texts: &[Name], score: Score::None, child: true }
        }
        State::Completed => Columns {
            small: &[ProcessedOn, Attempts, Worker],
            texts: &[Name],
            score: Score::Finished,
            child: false,
        },
        State::Failed => {
            Columns { small: &[Attempts], texts: &[Name, Reason], score: Score::Finished, child: false }
        }
    }
}

impl Small {
    /// The fields of the hash that hold it: attempts changed their name with era 5.
    pub const fn fields(self, era: Era) -> &'static [&'static str] {
        match self {
            Self::Timestamp => &["timestamp"],
            Self::ProcessedOn => &["processedOn"],
            Self::Delay => &["delay"],
            Self::Priority => &["priority"],
            Self::Worker => &["pb"],
            Self::Attempts => match era {
                // In a queue that was upgraded jobs may have both.
                Era::V5 | Era::V6 | Era::Pro | Era::Unknown => &["attemptsMade", "atm"],
                _ => &["attemptsMade"],
            },
            Self::Started => match era {
                Era::V5 | Era::V6 | Era::Pro | Era::Unknown => &["ats"],
                _ => &[],
            },
        }
    }
}

impl Text {
    /// The field of the hash.
    pub const fn field(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Reason => "failedReason",
            Self::Progress => "progress",
        }
    }
}
