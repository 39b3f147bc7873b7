//! The bell: a call when jobs die, not more often than is useful.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use crate::text::Clean;
use crate::wire::{JobId, QueueId};

/// Jobs that died since the last call of the alert.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DeadLetterAlert {
    /// The queue they failed in.
    pub queue: QueueId,
    /// Where they are now.
    pub dead_letter: QueueId,
    /// How many; at least 1.
    pub jobs: u64,
    /// The last of them, by the id it had.
    pub id: JobId,
    /// Its id in the dead-letter queue.
    pub dead_id: JobId,
    /// The error of the last one, in the form that may be shown.
    pub reason: Clean,
}

type Call = dyn Fn(DeadLetterAlert) -> BoxFuture<'static, ()> + Send + Sync;

/// What is still to be told.
#[derive(Default)]
struct State {
    /// A call is under way, or was less than the interval ago.
    busy: bool,
    waiting: Option<DeadLetterAlert>,
}

/// A callback with its interval.
#[derive(Clone)]
pub(in crate::engine) struct Alert {
    every: Duration,
    call: Arc<Call>,
    state: Arc<Mutex<State>>,
}

impl Alert {
    pub(super) fn new<A, F>(every: Duration, alert: A) -> Self
    where
        A: Fn(DeadLetterAlert) -> F + Send + Sync + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        Self { every, call: Arc::new(move |told| alert(told).boxed()), state: Arc::default() }
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Tells of jobs, now or with those that follow.
    pub(super) fn tell(&self, died: DeadLetterAlert) {
        let begin = self.with(|state| {
            let before = state.waiting.take().map_or(0, |waiting| waiting.jobs);
            state.waiting = Some(DeadLetterAlert { jobs: died.jobs + before, ..died });
            !std::mem::replace(&mut state.busy, true)
        });
        if begin {
            tokio::spawn(self.clone().run());
        }
    }

    async fn run(self) {
        loop {
            let next = self.with(|state| {
                let next = state.waiting.take();
                state.busy = next.is_some();
                next
            });
            let Some(next) = next else { return };
            // A panic of the caller's must not silence what comes after it.
            let call = async { (self.call)(next).await };
            if AssertUnwindSafe(call).catch_unwind().await.is_err() {
                tracing::warn!("the alert of dead letters panicked");
            }
            tokio::time::sleep(self.every).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Prefix, QueueName};

    fn died(n: u32) -> DeadLetterAlert {
        let queue = |name: &str| QueueId::new(Prefix::default(), QueueName::legacy(name));
        DeadLetterAlert {
            queue: queue("q"),
            dead_letter: queue("dead"),
            jobs: 1,
            id: JobId::new(n.to_string()),
            dead_id: JobId::new("1"),
            reason: Clean::line("boom"),
        }
    }

    #[tokio::test]
    async fn many_deaths_are_few_calls_and_none_is_forgotten() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let told = seen.clone();
        let alert = Alert::new(Duration::from_millis(200), move |alert: DeadLetterAlert| {
            told.lock().unwrap().push((alert.jobs, alert.id.lossless().into_owned()));
            async move { assert_ne!(alert.id.as_bytes(), b"50", "a panic of the callback's") }
        });
        for n in 1..=50 {
            alert.tell(died(n));
            if n == 1 {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        alert.tell(died(51));
        tokio::time::sleep(Duration::from_millis(100)).await;
        let seen = seen.lock().unwrap().clone();
        assert_eq!(seen, [(1, "1".to_owned()), (49, "50".to_owned()), (1, "51".to_owned())]);
    }
}
