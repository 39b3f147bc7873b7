//! Which queues are due, and reading them.

use std::time::{Duration, Instant};

use super::Core;
use crate::conn::ConnError;
use crate::engine::read::heads::heads;
use crate::engine::read::{Ask, overview};
use crate::monitor::budget::{CALL_US, IDENTIFY_US, SAMPLE_US};
use crate::monitor::store::Entry;
use crate::wire::{JobId, QueueId};

/// Queues in one round trip: about 250 commands (reliability, part 3).
const CHUNK: usize = 12;
/// Round trips in flight while much is to be read: one screen of queues.
const ABREAST: usize = 5;
/// A queue on screen is read at least this often: some acts leave no event (drain, clean).
const VISIBLE: u64 = 5_000;
/// Any other queue whose stream is swept is read at least this often.
const OTHERS: u64 = 60_000;
/// A queue without a stream, off screen.
const STREAMLESS: u64 = 4_000;
/// A queue of which nothing was there.
const ABSENT: u64 = 500;
/// A queue that came on screen is not followed at once: until then it is read so often, so long.
const FRESH: (u64, i64) = (150, 700);
/// A queue without a stream, on screen: often while it moves, seldom while it rests.
const MOVING: u64 = 100;
const RESTING: u64 = 500;
/// All that tells the era is looked at this often.
const IDENTIFY: i64 = 60_000;
/// The head of a queue is asked for at most this often.
const HEAD: i64 = 1_000;

/// How long the last figures of a queue are good, ms.
fn good_for(entry: &Entry, now: i64, stretch: f64) -> u64 {
    if entry.sampled_at == 0 {
        return 0;
    }
    if entry.is_absent() && !entry.named {
        // Gone, or between two lives: the next look decides.
        return ABSENT;
    }
    let base = match (entry.visible_since, entry.has_stream()) {
        (Some(since), true) if now - since < FRESH.1 => FRESH.0,
        (Some(_), true) => VISIBLE,
        (Some(_), false) => (MOVING << entry.quiet.min(3)).min(RESTING),
        (None, true) => OTHERS,
        (None, false) => STREAMLESS,
    };
    let stretched = (base as f64 * stretch.max(1.0)) as u64;
    // The end of a rate limit leaves no event.
    match entry.row.limited_ms.and_then(|ms| u64::try_from(ms).ok()) {
        Some(limited) => stretched.min(limited + 5),
        None => stretched,
    }
}

fn age(entry: &Entry, now: i64) -> u64 {
    u64::try_from(now - entry.sampled_at).unwrap_or(0)
}

impl Core {
    /// The queues to read now, most urgent first: at most one screen.
    pub(super) fn due(&self) -> Vec<QueueId> {
        let most = CHUNK * ABREAST;
        let (now, stretch) = (self.clock.now_ms(), self.budget.stretch(Instant::now()));
        let is_due = |entry: &Entry| {
            (!self.dirty.is_empty() && self.dirty.contains(&entry.row.id))
                || age(entry, now) >= good_for(entry, now, stretch)
        };
        let on_screen = self.visible.iter().filter_map(|id| self.store.get(id));
        let mut due: Vec<QueueId> =
            on_screen.filter(|entry| is_due(entry)).take(most).map(|entry| entry.row.id.clone()).collect();
        // The screen first, and by itself: its round trip is the shorter for it.
        if due.is_empty() {
            let others = self.store.iter().filter(|entry| is_due(entry)).take(most);
            due.extend(others.map(|entry| entry.row.id.clone()));
        }
        due
    }

    /// How long nothing will be due.
    pub(super) fn pause(&self) -> Duration {
        let (now, stretch) = (self.clock.now_ms(), self.budget.stretch(Instant::now()));
        let left = |entry: &Entry| good_for(entry, now, stretch).saturating_sub(age(entry, now));
        let sample = self.store.iter().map(left).min().unwrap_or(1_000).clamp(1, 1_000);
        Duration::from_millis(sample).min(self.until_sweep())
    }

    /// Reads some queues and takes what was found.
    pub(super) async fn sample(&mut self, queues: &[QueueId]) -> Result<(), ConnError> {
        let now = self.clock.now_ms();
        let began = Instant::now();
        let mut spent = 0.0;
        let asks: Vec<Ask<'_>> = queues
            .iter()
            .map(|queue| {
                let known = self.store.get(queue).filter(|entry| entry.is_identified());
                let ask = known.map_or_else(
                    || Ask::first(queue),
                    |entry| Ask {
                        queue,
                        era: entry.era(),
                        identify: now - entry.identified_at >= IDENTIFY,
                        finished_since: entry.finished_since(),
                        metrics: entry.metrics || now - entry.identified_at >= IDENTIFY,
                    },
                );
                spent += if ask.identify { IDENTIFY_US } else { SAMPLE_US };
                ask
            })
            .collect();
        let chunks = asks.chunks(CHUNK).map(|chunk| overview(&self.conn, chunk));
        let answers = futures_util::future::join_all(chunks).await;
        let (now, at) = (self.clock.now_ms(), Instant::now());
        self.budget.spend(at, spent);
        self.budget.answered(at, began.elapsed());
        let mut failed = None;
        for (chunk, answer) in queues.chunks(CHUNK).zip(answers) {
            match answer {
                Ok((redis_ms, found)) => {
                    if let Some(redis_ms) = redis_ms {
                        self.offset(redis_ms - now);
                    }
                    for (queue, found) in chunk.iter().zip(&found) {
                        self.dirty.remove(queue);
                        self.store.apply(queue, found, redis_ms.unwrap_or(now), now);
                    }
                }
                Err(error) if Self::is_general(&error) => failed = Some(error),
                Err(error) => {
                    for queue in chunk {
                        self.dirty.remove(queue);
                        if let Some(entry) = self.store.get_mut(queue) {
                            entry.sampled_at = now;
                            let changed = entry.set_error(error.message.clone());
                            self.store.changed |= changed;
                        }
                    }
                }
            }
        }
        self.dirty.retain(|queue| self.store.get(queue).is_some());
        self.known.forget(&self.store.take_dropped());
        if queues.iter().any(|queue| self.visible.contains(queue)) {
            let feed = self.interest.borrow().feed.clone();
            self.follow(feed);
        }
        failed.map_or(Ok(()), Err)
    }

    /// Takes Redis's clock minus ours. Small differences are the round trip's.
    fn offset(&mut self, offset: i64) {
        if (offset - self.draft.clock_offset_ms).abs() >= 100 {
            self.draft.clock_offset_ms = offset;
            self.store.changed = true;
        }
    }

    /// Reads the jobs at the heads of queues that are not known yet; whether there were any.
    pub(super) async fn heads(&mut self) -> Result<bool, ConnError> {
        let now = self.clock.now_ms();
        let mut asked: Vec<(QueueId, JobId)> = Vec::new();
        for entry in self.store.iter_mut() {
            if asked.len() >= CHUNK * ABREAST {
                break;
            }
            let id = entry.row.id.clone();
            for head in [&mut entry.next, &mut entry.active, &mut entry.newest] {
                if let Some(job) = head.ask(now, HEAD) {
                    asked.push((id.clone(), job));
                }
            }
        }
        if asked.is_empty() {
            return Ok(false);
        }
        let answers = heads(&self.conn, &asked).await?;
        self.budget.spend(Instant::now(), CALL_US + 2.0 * asked.len() as f64);
        for ((queue, job), answer) in asked.iter().zip(answers) {
            if let Some(entry) = self.store.get_mut(queue) {
                self.store.changed |= entry.take_head(job, &answer);
            }
        }
        Ok(true)
    }
}
