//! Random keys: a read-only session sends nothing but reads, whatever is pressed.

use std::time::Duration;

use serde_json::json;

use super::terminal::Terminal;
use crate::support::{Dump, Lib, Node, Server, assert_same};

/// What a viewer may send (reliability, part 2), and what a login takes.
const VIEWER: &str = "ping hello auth client|setname client|id client|getname client|list info time dbsize select \
    acl|whoami scan type exists ttl pttl memory|usage object|encoding get strlen getrange llen lrange lindex lpos \
    zcard zcount zrange zscore zmscore zrank zrevrank zrevrange zrangebyscore zscan \
    hget hmget hlen hkeys hexists hstrlen hscan scard sismember smismember sscan \
    xlen xrange xrevrange xinfo|stream xread slowlog|get latency|latest";
/// What the test itself sends.
const OURS: &str = "config|resetstat config|set acl|setuser";

const KEYS: &[&str] = &[
    "\r",
    "\r",
    "\u{1b}",
    "\t",
    "\u{1b}[Z",
    " ",
    "\u{7f}",
    "\u{1b}[A",
    "\u{1b}[B",
    "\u{1b}[C",
    "\u{1b}[D",
    "\u{1b}[5~",
    "\u{1b}[6~",
    "\u{12}",
    "\u{4}",
    "\u{15}",
    "\u{10}",
    "\u{18}",
    "/",
    ":",
    "?",
    "!",
    "@",
    "-",
    "+",
    "_",
    "*",
    "1",
    "2",
    "3",
    "4",
    "5",
    "6",
    "7",
    "8",
    "9",
];

/// Numbers that look random: the same ones for the same seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound as u64).unwrap()
    }

    /// Any key that does not end or suspend the program by itself.
    fn key(&mut self) -> String {
        if self.below(3) == 0 {
            return KEYS[self.below(KEYS.len())].to_owned();
        }
        let letters = "abcdefghijklmnoprstuvwxyzABCDEFGHIJKLMNOPRSTUVWXYZ";
        letters.chars().nth(self.below(letters.len())).unwrap().to_string()
    }
}

fn seeded() -> Server {
    let server = Server::start();
    let mut node = Node::start(Lib::BullMq6, &server);
    for n in 0..30 {
        let fails = json!({"do": if n % 3 == 0 { "fail" } else { "ok" }, "log": ["line"]});
        node.call(json!({"op": "add", "queue": "mail", "data": fails}));
    }
    let worker = node.call(json!({"op": "worker", "queue": "mail"}));
    node.call(json!({"op": "waitIdle", "queue": "mail"}));
    node.call(json!({"op": "workerStop", "handle": worker}));
    // It would expire meanwhile.
    redis::cmd("DEL").arg("bull:mail:stalled-check").exec(&mut server.connect()).unwrap();
    for n in 0..20 {
        node.call(json!({"op": "add", "queue": "mail", "data": {"n": n}}));
        node.call(json!({"op": "add", "queue": "other", "data": {"n": n}, "opts": {"delay": 900_000}}));
    }
    let tree =
        json!({"name": "root", "queueName": "mail", "children": [{"name": "kid", "queueName": "other"}]});
    node.call(json!({"op": "flow", "tree": tree}));
    server
}

/// Presses keys until there were enough; a program that was told to quit is started again.
fn play(url: &str, keys: usize, dice: &mut Dice) {
    let start = || {
        let terminal = Terminal::toril(&["--url", url, "--read-only"]);
        terminal.wait_for("mail");
        terminal
    };
    let mut terminal = start();
    let mut pressed = 0;
    while pressed < keys {
        // Not so many at once that they pass for a paste.
        let some: String = (0..8).map(|_| dice.key()).collect();
        pressed += 8;
        if terminal.child.try_wait().unwrap().is_some() {
            terminal = start();
        }
        terminal.press(&some);
        std::thread::sleep(Duration::from_millis(8));
    }
    // It is alive and lets itself be ended. What was pressed last may be the beginning of an escape
    // sequence, which takes the next key for its end.
    for _ in 0..3 {
        std::thread::sleep(Duration::from_millis(300));
        if terminal.child.try_wait().unwrap().is_some() {
            return;
        }
        terminal.press("\u{3}");
    }
    terminal.wait_for_end();
}

fn keys() -> usize {
    if std::env::var("TORIL_TEST_WHOLE").is_ok_and(|whole| whole == "1") { 100_000 } else { 4_000 }
}

#[test]
fn a_read_only_session_sends_nothing_but_reads() {
    let server = seeded();
    let mut link = server.connect();
    let before = Dump::of(&server);
    redis::cmd("CONFIG").arg("RESETSTAT").exec(&mut link).unwrap();
    let seed = 0x5eed_0001;
    play(&server.url(), keys(), &mut Dice(seed));
    let stats: String = redis::cmd("INFO").arg("commandstats").query(&mut link).unwrap();
    let allowed: Vec<&str> = VIEWER.split_whitespace().chain(OURS.split_whitespace()).collect();
    let sent = stats.lines().filter_map(|line| line.strip_prefix("cmdstat_")?.split_once(':'));
    let beyond: Vec<&str> = sent.map(|(name, _)| name).filter(|name| !allowed.contains(name)).collect();
    assert_eq!(beyond, Vec::<&str>::new(), "seed {seed:#x}");
    assert_same(&before, &Dump::of(&server));
}

#[test]
fn under_the_viewers_rule_nothing_is_refused_over_and_over() {
    let server = seeded();
    let mut link = server.connect();
    let mut rule = redis::cmd("ACL");
    rule.arg("SETUSER").arg("viewer").arg("reset").arg("on").arg(">secret").arg("%R~bull:*").arg("-@all");
    for name in
        VIEWER.split_whitespace().filter(|name| !matches!(*name, "auth" | "slowlog|get" | "latency|latest"))
    {
        rule.arg(format!("+{name}"));
    }
    rule.exec(&mut link).unwrap();
    let before = Dump::of(&server);
    redis::cmd("CONFIG").arg("RESETSTAT").exec(&mut link).unwrap();
    let url = server.url().replace("redis+unix://", "redis+unix://viewer:secret@");
    assert!(url.contains("viewer:secret@"), "{url}");
    play(&url, keys() / 4, &mut Dice(0x5eed_0002));
    let stats: String = redis::cmd("INFO").arg("commandstats").query(&mut link).unwrap();
    // What the account lacks is asked once a session, not once a key.
    for line in stats.lines().filter(|line| line.starts_with("cmdstat_")) {
        let rejected = line.split("rejected_calls=").nth(1).and_then(|rest| rest.split(',').next());
        let rejected: u32 = rejected.and_then(|count| count.parse().ok()).unwrap_or(0);
        let optional = line.starts_with("cmdstat_slowlog") || line.starts_with("cmdstat_latency");
        assert!(rejected == 0 || (optional && rejected < 30), "{line}");
    }
    assert_same(&before, &Dump::of(&server));
}
