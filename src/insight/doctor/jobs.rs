//! Jobs: in no state or in two, without a hash, without a lock, unreadable.

use super::{AHEAD_MS, Fact, Finding, Kind};
use crate::engine::op::{Because, Home, Repair};
use crate::engine::read::doctor::{Fields, Hash, JobFacts, Lock, Look, SchedulerFacts};
use crate::wire::{Era, JobId, Raw, State, score};

/// Fields above this size hold up everybody who reads them, bytes.
const LARGE: u64 = 1 << 20;
/// The highest priority that any release took (5.80.1 and later take one less).
const PRIORITY_MOST: i64 = 1 << 21;

pub(super) fn judge(look: &Look, found: &mut Vec<Finding>) {
    let next_runs: Vec<JobId> = look.schedulers.iter().map(SchedulerFacts::run).collect();
    for job in &look.jobs {
        if job.id.is_reserved() || job.id.is_marker() {
            continue;
        }
        match &job.hash {
            Hash::None | Hash::Stub => found.extend(ghosts(look, job)),
            Hash::Other => found.extend(foreign(look, job)),
            Hash::Job(fields) if fields.grouped => {}
            Hash::Job(fields) => {
                if !next_runs.contains(&job.id) {
                    found.extend(orphan(look, job, fields));
                }
                found.extend(double(look, job, fields));
                found.extend(abandoned(look, job, fields));
                found.extend(unreadable(look, job, fields));
                found.extend(out_of_range(look, job));
            }
        }
        found.extend(endless_lock(look, job));
    }
    found.extend(from_the_future(look));
    found.extend(large(look));
    found.extend(behind(look));
}

/// Whether some worker looks for stalled jobs.
pub(super) fn recovers(look: &Look) -> bool {
    look.facts.stalled_check.as_ref().is_some_and(|check| check.ttl.is_some())
}

fn ghosts(look: &Look, job: &JobFacts) -> Vec<Finding> {
    let stub = job.hash == Hash::Stub;
    let of = |(state, _, score): &(State, u32, Option<f64>)| {
        // A worker is at it: it will be gone, or finished, by itself.
        if *state == State::Active && job.lock != Lock::None {
            return None;
        }
        let repair = Repair::DropGhost { id: job.id.clone(), from: *state };
        let subject = [job.id.as_bytes(), b"\0", state.name().as_bytes()].concat();
        let under = if stub { "a hash without a name and data" } else { "nothing" };
        let finding = Finding::new(look, Kind::Ghost, &subject, Ok(repair)).job(&job.id);
        let at = score.filter(|_| state.is_finished()).map(|at| Fact::At(crate::wire::number::real(at)));
        Some(
            finding
                .with("state", Fact::Word(state.name()))
                .with("under its key", Fact::Word(under))
                .with_some("since", at)
                .unmoved([u8::from(stub)]),
        )
    };
    job.places.iter().filter_map(of).collect()
}

fn foreign(look: &Look, job: &JobFacts) -> Option<Finding> {
    let (state, ..) = job.places.first()?;
    let why = "A key of another kind stands under its name, which somebody else may need: look whose it is.";
    let finding = Finding::new(look, Kind::Ghost, job.id.as_bytes(), Err(why)).job(&job.id);
    let finding = finding.with("state", Fact::Word(state.name()));
    Some(finding.with("under its key", Fact::Word("something else than a job")))
}

fn orphan(look: &Look, job: &JobFacts, fields: &Fields) -> Option<Finding> {
    if !job.places.is_empty() || job.unsure || job.lock != Lock::None {
        return None;
    }
    let score_of = |at: i64| at as f64;
    let to = match (fields.finished_at, fields.added_at) {
        (Some(at), _) if fields.returned => Home::Set(State::Completed, score_of(at)),
        (Some(at), _) => Home::Set(State::Failed, score_of(at)),
        (None, Some(at)) if job.pending > 0 => Home::Set(State::WaitingChildren, score_of(at)),
        (None, Some(at)) if fields.delay > 0 && fields.started_at.is_none() => {
            Home::Set(State::Delayed, score::delayed_floor(at.saturating_add(fields.delay)))
        }
        _ => Home::Line,
    };
    let repair = Repair::Enlist { id: job.id.clone(), to };
    let finding = Finding::new(look, Kind::Orphan, job.id.as_bytes(), Ok(repair)).job(&job.id);
    Some(
        finding
            .with_some("added", fields.added_at.map(Fact::At))
            .with_some("started", fields.started_at.map(Fact::At))
            .with_some("finished", fields.finished_at.map(Fact::At))
            .with("starts", Fact::Count(fields.starts))
            .unmoved(format!("{:?} {:?} {}", fields.started_at, fields.finished_at, fields.starts)),
    )
}

