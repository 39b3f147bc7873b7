//! How many jobs a queue holds in each state.

use super::{Era, State};

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

    /// Jobs that would run now if workers were free and nothing held the queue back, nothing twice.
    ///
    /// They are in `wait`, `prioritized` and `paused` (spec 3.2): that of a paused queue up to era 5 holds what a
    /// resume puts back into `wait`, and later what an older writer left there. Up to era 3, and in Bull, those with a
    /// priority are in one of the lists already, and `priority` is an index of them (spec 1.2).
    pub fn ready(&self, era: Era) -> u64 {
        let apart = if era <= Era::V3 { 0 } else { self.prioritized };
        self.waiting.saturating_add(self.paused).saturating_add(apart)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_a_priority_counts_once() {
        let counts =
            Counts { waiting: 5, paused: 2, prioritized: 3, delayed: 9, active: 1, ..Counts::default() };
        let ready = |era| counts.ready(era);
        assert_eq!([Era::Bull3, Era::Bull4, Era::V1, Era::V2, Era::V3].map(ready), [7; 5]);
        assert_eq!([Era::V4, Era::V5, Era::V6, Era::Pro, Era::Unknown].map(ready), [10; 5]);
    }
}
