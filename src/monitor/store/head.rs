//! The job at the head of something, read once.

use crate::wire::JobId;

/// How long the time of a former head stands in for that of the one that took its place, ms: a
/// busy list has another head in every sample, and is read once a second.
const STANDS_IN: i64 = 10_000;

/// A job at a head and the time that counts for it.
#[derive(Debug, Default, Clone)]
pub(in crate::monitor) struct Head {
    id: Option<JobId>,
    /// The time, once it was read: of this head, or lately of the one before.
    pub at: Option<i64>,
    /// When `at` was read.
    known_at: i64,
    asked_at: i64,
    answered: bool,
}

impl Head {
    /// Another job is at the head now, or none.
    pub fn turn_to(&mut self, id: Option<&JobId>, now: i64) {
        let Some(id) = id else {
            *self = Self { asked_at: self.asked_at, answered: true, ..Self::default() };
            return;
        };
        if self.id.as_ref() != Some(id) {
            self.id = Some(id.clone());
            self.answered = false;
        } else if self.answered && self.known_at < self.asked_at {
            // Read, and it has no time: what stood in for it was another's.
            self.at = None;
        }
        if !self.answered && now - self.known_at > STANDS_IN {
            self.at = None;
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

    /// Takes what was read, if it is still about the job at the head. A job that is gone leaves the
    /// time as it is: most likely it ran meanwhile, and the next sample tells who came after it.
    pub fn answer(&mut self, job: &JobId, at: Option<i64>) {
        if self.id.as_ref() != Some(job) {
            return;
        }
        self.answered = true;
        if at.is_some() {
            self.at = at;
            self.known_at = self.asked_at;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(head: &mut Head, id: &str, now: i64) {
        head.turn_to(Some(&JobId::new(id)), now);
    }

    #[test]
    fn a_busy_head_keeps_its_age_while_the_next_is_read() {
        let mut head = Head::default();
        turn(&mut head, "1", 1_000);
        let job = head.ask(1_000, 1_000).unwrap();
        head.answer(&job, Some(500));
        assert_eq!(head.at, Some(500));
        turn(&mut head, "2", 1_100);
        assert_eq!((head.at, head.ask(1_100, 1_000)), (Some(500), None), "once a second");
        turn(&mut head, "3", 2_000);
        let job = head.ask(2_000, 1_000).unwrap();
        // It ran before it was read; the next sample shows another head.
        head.answer(&job, None);
        assert_eq!(head.at, Some(500));
        turn(&mut head, "4", 2_100);
        assert_eq!(head.at, Some(500));
        turn(&mut head, "5", 11_100);
        assert_eq!(head.at, None, "too long ago to stand in for anything");
    }

    #[test]
    fn an_empty_list_has_no_age_and_neither_has_a_head_without_a_hash() {
        let mut head = Head::default();
        turn(&mut head, "1", 1_000);
        let job = head.ask(1_000, 0).unwrap();
        head.answer(&job, Some(500));
        turn(&mut head, "ghost", 2_000);
        let job = head.ask(2_000, 0).unwrap();
        head.answer(&job, None);
        turn(&mut head, "ghost", 2_100);
        assert_eq!(head.at, None);
        turn(&mut head, "2", 3_000);
        let job = head.ask(3_000, 0).unwrap();
        head.answer(&job, Some(2_500));
        turn(&mut head, "2", 60_000);
        assert_eq!(head.at, Some(2_500), "its own time lasts");
        head.turn_to(None, 61_000);
        assert_eq!((head.at, head.ask(62_000, 0)), (None, None));
    }
}
