//! The task that owns the read model: it decides what to read next, reads it, and publishes.
//!
//! One thing is read at a time, so nothing piles up behind a slow server; between two reads new
//! hints and a new interest are taken.

mod sample;
mod sweep;

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};

use super::budget::Budget;
use super::discover::Known;
use super::interest::Interest;
use super::marks;
use super::redis::RedisHealth;
use super::remembered;
use super::snapshot::{Discovery, Snapshot};
use super::store::Store;
use super::workers::Connected;
use super::{Clock, MonitorOptions, Remember, tail};
use crate::conn::{Conn, ConnError, Kind};
use crate::engine::read::workers::Roster;
use crate::text::Clean;
use crate::wire::QueueId;

/// Rates, histories and costs are looked at this often.
const TICK: Duration = Duration::from_secs(1);
/// After a read that failed, while the link says nothing new.
const AFTER_ERROR: Duration = Duration::from_millis(200);
/// The list of queues is remembered at most this often.
const REMEMBER: Duration = Duration::from_secs(30);

/// What other tasks tell the core.
#[derive(Debug)]
pub(super) enum Input {
    /// Queues were found.
    Found(Vec<QueueId>),
    /// How far finding has come.
    Discovery(Discovery),
    /// Something happened in these queues.
    Moved(Vec<QueueId>),
    /// The events of a queue are too large to follow (bytes of one reply), or cannot be read (0): it
    /// is sampled.
    Bulky(QueueId, usize),
    /// This account may not read streams: all queues are sampled.
    NoStreams,
    /// Who is connected; `None` where that may not be known.
    Roster(Option<Roster>),
    /// The server's health.
    Health(Arc<RedisHealth>),
    /// A feature that this account may not use.
    Refused(Clean),
}

/// The task's state.
pub(super) struct Core {
    conn: Conn,
    clock: Clock,
    store: Store,
    budget: Budget,
    interest: watch::Receiver<Interest>,
    /// Queues on screen, as last told.
    visible: Vec<QueueId>,
    refresh: u64,
    /// The act of this session that was last looked after.
    acted: u64,
    want: watch::Sender<tail::Want>,
    inputs: mpsc::Receiver<Input>,
    snapshots: watch::Sender<Arc<Snapshot>>,
    fresh: Arc<AtomicI64>,
    draft: Snapshot,
    /// Queues that moved: to be read at once.
    dirty: HashSet<QueueId>,
    generation: u64,
    /// Since when reads fail.
    failing: Option<Instant>,
    ticked: Instant,
    swept: Instant,
    /// Streams in one command of the sweep.
    sweep_most: usize,
    remember: Option<Remember>,
    remembered: (Option<Instant>, Vec<QueueId>),
    known: Known,
    /// What is remembered of other prefixes: kept.
    elsewhere: Vec<QueueId>,
}

/// The ends of the core's channels.
pub(super) struct Ends {
    pub interest: watch::Receiver<Interest>,
    pub want: watch::Sender<tail::Want>,
    pub inputs: mpsc::Receiver<Input>,
    pub snapshots: watch::Sender<Arc<Snapshot>>,
    pub fresh: Arc<AtomicI64>,
    pub known: Known,
}

impl Core {
    pub fn new(
        conn: Conn,
        options: &MonitorOptions,
        looks: bool,
        elsewhere: Vec<QueueId>,
        ends: Ends,
    ) -> Self {
        let mut store = Store::default();
        for name in &options.names {
            store.found(name.clone(), true);
        }
        for name in &options.remembered {
            store.found(name.clone(), false);
        }
        store.changed = true;
        let discovery = Discovery {
            prefixes: options.prefixes.clone(),
            remembered: !options.remembered.is_empty(),
            complete: !looks,
            ..Discovery::default()
        };
        let now = Instant::now();
        let Ends { interest, want, inputs, snapshots, fresh, known } = ends;
        Self {
            conn,
            clock: options.clock,
            store,
            budget: Budget::new(now),
            interest,
            visible: Vec::new(),
            refresh: 0,
            acted: 0,
            want,
            inputs,
            snapshots,
            fresh,
            draft: Snapshot { discovery, ..Snapshot::default() },
            dirty: HashSet::new(),
            generation: 0,
            failing: None,
            ticked: now,
            swept: now,
            sweep_most: sweep::STREAMS,
            remember: options.remember.clone(),
            remembered: (None, options.remembered.clone()),
            known,
            elsewhere,
        }
    }

