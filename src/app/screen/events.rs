//! Events: what is happening?

use std::collections::VecDeque;

use super::super::action::{Action, Scope};
use super::super::effect::{Answer, FetchId, Needle};
use super::super::list::{Cursor, Move};
use super::super::panel::{Context, Panel, Step};
use super::super::panes::Rect;
use super::job::Job;
use super::{Screen, moved};
use crate::monitor::{FeedEvent, Interest};
use crate::text::Clean;

/// Events kept; the oldest go first.
const KEPT: usize = 5000;

/// The screen.
#[derive(Debug, Default)]
pub struct Events {
    /// The feed, newest first.
    pub events: VecDeque<FeedEvent>,
    /// Events that came and were let go for want of room.
    pub dropped: u64,
    /// Held still: what comes waits in `held`.
    pub held: Option<Vec<FeedEvent>>,
    /// Which entry is selected, by its index among those that pass the filter.
    pub cursor: Cursor<Clean>,
    /// The filter as it was typed.
    pub filter: String,
}

const HEAD: u16 = 2;

impl Events {
    /// Where the list stands in the body.
    pub fn list(body: Rect) -> Rect {
        body.below(HEAD)
    }

    /// The events that pass the filter, newest first.
    pub fn shown(&self) -> impl Iterator<Item = &FeedEvent> {
        let needle = Needle::parse(&self.filter);
        let all = self.filter.is_empty();
        self.events.iter().filter(move |event| all || passes(&needle, event))
    }

    fn selected(&self) -> Option<&FeedEvent> {
        self.shown().nth(usize::try_from(self.cursor.index).ok()?)
    }

    fn add(&mut self, events: Vec<FeedEvent>) {
        for event in events {
            self.events.push_front(event);
        }
        let over = self.events.len().saturating_sub(KEPT);
        self.events.truncate(KEPT);
        self.dropped += over as u64;
    }

    fn settle(&mut self, cx: &Context<'_>) {
        let keys: Vec<Clean> = self.shown().map(|event| event.entry.clone()).collect();
        let height = u64::from(Self::list(cx.body).height);
        self.cursor.settle(
            keys.len() as u64,
            height,
            |key| keys.iter().position(|k| k == key).map(|at| at as u64),
            |at| keys.get(usize::try_from(at).ok()?).cloned(),
        );
    }
}

fn passes(needle: &Needle, event: &FeedEvent) -> bool {
    let queue = event.queue.name.clean();
    let job = event.job.as_ref().map(crate::wire::JobId::clean).unwrap_or_default();
    needle.passes([queue.as_str(), event.event.as_str(), job.as_str()].into_iter())
}

impl Panel for Events {
    fn scopes(&self) -> &'static [Scope] {
        &[Scope::Events, Scope::List]
    }

    fn path(&self) -> Vec<Clean> {
        vec![Clean::line("Events")]
    }

    fn interest(&self, _cx: &Context<'_>) -> Interest {
        Interest { feed: Some(Vec::new()), ..Interest::default() }
    }

    fn act(&mut self, cx: &Context<'_>, action: Action) -> Vec<Step> {
        if let Some(by) = moved(action) {
            let len = self.shown().count() as u64;
            self.cursor.step(by, len, u64::from(Self::list(cx.body).height));
            let key = self.selected().map(|event| event.entry.clone());
            // At the newest event the view stays there; elsewhere it holds on to its entry.
            self.cursor.key = if by == Move::Top { None } else { key };
            return Vec::new();
        }
        match action {
            Action::EventsPause => match self.held.take() {
                Some(events) => self.add(events),
                None => self.held = Some(Vec::new()),
            },
            Action::Open => {
                let Some((queue, id)) = self.selected().and_then(|e| Some((e.queue.clone(), e.job.clone()?)))
                else {
                    return Vec::new();
                };
                return vec![Step::Open(Box::new(Screen::Job(Box::new(Job::new(queue, id, None)))))];
            }
            _ => {}
        }
        Vec::new()
    }

    fn refresh(&mut self, cx: &Context<'_>) -> Vec<Step> {
        self.settle(cx);
        Vec::new()
    }

    fn answer(
        &mut self,
        _cx: &Context<'_>,
        _id: FetchId,
        answer: Result<Answer, Clean>,
    ) -> Result<Vec<Step>, Result<Answer, Clean>> {
        Err(answer)
    }

    fn feed(&mut self, cx: &Context<'_>, events: &[FeedEvent]) {
        match &mut self.held {
            Some(held) => {
                held.extend_from_slice(events);
                let over = held.len().saturating_sub(KEPT);
                held.drain(..over);
                self.dropped += over as u64;
            }
            None => self.add(events.to_vec()),
        }
        self.settle(cx);
    }

    fn filter(&mut self, cx: &Context<'_>, text: &str, _done: bool) -> Vec<Step> {
        text.clone_into(&mut self.filter);
        self.settle(cx);
        Vec::new()
    }

    fn filter_text(&self) -> Option<&str> {
        Some(&self.filter)
    }
}
