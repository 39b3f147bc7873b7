//! A queue's own keys, and whether it moves.

use super::{Fact, Finding, Kind, LATE_MS, PAUSED_MS};
use crate::engine::op::{Endless, Repair};
use crate::engine::read::doctor::{Lock, Look};
use crate::engine::read::workers::Listed;
use crate::insight::workers::{Lack, Need};
use crate::wire::era::Waits;
use crate::wire::{Era, JobId, Raw, State, number, score};

/// The event streams of the libraries are about so long.
const EVENTS: u64 = 10_000;
/// A stream above this takes memory worth a word, bytes.
const EVENTS_BYTES: u64 = 50 << 20;
/// Trimming is by nodes of entries, so a stream may be so much longer than it should.
const SLACK: u64 = 1_000;
/// The highest value of `pc` that still keeps order.
const COUNTER_MAX: i64 = 1 << 32;
/// Members of an index that are kept for an undo.
const INDEX_MOST: u64 = 10_000;

pub(super) fn judge(look: &Look, found: &mut Vec<Finding>) {
    let all = [
        stalled_check(look),
        limiter(look),
        counter(look),
        split(look),
        old_index(look),
        mixed(look),
        events(look),
        future_events(look),
        held(look),
        paused(look),
        no_worker(look),
        no_marker(look),
        overdue(look),
    ];
    found.extend(all.into_iter().flatten());
    found.extend(old_markers(look));
    found.extend(mistyped(look));
}

fn mistyped(look: &Look) -> Vec<Finding> {
    let of = |(suffix, kind, is_job): &(&'static str, _, bool)| {
        let kind: &crate::text::Clean = kind;
        let repair = match *suffix {
            "meta" => {
                Err("The queue's settings are gone, and what stands there is not known to be nobody's.")
            }
            _ if *is_job => Ok(Repair::GiveId { id: JobId::new(suffix) }),
            _ => Err("What stands there is no job, and may be somebody's: look whose it is, then remove it."),
        };
        let finding = Finding::new(look, Kind::WrongType, suffix.as_bytes(), repair);
        let finding =
            finding.with("key", Fact::Word(suffix)).with("type", Fact::Text(Raw::new(kind.as_str())));
        let what = if *is_job { "a job with this id" } else { "something else" };
        finding.with("what it is", Fact::Word(what)).unmoved([u8::from(*is_job)])
    };
    look.facts.mistyped.iter().map(of).collect()
}

fn stalled_check(look: &Look) -> Option<Finding> {
    let check = look.facts.stalled_check.as_ref().filter(|check| check.ttl.is_none())?;
    let repair = Repair::DropEndless { key: Endless::StalledCheck, held: check.value.clone() };
    let finding = Finding::new(look, Kind::StalledCheck, b"", Ok(repair));
    let since = number::whole(check.value.as_bytes()).map(Fact::At);
    Some(
        finding
            .with("time to live", Fact::Word("none"))
            .with_some("since", since)
            .unmoved(check.value.as_bytes()),
    )
}

fn limiter(look: &Look) -> Option<Finding> {
    let limiter = look.facts.limiter.as_ref().filter(|limiter| limiter.ttl.is_none())?;
    let repair = Repair::DropEndless { key: Endless::Limiter, held: limiter.value.clone() };
    let finding = Finding::new(look, Kind::EndlessLimiter, b"", Ok(repair));
    Some(finding.with("time to live", Fact::Word("none")).with("counted", Fact::Text(limiter.value.clone())))
}

fn counter(look: &Look) -> Option<Finding> {
    let held = look.facts.counter.as_ref()?;
    let value = std::str::from_utf8(held.as_bytes()).ok().and_then(|text| text.parse::<i64>().ok());
    if value.is_some_and(|value| (0..=COUNTER_MAX).contains(&value)) {
        return None;
    }
    let finding = Finding::new(look, Kind::Counter, b"", Ok(Repair::ResetCounter { held: held.clone() }));
    Some(finding.with("pc", Fact::Text(held.clone())).unmoved(held.as_bytes()))
}

fn split(look: &Look) -> Option<Finding> {
    let facts = &look.facts;
    if !facts.overview.is_split(&facts.counts) {
        return None;
    }
    let paused = if facts.overview.is_paused() { "yes" } else { "no" };
    let finding = Finding::new(look, Kind::Split, b"", Ok(Repair::Merge));
    let finding = finding.with("in wait", Fact::count(facts.counts.waiting));
    let finding = finding.with("in paused", Fact::count(facts.counts.paused));
    Some(finding.with("paused", Fact::Word(paused)))
}

