//! RESP2 replies out of a stream of bytes, with bounds.
//!
//! The protocol is asked for with `HELLO 2`, so five types can come. A reply is first measured and
//! then built: what is announced larger than the cap is refused before it is read, and an
//! unfinished reply is never parsed twice.

use redis::Value;

use super::Secret;

/// Longest line (a status, an error, a length) that is waited for.
const LINE_MAX: usize = 64 * 1024;
/// Deepest nesting; Redis itself needs five.
const DEPTH_MAX: usize = 32;
/// Most values that one reply may still announce.
const VALUES_MAX: u64 = 16 * 1024 * 1024;
/// Capacity that the buffer keeps between replies.
const KEEP: usize = 64 * 1024;

/// Why the stream cannot be read on.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Bad {
    /// Not the protocol; what was seen, cut.
    Garbage(Vec<u8>),
    /// A reply is larger than `cap` bytes.
    TooBig {
        /// The cap.
        cap: usize,
    },
}

/// Takes bytes in and gives replies out.
#[derive(Debug)]
pub(super) struct Decoder {
    buffer: Vec<u8>,
    /// Where the next reply starts.
    start: usize,
    /// How far that reply has been measured.
    seen: usize,
    /// Values of that reply that have not been measured; 0 is "all".
    open: u64,
    secret: Option<Secret>,
}

impl Decoder {
    /// Error texts pass the scrubber of `secret`: a hostile server could echo a login.
    pub(super) fn new(secret: Option<Secret>) -> Self {
        Self { buffer: Vec::new(), start: 0, seen: 0, open: 1, secret }
    }

    /// The buffer to append bytes to.
    pub(super) fn space(&mut self) -> &mut Vec<u8> {
        if self.start > 0 {
            self.buffer.drain(..self.start);
            self.seen -= self.start;
            self.start = 0;
            if self.buffer.is_empty() && self.buffer.capacity() > 4 * KEEP {
                self.buffer = Vec::with_capacity(KEEP);
            }
        }
        self.buffer.reserve(16 * 1024);
        &mut self.buffer
    }

    /// The next whole reply and its size on the wire; `None` when bytes are missing.
    #[cfg(test)]
    fn next(&mut self, cap: usize) -> Result<Option<(Value, usize)>, Bad> {
        if !self.whole(cap)? {
            return Ok(None);
        }
        let (value, size) = (self.value()?, self.frame().len());
        self.step();
        Ok(Some((value, size)))
    }

