//! Does what `update` asks for: reads by slots, acts one by one, and reports back.

mod acts;
mod errors;
mod flow;
mod search;
mod watch;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::survey::survey;
use crate::app::Msg;
use crate::app::effect::{Act, Agreed, Answer, FetchId, Query, Round, RunId, ScanResult, Slot};
use crate::conn::{Conn, ConnError, Request, SentLog, Verb, bytes};
use crate::engine::read;
use crate::engine::read::FieldValue;
use crate::monitor::Clock;
use crate::monitor::why::look;
use crate::operate::Operator;
use crate::text::{Clean, Mask, Places};
use crate::wire::{JobId, Raw};

/// A field that is fetched on request may have so many bytes.
const FIELD_LIMIT: u64 = 256 << 20;

/// How often progress is told.
const TOLD: Duration = Duration::from_millis(150);

/// The executor.
#[derive(Debug)]
pub struct Exec {
    conn: Conn,
    operator: Operator,
    sent: Arc<SentLog>,
    messages: mpsc::Sender<Msg>,
    mask: Mask,
    slots: HashMap<Slot, Place>,
    runs: HashMap<RunId, CancellationToken>,
    freed: mpsc::UnboundedSender<Free>,
}

/// A fetch is over: its slot may take the next one.
pub type Free = (Slot, FetchId);

/// One fetch runs, one is next: what is wanted in between is never asked for.
#[derive(Debug, Default)]
struct Place {
    running: Option<(FetchId, JoinHandle<()>)>,
    next: Option<(FetchId, Query)>,
}

impl Exec {
    /// An executor that reports to `messages`; the receiver tells which fetches are over.
    /// Lists come with what `mask` leaves of their texts.
    pub fn new(
        operator: Operator,
        mask: Mask,
        messages: mpsc::Sender<Msg>,
    ) -> (Self, mpsc::UnboundedReceiver<Free>) {
        // Each free slot is told once for each fetch that ran: no more than there are slots.
        let (freed, free) = mpsc::unbounded_channel();
        (
            Self {
                conn: operator.conn().clone(),
                sent: operator.conn().keep_sent(),
                operator,
                messages,
                mask,
                slots: HashMap::new(),
                runs: HashMap::new(),
                freed,
            },
            free,
        )
    }

    /// Reads something, after what the slot reads now.
    pub fn fetch(&mut self, slot: Slot, id: FetchId, query: Query) {
        // A search or a large value that nobody waits for any more is not worth its end.
        if matches!(slot, Slot::Scan | Slot::Find | Slot::Field) {
            self.cancel(slot);
        }
        if let Some(place) = self.slots.get_mut(&slot).filter(|place| place.running.is_some()) {
            place.next = Some((id, query));
            return;
        }
        let running = Some((id, self.start(slot, id, query)));
        self.slots.insert(slot, Place { running, next: None });
    }

    /// A fetch is over: the next one of its slot starts. One that was cancelled meanwhile has no
    /// slot any more, and what runs there is another.
    pub fn free(&mut self, (slot, over): Free) {
        let Some(place) = self.slots.get_mut(&slot) else { return };
        if place.running.as_ref().is_none_or(|(id, _)| *id != over) {
            return;
        }
        let next = place.next.take();
        let running = next.map(|(id, query)| (id, self.start(slot, id, query)));
        self.slots.insert(slot, Place { running, next: None });
    }

    /// Nobody waits for this slot any more.
    pub fn cancel(&mut self, slot: Slot) {
        if let Some(place) = self.slots.remove(&slot)
            && let Some((_, running)) = place.running
        {
            running.abort();
        }
    }

    /// Does something.
    pub fn run(&mut self, id: RunId, act: Act, agreed: Agreed) {
        let cancel = CancellationToken::new();
        self.runs.insert(id, cancel.clone());
        let (operator, messages) = (self.operator.clone(), self.messages.clone());
        tokio::spawn(async move {
            let report = acts::perform(&operator, act, agreed, id, &messages, &cancel).await;
            let _ = messages.send(Msg::Done(id, report)).await;
        });
    }

    /// Stops a run after the chunk in flight.
    pub fn stop(&mut self, id: RunId) {
        if let Some(cancel) = self.runs.get(&id) {
            cancel.cancel();
        }
    }

    /// A run told its end: nothing is left to stop.
    pub fn ended(&mut self, id: RunId) {
        self.runs.remove(&id);
    }

