//! The server's own health, sampled: `INFO`, `CLIENT LIST`, `SLOWLOG` (decisions, section 6).

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};

use super::core::Input;
use super::interest::Interest;
use super::redis::info::Info;
use super::redis::{HealthPoint, RedisHealth, SlowEntry};
use super::{Clock, link};
use crate::conn::{Conn, Kind, Request, Traffic, Value, Verb, bytes, integer, items, text};
use crate::engine::read::workers::Roster;
use crate::text::Clean;
use crate::wire::number;

/// Samples while nobody looks closely ..
const REST: Duration = Duration::from_secs(10);
/// .. and while the Redis screen is open.
const CLOSE: Duration = Duration::from_secs(1);
/// What differences are taken over.
const WINDOW: i64 = 10_000;
/// The first sample lets the first counts go before.
const FIRST: Duration = Duration::from_millis(60);
/// Points of the past that are kept: an hour at rest.
const HISTORY: usize = 360;
/// Lookups of others below which a hit rate says nothing.
const LOOKUPS: i64 = 100;
/// Slow log entries that are shown, and how often they are asked for.
const SLOW: u64 = 32;
const SLOW_EVERY: Duration = Duration::from_secs(5);
/// Bytes a second that the list of clients may cost on average.
const LIST_BYTES: usize = 24 * 1024;
/// Growth of the memory is looked at over this long, ms.
const GROWTH: i64 = 300_000;

/// Totals at one moment.
#[derive(Clone, Debug)]
struct Totals {
    at: i64,
    hits: u64,
    misses: u64,
    commands: u64,
    evicted: u64,
    expired: u64,
    net_in: u64,
    net_out: u64,
    cpu_s: f64,
    run_id: Clean,
    ours: Traffic,
    calls: HashMap<String, u64>,
}

pub(super) struct Health {
    pub conn: Conn,
    pub clock: Clock,
    pub interest: watch::Receiver<Interest>,
    pub to: mpsc::Sender<Input>,
}

/// The task's own state.
#[derive(Default)]
struct State {
    totals: VecDeque<Totals>,
    history: VecDeque<HealthPoint>,
    slow: Option<Vec<SlowEntry>>,
    slow_at: Option<Instant>,
    list_at: Option<Instant>,
    list_every: Duration,
    /// Features that were refused: not asked for again.
    refused: Vec<&'static str>,
}

impl Health {
    /// The task: samples for ever.
    pub async fn run(mut self) {
        let mut link = self.conn.link();
        let mut state = State { list_every: REST, ..State::default() };
        link::up(&mut link).await;
        tokio::time::sleep(FIRST).await;
        loop {
            link::up(&mut link).await;
            let close = self.interest.borrow_and_update().redis;
            let began = Instant::now();
            if self.round(&mut state, close).await.is_err() {
                return;
            }
            let pause = if close { CLOSE } else { REST };
            let end = began + pause;
            // A look that opens or closes the screen changes the pace at once.
            while let Some(left) = end.checked_duration_since(Instant::now()) {
                tokio::select! {
                    () = tokio::time::sleep(left) => break,
                    changed = self.interest.changed() => {
                        if changed.is_err() {
                            return;
                        }
                        if self.interest.borrow().redis != close {
                            break;
                        }
                    }
                }
            }
        }
    }

    async fn round(&self, state: &mut State, close: bool) -> Result<(), Closed> {
        if !state.refused.contains(&"CLIENT LIST")
            && state.list_at.is_none_or(|at| at.elapsed() + CLOSE / 2 >= state.list_every)
        {
            state.list_at = Some(Instant::now());
            match self.conn.call(Request::new(Verb::ClientList)).await {
                Ok(reply) => {
                    let list = bytes(&reply).map(String::from_utf8_lossy).unwrap_or_default();
                    state.list_every = REST.max(Duration::from_secs((list.len() / LIST_BYTES) as u64));
                    self.send(Input::Roster(Some(Roster::parse(&list, self.conn.endpoint().db)))).await?;
                }
                Err(error) if error.kind == Kind::Permission => {
                    self.refuse(state, "CLIENT LIST").await?;
                    self.send(Input::Roster(None)).await?;
                }
                Err(_) => return Ok(()),
            }
        }
        if close
            && !state.refused.contains(&"SLOWLOG")
            && state.slow_at.is_none_or(|at| at.elapsed() >= SLOW_EVERY)
        {
            state.slow_at = Some(Instant::now());
            match self.conn.call(Request::new(Verb::SlowLogGet).arg(SLOW)).await {
                Ok(reply) => state.slow = Some(slow(&reply)),
                Err(error) if error.kind == Kind::Permission => self.refuse(state, "SLOWLOG").await?,
                Err(_) => return Ok(()),
            }
        }
        if state.refused.contains(&"INFO") {
            return Ok(());
        }
        let mut request = Request::new(Verb::Info);
        if close {
            request = request.arg("everything");
        }
        match self.conn.call(request).await {
            Ok(reply) => {
                let info = bytes(&reply).map(String::from_utf8_lossy).unwrap_or_default();
                let health = self.health(state, &Info::parse(&info));
                self.send(Input::Health(Arc::new(health))).await
            }
            Err(error) if error.kind == Kind::Permission => self.refuse(state, "INFO").await,
            Err(_) => Ok(()),
        }
    }