    /// Whether the next reply is there, whole; `false` when bytes are missing.
    pub(super) fn whole(&mut self, cap: usize) -> Result<bool, Bad> {
        while self.open > 0 {
            if !self.measure(cap)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The bytes of a reply that is whole.
    pub(super) fn frame(&self) -> &[u8] {
        self.buffer.get(self.start..self.seen).unwrap_or_default()
    }

    /// The value of a reply that is whole.
    pub(super) fn value(&self) -> Result<Value, Bad> {
        let mut reader = Reader { rest: self.frame(), secret: self.secret.as_ref() };
        reader.value(0).ok_or_else(|| self.garbage())
    }

    /// Goes on to the reply after a whole one.
    pub(super) fn step(&mut self) {
        self.start = self.seen;
        self.open = 1;
    }

    /// Measures one more value; `false` when bytes are missing.
    fn measure(&mut self, cap: usize) -> Result<bool, Bad> {
        let rest = self.buffer.get(self.seen..).unwrap_or_default();
        let Some(line) = line_of(rest) else {
            return if rest.len() > LINE_MAX || !could_start(rest) { Err(self.garbage()) } else { Ok(false) };
        };
        let after = line.len() + 2;
        let mut end = after;
        let mut more: u64 = 0;
        match line.first() {
            Some(b'+' | b'-' | b':') => {}
            Some(b'$') => {
                if let Some(length) = self.length(line)? {
                    end = after.saturating_add(length).saturating_add(2);
                }
            }
            Some(b'*') => more = self.length(line)?.unwrap_or(0) as u64,
            _ => return Err(self.garbage()),
        }
        let size = self.seen.saturating_add(end) - self.start;
        if size > cap || self.open.saturating_add(more) > VALUES_MAX {
            return Err(Bad::TooBig { cap });
        }
        if rest.len() < end {
            return Ok(false);
        }
        self.seen += end;
        self.open = self.open - 1 + more;
        Ok(true)
    }

    /// The number after the type; `None` for -1 (nil).
    fn length(&self, line: &[u8]) -> Result<Option<usize>, Bad> {
        match number(line.get(1..).unwrap_or_default()) {
            Some(-1) => Ok(None),
            Some(length) => usize::try_from(length).map(Some).map_err(|_| self.garbage()),
            None => Err(self.garbage()),
        }
    }

    /// The first line of what stands there now, for the error.
    fn garbage(&self) -> Bad {
        let rest = self.buffer.get(self.start..).unwrap_or_default();
        let cut = rest.iter().position(|&b| b == b'\n').unwrap_or(rest.len()).min(80);
        Bad::Garbage(rest.get(..cut).unwrap_or_default().trim_ascii_end().to_vec())
    }
}

/// Whether the first byte is that of a reply; nothing yet may become one.
fn could_start(rest: &[u8]) -> bool {
    rest.first().is_none_or(|b| b"+-:$*".contains(b))
}

/// The line at the start, without its end.
pub(super) fn line_of(bytes: &[u8]) -> Option<&[u8]> {
    let end = bytes.iter().take(LINE_MAX).position(|&b| b == b'\n')?;
    bytes.get(..end)?.strip_suffix(b"\r")
}

pub(super) fn number(digits: &[u8]) -> Option<i64> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// Builds a value out of a measured reply.
struct Reader<'a> {
    rest: &'a [u8],
    secret: Option<&'a Secret>,
}

impl<'a> Reader<'a> {
    fn value(&mut self, depth: usize) -> Option<Value> {
        if depth > DEPTH_MAX {
            return None;
        }
        let line = line_of(self.rest)?;
        self.take(line.len() + 2)?;
        let (kind, text) = line.split_first()?;
        match kind {
            b'+' if text == b"OK" => Some(Value::Okay),
            b'+' => Some(Value::SimpleString(String::from_utf8_lossy(text).into_owned())),
            b'-' => Some(self.error(text)),
            b':' => number(text).map(Value::Int),
            b'$' => match number(text)? {
                -1 => Some(Value::Nil),
                length => {
                    let bytes = self.take(usize::try_from(length).ok()?)?.to_vec();
                    (self.take(2)? == b"\r\n").then_some(Value::BulkString(bytes))
                }
            },
            b'*' => match number(text)? {
                -1 => Some(Value::Nil),
                length => {
                    let length = usize::try_from(length).ok()?;
                    // The measuring pass saw every one of them, so the announced length is true.
                    let mut items = Vec::with_capacity(length);
                    for _ in 0..length {
                        items.push(self.value(depth + 1)?);
                    }
                    Some(Value::Array(items))
                }
            },
            _ => None,
        }
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(head)
    }

