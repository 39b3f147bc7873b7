//! The Logs tab: a log of any length through a window of it, or its end as it grows.

use std::collections::BTreeMap;

use crate::app::doc::Search;
use crate::app::effect::{FetchId, Query};
use crate::app::list::{Cursor, Move};
use crate::app::panel::Context;
use crate::engine::read::job::LogPage;
use crate::text::{Clean, Mask};
use crate::wire::{JobId, QueueId, Raw};

/// Lines read at once.
const PAGE: u64 = 200;
/// Lines kept: what was read is dropped at the side that one came from.
const KEPT: usize = 1000;
/// While the job runs and its end is watched, it is read so often, ms ..
const PACE_MS: i64 = 1000;
/// .. and sooner when the job is known to have logged more.
const MORE_MS: i64 = 300;

/// The log, as far as it was read.
#[derive(Debug)]
pub struct Logs {
    /// Lines in all, once that is known.
    pub total: Option<u64>,
    /// Number of the first line that is here, from 0.
    pub offset: u64,
    /// The lines that are here.
    pub lines: Vec<Raw>,
    /// Stays at the end.
    pub follow: bool,
    /// The selected line, and the window.
    pub cursor: Cursor<()>,
    /// Why it could not be read.
    pub error: Option<Clean>,
    /// What is looked for.
    pub search: Option<Search>,
    /// Lines with secrets, as they are; in `lines` those are masked.
    secrets: BTreeMap<u64, Raw>,
    /// The line that is shown as it is.
    pub(super) shown: Option<u64>,
    wanted: Option<FetchId>,
    asked_at: i64,
}

impl Default for Logs {
    fn default() -> Self {
        Self {
            total: None,
            offset: 0,
            lines: Vec::new(),
            follow: true,
            cursor: Cursor::default(),
            error: None,
            search: None,
            secrets: BTreeMap::new(),
            shown: None,
            wanted: None,
            asked_at: 0,
        }
    }
}

impl Logs {
    /// A line, if it is here.
    pub fn line(&self, index: u64) -> Option<&Raw> {
        if self.shown == Some(index)
            && let Some(line) = self.secrets.get(&index)
        {
            return Some(line);
        }
        self.lines.get(usize::try_from(index.checked_sub(self.offset)?).ok()?)
    }

    /// Whether something of a line is masked.
    pub(super) fn hides(&self, index: u64) -> bool {
        self.secrets.contains_key(&index)
    }

    /// How many of the lines that are here hold something that is masked.
    pub(super) fn secrets(&self) -> usize {
        self.secrets.len()
    }

    fn end(&self) -> u64 {
        self.offset + self.lines.len() as u64
    }

    /// What should be read now, if anything: `counted` is what the job said last, `live` whether it
    /// runs.
    pub(super) fn look(
        &mut self,
        cx: &Context<'_>,
        job: (&QueueId, &JobId),
        counted: u64,
        live: bool,
        height: u64,
    ) -> Option<(FetchId, Query)> {
        // An answer that does not come within five seconds was given to nobody.
        if self.wanted.is_some() && cx.now < self.asked_at + 5 * PACE_MS {
            return None;
        }
        let total = self.total.unwrap_or(counted);
        let (top, end) = (self.cursor.top, (self.cursor.top + height).min(total));
        let (start, count) = match self.total {
            None => (None, PAGE),
            Some(total) if !self.follow && top < end && self.missing(top, end).is_some() => {
                let missing = self.missing(top, end).unwrap_or(top);
                // Going up, what is above comes too; going down, what follows.
                let up = missing < self.offset;
                let start = if up { end.min(self.offset).saturating_sub(PAGE) } else { missing };
                (Some(start), PAGE.min(total - start))
            }
            Some(total) => {
                if self.due(live, counted, total).is_none_or(|due| cx.now < due) {
                    return None;
                }
                if self.follow { (None, PAGE) } else { (Some(total), 1) }
            }
        };
        let id = cx.ids.next();
        self.wanted = Some(id);
        self.asked_at = cx.now;
        Some((id, Query::Logs(job.0.clone(), job.1.clone(), start, count)))
    }

    /// The first line of a stretch that is not here.
    fn missing(&self, top: u64, end: u64) -> Option<u64> {
        if self.lines.is_empty() || top < self.offset || top > self.end() {
            return Some(top);
        }
        (self.end() < end).then(|| self.end())
    }

    /// When it should be looked at again.
    pub(super) fn wake_at(&self, live: bool, counted: u64) -> Option<i64> {
        if self.wanted.is_some() {
            return Some(self.asked_at + 5 * PACE_MS);
        }
        self.due(live, counted, self.total?)
    }

