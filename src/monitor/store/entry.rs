//! One queue: from a sample to a row.

use std::sync::Arc;

use super::Entry;
use crate::engine::read::Overview;
use crate::engine::read::heads;
use crate::engine::read::workers::Seen;
use crate::monitor::marks::{self, Happened};
use crate::monitor::series::Flow;
use crate::monitor::snapshot::{Cell, EraNote, QueueRow, Workers};
use crate::text::Clean;
use crate::wire::era::{Evidence, decide};
use crate::wire::{Counts, Era, JobId, Raw};

impl Entry {
    /// The era, as far as known.
    pub fn era(&self) -> Era {
        self.row.era
    }

    /// The newest finish time to count from at the next sample.
    pub fn finished_since(&self) -> Option<i64> {
        (self.sampled_redis_ms > 0).then_some(self.sampled_redis_ms)
    }

    /// Whether all that tells its era was looked at since it has jobs.
    pub fn is_identified(&self) -> bool {
        self.identified_at > 0 && self.evidence.id
    }

    /// Whether its events can be followed.
    pub fn has_stream(&self) -> bool {
        self.evidence.events && !self.untailed
    }

    /// Whether nothing of it was there when it was last sampled.
    pub fn is_absent(&self) -> bool {
        self.absent > 0
    }

    /// From now on it is sampled and not followed.
    pub fn untail(&mut self) {
        self.untailed = true;
    }

    /// Its events are too large to follow (bytes of one reply), or cannot be read (0): from now on it
    /// is sampled.
    pub fn set_untailed(&mut self, size: usize) {
        self.untail();
        let note = match size / 1024 {
            0 => "its events cannot be read: it is sampled".to_owned(),
            size => format!("its events are too large to follow ({size} KB in one answer): it is sampled"),
        };
        Arc::make_mut(&mut self.row).note = Some(Clean::from(note));
    }

    /// Takes who is connected; whether the row changed.
    pub(super) fn set_workers(&mut self, seen: Option<Seen>, now: i64) -> bool {
        let workers = seen.map_or(Workers::NotPermitted, |seen| Workers::Count(seen.workers));
        if let Some(seen) = seen {
            // Busy workers show nothing: what was seen of idle ones stays true.
            self.evidence.waits = seen.waits.or(self.evidence.waits);
            self.evidence.scheduler_process |= seen.scheduler_process;
        }
        let mut changed = self.settle_era();
        if self.row.workers != workers {
            let row = Arc::make_mut(&mut self.row);
            if let (Workers::Count(before), Workers::Count(after)) = (row.workers, workers) {
                let more = u64::from(after.saturating_sub(before));
                let fewer = u64::from(before.saturating_sub(after));
                let what = if more > 0 { Happened::WorkersCame(more) } else { Happened::WorkersLeft(fewer) };
                marks::note(&mut row.marks, now, what);
            }
            row.workers = workers;
            changed = true;
        }
        changed
    }

    pub(super) fn apply(&mut self, found: &Overview, redis_ms: i64, now: i64) -> bool {
        let first = self.sampled_at == 0;
        if let Some(error) = &found.error {
            // What could be read is not mixed with what could not: the last figures stay.
            self.sampled_at = now;
            let mut row = (*self.row).clone();
            row.error = Some(error.clone());
            return self.replace(row, now);
        }
        if let Some(evidence) = &found.evidence {
            let kept = std::mem::take(&mut self.evidence);
            self.evidence = Evidence {
                waits: kept.waits,
                scheduler_process: kept.scheduler_process,
                jobs: kept.jobs,
                // These come and go with the load; seen once is seen.
                marker: kept.marker || evidence.marker,
                pc: kept.pc || evidence.pc,
                prioritized: kept.prioritized || evidence.prioritized,
                list_marker: evidence.list_marker.or(kept.list_marker),
                ..evidence.clone()
            };
            self.identified_at = now;
            self.metrics = found.completed_count.is_some() || found.failed_count.is_some();
        } else {
            self.evidence.meta = found.meta.clone();
            self.evidence.meta_paused |= found.meta_paused;
            self.evidence.id = found.last_id.is_some();
            self.evidence.prioritized |= found.prioritized > 0;
        }
        self.settle_era();
        self.next.turn_to(found.next.as_ref(), now);
        self.active.turn_to(found.oldest_active.as_ref(), now);
        if found.newest_finished.is_some() {
            self.newest.turn_to(found.newest_finished.as_ref(), now);
        }
        self.flow(found, now);
        self.sampled_redis_ms = redis_ms;
        self.sampled_at = now;

        let rates = self.series.rates(now);
        let counts = found.counts(self.row.era);
        let mut row = (*self.row).clone();
        row.backlog = found.backlog();
        if !first && row.paused != found.is_paused() {
            let what = if row.paused { Happened::Resumed } else { Happened::Paused };
            marks::note(&mut row.marks, now, what);
        }
        row.paused = found.is_paused();
        row.split = found.is_split(&counts);
        row.concurrency = found.meta.concurrency;
        row.rate = found.meta.max.zip(found.meta.duration);
        row.limited_ms = found.limited_ms();
        row.schedulers = found.repeat;
        row.next_due_at = found.next_due_at;
        row.oldest_at = self.next.at;
        row.oldest_active_at = self.active.at;
        row.in_per_s = rates.in_per_s;
        row.out_per_s = rates.out_per_s;
        row.failure_share = rates.failure_share;
        row.drain = rates.drain;
        row.error = None;
        glow(&mut row, counts, &self.row, (!first).then_some(now));
        row.counts = counts;
        self.replace(row, now)
    }

