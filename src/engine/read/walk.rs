//! Reads chosen fields of many jobs, newest first: what Find and Errors are built on.
//!
//! A walk goes through states of queues by pages of ids and fetches a few raw hash fields of each job
//! in pipelines of [`ABREAST`], one in flight, on a connection of its own (decisions, section 4: a
//! bystander hardly notices those). What it holds does not grow with the number of jobs. Nothing is
//! parsed: a caller looks for bytes in a whole [`Round`] first and takes apart only what it needs.
//!
//! Sizes are asked one round ahead, in the same round trip, so that a job with a value of many
//! megabytes is known before anything of it is read; a field above [`Want::field_max`] is left where
//! it is and counted.
//!
//! ```no_run
//! use toril::conn::Conn;
//! use toril::engine::read::walk::{Source, Walk, Want};
//! use toril::wire::{Era, QueueId, State};
//!
//! async fn reasons(conn: &Conn, queue: QueueId) -> Result<(), toril::conn::ConnError> {
//!     let sources = Source::of(&queue, Era::V5, &[State::Failed]);
//!     let want = Want { fields: vec!["failedReason".into()], jobs: 10_000, ..Want::default() };
//!     let mut walk = Walk::new(conn, sources, want);
//!     while let Some(round) = walk.next().await? {
//!         for job in round.jobs() {
//!             let _reason: Option<&[u8]> = job.field(0);
//!         }
//!     }
//!     let _how_far = walk.coverage();
//!     Ok(())
//! }
//! ```

mod cost;
mod ids;
mod line;
mod merge;
mod round;

pub use cost::Cost;
pub use round::{Round, Seen};

use crate::conn::{Conn, ConnError, Kind, RawReply, Verb};
use crate::wire::{Era, QueueId, State};
use ids::{Entry, Ids, Upcoming};
use line::Line;
use merge::Merge;

/// Jobs in one round trip.
pub const ABREAST: usize = 20;
/// Bytes of one round trip, about.
const ROUND: u64 = 256 << 10;
/// Fields of a hash that are measured; a job has some fifteen, a foreign hash may have a million.
const MEASURED: &str = "64";
/// States that are counted in one round trip.
const COUNTED: usize = 200;

/// One list of jobs to go through.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Source {
    /// Of which queue.
    pub queue: QueueId,
    /// Who writes it.
    pub era: Era,
    /// Which state.
    pub state: State,
    /// From the other end: next to run, soonest due or longest finished comes first.
    pub oldest_first: bool,
}

impl Source {
    /// States of a queue, in the order in which jobs move. Up to BullMQ 3 a job with a priority is in
    /// `wait` as well: `prioritized` is left out where `waiting` is asked for.
    pub fn of(queue: &QueueId, era: Era, states: &[State]) -> Vec<Self> {
        let twice = era <= Era::V3 && states.contains(&State::Waiting);
        State::AS_JOBS_MOVE
            .into_iter()
            .filter(|state| states.contains(state) && !(twice && *state == State::Prioritized))
            .map(|state| Self { queue: queue.clone(), era, state, oldest_first: false })
            .collect()
    }

    /// The same from the other end.
    #[must_use]
    pub fn oldest_first(self) -> Self {
        Self { oldest_first: true, ..self }
    }

    /// Its jobs have ended, and their scores tell when; those that ended last come first.
    fn ends(&self) -> bool {
        self.state.is_finished() && !self.oldest_first
    }

    /// The key that holds the ids.
    fn key(&self) -> Vec<u8> {
        let by_priority = self.state == State::Prioritized && self.era <= Era::V3;
        self.queue.key(if by_priority { "priority" } else { self.state.suffix() })
    }
}

/// What is read of each job.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Want {
    /// Names of hash fields.
    pub fields: Vec<String>,
    /// Jobs that are read, at most.
    pub jobs: u64,
    /// Fields up to this size, bytes.
    pub field_max: u64,
}

impl Default for Want {
    /// No field, of all jobs, up to 1 MB each.
    fn default() -> Self {
        Self { fields: Vec::new(), jobs: u64::MAX, field_max: 1 << 20 }
    }
}

