//! When an error began: failures of a cause that had not been seen before.

use std::collections::HashSet;

use super::cause::GroupId;
use super::groups::Failure;
use crate::engine::read::failures::{Part, Span};
use crate::text::Clean;

/// Causes that are remembered; then nothing is called new any more.
const KNOWN: usize = 2000;
/// Beginnings that are kept.
const KEPT: usize = 32;

/// A cause that began.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Onset {
    /// When the first job failed for it, ms by Redis's clock.
    pub at: i64,
    /// Its group.
    pub group: GroupId,
    /// What its failures have in common.
    pub message: Clean,
}

/// Beginnings of a queue's errors since a moment, from looks at a few of its failures
/// ([`crate::engine::read::failures::onset`]).
///
/// A cause is new when none of the last failures before the moment has it. One that is met for the first time
/// behind failures that were not looked at is known from then on, and not called new: it may have begun there.
#[derive(Clone, Debug, Default)]
pub struct Onsets {
    since: Option<i64>,
    newest: i64,
    known: HashSet<GroupId>,
    found: Vec<Onset>,
}

impl Onsets {
    /// What the next look is about: the first one is about all since this moment, ms by Redis's clock.
    pub fn next(&self, since: i64) -> Span {
        if self.since.is_some() { Span::After(self.newest) } else { Span::Since(since) }
    }

    /// Takes in a look, oldest first.
    pub fn take(&mut self, span: Span, failures: &[(Part, Failure)]) {
        let gap = match span {
            Span::Since(since) => {
                (self.since, self.newest) = (Some(since), since.saturating_sub(1));
                let last = failures.iter().any(|(part, _)| *part == Part::Last);
                let first = failures.iter().filter(|(part, _)| *part == Part::First).count();
                last && first >= crate::engine::read::failures::MOST
            }
            // Of a storm only the newest are looked at: what is met there began now, to a second.
            Span::After(_) => false,
        };
        for (part, failure) in failures {
            self.newest = self.newest.max(failure.at);
            let cause = &failure.cause;
            let new = self.known.len() < KNOWN && self.known.insert(cause.id);
            if new && (*part == Part::First || (*part == Part::Last && !gap)) {
                let message = cause.message.clone();
                self.found.push(Onset { at: failure.at, group: cause.id, message });
            }
        }
        let over = self.found.len().saturating_sub(KEPT);
        self.found.drain(..over);
    }

    /// What began, oldest first.
    pub fn found(&self) -> &[Onset] {
        &self.found
    }
}

#[cfg(test)]
mod tests {
    use super::super::cause::cause;
    use super::*;
    use crate::engine::read::failures::Field;
    use crate::wire::{JobId, Prefix, QueueId, QueueName};

    fn failure(at: i64, reason: &str) -> Failure {
        let queue = QueueId::new(Prefix::default(), QueueName::legacy("pay"));
        let cause = cause(Field::Value(reason.as_bytes()), Field::Absent).into();
        Failure { queue, job: JobId::new(at.to_string()), at, cause }
    }

    fn began(onsets: &Onsets) -> Vec<(i64, &str)> {
        onsets.found().iter().map(|onset| (onset.at, onset.message.as_str())).collect()
    }

    #[test]
    fn what_failed_before_is_not_new() {
        let mut onsets = Onsets::default();
        let span = onsets.next(1000);
        assert_eq!(span, Span::Since(1000));
        onsets.take(
            span,
            &[
                (Part::Before, failure(900, "no price for 1")),
                (Part::First, failure(1100, "no price for 2")),
                (Part::First, failure(1200, "timed out after 30000 ms")),
                (Part::Last, failure(1300, "timed out after 30001 ms")),
                (Part::Last, failure(1400, "no route")),
            ],
        );
        assert_eq!(began(&onsets), [(1200, "timed out after <n> ms"), (1400, "no route")]);
        assert_eq!(onsets.next(5000), Span::After(1400));
        let more = [(Part::Last, failure(1500, "no route")), (Part::Last, failure(1600, "out of paper"))];
        onsets.take(Span::After(1400), &more);
        assert_eq!(began(&onsets).len(), 3);
        assert_eq!(began(&onsets)[2], (1600, "out of paper"));
        assert_eq!(onsets.next(0), Span::After(1600));
    }

    #[test]
    fn what_may_have_begun_unseen_is_not_called_new() {
        let mut onsets = Onsets::default();
        let mut look: Vec<(Part, Failure)> =
            (0..100).map(|n| (Part::First, failure(1000 + n, "no price for 1"))).collect();
        look.push((Part::Last, failure(9000, "no route")));
        onsets.take(Span::Since(1000), &look);
        assert_eq!(began(&onsets), [(1000, "no price for <n>")]);
        onsets.take(Span::After(9000), &[(Part::Last, failure(9100, "no route"))]);
        assert_eq!(began(&onsets).len(), 1);
    }

    #[test]
    fn a_queue_without_failures_is_looked_at_from_now_on() {
        let mut onsets = Onsets::default();
        onsets.take(Span::Since(1000), &[]);
        assert_eq!(onsets.next(0), Span::After(999));
        onsets.take(Span::After(999), &[(Part::Last, failure(2000, "no route"))]);
        assert_eq!(began(&onsets), [(2000, "no route")]);
    }
}
