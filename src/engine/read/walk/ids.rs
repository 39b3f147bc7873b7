//! The ids of one state, from one of its ends, page by page, while jobs come and go.
//!
//! A page is a stretch by rank, which shifts when something above it comes or goes. So every page
//! begins a little before the place where the last one ended, and is only believed from the point
//! that was seen before. In a sorted set that point is exact: all above the last (score, id) was seen.

use std::cmp::Ordering;

use super::Source;
use super::line::Line;
use crate::conn::{ConnError, Kind, RawReply, Verb};
use crate::wire::keys::{is_marker, is_reserved};

/// Ids of one page.
pub(super) const PAGE: u64 = 500;
/// Ids that are remembered of what was seen last.
const REMEMBERED: usize = 32;
/// How often the place is looked for again while somebody moves it.
const TRIES: u32 = 8;

/// A job that comes up, or is being read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    /// Place of its source.
    pub(super) source: usize,
    start: usize,
    len: usize,
    /// Score in its sorted set.
    pub(super) score: Option<f64>,
    /// Bytes of its hash, about; 0 is gone, `None` not known yet.
    pub(super) size: Option<u64>,
    /// Which of the wanted fields are too large, a bit each.
    pub(super) large: u64,
    /// Place of its reply in the round.
    pub(super) reply: Option<usize>,
}

impl Entry {
    pub(super) fn id<'a>(&self, arena: &'a [u8]) -> &'a [u8] {
        arena.get(self.start..self.start + self.len).unwrap_or_default()
    }

    pub(super) fn is_large(&self, field: usize) -> bool {
        u32::try_from(field).is_ok_and(|field| self.large.checked_shr(field).unwrap_or(0) & 1 == 1)
    }
}

/// Ids that were read and whose jobs were not, in a buffer that is used again and again.
#[derive(Debug, Default)]
pub(super) struct Upcoming {
    arena: Vec<u8>,
    entries: std::collections::VecDeque<Entry>,
}

impl Upcoming {
    pub(super) fn arena(&self) -> &[u8] {
        &self.arena
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn first(&self) -> Option<Entry> {
        self.entries.front().copied()
    }

    pub(super) fn get(&self, at: usize) -> Option<Entry> {
        self.entries.get(at).copied()
    }

    pub(super) fn pop(&mut self) {
        self.entries.pop_front();
    }

    pub(super) fn set_size(&mut self, at: usize, size: u64) {
        if let Some(entry) = self.entries.get_mut(at) {
            entry.size = Some(size);
        }
    }

    /// Gives the room of what was read back. What was handed out before is no longer to be found.
    pub(super) fn compact(&mut self) {
        let first = self.entries.front().map_or(self.arena.len(), |entry| entry.start);
        self.arena.drain(..first);
        for entry in &mut self.entries {
            entry.start -= first;
        }
    }

    /// Moves the first one behind those of another.
    pub(super) fn hand_over(&mut self, to: &mut Self) {
        if let Some(entry) = self.entries.pop_front() {
            to.push(entry.source, entry.id(&self.arena), entry.score);
        }
    }

    fn push(&mut self, source: usize, id: &[u8], score: Option<f64>) {
        let start = self.arena.len();
        self.arena.extend_from_slice(id);
        let entry = Entry { source, start, len: id.len(), score, size: None, large: 0, reply: None };
        self.entries.push_back(entry);
    }
}

/// What a page was.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Page {
    /// Wake-up markers in it, which are no jobs.
    pub(super) markers: u64,
    /// Jobs may have been stepped over.
    pub(super) slipped: bool,
}

/// Where a walk is in one state.
#[derive(Debug)]
pub(super) struct Ids {
    pub(super) source: Source,
    /// The key of the ids.
    pub(super) key: Vec<u8>,
    /// What the keys of the jobs begin with.
    pub(super) base: Vec<u8>,
    /// Nothing is left.
    pub(super) end: bool,
    /// Rank of the next element, if nothing moved.
    next: u64,
    /// Ids that were read and wait for those of other states.
    pub(super) staged: Upcoming,
    /// What was seen last, newest first; the last is where it goes on.
    seen: Vec<(f64, Vec<u8>)>,
}

impl Ids {
    pub(super) fn new(source: Source) -> Self {
        let (key, base) = (source.key(), source.queue.base());
        Self { source, key, base, end: false, next: 0, staged: Upcoming::default(), seen: Vec::new() }
    }

    /// The score of the last that was read: none behind it has a higher one.
    pub(super) fn last_score(&self) -> Option<f64> {
        self.seen.last().map(|(score, _)| *score)
    }

