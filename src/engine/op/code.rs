//! What a script answers, mapped once.

use crate::wire::State;

/// How an operation on one job or queue ended, as far as Redis is concerned.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Code {
    /// It was done.
    Done,
    /// There is no such job (any more).
    Gone,
    /// The job is not in the state that the operation starts from; nothing was changed.
    NotIn(State),
    /// A worker holds the job's lock.
    Locked,
    /// A worker holds the lock of a child that would be removed as well.
    ChildLocked,
    /// The job waits for children that are not done: retried now it would run and then be refused.
    ChildrenPending,
    /// Children of the job failed: retried now it would run and then be refused.
    ChildFailed,
    /// The job is the next iteration of a scheduler: without it the scheduler would stop.
    Scheduler,
    /// More descendants, or longer lists to search, than one script may handle.
    TooMany,
    /// A job of this id is there again: nothing newer is overwritten.
    Taken,
    /// The id names a structure of the queue (trap T8).
    Reserved,
    /// The key is no job: of another type, or without a job's fields.
    NotAJob,
    /// The library of this era has no such operation.
    Unsupported,
    /// The queue's keys contradict the era (spec 5.1), or the job belongs to BullMQ Pro.
    WrongEra,
    /// A key of the queue has a type that no library gives it; writing could stop halfway.
    Damaged,
    /// The deduplication id is not the job's: it owns none, or somebody else owns it by now.
    NotOwner,
    /// What was to be replaced is not what was read before.
    Changed,
    /// The job came, or ran, after the moment up to which the caller wants to act.
    Newer,
    /// The queue is not paused.
    NotPaused,
    /// Jobs are active.
    StillActive,
    /// There is no such scheduler.
    NoScheduler,
    /// There is a scheduler of this id already.
    SchedulerThere,
    /// A job with the id of the scheduler's next run exists already.
    Occupied,
    /// A value is out of its range, or no JSON.
    Invalid,
    /// What was to be repaired is not damaged (any more).
    Sound,
    /// What was to be put back held for a time, which is over.
    Over,
}

impl Code {
    /// What a script answered. `from` is the state that the operation starts from.
    pub(super) fn from_script(answer: i64, from: State) -> Option<Self> {
        if let Some(refusal) = Self::refusal(answer) {
            return Some(refusal);
        }
        Some(match answer {
            1 => Self::Done,
            -1 => Self::Gone,
            -3 => Self::NotIn(from),
            -4 => Self::ChildrenPending,
            -8 => Self::Scheduler,
            -9 => Self::ChildFailed,
            -21 => Self::Locked,
            -22 => Self::ChildLocked,
            -23 => Self::TooMany,
            -24 => Self::NotAJob,
            -27 => Self::NotOwner,
            -28 => Self::Changed,
            -29 => Self::Newer,
            -30 => Self::NotPaused,
            -31 => Self::StillActive,
            -32 => Self::NoScheduler,
            -33 => Self::Occupied,
            -35 => Self::Sound,
            -36 => Self::Over,
            _ => return None,
        })
    }

    /// What the script that puts a job back answered, where it did not.
    pub(in crate::engine) const fn from_restore(answer: i64) -> Option<Self> {
        match answer {
            -40 => Some(Self::Taken),
            other => Self::refusal(other),
        }
    }

    /// What the script that puts an edit back answered.
    pub(in crate::engine) fn from_revert(answer: i64) -> Option<Self> {
        Self::from_script(answer, State::Waiting)
    }

    /// What the script of a repair answered.
    pub(in crate::engine) fn from_mend(answer: i64) -> Option<Self> {
        Self::from_script(answer, State::Waiting)
    }

    /// What any script answers about a queue that it will not write to.
    pub(in crate::engine) const fn refusal(answer: i64) -> Option<Self> {
        match answer {
            -25 => Some(Self::WrongEra),
            -26 => Some(Self::Damaged),
            _ => None,
        }
    }

    /// Whether it was done.
    pub const fn is_done(self) -> bool {
        matches!(self, Self::Done)
    }

    /// The word in machine output.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Gone => "gone",
            Self::NotIn(State::Failed) => "not-failed",
            Self::NotIn(State::Completed) => "not-completed",
            Self::NotIn(State::Delayed) => "not-delayed",
            Self::NotIn(State::Active) => "not-active",
            Self::NotIn(_) => "not-in-state",
            Self::Locked => "locked",
            Self::ChildLocked => "child-locked",
            Self::ChildrenPending => "children-pending",
            Self::ChildFailed => "child-failed",
            Self::Scheduler => "scheduler",
            Self::TooMany => "too-many",
            Self::Taken => "taken",
            Self::Reserved => "reserved",
            Self::NotAJob => "not-a-job",
            Self::Unsupported => "unsupported",
            Self::WrongEra => "wrong-era",
            Self::Damaged => "damaged",
            Self::NotOwner => "not-owner",
            Self::Changed => "changed",
            Self::Newer => "newer",
            Self::NotPaused => "not-paused",
            Self::StillActive => "still-active",
            Self::NoScheduler => "no-scheduler",
            Self::SchedulerThere => "scheduler-there",
            Self::Occupied => "occupied",
            Self::Invalid => "invalid",
            Self::Sound => "sound",
            Self::Over => "over",
        }
    }

    /// A sentence for people, without the id.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Done => "Done.",
            Self::Gone => "The job no longer exists.",
            Self::NotIn(State::Failed) => "The job is not failed any more.",
            Self::NotIn(State::Completed) => "The job is not completed any more.",
            Self::NotIn(State::Delayed) => "The job is not delayed any more.",
            Self::NotIn(State::Active) => "The job is not active any more.",
            Self::NotIn(State::WaitingChildren) => "The job waits for no child that could be removed.",
            Self::NotIn(_) => "The job is in another state by now.",
            Self::Locked => "A worker is running the job.",
            Self::ChildLocked => "A worker is running one of its children.",
            Self::ChildrenPending => "It waits for children that are not done; see to them first.",
            Self::ChildFailed => "Children of it failed; retry them first, or it would only fail again.",
            Self::Scheduler => {
                "It is the next run of a scheduler; without it the scheduler would stop. Remove the scheduler instead."
            }
            Self::TooMany => {
                "It has more descendants than one step may remove. Remove children first, or keep them."
            }
            Self::Taken => "A job with this id is there by now; it was left as it is.",
            Self::Reserved => "The id is the name of a structure of the queue.",
            Self::NotAJob => "What stands under this id is not a job.",
            Self::Unsupported => "The library of this queue cannot do that.",
            Self::WrongEra => {
                "The keys of the queue do not fit the library that was found to write it; nothing was changed."
            }
            Self::Damaged => "A key of the queue has a wrong type; nothing was changed.",
            Self::NotOwner => "The deduplication id is not this job's.",
            Self::Changed => "It was changed by somebody else meanwhile; nothing was changed.",
            Self::Newer => "The job came, or ran, after the moment that was chosen.",
            Self::NotPaused => "The queue is not paused.",
            Self::StillActive => "Jobs of the queue are active.",
            Self::NoScheduler => "There is no such scheduler.",
            Self::SchedulerThere => "There is a scheduler of this id already; edit it instead.",
            Self::Occupied => "A job with the id of the next run exists already.",
            Self::Invalid => "The value is not one that the library would take.",
            Self::Sound => "It is not damaged any more; nothing was changed.",
            Self::Over => "The time that it held for is over: there is nothing to put back.",
        }
    }
}
