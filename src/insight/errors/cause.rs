//! From what a failed job holds to its cause.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use sha2::{Digest as _, Sha256};

use super::frame::Frame;
use super::pattern::{Pattern, head, pattern};
use super::stack;
use crate::engine::read::failures::Field;
use crate::text::Clean;

/// Bytes of a reason that are looked at.
const REASON: usize = 64 << 10;
/// Letters and digits that are not taken for one another.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// The name of a group: the same for the same cause in every run, on every host and in every version of this
/// program that reads messages as this one does. Eight letters and digits: `7f3k9q2m`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct GroupId(u64);

impl fmt::Display for GroupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for place in (0..8).rev() {
            let digit = (self.0 >> (place * 5) & 31) as usize;
            write!(f, "{}", char::from(ALPHABET[digit]))?;
        }
        Ok(())
    }
}

/// The text is no [`GroupId`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a group is named by eight letters and digits, as `toril errors` lists it")]
pub struct NoGroupId;

impl FromStr for GroupId {
    type Err = NoGroupId;

    fn from_str(text: &str) -> Result<Self, NoGroupId> {
        if text.len() != 8 {
            return Err(NoGroupId);
        }
        let digit = |byte: u8| ALPHABET.iter().position(|digit| *digit == byte.to_ascii_lowercase());
        text.bytes().try_fold(0, |id, byte| Ok(id << 5 | digit(byte).ok_or(NoGroupId)? as u64)).map(Self)
    }
}

impl<'a> Field<'a> {
    fn text(self, most: usize) -> Cow<'a, str> {
        match self {
            Self::Value(bytes) => String::from_utf8_lossy(&bytes[..bytes.len().min(most)]),
            Self::Absent | Self::Large => Cow::Borrowed(""),
        }
    }
}

/// Why jobs failed: what all jobs of a group have in common.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cause {
    /// Its name.
    pub id: GroupId,
    /// The message, values replaced by their kinds: `TypeError: no price for <n>`.
    pub message: Clean,
    /// The first frame of one's own code (of a library, where there is none): `charge (src/payments/charge.ts)`.
    pub frame: Option<Clean>,
    /// The frame is a library's.
    pub foreign: bool,
}

/// The cause of a failure: `reason` is the hash field `failedReason` (plain text), `stack` the field
/// `stacktrace` (a JSON array of strings, one an attempt, oldest first; spec 1.4).
///
/// The message counts without its values, with the kind of the error; the stack is that of the last attempt.
pub fn cause(reason: Field<'_>, stack: Field<'_>) -> Cause {
    let reason_text = reason.text(REASON);
    let stack_text = last_entry(stack);
    // The output of a program that failed (`toril work`) holds its stack.
    let told = stack::read(&reason_text);
    let traced = stack::read(&stack_text);
    let message = if told.head.is_empty() { reason_text.trim() } else { told.head };
    let kind = if message.is_empty() { "" } else { kind(traced.head, message) };
    let (text, note) = match (message.is_empty(), reason) {
        (false, _) => (message, ""),
        (true, Field::Large) => ("", "(a message too large to be read)"),
        (true, _) if traced.head.is_empty() => ("", "(no message)"),
        (true, _) => (traced.head, ""),
    };
    let Pattern { shown, key } = pattern(text);
    let frame = match (traced.frame, told.frame) {
        (Some(frame), Some(other)) if frame.foreign && !other.foreign => Some(other),
        (frame, other) => frame.or(other),
    };
    let titled = match kind {
        "" => shown,
        kind if shown.is_empty() => kind.to_owned(),
        kind => format!("{kind}: {shown}"),
    };
    let message = Clean::line(if titled.is_empty() { note } else { titled.as_str() });
    let id = name(&[kind, &key, note], frame.as_ref(), stack == Field::Large);
    let foreign = frame.as_ref().is_some_and(|frame| frame.foreign);
    Cause { id, message, frame: frame.map(|frame| Clean::line(frame.words())), foreign }
}

fn name(parts: &[&str], frame: Option<&Frame>, unread: bool) -> GroupId {
    let mut hash = Sha256::new();
    let mut add = |part: &str| {
        hash.update(part.as_bytes());
        hash.update([0]);
    };
    for part in parts {
        add(part);
    }
    match frame {
        Some(frame) => {
            for part in [&frame.function, &frame.file, &frame.place] {
                add(part);
            }
            add(if frame.foreign { "library" } else { "own" });
        }
        None if unread => add("unread"),
        None => {}
    }
    let hash = hash.finalize();
    let bits = hash.iter().take(5).fold(0, |bits, byte| bits << 8 | u64::from(*byte));
    GroupId(bits)
}

/// The kind of the error (`TypeError`, `Error [ERR_X]`), which stands before the message in a stack only;
/// nothing where it says no more than that there was an error.
fn kind<'a>(head: &'a str, message: &str) -> &'a str {
    let first = message.lines().next().unwrap_or_default();
    let before = match head.find(first).filter(|_| !first.is_empty()) {
        Some(at) => head[..at].trim_end().trim_end_matches(':'),
        None => head.split(':').next().unwrap_or_default().trim(),
    };
    let made_of = |c: char| c.is_ascii_alphanumeric() || "_$.[] ".contains(c);
    let is_kind = before.len() <= 80
        && before.chars().all(made_of)
        && before.split(' ').count() <= 2
        && before.starts_with(|c: char| c.is_ascii_alphabetic());
    if is_kind && before != "Error" && !message.starts_with(before) { before } else { "" }
}

