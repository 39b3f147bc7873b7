//! How many jobs a queue holds in each state.

use super::State;

/// Jobs by state, wake-up markers taken out (spec 3.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// In `wait`. In eras up to 3 prioritised jobs are among them.
    pub waiting: u64,
    /// In the `paused` list: the waiting jobs of a paused queue up to era 5, leftovers in era 6.
    pub paused: u64,
    /// With a priority: in `prioritized` (era 4 on), or among the waiting ones (before).
    pub prioritized: u64,
    /// Being run.
    pub active: u64,
    /// Due later.
    pub delayed: u64,
    /// Parents that wait.
    pub waiting_children: u64,
    /// Finished and kept.
    pub completed: u64,
    /// Failed and kept.
    pub failed: u64,
}

impl Counts {
    /// The count of one state.
    pub const fn of(&self, state: State) -> u64 {
        match state {
            State::Waiting => self.waiting,
            State::Paused => self.paused,
            State::Prioritized => self.prioritized,
            State::Active => self.active,
            State::Delayed => self.delayed,
            State::WaitingChildren => self.waiting_children,
            State::Completed => self.completed,
            State::Failed => self.failed,
        }
    }
}
