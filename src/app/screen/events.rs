//! Events: what is happening?

pub mod entry;

use std::collections::VecDeque;

use super::super::action::{Action, Scope};
use super::super::effect::Needle;
use super::super::list::{Cursor, Move};
use super::super::panel::{Context, Panel, Step};
use super::super::panes::Rect;
use super::job::Job;
use super::{Screen, moved};
use crate::monitor::{FeedEvent, Interest};
use crate::text::Clean;
use entry::Entry;

/// Events kept; the oldest go first.
pub const KEPT: usize = 5000;

/// The screen.
///
/// An entry is known by its number: the count of entries that came before it. (The id of a stream
/// entry is its own only within its stream.) Numbers have no gaps in `entries` and rise in
/// `passing`, so a row is found by arithmetic or by halving, whatever number of them there is.
#[derive(Debug, Default)]
pub struct Events {
    /// The feed, oldest first.
    entries: VecDeque<Entry>,
    /// The number of the oldest.
    first: u64,
    /// Numbers of the entries that pass the filter, oldest first; unused while there is no filter.
    passing: VecDeque<u64>,
    needle: Option<Needle>,
    /// Held still: what comes waits here.
    held: Option<VecDeque<FeedEvent>>,
    /// Events that were let go while the feed was held still.
    missed: u64,
    /// Which row is selected, counted from the newest.
    pub cursor: Cursor<u64>,
    /// The cursor is somewhere else than at the newest event, which it would follow.
    away: bool,
    /// The filter as it was typed.
    pub filter: String,
}

/// Rows of the body above the list: heading, column names.
const HEAD: u16 = 2;

impl Events {
    /// Where the list stands in the body.
    pub fn list(body: Rect) -> Rect {
        body.below(HEAD)
    }

    /// How many rows there are: entries that pass the filter.
    pub fn len(&self) -> usize {
        if self.needle.is_some() { self.passing.len() } else { self.entries.len() }
    }

    /// Whether no entry passes the filter.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many entries there are, passing or not.
    pub fn kept(&self) -> usize {
        self.entries.len()
    }

    /// How many were let go for want of room.
    pub fn dropped(&self) -> u64 {
        self.first + self.missed
    }

    /// How many wait, when the feed is held still.
    pub fn waiting(&self) -> Option<usize> {
        self.held.as_ref().map(VecDeque::len)
    }

    /// The row at a place, counted from the newest.
    pub fn row(&self, index: u64) -> Option<&Entry> {
        let at = self.number(index)?.checked_sub(self.first)?;
        self.entries.get(usize::try_from(at).ok()?)
    }

    fn number(&self, index: u64) -> Option<u64> {
        let from_oldest = self.len().checked_sub(1)?.checked_sub(usize::try_from(index).ok()?)?;
        match self.needle {
            Some(_) => self.passing.get(from_oldest).copied(),
            None => Some(self.first + from_oldest as u64),
        }
    }

    /// The place of an entry, counted from the newest; where it is gone, of the next newer one.
    fn place(&self, number: u64) -> u64 {
        let older = match self.needle {
            Some(_) => self.passing.partition_point(|other| *other < number),
            None => usize::try_from(number.saturating_sub(self.first)).unwrap_or(usize::MAX),
        };
        (self.len().saturating_sub(1).saturating_sub(older)) as u64
    }

    fn add(&mut self, events: impl IntoIterator<Item = FeedEvent>) {
        let mut events: Vec<FeedEvent> = events.into_iter().collect();
        // One bunch holds the news of each stream after the other.
        events.sort_by_key(|event| event.at);
        for event in events {
            self.push(Entry::new(event));
        }
    }

    fn push(&mut self, entry: Entry) {
        if self.needle.as_ref().is_some_and(|needle| entry.passes(needle)) {
            self.passing.push_back(self.first + self.entries.len() as u64);
        }
        self.entries.push_back(entry);
        if self.entries.len() > KEPT {
            self.entries.pop_front();
            if self.passing.front() == Some(&self.first) {
                self.passing.pop_front();
            }
            self.first += 1;
        }
    }

