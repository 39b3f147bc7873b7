//! What is wrong with the server, from one look at its figures.

use crate::monitor::RedisHealth;
use crate::monitor::redis::{Clients, Memory, Persistence, SlowEntry};
use crate::text::{Clean, figure};

/// How bad a figure is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum Level {
    /// As it should be.
    #[default]
    Fine,
    /// To be looked at.
    Warn,
    /// Wrong.
    Danger,
}

/// Something that is wrong with the server.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// How bad it is; never [`Level::Fine`].
    pub level: Level,
    /// A sentence with the evidence and the consequence, without its full stop.
    pub text: Clean,
}

/// A slow command counts as a finding for so long ..
const SLOW_MS: i64 = 60_000;
/// .. if it held up all others for at least so long: the slow log itself begins at 10 ms.
const SLOW_US: u64 = 50_000;
/// A limit that is reached within so many seconds is told.
const FULL_SOON_S: u64 = 3600;
/// Below this size of its data the ratio of fragmentation says nothing: the program itself is in it.
const FRAGMENTED_FROM: u64 = 100 << 20;

/// Share of the limit that is used (of the machine's memory where there is no limit).
pub fn memory_share(memory: &Memory) -> Option<f64> {
    let whole = if memory.max > 0 { memory.max } else { memory.system };
    (whole > 0).then(|| memory.used as f64 / whole as f64)
}

/// How bad the use of memory is: from 75 and 90 % of the limit.
pub fn memory_level(memory: &Memory) -> Level {
    level(memory_share(memory).unwrap_or(0.0), 0.75, 0.9)
}

/// How bad the fragmentation is: memory held beyond the data, or data in swap.
pub fn fragmentation_level(memory: &Memory) -> Level {
    let judged = memory.used >= FRAGMENTED_FROM && memory.fragmentation > 0.0;
    if judged && !(0.9..=1.5).contains(&memory.fragmentation) { Level::Warn } else { Level::Fine }
}

/// How bad the policy is: any but `noeviction` lets a full server drop jobs.
pub fn policy_level(memory: &Memory) -> Level {
    match memory.policy.as_str() {
        "noeviction" | "" => Level::Fine,
        _ => Level::Warn,
    }
}

/// How bad the number of clients is: from 80 and 95 % of the limit.
pub fn clients_level(clients: &Clients) -> Level {
    let share = if clients.max == 0 { 0.0 } else { clients.connected as f64 / clients.max as f64 };
    level(share, 0.8, 0.95)
}

/// How bad the share of a core is: commands run on one, so from 70 and 90 %.
pub fn cpu_level(share: Option<f64>) -> Level {
    level(share.unwrap_or(0.0), 0.7, 0.9)
}

fn level(share: f64, warn: f64, danger: f64) -> Level {
    match share {
        share if share >= danger => Level::Danger,
        share if share >= warn => Level::Warn,
        _ => Level::Fine,
    }
}

/// What is wrong, worst first. `protected`: the server counts as production, where no memory limit
/// is worth a word. `now` is Redis's clock, ms since the epoch.
pub fn findings(redis: &RedisHealth, protected: bool, now: i64) -> Vec<Finding> {
    let mut found = Found(Vec::new());
    if redis.persistence.loading {
        found.add(Level::Danger, "it loads its data: commands are refused until that is done");
    }
    memory(&mut found, redis, protected);
    evictions(&mut found, redis);
    // Before the first INFO nothing is known of the files.
    if !redis.version.is_empty() {
        persistence(&mut found, &redis.persistence);
    }
    clients(&mut found, redis);
    cpu(&mut found, redis);
    replication(&mut found, redis);
    slow(&mut found, redis, now);
    found.0.sort_by_key(|finding| std::cmp::Reverse(finding.level));
    found.0
}

struct Found(Vec<Finding>);

impl Found {
    fn add(&mut self, level: Level, text: impl AsRef<str>) {
        if level > Level::Fine {
            self.0.push(Finding { level, text: Clean::line(text.as_ref()) });
        }
    }
}

