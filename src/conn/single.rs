//! One server: TCP, TLS or a unix socket.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};

use super::dial::Target;
use super::gate::{self, Line};
use super::keeper::{self, Nudge};
use super::request::Shape;
use super::script::{Run, Runs};
use super::sent::{self, SentLog};
use super::socket::{Failure, Socket};
use super::traffic::Traffic;
use super::{
    Access, Batch, Class, ConnError, Dedicated, Endpoint, Kind, Link, LinkState, Options, Request, Script,
    Value, Verb, items, text,
};

/// Silence of this length makes calls fail at once: one more request would only pile up.
const SILENCE: Duration = Duration::from_secs(1);
/// Batches up to this size tell the round-trip time of the link; larger ones that of the server.
const LIGHT_BATCH: usize = 16;

/// A connection to one server and the task that keeps it.
pub(super) struct Single {
    shared: Arc<Shared>,
    keeper: tokio::task::AbortHandle,
}

/// What the callers, the keeper and the socket have in common.
pub(super) struct Shared {
    pub(super) target: Target,
    pub(super) link: watch::Sender<Link>,
    pub(super) nudge: mpsc::UnboundedSender<Nudge>,
    socket: RwLock<Option<Arc<Socket>>>,
    /// Whether the link's state is `Impaired`: spares every call a look.
    impaired: AtomicBool,
    /// What was sent, once somebody wants to know.
    sent: OnceLock<Arc<SentLog>>,
    /// Hashes of the scripts that the server is believed to know.
    scripts: Mutex<HashSet<String>>,
}

impl std::fmt::Debug for Single {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Single").field("endpoint", &self.shared.target.endpoint).finish_non_exhaustive()
    }
}

impl Drop for Single {
    fn drop(&mut self) {
        self.keeper.abort();
        self.shared.set_socket(None);
    }
}

impl Single {
    pub(super) fn start(endpoint: Endpoint, options: Options) -> Self {
        let (nudge, nudges) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            target: Target::new(endpoint, options),
            link: watch::Sender::new(Link::default()),
            nudge,
            socket: RwLock::default(),
            impaired: AtomicBool::new(false),
            sent: OnceLock::new(),
            scripts: Mutex::default(),
        });
        let keeper = tokio::spawn(keeper::keep(shared.clone(), nudges)).abort_handle();
        Self { shared, keeper }
    }

    pub(super) fn link(&self) -> watch::Receiver<Link> {
        self.shared.link.subscribe()
    }

    pub(super) fn access(&self) -> Access {
        self.shared.target.options.access
    }

    pub(super) fn endpoint(&self) -> &Endpoint {
        &self.shared.target.endpoint
    }

    pub(super) fn traffic(&self) -> Traffic {
        self.shared.target.counters.read()
    }

    pub(super) fn keep_sent(&self) -> Arc<SentLog> {
        self.shared.sent.get_or_init(Arc::default).clone()
    }

    pub(super) fn reconnect_now(&self) {
        let _ = self.shared.nudge.send(Nudge::Reconnect);
    }

    pub(super) async fn batch(&self, batch: &Batch, deadline: Duration) -> Result<Vec<Value>, ConnError> {
        gate::batch(batch, self.access(), Line::Shared)?;
        self.shared.ask(batch.packed.clone(), batch.shapes.clone(), None, deadline).await
    }

    pub(super) async fn eval_many(
        &self,
        script: &Script,
        runs: &[Run],
        deadline: Duration,
    ) -> Result<Vec<Value>, ConnError> {
        gate::class(script.class, self.access(), Line::Shared)?;
        let known = self.shared.scripts().contains(script.hash());
        let mut rounds = Runs::new(script, runs);
        while let Some((packed, shapes)) = rounds.next_round(known) {
            rounds.take(self.shared.ask(packed, shapes, Some(script.name), deadline).await?);
        }
        if !known {
            self.shared.scripts().insert(script.hash().to_owned());
        }
        Ok(rounds.finish())
    }

    pub(super) async fn eval_timed(
        &self,
        script: &Script,
        run: Run,
        deadline: Duration,
    ) -> Result<(Value, Option<Duration>), ConnError> {
        gate::class(script.class, self.access(), Line::Shared)?;
        let known = self.shared.scripts().contains(script.hash());
        let runs = [run];
        let mut rounds = Runs::new(script, &runs);
        let mut took = None;
        while let Some((packed, shapes)) = rounds.next_round(known) {
            let mut batch = Batch::from(Request::new(Verb::Time));
            batch.packed.extend(packed);
            batch.shapes.extend(shapes);
            batch.push(Request::new(Verb::Time));
            let mut values = self.shared.ask(batch.packed, batch.shapes, Some(script.name), deadline).await?;
            let after = values.pop();
            let before = (!values.is_empty()).then(|| values.remove(0));
            took = before
                .as_ref()
                .and_then(micros)
                .zip(after.as_ref().and_then(micros))
                .map(|(before, after)| Duration::from_micros(after.saturating_sub(before)));
            rounds.take(values);
        }
        if !known {
            self.shared.scripts().insert(script.hash().to_owned());
        }
        Ok((rounds.finish().into_iter().next().unwrap_or(Value::Nil), took))
    }

    pub(super) async fn dedicated(&self) -> Result<Dedicated, ConnError> {
        let dialed = self.shared.target.dial().await?;
        Ok(Dedicated::new(dialed.socket, self.access()))
    }
}

