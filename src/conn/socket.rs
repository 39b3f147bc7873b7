//! One socket and the requests on it, in order.
//!
//! A reader and a writer task share a queue of what awaits an answer. A request whose caller has
//! given up keeps its place in that queue, so an answer can come late but never to the wrong
//! caller; one that was not written yet is taken back, and then it is known not to have happened.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::{mpsc, oneshot, watch};

use super::request::Shape;
use super::resp::{Bad, Decoder};
use super::traffic::Counters;
use super::{ConnError, Endpoint, Kind, Value};

/// How long nothing may come before it is called silence.
const PATIENCE: Duration = Duration::from_millis(300);
/// Largest reply that is read (spec, reliability part 3).
pub(super) const REPLY_MAX: usize = 32 * 1024 * 1024;
/// How much the writer joins into one write.
const JOIN: usize = 64 * 1024;

/// Told when the server falls silent (with the moment since when) and when it is heard again.
pub(super) type OnSilence = Box<dyn Fn(Option<Instant>) + Send + Sync>;

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

/// A packed request on its way to the writer.
struct Outgoing {
    packed: Vec<u8>,
    flight: Flight,
    stage: Arc<AtomicU8>,
}

const QUEUED: u8 = 0;
const SENT: u8 = 1;
const TAKEN_BACK: u8 = 2;

/// A request that awaits its answer.
struct Flight {
    shapes: Vec<Shape>,
    values: Vec<Value>,
    reply: oneshot::Sender<Result<Vec<Value>, (ConnError, bool)>>,
    sent_at: Instant,
}

struct State {
    place: Arc<Endpoint>,
    queue: Mutex<Queue>,
    ended: watch::Sender<Option<ConnError>>,
    counters: Arc<Counters>,
    reply_max: AtomicUsize,
    /// When bytes last came: microseconds since `opened_at`.
    heard: AtomicU64,
    opened_at: Instant,
    silent: AtomicBool,
    on_silence: OnceLock<OnSilence>,
}

#[derive(Default)]
struct Queue {
    flights: VecDeque<Flight>,
    ended: bool,
}

impl Socket {
    /// Starts the tasks that serve a connected stream.
    pub(super) fn start<R, W>((reader, writer): (R, W), place: Arc<Endpoint>, counters: Arc<Counters>) -> Self
    where
        R: AsyncRead + Unpin + Send + 'static,
        W: AsyncWrite + Unpin + Send + 'static,
    {
        let (requests, inbox) = mpsc::unbounded_channel();
        let state = Arc::new(State {
            place,
            queue: Mutex::default(),
            ended: watch::Sender::new(None),
            counters,
            reply_max: AtomicUsize::new(REPLY_MAX),
            heard: AtomicU64::new(0),
            opened_at: Instant::now(),
            silent: AtomicBool::new(false),
            on_silence: OnceLock::new(),
        });
        let tasks = [
            tokio::spawn(read(reader, state.clone())).abort_handle(),
            tokio::spawn(write(writer, inbox, state.clone())).abort_handle(),
        ];
        Self { requests, state, tasks }
    }

