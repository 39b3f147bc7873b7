//! What is to be read next, and how far it was read.

use std::collections::{BTreeMap, HashSet};

use super::super::super::effect::FetchId;
use super::super::super::panel::Context;
use crate::engine::read::failures::RECENT;
use crate::engine::read::walk::Coverage;
use crate::insight::errors::{Failure, Groups, MEMBERS};
use crate::text::Clean;
use crate::wire::{Era, JobId, QueueId};

/// Failed jobs that are read, in all.
pub const BOUND: u64 = MEMBERS as u64;
/// New failures are looked for so often at most.
const OFTEN_MS: i64 = 1000;
/// After an error it is tried again, and where counts differ, looked who is still there.
const PAUSE_MS: i64 = 3000;
/// Queues that are asked for new failures at once.
const QUEUES: usize = 200;

/// What is to be read.
#[derive(Clone, PartialEq, Debug)]
pub enum Wanted {
    /// All failures of these queues, newest first, at most so many.
    All(Vec<(QueueId, Era)>, u64),
    /// What failed in each queue since a moment, ms.
    Recent(Vec<(QueueId, i64)>),
    /// Which failed jobs of a queue are still there; asked at this moment, ms by Redis's clock.
    Present(QueueId, i64),
}

/// What was read.
#[derive(Debug, Default)]
pub struct News {
    /// Failures.
    pub failures: Vec<Failure>,
    /// How far reading all is; `None`: it was not about that.
    pub coverage: Option<Coverage>,
    /// Jobs read a second.
    pub per_second: f64,
    /// Who is there, and when that was asked.
    pub present: Option<(QueueId, HashSet<JobId>, i64)>,
    /// Nothing more comes.
    pub complete: bool,
}

/// What is known of a queue.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    /// When the newest failure was that was read, ms.
    newest: i64,
    /// How many had failed when it was last looked for new ones.
    failed: u64,
    /// When it was last looked who is still there, by this host, ms.
    checked_at: i64,
}

/// How far it was read.
#[derive(Debug, Default)]
pub struct Reading {
    /// The fetch under way.
    under_way: Option<(FetchId, Wanted)>,
    /// Queues that were read, or are.
    known: BTreeMap<QueueId, Known>,
    /// What was read before the reading under way.
    before: Coverage,
    /// The reading under way, or the last one.
    now: Coverage,
    /// Jobs read a second.
    pub per_second: f64,
    /// The person stopped it.
    pub stopped: bool,
    /// Why it was broken off.
    pub error: Option<Clean>,
    /// When the last look ended or failed, by this host, ms.
    ended_at: i64,
    /// When all was last known to be read, ms by Redis's clock.
    pub read_at: Option<i64>,
}

impl Reading {
    /// How many jobs were read, and how many there are.
    pub fn coverage(&self) -> (u64, u64) {
        (self.before.read.saturating_add(self.now.read), self.before.total.saturating_add(self.now.total))
    }

    /// Whether all failures are being read right now.
    pub fn runs(&self) -> bool {
        matches!(self.under_way, Some((_, Wanted::All(..))))
    }

    /// Whether nothing was asked for yet.
    pub fn is_new(&self) -> bool {
        self.known.is_empty()
    }

    /// Queues that were read.
    pub fn queues(&self) -> impl Iterator<Item = &QueueId> {
        self.known.keys()
    }

    pub(super) fn awaits(&self, id: FetchId) -> bool {
        self.under_way.as_ref().is_some_and(|(awaited, _)| *awaited == id)
    }

    /// Stops reading all; false where that is not under way.
    pub(super) fn stop(&mut self) -> bool {
        let runs = self.runs();
        if runs {
            (self.under_way, self.stopped) = (None, true);
        }
        runs
    }

