//! What is read anew and when, and the texts that follow from it.

use super::content::{self, Source, Text};
use super::{Job, Page, Tab};
use crate::app::doc::Pager;
use crate::app::effect::{Effect, Query, Slot};
use crate::app::panel::{Context, Step};
use crate::engine::read::job::JobDetail;
use crate::wire::State;

/// A job that is on its way is read at most so often, ms ..
const PACE_MS: i64 = 100;
/// .. and one that is over, gone or not small: the queue moves, the job hardly.
const SLOW_MS: i64 = 1000;
/// What is small: ten times a second of it is within what we may cost.
const SMALL: u64 = 8 * 1024;
/// While it runs it is read so often: no event tells of its lock, its log and its progress.
const LIVE_MS: i64 = 2000;
/// An answer that does not come within this was given to nobody.
const LOST_MS: i64 = 5000;

impl Job {
    /// Makes the open tab's text what it should be now.
    pub(super) fn settle(&mut self, cx: &Context<'_>) {
        let height = self.height(cx);
        if self.tab == Tab::Logs {
            self.logs.settle(height);
            return;
        }
        if self.tab == Tab::Flow {
            self.flow.settle(height.saturating_sub(1));
            return;
        }
        let Some(source) = content::source(self, self.tab, cx) else { return };
        let at = self.tab as usize;
        let same = self.pages[at].as_ref().is_some_and(|page| page.source == source);
        if !same && self.pages[at].is_some() && !matches!(source, Source::Timeline) {
            // What is shown was another value.
            self.shown = None;
        }
        let same = same && self.pages[at].as_ref().is_some_and(|page| page.shown == self.shown);
        if !same || source == Source::Timeline {
            let text = content::build(&source, self, cx);
            match &mut self.pages[at] {
                Some(page) => {
                    if page.pager.doc.bytes() != text.doc.bytes() || page.targets != text.targets {
                        // Texts of ours keep their shape while their values change.
                        let ours = page.source == source
                            || matches!(source, Source::Timeline | Source::Raw(..) | Source::Error(..));
                        page.pager.replace(text.doc, ours);
                    }
                    page.targets = text.targets;
                    (page.fields, page.secrets) = (text.fields, text.secrets);
                    page.shown = self.shown.clone();
                    page.source = source;
                }
                empty => {
                    let Text { doc, targets, fields, secrets } = text;
                    let shown = self.shown.clone();
                    *empty = Some(Page { source, targets, fields, secrets, shown, pager: Pager::new(doc) });
                }
            }
        }
        if let Some(pager) = self.pager_mut() {
            pager.advance(height);
            pager.scroll(height);
        }
    }

    pub(super) fn look(&mut self, cx: &Context<'_>) -> Vec<Step> {
        let mut steps = Vec::new();
        if self.should_read(cx) {
            self.touched = cx.queue(&self.queue).map(|row| row.touched);
            self.asked_at = cx.now;
            let id = cx.ids.next();
            self.wanted = Some(id);
            let query = Query::Job(self.era(cx), self.queue.clone(), self.id.clone(), self.state);
            steps.push(Step::Effect(Effect::Fetch(Slot::Job, id, query)));
        }
        if self.tab == Tab::Logs
            && let Some(detail) = &self.detail
        {
            let (counted, live, height) = (detail.logs, self.live(), self.height(cx));
            let job = (&self.queue, &self.id);
            if let Some((id, query)) = self.logs.look(cx, job, counted, live, height) {
                steps.push(Step::Effect(Effect::Fetch(Slot::Logs, id, query)));
            }
        }
        if self.tab == Tab::Flow {
            let height = self.height(cx).saturating_sub(1);
            if let Some((id, query)) = self.flow.look(cx, (&self.queue, &self.id), height) {
                steps.push(Step::Effect(Effect::Fetch(Slot::Flow, id, Query::Flow(query))));
            }
        }
        steps
    }

    fn should_read(&self, cx: &Context<'_>) -> bool {
        cx.now >= self.read_due(cx)
    }

    /// Whether it may change at any moment, and costs little to read.
    fn moves(&self) -> bool {
        let read = |detail: &JobDetail| -> u64 {
            detail.fields.iter().filter(|field| field.value.is_some()).map(|field| field.size).sum()
        };
        let over = self.gone || self.state.is_some_and(State::is_finished);
        !over && self.detail.as_deref().is_none_or(|detail| read(detail) <= SMALL)
    }

    /// When it should be read again; far away when nothing asks for it.
    pub(super) fn read_due(&self, cx: &Context<'_>) -> i64 {
        if self.wanted.is_some() || self.error.is_some() {
            return self.asked_at + LOST_MS;
        }
        if self.asked_at == 0 {
            return 0;
        }
        if self.touched != cx.queue(&self.queue).map(|row| row.touched) {
            return self.asked_at + if self.moves() { PACE_MS } else { SLOW_MS };
        }
        if self.live() { self.asked_at + LIVE_MS } else { i64::MAX }
    }

    /// Takes in what was read.
    pub(super) fn read(&mut self, cx: &Context<'_>, detail: Option<Box<JobDetail>>) {
        self.error = None;
        self.read_at = cx.now;
        self.gone = detail.is_none();
        let Some(detail) = detail else { return };
        self.state = detail.state;
        if !self.chosen {
            self.chosen = true;
            self.tab = if detail.state == Some(State::Failed) { Tab::Error } else { Tab::Data };
        }
        self.detail = Some(detail);
    }
}
