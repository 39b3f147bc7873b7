//! Plans as the journal keeps them, so that an act that was broken off can go on.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Bulk, BulkPlan, Only, Pace, Plan, Selection};
use crate::engine::op::{JobOp, Target};
use crate::wire::{JobId, State};

/// Ids that are kept; of more only the start would be written at each act.
const IDS: usize = 10_000;

/// A plan that can go on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Resumable {
    /// Whole states.
    Bulk(BulkPlan),
    /// Jobs.
    Jobs(Plan),
}

/// What is written. The queue and the era stand beside it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Stored {
    /// Whether it is an act on whole states.
    bulk: bool,
    act: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<u64>,
    #[serde(skip_serializing_if = "is_off")]
    delayed: bool,
    #[serde(skip_serializing_if = "is_off")]
    force: bool,
    #[serde(skip_serializing_if = "is_off")]
    reset_attempts: bool,
    #[serde(skip_serializing_if = "is_off")]
    children: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    rate: Option<u32>,
    #[serde(skip_serializing_if = "is_off")]
    full_speed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    ids: Option<Vec<String>>,
    /// The group of errors that these are of.
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<String>,
}

/// Ids as they are written; `None`: they are too many, or no text.
fn texts(ids: &[JobId]) -> Option<Vec<String>> {
    let text = |id: &JobId| String::from_utf8(id.as_bytes().to_vec()).ok();
    ids.iter().map(text).collect::<Option<Vec<_>>>().filter(|ids| ids.len() <= IDS)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
const fn is_off(flag: &bool) -> bool {
    !*flag
}

fn write(stored: &Stored) -> Value {
    serde_json::to_value(stored).unwrap_or(Value::Null)
}

/// A bulk plan as the journal keeps it.
pub(super) fn of_bulk(plan: &BulkPlan) -> Value {
    let mut stored = Stored {
        bulk: true,
        act: plan.bulk.action().word().to_owned(),
        until: Some(plan.until),
        rate: plan.pace.rate,
        full_speed: plan.pace.full_speed,
        ..Stored::default()
    };
    match plan.bulk {
        Bulk::Drain { delayed } => stored.delayed = delayed,
        Bulk::Clean { state, limit } => (stored.state, stored.limit) = (Some(state.name().to_owned()), limit),
        Bulk::Obliterate { force } => stored.force = force,
        Bulk::Retry { from, reset_attempts } => {
            (stored.state, stored.reset_attempts) = (Some(from.name().to_owned()), reset_attempts);
        }
        Bulk::Promote => {}
    }
    if let Some(only) = &plan.only {
        let Some(ids) = texts(&only.ids) else { return Value::Null };
        (stored.ids, stored.group) = (Some(ids), Some(only.group.clone()));
    }
    write(&stored)
}

/// A plan as the journal keeps it; null where it cannot be kept: too many ids, or ids that are no text.
pub(super) fn of_plan(plan: &Plan) -> Value {
    let mut stored = Stored { act: plan.action().word().to_owned(), ..Stored::default() };
    match plan.op {
        JobOp::Retry { from, reset_attempts } => {
            (stored.state, stored.reset_attempts) = (Some(from.name().to_owned()), reset_attempts);
        }
        JobOp::Remove { children } => stored.children = children,
        JobOp::Promote => {}
        _ => return Value::Null,
    }
    match &plan.selection {
        Selection::All { state, until } => {
            (stored.state, stored.until) = (Some(state.name().to_owned()), Some(*until));
        }
        Selection::Ids(ids) => {
            let Some(ids) = texts(ids) else { return Value::Null };
            stored.ids = Some(ids);
        }
        Selection::Group(only) => {
            let Some(ids) = texts(&only.ids) else { return Value::Null };
            (stored.ids, stored.group) = (Some(ids), Some(only.group.clone()));
        }
    }
    write(&stored)
}

/// Reads a plan back, with `done` jobs done already; `None`: there is none, or it is of a later version.
pub(super) fn read(plan: &Value, target: Target, done: u64) -> Option<Resumable> {
    let stored: Stored = serde_json::from_value(plan.clone()).ok()?;
    let state = stored.state.as_deref().and_then(State::parse);
    if stored.bulk {
        let bulk = match stored.act.as_str() {
            "drain" => Bulk::Drain { delayed: stored.delayed },
            "clean" => {
                Bulk::Clean { state: state?, limit: stored.limit.map(|limit| limit.saturating_sub(done)) }
            }
            "obliterate" => Bulk::Obliterate { force: stored.force },
            "retry" => Bulk::Retry { from: state?, reset_attempts: stored.reset_attempts },
            "promote" => Bulk::Promote,
            _ => return None,
        };
        // A canary has sung by now.
        let pace = Pace { rate: stored.rate, canary: false, full_speed: stored.full_speed };
        let only = only(stored.group, stored.ids);
        return Some(Resumable::Bulk(BulkPlan { target, bulk, until: stored.until?, pace, only }));
    }
    let op = match stored.act.as_str() {
        "retry" => JobOp::Retry { from: state?, reset_attempts: stored.reset_attempts },
        "remove" => JobOp::Remove { children: stored.children },
        "promote" => JobOp::Promote,
        _ => return None,
    };
    if let Some(only) = only(stored.group, stored.ids.clone()) {
        return Some(Resumable::Jobs(Plan { target, op, selection: Selection::Group(only) }));
    }
    let selection = match (stored.ids, state, stored.until) {
        (Some(ids), ..) => Selection::Ids(ids.iter().map(JobId::new).collect()),
        (None, Some(state), Some(until)) => Selection::All { state, until },
        _ => return None,
    };
    Some(Resumable::Jobs(Plan { target, op, selection }))
}

fn only(group: Option<String>, ids: Option<Vec<String>>) -> Option<Arc<Only>> {
    let ids = ids?.iter().map(JobId::new).collect();
    Some(Arc::new(Only { group: group?, ids, ..Only::default() }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Prefix, QueueId, QueueName, WriteEra};

    fn target() -> Target {
        Target { queue: QueueId::new(Prefix::default(), QueueName::legacy("q")), era: WriteEra::V6 }
    }

    #[test]
    fn plans_are_read_back() {
        let pace = Pace { rate: Some(50), canary: false, full_speed: true };
        for bulk in [
            Bulk::Drain { delayed: true },
            Bulk::Drain { delayed: false },
            Bulk::Clean { state: State::Failed, limit: Some(100) },
            Bulk::Clean { state: State::WaitingChildren, limit: None },
            Bulk::Obliterate { force: true },
            Bulk::Retry { from: State::Completed, reset_attempts: true },
            Bulk::Promote,
        ] {
            let only = matches!(bulk, Bulk::Retry { .. }).then(|| {
                Arc::new(Only { group: "7f3k9q2m".to_owned(), ids: vec![JobId::new("1")], ..Only::default() })
            });
            let plan = BulkPlan { target: target(), bulk, until: 1_700_000_000_000, pace, only };
            assert_eq!(read(&of_bulk(&plan), target(), 0), Some(Resumable::Bulk(plan)));
        }
        let ids = Selection::Ids(vec![JobId::new("1"), JobId::new("zo\u{eb}")]);
        let all = Selection::All { state: State::Failed, until: 7 };
        for (op, selection) in [
            (JobOp::Remove { children: true }, ids.clone()),
            (JobOp::Remove { children: false }, all.clone()),
            (JobOp::Retry { from: State::Failed, reset_attempts: true }, all),
            (JobOp::Promote, ids),
        ] {
            let plan = Plan { target: target(), op, selection };
            assert_eq!(read(&of_plan(&plan), target(), 0), Some(Resumable::Jobs(plan)));
        }
    }

    #[test]
    fn a_limit_counts_what_was_done() {
        let bulk = Bulk::Clean { state: State::Failed, limit: Some(100) };
        let plan = BulkPlan { target: target(), bulk, until: 1, pace: Pace::default(), only: None };
        let Some(Resumable::Bulk(rest)) = read(&of_bulk(&plan), target(), 70) else { panic!() };
        assert_eq!(rest.bulk, Bulk::Clean { state: State::Failed, limit: Some(30) });
        let odd = JobId::new(b"\xff".as_slice());
        let plan = Plan { target: target(), op: JobOp::Promote, selection: Selection::Ids(vec![odd]) };
        assert_eq!(of_plan(&plan), Value::Null);
        assert_eq!(read(&Value::Null, target(), 0), None);
    }
}
