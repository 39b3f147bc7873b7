//! Ends of jobs that are gone, out of the events of the last moments: a job that is removed on completion
//! leaves nothing else.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use super::look::Ended;
use super::read::connect;
use super::{EventKind, EventsError, QueueEvent, StreamId};
use crate::conn::{Conn, Kind, Request, Value, Verb, bytes, items};
use crate::wire::event::Entry;
use crate::wire::{JobId, QueueId};

/// Entries that are looked through, newest first: at ten events a job the last 500 jobs.
const DEPTH: usize = 5_000;
/// Entries of one reply, as long as they are small.
const PAGE: usize = 250;
/// The largest reply.
const REPLY_MAX: usize = 32 * 1024 * 1024;
const DEADLINE: Duration = Duration::from_secs(3);

/// How those of the jobs ended whose end is among the newest events.
pub(super) async fn look_back(
    conn: &Conn,
    queue: &QueueId,
    jobs: &HashSet<JobId>,
) -> Result<HashMap<JobId, Ended>, EventsError> {
    let mut found = HashMap::new();
    let mut socket = connect(conn, queue, REPLY_MAX).await?;
    let (mut to, mut page, mut seen) = ("+".to_owned(), PAGE, 0);
    while seen < DEPTH {
        let request = Request::new(Verb::XRevRange).arg(queue.key("events")).arg(&to).arg("-");
        let reply = match socket.call(request.arg("COUNT").arg(page), DEADLINE).await {
            Ok(reply) => reply,
            Err(error) if error.kind == Kind::Unexpected && page > 1 => {
                page = (page / 8).max(1);
                socket = connect(conn, queue, REPLY_MAX).await?;
                continue;
            }
            // An entry that is too large to be read ends the search.
            Err(error) if error.kind == Kind::Unexpected => break,
            Err(error) => return Err(error.into()),
        };
        let entries = items(&reply);
        for event in entries.iter().filter_map(event) {
            let (job, ended) = match event.kind {
                EventKind::Completed { job, value, .. } => (job, Ended::Completed(value.raw().clone())),
                EventKind::Failed { job, reason, .. } => (job, Ended::Failed(reason)),
                _ => continue,
            };
            if jobs.contains(&job) {
                // The newest counts, where a job was run more than once.
                found.entry(job).or_insert(ended);
            }
        }
        let oldest = entries.last().and_then(|entry| StreamId::parse(bytes(items(entry).first()?)?));
        let Some(oldest) = oldest else { break };
        if found.len() == jobs.len() || entries.len() < page || oldest == StreamId::ZERO {
            break;
        }
        seen += entries.len();
        to = oldest.before().to_string();
    }
    Ok(found)
}

fn event(entry: &Value) -> Option<QueueEvent> {
    let [id, fields] = items(entry) else { return None };
    let fields = items(fields).chunks_exact(2).filter_map(|pair| Some((bytes(&pair[0])?, bytes(&pair[1])?)));
    QueueEvent::read(&Entry { id: bytes(id)?, fields: fields.collect() })
}
