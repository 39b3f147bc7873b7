//! Parents, schedulers, deduplication ids.

use super::{Fact, Finding, Kind};
use crate::engine::op::{Home, Repair};
use crate::engine::read::doctor::{ChildState, Hash, Iteration, Lock, Look, ParentFacts, SchedulerFacts};
use crate::engine::schedule::{Repeat, next_run};
use crate::wire::{Era, JobId, State, number, score};

pub(super) fn judge(look: &Look, found: &mut Vec<Finding>) {
    found.extend(look.parents.iter().filter_map(|parent| stuck(look, parent)));
    for scheduler in &look.schedulers {
        found.extend(old(look, scheduler).or_else(|| dead(look, scheduler)));
    }
    for dedup in look.dedups.iter().filter(|dedup| dedup.ttl.is_none() && !dedup.alive) {
        let repair = Repair::FreeDedup { id: dedup.id.clone(), owner: dedup.owner.clone() };
        let mut finding = Finding::new(look, Kind::StaleDedup, dedup.id.as_bytes(), Ok(repair));
        finding.look_at.dedups.push(dedup.id.clone());
        let owner = crate::wire::Raw::new(dedup.owner.as_bytes());
        let finding = finding.with("deduplication id", Fact::Text(dedup.id.clone()));
        found.push(finding.with("owner", Fact::Text(owner)).unmoved(dedup.owner.as_bytes()));
    }
}

fn stuck(look: &Look, parent: &ParentFacts) -> Option<Finding> {
    let since = parent.since.filter(|_| parent.is_job)?;
    let id = parent.id.clone();
    let bad = |state| parent.children.iter().find(|child| child.state == state);
    let (repair, word, child) = if parent.pending == 0 {
        (Ok(Repair::ReleaseParent { id }), "none", None)
    } else if let Some(child) = bad(ChildState::Gone) {
        (Ok(Repair::ForgetChild { id, child: child.key.clone() }), "gone", Some(child))
    } else if let Some(child) = bad(ChildState::Completed) {
        let repair = match &child.job {
            Some((queue, job)) => Ok(Repair::SettleChild { id, queue: queue.clone(), child: job.clone() }),
            None => Err("The child's key does not tell its queue."),
        };
        (repair, "completed, and it was not told", Some(child))
    } else {
        let child = bad(ChildState::Failed)?;
        let why = "Retry the failed child, or remove it: only its owner knows which is meant.";
        (Err(why), "failed", Some(child))
    };
    let mut finding = Finding::new(look, Kind::StuckParent, parent.id.as_bytes(), repair);
    finding.job = Some(parent.id.clone());
    finding.look_at.parents.push(parent.id.clone());
    let finding = finding
        .with("waits since", Fact::At(number::real(since)))
        .with("pending children", Fact::count(parent.pending))
        .with("child", Fact::Word(word))
        .with_some("key", child.map(|child| Fact::Text(child.key.clone())));
    let key = child.map(|child| child.key.as_bytes()).unwrap_or_default();
    Some(finding.unmoved(word).unmoved(key))
}

/// The job of a scheduler's next run.
pub(super) fn run_of(scheduler: &SchedulerFacts) -> JobId {
    JobId::new(
        [b"repeat:", scheduler.key.as_bytes(), b":", scheduler.next_at.to_string().as_bytes()].concat(),
    )
}

fn old(look: &Look, scheduler: &SchedulerFacts) -> Option<Finding> {
    if !scheduler.legacy || look.era != Era::V6 {
        return None;
    }
    let why =
        "Its rule stands in its key and its data in its jobs: add a job scheduler instead, then remove it.";
    Some(about(look, Kind::OldRepeatable, scheduler, Err(why)))
}

fn dead(look: &Look, scheduler: &SchedulerFacts) -> Option<Finding> {
    let again = || Ok(Repair::Revive { key: scheduler.key.clone(), at: scheduler.next_at });
    let (repair, what) = match &scheduler.next {
        Iteration::Found | Iteration::Unsure => return None,
        Iteration::Missing => (
            Err("What its jobs are stood in the job that is gone: add it again, then remove this one."),
            "gone",
        ),
        Iteration::Job(job) => match &job.hash {
            Hash::Job(fields) if job.places.is_empty() && fields.finished_at.is_none() => {
                if job.unsure || job.lock != Lock::None {
                    return None;
                }
                let to = Home::Set(State::Delayed, score::delayed_floor(scheduler.next_at));
                (Ok(Repair::Enlist { id: job.id.clone(), to }), "in no state")
            }
            Hash::Job(_) if job.places.iter().all(|(state, ..)| state.is_finished()) => {
                // One that is tried again after a failure is not in `failed`.
                (again(), "over, and none follows")
            }
            Hash::Job(_) | Hash::Other | Hash::Stub => return None,
            Hash::None if scheduler.counted => (again(), "gone"),
            Hash::None => (
                Err("What its jobs are stood in the job that is gone: add it again, then remove this one."),
                "gone",
            ),
        },
    };
    if ended(scheduler, look.at) {
        return None;
    }
    let finding = about(look, Kind::DeadScheduler, scheduler, repair);
    Some(finding.with("its next run", Fact::Word(what)).unmoved(what))
}

/// Whether it has no run to come, as it should.
fn ended(scheduler: &SchedulerFacts, now: i64) -> bool {
    if let (Some(runs), Some(limit)) = scheduler.runs
        && runs >= limit
    {
        return true;
    }
    let Some(end) = scheduler.end_at else { return false };
    let whole = |number: Option<i64>| number.and_then(|number| u64::try_from(number).ok());
    let repeat = match (&scheduler.pattern, whole(scheduler.every)) {
        (Some(pattern), _) => Repeat::cron(pattern.lossless()),
        (None, Some(every)) if every > 0 => Repeat::every(std::time::Duration::from_millis(every)),
        _ => return end <= now,
    };
    let repeat = match &scheduler.zone {
        Some(zone) => repeat.tz(zone.lossless()),
        None => repeat,
    };
    matches!(next_run(&repeat.end(end), scheduler.next_at, now.max(scheduler.next_at)), Ok(None))
}

fn about(
    look: &Look,
    kind: Kind,
    scheduler: &SchedulerFacts,
    repair: Result<Repair, &'static str>,
) -> Finding {
    let mut finding = Finding::new(look, kind, scheduler.key.as_bytes(), repair);
    finding.look_at.schedulers = true;
    let rule = scheduler.pattern.clone().map(Fact::Text).or_else(|| scheduler.every.map(Fact::Ms));
    finding
        .with("scheduler", Fact::Text(scheduler.key.clone()))
        .with_some("rule", rule)
        .with("next", Fact::At(scheduler.next_at))
        .unmoved(scheduler.next_at.to_string())
}
