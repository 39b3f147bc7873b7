//! Following event streams: hints that a queue moved, and the entries themselves for the Events
//! screen (decisions, sections 3 and 4).

mod read;

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};

use self::read::{Reply, View, read};
use super::core::Input;
use super::feed::FeedEvent;
use super::link;
use crate::conn::{Conn, ConnError, Dedicated, Kind};
use crate::wire::QueueId;
use crate::wire::event::cursor_at;

/// Streams that are followed with a blocking read: more would cost every wake of them dearly.
pub(super) const MOST: usize = 60;
/// How long a read blocks: the set of streams changes only between reads.
const BLOCK: Duration = Duration::from_millis(500);
/// Waits after a wake, one after the other while it goes on: at once at first, then ten a second.
const HOLD: [u64; 4] = [15, 35, 60, 100];
/// So long without a wake makes the next one a first one.
const CALM: Duration = Duration::from_millis(300);
/// Streams of the feed beyond [`MOST`] are read this often, so many at a time.
const FAR: Duration = Duration::from_secs(1);
const FAR_MOST: usize = 200;
/// A reply of a stream above this size stops its tail: it is sampled instead.
const BULKY: usize = 256 * 1024;
/// A reply of all streams together above this size is not read: then each is asked for one entry ..
const REPLY: usize = 1024 * 1024;
/// .. and those whose entry is above this size are stopped.
const BULKY_ENTRY: usize = 10 * 1024;

/// What is to be followed.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Want {
    /// Queues for hints, with the server's time (ms) from which on events count.
    pub hints: Vec<(QueueId, i64)>,
    /// Queues whose entries are wanted.
    pub feed: Vec<QueueId>,
}

/// Where a stream is read.
#[derive(Debug)]
struct Cursor {
    key: Vec<u8>,
    id: String,
    feed: bool,
}

pub(super) struct Tail {
    pub conn: Conn,
    pub want: watch::Receiver<Want>,
    pub to: mpsc::Sender<Input>,
    pub feed: mpsc::Sender<Vec<FeedEvent>>,
}

/// The task's own state.
struct State {
    cursors: HashMap<QueueId, Cursor>,
    stopped: HashSet<QueueId>,
    /// Redis's time at the last reply, ms; 0 before the first.
    redis_ms: i64,
    /// Something came since the last look.
    woke: bool,
}

impl Tail {
    /// The task: reads for ever.
    pub async fn run(mut self) {
        let mut link = self.conn.link();
        let mut state = State { cursors: HashMap::new(), stopped: HashSet::new(), redis_ms: 0, woke: false };
        let mut socket: Option<Dedicated> = None;
        let (mut step, mut woke, mut far) = (0, Instant::now(), Instant::now());
        loop {
            state.follow(&self.want.borrow_and_update().clone());
            if state.cursors.is_empty() {
                socket = None;
                if self.want.changed().await.is_err() {
                    return;
                }
                continue;
            }
            let Some(open) = &mut socket else {
                link::up(&mut link).await;
                match self.conn.dedicated().await {
                    Ok(open) => socket = Some(open.with_reply_max(REPLY)),
                    Err(_) => tokio::time::sleep(Duration::from_millis(500)).await,
                }
                continue;
            };
            let (near, beyond) = state.split();
            let reply = match read(open, &state.views(&near), Some(BLOCK)).await {
                Ok(reply) => reply,
                Err(error) => {
                    socket = None;
                    if error.kind == Kind::Permission {
                        let _ = self.to.send(Input::NoStreams).await;
                        // The channels stay open: whoever listens hears nothing, not the end.
                        return std::future::pending().await;
                    }
                    // What is answered but cannot be read is too large; an error is one stream's.
                    if is_streams(&error) && self.unclog(&mut state, &near).await.is_err() {
                        return;
                    }
                    tokio::time::sleep(Duration::from_millis(200)).await;
                    continue;
                }
            };
            if self.take(&mut state, reply, BULKY).await.is_err() {
                return;
            }
            if !beyond.is_empty() && far.elapsed() >= FAR {
                far = Instant::now();
                for queues in beyond.chunks(FAR_MOST) {
                    let Ok(reply) = read(open, &state.views(queues), None).await else { break };
                    if self.take(&mut state, reply, BULKY).await.is_err() {
                        return;
                    }
                }
            }
            if state.woke {
                state.woke = false;
                step = if woke.elapsed() >= CALM { 0 } else { (step + 1).min(HOLD.len() - 1) };
                woke = Instant::now();
                tokio::time::sleep(Duration::from_millis(HOLD[step])).await;
            }
        }
    }

