//! How fast a bulk act goes: what it leaves of Redis to others, and how carefully it begins.

use std::time::Duration;

use tokio::time::Instant;

/// What one script may take before the next chunk is made smaller.
const BUSY: Duration = Duration::from_millis(5);
/// Below this the next chunk is made larger.
const IDLE: Duration = Duration::from_millis(2);
/// The longest chunk.
const MOST: usize = 500;
/// The first chunk: a mistake that is stopped at once has done little.
const FIRST: usize = 50;
/// After a chunk Redis belongs to others for this many times as long: they keep at least 80 %.
const REST: u32 = 4;
/// The pause when Redis answers slowly.
const LONG: Duration = Duration::from_millis(100);
/// The first steps of a canary.
const CANARY: [u64; 2] = [5, 50];

/// How fast a bulk act goes. The default leaves at least 80 % of Redis to others.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Pace {
    /// At most so many jobs a second.
    pub rate: Option<u32>,
    /// 5 jobs first, then 50, then the rest, with a look at how they fare after each step.
    pub canary: bool,
    /// No pauses: for a queue that nobody else needs now.
    pub full_speed: bool,
}

/// Steers the size of chunks and the pauses between them.
#[derive(Debug)]
pub(super) struct Steering {
    pace: Pace,
    size: usize,
    began: Instant,
    done: u64,
}

impl Steering {
    pub(super) fn new(pace: Pace, now: Instant) -> Self {
        Self { pace, size: FIRST, began: now, done: 0 }
    }

    /// How many jobs the next chunk may have.
    pub(super) fn size(&self) -> usize {
        let mut size = self.size;
        if let Some(rate) = self.pace.rate {
            // Ten steps a second, so that a rate is even and not one burst a second.
            size = size.min((rate as usize).div_ceil(10).max(1));
        }
        if let Some(step) = self.step_end() {
            size = size.min(usize::try_from(step - self.done).unwrap_or(size)).max(1);
        }
        size
    }

    /// Where the canary's present step ends, in jobs; `None` beyond the last.
    fn step_end(&self) -> Option<u64> {
        self.pace.canary.then(|| CANARY.into_iter().find(|end| self.done < *end))?
    }

    /// A chunk of `jobs` took Redis `busy`. Returns how long to pause, and whether a step of the
    /// canary is over.
    pub(super) fn took(&mut self, jobs: u64, busy: Duration, now: Instant) -> (Duration, bool) {
        let step = self.step_end();
        self.done += jobs;
        if busy > BUSY {
            self.size = (self.size / 2).max(1);
        } else if busy < IDLE {
            self.size = (self.size * 2).min(MOST);
        }
        let rest = match busy {
            _ if self.pace.full_speed => Duration::ZERO,
            busy if busy > BUSY * 10 => (busy * REST).max(LONG),
            busy => busy * REST,
        };
        let due = self.pace.rate.map_or(Duration::ZERO, |rate| {
            Duration::from_secs_f64(self.done as f64 / f64::from(rate.max(1)))
                .saturating_sub(now.duration_since(self.began))
        });
        (rest.max(due), step.is_some_and(|end| self.done >= end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn chunks_follow_the_time_that_they_take() {
        let now = Instant::now();
        let mut steering = Steering::new(Pace::default(), now);
        assert_eq!(steering.size(), 50);
        assert_eq!(steering.took(50, MS, now).0, MS * 4);
        assert_eq!(steering.size(), 100);
        steering.took(100, MS * 3, now);
        assert_eq!(steering.size(), 100);
        assert_eq!(steering.took(100, MS * 80, now).0, MS * 320);
        assert_eq!(steering.size(), 50);
        let mut flat_out = Steering::new(Pace { full_speed: true, ..Pace::default() }, now);
        assert_eq!(flat_out.took(50, MS * 3, now).0, Duration::ZERO);
    }

    #[test]
    fn a_rate_is_kept_and_even() {
        let began = Instant::now();
        let (mut now, mut done) = (began, 0);
        let mut steering = Steering::new(Pace { rate: Some(50), ..Pace::default() }, now);
        while done < 200 {
            let size = steering.size() as u64;
            assert!(size <= 5);
            done += size;
            now += steering.took(size, MS / 10, now).0;
        }
        let took = now.duration_since(began).as_millis();
        assert!((3900..4100).contains(&took), "{took}");
    }

    #[test]
    fn a_canary_goes_by_steps() {
        let now = Instant::now();
        let mut steering = Steering::new(Pace { canary: true, ..Pace::default() }, now);
        assert_eq!(steering.size(), 5);
        assert!(steering.took(5, Duration::ZERO, now).1);
        assert_eq!(steering.size(), 45);
        assert!(steering.took(45, Duration::ZERO, now).1);
        assert!(!steering.took(200, Duration::ZERO, now).1);
        assert!(steering.size() > 100);
    }
}
