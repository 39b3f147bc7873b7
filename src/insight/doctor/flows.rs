//! Parents, schedulers, deduplication ids.

use super::{Fact, Finding, Kind};
use crate::engine::op::{Home, Repair};
use crate::engine::read::child::ChildState;
use crate::engine::read::doctor::{Lock, Look, ParentFacts, SchedulerFacts};
use crate::engine::read::schedulers::Generation;
use crate::insight::scheduler::{Dead, Phase, judge as judge_scheduler};
use crate::wire::{Era, Raw, State, number, score};

pub(super) fn judge(look: &Look, found: &mut Vec<Finding>) {
    found.extend(look.parents.iter().filter_map(|parent| stuck(look, parent)));
    for scheduler in &look.schedulers {
        found.extend(old(look, scheduler).or_else(|| dead(look, scheduler)));
    }
    for dedup in look.dedups.iter().filter(|dedup| dedup.ttl.is_none() && !dedup.alive) {
        let repair = Repair::FreeDedup { id: dedup.id.clone(), owner: dedup.owner.clone() };
        let mut finding = Finding::new(look, Kind::StaleDedup, dedup.id.as_bytes(), Ok(repair));
        finding.look_at.dedups.push(dedup.id.clone());
        let owner = Raw::new(dedup.owner.as_bytes());
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

fn old(look: &Look, scheduler: &SchedulerFacts) -> Option<Finding> {
    if scheduler.standing.scheduler.generation != Generation::Legacy || look.era != Era::V6 {
        return None;
    }
    let why =
        "Its rule stands in its key and its data in its jobs: add a job scheduler instead, then remove it.";
    Some(about(look, Kind::OldRepeatable, scheduler, Err(why)))
}

fn dead(look: &Look, facts: &SchedulerFacts) -> Option<Finding> {
    let Phase::Dead(dead) = judge_scheduler(&facts.standing, look.at).phase else { return None };
    let scheduler = &facts.standing.scheduler;
    let again = || match scheduler.generation {
        Generation::Scheduler => Ok(Repair::Revive { key: scheduler.key.clone(), at: scheduler.next_at }),
        Generation::Repeatable | Generation::Legacy => {
            Err("What its jobs are stood in the job that is gone: add it again, then remove this one.")
        }
    };
    let (repair, what) = match dead {
        Dead::NoJob | Dead::NoData => (again(), "gone"),
        Dead::NoPlace => {
            let job = facts.job.as_deref()?;
            if !job.places.is_empty() || job.unsure || job.lock != Lock::None {
                return None;
            }
            let to = Home::Set(State::Delayed, score::delayed_floor(scheduler.next_at));
            (Ok(Repair::Enlist { id: job.id.clone(), to }), "in no state")
        }
        // One that is tried again after a failure is not in `failed`.
        Dead::NotContinued => (again(), "over, and none follows"),
        Dead::NotScheduled => (
            Err("Its worker cannot read the rule: mend the rule, or let a worker take it that can."),
            "started, and none follows",
        ),
    };
    let finding = about(look, Kind::DeadScheduler, facts, repair);
    Some(finding.with("its next run", Fact::Word(what)).unmoved(what))
}

fn about(
    look: &Look,
    kind: Kind,
    scheduler: &SchedulerFacts,
    repair: Result<Repair, &'static str>,
) -> Finding {
    let scheduler = &scheduler.standing.scheduler;
    let mut finding = Finding::new(look, kind, scheduler.key.as_bytes(), repair);
    finding.look_at.schedulers = true;
    let every = scheduler.every.and_then(|ms| i64::try_from(ms).ok()).map(Fact::Ms);
    let rule = every.or_else(|| scheduler.pattern.as_ref().map(|text| Fact::Text(Raw::new(text.as_str()))));
    finding
        .with("scheduler", Fact::Text(scheduler.key.clone()))
        .with_some("rule", rule)
        .with("next", Fact::At(scheduler.next_at))
        .unmoved(scheduler.next_at.to_string())
}
