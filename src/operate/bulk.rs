//! Acts on whole states of a queue: frozen at a moment, chunk by chunk, at a pace.

mod drive;
mod pace;
mod preview;

pub(super) use drive::drive;
pub use pace::Pace;
pub use preview::preview_bulk;

use std::sync::Arc;

use super::action::{Severity, severity};
use super::{Action, Only};
use crate::engine::op::{Sweep, Target};
use crate::wire::State;

/// What is done to the jobs of whole states.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Bulk {
    /// Removes what waits.
    Drain {
        /// And what is delayed.
        delayed: bool,
    },
    /// Removes jobs of a state that are older than the plan's moment.
    Clean {
        /// The state, any but active jobs that a worker holds.
        state: State,
        /// At most so many, the oldest.
        limit: Option<u64>,
    },
    /// Removes the queue: all its jobs, schedulers and keys. It is paused first.
    Obliterate {
        /// With the jobs that workers run right now.
        force: bool,
    },
    /// Puts all finished jobs of a state back in line.
    Retry {
        /// Failed or completed.
        from: State,
        /// Whether attempts are counted from zero.
        reset_attempts: bool,
    },
    /// Lets all delayed jobs run now.
    Promote,
}

impl Bulk {
    /// The act.
    pub const fn action(self) -> Action {
        match self {
            Self::Drain { .. } => Action::Drain,
            Self::Clean { .. } => Action::Clean,
            Self::Obliterate { .. } => Action::Obliterate,
            Self::Retry { .. } => Action::Retry,
            Self::Promote => Action::Promote,
        }
    }

    /// Whether jobs are gone afterwards.
    pub const fn takes_away(self) -> bool {
        matches!(self, Self::Drain { .. } | Self::Clean { .. } | Self::Obliterate { .. })
    }

    /// The states whose jobs it covers.
    pub fn states(self) -> Vec<State> {
        match self {
            Self::Drain { delayed } => {
                let mut states = vec![State::Waiting, State::Paused, State::Prioritized];
                if delayed {
                    states.push(State::Delayed);
                }
                states
            }
            Self::Clean { state, .. } => vec![state],
            Self::Obliterate { .. } => State::ALL.to_vec(),
            Self::Retry { from, .. } => vec![from],
            Self::Promote => vec![State::Delayed],
        }
    }
}

/// How much must be asked before an act on so many jobs, which are those of one group of errors or not.
pub fn severity_of(bulk: Bulk, one_group: bool, jobs: u64, protected: bool) -> Severity {
    const AT_ONCE: u64 = 100;
    if one_group && jobs <= AT_ONCE && matches!(bulk, Bulk::Retry { .. }) {
        return Severity::Run;
    }
    severity(bulk.action(), jobs, protected)
}

/// An act on whole states of a queue, frozen when the person looked at it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BulkPlan {
    /// The queue.
    pub target: Target,
    /// What is done.
    pub bulk: Bulk,
    /// Only jobs that were there by this moment, ms by Redis's clock: what comes later is left alone.
    pub until: i64,
    /// How fast.
    pub pace: Pace,
    /// Only these of them: the jobs of one group of errors, or what a filter found. For retry and promote.
    pub only: Option<Arc<Only>>,
}

impl BulkPlan {
    /// How much must be asked before, where it is about so many jobs: a group of errors of up to 100 jobs is
    /// retried at once (decisions, section 8).
    pub fn severity(&self, jobs: u64, protected: bool) -> Severity {
        severity_of(self.bulk, self.only.as_ref().is_some_and(|only| only.is_group()), jobs, protected)
    }

    /// Only of the jobs that were chosen, where some were.
    fn chosen(&self, sweep: Sweep) -> Sweep {
        match &self.only {
            Some(only) => sweep.only(only.ids.iter().cloned()),
            None => sweep,
        }
    }

    pub(super) fn sweep(&self) -> Sweep {
        let target = self.target.clone();
        match self.bulk {
            Bulk::Drain { delayed } => Sweep::drain(target, self.until, delayed),
            Bulk::Clean { state, limit } => Sweep::clean(target, state, self.until, limit),
            Bulk::Obliterate { force } => Sweep::obliterate(target, force),
            Bulk::Retry { from, reset_attempts } => {
                self.chosen(Sweep::retry_all(target, from, reset_attempts, self.until))
            }
            Bulk::Promote => self.chosen(Sweep::promote_all(target, self.until)),
        }
    }
}
