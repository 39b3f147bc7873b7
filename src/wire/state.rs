//! The states of a job.

/// Where a job is. The order is that of the tabs of the Queue screen.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum State {
    /// In `wait`: runs when a worker is free.
    Waiting,
    /// In the `paused` list of era 5 and older (or left over there in era 6).
    Paused,
    /// In `prioritized` (eras 4 to 6).
    Prioritized,
    /// Being run.
    Active,
    /// Due later.
    Delayed,
    /// A parent whose children are not finished.
    WaitingChildren,
    /// Finished.
    Completed,
    /// Given up.
    Failed,
}

impl State {
    /// All states, in tab order.
    pub const ALL: [Self; 8] = [
        Self::Waiting,
        Self::Prioritized,
        Self::Active,
        Self::Delayed,
        Self::WaitingChildren,
        Self::Completed,
        Self::Failed,
        Self::Paused,
    ];

    /// All states in the order in which jobs move: whoever looks through them one by one meets a job
    /// that moves meanwhile.
    pub const AS_JOBS_MOVE: [Self; 8] = [
        Self::Waiting,
        Self::Paused,
        Self::Prioritized,
        Self::Delayed,
        Self::Active,
        Self::WaitingChildren,
        Self::Failed,
        Self::Completed,
    ];

    /// BullMQ's name of the state, also in `--state` and in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Paused => "paused",
            Self::Prioritized => "prioritized",
            Self::Active => "active",
            Self::Delayed => "delayed",
            Self::WaitingChildren => "waiting-children",
            Self::Completed => "completed",
            Self::Failed => "failed",
        }
    }

    /// The suffix of the key that holds the ids.
    pub const fn suffix(self) -> &'static str {
        match self {
            Self::Waiting => "wait",
            other => other.name(),
        }
    }

    /// Whether the ids are in a list (otherwise in a sorted set).
    pub const fn is_list(self) -> bool {
        matches!(self, Self::Waiting | Self::Paused | Self::Active)
    }

    /// Whether jobs here are over: completed or failed.
    pub const fn is_finished(self) -> bool {
        matches!(self, Self::Completed | Self::Failed)
    }

    /// Reads [`State::name`], and `wait`, which BullMQ takes for waiting.
    pub fn parse(name: &str) -> Option<Self> {
        if name == "wait" {
            return Some(Self::Waiting);
        }
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}
