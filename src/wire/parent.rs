//! The parent of a job, and the full keys of jobs (spec 2.2, 3.7).

use super::{JobId, Prefix, QueueId, QueueName};

/// The `parent` field of a job's hash.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ParentField {
    /// Its id.
    pub id: JobId,
    /// `queueKey`: `<prefix>:<queue>`.
    pub queue_key: Vec<u8>,
}

impl ParentField {
    /// Reads the JSON; anything unexpected is `None`.
    pub fn parse(json: &[u8]) -> Option<Self> {
        let value: serde_json::Value = serde_json::from_slice(json).ok()?;
        let id = value.get("id")?.as_str()?;
        let queue_key = value.get("queueKey")?.as_str()?;
        Some(Self { id: JobId::new(id), queue_key: queue_key.into() })
    }
}

/// Splits a qualified name (`<prefix>:<queue>`). Both parts may hold colons: the prefix of a queue
/// nearby settles it where it fits, otherwise the queue is what is after the last colon.
pub fn split_qualified(name: &[u8], nearby: &Prefix) -> Option<QueueId> {
    let near = nearby.as_bytes();
    if let Some(rest) = name.strip_prefix(near).and_then(|rest| rest.strip_prefix(b":"))
        && !rest.is_empty()
    {
        return Some(QueueId::new(nearby.clone(), QueueName::legacy(rest)));
    }
    let colon = name.iter().rposition(|byte| *byte == b':')?;
    let (prefix, queue) = (&name[..colon], &name[colon + 1..]);
    if prefix.is_empty() || queue.is_empty() {
        return None;
    }
    Some(QueueId::new(Prefix::new(prefix), QueueName::legacy(queue)))
}

/// Splits the full key of a job (`<prefix>:<queue>:<id>`), as `parentKey` and the sets of children
/// hold it. `queue_key` is the qualified name where it is known; otherwise a nearby queue settles
/// what colons leave open, and then the last colon (as the library takes it, trap T9).
pub fn split_job_key(key: &[u8], queue_key: Option<&[u8]>, nearby: &QueueId) -> Option<(QueueId, JobId)> {
    let after = |name: &[u8]| {
        key.strip_prefix(name).and_then(|rest| rest.strip_prefix(b":")).filter(|id| !id.is_empty())
    };
    if let Some(name) = queue_key
        && let Some(id) = after(name)
    {
        return Some((split_qualified(name, &nearby.prefix)?, JobId::new(id)));
    }
    if let Some(id) = after(&nearby.qualified()) {
        return Some((nearby.clone(), JobId::new(id)));
    }
    // A scheduler's job: `repeat:<key>:<ms>`, whose key may hold anything.
    let mark = b":repeat:";
    let repeat = key.windows(mark.len()).position(|window| window == mark);
    let colon = match repeat {
        Some(at) if at > 0 => at,
        _ => key.iter().rposition(|byte| *byte == b':')?,
    };
    let (name, id) = (&key[..colon], &key[colon + 1..]);
    if id.is_empty() {
        return None;
    }
    Some((split_qualified(name, &nearby.prefix)?, JobId::new(id)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(prefix: &str, name: &str) -> QueueId {
        QueueId::new(Prefix::new(prefix), QueueName::legacy(name))
    }

    #[test]
    fn the_field_is_read() {
        let parent = ParentField::parse(br#"{"id":"root","queueKey":"bull:par","fpof":true}"#).unwrap();
        assert_eq!((parent.id, parent.queue_key), (JobId::new("root"), b"bull:par".to_vec()));
        assert_eq!(ParentField::parse(b"{}"), None);
        assert_eq!(ParentField::parse(b"[["), None);
    }

    #[test]
    fn keys_split_where_the_queue_is_known() {
        let near = queue("app:prod:bull", "mail");
        let (found, id) = split_job_key(b"app:prod:bull:mail:a:b:c", None, &near).unwrap();
        assert_eq!((found, id), (near.clone(), JobId::new("a:b:c")));
        let (found, id) = split_job_key(b"app:prod:bull:other:7", None, &near).unwrap();
        assert_eq!((found, id), (queue("app:prod:bull", "other"), JobId::new("7")));
        let (found, id) = split_job_key(b"bull:a:b:x:y", Some(b"bull:a:b"), &queue("bull", "q")).unwrap();
        assert_eq!((found, id), (queue("bull", "a:b"), JobId::new("x:y")));
    }

    #[test]
    fn a_schedulers_job_keeps_its_id_whole() {
        let near = queue("bull", "mail");
        let (found, id) = split_job_key(b"bull:tick:repeat:every:1:1795150144726", None, &near).unwrap();
        assert_eq!((found, id), (queue("bull", "tick"), JobId::new("repeat:every:1:1795150144726")));
    }

    #[test]
    fn what_is_no_key_is_none() {
        let near = queue("bull", "mail");
        assert_eq!(split_job_key(b"nothing", None, &near), None);
        assert_eq!(split_job_key(b"bull:mail:", None, &near), None);
    }
}
