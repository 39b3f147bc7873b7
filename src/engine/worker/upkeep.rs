//! What a worker does beside running jobs: it keeps its locks and looks for jobs of dead workers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use super::shared::Shared;
use super::{WorkError, WorkerEvent};
use crate::wire::{JobId, Token};

/// The jobs whose locks are ours, until they have ended.
#[derive(Debug, Default)]
pub(super) struct Held(Mutex<HashMap<JobId, Hold>>);

#[derive(Debug)]
struct Hold {
    token: Token,
    /// When the lock was last known to be new.
    renewed: Instant,
    cancel: CancellationToken,
    /// Its handler has returned.
    ending: bool,
}

impl Held {
    fn with<T>(&self, act: impl FnOnce(&mut HashMap<JobId, Hold>) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Keeps the lock of a job from now on. The token of what is returned fires when it is lost.
    pub(super) fn insert(&self, id: JobId, token: Token) -> CancellationToken {
        let cancel = CancellationToken::new();
        let hold = Hold { token, renewed: Instant::now(), cancel: cancel.clone(), ending: false };
        self.with(|held| held.insert(id, hold));
        cancel
    }

    /// The handler of a job has returned: its lock is kept until the end is told to Redis, but that it
    /// is lost is for the end to tell.
    pub(super) fn ending(&self, id: &JobId, token: &Token) {
        self.with(|held| {
            if let Some(hold) = held.get_mut(id).filter(|hold| hold.token == *token) {
                hold.ending = true;
            }
        });
    }

    /// Whether the lock was still ours, as far as is known.
    pub(super) fn remove(&self, id: &JobId, token: &Token) -> bool {
        self.with(|held| {
            let ours = held.get(id).is_some_and(|hold| hold.token == *token);
            if ours {
                held.remove(id);
            }
            ours
        })
    }

    /// Tells all handlers that they are to stop.
    pub(super) fn cancel_all(&self) {
        self.with(|held| held.values().for_each(|hold| hold.cancel.cancel()));
    }

    /// Those whose lock is older than `age`.
    fn older(&self, age: Duration) -> Vec<(JobId, Token)> {
        self.with(|held| {
            let old = held.iter().filter(|(_, hold)| hold.renewed.elapsed() >= age);
            old.map(|(id, hold)| (id.clone(), hold.token.clone())).collect()
        })
    }

    fn renewed(&self, ids: &[(JobId, Token)], at: Instant) {
        self.with(|held| {
            for (id, token) in ids {
                if let Some(hold) = held.get_mut(id)
                    && hold.token == *token
                {
                    hold.renewed = at;
                }
            }
        });
    }

    /// Gives up a lock that is lost and tells its handler. Whether the job still ran.
    fn lose(&self, id: &JobId, token: &Token) -> bool {
        self.with(|held| {
            if held.get(id).is_none_or(|hold| hold.ending || hold.token != *token) {
                return false;
            }
            held.remove(id).inspect(|hold| hold.cancel.cancel()).is_some()
        })
    }
}

/// Locks that one script renews.
const RENEWALS: usize = 1000;
/// Pause behind a renewal that failed: the link may be back only for moments.
const SOON: Duration = Duration::from_millis(250);

/// Looks at the locks at every quarter of their life and renews those that are as old: each lock
/// is renewed between a quarter and a half of it. What fails is tried again at once when the link is there.
pub(super) async fn renew_locks(shared: Arc<Shared>) {
    let quarter = (shared.calls.options.lock / 4).max(Duration::from_millis(1));
    let mut failing = false;
    loop {
        tokio::time::sleep(if failing { quarter.min(SOON) } else { quarter }).await;
        let old = shared.held.older(quarter);
        let failed_before = std::mem::take(&mut failing);
        for some in old.chunks(RENEWALS) {
            if let Err(error) = renew(&shared, some).await {
                // One report for a row of failures.
                if !failed_before {
                    tracing::warn!(queue = %shared.calls.queue.clean(), %error, "locks not renewed");
                    shared.tell(|| WorkerEvent::Error { id: None, error });
                }
                failing = true;
                break;
            }
        }
    }
}

async fn renew(shared: &Shared, old: &[(JobId, Token)]) -> Result<(), WorkError> {
    let sent = Instant::now();
    let lost = shared.calls.renew(old).await?;
    shared.held.renewed(old, sent);
    for (id, token) in old.iter().filter(|(id, _)| lost.contains(id)) {
        // A job that ended while the renewal was under way has lost nothing.
        if shared.held.lose(id, token) {
            tracing::warn!(queue = %shared.calls.queue.clean(), job = %id.clean(), "lock lost while the job runs");
            shared.tell(|| WorkerEvent::LockLost { id: id.clone() });
        }
    }
    Ok(())
}

/// Looks for jobs of dead workers, at once and then every interval.
pub(super) async fn recover_stalled(shared: Arc<Shared>) {
    let interval = shared.calls.options.stalled_interval.max(Duration::from_millis(1));
    let mut ticks = tokio::time::interval(interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match shared.calls.recover_stalled(None).await {
            Ok(ids) => {
                for id in ids {
                    tracing::warn!(queue = %shared.calls.queue.clean(), job = %id.clean(), "its worker died: ready again");
                    shared.tell(|| WorkerEvent::Stalled { id });
                }
            }
            Err(error) => {
                tracing::warn!(queue = %shared.calls.queue.clean(), %error, "stalled jobs not looked for");
                shared.tell(|| WorkerEvent::Error { id: None, error });
            }
        }
    }
}
