//! Errors: what are the causes?

mod members;
mod reading;

use std::collections::{BTreeMap, HashSet};

use super::super::action::{Action, Scope};
use super::super::effect::{Answer, Effect, FetchId, Needle, Query, Slot};
use super::super::list::{Cursor, Move, after};
use super::super::panel::{Context, Panel, Step};
use super::super::panes::Rect;
use super::super::toast::Toast;
use super::{Screen, moved};
use crate::insight::errors::{Group, GroupId, Groups, Moment, Span, TYPED};
use crate::monitor::{FeedEvent, Interest};
use crate::text::{Clean, figure};
use crate::wire::QueueId;

pub use members::Members;
pub use reading::{News, Reading, Wanted};

/// Rows of the body above the list: heading, how far it was read, column names.
const HEAD: u16 = 3;

/// By what the groups are sorted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum By {
    /// Most failures first.
    #[default]
    Count,
    /// Most failures of late first.
    Rate,
    /// Last seen first.
    Last,
    /// First seen last: what is new on top.
    First,
    /// The message.
    Message,
}

impl By {
    const ALL: [Self; 5] = [Self::Count, Self::Rate, Self::Last, Self::First, Self::Message];

    /// In a word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Rate => "rate",
            Self::Last => "last seen",
            Self::First => "first seen",
            Self::Message => "message",
        }
    }

    fn next(self) -> Self {
        after(&Self::ALL, self)
    }
}

/// Since when a group counts as new.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Since {
    /// Nothing is called new.
    #[default]
    Off,
    /// Since this screen was first opened.
    Opened,
    /// Since this moment, ms by Redis's clock.
    At(i64),
}

/// What is asked for.
const ASKED: &str = "new since (2h, 14:02, a date, `opened`; empty: off): ";

impl Since {
    /// Reads what was typed. A moment stays where it is: of a deployment 20 minutes ago that is what is meant
    /// an hour later, too.
    fn parse(text: &str, now: i64) -> Option<Self> {
        match text.trim() {
            "" => Some(Self::Off),
            "opened" => Some(Self::Opened),
            typed => Some(Self::At(Moment::parse(typed)?.at(now))),
        }
    }

    /// In words.
    pub fn words(self, now: i64) -> Option<Clean> {
        match self {
            Self::Off => None,
            Self::Opened => Some(Clean::line("this screen was opened")),
            Self::At(at) if (0..86_400_000).contains(&(now - at)) => Some(figure::time_of_day(at)),
            Self::At(at) => Some(figure::date_time(at)),
        }
    }
}

/// The screen.
#[derive(Debug, Default)]
pub struct Errors {
    /// What was read, by cause.
    pub groups: Groups,
    /// How far reading is.
    pub reading: Reading,
    /// The groups that are shown, in their order.
    pub shown: Vec<GroupId>,
    /// Which is selected.
    pub cursor: Cursor<GroupId>,
    /// The order.
    pub by: By,
    /// The other way round.
    pub reversed: bool,
    /// Since when a group counts as new; those come first.
    pub since: Since,
    /// The filter as it was typed.
    pub filter: String,
    /// What the charts show.
    pub span: Option<Span>,
    /// Redis's clock when the screen was first opened, ms.
    opened_at: Option<i64>,
    /// Queues of which the feed told that something failed.
    hinted: HashSet<QueueId>,
}

impl Errors {
    /// Where the list stands in the body.
    pub fn list(body: Rect) -> Rect {
        body.below(HEAD).above(Self::detail(body).height)
    }

    /// Where the selected group is told of.
    pub fn detail(body: Rect) -> Rect {
        let rows = match body.height {
            0..=11 => 0,
            12..=15 => 3,
            16..=29 => 6,
            _ => 9,
        };
        body.foot(rows)
    }

    /// The selected group.
    pub fn selected(&self) -> Option<&Group> {
        self.groups.get(*self.shown.get(usize::try_from(self.cursor.index).ok()?)?)
    }