    /// What is to be read next, if anything.
    pub(super) fn next(
        &mut self,
        cx: &Context<'_>,
        groups: &Groups,
        hinted: &mut HashSet<QueueId>,
    ) -> Option<Wanted> {
        let waits = if self.error.is_some() { PAUSE_MS } else { 0 };
        if self.under_way.is_some() || !cx.link.is_connected() || cx.now - self.ended_at < waits {
            return None;
        }
        let failed = cx.snapshot.queues.iter().filter(|row| row.counts.failed > 0);
        let left = BOUND.saturating_sub(self.coverage().0);
        if !self.stopped && left > 0 {
            let unread: Vec<_> = failed
                .filter(|row| !self.known.contains_key(&row.id))
                .map(|row| (row.id.clone(), row.era))
                .collect();
            if !unread.is_empty() {
                return Some(Wanted::All(unread, left));
            }
        }
        if cx.now - self.ended_at < OFTEN_MS {
            return None;
        }
        let mut new = Vec::new();
        for row in &cx.snapshot.queues {
            if let Some(known) = self.known.get_mut(&row.id)
                && (hinted.contains(&row.id) || known.failed != row.counts.failed)
                && new.len() < QUEUES
            {
                known.failed = row.counts.failed;
                hinted.remove(&row.id);
                new.push((row.id.clone(), known.newest));
            }
        }
        if !new.is_empty() {
            return Some(Wanted::Recent(new));
        }
        // More are known than there are: some left without a word, or the sample is old.
        let gone = cx.snapshot.queues.iter().find(|row| {
            let known = self.known.get(&row.id);
            groups.known(&row.id) > row.counts.failed
                && row.counts.failed < BOUND
                && known.is_some_and(|known| cx.now - known.checked_at >= PAUSE_MS)
        })?;
        if let Some(known) = self.known.get_mut(&gone.id) {
            known.checked_at = cx.now;
        }
        Some(Wanted::Present(gone.id.clone(), cx.redis_now()))
    }

    pub(super) fn asked(&mut self, id: FetchId, wanted: &Wanted, cx: &Context<'_>) {
        if let Wanted::All(queues, _) = wanted {
            self.before.read = self.before.read.saturating_add(self.now.read);
            self.before.total = self.before.total.saturating_add(self.now.total);
            self.now = Coverage::default();
            for (queue, _) in queues {
                // What fails from now on makes the counts differ.
                let failed = cx.queue(queue).map_or(0, |row| row.counts.failed);
                self.known.insert(queue.clone(), Known { failed, ..Known::default() });
            }
        }
        self.ended_at = cx.now;
        self.under_way = Some((id, wanted.clone()));
    }

    pub(super) fn take(&mut self, news: &News, cx: &Context<'_>) {
        let mut new: BTreeMap<&QueueId, (usize, i64)> = BTreeMap::new();
        for failure in &news.failures {
            let (count, newest) = new.entry(&failure.queue).or_default();
            (*count, *newest) = (*count + 1, (*newest).max(failure.at));
        }
        let recent = matches!(self.under_way, Some((_, Wanted::Recent(_))));
        for (queue, (count, newest)) in new {
            let Some(known) = self.known.get_mut(queue) else { continue };
            if recent && count >= RECENT {
                // There may be more: the next look goes on, and not where this one stood.
                known.failed = u64::MAX;
                known.newest = known.newest.saturating_add(i64::from(known.newest >= newest));
            }
            known.newest = known.newest.max(newest);
        }
        if let Some(coverage) = news.coverage {
            (self.now, self.per_second) = (coverage, news.per_second);
        }
        self.error = None;
        if news.complete {
            self.under_way = None;
            self.ended_at = cx.now;
            self.read_at = Some(cx.redis_now());
        }
    }

    /// It was broken off: what was not read to its end is read again, and nothing counts twice.
    pub(super) fn failed(&mut self, why: Clean, now: i64) {
        if let Some((_, Wanted::All(queues, _))) = self.under_way.take() {
            for (queue, _) in queues {
                self.known.remove(&queue);
            }
            self.now = Coverage::default();
        }
        (self.error, self.ended_at) = (Some(why), now);
    }

    pub(super) fn wake_at(&self, now: i64) -> i64 {
        let pause = if self.error.is_some() { PAUSE_MS } else { OFTEN_MS };
        (self.ended_at + pause).max(now + OFTEN_MS)
    }
}