    fn error(&self, text: &[u8]) -> Value {
        let text = String::from_utf8_lossy(text);
        let text = self.secret.map_or_else(|| text.to_string(), |secret| secret.scrub(&text));
        // Only the client crate can make its error type.
        redis::parse_redis_value(format!("-{text}\r\n").as_bytes())
            .unwrap_or_else(|_| Value::SimpleString(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAP: usize = 1024;

    fn feed(decoder: &mut Decoder, bytes: &[u8]) {
        decoder.space().extend_from_slice(bytes);
    }

    fn all(bytes: &[u8]) -> Vec<Value> {
        let mut decoder = Decoder::new(None);
        feed(&mut decoder, bytes);
        let mut found = Vec::new();
        while let Some((value, _)) = decoder.next(CAP).unwrap() {
            found.push(value);
        }
        found
    }

    #[test]
    fn reads_every_type() {
        let values = all(b"+OK\r\n+PONG\r\n:-7\r\n$3\r\na\nb\r\n$-1\r\n*-1\r\n*2\r\n:1\r\n*0\r\n$0\r\n\r\n");
        assert_eq!(
            values,
            [
                Value::Okay,
                Value::SimpleString("PONG".into()),
                Value::Int(-7),
                Value::BulkString(b"a\nb".to_vec()),
                Value::Nil,
                Value::Nil,
                Value::Array(vec![Value::Int(1), Value::Array(vec![])]),
                Value::BulkString(vec![]),
            ]
        );
        assert!(matches!(&all(b"-WRONGTYPE no\r\n")[0], Value::ServerError(e) if e.code() == "WRONGTYPE"));
    }

    #[test]
    fn waits_for_the_rest_whatever_the_cut() {
        let bytes = b"*3\r\n$5\r\nhello\r\n*1\r\n:42\r\n-ERR x\r\n+OK\r\n";
        let whole = all(bytes);
        for cut in 0..bytes.len() {
            let mut decoder = Decoder::new(None);
            let mut found = Vec::new();
            for part in [&bytes[..cut], &bytes[cut..]] {
                feed(&mut decoder, part);
                while let Some((value, _)) = decoder.next(CAP).unwrap() {
                    found.push(value);
                }
            }
            assert_eq!(format!("{found:?}"), format!("{whole:?}"), "cut at {cut}");
        }
    }

    #[test]
    fn says_the_size_on_the_wire() {
        let mut decoder = Decoder::new(None);
        feed(&mut decoder, b"$3\r\nabc\r\n+OK\r\n");
        assert_eq!(decoder.next(CAP).unwrap().unwrap().1, 9);
        assert_eq!(decoder.next(CAP).unwrap().unwrap().1, 5);
    }

    #[test]
    fn refuses_big_replies_before_they_come() {
        let mut decoder = Decoder::new(None);
        feed(&mut decoder, b"$104857600\r\n");
        assert_eq!(decoder.next(CAP), Err(Bad::TooBig { cap: CAP }));
        let mut decoder = Decoder::new(None);
        feed(&mut decoder, b"*2000000000\r\n");
        assert_eq!(decoder.next(CAP), Err(Bad::TooBig { cap: CAP }));
    }

    #[test]
    fn names_what_is_not_redis() {
        for (bytes, seen) in [
            (&b"HTTP/1.1 400 Bad Request\r\nServer: x\r\n\r\n"[..], &b"HTTP/1.1 400 Bad Request"[..]),
            (b"\x15\x03\x01", b"\x15\x03\x01"),
            (b"$abc\r\n", b"$abc"),
            (b"$3\r\nabcXY", b"$3"),
        ] {
            let mut decoder = Decoder::new(None);
            feed(&mut decoder, bytes);
            assert_eq!(decoder.next(CAP), Err(Bad::Garbage(seen.to_vec())));
        }
    }

    #[test]
    fn deep_nesting_is_garbage_not_a_stack_overflow() {
        let mut decoder = Decoder::new(None);
        feed(&mut decoder, "*1\r\n".repeat(200).as_bytes());
        feed(&mut decoder, b":1\r\n");
        assert!(matches!(decoder.next(CAP), Err(Bad::Garbage(_))));
    }

    #[test]
    fn scrubs_an_echoed_password() {
        let mut decoder = Decoder::new(Some(Secret::new("hunter2!".into())));
        feed(&mut decoder, b"-ERR no hunter2! nor hunter2%21\r\n");
        let (value, _) = decoder.next(CAP).unwrap().unwrap();
        assert!(!format!("{value:?}").contains("hunter2"));
    }

    proptest::proptest! {
        #[test]
        fn never_panics(bytes: Vec<u8>, cut in 0_usize..64) {
            let mut decoder = Decoder::new(None);
            let cut = cut.min(bytes.len());
            feed(&mut decoder, &bytes[..cut]);
            let _ = decoder.next(CAP);
            feed(&mut decoder, &bytes[cut..]);
            while let Ok(Some(_)) = decoder.next(CAP) {}
        }
    }
}
