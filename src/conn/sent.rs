//! What was sent: the last commands of a connection, for whoever wants to know what a program did
//! to Redis. No payload and no secret: the command, the first key, how long it took.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::Verb;
use super::request::Shape;
use crate::text::Clean;

/// Entries that are kept; the oldest go first.
const KEPT: usize = 2000;
/// Cells of a key that are kept.
const KEY: usize = 120;

/// What stands in an entry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum What {
    /// Commands of one kind that went out together.
    Commands {
        /// Which.
        verb: Verb,
        /// The script that was run, by the name of its operation.
        script: Option<&'static str>,
        /// The first key of the first one, where it has one.
        key: Option<Clean>,
        /// How many.
        count: u32,
        /// How long all that went out together took until it was answered.
        took: Duration,
        /// At least one was answered with an error, or none was answered.
        failed: bool,
    },
    /// A person's act begins: the command line that does the same.
    Act(Clean),
}

/// An entry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sent {
    /// Counted up from 1.
    pub number: u64,
    /// When, ms since the epoch by this host.
    pub at: i64,
    /// What.
    pub what: What,
}

impl Sent {
    /// Whether it changes data.
    pub const fn writes(&self) -> bool {
        match &self.what {
            What::Commands { verb, .. } => verb.class().writes(),
            What::Act(_) => true,
        }
    }
}

/// The last entries.
#[derive(Debug, Default)]
pub struct SentLog {
    ring: Mutex<Ring>,
}

#[derive(Debug, Default)]
struct Ring {
    entries: VecDeque<Sent>,
    last: u64,
}

impl SentLog {
    /// The entries after a number, oldest first.
    pub fn after(&self, number: u64) -> Vec<Sent> {
        let ring = self.ring();
        let known = ring.entries.partition_point(|entry| entry.number <= number);
        ring.entries.iter().skip(known).cloned().collect()
    }

    /// Notes that an act begins: the command line that does the same.
    pub fn note_act(&self, command: impl AsRef<[u8]>) {
        self.push(What::Act(Clean::line(command)));
    }

    /// Notes what went out together. `failed` tells of each command whether it was.
    pub(super) fn note(
        &self,
        sent: Vec<Alike>,
        script: Option<&'static str>,
        took: Duration,
        failed: impl Fn(usize) -> bool,
    ) {
        let mut at = 0;
        for Alike { verb, key, count } in sent {
            let script = script.filter(|_| verb == Verb::EvalSha);
            let failed = (at..at + count).any(&failed);
            let of_all = u32::try_from(count).unwrap_or(u32::MAX);
            self.push(What::Commands { verb, script, key, count: of_all, took, failed });
            at += count;
        }
    }

    fn push(&self, what: What) {
        let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let at = i64::try_from(at.as_millis()).unwrap_or(i64::MAX);
        let mut ring = self.ring();
        ring.last += 1;
        let number = ring.last;
        ring.entries.push_back(Sent { number, at, what });
        if ring.entries.len() > KEPT {
            ring.entries.pop_front();
        }
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Commands of one kind that go out together.
#[derive(Debug)]
pub(super) struct Alike {
    verb: Verb,
    key: Option<Clean>,
    count: usize,
}

/// What is to be noted of a batch, before it goes out and its bytes with it: they may be many.
pub(super) fn digest(packed: &[u8], shapes: &[Shape]) -> Vec<Alike> {
    let mut commands = Commands { rest: packed };
    let tell = |alike: &[Shape]| {
        let verb = alike[0].verb;
        let words = commands.next().unwrap_or_default();
        alike.iter().skip(1).for_each(|_| drop(commands.next()));
        let key = key(verb, &words).map(|key| Clean::line(key).cut(KEY));
        Alike { verb: runs_as(verb), key, count: alike.len() }
    };
    shapes.chunk_by(|one, next| runs_as(one.verb) == runs_as(next.verb)).map(tell).collect()
}

/// A script that goes with its source is the same as one that goes by its hash.
const fn runs_as(verb: Verb) -> Verb {
    match verb {
        Verb::Eval => Verb::EvalSha,
        verb => verb,
    }
}

/// The first key among the words of a command.
fn key<'a>(verb: Verb, words: &[&'a [u8]]) -> Option<&'a [u8]> {
    let at = match verb {
        Verb::Eval | Verb::EvalSha if words.get(2).is_some_and(|count| *count == b"0") => return None,
        Verb::Eval | Verb::EvalSha => 3,
        Verb::MemoryUsage | Verb::XInfoStream => 2,
        Verb::XRead | Verb::XReadBlock => {
            1 + words.iter().position(|word| word.eq_ignore_ascii_case(b"STREAMS"))?
        }
        Verb::Ping | Verb::Scan | Verb::DbSize | Verb::ScriptLoad => return None,
        verb if verb.is_about_the_server() => return None,
        _ => 1,
    };
    words.get(at).copied()
}

