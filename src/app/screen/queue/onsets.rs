//! When errors of the queue began, for the charts: looked for whenever more jobs have failed.

use super::super::super::effect::{Answer, Effect, FetchId, Query, Slot};
use super::super::super::panel::{Context, Step};
use crate::engine::read::failures::Span;
use crate::insight::errors::{Onset, Onsets};
use crate::monitor::QueueRow;
use crate::text::Clean;

/// It is looked so often at most.
const OFTEN_MS: i64 = 1000;
/// After an error it is looked again after so long.
const PAUSE_MS: i64 = 10_000;
/// One interval of the charts, ms.
const INTERVAL_MS: i64 = 10_000;

/// What is known of it.
#[derive(Debug, Default)]
pub struct Beginnings {
    known: Onsets,
    asked: Option<(FetchId, Span)>,
    /// How many had failed at the last look.
    failed: Option<u64>,
    /// When the next look may be, ms by this host.
    next_at: i64,
}

impl Beginnings {
    /// What began since the charts begin, oldest first.
    pub fn found(&self) -> &[Onset] {
        self.known.found()
    }

    /// Looks, if something failed since the last look.
    pub(super) fn look(&mut self, cx: &Context<'_>, row: &QueueRow) -> Option<Step> {
        let failed = row.counts.failed;
        let moved = self.failed != Some(failed);
        let idle = self.asked.is_none() && cx.now >= self.next_at && cx.link.is_connected();
        if row.sampled_at == 0 || !moved || !idle {
            return None;
        }
        // The charts tell what was since the console runs; a worker's clock is Redis's, about.
        let begin = row.history.first().map_or(cx.now, |point| point.at) - INTERVAL_MS;
        let span = self.known.next(begin + cx.snapshot.clock_offset_ms);
        self.failed = Some(failed);
        if failed == 0 {
            self.known.take(span, &[]);
            return None;
        }
        let id = cx.ids.next();
        self.asked = Some((id, span));
        self.next_at = cx.now + OFTEN_MS;
        Some(Step::Effect(Effect::Fetch(Slot::Onsets, id, Query::Onsets(row.id.clone(), span))))
    }

    /// Takes an answer that is for it; otherwise gives it back.
    pub(super) fn answer(
        &mut self,
        now: i64,
        id: FetchId,
        answer: Result<Answer, Clean>,
    ) -> Result<(), Result<Answer, Clean>> {
        let Some((_, span)) = self.asked.take_if(|(asked, _)| *asked == id) else { return Err(answer) };
        if let Ok(Answer::Onsets(failures)) = answer {
            self.known.take(span, &failures);
        } else {
            // What is not permitted here leaves the charts without these marks.
            (self.failed, self.next_at) = (None, now + PAUSE_MS);
        }
        Ok(())
    }
}