    /// Finds the cursor's entry again; at the newest event, the newest one. What is on screen
    /// stays where it is unless the cursor follows the news.
    fn settle(&mut self, cx: &Context<'_>) {
        let (len, height) = (self.len() as u64, u64::from(Self::list(cx.body).height));
        let index = match self.cursor.key {
            Some(number) if self.away => self.place(number),
            _ => 0,
        };
        self.cursor.top = self.cursor.top.saturating_add(index).saturating_sub(self.cursor.index);
        self.cursor.select(index, self.number(index));
        self.cursor.scroll(len, height);
    }

    fn select(&mut self, cx: &Context<'_>, index: u64) {
        self.away = index > 0;
        self.cursor.select(index, self.number(index));
        self.settle(cx);
    }

    fn hold(&mut self) {
        match self.held.take() {
            Some(events) => self.add(events),
            None => self.held = Some(VecDeque::new()),
        }
    }
}

impl Panel for Events {
    fn scopes(&self) -> &'static [Scope] {
        &[Scope::Events, Scope::List, Scope::Move]
    }

    fn path(&self) -> Vec<Clean> {
        vec![Clean::line("Events")]
    }

    fn interest(&self, _cx: &Context<'_>) -> Interest {
        Interest { feed: Some(Vec::new()), ..Interest::default() }
    }

    fn act(&mut self, cx: &Context<'_>, action: Action) -> Vec<Step> {
        if let Some(by) = moved(action) {
            self.cursor.step(by, self.len() as u64, u64::from(Self::list(cx.body).height));
            // The newest event is left by moving down and found again by moving up.
            let index = if by == Move::Top { 0 } else { self.cursor.index };
            self.select(cx, index);
            return Vec::new();
        }
        match action {
            Action::EventsPause => {
                self.hold();
                self.settle(cx);
            }
            Action::Open => {
                let entry = self.row(self.cursor.index);
                let Some((queue, id, state)) =
                    entry.and_then(|entry| Some((entry.queue.clone(), entry.job.clone()?, entry.state)))
                else {
                    return Vec::new();
                };
                return vec![Step::Open(Box::new(Screen::Job(Box::new(Job::new(queue, id, state)))))];
            }
            _ => {}
        }
        Vec::new()
    }

    fn refresh(&mut self, cx: &Context<'_>) -> Vec<Step> {
        self.settle(cx);
        Vec::new()
    }

    fn feed(&mut self, cx: &Context<'_>, events: &[FeedEvent]) {
        let events = events.iter().cloned().map(|event| event.masked(&cx.config.mask));
        match &mut self.held {
            Some(held) => {
                held.extend(events);
                let over = held.len().saturating_sub(KEPT);
                held.drain(..over);
                self.missed += over as u64;
            }
            None => self.add(events),
        }
        self.settle(cx);
    }

    fn fed_again(&mut self, cx: &Context<'_>) {
        // What is missing is said where it is missing.
        if let Some(newest) = self.entries.back().filter(|newest| !newest.gap) {
            let gap = Entry::gap(newest.at, cx.redis_now());
            self.push(gap);
            self.settle(cx);
        }
    }

    fn filter(&mut self, cx: &Context<'_>, text: &str, _done: bool) -> Vec<Step> {
        if text != self.filter {
            text.clone_into(&mut self.filter);
            self.needle = (!text.is_empty()).then(|| Needle::parse(text));
            let Self { entries, needle, first, .. } = self;
            let numbers = *first..;
            self.passing = match needle {
                None => VecDeque::new(),
                Some(needle) => {
                    let passing = entries.iter().zip(numbers).filter(|(entry, _)| entry.passes(needle));
                    passing.map(|(_, number)| number).collect()
                }
            };
        }
        self.settle(cx);
        Vec::new()
    }

    fn filter_text(&self) -> Option<&str> {
        Some(&self.filter)
    }

    fn click(&mut self, cx: &Context<'_>, _column: u16, row: u16) -> Vec<Step> {
        let list = Self::list(cx.body);
        if let Some(index) = self.cursor.clicked(cx.body, list, row, self.len() as u64) {
            self.select(cx, index);
        }
        Vec::new()
    }
}
