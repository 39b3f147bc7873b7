//! What a command says on stderr: reports, and the reason if it fails.

use std::borrow::Cow;

use serde_json::value::{RawValue, to_raw_value};
use tokio::io::{AsyncRead, AsyncReadExt as _};

use crate::engine::JobContext;
use crate::text::{Clean, lossless};

/// Longest line that is kept; the rest of it is read and dropped.
const LINE_MAX: usize = 64 * 1024;
/// Bytes of stderr that a failed job keeps as its reason: the last ones.
const REASON_MAX: usize = 8 * 1024;

/// The end of what was said, but for reports.
#[derive(Debug, Default)]
pub struct Said {
    tail: Vec<u8>,
    cut: bool,
}

impl Said {
    fn add(&mut self, line: &[u8]) {
        self.tail.extend_from_slice(line);
        self.tail.push(b'\n');
        if self.tail.len() > 2 * REASON_MAX {
            self.tail.drain(..self.tail.len() - REASON_MAX);
            self.cut = true;
        }
    }

    /// As the reason of a failure; `None` where nothing was said.
    pub fn reason(&self) -> Option<String> {
        let from = self.tail.len().saturating_sub(REASON_MAX);
        let (mut tail, cut) = (&self.tail[from..], self.cut || from > 0);
        if cut {
            // Not from the middle of a line, unless it is the only one.
            let line = tail.iter().position(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            tail = if line < tail.len() { &tail[line..] } else { tail };
        }
        let text = lossless(tail.trim_ascii());
        match (text.is_empty(), cut) {
            (true, _) => None,
            (false, true) => Some(format!("[..] {text}")),
            (false, false) => Some(text.into_owned()),
        }
    }

    /// Its lines, for those who want to look on.
    pub fn lines(&self) -> Vec<Clean> {
        Clean::lines(&self.tail)
    }
}

/// A line of stderr.
#[derive(Debug, PartialEq)]
enum Line<'a> {
    Progress(&'a [u8]),
    Log(&'a [u8]),
    Other(&'a [u8]),
}

fn parse(line: &[u8]) -> Line<'_> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let after = |word: &[u8]| {
        let rest = line.strip_prefix(word)?;
        if rest.is_empty() { Some(rest) } else { rest.strip_prefix(b" ") }
    };
    match (after(b"::progress"), after(b"::log")) {
        (Some(value), _) if !value.trim_ascii().is_empty() => Line::Progress(value.trim_ascii()),
        (_, Some(text)) => Line::Log(text),
        _ => Line::Other(line),
    }
}

/// Progress is JSON, usually a number; other text is a string.
fn progress(value: &[u8]) -> Option<Box<RawValue>> {
    let text: Cow<'_, str> = lossless(value);
    RawValue::from_string(text.clone().into_owned()).or_else(|_| to_raw_value(&*text)).ok()
}

/// Reads stderr to its end and passes reports on, one after the other: a command that reports faster
/// than Redis takes it is held up by its pipe.
pub async fn follow(mut stderr: impl AsyncRead + Unpin, job: &JobContext, said: &mut Said) {
    let mut lines = Lines::default();
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let read = match stderr.read(&mut buffer).await {
            Ok(0) | Err(_) => break,
            Ok(read) => read,
        };
        let mut rest = &buffer[..read];
        while let Some(line) = lines.next(&mut rest) {
            pass_on(&line, job, said).await;
        }
    }
    if let Some(line) = lines.last() {
        pass_on(&line, job, said).await;
    }
}

async fn pass_on(line: &[u8], job: &JobContext, said: &mut Said) {
    let done = match parse(line) {
        Line::Progress(value) => match progress(value) {
            Some(value) => job.progress(&value).await.map(drop),
            None => Ok(()),
        },
        Line::Log(text) => job.log(text).await.map(drop),
        Line::Other(line) => {
            said.add(line);
            Ok(())
        }
    };
    if let Err(error) = done {
        tracing::warn!(job = %job.id().clean(), %error, "a report of the command is lost");
    }
}

/// Lines out of pieces.
#[derive(Default)]
struct Lines {
    begun: Vec<u8>,
}

impl Lines {
    /// The next whole line, cut to what is kept of one; takes from `piece` what it has used.
    fn next(&mut self, piece: &mut &[u8]) -> Option<Vec<u8>> {
        let end = piece.iter().position(|byte| *byte == b'\n');
        let part = &piece[..end.unwrap_or(piece.len())];
        let room = LINE_MAX - self.begun.len();
        self.begun.extend_from_slice(&part[..part.len().min(room)]);
        *piece = &piece[end.map_or(piece.len(), |at| at + 1)..];
        end.map(|_| std::mem::take(&mut self.begun))
    }

    fn last(&mut self) -> Option<Vec<u8>> {
        (!self.begun.is_empty()).then(|| std::mem::take(&mut self.begun))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_are_told_from_what_is_said() {
        assert_eq!(parse(b"::progress 40"), Line::Progress(b"40"));
        assert_eq!(parse(b"::progress  {\"done\":1} \r"), Line::Progress(b"{\"done\":1}"));
        assert_eq!(parse(b"::log  two spaces"), Line::Log(b" two spaces"));
        assert_eq!(parse(b"::log"), Line::Log(b""));
        for other in [&b"::progress"[..], b"::progress ", b"::progressed 4", b" ::log x", b"::logs", b""] {
            assert_eq!(parse(other), Line::Other(other));
        }
        let json = |value: &[u8]| progress(value).map(|value| value.get().to_owned());
        assert_eq!(json(b"40").as_deref(), Some("40"));
        assert_eq!(json(b"half way").as_deref(), Some("\"half way\""));
    }

    #[test]
    fn lines_come_out_of_any_pieces_and_are_bounded() {
        let text = b"one\n\ntwo\nthree";
        for size in 1..text.len() {
            let (mut lines, mut seen) = (Lines::default(), Vec::new());
            for mut piece in text.chunks(size) {
                while let Some(line) = lines.next(&mut piece) {
                    seen.push(line);
                }
            }
            seen.extend(lines.last());
            assert_eq!(seen, [&b"one"[..], b"", b"two", b"three"]);
        }
        let mut lines = Lines::default();
        let long = vec![b'x'; LINE_MAX + 5];
        assert_eq!(lines.next(&mut &long[..]), None);
        assert_eq!(lines.next(&mut &b"yy\nz"[..]).map(|line| line.len()), Some(LINE_MAX));
    }

    #[test]
    fn the_reason_is_the_end_of_what_was_said() {
        let mut said = Said::default();
        assert_eq!(said.reason(), None);
        said.add(b"");
        assert_eq!(said.reason(), None);
        said.add(b"cannot reach the host");
        assert_eq!(said.reason().as_deref(), Some("cannot reach the host"));
        for n in 0..100_000 {
            said.add(format!("line {n}").as_bytes());
            assert!(said.tail.len() <= 2 * REASON_MAX);
        }
        let reason = said.reason().unwrap_or_default();
        assert!(reason.starts_with("[..] line ") && reason.ends_with("\nline 99999"), "{reason}");
        assert!(reason.len() <= REASON_MAX + 5);
    }
}
