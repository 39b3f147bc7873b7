//! From keys to queues that may exist (spec 1.1).

use super::{Meta, Prefix, QueueId, QueueName, glob};

/// The pattern of `SCAN` that finds every `meta` and `id`. With one prefix the server sorts out the
/// rest; with several, or none, that is done here.
pub fn pattern(prefixes: &[Prefix]) -> Vec<u8> {
    match prefixes {
        [one] => [&glob::escape(one.as_bytes())[..], b":*:[im][de]*"].concat(),
        _ => b"*:[im][de]*".to_vec(),
    }
}

/// Which key made a queue likely.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sign {
    /// A `meta` key.
    Meta,
    /// An `id` key.
    Id,
}

/// The queue that a key would belong to if it is what its end says. `prefixes` are the known ones;
/// empty means any: then the queue is what is after the last colon, unless the key begins with the
/// default prefix, under which names with colons are more likely than prefixes with colons.
pub fn candidate(key: &[u8], prefixes: &[Prefix]) -> Option<(QueueId, Sign)> {
    let (base, sign) = match key.strip_suffix(b":meta") {
        Some(base) => (base, Sign::Meta),
        None => (key.strip_suffix(b":id")?, Sign::Id),
    };
    let under = |prefix: &Prefix| {
        let rest = base.strip_prefix(prefix.as_bytes())?.strip_prefix(b":")?;
        (!rest.is_empty()).then(|| QueueId::new(prefix.clone(), QueueName::legacy(rest)))
    };
    if !prefixes.is_empty() {
        // The longest prefix that fits: `bull:x` before `bull`.
        let longest = prefixes.iter().filter(|prefix| under(prefix).is_some());
        return longest.max_by_key(|prefix| prefix.as_bytes().len()).and_then(under).map(|id| (id, sign));
    }
    if let Some(id) = under(&Prefix::default()) {
        return Some((id, sign));
    }
    let colon = base.iter().rposition(|byte| *byte == b':')?;
    let (prefix, name) = (&base[..colon], &base[colon + 1..]);
    if prefix.is_empty() || name.is_empty() {
        return None;
    }
    Some((QueueId::new(Prefix::new(prefix), QueueName::legacy(name)), sign))
}

/// Fields of a hash called `meta` that are asked to tell a queue's from a job whose id ends so.
pub const TELLING: [&str; 9] = [
    "paused",
    "concurrency",
    "max",
    "duration",
    "version",
    "library",
    "opts.maxLenEvents",
    "data",
    "timestamp",
];

/// Whether the answer of an `HMGET` of [`TELLING`] is that of a queue's `meta`.
pub fn is_meta(values: &[Option<&[u8]>]) -> bool {
    let job = values.iter().skip(Meta::FIELDS.len()).any(Option::is_some);
    !job && !Meta::decode(values).is_empty()
}

/// Structures of a queue and their types: one of them beside an `id` makes it a queue's.
pub const STRUCTURES: [(&str, &str); 10] = [
    ("events", "stream"),
    ("wait", "list"),
    ("active", "list"),
    ("completed", "zset"),
    ("failed", "zset"),
    ("delayed", "zset"),
    ("paused", "list"),
    ("prioritized", "zset"),
    ("waiting-children", "zset"),
    ("repeat", "zset"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn found(key: &str, prefixes: &[&str]) -> Option<(String, String)> {
        let prefixes: Vec<Prefix> = prefixes.iter().map(Prefix::new).collect();
        let (id, _) = candidate(key.as_bytes(), &prefixes)?;
        Some((id.prefix.lossless().into_owned(), id.name.lossless().into_owned()))
    }

    fn pair(prefix: &str, name: &str) -> (String, String) {
        (prefix.to_owned(), name.to_owned())
    }

    #[test]
    fn keys_split_into_prefix_and_queue() {
        assert_eq!(found("bull:mail:meta", &[]), Some(pair("bull", "mail")));
        assert_eq!(found("bull:mail:id", &["bull"]), Some(pair("bull", "mail")));
        assert_eq!(found("app:prod:bull:mail:meta", &[]), Some(pair("app:prod:bull", "mail")));
        assert_eq!(found("app:prod:bull:mail:meta", &["app:prod:bull"]), Some(pair("app:prod:bull", "mail")));
        assert_eq!(found("{bull}:mail:id", &[]), Some(pair("{bull}", "mail")));
        assert_eq!(found("bull:{mail}:id", &[]), Some(pair("bull", "{mail}")));
        assert_eq!(found("bull:a:b:id", &[]), Some(pair("bull", "a:b")));
        assert_eq!(found("bull:x:q:id", &["bull", "bull:x"]), Some(pair("bull:x", "q")));
        assert_eq!(found("bull:x:q:id", &["bull"]), Some(pair("bull", "x:q")));
    }

    #[test]
    fn other_keys_are_none() {
        for key in ["bull:mail:meta-paused", "bull:mail:ideas", "mail:id", ":id", "bull::id", "bull:1:logs"] {
            assert_eq!(found(key, &[]), None, "{key}");
        }
        assert_eq!(found("other:mail:id", &["bull"]), None);
        assert_eq!(found("bullet:mail:id", &["bull"]), None);
    }

    #[test]
    fn a_job_whose_id_ends_like_meta_is_none() {
        let mut values = [None; 9];
        assert!(!is_meta(&values));
        values[6] = Some(&b"10000"[..]);
        assert!(is_meta(&values));
        values[8] = Some(&b"1795150144726"[..]);
        assert!(!is_meta(&values));
    }

    #[test]
    fn patterns_escape_the_prefix() {
        assert_eq!(pattern(&[Prefix::new("a*b")]), b"a\\*b:*:[im][de]*");
        assert_eq!(pattern(&[]), b"*:[im][de]*");
        assert_eq!(pattern(&[Prefix::new("a"), Prefix::new("b")]), b"*:[im][de]*");
    }
}