/// The commands of a packed batch, as their words.
struct Commands<'a> {
    rest: &'a [u8],
}

/// Words of a command that are looked at: a key stands no later.
const WORDS: usize = 16;

impl<'a> Commands<'a> {
    fn number(&mut self, sign: u8) -> Option<usize> {
        let end = self.rest.iter().position(|byte| *byte == b'\n')?;
        let (line, rest) = self.rest.split_at(end + 1);
        let digits = line.strip_prefix(&[sign])?.strip_suffix(b"\r\n")?;
        self.rest = rest;
        std::str::from_utf8(digits).ok()?.parse().ok()
    }

    fn word(&mut self) -> Option<&'a [u8]> {
        let len = self.number(b'$')?;
        let word = self.rest.get(..len)?;
        self.rest = self.rest.get(len + 2..)?;
        Some(word)
    }
}

impl<'a> Iterator for Commands<'a> {
    type Item = Vec<&'a [u8]>;

    fn next(&mut self) -> Option<Self::Item> {
        let count = self.number(b'*')?;
        let mut words = Vec::with_capacity(count.min(WORDS));
        for _ in 0..count {
            let word = self.word()?;
            if words.len() < WORDS {
                words.push(word);
            }
        }
        Some(words)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Batch, Request};
    use super::*;

    fn noted(batch: &Batch, script: Option<&'static str>) -> Vec<What> {
        let log = SentLog::default();
        log.note(digest(&batch.packed, &batch.shapes), script, Duration::from_millis(2), |at| at == 1);
        log.after(0).into_iter().map(|entry| entry.what).collect()
    }

    #[test]
    fn commands_are_told_by_their_first_key_and_without_their_values() {
        let mut batch = Batch::new();
        batch.push(Request::new(Verb::HGet).arg("bull:pay:1").arg("data"));
        batch.push(Request::new(Verb::HGet).arg("bull:pay:2").arg("data"));
        batch.push(Request::new(Verb::Set).arg("kit:\x1b[2J").arg("hunter2"));
        batch.push(Request::new(Verb::Info).arg("server"));
        batch.push(
            Request::new(Verb::XRead).arg("COUNT").arg(1).arg("STREAMS").arg("bull:pay:events").arg("$"),
        );
        let found = noted(&batch, None);
        let told = |verb, key: Option<&str>, count, failed| What::Commands {
            verb,
            script: None,
            key: key.map(Clean::line),
            count,
            took: Duration::from_millis(2),
            failed,
        };
        assert_eq!(
            found,
            [
                told(Verb::HGet, Some("bull:pay:1"), 2, true),
                told(Verb::Set, Some("kit:\x1b[2J"), 1, false),
                told(Verb::Info, None, 1, false),
                told(Verb::XRead, Some("bull:pay:events"), 1, false),
            ]
        );
        assert!(!format!("{found:?}").contains("hunter2"));
    }

    #[test]
    fn scripts_are_told_by_their_name() {
        let mut batch = Batch::new();
        batch.push(Request::new(Verb::Eval).arg("return 1 -- source").arg(1).arg("bull:pay:").arg("secret"));
        batch.push(Request::new(Verb::EvalSha).arg("3f0c").arg(1).arg("bull:pay:").arg("secret"));
        let found = noted(&batch, Some("remove"));
        let [What::Commands { verb: Verb::EvalSha, script: Some("remove"), key, count: 2, .. }] = &found[..]
        else {
            panic!("{found:?}");
        };
        assert_eq!(key.as_ref().map(Clean::as_str), Some("bull:pay:"));
        assert!(!format!("{found:?}").contains("secret") && !format!("{found:?}").contains("source"));
    }

    #[test]
    fn it_is_bounded_and_read_from_where_one_was() {
        let log = SentLog::default();
        for n in 0..KEPT + 10 {
            log.note_act(format!("toril retry email {n}"));
        }
        assert_eq!(log.after(0).len(), KEPT);
        assert_eq!(log.after(KEPT as u64 + 8).len(), 2);
        assert_eq!(log.after(u64::MAX).len(), 0);
    }
}
