//! What the Redis screen says, section by section, as plain data: the view only paints it.

use super::super::super::panel::Context;
use super::Redis;
use crate::insight::server::{
    Level, clients_level, command, cpu_level, findings, fragmentation_level, memory_level, memory_share,
    policy_level,
};
use crate::monitor::RedisHealth;
use crate::monitor::redis::HealthPoint;
use crate::text::{Clean, Mask, figure};

/// A part of the screen with a title of its own.
#[derive(Clone, Debug, PartialEq)]
pub struct Section {
    /// Its title; empty for what stands above all others.
    pub title: &'static str,
    /// What is in it.
    pub rows: Vec<Row>,
}

/// A row of a section. All are one row high but charts, which take what is left.
#[derive(Clone, Debug, PartialEq)]
pub enum Row {
    /// The figure that matters most, and what it is.
    Head {
        /// The figure.
        value: Clean,
        /// What it is.
        note: Clean,
        /// How bad it is.
        level: Level,
    },
    /// A share as a meter, with words beside it.
    Meter {
        /// 0 to 1.
        share: f64,
        /// The words.
        text: Clean,
        /// How bad it is.
        level: Level,
    },
    /// One figure, or two side by side.
    Figures(Figure, Option<Figure>),
    /// The past of a figure.
    Chart(Curve, Level),
    /// A sentence.
    Text(Clean, Tone),
    /// A command with its share of all, longest bar first.
    Part {
        /// The command.
        name: Clean,
        /// 0 to 1, of the largest.
        share: f64,
        /// Calls per second.
        value: Clean,
    },
    /// A slow command.
    Slow {
        /// How long ago.
        age: Clean,
        /// How long it took.
        took: Clean,
        /// Who sent it.
        client: Clean,
        /// The command.
        command: Clean,
    },
}

/// How a sentence is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Beside the point.
    Dim,
    /// All is well.
    Well,
    /// As bad as this; said with a mark.
    Bad(Level),
    /// The sentence above goes on.
    More(Level),
}

/// A figure with its name.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// What it is.
    pub name: &'static str,
    /// The figure.
    pub value: Clean,
    /// How bad it is.
    pub level: Level,
}

/// A figure of the past.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "named after the fields of HealthPoint")]
pub enum Curve {
    Used,
    HitRate,
    Ops,
    Evicted,
    Expired,
    Clients,
    Cpu,
}

impl Curve {
    /// Its value at one moment.
    pub fn at(self, point: &HealthPoint) -> f64 {
        match self {
            Self::Used => point.used as f64,
            // Too few lookups to tell are drawn as nothing.
            Self::HitRate => point.hit_rate.unwrap_or(0.0),
            Self::Ops => point.ops_per_s,
            Self::Evicted => point.evicted_per_s,
            Self::Expired => point.expired_per_s,
            Self::Clients => point.clients as f64,
            Self::Cpu => point.cpu,
        }
    }

    /// How many rows its chart is worth at most: what hardly moves needs few.
    pub const fn rows(self) -> u16 {
        match self {
            Self::Clients => 2,
            Self::Evicted | Self::Expired => 3,
            Self::Cpu => 6,
            Self::Used | Self::HitRate | Self::Ops => 9,
        }
    }

    /// What a full chart stands for; `None`: the largest value shown.
    pub fn full(self, redis: &RedisHealth) -> Option<f64> {
        match self {
            Self::Used if redis.memory.max > 0 => Some(redis.memory.max as f64),
            Self::HitRate | Self::Cpu => Some(1.0),
            _ => None,
        }
    }
}

/// Commands of the mix that are shown.
const MIX: usize = 8;

/// All of them, in the order of importance: what is wrong first, the slow log last.
pub fn sections(redis: &RedisHealth, cx: &Context<'_>) -> Vec<Section> {
    let now = cx.redis_now();
    vec![
        verdict(redis, cx, now),
        memory(redis),
        hit_rate(redis),
        traffic(redis),
        losses(redis),
        clients(redis),
        cpu(redis),
        commands(redis),
        persistence(redis, now),
        keys(redis),
        server(redis, cx),
        slow_log(redis, &cx.config.mask, now),
    ]
}

fn section(title: &'static str, rows: Vec<Row>) -> Section {
    Section { title, rows }
}

fn figure_of(name: &'static str, value: impl Into<Clean>, level: Level) -> Figure {
    Figure { name, value: value.into(), level }
}

fn pair(a: (&'static str, Clean), b: (&'static str, Clean)) -> Row {
    Row::Figures(figure_of(a.0, a.1, Level::Fine), Some(figure_of(b.0, b.1, Level::Fine)))
}

fn dim(text: impl Into<Clean>) -> Row {
    Row::Text(text.into(), Tone::Dim)
}

