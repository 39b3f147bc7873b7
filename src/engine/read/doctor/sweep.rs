//! One bounded walk over the server's keys: jobs in no state, locks, and deduplication ids are found
//! in no structure of a queue.

use std::collections::HashMap;
use std::time::Duration;

use super::pace::Paced;
use crate::conn::{Batch, ConnError, Kind, Request, Verb, bytes, integer, items, text};
use crate::wire::keys::SATELLITES;
use crate::wire::{JobId, QueueId, Raw, glob};

/// Keys of one call.
const COUNT: u64 = 200;
/// What a call costs Redis.
const CALL: Duration = Duration::from_micros(90);
/// Names that are kept of one queue, of each kind.
const KEPT: usize = 5_000;

/// What the walk found of one queue.
#[derive(Clone, Debug, Default)]
pub(super) struct Found {
    /// Keys that may be jobs.
    pub jobs: Vec<JobId>,
    /// Deduplication ids.
    pub dedups: Vec<Raw>,
}

/// What the walk found.
#[derive(Clone, Debug, Default)]
pub(super) struct Swept {
    /// By queue.
    pub found: HashMap<QueueId, Found>,
    /// Keys walked over.
    pub keys: u64,
    /// Every key was met.
    pub complete: bool,
}

/// Walks over at most `most` keys. Without the right to `SCAN` nothing is found.
pub(super) async fn sweep(
    paced: &Paced<'_>,
    queues: &[QueueId],
    most: u64,
    mut tell: impl FnMut(u64),
) -> Result<Swept, ConnError> {
    let mut swept = Swept::default();
    // The longest base first: the queue `a:b` before the queue `a`.
    let mut bases: HashMap<Vec<u8>, &QueueId> = HashMap::new();
    for queue in queues {
        bases.insert(queue.base(), queue);
    }
    let mut lengths: Vec<usize> = bases.keys().map(Vec::len).collect();
    lengths.sort_unstable();
    lengths.dedup();
    lengths.reverse();
    let pattern = match queues {
        [one] => [glob::escape(&one.base()).as_slice(), b"*"].concat(),
        _ => b"*".to_vec(),
    };
    let size = paced.batch(&Request::new(Verb::DbSize).into()).await?;
    let size = size.first().and_then(integer).and_then(|size| u64::try_from(size).ok()).unwrap_or(u64::MAX);
    let mut cursor = "0".to_owned();
    while swept.keys < most {
        let scan = Request::new(Verb::Scan).arg(&cursor).arg("MATCH").arg(&pattern).arg("COUNT").arg(COUNT);
        let reply =
            match paced.costly(&Batch::from(scan), CALL).await?.into_iter().next().map(ConnError::check) {
                Some(Ok(reply)) => reply,
                Some(Err(error)) if error.kind == Kind::Permission => return Ok(swept),
                Some(Err(error)) => return Err(error),
                None => return Ok(swept),
            };
        let parts = items(&reply);
        parts.first().and_then(text).unwrap_or("0").clone_into(&mut cursor);
        swept.keys += COUNT;
        for key in parts.get(1).map(items).unwrap_or_default().iter().filter_map(bytes) {
            let base = lengths.iter().find_map(|length| bases.get_key_value(key.get(..*length)?));
            let Some((base, queue)) = base else { continue };
            keep(swept.found.entry((*queue).clone()).or_default(), &key[base.len()..]);
        }
        tell(swept.keys.min(size));
        if cursor == "0" {
            swept.complete = true;
            break;
        }
    }
    // The last call met fewer than it asked for.
    swept.keys = swept.keys.min(size);
    Ok(swept)
}

/// What stands behind a queue's base.
fn keep(found: &mut Found, rest: &[u8]) {
    if let Some(id) = rest.strip_prefix(b"de:") {
        if found.dedups.len() < KEPT {
            found.dedups.push(Raw::new(id));
        }
        return;
    }
    let id = JobId::new(rest);
    let satellite = rest
        .iter()
        .rposition(|byte| *byte == b':')
        .is_some_and(|colon| SATELLITES.iter().any(|name| name.as_bytes() == &rest[colon + 1..]));
    let parked = rest.starts_with(b"dn:") || rest.starts_with(b"limiter:") || rest.starts_with(b"groups");
    let definition = rest.starts_with(b"repeat:") && crate::wire::repeat::iteration(rest).is_none();
    let kept = !(rest.is_empty() || id.is_reserved() || satellite || parked || definition);
    if kept && found.jobs.len() < KEPT {
        found.jobs.push(id);
    }
}