    /// When its end should be read again, if at all.
    fn due(&self, live: bool, counted: u64, total: u64) -> Option<i64> {
        if counted > total {
            return Some(self.asked_at + MORE_MS);
        }
        (counted < total && !live || live && self.follow).then_some(self.asked_at + PACE_MS)
    }

    pub(super) fn waits_for(&self, id: FetchId) -> bool {
        self.wanted == Some(id)
    }

    pub(super) fn answer(&mut self, answer: Result<LogPage, Clean>, mask: &Mask, height: u64) {
        self.wanted = None;
        let mut page = match answer {
            Ok(page) => page,
            Err(why) => {
                self.error = Some(why);
                return;
            }
        };
        self.error = None;
        for (at, line) in (page.offset..).zip(&mut page.lines) {
            let masked = line.masked(mask, b"");
            if masked == *line {
                self.secrets.remove(&at);
            } else {
                self.secrets.insert(at, std::mem::replace(line, masked));
            }
        }
        self.total = Some(page.total);
        let page_end = page.offset + page.lines.len() as u64;
        if page.lines.is_empty() {
            if page.total < self.end() {
                // It was cleared, or cut.
                self.lines.clear();
            }
        } else if page.offset == self.end() && !self.lines.is_empty() {
            self.lines.extend(page.lines);
            let over = self.lines.len().saturating_sub(KEPT);
            self.lines.drain(..over);
            self.offset += over as u64;
        } else if page.offset < self.offset && page_end >= self.offset && page_end <= self.end() {
            let known = usize::try_from(page_end - self.offset).unwrap_or(usize::MAX);
            let rest = self.lines.split_off(known.min(self.lines.len()));
            self.lines = page.lines;
            self.lines.extend(rest);
            self.lines.truncate(KEPT);
            self.offset = page.offset;
        } else {
            self.lines = page.lines;
            self.offset = page.offset;
        }
        let here = self.offset..self.end();
        self.secrets.retain(|at, _| here.contains(at));
        self.settle(height);
    }

    /// Keeps the window within the log, and at its end while that is followed.
    pub(super) fn settle(&mut self, height: u64) {
        let total = self.total.unwrap_or(0);
        if self.follow {
            self.cursor.index = total.saturating_sub(1);
        }
        self.cursor.index = self.cursor.index.min(total.saturating_sub(1));
        self.cursor.scroll(total, height);
    }

    /// Moves; away from the end ends following, to the end begins it.
    pub(super) fn step(&mut self, by: Move, height: u64) {
        let total = self.total.unwrap_or(0);
        self.cursor.step(by, total, height);
        self.follow = self.cursor.index + 1 >= total;
    }

    pub(super) fn select(&mut self, index: u64) {
        let total = self.total.unwrap_or(0);
        if index < total {
            self.cursor.index = index;
            self.follow = index + 1 == total;
        }
    }

    /// Goes to the end and stays there, or stays where it is.
    pub(super) fn toggle_follow(&mut self, height: u64) {
        self.follow = !self.follow;
        self.settle(height);
    }

    /// Whether a line holds what is looked for.
    pub fn matches(&self, line: &Raw) -> bool {
        self.search.as_ref().is_some_and(|search| search.find(line.as_bytes()).is_some())
    }

    /// How many of the lines that are here hold it.
    pub fn places(&self) -> u64 {
        self.lines.iter().filter(|line| self.matches(line)).count() as u64
    }

    pub(super) fn look_for(&mut self, typed: &str, height: u64) {
        self.search = (!typed.is_empty()).then(|| Search::new(typed, 0));
        if !typed.is_empty() && !self.line(self.cursor.index).is_some_and(|line| self.matches(line)) {
            self.next_place(true, height);
        }
    }

    /// To the next line (or the one before) that holds it, among those that are here.
    pub(super) fn next_place(&mut self, back: bool, height: u64) {
        let all: Vec<u64> = (self.offset..)
            .zip(&self.lines)
            .filter(|(_, line)| self.matches(line))
            .map(|(at, _)| at)
            .collect();
        let here = self.cursor.index;
        let next = if back {
            all.iter().rev().find(|at| **at < here).or(all.last())
        } else {
            all.iter().find(|at| **at > here).or(all.first())
        };
        if let Some(at) = next {
            self.cursor.index = *at;
            self.follow = false;
            self.cursor.scroll(self.total.unwrap_or(0), height);
        }
    }
}
