//! How fast a bulk act goes: what it leaves of Redis to others, and how carefully it begins.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use crate::engine::op::MANY_MAX;

/// What one script is to take: others wait as long at worst, and so often that their slowest percent is
/// about this. The curve that it was chosen from: `benches/bulk/README.md`.
const AIM: Duration = Duration::from_micros(300);
/// The same where nobody else needs the queue now.
const AIM_FULL: Duration = Duration::from_micros(2500);
/// A chunk that took longer halves the next one, whatever it should have taken.
const TOO_LONG: Duration = Duration::from_millis(3);
/// Chunks whose time a job tells what a job takes: of so many the middle one, since the machine may have had
/// something else to do during one of them.
const REMEMBERED: usize = 7;
/// So many jobs it may take all the same, as long as it stays below [`AIM_FEW`]: a script costs as much as ten to
/// twenty jobs before its first one, most where the machine has much else to do and Redis's code and data have left
/// its caches, and then longer waits are nothing new.
const FEW: usize = 40;
/// What one script of that many may take.
const AIM_FEW: Duration = Duration::from_millis(1);
/// The shortest chunk: where so few take long it is not because of their number.
const LEAST: usize = 10;
/// The first chunk: a mistake that is stopped at once has done little.
const FIRST: usize = 50;
/// After a chunk Redis belongs to others for this many times as long: they keep at least 80 %, also where reading
/// the ids is counted, which is not measured.
const REST: f64 = 4.5;
/// Pauses are at least as long: a timer knows nothing shorter. What is too short is added to the next.
const TICK: Duration = Duration::from_millis(1);
/// From here on a chunk was slow for other reasons than its length.
const SLOW: Duration = Duration::from_millis(50);
/// The pause then, at least.
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
    /// How often Redis looks at a job: twice where it is read and saved before.
    turns: u32,
    size: usize,
    /// Seconds a job, of the last chunks.
    costs: VecDeque<f64>,
    began: Instant,
    done: u64,
    /// When the last chunk was over.
    last: Instant,
    /// Rest that Redis has not had yet.
    owed: Duration,
    /// Rest that it had beyond what it was owed.
    ahead: Duration,
}

impl Steering {
    pub(super) fn new(pace: Pace, saving: bool, now: Instant) -> Self {
        let nothing = Duration::ZERO;
        let costs = VecDeque::with_capacity(REMEMBERED);
        Self {
            pace,
            turns: 1 + u32::from(saving),
            size: FIRST,
            costs,
            began: now,
            done: 0,
            last: now,
            owed: nothing,
            ahead: nothing,
        }
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
        self.steer(jobs, busy);
        let rest = if self.pace.full_speed { Duration::ZERO } else { self.rest(jobs, busy, now) };
        self.last = now;
        let due = self.pace.rate.map_or(Duration::ZERO, |rate| {
            Duration::from_secs_f64(self.done as f64 / f64::from(rate.max(1)))
                .saturating_sub(now.duration_since(self.began))
        });
        (rest.max(due), step.is_some_and(|end| self.done >= end))
    }

    /// Makes the next chunk as long as is wanted, going by what a job took of late; at most twice as long, or
    /// half. What others had to wait for too long is halved at once.
    fn steer(&mut self, jobs: u64, busy: Duration) {
        // The last ones of a state, and the first of a canary, tell little.
        if jobs < LEAST as u64 {
            return;
        }
        if self.costs.len() == REMEMBERED {
            self.costs.pop_front();
        }
        self.costs.push_back(busy.as_secs_f64() / jobs as f64);
        let cost = self.cost().max(1e-9);
        let within = |aim: Duration| (aim.as_secs_f64() / cost) as usize;
        let fit =
            if self.pace.full_speed { within(AIM_FULL) } else { within(AIM).max(within(AIM_FEW).min(FEW)) };
        let most = if busy > TOO_LONG { (jobs / 2) as usize } else { self.size * 2 };
        let size = fit.max(self.size / 2).min(most);
        self.size = size.clamp(LEAST, MANY_MAX);
    }

    /// What a job took of late, seconds: the middle one of what is remembered, or the lesser of the last two
    /// where both were dearer, for that is no chance.
    fn cost(&self) -> f64 {
        let mut costs: Vec<f64> = self.costs.iter().copied().collect();
        let lately = costs.iter().rev().take(2).copied().fold(f64::INFINITY, f64::min);
        costs.sort_unstable_by(f64::total_cmp);
        costs.get(costs.len() / 2).map_or(0.0, |middle| middle.max(lately))
    }

