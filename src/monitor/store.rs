//! The queues that are known, and what is known of each: from samples to rows.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::series::{Flow, Series};
use super::snapshot::{Cell, EraNote, QueueRow, Workers};
use crate::engine::read::Overview;
use crate::text::Clean;
use crate::wire::era::{Evidence, decide};
use crate::wire::{Counts, Era, JobId, Prefix, QueueId, QueueName};

/// Samples in which nothing of a queue was there, after which it is dropped.
const ABSENT: u8 = 2;

/// A queue that is known.
#[derive(Debug)]
pub(super) struct Entry {
    /// The row as it was last published.
    pub row: Arc<QueueRow>,
    /// What tells the era, gathered over time.
    pub evidence: Evidence,
    /// Flow of late.
    series: Series,
    /// The user named it: it stays even where nothing of it exists.
    pub named: bool,
    /// Its workers keep metrics.
    pub metrics: bool,
    /// When it was last sampled by Redis's clock, ms; 0 is never.
    pub sampled_redis_ms: i64,
    /// When it was last sampled by this host's clock, ms; 0 is never.
    pub sampled_at: i64,
    /// When all that tells its era was last looked at.
    pub identified_at: i64,
    /// The next job and what is known of it.
    pub next: Head,
    /// The job that has run longest and when it started.
    pub active: Head,
    absent: u8,
}

/// A job at the head of something.
#[derive(Debug, Default, Clone)]
pub(super) struct Head {
    /// Which.
    pub id: Option<JobId>,
    /// The time that counts for it, once it was read.
    pub at: Option<i64>,
    /// When it was last asked for.
    pub asked_at: i64,
}

impl Head {
    fn turn_to(&mut self, id: Option<&JobId>) {
        if self.id.as_ref() != id {
            *self = Self { id: id.cloned(), at: None, asked_at: self.asked_at };
        }
    }
}

/// All queues that are known, by name.
#[derive(Debug, Default)]
pub(super) struct Store {
    entries: BTreeMap<(QueueName, Prefix), Entry>,
    /// Something that is shown changed since the last snapshot.
    pub changed: bool,
}

fn place(id: &QueueId) -> (QueueName, Prefix) {
    (id.name.clone(), id.prefix.clone())
}

impl Store {
    /// Adds a queue; whether it is new.
    pub fn found(&mut self, id: QueueId, named: bool) -> bool {
        let entry = self.entries.entry(place(&id));
        let new = matches!(entry, std::collections::btree_map::Entry::Vacant(_));
        let entry = entry.or_insert_with(|| Entry {
            row: Arc::new(QueueRow::found(id)),
            evidence: Evidence::default(),
            series: Series::default(),
            named,
            metrics: true,
            sampled_redis_ms: 0,
            sampled_at: 0,
            identified_at: 0,
            next: Head::default(),
            active: Head::default(),
            absent: 0,
        });
        entry.named |= named;
        self.changed |= new;
        new
    }

    /// What is known of a queue.
    pub fn get(&self, id: &QueueId) -> Option<&Entry> {
        self.entries.get(&place(id))
    }

    /// See [`Store::get`].
    pub fn get_mut(&mut self, id: &QueueId) -> Option<&mut Entry> {
        self.entries.get_mut(&place(id))
    }

    /// All, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }

    /// See [`Store::iter`].
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Entry> {
        self.entries.values_mut()
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// The rows for a snapshot; those that did not change are the same allocations as before.
    pub fn rows(&self) -> Vec<Arc<QueueRow>> {
        self.entries.values().map(|entry| entry.row.clone()).collect()
    }

    /// Takes a sample; whether anything of the row changed. `now` is this host's time.
    pub fn apply(&mut self, id: &QueueId, found: &Overview, redis_ms: i64, now: i64) -> bool {
        let Some(entry) = self.entries.get_mut(&place(id)) else { return false };
        if found.is_absent() {
            entry.absent = entry.absent.saturating_add(1);
            // A remembered name that was never seen alive goes at once.
            let never = entry.sampled_at == 0;
            if !entry.named && (entry.absent >= ABSENT || never) {
                self.entries.remove(&place(id));
                self.changed = true;
                return true;
            }
        } else {
            entry.absent = 0;
        }
        let changed = entry.apply(found, redis_ms, now);
        self.changed |= changed;
        changed
    }

    /// Recomputes what time alone changes: rates that come to rest, history.
    pub fn tick(&mut self, now: i64) {
        for entry in self.entries.values_mut() {
            self.changed |= entry.tick(now);
        }
    }

    /// Something happened in the queue: what shows it is out of date.
    pub fn touch(&mut self, id: &QueueId) {
        if let Some(entry) = self.entries.get_mut(&place(id)) {
            Arc::make_mut(&mut entry.row).touched += 1;
            self.changed = true;
        }
    }

    /// Takes how many workers each queue has; `None` where that may not be known.
    pub fn set_workers(&mut self, count: impl Fn(&QueueId) -> Option<super::workers::Seen>) {
        for entry in self.entries.values_mut() {
            let seen = count(&entry.row.id);
            let workers = seen.map_or(Workers::NotPermitted, |seen| Workers::Count(seen.workers));
            if let Some(seen) = seen {
                // Busy workers show nothing: what was seen of idle ones stays true.
                entry.evidence.waits = seen.waits.or(entry.evidence.waits);
                entry.evidence.scheduler_process |= seen.scheduler_process;
            }
            if entry.row.workers != workers {
                Arc::make_mut(&mut entry.row).workers = workers;
                self.changed = true;
            }
            self.changed |= entry.settle_era();
        }
    }
}

impl Entry {
    /// The era, as far as known.
    pub fn era(&self) -> Era {
        self.row.era
    }

    /// The newest finish time to count from at the next sample.
    pub fn finished_since(&self) -> Option<i64> {
        (self.sampled_redis_ms > 0).then_some(self.sampled_redis_ms)
    }

    fn apply(&mut self, found: &Overview, redis_ms: i64, now: i64) -> bool {
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
        self.next.turn_to(found.next.as_ref());
        self.active.turn_to(found.oldest_active.as_ref());
        self.flow(found, now);
        self.sampled_redis_ms = redis_ms;
        self.sampled_at = now;

        let rates = self.series.rates(now);
        let counts = found.counts(self.row.era);
        let mut row = (*self.row).clone();
        row.backlog = found.backlog();
        row.paused = found.is_paused();
        row.split = counts.waiting > 0 && counts.paused > 0;
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
            return false;
        }
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
        let version = self.evidence.meta.version.as_ref().map(super::super::wire::Raw::clean);
        let note = EraNote { version, evidence };
        if era == self.row.era && note == self.row.era_note {
            return false;
        }
        let row = Arc::make_mut(&mut self.row);
        row.era = era;
        row.era_note = note;
        true
    }

    fn tick(&mut self, now: i64) -> bool {
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
            row.history = history;
        }
        true
    }

    /// Takes what was read of the jobs at the heads; whether the row changed.
    pub fn settle_heads(&mut self) -> bool {
        if self.row.oldest_at == self.next.at && self.row.oldest_active_at == self.active.at {
            return false;
        }
        let (oldest, active) = (self.next.at, self.active.at);
        let row = Arc::make_mut(&mut self.row);
        row.oldest_at = oldest;
        row.oldest_active_at = active;
        true
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
