//! The server as the cause: full, read-only, slow.

use super::case::Case;
use super::cause::{Cause, Value, Weight};
use crate::conn::{ConnError, Kind};
use crate::insight::server::command;
use crate::monitor::RedisHealth;
use crate::text::{Clean, figure};

/// Share of the limit from which on writes may be refused.
const FULL: f64 = 0.995;
/// Slow commands of so many full seconds ago still count: no longer, for who ended them waits for the answer ..
const SLOW_S: i64 = 2;
/// .. if each held up all others for at least so long, us ..
const SLOW_US: u64 = 100_000;
/// .. and together for so long, us, and for this share of the time: a single one that is long by the way is no cause.
const SLOW_ALL_US: u64 = 800_000;
const SLOW_SHARE: f64 = 0.3;
/// A round trip that is this long slows every job, ms.
const FAR_MS: f64 = 200.0;
/// The server's core is busy from this share on.
const BUSY: f64 = 0.95;

/// The server answers nobody.
pub(super) fn silent(error: &ConnError) -> Cause {
    let (id, title, advice) = match error.kind {
        Kind::Busy => (
            "slow-script",
            "a script holds Redis up: it answers nobody",
            "wait, or end it with redis-cli SCRIPT KILL, which works until it has written",
        ),
        _ => (
            "loading",
            "Redis is not ready: it loads its data, or waits for its master",
            "wait until it is done; toril redis shows how far it is",
        ),
    };
    Cause::new(id, Weight::Stops, title, advice).fact("error", "it says", Value::Text(error.message.clone()))
}

fn health<'a>(case: &Case<'a>) -> Option<&'a RedisHealth> {
    case.now.server.health.as_ref()
}

/// The memory limit is reached, and nothing may be dropped: writes fail.
pub(super) fn full(case: &Case<'_>) -> Option<Cause> {
    let memory = &health(case)?.memory;
    let share = |redis: &RedisHealth| redis.memory.used as f64 / redis.memory.max as f64;
    let full = case.both(|look| {
        look.server.health.as_ref().is_some_and(|redis| redis.memory.max > 0 && share(redis) >= FULL)
    });
    // Whatever the policy: a server that can drop keys does not stay full while it is written to.
    let drops = memory.policy.as_str().starts_with("allkeys");
    if !full || drops || case.started() {
        return None;
    }
    let title = format!(
        "Redis is full ({} of {}): it refuses to add jobs, and workers cannot take any",
        figure::bytes(memory.used),
        figure::bytes(memory.max)
    );
    let advice = "give it more memory (maxmemory), or remove what is not needed";
    let cause = Cause::new("memory-full", Weight::Stops, title, advice)
        .fact("usedBytes", "used", Value::Bytes(memory.used))
        .fact("maxBytes", "limit", Value::Bytes(memory.max))
        .fact("policy", "policy", Value::Text(memory.policy.clone()));
    Some(cause.command("toril clean QUEUE --state completed --older-than 1d"))
}

/// A replica takes no writes.
pub(super) fn replica(case: &Case<'_>) -> Option<Cause> {
    let redis = health(case)?;
    if !case.is_replica() || case.started() {
        return None;
    }
    let master = &redis.replication.master;
    let link = if redis.replication.master_link_up { "up" } else { "down" };
    let title = if redis.replication.master_link_up {
        format!("this server is a replica of {master}: nothing can be changed here")
    } else {
        format!("this server is a replica, and its master {master} is away: nothing moves here")
    };
    let advice = "look at the master; workers and producers that connect here get READONLY";
    let cause = Cause::new("replica", Weight::Stops, title, advice)
        .fact("role", "role", Value::Text(Clean::line("replica")))
        .fact("master", "its master", Value::Text(master.clone()))
        .fact("masterLink", "the link to it is", Value::Text(Clean::line(link)));
    Some(case.tell_waiting(cause))
}

/// The server cannot save, and refuses writes because of it.
pub(super) fn unwritable(case: &Case<'_>) -> Option<Cause> {
    let fails = |redis: &RedisHealth| {
        !redis.persistence.rdb_ok || (redis.persistence.aof && !redis.persistence.aof_ok)
    };
    let both = case.both(|look| look.server.health.as_ref().is_some_and(fails));
    let work = case.both(|look| look.ready() > 0 || look.keys.overdue > 0);
    if !both || !work || case.started() || case.is_replica() {
        return None;
    }
    let what = if health(case)?.persistence.rdb_ok { "the append-only file" } else { "the last snapshot" };
    let title = format!("Redis could not write {what}: by its default it refuses all writes since then");
    let advice =
        "look at the server's disk and log; it accepts writes again after the next save that succeeds";
    let cause = Cause::new("not-saved", Weight::Stops, title, advice).fact(
        "failed",
        "what failed",
        Value::Text(Clean::line(what)),
    );
    Some(case.tell_waiting(cause))
}