    /// What Redis is owed after a chunk. What passed between the last one and this one was rest already,
    /// and a timer that was late gave too much: up to one pause of that counts. Reading a job to save it, which
    /// nobody times, costs Redis about as much as removing it.
    fn rest(&mut self, jobs: u64, busy: Duration, now: Instant) -> Duration {
        let slow = busy > SLOW;
        // What is dearer by far was not Redis at work, but the machine at something else.
        let usual = Duration::from_secs_f64(self.cost() * jobs as f64);
        let busy = if usual.is_zero() { busy } else { busy.min(usual * 3) } * self.turns;
        let had = self.ahead + now.duration_since(self.last).saturating_sub(busy);
        let due = self.owed + busy.mul_f64(REST);
        self.owed = due.saturating_sub(had);
        self.ahead = had.saturating_sub(due).min(busy.mul_f64(REST));
        match self.owed {
            _ if slow => self.owed.max(LONG),
            owed if owed < TICK => Duration::ZERO,
            owed => owed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);
    const US: Duration = Duration::from_micros(1);

    #[test]
    fn chunks_follow_the_time_that_they_take() {
        let now = Instant::now();
        let mut steering = Steering::new(Pace::default(), false, now);
        assert_eq!(steering.size(), 50);
        steering.took(50, US * 150, now);
        assert_eq!(steering.size(), 100);
        steering.took(100, US * 300, now);
        assert_eq!(steering.size(), 100);
        // Once may be chance, twice is not.
        steering.took(100, US * 1200, now);
        assert_eq!(steering.size(), 100);
        steering.took(100, US * 1200, now);
        assert_eq!(steering.size(), 50);
        // A few may take longer, but not for ever so long.
        steering.took(50, US * 800, now);
        steering.took(50, US * 800, now);
        assert_eq!(steering.size(), 40);
        steering.took(40, US * 2000, now);
        steering.took(40, US * 2000, now);
        assert_eq!(steering.size(), 20);
        for _ in 0..9 {
            steering.took(20, MS * 80, now);
        }
        assert_eq!(steering.size(), LEAST);
        // One job that is left takes a moment: that says nothing of many.
        steering.took(1, MS / 100, now);
        assert_eq!(steering.size(), LEAST);
    }

    #[test]
    fn what_took_too_long_is_halved_at_once_and_does_not_last() {
        let now = Instant::now();
        let mut steering = Steering::new(Pace::default(), false, now);
        for _ in 0..5 {
            steering.took(steering.size() as u64, US * 3 * u32::try_from(steering.size()).unwrap(), now);
        }
        assert_eq!(steering.size(), 100);
        steering.took(100, MS * 8, now);
        assert_eq!(steering.size(), 50);
        steering.took(50, US * 150, now);
        assert_eq!(steering.size(), 100);
    }

    #[test]
    fn redis_keeps_four_fifths_of_its_time() {
        let mut now = Instant::now();
        let began = now;
        let mut steering = Steering::new(Pace::default(), false, now);
        let mut busy = Duration::ZERO;
        for turn in 0..1000_u32 {
            // A chunk of half a millisecond, a way of a tenth, a timer that is up to a millisecond late.
            now += MS / 2 + MS / 10;
            busy += MS / 2;
            let pause = steering.took(50, MS / 2, now).0;
            if !pause.is_zero() {
                now += pause + MS * (turn % 10) / 10;
            }
        }
        let share = busy.as_secs_f64() / now.duration_since(began).as_secs_f64();
        assert!((0.173..=0.1825).contains(&share), "{share}");
    }

    #[test]
    fn a_long_wait_is_no_leave_to_hurry() {
        let began = Instant::now();
        let mut steering = Steering::new(Pace::default(), false, began);
        let late = began + MS * 5000;
        assert_eq!(steering.took(50, MS, late).0, Duration::ZERO);
        // One pause was saved up, not a thousand.
        assert_eq!(steering.took(50, MS, late + MS).0, Duration::ZERO);
        assert_eq!(steering.took(50, MS, late + MS * 2).0, US * 4500);
        assert!(steering.took(50, MS * 80, late + MS * 90).0 >= LONG);
        let mut flat_out = Steering::new(Pace { full_speed: true, ..Pace::default() }, false, began);
        assert_eq!(flat_out.took(50, MS * 3, began + MS * 3).0, Duration::ZERO);
    }

    #[test]
    fn a_rate_is_kept_and_even() {
        let began = Instant::now();
        let (mut now, mut done) = (began, 0);
        let mut steering = Steering::new(Pace { rate: Some(50), ..Pace::default() }, false, now);
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
        let mut steering = Steering::new(Pace { canary: true, ..Pace::default() }, false, now);
        assert_eq!(steering.size(), 5);
        assert!(steering.took(5, Duration::ZERO, now).1);
        assert_eq!(steering.size(), 45);
        assert!(steering.took(45, Duration::ZERO, now).1);
        assert!(!steering.took(200, Duration::ZERO, now).1);
        assert!(steering.size() > 100);
    }
}