/// How far a walk went.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Coverage {
    /// Jobs that were looked at.
    pub read: u64,
    /// Jobs in the states when it began.
    pub total: u64,
    /// Ids without a job: its hash is gone, or was never one.
    pub gone: u64,
    /// Jobs of which a field was too large to be read.
    pub large: u64,
    /// All jobs that were there when it began, with all fields that were wanted.
    pub complete: bool,
}

/// A walk under way. Dropping it closes its connection, which is how it is cancelled.
#[derive(Debug)]
pub struct Walk {
    line: Line,
    want: Want,
    sources: Vec<Ids>,
    /// Who takes turns: one state each, or (`None`) those that are merged.
    slots: Vec<Option<usize>>,
    merge: Merge,
    /// Whose page comes next.
    turn: usize,
    upcoming: Upcoming,
    coverage: Coverage,
    started: bool,
    slipped: bool,
    scratch: Vec<u8>,
    /// Jobs of the round that was read last.
    now: Vec<Entry>,
    /// They were chosen and not yet read.
    pending: bool,
    /// `MEMORY USAGE` is not permitted here: sizes are asked field by field.
    by_field: bool,
}

impl Walk {
    /// A walk through these states; it begins with the first [`Walk::next`].
    ///
    /// Jobs that have ended come in one order, the last one of all queues first. No other state tells when its
    /// jobs came there without reading them: these take turns with those that have ended, and with each other, by
    /// pages, each newest first, so that none has to wait for the end of another.
    pub fn new(conn: &Conn, sources: Vec<Source>, want: Want) -> Self {
        let by_end: Vec<usize> = (0..sources.len()).filter(|at| sources[*at].ends()).collect();
        let merged = by_end.len() > 1;
        let alone = (0..sources.len()).filter(|at| !merged || !sources[*at].ends()).map(Some);
        Self {
            line: Line::new(conn),
            want,
            slots: merged.then_some(None).into_iter().chain(alone).collect(),
            merge: Merge::default(),
            sources: sources.into_iter().map(Ids::new).collect(),
            turn: 0,
            upcoming: Upcoming::default(),
            coverage: Coverage::default(),
            started: false,
            slipped: false,
            scratch: Vec::new(),
            now: Vec::new(),
            pending: false,
            by_field: false,
        }
    }

    /// How far it is.
    pub fn coverage(&self) -> Coverage {
        let whole =
            self.upcoming.is_empty() && self.merge.is_over() && self.sources.iter().all(|ids| ids.end);
        let complete = self.started && whole && !self.slipped && self.coverage.large == 0;
        Coverage { complete, ..self.coverage }
    }

    /// What it took so far.
    pub fn cost(&self) -> Cost {
        self.line.clock.cost(self.coverage.read)
    }