/// Keys are dropped for want of memory: jobs among them.
pub(super) fn evictions(case: &Case<'_>) -> Option<Cause> {
    let redis = health(case)?;
    let before = case.before?.server.health.as_ref()?;
    let memory = &redis.memory;
    let lately = redis.evicted.saturating_sub(before.evicted);
    let drops = !matches!(memory.policy.as_str(), "noeviction" | "");
    let full = memory.max > 0 && memory.used as f64 >= memory.max as f64 * 0.9;
    if !drops || !(lately > 0 || full && redis.evicted > 0) {
        return None;
    }
    let title = format!(
        "Redis drops keys for want of memory ({} since its start): jobs and parts of queues are lost",
        figure::count(redis.evicted)
    );
    let advice = "set maxmemory-policy to noeviction, and give it more memory; then let the doctor look";
    let cause = Cause::new("evictions", Weight::Holds, title, advice)
        .fact("policy", "policy", Value::Text(memory.policy.clone()))
        .count("evicted", "dropped since its start", redis.evicted)
        .count("evictedLately", "dropped meanwhile", lately)
        .fact("usedBytes", "used", Value::Bytes(memory.used))
        .fact("maxBytes", "limit", Value::Bytes(memory.max))
        .command("toril doctor QUEUE");
    Some(cause)
}

/// Slow commands, a busy core, a long way: every job takes longer.
pub(super) fn slow(case: &Case<'_>) -> Option<Cause> {
    slow_commands(case).or_else(|| busy(case)).or_else(|| far(case))
}

fn slow_commands(case: &Case<'_>) -> Option<Cause> {
    let redis = health(case)?;
    let log = redis.slow_log.as_deref()?;
    let since = case.now.at / 1000 - SLOW_S;
    let late: Vec<_> = log.iter().filter(|entry| entry.at_s >= since && entry.took_us >= SLOW_US).collect();
    let took: u64 = late.iter().map(|entry| entry.took_us).sum();
    let window = case.now.at - since * 1000;
    let share = took as f64 / 1000.0 / window as f64;
    let worst = late.iter().max_by_key(|entry| entry.took_us)?;
    if took < SLOW_ALL_US || share < SLOW_SHARE {
        return None;
    }
    let text = command(&worst.command).cut(48);
    let title = format!(
        "slow commands hold Redis up for {} % of the time, the worst is {text}",
        figure::percent(share.min(1.0))
    );
    let advice = "find out who sends it: nothing else runs meanwhile";
    let span = |us: u64| Value::Span(i64::try_from(us / 1000).unwrap_or(i64::MAX));
    let cause = Cause::new("slow-command", Weight::Slows, title, advice)
        .count("commands", "slow commands", late.len() as u64)
        .fact("windowMs", "within", Value::Span(window))
        .fact("tookMs", "together", span(took))
        .fact("worstMs", "the worst took", span(worst.took_us))
        .fact("command", "it is", Value::Text(worst.command.cut(200)))
        .fact("client", "sent by", Value::Text(worst.client.clone()));
    Some(cause.command("toril redis"))
}

fn busy(case: &Case<'_>) -> Option<Cause> {
    let before = case.before?;
    let seconds = case.apart_ms() as f64 / 1000.0;
    let share = (case.now.server.cpu_s - before.server.cpu_s) / seconds.max(0.1);
    let behind = case.rates().is_some_and(|(into, out)| into > out);
    if share < BUSY || !behind || !case.waits() || before.server.health.is_none() {
        return None;
    }
    let title = format!("Redis is at its end: its core is busy at {} %", figure::percent(share.min(1.0)));
    let advice = "toril redis shows what it does; queues of one server share one core";
    let cause = Cause::new("redis-busy", Weight::Slows, title, advice).fact(
        "cpu",
        "of one core",
        Value::Share(share.min(1.0)),
    );
    Some(case.tell_waiting(cause))
}

fn far(case: &Case<'_>) -> Option<Cause> {
    let way = |look: &crate::monitor::why::Look| look.server.round_trip_ms.filter(|ms| *ms >= FAR_MS);
    if !case.both(|look| way(look).is_some()) || case.now.overview.backlog() == 0 {
        return None;
    }
    let ms = way(case.now)?;
    let title =
        format!("a round trip to Redis takes {ms:.0} ms from here: each job of a worker needs one or more");
    let advice = "if the workers are as far away, run them near Redis; look at the network between";
    let cause = Cause::new("latency", Weight::Slows, title, advice).fact(
        "roundTripMs",
        "shortest round trip",
        Value::Span(ms as i64),
    );
    Some(cause)
}