fn memory(found: &mut Found, redis: &RedisHealth, protected: bool) {
    let memory = &redis.memory;
    let evicts = policy_level(memory) > Level::Fine;
    let share = memory_share(memory).unwrap_or(0.0) * 100.0;
    let full = match memory.full_in_s {
        Some(s) => format!(", full in {} at the growth of late", figure::age(seconds_ms(s))),
        None => String::new(),
    };
    let whole = if memory.max > 0 { memory.max } else { memory.system };
    let of = if memory.max > 0 { "its limit" } else { "the machine's memory" };
    let then = match (memory.max > 0, evicts) {
        (true, true) => "then keys are dropped",
        (true, false) => "then writes fail",
        (false, _) => "then the system ends it",
    };
    let level = memory_level(memory);
    found.add(level, format!("memory is at {share:.0}% of {of} ({}){full}: {then}", figure::bytes(whole)));
    if level == Level::Fine
        && let Some(s) = memory.full_in_s.filter(|s| *s < FULL_SOON_S)
    {
        let text = format!("memory is full in {} at the growth of late: {then}", figure::age(seconds_ms(s)));
        found.add(Level::Warn, text);
    }
    if evicts {
        let when =
            if memory.max > 0 { "a full server drops keys" } else { "once it has a limit, it drops keys" };
        let text = format!("policy {}: {when}, and with them jobs; queues need noeviction", memory.policy);
        found.add(Level::Warn, text);
    }
    if memory.max == 0 && protected && !redis.version.is_empty() && level == Level::Fine {
        found.add(Level::Warn, "no memory limit (maxmemory 0): it may take all that the machine has");
    }
    if fragmentation_level(memory) > Level::Fine {
        let ratio = memory.fragmentation;
        found.add(
            Level::Warn,
            if ratio > 1.0 {
                let extra = memory.rss.saturating_sub(memory.used);
                format!("fragmentation {ratio:.2}: it holds {} more than its data", figure::bytes(extra))
            } else {
                format!("fragmentation {ratio:.2}: a part of its data is in swap, which is slow")
            },
        );
    }
}

fn evictions(found: &mut Found, redis: &RedisHealth) {
    let total = figure::count(redis.evicted);
    if redis.evicted_per_s > 0.0 {
        let rate = figure::rate(redis.evicted_per_s);
        found.add(
            Level::Danger,
            format!("it drops {rate} keys a second ({total} since its start): jobs may be lost"),
        );
    } else if redis.evicted > 0 {
        found.add(Level::Warn, format!("{total} keys were dropped since its start: jobs may be missing"));
    }
}

fn persistence(found: &mut Found, persistence: &Persistence) {
    if !persistence.rdb_ok {
        found.add(
            Level::Danger,
            "the last snapshot failed: by its default Redis refuses writes until one succeeds",
        );
    }
    if persistence.aof && !persistence.aof_ok {
        found.add(Level::Danger, "the append-only file cannot be written: Redis refuses writes");
    }
}

fn clients(found: &mut Found, redis: &RedisHealth) {
    let clients = &redis.clients;
    let (connected, max) = (figure::count(clients.connected), figure::count(clients.max));
    found.add(
        clients_level(clients),
        format!("{connected} clients of {max}: at the limit new ones are refused"),
    );
}

fn cpu(found: &mut Found, redis: &RedisHealth) {
    let share = redis.cpu.unwrap_or(0.0) * 100.0;
    found
        .add(cpu_level(redis.cpu), format!("its core is busy at {share:.0}%: commands wait for one another"));
}

fn replication(found: &mut Found, redis: &RedisHealth) {
    if redis.role.as_str() != "slave" {
        return;
    }
    let master = &redis.replication.master;
    let of = if master.is_empty() { String::new() } else { format!(" of {master}") };
    if redis.replication.master_link_up {
        found.add(Level::Warn, format!("a replica{of}: nothing can be changed here"));
    } else {
        found.add(Level::Danger, format!("a replica{of} that lost its master: what it says grows old"));
    }
}

fn slow(found: &mut Found, redis: &RedisHealth, now: i64) {
    let log = redis.slow_log.as_deref().unwrap_or_default();
    let late = |entry: &&SlowEntry| now.saturating_sub(entry.at_s.saturating_mul(1000)) < SLOW_MS;
    let late = log.iter().filter(|entry| entry.took_us >= SLOW_US).filter(late);
    let (count, slowest) = late.fold((0_u64, None), |(count, slowest), entry| {
        let slowest = match slowest {
            Some(other) if took(other) >= took(entry) => other,
            _ => entry,
        };
        (count + 1, Some(slowest))
    });
    if let Some(entry) = slowest {
        let took = figure::duration(i64::try_from(entry.took_us / 1000).unwrap_or(i64::MAX));
        let text = format!(
            "{} slow within the last minute, at worst {took} for {}",
            if count == 1 {
                "a command was".to_owned()
            } else {
                format!("{} commands were", figure::count(count))
            },
            command(&entry.command).cut(48)
        );
        found.add(Level::Warn, text);
    }
}

