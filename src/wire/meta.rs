//! The `meta` hash of a queue (spec 1.5).

use super::Raw;

/// What a queue says about itself. Every field may be missing; Bull writes `paused` alone.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Meta {
    /// `paused` exists: its value does not matter.
    pub paused: bool,
    /// `concurrency`: jobs that may run at once, over all workers.
    pub concurrency: Option<u64>,
    /// `max`: jobs that may start per `duration`.
    pub max: Option<u64>,
    /// `duration`, ms.
    pub duration: Option<u64>,
    /// `version` (`bullmq:6.7.0`): of the last `Queue` object constructed, not of the workers.
    pub version: Option<Raw>,
    /// `library`: what the official Rust port writes instead of `version`.
    pub library: Option<Raw>,
    /// `opts.maxLenEvents`: about how many events the stream keeps.
    pub max_len_events: Option<u64>,
}

impl Meta {
    /// The fields, in the order in which [`Meta::decode`] wants their values.
    pub const FIELDS: [&'static str; 7] =
        ["paused", "concurrency", "max", "duration", "version", "library", "opts.maxLenEvents"];

    /// Decodes the answer of an `HMGET` of [`Meta::FIELDS`]; missing values are `None`.
    pub fn decode(values: &[Option<&[u8]>]) -> Self {
        let value = |index: usize| values.get(index).copied().flatten();
        Self {
            paused: value(0).is_some(),
            concurrency: number(value(1)),
            max: number(value(2)),
            duration: number(value(3)),
            version: value(4).map(Raw::new),
            library: value(5).map(Raw::new),
            max_len_events: number(value(6)),
        }
    }

    /// Whether none of the fields is there: no such hash, or not one of a queue.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The library and version that `version` names: `("bullmq", [6, 7, 0])`.
    pub fn semver(&self) -> Option<(&str, [u32; 3])> {
        let text = std::str::from_utf8(self.version.as_ref()?.as_bytes()).ok()?;
        let (library, version) = text.rsplit_once(':')?;
        let version = version.split(['-', '+']).next()?;
        let mut parts = version.split('.').map(|part| part.parse().ok());
        let semver =
            [parts.next()??, parts.next().flatten().unwrap_or(0), parts.next().flatten().unwrap_or(0)];
        Some((library, semver))
    }
}

fn number(value: Option<&[u8]>) -> Option<u64> {
    std::str::from_utf8(value?).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_hash_decodes() {
        let meta = Meta::decode(&[
            Some(b"1"),
            Some(b"5"),
            Some(b"100"),
            Some(b"1000"),
            Some(b"bullmq:6.7.0"),
            None,
            Some(b"10000"),
        ]);
        assert!(meta.paused);
        assert_eq!((meta.concurrency, meta.max, meta.duration), (Some(5), Some(100), Some(1000)));
        assert_eq!(meta.semver(), Some(("bullmq", [6, 7, 0])));
        assert_eq!(meta.max_len_events, Some(10_000));
    }

    #[test]
    fn nothing_and_nonsense_do_not_hurt() {
        assert!(Meta::decode(&[]).is_empty());
        let meta = Meta::decode(&[None, Some(b"many"), Some(b"-1"), None, Some(b"\xff:1"), None, None]);
        assert_eq!((meta.concurrency, meta.max, meta.semver()), (None, None, None));
        let meta = Meta::decode(&[None, None, None, None, Some(b"bullmq-pro:7.1.0-beta.1"), None, None]);
        assert_eq!(meta.semver(), Some(("bullmq-pro", [7, 1, 0])));
    }
}
