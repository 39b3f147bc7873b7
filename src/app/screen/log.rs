//! Log: what was done, and what did we send?

mod record;
mod sent;

use std::collections::VecDeque;

use super::super::action::{Action, Scope};
use super::super::effect::{Answer, Effect, FetchId, JournalRead, Logged, Needle, Query, Slot};
use super::super::list::{Cursor, Move};
use super::super::panel::{Context, Panel, Step};
use super::super::panes::Rect;
use super::super::toast::Toast;
use super::{Screen, moved};
use crate::conn::Sent;
use crate::monitor::Interest;
use crate::operate::journal::JournalId;
use crate::text::Clean;

pub use record::Record;
pub use sent::words;

/// Rows of the body above the list: heading, tabs, column names.
const HEAD: u16 = 3;
/// Entries of what was sent that are kept here.
const KEPT: usize = 5000;
/// The journal is looked at so often while it is on screen, ms.
const JOURNAL_MS: i64 = 3000;
/// What was sent is taken over so often while it is on screen, ms.
const SENT_MS: i64 = 500;

/// The tabs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Tab {
    /// What was done, by whoever used this account.
    #[default]
    Journal,
    /// The commands of this session.
    Sent,
}

/// The screen.
#[derive(Debug, Default)]
pub struct Log {
    /// Which tab is open.
    pub tab: Tab,
    /// What the journal holds, once it was read.
    pub journal: Option<Result<JournalRead, Clean>>,
    /// Which act is selected.
    pub acts: Cursor<JournalId>,
    /// What was sent, oldest first.
    sent: VecDeque<Sent>,
    /// Which entry is selected, counted from the newest.
    pub entries: Cursor<u64>,
    /// The cursor is somewhere else than at the newest entry, which it would follow.
    away: bool,
    /// The filter as it was typed.
    pub filter: String,
    wanted: Option<FetchId>,
    asked_at: i64,
}

impl Log {
    /// Where the list stands in the body.
    pub fn list(body: Rect) -> Rect {
        body.below(HEAD)
    }

    /// The acts that pass the filter, newest first.
    pub fn shown(&self) -> Vec<&Logged> {
        let Some(Ok(journal)) = &self.journal else { return Vec::new() };
        let needle = self.needle();
        let passes = |kept: &&Logged| needle.as_ref().is_none_or(|needle| kept.passes(needle));
        journal.acts.iter().filter(passes).collect()
    }

    /// The entries of what was sent that pass the filter, newest first.
    pub fn entries(&self) -> Vec<&Sent> {
        let needle = self.needle();
        let passes = |entry: &&Sent| {
            needle.as_ref().is_none_or(|needle| needle.passes(std::iter::once(words(entry).as_str())))
        };
        self.sent.iter().rev().filter(passes).collect()
    }

    /// How many entries there are, passing or not.
    pub fn kept(&self) -> usize {
        self.sent.len()
    }

    fn needle(&self) -> Option<Needle> {
        (!self.filter.is_empty()).then(|| Needle::parse(&self.filter))
    }

    /// The selected act.
    pub fn selected(&self) -> Option<&Logged> {
        self.shown().get(usize::try_from(self.acts.index).ok()?).copied()
    }

    fn settle(&mut self, cx: &Context<'_>) {
        let height = u64::from(Self::list(cx.body).height);
        let ids: Vec<JournalId> = self.shown().iter().map(|kept| kept.id()).collect();
        let at = |index: u64| ids.get(usize::try_from(index).ok()?).copied();
        let find = |id: &JournalId| ids.iter().position(|other| other == id).map(|at| at as u64);
        self.acts.settle(ids.len() as u64, height, find, at);
        let numbers: Vec<u64> = self.entries().iter().map(|entry| entry.number).collect();
        if !self.away {
            self.entries.select(0, None);
        }
        let before = self.entries.index;
        let at = |index: u64| numbers.get(usize::try_from(index).ok()?).copied();
        let find = |number: &u64| numbers.iter().position(|other| other == number).map(|at| at as u64);
        self.entries.settle(numbers.len() as u64, height, find, at);
        // What is on screen stays where it is while the cursor does not follow the news.
        self.entries.top += self.entries.index.saturating_sub(before);
        self.entries.scroll(numbers.len() as u64, height);
    }

    fn step(&mut self, cx: &Context<'_>, by: Move) {
        let height = u64::from(Self::list(cx.body).height);
        match self.tab {
            Tab::Journal => {
                let len = self.shown().len() as u64;
                self.acts.step(by, len, height);
            }
            Tab::Sent => {
                let len = self.entries().len() as u64;
                self.entries.step(by, len, height);
                self.away = self.entries.index > 0;
            }
        }
        self.settle(cx);
    }

