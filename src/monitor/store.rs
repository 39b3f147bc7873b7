//! The queues that are known, and what is known of each: from samples to rows.

mod entry;
mod head;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::series::Series;
use super::snapshot::QueueRow;
use crate::engine::read::Overview;
use crate::engine::read::workers::Roster;
use crate::wire::era::Evidence;
use crate::wire::{Prefix, QueueId, QueueName};

pub(super) use head::Head;

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
    /// When its stream was last asked for news, by Redis's clock.
    pub swept_redis_ms: i64,
    /// Since when it is on screen, by this host's clock.
    pub visible_since: Option<i64>,
    /// Samples in a row in which nothing changed.
    pub quiet: u32,
    /// Its events are too large to follow.
    untailed: bool,
    /// The next job and since when it could run.
    pub next: Head,
    /// The job that has run longest and when it started.
    pub active: Head,
    /// A job that finished lately, for its fields.
    pub newest: Head,
    absent: u8,
}

/// All queues that are known, by name.
#[derive(Debug, Default)]
pub(super) struct Store {
    entries: BTreeMap<(QueueName, Prefix), Entry>,
    /// Streams may not be read: no queue is followed by its events.
    pub streamless: bool,
    /// Something that is shown changed since the last snapshot.
    pub changed: bool,
    dropped: Vec<QueueId>,
}

fn place(id: &QueueId) -> (QueueName, Prefix) {
    (id.name.clone(), id.prefix.clone())
}

impl Store {
    /// Adds a queue; whether it is new.
    pub fn found(&mut self, id: QueueId, named: bool) -> bool {
        let streamless = self.streamless;
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
            swept_redis_ms: 0,
            visible_since: None,
            quiet: 0,
            untailed: streamless,
            next: Head::default(),
            active: Head::default(),
            newest: Head::default(),
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

    /// Takes which queues are on screen.
    pub fn show(&mut self, visible: &[QueueId], now: i64) {
        let places: std::collections::HashSet<_> = visible.iter().map(place).collect();
        for (key, entry) in &mut self.entries {
            entry.visible_since = places.contains(key).then(|| entry.visible_since.unwrap_or(now));
        }
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
                self.dropped.push(id.clone());
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

    /// Queues that were dropped since the last time of asking.
    pub fn take_dropped(&mut self) -> Vec<QueueId> {
        std::mem::take(&mut self.dropped)
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

    /// Takes how many workers each queue has now (this host's clock); `None` where that may not be known.
    pub fn set_workers(&mut self, roster: Option<&Roster>, now: i64) {
        for entry in self.entries.values_mut() {
            self.changed |= entry.set_workers(roster.map(|roster| roster.seen(&entry.row.id)), now);
        }
    }

    /// Takes how many workers one queue has.
    pub fn workers_of(&mut self, id: &QueueId, roster: &Roster, now: i64) {
        if let Some(entry) = self.entries.get_mut(&place(id)) {
            self.changed |= entry.set_workers(Some(roster.seen(id)), now);
        }
    }
}