/// Which of the places of a job is the wrong one.
fn wrong_place(job: &JobFacts, fields: &Fields) -> Option<(State, State, Because)> {
    let states: Vec<State> = job.places.iter().map(|(state, ..)| *state).collect();
    let finished = states.iter().copied().find(|state| state.is_finished());
    let other = states.iter().copied().find(|state| !state.is_finished());
    let held = job.lock != Lock::None;
    if states.contains(&State::Completed) && states.contains(&State::Failed) {
        fields.finished_at?;
        let (from, home) = if fields.returned {
            (State::Failed, State::Completed)
        } else {
            (State::Completed, State::Failed)
        };
        return Some((from, home, Because::Finished));
    }
    if let (Some(over), Some(open)) = (finished, other) {
        return Some(match (open, fields.finished_at) {
            (State::Active, _) if held => (over, State::Active, Because::Locked),
            (open, Some(_)) => (open, over, Because::Finished),
            (open, None) => (over, open, Because::Unfinished),
        });
    }
    // Among places before the end: where a worker has it, else where it comes next.
    let order = [State::Waiting, State::Paused, State::Prioritized, State::Delayed, State::WaitingChildren];
    let mut open: Vec<State> = order.into_iter().filter(|state| states.contains(state)).collect();
    if states.contains(&State::Active) {
        let first = *open.first()?;
        return Some(if held {
            (first, State::Active, Because::Locked)
        } else {
            (State::Active, first, Because::Unlocked)
        });
    }
    if job.pending > 0 && open.contains(&State::WaitingChildren) {
        open.rotate_right(1);
    }
    Some((*open.get(1)?, *open.first()?, Because::Unfinished))
}

fn double(look: &Look, job: &JobFacts, fields: &Fields) -> Option<Finding> {
    let again = job.places.iter().find(|(_, times, _)| *times > 1).map(|(state, ..)| *state);
    let repair = if job.places.len() > 1 {
        match wrong_place(job, fields) {
            Some((from, home, because)) => Ok(Repair::DropDouble { id: job.id.clone(), from, home, because }),
            None => Err(
                "Nothing tells which of the places is right: look at the job, then remove it or retry it.",
            ),
        }
    } else {
        let state = again?;
        let because = Because::Again;
        Ok(Repair::DropDouble { id: job.id.clone(), from: state, home: state, because })
    };
    let mut finding = Finding::new(look, Kind::Double, job.id.as_bytes(), repair).job(&job.id);
    for (state, times, _) in &job.places {
        finding = finding.with("in", Fact::Word(state.name()));
        if *times > 1 {
            finding = finding.with("times", Fact::Count(i64::from(*times)));
        }
        finding = finding.unmoved(state.name());
    }
    let locked = job.lock != Lock::None;
    Some(
        finding
            .with("lock", Fact::Word(if locked { "held" } else { "none" }))
            .with_some("finished", fields.finished_at.map(Fact::At))
            .unmoved(format!("{:?} {} {locked}", fields.finished_at, fields.starts)),
    )
}

fn abandoned(look: &Look, job: &JobFacts, fields: &Fields) -> Option<Finding> {
    let lost = job.is_in(State::Active) && job.lock == Lock::None && job.places.len() == 1;
    if !lost || recovers(look) {
        return None;
    }
    let repair = Repair::MoveOut { ids: vec![job.id.clone()] };
    let finding = Finding::new(look, Kind::StuckActive, job.id.as_bytes(), Ok(repair)).job(&job.id);
    let check = if look.facts.stalled_check.is_some() { "off" } else { "nobody's" };
    Some(
        finding
            .with("lock", Fact::Word("none"))
            .with("check for stalled jobs", Fact::Word(check))
            .with_some("started", fields.started_at.map(Fact::At))
            .unmoved(format!("{:?} {}", fields.started_at, fields.starts)),
    )
}

