//! Finding queues: one bounded pass over the keys, then a slow watch for new ones
//! (decisions, section 7).

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};

use super::core::Input;
use super::interest::Interest;
use super::link;
use super::snapshot::Discovery;
use crate::conn::{Batch, Conn, ConnError, Kind, Request, Value, Verb, bytes, integer, items, text};
use crate::wire::discovery::{STRUCTURES, Sign, TELLING, candidate, is_meta, pattern};
use crate::wire::{Prefix, QueueId, glob};

/// Keys that one call looks at. At any count a million keys cost about 0.46 s of Redis.
const COUNT: u64 = 200;
/// What a call costs Redis.
const CALL: Duration = Duration::from_micros(90);
/// One screen of queues: until then nothing is spared ..
const SCREEN: usize = 60;
/// .. but for no longer than so many keys: some 40 ms.
const SPRINT: u64 = 300 * COUNT;
/// Rest after a call, as a multiple of its cost: at most a quarter of the time in the first pass ..
const REST: u32 = 3;
/// .. and a thousandth afterwards (well below the 1 % that is allowed).
const LATER: Duration = Duration::from_millis(120);
/// A rest is at least this long: timers are not finer.
const SLEEP: Duration = Duration::from_millis(2);
/// Passes after the first begin at least this far apart ..
const PASS: Duration = Duration::from_secs(10);
/// .. but among few keys, where a pass is a call or two, this far for each call: whoever has just
/// started a first queue waits for it.
const EACH: Duration = Duration::from_secs(2);
/// How often progress is told.
const TOLD: Duration = Duration::from_millis(100);

/// What is looked for.
#[derive(Clone, Debug, Default)]
pub(super) struct Search {
    pub prefixes: Vec<Prefix>,
    pub globs: Vec<String>,
}

impl Search {
    /// Whether a queue is one of those looked for.
    pub fn wants(&self, queue: &QueueId) -> bool {
        let prefix = self.prefixes.is_empty() || self.prefixes.contains(&queue.prefix);
        let any = self.globs.is_empty();
        prefix
            && (any
                || self.globs.iter().any(|pattern| {
                    glob::matches(pattern.as_bytes(), queue.name.as_bytes())
                        || glob::matches(pattern.as_bytes(), &queue.qualified())
                }))
    }
}

/// Queues that need no finding: shared with the task that notices when one is gone.
#[derive(Clone, Debug, Default)]
pub(super) struct Known(Arc<Mutex<HashSet<QueueId>>>);

impl Known {
    pub fn new(queues: impl IntoIterator<Item = QueueId>) -> Self {
        Self(Arc::new(Mutex::new(queues.into_iter().collect())))
    }

    fn with<T>(&self, work: impl FnOnce(&mut HashSet<QueueId>) -> T) -> T {
        // A set is whole whatever happened to the last who held it.
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn contains(&self, queue: &QueueId) -> bool {
        self.with(|known| known.contains(queue))
    }

    fn extend(&self, queues: &[QueueId]) {
        self.with(|known| known.extend(queues.iter().cloned()));
    }

    fn len(&self) -> usize {
        self.with(|known| known.len())
    }

    /// They are gone: they may be found again.
    pub fn forget(&self, queues: &[QueueId]) {
        if !queues.is_empty() {
            self.with(|known| known.retain(|queue| !queues.contains(queue)));
        }
    }
}

/// A pass over the keys, call by call.
#[derive(Debug)]
struct Pass {
    cursor: String,
    scanned: u64,
}

impl Pass {
    fn new() -> Self {
        Self { cursor: "0".to_owned(), scanned: 0 }
    }

    /// One call. Returns what was confirmed, and whether the pass is over.
    async fn step(
        &mut self,
        conn: &Conn,
        search: &Search,
        known: &Known,
    ) -> Result<(Vec<QueueId>, bool), ConnError> {
        let scan = Request::new(Verb::Scan).arg(&self.cursor).arg("MATCH").arg(pattern(&search.prefixes));
        let reply = conn.call(scan.arg("COUNT").arg(COUNT)).await?;
        let parts = items(&reply);
        parts.first().and_then(text).unwrap_or("0").clone_into(&mut self.cursor);
        self.scanned += COUNT;
        let mut likely = Vec::new();
        for key in items(parts.get(1).unwrap_or(&Value::Nil)).iter().filter_map(bytes) {
            let Some((queue, sign)) = candidate(key, &search.prefixes) else { continue };
            if !known.contains(&queue) && search.wants(&queue) {
                likely.push((queue, sign));
            }
        }
        let confirmed = confirm(conn, likely).await?;
        Ok((confirmed, self.cursor == "0"))
    }