    /// Finds the streams whose events are too large by asking each for one entry, and stops them. The
    /// others go on from now.
    async fn unclog(&self, state: &mut State, queues: &[QueueId]) -> Result<(), Closed> {
        let mut socket = None;
        for queue in queues {
            let mut open = match socket.take() {
                Some(open) => open,
                None => match self.conn.dedicated().await {
                    Ok(open) => open.with_reply_max(REPLY),
                    Err(_) => return Ok(()),
                },
            };
            if let Some(cursor) = state.cursors.get_mut(queue) {
                cursor.feed = false;
            }
            match read(&mut open, &state.views(std::slice::from_ref(queue)), None).await {
                Ok(reply) => {
                    self.take(state, reply, BULKY_ENTRY).await?;
                    socket = Some(open);
                }
                Err(error) if is_streams(&error) => {
                    let size = if error.kind == Kind::Unexpected { REPLY } else { 0 };
                    self.stop(state, queue.clone(), size).await?;
                }
                Err(_) => return Ok(()),
            }
        }
        Ok(())
    }

    async fn stop(&self, state: &mut State, queue: QueueId, size: usize) -> Result<(), Closed> {
        state.cursors.remove(&queue);
        state.stopped.insert(queue.clone());
        self.to.send(Input::Bulky(queue, size)).await.map_err(|_| Closed)
    }

    /// Takes what came: cursors go on, hints and entries are passed on.
    async fn take(&self, state: &mut State, reply: Reply, bulky: usize) -> Result<(), Closed> {
        if let Some(redis_ms) = reply.redis_ms {
            state.redis_ms = redis_ms;
        }
        let mut hints = Vec::new();
        for moved in reply.moved {
            state.woke = true;
            hints.push(moved.queue.clone());
            let Some(cursor) = state.cursors.get_mut(&moved.queue) else { continue };
            if moved.size > bulky {
                self.stop(state, moved.queue, moved.size).await?;
                continue;
            }
            if cursor.feed {
                // No room: the cursor stays, the entries are read again.
                match self.feed.try_send(moved.events) {
                    Ok(()) => cursor.id = moved.last,
                    Err(mpsc::error::TrySendError::Full(_)) => {}
                    Err(mpsc::error::TrySendError::Closed(_)) => cursor.feed = false,
                }
            } else {
                // What came up to now is covered by the sample that this hint brings about. Where the
                // server's clock went back its ids are ahead of it: then entry by entry.
                let now = reply.redis_ms.map(cursor_at).unwrap_or_default();
                cursor.id = if later(&now, &moved.last) { now } else { moved.last };
            }
        }
        if hints.is_empty() {
            return Ok(());
        }
        self.to.send(Input::Moved(hints)).await.map_err(|_| Closed)
    }
}

/// Whether an error is about the streams that were read, and not about the link.
fn is_streams(error: &ConnError) -> bool {
    matches!(error.kind, Kind::Unexpected | Kind::Reply)
}

/// Nobody listens any more.
struct Closed;

/// Whether one id of a stream is later than another.
fn later(one: &str, other: &str) -> bool {
    let parts = |id: &str| {
        let (ms, sequence) = id.split_once('-')?;
        Some((ms.parse::<u64>().ok()?, sequence.parse::<u64>().ok()?))
    };
    parts(one) > parts(other)
}