fn verdict(redis: &RedisHealth, cx: &Context<'_>, now: i64) -> Section {
    let mut rows: Vec<Row> = findings(redis, cx.config.protected, now)
        .into_iter()
        .map(|finding| Row::Text(cx.config.mask.clean(&finding.text), Tone::Bad(finding.level)))
        .collect();
    if rows.is_empty() && Redis::stale_ms(cx).is_some() {
        rows.push(dim("the server was well when it answered last"));
    } else if rows.is_empty() {
        rows.push(Row::Text(Clean::line("the server is well"), Tone::Well));
    }
    rows.extend(cx.snapshot.slowed.iter().map(|why| dim(format!("queues are read less often: {why}"))));
    rows.extend(redis.missing.iter().map(|what| dim(format!("not read: {what}"))));
    section("", rows)
}

fn memory(redis: &RedisHealth) -> Section {
    let memory = &redis.memory;
    let level = memory_level(memory);
    let full = memory.full_in_s.map_or_else(String::new, |s| {
        format!(", full in {}", figure::age(i64::try_from(s.saturating_mul(1000)).unwrap_or(i64::MAX)))
    });
    let first = match memory_share(memory) {
        Some(share) => {
            let of = match memory.max {
                0 => format!("of {}, no limit", figure::bytes(memory.system)),
                max => format!("of {}{full}", figure::bytes(max)),
            };
            Row::Meter { share, text: Clean::line(format!("{:.0}% {of}", share * 100.0)), level }
        }
        None => Row::Head { value: figure::bytes(memory.used), note: Clean::line("no limit"), level },
    };
    let policy = if memory.policy.is_empty() { Clean::line("–") } else { memory.policy.clone() };
    let ratio = match memory.fragmentation {
        ratio if ratio > 0.0 => format!("{ratio:.2}"),
        _ => "–".to_owned(),
    };
    let resident = figure_of("resident", figure::bytes(memory.rss), Level::Fine);
    let fragmentation = figure_of("fragmented", ratio, fragmentation_level(memory));
    section(
        "Memory",
        vec![
            first,
            Row::Chart(Curve::Used, level),
            pair(("used", figure::bytes(memory.used)), ("peak", figure::bytes(memory.peak))),
            Row::Figures(resident, Some(fragmentation)),
            Row::Figures(figure_of("policy", policy, policy_level(memory)), None),
        ],
    )
}

fn hit_rate(redis: &RedisHealth) -> Section {
    let (value, note) = match redis.hit_rate {
        Some(share) => (format!("{}%", figure::percent(share)), "of the server, ours taken out"),
        None => ("–".to_owned(), "under 100 lookups in 10 s"),
    };
    let counts = |n| figure::count_in(n, 11);
    section(
        "Hit rate",
        vec![
            Row::Head { value: Clean::line(value), note: Clean::line(note), level: Level::Fine },
            Row::Chart(Curve::HitRate, Level::Fine),
            pair(("hits", counts(redis.hits)), ("misses", counts(redis.misses))),
        ],
    )
}

fn traffic(redis: &RedisHealth) -> Section {
    let value = redis.ops_per_s.map_or_else(|| Clean::line("–"), figure::rate);
    let per_s = |n: f64| Clean::line(format!("{}/s", figure::bytes(n.max(0.0) as u64)));
    section(
        "Traffic",
        vec![
            Row::Head { value, note: Clean::line("commands/s, ours taken out"), level: Level::Fine },
            Row::Chart(Curve::Ops, Level::Fine),
            pair(("in", per_s(redis.net_in_per_s)), ("out", per_s(redis.net_out_per_s))),
        ],
    )
}

fn losses(redis: &RedisHealth) -> Section {
    let level = match (redis.evicted_per_s > 0.0, redis.evicted > 0) {
        (true, _) => Level::Danger,
        (false, true) => Level::Warn,
        (false, false) => Level::Fine,
    };
    let rate = |per_s: f64| Clean::line(format!("{}/s", figure::rate(per_s)));
    let total = |n: u64, level| Some(figure_of("in all", figure::count_in(n, 11), level));
    section(
        "Evicted and expired",
        vec![
            Row::Figures(figure_of("evicted", rate(redis.evicted_per_s), level), total(redis.evicted, level)),
            Row::Chart(Curve::Evicted, level.max(Level::Warn)),
            Row::Figures(
                figure_of("expired", rate(redis.expired_per_s), Level::Fine),
                total(redis.expired, Level::Fine),
            ),
            Row::Chart(Curve::Expired, Level::Fine),
        ],
    )
}

fn clients(redis: &RedisHealth) -> Section {
    let clients = &redis.clients;
    let level = clients_level(clients);
    let of = match clients.max {
        0 => "connected".to_owned(),
        max => format!("of {} connected", figure::count(max)),
    };
    let blocked = figure::count(clients.blocked);
    section(
        "Clients",
        vec![
            Row::Head { value: figure::count(clients.connected), note: Clean::line(of), level },
            Row::Chart(Curve::Clients, level),
            dim(format!("{blocked} blocked, idle workers among them")),
        ],
    )
}

fn cpu(redis: &RedisHealth) -> Section {
    let level = cpu_level(redis.cpu);
    let value = redis.cpu.map_or_else(|| "–".to_owned(), |share| format!("{:.0}%", share * 100.0));
    let head = Row::Head { value: Clean::line(value), note: Clean::line("of one core"), level };
    section("CPU", vec![head, Row::Chart(Curve::Cpu, level)])
}

