//! Job: what is it, why did it fail?

use super::super::action::{Action, Scope};
use super::super::effect::{Answer, Effect, FetchId, Query, Slot};
use super::super::panel::{Context, Panel, Step};
use crate::engine::read::job::JobDetail;
use crate::monitor::Interest;
use crate::text::Clean;
use crate::wire::{JobId, QueueId, State};

/// The screen.
#[derive(Debug)]
pub struct Job {
    /// Of which queue.
    pub queue: QueueId,
    /// Which job.
    pub id: JobId,
    /// Where it was last seen.
    pub state: Option<State>,
    /// The job as it was read last.
    pub detail: Option<Box<JobDetail>>,
    /// Why it could not be read.
    pub error: Option<Clean>,
    wanted: Option<FetchId>,
    touched: Option<u64>,
}

impl Job {
    /// The screen of a job that was seen in a state.
    pub fn new(queue: QueueId, id: JobId, state: Option<State>) -> Self {
        Self { queue, id, state, detail: None, error: None, wanted: None, touched: None }
    }
}

impl Panel for Job {
    fn scopes(&self) -> &'static [Scope] {
        &[Scope::Job, Scope::OneJob, Scope::OneQueue, Scope::List]
    }

    fn path(&self) -> Vec<Clean> {
        let state = self.state.map_or("job", State::name);
        vec![self.queue.name.clean(), Clean::line(state), self.id.clean()]
    }

    fn interest(&self, _cx: &Context<'_>) -> Interest {
        Interest { visible: vec![self.queue.clone()], ..Interest::default() }
    }

    fn act(&mut self, _cx: &Context<'_>, _action: Action) -> Vec<Step> {
        Vec::new()
    }

    fn refresh(&mut self, cx: &Context<'_>) -> Vec<Step> {
        let touched = cx.queue(&self.queue).map(|row| row.touched);
        if self.wanted.is_some() || (self.touched.is_some() && self.touched == touched) {
            return Vec::new();
        }
        self.touched = touched.or(Some(0));
        let era = cx.queue(&self.queue).map_or(crate::wire::Era::Unknown, |row| row.era);
        let id = cx.ids.next();
        self.wanted = Some(id);
        vec![Step::Effect(Effect::Fetch(
            Slot::Job,
            id,
            Query::Job(era, self.queue.clone(), self.id.clone(), self.state),
        ))]
    }

    fn answer(
        &mut self,
        _cx: &Context<'_>,
        id: FetchId,
        answer: Result<Answer, Clean>,
    ) -> Result<Vec<Step>, Result<Answer, Clean>> {
        if self.wanted != Some(id) {
            return Err(answer);
        }
        self.wanted = None;
        match answer {
            Ok(Answer::Job(detail)) => {
                self.state = detail.as_ref().and_then(|detail| detail.state).or(self.state);
                self.detail = detail;
                self.error = None;
            }
            Ok(other) => return Err(Ok(other)),
            Err(why) => self.error = Some(why),
        }
        Ok(Vec::new())
    }
}
