//! What a screen is to the application.

use std::cell::Cell;
use std::sync::Arc;

use super::Config;
use super::action::{Action, Scope};
use super::draft::Edited;
use super::effect::{Act, Answer, Effect, FetchId};
use super::link::LinkView;
use super::modal::form::Form;
use super::panes::Rect;
use super::screen::Screen;
use super::toast::Toast;
use crate::monitor::{FeedEvent, Interest, QueueRow, Snapshot};
use crate::operate::journal::JournalId;
use crate::text::Clean;
use crate::wire::{Era, JobId, QueueId};

/// Numbers for fetches and runs: never used twice.
#[derive(Debug, Default)]
pub struct Ids(Cell<u64>);

impl Ids {
    /// The next number.
    pub fn next(&self) -> u64 {
        self.0.set(self.0.get() + 1);
        self.0.get()
    }
}

/// What a panel may see of the rest.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The newest picture of the queues.
    pub snapshot: &'a Arc<Snapshot>,
    /// What does not change.
    pub config: &'a Config,
    /// The link's health.
    pub link: &'a LinkView,
    /// The screen's part of the terminal.
    pub body: Rect,
    /// Now, ms since the epoch by this host.
    pub now: i64,
    /// Numbers for fetches.
    pub ids: &'a Ids,
}

impl<'a> Context<'a> {
    /// Now by Redis's clock, ms since the epoch: what job times are compared with.
    pub fn redis_now(&self) -> i64 {
        self.now + self.snapshot.clock_offset_ms
    }

    /// Redis's clock when the picture was last kept true, ms since the epoch: what a row is judged
    /// by. While the server is silent the rows grow old, not the jobs in them late.
    pub fn judged_at(&self) -> i64 {
        self.link.true_at(self.now) + self.snapshot.clock_offset_ms
    }

    /// The row of a queue.
    pub fn queue(&self, id: &QueueId) -> Option<&'a Arc<QueueRow>> {
        self.snapshot.queues.iter().find(|row| row.id == *id)
    }
}

/// What a panel wants to happen.
#[derive(Debug)]
pub enum Step {
    /// Ask the shell.
    Effect(Effect),
    /// Open a screen above this one.
    Open(Box<Screen>),
    /// Leave this screen.
    Close,
    /// Say something.
    Toast(Toast),
    /// Do something to the data that concerns so many jobs; asked about first by its severity.
    Act(Act, u64),
    /// Ask what an undo of this act would put back.
    Undo(JournalId),
    /// Ask for a line, with this prompt and this text to begin with; [`Panel::told`] gets it.
    AskLine(&'static str, String),
    /// Ask to go on with this act, whose queue has this era.
    Resume(JournalId, Era),
    /// Open a job's data in the person's editor.
    EditData(QueueId, Era, JobId),
    /// Ask for what an act needs to be told.
    Form(Box<Form>),
    /// Run the scheduler that made a job.
    RunScheduler(QueueId, Era, JobId),
}

/// A screen of its own state.
pub trait Panel {
    /// Which scopes of actions it is, narrowest first.
    fn scopes(&self) -> &'static [Scope];

    /// Whether the bottom line names this action of its scopes now. It is a matter of room: the key
    /// of one that is not named tells why it does nothing.
    fn offers(&self, _action: Action) -> bool {
        true
    }

    /// Its place in words, outermost first: `payments`, `failed`, `98412`.
    fn path(&self) -> Vec<Clean>;

    /// What it wants kept fresh.
    fn interest(&self, cx: &Context<'_>) -> Interest;

    /// Does an action of one of its scopes.
    fn act(&mut self, cx: &Context<'_>, action: Action) -> Vec<Step>;

    /// Something that it shows may have changed (a snapshot, the size, time): looks for what it
    /// needs anew.
    fn refresh(&mut self, cx: &Context<'_>) -> Vec<Step>;

    /// An answer came; `Err` gives it back: it is not for this panel, or for an older question.
    fn answer(
        &mut self,
        _cx: &Context<'_>,
        _id: FetchId,
        answer: Result<Answer, Clean>,
    ) -> Result<Vec<Step>, Result<Answer, Clean>> {
        Err(answer)
    }

    /// An editor that was opened under this number ended; `None`: it was for somebody else.
    fn edited(
        &mut self,
        _cx: &Context<'_>,
        _id: FetchId,
        _edited: &Result<Edited, Clean>,
    ) -> Option<Vec<Step>> {
        None
    }

    /// The text of the filter changed; `done` when it was confirmed with Enter.
    fn filter(&mut self, _cx: &Context<'_>, _text: &str, _done: bool) -> Vec<Step> {
        Vec::new()
    }

    /// The text of the filter now, if the screen has a filter at all.
    fn filter_text(&self) -> Option<&str> {
        None
    }

    /// The filter is what the screen is about: leaving the screen does not clear it first.
    fn keeps_filter(&self) -> bool {
        false
    }

    /// The line was given that was asked for.
    fn told(&mut self, _cx: &Context<'_>, _line: &str) -> Vec<Step> {
        Vec::new()
    }

    /// Events of the feed.
    fn feed(&mut self, _cx: &Context<'_>, _events: &[FeedEvent]) {}

    /// An act was confirmed and runs: what was selected for it is so no more.
    fn runs(&mut self, _act: &Act) {}

    /// An act ended: what it was done to may look otherwise now.
    fn acted(&mut self, _cx: &Context<'_>, _act: &Act) {}

    /// The feed begins again: while another screen was in front, nothing came.
    fn fed_again(&mut self, _cx: &Context<'_>) {}

    /// Another screen came in front of it.
    fn left(&mut self, _cx: &Context<'_>) {}

    /// A click on a cell of the body (column and row within it).
    fn click(&mut self, _cx: &Context<'_>, _column: u16, _row: u16) -> Vec<Step> {
        Vec::new()
    }

    /// When something on it changes by itself.
    fn wake_at(&self, _cx: &Context<'_>) -> Option<i64> {
        None
    }
}