    /// Reads one page and puts what is new in it behind `upcoming`.
    pub(super) async fn page(
        &mut self,
        place: usize,
        line: &mut Line,
        upcoming: &mut Upcoming,
    ) -> Result<Page, ConnError> {
        let (is_list, oldest) = (self.source.state.is_list(), self.source.oldest_first);
        upcoming.compact();
        let mut page = Page::default();
        for tried in 0.. {
            let back = if self.seen.is_empty() { 0 } else { self.next.min(REMEMBERED as u64) };
            let start = self.next - back;
            let end = start + PAGE + back;
            let (first, last) = if is_list && oldest {
                (format!("-{end}"), format!("-{}", start + 1))
            } else {
                (start.to_string(), (end - 1).to_string())
            };
            line.batch.clear();
            if is_list {
                line.batch.pack(Verb::LRange, &[&self.key, first.as_bytes(), last.as_bytes()]);
            } else {
                let verb = if oldest { Verb::ZRange } else { Verb::ZRevRange };
                line.batch.pack(verb, &[&self.key, first.as_bytes(), last.as_bytes(), b"WITHSCORES"]);
            }
            line.ask().await?;
            let reply = line.replies.get(0);
            if let Some(error) = reply.and_then(RawReply::error) {
                if error.kind != Kind::Reply {
                    return Err(error);
                }
                // The key holds something else by now.
                self.end = true;
                return Ok(page);
            }
            let items = || reply.into_iter().flat_map(RawReply::items).flatten();
            let mut found: Vec<(f64, &[u8])> = if is_list {
                items().map(|id| (0.0, id)).collect()
            } else {
                let (mut ids, mut scores) = (items().step_by(2), items().skip(1).step_by(2));
                std::iter::from_fn(|| Some((number(scores.next()?), ids.next()?))).collect()
            };
            if is_list && oldest {
                found.reverse();
            }
            let short = (found.len() as u64) < PAGE + back;
            let mut new = if is_list { self.new_in_list(&found) } else { self.new_in_set(&found, start) };
            let lost = new.is_none();
            if lost {
                if is_list && oldest {
                    // What was seen ran meanwhile: the rest moved towards the end where it begins.
                    if start > 0 {
                        self.next = start.saturating_sub(PAGE);
                        continue;
                    }
                    // All of it did.
                    new = Some(0);
                }
                if !is_list && tried < TRIES {
                    self.next = self.place_again(line).await?;
                    continue;
                }
                if !oldest && !short && tried < TRIES {
                    // So many came that what was seen is further down.
                    self.next += PAGE;
                    continue;
                }
            }
            page.slipped = lost;
            // Of a list whose seen part is not to be found again nothing is new for certain.
            let from = new.unwrap_or(if is_list { found.len() } else { 0 });
            for (score, id) in found.iter().skip(from) {
                if is_list && is_marker(id) {
                    page.markers += 1;
                } else if !is_reserved(id) {
                    upcoming.push(place, id, (!is_list).then_some(*score));
                }
            }
            let mut last: Vec<(f64, Vec<u8>)> = std::mem::take(&mut self.seen);
            let fresh = found.iter().skip(from);
            last.extend(
                fresh.skip(found.len().saturating_sub(from + REMEMBERED)).map(|(s, id)| (*s, id.to_vec())),
            );
            last.drain(..last.len().saturating_sub(REMEMBERED));
            self.seen = last;
            self.next = start + found.len() as u64;
            self.end = short || (is_list && lost && !oldest);
            return Ok(page);
        }
        Ok(page)
    }

    /// From where on elements of a set's page were not seen; `None`: it does not begin with one that
    /// was, so something may lie between.
    fn new_in_set(&self, found: &[(f64, &[u8])], start: u64) -> Option<usize> {
        let Some((score, id)) = self.seen.last() else { return Some(0) };
        let oldest = self.source.oldest_first;
        let seen = |(s, i): &(f64, &[u8])| match s.total_cmp(score).then_with(|| (*i).cmp(id.as_slice())) {
            Ordering::Less => oldest,
            Ordering::Equal => true,
            Ordering::Greater => !oldest,
        };
        if start > 0 && !found.first().is_some_and(seen) {
            return None;
        }
        Some(found.partition_point(seen))
    }

    /// From where on elements of a list's page were not seen; `None`: none in it was.
    fn new_in_list(&self, found: &[(f64, &[u8])]) -> Option<usize> {
        if self.seen.is_empty() {
            return Some(0);
        }
        let ids = || self.seen.iter().rev().map(|(_, id)| id.as_slice());
        ids().find_map(|seen| found.iter().position(|(_, id)| *id == seen).map(|at| at + 1))
    }

    /// The rank from which a page begins with something that was seen.
    async fn place_again(&self, line: &mut Line) -> Result<u64, ConnError> {
        let Some((score, _)) = self.seen.last() else { return Ok(0) };
        line.batch.clear();
        for (_, id) in self.seen.iter().rev() {
            let verb = if self.source.oldest_first { Verb::ZRank } else { Verb::ZRevRank };
            line.batch.pack(verb, &[&self.key, id]);
        }
        let end = format!("({score}");
        let range = if self.source.oldest_first { ["-inf", end.as_str()] } else { [end.as_str(), "+inf"] };
        line.batch.pack(Verb::ZCount, &[&self.key, range[0].as_bytes(), range[1].as_bytes()]);
        line.ask().await?;
        // Of the last that is still there; else behind all that come before it.
        let known = (0..self.seen.len()).find_map(|at| line.count(at).map(|rank| rank + 1));
        Ok(known.or_else(|| line.count(self.seen.len())).unwrap_or(0))
    }
}

pub(super) fn number(score: &[u8]) -> f64 {
    std::str::from_utf8(score).ok().and_then(|text| text.parse().ok()).unwrap_or(0.0)
}