fn old_markers(look: &Look) -> Vec<Finding> {
    if !matches!(look.era, Era::V5 | Era::V6) {
        return Vec::new();
    }
    let of = |(state, id): &(State, JobId)| {
        let repair = Repair::DropMarker { id: id.clone(), from: *state };
        let subject = [id.as_bytes(), b"\0", state.name().as_bytes()].concat();
        let finding = Finding::new(look, Kind::OldMarker, &subject, Ok(repair));
        finding.with("marker", Fact::Text(Raw::new(id.as_bytes()))).with("in", Fact::Word(state.suffix()))
    };
    look.facts.list_markers.iter().map(of).collect()
}

fn old_index(look: &Look) -> Option<Finding> {
    let members = look.facts.overview.priority;
    if members == 0 || !matches!(look.era, Era::V4 | Era::V5 | Era::V6) {
        return None;
    }
    let repair = if members <= INDEX_MOST {
        Ok(Repair::DropIndex { members })
    } else {
        Err("It is too large to be kept for an undo; it does no harm where it is.")
    };
    let finding = Finding::new(look, Kind::OldIndex, b"", repair);
    Some(finding.with("members", Fact::count(members)).unmoved(members.to_string()))
}

fn mixed(look: &Look) -> Option<Finding> {
    let meta = &look.facts.overview.meta;
    let named = meta.semver();
    let version = meta.version.clone().map(Fact::Text);
    let old = |worker: &&Listed| worker.waits == Some(Waits::BRPopLPush);
    let old_workers = look.workers.iter().flatten().filter(old).count();
    let newer = named.is_some_and(|(_, [major, ..])| major >= 5);
    let bull = look.facts.overview.meta_paused && named.is_some();
    if !(newer && old_workers > 0 || bull) {
        return None;
    }
    let why = "Only its owner knows which release is meant: let all clients of the queue be of one.";
    let finding = Finding::new(look, Kind::MixedVersions, b"", Err(why)).with_some("version", version);
    Some(if bull {
        finding.with("meta-paused", Fact::Word("of Bull"))
    } else {
        finding.with("workers of BullMQ 4 or older", Fact::count(old_workers as u64))
    })
}

fn events(look: &Look) -> Option<Finding> {
    let stream = look.facts.events;
    let keep = look.facts.overview.meta.max_len_events.unwrap_or(EVENTS);
    let most = keep.saturating_mul(2).saturating_add(SLACK);
    let long = stream.length > most;
    if !long && stream.bytes.is_none_or(|bytes| bytes <= EVENTS_BYTES) {
        return None;
    }
    let repair = if long {
        Ok(Repair::TrimEvents { keep, most })
    } else {
        Err("Its entries are large: results and errors stand in them. Keep fewer (streams.events.maxLen).")
    };
    let finding = Finding::new(look, Kind::LongEvents, b"", repair);
    let finding = finding.with("entries", Fact::count(stream.length));
    Some(finding.with("should be", Fact::count(keep)).with_some("size", stream.bytes.map(Fact::Bytes)))
}

fn future_events(look: &Look) -> Option<Finding> {
    let last = look.facts.events.last_at.filter(|last| *last > look.at.saturating_add(1_000))?;
    let why = "Time heals it; set the server's clock by NTP, and never back.";
    let finding = Finding::new(look, Kind::FutureEvents, b"", Err(why));
    Some(finding.with("ahead", Fact::Ms(last - look.at)))
}

/// Jobs that nobody runs count against the limit of jobs at once.
fn held(look: &Look) -> Option<Finding> {
    let facts = &look.facts;
    let limit = facts.overview.meta.concurrency?;
    let waiting = facts.counts.ready(look.era);
    if facts.overview.active < limit
        || waiting == 0
        || facts.overview.is_paused()
        || super::jobs::recovers(look)
    {
        return None;
    }
    let lost = look.jobs.iter().filter(|job| job.is_in(State::Active) && job.lock == Lock::None);
    let mut ids: Vec<JobId> = lost.filter(|job| job.fields().is_some()).map(|job| job.id.clone()).collect();
    ids.sort_unstable();
    if ids.is_empty() {
        return None;
    }
    let mut finding =
        Finding::new(look, Kind::ConcurrencyHeld, b"", Ok(Repair::MoveOut { ids: ids.clone() }));
    for id in &ids {
        finding = finding.unmoved(id.as_bytes());
    }
    let lost = Fact::count(ids.len() as u64);
    finding.look_at.jobs = ids;
    let finding = finding.with("limit", Fact::count(limit));
    let finding = finding.with("active", Fact::count(facts.overview.active));
    Some(finding.with("without a worker", lost).with("waiting", Fact::count(waiting)))
}

