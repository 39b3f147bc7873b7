//! Waiting for the end of single jobs.

use std::collections::HashMap;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::{AbortHandle, JoinHandle};
use tokio::time::Instant;

use super::look::{Ended, Now, look};
use super::look_back::look_back;
use super::{EventKind, EventsError, EventsOptions, JsonText, QueueEvent, QueueEvents, WaitError};
use crate::conn::Conn;
use crate::wire::{JobId, QueueId};

/// How long events are followed when nobody waits any more.
const LINGER: Duration = Duration::from_secs(10);
/// How often a job is looked at while its end does not come: `drain`, `obliterate` and keep policies
/// remove jobs without a word.
const AGAIN: Duration = Duration::from_secs(15);
/// Pause before a look that failed with the link is tried again.
const PAUSE: Duration = Duration::from_millis(200);
/// Waits and questions on their way.
const ORDERS: usize = 256;

/// Tells the outcome of jobs of one queue to whoever waits for it.
///
/// However many wait, one connection follows the queue's events, and only while somebody waits. Clones
/// share it; when the last one is dropped, the connection is closed.
///
/// ```no_run
/// # async fn example(conn: toril::conn::Conn, queue: toril::engine::Queue) -> Result<(), Box<dyn std::error::Error>> {
/// use std::time::Duration;
/// use toril::engine::JobOptions;
/// use toril::engine::events::{JobWaiter, WaitError};
///
/// let waiter = JobWaiter::new(conn, queue.id().clone());
/// let id = queue.add("resize", &serde_json::json!({ "image": 7 }), JobOptions::default()).await?;
/// match waiter.wait_until_finished(&id, Duration::from_secs(30)).await {
///     Ok(value) => println!("{} bytes of JSON: {:?}", value.raw().as_bytes().len(), value.read::<Vec<u32>>()),
///     Err(WaitError::Failed(reason)) => println!("it failed: {}", reason.clean()),
///     Err(error) => println!("{error}"),
/// }
/// # Ok(())
/// # }
/// ```
///
/// Waiting ties up the caller to a queue's latency, which is what queues are there to avoid: for a
/// request that needs its answer it is fine, for a chain of jobs use a flow.
#[derive(Clone, Debug)]
pub struct JobWaiter {
    conn: Conn,
    queue: QueueId,
    orders: mpsc::Sender<Order>,
    _task: std::sync::Arc<EndOnDrop>,
}

#[derive(Debug)]
struct EndOnDrop(AbortHandle);

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// What a waiter hears.
enum Heard {
    /// How it ended, and when, ms by the server's clock.
    Ended(Ended, i64),
    /// Something happened after which the job is to be looked at.
    LookAgain,
    /// Events cannot be followed.
    Error(EventsError),
}

enum Order {
    /// From the answer on, what happens to the job is told.
    Follow(JobId, oneshot::Sender<Result<oneshot::Receiver<Heard>, EventsError>>),
    /// How a job that is gone ended.
    LookBack(JobId, oneshot::Sender<Option<Ended>>),
}

impl JobWaiter {
    /// Waits over connections like `conn`; one that may only read suffices. Sends nothing yet. Needs a
    /// running tokio runtime.
    pub fn new(conn: Conn, queue: QueueId) -> Self {
        let (orders, receiver) = mpsc::channel(ORDERS);
        let hub = Hub {
            conn: conn.clone(),
            queue: queue.clone(),
            events: None,
            waiting: HashMap::new(),
            gone: Vec::new(),
            search: None,
            idle_since: Instant::now(),
        };
        let task = tokio::spawn(hub.run(receiver)).abort_handle();
        Self { conn, queue, orders, _task: std::sync::Arc::new(EndOnDrop(task)) }
    }

    /// Waits until the job has completed, and returns its value; at most as long as `within`.
    ///
    /// No end is missed: the job is looked at only when its events are followed already. A job that is
    /// over is answered at once, also one that was removed when it ended, as long as its end is among
    /// the newest 5,000 events of the queue.
    pub async fn wait_until_finished(&self, job: &JobId, within: Duration) -> Result<JsonText, WaitError> {
        match tokio::time::timeout(within, self.wait(job)).await {
            Ok(Ok(Ended::Completed(value))) => Ok(JsonText::new(value.as_bytes())),
            Ok(Ok(Ended::Failed(reason))) => Err(WaitError::Failed(reason)),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(WaitError::TimedOut),
        }
    }

    async fn wait(&self, job: &JobId) -> Result<Ended, WaitError> {
        loop {
            let mut heard = self.ask(|reply| Order::Follow(job.clone(), reply)).await??;
            let (now, looked_at) = self.look(job).await?;
            match now {
                Now::Ended(ended) => return Ok(ended),
                Now::Gone => {
                    if let Ok(Heard::Ended(ended, _)) = heard.try_recv() {
                        return Ok(ended);
                    }
                    let ended = self.ask(|reply| Order::LookBack(job.clone(), reply)).await?;
                    return ended.ok_or(WaitError::Missing);
                }
                Now::Open => {}
            }
            match tokio::time::timeout(AGAIN, heard).await {
                // An earlier end, of which the news was still on its way, is not this one: the job was taken up
                // again, or another one has its id by now.
                Ok(Ok(Heard::Ended(ended, at))) if at >= looked_at => return Ok(ended),
                Ok(Ok(Heard::Error(error))) => return Err(error.into()),
                Ok(Ok(Heard::Ended(..) | Heard::LookAgain) | Err(_)) | Err(_) => {}
            }
        }
    }