/// The newest stack of a JSON array of them. The last string is looked for from the end, so that the others
/// are not read.
fn last_entry(stack: Field<'_>) -> Cow<'_, str> {
    let Field::Value(raw) = stack else { return Cow::Borrowed("") };
    let inner = raw
        .trim_ascii()
        .strip_suffix(b"]")
        .map(<[u8]>::trim_ascii_end)
        .and_then(|raw| raw.strip_suffix(b"\""));
    let Some(inner) = inner else {
        // No list: what stands there may be a stack all the same. An empty list is none.
        let text = raw.trim_ascii();
        return if text.starts_with(b"[") { Cow::Borrowed("") } else { String::from_utf8_lossy(text) };
    };
    let mut begin = inner.len();
    while let Some(quote) = inner[..begin].iter().rposition(|byte| *byte == b'"') {
        let slashes = inner[..quote].iter().rev().take_while(|byte| **byte == b'\\').count();
        if slashes % 2 == 0 {
            return Cow::Owned(unescaped(&inner[quote + 1..]));
        }
        begin = quote;
    }
    Cow::Borrowed("")
}

/// The text of a JSON string without its quotes. What is no JSON stands as it is.
fn unescaped(raw: &[u8]) -> String {
    let text = String::from_utf8_lossy(raw);
    let text = head(&text, REASON);
    let whole = |text: &str| serde_json::from_str::<String>(&format!("\"{text}\"")).ok();
    // Where the text was cut, an escape may have been cut, too.
    let cut = text.rfind('\\').filter(|at| text.len() - at < 12).map_or(text, |at| &text[..at]);
    whole(text).or_else(|| whole(cut)).unwrap_or_else(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(reason: &str, stack: &str) -> Cause {
        let stacks = serde_json::to_vec(&[stack]).unwrap();
        cause(Field::Value(reason.as_bytes()), Field::Value(&stacks))
    }

    const NODE: &str = "TypeError: no price for 17
    at Gateway.connect (/app/node_modules/gateway/index.js:88:11)
    at async charge (/srv/releases/17/src/payments/charge.ts:41:22)
    at async Worker.processJob (/srv/releases/17/node_modules/bullmq/dist/cjs/classes/worker.js:504:28)";

    #[test]
    fn a_cause_is_a_message_and_a_frame() {
        let cause = of("no price for 17", NODE);
        assert_eq!(cause.message.as_str(), "TypeError: no price for <n>");
        assert_eq!(cause.frame.as_ref().unwrap().as_str(), "charge (src/payments/charge.ts)");
        let later =
            NODE.replace("releases/17", "releases/18").replace(":41:22", ":43:2").replace("for 17", "for 99");
        assert_eq!(of("no price for 99", &later), cause);
        let elsewhere = NODE.replace("charge (", "refund (");
        assert_ne!(of("no price for 17", &elsewhere).id, cause.id);
        let kind = NODE.replace("TypeError", "RangeError");
        assert_ne!(of("no price for 17", &kind).id, cause.id);
    }

    #[test]
    fn the_last_attempt_counts() {
        let stacks = serde_json::to_vec(&["Error: a\n    at f (/app/src/a.js:1:1)", NODE]).unwrap();
        assert_eq!(
            cause(Field::Value(b"no price for 17"), Field::Value(&stacks)),
            of("no price for 17", NODE)
        );
        for none in ["[]", "", "null", "[\"\"]"] {
            assert_eq!(cause(Field::Value(b"x"), Field::Value(none.as_bytes())).frame, None, "{none}");
        }
        let escaped = serde_json::to_vec(&["Error: say \"no\" \\\n    at f (/app/src/a.js:1:1)"]).unwrap();
        let cause = cause(Field::Value(b"say \"no\" \\"), Field::Value(&escaped));
        assert_eq!(cause.frame.unwrap().as_str(), "f (src/a.js)");
    }

    #[test]
    fn libraries_are_named_where_no_frame_is_ones_own() {
        let stack = "Error: timeout exceeded when trying to connect
    at /app/node_modules/pg-pool/index.js:45:11
    at process.processTicksAndRejections (node:internal/process/task_queues:95:5)";
        let cause = of("timeout exceeded when trying to connect", stack);
        assert_eq!(cause.frame.as_ref().unwrap().as_str(), "pg-pool");
        assert!(cause.foreign);
        let other = of("timeout exceeded when trying to connect", &stack.replace("pg-pool", "ioredis"));
        assert_ne!(other.id, cause.id);
    }

    #[test]
    fn what_is_missing_is_said() {
        let message = |reason, stack| cause(reason, stack).message.as_str().to_owned();
        assert_eq!(message(Field::Absent, Field::Absent), "(no message)");
        assert_eq!(message(Field::Large, Field::Absent), "(a message too large to be read)");
        assert_eq!(
            of("", "AggregateError [ECONNREFUSED]: \n    at internalConnectMultiple (node:net:1114:18)")
                .message
                .as_str(),
            "AggregateError [ECONNREFUSED]:"
        );
        assert_ne!(cause(Field::Value(b"x"), Field::Large).id, cause(Field::Value(b"x"), Field::Absent).id);
    }

    #[test]
    fn names_are_read_back() {
        for text in ["no price", "x", "ä"] {
            let id = of(text, "").id;
            assert_eq!(id.to_string().parse(), Ok(id));
            assert_eq!(id.to_string().to_uppercase().parse(), Ok(id));
        }
        assert_eq!("7f3".parse::<GroupId>(), Err(NoGroupId));
        assert_eq!("7f3k9q2!".parse::<GroupId>(), Err(NoGroupId));
        // Scripts and journals hold these names: they must not change unnoticed.
        assert_eq!(of("no price for 17", NODE).id.to_string(), "4achcgac");
    }
}
