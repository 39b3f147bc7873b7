//! The sweep: which of the queues that nobody looks at have moved (decisions, section 3).

use std::time::{Duration, Instant};

use super::Core;
use crate::conn::{Batch, ConnError, Kind, Request, Value, Verb};
use crate::engine::read::overview::server_time;
use crate::engine::read::stream::streams;
use crate::monitor::budget::{CALL_US, STREAM_US};
use crate::text::Clean;
use crate::wire::QueueId;
use crate::wire::event::{Entry, cursor_at};

/// How often.
const EVERY: Duration = Duration::from_secs(3);
/// Streams in one command.
pub(super) const STREAMS: usize = 200;
/// A queue whose events are larger than this is not asked for them again.
const BULKY: usize = 64 * 1024;

impl Core {
    fn every(&self) -> Duration {
        EVERY.mul_f64(self.budget.stretch(Instant::now()).max(1.0))
    }

    /// How long until the next sweep.
    pub(super) fn until_sweep(&self) -> Duration {
        self.every().saturating_sub(self.swept.elapsed())
    }

    /// An answer that was too large to be read: fewer streams at once from now on.
    fn shrink(&mut self, error: &ConnError, first: &QueueId) {
        if error.kind != Kind::Unexpected {
            return;
        }
        if self.sweep_most <= 1 {
            self.bulky(first, BULKY);
        }
        self.sweep_most /= 4;
    }

    /// Events are a help and no more: without them queues are read as those of Bull are.
    pub(super) fn no_streams(&mut self) {
        self.store.streamless = true;
        for entry in self.store.iter_mut() {
            entry.untail();
        }
        self.refused(Clean::from("XREAD: not permitted"));
        let feed = self.interest.borrow().feed.clone();
        self.follow(feed);
    }

    /// The events of a queue are too large, or cannot be read: it is sampled.
    pub(super) fn bulky(&mut self, queue: &QueueId, size: usize) {
        if let Some(entry) = self.store.get_mut(queue) {
            entry.set_untailed(size);
            self.store.changed = true;
            self.dirty.insert(queue.clone());
        }
    }

    /// Asks all streams that are not followed whether anything came since they were last asked or
    /// sampled; those where it did become due. Whether it was time to.
    pub(super) async fn sweep(&mut self) -> Result<bool, ConnError> {
        if self.swept.elapsed() < self.every() {
            return Ok(false);
        }
        self.swept = Instant::now();
        let streams_of =
            self.store.iter().filter(|entry| entry.visible_since.is_none() && entry.has_stream());
        let asked: Vec<(QueueId, Vec<u8>, String)> = streams_of
            .map(|entry| {
                let id = entry.row.id.clone();
                (id.clone(), id.key("events"), cursor_at(entry.sampled_redis_ms.max(entry.swept_redis_ms)))
            })
            .collect();
        for chunk in asked.chunks(self.sweep_most.clamp(1, STREAMS)) {
            let mut request = Request::new(Verb::XRead).arg("COUNT").arg(1).arg("STREAMS");
            for (_, key, _) in chunk {
                request = request.arg(key);
            }
            for (_, _, cursor) in chunk {
                request = request.arg(cursor);
            }
            let mut batch = Batch::new();
            batch.push(Request::new(Verb::Time));
            batch.push(request);
            let mut replies = match self.conn.batch(&batch).await {
                Ok(replies) => replies.into_iter(),
                Err(error) => {
                    self.shrink(&error, &chunk[0].0);
                    return Err(error);
                }
            };
            self.budget.spend(Instant::now(), CALL_US + STREAM_US * chunk.len() as f64);
            let redis_ms = replies.next().as_ref().and_then(server_time).unwrap_or(0);
            let reply = match ConnError::check(replies.next().unwrap_or(Value::Nil)) {
                Ok(reply) => reply,
                Err(error) if error.kind == Kind::Permission => {
                    self.no_streams();
                    return Ok(true);
                }
                Err(error) => return Err(error),
            };
            for (queue, ..) in chunk {
                if let Some(entry) = self.store.get_mut(queue) {
                    entry.swept_redis_ms = redis_ms;
                }
            }
            for (key, entries) in streams(&reply) {
                let Some((queue, ..)) = chunk.iter().find(|(_, one, _)| one == key) else { continue };
                let size = entries.iter().map(Entry::size).sum();
                if size > BULKY {
                    self.bulky(queue, size);
                }
                self.dirty.insert(queue.clone());
            }
        }
        Ok(true)
    }
}