    fn flow(&mut self, found: &Overview, now: i64) {
        let last = self.series.last();
        let counted = |count: Option<u64>| count.and_then(|n| i64::try_from(n).ok()).unwrap_or(0);
        let (completed, failed) = (counted(found.completed_count), counted(found.failed_count));
        let exact = found.metrics && self.metrics;
        // Without metrics each sample only tells what is new: it is added up.
        let (before_completed, before_failed) = match last {
            Some(last) if !exact => (last.completed, last.failed),
            _ => (0, 0),
        };
        self.series.push(Flow {
            at: now,
            added: found.last_id.unwrap_or(0),
            backlog: i64::try_from(found.backlog()).unwrap_or(i64::MAX),
            completed: before_completed + if exact || !found.metrics { completed } else { 0 },
            failed: before_failed + if exact || !found.metrics { failed } else { 0 },
            exact,
        });
    }

    /// Puts the row in place if it says anything new.
    fn replace(&mut self, mut row: QueueRow, now: i64) -> bool {
        row.sampled_at = self.row.sampled_at;
        if row == *self.row {
            self.quiet = self.quiet.saturating_add(1);
            return false;
        }
        self.quiet = 0;
        row.sampled_at = now;
        row.touched += 1;
        self.row = Arc::new(row);
        true
    }

    fn settle_era(&mut self) -> bool {
        if self.identified_at == 0 {
            return false;
        }
        let (era, evidence) = decide(&self.evidence);
        let version = self.evidence.meta.version.as_ref().map(Raw::clean);
        let note = EraNote { version, evidence };
        if era == self.row.era && note == self.row.era_note {
            return false;
        }
        let row = Arc::make_mut(&mut self.row);
        row.era = era;
        row.era_note = note;
        true
    }

    pub(super) fn tick(&mut self, now: i64) -> bool {
        if self.sampled_at == 0 {
            return false;
        }
        let rates = self.series.rates(now);
        let history = self.series.advance(now);
        let row = &*self.row;
        let same = row.in_per_s == rates.in_per_s
            && row.out_per_s == rates.out_per_s
            && row.failure_share == rates.failure_share
            && row.drain == rates.drain;
        if same && !history {
            return false;
        }
        let history = history.then(|| self.series.history());
        let row = Arc::make_mut(&mut self.row);
        row.in_per_s = rates.in_per_s;
        row.out_per_s = rates.out_per_s;
        row.failure_share = rates.failure_share;
        row.drain = rates.drain;
        if let Some(history) = history {
            if let Some(failed) = marks::burst(&history) {
                marks::note(&mut row.marks, now, Happened::Failures(failed));
            }
            row.history = history;
        }
        true
    }

    /// Takes what was read of a job at a head; whether the row changed.
    pub fn take_head(&mut self, job: &JobId, answer: &heads::Head) -> bool {
        self.evidence.jobs.atm |= answer.fields.atm;
        self.evidence.jobs.attempts_made |= answer.fields.attempts_made;
        self.next.answer(job, answer.ready_at(self.sampled_redis_ms));
        self.active.answer(job, answer.processed_on);
        self.newest.answer(job, None);
        let mut changed = self.settle_era();
        if self.row.oldest_at != self.next.at || self.row.oldest_active_at != self.active.at {
            let (oldest, active) = (self.next.at, self.active.at);
            let row = Arc::make_mut(&mut self.row);
            row.oldest_at = oldest;
            row.oldest_active_at = active;
            changed = true;
        }
        changed
    }

    /// Why the queue could not be read.
    pub fn set_error(&mut self, error: Clean) -> bool {
        if self.row.error.as_ref() == Some(&error) {
            return false;
        }
        Arc::make_mut(&mut self.row).error = Some(error);
        true
    }
}

/// Stamps the cells that changed. The first sample makes nothing glow.
fn glow(row: &mut QueueRow, counts: Counts, old: &QueueRow, now: Option<i64>) {
    let Some(now) = now else { return };
    let cells = [
        (Cell::Waiting, counts.waiting != old.counts.waiting),
        (Cell::Paused, counts.paused != old.counts.paused),
        (Cell::Prioritized, counts.prioritized != old.counts.prioritized),
        (Cell::Active, counts.active != old.counts.active),
        (Cell::Delayed, counts.delayed != old.counts.delayed),
        (Cell::Completed, counts.completed != old.counts.completed),
        (Cell::Failed, counts.failed != old.counts.failed),
        (Cell::WaitingChildren, counts.waiting_children != old.counts.waiting_children),
        (Cell::State, (row.paused, row.split) != (old.paused, old.split)),
    ];
    for (cell, changed) in cells {
        if changed {
            row.changed_at[cell as usize] = now;
        }
    }
}
