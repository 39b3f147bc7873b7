//! Close looks at a queue: believable ones, and ones that no sane server would give.

use std::time::Instant;

use toril::engine::read::Overview;
use toril::engine::read::workers::Connection;
use toril::monitor::why::{
    Child, ChildState, Clients, Keys, Look, Mistyped, Parent, Running, Sampled, Samples, Server, Sight,
};
use toril::text::Clean;
use toril::wire::era::{Evidence, Waits};
use toril::wire::{Era, JobId, Meta, QueueId, Raw, State};

use super::NOW;
use super::chaos::Chaos;

/// A queue of BullMQ 6 on which nothing is wrong and nothing waits, with an idle worker.
pub fn look(queue: &QueueId, at: i64) -> Look {
    let meta = Meta { version: Some(Raw::new("bullmq:6.7.0")), ..Meta::default() };
    let evidence = Evidence { meta: meta.clone(), id: true, events: true, ..Evidence::default() };
    let overview =
        Overview { meta, last_id: Some(90), completed: 88, evidence: Some(evidence), ..Overview::default() };
    let mut keys = Keys::default();
    (keys.stalled_check_ms, keys.limiter_ms) = (20_000, -2);
    Look {
        queue: queue.clone(),
        at,
        counts: overview.counts(Era::V6),
        overview,
        era: Era::V6,
        era_note: vec![Clean::line("its version is bullmq:6.7.0")],
        keys,
        samples: Samples::default(),
        clients: Clients::Known { workers: vec![worker(true)], listed: Instant::now(), bytes: 900 },
        server: Server { round_trip_ms: Some(0.4), ..Server::default() },
        not_known: Vec::new(),
    }
}

pub fn worker(idle: bool) -> Connection {
    Connection {
        id: 7,
        name: Some(Clean::line("pay-1")),
        address: Clean::line("10.0.0.9:51004"),
        waits: Some(Waits::BzPopMin),
        asks: idle,
        age_s: 3600,
        idle_s: 0,
    }
}

/// Jobs that wait, the next one for so long, ms.
pub fn wait(look: &mut Look, count: u64, ms: i64) {
    look.overview.wait = count;
    look.overview.next = Some(JobId::new("91"));
    look.counts = look.overview.counts(look.era);
    look.samples.waiting.push(Sampled {
        state: State::Waiting,
        id: JobId::new("91"),
        exists: true,
        timestamp: Some(NOW - ms),
        ready_at: Some(NOW - ms),
        due_at: None,
        scheduled: false,
    });
}

/// A job that runs, for so long, ms.
pub fn run(look: &mut Look, id: &str, ms: i64, lock_ms: Option<i64>) {
    look.overview.active += 1;
    look.counts = look.overview.counts(look.era);
    look.samples.running.push(Running {
        id: JobId::new(id),
        name: Some(Clean::line("charge-card")),
        worker: lock_ms.map(|_| Clean::line("pay-1")),
        started_at: Some(NOW - ms),
        lock_ms,
    });
}

impl Chaos {
    pub fn sight(&mut self, queue: &QueueId) -> Sight {
        let mut look = look(queue, NOW + self.below(8_000) as i64);
        look.era = self.pick(&[Era::Bull4, Era::V4, Era::V5, Era::V6, Era::Pro, Era::Unknown]);
        look.overview.wait = self.count() / 4096;
        look.overview.prioritized = self.count() / 4096;
        look.overview.delayed = self.count() / 4096;
        look.overview.meta.paused = self.below(4) == 0;
        look.overview.meta.concurrency = self.maybe(Self::count);
        look.overview.limiter = self.maybe(Self::moment);
        look.overview.next = self.coin().then(|| JobId::new("7"));
        look.counts = look.overview.counts(look.era);
        look.keys.limiter_ms = self.moment();
        look.keys.stalled_check_ms = self.pick(&[-2, -1, 5_000]);
        look.keys.stalled_check_at = self.maybe(Self::moment);
        look.keys.overdue = self.count() / 4096;
        look.keys.first_due_at = self.maybe(Self::moment);
        if self.below(4) == 0 {
            let found = self.clean();
            look.keys.mistyped.push(Mistyped { suffix: "stalled", wants: "set", found, is_job: self.coin() });
        }
        // The same few ids again and again: what stays is accused.
        let ids: Vec<JobId> = (0..3).map(|n| JobId::new(self.texts_at(n))).collect();
        let states = [State::Waiting, State::Prioritized, State::Delayed, State::Paused];
        look.samples.waiting = self.some(9, |chaos| Sampled {
            state: chaos.pick(&states),
            id: chaos.pick(&ids),
            exists: chaos.coin(),
            timestamp: chaos.maybe(Self::moment),
            ready_at: chaos.maybe(Self::moment),
            due_at: chaos.maybe(Self::moment),
            scheduled: chaos.coin(),
        });
        look.samples.running = self.some(9, |chaos| Running {
            id: chaos.pick(&ids),
            name: chaos.maybe(Self::clean),
            worker: chaos.maybe(Self::clean),
            started_at: chaos.maybe(Self::moment),
            lock_ms: chaos.maybe(Self::moment),
        });
        look.samples.parents = self.some(3, |chaos| Parent {
            id: chaos.pick(&ids),
            since: chaos.moment(),
            pending: chaos.count(),
            children: chaos.some(3, |chaos| Child {
                queue: queue.clone(),
                id: chaos.pick(&ids),
                state: match chaos.below(4) {
                    0 => ChildState::Alive,
                    1 => ChildState::Failed,
                    2 => ChildState::Completed,
                    _ => ChildState::Gone,
                },
                reason: chaos.clean(),
            }),
        });
        look.samples.schedulers = self.some(3, Self::standing);
        look.samples.took_ms = self.some(9, Self::moment);
        look.not_known = self.some(3, Self::clean);
        match self.below(3) {
            0 => look.clients = Clients::NotPermitted,
            n => {
                let workers = self.some(3, |chaos| Connection {
                    address: chaos.clean(),
                    name: chaos.maybe(Self::clean),
                    ..worker(chaos.coin())
                });
                look.clients = Clients::Known { workers, listed: Instant::now(), bytes: n };
            }
        }
        Sight::Queue(Box::new(look))
    }
}
