//! One socket and the requests on it, in order.
//!
//! A reader and a writer task share a queue of what awaits an answer. A request whose caller has
//! given up keeps its place in that queue, so an answer can come late but never to the wrong
//! caller; one that was not written yet is taken back, and then it is known not to have happened.

mod state;
mod writer;

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite};
use tokio::sync::{mpsc, oneshot};

use super::raw::RawReplies;
use super::request::Shape;
use super::resp::Decoder;
use super::traffic::Counters;
use super::{ConnError, Endpoint, Kind, Value};
pub(super) use state::OnSilence;
use state::{Answer, Flight, Landing, Outgoing, QUEUED, SENT, State, TAKEN_BACK, Undelivered};
use writer::Writer;

/// How long nothing may come before it is called silence.
pub(super) const PATIENCE: Duration = Duration::from_millis(300);
/// Largest reply that is read (spec, reliability part 3).
const REPLY_MAX: usize = 32 * 1024 * 1024;

/// Why a request has no answer.
#[derive(Debug)]
pub(super) enum Failure {
    /// The deadline passed.
    Late {
        /// Whether it went out.
        sent: bool,
    },
    /// The socket ended.
    Lost {
        /// Why.
        error: ConnError,
        /// Whether it went out.
        sent: bool,
    },
}

/// A socket; dropping it closes it.
pub(super) struct Socket {
    requests: mpsc::UnboundedSender<Outgoing>,
    /// The writer's task owns it, so that the stream closes when that ends.
    writer: Weak<Writer>,
    state: Arc<State>,
    tasks: [tokio::task::AbortHandle; 2],
}

impl Drop for Socket {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
        // Callers that still wait hear of it; the aborted tasks would leave them to their deadline.
        self.state.end(&ConnError::closed());
    }
}

impl Socket {
    /// Starts the tasks that serve a connected stream.
    pub(super) fn start<R, W>((reader, writer): (R, W), place: Arc<Endpoint>, counters: Arc<Counters>) -> Self
    where
        R: AsyncRead + Unpin + Send + 'static,
        W: AsyncWrite + Unpin + Send + 'static,
    {
        let (requests, inbox) = mpsc::unbounded_channel();
        let state = Arc::new(State::new(place, counters));
        let writer = Arc::new(Writer::new(writer));
        let weak = Arc::downgrade(&writer);
        let tasks = [
            tokio::spawn(read(reader, state.clone())).abort_handle(),
            tokio::spawn(writer::write(writer, inbox, state.clone())).abort_handle(),
        ];
        Self { requests, writer: weak, state, tasks }
    }

    /// Sends commands and waits for as many answers, at most until `deadline` from now.
    pub(super) async fn ask(
        &self,
        packed: Vec<u8>,
        shapes: Vec<Shape>,
        deadline: Duration,
    ) -> Result<Vec<Value>, Failure> {
        let (reply, answer) = oneshot::channel();
        let values = Vec::with_capacity(shapes.len());
        self.wait(packed, Flight::new(shapes, Landing::Values { values, reply }), answer, deadline).await
    }

    /// [`Socket::ask`] for answers as they come, into a buffer that was used before.
    pub(super) async fn ask_raw(
        &self,
        packed: Vec<u8>,
        shapes: Vec<Shape>,
        replies: RawReplies,
        deadline: Duration,
    ) -> Result<RawReplies, Failure> {
        let (reply, answer) = oneshot::channel();
        self.wait(packed, Flight::new(shapes, Landing::Raw { replies, reply }), answer, deadline).await
    }

    async fn wait<T: Default>(
        &self,
        packed: Vec<u8>,
        flight: Flight,
        mut answer: oneshot::Receiver<Answer<T>>,
        deadline: Duration,
    ) -> Result<T, Failure> {
        if flight.is_empty() {
            return Ok(T::default());
        }
        let started = Instant::now();
        let stage = Arc::new(AtomicU8::new(QUEUED));
        if !self.send(Outgoing { packed, flight, stage: stage.clone() }) {
            return Err(Failure::Lost { error: self.reason(), sent: false });
        }
        loop {
            let left = deadline.saturating_sub(started.elapsed());
            match tokio::time::timeout(left.min(PATIENCE), &mut answer).await {
                Ok(answer) => return self.answered(answer, &stage),
                Err(_) if left > PATIENCE => self.state.note_silence(),
                Err(_) => break,
            }
        }
        self.state.note_silence();
        let taken_back =
            stage.compare_exchange(QUEUED, TAKEN_BACK, Ordering::AcqRel, Ordering::Acquire).is_ok();
        if taken_back {
            return Err(Failure::Late { sent: false });
        }
        match answer.try_recv() {
            Ok(answer) => self.answered(Ok(answer), &stage),
            Err(_) => Err(Failure::Late { sent: true }),
        }
    }

