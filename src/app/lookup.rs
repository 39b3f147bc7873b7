//! What must be read before an act can be asked for: whose a deduplication id is, which scheduler made a job.

use super::effect::{Act, Answer, Effect, FetchId, Query, Slot};
use super::modal::Modal;
use super::modal::form::Form;
use super::toast::Toast;
use super::{App, acts};
use crate::engine::op::SchedulerOp;
use crate::engine::read::FieldValue;
use crate::operate::Edit;
use crate::text::Clean;
use crate::wire::{Era, JobId, QueueId, Raw};

/// Larger keys are none.
const KEY_MOST: u64 = 64 * 1024;

/// What is being read, and for what.
#[derive(Debug)]
pub enum Lookup {
    /// The owner of a deduplication id, for a form.
    Owner(FetchId, Box<Form>, Raw),
    /// The scheduler of a job, to run it now.
    Scheduler(FetchId, QueueId, Era, JobId),
}

impl Lookup {
    const fn id(&self) -> FetchId {
        match self {
            Self::Owner(id, ..) | Self::Scheduler(id, ..) => *id,
        }
    }
}

/// Reads whose a deduplication id is.
pub(super) fn owner(app: &mut App, form: Box<Form>, id: Raw) -> Vec<Effect> {
    let fetch = app.ids.next();
    let query = Query::Owner(form.queue.clone(), id.clone());
    app.lookup = Some(Lookup::Owner(fetch, form, id));
    vec![Effect::Fetch(Slot::Draft, fetch, query)]
}

/// Reads which scheduler made a job.
pub(super) fn scheduler(app: &mut App, queue: QueueId, era: Era, job: JobId) -> Vec<Effect> {
    let fetch = app.ids.next();
    let query = Query::Field(queue.clone(), job.clone(), Raw::new("rjk"));
    app.lookup = Some(Lookup::Scheduler(fetch, queue, era, job));
    vec![Effect::Fetch(Slot::Draft, fetch, query)]
}

/// What was looked up. `Err`: the answer is for somebody else.
pub(super) fn answer(
    app: &mut App,
    id: FetchId,
    answer: &Result<Answer, Clean>,
    now: i64,
) -> Result<Vec<Effect>, ()> {
    let lookup = app.lookup.take_if(|lookup| lookup.id() == id).ok_or(())?;
    if app.modal.is_some() {
        // Something else is being answered.
        return Ok(Vec::new());
    }
    Ok(match (lookup, answer) {
        (Lookup::Owner(_, form, id), Ok(Answer::Owner(Some(owner)))) => {
            let edits = vec![Edit::Release { id, owner: owner.clone() }];
            acts::ask(app, Act::Edit { queue: form.queue, era: form.era, edits }, 1, now)
        }
        (Lookup::Owner(_, mut form, _), answer) => {
            let why = match answer {
                Err(why) => why.clone(),
                Ok(_) => Clean::line("no job owns it: it is free"),
            };
            form.wrong = Some((form.at, why));
            app.modal = Some(Modal::Form(form));
            Vec::new()
        }
        (Lookup::Scheduler(_, queue, era, _), Ok(Answer::Field(FieldValue::Value(key))))
            if !key.as_bytes().is_empty() && key.as_bytes().len() as u64 <= KEY_MOST =>
        {
            let edits = vec![Edit::Scheduler { key: key.clone(), op: SchedulerOp::RunNow }];
            acts::ask(app, Act::Edit { queue, era, edits }, 1, now)
        }
        (Lookup::Scheduler(_, _, _, job), answer) => {
            let toast = match answer {
                Err(why) => Toast::bad(why.clone()),
                Ok(_) => Toast::plain(format!("no scheduler made job {}", job.clean())),
            };
            app.toasts.push(toast.shown_at(now));
            Vec::new()
        }
    })
}