    /// The task: reads and publishes for ever.
    pub async fn run(mut self) {
        let mut link = self.conn.link();
        self.look();
        loop {
            while let Ok(input) = self.inputs.try_recv() {
                self.take(input);
            }
            if self.interest.has_changed().unwrap_or(false) {
                self.look();
            }
            let (up, generation) = {
                let link = link.borrow_and_update();
                (link.state.is_connected(), link.generation)
            };
            let mut failed = false;
            if up {
                if generation != self.generation {
                    self.reconnected(generation);
                }
                match self.work().await {
                    Ok(true) => {
                        // After a silence everything may have changed.
                        if self.failing.take().is_some_and(|since| since.elapsed() >= TICK) {
                            self.resync();
                        }
                        // However much there is to read: rates, costs and the list go on.
                        if self.ticked.elapsed() >= TICK {
                            self.tick().await;
                        }
                        self.publish();
                        continue;
                    }
                    Ok(false) => {}
                    Err(error) => {
                        self.budget.refused(Instant::now(), &error);
                        self.failing.get_or_insert_with(Instant::now);
                        failed = true;
                    }
                }
            }
            if self.ticked.elapsed() >= TICK {
                self.tick().await;
            }
            self.publish();
            let mut pause = TICK.saturating_sub(self.ticked.elapsed()).max(Duration::from_millis(1));
            if failed {
                pause = pause.max(AFTER_ERROR);
            } else if up {
                pause = pause.min(self.pause());
            }
            tokio::select! {
                input = self.inputs.recv() => match input {
                    Some(input) => {
                        self.take(input);
                        if failed {
                            tokio::time::sleep(AFTER_ERROR / 4).await;
                        }
                    }
                    None => return,
                },
                changed = self.interest.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    self.look();
                }
                changed = link.changed() => if changed.is_err() { return },
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Does the most urgent thing, if any is due.
    async fn work(&mut self) -> Result<bool, ConnError> {
        let due = self.due();
        let done = if due.is_empty() {
            self.heads().await? || self.sweep().await?
        } else {
            self.sample(&due).await?;
            true
        };
        if done {
            self.fresh.store(self.clock.now_ms(), Ordering::Relaxed);
        }
        Ok(done)
    }

    fn take(&mut self, input: Input) {
        match input {
            Input::Found(queues) => {
                for queue in queues {
                    if self.store.found(queue.clone(), false)
                        && let Some(roster) = self.draft.connected.roster()
                    {
                        self.store.workers_of(&queue, roster, self.clock.now_ms());
                    }
                }
            }
            Input::Discovery(discovery) => {
                if self.draft.discovery != discovery {
                    self.draft.discovery = discovery;
                    self.store.changed = true;
                }
            }
            Input::Moved(queues) => {
                self.fresh.store(self.clock.now_ms(), Ordering::Relaxed);
                for queue in queues {
                    self.store.touch(&queue);
                    self.dirty.insert(queue);
                }
            }
            Input::Bulky(queue, size) => self.bulky(&queue, size),
            Input::NoStreams => self.no_streams(),
            Input::Roster(roster) => self.connected(roster),
            Input::Health(health) => {
                if let Some(before) = &self.draft.redis {
                    marks::of_server(&mut self.draft.marks, before, &health);
                }
                self.draft.redis = Some(health);
                self.store.changed = true;
            }
            Input::Refused(what) => self.refused(what),
        }
    }

    /// Takes who is connected. A look that found nothing new is no news.
    fn connected(&mut self, roster: Option<Roster>) {
        self.store.set_workers(roster.as_ref(), self.clock.now_ms());
        self.draft.connected = match roster {
            None => {
                self.store.changed |= !matches!(self.draft.connected, Connected::NotPermitted);
                Connected::NotPermitted
            }
            Some(mut roster) => {
                let before = self.draft.connected.roster();
                if let Some(before) = before {
                    roster.remember(before);
                }
                self.store.changed |= before.is_none_or(|before| !roster.is_as(before));
                Connected::Known { at: self.clock.now_ms(), roster: Arc::new(roster) }
            }
        };
    }

    fn refused(&mut self, what: Clean) {
        if !self.draft.refused.contains(&what) {
            self.draft.refused.push(what);
            self.store.changed = true;
        }
    }

    /// Takes what is on screen now.
    fn look(&mut self) {
        let Interest { visible, feed, refresh, acted, .. } = self.interest.borrow_and_update().clone();
        let now = self.clock.now_ms();
        self.store.show(&visible, now);
        if refresh != self.refresh {
            self.refresh = refresh;
            self.resync();
        }
        if let Some((act, queue)) = acted
            && act != self.acted
        {
            self.acted = act;
            self.store.touch(&queue);
            self.dirty.insert(queue);
        }
        self.visible = visible;
        self.follow(feed);
    }

    /// Tells the tail which streams it should follow.
    fn follow(&self, feed: Option<Vec<QueueId>>) {
        let streams = |id: &&QueueId| self.store.get(id).is_some_and(super::store::Entry::has_stream);
        let hints: Vec<_> = self
            .visible
            .iter()
            .filter(streams)
            .take(tail::MOST)
            .filter_map(|id| Some((id.clone(), self.store.get(id)?.sampled_redis_ms)))
            .collect();
        let feed = match feed {
            None => Vec::new(),
            Some(all) if all.is_empty() => self
                .store
                .iter()
                .filter(|entry| entry.has_stream())
                .map(|entry| entry.row.id.clone())
                .collect(),
            Some(some) => some.into_iter().filter(|id| streams(&id)).collect(),
        };
        self.want.send_if_modified(|want| {
            let same = want.feed == feed
                && want.hints.len() == hints.len()
                && want.hints.iter().zip(&hints).all(|(old, new)| old.0 == new.0);
            *want = tail::Want { hints, feed };
            !same
        });
    }

    /// Another connection, perhaps another server: everything is read anew, the screen first.
    fn reconnected(&mut self, generation: u64) {
        if self.generation > 0 {
            self.resync();
        }
        self.generation = generation;
    }

    fn resync(&mut self) {
        self.dirty.extend(self.store.iter().map(|entry| entry.row.id.clone()));
    }

    async fn tick(&mut self) {
        let now = Instant::now();
        self.ticked = now;
        self.store.tick(self.clock.now_ms());
        self.budget.traffic(now, self.conn.traffic());
        let cost = self.budget.cost(now, self.draft.cost);
        let slowed = self.budget.why(now).map(Clean::from);
        if cost != self.draft.cost || slowed != self.draft.slowed {
            self.draft.cost = cost;
            self.draft.slowed = slowed;
            self.store.changed = true;
        }
        // New queues may have streams, and a feed of all wants them.
        let feed = self.interest.borrow().feed.clone();
        self.follow(feed);
        self.remember().await;
    }

    /// Writes down which queues there are, when that changed and all were looked for.
    async fn remember(&mut self) {
        let Some(remember) = &self.remember else { return };
        let (at, last) = &self.remembered;
        if !self.draft.discovery.complete || at.is_some_and(|at| at.elapsed() < REMEMBER) {
            return;
        }
        let alive = |entry: &&super::store::Entry| entry.sampled_at > 0 && !entry.is_absent();
        let queues: Vec<QueueId> =
            self.store.iter().filter(alive).map(|entry| entry.row.id.clone()).collect();
        if queues == *last {
            return;
        }
        let (file, server) = (remember.file.clone(), remember.server.clone());
        let list: Vec<QueueId> = queues.iter().chain(&self.elsewhere).cloned().collect();
        // A list that cannot be written only costs the next start some time.
        let _ = tokio::task::spawn_blocking(move || remembered::save(&file, &server, &list)).await;
        self.remembered = (Some(Instant::now()), queues);
    }

    fn publish(&mut self) {
        if !std::mem::take(&mut self.store.changed) {
            return;
        }
        self.draft.generation += 1;
        self.draft.queues = self.store.rows();
        self.snapshots.send_replace(Arc::new(self.draft.clone()));
    }

    /// What an error of one read means for the row it was about.
    fn is_general(error: &ConnError) -> bool {
        error.is_link() || error.is_server_state() || error.kind == Kind::Auth
    }
}
