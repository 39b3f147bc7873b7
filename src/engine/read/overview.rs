//! Many queues at a glance, in one round trip (spec 3.1).

mod once;
mod plan;

pub use once::counts;

use self::plan::{Slot, plan};
use crate::conn::{Batch, Conn, ConnError, Request, Value, Verb, bytes, integer, items, text};
use crate::text::Clean;
use crate::wire::era::{Evidence, ListMarker};
use crate::wire::{Counts, Era, JobId, Meta, QueueId, number, score};

/// The value of `limiter` that holds a queue by hand.
const MANUAL_LIMIT: i64 = 9_007_199_254_740_991;

/// What is asked of one queue.
#[derive(Clone, Debug)]
pub struct Ask<'a> {
    /// Which queue.
    pub queue: &'a QueueId,
    /// Its era, where it is known: it decides which keys are worth a look.
    pub era: Era,
    /// Look for all that tells the era, too.
    pub identify: bool,
    /// Count what finished after this time (ms by the workers' clocks).
    pub finished_since: Option<i64>,
    /// Its workers keep metrics: read their counters instead.
    pub metrics: bool,
}

impl<'a> Ask<'a> {
    /// The first question about a queue: everything.
    pub fn first(queue: &'a QueueId) -> Self {
        Self { queue, era: Era::Unknown, identify: true, finished_since: None, metrics: true }
    }
}

/// A queue as it was found: figures as they stand in Redis, nothing corrected yet.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Overview {
    /// The `meta` hash.
    pub meta: Meta,
    /// `id`: jobs added so far, duplicates of custom ids included.
    pub last_id: Option<i64>,
    /// Elements of `wait`, markers included.
    pub wait: u64,
    /// Elements of `paused`, markers included.
    pub paused: u64,
    /// Elements of `active`.
    pub active: u64,
    /// Members of `prioritized`.
    pub prioritized: u64,
    /// Members of `priority` (Bull, BullMQ 1 to 3): also in `wait`.
    pub priority: u64,
    /// Members of `delayed`.
    pub delayed: u64,
    /// Members of `waiting-children`.
    pub waiting_children: u64,
    /// Members of `completed`.
    pub completed: u64,
    /// Members of `failed`.
    pub failed: u64,
    /// Members of `repeat`: schedulers and repeatables.
    pub repeat: u64,
    /// Markers seen at either end of `wait`.
    pub wait_markers: u64,
    /// Markers seen at either end of `paused`.
    pub paused_markers: u64,
    /// The next job to run: the tail of `wait`, else of `paused`, else the first of `prioritized`.
    pub next: Option<JobId>,
    /// The job that has run longest.
    pub oldest_active: Option<JobId>,
    /// A job that finished lately, where the era was asked for: its fields tell who ran it.
    pub newest_finished: Option<JobId>,
    /// When the first delayed job is due, ms.
    pub next_due_at: Option<i64>,
    /// Time to live of `limiter`, ms.
    pub limiter_ms: Option<i64>,
    /// Value of `limiter`.
    pub limiter: Option<i64>,
    /// `meta-paused` exists.
    pub meta_paused: bool,
    /// Jobs completed: since the time asked, or the metrics' total.
    pub completed_count: Option<u64>,
    /// Jobs failed: since the time asked, or the metrics' total.
    pub failed_count: Option<u64>,
    /// Whether those two are totals of the metrics.
    pub metrics: bool,
    /// What tells the era, where it was asked for.
    pub evidence: Option<Evidence>,
    /// The first error among the replies, if any.
    pub error: Option<Clean>,
}