    /// The next jobs; `None` at the end or at the bound. After an error the same jobs are asked for
    /// again, over a new connection: a caller may wait and go on.
    pub async fn next(&mut self) -> Result<Option<Round<'_>>, ConnError> {
        self.line.clock.start();
        if !self.started {
            self.count().await?;
            if self.slots.contains(&None) {
                let places: Vec<usize> =
                    (0..self.sources.len()).filter(|at| self.sources[*at].source.ends()).collect();
                self.merge.start(&mut self.sources, &places, &mut self.line).await?;
            }
            self.started = true;
        }
        loop {
            if !self.pending {
                let left = self.want.jobs.saturating_sub(self.coverage.read);
                if left > 0 {
                    self.refill().await?;
                }
                if left == 0 || self.upcoming.is_empty() {
                    self.now.clear();
                    return Ok(None);
                }
                self.choose(left);
                self.pending = true;
            }
            self.read().await?;
            self.pending = false;
            if !self.now.is_empty() {
                break;
            }
        }
        Ok(Some(Round {
            sources: &self.sources,
            arena: self.upcoming.arena(),
            jobs: &self.now,
            replies: &self.line.replies,
            fields: self.want.fields.len(),
        }))
    }

    /// Asks how many jobs there are; states without any are not looked at again.
    async fn count(&mut self) -> Result<(), ConnError> {
        let mut total = 0;
        for sources in self.sources.chunks_mut(COUNTED) {
            self.line.batch.clear();
            for ids in &*sources {
                let verb = if ids.source.state.is_list() { Verb::LLen } else { Verb::ZCard };
                self.line.batch.pack(verb, &[&ids.key]);
            }
            self.line.ask().await?;
            for (at, ids) in sources.iter_mut().enumerate() {
                let reply = self.line.replies.get(at);
                if let Some(error) = reply.and_then(RawReply::error)
                    && error.kind != Kind::Reply
                {
                    return Err(error);
                }
                let length = reply.and_then(RawReply::integer).unwrap_or(0);
                total += u64::try_from(length).unwrap_or(0);
                ids.end = length <= 0;
            }
        }
        self.coverage.total = total;
        Ok(())
    }

    /// Reads pages of ids until two rounds are known, from one state after the other.
    async fn refill(&mut self) -> Result<(), ConnError> {
        while self.upcoming.len() < 2 * ABREAST {
            let is_open = |at: &usize| match self.slots[*at] {
                Some(place) => !self.sources[place].end,
                None => !self.merge.is_over(),
            };
            let turns = (0..self.slots.len()).map(|step| (self.turn + step) % self.slots.len());
            let Some(at) = turns.into_iter().find(is_open) else { return Ok(()) };
            let page = match self.slots[at] {
                Some(place) => {
                    let ids = &mut self.sources[place];
                    ids.page(place, &mut self.line, &mut self.upcoming).await?
                }
                None => self.merge.page(&mut self.sources, &mut self.line, &mut self.upcoming).await?,
            };
            self.slipped |= page.slipped;
            self.coverage.total = self.coverage.total.saturating_sub(page.markers);
            self.turn = at + 1;
        }
        Ok(())
    }

    /// Which jobs the round is about: those whose size is known, as long as they are small together.
    fn choose(&mut self, most: u64) {
        self.now.clear();
        let (mut sum, mut taken) = (0, 0);
        while let Some(entry) = self.upcoming.first() {
            let Some(size) = entry.size else { break };
            if taken == most.min(ABREAST as u64) || (sum > 0 && sum + size > ROUND) {
                break;
            }
            taken += 1;
            sum += size;
            self.upcoming.pop();
            if size == 0 {
                self.coverage.read += 1;
                self.coverage.gone += 1;
            } else {
                self.now.push(entry);
            }
        }
    }

    /// Reads the jobs of the round, and with them the sizes of those that come next.
    async fn read(&mut self) -> Result<(), ConnError> {
        self.measure_large().await?;
        let timed = self.line.clock.is_due();
        self.line.batch.clear();
        if timed {
            self.line.batch.pack(Verb::Time, &[]);
        }
        let fields: Vec<&[u8]> = self.want.fields.iter().map(String::as_bytes).collect();
        for entry in &mut self.now {
            key(&self.sources, self.upcoming.arena(), entry, &mut self.scratch);
            let small =
                fields.iter().enumerate().filter(|(at, _)| !entry.is_large(*at)).map(|(_, field)| *field);
            let args: Vec<&[u8]> = std::iter::once(self.scratch.as_slice()).chain(small).collect();
            entry.reply = (args.len() > 1).then_some(self.line.batch.len());
            if entry.reply.is_some() {
                self.line.batch.pack(Verb::HMGet, &args);
            }
        }
        let sizes = self.line.batch.len();
        let ahead = self.upcoming.len().min(ABREAST);
        let unknown = (0..ahead).filter(|at| self.upcoming.get(*at).is_some_and(|next| next.size.is_none()));
        let unknown: Vec<usize> = unknown.collect();
        for at in &unknown {
            let Some(entry) = self.upcoming.get(*at) else { continue };
            key(&self.sources, self.upcoming.arena(), &entry, &mut self.scratch);
            if self.by_field {
                for field in &fields {
                    self.line.batch.pack(Verb::HStrLen, &[&self.scratch, field]);
                }
            } else {
                self.line.batch.pack(Verb::MemoryUsage, &[&self.scratch, b"SAMPLES", MEASURED.as_bytes()]);
            }
        }
        if timed {
            self.line.batch.pack(Verb::Time, &[]);
        }
        self.line.ask().await?;
        self.line.round(timed);
        self.take_sizes(sizes, &unknown)?;
        self.take_jobs()
    }

    /// Which fields of jobs that are large must be left where they are.
    async fn measure_large(&mut self) -> Result<(), ConnError> {
        let most = self.want.field_max;
        self.line.batch.clear();
        for entry in self.now.iter().filter(|entry| entry.size.is_some_and(|size| size > most)) {
            key(&self.sources, self.upcoming.arena(), entry, &mut self.scratch);
            for field in &self.want.fields {
                self.line.batch.pack(Verb::HStrLen, &[&self.scratch, field.as_bytes()]);
            }
        }
        if self.line.batch.is_empty() {
            return Ok(());
        }
        self.line.ask().await?;
        let mut replies = 0..self.line.batch.len();
        for entry in self.now.iter_mut().filter(|entry| entry.size.is_some_and(|size| size > most)) {
            entry.large = 0;
            for at in 0..self.want.fields.len() {
                let size = replies.next().and_then(|at| self.line.count(at));
                if size.is_some_and(|size| size > most) {
                    entry.large |= 1 << (at as u32).min(u64::BITS - 1);
                }
            }
        }
        Ok(())
    }

    /// Notes the sizes of coming jobs; their replies begin at `from`.
    fn take_sizes(&mut self, from: usize, places: &[usize]) -> Result<(), ConnError> {
        let each = if self.by_field { self.want.fields.len() } else { 1 };
        for (nth, at) in places.iter().enumerate() {
            // A key without any of the fields is told from one that is gone when it is read.
            let mut size = u64::from(self.by_field);
            for reply in (0..each).filter_map(|field| self.line.replies.get(from + nth * each + field)) {
                match reply.error() {
                    // Not permitted, or a server without the command.
                    Some(error) if !self.by_field && matches!(error.kind, Kind::Permission | Kind::Reply) => {
                        self.by_field = true;
                        return Ok(());
                    }
                    Some(error) if error.kind == Kind::Reply => size = 0,
                    Some(error) => return Err(error),
                    None => size += reply.integer().and_then(|n| u64::try_from(n).ok()).unwrap_or(0),
                }
            }
            self.upcoming.set_size(*at, size);
        }
        Ok(())
    }

    /// Leaves out what turned out to be no job, and counts.
    fn take_jobs(&mut self) -> Result<(), ConnError> {
        let fields = self.want.fields.len();
        let mut failed = None;
        let mut gone = 0;
        let replies = &self.line.replies;
        let before = self.now.len() as u64;
        self.now.retain(|entry| {
            let Some(reply) = entry.reply.and_then(|at| replies.get(at)) else { return true };
            let is_gone = match reply.error() {
                Some(error) if error.kind == Kind::Reply => true,
                Some(error) => {
                    failed = Some(error);
                    false
                }
                None => self.by_field && entry.large == 0 && reply.items().take(fields).all(|f| f.is_none()),
            };
            gone += u64::from(is_gone);
            !is_gone
        });
        if let Some(error) = failed {
            return Err(error);
        }
        self.coverage.read += before;
        self.coverage.gone += gone;
        self.coverage.large += self.now.iter().filter(|entry| entry.large != 0).count() as u64;
        Ok(())
    }
}

/// The key of a job's hash.
fn key(sources: &[Ids], arena: &[u8], entry: &Entry, out: &mut Vec<u8>) {
    out.clear();
    if let Some(ids) = sources.get(entry.source) {
        out.extend_from_slice(&ids.base);
    }
    out.extend_from_slice(entry.id(arena));
}