    /// Writes a request at once where nothing is under way, which spares it the way through another
    /// task; otherwise the writer joins it with the others. Whether there is somebody to send it.
    fn send(&self, outgoing: Outgoing) -> bool {
        let outgoing = match self.writer.upgrade() {
            Some(writer) => match writer.write_now(outgoing, &self.state) {
                None => return true,
                Some(outgoing) => outgoing,
            },
            None => outgoing,
        };
        self.state.queued.fetch_add(1, Ordering::AcqRel);
        self.requests.send(outgoing).is_ok()
    }

    fn answered<T>(
        &self,
        answer: Result<Answer<T>, oneshot::error::RecvError>,
        stage: &AtomicU8,
    ) -> Result<T, Failure> {
        match answer {
            Ok(Ok(values)) => Ok(values),
            Ok(Err((error, sent))) => Err(Failure::Lost { error, sent }),
            Err(_) => {
                let sent = stage.load(Ordering::Acquire) == SENT;
                Err(Failure::Lost { error: self.reason(), sent })
            }
        }
    }

    /// Waits until the socket ends and says why.
    pub(super) async fn ended(&self) -> ConnError {
        let mut ended = self.state.ended.subscribe();
        match ended.wait_for(Option::is_some).await {
            Ok(reason) => reason.clone().unwrap_or_else(ConnError::closed),
            Err(_) => ConnError::closed(),
        }
    }

    /// Ends the socket: every caller gets `error`.
    pub(super) fn end(&self, error: &ConnError) {
        self.state.end(error);
        for task in &self.tasks {
            task.abort();
        }
    }

    /// How long nothing has come, whether or not something was asked.
    pub(super) fn quiet_for(&self) -> Duration {
        self.state.heard_at().elapsed()
    }

    /// Since when an answer is overdue, if one is.
    pub(super) fn silent_since(&self) -> Option<Instant> {
        self.state.silent_since()
    }

    /// Who is told of silence; the first one asked stays.
    pub(super) fn on_silence(&self, told: OnSilence) {
        let _ = self.state.on_silence.set(told);
    }

    /// Changes the size above which a reply ends the connection.
    pub(super) fn set_reply_max(&self, bytes: usize) {
        self.state.reply_max.store(bytes, Ordering::Relaxed);
    }

    fn reason(&self) -> ConnError {
        self.state.ended.borrow().clone().unwrap_or_else(ConnError::closed)
    }
}

async fn read<R: AsyncRead + Unpin>(mut reader: R, state: Arc<State>) {
    let mut decoder = Decoder::new(state.place.password.clone());
    let reason = loop {
        match decoder.whole(state.reply_max.load(Ordering::Relaxed)) {
            Ok(true) => match state.deliver(&decoder) {
                Ok(()) => {
                    decoder.step();
                    continue;
                }
                Err(Undelivered::Bad(bad)) => break state.bad(bad),
                Err(Undelivered::Unasked(Value::ServerError(error))) => break ConnError::from_server(&error),
                Err(Undelivered::Unasked(_)) => {
                    break ConnError::new(Kind::Unexpected, format!("{} answered unasked", state.place), "");
                }
            },
            Ok(false) => {}
            Err(bad) => break state.bad(bad),
        }
        match reader.read_buf(decoder.space()).await {
            Ok(0) => {
                let closed =
                    || ConnError::new(Kind::Connect, format!("{} closed the connection", state.place), "");
                break state.last_words().unwrap_or_else(closed);
            }
            Ok(_) => state.hear(),
            Err(error) => {
                break state.last_words().unwrap_or_else(|| super::dial::io_error(&state.place, &error));
            }
        }
    };
    state.end(&reason);
}
