//! Entries of the `repeat` set and the jobs they make (spec 3.8).

use super::number;

/// What a legacy repeatable's key says (Bull, and BullMQ up to 5.9):
/// `name:jobId:endDateMs:tz:cron`, or with the number of `every` at the end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LegacyKey<'a> {
    /// Name of the jobs.
    pub name: &'a [u8],
    /// Custom id, if any.
    pub id: &'a [u8],
    /// When it ends, ms.
    pub end_at: Option<i64>,
    /// Time zone.
    pub zone: &'a [u8],
    /// A cron pattern, or the ms of `every`.
    pub pattern: &'a [u8],
}

impl<'a> LegacyKey<'a> {
    /// Reads a member of `repeat`; `None` where it is not of that shape. A custom id or a name
    /// with colons reads wrongly, in the libraries too.
    pub fn parse(member: &'a [u8]) -> Option<Self> {
        let mut parts = member.split(|byte| *byte == b':');
        let (name, id, end) = (parts.next()?, parts.next()?, parts.next()?);
        let rest: Vec<&[u8]> = parts.collect();
        let (zone, pattern) = match rest.as_slice() {
            // Bull leaves the zone out of `every`.
            [every] => (&[][..], *every),
            [zone, pattern] => (*zone, *pattern),
            _ => return None,
        };
        let end_at = match end {
            b"" => None,
            digits => Some(number::whole(digits)?),
        };
        Some(Self { name, id, end_at, zone, pattern })
    }

    /// The interval in ms, where the pattern is one.
    pub fn every(&self) -> Option<u64> {
        std::str::from_utf8(self.pattern).ok()?.parse().ok()
    }
}

/// The scheduler and the time in the id of a scheduler's job: `repeat:<key>:<ms>`. For a legacy
/// repeatable the key is a hash and not the member.
pub fn iteration(id: &[u8]) -> Option<(&[u8], i64)> {
    let rest = id.strip_prefix(b"repeat:")?;
    let colon = rest.iter().rposition(|byte| *byte == b':')?;
    let at = number::whole(&rest[colon + 1..])?;
    Some((&rest[..colon], at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn observed_legacy_keys_read() {
        let every = LegacyKey::parse(b"leg::::60000").unwrap();
        assert_eq!((every.name, every.every()), (&b"leg"[..], Some(60_000)));
        let bull = LegacyKey::parse(b"rep2:::60000").unwrap();
        assert_eq!((bull.name, bull.every()), (&b"rep2"[..], Some(60_000)));
        let cron = LegacyKey::parse(b"legc:cid:1796150330564:Europe/Madrid:0 0 3 * * *").unwrap();
        assert_eq!((cron.id, cron.end_at), (&b"cid"[..], Some(1_796_150_330_564)));
        assert_eq!((cron.zone, cron.pattern), (&b"Europe/Madrid"[..], &b"0 0 3 * * *"[..]));
        assert_eq!(cron.every(), None);
    }

    #[test]
    fn newer_members_are_not_legacy() {
        assert_eq!(LegacyKey::parse(b"every-1"), None);
        assert_eq!(LegacyKey::parse(b"0cc175b9c0f1b6a831c399e269772661"), None);
    }

    #[test]
    fn an_iterations_id_splits_at_its_last_colon() {
        assert_eq!(iteration(b"repeat:a:b:1795150144726"), Some((&b"a:b"[..], 1_795_150_144_726)));
        assert_eq!(iteration(b"repeat:a"), None);
        assert_eq!(iteration(b"7"), None);
    }
}