fn commands(redis: &RedisHealth) -> Section {
    let most = redis.command_mix.iter().map(|(_, per_s)| *per_s).fold(0.0, f64::max);
    let part = |(name, per_s): &(Clean, f64)| Row::Part {
        name: name.clone(),
        share: if most > 0.0 { per_s / most } else { 0.0 },
        value: figure::rate(*per_s),
    };
    let mut rows: Vec<Row> = redis.command_mix.iter().take(MIX).map(part).collect();
    if rows.is_empty() {
        rows.push(dim("not known yet"));
    }
    section("Commands per second", rows)
}

fn persistence(redis: &RedisHealth, now: i64) -> Section {
    let persistence = &redis.persistence;
    if redis.version.is_empty() {
        return section("Persistence", vec![dim("not read")]);
    }
    let (aof, aof_level) = match (persistence.aof, persistence.aof_ok) {
        (false, _) => ("off", Level::Fine),
        (true, true) => ("on, written", Level::Fine),
        (true, false) => ("cannot be written", Level::Danger),
    };
    let saved = match persistence.last_save_s {
        at if at > 0 => format!("{} ago", figure::age(now.saturating_sub(at.saturating_mul(1000)))),
        _ => "never".to_owned(),
    };
    let (saved, level) = if persistence.rdb_ok {
        (saved, Level::Fine)
    } else {
        (format!("failed, last {saved}"), Level::Danger)
    };
    let mut rows = vec![
        Row::Figures(figure_of("append-only file", aof, aof_level), None),
        Row::Figures(figure_of("snapshot", saved, level), None),
        Row::Figures(figure_of("changes since", figure::count(persistence.changes), Level::Fine), None),
    ];
    if persistence.loading {
        rows.insert(0, Row::Text(Clean::line("loading its data"), Tone::Bad(Level::Danger)));
    } else if !persistence.aof {
        rows.push(dim("a crash loses these changes"));
    }
    section("Persistence", rows)
}

fn keys(redis: &RedisHealth) -> Section {
    let share = match redis.keys {
        0 => "–".to_owned(),
        keys => format!("{:.0}%", redis.expiring_keys as f64 * 100.0 / keys as f64),
    };
    section(
        "Keys of this database",
        vec![
            Row::Figures(figure_of("keys", figure::count(redis.keys), Level::Fine), None),
            Row::Figures(figure_of("expiring", figure::count(redis.expiring_keys), Level::Fine), None),
            Row::Figures(figure_of("share that expires", share, Level::Fine), None),
        ],
    )
}

fn server(redis: &RedisHealth, cx: &Context<'_>) -> Section {
    let or_dash = |text: &Clean| if text.is_empty() { Clean::line("–") } else { text.clone() };
    let plain = |name, value: Clean| Row::Figures(figure_of(name, value, Level::Fine), None);
    let uptime = figure::duration(i64::try_from(redis.uptime_s.saturating_mul(1000)).unwrap_or(i64::MAX));
    let cost = &cx.snapshot.cost;
    let share = cost.cpu.map_or_else(|| "–".to_owned(), |share| format!("{:.1}% of a core", share * 100.0));
    let mut rows = vec![
        plain("version", Clean::line(format!("{} {}", redis.flavour, redis.version))),
        plain("mode", or_dash(&redis.mode)),
        plain("role", or_dash(&redis.role)),
    ];
    let replication = &redis.replication;
    if redis.role.as_str() == "slave" {
        rows.push(plain("master", or_dash(&replication.master)));
        let (link, level) =
            if replication.master_link_up { ("up", Level::Fine) } else { ("down", Level::Danger) };
        rows.push(Row::Figures(figure_of("link to it", link, level), None));
    } else {
        rows.push(plain("replicas", figure::count(replication.replicas)));
    }
    rows.push(plain("up for", uptime));
    rows.push(plain("ours", Clean::line(share)));
    rows.push(plain("our commands/s", figure::rate(cost.commands_per_s)));
    section("Server and replication", rows)
}

fn slow_log(redis: &RedisHealth, mask: &Mask, now: i64) -> Section {
    let rows = match redis.slow_log.as_deref() {
        None if redis.missing.iter().any(|what| what.as_str().starts_with("SLOWLOG")) => {
            vec![dim("not permitted")]
        }
        None => vec![dim("reading ...")],
        Some([]) => vec![dim("empty: no command took longer than the server's threshold")],
        Some(entries) => {
            let row = |entry: &crate::monitor::redis::SlowEntry| Row::Slow {
                age: figure::age(now.saturating_sub(entry.at_s.saturating_mul(1000))),
                took: took(entry.took_us),
                client: entry.client.clone(),
                command: command(&mask.clean(&entry.command)),
            };
            entries.iter().map(row).collect()
        }
    };
    section("Slow log, newest first", rows)
}

fn took(us: u64) -> Clean {
    match us {
        0..1000 => Clean::line(format!("{us}us")),
        1000..10_000 => Clean::line(format!("{:.1}ms", us as f64 / 1000.0)),
        _ => figure::duration(i64::try_from(us / 1000).unwrap_or(i64::MAX)),
    }
}
