//! Doctor: is the data sound?

use super::super::action::{Action, Scope};
use super::super::effect::{Act, Answer, Effect, FetchId, Needle, Query, Round, Slot};
use super::super::list::{Cursor, Move};
use super::super::panel::{Context, Panel, Step};
use super::super::panes::Rect;
use super::super::toast::Toast;
use super::job::Job;
use super::queue::Queue;
use super::{Screen, moved};
use crate::engine::read::doctor::{Progress, Scope as Reading};
use crate::insight::doctor::{Finding, Survey};
use crate::monitor::Interest;
use crate::text::Clean;
use crate::wire::QueueId;

/// Rows of the body above the list: heading, what was looked at, column names.
const HEAD: u16 = 3;
/// After a repair its queue is looked at anew, so much later, ms.
const AFTER_MS: i64 = 1_500;

/// The screen.
#[derive(Debug, Default)]
pub struct Doctor {
    /// What the newest rounds found; `Err`: why the last one failed.
    pub survey: Option<Result<Survey, Clean>>,
    /// When the last whole round ended, ms since the epoch by this host.
    pub made_at: Option<i64>,
    /// How far the round under way is.
    pub progress: Option<Progress>,
    /// Which finding is selected.
    pub cursor: Cursor<String>,
    /// The filter as it was typed.
    pub filter: String,
    /// The round was stopped by the person.
    pub stopped: bool,
    wanted: Option<FetchId>,
    /// The queue of the round under way, where it is only one.
    only: Option<QueueId>,
    /// A queue that was repaired, and when it is to be looked at.
    again: Option<(QueueId, i64)>,
}

impl Doctor {
    /// Where the list stands in the body.
    pub fn list(body: Rect) -> Rect {
        body.below(HEAD).above(Self::detail_rows(body))
    }

    /// Rows below the list, about the selected finding.
    pub fn detail_rows(body: Rect) -> u16 {
        match body.height {
            0..=9 => 0,
            10..=15 => 4,
            16..=30 => 8,
            _ => 10,
        }
    }

    /// What was found, whether or not it passes the filter.
    pub fn findings(&self) -> &[Finding] {
        match &self.survey {
            Some(Ok(survey)) => &survey.findings,
            _ => &[],
        }
    }

    /// The findings that pass the filter, worst first.
    pub fn shown(&self) -> Vec<&Finding> {
        let needle = (!self.filter.is_empty()).then(|| Needle::parse(&self.filter));
        let passes = |finding: &&Finding| {
            let Some(needle) = &needle else { return true };
            let queue = finding.queue.as_ref().map(QueueId::clean).unwrap_or_default();
            let job = finding.job.as_ref().map(crate::wire::JobId::clean).unwrap_or_default();
            let evidence = finding.evidence_line();
            let texts = [&finding.id, finding.kind.title(), queue.as_str(), job.as_str(), evidence.as_str()];
            needle.passes(texts.into_iter())
        };
        self.findings().iter().filter(passes).collect()
    }

    /// The selected finding.
    pub fn selected(&self) -> Option<&Finding> {
        self.shown().get(usize::try_from(self.cursor.index).ok()?).copied()
    }

    /// Whether a round is under way.
    pub fn looks(&self) -> bool {
        self.wanted.is_some()
    }

    fn settle(&mut self, cx: &Context<'_>) {
        let ids: Vec<String> = self.shown().iter().map(|finding| finding.id.clone()).collect();
        self.cursor.settle_among(&ids, Self::list(cx.body).height, String::clone);
    }

    fn step(&mut self, cx: &Context<'_>, by: Move) {
        let height = u64::from(Self::list(cx.body).height);
        let len = self.shown().len() as u64;
        self.cursor.step(by, len, height);
        self.settle(cx);
    }

    /// Begins a round, of all queues or of one.
    fn begin(&mut self, cx: &Context<'_>, only: Option<QueueId>) -> Vec<Step> {
        let id = cx.ids.next();
        let queues = match &only {
            Some(queue) => vec![queue.clone()],
            None => cx.snapshot.queues.iter().map(|row| row.id.clone()).collect(),
        };
        (self.wanted, self.stopped, self.progress) = (Some(id), false, Some(Progress::default()));
        let round = Round { queues, scope: Reading::default(), whole: only.is_none() };
        self.only = only;
        vec![Step::Effect(Effect::Fetch(Slot::Doctor, id, Query::Doctor(round)))]
    }

    /// What is due: the first round, or another look at what was repaired.
    fn due(&mut self, cx: &Context<'_>) -> Vec<Step> {
        if self.looks() || !cx.link.is_connected() {
            return Vec::new();
        }
        let found = cx.snapshot.discovery.complete || cx.snapshot.discovery.refused;
        if self.survey.is_none() && !self.stopped {
            return if found { self.begin(cx, None) } else { Vec::new() };
        }
        if let Some((queue, at)) = self.again.take_if(|(_, at)| *at <= cx.now) {
            let _ = at;
            return self.begin(cx, Some(queue));
        }
        Vec::new()
    }

