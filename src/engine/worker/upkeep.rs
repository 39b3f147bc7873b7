//! What a worker does beside running jobs: it keeps its locks and looks for jobs of dead workers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior};

use super::calls::Calls;
use crate::wire::{JobId, Token};

/// The jobs that run now, and since when their locks have not been renewed.
#[derive(Debug, Default)]
pub(super) struct Held(Mutex<HashMap<JobId, (Token, Instant)>>);

impl Held {
    fn with<T>(&self, act: impl FnOnce(&mut HashMap<JobId, (Token, Instant)>) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn insert(&self, id: JobId, token: Token) {
        self.with(|held| held.insert(id, (token, Instant::now())));
    }

    pub(super) fn remove(&self, id: &JobId) {
        self.with(|held| held.remove(id));
    }

    /// Those whose lock is older than `age`.
    fn older(&self, age: Duration) -> Vec<(JobId, Token)> {
        self.with(|held| {
            let old = held.iter().filter(|(_, (_, since))| since.elapsed() >= age);
            old.map(|(id, (token, _))| (id.clone(), token.clone())).collect()
        })
    }

    fn renewed(&self, ids: &[(JobId, Token)]) {
        self.with(|held| {
            for (id, token) in ids {
                if let Some((owner, since)) = held.get_mut(id)
                    && owner == token
                {
                    *since = Instant::now();
                }
            }
        });
    }
}

/// Looks at the locks at every quarter of their life and renews those that are as old: each lock
/// is renewed between a quarter and a half of it.
pub(super) async fn renew_locks(calls: Arc<Calls>, held: Arc<Held>) {
    let quarter = (calls.options.lock / 4).max(Duration::from_millis(1));
    let mut ticks = tokio::time::interval_at(Instant::now() + quarter, quarter);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let old = held.older(quarter);
        if old.is_empty() {
            continue;
        }
        match calls.renew(&old).await {
            Ok(lost) => {
                held.renewed(&old);
                for id in lost {
                    tracing::warn!(queue = %calls.queue.clean(), job = %id.clean(), "lock lost while the job runs");
                    held.remove(&id);
                }
            }
            Err(error) => tracing::warn!(queue = %calls.queue.clean(), %error, "locks not renewed"),
        }
    }
}

/// Looks for jobs of dead workers, at once and then every interval.
pub(super) async fn recover_stalled(calls: Arc<Calls>) {
    let interval = calls.options.stalled_interval.max(Duration::from_millis(1));
    let mut ticks = tokio::time::interval(interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match calls.recover_stalled(None).await {
            Ok(ids) => {
                for id in ids {
                    tracing::warn!(queue = %calls.queue.clean(), job = %id.clean(), "its worker died: ready again");
                }
            }
            Err(error) => tracing::warn!(queue = %calls.queue.clean(), %error, "stalled jobs not looked for"),
        }
    }
}
