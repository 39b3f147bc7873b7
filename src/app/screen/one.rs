//! Acts on one job and on its queue's settings: the same wherever they are chosen.

use crate::app::action::Action;
use crate::app::effect::Act;
use crate::app::modal::form::{Form, Kind};
use crate::app::panel::{Context, Step};
use crate::engine::op::{Exit, JobOp};
use crate::operate::Edit;
use crate::wire::{JobId, QueueId};

/// The operation that an action means for a job that stays.
pub(super) fn edit_op(action: Action) -> Option<JobOp> {
    Some(match action {
        Action::JobMoveOut => JobOp::MoveOut { to: Exit::Wait },
        Action::JobMoveOutFailed => JobOp::MoveOut { to: Exit::Failed },
        Action::JobRemoveChildren => JobOp::RemoveChildren,
        Action::JobRelease => JobOp::ReleaseDeduplication,
        _ => return None,
    })
}

/// What an action on one job asks for; nothing where it is another's.
pub(super) fn job(cx: &Context<'_>, queue: &QueueId, id: &JobId, action: Action) -> Vec<Step> {
    let Some(row) = cx.queue(queue) else { return Vec::new() };
    let (queue, era, id) = (queue.clone(), row.era, id.clone());
    let edit = |edit| vec![Step::Act(Act::Edit { queue: queue.clone(), era, edits: vec![edit] }, 1)];
    match action {
        Action::JobEdit => vec![Step::EditData(queue, era, id)],
        Action::JobSet => vec![Step::Form(Box::new(Form::new(queue, era, Kind::Set(id))))],
        Action::JobDuplicate => edit(Edit::Duplicate { id }),
        Action::JobRunScheduler => vec![Step::RunScheduler(queue, era, id)],
        _ => edit_op(action).map_or_else(Vec::new, |op| edit(Edit::Job { id, op })),
    }
}

/// What an action on a queue's settings asks for; `None`: it is another's.
pub(super) fn queue(cx: &Context<'_>, queue: &QueueId, action: Action) -> Option<Vec<Step>> {
    let row = cx.queue(queue)?;
    let kind = match action {
        Action::QueueAdd => Kind::Add,
        Action::QueueLimits => Kind::limits(row),
        Action::QueueFreeId => Kind::Release,
        _ => return None,
    };
    Some(vec![Step::Form(Box::new(Form::new(queue.clone(), row.era, kind)))])
}
