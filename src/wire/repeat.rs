//! Entries of the `repeat` set and the jobs they make (spec 3.8).

use md5::{Digest as _, Md5};

use super::{JobId, number};

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

    /// The ids that the libraries give the run of a time, with their own hash (MD5): BullMQ up to 5.9, then Bull.
    pub fn run_ids(&self, member: &[u8], at: i64) -> [JobId; 2] {
        let key = md5_hex(member);
        let of = |between: &[u8]| md5_hex(&[self.name, self.id, between, key.as_bytes()].concat());
        [of(b""), of(b":")].map(|hash| run_id(hash.as_bytes(), at))
    }

    /// The interval in ms, where the pattern is one.
    pub fn every(&self) -> Option<u64> {
        std::str::from_utf8(self.pattern).ok()?.parse().ok()
    }
}

/// The MD5 of a text as hex digits: what the libraries make keys and ids of repeatables of.
pub fn md5_hex(text: &[u8]) -> String {
    Md5::digest(text).iter().fold(String::new(), |mut hex, byte| {
        hex.extend([byte >> 4, byte & 15].map(|half| char::from_digit(half.into(), 16).unwrap_or('0')));
        hex
    })
}

/// The id of a scheduler's run of a time (ms since the epoch): `repeat:<member>:<ms>`, from BullMQ 5.10 on. Before,
/// and in Bull, a hash of the member stands there, by an algorithm that can be configured.
pub fn run_id(member: &[u8], at: i64) -> JobId {
    JobId::new([b"repeat:", member, b":", at.to_string().as_bytes()].concat())
}

/// Whether an id is that of some scheduler's run of a time, by its shape.
pub fn is_run_at(id: &[u8], at: i64) -> bool {
    iteration(id).is_some_and(|(_, time)| time == at)
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
        // As the libraries made them.
        for (key, bullmq, bull) in [
            ("tick::::60000", "19bdd0171305c71c03583b60f3ae572e", ""),
            ("tick:cid:1796298974271::60000", "f47891fac50c2615c76058995cb468e5", ""),
            ("tick:::60000", "", "010f8e4dd406792c46dc9a0c21062a46"),
            ("tick:cid:1796298974180:60000", "", "85d0016d97eabf3336fad8c2959cfda7"),
        ] {
            let ids = LegacyKey::parse(key.as_bytes()).unwrap().run_ids(key.as_bytes(), 7);
            let of = |hash: &str| run_id(hash.as_bytes(), 7);
            assert!(ids[0] == of(bullmq) || ids[1] == of(bull), "{key}: {ids:?}");
        }
        assert_eq!(md5_hex(b"tick::::60000"), "21f8f5b905938889582af2c7f9624054");
        let run = run_id(b"a:b", 1_795_150_144_726);
        assert_eq!(iteration(run.as_bytes()), Some((&b"a:b"[..], 1_795_150_144_726)));
        assert!(is_run_at(run.as_bytes(), 1_795_150_144_726) && !is_run_at(run.as_bytes(), 144_726));
    }
}