impl State {
    /// Takes what is wanted now; streams that stay keep their place.
    fn follow(&mut self, want: &Want) {
        let now = self.redis_ms;
        let mut cursors = HashMap::with_capacity(want.hints.len());
        let feed: HashSet<&QueueId> = want.feed.iter().collect();
        for (queue, from) in &want.hints {
            cursors.insert(queue.clone(), (*from, feed.contains(queue)));
        }
        for queue in &want.feed {
            cursors.entry(queue.clone()).or_insert((now, true));
        }
        self.cursors = cursors
            .into_iter()
            .filter(|(queue, _)| !self.stopped.contains(queue))
            .map(|(queue, (from, feed))| {
                let cursor = match self.cursors.remove(&queue) {
                    Some(cursor) => Cursor { feed, ..cursor },
                    // Without any time: what comes from now on.
                    None if from == 0 => Cursor { key: queue.key("events"), id: "$".to_owned(), feed },
                    None => Cursor { key: queue.key("events"), id: cursor_at(from), feed },
                };
                (queue, cursor)
            })
            .collect();
    }

    /// Streams for the blocking read, and those that are too many for it. Streams that are only
    /// fed come last.
    fn split(&self) -> (Vec<QueueId>, Vec<QueueId>) {
        let mut queues: Vec<_> = self.cursors.iter().collect();
        queues.sort_by_key(|(_, cursor)| cursor.feed);
        let mut near: Vec<QueueId> = queues.into_iter().map(|(queue, _)| queue.clone()).collect();
        let beyond = near.split_off(near.len().min(MOST));
        (near, beyond)
    }

    fn views<'a>(&'a self, queues: &'a [QueueId]) -> Vec<View<'a>> {
        queues
            .iter()
            .filter_map(|queue| {
                let cursor = self.cursors.get(queue)?;
                Some(View { queue, key: &cursor.key, cursor: &cursor.id, feed: cursor.feed })
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Prefix, QueueName};

    fn queue(name: &str) -> QueueId {
        QueueId::new(Prefix::default(), QueueName::legacy(name))
    }

    #[test]
    fn streams_that_stay_keep_their_place() {
        let mut state = State { cursors: HashMap::new(), stopped: HashSet::new(), redis_ms: 0, woke: false };
        state.follow(&Want { hints: vec![(queue("a"), 1_000), (queue("b"), 0)], feed: vec![queue("b")] });
        assert_eq!(state.cursors[&queue("b")].id, "$");
        assert!(state.cursors[&queue("b")].feed);
        state.cursors.get_mut(&queue("a")).unwrap().id = "7-0".to_owned();
        state.follow(&Want { hints: vec![(queue("a"), 9_000)], feed: vec![] });
        assert_eq!(state.cursors.len(), 1);
        assert_eq!(state.cursors[&queue("a")].id, "7-0");
        state.stopped.insert(queue("a"));
        state.follow(&Want { hints: vec![(queue("a"), 9_000)], feed: vec![] });
        assert!(state.cursors.is_empty());
    }

    #[test]
    fn at_most_a_screen_blocks() {
        let mut state = State { cursors: HashMap::new(), stopped: HashSet::new(), redis_ms: 5, woke: false };
        let names: Vec<QueueId> = (0..100).map(|n| queue(&n.to_string())).collect();
        let hints = names.iter().take(50).map(|queue| (queue.clone(), 5)).collect();
        state.follow(&Want { hints, feed: names });
        let (near, beyond) = state.split();
        assert_eq!((near.len(), beyond.len()), (MOST, 40));
    }

    #[test]
    fn ids_compare_as_numbers() {
        assert!(later("10-0", "9-5"));
        assert!(later("10-10", "10-9"));
        assert!(!later("", "1-0"));
    }
}
