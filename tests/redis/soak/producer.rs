//! Our producer of the soak: what `tests/node/soak.js` does, with our own queue.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use toril::conn::Conn;
use toril::engine::{AddError, Backoff, Deduplication, FailurePolicy, FlowJob, JobOptions, Keep, Queue};
use toril::wire::JobId;

use crate::engine::ours::queue_id;

/// `SplitMix64`: the same numbers for the same seed.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }

    fn ms(&mut self, n: u64) -> Duration {
        Duration::from_millis(1 + self.below(n))
    }

    fn kind(&mut self) -> JobOptions {
        let mut options = JobOptions::default();
        match self.below(6) {
            0 => options.delay = Some(self.ms(2000)),
            1 => options.priority = 1 + self.below(9) as u32,
            2 => options.lifo = true,
            3 => {
                options.delay = Some(self.ms(500));
                options.priority = 1 + self.below(3) as u32;
            }
            _ => {}
        }
        options
    }

    fn retries(&mut self, options: &mut JobOptions) {
        if self.below(2) == 0 {
            return;
        }
        options.attempts = 1 + self.below(4) as u32;
        options.backoff = match self.below(3) {
            0 => None,
            1 => Some(Backoff::fixed(self.ms(200))),
            _ => Some(Backoff::Exponential { delay: self.ms(80), jitter: 0.5 }),
        };
    }

    fn options(&mut self) -> JobOptions {
        let mut options = self.kind();
        self.retries(&mut options);
        match self.below(12) {
            0 => options.remove_on_complete = Some(Keep::Nothing),
            1 => options.remove_on_fail = Some(Keep::Nothing),
            _ => {}
        }
        options
    }

    /// Up to one more failure than there are attempts; some take long, so that a kill finds them.
    fn data(&mut self, options: &JobOptions) -> Value {
        let fails = if self.below(3) > 0 { 0 } else { self.below(u64::from(options.attempts.max(1)) + 1) };
        let ms = if self.below(40) > 0 { self.below(25) } else { 300 + self.below(900) };
        json!({ "fails": fails, "ms": ms })
    }

    fn job(&mut self) -> (String, Value, JobOptions) {
        let options = self.options();
        ("job".to_owned(), self.data(&options), options)
    }
}

/// Adds jobs of all kinds until `end`; returns the ids that were acknowledged.
pub async fn produce(conn: Conn, name: &str, seed: u64, end: Instant, pause: u64) -> Vec<JobId> {
    let (queue, mut random) = (Queue::new(conn, queue_id(name)), Random::new(seed));
    let mut ids = Vec::new();
    while Instant::now() < end {
        act(&queue, &mut random, &mut ids).await.unwrap();
        tokio::time::sleep(Duration::from_millis(random.below(2 * pause))).await;
    }
    ids
}

async fn act(queue: &Queue, random: &mut Random, ids: &mut Vec<JobId>) -> Result<(), AddError> {
    match random.below(5) {
        0 => {
            let jobs: Vec<_> = (0..2 + random.below(12)).map(|_| random.job()).collect();
            for outcome in queue.add_bulk(jobs).await? {
                ids.push(outcome?.id);
            }
        }
        1 => {
            let (name, data, options) = random.job();
            ids.push(queue.add(name, &data, options).await?.id);
        }
        // Ids that other producers use as well; they stay, so that none can run a second time.
        2 => {
            let (name, data, options) = random.job();
            let id = Some(format!("c-{}", random.below(400)));
            let options = JobOptions { id, remove_on_complete: None, remove_on_fail: None, ..options };
            ids.push(queue.add(name, &data, options).await?.id);
        }
        // Under ids that other producers deduplicate by as well.
        3 => {
            let id = format!("d{}", random.below(6));
            let mut options = JobOptions::default();
            random.retries(&mut options);
            options.deduplication = Some(match random.below(4) {
                0 => Deduplication::simple(id),
                1 => Deduplication::throttle(format!("t{id}"), random.ms(500)),
                2 => Deduplication {
                    extend: true,
                    ..Deduplication::throttle(format!("e{id}"), random.ms(500))
                },
                _ => {
                    options.delay = Some(random.ms(800));
                    let taken = Deduplication::throttle(format!("r{id}"), Duration::from_secs(1));
                    Deduplication { replace: true, ..taken }
                }
            });
            let data = random.data(&options);
            ids.push(queue.add("dedup", &data, options).await?.id);
        }
        _ => {
            let mut options = JobOptions { lifo: false, ..random.kind() };
            random.retries(&mut options);
            let data = random.data(&options);
            let parent = FlowJob::new(queue.id().clone(), "parent", &data).options(options);
            let mut children = Vec::new();
            for _ in 0..=random.below(4) {
                let (name, data, mut options) = random.job();
                options.on_failure = match random.below(3) {
                    0 => FailurePolicy::Ignore,
                    1 => FailurePolicy::Detach,
                    _ => FailurePolicy::FailParent,
                };
                children.push(FlowJob::new(queue.id().clone(), name, &data).options(options));
            }
            let flow = queue.add_flow(parent.children(children)).await.map_err(|error| error.cause)?;
            ids.push(flow.id);
            ids.extend(flow.children.into_iter().map(|child| child.id));
        }
    }
    Ok(())
}