fn paused(look: &Look) -> Option<Finding> {
    let facts = &look.facts;
    let (oldest, newest) = facts.line?;
    let long = look.at.saturating_sub(oldest) > PAUSED_MS;
    if !facts.overview.is_paused() || facts.overview.active > 0 || !long || newest <= oldest {
        return None;
    }
    let why = "Whoever paused it may have a reason: ask, then resume it.";
    let finding = Finding::new(look, Kind::PausedGrowing, b"", Err(why));
    let finding = finding.with("waiting", Fact::count(facts.counts.ready(look.era)));
    Some(finding.with("oldest", Fact::At(oldest)).with("newest", Fact::At(newest)))
}

/// Whether jobs could start but for the workers.
fn may_start(look: &Look) -> bool {
    let facts = &look.facts;
    let full = facts.overview.meta.concurrency.is_some_and(|limit| facts.overview.active >= limit);
    let limited = facts.limiter.as_ref().is_some_and(|limiter| limiter.ttl.is_some());
    !facts.overview.is_paused() && !full && !limited
}

/// Whether a job of the queue is held by a worker, listed or not.
fn runs(look: &Look) -> bool {
    let listed = look.jobs.iter().any(|job| job.is_in(State::Active) && job.lock != Lock::None);
    listed || look.facts.overview.active > 0 && super::jobs::recovers(look)
}

fn no_worker(look: &Look) -> Option<Finding> {
    let facts = &look.facts;
    let ready = facts.counts.ready(look.era);
    // What is overdue or lies abandoned is a finding of its own, with a repair where there is one.
    let need = Need {
        connected: look.workers.as_ref().map(|workers| workers.len() as u64),
        at_work: runs(look),
        ready,
        paused: facts.overview.is_paused(),
        ..Need::default()
    };
    if need.lack() != Some(Lack::Now) {
        return None;
    }
    let why = "Start a worker: nothing in Redis can stand in for one.";
    let finding = Finding::new(look, Kind::NoWorker, b"", Err(why)).with("waiting", Fact::count(ready));
    let next = facts.overview.next.as_ref().map(JobId::as_bytes).unwrap_or_default();
    Some(finding.with_some("oldest", facts.line.map(|(oldest, _)| Fact::At(oldest))).unmoved(next))
}

fn idle(look: &Look, wanted: Waits) -> usize {
    look.workers.iter().flatten().filter(|worker| worker.waits == Some(wanted)).count()
}

fn no_marker(look: &Look) -> Option<Finding> {
    let facts = &look.facts;
    let overview = &facts.overview;
    let (quiet, workers) = match look.era {
        Era::V5 | Era::V6 => {
            (!facts.marked && overview.wait + overview.prioritized > 0, idle(look, Waits::BzPopMin))
        }
        Era::V4 => (overview.prioritized > 0 && overview.wait == 0, idle(look, Waits::BRPopLPush)),
        _ => return None,
    };
    if !quiet || workers == 0 || !may_start(look) {
        return None;
    }
    let next = overview.next.as_ref().map(JobId::as_bytes).unwrap_or_default();
    let finding = Finding::new(look, Kind::NoMarker, b"", Ok(Repair::Wake));
    let finding = finding.with("waiting", Fact::count(overview.wait + overview.prioritized));
    Some(finding.with("idle workers", Fact::count(workers as u64)).unmoved(next))
}

fn overdue(look: &Look) -> Option<Finding> {
    let (id, at) = look.facts.due.as_ref()?;
    let late = look.at.saturating_sub(score::due_at(*at));
    if late <= LATE_MS || !may_start(look) {
        return None;
    }
    // Workers promote when they look for a job: those that are all busy do not.
    let (idle, listed) = match &look.workers {
        Some(list) => (list.iter().filter(|worker| worker.waits.is_some()).count(), list.len()),
        None => (0, 0),
    };
    if idle == 0 && (listed > 0 || look.facts.overview.active > 0) {
        return None;
    }
    let late_ms = LATE_MS.unsigned_abs();
    let repair = Repair::RunDue { id: id.clone(), score: *at, late_ms };
    let finding = Finding::new(look, Kind::Overdue, id.as_bytes(), Ok(repair)).job(id);
    let finding = finding.with("late", Fact::Ms(late)).unmoved(at.to_bits().to_be_bytes());
    Some(match &look.workers {
        Some(_) => finding.with("idle workers", Fact::count(idle as u64)),
        None => finding.with("workers", Fact::Word("not permitted to list")),
    })
}
