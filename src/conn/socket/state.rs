//! What the tasks of a socket and its callers share: the queue of what awaits an answer, and when
//! something was last heard.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{oneshot, watch};

use super::{PATIENCE, REPLY_MAX};
use crate::conn::raw::RawReplies;
use crate::conn::request::Shape;
use crate::conn::resp::{Bad, Decoder};
use crate::conn::traffic::Counters;
use crate::conn::{ConnError, Endpoint, Kind, Value};

/// Told when the server falls silent (with the moment since when) and when it is heard again.
pub(in crate::conn) type OnSilence = Box<dyn Fn(Option<Instant>) + Send + Sync>;

/// A packed request on its way to the writer.
pub(super) struct Outgoing {
    pub(super) packed: Vec<u8>,
    pub(super) flight: Flight,
    pub(super) stage: Arc<AtomicU8>,
}

/// Stages of a request: with the writer, written, or taken back by its caller before that.
pub(super) const QUEUED: u8 = 0;
pub(super) const SENT: u8 = 1;
pub(super) const TAKEN_BACK: u8 = 2;

/// The answers to a request; or why there are none, and whether the request went out.
pub(super) type Answer<T> = Result<T, (ConnError, bool)>;

/// Where the answers to a request go.
pub(super) enum Landing {
    /// Taken apart.
    Values { values: Vec<Value>, reply: oneshot::Sender<Answer<Vec<Value>>> },
    /// As they came.
    Raw { replies: RawReplies, reply: oneshot::Sender<Answer<RawReplies>> },
}

/// A request that awaits its answer.
pub(super) struct Flight {
    shapes: Vec<Shape>,
    landing: Landing,
    sent_at: Instant,
}

impl Flight {
    pub(super) fn new(shapes: Vec<Shape>, landing: Landing) -> Self {
        Self { shapes, landing, sent_at: Instant::now() }
    }

    /// Whether it asks nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.shapes.is_empty()
    }

    /// How many answers it has.
    fn answered(&self) -> usize {
        match &self.landing {
            Landing::Values { values, .. } => values.len(),
            Landing::Raw { replies, .. } => replies.len(),
        }
    }

    /// Nobody waits for it any more.
    fn is_closed(&self) -> bool {
        match &self.landing {
            Landing::Values { reply, .. } => reply.is_closed(),
            Landing::Raw { reply, .. } => reply.is_closed(),
        }
    }

    fn fail(self, error: ConnError, sent: bool) {
        match self.landing {
            Landing::Values { reply, .. } => drop(reply.send(Err((error, sent)))),
            Landing::Raw { reply, .. } => drop(reply.send(Err((error, sent)))),
        }
    }

    fn land(self) {
        match self.landing {
            Landing::Values { values, reply } => drop(reply.send(Ok(values))),
            Landing::Raw { replies, reply } => drop(reply.send(Ok(replies))),
        }
    }
}

/// Why a reply went to nobody.
pub(super) enum Undelivered {
    /// It cannot be read.
    Bad(Bad),
    /// Nobody asked.
    Unasked(Value),
}

pub(super) struct State {
    pub(super) place: Arc<Endpoint>,
    pub(super) ended: watch::Sender<Option<ConnError>>,
    pub(super) reply_max: AtomicUsize,
    /// Requests on their way to the writer's task.
    pub(super) queued: AtomicUsize,
    queue: Mutex<Queue>,
    counters: Arc<Counters>,
    /// When bytes last came: microseconds since `opened_at`.
    heard: AtomicU64,
    opened_at: Instant,
    silent: AtomicBool,
    pub(super) on_silence: OnceLock<OnSilence>,
}

#[derive(Default)]
struct Queue {
    flights: VecDeque<Flight>,
    ended: bool,
}

impl State {
    pub(super) fn new(place: Arc<Endpoint>, counters: Arc<Counters>) -> Self {
        Self {
            place,
            ended: watch::Sender::new(None),
            reply_max: AtomicUsize::new(REPLY_MAX),
            queued: AtomicUsize::new(0),
            queue: Mutex::default(),
            counters,
            heard: AtomicU64::new(0),
            opened_at: Instant::now(),
            silent: AtomicBool::new(false),
            on_silence: OnceLock::new(),
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends it once: later reasons are consequences of the first.
    pub(super) fn end(&self, error: &ConnError) {
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
            flight.fail(error.clone(), true);
        }
    }

    /// Whether no request awaits an answer and none waits to be written.
    pub(super) fn is_idle(&self) -> bool {
        self.queued.load(Ordering::Acquire) == 0 && self.queue().flights.is_empty()
    }

    pub(super) fn heard_at(&self) -> Instant {
        self.opened_at + Duration::from_micros(self.heard.load(Ordering::Relaxed))
    }

    pub(super) fn hear(&self) {
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

    pub(super) fn silent_since(&self) -> Option<Instant> {
        let asked_at = self.queue().flights.front()?.sent_at;
        let since = asked_at.max(self.heard_at());
        (since.elapsed() >= PATIENCE).then_some(since)
    }

    pub(super) fn note_silence(&self) {
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
    pub(super) fn accept(&self, outgoing: Outgoing, out: &mut Vec<u8>) {
        let Outgoing { packed, mut flight, stage } = outgoing;
        let mut queue = self.queue();
        if queue.ended {
            drop(queue);
            let error = self.ended.borrow().clone().unwrap_or_else(ConnError::closed);
            flight.fail(error, false);
            return;
        }
        // A caller that went away without taking it back does not care either.
        if flight.is_closed()
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

    /// Hands the reply that stands in `decoder` to the oldest request.
    pub(super) fn deliver(&self, decoder: &Decoder) -> Result<(), Undelivered> {
        self.counters.received(decoder.frame().len());
        let mut queue = self.queue();
        let Some(flight) = queue.flights.front_mut() else {
            return Err(decoder.value().map_or_else(Undelivered::Bad, Undelivered::Unasked));
        };
        let shape = flight.shapes.get(flight.answered()).copied();
        let plain = matches!(&flight.landing, Landing::Raw { .. })
            && shape.is_some_and(|shape| self.counters.answered_plainly(shape, decoder.frame()));
        if !plain {
            let value = decoder.value().map_err(Undelivered::Bad)?;
            if let Some(shape) = shape {
                self.counters.answered(shape, &value, flight.sent_at.elapsed());
            }
            match &mut flight.landing {
                Landing::Values { values, .. } => values.push(value),
                Landing::Raw { replies, .. } => replies.push_value(&value, decoder.frame()),
            }
        } else if let Landing::Raw { replies, .. } = &mut flight.landing {
            replies.push(decoder.frame());
        }
        if flight.answered() == flight.shapes.len()
            && let Some(flight) = queue.flights.pop_front()
        {
            drop(queue);
            flight.land();
        }
        Ok(())
    }

    /// What a server said that has no room for us and hung up before it answered the rest.
    pub(super) fn last_words(&self) -> Option<ConnError> {
        let queue = self.queue();
        let error = match &queue.flights.front()?.landing {
            Landing::Values { values, .. } => match values.last()? {
                Value::ServerError(error) => ConnError::from_server(error),
                _ => return None,
            },
            Landing::Raw { replies, .. } => replies.last()?.error()?,
        };
        let farewell = error.kind == Kind::MaxClients || error.message.as_str().starts_with("DENIED");
        farewell.then_some(error)
    }

    pub(super) fn bad(&self, bad: Bad) -> ConnError {
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