    /// Rests after a call of a first pass, once the first screen is found or the sprint is over.
    async fn rest(&self, known: &Known, debt: &mut Duration) {
        if known.len() < SCREEN && self.scanned < SPRINT {
            return;
        }
        *debt += CALL * REST;
        if *debt >= SLEEP {
            tokio::time::sleep(std::mem::take(debt)).await;
        }
    }
}

/// Which of the candidates are queues: a `meta` must be a hash with a field of a queue and none of
/// a job; an `id` must be a number beside one structure of the right type.
async fn confirm(conn: &Conn, likely: Vec<(QueueId, Sign)>) -> Result<Vec<QueueId>, ConnError> {
    let mut confirmed = Vec::new();
    for chunk in likely.chunks(64) {
        let mut batch = Batch::new();
        for (queue, sign) in chunk {
            batch.push(match sign {
                Sign::Meta => Request::new(Verb::HMGet).arg(queue.key("meta")).arg(&TELLING[..]),
                Sign::Id => Request::new(Verb::Type).arg(queue.key("id")),
            });
        }
        let mut rest = Vec::new();
        for ((queue, sign), reply) in chunk.iter().zip(conn.batch(&batch).await?) {
            match sign {
                Sign::Meta => {
                    let values: Vec<_> = items(&reply).iter().map(bytes).collect();
                    if is_meta(&values) {
                        confirmed.push(queue.clone());
                    }
                }
                Sign::Id if text(&reply) == Some("string") => rest.push(queue),
                Sign::Id => {}
            }
        }
        for queues in rest.chunks(20) {
            let mut batch = Batch::new();
            for queue in queues {
                batch.push(Request::new(Verb::Get).arg(queue.key("id")));
                for (suffix, _) in STRUCTURES {
                    batch.push(Request::new(Verb::Type).arg(queue.key(suffix)));
                }
            }
            let replies = conn.batch(&batch).await?;
            for (queue, replies) in queues.iter().zip(replies.chunks_exact(1 + STRUCTURES.len())) {
                let number = integer(&replies[0]).is_some();
                let structure =
                    STRUCTURES.iter().zip(&replies[1..]).any(|((_, kind), reply)| text(reply) == Some(*kind));
                if number && structure {
                    confirmed.push((*queue).clone());
                }
            }
        }
    }
    confirmed.sort();
    confirmed.dedup();
    Ok(confirmed)
}

/// Finds all queues, as fast as the server answers, and ends: for a command that has nothing else
/// to do. Patterns may be empty.
pub async fn find(conn: &Conn, prefixes: &[Prefix], globs: &[String]) -> Result<Vec<QueueId>, ConnError> {
    let search = Search { prefixes: prefixes.to_vec(), globs: globs.to_vec() };
    let (mut pass, known, mut debt) = (Pass::new(), Known::default(), Duration::ZERO);
    loop {
        let (found, over) = pass.step(conn, &search, &known).await?;
        known.extend(&found);
        if over {
            break;
        }
        pass.rest(&known, &mut debt).await;
    }
    let mut found: Vec<QueueId> = known.with(|known| known.drain().collect());
    found.sort_by(|a, b| (&a.name, &a.prefix).cmp(&(&b.name, &b.prefix)));
    Ok(found)
}

/// The task: passes for ever. `known` are queues that need no finding.
pub(super) async fn run(
    conn: Conn,
    search: Search,
    remembered: bool,
    known: Known,
    mut interest: watch::Receiver<Interest>,
    to: mpsc::Sender<Input>,
) {
    let mut refresh = interest.borrow_and_update().refresh;
    let mut told = Discovery { prefixes: search.prefixes.clone(), remembered, ..Discovery::default() };
    let (mut link, mut first) = (conn.link(), true);
    // The first pass, and one that the user asks for, does not dawdle.
    let mut brisk = true;
    loop {
        link::up(&mut link).await;
        let began = Instant::now();
        told.keys = match conn.call(Request::new(Verb::DbSize)).await {
            Ok(reply) => integer(&reply).and_then(|n| u64::try_from(n).ok()).unwrap_or(0),
            Err(_) => 0,
        };
        let (mut pass, mut debt, mut last_told) = (Pass::new(), Duration::ZERO, Instant::now());
        loop {
            match pass.step(&conn, &search, &known).await {
                Ok((found, over)) => {
                    known.extend(&found);
                    if !found.is_empty() && to.send(Input::Found(found)).await.is_err() {
                        return;
                    }
                    if over {
                        break;
                    }
                }
                Err(error) if error.kind == Kind::Permission => {
                    told.refused = true;
                    told.complete = true;
                    let _ = to.send(Input::Discovery(told)).await;
                    return;
                }
                Err(_) => {
                    // The cursor stays good, even over a lost link; the server may be busy.
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    link::up(&mut link).await;
                    continue;
                }
            }
            if first && last_told.elapsed() >= TOLD {
                last_told = Instant::now();
                told.scanned = pass.scanned.min(told.keys.max(pass.scanned));
                if to.send(Input::Discovery(told.clone())).await.is_err() {
                    return;
                }
            }
            if brisk {
                pass.rest(&known, &mut debt).await;
            } else {
                tokio::time::sleep(LATER).await;
                brisk = asked(&mut interest, &mut refresh);
            }
        }
        if first {
            first = false;
            told.scanned = told.keys;
            told.complete = true;
            if to.send(Input::Discovery(told.clone())).await.is_err() {
                return;
            }
        }
        brisk = false;
        let calls = u32::try_from(pass.scanned / COUNT).unwrap_or(u32::MAX).max(1);
        let next = began + EACH.saturating_mul(calls).min(PASS);
        while let Some(left) = next.checked_duration_since(Instant::now()) {
            tokio::select! {
                () = tokio::time::sleep(left) => break,
                changed = interest.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    if asked(&mut interest, &mut refresh) {
                        brisk = true;
                        break;
                    }
                }
            }
        }
    }
}

/// Whether the user asked for everything anew.
fn asked(interest: &mut watch::Receiver<Interest>, refresh: &mut u64) -> bool {
    let now = interest.borrow_and_update().refresh;
    std::mem::replace(refresh, now) != now
}
