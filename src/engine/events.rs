//! What happens in a queue, as it happens (spec, section 10).
//!
//! Every step of a job leaves an entry in a stream of its queue. [`QueueEvents`] follows it from now
//! on, from the beginning of what is kept, or from where one stopped:
//!
//! ```no_run
//! # async fn example(conn: toril::conn::Conn, queue: toril::wire::QueueId) -> Result<(), Box<dyn std::error::Error>> {
//! use toril::engine::events::{EventKind, EventsOptions, QueueEvents};
//!
//! let mut events = QueueEvents::open(&conn, queue, EventsOptions::default()).await?;
//! while let Some(event) = events.next().await {
//!     match event?.kind {
//!         EventKind::Completed { job, value, .. } => println!("{job:?} returned {:?}", value.raw()),
//!         EventKind::Failed { job, reason, .. } => println!("{job:?} failed: {}", reason.clean()),
//!         EventKind::Gap { .. } => println!("some events were missed"),
//!         _ => {}
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # What is promised
//!
//! - **No gap between two reads.** Node sends `$` ("from now") again with every poll until the first
//!   entry comes, and misses what lands in between. Here `now` becomes a place in the stream once, before
//!   [`QueueEvents::open`] returns: whatever is appended after that comes.
//! - **A lost link is mended.** Reading goes on at the same place. [`QueueEvents::cursor`] is that place,
//!   to be kept by a caller who wants to go on after a restart of his own ([`StartAt::After`]).
//! - **What was missed is told.** Streams are trimmed (at about 10,000 entries, unless the queue's
//!   `opts.maxLenEvents` says otherwise). A reader who stays behind that gets [`EventKind::Gap`] instead
//!   of silence.
//! - **Replies are bounded.** Events carry return values, which may be megabytes: the number of entries
//!   asked for at once shrinks and grows with their size, and an entry too large to be read comes as
//!   [`EventKind::TooLarge`].
//! - **Order and number** are the stream's: each entry once, in the order in which the server ran the
//!   steps.
//!
//! Events are hints about the past. To decide something about a job, look at its state.
//!
//! # Waiting for a job
//!
//! [`JobWaiter`] tells the outcome of single jobs, any number of them over one connection.
//!
//! # Events of one's own
//!
//! [`EventsProducer`] appends to the same stream; listeners get them as [`EventKind::Custom`], those of
//! Node as an event of that name.

mod error;
mod event;
mod id;
mod look;
mod look_back;
mod produce;
mod read;
mod wait;

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::Stream;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

pub use error::{EventsError, WaitError};
pub use event::{EventKind, JsonText, QueueEvent};
pub use id::{BadStreamId, StreamId};
pub use produce::EventsProducer;
pub use wait::JobWaiter;

use self::read::Reader;
use crate::conn::Conn;
use crate::wire::QueueId;

/// Where to begin.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum StartAt {
    /// With what is appended after [`QueueEvents::open`] was called.
    #[default]
    Now,
    /// Behind this entry, which need not exist (any more): with the first later one. Where entries behind
    /// it were trimmed away meanwhile, [`EventKind::Gap`] comes first.
    After(StreamId),
    /// With the oldest entry that is kept.
    Beginning,
}

/// How to follow events.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EventsOptions {
    /// Where to begin.
    pub start: StartAt,
    /// How long one read waits for entries; 10 s, as in Node. It costs nothing to wait; this is how often
    /// a dead connection is noticed.
    pub block: Duration,
    /// Most entries in one reply. They are counted down where they are large.
    pub page: usize,
    /// The largest reply that is read, in bytes; at least 64 KB. Up to three of them are held in memory:
    /// one that is being read, one that waits, and one that the caller works on.
    pub reply_max: usize,
}

impl Default for EventsOptions {
    fn default() -> Self {
        Self { start: StartAt::Now, block: Duration::from_secs(10), page: 100, reply_max: 32 * 1024 * 1024 }
    }
}

/// Pauses before a read that failed is tried again: the first, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));

/// The events of one queue, as a stream that ends only with an error that time does not heal.
///
/// It has a connection of its own, named as BullMQ names those of its `QueueEvents`. Reading goes on in
/// the background, at most two replies ahead of the caller. Dropping it closes the connection.
#[derive(Debug)]
pub struct QueueEvents {
    pages: mpsc::Receiver<Result<Vec<QueueEvent>, EventsError>>,
    ready: VecDeque<QueueEvent>,
    cursor: StreamId,
    task: AbortHandle,
}

impl Drop for QueueEvents {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl QueueEvents {
    /// Connects and finds the place to begin at: what is appended after this returned is not missed. A
    /// connection that may only read suffices.
    pub async fn open(conn: &Conn, queue: QueueId, options: EventsOptions) -> Result<Self, EventsError> {
        let reader = Reader::open(conn.clone(), queue, options).await?;
        let cursor = reader.cursor();
        let (sender, pages) = mpsc::channel(1);
        let task = tokio::spawn(follow(reader, sender)).abort_handle();
        Ok(Self { pages, ready: VecDeque::new(), cursor, task })
    }

    /// The next event; waits for it as long as it takes. `None` after an error.
    ///
    /// Safe to drop and to call again: nothing is lost.
    pub async fn next(&mut self) -> Option<Result<QueueEvent, EventsError>> {
        std::future::poll_fn(|context| self.poll(context)).await
    }

    /// The place of the last event that was handed out, or where reading began: with
    /// [`StartAt::After`] another `QueueEvents` goes on exactly there.
    pub fn cursor(&self) -> StreamId {
        self.cursor
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<QueueEvent, EventsError>>> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                self.cursor = event.id;
                return Poll::Ready(Some(Ok(event)));
            }
            match self.pages.poll_recv(context) {
                Poll::Ready(Some(Ok(page))) => self.ready = page.into(),
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(error))),
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}

impl Stream for QueueEvents {
    type Item = Result<QueueEvent, EventsError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll(context)
    }
}

/// Reads for ever, or until the caller is gone.
async fn follow(mut reader: Reader, pages: mpsc::Sender<Result<Vec<QueueEvent>, EventsError>>) {
    let mut pause = PAUSES.0;
    loop {
        match reader.page().await {
            Ok(page) => {
                pause = PAUSES.0;
                if !page.is_empty() && pages.send(Ok(page)).await.is_err() {
                    return;
                }
            }
            Err(error) if error.is_passing() => {
                tracing::debug!(queue = %reader.queue().clean(), %error, "events are not read");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(PAUSES.1);
            }
            Err(error) => {
                let _ = pages.send(Err(error)).await;
                return;
            }
        }
    }
}