    async fn look(&self, job: &JobId) -> Result<(Now, i64), WaitError> {
        loop {
            match look(&self.conn, &self.queue, job).await {
                Err(WaitError::Events(error)) if error.is_passing() => tokio::time::sleep(PAUSE).await,
                looked => return looked,
            }
        }
    }

    async fn ask<T>(&self, order: impl FnOnce(oneshot::Sender<T>) -> Order) -> Result<T, EventsError> {
        let (reply, answer) = oneshot::channel();
        // The task ends only with the runtime.
        self.orders.send(order(reply)).await.map_err(|_| EventsError::Reply)?;
        answer.await.map_err(|_| EventsError::Reply)
    }
}

/// The task behind the waiters.
struct Hub {
    conn: Conn,
    queue: QueueId,
    events: Option<QueueEvents>,
    waiting: HashMap<JobId, Vec<oneshot::Sender<Heard>>>,
    /// Jobs that are gone and were not looked for yet.
    gone: Vec<(JobId, oneshot::Sender<Option<Ended>>)>,
    /// One search at a time, for all that were gone when it began.
    search: Option<JoinHandle<()>>,
    idle_since: Instant,
}

impl Hub {
    async fn run(mut self, mut orders: mpsc::Receiver<Order>) {
        let mut ticks = tokio::time::interval(LINGER / 4);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                order = orders.recv() => match order {
                    Some(order) => self.take(order).await,
                    None => return,
                },
                event = next(&mut self.events) => self.tell(event),
                () = done(&mut self.search) => self.search = None,
                _ = ticks.tick() => self.forget(),
            }
            self.search();
        }
    }

    async fn take(&mut self, order: Order) {
        match order {
            Order::Follow(job, reply) => {
                let followed = self.follow().await.map(|()| {
                    let (sender, heard) = oneshot::channel();
                    self.waiting.entry(job).or_default().push(sender);
                    heard
                });
                let _ = reply.send(followed);
            }
            Order::LookBack(job, reply) => self.gone.push((job, reply)),
        }
    }

    /// Sees to it that events are followed.
    async fn follow(&mut self) -> Result<(), EventsError> {
        if self.events.is_none() {
            let mut pause = PAUSE;
            let options = EventsOptions::default();
            self.events = loop {
                match QueueEvents::open(&self.conn, self.queue.clone(), options).await {
                    Ok(events) => break Some(events),
                    Err(error) if error.is_passing() && pause < Duration::from_secs(2) => {
                        tokio::time::sleep(pause).await;
                        pause *= 2;
                    }
                    Err(error) => return Err(error),
                }
            };
        }
        Ok(())
    }

    fn tell(&mut self, event: Option<Result<QueueEvent, EventsError>>) {
        let event = match event {
            Some(Ok(event)) => event,
            Some(Err(error)) => {
                self.events = None;
                return self.tell_all(|| Heard::Error(error.clone()));
            }
            None => {
                self.events = None;
                return self.tell_all(|| Heard::LookAgain);
            }
        };
        let at = event.at();
        match event.kind {
            EventKind::Completed { job, value, .. } => {
                self.tell_one(&job, || Heard::Ended(Ended::Completed(value.raw().clone()), at));
            }
            EventKind::Failed { job, reason, .. } => {
                self.tell_one(&job, || Heard::Ended(Ended::Failed(reason.clone()), at));
            }
            EventKind::Removed { job, .. } | EventKind::TooLarge { job: Some(job), .. } => {
                self.tell_one(&job, || Heard::LookAgain);
            }
            EventKind::Gap { .. } | EventKind::Cleaned { .. } => self.tell_all(|| Heard::LookAgain),
            _ => {}
        }
    }

    fn tell_one(&mut self, job: &JobId, what: impl Fn() -> Heard) {
        for waiter in self.waiting.remove(job).into_iter().flatten() {
            let _ = waiter.send(what());
        }
    }

    fn tell_all(&mut self, what: impl Fn() -> Heard) {
        for waiter in std::mem::take(&mut self.waiting).into_values().flatten() {
            let _ = waiter.send(what());
        }
    }

    /// Lets go of those who gave up, and of the events when nobody waits.
    fn forget(&mut self) {
        self.waiting.retain(|_, waiters| {
            waiters.retain(|waiter| !waiter.is_closed());
            !waiters.is_empty()
        });
        if !self.waiting.is_empty() {
            self.idle_since = Instant::now();
        } else if self.idle_since.elapsed() >= LINGER {
            self.events = None;
        }
    }

    fn search(&mut self) {
        self.gone.retain(|(_, reply)| !reply.is_closed());
        if self.search.is_some() || self.gone.is_empty() {
            return;
        }
        let (conn, queue, asked) = (self.conn.clone(), self.queue.clone(), std::mem::take(&mut self.gone));
        self.search = Some(tokio::spawn(async move {
            let jobs: std::collections::HashSet<JobId> = asked.iter().map(|(job, _)| job.clone()).collect();
            let found = look_back(&conn, &queue, &jobs).await.unwrap_or_else(|error| {
                tracing::debug!(queue = %queue.clean(), %error, "events of the past are not read");
                HashMap::new()
            });
            for (job, reply) in asked {
                let _ = reply.send(found.get(&job).cloned());
            }
        }));
    }
}

async fn next(events: &mut Option<QueueEvents>) -> Option<Result<QueueEvent, EventsError>> {
    match events {
        Some(events) => events.next().await,
        None => std::future::pending().await,
    }
}

async fn done(search: &mut Option<JoinHandle<()>>) {
    match search {
        Some(search) => {
            let _ = search.await;
        }
        None => std::future::pending().await,
    }
}
