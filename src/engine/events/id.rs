//! Places in a stream.

use std::fmt;
use std::str::FromStr;

/// The id of an entry of a queue's event stream, `<ms>-<sequence>`: the server's time when the entry
/// was appended, and its number within that millisecond. Ids grow along the stream, so one is also
/// a cursor: keep that of the last event you are done with, and go on behind it
/// ([`StartAt::After`](super::StartAt::After)) after a restart.
///
/// Node's `lastEventId` has the same form.
///
/// ```
/// use toril::engine::events::StreamId;
///
/// let id: StreamId = "1795150144737-3".parse()?;
/// assert_eq!((id.ms, id.seq), (1_795_150_144_737, 3));
/// assert!(id < "1795150144738-0".parse()?);
/// assert_eq!(id.to_string(), "1795150144737-3");
/// # Ok::<(), toril::engine::events::BadStreamId>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct StreamId {
    /// The server's time, ms since the epoch.
    pub ms: u64,
    /// The number within the millisecond, from 0.
    pub seq: u64,
}

/// What was given is no id of a stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("an id of a stream looks like 1795150144737-3")]
pub struct BadStreamId;

impl StreamId {
    /// Before every entry.
    pub const ZERO: Self = Self { ms: 0, seq: 0 };

    /// Reads `<ms>-<sequence>`, and `<ms>` alone as its first.
    pub fn parse(id: &[u8]) -> Option<Self> {
        let id = std::str::from_utf8(id).ok()?;
        let (ms, seq) = id.split_once('-').unwrap_or((id, "0"));
        Some(Self { ms: ms.parse().ok()?, seq: seq.parse().ok()? })
    }

    /// The first id behind this one.
    pub(super) fn next(self) -> Self {
        match self.seq.checked_add(1) {
            Some(seq) => Self { ms: self.ms, seq },
            None => Self { ms: self.ms.saturating_add(1), seq: 0 },
        }
    }

    /// The last id before this one; that of [`StreamId::ZERO`] is itself.
    pub(super) fn before(self) -> Self {
        match (self.ms, self.seq) {
            (0, 0) => self,
            (ms, 0) => Self { ms: ms - 1, seq: u64::MAX },
            (ms, seq) => Self { ms, seq: seq - 1 },
        }
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.ms, self.seq)
    }
}

impl FromStr for StreamId {
    type Err = BadStreamId;

    fn from_str(text: &str) -> Result<Self, BadStreamId> {
        Self::parse(text.as_bytes()).ok_or(BadStreamId)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_ordered_as_numbers_and_have_neighbours() {
        let id = |text: &str| text.parse::<StreamId>().unwrap();
        assert!(id("9-5") < id("10-0") && id("10-9") < id("10-10"));
        assert_eq!(id("7"), id("7-0"));
        assert_eq!(id("7-3").next(), id("7-4"));
        assert_eq!(id("7-18446744073709551615").next(), id("8-0"));
        assert_eq!(id("8-0").before(), id("7-18446744073709551615"));
        assert_eq!(id("7-4").before(), id("7-3"));
        assert_eq!(StreamId::ZERO.before(), StreamId::ZERO);
        for bad in ["", "$", "7-", "-1-0", "7-3-1", "a-0"] {
            assert_eq!(bad.parse::<StreamId>(), Err(BadStreamId), "{bad}");
        }
    }
}
