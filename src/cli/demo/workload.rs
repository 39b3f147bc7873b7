//! Everything that happens on the demo's server.

use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use super::catalog::{KINDS, Kind, PAUSED, TIMED};
use super::history::History;
use super::{DemoError, cache, live};
use crate::conn::{Access, Conn, Endpoint, Options};
use crate::wire::ids::NameError;
use crate::wire::{Prefix, QueueId, QueueName};

/// Slowest and fastest pace.
const RATES: (f64, f64) = (0.01, 100.0);

/// The work under way; it ends with the token that it was started with.
#[derive(Debug)]
pub struct Work {
    _actors: JoinHandle<()>,
    written: mpsc::Receiver<()>,
}

impl Work {
    /// Waits until the history of the past minutes is written.
    pub async fn history(&mut self) {
        // Nothing is sent: every queue holds an end until its history is written.
        while self.written.recv().await.is_some() {}
    }
}

/// Starts the work at `rate` (1 is the usual pace) until `stop`. Returns when every queue exists;
/// the history of the past minutes is written within the next seconds, and work begins with it.
pub async fn spawn(endpoint: Endpoint, rate: f64, stop: CancellationToken) -> Result<Work, DemoError> {
    let options = Options { access: Access::ReadWrite, client_name: "toril-demo".to_owned() };
    let conn = Conn::open(endpoint, options).await?;
    let rate = if rate.is_finite() { rate.clamp(RATES.0, RATES.1) } else { 1.0 };
    let mut pasts = Vec::new();
    for kind in KINDS {
        if let Ok(id) = queue_id(kind.queue) {
            let mut past = History::new(&conn, id.clone(), kind);
            past.begin().await?;
            pasts.push((kind, id, past));
        }
    }
    let mut actors = JoinSet::new();
    let (unwritten, written) = mpsc::channel(1);
    for (kind, id, past) in pasts {
        actors.spawn(queue(conn.clone(), kind, id, past, rate, stop.clone(), unwritten.clone()));
    }
    drop(unwritten);
    actors.spawn(until(stop.clone(), cache::run(conn.clone(), rate)));
    actors.spawn(until(stop.clone(), live::flow(conn, rate)));
    let actors = tokio::spawn(async move { while actors.join_next().await.is_some() {} });
    Ok(Work { _actors: actors, written })
}

/// The queues of the demo, in the order of the catalogue.
pub fn queues() -> Vec<QueueId> {
    KINDS.iter().filter_map(|kind| queue_id(kind.queue).ok()).collect()
}

pub(super) fn queue_id(name: &str) -> Result<QueueId, NameError> {
    Ok(QueueId::new(Prefix::default(), QueueName::new(name)?))
}

/// Runs an actor that knows no end.
async fn until(stop: CancellationToken, actor: impl Future<Output = ()>) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = actor => {}
    }
}

/// All actors of one queue: first its past, then its present.
async fn queue(
    conn: Conn,
    kind: &'static Kind,
    id: QueueId,
    past: History<'static>,
    rate: f64,
    stop: CancellationToken,
    unwritten: mpsc::Sender<()>,
) {
    tokio::select! {
        () = stop.cancelled() => return,
        written = past.write() => if let Err(error) = written {
            tracing::warn!(queue = kind.queue, %error, "the demo's history is not whole");
        },
    }
    drop(unwritten);
    let mut actors = JoinSet::new();
    for worker in kind.workers {
        let (worker, link) = (live::worker(&conn, &id, *worker), conn.clone());
        // Its jobs run for seconds: they are not waited for, the server goes anyway.
        let run = worker.run(move |job| live::work(job, kind, link.clone()), CancellationToken::new());
        actors.spawn(until(stop.clone(), run));
    }
    actors.spawn(until(stop.clone(), live::produce(conn.clone(), id.clone(), kind, rate)));
    match kind.queue {
        TIMED => drop(actors.spawn(until(stop, live::keep_time(conn, id, kind)))),
        PAUSED => drop(actors.spawn(until(stop, live::pause_sometimes(conn, id)))),
        _ => {}
    }
    while actors.join_next().await.is_some() {}
}
