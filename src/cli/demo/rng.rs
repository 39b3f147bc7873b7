//! Chance that repeats: every actor of the demo draws from a seed of its own.

use std::time::Duration;

/// A small generator (splitmix64): good enough for made-up data, and without a crate.
#[derive(Clone, Debug)]
pub(super) struct Rng(u64);

impl Rng {
    /// The same seed and name give the same draws.
    pub(super) fn new(seed: u64, name: &str) -> Self {
        let mixed =
            name.bytes().fold(seed, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        Self(mixed)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// In 0..1.
    pub(super) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// In `low..=high`.
    pub(super) fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.next() % (high.saturating_sub(low) + 1)
    }

    pub(super) fn chance(&mut self, share: f64) -> bool {
        self.unit() < share
    }

    /// One of `choices`, the default of `T` if there are none.
    pub(super) fn pick<'a, T: ?Sized>(&mut self, choices: &[&'a T]) -> Option<&'a T> {
        let at = self.next() as usize % choices.len().max(1);
        choices.get(at).copied()
    }

    /// One of `choices`; empty if there are none.
    pub(super) fn word(&mut self, choices: &[&'static str]) -> &'static str {
        self.pick(choices).unwrap_or("")
    }

    /// The time to the next of events that come `per_second` on average, by chance.
    pub(super) fn gap(&mut self, per_second: f64) -> Duration {
        let seconds = -(1.0 - self.unit()).ln() / per_second.max(1e-6);
        Duration::from_secs_f64(seconds.clamp(0.001, 3600.0))
    }

    /// A random id like a UUID.
    pub(super) fn uuid(&mut self) -> String {
        uuid::Uuid::from_u64_pair(self.next(), self.next()).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_repeat_and_stay_in_bounds() {
        let draw = |name| {
            let mut rng = Rng::new(7, name);
            (0..100).map(|_| rng.between(3, 9)).collect::<Vec<_>>()
        };
        assert_eq!(draw("a"), draw("a"));
        assert_ne!(draw("a"), draw("b"));
        assert!(draw("a").iter().all(|n| (3..=9).contains(n)));
        let mut rng = Rng::new(1, "");
        let mean: f64 = (0..5000).map(|_| rng.gap(10.0).as_secs_f64()).sum::<f64>() / 5000.0;
        assert!((0.08..0.12).contains(&mean), "{mean}");
    }
}
