//! Replies as they came: for walks that read a hundred thousand jobs a second and look at few of them.

use super::resp::{line_of, number};
use super::{ConnError, Value};

/// Capacity that the buffer keeps from one batch to the next.
const KEEP: usize = 1 << 20;

/// The replies to a batch, one behind the other, as they stood on the wire (RESP2).
///
/// The whole is one stretch of bytes ([`RawReplies::bytes`]), so that a text can be looked for in all
/// of them at once; between the values stand the lengths and line ends of the protocol.
#[derive(Clone, Debug, Default)]
pub struct RawReplies {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl RawReplies {
    /// How many replies there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// All of them.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The reply to the command at this place.
    pub fn get(&self, at: usize) -> Option<RawReply<'_>> {
        let start = self.start(at)?;
        self.bytes.get(start..*self.ends.get(at)?).map(RawReply)
    }

    /// Where the reply at this place begins in [`RawReplies::bytes`].
    pub fn start(&self, at: usize) -> Option<usize> {
        if at == 0 { Some(0) } else { self.ends.get(at - 1).copied() }
    }

    /// The last one.
    pub(super) fn last(&self) -> Option<RawReply<'_>> {
        self.get(self.len().checked_sub(1)?)
    }

    pub(super) fn clear(&mut self) {
        self.ends.clear();
        self.bytes.clear();
        if self.bytes.capacity() > KEEP {
            self.bytes = Vec::new();
        }
    }

    pub(super) fn push(&mut self, frame: &[u8]) {
        self.bytes.extend_from_slice(frame);
        self.ends.push(self.bytes.len());
    }

    /// Adds a reply whose value is known: an error is kept in its scrubbed form.
    pub(super) fn push_value(&mut self, value: &Value, frame: &[u8]) {
        match value {
            Value::ServerError(error) => {
                let line = format!("-{} {}", error.code(), error.details().unwrap_or_default());
                self.bytes.extend(line.bytes().map(|byte| if byte < b' ' { b' ' } else { byte }));
                self.bytes.extend_from_slice(b"\r\n");
                self.ends.push(self.bytes.len());
            }
            _ => self.push(frame),
        }
    }
}

/// One reply. Another type than the one asked for is `None` or empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawReply<'a>(&'a [u8]);

impl<'a> RawReply<'a> {
    /// As it stood on the wire.
    pub fn frame(self) -> &'a [u8] {
        self.0
    }

    /// A string.
    pub fn bytes(self) -> Option<&'a [u8]> {
        let mut rest = self.0;
        bulk(&mut rest).flatten()
    }

    /// An integer.
    pub fn integer(self) -> Option<i64> {
        number(line_of(self.0)?.strip_prefix(b":")?)
    }

    /// The strings of an array; what is no string in it is `None`.
    pub fn items(self) -> Items<'a> {
        let count = line_of(self.0)
            .and_then(|line| Some((number(line.strip_prefix(b"*")?)?, self.0.get(line.len() + 2..)?)))
            .and_then(|(count, rest)| Some((usize::try_from(count).ok()?, rest)));
        let (left, rest) = count.unwrap_or((0, &[]));
        Items { left, rest }
    }

    /// What the server refused.
    pub fn error(self) -> Option<ConnError> {
        if !self.0.starts_with(b"-") {
            return None;
        }
        match redis::parse_redis_value(self.0) {
            Ok(Value::ServerError(error)) => Some(ConnError::from_server(&error)),
            _ => Some(ConnError::new(super::Kind::Reply, "the server refused the command", "")),
        }
    }
}

/// The strings of an array reply; see [`RawReply::items`].
#[derive(Clone, Debug)]
pub struct Items<'a> {
    left: usize,
    rest: &'a [u8],
}

impl<'a> Iterator for Items<'a> {
    type Item = Option<&'a [u8]>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let item = bulk(&mut self.rest);
        if item.is_none() {
            // Not a string: what comes after it cannot be told.
            self.left = 0;
        }
        Some(item.flatten())
    }
}

/// Takes a string off the front; `Some(None)` is nil.
#[expect(clippy::option_option, reason = "no string, nil, and a string are three things")]
fn bulk<'a>(rest: &mut &'a [u8]) -> Option<Option<&'a [u8]>> {
    let line = line_of(rest)?;
    let length = number(line.strip_prefix(b"$")?)?;
    let after = rest.get(line.len() + 2..)?;
    let Ok(length) = usize::try_from(length) else {
        *rest = after;
        return Some(None);
    };
    let (value, after) = after.split_at_checked(length)?;
    *rest = after.get(2..)?;
    Some(Some(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_are_read_where_they_stand() {
        let mut replies = RawReplies::default();
        for frame in [&b"*3\r\n$2\r\na\n\r\n$-1\r\n$0\r\n\r\n"[..], b":42\r\n", b"$1\r\nx\r\n", b"$-1\r\n"] {
            replies.push(frame);
        }
        let reply = |at| replies.get(at).unwrap();
        assert_eq!(reply(0).items().collect::<Vec<_>>(), [Some(&b"a\n"[..]), None, Some(b"")]);
        assert_eq!(
            (reply(1).integer(), reply(2).bytes(), reply(3).bytes()),
            (Some(42), Some(&b"x"[..]), None)
        );
        assert_eq!((reply(0).integer(), reply(1).bytes(), reply(2).items().count()), (None, None, 0));
        assert_eq!(replies.get(4), None);
        assert_eq!((replies.start(0), replies.start(1)), (Some(0), Some(reply(0).frame().len())));
    }

    #[test]
    fn a_refusal_is_known_as_what_it_is() {
        let mut replies = RawReplies::default();
        let value = redis::parse_redis_value(b"-WRONGTYPE of a key\r\n").unwrap();
        replies.push_value(&value, b"-WRONGTYPE of a key\r\n");
        let error = replies.get(0).unwrap().error().unwrap();
        assert!(error.message.as_str().contains("WRONGTYPE"), "{error:?}");
        assert!(replies.last().is_some());
    }

    proptest::proptest! {
        #[test]
        fn never_panics(bytes: Vec<u8>) {
            let reply = RawReply(&bytes);
            let _ = (reply.bytes(), reply.integer(), reply.error());
            let _ = reply.items().take(100).count();
        }
    }
}