    /// Sends commands and waits for as many answers, at most until `deadline` from now.
    pub(super) async fn ask(
        &self,
        packed: Vec<u8>,
        shapes: Vec<Shape>,
        deadline: Duration,
    ) -> Result<Vec<Value>, Failure> {
        if shapes.is_empty() {
            return Ok(Vec::new());
        }
        let started = Instant::now();
        let (reply, mut answer) = oneshot::channel();
        let stage = Arc::new(AtomicU8::new(QUEUED));
        let values = Vec::with_capacity(shapes.len());
        let flight = Flight { shapes, values, reply, sent_at: started };
        if self.requests.send(Outgoing { packed, flight, stage: stage.clone() }).is_err() {
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

    fn answered(
        &self,
        answer: Result<Result<Vec<Value>, (ConnError, bool)>, oneshot::error::RecvError>,
        stage: &AtomicU8,
    ) -> Result<Vec<Value>, Failure> {
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

impl State {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends it once: later reasons are consequences of the first.
    fn end(&self, error: &ConnError) {
        let flights = {
            let mut queue = self.queue();
            queue.ended = true;
            std::mem::take(&mut queue.flights)
        };
        self.ended.send_if_modified(|reason| {
            let first = reason.is_none();
            if first {
                *reason = Some(error.clone());
            }
            first
        });
        for flight in flights {
            let _ = flight.reply.send(Err((error.clone(), true)));
        }
    }

    fn heard_at(&self) -> Instant {
        self.opened_at + Duration::from_micros(self.heard.load(Ordering::Relaxed))
    }

    fn hear(&self) {
        self.heard.store(self.opened_at.elapsed().as_micros() as u64, Ordering::Relaxed);
        if self.silent.swap(false, Ordering::AcqRel) {
            self.tell(None);
        }
    }

    fn tell(&self, since: Option<Instant>) {
        if let Some(on_silence) = self.on_silence.get() {
            on_silence(since);
        }
    }

    fn silent_since(&self) -> Option<Instant> {
        let asked_at = self.queue().flights.front()?.sent_at;
        let since = asked_at.max(self.heard_at());
        (since.elapsed() >= PATIENCE).then_some(since)
    }

    fn note_silence(&self) {
        if let Some(since) = self.silent_since() {
            if !self.silent.swap(true, Ordering::AcqRel) {
                self.tell(Some(since));
            }
            // The answer may have come between the look and the note.
            if self.silent_since().is_none() && self.silent.swap(false, Ordering::AcqRel) {
                self.tell(None);
            }
        }
    }

    /// Puts a request into the queue of those that await an answer, and its bytes into `out`.
    fn accept(&self, outgoing: Outgoing, out: &mut Vec<u8>) {
        let Outgoing { packed, mut flight, stage } = outgoing;
        let mut queue = self.queue();
        if queue.ended {
            drop(queue);
            let error = self.ended.borrow().clone().unwrap_or_else(ConnError::closed);
            let _ = flight.reply.send(Err((error, false)));
            return;
        }
        // A caller that went away without taking it back does not care either.
        if flight.reply.is_closed()
            || stage.compare_exchange(QUEUED, SENT, Ordering::AcqRel, Ordering::Acquire).is_err()
        {
            return;
        }
        self.counters.sent(flight.shapes.len());
        flight.sent_at = Instant::now();
        queue.flights.push_back(flight);
        drop(queue);
        if out.is_empty() {
            *out = packed;
        } else {
            out.extend_from_slice(&packed);
        }
    }

    /// Hands a reply to the oldest request. `Err`: nobody asked.
    fn deliver(&self, value: Value, size: usize) -> Result<(), Value> {
        self.counters.received(size);
        let mut queue = self.queue();
        let Some(flight) = queue.flights.front_mut() else {
            return Err(value);
        };
        if let Some(shape) = flight.shapes.get(flight.values.len()) {
            self.counters.answered(*shape, &value, flight.sent_at.elapsed());
        }
        flight.values.push(value);
        if flight.values.len() == flight.shapes.len()
            && let Some(flight) = queue.flights.pop_front()
        {
            drop(queue);
            let _ = flight.reply.send(Ok(flight.values));
        }
        Ok(())
    }

    /// What a server said that has no room for us and hung up before it answered the rest.
    fn last_words(&self) -> Option<ConnError> {
        let queue = self.queue();
        let Value::ServerError(error) = queue.flights.front()?.values.last()? else { return None };
        let error = ConnError::from_server(error);
        let farewell = error.kind == Kind::MaxClients || error.message.as_str().starts_with("DENIED");
        farewell.then_some(error)
    }

    fn bad(&self, bad: Bad) -> ConnError {
        let place = &self.place;
        match bad {
            Bad::TooBig { cap } => ConnError::new(
                Kind::Unexpected,
                format!("a reply of {place} is larger than {} MB; the connection was closed", cap >> 20),
                "ask for less at once",
            ),
            // A TLS record: alert, handshake.
            Bad::Garbage(seen) if matches!(seen.first(), Some(0x15 | 0x16)) => ConnError::new(
                Kind::Tls,
                format!("{place} answers in TLS"),
                "use rediss:// instead of redis://",
            ),
            Bad::Garbage(seen) => {
                let seen = String::from_utf8_lossy(&seen);
                ConnError::new(
                    Kind::Unexpected,
                    format!("{place} does not speak the Redis protocol; it said: {}", place.scrub(&seen)),
                    "is the port right?",
                )
            }
        }
    }
}

async fn write<W: AsyncWrite + Unpin>(
    mut writer: W,
    mut inbox: mpsc::UnboundedReceiver<Outgoing>,
    state: Arc<State>,
) {
    while let Some(first) = inbox.recv().await {
        let mut out = Vec::new();
        state.accept(first, &mut out);
        while out.len() < JOIN
            && let Ok(next) = inbox.try_recv()
        {
            state.accept(next, &mut out);
        }
        if out.is_empty() {
            continue;
        }
        let written = async {
            writer.write_all(&out).await?;
            writer.flush().await
        };
        if let Err(error) = written.await {
            // The reader may be about to find out why the server hung up; it says so better.
            tokio::time::sleep(Duration::from_millis(50)).await;
            state.end(&super::dial::io_error(&state.place, &error));
        }
    }
}

async fn read<R: AsyncRead + Unpin>(mut reader: R, state: Arc<State>) {
    let mut decoder = Decoder::new(state.place.password.clone());
    let reason = loop {
        match decoder.next(state.reply_max.load(Ordering::Relaxed)) {
            Ok(Some((value, size))) => match state.deliver(value, size) {
                Ok(()) => continue,
                Err(Value::ServerError(error)) => break ConnError::from_server(&error),
                Err(_) => {
                    break ConnError::new(Kind::Unexpected, format!("{} answered unasked", state.place), "");
                }
            },
            Ok(None) => {}
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