    fn start(&self, slot: Slot, id: FetchId, query: Query) -> JoinHandle<()> {
        let (conn, messages, freed) = (self.conn.clone(), self.messages.clone(), self.freed.clone());
        let (operator, sent, mask) = (self.operator.clone(), self.sent.clone(), self.mask.clone());
        tokio::spawn(async move {
            let answer = match query {
                query @ (Query::Scan { .. } | Query::Find(_) | Query::Export(_)) => {
                    search::Teller { conn, mask, id, messages: &messages }.answer(query).await
                }
                Query::Journal(seen) => acts::journal(&operator, seen).await.map(Answer::Journal),
                Query::Errors(wanted) => {
                    errors::read(&conn, &mask, wanted, id, &messages).await.map_err(|error| told(&error))
                }
                Query::Sent(after) => Ok(Answer::Sent(sent.after(after))),
                Query::Reveal(queue, era, job, what) => {
                    operator.reveal(&queue, era, &job, &what).await.map(Answer::Revealed)
                }
                Query::Resumable(id, era) => acts::resumable(&operator, id, era).await,
                Query::Doctor(round) => {
                    doctor(&conn, &mask, round, id, &messages).await.map_err(|error| told(&error))
                }
                Query::Undoable(id) => {
                    acts::undoable(&operator, id).await.map(|taken| Answer::Undoable(Box::new(taken)))
                }
                Query::Workers(wanted) => watch::workers(&conn, &mask, wanted, id, &messages).await,
                Query::Schedulers(queues) => watch::schedulers(&conn, &mask, queues, id, &messages).await,
                Query::Preview(act) => {
                    let preview = acts::preview(&operator, act).await;
                    preview
                        .map(|preview| Answer::Preview(preview.masked(&mask)))
                        .map_err(|error| told(&error))
                }
                query => answer(&conn, &mask, query).await.map_err(|error| told(&error)),
            };
            let _ = messages.send(Msg::Fetched(id, answer)).await;
            // The slot counts as free only after the answer is on its way.
            let _ = freed.send((slot, id));
        })
    }
}

fn told(error: &ConnError) -> Clean {
    if error.hint.is_empty() {
        error.message.clone()
    } else {
        Clean::line(format!("{}; {}", error.message, error.hint))
    }
}

/// A round of the doctor, which tells how far it is.
async fn doctor(
    conn: &Conn,
    mask: &Mask,
    round: Round,
    id: FetchId,
    messages: &mpsc::Sender<Msg>,
) -> Result<Answer, ConnError> {
    let mut last: Option<Instant> = None;
    let tell = |progress| {
        let due = last.is_none_or(|last| last.elapsed() >= TOLD);
        // While the screen is busy it needs no news of this.
        if due && messages.try_send(Msg::Fetched(id, Ok(Answer::Looking(progress)))).is_ok() {
            last = Some(Instant::now());
        }
    };
    let Round { queues, scope, whole } = round;
    let found = survey(conn, &queues, scope, whole, Clock::start(), mask, tell).await?;
    Ok(Answer::Survey(Box::new(found)))
}

async fn answer(conn: &Conn, mask: &Mask, query: Query) -> Result<Answer, ConnError> {
    Ok(match query {
        Query::Page(era, query) => {
            let mut page = read::page(conn, era, &query).await?;
            page.rows = page.rows.into_iter().map(|row| row.masked(mask)).collect();
            Answer::Page(page)
        }
        Query::Job(era, queue, id, state) => {
            Answer::Job(read::job(conn, era, &queue, &id, state).await?.map(Box::new))
        }
        Query::Field(queue, id, field) => {
            let value = read::field(conn, &queue, &id, field.as_bytes(), FIELD_LIMIT).await?;
            let places = places(mask, field, &value).await;
            Answer::Masked(value, places)
        }
        Query::Flow(query) => Answer::Flow(Box::new(flow::read(conn, mask, query).await?)),
        Query::Logs(queue, id, start, count) => {
            Answer::Logs(read::logs(conn, &queue, &id, start, count).await?)
        }
        Query::Why(queue, before) => {
            Answer::Why(Box::new(look(conn, &queue, before.as_deref()).await?.masked(mask)))
        }
        Query::Owner(queue, id) => {
            let key = queue.key([b"de:", id.as_bytes()].concat());
            let owner = conn.call(Request::new(Verb::Get).arg(key)).await?;
            Answer::Owner(bytes(&owner).map(JobId::new))
        }
        Query::Onsets(queue, span) => errors::onset(conn, mask, &queue, span).await?,
        Query::Draft(queue, id, most) => Answer::Field(read::field(conn, &queue, &id, b"data", most).await?),
        Query::Doctor(_)
        | Query::Reveal(..)
        | Query::Workers(_)
        | Query::Errors(_)
        | Query::Schedulers(_)
        | Query::Scan { .. }
        | Query::Find(_)
        | Query::Export(_)
        | Query::Preview(_)
        | Query::Undoable(_)
        | Query::Resumable(..)
        | Query::Journal(_)
        | Query::Sent(_) => Answer::Scan(ScanResult::default()),
    })
}

/// Where secrets stand in a field: looked for off the threads that keep the screen alive, because it
/// may have 100 MB.
async fn places(mask: &Mask, field: Raw, value: &FieldValue) -> Places {
    let FieldValue::Value(value) = value else { return Places::default() };
    let (mask, value) = (mask.clone(), value.clone());
    let look = move || mask.field_places(field.as_bytes(), value.as_bytes());
    tokio::task::spawn_blocking(look).await.unwrap_or_default()
}
