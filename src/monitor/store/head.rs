//! The job at the head of something, read once.

use crate::wire::JobId;

/// A job at a head and the time that counts for it.
#[derive(Debug, Default, Clone)]
pub(in crate::monitor) struct Head {
    id: Option<JobId>,
    /// The time, once it was read.
    pub at: Option<i64>,
    asked_at: i64,
    answered: bool,
}

impl Head {
    /// Another job is at the head now, or none.
    pub fn turn_to(&mut self, id: Option<&JobId>) {
        if self.id.as_ref() != id {
            *self = Self { id: id.cloned(), at: None, asked_at: self.asked_at, answered: id.is_none() };
        }
    }

    /// The job to read, if it was not read and the last question is `every` ms ago.
    pub fn ask(&mut self, now: i64, every: i64) -> Option<JobId> {
        if self.answered || now - self.asked_at < every {
            return None;
        }
        let id = self.id.clone()?;
        self.asked_at = now;
        Some(id)
    }

    /// Takes what was read, if it is still about the job at the head.
    pub fn answer(&mut self, job: &JobId, at: Option<i64>) {
        if self.id.as_ref() == Some(job) {
            self.at = at;
            self.answered = true;
        }
    }
}
