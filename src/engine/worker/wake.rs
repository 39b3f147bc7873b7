//! Waiting to be woken: `BZPOPMIN` on the queue's marker (spec 5.2, 5.6).
//!
//! A blocking pop must not be abandoned, or the marker it takes is lost: it runs in a task of its
//! own, and one that was begun is awaited, however often the loop turns meanwhile. A worker that wants
//! no marker any more interrupts it in the server, and so learns whether it took one.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;

use super::calls::Calls;
use crate::conn::{ConnError, Dedicated, Request, Value, Verb, float, integer, items};

/// How long after its end the answer of a wait may take; then the connection counts as dead.
const LATE: Duration = Duration::from_secs(1);
/// Until this long after its end a wait is left to the server.
const MOMENT: Duration = Duration::from_millis(1);
/// How long an interrupted wait has to end before it is interrupted again.
const INTERRUPTED: Duration = Duration::from_millis(20);
/// Redis before 7.0.8 takes less for no time-out at all.
const SHORTEST: Duration = Duration::from_millis(2);

/// What ended a wait.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Woken {
    /// The marker: a job is ready (0), or the first delayed one is due then (ms since the epoch).
    Marker(f64),
    /// Nothing came in time.
    TimedOut,
    /// The connection failed; it is made anew for the next wait.
    Failed,
}

/// How long to wait.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Patience {
    pub timeout: Duration,
    /// A job is due then.
    pub punctual: bool,
}

/// The connection that waits. Dropping it closes it, marker or not.
#[derive(Debug)]
pub(super) struct Wake {
    orders: mpsc::Sender<Patience>,
    answers: mpsc::Receiver<Woken>,
    interrupt: Arc<Notify>,
    pending: bool,
    task: JoinHandle<()>,
}

impl Drop for Wake {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Wake {
    pub(super) fn start(calls: Arc<Calls>) -> Self {
        let (orders, receiver) = mpsc::channel(1);
        let (sender, answers) = mpsc::channel(1);
        let interrupt = Arc::new(Notify::new());
        let task = tokio::spawn(serve(calls, receiver, sender, interrupt.clone()));
        Self { orders, answers, interrupt, pending: false, task }
    }

    /// Whether a wait is under way.
    pub(super) fn is_pending(&self) -> bool {
        self.pending
    }

    /// Begins a wait for the marker of at most so long.
    pub(super) fn begin(&mut self, patience: Patience) {
        if !self.pending {
            self.pending = self.orders.try_send(patience).is_ok();
        }
    }

    /// What ends the wait. Safe to drop and to call again.
    pub(super) async fn ended(&mut self) -> Woken {
        if !self.pending {
            return std::future::pending().await;
        }
        let answer = self.answers.recv().await;
        self.pending = false;
        answer.unwrap_or(Woken::Failed)
    }

    /// Ends a wait that is under way, so that the server holds none of ours any more.
    pub(super) async fn interrupt(&mut self) {
        if self.pending {
            self.interrupt.notify_one();
            self.ended().await;
        }
    }
}

async fn serve(
    calls: Arc<Calls>,
    mut orders: mpsc::Receiver<Patience>,
    answers: mpsc::Sender<Woken>,
    interrupt: Arc<Notify>,
) {
    // At once, and not with the first wait: a worker that never rests is to be counted too.
    let mut line = Line::connect(&calls).await.ok();
    while let Some(patience) = orders.recv().await {
        let woken = match wait(&calls, &mut line, patience, &interrupt).await {
            Ok(woken) => woken,
            Err(error) => {
                tracing::warn!(queue = %calls.queue.clean(), %error, "not waiting for jobs");
                line = None;
                Woken::Failed
            }
        };
        if answers.send(woken).await.is_err() {
            return;
        }
    }
}

async fn wait(
    calls: &Calls,
    line: &mut Option<Line>,
    patience: Patience,
    interrupt: &Notify,
) -> Result<Woken, ConnError> {
    let line = match line {
        Some(line) => line,
        None => line.insert(Line::connect(calls).await?),
    };
    let timeout = patience.timeout.max(SHORTEST);
    let text = if line.whole_seconds {
        format!("{}", timeout.as_millis().div_ceil(1000))
    } else {
        format!("{:.3}", timeout.as_secs_f64())
    };
    let rounding = if line.whole_seconds { Duration::from_secs(1) } else { Duration::ZERO };
    let pop = Request::new(Verb::BzPopMin).arg(calls.queue.key("marker")).arg(text);
    let id = line.id;
    let popped = line.socket.call(pop, timeout + rounding + LATE);
    tokio::pin!(popped);
    let reply = tokio::select! {
        reply = &mut popped => reply?,
        // A server that has nothing to do looks at time-outs every 100 ms: so it is given something.
        () = tokio::time::sleep(timeout + MOMENT), if patience.punctual => {
            let _ = calls.conn.call(Request::new(Verb::Ping)).await;
            popped.await?
        }
        () = interrupt.notified() => {
            // Over another connection: the wait itself may not have arrived yet, and would then begin.
            loop {
                calls.conn.call(Request::new(Verb::ClientUnblock).arg(id)).await?;
                if let Ok(reply) = tokio::time::timeout(INTERRUPTED, &mut popped).await {
                    break reply?;
                }
            }
        }
    };
    Ok(match reply {
        Value::Nil => Woken::TimedOut,
        reply => Woken::Marker(items(&reply).get(2).and_then(float).unwrap_or(0.0)),
    })
}

/// A connection that waits.
struct Line {
    socket: Dedicated,
    id: i64,
    /// The server takes whole seconds only (before 6).
    whole_seconds: bool,
}

impl Line {
    /// `BullMQ` counts a queue's workers by the names of their connections, so the name goes on this
    /// one connection, each time it is made.
    async fn connect(calls: &Calls) -> Result<Self, ConnError> {
        let limit = Duration::from_secs(3);
        let mut socket = calls.conn.dedicated().await?;
        let name = client_name(calls);
        match socket.call(Request::new(Verb::ClientSetName).arg(name), limit).await {
            Ok(_) => {}
            // Some hosted servers refuse the command: such a worker runs, but nobody counts it.
            Err(error) if !error.is_link() => tracing::debug!(%error, "the connection has no name"),
            Err(error) => return Err(error),
        }
        let id = match socket.call(Request::new(Verb::ClientId), limit).await {
            Ok(id) => integer(&id).unwrap_or(0),
            Err(error) if !error.is_link() => 0,
            Err(error) => return Err(error),
        };
        let whole_seconds = calls.conn.link().borrow().server.is_none();
        Ok(Self { socket, id, whole_seconds })
    }
}

fn client_name(calls: &Calls) -> Vec<u8> {
    let mut name = calls.queue.prefix.as_bytes().to_vec();
    name.push(b':');
    name.extend_from_slice(STANDARD.encode(calls.queue.name.as_bytes()).as_bytes());
    if !calls.options.name.is_empty() {
        name.extend_from_slice(b":w:");
        name.extend_from_slice(calls.options.name.as_bytes());
    }
    name
}