    async fn refuse(&self, state: &mut State, what: &'static str) -> Result<(), Closed> {
        state.refused.push(what);
        self.send(Input::Refused(Clean::from(format!("{what}: not permitted")))).await
    }

    async fn send(&self, input: Input) -> Result<(), Closed> {
        self.to.send(input).await.map_err(|_| Closed)
    }

    fn health(&self, state: &mut State, info: &Info<'_>) -> RedisHealth {
        let mut health = info.health(self.conn.endpoint().db);
        health.at = self.clock.now_ms();
        let now = Totals {
            at: health.at,
            hits: health.hits,
            misses: health.misses,
            commands: info.number("total_commands_processed"),
            evicted: health.evicted,
            expired: health.expired,
            net_in: info.number("total_net_input_bytes"),
            net_out: info.number("total_net_output_bytes"),
            cpu_s: info.cpu_s(),
            run_id: health.run_id.clone(),
            ours: self.conn.traffic(),
            calls: info.calls().into_iter().map(|(name, calls)| (name.to_owned(), calls)).collect(),
        };
        if state.totals.back().is_some_and(|last| last.run_id != now.run_id || last.commands > now.commands) {
            // Another process, or its figures were reset.
            state.totals.clear();
        }
        let old = state.totals.iter().rev().find(|old| now.at - old.at >= WINDOW - 500);
        let point = if let Some(old) = old.or(state.totals.front()) {
            compare(&mut health, old, &now)
        } else {
            HealthPoint::default()
        };
        let point =
            HealthPoint { at: now.at, used: health.memory.used, clients: health.clients.connected, ..point };
        state.totals.push_back(now);
        while state.totals.get(1).is_some_and(|second| health.at - second.at > WINDOW) {
            state.totals.pop_front();
        }
        state.history.push_back(point);
        while state.history.len() > HISTORY {
            state.history.pop_front();
        }
        health.memory.full_in_s = full_in(&state.history, health.memory.max);
        health.history = state.history.iter().copied().collect();
        health.slow_log.clone_from(&state.slow);
        health.missing =
            state.refused.iter().map(|what| Clean::from(format!("{what}: not permitted"))).collect();
        health
    }
}

/// Nobody listens any more.
struct Closed;