    fn stop(&mut self) -> Vec<Step> {
        if !self.looks() {
            return vec![Step::Toast(Toast::plain("no round is under way"))];
        }
        (self.wanted, self.progress, self.only, self.stopped) = (None, None, None, true);
        vec![Step::Effect(Effect::Cancel(Slot::Doctor)), Step::Toast(Toast::plain("stopped looking"))]
    }

    /// Takes over what a round found; one of a single queue replaces what was known of that.
    fn take(&mut self, found: Survey, cx: &Context<'_>) {
        match (&self.only, &mut self.survey) {
            (Some(queue), Some(Ok(survey))) => {
                survey.findings.retain(|finding| finding.queue.as_ref() != Some(queue));
                survey.findings.extend(found.findings);
                crate::insight::doctor::sort(&mut survey.findings);
            }
            (Some(_), _) => {}
            (None, survey) => {
                *survey = Some(Ok(found));
                self.made_at = Some(cx.now);
            }
        }
    }

    /// Repairs the selected finding, or all of its queue that have a safe repair.
    fn repair(&self, all: bool) -> Vec<Step> {
        let nothing = |why: &str| vec![Step::Toast(Toast::plain(why.to_owned()))];
        let Some(selected) = self.selected() else { return nothing("nothing is selected") };
        let Some(queue) = selected.queue.clone() else {
            return nothing("the server is its operator's: nothing is repaired here");
        };
        let of = |finding: &Finding| Some((finding.id.clone(), finding.repair.clone().ok()?));
        let repairs: Vec<_> = if all {
            let shown = self.shown();
            shown.into_iter().filter(|one| one.queue.as_ref() == Some(&queue)).filter_map(of).collect()
        } else {
            of(selected).into_iter().collect()
        };
        if repairs.is_empty() {
            return vec![Step::Toast(Toast::plain(format!("no safe repair: {}", selected.cure())))];
        }
        let count = repairs.len() as u64;
        vec![Step::Act(Act::Repair { queue, era: selected.era, repairs }, count)]
    }

    fn open(&self) -> Vec<Step> {
        let Some(finding) = self.selected() else { return Vec::new() };
        let Some(queue) = finding.queue.clone() else { return Vec::new() };
        let screen = match &finding.job {
            Some(job) => Screen::Job(Box::new(Job::new(queue, job.clone(), None))),
            None => Screen::Queue(Box::new(Queue::new(queue))),
        };
        vec![Step::Open(Box::new(screen))]
    }
}

impl Panel for Doctor {
    fn offers(&self, action: Action) -> bool {
        match action {
            Action::DoctorFix => self.selected().is_some_and(|finding| finding.repair.is_ok()),
            Action::DoctorFixAll => self.findings().iter().any(|finding| finding.repair.is_ok()),
            Action::Open => self.selected().is_some(),
            Action::DoctorLook => !self.looks(),
            _ => true,
        }
    }

    fn scopes(&self) -> &'static [Scope] {
        &[Scope::Doctor, Scope::List, Scope::Move]
    }

    fn path(&self) -> Vec<Clean> {
        vec![Clean::line("Doctor")]
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
            Action::Open => self.open(),
            Action::DoctorFix => self.repair(false),
            Action::DoctorFixAll => self.repair(true),
            Action::DoctorLook if !self.looks() => self.begin(cx, None),
            Action::DoctorStop => self.stop(),
            _ => Vec::new(),
        }
    }

    fn refresh(&mut self, cx: &Context<'_>) -> Vec<Step> {
        self.settle(cx);
        self.due(cx)
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
        match answer {
            Ok(Answer::Looking(progress)) => {
                self.progress = Some(progress);
                return Ok(Vec::new());
            }
            Ok(Answer::Survey(found)) => self.take(*found, cx),
            Ok(other) => return Err(Ok(other)),
            // What was found before stays, with its age.
            Err(why) if matches!(self.survey, Some(Ok(_))) => {
                (self.wanted, self.progress, self.only) = (None, None, None);
                return Ok(vec![Step::Toast(Toast::bad(format!("the doctor: {why}")))]);
            }
            Err(why) => self.survey = Some(Err(why)),
        }
        (self.wanted, self.progress, self.only) = (None, None, None);
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

    fn acted(&mut self, cx: &Context<'_>, act: &Act) {
        let queue = match act {
            Act::Repair { queue, .. } => queue,
            Act::Undo(taken) => &taken.queue,
            _ => return,
        };
        self.again = Some((queue.clone(), cx.now + AFTER_MS));
    }

    fn click(&mut self, cx: &Context<'_>, _column: u16, row: u16) -> Vec<Step> {
        let len = self.shown().len() as u64;
        if let Some(index) = self.cursor.clicked(cx.body, Self::list(cx.body), row, len) {
            self.cursor.select(index, None);
        }
        self.settle(cx);
        Vec::new()
    }

    fn wake_at(&self, cx: &Context<'_>) -> Option<i64> {
        let again = self.again.as_ref().map(|(_, at)| (*at).max(cx.now + 50));
        // The age of what was found is told in seconds, then minutes.
        again.or_else(|| self.made_at.map(|_| cx.now + 10_000))
    }
}