    /// From which moment on a group is new, ms by Redis's clock.
    pub fn since_at(&self) -> Option<i64> {
        match self.since {
            Since::Off => None,
            Since::Opened => self.opened_at,
            Since::At(at) => Some(at),
        }
    }

    fn sort(&mut self, cx: &Context<'_>) {
        let needle = (!self.filter.is_empty()).then(|| Needle::parse(&self.filter));
        let (since, now) = (self.since_at(), cx.redis_now());
        let passes = |group: &&Group| needle.as_ref().is_none_or(|needle| self.passes(group, needle));
        let mut groups: Vec<&Group> = self.groups.iter().filter(passes).collect();
        let lately = |group: &Group| group.history.within(Span::Hour, 60, now);
        let new = |group: &Group| since.is_some_and(|since| group.is_new(since));
        let rates: BTreeMap<GroupId, u64> = match self.by {
            By::Rate => groups.iter().map(|group| (group.cause.id, lately(group))).collect(),
            _ => BTreeMap::new(),
        };
        groups.sort_by(|a, b| {
            let order = match self.by {
                By::Count => b.count.cmp(&a.count),
                By::Rate => rates.get(&b.cause.id).cmp(&rates.get(&a.cause.id)),
                By::Last => b.last_at.cmp(&a.last_at),
                By::First => b.first_at.cmp(&a.first_at),
                By::Message => a.cause.message.cmp(&b.cause.message),
            };
            let order = if self.reversed { order.reverse() } else { order };
            new(b).cmp(&new(a)).then(order).then_with(|| a.cause.id.cmp(&b.cause.id))
        });
        self.shown = groups.into_iter().map(|group| group.cause.id).collect();
    }

    fn passes(&self, group: &Group, needle: &Needle) -> bool {
        let id = group.cause.id.to_string();
        let frame = group.cause.frame.as_ref().map_or("", Clean::as_str);
        let queues: Vec<Clean> =
            self.groups.queues_of(group).into_iter().map(|(queue, _)| queue.name.clean()).collect();
        let texts = [group.cause.message.as_str(), frame, id.as_str()];
        needle.passes(texts.into_iter().chain(queues.iter().map(Clean::as_str)))
    }

    /// What is shown follows what is known.
    fn settle(&mut self, cx: &Context<'_>) {
        self.opened_at.get_or_insert(cx.redis_now());
        self.sort(cx);
        self.span = Some(self.groups.span(cx.redis_now()));
        self.cursor.settle_among(&self.shown, Self::list(cx.body).height, |id| *id);
    }

    fn step(&mut self, cx: &Context<'_>, by: Move) {
        self.cursor.step(by, self.shown.len() as u64, u64::from(Self::list(cx.body).height));
        self.settle(cx);
    }

    fn look(&mut self, cx: &Context<'_>) -> Vec<Step> {
        let wanted = self.reading.next(cx, &self.groups, &mut self.hinted);
        let Some(wanted) = wanted else { return Vec::new() };
        let id = cx.ids.next();
        self.reading.asked(id, &wanted, cx);
        vec![Step::Effect(Effect::Fetch(Slot::Errors, id, Query::Errors(wanted)))]
    }

    fn group_act(&self, cx: &Context<'_>, action: Action) -> Vec<Step> {
        match self.selected() {
            Some(group) => members::act(cx, action, &group.cause, &self.groups.jobs(group.cause.id)),
            None => vec![Step::Toast(Toast::plain("no group is selected"))],
        }
    }

    fn stop_or_read(&mut self, cx: &Context<'_>) -> Vec<Step> {
        if self.reading.stop() {
            return vec![Step::Effect(Effect::Cancel(Slot::Errors))];
        }
        (self.groups, self.reading) = (Groups::default(), Reading::default());
        self.settle(cx);
        self.look(cx)
    }
}