fn unreadable(look: &Look, job: &JobFacts, fields: &Fields) -> Option<Finding> {
    let (field, held) = fields.invalid.first()?;
    let (state, ..) = job.places.iter().find(|(state, ..)| !state.is_finished())?;
    let repair = if job.lock == Lock::None {
        Ok(Repair::SetAside { id: job.id.clone(), from: *state, field, held: held.clone() })
    } else {
        Err("A worker holds it right now: look again when it has stalled.")
    };
    let finding = Finding::new(look, Kind::InvalidJson, job.id.as_bytes(), repair).job(&job.id);
    Some(
        finding
            .with("field", Fact::Word(field))
            .with("begins", Fact::Beginning(held.clone()))
            .with("state", Fact::Word(state.name()))
            .unmoved(held.as_bytes()),
    )
}

fn out_of_range(look: &Look, job: &JobFacts) -> Option<Finding> {
    let score = job.score(State::Prioritized)?;
    let priority = score::priority(score);
    // BullMQ 4 leaves a job that was set to 0 there, with the lowest score: it runs first, as it should.
    let least = i64::from(look.era != Era::V4);
    if (least..=PRIORITY_MOST).contains(&priority) {
        return None;
    }
    let repair = Repair::ClampPriority { id: job.id.clone(), score };
    let finding = Finding::new(look, Kind::PriorityRange, job.id.as_bytes(), Ok(repair)).job(&job.id);
    Some(finding.with("priority", Fact::Count(priority)).unmoved(score.to_bits().to_be_bytes()))
}

fn endless_lock(look: &Look, job: &JobFacts) -> Option<Finding> {
    let Lock::Forever(token) = &job.lock else { return None };
    let repair = Repair::ExpireLock { id: job.id.clone(), token: token.clone() };
    let finding = Finding::new(look, Kind::EndlessLock, job.id.as_bytes(), Ok(repair)).job(&job.id);
    let state = job.places.first().map(|(state, ..)| Fact::Word(state.name()));
    Some(finding.with("token", Fact::Text(token.clone())).with_some("state", state).unmoved(token.as_bytes()))
}

fn from_the_future(look: &Look) -> Option<Finding> {
    let ahead = |job: &JobFacts| {
        let at = job.fields()?.added_at?;
        (at > look.at.saturating_add(AHEAD_MS)).then(|| (at - look.at, job.id.clone()))
    };
    let all: Vec<(i64, JobId)> = look.jobs.iter().filter_map(ahead).collect();
    let (most, job) = all.iter().max()?.clone();
    let why = "A clock is wrong, or somebody set `timestamp`: set the clocks by NTP; the jobs are as they were added.";
    let finding = Finding::new(look, Kind::FutureJob, b"", Err(why)).job(&job);
    Some(finding.with("ahead", Fact::Ms(most)).with("jobs", Fact::count(all.len() as u64)))
}

fn large(look: &Look) -> Option<Finding> {
    let size = |job: &JobFacts| {
        let (field, size) = job.fields()?.largest;
        (size > LARGE).then(|| (size, field, job.id.clone()))
    };
    let all: Vec<(u64, &'static str, JobId)> = look.jobs.iter().filter_map(size).collect();
    let (most, field, job) = all.iter().max()?.clone();
    let why = "What a job holds is its producer's and its worker's: keep large things elsewhere, and keep fewer jobs.";
    let finding = Finding::new(look, Kind::LargeJob, b"", Err(why)).job(&job);
    let finding = finding.with("field", Fact::Word(field)).with("size", Fact::Bytes(most));
    Some(finding.with("jobs", Fact::count(all.len() as u64)))
}

/// Ids of the counter above the counter.
fn behind(look: &Look) -> Option<Finding> {
    if !matches!(look.era, Era::V5 | Era::V6) {
        return None;
    }
    let held = look.facts.last_id.as_ref()?;
    let counter = crate::wire::number::whole(held.as_bytes())?;
    let number = |job: &JobFacts| {
        let digits = job.id.as_bytes().iter().all(u8::is_ascii_digit) && job.id.as_bytes().len() < 16;
        let given = digits && job.fields()?.own_id == Some(false);
        let number = given.then(|| crate::wire::number::whole(job.id.as_bytes())).flatten()?;
        (number > counter).then(|| (number, job.id.clone()))
    };
    let (_, highest) = look.jobs.iter().filter_map(number).max()?;
    let repair = Repair::RaiseId { held: held.clone(), to: highest.clone() };
    let finding = Finding::new(look, Kind::IdBehind, b"", Ok(repair)).job(&highest);
    let finding =
        finding.with("counter", Fact::Count(counter)).with("job", Fact::Text(Raw::new(highest.as_bytes())));
    Some(finding)
}