/// Reads all queues asked for in one round trip. Keep the list short enough for the server: one
/// queue is 16 to 26 commands and about 18 µs.
///
/// Returns Redis's time (ms since the epoch) with the answers, in the order asked.
pub async fn overview(conn: &Conn, asks: &[Ask<'_>]) -> Result<(Option<i64>, Vec<Overview>), ConnError> {
    let mut batch = Batch::new();
    batch.push(Request::new(Verb::Time));
    let mut plans = Vec::with_capacity(asks.len());
    for ask in asks {
        plans.push(plan(ask, &mut batch));
    }
    let replies = conn.batch(&batch).await?;
    let mut replies = replies.into_iter();
    let time = replies.next().as_ref().and_then(server_time);
    let mut answers = Vec::with_capacity(asks.len());
    for (ask, slots) in asks.iter().zip(plans) {
        let mut found = Overview { metrics: ask.metrics, ..Overview::default() };
        if ask.identify {
            found.evidence = Some(Evidence::default());
        }
        for (slot, reply) in slots.into_iter().zip(replies.by_ref()) {
            match ConnError::check(reply) {
                Ok(reply) => found.take(slot, &reply),
                // The server as a whole: nothing of this answer says anything of a queue.
                Err(error) if error.is_server_state() => return Err(error),
                Err(error) => {
                    found.error.get_or_insert(error.message);
                }
            }
        }
        found.settle();
        answers.push(found);
    }
    Ok((time, answers))
}

/// Reads the reply of `TIME` as ms since the epoch.
pub fn server_time(reply: &Value) -> Option<i64> {
    let parts = items(reply);
    let (seconds, micros) = (integer(parts.first()?)?, integer(parts.get(1)?)?);
    Some(number::bounded(seconds.saturating_mul(1000).saturating_add(micros / 1000)))
}

impl Overview {
    fn take(&mut self, slot: Slot, reply: &Value) {
        let whole = integer(reply).map(number::bounded);
        let count = whole.and_then(|n| u64::try_from(n).ok()).unwrap_or(0);
        match slot {
            Slot::Meta => {
                let values: Vec<_> = items(reply).iter().map(bytes).collect();
                self.meta = Meta::decode(&values);
            }
            Slot::Id => self.last_id = whole,
            Slot::Wait => self.wait = count,
            Slot::Paused => self.paused = count,
            Slot::Active => self.active = count,
            Slot::Prioritized => self.prioritized = count,
            Slot::Priority => self.priority = count,
            Slot::Delayed => self.delayed = count,
            Slot::WaitingChildren => self.waiting_children = count,
            Slot::Completed => self.completed = count,
            Slot::Failed => self.failed = count,
            Slot::Repeat => self.repeat = count,
            Slot::WaitTail => {
                if let Some(marker) = self.tail(reply) {
                    self.wait_markers += 1;
                    self.mark(marker);
                }
            }
            Slot::PausedTail => {
                if let Some(marker) = self.tail(reply) {
                    self.paused_markers += 1;
                    self.mark(marker);
                }
            }
            // A list of one has one end.
            Slot::WaitHead if self.wait > 1 => {
                if let Some(marker) = bytes(reply).and_then(ListMarker::of) {
                    self.wait_markers += 1;
                    self.mark(marker);
                }
            }
            Slot::PausedHead if self.paused > 1 => {
                if let Some(marker) = bytes(reply).and_then(ListMarker::of) {
                    self.paused_markers += 1;
                    self.mark(marker);
                }
            }
            Slot::WaitHead | Slot::PausedHead => {}
            Slot::PrioritizedHead => {
                // Comes before the lists, which win.
                self.next = items(reply).first().and_then(bytes).map(JobId::new);
            }
            Slot::ActiveTail => {
                self.oldest_active = bytes(reply).map(JobId::new).filter(|id| !id.is_marker());
            }
            Slot::NextDue => self.next_due_at = scored(reply).first().map(|(_, at)| score::due_at(*at)),
            Slot::LimiterTtl => self.limiter_ms = whole.filter(|ms| *ms > 0),
            Slot::Limiter => self.limiter = whole,
            Slot::MetaPaused => self.meta_paused = count > 0,
            Slot::CompletedCount => self.completed_count = whole.map(|_| count),
            Slot::FailedCount => self.failed_count = whole.map(|_| count),
            Slot::NewestCompleted | Slot::NewestFailed => {
                let newest = items(reply).first().and_then(bytes).map(JobId::new);
                self.newest_finished = newest.or(self.newest_finished.take());
            }
            Slot::Events | Slot::Marker | Slot::Pc | Slot::DelayStream | Slot::Groups => {
                let Some(found) = &mut self.evidence else { return };
                let field = match slot {
                    Slot::Events => &mut found.events,
                    Slot::Marker => &mut found.marker,
                    Slot::Pc => &mut found.pc,
                    Slot::DelayStream => &mut found.delay_stream,
                    _ => &mut found.groups,
                };
                *field = count > 0 || text(reply) == Some("stream");
            }
        }
    }

    /// The tail of a list, its last element or its last two: whether a marker stands there, and the
    /// next job to run.
    fn tail(&mut self, reply: &Value) -> Option<ListMarker> {
        let (before, last) = match items(reply) {
            [before, last] => (bytes(before), bytes(last)),
            [last] => (None, bytes(last)),
            _ => (None, bytes(reply)),
        };
        let marker = last.and_then(ListMarker::of);
        let next = if marker.is_some() { before } else { last };
        if let Some(next) = next.filter(|id| ListMarker::of(id).is_none()) {
            self.next = Some(JobId::new(next));
        }
        marker
    }

    fn mark(&mut self, marker: ListMarker) {
        if let Some(found) = &mut self.evidence {
            found.list_marker = Some(marker);
        }
    }

    fn settle(&mut self) {
        if let Some(found) = &mut self.evidence {
            found.meta = self.meta.clone();
            found.id = self.last_id.is_some();
            found.meta_paused = self.meta_paused;
            found.prioritized = self.prioritized > 0;
            found.priority = self.priority > 0;
        }
    }

    /// Jobs by state as this era means them (spec 3.2).
    pub fn counts(&self, era: Era) -> Counts {
        // Of an era that is not known only `prioritized` counts: what `priority` holds is in `wait`, too.
        let prioritized = if era <= Era::V3 { self.priority } else { self.prioritized };
        Counts {
            waiting: self.wait.saturating_sub(self.wait_markers),
            paused: self.paused.saturating_sub(self.paused_markers),
            prioritized,
            active: self.active,
            delayed: self.delayed,
            waiting_children: self.waiting_children,
            completed: self.completed,
            failed: self.failed,
        }
    }

    /// Jobs that are not finished; what `priority` holds is in `wait` already (decisions, 5).
    pub fn backlog(&self) -> u64 {
        self.wait.saturating_sub(self.wait_markers)
            + self.paused.saturating_sub(self.paused_markers)
            + self.prioritized
            + self.active
            + self.delayed
            + self.waiting_children
    }

    /// Whether the queue is paused, by BullMQ's flag or by Bull's.
    pub fn is_paused(&self) -> bool {
        self.meta.paused || self.meta_paused
    }

    /// Whether jobs lie in two lists (trap T1), or in the list that only the pause of an older writer
    /// fills while the queue is not paused: no worker takes them from there. Merging mends both.
    pub fn is_split(&self, counts: &Counts) -> bool {
        counts.paused > 0 && (counts.waiting > 0 || !self.is_paused())
    }

    /// For how many ms yet the rate limit holds the queue (spec 3.10).
    pub fn limited_ms(&self) -> Option<i64> {
        let started = self.limiter?;
        let limit = self.meta.max.and_then(|max| i64::try_from(max).ok());
        let held = started >= MANUAL_LIMIT || limit.is_some_and(|max| started >= max);
        self.limiter_ms.filter(|_| held)
    }

    /// Whether nothing of the queue exists.
    pub fn is_absent(&self) -> bool {
        self.error.is_none()
            && self.meta.is_empty()
            && self.last_id.is_none()
            && !self.meta_paused
            && self.repeat == 0
            && self.backlog() + self.completed + self.failed + self.wait + self.paused == 0
            && self.evidence.as_ref().is_none_or(|found| !found.events)
    }
}

/// Members with their scores: flat in RESP2, in pairs in RESP3.
pub fn scored(reply: &Value) -> Vec<(&[u8], f64)> {
    let elements = items(reply);
    if elements.iter().all(|element| matches!(element, Value::Array(_))) {
        return elements
            .iter()
            .filter_map(|pair| {
                let pair = items(pair);
                Some((bytes(pair.first()?)?, crate::conn::float(pair.get(1)?)?))
            })
            .collect();
    }
    elements
        .chunks_exact(2)
        .filter_map(|pair| Some((bytes(&pair[0])?, crate::conn::float(&pair[1])?)))
        .collect()
}
