//! Jobs with their payloads, a few at a time: for search and for machine output.
//!
//! Sizes are asked first, and a round trip carries at most 4 MB: what is larger than the caller
//! wants is left where it is (decisions, section 4).

use std::time::Duration;

use crate::conn::{Batch, Conn, ConnError, Dedicated, Request, Value, Verb, bytes, integer, items};
use crate::wire::{JobId, QueueId, Raw, Token};

use super::job::{Children, Field, JobDetail};

/// Jobs in one round trip (decisions, section 4: a bystander hardly notices 20).
pub const ABREAST: usize = 20;
/// Most fields of a job that are read.
const FIELDS: i64 = 200;
/// Bytes in one round trip.
const ROUND: u64 = 4 << 20;
/// Above this a reply goes over a connection of its own.
const OWN_CONNECTION: u64 = 256 << 10;
/// Longest reply there: one field of any size that callers ask for, or one round.
const REPLY: usize = 64 << 20;
/// How long a big reply may take.
const BIG: Duration = Duration::from_secs(60);

/// How much of each job is wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Want {
    /// Fields up to this size, bytes.
    pub up_to: u64,
    /// The payloads `data`, `returnvalue` and `stacktrace`, too.
    pub payloads: bool,
    /// Log length, lock and children, too: seven more commands a job.
    pub extras: bool,
}

/// Reads some jobs of a queue, in order; at most [`ABREAST`] in one go. A job whose hash is gone has
/// no fields. The state is not looked for.
pub async fn jobs(
    conn: &Conn,
    queue: &QueueId,
    ids: &[JobId],
    want: Want,
) -> Result<Vec<JobDetail>, ConnError> {
    let mut details: Vec<JobDetail> = ids.iter().map(|id| blank(queue, id)).collect();
    names(conn, &mut details, want).await?;
    sizes(conn, &mut details).await?;
    let places: Vec<(usize, usize)> = details
        .iter()
        .enumerate()
        .flat_map(|(job, detail)| {
            let small = detail.fields.iter().enumerate().filter(|(_, field)| field.size <= want.up_to);
            small.map(move |(field, _)| (job, field)).collect::<Vec<_>>()
        })
        .collect();
    values(conn, &mut details, &places).await?;
    if want.extras {
        extras(conn, &mut details).await?;
    }
    Ok(details)
}

fn blank(queue: &QueueId, id: &JobId) -> JobDetail {
    JobDetail {
        queue: queue.clone(),
        id: id.clone(),
        state: None,
        fields: Vec::new(),
        field_count: 0,
        logs: 0,
        lock: None,
        due_at: None,
        children: Children::default(),
        parent: None,
    }
}

/// `HLEN`, then `HKEYS` of those that are not too many.
async fn names(conn: &Conn, details: &mut [JobDetail], want: Want) -> Result<(), ConnError> {
    let mut batch = Batch::new();
    for detail in &*details {
        batch.push(Request::new(Verb::HLen).arg(detail.queue.job(&detail.id)));
    }
    let lengths = conn.batch(&batch).await?;
    let mut batch = Batch::new();
    let mut asked = Vec::new();
    for (at, reply) in lengths.into_iter().enumerate() {
        // A key of another type is no job and has no fields.
        let length = ConnError::check(reply).ok().as_ref().and_then(integer).unwrap_or(0);
        details[at].field_count = u64::try_from(length).unwrap_or(0);
        if (1..=FIELDS).contains(&length) {
            batch.push(Request::new(Verb::HKeys).arg(details[at].queue.job(&details[at].id)));
            asked.push(at);
        }
    }
    if batch.is_empty() {
        return Ok(());
    }
    for (at, reply) in asked.into_iter().zip(conn.batch(&batch).await?) {
        let reply = ConnError::check(reply)?;
        details[at].fields = items(&reply)
            .iter()
            .filter_map(bytes)
            .filter(|name| want.payloads || !matches!(*name, b"data" | b"returnvalue" | b"stacktrace"))
            .map(|name| Field { name: Raw::new(name), size: 0, value: None })
            .collect();
    }
    Ok(())
}

async fn sizes(conn: &Conn, details: &mut [JobDetail]) -> Result<(), ConnError> {
    let mut batch = Batch::new();
    for detail in &*details {
        let key = detail.queue.job(&detail.id);
        for field in &detail.fields {
            batch.push(Request::new(Verb::HStrLen).arg(&key).arg(field.name.as_bytes()));
        }
    }
    if batch.is_empty() {
        return Ok(());
    }
    let mut replies = conn.batch(&batch).await?.into_iter();
    for field in details.iter_mut().flat_map(|detail| &mut detail.fields) {
        let size = replies.next().map(ConnError::check).transpose()?.as_ref().and_then(integer);
        field.size = size.and_then(|size| u64::try_from(size).ok()).unwrap_or(0);
    }
    Ok(())
}

/// Reads the fields at `places`, in round trips that stay below [`ROUND`] where they can.
async fn values(conn: &Conn, details: &mut [JobDetail], places: &[(usize, usize)]) -> Result<(), ConnError> {
    let mut own: Option<Dedicated> = None;
    let mut rest = places;
    while !rest.is_empty() {
        let mut size = 0;
        let mut batch = Batch::new();
        for &(job, field) in rest {
            let detail = &details[job];
            let next = detail.fields[field].size;
            if !batch.is_empty() && size + next > ROUND {
                break;
            }
            size += next;
            let name = detail.fields[field].name.as_bytes();
            batch.push(Request::new(Verb::HGet).arg(detail.queue.job(&detail.id)).arg(name));
        }
        let (now, later) = rest.split_at(batch.len());
        rest = later;
        let replies = if size > OWN_CONNECTION {
            let own = match &mut own {
                Some(own) => own,
                none => none.insert(conn.dedicated().await?.with_reply_max(REPLY)),
            };
            own.batch(&batch, BIG).await?
        } else {
            conn.batch(&batch).await?
        };
        for (&(job, field), reply) in now.iter().zip(replies) {
            let reply = ConnError::check(reply)?;
            // Gone since its size was asked: as if it had never been there.
            details[job].fields[field].value = Some(Raw::new(bytes(&reply).unwrap_or_default()));
        }
    }
    Ok(())
}

async fn extras(conn: &Conn, details: &mut [JobDetail]) -> Result<(), ConnError> {
    const ASKED: [(Verb, &str); 7] = [
        (Verb::LLen, "logs"),
        (Verb::Get, "lock"),
        (Verb::PTtl, "lock"),
        (Verb::HLen, "processed"),
        (Verb::SCard, "dependencies"),
        (Verb::ZCard, "unsuccessful"),
        (Verb::HLen, "failed"),
    ];
    let mut batch = Batch::new();
    for detail in &*details {
        for (verb, suffix) in ASKED {
            batch.push(Request::new(verb).arg(detail.queue.satellite(&detail.id, suffix)));
        }
    }
    let replies = conn.batch(&batch).await?;
    for (detail, replies) in details.iter_mut().zip(replies.chunks(ASKED.len())) {
        let [logs, token, ttl, processed, pending, failed, ignored] = replies else { continue };
        let count = |reply: &Value| integer(reply).and_then(|n| u64::try_from(n).ok()).unwrap_or(0);
        detail.logs = count(logs);
        detail.lock = bytes(token).map(|token| (Token::new(token), integer(ttl).filter(|ms| *ms >= 0)));
        detail.children = Children {
            processed: count(processed),
            pending: count(pending),
            failed: count(failed),
            ignored: count(ignored),
        };
    }
    Ok(())
}