/// Figures of two moments, without our own share of them.
fn compare(health: &mut RedisHealth, old: &Totals, now: &Totals) -> HealthPoint {
    let seconds = (now.at - old.at).max(1) as f64 / 1000.0;
    let delta = |new: u64, old: u64| new.saturating_sub(old);
    let ours = now.ours - old.ours;
    let hits = signed(delta(now.hits, old.hits)) - signed(ours.hits);
    let misses = signed(delta(now.misses, old.misses)) - signed(ours.misses);
    let lookups = hits.max(0) + misses.max(0);
    health.hit_rate = (lookups >= LOOKUPS).then(|| hits.max(0) as f64 / lookups as f64);
    let commands = signed(delta(now.commands, old.commands)) - signed(ours.commands);
    let ops = rest(commands.max(0) as f64 / seconds);
    health.ops_per_s = Some(ops);
    health.evicted_per_s = rest(delta(now.evicted, old.evicted) as f64 / seconds);
    health.expired_per_s = rest(delta(now.expired, old.expired) as f64 / seconds);
    health.net_in_per_s = rest(delta(now.net_in, old.net_in) as f64 / seconds);
    health.net_out_per_s = rest(delta(now.net_out, old.net_out) as f64 / seconds);
    let cpu = ((now.cpu_s - old.cpu_s).max(0.0) / seconds * 1000.0).round() / 1000.0;
    health.cpu = Some(cpu);
    if !old.calls.is_empty() {
        let mut mix: Vec<(Clean, f64)> = now
            .calls
            .iter()
            .map(|(name, calls)| (name, delta(*calls, old.calls.get(name).copied().unwrap_or(0))))
            .filter(|(_, calls)| *calls > 0)
            .map(|(name, calls)| (Clean::line(name), rest(calls as f64 / seconds)))
            .collect();
        mix.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        mix.truncate(20);
        health.command_mix = mix;
    }
    HealthPoint {
        hit_rate: health.hit_rate,
        ops_per_s: ops,
        evicted_per_s: health.evicted_per_s,
        expired_per_s: health.expired_per_s,
        net_in_per_s: health.net_in_per_s,
        net_out_per_s: health.net_out_per_s,
        cpu,
        ..HealthPoint::default()
    }
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A figure in the steps in which it is shown: two digits, nothing below one.
fn rest(value: f64) -> f64 {
    if value < 1.0 {
        return if value < 0.1 { 0.0 } else { (value * 10.0).round() / 10.0 };
    }
    let step = 10.0_f64.powf(value.log10().floor() - 1.0);
    (value / step).round() * step
}

/// Seconds until the memory is full at the growth of the last minutes.
fn full_in(history: &VecDeque<HealthPoint>, max: u64) -> Option<u64> {
    let last = history.back()?;
    let first = history.iter().find(|point| last.at - point.at <= GROWTH)?;
    let seconds = (last.at - first.at) as f64 / 1000.0;
    let grown = signed(last.used) - signed(first.used);
    // Less than a thousandth of the limit is noise.
    if max == 0 || seconds < 30.0 || grown <= signed(max / 1000) {
        return None;
    }
    Some((max.saturating_sub(last.used) as f64 / (grown as f64 / seconds)) as u64)
}

/// Bytes of a slow command that are kept.
const COMMAND: usize = 200;

/// Reads the answer of `SLOWLOG GET`; arguments are cut by the server already, and here again: before the last
/// word, since the half of a secret (a URL before its `@`) could not be told from anything else.
pub(super) fn slow(reply: &Value) -> Vec<SlowEntry> {
    let words = |value: &Value| {
        let words: Vec<u8> =
            items(value).iter().filter_map(bytes).map(finished).collect::<Vec<_>>().join(&b' ');
        match words.get(..COMMAND) {
            Some(cut) => Clean::line(&cut[..whole_words(cut)]),
            None => Clean::line(words),
        }
    };
    items(reply)
        .iter()
        .filter_map(|entry| {
            let parts = items(entry);
            let name = parts.get(5).and_then(text).filter(|name| !name.is_empty());
            Some(SlowEntry {
                at_s: number::bounded(integer(parts.get(1)?)?),
                took_us: integer(parts.get(2)?).and_then(|n| u64::try_from(n).ok())?,
                command: words(parts.get(3)?),
                client: Clean::line(name.or(parts.get(4).and_then(text)).unwrap_or_default()),
            })
        })
        .collect()
}

/// An argument without the word in which the server cut it.
fn finished(argument: &[u8]) -> Vec<u8> {
    const CUT: &[u8] = b"... (";
    let cut = argument
        .ends_with(b" more bytes)")
        .then(|| argument.windows(CUT.len()).rposition(|part| part == CUT));
    match cut.flatten() {
        Some(at) => [&argument[..whole_words(&argument[..at])], &argument[at..]].concat(),
        None => argument.to_vec(),
    }
}

/// How many bytes of a text are there before its last word begins.
fn whole_words(text: &[u8]) -> usize {
    text.iter().rposition(|byte| b" \t\r\n,;&\"'`{}[]()".contains(byte)).map_or(0, |at| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slow_commands_are_cut_between_words() {
        let of = |arguments: &[&str]| {
            let words = arguments.iter().map(|word| Value::BulkString((*word).into())).collect();
            let entry = [Value::Int(1), Value::Int(1_795_150_144), Value::Int(90), Value::Array(words)];
            slow(&Value::Array(vec![Value::Array(entry.to_vec())])).remove(0).command.as_str().to_owned()
        };
        let cut = "{\"a\":1,\"at\":\"https://ann:s3cr... (90 more bytes)";
        assert_eq!(
            of(&["HSET", "bull:q:1", "data", cut]),
            "HSET bull:q:1 data {\"a\":1,\"at\":\"... (90 more bytes)"
        );
        assert_eq!(of(&["GET", "a... (b"]), "GET a... (b");
        let long = format!("a {}", "b".repeat(300));
        assert_eq!(of(&["SET", "k", &long]), "SET k a ");
    }

    fn totals(at: i64, hits: u64, misses: u64, commands: u64, ours: Traffic) -> Totals {
        Totals {
            at,
            hits,
            misses,
            commands,
            evicted: 0,
            expired: 0,
            net_in: 0,
            net_out: 0,
            cpu_s: 0.0,
            run_id: Clean::default(),
            ours,
            calls: HashMap::new(),
        }
    }

    #[test]
    fn our_own_lookups_are_taken_out() {
        let mut health = RedisHealth::default();
        let ours = Traffic { commands: 500, hits: 100, misses: 400, ..Traffic::default() };
        let old = totals(0, 0, 0, 0, Traffic::default());
        compare(&mut health, &old, &totals(10_000, 280, 420, 1_500, ours));
        assert_eq!(health.hit_rate, Some(0.9));
        assert_eq!(health.ops_per_s, Some(100.0));
        compare(&mut health, &old, &totals(10_000, 120, 420, 500, ours));
        assert_eq!(health.hit_rate, None, "forty lookups say nothing");
        assert_eq!(health.ops_per_s, Some(0.0));
    }

    #[test]
    fn growth_says_when_it_is_full() {
        let point = |at: i64, used: u64| HealthPoint { at, used, ..HealthPoint::default() };
        let history = VecDeque::from([point(0, 1_000_000), point(100_000, 2_000_000)]);
        assert_eq!(full_in(&history, 3_000_000), Some(100));
        assert_eq!(full_in(&history, 0), None);
        assert_eq!(full_in(&VecDeque::from([point(0, 5), point(100_000, 5)]), 100), None);
    }
}