/// A command of the slow log with the hash of a script cut to the part by which people know it.
pub fn command(whole: &Clean) -> Clean {
    const HASH: usize = 40;
    const KNOWN: usize = 7;
    let text = whole.as_str();
    let hash = ["EVALSHA ", "evalsha "].iter().find_map(|verb| text.strip_prefix(verb));
    match hash.and_then(|rest| rest.split_at_checked(HASH)) {
        Some((hash, rest)) if hash.bytes().all(|b| b.is_ascii_hexdigit()) => {
            Clean::line(format!("{}{}…{rest}", &text[..8], &hash[..KNOWN]))
        }
        _ => whole.clone(),
    }
}

fn took(entry: &SlowEntry) -> u64 {
    entry.took_us
}

fn seconds_ms(s: u64) -> i64 {
    i64::try_from(s.saturating_mul(1000)).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn healthy() -> RedisHealth {
        RedisHealth {
            version: Clean::line("7.0.15"),
            role: Clean::line("master"),
            memory: Memory {
                used: 1 << 30,
                max: 4 << 30,
                policy: Clean::line("noeviction"),
                fragmentation: 1.1,
                ..Memory::default()
            },
            persistence: Persistence { rdb_ok: true, ..Persistence::default() },
            clients: Clients { connected: 118, blocked: 10, max: 10_000 },
            ..RedisHealth::default()
        }
    }

    fn said(redis: &RedisHealth, protected: bool) -> Vec<(Level, String)> {
        let found = findings(redis, protected, 1_700_000_000_000);
        found.into_iter().map(|finding| (finding.level, finding.text.as_str().to_owned())).collect()
    }

    #[test]
    fn a_healthy_server_has_no_findings_and_an_unread_one_neither() {
        assert_eq!(said(&healthy(), true), []);
        assert_eq!(said(&RedisHealth::default(), true), []);
    }

    #[test]
    fn memory_is_told_from_three_quarters_on() {
        let with = |used: u64, policy: &str| {
            let mut redis = healthy();
            redis.memory.used = used;
            redis.memory.policy = Clean::line(policy);
            said(&redis, false)
        };
        assert_eq!(with(3 << 30, "noeviction")[0].0, Level::Warn);
        let full = with(3900 << 20, "noeviction");
        assert_eq!(full.len(), 1);
        assert_eq!(full[0].0, Level::Danger);
        assert_eq!(full[0].1, "memory is at 95% of its limit (4.0G): then writes fail");
        let evicts = with(1 << 30, "allkeys-lru");
        assert!(evicts[0].1.starts_with("policy allkeys-lru: a full server drops keys"), "{evicts:?}");
    }

    #[test]
    fn no_limit_is_told_on_production_only() {
        let mut redis = healthy();
        redis.memory.max = 0;
        assert_eq!(said(&redis, false), []);
        assert_eq!(said(&redis, true)[0].0, Level::Warn);
    }

    #[test]
    fn a_scripts_hash_is_cut() {
        let hash = "b9348cf31f098d9ee6bca23d2a2e42fadd243d56";
        let cut = |text: &str| command(&Clean::line(text)).as_str().to_owned();
        assert_eq!(cut(&format!("EVALSHA {hash} 1 bull:email:")), "EVALSHA b9348cf… 1 bull:email:");
        assert_eq!(cut("EVALSHA b9348 1 a"), "EVALSHA b9348 1 a");
        assert_eq!(cut("GET a"), "GET a");
    }

    #[test]
    fn what_is_worst_stands_first() {
        let mut redis = healthy();
        redis.memory.policy = Clean::line("volatile-ttl");
        redis.evicted = 12;
        redis.evicted_per_s = 1.5;
        redis.persistence.rdb_ok = false;
        let levels: Vec<Level> = said(&redis, true).into_iter().map(|(level, _)| level).collect();
        assert_eq!(levels, [Level::Danger, Level::Danger, Level::Warn]);
    }
}
