//! Waiting to be woken: `BZPOPMIN` on the queue's marker (spec 5.2, 5.6).
//!
//! A blocking pop must not be abandoned, or the marker it takes is lost: it runs in a task of its
//! own, and one that was begun is awaited, however often the loop turns meanwhile.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::calls::Calls;
use crate::conn::{ConnError, Dedicated, Request, Value, Verb, float, items};

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

/// The connection that waits. Dropping it closes it, marker or not.
#[derive(Debug)]
pub(super) struct Wake {
    orders: mpsc::Sender<Duration>,
    answers: mpsc::Receiver<Woken>,
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
        let task = tokio::spawn(serve(calls, receiver, sender));
        Self { orders, answers, pending: false, task }
    }

    /// Waits for the marker at most `timeout`, or goes on with a wait that was begun before.
    /// Safe to drop and to call again.
    pub(super) async fn wait(&mut self, timeout: Duration) -> Woken {
        if !self.pending {
            if self.orders.send(timeout).await.is_err() {
                return std::future::pending().await;
            }
            self.pending = true;
        }
        let answer = self.answers.recv().await;
        self.pending = false;
        answer.unwrap_or(Woken::Failed)
    }
}

async fn serve(calls: Arc<Calls>, mut orders: mpsc::Receiver<Duration>, answers: mpsc::Sender<Woken>) {
    // At once, and not with the first wait: a worker that never rests is to be counted too.
    let mut socket = connect(&calls).await.ok();
    while let Some(timeout) = orders.recv().await {
        let woken = match wait(&calls, &mut socket, timeout).await {
            Ok(woken) => woken,
            Err(error) => {
                tracing::warn!(queue = %calls.queue.clean(), %error, "not waiting for jobs");
                socket = None;
                Woken::Failed
            }
        };
        if answers.send(woken).await.is_err() {
            return;
        }
    }
}

async fn wait(calls: &Calls, socket: &mut Option<Dedicated>, timeout: Duration) -> Result<Woken, ConnError> {
    let socket = match socket {
        Some(socket) => socket,
        None => socket.insert(connect(calls).await?),
    };
    let pop = Request::new(Verb::BzPopMin)
        .arg(calls.queue.key("marker"))
        .arg(format!("{:.3}", timeout.as_secs_f64()));
    // The reply of a wait that ended comes within a second, or the connection is dead.
    let reply = socket.call(pop, timeout + Duration::from_secs(2)).await?;
    Ok(match reply {
        Value::Nil => Woken::TimedOut,
        reply => Woken::Marker(items(&reply).get(2).and_then(float).unwrap_or(0.0)),
    })
}

/// BullMQ counts a queue's workers by the names of their connections, so the name goes on this
/// one connection, each time it is made.
async fn connect(calls: &Calls) -> Result<Dedicated, ConnError> {
    let mut socket = calls.conn.dedicated().await?;
    let name = client_name(calls);
    match socket.call(Request::new(Verb::ClientSetName).arg(name), Duration::from_secs(3)).await {
        Ok(_) => {}
        // Some hosted servers refuse the command: such a worker runs, but nobody counts it.
        Err(error) if !error.is_link() => tracing::debug!(%error, "the connection has no name"),
        Err(error) => return Err(error),
    }
    Ok(socket)
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