    fn look(&mut self, cx: &Context<'_>) -> Vec<Step> {
        let often = if self.tab == Tab::Journal { JOURNAL_MS } else { SENT_MS };
        if self.wanted.is_some() && cx.now - self.asked_at < 10 * JOURNAL_MS || cx.now - self.asked_at < often
        {
            return Vec::new();
        }
        let query = match (self.tab, &self.journal) {
            (Tab::Journal, Some(Ok(journal))) => Query::Journal(journal.size),
            (Tab::Journal, _) => Query::Journal(u64::MAX),
            (Tab::Sent, _) => Query::Sent(self.sent.back().map_or(0, |entry| entry.number)),
        };
        let id = cx.ids.next();
        self.wanted = Some(id);
        self.asked_at = cx.now;
        vec![Step::Effect(Effect::Fetch(Slot::Log, id, query))]
    }

    fn open_tab(&mut self, cx: &Context<'_>) -> Vec<Step> {
        self.tab = if self.tab == Tab::Journal { Tab::Sent } else { Tab::Journal };
        (self.wanted, self.asked_at) = (None, 0);
        self.look(cx)
    }
}

impl Panel for Log {
    fn scopes(&self) -> &'static [Scope] {
        &[Scope::Log, Scope::List, Scope::Tabs, Scope::Move]
    }

    fn path(&self) -> Vec<Clean> {
        vec![Clean::line("Log")]
    }

    fn interest(&self, _cx: &Context<'_>) -> Interest {
        Interest::default()
    }

    fn act(&mut self, cx: &Context<'_>, action: Action) -> Vec<Step> {
        if let Some(by) = moved(action) {
            self.step(cx, by);
            return Vec::new();
        }
        match action {
            Action::NextTab | Action::PreviousTab => self.open_tab(cx),
            Action::Open if self.tab == Tab::Journal => match self.selected() {
                Some(kept) => vec![Step::Open(Box::new(Screen::Record(Box::new(Record::new(kept.clone())))))],
                None => Vec::new(),
            },
            Action::LogUndo => match self.selected() {
                Some(kept) if self.tab == Tab::Journal => vec![Step::Undo(kept.id())],
                _ => vec![Step::Toast(Toast::plain("choose an act of the journal (Tab)"))],
            },
            Action::LogResume => match self.selected() {
                Some(kept) if self.tab == Tab::Journal => record::resume(cx, kept),
                _ => vec![Step::Toast(Toast::plain("choose an act of the journal (Tab)"))],
            },
            Action::LogCopy => {
                let text = match self.tab {
                    Tab::Journal => self.selected().map(|kept| kept.act.intent.command.clone()),
                    Tab::Sent => {
                        let index = usize::try_from(self.entries.index).unwrap_or(usize::MAX);
                        self.entries().get(index).map(|entry| words(entry).as_str().to_owned())
                    }
                };
                text.map(|text| Step::Effect(Effect::Copy(text))).into_iter().collect()
            }
            _ => Vec::new(),
        }
    }

    fn refresh(&mut self, cx: &Context<'_>) -> Vec<Step> {
        self.settle(cx);
        self.look(cx)
    }

    fn answer(
        &mut self,
        cx: &Context<'_>,
        id: FetchId,
        answer: Result<Answer, Clean>,
    ) -> Result<Vec<Step>, Result<Answer, Clean>> {
        if self.wanted != Some(id) {
            return Err(answer);
        }
        self.wanted = None;
        match answer {
            Ok(Answer::Journal(Some(journal))) => self.journal = Some(Ok(journal)),
            Ok(Answer::Journal(None)) => {}
            Ok(Answer::Sent(new)) => {
                self.sent.extend(new);
                let over = self.sent.len().saturating_sub(KEPT);
                self.sent.drain(..over);
            }
            Ok(other) => return Err(Ok(other)),
            Err(why) => self.journal = Some(Err(why)),
        }
        self.settle(cx);
        Ok(Vec::new())
    }

    fn filter(&mut self, cx: &Context<'_>, text: &str, _done: bool) -> Vec<Step> {
        text.clone_into(&mut self.filter);
        self.settle(cx);
        Vec::new()
    }

    fn filter_text(&self) -> Option<&str> {
        Some(&self.filter)
    }

    fn click(&mut self, cx: &Context<'_>, _column: u16, row: u16) -> Vec<Step> {
        let Some(row) = row.checked_sub(HEAD) else { return Vec::new() };
        let top = if self.tab == Tab::Journal { self.acts.top } else { self.entries.top };
        let index = top + u64::from(row);
        match self.tab {
            Tab::Journal if index < self.shown().len() as u64 => self.acts.select(index, None),
            Tab::Sent if index < self.entries().len() as u64 => {
                self.entries.select(index, None);
                self.away = index > 0;
            }
            _ => {}
        }
        self.settle(cx);
        Vec::new()
    }

    fn wake_at(&self, cx: &Context<'_>) -> Option<i64> {
        let often = if self.tab == Tab::Journal { JOURNAL_MS } else { SENT_MS };
        Some((self.asked_at + often).max(cx.now + 100))
    }
}
