//! One read of many streams.

use std::time::Duration;

use crate::conn::{Batch, ConnError, Dedicated, Request, Value, Verb};
use crate::engine::read::overview::server_time;
use crate::engine::read::stream::streams;
use crate::monitor::feed::FeedEvent;
use crate::text::Clean;
use crate::wire::event::Entry;
use crate::wire::{JobId, QueueId, Raw};

/// How long the answer may take beyond the time for which the server was asked to wait.
const SLACK: Duration = Duration::from_secs(2);
/// Entries of a stream in one reply, where they are wanted.
const ENTRIES: u64 = 100;
/// Values of events are cut to this many bytes.
const VALUE: usize = 1024;

/// A stream to be read.
pub(super) struct View<'a> {
    pub queue: &'a QueueId,
    pub key: &'a [u8],
    pub cursor: &'a str,
    pub feed: bool,
}

/// What came of a stream.
pub(super) struct Moved {
    pub queue: QueueId,
    /// Id of the last entry read.
    pub last: String,
    /// Bytes of its part of the reply.
    pub size: usize,
    /// The entries, where they were wanted.
    pub events: Vec<FeedEvent>,
}

/// What came of a read.
pub(super) struct Reply {
    /// Redis's time after the read, ms.
    pub redis_ms: Option<i64>,
    pub moved: Vec<Moved>,
}

/// Reads the streams, waiting for news up to `block`. One entry of each is enough for a hint.
pub(super) async fn read(
    socket: &mut Dedicated,
    views: &[View<'_>],
    block: Option<Duration>,
) -> Result<Reply, ConnError> {
    let count = if views.iter().any(|view| view.feed) { ENTRIES } else { 1 };
    let mut request = Request::new(if block.is_some() { Verb::XReadBlock } else { Verb::XRead });
    request = request.arg("COUNT").arg(count);
    if let Some(block) = block {
        request = request.arg("BLOCK").arg(u64::try_from(block.as_millis()).unwrap_or(1_000));
    }
    request = request.arg("STREAMS");
    for view in views {
        request = request.arg(view.key);
    }
    for view in views {
        request = request.arg(view.cursor);
    }
    let mut batch = Batch::new();
    batch.push(request);
    // After a blocking read the server answers the next command at once: its time of the wake.
    batch.push(Request::new(Verb::Time));
    let mut replies = socket.batch(&batch, block.unwrap_or_default() + SLACK).await?.into_iter();
    let found = ConnError::check(replies.next().unwrap_or(Value::Nil))?;
    let redis_ms = replies.next().as_ref().and_then(server_time);
    let mut moved = Vec::new();
    for (key, entries) in streams(&found) {
        let Some(view) = views.iter().find(|view| view.key == key) else { continue };
        let Some(last) = entries.last() else { continue };
        moved.push(Moved {
            queue: view.queue.clone(),
            last: String::from_utf8_lossy(last.id).into_owned(),
            size: entries.iter().map(Entry::size).sum(),
            events: if view.feed {
                entries.iter().map(|entry| event(view.queue, entry)).collect()
            } else {
                Vec::new()
            },
        });
    }
    Ok(Reply { redis_ms, moved })
}

fn event(queue: &QueueId, entry: &Entry<'_>) -> FeedEvent {
    let cut = |value: &[u8]| Raw::new(&value[..value.len().min(VALUE)]);
    let others = entry.fields.iter().filter(|(key, _)| !matches!(*key, b"event" | b"jobId"));
    FeedEvent {
        at: entry.at(),
        entry: Clean::line(entry.id),
        queue: queue.clone(),
        event: Clean::line(&entry.event()[..entry.event().len().min(VALUE)]),
        job: entry.job().map(JobId::new),
        fields: others.map(|(key, value)| (cut(key), cut(value))).collect(),
    }
}