impl Panel for Errors {
    fn scopes(&self) -> &'static [Scope] {
        &[Scope::Errors, Scope::Group, Scope::List, Scope::Move]
    }

    fn path(&self) -> Vec<Clean> {
        vec![Clean::line("Errors")]
    }

    fn interest(&self, _cx: &Context<'_>) -> Interest {
        Interest { feed: Some(Vec::new()), ..Interest::default() }
    }

    fn act(&mut self, cx: &Context<'_>, action: Action) -> Vec<Step> {
        if let Some(by) = moved(action) {
            self.step(cx, by);
            return Vec::new();
        }
        match action {
            Action::Open => {
                let Some(group) = self.selected() else { return Vec::new() };
                let members = Members::new(
                    group.cause.clone(),
                    self.groups.jobs(group.cause.id),
                    group.count,
                    cx.redis_now(),
                );
                return vec![Step::Open(Box::new(Screen::Group(Box::new(members))))];
            }
            Action::ErrorsSort => self.by = self.by.next(),
            Action::Reverse => self.reversed = !self.reversed,
            Action::ErrorsSince => return vec![Step::AskLine(ASKED, String::new())],
            Action::ErrorsStop => return self.stop_or_read(cx),
            _ => return self.group_act(cx, action),
        }
        self.settle(cx);
        Vec::new()
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
        if !self.reading.awaits(id) {
            return Err(answer);
        }
        match answer {
            Ok(Answer::Errors(news)) => {
                for failure in &news.failures {
                    self.groups.add(failure);
                }
                if let Some((queue, there, began)) = &news.present {
                    self.groups.retain(queue, |job, at| at >= *began || there.contains(job));
                }
                self.reading.take(&news, cx);
            }
            Ok(other) => return Err(Ok(other)),
            Err(why) => self.reading.failed(why, cx.now),
        }
        self.settle(cx);
        Ok(self.look(cx))
    }

    fn filter(&mut self, cx: &Context<'_>, text: &str, _done: bool) -> Vec<Step> {
        text.clone_into(&mut self.filter);
        self.settle(cx);
        Vec::new()
    }

    fn filter_text(&self) -> Option<&str> {
        Some(&self.filter)
    }

    fn told(&mut self, cx: &Context<'_>, line: &str) -> Vec<Step> {
        let Some(since) = Since::parse(line, cx.redis_now()) else {
            let wrong = Toast::bad(format!("a moment is {TYPED}"));
            return vec![Step::Toast(wrong), Step::AskLine(ASKED, line.to_owned())];
        };
        self.since = since;
        self.cursor.select(0, None);
        self.settle(cx);
        Vec::new()
    }

    fn feed(&mut self, _cx: &Context<'_>, events: &[FeedEvent]) {
        for event in events {
            match members::told(event) {
                Some(members::Told::Failed) => {
                    self.hinted.insert(event.queue.clone());
                }
                Some(members::Told::Left(until)) => {
                    if let Some(job) = &event.job {
                        self.groups.remove(&event.queue, job, until);
                    }
                }
                None => {}
            }
        }
    }

    fn fed_again(&mut self, _cx: &Context<'_>) {
        // While another screen was in front, nobody told what failed.
        if !self.reading.runs() {
            self.hinted.extend(self.reading.queues().cloned());
        }
    }

    fn click(&mut self, cx: &Context<'_>, _column: u16, row: u16) -> Vec<Step> {
        let (list, len) = (Self::list(cx.body), self.shown.len() as u64);
        if let Some(index) = self.cursor.clicked(cx.body, list, row, len) {
            self.cursor.select(index, None);
            self.settle(cx);
        }
        Vec::new()
    }

    fn wake_at(&self, cx: &Context<'_>) -> Option<i64> {
        let ages = self.groups.iter().map(|group| cx.redis_now().saturating_sub(group.last_at)).min();
        // Ages are shown in seconds below a minute, in minutes above.
        let step = if ages.is_some_and(|age| age < 60_000) { 1000 } else { 10_000 };
        Some(self.reading.wake_at(cx.now).min(cx.now - cx.now.rem_euclid(step) + step))
    }
}
