//! Which commands an overview takes (spec 3.1).

use super::Ask;
use crate::conn::{Batch, Request, Verb};
use crate::wire::{Era, Meta};

/// A place in the reply.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Slot {
    Meta,
    Id,
    Wait,
    Paused,
    Active,
    Prioritized,
    Priority,
    Delayed,
    WaitingChildren,
    Completed,
    Failed,
    Repeat,
    WaitTail,
    WaitHead,
    PausedTail,
    PausedHead,
    PrioritizedHead,
    ActiveTail,
    NextDue,
    LimiterTtl,
    Limiter,
    MetaPaused,
    CompletedCount,
    FailedCount,
    Events,
    Marker,
    Pc,
    DelayStream,
    Groups,
    NewestCompleted,
    NewestFailed,
}

/// Pushes the questions about a queue and says where each answer belongs.
pub(super) fn plan(ask: &Ask<'_>, batch: &mut Batch) -> Vec<Slot> {
    let queue = ask.queue;
    let mut slots = Vec::with_capacity(26);
    let mut put = |slot: Slot, request: Request| {
        slots.push(slot);
        batch.push(request);
    };
    let key = |verb: Verb, suffix: &str| Request::new(verb).arg(queue.key(suffix));
    put(Slot::Meta, key(Verb::HMGet, "meta").arg(&Meta::FIELDS[..]));
    put(Slot::Id, key(Verb::Get, "id"));
    put(Slot::Wait, key(Verb::LLen, "wait"));
    put(Slot::Paused, key(Verb::LLen, "paused"));
    put(Slot::Active, key(Verb::LLen, "active"));
    let unsure = ask.identify || matches!(ask.era, Era::Unknown | Era::Pro);
    let old = ask.era <= Era::V3;
    if old || unsure {
        put(Slot::Priority, key(Verb::ZCard, "priority"));
    }
    if !old || unsure {
        put(Slot::Prioritized, key(Verb::ZCard, "prioritized"));
        put(Slot::PrioritizedHead, key(Verb::ZRange, "prioritized").arg(0).arg(0));
    }
    put(Slot::Delayed, key(Verb::ZCard, "delayed"));
    if unsure || ask.era >= Era::V1 {
        put(Slot::WaitingChildren, key(Verb::ZCard, "waiting-children"));
    }
    put(Slot::Completed, key(Verb::ZCard, "completed"));
    put(Slot::Failed, key(Verb::ZCard, "failed"));
    put(Slot::Repeat, key(Verb::ZCard, "repeat"));
    // The next job is the first of these that there is: each later slot overwrites the one before.
    let markers = unsure || matches!(ask.era, Era::V2 | Era::V3 | Era::V4);
    // Where the last element may be a marker the next job is the one before it.
    let tail = |suffix: &str| {
        if markers { key(Verb::LRange, suffix).arg(-2).arg(-1) } else { key(Verb::LIndex, suffix).arg(-1) }
    };
    if unsure || ask.era != Era::V6 {
        put(Slot::PausedTail, tail("paused"));
    }
    put(Slot::WaitTail, tail("wait"));
    if markers {
        put(Slot::WaitHead, key(Verb::LIndex, "wait").arg(0));
        put(Slot::PausedHead, key(Verb::LIndex, "paused").arg(0));
    }
    put(Slot::ActiveTail, key(Verb::LIndex, "active").arg(-1));
    put(Slot::NextDue, key(Verb::ZRange, "delayed").arg(0).arg(0).arg("WITHSCORES"));
    put(Slot::LimiterTtl, key(Verb::PTtl, "limiter"));
    put(Slot::Limiter, key(Verb::Get, "limiter"));
    if unsure || ask.era <= Era::Bull4 {
        put(Slot::MetaPaused, key(Verb::Exists, "meta-paused"));
    }
    if ask.metrics {
        put(Slot::CompletedCount, key(Verb::HGet, "metrics:completed").arg("count"));
        put(Slot::FailedCount, key(Verb::HGet, "metrics:failed").arg("count"));
    } else if let Some(since) = ask.finished_since {
        let after = format!("({since}");
        put(Slot::CompletedCount, key(Verb::ZCount, "completed").arg(&after).arg("+inf"));
        put(Slot::FailedCount, key(Verb::ZCount, "failed").arg(&after).arg("+inf"));
    }
    if ask.identify {
        // A key of another type could not be followed.
        put(Slot::Events, key(Verb::Type, "events"));
        put(Slot::Marker, key(Verb::Exists, "marker"));
        put(Slot::Pc, key(Verb::Exists, "pc"));
        put(Slot::DelayStream, key(Verb::Exists, "delay"));
        put(Slot::Groups, key(Verb::Exists, "groups"));
        put(Slot::NewestCompleted, key(Verb::ZRange, "completed").arg(-1).arg(-1));
        put(Slot::NewestFailed, key(Verb::ZRange, "failed").arg(-1).arg(-1));
    }
    slots
}
