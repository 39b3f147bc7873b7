//! What a worker's handles, its driver and its upkeep have in common.

use std::sync::Arc;

use tokio::sync::{broadcast, watch};

use super::WorkerEvent;
use super::calls::{Calls, Ended};
use super::upkeep::Held;
use crate::engine::dead_letter::DeadLetterAlert;
use crate::text::Clean;
use crate::wire::JobId;

/// Events that a slow listener may be behind.
const EVENTS: usize = 1024;

#[derive(Debug)]
pub(super) struct Shared {
    pub calls: Arc<Calls>,
    pub held: Held,
    pub wish: watch::Sender<Wish>,
    pub state: watch::Sender<State>,
    events: broadcast::Sender<WorkerEvent>,
}

/// What the worker is to do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wish {
    pub concurrency: usize,
    pub paused: bool,
    pub closing: Option<Closing>,
}

/// How to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Closing {
    /// When the running jobs have ended.
    Gracefully,
    /// At once; locks are left to expire.
    AtOnce,
}

/// What the worker does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct State {
    /// It has begun.
    pub started: bool,
    /// It takes no jobs and none runs.
    pub at_rest: bool,
    /// It has ended.
    pub ended: bool,
}

impl Shared {
    pub(super) fn new(calls: Calls) -> Self {
        let wish = Wish { concurrency: calls.options.concurrency.max(1), paused: false, closing: None };
        Self {
            calls: Arc::new(calls),
            held: Held::default(),
            wish: watch::Sender::new(wish),
            state: watch::Sender::new(State::default()),
            events: broadcast::Sender::new(EVENTS),
        }
    }

    /// Whether the worker takes no more jobs for good.
    pub(super) fn is_closing(&self) -> bool {
        self.wish.borrow().closing.is_some()
    }

    pub(super) fn events(&self) -> broadcast::Receiver<WorkerEvent> {
        self.events.subscribe()
    }

    /// Tells an event, if anybody listens.
    pub(super) fn tell(&self, event: impl FnOnce() -> WorkerEvent) {
        if self.events.receiver_count() > 0 {
            let _ = self.events.send(event());
        }
    }

    /// Tells what became of a dead job.
    pub(super) fn tell_burial(&self, id: &JobId, ended: Ended, reason: &str) {
        let Some(dead_letter) = &self.calls.options.dead_letter else { return };
        let (origin, queue) = (&self.calls.queue, &dead_letter.queue);
        match ended {
            Ended::Buried(dead_id) => {
                self.tell(|| WorkerEvent::DeadLettered {
                    id: id.clone(),
                    queue: queue.clone(),
                    dead_id: dead_id.clone(),
                });
                dead_letter.tell(DeadLetterAlert {
                    queue: origin.clone(),
                    dead_letter: queue.clone(),
                    jobs: 1,
                    id: id.clone(),
                    dead_id,
                    reason: Clean::line(reason),
                });
            }
            Ended::NotBuried(code) => {
                tracing::warn!(queue = %origin.clean(), dead_letter = %queue.clean(), job = %id.clean(), "not moved: {}", code.sentence());
                self.tell(|| WorkerEvent::NotDeadLettered { id: id.clone(), code });
            }
            Ended::Done | Ended::Before | Ended::NotPending => {}
        }
    }
}