/// A `TIME`, µs.
fn micros(time: &Value) -> Option<u64> {
    let part = |at: usize| items(time).get(at).and_then(text).and_then(|text| text.parse::<u64>().ok());
    Some(part(0)? * 1_000_000 + part(1)?)
}

impl Shared {
    pub(super) fn socket(&self) -> Option<Arc<Socket>> {
        self.socket.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set_socket(&self, socket: Option<Arc<Socket>>) {
        *self.socket.write().unwrap_or_else(PoisonError::into_inner) = socket;
        self.scripts().clear();
    }

    fn scripts(&self) -> std::sync::MutexGuard<'_, HashSet<String>> {
        self.scripts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets what the link does, unless it does that already.
    pub(super) fn set_state(&self, state: LinkState) {
        self.impaired.store(matches!(state, LinkState::Impaired(_)), Ordering::Release);
        self.link.send_if_modified(|link| {
            let changed = link.state != state;
            link.state = state;
            changed
        });
    }

    fn connected(&self) -> Result<Arc<Socket>, ConnError> {
        let link = self.link.borrow();
        if let Some(socket) = self.socket() {
            let silent = link.waiting_since.map(|since| since.elapsed()).filter(|age| *age >= SILENCE);
            return match silent {
                None => Ok(socket),
                Some(age) => Err(self.no_answer(age)),
            };
        }
        Err(match link.state.error() {
            Some(error) => error.clone(),
            None => {
                ConnError::new(Kind::Connect, format!("not connected to {} yet", self.target.endpoint), "")
            }
        })
    }

    fn no_answer(&self, age: Duration) -> ConnError {
        let place = &self.target.endpoint;
        ConnError::new(
            Kind::Timeout,
            format!("no answer from {place} for {:.1} s; nothing was sent", age.as_secs_f32()),
            "the server hangs or the network is cut; it goes on by itself",
        )
    }

    /// Sends commands that passed the gate.
    pub(super) async fn ask(
        &self,
        packed: Vec<u8>,
        shapes: Vec<Shape>,
        script: Option<&'static str>,
        deadline: Duration,
    ) -> Result<Vec<Value>, ConnError> {
        let socket = self.connected()?;
        let writes = shapes.iter().any(|shape| shape.verb.class().writes());
        let started = Instant::now();
        let noted = self.sent.get().map(|log| (log, sent::digest(&packed, &shapes)));
        let answer = socket.ask(packed, shapes.clone(), deadline).await;
        if let Some((log, sent)) = noted
            && !matches!(&answer, Err(Failure::Late { sent: false } | Failure::Lost { sent: false, .. }))
        {
            let failed = |at: usize| match &answer {
                Ok(values) => matches!(values.get(at), Some(Value::ServerError(_))),
                Err(_) => true,
            };
            log.note(sent, script, started.elapsed(), failed);
        }
        match answer {
            Ok(values) => {
                if shapes.len() <= LIGHT_BATCH {
                    self.note_round_trip(started.elapsed());
                }
                self.note_answers(&shapes, &values);
                Ok(values)
            }
            Err(Failure::Late { sent }) => {
                let place = &self.target.endpoint;
                let error = ConnError::new(
                    Kind::Timeout,
                    format!("{place} gave no answer in {:.1} s", deadline.as_secs_f32()),
                    "the server hangs or the network is cut; it goes on by itself",
                );
                Err(if writes && sent { ConnError::unknown_outcome(&error) } else { error })
            }
            Err(Failure::Lost { error, sent }) => {
                Err(if writes && sent { ConnError::unknown_outcome(&error) } else { error })
            }
        }
    }

    fn note_round_trip(&self, took: Duration) {
        self.link.send_if_modified(|link| {
            link.round_trip = Some(link.round_trip.map_or(took, |old| (old * 7 + took) / 8));
            false
        });
    }

    /// Learns the state of the server from its answers.
    fn note_answers(&self, shapes: &[Shape], values: &[Value]) {
        let mut state = None;
        for value in values {
            if let Value::ServerError(error) = value {
                let error = ConnError::from_server(error);
                if error.kind == Kind::Auth {
                    let _ = self.nudge.send(Nudge::Refused(error));
                    return;
                }
                if error.is_server_state() {
                    state = Some(error);
                }
            }
        }
        match state {
            Some(error) => self.set_state(LinkState::Impaired(error)),
            None if self.impaired.load(Ordering::Acquire) => {
                let kind = self.link.borrow().state.error().map(|error| error.kind);
                let over = shapes.iter().zip(values).any(|(shape, value)| {
                    !matches!(value, Value::ServerError(_)) && kind.is_none_or(|kind| ends(kind, shape.verb))
                });
                if over {
                    self.set_state(LinkState::Up);
                }
            }
            None => {}
        }
    }
}

/// Whether a good answer to this command shows that a state of the server is over: it must be one
/// that the state would have refused.
fn ends(state: Kind, verb: Verb) -> bool {
    match state {
        // Reads go on while writes and PING are refused.
        Kind::Misconf => verb == Verb::Ping || verb.class() == Class::Write,
        // What asks about the server is answered all the time.
        Kind::Loading => !verb.is_about_the_server(),
        _ => true,
    }
}
