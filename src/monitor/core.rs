//! The task that owns the read model: it decides what to read next, reads it, and publishes.
//!
//! One thing is read at a time, so nothing piles up behind a slow server; between two reads new
//! hints and a new interest are taken.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};

use super::interest::Interest;
use super::snapshot::{Discovery, Snapshot};
use super::store::Store;
use super::{Clock, MonitorOptions};
use crate::conn::{Conn, ConnError, LinkState};
use crate::engine::read::{Ask, overview};
use crate::wire::QueueId;

/// Queues in one round trip: about 250 commands (reliability, part 3).
const CHUNK: usize = 12;
/// Round trips in flight while much is to be read: one screen of queues.
const ABREAST: usize = 5;
/// A queue on screen is read at least this often: some acts leave no event (drain, clean).
const VISIBLE: Duration = Duration::from_secs(5);
/// Any other queue is read at least this often.
const OTHERS: Duration = Duration::from_secs(60);
/// Rates and histories are looked at this often.
const TICK: Duration = Duration::from_secs(1);

/// What other tasks tell the core.
#[derive(Debug)]
pub(super) enum Input {
    /// Queues were found.
    Found(Vec<QueueId>),
    /// How far finding has come.
    Discovery(Discovery),
}

pub(super) struct Core {
    pub conn: Conn,
    pub clock: Clock,
    pub store: Store,
    pub interest: watch::Receiver<Interest>,
    pub inputs: mpsc::Receiver<Input>,
    pub snapshots: watch::Sender<Arc<Snapshot>>,
    pub draft: Snapshot,
    /// Queues that moved: to be read at once.
    pub dirty: HashSet<QueueId>,
    pub ticked: Instant,
}

impl Core {
    pub fn new(
        conn: Conn,
        options: &MonitorOptions,
        interest: watch::Receiver<Interest>,
        inputs: mpsc::Receiver<Input>,
        snapshots: watch::Sender<Arc<Snapshot>>,
    ) -> Self {
        let mut store = Store::default();
        for name in &options.names {
            store.found(name.clone(), true);
        }
        for name in &options.remembered {
            store.found(name.clone(), false);
        }
        let draft = Snapshot {
            discovery: Discovery {
                prefixes: options.prefixes.clone(),
                remembered: !options.remembered.is_empty(),
                ..Discovery::default()
            },
            ..Snapshot::default()
        };
        Self {
            conn,
            clock: options.clock,
            store,
            interest,
            inputs,
            snapshots,
            draft,
            dirty: HashSet::new(),
            ticked: Instant::now(),
        }
    }

    pub async fn run(mut self) {
        let mut link = self.conn.link();
        loop {
            while let Ok(input) = self.inputs.try_recv() {
                self.take(input);
            }
            let up = link.borrow_and_update().state == LinkState::Up;
            if up {
                let due = self.due();
                if !due.is_empty() {
                    if self.sample(&due).await.is_err() {
                        // The link is being seen to; do not spin until it says so.
                        tokio::time::sleep(Duration::from_millis(50)).await;
                    }
                    self.publish();
                    continue;
                }
            }
            if self.ticked.elapsed() >= TICK {
                self.ticked = Instant::now();
                self.store.tick(self.clock.now_ms());
            }
            self.publish();
            let pause = self.pause();
            tokio::select! {
                input = self.inputs.recv() => match input {
                    Some(input) => self.take(input),
                    None => return,
                },
                changed = self.interest.changed() => if changed.is_err() { return },
                changed = link.changed() => if changed.is_err() { return },
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    fn take(&mut self, input: Input) {
        match input {
            Input::Found(queues) => {
                for queue in queues {
                    self.store.found(queue, false);
                }
            }
            Input::Discovery(discovery) => {
                if self.draft.discovery != discovery {
                    self.draft.discovery = discovery;
                    self.store.changed = true;
                }
            }
        }
    }

    fn age(&self, sampled_at: i64) -> Duration {
        Duration::from_millis(u64::try_from(self.clock.now_ms() - sampled_at).unwrap_or(0))
    }

    /// The queues to read now, most urgent first.
    fn due(&mut self) -> Vec<QueueId> {
        let visible = self.interest.borrow_and_update().visible.clone();
        let mut due: Vec<QueueId> = Vec::new();
        let most = CHUNK * ABREAST;
        for id in &visible {
            let Some(entry) = self.store.get(id) else { continue };
            if self.dirty.contains(id)
                || self.age(entry.sampled_at) >= VISIBLE.min(Duration::from_millis(250))
            {
                due.push(id.clone());
            }
            if due.len() == most {
                return due;
            }
        }
        for entry in self.store.iter() {
            let id = &entry.row.id;
            if (self.dirty.contains(id) || self.age(entry.sampled_at) >= OTHERS.min(Duration::from_secs(2)))
                && !due.contains(id)
            {
                due.push(id.clone());
                if due.len() == most {
                    break;
                }
            }
        }
        due
    }

    fn pause(&self) -> Duration {
        Duration::from_millis(100)
    }

    /// Reads some queues and takes what was found.
    async fn sample(&mut self, queues: &[QueueId]) -> Result<(), ConnError> {
        let now = self.clock.now_ms();
        let asks: Vec<Ask<'_>> = queues
            .iter()
            .map(|queue| match self.store.get(queue) {
                Some(entry) if entry.identified_at > 0 => Ask {
                    queue,
                    era: entry.era(),
                    identify: now - entry.identified_at >= 60_000,
                    finished_since: entry.finished_since(),
                    metrics: entry.metrics,
                },
                _ => Ask::first(queue),
            })
            .collect();
        let chunks = asks.chunks(CHUNK).map(|chunk| overview(&self.conn, chunk));
        let answers = futures_util::future::join_all(chunks).await;
        let now = self.clock.now_ms();
        let mut failed = None;
        for (chunk, answer) in queues.chunks(CHUNK).zip(answers) {
            match answer {
                Ok((redis_ms, found)) => {
                    if let Some(redis_ms) = redis_ms {
                        self.draft.clock_offset_ms = redis_ms - now;
                    }
                    for (queue, found) in chunk.iter().zip(&found) {
                        self.dirty.remove(queue);
                        self.store.apply(queue, found, redis_ms.unwrap_or(now), now);
                    }
                }
                Err(error) => failed = Some(error),
            }
        }
        failed.map_or(Ok(()), Err)
    }

    fn publish(&mut self) {
        if !std::mem::take(&mut self.store.changed) {
            return;
        }
        self.draft.generation += 1;
        self.draft.queues = self.store.rows();
        self.snapshots.send_replace(Arc::new(self.draft.clone()));
    }
}
